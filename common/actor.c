#include "common/actor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/actor_args.h"
#include "common/bus_client.h"
#include "common/clock.h"
#include "common/notify.h"
#include "common/own_usage.h"

#define HEALTH_MS 1000
#define MOST_WATCHES 64
#define MOST_TIMERS 256
#define MOST_SOCKETS 4
#define BATCH_MESSAGES 64 /* messages handled before other work gets its turn */

struct timer {
    struct bb_actor *actor;
    int id; /* 0: free */
    bool once;
    bb_actor_timer_fn *fn;
    void *arg;
};

struct watch {
    struct bb_actor *actor;
    int fd; /* -1: free */
    bb_actor_fd_fn *fn;
    void *arg;
};

struct socket_watch {
    struct bb_actor *actor;
    zsock_t *socket; /* NULL: free */
    bb_actor_socket_fn *fn;
    void *arg;
};

struct bb_actor {
    const struct bb_service *service;
    void *self;
    struct bb_actor_args args;
    struct bb_config *config;
    struct bb_log *log;
    struct bb_bus_client *bus;
    struct bb_notify notify;
    zloop_t *loop;
    int signal_fd;
    bool ending;
    enum bb_exit exit_code;
    int64_t started_ms;
    int64_t topics;
    int64_t forwarded; /* messages that did not pass through the bus client */
    char status[128];
    char last_refused[sizeof(struct bb_problem) +
                      4]; /* a message that is refused again and again is said once */
    struct timer timers[MOST_TIMERS];
    struct watch watches[MOST_WATCHES];
    struct socket_watch sockets[MOST_SOCKETS];
    struct bb_message incoming;
    struct bb_message outgoing; /* of the runtime itself: health and log */
};

const struct bb_config *bb_actor_config(const struct bb_actor *actor)
{
    return actor->config;
}

const char *bb_actor_section(const struct bb_actor *actor)
{
    return actor->args.section;
}

const char *bb_actor_name(const struct bb_actor *actor)
{
    return actor->args.name;
}

const char *bb_actor_run_dir(const struct bb_actor *actor)
{
    return actor->args.run_dir;
}

const char *bb_actor_state_dir(const struct bb_actor *actor)
{
    return actor->args.state_dir;
}

int64_t bb_actor_now(const struct bb_actor *actor)
{
    (void)actor;
    return bb_clock_mono_ms();
}

void bb_actor_set_topics(struct bb_actor *actor, int64_t topics)
{
    actor->topics = topics;
}

void bb_actor_count_forwarded(struct bb_actor *actor)
{
    actor->forwarded++;
}

void bb_actor_exit(struct bb_actor *actor, enum bb_exit code)
{
    if (!actor->ending) {
        actor->ending = true;
        actor->exit_code = code;
    }
}

/* What a zloop handler returns: -1 ends the loop. */
static int verdict(const struct bb_actor *actor)
{
    return actor->ending ? -1 : 0;
}

/* --- Timers --- */

static int on_timer(zloop_t *loop, int timer_id, void *arg)
{
    (void)loop;
    (void)timer_id;
    struct timer *timer = arg;
    struct bb_actor *actor = timer->actor;
    bb_actor_timer_fn *fn = timer->fn;
    void *fn_arg = timer->arg;
    if (timer->once) {
        timer->id = 0;
    }
    fn(actor, fn_arg);
    return verdict(actor);
}

static int add_timer(struct bb_actor *actor, int64_t delay_ms, bool once, bb_actor_timer_fn *fn,
                     void *arg)
{
    for (size_t i = 0; i < MOST_TIMERS; i++) {
        struct timer *timer = &actor->timers[i];
        if (timer->id != 0) {
            continue;
        }
        size_t delay = delay_ms > 0 ? (size_t)delay_ms : 0;
        int id = zloop_timer(actor->loop, delay, once ? 1 : 0, on_timer, timer);
        if (id < 0) {
            return BB_ERR_NO_MEMORY;
        }
        *timer = (struct timer){.actor = actor, .id = id, .once = once, .fn = fn, .arg = arg};
        return id;
    }
    return BB_ERR_NO_MEMORY;
}

int bb_actor_after(struct bb_actor *actor, int64_t delay_ms, bb_actor_timer_fn *fn, void *arg)
{
    return add_timer(actor, delay_ms, true, fn, arg);
}

int bb_actor_every(struct bb_actor *actor, int64_t period_ms, bb_actor_timer_fn *fn, void *arg)
{
    return add_timer(actor, period_ms, false, fn, arg);
}

void bb_actor_cancel(struct bb_actor *actor, int timer_id)
{
    for (size_t i = 0; timer_id > 0 && i < MOST_TIMERS; i++) {
        if (actor->timers[i].id == timer_id) {
            (void)zloop_timer_end(actor->loop, timer_id);
            actor->timers[i].id = 0;
            return;
        }
    }
}

/* --- Descriptors --- */

static int on_fd(zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    (void)loop;
    struct watch *watch = arg;
    struct bb_actor *actor = watch->actor;
    short revents = (short)(((item->revents & ZMQ_POLLIN) ? POLLIN : 0) |
                            ((item->revents & ZMQ_POLLOUT) ? POLLOUT : 0) |
                            ((item->revents & ZMQ_POLLERR) ? POLLERR : 0));
    if (watch->fd == item->fd) { /* an earlier callback of this turn may have ended the watch */
        watch->fn(actor, item->fd, revents, watch->arg);
    }
    return verdict(actor);
}

static struct watch *find_watch(struct bb_actor *actor, int fd)
{
    for (size_t i = 0; i < MOST_WATCHES; i++) {
        if (actor->watches[i].fd == fd) {
            return &actor->watches[i];
        }
    }
    return NULL;
}

int bb_actor_watch(struct bb_actor *actor, int fd, short events, bb_actor_fd_fn *fn, void *arg)
{
    bb_actor_unwatch(actor, fd);
    struct watch *watch = find_watch(actor, -1);
    if (!watch) {
        return BB_ERR_NO_MEMORY;
    }
    zmq_pollitem_t item = {.fd = fd,
                           .events = (short)(((events & POLLIN) ? ZMQ_POLLIN : 0) |
                                             ((events & POLLOUT) ? ZMQ_POLLOUT : 0) | ZMQ_POLLERR)};
    *watch = (struct watch){.actor = actor, .fd = fd, .fn = fn, .arg = arg};
    if (zloop_poller(actor->loop, &item, on_fd, watch) != 0) {
        watch->fd = -1;
        return BB_ERR_NO_MEMORY;
    }
    zloop_poller_set_tolerant(actor->loop, &item); /* hang-ups are the service's to handle */
    return BB_OK;
}

void bb_actor_unwatch(struct bb_actor *actor, int fd)
{
    struct watch *watch = fd >= 0 ? find_watch(actor, fd) : NULL;
    if (watch) {
        zmq_pollitem_t item = {.fd = fd};
        zloop_poller_end(actor->loop, &item);
        watch->fd = -1;
    }
}

static int on_socket(zloop_t *loop, zsock_t *socket, void *arg)
{
    (void)loop;
    (void)socket;
    struct socket_watch *watch = arg;
    watch->fn(watch->actor, watch->arg);
    return verdict(watch->actor);
}

int bb_actor_watch_socket(struct bb_actor *actor, void *socket, bb_actor_socket_fn *fn, void *arg)
{
    for (size_t i = 0; i < MOST_SOCKETS; i++) {
        struct socket_watch *watch = &actor->sockets[i];
        if (watch->socket) {
            continue;
        }
        if (zloop_reader(actor->loop, socket, on_socket, watch) != 0) {
            break;
        }
        *watch = (struct socket_watch){.actor = actor, .socket = socket, .fn = fn, .arg = arg};
        return BB_OK;
    }
    return BB_ERR_NO_MEMORY;
}

void bb_actor_unwatch_socket(struct bb_actor *actor, void *socket)
{
    for (size_t i = 0; socket && i < MOST_SOCKETS; i++) {
        if (actor->sockets[i].socket == socket) {
            zloop_reader_end(actor->loop, socket);
            actor->sockets[i].socket = NULL;
        }
    }
}

/* --- Log and status --- */

/* Warnings and errors also go to the bus. */
static void publish_log(struct bb_actor *actor, enum bb_log_level level, int64_t repeated,
                        const char *format, va_list args) __attribute__((format(printf, 4, 0)));

static void publish_log(struct bb_actor *actor, enum bb_log_level level, int64_t repeated,
                        const char *format, va_list args)
{
    struct bb_message *message = &actor->outgoing;
    memset(message, 0, sizeof *message);
    message->topic_class = BB_TOPIC_LOG;
    struct bb_log_line *line = &message->body.log;
    (void)snprintf(line->level, sizeof line->level, "%s", bb_log_level_name(level));
    (void)vsnprintf(line->text, sizeof line->text, format, args);
    if (repeated > 0) {
        line->repeated = bb_integer(repeated);
    }
    if (bb_topic_make(message->topic, sizeof message->topic, BB_TOPIC_LOG, actor->args.name) ==
        BB_OK) {
        (void)bb_bus_client_publish(actor->bus, message, 0, NULL);
    }
}

void bb_actor_log(struct bb_actor *actor, enum bb_log_level level, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int64_t repeated = bb_log_vwrite(actor->log, level, format, args);
    va_end(args);
    if (repeated >= 0 && level <= BB_LOG_WARNING && actor->bus) {
        va_start(args, format);
        publish_log(actor, level, repeated, format, args);
        va_end(args);
    }
}

void bb_actor_status(struct bb_actor *actor, const char *format, ...)
{
    char status[sizeof actor->status];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(status, sizeof status, format, args);
    va_end(args);
    if (strcmp(status, actor->status) != 0) {
        memcpy(actor->status, status, sizeof status);
        bb_notify_send(&actor->notify, "STATUS=%s", status);
    }
}

/* --- Bus --- */

int bb_actor_publish(struct bb_actor *actor, struct bb_message *message, int64_t interval_ms)
{
    struct bb_problem problem;
    int error = bb_bus_client_publish(actor->bus, message, interval_ms, &problem);
    if (error != BB_OK) {
        bb_actor_log(actor, BB_LOG_WARNING, "not published: %s: %s: %s", message->topic,
                     problem.where, problem.what);
    }
    return error;
}

static void say_refused(struct bb_actor *actor, const struct bb_problem *problem)
{
    char text[sizeof actor->last_refused];
    (void)snprintf(text, sizeof text, "%s: %s", problem->where, problem->what);
    if (strcmp(text, actor->last_refused) != 0) {
        memcpy(actor->last_refused, text, sizeof text);
        bb_actor_log(actor, BB_LOG_WARNING, "message refused: %s", text);
    }
}

static int on_bus_message(zloop_t *loop, zsock_t *socket, void *arg)
{
    (void)loop;
    (void)socket;
    struct bb_actor *actor = arg;
    for (int i = 0; i < BATCH_MESSAGES && !actor->ending; i++) {
        struct bb_problem problem;
        int result = bb_bus_client_receive(actor->bus, &actor->incoming, &problem);
        if (result == 0) {
            break;
        }
        if (result < 0) {
            say_refused(actor, &problem);
        } else if (actor->service->message) {
            actor->service->message(actor, actor->self, &actor->incoming);
        }
    }
    return verdict(actor);
}

static int on_bus_back(zloop_t *loop, zsock_t *socket, void *arg)
{
    (void)loop;
    (void)socket;
    struct bb_actor *actor = arg;
    bb_bus_client_resend(actor->bus);
    return 0;
}

static void publish_health(struct bb_actor *actor, void *arg)
{
    (void)arg;
    struct bb_message *message = &actor->outgoing;
    memset(message, 0, sizeof *message);
    message->topic_class = BB_TOPIC_HEALTH;
    const struct bb_bus_client_counters *counters = bb_bus_client_counters(actor->bus);
    struct bb_health *health = &message->body.health;
    health->pid = bb_integer(getpid());
    (void)snprintf(health->status, sizeof health->status, "%s", actor->status);
    health->uptime_ms = bb_integer(bb_clock_mono_ms() - actor->started_ms);
    health->cpu_ms = bb_integer(bb_own_cpu_ms());
    health->memory_kb = bb_integer(bb_own_memory_kb());
    health->messages_in = bb_integer(counters->messages_in + actor->forwarded);
    health->messages_out = bb_integer(counters->messages_out + actor->forwarded);
    health->messages_refused = bb_integer(counters->messages_refused);
    if (actor->topics > 0) {
        health->topics = bb_integer(actor->topics);
    }
    if (bb_topic_make(message->topic, sizeof message->topic, BB_TOPIC_HEALTH, actor->args.name) ==
        BB_OK) {
        (void)bb_actor_publish(actor, message, HEALTH_MS);
    }
}

static void feed_watchdog(struct bb_actor *actor, void *arg)
{
    (void)arg;
    const struct bb_bus_client_counters *counters = bb_bus_client_counters(actor->bus);
    long long in = counters->messages_in + actor->forwarded;
    long long out = counters->messages_out + actor->forwarded;
    bb_notify_send(&actor->notify, "WATCHDOG=1\nX_BUSBAR_MESSAGES=%lld %lld", in, out);
}

/* --- Life --- */

static void on_signal(struct bb_actor *actor, int fd, short revents, void *arg)
{
    (void)revents;
    (void)arg;
    struct signalfd_siginfo info;
    while (read(fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo != SIGHUP) { /* a changed configuration restarts the process */
            bb_actor_exit(actor, BB_EXIT_STOPPED);
        }
    }
}

static int block_signals(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    (void)signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) {
        return -1;
    }
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void report_config(const struct bb_problem *problem, void *arg)
{
    struct bb_actor *actor = arg;
    (void)bb_log_write(actor->log, BB_LOG_ERROR, "%s: %s", problem->where, problem->what);
}

/* The section the process was started for must exist when it carries a name. */
static int check_section(struct bb_actor *actor)
{
    const struct bb_section *section = bb_section_find(actor->service->program);
    if (!section || !section->named) {
        return BB_OK;
    }
    for (size_t i = 0; i < bb_config_count(actor->config, section->name); i++) {
        if (strcmp(bb_config_name(actor->config, section->name, i), actor->args.section) == 0) {
            return BB_OK;
        }
    }
    (void)bb_log_write(actor->log, BB_LOG_ERROR, "no section [%s %s] in the configuration",
                       section->name, actor->args.section);
    return BB_ERR_CONFIG;
}

static int prepare_config(struct bb_actor *actor)
{
    int error = bb_config_load(actor->args.config, report_config, actor, &actor->config);
    if (error != BB_OK) {
        return BB_ERR_CONFIG;
    }
    int level = bb_log_level_parse(bb_config_text(actor->config, "busbar", "", "log_level"));
    bb_log_set_level(actor->log, (enum bb_log_level)level);
    if (actor->args.state_dir && access(actor->args.state_dir, W_OK | X_OK) != 0) {
        (void)bb_log_write(actor->log, BB_LOG_WARNING,
                           "state directory %s: %s; nothing will survive a restart",
                           actor->args.state_dir, strerror(errno));
        actor->args.state_dir = NULL;
    }
    return check_section(actor);
}

static int prepare_bus(struct bb_actor *actor)
{
    actor->bus = bb_bus_client_new(actor->args.run_dir, actor->args.name, actor->started_ms);
    if (!actor->bus) {
        (void)bb_log_write(actor->log, BB_LOG_ERROR, "cannot use run directory %s: %s",
                           actor->args.run_dir, zmq_strerror(errno));
        return BB_ERR_IO;
    }
    zsock_t *publisher = bb_bus_client_publish_socket(actor->bus);
    zsock_t *subscriber = bb_bus_client_subscribe_socket(actor->bus);
    if (zloop_reader(actor->loop, publisher, on_bus_back, actor) != 0 ||
        zloop_reader(actor->loop, subscriber, on_bus_message, actor) != 0) {
        return BB_ERR_NO_MEMORY;
    }
    for (size_t i = 0; actor->service->subscriptions && actor->service->subscriptions[i]; i++) {
        int error = bb_bus_client_subscribe(actor->bus, actor->service->subscriptions[i]);
        if (error != BB_OK) {
            return error;
        }
    }
    return BB_OK;
}

static int prepare(struct bb_actor *actor)
{
    actor->signal_fd = block_signals();
    actor->loop = zloop_new();
    if (actor->signal_fd < 0 || !actor->loop) {
        return BB_ERR_IO;
    }
    for (size_t i = 0; i < MOST_WATCHES; i++) {
        actor->watches[i].fd = -1;
    }
    int error = prepare_config(actor);
    error = error == BB_OK ? prepare_bus(actor) : error;
    error =
        error == BB_OK ? bb_actor_watch(actor, actor->signal_fd, POLLIN, on_signal, NULL) : error;
    return error;
}

static int start_service(struct bb_actor *actor)
{
    actor->self = calloc(1, actor->service->self_size > 0 ? actor->service->self_size : 1);
    if (!actor->self) {
        return BB_ERR_NO_MEMORY;
    }
    int error = actor->service->start(actor, actor->self);
    if (error != BB_OK) {
        return error;
    }
    bb_notify_send(&actor->notify, "READY=1");
    publish_health(actor, NULL);
    int health = bb_actor_every(actor, HEALTH_MS, publish_health, NULL);
    int watchdog = actor->notify.watchdog_ms > 0
                       ? bb_actor_every(actor, actor->notify.watchdog_ms, feed_watchdog, NULL)
                       : 1;
    return health > 0 && watchdog > 0 ? BB_OK : BB_ERR_NO_MEMORY;
}

static void run_loop(struct bb_actor *actor)
{
    while (!actor->ending) {
        (void)zloop_start(actor->loop); /* returns early when a handler ends it */
    }
}

static void release(struct bb_actor *actor)
{
    if (actor->self && actor->service->stop) {
        actor->service->stop(actor, actor->self);
    }
    free(actor->self);
    zloop_destroy(&actor->loop);
    bb_bus_client_destroy(&actor->bus);
    bb_config_destroy(&actor->config);
    bb_log_destroy(&actor->log);
    bb_notify_close(&actor->notify);
    if (actor->signal_fd >= 0) {
        (void)close(actor->signal_fd);
    }
    free(actor);
    zsys_shutdown();
}

int bb_actor_main(const struct bb_service *service, int argc, char **argv)
{
    struct bb_actor_args args;
    if (bb_actor_args_parse(service->program, argc, argv, &args) != BB_OK) {
        return BB_EXIT_CONFIG;
    }
    struct bb_actor *actor = calloc(1, sizeof *actor);
    if (!actor) {
        return BB_EXIT_FAILED;
    }
    (void)setenv("ZSYS_SIGHANDLER", "false", 1); /* signals are ours, through a descriptor */
    actor->service = service;
    actor->args = args;
    actor->started_ms = bb_clock_mono_ms();
    actor->log = bb_log_new(args.name, BB_LOG_INFO);
    bb_notify_open(&actor->notify);
    int error = actor->log ? prepare(actor) : BB_ERR_NO_MEMORY;
    error = error == BB_OK ? start_service(actor) : error;
    if (error == BB_OK) {
        run_loop(actor);
        bb_notify_send(&actor->notify, "STOPPING=1");
    } else {
        actor->exit_code = error == BB_ERR_CONFIG ? BB_EXIT_CONFIG : BB_EXIT_FAILED;
    }
    enum bb_exit code = actor->exit_code;
    release(actor);
    return (int)code;
}
