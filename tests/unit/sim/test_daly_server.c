#include "tests/unit/sim/fixture.h"

/* An 8S pack as in a recorded start of a charging Daly. */
static struct bb_sim_board *charging_8s(struct bb_sim_line *line)
{
    static const double cells_v[] = {3.312, 3.313, 3.311, 3.312, 3.310, 3.314, 3.312, 3.311};
    struct bb_sim_pack_setup setup = usual_setup;
    setup.cell_count = 8;
    setup.sensor_count = 1;
    setup.capacity_ah = 320;
    struct bb_sim_board *board = one_board(line, &bb_sim_daly, &setup);
    for (unsigned i = 0; i < 8; i++) {
        set_cell(&board->pack, i, cells_v[i]);
    }
    set_current(&board->pack, 12.9);
    bb_sim_pack_count(&board->pack, 78.5);
    set_sensor(&board->pack, 0, 20);
    board->identity.year = 2022;
    board->identity.month = 6;
    board->identity.day = 17;
    (void)snprintf(board->identity.name, sizeof board->identity.name, "PACK-A1");
    return board;
}

static void test_answers_as_recorded(void **state)
{
    (void)state;
    struct bb_sim_line line;
    (void)charging_8s(&line);
    assert_answer(&line, "a5405008aaaaaaaaaaaaaaaa8d", "a50150080004e20000000c8070");
    assert_answer(&line, "a5405308aaaaaaaaaaaaaaaa90", "a50153080000160611ffff002c");
    assert_answer(&line, "a5405708aaaaaaaaaaaaaaaa94",
                  "a5015708015041434b2d4131c4 a5015708020000000000000007"
                  "a5015708030000000000000008 a5015708040000000000000009"
                  "a501570805000000000000000a");
    assert_answer(&line, "a5409008aaaaaaaaaaaaaaaacd", "a50190080109000074af03117f");
    assert_answer(&line, "a5409208aaaaaaaaaaaaaaaacf", "a50192083c013c01ffffffffb6");
    assert_answer(&line, "a5409508aaaaaaaaaaaaaaaad2",
                  "a5019508010cf00cf10cef0038 a5019508020cf00cee0cf20039"
                  "a5019508030cf00cef0000003d");
    assert_answer(&line, "a5409608aaaaaaaaaaaaaaaad3", "a5019608013c00000000000081");
    assert_answer(&line, "a5409708aaaaaaaaaaaaaaaad4", "a5019708000000000000000045");
    assert_answer(&line, "a5409808aaaaaaaaaaaaaaaad5", "a5019808000000000000000046");
}

static void test_discharge_counts_up(void **state)
{
    (void)state;
    struct bb_sim_line line;
    struct bb_sim_board *board = one_board(&line, &bb_sim_daly, &usual_setup);
    for (unsigned i = 0; i < 16; i++) {
        set_cell(&board->pack, i, 3.375);
    }
    set_current(&board->pack, -29.4);
    bb_sim_pack_count(&board->pack, 64.6);
    assert_answer(&line, "a5409008aaaaaaaaaaaaaaaacd", "a5019008021c000076560286b0");
}

static void test_state_cycles_and_switches(void **state)
{
    (void)state;
    struct bb_sim_line line;
    struct bb_sim_board *board = charging_8s(&line);
    uint8_t answer[16];
    board->pack.discharged_ah = 320 * 53.5;
    assert_int_equal(ask(&line, "a5409408aaaaaaaaaaaaaaaad1", answer, sizeof answer), 13);
    assert_int_equal(answer[4], 8);
    assert_int_equal(answer[5], 1);
    assert_int_equal((unsigned)answer[9] << 8 | answer[10], 53);
    assert_int_equal(ask(&line, "a5409308aaaaaaaaaaaaaaaad0", answer, sizeof answer), 13);
    assert_int_equal(answer[4], 1); /* charging */
    assert_int_equal(answer[5], 1);
    assert_int_equal(answer[6], 1);
    assert_int_equal((unsigned)answer[8] << 24 | (unsigned)answer[9] << 16 |
                         (unsigned)answer[10] << 8 | answer[11],
                     251200);
    uint8_t heartbeat = answer[7];
    set_current(&board->pack, -5);
    (void)ask(&line, "a5409308aaaaaaaaaaaaaaaad0", answer, sizeof answer);
    assert_int_equal(answer[4], 2);
    assert_int_equal(answer[7], (uint8_t)(heartbeat + 1));
    set_current(&board->pack, 0.04); /* less than it can say */
    (void)ask(&line, "a5409308aaaaaaaaaaaaaaaad0", answer, sizeof answer);
    assert_int_equal(answer[4], 0);
}

static void test_alarms_as_recorded(void **state)
{
    (void)state;
    struct bb_sim_line line;
    struct bb_sim_board *board = charging_8s(&line);
    board->pack.level[BB_SIM_CELL_LOW] = 2;
    board->pack.level[BB_SIM_PACK_LOW] = 1;
    board->pack.level[BB_SIM_DISCHARGE_HOT] = 1;
    board->pack.level[BB_SIM_DISCHARGE_CURRENT] = 1;
    board->pack.level[BB_SIM_SOC_LOW] = 2;
    board->pack.level[BB_SIM_IMBALANCE] = 1;
    assert_answer(&line, "a5409808aaaaaaaaaaaaaaaad5", "a50198084c10c4010000000067");
    board->pack.level[BB_SIM_MOS_HOT] = 2;
    assert_answer(&line, "a5409808aaaaaaaaaaaaaaaad5", "a50198084c10c401030000006a");
}

static void test_balancing_bits(void **state)
{
    (void)state;
    struct bb_sim_line line;
    struct bb_sim_board *board = charging_8s(&line);
    board->pack.balancing = 0x05;
    assert_answer(&line, "a5409708aaaaaaaaaaaaaaaad4", "a501970805000000000000004a");
}

static void test_several_boards_answer_by_number(void **state)
{
    (void)state;
    struct bb_sim_line line;
    uint8_t answer[16];
    bb_sim_line_init(&line, &bb_sim_daly);
    assert_non_null(bb_sim_line_add(&line, "rack", 0x40, &usual_setup, 1, NULL));
    assert_non_null(bb_sim_line_add(&line, "rack", 0x42, &usual_setup, 1, NULL));
    assert_int_equal(ask(&line, "a5409008aaaaaaaaaaaaaaaacd", answer, sizeof answer), 13);
    assert_int_equal(answer[1], 1);
    assert_int_equal(ask(&line, "a5419008aaaaaaaaaaaaaaaace", answer, sizeof answer), 0);
    assert_int_equal(ask(&line, "a5429008aaaaaaaaaaaaaaaacf", answer, sizeof answer), 13);
    assert_int_equal(answer[1], 3);
    /* The phone's address means board 1. */
    assert_int_equal(ask(&line, "a58090080000000000000000bd", answer, sizeof answer), 13);
    assert_int_equal(answer[1], 1);
}

static void test_writes(void **state)
{
    (void)state;
    struct bb_sim_line line;
    struct bb_sim_board *board = charging_8s(&line);
    double charge_ah = board->pack.cells[0].charge_ah;
    assert_answer(&line, "a5402108190c1f0e1e0003e869", "a50121080100000000000000d0");
    assert_near(bb_sim_pack_soc(&board->pack), 100, 0);
    assert_near(board->pack.cells[0].charge_ah, charge_ah, 0); /* a counter, not a charger */
    assert_answer(&line, "a540da0800aaaaaaaaaaaaaa6d", "a501da08000000000000000088");
    assert_false(board->pack.charge_fet);
    assert_answer(&line, "a540da0801aaaaaaaaaaaaaa6e", "a501da08010000000000000089");
    assert_true(board->pack.charge_fet);
    assert_answer(&line, "a540d90800aaaaaaaaaaaaaa6c", "a501d908000000000000000087");
    assert_false(board->pack.discharge_fet);
}

static void test_impossible_charge_is_refused(void **state)
{
    (void)state;
    struct bb_sim_line line;
    struct bb_sim_board *board = charging_8s(&line);
    assert_answer(&line, "a5402108190c1f0e1e0003e96a", "a50121080000000000000000cf");
    assert_near(bb_sim_pack_soc(&board->pack), 78.5, 1e-9);
}

static void test_unknown_and_damaged_requests_stay_unanswered(void **state)
{
    (void)state;
    struct bb_sim_line line;
    uint8_t request[16];
    uint8_t answer[128];
    (void)charging_8s(&line);
    assert_answer(&line, "a5400008aaaaaaaaaaaaaaaa3d", "");
    size_t size = from_hex("a5409008aaaaaaaaaaaaaaaacd", request, sizeof request);
    for (size_t at = 0; at < size; at++) {
        for (unsigned flip = 1; flip < 256; flip++) {
            request[at] ^= (uint8_t)flip;
            assert_int_equal(ask_bytes(&line, request, size, answer, sizeof answer), 0);
            request[at] ^= (uint8_t)flip;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_as_recorded),
        cmocka_unit_test(test_discharge_counts_up),
        cmocka_unit_test(test_state_cycles_and_switches),
        cmocka_unit_test(test_alarms_as_recorded),
        cmocka_unit_test(test_balancing_bits),
        cmocka_unit_test(test_several_boards_answer_by_number),
        cmocka_unit_test(test_writes),
        cmocka_unit_test(test_impossible_charge_is_refused),
        cmocka_unit_test(test_unknown_and_damaged_requests_stay_unanswered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
