/* What is known about one battery or bank, and how far it may be believed now.
 *
 * A snapshot keeps the latest decision (charge/<id>) and the latest reading (battery/<id>) with
 * their times. A view is the snapshot judged at one moment. It holds the publisher's dead man:
 * Victron's consumers have no time-out of their own, so that a decision older than
 * BB_DECISION_MAX_AGE_MS becomes zero current in both directions at a voltage that cannot
 * overcharge. Pure: the time is handed in.
 */
#ifndef BUSBAR_SERVICES_DBUS_SNAPSHOT_H
#define BUSBAR_SERVICES_DBUS_SNAPSHOT_H

#include "proto/message/message.h"

/* A time stamp this far ahead of our clock is taken for now; further ahead is not believed. */
#define BB_CLOCK_SLACK_MS 1000

struct bb_snapshot {
    char id[BB_ID_MAX];
    bool bank;
    bool has_charge, has_battery;
    bool has_decision;  /* a complete decision was seen: safe_cvl, cell_count are known */
    bool charge_usable; /* the latest decision is complete */
    double safe_cvl;    /* lower of float voltage and CVL of the last complete decision */
    int64_t cell_count;
    int64_t charge_ms, battery_ms; /* CLOCK_MONOTONIC of the facts */
    int64_t battery_interval_ms;
    struct bb_charge charge;
    struct bb_battery battery;
};

struct bb_view {
    const struct bb_snapshot *of;
    bool decided; /* the decision is complete and young enough; else the dead man speaks */
    bool lost;    /* the latest decision says that there is no live reading */
    bool reading; /* the latest reading of the battery itself is young enough */
    double cvl, ccl, dcl;
    bool allow_charge, allow_discharge;
    int64_t bms_cable; /* 0, 1, 2 */
    int64_t wall_ms;
};

/* Takes over a message of class battery/ or charge/. Returns true when it lowers a limit, closes
 * a direction, raises an alarm or changes the link: others must hear of it without delay. */
bool bb_snapshot_take(struct bb_snapshot *snapshot, const struct bb_message *message);

/* True once everything is known that a service must show when it appears. */
bool bb_snapshot_is_complete(const struct bb_snapshot *snapshot);

void bb_snapshot_view(const struct bb_snapshot *snapshot, int64_t now_ms, int64_t wall_ms,
                      struct bb_view *ret_view);

/* True when the decision's measured values may be shown. */
bool bb_view_measured(const struct bb_view *view);

/* True when the values of the battery's own reading may be shown. A decision that calls the
 * battery lost is believed more than a reading that happens to be young. */
bool bb_view_reading(const struct bb_view *view);

#endif
