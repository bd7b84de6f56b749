/* From frames to images. */
#include <string.h>

#include "proto/bms/listen_internal.h"

enum {
    PAUSE_MS = 40,       /* quiet for so long: the next frame begins a cycle */
    REPEAT_MS = 20,      /* some senders send each frame twice */
    FRAGMENTS_MAX = 8,   /* in a row: the sender pauses between the frames of a cycle */
    EARLY_FROM_MS = 200, /* faster identifiers than that jitter too much to judge */
    EARLY_PART = 3,      /* a frame is early after this part of its usual interval */
    EVIDENCE_MS = 10000, /* early frames further apart mean nothing */
    EVIDENCE_MAX = 3,    /* so many do */
    CONFLICT_MS = 30000  /* nothing is believed for so long after the last sign of two senders */
};

/* What the functions below work on: one set of one instance. */
struct scope {
    struct bb_listen *listen;
    struct bb_listen_set *set;
    uint8_t number;
};

static struct scope scope_of(struct bb_listen *listen, uint8_t number)
{
    return (struct scope){.listen = listen, .set = &listen->sets[number - 1], .number = number};
}

static bool is_member(const struct scope *in, size_t item)
{
    return in->listen->spec->items[item].set == in->number;
}

/* The item that begins a cycle of a sender that does not pause. */
static bool leads(const struct scope *in, size_t item)
{
    if (in->set->first != BB_LISTEN_NO_ITEM) {
        return item == in->set->first;
    }
    size_t leader = 0;
    while (!is_member(in, leader)) {
        leader++;
    }
    return item == leader;
}

static bool same_payload(const struct bb_listen_payload *payload, const struct bb_packet *frame)
{
    return payload->size == frame->size &&
           (frame->size == 0 || memcmp(payload->data, frame->data, frame->size) == 0);
}

static struct bb_listen_payload payload_of(const struct bb_packet *frame, int64_t now_ms)
{
    struct bb_listen_payload payload = {.size = (uint8_t)frame->size, .time_ms = now_ms};
    if (frame->size > 0) {
        memcpy(payload.data, frame->data, frame->size);
    }
    return payload;
}

void bb_listen_suspect(struct bb_listen *listen, int64_t now_ms)
{
    if (now_ms - listen->evidence_ms > EVIDENCE_MS) {
        listen->evidence = 0;
    }
    listen->evidence++;
    listen->evidence_ms = now_ms;
    if (listen->evidence >= EVIDENCE_MAX) {
        listen->counters.conflicts += now_ms >= listen->conflict_ms;
        listen->conflict_ms = now_ms + CONFLICT_MS;
    }
}

/* Looks at the frame's time and content for signs of a second sender. */
static void judge_sender(struct bb_listen *listen, size_t item, const struct bb_packet *frame,
                         int64_t now_ms)
{
    const struct bb_listen_item *spec = &listen->spec->items[item];
    struct bb_listen_slot *slot = &listen->slots[item];
    bool differs = slot->last.time_ms >= 0 && !same_payload(&slot->last, frame);
    int64_t interval_ms = slot->last.time_ms >= 0 ? now_ms - slot->last.time_ms : 0;
    bool early = spec->set == 1 && slot->interval_ms >= EARLY_FROM_MS &&
                 interval_ms < slot->interval_ms / EARLY_PART;
    bool unsteady =
        spec->steady && slot->changed_ms >= 0 && now_ms - slot->changed_ms < EVIDENCE_MS;
    if (differs && (early || unsteady)) {
        bb_listen_suspect(listen, now_ms);
    }
    if (differs && spec->steady) {
        slot->changed_ms = now_ms;
    }
    slot->interval_ms -= slot->interval_ms / 16;
    slot->interval_ms = interval_ms > slot->interval_ms ? interval_ms : slot->interval_ms;
    slot->last = payload_of(frame, now_ms);
}

/* Essential pieces are all there; with `all` also those that earlier sets had. */
static bool is_complete(const struct scope *in, bool all)
{
    for (size_t i = 0; i < in->listen->spec->item_count; i++) {
        const struct bb_listen_slot *slot = &in->listen->slots[i];
        bool needed =
            is_member(in, i) && (in->listen->spec->items[i].essential || (all && slot->expected));
        if (needed && slot->piece.time_ms < 0 && bb_listen_wants(in->listen, i)) {
            return false;
        }
    }
    return true;
}

static void drop_set(const struct scope *in)
{
    in->set->open = false;
    for (size_t i = 0; i < in->listen->spec->item_count; i++) {
        if (is_member(in, i)) {
            in->listen->slots[i].piece.time_ms = -1;
        }
    }
}

/* The open set becomes what counts. */
static void commit_set(const struct scope *in, int64_t now_ms)
{
    struct bb_listen_set *set = in->set;
    set->oldest_ms = now_ms;
    for (size_t i = 0; i < in->listen->spec->item_count; i++) {
        struct bb_listen_slot *slot = &in->listen->slots[i];
        if (!is_member(in, i)) {
            continue;
        }
        slot->image = slot->piece;
        if (slot->piece.time_ms >= 0) {
            slot->expected = true;
            if (slot->piece.time_ms < set->oldest_ms) {
                set->oldest_ms = slot->piece.time_ms;
            }
        }
    }
    if (set->sure) {
        set->first = set->begun_with;
    }
    set->learned = true;
    set->fragments = 0;
    in->listen->news = in->listen->news || in->number == 1;
    drop_set(in);
}

static int64_t pause_ms(const struct bb_listen_set *set)
{
    return set->open && !set->spread ? set->piece_ms + PAUSE_MS : BB_NEVER_MS;
}

int64_t bb_listen_pause_ms(const struct bb_listen *listen)
{
    int64_t wake_ms = BB_NEVER_MS;
    for (size_t i = 0; i < BB_LISTEN_SETS; i++) {
        int64_t own_ms = pause_ms(&listen->sets[i]);
        wake_ms = own_ms < wake_ms ? own_ms : wake_ms;
    }
    return wake_ms;
}

/* The sender has paused inside or behind the set. */
static void end_by_pause(const struct scope *in, int64_t now_ms)
{
    struct bb_listen_set *set = in->set;
    if (is_complete(in, true)) {
        commit_set(in, now_ms);
        return;
    }
    if (!is_complete(in, false)) {
        set->fragments++;
        set->spread = set->fragments >= FRAGMENTS_MAX;
        set->first = set->spread ? BB_LISTEN_NO_ITEM : set->first;
    }
    drop_set(in);
}

void bb_listen_pause(struct bb_listen *listen, int64_t now_ms)
{
    for (unsigned number = 1; number <= BB_LISTEN_SETS; number++) {
        struct scope in = scope_of(listen, (uint8_t)number);
        if (now_ms >= pause_ms(in.set)) {
            end_by_pause(&in, now_ms);
        }
    }
}

/* A piece the open set already has: the next cycle has begun. */
static void end_by_repeat(const struct scope *in, int64_t now_ms)
{
    if (in->set->sure && is_complete(in, true)) {
        commit_set(in, now_ms);
    } else {
        drop_set(in);
    }
}

/* True when the piece belongs to the set that was complete a moment ago: an identifier that no
 * set had before. */
static bool joins_last(const struct scope *in, size_t item, int64_t now_ms)
{
    const struct bb_listen_set *set = in->set;
    return !set->open && set->oldest_ms >= 0 && in->listen->slots[item].image.time_ms < 0 &&
           !in->listen->spec->items[item].essential &&
           (set->spread || now_ms - set->piece_ms < PAUSE_MS);
}

/* The same frame once more, sent twice by the sender. */
static bool is_copy(const struct scope *in, size_t item, const struct bb_packet *frame,
                    int64_t now_ms)
{
    const struct bb_listen_slot *slot = &in->listen->slots[item];
    const struct bb_listen_payload *before = in->set->open ? &slot->piece : &slot->image;
    return before->time_ms >= 0 && now_ms - before->time_ms < REPEAT_MS &&
           same_payload(before, frame);
}

static void begin_set(const struct scope *in, size_t item, int64_t now_ms)
{
    struct bb_listen_set *set = in->set;
    bool paused = set->piece_ms >= 0 && now_ms - set->piece_ms >= PAUSE_MS && !set->spread;
    set->open = true;
    set->sure = paused || leads(in, item);
    set->begun_with = (uint8_t)item;
}

static void take_piece(const struct scope *in, size_t item, const struct bb_packet *frame,
                       int64_t now_ms)
{
    struct bb_listen_set *set = in->set;
    struct bb_listen_slot *slot = &in->listen->slots[item];
    if (is_copy(in, item, frame, now_ms)) {
        return;
    }
    if (slot->piece.time_ms >= 0 || (set->open && (!set->sure || set->spread) && leads(in, item))) {
        end_by_repeat(in, now_ms);
    }
    if (joins_last(in, item, now_ms)) {
        slot->image = payload_of(frame, now_ms);
        slot->expected = true;
        set->piece_ms = now_ms;
        return;
    }
    if (!set->open) {
        if (set->spread && !leads(in, item)) {
            return;
        }
        begin_set(in, item, now_ms);
    }
    slot->piece = payload_of(frame, now_ms);
    set->piece_ms = now_ms;
    if (set->sure && set->learned && is_complete(in, true)) {
        commit_set(in, now_ms);
    }
}

void bb_listen_take(struct bb_listen *listen, size_t item, const struct bb_packet *frame,
                    int64_t now_ms)
{
    listen->counters.replies++;
    judge_sender(listen, item, frame, now_ms);
    if (listen->spec->items[item].set == 0) {
        listen->slots[item].image = payload_of(frame, now_ms);
        return;
    }
    struct scope in = scope_of(listen, listen->spec->items[item].set);
    take_piece(&in, item, frame, now_ms);
}
