#include "common/options/options.h"

static const struct bb_option options[] = {
    {.name = "device",
     .type = BB_OPTION_TEXT,
     .fallback = "",
     .meaning = "Port, e.g. /dev/serial/by-id/usb-...; a relative path starts at the run "
                "directory."},
    {.name = "driver",
     .type = BB_OPTION_TEXT,
     .fallback = "",
     .meaning = "Protocol of the BMS: jbd, daly or jk-pb."},
};

const struct bb_section bb_section_serial = {
    .name = "serial",
    .named = true,
    .program = "serial",
    .always = false,
    .order = 30,
    .reads = "busbar",
    .meaning = "One serial port or RS485 adapter with one or more batteries.",
    .options = options,
    .option_count = BB_COUNT_OF(options),
};
