/* The batteries the aggregator knows, and which readings of them it accepts. */
#ifndef BUSBAR_SERVICES_AGGREGATOR_ROSTER_H
#define BUSBAR_SERVICES_AGGREGATOR_ROSTER_H

#include "services/aggregator/persist.h"

struct bb_roster_entry {
    char id[BB_ID_MAX];
    char source[48];  /* process that publishes it */
    char refused[48]; /* another process that tried while the first was fresh */
    bool wrong_clock; /* a reading claimed to be from the future */
    struct bb_snapshot snapshot;
    struct bb_charge_config config;
    struct bb_decision_state state;
    struct bb_decision decision;
};

struct bb_roster {
    size_t count;
    struct bb_roster_entry *entries[BB_BATTERIES_MAX]; /* owned; in the order they appeared */
};

enum bb_roster_answer {
    BB_ROSTER_TAKEN,
    BB_ROSTER_OLD,     /* not newer than what is known */
    BB_ROSTER_CONFLICT /* another process already publishes this id, freshly */
};

void bb_roster_destroy(struct bb_roster *roster);

struct bb_roster_entry *bb_roster_find(const struct bb_roster *roster, const char *id);

/* Adds a battery of that id (not in the roster yet) with zeroed state; NULL when the roster is
 * full, the id does not fit, or out of memory. The roster owns it. */
struct bb_roster_entry *bb_roster_add(struct bb_roster *roster, const char *id);

/* Takes a reading of an entry's battery. A time in the future counts as now: no reading may stay
 * fresh for longer than it is. */
enum bb_roster_answer bb_roster_take(struct bb_roster_entry *entry, const struct bb_head *head,
                                     const struct bb_battery *battery, int64_t now_ms);

#endif
