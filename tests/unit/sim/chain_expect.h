/* What a driver should decode from a board that shows a pack, in parts that a BMS sends together
 * or that are compared alone. Written from the protocols, not from the drivers. */
#ifndef BUSBAR_TESTS_SIM_CHAIN_EXPECT_H
#define BUSBAR_TESTS_SIM_CHAIN_EXPECT_H

#include "proto/message/battery.h"
#include "services/sim/board.h"

/* Number of parts. */
extern const size_t EXPECT_PARTS;

/* NULL when every value of that part which is present fits what the pack shows, else the name of
 * one that does not. */
const char *expect_part(const char *driver, size_t part, const struct bb_sim_board *board,
                        const struct bb_sim_pack *pack, const struct bb_battery *battery);

/* NULL when everything the driver's BMS reports is present, else the name of what is missing.
 * Texts are read rarely: after trouble they may take minutes to come. */
const char *expect_complete(const char *driver, const struct bb_battery *battery, bool texts);

#endif
