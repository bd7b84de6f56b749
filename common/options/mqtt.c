#include "common/options/options.h"

static const struct bb_option options[] = {
    {.name = "host", .type = BB_OPTION_TEXT, .fallback = "127.0.0.1", .meaning = "Broker."},
};

const struct bb_section bb_section_mqtt = {
    .name = "mqtt",
    .named = false,
    .program = "mqtt",
    .always = false,
    .order = 15,
    .reads = "busbar",
    .meaning = "Batteries on an MQTT broker.",
    .options = options,
    .option_count = BB_COUNT_OF(options),
};
