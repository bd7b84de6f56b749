#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "can_dialogue.h"
#include "proto/bms/drivers.h"

#define NEAR(real, expected) assert_float_equal((real).value, (expected), 0.001)

/* What a board with four cells answers; N is its number. */
static const char *const four_cells[] = {
    "1894400N#0402000000007B00",
    "1890400N#00840000753002EE",
    "1893400N#0001010C00033450",
    "1895400N#010CD70CDA0CDB00 1895400N#020CD80000000000",
    "1898400N#0000000000000000",
    "1896400N#0140410000000000",
    "1897400N#0100000000000000",
    "1850400N#000445C000000C80",
    "1853400N#0100180C1F000000",
    ("1857400N#0144414C59000000 1857400N#0231320000000000 1857400N#0300000000000000 "
     "1857400N#0400000000000000 1857400N#0500000000000000"),
};

static struct dialogue dialogue;

/* Plays ms of a bus on which boards with these payloads answer. */
static void converse(const char *const *answers, size_t count, int boards, int ms)
{
    int64_t end_ms = dialogue.now_ms + ms;
    while (dialogue.now_ms < end_ms) {
        const char *request = can_sends(&dialogue);
        if (*request == '\0') {
            can_hears(&dialogue, "+5");
            continue;
        }
        char number = request[5];
        for (size_t i = 0; i < count; i++) {
            if (strncmp(answers[i], request, 4) != 0) {
                continue;
            }
            char frames[300];
            (void)snprintf(frames, sizeof frames, "+20 %s", answers[i]);
            for (char *p = frames; (p = strchr(p, 'N')) != NULL;) {
                *p = number;
            }
            can_hears(&dialogue, frames);
            if (boards > 1) { /* another board with the same number and a heartbeat of its own */
                frames[strlen(frames) - 1] = '7';
                can_hears(&dialogue, frames);
            }
        }
    }
}

static void test_a_board(void **state)
{
    (void)state;
    int64_t time_ms;
    can_begin(&dialogue, &bb_driver_daly_can, 1, NULL);
    assert_string_equal(can_sends(&dialogue), "18940140#0000000000000000");
    converse(four_cells, sizeof four_cells / sizeof four_cells[0], 1, 3000);
    assert_true(can_states(&dialogue) > 0);
    struct bb_battery battery = dialogue_battery(&dialogue, &time_ms);
    NEAR(battery.voltage, 13.2);
    NEAR(battery.current, 0);
    NEAR(battery.soc, 75);
    assert_int_equal(battery.cell_count.value, 4);
    NEAR(battery.cells[3].voltage, 3.288);
    assert_true(battery.cells[0].balance.value);
    NEAR(battery.temperature_2, 25);
    NEAR(battery.capacity, 280);
    assert_string_equal(battery.custom_field, "DALY 12");
}

static void test_another_board_is_not_ours(void **state)
{
    (void)state;
    can_begin(&dialogue, &bb_driver_daly_can, 2, NULL);
    assert_string_equal(can_sends(&dialogue), "18940240#0000000000000000");
    can_hears(&dialogue, "18944001#0402000000007B00 18904001#00840000753002EE +10");
    const struct bb_counters *counters = bb_driver_daly_can.ops->counters(dialogue.state.bytes);
    assert_int_equal(counters->replies, 0);
    assert_int_equal(counters->foreign_frames, 2);
}

static void test_a_cut_answer_is_none(void **state)
{
    (void)state;
    can_begin(&dialogue, &bb_driver_daly_can, 1, NULL);
    (void)can_sends(&dialogue);
    can_hears(&dialogue, "18944001#0402 18944001#040200000000");
    assert_int_equal(bb_driver_daly_can.ops->counters(dialogue.state.bytes)->replies, 0);
}

static void test_two_boards_with_one_number(void **state)
{
    (void)state;
    can_begin(&dialogue, &bb_driver_daly_can, 1, NULL);
    converse(four_cells, sizeof four_cells / sizeof four_cells[0], 2, 5000);
    assert_int_equal(can_states(&dialogue), 0);
    assert_true(bb_driver_daly_can.ops->counters(dialogue.state.bytes)->conflicts > 0);
}

static void test_switches_and_charge(void **state)
{
    (void)state;
    struct bb_problem problem;
    const struct bb_driver_ops *ops = bb_driver_daly_can.ops;
    can_begin(&dialogue, &bb_driver_daly_can, 3, NULL);
    converse(four_cells, sizeof four_cells / sizeof four_cells[0], 1, 3000);
    struct bb_control control = {.verb = "charge_fet", .value = 0};
    assert_int_equal(ops->command(dialogue.state.bytes, &control, dialogue.now_ms, &problem),
                     BB_OK);
    assert_string_equal(can_sends(&dialogue), "18DA0340#0000000000000000");
    can_hears(&dialogue, "+20 18DA4003#0000000000000000 +200");
    assert_string_equal(can_sends(&dialogue), "18930340#0000000000000000");
    (void)can_states(&dialogue);
    can_hears(&dialogue, "+10 18934003#0000010D00033450");
    assert_int_equal(can_events(&dialogue, BB_EVENT_COMMAND), 1);
    struct bb_control_result result;
    ops->result(dialogue.state.bytes, &result);
    assert_true(result.done);
    control = (struct bb_control){.verb = "soc", .value = 87.5};
    assert_int_equal(ops->command(dialogue.state.bytes, &control, dialogue.now_ms, &problem),
                     BB_OK);
    assert_string_equal(can_sends(&dialogue), "161E0380#036B000000000000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_board),
        cmocka_unit_test(test_another_board_is_not_ours),
        cmocka_unit_test(test_a_cut_answer_is_none),
        cmocka_unit_test(test_two_boards_with_one_number),
        cmocka_unit_test(test_switches_and_charge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
