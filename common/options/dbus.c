#include "common/options/options.h"

static const struct bb_option options[] = {
    {.name = "bus",
     .type = BB_OPTION_TEXT,
     .fallback = "auto",
     .meaning = "auto, system, session or a D-Bus address."},
};

const struct bb_section bb_section_dbus = {
    .name = "dbus",
    .named = false,
    .program = "dbus",
    .always = false,
    .order = 15,
    .reads = "busbar",
    .meaning = "Batteries on Victron's D-Bus.",
    .options = options,
    .option_count = BB_COUNT_OF(options),
};
