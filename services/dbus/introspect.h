/* The introspection data of a service's objects. */
#ifndef BUSBAR_SERVICES_DBUS_INTROSPECT_H
#define BUSBAR_SERVICES_DBUS_INTROSPECT_H

#include "services/dbus/items.h"

/* The XML text for the object at path: its interfaces and its child nodes. NULL when there is no
 * such object or memory is short. The caller frees it. */
char *bb_introspect(const struct bb_items *items, const char *path);

#endif
