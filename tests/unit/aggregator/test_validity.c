#include "support.h"

#include <math.h>
#include <string.h>

#include "proto/deadlines.h"
#include "services/aggregator/validity.h"

struct sample {
    struct bb_charge_config config;
    struct bb_validity validity;
    struct bb_snapshot snapshot;
    struct bb_facts facts;
};

static void begin(struct sample *sample, const char *options, double cell_v)
{
    memset(sample, 0, sizeof *sample);
    sample->config = charge_config(options);
    sample->snapshot = (struct bb_snapshot){.seen = true, .mono_ms = START_MS, .interval_ms = 1000};
    sample->snapshot.battery = healthy_pack(cell_v);
}

/* Takes the present state, ms after the last one. */
static void take(struct sample *sample, int64_t ms)
{
    sample->snapshot.mono_ms += ms;
    bb_validity_take(&sample->validity, &sample->config, &sample->snapshot);
    bb_validity_view(&sample->validity, &sample->config, &sample->facts);
}

static void test_derived_values(void **state)
{
    (void)state;
    struct sample sample;
    begin(&sample, "", 3.30);
    set_cell(&sample.snapshot.battery, 3, 3.35);
    set_cell(&sample.snapshot.battery, 9, 3.35);
    set_cell(&sample.snapshot.battery, 16, 3.28);
    take(&sample, 0);
    assert_true(sample.facts.cells_valid);
    assert_int_equal(sample.facts.cell_count, 16);
    assert_near(sample.facts.max_v, 3.35, 0);
    assert_near(sample.facts.min_v, 3.28, 0);
    assert_int_equal(sample.facts.max_cell, 2); /* the first wins a tie */
    assert_int_equal(sample.facts.min_cell, 15);
    assert_near(sample.facts.sum_v, 13 * 3.30 + 2 * 3.35 + 3.28, 1e-9);
    assert_near(sample.facts.temperature, 25.5, 1e-9);
    assert_int_equal(sample.facts.min_sensor, 0);
    assert_int_equal(sample.facts.max_sensor, 1);
    assert_int_equal(sample.facts.fet[BB_CHARGING], BB_FET_CLOSED);
}

/* One rule for everything derived from cells: a single bad one invalidates them together, after
 * the deadline of the last good set. */
static void test_a_bad_cell_keeps_the_last_good_set_until_its_deadline(void **state)
{
    (void)state;
    const double bad[] = {0.0, 0.49, 5.01, 6.0, NAN, INFINITY, -23.295};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct sample sample;
        begin(&sample, "", 3.30);
        take(&sample, 0);
        sample.snapshot.battery.cells[12].voltage = bb_real(bad[i]);
        take(&sample, BB_STALE_MIN_MS - 1);
        assert_true(sample.facts.cells_valid);
        assert_near(sample.facts.sum_v, 16 * 3.30, 1e-9);
        take(&sample, 1);
        assert_false(sample.facts.cells_valid);
        sample.snapshot.battery.cells[12].voltage = bb_real(3.31);
        take(&sample, 1000);
        assert_true(sample.facts.cells_valid);
        assert_near(sample.facts.max_v, 3.31, 0);
    }
}

static void test_absent_cells_are_no_cells(void **state)
{
    (void)state;
    struct sample sample;
    begin(&sample, "", 3.30);
    sample.snapshot.battery.cells[0].voltage.present = false;
    take(&sample, 0);
    assert_false(sample.facts.cells_valid);
    assert_false(bb_validity_cells(&sample.validity).known);
    sample.snapshot.battery.cells_count = 0;
    take(&sample, 1000);
    assert_false(sample.facts.cells_valid);
    assert_int_equal(sample.facts.cell_count, 16);
}

static void set_count(struct bb_battery *battery, unsigned count)
{
    battery->cell_count = bb_integer(count);
    battery->cells_count = (uint16_t)count;
    set_cells(battery, 3.30);
}

static void test_changed_count_suspends_until_steady(void **state)
{
    (void)state;
    struct sample sample;
    begin(&sample, "", 3.30);
    take(&sample, 0);
    set_count(&sample.snapshot.battery, 15);
    take(&sample, 1000);
    assert_true(sample.facts.count_unsettled);
    assert_false(sample.facts.cells_valid);
    assert_false(bb_validity_cells(&sample.validity).known);
    for (int second = 0; second < 59; second++) {
        take(&sample, 1000);
        assert_false(sample.facts.cells_valid);
    }
    take(&sample, 1000);
    assert_false(sample.facts.count_unsettled);
    take(&sample, 1000);
    assert_int_equal(sample.facts.cell_count, 15);
    assert_true(sample.facts.cells_valid);
}

static void test_return_to_the_old_count_must_be_steady_too(void **state)
{
    (void)state;
    struct sample sample;
    begin(&sample, "", 3.30);
    take(&sample, 0);
    set_count(&sample.snapshot.battery, 17);
    take(&sample, 1000);
    set_count(&sample.snapshot.battery, 16);
    for (int second = 0; second < 60; second++) {
        take(&sample, 1000);
        assert_false(sample.facts.cells_valid);
    }
    take(&sample, 1000);
    assert_true(sample.facts.cells_valid);
    assert_int_equal(sample.facts.cell_count, 16);
}

static void test_count_of_the_list_when_none_is_reported(void **state)
{
    (void)state;
    struct sample sample;
    begin(&sample, "", 3.30);
    sample.snapshot.battery.cell_count.present = false;
    take(&sample, 0);
    assert_int_equal(sample.facts.cell_count, 16);
    assert_true(sample.facts.cells_valid);
}

static void test_quantities_outlive_one_bad_sample_only(void **state)
{
    (void)state;
    struct sample sample;
    begin(&sample, "", 3.30);
    sample.snapshot.battery.current = bb_real(12.0);
    take(&sample, 0);
    sample.snapshot.battery.current = bb_real(NAN);
    sample.snapshot.battery.soc = bb_real(101.0);
    sample.snapshot.battery.voltage.present = false;
    sample.snapshot.battery.temperature_mos = bb_real(-40.0);
    take(&sample, BB_STALE_MIN_MS - 1);
    assert_true(sample.facts.current_valid);
    assert_near(sample.facts.current, 12.0, 0);
    assert_true(sample.facts.soc_valid);
    assert_true(sample.facts.voltage_valid);
    assert_true(sample.facts.mosfet_valid);
    take(&sample, 1);
    assert_false(sample.facts.current_valid);
    assert_false(sample.facts.soc_valid);
    assert_true(sample.facts.soc_known);
    assert_near(sample.facts.soc, 60.0, 0);
    assert_false(sample.facts.voltage_valid);
    assert_false(sample.facts.mosfet_valid);
    assert_true(sample.facts.mosfet_known);
}

/* Three times the configured maximum is no measurement; 655.35 V is none either. */
static void test_plausible_ranges(void **state)
{
    (void)state;
    struct sample sample;
    begin(&sample, "max_battery_charge_current = 50\nmax_battery_discharge_current = 60", 3.30);
    sample.snapshot.battery.current = bb_real(-181.0);
    sample.snapshot.battery.voltage = bb_real(655.35);
    sample.snapshot.battery.temperature_1 = bb_real(-40.0);
    sample.snapshot.battery.temperature_2 = bb_real(121.0);
    sample.snapshot.battery.capacity = bb_real(0.0);
    take(&sample, 0);
    assert_false(sample.facts.current_valid);
    assert_false(sample.facts.voltage_valid);
    assert_int_equal(sample.facts.sensors_valid, 0);
    assert_false(sample.facts.capacity_reported);
    assert_near(sample.facts.capacity_ah, 99.0, 0);
    sample.snapshot.battery.current = bb_real(-180.0);
    sample.snapshot.battery.temperature_1 = bb_real(-39.9);
    take(&sample, 1000);
    assert_true(sample.facts.current_valid);
    assert_int_equal(sample.facts.sensors_valid, 1);
}

static void test_corrected_sensors_and_ties(void **state)
{
    (void)state;
    struct sample sample;
    begin(&sample, "temperature_2_adjust = -4, 1.1\ntemperature_source_battery = 2, 3, 4", 3.30);
    sample.snapshot.battery.temperature_1 = bb_real(80.0);
    sample.snapshot.battery.temperature_2 = bb_real(10.0);
    sample.snapshot.battery.temperature_3 = bb_real(7.0);
    sample.snapshot.battery.temperature_4 = bb_real(7.0);
    for (int i = 0; i < 5; i++) { /* the correction is applied once per reading */
        take(&sample, 1000);
    }
    assert_int_equal(sample.facts.sensors_valid, 3);
    assert_near(sample.facts.temperature, 7.0, 1e-9);
    assert_int_equal(sample.facts.min_sensor, 1);
    assert_int_equal(sample.facts.max_sensor, 3);
}

static void test_switches(void **state)
{
    (void)state;
    struct sample sample;
    begin(&sample, "", 3.30);
    sample.snapshot.battery.charge_fet.present = false;
    sample.snapshot.battery.discharge_fet = bb_flag(true);
    take(&sample, 0);
    assert_int_equal(sample.facts.fet[BB_CHARGING], BB_FET_UNREPORTED);
    sample.snapshot.battery.discharge_fet.present = false;
    take(&sample, BB_SWITCH_UNKNOWN_MS - 1);
    assert_int_equal(sample.facts.fet[BB_DISCHARGING], BB_FET_CLOSED);
    take(&sample, 1);
    assert_int_equal(sample.facts.fet[BB_DISCHARGING], BB_FET_UNKNOWN);
    sample.snapshot.battery.charge_fet = bb_flag(false);
    take(&sample, 1000);
    sample.snapshot.battery.charge_fet.present = false;
    take(&sample, 3600000);
    assert_int_equal(sample.facts.fet[BB_CHARGING], BB_FET_OPEN); /* open until reported closed */
}

static void test_current_is_clamped_by_open_switches(void **state)
{
    (void)state;
    struct sample sample;
    begin(&sample, "", 3.30);
    sample.snapshot.battery.charge_fet = bb_flag(false);
    sample.snapshot.battery.current = bb_real(5.0);
    take(&sample, 0);
    assert_near(sample.facts.current, 0.0, 0);
    assert_near(sample.facts.raw_current, 5.0, 0);
    sample.snapshot.battery.current = bb_real(-5.0);
    take(&sample, 1000);
    assert_near(sample.facts.current, -5.0, 0);
    sample.snapshot.battery.discharge_fet = bb_flag(false);
    take(&sample, 1000);
    assert_near(sample.facts.current, 0.0, 0);
}

static void test_pack_voltage_against_cells(void **state)
{
    (void)state;
    struct sample sample;
    begin(&sample, "", 3.30); /* 52.8 V */
    sample.snapshot.battery.voltage = bb_real(53.8);
    take(&sample, 0);
    assert_false(sample.facts.deviates);
    sample.snapshot.battery.voltage = bb_real(54.0);
    take(&sample, 1000);
    assert_true(sample.facts.deviates);
    assert_near(sample.facts.charge_sum_v, 54.0, 1e-9);
    assert_near(sample.facts.sum_v, 52.8, 1e-9);
    sample.snapshot.battery.voltage = bb_real(46.0);
    take(&sample, 1000);
    assert_near(sample.facts.charge_sum_v, 52.8, 1e-9);
    assert_true(sample.facts.deviation > 0.1);
}

static void test_limits_of_the_bms_stay_known(void **state)
{
    (void)state;
    struct sample sample;
    begin(&sample, "", 3.30);
    take(&sample, 0);
    assert_false(sample.facts.bms_limit_known[BB_CHARGING]);
    sample.snapshot.battery.max_battery_charge_current = bb_real(20.0);
    sample.snapshot.battery.max_battery_discharge_current = bb_real(-4.0);
    take(&sample, 1000);
    sample.snapshot.battery.max_battery_charge_current.present = false;
    take(&sample, 600000);
    assert_true(sample.facts.bms_limit_known[BB_CHARGING]);
    assert_near(sample.facts.bms_limit[BB_CHARGING], 20.0, 0);
    assert_near(sample.facts.bms_limit[BB_DISCHARGING], 0.0, 0);
}

static void test_older_readings_are_ignored(void **state)
{
    (void)state;
    struct sample sample;
    begin(&sample, "", 3.30);
    take(&sample, 0);
    set_cells(&sample.snapshot.battery, 3.40);
    take(&sample, 0);
    take(&sample, -5000);
    assert_near(sample.facts.max_v, 3.30, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_derived_values),
        cmocka_unit_test(test_a_bad_cell_keeps_the_last_good_set_until_its_deadline),
        cmocka_unit_test(test_absent_cells_are_no_cells),
        cmocka_unit_test(test_changed_count_suspends_until_steady),
        cmocka_unit_test(test_return_to_the_old_count_must_be_steady_too),
        cmocka_unit_test(test_count_of_the_list_when_none_is_reported),
        cmocka_unit_test(test_quantities_outlive_one_bad_sample_only),
        cmocka_unit_test(test_plausible_ranges),
        cmocka_unit_test(test_corrected_sensors_and_ties),
        cmocka_unit_test(test_switches),
        cmocka_unit_test(test_current_is_clamped_by_open_switches),
        cmocka_unit_test(test_pack_voltage_against_cells),
        cmocka_unit_test(test_limits_of_the_bms_stay_known),
        cmocka_unit_test(test_older_readings_are_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
