#include "byte_stream.h"
#include "proto/bms/checksum.h"
#include "proto/bms/drivers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t type_of(uint8_t register_low)
{
    switch (register_low) {
    case 0x1e:
        return 1;
    case 0x20:
        return 2;
    default:
        return 3;
    }
}

/* A record with the payload at an offset its first byte chooses, and an acknowledge; without it
 * or from another address if that byte says so. */
static size_t wrap(const struct bb_request *request, const uint8_t *payload, size_t size,
                   uint8_t *ret_frame)
{
    enum { RECORD = 300, FIRST = 6, ACK = 8 };
    memset(ret_frame, 0, RECORD + 1);
    memcpy(ret_frame, "\x55\xaa\xeb\x90", 4);
    ret_frame[4] = type_of(request->data[3]);
    ret_frame[114] = ret_frame[4] == 1 ? 16 : 0; /* a plausible number of cells */
    uint8_t choice = size > 0 ? payload[0] : 0;
    size_t at = FIRST + choice;
    for (size_t i = 1; i < size && at < RECORD - 1; i++) {
        ret_frame[at++] = payload[i];
    }
    ret_frame[RECORD - 1] = bb_sum8(ret_frame, RECORD - 1);
    if (choice % 8 == 1) {
        return RECORD;
    }
    uint8_t *ack = ret_frame + RECORD + 1;
    memcpy(ack, request->data, ACK - 2);
    ack[0] = choice % 8 == 2 ? 7 : ack[0];
    uint16_t crc = bb_crc16_modbus(ack, ACK - 2);
    ack[6] = (uint8_t)(crc & 0xff);
    ack[7] = (uint8_t)(crc >> 8);
    return RECORD + 1 + ACK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    stream_play(&bb_driver_jk_pb, wrap, data, size);
    return 0;
}
