/* One simulated BMS on a wire: its address, identity, pack, faults, and what its protocol
 * remembers between requests. */
#ifndef BUSBAR_SIM_BOARD_H
#define BUSBAR_SIM_BOARD_H

#include "services/sim/faults.h"
#include "services/sim/pack_model.h"

#define BB_SIM_NAME_MAX 36 /* a daly has room for 35 characters */

struct bb_sim_identity {
    char name[BB_SIM_NAME_MAX]; /* what an owner would have typed in, unique on its host */
    char serial[12];            /* eleven digits */
    unsigned year, month, day;  /* of production */
};

/* What a protocol remembers of its master. */
struct bb_sim_session {
    bool factory_mode;    /* jbd: the configuration registers are open */
    bool balance_pending; /* jbd: written there, valid when saved */
    uint8_t heartbeat;    /* daly: counts answers */
};

struct bb_sim_board {
    uint16_t address;
    struct bb_sim_identity identity;
    struct bb_sim_pack pack;   /* what is */
    struct bb_sim_pack frozen; /* what is reported while the freeze fault is on */
    struct bb_sim_faults faults;
    struct bb_sim_session session;
};

/* A board that carries pack setup. name (the section's) and address make identity and pack
 * differ from every other board of the same seed; setup->seed is replaced accordingly. */
void bb_sim_board_init(struct bb_sim_board *board, const char *name, uint16_t address,
                       const struct bb_sim_pack_setup *setup, uint64_t seed);

/* The pack as the board reports it. */
const struct bb_sim_pack *bb_sim_board_shown(const struct bb_sim_board *board);

/* Starts or ends reporting the values of this moment for ever. The pack itself goes on. */
void bb_sim_board_freeze(struct bb_sim_board *board, bool freeze);

#endif
