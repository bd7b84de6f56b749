/* Readings that cannot both be true, and what follows from them. */
#ifndef BUSBAR_SERVICES_AGGREGATOR_CONTRADICTION_H
#define BUSBAR_SERVICES_AGGREGATOR_CONTRADICTION_H

#include "services/aggregator/validity.h"

/* How long each has lasted, -1 while it does not. All zero bytes is not a valid start: use
 * bb_contradictions_init. */
struct bb_contradictions {
    int64_t deviation_ms;
    int64_t fet_ms[BB_DIRECTIONS];
    int64_t excess_ms[BB_DIRECTIONS];
};

struct bb_contradiction_view {
    bool voltages_differ;                /* pack voltage and cell sum: a warning */
    bool voltages_exclude;               /* by more than 10 % for 10 s: no current at all */
    bool fet_disbelieved[BB_DIRECTIONS]; /* current flows through a switch reported open */
    int excess_level[BB_DIRECTIONS];     /* limit not obeyed: 0, 1 after 30 s, 2 after 5 min */
    bool soc_doubtful;                   /* full or empty by SoC but not by the cells */
};

void bb_contradictions_init(struct bb_contradictions *state);

/* limit_a are the limits in force. step_ms is 0 while the readings are not fresh: time of
 * silence proves nothing. */
void bb_contradictions_update(struct bb_contradictions *state,
                              const struct bb_charge_config *config, const struct bb_facts *facts,
                              const double limit_a[BB_DIRECTIONS], int64_t step_ms,
                              struct bb_contradiction_view *ret_view);

/* True while condition has been true for at least after_ms of the steps handed in; keeps the
 * time in *lasted_ms (-1: not true). */
bool bb_lasts(int64_t *lasted_ms, bool condition, int64_t after_ms, int64_t step_ms);

#endif
