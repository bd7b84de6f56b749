/* A CAN frame as sixteen bytes, so that the line, which carries bytes, carries frames as well:
 * identifier big-endian with bit 31 set for 29 bits, length, "CAN", eight bytes of data. */
#ifndef BUSBAR_SIM_CAN_RECORD_H
#define BUSBAR_SIM_CAN_RECORD_H

#include <stdbool.h>
#include <string.h>

#include "services/sim/bytes.h"

#define BB_SIM_CAN_RECORD 16
#define BB_SIM_CAN_EXTENDED 0x80000000U

/* Appends a frame at *size and returns its data, all zero, for the caller to fill. */
static inline uint8_t *bb_sim_can_add(uint8_t *records, size_t *size, uint32_t id, uint8_t length)
{
    uint8_t *record = records + *size;
    memset(record, 0, BB_SIM_CAN_RECORD);
    bb_sim_put_u32be(record, id);
    record[4] = length;
    record[5] = 'C';
    record[6] = 'A';
    record[7] = 'N';
    *size += BB_SIM_CAN_RECORD;
    return record + 8;
}

/* Appends a frame that holds text, at most eight characters, NUL behind it where there is room. */
static inline void bb_sim_can_add_text(uint8_t *records, size_t *size, uint32_t id,
                                       const char *text)
{
    uint8_t *data = bb_sim_can_add(records, size, id, 8);
    memcpy(data, text, strnlen(text, 8));
}

/* True when a good record starts at record. */
static inline bool bb_sim_can_is_record(const uint8_t *record)
{
    return record[5] == 'C' && record[6] == 'A' && record[7] == 'N' && record[4] <= 8;
}

static inline uint32_t bb_sim_can_id(const uint8_t *record)
{
    return (uint32_t)bb_sim_get_u16be(record) << 16 | bb_sim_get_u16be(record + 2);
}

#endif
