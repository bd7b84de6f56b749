#include "byte_stream.h"
#include "proto/bms/checksum.h"
#include "proto/bms/drivers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first payload byte says whether the answer is a refusal. */
static size_t wrap(const struct bb_request *request, const uint8_t *payload, size_t size,
                   uint8_t *ret_frame)
{
    bool refused = size > 0 && payload[0] == 0x80;
    size_t length = refused || size > 200 ? 0 : size;
    ret_frame[0] = 0xdd;
    ret_frame[1] = request->data[2];
    ret_frame[2] = refused ? 0x80 : 0;
    ret_frame[3] = (uint8_t)length;
    if (length > 0) {
        memcpy(ret_frame + 4, payload, length);
    }
    uint16_t sum = (uint16_t)(0x10000U - bb_sum16(ret_frame + 2, 2 + length));
    ret_frame[4 + length] = (uint8_t)(sum >> 8);
    ret_frame[5 + length] = (uint8_t)(sum & 0xff);
    ret_frame[6 + length] = 0x77;
    return 7 + length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    stream_play(&bb_driver_jbd, wrap, data, size);
    return 0;
}
