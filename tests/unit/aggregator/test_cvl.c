/* The charge voltage of a pack that is read once a second. */
#include "support.h"

#include <string.h>

static struct bench bench;

static void begin(const char *options, double cell_v)
{
    struct bb_charge_config config = charge_config(options);
    struct bb_battery healthy = healthy_pack(cell_v);
    bench_init(&bench, &config, &healthy);
    bench_evaluate(&bench, true);
}

static struct bb_battery *pack(void)
{
    return &bench.snapshot.battery;
}

static void assert_mode(const char *mode)
{
    assert_string_equal(bench.decision.charge.mode, mode);
}

static const char *flags(void)
{
    return bench.decision.charge.flags;
}

/* Full and even: bulk, absorption, float transition, float. */
static void reach_float(void)
{
    set_cells(pack(), 3.452);
    pack()->soc = bb_real(99);
    bench_run(&bench, 902);
    assert_mode("Float Transition");
    bench_run(&bench, 1201);
    assert_mode("Float");
}

static void test_absorption_starts_within_half_a_millivolt_per_cell(void **state)
{
    (void)state;
    begin("", 3.30);
    set_cells(pack(), 3.4494);
    bench_run(&bench, 10);
    assert_mode("Bulk");
    set_cells(pack(), 3.4495);
    bench_run(&bench, 1);
    assert_mode("Absorption");
}

static void test_uneven_cells_do_not_absorb(void **state)
{
    (void)state;
    begin("cvl_controller_mode = 0", 3.452);
    assert_mode("Absorption");
    begin("cvl_controller_mode = 0", 3.30);
    set_cells(pack(), 3.46);
    set_cell(pack(), 4, 3.449);
    bench_run(&bench, 10);
    assert_mode("Bulk");
    set_cell(pack(), 4, 3.450);
    bench_run(&bench, 1);
    assert_mode("Absorption");
}

static void test_transition_falls_a_millivolt_per_second(void **state)
{
    (void)state;
    begin("", 3.452);
    bench_run(&bench, 900);
    assert_mode("Absorption");
    bench_run(&bench, 1);
    assert_mode("Float Transition");
    assert_near(cvl_of(&bench), 55.2, 1e-9);
    bench_run(&bench, 600);
    assert_near(cvl_of(&bench), 54.6, 0.006);
    bench_run(&bench, 600);
    assert_mode("Float");
    assert_near(cvl_of(&bench), 54.0, 1e-9);
}

static void test_soc_ends_float(void **state)
{
    (void)state;
    begin("", 3.30);
    reach_float();
    set_cells(pack(), 3.30);
    pack()->soc = bb_real(80);
    bench_run(&bench, 100);
    assert_mode("Float");
    pack()->soc = bb_real(79.9);
    bench_run(&bench, 1);
    assert_mode("Bulk");
    assert_near(cvl_of(&bench), 55.2, 1e-9);
}

/* The SoC that was wrong when the pack became full must not start the next cycle at once. */
static void test_full_with_a_low_soc_stays_in_float(void **state)
{
    (void)state;
    begin("", 3.452);
    pack()->soc = bb_real(40);
    bench_run(&bench, 2200);
    assert_mode("Float");
    bench_run(&bench, 3600);
    assert_mode("Float");
    set_cells(pack(), 3.37);
    bench_run(&bench, 2);
    assert_mode("Bulk");
}

static void test_missing_soc_changes_no_mode(void **state)
{
    (void)state;
    begin("", 3.30);
    reach_float();
    set_cells(pack(), 3.30);
    pack()->soc.present = false;
    bench_run(&bench, 600);
    assert_mode("Float");
    assert_near(cvl_of(&bench), 54.0, 1e-9);
}

/* Empty by SoC, full by the cells: that SoC is not believed. */
static void test_doubtful_soc_changes_no_mode(void **state)
{
    (void)state;
    begin("", 3.30);
    reach_float();
    set_cells(pack(), 3.34);
    pack()->soc = bb_real(0);
    bench_run(&bench, 100);
    assert_mode("Float");
}

static void test_cells_apart_at_rest_end_float_after_a_minute(void **state)
{
    (void)state;
    begin("", 3.30);
    reach_float();
    set_cells(pack(), 3.33);
    set_cell(pack(), 1, 3.25);
    pack()->current = bb_real(-10.5); /* more than 0.1 C pulls cells apart */
    bench_run(&bench, 120);
    assert_mode("Float");
    pack()->current = bb_real(-1);
    bench_run(&bench, 60);
    assert_mode("Float");
    bench_run(&bench, 1);
    assert_mode("Bulk");
    assert_true(bench.decision.bulk_by_difference);
}

static void test_endless_absorption_ends(void **state)
{
    (void)state;
    begin("switch_to_float_after_hours = 1\ncvl_controller_mode = 0", 3.30);
    set_cells(pack(), 3.452);
    set_cell(pack(), 2, 3.41);
    bench_run(&bench, 3590);
    assert_mode("Bulk");
    bench_run(&bench, 20);
    assert_mode("Float Transition");
    assert_true((bench.decision.warnings & (1U << BB_WARNING_ABSORPTION)) != 0);
    bench_run(&bench, 24 * 3600);
    assert_mode("Bulk"); /* the next day */
    assert_int_equal(bench.decision.warnings, 0);
}

static void test_penalty_controller(void **state)
{
    (void)state;
    begin("cvl_controller_mode = 1", 3.40);
    set_cell(pack(), 7, 3.50);
    bench_run(&bench, 1);
    assert_near(cvl_of(&bench), 54.45, 1e-9);
    assert_string_equal(flags(), "cell_ovp");
    assert_string_equal(bench.decision.charge.cvl_reason, "Cell Voltage");
}

static void test_clipped_controller(void **state)
{
    (void)state;
    begin("cvl_controller_mode = 3", 3.40);
    set_cell(pack(), 7, 3.50);
    bench_run(&bench, 1);
    assert_near(cvl_of(&bench), 54.46, 1e-9);
    set_cells(pack(), 3.42);
    set_cell(pack(), 7, 3.55);
    bench_run(&bench, 1);
    assert_near(cvl_of(&bench), 54.46, 1e-9); /* 54.76 V is only allowed after the hold */
}

/* 3.51 V: 50 mV above the dead band, so 10 mV per second, whatever the period. */
static void test_integrating_controller(void **state)
{
    (void)state;
    begin("cvl_controller_mode = 2", 3.44);
    set_cell(pack(), 7, 3.51);
    bench_run(&bench, 10);
    assert_near(cvl_of(&bench), 55.10, 0.006);
    for (int i = 0; i < 50; i++) {
        bench.now_ms += 200;
        bench_evaluate(&bench, true);
    }
    assert_near(cvl_of(&bench), 55.00, 0.006);
    set_cell(pack(), 7, 3.46);
    bench_run(&bench, 30);
    assert_near(cvl_of(&bench), 55.00, 0.006);
}

static void test_never_below_the_lowest_pack_voltage(void **state)
{
    (void)state;
    begin("", 2.80);
    set_cell(pack(), 1, 3.46);
    bench_run(&bench, 1);
    assert_near(cvl_of(&bench), 46.4, 1e-9);
}

static void test_recovery_by_hold_and_ramp(void **state)
{
    (void)state;
    begin("", 3.40);
    set_cell(pack(), 7, 3.50);
    bench_run(&bench, 2);
    set_cell(pack(), 7, 3.44);
    bench_run(&bench, 59);
    assert_near(cvl_of(&bench), 54.45, 1e-9);
    assert_string_equal(bench.decision.charge.cvl_reason, "Cell Voltage *");
    bench_run(&bench, 151);
    assert_near(cvl_of(&bench), 54.60, 0.011);
    assert_string_equal(flags(), "cell_ovp_recovery");
    bench_run(&bench, 700);
    assert_near(cvl_of(&bench), 55.2, 1e-9);
    assert_string_equal(flags(), "");
}

/* A cell far above its limit stops charging in every mode, the fixed one included. */
static void test_overvoltage_stops_charging(void **state)
{
    (void)state;
    const char *const options[] = {"", "cvcm_enable = no", "cvl_controller_mode = 0",
                                   "cvl_controller_mode = 2"};
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        begin(options[i], 3.40);
        set_cell(pack(), 7, 3.60);
        bench_run(&bench, 1);
        assert_true(cvl_of(&bench) <= 54.0);
        assert_near(ccl_of(&bench), 0, 0);
        assert_true(strstr(bench.decision.charge.ccl_reason, "Cell Over-Voltage") != NULL);
        assert_string_equal(bench.decision.charge.cvl_reason, "Cell Over-Voltage");
        assert_near(dcl_of(&bench), 60, 0);
    }
}

static void test_overvoltage_alarm_of_the_bms_stops_charging(void **state)
{
    (void)state;
    begin("block_on_alarm = no", 3.40);
    pack()->protection.high_cell_voltage = bb_integer(2);
    bench_run(&bench, 1);
    assert_near(cvl_of(&bench), 54.0, 0);
    assert_near(ccl_of(&bench), 0, 0);
}

static void test_fixed_mode_keeps_the_maximum(void **state)
{
    (void)state;
    begin("cvcm_enable = no", 3.40);
    set_cell(pack(), 7, 3.55);
    bench_run(&bench, 2000);
    assert_mode("Keep always max voltage");
    assert_near(cvl_of(&bench), 55.2, 1e-9);
    assert_string_equal(flags(), "");
}

/* Float is protected as well: the runaway cell decides, not the mode. */
static void test_high_cell_in_float(void **state)
{
    (void)state;
    begin("", 3.30);
    reach_float();
    set_cells(pack(), 3.35);
    set_cell(pack(), 9, 3.52);
    bench_run(&bench, 1);
    assert_near(cvl_of(&bench), 15 * 3.35 + 3.45 + 0.01, 0.006);
    assert_near(bench.decision.tolerated_v, 15 * 3.35 + 3.45 + 0.01, 1e-6);
}

static void test_voltage_drop_is_added_to_what_is_published(void **state)
{
    (void)state;
    begin("voltage_drop = 0.15", 3.30);
    assert_near(cvl_of(&bench), 55.35, 1e-9);
    assert_near(bench.decision.control_v, 55.2, 1e-9);
}

static void test_the_bms_may_lower_the_voltage(void **state)
{
    (void)state;
    begin("", 3.30);
    pack()->max_battery_voltage_bms = bb_real(54.4);
    bench_run(&bench, 1);
    assert_near(cvl_of(&bench), 54.4, 1e-9);
    pack()->max_battery_voltage_bms = bb_real(58.4);
    bench_run(&bench, 1);
    assert_near(cvl_of(&bench), 55.2, 1e-9);
    pack()->max_battery_voltage_bms = bb_real(12.0); /* not of this pack */
    bench_run(&bench, 1);
    assert_near(cvl_of(&bench), 55.2, 1e-9);
}

static void test_larger_of_pack_voltage_and_cells_decides_about_full(void **state)
{
    (void)state;
    begin("cvl_controller_mode = 0", 3.39);
    pack()->voltage = bb_real(55.4);
    bench_run(&bench, 1);
    assert_mode("Absorption");
    assert_true((bench.decision.warnings & (1U << BB_WARNING_VOLTAGE)) != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_absorption_starts_within_half_a_millivolt_per_cell),
        cmocka_unit_test(test_uneven_cells_do_not_absorb),
        cmocka_unit_test(test_transition_falls_a_millivolt_per_second),
        cmocka_unit_test(test_soc_ends_float),
        cmocka_unit_test(test_full_with_a_low_soc_stays_in_float),
        cmocka_unit_test(test_missing_soc_changes_no_mode),
        cmocka_unit_test(test_doubtful_soc_changes_no_mode),
        cmocka_unit_test(test_cells_apart_at_rest_end_float_after_a_minute),
        cmocka_unit_test(test_endless_absorption_ends),
        cmocka_unit_test(test_penalty_controller),
        cmocka_unit_test(test_clipped_controller),
        cmocka_unit_test(test_integrating_controller),
        cmocka_unit_test(test_never_below_the_lowest_pack_voltage),
        cmocka_unit_test(test_recovery_by_hold_and_ramp),
        cmocka_unit_test(test_overvoltage_stops_charging),
        cmocka_unit_test(test_overvoltage_alarm_of_the_bms_stops_charging),
        cmocka_unit_test(test_fixed_mode_keeps_the_maximum),
        cmocka_unit_test(test_high_cell_in_float),
        cmocka_unit_test(test_voltage_drop_is_added_to_what_is_published),
        cmocka_unit_test(test_the_bms_may_lower_the_voltage),
        cmocka_unit_test(test_larger_of_pack_voltage_and_cells_decides_about_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
