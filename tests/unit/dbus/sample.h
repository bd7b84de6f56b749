/* A battery and its decision as the tests start from. */
#ifndef BUSBAR_TESTS_UNIT_DBUS_SAMPLE_H
#define BUSBAR_TESTS_UNIT_DBUS_SAMPLE_H

#include "services/dbus/items.h"
#include "services/dbus/paths.h"
#include "services/dbus/snapshot.h"

#define SAMPLE_NOW_MS 1000000
#define SAMPLE_WALL_MS 1700000000000

/* A 16-cell battery on ttyUSB0, read at SAMPLE_NOW_MS every second. */
void sample_battery(struct bb_message *ret_message);
/* The decision of the same moment: 55.2 V, 50 A, 60 A, float 53.6 V. */
void sample_charge(struct bb_message *ret_message);
/* A bank of two members. */
void sample_bank(struct bb_message *ret_message);

/* A service's items without a bus: what the paths make of the messages taken so far. */
struct sample {
    struct bb_snapshot snapshot;
    struct bb_identity identity;
    struct bb_items *items;
    struct bb_paths *paths;
};

/* Takes both messages of the battery, or the bank's; creates the items, not updated yet. */
void sample_open(struct sample *sample, bool bank);
void sample_close(struct sample *sample);
void sample_update(struct sample *sample, int64_t now_ms);

/* The leaf at path, which must exist. */
const struct bb_item *sample_item(const struct sample *sample, const char *path);
/* Its text; static storage until the next call. */
const char *sample_text(const struct sample *sample, const char *path);

#endif
