#include "services/sim/random.h"

uint64_t bb_sim_random_next(struct bb_sim_random *random)
{
    random->state += 0x9E3779B97F4A7C15ULL;
    uint64_t bits = random->state;
    bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9ULL;
    bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EBULL;
    return bits ^ (bits >> 31);
}

double bb_sim_random_unit(struct bb_sim_random *random)
{
    return (double)(bb_sim_random_next(random) >> 11) / 9007199254740992.0;
}

double bb_sim_random_around(struct bb_sim_random *random, double spread)
{
    return (2 * bb_sim_random_unit(random) - 1) * spread;
}

uint32_t bb_sim_random_below(struct bb_sim_random *random, uint32_t count)
{
    return count == 0 ? 0 : (uint32_t)(bb_sim_random_next(random) % count);
}

uint64_t bb_sim_random_derive(uint64_t seed, const char *name, uint32_t number)
{
    struct bb_sim_random random = {.state = seed};
    for (const char *c = name; *c != '\0'; c++) {
        random.state = bb_sim_random_next(&random) ^ (uint64_t)(unsigned char)*c;
    }
    random.state = bb_sim_random_next(&random) ^ number;
    return bb_sim_random_next(&random);
}
