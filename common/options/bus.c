#include "common/options/options.h"

static const struct bb_option options[] = {
    {.name = "cache_topics",
     .type = BB_OPTION_INTEGER,
     .fallback = "1024",
     .min = 16,
     .max = 100000,
     .meaning = "Most topics whose last message is kept for late joiners."},
};

const struct bb_section bb_section_bus = {
    .name = "bus",
    .named = false,
    .program = "bus",
    .always = true,
    .order = 0,
    .reads = "busbar",
    .meaning = "The message bus all processes meet on.",
    .options = options,
    .option_count = BB_COUNT_OF(options),
};
