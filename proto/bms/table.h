/* Decoding by table: what a BMS reports is named by offset, type, scale and field.
 *
 * Tables are constant data of a driver. A value is stored only if its bytes are there, it is not
 * a "no value" mark (sentinel) and it lies in the range the field declares; otherwise the field
 * stays absent, and an implausible value is counted in bb_decode.rejected.
 *
 * Fields are named by their place in struct bb_battery: BB_FIELD(voltage),
 * BB_FIELD(history.charge_cycles), BB_FIELD(protection.low_voltage).
 */
#ifndef BUSBAR_PROTO_BMS_TABLE_H
#define BUSBAR_PROTO_BMS_TABLE_H

#include "proto/message/battery.h"

#define BB_FIELD(member) ((uint16_t)offsetof(struct bb_battery, member))

/* Elements of a constant table. */
#define BB_COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* Where decoded values go. */
struct bb_decode {
    struct bb_battery *battery;
    uint64_t rejected; /* values out of range */
};

/* How a number stands in the bytes. */
enum bb_raw {
    BB_U8,
    BB_S8,
    BB_U16BE,
    BB_U16LE,
    BB_S16BE,
    BB_S16LE,
    BB_U32BE,
    BB_U32LE,
    BB_S32BE,
    BB_S32LE,
    BB_U32_WORDS, /* two big-endian 16-bit words, the low one first (some Modbus devices) */
    BB_S32_WORDS,
    BB_F32BE,
    BB_F32LE,
    BB_CHARS /* text: printable ASCII up to the first NUL, runs of other bytes as one space */
};

enum bb_row_flag {
    BB_ROW_ABSENT = 1,       /* the raw number in .absent means "no value" */
    BB_ROW_ZERO_ABSENT = 2,  /* so does 0 */
    BB_ROW_ONES_ABSENT = 4,  /* so does a number with all bits set: 0xFF, 0xFFFF, -1 */
    BB_ROW_ABSOLUTE = 8,     /* the sign is dropped */
    BB_ROW_NEGATE = 16,      /* the sign is turned round */
    BB_ROW_NOT = 32,         /* BB_FLAG: true when the bits are clear */
    BB_ROW_NUL_IS_SPACE = 64 /* BB_CHARS: does not end at NUL */
};

/* One value: (raw + bias) / per, raw being (number & mask) shifted down to the mask's lowest
 * bit. A BB_FLAG field is true when raw is not 0. */
struct bb_row {
    uint16_t at;    /* byte offset */
    uint16_t field; /* BB_FIELD(...): BB_REAL, BB_INTEGER, BB_FLAG or BB_TEXT */
    enum bb_raw raw;
    uint32_t mask; /* 0: all bits */
    int32_t bias;
    double per;        /* raw units per unit of the field; 0 counts as 1 */
    unsigned flags;    /* of enum bb_row_flag */
    int32_t absent;    /* BB_ROW_ABSENT */
    uint8_t size;      /* BB_CHARS: bytes; 0: up to the end */
    uint16_t only_at;  /* the row counts only if the byte here has a bit of only_mask set */
    uint8_t only_mask; /* 0: always */
};

/* One alarm: severity when the masked bits are not 0, or equal to .equals where given. */
struct bb_bit {
    uint16_t at;
    uint16_t field; /* BB_FIELD(protection....) */
    enum bb_raw raw;
    uint32_t mask;
    uint32_t equals;  /* 0: any bit of mask */
    uint8_t severity; /* 1 warning, 2 alarm */
};

/* Equal numbers one after the other: cell voltages, temperatures. */
struct bb_series {
    uint16_t at;
    uint16_t stride; /* bytes from one to the next; 0: just behind each other */
    enum bb_raw raw;
    int32_t bias;
    double per;
    unsigned flags;
    int32_t absent;
};

/* Bits of cells being balanced: count bits of one number, the lowest is cell first_cell. */
struct bb_balance {
    uint16_t at;
    enum bb_raw raw;
    uint8_t first_cell; /* from 1 */
    uint8_t count;
};

/* Bytes of a number of that type; 0 for BB_CHARS. */
size_t bb_raw_size(enum bb_raw raw);

/* Reads a number at offset at; false when it does not lie inside data or is not finite. */
bool bb_raw_read(enum bb_raw raw, const uint8_t *data, size_t size, size_t at, double *ret_value);

/* Reads an integer (not BB_F32, BB_CHARS); 0 when it does not lie inside data. */
int64_t bb_raw_integer(enum bb_raw raw, const uint8_t *data, size_t size, size_t at);

/* The declared field at a place in struct bb_battery, nested objects included; NULL for none. */
const struct bb_field *bb_table_field(uint16_t field);

/* Stores value if the field's range allows it; false and counted otherwise. A BB_FLAG takes
 * not 0 as true. */
bool bb_store(struct bb_decode *into, uint16_t field, double value);

/* Stores text (size bytes, need not end in NUL) as BB_CHARS does. Nothing printable: absent. */
void bb_store_text(struct bb_decode *into, uint16_t field, const uint8_t *text, size_t size,
                   unsigned flags);

/* Raises a protection field: the higher severity wins, 0 makes it present. */
void bb_store_severity(struct bb_decode *into, uint16_t field, uint8_t severity);

void bb_rows_decode(const struct bb_row *rows, size_t count, const uint8_t *data, size_t size,
                    struct bb_decode *into);

/* Every field named by a row whose bytes are there is present afterwards, 0 when clear. */
void bb_bits_decode(const struct bb_bit *bits, size_t count, const uint8_t *data, size_t size,
                    struct bb_decode *into);

/* Makes the battery have count cells (cell_count and cells[]), new ones without values.
 * False and counted when the count is not possible. */
bool bb_cells_set_count(struct bb_decode *into, size_t count);

/* Reads the voltage of every cell of the battery, the first at series->at; the battery has
 * cell_count cells where bb_cells_set_count was not called before. False, and nothing stored, when
 * data is too short for all of them or their number is not known. */
bool bb_cells_decode(const struct bb_series *series, const uint8_t *data, size_t size,
                     struct bb_decode *into);

/* Sets balance of the cells the bits name, as far as the battery has them (see above). */
void bb_balance_decode(const struct bb_balance *table, size_t count, const uint8_t *data,
                       size_t size, struct bb_decode *into);

/* Reads up to count values into fields[0], [1], ...; those not inside data stay absent. */
void bb_series_decode(const struct bb_series *series, size_t count, const uint16_t *fields,
                      const uint8_t *data, size_t size, struct bb_decode *into);

#endif
