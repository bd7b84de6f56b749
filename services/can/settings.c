#include "services/can/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/reader/control.h"

#define SECTION "can"

/* Options that are handed on, and the drivers that know them. */
static const struct {
    const char *option;
    const char *drivers;
    bool is_switch;
} handed_on[] = {
    {"keep_alive", "jbd-can pylontech-can", true},
    {"invert_current", "daly-can jbd-can jk-can pylontech-can rv-c-can valence-can", false},
    {"instance", "rv-c-can", false},
    {"modules_series", "valence-can", false},
    {"modules_parallel", "valence-can", false},
    {"mode", "valence-can", false},
};

static void hand_on(const struct bb_config *config, const char *section,
                    struct bb_can_battery *battery)
{
    for (size_t i = 0; i < sizeof handed_on / sizeof handed_on[0]; i++) {
        const char *option = handed_on[i].option;
        if (!bb_config_is_set(config, SECTION, section, option) ||
            !strstr(handed_on[i].drivers, battery->driver->id)) {
            continue;
        }
        const char *value = bb_config_text(config, SECTION, section, option);
        if (handed_on[i].is_switch) {
            value = bb_config_switch(config, SECTION, section, option) ? "yes" : "no";
        }
        battery->settings[battery->setting_count++] =
            (struct bb_driver_setting){.name = option, .value = value};
    }
}

int bb_can_settings_add(const struct bb_config *config, struct bb_can_settings *settings,
                        const struct bb_driver *driver, uint16_t address,
                        struct bb_problem *problem)
{
    const struct bb_transport *transport = bb_driver_transport(driver, BB_MEDIUM_CAN);
    if (settings->count == BB_CAN_STATIONS_MAX) {
        return bb_fail(problem, BB_ERR_CONFIG, "addresses", "more than %d batteries",
                       BB_CAN_STATIONS_MAX);
    }
    struct bb_can_battery *battery = &settings->batteries[settings->count];
    *battery = (struct bb_can_battery){
        .driver = driver,
        .address = address,
        .has_address = transport->address_last > 0,
        .period_ms = transport->period_ms,
    };
    if (bb_config_is_set(config, SECTION, settings->section, "poll_interval")) {
        battery->period_ms =
            (uint32_t)bb_config_integer(config, SECTION, settings->section, "poll_interval");
    }
    if (!bb_config_word(config, SECTION, settings->section, "names", settings->count, battery->name,
                        sizeof battery->name)) {
        battery->name[0] = '\0';
    }
    hand_on(config, settings->section, battery);
    settings->count++;
    return BB_OK;
}

/* Addresses of the section that are this driver's. Syntax and ranges were checked with the file
 * (common/options/can.c): without a protocol in front, they are of the only one with addresses. */
static int add_addresses(const struct bb_config *config, struct bb_can_settings *settings,
                         const struct bb_driver *driver, struct bb_problem *problem)
{
    char word[64];
    size_t before = settings->count;
    const struct bb_transport *transport = bb_driver_transport(driver, BB_MEDIUM_CAN);
    for (size_t i = 0;
         transport->address_last > 0 &&
         bb_config_word(config, SECTION, settings->section, "addresses", i, word, sizeof word);
         i++) {
        const char *colon = strchr(word, ':');
        size_t size = strlen(driver->id);
        if (colon && ((size_t)(colon - word) != size || strncmp(word, driver->id, size) != 0)) {
            continue;
        }
        uint16_t address = (uint16_t)strtoul(colon ? colon + 1 : word, NULL, 0);
        int error = bb_can_settings_add(config, settings, driver, address, problem);
        if (error != BB_OK) {
            return error;
        }
    }
    if (settings->count > before) {
        return BB_OK;
    }
    return bb_can_settings_add(config, settings, driver, transport->address_default, problem);
}

static int add_drivers(const struct bb_config *config, struct bb_can_settings *settings,
                       struct bb_problem *problem)
{
    char word[32];
    for (size_t i = 0;
         bb_config_word(config, SECTION, settings->section, "driver", i, word, sizeof word); i++) {
        if (strcmp(word, "auto") == 0) {
            settings->automatic = true;
            return BB_OK;
        }
        const struct bb_driver *driver = bb_driver_find(word);
        if (!driver || !bb_driver_transport(driver, BB_MEDIUM_CAN)) {
            return bb_fail(problem, BB_ERR_CONFIG, "driver", "this program has no driver '%s'",
                           word);
        }
        int error = add_addresses(config, settings, driver, problem);
        if (error != BB_OK) {
            return error;
        }
    }
    return BB_OK;
}

int bb_can_settings_read(const struct bb_config *config, const char *section,
                         struct bb_can_settings *ret_settings, struct bb_problem *problem)
{
    struct bb_can_settings *settings = ret_settings;
    char word[32];
    *settings = (struct bb_can_settings){
        .section = section,
        .listen_only = bb_config_switch(config, SECTION, section, "listen_only")};
    const char *interface = bb_config_text(config, SECTION, section, "interface");
    (void)snprintf(settings->interface, sizeof settings->interface, "%.15s",
                   *interface ? interface : section);
    if (bb_config_is_set(config, SECTION, section, "bit_rate")) {
        settings->bit_rate = (uint32_t)bb_config_integer(config, SECTION, section, "bit_rate");
    }
    for (size_t i = 0; bb_config_word(config, SECTION, section, "controls", i, word, sizeof word);
         i++) {
        int verb = bb_control_verb(word);
        settings->controls |= verb >= 0 ? 1U << (unsigned)verb : 0;
    }
    return add_drivers(config, settings, problem);
}

void bb_can_settings_address(const struct bb_can_settings *settings, size_t battery, char *ret_text,
                             size_t capacity)
{
    const struct bb_can_battery *own = &settings->batteries[battery];
    const struct bb_transport *transport = bb_driver_transport(own->driver, BB_MEDIUM_CAN);
    bool any = own->address == transport->address_default && own->address == 0xFE;
    if (own->has_address && !any) {
        (void)snprintf(ret_text, capacity, "0x%02x", own->address);
    } else {
        ret_text[0] = '\0';
    }
}

void bb_can_settings_device(const struct bb_can_settings *settings, size_t battery,
                            struct bb_device *ret_device)
{
    const struct bb_can_battery *own = &settings->batteries[battery];
    *ret_device = (struct bb_device){0};
    (void)snprintf(ret_device->driver, sizeof ret_device->driver, "%s", own->driver->id);
    (void)snprintf(ret_device->port, sizeof ret_device->port, "%s", settings->interface);
    (void)snprintf(ret_device->name, sizeof ret_device->name, "%s", own->name);
    bb_can_settings_address(settings, battery, ret_device->address, sizeof ret_device->address);
    (void)snprintf(ret_device->connection, sizeof ret_device->connection, "CAN %s%s%s",
                   settings->interface, *ret_device->address ? " " : "", ret_device->address);
}
