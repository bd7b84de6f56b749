#include "proto/bms/table.h"

#include <assert.h>
#include <math.h>
#include <string.h>

size_t bb_raw_size(enum bb_raw raw)
{
    switch (raw) {
    case BB_U8:
    case BB_S8:
        return 1;
    case BB_U16BE:
    case BB_U16LE:
    case BB_S16BE:
    case BB_S16LE:
        return 2;
    case BB_U32BE:
    case BB_U32LE:
    case BB_S32BE:
    case BB_S32LE:
    case BB_U32_WORDS:
    case BB_S32_WORDS:
    case BB_F32BE:
    case BB_F32LE:
        return 4;
    case BB_CHARS:
        return 0;
    }
    return 0;
}

static uint32_t big_endian(const uint8_t *data, size_t size)
{
    uint32_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value = value << 8 | data[i];
    }
    return value;
}

static uint32_t little_endian(const uint8_t *data, size_t size)
{
    uint32_t value = 0;
    for (size_t i = size; i > 0; i--) {
        value = value << 8 | data[i - 1];
    }
    return value;
}

static uint32_t low_word_first(const uint8_t *data)
{
    return big_endian(data + 2, 2) << 16 | big_endian(data, 2);
}

static int64_t with_sign(uint32_t bits, size_t size)
{
    int64_t limit = (int64_t)1 << (8 * size);
    int64_t value = bits;
    return value >= limit / 2 ? value - limit : value;
}

int64_t bb_raw_integer(enum bb_raw raw, const uint8_t *data, size_t size, size_t at)
{
    size_t width = bb_raw_size(raw);
    if (at > size || size - at < width) {
        return 0;
    }
    const uint8_t *p = data + at;
    switch (raw) {
    case BB_U8:
    case BB_U16BE:
    case BB_U32BE:
    case BB_F32BE:
        return big_endian(p, width);
    case BB_U16LE:
    case BB_U32LE:
    case BB_F32LE:
        return little_endian(p, width);
    case BB_S8:
    case BB_S16BE:
    case BB_S32BE:
        return with_sign(big_endian(p, width), width);
    case BB_S16LE:
    case BB_S32LE:
        return with_sign(little_endian(p, width), width);
    case BB_U32_WORDS:
        return low_word_first(p);
    case BB_S32_WORDS:
        return with_sign(low_word_first(p), width);
    case BB_CHARS:
        return 0;
    }
    return 0;
}

bool bb_raw_read(enum bb_raw raw, const uint8_t *data, size_t size, size_t at, double *ret_value)
{
    size_t width = bb_raw_size(raw);
    if (width == 0 || at > size || size - at < width) {
        return false;
    }
    int64_t number = bb_raw_integer(raw, data, size, at);
    if (raw != BB_F32BE && raw != BB_F32LE) {
        *ret_value = (double)number;
        return true;
    }
    uint32_t bits = (uint32_t)number;
    float real;
    memcpy(&real, &bits, sizeof real);
    if (!isfinite(real)) {
        return false;
    }
    *ret_value = (double)real;
    return true;
}

/* The fields of a schema stand in the order of their members, so the one that contains offset
 * is found by bisection. */
static const struct bb_field *field_at(const struct bb_schema *schema, uint16_t offset)
{
    size_t low = 0;
    size_t high = schema->field_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (schema->fields[middle].offset <= offset) {
            low = middle;
        } else {
            high = middle;
        }
    }
    const struct bb_field *field = &schema->fields[low];
    if (field->kind == BB_OBJECT && offset >= field->offset) {
        return field_at(field->schema, (uint16_t)(offset - field->offset));
    }
    return field->offset == offset ? field : NULL;
}

const struct bb_field *bb_table_field(uint16_t field)
{
    return field_at(&bb_battery_schema, field);
}

static void *member_at(struct bb_battery *battery, uint16_t field)
{
    return (char *)battery + field;
}

bool bb_store(struct bb_decode *into, uint16_t field, double value)
{
    const struct bb_field *declared = bb_table_field(field);
    assert(declared);
    void *member = member_at(into->battery, field);
    if (declared->kind == BB_FLAG) {
        *(struct bb_flag *)member = bb_flag(value != 0);
        return true;
    }
    if (!bb_field_accepts(declared, value)) {
        into->rejected++;
        return false;
    }
    if (declared->kind == BB_INTEGER) {
        *(struct bb_integer *)member = bb_integer((int64_t)value);
    } else {
        assert(declared->kind == BB_REAL);
        *(struct bb_real *)member = bb_real(value);
    }
    return true;
}

void bb_store_text(struct bb_decode *into, uint16_t field, const uint8_t *text, size_t size,
                   unsigned flags)
{
    const struct bb_field *declared = bb_table_field(field);
    assert(declared && declared->kind == BB_TEXT);
    char *out = member_at(into->battery, field);
    size_t used = 0;
    bool space = false;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\0' && !(flags & BB_ROW_NUL_IS_SPACE)) {
            break;
        }
        if (text[i] <= ' ' || text[i] > '~') {
            space = used > 0;
            continue;
        }
        size_t wanted = space ? 2 : 1;
        if (used + wanted >= declared->size) {
            break;
        }
        if (space) {
            out[used++] = ' ';
            space = false;
        }
        out[used++] = (char)text[i];
    }
    out[used] = '\0';
}

void bb_store_severity(struct bb_decode *into, uint16_t field, uint8_t severity)
{
    const struct bb_field *declared = bb_table_field(field);
    assert(declared && declared->kind == BB_INTEGER && severity <= 2);
    (void)declared;
    struct bb_integer *member = member_at(into->battery, field);
    if (!member->present || member->value < severity) {
        *member = bb_integer(severity);
    }
}

static bool is_mark(unsigned flags, int64_t absent, enum bb_raw raw, int64_t number)
{
    if ((flags & BB_ROW_ABSENT) && number == absent) {
        return true;
    }
    if ((flags & BB_ROW_ZERO_ABSENT) && number == 0) {
        return true;
    }
    int64_t ones = ((int64_t)1 << (8 * bb_raw_size(raw))) - 1;
    return (flags & BB_ROW_ONES_ABSENT) && (number == ones || number == -1);
}

static double scaled(double raw, int32_t bias, double per, unsigned flags)
{
    double value = (raw + bias) / (per == 0 ? 1 : per);
    if (flags & BB_ROW_ABSOLUTE) {
        value = fabs(value);
    }
    return (flags & BB_ROW_NEGATE) && value != 0 ? -value : value;
}

static double masked(double value, uint32_t mask)
{
    if (mask == 0) {
        return value;
    }
    uint32_t bits = (uint32_t)(int64_t)value & mask;
    while (!(mask & 1U)) {
        mask >>= 1;
        bits >>= 1;
    }
    return bits;
}

static void decode_row(const struct bb_row *row, const uint8_t *data, size_t size,
                       struct bb_decode *into)
{
    if (row->raw == BB_CHARS) {
        if (row->at < size) {
            size_t left = size - row->at;
            size_t wanted = row->size > 0 && row->size < left ? row->size : left;
            bb_store_text(into, row->field, data + row->at, wanted, row->flags);
        }
        return;
    }
    double raw;
    if (!bb_raw_read(row->raw, data, size, row->at, &raw) ||
        is_mark(row->flags, row->absent, row->raw, bb_raw_integer(row->raw, data, size, row->at))) {
        return;
    }
    raw = masked(raw, row->mask);
    if (row->flags & BB_ROW_NOT) {
        raw = raw == 0;
    }
    (void)bb_store(into, row->field, scaled(raw, row->bias, row->per, row->flags));
}

void bb_rows_decode(const struct bb_row *rows, size_t count, const uint8_t *data, size_t size,
                    struct bb_decode *into)
{
    for (size_t i = 0; i < count; i++) {
        const struct bb_row *row = &rows[i];
        bool counts = row->only_mask == 0 ||
                      (row->only_at < size && (data[row->only_at] & row->only_mask) != 0);
        if (counts) {
            decode_row(row, data, size, into);
        }
    }
}

void bb_bits_decode(const struct bb_bit *bits, size_t count, const uint8_t *data, size_t size,
                    struct bb_decode *into)
{
    for (size_t i = 0; i < count; i++) {
        const struct bb_bit *bit = &bits[i];
        double number;
        if (!bb_raw_read(bit->raw, data, size, bit->at, &number)) {
            continue;
        }
        uint32_t set = (uint32_t)(int64_t)number & bit->mask;
        bool active = bit->equals != 0 ? set == bit->equals : set != 0;
        bb_store_severity(into, bit->field, active ? bit->severity : 0);
    }
}

/* The battery gets its cells with the first thing known about one of them. */
static void provide_cells(struct bb_decode *into)
{
    struct bb_battery *battery = into->battery;
    if (battery->cells_count == 0 && battery->cell_count.present) {
        (void)bb_cells_set_count(into, (size_t)battery->cell_count.value);
    }
}

bool bb_cells_set_count(struct bb_decode *into, size_t count)
{
    if (!bb_store(into, BB_FIELD(cell_count), (double)count)) {
        return false;
    }
    struct bb_battery *battery = into->battery;
    for (size_t i = battery->cells_count; i < count; i++) {
        battery->cells[i] = (struct bb_cell){0};
    }
    battery->cells_count = (uint16_t)count;
    return true;
}

static size_t series_stride(const struct bb_series *series)
{
    return series->stride > 0 ? series->stride : bb_raw_size(series->raw);
}

/* The value with that index (from 0), unscaled marks left out. */
static bool series_value(const struct bb_series *series, size_t index, const uint8_t *data,
                         size_t size, double *ret_value)
{
    size_t at = series->at + index * series_stride(series);
    double raw;
    if (!bb_raw_read(series->raw, data, size, at, &raw) ||
        is_mark(series->flags, series->absent, series->raw,
                bb_raw_integer(series->raw, data, size, at))) {
        return false;
    }
    *ret_value = scaled(raw, series->bias, series->per, series->flags);
    return true;
}

bool bb_cells_decode(const struct bb_series *series, const uint8_t *data, size_t size,
                     struct bb_decode *into)
{
    provide_cells(into);
    struct bb_battery *battery = into->battery;
    size_t count = battery->cells_count;
    if (count == 0 ||
        series->at + (count - 1) * series_stride(series) + bb_raw_size(series->raw) > size) {
        return false;
    }
    const struct bb_field *cells = bb_table_field(BB_FIELD(cells));
    assert(cells && cells->schema->fields[0].offset == offsetof(struct bb_cell, voltage));
    for (size_t i = 0; i < count; i++) {
        double value;
        if (!series_value(series, i, data, size, &value)) {
            continue;
        }
        if (bb_field_accepts(&cells->schema->fields[0], value)) {
            battery->cells[i].voltage = bb_real(value);
        } else {
            into->rejected++;
        }
    }
    return true;
}

void bb_balance_decode(const struct bb_balance *table, size_t count, const uint8_t *data,
                       size_t size, struct bb_decode *into)
{
    provide_cells(into);
    for (size_t i = 0; i < count; i++) {
        double number;
        if (!bb_raw_read(table[i].raw, data, size, table[i].at, &number)) {
            continue;
        }
        uint32_t bits = (uint32_t)(int64_t)number;
        for (size_t bit = 0; bit < table[i].count; bit++) {
            size_t cell = table[i].first_cell - 1U + bit;
            if (cell < into->battery->cells_count) {
                into->battery->cells[cell].balance = bb_flag((bits >> bit & 1U) != 0);
            }
        }
    }
}

void bb_series_decode(const struct bb_series *series, size_t count, const uint16_t *fields,
                      const uint8_t *data, size_t size, struct bb_decode *into)
{
    for (size_t i = 0; i < count; i++) {
        double value;
        if (series_value(series, i, data, size, &value)) {
            (void)bb_store(into, fields[i], value);
        }
    }
}
