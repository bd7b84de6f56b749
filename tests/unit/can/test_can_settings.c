#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

#include "services/can/settings.h"

static char trouble[400];

static void report(const struct bb_problem *problem, void *arg)
{
    (void)arg;
    (void)snprintf(trouble, sizeof trouble, "%s: %s", problem->where, problem->what);
}

/* The configuration of that text, or NULL with the last error in trouble. */
static struct bb_config *load(const char *text)
{
    char path[] = "/tmp/test-can-XXXXXX";
    struct bb_config *config = NULL;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(close(fd), 0);
    trouble[0] = '\0';
    (void)bb_config_load(path, report, NULL, &config);
    assert_int_equal(unlink(path), 0);
    return config;
}

static void test_several_protocols_on_one_interface(void **state)
{
    (void)state;
    struct bb_can_settings settings;
    struct bb_config *config =
        load("[can one]\ninterface = can0\ndriver = jk-can, daly-can, pylontech-can\n"
             "addresses = daly-can:0x02, daly-can:0x10, jk-can:0x03\nnames = a, b, c, d\n"
             "keep_alive = no\ninvert_current = yes\ncontrols = soc\n");
    assert_non_null(config);
    assert_int_equal(bb_can_settings_read(config, "one", &settings, NULL), BB_OK);
    assert_string_equal(settings.interface, "can0");
    assert_int_equal(settings.count, 4);
    assert_string_equal(settings.batteries[0].driver->id, "jk-can");
    assert_int_equal(settings.batteries[0].address, 3);
    assert_int_equal(settings.batteries[2].address, 0x10);
    assert_string_equal(settings.batteries[3].name, "d");
    assert_int_equal(settings.batteries[3].setting_count, 2);
    assert_int_equal(settings.batteries[0].setting_count, 1);
    struct bb_device device;
    bb_can_settings_device(&settings, 2, &device);
    assert_string_equal(device.address, "0x10");
    assert_string_equal(device.connection, "CAN can0 0x10");
    bb_can_settings_device(&settings, 3, &device);
    assert_string_equal(device.address, "");
    bb_config_destroy(&config);
}

static void test_the_shortest_section(void **state)
{
    (void)state;
    struct bb_can_settings settings;
    struct bb_config *config = load("[can can1]\ndriver = daly-can\naddresses = 0x01, 0x02\n");
    assert_non_null(config);
    assert_int_equal(bb_can_settings_read(config, "can1", &settings, NULL), BB_OK);
    assert_string_equal(settings.interface, "can1");
    assert_int_equal(settings.count, 2);
    bb_config_destroy(&config);
    config = load("[can can1]\n");
    assert_non_null(config);
    assert_int_equal(bb_can_settings_read(config, "can1", &settings, NULL), BB_OK);
    assert_true(settings.automatic);
    assert_int_equal(settings.count, 0);
    bb_config_destroy(&config);
}

static void refused(const char *text, const char *because)
{
    assert_null(load(text));
    if (!strstr(trouble, because)) {
        fail_msg("'%s' does not say '%s'", trouble, because);
    }
}

static void test_mistakes_are_named(void **state)
{
    (void)state;
    refused("[can x]\ndriver = daly\n", "none of auto, daly-can");
    refused("[can x]\ndriver = auto, jk-can\n", "auto stands alone");
    refused("[can x]\ndriver = jbd-can, pylontech-can\n", "same identifiers");
    refused("[can x]\ndriver = valence-can\n", "modules_series");
    refused("[can x]\ndriver = daly-can\naddresses = 0x40\n", "0x01 to 0x10");
    refused("[can x]\ndriver = daly-can\naddresses = 0x01, 0x01\n", "given twice");
    refused("[can x]\ndriver = daly-can, jk-can\naddresses = 0x01\n", "of which protocol");
    refused("[can x]\ndriver = daly-can\naddresses = jk-can:0x01\n", "no protocol with addresses");
    refused("[can x]\ndriver = jbd-can\naddresses = 0x01\n", "of which protocol");
    refused("[can x]\ndriver = daly-can\ncontrols = power\n", "none of charge_fet");
    refused("[can x]\ninterface = averyveryverylongname\n", "longer than 15");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_several_protocols_on_one_interface),
        cmocka_unit_test(test_the_shortest_section),
        cmocka_unit_test(test_mistakes_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
