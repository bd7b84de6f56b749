#include "common/reader/station.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/deadlines.h"

static const int64_t pauses_ms[] = {1000, 2000, 5000, 10000, BB_BACKOFF_MAX_MS};
#define PAUSES (sizeof pauses_ms / sizeof pauses_ms[0])

int bb_station_new(const struct bb_driver *driver, const struct bb_driver_config *config,
                   struct bb_station **ret_station, struct bb_problem *problem)
{
    struct bb_station *station = calloc(1, sizeof *station);
    void *self = calloc(1, driver->state_size);
    if (!station || !self) {
        free(self);
        free(station);
        return bb_fail(problem, BB_ERR_NO_MEMORY, driver->id, "out of memory");
    }
    int error = driver->ops->open(driver, self, config, problem);
    if (error != BB_OK) {
        free(self);
        free(station);
        return error;
    }
    const struct bb_transport *transport = bb_driver_transport(driver, config->medium);
    station->driver = driver;
    station->self = self;
    station->period_ms = config->period_ms;
    station->interval_ms =
        config->period_ms || !transport ? config->period_ms : transport->period_ms;
    *ret_station = station;
    return BB_OK;
}

void bb_station_destroy(struct bb_station **station)
{
    if (*station) {
        free((*station)->self);
        free(*station);
        *station = NULL;
    }
}

void bb_station_complain(struct bb_station *station, const char *text)
{
    if (strcmp(text, station->last_error) != 0) {
        (void)snprintf(station->last_error, sizeof station->last_error, "%s", text);
        station->changes++;
    }
}

void bb_station_link(struct bb_station *station, bool up, int64_t now_ms)
{
    station->driver->ops->link(station->self, up, now_ms);
    station->up = up;
    station->online = false;
    station->silent = false;
    station->ready = false;
    station->urgent = false;
    station->has_turn = false;
    station->failures = 0;
    station->step = 0;
    station->backoff_ms = 0;
    station->resume_ms = 0;
    station->heard_ms = now_ms;
    station->busy_ms = 0;
    station->links += up ? 1 : 0;
    station->changes++;
}

void bb_station_begin_turn(struct bb_station *station, int64_t now_ms, uint64_t grant)
{
    station->last_grant = grant;
    if (!station->has_turn) {
        station->has_turn = true;
        station->turn_ms = now_ms;
        station->turn_from = *station->driver->ops->counters(station->self);
    }
}

/* A shared wire may take longer than the period asked for; readers of the state must know. */
static void learn_interval(struct bb_station *station, int64_t time_ms)
{
    station->last_period_ms = time_ms - station->state_ms;
    if (station->online && station->failures == 0) {
        int64_t tolerated_ms = station->period_ms + station->period_ms / 4;
        station->interval_ms =
            station->last_period_ms > tolerated_ms ? station->last_period_ms : station->period_ms;
    }
}

void bb_station_succeeded(struct bb_station *station, int64_t time_ms)
{
    if (station->snapshots > 0 && time_ms > station->state_ms) {
        learn_interval(station, time_ms);
    }
    station->changes += station->online ? 0 : 1;
    station->snapshots++;
    station->state_ms = time_ms;
    station->heard_ms = time_ms;
    station->online = true;
    station->silent = false;
    station->failures = 0;
    station->step = 0;
    station->backoff_ms = 0;
    station->resume_ms = 0;
    station->has_turn = false;
    station->ready = false;
    station->last_busy_ms = station->busy_ms;
    station->busy_ms = 0;
}

static void describe_failure(struct bb_station *station)
{
    const struct bb_counters *now = station->driver->ops->counters(station->self);
    const struct bb_counters *from = &station->turn_from;
    const char *text = "no answer";
    if (now->checksum_errors > from->checksum_errors) {
        text = "answer with a wrong checksum or length";
    } else if (now->rejected_values > from->rejected_values) {
        text = "answer with impossible values";
    } else if (now->foreign_frames > from->foreign_frames) {
        text = "no answer, but traffic of somebody else";
    } else if (now->garbage_bytes > from->garbage_bytes) {
        text = "no answer, but bytes that belong to no frame: check baud rate and protocol";
    } else if (now->replies > from->replies) {
        text = "the answer is incomplete";
    }
    bb_station_complain(station, text);
}

void bb_station_failed(struct bb_station *station, int64_t now_ms)
{
    int64_t asked_ms = now_ms;
    if (station->has_turn) {
        describe_failure(station);
        asked_ms = station->turn_ms;
    }
    station->failures++;
    station->has_turn = false;
    station->ready = false;
    station->urgent = false;
    if (station->failures == 1) {
        station->backoff_ms = 0;
        station->resume_ms = 0;
    } else if (station->online) {
        /* counted from the ask, so that ten asks fit before the battery is lost */
        station->backoff_ms = pauses_ms[0];
        station->resume_ms = asked_ms + pauses_ms[0];
    } else {
        station->backoff_ms = pauses_ms[station->step];
        station->resume_ms = now_ms + station->backoff_ms;
        station->step += station->step + 1 < PAUSES ? 1 : 0;
    }
}

bool bb_station_wastes_turn(const struct bb_station *station)
{
    const struct bb_counters *now = station->driver->ops->counters(station->self);
    return station->has_turn && station->failures > 0 &&
           now->timeouts > station->turn_from.timeouts &&
           now->replies == station->turn_from.replies;
}

bool bb_station_is_paused(const struct bb_station *station, int64_t now_ms)
{
    return now_ms < station->resume_ms;
}

int64_t bb_station_deadline_ms(const struct bb_station *station)
{
    if (!station->up || station->silent) {
        return BB_NEVER_MS;
    }
    return station->heard_ms + bb_lost_after_ms(station->interval_ms);
}

void bb_station_age(struct bb_station *station, int64_t now_ms)
{
    if (now_ms >= bb_station_deadline_ms(station)) {
        station->online = false;
        station->silent = true;
        station->changes++;
    }
}

static const char *state_of(const struct bb_station *station)
{
    if (!station->up) {
        return "down";
    }
    if (station->silent) {
        return "silent";
    }
    return station->online ? "online" : "searching";
}

static struct bb_integer count(uint64_t value)
{
    return bb_integer((int64_t)value);
}

void bb_station_report(const struct bb_station *station, struct bb_link *ret_link)
{
    const struct bb_counters *counters = station->driver->ops->counters(station->self);
    (void)snprintf(ret_link->state, sizeof ret_link->state, "%s", state_of(station));
    (void)snprintf(ret_link->last_error, sizeof ret_link->last_error, "%s", station->last_error);
    ret_link->requests = count(counters->requests);
    ret_link->replies = count(counters->replies);
    ret_link->timeouts = count(counters->timeouts);
    ret_link->checksum_errors = count(counters->checksum_errors);
    ret_link->garbage_bytes = count(counters->garbage_bytes);
    ret_link->foreign_frames = count(counters->foreign_frames);
    ret_link->rejected_values = count(counters->rejected_values);
    ret_link->snapshots = count(station->snapshots);
    ret_link->reconnects = count(station->links > 1 ? station->links - 1 : 0);
    ret_link->backoff_ms = bb_integer(station->backoff_ms);
    if (station->snapshots > 0) {
        ret_link->last_good_ms = bb_integer(station->state_ms);
        ret_link->busy_ms = bb_integer(station->last_busy_ms);
    }
    if (station->last_period_ms > 0) {
        ret_link->period_ms = bb_integer(station->last_period_ms);
    }
}
