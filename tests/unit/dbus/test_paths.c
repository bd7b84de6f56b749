#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "proto/deadlines.h"
#include "sample.h"

static void assert_text(const struct sample *sample, const char *path, const char *expected)
{
    const char *found = sample_text(sample, path);
    if (strcmp(found, expected) != 0) {
        print_error("%s: ", path);
    }
    assert_string_equal(found, expected);
}

static void test_a_battery_in_texts(void **state)
{
    (void)state;
    static const char *const expected[][2] = {
        {"/Dc/0/Voltage", "53.12V"},
        {"/Dc/0/Current", "-5.20A"},
        {"/Dc/0/Power", "-276W"},
        {"/Soc", "45.87"},
        {"/SocBms", "45.0"},
        {"/Capacity", "45.90Ah"},
        {"/InstalledCapacity", "100Ah"},
        {"/ConsumedAmphours", "-54Ah"},
        {"/Info/MaxChargeVoltage", "55.20V"},
        {"/Info/MaxChargeCurrent", "50.00A"},
        {"/Info/MaxDischargeCurrent", "60.00A"},
        {"/Info/MaxChargeCellVoltage", "3.45V"},
        {"/Info/BatteryLowVoltage", "46.4"},
        {"/Info/ChargeMode", "Bulk"},
        {"/Io/AllowToCharge", "1"},
        {"/Io/AllowToBalance", "---"},
        {"/State", "9"},
        {"/Mode", "3"},
        {"/Voltages/Cell1", "3.300V"},
        {"/Voltages/Cell16", "3.315V"},
        {"/Balances/Cell1", "0"},
        {"/System/NrOfCellsPerBattery", "16"},
        {"/System/NrOfModulesOnline", "1"},
        {"/System/Temperature2Name", "Temp 2"},
        {"/DeviceInstance", "10"},
        {"/ProductName", "Busbar rack-1 @ ttyUSB0"},
        {"/Mgmt/Connection", "Serial /dev/ttyUSB0"},
        {"/Serial", "rack-1"},
        {"/Connected", "1"},
        {"/Alarms/BmsCable", "0"},
        {"/Alarms/LowVoltage", "---"},
        {"/Dc/0/MidVoltage", "26.43V"},
    };
    struct sample sample;
    sample_open(&sample, false);
    sample_update(&sample, SAMPLE_NOW_MS);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_text(&sample, expected[i][0], expected[i][1]);
    }
    sample_close(&sample);
}

static void test_a_bank_has_no_cells(void **state)
{
    (void)state;
    struct sample sample;
    sample_open(&sample, true);
    sample_update(&sample, SAMPLE_NOW_MS);
    assert_null(bb_items_find(sample.items, "/Voltages/Cell1", NULL));
    assert_null(bb_items_find(sample.items, "/Balances/Cell1", NULL));
    assert_null(bb_items_find(sample.items, "/Dc/0/MidVoltage", NULL));
    assert_text(&sample, "/System/NrOfBatteries", "2");
    assert_text(&sample, "/System/NrOfModulesOnline", "1");
    assert_text(&sample, "/System/NrOfModulesOffline", "1");
    assert_text(&sample, "/System/NrOfCellsPerBattery", "16");
    assert_text(&sample, "/Mgmt/Connection", "Bank of 2 batteries");
    assert_text(&sample, "/ProductName", "Busbar bank");
    sample_close(&sample);
}

static void test_limits_only_where_wanted(void **state)
{
    (void)state;
    struct sample sample;
    sample_open(&sample, false);
    sample.identity.limits = false;
    sample_update(&sample, SAMPLE_NOW_MS);
    assert_text(&sample, "/Info/MaxChargeVoltage", "---");
    assert_text(&sample, "/Info/MaxChargeCurrent", "50.00A");
    assert_text(&sample, "/Info/MaxDischargeCurrent", "60.00A");
    sample_close(&sample);
}

static void test_the_dead_man(void **state)
{
    (void)state;
    struct sample sample;
    sample_open(&sample, false);
    sample_update(&sample, SAMPLE_NOW_MS);
    sample_update(&sample, SAMPLE_NOW_MS + BB_DECISION_MAX_AGE_MS + 1);
    assert_text(&sample, "/Info/MaxChargeVoltage", "53.60V");
    assert_text(&sample, "/Info/MaxChargeCurrent", "0.00A");
    assert_text(&sample, "/Info/MaxDischargeCurrent", "0.00A");
    assert_text(&sample, "/Io/AllowToCharge", "0");
    assert_text(&sample, "/Io/AllowToDischarge", "0");
    assert_text(&sample, "/Alarms/BmsCable", "1");
    assert_text(&sample, "/State", "14");
    assert_text(&sample, "/Mode", "4");
    assert_text(&sample, "/System/NrOfModulesBlockingCharge", "1");
    assert_text(&sample, "/Info/ChargeMode", "No charge decision: limits are zero");
    /* The battery itself still speaks. */
    assert_text(&sample, "/Dc/0/Voltage", "53.10V");
    assert_text(&sample, "/Dc/0/Power", "-266W");
    assert_text(&sample, "/Soc", "45.0");
    assert_text(&sample, "/System/MinCellVoltage", "---");
    sample_update(&sample, SAMPLE_NOW_MS + bb_lost_after_ms(1000));
    assert_text(&sample, "/Dc/0/Voltage", "---");
    assert_text(&sample, "/Dc/0/Power", "---");
    assert_text(&sample, "/Soc", "---");
    assert_text(&sample, "/Voltages/Cell1", "---");
    assert_text(&sample, "/System/NrOfModulesOnline", "0");
    assert_text(&sample, "/System/NrOfModulesOffline", "1");
    /* What the battery is does not change. */
    assert_text(&sample, "/InstalledCapacity", "100Ah");
    assert_text(&sample, "/Info/BatteryLowVoltage", "46.4");
    assert_text(&sample, "/System/NrOfCellsPerBattery", "16");
    sample_close(&sample);
}

static void test_a_lost_battery(void **state)
{
    (void)state;
    struct sample sample;
    struct bb_message message;
    sample_open(&sample, false);
    sample_charge(&message);
    (void)snprintf(message.body.charge.link, sizeof message.body.charge.link, "lost");
    message.body.charge.ccl = bb_real(0);
    message.body.charge.dcl = bb_real(0);
    message.body.charge.cvl = bb_real(53.6);
    message.body.charge.allow_charge = bb_flag(false);
    message.body.charge.allow_discharge = bb_flag(false);
    message.body.charge.bms_cable = bb_integer(2);
    message.body.charge.alarms.high_cell_voltage = bb_integer(2);
    (void)bb_snapshot_take(&sample.snapshot, &message);
    sample_update(&sample, SAMPLE_NOW_MS);
    static const char *const unknown[] = {"/Dc/0/Voltage",   "/Dc/0/Current", "/Dc/0/Power", "/Soc",
                                          "/Voltages/Cell1", "/Balancing",    "/Capacity"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        assert_text(&sample, unknown[i], "---");
    }
    assert_text(&sample, "/Info/MaxChargeVoltage", "53.60V");
    assert_text(&sample, "/Info/MaxChargeCurrent", "0.00A");
    assert_text(&sample, "/System/NrOfModulesOffline", "1");
    assert_text(&sample, "/System/NrOfModulesOnline", "0");
    assert_text(&sample, "/Alarms/BmsCable", "2");
    assert_text(&sample, "/Alarms/HighCellVoltage", "2"); /* what was decided is not hidden */
    assert_text(&sample, "/Connected", "1");
    assert_text(&sample, "/ConnectionInformation", "Connection to the BMS lost");
    sample_close(&sample);
}

static void test_a_decision_without_a_value_is_not_filled_in(void **state)
{
    (void)state;
    struct sample sample;
    sample_open(&sample, false);
    sample.snapshot.charge.soc.present = false; /* the reading has one, which is not believed */
    sample_update(&sample, SAMPLE_NOW_MS);
    assert_text(&sample, "/Soc", "---");
    assert_text(&sample, "/SocBms", "45.0");
    sample_close(&sample);
}

static void test_new_cells_get_leaves(void **state)
{
    (void)state;
    struct sample sample;
    sample_open(&sample, false);
    assert_null(bb_items_find(sample.items, "/Voltages/Cell17", NULL));
    sample.snapshot.cell_count = 17;
    sample.snapshot.battery.cells_count = 17;
    sample.snapshot.battery.cells[16].voltage = bb_real(3.4);
    sample_update(&sample, SAMPLE_NOW_MS);
    assert_text(&sample, "/Voltages/Cell17", "3.400V");
    sample.snapshot.cell_count = 15;
    sample.snapshot.battery.cells_count = 15;
    sample_update(&sample, SAMPLE_NOW_MS);
    assert_text(&sample, "/Voltages/Cell16", "---");
    assert_text(&sample, "/Voltages/Cell15", "3.314V");
    sample_close(&sample);
}

static void test_most_cells_fit(void **state)
{
    (void)state;
    struct sample sample;
    sample_open(&sample, false);
    sample.snapshot.cell_count = BB_CELLS_MAX;
    sample.snapshot.battery.cells_count = BB_CELLS_MAX;
    sample.snapshot.battery.cells[BB_CELLS_MAX - 1].voltage = bb_real(3.4);
    sample_update(&sample, SAMPLE_NOW_MS);
    assert_text(&sample, "/Voltages/Cell64", "3.400V");
    sample_close(&sample);
}

static void test_history_is_zero_or_below(void **state)
{
    (void)state;
    struct sample sample;
    sample_open(&sample, false);
    sample.snapshot.battery.history.deepest_discharge = bb_real(54.1);
    sample.snapshot.battery.history.last_discharge = bb_real(0);
    sample.snapshot.battery.history.total_ah_drawn = bb_real(-12000);
    sample.snapshot.battery.history.charge_cycles = bb_integer(120);
    sample_update(&sample, SAMPLE_NOW_MS);
    assert_text(&sample, "/History/DeepestDischarge", "-54.1");
    assert_text(&sample, "/History/LastDischarge", "0.0");
    assert_text(&sample, "/History/TotalAhDrawn", "-12000.0");
    assert_text(&sample, "/History/ChargeCycles", "120");
    sample_close(&sample);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_battery_in_texts),
        cmocka_unit_test(test_a_bank_has_no_cells),
        cmocka_unit_test(test_limits_only_where_wanted),
        cmocka_unit_test(test_the_dead_man),
        cmocka_unit_test(test_a_lost_battery),
        cmocka_unit_test(test_a_decision_without_a_value_is_not_filled_in),
        cmocka_unit_test(test_new_cells_get_leaves),
        cmocka_unit_test(test_most_cells_fit),
        cmocka_unit_test(test_history_is_zero_or_below),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
