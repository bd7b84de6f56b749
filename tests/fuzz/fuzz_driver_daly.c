#include "byte_stream.h"
#include "proto/bms/checksum.h"
#include "proto/bms/drivers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As many frames as the payload fills. */
static size_t wrap(const struct bb_request *request, const uint8_t *payload, size_t size,
                   uint8_t *ret_frame)
{
    size_t used = 0;
    for (size_t at = 0; at + 8 <= size && used + 13 <= STREAM_FRAME_MAX; at += 8) {
        uint8_t *frame = ret_frame + used;
        frame[0] = 0xa5;
        frame[1] = 1;
        frame[2] = request->data[2];
        frame[3] = 8;
        memcpy(frame + 4, payload + at, 8);
        frame[12] = bb_sum8(frame, 12);
        used += 13;
    }
    return used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    stream_play(&bb_driver_daly, wrap, data, size);
    return 0;
}
