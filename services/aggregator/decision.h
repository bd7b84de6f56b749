/* The decision about one battery: how much it may be charged and discharged now, at which
 * voltage, and why.
 *
 * bb_decision_make is a function of configuration, previous state, the battery's latest reading
 * and the time. It fails safe: until the first complete reading after a start both limits are 0;
 * nothing missing, old, contradictory or not a number raises a limit; silence freezes (stale) or
 * blocks (lost, link_state.h). It never leaves a limit empty.
 */
#ifndef BUSBAR_SERVICES_AGGREGATOR_DECISION_H
#define BUSBAR_SERVICES_AGGREGATOR_DECISION_H

#include "proto/message/message.h"
#include "services/aggregator/alarms.h"
#include "services/aggregator/current_limits.h"
#include "services/aggregator/cvl.h"
#include "services/aggregator/limit.h"

/* Something the owner should be told once when it begins and once when it ends. */
enum bb_warning {
    BB_WARNING_CELLS,       /* a cell voltage is missing or implausible */
    BB_WARNING_COUNT,       /* the number of cells changed */
    BB_WARNING_VOLTAGE,     /* pack voltage and cell sum differ */
    BB_WARNING_FET,         /* current through a switch reported open */
    BB_WARNING_EXCESS,      /* a limit is not obeyed */
    BB_WARNING_TEMPERATURE, /* no cell temperature, so no charging */
    BB_WARNING_SENSOR,      /* a sensor that worked before does not any more */
    BB_WARNING_OVERVOLTAGE, /* a cell is far too high */
    BB_WARNING_ABSORPTION,  /* cells never came close; float without */
    BB_WARNINGS
};

struct bb_decision_state {
    bool started; /* a complete reading has been seen since the start */
    bool stepped;
    bool was_lost;
    int64_t last_ms;
    int64_t quarantine_ms; /* valid data still needed after too many restarts */
    struct bb_validity validity;
    struct bb_contradictions contradictions;
    struct bb_contradiction_view contradiction;
    struct bb_protection protection;
    struct bb_cvl cvl;
    struct bb_cvl_view cvl_view;
    struct bb_limit limit[BB_DIRECTIONS];
    struct bb_current_target target[BB_DIRECTIONS];
    enum bb_limit_step limit_step[BB_DIRECTIONS];
};

struct bb_decision {
    struct bb_charge charge; /* what is published as charge/<id> */
    struct bb_link_view link;
    struct bb_facts facts;
    bool levels_known; /* the number of cells is known, so the voltages mean something */
    struct bb_cvl_levels levels;
    enum bb_charge_mode mode;
    bool bulk_by_difference;
    double control_v;   /* CVL without the voltage drop */
    double tolerated_v; /* no charger may go above it, whatever this battery's mode */
    double limit_a[BB_DIRECTIONS];
    double target_a[BB_DIRECTIONS]; /* without hold and ramp */
    double max_a[BB_DIRECTIONS];    /* configured */
    bool connected[BB_DIRECTIONS];  /* current may flow: the switch was not reported open when
                                       last heard, or is not believed */
    uint32_t warnings;              /* bit n: enum bb_warning n */
};

/* What survives a restart of the aggregator, per battery. */
struct bb_decision_record {
    char id[BB_ID_MAX];
    unsigned cell_count;
    bool floating, absorbing, full_at_low_soc, gave_up, limited;
    int64_t absorbed_ms, full_ms, gave_up_ms;
    struct bb_real control_v;
    struct bb_real limit_a[BB_DIRECTIONS];
    struct bb_real fet[BB_DIRECTIONS]; /* 1 closed, 0 open */
    struct bb_real temperature[BB_SENSORS], mosfet;
    struct bb_real soc, capacity, most_v;
    struct bb_real bms_limit[BB_DIRECTIONS];
    bool held[BB_DIRECTIONS]; /* below its target; only for deciding when to save */
};

void bb_decision_init(struct bb_decision_state *state, const struct bb_charge_config *config);

/* Continues from a record. recent: it is young enough for holds, latches and absorption to go on
 * (BB_RECORD_MAX_AGE_MS); what raises nothing is taken over in any case. */
void bb_decision_restore(struct bb_decision_state *state, const struct bb_charge_config *config,
                         const struct bb_decision_record *record, bool recent);
void bb_decision_record(const struct bb_decision_state *state, const char *id,
                        struct bb_decision_record *ret_record);

/* snapshot is the battery's latest accepted reading (seen == false: none). */
void bb_decision_make(const struct bb_charge_config *config, struct bb_decision_state *state,
                      const struct bb_snapshot *snapshot, int64_t now_ms,
                      struct bb_decision *ret_decision);

/* A sentence for the log, e.g. "pack voltage and cell sum differ". */
const char *bb_warning_text(enum bb_warning warning);

/* Fills ret->charge from the rest of the decision (decision_fields.c). */
void bb_decision_fill(const struct bb_charge_config *config, const struct bb_decision_state *state,
                      const struct bb_snapshot *snapshot, struct bb_decision *ret);

#endif
