/* Batteries in parallel as one: merged readings, charge voltage, and currents that no battery's
 * own limit is exceeded by.
 *
 * Through an open switch no current flows, so the others go on without that battery; a battery
 * whose limit is 0 with a closed switch takes its share of any current, so the bank stops. A
 * battery that is not heard any more is assumed to be connected as when last heard and keeps its
 * share and limits until its own decision blocks it.
 *
 * A bank of one battery has exactly that battery's limits.
 */
#ifndef BUSBAR_SERVICES_AGGREGATOR_BANK_H
#define BUSBAR_SERVICES_AGGREGATOR_BANK_H

#include "services/aggregator/decision.h"

/* A battery as the bank sees it in one evaluation. */
struct bb_bank_input {
    const char *id;
    const struct bb_decision *decision;
};

/* Trouble with one member; see bb_member_trouble_text. */
enum bb_member_trouble {
    BB_TROUBLE_MISSING,
    BB_TROUBLE_ISOLATED, /* both switches open */
    BB_TROUBLE_MISMATCH, /* its voltage is not the bank's */
    BB_TROUBLE_EXCLUDED, /* so far off that the bank stops */
    BB_TROUBLE_OVERLOAD, /* takes more than its limit */
    BB_TROUBLE_REJOINED, /* switched in again while its voltage is not the bank's */
    BB_TROUBLE_NOMINAL,  /* another nominal voltage: not for parallel use */
    BB_TROUBLES
};

struct bb_bank_member {
    char id[BB_ID_MAX];
    bool seen;     /* heard since the start */
    bool assessed; /* the following are of the last evaluation */
    bool was_present;
    bool was_connected[BB_DIRECTIONS];
    bool rejoining;
    int64_t overload_ms[BB_DIRECTIONS];
    int64_t mismatch_ms, excluded_ms;
    struct bb_real measured[BB_DIRECTIONS]; /* smoothed share of the bank current */
    struct bb_real soc;                     /* last known, or estimated while missing */
    int64_t missing_ms;
    uint32_t troubles; /* bit n: enum bb_member_trouble n */
};

struct bb_bank_state {
    bool stepped;
    int64_t last_ms, age_ms;
    bool complete; /* every known member was heard since the start, or waited for long enough */
    size_t member_count;
    struct bb_bank_member members[BB_MEMBERS_MAX];
    size_t crowded_out; /* batteries seen for which there was no room */
    struct bb_limit limit[BB_DIRECTIONS];
    bool held[BB_DIRECTIONS]; /* below its target */
    int64_t changed_ms;       /* since members came or returned */
    double limit_at_change[BB_DIRECTIONS];
    int64_t quiet_ms[BB_DIRECTIONS]; /* without enough current to measure shares */
    bool floating;
    enum bb_charge_mode mode;
    struct bb_ceiling ceiling;
    double transition_v;
};

/* What survives a restart of the aggregator, per bank. */
struct bb_bank_record {
    char id[BB_ID_MAX];
    size_t member_count;
    char members[BB_MEMBERS_MAX][BB_ID_MAX];
    bool floating, limited;
    struct bb_real control_v;
    struct bb_real limit_a[BB_DIRECTIONS];
    bool held[BB_DIRECTIONS]; /* below its target; only for deciding when to save */
};

/* A bank without members, or with those the configuration lists. */
void bb_bank_init(struct bb_bank_state *state, const struct bb_bank_config *config);

/* Continues from a record: members unless the configuration lists them; limits only if recent. */
void bb_bank_restore(struct bb_bank_state *state, const struct bb_bank_config *config,
                     const struct bb_bank_record *record, bool recent);
void bb_bank_record(const struct bb_bank_state *state, const struct bb_bank_config *config,
                    struct bb_bank_record *ret_record);

/* inputs are all batteries the aggregator knows, each at most once. Returns false while there is
 * nothing to publish: no member is known well enough to have a voltage. */
bool bb_bank_evaluate(const struct bb_bank_config *config, struct bb_bank_state *state,
                      const struct bb_bank_input *inputs, size_t count, int64_t now_ms,
                      struct bb_charge *ret_charge);

/* A sentence for the log, e.g. "is missing". */
const char *bb_member_trouble_text(enum bb_member_trouble trouble);

#endif
