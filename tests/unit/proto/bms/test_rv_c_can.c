#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "can_dialogue.h"
#include "proto/bms/drivers.h"

#define NEAR(real, expected) assert_float_equal((real).value, (expected), 0.001)

static const char rego[] =
    "19FFFD8D#01780A0120013577 19FFFC8D#01783C25AEF40001 19FFFB8D#0178C81404AEFFFF "
    "19FEC98D#0178072001709403 19FEC78D#0178000000FFFFFF 19FEA58D#017815B004F40100 ";
static const char house[] =
    "19FFFD8F#0178F10085E03677 19FFFC8F#0178082613FFFFFF 19FFFB8F#0178C51300FFFFFF "
    "19FEC98F#0178072001D08403 19FEC78F#0178101101FFFFFF 19FEA58F#017805C8000104FF ";

static struct dialogue dialogue;

static struct bb_battery state_after(uint16_t address, const char *frames)
{
    int64_t time_ms = 0;
    can_begin(&dialogue, &bb_driver_rv_c_can, address, NULL);
    can_hears(&dialogue, frames);
    can_hears(&dialogue, "+2100");
    assert_int_equal(can_states(&dialogue), 1);
    return dialogue_battery(&dialogue, &time_ms);
}

static void test_captured(void **state)
{
    (void)state;
    struct bb_battery battery = state_after(0x8D, rego);
    NEAR(battery.voltage, 13.3);
    NEAR(battery.current, 37.6);
    NEAR(battery.temperature_1, 24.875);
    NEAR(battery.soc, 87);
    NEAR(battery.soh, 100);
    NEAR(battery.capacity_remain, 1044);
    NEAR(battery.capacity, 1200);
    NEAR(battery.max_battery_voltage_bms, 14.4);
    NEAR(battery.max_battery_charge_current, 300);
    assert_true(battery.charge_fet.value && battery.discharge_fet.value);
    assert_true(battery.protection.low_soc.present);
    assert_int_equal(battery.protection.low_soc.value, 0);
    assert_false(battery.cell_count.present);
}

static void test_warnings(void **state)
{
    (void)state;
    struct bb_battery battery = state_after(0x8F, house);
    NEAR(battery.current, -85.125);
    NEAR(battery.soc, 9.5);
    assert_int_equal(battery.protection.low_voltage.value, 1);
    assert_int_equal(battery.protection.low_soc.value, 1);
    assert_int_equal(battery.protection.low_temperature.value, 1);
    assert_int_equal(battery.protection.high_temperature.value, 1);
    assert_int_equal(battery.protection.high_voltage.value, 0);
}

static void test_what_is_not_available_stays_absent(void **state)
{
    (void)state;
    struct bb_battery battery =
        state_after(0x8F, "19FFFD8F#0178F10085E03677 19FFFC8F#0178FFFF13FFFFFF "
                          "19FFFB8F#0178FFFDFFFFFFFF 19FEC98F#0178FFFFFFFFFFFF "
                          "19FEC78F#0178EFFFFFFFFFFF 19FEA58F#0178FFFDFFFFFFFF");
    assert_false(battery.temperature_1.present);
    assert_false(battery.soh.present);
    assert_false(battery.capacity_remain.present);
    assert_false(battery.max_battery_voltage_bms.present);
    assert_false(battery.max_battery_charge_current.present);
    assert_false(battery.charge_fet.present);
    assert_int_equal(battery.protection.low_voltage.value, 0); /* 10b is an error, not a yes */
    assert_int_equal(battery.protection.high_charge_current.value, 0);
    can_begin(&dialogue, &bb_driver_rv_c_can, 0x8F, NULL);
    can_hears(&dialogue, "19FFFD8F#0178FFFF85E03677 19FFFC8F#0178082613FFFFFF +3000");
    assert_int_equal(can_states(&dialogue), 0); /* no voltage, no state */
}

static void test_an_absurd_charge_voltage_stops_charging(void **state)
{
    (void)state;
    struct bb_battery battery = state_after(
        0x8F, "19FFFD8F#0178F10085E03677 19FFFC8F#0178082613FFFFFF 19FEC98F#0178070000D08403");
    assert_false(battery.max_battery_voltage_bms.present);
    NEAR(battery.max_battery_charge_current, 0);
    battery = state_after(
        0x8F, "19FFFD8F#0178F10085E03677 19FFFC8F#0178082613FFFFFF 19FEC98F#0178012001D08403");
    NEAR(battery.max_battery_charge_current, 0); /* "do not charge" */
    assert_true(battery.max_battery_charge_current.present);
}

static void test_listens_to_one_source_and_never_to_a_repeater(void **state)
{
    (void)state;
    can_begin(&dialogue, &bb_driver_rv_c_can, 0x8F, NULL);
    can_hears(&dialogue, "19FFFD8E#0178F10085E03677 19FFFC8E#0178082613FFFFFF +3000");
    can_hears(&dialogue, "19FFFD8F#0177F10085E03677 19FFFC8F#0177082613FFFFFF +3000");
    can_hears(&dialogue, "19FFFD8F#0278F10085E03677 19FFFC8F#0278082613FFFFFF +3000");
    assert_int_equal(can_states(&dialogue), 0);
}

static void test_follows_a_source_that_changed(void **state)
{
    (void)state;
    int64_t time_ms = 0;
    can_begin(&dialogue, &bb_driver_rv_c_can, 0xFE, NULL);
    can_hears(&dialogue, "19FFFD8D#0178F10085E03677 19FFFC8D#0178082613FFFFFF +2100 ");
    assert_int_equal(can_states(&dialogue), 1);
    can_hears(&dialogue, "+2000 19FFFD8E#01780A0185E03677 19FFFC8E#0178082613FFFFFF +2100");
    assert_int_equal(can_states(&dialogue), 0);
    can_hears(&dialogue, "+9000 19FFFD8E#01780A0185E03677 19FFFC8E#0178082613FFFFFF +2100");
    assert_int_equal(can_states(&dialogue), 1);
    NEAR(dialogue_battery(&dialogue, &time_ms).voltage, 13.3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_captured),
        cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_what_is_not_available_stays_absent),
        cmocka_unit_test(test_an_absurd_charge_voltage_stops_charging),
        cmocka_unit_test(test_listens_to_one_source_and_never_to_a_repeater),
        cmocka_unit_test(test_follows_a_source_that_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
