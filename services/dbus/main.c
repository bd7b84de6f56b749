/* Publishes every battery and bank of the bus as com.victronenergy.battery.* on D-Bus, each with
 * a connection of its own. */
#include <stdio.h>
#include <string.h>

#include "services/dbus/connection.h"
#include "services/dbus/service.h"

#define STATE_FILE "dbus.json"
/* Batteries and banks; each needs a descriptor of the loop. */
#define SERVICES_MAX 48

struct publisher {
    struct bb_actor *actor;
    struct bb_host host;
    struct bb_registry *registry;
    char address[BB_ADDRESS_MAX];
    bool daemon_lost; /* and said so */
    bool full_said;
    size_t count;
    struct bb_battery_service *services[SERVICES_MAX];
};

static bool is_ours(void *arg, const char *name)
{
    const struct publisher *publisher = arg;
    for (size_t i = 0; i < publisher->count; i++) {
        if (strcmp(bb_battery_service_name(publisher->services[i]), name) == 0) {
            return true;
        }
    }
    return false;
}

static void on_daemon_found(void *arg)
{
    struct publisher *publisher = arg;
    if (publisher->daemon_lost) {
        publisher->daemon_lost = false;
        bb_actor_log(publisher->actor, BB_LOG_NOTICE, "D-Bus is back");
    }
}

static void on_daemon_lost(void *arg, const char *reason)
{
    struct publisher *publisher = arg;
    if (!publisher->daemon_lost) {
        publisher->daemon_lost = true;
        bb_actor_log(publisher->actor, BB_LOG_WARNING, "no D-Bus at %s: %s; trying again",
                     publisher->address, reason);
    }
}

static void on_tick(struct bb_actor *actor, void *arg)
{
    struct publisher *publisher = arg;
    size_t on_bus = 0;
    for (size_t i = 0; i < publisher->count; i++) {
        bb_battery_service_tick(publisher->services[i]);
        on_bus += bb_battery_service_is_on_bus(publisher->services[i]) ? 1 : 0;
    }
    bb_actor_status(actor, "%zu of %zu batteries and banks on D-Bus", on_bus, publisher->count);
}

/* The service of an id, a new one if need be; NULL when there is no room. */
static struct bb_battery_service *find_or_add(struct publisher *publisher, const char *id)
{
    for (size_t i = 0; i < publisher->count; i++) {
        if (strcmp(bb_battery_service_id(publisher->services[i]), id) == 0) {
            return publisher->services[i];
        }
    }
    struct bb_battery_service *service =
        publisher->count < SERVICES_MAX ? bb_battery_service_new(&publisher->host, id) : NULL;
    if (service) {
        publisher->services[publisher->count++] = service;
    } else if (!publisher->full_said) {
        publisher->full_said = true;
        bb_actor_log(publisher->actor, BB_LOG_WARNING, "no room for %s: more than %d batteries", id,
                     SERVICES_MAX);
    }
    return service;
}

static void on_bus_message(struct bb_actor *actor, void *self, const struct bb_message *message)
{
    struct publisher *publisher = self;
    (void)actor;
    struct bb_battery_service *service = find_or_add(publisher, bb_message_id(message));
    if (service) {
        bb_battery_service_take(service, message);
    }
}

/* --- Start --- */

static int load_registry(struct publisher *publisher)
{
    char path[512];
    const char *folder = bb_actor_state_dir(publisher->actor);
    int size = snprintf(path, sizeof path, "%s/" STATE_FILE, folder ? folder : "");
    bool fits = size > 0 && (size_t)size < sizeof path;
    publisher->registry = bb_registry_new(folder && fits ? path : NULL);
    if (!publisher->registry) {
        return BB_ERR_NO_MEMORY;
    }
    struct bb_problem problem;
    if (bb_registry_load(publisher->registry, &problem) != BB_OK) {
        bb_actor_log(publisher->actor, BB_LOG_WARNING,
                     "%s: %s; device instances and names start anew", problem.where, problem.what);
    }
    return BB_OK;
}

static int option(const struct publisher *publisher, const char *name)
{
    return (int)bb_config_integer(bb_actor_config(publisher->actor), "dbus", "", name);
}

static void read_options(struct publisher *publisher)
{
    const struct bb_config *config = bb_actor_config(publisher->actor);
    publisher->host = (struct bb_host){
        .actor = publisher->actor,
        .registry = publisher->registry,
        .address = publisher->address,
        .limits_on_bank_only =
            strcmp(bb_config_text(config, "dbus", "", "publish_limits"), "bank") == 0,
        .midpoint = bb_config_switch(config, "dbus", "", "midpoint"),
        .ask_settings = bb_config_switch(config, "dbus", "", "ask_settings"),
        .product_id = option(publisher, "product_id"),
        .first_instance = option(publisher, "first_instance"),
        .first_bank_instance = option(publisher, "first_bank_instance"),
        .interval_ms = option(publisher, "interval"),
        .is_ours = is_ours,
        .daemon_found = on_daemon_found,
        .daemon_lost = on_daemon_lost,
        .arg = publisher};
}

static int start(struct bb_actor *actor, void *self)
{
    struct publisher *publisher = self;
    struct bb_problem problem;
    publisher->actor = actor;
    int error = bb_connection_address(bb_config_text(bb_actor_config(actor), "dbus", "", "bus"),
                                      publisher->address, sizeof publisher->address, &problem);
    if (error != BB_OK) {
        bb_actor_log(actor, BB_LOG_ERROR, "%s: %s", problem.where, problem.what);
        return error;
    }
    error = load_registry(publisher);
    if (error != BB_OK) {
        return error;
    }
    read_options(publisher);
    return bb_actor_every(actor, BB_TICK_MS, on_tick, publisher) > 0 ? BB_OK : BB_ERR_NO_MEMORY;
}

static void stop(struct bb_actor *actor, void *self)
{
    struct publisher *publisher = self;
    (void)actor;
    for (size_t i = 0; i < publisher->count; i++) {
        bb_battery_service_destroy(&publisher->services[i]);
    }
    bb_registry_destroy(&publisher->registry);
}

int main(int argc, char **argv)
{
    static const char *const subscriptions[] = {"battery/", "charge/", NULL};
    static const struct bb_service service = {.program = "dbus",
                                              .subscriptions = subscriptions,
                                              .start = start,
                                              .stop = stop,
                                              .message = on_bus_message,
                                              .self_size = sizeof(struct publisher)};
    return bb_actor_main(&service, argc, argv);
}
