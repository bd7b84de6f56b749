/* What can be made wrong with a board's answers, on demand and repeatably.
 *
 *   silence        0 or 1     no answers at all
 *   delay          ms         answers come later
 *   loss           % of answers that never come
 *   corrupt        % of answers in which one byte arrives changed
 *   truncate       % of answers that end early
 *   garbage        % of answers with rubbish before or behind them
 *   wrong_address  % of answers that claim to be somebody else's, in perfect form
 *   freeze         0 or 1     the values reported stand still
 */
#ifndef BUSBAR_SIM_FAULTS_H
#define BUSBAR_SIM_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"
#include "services/sim/random.h"

enum bb_sim_fault {
    BB_SIM_FAULT_SILENCE,
    BB_SIM_FAULT_DELAY,
    BB_SIM_FAULT_LOSS,
    BB_SIM_FAULT_CORRUPT,
    BB_SIM_FAULT_TRUNCATE,
    BB_SIM_FAULT_GARBAGE,
    BB_SIM_FAULT_WRONG_ADDRESS,
    BB_SIM_FAULT_FREEZE,
    BB_SIM_FAULTS
};

#define BB_SIM_DELAY_MAX_MS 60000
#define BB_SIM_GARBAGE_MAX 24 /* bytes of rubbish */

struct bb_sim_faults {
    double value[BB_SIM_FAULTS];
    struct bb_sim_random random;
};

/* "silence", "delay", ...; static storage. */
const char *bb_sim_fault_name(enum bb_sim_fault fault);

/* The fault of that name, or BB_ERR_UNKNOWN. */
int bb_sim_fault_find(const char *name);

/* Largest value of a fault; the smallest is 0, which is off. */
double bb_sim_fault_most(enum bb_sim_fault fault);

/* Draws whether this answer is hit by a fault that is given in %. */
bool bb_sim_fault_strikes(struct bb_sim_faults *faults, enum bb_sim_fault fault);

/* Damages an answer of size bytes in place as corrupt, truncate and garbage want it; the buffer
 * must have BB_SIM_GARBAGE_MAX bytes to spare. Returns the new size. */
size_t bb_sim_faults_damage(struct bb_sim_faults *faults, uint8_t *answer, size_t size);

#endif
