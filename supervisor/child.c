#include "supervisor/child.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "common/actor.h"
#include "proto/deadlines.h"
#include "supervisor/policy.h"

#define NEVER INT64_MAX

const char *bb_child_state_name(enum bb_child_state state)
{
    static const char *const names[] = {
        [BB_CHILD_STOPPED] = "stopped",   [BB_CHILD_WAITING] = "waiting",
        [BB_CHILD_STARTING] = "starting", [BB_CHILD_RUNNING] = "running",
        [BB_CHILD_STOPPING] = "stopping", [BB_CHILD_FAILED] = "failed",
    };
    return names[state];
}

void bb_child_init(struct bb_child *child, const struct bb_instance *instance)
{
    *child = (struct bb_child){.instance = *instance, .due_ms = NEVER};
}

/* Lines up for the next start. */
static void wait_for_start(struct bb_child *child, enum bb_child_state state, int64_t due_ms)
{
    child->state = state;
    child->due_ms = due_ms;
}

void bb_child_start(struct bb_child *child)
{
    child->wanted = true;
    if (child->state == BB_CHILD_STOPPED) {
        child->streak = 0;
        child->queued = true;
        wait_for_start(child, BB_CHILD_WAITING, NEVER);
    }
}

void bb_child_release(struct bb_child *child, int64_t now_ms)
{
    if (child->queued) {
        child->queued = false;
        child->due_ms = now_ms;
    }
}

/* Begins to end the process; bb_child_next sends the signals. */
static void begin_stop(struct bb_child *child, enum bb_cause cause, int64_t due_ms)
{
    child->state = BB_CHILD_STOPPING;
    child->cause = cause;
    child->asked = false;
    child->killed = false;
    child->due_ms = due_ms;
}

static bool has_process(const struct bb_child *child)
{
    return child->pid > 0;
}

void bb_child_stop(struct bb_child *child, int64_t kill_ms)
{
    child->wanted = false;
    child->queued = false;
    if (!has_process(child)) {
        wait_for_start(child, BB_CHILD_STOPPED, NEVER);
    } else if (child->state != BB_CHILD_STOPPING) {
        begin_stop(child, BB_CAUSE_ASKED, kill_ms);
    } else if (!child->killed && kill_ms < child->due_ms) {
        child->due_ms = kill_ms;
    }
}

void bb_child_restart(struct bb_child *child, int64_t now_ms)
{
    child->wanted = true;
    child->streak = 0;
    if (!has_process(child)) {
        child->queued = false;
        wait_for_start(child, BB_CHILD_WAITING, now_ms);
    } else if (child->state != BB_CHILD_STOPPING) {
        begin_stop(child, BB_CAUSE_ASKED, now_ms + BB_STOP_MS);
    }
}

static enum bb_act next_of_stopping(struct bb_child *child, int64_t now_ms)
{
    if (!child->asked) {
        child->asked = true;
        return child->cause == BB_CAUSE_ASKED ? BB_ACT_TERM : BB_ACT_ABORT;
    }
    if (!child->killed && now_ms >= child->due_ms) {
        child->killed = true;
        child->due_ms = NEVER; /* nothing is left to do but to wait for its end */
        return BB_ACT_KILL;
    }
    return BB_ACT_NONE;
}

enum bb_act bb_child_next(struct bb_child *child, int64_t now_ms)
{
    switch (child->state) {
    case BB_CHILD_STOPPED:
        return BB_ACT_NONE;
    case BB_CHILD_WAITING:
    case BB_CHILD_FAILED:
        return now_ms >= child->due_ms ? BB_ACT_SPAWN : BB_ACT_NONE;
    case BB_CHILD_STARTING:
    case BB_CHILD_RUNNING:
        if (now_ms < child->due_ms) {
            return BB_ACT_NONE;
        }
        begin_stop(child, child->state == BB_CHILD_STARTING ? BB_CAUSE_NOT_READY : BB_CAUSE_SILENT,
                   now_ms + BB_ABORT_MS);
        return next_of_stopping(child, now_ms);
    case BB_CHILD_STOPPING:
        return next_of_stopping(child, now_ms);
    }
    return BB_ACT_NONE;
}

static void forget_traffic(struct bb_child *child)
{
    child->traffic = (struct bb_traffic){0};
    child->traffic_marks[0] = child->traffic_marks[1] = (struct bb_traffic){0};
}

void bb_child_spawned(struct bb_child *child, pid_t pid, int64_t now_ms)
{
    child->state = BB_CHILD_STARTING;
    child->pid = pid;
    child->generation++;
    child->started_ms = now_ms;
    child->ready_ms = 0;
    child->due_ms = now_ms + BB_READY_MS;
    child->cause = BB_CAUSE_NONE;
    child->status[0] = '\0';
    forget_traffic(child);
}

/* After an end nobody asked for. */
static void come_again(struct bb_child *child, enum bb_end end, int64_t now_ms)
{
    int64_t healthy_ms = child->ready_ms > 0 ? now_ms - child->ready_ms : 0;
    struct bb_restart restart = bb_policy_restart(child->streak, end, healthy_ms);
    child->streak = restart.streak;
    child->restarts++;
    wait_for_start(child, end == BB_END_CONFIG ? BB_CHILD_FAILED : BB_CHILD_WAITING,
                   now_ms + restart.delay_ms);
}

void bb_child_not_spawned(struct bb_child *child, const char *what, int64_t now_ms)
{
    child->generation++;
    child->ready_ms = 0;
    (void)snprintf(child->reason, sizeof child->reason, "%s", what);
    come_again(child, BB_END_CRASHED, now_ms);
}

static void note_traffic(struct bb_child *child, const struct bb_traffic *report)
{
    struct bb_traffic *marks = child->traffic_marks;
    child->traffic = *report;
    if (marks[0].at_ms == 0) {
        marks[0] = marks[1] = *report;
    } else if (report->at_ms - marks[0].at_ms >= BB_RATE_MS) {
        marks[1] = marks[0];
        marks[0] = *report;
    }
}

void bb_child_heard(struct bb_child *child, const struct bb_notice *notice, int64_t now_ms)
{
    if (!has_process(child)) {
        return;
    }
    /* READY is sent once and a full socket may swallow it; WATCHDOG comes from the event loop,
     * which a process enters when it is ready. */
    if (child->state == BB_CHILD_STARTING && (notice->ready || notice->watchdog)) {
        child->state = BB_CHILD_RUNNING;
        child->ready_ms = now_ms;
        child->due_ms = now_ms + BB_WATCHDOG_MS;
    } else if (child->state == BB_CHILD_RUNNING && notice->watchdog) {
        child->due_ms = now_ms + BB_WATCHDOG_MS;
    }
    if (notice->has_status) {
        memcpy(child->status, notice->status, sizeof child->status);
    }
    if (notice->has_messages) {
        note_traffic(child, &(struct bb_traffic){.at_ms = now_ms,
                                                 .in = notice->messages_in,
                                                 .out = notice->messages_out});
    }
}

static void describe_end(struct bb_child *child, int wait_status)
{
    char *text = child->reason;
    size_t size = sizeof child->reason;
    if (child->cause == BB_CAUSE_SILENT) {
        (void)snprintf(text, size, "watchdog: silent for %d ms", BB_WATCHDOG_MS);
    } else if (child->cause == BB_CAUSE_NOT_READY) {
        (void)snprintf(text, size, "watchdog: not ready after %d ms", BB_READY_MS);
    } else if (child->cause == BB_CAUSE_ASKED && child->killed) {
        (void)snprintf(text, size, "stopped, by force");
    } else if (child->cause == BB_CAUSE_ASKED) {
        (void)snprintf(text, size, "stopped");
    } else if (WIFSIGNALED(wait_status)) {
        (void)snprintf(text, size, "killed by signal %d", WTERMSIG(wait_status));
    } else if (WEXITSTATUS(wait_status) == BB_EXIT_CONFIG) {
        (void)snprintf(text, size, "exit %d: its configuration is wrong", BB_EXIT_CONFIG);
    } else {
        (void)snprintf(text, size, "exit %d", WEXITSTATUS(wait_status));
    }
}

void bb_child_ended(struct bb_child *child, int wait_status, int64_t now_ms)
{
    describe_end(child, wait_status);
    child->pid = 0;
    child->status[0] = '\0';
    forget_traffic(child);
    bool config = child->cause == BB_CAUSE_NONE && WIFEXITED(wait_status) &&
                  WEXITSTATUS(wait_status) == BB_EXIT_CONFIG;
    if (!child->wanted) {
        wait_for_start(child, BB_CHILD_STOPPED, NEVER);
    } else if (child->cause == BB_CAUSE_ASKED) {
        wait_for_start(child, BB_CHILD_WAITING, now_ms);
    } else {
        come_again(child, config ? BB_END_CONFIG : BB_END_CRASHED, now_ms);
    }
    child->cause = BB_CAUSE_NONE;
}

void bb_child_forgive(struct bb_child *child, int64_t now_ms)
{
    bool watched = child->state == BB_CHILD_STARTING || child->state == BB_CHILD_RUNNING;
    if (watched && child->due_ms < now_ms + BB_WATCHDOG_MS) {
        child->due_ms = now_ms + BB_WATCHDOG_MS;
    }
}

bool bb_child_rates(const struct bb_child *child, double *ret_in, double *ret_out)
{
    const struct bb_traffic *now = &child->traffic;
    const struct bb_traffic *before = &child->traffic_marks[1];
    if (now->at_ms <= before->at_ms || now->in < before->in || now->out < before->out) {
        return false;
    }
    double seconds = (double)(now->at_ms - before->at_ms) / 1000.0;
    *ret_in = (double)(now->in - before->in) / seconds;
    *ret_out = (double)(now->out - before->out) / seconds;
    return true;
}
