/* The last raw exchanges of one battery, kept so that a fault can be explained after the fact.
 *
 * A fixed ring of entries: time, direction, bytes. Pieces that arrive close together are one
 * entry. Older entries are overwritten; an entry longer than BB_TRACE_BYTES keeps its beginning
 * and its true length.
 */
#ifndef BUSBAR_COMMON_READER_TRACE_H
#define BUSBAR_COMMON_READER_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BB_TRACE_ENTRIES                                                                           \
    32                      /* the ten asks before a battery counts as lost, and what was before   \
                             */
#define BB_TRACE_BYTES 336  /* longest answer known is 308 bytes (JK PB protocol, status) */
#define BB_TRACE_JOIN_MS 30 /* a longer pause starts a new entry */
#define BB_TRACE_LINE_MAX 1100 /* room for any text of bb_trace_line */

enum bb_trace_origin {
    BB_TRACE_SENT,
    BB_TRACE_ANSWER, /* arrived while this battery's answer was expected */
    BB_TRACE_STRAY   /* arrived while nobody's was; every battery of the wire keeps it */
};

struct bb_trace_entry {
    int64_t first_ms, last_ms; /* monotonic, of its first and last byte */
    enum bb_trace_origin origin;
    size_t size; /* bytes that passed; the first BB_TRACE_BYTES are kept */
    uint8_t data[BB_TRACE_BYTES];
};

/* Zeroed memory is an empty trace. */
struct bb_trace {
    uint64_t count; /* entries ever started */
    struct bb_trace_entry entries[BB_TRACE_ENTRIES];
};

void bb_trace_add(struct bb_trace *trace, enum bb_trace_origin origin, const uint8_t *data,
                  size_t size, int64_t now_ms);

/* The entry with that running number (0 is the first ever), or NULL when it was overwritten or
 * has not happened yet. Valid until the next bb_trace_add. */
const struct bb_trace_entry *bb_trace_at(const struct bb_trace *trace, uint64_t number);

/* Number of the oldest entry that is still kept. */
uint64_t bb_trace_oldest(const struct bb_trace *trace);

/* Text of an entry, "12345 > dd a5 03 00 ff fd 77": its time in ms, '>' for sent, '<' for an
 * answer, '?' for stray bytes; cut to capacity. Returns ret_text. */
const char *bb_trace_line(const struct bb_trace_entry *entry, char *ret_text, size_t capacity);

#endif
