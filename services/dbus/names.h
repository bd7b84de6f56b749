/* Names on D-Bus that derive from what a battery is. */
#ifndef BUSBAR_SERVICES_DBUS_NAMES_H
#define BUSBAR_SERVICES_DBUS_NAMES_H

#include "services/dbus/snapshot.h"

#define BB_SERVICE_PREFIX "com.victronenergy.battery."
#define BB_SERVICE_NAME_MAX 160

/* The service name of a battery or bank, by how it is connected (Victron D-Bus contract of a
 * battery, section 1): the port, with "__" and the address where addresses are configured;
 * "ble_" and the MAC address; "bank" or "bank_<id>"; the id where nothing else is known. */
void bb_service_name(const struct bb_snapshot *snapshot, char *ret_name, size_t capacity);

/* The same with "__<id>" at its end, for the second battery of one name. */
void bb_service_name_with_id(const struct bb_snapshot *snapshot, char *ret_name, size_t capacity);

/* Path of the setting that keeps a battery's device instance, of at most capacity bytes. */
void bb_settings_path(const char *id, char *ret_path, size_t capacity);

#endif
