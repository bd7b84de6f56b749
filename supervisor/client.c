#include "supervisor/client.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/bus_paths.h"
#include "proto/deadlines.h"
#include "supervisor/place.h"
#include "supervisor/unix_socket.h"

/* Longer than the supervisor takes to say that something takes too long. */
#define ANSWER_S ((BB_OUTCOME_MS + BB_CONTROL_MS) / 1000)

static int connect_to(const char *run_dir, struct bb_problem *problem)
{
    char path[PATH_MAX];
    if (bb_place_path(path, sizeof path, run_dir, BB_CONTROL_SOCKET) != BB_OK) {
        return bb_fail(problem, BB_ERR_OVERSIZE, run_dir, "path too long");
    }
    int fd = bb_unix_socket_connect(path);
    if (fd >= 0) {
        const struct timeval limit = {.tv_sec = ANSWER_S};
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        return fd;
    }
    int saved = errno;
    if (saved == ENOENT || saved == ECONNREFUSED) {
        return bb_fail(problem, BB_ERR_MISSING, run_dir, "no busbar runs in %s", run_dir);
    }
    return bb_fail(problem, BB_ERR_IO, run_dir, "cannot ask the busbar in %s: %s", run_dir,
                   strerror(saved));
}

static int send_request(int fd, const struct bb_request *request)
{
    json_t *object = request->name[0] ? json_pack("{s:s, s:s}", "verb", bb_verb_name(request->verb),
                                                  "name", request->name)
                                      : json_pack("{s:s}", "verb", bb_verb_name(request->verb));
    char line[BB_REQUEST_MAX + 1];
    size_t size = json_dumpb(object, line, BB_REQUEST_MAX, JSON_COMPACT);
    json_decref(object);
    if (size == 0 || size > BB_REQUEST_MAX) {
        return BB_ERR_OVERSIZE;
    }
    line[size++] = '\n';
    return send(fd, line, size, MSG_NOSIGNAL) == (ssize_t)size ? BB_OK : BB_ERR_IO;
}

/* Reads up to the end of the line into buffer. Returns its size, or BB_ERR_IO. */
static int receive_line(int fd, char *buffer, size_t capacity)
{
    size_t used = 0;
    while (used < capacity) {
        ssize_t size = recv(fd, buffer + used, capacity - used, 0);
        if (size <= 0) {
            return BB_ERR_IO;
        }
        used += (size_t)size;
        if (buffer[used - 1] == '\n') {
            return (int)used;
        }
    }
    return BB_ERR_IO;
}

static int receive_answer(int fd, json_t **ret_answer)
{
    char *buffer = malloc(BB_ANSWER_MAX);
    if (!buffer) {
        return BB_ERR_NO_MEMORY;
    }
    int size = receive_line(fd, buffer, BB_ANSWER_MAX);
    json_t *answer = size > 0 ? json_loadb(buffer, (size_t)size, 0, NULL) : NULL;
    free(buffer);
    if (size > 0 && !json_is_object(answer)) {
        json_decref(answer);
        return BB_ERR_MALFORMED;
    }
    if (size > 0) {
        *ret_answer = answer;
        return BB_OK;
    }
    return size;
}

int bb_client_ask(const char *run_dir, const struct bb_request *request, json_t **ret_answer,
                  struct bb_problem *problem)
{
    int fd = connect_to(run_dir, problem);
    if (fd < 0) {
        return fd;
    }
    int error = send_request(fd, request);
    error = error == BB_OK ? receive_answer(fd, ret_answer) : error;
    (void)close(fd);
    if (error != BB_OK) {
        return bb_fail(problem, error, run_dir, "the busbar in %s does not answer", run_dir);
    }
    return BB_OK;
}
