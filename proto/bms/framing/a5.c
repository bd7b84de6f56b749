#include "proto/bms/framing/a5.h"

#include <assert.h>
#include <string.h>

#include "proto/bms/checksum.h"

enum { START = 0xa5, LENGTH_AT = 3, FILL = 0xaa };

bool bb_a5_is_selector(uint8_t party)
{
    return party == BB_A5_SELECTOR_APP || party == BB_A5_SELECTOR_GATEWAY ||
           (party >= BB_A5_SELECTOR_BOARD_1 && party < BB_A5_SELECTOR_BOARD_1 + BB_A5_BOARDS);
}

static bool is_party(uint8_t party)
{
    return (party >= 1 && party <= BB_A5_BOARDS) || bb_a5_is_selector(party);
}

struct bb_scan bb_a5_scan(const struct bb_asked *asked, const uint8_t *data, size_t size)
{
    (void)asked;
    if (data[0] != START) {
        const uint8_t *start = memchr(data, START, size);
        return bb_scan_garbage(start ? (size_t)(start - data) : size);
    }
    if (size > BB_A5_PARTY && !is_party(data[BB_A5_PARTY])) {
        return bb_scan_garbage(1);
    }
    if (size > LENGTH_AT && data[LENGTH_AT] != BB_A5_DATA_SIZE) {
        return bb_scan_garbage(1);
    }
    if (size < BB_A5_SIZE) {
        return bb_scan_more(BB_A5_SIZE);
    }
    if (bb_sum8(data, BB_A5_SIZE - 1) != data[BB_A5_SIZE - 1]) {
        return bb_scan_bad();
    }
    return bb_scan_frame(BB_A5_SIZE);
}

void bb_a5_build(uint8_t selector, uint8_t command, const uint8_t *data, size_t size,
                 struct bb_request *ret_request)
{
    assert(size <= BB_A5_DATA_SIZE);
    uint8_t *out = ret_request->data;
    memset(out, FILL, BB_A5_SIZE);
    out[0] = START;
    out[BB_A5_PARTY] = selector;
    out[BB_A5_COMMAND] = command;
    out[LENGTH_AT] = BB_A5_DATA_SIZE;
    if (size > 0) {
        memcpy(out + BB_A5_DATA, data, size);
    }
    out[BB_A5_SIZE - 1] = bb_sum8(out, BB_A5_SIZE - 1);
    ret_request->size = BB_A5_SIZE;
}
