#include "proto/bms/checksum.h"

uint16_t bb_sum16(const uint8_t *data, size_t size)
{
    unsigned sum = 0;
    for (size_t i = 0; i < size; i++) {
        sum += data[i];
    }
    return (uint16_t)(sum & 0xffffU);
}

uint8_t bb_sum8(const uint8_t *data, size_t size)
{
    return (uint8_t)(bb_sum16(data, size) & 0xffU);
}

uint16_t bb_crc16_modbus(const uint8_t *data, size_t size)
{
    unsigned crc = 0xffff;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc & 1U) ? (crc >> 1) ^ 0xa001U : crc >> 1;
        }
    }
    return (uint16_t)crc;
}
