#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "services/mqtt/settings.h"

struct fixture {
    char folder[32];
    char config_path[64], password_path[64];
    struct bb_config *config;
    int complaints;
    struct bb_problem complaint;
};

static int setup(void **state)
{
    static const struct fixture fresh = {.folder = "/tmp/busbar-test-XXXXXX"};
    struct fixture *fixture = malloc(sizeof *fixture);
    assert_non_null(fixture);
    *fixture = fresh;
    assert_non_null(mkdtemp(fixture->folder));
    (void)snprintf(fixture->config_path, sizeof fixture->config_path, "%s/conf", fixture->folder);
    (void)snprintf(fixture->password_path, sizeof fixture->password_path, "%s/pw", fixture->folder);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    bb_config_destroy(&fixture->config);
    (void)unlink(fixture->config_path);
    (void)unlink(fixture->password_path);
    assert_int_equal(rmdir(fixture->folder), 0);
    free(fixture);
    return 0;
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_true(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void complain(const struct bb_problem *problem, void *arg)
{
    struct fixture *fixture = arg;
    fixture->complaints++;
    fixture->complaint = *problem;
}

static int load(struct fixture *fixture, const char *options)
{
    char text[512];
    (void)snprintf(text, sizeof text, "[mqtt]\n%s\n", options);
    write_file(fixture->config_path, text);
    bb_config_destroy(&fixture->config);
    return bb_config_load(fixture->config_path, complain, fixture, &fixture->config);
}

static int read_settings(struct fixture *fixture, const char *options,
                         struct bb_mqtt_settings *settings, struct bb_problem *problem)
{
    assert_int_equal(load(fixture, options), BB_OK);
    return bb_mqtt_settings_read(fixture->config, "My House", settings, problem);
}

static void test_defaults(void **state)
{
    struct fixture *fixture = *state;
    struct bb_mqtt_settings settings;
    assert_int_equal(read_settings(fixture, "", &settings, NULL), BB_OK);
    assert_string_equal(settings.host, "127.0.0.1");
    assert_int_equal(settings.port, 1883);
    assert_string_equal(settings.base, "busbar");
    assert_string_equal(settings.client_id, "busbar-my-house-busbar");
    assert_string_equal(settings.username, "");
    assert_string_equal(settings.password, "");
    assert_int_equal(settings.keepalive_s, 30);
    assert_int_equal(settings.min_interval_ms, 1000);
    assert_int_equal(settings.max_interval_ms, 5000);
    assert_false(settings.tls || settings.tls_insecure || settings.retain_state);
}

static void test_everything_set(void **state)
{
    struct fixture *fixture = *state;
    struct bb_mqtt_settings settings;
    assert_int_equal(read_settings(fixture,
                                   "host = broker.lan\nport = 1234\nbase = home/power\n"
                                   "username = u\npassword = p w\nclient_id = me\n"
                                   "min_interval = 0.25\nmax_interval = 60\nkeepalive = 10\n"
                                   "retain_state = yes\ntls = yes\ntls_ca_file = ca\n"
                                   "tls_cert_file = c\ntls_key_file = k\ntls_insecure = yes",
                                   &settings, NULL),
                     BB_OK);
    assert_string_equal(settings.host, "broker.lan");
    assert_int_equal(settings.port, 1234);
    assert_string_equal(settings.base, "home/power");
    assert_string_equal(settings.username, "u");
    assert_string_equal(settings.password, "p w");
    assert_string_equal(settings.client_id, "me");
    assert_int_equal(settings.min_interval_ms, 250);
    assert_int_equal(settings.max_interval_ms, 60000);
    assert_int_equal(settings.keepalive_s, 10);
    assert_true(settings.retain_state && settings.tls && settings.tls_insecure);
    assert_string_equal(settings.tls_ca_file, "ca");
    assert_string_equal(settings.tls_cert_file, "c");
    assert_string_equal(settings.tls_key_file, "k");
}

static void test_port_follows_tls(void **state)
{
    struct fixture *fixture = *state;
    struct bb_mqtt_settings settings;
    assert_int_equal(read_settings(fixture, "tls = yes", &settings, NULL), BB_OK);
    assert_int_equal(settings.port, 8883);
}

static int with_password_file(struct fixture *fixture, const char *content,
                              struct bb_mqtt_settings *settings, struct bb_problem *problem)
{
    write_file(fixture->password_path, content);
    char options[256];
    (void)snprintf(options, sizeof options, "username = u\npassword_file = %s",
                   fixture->password_path);
    return read_settings(fixture, options, settings, problem);
}

static void test_password_file(void **state)
{
    struct fixture *fixture = *state;
    struct bb_mqtt_settings settings;
    assert_int_equal(with_password_file(fixture, "s3cret word\r\nsecond line\n", &settings, NULL),
                     BB_OK);
    assert_string_equal(settings.password, "s3cret word");
    assert_int_equal(with_password_file(fixture, "bare", &settings, NULL), BB_OK);
    assert_string_equal(settings.password, "bare");
}

static void test_bad_password_files(void **state)
{
    struct fixture *fixture = *state;
    struct bb_mqtt_settings settings;
    struct bb_problem problem;
    char longest[BB_MQTT_PASSWORD_MAX + 8];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    const char *const contents[] = {"", "\n", "\nsecret", longest};
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
        assert_int_equal(with_password_file(fixture, contents[i], &settings, &problem),
                         BB_ERR_CONFIG);
        assert_string_equal(problem.where, "password_file");
        assert_null(strstr(problem.what, "xxx"));
    }
    assert_int_equal(
        read_settings(fixture, "username = u\npassword_file = /nowhere/pw", &settings, &problem),
        BB_ERR_CONFIG);
    assert_string_equal(problem.what, "/nowhere/pw: No such file or directory");
}

static void test_options_that_contradict(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *options, *names;
    } mistakes[] = {
        {"username = u\npassword = p\npassword_file = f", "password_file"},
        {"password = p", "username"},
        {"tls = yes\ntls_cert_file = c", "tls_cert_file"},
        {"tls_ca_file = ca", "tls"},
        {"min_interval = 10", "min_interval"},
        {"base = a/#", "base"},
        {"base = /a", "base"},
        {"base = a/", "base"},
        {"base = +", "base"},
        {"base = 12345678901234567890123456789012345678901234567890123456789012345", "base"},
    };
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        fixture->complaints = 0;
        assert_int_equal(load(fixture, mistakes[i].options), BB_ERR_CONFIG);
        assert_int_equal(fixture->complaints, 1);
        assert_non_null(strstr(fixture->complaint.where, mistakes[i].names));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_defaults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_everything_set, setup, teardown),
        cmocka_unit_test_setup_teardown(test_port_follows_tls, setup, teardown),
        cmocka_unit_test_setup_teardown(test_password_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_password_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_options_that_contradict, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
