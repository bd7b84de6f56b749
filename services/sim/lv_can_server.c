/* The low-voltage CAN protocols towards inverters, the BMS's side: JBD in Victron's dialect and
 * Pylontech. 11-bit identifiers, little-endian, everything once a second. */
#include "services/sim/can_record.h"
#include "services/sim/protocol.h"

static void add_measurements(const struct bb_sim_pack *pack, uint8_t *records, size_t *size)
{
    double cells = pack->setup.cell_count;
    uint8_t *data = bb_sim_can_add(records, size, 0x351, 8);
    bb_sim_put_u16le(data, bb_sim_u16(cells * 3.5, 0.1));
    bb_sim_put_u16le(data + 2, bb_sim_s16(pack->charge_fet ? pack->setup.charge_limit_a : 0, 0.1));
    bb_sim_put_u16le(data + 4,
                     bb_sim_s16(pack->discharge_fet ? pack->setup.discharge_limit_a : 0, 0.1));
    bb_sim_put_u16le(data + 6, bb_sim_u16(cells * BB_SIM_CELL_LOW_WARN_V, 0.1));
    data = bb_sim_can_add(records, size, 0x355, 8);
    bb_sim_put_u16le(data, bb_sim_u16(bb_sim_pack_soc(pack), 1));
    bb_sim_put_u16le(data + 2, 100);
    bb_sim_put_u16le(data + 4, bb_sim_u16(bb_sim_pack_soc(pack), 0.01));
    data = bb_sim_can_add(records, size, 0x356, 8);
    bb_sim_put_u16le(data, bb_sim_s16(bb_sim_pack_voltage(pack), 0.01));
    bb_sim_put_u16le(data + 2, bb_sim_s16(pack->current_a, 0.1));
    bb_sim_put_u16le(data + 4, bb_sim_s16(bb_sim_pack_sensor(pack, 0), 0.1));
    bb_sim_put_u16le(data + 6, (uint16_t)bb_sim_pack_cycles(pack));
}

/* Pairs of bits: 01b active, 10b not; alarms in the first half, warnings in the second. */
static void add_victron_alarms(const struct bb_sim_pack *pack, uint8_t *records, size_t *size)
{
    static const struct {
        enum bb_sim_alarm alarm;
        unsigned bit;
    } bits[] = {
        {BB_SIM_CELL_HIGH, 2},          {BB_SIM_CELL_LOW, 4},        {BB_SIM_DISCHARGE_HOT, 6},
        {BB_SIM_DISCHARGE_COLD, 8},     {BB_SIM_CHARGE_HOT, 10},     {BB_SIM_CHARGE_COLD, 12},
        {BB_SIM_DISCHARGE_CURRENT, 14}, {BB_SIM_CHARGE_CURRENT, 16}, {BB_SIM_IMBALANCE, 24},
    };
    uint8_t *data = bb_sim_can_add(records, size, 0x35A, 8);
    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
        uint8_t level = pack->level[bits[i].alarm];
        unsigned shift = bits[i].bit % 8;
        data[bits[i].bit / 8] |= (uint8_t)((level == 2 ? 1U : 2U) << shift);
        data[4 + bits[i].bit / 8] |= (uint8_t)((level == 1 ? 1U : 2U) << shift);
    }
}

static size_t broadcast_victron(const struct bb_sim_board *board, uint32_t round, uint8_t *records)
{
    const struct bb_sim_pack *pack = &board->pack;
    size_t size = 0;
    (void)round;
    add_measurements(pack, records, &size);
    add_victron_alarms(pack, records, &size);
    bb_sim_can_add_text(records, &size, 0x35E, "JBD");
    bb_sim_put_u16le(bb_sim_can_add(records, &size, 0x35F, 8) + 2, 0x0C01);
    bb_sim_can_add_text(records, &size, 0x370, "JBD-UP16");
    bb_sim_can_add_text(records, &size, 0x371, "S015");
    uint8_t *data = bb_sim_can_add(records, &size, 0x373, 8);
    bb_sim_put_u16le(data, bb_sim_u16(bb_sim_pack_lowest_cell(pack), 0.001));
    bb_sim_put_u16le(data + 2, bb_sim_u16(bb_sim_pack_highest_cell(pack), 0.001));
    bb_sim_put_u16le(data + 4, bb_sim_u16(bb_sim_pack_sensor(pack, 0) + 273, 1));
    bb_sim_put_u16le(data + 6, bb_sim_u16(bb_sim_pack_sensor(pack, 0) + 273, 1));
    bb_sim_put_u16le(bb_sim_can_add(records, &size, 0x379, 8),
                     bb_sim_u16(pack->setup.capacity_ah, 1));
    bb_sim_can_add_text(records, &size, 0x380, board->identity.serial);
    bb_sim_can_add_text(records, &size, 0x381, board->identity.serial + 8);
    return size;
}

static size_t broadcast_pylontech(const struct bb_sim_board *board, uint32_t round,
                                  uint8_t *records)
{
    static const struct {
        enum bb_sim_alarm alarm;
        unsigned byte, bit;
    } bits[] = {
        {BB_SIM_CELL_HIGH, 0, 1},         {BB_SIM_CELL_LOW, 0, 2},
        {BB_SIM_DISCHARGE_HOT, 0, 3},     {BB_SIM_DISCHARGE_COLD, 0, 4},
        {BB_SIM_DISCHARGE_CURRENT, 0, 7}, {BB_SIM_CHARGE_CURRENT, 1, 0},
    };
    const struct bb_sim_pack *pack = &board->pack;
    size_t size = 0;
    (void)round;
    uint8_t *data = bb_sim_can_add(records, &size, 0x359, 7);
    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
        uint8_t level = pack->level[bits[i].alarm];
        if (level > 0) {
            data[bits[i].byte + (level == 1 ? 2 : 0)] |= (uint8_t)(1U << bits[i].bit);
        }
    }
    data[4] = 1;
    data[5] = 'P';
    data[6] = 'N';
    add_measurements(pack, records, &size);
    data = bb_sim_can_add(records, &size, 0x35C, 2);
    data[0] = (uint8_t)((pack->charge_fet ? 0x80 : 0) | (pack->discharge_fet ? 0x40 : 0));
    bb_sim_can_add_text(records, &size, 0x35E, "PYLON   ");
    return size;
}

const struct bb_sim_protocol bb_sim_jbd_can = {
    .id = "jbd-can",
    .title = "JBD UP (CAN, Victron's protocol)",
    .bit_rate = 500000,
    .cells_max = BB_SIM_CELLS_MAX,
    .balancer = BB_SIM_BALANCER_PASSIVE,
    .can = true,
    .broadcast_ms = 1000,
    .broadcast = broadcast_victron,
};

const struct bb_sim_protocol bb_sim_pylontech_can = {
    .id = "pylontech-can",
    .title = "Pylontech (low-voltage CAN)",
    .bit_rate = 500000,
    .cells_max = BB_SIM_CELLS_MAX,
    .balancer = BB_SIM_BALANCER_PASSIVE,
    .can = true,
    .broadcast_ms = 1000,
    .broadcast = broadcast_pylontech,
};
