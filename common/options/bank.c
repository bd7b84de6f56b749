#include "common/options/options.h"

static const struct bb_option options[] = {
    {.name = "members",
     .type = BB_OPTION_WORDS,
     .fallback = "",
     .meaning = "Battery ids; empty: every battery."},
};

const struct bb_section bb_section_bank = {
    .name = "bank",
    .named = true,
    .program = NULL,
    .always = false,
    .order = 0,
    .reads = NULL,
    .meaning = "Batteries in parallel that are published as one.",
    .options = options,
    .option_count = BB_COUNT_OF(options),
};
