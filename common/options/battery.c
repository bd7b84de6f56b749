#include "common/options/options.h"

static const struct bb_option options[] = {
    {.name = "name", .type = BB_OPTION_TEXT, .fallback = "", .meaning = "Name for people."},
    {.name = "max_battery_charge_current",
     .type = BB_OPTION_REAL,
     .fallback = "",
     .min = 0,
     .max = 2000,
     .unit = "A",
     .meaning = "For this battery instead of the value in [charge]."},
    {.name = "max_battery_discharge_current",
     .type = BB_OPTION_REAL,
     .fallback = "",
     .min = 0,
     .max = 2000,
     .unit = "A",
     .meaning = "For this battery instead of the value in [charge]."},
    {.name = "battery_capacity",
     .type = BB_OPTION_REAL,
     .fallback = "",
     .min = 1,
     .max = 10000,
     .unit = "Ah",
     .meaning = "For this battery instead of the value in [charge]."},
    {.name = "sensorless",
     .type = BB_OPTION_SWITCH,
     .fallback = "no",
     .meaning = "The battery has no cell temperature sensor: it may be charged without one. Only "
                "for places that never freeze."},
};

const struct bb_section bb_section_battery = {
    .name = "battery",
    .named = true,
    .program = NULL,
    .always = false,
    .order = 0,
    .reads = NULL,
    .meaning = "What differs for one battery; the section's name is the battery's id.",
    .options = options,
    .option_count = BB_COUNT_OF(options),
};
