#include "services/sim/wire_can.h"

#include <errno.h>
#include <linux/can.h>
#include <linux/can/raw.h>
#include <linux/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "services/sim/can_record.h"

#define RETRY_MS 500

struct bb_wire_can {
    struct bb_actor *actor;
    struct bb_sim_line *line;
    char interface[IFNAMSIZ];
    int fd; /* -1: the interface is not there */
    int retry_timer, wake_timer, round_timer;
    bool gone, complained;
    uint32_t round;
};

static void try_open(struct bb_actor *actor, void *arg);

static void retry_later(struct bb_wire_can *wire)
{
    int id = bb_actor_after(wire->actor, RETRY_MS, try_open, wire);
    wire->retry_timer = id > 0 ? id : 0;
}

static void close_socket(struct bb_wire_can *wire)
{
    if (wire->fd >= 0) {
        bb_actor_unwatch(wire->actor, wire->fd);
        (void)close(wire->fd);
        wire->fd = -1;
        bb_sim_line_reset(wire->line);
    }
}

static void send_record(struct bb_wire_can *wire, const uint8_t *record)
{
    uint32_t id = bb_sim_can_id(record);
    bool extended = (id & BB_SIM_CAN_EXTENDED) != 0;
    struct can_frame frame = {.can_dlc = record[4]};
    frame.can_id = extended ? (id & CAN_EFF_MASK) | CAN_EFF_FLAG : id & CAN_SFF_MASK;
    memcpy(frame.data, record + 8, sizeof frame.data);
    (void)send(wire->fd, &frame, sizeof frame, MSG_DONTWAIT); /* lost on a full bus, as in life */
}

/* Records may be damaged by the line's faults: what is none is skipped. */
static void send_records(struct bb_wire_can *wire, const uint8_t *records, size_t size)
{
    size_t at = 0;
    while (wire->fd >= 0 && at + BB_SIM_CAN_RECORD <= size) {
        bool good = bb_sim_can_is_record(records + at);
        if (good) {
            send_record(wire, records + at);
        }
        at += good ? BB_SIM_CAN_RECORD : 1;
    }
}

static void on_wake(struct bb_actor *actor, void *arg);

static void pump(struct bb_wire_can *wire)
{
    uint8_t records[BB_SIM_ANSWER_MAX + BB_SIM_GARBAGE_MAX];
    int64_t now_ms = bb_actor_now(wire->actor);
    size_t size = bb_sim_line_transmit(wire->line, now_ms, records, sizeof records);
    while (size > 0) {
        send_records(wire, records, size);
        size = bb_sim_line_transmit(wire->line, now_ms, records, sizeof records);
    }
    bb_actor_cancel(wire->actor, wire->wake_timer);
    wire->wake_timer = 0;
    int64_t wake_ms = bb_sim_line_wake_ms(wire->line);
    if (wake_ms != INT64_MAX) {
        int id =
            bb_actor_after(wire->actor, wake_ms > now_ms ? wake_ms - now_ms : 0, on_wake, wire);
        wire->wake_timer = id > 0 ? id : 0;
    }
}

static void on_wake(struct bb_actor *actor, void *arg)
{
    (void)actor;
    struct bb_wire_can *wire = arg;
    wire->wake_timer = 0;
    pump(wire);
}

static void on_round(struct bb_actor *actor, void *arg)
{
    (void)actor;
    struct bb_wire_can *wire = arg;
    const struct bb_sim_protocol *protocol = wire->line->protocol;
    wire->round++;
    for (unsigned i = 0; wire->fd >= 0 && !wire->gone && i < wire->line->board_count; i++) {
        struct bb_sim_board *board = &wire->line->boards[i];
        uint8_t records[BB_SIM_ANSWER_MAX];
        if (board->faults.value[BB_SIM_FAULT_SILENCE] != 0) {
            continue;
        }
        struct bb_sim_board shown = *board;
        shown.pack = *bb_sim_board_shown(board);
        size_t size = protocol->broadcast(&shown, wire->round, records);
        for (size_t at = 0; at < size; at += BB_SIM_CAN_RECORD) {
            if (!bb_sim_fault_strikes(&board->faults, BB_SIM_FAULT_LOSS)) {
                send_record(wire, records + at);
            }
        }
    }
}

static void on_frames(struct bb_actor *actor, int fd, short revents, void *arg)
{
    struct bb_wire_can *wire = arg;
    struct can_frame frame;
    ssize_t size = recv(fd, &frame, sizeof frame, MSG_DONTWAIT);
    for (; size == (ssize_t)sizeof frame; size = recv(fd, &frame, sizeof frame, MSG_DONTWAIT)) {
        if (!wire->line->protocol->parse || wire->gone || frame.can_dlc > sizeof frame.data ||
            (frame.can_id & (CAN_RTR_FLAG | CAN_ERR_FLAG))) {
            continue;
        }
        uint8_t record[BB_SIM_CAN_RECORD];
        size_t used = 0;
        uint32_t flag = (frame.can_id & CAN_EFF_FLAG) ? BB_SIM_CAN_EXTENDED : 0;
        uint8_t *data =
            bb_sim_can_add(record, &used, (frame.can_id & CAN_EFF_MASK) | flag, frame.can_dlc);
        memcpy(data, frame.data, frame.can_dlc);
        bb_sim_line_receive(wire->line, record, used, bb_actor_now(actor));
    }
    if ((size < 0 && errno != EAGAIN && errno != EINTR) || (revents & POLLHUP)) {
        close_socket(wire);
        retry_later(wire);
        return;
    }
    pump(wire);
}

static int open_socket(const char *interface)
{
    int fd = socket(PF_CAN, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, CAN_RAW);
    struct ifreq request = {.ifr_ifindex = 0};
    (void)snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
    if (fd >= 0 && ioctl(fd, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_UP) &&
        ioctl(fd, SIOCGIFINDEX, &request) == 0) {
        struct sockaddr_can address = {.can_family = AF_CAN, .can_ifindex = request.ifr_ifindex};
        if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0) {
            return fd;
        }
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return -1;
}

static void try_open(struct bb_actor *actor, void *arg)
{
    struct bb_wire_can *wire = arg;
    wire->retry_timer = 0;
    wire->fd = open_socket(wire->interface);
    if (wire->fd < 0) {
        if (!wire->complained) {
            wire->complained = true;
            bb_actor_log(actor, BB_LOG_WARNING,
                         "%s cannot be used now (down, absent, or no CAN in "
                         "this kernel); waiting for it",
                         wire->interface);
        }
        retry_later(wire);
        return;
    }
    wire->complained = false;
    if (bb_actor_watch(actor, wire->fd, POLLIN, on_frames, wire) != BB_OK) {
        bb_actor_exit(actor, BB_EXIT_FAILED);
    }
}

int bb_wire_can_new(struct bb_actor *actor, struct bb_sim_line *line, const char *interface,
                    struct bb_wire_can **ret_wire, struct bb_problem *problem)
{
    struct bb_wire_can *wire = calloc(1, sizeof *wire);
    if (!wire) {
        return bb_fail(problem, BB_ERR_NO_MEMORY, "interface", "out of memory");
    }
    if (strlen(interface) >= sizeof wire->interface) {
        free(wire);
        return bb_fail(problem, BB_ERR_CONFIG, "interface", "name too long");
    }
    wire->actor = actor;
    wire->line = line;
    wire->fd = -1;
    (void)snprintf(wire->interface, sizeof wire->interface, "%s", interface);
    if (line->protocol->broadcast_ms > 0) {
        int id = bb_actor_every(actor, line->protocol->broadcast_ms, on_round, wire);
        wire->round_timer = id > 0 ? id : 0;
    }
    try_open(actor, wire);
    *ret_wire = wire;
    return BB_OK;
}

void bb_wire_can_destroy(struct bb_wire_can **wire)
{
    if (*wire) {
        close_socket(*wire);
        bb_actor_cancel((*wire)->actor, (*wire)->retry_timer);
        bb_actor_cancel((*wire)->actor, (*wire)->wake_timer);
        bb_actor_cancel((*wire)->actor, (*wire)->round_timer);
        free(*wire);
        *wire = NULL;
    }
}

void bb_wire_can_vanish(struct bb_wire_can *wire, bool gone)
{
    wire->gone = gone;
}
