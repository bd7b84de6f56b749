/* Numbers into bytes and check sums, for the protocol servers. Deliberately not those of the
 * BMS drivers: servers and drivers check each other. */
#ifndef BUSBAR_SIM_BYTES_H
#define BUSBAR_SIM_BYTES_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

/* value in whole units, clamped to least..most. */
static inline int64_t bb_sim_units(double value, double unit, int64_t least, int64_t most)
{
    double units = round(value / unit);
    if (!(units > (double)least)) {
        return least;
    }
    return units > (double)most ? most : (int64_t)units;
}

static inline uint8_t bb_sim_u8(double value, double unit)
{
    return (uint8_t)bb_sim_units(value, unit, 0, UINT8_MAX);
}

static inline uint16_t bb_sim_u16(double value, double unit)
{
    return (uint16_t)bb_sim_units(value, unit, 0, UINT16_MAX);
}

static inline uint32_t bb_sim_u32(double value, double unit)
{
    return (uint32_t)bb_sim_units(value, unit, 0, UINT32_MAX);
}

/* Two's complement in 16 and 32 bits. */
static inline uint16_t bb_sim_s16(double value, double unit)
{
    return (uint16_t)(int16_t)bb_sim_units(value, unit, INT16_MIN, INT16_MAX);
}

static inline uint32_t bb_sim_s32(double value, double unit)
{
    return (uint32_t)(int32_t)bb_sim_units(value, unit, INT32_MIN, INT32_MAX);
}

static inline void bb_sim_put_u16be(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static inline void bb_sim_put_u32be(uint8_t *at, uint32_t value)
{
    bb_sim_put_u16be(at, (uint16_t)(value >> 16));
    bb_sim_put_u16be(at + 2, (uint16_t)value);
}

static inline void bb_sim_put_u16le(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

static inline void bb_sim_put_u32le(uint8_t *at, uint32_t value)
{
    bb_sim_put_u16le(at, (uint16_t)value);
    bb_sim_put_u16le(at + 2, (uint16_t)(value >> 16));
}

static inline uint16_t bb_sim_get_u16be(const uint8_t *at)
{
    return (uint16_t)((unsigned)at[0] << 8 | at[1]);
}

/* Sum of all bytes. */
static inline uint32_t bb_sim_sum(const uint8_t *data, size_t size)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < size; i++) {
        sum += data[i];
    }
    return sum;
}

/* Modbus CRC-16; on the wire the low byte comes first. */
static inline uint16_t bb_sim_crc16(const uint8_t *data, size_t size)
{
    unsigned crc = 0xFFFF;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc & 1) != 0 ? crc >> 1 ^ 0xA001 : crc >> 1;
        }
    }
    return (uint16_t)crc;
}

#endif
