#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "can_dialogue.h"
#include "proto/bms/drivers.h"

#define NEAR(real, expected) assert_float_equal((real).value, (expected), 0.001)

/* One cycle of a Seplos based battery that speaks Victron's protocol (captured). */
static const char seplos[] = "305#0000000000000000 307#1234567856494300 351#4302E8039E07D001 "
                             "355#3C00640084170000 356#6114D3FEEB001A00 35A#AAAAAA02AAAAAA02 "
                             "35E#5348456E65726779 35F#0000100430010000 370#43414E2D534D4152 "
                             "371#54424D532D424154 372#0100000000000000 373#B90CC20C27012801 "
                             "374#5061636B2D303123 375#5061636B2D303123 376#5061636B2D303123 ";
/* The smallest complete cycle, and a whole one of a JBD UP16S015. */
#define LIMITS "351#400260097C15B001 "
#define CHARGE "355#3E0064008D180000 "
#define MEASURED "356#C2141F007D000300 "
#define QUIET_ALARMS "35A#AAAAAA02AAAAAA02 "

static struct dialogue dialogue;

static struct bb_battery state_after(const char *frames)
{
    int64_t time_ms = 0;
    can_hears(&dialogue, frames);
    assert_int_equal(can_states(&dialogue), 1);
    return dialogue_battery(&dialogue, &time_ms);
}

static void test_a_captured_cycle(void **state)
{
    (void)state;
    can_begin(&dialogue, &bb_driver_jbd_can, 0, NULL);
    can_hears(&dialogue, seplos);
    assert_int_equal(can_states(&dialogue), 0); /* more of the cycle may follow */
    struct bb_battery battery = state_after("+400");
    NEAR(battery.voltage, 52.17);
    NEAR(battery.current, -30.1);
    NEAR(battery.soc, 60.2);
    NEAR(battery.soh, 100);
    NEAR(battery.max_battery_voltage_bms, 57.9);
    NEAR(battery.max_battery_charge_current, 100);
    NEAR(battery.max_battery_discharge_current, 195);
    NEAR(battery.min_battery_voltage_bms, 46.4);
    NEAR(battery.temperature_1, 23.5);
    NEAR(battery.temperature_2, 22);
    NEAR(battery.temperature_3, 23);
    NEAR(battery.capacity, 304);
    assert_int_equal(battery.history.charge_cycles.value, 26);
    assert_string_equal(battery.hardware_version, "CAN-SMARTBMS-BAT");
    assert_string_equal(battery.serial_number, "");
    assert_true(battery.protection.internal_failure.present);
    assert_int_equal(battery.protection.high_cell_voltage.value, 0);
    assert_false(battery.protection.low_soc.present);
    assert_false(battery.cell_count.present);
    assert_false(battery.charge_fet.present);
}

static void test_capacity_and_serial_number(void **state)
{
    (void)state;
    can_begin(&dialogue, &bb_driver_jbd_can, 0, NULL);
    struct bb_battery battery =
        state_after(LIMITS CHARGE MEASURED "35F#0000010C00000000 379#4001000000000000 "
                                           "380#4A42443837363534 381#3332310000000000 +400");
    NEAR(battery.capacity, 320);
    assert_string_equal(battery.serial_number, ""); /* the factory's dummy */
    battery = state_after("+860 380#4A42443132333435 381#3637380000000000 " LIMITS CHARGE MEASURED
                          "+400");
    assert_string_equal(battery.serial_number, "JBD12345678");
}

static void test_alarms_and_warnings(void **state)
{
    (void)state;
    can_begin(&dialogue, &bb_driver_jbd_can, 0, NULL);
    struct bb_battery battery = state_after(LIMITS CHARGE MEASURED "35A#0410000040000001 +400");
    assert_int_equal(battery.protection.high_cell_voltage.value, 2);
    assert_int_equal(battery.protection.low_charge_temperature.value, 2);
    assert_int_equal(battery.protection.high_temperature.value, 1);
    assert_int_equal(battery.protection.cell_imbalance.value, 1);
    assert_int_equal(battery.protection.internal_failure.value, 0);
}

static void test_pylontech_alarms_and_switches(void **state)
{
    (void)state;
    can_begin(&dialogue, &bb_driver_jbd_can, 0, NULL);
    struct bb_battery battery =
        state_after("351#1402740E740E 355#1A006400 356#021300004A01 "
                    "359#020000000A504E 35C#4000 35E#50594C4F4E202020 +400");
    assert_int_equal(battery.protection.high_cell_voltage.value, 2);
    assert_false(battery.protection.cell_imbalance.present);
    assert_false(battery.charge_fet.value);
    assert_true(battery.discharge_fet.value);
    NEAR(battery.max_battery_charge_current, 0); /* switched off, whatever 0x351 says */
    NEAR(battery.max_battery_discharge_current, 370);
    assert_false(battery.min_battery_voltage_bms.present);
}

static void test_keep_alive(void **state)
{
    (void)state;
    can_begin(&dialogue, &bb_driver_jbd_can, 0, NULL);
    assert_string_equal(can_sends(&dialogue), "305#0000000000000000");
    assert_string_equal(can_sends(&dialogue), "");
    can_hears(&dialogue, "+1000");
    assert_string_equal(can_sends(&dialogue), "305#0000000000000000");
    can_begin(&dialogue, &bb_driver_jbd_can, 0, "keep_alive=no");
    assert_string_equal(can_sends(&dialogue), "");
}

static void test_current_can_be_inverted(void **state)
{
    (void)state;
    can_begin(&dialogue, &bb_driver_jbd_can, 0, "invert_current=yes");
    struct bb_battery battery = state_after(LIMITS CHARGE MEASURED QUIET_ALARMS "+400");
    NEAR(battery.current, -3.1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_captured_cycle),
        cmocka_unit_test(test_capacity_and_serial_number),
        cmocka_unit_test(test_alarms_and_warnings),
        cmocka_unit_test(test_pylontech_alarms_and_switches),
        cmocka_unit_test(test_keep_alive),
        cmocka_unit_test(test_current_can_be_inverted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
