#include "tests/unit/sim/fixture.h"

#define DALY_BOARD_1 "a5409008aaaaaaaaaaaaaaaacd"
#define DALY_BOARD_2 "a5419008aaaaaaaaaaaaaaaace"
#define JBD_BASIC "dda50300fffd77"

static void two_dalys(struct bb_sim_line *line)
{
    bb_sim_line_init(line, &bb_sim_daly);
    assert_non_null(bb_sim_line_add(line, "rack", 0x40, &usual_setup, 1, NULL));
    assert_non_null(bb_sim_line_add(line, "rack", 0x41, &usual_setup, 1, NULL));
}

static void send(struct bb_sim_line *line, const char *hex, int64_t now_ms)
{
    uint8_t data[128];
    bb_sim_line_receive(line, data, from_hex(hex, data, sizeof data), now_ms);
}

static void test_turnaround(void **state)
{
    (void)state;
    struct bb_sim_line line;
    uint8_t answer[64];
    two_dalys(&line);
    assert_int_equal(bb_sim_line_wake_ms(&line), INT64_MAX);
    send(&line, DALY_BOARD_1, 1000);
    assert_int_equal(bb_sim_line_wake_ms(&line), 1040);
    assert_int_equal(bb_sim_line_transmit(&line, 1039, answer, sizeof answer), 0);
    assert_int_equal(bb_sim_line_transmit(&line, 1040, answer, sizeof answer), 13);
    assert_int_equal(bb_sim_line_wake_ms(&line), INT64_MAX);
}

static void test_pace(void **state)
{
    (void)state;
    struct bb_sim_line line;
    uint8_t answer[64];
    size_t size = 0;
    int64_t now_ms = 0;
    two_dalys(&line);
    line.paced = true;
    send(&line, DALY_BOARD_1, 1000);
    for (int i = 0; i < 13; i++) {
        now_ms = bb_sim_line_wake_ms(&line);
        size += bb_sim_line_transmit(&line, now_ms, answer + size, sizeof answer - size);
        assert_int_equal(size, i + 1); /* 9600 bit/s: a byte each 1.04 ms */
    }
    assert_int_equal(now_ms, 1054);
    assert_int_equal(bb_sim_line_wake_ms(&line), INT64_MAX);
}

static void test_requests_in_pieces_and_in_rubbish(void **state)
{
    (void)state;
    struct bb_sim_line line;
    uint8_t request[64];
    uint8_t answer[64];
    two_dalys(&line);
    size_t size = from_hex("ffa5a540 00dd" DALY_BOARD_2 "0102", request, sizeof request);
    for (size_t i = 0; i < size; i++) {
        bb_sim_line_receive(&line, request + i, 1, 1000 + (int64_t)i);
    }
    assert_int_equal(bb_sim_line_transmit(&line, 2000, answer, sizeof answer), 13);
    assert_int_equal(answer[1], 2);
    assert_int_equal(line.requests, 1);
}

static void test_a_cut_request_does_not_spoil_the_next(void **state)
{
    (void)state;
    struct bb_sim_line line;
    uint8_t answer[64];
    (void)one_board(&line, &bb_sim_jbd, &usual_setup);
    send(&line, "dda50320", 1000); /* announces 32 bytes that never come */
    send(&line, JBD_BASIC, 2000);
    assert_true(bb_sim_line_transmit(&line, 3000, answer, sizeof answer) > 30);
}

static void test_echo_comes_first(void **state)
{
    (void)state;
    struct bb_sim_line line;
    uint8_t answer[64];
    uint8_t request[16];
    two_dalys(&line);
    line.echo = true;
    size_t size = from_hex(DALY_BOARD_1, request, sizeof request);
    send(&line, DALY_BOARD_1, 1000);
    assert_int_equal(bb_sim_line_transmit(&line, 1000, answer, sizeof answer), size);
    assert_memory_equal(answer, request, size);
    assert_int_equal(bb_sim_line_transmit(&line, 1040, answer, sizeof answer), 13);
    assert_int_equal(answer[1], 1);
}

static void test_a_late_board_does_not_hold_up_the_others(void **state)
{
    (void)state;
    struct bb_sim_line line;
    uint8_t answer[64];
    two_dalys(&line);
    line.boards[0].faults.value[BB_SIM_FAULT_DELAY] = 5000;
    send(&line, DALY_BOARD_1, 1000);
    send(&line, DALY_BOARD_2, 1500);
    assert_int_equal(bb_sim_line_wake_ms(&line), 1540);
    assert_int_equal(bb_sim_line_transmit(&line, 1540, answer, sizeof answer), 13);
    assert_int_equal(answer[1], 2);
    assert_int_equal(bb_sim_line_wake_ms(&line), 6040);
    assert_int_equal(bb_sim_line_transmit(&line, 6040, answer, sizeof answer), 13);
    assert_int_equal(answer[1], 1);
}

static void test_silence_is_one_boards_own(void **state)
{
    (void)state;
    struct bb_sim_line line;
    uint8_t answer[64];
    two_dalys(&line);
    line.boards[0].faults.value[BB_SIM_FAULT_SILENCE] = 1;
    assert_int_equal(ask(&line, DALY_BOARD_1, answer, sizeof answer), 0);
    assert_int_equal(ask(&line, DALY_BOARD_2, answer, sizeof answer), 13);
}

static void test_loss_is_about_as_wanted(void **state)
{
    (void)state;
    struct bb_sim_line line;
    uint8_t answer[64];
    int answered = 0;
    two_dalys(&line);
    line.boards[0].faults.value[BB_SIM_FAULT_LOSS] = 10;
    for (int i = 0; i < 2000; i++) {
        answered += ask(&line, DALY_BOARD_1, answer, sizeof answer) == 13;
    }
    assert_in_range(answered, 1740, 1860);
}

static void test_wrong_address_is_a_perfect_answer_of_somebody_else(void **state)
{
    (void)state;
    struct bb_sim_line line;
    uint8_t answer[64];
    unsigned sum = 0;
    two_dalys(&line);
    line.boards[0].faults.value[BB_SIM_FAULT_WRONG_ADDRESS] = 100;
    assert_int_equal(ask(&line, DALY_BOARD_1, answer, sizeof answer), 13);
    assert_int_equal(answer[1], 2);
    for (size_t i = 0; i < 12; i++) {
        sum += answer[i];
    }
    assert_int_equal(answer[12], sum & 0xFF);
}

static void test_wrong_register_where_there_are_no_addresses(void **state)
{
    (void)state;
    struct bb_sim_line line;
    uint8_t answer[64];
    struct bb_sim_board *board = one_board(&line, &bb_sim_jbd, &usual_setup);
    board->faults.value[BB_SIM_FAULT_WRONG_ADDRESS] = 100;
    assert_true(ask(&line, JBD_BASIC, answer, sizeof answer) > 7);
    assert_int_equal(answer[1], 0x04);
}

static void test_freeze_stops_what_is_shown_only(void **state)
{
    (void)state;
    struct bb_sim_line line;
    uint8_t before[64];
    uint8_t after[64];
    struct bb_sim_board *board = one_board(&line, &bb_sim_jbd, &usual_setup);
    size_t size = ask(&line, JBD_BASIC, before, sizeof before);
    bb_sim_board_freeze(board, true);
    bb_sim_pack_set_current(&board->pack, 50);
    bb_sim_pack_step(&board->pack, 600);
    assert_int_equal(ask(&line, JBD_BASIC, after, sizeof after), size);
    assert_memory_equal(before, after, size);
    bb_sim_board_freeze(board, false);
    assert_int_equal(ask(&line, JBD_BASIC, after, sizeof after), size);
    assert_memory_not_equal(before, after, size);
}

static void test_reset_forgets_what_is_under_way(void **state)
{
    (void)state;
    struct bb_sim_line line;
    uint8_t answer[64];
    two_dalys(&line);
    send(&line, DALY_BOARD_1, 1000);
    bb_sim_line_reset(&line);
    assert_int_equal(bb_sim_line_transmit(&line, 9000, answer, sizeof answer), 0);
}

static void test_a_flood_of_requests_is_survived(void **state)
{
    (void)state;
    struct bb_sim_line line;
    uint8_t answer[4096];
    two_dalys(&line);
    line.echo = true;
    for (int i = 0; i < 100; i++) {
        send(&line, DALY_BOARD_1 DALY_BOARD_2, 1000);
    }
    size_t size = bb_sim_line_transmit(&line, 9000, answer, sizeof answer);
    assert_true(size > 0 && size < BB_SIM_LINE_ANSWERS * BB_SIM_ANSWER_MAX);
    assert_int_equal(bb_sim_line_wake_ms(&line), INT64_MAX);
    send(&line, DALY_BOARD_1, 10000);
    assert_true(bb_sim_line_transmit(&line, 11000, answer, sizeof answer) >= 13);
}

static void test_addresses_are_checked(void **state)
{
    (void)state;
    struct bb_sim_line line;
    struct bb_problem problem;
    two_dalys(&line);
    assert_null(bb_sim_line_add(&line, "rack", 0x41, &usual_setup, 1, &problem));
    assert_string_equal(problem.what, "0x41 twice");
    assert_null(bb_sim_line_add(&line, "rack", 0x01, &usual_setup, 1, &problem));
    assert_string_equal(problem.what, "daly has 0x40 to 0x4f, not 0x01");
    assert_int_equal(line.board_count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turnaround),
        cmocka_unit_test(test_pace),
        cmocka_unit_test(test_requests_in_pieces_and_in_rubbish),
        cmocka_unit_test(test_a_cut_request_does_not_spoil_the_next),
        cmocka_unit_test(test_echo_comes_first),
        cmocka_unit_test(test_a_late_board_does_not_hold_up_the_others),
        cmocka_unit_test(test_silence_is_one_boards_own),
        cmocka_unit_test(test_loss_is_about_as_wanted),
        cmocka_unit_test(test_wrong_address_is_a_perfect_answer_of_somebody_else),
        cmocka_unit_test(test_wrong_register_where_there_are_no_addresses),
        cmocka_unit_test(test_freeze_stops_what_is_shown_only),
        cmocka_unit_test(test_reset_forgets_what_is_under_way),
        cmocka_unit_test(test_a_flood_of_requests_is_survived),
        cmocka_unit_test(test_addresses_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
