/* Daly on CAN, the BMS's side: the commands and payloads of the serial protocol.
 *
 * Request 0x18 CC NN 40, answer 0x18 CC 40 NN, 29 bits; CC command, NN board number. The state of
 * charge is set with 0x161E NN 80. */
#include "services/sim/can_record.h"
#include "services/sim/protocol.h"

#define MASTER 0x40U
#define BOARDS 16
#define SERIAL_BOARD_1 0x40
#define SERIAL_FRAME 13
#define SERIAL_DATA_AT 4
#define SET_SOC 0x21

static int parse(const uint8_t *data, size_t size, struct bb_sim_request *ret_request)
{
    if (size < BB_SIM_CAN_RECORD) {
        return 0;
    }
    uint32_t id = bb_sim_can_id(data);
    if (!bb_sim_can_is_record(data) || !(id & BB_SIM_CAN_EXTENDED)) {
        return BB_ERR_MALFORMED;
    }
    id &= ~BB_SIM_CAN_EXTENDED;
    bool sets_soc = (id & 0xFFFF00FFU) == 0x161E0080U;
    if (!sets_soc && (id >> 24 != 0x18 || (id & 0xFFU) != MASTER)) {
        return BB_ERR_MALFORMED;
    }
    *ret_request = (struct bb_sim_request){
        .address = (uint16_t)(id >> 8 & 0xFFU),
        .code = sets_soc ? SET_SOC : (uint16_t)(id >> 16 & 0xFFU),
        .size = 8,
    };
    /* The serial command holds a clock in front. */
    memcpy(ret_request->data + (sets_soc ? 6 : 0), data + 8, sets_soc ? 2 : 8);
    return BB_SIM_CAN_RECORD;
}

static size_t answer(struct bb_sim_board *board, const struct bb_sim_request *request,
                     uint8_t *records)
{
    uint8_t serial[BB_SIM_ANSWER_MAX];
    struct bb_sim_request own = *request;
    size_t size = 0;
    own.address = (uint16_t)(SERIAL_BOARD_1 + request->address - 1);
    size_t serial_size = bb_sim_daly.answer(board, &own, serial);
    if (request->code == SET_SOC) {
        return 0;
    }
    uint32_t id = BB_SIM_CAN_EXTENDED | 0x18000000U | (uint32_t)request->code << 16 | MASTER << 8 |
                  request->address;
    for (size_t at = 0; at + SERIAL_FRAME <= serial_size; at += SERIAL_FRAME) {
        memcpy(bb_sim_can_add(records, &size, id, 8), serial + at + SERIAL_DATA_AT, 8);
    }
    return size;
}

const struct bb_sim_protocol bb_sim_daly_can = {
    .id = "daly-can",
    .title = "Daly Smart BMS (CAN)",
    .bit_rate = 250000,
    .turnaround_ms = 5,
    .address_first = 1,
    .address_last = BOARDS,
    .address_default = 1,
    .cells_max = BB_SIM_CELLS_MAX,
    .balancer = BB_SIM_BALANCER_PASSIVE,
    .can = true,
    .parse = parse,
    .answer = answer,
};
