#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "services/serial/service.h"

#define LINK_INTERVAL_MS 1000

/* "0x01" where the wire has addresses, else the section: how log lines call a battery. */
static const char *place_of(const struct bb_serial *serial, size_t station)
{
    const char *address = serial->stations[station].device.address;
    return *address ? address : serial->settings.section;
}

int bb_serial_report_start(struct bb_serial *serial, struct bb_problem *problem)
{
    for (size_t i = 0; i < serial->settings.count; i++) {
        struct bb_serial_station *station = &serial->stations[i];
        char address[16];
        char rest[BB_TOPIC_MAX];
        bb_serial_settings_device(&serial->settings, i, &station->device);
        bb_serial_settings_address(&serial->settings, i, address, sizeof address);
        (void)snprintf(rest, sizeof rest, "%s/%s", bb_actor_name(serial->actor), address);
        int error = bb_topic_make(station->topic, sizeof station->topic, BB_TOPIC_LINK, rest);
        if (error != BB_OK) {
            return bb_fail(problem, BB_ERR_CONFIG, "section name", "%s", bb_error_text(error));
        }
        /* Every message that carries it would be refused otherwise. */
        serial->message.body.battery = (struct bb_battery){.device = station->device};
        if (bb_battery_check(&serial->message.body.battery, problem) != BB_OK) {
            return BB_ERR_CONFIG;
        }
    }
    return BB_OK;
}

/* --- Identity --- */

static void explain_verdict(struct bb_serial *serial, size_t station,
                            enum bb_identity_verdict verdict, const char *old_id,
                            const char *serial_number)
{
    const char *place = place_of(serial, station);
    const char *id = serial->book.stations[station].id;
    switch (verdict) {
    case BB_IDENTITY_DECIDED:
        bb_actor_log(serial->actor, BB_LOG_NOTICE, "%s is battery %s", place, id);
        break;
    case BB_IDENTITY_CHANGED:
        bb_actor_log(serial->actor, BB_LOG_WARNING,
                     "%s: serial number %s is not that of %s: another battery, now %s", place,
                     serial_number, old_id, id);
        break;
    case BB_IDENTITY_CLASH:
        bb_actor_log(serial->actor, BB_LOG_WARNING,
                     "%s: another battery of this wire has the same identity (serial number %s); "
                     "not published",
                     place, *serial_number ? serial_number : "none");
        break;
    case BB_IDENTITY_PENDING:
    case BB_IDENTITY_KNOWN:
    case BB_IDENTITY_CLASHING:
        break;
    }
}

static void save_identities(struct bb_serial *serial)
{
    const char *state_dir = bb_actor_state_dir(serial->actor);
    struct bb_problem problem;
    if (serial->book.changed && state_dir &&
        bb_identity_save(&serial->book, state_dir, &problem) != BB_OK) {
        bb_actor_log(serial->actor, BB_LOG_WARNING, "%s: %s", problem.where, problem.what);
        serial->book.changed = false; /* said; the next change tries again */
    }
}

/* True when the state may be published, under the id in the book. */
static bool identify(struct bb_serial *serial, size_t station, const char *serial_number)
{
    char old_id[BB_ID_MAX];
    (void)snprintf(old_id, sizeof old_id, "%s", serial->book.stations[station].id);
    enum bb_identity_verdict verdict = bb_identity_judge(&serial->book, station, serial_number);
    explain_verdict(serial, station, verdict, old_id, serial_number);
    save_identities(serial);
    return verdict == BB_IDENTITY_KNOWN || verdict == BB_IDENTITY_DECIDED ||
           verdict == BB_IDENTITY_CHANGED;
}

/* --- Battery --- */

void bb_serial_publish_battery(struct bb_serial *serial, size_t station)
{
    struct bb_message *message = &serial->message;
    struct bb_battery *battery = &message->body.battery;
    int64_t time_ms = 0;
    memset(message, 0, sizeof *message);
    message->topic_class = BB_TOPIC_BATTERY;
    bb_wire_battery(serial->wire, station, battery, &time_ms);
    if (!identify(serial, station, battery->serial_number) ||
        bb_topic_make(message->topic, sizeof message->topic, BB_TOPIC_BATTERY,
                      serial->book.stations[station].id) != BB_OK) {
        return;
    }
    battery->device = serial->stations[station].device;
    int64_t age_ms = bb_clock_mono_ms() - time_ms;
    message->head.mono_ms = bb_integer(time_ms);
    message->head.wall_ms = bb_integer(bb_clock_wall_ms() - age_ms);
    (void)bb_actor_publish(serial->actor, message, bb_wire_interval_ms(serial->wire, station));
}

/* --- Link --- */

static void log_exchange(struct bb_serial *serial, size_t station, uint64_t number)
{
    const struct bb_trace_entry *entry = bb_trace_at(bb_wire_trace(serial->wire, station), number);
    if (entry) {
        char line[BB_TRACE_LINE_MAX];
        bb_actor_log(serial->actor, BB_LOG_INFO, "%s raw %s", place_of(serial, station),
                     bb_trace_line(entry, line, sizeof line));
    }
}

/* Logs what the trace holds and was not logged yet, but for the entry that may still grow. */
static void log_exchanges(struct bb_serial *serial, size_t station, bool with_last)
{
    const struct bb_trace *trace = bb_wire_trace(serial->wire, station);
    uint64_t end = trace->count > 0 && !with_last ? trace->count - 1 : trace->count;
    uint64_t *logged = &serial->stations[station].logged;
    if (*logged < bb_trace_oldest(trace)) {
        *logged = bb_trace_oldest(trace);
    }
    for (; *logged < end; (*logged)++) {
        log_exchange(serial, station, *logged);
    }
}

static void report_silence(struct bb_serial *serial, size_t station, const struct bb_link *link)
{
    bb_actor_log(serial->actor, BB_LOG_WARNING, "%s does not answer (%s)",
                 place_of(serial, station), *link->last_error ? link->last_error : "no state");
    if (serial->settings.raw_log == BB_RAW_LOG_FAULT) {
        log_exchanges(serial, station, true);
    }
}

/* Tells people once when a battery falls silent and once when it is back. */
static void report_change(struct bb_serial *serial, size_t station, const struct bb_link *link)
{
    struct bb_serial_station *view = &serial->stations[station];
    if (strcmp(link->state, "silent") == 0 && !view->complained) {
        view->complained = true;
        report_silence(serial, station, link);
    } else if (strcmp(link->state, "online") == 0 && view->complained) {
        view->complained = false;
        bb_actor_log(serial->actor, BB_LOG_NOTICE, "%s answers again", place_of(serial, station));
    }
}

static void publish_link(struct bb_serial *serial, size_t station, const struct bb_link *link)
{
    struct bb_message *message = &serial->message;
    const struct bb_device *device = &serial->stations[station].device;
    memset(message, 0, sizeof *message);
    message->topic_class = BB_TOPIC_LINK;
    (void)snprintf(message->topic, sizeof message->topic, "%s", serial->stations[station].topic);
    message->body.link = *link;
    (void)snprintf(message->body.link.battery, sizeof message->body.link.battery, "%s",
                   serial->book.stations[station].id);
    (void)snprintf(message->body.link.driver, sizeof message->body.link.driver, "%s",
                   device->driver);
    (void)snprintf(message->body.link.address, sizeof message->body.link.address, "%s",
                   device->address);
    (void)bb_actor_publish(serial->actor, message, LINK_INTERVAL_MS);
}

/* Publishes one link if it must be said anew; true when its state has changed. */
static bool refresh_link(struct bb_serial *serial, size_t station, bool always)
{
    struct bb_serial_station *view = &serial->stations[station];
    struct bb_link link = {0};
    bb_wire_report(serial->wire, station, &link);
    bool changed = strcmp(link.state, view->state) != 0;
    if (changed) {
        report_change(serial, station, &link);
    }
    if (always || changed || strcmp(link.last_error, view->last_error) != 0) {
        (void)snprintf(view->state, sizeof view->state, "%s", link.state);
        (void)snprintf(view->last_error, sizeof view->last_error, "%s", link.last_error);
        publish_link(serial, station, &link);
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
            int size = snprintf(missing + used, sizeof missing - used, "%s %s",
                                used == 0 ? "; not" : ",", place_of(serial, i));
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
