/* The sections of the configuration, one file each; registry.c lists them in the order of the
 * commented default configuration. */
#ifndef BUSBAR_COMMON_OPTIONS_H
#define BUSBAR_COMMON_OPTIONS_H

#include "common/config.h"

#define BB_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

extern const struct bb_section bb_section_busbar;
extern const struct bb_section bb_section_bus;
extern const struct bb_section bb_section_serial;
extern const struct bb_section bb_section_can;
extern const struct bb_section bb_section_sim;
extern const struct bb_section bb_section_charge;
extern const struct bb_section bb_section_battery;
extern const struct bb_section bb_section_bank;
extern const struct bb_section bb_section_aggregator;
extern const struct bb_section bb_section_dbus;
extern const struct bb_section bb_section_mqtt;

#endif
