#include "proto/bms/poll.h"

#include <assert.h>

#include "proto/bms/poll_internal.h"

/* How long after its time-out an answer still counts (enum bb_poll_late). */
enum { OWED_MS = 2000 };

static_assert(sizeof(struct bb_poll) <= BB_POLL_STATE_SIZE, "BB_POLL_STATE_SIZE is too small");
static_assert(BB_POLL_STATE_SIZE <= BB_DRIVER_STATE_MAX, "the engine's state is too large");

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

struct bb_poll_view bb_poll_view_at(struct bb_poll *poll, int64_t now_ms)
{
    return (struct bb_poll_view){
        .poll = poll,
        .spec = poll->spec,
        .medium = poll->transport->medium,
        .address = poll->address,
        .now_ms = now_ms,
        .memory = poll->memory.bytes,
        .asked = poll->line == LINE_WAITING ? poll->item : BB_POLL_NO_ITEM,
        .request = &poll->request,
    };
}

const struct bb_wait *bb_poll_wait(const struct bb_poll *poll, size_t item)
{
    const struct bb_poll_spec *spec = poll->spec;
    if (spec->items[item].wait.first_ms > 0) {
        return &spec->items[item].wait;
    }
    switch (poll->transport->medium) {
    case BB_MEDIUM_SERIAL:
        return &spec->serial;
    case BB_MEDIUM_CAN:
        return &spec->can;
    case BB_MEDIUM_BLE:
        return &spec->ble;
    }
    return &spec->serial;
}

/* Requests the item under way may take. */
static uint8_t tries_of(const struct bb_poll *poll)
{
    if (poll->for_command && poll->command.phase == COMMAND_WRITE) {
        return 1; /* a write is never repeated blindly: what it did is read back */
    }
    if (poll->silent && poll->failed) {
        return 1;
    }
    uint8_t tries = poll->spec->items[poll->item].tries;
    return tries > 0 ? tries : poll->spec->tries;
}

void bb_poll_item_over(struct bb_poll *poll, enum bb_poll_outcome outcome, int64_t now_ms)
{
    size_t item = poll->item;
    bool for_command = poll->for_command;
    poll->line = LINE_IDLE;
    poll->for_command = false;
    poll->provisional = BB_POLL_NO_ITEM;
    if (for_command) {
        bb_poll_command_item_over(poll, outcome, now_ms);
    } else {
        bb_poll_cycle_item_over(poll, item, outcome, now_ms);
    }
    bb_poll_plan(poll, now_ms);
}

static void time_out(struct bb_poll *poll, int64_t now_ms)
{
    bb_poll_search_inside(poll, now_ms);
    if (poll->line != LINE_WAITING || now_ms < poll->deadline_ms) {
        return; /* it was there after all */
    }
    poll->counters.timeouts++;
    poll->slots[poll->item].owed_ms = now_ms + OWED_MS;
    if (poll->attempts < tries_of(poll)) {
        poll->line = LINE_READY;
        return;
    }
    bb_poll_item_over(poll, OUTCOME_GIVEN_UP, now_ms);
}

/* Lets time pass up to now_ms. */
static void advance(struct bb_poll *poll, int64_t now_ms)
{
    poll->now_ms = now_ms;
    if (!poll->up) {
        return;
    }
    if (poll->line == LINE_WAITING && poll->provisional != BB_POLL_NO_ITEM &&
        now_ms >= poll->provisional_ms) {
        bb_poll_unconfirmed(poll, now_ms);
    }
    if (poll->line == LINE_WAITING && now_ms >= poll->deadline_ms) {
        time_out(poll, now_ms);
    }
    bb_poll_listen(poll, now_ms);
    bb_poll_plan(poll, now_ms);
}

static void poll_link(void *self, bool up, int64_t now_ms)
{
    struct bb_poll *poll = self;
    poll->up = up;
    poll->now_ms = now_ms;
    poll->line = LINE_IDLE;
    poll->for_command = false;
    poll->phase = PHASE_REST;
    poll->next_cycle_ms = now_ms;
    poll->stream_size = 0;
    if (poll->command.phase != COMMAND_NONE) {
        bb_poll_command_end(poll, false, "the connection was lost");
    }
    bb_poll_new_session(poll, BB_POLL_NO_ITEM);
    poll->silent = true;
    bb_poll_listen_begin(poll, now_ms);
}

static void poll_receive(void *self, const struct bb_packet *packet, int64_t now_ms)
{
    struct bb_poll *poll = self;
    poll->now_ms = now_ms;
    if (poll->up) {
        bb_poll_receive(poll, packet, now_ms);
    }
}

static void poll_tick(void *self, int64_t now_ms)
{
    advance(self, now_ms);
}

static void build(struct bb_poll *poll, int64_t now_ms)
{
    const struct bb_poll_item *item = &poll->spec->items[poll->item];
    bool writes = poll->for_command && poll->command.phase == COMMAND_WRITE;
    const uint8_t *data = writes ? poll->command.data : item->data;
    size_t size = writes ? poll->command.size : item->data_size;
    struct bb_poll_view view = bb_poll_view_at(poll, now_ms);
    struct bb_request request = {.silence_ms = poll->transport->silence_ms};
    poll->spec->build(&view, item, data, size, &request);
    poll->request = request;
}

static bool poll_next(void *self, int64_t now_ms, struct bb_request *ret_request)
{
    struct bb_poll *poll = self;
    advance(poll, now_ms);
    if (!poll->up || poll->line == LINE_WAITING) {
        return false;
    }
    size_t item;
    if (!poll->for_command && bb_poll_command_next(poll, now_ms, &item)) {
        poll->line = LINE_READY; /* the item it displaces is planned again afterwards */
        poll->item = item;
        poll->for_command = true;
        poll->attempts = 0;
    }
    if (poll->line != LINE_READY) {
        return false;
    }
    build(poll, now_ms);
    *ret_request = poll->request;
    return true;
}

static void poll_sent(void *self, int64_t now_ms)
{
    struct bb_poll *poll = self;
    poll->now_ms = now_ms;
    if (poll->line != LINE_READY) {
        return;
    }
    const struct bb_poll_item *item = &poll->spec->items[poll->item];
    const struct bb_wait *wait = bb_poll_wait(poll, poll->item);
    /* The line was silent before the request: half a frame from before it was cut there, and its
     * missing end must not be taken from the answer. */
    poll->counters.garbage_bytes += poll->stream_size;
    poll->stream_size = 0;
    poll->line = LINE_WAITING;
    poll->attempts++;
    poll->asked = true;
    poll->counters.requests++;
    poll->sent_ms = now_ms;
    poll->deadline_ms = now_ms + wait->first_ms;
    poll->total_ms = now_ms + wait->total_ms;
    poll->provisional = BB_POLL_NO_ITEM;
    if (item->ask == BB_ASK_ENTER) {
        poll->leave_owed = true;
    }
    if (item->silent) {
        bb_poll_item_over(poll, OUTCOME_ANSWERED, now_ms);
    }
}

static bool poll_waiting(const void *self)
{
    const struct bb_poll *poll = self;
    return poll->line == LINE_WAITING;
}

static int64_t poll_wake_ms(const void *self)
{
    const struct bb_poll *poll = self;
    if (!poll->up) {
        return BB_NEVER_MS;
    }
    int64_t wake = earlier(poll->listen_ms, poll->listen_fail_ms);
    if (poll->line == LINE_READY) {
        return earlier(wake, poll->now_ms);
    }
    if (poll->line == LINE_WAITING) {
        wake = earlier(wake, poll->deadline_ms);
        return poll->provisional != BB_POLL_NO_ITEM ? earlier(wake, poll->provisional_ms) : wake;
    }
    if (poll->command.phase != COMMAND_NONE) {
        wake = earlier(wake, poll->command.due_ms);
    }
    return bb_poll_asks(poll->spec) ? earlier(wake, poll->next_cycle_ms) : wake;
}

static enum bb_event poll_event(void *self)
{
    struct bb_poll *poll = self;
    for (unsigned event = BB_EVENT_STATE; event <= BB_EVENT_COMMAND; event++) {
        if (poll->events & 1U << event) {
            poll->events &= ~(1U << event);
            return (enum bb_event)event;
        }
    }
    return BB_EVENT_NONE;
}

static void poll_battery(const void *self, struct bb_battery *ret_battery, int64_t *ret_time_ms)
{
    const struct bb_poll *poll = self;
    *ret_battery = poll->battery;
    *ret_time_ms = poll->battery_ms;
}

static const struct bb_counters *poll_counters(const void *self)
{
    const struct bb_poll *poll = self;
    return &poll->counters;
}

static int poll_command(void *self, const struct bb_control *control, int64_t now_ms,
                        struct bb_problem *problem)
{
    return bb_poll_command_begin(self, control, now_ms, problem);
}

static void poll_result(const void *self, struct bb_control_result *ret_result)
{
    const struct bb_poll *poll = self;
    *ret_result = poll->command.result;
}

const struct bb_driver_ops bb_poll_ops = {
    .open = bb_poll_open,
    .link = poll_link,
    .receive = poll_receive,
    .tick = poll_tick,
    .next = poll_next,
    .sent = poll_sent,
    .waiting = poll_waiting,
    .wake_ms = poll_wake_ms,
    .event = poll_event,
    .battery = poll_battery,
    .counters = poll_counters,
    .command = poll_command,
    .result = poll_result,
};
