#include "services/conformance/compare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"

struct comparison {
    bb_compare_report *report;
    void *arg;
    double tolerance;
    size_t differences;
};

static void differ(struct comparison *comparison, const char *field, const json_t *expected,
                   const json_t *got)
{
    char *expected_text = expected ? json_dumps(expected, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    char *got_text = got ? json_dumps(got, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    comparison->differences++;
    comparison->report(comparison->arg, field, expected_text ? expected_text : "nothing",
                       got_text ? got_text : "nothing");
    free(expected_text);
    free(got_text);
}

static bool is_same_value(const struct comparison *comparison, const struct bb_field *field,
                          const json_t *expected, const json_t *got)
{
    if (!json_is_number(expected) || !json_is_number(got)) {
        return json_equal(expected, got) == 1;
    }
    double wanted = json_number_value(expected);
    if (field && field->kind == BB_REAL) {
        wanted = bb_field_round(field, wanted);
    }
    return fabs(wanted - json_number_value(got)) <= comparison->tolerance + 1e-9;
}

static void compare_object(struct comparison *comparison, const struct bb_schema *schema,
                           const char *prefix, json_t *expected, const json_t *got);

static void compare_list(struct comparison *comparison, const struct bb_schema *schema,
                         const char *name, json_t *expected, const json_t *got)
{
    if (json_array_size(expected) != json_array_size(got)) {
        differ(comparison, name, expected, got);
        return;
    }
    size_t index;
    json_t *element;
    json_array_foreach(expected, index, element)
    {
        char prefix[128];
        (void)snprintf(prefix, sizeof prefix, "%s[%zu].", name, index);
        compare_object(comparison, schema, prefix, element, json_array_get(got, index));
    }
}

static void compare_member(struct comparison *comparison, const struct bb_field *field,
                           const char *name, json_t *expected, const json_t *got)
{
    if (json_is_null(expected)) {
        if (got) {
            differ(comparison, name, expected, got);
        }
    } else if (field && field->kind == BB_OBJECT && json_is_object(expected)) {
        char prefix[128];
        (void)snprintf(prefix, sizeof prefix, "%s.", name);
        compare_object(comparison, field->schema, prefix, expected, got);
    } else if (field && field->kind == BB_LIST && json_is_array(expected)) {
        compare_list(comparison, field->schema, name, expected, got);
    } else if (!got || !is_same_value(comparison, field, expected, got)) {
        differ(comparison, name, expected, got);
    }
}

static void compare_object(struct comparison *comparison, const struct bb_schema *schema,
                           const char *prefix, json_t *expected, const json_t *got)
{
    const char *key;
    json_t *value;
    json_object_foreach(expected, key, value)
    {
        char name[160];
        (void)snprintf(name, sizeof name, "%s%s", prefix, key);
        const struct bb_field *field = bb_schema_find(schema, key, strlen(key), NULL);
        compare_member(comparison, field, name, value, json_object_get(got, key));
    }
}

size_t bb_compare_expected(json_t *expect, const json_t *tolerance,
                           const struct bb_battery *battery, bb_compare_report *report, void *arg)
{
    struct comparison comparison = {.report = report, .arg = arg};
    json_t *got = bb_json_from(&bb_battery_schema, battery);
    const char *key;
    json_t *value;
    json_object_foreach(expect, key, value)
    {
        comparison.tolerance = json_number_value(json_object_get(tolerance, key));
        const struct bb_field *field = bb_schema_find(&bb_battery_schema, key, strlen(key), NULL);
        compare_member(&comparison, field, key, value, json_object_get(got, key));
    }
    json_decref(got);
    return comparison.differences;
}

static bool is_part(const struct bb_schema *schema, const char *part, const char *whole);

static bool is_part_list(const struct bb_field *field, const char *part, const char *whole)
{
    uint16_t count = bb_field_count(field, part);
    if (count > bb_field_count(field, whole)) {
        return false;
    }
    for (uint16_t i = 0; i < count; i++) {
        size_t at = field->offset + i * field->schema->size;
        if (!is_part(field->schema, part + at, whole + at)) {
            return false;
        }
    }
    return true;
}

static bool is_part(const struct bb_schema *schema, const char *part, const char *whole)
{
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct bb_field *field = &schema->fields[i];
        if (!bb_field_is_present(field, part)) {
            continue;
        }
        if (field->kind == BB_OBJECT) {
            if (!is_part(field->schema, part + field->offset, whole + field->offset)) {
                return false;
            }
        } else if (field->kind == BB_LIST) {
            if (!is_part_list(field, part, whole)) {
                return false;
            }
        } else {
            struct bb_schema one = {
                .name = schema->name, .size = schema->size, .fields = field, .field_count = 1};
            if (!bb_schema_equal(&one, part, whole)) {
                return false;
            }
        }
    }
    return true;
}

bool bb_compare_is_part(const struct bb_battery *part, const struct bb_battery *whole)
{
    return is_part(&bb_battery_schema, (const char *)part, (const char *)whole);
}
