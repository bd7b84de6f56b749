/* One driver instance on a wire, with its outage bookkeeping. Used by the hosts that
 * schedule them. */
#ifndef BUSBAR_COMMON_READER_STATION_H
#define BUSBAR_COMMON_READER_STATION_H

#include "common/reader/trace.h"
#include "proto/bms/driver.h"
#include "proto/message/message.h"

struct bb_station {
    const struct bb_driver *driver;
    void *self; /* the driver's memory */
    int64_t period_ms, interval_ms;
    bool up;
    bool online; /* a state arrived since the link came up and is not older than lost */
    bool silent; /* no state for long enough to call it lost */

    bool ready; /* has something to send */
    int64_t ready_since_ms;
    bool urgent;         /* a command is under way */
    uint64_t last_grant; /* running number of its last turn */
    bool has_turn;
    int64_t turn_ms;              /* when the turn began */
    struct bb_counters turn_from; /* counters then */

    unsigned failures; /* in a row */
    unsigned step;     /* of the back-off */
    int64_t backoff_ms, resume_ms;

    int64_t heard_ms; /* last state; before the first one, the link's coming up */
    int64_t state_ms; /* time of the last state ever */
    int64_t granted_ms, busy_ms, last_busy_ms, last_period_ms;
    uint64_t snapshots, links;
    uint64_t changes; /* of state or last_error */
    char last_error[sizeof((struct bb_link *)0)->last_error];
    struct bb_trace trace;
};

/* Opens the driver in fresh memory. The caller destroys *ret_station. */
int bb_station_new(const struct bb_driver *driver, const struct bb_driver_config *config,
                   struct bb_station **ret_station, struct bb_problem *problem);
void bb_station_destroy(struct bb_station **station);

void bb_station_link(struct bb_station *station, bool up, int64_t now_ms);
void bb_station_begin_turn(struct bb_station *station, int64_t now_ms, uint64_t grant);
/* A complete state is there; time_ms is that of its oldest essential value. A driver may refine
 * a state: the same time again is no new period. */
void bb_station_succeeded(struct bb_station *station, int64_t time_ms);
/* A poll ended without one; sets the pause before the next. */
void bb_station_failed(struct bb_station *station, int64_t now_ms);
/* True when a station known to be silent has let its first request of this turn time out. */
bool bb_station_wastes_turn(const struct bb_station *station);
/* Notes trouble for people. */
void bb_station_complain(struct bb_station *station, const char *text);
bool bb_station_is_paused(const struct bb_station *station, int64_t now_ms);
/* Ages the station: it turns silent when its deadline has passed. */
void bb_station_age(struct bb_station *station, int64_t now_ms);
/* When bb_station_age() has something to say, or BB_NEVER_MS. */
int64_t bb_station_deadline_ms(const struct bb_station *station);
void bb_station_report(const struct bb_station *station, struct bb_link *ret_link);

#endif
