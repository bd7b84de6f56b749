/* State of the engine (poll.h) and what its files call in each other. Private to them.
 *
 *   poll.c          the driver methods, time-outs and the life of a request
 *   poll_open.c     options and the start of an instance
 *   poll_plan.c     which item comes next, when a cycle ends
 *   poll_receive.c  from bytes to images
 *   poll_command.c  writes
 *   poll_decode.c   from images to a state
 */
#ifndef BUSBAR_PROTO_BMS_POLL_INTERNAL_H
#define BUSBAR_PROTO_BMS_POLL_INTERNAL_H

#include "proto/bms/poll.h"

/* An item's image and what is known about asking it. */
struct bb_poll_slot {
    int64_t time_ms;  /* arrival of the image, of its oldest part; -1: none */
    int64_t due_ms;   /* not asked before */
    int64_t owed_ms;  /* a late answer counts until then */
    int64_t parts_ms; /* arrival of the oldest part collected */
    uint32_t parts;   /* bits of the parts collected */
    uint16_t at;      /* of the image in the pool; what is being collected stands behind it */
    uint16_t size;    /* of the image */
    uint8_t misses;   /* failures in a row */
    bool heard;       /* since the last state */
};

enum bb_poll_line {
    LINE_IDLE,   /* nothing to send */
    LINE_READY,  /* the item is to be sent */
    LINE_WAITING /* the item was sent */
};

enum bb_poll_phase {
    PHASE_REST,  /* between cycles */
    PHASE_STATE, /* asking what the state needs */
    PHASE_AFTER  /* asking what may wait */
};

/* How a request ended. */
enum bb_poll_outcome { OUTCOME_ANSWERED, OUTCOME_REFUSED, OUTCOME_GIVEN_UP };

enum bb_poll_command_phase { COMMAND_NONE, COMMAND_BEFORE, COMMAND_WRITE, COMMAND_AFTER };

struct bb_poll_command {
    enum bb_poll_command_phase phase;
    const struct bb_poll_control *spec;
    struct bb_control control;
    int64_t due_ms;   /* not before */
    uint8_t readings; /* of the item read back */
    bool refused;     /* the write was */
    uint8_t data[BB_POLL_WRITE_MAX];
    size_t size;
    struct bb_control_result result;
};

struct bb_poll_option {
    int32_t number;
    char text[BB_POLL_OPTION_TEXT_MAX + 1];
};

struct bb_poll {
    const struct bb_driver *driver;
    const struct bb_transport *transport;
    const struct bb_poll_spec *spec;
    uint16_t address;
    uint32_t period_ms;
    struct bb_poll_option options[BB_POLL_OPTIONS_MAX];

    bool up;
    int64_t now_ms;

    /* The request under way. */
    enum bb_poll_line line;
    size_t item;
    bool for_command;
    uint8_t attempts; /* requests of this item that left */
    struct bb_request request;
    int64_t sent_ms;
    int64_t deadline_ms;
    int64_t total_ms; /* the deadline is never moved behind this */

    /* The cycle. */
    enum bb_poll_phase phase;
    uint64_t tried; /* bits of the items that are through in this cycle */
    bool asked;     /* something was sent in this cycle */
    int64_t cycle_ms;
    int64_t next_cycle_ms;
    bool silent;       /* no sign of life since the session began or a cycle failed */
    bool failed;       /* a cycle has failed in this session */
    bool greets;       /* a silent battery is asked the greeting, not the probe */
    bool started;      /* a state was raised in this session */
    bool news;         /* something was read after the state of this cycle */
    int64_t answer_ms; /* last sign of life, -1: none in this session */

    /* The group. */
    bool group_due;
    bool entered;    /* its inner items may be asked */
    bool leave_owed; /* entering was sent */
    bool leave_must; /* and acknowledged */

    /* Listening. */
    int64_t listen_ms;      /* when the set that was heard becomes a state */
    int64_t listen_fail_ms; /* when silence counts as failure */
    int64_t raised_ms;      /* last state, -1: none */

    /* A payload that waits for the frame that tells from whom it is. */
    size_t provisional; /* item, or BB_POLL_NO_ITEM */
    size_t provisional_size;
    int64_t provisional_ms; /* deadline */
    uint32_t confirmed, unconfirmed;
    int64_t unasked_ms; /* last payload nobody asked for, -1: none */
    uint8_t unasked;    /* such payloads, less than UNASKED_MS apart */

    struct bb_poll_command command;

    unsigned events; /* bits of enum bb_event */
    struct bb_counters counters;
    struct bb_battery battery;
    int64_t battery_ms;

    struct bb_poll_slot slots[BB_POLL_ITEMS_MAX];
    size_t stream_size;
    int64_t stream_ms; /* last byte */
    uint8_t stream[BB_POLL_STREAM_MAX];
    union {
        max_align_t align;
        uint8_t bytes[BB_POLL_MEMORY_MAX];
    } memory;
    uint8_t pool[BB_POLL_IMAGES_MAX];
};

static inline void bb_poll_raise(struct bb_poll *poll, enum bb_event event)
{
    poll->events |= 1U << event;
}

/* Whether the item's payload is first collected behind its image. */
static inline bool bb_poll_collects(const struct bb_poll_spec *spec,
                                    const struct bb_poll_item *item)
{
    return item->part_size > 0 || spec->confirm_ms > 0;
}

struct bb_poll_view bb_poll_view_at(struct bb_poll *poll, int64_t now_ms);
const struct bb_wait *bb_poll_wait(const struct bb_poll *poll, size_t item);

/* The item under way was answered, refused or given up: goes on with what comes next. */
void bb_poll_item_over(struct bb_poll *poll, enum bb_poll_outcome outcome, int64_t now_ms);

int bb_poll_open(const struct bb_driver *driver, void *self, const struct bb_driver_config *config,
                 struct bb_problem *problem);

/* Forgets what was read; keep (or BB_POLL_NO_ITEM) is the one image that stays. */
void bb_poll_new_session(struct bb_poll *poll, size_t keep);

/* Decides what is sent next, if the line is idle. */
void bb_poll_plan(struct bb_poll *poll, int64_t now_ms);
void bb_poll_cycle_item_over(struct bb_poll *poll, size_t item, enum bb_poll_outcome outcome,
                             int64_t now_ms);
bool bb_poll_asks(const struct bb_poll_spec *spec);
void bb_poll_listen_begin(struct bb_poll *poll, int64_t now_ms);
void bb_poll_heard(struct bb_poll *poll, size_t item, int64_t now_ms);
void bb_poll_listen(struct bb_poll *poll, int64_t now_ms);

void bb_poll_receive(struct bb_poll *poll, const struct bb_packet *packet, int64_t now_ms);
/* The answer under way stopped in the middle: a good frame may stand behind a cut one. */
void bb_poll_search_inside(struct bb_poll *poll, int64_t now_ms);
/* Nothing came that tells from whom the provisional payload is. */
void bb_poll_unconfirmed(struct bb_poll *poll, int64_t now_ms);

int bb_poll_command_begin(struct bb_poll *poll, const struct bb_control *control, int64_t now_ms,
                          struct bb_problem *problem);
/* True when a command wants the wire now, to ask *ret_item. */
bool bb_poll_command_next(const struct bb_poll *poll, int64_t now_ms, size_t *ret_item);
void bb_poll_command_item_over(struct bb_poll *poll, enum bb_poll_outcome outcome, int64_t now_ms);
void bb_poll_command_end(struct bb_poll *poll, bool done, const char *reason);

bool bb_poll_has_image(const struct bb_poll *poll, size_t item, int64_t now_ms);
void bb_poll_decode(struct bb_poll *poll, int64_t now_ms);

#endif
