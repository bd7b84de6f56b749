/* How a framing finds its frames in a byte stream.
 *
 * A framing is a function that looks at the start of the bytes received so far and says what is
 * there. The caller drops garbage, hands on frames, waits for more, and asks again behind what
 * it consumed. Nothing is ever flushed: a good frame may follow a cut one, so after a wrong
 * checksum the search goes on one byte further, inside the frame that failed.
 */
#ifndef BUSBAR_PROTO_BMS_FRAMING_SCAN_H
#define BUSBAR_PROTO_BMS_FRAMING_SCAN_H

#include <stddef.h>
#include <stdint.h>

enum bb_scan_verdict {
    BB_SCAN_MORE,    /* may become a frame; size: bytes needed to tell more (at least) */
    BB_SCAN_GARBAGE, /* size bytes (> 0) cannot start a frame */
    BB_SCAN_BAD,     /* complete, but checksum or end are wrong: drop one byte */
    BB_SCAN_FRAME    /* a good frame of size bytes */
};

struct bb_scan {
    enum bb_scan_verdict verdict;
    size_t size;
};

/* What was asked, for framings whose answers do not say themselves where they start or how long
 * they are (Modbus RTU, bare register reads). request_size 0: nothing is outstanding. */
struct bb_asked {
    const uint8_t *request;
    size_t request_size;
    uint16_t address; /* as configured */
    uint16_t code;    /* of the item asked */
};

/* Looks at data (size bytes, at least 1). Pure; never reads behind size. */
typedef struct bb_scan bb_scan_function(const struct bb_asked *asked, const uint8_t *data,
                                        size_t size);

static inline struct bb_scan bb_scan_more(size_t size)
{
    return (struct bb_scan){BB_SCAN_MORE, size};
}

static inline struct bb_scan bb_scan_garbage(size_t size)
{
    return (struct bb_scan){BB_SCAN_GARBAGE, size};
}

static inline struct bb_scan bb_scan_bad(void)
{
    return (struct bb_scan){BB_SCAN_BAD, 1};
}

static inline struct bb_scan bb_scan_frame(size_t size)
{
    return (struct bb_scan){BB_SCAN_FRAME, size};
}

#endif
