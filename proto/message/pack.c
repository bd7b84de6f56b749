#include "proto/message/pack.h"

#include <assert.h>
#include <string.h>

#define MOST_NESTING 8

uint32_t bb_pack_count(const struct bb_schema *schema, const void *object)
{
    uint32_t count = 0;
    for (size_t i = 0; i < schema->field_count; i++) {
        count += bb_field_is_present(&schema->fields[i], object) ? 1 : 0;
    }
    return count;
}

static int pack_text(msgpack_packer *packer, const char *text)
{
    size_t size = strlen(text);
    int failed = msgpack_pack_str(packer, size);
    return failed ? failed : msgpack_pack_str_body(packer, text, size);
}

static int pack_struct(msgpack_packer *packer, const struct bb_schema *schema, const void *object)
{
    int failed = msgpack_pack_map(packer, bb_pack_count(schema, object));
    return failed ? failed : bb_pack_fields(packer, schema, object);
}

static int pack_list(msgpack_packer *packer, const struct bb_field *field, const void *object)
{
    uint16_t count = bb_field_count(field, object);
    const char *element = bb_field_member(field, object);
    int failed = msgpack_pack_array(packer, count);
    for (uint16_t i = 0; i < count && !failed; i++) {
        failed = pack_struct(packer, field->schema, element);
        element += field->schema->size;
    }
    return failed;
}

static int pack_value(msgpack_packer *packer, const struct bb_field *field, const void *object)
{
    const void *member = bb_field_member(field, object);
    switch (field->kind) {
    case BB_REAL:
        return msgpack_pack_double(packer, ((const struct bb_real *)member)->value);
    case BB_INTEGER:
        return msgpack_pack_int64(packer, ((const struct bb_integer *)member)->value);
    case BB_FLAG:
        return ((const struct bb_flag *)member)->value ? msgpack_pack_true(packer)
                                                       : msgpack_pack_false(packer);
    case BB_TEXT:
        return pack_text(packer, member);
    case BB_OBJECT:
        return pack_struct(packer, field->schema, member);
    case BB_LIST:
        return pack_list(packer, field, object);
    }
    return BB_ERR_TYPE;
}

int bb_pack_fields(msgpack_packer *packer, const struct bb_schema *schema, const void *object)
{
    int failed = 0;
    for (size_t i = 0; i < schema->field_count && !failed; i++) {
        const struct bb_field *field = &schema->fields[i];
        if (bb_field_is_present(field, object)) {
            failed = pack_text(packer, field->name);
            failed = failed ? failed : pack_value(packer, field, object);
        }
    }
    return failed;
}

static int wrong_type(const struct bb_field *field, const char *wanted, struct bb_problem *problem)
{
    return bb_fail(problem, BB_ERR_TYPE, field->name, "expected %s", wanted);
}

static int unpack_real(const struct bb_field *field, const msgpack_object *value,
                       struct bb_real *ret_real, struct bb_problem *problem)
{
    double number;
    switch (value->type) {
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        number = value->via.f64;
        break;
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        number = (double)value->via.u64;
        break;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        number = (double)value->via.i64;
        break;
    default:
        return wrong_type(field, "a number", problem);
    }
    if (!bb_field_accepts(field, number)) {
        return bb_fail(problem, BB_ERR_RANGE, field->name, "%g is not within %g..%g %s", number,
                       field->min, field->max, field->unit);
    }
    *ret_real = bb_real(number);
    return BB_OK;
}

static int unpack_integer(const struct bb_field *field, const msgpack_object *value,
                          struct bb_integer *ret_integer, struct bb_problem *problem)
{
    double number;
    int64_t integer;
    if (value->type == MSGPACK_OBJECT_POSITIVE_INTEGER) {
        number = (double)value->via.u64;
        integer = (int64_t)value->via.u64;
    } else if (value->type == MSGPACK_OBJECT_NEGATIVE_INTEGER) {
        number = (double)value->via.i64;
        integer = value->via.i64;
    } else {
        return wrong_type(field, "an integer", problem);
    }
    if (!bb_field_accepts(field, number)) {
        return bb_fail(problem, BB_ERR_RANGE, field->name, "%.0f is not within %.0f..%.0f %s",
                       number, field->min, field->max, field->unit);
    }
    *ret_integer = bb_integer(integer);
    return BB_OK;
}

static int unpack_text(const struct bb_field *field, const msgpack_object *value, char *ret_text,
                       struct bb_problem *problem)
{
    if (value->type != MSGPACK_OBJECT_STR) {
        return wrong_type(field, "a text", problem);
    }
    if (value->via.str.size >= field->size) {
        return bb_fail(problem, BB_ERR_OVERSIZE, field->name, "longer than %d bytes",
                       field->size - 1);
    }
    if (value->via.str.size == 0) {
        return BB_OK;
    }
    if (memchr(value->via.str.ptr, '\0', value->via.str.size) ||
        !bb_text_is_utf8(value->via.str.ptr, value->via.str.size)) {
        return bb_fail(problem, BB_ERR_MALFORMED, field->name, "not UTF-8 text");
    }
    memcpy(ret_text, value->via.str.ptr, value->via.str.size);
    ret_text[value->via.str.size] = '\0';
    return BB_OK;
}

static int unpack_list(const struct bb_field *field, const msgpack_object *value, void *object,
                       struct bb_problem *problem)
{
    if (value->type != MSGPACK_OBJECT_ARRAY) {
        return wrong_type(field, "a list", problem);
    }
    if (value->via.array.size > field->size) {
        return bb_fail(problem, BB_ERR_OVERSIZE, field->name, "%u elements, at most %d",
                       value->via.array.size, field->size);
    }
    uint16_t count = (uint16_t)value->via.array.size;
    for (uint16_t i = 0; i < count; i++) {
        const msgpack_object *element = &value->via.array.ptr[i];
        if (element->type != MSGPACK_OBJECT_MAP) {
            return wrong_type(field, "a list of maps", problem);
        }
        char *target = (char *)object + field->offset + i * field->schema->size;
        int error = bb_unpack_fields(&element->via.map, field->schema, target, problem);
        if (error != BB_OK) {
            return bb_field_nested(field, i, error, problem);
        }
    }
    memcpy((char *)object + field->count_offset, &count, sizeof count);
    return BB_OK;
}

static int unpack_value(const struct bb_field *field, const msgpack_object *value, void *object,
                        struct bb_problem *problem)
{
    void *member = (char *)object + field->offset;
    switch (field->kind) {
    case BB_REAL:
        return unpack_real(field, value, member, problem);
    case BB_INTEGER:
        return unpack_integer(field, value, member, problem);
    case BB_FLAG:
        if (value->type != MSGPACK_OBJECT_BOOLEAN) {
            return wrong_type(field, "true or false", problem);
        }
        *(struct bb_flag *)member = bb_flag(value->via.boolean);
        return BB_OK;
    case BB_TEXT:
        return unpack_text(field, value, member, problem);
    case BB_OBJECT:
        if (value->type != MSGPACK_OBJECT_MAP) {
            return wrong_type(field, "a map", problem);
        }
        return bb_field_nested(
            field, -1, bb_unpack_fields(&value->via.map, field->schema, member, problem), problem);
    case BB_LIST:
        return unpack_list(field, value, object, problem);
    }
    return BB_ERR_TYPE;
}

int bb_unpack_fields(const msgpack_object_map *map, const struct bb_schema *schema, void *object,
                     struct bb_problem *problem)
{
    size_t hint = 0;
    uint64_t seen = 0; /* a bit per field; the largest schema has fewer than 64 */
    assert(schema->field_count <= 64);
    for (uint32_t i = 0; i < map->size; i++) {
        const msgpack_object *key = &map->ptr[i].key;
        if (key->type != MSGPACK_OBJECT_STR) {
            return bb_fail(problem, BB_ERR_TYPE, schema->name, "a key that is not a text");
        }
        const struct bb_field *field =
            bb_schema_find(schema, key->via.str.ptr, key->via.str.size, &hint);
        if (!field) {
            continue;
        }
        uint64_t bit = UINT64_C(1) << (field - schema->fields);
        if (seen & bit) {
            return bb_fail(problem, BB_ERR_DUPLICATE, field->name, "given twice");
        }
        seen |= bit;
        int error = unpack_value(field, &map->ptr[i].val, object, problem);
        if (error != BB_OK) {
            return error;
        }
    }
    return BB_OK;
}

/* --- Measuring without building --- */

/* Layout of one value: bytes before the payload, payload bytes, values that follow. */
struct layout {
    size_t header;
    uint64_t payload;
    uint64_t children;
};

static uint64_t big_endian(const uint8_t *data, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value = value << 8 | data[i];
    }
    return value;
}

/* Size of the length that follows type byte 0xc4..0xdf with variants for 1, 2, 4 bytes. */
static int read_length(const uint8_t *data, size_t size, size_t width, uint64_t *ret_length)
{
    if (size < 1 + width) {
        return BB_ERR_TRUNCATED;
    }
    *ret_length = big_endian(data + 1, width);
    return BB_OK;
}

static int layout_of_sized(const uint8_t *data, size_t size, struct layout *ret_layout)
{
    static const struct {
        uint8_t first, width;
        uint8_t children; /* per element; 0: the length counts payload bytes */
    } kinds[] = {
        {0xc4, 1, 0}, {0xc5, 2, 0}, {0xc6, 4, 0},               /* bin */
        {0xd9, 1, 0}, {0xda, 2, 0}, {0xdb, 4, 0},               /* str */
        {0xdc, 2, 1}, {0xdd, 4, 1}, {0xde, 2, 2}, {0xdf, 4, 2}, /* array, map */
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].first != data[0]) {
            continue;
        }
        uint64_t length;
        int error = read_length(data, size, kinds[i].width, &length);
        if (error == BB_OK) {
            *ret_layout = (struct layout){.header = 1 + (size_t)kinds[i].width,
                                          .payload = kinds[i].children ? 0 : length,
                                          .children = length * kinds[i].children};
        }
        return error;
    }
    return BB_ERR_MALFORMED; /* extension types and the reserved byte */
}

static int layout_of(const uint8_t *data, size_t size, struct layout *ret_layout)
{
    uint8_t type = data[0];
    if (type <= 0x7f || type >= 0xe0 || type == 0xc0 || type == 0xc2 || type == 0xc3) {
        *ret_layout = (struct layout){.header = 1};
    } else if (type <= 0x8f) {
        *ret_layout = (struct layout){.header = 1, .children = UINT64_C(2) * (type & 0x0fU)};
    } else if (type <= 0x9f) {
        *ret_layout = (struct layout){.header = 1, .children = type & 0x0fU};
    } else if (type <= 0xbf) {
        *ret_layout = (struct layout){.header = 1, .payload = type & 0x1fU};
    } else if (type == 0xca || type == 0xcb) {
        *ret_layout = (struct layout){.header = 1, .payload = type == 0xca ? 4 : 8};
    } else if (type >= 0xcc && type <= 0xd3) {
        *ret_layout = (struct layout){.header = 1, .payload = UINT64_C(1) << ((type - 0xcc) & 3)};
    } else {
        return layout_of_sized(data, size, ret_layout);
    }
    return BB_OK;
}

int bb_pack_measure(const uint8_t *data, size_t size)
{
    uint64_t open[MOST_NESTING] = {1}; /* values still to come on each level */
    size_t depth = 0;
    size_t at = 0;
    while (depth > 0 || open[0] > 0) {
        if (open[depth] == 0) {
            depth--;
            continue;
        }
        if (at >= size) {
            return BB_ERR_TRUNCATED;
        }
        struct layout layout;
        int error = layout_of(data + at, size - at, &layout);
        if (error != BB_OK) {
            return error;
        }
        if (layout.header + layout.payload > size - at) {
            return BB_ERR_TRUNCATED;
        }
        at += layout.header + (size_t)layout.payload;
        open[depth]--;
        if (layout.children > size - at) {
            return BB_ERR_TRUNCATED; /* each child takes a byte at least */
        }
        if (layout.children > 0) {
            if (depth + 1 == MOST_NESTING) {
                return BB_ERR_OVERSIZE;
            }
            open[++depth] = layout.children;
        }
    }
    return (int)at;
}
