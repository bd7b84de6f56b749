#include "services/tap/record.h"

#include <string.h>

#define VERSION 1
#define CRC_POLYNOMIAL 0xedb88320U /* IEEE 802.3, reflected */

static const uint8_t magic[8] = {'B', 'U', 'S', 'B', 'A', 'R', '\r', '\n'};

static uint32_t crc32_of(const uint8_t *data, size_t size)
{
    uint32_t crc = 0xffffffffU;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1U) != 0 ? CRC_POLYNOMIAL : 0U);
        }
    }
    return ~crc;
}

static void put_le(uint8_t *buffer, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        buffer[i] = (uint8_t)(value >> (8 * i));
    }
}

static uint64_t get_le(const uint8_t *data, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value |= (uint64_t)data[i] << (8 * i);
    }
    return value;
}

void bb_record_put_header(uint8_t *buffer)
{
    memset(buffer, 0, BB_RECORD_HEADER);
    memcpy(buffer, magic, sizeof magic);
    put_le(buffer + 8, VERSION, 2);
}

int bb_record_check_header(const uint8_t *data, size_t size, struct bb_problem *problem)
{
    for (size_t i = 0; i < size && i < sizeof magic; i++) {
        if (data[i] != magic[i]) {
            return bb_fail(problem, BB_ERR_MALFORMED, "header",
                           "not a file of busbar tap --record");
        }
    }
    if (size < BB_RECORD_HEADER) {
        return bb_fail(problem, BB_ERR_TRUNCATED, "header", "ends after %zu bytes", size);
    }
    unsigned version = (unsigned)get_le(data + 8, 2);
    if (version != VERSION) {
        return bb_fail(problem, BB_ERR_VERSION, "header", "format version %u, this is %d", version,
                       VERSION);
    }
    return BB_OK;
}

int bb_record_put(const struct bb_record *record, uint8_t *buffer, size_t capacity)
{
    if (record->topic_size > BB_RECORD_TOPIC_MAX || record->body_size > BB_RECORD_BODY_MAX) {
        return BB_ERR_OVERSIZE;
    }
    size_t size = BB_RECORD_FIXED + record->topic_size + record->body_size;
    if (size > capacity) {
        return BB_ERR_OVERSIZE;
    }
    put_le(buffer + 4, record->body_size, 4);
    put_le(buffer + 8, record->topic_size, 2);
    put_le(buffer + 10, 0, 2);
    put_le(buffer + 12, (uint64_t)record->mono_ms, 8);
    put_le(buffer + 20, (uint64_t)record->wall_ms, 8);
    if (record->topic_size > 0) {
        memcpy(buffer + BB_RECORD_FIXED, record->topic, record->topic_size);
    }
    if (record->body_size > 0) {
        memcpy(buffer + BB_RECORD_FIXED + record->topic_size, record->body, record->body_size);
    }
    put_le(buffer, crc32_of(buffer + 4, size - 4), 4);
    return (int)size;
}

int bb_record_get(const uint8_t *data, size_t size, struct bb_record *ret_record,
                  struct bb_problem *problem)
{
    if (size < BB_RECORD_FIXED) {
        return bb_fail(problem, BB_ERR_TRUNCATED, "record", "ends after %zu bytes", size);
    }
    uint64_t body_size = get_le(data + 4, 4);
    uint64_t topic_size = get_le(data + 8, 2);
    if (body_size > BB_RECORD_BODY_MAX || topic_size > BB_RECORD_TOPIC_MAX) {
        return bb_fail(problem, BB_ERR_MALFORMED, "record", "impossible size");
    }
    size_t whole = BB_RECORD_FIXED + (size_t)topic_size + (size_t)body_size;
    if (size < whole) {
        return bb_fail(problem, BB_ERR_TRUNCATED, "record", "ends after %zu of %zu bytes", size,
                       whole);
    }
    if (get_le(data, 4) != crc32_of(data + 4, whole - 4)) {
        return bb_fail(problem, BB_ERR_MALFORMED, "record", "checksum is wrong");
    }
    uint64_t mono_ms = get_le(data + 12, 8);
    uint64_t wall_ms = get_le(data + 20, 8);
    if (mono_ms > INT64_MAX || wall_ms > INT64_MAX) {
        return bb_fail(problem, BB_ERR_MALFORMED, "record", "impossible time");
    }
    *ret_record = (struct bb_record){.mono_ms = (int64_t)mono_ms,
                                     .wall_ms = (int64_t)wall_ms,
                                     .topic = (const char *)data + BB_RECORD_FIXED,
                                     .topic_size = (size_t)topic_size,
                                     .body = data + BB_RECORD_FIXED + topic_size,
                                     .body_size = (size_t)body_size};
    return (int)whole;
}
