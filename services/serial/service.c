#include "services/serial/service.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define RETRY_FIRST_MS 100
#define RETRY_MAX_MS 2000
/* Output that the port does not take for this long will never leave: the adapter hangs. */
#define WRITE_MAX_MS 2000
/* USB adapters hang: a port from which nothing came for this long is opened anew. */
#define DEAF_MS 60000
#define LINK_PERIOD_MS 1000

static void try_open(struct bb_actor *actor, void *arg);
static void on_port(struct bb_actor *actor, int fd, short revents, void *arg);
static void pump(struct bb_serial *serial);

static void retry_later(struct bb_serial *serial)
{
    int id = bb_actor_after(serial->actor, serial->retry_ms, try_open, serial);
    serial->retry_timer = id > 0 ? id : 0;
    serial->retry_ms *= 2;
    if (serial->retry_ms > RETRY_MAX_MS) {
        serial->retry_ms = RETRY_MAX_MS;
    }
}

static void close_port(struct bb_serial *serial)
{
    int fd = bb_port_fd(serial->port);
    if (fd >= 0) {
        bb_actor_unwatch(serial->actor, fd);
    }
    bb_actor_cancel(serial->actor, serial->write_timer);
    bb_actor_cancel(serial->actor, serial->wake_timer);
    serial->write_timer = 0;
    serial->wake_timer = 0;
    bb_port_close(serial->port);
    serial->up = false;
    serial->writing = false;
    bb_wire_link(serial->wire, false, bb_actor_now(serial->actor));
}

static void port_lost(struct bb_serial *serial, const char *why)
{
    close_port(serial);
    bb_actor_log(serial->actor, BB_LOG_WARNING, "%s %s", serial->settings.device, why);
    bb_actor_status(serial->actor, "waiting: %.64s %.54s", serial->settings.device, why);
    (void)snprintf(serial->trouble, sizeof serial->trouble, "%s", BB_PORT_MISSING);
    serial->announced = false;
    serial->retry_ms = RETRY_FIRST_MS;
    retry_later(serial);
    bb_serial_publish_changes(serial);
}

static void on_stuck(struct bb_actor *actor, void *arg)
{
    (void)actor;
    struct bb_serial *serial = arg;
    serial->write_timer = 0;
    port_lost(serial, "takes no output");
}

static void watch(struct bb_serial *serial)
{
    short events = (short)(POLLIN | (serial->writing ? POLLOUT : 0));
    int fd = bb_port_fd(serial->port);
    if (bb_actor_watch(serial->actor, fd, events, on_port, serial) != BB_OK) {
        bb_actor_exit(serial->actor, BB_EXIT_FAILED);
    }
}

/* What has become of a write: all gone, the rest waits, or the port is gone. */
static void note_write(struct bb_serial *serial, int result)
{
    bool was_writing = serial->writing;
    if (result < 0) {
        port_lost(serial, "is gone");
        return;
    }
    serial->writing = result == 0;
    if (serial->writing == was_writing) {
        if (!serial->writing) {
            bb_wire_written(serial->wire, bb_actor_now(serial->actor));
        }
        return;
    }
    watch(serial);
    if (serial->writing) {
        int id = bb_actor_after(serial->actor, WRITE_MAX_MS, on_stuck, serial);
        serial->write_timer = id > 0 ? id : 0;
    } else {
        bb_actor_cancel(serial->actor, serial->write_timer);
        serial->write_timer = 0;
        bb_wire_written(serial->wire, bb_actor_now(serial->actor));
    }
}

static void on_wake(struct bb_actor *actor, void *arg)
{
    struct bb_serial *serial = arg;
    serial->wake_timer = 0;
    bb_wire_tick(serial->wire, bb_actor_now(actor));
    pump(serial);
}

/* A timer that fires too early does no harm; while an answer arrives, its time-out moves with
 * every byte, and the timer is left alone. */
static void set_alarm(struct bb_serial *serial)
{
    int64_t wake_ms = bb_wire_wake_ms(serial->wire);
    if (wake_ms == BB_NEVER_MS || (serial->wake_timer > 0 && serial->wake_ms <= wake_ms)) {
        return;
    }
    bb_actor_cancel(serial->actor, serial->wake_timer);
    int64_t delay_ms = wake_ms - bb_actor_now(serial->actor);
    int id = bb_actor_after(serial->actor, delay_ms > 0 ? delay_ms : 0, on_wake, serial);
    serial->wake_timer = id > 0 ? id : 0;
    serial->wake_ms = wake_ms;
    if (id < 0) {
        bb_actor_exit(serial->actor, BB_EXIT_FAILED);
    }
}

static void pump(struct bb_serial *serial)
{
    struct bb_request request;
    while (serial->up && bb_wire_next(serial->wire, bb_actor_now(serial->actor), &request)) {
        note_write(serial, bb_port_write(serial->port, request.data, request.size));
    }
    set_alarm(serial);
    bb_serial_publish_changes(serial);
}

static void on_port(struct bb_actor *actor, int fd, short revents, void *arg)
{
    (void)fd;
    struct bb_serial *serial = arg;
    if (serial->writing && (revents & POLLOUT)) {
        note_write(serial, bb_port_flush(serial->port));
    }
    if (serial->up && (revents & (POLLIN | POLLERR))) {
        uint8_t data[1024];
        int size = bb_port_read(serial->port, data, sizeof data);
        if (size < 0) {
            port_lost(serial, "is gone");
        } else {
            bb_wire_receive(serial->wire, data, (size_t)size, bb_actor_now(actor));
        }
    }
    pump(serial);
}

/* Says once why the port cannot be opened. */
static void explain(struct bb_serial *serial, const struct bb_problem *problem)
{
    bb_actor_status(serial->actor, "waiting: %.64s %.54s", serial->settings.device, problem->what);
    if (strcmp(serial->trouble, problem->what) != 0) {
        (void)snprintf(serial->trouble, sizeof serial->trouble, "%s", problem->what);
        bb_actor_log(serial->actor, BB_LOG_WARNING, "%s %s; trying again until it can be opened",
                     serial->settings.device, problem->what);
    }
}

static void try_open(struct bb_actor *actor, void *arg)
{
    struct bb_serial *serial = arg;
    struct bb_problem problem = {0};
    serial->retry_timer = 0;
    if (bb_port_open(serial->port, &problem) != BB_OK) {
        explain(serial, &problem);
        retry_later(serial);
        return;
    }
    serial->trouble[0] = '\0';
    serial->retry_ms = RETRY_FIRST_MS;
    serial->up = true;
    serial->opened_ms = bb_actor_now(actor);
    serial->master_reported = false;
    watch(serial);
    if (!serial->announced) {
        serial->announced = true;
        bb_actor_log(actor, BB_LOG_INFO, "%s opened at %" PRIu32 " bit/s", serial->settings.device,
                     serial->settings.bit_rate);
    }
    bb_wire_link(serial->wire, true, serial->opened_ms);
    bb_serial_report_status(serial);
    pump(serial);
}

static void publish_state(struct bb_serial *serial, size_t station)
{
    int64_t time_ms = 0;
    bb_wire_battery(serial->wire, station, &serial->battery, &time_ms);
    bb_reader_publish_battery(&serial->reader, station, &serial->battery, time_ms,
                              bb_wire_interval_ms(serial->wire, station));
}

static void end_command(struct bb_serial *serial, size_t station)
{
    struct bb_control_result result = {0};
    bb_wire_result(serial->wire, station, &result);
    bb_reader_end_command(&serial->reader, station, &result);
}

static void on_event(void *arg, size_t station, enum bb_event event)
{
    struct bb_serial *serial = arg;
    switch (event) {
    case BB_EVENT_STATE:
        publish_state(serial, station);
        break;
    case BB_EVENT_FOREIGN_MASTER:
        bb_serial_report_master(serial);
        break;
    case BB_EVENT_COMMAND:
        end_command(serial, station);
        break;
    case BB_EVENT_FAILED: /* the link message tells */
    case BB_EVENT_NONE:
        break;
    }
}

static bool is_deaf(const struct bb_serial *serial)
{
    int64_t now_ms = bb_actor_now(serial->actor);
    return serial->up && now_ms - serial->opened_ms >= DEAF_MS &&
           now_ms - bb_wire_heard_ms(serial->wire) >= DEAF_MS;
}

static void each_second(struct bb_actor *actor, void *arg)
{
    (void)actor;
    struct bb_serial *serial = arg;
    if (is_deaf(serial)) {
        close_port(serial);
        try_open(serial->actor, serial);
    }
    bb_reader_expire_commands(&serial->reader);
    bb_serial_publish_links(serial);
    if (serial->up) {
        bb_serial_report_status(serial);
    }
}

static int add_station(struct bb_serial *serial, size_t index, struct bb_problem *problem)
{
    const struct bb_serial_settings *settings = &serial->settings;
    struct bb_driver_config config = {.medium = BB_MEDIUM_SERIAL,
                                      .address = settings->addresses[index],
                                      .period_ms = settings->period_ms,
                                      .settings = settings->driver_settings,
                                      .setting_count = settings->driver_setting_count};
    struct bb_device device;
    char place[16];
    int station = bb_wire_add(serial->wire, settings->driver, &config, problem);
    if (station < 0) {
        return station == BB_ERR_NO_MEMORY ? station : BB_ERR_CONFIG;
    }
    bb_serial_settings_device(settings, index, &device);
    bb_serial_settings_address(settings, index, place, sizeof place);
    return bb_reader_add(&serial->reader, &device, place, &serial->book, index, problem);
}

static int add_stations(struct bb_serial *serial, struct bb_problem *problem)
{
    int error = BB_OK;
    for (size_t i = 0; error == BB_OK && i < serial->settings.count; i++) {
        error = add_station(serial, i, problem);
    }
    return error;
}

static void remember(struct bb_serial *serial)
{
    const struct bb_serial_settings *settings = &serial->settings;
    const char *state_dir = bb_actor_state_dir(serial->actor);
    struct bb_problem problem;
    bb_identity_begin(&serial->book, "serial", settings->section, settings->driver->id,
                      settings->addresses, settings->count);
    if (state_dir && bb_identity_load(&serial->book, state_dir, &problem) != BB_OK) {
        bb_actor_log(serial->actor, BB_LOG_WARNING, "%s: %s; the batteries are identified anew",
                     problem.where, problem.what);
    }
}

static int prepare(struct bb_serial *serial, struct bb_problem *problem)
{
    struct bb_actor *actor = serial->actor;
    struct bb_serial_settings *settings = &serial->settings;
    int error = bb_serial_settings_read(bb_actor_config(actor), bb_actor_section(actor),
                                        bb_actor_run_dir(actor), settings, problem);
    if (error != BB_OK) {
        return error;
    }
    serial->port = bb_port_new(settings->device, settings->bit_rate, settings->period_ms == 0);
    serial->wire = bb_wire_new(settings->bit_rate, on_event, serial);
    if (!serial->port || !serial->wire) {
        return bb_fail(problem, BB_ERR_NO_MEMORY, "start", "out of memory");
    }
    serial->reader.actor = actor;
    serial->reader.controls = settings->controls;
    return add_stations(serial, problem);
}

static int start(struct bb_actor *actor, void *self)
{
    struct bb_serial *serial = self;
    struct bb_problem problem = {0};
    serial->actor = actor;
    serial->retry_ms = RETRY_FIRST_MS;
    int error = prepare(serial, &problem);
    if (error != BB_OK) {
        bb_actor_log(actor, BB_LOG_ERROR, "[serial %s] %s: %s", bb_actor_section(actor),
                     problem.where, problem.what);
        return error;
    }
    remember(serial);
    if (bb_actor_every(actor, LINK_PERIOD_MS, each_second, serial) < 0) {
        return BB_ERR_NO_MEMORY;
    }
    try_open(actor, serial);
    bb_serial_publish_links(serial);
    return BB_OK;
}

static void stop(struct bb_actor *actor, void *self)
{
    struct bb_serial *serial = self;
    if (serial->port && bb_port_fd(serial->port) >= 0) {
        bb_actor_unwatch(actor, bb_port_fd(serial->port));
    }
    bb_port_destroy(&serial->port);
    bb_wire_destroy(&serial->wire);
}

static void on_message(struct bb_actor *actor, void *self, const struct bb_message *message)
{
    struct bb_serial *serial = self;
    struct bb_control control = {0};
    struct bb_problem problem = {0};
    size_t station = 0;
    if (message->topic_class != BB_TOPIC_COMMAND ||
        bb_reader_admit(&serial->reader, message, &station, &control) != BB_OK) {
        return;
    }
    if (bb_wire_command(serial->wire, station, &control, bb_actor_now(actor), &problem) != BB_OK) {
        struct bb_control_result refused = {.done = false};
        (void)snprintf(refused.reason, sizeof refused.reason, "%.*s",
                       (int)sizeof refused.reason - 1, problem.what);
        bb_reader_end_command(&serial->reader, station, &refused);
    }
    pump(serial);
}

static const char *const subscriptions[] = {"command/", NULL};

const struct bb_service bb_serial_service = {
    .program = "serial",
    .subscriptions = subscriptions,
    .start = start,
    .stop = stop,
    .message = on_message,
    .self_size = sizeof(struct bb_serial),
};
