#include "common/reader/reader.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"

#define LINK_INTERVAL_MS 1000

static struct bb_identity *identity_of(const struct bb_reader_station *station)
{
    return &station->book->stations[station->entry];
}

int bb_reader_add(struct bb_reader *reader, const struct bb_device *device, const char *place,
                  struct bb_identity_book *book, size_t entry, struct bb_problem *problem)
{
    if (reader->count == BB_MEMBERS_MAX) {
        return bb_fail(problem, BB_ERR_CONFIG, "addresses", "more than %d batteries",
                       BB_MEMBERS_MAX);
    }
    struct bb_reader_station *station = &reader->stations[reader->count];
    char rest[BB_TOPIC_MAX];
    *station = (struct bb_reader_station){.device = *device, .book = book, .entry = entry};
    (void)snprintf(rest, sizeof rest, "%s/%s", bb_actor_name(reader->actor), place);
    if (bb_topic_make(station->topic, sizeof station->topic, BB_TOPIC_LINK, rest) != BB_OK) {
        return bb_fail(problem, BB_ERR_CONFIG, "section name", "cannot stand in a topic");
    }
    /* Every message that carries it would be refused otherwise. */
    reader->message.body.battery = (struct bb_battery){.device = *device};
    if (bb_battery_check(&reader->message.body.battery, problem) != BB_OK) {
        return BB_ERR_CONFIG;
    }
    reader->count++;
    return BB_OK;
}

const char *bb_reader_place(const struct bb_reader *reader, size_t station, char *ret_text,
                            size_t capacity)
{
    const struct bb_device *device = &reader->stations[station].device;
    (void)snprintf(ret_text, capacity, "%s%s%s", device->driver, *device->address ? " " : "",
                   device->address);
    return ret_text;
}

/* --- Identity --- */

static void explain_verdict(struct bb_reader *reader, size_t station,
                            enum bb_identity_verdict verdict, const char *old_id,
                            const char *serial_number)
{
    char text[64];
    const char *place = bb_reader_place(reader, station, text, sizeof text);
    const char *id = identity_of(&reader->stations[station])->id;
    switch (verdict) {
    case BB_IDENTITY_DECIDED:
        bb_actor_log(reader->actor, BB_LOG_NOTICE, "%s is battery %s", place, id);
        break;
    case BB_IDENTITY_CHANGED:
        bb_actor_log(reader->actor, BB_LOG_WARNING,
                     "%s: serial number %s is not that of %s: another battery, now %s", place,
                     serial_number, old_id, id);
        break;
    case BB_IDENTITY_CLASH:
        bb_actor_log(reader->actor, BB_LOG_WARNING,
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

static void save_identities(struct bb_reader *reader, struct bb_identity_book *book)
{
    const char *state_dir = bb_actor_state_dir(reader->actor);
    struct bb_problem problem;
    if (book->changed && state_dir && bb_identity_save(book, state_dir, &problem) != BB_OK) {
        bb_actor_log(reader->actor, BB_LOG_WARNING, "%s: %s", problem.where, problem.what);
        book->changed = false; /* said; the next change tries again */
    }
}

/* True when the state may be published, under the id in the book. */
static bool identify(struct bb_reader *reader, size_t index, const char *serial_number)
{
    struct bb_reader_station *station = &reader->stations[index];
    char old_id[BB_ID_MAX];
    (void)snprintf(old_id, sizeof old_id, "%s", identity_of(station)->id);
    enum bb_identity_verdict verdict =
        bb_identity_judge(station->book, station->entry, serial_number);
    explain_verdict(reader, index, verdict, old_id, serial_number);
    save_identities(reader, station->book);
    return verdict == BB_IDENTITY_KNOWN || verdict == BB_IDENTITY_DECIDED ||
           verdict == BB_IDENTITY_CHANGED;
}

/* --- Messages --- */

void bb_reader_publish_battery(struct bb_reader *reader, size_t station,
                               const struct bb_battery *battery, int64_t time_ms,
                               int64_t interval_ms)
{
    struct bb_message *message = &reader->message;
    if (!identify(reader, station, battery->serial_number)) {
        return;
    }
    memset(message, 0, sizeof *message);
    message->topic_class = BB_TOPIC_BATTERY;
    if (bb_topic_make(message->topic, sizeof message->topic, BB_TOPIC_BATTERY,
                      identity_of(&reader->stations[station])->id) != BB_OK) {
        return;
    }
    message->body.battery = *battery;
    message->body.battery.device = reader->stations[station].device;
    message->head.mono_ms = bb_integer(time_ms);
    message->head.wall_ms = bb_integer(bb_clock_wall_ms() - (bb_clock_mono_ms() - time_ms));
    (void)bb_actor_publish(reader->actor, message, interval_ms);
}

static void tell_people(struct bb_reader *reader, size_t index, const struct bb_link *link)
{
    struct bb_reader_station *station = &reader->stations[index];
    char text[64];
    const char *place = bb_reader_place(reader, index, text, sizeof text);
    if (strcmp(link->state, "silent") == 0 && !station->complained) {
        station->complained = true;
        bb_actor_log(reader->actor, BB_LOG_WARNING, "%s is silent (%s)", place,
                     *link->last_error ? link->last_error : "no state");
    } else if (strcmp(link->state, "online") == 0 && station->complained) {
        station->complained = false;
        bb_actor_log(reader->actor, BB_LOG_NOTICE, "%s is back", place);
    }
}

bool bb_reader_publish_link(struct bb_reader *reader, size_t index, const struct bb_link *link,
                            bool always)
{
    struct bb_reader_station *station = &reader->stations[index];
    bool changed = strcmp(link->state, station->state) != 0;
    if (!always && !changed && strcmp(link->last_error, station->last_error) == 0) {
        return false;
    }
    if (changed) {
        tell_people(reader, index, link);
    }
    (void)snprintf(station->state, sizeof station->state, "%s", link->state);
    (void)snprintf(station->last_error, sizeof station->last_error, "%s", link->last_error);
    struct bb_message *message = &reader->message;
    memset(message, 0, sizeof *message);
    message->topic_class = BB_TOPIC_LINK;
    (void)snprintf(message->topic, sizeof message->topic, "%s", station->topic);
    struct bb_link *body = &message->body.link;
    *body = *link;
    (void)snprintf(body->battery, sizeof body->battery, "%s", identity_of(station)->id);
    (void)snprintf(body->driver, sizeof body->driver, "%s", station->device.driver);
    (void)snprintf(body->address, sizeof body->address, "%s", station->device.address);
    (void)bb_actor_publish(reader->actor, message, LINK_INTERVAL_MS);
    return changed;
}

/* --- Commands --- */

static void reply(struct bb_reader *reader, const char *id, const char *correlation,
                  const char *verb, const struct bb_control_result *result)
{
    struct bb_message *message = &reader->message;
    struct bb_reply *body = &message->body.reply;
    memset(message, 0, sizeof *message);
    message->topic_class = BB_TOPIC_REPLY;
    (void)snprintf(body->correlation, sizeof body->correlation, "%s", correlation);
    (void)snprintf(body->verb, sizeof body->verb, "%s", verb);
    (void)snprintf(body->reason, sizeof body->reason, "%s", result->reason);
    body->done = bb_flag(result->done);
    body->value = result->value;
    if (bb_topic_make(message->topic, sizeof message->topic, BB_TOPIC_REPLY, id) == BB_OK) {
        (void)bb_actor_publish(reader->actor, message, 0);
    }
    bb_actor_log(reader->actor, BB_LOG_NOTICE, "command %s for %s: %s%s%s", verb, id,
                 result->done ? "done" : "not done", *result->reason ? ", " : "", result->reason);
}

int bb_reader_admit(struct bb_reader *reader, const struct bb_message *message, size_t *ret_station,
                    struct bb_control *ret_control)
{
    const char *id = bb_message_id(message);
    const struct bb_command *command = &message->body.command;
    for (size_t i = 0; i < reader->count; i++) {
        if (strcmp(identity_of(&reader->stations[i])->id, id) != 0) {
            continue;
        }
        struct bb_problem problem = {0};
        bb_actor_log(reader->actor, BB_LOG_NOTICE, "command %s = %g for %s from %s", command->verb,
                     command->value.value, id, *command->origin ? command->origin : "unknown");
        int error = bb_control_admit(&reader->stations[i].gate, reader->controls, command,
                                     bb_actor_now(reader->actor), ret_control, &problem);
        if (error == BB_OK) {
            ret_control->wall_ms = bb_clock_wall_ms();
            *ret_station = i;
            return BB_OK;
        }
        struct bb_control_result refused = {.done = false};
        (void)snprintf(refused.reason, sizeof refused.reason, "%.*s",
                       (int)sizeof refused.reason - 1, problem.what);
        reply(reader, id, command->correlation, command->verb, &refused);
        return error;
    }
    return BB_ERR_UNKNOWN; /* another reader's battery */
}

void bb_reader_end_command(struct bb_reader *reader, size_t station,
                           const struct bb_control_result *result)
{
    struct bb_control_gate *gate = &reader->stations[station].gate;
    if (gate->pending) {
        gate->pending = false;
        reply(reader, identity_of(&reader->stations[station])->id, gate->correlation, gate->verb,
              result);
    }
}

void bb_reader_expire_commands(struct bb_reader *reader)
{
    static const struct bb_control_result overdue = {
        .reason = "the battery has not confirmed it; it may still take effect"};
    for (size_t i = 0; i < reader->count; i++) {
        if (bb_control_is_overdue(&reader->stations[i].gate, bb_actor_now(reader->actor))) {
            bb_reader_end_command(reader, i, &overdue);
        }
    }
}
