/* JBD protocol, the BMS's side.
 *
 * Request  DD | A5 read / 5A write | register | n | n bytes | sum | 77
 * Answer   DD | register | 00 ok / 80 error   | n | n bytes | sum | 77
 * The sum is 0x10000 minus the bytes from register (request) or status (answer) up to it,
 * big-endian, as all numbers. Registers 0x03, 0x04, 0x05, 0xAA and command 0xE1 are always
 * there, the configuration only between the writes to 0x00 (enter) and 0x01 (leave).
 */
#include <stdio.h>
#include <string.h>

#include "services/sim/bytes.h"
#include "services/sim/protocol.h"

#define START 0xDD
#define STOP 0x77
#define READ 0xA5
#define WRITE 0x5A
#define STATUS_OK 0x00
#define STATUS_ERROR 0x80
#define OVERHEAD 7 /* bytes of a frame around its data */

#define NAME_MAX_BYTES 31

#define ENTER_KEY 0x5678
#define LEAVE_AND_SAVE 0x2828
#define FUNCTION_BITS 0x000A /* load detection and balancing while charging only */
#define FUNCTION_BALANCE 0x0004

static uint16_t checksum(const uint8_t *data, size_t size)
{
    return (uint16_t)(0x10000U - bb_sim_sum(data, size));
}

static int parse(const uint8_t *data, size_t size, struct bb_sim_request *ret_request)
{
    if (data[0] != START || (size > 1 && data[1] != READ && data[1] != WRITE)) {
        return BB_ERR_MALFORMED;
    }
    if (size < 4) {
        return 0;
    }
    size_t count = data[3];
    if (count > BB_SIM_REQUEST_DATA_MAX) {
        return BB_ERR_OVERSIZE;
    }
    if (size < count + OVERHEAD) {
        return 0;
    }
    if (data[count + 6] != STOP ||
        bb_sim_get_u16be(data + count + 4) != checksum(data + 2, count + 2)) {
        return BB_ERR_MALFORMED;
    }
    *ret_request = (struct bb_sim_request){
        .code = data[2],
        .write = data[1] == WRITE,
        .size = count,
    };
    memcpy(ret_request->data, data + 4, count);
    return (int)(count + OVERHEAD);
}

/* The data is in place already, at answer + 4. */
static size_t finish(uint8_t *answer, const struct bb_sim_request *request, uint8_t status,
                     size_t count)
{
    answer[0] = START;
    answer[1] = (uint8_t)request->code;
    answer[2] = status;
    answer[3] = (uint8_t)count;
    bb_sim_put_u16be(answer + 4 + count, checksum(answer + 2, count + 2));
    answer[6 + count] = STOP;
    return count + OVERHEAD;
}

static uint16_t deci_kelvin(double temp_c)
{
    return bb_sim_u16(temp_c + 273.1, 0.1);
}

static uint16_t protection_word(const struct bb_sim_pack *pack)
{
    static const struct {
        enum bb_sim_alarm alarm;
        unsigned bit;
    } bits[] = {
        {BB_SIM_CELL_HIGH, 0},         {BB_SIM_CELL_LOW, 1},       {BB_SIM_PACK_HIGH, 2},
        {BB_SIM_PACK_LOW, 3},          {BB_SIM_CHARGE_HOT, 4},     {BB_SIM_CHARGE_COLD, 5},
        {BB_SIM_DISCHARGE_HOT, 6},     {BB_SIM_DISCHARGE_COLD, 7}, {BB_SIM_CHARGE_CURRENT, 8},
        {BB_SIM_DISCHARGE_CURRENT, 9},
    };
    unsigned word = pack->charge_switch && pack->discharge_switch ? 0 : 1U << 12;
    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
        if (pack->level[bits[i].alarm] == 2) {
            word |= 1U << bits[i].bit;
        }
    }
    return (uint16_t)word;
}

static size_t basic_information(const struct bb_sim_board *board, uint8_t *data)
{
    const struct bb_sim_pack *pack = bb_sim_board_shown(board);
    const struct bb_sim_identity *made = &board->identity;
    bb_sim_put_u16be(data, bb_sim_u16(bb_sim_pack_voltage(pack), 0.01));
    bb_sim_put_u16be(data + 2, bb_sim_s16(pack->current_a, 0.01));
    bb_sim_put_u16be(data + 4, bb_sim_u16(pack->counted_ah, 0.01));
    bb_sim_put_u16be(data + 6, bb_sim_u16(pack->setup.capacity_ah, 0.01));
    bb_sim_put_u16be(data + 8, (uint16_t)bb_sim_pack_cycles(pack));
    bb_sim_put_u16be(data + 10,
                     (uint16_t)((made->year - 2000) << 9 | made->month << 5 | made->day));
    bb_sim_put_u16be(data + 12, (uint16_t)pack->balancing);
    bb_sim_put_u16be(data + 14, (uint16_t)(pack->balancing >> 16));
    bb_sim_put_u16be(data + 16, protection_word(pack));
    data[18] = 0x80; /* software 8.0 */
    data[19] = bb_sim_u8(bb_sim_pack_soc(pack), 1);
    data[20] = (uint8_t)((pack->charge_fet ? 1 : 0) | (pack->discharge_fet ? 2 : 0));
    data[21] = (uint8_t)pack->setup.cell_count;
    data[22] = (uint8_t)(1 + pack->setup.sensor_count);
    bb_sim_put_u16be(data + 23, deci_kelvin(pack->mos_c));
    for (unsigned i = 0; i < pack->setup.sensor_count; i++) {
        bb_sim_put_u16be(data + 25 + 2 * (size_t)i, deci_kelvin(bb_sim_pack_sensor(pack, i)));
    }
    return 25 + 2 * (size_t)pack->setup.sensor_count;
}

static size_t cell_voltages(const struct bb_sim_board *board, uint8_t *data)
{
    const struct bb_sim_pack *pack = bb_sim_board_shown(board);
    for (unsigned i = 0; i < pack->setup.cell_count; i++) {
        bb_sim_put_u16be(data + 2 * (size_t)i, bb_sim_u16(bb_sim_pack_cell(pack, i), 0.001));
    }
    return 2 * (size_t)pack->setup.cell_count;
}

static size_t model_name(const struct bb_sim_board *board, uint8_t *data)
{
    const struct bb_sim_pack_setup *setup = &board->pack.setup;
    char name[NAME_MAX_BYTES + 1];
    int size = snprintf(name, sizeof(name), "JBD-SP%02uS%03u-L%uS-%uA-B", setup->cell_count,
                        setup->cell_count - 1, setup->cell_count,
                        (unsigned)bb_sim_u16(setup->discharge_limit_a, 1));
    size_t length = size > 0 && size <= NAME_MAX_BYTES ? (size_t)size : 0;
    memcpy(data, name, length);
    return length;
}

static size_t error_counters(const struct bb_sim_board *board, uint8_t *data)
{
    static const enum bb_sim_alarm order[] = {
        BB_SIM_CHARGE_CURRENT, BB_SIM_DISCHARGE_CURRENT, BB_SIM_CELL_HIGH,
        BB_SIM_CELL_LOW,       BB_SIM_CHARGE_HOT,        BB_SIM_CHARGE_COLD,
        BB_SIM_DISCHARGE_HOT,  BB_SIM_DISCHARGE_COLD,    BB_SIM_PACK_HIGH,
        BB_SIM_PACK_LOW,
    };
    const struct bb_sim_pack *pack = bb_sim_board_shown(board);
    memset(data, 0, 24);
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        bb_sim_put_u16be(data + 2 + 2 * i, pack->trips[order[i]]);
    }
    return 24;
}

/* The value of a configuration register; false for one this board does not have. */
static bool configuration(const struct bb_sim_board *board, uint16_t code, uint16_t *ret_value)
{
    const struct bb_sim_pack_setup *setup = &board->pack.setup;
    double pack_v = setup->cell_count;
    bool balance =
        board->session.factory_mode ? board->session.balance_pending : board->pack.balance_switch;
    const struct {
        uint16_t code, value;
    } registers[] = {
        {0x10, bb_sim_u16(setup->capacity_ah, 0.01)},
        {0x11, bb_sim_u16(setup->capacity_ah * 0.9, 0.01)},
        {0x18, deci_kelvin(BB_SIM_CHARGE_HOT_C)},
        {0x19, deci_kelvin(BB_SIM_CHARGE_HOT_RELEASE_C)},
        {0x1A, deci_kelvin(BB_SIM_CHARGE_COLD_C)},
        {0x1B, deci_kelvin(BB_SIM_CHARGE_COLD_RELEASE_C)},
        {0x1C, deci_kelvin(BB_SIM_DISCHARGE_HOT_C)},
        {0x1D, deci_kelvin(BB_SIM_DISCHARGE_HOT_RELEASE_C)},
        {0x1E, deci_kelvin(BB_SIM_DISCHARGE_COLD_C)},
        {0x1F, deci_kelvin(BB_SIM_DISCHARGE_COLD_RELEASE_C)},
        {0x20, bb_sim_u16(BB_SIM_CELL_HIGH_V * pack_v, 0.01)},
        {0x21, bb_sim_u16(BB_SIM_CELL_HIGH_RELEASE_V * pack_v, 0.01)},
        {0x22, bb_sim_u16(BB_SIM_PACK_LOW_CELL_V * pack_v, 0.01)},
        {0x23, bb_sim_u16(BB_SIM_CELL_LOW_RELEASE_V * pack_v, 0.01)},
        {0x24, bb_sim_u16(BB_SIM_CELL_HIGH_V, 0.001)},
        {0x25, bb_sim_u16(BB_SIM_CELL_HIGH_RELEASE_V, 0.001)},
        {0x26, bb_sim_u16(BB_SIM_CELL_LOW_V, 0.001)},
        {0x27, bb_sim_u16(BB_SIM_CELL_LOW_RELEASE_V, 0.001)},
        {0x28, bb_sim_s16(setup->charge_limit_a, 0.01)},
        {0x29, bb_sim_s16(-setup->discharge_limit_a, 0.01)},
        {0x2A, bb_sim_u16(BB_SIM_BALANCE_START_V, 0.001)},
        {0x2B, bb_sim_u16(BB_SIM_BALANCE_WINDOW_V, 0.001)},
        {0x2D, (uint16_t)(FUNCTION_BITS | (balance ? FUNCTION_BALANCE : 0))},
        {0x2F, (uint16_t)setup->cell_count},
    };
    for (size_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++) {
        if (registers[i].code == code) {
            *ret_value = registers[i].value;
            return true;
        }
    }
    return false;
}

static size_t answer_read(struct bb_sim_board *board, const struct bb_sim_request *request,
                          uint8_t *answer)
{
    uint8_t *data = answer + 4;
    uint16_t value = 0;
    switch (request->code) {
    case 0x03:
        return finish(answer, request, STATUS_OK, basic_information(board, data));
    case 0x04:
        return finish(answer, request, STATUS_OK, cell_voltages(board, data));
    case 0x05:
        return finish(answer, request, STATUS_OK, model_name(board, data));
    case 0xAA:
        return finish(answer, request, STATUS_OK, error_counters(board, data));
    default:
        break;
    }
    if (!board->session.factory_mode || !configuration(board, request->code, &value)) {
        return finish(answer, request, STATUS_ERROR, 0);
    }
    bb_sim_put_u16be(data, value);
    return finish(answer, request, STATUS_OK, 2);
}

static bool carry_out(struct bb_sim_board *board, uint16_t code, uint16_t value)
{
    struct bb_sim_session *session = &board->session;
    switch (code) {
    case 0x00:
        session->factory_mode = value == ENTER_KEY;
        session->balance_pending = board->pack.balance_switch;
        return session->factory_mode;
    case 0x01:
        if (session->factory_mode && value == LEAVE_AND_SAVE) {
            board->pack.balance_switch = session->balance_pending;
        }
        session->factory_mode = false;
        return true;
    case 0x2D:
        session->balance_pending = (value & FUNCTION_BALANCE) != 0;
        return session->factory_mode;
    case 0xE1:
        board->pack.charge_switch = (value & 1) == 0;
        board->pack.discharge_switch = (value & 2) == 0;
        bb_sim_pack_protect(&board->pack, 0);
        return true;
    default:
        return false;
    }
}

static size_t answer(struct bb_sim_board *board, const struct bb_sim_request *request,
                     uint8_t *answer_data)
{
    if (!request->write) {
        return answer_read(board, request, answer_data);
    }
    bool done =
        request->size == 2 && carry_out(board, request->code, bb_sim_get_u16be(request->data));
    return finish(answer_data, request, done ? STATUS_OK : STATUS_ERROR, 0);
}

const struct bb_sim_protocol bb_sim_jbd = {
    .id = "jbd",
    .title = "JBD / LLT / Overkill Solar",
    .bit_rate = 9600,
    .turnaround_ms = 40,
    .cells_max = 32,
    .balancer = BB_SIM_BALANCER_PASSIVE,
    .parse = parse,
    .answer = answer,
};
