/* One supervised process as a state machine. Pure: it is told the time and what happened, and
 * says what to do next; children.h does it.
 *
 *   stopped   nobody wants it to run
 *   waiting   for its turn at the start, or for the end of the back-off
 *   starting  its process exists and has not said READY
 *   running   ready, and heard of within BB_WATCHDOG_MS
 *   stopping  on its way out: asked to, or hung and being killed
 *   failed    ended because its configuration is wrong; tried again now and then
 */
#ifndef BUSBAR_SUPERVISOR_CHILD_H
#define BUSBAR_SUPERVISOR_CHILD_H

#include <sys/types.h>

#include "supervisor/instance.h"
#include "supervisor/notice.h"

enum bb_child_state {
    BB_CHILD_STOPPED,
    BB_CHILD_WAITING,
    BB_CHILD_STARTING,
    BB_CHILD_RUNNING,
    BB_CHILD_STOPPING,
    BB_CHILD_FAILED
};

/* What bb_child_next asks its caller to do. */
enum bb_act {
    BB_ACT_NONE,
    BB_ACT_SPAWN, /* then call bb_child_spawned or bb_child_not_spawned */
    BB_ACT_TERM,  /* send SIGTERM */
    BB_ACT_ABORT, /* send SIGABRT: it hangs, and a core dump may tell why */
    BB_ACT_KILL   /* send SIGKILL */
};

/* Why a process is being stopped. */
enum bb_cause {
    BB_CAUSE_NONE,
    BB_CAUSE_ASKED,    /* by the owner, a reload or the end of everything */
    BB_CAUSE_SILENT,   /* its watchdog lapsed */
    BB_CAUSE_NOT_READY /* never said READY */
};

#define BB_RATE_MS 5000 /* rates are taken over this and up to twice as long */

/* Messages since the start of the process, as it reported them at a time. */
struct bb_traffic {
    int64_t at_ms, in, out;
};

struct bb_child {
    struct bb_instance instance;
    enum bb_child_state state;
    bool wanted;         /* is to run, or to run again when it has ended */
    bool queued;         /* waits for its turn in the start order */
    pid_t pid;           /* 0: no process */
    unsigned generation; /* processes started for it so far */
    unsigned restarts;   /* of these, after an end nobody asked for */
    unsigned streak;     /* see policy.h */
    int64_t started_ms;  /* of the process */
    int64_t ready_ms;    /* of its READY, 0 before */
    int64_t due_ms;      /* when bb_child_next has something to do, INT64_MAX: never */
    enum bb_cause cause; /* while stopping */
    bool asked;          /* SIGTERM or SIGABRT was sent */
    bool killed;         /* SIGKILL was sent */
    char reason[96];     /* how the last process ended, "" before the first end */
    char status[BB_STATUS_MAX];
    struct bb_traffic traffic;          /* newest report; at_ms 0: none */
    struct bb_traffic traffic_marks[2]; /* earlier ones, at least BB_RATE_MS apart; newer first */
};

void bb_child_init(struct bb_child *child, const struct bb_instance *instance);

/* Wants it to run, as soon as bb_child_release gives it its turn. No effect when it runs. */
void bb_child_start(struct bb_child *child);
void bb_child_release(struct bb_child *child, int64_t now_ms);

/* Wants it to end; a process gets until kill_ms before SIGKILL. */
void bb_child_stop(struct bb_child *child, int64_t kill_ms);

/* Ends the process there is and starts another one at once, without back-off. */
void bb_child_restart(struct bb_child *child, int64_t now_ms);

/* What to do now. Call again until it is BB_ACT_NONE. */
enum bb_act bb_child_next(struct bb_child *child, int64_t now_ms);

void bb_child_spawned(struct bb_child *child, pid_t pid, int64_t now_ms);
/* what says why there is no process. */
void bb_child_not_spawned(struct bb_child *child, const char *what, int64_t now_ms);

/* Its process said something. */
void bb_child_heard(struct bb_child *child, const struct bb_notice *notice, int64_t now_ms);

/* Its process ended; wait_status is that of waitpid. */
void bb_child_ended(struct bb_child *child, int wait_status, int64_t now_ms);

/* The supervisor itself did not run for a while, so silence proves nothing. */
void bb_child_forgive(struct bb_child *child, int64_t now_ms);

/* Messages per second over the last seconds; false when unknown. */
bool bb_child_rates(const struct bb_child *child, double *ret_in, double *ret_out);

/* "running" and so on. */
const char *bb_child_state_name(enum bb_child_state state);

#endif
