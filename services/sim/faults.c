#include "services/sim/faults.h"

#include <string.h>

static const struct {
    const char *name;
    double most;
} kinds[BB_SIM_FAULTS] = {
    [BB_SIM_FAULT_SILENCE] = {"silence", 1},
    [BB_SIM_FAULT_DELAY] = {"delay", BB_SIM_DELAY_MAX_MS},
    [BB_SIM_FAULT_LOSS] = {"loss", 100},
    [BB_SIM_FAULT_CORRUPT] = {"corrupt", 100},
    [BB_SIM_FAULT_TRUNCATE] = {"truncate", 100},
    [BB_SIM_FAULT_GARBAGE] = {"garbage", 100},
    [BB_SIM_FAULT_WRONG_ADDRESS] = {"wrong_address", 100},
    [BB_SIM_FAULT_FREEZE] = {"freeze", 1},
};

const char *bb_sim_fault_name(enum bb_sim_fault fault)
{
    return kinds[fault].name;
}

int bb_sim_fault_find(const char *name)
{
    for (int i = 0; i < BB_SIM_FAULTS; i++) {
        if (strcmp(name, kinds[i].name) == 0) {
            return i;
        }
    }
    return BB_ERR_UNKNOWN;
}

double bb_sim_fault_most(enum bb_sim_fault fault)
{
    return kinds[fault].most;
}

bool bb_sim_fault_strikes(struct bb_sim_faults *faults, enum bb_sim_fault fault)
{
    return faults->value[fault] > 0 &&
           bb_sim_random_unit(&faults->random) * 100 < faults->value[fault];
}

static size_t add_garbage(struct bb_sim_random *random, uint8_t *answer, size_t size)
{
    size_t rubbish = 1 + bb_sim_random_below(random, BB_SIM_GARBAGE_MAX);
    size_t at = size;
    if (bb_sim_random_below(random, 2) == 0) {
        memmove(answer + rubbish, answer, size);
        at = 0;
    }
    for (size_t i = 0; i < rubbish; i++) {
        answer[at + i] = (uint8_t)bb_sim_random_below(random, 256);
    }
    return size + rubbish;
}

size_t bb_sim_faults_damage(struct bb_sim_faults *faults, uint8_t *answer, size_t size)
{
    struct bb_sim_random *random = &faults->random;
    if (size == 0) {
        return 0;
    }
    if (bb_sim_fault_strikes(faults, BB_SIM_FAULT_CORRUPT)) {
        uint32_t at = bb_sim_random_below(random, (uint32_t)size);
        answer[at] ^= (uint8_t)(1 + bb_sim_random_below(random, 255));
    }
    if (bb_sim_fault_strikes(faults, BB_SIM_FAULT_TRUNCATE)) {
        size = bb_sim_random_below(random, (uint32_t)size);
    }
    if (bb_sim_fault_strikes(faults, BB_SIM_FAULT_GARBAGE)) {
        size = add_garbage(random, answer, size);
    }
    return size;
}
