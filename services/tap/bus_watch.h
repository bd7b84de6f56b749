/* A subscription to the bus that knows whether the bus is there. */
#ifndef BUSBAR_TAP_BUS_WATCH_H
#define BUSBAR_TAP_BUS_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"

struct bb_bus_watch;

enum bb_bus_watch_event {
    BB_BUS_WATCH_NOTHING,     /* the time is over */
    BB_BUS_WATCH_MESSAGES,    /* messages wait */
    BB_BUS_WATCH_CONNECTED,   /* the bus has come */
    BB_BUS_WATCH_GONE,        /* the bus has ended */
    BB_BUS_WATCH_INTERRUPTED, /* SIGINT or SIGTERM */
};

/* One message as it came: a topic frame and a body frame, valid until the next receive. */
struct bb_bus_frames {
    const char *topic;
    size_t topic_size;
    const uint8_t *body;
    size_t body_size;
    bool two; /* false: another number of frames; the rest was dropped */
};

/* Connects to the bus of run_dir, which need not be there yet, and subscribes to count topic
 * prefixes (0: to everything). The caller destroys it. */
int bb_bus_watch_new(const char *run_dir, char *const *topics, size_t count,
                     struct bb_bus_watch **ret_watch, struct bb_problem *problem);
void bb_bus_watch_destroy(struct bb_bus_watch **watch);

/* Waits at most timeout_ms. */
enum bb_bus_watch_event bb_bus_watch_wait(struct bb_bus_watch *watch, int64_t timeout_ms);

/* Takes one waiting message without waiting; false when there is none. */
bool bb_bus_watch_receive(struct bb_bus_watch *watch, struct bb_bus_frames *ret_frames);

#endif
