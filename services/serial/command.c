#include <stdio.h>
#include <string.h>

#include "services/serial/service.h"

/* The station whose battery has that id, or -1. */
static int find(const struct bb_serial *serial, const char *id)
{
    for (size_t i = 0; i < serial->book.count; i++) {
        if (*id && strcmp(serial->book.stations[i].id, id) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static void reply(struct bb_serial *serial, const char *id, const char *correlation,
                  const char *verb, bool done, const char *reason, struct bb_real value)
{
    struct bb_message *message = &serial->message;
    struct bb_reply *body = &message->body.reply;
    memset(message, 0, sizeof *message);
    message->topic_class = BB_TOPIC_REPLY;
    (void)snprintf(body->correlation, sizeof body->correlation, "%s", correlation);
    (void)snprintf(body->verb, sizeof body->verb, "%s", verb);
    (void)snprintf(body->reason, sizeof body->reason, "%s", reason);
    body->done = bb_flag(done);
    body->value = value;
    if (bb_topic_make(message->topic, sizeof message->topic, BB_TOPIC_REPLY, id) == BB_OK) {
        (void)bb_actor_publish(serial->actor, message, 0);
    }
    bb_actor_log(serial->actor, BB_LOG_NOTICE, "command %s for %s: %s%s%s", verb, id,
                 done ? "done" : "not done", *reason ? ", " : "", reason);
}

void bb_serial_take_command(struct bb_serial *serial, const struct bb_message *message)
{
    const char *id = bb_message_id(message);
    const struct bb_command *command = &message->body.command;
    int found = find(serial, id);
    if (found < 0) {
        return; /* another reader's battery */
    }
    size_t station = (size_t)found;
    struct bb_control_gate *gate = &serial->stations[station].gate;
    struct bb_control control = {0};
    struct bb_problem problem = {0};
    int64_t now_ms = bb_actor_now(serial->actor);
    bb_actor_log(serial->actor, BB_LOG_NOTICE, "command %s = %g for %s from %s", command->verb,
                 command->value.value, id, *command->origin ? command->origin : "unknown");
    int error =
        bb_control_admit(gate, serial->settings.controls, command, now_ms, &control, &problem);
    if (error == BB_OK) {
        error = bb_wire_command(serial->wire, station, &control, now_ms, &problem);
        gate->pending = error == BB_OK;
    }
    if (error != BB_OK) {
        reply(serial, id, command->correlation, command->verb, false, problem.what,
              (struct bb_real){0});
        return;
    }
    bb_serial_pump(serial);
}

static void end(struct bb_serial *serial, size_t station, const struct bb_control_result *result)
{
    struct bb_control_gate *gate = &serial->stations[station].gate;
    if (gate->pending) {
        gate->pending = false;
        reply(serial, serial->book.stations[station].id, gate->correlation, gate->verb,
              result->done, result->reason, result->value);
    }
}

void bb_serial_reply_result(struct bb_serial *serial, size_t station)
{
    struct bb_control_result result = {0};
    bb_wire_result(serial->wire, station, &result);
    end(serial, station, &result);
}

void bb_serial_expire_commands(struct bb_serial *serial)
{
    static const struct bb_control_result overdue = {
        .reason = "the battery has not confirmed it; it may still take effect"};
    int64_t now_ms = bb_actor_now(serial->actor);
    for (size_t i = 0; i < serial->settings.count; i++) {
        if (bb_control_is_overdue(&serial->stations[i].gate, now_ms)) {
            end(serial, i, &overdue);
        }
    }
}
