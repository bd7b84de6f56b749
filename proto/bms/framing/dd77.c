#include "proto/bms/framing/dd77.h"

#include <assert.h>
#include <string.h>

#include "proto/bms/checksum.h"

enum { START = 0xdd, END = 0x77, LENGTH_AT = 3, SUM_FROM = 2 };

static uint16_t checksum(const uint8_t *frame, size_t data_size)
{
    return (uint16_t)(0x10000U - bb_sum16(frame + SUM_FROM, 2 + data_size));
}

struct bb_scan bb_dd77_scan(const struct bb_asked *asked, const uint8_t *data, size_t size)
{
    (void)asked;
    if (data[0] != START) {
        const uint8_t *start = memchr(data, START, size);
        return bb_scan_garbage(start ? (size_t)(start - data) : size);
    }
    if (size <= LENGTH_AT) {
        return bb_scan_more(LENGTH_AT + 1);
    }
    size_t data_size = data[LENGTH_AT];
    size_t total = BB_DD77_OVERHEAD + data_size;
    if (size < total) {
        return bb_scan_more(total);
    }
    uint16_t sum = checksum(data, data_size);
    const uint8_t *tail = data + BB_DD77_DATA + data_size;
    if (tail[0] != sum >> 8 || tail[1] != (sum & 0xff) || tail[2] != END) {
        return bb_scan_bad();
    }
    return bb_scan_frame(total);
}

void bb_dd77_build(uint8_t operation, uint8_t reg, const uint8_t *data, size_t size,
                   struct bb_request *ret_request)
{
    assert(size <= 64);
    uint8_t *out = ret_request->data;
    out[0] = START;
    out[1] = operation;
    out[2] = reg;
    out[LENGTH_AT] = (uint8_t)size;
    if (size > 0) {
        memcpy(out + BB_DD77_DATA, data, size);
    }
    uint16_t sum = checksum(out, size);
    out[BB_DD77_DATA + size] = (uint8_t)(sum >> 8);
    out[BB_DD77_DATA + size + 1] = (uint8_t)(sum & 0xff);
    out[BB_DD77_DATA + size + 2] = END;
    ret_request->size = BB_DD77_OVERHEAD + size;
}
