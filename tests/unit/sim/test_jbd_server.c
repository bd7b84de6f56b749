#include "tests/unit/sim/fixture.h"

#define READ_BASIC "dda50300fffd77"
#define READ_CELLS "dda50400fffc77"
#define ENTER_FACTORY "dd5a00025678ff3077"
#define LEAVE_FACTORY "dd5a01020000fffd77"
#define LEAVE_AND_SAVE "dd5a01022828ffad77"
#define READ_FUNCTIONS "dda52d00ffd377"

/* The pack of a captured exchange with a JBD-SP04S034: answers must be the captured ones. */
static struct bb_sim_board *captured_4s(struct bb_sim_line *line)
{
    static const double cells_v[] = {3.9088, 3.9006, 3.8946, 3.9006};
    struct bb_sim_pack_setup setup = usual_setup;
    setup.cell_count = 4;
    setup.capacity_ah = 5;
    struct bb_sim_board *board = one_board(line, &bb_sim_jbd, &setup);
    for (unsigned i = 0; i < 4; i++) {
        set_cell(&board->pack, i, cells_v[i]);
    }
    board->pack.counted_ah = 4.98;
    board->pack.discharged_ah = 0;
    board->pack.mos_c = 22.4;
    set_sensor(&board->pack, 0, 22.3);
    set_sensor(&board->pack, 1, 21.7);
    board->identity.year = 2022;
    board->identity.month = 3;
    board->identity.day = 28;
    return board;
}

static void test_answers_as_captured(void **state)
{
    (void)state;
    struct bb_sim_line line;
    (void)captured_4s(&line);
    assert_answer(&line, READ_BASIC,
                  "dd03001d0618000001f201f400002c7c00000000000080640304030b8b0b8a0b84fa8d77");
    assert_answer(&line, READ_CELLS, "dd0400080f450f3d0f370f3dfec677");
}

static void test_switched_off_as_captured(void **state)
{
    (void)state;
    static const double cells_v[] = {3.869, 3.866, 3.867, 3.868};
    struct bb_sim_line line;
    struct bb_sim_board *board = captured_4s(&line);
    board->pack.counted_ah = 4.93;
    assert_answer(&line, "dd5ae1020001ff1c77", "dde10000000077");
    for (unsigned i = 0; i < 4; i++) {
        set_cell(&board->pack, i, cells_v[i]);
        board->pack.level[BB_SIM_CELL_HIGH] = board->pack.level[BB_SIM_PACK_HIGH] = 0;
    }
    board->pack.discharge_fet = true;
    board->pack.mos_c = 24.5;
    set_sensor(&board->pack, 0, 24.2);
    set_sensor(&board->pack, 1, 23.7);
    /* The capture, with its 15.47 V: the sum of the cells. Bit 12 says "by software". */
    uint8_t answer[64];
    size_t size = ask(&line, READ_BASIC, answer, sizeof answer);
    uint8_t wanted[64];
    assert_int_equal(size, from_hex("dd03001d060b000001ed01f400002c7c00000000100080630204030ba00b9d"
                                    "0b98fa5577",
                                    wanted, sizeof wanted));
    assert_memory_equal(answer + 4 + 16, wanted + 4 + 16, 13);
}

static void test_large_capacity_and_discharge_as_captured(void **state)
{
    (void)state;
    static const double cells_v[] = {3.301, 3.3, 3.299, 3.302, 3.3, 3.301, 3.298, 3.299};
    struct bb_sim_line line;
    struct bb_sim_pack_setup setup = usual_setup;
    uint8_t answer[64];
    uint8_t wanted[64];
    setup.cell_count = 8;
    setup.capacity_ah = 560;
    setup.sensor_count = 1;
    struct bb_sim_board *board = one_board(&line, &bb_sim_jbd, &setup);
    for (unsigned i = 0; i < 8; i++) {
        set_cell(&board->pack, i, cells_v[i]);
    }
    set_current(&board->pack, -6.04);
    board->pack.counted_ah = 468.71;
    board->pack.discharged_ah = 0;
    board->pack.mos_c = 21.0;
    set_sensor(&board->pack, 0, 20.4);
    board->identity.year = 2022;
    board->identity.month = 7;
    board->identity.day = 19;
    size_t size = ask(&line, READ_BASIC, answer, sizeof answer);
    assert_int_equal(size, from_hex("dd03001b0a50fda4b717dac000002cf300000000000016540308020b7d0b77"
                                    "f8e277",
                                    wanted, sizeof wanted));
    wanted[22] = answer[22]; /* another software version, so another check sum */
    assert_memory_equal(answer, wanted, size - 3);
    assert_answer(&line, READ_CELLS, "dd0400100ce50ce40ce30ce60ce40ce50ce20ce3f87077");
}

static void test_name_is_text(void **state)
{
    (void)state;
    struct bb_sim_line line;
    struct bb_sim_pack_setup setup = usual_setup;
    uint8_t answer[64];
    setup.discharge_limit_a = 100;
    (void)one_board(&line, &bb_sim_jbd, &setup);
    size_t size = ask(&line, "dda50500fffb77", answer, sizeof answer);
    assert_int_equal(size, answer[3] + 7);
    assert_memory_equal(answer + 4, "JBD-SP16S015-L16S-100A-B", answer[3]);
}

static void test_configuration_only_in_factory_mode(void **state)
{
    (void)state;
    struct bb_sim_line line;
    struct bb_sim_pack_setup setup = usual_setup;
    setup.charge_limit_a = 120;
    setup.discharge_limit_a = 150;
    (void)one_board(&line, &bb_sim_jbd, &setup);
    assert_answer(&line, "dda52800ffd877", "dd288000ff8077");
    assert_answer(&line, ENTER_FACTORY, "dd000000000077");
    assert_answer(&line, "dda52800ffd877", "dd2800022ee0fef077");
    assert_answer(&line, "dda52900ffd777", "dd290002c568fed177");
    assert_answer(&line, READ_FUNCTIONS, "dd2d0002000efff077");
    assert_answer(&line, "dda53a00ffc677", "dd3a8000ff8077"); /* none of ours */
    assert_answer(&line, LEAVE_FACTORY, "dd010000000077");
    assert_answer(&line, "dda52900ffd777", "dd298000ff8077");
}

static void test_wrong_key_opens_nothing(void **state)
{
    (void)state;
    struct bb_sim_line line;
    (void)one_board(&line, &bb_sim_jbd, &usual_setup);
    assert_answer(&line, "dd5a00021234ffb877", "dd008000ff8077");
    assert_answer(&line, "dda52800ffd877", "dd288000ff8077");
}

static void test_balancer_switch_needs_saving(void **state)
{
    (void)state;
    struct bb_sim_line line;
    struct bb_sim_board *board = one_board(&line, &bb_sim_jbd, &usual_setup);
    assert_answer(&line, ENTER_FACTORY, "dd000000000077");
    assert_answer(&line, "dd5a2d02000affc777", "dd2d0000000077");
    assert_answer(&line, LEAVE_FACTORY, "dd010000000077");
    assert_true(board->pack.balance_switch);
    assert_answer(&line, ENTER_FACTORY, "dd000000000077");
    assert_answer(&line, "dd5a2d02000affc777", "dd2d0000000077");
    assert_answer(&line, READ_FUNCTIONS, "dd2d0002000afff477");
    assert_answer(&line, LEAVE_AND_SAVE, "dd010000000077");
    assert_false(board->pack.balance_switch);
}

static void test_fets_obey(void **state)
{
    (void)state;
    struct bb_sim_line line;
    struct bb_sim_board *board = one_board(&line, &bb_sim_jbd, &usual_setup);
    assert_answer(&line, "dd5ae1020003ff1a77", "dde10000000077");
    assert_false(board->pack.charge_fet || board->pack.discharge_fet);
    assert_answer(&line, "dd5ae1020002ff1b77", "dde10000000077");
    assert_true(board->pack.charge_fet);
    assert_false(board->pack.discharge_fet);
    assert_answer(&line, "dd5ae1020000ff1d77", "dde10000000077");
    assert_true(board->pack.charge_fet && board->pack.discharge_fet);
}

static void test_protection_bits(void **state)
{
    (void)state;
    static const struct {
        enum bb_sim_alarm alarm;
        unsigned word;
    } facts[] = {
        {BB_SIM_CELL_HIGH, 1},        {BB_SIM_CELL_LOW, 2},
        {BB_SIM_PACK_HIGH, 4},        {BB_SIM_PACK_LOW, 8},
        {BB_SIM_CHARGE_HOT, 16},      {BB_SIM_CHARGE_COLD, 32},
        {BB_SIM_DISCHARGE_HOT, 64},   {BB_SIM_DISCHARGE_COLD, 128},
        {BB_SIM_CHARGE_CURRENT, 256}, {BB_SIM_DISCHARGE_CURRENT, 512},
    };
    struct bb_sim_line line;
    struct bb_sim_board *board = one_board(&line, &bb_sim_jbd, &usual_setup);
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        uint8_t answer[64];
        board->pack.level[facts[i].alarm] = 2;
        (void)ask(&line, READ_BASIC, answer, sizeof answer);
        assert_int_equal((unsigned)answer[20] << 8 | answer[21], facts[i].word);
        board->pack.level[facts[i].alarm] = 0;
    }
}

static void test_balancing_cells_beyond_16(void **state)
{
    (void)state;
    struct bb_sim_line line;
    struct bb_sim_pack_setup setup = usual_setup;
    uint8_t answer[64];
    setup.cell_count = 24;
    struct bb_sim_board *board = one_board(&line, &bb_sim_jbd, &setup);
    board->pack.balancing = 1U | 1U << 15 | 1U << 16;
    (void)ask(&line, READ_BASIC, answer, sizeof answer);
    assert_int_equal((unsigned)answer[16] << 8 | answer[17], 0x8001);
    assert_int_equal((unsigned)answer[18] << 8 | answer[19], 0x0001);
}

static void test_counters_count_trips(void **state)
{
    (void)state;
    struct bb_sim_line line;
    struct bb_sim_board *board = one_board(&line, &bb_sim_jbd, &usual_setup);
    board->pack.trips[BB_SIM_CELL_HIGH] = 0x7A;
    board->pack.trips[BB_SIM_CHARGE_HOT] = 2;
    assert_answer(&line, "dda5aa00ff5677",
                  "ddaa0018000000000000007a00000002000000000000000000000000ff6c77");
}

/* Whatever single byte of a request is damaged: no good answer. */
static void test_damaged_requests(void **state)
{
    (void)state;
    struct bb_sim_line line;
    uint8_t request[16];
    uint8_t answer[64];
    (void)one_board(&line, &bb_sim_jbd, &usual_setup);
    size_t size = from_hex(READ_BASIC, request, sizeof request);
    for (size_t at = 0; at < size; at++) {
        for (unsigned flip = 1; flip < 256; flip++) {
            request[at] ^= (uint8_t)flip;
            size_t answered = ask_bytes(&line, request, size, answer, sizeof answer);
            assert_true(answered == 0 || (answered == 7 && answer[2] == 0x80));
            request[at] ^= (uint8_t)flip;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_as_captured),
        cmocka_unit_test(test_switched_off_as_captured),
        cmocka_unit_test(test_large_capacity_and_discharge_as_captured),
        cmocka_unit_test(test_name_is_text),
        cmocka_unit_test(test_configuration_only_in_factory_mode),
        cmocka_unit_test(test_wrong_key_opens_nothing),
        cmocka_unit_test(test_balancer_switch_needs_saving),
        cmocka_unit_test(test_fets_obey),
        cmocka_unit_test(test_protection_bits),
        cmocka_unit_test(test_balancing_cells_beyond_16),
        cmocka_unit_test(test_counters_count_trips),
        cmocka_unit_test(test_damaged_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
