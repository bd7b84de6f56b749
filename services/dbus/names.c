#include "services/dbus/names.h"

#include <stdio.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_';
}

/* Appends text to name; what may not stand in a name becomes '_'. */
static void append(char *name, size_t capacity, const char *text)
{
    size_t length = strlen(name);
    for (; *text && length + 1 < capacity; text++) {
        name[length++] = is_name_char(*text) ? *text : '_';
    }
    name[length] = '\0';
}

/* Appends the letters and digits of a MAC address in lower case. */
static void append_mac(char *name, size_t capacity, const char *mac)
{
    size_t length = strlen(name);
    for (; *mac && length + 1 < capacity; mac++) {
        if (*mac >= 'A' && *mac <= 'Z') {
            name[length++] = (char)(*mac - 'A' + 'a');
        } else if (is_name_char(*mac) && *mac != '_') {
            name[length++] = *mac;
        }
    }
    name[length] = '\0';
}

static void append_bank(char *name, size_t capacity, const char *id)
{
    if (strncmp(id, "bank", 4) != 0) {
        append(name, capacity, "bank_");
    }
    append(name, capacity, id);
}

static void append_suffix(const struct bb_snapshot *snapshot, char *name, size_t capacity)
{
    const struct bb_device *device = &snapshot->battery.device;
    if (snapshot->bank) {
        append_bank(name, capacity, snapshot->id);
        return;
    }
    if (strncmp(device->connection, "BLE", 3) == 0 && device->address[0]) {
        append(name, capacity, "ble_");
        append_mac(name, capacity, device->address);
        return;
    }
    const char *base = device->port[0] ? device->port : snapshot->id;
    if (is_digit(base[0])) { /* an element of a bus name must not begin with a digit */
        append(name, capacity, "_");
    }
    append(name, capacity, base);
    if (device->port[0] && device->address[0]) {
        append(name, capacity, "__");
        append(name, capacity, device->address);
    }
}

void bb_service_name(const struct bb_snapshot *snapshot, char *ret_name, size_t capacity)
{
    (void)snprintf(ret_name, capacity, "%s", BB_SERVICE_PREFIX);
    append_suffix(snapshot, ret_name, capacity);
}

void bb_service_name_with_id(const struct bb_snapshot *snapshot, char *ret_name, size_t capacity)
{
    bb_service_name(snapshot, ret_name, capacity);
    append(ret_name, capacity, "__");
    append(ret_name, capacity, snapshot->id);
}

void bb_settings_path(const char *id, char *ret_path, size_t capacity)
{
    (void)snprintf(ret_path, capacity, "/Settings/Devices/busbar_");
    append(ret_path, capacity, id);
    size_t length = strlen(ret_path);
    (void)snprintf(ret_path + length, capacity - length, "/ClassAndVrmInstance");
}
