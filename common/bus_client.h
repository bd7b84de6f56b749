/* A process's connection to the bus: one socket to publish, one to subscribe.
 *
 * The publishing side is an XPUB: when the bus comes back, its new subscription arrives here,
 * and every cached topic is sent again, so that a restarted bus is whole at once. Nothing is
 * queued while the bus is away: what counts then is the newest state, not the history.
 */
#ifndef BUSBAR_COMMON_BUS_CLIENT_H
#define BUSBAR_COMMON_BUS_CLIENT_H

#include <czmq.h>

#include "proto/message/message.h"

/* Connected sockets as every process uses them; the caller destroys them. NULL: out of memory
 * or the path of the run directory is too long for a socket. */
zsock_t *bb_bus_publisher(const char *run_dir);
zsock_t *bb_bus_subscriber(const char *run_dir);

struct bb_bus_client;

struct bb_bus_client_counters {
    int64_t messages_in, messages_out, messages_refused;
};

/* source names the process in every message it sends. NULL on failure. */
struct bb_bus_client *bb_bus_client_new(const char *run_dir, const char *source, int64_t now_ms);
void bb_bus_client_destroy(struct bb_bus_client **client);

/* Sockets to watch for input. */
zsock_t *bb_bus_client_publish_socket(struct bb_bus_client *client);
zsock_t *bb_bus_client_subscribe_socket(struct bb_bus_client *client);

int bb_bus_client_subscribe(struct bb_bus_client *client, const char *prefix);

/* Completes the head, encodes, sends, and keeps cached classes for a returning bus. */
int bb_bus_client_publish(struct bb_bus_client *client, struct bb_message *message,
                          int64_t interval_ms, struct bb_problem *problem);

/* Takes one message from the subscribe socket without waiting. Returns 1 with *ret_message
 * filled, 0 when none is waiting, or a negative code and problem for one that was refused.
 * Duplicates and messages older than the last of their topic and source are skipped. */
int bb_bus_client_receive(struct bb_bus_client *client, struct bb_message *ret_message,
                          struct bb_problem *problem);

/* Handles input of the publish socket: sends everything kept again when the bus came back. */
void bb_bus_client_resend(struct bb_bus_client *client);

const struct bb_bus_client_counters *bb_bus_client_counters(const struct bb_bus_client *client);

#endif
