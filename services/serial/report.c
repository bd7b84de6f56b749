#include <stdio.h>
#include <string.h>

#include "services/serial/service.h"

#define PLACE_MAX 64

/* --- Raw bytes --- */

static void log_exchange(struct bb_serial *serial, size_t station, uint64_t number)
{
    const struct bb_trace_entry *entry = bb_trace_at(bb_wire_trace(serial->wire, station), number);
    if (entry) {
        char place[PLACE_MAX];
        char line[BB_TRACE_LINE_MAX];
        bb_actor_log(serial->actor, BB_LOG_INFO, "%s raw %s",
                     bb_reader_place(&serial->reader, station, place, sizeof place),
                     bb_trace_line(entry, line, sizeof line));
    }
}

/* Logs what the trace holds and was not logged yet; the last entry may still grow. */
static void log_exchanges(struct bb_serial *serial, size_t station, bool with_last)
{
    const struct bb_trace *trace = bb_wire_trace(serial->wire, station);
    uint64_t end = trace->count > 0 && !with_last ? trace->count - 1 : trace->count;
    uint64_t *logged = &serial->logged[station];
    if (*logged < bb_trace_oldest(trace)) {
        *logged = bb_trace_oldest(trace);
    }
    for (; *logged < end; (*logged)++) {
        log_exchange(serial, station, *logged);
    }
}

/* --- Links --- */

/* Publishes one link if it must be said anew; true when its state has changed. */
static bool refresh_link(struct bb_serial *serial, size_t station, bool always)
{
    const struct bb_reader_station *view = &serial->reader.stations[station];
    struct bb_link link = {0};
    bool was_silent = view->complained;
    bb_wire_report(serial->wire, station, &link);
    bool changed = bb_reader_publish_link(&serial->reader, station, &link, always);
    if (view->complained && !was_silent && serial->settings.raw_log == BB_RAW_LOG_FAULT) {
        log_exchanges(serial, station, true);
    }
    return changed;
}

static void refresh_links(struct bb_serial *serial, bool always)
{
    bool changed = false;
    serial->changes = bb_wire_changes(serial->wire);
    for (size_t i = 0; i < serial->settings.count; i++) {
        changed = refresh_link(serial, i, always) || changed;
    }
    if (changed && serial->up) {
        bb_serial_report_status(serial);
    }
}

void bb_serial_publish_links(struct bb_serial *serial)
{
    refresh_links(serial, true);
}

void bb_serial_publish_changes(struct bb_serial *serial)
{
    if (bb_wire_changes(serial->wire) != serial->changes) {
        refresh_links(serial, false);
    }
    for (size_t i = 0; serial->settings.raw_log == BB_RAW_LOG_ALWAYS && i < serial->settings.count;
         i++) {
        log_exchanges(serial, i, false);
    }
}

/* --- Process --- */

void bb_serial_report_status(struct bb_serial *serial)
{
    char missing[64] = "";
    size_t online = 0;
    size_t used = 0;
    for (size_t i = 0; i < serial->settings.count; i++) {
        if (bb_wire_is_online(serial->wire, i)) {
            online++;
        } else if (serial->settings.has_addresses && used < sizeof missing) {
            int size =
                snprintf(missing + used, sizeof missing - used, "%s %s", used == 0 ? "; not" : ",",
                         serial->reader.stations[i].device.address);
            used += size > 0 ? (size_t)size : 0;
        }
    }
    bb_actor_status(serial->actor, "%zu of %zu batteries answer%s", online, serial->settings.count,
                    missing);
}

void bb_serial_report_master(struct bb_serial *serial)
{
    if (!serial->master_reported) {
        serial->master_reported = true;
        bb_actor_log(serial->actor, BB_LOG_WARNING,
                     "another master asks on %s: a second program or display, or a BMS that is set "
                     "to be the master (JK PB: address 0)",
                     serial->settings.device);
    }
}
