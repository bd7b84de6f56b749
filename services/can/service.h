/* The reader of one CAN interface: the interface, the batteries on it and the bus, put together.
 *
 *   service.c   life of the process and of the batteries
 *   detect.c    driver = auto: who talks here
 *   line.c      life of the interface: open, read, send, errors
 */
#ifndef BUSBAR_SERVICES_CAN_SERVICE_H
#define BUSBAR_SERVICES_CAN_SERVICE_H

#include "common/actor.h"
#include "common/reader/reader.h"
#include "proto/bms/can_survey.h"
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
    struct bb_can_detection {
        struct bb_survey survey; /* of the window under way */
        int64_t begun_ms;        /* of that window, 0: nothing heard yet */
        size_t count;            /* found in the window before */
        struct bb_survey_finding before[BB_SURVEY_MAX];
        unsigned empty; /* windows in a row in which nothing was recognised */
        bool complained;
    } detection;
};

/* line.c */

/* Begins to watch the interface and opens it as soon as it is up. */
int bb_can_line_start(struct bb_can *can, struct bb_problem *problem);
void bb_can_line_stop(struct bb_can *can);
/* Opens the socket anew, for batteries that were found. */
void bb_can_line_reopen(struct bb_can *can);
bool bb_can_line_is_up(const struct bb_can *can);
/* BB_OK, or BB_ERR_BUSY when it cannot leave now. */
int bb_can_line_send(struct bb_can *can, const struct bb_request *request);
/* Fills the interface's counters. */
void bb_can_line_report(const struct bb_can *can, struct bb_link *ret_link);

/* detect.c */

/* A frame while nothing is known yet. */
void bb_can_detect_frame(struct bb_can *can, const struct bb_can_frame *frame);
/* Every second: adopts what two windows in a row have found. */
void bb_can_detect_tick(struct bb_can *can);

/* service.c */

/* Makes stations of the batteries in the settings. */
int bb_can_add_batteries(struct bb_can *can, struct bb_problem *problem);

void bb_can_frame(struct bb_can *can, const struct bb_can_frame *frame);
void bb_can_line_changed(struct bb_can *can, bool up);
/* Frames may want to leave, timers may have moved. */
void bb_can_pump(struct bb_can *can);

extern const struct bb_service bb_can_service;

#endif
