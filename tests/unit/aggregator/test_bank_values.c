/* Merged readings of a bank, and who belongs to it. */
#include "support.h"

#include <math.h>
#include <string.h>

static struct stack stack;

static struct bb_battery *pack(size_t number)
{
    return &stack.batteries[number - 1].snapshot.battery;
}

static void begin(size_t count)
{
    struct bb_battery battery = healthy_pack(3.30);
    stack_init(&stack, count, "", "", &battery);
    stack_run(&stack, 3);
    assert_true(stack.published);
}

static void test_one_battery_is_passed_through(void **state)
{
    (void)state;
    begin(1);
    pack(1)->current = bb_real(-12);
    pack(1)->protection.low_soc = bb_integer(1);
    set_cell(pack(1), 3, 3.42);
    stack_run(&stack, 5);
    const struct bb_charge *one = &stack.batteries[0].decision.charge;
    const struct bb_charge *bank = &stack.charge;
    assert_string_equal(bank->kind, "bank");
    assert_string_equal(bank->name, "bank");
    assert_near(bank->cvl.value, one->cvl.value, 0);
    assert_near(bank->ccl.value, one->ccl.value, 0);
    assert_near(bank->dcl.value, one->dcl.value, 0);
    assert_true(bank->ccl.value < 50);
    assert_string_equal(bank->ccl_reason, "b1: Cell Voltage");
    assert_string_equal(bank->cvl_reason, "b1: Bulk");
    assert_string_equal(bank->mode, one->mode);
    assert_near(bank->voltage.value, one->voltage.value, 0);
    assert_near(bank->current.value, -12, 0);
    assert_near(bank->power.value, one->power.value, 0);
    assert_near(bank->soc.value, 60, 0);
    assert_near(bank->capacity.value, 100, 0);
    assert_near(bank->capacity_remain.value, 60, 1e-9);
    assert_near(bank->cell_sum.value, one->cell_sum.value, 0);
    assert_string_equal(bank->max_cell_id, "b1: C3");
    assert_int_equal(bank->alarms.low_soc.value, 1);
    assert_int_equal(bank->modules_online.value, 1);
    assert_int_equal(bank->members_count, 1);
    assert_string_equal(bank->members[0].id, "b1");
    assert_near(bank->members[0].share.value, 1, 0);
    struct bb_problem problem = {0};
    if (bb_schema_check(bb_message_schema(BB_TOPIC_CHARGE), bank, &problem) != BB_OK) {
        fail_msg("%s: %s", problem.where, problem.what);
    }
}

static void test_sums_means_and_extremes(void **state)
{
    (void)state;
    begin(2);
    pack(1)->current = bb_real(10);
    pack(2)->current = bb_real(5);
    pack(1)->capacity = bb_real(280);
    pack(1)->soc = bb_real(80);
    pack(2)->soc = bb_real(60);
    pack(1)->temperature_1 = bb_real(10);
    pack(2)->temperature_2 = bb_real(33);
    pack(2)->protection.high_temperature = bb_integer(1);
    pack(1)->protection.high_temperature = bb_integer(2);
    set_cell(pack(2), 5, 3.28);
    set_cell(pack(1), 6, 3.33);
    stack_run(&stack, 1);
    const struct bb_charge *bank = &stack.charge;
    assert_near(bank->current.value, 15, 0);
    assert_near(bank->capacity.value, 380, 0);
    assert_near(bank->soc.value, (80.0 * 280 + 60.0 * 100) / 380, 1e-9);
    assert_near(bank->soc.value, 74.74, 0.005);
    assert_near(bank->capacity_remain.value, 284, 1e-9);
    assert_near(bank->consumed.value, -96, 1e-9);
    assert_near(bank->voltage.value, (52.83 + 52.78) / 2, 1e-9);
    assert_near(bank->cell_diff.value, 0.05, 1e-9);
    assert_string_equal(bank->max_cell_id, "b1: C6");
    assert_string_equal(bank->min_cell_id, "b2: C5");
    assert_string_equal(bank->min_temperature_id, "b1: Temp 1");
    assert_string_equal(bank->max_temperature_id, "b2: Temp 2");
    assert_near(bank->temperature.value, ((10.0 + 26) / 2 + (25.0 + 33) / 2) / 2, 1e-9);
    assert_int_equal(bank->alarms.high_temperature.value, 2);
}

/* Packs of 53.1, 53.2 and 53.1 V and one that switched itself off at 50 V. */
static void test_voltage_is_the_median_of_the_connected(void **state)
{
    (void)state;
    begin(4);
    set_cells(pack(1), 53.1 / 16);
    set_cells(pack(2), 53.2 / 16);
    set_cells(pack(3), 53.1 / 16);
    set_cells(pack(4), 50.0 / 16);
    pack(4)->charge_fet = bb_flag(false);
    pack(4)->discharge_fet = bb_flag(false);
    stack_run(&stack, 1);
    assert_near(stack.charge.voltage.value, 53.1, 1e-6);
    pack(4)->soh = bb_real(80);
    pack(1)->soh = bb_real(90);
    stack_run(&stack, 1);
    assert_near(stack.charge.soh.value, 80, 0);
}

static void test_names_of_the_owner_are_used(void **state)
{
    (void)state;
    begin(2);
    (void)strcpy(pack(2)->device.name, "Garage"); /* NOLINT: fits */
    set_cell(pack(2), 5, 3.28);
    stack_run(&stack, 1);
    assert_string_equal(stack.charge.min_cell_id, "Garage: C5");
}

static void test_missing_battery_is_estimated_for_a_while(void **state)
{
    (void)state;
    begin(2);
    pack(1)->current = bb_real(-36);
    pack(2)->current = bb_real(-36);
    stack_run(&stack, 1);
    stack.silent[1] = true;
    stack_run(&stack, 300);
    assert_near(stack.charge.current.value, -36, 0);
    assert_int_equal(stack.charge.modules_offline.value, 1);
    /* 60 % and 60 % less 36 A for five minutes of 100 Ah, except before it was lost */
    assert_near(stack.charge.soc.value, 60 - 3.0 / 2 * 291 / 300, 0.05);
    assert_near(stack.charge.capacity.value, 200, 0);
    stack_run(&stack, 700);
    assert_near(stack.charge.soc.value, 60, 1e-9); /* the other one alone */
    assert_int_equal(stack.charge.bms_cable.value, 1);
}

static void test_missing_and_isolated_counts_for_nothing(void **state)
{
    (void)state;
    begin(2);
    pack(2)->charge_fet = bb_flag(false);
    pack(2)->discharge_fet = bb_flag(false);
    stack_run(&stack, 1);
    stack.silent[1] = true;
    stack_run(&stack, 2000);
    assert_near(stack.charge.capacity.value, 100, 0);
    assert_int_equal(stack.charge.bms_cable.value, 1);
    assert_true(stack.charge.ccl.value > 0);
}

static void test_all_missing(void **state)
{
    (void)state;
    begin(2);
    stack.silent[0] = true;
    stack.silent[1] = true;
    stack_run(&stack, 10);
    assert_string_equal(stack.charge.link, "lost");
    assert_false(stack.charge.voltage.present);
    assert_false(stack.charge.current.present);
    assert_near(stack.charge.ccl.value, 0, 0);
    assert_near(stack.charge.dcl.value, 0, 0);
    assert_false(stack.charge.allow_charge.value);
    assert_near(stack.charge.cvl.value, 54.0, 1e-9);
    assert_string_equal(stack.charge.dcl_reason, "No battery is heard");
    stack_run(&stack, 1800);
    assert_true(stack.published);
    assert_int_equal(stack.charge.bms_cable.value, 2);
}

static void test_listed_and_ignored_members(void **state)
{
    (void)state;
    struct bb_battery battery = healthy_pack(3.30);
    stack_init(&stack, 3, "", "members = b3, b1\nname = Rack\nignore_members = b9", &battery);
    stack_run(&stack, 3);
    assert_int_equal(stack.charge.members_count, 2);
    assert_string_equal(stack.charge.members[0].id, "b3");
    assert_string_equal(stack.charge.name, "Rack");
    stack_init(&stack, 3, "", "ignore_members = b2", &battery);
    stack_run(&stack, 3);
    assert_int_equal(stack.charge.members_count, 2);
    assert_string_equal(stack.charge.members[1].id, "b3");
}

static void test_listed_battery_nobody_has_heard_stops_the_bank(void **state)
{
    (void)state;
    struct bb_battery battery = healthy_pack(3.30);
    stack_init(&stack, 2, "", "members = b1, b2, b7", &battery);
    stack_run(&stack, 30);
    assert_string_equal(stack.charge.ccl_reason, "Starting");
    stack_run(&stack, 40);
    assert_near(stack.charge.ccl.value, 0, 0);
    assert_string_equal(stack.charge.ccl_reason, "b7: never seen");
    assert_string_equal(stack.charge.members[2].link, "never_seen");
}

static void test_nothing_known_publishes_nothing(void **state)
{
    (void)state;
    struct bb_battery battery = healthy_pack(3.30);
    stack_init(&stack, 0, "", "", &battery);
    stack_run(&stack, 3);
    assert_false(stack.published);
    stack_init(&stack, 2, "", "", &battery);
    stack.silent[0] = true;
    stack.silent[1] = true;
    stack_run(&stack, 3);
    assert_false(stack.published);
}

static void test_no_more_members_than_there_is_room_for(void **state)
{
    (void)state;
    struct bb_battery battery = healthy_pack(3.30);
    struct bench bench;
    struct bb_charge_config config = charge_config("");
    bench_init(&bench, &config, &battery);
    bench_evaluate(&bench, true);
    char ids[BB_MEMBERS_MAX + 3][BB_ID_MAX];
    struct bb_bank_input inputs[BB_MEMBERS_MAX + 3];
    for (size_t i = 0; i < BB_MEMBERS_MAX + 3; i++) {
        (void)snprintf(ids[i], sizeof ids[i], "n%zu", i);
        inputs[i] = (struct bb_bank_input){.id = ids[i], .decision = &bench.decision};
    }
    struct bb_bank_config bank_config;
    stack_init(&stack, 1, "", "", &battery);
    bank_config = stack.bank_config;
    struct bb_bank_state bank;
    struct bb_charge charge;
    bb_bank_init(&bank, &bank_config);
    for (int i = 0; i < 3; i++) {
        assert_true(bb_bank_evaluate(&bank_config, &bank, inputs, BB_MEMBERS_MAX + 3,
                                     START_MS + i * 1000, &charge));
    }
    assert_int_equal(charge.members_count, BB_MEMBERS_MAX);
    assert_int_equal(bank.crowded_out, 3);
    assert_near(charge.capacity.value, 100.0 * BB_MEMBERS_MAX, 1e-6);
}

static void test_record_and_restore(void **state)
{
    (void)state;
    begin(3);
    struct bb_bank_record record;
    bb_bank_record(&stack.bank, &stack.bank_config, &record);
    assert_int_equal(record.member_count, 3);
    struct bb_bank_state again;
    bb_bank_restore(&again, &stack.bank_config, &record, true);
    assert_int_equal(again.member_count, 3);
    assert_string_equal(again.members[2].id, "b3");
    struct bb_bank_config listed = stack.bank_config;
    listed.listed = true;
    listed.member_count = 1;
    (void)strcpy(listed.members[0], "b2"); /* NOLINT: fits */
    bb_bank_restore(&again, &listed, &record, true);
    assert_int_equal(again.member_count, 1);
    struct bb_bank_config without = stack.bank_config;
    without.ignored_count = 1;
    (void)strcpy(without.ignored[0], "b2"); /* NOLINT: fits */
    bb_bank_restore(&again, &without, &record, true);
    assert_int_equal(again.member_count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_battery_is_passed_through),
        cmocka_unit_test(test_sums_means_and_extremes),
        cmocka_unit_test(test_voltage_is_the_median_of_the_connected),
        cmocka_unit_test(test_names_of_the_owner_are_used),
        cmocka_unit_test(test_missing_battery_is_estimated_for_a_while),
        cmocka_unit_test(test_missing_and_isolated_counts_for_nothing),
        cmocka_unit_test(test_all_missing),
        cmocka_unit_test(test_listed_and_ignored_members),
        cmocka_unit_test(test_listed_battery_nobody_has_heard_stops_the_bank),
        cmocka_unit_test(test_nothing_known_publishes_nothing),
        cmocka_unit_test(test_no_more_members_than_there_is_room_for),
        cmocka_unit_test(test_record_and_restore),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
