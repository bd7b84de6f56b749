#include "services/mqtt/publisher.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/deadlines.h"
#include "services/mqtt/broker.h"
#include "services/mqtt/roster.h"

#define QOS_STATE 0
#define QOS_RETAINED 1
/* A decision follows its reading: one document with both instead of two. */
#define SETTLE_MS 150
#define TOPIC_BYTES (BB_MQTT_BASE_MAX + BB_TOPIC_MAX + 32)

struct publisher {
    struct bb_actor *actor;
    struct bb_mqtt_settings settings;
    struct bb_pace pace;
    struct bb_broker *broker;
    struct bb_roster roster;
    int timer;
    int64_t timer_ms; /* when it fires */
    bool blocked;     /* the broker takes nothing more for now */
    bool overflow_said;
};

static const char *const subscriptions[] = {"battery/", "charge/", NULL};

static void topic_of(const struct publisher *publisher, const struct bb_roster_entry *entry,
                     const char *what, char *ret_topic)
{
    (void)snprintf(ret_topic, TOPIC_BYTES, "%s/battery/%s/%s", publisher->settings.base,
                   entry->name, what);
}

static int publish(struct publisher *publisher, const struct bb_roster_entry *entry,
                   const char *what, const char *payload)
{
    char topic[TOPIC_BYTES];
    topic_of(publisher, entry, what, topic);
    bool is_state = strcmp(what, "state") == 0;
    return bb_broker_publish(publisher->broker, topic, payload, is_state ? QOS_STATE : QOS_RETAINED,
                             is_state ? publisher->settings.retain_state : true);
}

/* Keeps text as what was published last. */
static void keep(char **last, char *text)
{
    free(*last);
    *last = text;
}

static int publish_availability(struct publisher *publisher, struct bb_roster_entry *entry,
                                int64_t now)
{
    bool available = bb_mqtt_subject_is_available(&entry->subject, now);
    enum bb_told wanted = available ? BB_TOLD_ONLINE : BB_TOLD_OFFLINE;
    if (entry->availability == wanted) {
        return BB_OK;
    }
    int error = publish(publisher, entry, "availability", available ? "online" : "offline");
    if (error == BB_OK) {
        entry->availability = wanted;
    }
    return error;
}

static int publish_info(struct publisher *publisher, struct bb_roster_entry *entry)
{
    if (!entry->info_pending) {
        return BB_OK;
    }
    char *info = bb_mqtt_text(bb_mqtt_info(&entry->subject));
    if (!info) {
        return BB_ERR_NO_MEMORY;
    }
    if (entry->info && strcmp(info, entry->info) == 0) {
        free(info);
        entry->info_pending = false;
        return BB_OK;
    }
    int error = publish(publisher, entry, "info", info);
    if (error != BB_OK) {
        free(info);
        return error;
    }
    keep(&entry->info, info);
    entry->info_pending = false;
    return BB_OK;
}

static int publish_state(struct publisher *publisher, struct bb_roster_entry *entry, int64_t now)
{
    char *state = bb_mqtt_text(bb_mqtt_state(&entry->subject, now));
    if (!state) {
        return BB_ERR_NO_MEMORY;
    }
    bool changed = !entry->state || strcmp(state, entry->state) != 0;
    if (!changed && !bb_pace_is_overdue(&publisher->pace, &entry->pace, now)) {
        free(state);
        bb_pace_unchanged(&entry->pace);
        return BB_OK;
    }
    int error = publish(publisher, entry, "state", state);
    if (error != BB_OK) {
        free(state);
        return error;
    }
    keep(&entry->state, state);
    bb_pace_sent(&entry->pace, now);
    return BB_OK;
}

/* Publishes what is due of one battery; stops at the first failure, ready() comes back to it. */
static int serve(struct publisher *publisher, struct bb_roster_entry *entry, int64_t now)
{
    if (now >= entry->expiry_ms) {
        entry->expiry_ms = bb_mqtt_subject_expiry(&entry->subject, now);
        bb_pace_hurry(&entry->pace, now);
    }
    if (entry->availability != BB_TOLD_NOTHING) {
        int error = publish_availability(publisher, entry, now);
        if (error != BB_OK) {
            return error;
        }
    }
    if (now < bb_pace_due(&publisher->pace, &entry->pace)) {
        return BB_OK;
    }
    int error = publish_info(publisher, entry);
    error = error == BB_OK ? publish_availability(publisher, entry, now) : error;
    return error == BB_OK ? publish_state(publisher, entry, now) : error;
}

static void schedule(struct publisher *publisher);

static void work(struct publisher *publisher)
{
    int64_t now = bb_actor_now(publisher->actor);
    int error = bb_broker_is_connected(publisher->broker) ? BB_OK : BB_ERR_IO;
    for (size_t i = 0; error == BB_OK && i < publisher->roster.count; i++) {
        error = serve(publisher, publisher->roster.entries[i], now);
    }
    publisher->blocked = error != BB_OK;
    schedule(publisher);
}

static void on_timer(struct bb_actor *actor, void *arg)
{
    (void)actor;
    struct publisher *publisher = arg;
    publisher->timer = 0;
    work(publisher);
}

static int64_t next_work(const struct publisher *publisher)
{
    int64_t next = BB_NEVER_MS;
    for (size_t i = 0; i < publisher->roster.count; i++) {
        const struct bb_roster_entry *entry = publisher->roster.entries[i];
        int64_t due = bb_pace_due(&publisher->pace, &entry->pace);
        due = entry->expiry_ms < due ? entry->expiry_ms : due;
        next = due < next ? due : next;
    }
    return next;
}

/* One timer for whatever comes first. While the broker takes nothing none runs: connected(),
 * ready() and the next message of the bus start the work again. */
static void schedule(struct publisher *publisher)
{
    int64_t next = next_work(publisher);
    int64_t now = bb_actor_now(publisher->actor);
    bool idle = publisher->blocked || next == BB_NEVER_MS;
    if (!idle && publisher->timer != 0 && publisher->timer_ms == next) {
        return;
    }
    bb_actor_cancel(publisher->actor, publisher->timer);
    publisher->timer = 0;
    if (!idle) {
        int64_t delay = next > now ? next - now : 1;
        publisher->timer = bb_actor_after(publisher->actor, delay, on_timer, publisher);
        publisher->timer_ms = next;
    }
}

static void show_status(struct publisher *publisher)
{
    if (bb_broker_is_connected(publisher->broker)) {
        bb_actor_status(publisher->actor, "connected, %zu batteries and banks",
                        publisher->roster.count);
    } else {
        const char *trouble = bb_broker_trouble(publisher->broker);
        bb_actor_status(publisher->actor, "%s", *trouble != '\0' ? trouble : "connecting");
    }
}

/* --- The broker --- */

static void on_connected(void *arg)
{
    struct publisher *publisher = arg;
    int64_t now = bb_actor_now(publisher->actor);
    for (size_t i = 0; i < publisher->roster.count; i++) {
        struct bb_roster_entry *entry = publisher->roster.entries[i];
        if (entry->subject.has_charge || entry->pace.sent) {
            bb_pace_hurry(&entry->pace, now);
        }
    }
    bb_roster_forget_told(&publisher->roster);
    char filter[TOPIC_BYTES];
    (void)snprintf(filter, sizeof filter, "%s/battery/+/availability", publisher->settings.base);
    (void)bb_broker_ask(publisher->broker, filter);
    show_status(publisher);
    work(publisher);
}

static void on_disconnected(void *arg)
{
    show_status(arg);
}

static void on_ready(void *arg)
{
    work(arg);
}

/* The broker still calls a battery online that an earlier run knew and this one does not. */
static void on_retained(void *arg, const char *topic, const void *payload, size_t size)
{
    struct publisher *publisher = arg;
    char prefix[BB_MQTT_BASE_MAX + 16];
    (void)snprintf(prefix, sizeof prefix, "%s/battery/", publisher->settings.base);
    size_t prefix_size = strlen(prefix);
    if (size != strlen("online") || memcmp(payload, "online", size) != 0 ||
        strncmp(topic, prefix, prefix_size) != 0) {
        return;
    }
    const char *name = topic + prefix_size;
    size_t name_size = strcspn(name, "/");
    if (!bb_roster_by_name(&publisher->roster, name, name_size)) {
        (void)bb_broker_publish(publisher->broker, topic, "offline", QOS_RETAINED, true);
    }
}

/* --- The bus --- */

static void say_refused(struct publisher *publisher, const char *id, int error)
{
    if (!publisher->overflow_said) {
        publisher->overflow_said = true;
        bb_actor_log(publisher->actor, BB_LOG_WARNING,
                     error == BB_ERR_DUPLICATE ? "%s is not published: another id has the same "
                                                 "MQTT topic"
                                               : "%s is not published: too many batteries",
                     id);
    }
}

static void on_message(struct bb_actor *actor, void *self, const struct bb_message *message)
{
    struct publisher *publisher = self;
    int64_t now = bb_actor_now(actor);
    const char *id = bb_message_id(message);
    size_t known = publisher->roster.count;
    struct bb_roster_entry *entry = NULL;
    int error = bb_roster_find(&publisher->roster, id, &entry);
    if (error != BB_OK) {
        say_refused(publisher, id, error);
        return;
    }
    if (bb_mqtt_subject_update(&entry->subject, message, now)) {
        bb_pace_hurry(&entry->pace, now);
    }
    /* A battery without any decision waits for its first one as long as a decision may take. */
    bool decided = message->topic_class == BB_TOPIC_CHARGE;
    int64_t settle_ms = entry->subject.has_charge ? SETTLE_MS : BB_DECISION_MAX_AGE_MS;
    bb_pace_change(&entry->pace, decided ? now : now + settle_ms);
    entry->expiry_ms = bb_mqtt_subject_expiry(&entry->subject, now);
    entry->info_pending = true;
    if (publisher->roster.count != known) {
        show_status(publisher);
    }
    work(publisher);
}

static int start(struct bb_actor *actor, void *self)
{
    struct publisher *publisher = self;
    publisher->actor = actor;
    char hostname[256] = "";
    (void)gethostname(hostname, sizeof hostname - 1);
    struct bb_problem problem;
    int error =
        bb_mqtt_settings_read(bb_actor_config(actor), hostname, &publisher->settings, &problem);
    if (error != BB_OK) {
        bb_actor_log(actor, BB_LOG_ERROR, "[mqtt] %s: %s", problem.where, problem.what);
        return error;
    }
    publisher->pace = (struct bb_pace){.min_ms = publisher->settings.min_interval_ms,
                                       .max_ms = publisher->settings.max_interval_ms};
    const struct bb_broker_handler handler = {.arg = publisher,
                                              .connected = on_connected,
                                              .disconnected = on_disconnected,
                                              .ready = on_ready,
                                              .retained = on_retained};
    bb_actor_status(actor, "connecting");
    return bb_broker_new(actor, &publisher->settings, &handler, &publisher->broker);
}

static void stop(struct bb_actor *actor, void *self)
{
    struct publisher *publisher = self;
    bb_actor_cancel(actor, publisher->timer);
    bb_broker_destroy(&publisher->broker);
    bb_roster_clear(&publisher->roster);
    memset(publisher->settings.password, 0, sizeof publisher->settings.password);
}

const struct bb_service bb_mqtt_service = {.program = "mqtt",
                                           .subscriptions = subscriptions,
                                           .start = start,
                                           .stop = stop,
                                           .message = on_message,
                                           .self_size = sizeof(struct publisher)};
