#include "common/options/options.h"

static const struct bb_option options[] = {
    {.name = "log_level",
     .type = BB_OPTION_CHOICE,
     .fallback = "info",
     .choices = "error|warning|notice|info|debug",
     .meaning = "Least important kind of line that is logged."},
};

const struct bb_section bb_section_busbar = {
    .name = "busbar",
    .named = false,
    .program = NULL,
    .always = false,
    .order = 0,
    .reads = NULL,
    .meaning = "What all processes share.",
    .options = options,
    .option_count = BB_COUNT_OF(options),
};
