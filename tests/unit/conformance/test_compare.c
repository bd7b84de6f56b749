#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/conformance/compare.h"

static struct bb_battery sample(void)
{
    struct bb_battery battery = {.voltage = bb_real(53.2),
                                 .soc = bb_real(71),
                                 .charge_fet = bb_flag(true),
                                 .cell_count = bb_integer(2),
                                 .cells_count = 2};
    battery.cells[0].voltage = bb_real(3.301);
    battery.cells[1].voltage = bb_real(3.302);
    battery.cells[1].balance = bb_flag(true);
    battery.protection.low_voltage = bb_integer(1);
    (void)snprintf(battery.serial_number, sizeof battery.serial_number, "S1");
    return battery;
}

static void keep_field(void *arg, const char *field, const char *expected, const char *got)
{
    (void)snprintf(arg, 200, "%s %s %s", field, expected, got);
}

/* The differences of the sample to what is expected; the last one in ret_text. */
static size_t differences(const char *expect, const char *tolerance, char ret_text[200])
{
    struct bb_battery battery = sample();
    json_t *expected = json_loads(expect, 0, NULL);
    json_t *allowed = tolerance ? json_loads(tolerance, 0, NULL) : NULL;
    assert_non_null(expected);
    ret_text[0] = '\0';
    size_t count = bb_compare_expected(expected, allowed, &battery, keep_field, ret_text);
    json_decref(expected);
    json_decref(allowed);
    return count;
}

static void equal_states_do_not_differ(void **state)
{
    (void)state;
    char text[200];
    assert_int_equal(
        differences("{\"voltage\": 53.2, \"soc\": 71, \"charge_fet\": true, \"serial_number\": "
                    "\"S1\", \"current\": null, \"cells\": [{\"voltage\": 3.301, \"balance\": "
                    "null}, {\"balance\": true}], \"protection\": {\"low_voltage\": 1}}",
                    NULL, text),
        0);
}

static void names_what_differs(void **state)
{
    (void)state;
    static const struct {
        const char *expect, *text;
    } cases[] = {
        {"{\"voltage\": 53.3}", "voltage 53.299999999999997 53.200000000000003"},
        {"{\"current\": 1}", "current 1 nothing"},
        {"{\"soc\": null}", "soc null 71.0"},
        {"{\"charge_fet\": false}", "charge_fet false true"},
        {"{\"serial_number\": \"S2\"}", "serial_number \"S2\" \"S1\""},
        {"{\"protection\": {\"low_voltage\": 2}}", "protection.low_voltage 2 1"},
        {"{\"cells\": [{}, {\"balance\": false}]}", "cells[1].balance false true"},
        {"{\"history\": {\"charge_cycles\": 3}}", "history.charge_cycles 3 nothing"},
        {"{\"no_such_field\": 1}", "no_such_field 1 nothing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[200];
        assert_int_equal(differences(cases[i].expect, NULL, text), 1);
        assert_string_equal(text, cases[i].text);
    }
    char text[200];
    assert_int_equal(differences("{\"cells\": [{}]}", NULL, text), 1);
    assert_int_equal(differences("{\"voltage\": 1, \"soc\": 1}", NULL, text), 2);
}

static void allows_the_tolerance_and_nothing_more(void **state)
{
    (void)state;
    char text[200];
    assert_int_equal(differences("{\"voltage\": 53.21}", "{\"voltage\": 0.01}", text), 0);
    assert_int_equal(differences("{\"voltage\": 53.22}", "{\"voltage\": 0.01}", text), 1);
    assert_int_equal(differences("{\"soc\": 71.01}", "{\"voltage\": 0.01}", text), 1);
    assert_int_equal(differences("{\"cells\": [{\"voltage\": 3.3}]}", "{\"cells\": 0.1}", text),
                     1); /* two cells */
    assert_int_equal(differences("{\"cells\": [{\"voltage\": 3.3}, {\"voltage\": 3.3}]}",
                                 "{\"cells\": 0.01}", text),
                     0);
    /* digits that the field does not carry do not count */
    assert_int_equal(differences("{\"soc\": 71.0004}", NULL, text), 0);
}

static void a_part_holds_nothing_else(void **state)
{
    (void)state;
    struct bb_battery whole = sample();
    struct bb_battery part = sample();
    assert_true(bb_compare_is_part(&part, &whole));
    part.soc.present = false;
    part.cells_count = 0;
    part.protection.low_voltage.present = false;
    part.serial_number[0] = '\0';
    assert_true(bb_compare_is_part(&part, &whole));
    assert_false(bb_compare_is_part(&whole, &part));
    part = sample();
    part.cells[1].balance.value = false;
    assert_false(bb_compare_is_part(&part, &whole));
    part = sample();
    part.protection.low_voltage.value = 0;
    assert_false(bb_compare_is_part(&part, &whole));
    part = sample();
    part.current = bb_real(0);
    assert_false(bb_compare_is_part(&part, &whole));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_states_do_not_differ),
        cmocka_unit_test(names_what_differs),
        cmocka_unit_test(allows_the_tolerance_and_nothing_more),
        cmocka_unit_test(a_part_holds_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
