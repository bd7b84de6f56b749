#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "can_dialogue.h"
#include "proto/bms/drivers.h"

#define NEAR(real, expected) assert_float_equal((real).value, (expected), 0.001)

static struct dialogue dialogue;

static struct bb_battery state_after(const char *frames)
{
    int64_t time_ms = 0;
    can_begin(&dialogue, &bb_driver_pylontech_can, 0, NULL);
    can_hears(&dialogue, frames);
    assert_int_equal(can_states(&dialogue), 1);
    return dialogue_battery(&dialogue, &time_ms);
}

static void test_ten_modules(void **state)
{
    (void)state;
    struct bb_battery battery =
        state_after("351#1402740E740ECC01 355#1A006400 356#021300004A01 359#000000000A504E "
                    "35C#C000 35E#50594C4F4E202020 +400");
    NEAR(battery.max_battery_voltage_bms, 53.2);
    NEAR(battery.max_battery_charge_current, 370);
    NEAR(battery.max_battery_discharge_current, 370);
    NEAR(battery.min_battery_voltage_bms, 46);
    NEAR(battery.soc, 26);
    NEAR(battery.soh, 100);
    NEAR(battery.voltage, 48.66);
    NEAR(battery.current, 0);
    NEAR(battery.temperature_1, 33);
    assert_true(battery.charge_fet.value && battery.discharge_fet.value);
    assert_string_equal(battery.hardware_version, "PYLON");
    assert_true(battery.protection.internal_failure.present);
    assert_int_equal(battery.protection.internal_failure.value, 0);
    assert_false(battery.protection.high_cell_voltage.present);
}

static void test_short_frames_and_warnings(void **state)
{
    (void)state;
    struct bb_battery battery =
        state_after("351#4002FA000CFE 355#61006300 356#A215F500F6FF 359#00000A0101504E 35C#C8 "
                    "35E#5059544553 +400");
    NEAR(battery.max_battery_discharge_current, 50); /* some send it negative */
    NEAR(battery.temperature_1, -1);
    assert_false(battery.min_battery_voltage_bms.present);
    assert_int_equal(battery.protection.high_temperature.value, 1);
    assert_int_equal(battery.protection.high_voltage.value, 1);
    assert_int_equal(battery.protection.high_charge_current.value, 1);
    assert_string_equal(battery.hardware_version, "PYTES");
}

static void test_alarms_beat_warnings(void **state)
{
    (void)state;
    struct bb_battery battery = state_after("351#4002FA00F401 355#61006300 356#A215F5003E01 "
                                            "359#96099609 35C#00 +400");
    assert_int_equal(battery.protection.high_voltage.value, 2);
    assert_int_equal(battery.protection.low_voltage.value, 2);
    assert_int_equal(battery.protection.low_temperature.value, 2);
    assert_int_equal(battery.protection.high_discharge_current.value, 2);
    assert_int_equal(battery.protection.high_temperature.value, 0);
    assert_int_equal(battery.protection.internal_failure.value, 2);
    NEAR(battery.max_battery_charge_current, 0);
    NEAR(battery.max_battery_discharge_current, 0);
}

static void test_keeps_the_battery_awake(void **state)
{
    (void)state;
    can_begin(&dialogue, &bb_driver_pylontech_can, 0, NULL);
    assert_string_equal(can_sends(&dialogue), "305#0000000000000000");
    struct bb_control control = {.verb = "charge_fet"};
    struct bb_problem problem;
    const struct bb_driver_ops *ops = bb_driver_pylontech_can.ops;
    assert_int_equal(ops->command(dialogue.state.bytes, &control, dialogue.now_ms, &problem),
                     BB_ERR_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ten_modules),
        cmocka_unit_test(test_short_frames_and_warnings),
        cmocka_unit_test(test_alarms_beat_warnings),
        cmocka_unit_test(test_keeps_the_battery_awake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
