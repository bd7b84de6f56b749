/* Valence U-BMS, the BMS's side: modules of four cells in one string; status little-endian, cells
 * big-endian. */
#include "services/sim/can_record.h"
#include "services/sim/protocol.h"

#define CELLS_PER_MODULE 4
#define MODULES_MAX 7

static void add_modules(const struct bb_sim_pack *pack, uint8_t *records, size_t *size)
{
    for (unsigned m = 0; m < pack->setup.cell_count / CELLS_PER_MODULE; m++) {
        uint8_t *data = bb_sim_can_add(records, size, 0x350 + 2 * m, 8);
        data[0] = 1;
        for (unsigned i = 0; i < CELLS_PER_MODULE; i++) {
            double voltage = bb_sim_pack_cell(pack, m * CELLS_PER_MODULE + i);
            if (i == CELLS_PER_MODULE - 1) {
                data = bb_sim_can_add(records, size, 0x351 + 2 * m, 4);
                data[0] = 1;
            }
            size_t at = i == CELLS_PER_MODULE - 1 ? 2 : 2 + 2 * (size_t)i;
            bb_sim_put_u16be(data + at, bb_sim_u16(voltage, 0.001));
        }
    }
}

static size_t broadcast(const struct bb_sim_board *board, uint32_t round, uint8_t *records)
{
    const struct bb_sim_pack *pack = &board->pack;
    size_t size = 0;
    uint8_t *data = bb_sim_can_add(records, &size, 0x0C4, 8);
    data[0] = data[1] = bb_sim_u8(bb_sim_pack_sensor(pack, 0) + 40, 1);
    data[3] = bb_sim_u8(pack->mos_c + 40, 1);
    bb_sim_put_u16le(data + 4, bb_sim_u16(bb_sim_pack_highest_cell(pack), 0.001));
    bb_sim_put_u16le(data + 6, bb_sim_u16(bb_sim_pack_lowest_cell(pack), 0.001));
    data = bb_sim_can_add(records, &size, 0x0C1, 8);
    bb_sim_put_u16le(data + 1, bb_sim_u16(pack->current_a + 32768, 1));
    bb_sim_put_u16le(data + 3, bb_sim_s16(pack->setup.discharge_limit_a, 0.1));
    uint16_t charge = bb_sim_u16(pack->setup.charge_limit_a, 0.1);
    data[5] = (uint8_t)charge;
    data[7] = (uint8_t)(charge >> 8);
    data = bb_sim_can_add(records, &size, 0x0C0, 8);
    data[0] = bb_sim_u8(bb_sim_pack_soc(pack), 1);
    data[1] = 2; /* drive */
    data[2] = (uint8_t)((pack->level[BB_SIM_CELL_LOW] == 2 ? 0x10 : 0) |
                        (pack->level[BB_SIM_CELL_HIGH] == 2 ? 0x20 : 0));
    data[5] = (uint8_t)(pack->setup.cell_count / CELLS_PER_MODULE);
    if (round % 3 == 0) {
        bb_sim_can_add(records, &size, 0x180, 8)[4] = 34;
        add_modules(pack, records, &size);
        data = bb_sim_can_add(records, &size, 0x26A, 8);
        memset(data, 0x3F, 8);
        data[0] = 1;
    }
    return size;
}

const struct bb_sim_protocol bb_sim_valence_can = {
    .id = "valence-can",
    .title = "Valence U-BMS",
    .bit_rate = 250000,
    .cells_max = MODULES_MAX * CELLS_PER_MODULE,
    .balancer = BB_SIM_BALANCER_PASSIVE,
    .can = true,
    .broadcast_ms = 550,
    .broadcast = broadcast,
};
