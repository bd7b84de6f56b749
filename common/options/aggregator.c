#include "common/options/options.h"

static const struct bb_option options[] = {
    {.name = "evaluate_every",
     .type = BB_OPTION_INTEGER,
     .fallback = "1000",
     .min = 100,
     .max = 1000,
     .unit = "ms",
     .meaning = "Longest time between two decisions."},
};

const struct bb_section bb_section_aggregator = {
    .name = "aggregator",
    .named = false,
    .program = "aggregator",
    .always = true,
    .order = 10,
    .reads = "busbar,charge,bank,battery",
    .meaning = "Charge control and the merging of batteries into a bank.",
    .options = options,
    .option_count = BB_COUNT_OF(options),
};
