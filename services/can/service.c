#include "services/can/service.h"

#include <stdio.h>
#include <string.h>

#define LINK_PERIOD_MS 1000

/* --- Messages --- */

static void publish_links(struct bb_can *can, bool all)
{
    size_t online = 0;
    bool changed = false;
    for (size_t i = 0; i < can->settings.count; i++) {
        struct bb_link link = {0};
        bb_can_host_report(can->host, i, &link);
        bb_can_line_report(can, &link);
        changed = bb_reader_publish_link(&can->reader, i, &link, all) || changed;
        online += bb_can_host_is_online(can->host, i);
    }
    if ((all || changed) && can->settings.count > 0 && bb_can_line_is_up(can)) {
        bb_actor_status(can->actor, "%s: %zu of %zu batteries online", can->settings.interface,
                        online, can->settings.count);
    }
}

static void on_event(void *arg, size_t station, enum bb_event event)
{
    struct bb_can *can = arg;
    if (event == BB_EVENT_STATE) {
        struct bb_battery battery;
        int64_t time_ms;
        bb_can_host_battery(can->host, station, &battery, &time_ms);
        bb_reader_publish_battery(&can->reader, station, &battery, time_ms,
                                  bb_can_host_interval_ms(can->host, station));
    } else if (event == BB_EVENT_COMMAND) {
        struct bb_control_result result = {0};
        bb_can_host_result(can->host, station, &result);
        bb_reader_end_command(&can->reader, station, &result);
    }
}

/* --- Frames and time --- */

void bb_can_frame(struct bb_can *can, const struct bb_can_frame *frame)
{
    if (can->settings.count == 0) {
        bb_can_detect_frame(can, frame);
        return;
    }
    struct bb_packet packet = {
        .data = frame->data, .size = frame->size, .id = frame->id, .extended = frame->extended};
    bb_can_host_receive(can->host, &packet, frame->time_ms);
}

static void on_wake(struct bb_actor *actor, void *arg)
{
    struct bb_can *can = arg;
    can->wake_timer = 0;
    bb_can_host_tick(can->host, bb_actor_now(actor));
    bb_can_pump(can);
}

static void set_alarm(struct bb_can *can, int64_t wake_ms)
{
    bb_actor_cancel(can->actor, can->wake_timer);
    can->wake_timer = 0;
    if (wake_ms == BB_NEVER_MS) {
        return;
    }
    int64_t delay_ms = wake_ms - bb_actor_now(can->actor);
    int id = bb_actor_after(can->actor, delay_ms > 0 ? delay_ms : 0, on_wake, can);
    if (id <= 0) {
        bb_actor_exit(can->actor, BB_EXIT_FAILED);
        return;
    }
    can->wake_timer = id;
}

void bb_can_pump(struct bb_can *can)
{
    struct bb_request request = {0};
    size_t station = 0;
    bool blocked = can->settings.listen_only;
    int64_t now_ms = bb_actor_now(can->actor);
    while (!blocked && bb_can_host_next(can->host, now_ms, &request, &station)) {
        blocked = bb_can_line_send(can, &request) != BB_OK;
        if (!blocked) {
            bb_can_host_sent(can->host, station, now_ms);
        }
        request = (struct bb_request){0};
    }
    int64_t wake_ms = bb_can_host_wake_ms(can->host);
    if (blocked && wake_ms < can->line.blocked_ms) {
        wake_ms = can->line.blocked_ms;
    }
    if (can->settings.listen_only && wake_ms <= now_ms) {
        wake_ms = now_ms + LINK_PERIOD_MS;
    }
    set_alarm(can, wake_ms);
    publish_links(can, false);
}

void bb_can_line_changed(struct bb_can *can, bool up)
{
    bb_can_host_link(can->host, up, bb_actor_now(can->actor));
    bb_can_pump(can);
}

static void each_second(struct bb_actor *actor, void *arg)
{
    struct bb_can *can = arg;
    bb_can_host_tick(can->host, bb_actor_now(actor));
    bb_reader_expire_commands(&can->reader);
    bb_can_detect_tick(can);
    publish_links(can, true);
}

static void on_message(struct bb_actor *actor, void *self, const struct bb_message *message)
{
    struct bb_can *can = self;
    struct bb_control control = {0};
    struct bb_problem problem = {0};
    size_t station;
    if (message->topic_class != BB_TOPIC_COMMAND ||
        bb_reader_admit(&can->reader, message, &station, &control) != BB_OK) {
        return;
    }
    if (bb_can_host_command(can->host, station, &control, bb_actor_now(actor), &problem) != BB_OK) {
        struct bb_control_result refused = {.done = false};
        (void)snprintf(refused.reason, sizeof refused.reason, "%.95s", problem.what);
        bb_reader_end_command(&can->reader, station, &refused);
    }
    bb_can_pump(can);
}

/* --- Start --- */

/* The identity book of a driver, which begins with this battery. */
static struct bb_identity_book *begin_book(struct bb_can *can, size_t first)
{
    const struct bb_can_settings *settings = &can->settings;
    const struct bb_driver *driver = settings->batteries[first].driver;
    bool alone = driver == settings->batteries[0].driver &&
                 driver == settings->batteries[settings->count - 1].driver;
    uint16_t addresses[BB_CAN_STATIONS_MAX];
    size_t count = 0;
    for (size_t i = first; i < settings->count && settings->batteries[i].driver == driver; i++) {
        addresses[count++] = settings->batteries[i].address;
    }
    char section[BB_ID_MAX];
    (void)snprintf(section, sizeof section, "%.30s%s%s", settings->section, alone ? "" : "-",
                   alone ? "" : driver->id);
    struct bb_identity_book *book = &can->books[can->book_count++];
    bb_identity_begin(book, "can", section, driver->id, addresses, count);
    struct bb_problem problem;
    const char *state_dir = bb_actor_state_dir(can->actor);
    if (state_dir && bb_identity_load(book, state_dir, &problem) != BB_OK) {
        bb_actor_log(can->actor, BB_LOG_WARNING, "%s: %s; the batteries are identified anew",
                     problem.where, problem.what);
    }
    return book;
}

static int add_battery(struct bb_can *can, size_t index, struct bb_identity_book *book,
                       size_t entry, struct bb_problem *problem)
{
    const struct bb_can_battery *battery = &can->settings.batteries[index];
    struct bb_driver_config config = {.medium = BB_MEDIUM_CAN,
                                      .address = battery->address,
                                      .period_ms = battery->period_ms,
                                      .settings = battery->settings,
                                      .setting_count = battery->setting_count};
    int station = bb_can_host_add(can->host, battery->driver, &config, problem);
    if (station < 0) {
        return station == BB_ERR_NO_MEMORY ? station : BB_ERR_CONFIG;
    }
    struct bb_device device;
    char place[64];
    bb_can_settings_device(&can->settings, index, &device);
    (void)snprintf(place, sizeof place, "%s%s%s", battery->driver->id, *device.address ? "-" : "",
                   device.address);
    return bb_reader_add(&can->reader, &device, place, book, entry, problem);
}

int bb_can_add_batteries(struct bb_can *can, struct bb_problem *problem)
{
    struct bb_identity_book *book = NULL;
    size_t first = 0;
    for (size_t i = 0; i < can->settings.count; i++) {
        if (!book || can->settings.batteries[i].driver != can->settings.batteries[i - 1].driver) {
            book = begin_book(can, i);
            first = i;
        }
        int error = add_battery(can, i, book, i - first, problem);
        if (error != BB_OK) {
            return error;
        }
    }
    if (bb_can_host_filters(can->host, NULL, 0) > BB_CAN_FILTERS_MAX) {
        return bb_fail(problem, BB_ERR_CONFIG, "addresses",
                       "more than %d identifiers: too many batteries for one interface",
                       BB_CAN_FILTERS_MAX);
    }
    return BB_OK;
}

static int prepare(struct bb_can *can, struct bb_problem *problem)
{
    int error = bb_can_settings_read(bb_actor_config(can->actor), bb_actor_section(can->actor),
                                     &can->settings, problem);
    if (error != BB_OK) {
        return error;
    }
    can->reader.actor = can->actor;
    can->reader.controls = can->settings.controls;
    can->host = bb_can_host_new(on_event, can);
    if (!can->host) {
        return bb_fail(problem, BB_ERR_NO_MEMORY, "start", "out of memory");
    }
    error = bb_can_add_batteries(can, problem);
    return error == BB_OK ? bb_can_line_start(can, problem) : error;
}

static int start(struct bb_actor *actor, void *self)
{
    struct bb_can *can = self;
    struct bb_problem problem = {0};
    can->actor = actor;
    can->line.fd = -1;
    can->line.monitor = -1;
    int error = prepare(can, &problem);
    if (error != BB_OK) {
        bb_actor_log(actor, BB_LOG_ERROR, "[can %s] %s: %s", bb_actor_section(actor), problem.where,
                     problem.what);
        return error;
    }
    return bb_actor_every(actor, LINK_PERIOD_MS, each_second, can) < 0 ? BB_ERR_NO_MEMORY : BB_OK;
}

static void stop(struct bb_actor *actor, void *self)
{
    (void)actor;
    struct bb_can *can = self;
    bb_can_line_stop(can);
    bb_can_host_destroy(&can->host);
}

static const char *const subscriptions[] = {"command/", NULL};

const struct bb_service bb_can_service = {
    .program = "can",
    .subscriptions = subscriptions,
    .start = start,
    .stop = stop,
    .message = on_message,
    .self_size = sizeof(struct bb_can),
};
