/* Daly protocol (A5 frames), the BMS's side.
 *
 * A5 | 40..4F board 1..16 (request), 01..10 (answer) | command | 08 | 8 bytes | sum of the 12
 * bytes before. Big-endian. Long answers are several frames, numbered from 1 in their first
 * data byte. Current counts up while discharging, 0.1 A around 30000, as on most units.
 */
#include <string.h>

#include "services/sim/bytes.h"
#include "services/sim/protocol.h"

#define START 0xA5
#define FRAME 13
#define DATA 8
#define BOARD_1 0x40
#define APP_HOST 0x80 /* the phone's address; board 1 answers it */
#define CURRENT_ZERO 30000
#define TEMPERATURE_ZERO 40
#define CODE_FRAMES 5 /* of the battery code */

static int parse(const uint8_t *data, size_t size, struct bb_sim_request *ret_request)
{
    if (data[0] != START) {
        return BB_ERR_MALFORMED;
    }
    if (size < FRAME) {
        return 0;
    }
    if (data[3] != DATA || data[FRAME - 1] != (uint8_t)bb_sim_sum(data, FRAME - 1)) {
        return BB_ERR_MALFORMED;
    }
    *ret_request = (struct bb_sim_request){
        .address = data[1] == APP_HOST ? BOARD_1 : data[1],
        .code = data[2],
        .size = DATA,
    };
    memcpy(ret_request->data, data + 4, DATA);
    return FRAME;
}

/* Adds a frame whose data the caller fills in through the returned pointer. */
static uint8_t *open_frame(uint8_t *frame, const struct bb_sim_request *request)
{
    memset(frame, 0, FRAME);
    frame[0] = START;
    frame[1] = (uint8_t)(request->address - BOARD_1 + 1);
    frame[2] = (uint8_t)request->code;
    frame[3] = DATA;
    return frame + 4;
}

static size_t close_frame(uint8_t *frame)
{
    frame[FRAME - 1] = (uint8_t)bb_sim_sum(frame, FRAME - 1);
    return FRAME;
}

static uint16_t current_raw(double current_a)
{
    return (uint16_t)(CURRENT_ZERO - bb_sim_units(current_a, 0.1, -CURRENT_ZERO, CURRENT_ZERO));
}

static uint8_t temperature_raw(double temp_c)
{
    return bb_sim_u8(temp_c + TEMPERATURE_ZERO, 1);
}

static void rated(const struct bb_sim_pack *pack, uint8_t *data)
{
    bb_sim_put_u32be(data, bb_sim_u32(pack->setup.capacity_ah, 0.001));
    bb_sim_put_u32be(data + 4, 3200);
}

static void production(const struct bb_sim_identity *made, uint8_t *data)
{
    data[2] = (uint8_t)(made->year - 2000);
    data[3] = (uint8_t)made->month;
    data[4] = (uint8_t)made->day;
    data[5] = data[6] = 0xFF;
}

static void voltage_levels(double cells, double low_v, double unit, uint8_t *data)
{
    bb_sim_put_u16be(data, bb_sim_u16(BB_SIM_CELL_HIGH_WARN_V * cells, unit));
    bb_sim_put_u16be(data + 2, bb_sim_u16(BB_SIM_CELL_HIGH_V * cells, unit));
    bb_sim_put_u16be(data + 4, bb_sim_u16(BB_SIM_CELL_LOW_WARN_V * cells, unit));
    bb_sim_put_u16be(data + 6, bb_sim_u16(low_v * cells, unit));
}

static void measurement(const struct bb_sim_pack *pack, uint8_t *data)
{
    bb_sim_put_u16be(data, bb_sim_u16(bb_sim_pack_voltage(pack), 0.1));
    bb_sim_put_u16be(data + 4, current_raw(pack->current_a));
    bb_sim_put_u16be(data + 6, bb_sim_u16(bb_sim_pack_soc(pack), 0.1));
}

static void cell_extremes(const struct bb_sim_pack *pack, uint8_t *data)
{
    unsigned high = 0;
    unsigned low = 0;
    for (unsigned i = 1; i < pack->setup.cell_count; i++) {
        high = bb_sim_pack_cell(pack, i) > bb_sim_pack_cell(pack, high) ? i : high;
        low = bb_sim_pack_cell(pack, i) < bb_sim_pack_cell(pack, low) ? i : low;
    }
    bb_sim_put_u16be(data, bb_sim_u16(bb_sim_pack_cell(pack, high), 0.001));
    data[2] = (uint8_t)(high + 1);
    bb_sim_put_u16be(data + 3, bb_sim_u16(bb_sim_pack_cell(pack, low), 0.001));
    data[5] = (uint8_t)(low + 1);
}

static void temperature_extremes(const struct bb_sim_pack *pack, uint8_t *data)
{
    unsigned high = 0;
    unsigned low = 0;
    for (unsigned i = 1; i < pack->setup.sensor_count; i++) {
        high = bb_sim_pack_sensor(pack, i) > bb_sim_pack_sensor(pack, high) ? i : high;
        low = bb_sim_pack_sensor(pack, i) < bb_sim_pack_sensor(pack, low) ? i : low;
    }
    memset(data, 0xFF, DATA);
    data[0] = temperature_raw(bb_sim_pack_sensor(pack, high));
    data[1] = (uint8_t)(high + 1);
    data[2] = temperature_raw(bb_sim_pack_sensor(pack, low));
    data[3] = (uint8_t)(low + 1);
}

/* 0 idle, 1 charging, 2 discharging: agrees with the current as transmitted. */
static uint8_t state_of(const struct bb_sim_pack *pack)
{
    uint16_t raw = current_raw(pack->current_a);
    if (raw == CURRENT_ZERO) {
        return 0;
    }
    return raw < CURRENT_ZERO ? 1 : 2;
}

static void switches(const struct bb_sim_pack *pack, uint8_t heartbeat, uint8_t *data)
{
    data[0] = state_of(pack);
    data[1] = pack->charge_fet ? 1 : 0;
    data[2] = pack->discharge_fet ? 1 : 0;
    data[3] = heartbeat;
    bb_sim_put_u32be(data + 4, bb_sim_u32(pack->counted_ah, 0.001));
}

static void status(const struct bb_sim_pack *pack, uint8_t heartbeat, uint8_t *data)
{
    data[0] = (uint8_t)pack->setup.cell_count;
    data[1] = (uint8_t)pack->setup.sensor_count;
    data[2] = state_of(pack) == 1 ? 1 : 0;
    data[3] = state_of(pack) == 2 ? 1 : 0;
    data[4] = 0x02;
    bb_sim_put_u16be(data + 5, (uint16_t)bb_sim_pack_cycles(pack));
    data[7] = heartbeat;
}

static void balancing(const struct bb_sim_pack *pack, uint8_t *data)
{
    for (unsigned i = 0; i < 4; i++) {
        data[i] = (uint8_t)(pack->balancing >> (8 * i));
    }
}

/* Level 1 sets the first bit, level 2 both. */
static void faults(const struct bb_sim_pack *pack, uint8_t *data)
{
    static const struct {
        enum bb_sim_alarm alarm;
        unsigned byte, bit;
    } bits[] = {
        {BB_SIM_CELL_HIGH, 0, 0},      {BB_SIM_CELL_LOW, 0, 2},
        {BB_SIM_PACK_HIGH, 0, 4},      {BB_SIM_PACK_LOW, 0, 6},
        {BB_SIM_CHARGE_HOT, 1, 0},     {BB_SIM_CHARGE_COLD, 1, 2},
        {BB_SIM_DISCHARGE_HOT, 1, 4},  {BB_SIM_DISCHARGE_COLD, 1, 6},
        {BB_SIM_CHARGE_CURRENT, 2, 0}, {BB_SIM_DISCHARGE_CURRENT, 2, 2},
        {BB_SIM_SOC_LOW, 2, 6},        {BB_SIM_IMBALANCE, 3, 0},
    };
    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
        unsigned level = pack->level[bits[i].alarm];
        unsigned pair = level == 2 ? 3 : level;
        data[bits[i].byte] |= (uint8_t)(pair << bits[i].bit);
    }
    if (pack->level[BB_SIM_MOS_HOT] == 2) {
        data[4] |= 0x03;
    }
}

static size_t cell_frames(const struct bb_sim_pack *pack, const struct bb_sim_request *request,
                          uint8_t *answer)
{
    size_t size = 0;
    for (unsigned i = 0; i < pack->setup.cell_count; i += 3) {
        uint8_t *data = open_frame(answer + size, request);
        data[0] = (uint8_t)(i / 3 + 1);
        for (unsigned n = 0; n < 3 && i + n < pack->setup.cell_count; n++) {
            uint16_t cell_mv = bb_sim_u16(bb_sim_pack_cell(pack, i + n), 0.001);
            bb_sim_put_u16be(data + 1 + 2 * (size_t)n, cell_mv);
        }
        size += close_frame(answer + size);
    }
    return size;
}

static size_t temperature_frame(const struct bb_sim_pack *pack,
                                const struct bb_sim_request *request, uint8_t *answer)
{
    uint8_t *data = open_frame(answer, request);
    data[0] = 1;
    for (unsigned i = 0; i < pack->setup.sensor_count; i++) {
        data[1 + i] = temperature_raw(bb_sim_pack_sensor(pack, i));
    }
    return close_frame(answer);
}

static size_t code_frames(const struct bb_sim_identity *identity,
                          const struct bb_sim_request *request, uint8_t *answer)
{
    size_t length = strlen(identity->name);
    size_t size = 0;
    for (size_t i = 0; i < CODE_FRAMES; i++) {
        uint8_t *data = open_frame(answer + size, request);
        size_t done = 7 * i;
        data[0] = (uint8_t)(i + 1);
        if (done < length) {
            memcpy(data + 1, identity->name + done, length - done < 7 ? length - done : 7);
        }
        size += close_frame(answer + size);
    }
    return size;
}

static void set_soc(struct bb_sim_board *board, const struct bb_sim_request *request, uint8_t *data)
{
    uint16_t permille = bb_sim_get_u16be(request->data + 6);
    if (permille <= 1000) {
        bb_sim_pack_count(&board->pack, permille / 10.0);
        data[0] = 1;
    }
}

static void set_switch(struct bb_sim_board *board, bool *command,
                       const struct bb_sim_request *request, uint8_t *data)
{
    *command = request->data[0] != 0;
    bb_sim_pack_protect(&board->pack, 0);
    data[0] = request->data[0];
}

/* Fills the data of a one-frame answer; false for a command this board does not know. */
static bool fill_frame(struct bb_sim_board *board, const struct bb_sim_request *request,
                       uint8_t *data)
{
    const struct bb_sim_pack *pack = bb_sim_board_shown(board);
    uint8_t heartbeat = board->session.heartbeat;
    switch (request->code) {
    case 0x21:
        set_soc(board, request, data);
        return true;
    case 0x50:
        rated(pack, data);
        return true;
    case 0x53:
        production(&board->identity, data);
        return true;
    case 0x59:
        voltage_levels(1, BB_SIM_CELL_LOW_V, 0.001, data);
        return true;
    case 0x5A:
        voltage_levels(pack->setup.cell_count, BB_SIM_PACK_LOW_CELL_V, 0.1, data);
        return true;
    case 0x90:
        measurement(pack, data);
        return true;
    case 0x91:
        cell_extremes(pack, data);
        return true;
    case 0x92:
        temperature_extremes(pack, data);
        return true;
    case 0x93:
        switches(pack, heartbeat, data);
        return true;
    case 0x94:
        status(pack, heartbeat, data);
        return true;
    case 0x97:
        balancing(pack, data);
        return true;
    case 0x98:
        faults(pack, data);
        return true;
    case 0xD9:
        set_switch(board, &board->pack.discharge_switch, request, data);
        return true;
    case 0xDA:
        set_switch(board, &board->pack.charge_switch, request, data);
        return true;
    default:
        return false;
    }
}

static size_t answer(struct bb_sim_board *board, const struct bb_sim_request *request,
                     uint8_t *answer_data)
{
    const struct bb_sim_pack *pack = bb_sim_board_shown(board);
    board->session.heartbeat++;
    switch (request->code) {
    case 0x57:
        return code_frames(&board->identity, request, answer_data);
    case 0x95:
        return cell_frames(pack, request, answer_data);
    case 0x96:
        return temperature_frame(pack, request, answer_data);
    default:
        break;
    }
    uint8_t *data = open_frame(answer_data, request);
    return fill_frame(board, request, data) ? close_frame(answer_data) : 0;
}

const struct bb_sim_protocol bb_sim_daly = {
    .id = "daly",
    .title = "Daly Smart BMS (A5 frames)",
    .bit_rate = 9600,
    .turnaround_ms = 40,
    .address_first = BOARD_1,
    .address_last = BOARD_1 + 15,
    .address_default = BOARD_1,
    .cells_max = BB_SIM_CELLS_MAX,
    .balancer = BB_SIM_BALANCER_PASSIVE,
    .parse = parse,
    .answer = answer,
};
