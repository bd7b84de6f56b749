/* One private connection to a D-Bus daemon inside the actor's loop.
 *
 * Nothing blocks: authentication, Hello and every call go through the loop's descriptors. A
 * connection that is lost is reported once, from the loop, and stays silent; its owner closes it
 * and opens another one when it likes.
 */
#ifndef BUSBAR_SERVICES_DBUS_CONNECTION_H
#define BUSBAR_SERVICES_DBUS_CONNECTION_H

#include <dbus/dbus.h>

#include "common/actor.h"

#define BB_ADDRESS_MAX 256

struct bb_connection;

struct bb_connection_events {
    /* The daemon has accepted us. */
    void (*ready)(void *arg);
    /* A method call or signal arrived. */
    void (*message)(void *arg, DBusMessage *message);
    /* The connection is dead; may close it. reason is one sentence without a full stop. */
    void (*lost)(void *arg, const char *reason);
};

/* reply is a method return or an error. The connection may not be closed from here. */
typedef void bb_reply_fn(void *arg, DBusMessage *reply);

/* The address for a "bus" option (auto, system, session or an address), from the environment as
 * Victron's programs find it: the session bus when DBUS_SESSION_BUS_ADDRESS is set, else the
 * system bus. BB_ERR_CONFIG when there is none or it is not an address. */
int bb_connection_address(const char *option, char *ret_address, size_t capacity,
                          struct bb_problem *problem);

/* Starts connecting. The caller closes *ret_connection. events must outlive it. BB_ERR_IO when
 * nobody listens at address. A Unix socket answers at once or is given up; any other kind of
 * address, which only the owner can choose, may block while it is connected to. */
int bb_connection_open(struct bb_actor *actor, const char *address,
                       const struct bb_connection_events *events, void *arg,
                       struct bb_connection **ret_connection, struct bb_problem *problem);
void bb_connection_close(struct bb_connection **connection);

/* Sends message, which stays the caller's. False when memory is short or the connection dead. */
bool bb_connection_send(struct bb_connection *connection, DBusMessage *message);

/* True while the daemon takes what we send; false when it lags and signals should wait. */
bool bb_connection_is_fluent(const struct bb_connection *connection);

/* Sends call, which stays the caller's, and hands the answer to reply. There is no time-out: the
 * owner knows how long an attempt may take as a whole. A call that is open when the connection is
 * closed gets no answer. */
int bb_connection_call(struct bb_connection *connection, DBusMessage *call, bb_reply_fn *reply,
                       void *arg);

#endif
