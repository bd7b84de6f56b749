/* A BMS wire protocol from the BMS's side: finds requests in what a master sends and answers
 * them from the state of a board. One file per protocol, one line in protocols.c.
 *
 * Servers are pure: bytes in, bytes out. They share no code with the drivers of proto/bms, so
 * that the two check each other.
 */
#ifndef BUSBAR_SIM_PROTOCOL_H
#define BUSBAR_SIM_PROTOCOL_H

#include "services/sim/board.h"

#define BB_SIM_REQUEST_DATA_MAX 32
#define BB_SIM_REQUEST_MAX 64 /* bytes of the longest request any server understands */
#define BB_SIM_ANSWER_MAX 512 /* bytes of the longest answer */

struct bb_sim_request {
    uint16_t address; /* as a board's address; 0 where the wire has none */
    uint16_t code;    /* command or register */
    bool write;
    uint8_t data[BB_SIM_REQUEST_DATA_MAX];
    size_t size;
};

struct bb_sim_protocol {
    const char *id;    /* as the driver's: "jbd" */
    const char *title; /* for people */
    uint32_t bit_rate; /* 8N1 */
    uint32_t turnaround_ms;
    uint16_t address_first, address_last; /* equal: one board per wire */
    uint16_t address_default;
    unsigned cells_max;
    bool can; /* frames on CAN, which the line carries as records (can_record.h) */
    enum bb_sim_balancer balancer;

    /* Looks at the first byte of data. Returns the size of the good request that starts there
     * and fills *ret_request; 0 when more bytes are needed to tell; a negative code when no
     * request starts there. Reads size bytes at most, refuses what is longer than
     * BB_SIM_REQUEST_MAX. */
    int (*parse)(const uint8_t *data, size_t size, struct bb_sim_request *ret_request);

    /* Carries out the request and writes the answer (at most BB_SIM_ANSWER_MAX bytes) as board
     * number request->address. Returns its size; 0: this BMS stays silent. */
    size_t (*answer)(struct bb_sim_board *board, const struct bb_sim_request *request,
                     uint8_t *answer);

    /* CAN, boards that speak unasked (parse and answer are NULL then): every broadcast_ms; writes
     * the records of that round, at most BB_SIM_ANSWER_MAX bytes. */
    uint32_t broadcast_ms;
    size_t (*broadcast)(const struct bb_sim_board *board, uint32_t round, uint8_t *records);
};

/* The protocol of that id, or NULL. */
const struct bb_sim_protocol *bb_sim_protocol_find(const char *id);

/* All protocols; index from 0, NULL after the last. */
const struct bb_sim_protocol *bb_sim_protocol_at(size_t index);

extern const struct bb_sim_protocol bb_sim_jbd;
extern const struct bb_sim_protocol bb_sim_daly;
extern const struct bb_sim_protocol bb_sim_jk_pb;
extern const struct bb_sim_protocol bb_sim_daly_can;
extern const struct bb_sim_protocol bb_sim_jbd_can;
extern const struct bb_sim_protocol bb_sim_jk_can;
extern const struct bb_sim_protocol bb_sim_pylontech_can;
extern const struct bb_sim_protocol bb_sim_rv_c_can;
extern const struct bb_sim_protocol bb_sim_valence_can;

#endif
