/* The engine behind drivers of batteries that speak unasked on CAN.
 *
 * A driver file provides a constant struct bb_listen_spec (a list of identifiers with their field
 * tables, a few hooks) and a struct bb_driver whose ops are bb_listen_ops.
 *
 * Sets
 *   The frames of one cycle of the sender that belong together (set 1: voltage and current,
 *   state of charge, limits, alarms) become a state together or not at all. A set begins after a
 *   pause on its identifiers; for senders that do not pause between cycles with the identifier
 *   that began the last one, at first the leader (the first of the set in the list). It is
 *   complete when every essential identifier and every identifier that earlier sets of the
 *   session had is there. An incomplete one is dropped whole: a lost frame makes the battery
 *   stale, never a mixture of two cycles. Set 2 is assembled in the same way (the frames of one
 *   scan of the cells); a state takes its last complete one, which counts for max_age_ms.
 *   The other identifiers stand for themselves; each counts for its max_age_ms.
 *
 * A session begins when the link comes up, when frames come after BB_LOST_MIN_MS of silence, and
 * when no set was complete for BB_BACKOFF_MAX_MS (the sender was set up anew): what it sends is
 * learned again.
 *
 * Two senders
 *   Two batteries that use the same identifiers cannot be told apart by their frames. They show
 *   in frames that come far too early and differ, in identities that change forth and back, and
 *   in a state of charge that jumps forth and back. Then nothing is raised for CONFLICT_MS and
 *   bb_counters.conflicts counts.
 */
#ifndef BUSBAR_PROTO_BMS_LISTEN_H
#define BUSBAR_PROTO_BMS_LISTEN_H

#include "proto/bms/driver.h"
#include "proto/bms/table.h"

enum {
    BB_LISTEN_ITEMS_MAX = 40,
    BB_LISTEN_SETS = 2,
    BB_LISTEN_PAYLOAD_MAX = 8, /* classic CAN */
    BB_LISTEN_OPTIONS_MAX = 6,
    BB_LISTEN_MEMORY_MAX = 64,
    BB_LISTEN_STATE_SIZE = 16384, /* what a driver on this engine states as its state_size */
    BB_LISTEN_NO_ITEM = 0xff
};

struct bb_listen;
struct bb_listen_spec;

/* What hooks see. memory is spec->memory_size bytes of the driver's own, zero at the start of a
 * session. */
struct bb_listen_view {
    const struct bb_listen *listen;
    const struct bb_listen_spec *spec;
    uint16_t address;
    int64_t now_ms;
    void *memory;
};

/* The item's payload, or NULL when there is none or it is older than the item's max_age_ms.
 * Valid until the hook returns. */
const uint8_t *bb_listen_image(const struct bb_listen_view *view, size_t item, size_t *ret_size);

/* Value of an option: index of the choice, or the number. */
int32_t bb_listen_option(const struct bb_listen_view *view, size_t option);

struct bb_listen_item {
    const char *name; /* for people: "limits" */
    uint32_t id;      /* with adds_address: of address 0 */
    bool extended;
    uint8_t set;        /* 1: the cycle a state is made of; 2: a scan of its own; 0: stands alone */
    bool essential;     /* its set, or alone any state, is nothing without it */
    bool steady;        /* the same in every cycle: an identity or a size */
    uint8_t least;      /* a shorter frame is not one of ours */
    int64_t max_age_ms; /* set 0 and 2: it counts for this long; 0: for the session */

    const struct bb_row *rows;
    const struct bb_bit *bits;
    uint8_t row_count, bit_count;
    void (*decode)(const struct bb_listen_view *view, const uint8_t *data, size_t size,
                   struct bb_decode *into);
};

/* A number, or with choices ("no|yes") the index of one. */
struct bb_listen_option_spec {
    const char *name;
    const char *choices;
    int32_t fallback, min, max;
};

struct bb_listen_spec {
    const struct bb_listen_item *items;
    size_t item_count;
    bool adds_address; /* an item's identifier is id + address */
    uint32_t start_ms; /* pause before the first state: slow identifiers become known */

    /* Index of the item a frame is, or BB_LISTEN_NO_ITEM. NULL: by identifier. */
    size_t (*match)(const struct bb_listen_view *view, const struct bb_packet *frame);
    /* False: a state of this battery does without the item, by its options. NULL: never. */
    bool (*wanted)(const struct bb_listen_view *view, size_t item);
    /* After all items were decoded: what needs several of them. NULL: nothing. */
    void (*finish)(const struct bb_listen_view *view, struct bb_decode *into);

    /* Sent every keep_alive_ms (0: never) while keep_alive_option is not 0. */
    struct bb_request keep_alive;
    uint32_t keep_alive_ms;
    uint8_t keep_alive_option;
    /* Changes the keep-alive by the options. NULL: as it stands. */
    void (*build)(const struct bb_listen_view *view, struct bb_request *ret_request);

    const struct bb_listen_option_spec *options;
    size_t option_count;
    size_t memory_size; /* at most BB_LISTEN_MEMORY_MAX */
};

extern const struct bb_driver_ops bb_listen_ops;

#endif
