#include "services/sim/bytes.h"
#include "tests/unit/sim/fixture.h"

#define RECORD 300
#define WHOLE 310
#define STATUS_3 "031016200001020000cf91"
#define SETTINGS_3 "0310161e0001020000cb4f"
#define ABOUT_3 "0310161c0001020000caad"

static uint32_t u32_at(const uint8_t *record, size_t offset)
{
    return record[offset] | (uint32_t)record[offset + 1] << 8 | (uint32_t)record[offset + 2] << 16 |
           (uint32_t)record[offset + 3] << 24;
}

static unsigned u16_at(const uint8_t *record, size_t offset)
{
    return record[offset] | (unsigned)record[offset + 1] << 8;
}

/* A 16S pack at address 3 in the state of a captured one. */
static struct bb_sim_board *captured(struct bb_sim_line *line)
{
    static const unsigned high[] = {6, 8, 9, 10, 11, 12, 14};
    struct bb_sim_pack_setup setup = usual_setup;
    setup.capacity_ah = 280;
    setup.sensor_count = 4;
    setup.charge_limit_a = 60;
    setup.discharge_limit_a = 100;
    bb_sim_line_init(line, &bb_sim_jk_pb);
    struct bb_sim_board *board = bb_sim_line_add(line, "test", 3, &setup, 1, NULL);
    assert_non_null(board);
    struct bb_sim_pack *pack = &board->pack;
    for (unsigned i = 0; i < 16; i++) {
        set_cell(pack, i, 3.293);
    }
    for (size_t i = 0; i < sizeof high / sizeof high[0]; i++) {
        set_cell(pack, high[i], 3.294);
    }
    pack->counted_ah = 155.219;
    pack->discharged_ah = 280 * 62.2;
    pack->mos_c = 20.3;
    set_sensor(pack, 0, 19.5);
    set_sensor(pack, 1, 19.8);
    set_sensor(pack, 2, 19.4);
    set_sensor(pack, 3, 19.9);
    return board;
}

static void assert_frame(const uint8_t *answer, size_t size, unsigned type, const char *tail)
{
    static const uint8_t start[] = {0x55, 0xAA, 0xEB, 0x90};
    uint8_t acknowledge[16];
    assert_int_equal(size, WHOLE);
    assert_memory_equal(answer, start, sizeof start);
    assert_int_equal(answer[4], type);
    assert_int_equal(answer[RECORD - 1], bb_sim_sum(answer, RECORD - 1) & 0xFF);
    assert_int_equal(from_hex(tail, acknowledge, sizeof acknowledge), WHOLE - RECORD);
    assert_memory_equal(answer + RECORD, acknowledge, WHOLE - RECORD);
}

/* The check sums of these acknowledgements were captured. */
static void test_frames_and_acknowledgements(void **state)
{
    (void)state;
    struct bb_sim_line line;
    uint8_t answer[BB_SIM_ANSWER_MAX] = {0};
    (void)captured(&line);
    assert_frame(answer, ask(&line, STATUS_3, answer, sizeof answer), 2, "0003101620000105a900");
    assert_frame(answer, ask(&line, SETTINGS_3, answer, sizeof answer), 1, "000310161e0001646500");
    assert_frame(answer, ask(&line, ABOUT_3, answer, sizeof answer), 3, "000310161c0001c5a500");
}

static void test_status_as_captured(void **state)
{
    (void)state;
    static const struct {
        size_t offset;
        const char *hex;
    } facts[] = {
        {6, "dd0cdd0cdd0cdd0cdd0cdd0cde0cdd0cde0cde0cde0cde0cde0cdd0cde0cdd0c00000000"},
        {70, "ffff0000dd0c0100"},
        {144, "cb00"},
        {150, "d7cd0000000000000000 0000c300c60000000000000000 37535e0200c04504003e000000"},
        {190, "64"},
        {198, "0101"},
        {234, "9514"},
        {254, "cb00c200c700"},
    };
    struct bb_sim_line line;
    uint8_t answer[BB_SIM_ANSWER_MAX] = {0};
    (void)captured(&line);
    assert_int_equal(ask(&line, STATUS_3, answer, sizeof answer), WHOLE);
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        uint8_t wanted[64];
        size_t size = from_hex(facts[i].hex, wanted, sizeof wanted);
        assert_memory_equal(answer + facts[i].offset, wanted, size);
    }
    assert_int_equal(answer[214], 0x37); /* sensors: MOS, 1, 2, 4, 5 */
}

static void test_current_power_and_alarms(void **state)
{
    (void)state;
    static const struct {
        enum bb_sim_alarm alarm;
        unsigned bit;
    } facts[] = {
        {BB_SIM_MOS_HOT, 1},        {BB_SIM_CELL_HIGH, 4},       {BB_SIM_PACK_HIGH, 5},
        {BB_SIM_CHARGE_CURRENT, 6}, {BB_SIM_CHARGE_HOT, 8},      {BB_SIM_CHARGE_COLD, 9},
        {BB_SIM_CELL_LOW, 11},      {BB_SIM_PACK_LOW, 12},       {BB_SIM_DISCHARGE_CURRENT, 13},
        {BB_SIM_DISCHARGE_HOT, 15}, {BB_SIM_DISCHARGE_COLD, 27},
    };
    struct bb_sim_line line;
    uint8_t answer[BB_SIM_ANSWER_MAX] = {0};
    struct bb_sim_board *board = captured(&line);
    set_current(&board->pack, -12.345);
    (void)ask(&line, STATUS_3, answer, sizeof answer);
    assert_int_equal((int32_t)u32_at(answer, 158), -12345);
    assert_in_range(u32_at(answer, 154), 12345 * 52.6, 12345 * 52.8);
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        board->pack.level[facts[i].alarm] = 2;
        (void)ask(&line, STATUS_3, answer, sizeof answer);
        assert_int_equal(u32_at(answer, 166), 1U << facts[i].bit);
        board->pack.level[facts[i].alarm] = 0;
    }
}

static void test_missing_sensors_say_so(void **state)
{
    (void)state;
    struct bb_sim_line line;
    uint8_t answer[BB_SIM_ANSWER_MAX] = {0};
    struct bb_sim_board *board = captured(&line);
    board->pack.setup.sensor_count = 1;
    (void)ask(&line, STATUS_3, answer, sizeof answer);
    assert_int_equal(u16_at(answer, 162), 195);
    assert_int_equal(u16_at(answer, 164), 0xF830);
    assert_int_equal(u16_at(answer, 258), 0xF830);
    assert_int_equal(answer[214], 0x03);
}

static void test_settings(void **state)
{
    (void)state;
    struct bb_sim_line line;
    uint8_t answer[BB_SIM_ANSWER_MAX] = {0};
    (void)captured(&line);
    assert_int_equal(ask(&line, SETTINGS_3, answer, sizeof answer), WHOLE);
    assert_int_equal(u32_at(answer, 50), 60000);
    assert_int_equal(u32_at(answer, 62), 100000);
    assert_int_equal(u32_at(answer, 114), 16);
    assert_int_equal(u32_at(answer, 126), 1);
    assert_int_equal(u32_at(answer, 130), 280000);
    assert_int_equal(u32_at(answer, 270), 3);
    assert_int_equal(u16_at(answer, 282), 0x3300);
}

static void test_about_is_text(void **state)
{
    (void)state;
    struct bb_sim_line line;
    uint8_t answer[BB_SIM_ANSWER_MAX] = {0};
    struct bb_sim_board *board = captured(&line);
    board->identity.year = 2024;
    board->identity.month = 9;
    board->identity.day = 1;
    assert_int_equal(ask(&line, ABOUT_3, answer, sizeof answer), WHOLE);
    assert_memory_equal(answer + 6, "JK_PB2A16S20P\0\0\0", 16);
    assert_memory_equal(answer + 22, "15A\0\0\0\0\0", 8);
    assert_memory_equal(answer + 30, "15.41\0\0\0", 8);
    assert_memory_equal(answer + 78, "240901\0\0", 8);
    assert_memory_equal(answer + 86, board->identity.serial, 12);
    assert_memory_equal(answer + 102, "test-03\0", 8);
}

static void test_serial_numbers_differ(void **state)
{
    (void)state;
    char seen[32][12];
    size_t count = 0;
    static const char *const names[] = {"rack", "barn"};
    for (size_t n = 0; n < 2; n++) {
        struct bb_sim_line line;
        bb_sim_line_init(&line, &bb_sim_jk_pb);
        for (uint16_t address = 1; address <= 15; address++) {
            struct bb_sim_board *board =
                bb_sim_line_add(&line, names[n], address, &usual_setup, 1, NULL);
            assert_non_null(board);
            assert_int_equal(strlen(board->identity.serial), 11);
            for (size_t i = 0; i < count; i++) {
                assert_string_not_equal(board->identity.serial, seen[i]);
            }
            memcpy(seen[count++], board->identity.serial, sizeof seen[0]);
        }
    }
}

static void test_only_the_addressed_battery_answers(void **state)
{
    (void)state;
    struct bb_sim_line line;
    uint8_t answer[2 * BB_SIM_ANSWER_MAX];
    (void)captured(&line);
    assert_non_null(bb_sim_line_add(&line, "test", 2, &usual_setup, 1, NULL));
    assert_frame(answer, ask(&line, "021016200001020000c201", answer, sizeof answer), 2,
                 "00021016200001047800");
    assert_int_equal(ask(&line, "011016200001020000d6f1", answer, sizeof answer), 0);
}

static void test_switches(void **state)
{
    (void)state;
    struct bb_sim_line line;
    struct bb_sim_board *board = captured(&line);
    uint8_t answer[BB_SIM_ANSWER_MAX] = {0};
    assert_int_equal(ask(&line, "031010700002040000000032f3", answer, sizeof answer), 8);
    assert_int_equal(bb_sim_crc16(answer, 6), u16_at(answer, 6));
    assert_false(board->pack.charge_fet);
    (void)ask(&line, SETTINGS_3, answer, sizeof answer);
    assert_int_equal(u32_at(answer, 118), 0);
    assert_int_equal(ask(&line, "0310107000020400000001f333", answer, sizeof answer), 8);
    assert_true(board->pack.charge_fet);
}

static void test_other_registers_and_damage_stay_unanswered(void **state)
{
    (void)state;
    struct bb_sim_line line;
    uint8_t request[16];
    uint8_t answer[BB_SIM_ANSWER_MAX] = {0};
    (void)captured(&line);
    size_t size = from_hex("0310 1604 0001 02 0000 0000", request, sizeof request);
    bb_sim_put_u16le(request + size - 2, bb_sim_crc16(request, size - 2));
    assert_int_equal(ask_bytes(&line, request, size, answer, sizeof answer), 0);
    size = from_hex(STATUS_3, request, sizeof request);
    for (size_t at = 0; at < size; at++) {
        for (unsigned flip = 1; flip < 256; flip++) {
            request[at] ^= (uint8_t)flip;
            assert_int_equal(ask_bytes(&line, request, size, answer, sizeof answer), 0);
            request[at] ^= (uint8_t)flip;
        }
    }
}

static void test_balancing_is_shown(void **state)
{
    (void)state;
    struct bb_sim_line line;
    uint8_t answer[BB_SIM_ANSWER_MAX] = {0};
    struct bb_sim_board *board = captured(&line);
    (void)ask(&line, STATUS_3, answer, sizeof answer);
    assert_int_equal(answer[172], 0);
    set_cell(&board->pack, 4, 3.5);
    set_cell(&board->pack, 9, 3.2);
    board->pack.setup.balancer = BB_SIM_BALANCER_ACTIVE;
    bb_sim_pack_step(&board->pack, 1);
    (void)ask(&line, STATUS_3, answer, sizeof answer);
    assert_int_not_equal(answer[172], 0);
    assert_int_equal(answer[78], 4);
    assert_int_equal(answer[79], 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_and_acknowledgements),
        cmocka_unit_test(test_status_as_captured),
        cmocka_unit_test(test_current_power_and_alarms),
        cmocka_unit_test(test_missing_sensors_say_so),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_about_is_text),
        cmocka_unit_test(test_serial_numbers_differ),
        cmocka_unit_test(test_only_the_addressed_battery_answers),
        cmocka_unit_test(test_switches),
        cmocka_unit_test(test_other_registers_and_damage_stay_unanswered),
        cmocka_unit_test(test_balancing_is_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
