/* The engine behind most drivers: a BMS described by tables and a few hooks.
 *
 * A driver file provides a constant struct bb_poll_spec (framing, list of items, tables) and a
 * struct bb_driver whose ops are bb_poll_ops. The engine asks the items, keeps the raw payload of
 * each item's last good answer (its "image") with the time it arrived, and decodes a state from
 * images alone. Nothing that is older than the item's max_age_ms is ever mixed in.
 *
 * A cycle
 *   1. A new session begins with the greeting item. While the battery does not answer, each
 *      cycle asks one item once, greeting and probe in turn; a battery that fell silent later
 *      is asked the probe. So a silent address costs the others on its wire one time-out per
 *      attempt.
 *   2. All items that are due are asked in declared order (put essential ones first; a first
 *      state waits at most five seconds for others that are asked once per session). An
 *      essential item that fails ends the cycle: BB_EVENT_FAILED. A state is decoded and raised:
 *      BB_EVENT_STATE; its time is the arrival of the oldest essential answer.
 *   3. What may wait is asked (refresh of slow items, the group). If that brought something new, a
 *      second state with the same time is raised.
 * A session begins when the link comes up, or when an answer comes after the battery was silent
 * for BB_LOST_MIN_MS: all images are dropped and everything is asked anew.
 *
 * What a battery sends unasked over BLE is an item with BB_ASK_NEVER; with spec->listens a state
 * is raised each time all essential ones have been heard anew. (Broadcasts on CAN: listen.h.)
 */
#ifndef BUSBAR_PROTO_BMS_POLL_H
#define BUSBAR_PROTO_BMS_POLL_H

#include "proto/bms/driver.h"
#include "proto/bms/framing/scan.h"
#include "proto/bms/table.h"

enum {
    BB_POLL_ITEMS_MAX = 48,
    BB_POLL_IMAGES_MAX = 8192, /* bytes of all images of a spec */
    BB_POLL_STREAM_MAX = 2048, /* longest frame of a byte stream */
    BB_POLL_PARTS_MAX = 32,
    BB_POLL_OPTIONS_MAX = 8,
    BB_POLL_OPTION_TEXT_MAX = 40,
    BB_POLL_MEMORY_MAX = 256,
    BB_POLL_STATE_SIZE = 24576, /* what a driver on this engine states as its state_size */
    BB_POLL_NO_ITEM = 0xff
};

struct bb_poll;
struct bb_poll_spec;

/* What hooks see. memory is spec->memory_size bytes of the driver's own, zero at the start of a
 * session. */
struct bb_poll_view {
    const struct bb_poll *poll;
    const struct bb_poll_spec *spec;
    enum bb_medium medium;
    uint16_t address;
    int64_t now_ms;
    void *memory;
    size_t asked;                     /* item whose answer is awaited, or BB_POLL_NO_ITEM */
    const struct bb_request *request; /* the last one that left */
};

/* The item's image, or NULL when there is none or it is older than the item's max_age_ms.
 * Valid until the hook returns. */
const uint8_t *bb_poll_image(const struct bb_poll_view *view, size_t item, size_t *ret_size);

/* Age of the item's image, BB_NEVER_MS when there is none. */
int64_t bb_poll_age_ms(const struct bb_poll_view *view, size_t item);

/* Value of an option: index of the choice, or the number. */
int32_t bb_poll_option(const struct bb_poll_view *view, size_t option);

/* Value of a text option, "" when it was not given. */
const char *bb_poll_option_text(const struct bb_poll_view *view, size_t option);

/* When an item is asked. */
enum bb_ask {
    BB_ASK_CYCLE,  /* every cycle */
    BB_ASK_START,  /* once per session, before the first state */
    BB_ASK_SLOW,   /* like BB_ASK_START, then again every every_ms, after the state */
    BB_ASK_ENTER,  /* the group, once per session after the first state: enters a mode, */
    BB_ASK_INSIDE, /* is asked only if entering was acknowledged, */
    BB_ASK_LEAVE,  /* and leaves it, always, whatever happened in between */
    BB_ASK_NEVER   /* only heard, or used by a control */
};

/* Time-outs of a request. */
struct bb_wait {
    uint16_t first_ms; /* from the end of the request to the first byte of the answer */
    uint16_t gap_ms;   /* longest pause inside the answer */
    uint16_t total_ms; /* to the end of the answer */
};

struct bb_poll_item {
    const char *name; /* for people: "basic information" */
    uint16_t code;    /* register or command; build and match give it its meaning */
    enum bb_ask ask;
    bool essential;      /* no state without it */
    bool silent;         /* nothing answers it (a keep-alive) */
    uint8_t tries;       /* 0: of the spec */
    uint8_t option;      /* asked only if option (index + 1) is not 0; 0: always */
    uint16_t least;      /* a shorter payload is no answer */
    uint16_t size;       /* bytes of the image; the rest of a longer payload is dropped */
    uint8_t part_size;   /* bytes of each part of a many-frame answer; 0: one frame */
    uint32_t every_ms;   /* BB_ASK_SLOW */
    uint32_t again_ms;   /* a failed item that is not essential is tried again after this; 0: in
                            the next cycle (BB_ASK_CYCLE) or session (others) */
    uint32_t fresh_ms;   /* not asked while its image is younger, because it comes unasked too */
    int64_t max_age_ms;  /* its values count for this long; 0: for the session */
    struct bb_wait wait; /* first_ms 0: of the spec */
    const uint8_t *data; /* payload of the request */
    uint8_t data_size;

    /* False: not asked now (a fall-back, or something this unit does not have). */
    bool (*wanted)(const struct bb_poll_view *view);
    /* Number of parts a complete answer has; 0: not known yet. */
    size_t (*parts)(const struct bb_poll_view *view);
    /* False: not a plausible answer, to be treated as if it had not come. */
    bool (*check)(const struct bb_poll_view *view, const uint8_t *data, size_t size);

    /* Decoding of the image, in this order. */
    const struct bb_row *rows;
    const struct bb_bit *bits;
    const struct bb_series *cells; /* voltages of as many cells as set by then */
    const struct bb_balance *balance;
    uint8_t row_count, bit_count, balance_count;
    void (*decode)(const struct bb_poll_view *view, const uint8_t *data, size_t size,
                   struct bb_decode *into);
};

/* What a received frame is. */
enum bb_poll_verdict {
    BB_POLL_NOISE,       /* nothing known: searched again one byte further */
    BB_POLL_IGNORE,      /* a good frame without meaning here */
    BB_POLL_ANSWER,      /* payload of ret_answer->item */
    BB_POLL_PROVISIONAL, /* the same, but a frame behind it tells from whom it is */
    BB_POLL_CONFIRM,     /* the provisional payload is from our battery */
    BB_POLL_REJECT,      /* it is not */
    BB_POLL_REFUSED,     /* our battery refuses ret_answer->item */
    BB_POLL_REQUEST,     /* a request: the echo of ours, or another master's */
    BB_POLL_FOREIGN,     /* an answer from or to somebody else */
    BB_POLL_CONFLICT     /* two batteries answer at our address: it is no answer */
};

/* Filled by match. item is the index; part counts from 0; payload lies inside the frame. */
struct bb_poll_answer {
    size_t item;
    size_t part;
    const uint8_t *payload;
    size_t size;
};

/* Which answers count, besides that to the request under way. */
enum bb_poll_late {
    BB_POLL_ASKED_ONLY, /* none: the frame does not say for sure what it answers */
    BB_POLL_OWED,       /* those of requests that timed out shortly before */
    BB_POLL_ANY         /* all: the frame names item and sender under its checksum */
};

enum bb_option_kind { BB_OPTION_CHOICE, BB_OPTION_NUMBER, BB_OPTION_TEXT };

struct bb_poll_option_spec {
    const char *name;
    enum bb_option_kind kind;
    const char *choices; /* BB_OPTION_CHOICE: "no|yes", value is the index */
    int32_t fallback;    /* value when it is not given */
    int32_t min, max;    /* BB_OPTION_NUMBER; BB_OPTION_TEXT: max length */
};

/* A write the driver offers. The engine asks `before`, so that the write is built from what is
 * true now, writes once, asks `after` and lets confirm judge. */
struct bb_poll_control {
    const char *verb;
    double min, max;      /* of the value */
    uint8_t before;       /* item, or BB_POLL_NO_ITEM */
    uint8_t write;        /* item (BB_ASK_NEVER) whose request carries the payload */
    uint8_t after;        /* item read back */
    bool before_optional; /* goes on when `before` was not answered */
    /* Writes at most BB_POLL_WRITE_MAX bytes. Returns their number or a negative code, with
     * the reason in problem->what. */
    int (*payload)(const struct bb_poll_view *view, const struct bb_control *control,
                   uint8_t *ret_data, struct bb_problem *problem);
    /* True when the image of `after` shows that it took effect; ret_value is what it shows. */
    bool (*confirm)(const struct bb_poll_view *view, const struct bb_control *control,
                    struct bb_real *ret_value);
};

#define BB_POLL_WRITE_MAX 32

struct bb_poll_spec {
    const struct bb_poll_item *items;
    size_t item_count;
    uint8_t greeting; /* item asked first in a session: what tells this BMS from others */
    uint8_t probe;    /* item asked of a silent battery: the cheapest essential one */
    uint8_t tries;    /* requests until an item has failed, 1 or more */
    enum bb_poll_late late;
    bool listens;        /* the essential items are BB_ASK_NEVER */
    uint16_t settle_ms;  /* listens: time for the rest of a set after the essential part */
    uint16_t confirm_ms; /* BB_POLL_PROVISIONAL: how long the frame behind may take */
    struct bb_wait serial, ble, can;

    /* Frames of a byte stream; NULL: each packet is one frame (CAN, some BLE). */
    bb_scan_function *scan;
    /* Says what a frame is. packet->data is the frame. */
    enum bb_poll_verdict (*match)(const struct bb_poll_view *view, const struct bb_packet *frame,
                                  struct bb_poll_answer *ret_answer);
    /* Fills ret_request (data, size and on CAN id) for an item. */
    void (*build)(const struct bb_poll_view *view, const struct bb_poll_item *item,
                  const uint8_t *data, size_t size, struct bb_request *ret_request);
    /* After all items were decoded: what needs several images. NULL: nothing. */
    void (*finish)(const struct bb_poll_view *view, struct bb_decode *into);

    const struct bb_poll_option_spec *options;
    size_t option_count;
    const struct bb_poll_control *controls;
    size_t control_count;
    size_t memory_size; /* at most BB_POLL_MEMORY_MAX */
};

/* The item with that code, or BB_POLL_NO_ITEM. */
size_t bb_poll_item_of(const struct bb_poll_spec *spec, uint16_t code);

extern const struct bb_driver_ops bb_poll_ops;

#endif
