/* Plays a vector to a driver, on a virtual clock and without a wire.
 *
 * The driver asks; its request is looked up among those of the vector and answered with what
 * follows there. A repeated request gets the successive answers; one that the vector does not
 * hold stays unanswered until the driver's time-out. What was received before any request, and
 * on CAN what belongs to requests the driver does not make, is simply fed. Daly requests are
 * compared by their first four bytes, because the rest is free.
 */
#ifndef BUSBAR_SERVICES_CONFORMANCE_PLAYER_H
#define BUSBAR_SERVICES_CONFORMANCE_PLAYER_H

#include "services/conformance/vector.h"

#define BB_PLAYER_NO_FRAME SIZE_MAX

/* What is done to one received frame, the first time it arrives. */
struct bb_player_change {
    size_t frame;        /* index, or BB_PLAYER_NO_FRAME */
    const uint8_t *data; /* instead of the frame's; NULL: unchanged */
    size_t size;
    size_t split; /* arrives in two pieces, the first of so many bytes; 0: in one */
    const uint8_t *before;
    size_t before_size; /* garbage that arrives just before */
};

struct bb_player_options {
    const struct bb_vector *vector;
    struct bb_player_change change;
    bool steady; /* the battery goes on answering: the last answer to a request is repeated */
    bool glued;  /* all frames of an answer arrive in one piece (byte streams) */
    /* Called for every state with arg; NULL: not. */
    void (*state)(void *arg, const struct bb_battery *battery);
    void *arg;
};

/* Plays; returns the number of states the driver raised, the last one in *ret_battery, or a
 * negative code when the driver refuses the configuration. */
int bb_player_run(const struct bb_player_options *options, struct bb_battery *ret_battery,
                  struct bb_problem *problem);

#endif
