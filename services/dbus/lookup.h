/* Finds the device instance of a battery before it appears on the bus.
 *
 * Victron's settings service (com.victronenergy.settings) is asked for one when it is there: it
 * keeps instances unique over all programs. Otherwise the batteries on the bus are asked for
 * theirs, and the registry chooses one that none of them has.
 */
#ifndef BUSBAR_SERVICES_DBUS_LOOKUP_H
#define BUSBAR_SERVICES_DBUS_LOOKUP_H

#include "services/dbus/connection.h"
#include "services/dbus/registry.h"

struct bb_lookup_request {
    const char *id;
    int first;         /* first device instance to try for a battery never seen */
    bool ask_settings; /* else only the batteries are asked */
    /* True for names of this program's own services, which need not be asked. */
    bool (*is_ours)(void *arg, const char *name);
};

/* instance is a device instance, or a negative code. The connection may not be closed from
 * here. */
typedef void bb_lookup_fn(void *arg, int instance);

enum bb_lookup_stage { BB_LOOKUP_SETTINGS, BB_LOOKUP_NAMES, BB_LOOKUP_BATTERIES, BB_LOOKUP_DONE };

struct bb_lookup {
    enum bb_lookup_stage stage;
    struct bb_connection *connection;
    struct bb_registry *registry;
    struct bb_lookup_request request;
    bb_lookup_fn *done;
    void *arg; /* of done and is_ours */
    struct bb_instances others;
    unsigned waiting; /* batteries that have not answered yet */
};

/* Starts the search; request's id and lookup must stay until done was called or connection is
 * closed. Returns BB_OK, or a negative code without calling done. */
int bb_lookup_start(struct bb_lookup *lookup, struct bb_connection *connection,
                    struct bb_registry *registry, const struct bb_lookup_request *request,
                    bb_lookup_fn *done, void *arg);

/* Goes on without the answers that are missing: whoever has not answered by now is not waited
 * for. */
void bb_lookup_hurry(struct bb_lookup *lookup);

/* Reads "battery:N" in an answer of AddSettings: N, or a negative code. */
int bb_lookup_parse_settings(DBusMessage *reply);

#endif
