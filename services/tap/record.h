/* The record file of "busbar tap --record": messages as they came from the bus.
 *
 * All numbers little-endian.
 *   file header, 16 bytes
 *     0   8  magic "BUSBAR\r\n": a transfer that changes line ends damages it visibly
 *     8   2  format version, 1
 *     10  6  zero
 *   then records
 *     0   4  CRC-32 (IEEE 802.3) of all that follows in the record
 *     4   4  bytes of the body, at most BB_RECORD_BODY_MAX
 *     8   2  bytes of the topic, at most BB_RECORD_TOPIC_MAX
 *     10  2  zero
 *     12  8  arrival, CLOCK_MONOTONIC in ms
 *     20  8  arrival, Unix time in ms
 *     28  .. topic, then body
 * A record is written in one piece, so that a crash can only cut the last one. Topic and body
 * are kept as received, also when they are not valid messages.
 */
#ifndef BUSBAR_TAP_RECORD_H
#define BUSBAR_TAP_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"

#define BB_RECORD_HEADER 16
#define BB_RECORD_FIXED 28
#define BB_RECORD_TOPIC_MAX 255
#define BB_RECORD_BODY_MAX 65536
#define BB_RECORD_MAX (BB_RECORD_FIXED + BB_RECORD_TOPIC_MAX + BB_RECORD_BODY_MAX)

struct bb_record {
    int64_t mono_ms, wall_ms; /* arrival; never negative */
    const char *topic;        /* topic_size bytes, no NUL */
    size_t topic_size;
    const uint8_t *body;
    size_t body_size;
};

/* Writes the file header into BB_RECORD_HEADER bytes. */
void bb_record_put_header(uint8_t *buffer);

/* BB_OK, BB_ERR_TRUNCATED (fewer bytes), BB_ERR_MALFORMED (another kind of file) or
 * BB_ERR_VERSION. */
int bb_record_check_header(const uint8_t *data, size_t size, struct bb_problem *problem);

/* Writes record; returns its size, or BB_ERR_OVERSIZE when topic or body exceed what the format
 * holds or buffer has no room. */
int bb_record_put(const struct bb_record *record, uint8_t *buffer, size_t capacity);

/* Reads the record at data. Returns the bytes it takes, with *ret_record pointing into data;
 * BB_ERR_TRUNCATED when size bytes do not hold it whole; BB_ERR_MALFORMED when sizes, times or
 * the checksum are wrong. */
int bb_record_get(const uint8_t *data, size_t size, struct bb_record *ret_record,
                  struct bb_problem *problem);

#endif
