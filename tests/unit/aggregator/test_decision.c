/* One battery's decision over time: start, silence, loss, return, restart. */
#include "support.h"

#include <math.h>
#include <string.h>

#include "proto/deadlines.h"

static struct bench bench;

static void begin(const char *options, double cell_v)
{
    struct bb_charge_config config = charge_config(options);
    struct bb_battery healthy = healthy_pack(cell_v);
    bench_init(&bench, &config, &healthy);
}

static void begin_running(const char *options, double cell_v)
{
    begin(options, cell_v);
    bench_evaluate(&bench, true);
    bench_run(&bench, 5);
    assert_true(ccl_of(&bench) > 0);
}

static struct bb_battery *pack(void)
{
    return &bench.snapshot.battery;
}

static const struct bb_charge *charge(void)
{
    return &bench.decision.charge;
}

static void assert_blocked(const char *reason)
{
    assert_near(ccl_of(&bench), 0, 0);
    assert_near(dcl_of(&bench), 0, 0);
    assert_false(charge()->allow_charge.value);
    assert_false(charge()->allow_discharge.value);
    assert_string_equal(charge()->ccl_reason, reason);
    assert_string_equal(charge()->dcl_reason, reason);
}

static void test_starting(void **state)
{
    (void)state;
    begin("", 3.30);
    bench_evaluate(&bench, false);
    assert_blocked("Starting");
    assert_string_equal(charge()->link, "never_seen");
    assert_true(charge()->cvl.present);
    pack()->cells[3].voltage.present = false;
    bench_run(&bench, 60);
    assert_blocked("Starting");
    assert_near(cvl_of(&bench), 54.0, 1e-9);
    pack()->cells[3].voltage = bb_real(3.30);
    bench_run(&bench, 1);
    assert_near(ccl_of(&bench), 50, 0);
    assert_near(dcl_of(&bench), 60, 0);
    assert_near(cvl_of(&bench), 55.2, 1e-9);
}

static void test_published_fields(void **state)
{
    (void)state;
    begin_running("", 3.30);
    set_cell(pack(), 4, 3.32);
    pack()->current = bb_real(-20);
    pack()->soh = bb_real(98);
    pack()->heater_fet = bb_flag(false);
    pack()->heating = bb_flag(true);
    pack()->cells[7].balance = bb_flag(true);
    pack()->protection.low_soc = bb_integer(1);
    bench_run(&bench, 1);
    assert_string_equal(charge()->kind, "battery");
    assert_near(charge()->voltage.value, 52.82, 1e-9);
    assert_near(charge()->power.value, -20 * 52.82, 1e-6);
    assert_near(charge()->capacity.value, 100, 0);
    assert_near(charge()->capacity_remain.value, 60, 1e-9);
    assert_near(charge()->consumed.value, -40, 1e-9);
    assert_near(charge()->cell_diff.value, 0.02, 1e-9);
    assert_string_equal(charge()->max_cell_id, "C4");
    assert_string_equal(charge()->min_cell_id, "C1");
    assert_string_equal(charge()->min_temperature_id, "Temp 1");
    assert_string_equal(charge()->flags, "balancing,heating");
    assert_true(charge()->allow_balance.value);
    assert_false(charge()->allow_heat.value);
    assert_near(charge()->soh.value, 98, 0);
    assert_near(charge()->float_voltage.value, 54, 0);
    assert_near(charge()->battery_low_voltage.value, 46.4, 1e-9);
    assert_int_equal(charge()->alarms.low_soc.value, 1);
    assert_int_equal(charge()->modules_online.value, 1);
    assert_int_equal(charge()->modules_blocking_charge.value, 0);
    struct bb_problem problem = {0};
    if (bb_schema_check(bb_message_schema(BB_TOPIC_CHARGE), charge(), &problem) != BB_OK) {
        fail_msg("%s: %s", problem.where, problem.what);
    }
}

static void test_stale_freezes_but_never_falls(void **state)
{
    (void)state;
    begin_running("block_on_disconnect = yes", 3.30);
    bench_silence(&bench, 9);
    assert_string_equal(charge()->link, "stale");
    assert_near(ccl_of(&bench), 50, 0);
    assert_near(dcl_of(&bench), 60, 0);
    assert_true(charge()->voltage.present);
}

static void test_ramp_freezes_while_stale(void **state)
{
    (void)state;
    begin_running("", 3.30);
    pack()->temperature_1 = bb_real(-5);
    bench_run(&bench, 1);
    pack()->temperature_1 = bb_real(25);
    bench_run(&bench, 35);
    double before = ccl_of(&bench);
    assert_true(before > 0 && before < 50);
    bench_silence(&bench, 4); /* still fresh */
    double fresh = ccl_of(&bench);
    bench_silence(&bench, 5);
    assert_near(ccl_of(&bench), fresh, 0);
    bench_run(&bench, 10);
    assert_near(ccl_of(&bench), 50, 0);
}

static void test_lost_outside_the_window_blocks(void **state)
{
    (void)state;
    begin_running("", 3.39);
    bench_silence(&bench, 10);
    assert_string_equal(charge()->link, "lost");
    assert_blocked("Battery lost");
    assert_near(cvl_of(&bench), 54.0, 1e-9);
    assert_false(charge()->voltage.present);
    assert_false(charge()->soc.present);
    assert_false(charge()->max_cell_voltage.present);
    assert_int_equal(charge()->modules_offline.value, 1);
    bench_silence(&bench, 51);
    assert_int_equal(charge()->bms_cable.value, 2);
    bench_silence(&bench, 3600);
    assert_blocked("Battery lost");
}

static void test_lost_inside_the_window_keeps_and_then_blocks(void **state)
{
    (void)state;
    begin_running("", 3.30);
    bench_silence(&bench, 1799);
    assert_string_equal(charge()->link, "lost");
    assert_near(ccl_of(&bench), 50, 0);
    assert_true(strstr(charge()->ccl_reason, "Battery lost") != NULL);
    assert_int_equal(charge()->bms_cable.value, 1);
    bench_silence(&bench, 1);
    assert_blocked("Battery lost");
    assert_int_equal(charge()->bms_cable.value, 2);
}

static void test_return_from_lost_is_a_recovery(void **state)
{
    (void)state;
    begin_running("", 3.39);
    bench_silence(&bench, 12);
    bench_run(&bench, 30);
    assert_near(ccl_of(&bench), 0, 0);
    assert_near(dcl_of(&bench), 0, 0);
    assert_string_equal(charge()->link, "online");
    assert_int_equal(charge()->bms_cable.value, 0);
    assert_near(cvl_of(&bench), 55.2, 1e-9);
    bench_run(&bench, 4);
    assert_near(dcl_of(&bench), 15, 1e-9);
    bench_run(&bench, 20);
    assert_near(dcl_of(&bench), 60, 0);
}

/* What had been waited for before an outage does not count after it. */
static void test_hold_starts_anew_after_an_outage(void **state)
{
    (void)state;
    begin_running("", 3.30);
    pack()->temperature_1 = bb_real(1);
    bench_run(&bench, 1);
    assert_near(ccl_of(&bench), 6.25, 1e-9);
    pack()->temperature_1 = bb_real(25);
    bench_run(&bench, 25);
    bench_silence(&bench, 60); /* fresh for four more seconds */
    assert_near(ccl_of(&bench), 6.25, 1e-9);
    bench_run(&bench, 29);
    assert_near(ccl_of(&bench), 6.25, 1e-9);
    bench_run(&bench, 15);
    assert_near(ccl_of(&bench), 50, 0);
}

static void test_losing_cells_stops_everything_after_their_deadline(void **state)
{
    (void)state;
    begin_running("", 3.30);
    pack()->cells[0].voltage = bb_real(NAN);
    bench_run(&bench, 4);
    assert_near(ccl_of(&bench), 50, 0);
    bench_run(&bench, 1);
    assert_blocked("No data");
    assert_near(cvl_of(&bench), 54.0, 1e-9);
    assert_string_equal(charge()->cvl_reason, "No data");
    assert_true((bench.decision.warnings & (1U << BB_WARNING_CELLS)) != 0);
    assert_int_equal(charge()->alarms.internal_failure.value, 1);
    pack()->cells[0].voltage = bb_real(3.30);
    bench_run(&bench, 30);
    assert_near(ccl_of(&bench), 0, 0);
    bench_run(&bench, 20);
    assert_near(ccl_of(&bench), 50, 0);
}

static void test_changed_number_of_cells_stops_everything(void **state)
{
    (void)state;
    begin_running("", 3.30);
    pack()->cell_count = bb_integer(15);
    pack()->cells_count = 15;
    set_cells(pack(), 3.30);
    bench_run(&bench, 1);
    assert_near(ccl_of(&bench), 0, 0);
    assert_near(dcl_of(&bench), 0, 0);
    assert_near(cvl_of(&bench), 15 * 3.375, 0.01); /* of the smaller pack */
    assert_int_equal(bench.decision.warnings & (1U << BB_WARNING_COUNT), 1U << BB_WARNING_COUNT);
}

static void test_alarms_stop_their_direction(void **state)
{
    (void)state;
    begin_running("", 3.30);
    pack()->protection.low_cell_voltage = bb_integer(2);
    bench_run(&bench, 1);
    assert_near(dcl_of(&bench), 0, 0);
    assert_string_equal(charge()->dcl_reason, "BMS Alarm");
    assert_near(ccl_of(&bench), 50, 0);
    pack()->protection.low_cell_voltage = bb_integer(0);
    bench_run(&bench, 30);
    assert_near(dcl_of(&bench), 0, 0);
    begin_running("block_on_alarm = no", 3.30);
    pack()->protection.low_cell_voltage = bb_integer(2);
    bench_run(&bench, 1);
    assert_near(dcl_of(&bench), 60, 0);
}

static void test_current_through_an_open_switch(void **state)
{
    (void)state;
    begin_running("", 3.30);
    pack()->charge_fet = bb_flag(false);
    pack()->current = bb_real(5);
    bench_run(&bench, 10);
    assert_near(cvl_of(&bench), 55.2, 1e-9);
    assert_false(bench.decision.connected[BB_CHARGING]);
    bench_run(&bench, 1);
    assert_near(cvl_of(&bench), 52.8, 1e-9); /* the present cell sum */
    assert_int_equal(charge()->alarms.internal_failure.value, 2);
    assert_true(bench.decision.connected[BB_CHARGING]);
    assert_near(charge()->current.value, 0, 0);
    assert_near(dcl_of(&bench), 60, 0);
}

static void test_impossible_voltages_stop_everything(void **state)
{
    (void)state;
    begin_running("", 3.30);
    pack()->voltage = bb_real(46.0);
    bench_run(&bench, 11);
    assert_near(ccl_of(&bench), 0, 0);
    assert_near(dcl_of(&bench), 0, 0);
    assert_string_equal(charge()->dcl_reason, "Contradiction");
}

static void test_limits_that_are_not_obeyed(void **state)
{
    (void)state;
    begin_running("", 3.40);
    pack()->current = bb_real(30);
    bench_run(&bench, 31);
    assert_int_equal(charge()->alarms.high_charge_current.value, 1);
    bench_run(&bench, 300);
    assert_int_equal(charge()->alarms.high_charge_current.value, 2);
    assert_near(ccl_of(&bench), 12.5, 1e-9); /* our own alarm changes no limit */
}

/* --- restarts --- */

static void restart(bool recent)
{
    struct bb_decision_record record;
    bb_decision_record(&bench.state, "b1", &record);
    bb_decision_restore(&bench.state, &bench.config, &record, recent);
}

static void test_restart_blocks_until_data(void **state)
{
    (void)state;
    begin_running("", 3.30);
    restart(true);
    bench.snapshot.seen = false;
    bench_silence(&bench, 1);
    assert_blocked("Starting");
    assert_near(cvl_of(&bench), 54.0, 1e-9);
    bench_run(&bench, 1);
    assert_near(ccl_of(&bench), 50, 0);
}

static void test_restart_lifts_no_limit(void **state)
{
    (void)state;
    begin_running("", 3.30);
    pack()->temperature_1 = bb_real(-1);
    bench_run(&bench, 1);
    assert_near(ccl_of(&bench), 0, 0);
    assert_near(dcl_of(&bench), 13.5, 1e-9);
    restart(true);
    pack()->temperature_1 = bb_real(25);
    bench_run(&bench, 30);
    assert_near(ccl_of(&bench), 0, 0);
    assert_near(dcl_of(&bench), 13.5, 1e-9);
    bench_run(&bench, 15);
    assert_near(ccl_of(&bench), 50, 0);
}

static void test_restart_with_an_old_record_starts_cold(void **state)
{
    (void)state;
    begin_running("", 3.30);
    pack()->temperature_1 = bb_real(-1);
    bench_run(&bench, 1);
    restart(false);
    pack()->temperature_1 = bb_real(25);
    bench_run(&bench, 1);
    assert_near(ccl_of(&bench), 50, 0);
}

static void test_restart_keeps_a_reduced_voltage(void **state)
{
    (void)state;
    begin_running("", 3.40);
    set_cell(pack(), 2, 3.52);
    bench_run(&bench, 1);
    double reduced = cvl_of(&bench);
    set_cell(pack(), 2, 3.40);
    bench_run(&bench, 10);
    restart(true);
    bench_run(&bench, 59);
    assert_near(cvl_of(&bench), reduced, 1e-9);
    bench_run(&bench, 100);
    assert_true(cvl_of(&bench) > reduced && cvl_of(&bench) < reduced + 0.2);
}

static void test_restart_in_float_stays_in_float(void **state)
{
    (void)state;
    for (int recent = 0; recent < 2; recent++) {
        begin_running("", 3.39);
        set_cells(pack(), 3.452);
        pack()->soc = bb_real(99);
        bench_run(&bench, 1500);
        assert_string_equal(charge()->mode, "Float Transition");
        double before = cvl_of(&bench);
        restart(recent == 1);
        bench_run(&bench, 1);
        assert_true(cvl_of(&bench) <= before);
        assert_string_equal(charge()->mode, recent == 1 ? "Float Transition" : "Float");
        set_cells(pack(), 3.34);
        bench_run(&bench, 1300);
        restart(recent == 1);
        bench_run(&bench, 10);
        assert_string_equal(charge()->mode, "Float");
        assert_near(cvl_of(&bench), 54.0, 1e-9);
    }
}

/* Absorption goes on where it was, not where the clock on the wall is. */
static void test_restart_continues_absorption(void **state)
{
    (void)state;
    begin_running("", 3.39);
    set_cells(pack(), 3.452);
    pack()->soc = bb_real(99);
    bench_run(&bench, 600);
    restart(true);
    bench_run(&bench, 295);
    assert_string_equal(charge()->mode, "Absorption");
    bench_run(&bench, 10);
    assert_string_equal(charge()->mode, "Float Transition");
}

/* A cold sensor that is broken after the restart still counts. */
static void test_restart_remembers_sensors(void **state)
{
    (void)state;
    begin_running("", 3.30);
    pack()->temperature_1 = bb_real(-1);
    bench_run(&bench, 1);
    restart(false);
    pack()->temperature_1.present = false;
    bench_run(&bench, 120);
    assert_near(ccl_of(&bench), 0, 0);
    assert_near(dcl_of(&bench), 13.5, 1e-9);
}

static void test_quarantine_after_many_restarts(void **state)
{
    (void)state;
    begin("", 3.30);
    bench.state.quarantine_ms = BB_SETTLE_MS;
    bench_run(&bench, 60);
    assert_blocked("Restarts");
    bench_run(&bench, 1);
    assert_near(ccl_of(&bench), 0, 0);
    bench_run(&bench, 60);
    assert_near(ccl_of(&bench), 50, 0);
}

/* A pause of the process counts as ten seconds at most. */
static void test_long_pause_is_no_elapsed_charge(void **state)
{
    (void)state;
    begin_running("", 3.39);
    set_cells(pack(), 3.452);
    pack()->soc = bb_real(99);
    bench_run(&bench, 100);
    bench.now_ms += 3600 * 1000;
    bench_evaluate(&bench, true);
    assert_string_equal(charge()->mode, "Absorption");
    bench_run(&bench, 780);
    assert_string_equal(charge()->mode, "Absorption");
}

static void test_every_warning_has_words(void **state)
{
    (void)state;
    for (unsigned i = 0; i < BB_WARNINGS; i++) {
        assert_true(strlen(bb_warning_text((enum bb_warning)i)) > 10);
    }
    assert_string_equal(bb_warning_text(BB_WARNINGS), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_starting),
        cmocka_unit_test(test_published_fields),
        cmocka_unit_test(test_stale_freezes_but_never_falls),
        cmocka_unit_test(test_ramp_freezes_while_stale),
        cmocka_unit_test(test_lost_outside_the_window_blocks),
        cmocka_unit_test(test_lost_inside_the_window_keeps_and_then_blocks),
        cmocka_unit_test(test_return_from_lost_is_a_recovery),
        cmocka_unit_test(test_hold_starts_anew_after_an_outage),
        cmocka_unit_test(test_losing_cells_stops_everything_after_their_deadline),
        cmocka_unit_test(test_changed_number_of_cells_stops_everything),
        cmocka_unit_test(test_alarms_stop_their_direction),
        cmocka_unit_test(test_current_through_an_open_switch),
        cmocka_unit_test(test_impossible_voltages_stop_everything),
        cmocka_unit_test(test_limits_that_are_not_obeyed),
        cmocka_unit_test(test_restart_blocks_until_data),
        cmocka_unit_test(test_restart_lifts_no_limit),
        cmocka_unit_test(test_restart_with_an_old_record_starts_cold),
        cmocka_unit_test(test_restart_keeps_a_reduced_voltage),
        cmocka_unit_test(test_restart_in_float_stays_in_float),
        cmocka_unit_test(test_restart_continues_absorption),
        cmocka_unit_test(test_restart_remembers_sensors),
        cmocka_unit_test(test_quarantine_after_many_restarts),
        cmocka_unit_test(test_long_pause_is_no_elapsed_charge),
        cmocka_unit_test(test_every_warning_has_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
