#include "proto/bms/framing/jk_record.h"

#include <string.h>

#include "proto/bms/checksum.h"

static const uint8_t header[4] = {0x55, 0xaa, 0xeb, 0x90};
static const uint8_t write_one[2] = {0x10, 0x16};        /* function, register high byte */
static const uint8_t one_register[2] = {0x00, 0x01};     /* number of registers */
static const uint8_t zero_value[3] = {0x02, 0x00, 0x00}; /* bytes, value: only in a request */

enum { WRITE_AT = 1, COUNT_AT = 4, VALUE_AT = 6 };

static bool starts_with(const uint8_t *data, size_t size, const uint8_t *start, size_t start_size)
{
    return memcmp(data, start, size < start_size ? size : start_size) == 0;
}

static bool has_crc(const uint8_t *data, size_t size)
{
    uint16_t crc = bb_crc16_modbus(data, size - 2);
    return data[size - 2] == (crc & 0xff) && data[size - 1] == crc >> 8;
}

static struct bb_scan scan_record(const uint8_t *data, size_t size)
{
    if (size < BB_JK_RECORD_SIZE) {
        return bb_scan_more(BB_JK_RECORD_SIZE);
    }
    if (bb_sum8(data, BB_JK_RECORD_SIZE - 1) != data[BB_JK_RECORD_SIZE - 1]) {
        return bb_scan_bad();
    }
    return bb_scan_frame(BB_JK_RECORD_SIZE);
}

/* Acknowledge or request: the CRC of the shorter one decides. */
static struct bb_scan scan_modbus(const uint8_t *data, size_t size)
{
    if (size < BB_JK_ACK_SIZE) {
        return bb_scan_more(BB_JK_ACK_SIZE);
    }
    if (has_crc(data, BB_JK_ACK_SIZE)) {
        return bb_scan_frame(BB_JK_ACK_SIZE);
    }
    if (!starts_with(data + VALUE_AT, size - VALUE_AT, zero_value, sizeof zero_value)) {
        return bb_scan_bad();
    }
    if (size < BB_JK_REQUEST_SIZE) {
        return bb_scan_more(BB_JK_REQUEST_SIZE);
    }
    return has_crc(data, BB_JK_REQUEST_SIZE) ? bb_scan_frame(BB_JK_REQUEST_SIZE) : bb_scan_bad();
}

static bool could_be_modbus(const uint8_t *data, size_t size)
{
    return data[0] <= 0x0f &&
           (size <= WRITE_AT ||
            starts_with(data + WRITE_AT, size - WRITE_AT, write_one, sizeof write_one)) &&
           (size <= COUNT_AT ||
            starts_with(data + COUNT_AT, size - COUNT_AT, one_register, sizeof one_register));
}

struct bb_scan bb_jk_scan(const struct bb_asked *asked, const uint8_t *data, size_t size)
{
    (void)asked;
    if (starts_with(data, size, header, sizeof header)) {
        return scan_record(data, size);
    }
    return could_be_modbus(data, size) ? scan_modbus(data, size) : bb_scan_garbage(1);
}

void bb_jk_build(uint8_t address, uint8_t register_low, struct bb_request *ret_request)
{
    uint8_t *out = ret_request->data;
    out[0] = address;
    memcpy(out + WRITE_AT, write_one, sizeof write_one);
    out[BB_JK_REGISTER_LOW] = register_low;
    memcpy(out + COUNT_AT, one_register, sizeof one_register);
    memcpy(out + VALUE_AT, zero_value, sizeof zero_value);
    uint16_t crc = bb_crc16_modbus(out, BB_JK_REQUEST_SIZE - 2);
    out[BB_JK_REQUEST_SIZE - 2] = (uint8_t)(crc & 0xff);
    out[BB_JK_REQUEST_SIZE - 1] = (uint8_t)(crc >> 8);
    ret_request->size = BB_JK_REQUEST_SIZE;
}
