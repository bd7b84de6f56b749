/* Current limits of a bank of several batteries. */
#include "support.h"

#include <string.h>

static struct stack stack;

static struct bb_battery *pack(size_t number)
{
    return &stack.batteries[number - 1].snapshot.battery;
}

static double ccl(void)
{
    return stack.charge.ccl.value;
}

static double dcl(void)
{
    return stack.charge.dcl.value;
}

static void set_max(size_t number, double charge_a, double capacity_ah)
{
    stack.batteries[number - 1].config.current[BB_CHARGING].max_a = charge_a;
    pack(number)->capacity = bb_real(capacity_ah);
}

/* count batteries, long enough for every hold and ramp of the start. */
static void begin(size_t count, const char *options, const char *bank_options)
{
    struct bb_battery battery = healthy_pack(3.30);
    stack_init(&stack, count, options, bank_options, &battery);
}

static void settle(void)
{
    stack_run(&stack, 120);
}

static void test_equal_batteries_add_up(void **state)
{
    (void)state;
    begin(3, "", "");
    settle();
    assert_near(ccl(), 150, 1e-9);
    assert_near(dcl(), 180, 1e-9);
    assert_true(stack.charge.allow_charge.value);
    assert_true(strstr(stack.charge.ccl_reason, "b1: Max Battery Charge Current") != NULL);
    assert_near(stack.charge.members[0].share.value, 1.0 / 3, 1e-9);
}

/* 100, 100, 50 A with 280, 280, 110 Ah: not 150 (three times the smallest), not 250 (the sum). */
static void test_shares_by_capacity(void **state)
{
    (void)state;
    begin(3, "ccl_recovery_rate_a_per_sec = 0", "");
    set_max(1, 100, 280);
    set_max(2, 100, 280);
    set_max(3, 50, 110);
    settle();
    assert_near(ccl(), 100 / (280.0 / 670), 0.01);
    assert_near(ccl(), 239, 0.5);
}

/* The same with 0.50, 0.38 and 0.12 measured: battery 1 decides. */
static void test_measured_shares(void **state)
{
    (void)state;
    begin(3, "ccl_recovery_rate_a_per_sec = 0", "");
    set_max(1, 100, 280);
    set_max(2, 100, 280);
    set_max(3, 50, 110);
    settle();
    pack(1)->current = bb_real(50);
    pack(2)->current = bb_real(38);
    pack(3)->current = bb_real(12);
    stack_run(&stack, 600);
    assert_near(ccl(), 200, 0.5);
    assert_near(stack.charge.members[0].share.value, 0.5, 0.001);
    for (size_t i = 1; i <= 3; i++) { /* no current: forgotten after ten minutes */
        pack(i)->current = bb_real(0);
    }
    stack_run(&stack, 500);
    assert_near(ccl(), 200, 0.5);
    stack_run(&stack, 160);
    assert_near(ccl(), 239, 0.5);
}

static void test_changed_switches_forget_measured_shares(void **state)
{
    (void)state;
    begin(2, "ccl_recovery_rate_a_per_sec = 0", "");
    settle();
    pack(1)->current = bb_real(35);
    pack(2)->current = bb_real(15);
    stack_run(&stack, 600);
    assert_near(ccl(), 50 / 0.7, 0.5);
    pack(2)->discharge_fet = bb_flag(false);
    stack_run(&stack, 1);
    assert_near(stack.charge.members[0].share.value, 1.0, 1e-9); /* of discharging */
    assert_near(ccl(), 50 / 0.7, 0.5);                           /* charging goes on as measured */
}

/* Near full: 10 A and 7.2 A allowed, but the second takes 72 %. */
static void test_overload_guard_protects_the_weaker(void **state)
{
    (void)state;
    begin(2, "", "");
    settle();
    set_max(1, 10, 100);
    set_max(2, 7.2, 100);
    stack_run(&stack, 1);
    assert_near(ccl(), 14.4, 0.01);
    pack(1)->current = bb_real(4.13);
    pack(2)->current = bb_real(10.27);
    stack_run(&stack, 3);
    assert_near(ccl(), 14.4, 0.4);
    stack_run(&stack, 1);
    assert_near(ccl(), 14.4 * 7.2 / 10.27, 0.05);
    assert_true(strstr(stack.charge.ccl_reason, "b2: Overload") != NULL);
    /* the charger obeys: battery 2 has its 7.2 A, and the limit does not jump back */
    pack(1)->current = bb_real(2.9);
    pack(2)->current = bb_real(7.2);
    stack_run(&stack, 29);
    assert_near(ccl(), 14.4 * 7.2 / 10.27, 0.05);
}

static void test_current_against_the_bank_stops_it(void **state)
{
    (void)state;
    begin(2, "", "");
    settle();
    pack(1)->current = bb_real(60);
    pack(2)->current = bb_real(-80);
    stack_run(&stack, 5);
    assert_near(ccl(), 0, 0); /* battery 1 is charged by the other one, above its limit */
    assert_near(dcl(), 0.25 * 60, 0.01);
}

static void test_never_above_the_configured_bank_maximum(void **state)
{
    (void)state;
    begin(3, "", "max_charge_current = 80\nmax_discharge_current = 0");
    settle();
    assert_near(ccl(), 80, 0);
    assert_string_equal(stack.charge.ccl_reason, "Max Bank Charge Current");
    assert_near(dcl(), 0, 0);
    assert_false(stack.charge.allow_discharge.value);
    begin(1, "", "max_charge_current = 20");
    settle();
    assert_near(ccl(), 20, 0);
}

/* Through an open switch nothing flows: the others go on with their own shares. */
static void test_open_switch_leaves_the_set(void **state)
{
    (void)state;
    begin(3, "", "");
    settle();
    pack(2)->charge_fet = bb_flag(false);
    stack_run(&stack, 1);
    assert_near(ccl(), 100, 1e-6);
    assert_near(dcl(), 180, 1e-6);
    assert_true(stack.charge.allow_charge.value);
    assert_int_equal(stack.charge.modules_blocking_charge.value, 1);
    pack(1)->charge_fet = bb_flag(false);
    pack(3)->charge_fet = bb_flag(false);
    stack_run(&stack, 1);
    assert_near(ccl(), 0, 0);
    assert_false(stack.charge.allow_charge.value);
    assert_true(stack.charge.allow_discharge.value);
}

/* A closed switch and a limit of 0: it would take its share, so the bank stops. */
static void test_limited_battery_stops_the_bank(void **state)
{
    (void)state;
    begin(3, "", "");
    settle();
    set_cell(pack(2), 1, 3.55);
    stack_run(&stack, 1);
    assert_near(ccl(), 0, 0);
    assert_near(dcl(), 180, 1e-6);
    assert_true(strstr(stack.charge.ccl_reason, "b2: Cell Voltage") != NULL);
    assert_true(strstr(stack.charge.ccl_reason, "b1") == NULL);
    set_cell(pack(2), 1, 3.30);
    stack_run(&stack, 60);
    assert_near(ccl(), 0, 0.001); /* its own hold, then the bank's */
    stack_run(&stack, 60);
    assert_near(ccl(), 150, 1e-6);
}

static void test_closing_at_another_voltage_stops_until_currents_are_equal(void **state)
{
    (void)state;
    begin(2, "", "");
    settle();
    pack(2)->charge_fet = bb_flag(false);
    pack(2)->discharge_fet = bb_flag(false);
    set_cells(pack(2), 3.27);
    stack_run(&stack, 60);
    assert_near(dcl(), 60, 1e-6);
    pack(2)->charge_fet = bb_flag(true);
    pack(2)->discharge_fet = bb_flag(true);
    pack(2)->current = bb_real(40);
    pack(1)->current = bb_real(-40);
    stack_run(&stack, 1);
    assert_near(ccl(), 0, 0);
    assert_near(dcl(), 0, 0);
    assert_true(strstr(stack.charge.dcl_reason, "b2: Switched in") != NULL);
    stack_run(&stack, 30);
    assert_near(dcl(), 0, 0);
    pack(2)->current = bb_real(10);
    pack(1)->current = bb_real(-10);
    stack_run(&stack, 100);
    assert_near(dcl(), 120, 1e-6);
    assert_near(ccl(), 100, 1e-6);
}

/* A charge switch that closes again without a surge must not cut the discharge current. */
static void test_closing_without_a_surge_costs_no_discharge_current(void **state)
{
    (void)state;
    begin(2, "", "");
    settle();
    pack(2)->charge_fet = bb_flag(false);
    stack_run(&stack, 60);
    pack(2)->charge_fet = bb_flag(true);
    pack(2)->current = bb_real(-5);
    pack(1)->current = bb_real(-5);
    stack_run(&stack, 1);
    assert_near(dcl(), 120, 1e-6);
    assert_near(ccl(), 0, 0); /* closed with a limit of 0 until its hold is over */
}

static void test_other_voltage_is_a_warning_then_a_stop(void **state)
{
    (void)state;
    begin(3, "", "");
    settle();
    set_cells(pack(3), 3.30 + 0.8 / 16);
    stack_run(&stack, 60);
    assert_int_equal(stack.bank.members[2].troubles, 0);
    stack_run(&stack, 2);
    assert_int_equal(stack.bank.members[2].troubles, 1U << BB_TROUBLE_MISMATCH);
    assert_true(dcl() > 0);
    set_cells(pack(3), 3.30 * 1.04);
    stack_run(&stack, 12);
    assert_near(dcl(), 0, 0);
    assert_true(strstr(stack.charge.dcl_reason, "b3: Voltage mismatch") != NULL);
}

static void test_different_nominal_voltages_stop_the_bank(void **state)
{
    (void)state;
    begin(2, "", "");
    pack(2)->cell_count = bb_integer(15);
    pack(2)->cells_count = 15;
    set_cells(pack(2), 52.8 / 15);
    stack_run(&stack, 5);
    assert_near(ccl(), 0, 0);
    assert_near(dcl(), 0, 0);
    assert_true(strstr(stack.charge.dcl_reason, "b1: Nominal voltage") != NULL);
}

/* Lost inside the window: a reader that restarts for 47 s changes nothing. */
static void test_missing_inside_the_window(void **state)
{
    (void)state;
    begin(2, "", "");
    settle();
    stack.silent[1] = true;
    for (int i = 0; i < 47; i++) {
        stack_run(&stack, 1);
        assert_near(ccl(), 100, 1e-6);
        assert_near(dcl(), 120, 1e-6);
        assert_near(stack.charge.cvl.value, 55.2, 1e-9);
        assert_true(stack.charge.bms_cable.value < 2);
    }
    assert_true(strstr(stack.charge.ccl_reason, "Battery lost") != NULL);
    stack.silent[1] = false;
    stack_run(&stack, 1);
    assert_near(ccl(), 100, 1e-6);
    stack.silent[1] = true;
    stack_run(&stack, 1800);
    assert_near(ccl(), 0, 0);
    assert_near(dcl(), 0, 0);
    assert_int_equal(stack.charge.bms_cable.value, 2);
}

static void test_missing_member_may_reduce_at_once(void **state)
{
    (void)state;
    begin(2, "", "missing_member = reduce");
    settle();
    stack.silent[1] = true;
    stack_run(&stack, 9);
    assert_near(ccl(), 100, 1e-6);
    stack_run(&stack, 1);
    assert_near(ccl(), 50, 1e-6);
    assert_string_equal(stack.charge.ccl_reason, "Missing batteries");
}

static void test_missing_outside_the_window_stops_the_bank(void **state)
{
    (void)state;
    begin(2, "", "");
    settle();
    set_cells(pack(1), 3.38);
    set_cells(pack(2), 3.38);
    stack_run(&stack, 1);
    stack.silent[1] = true;
    stack_run(&stack, 9);
    assert_true(ccl() > 0);
    stack_run(&stack, 1);
    assert_near(ccl(), 0, 0);
    assert_near(dcl(), 0, 0);
    assert_true(strstr(stack.charge.ccl_reason, "b2: Battery lost") != NULL);
    stack.silent[1] = false;
    stack_run(&stack, 30);
    assert_near(dcl(), 0, 0);
    stack_run(&stack, 90);
    assert_near(dcl(), 120, 1e-6);
}

static void test_missing_with_open_switches_has_no_effect(void **state)
{
    (void)state;
    begin(3, "", "");
    settle();
    pack(3)->charge_fet = bb_flag(false);
    pack(3)->discharge_fet = bb_flag(false);
    stack_run(&stack, 1);
    assert_near(ccl(), 100, 1e-6);
    stack.silent[2] = true;
    stack_run(&stack, 3600);
    assert_near(ccl(), 100, 1e-6);
    assert_near(dcl(), 120, 1e-6);
}

static void test_nothing_rises_while_a_member_is_not_fresh(void **state)
{
    (void)state;
    begin(2, "", "");
    settle();
    pack(1)->temperature_1 = bb_real(1);
    stack_run(&stack, 1);
    double low = ccl();
    assert_true(low < 30);
    pack(1)->temperature_1 = bb_real(25);
    stack_run(&stack, 20);
    stack.silent[1] = true;
    stack_run(&stack, 200);
    assert_near(ccl(), low, 1e-6);
    stack.silent[1] = false;
    stack_run(&stack, 100);
    assert_near(ccl(), 100, 1e-6);
}

/* A battery that is new on the bus may not double what the bank allows at a stroke. */
static void test_newcomer_raises_slowly(void **state)
{
    (void)state;
    begin(3, "", "");
    stack.count = 1;
    settle();
    assert_near(ccl(), 50, 0);
    stack.count = 3;
    stack_run(&stack, 20);
    assert_near(ccl(), 50, 0);
    for (int i = 0; i < 40; i++) {
        stack_run(&stack, 1);
        assert_true(ccl() <= 100.0001);
    }
    settle();
    assert_near(ccl(), 150, 1e-6);
}

/* The aggregator is restarted: nothing has been heard yet. */
static void restart(void)
{
    struct bb_bank_record record;
    bb_bank_record(&stack.bank, &stack.bank_config, &record);
    bb_bank_restore(&stack.bank, &stack.bank_config, &record, true);
    for (size_t i = 0; i < stack.count; i++) {
        struct bench *battery = &stack.batteries[i];
        struct bb_decision_record one;
        bb_decision_record(&battery->state, stack.ids[i], &one);
        bb_decision_restore(&battery->state, &battery->config, &one, true);
        battery->snapshot.seen = false;
    }
}

static void test_restart_waits_for_every_known_battery(void **state)
{
    (void)state;
    begin(2, "", "");
    settle();
    pack(1)->temperature_1 = bb_real(6);
    stack_run(&stack, 1);
    double before = ccl();
    restart();
    stack.silent[1] = true;
    stack_run(&stack, 5);
    assert_near(ccl(), 0, 0);
    assert_string_equal(stack.charge.ccl_reason, "Starting");
    pack(1)->temperature_1 = bb_real(25);
    stack.silent[1] = false;
    stack_run(&stack, 1);
    assert_near(ccl(), before, 0.001);
}

static void test_clock_of_the_wall_does_not_matter(void **state)
{
    (void)state;
    begin(2, "", "");
    settle();
    double before = ccl();
    stack.now_ms += 86400000; /* even the monotonic clock may stop for a day (suspend) */
    stack_run(&stack, 1);
    assert_near(ccl(), before, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_batteries_add_up),
        cmocka_unit_test(test_shares_by_capacity),
        cmocka_unit_test(test_measured_shares),
        cmocka_unit_test(test_changed_switches_forget_measured_shares),
        cmocka_unit_test(test_overload_guard_protects_the_weaker),
        cmocka_unit_test(test_current_against_the_bank_stops_it),
        cmocka_unit_test(test_never_above_the_configured_bank_maximum),
        cmocka_unit_test(test_open_switch_leaves_the_set),
        cmocka_unit_test(test_limited_battery_stops_the_bank),
        cmocka_unit_test(test_closing_at_another_voltage_stops_until_currents_are_equal),
        cmocka_unit_test(test_closing_without_a_surge_costs_no_discharge_current),
        cmocka_unit_test(test_other_voltage_is_a_warning_then_a_stop),
        cmocka_unit_test(test_different_nominal_voltages_stop_the_bank),
        cmocka_unit_test(test_missing_inside_the_window),
        cmocka_unit_test(test_missing_member_may_reduce_at_once),
        cmocka_unit_test(test_missing_outside_the_window_stops_the_bank),
        cmocka_unit_test(test_missing_with_open_switches_has_no_effect),
        cmocka_unit_test(test_nothing_rises_while_a_member_is_not_fresh),
        cmocka_unit_test(test_newcomer_raises_slowly),
        cmocka_unit_test(test_restart_waits_for_every_known_battery),
        cmocka_unit_test(test_clock_of_the_wall_does_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
