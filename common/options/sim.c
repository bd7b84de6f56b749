#include "common/options/options.h"

static const struct bb_option options[] = {
    {.name = "driver", .type = BB_OPTION_TEXT, .fallback = "", .meaning = "Protocol to speak."},
};

const struct bb_section bb_section_sim = {
    .name = "sim",
    .named = true,
    .program = "sim",
    .always = false,
    .order = 20,
    .reads = "busbar",
    .meaning = "Simulated batteries, for trying Busbar without hardware.",
    .options = options,
    .option_count = BB_COUNT_OF(options),
};
