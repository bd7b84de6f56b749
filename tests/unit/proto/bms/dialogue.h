/* Dialogue scripts: what a driver must send, what its peer answers, how time passes.
 *
 *   static const struct step steps[] = {
 *       SENDS("DD A5 03 00 FF FD 77"),  the driver offers exactly this, and it leaves
 *       PASSES(50),                     time goes by, in the steps the driver asks for
 *       HEARS("DD 03 00 ..."),          arrives in one piece
 *       QUIET,                          the driver has nothing to send now
 *       RAISES(BB_EVENT_STATE),         the next event is this one
 *       CALM,                           no event is pending
 *       LINK(false),                    the wire goes down
 *   };
 * Hex may hold spaces.
 */
#ifndef BUSBAR_TESTS_DIALOGUE_H
#define BUSBAR_TESTS_DIALOGUE_H

#include "proto/bms/driver.h"

enum step_kind {
    STEP_SENDS,
    STEP_HEARS,
    STEP_PASSES,
    STEP_QUIET,
    STEP_RAISES,
    STEP_CALM,
    STEP_LINK
};

struct step {
    enum step_kind kind;
    const char *hex;
    int number;
    int line;
};

#define SENDS(hex_)                                                                                \
    {                                                                                              \
        STEP_SENDS, (hex_), 0, __LINE__                                                            \
    }
#define HEARS(hex_)                                                                                \
    {                                                                                              \
        STEP_HEARS, (hex_), 0, __LINE__                                                            \
    }
#define PASSES(ms_)                                                                                \
    {                                                                                              \
        STEP_PASSES, NULL, (ms_), __LINE__                                                         \
    }
#define QUIET                                                                                      \
    {                                                                                              \
        STEP_QUIET, NULL, 0, __LINE__                                                              \
    }
#define RAISES(event_)                                                                             \
    {                                                                                              \
        STEP_RAISES, NULL, (event_), __LINE__                                                      \
    }
#define CALM                                                                                       \
    {                                                                                              \
        STEP_CALM, NULL, 0, __LINE__                                                               \
    }
#define LINK(up_)                                                                                  \
    {                                                                                              \
        STEP_LINK, NULL, (up_), __LINE__                                                           \
    }

struct dialogue {
    const struct bb_driver *driver;
    int64_t now_ms;
    uint64_t requests; /* that left */
    union {
        max_align_t align;
        uint8_t bytes[BB_DRIVER_STATE_MAX];
    } state;
};

/* Opens an instance with period period_ms and brings the wire up. Fails the test on error. */
void dialogue_begin(struct dialogue *dialogue, const struct bb_driver *driver,
                    const struct bb_driver_config *config);

/* Plays count steps; a step that does not hold fails the test naming file:line of the step. */
void dialogue_play(struct dialogue *dialogue, const char *file, const struct step *steps,
                   size_t count);
#define PLAY(dialogue, steps)                                                                      \
    dialogue_play((dialogue), __FILE__, (steps), sizeof(steps) / sizeof((steps)[0]))

/* The driver's last state; fails the test when it is not valid (bb_battery_check). */
struct bb_battery dialogue_battery(const struct dialogue *dialogue, int64_t *ret_time_ms);

void dialogue_feed(struct dialogue *dialogue, const char *hex);

/* Bytes of hex, into ret_bytes (capacity); returns their number. */
size_t dialogue_bytes(const char *hex, uint8_t *ret_bytes, size_t capacity);

#endif
