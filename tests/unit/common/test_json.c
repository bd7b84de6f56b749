#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/json.h"

static int read_battery(const char *text, struct bb_battery *ret_battery,
                        struct bb_problem *problem)
{
    json_error_t error;
    json_t *json = json_loads(text, 0, &error);
    assert_non_null(json);
    int result = bb_json_to(&bb_battery_schema, json, ret_battery, problem);
    json_decref(json);
    return result;
}

static void test_writes_present_fields_rounded(void **state)
{
    (void)state;
    struct bb_battery battery = {.voltage = bb_real(52.80049),
                                 .current = bb_real(-0.0001),
                                 .charge_fet = bb_flag(false),
                                 .serial_number = "SN1",
                                 .cells_count = 1};
    battery.cells[0].voltage = bb_real(3.3);
    json_t *json = bb_json_from(&bb_battery_schema, &battery);
    char *text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(10));
    assert_string_equal(text, "{\"serial_number\":\"SN1\",\"voltage\":52.8,\"current\":0.0,"
                              "\"charge_fet\":false,\"cells\":[{\"voltage\":3.3}]}");
    free(text);
    json_decref(json);
}

static void test_reads_back_what_it_wrote(void **state)
{
    (void)state;
    struct bb_battery battery = {.voltage = bb_real(52.8), .cells_count = 2};
    battery.cells[1].balance = bb_flag(true);
    battery.history.charge_cycles = bb_integer(120);
    battery.protection.low_soc = bb_integer(2);
    json_t *json = bb_json_from(&bb_battery_schema, &battery);
    struct bb_battery read;
    assert_int_equal(bb_json_to(&bb_battery_schema, json, &read, NULL), BB_OK);
    assert_true(bb_schema_equal(&bb_battery_schema, &battery, &read));
    json_decref(json);
}

static void test_refuses_whole_and_names_the_field(void **state)
{
    (void)state;
    static const struct {
        const char *text, *where;
    } cases[] = {
        {"{\"voltage\": \"13.2\"}", "voltage"},
        {"{\"charge_fet\": 1}", "charge_fet"},
        {"{\"cell_count\": 4.5}", "cell_count"},
        {"{\"soc\": 101}", "soc"},
        {"{\"cells\": [{\"voltage\": 3.3}, {\"voltage\": true}]}", "cells[1].voltage"},
        {"{\"cells\": [3.3]}", "cells"},
        {"{\"protection\": {\"low_soc\": 3}}", "protection.low_soc"},
        {"{\"serial_number\": 7}", "serial_number"},
    };
    struct bb_battery before;
    memset(&before, 0x5a, sizeof before);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bb_battery battery = before;
        struct bb_problem problem;
        assert_true(read_battery(cases[i].text, &battery, &problem) < 0);
        assert_string_equal(problem.where, cases[i].where);
        assert_memory_equal(&battery, &before, sizeof battery);
    }
}

static void test_unknown_keys_are_ignored(void **state)
{
    (void)state;
    struct bb_battery battery;
    assert_int_equal(read_battery("{\"later\": [1], \"soc\": 50}", &battery, NULL), BB_OK);
    assert_true(battery.soc.present);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writes_present_fields_rounded),
        cmocka_unit_test(test_reads_back_what_it_wrote),
        cmocka_unit_test(test_refuses_whole_and_names_the_field),
        cmocka_unit_test(test_unknown_keys_are_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
