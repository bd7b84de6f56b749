#include "services/can/host.h"

#include <stdlib.h>
#include <string.h>

#include "common/reader/station.h"

#define FILTERS_PER_DRIVER 40

struct seat {
    struct bb_station *station;
    struct bb_can_filter filters[FILTERS_PER_DRIVER];
    size_t filter_count;
    bool asks;          /* its frames are requests, not keep-alives */
    uint64_t conflicts; /* already spoken of */
};

struct bb_can_host {
    bb_can_event_fn *event;
    void *arg;
    size_t count;
    struct seat seats[BB_CAN_STATIONS_MAX];
};

struct bb_can_host *bb_can_host_new(bb_can_event_fn *event, void *arg)
{
    struct bb_can_host *host = calloc(1, sizeof *host);
    if (host) {
        host->event = event;
        host->arg = arg;
    }
    return host;
}

void bb_can_host_destroy(struct bb_can_host **host)
{
    if (*host) {
        for (size_t i = 0; i < (*host)->count; i++) {
            bb_station_destroy(&(*host)->seats[i].station);
        }
        free(*host);
        *host = NULL;
    }
}

static void take_filters(struct seat *seat, const struct bb_transport *transport, uint16_t address)
{
    const struct bb_can_filter *filter = transport->can_filter;
    for (; filter->mask != 0 && seat->filter_count < FILTERS_PER_DRIVER; filter++) {
        struct bb_can_filter *own = &seat->filters[seat->filter_count++];
        *own = *filter;
        own->id += filter->adds_address ? address : 0U;
        own->adds_address = false;
    }
}

int bb_can_host_add(struct bb_can_host *host, const struct bb_driver *driver,
                    const struct bb_driver_config *config, struct bb_problem *problem)
{
    const struct bb_transport *transport = bb_driver_transport(driver, BB_MEDIUM_CAN);
    if (!transport || !transport->can_filter) {
        return bb_fail(problem, BB_ERR_UNSUPPORTED, "driver", "%s does not work on CAN",
                       driver->id);
    }
    if (host->count == BB_CAN_STATIONS_MAX) {
        return bb_fail(problem, BB_ERR_OVERSIZE, "addresses", "more than %d batteries",
                       BB_CAN_STATIONS_MAX);
    }
    struct seat *seat = &host->seats[host->count];
    int error = bb_station_new(driver, config, &seat->station, problem);
    if (error != BB_OK) {
        return error;
    }
    take_filters(seat, transport, config->address);
    return (int)host->count++;
}

size_t bb_can_host_count(const struct bb_can_host *host)
{
    return host->count;
}

static bool same_filter(const struct bb_can_filter *a, const struct bb_can_filter *b)
{
    return a->id == b->id && a->mask == b->mask && a->extended == b->extended;
}

size_t bb_can_host_filters(const struct bb_can_host *host, struct bb_can_filter *ret_filters,
                           size_t capacity)
{
    size_t count = 0;
    for (size_t i = 0; i < host->count; i++) {
        for (size_t k = 0; k < host->seats[i].filter_count; k++) {
            const struct bb_can_filter *filter = &host->seats[i].filters[k];
            size_t known = 0;
            while (known < count && known < capacity && !same_filter(&ret_filters[known], filter)) {
                known++;
            }
            if (known < count && known < capacity) {
                continue;
            }
            if (count < capacity) {
                ret_filters[count] = *filter;
            }
            count++;
        }
    }
    return count;
}

/* Two devices that use one address are the reason why a station has no state. */
static void note_conflict(struct seat *seat)
{
    struct bb_station *station = seat->station;
    uint64_t conflicts = station->driver->ops->counters(station->self)->conflicts;
    if (conflicts != seat->conflicts) {
        seat->conflicts = conflicts;
        bb_station_complain(station, "two devices use this address");
    }
}

static void take_events(struct bb_can_host *host, size_t index)
{
    struct seat *seat = &host->seats[index];
    struct bb_station *station = seat->station;
    const struct bb_driver_ops *ops = station->driver->ops;
    enum bb_event event = ops->event(station->self);
    for (; event != BB_EVENT_NONE; event = ops->event(station->self)) {
        if (event == BB_EVENT_STATE) {
            struct bb_battery battery;
            int64_t time_ms;
            ops->battery(station->self, &battery, &time_ms);
            bb_station_succeeded(station, time_ms);
        } else if (event == BB_EVENT_FAILED) {
            bb_station_failed(station, station->heard_ms > station->turn_ms ? station->heard_ms
                                                                            : station->turn_ms);
        } else if (event == BB_EVENT_FOREIGN_MASTER) {
            bb_station_complain(station, "another master asks on this bus");
        }
        host->event(host->arg, index, event);
    }
    note_conflict(seat);
}

void bb_can_host_link(struct bb_can_host *host, bool up, int64_t now_ms)
{
    for (size_t i = 0; i < host->count; i++) {
        bb_station_link(host->seats[i].station, up, now_ms);
        take_events(host, i);
    }
}

static bool listens_to(const struct seat *seat, const struct bb_packet *frame)
{
    for (size_t i = 0; i < seat->filter_count; i++) {
        const struct bb_can_filter *filter = &seat->filters[i];
        if (filter->extended == frame->extended &&
            (frame->id & filter->mask) == (filter->id & filter->mask)) {
            return true;
        }
    }
    return false;
}

void bb_can_host_receive(struct bb_can_host *host, const struct bb_packet *frame, int64_t time_ms)
{
    for (size_t i = 0; i < host->count; i++) {
        struct bb_station *station = host->seats[i].station;
        if (listens_to(&host->seats[i], frame)) {
            station->driver->ops->receive(station->self, frame, time_ms);
            take_events(host, i);
        }
    }
}

void bb_can_host_tick(struct bb_can_host *host, int64_t now_ms)
{
    for (size_t i = 0; i < host->count; i++) {
        struct bb_station *station = host->seats[i].station;
        station->driver->ops->tick(station->self, now_ms);
        take_events(host, i);
        bb_station_age(station, now_ms);
    }
}

static bool may_send(const struct seat *seat, int64_t now_ms)
{
    return seat->station->up && !(seat->asks && bb_station_is_paused(seat->station, now_ms));
}

bool bb_can_host_next(struct bb_can_host *host, int64_t now_ms, struct bb_request *ret_request,
                      size_t *ret_station)
{
    for (size_t i = 0; i < host->count; i++) {
        struct bb_station *station = host->seats[i].station;
        if (!may_send(&host->seats[i], now_ms)) {
            continue;
        }
        bool sends = station->driver->ops->next(station->self, now_ms, ret_request);
        take_events(host, i);
        if (sends && ret_request->size <= 8 && may_send(&host->seats[i], now_ms)) {
            *ret_station = i;
            return true;
        }
    }
    return false;
}

void bb_can_host_sent(struct bb_can_host *host, size_t index, int64_t now_ms)
{
    struct seat *seat = &host->seats[index];
    struct bb_station *station = seat->station;
    station->driver->ops->sent(station->self, now_ms);
    if (station->driver->ops->waiting(station->self)) {
        seat->asks = true;
        bb_station_begin_turn(station, now_ms, 0);
    }
    take_events(host, index);
}

int64_t bb_can_host_wake_ms(const struct bb_can_host *host)
{
    int64_t wake_ms = BB_NEVER_MS;
    for (size_t i = 0; i < host->count; i++) {
        const struct bb_station *station = host->seats[i].station;
        int64_t own_ms = station->driver->ops->wake_ms(station->self);
        if (host->seats[i].asks && own_ms < station->resume_ms &&
            !station->driver->ops->waiting(station->self)) {
            own_ms = station->resume_ms;
        }
        int64_t silent_ms = bb_station_deadline_ms(station);
        own_ms = own_ms < silent_ms ? own_ms : silent_ms;
        wake_ms = own_ms < wake_ms ? own_ms : wake_ms;
    }
    return wake_ms;
}

int bb_can_host_command(struct bb_can_host *host, size_t index, const struct bb_control *control,
                        int64_t now_ms, struct bb_problem *problem)
{
    struct bb_station *station = host->seats[index].station;
    if (!station->online) {
        return bb_fail(problem, BB_ERR_BUSY, control->verb, "the battery does not answer now");
    }
    return station->driver->ops->command(station->self, control, now_ms, problem);
}

void bb_can_host_result(const struct bb_can_host *host, size_t index,
                        struct bb_control_result *ret_result)
{
    const struct bb_station *station = host->seats[index].station;
    station->driver->ops->result(station->self, ret_result);
}

void bb_can_host_battery(const struct bb_can_host *host, size_t index,
                         struct bb_battery *ret_battery, int64_t *ret_time_ms)
{
    const struct bb_station *station = host->seats[index].station;
    station->driver->ops->battery(station->self, ret_battery, ret_time_ms);
}

int64_t bb_can_host_interval_ms(const struct bb_can_host *host, size_t index)
{
    return host->seats[index].station->interval_ms;
}

void bb_can_host_report(const struct bb_can_host *host, size_t index, struct bb_link *ret_link)
{
    const struct bb_station *station = host->seats[index].station;
    const struct bb_counters *counters = station->driver->ops->counters(station->self);
    bb_station_report(station, ret_link);
    ret_link->conflicts = bb_integer((int64_t)counters->conflicts);
}

bool bb_can_host_is_online(const struct bb_can_host *host, size_t index)
{
    return host->seats[index].station->online;
}
