/* Driver against server: the scheduler of the serial reader and the real drivers on one side, the
 * simulated line on the other, on a virtual clock. Every state a driver decodes is compared with
 * what the boards have shown; drivers and servers share no code. */
#ifndef BUSBAR_TESTS_SIM_CHAIN_H
#define BUSBAR_TESTS_SIM_CHAIN_H

#include "services/serial/wire.h"
#include "services/sim/bench.h"

#define CHAIN_BATTERIES 3
#define CHAIN_SHOWN 512 /* what a board has shown, kept for comparison */
#define CHAIN_SHOW_MS 250
#define CHAIN_SETTLE_MS                                                                            \
    12000 /* steady current first: a daly takes three polls to learn its sign                      \
           */

struct chain_battery {
    struct bb_sim_pack shown[CHAIN_SHOWN]; /* ring */
    int64_t shown_ms[CHAIN_SHOWN];
    size_t shown_count;
    unsigned states, failures, commands;
    int64_t last_state_ms, longest_gap_ms;
    struct bb_battery last;
};

struct chain {
    const struct bb_driver *driver;
    struct bb_sim_bench bench;
    struct bb_wire *wire;
    struct chain_battery batteries[CHAIN_BATTERIES];
    size_t count;
    int64_t now_ms, stepped_ms, restless_ms;
    struct bb_sim_random random;
    int64_t window_ms; /* how old a value may be */
    struct bb_request request;
    int64_t arrives_ms; /* request on its way; BB_NEVER_MS: none */
    bool one_way;       /* the packs only discharge */
};

/* A chain of count batteries at every second address of the driver's protocol, linked up. The
 * plant changes power, voltage and current all the time. */
void chain_set_up(struct chain *chain, const struct bb_driver *driver, size_t count,
                  const struct bb_sim_pack_setup *setup);
void chain_tear_down(struct chain *chain);

/* Lets the power stand still for a while. */
void chain_calm(struct chain *chain, int64_t duration_ms);

void chain_run(struct chain *chain, int64_t duration_ms);

/* A command of the simulator, e.g. "loss=10"; must be accepted. */
void chain_command(struct chain *chain, const char *text);

/* Fails the test when battery holds a value the board has not shown lately. */
void chain_check(struct chain *chain, size_t station, const struct bb_battery *battery);

#endif
