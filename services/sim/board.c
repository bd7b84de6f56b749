#include "services/sim/board.h"

#include <stdio.h>

#include "services/sim/random.h"

static void make_identity(struct bb_sim_identity *identity, const char *name, uint16_t address,
                          struct bb_sim_random *random)
{
    (void)snprintf(identity->name, sizeof(identity->name), "%.*s-%02x",
                   (int)sizeof(identity->name) - 4, name, address & 0xFFU);
    (void)snprintf(identity->serial, sizeof(identity->serial), "4%04u%06u",
                   (unsigned)bb_sim_random_below(random, 10000),
                   (unsigned)bb_sim_random_below(random, 1000000));
    identity->year = 2022 + bb_sim_random_below(random, 4);
    identity->month = 1 + bb_sim_random_below(random, 12);
    identity->day = 1 + bb_sim_random_below(random, 28);
}

void bb_sim_board_init(struct bb_sim_board *board, const char *name, uint16_t address,
                       const struct bb_sim_pack_setup *setup, uint64_t seed)
{
    struct bb_sim_random random = {.state = bb_sim_random_derive(seed, name, address)};
    struct bb_sim_pack_setup own = *setup;
    *board = (struct bb_sim_board){.address = address};
    make_identity(&board->identity, name, address, &random);
    own.seed = bb_sim_random_next(&random);
    bb_sim_pack_init(&board->pack, &own);
    board->faults.random.state = bb_sim_random_next(&random);
}

const struct bb_sim_pack *bb_sim_board_shown(const struct bb_sim_board *board)
{
    return board->faults.value[BB_SIM_FAULT_FREEZE] != 0 ? &board->frozen : &board->pack;
}

void bb_sim_board_freeze(struct bb_sim_board *board, bool freeze)
{
    if (freeze && board->faults.value[BB_SIM_FAULT_FREEZE] == 0) {
        board->frozen = board->pack;
    }
    board->faults.value[BB_SIM_FAULT_FREEZE] = freeze ? 1 : 0;
}
