/* RV-C house battery, the battery's side: DC source status messages, little-endian. The board's
 * address is its source address; instance 1. */
#include "services/sim/can_record.h"
#include "services/sim/protocol.h"

static uint8_t *add(const struct bb_sim_board *board, uint32_t dgn, uint8_t *records, size_t *size)
{
    uint32_t id = BB_SIM_CAN_EXTENDED | 6U << 26 | dgn << 8 | board->address;
    uint8_t *data = bb_sim_can_add(records, size, id, 8);
    memset(data, 0xFF, 8);
    data[0] = 1;
    data[1] = 120;
    return data;
}

/* A pair of bits per limit reached: 01b yes, 00b no. */
static uint8_t pairs(unsigned low_level, unsigned high_level)
{
    return (uint8_t)((low_level == 1 ? 1U : 0U) | (low_level == 2 ? 4U : 0U) |
                     (high_level == 1 ? 16U : 0U) | (high_level == 2 ? 64U : 0U));
}

static size_t broadcast(const struct bb_sim_board *board, uint32_t round, uint8_t *records)
{
    const struct bb_sim_pack *pack = &board->pack;
    size_t size = 0;
    uint8_t *data = add(board, 0x1FFFD, records, &size);
    bb_sim_put_u16le(data + 2, bb_sim_u16(bb_sim_pack_voltage(pack), 0.05));
    bb_sim_put_u32le(data + 4, bb_sim_u32(2e6 - pack->current_a, 0.001));
    data = add(board, 0x1FFFC, records, &size);
    bb_sim_put_u16le(data + 2, bb_sim_u16(bb_sim_pack_sensor(pack, 0) + 273, 1.0 / 32));
    data[4] = bb_sim_u8(bb_sim_pack_soc(pack), 0.5);
    data = add(board, 0x1FFFB, records, &size);
    data[2] = 200;
    bb_sim_put_u16le(data + 3, bb_sim_u16(pack->counted_ah, 1));
    if (round % 10 == 0) {
        data = add(board, 0x1FEC9, records, &size);
        data[2] = pack->charge_fet ? 7 : 1;
        bb_sim_put_u16le(data + 3, bb_sim_u16(pack->setup.cell_count * 3.5, 0.05));
        bb_sim_put_u16le(data + 5, bb_sim_u16(pack->setup.charge_limit_a + 1600, 0.05));
    }
    if (round % 4 == 0) {
        data = add(board, 0x1FEC7, records, &size);
        data[2] = pairs(pack->level[BB_SIM_CELL_HIGH], pack->level[BB_SIM_CELL_LOW]);
        data[3] = pairs(pack->level[BB_SIM_SOC_LOW], pack->level[BB_SIM_DISCHARGE_COLD]);
        data[4] = pairs(pack->level[BB_SIM_DISCHARGE_HOT], pack->level[BB_SIM_CHARGE_CURRENT]);
    }
    if (round % 2 == 0) {
        data = add(board, 0x1FEA5, records, &size);
        data[2] = (uint8_t)((pack->discharge_fet ? 1 : 0) | (pack->charge_fet ? 4 : 0));
        bb_sim_put_u16le(data + 3, bb_sim_u16(pack->setup.capacity_ah, 1));
    }
    return size;
}

const struct bb_sim_protocol bb_sim_rv_c_can = {
    .id = "rv-c-can",
    .title = "RV-C house battery",
    .bit_rate = 250000,
    .address_first = 0,
    .address_last = 0xFD,
    .address_default = 0x8F,
    .cells_max = BB_SIM_CELLS_MAX,
    .balancer = BB_SIM_BALANCER_PASSIVE,
    .can = true,
    .broadcast_ms = 500,
    .broadcast = broadcast,
};
