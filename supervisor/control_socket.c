#include "supervisor/control_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/deadlines.h"
#include "supervisor/unix_socket.h"

#define SOCKET_MODE 0660

enum client_state {
    READING, /* waits for the end of a request's line */
    WORKING, /* its job is under way */
    WRITING  /* its answer is being sent */
};

struct client {
    int fd; /* -1: free */
    enum client_state state;
    int64_t deadline_ms;         /* reading and writing: dropped then */
    char in[BB_REQUEST_MAX + 1]; /* a line and its end */
    size_t in_used;
    char *out;
    size_t out_size, out_sent;
    bool last_answer; /* close after it */
    struct bb_job job;
};

struct bb_control {
    int fd;
    struct bb_control_handler handler;
    struct client clients[BB_CLIENTS_MAX];
};

struct bb_control *bb_control_open(const char *path, const struct bb_control_handler *handler)
{
    struct bb_control *control = calloc(1, sizeof *control);
    if (!control) {
        return NULL;
    }
    control->handler = *handler;
    for (size_t i = 0; i < BB_CLIENTS_MAX; i++) {
        control->clients[i].fd = -1;
    }
    control->fd = bb_unix_socket_bind(path, SOCK_STREAM, SOCKET_MODE);
    if (control->fd < 0) {
        int saved = errno;
        free(control);
        errno = saved;
        return NULL;
    }
    return control;
}

static void drop(struct client *client)
{
    if (client->fd >= 0) {
        (void)close(client->fd);
        free(client->out);
        *client = (struct client){.fd = -1};
    }
}

void bb_control_close(struct bb_control **control)
{
    if (*control) {
        for (size_t i = 0; i < BB_CLIENTS_MAX; i++) {
            drop(&(*control)->clients[i]);
        }
        (void)close((*control)->fd);
        free(*control);
        *control = NULL;
    }
}

size_t bb_control_polls(const struct bb_control *control, struct pollfd *ret_polls)
{
    size_t count = 0;
    ret_polls[count++] = (struct pollfd){.fd = control->fd, .events = POLLIN};
    for (size_t i = 0; i < BB_CLIENTS_MAX; i++) {
        const struct client *client = &control->clients[i];
        static const short events[] = {[READING] = POLLIN, [WORKING] = 0, [WRITING] = POLLOUT};
        if (client->fd >= 0) {
            ret_polls[count++] = (struct pollfd){.fd = client->fd, .events = events[client->state]};
        }
    }
    return count;
}

/* --- Answers --- */

static void read_on(struct client *client, int64_t now_ms)
{
    free(client->out);
    client->out = NULL;
    client->out_size = client->out_sent = 0;
    client->state = READING;
    client->deadline_ms = now_ms + BB_CONTROL_MS;
}

static void write_answer(struct client *client, int64_t now_ms)
{
    while (client->out_sent < client->out_size) {
        ssize_t size = send(client->fd, client->out + client->out_sent,
                            client->out_size - client->out_sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (size < 0) {
            if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
                drop(client);
            }
            return;
        }
        client->out_sent += (size_t)size;
    }
    if (client->last_answer) {
        drop(client);
    } else {
        read_on(client, now_ms);
    }
}

/* Takes over answer. */
static void give_answer(struct client *client, json_t *answer, int64_t now_ms)
{
    char *text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
    json_decref(answer);
    if (!text) {
        drop(client); /* out of memory */
        return;
    }
    client->out = text;
    client->out_size = strlen(text);
    client->out[client->out_size++] = '\n'; /* in place of the NUL: the size is known */
    client->state = WRITING;
    client->deadline_ms = now_ms + BB_CONTROL_MS;
    write_answer(client, now_ms);
}

/* --- Requests --- */

static void handle_line(struct bb_control *control, struct client *client, size_t size,
                        int64_t now_ms)
{
    struct bb_request request;
    struct bb_problem problem;
    json_t *answer = NULL;
    int error = bb_request_parse(client->in, size, &request, &problem);
    if (error == BB_OK) {
        answer = control->handler.begin(control->handler.arg, &request, &client->job);
    } else {
        answer = bb_job_error("%s", problem.what);
    }
    client->in_used -= size + 1;
    memmove(client->in, client->in + size + 1, client->in_used);
    if (answer || error != BB_OK) {
        give_answer(client, answer, now_ms);
    } else {
        client->state = WORKING;
    }
}

/* Handles the lines that are complete, one after the other. */
static void handle_lines(struct bb_control *control, struct client *client, int64_t now_ms)
{
    while (client->fd >= 0 && client->state == READING) {
        const char *end = memchr(client->in, '\n', client->in_used);
        if (end) {
            handle_line(control, client, (size_t)(end - client->in), now_ms);
            continue;
        }
        if (client->in_used == sizeof client->in) {
            client->last_answer = true;
            give_answer(client, bb_job_error("request longer than %d bytes", BB_REQUEST_MAX),
                        now_ms);
        }
        return;
    }
}

static void read_request(struct bb_control *control, struct client *client, int64_t now_ms)
{
    ssize_t size = recv(client->fd, client->in + client->in_used,
                        sizeof client->in - client->in_used, MSG_DONTWAIT);
    if (size == 0 || (size < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
        drop(client);
    } else if (size > 0) {
        client->in_used += (size_t)size;
        handle_lines(control, client, now_ms);
    }
}

static void handle_client(struct bb_control *control, struct client *client, short revents,
                          int64_t now_ms)
{
    switch (client->state) {
    case READING:
        read_request(control, client, now_ms);
        break;
    case WORKING:
        if ((revents & (POLLHUP | POLLERR)) != 0) {
            drop(client); /* nobody is left to be told; the job itself goes on */
        }
        break;
    case WRITING:
        write_answer(client, now_ms);
        handle_lines(control, client, now_ms);
        break;
    }
}

/* A free place, or that of the client that has been idle longest; NULL when all have jobs. */
static struct client *make_room(struct bb_control *control)
{
    struct client *oldest = NULL;
    for (size_t i = 0; i < BB_CLIENTS_MAX; i++) {
        struct client *client = &control->clients[i];
        if (client->fd < 0) {
            return client;
        }
        if (client->state != WORKING && (!oldest || client->deadline_ms < oldest->deadline_ms)) {
            oldest = client;
        }
    }
    if (oldest) {
        drop(oldest);
    }
    return oldest;
}

static void accept_client(struct bb_control *control, int64_t now_ms)
{
    int fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        return;
    }
    struct client *client = make_room(control);
    if (!client) {
        (void)close(fd);
        return;
    }
    *client = (struct client){.fd = fd};
    read_on(client, now_ms);
}

static struct client *find_client(struct bb_control *control, int fd)
{
    for (size_t i = 0; i < BB_CLIENTS_MAX; i++) {
        if (control->clients[i].fd == fd) {
            return &control->clients[i];
        }
    }
    return NULL;
}

void bb_control_handle(struct bb_control *control, const struct pollfd *polls, size_t count,
                       int64_t now_ms)
{
    for (size_t i = 1; i < count; i++) {
        struct client *client = polls[i].revents != 0 ? find_client(control, polls[i].fd) : NULL;
        if (client) {
            handle_client(control, client, polls[i].revents, now_ms);
        }
    }
    if (count > 0 && polls[0].revents != 0) { /* last: a newcomer may get a number just freed */
        accept_client(control, now_ms);
    }
}

void bb_control_step(struct bb_control *control, int64_t now_ms)
{
    for (size_t i = 0; i < BB_CLIENTS_MAX; i++) {
        struct client *client = &control->clients[i];
        if (client->fd < 0) {
            continue;
        }
        if (client->state != WORKING) {
            if (now_ms >= client->deadline_ms) {
                drop(client);
            }
            continue;
        }
        json_t *answer = control->handler.progress(control->handler.arg, &client->job);
        if (answer) {
            give_answer(client, answer, now_ms);
            handle_lines(control, client, now_ms);
        }
    }
}

int64_t bb_control_due(const struct bb_control *control)
{
    int64_t due_ms = INT64_MAX;
    for (size_t i = 0; i < BB_CLIENTS_MAX; i++) {
        const struct client *client = &control->clients[i];
        int64_t client_ms =
            client->state == WORKING ? client->job.deadline_ms : client->deadline_ms;
        if (client->fd >= 0 && client_ms < due_ms) {
            due_ms = client_ms;
        }
    }
    return due_ms;
}
