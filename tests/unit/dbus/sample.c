#include "sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void head(struct bb_message *message, const char *topic, enum bb_topic_class topic_class)
{
    memset(message, 0, sizeof *message);
    message->topic_class = topic_class;
    (void)snprintf(message->topic, sizeof message->topic, "%s", topic);
    message->head.mono_ms = bb_integer(SAMPLE_NOW_MS);
    message->head.interval_ms = bb_integer(1000);
}

void sample_battery(struct bb_message *ret_message)
{
    head(ret_message, "battery/rack-1", BB_TOPIC_BATTERY);
    struct bb_battery *battery = &ret_message->body.battery;
    (void)snprintf(battery->device.driver, sizeof battery->device.driver, "jbd");
    (void)snprintf(battery->device.port, sizeof battery->device.port, "ttyUSB0");
    (void)snprintf(battery->device.connection, sizeof battery->device.connection,
                   "Serial /dev/ttyUSB0");
    battery->cell_count = bb_integer(16);
    battery->voltage = bb_real(53.1);
    battery->current = bb_real(-5);
    battery->soc = bb_real(45);
    battery->capacity = bb_real(100);
    battery->capacity_remain = bb_real(45);
    battery->cells_count = 16;
    for (size_t i = 0; i < 16; i++) {
        battery->cells[i].voltage = bb_real(3.3 + 0.001 * (double)i);
    }
}

void sample_charge(struct bb_message *ret_message)
{
    head(ret_message, "charge/rack-1", BB_TOPIC_CHARGE);
    struct bb_charge *charge = &ret_message->body.charge;
    (void)snprintf(charge->kind, sizeof charge->kind, "battery");
    (void)snprintf(charge->link, sizeof charge->link, "online");
    (void)snprintf(charge->mode, sizeof charge->mode, "Bulk");
    charge->cell_count = bb_integer(16);
    charge->cvl = bb_real(55.2);
    charge->ccl = bb_real(50);
    charge->dcl = bb_real(60);
    charge->float_voltage = bb_real(53.6);
    charge->max_voltage = bb_real(55.2);
    charge->battery_low_voltage = bb_real(46.4);
    charge->allow_charge = bb_flag(true);
    charge->allow_discharge = bb_flag(true);
    charge->voltage = bb_real(53.125);
    charge->current = bb_real(-5.204);
    charge->power = bb_real(-276.4625);
    charge->soc = bb_real(45.87);
    charge->capacity = bb_real(100);
    charge->capacity_remain = bb_real(45.9);
    charge->consumed = bb_real(-54.1);
}

void sample_bank(struct bb_message *ret_message)
{
    sample_charge(ret_message);
    (void)snprintf(ret_message->topic, sizeof ret_message->topic, "charge/bank");
    struct bb_charge *charge = &ret_message->body.charge;
    (void)snprintf(charge->kind, sizeof charge->kind, "bank");
    charge->members_count = 2;
    charge->modules_online = bb_integer(1);
    charge->modules_offline = bb_integer(1);
}

void sample_open(struct sample *sample, bool bank)
{
    struct bb_message message;
    memset(sample, 0, sizeof *sample);
    (void)snprintf(sample->snapshot.id, sizeof sample->snapshot.id, bank ? "bank" : "rack-1");
    if (bank) {
        sample_bank(&message);
        (void)bb_snapshot_take(&sample->snapshot, &message);
    } else {
        sample_battery(&message);
        (void)bb_snapshot_take(&sample->snapshot, &message);
        sample_charge(&message);
        (void)bb_snapshot_take(&sample->snapshot, &message);
    }
    sample->identity = (struct bb_identity){.instance = 10, .limits = true};
    sample->items = bb_items_new();
    if (!sample->items ||
        bb_paths_new(sample->items, &sample->snapshot, true, &sample->paths) != BB_OK) {
        abort();
    }
}

void sample_close(struct sample *sample)
{
    bb_paths_destroy(&sample->paths);
    bb_items_destroy(&sample->items);
}

void sample_update(struct sample *sample, int64_t now_ms)
{
    struct bb_view view;
    bb_snapshot_view(&sample->snapshot, now_ms, SAMPLE_WALL_MS, &view);
    if (bb_paths_update(sample->paths, &view, &sample->identity) != BB_OK) {
        abort();
    }
}

const struct bb_item *sample_item(const struct sample *sample, const char *path)
{
    const struct bb_item *item = bb_items_find(sample->items, path, NULL);
    if (!item) {
        (void)fprintf(stderr, "no path %s\n", path);
        abort();
    }
    return item;
}

const char *sample_text(const struct sample *sample, const char *path)
{
    static char buffer[BB_ITEM_TEXT_MAX];
    return bb_item_text(sample_item(sample, path), buffer);
}
