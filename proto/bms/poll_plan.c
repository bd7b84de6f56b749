/* Which item is asked next, and what the end of an item or a cycle means. */
#include "proto/bms/poll_internal.h"
#include "proto/deadlines.h"

enum {
    NOTHING_TO_ASK_MS = 100, /* pause after a cycle in which there was nothing to ask */
    FIRST_STATE_MS = 5000,   /* the first state waits no longer for what is not essential */
    MISSES_TO_PAUSE = 3      /* failures in a row after which again_ms counts */
};

static uint64_t bit_of(size_t item)
{
    return (uint64_t)1 << item;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

bool bb_poll_asks(const struct bb_poll_spec *spec)
{
    for (size_t i = 0; i < spec->item_count; i++) {
        if (spec->items[i].ask != BB_ASK_NEVER) {
            return true;
        }
    }
    return false;
}

/* Whether the unit and the options have the item at all. */
static bool is_wanted(struct bb_poll *poll, size_t item, int64_t now_ms)
{
    const struct bb_poll_item *spec = &poll->spec->items[item];
    if (spec->option > 0 && poll->options[spec->option - 1].number == 0) {
        return false;
    }
    struct bb_poll_view view = bb_poll_view_at(poll, now_ms);
    return !spec->wanted || spec->wanted(&view);
}

static bool is_due(struct bb_poll *poll, size_t item, int64_t now_ms)
{
    const struct bb_poll_item *spec = &poll->spec->items[item];
    const struct bb_poll_slot *slot = &poll->slots[item];
    bool before_state = poll->phase == PHASE_STATE;
    bool has_image = bb_poll_has_image(poll, item, now_ms);
    bool first = !poll->started && now_ms - poll->cycle_ms < FIRST_STATE_MS;
    switch (spec->ask) {
    case BB_ASK_CYCLE:
        return before_state && slot->due_ms <= now_ms &&
               (slot->time_ms < 0 || slot->time_ms < poll->cycle_ms) &&
               (spec->fresh_ms == 0 || !has_image || now_ms - slot->time_ms >= spec->fresh_ms);
    case BB_ASK_START:
        return !has_image && slot->due_ms <= now_ms && (!before_state || spec->essential || first);
    case BB_ASK_SLOW:
        if (before_state) {
            return !has_image && (spec->essential || (first && slot->due_ms <= now_ms));
        }
        return slot->due_ms <= now_ms;
    case BB_ASK_ENTER:
        return !before_state && poll->group_due;
    case BB_ASK_INSIDE:
        return !before_state && poll->entered;
    case BB_ASK_LEAVE:
        return poll->leave_owed && slot->due_ms <= now_ms;
    case BB_ASK_NEVER:
        return false;
    }
    return false;
}

static bool pick(struct bb_poll *poll, int64_t now_ms)
{
    const struct bb_poll_spec *spec = poll->spec;
    size_t first = 0;
    size_t end = spec->item_count;
    bool probing = poll->silent && !spec->listens && poll->phase == PHASE_STATE;
    if (probing) {
        first = poll->greets ? spec->greeting : spec->probe;
        end = first + 1U;
    }
    for (size_t i = first; i < end; i++) {
        bool through = (poll->tried & bit_of(i)) != 0;
        if (!through && (probing || is_due(poll, i, now_ms)) && is_wanted(poll, i, now_ms)) {
            poll->line = LINE_READY;
            poll->item = i;
            poll->for_command = false;
            poll->attempts = 0;
            return true;
        }
    }
    return false;
}

/* Decodes a state from the images and raises it. */
static void raise_state(struct bb_poll *poll, int64_t now_ms)
{
    const struct bb_poll_spec *spec = poll->spec;
    int64_t oldest_ms = now_ms;
    for (size_t i = 0; i < spec->item_count; i++) {
        const struct bb_poll_item *item = &spec->items[i];
        bool counts = item->essential && (item->ask == BB_ASK_CYCLE || item->ask == BB_ASK_NEVER);
        if (counts && poll->slots[i].time_ms >= 0 && poll->slots[i].time_ms < oldest_ms) {
            oldest_ms = poll->slots[i].time_ms;
        }
        poll->slots[i].heard = false;
    }
    bb_poll_decode(poll, now_ms);
    poll->battery_ms = oldest_ms;
    poll->raised_ms = now_ms;
    poll->started = true;
    poll->news = false;
    bb_poll_raise(poll, BB_EVENT_STATE);
}

enum completeness { INCOMPLETE, NOTHING_NEW, COMPLETE };

/* Complete: every essential item the unit has is there, and one, or all of those that come
 * unasked, was heard since the last state. */
static enum completeness completeness(struct bb_poll *poll, int64_t now_ms)
{
    bool heard = false;
    for (size_t i = 0; i < poll->spec->item_count; i++) {
        const struct bb_poll_item *item = &poll->spec->items[i];
        if (!item->essential || !is_wanted(poll, i, now_ms)) {
            continue;
        }
        if (!bb_poll_has_image(poll, i, now_ms) || (poll->spec->listens && !poll->slots[i].heard)) {
            return INCOMPLETE;
        }
        heard = heard || poll->slots[i].heard;
    }
    return heard ? COMPLETE : NOTHING_NEW;
}

static void end_cycle(struct bb_poll *poll, int64_t now_ms)
{
    poll->phase = PHASE_REST;
    poll->entered = false;
    int64_t next_ms = poll->cycle_ms + poll->period_ms;
    poll->next_cycle_ms = later(next_ms, poll->asked ? now_ms : now_ms + NOTHING_TO_ASK_MS);
}

static void fail_cycle(struct bb_poll *poll, bool silent, int64_t now_ms)
{
    poll->silent = silent;
    poll->failed = true;
    poll->greets = poll->answer_ms < 0 && !poll->greets;
    bb_poll_raise(poll, BB_EVENT_FAILED);
    end_cycle(poll, now_ms);
}

/* Everything the state needs was asked. Returns false when it took so long that some of it is too
 * old by now. */
static bool end_state_phase(struct bb_poll *poll, int64_t now_ms)
{
    poll->phase = PHASE_AFTER;
    if (poll->spec->listens) {
        return true;
    }
    switch (completeness(poll, now_ms)) {
    case COMPLETE:
        raise_state(poll, now_ms);
        return true;
    case NOTHING_NEW:
        return true;
    case INCOMPLETE:
        break;
    }
    fail_cycle(poll, false, now_ms);
    return false;
}

void bb_poll_plan(struct bb_poll *poll, int64_t now_ms)
{
    if (!poll->up || poll->line != LINE_IDLE) {
        return;
    }
    if (poll->phase == PHASE_REST) {
        if (now_ms < poll->next_cycle_ms || !bb_poll_asks(poll->spec)) {
            return;
        }
        poll->phase = PHASE_STATE;
        poll->cycle_ms = now_ms;
        poll->tried = 0;
        poll->asked = false;
        poll->news = false;
    }
    if (poll->phase == PHASE_STATE) {
        if (pick(poll, now_ms)) {
            return;
        }
        if (!end_state_phase(poll, now_ms)) {
            return;
        }
    }
    if (!pick(poll, now_ms)) {
        if (poll->news && poll->started && !poll->spec->listens) {
            raise_state(poll, now_ms);
        }
        end_cycle(poll, now_ms);
    }
}

static void enter_over(struct bb_poll *poll, bool answered)
{
    poll->group_due = false;
    poll->entered = answered;
    poll->leave_must = answered;
    for (size_t i = 0; i < poll->spec->item_count; i++) {
        if (poll->spec->items[i].ask == BB_ASK_LEAVE) {
            poll->tried &= ~bit_of(i); /* it may have been left already, from an earlier session */
        }
    }
}

static void leave_over(struct bb_poll *poll, size_t item, enum bb_poll_outcome outcome,
                       int64_t now_ms)
{
    poll->entered = false;
    if (outcome == OUTCOME_ANSWERED || !poll->leave_must) {
        poll->leave_owed = false;
        poll->leave_must = false;
    } else {
        poll->slots[item].due_ms = now_ms + poll->spec->items[item].again_ms;
    }
}

/* When an item that was answered or failed is due again. One that was answered before is left
 * alone for a while only when it fails several times in a row. */
static int64_t due_after(const struct bb_poll_item *item, struct bb_poll_slot *slot, bool answered,
                         int64_t now_ms)
{
    slot->misses = (uint8_t)(answered || slot->misses == UINT8_MAX ? 0 : slot->misses + 1);
    if (item->ask == BB_ASK_CYCLE) {
        bool pauses = !answered && (slot->time_ms < 0 || slot->misses >= MISSES_TO_PAUSE);
        return pauses ? now_ms + item->again_ms : 0;
    }
    uint32_t pause_ms = answered ? item->every_ms : item->again_ms;
    if (item->ask == BB_ASK_SLOW && pause_ms == 0) {
        pause_ms = item->every_ms;
    }
    return pause_ms > 0 ? now_ms + pause_ms : BB_NEVER_MS;
}

void bb_poll_cycle_item_over(struct bb_poll *poll, size_t item, enum bb_poll_outcome outcome,
                             int64_t now_ms)
{
    const struct bb_poll_item *spec = &poll->spec->items[item];
    bool answered = outcome == OUTCOME_ANSWERED;
    poll->tried |= bit_of(item);
    switch (spec->ask) {
    case BB_ASK_ENTER:
        enter_over(poll, answered);
        return;
    case BB_ASK_LEAVE:
        leave_over(poll, item, outcome, now_ms);
        return;
    case BB_ASK_INSIDE:
    case BB_ASK_NEVER:
        break;
    case BB_ASK_START:
    case BB_ASK_CYCLE:
    case BB_ASK_SLOW:
        poll->slots[item].due_ms = due_after(spec, &poll->slots[item], answered, now_ms);
        break;
    }
    poll->news = poll->news || (answered && poll->phase == PHASE_AFTER);
    bool needed = spec->ask == BB_ASK_CYCLE || !bb_poll_has_image(poll, item, now_ms);
    if (!answered && (poll->silent || (spec->essential && needed))) {
        poll->slots[item].due_ms = 0;
        fail_cycle(poll, outcome == OUTCOME_GIVEN_UP, now_ms);
    }
}

/* Longest time an essential item may be out before the battery counts as silent. */
static int64_t patience_ms(const struct bb_poll_spec *spec)
{
    int64_t longest = BB_STALE_MIN_MS;
    for (size_t i = 0; i < spec->item_count; i++) {
        if (spec->items[i].essential && spec->items[i].max_age_ms > longest) {
            longest = spec->items[i].max_age_ms;
        }
    }
    return longest;
}

void bb_poll_listen_begin(struct bb_poll *poll, int64_t now_ms)
{
    bool listens = poll->up && poll->spec->listens;
    poll->listen_ms = BB_NEVER_MS;
    poll->listen_fail_ms = listens ? now_ms + patience_ms(poll->spec) : BB_NEVER_MS;
}

void bb_poll_heard(struct bb_poll *poll, size_t item, int64_t now_ms)
{
    poll->slots[item].heard = true;
    if (!poll->spec->listens || poll->listen_ms != BB_NEVER_MS ||
        completeness(poll, now_ms) != COMPLETE) {
        return;
    }
    int64_t settled_ms = now_ms + poll->spec->settle_ms;
    poll->listen_ms =
        poll->raised_ms < 0 ? settled_ms : later(settled_ms, poll->raised_ms + poll->period_ms);
}

void bb_poll_listen(struct bb_poll *poll, int64_t now_ms)
{
    if (now_ms >= poll->listen_ms) {
        bb_poll_listen_begin(poll, now_ms);
        if (completeness(poll, now_ms) == COMPLETE) {
            raise_state(poll, now_ms);
        }
    }
    if (now_ms >= poll->listen_fail_ms) {
        bb_poll_listen_begin(poll, now_ms);
        poll->failed = true;
        poll->silent = true;
        bb_poll_raise(poll, BB_EVENT_FAILED);
    }
}
