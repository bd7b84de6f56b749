#include "proto/deadlines.h"
#include "services/sim/bench.h"
#include "tests/unit/sim/fixture.h"

/* Two JK packs of 100 Ah that obey a bank. */
static void prepare(struct bb_sim_bench *bench, const char *profile)
{
    memset(bench, 0, sizeof *bench);
    bb_sim_line_init(&bench->line, &bb_sim_jk_pb);
    assert_non_null(bb_sim_line_add(&bench->line, "rack", 1, &usual_setup, 1, NULL));
    assert_non_null(bb_sim_line_add(&bench->line, "rack", 2, &usual_setup, 1, NULL));
    bench->obeys_bank = true;
    bench->speed = 1;
    assert_int_equal(bb_sim_profile_add(&bench->plant.profile, profile, NULL), BB_OK);
    bb_sim_bench_connect(bench);
}

static struct bb_charge decision(double capacity_ah)
{
    return (struct bb_charge){
        .cvl = bb_real(55.2),
        .ccl = bb_real(100),
        .dcl = bb_real(80),
        .capacity = bb_real(capacity_ah),
        .battery_low_voltage = bb_real(46.4),
    };
}

static void test_whole_bank_obeys_whole_limits(void **state)
{
    (void)state;
    struct bb_sim_bench bench;
    struct bb_charge charge = decision(200);
    prepare(&bench, "100000");
    bb_sim_bench_obey(&bench, &charge, 1000);
    bb_sim_bench_step(&bench, 1500, 500);
    assert_near(bench.plant.current_a, 100, 1e-6);
}

static void test_part_of_a_bank_takes_its_part(void **state)
{
    (void)state;
    struct bb_sim_bench bench;
    struct bb_charge charge = decision(800);
    prepare(&bench, "100000");
    bb_sim_bench_obey(&bench, &charge, 1000);
    struct bb_sim_limits limits = bb_sim_bench_limits(&bench, 1500);
    assert_near(limits.ccl_a, 25, 1e-9);
    assert_near(limits.dcl_a, 20, 1e-9);
    assert_near(limits.cvl_v, 55.2, 1e-9);
    bench.line.boards[0].faults.value[BB_SIM_FAULT_SILENCE] = 1; /* the bank does not see it */
    bb_sim_bench_obey(&bench, &charge, 2000);
    assert_near(bb_sim_bench_limits(&bench, 2000).ccl_a, 12.5, 1e-9);
}

static void test_share_is_never_more_than_all(void **state)
{
    (void)state;
    struct bb_sim_bench bench;
    struct bb_charge charge = decision(50);
    prepare(&bench, "100000");
    bb_sim_bench_obey(&bench, &charge, 1000);
    assert_near(bb_sim_bench_limits(&bench, 1000).ccl_a, 100, 1e-9);
}

static void test_old_or_missing_decisions_stop_everything(void **state)
{
    (void)state;
    struct bb_sim_bench bench;
    struct bb_charge charge = decision(200);
    prepare(&bench, "2000");
    bb_sim_bench_step(&bench, 1000, 500);
    assert_near(bench.plant.current_a, 0, 1e-6);
    bb_sim_bench_obey(&bench, &charge, 1000);
    bb_sim_bench_step(&bench, 1000 + BB_DECISION_MAX_AGE_MS, 500);
    assert_true(bench.plant.current_a > 50);
    bb_sim_bench_step(&bench, 1001 + BB_DECISION_MAX_AGE_MS, 500);
    assert_near(bench.plant.current_a, 0, 1e-6);
}

static void test_incomplete_decisions_count_as_none(void **state)
{
    (void)state;
    struct bb_sim_bench bench;
    struct bb_charge charge = decision(200);
    prepare(&bench, "2000");
    charge.ccl.present = false;
    bb_sim_bench_obey(&bench, &charge, 1000);
    assert_false(bb_sim_bench_limits(&bench, 1000).valid);
    charge = decision(200);
    charge.capacity.present = false;
    bb_sim_bench_obey(&bench, &charge, 1000);
    assert_near(bb_sim_bench_limits(&bench, 1000).ccl_a, 0, 0);
}

static void test_without_a_bank_the_packs_rule(void **state)
{
    (void)state;
    struct bb_sim_bench bench;
    prepare(&bench, "100000");
    bench.obeys_bank = false;
    bb_sim_bench_step(&bench, 1000, 500);
    assert_near(bench.plant.current_a, 200, 1e-6);
}

static void test_speed_and_long_gaps(void **state)
{
    (void)state;
    struct bb_sim_bench bench;
    prepare(&bench, "0");
    bench.speed = 60;
    bb_sim_bench_step(&bench, 1000, 500);
    assert_near(bench.plant.time_s, 30, 1e-9);
    bb_sim_bench_step(&bench, 10000000, 9999000); /* the computer slept */
    assert_near(bench.plant.time_s, 30 + 60 * BB_STEP_MAX_MS / 1000.0, 1e-9);
}

static void test_commands_reach_one_or_all(void **state)
{
    (void)state;
    struct bb_sim_bench bench;
    struct bb_problem problem;
    prepare(&bench, "0");
    assert_int_equal(bb_sim_bench_command(&bench, 2, "loss", 30, &problem), BB_OK);
    assert_near(bench.line.boards[0].faults.value[BB_SIM_FAULT_LOSS], 0, 0);
    assert_near(bench.line.boards[1].faults.value[BB_SIM_FAULT_LOSS], 30, 0);
    assert_int_equal(bb_sim_bench_command(&bench, BB_SIM_ALL_BOARDS, "silence", 1, &problem),
                     BB_OK);
    assert_near(bench.line.boards[0].faults.value[BB_SIM_FAULT_SILENCE], 1, 0);
    assert_int_equal(bb_sim_bench_command(&bench, 1, "clear", 0, &problem), BB_OK);
    assert_near(bench.line.boards[0].faults.value[BB_SIM_FAULT_SILENCE], 0, 0);
    assert_near(bench.line.boards[1].faults.value[BB_SIM_FAULT_SILENCE], 1, 0);
}

static void test_every_verb_does_something(void **state)
{
    (void)state;
    struct bb_sim_bench bench;
    struct bb_problem problem;
    int all = BB_SIM_ALL_BOARDS;
    prepare(&bench, "0");
    struct bb_sim_pack *pack = &bench.line.boards[0].pack;
    assert_int_equal(bb_sim_bench_command(&bench, all, "soc", 80, &problem), BB_OK);
    assert_near(bb_sim_pack_soc(pack), 80, 1e-9);
    double cell_v = bb_sim_pack_cell(pack, 0);
    assert_int_equal(bb_sim_bench_command(&bench, all, "cell_voltage_bias", 0.1, &problem), BB_OK);
    assert_near(bb_sim_pack_cell(pack, 0), cell_v + 0.1, 1e-9);
    assert_int_equal(bb_sim_bench_command(&bench, all, "ambient_temperature", -5, &problem), BB_OK);
    bb_sim_bench_step(&bench, 1000, 500);
    assert_true(pack->temperature_c < 20);
    assert_int_equal(bb_sim_bench_command(&bench, all, "power", -500, &problem), BB_OK);
    assert_near(bb_sim_profile_power(&bench.plant.profile, 0), -500, 0);
    assert_int_equal(bb_sim_bench_command(&bench, all, "speed", 10, &problem), BB_OK);
    assert_near(bench.speed, 10, 0);
    assert_int_equal(bb_sim_bench_command(&bench, all, "vanish", 1, &problem), BB_OK);
    assert_true(bench.vanished);
    assert_int_equal(bb_sim_bench_command(&bench, all, "freeze", 1, &problem), BB_OK);
    assert_ptr_equal(bb_sim_board_shown(&bench.line.boards[0]), &bench.line.boards[0].frozen);
    assert_int_equal(bb_sim_bench_command(&bench, all, "clear", 0, &problem), BB_OK);
    assert_false(bench.vanished);
    assert_near(bb_sim_pack_cell(pack, 0), cell_v, 0.05);
    assert_ptr_equal(bb_sim_board_shown(&bench.line.boards[0]), pack);
}

static void test_wrong_commands_are_refused_and_change_nothing(void **state)
{
    (void)state;
    static const struct {
        int address;
        const char *verb;
        double value;
        int error;
    } wrong[] = {
        {3, "silence", 1, BB_ERR_UNKNOWN},
        {-7, "silence", 1, BB_ERR_UNKNOWN},
        {BB_SIM_ALL_BOARDS, "sulk", 1, BB_ERR_UNKNOWN},
        {1, "vanish", 1, BB_ERR_UNKNOWN},
        {1, "loss", 101, BB_ERR_RANGE},
        {1, "loss", -1, BB_ERR_RANGE},
        {1, "delay", 1e9, BB_ERR_RANGE},
        {BB_SIM_ALL_BOARDS, "speed", 0, BB_ERR_RANGE},
        {BB_SIM_ALL_BOARDS, "soc", NAN, BB_ERR_RANGE},
    };
    struct bb_sim_bench bench;
    struct bb_sim_bench before;
    prepare(&bench, "0");
    memcpy(&before, &bench, sizeof before);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct bb_problem problem = {0};
        assert_int_equal(
            bb_sim_bench_command(&bench, wrong[i].address, wrong[i].verb, wrong[i].value, &problem),
            wrong[i].error);
        assert_true(problem.what[0] != '\0');
        assert_memory_equal(&before, &bench, sizeof before);
    }
}

static void test_commands_as_text(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",           ":silence",
                                        "0x02:",      "x:silence",
                                        "loss=",      "loss=5%",
                                        "=5",         "0x02:loss=5=6",
                                        "-1:silence", "a_verb_that_is_much_longer_than_any"};
    struct bb_sim_bench bench;
    struct bb_problem problem;
    prepare(&bench, "0");
    assert_int_equal(bb_sim_bench_command_text(&bench, "0x02:loss=12.5", &problem), BB_OK);
    assert_near(bench.line.boards[1].faults.value[BB_SIM_FAULT_LOSS], 12.5, 0);
    assert_int_equal(bb_sim_bench_command_text(&bench, "silence", &problem), BB_OK);
    assert_near(bench.line.boards[0].faults.value[BB_SIM_FAULT_SILENCE], 1, 0);
    assert_int_equal(bb_sim_bench_command_text(&bench, "silence=0", &problem), BB_OK);
    assert_near(bench.line.boards[0].faults.value[BB_SIM_FAULT_SILENCE], 0, 0);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_true(bb_sim_bench_command_text(&bench, wrong[i], &problem) < 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_bank_obeys_whole_limits),
        cmocka_unit_test(test_part_of_a_bank_takes_its_part),
        cmocka_unit_test(test_share_is_never_more_than_all),
        cmocka_unit_test(test_old_or_missing_decisions_stop_everything),
        cmocka_unit_test(test_incomplete_decisions_count_as_none),
        cmocka_unit_test(test_without_a_bank_the_packs_rule),
        cmocka_unit_test(test_speed_and_long_gaps),
        cmocka_unit_test(test_commands_reach_one_or_all),
        cmocka_unit_test(test_every_verb_does_something),
        cmocka_unit_test(test_wrong_commands_are_refused_and_change_nothing),
        cmocka_unit_test(test_commands_as_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
