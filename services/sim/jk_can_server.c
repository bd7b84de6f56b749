/* JK BMS on CAN, protocol V2, the BMS's side. 11-bit and 29-bit identifiers to which the device
 * address is added; little-endian; status every 20 ms, the rest every 100 to 1000 ms. */
#include "services/sim/can_record.h"
#include "services/sim/protocol.h"

#define ROUND_MS 20
#define CELLS_MAX 25
#define ZERO_A 400.0
#define ZERO_C 50.0

static uint32_t extended(const struct bb_sim_board *board, uint32_t id)
{
    return BB_SIM_CAN_EXTENDED | (id + board->address);
}

static void add_status(const struct bb_sim_board *board, uint8_t *records, size_t *size)
{
    const struct bb_sim_pack *pack = &board->pack;
    uint8_t *data = bb_sim_can_add(records, size, 0x2F4U + board->address, 8);
    bb_sim_put_u16le(data, bb_sim_u16(bb_sim_pack_voltage(pack), 0.1));
    bb_sim_put_u16le(data + 2, bb_sim_u16(pack->current_a + ZERO_A, 0.1));
    data[4] = bb_sim_u8(bb_sim_pack_soc(pack), 1);
}

/* Two bits each: 0 none, 1 serious, 3 general. Sent only while something is active. */
static void add_alarms(const struct bb_sim_board *board, uint8_t *records, size_t *size)
{
    static const enum bb_sim_alarm alarms[] = {
        BB_SIM_CELL_HIGH,      BB_SIM_CELL_LOW,      BB_SIM_PACK_HIGH,
        BB_SIM_PACK_LOW,       BB_SIM_IMBALANCE,     BB_SIM_DISCHARGE_CURRENT,
        BB_SIM_CHARGE_CURRENT, BB_SIM_DISCHARGE_HOT, BB_SIM_DISCHARGE_COLD};
    uint32_t bits = 0;
    for (size_t i = 0; i < sizeof(alarms) / sizeof(alarms[0]); i++) {
        unsigned level = board->pack.level[alarms[i]];
        bits |= (level == 2 ? 1U : level == 1 ? 3U : 0U) << (2 * i);
    }
    if (bits != 0) {
        bb_sim_put_u32le(bb_sim_can_add(records, size, 0x7F4U + board->address, 8), bits);
    }
}

static void add_values(const struct bb_sim_board *board, uint8_t *records, size_t *size)
{
    const struct bb_sim_pack *pack = &board->pack;
    uint8_t *data = bb_sim_can_add(records, size, 0x4F4U + board->address, 8);
    bb_sim_put_u16le(data, bb_sim_u16(bb_sim_pack_highest_cell(pack), 0.001));
    bb_sim_put_u16le(data + 3, bb_sim_u16(bb_sim_pack_lowest_cell(pack), 0.001));
    data = bb_sim_can_add(records, size, 0x5F4U + board->address, 8);
    data[0] = data[2] = data[4] = bb_sim_u8(bb_sim_pack_sensor(pack, 0) + ZERO_C, 1);
    data = bb_sim_can_add(records, size, extended(board, 0x18F128F4), 8);
    bb_sim_put_u16le(data, bb_sim_u16(pack->counted_ah, 0.1));
    bb_sim_put_u16le(data + 2, bb_sim_u16(pack->setup.capacity_ah, 0.1));
    bb_sim_put_u16le(data + 4, bb_sim_u16(pack->discharged_ah, 0.1));
    bb_sim_put_u16le(data + 6, (uint16_t)bb_sim_pack_cycles(pack));
}

static void add_slow_values(const struct bb_sim_board *board, uint8_t *records, size_t *size)
{
    const struct bb_sim_pack *pack = &board->pack;
    uint8_t *data = bb_sim_can_add(records, size, extended(board, 0x18F228F4), 8);
    static const unsigned places[BB_SIM_SENSORS_MAX] = {1, 2, 4, 5};
    memset(data, 0xFF, 6);
    for (unsigned i = 0; i < pack->setup.sensor_count; i++) {
        data[places[i]] = bb_sim_u8(bb_sim_pack_sensor(pack, i) + ZERO_C, 1);
    }
    data[3] = bb_sim_u8(pack->mos_c + ZERO_C, 1);
    data = bb_sim_can_add(records, size, extended(board, 0x18F428F4), 8);
    bb_sim_put_u32le(data, bb_sim_u32(pack->age_s, 1));
    data[6] = 100;
    data = bb_sim_can_add(records, size, extended(board, 0x18F528F4), 8);
    data[0] = (uint8_t)((pack->charge_fet ? 1 : 0) | (pack->discharge_fet ? 2 : 0) |
                        (pack->balancing != 0 ? 4 : 0));
}

static void add_cells(const struct bb_sim_board *board, uint8_t *records, size_t *size)
{
    const struct bb_sim_pack *pack = &board->pack;
    for (unsigned i = 0; i < pack->setup.cell_count; i += 4) {
        uint8_t *data =
            bb_sim_can_add(records, size, extended(board, 0x18E028F4U + (i / 4 << 16)), 8);
        for (unsigned n = 0; n < 4 && i + n < pack->setup.cell_count; n++) {
            bb_sim_put_u16le(data + 2 * (size_t)n,
                             bb_sim_u16(bb_sim_pack_cell(pack, i + n), 0.001));
        }
    }
}

static size_t broadcast(const struct bb_sim_board *board, uint32_t round, uint8_t *records)
{
    size_t size = 0;
    add_status(board, records, &size);
    if (round % (100 / ROUND_MS) == 1) {
        add_alarms(board, records, &size);
        add_values(board, records, &size);
    }
    if (round % (500 / ROUND_MS) == 2) {
        add_slow_values(board, records, &size);
    }
    if (round % (1000 / ROUND_MS) == 3) {
        add_cells(board, records, &size);
    }
    return size;
}

const struct bb_sim_protocol bb_sim_jk_can = {
    .id = "jk-can",
    .title = "JK BMS (CAN, protocol V2)",
    .bit_rate = 250000,
    .address_first = 0,
    .address_last = 15,
    .address_default = 0,
    .cells_max = CELLS_MAX,
    .balancer = BB_SIM_BALANCER_ACTIVE,
    .can = true,
    .broadcast_ms = ROUND_MS,
    .broadcast = broadcast,
};
