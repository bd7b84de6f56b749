/* A wire with simulated boards on it, without the wire: bytes from the master go in with the
 * time, bytes for the master come out when they are due.
 *
 * Keeps what real wires do to a master: turnaround time, bit rate (when paced), an echoing
 * adapter, several boards that answer only their own address, and the faults of faults.h.
 * Pure; times are monotonic milliseconds.
 */
#ifndef BUSBAR_SIM_LINE_H
#define BUSBAR_SIM_LINE_H

#include "services/sim/plant.h"
#include "services/sim/protocol.h"

#define BB_SIM_LINE_ANSWERS 8 /* answers under way at most; a board overrun stays silent */

struct bb_sim_answer {
    int64_t start_ms; /* first byte leaves */
    size_t size;      /* 0: free */
    size_t sent;
    uint8_t data[BB_SIM_ANSWER_MAX + BB_SIM_GARBAGE_MAX];
};

struct bb_sim_line {
    const struct bb_sim_protocol *protocol;
    struct bb_sim_board boards[BB_SIM_PACKS_MAX];
    unsigned board_count;
    bool paced; /* bytes leave at the bit rate, else an answer leaves at once */
    bool echo;  /* the master hears itself, as with some RS485 adapters */
    uint32_t turnaround_ms, bit_rate;
    uint64_t requests, answers; /* good requests heard, answers given */

    uint8_t received[2 * BB_SIM_REQUEST_MAX];
    size_t received_size;
    int64_t received_ms;
    struct bb_sim_answer queue[BB_SIM_LINE_ANSWERS]; /* in no order: the earliest leaves first */
    int64_t idle_ms;                                 /* the last byte left */
};

/* An empty line of that protocol. Add boards with bb_sim_line_add. */
void bb_sim_line_init(struct bb_sim_line *line, const struct bb_sim_protocol *protocol);

/* Adds a board: see bb_sim_board_init. Returns it (owned by line), or NULL with problem filled
 * when the address is not one of the protocol, taken, or the line is full. */
struct bb_sim_board *bb_sim_line_add(struct bb_sim_line *line, const char *name, uint16_t address,
                                     const struct bb_sim_pack_setup *setup, uint64_t seed,
                                     struct bb_problem *problem);

/* The board of that address, or NULL. */
struct bb_sim_board *bb_sim_line_find(struct bb_sim_line *line, uint16_t address);

/* Bytes from the master, in any split. */
void bb_sim_line_receive(struct bb_sim_line *line, const uint8_t *data, size_t size,
                         int64_t now_ms);

/* Takes up to capacity bytes that are due at now_ms; 0: none are. */
size_t bb_sim_line_transmit(struct bb_sim_line *line, int64_t now_ms, uint8_t *buffer,
                            size_t capacity);

/* When transmit has something next, INT64_MAX: not before more is received. */
int64_t bb_sim_line_wake_ms(const struct bb_sim_line *line);

/* Forgets what is under way, in both directions: the wire was cut. */
void bb_sim_line_reset(struct bb_sim_line *line);

#endif
