/* Every deadline after which data stops counting, once, with its reason.
 *
 * An outage is measured from the last good reading only: one good poll makes a battery fresh
 * again, whatever was lost before it. No code multiplies or adds to these numbers; whoever
 * needs another deadline adds it here.
 */
#ifndef BUSBAR_PROTO_DEADLINES_H
#define BUSBAR_PROTO_DEADLINES_H

#include <stdint.h>

/* A reading is a fact for this long at least: one lost poll and its retry must not blink. */
#define BB_STALE_MIN_MS 5000
/* Slow pollers get three periods, but nobody is believed for longer than this. */
#define BB_STALE_MAX_MS 15000
/* From here a battery is lost and limits react. At one poll a second and one poll in ten lost
 * at random, ten losses in a row happen once in 300 years. */
#define BB_LOST_MIN_MS 10000
/* /Alarms/BmsCable becomes 1 when a battery is lost for longer than this (Victron's habit). */
#define BB_CABLE_ALARM_MS 60000
/* A publisher whose charge decision is older than this publishes zero current and float
 * voltage by itself: Victron's consumers have no time-out of their own. */
#define BB_DECISION_MAX_AGE_MS 5000
/* Longest time step that is integrated or ramped over; a larger gap counts as stale data. */
#define BB_STEP_MAX_MS 10000
/* A supervised process that does not report for this long is hung and gets killed. */
#define BB_WATCHDOG_MS 5000
/* Everything has ended this long after SIGTERM, or it is killed. */
#define BB_STOP_MS 2500
/* A silent address on a shared wire is asked again after at most this long. */
#define BB_BACKOFF_MAX_MS 30000
/* A broker that has not accepted a connection within this is given up and tried again. */
#define BB_BROKER_ANSWER_MS 10000

/* Age in ms from which a reading counts as stale; interval_ms is its expected period. */
static inline int64_t bb_stale_after_ms(int64_t interval_ms)
{
    int64_t limit = interval_ms > BB_STALE_MAX_MS / 3 ? BB_STALE_MAX_MS : 3 * interval_ms;
    return limit < BB_STALE_MIN_MS ? BB_STALE_MIN_MS : limit;
}

/* Age in ms from which a battery counts as lost. */
static inline int64_t bb_lost_after_ms(int64_t interval_ms)
{
    int64_t stale = bb_stale_after_ms(interval_ms);
    return stale < BB_LOST_MIN_MS ? BB_LOST_MIN_MS : stale;
}

#endif
