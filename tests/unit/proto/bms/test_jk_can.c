#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "can_dialogue.h"
#include "proto/bms/drivers.h"

#define NEAR(real, expected) assert_float_equal((real).value, (expected), 0.001)

static const char eight_cells[] =
    "2F4#09013C1137000000 4F4#F10C05EC0C070000 5F4#38012D0231000000 "
    "18F128F4#0406F00A8F0C0C00 18F228F4#072F2D38FFFF0000 18F428F4#40E2010000006300 "
    "18F528F4#0B00000000000000 18E028F4#EE0CF00CED0CEF0C 18E128F4#F10CEE0CEC0CF00C ";
static const char address_3[] =
    "2F7#6003BF0930000000 4F7#120E0C060E010000 5F7#58014F0252000000 "
    "7F7#0200000000000000 18F128F7#E001E803CAA85800 18F228F7#1F5150584F530000 "
    "18F428F7#40E2010000006300 18F528F7#0700000000000000 18E028F7#060E0D0E070E0E0E "
    "18E128F7#080E0F0E090E100E 18E228F7#0A0E110E0B0E120E 18E328F7#0C0E060E0D0E070E "
    "18E428F7#0E0E080E0F0E090E 18E528F7#100E0A0E110E0B0E ";

static struct dialogue dialogue;

static struct bb_battery state_after(uint16_t address, const char *frames)
{
    int64_t time_ms = 0;
    can_begin(&dialogue, &bb_driver_jk_can, address, NULL);
    can_hears(&dialogue, frames);
    can_hears(&dialogue, "+1200");
    assert_int_equal(can_states(&dialogue), 1);
    return dialogue_battery(&dialogue, &time_ms);
}

static void test_protocol_1(void **state)
{
    (void)state;
    struct bb_battery battery = state_after(
        0, "2F4#1301D71133006400 4F4#8C0A059209080000 5F4#48062F013F000000 7F4#4300200000000000");
    NEAR(battery.voltage, 27.5);
    NEAR(battery.current, 56.7);
    NEAR(battery.soc, 51);
    NEAR(battery.temperature_1, -3);
    NEAR(battery.temperature_2, 22);
    assert_int_equal(battery.protection.high_cell_voltage.value, 1);
    assert_int_equal(battery.protection.low_voltage.value, 2);
    assert_int_equal(battery.protection.low_soc.value, 2);
    assert_int_equal(battery.protection.internal_failure.value, 0);
    assert_false(battery.cell_count.present);
    assert_false(battery.charge_fet.present);
    assert_false(battery.capacity.present);
}

static void test_protocol_2(void **state)
{
    (void)state;
    struct bb_battery battery = state_after(0, eight_cells);
    NEAR(battery.voltage, 26.485);
    NEAR(battery.current, 41.2);
    NEAR(battery.capacity_remain, 154);
    NEAR(battery.capacity, 280);
    NEAR(battery.history.total_ah_drawn, 321.5);
    NEAR(battery.temperature_1, -3);
    NEAR(battery.temperature_2, -5);
    NEAR(battery.temperature_mos, 6);
    assert_false(battery.temperature_3.present);
    NEAR(battery.soh, 99);
    NEAR(battery.heater_current, 0);
    assert_true(battery.charge_fet.value && battery.discharge_fet.value && battery.heating.value);
    assert_int_equal(battery.cell_count.value, 8);
    NEAR(battery.cells[3].voltage, 3.311);
    assert_false(battery.cells[4].balance.value);
    assert_true(battery.cells[4].balance.present);
}

static void test_each_address_is_a_battery(void **state)
{
    (void)state;
    struct bb_battery battery = state_after(3, address_3);
    assert_int_equal(battery.cell_count.value, 24);
    NEAR(battery.voltage, 86.298);
    NEAR(battery.current, -150.5);
    assert_int_equal(battery.protection.high_cell_voltage.value, 2);
    assert_true(battery.cells[0].balance.value && battery.cells[11].balance.value);
    assert_false(battery.cells[5].balance.value);
    can_begin(&dialogue, &bb_driver_jk_can, 0, NULL);
    can_hears(&dialogue, address_3);
    can_hears(&dialogue, "+3000");
    assert_int_equal(can_states(&dialogue), 0);
}

static void test_a_lost_cell_frame_changes_no_cell(void **state)
{
    (void)state;
    int64_t time_ms = 0;
    (void)state_after(0, eight_cells);
    can_hears(&dialogue, "18E028F4#B80BB80BB80BB80B +1000 2F4#09013C1137000000 +10");
    assert_int_equal(can_states(&dialogue), 1);
    struct bb_battery battery = dialogue_battery(&dialogue, &time_ms);
    assert_int_equal(battery.cell_count.value, 8);
    NEAR(battery.cells[0].voltage, 3.310);
}

static void test_cells_that_stay_away_become_absent(void **state)
{
    (void)state;
    int64_t time_ms = 0;
    (void)state_after(0, eight_cells);
    for (int i = 0; i < 6; i++) {
        can_hears(&dialogue, "+1000 2F4#09013C1137000000");
    }
    can_hears(&dialogue, "+50");
    assert_true(can_states(&dialogue) > 0);
    struct bb_battery battery = dialogue_battery(&dialogue, &time_ms);
    assert_false(battery.cell_count.present);
    NEAR(battery.voltage, 26.5);
    assert_false(battery.charge_fet.present);
}

static void test_an_alarm_is_held(void **state)
{
    (void)state;
    int64_t time_ms = 0;
    (void)state_after(
        0, "2F4#1301D71133006400 4F4#8C0A059209080000 5F4#48062F013F000000 7F4#4300200000000000");
    for (int i = 0; i < 8; i++) {
        can_hears(&dialogue, "+1000 2F4#1301D71133006400");
    }
    assert_int_equal(dialogue_battery(&dialogue, &time_ms).protection.low_soc.value, 2);
    for (int i = 0; i < 3; i++) {
        can_hears(&dialogue, "+1000 2F4#1301D71133006400");
    }
    can_hears(&dialogue, "+50");
    assert_int_equal(dialogue_battery(&dialogue, &time_ms).protection.low_soc.value, 0);
}

static void test_one_state_a_second_of_fifty_frames(void **state)
{
    (void)state;
    can_begin(&dialogue, &bb_driver_jk_can, 0, NULL);
    unsigned states = 0;
    for (int i = 0; i < 500; i++) {
        can_hears(&dialogue, "2F4#1301D71133006400 +20");
        states += can_states(&dialogue);
    }
    assert_in_range(states, 9, 11);
    const struct bb_counters *counters = bb_driver_jk_can.ops->counters(dialogue.state.bytes);
    assert_int_equal(counters->replies, 500);
    assert_int_equal(counters->conflicts, 0);
}

static void test_fault_bits(void **state)
{
    (void)state;
    struct bb_battery battery = state_after(0, "2F4#1301D71133006400 18F328F4#020701");
    assert_int_equal(battery.protection.high_internal_temperature.value, 2);
    assert_int_equal(battery.protection.high_charge_temperature.value, 2);
    assert_int_equal(battery.protection.low_charge_temperature.value, 2);
    assert_int_equal(battery.protection.internal_failure.value, 2);
    assert_int_equal(battery.protection.high_voltage.value, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_protocol_1),
        cmocka_unit_test(test_protocol_2),
        cmocka_unit_test(test_each_address_is_a_battery),
        cmocka_unit_test(test_a_lost_cell_frame_changes_no_cell),
        cmocka_unit_test(test_cells_that_stay_away_become_absent),
        cmocka_unit_test(test_an_alarm_is_held),
        cmocka_unit_test(test_one_state_a_second_of_fifty_frames),
        cmocka_unit_test(test_fault_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
