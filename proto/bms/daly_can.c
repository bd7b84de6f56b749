/* Daly Smart BMS on CAN: the commands and payloads of the serial protocol in 29-bit frames.
 *
 * Source: Daly protocol, CAN. Request 0x18 CC NN 40, answer 0x18 CC 40 NN; CC is the command, NN
 * the board number 0x01 to 0x10. Several boards share one bus. Any answer of the board counts,
 * also one another master asked for.
 *
 * A second board with the same number answers each request, too. Its answer differs (a heartbeat
 * counts in command 0x93, cells differ) and comes right behind the first. After two such answers
 * nothing of this number is believed for a while.
 */
#include <string.h>

#include "proto/bms/daly.h"
#include "proto/bms/drivers.h"

enum {
    MASTER = 0x40,
    BOARDS = 16,
    FRAME_SIZE = 8,
    SHORT_COMMAND = 0x92, /* the one command read that ends early on some boards */
    SHORT_SIZE = 4,
    SECOND_MS = 100,       /* a second board's answer comes this soon */
    EVIDENCE_MS = 10000,   /* such answers further apart mean nothing */
    EVIDENCE_MAX = 2,      /* so many do */
    CONFLICT_MS = 30000,   /* nothing is believed for so long after the last of them */
    MASTER_QUIET_MS = 2000 /* another master makes double answers of one board */
};

/* The last answer to a command. */
struct answer {
    int64_t time_ms;
    uint32_t sum; /* of its payload */
};

struct memory {
    struct bb_daly_polarity polarity; /* first: bb_daly_finish() */
    uint8_t padded[FRAME_SIZE];
    int64_t evidence_ms, conflict_ms, master_ms;
    unsigned evidence;
    uint8_t last_item;
    struct answer last;
};

static uint32_t sum_of(const uint8_t *data, size_t size)
{
    uint32_t sum = 2166136261U;
    for (size_t i = 0; i < size; i++) {
        sum = (sum ^ data[i]) * 16777619U;
    }
    return sum;
}

/* Takes note of an answer; part is its number within a many-frame answer. True when nothing may
 * be believed. */
static bool is_doubtful(const struct bb_poll_view *view, size_t item, const struct bb_packet *frame)
{
    struct memory *memory = view->memory;
    bool one_frame = view->spec->items[item].part_size == 0;
    struct answer now = {.time_ms = view->now_ms, .sum = sum_of(frame->data, frame->size)};
    bool second = one_frame && view->asked != item && memory->last_item == item + 1 &&
                  now.time_ms - memory->last.time_ms < SECOND_MS && now.sum != memory->last.sum;
    if (one_frame) {
        memory->last_item = (uint8_t)(item + 1);
        memory->last = now;
    }
    bool other_master = memory->master_ms > 0 && now.time_ms - memory->master_ms < MASTER_QUIET_MS;
    if (second && !other_master) {
        if (now.time_ms - memory->evidence_ms > EVIDENCE_MS) {
            memory->evidence = 0;
        }
        memory->evidence++;
        memory->evidence_ms = now.time_ms;
    }
    if (memory->evidence >= EVIDENCE_MAX) {
        memory->evidence = 0;
        memory->conflict_ms = now.time_ms + CONFLICT_MS;
    }
    return now.time_ms < memory->conflict_ms;
}

static void build(const struct bb_poll_view *view, const struct bb_poll_item *item,
                  const uint8_t *data, size_t size, struct bb_request *ret_request)
{
    uint32_t command = item->code;
    uint32_t board = view->address;
    memset(ret_request->data, 0, FRAME_SIZE);
    if (size > 0) {
        memcpy(ret_request->data, data, size < FRAME_SIZE ? size : FRAME_SIZE);
    }
    ret_request->size = FRAME_SIZE;
    ret_request->extended = true;
    ret_request->id = item == &bb_daly_items[SET_SOC]
                          ? 0x161E0080U | board << 8
                          : 0x18000000U | command << 16 | board << 8 | MASTER;
}

static enum bb_poll_verdict match(const struct bb_poll_view *view, const struct bb_packet *frame,
                                  struct bb_poll_answer *ret_answer)
{
    struct memory *memory = view->memory;
    uint32_t board = view->address;
    uint32_t parties = frame->id & 0xFFFFU;
    size_t item = bb_poll_item_of(view->spec, (uint16_t)(frame->id >> 16 & 0xFFU));
    if (!frame->extended || frame->id >> 24 != 0x18 || item == BB_POLL_NO_ITEM) {
        return BB_POLL_FOREIGN;
    }
    if (parties == (board << 8 | MASTER)) {
        memory->master_ms = view->now_ms;
        return BB_POLL_REQUEST;
    }
    bool may_be_short = view->spec->items[item].code == SHORT_COMMAND;
    if (parties != ((uint32_t)MASTER << 8 | board) || frame->size > FRAME_SIZE ||
        frame->size < (may_be_short ? SHORT_SIZE : FRAME_SIZE)) {
        return BB_POLL_FOREIGN;
    }
    if (is_doubtful(view, item, frame)) {
        return BB_POLL_CONFLICT;
    }
    memset(memory->padded, 0xFF, FRAME_SIZE);
    memcpy(memory->padded, frame->data, frame->size);
    *ret_answer =
        (struct bb_poll_answer){.item = item, .payload = memory->padded, .size = FRAME_SIZE};
    if (view->spec->items[item].part_size > 0) {
        ret_answer->part = (size_t)ret_answer->payload[0] - 1; /* 0 is no number: far too large */
        ret_answer->payload++;
        ret_answer->size--;
    }
    return BB_POLL_ANSWER;
}

static int soc_payload(const struct bb_poll_view *view, const struct bb_control *control,
                       uint8_t *ret_data, struct bb_problem *problem)
{
    (void)view;
    (void)problem;
    unsigned tenths = (unsigned)(control->value * 10 + 0.5);
    ret_data[0] = (uint8_t)(tenths >> 8);
    ret_data[1] = (uint8_t)(tenths & 0xFFU);
    return 2;
}

#define SWITCH(verb_, write_)                                                                      \
    {                                                                                              \
        .verb = (verb_), .max = 1, .before = BB_POLL_NO_ITEM, .write = (write_), .after = STATE,   \
        .payload = bb_daly_switch_payload, .confirm = bb_daly_switch_confirm                       \
    }
static const struct bb_poll_control controls[] = {
    SWITCH("charge_fet", CHARGE_SWITCH),
    SWITCH("discharge_fet", DISCHARGE_SWITCH),
    {.verb = "soc",
     .max = 100,
     .before = BB_POLL_NO_ITEM,
     .write = SET_SOC,
     .after = PACK,
     .payload = soc_payload,
     .confirm = bb_daly_soc_confirm},
};

static const struct bb_poll_spec spec = {
    .items = bb_daly_items,
    .item_count = BB_DALY_ITEMS,
    .greeting = COUNTS,
    .probe = PACK,
    .tries = 3,
    .late = BB_POLL_ANY,
    .can = {.first_ms = 300, .gap_ms = 100, .total_ms = 800},
    .match = match,
    .build = build,
    .finish = bb_daly_finish,
    .options = bb_daly_options,
    .option_count = BB_DALY_OPTIONS,
    .controls = controls,
    .control_count = BB_COUNT(controls),
    .memory_size = sizeof(struct memory),
};

#define ANSWER(command_)                                                                           \
    {                                                                                              \
        .id = 0x18004000U | (uint32_t)(command_) << 16, .mask = 0x1FFFFFFF, .extended = true,      \
        .adds_address = true                                                                       \
    }
static const struct bb_can_filter filter[] = {
    ANSWER(0x50), ANSWER(0x53), ANSWER(0x57), ANSWER(0x90), ANSWER(0x92),
    ANSWER(0x93), ANSWER(0x94), ANSWER(0x95), ANSWER(0x96), ANSWER(0x97),
    ANSWER(0x98), ANSWER(0xD9), ANSWER(0xDA), {.mask = 0},
};

static const struct bb_transport transports[] = {
    {.medium = BB_MEDIUM_CAN,
     .bit_rate = 250000,
     .address_first = 1,
     .address_last = BOARDS,
     .address_default = 1,
     .period_ms = 1000,
     .can_filter = filter},
};

const struct bb_driver bb_driver_daly_can = {
    .id = "daly-can",
    .title = "Daly Smart BMS (CAN)",
    .transports = transports,
    .transport_count = BB_COUNT(transports),
    .state_size = BB_POLL_STATE_SIZE,
    .ops = &bb_poll_ops,
    .spec = &spec,
};
