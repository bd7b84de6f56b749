/* A message body described as data: a struct in memory and the table that names its fields.
 *
 * The table is the one declaration of a field. MessagePack (message.h), JSON (common/json.h),
 * the tap's output and docs/messages.md derive from it.
 *
 * A value that was not reported is absent: present == false, or an empty text, or an empty
 * list. Absent values are left out of every encoding; they are never zero and never null.
 */
#ifndef BUSBAR_PROTO_MESSAGE_SCHEMA_H
#define BUSBAR_PROTO_MESSAGE_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"

struct bb_real {
    double value;
    bool present;
};

struct bb_integer {
    int64_t value;
    bool present;
};

struct bb_flag {
    bool value;
    bool present;
};

/* Makes a present value. */
static inline struct bb_real bb_real(double value)
{
    return (struct bb_real){.value = value, .present = true};
}

static inline struct bb_integer bb_integer(int64_t value)
{
    return (struct bb_integer){.value = value, .present = true};
}

static inline struct bb_flag bb_flag(bool value)
{
    return (struct bb_flag){.value = value, .present = true};
}

enum bb_kind {
    BB_REAL,    /* struct bb_real; finite, min <= value <= max */
    BB_INTEGER, /* struct bb_integer; min <= value <= max */
    BB_FLAG,    /* struct bb_flag */
    BB_TEXT,    /* char[size], NUL-terminated UTF-8; empty means absent */
    BB_OBJECT,  /* nested struct described by schema; empty means absent */
    BB_LIST     /* uint16_t count at count_offset, then structs described by schema */
};

struct bb_schema;

struct bb_field {
    const char *name;
    enum bb_kind kind;
    bool required;
    uint8_t decimals; /* BB_REAL: digits after the point that carry meaning */
    uint16_t offset;  /* of the member in its struct */
    uint16_t size;    /* BB_TEXT: bytes of the array; BB_LIST: most elements */
    uint16_t count_offset;
    double min, max; /* plausible range of BB_REAL and BB_INTEGER, inclusive */
    const char *unit;
    const char *meaning;
    const struct bb_schema *schema; /* BB_OBJECT, BB_LIST */
};

struct bb_schema {
    const char *name;
    size_t size; /* of the struct described */
    const struct bb_field *fields;
    size_t field_count;
};

/* The field of that name, or NULL. hint (may be NULL) holds the index to try first and is
 * moved behind the match: a decoder that meets fields in declared order never searches. */
const struct bb_field *bb_schema_find(const struct bb_schema *schema, const char *name,
                                      size_t name_size, size_t *hint);

/* True when object (a struct described by schema) holds no present value. */
bool bb_schema_is_empty(const struct bb_schema *schema, const void *object);

/* Checks presence of required fields, ranges, finiteness, text termination and UTF-8, list
 * counts. The same rules hold for encoding, decoding and JSON. */
int bb_schema_check(const struct bb_schema *schema, const void *object, struct bb_problem *problem);

/* Same, for one BB_REAL or BB_INTEGER value about to be stored. */
bool bb_field_accepts(const struct bb_field *field, double value);

/* value rounded to the digits that carry meaning; never negative zero. */
double bb_field_round(const struct bb_field *field, double value);

/* The member of object (a struct of the field's schema) that field describes. */
const void *bb_field_member(const struct bb_field *field, const void *object);
bool bb_field_is_present(const struct bb_field *field, const void *object);

/* Number of elements a BB_LIST holds; may exceed field->size only before bb_schema_check. */
uint16_t bb_field_count(const struct bb_field *field, const void *object);

/* Returns error after putting "field." (index < 0) or "field[index]." in front of
 * problem->where, for a check that failed inside a nested struct. */
int bb_field_nested(const struct bb_field *field, int index, int error, struct bb_problem *problem);

bool bb_text_is_utf8(const char *text, size_t size);

/* True when both objects are equal in every field after rounding to the field's decimals. */
bool bb_schema_equal(const struct bb_schema *schema, const void *a, const void *b);

#endif
