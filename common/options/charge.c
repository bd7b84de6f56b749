#include "common/options/options.h"

static const struct bb_option options[] = {
    {.name = "max_cell_voltage",
     .type = BB_OPTION_REAL,
     .fallback = "3.450",
     .min = 1,
     .max = 5,
     .unit = "V",
     .meaning = "Bulk and absorption voltage of a cell."},
};

const struct bb_section bb_section_charge = {
    .name = "charge",
    .named = false,
    .program = NULL,
    .always = false,
    .order = 0,
    .reads = NULL,
    .meaning = "Charge control of every battery.",
    .options = options,
    .option_count = BB_COUNT_OF(options),
};
