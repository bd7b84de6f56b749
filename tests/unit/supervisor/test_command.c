#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "supervisor/command.h"
#include "tests/unit/supervisor/scratch.h"

static int make(const char *battery, const char *verb, const char *value,
                struct bb_message *ret_message)
{
    struct bb_problem problem = {0};
    int error = bb_command_make(battery, verb, value, "17-4", ret_message, &problem);
    assert_int_equal(error == BB_OK, problem.what[0] == '\0');
    return error;
}

static void test_fills_the_message(void **state)
{
    (void)state;
    struct bb_message message;
    assert_int_equal(make("rack-0x01", "charge_fet", "off", &message), BB_OK);
    assert_string_equal(message.topic, "command/rack-0x01");
    assert_int_equal(message.topic_class, BB_TOPIC_COMMAND);
    assert_string_equal(message.body.command.verb, "charge_fet");
    assert_string_equal(message.body.command.correlation, "17-4");
    assert_true(message.body.command.value.present);
    assert_float_equal(message.body.command.value.value, 0.0, 0.0);
}

static void test_values(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
    } cases[] = {{"on", 1}, {"yes", 1}, {"true", 1}, {"no", 0}, {"55.5", 55.5}, {"-3", -3}};
    struct bb_message message;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(make("b", "soc", cases[i].text, &message), BB_OK);
        assert_float_equal(message.body.command.value.value, cases[i].value, 1e-9);
    }
    assert_int_equal(make("b", "soc", NULL, &message), BB_OK);
    assert_false(message.body.command.value.present);
}

static void test_refuses_what_no_battery_could_mean(void **state)
{
    (void)state;
    static const struct {
        const char *battery, *verb, *value;
    } cases[] = {
        {"", "soc", "1"},
        {"a b", "soc", "1"},
        {"b", "", "1"},
        {"b", "soc", "much"},
        {"b", "soc", "nan"},
        {"b", "soc", "inf"},
        {"b", "soc", "1e10"},
        {"b", "soc", "5 %"},
        {"b", "soc", ""},
        {"b", "\xff", "1"},
        {"b", "a-verb-of-more-than-thirty-one-bytes", "1"},
    };
    struct bb_message message = {.topic = "untouched"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(make(cases[i].battery, cases[i].verb, cases[i].value, &message) < 0);
        assert_string_equal(message.topic, "untouched");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fills_the_message),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_refuses_what_no_battery_could_mean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
