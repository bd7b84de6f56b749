/* The options of one [serial NAME] section, read and checked against the driver. */
#ifndef BUSBAR_SERVICES_SERIAL_SETTINGS_H
#define BUSBAR_SERVICES_SERIAL_SETTINGS_H

#include <limits.h>

#include "common/config.h"
#include "proto/bms/driver.h"
#include "services/serial/wire.h"

#define BB_SERIAL_SETTINGS_MAX 2 /* options handed on to the driver */

enum bb_raw_log { BB_RAW_LOG_NEVER, BB_RAW_LOG_FAULT, BB_RAW_LOG_ALWAYS };

struct bb_serial_settings {
    const char *section; /* name of the instance; lives as long as the configuration */
    char device[PATH_MAX];
    const struct bb_driver *driver;
    bool has_addresses; /* the protocol knows addresses */
    uint32_t bit_rate, period_ms;
    size_t count; /* batteries */
    uint16_t addresses[BB_WIRE_STATIONS_MAX];
    char names[BB_WIRE_STATIONS_MAX][sizeof(((struct bb_device *)0)->name)];
    struct bb_driver_setting driver_settings[BB_SERIAL_SETTINGS_MAX];
    size_t driver_setting_count;
    unsigned controls; /* a bit per verb of control.h */
    enum bb_raw_log raw_log;
};

/* BB_ERR_CONFIG with the option in problem->where. */
int bb_serial_settings_read(const struct bb_config *config, const char *section,
                            const char *run_dir, struct bb_serial_settings *ret_settings,
                            struct bb_problem *problem);

/* Address as people write it, "0x01", or "0" for a protocol without addresses. */
void bb_serial_settings_address(const struct bb_serial_settings *settings, size_t station,
                                char *ret_text, size_t capacity);

/* Fills what is known of a battery's device from the configuration alone. */
void bb_serial_settings_device(const struct bb_serial_settings *settings, size_t station,
                               struct bb_device *ret_device);

#endif
