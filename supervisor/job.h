/* A request that takes a while: begun at once, answered when its outcome is known. Pure. */
#ifndef BUSBAR_SUPERVISOR_JOB_H
#define BUSBAR_SUPERVISOR_JOB_H

#include <jansson.h>

#include "supervisor/children.h"
#include "supervisor/request.h"

struct bb_job {
    enum bb_verb verb;         /* start, stop, restart or reload */
    char name[BB_ID_MAX];      /* "" for reload */
    unsigned generation;       /* of the process when the request came */
    int64_t deadline_ms;       /* not awaited for longer */
    struct bb_changes changes; /* of a reload */
};

/* Begins start, stop or restart. Returns NULL when the outcome is to be awaited, with *ret_job
 * filled, or the answer: an error that lists the names there are. */
json_t *bb_job_begin(struct bb_children *children, const struct bb_request *request, int64_t now_ms,
                     struct bb_job *ret_job);

/* The answer, or NULL while the outcome is open. */
json_t *bb_job_progress(struct bb_children *children, const struct bb_job *job, int64_t now_ms);

/* {"ok": false, "error": <printf-style text>}; NULL when out of memory. The caller owns it. */
json_t *bb_job_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
