#include "services/dbus/connection.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SYSTEM_BUS "unix:path=/var/run/dbus/system_bus_socket"
#define WATCHES_MAX 4     /* libdbus uses two: reading and writing */
#define DISPATCH_BATCH 64 /* messages handled before other work gets its turn */
#define MESSAGE_MAX_BYTES (1024 * 1024)
#define OUTGOING_MAX_BYTES (256 * 1024)

struct bb_connection {
    struct bb_actor *actor;
    DBusConnection *bus;
    const struct bb_connection_events *owner;
    void *arg;
    DBusWatch *watches[WATCHES_MAX];
    int fd;         /* of the watches, while it is watched */
    short events;   /* that it is watched for */
    int pump_timer; /* more to dispatch, or a loss to report */
    bool pumping, lost_said;
    const char *reason; /* of the end that is near */
};

/* --- Watches: libdbus has several per descriptor, the actor one --- */

static void pump(struct bb_connection *connection);

static void on_ready(struct bb_actor *actor, int fd, short revents, void *arg)
{
    struct bb_connection *connection = arg;
    (void)actor;
    unsigned flags = 0;
    flags |= (revents & POLLIN) ? (unsigned)DBUS_WATCH_READABLE : 0;
    flags |= (revents & POLLOUT) ? (unsigned)DBUS_WATCH_WRITABLE : 0;
    flags |= (revents & POLLERR) ? (unsigned)DBUS_WATCH_ERROR : 0;
    for (size_t i = 0; i < WATCHES_MAX; i++) {
        DBusWatch *watch = connection->watches[i]; /* handling one may remove others */
        if (watch && dbus_watch_get_unix_fd(watch) == fd && dbus_watch_get_enabled(watch)) {
            unsigned wanted = dbus_watch_get_flags(watch) | (unsigned)DBUS_WATCH_ERROR;
            if ((flags & wanted) != 0) {
                (void)dbus_watch_handle(watch, flags & wanted);
            }
        }
    }
    pump(connection);
}

/* Watches fd for what all its enabled watches want together. */
static bool update_descriptor(struct bb_connection *connection, int fd)
{
    unsigned wanted = 0;
    for (size_t i = 0; i < WATCHES_MAX; i++) {
        DBusWatch *watch = connection->watches[i];
        if (watch && dbus_watch_get_unix_fd(watch) == fd && dbus_watch_get_enabled(watch)) {
            wanted |= dbus_watch_get_flags(watch);
        }
    }
    short events = (short)(((wanted & DBUS_WATCH_READABLE) ? POLLIN : 0) |
                           ((wanted & DBUS_WATCH_WRITABLE) ? POLLOUT : 0));
    if (connection->fd == fd && connection->events == events) {
        return true;
    }
    connection->fd = fd;
    connection->events = events;
    if (events == 0) {
        bb_actor_unwatch(connection->actor, fd);
        return true;
    }
    return bb_actor_watch(connection->actor, fd, events, on_ready, connection) == BB_OK;
}

static dbus_bool_t add_watch(DBusWatch *watch, void *arg)
{
    struct bb_connection *connection = arg;
    for (size_t i = 0; i < WATCHES_MAX; i++) {
        if (!connection->watches[i]) {
            connection->watches[i] = watch;
            return update_descriptor(connection, dbus_watch_get_unix_fd(watch));
        }
    }
    return FALSE;
}

static void remove_watch(DBusWatch *watch, void *arg)
{
    struct bb_connection *connection = arg;
    for (size_t i = 0; i < WATCHES_MAX; i++) {
        if (connection->watches[i] == watch) {
            connection->watches[i] = NULL;
        }
    }
    (void)update_descriptor(connection, dbus_watch_get_unix_fd(watch));
}

static void toggle_watch(DBusWatch *watch, void *arg)
{
    (void)update_descriptor(arg, dbus_watch_get_unix_fd(watch));
}

/* --- Dispatch --- */

static void on_pump(struct bb_actor *actor, void *arg)
{
    struct bb_connection *connection = arg;
    (void)actor;
    connection->pump_timer = 0;
    if (!dbus_connection_get_is_connected(connection->bus) && !connection->lost_said) {
        connection->lost_said = true;
        connection->owner->lost(connection->arg, connection->reason); /* may close connection */
        return;
    }
    pump(connection);
}

static void pump_soon(struct bb_connection *connection)
{
    if (connection->pump_timer <= 0) {
        connection->pump_timer = bb_actor_after(connection->actor, 0, on_pump, connection);
    }
}

/* Hands out what has arrived. A loss is reported from a timer of its own: below this function may
 * be a handler whose owner could not bear to have the connection closed under it. */
static void pump(struct bb_connection *connection)
{
    if (connection->pumping) {
        return;
    }
    connection->pumping = true;
    DBusDispatchStatus status = DBUS_DISPATCH_DATA_REMAINS;
    for (int i = 0; i < DISPATCH_BATCH && status == DBUS_DISPATCH_DATA_REMAINS; i++) {
        status = dbus_connection_dispatch(connection->bus);
    }
    connection->pumping = false;
    bool dead = !dbus_connection_get_is_connected(connection->bus) && !connection->lost_said;
    if (dead || status != DBUS_DISPATCH_COMPLETE) {
        pump_soon(connection);
    }
}

static void on_dispatch_status(DBusConnection *bus, DBusDispatchStatus status, void *arg)
{
    struct bb_connection *connection = arg;
    (void)bus;
    if (status == DBUS_DISPATCH_DATA_REMAINS && !connection->pumping) {
        pump_soon(connection);
    }
}

static DBusHandlerResult on_message(DBusConnection *bus, DBusMessage *message, void *arg)
{
    struct bb_connection *connection = arg;
    (void)bus;
    if (dbus_message_is_signal(message, DBUS_INTERFACE_LOCAL, "Disconnected")) {
        return DBUS_HANDLER_RESULT_HANDLED; /* pump() sees it by itself */
    }
    int type = dbus_message_get_type(message);
    if (type != DBUS_MESSAGE_TYPE_METHOD_CALL && type != DBUS_MESSAGE_TYPE_SIGNAL) {
        return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
    }
    connection->owner->message(connection->arg, message);
    return DBUS_HANDLER_RESULT_HANDLED;
}

/* --- Opening --- */

int bb_connection_address(const char *option, char *ret_address, size_t capacity,
                          struct bb_problem *problem)
{
    const char *session = getenv("DBUS_SESSION_BUS_ADDRESS");
    const char *system = getenv("DBUS_SYSTEM_BUS_ADDRESS");
    const char *address = option;
    if (strcmp(option, "session") == 0 || (strcmp(option, "auto") == 0 && session)) {
        address = session ? session : "";
    } else if (strcmp(option, "system") == 0 || strcmp(option, "auto") == 0) {
        address = system ? system : SYSTEM_BUS;
    }
    if (!address[0]) {
        return bb_fail(problem, BB_ERR_CONFIG, "[dbus] bus",
                       "DBUS_SESSION_BUS_ADDRESS is not set: there is no session bus");
    }
    DBusAddressEntry **entries = NULL;
    int count = 0;
    DBusError error = DBUS_ERROR_INIT;
    if (!dbus_parse_address(address, &entries, &count, &error)) {
        int code = bb_fail(problem, BB_ERR_CONFIG, "[dbus] bus", "%s", error.message);
        dbus_error_free(&error);
        return code;
    }
    dbus_address_entries_free(entries);
    int size = snprintf(ret_address, capacity, "%s", address);
    if (size < 0 || (size_t)size >= capacity) {
        return bb_fail(problem, BB_ERR_CONFIG, "[dbus] bus", "address is too long");
    }
    return BB_OK;
}

/* Fills in the socket address of a "unix" entry; returns its size, 0 for another kind. */
static socklen_t unix_address(DBusAddressEntry *entry, struct sockaddr_un *ret_address)
{
    const char *path = dbus_address_entry_get_value(entry, "path");
    const char *abstract = dbus_address_entry_get_value(entry, "abstract");
    const char *name = path ? path : abstract;
    size_t skip = path ? 0 : 1; /* an abstract name begins with a NUL */
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!name || strlen(name) + skip >= sizeof address.sun_path) {
        return 0;
    }
    memcpy(address.sun_path + skip, name, strlen(name));
    *ret_address = address;
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + skip + strlen(name));
}

/* True when a connection attempt would not hang: libdbus connects blocking, which waits for ever
 * for a daemon that listens but does not accept. */
static bool answers(DBusAddressEntry *entry)
{
    struct sockaddr_un address;
    socklen_t size = unix_address(entry, &address);
    if (size == 0) {
        return true;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    int result = connect(fd, (const struct sockaddr *)&address, size);
    int reason = errno;
    (void)close(fd);
    errno = reason;
    return result == 0;
}

static int check_listener(const char *address, struct bb_problem *problem)
{
    DBusAddressEntry **entries = NULL;
    int count = 0;
    if (!dbus_parse_address(address, &entries, &count, NULL)) {
        return bb_fail(problem, BB_ERR_CONFIG, address, "not a D-Bus address");
    }
    bool found = false;
    for (int i = 0; i < count && !found; i++) {
        found = answers(entries[i]);
    }
    int reason = errno;
    dbus_address_entries_free(entries);
    return found ? BB_OK : bb_fail(problem, BB_ERR_IO, address, "%s", strerror(reason));
}

static void on_hello(void *arg, DBusMessage *reply)
{
    struct bb_connection *connection = arg;
    const char *name = NULL;
    if (dbus_message_get_type(reply) != DBUS_MESSAGE_TYPE_METHOD_RETURN ||
        !dbus_message_get_args(reply, NULL, DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID) ||
        !dbus_bus_set_unique_name(connection->bus, name)) {
        connection->reason = "the daemon did not accept us";
        dbus_connection_close(connection->bus);
        return;
    }
    connection->owner->ready(connection->arg);
}

static bool say_hello(struct bb_connection *connection)
{
    DBusMessage *hello = dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS,
                                                      DBUS_INTERFACE_DBUS, "Hello");
    bool sent = hello && bb_connection_call(connection, hello, on_hello, connection) == BB_OK;
    if (hello) {
        dbus_message_unref(hello);
    }
    return sent;
}

static bool attach(struct bb_connection *connection)
{
    dbus_connection_set_exit_on_disconnect(connection->bus, FALSE);
    dbus_connection_set_max_message_size(connection->bus, MESSAGE_MAX_BYTES);
    dbus_connection_set_max_received_size(connection->bus, MESSAGE_MAX_BYTES);
    dbus_connection_set_dispatch_status_function(connection->bus, on_dispatch_status, connection,
                                                 NULL);
    return dbus_connection_set_watch_functions(connection->bus, add_watch, remove_watch,
                                               toggle_watch, connection, NULL) &&
           dbus_connection_add_filter(connection->bus, on_message, connection, NULL) &&
           say_hello(connection);
}

int bb_connection_open(struct bb_actor *actor, const char *address,
                       const struct bb_connection_events *events, void *arg,
                       struct bb_connection **ret_connection, struct bb_problem *problem)
{
    int code = check_listener(address, problem);
    if (code != BB_OK) {
        return code;
    }
    struct bb_connection *connection = calloc(1, sizeof *connection);
    if (!connection) {
        return BB_ERR_NO_MEMORY;
    }
    connection->actor = actor;
    connection->fd = -1;
    connection->owner = events;
    connection->arg = arg;
    connection->reason = "the daemon closed the connection";
    DBusError error = DBUS_ERROR_INIT;
    connection->bus = dbus_connection_open_private(address, &error);
    if (!connection->bus) {
        code = bb_fail(problem, BB_ERR_IO, address, "%s", error.message);
        dbus_error_free(&error);
        bb_connection_close(&connection);
        return code;
    }
    if (!attach(connection)) {
        bb_connection_close(&connection);
        return bb_fail(problem, BB_ERR_NO_MEMORY, address, "out of memory");
    }
    *ret_connection = connection;
    return BB_OK;
}

void bb_connection_close(struct bb_connection **connection)
{
    if (!connection || !*connection) {
        return;
    }
    struct bb_connection *closing = *connection;
    if (closing->bus) {
        dbus_connection_remove_filter(closing->bus, on_message, closing);
        dbus_connection_set_dispatch_status_function(closing->bus, NULL, NULL, NULL);
        dbus_connection_close(closing->bus);
        (void)dbus_connection_set_watch_functions(closing->bus, NULL, NULL, NULL, NULL, NULL);
        dbus_connection_unref(closing->bus);
    }
    bb_actor_cancel(closing->actor, closing->pump_timer);
    free(closing);
    *connection = NULL;
}

/* --- Sending --- */

bool bb_connection_send(struct bb_connection *connection, DBusMessage *message)
{
    return dbus_connection_get_is_connected(connection->bus) &&
           dbus_connection_send(connection->bus, message, NULL);
}

bool bb_connection_is_fluent(const struct bb_connection *connection)
{
    return dbus_connection_get_outgoing_size(connection->bus) < OUTGOING_MAX_BYTES;
}

/* An answer that is waited for. */
struct pending {
    bb_reply_fn *reply;
    void *arg;
};

static void on_reply(DBusPendingCall *call, void *arg)
{
    const struct pending *pending = arg;
    DBusMessage *reply = dbus_pending_call_steal_reply(call);
    if (reply) {
        pending->reply(pending->arg, reply);
        dbus_message_unref(reply);
    }
}

int bb_connection_call(struct bb_connection *connection, DBusMessage *call, bb_reply_fn *reply,
                       void *arg)
{
    struct pending *pending = malloc(sizeof *pending);
    DBusPendingCall *waiting = NULL;
    if (!pending) {
        return BB_ERR_NO_MEMORY;
    }
    *pending = (struct pending){reply, arg};
    if (!dbus_connection_send_with_reply(connection->bus, call, &waiting, DBUS_TIMEOUT_INFINITE) ||
        !waiting || !dbus_pending_call_set_notify(waiting, on_reply, pending, free)) {
        free(pending);
        if (waiting) {
            dbus_pending_call_cancel(waiting);
            dbus_pending_call_unref(waiting);
        }
        return BB_ERR_IO;
    }
    dbus_pending_call_unref(waiting); /* the connection keeps it until the answer */
    return BB_OK;
}
