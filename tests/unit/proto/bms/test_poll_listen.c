/* The engine with a sender that speaks unasked over BLE: one item per notification, named by its
 * first byte, and a keep-alive that nobody answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dialogue.h"
#include "near.h"
#include "proto/bms/poll.h"

enum { VOLTAGE, SOC, ALARMS, KEEP_ALIVE };

static const struct bb_row voltage_rows[] = {
    {.raw = BB_S16LE, .per = 100, .field = BB_FIELD(voltage)}};
static const struct bb_row soc_rows[] = {{.raw = BB_U16LE, .field = BB_FIELD(soc)}};
static const struct bb_bit alarm_bits[] = {
    {.raw = BB_U8, .mask = 4, .field = BB_FIELD(protection.low_voltage), .severity = 2}};
static const uint8_t zeros[8];

static const struct bb_poll_item items[] = {
    [VOLTAGE] = {.name = "voltage",
                 .code = 0x56,
                 .ask = BB_ASK_NEVER,
                 .essential = true,
                 .least = 2,
                 .size = 8,
                 .max_age_ms = 5000,
                 .rows = voltage_rows,
                 .row_count = 1},
    [SOC] = {.name = "soc",
             .code = 0x55,
             .ask = BB_ASK_NEVER,
             .essential = true,
             .least = 2,
             .size = 8,
             .max_age_ms = 5000,
             .rows = soc_rows,
             .row_count = 1},
    [ALARMS] = {.name = "alarms",
                .code = 0x5a,
                .ask = BB_ASK_NEVER,
                .least = 1,
                .size = 8,
                .max_age_ms = 5000,
                .bits = alarm_bits,
                .bit_count = 1},
    [KEEP_ALIVE] = {.name = "keep-alive",
                    .code = 0x05,
                    .ask = BB_ASK_CYCLE,
                    .silent = true,
                    .data = zeros,
                    .data_size = sizeof zeros},
};

static enum bb_poll_verdict match(const struct bb_poll_view *view, const struct bb_packet *frame,
                                  struct bb_poll_answer *ret_answer)
{
    ret_answer->item = bb_poll_item_of(view->spec, frame->data[0]);
    ret_answer->payload = frame->data + 1;
    ret_answer->size = frame->size - 1;
    return ret_answer->item == BB_POLL_NO_ITEM ? BB_POLL_IGNORE : BB_POLL_ANSWER;
}

static void build(const struct bb_poll_view *view, const struct bb_poll_item *item,
                  const uint8_t *data, size_t size, struct bb_request *ret_request)
{
    (void)view;
    (void)item;
    memcpy(ret_request->data, data, size);
    ret_request->size = size;
}

static const struct bb_poll_spec spec = {
    .items = items,
    .item_count = BB_COUNT(items),
    .tries = 1,
    .listens = true,
    .settle_ms = 100,
    .match = match,
    .build = build,
};

static const struct bb_transport transports[] = {{.medium = BB_MEDIUM_BLE, .period_ms = 1000}};

static const struct bb_driver toy = {
    .id = "toy-ble",
    .transports = transports,
    .transport_count = 1,
    .state_size = BB_POLL_STATE_SIZE,
    .ops = &bb_poll_ops,
    .spec = &spec,
};

static void begin(struct dialogue *dialogue)
{
    struct bb_driver_config config = {.medium = BB_MEDIUM_BLE, .period_ms = 1000};
    dialogue_begin(dialogue, &toy, &config);
}

static void feed(struct dialogue *dialogue, uint8_t code, const char *hex)
{
    uint8_t data[9] = {code};
    struct bb_packet packet = {.data = data};
    packet.size = 1 + dialogue_bytes(hex, data + 1, sizeof data - 1);
    toy.ops->receive(dialogue->state.bytes, &packet, dialogue->now_ms);
}

static const struct step settled[] = {CALM, PASSES(99), CALM, PASSES(1), RAISES(BB_EVENT_STATE),
                                      CALM};

static void raises_a_state_when_the_set_has_settled(void **state)
{
    (void)state;
    struct dialogue dialogue;
    begin(&dialogue);
    feed(&dialogue, 0x56, "DC 14");
    feed(&dialogue, 0x55, "32 00");
    feed(&dialogue, 0x5a, "04"); /* behind the essential part, in the same state */
    PLAY(&dialogue, settled);
    int64_t time_ms;
    struct bb_battery battery = dialogue_battery(&dialogue, &time_ms);
    assert_near(battery.voltage.value, 53.4);
    assert_near(battery.soc.value, 50);
    assert_int_equal(battery.protection.low_voltage.value, 2);
    assert_int_equal(time_ms, dialogue.now_ms - 100);
}

static void waits_for_everything_essential_to_come_anew(void **state)
{
    (void)state;
    static const struct step nothing[] = {PASSES(1000), CALM};
    struct dialogue dialogue;
    begin(&dialogue);
    feed(&dialogue, 0x56, "DC 14");
    feed(&dialogue, 0x55, "32 00");
    PLAY(&dialogue, settled);
    feed(&dialogue, 0x56, "DD 14");
    PLAY(&dialogue, nothing);
    feed(&dialogue, 0x55, "33 00");
    PLAY(&dialogue, settled);
}

static void keeps_its_period_when_notifications_come_faster(void **state)
{
    (void)state;
    struct dialogue dialogue;
    begin(&dialogue);
    int states = 0;
    static const struct step tick[] = {PASSES(20)};
    for (int i = 0; i < 250; i++) { /* five seconds */
        feed(&dialogue, 0x56, "DC 14");
        feed(&dialogue, 0x55, "32 00");
        PLAY(&dialogue, tick);
        states += toy.ops->event(dialogue.state.bytes) == BB_EVENT_STATE;
    }
    assert_int_equal(states, 5);
}

static void silence_is_a_failure(void **state)
{
    (void)state;
    static const struct step quiet[] = {PASSES(4999), CALM,
                                        PASSES(1),    RAISES(BB_EVENT_FAILED),
                                        PASSES(5000), RAISES(BB_EVENT_FAILED)};
    struct dialogue dialogue;
    begin(&dialogue);
    PLAY(&dialogue, quiet);
    feed(&dialogue, 0x56, "DC 14");
    feed(&dialogue, 0x55, "32 00");
    PLAY(&dialogue, settled);
}

static void old_alarms_are_left_out(void **state)
{
    (void)state;
    static const struct step later[] = {PASSES(4000)};
    struct dialogue dialogue;
    begin(&dialogue);
    feed(&dialogue, 0x5a, "04");
    PLAY(&dialogue, later);
    feed(&dialogue, 0x56, "DC 14");
    feed(&dialogue, 0x55, "32 00");
    PLAY(&dialogue, settled);
    int64_t time_ms;
    assert_true(dialogue_battery(&dialogue, &time_ms).protection.low_voltage.present);
    PLAY(&dialogue, later);
    feed(&dialogue, 0x56, "DC 14");
    feed(&dialogue, 0x55, "32 00");
    PLAY(&dialogue, settled);
    assert_false(dialogue_battery(&dialogue, &time_ms).protection.low_voltage.present);
}

static void short_and_unknown_notifications_count_for_nothing(void **state)
{
    (void)state;
    static const struct step nothing[] = {PASSES(4000), CALM};
    struct dialogue dialogue;
    begin(&dialogue);
    feed(&dialogue, 0x56, "DC");
    feed(&dialogue, 0x55, "32 00");
    feed(&dialogue, 0x57, "DC 14");
    PLAY(&dialogue, nothing);
}

static void sends_a_keep_alive_that_is_not_answered(void **state)
{
    (void)state;
    static const struct step steps[] = {SENDS("00 00 00 00 00 00 00 00"), QUIET, CALM, PASSES(1000),
                                        SENDS("00 00 00 00 00 00 00 00"), QUIET, CALM};
    struct dialogue dialogue;
    begin(&dialogue);
    PLAY(&dialogue, steps);
    assert_int_equal(toy.ops->counters(dialogue.state.bytes)->timeouts, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(raises_a_state_when_the_set_has_settled),
        cmocka_unit_test(waits_for_everything_essential_to_come_anew),
        cmocka_unit_test(keeps_its_period_when_notifications_come_faster),
        cmocka_unit_test(silence_is_a_failure),
        cmocka_unit_test(old_alarms_are_left_out),
        cmocka_unit_test(short_and_unknown_notifications_count_for_nothing),
        cmocka_unit_test(sends_a_keep_alive_that_is_not_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
