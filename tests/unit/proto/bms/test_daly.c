/* Dialogues of the Daly driver, with a small board that answers. Frames of 90 and 95 from
 * Louisvdw/dbus-serialbattery issue 165, the rest from the Daly protocol sheet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dialogue.h"
#include "near.h"
#include "proto/bms/checksum.h"
#include "proto/bms/drivers.h"

enum { COMMANDS = 256, FRAMES_MOST = 16 };

/* What the board answers to a command; no frames: nothing. */
struct board {
    uint8_t frames[COMMANDS];
    uint8_t data[COMMANDS][FRAMES_MOST][8];
    int asked[COMMANDS];
    uint8_t written[8]; /* data of the last write */
};

static void set(struct board *board, uint8_t command, uint8_t frame, const char *hex)
{
    uint8_t data[8];
    assert_int_equal(dialogue_bytes(hex, data, sizeof data), 8);
    memcpy(board->data[command][frame], data, 8);
    if (board->frames[command] <= frame) {
        board->frames[command] = (uint8_t)(frame + 1);
    }
}

static void feed(struct dialogue *dialogue, uint8_t party, uint8_t command, const uint8_t *data)
{
    uint8_t frame[13] = {0xa5, party, command, 8};
    memcpy(frame + 4, data, 8);
    frame[12] = bb_sum8(frame, 12);
    struct bb_packet packet = {.data = frame, .size = sizeof frame};
    dialogue->driver->ops->receive(dialogue->state.bytes, &packet, dialogue->now_ms);
}

static void pass(struct dialogue *dialogue, int ms)
{
    const struct step steps[] = {PASSES(ms)};
    PLAY(dialogue, steps);
}

/* The command the driver asks for now, 0 for none. */
static uint8_t asks(struct dialogue *dialogue, struct board *board)
{
    struct bb_request request = {0};
    void *self = dialogue->state.bytes;
    if (!dialogue->driver->ops->next(self, dialogue->now_ms, &request)) {
        return 0;
    }
    assert_int_equal(request.size, 13);
    assert_int_equal(request.data[0], 0xa5);
    assert_int_equal(request.data[3], 8);
    assert_int_equal(request.data[12], bb_sum8(request.data, 12));
    dialogue->driver->ops->sent(self, dialogue->now_ms);
    memcpy(board->written, request.data + 4, 8);
    board->asked[request.data[2]]++;
    return request.data[2];
}

static void answer(struct dialogue *dialogue, const struct board *board, uint8_t command)
{
    pass(dialogue, 40);
    for (uint8_t i = 0; i < board->frames[command]; i++) {
        feed(dialogue, 1, command, board->data[command][i]);
    }
}

/* Runs until an event other than a state of the same cycle; false: it was no state. */
static bool cycle(struct dialogue *dialogue, struct board *board)
{
    for (int i = 0; i < 200; i++) {
        enum bb_event event = dialogue->driver->ops->event(dialogue->state.bytes);
        if (event != BB_EVENT_NONE) {
            return event == BB_EVENT_STATE;
        }
        uint8_t command = asks(dialogue, board);
        if (command != 0 && board->frames[command] > 0) {
            answer(dialogue, board, command);
        } else {
            pass(dialogue, 50);
        }
    }
    fail_msg("no event in 10 s");
    return false;
}

static void begin_with(struct dialogue *dialogue, struct board *board, const char *invert)
{
    struct bb_driver_setting setting = {.name = "invert_current", .value = invert};
    struct bb_driver_config config = {.medium = BB_MEDIUM_SERIAL,
                                      .address = 0x40,
                                      .period_ms = 1000,
                                      .settings = &setting,
                                      .setting_count = 1};
    dialogue_begin(dialogue, &bb_driver_daly, &config);
    memset(board, 0, sizeof *board);
    set(board, 0x94, 0, "08 01 00 00 02 00 35 dc");
    set(board, 0x90, 0, "01 09 00 00 74 af 03 11"); /* 26.5 V, raw 29871, 78.5 % */
    set(board, 0x93, 0, "01 01 01 ca 00 03 dd 38"); /* charging */
    set(board, 0x95, 0, "01 0c f0 0c f1 0c ef 00");
    set(board, 0x95, 1, "02 0c f0 0c ee 0c f2 00");
    set(board, 0x95, 2, "03 0c f0 0c ef 00 00 00");
    set(board, 0x96, 0, "01 3c 00 00 00 00 00 00");
    set(board, 0x97, 0, "81 00 00 00 00 00 00 00");
    set(board, 0x98, 0, "00 00 00 00 00 00 00 00");
}

static void begin(struct dialogue *dialogue, struct board *board)
{
    begin_with(dialogue, board, "auto");
}

static struct bb_battery battery_of(const struct dialogue *dialogue)
{
    int64_t time_ms;
    return dialogue_battery(dialogue, &time_ms);
}

static void sends_the_documented_requests(void **state)
{
    (void)state;
    static const struct step steps[] = {SENDS("A5 40 94 08 AA AA AA AA AA AA AA AA D1"),
                                        HEARS("A5 01 94 08 10 02 00 00 02 00 6E 41 05"),
                                        SENDS("A5 40 90 08 AA AA AA AA AA AA AA AA CD"),
                                        HEARS("A5 01 90 08 02 1C 00 00 76 56 02 86 B0"),
                                        SENDS("A5 40 93 08 AA AA AA AA AA AA AA AA D0")};
    struct dialogue dialogue;
    struct board board;
    begin(&dialogue, &board);
    PLAY(&dialogue, steps);
}

static void reads_a_board(void **state)
{
    (void)state;
    struct dialogue dialogue;
    struct board board;
    begin(&dialogue, &board);
    assert_true(cycle(&dialogue, &board));
    struct bb_battery battery = battery_of(&dialogue);
    assert_near(battery.current.value, 12.9);
    assert_int_equal(battery.cells_count, 8);
    assert_near(battery.cells[7].voltage.value, 3.311);
    assert_true(battery.cells[0].balance.value && battery.cells[7].balance.value);
    assert_false(battery.cells[1].balance.value);
    assert_near(battery.temperature_1.value, 20);
    assert_false(battery.temperature_2.present);
    assert_true(battery.protection.low_soc.present);
    assert_false(battery.protection.fuse_blown.present);
    assert_int_equal(board.asked[0x92], 0);
}

static void a_lost_frame_costs_one_repetition(void **state)
{
    (void)state;
    struct dialogue dialogue;
    struct board board;
    begin(&dialogue, &board);
    assert_true(cycle(&dialogue, &board));
    while (asks(&dialogue, &board) != 0x95) {
        pass(&dialogue, 1);
        feed(&dialogue, 1, 0x90, board.data[0x90][0]);
        feed(&dialogue, 1, 0x93, board.data[0x93][0]);
        pass(&dialogue, 100);
    }
    set(&board, 0x95, 1, "02 0d 00 0c ee 0c f2 00");
    feed(&dialogue, 1, 0x95, board.data[0x95][2]);
    feed(&dialogue, 1, 0x95, board.data[0x95][0]);
    assert_int_equal(asks(&dialogue, &board), 0); /* the burst may go on */
    pass(&dialogue, 200);
    assert_int_equal(asks(&dialogue, &board), 0x95);
    feed(&dialogue, 1, 0x95, board.data[0x95][1]); /* what was missing is enough */
    assert_true(cycle(&dialogue, &board));
    assert_near(battery_of(&dialogue).cells[3].voltage.value, 3.328);
}

/* Nine bytes of frame 2, then frame 3: the fixed length swallows its start. */
static void a_cut_frame_does_not_cost_the_next(void **state)
{
    (void)state;
    static const struct step burst[] = {
        HEARS("A5 01 95 08 01 0C F0 0C F1 0C EF 00 38 A5 01 95 08 02 0C F0 0C EE"
              "A5 01 95 08 03 0C F0 0C EF 00 00 00 3D"),
        PASSES(200)};
    struct dialogue dialogue;
    struct board board;
    begin(&dialogue, &board);
    assert_true(cycle(&dialogue, &board));
    pass(&dialogue, 1000);
    for (uint8_t command; (command = asks(&dialogue, &board)) != 0x95;) {
        answer(&dialogue, &board, command);
    }
    PLAY(&dialogue, burst);
    assert_int_equal(asks(&dialogue, &board), 0x95);
    feed(&dialogue, 1, 0x95, board.data[0x95][1]);
    assert_true(cycle(&dialogue, &board));
    assert_near(battery_of(&dialogue).cells[6].voltage.value, 3.312);
}

static void late_answers_count(void **state)
{
    (void)state;
    struct dialogue dialogue;
    struct board board;
    begin(&dialogue, &board);
    assert_true(cycle(&dialogue, &board));
    pass(&dialogue, 1000);
    assert_int_equal(asks(&dialogue, &board), 0x90);
    pass(&dialogue, 250);
    feed(&dialogue, 1, 0x90, board.data[0x90][0]); /* after its time-out */
    assert_int_equal(asks(&dialogue, &board), 0x93);
}

static void echoes_and_other_boards_are_no_answers(void **state)
{
    (void)state;
    static const struct step steps[] = {
        SENDS("A5 40 94 08 AA AA AA AA AA AA AA AA D1"),
        HEARS("A5 40 94 08 AA AA AA AA AA AA AA AA D1"), /* echo */
        HEARS("A5 02 94 08 10 02 00 00 02 00 6E 41 06"), /* board 2 */
        CALM,
        PASSES(200),
        SENDS("A5 40 94 08 AA AA AA AA AA AA AA AA D1"),
        HEARS("A5 80 90 08 00 00 00 00 00 00 00 00 BD"), /* an app asks, too */
        RAISES(BB_EVENT_FOREIGN_MASTER),
    };
    struct dialogue dialogue;
    struct board board;
    begin(&dialogue, &board);
    PLAY(&dialogue, steps);
    assert_int_equal(bb_driver_daly.ops->counters(dialogue.state.bytes)->foreign_frames, 2);
    assert_int_equal(bb_driver_daly.ops->counters(dialogue.state.bytes)->replies, 0);
}

static void a_silent_board_costs_one_time_out(void **state)
{
    (void)state;
    struct dialogue dialogue;
    struct board board;
    begin(&dialogue, &board);
    memset(board.frames, 0, sizeof board.frames);
    assert_false(cycle(&dialogue, &board));
    assert_int_equal(board.asked[0x94], 3);
    for (int i = 0; i < 4; i++) {
        memset(board.asked, 0, sizeof board.asked);
        assert_false(cycle(&dialogue, &board));
        assert_int_equal(board.asked[0x94] + board.asked[0x90], 1);
    }
}

static double current_of(struct dialogue *dialogue, struct board *board, const char *state,
                         const char *pack)
{
    set(board, 0x93, 0, state);
    set(board, 0x90, 0, pack);
    assert_true(cycle(dialogue, board));
    return battery_of(dialogue).current.value;
}

#define IDLE "00 01 01 ca 00 03 dd 38"
#define CHARGING "01 01 01 ca 00 03 dd 38"
#define DISCHARGING "02 01 01 ca 00 03 dd 38"
#define RAW_29871 "01 09 00 00 74 af 03 11"
#define RAW_30129 "01 09 00 00 75 b1 03 11"
#define RAW_30005 "01 09 00 00 75 35 03 11"

static void the_state_tells_the_sign_of_the_current(void **state)
{
    (void)state;
    struct dialogue dialogue;
    struct board board;
    begin(&dialogue, &board);
    assert_near(current_of(&dialogue, &board, CHARGING, RAW_29871), 12.9);
    assert_near(current_of(&dialogue, &board, CHARGING, RAW_30129), 12.9);
    assert_near(current_of(&dialogue, &board, DISCHARGING, RAW_29871), -12.9);
    assert_near(current_of(&dialogue, &board, DISCHARGING, RAW_30129), -12.9);
    assert_near(current_of(&dialogue, &board, IDLE, RAW_30005), -0.5);
}

static void learns_the_polarity_from_three_polls(void **state)
{
    (void)state;
    struct dialogue dialogue;
    struct board board;
    begin(&dialogue, &board);
    (void)current_of(&dialogue, &board, CHARGING, RAW_30129);
    (void)current_of(&dialogue, &board, CHARGING, RAW_30129);
    assert_near(current_of(&dialogue, &board, IDLE, RAW_30005), -0.5);
    (void)current_of(&dialogue, &board, CHARGING, RAW_30129);
    (void)current_of(&dialogue, &board, DISCHARGING, RAW_29871);
    (void)current_of(&dialogue, &board, CHARGING, RAW_30129);
    assert_near(current_of(&dialogue, &board, IDLE, RAW_30005), 0.5);
}

static void an_explicit_sign_turns_the_over_current_bits_too(void **state)
{
    (void)state;
    static const struct {
        const char *invert;
        double current;
        int charge, discharge;
    } cases[] = {{"auto", 12.9, 2, 1}, {"no", -12.9, 2, 1}, {"yes", 12.9, 1, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dialogue dialogue;
        struct board board;
        begin_with(&dialogue, &board, cases[i].invert);
        set(&board, 0x98, 0, "00 00 06 00 00 00 00 00"); /* charging level 2, discharging 1 */
        assert_near(current_of(&dialogue, &board, CHARGING, RAW_30129), cases[i].current);
        struct bb_battery battery = battery_of(&dialogue);
        assert_int_equal(battery.protection.high_charge_current.value, cases[i].charge);
        assert_int_equal(battery.protection.high_discharge_current.value, cases[i].discharge);
    }
}

static void extremes_stand_in_for_missing_temperatures(void **state)
{
    (void)state;
    struct dialogue dialogue;
    struct board board;
    begin(&dialogue, &board);
    board.frames[0x96] = 0;
    set(&board, 0x92, 0, "4b 02 27 01 ff ff ff ff");
    assert_true(cycle(&dialogue, &board));
    struct bb_battery battery = battery_of(&dialogue);
    assert_near(battery.temperature_1.value, -1);
    assert_near(battery.temperature_2.value, 35);
    assert_int_equal(board.asked[0x96], 3);
    assert_true(cycle(&dialogue, &board));
    assert_int_equal(board.asked[0x96], 3); /* not again in each cycle */

    begin(&dialogue, &board);
    set(&board, 0x94, 0, "08 00 00 00 02 00 35 dc"); /* no sensors */
    set(&board, 0x92, 0, "ff 02 27 01 ff ff ff ff");
    assert_true(cycle(&dialogue, &board));
    battery = battery_of(&dialogue);
    assert_int_equal(board.asked[0x96], 0);
    assert_true(battery.temperature_1.present);
    assert_false(battery.temperature_2.present);
}

static void every_fault_bit_reaches_its_field(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        uint16_t field;
        int severity;
    } cases[] = {
        {"01 00 00 00 00 00 00 00", offsetof(struct bb_protection, high_cell_voltage), 1},
        {"02 00 00 00 00 00 00 00", offsetof(struct bb_protection, high_cell_voltage), 2},
        {"04 00 00 00 00 00 00 00", offsetof(struct bb_protection, low_cell_voltage), 1},
        {"08 00 00 00 00 00 00 00", offsetof(struct bb_protection, low_cell_voltage), 2},
        {"10 00 00 00 00 00 00 00", offsetof(struct bb_protection, high_voltage), 1},
        {"20 00 00 00 00 00 00 00", offsetof(struct bb_protection, high_voltage), 2},
        {"40 00 00 00 00 00 00 00", offsetof(struct bb_protection, low_voltage), 1},
        {"c0 00 00 00 00 00 00 00", offsetof(struct bb_protection, low_voltage), 2},
        {"00 01 00 00 00 00 00 00", offsetof(struct bb_protection, high_charge_temperature), 1},
        {"00 08 00 00 00 00 00 00", offsetof(struct bb_protection, low_charge_temperature), 2},
        {"00 20 00 00 00 00 00 00", offsetof(struct bb_protection, high_temperature), 2},
        {"00 40 00 00 00 00 00 00", offsetof(struct bb_protection, low_temperature), 1},
        {"00 00 80 00 00 00 00 00", offsetof(struct bb_protection, low_soc), 2},
        {"00 00 00 02 00 00 00 00", offsetof(struct bb_protection, cell_imbalance), 2},
        {"00 00 00 00 02 00 00 00", offsetof(struct bb_protection, high_internal_temperature), 2},
        {"00 00 00 00 80 00 00 00", offsetof(struct bb_protection, internal_failure), 2},
        {"00 00 00 00 00 20 00 00", offsetof(struct bb_protection, internal_failure), 2},
        {"00 00 00 00 00 40 00 00", offsetof(struct bb_protection, internal_failure), 1},
        {"00 00 00 00 00 00 02 00", offsetof(struct bb_protection, internal_failure), 2},
        {"00 00 00 00 00 00 04 00", offsetof(struct bb_protection, high_discharge_current), 2},
        {"00 00 00 00 00 00 08 00", offsetof(struct bb_protection, low_voltage), 2},
        {"00 00 30 0c 00 00 f0 ff", offsetof(struct bb_protection, low_voltage), 0},
    };
    struct dialogue dialogue;
    struct board board;
    begin(&dialogue, &board);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        set(&board, 0x98, 0, cases[i].hex);
        assert_true(cycle(&dialogue, &board));
        struct bb_battery battery = battery_of(&dialogue);
        int active = 0;
        for (size_t at = 0; at < sizeof battery.protection; at += sizeof(struct bb_integer)) {
            const struct bb_integer *field =
                (const struct bb_integer *)(const void *)((const char *)&battery.protection + at);
            active += field->value != 0;
            assert_true(at != cases[i].field || field->value == cases[i].severity);
        }
        assert_int_equal(active, cases[i].severity != 0);
    }
}

static struct bb_control_result run_command(struct dialogue *dialogue, struct board *board,
                                            const struct bb_control *control)
{
    void *self = dialogue->state.bytes;
    const struct bb_driver_ops *ops = dialogue->driver->ops;
    assert_int_equal(ops->command(self, control, dialogue->now_ms, NULL), BB_OK);
    for (int i = 0; i < 200; i++) {
        uint8_t asked = asks(dialogue, board);
        if (asked == 0xda || asked == 0xd9) {
            board->data[0x93][0][asked == 0xda ? 1 : 2] = board->written[0];
        } else if (asked == 0x21) {
            memcpy(&board->data[0x90][0][6], board->written + 6, 2);
        }
        if (asked != 0 && board->frames[asked] > 0) {
            answer(dialogue, board, asked);
        } else {
            pass(dialogue, 50);
        }
        for (enum bb_event event; (event = ops->event(self)) != BB_EVENT_NONE;) {
            if (event == BB_EVENT_COMMAND) {
                struct bb_control_result result;
                ops->result(self, &result);
                return result;
            }
        }
    }
    fail_msg("the command does not end");
    return (struct bb_control_result){0};
}

static void switches_a_fet_once_and_reads_it_back(void **state)
{
    (void)state;
    struct dialogue dialogue;
    struct board board;
    begin(&dialogue, &board);
    assert_true(cycle(&dialogue, &board));
    set(&board, 0xda, 0, "00 00 00 00 00 00 00 00");
    struct bb_control off = {.verb = "charge_fet", .value = 0};
    struct bb_control_result result = run_command(&dialogue, &board, &off);
    assert_true(result.done && result.value.present && result.value.value == 0);
    assert_int_equal(board.asked[0xda], 1);
    board.frames[0xd9] = 0; /* the acknowledge is lost: no blind repetition */
    struct bb_control discharge = {.verb = "discharge_fet", .value = 0};
    assert_true(run_command(&dialogue, &board, &discharge).done);
    assert_int_equal(board.asked[0xd9], 1);
}

static void sets_the_soc_along_with_a_known_time(void **state)
{
    (void)state;
    struct dialogue dialogue;
    struct board board;
    begin(&dialogue, &board);
    assert_true(cycle(&dialogue, &board));
    set(&board, 0x21, 0, "01 00 00 00 00 00 00 00");
    struct bb_control full = {.verb = "soc", .value = 100};
    assert_false(run_command(&dialogue, &board, &full).done);
    assert_int_equal(board.asked[0x21], 0);

    full.wall_ms = 1767191400000; /* 2025-12-31 14:30:00 UTC */
    assert_true(run_command(&dialogue, &board, &full).done);
    set(&board, 0x61, 0, "18 02 1d 0a 0b 0c 00 00"); /* 2024-02-29 10:11:12 */
    full.value = 50;
    struct bb_control_result result = run_command(&dialogue, &board, &full);
    assert_true(result.done);
    assert_near(result.value.value, 50);
}

/* The bytes of the write that went out. */
static void writes_the_time_of_the_bms_or_ours(void **state)
{
    (void)state;
    static const struct {
        const char *clock; /* answer to 61, NULL: none */
        int64_t wall_ms;
        uint8_t bytes[8];
    } cases[] = {
        {NULL, 1767191400000, {25, 12, 31, 14, 30, 0, 0x03, 0xe8}},
        {NULL, 951868800000, {0, 3, 1, 0, 0, 0, 0x03, 0xe8}},
        {NULL, 1709164800000, {24, 2, 29, 0, 0, 0, 0x03, 0xe8}},
        {NULL, 1735689599000, {24, 12, 31, 23, 59, 59, 0x03, 0xe8}},
        {"18 02 1d 0a 0b 0c 00 00", 0, {0x18, 2, 0x1d, 10, 11, 12, 0x03, 0xe8}},
        {"18 0d 1d 0a 0b 0c 00 00", 1767191400000, {25, 12, 31, 14, 30, 0, 0x03, 0xe8}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dialogue dialogue;
        struct board board;
        begin(&dialogue, &board);
        assert_true(cycle(&dialogue, &board));
        if (cases[i].clock) {
            set(&board, 0x61, 0, cases[i].clock);
        }
        struct bb_control full = {.verb = "soc", .value = 100, .wall_ms = cases[i].wall_ms};
        assert_int_equal(
            bb_driver_daly.ops->command(dialogue.state.bytes, &full, dialogue.now_ms, NULL), BB_OK);
        uint8_t asked = 0;
        for (int k = 0; k < 100 && asked != 0x21; k++) {
            asked = asks(&dialogue, &board);
            if (asked != 0 && asked != 0x21 && board.frames[asked] > 0) {
                answer(&dialogue, &board, asked);
            } else if (asked != 0x21) {
                pass(&dialogue, 50);
            }
        }
        assert_int_equal(asked, 0x21);
        assert_memory_equal(board.written, cases[i].bytes, 8);
    }
}

static void addresses_of_boards(void **state)
{
    (void)state;
    static const struct step steps[] = {SENDS("A5 4F 94 08 AA AA AA AA AA AA AA AA E0"),
                                        HEARS("A5 01 94 08 10 02 00 00 02 00 6E 41 05"), QUIET,
                                        HEARS("A5 10 94 08 10 02 00 00 02 00 6E 41 14"),
                                        SENDS("A5 4F 90 08 AA AA AA AA AA AA AA AA DC")};
    struct bb_driver_config config = {.medium = BB_MEDIUM_SERIAL, .address = 0x4f};
    struct dialogue dialogue;
    dialogue_begin(&dialogue, &bb_driver_daly, &config);
    PLAY(&dialogue, steps);
    config.address = 0x50;
    assert_int_equal(bb_driver_daly.ops->open(&bb_driver_daly, dialogue.state.bytes, &config, NULL),
                     BB_ERR_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_the_documented_requests),
        cmocka_unit_test(reads_a_board),
        cmocka_unit_test(a_lost_frame_costs_one_repetition),
        cmocka_unit_test(a_cut_frame_does_not_cost_the_next),
        cmocka_unit_test(late_answers_count),
        cmocka_unit_test(echoes_and_other_boards_are_no_answers),
        cmocka_unit_test(a_silent_board_costs_one_time_out),
        cmocka_unit_test(the_state_tells_the_sign_of_the_current),
        cmocka_unit_test(learns_the_polarity_from_three_polls),
        cmocka_unit_test(an_explicit_sign_turns_the_over_current_bits_too),
        cmocka_unit_test(extremes_stand_in_for_missing_temperatures),
        cmocka_unit_test(every_fault_bit_reaches_its_field),
        cmocka_unit_test(switches_a_fet_once_and_reads_it_back),
        cmocka_unit_test(sets_the_soc_along_with_a_known_time),
        cmocka_unit_test(writes_the_time_of_the_bms_or_ours),
        cmocka_unit_test(addresses_of_boards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
