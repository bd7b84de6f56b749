#include "services/dbus/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "services/dbus/busitem.h"
#include "services/dbus/connection.h"
#include "services/dbus/lookup.h"
#include "services/dbus/names.h"
#include "services/dbus/paths.h"

#define ATTEMPT_MS 5000 /* from connecting to the name, or the attempt has failed */
#define LOOKUP_MS 2000  /* how long others may take to tell their instance */
/* A reading waits this long for the decision it leads to, so that one signal serves both. */
#define DECISION_WAIT_MS 300

/* Pauses between attempts; the last one repeats. */
static const int64_t backoff_ms[] = {1000, 2000, 5000, 10000, 30000};
#define BACKOFF_STEPS (sizeof backoff_ms / sizeof backoff_ms[0])

enum phase {
    WAITING,    /* for the battery's data */
    DOWN,       /* until the next attempt */
    CONNECTING, /* until the daemon has accepted us */
    LOOKING_UP, /* the device instance */
    NAMING,     /* until the daemon has given us the name */
    ON_BUS
};

struct bb_battery_service {
    const struct bb_host *host;
    enum phase phase;
    int64_t phase_ms; /* when the phase, or the attempt it belongs to, began */
    int64_t retry_ms; /* DOWN: when to try again */
    size_t failures;
    const char *failure; /* why the attempt has failed; it ends with the next tick */
    bool was_on_bus;     /* once, at least */
    bool failure_said;   /* of this service alone, since it was on the bus last */
    char name[BB_SERVICE_NAME_MAX];
    struct bb_snapshot snapshot;
    struct bb_items *items;
    struct bb_paths *paths;
    struct bb_connection *connection;
    struct bb_lookup lookup;
    struct bb_identity identity;
    int show_timer;       /* of news that wait for their turn; 0: none */
    int64_t announced_ms; /* the last signal */
    struct bb_view shown; /* what the items say */
};

/* --- Showing --- */

static void view_now(const struct bb_battery_service *service, struct bb_view *ret_view)
{
    bb_snapshot_view(&service->snapshot, bb_actor_now(service->host->actor), bb_clock_wall_ms(),
                     ret_view);
}

/* Announces what has changed; while the daemon lags the changes wait. */
static void announce(struct bb_battery_service *service)
{
    if (service->phase != ON_BUS || !bb_connection_is_fluent(service->connection)) {
        return;
    }
    DBusMessage *changes = bb_busitem_changes(service->items);
    if (changes) {
        if (bb_connection_send(service->connection, changes)) {
            bb_items_settle(service->items);
            service->announced_ms = bb_actor_now(service->host->actor);
        }
        dbus_message_unref(changes);
    }
}

static void show(struct bb_battery_service *service)
{
    view_now(service, &service->shown);
    service->identity.custom_name = bb_registry_name(service->host->registry, service->snapshot.id);
    (void)bb_paths_update(service->paths, &service->shown, &service->identity);
    bb_actor_cancel(service->host->actor, service->show_timer);
    service->show_timer = 0;
    announce(service);
}

static void on_show(struct bb_actor *actor, void *arg)
{
    (void)actor;
    struct bb_battery_service *service = arg;
    service->show_timer = 0;
    show(service);
}

/* Shows news in wait_ms, and not before the pause since the last signal is over. */
static void show_soon(struct bb_battery_service *service, int64_t wait_ms)
{
    struct bb_actor *actor = service->host->actor;
    int64_t rest_ms = service->announced_ms + service->host->interval_ms - bb_actor_now(actor);
    rest_ms = rest_ms > wait_ms ? rest_ms : wait_ms;
    if (rest_ms <= 0) {
        show(service);
    } else if (service->show_timer <= 0) {
        service->show_timer = bb_actor_after(actor, rest_ms, on_show, service);
    }
}

/* True when time alone has changed what may be shown. */
static bool has_aged(const struct bb_battery_service *service)
{
    struct bb_view now;
    view_now(service, &now);
    const struct bb_view *shown = &service->shown;
    return now.decided != shown->decided || now.reading != shown->reading ||
           now.bms_cable != shown->bms_cable;
}

/* --- Attempts --- */

static void set_phase(struct bb_battery_service *service, enum phase phase)
{
    service->phase = phase;
    service->phase_ms = bb_actor_now(service->host->actor);
}

/* Ends an attempt; the next one follows after a pause. all: the reason concerns the daemon, not
 * this service. Not to be called from a callback of the connection, which it closes. */
static void go_down(struct bb_battery_service *service, bool all, const char *reason)
{
    const struct bb_host *host = service->host;
    bb_connection_close(&service->connection);
    service->failure = NULL;
    size_t step = service->failures < BACKOFF_STEPS ? service->failures : BACKOFF_STEPS - 1;
    service->failures++;
    service->retry_ms = bb_actor_now(host->actor) + backoff_ms[step];
    set_phase(service, DOWN);
    if (all) {
        host->daemon_lost(host->arg, reason);
    } else if (!service->failure_said) {
        service->failure_said = true;
        bb_actor_log(host->actor, BB_LOG_WARNING, "%s: %s; trying again", service->name, reason);
    }
}

/* The same from within a callback: done by the next tick. reason has static storage. */
static void give_up(struct bb_battery_service *service, const char *reason)
{
    service->failure = reason;
}

static void say_on_bus(struct bb_battery_service *service)
{
    if (!service->was_on_bus || service->failure_said) {
        bb_actor_log(service->host->actor, BB_LOG_NOTICE, "%s is %s, device instance %d",
                     service->snapshot.id, service->name, service->identity.instance);
    }
    service->was_on_bus = true;
    service->failure_said = false;
    service->failures = 0;
    service->host->daemon_found(service->host->arg);
}

static void on_name(void *arg, DBusMessage *reply)
{
    struct bb_battery_service *service = arg;
    dbus_uint32_t answer = 0;
    bool owned = dbus_message_get_type(reply) == DBUS_MESSAGE_TYPE_METHOD_RETURN &&
                 dbus_message_get_args(reply, NULL, DBUS_TYPE_UINT32, &answer, DBUS_TYPE_INVALID) &&
                 answer == DBUS_REQUEST_NAME_REPLY_PRIMARY_OWNER;
    if (!owned) {
        give_up(service, dbus_message_get_type(reply) == DBUS_MESSAGE_TYPE_ERROR
                             ? "the daemon does not allow the name"
                             : "somebody else has the name");
        return;
    }
    set_phase(service, ON_BUS);
    say_on_bus(service);
    announce(service); /* what changed since somebody may have asked for all items */
}

static void request_name(struct bb_battery_service *service)
{
    const char *name = service->name;
    dbus_uint32_t flags = DBUS_NAME_FLAG_DO_NOT_QUEUE;
    DBusMessage *call = dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS,
                                                     DBUS_INTERFACE_DBUS, "RequestName");
    bool sent = call &&
                dbus_message_append_args(call, DBUS_TYPE_STRING, &name, DBUS_TYPE_UINT32, &flags,
                                         DBUS_TYPE_INVALID) &&
                bb_connection_call(service->connection, call, on_name, service) == BB_OK;
    if (call) {
        dbus_message_unref(call);
    }
    if (!sent) {
        give_up(service, "out of memory");
    }
}

static void on_instance(void *arg, int instance)
{
    struct bb_battery_service *service = arg;
    const struct bb_host *host = service->host;
    if (instance < 0) {
        give_up(service, "there is no free device instance");
        return;
    }
    if (bb_registry_save(host->registry) != BB_OK) {
        bb_actor_log(host->actor, BB_LOG_WARNING,
                     "%s: device instance %d will not survive a restart", service->name, instance);
    }
    service->identity.instance = instance;
    set_phase(service, NAMING);
    show(service);
    bb_items_settle(service->items);
    request_name(service);
}

static bool is_ours(void *arg, const char *name)
{
    const struct bb_battery_service *service = arg;
    return service->host->is_ours(service->host->arg, name);
}

static void on_connected(void *arg)
{
    struct bb_battery_service *service = arg;
    const struct bb_host *host = service->host;
    bool bank = service->snapshot.bank;
    const struct bb_lookup_request request = {.id = service->snapshot.id,
                                              .first = bank ? host->first_bank_instance
                                                            : host->first_instance,
                                              .ask_settings = host->ask_settings,
                                              .is_ours = is_ours};
    set_phase(service, LOOKING_UP);
    if (bb_lookup_start(&service->lookup, service->connection, host->registry, &request,
                        on_instance, service) != BB_OK) {
        give_up(service, "out of memory");
    }
}

/* --- Calls --- */

/* The only writable item is /CustomName: it is saved before the answer says so. */
static enum bb_write_answer on_write(void *arg, size_t index, struct bb_value value)
{
    struct bb_battery_service *service = arg;
    const struct bb_host *host = service->host;
    (void)index;
    int error = bb_registry_set_name(host->registry, service->snapshot.id, value.text);
    if (error != BB_OK) {
        bb_actor_log(host->actor, BB_LOG_WARNING, "%s: the new name is not kept: %s", service->name,
                     bb_error_text(error));
        return BB_WRITE_REFUSED;
    }
    return BB_WRITE_ACCEPTED;
}

/* Anybody can send a signal of that name; only the daemon's counts. */
static bool tells_name_lost(DBusMessage *message, const char *name)
{
    const char *lost = NULL;
    return dbus_message_is_signal(message, DBUS_INTERFACE_DBUS, "NameLost") &&
           dbus_message_has_sender(message, DBUS_SERVICE_DBUS) &&
           dbus_message_get_args(message, NULL, DBUS_TYPE_STRING, &lost, DBUS_TYPE_INVALID) &&
           strcmp(lost, name) == 0;
}

static void on_message(void *arg, DBusMessage *message)
{
    struct bb_battery_service *service = arg;
    if (dbus_message_get_type(message) == DBUS_MESSAGE_TYPE_SIGNAL) {
        if (service->phase == ON_BUS && tells_name_lost(message, service->name)) {
            give_up(service, "the name was taken away");
        }
        return;
    }
    DBusMessage *answer = bb_busitem_answer(service->items, message, on_write, service);
    if (!answer) {
        return;
    }
    if (!dbus_message_get_no_reply(message)) {
        (void)bb_connection_send(service->connection, answer);
    }
    dbus_message_unref(answer);
    announce(service);
}

static void on_lost(void *arg, const char *reason)
{
    go_down(arg, true, reason);
}

/* --- Life --- */

/* Creates the items and chooses the name, once the battery is known. */
static bool prepare(struct bb_battery_service *service)
{
    const struct bb_host *host = service->host;
    const struct bb_snapshot *snapshot = &service->snapshot;
    char name[BB_SERVICE_NAME_MAX];
    if (!bb_snapshot_is_complete(snapshot)) {
        return false;
    }
    service->items = bb_items_new();
    if (!service->items ||
        bb_paths_new(service->items, snapshot, host->midpoint, &service->paths) != BB_OK) {
        bb_items_destroy(&service->items);
        return false;
    }
    bb_service_name(snapshot, name, sizeof name);
    if (host->is_ours(host->arg, name)) {
        bb_service_name_with_id(snapshot, name, sizeof name);
    }
    memcpy(service->name, name, sizeof name);
    service->identity = (struct bb_identity){
        .product_id = host->product_id, .limits = snapshot->bank || !host->limits_on_bank_only};
    return true;
}

static void connect_to_bus(struct bb_battery_service *service)
{
    static const struct bb_connection_events events = {
        .ready = on_connected, .message = on_message, .lost = on_lost};
    const struct bb_host *host = service->host;
    struct bb_problem problem = {.what = "out of memory"};
    set_phase(service, CONNECTING);
    show(service); /* the items are complete before anybody can ask */
    int error = bb_connection_open(host->actor, host->address, &events, service,
                                   &service->connection, &problem);
    if (error != BB_OK) {
        go_down(service, true, problem.what);
    }
}

static void check_attempt(struct bb_battery_service *service, int64_t now_ms)
{
    int64_t elapsed = now_ms - service->phase_ms;
    if (service->phase == LOOKING_UP && elapsed >= LOOKUP_MS) {
        service->phase_ms = now_ms;
        bb_lookup_hurry(&service->lookup);
    } else if (service->phase != LOOKING_UP && elapsed >= ATTEMPT_MS) {
        go_down(service, service->phase == CONNECTING, "the daemon does not answer");
    }
}

void bb_battery_service_tick(struct bb_battery_service *service)
{
    int64_t now_ms = bb_actor_now(service->host->actor);
    if (service->failure) {
        go_down(service, false, service->failure);
        return;
    }
    switch (service->phase) {
    case WAITING:
        if (prepare(service)) {
            connect_to_bus(service);
        }
        return;
    case DOWN:
        if (now_ms >= service->retry_ms) {
            connect_to_bus(service);
        }
        return;
    case CONNECTING:
    case LOOKING_UP:
    case NAMING:
        check_attempt(service, now_ms);
        break;
    case ON_BUS:
        break;
    }
    if (has_aged(service)) {
        show(service);
    } else if (bb_items_changed(service->items)) {
        announce(service); /* the daemon lagged */
    }
}

void bb_battery_service_take(struct bb_battery_service *service, const struct bb_message *message)
{
    bool urgent = bb_snapshot_take(&service->snapshot, message);
    if (service->phase == WAITING || service->phase == DOWN) {
        return;
    }
    if (urgent) {
        show(service);
    } else if (message->topic_class == BB_TOPIC_CHARGE) {
        show_soon(service, 0);
    } else {
        show_soon(service, DECISION_WAIT_MS);
    }
}

struct bb_battery_service *bb_battery_service_new(const struct bb_host *host, const char *id)
{
    struct bb_battery_service *service = calloc(1, sizeof *service);
    if (service) {
        service->host = host;
        (void)snprintf(service->snapshot.id, sizeof service->snapshot.id, "%s", id);
    }
    return service;
}

void bb_battery_service_destroy(struct bb_battery_service **service)
{
    if (!service || !*service) {
        return;
    }
    bb_actor_cancel((*service)->host->actor, (*service)->show_timer);
    bb_connection_close(&(*service)->connection);
    bb_paths_destroy(&(*service)->paths);
    bb_items_destroy(&(*service)->items);
    free(*service);
    *service = NULL;
}

const char *bb_battery_service_id(const struct bb_battery_service *service)
{
    return service->snapshot.id;
}

const char *bb_battery_service_name(const struct bb_battery_service *service)
{
    return service->name;
}

bool bb_battery_service_is_on_bus(const struct bb_battery_service *service)
{
    return service->phase == ON_BUS;
}
