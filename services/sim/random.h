/* Repeatable random numbers (splitmix64): the same seed plays the same battery and the same
 * faults again. Not for secrets. */
#ifndef BUSBAR_SIM_RANDOM_H
#define BUSBAR_SIM_RANDOM_H

#include <stdint.h>

struct bb_sim_random {
    uint64_t state;
};

/* The next 64 random bits. */
uint64_t bb_sim_random_next(struct bb_sim_random *random);

/* Uniform in [0, 1). */
double bb_sim_random_unit(struct bb_sim_random *random);

/* Uniform in [-spread, spread). */
double bb_sim_random_around(struct bb_sim_random *random, double spread);

/* Uniform in [0, count); 0 when count is 0. */
uint32_t bb_sim_random_below(struct bb_sim_random *random, uint32_t count);

/* A seed that differs for every name and number below the same seed. */
uint64_t bb_sim_random_derive(uint64_t seed, const char *name, uint32_t number);

#endif
