/* All supervised processes: carries out what the state machines of child.h ask for. */
#ifndef BUSBAR_SUPERVISOR_CHILDREN_H
#define BUSBAR_SUPERVISOR_CHILDREN_H

#include "common/log.h"
#include "supervisor/child.h"
#include "supervisor/spawn.h"
#include "supervisor/usage.h"

/* A reload may add as many as it drops, and the dropped ones take a while to end. */
#define BB_ENTRIES_MAX (2 * BB_PROCESSES_MAX)

struct bb_entry {
    struct bb_child child;
    struct bb_meter meter;
    bool leaving; /* no longer configured: forgotten when it has ended */
};

struct bb_children {
    struct bb_log *log;    /* the caller's */
    struct bb_spawn spawn; /* its texts are the caller's */
    struct bb_entry entries[BB_ENTRIES_MAX];
    size_t count;
    int64_t ending_ms; /* since when everything is to end, 0: it is not */
    int64_t sampled_ms;
};

/* What a configuration changed, as counts. */
struct bb_changes {
    int kept, started, stopped, restarted;
};

/* Makes instances, count of them, the processes that are to run: starts, stops and restarts
 * exactly what differs. Those stopped by hand stay so. Returns BB_OK, or BB_ERR_BUSY when too
 * many of earlier configurations have not ended yet. */
int bb_children_apply(struct bb_children *children, const struct bb_instance *instances,
                      size_t count, int64_t now_ms, struct bb_changes *ret_changes);

/* Does what is due: starts in order, signals, forgets. Call after everything that happened. */
void bb_children_step(struct bb_children *children, int64_t now_ms);

/* When bb_children_step has something to do next; INT64_MAX: not before something happens. */
int64_t bb_children_due(const struct bb_children *children, int64_t now_ms);

/* Collects processes that ended. */
void bb_children_reap(struct bb_children *children, int64_t now_ms);

/* Process pid said something. Returns false when it is none of ours. */
bool bb_children_heard(struct bb_children *children, pid_t pid, const struct bb_notice *notice,
                       int64_t now_ms);

/* Ends everything: the bus last, so that the others can say what they have to. */
void bb_children_end(struct bb_children *children, int64_t now_ms);

/* The configured process of that name, or NULL. */
struct bb_child *bb_children_find(struct bb_children *children, const char *name);

/* True when no process is left. */
bool bb_children_gone(const struct bb_children *children);
/* True when nothing is on its way to start or stop. */
bool bb_children_settled(const struct bb_children *children);
/* Processes that are ready, of those that are to run. */
size_t bb_children_running(const struct bb_children *children, size_t *ret_wanted);

/* The supervisor itself was not running for a while. */
void bb_children_forgive(struct bb_children *children, int64_t now_ms);

/* Measures CPU time now and then, see usage.h. */
void bb_children_sample(struct bb_children *children, int64_t now_ms);

#endif
