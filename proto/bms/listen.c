#include "proto/bms/listen.h"

#include <math.h>
#include <string.h>

#include "proto/bms/listen_internal.h"
#include "proto/deadlines.h"

enum {
    SOC_JUMP_PERCENT = 2, /* no battery charges or discharges so much from one state to the next */
    SOC_JUMP_WITHIN_MS = 10000 /* longer ago, and it may have */
};

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

struct bb_listen_view bb_listen_view_at(struct bb_listen *listen, int64_t now_ms)
{
    return (struct bb_listen_view){
        .listen = listen,
        .spec = listen->spec,
        .address = listen->address,
        .now_ms = now_ms,
        .memory = listen->memory.bytes,
    };
}

int32_t bb_listen_option(const struct bb_listen_view *view, size_t option)
{
    return view->listen->options[option];
}

const uint8_t *bb_listen_image(const struct bb_listen_view *view, size_t item, size_t *ret_size)
{
    const struct bb_listen_payload *image = &view->listen->slots[item].image;
    int64_t max_age_ms = view->spec->items[item].max_age_ms;
    if (image->time_ms < 0 || (max_age_ms > 0 && view->now_ms - image->time_ms > max_age_ms)) {
        return NULL;
    }
    *ret_size = image->size;
    return image->data;
}

bool bb_listen_wants(struct bb_listen *listen, size_t item)
{
    if (!listen->spec->wanted) {
        return true;
    }
    struct bb_listen_view view = bb_listen_view_at(listen, listen->now_ms);
    return listen->spec->wanted(&view, item);
}

void bb_listen_new_session(struct bb_listen *listen, int64_t now_ms)
{
    static const struct bb_listen_payload none = {.time_ms = -1};
    for (size_t i = 0; i < listen->spec->item_count; i++) {
        listen->slots[i] =
            (struct bb_listen_slot){.image = none, .piece = none, .last = none, .changed_ms = -1};
    }
    for (size_t i = 0; i < BB_LISTEN_SETS; i++) {
        listen->sets[i] =
            (struct bb_listen_set){.first = BB_LISTEN_NO_ITEM, .piece_ms = -1, .oldest_ms = -1};
    }
    memset(&listen->memory, 0, sizeof listen->memory);
    listen->first_ms = -1;
    listen->heard_ms = -1;
    listen->raised_ms = -1;
    listen->patience_ms = now_ms + BB_BACKOFF_MAX_MS;
    listen->news = false;
    listen->doubt = false;
}

static void decode_item(const struct bb_listen_view *view, const struct bb_listen_item *item,
                        const uint8_t *data, size_t size, struct bb_decode *into)
{
    bb_rows_decode(item->rows, item->row_count, data, size, into);
    bb_bits_decode(item->bits, item->bit_count, data, size, into);
    if (item->decode) {
        item->decode(view, data, size, into);
    }
}

static void decode(struct bb_listen *listen, struct bb_battery *battery, int64_t now_ms)
{
    const struct bb_listen_spec *spec = listen->spec;
    struct bb_decode into = {.battery = battery};
    struct bb_listen_view view = bb_listen_view_at(listen, now_ms);
    for (size_t i = 0; i < spec->item_count; i++) {
        size_t size;
        const uint8_t *data = bb_listen_image(&view, i, &size);
        if (data) {
            decode_item(&view, &spec->items[i], data, size, &into);
        }
    }
    if (spec->finish) {
        spec->finish(&view, &into);
    }
    listen->counters.rejected_values += into.rejected;
}

/* True when the state of charge is no continuation of the last state's. Two batteries behind one
 * set of identifiers make it jump forth and back; one that was set right jumps once. */
static bool jumps(struct bb_listen *listen, const struct bb_battery *battery, int64_t now_ms)
{
    const struct bb_real *before = &listen->battery.soc;
    if (listen->raised_ms < 0 || now_ms - listen->raised_ms > SOC_JUMP_WITHIN_MS ||
        !battery->soc.present || !before->present) {
        listen->doubt = false;
        return false;
    }
    double soc = battery->soc.value;
    if (fabs(soc - before->value) <= SOC_JUMP_PERCENT) {
        if (listen->doubt) {
            bb_listen_suspect(listen, now_ms); /* and back again */
        }
        listen->doubt = false;
        return false;
    }
    bool confirmed = listen->doubt && fabs(soc - listen->doubted_soc) <= SOC_JUMP_PERCENT;
    listen->doubt = !confirmed;
    listen->doubted_soc = soc;
    return !confirmed;
}

static bool lone_essentials_are_there(struct bb_listen *listen, int64_t now_ms)
{
    struct bb_listen_view view = bb_listen_view_at(listen, now_ms);
    for (size_t i = 0; i < listen->spec->item_count; i++) {
        const struct bb_listen_item *item = &listen->spec->items[i];
        size_t size;
        if (item->essential && item->set == 0 && bb_listen_wants(listen, i) &&
            !bb_listen_image(&view, i, &size)) {
            return false;
        }
    }
    return true;
}

/* A complete set came: raises a state unless it is too early for one. */
static void try_raise(struct bb_listen *listen, int64_t now_ms)
{
    int64_t tolerance_ms = listen->period_ms / 8; /* senders are not exactly on time */
    bool early = listen->raised_ms < 0
                     ? now_ms - listen->first_ms < listen->spec->start_ms
                     : now_ms - listen->raised_ms < (int64_t)listen->period_ms - tolerance_ms;
    listen->news = listen->news && now_ms - listen->sets[0].oldest_ms <= BB_STALE_MIN_MS;
    if (!listen->news || early || !lone_essentials_are_there(listen, now_ms)) {
        return;
    }
    listen->news = false;
    struct bb_battery battery = {0};
    decode(listen, &battery, now_ms);
    if (!battery.voltage.present || jumps(listen, &battery, now_ms) ||
        now_ms < listen->conflict_ms) {
        return;
    }
    listen->battery = battery;
    listen->battery_ms = listen->sets[0].oldest_ms;
    listen->raised_ms = now_ms;
    listen->patience_ms = now_ms + BB_BACKOFF_MAX_MS;
    listen->fail_ms = now_ms + BB_STALE_MIN_MS;
    listen->events |= 1U << BB_EVENT_STATE;
}

static void advance(struct bb_listen *listen, int64_t now_ms)
{
    listen->now_ms = now_ms;
    if (!listen->up) {
        return;
    }
    bb_listen_pause(listen, now_ms);
    try_raise(listen, now_ms);
    if (now_ms >= listen->patience_ms) {
        bb_listen_new_session(listen, now_ms);
    }
    if (now_ms >= listen->fail_ms) {
        listen->fail_ms = now_ms + BB_STALE_MIN_MS;
        listen->events |= 1U << BB_EVENT_FAILED;
    }
}

static void listen_link(void *self, bool up, int64_t now_ms)
{
    struct bb_listen *listen = self;
    bb_listen_new_session(listen, now_ms);
    listen->up = up;
    listen->now_ms = now_ms;
    listen->fail_ms = now_ms + BB_STALE_MIN_MS;
    listen->send_ms = now_ms;
    listen->evidence = 0;
    listen->conflict_ms = 0;
}

static size_t item_of(struct bb_listen *listen, const struct bb_packet *frame, int64_t now_ms)
{
    const struct bb_listen_spec *spec = listen->spec;
    if (spec->match) {
        struct bb_listen_view view = bb_listen_view_at(listen, now_ms);
        return spec->match(&view, frame);
    }
    uint32_t base = frame->id - (spec->adds_address ? listen->address : 0U);
    for (size_t i = 0; i < spec->item_count; i++) {
        if (spec->items[i].id == base && spec->items[i].extended == frame->extended) {
            return i;
        }
    }
    return BB_LISTEN_NO_ITEM;
}

static void listen_receive(void *self, const struct bb_packet *packet, int64_t now_ms)
{
    struct bb_listen *listen = self;
    if (!listen->up) {
        return;
    }
    size_t item = item_of(listen, packet, now_ms);
    if (item == BB_LISTEN_NO_ITEM) {
        listen->counters.foreign_frames++;
        return;
    }
    if (packet->size < listen->spec->items[item].least || packet->size > BB_LISTEN_PAYLOAD_MAX) {
        listen->counters.checksum_errors++;
        return;
    }
    if (listen->heard_ms >= 0 && now_ms - listen->heard_ms > BB_LOST_MIN_MS) {
        bb_listen_new_session(listen, now_ms);
    }
    bb_listen_pause(listen, now_ms);
    listen->now_ms = now_ms;
    listen->heard_ms = now_ms;
    if (listen->first_ms < 0) {
        listen->first_ms = now_ms;
    }
    bb_listen_take(listen, item, packet, now_ms);
    try_raise(listen, now_ms);
}

static void listen_tick(void *self, int64_t now_ms)
{
    advance(self, now_ms);
}

static bool sends(const struct bb_listen *listen)
{
    const struct bb_listen_spec *spec = listen->spec;
    return listen->up && spec->keep_alive_ms > 0 && listen->options[spec->keep_alive_option] != 0;
}

static bool listen_next(void *self, int64_t now_ms, struct bb_request *ret_request)
{
    struct bb_listen *listen = self;
    advance(listen, now_ms);
    if (!sends(listen) || now_ms < listen->send_ms) {
        return false;
    }
    struct bb_request request = listen->spec->keep_alive;
    if (listen->spec->build) {
        struct bb_listen_view view = bb_listen_view_at(listen, now_ms);
        listen->spec->build(&view, &request);
    }
    *ret_request = request;
    return true;
}

static void listen_sent(void *self, int64_t now_ms)
{
    struct bb_listen *listen = self;
    listen->counters.requests++;
    listen->send_ms = now_ms + listen->spec->keep_alive_ms;
}

static bool listen_waiting(const void *self)
{
    (void)self;
    return false; /* nobody answers a keep-alive */
}

static int64_t listen_wake_ms(const void *self)
{
    const struct bb_listen *listen = self;
    if (!listen->up) {
        return BB_NEVER_MS;
    }
    int64_t wake_ms = earlier(bb_listen_pause_ms(listen), listen->fail_ms);
    wake_ms = earlier(wake_ms, listen->patience_ms);
    if (listen->news && listen->raised_ms < 0) {
        int64_t start_ms = listen->first_ms + listen->spec->start_ms;
        wake_ms = start_ms > listen->now_ms ? earlier(wake_ms, start_ms) : wake_ms;
    }
    return sends(listen) ? earlier(wake_ms, listen->send_ms) : wake_ms;
}

static enum bb_event listen_event(void *self)
{
    struct bb_listen *listen = self;
    for (unsigned event = BB_EVENT_STATE; event <= BB_EVENT_COMMAND; event++) {
        if (listen->events & 1U << event) {
            listen->events &= ~(1U << event);
            return (enum bb_event)event;
        }
    }
    return BB_EVENT_NONE;
}

static void listen_battery(const void *self, struct bb_battery *ret_battery, int64_t *ret_time_ms)
{
    const struct bb_listen *listen = self;
    *ret_battery = listen->battery;
    *ret_time_ms = listen->battery_ms;
}

static const struct bb_counters *listen_counters(const void *self)
{
    const struct bb_listen *listen = self;
    return &listen->counters;
}

static int listen_command(void *self, const struct bb_control *control, int64_t now_ms,
                          struct bb_problem *problem)
{
    const struct bb_listen *listen = self;
    (void)now_ms;
    return bb_fail(problem, BB_ERR_UNSUPPORTED, control->verb, "driver %s writes nothing",
                   listen->driver->id);
}

static void listen_result(const void *self, struct bb_control_result *ret_result)
{
    (void)self;
    *ret_result = (struct bb_control_result){.done = false};
}

const struct bb_driver_ops bb_listen_ops = {
    .open = bb_listen_open,
    .link = listen_link,
    .receive = listen_receive,
    .tick = listen_tick,
    .next = listen_next,
    .sent = listen_sent,
    .waiting = listen_waiting,
    .wake_ms = listen_wake_ms,
    .event = listen_event,
    .battery = listen_battery,
    .counters = listen_counters,
    .command = listen_command,
    .result = listen_result,
};
