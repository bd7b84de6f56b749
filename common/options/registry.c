#include "common/options/options.h"

#include <string.h>

static const struct bb_section *const sections[] = {
    &bb_section_busbar,     &bb_section_bus,    &bb_section_serial,  &bb_section_can,
    &bb_section_aggregator, &bb_section_charge, &bb_section_battery, &bb_section_bank,
    &bb_section_dbus,       &bb_section_mqtt,   &bb_section_sim,
};

const struct bb_section *bb_section_at(size_t index)
{
    return index < BB_COUNT_OF(sections) ? sections[index] : NULL;
}

const struct bb_section *bb_section_find(const char *name)
{
    for (size_t i = 0; i < BB_COUNT_OF(sections); i++) {
        if (strcmp(sections[i]->name, name) == 0) {
            return sections[i];
        }
    }
    return NULL;
}
