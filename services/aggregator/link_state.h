/* Whether a battery is being heard, and what silence means for its limits.
 *
 * An outage is measured from the last good reading only. Stale is a mark: nothing may rise and
 * nothing falls. Lost is a decision: with block_on_disconnect, or with cells outside the window
 * of voltages that are harmless for minutes, or with unknown cells, the battery is blocked at
 * once; inside the window the limits may stay until block_on_disconnect_timeout_minutes.
 */
#ifndef BUSBAR_SERVICES_AGGREGATOR_LINK_STATE_H
#define BUSBAR_SERVICES_AGGREGATOR_LINK_STATE_H

#include "services/aggregator/charge_config.h"

enum bb_link_state { BB_LINK_NEVER_SEEN, BB_LINK_ONLINE, BB_LINK_STALE, BB_LINK_LOST };

struct bb_link_view {
    enum bb_link_state state;
    bool blocked;   /* limits are 0 because of the silence */
    bool gave_up;   /* blocked for good: the time-out passed, or blocked for a minute */
    int bms_cable;  /* 0 ok, 1 silent for a minute, 2 given up */
    int64_t age_ms; /* of the last good reading; 0 when never seen */
};

/* The last known cells, for the window. */
struct bb_cell_range {
    bool known;
    double min_v, max_v;
};

/* last_good_ms and interval_ms are those of the last accepted reading; ignored when not seen. */
struct bb_link_view bb_link_view_at(const struct bb_charge_config *config, bool seen,
                                    int64_t last_good_ms, int64_t interval_ms,
                                    struct bb_cell_range cells, int64_t now_ms);

/* "online", "stale", "lost" or "never_seen". */
const char *bb_link_state_text(enum bb_link_state state);

#endif
