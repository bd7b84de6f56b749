#include "services/serial/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/reader/control.h"

#define SECTION "serial"
#define BY_NAME_FOLDER "/dev/serial/"

static int read_device(const struct bb_config *config, const char *run_dir,
                       struct bb_serial_settings *settings, struct bb_problem *problem)
{
    const char *device = bb_config_text(config, SECTION, settings->section, "device");
    bool is_relative = device[0] != '/';
    int size = snprintf(settings->device, sizeof settings->device, "%s%s%s",
                        is_relative ? run_dir : "", is_relative ? "/" : "", device);
    if (size < 0 || (size_t)size >= sizeof settings->device) {
        return bb_fail(problem, BB_ERR_CONFIG, "device", "path too long");
    }
    return BB_OK;
}

static int read_driver(const struct bb_config *config, struct bb_serial_settings *settings,
                       struct bb_problem *problem)
{
    const char *name = bb_config_text(config, SECTION, settings->section, "driver");
    settings->driver = bb_driver_find(name);
    const struct bb_transport *transport =
        settings->driver ? bb_driver_transport(settings->driver, BB_MEDIUM_SERIAL) : NULL;
    if (!transport) {
        return bb_fail(problem, BB_ERR_CONFIG, "driver", "this program has no driver '%s'", name);
    }
    settings->has_addresses = transport->address_last > 0;
    settings->bit_rate = transport->bit_rate;
    settings->period_ms = transport->period_ms;
    if (bb_config_is_set(config, SECTION, settings->section, "baud")) {
        settings->bit_rate =
            (uint32_t)bb_config_integer(config, SECTION, settings->section, "baud");
    }
    if (bb_config_is_set(config, SECTION, settings->section, "poll_interval")) {
        settings->period_ms =
            (uint32_t)bb_config_integer(config, SECTION, settings->section, "poll_interval");
    }
    settings->count = 1;
    settings->addresses[0] = transport->address_default;
    return BB_OK;
}

/* Range, number and uniqueness were checked with the file (common/options/serial.c). */
static void read_batteries(const struct bb_config *config, struct bb_serial_settings *settings)
{
    int64_t addresses[BB_WIRE_STATIONS_MAX];
    size_t count = bb_config_integers(config, SECTION, settings->section, "addresses", addresses,
                                      BB_WIRE_STATIONS_MAX);
    for (size_t i = 0; i < count && i < BB_WIRE_STATIONS_MAX; i++) {
        settings->addresses[i] = (uint16_t)addresses[i];
        settings->count = i + 1;
    }
    for (size_t i = 0; i < settings->count; i++) {
        if (!bb_config_word(config, SECTION, settings->section, "names", i, settings->names[i],
                            sizeof settings->names[i])) {
            settings->names[i][0] = '\0';
        }
    }
}

static void hand_on(struct bb_serial_settings *settings, const char *name, const char *value)
{
    settings->driver_settings[settings->driver_setting_count++] =
        (struct bb_driver_setting){.name = name, .value = value};
}

/* Handed on only when set, so that a driver without the option refuses it by name. */
static void read_driver_settings(const struct bb_config *config,
                                 struct bb_serial_settings *settings)
{
    const char *section = settings->section;
    if (bb_config_is_set(config, SECTION, section, "read_limits")) {
        bool on = bb_config_switch(config, SECTION, section, "read_limits");
        hand_on(settings, "read_limits", on ? "yes" : "no");
    }
    if (bb_config_is_set(config, SECTION, section, "invert_current")) {
        hand_on(settings, "invert_current",
                bb_config_text(config, SECTION, section, "invert_current"));
    }
}

static void read_controls(const struct bb_config *config, struct bb_serial_settings *settings)
{
    char word[sizeof(((struct bb_command *)0)->verb)];
    for (size_t i = 0;
         bb_config_word(config, SECTION, settings->section, "controls", i, word, sizeof word);
         i++) {
        int verb = bb_control_verb(word);
        settings->controls |= verb >= 0 ? 1U << (unsigned)verb : 0;
    }
}

static enum bb_raw_log raw_log_of(const char *word)
{
    if (strcmp(word, "always") == 0) {
        return BB_RAW_LOG_ALWAYS;
    }
    return strcmp(word, "never") == 0 ? BB_RAW_LOG_NEVER : BB_RAW_LOG_FAULT;
}

int bb_serial_settings_read(const struct bb_config *config, const char *section,
                            const char *run_dir, struct bb_serial_settings *ret_settings,
                            struct bb_problem *problem)
{
    struct bb_serial_settings settings = {.section = section};
    int error = read_device(config, run_dir, &settings, problem);
    error = error == BB_OK ? read_driver(config, &settings, problem) : error;
    if (error != BB_OK) {
        return error;
    }
    read_batteries(config, &settings);
    read_driver_settings(config, &settings);
    read_controls(config, &settings);
    settings.raw_log = raw_log_of(bb_config_text(config, SECTION, section, "raw_log"));
    *ret_settings = settings;
    return BB_OK;
}

void bb_serial_settings_address(const struct bb_serial_settings *settings, size_t station,
                                char *ret_text, size_t capacity)
{
    if (settings->has_addresses) {
        (void)snprintf(ret_text, capacity, "0x%02x", settings->addresses[station]);
    } else {
        (void)snprintf(ret_text, capacity, "0");
    }
}

/* Copies a path for people: cut to fit, and nothing but printable ASCII, so that whatever the
 * path holds no message is refused for it. */
static void copy_path(char *ret_text, size_t capacity, const char *path)
{
    size_t used = 0;
    for (; *path != '\0' && used + 1 < capacity; path++) {
        ret_text[used++] = (char)(*path >= ' ' && *path <= '~' ? *path : '?');
    }
    ret_text[used] = '\0';
}

/* "ttyUSB0", also for the long stable names that point to it. */
static void port_name(const char *device, char *ret_name, size_t capacity)
{
    char *resolved = NULL;
    if (strncmp(device, BY_NAME_FOLDER, sizeof BY_NAME_FOLDER - 1) == 0) {
        resolved = realpath(device, NULL);
    }
    const char *path = resolved ? resolved : device;
    const char *slash = strrchr(path, '/');
    copy_path(ret_name, capacity, slash ? slash + 1 : path);
    free(resolved);
}

void bb_serial_settings_device(const struct bb_serial_settings *settings, size_t station,
                               struct bb_device *ret_device)
{
    char address[16];
    char suffix[24] = "";
    memset(ret_device, 0, sizeof *ret_device);
    bb_serial_settings_address(settings, station, address, sizeof address);
    if (settings->count > 1) {
        (void)snprintf(suffix, sizeof suffix, "__%s", address);
    }
    static const char prefix[] = "Serial ";
    char *connection = ret_device->connection;
    size_t capacity = sizeof ret_device->connection;
    memcpy(connection, prefix, sizeof prefix);
    copy_path(connection + strlen(prefix), capacity - strlen(prefix) - strlen(suffix),
              settings->device);
    size_t used = strlen(connection);
    (void)snprintf(connection + used, capacity - used, "%s", suffix);
    (void)snprintf(ret_device->driver, sizeof ret_device->driver, "%s", settings->driver->id);
    port_name(settings->device, ret_device->port, sizeof ret_device->port);
    if (settings->has_addresses) {
        (void)snprintf(ret_device->address, sizeof ret_device->address, "%s", address);
    }
    (void)snprintf(ret_device->name, sizeof ret_device->name, "%s", settings->names[station]);
}
