/* From bytes to images. */
#include <string.h>

#include "proto/bms/poll_internal.h"
#include "proto/deadlines.h"

enum {
    ECHO_MS = 1000,        /* a request equal to our last one is its echo this long */
    PIECES_MS = 1000,      /* a frame does not go on after such a pause */
    PARTS_MS = 2000,       /* parts of one answer do not lie further apart */
    UNASKED_MS = 10000,    /* other answers on the wire make unconfirmed ones doubtful this long */
    UNASKED_OF_MASTER = 3, /* so many of them, and there is another master */
    UNCONFIRMED_TRIES = 2  /* so many in vain, then the adapter cuts the frame that confirms */
};

/* The battery spoke to us. */
static void alive(struct bb_poll *poll, size_t item, int64_t now_ms)
{
    if (poll->silent && poll->answer_ms >= 0 && now_ms - poll->answer_ms > BB_LOST_MIN_MS) {
        bb_poll_new_session(poll, item);
    }
    poll->silent = false;
    poll->answer_ms = now_ms;
    poll->counters.replies++;
}

static void keep_image(struct bb_poll *poll, size_t item, const uint8_t *data, size_t size,
                       int64_t time_ms, int64_t now_ms)
{
    struct bb_poll_slot *slot = &poll->slots[item];
    if (size > poll->spec->items[item].size) {
        size = poll->spec->items[item].size;
    }
    memcpy(poll->pool + slot->at, data, size);
    slot->size = (uint16_t)size;
    slot->time_ms = time_ms;
    slot->parts = 0;
    slot->owed_ms = 0;
    alive(poll, item, now_ms);
    bb_poll_heard(poll, item, now_ms);
    /* It may also come between a time-out and the repetition. */
    bool asked = poll->line == LINE_WAITING || (poll->line == LINE_READY && poll->attempts > 0);
    if (asked && poll->item == item) {
        bb_poll_item_over(poll, OUTCOME_ANSWERED, now_ms);
    }
}

static bool is_plausible(struct bb_poll *poll, size_t item, const uint8_t *data, size_t size,
                         int64_t now_ms)
{
    const struct bb_poll_item *spec = &poll->spec->items[item];
    if (size < spec->least) {
        return false;
    }
    struct bb_poll_view view = bb_poll_view_at(poll, now_ms);
    return !spec->check || spec->check(&view, data, size);
}

/* The answer has begun: it may take until gap_ms after its last byte. */
static void extend_deadline(struct bb_poll *poll, int64_t until_ms)
{
    if (poll->line == LINE_WAITING && until_ms > poll->deadline_ms) {
        poll->deadline_ms = until_ms < poll->total_ms ? until_ms : poll->total_ms;
    }
}

/* A part is kept by its number, not by its order; parts of a request that is repeated count on. */
static void take_part(struct bb_poll *poll, const struct bb_poll_answer *answer, int64_t now_ms)
{
    struct bb_poll_slot *slot = &poll->slots[answer->item];
    const struct bb_poll_item *spec = &poll->spec->items[answer->item];
    struct bb_poll_view view = bb_poll_view_at(poll, now_ms);
    size_t needed = spec->parts ? spec->parts(&view) : 1;
    size_t room = spec->size / spec->part_size;
    if (answer->part >= needed || needed > room || needed > BB_POLL_PARTS_MAX ||
        answer->size < spec->part_size) {
        return;
    }
    if (slot->parts == 0 || now_ms - slot->parts_ms > PARTS_MS) {
        slot->parts = 0;
        slot->parts_ms = now_ms;
    }
    uint8_t *collected = poll->pool + slot->at + spec->size;
    memcpy(collected + answer->part * spec->part_size, answer->payload, spec->part_size);
    slot->parts |= (uint32_t)1 << answer->part;
    uint32_t all = needed == BB_POLL_PARTS_MAX ? UINT32_MAX : ((uint32_t)1 << needed) - 1;
    size_t size = needed * spec->part_size;
    if (slot->parts == all && is_plausible(poll, answer->item, collected, size, now_ms)) {
        keep_image(poll, answer->item, collected, size, slot->parts_ms, now_ms);
    } else if (poll->item == answer->item) {
        extend_deadline(poll, now_ms + bb_poll_wait(poll, answer->item)->gap_ms);
    }
}

/* Whether an answer to the item counts now. */
static bool is_expected(const struct bb_poll *poll, size_t item, int64_t now_ms)
{
    if ((poll->line == LINE_WAITING && poll->item == item) || poll->spec->listens) {
        return true;
    }
    switch (poll->spec->late) {
    case BB_POLL_ASKED_ONLY:
        return false;
    case BB_POLL_OWED:
        return now_ms < poll->slots[item].owed_ms;
    case BB_POLL_ANY:
        return true;
    }
    return false;
}

static void take_answer(struct bb_poll *poll, const struct bb_poll_answer *answer, int64_t now_ms)
{
    if (!is_expected(poll, answer->item, now_ms)) {
        poll->counters.foreign_frames++;
    } else if (poll->spec->items[answer->item].part_size > 0) {
        take_part(poll, answer, now_ms);
    } else if (is_plausible(poll, answer->item, answer->payload, answer->size, now_ms)) {
        keep_image(poll, answer->item, answer->payload, answer->size, now_ms, now_ms);
    } else {
        poll->counters.foreign_frames++;
    }
}

/* A payload nobody asked for may be a late one, also of another battery that we ask; several in
 * a row come from another master. */
static void unasked(struct bb_poll *poll, int64_t now_ms)
{
    poll->counters.foreign_frames++;
    if (poll->unasked_ms < 0 || now_ms - poll->unasked_ms > UNASKED_MS) {
        poll->unasked = 0;
    }
    poll->unasked_ms = now_ms;
    if (++poll->unasked >= UNASKED_OF_MASTER) {
        poll->unasked = 0;
        bb_poll_raise(poll, BB_EVENT_FOREIGN_MASTER);
    }
}

static void take_provisional(struct bb_poll *poll, const struct bb_poll_answer *answer,
                             int64_t now_ms)
{
    bool asked = poll->line == LINE_WAITING && poll->item == answer->item;
    if (!asked || poll->provisional != BB_POLL_NO_ITEM) {
        unasked(poll, now_ms);
        return;
    }
    size_t size = poll->spec->items[answer->item].size;
    if (answer->size < size) {
        size = answer->size;
    }
    if (!is_plausible(poll, answer->item, answer->payload, size, now_ms)) {
        poll->counters.foreign_frames++;
        return;
    }
    memcpy(poll->pool + poll->slots[answer->item].at + poll->spec->items[answer->item].size,
           answer->payload, size);
    poll->provisional = answer->item;
    poll->provisional_size = size;
    poll->provisional_ms = now_ms + poll->spec->confirm_ms;
    if (poll->deadline_ms < poll->provisional_ms) {
        poll->deadline_ms = poll->provisional_ms;
    }
}

static void keep_provisional(struct bb_poll *poll, int64_t now_ms)
{
    size_t item = poll->provisional;
    poll->provisional = BB_POLL_NO_ITEM;
    const uint8_t *data = poll->pool + poll->slots[item].at + poll->spec->items[item].size;
    keep_image(poll, item, data, poll->provisional_size, now_ms, now_ms);
}

void bb_poll_unconfirmed(struct bb_poll *poll, int64_t now_ms)
{
    bool cut = poll->confirmed > 0 || poll->unconfirmed >= UNCONFIRMED_TRIES;
    bool alone = poll->unasked_ms < 0 || now_ms - poll->unasked_ms > UNASKED_MS;
    poll->unconfirmed++;
    if (cut && alone) {
        keep_provisional(poll, now_ms);
    } else {
        poll->provisional = BB_POLL_NO_ITEM;
        poll->deadline_ms = now_ms;
    }
}

static void take_request(struct bb_poll *poll, const struct bb_packet *frame, int64_t now_ms)
{
    const struct bb_request *own = &poll->request;
    bool echo = now_ms - poll->sent_ms <= ECHO_MS && frame->size == own->size &&
                frame->id == own->id && memcmp(frame->data, own->data, own->size) == 0;
    if (!echo) {
        poll->counters.foreign_frames++;
        bb_poll_raise(poll, BB_EVENT_FOREIGN_MASTER);
    }
}

/* Returns the bytes the frame uses up: all of it, or one when it means nothing to us. */
static size_t take_frame(struct bb_poll *poll, const struct bb_packet *frame, int64_t now_ms)
{
    struct bb_poll_view view = bb_poll_view_at(poll, now_ms);
    struct bb_poll_answer answer = {.item = BB_POLL_NO_ITEM};
    switch (poll->spec->match(&view, frame, &answer)) {
    case BB_POLL_NOISE:
        poll->counters.garbage_bytes++;
        return 1;
    case BB_POLL_IGNORE:
        return frame->size;
    case BB_POLL_ANSWER:
        take_answer(poll, &answer, now_ms);
        return frame->size;
    case BB_POLL_PROVISIONAL:
        take_provisional(poll, &answer, now_ms);
        return frame->size;
    case BB_POLL_CONFIRM:
        if (poll->provisional != BB_POLL_NO_ITEM) {
            poll->confirmed++;
            keep_provisional(poll, now_ms);
        }
        return frame->size;
    case BB_POLL_REJECT:
        poll->provisional = BB_POLL_NO_ITEM;
        poll->counters.foreign_frames++;
        return frame->size;
    case BB_POLL_REFUSED:
        if (poll->line == LINE_WAITING && poll->item == answer.item) {
            alive(poll, answer.item, now_ms);
            bb_poll_item_over(poll, OUTCOME_REFUSED, now_ms);
        }
        return frame->size;
    case BB_POLL_REQUEST:
        take_request(poll, frame, now_ms);
        return frame->size;
    case BB_POLL_FOREIGN:
        poll->counters.foreign_frames++;
        return 1;
    case BB_POLL_CONFLICT:
        poll->counters.conflicts++;
        return frame->size;
    }
    return 1;
}

/* Uses up the stream from its start; returns the bytes that are through. */
static size_t scan_stream(struct bb_poll *poll, int64_t now_ms)
{
    size_t at = 0;
    while (at < poll->stream_size) {
        const uint8_t *data = poll->stream + at;
        size_t left = poll->stream_size - at;
        bool waiting = poll->line == LINE_WAITING;
        struct bb_asked asked = {
            .request = poll->request.data,
            .request_size = waiting ? poll->request.size : 0,
            .address = poll->address,
            .code = waiting ? poll->spec->items[poll->item].code : 0,
        };
        struct bb_scan scan = poll->spec->scan(&asked, data, left);
        if (scan.verdict == BB_SCAN_MORE && left < BB_POLL_STREAM_MAX) {
            break;
        }
        if (scan.verdict == BB_SCAN_FRAME) {
            struct bb_packet frame = {.data = data, .size = scan.size};
            at += take_frame(poll, &frame, now_ms);
            continue;
        }
        poll->counters.checksum_errors += scan.verdict == BB_SCAN_BAD;
        size_t drop = scan.verdict == BB_SCAN_GARBAGE ? scan.size : 1;
        poll->counters.garbage_bytes += drop;
        at += drop;
    }
    return at;
}

static void drop_stream(struct bb_poll *poll, size_t size)
{
    poll->stream_size -= size;
    memmove(poll->stream, poll->stream + size, poll->stream_size);
}

void bb_poll_receive(struct bb_poll *poll, const struct bb_packet *packet, int64_t now_ms)
{
    if (!poll->spec->scan) {
        (void)take_frame(poll, packet, now_ms);
        return;
    }
    int64_t pause_ms = PIECES_MS;
    if (poll->line == LINE_WAITING && bb_poll_wait(poll, poll->item)->gap_ms > pause_ms) {
        pause_ms = bb_poll_wait(poll, poll->item)->gap_ms;
    }
    if (poll->stream_size > 0 && now_ms - poll->stream_ms > pause_ms) {
        poll->counters.garbage_bytes += poll->stream_size;
        poll->stream_size = 0;
    }
    poll->stream_ms = now_ms;
    size_t taken = 0;
    while (taken < packet->size) {
        size_t room = BB_POLL_STREAM_MAX - poll->stream_size;
        size_t left = packet->size - taken;
        size_t piece = left < room ? left : room;
        memcpy(poll->stream + poll->stream_size, packet->data + taken, piece);
        poll->stream_size += piece;
        taken += piece;
        drop_stream(poll, scan_stream(poll, now_ms));
    }
    if (poll->stream_size > 0 && poll->line == LINE_WAITING) {
        extend_deadline(poll, now_ms + bb_poll_wait(poll, poll->item)->gap_ms);
    }
}

void bb_poll_search_inside(struct bb_poll *poll, int64_t now_ms)
{
    if (!poll->spec->scan) {
        return;
    }
    struct bb_asked asked = {
        .request = poll->request.data,
        .request_size = poll->request.size,
        .address = poll->address,
        .code = poll->spec->items[poll->item].code,
    };
    for (size_t at = 1; at < poll->stream_size; at++) {
        struct bb_scan scan = poll->spec->scan(&asked, poll->stream + at, poll->stream_size - at);
        if (scan.verdict == BB_SCAN_FRAME) {
            poll->counters.garbage_bytes += at;
            drop_stream(poll, at);
            drop_stream(poll, scan_stream(poll, now_ms));
            return;
        }
    }
}
