/* The reader of one CAN interface: the interface, the batteries on it and the bus, put together.
 *
 *   service.c   life of the process and of the batteries
 *   line.c      life of the interface: open, read, send, errors
 */
#ifndef BUSBAR_SERVICES_CAN_SERVICE_H
#define BUSBAR_SERVICES_CAN_SERVICE_H

#include "common/actor.h"
#include "common/reader/reader.h"
#include "services/can/host.h"
#include "services/can/interface.h"
#include "services/can/settings.h"
#include "services/can/socket.h"

struct bb_can;

/* The interface. Calls bb_can_frame() and bb_can_line_changed(). */
struct bb_can_line {
    int fd;      /* of the socket, -1: closed */
    int monitor; /* -1: none */
    struct bb_can_interface interface;
    int retry_timer;
    bool opened_before;
    char trouble[sizeof(((struct bb_problem *)0)->what)]; /* as logged, "" when all is well */
    char rate_trouble[sizeof(((struct bb_problem *)0)->what)];
    int64_t blocked_ms; /* nothing is sent before */
    int64_t backoff_ms;
    bool stuck_said, passive_said, off_said;
    uint64_t frames, bus_errors, error_passive, bus_off, restarts, queue_full, lost, lost_before;
    uint32_t lost_now;
};

struct bb_can {
    struct bb_actor *actor;
    struct bb_can_settings settings;
    struct bb_can_line line;
    struct bb_can_host *host;
    struct bb_reader reader;
    size_t book_count;
    struct bb_identity_book books[BB_CAN_STATIONS_MAX]; /* one per driver */
    int wake_timer;
};

/* line.c */

/* Begins to watch the interface and opens it as soon as it is up. */
int bb_can_line_start(struct bb_can *can, struct bb_problem *problem);
void bb_can_line_stop(struct bb_can *can);
bool bb_can_line_is_up(const struct bb_can *can);
/* BB_OK, or BB_ERR_BUSY when it cannot leave now. */
int bb_can_line_send(struct bb_can *can, const struct bb_request *request);
/* Fills the interface's counters. */
void bb_can_line_report(const struct bb_can *can, struct bb_link *ret_link);

/* service.c */

void bb_can_frame(struct bb_can *can, const struct bb_can_frame *frame);
void bb_can_line_changed(struct bb_can *can, bool up);
/* Frames may want to leave, timers may have moved. */
void bb_can_pump(struct bb_can *can);

extern const struct bb_service bb_can_service;

#endif
