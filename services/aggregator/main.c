/* The aggregator: reads every battery's state from the bus, decides about charging and
 * discharging (session.h), publishes the decisions at least once a second, and remembers across
 * restarts what a restart must not undo. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/actor.h"
#include "common/clock.h"
#include "services/aggregator/session.h"
#include "services/aggregator/state_file.h"
#include "services/aggregator/text.h"

#define EVALUATE_LEAST_MS 200 /* at most five decisions per second */

struct aggregator {
    struct bb_actor *actor;
    struct bb_session *session;
    int64_t evaluate_every_ms;
    int64_t evaluated_ms;
    bool waiting;  /* for the pause between two decisions to end */
    bool announce; /* publish everything, changed or not */
    bool save_failed_said;
    int64_t saved_ms;
    struct bb_saved on_disk, now;
};

static void on_line(void *arg, enum bb_log_level level, const char *line)
{
    struct aggregator *self = arg;
    bb_actor_log(self->actor, level, "%s", line);
}

static void on_charge(void *arg, const char *id, const struct bb_charge *charge, bool changed)
{
    struct aggregator *self = arg;
    if (!changed && !self->announce) {
        return;
    }
    struct bb_message message = {.topic_class = BB_TOPIC_CHARGE};
    message.body.charge = *charge;
    int error = bb_topic_make(message.topic, sizeof message.topic, BB_TOPIC_CHARGE, id);
    if (error == BB_OK) {
        error = bb_actor_publish(self->actor, &message, self->evaluate_every_ms);
    }
    if (error != BB_OK) {
        bb_actor_log(self->actor, BB_LOG_ERROR, "the decision about '%s' cannot be sent: %s", id,
                     bb_error_text(error));
    }
}

static void read_boot_id(char *ret_id, size_t capacity)
{
    ret_id[0] = '\0';
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    ssize_t size = read(fd, ret_id, capacity - 1);
    (void)close(fd);
    ret_id[size > 0 ? size : 0] = '\0';
    ret_id[strcspn(ret_id, "\n")] = '\0';
}

static void write_state(struct aggregator *self, bool clean)
{
    const char *folder = bb_actor_state_dir(self->actor);
    if (!folder) {
        return;
    }
    self->now.clean = clean;
    self->now.mono_ms = bb_actor_now(self->actor);
    self->now.wall_ms = bb_clock_wall_ms();
    self->saved_ms = self->now.mono_ms;
    struct bb_problem problem = {0};
    bool failed = bb_state_file_write(folder, &self->now, &problem) != BB_OK;
    if (failed && !self->save_failed_said) {
        bb_actor_log(self->actor, BB_LOG_WARNING, "cannot save %s: %s; a restart may lift limits",
                     problem.where, problem.what);
    }
    self->save_failed_said = failed;
    if (!failed) {
        self->on_disk = self->now;
    }
}

static void save_if_due(struct aggregator *self)
{
    bb_session_save(self->session, &self->now);
    int64_t age_ms = bb_actor_now(self->actor) - self->saved_ms;
    if (bb_session_save_due(&self->on_disk, &self->now, age_ms)) {
        write_state(self, false);
    }
}

static void evaluate(struct aggregator *self, bool announce)
{
    self->announce = announce;
    self->evaluated_ms = bb_actor_now(self->actor);
    bb_session_evaluate(self->session, self->evaluated_ms);
    save_if_due(self);
    struct bb_session_summary summary = bb_session_summary(self->session);
    bb_actor_status(self->actor, "%zu of %zu batteries heard; charge %.1f A, discharge %.1f A",
                    summary.heard, summary.batteries, summary.ccl, summary.dcl);
}

static void on_period(struct bb_actor *actor, void *arg)
{
    (void)actor;
    evaluate(arg, true);
}

static void on_pause_over(struct bb_actor *actor, void *arg)
{
    (void)actor;
    struct aggregator *self = arg;
    self->waiting = false;
    evaluate(self, false);
}

/* Decides now, or as soon as the pause since the last decision is over. */
static void evaluate_soon(struct aggregator *self)
{
    int64_t since_ms = bb_actor_now(self->actor) - self->evaluated_ms;
    if (since_ms >= EVALUATE_LEAST_MS) {
        evaluate(self, false);
    } else if (!self->waiting) {
        self->waiting =
            bb_actor_after(self->actor, EVALUATE_LEAST_MS - since_ms, on_pause_over, self) > 0;
    }
}

/* What an earlier process remembered: read, its age judged, crashes counted. */
static bool read_state(struct aggregator *self, bool *ret_recent, bool *ret_quarantine)
{
    const char *folder = bb_actor_state_dir(self->actor);
    char boot_id[BB_BOOT_ID_MAX];
    read_boot_id(boot_id, sizeof boot_id);
    struct bb_problem problem = {0};
    int error = folder ? bb_state_file_read(folder, &self->now, &problem) : BB_ERR_MISSING;
    int64_t now_ms = bb_actor_now(self->actor);
    if (!folder) {
        bb_actor_log(self->actor, BB_LOG_WARNING,
                     "no state directory: holds and known batteries do not survive a restart");
    } else if (error != BB_OK && error != BB_ERR_MISSING) {
        bb_actor_log(self->actor, BB_LOG_WARNING, "%s: %s; starting without it", problem.where,
                     problem.what);
    }
    *ret_recent =
        error == BB_OK && bb_saved_is_recent(&self->now, boot_id, now_ms, bb_clock_wall_ms());
    bool same_boot = strcmp(self->now.boot_id, boot_id) == 0;
    self->now.crash_count = same_boot ? self->now.crash_count : 0;
    bool crashed = error == BB_OK && same_boot && !self->now.clean;
    *ret_quarantine = crashed && bb_saved_count_crash(&self->now, now_ms);
    self->now.boot_id[0] = '\0';
    bb_text_append(self->now.boot_id, sizeof self->now.boot_id, boot_id);
    return error == BB_OK;
}

static int start(struct bb_actor *actor, void *arg)
{
    struct aggregator *self = arg;
    self->actor = actor;
    const struct bb_config *config = bb_actor_config(actor);
    self->evaluate_every_ms = bb_config_integer(config, "aggregator", "", "evaluate_every");
    bool recent = false;
    bool quarantine = false;
    bool known = read_state(self, &recent, &quarantine);
    const struct bb_session_output output = {.log = on_line, .charge = on_charge, .arg = self};
    self->session = bb_session_new(config, known ? &self->now : NULL, recent, quarantine, output);
    if (!self->session) {
        return BB_ERR_NO_MEMORY;
    }
    if (quarantine) {
        bb_actor_log(actor, BB_LOG_WARNING,
                     "more than three crashes in ten minutes: no current until data have been "
                     "valid for a minute");
    }
    bb_session_save(self->session, &self->now);
    write_state(self, false);
    return bb_actor_every(actor, self->evaluate_every_ms, on_period, self) > 0 ? BB_OK
                                                                               : BB_ERR_NO_MEMORY;
}

static void stop(struct bb_actor *actor, void *arg)
{
    (void)actor;
    struct aggregator *self = arg;
    if (self->session) {
        bb_session_save(self->session, &self->now);
        write_state(self, true);
        bb_session_destroy(&self->session);
    }
}

static void on_message(struct bb_actor *actor, void *arg, const struct bb_message *message)
{
    struct aggregator *self = arg;
    if (message->topic_class == BB_TOPIC_BATTERY &&
        bb_session_take(self->session, bb_message_id(message), &message->head,
                        &message->body.battery, bb_actor_now(actor))) {
        evaluate_soon(self);
    }
}

int main(int argc, char **argv)
{
    static const char *const subscriptions[] = {"battery/", NULL};
    static const struct bb_service service = {
        .program = "aggregator",
        .subscriptions = subscriptions,
        .start = start,
        .stop = stop,
        .message = on_message,
        .self_size = sizeof(struct aggregator),
    };
    return bb_actor_main(&service, argc, argv);
}
