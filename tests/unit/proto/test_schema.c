#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/message/message.h"

static void test_a_new_battery_is_empty(void **state)
{
    (void)state;
    struct bb_battery battery = {0};
    assert_true(bb_schema_is_empty(&bb_battery_schema, &battery));
    battery.protection.low_soc = bb_integer(0);
    assert_false(bb_schema_is_empty(&bb_battery_schema, &battery));
}

static void test_refuses_values_outside_their_range(void **state)
{
    (void)state;
    struct bb_problem problem;
    struct bb_battery battery = {.soc = bb_real(100)};
    assert_int_equal(bb_battery_check(&battery, NULL), BB_OK);
    battery.soc = bb_real(100.001);
    assert_int_equal(bb_battery_check(&battery, &problem), BB_ERR_RANGE);
    assert_string_equal(problem.where, "soc");
    battery.soc = bb_real(NAN);
    assert_int_equal(bb_battery_check(&battery, &problem), BB_ERR_RANGE);
    battery.soc = bb_real(-INFINITY);
    assert_int_equal(bb_battery_check(&battery, &problem), BB_ERR_RANGE);
}

static void test_names_the_cell_that_is_wrong(void **state)
{
    (void)state;
    struct bb_problem problem;
    struct bb_battery battery = {.cells_count = 4};
    battery.cells[3].voltage = bb_real(65.535);
    assert_int_equal(bb_battery_check(&battery, &problem), BB_ERR_RANGE);
    assert_string_equal(problem.where, "cells[3].voltage");
}

static void test_cells_match_their_count(void **state)
{
    (void)state;
    struct bb_problem problem;
    struct bb_battery battery = {.cells_count = 4, .cell_count = bb_integer(4)};
    assert_int_equal(bb_battery_check(&battery, &problem), BB_OK);
    battery.cell_count = bb_integer(5);
    assert_int_equal(bb_battery_check(&battery, &problem), BB_ERR_RANGE);
    battery.cells_count = BB_CELLS_MAX + 1;
    assert_int_equal(bb_battery_check(&battery, &problem), BB_ERR_OVERSIZE);
}

static void test_refuses_text_that_is_not_utf8(void **state)
{
    (void)state;
    struct bb_battery battery = {.serial_number = "caf\xc3\xa9"};
    assert_int_equal(bb_battery_check(&battery, NULL), BB_OK);
    static const char *const wrong[] = {"\xff", "\xc3", "\xc0\xaf", "\xed\xa0\x80",
                                        "\xf5\x80\x80\x80"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        (void)snprintf(battery.serial_number, sizeof battery.serial_number, "%s", wrong[i]);
        assert_int_equal(bb_battery_check(&battery, NULL), BB_ERR_MALFORMED);
    }
    memset(battery.serial_number, 'x', sizeof battery.serial_number);
    assert_int_equal(bb_battery_check(&battery, NULL), BB_ERR_OVERSIZE);
}

static void test_equality_is_by_meaningful_digits(void **state)
{
    (void)state;
    struct bb_battery a = {.voltage = bb_real(52.8001), .cells_count = 1};
    struct bb_battery b = {.voltage = bb_real(52.8), .cells_count = 1};
    assert_true(bb_schema_equal(&bb_battery_schema, &a, &b));
    b.voltage = bb_real(52.802);
    assert_false(bb_schema_equal(&bb_battery_schema, &a, &b));
    b = a;
    b.cells[0].balance = bb_flag(false);
    assert_false(bb_schema_equal(&bb_battery_schema, &a, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_battery_is_empty),
        cmocka_unit_test(test_refuses_values_outside_their_range),
        cmocka_unit_test(test_names_the_cell_that_is_wrong),
        cmocka_unit_test(test_cells_match_their_count),
        cmocka_unit_test(test_refuses_text_that_is_not_utf8),
        cmocka_unit_test(test_equality_is_by_meaningful_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
