/* The 300-byte records of a JK BMS of the PB series: 55 AA EB 90, type, data, sum of the 299
 * bytes before. Little-endian. */
#ifndef BUSBAR_SIM_JK_PB_RECORDS_H
#define BUSBAR_SIM_JK_PB_RECORDS_H

#include "services/sim/board.h"

#define BB_SIM_JK_RECORD 300

/* Write a record of BB_SIM_JK_RECORD bytes. */
void bb_sim_jk_status(const struct bb_sim_board *board, uint8_t *record);
void bb_sim_jk_settings(const struct bb_sim_board *board, uint8_t address, uint8_t *record);
void bb_sim_jk_about(const struct bb_sim_board *board, uint8_t *record);

#endif
