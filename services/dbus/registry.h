/* What a battery keeps on D-Bus for ever: its device instance and the name its owner gave it.
 *
 * Held in memory and in one JSON file of the state directory. A device instance is unique among
 * the batteries this program has ever seen; consumers know a battery by it.
 */
#ifndef BUSBAR_SERVICES_DBUS_REGISTRY_H
#define BUSBAR_SERVICES_DBUS_REGISTRY_H

#include <stdbool.h>

#include "proto/message/battery.h"
#include "services/dbus/items.h"

#define BB_INSTANCE_MAX 255 /* largest device instance Victron's consumers take */

/* Device instances in use by others on the bus. */
struct bb_instances {
    bool taken[BB_INSTANCE_MAX + 1];
};

struct bb_registry;

/* An empty registry that is saved at path (copied; NULL: nowhere). The caller destroys it. NULL
 * when out of memory. */
struct bb_registry *bb_registry_new(const char *path);
void bb_registry_destroy(struct bb_registry **registry);

/* Reads the file. A missing one is no error; a damaged one is renamed to ".damaged" and counts for
 * nothing, which the returned code and problem tell. */
int bb_registry_load(struct bb_registry *registry, struct bb_problem *problem);

/* The remembered device instance of id, or -1. */
int bb_registry_instance(const struct bb_registry *registry, const char *id);

/* Chooses an instance for id, and remembers it: the one it had, unless others use it; else the
 * first free one from first on. Returns it, or BB_ERR_RANGE when none is free, BB_ERR_NO_MEMORY. */
int bb_registry_choose(struct bb_registry *registry, const char *id, int first,
                       const struct bb_instances *others);

/* Remembers an instance somebody else chose. */
int bb_registry_set_instance(struct bb_registry *registry, const char *id, int instance);

/* The name the owner gave id, "" when none. Valid until it is set again. */
const char *bb_registry_name(const struct bb_registry *registry, const char *id);

/* Remembers and saves a name of less than BB_ITEM_TEXT_MAX bytes; nothing changes on failure. */
int bb_registry_set_name(struct bb_registry *registry, const char *id, const char *name);

/* Writes the file when something changed. Returns BB_OK or what bb_json_file_write returns. */
int bb_registry_save(struct bb_registry *registry);

#endif
