/* A request on the control socket: one JSON object on one line,
 *   {"verb": "status"}   {"verb": "reload"}
 *   {"verb": "start", "name": "serial-rack"}   likewise "stop" and "restart"
 * Unknown members are ignored. The answer is one JSON object on one line with "ok", and with
 * "error" when that is false. */
#ifndef BUSBAR_SUPERVISOR_REQUEST_H
#define BUSBAR_SUPERVISOR_REQUEST_H

#include "proto/error.h"
#include "proto/message/battery.h"

#define BB_REQUEST_MAX 512 /* bytes of the line without its end */

enum bb_verb { BB_VERB_STATUS, BB_VERB_START, BB_VERB_STOP, BB_VERB_RESTART, BB_VERB_RELOAD };

struct bb_request {
    enum bb_verb verb;
    char name[BB_ID_MAX]; /* of a process; "" for status and reload */
};

/* Reads one line of size bytes (no NUL, no line end needed). On failure problem->what is a
 * sentence for the answer. */
int bb_request_parse(const char *line, size_t size, struct bb_request *ret_request,
                     struct bb_problem *problem);

/* "start" and so on. */
const char *bb_verb_name(enum bb_verb verb);

#endif
