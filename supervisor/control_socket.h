/* The control socket: clients send requests (request.h), one per line, and get one line each.
 *
 * No client can hold up the supervisor or another client: nothing blocks, every buffer and the
 * number of clients are bounded, who dawdles is dropped, and a newcomer takes the place of the
 * one that has been idle longest.
 */
#ifndef BUSBAR_SUPERVISOR_CONTROL_SOCKET_H
#define BUSBAR_SUPERVISOR_CONTROL_SOCKET_H

#include <poll.h>

#include "supervisor/job.h"

#define BB_CLIENTS_MAX 8
#define BB_CONTROL_POLLS (BB_CLIENTS_MAX + 1)

struct bb_control;

struct bb_control_handler {
    /* Handles a request: returns the answer, or NULL after filling *ret_job. */
    json_t *(*begin)(void *arg, const struct bb_request *request, struct bb_job *ret_job);
    /* Returns the answer of a job, or NULL while it is open. */
    json_t *(*progress)(void *arg, const struct bb_job *job);
    void *arg;
};

/* Listens on path (mode 0660: the folder says who may come). NULL on failure; errno tells. */
struct bb_control *bb_control_open(const char *path, const struct bb_control_handler *handler);
void bb_control_close(struct bb_control **control);

/* Fills polls (room for BB_CONTROL_POLLS) for poll(2); returns how many. */
size_t bb_control_polls(const struct bb_control *control, struct pollfd *ret_polls);

/* Handles what poll(2) found; polls and count are those of the last bb_control_polls. */
void bb_control_handle(struct bb_control *control, const struct pollfd *polls, size_t count,
                       int64_t now_ms);

/* Answers jobs that are done and drops clients that dawdle. Call once per turn of the loop. */
void bb_control_step(struct bb_control *control, int64_t now_ms);

/* When bb_control_step has something to do next; INT64_MAX: not before something happens. */
int64_t bb_control_due(const struct bb_control *control);

#endif
