/* What every process is made of.
 *
 * A service declares its program name, the topics it wants and three functions. The runtime
 * owns the event loop (zloop), configuration, logging, the connection to the bus, signals,
 * READY/WATCHDOG/STATUS notification, the health message every second and the orderly exit.
 *
 * Everything runs on one thread. Callbacks must not block: a service that does not return to
 * the loop for BB_WATCHDOG_MS is killed by the supervisor.
 *
 * Command line of every service (set by the supervisor, usable by hand):
 *   busbar-<program> [--config FILE] [--section NAME] [--run-dir DIR] [--state-dir DIR]
 */
#ifndef BUSBAR_COMMON_ACTOR_H
#define BUSBAR_COMMON_ACTOR_H

#include "common/config.h"
#include "common/log.h"
#include "proto/message/message.h"

/* Exit codes the supervisor tells apart; anything else is a crash. */
enum bb_exit {
    BB_EXIT_STOPPED = 0, /* asked to stop */
    BB_EXIT_FAILED = 1,  /* could not go on; restarting may help */
    BB_EXIT_CONFIG = 78  /* configuration is wrong; restarting does not help until it changes */
};

struct bb_actor;

struct bb_service {
    const char *program;              /* "serial"; also the configuration section it reads */
    const char *const *subscriptions; /* topic prefixes, NULL-terminated, or NULL */
    /* Prepares the service: reads options, starts timers, watches descriptors. Returns BB_OK,
     * BB_ERR_CONFIG (ends with BB_EXIT_CONFIG) or another code (BB_EXIT_FAILED). A resource that
     * may come later (port, broker) is not a reason to fail. self is service->self_size zeroed
     * bytes owned by the runtime. */
    int (*start)(struct bb_actor *actor, void *self);
    /* Releases everything; called once, also after a failed start. May be NULL. */
    void (*stop)(struct bb_actor *actor, void *self);
    /* A message of a subscribed topic arrived: decoded, checked, and newer than the last one of
     * its topic and source. May be NULL. */
    void (*message)(struct bb_actor *actor, void *self, const struct bb_message *message);
    size_t self_size;
};

/* Runs a service until SIGTERM or SIGINT; returns the exit code for main(). */
int bb_actor_main(const struct bb_service *service, int argc, char **argv);

/* --- Called by a service, only from within its callbacks --- */

const struct bb_config *bb_actor_config(const struct bb_actor *actor);
/* Name of the configuration section's instance ("rack" of [serial rack]), "" if unnamed. */
const char *bb_actor_section(const struct bb_actor *actor);
/* Name of the process as in busbar status: "serial-rack", "aggregator". */
const char *bb_actor_name(const struct bb_actor *actor);
const char *bb_actor_run_dir(const struct bb_actor *actor);
/* Folder for what must survive a restart, or NULL when there is none that can be written. */
const char *bb_actor_state_dir(const struct bb_actor *actor);
int64_t bb_actor_now(const struct bb_actor *actor);

/* Completes message's head (version, source, instance, sequence, times; mono_ms and wall_ms are
 * kept when already present) and sends it. topic_class and topic must be set; interval_ms says
 * when to expect the next one, 0 for a spontaneous message. Cached classes are sent again by
 * themselves whenever the bus comes back. Returns BB_OK or what bb_message_encode refused. */
int bb_actor_publish(struct bb_actor *actor, struct bb_message *message, int64_t interval_ms);

/* Timers. The callback gets arg. after() fires once, every() until cancelled. Ids are never 0;
 * cancelling 0 or an id that has fired is harmless. */
typedef void bb_actor_timer_fn(struct bb_actor *actor, void *arg);
int bb_actor_after(struct bb_actor *actor, int64_t delay_ms, bb_actor_timer_fn *fn, void *arg);
int bb_actor_every(struct bb_actor *actor, int64_t period_ms, bb_actor_timer_fn *fn, void *arg);
void bb_actor_cancel(struct bb_actor *actor, int timer_id);

/* Descriptors. events and revents are those of poll(2). One watch per descriptor; watching it
 * again replaces the watch. Unwatch before closing. */
typedef void bb_actor_fd_fn(struct bb_actor *actor, int fd, short revents, void *arg);
int bb_actor_watch(struct bb_actor *actor, int fd, short events, bb_actor_fd_fn *fn, void *arg);
void bb_actor_unwatch(struct bb_actor *actor, int fd);

/* ZeroMQ sockets of the service's own (the bus has two). fn is called while messages wait.
 * Unwatch before destroying; NULL is ignored. The service keeps owning socket (a
 * zsock_t). */
typedef void bb_actor_socket_fn(struct bb_actor *actor, void *arg);
int bb_actor_watch_socket(struct bb_actor *actor, void *socket, bb_actor_socket_fn *fn, void *arg);
void bb_actor_unwatch_socket(struct bb_actor *actor, void *socket);

/* One line for people; warnings and errors also go to the bus as log/<process>. */
void bb_actor_log(struct bb_actor *actor, enum bb_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What the process is doing, in a few words: busbar status, health message, systemd. */
void bb_actor_status(struct bb_actor *actor, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Number of topics held, for the health message (the bus's cache). */
void bb_actor_set_topics(struct bb_actor *actor, int64_t topics);
/* A message was passed on over the service's own sockets: counts as one in and one out. */
void bb_actor_count_forwarded(struct bb_actor *actor);

/* Ends the process in an orderly way with that code, after the current callback. */
void bb_actor_exit(struct bb_actor *actor, enum bb_exit code);

#endif
