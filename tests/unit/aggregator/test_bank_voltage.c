/* Charge voltage of a bank of several 16-cell batteries. */
#include "support.h"

#include <string.h>

static struct stack stack;

static struct bb_battery *pack(size_t number)
{
    return &stack.batteries[number - 1].snapshot.battery;
}

static double cvl(void)
{
    return stack.charge.cvl.value;
}

static void begin(size_t count, const char *options)
{
    struct bb_battery battery = healthy_pack(3.30);
    stack_init(&stack, count, options, "", &battery);
    stack_run(&stack, 3);
}

/* Battery number absorbs and floats while the others stay where they are. */
static void make_float(size_t number)
{
    set_cells(pack(number), 3.452);
    pack(number)->soc = bb_real(99);
    stack_run(&stack, 902 + 1202);
    assert_string_equal(stack.batteries[number - 1].decision.charge.mode, "Float");
    set_cells(pack(number), 3.36);
}

static void test_first_one_in_float_lowers_nothing(void **state)
{
    (void)state;
    begin(3, "");
    assert_near(cvl(), 55.2, 1e-9);
    assert_string_equal(stack.charge.mode, "Bulk");
    make_float(1);
    stack_run(&stack, 10);
    assert_near(cvl(), 55.2, 1e-9);
    assert_string_equal(stack.charge.mode, "Bulk");
}

static void test_lowest_of_the_charging_ones(void **state)
{
    (void)state;
    begin(3, "");
    set_cells(pack(3), 3.40);
    set_cell(pack(3), 8, 3.50);
    stack_run(&stack, 1);
    assert_near(cvl(), 54.45, 1e-9);
    assert_string_equal(stack.charge.cvl_reason, "b3: Cell Voltage");
    assert_true(strstr(stack.charge.flags, "cell_ovp") != NULL);
}

/* One that floats still protects its own cells. */
static void test_ceiling_of_a_floating_battery(void **state)
{
    (void)state;
    begin(2, "");
    make_float(1);
    set_cells(pack(1), 3.40);
    set_cell(pack(1), 5, 3.50);
    stack_run(&stack, 1);
    assert_near(cvl(), 54.46, 1e-9);
    assert_near(stack.charge.ceiling_voltage.value, 54.46, 1e-9);
    set_cells(pack(1), 3.36);
    stack_run(&stack, 50);
    assert_near(cvl(), 54.46, 1e-9); /* hold, then ramp */
    stack_run(&stack, 110);
    assert_near(cvl(), 54.56, 0.02);
}

static void test_all_floating_fall_slowly(void **state)
{
    (void)state;
    begin(2, "");
    make_float(1);
    set_cells(pack(2), 3.452);
    pack(2)->soc = bb_real(99);
    stack_run(&stack, 902);
    assert_string_equal(stack.charge.mode, "Float Transition");
    assert_near(cvl(), 55.2, 0.01);
    double before = cvl();
    for (int i = 0; i < 1000; i++) {
        stack_run(&stack, 1);
        assert_true(cvl() <= before + 1e-9 && before - cvl() < 0.02);
        before = cvl();
    }
    assert_near(cvl(), 54.2, 0.02);
    stack_run(&stack, 300);
    assert_string_equal(stack.charge.mode, "Float");
    assert_near(cvl(), 54.0, 1e-9);
    set_cells(pack(1), 3.30);
    pack(1)->soc = bb_real(70);
    stack_run(&stack, 1);
    assert_string_equal(stack.charge.mode, "Bulk");
    assert_near(cvl(), 55.2, 1e-9);
}

/* Drifting cells of one battery do not take the whole bank back to bulk. */
static void test_bulk_by_difference_keeps_the_bank_in_float(void **state)
{
    (void)state;
    begin(2, "");
    set_cells(pack(2), 3.452);
    pack(2)->soc = bb_real(99);
    make_float(1);
    stack_run(&stack, 1500);
    assert_string_equal(stack.charge.mode, "Float");
    set_cells(pack(2), 3.33);
    set_cell(pack(2), 3, 3.24);
    stack_run(&stack, 70);
    assert_string_equal(stack.batteries[1].decision.charge.mode, "Bulk");
    assert_string_equal(stack.charge.mode, "Float");
    assert_near(cvl(), 54.0, 1e-9);
}

static void test_absorption_and_fixed_labels(void **state)
{
    (void)state;
    begin(2, "");
    set_cells(pack(1), 3.452);
    stack_run(&stack, 2);
    assert_string_equal(stack.charge.mode, "Bulk");
    set_cells(pack(2), 3.452);
    stack_run(&stack, 2);
    assert_string_equal(stack.charge.mode, "Absorption");
    begin(2, "cvcm_enable = no");
    assert_string_equal(stack.charge.mode, "Keep always max voltage");
}

static void test_voltage_drop_counts_once(void **state)
{
    (void)state;
    begin(2, "voltage_drop = 0.2");
    assert_near(cvl(), 55.4, 1e-9);
}

static void test_battery_without_cells_allows_float_only(void **state)
{
    (void)state;
    begin(2, "");
    pack(2)->cells[0].voltage.present = false;
    stack_run(&stack, 5);
    assert_near(cvl(), 54.0, 1e-9);
    assert_string_equal(stack.charge.cvl_reason, "b2: No data");
}

static void test_blocked_missing_battery_allows_float_only(void **state)
{
    (void)state;
    begin(2, "");
    set_cells(pack(1), 3.40);
    set_cells(pack(2), 3.40);
    stack_run(&stack, 1);
    stack.silent[1] = true;
    stack_run(&stack, 10);
    assert_near(cvl(), 54.0, 1e-9);
    assert_string_equal(stack.charge.cvl_reason, "b2: Battery lost");
}

static void test_all_charge_switches_open(void **state)
{
    (void)state;
    begin(2, "");
    pack(1)->charge_fet = bb_flag(false);
    pack(2)->charge_fet = bb_flag(false);
    stack_run(&stack, 2);
    assert_near(cvl(), 55.2, 1e-9);
    assert_near(stack.charge.ccl.value, 0, 0);
}

static void test_voltage_does_not_rise_while_a_member_is_not_fresh(void **state)
{
    (void)state;
    begin(2, "");
    set_cells(pack(2), 3.452);
    pack(2)->soc = bb_real(99);
    make_float(1);
    stack_run(&stack, 1500);
    stack.silent[1] = true;
    stack_run(&stack, 6);
    set_cells(pack(1), 3.30);
    pack(1)->soc = bb_real(70);
    stack_run(&stack, 2);
    assert_near(cvl(), 54.0, 1e-9);
    stack.silent[1] = false;
    stack_run(&stack, 1);
    assert_near(cvl(), 55.2, 1e-9);
}

static void test_restart_in_float_stays_in_float(void **state)
{
    (void)state;
    begin(2, "");
    set_cells(pack(2), 3.452);
    pack(2)->soc = bb_real(99);
    make_float(1);
    stack_run(&stack, 1500);
    for (int recent = 0; recent < 2; recent++) {
        struct bb_bank_record record;
        bb_bank_record(&stack.bank, &stack.bank_config, &record);
        bb_bank_restore(&stack.bank, &stack.bank_config, &record, recent == 1);
        stack_run(&stack, 5);
        assert_string_equal(stack.charge.mode, "Float");
        assert_near(cvl(), 54.0, 1e-9);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_one_in_float_lowers_nothing),
        cmocka_unit_test(test_lowest_of_the_charging_ones),
        cmocka_unit_test(test_ceiling_of_a_floating_battery),
        cmocka_unit_test(test_all_floating_fall_slowly),
        cmocka_unit_test(test_bulk_by_difference_keeps_the_bank_in_float),
        cmocka_unit_test(test_absorption_and_fixed_labels),
        cmocka_unit_test(test_voltage_drop_counts_once),
        cmocka_unit_test(test_battery_without_cells_allows_float_only),
        cmocka_unit_test(test_blocked_missing_battery_allows_float_only),
        cmocka_unit_test(test_all_charge_switches_open),
        cmocka_unit_test(test_voltage_does_not_rise_while_a_member_is_not_fresh),
        cmocka_unit_test(test_restart_in_float_stays_in_float),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
