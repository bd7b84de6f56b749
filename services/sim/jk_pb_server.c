/* JK BMS PB series on RS485, the BMS's side.
 *
 * Request  addr | 10 | 16 20 status, 16 1E settings, 16 1C about | 00 01 | 02 | 00 00 | CRC
 * Answer   300-byte record (jk_pb_records.c) | 00 | addr 10 16 xx 00 01 CRC | 00
 * A Modbus write of two registers to 0x1070, 0x1074, 0x1078 sets the charge, discharge and
 * balance switch and is acknowledged like any Modbus write. The CRC is Modbus', low byte first.
 */
#include <string.h>

#include "services/sim/bytes.h"
#include "services/sim/jk_pb_records.h"
#include "services/sim/protocol.h"

#define FUNCTION_WRITE 0x10
#define HEAD 7 /* address, function, register, count, byte count */
#define ACKNOWLEDGE 8
#define REGISTER_STATUS 0x1620
#define REGISTER_SETTINGS 0x161E
#define REGISTER_ABOUT 0x161C
#define REGISTER_CHARGE 0x1070
#define REGISTER_DISCHARGE 0x1074
#define REGISTER_BALANCE 0x1078
#define LAST_ADDRESS 15

static int parse(const uint8_t *data, size_t size, struct bb_sim_request *ret_request)
{
    if (data[0] < 1 || data[0] > LAST_ADDRESS || (size > 1 && data[1] != FUNCTION_WRITE)) {
        return BB_ERR_MALFORMED;
    }
    if (size < HEAD) {
        return 0;
    }
    size_t count = data[6];
    if (count > BB_SIM_REQUEST_DATA_MAX || count / 2 != bb_sim_get_u16be(data + 4) ||
        count % 2 != 0) {
        return BB_ERR_MALFORMED;
    }
    if (size < HEAD + count + 2) {
        return 0;
    }
    uint16_t crc = (uint16_t)(data[HEAD + count] | (unsigned)data[HEAD + count + 1] << 8);
    if (crc != bb_sim_crc16(data, HEAD + count)) {
        return BB_ERR_MALFORMED;
    }
    *ret_request = (struct bb_sim_request){
        .address = data[0],
        .code = bb_sim_get_u16be(data + 2),
        .write = true,
        .size = count,
    };
    memcpy(ret_request->data, data + HEAD, count);
    return (int)(HEAD + count + 2);
}

static size_t acknowledge(const struct bb_sim_request *request, uint8_t *answer)
{
    answer[0] = (uint8_t)request->address;
    answer[1] = FUNCTION_WRITE;
    bb_sim_put_u16be(answer + 2, request->code);
    bb_sim_put_u16be(answer + 4, (uint16_t)(request->size / 2));
    bb_sim_put_u16le(answer + 6, bb_sim_crc16(answer, 6));
    return ACKNOWLEDGE;
}

static size_t answer_record(const struct bb_sim_request *request, uint8_t *answer)
{
    size_t size = BB_SIM_JK_RECORD;
    answer[size++] = 0;
    size += acknowledge(request, answer + size);
    answer[size++] = 0;
    return size;
}

static size_t set_switch(struct bb_sim_board *board, bool *command,
                         const struct bb_sim_request *request, uint8_t *answer)
{
    if (request->size != 4) {
        return 0;
    }
    *command = request->data[3] != 0;
    bb_sim_pack_protect(&board->pack, 0);
    return acknowledge(request, answer);
}

static size_t answer(struct bb_sim_board *board, const struct bb_sim_request *request,
                     uint8_t *answer_data)
{
    switch (request->code) {
    case REGISTER_STATUS:
        bb_sim_jk_status(board, answer_data);
        return answer_record(request, answer_data);
    case REGISTER_SETTINGS:
        bb_sim_jk_settings(board, (uint8_t)request->address, answer_data);
        return answer_record(request, answer_data);
    case REGISTER_ABOUT:
        bb_sim_jk_about(board, answer_data);
        return answer_record(request, answer_data);
    case REGISTER_CHARGE:
        return set_switch(board, &board->pack.charge_switch, request, answer_data);
    case REGISTER_DISCHARGE:
        return set_switch(board, &board->pack.discharge_switch, request, answer_data);
    case REGISTER_BALANCE:
        return set_switch(board, &board->pack.balance_switch, request, answer_data);
    default:
        return 0;
    }
}

const struct bb_sim_protocol bb_sim_jk_pb = {
    .id = "jk-pb",
    .title = "JK BMS PB series (RS485)",
    .bit_rate = 115200,
    .turnaround_ms = 40,
    .address_first = 1,
    .address_last = LAST_ADDRESS,
    .address_default = 1,
    .cells_max = BB_SIM_CELLS_MAX,
    .balancer = BB_SIM_BALANCER_ACTIVE,
    .parse = parse,
    .answer = answer,
};
