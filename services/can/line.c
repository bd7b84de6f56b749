/* The interface: open, read, send, errors. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "services/can/service.h"

#define RETRY_MS 2000
#define BACKOFF_FIRST_MS 50
#define BACKOFF_MAX_MS 2000
#define BATCHES_MAX 8 /* read in a row before others get their turn */

static void try_open(struct bb_can *can);

static void on_retry(struct bb_actor *actor, void *arg)
{
    (void)actor;
    struct bb_can *can = arg;
    can->line.retry_timer = 0;
    try_open(can);
}

static void retry_later(struct bb_can *can)
{
    if (can->line.retry_timer == 0) {
        int id = bb_actor_after(can->actor, RETRY_MS, on_retry, can);
        can->line.retry_timer = id > 0 ? id : 0;
    }
}

static void close_socket(struct bb_can *can)
{
    struct bb_can_line *line = &can->line;
    if (line->fd >= 0) {
        bb_actor_unwatch(can->actor, line->fd);
        (void)close(line->fd);
        line->fd = -1;
        line->lost_before += line->lost_now;
        line->lost_now = 0;
        bb_can_line_changed(can, false);
    }
}

/* Says once what keeps the interface from being used. */
static void explain(struct bb_can *can, const char *why)
{
    struct bb_can_line *line = &can->line;
    bb_actor_status(can->actor, "waiting: %s %.90s", can->settings.interface, why);
    if (strcmp(line->trouble, why) != 0) {
        (void)snprintf(line->trouble, sizeof line->trouble, "%s", why);
        bb_actor_log(can->actor, BB_LOG_WARNING, "%s %s; waiting for it", can->settings.interface,
                     why);
    }
}

/* One line about a bit rate that does not fit the batteries. */
static void check_bit_rate(struct bb_can *can)
{
    struct bb_can_line *line = &can->line;
    char text[sizeof line->rate_trouble] = "";
    uint32_t own = line->interface.bit_rate;
    for (size_t i = 0; own > 0 && !*text && i < can->settings.count; i++) {
        const struct bb_driver *driver = can->settings.batteries[i].driver;
        uint32_t wanted = can->settings.bit_rate > 0
                              ? can->settings.bit_rate
                              : bb_driver_transport(driver, BB_MEDIUM_CAN)->bit_rate;
        if (wanted != own) {
            (void)snprintf(text, sizeof text, "runs at %u bit/s, but %s is expected at %u",
                           (unsigned)own, driver->id, (unsigned)wanted);
        }
    }
    if (*text && strcmp(text, line->rate_trouble) != 0) {
        bb_actor_log(can->actor, BB_LOG_WARNING, "%s %s bit/s", can->settings.interface, text);
    }
    (void)snprintf(line->rate_trouble, sizeof line->rate_trouble, "%s", text);
}

/* --- Reading --- */

static void note_errors(struct bb_can *can, unsigned errors)
{
    struct bb_can_line *line = &can->line;
    const char *name = can->settings.interface;
    line->bus_errors++;
    if (errors & BB_CAN_RESTARTED) {
        line->restarts++;
        line->off_said = false;
        bb_actor_log(can->actor, BB_LOG_NOTICE, "%s: the controller is back on the bus", name);
    }
    if (errors & BB_CAN_ERROR_PASSIVE) {
        line->error_passive++;
        if (!line->passive_said) {
            line->passive_said = true;
            bb_actor_log(can->actor, BB_LOG_WARNING,
                         "%s: the controller is error passive: check bit rate, wiring and "
                         "termination",
                         name);
        }
    }
    if (errors & BB_CAN_BUS_OFF) {
        line->bus_off++;
        if (!line->off_said) {
            line->off_said = true;
            bb_actor_log(can->actor, BB_LOG_WARNING,
                         "%s: the controller is off the bus; without restart-ms it stays so until "
                         "ip link set %s type can restart",
                         name, name);
        }
    }
}

static void take(struct bb_can *can, const struct bb_can_frame *frame)
{
    if (frame->is_error) {
        note_errors(can, frame->errors);
        return;
    }
    can->line.frames++;
    bb_can_frame(can, frame);
}

static void lost(struct bb_can *can)
{
    bool down = errno == ENETDOWN || errno == ENODEV || errno == ENXIO;
    close_socket(can);
    explain(can, down ? "is down" : strerror(errno));
    retry_later(can);
}

static void on_frames(struct bb_actor *actor, int fd, short revents, void *arg)
{
    (void)actor;
    (void)revents;
    struct bb_can *can = arg;
    struct bb_can_frame frames[BB_CAN_BATCH];
    for (int batch = 0; batch < BATCHES_MAX; batch++) {
        int count = bb_can_socket_read(fd, frames, &can->line.lost_now);
        if (count < 0) {
            lost(can);
            return;
        }
        for (int i = 0; i < count; i++) {
            take(can, &frames[i]);
        }
        if (count < BB_CAN_BATCH) {
            break;
        }
    }
    bb_can_pump(can);
}

/* --- Opening --- */

static void open_socket(struct bb_can *can)
{
    struct bb_can_line *line = &can->line;
    struct bb_can_filter filters[BB_CAN_FILTERS_MAX];
    struct bb_problem problem = {0};
    size_t count = bb_can_host_filters(can->host, filters, BB_CAN_FILTERS_MAX);
    if (can->settings.automatic && can->settings.count == 0) {
        filters[0] = (struct bb_can_filter){.extended = false};
        filters[1] = (struct bb_can_filter){.extended = true};
        count = 2;
    }
    int fd = bb_can_socket_open(line->interface.index, filters, count, &problem);
    if (fd < 0) {
        explain(can, problem.what);
        retry_later(can);
        return;
    }
    if (bb_actor_watch(can->actor, fd, POLLIN, on_frames, can) != BB_OK) {
        (void)close(fd);
        bb_actor_exit(can->actor, BB_EXIT_FAILED);
        return;
    }
    line->fd = fd;
    line->blocked_ms = 0;
    line->backoff_ms = 0;
    line->stuck_said = line->passive_said = line->off_said = false;
    line->trouble[0] = '\0';
    bb_actor_log(can->actor, BB_LOG_INFO, "%s opened%s", can->settings.interface,
                 line->interface.listen_only ? ", listen-only" : "");
    check_bit_rate(can);
    bb_can_line_changed(can, true);
}

static void try_open(struct bb_can *can)
{
    struct bb_can_line *line = &can->line;
    struct bb_can_interface now;
    struct bb_problem problem = {0};
    if (bb_can_interface_query(can->settings.interface, &now, &problem) != BB_OK) {
        explain(can, problem.what);
        retry_later(can);
        return;
    }
    bool usable = now.present && now.can && now.up;
    if (line->fd >= 0 && (!usable || now.index != line->interface.index)) {
        close_socket(can);
    }
    line->interface = now;
    if (!usable) {
        const char *why = !now.present ? "does not exist"
                          : now.can    ? "is down"
                                       : "is no CAN interface";
        explain(can, why);
        retry_later(can);
    } else if (line->fd < 0) {
        open_socket(can);
    } else {
        check_bit_rate(can);
    }
}

static void on_change(struct bb_actor *actor, int fd, short revents, void *arg)
{
    (void)actor;
    (void)revents;
    bb_can_interface_drain(fd);
    try_open(arg);
}

int bb_can_line_start(struct bb_can *can, struct bb_problem *problem)
{
    struct bb_can_line *line = &can->line;
    line->monitor = bb_can_interface_monitor();
    if (line->monitor < 0 ||
        bb_actor_watch(can->actor, line->monitor, POLLIN, on_change, can) != BB_OK) {
        return bb_fail(problem, BB_ERR_IO, can->settings.interface, "cannot be watched: %s",
                       strerror(errno));
    }
    try_open(can);
    return BB_OK;
}

void bb_can_line_stop(struct bb_can *can)
{
    struct bb_can_line *line = &can->line;
    if (line->fd >= 0) {
        bb_actor_unwatch(can->actor, line->fd);
        (void)close(line->fd);
        line->fd = -1;
    }
    if (line->monitor >= 0) {
        bb_actor_unwatch(can->actor, line->monitor);
        (void)close(line->monitor);
        line->monitor = -1;
    }
}

void bb_can_line_reopen(struct bb_can *can)
{
    close_socket(can);
    try_open(can);
}

bool bb_can_line_is_up(const struct bb_can *can)
{
    return can->line.fd >= 0;
}

int bb_can_line_send(struct bb_can *can, const struct bb_request *request)
{
    struct bb_can_line *line = &can->line;
    int64_t now_ms = bb_actor_now(can->actor);
    if (line->fd < 0 || can->settings.listen_only || now_ms < line->blocked_ms) {
        return BB_ERR_BUSY;
    }
    int error = bb_can_socket_send(line->fd, request);
    if (error == BB_OK) {
        line->backoff_ms = 0;
        line->stuck_said = false;
        return BB_OK;
    }
    line->queue_full++;
    line->backoff_ms = line->backoff_ms == 0 ? BACKOFF_FIRST_MS : 2 * line->backoff_ms;
    line->backoff_ms = line->backoff_ms > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : line->backoff_ms;
    line->blocked_ms = now_ms + line->backoff_ms;
    if (!line->stuck_said && line->backoff_ms == BACKOFF_MAX_MS) {
        line->stuck_said = true;
        bb_actor_log(can->actor, BB_LOG_WARNING,
                     "%s: frames are not acknowledged: nobody else is on the bus, or the bit rate "
                     "is wrong",
                     can->settings.interface);
    }
    return BB_ERR_BUSY;
}

static struct bb_integer number(uint64_t value)
{
    return bb_integer((int64_t)value);
}

void bb_can_line_report(const struct bb_can *can, struct bb_link *ret_link)
{
    const struct bb_can_line *line = &can->line;
    ret_link->frames = number(line->frames);
    ret_link->frames_lost = number(line->lost_before + line->lost_now);
    ret_link->bus_errors = number(line->bus_errors);
    ret_link->error_passive = number(line->error_passive);
    ret_link->bus_off = number(line->bus_off);
    ret_link->restarts = number(line->restarts);
    ret_link->queue_full = number(line->queue_full);
    const char *trouble = *line->trouble ? line->trouble : line->rate_trouble;
    if (*trouble && (line->fd < 0 || strcmp(ret_link->state, "online") != 0)) {
        (void)snprintf(ret_link->last_error, sizeof ret_link->last_error, "%.15s %.110s",
                       can->settings.interface, trouble);
    }
}
