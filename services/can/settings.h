/* The options of one [can NAME] section, made into the batteries of the interface. */
#ifndef BUSBAR_SERVICES_CAN_SETTINGS_H
#define BUSBAR_SERVICES_CAN_SETTINGS_H

#include "common/config.h"
#include "services/can/host.h"

#define BB_CAN_SETTINGS_MAX 6 /* options handed on to a driver */

struct bb_can_battery {
    const struct bb_driver *driver;
    uint16_t address;
    bool has_address;
    uint32_t period_ms;
    char name[sizeof(((struct bb_device *)0)->name)];
    struct bb_driver_setting settings[BB_CAN_SETTINGS_MAX];
    size_t setting_count;
};

struct bb_can_settings {
    const char *section; /* name of the instance; lives as long as the configuration */
    char interface[16];
    bool automatic; /* driver = auto: no batteries are listed until they are found */
    bool listen_only;
    uint32_t bit_rate; /* expected; 0: the drivers' */
    unsigned controls; /* a bit per verb of common/reader/control.h */
    size_t count;
    struct bb_can_battery batteries[BB_CAN_STATIONS_MAX]; /* driver by driver */
};

/* BB_ERR_CONFIG with the option in problem->where. */
int bb_can_settings_read(const struct bb_config *config, const char *section,
                         struct bb_can_settings *ret_settings, struct bb_problem *problem);

/* Adds a battery of that driver with the section's options; what detection found. */
int bb_can_settings_add(const struct bb_config *config, struct bb_can_settings *settings,
                        const struct bb_driver *driver, uint16_t address,
                        struct bb_problem *problem);

/* Address as people write it, "0x01", "" for a protocol without addresses. */
void bb_can_settings_address(const struct bb_can_settings *settings, size_t battery, char *ret_text,
                             size_t capacity);

/* Fills what is known of a battery's device from the configuration alone. */
void bb_can_settings_device(const struct bb_can_settings *settings, size_t battery,
                            struct bb_device *ret_device);

#endif
