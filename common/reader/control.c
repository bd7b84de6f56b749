#include "common/reader/control.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "proto/deadlines.h"

struct verb {
    const char *name;
    bool is_switch;
    double min, max;
};

static const struct verb verbs[] = {
    {.name = "charge_fet", .is_switch = true, .max = 1},
    {.name = "discharge_fet", .is_switch = true, .max = 1},
    {.name = "balance_fet", .is_switch = true, .max = 1},
    {.name = "soc", .max = 100},
};
#define VERBS (sizeof verbs / sizeof verbs[0])

int bb_control_verb(const char *verb)
{
    for (size_t i = 0; i < VERBS; i++) {
        if (strcmp(verbs[i].name, verb) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static int check_value(const struct verb *verb, const struct bb_real *value,
                       struct bb_problem *problem)
{
    if (!value->present || !isfinite(value->value)) {
        return bb_fail(problem, BB_ERR_MISSING, verb->name, "needs a value");
    }
    if (verb->is_switch && value->value != 0 && value->value != 1) {
        return bb_fail(problem, BB_ERR_RANGE, verb->name, "the value is neither 0 nor 1");
    }
    if (value->value < verb->min || value->value > verb->max) {
        return bb_fail(problem, BB_ERR_RANGE, verb->name, "the value is not within %g to %g",
                       verb->min, verb->max);
    }
    return BB_OK;
}

int bb_control_admit(struct bb_control_gate *gate, unsigned allowed,
                     const struct bb_command *command, int64_t now_ms,
                     struct bb_control *ret_control, struct bb_problem *problem)
{
    int index = bb_control_verb(command->verb);
    if (index < 0) {
        return bb_fail(problem, BB_ERR_UNKNOWN, command->verb, "unknown command");
    }
    if (!(allowed & 1U << (unsigned)index)) {
        return bb_fail(problem, BB_ERR_CONFIG, command->verb,
                       "not allowed by 'controls' in the configuration");
    }
    int error = check_value(&verbs[index], &command->value, problem);
    if (error != BB_OK) {
        return error;
    }
    if (gate->pending) {
        return bb_fail(problem, BB_ERR_BUSY, command->verb, "another command is under way");
    }
    if (gate->had_one && now_ms - gate->last_ms < BB_CONTROL_PAUSE_MS) {
        return bb_fail(problem, BB_ERR_BUSY, command->verb, "not more than one in %d s",
                       BB_CONTROL_PAUSE_MS / 1000);
    }
    gate->pending = true;
    gate->had_one = true;
    gate->last_ms = now_ms;
    (void)snprintf(gate->correlation, sizeof gate->correlation, "%s", command->correlation);
    (void)snprintf(gate->verb, sizeof gate->verb, "%s", command->verb);
    (void)snprintf(ret_control->verb, sizeof ret_control->verb, "%s", command->verb);
    ret_control->value = command->value.value;
    return BB_OK;
}

bool bb_control_is_overdue(const struct bb_control_gate *gate, int64_t now_ms)
{
    return gate->pending && now_ms - gate->last_ms >= BB_CONFIRM_MS;
}
