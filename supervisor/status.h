/* What "busbar status --json" prints. */
#ifndef BUSBAR_SUPERVISOR_STATUS_H
#define BUSBAR_SUPERVISOR_STATUS_H

#include <jansson.h>

#include "supervisor/children.h"
#include "supervisor/settings.h"

/* Everything the answer is made of; all of it belongs to the caller. */
struct bb_status_source {
    struct bb_children *children;
    const struct bb_settings *settings;
    const char *state_dir;    /* NULL: none */
    const char *reload_error; /* "" when the configuration on disk is the one in force */
    int64_t started_ms;       /* of the supervisor */
};

/* One JSON object:
 *   ok, version, pid, uptime_ms, run_dir, state_dir?, config?, reload_error?, processes
 * and for each process
 *   name, program, section?, state, restarts, reason?,
 *   pid?, uptime_ms?, status?, cpu_percent?, rss_kb?, pss_kb?, messages_in_per_s?,
 *   messages_out_per_s?, next_start_ms?
 * What is not known is absent. The caller owns it; NULL when out of memory. */
json_t *bb_status_json(const struct bb_status_source *source, int64_t now_ms);

#endif
