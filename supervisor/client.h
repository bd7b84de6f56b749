/* Client of the control socket. */
#ifndef BUSBAR_SUPERVISOR_CLIENT_H
#define BUSBAR_SUPERVISOR_CLIENT_H

#include <jansson.h>

#include "supervisor/request.h"

#define BB_ANSWER_MAX 262144 /* bytes of an answer: 64 processes of 4 kB */

/* Sends one request to the supervisor of run_dir and waits for its answer, which the caller
 * owns. On failure problem->what is a line for people: BB_ERR_MISSING when no supervisor runs
 * there, BB_ERR_IO, BB_ERR_MALFORMED when the answer is none. */
int bb_client_ask(const char *run_dir, const struct bb_request *request, json_t **ret_answer,
                  struct bb_problem *problem);

#endif
