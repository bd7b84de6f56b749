/* "busbar command BATTERY VERB [VALUE]": asks a battery's reader for a change and waits for its
 * acknowledgement. */
#ifndef BUSBAR_SUPERVISOR_COMMAND_H
#define BUSBAR_SUPERVISOR_COMMAND_H

#include "proto/message/message.h"

/* Fills *ret_message with command/<battery>. value is a number, or on/off, yes/no, true/false;
 * NULL for none. Returns BB_OK, or a negative code and problem->what, a line for people. */
int bb_command_make(const char *battery, const char *verb, const char *value,
                    const char *correlation, struct bb_message *ret_message,
                    struct bb_problem *problem);

/* Sends it on the bus of run_dir and waits for the reply with the same correlation. Returns 1
 * when it was done, 0 when it was refused (both fill *ret_reply), or a negative code: no bus or
 * no reply within BB_REPLY_MS, with problem->what. */
int bb_command_send(const char *run_dir, struct bb_message *message, struct bb_reply *ret_reply,
                    struct bb_problem *problem);

#endif
