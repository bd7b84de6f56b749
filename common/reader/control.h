/* Which commands from the bus may reach a battery: only verbs the configuration allows, only
 * sensible values, not more often than a BMS stands. Pure. */
#ifndef BUSBAR_COMMON_READER_CONTROL_H
#define BUSBAR_COMMON_READER_CONTROL_H

#include "proto/bms/driver.h"
#include "proto/message/message.h"

/* Least time between two commands to one battery. */
#define BB_CONTROL_PAUSE_MS 2000

/* Index of a verb, or -1 for a word that is none; its bit says whether it is allowed. */
int bb_control_verb(const char *verb);

/* One battery's commands. Zeroed memory is a battery that has had none. */
struct bb_control_gate {
    bool pending; /* handed to the driver, no result yet */
    bool had_one;
    int64_t last_ms;
    char correlation[sizeof(((struct bb_command *)0)->correlation)];
    char verb[sizeof(((struct bb_command *)0)->verb)];
};

/* Decides on command; allowed has a bit per verb. BB_OK: hand ret_control to the driver, and the
 * gate remembers it as pending. Else problem->what is the reason for the reply. */
int bb_control_admit(struct bb_control_gate *gate, unsigned allowed,
                     const struct bb_command *command, int64_t now_ms,
                     struct bb_control *ret_control, struct bb_problem *problem);

/* True when a pending command has waited for BB_CONFIRM_MS. */
bool bb_control_is_overdue(const struct bb_control_gate *gate, int64_t now_ms);

#endif
