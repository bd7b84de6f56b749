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
/* A switch that was reported and is not any more counts as it was for this long, then as open. */
#define BB_SWITCH_UNKNOWN_MS 10000
/* Something that changed although it must not (number of cells), and data after a crash loop,
 * have to be steady for this long before they are believed. */
#define BB_SETTLE_MS 60000
/* A restarted aggregator waits this long for the batteries it knew before it counts them as
 * missing. */
#define BB_START_MS 60000
/* A persisted hold, latch or absorption older than this says nothing about now. */
#define BB_RECORD_MAX_AGE_MS 600000
/* A missing battery's SoC is estimated from its bank's current for this long. */
#define BB_SOC_ESTIMATE_MS 600000
/* A supervised process that does not report for this long is hung and gets killed. */
#define BB_WATCHDOG_MS 5000
/* A process that does not say READY for this long after its start is hung, too. Twice the
 * watchdog: loading a program from a slow SD card is part of it. */
#define BB_READY_MS 10000
/* Processes of a later start order wait this long at most for the earlier ones. */
#define BB_START_ORDER_MS 2000
/* Time for a core dump between SIGABRT and SIGKILL of a hung process. */
#define BB_ABORT_MS 500
/* Everything has ended this long after SIGTERM, or it is killed. */
#define BB_STOP_MS 2500
/* When everything is to end, the bus is asked to this long after the others at the latest. */
#define BB_STOP_BUS_MS 2000
/* A process that dies is started again at once, then after this, doubled each time, ... */
#define BB_RESTART_FIRST_MS 500
/* ... up to this: nothing is ever given up, and nothing burns the CPU. */
#define BB_RESTART_MAX_MS 30000
/* After running this long the next death counts as the first one again. */
#define BB_HEALTHY_MS 60000
/* A client of the control socket that neither completes its request nor takes its answer for
 * this long is dropped. */
#define BB_CONTROL_MS 5000
/* "busbar restart" and the like stop waiting for the outcome here: stop, then start. */
#define BB_OUTCOME_MS 15000
/* A command to a battery is answered within this, or it has failed. */
#define BB_REPLY_MS 5000
/* A reader answers for a write its BMS has not confirmed by then: before the asker gives up. */
#define BB_CONFIRM_MS 3500
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
