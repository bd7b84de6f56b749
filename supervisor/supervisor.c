#include "supervisor/supervisor.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/bus_paths.h"
#include "common/clock.h"
#include "common/notify.h"
#include "proto/deadlines.h"
#include "supervisor/children.h"
#include "supervisor/control_socket.h"
#include "supervisor/notify_socket.h"
#include "supervisor/place.h"
#include "supervisor/settings.h"
#include "supervisor/status.h"

#define LONGEST_WAIT_MS 1000 /* of the loop; a later turn means that we did not run ourselves */
#define LATE_MS 500
#define BATCH_NOTICES 256
#define MOST_PROBLEMS 20 /* of a refused configuration that a client is told */

enum { POLL_SIGNAL, POLL_NOTIFY, POLL_CONTROL, POLLS = POLL_CONTROL + BB_CONTROL_POLLS };

struct supervisor {
    const struct bb_supervisor_options *options;
    struct bb_log *log;
    struct bb_settings settings;
    struct bb_children children;
    struct bb_control *control;
    struct bb_notify above; /* systemd or another supervisor that started us */
    char notify_path[PATH_MAX];
    char status[BB_STATUS_MAX]; /* last told to above */
    char reload_error[sizeof(struct bb_problem) + 4];
    int signal_fd, notify_fd, lock_fd; /* -1: not open */
    const char *state_dir;             /* NULL: none that can be written */
    int64_t started_ms;
    int64_t fed_ms;  /* last WATCHDOG to above */
    int64_t turn_ms; /* of the loop */
    bool ready_said;
};

/* --- Configuration --- */

/* Errors of one load: to the log, and to the client that asked for a reload. */
struct complaints {
    struct supervisor *supervisor;
    json_t *problems;
};

static void report_problem(const struct bb_problem *problem, void *arg)
{
    struct complaints *complaints = arg;
    struct supervisor *supervisor = complaints->supervisor;
    (void)bb_log_write(supervisor->log, BB_LOG_ERROR, "%s: %s", problem->where, problem->what);
    char text[sizeof supervisor->reload_error];
    (void)snprintf(text, sizeof text, "%s: %s", problem->where, problem->what);
    if (supervisor->reload_error[0] == '\0') {
        memcpy(supervisor->reload_error, text, sizeof text);
    }
    if (json_array_size(complaints->problems) < MOST_PROBLEMS) {
        (void)json_array_append_new(complaints->problems, json_string(text));
    }
}

static int load_settings(struct supervisor *supervisor, json_t *problems)
{
    struct complaints complaints = {.supervisor = supervisor, .problems = problems};
    supervisor->reload_error[0] = '\0';
    int error = bb_settings_load(&supervisor->settings, report_problem, &complaints);
    if (error == BB_OK) {
        bb_log_set_level(supervisor->log, supervisor->settings.log_level);
        supervisor->children.spawn.config =
            supervisor->settings.from_file ? supervisor->settings.copy : NULL;
    }
    return error;
}

/* Returns NULL when the reload is under way, else why it is not. */
static json_t *reload(struct supervisor *supervisor, int64_t now_ms, struct bb_changes *changes)
{
    if (supervisor->children.ending_ms > 0) {
        return bb_job_error("busbar is stopping");
    }
    json_t *problems = json_array();
    if (load_settings(supervisor, problems) != BB_OK) {
        (void)bb_log_write(supervisor->log, BB_LOG_ERROR,
                           "configuration refused: everything goes on as before");
        json_t *answer = bb_job_error("configuration refused: everything goes on as before");
        (void)json_object_set_new(answer, "problems", problems);
        return answer;
    }
    json_decref(problems);
    if (bb_children_apply(&supervisor->children, supervisor->settings.instances,
                          supervisor->settings.count, now_ms, changes) != BB_OK) {
        return bb_job_error("too many processes have not ended yet; try again in a moment");
    }
    (void)bb_log_write(supervisor->log, BB_LOG_NOTICE,
                       "configuration read: %d kept, %d started, %d stopped, %d restarted",
                       changes->kept, changes->started, changes->stopped, changes->restarted);
    return NULL;
}

/* --- Requests --- */

static json_t *begin_request(void *arg, const struct bb_request *request, struct bb_job *ret_job)
{
    struct supervisor *supervisor = arg;
    int64_t now_ms = bb_clock_mono_ms();
    if (request->verb == BB_VERB_STATUS) {
        struct bb_status_source source = {.children = &supervisor->children,
                                          .settings = &supervisor->settings,
                                          .state_dir = supervisor->state_dir,
                                          .reload_error = supervisor->reload_error,
                                          .started_ms = supervisor->started_ms};
        return bb_status_json(&source, now_ms);
    }
    if (request->verb == BB_VERB_RELOAD) {
        struct bb_job job = {.verb = BB_VERB_RELOAD, .deadline_ms = now_ms + BB_OUTCOME_MS};
        json_t *answer = reload(supervisor, now_ms, &job.changes);
        *ret_job = job;
        return answer;
    }
    (void)bb_log_write(supervisor->log, BB_LOG_NOTICE, "asked to %s %s",
                       bb_verb_name(request->verb), request->name);
    return bb_job_begin(&supervisor->children, request, now_ms, ret_job);
}

static json_t *progress_of_job(void *arg, const struct bb_job *job)
{
    struct supervisor *supervisor = arg;
    return bb_job_progress(&supervisor->children, job, bb_clock_mono_ms());
}

/* --- Whoever started us --- */

static bool bus_runs(const struct bb_children *children)
{
    return children->count > 0 && children->entries[0].child.state == BB_CHILD_RUNNING;
}

static bool all_started(const struct bb_children *children)
{
    for (size_t i = 0; i < children->count; i++) {
        if (children->entries[i].child.queued) {
            return false;
        }
    }
    return true;
}

static void tell_above(struct supervisor *supervisor, int64_t now_ms)
{
    const struct bb_children *children = &supervisor->children;
    size_t wanted;
    size_t running = bb_children_running(children, &wanted);
    char status[sizeof supervisor->status];
    (void)snprintf(status, sizeof status, "%zu of %zu processes running", running, wanted);
    if (strcmp(status, supervisor->status) != 0) {
        memcpy(supervisor->status, status, sizeof status);
        bb_notify_send(&supervisor->above, "STATUS=%s", status);
    }
    if (!supervisor->ready_said && bus_runs(children) && all_started(children)) {
        supervisor->ready_said = true;
        bb_notify_send(&supervisor->above, "READY=1");
        (void)bb_log_write(supervisor->log, BB_LOG_NOTICE, "all processes started");
    }
    if (supervisor->above.watchdog_ms > 0 &&
        now_ms - supervisor->fed_ms >= supervisor->above.watchdog_ms) {
        supervisor->fed_ms = now_ms;
        bb_notify_send(&supervisor->above, "WATCHDOG=1");
    }
}

/* --- The loop --- */

static void handle_signals(struct supervisor *supervisor, int64_t now_ms)
{
    struct signalfd_siginfo info;
    while (read(supervisor->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGHUP) {
            struct bb_changes changes;
            json_decref(reload(supervisor, now_ms, &changes)); /* the log has said it all */
        } else if (info.ssi_signo != SIGCHLD && supervisor->children.ending_ms == 0) {
            bb_notify_send(&supervisor->above, "STOPPING=1");
            (void)bb_log_write(supervisor->log, BB_LOG_NOTICE, "stopping");
            bb_children_end(&supervisor->children, now_ms);
        }
    }
    bb_children_reap(&supervisor->children, now_ms);
}

static void handle_notices(struct supervisor *supervisor, int64_t now_ms)
{
    for (int i = 0; i < BATCH_NOTICES; i++) {
        pid_t pid;
        struct bb_notice notice;
        int result = bb_notify_socket_receive(supervisor->notify_fd, &pid, &notice);
        if (result == 0) {
            return;
        }
        if (result > 0) {
            (void)bb_children_heard(&supervisor->children, pid, &notice, now_ms);
        }
    }
}

static int wait_ms(const struct supervisor *supervisor, int64_t now_ms)
{
    int64_t due_ms = bb_children_due(&supervisor->children, now_ms);
    int64_t control_ms = bb_control_due(supervisor->control);
    due_ms = control_ms < due_ms ? control_ms : due_ms;
    int64_t left_ms = due_ms - now_ms;
    int64_t most_ms =
        supervisor->above.watchdog_ms > 0 && supervisor->above.watchdog_ms < LONGEST_WAIT_MS
            ? supervisor->above.watchdog_ms
            : LONGEST_WAIT_MS;
    left_ms = left_ms > most_ms ? most_ms : left_ms;
    return left_ms > 0 ? (int)left_ms : 0;
}

/* When we did not run (stopped, or a starved machine), notices were lost and silence proves
 * nothing: everybody gets a new period. */
static void note_turn(struct supervisor *supervisor, int64_t now_ms)
{
    if (now_ms - supervisor->turn_ms > LONGEST_WAIT_MS + LATE_MS) {
        bb_children_forgive(&supervisor->children, now_ms);
    }
    supervisor->turn_ms = now_ms;
}

static void turn(struct supervisor *supervisor)
{
    int64_t now_ms = bb_clock_mono_ms();
    bb_children_step(&supervisor->children, now_ms);
    bb_children_sample(&supervisor->children, now_ms);
    bb_control_step(supervisor->control, now_ms);
    tell_above(supervisor, now_ms);
    struct pollfd polls[POLLS] = {
        [POLL_SIGNAL] = {.fd = supervisor->signal_fd, .events = POLLIN},
        [POLL_NOTIFY] = {.fd = supervisor->notify_fd, .events = POLLIN},
    };
    size_t count = bb_control_polls(supervisor->control, polls + POLL_CONTROL);
    int found = poll(polls, POLL_CONTROL + count, wait_ms(supervisor, now_ms));
    now_ms = bb_clock_mono_ms();
    note_turn(supervisor, now_ms);
    if (found > 0) {
        handle_notices(supervisor, now_ms); /* first: the last words of one that ended */
        handle_signals(supervisor, now_ms);
        bb_control_handle(supervisor->control, polls + POLL_CONTROL, count, now_ms);
    }
}

/* --- Life --- */

static enum bb_exit fail(struct supervisor *supervisor, const struct bb_problem *problem)
{
    (void)bb_log_write(supervisor->log, BB_LOG_ERROR, "%s: %s", problem->where, problem->what);
    return BB_EXIT_FAILED;
}

static enum bb_exit prepare_place(struct supervisor *supervisor)
{
    const struct bb_supervisor_options *options = supervisor->options;
    struct bb_problem problem;
    if (bb_place_prepare(options->run_dir, &problem) != BB_OK) {
        return fail(supervisor, &problem);
    }
    supervisor->lock_fd = bb_place_lock(options->run_dir, &problem);
    if (supervisor->lock_fd < 0) {
        return fail(supervisor, &problem);
    }
    supervisor->state_dir = options->state_dir;
    if (bb_place_state(options->state_dir, &problem) != BB_OK) {
        (void)bb_log_write(supervisor->log, BB_LOG_WARNING,
                           "%s: %s; nothing will survive a restart", problem.where, problem.what);
        supervisor->state_dir = NULL;
    }
    return BB_EXIT_STOPPED;
}

static int open_signals(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    (void)sigaddset(&set, SIGCHLD);
    (void)signal(SIGPIPE, SIG_IGN); /* whoever reads our log may go away */
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) {
        return -1;
    }
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int open_sockets(struct supervisor *supervisor, struct bb_problem *problem)
{
    const char *run_dir = supervisor->options->run_dir;
    char control_path[PATH_MAX];
    if (bb_place_path(supervisor->notify_path, sizeof supervisor->notify_path, run_dir,
                      BB_NOTIFY_SOCKET) != BB_OK ||
        bb_place_path(control_path, sizeof control_path, run_dir, BB_CONTROL_SOCKET) != BB_OK) {
        return bb_fail(problem, BB_ERR_OVERSIZE, run_dir, "path too long");
    }
    supervisor->signal_fd = open_signals();
    supervisor->notify_fd = bb_notify_socket_open(supervisor->notify_path);
    struct bb_control_handler handler = {
        .begin = begin_request, .progress = progress_of_job, .arg = supervisor};
    supervisor->control = bb_control_open(control_path, &handler);
    if (supervisor->signal_fd < 0 || supervisor->notify_fd < 0 || !supervisor->control) {
        int saved = errno;
        return bb_fail(problem, BB_ERR_IO, run_dir, "sockets cannot be opened: %s",
                       strerror(saved));
    }
    return BB_OK;
}

/* BB_EXIT_STOPPED: everything is prepared. */
static enum bb_exit prepare(struct supervisor *supervisor)
{
    enum bb_exit code = prepare_place(supervisor);
    if (code != BB_EXIT_STOPPED) {
        return code;
    }
    if (load_settings(supervisor, NULL) != BB_OK) {
        return BB_EXIT_CONFIG;
    }
    struct bb_problem problem;
    if (open_sockets(supervisor, &problem) != BB_OK) {
        return fail(supervisor, &problem);
    }
    supervisor->children.spawn.program_dir = supervisor->options->program_dir;
    supervisor->children.spawn.run_dir = supervisor->options->run_dir;
    supervisor->children.spawn.state_dir = supervisor->state_dir;
    supervisor->children.spawn.notify_socket = supervisor->notify_path;
    struct bb_changes changes;
    (void)bb_children_apply(&supervisor->children, supervisor->settings.instances,
                            supervisor->settings.count, bb_clock_mono_ms(), &changes);
    return BB_EXIT_STOPPED;
}

static void release(struct supervisor *supervisor)
{
    const int descriptors[] = {supervisor->signal_fd, supervisor->notify_fd};
    for (size_t i = 0; i < sizeof descriptors / sizeof descriptors[0]; i++) {
        if (descriptors[i] >= 0) {
            (void)close(descriptors[i]);
        }
    }
    if (supervisor->control) {
        char path[PATH_MAX];
        (void)unlink(supervisor->notify_path);
        if (bb_place_path(path, sizeof path, supervisor->options->run_dir, BB_CONTROL_SOCKET) ==
            BB_OK) {
            (void)unlink(path);
        }
    }
    bb_control_close(&supervisor->control);
    bb_notify_close(&supervisor->above);
    bb_log_destroy(&supervisor->log);
    if (supervisor->lock_fd >= 0) {
        (void)close(supervisor->lock_fd); /* last: the next one may start now */
    }
}

enum bb_exit bb_supervisor_run(const struct bb_supervisor_options *options)
{
    struct supervisor *supervisor = calloc(1, sizeof *supervisor);
    if (!supervisor) {
        return BB_EXIT_FAILED;
    }
    supervisor->options = options;
    supervisor->signal_fd = supervisor->notify_fd = supervisor->lock_fd = -1;
    supervisor->started_ms = supervisor->turn_ms = bb_clock_mono_ms();
    supervisor->settings.asked = options->config;
    supervisor->settings.run_dir = options->run_dir;
    supervisor->log = supervisor->children.log = bb_log_new("busbar", BB_LOG_INFO);
    bb_notify_open(&supervisor->above);
    enum bb_exit code = supervisor->log ? prepare(supervisor) : BB_EXIT_FAILED;
    if (code == BB_EXIT_STOPPED) {
        while (supervisor->children.ending_ms == 0 || !bb_children_gone(&supervisor->children)) {
            turn(supervisor);
        }
    }
    release(supervisor);
    free(supervisor);
    return code;
}
