/* The [serial NAME] section: what is refused, and what the reader makes of it. */
#include "services/serial/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/reader/control.h"

static void keep_first(const struct bb_problem *problem, void *arg)
{
    struct bb_problem *first = arg;
    if (!*first->what) {
        *first = *problem;
    }
}

static int load(const char *options, struct bb_config **ret_config, struct bb_problem *problem)
{
    char path[] = "/tmp/bbsetXXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    assert_non_null(file);
    assert_true(fprintf(file, "[serial rack]\n%s", options) > 0);
    assert_int_equal(fclose(file), 0);
    memset(problem, 0, sizeof *problem);
    int error = bb_config_load(path, keep_first, problem, ret_config);
    assert_int_equal(unlink(path), 0);
    return error;
}

/* The settings of a section that must be accepted; the caller destroys *ret_config. */
static struct bb_serial_settings accepted(const char *options, struct bb_config **ret_config)
{
    struct bb_serial_settings settings;
    struct bb_problem problem;
    if (load(options, ret_config, &problem) != BB_OK) {
        fail_msg("%s: %s", problem.where, problem.what);
    }
    if (bb_serial_settings_read(*ret_config, "rack", "/run/busbar", &settings, &problem) != BB_OK) {
        fail_msg("%s: %s", problem.where, problem.what);
    }
    return settings;
}

static void refused(const char *options, const char *option, const char *what)
{
    struct bb_config *config = NULL;
    struct bb_problem problem;
    assert_int_equal(load(options, &config, &problem), BB_ERR_CONFIG);
    if (!strstr(problem.where, option) || !strstr(problem.what, what)) {
        fail_msg("said \"%s: %s\"", problem.where, problem.what);
    }
}

static void defaults_are_the_drivers(void **state)
{
    (void)state;
    struct bb_config *config = NULL;
    struct bb_serial_settings settings = accepted("device = /dev/ttyUSB7\ndriver = jbd\n", &config);
    const struct bb_transport *transport = bb_driver_transport(settings.driver, BB_MEDIUM_SERIAL);
    assert_string_equal(settings.driver->id, "jbd");
    assert_string_equal(settings.device, "/dev/ttyUSB7");
    assert_int_equal(settings.bit_rate, transport->bit_rate);
    assert_int_equal(settings.period_ms, transport->period_ms);
    assert_int_equal(settings.count, 1);
    assert_int_equal(settings.addresses[0], transport->address_default);
    assert_int_equal(settings.controls, 0);
    assert_int_equal(settings.driver_setting_count, 0);
    assert_int_equal(settings.raw_log, BB_RAW_LOG_FAULT);
    struct bb_device device;
    bb_serial_settings_device(&settings, 0, &device);
    assert_string_equal(device.driver, "jbd");
    assert_string_equal(device.connection, "Serial /dev/ttyUSB7");
    assert_string_equal(device.port, "ttyUSB7");
    assert_string_equal(device.address, "");
    bb_config_destroy(&config);
}

static void everything_can_be_set(void **state)
{
    (void)state;
    struct bb_config *config = NULL;
    struct bb_serial_settings settings = accepted(
        "device = sim-rack\ndriver = daly\naddresses = 0x40, 65\nnames = Left, Right pack\n"
        "baud = 19200\npoll_interval = 0\ninvert_current = auto\n"
        "controls = charge_fet, soc\nraw_log = always\n",
        &config);
    assert_string_equal(settings.device, "/run/busbar/sim-rack");
    assert_int_equal(settings.bit_rate, 19200);
    assert_int_equal(settings.period_ms, 0);
    assert_int_equal(settings.count, 2);
    assert_int_equal(settings.addresses[1], 0x41);
    assert_int_equal(settings.driver_setting_count, 1);
    assert_string_equal(settings.driver_settings[0].name, "invert_current");
    assert_string_equal(settings.driver_settings[0].value, "auto");
    assert_int_equal(settings.controls, 1U << (unsigned)bb_control_verb("charge_fet") |
                                            1U << (unsigned)bb_control_verb("soc"));
    assert_int_equal(settings.raw_log, BB_RAW_LOG_ALWAYS);
    struct bb_device device;
    bb_serial_settings_device(&settings, 1, &device);
    assert_string_equal(device.connection, "Serial /run/busbar/sim-rack__0x41");
    assert_string_equal(device.port, "sim-rack");
    assert_string_equal(device.address, "0x41");
    assert_string_equal(device.name, "Right pack");
    bb_config_destroy(&config);
}

static void mistakes_are_named(void **state)
{
    (void)state;
    refused("driver = jbd\n", "device", "not set");
    refused("device = x\n", "driver", "jbd, daly or jk-pb");
    refused("device = x\ndriver = jdb\n", "driver", "none of");
    refused("device = x\ndriver = jbd\naddresses = 1\n", "addresses", "one battery on each port");
    refused("device = x\ndriver = jk-pb\naddresses = 0x00\n", "addresses", "0x01 to 0x0f");
    refused("device = x\ndriver = daly\naddresses = 0x50\n", "addresses", "0x40 to 0x4f");
    refused("device = x\ndriver = daly\naddresses = 0x40, 64\n", "addresses", "given twice");
    refused("device = x\ndriver = daly\naddresses = 0x40\nnames = a, b\n", "names", "'b'");
    refused("device = x\ndriver = jbd\nnames = "
            "012345678901234567890123456789012345678901234567\n",
            "names", "longer");
    refused("device = x\ndriver = jbd\ncontrols = charge_fet, fly\n", "controls", "'fly'");
    refused("device = x\ndriver = jbd\nbaud = 5\n", "baud", "within");
    refused("device = x\ndriver = jbd\npoll_interval = 60000\n", "poll_interval", "within");
}

static void long_and_odd_paths_fit_messages(void **state)
{
    (void)state;
    struct bb_config *config = NULL;
    struct bb_serial_settings settings = accepted(
        "device = /dev/serial/by-id/usb-Silicon_Labs_CP2102N_USB_to_UART_Bridge_Controller_"
        "\303\2440123456789abcdef0123456789abcdef-if00-port0\ndriver = jk-pb\naddresses = 1, 2\n",
        &config);
    struct bb_battery battery = {0};
    bb_serial_settings_device(&settings, 1, &battery.device);
    assert_int_equal(bb_battery_check(&battery, NULL), BB_OK);
    const char *end = strstr(battery.device.connection, "__0x02");
    assert_non_null(end); /* the address survives the cut */
    assert_string_equal(end, "__0x02");
    bb_config_destroy(&config);
}

/* The configuration knows drivers and address ranges without linking them: they must agree. */
static void the_options_know_every_serial_driver(void **state)
{
    (void)state;
    const struct bb_driver *driver;
    for (size_t i = 0; (driver = bb_driver_at(i)) != NULL; i++) {
        const struct bb_transport *transport = bb_driver_transport(driver, BB_MEDIUM_SERIAL);
        char options[128];
        if (!transport) {
            continue;
        }
        struct bb_config *config = NULL;
        (void)snprintf(options, sizeof options, "device = x\ndriver = %s\n", driver->id);
        struct bb_serial_settings settings = accepted(options, &config);
        assert_ptr_equal(settings.driver, driver);
        bb_config_destroy(&config);
        for (int address = 0; address <= 255; address++) {
            struct bb_problem problem;
            (void)snprintf(options, sizeof options, "device = x\ndriver = %s\naddresses = %d\n",
                           driver->id, address);
            bool fits = transport->address_last > 0 && address >= transport->address_first &&
                        address <= transport->address_last;
            if ((load(options, &config, &problem) == BB_OK) != fits) {
                fail_msg("%s 0x%02x: configuration and driver disagree", driver->id,
                         (unsigned)address);
            }
            if (fits) {
                bb_config_destroy(&config);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_the_drivers),
        cmocka_unit_test(everything_can_be_set),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(long_and_odd_paths_fit_messages),
        cmocka_unit_test(the_options_know_every_serial_driver),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
