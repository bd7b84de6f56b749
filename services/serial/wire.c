#include "services/serial/wire.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/reader/station.h"

/* Clocks are read in whole milliseconds: a pause of N ms is surely over after N + 1. */
#define CLOCK_STEP_MS 1
/* A line that is not quiet for this long although a request waits for it is reported. */
#define BABBLE_MS 2000
/* A station that wants to be woken in the past and then has nothing to do is asked again later. */
#define STUBBORN_MS 10
#define EVENTS_MAX 16 /* per call, against a driver that never ends */
#define BITS_PER_BYTE 10

enum phase {
    FREE,    /* nobody's request is on the line */
    OFFERED, /* the host is writing the owner's request */
    LEAVING, /* written, still travelling */
    WAITING  /* the owner's answer is expected */
};

struct bb_wire {
    uint32_t bit_rate;
    bb_wire_event_fn *event;
    void *arg;
    bool up;
    enum phase phase;
    struct bb_station *owner; /* NULL while FREE */
    struct bb_request request;
    int64_t leaves_ms;  /* LEAVING: when its last byte has left */
    int64_t moved_ms;   /* last byte in either direction */
    int64_t heard_ms;   /* last byte received */
    int64_t quiet_ms;   /* FREE: when the chosen request may leave; BB_NEVER_MS: none chosen */
    int64_t blocked_ms; /* since when a request waits for a quiet line; BB_NEVER_MS: none does */
    int64_t now_ms;
    uint64_t grants;
    size_t count;
    struct bb_station *stations[BB_WIRE_STATIONS_MAX];
};

struct bb_wire *bb_wire_new(uint32_t bit_rate, bb_wire_event_fn *event, void *arg)
{
    struct bb_wire *wire = calloc(1, sizeof *wire);
    if (wire) {
        wire->bit_rate = bit_rate;
        wire->event = event;
        wire->arg = arg;
        wire->quiet_ms = BB_NEVER_MS;
        wire->blocked_ms = BB_NEVER_MS;
    }
    return wire;
}

void bb_wire_destroy(struct bb_wire **wire)
{
    if (*wire) {
        for (size_t i = 0; i < (*wire)->count; i++) {
            bb_station_destroy(&(*wire)->stations[i]);
        }
        free(*wire);
        *wire = NULL;
    }
}

int bb_wire_add(struct bb_wire *wire, const struct bb_driver *driver,
                const struct bb_driver_config *config, struct bb_problem *problem)
{
    if (wire->count == BB_WIRE_STATIONS_MAX) {
        return bb_fail(problem, BB_ERR_OVERSIZE, "addresses", "more than %d batteries on one wire",
                       BB_WIRE_STATIONS_MAX);
    }
    int error = bb_station_new(driver, config, &wire->stations[wire->count], problem);
    if (error != BB_OK) {
        return error;
    }
    return (int)wire->count++;
}

size_t bb_wire_count(const struct bb_wire *wire)
{
    return wire->count;
}

static struct bb_station *at(const struct bb_wire *wire, size_t station)
{
    assert(station < wire->count);
    return wire->stations[station];
}

static void tell(struct bb_wire *wire, size_t index, enum bb_event event)
{
    if (wire->event) {
        wire->event(wire->arg, index, event);
    }
}

static int64_t state_time_ms(const struct bb_station *station)
{
    struct bb_battery battery;
    int64_t time_ms = 0;
    station->driver->ops->battery(station->self, &battery, &time_ms);
    return time_ms;
}

/* Takes a station's events. */
static void drain(struct bb_wire *wire, size_t index, int64_t now_ms)
{
    struct bb_station *station = wire->stations[index];
    for (int i = 0; i < EVENTS_MAX; i++) {
        enum bb_event event = station->driver->ops->event(station->self);
        switch (event) {
        case BB_EVENT_NONE:
            return;
        case BB_EVENT_STATE:
            if (station == wire->owner) {
                station->busy_ms += now_ms - station->granted_ms;
                station->granted_ms = now_ms;
            }
            bb_station_succeeded(station, state_time_ms(station));
            break;
        case BB_EVENT_FAILED:
            bb_station_failed(station, now_ms);
            break;
        case BB_EVENT_FOREIGN_MASTER:
            bb_station_complain(station, "another master asks on this wire");
            break;
        case BB_EVENT_COMMAND:
            station->urgent = false;
            break;
        }
        tell(wire, index, event);
    }
}

/* Frees the wire when its owner expects nothing more. */
static void release(struct bb_wire *wire, int64_t now_ms)
{
    struct bb_station *owner = wire->owner;
    if (wire->phase == WAITING && !owner->driver->ops->waiting(owner->self)) {
        owner->busy_ms += now_ms - owner->granted_ms;
        wire->phase = FREE;
        wire->owner = NULL;
    }
}

/* What follows every call of a station: its events, the end of its hold on the wire. */
static void settle(struct bb_wire *wire, size_t index, int64_t now_ms)
{
    struct bb_station *station = wire->stations[index];
    bool owned = station == wire->owner;
    drain(wire, index, now_ms);
    if (!owned) {
        return;
    }
    release(wire, now_ms);
    if (wire->phase == FREE && bb_station_wastes_turn(station)) {
        bb_station_failed(station, now_ms);
        tell(wire, index, BB_EVENT_FAILED);
    }
}

void bb_wire_link(struct bb_wire *wire, bool up, int64_t now_ms)
{
    wire->now_ms = now_ms;
    wire->up = up;
    wire->phase = FREE;
    wire->owner = NULL;
    wire->moved_ms = now_ms; /* nobody knows what was on the line just before */
    wire->heard_ms = now_ms;
    wire->quiet_ms = BB_NEVER_MS;
    wire->blocked_ms = BB_NEVER_MS;
    for (size_t i = 0; i < wire->count; i++) {
        bb_station_link(wire->stations[i], up, now_ms);
        drain(wire, i, now_ms);
    }
}

/* The owner's request has left: its time-out starts. */
static void has_left(struct bb_wire *wire, int64_t now_ms)
{
    struct bb_station *owner = wire->owner;
    if (wire->leaves_ms > wire->moved_ms) {
        wire->moved_ms = wire->leaves_ms;
    }
    wire->phase = WAITING;
    owner->driver->ops->sent(owner->self, now_ms);
}

static void hand_over(struct bb_wire *wire, size_t index, const struct bb_packet *packet,
                      int64_t now_ms)
{
    struct bb_station *station = wire->stations[index];
    bb_trace_add(&station->trace, wire->owner ? BB_TRACE_ANSWER : BB_TRACE_STRAY, packet->data,
                 packet->size, now_ms);
    station->driver->ops->receive(station->self, packet, now_ms);
}

void bb_wire_receive(struct bb_wire *wire, const uint8_t *data, size_t size, int64_t now_ms)
{
    wire->now_ms = now_ms;
    if (!wire->up || size == 0) {
        return;
    }
    if (wire->phase == LEAVING) {
        has_left(wire, now_ms); /* sooner than computed: somebody already reacts to it */
    }
    if (now_ms > wire->moved_ms) {
        wire->moved_ms = now_ms;
    }
    wire->heard_ms = now_ms;
    struct bb_packet packet = {.data = data, .size = size};
    const struct bb_station *owner = wire->owner;
    for (size_t i = 0; i < wire->count; i++) {
        if (!owner || wire->stations[i] == owner) {
            hand_over(wire, i, &packet, now_ms);
            settle(wire, i, now_ms);
        }
    }
}

void bb_wire_tick(struct bb_wire *wire, int64_t now_ms)
{
    wire->now_ms = now_ms;
    if (!wire->up) {
        return;
    }
    if (wire->phase == LEAVING && now_ms >= wire->leaves_ms) {
        has_left(wire, now_ms);
    }
    for (size_t i = 0; i < wire->count; i++) {
        struct bb_station *station = wire->stations[i];
        if (station->driver->ops->wake_ms(station->self) <= now_ms) {
            station->driver->ops->tick(station->self, now_ms);
        }
        settle(wire, i, now_ms);
        bb_station_age(station, now_ms);
    }
}

/* Who goes first: a command, then whoever is in the middle of a turn, then who has been due for
 * longest, then who had its turn longest ago. */
static bool precedes(const struct bb_station *a, const struct bb_station *b)
{
    if (a->urgent != b->urgent) {
        return a->urgent;
    }
    if (a->has_turn != b->has_turn) {
        return a->has_turn;
    }
    if (a->ready_since_ms != b->ready_since_ms) {
        return a->ready_since_ms < b->ready_since_ms;
    }
    return a->last_grant < b->last_grant;
}

static struct bb_station *choose(struct bb_wire *wire, int64_t now_ms,
                                 struct bb_request *ret_request)
{
    struct bb_station *best = NULL;
    for (size_t i = 0; i < wire->count; i++) {
        struct bb_station *station = wire->stations[i];
        struct bb_request request = {0};
        bool ready = !bb_station_is_paused(station, now_ms) &&
                     station->driver->ops->next(station->self, now_ms, &request);
        if (ready && !station->ready) {
            station->ready_since_ms = now_ms;
        }
        station->ready = ready;
        station->has_turn = station->has_turn && ready;
        if (ready && (!best || precedes(station, best))) {
            best = station;
            *ret_request = request;
        }
    }
    return best;
}

/* Says so when a request waits too long for a line that is never quiet. */
static void note_blocked(struct bb_wire *wire, struct bb_station *station, uint32_t silence_ms,
                         int64_t now_ms)
{
    if (wire->blocked_ms == BB_NEVER_MS) {
        wire->blocked_ms = now_ms;
    } else if (now_ms - wire->blocked_ms >= BABBLE_MS) {
        char text[96];
        (void)snprintf(text, sizeof text,
                       "the line is never quiet for %" PRIu32 " ms: noise or another master",
                       silence_ms);
        bb_station_complain(station, text);
    }
}

bool bb_wire_next(struct bb_wire *wire, int64_t now_ms, struct bb_request *ret_request)
{
    wire->now_ms = now_ms;
    if (!wire->up || wire->phase != FREE) {
        return false;
    }
    wire->quiet_ms = BB_NEVER_MS;
    struct bb_request request;
    struct bb_station *station = choose(wire, now_ms, &request);
    if (!station) {
        wire->blocked_ms = BB_NEVER_MS;
        return false;
    }
    wire->quiet_ms = wire->moved_ms;
    if (request.silence_ms > 0) {
        wire->quiet_ms += (int64_t)request.silence_ms + CLOCK_STEP_MS;
    }
    if (now_ms < wire->quiet_ms) {
        note_blocked(wire, station, request.silence_ms, now_ms);
        return false;
    }
    wire->blocked_ms = BB_NEVER_MS;
    wire->phase = OFFERED;
    wire->owner = station;
    wire->request = request;
    bb_station_begin_turn(station, now_ms, ++wire->grants);
    station->granted_ms = now_ms;
    *ret_request = request;
    return true;
}

static int64_t travel_ms(const struct bb_wire *wire, size_t size)
{
    if (wire->bit_rate == 0) {
        return 0;
    }
    uint64_t bits = (uint64_t)size * BITS_PER_BYTE;
    return (int64_t)((bits * 1000 + wire->bit_rate - 1) / wire->bit_rate);
}

void bb_wire_written(struct bb_wire *wire, int64_t now_ms)
{
    wire->now_ms = now_ms;
    if (wire->phase != OFFERED) {
        return;
    }
    bb_trace_add(&wire->owner->trace, BB_TRACE_SENT, wire->request.data, wire->request.size,
                 now_ms);
    wire->phase = LEAVING;
    wire->leaves_ms = now_ms + travel_ms(wire, wire->request.size);
    if (wire->leaves_ms <= now_ms) {
        bb_wire_tick(wire, now_ms);
    }
}

static int64_t earlier(int64_t a_ms, int64_t b_ms)
{
    return a_ms < b_ms ? a_ms : b_ms;
}

/* When a station that does not hold the wire has to be looked at. */
static int64_t bystander_wake_ms(const struct bb_wire *wire, const struct bb_station *station)
{
    bool is_free = wire->phase == FREE;
    if (bb_station_is_paused(station, wire->now_ms)) {
        return is_free ? station->resume_ms : BB_NEVER_MS;
    }
    int64_t wake_ms = station->driver->ops->wake_ms(station->self);
    if (wake_ms > wire->now_ms) {
        return wake_ms;
    }
    /* It is due: its turn comes when the wire is free and quiet. */
    return is_free && !station->ready ? wire->now_ms + STUBBORN_MS : BB_NEVER_MS;
}

int64_t bb_wire_wake_ms(const struct bb_wire *wire)
{
    if (!wire->up) {
        return BB_NEVER_MS;
    }
    int64_t wake_ms = wire->phase == FREE ? wire->quiet_ms : BB_NEVER_MS;
    if (wire->phase == LEAVING) {
        wake_ms = wire->leaves_ms;
    }
    for (size_t i = 0; i < wire->count; i++) {
        const struct bb_station *station = wire->stations[i];
        wake_ms = earlier(wake_ms, bb_station_deadline_ms(station));
        if (station != wire->owner) {
            wake_ms = earlier(wake_ms, bystander_wake_ms(wire, station));
        } else if (wire->phase == WAITING) {
            wake_ms = earlier(wake_ms, station->driver->ops->wake_ms(station->self));
        }
    }
    return wake_ms;
}

int bb_wire_command(struct bb_wire *wire, size_t station, const struct bb_control *control,
                    int64_t now_ms, struct bb_problem *problem)
{
    struct bb_station *target = at(wire, station);
    wire->now_ms = now_ms;
    if (!target->online) {
        return bb_fail(problem, BB_ERR_BUSY, control->verb, "the battery does not answer");
    }
    int error = target->driver->ops->command(target->self, control, now_ms, problem);
    if (error == BB_OK) {
        target->urgent = true;
    }
    return error;
}

void bb_wire_result(const struct bb_wire *wire, size_t station,
                    struct bb_control_result *ret_result)
{
    const struct bb_station *target = at(wire, station);
    target->driver->ops->result(target->self, ret_result);
}

void bb_wire_battery(const struct bb_wire *wire, size_t station, struct bb_battery *ret_battery,
                     int64_t *ret_time_ms)
{
    const struct bb_station *target = at(wire, station);
    target->driver->ops->battery(target->self, ret_battery, ret_time_ms);
}

int64_t bb_wire_interval_ms(const struct bb_wire *wire, size_t station)
{
    return at(wire, station)->interval_ms;
}

void bb_wire_report(const struct bb_wire *wire, size_t station, struct bb_link *ret_link)
{
    bb_station_report(at(wire, station), ret_link);
}

uint64_t bb_wire_changes(const struct bb_wire *wire)
{
    uint64_t changes = 0;
    for (size_t i = 0; i < wire->count; i++) {
        changes += wire->stations[i]->changes;
    }
    return changes;
}

bool bb_wire_is_online(const struct bb_wire *wire, size_t station)
{
    return at(wire, station)->online;
}

int64_t bb_wire_heard_ms(const struct bb_wire *wire)
{
    return wire->heard_ms;
}

const struct bb_trace *bb_wire_trace(const struct bb_wire *wire, size_t station)
{
    return &at(wire, station)->trace;
}
