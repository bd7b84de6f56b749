/* The engine, with a made-up protocol: request 01 code; answer 02 code size data sum; a refusal
 * is 02 code|80 00 sum. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dialogue.h"
#include "near.h"
#include "proto/bms/checksum.h"
#include "proto/bms/poll.h"
#include "proto/deadlines.h"

enum { VOLTAGE, SOC, CAPACITY, NAME };
enum { PERIOD_MS = 1000 };

#define ASK_VOLTAGE "01 0A"
#define ASK_SOC "01 0B"
#define ASK_CAPACITY "01 0C"
#define ASK_NAME "01 0D"
#define VOLTAGE_12 "02 0A 01 0C 19"
#define VOLTAGE_13 "02 0A 01 0D 1A"
#define SOC_50 "02 0B 01 32 40"
#define CAPACITY_7 "02 0C 01 07 16"
#define CAPACITY_8 "02 0C 01 08 17"
#define NAME_X "02 0D 01 58 68"
#define NAME_Y "02 0D 01 59 69"
#define REFUSE_VOLTAGE "02 8A 00 8C"

static const struct bb_row voltage_rows[] = {{.raw = BB_U8, .field = BB_FIELD(voltage)}};
static const struct bb_row soc_rows[] = {{.raw = BB_U8, .field = BB_FIELD(soc)}};
static const struct bb_row capacity_rows[] = {{.raw = BB_U8, .field = BB_FIELD(capacity)}};
static const struct bb_row name_rows[] = {{.raw = BB_CHARS, .field = BB_FIELD(custom_field)}};

static const struct bb_poll_item items[] = {
    [VOLTAGE] = {.name = "voltage",
                 .code = 0x0a,
                 .ask = BB_ASK_CYCLE,
                 .essential = true,
                 .least = 1,
                 .size = 4,
                 .max_age_ms = 15000,
                 .rows = voltage_rows,
                 .row_count = 1},
    [SOC] = {.name = "soc",
             .code = 0x0b,
             .ask = BB_ASK_CYCLE,
             .again_ms = 10000,
             .least = 1,
             .size = 4,
             .max_age_ms = 2000,
             .rows = soc_rows,
             .row_count = 1},
    [CAPACITY] = {.name = "capacity",
                  .code = 0x0c,
                  .ask = BB_ASK_SLOW,
                  .every_ms = 5000,
                  .least = 1,
                  .size = 4,
                  .rows = capacity_rows,
                  .row_count = 1},
    [NAME] = {.name = "name",
              .code = 0x0d,
              .ask = BB_ASK_START,
              .size = 8,
              .rows = name_rows,
              .row_count = 1},
};

static struct bb_scan scan(const struct bb_asked *asked, const uint8_t *data, size_t size)
{
    (void)asked;
    if (data[0] == 1) {
        return size < 2 ? bb_scan_more(2) : bb_scan_frame(2);
    }
    if (data[0] != 2) {
        return bb_scan_garbage(1);
    }
    if (size < 3 || size < 4U + data[2]) {
        return bb_scan_more(4);
    }
    size_t total = 4U + data[2];
    return bb_sum8(data, total - 1) == data[total - 1] ? bb_scan_frame(total) : bb_scan_bad();
}

static enum bb_poll_verdict match(const struct bb_poll_view *view, const struct bb_packet *frame,
                                  struct bb_poll_answer *ret_answer)
{
    if (frame->data[0] == 1) {
        return BB_POLL_REQUEST;
    }
    ret_answer->item = bb_poll_item_of(view->spec, frame->data[1] & 0x7f);
    ret_answer->payload = frame->data + 3;
    ret_answer->size = frame->data[2];
    if (ret_answer->item == BB_POLL_NO_ITEM) {
        return BB_POLL_FOREIGN;
    }
    return frame->data[1] & 0x80 ? BB_POLL_REFUSED : BB_POLL_ANSWER;
}

static void build(const struct bb_poll_view *view, const struct bb_poll_item *item,
                  const uint8_t *data, size_t size, struct bb_request *ret_request)
{
    (void)view;
    (void)data;
    (void)size;
    ret_request->data[0] = 1;
    ret_request->data[1] = (uint8_t)item->code;
    ret_request->size = 2;
}

static const struct bb_poll_option_spec options[] = {
    {.name = "number", .kind = BB_OPTION_NUMBER, .min = -5, .max = 5},
    {.name = "word", .kind = BB_OPTION_TEXT, .max = 4},
};

static const struct bb_poll_spec spec = {
    .items = items,
    .item_count = BB_COUNT(items),
    .greeting = VOLTAGE,
    .probe = VOLTAGE,
    .tries = 2,
    .late = BB_POLL_ANY,
    .serial = {.first_ms = 100, .gap_ms = 50, .total_ms = 300},
    .scan = scan,
    .match = match,
    .build = build,
    .options = options,
    .option_count = BB_COUNT(options),
};

static const struct bb_transport transports[] = {{.medium = BB_MEDIUM_SERIAL,
                                                  .address_first = 1,
                                                  .address_last = 3,
                                                  .silence_ms = 7,
                                                  .period_ms = PERIOD_MS}};

static const struct bb_driver toy = {
    .id = "toy",
    .transports = transports,
    .transport_count = 1,
    .state_size = BB_POLL_STATE_SIZE,
    .ops = &bb_poll_ops,
    .spec = &spec,
};

static void begin(struct dialogue *dialogue)
{
    struct bb_driver_config config = {
        .medium = BB_MEDIUM_SERIAL, .address = 1, .period_ms = PERIOD_MS};
    dialogue_begin(dialogue, &toy, &config);
}

/* First cycle, everything answered at once. */
static const struct step first_cycle[] = {
    SENDS(ASK_VOLTAGE),
    HEARS(VOLTAGE_12),
    SENDS(ASK_SOC),
    HEARS(SOC_50),
    SENDS(ASK_CAPACITY),
    HEARS(CAPACITY_7),
    SENDS(ASK_NAME),
    HEARS(NAME_X),
    RAISES(BB_EVENT_STATE),
    QUIET,
    CALM,
};

static const struct bb_counters *counters(const struct dialogue *dialogue)
{
    return toy.ops->counters(dialogue->state.bytes);
}

static void polls_once_per_period(void **state)
{
    (void)state;
    static const struct step steps[] = {PASSES(PERIOD_MS - 1),  QUIET,      PASSES(1),
                                        SENDS(ASK_VOLTAGE),     PASSES(20), HEARS(VOLTAGE_13),
                                        SENDS(ASK_SOC),         PASSES(20), HEARS(SOC_50),
                                        RAISES(BB_EVENT_STATE), QUIET};
    struct dialogue dialogue;
    begin(&dialogue);
    PLAY(&dialogue, first_cycle);
    PLAY(&dialogue, steps);
    int64_t time_ms;
    struct bb_battery battery = dialogue_battery(&dialogue, &time_ms);
    assert_near(battery.voltage.value, 13);
    assert_int_equal(time_ms, dialogue.now_ms - 20); /* when the voltage came */
    assert_int_equal(counters(&dialogue)->requests, 6);
    assert_int_equal(counters(&dialogue)->replies, 6);
}

static void offers_the_same_request_until_it_was_sent(void **state)
{
    (void)state;
    struct dialogue dialogue;
    begin(&dialogue);
    void *self = dialogue.state.bytes;
    struct bb_request first = {0};
    struct bb_request second = {0};
    assert_true(toy.ops->next(self, dialogue.now_ms, &first));
    assert_false(toy.ops->waiting(self));
    assert_true(toy.ops->next(self, dialogue.now_ms + 500, &second));
    assert_memory_equal(&first, &second, sizeof first);
    assert_int_equal(first.silence_ms, 7);
    toy.ops->sent(self, dialogue.now_ms + 500);
    assert_true(toy.ops->waiting(self));
    assert_int_equal(toy.ops->wake_ms(self), dialogue.now_ms + 600);
    assert_false(toy.ops->next(self, dialogue.now_ms + 500, &second));
}

/* With all tries at first, then one request per cycle; one answer brings everything back. */
static void a_silent_battery_costs_one_time_out_per_cycle(void **state)
{
    (void)state;
    static const struct step silence[] = {
        PASSES(PERIOD_MS),
        SENDS(ASK_VOLTAGE),
        PASSES(100),
        SENDS(ASK_VOLTAGE),
        PASSES(100),
        RAISES(BB_EVENT_FAILED),
        CALM,
        QUIET,
        PASSES(800),
        SENDS(ASK_VOLTAGE),
        PASSES(100),
        RAISES(BB_EVENT_FAILED),
        QUIET,
        PASSES(900),
        SENDS(ASK_VOLTAGE),
        PASSES(100),
        RAISES(BB_EVENT_FAILED),
        QUIET,
    };
    static const struct step back[] = {PASSES(900),    SENDS(ASK_VOLTAGE), HEARS(VOLTAGE_13),
                                       SENDS(ASK_SOC), HEARS(SOC_50),      RAISES(BB_EVENT_STATE),
                                       QUIET};
    struct dialogue dialogue;
    begin(&dialogue);
    PLAY(&dialogue, first_cycle);
    PLAY(&dialogue, silence);
    assert_int_equal(counters(&dialogue)->timeouts, 4);
    PLAY(&dialogue, back);
    int64_t time_ms;
    assert_string_equal(dialogue_battery(&dialogue, &time_ms).custom_field, "X");
}

/* What comes back after a long time may be another battery: nothing of the old one remains. */
static void long_silence_begins_a_new_session(void **state)
{
    (void)state;
    static const struct step steps[] = {
        PASSES(PERIOD_MS), SENDS(ASK_VOLTAGE),      PASSES(100),       SENDS(ASK_VOLTAGE),
        PASSES(100),       RAISES(BB_EVENT_FAILED), PASSES(10000),     SENDS(ASK_VOLTAGE),
        HEARS(VOLTAGE_13), SENDS(ASK_SOC),          PASSES(100),       SENDS(ASK_SOC),
        PASSES(100),       SENDS(ASK_CAPACITY),     HEARS(CAPACITY_8), SENDS(ASK_NAME),
        HEARS(NAME_Y),     RAISES(BB_EVENT_STATE),
    };
    struct dialogue dialogue;
    begin(&dialogue);
    PLAY(&dialogue, first_cycle);
    PLAY(&dialogue, steps);
    int64_t time_ms;
    struct bb_battery battery = dialogue_battery(&dialogue, &time_ms);
    assert_string_equal(battery.custom_field, "Y");
    assert_near(battery.capacity.value, 8);
    assert_false(battery.soc.present);
}

static void values_older_than_their_age_are_left_out(void **state)
{
    (void)state;
    /* soc fails in each cycle; after 2000 ms its last value no longer counts */
    static const struct step cycle[] = {
        PASSES(800),    SENDS(ASK_VOLTAGE), HEARS(VOLTAGE_13),      SENDS(ASK_SOC), PASSES(100),
        SENDS(ASK_SOC), PASSES(100),        RAISES(BB_EVENT_STATE), QUIET};
    static const struct step wait[] = {PASSES(200)};
    struct dialogue dialogue;
    begin(&dialogue);
    PLAY(&dialogue, first_cycle);
    int64_t time_ms;
    PLAY(&dialogue, wait);
    PLAY(&dialogue, cycle);
    assert_true(dialogue_battery(&dialogue, &time_ms).soc.present);
    PLAY(&dialogue, cycle);
    assert_false(dialogue_battery(&dialogue, &time_ms).soc.present);
    PLAY(&dialogue, cycle);
    /* failed three times in a row: left alone for 10 s */
    static const struct step later[] = {PASSES(800), SENDS(ASK_VOLTAGE), HEARS(VOLTAGE_12),
                                        RAISES(BB_EVENT_STATE)};
    PLAY(&dialogue, later);
}

static void slow_items_are_refreshed_after_the_state(void **state)
{
    (void)state;
    static const struct step cycle[] = {PASSES(PERIOD_MS), SENDS(ASK_VOLTAGE),
                                        HEARS(VOLTAGE_12), SENDS(ASK_SOC),
                                        HEARS(SOC_50),     RAISES(BB_EVENT_STATE)};
    static const struct step refresh[] = {SENDS(ASK_CAPACITY), HEARS(CAPACITY_8),
                                          RAISES(BB_EVENT_STATE), QUIET};
    struct dialogue dialogue;
    begin(&dialogue);
    PLAY(&dialogue, first_cycle);
    int64_t first_ms;
    int64_t second_ms;
    for (int i = 0; i < 5; i++) {
        PLAY(&dialogue, cycle);
    }
    struct bb_battery battery = dialogue_battery(&dialogue, &first_ms);
    assert_near(battery.capacity.value, 7);
    PLAY(&dialogue, refresh);
    battery = dialogue_battery(&dialogue, &second_ms);
    assert_near(battery.capacity.value, 8);
    assert_int_equal(first_ms, second_ms); /* a refined state, not a newer one */
}

static void a_refusal_is_a_sign_of_life(void **state)
{
    (void)state;
    static const struct step steps[] = {
        PASSES(PERIOD_MS), SENDS(ASK_VOLTAGE), HEARS(REFUSE_VOLTAGE), RAISES(BB_EVENT_FAILED),
        PASSES(PERIOD_MS), SENDS(ASK_VOLTAGE), PASSES(100),           SENDS(ASK_VOLTAGE)};
    struct dialogue dialogue;
    begin(&dialogue);
    PLAY(&dialogue, first_cycle);
    PLAY(&dialogue, steps);
}

static void an_answer_may_take_its_time_once_it_has_begun(void **state)
{
    (void)state;
    static const struct step steps[] = {SENDS(ASK_VOLTAGE), PASSES(99),    HEARS("02"), PASSES(49),
                                        HEARS("0A"),        PASSES(49),    HEARS("01"), PASSES(49),
                                        HEARS("0C 19"),     SENDS(ASK_SOC)};
    static const struct step stalled[] = {SENDS(ASK_VOLTAGE), PASSES(99), HEARS("02"),
                                          PASSES(49),         QUIET,      PASSES(1),
                                          SENDS(ASK_VOLTAGE)};
    static const struct step endless[] = {
        SENDS(ASK_VOLTAGE), PASSES(90), HEARS("02"), PASSES(40), HEARS("0A"),       PASSES(40),
        HEARS("20"),        PASSES(40), HEARS("00"), PASSES(40), HEARS("00"),       PASSES(40),
        HEARS("00"),        PASSES(9),  QUIET,       PASSES(1),  SENDS(ASK_VOLTAGE)};
    struct dialogue dialogue;
    begin(&dialogue);
    PLAY(&dialogue, steps);
    begin(&dialogue);
    PLAY(&dialogue, stalled);
    begin(&dialogue);
    PLAY(&dialogue, endless);
}

static void noise_does_not_prolong_the_wait(void **state)
{
    (void)state;
    static const struct step steps[] = {SENDS(ASK_VOLTAGE), PASSES(90),         HEARS("FF FF 00"),
                                        PASSES(10),         SENDS(ASK_VOLTAGE), HEARS(VOLTAGE_12),
                                        SENDS(ASK_SOC)};
    struct dialogue dialogue;
    begin(&dialogue);
    PLAY(&dialogue, steps);
    assert_int_equal(counters(&dialogue)->garbage_bytes, 3);
}

static void finds_a_good_frame_behind_a_cut_one(void **state)
{
    (void)state;
    /* the first frame announces 32 bytes and stops; the good one follows directly */
    static const struct step steps[] = {
        SENDS(ASK_VOLTAGE), HEARS("02 0A 20 01 02 " VOLTAGE_12), QUIET, PASSES(100), SENDS(ASK_SOC),
        HEARS(SOC_50)};
    struct dialogue dialogue;
    begin(&dialogue);
    PLAY(&dialogue, steps);
    assert_int_equal(counters(&dialogue)->timeouts, 0);
}

static void leftovers_do_not_spoil_what_comes_later(void **state)
{
    (void)state;
    static const struct step steps[] = {HEARS("02 0B 30 00"), PASSES(2000), SENDS(ASK_VOLTAGE),
                                        HEARS(VOLTAGE_12), SENDS(ASK_SOC)};
    struct dialogue dialogue;
    begin(&dialogue);
    PLAY(&dialogue, steps);
    assert_int_equal(counters(&dialogue)->garbage_bytes, 4);
}

static void uses_late_and_unasked_answers(void **state)
{
    (void)state;
    static const struct step steps[] = {PASSES(PERIOD_MS), SENDS(ASK_VOLTAGE),
                                        HEARS(SOC_50 VOLTAGE_13), RAISES(BB_EVENT_STATE), QUIET};
    struct dialogue dialogue;
    begin(&dialogue);
    PLAY(&dialogue, first_cycle);
    PLAY(&dialogue, steps);
    int64_t time_ms;
    assert_near(dialogue_battery(&dialogue, &time_ms).voltage.value, 13);
}

static void an_echo_is_not_another_master(void **state)
{
    (void)state;
    static const struct step steps[] = {
        SENDS(ASK_VOLTAGE), HEARS(ASK_VOLTAGE VOLTAGE_12),   CALM, SENDS(ASK_SOC),
        HEARS(ASK_VOLTAGE), RAISES(BB_EVENT_FOREIGN_MASTER), CALM};
    struct dialogue dialogue;
    begin(&dialogue);
    PLAY(&dialogue, steps);
    assert_int_equal(counters(&dialogue)->foreign_frames, 1);
}

static void nothing_happens_while_the_wire_is_down(void **state)
{
    (void)state;
    static const struct step steps[] = {
        SENDS(ASK_VOLTAGE), HEARS("02 0A"),    LINK(false), QUIET,
        HEARS("01 0C 19"),  PASSES(1000),      CALM,        LINK(true),
        SENDS(ASK_VOLTAGE), HEARS("01 0C 19"), QUIET,       HEARS(VOLTAGE_12),
        SENDS(ASK_SOC)};
    struct dialogue dialogue;
    begin(&dialogue);
    PLAY(&dialogue, steps);
    static const struct step down[] = {LINK(false)};
    PLAY(&dialogue, down);
    assert_int_equal(toy.ops->wake_ms(dialogue.state.bytes), BB_NEVER_MS);
}

static void the_first_state_does_not_wait_for_ever(void **state)
{
    (void)state;
    /* soc takes 5 s of failing, so capacity and name come after the first state */
    static const struct step steps[] = {SENDS(ASK_VOLTAGE),
                                        HEARS(VOLTAGE_12),
                                        SENDS(ASK_SOC),
                                        PASSES(5000),
                                        SENDS(ASK_SOC),
                                        PASSES(100),
                                        RAISES(BB_EVENT_STATE),
                                        SENDS(ASK_CAPACITY),
                                        HEARS(CAPACITY_7),
                                        SENDS(ASK_NAME),
                                        HEARS(NAME_X),
                                        RAISES(BB_EVENT_STATE),
                                        CALM};
    struct dialogue dialogue;
    begin(&dialogue);
    PLAY(&dialogue, steps);
    int64_t time_ms;
    assert_string_equal(dialogue_battery(&dialogue, &time_ms).custom_field, "X");
}

static void counts_values_out_of_range(void **state)
{
    (void)state;
    static const struct step steps[] = {
        SENDS(ASK_VOLTAGE),      HEARS(VOLTAGE_12),   SENDS(ASK_SOC),
        HEARS("02 0B 01 65 73"), SENDS(ASK_CAPACITY), HEARS(CAPACITY_7),
        SENDS(ASK_NAME),         HEARS(NAME_X),       RAISES(BB_EVENT_STATE)};
    struct dialogue dialogue;
    begin(&dialogue);
    PLAY(&dialogue, steps);
    int64_t time_ms;
    assert_false(dialogue_battery(&dialogue, &time_ms).soc.present);
    assert_int_equal(counters(&dialogue)->rejected_values, 1);
}

static uint32_t next_random(uint32_t *random)
{
    *random = *random * 1664525U + 1013904223U;
    return *random >> 16;
}

/* A battery that answers the toy's requests but for one in ten. */
static void answer_or_lose(struct dialogue *dialogue, uint8_t code, uint32_t *random)
{
    uint8_t answer[] = {0x02, code, 0x01, 0x0c, 0x00};
    answer[4] = bb_sum8(answer, 4);
    if (next_random(random) % 10 > 0) {
        struct bb_packet packet = {.data = answer, .size = sizeof answer};
        toy.ops->receive(dialogue->state.bytes, &packet, dialogue->now_ms);
    }
}

static void one_answer_in_ten_lost_for_a_day_is_no_outage(void **state)
{
    (void)state;
    struct dialogue dialogue;
    begin(&dialogue);
    void *self = dialogue.state.bytes;
    uint32_t random = 1;
    int64_t end_ms = dialogue.now_ms + 24 * 3600 * 1000;
    int64_t state_ms = dialogue.now_ms;
    int64_t longest_ms = 0;
    int states = 0;
    while (dialogue.now_ms < end_ms) {
        struct bb_request request;
        if (toy.ops->next(self, dialogue.now_ms, &request)) {
            toy.ops->sent(self, dialogue.now_ms);
            answer_or_lose(&dialogue, request.data[1], &random);
        } else {
            int64_t wake_ms = toy.ops->wake_ms(self);
            dialogue.now_ms = wake_ms > dialogue.now_ms ? wake_ms : dialogue.now_ms + 1;
            toy.ops->tick(self, dialogue.now_ms);
        }
        if (toy.ops->event(self) == BB_EVENT_STATE) {
            int64_t gap_ms = dialogue.now_ms - state_ms;
            longest_ms = gap_ms > longest_ms ? gap_ms : longest_ms;
            state_ms = dialogue.now_ms;
            states++;
        }
    }
    assert_true(states > 24 * 3600 * 95 / 100);
    assert_true(longest_ms < BB_LOST_MIN_MS);
    assert_true(counters(&dialogue)->timeouts > 10000);
}

static int open_with(const char *name, const char *value, uint16_t address)
{
    static uint8_t memory[BB_DRIVER_STATE_MAX] __attribute__((aligned(16)));
    struct bb_driver_setting setting = {.name = name, .value = value};
    struct bb_driver_config config = {
        .medium = BB_MEDIUM_SERIAL, .address = address, .settings = &setting, .setting_count = 1};
    struct bb_problem problem;
    return toy.ops->open(&toy, memory, &config, &problem);
}

static void checks_options_and_address(void **state)
{
    (void)state;
    assert_int_equal(open_with("number", "-5", 1), BB_OK);
    assert_int_equal(open_with("number", "0x5", 3), BB_OK);
    assert_int_equal(open_with("number", "6", 1), BB_ERR_RANGE);
    assert_int_equal(open_with("number", "", 1), BB_ERR_RANGE);
    assert_int_equal(open_with("number", "3x", 1), BB_ERR_RANGE);
    assert_int_equal(open_with("number", "99999999999999999999", 1), BB_ERR_RANGE);
    assert_int_equal(open_with("word", "four", 1), BB_OK);
    assert_int_equal(open_with("word", "fives", 1), BB_ERR_OVERSIZE);
    assert_int_equal(open_with("words", "x", 1), BB_ERR_UNKNOWN);
    assert_int_equal(open_with("number", "1", 0), BB_ERR_RANGE);
    assert_int_equal(open_with("number", "1", 4), BB_ERR_RANGE);
}

/* Every byte stream leaves the engine alive and its state valid. */
static void survives_a_flood(void **state)
{
    (void)state;
    struct dialogue dialogue;
    begin(&dialogue);
    uint8_t flood[3 * BB_POLL_STREAM_MAX];
    unsigned random = 1;
    for (size_t i = 0; i < sizeof flood; i++) {
        random = random * 1103515245U + 12345U;
        flood[i] = (uint8_t)(random >> 16 & 3U); /* many starts, few ends */
    }
    struct bb_packet packet = {.data = flood, .size = sizeof flood};
    toy.ops->receive(dialogue.state.bytes, &packet, dialogue.now_ms);
    memset(flood, 0, sizeof flood);
    toy.ops->receive(dialogue.state.bytes, &packet, dialogue.now_ms);
    static const struct step steps[] = {PASSES(2000), SENDS(ASK_VOLTAGE), HEARS(VOLTAGE_12),
                                        SENDS(ASK_SOC)};
    PLAY(&dialogue, steps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(polls_once_per_period),
        cmocka_unit_test(offers_the_same_request_until_it_was_sent),
        cmocka_unit_test(a_silent_battery_costs_one_time_out_per_cycle),
        cmocka_unit_test(long_silence_begins_a_new_session),
        cmocka_unit_test(values_older_than_their_age_are_left_out),
        cmocka_unit_test(slow_items_are_refreshed_after_the_state),
        cmocka_unit_test(a_refusal_is_a_sign_of_life),
        cmocka_unit_test(an_answer_may_take_its_time_once_it_has_begun),
        cmocka_unit_test(noise_does_not_prolong_the_wait),
        cmocka_unit_test(finds_a_good_frame_behind_a_cut_one),
        cmocka_unit_test(leftovers_do_not_spoil_what_comes_later),
        cmocka_unit_test(uses_late_and_unasked_answers),
        cmocka_unit_test(an_echo_is_not_another_master),
        cmocka_unit_test(nothing_happens_while_the_wire_is_down),
        cmocka_unit_test(the_first_state_does_not_wait_for_ever),
        cmocka_unit_test(counts_values_out_of_range),
        cmocka_unit_test(one_answer_in_ten_lost_for_a_day_is_no_outage),
        cmocka_unit_test(checks_options_and_address),
        cmocka_unit_test(survives_a_flood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
