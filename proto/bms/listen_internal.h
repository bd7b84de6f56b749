/* State of the engine (listen.h) and what its files call in each other. Private to them.
 *
 *   listen.c        the driver methods, sessions and the state
 *   listen_open.c   options and the start of an instance
 *   listen_set.c    from frames to images
 */
#ifndef BUSBAR_PROTO_BMS_LISTEN_INTERNAL_H
#define BUSBAR_PROTO_BMS_LISTEN_INTERNAL_H

#include "proto/bms/listen.h"

struct bb_listen_payload {
    uint8_t data[BB_LISTEN_PAYLOAD_MAX];
    uint8_t size;
    int64_t time_ms; /* -1: none */
};

struct bb_listen_slot {
    struct bb_listen_payload image; /* what a state is decoded from */
    struct bb_listen_payload piece; /* of the open set */
    struct bb_listen_payload last;  /* that arrived */
    int64_t interval_ms;            /* longest between two arrivals, forgotten slowly */
    int64_t changed_ms;             /* steady: last change, -1: none */
    bool expected;                  /* an earlier set of the session had it */
};

struct bb_listen_set {
    bool open;
    bool sure;          /* its first piece began a cycle */
    bool spread;        /* the sender pauses between frames: only the leader begins a set */
    uint8_t begun_with; /* item that began the open set */
    uint8_t first;      /* item that began the last complete one, BB_LISTEN_NO_ITEM: unknown */
    bool learned;       /* expected is known */
    unsigned fragments; /* sets in a row that ended in a pause without the essential part */
    int64_t piece_ms;   /* last piece, -1: none in this session */
    int64_t oldest_ms;  /* of the last complete set, -1: none */
};

struct bb_listen {
    const struct bb_driver *driver;
    const struct bb_listen_spec *spec;
    uint16_t address;
    uint32_t period_ms;
    int32_t options[BB_LISTEN_OPTIONS_MAX];

    bool up;
    int64_t now_ms;
    int64_t first_ms;    /* first frame of the session, -1: none */
    int64_t heard_ms;    /* last frame, -1: none */
    int64_t raised_ms;   /* last state of the session, -1: none */
    int64_t patience_ms; /* when the session is given up for want of a state */
    int64_t fail_ms;     /* when silence counts as a failure */
    int64_t send_ms;     /* next keep-alive */
    bool news;           /* set 1 was complete since the last state */

    /* Two senders. */
    unsigned evidence;
    int64_t evidence_ms;
    int64_t conflict_ms; /* nothing is raised before, 0: no conflict */
    bool doubt;          /* the state of charge jumped: a second reading is awaited */
    double doubted_soc;

    struct bb_listen_set sets[BB_LISTEN_SETS];
    struct bb_listen_slot slots[BB_LISTEN_ITEMS_MAX];
    union {
        max_align_t align;
        uint8_t bytes[BB_LISTEN_MEMORY_MAX];
    } memory;

    unsigned events; /* bits of enum bb_event */
    struct bb_counters counters;
    struct bb_battery battery;
    int64_t battery_ms;
};

struct bb_listen_view bb_listen_view_at(struct bb_listen *listen, int64_t now_ms);
bool bb_listen_wants(struct bb_listen *listen, size_t item);

int bb_listen_open(const struct bb_driver *driver, void *self,
                   const struct bb_driver_config *config, struct bb_problem *problem);
void bb_listen_new_session(struct bb_listen *listen, int64_t now_ms);

/* Takes a frame that is the item. */
void bb_listen_take(struct bb_listen *listen, size_t item, const struct bb_packet *frame,
                    int64_t now_ms);
/* Ends the sets in which the sender has paused. */
void bb_listen_pause(struct bb_listen *listen, int64_t now_ms);
/* When bb_listen_pause has something to do. */
int64_t bb_listen_pause_ms(const struct bb_listen *listen);
/* Something speaks for two senders. */
void bb_listen_suspect(struct bb_listen *listen, int64_t now_ms);

#endif
