/* One battery or bank on D-Bus: its snapshot, its items, its connection and its name.
 *
 * The name is asked for once everything a consumer reads at that moment is there: complete items
 * and a device instance. It stays as long as the daemon does, whatever happens to the battery.
 * Without a daemon, or while somebody else holds the name, the service tries again for ever.
 */
#ifndef BUSBAR_SERVICES_DBUS_SERVICE_H
#define BUSBAR_SERVICES_DBUS_SERVICE_H

#include "common/actor.h"
#include "services/dbus/registry.h"
#include "services/dbus/snapshot.h"

/* How often bb_battery_service_tick wants to be called. */
#define BB_TICK_MS 250

/* What all services of the process share; outlives them. */
struct bb_host {
    struct bb_actor *actor;
    struct bb_registry *registry;
    const char *address;
    bool limits_on_bank_only; /* individual batteries publish no charge voltage limit */
    bool midpoint;
    bool ask_settings;
    int product_id;
    int first_instance, first_bank_instance;
    int64_t interval_ms; /* shortest time between two ItemsChanged of a service */
    /* True when a service of this process has or wants that name. */
    bool (*is_ours)(void *arg, const char *name);
    /* A service is on the bus, or cannot be because of the daemon. */
    void (*daemon_found)(void *arg);
    void (*daemon_lost)(void *arg, const char *reason);
    void *arg;
};

struct bb_battery_service;

/* A service that knows nothing yet. The caller destroys it. NULL when out of memory. */
struct bb_battery_service *bb_battery_service_new(const struct bb_host *host, const char *id);
void bb_battery_service_destroy(struct bb_battery_service **service);

/* Takes over a message of class battery/ or charge/ about this id. */
void bb_battery_service_take(struct bb_battery_service *service, const struct bb_message *message);

/* Time has passed: starts, retries, and notices what became too old. */
void bb_battery_service_tick(struct bb_battery_service *service);

const char *bb_battery_service_id(const struct bb_battery_service *service);
/* The name it has or wants, "" while it knows too little. */
const char *bb_battery_service_name(const struct bb_battery_service *service);
bool bb_battery_service_is_on_bus(const struct bb_battery_service *service);

#endif
