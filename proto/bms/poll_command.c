/* Writes: what is true now is read, one write is sent, its effect is read back. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "proto/bms/poll_internal.h"

enum {
    EFFECT_MS = 200, /* pause between a write and reading it back, and between readings */
    READINGS = 5     /* of the item that shows the effect */
};

void bb_poll_command_end(struct bb_poll *poll, bool done, const char *reason)
{
    poll->command.phase = COMMAND_NONE;
    poll->command.result.done = done;
    (void)snprintf(poll->command.result.reason, sizeof poll->command.result.reason, "%s", reason);
    bb_poll_raise(poll, BB_EVENT_COMMAND);
}

/* What has to be known before is known: the write can be built. */
static void prepare_write(struct bb_poll *poll, int64_t now_ms)
{
    struct bb_poll_command *command = &poll->command;
    struct bb_poll_view view = bb_poll_view_at(poll, now_ms);
    struct bb_problem problem = {.what = "cannot be built"};
    int size = command->spec->payload(&view, &command->control, command->data, &problem);
    if (size < 0) {
        bb_poll_command_end(poll, false, problem.what);
        return;
    }
    command->size = (size_t)size;
    command->phase = COMMAND_WRITE;
}

int bb_poll_command_begin(struct bb_poll *poll, const struct bb_control *control, int64_t now_ms,
                          struct bb_problem *problem)
{
    const struct bb_poll_spec *spec = poll->spec;
    const struct bb_poll_control *found = NULL;
    for (size_t i = 0; i < spec->control_count; i++) {
        if (strcmp(spec->controls[i].verb, control->verb) == 0) {
            found = &spec->controls[i];
        }
    }
    if (!found) {
        return bb_fail(problem, BB_ERR_UNSUPPORTED, control->verb, "driver %s does not offer it",
                       poll->driver->id);
    }
    if (!isfinite(control->value) || control->value < found->min || control->value > found->max) {
        return bb_fail(problem, BB_ERR_RANGE, control->verb, "%g is not within %g..%g",
                       control->value, found->min, found->max);
    }
    if (!poll->up) {
        return bb_fail(problem, BB_ERR_IO, control->verb, "no connection");
    }
    if (poll->command.phase != COMMAND_NONE) {
        return bb_fail(problem, BB_ERR_BUSY, control->verb, "another command is under way");
    }
    poll->command = (struct bb_poll_command){
        .phase = COMMAND_BEFORE,
        .spec = found,
        .control = *control,
        .due_ms = now_ms,
    };
    if (found->before == BB_POLL_NO_ITEM) {
        prepare_write(poll, now_ms);
    }
    return BB_OK;
}

bool bb_poll_command_next(const struct bb_poll *poll, int64_t now_ms, size_t *ret_item)
{
    const struct bb_poll_command *command = &poll->command;
    if (now_ms < command->due_ms) {
        return false;
    }
    switch (command->phase) {
    case COMMAND_NONE:
        return false;
    case COMMAND_BEFORE:
        *ret_item = command->spec->before;
        return true;
    case COMMAND_WRITE:
        *ret_item = command->spec->write;
        return true;
    case COMMAND_AFTER:
        *ret_item = command->spec->after;
        return true;
    }
    return false;
}

static void judge(struct bb_poll *poll, int64_t now_ms)
{
    struct bb_poll_command *command = &poll->command;
    struct bb_poll_view view = bb_poll_view_at(poll, now_ms);
    if (command->spec->confirm(&view, &command->control, &command->result.value)) {
        bb_poll_command_end(poll, true, "read back from the BMS");
    } else if (command->refused) {
        bb_poll_command_end(poll, false, "the BMS refused it");
    } else if (++command->readings >= READINGS) {
        bb_poll_command_end(poll, false, "the BMS shows no effect");
    } else {
        command->due_ms = now_ms + EFFECT_MS;
    }
}

void bb_poll_command_item_over(struct bb_poll *poll, enum bb_poll_outcome outcome, int64_t now_ms)
{
    struct bb_poll_command *command = &poll->command;
    bool answered = outcome == OUTCOME_ANSWERED;
    switch (command->phase) {
    case COMMAND_NONE:
        return;
    case COMMAND_BEFORE:
        if (answered || command->spec->before_optional) {
            prepare_write(poll, now_ms);
        } else {
            bb_poll_command_end(poll, false, "the BMS does not answer; nothing was written");
        }
        return;
    case COMMAND_WRITE:
        /* A lost acknowledge does not tell whether the write took effect. */
        command->refused = outcome == OUTCOME_REFUSED;
        command->phase = COMMAND_AFTER;
        command->due_ms = now_ms + EFFECT_MS;
        return;
    case COMMAND_AFTER:
        if (answered) {
            judge(poll, now_ms);
        } else {
            bb_poll_command_end(poll, false, "written, but the BMS does not answer any more");
        }
        return;
    }
}
