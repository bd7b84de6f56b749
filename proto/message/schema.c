#include "proto/message/schema.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const struct bb_field *bb_schema_find(const struct bb_schema *schema, const char *name,
                                      size_t name_size, size_t *hint)
{
    size_t start = hint ? *hint : 0;
    for (size_t n = 0; n < schema->field_count; n++) {
        size_t i = (start + n) % schema->field_count;
        const struct bb_field *field = &schema->fields[i];
        if (strlen(field->name) == name_size && memcmp(field->name, name, name_size) == 0) {
            if (hint) {
                *hint = i + 1;
            }
            return field;
        }
    }
    return NULL;
}

bool bb_field_accepts(const struct bb_field *field, double value)
{
    return isfinite(value) && value >= field->min && value <= field->max;
}

uint16_t bb_field_count(const struct bb_field *field, const void *object)
{
    uint16_t count;
    memcpy(&count, (const char *)object + field->count_offset, sizeof count);
    return count;
}

const void *bb_field_member(const struct bb_field *field, const void *object)
{
    return (const char *)object + field->offset;
}

bool bb_field_is_present(const struct bb_field *field, const void *object)
{
    const void *member = bb_field_member(field, object);
    switch (field->kind) {
    case BB_REAL:
        return ((const struct bb_real *)member)->present;
    case BB_INTEGER:
        return ((const struct bb_integer *)member)->present;
    case BB_FLAG:
        return ((const struct bb_flag *)member)->present;
    case BB_TEXT:
        return *(const char *)member != '\0';
    case BB_OBJECT:
        return !bb_schema_is_empty(field->schema, member);
    case BB_LIST:
        return bb_field_count(field, object) > 0;
    }
    return false;
}

bool bb_schema_is_empty(const struct bb_schema *schema, const void *object)
{
    for (size_t i = 0; i < schema->field_count; i++) {
        if (bb_field_is_present(&schema->fields[i], object)) {
            return false;
        }
    }
    return true;
}

bool bb_text_is_utf8(const char *text, size_t size)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t i = 0;
    while (i < size) {
        size_t extra;
        unsigned code;
        if (p[i] < 0x80) {
            extra = 0;
            code = p[i];
        } else if (p[i] >= 0xc2 && p[i] <= 0xdf) {
            extra = 1;
            code = p[i] & 0x1fU;
        } else if (p[i] >= 0xe0 && p[i] <= 0xef) {
            extra = 2;
            code = p[i] & 0x0fU;
        } else if (p[i] >= 0xf0 && p[i] <= 0xf4) {
            extra = 3;
            code = p[i] & 0x07U;
        } else {
            return false;
        }
        if (extra > size - i - 1) {
            return false;
        }
        for (size_t k = 1; k <= extra; k++) {
            if ((p[i + k] & 0xc0) != 0x80) {
                return false;
            }
            code = (code << 6) | (p[i + k] & 0x3fU);
        }
        /* Overlong forms, surrogates and what lies beyond Unicode. */
        if ((extra == 2 && code < 0x800) || (extra == 3 && code < 0x10000) || code > 0x10ffff ||
            (code >= 0xd800 && code <= 0xdfff)) {
            return false;
        }
        i += extra + 1;
    }
    return true;
}

static int check_number(const struct bb_field *field, double value, struct bb_problem *problem)
{
    if (!bb_field_accepts(field, value)) {
        return bb_fail(problem, BB_ERR_RANGE, field->name, "%g is not within %g..%g %s", value,
                       field->min, field->max, field->unit);
    }
    return BB_OK;
}

static int check_text(const struct bb_field *field, const char *text, struct bb_problem *problem)
{
    const char *end = memchr(text, '\0', field->size);
    if (!end) {
        return bb_fail(problem, BB_ERR_OVERSIZE, field->name, "longer than %d bytes",
                       field->size - 1);
    }
    if (!bb_text_is_utf8(text, (size_t)(end - text))) {
        return bb_fail(problem, BB_ERR_MALFORMED, field->name, "not UTF-8");
    }
    return BB_OK;
}

int bb_field_nested(const struct bb_field *field, int index, int error, struct bb_problem *problem)
{
    if (error != BB_OK && problem) {
        char inner[sizeof problem->where];
        memcpy(inner, problem->where, sizeof inner);
        char outer[64];
        if (index < 0) {
            (void)snprintf(outer, sizeof outer, "%s", field->name);
        } else {
            (void)snprintf(outer, sizeof outer, "%s[%d]", field->name, index);
        }
        (void)snprintf(problem->where, sizeof problem->where, "%.60s.%.90s", outer, inner);
    }
    return error;
}

static int check_list(const struct bb_field *field, const void *object, struct bb_problem *problem)
{
    uint16_t count = bb_field_count(field, object);
    if (count > field->size) {
        return bb_fail(problem, BB_ERR_OVERSIZE, field->name, "%d elements, at most %d", count,
                       field->size);
    }
    const char *element = bb_field_member(field, object);
    for (uint16_t i = 0; i < count; i++) {
        int error = bb_schema_check(field->schema, element, problem);
        if (error != BB_OK) {
            return bb_field_nested(field, i, error, problem);
        }
        element += field->schema->size;
    }
    return BB_OK;
}

static int check_field(const struct bb_field *field, const void *object, struct bb_problem *problem)
{
    const void *member = bb_field_member(field, object);
    switch (field->kind) {
    case BB_REAL:
        return check_number(field, ((const struct bb_real *)member)->value, problem);
    case BB_INTEGER:
        return check_number(field, (double)((const struct bb_integer *)member)->value, problem);
    case BB_FLAG:
        return BB_OK;
    case BB_TEXT:
        return check_text(field, member, problem);
    case BB_OBJECT:
        return bb_field_nested(field, -1, bb_schema_check(field->schema, member, problem), problem);
    case BB_LIST:
        return check_list(field, object, problem);
    }
    return BB_OK;
}

int bb_schema_check(const struct bb_schema *schema, const void *object, struct bb_problem *problem)
{
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct bb_field *field = &schema->fields[i];
        if (!bb_field_is_present(field, object)) {
            if (field->required) {
                return bb_fail(problem, BB_ERR_MISSING, field->name, "required");
            }
            continue;
        }
        int error = check_field(field, object, problem);
        if (error != BB_OK) {
            return error;
        }
    }
    return BB_OK;
}

double bb_field_round(const struct bb_field *field, double value)
{
    double scale = 1;
    for (uint8_t i = 0; i < field->decimals; i++) {
        scale *= 10;
    }
    double rounded = round(value * scale) / scale;
    return rounded == 0 ? 0 : rounded; /* no negative zero */
}

static bool list_equal(const struct bb_field *field, const void *a, const void *b)
{
    uint16_t count = bb_field_count(field, a);
    if (count != bb_field_count(field, b)) {
        return false;
    }
    for (uint16_t i = 0; i < count; i++) {
        size_t at = field->offset + i * field->schema->size;
        if (!bb_schema_equal(field->schema, (const char *)a + at, (const char *)b + at)) {
            return false;
        }
    }
    return true;
}

static bool field_equal(const struct bb_field *field, const void *a, const void *b)
{
    const void *x = bb_field_member(field, a);
    const void *y = bb_field_member(field, b);
    switch (field->kind) {
    case BB_REAL: {
        double difference = bb_field_round(field, ((const struct bb_real *)x)->value) -
                            bb_field_round(field, ((const struct bb_real *)y)->value);
        return fabs(difference) < 1e-9;
    }
    case BB_INTEGER:
        return ((const struct bb_integer *)x)->value == ((const struct bb_integer *)y)->value;
    case BB_FLAG:
        return ((const struct bb_flag *)x)->value == ((const struct bb_flag *)y)->value;
    case BB_TEXT:
        return strncmp(x, y, field->size) == 0;
    case BB_OBJECT:
        return bb_schema_equal(field->schema, x, y);
    case BB_LIST:
        return list_equal(field, a, b);
    }
    return false;
}

bool bb_schema_equal(const struct bb_schema *schema, const void *a, const void *b)
{
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct bb_field *field = &schema->fields[i];
        bool present = bb_field_is_present(field, a);
        if (present != bb_field_is_present(field, b) || (present && !field_equal(field, a, b))) {
            return false;
        }
    }
    return true;
}
