/* Everything one [sim] section simulates, without I/O: the wire with its boards and the plant
 * that charges and discharges their packs.
 *
 * Several sections may obey one bank. Each knows its own packs only, so each takes the part of
 * the bank's current limits that the capacity of its answering packs is of the bank's installed
 * capacity (at most all of it). The charge voltage limit holds for everybody.
 */
#ifndef BUSBAR_SIM_BENCH_H
#define BUSBAR_SIM_BENCH_H

#include "proto/message/message.h"
#include "services/sim/line.h"

/* Address of a command that means every board of the wire. */
#define BB_SIM_ALL_BOARDS (-1)

struct bb_sim_bench {
    struct bb_sim_line line;
    struct bb_sim_plant plant;
    double speed;              /* simulated seconds per second */
    bool vanished;             /* the port is to be gone */
    bool obeys_bank;           /* false: the packs' own limits rule */
    struct bb_sim_limits bank; /* from the last decision, valid while it is fresh */
    int64_t decided_ms;        /* its time */
};

/* Connects the boards of bench->line to the plant. Call after the last board was added. */
void bb_sim_bench_connect(struct bb_sim_bench *bench);

/* Takes over a decision of the bank, made at time_ms. One that lacks a limit counts as none. */
void bb_sim_bench_obey(struct bb_sim_bench *bench, const struct bb_charge *charge, int64_t time_ms);

/* What charger and inverter may do at now_ms. */
struct bb_sim_limits bb_sim_bench_limits(const struct bb_sim_bench *bench, int64_t now_ms);

/* Lets real_ms of real time pass until now_ms. */
void bb_sim_bench_step(struct bb_sim_bench *bench, int64_t now_ms, int64_t real_ms);

/* Carries out a command for the board of that address, or for all with BB_SIM_ALL_BOARDS:
 * the faults of faults.h with their value, and
 *   clear                0       all faults of the board end (of the wire: vanish, too)
 *   vanish               0 or 1  the port is gone (wire only)
 *   cell_voltage_bias    V       measuring error of cell 1, -1..1
 *   soc                  %       the cells' charge, all alike
 *   ambient_temperature  °C      -40..80
 *   power                W       per pack instead of the profile, from now on (wire only)
 *   speed                        0.1..1000 (wire only)
 * BB_ERR_UNKNOWN (verb or address) or BB_ERR_RANGE, with problem filled. */
int bb_sim_bench_command(struct bb_sim_bench *bench, int address, const char *verb, double value,
                         struct bb_problem *problem);

/* The same from text: "[ADDRESS:]VERB[=VALUE]", VALUE 1 when left out. */
int bb_sim_bench_command_text(struct bb_sim_bench *bench, const char *text,
                              struct bb_problem *problem);

#endif
