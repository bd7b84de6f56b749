#include "common/json.h"

#include <stdlib.h>
#include <string.h>

static json_t *list_from(const struct bb_field *field, const void *object)
{
    json_t *list = json_array();
    uint16_t count = bb_field_count(field, object);
    const char *element = bb_field_member(field, object);
    for (uint16_t i = 0; i < count; i++) {
        (void)json_array_append_new(list, bb_json_from(field->schema, element));
        element += field->schema->size;
    }
    return list;
}

static json_t *value_from(const struct bb_field *field, const void *object)
{
    const void *member = bb_field_member(field, object);
    switch (field->kind) {
    case BB_REAL:
        return json_real(bb_field_round(field, ((const struct bb_real *)member)->value));
    case BB_INTEGER:
        return json_integer(((const struct bb_integer *)member)->value);
    case BB_FLAG:
        return json_boolean(((const struct bb_flag *)member)->value);
    case BB_TEXT:
        return json_string(member);
    case BB_OBJECT:
        return bb_json_from(field->schema, member);
    case BB_LIST:
        return list_from(field, object);
    }
    return NULL;
}

static void add_fields(json_t *json, const struct bb_schema *schema, const void *object)
{
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct bb_field *field = &schema->fields[i];
        if (bb_field_is_present(field, object)) {
            (void)json_object_set_new(json, field->name, value_from(field, object));
        }
    }
}

json_t *bb_json_from(const struct bb_schema *schema, const void *object)
{
    json_t *json = json_object();
    add_fields(json, schema, object);
    return json;
}

json_t *bb_json_from_message(const struct bb_message *message)
{
    json_t *json = json_object();
    (void)json_object_set_new(json, "topic", json_string(message->topic));
    add_fields(json, &bb_head_schema, &message->head);
    (void)json_object_set_new(
        json, "data", bb_json_from(bb_message_schema(message->topic_class), &message->body));
    return json;
}

static int wrong_type(const struct bb_field *field, const char *wanted, struct bb_problem *problem)
{
    return bb_fail(problem, BB_ERR_TYPE, field->name, "expected %s", wanted);
}

static int text_to(const struct bb_field *field, const json_t *value, char *ret_text,
                   struct bb_problem *problem)
{
    if (!json_is_string(value)) {
        return wrong_type(field, "a text", problem);
    }
    size_t size = json_string_length(value);
    if (size >= field->size) {
        return bb_fail(problem, BB_ERR_OVERSIZE, field->name, "longer than %d bytes",
                       field->size - 1);
    }
    memcpy(ret_text, json_string_value(value), size);
    ret_text[size] = '\0';
    return BB_OK;
}

static int fill(const struct bb_schema *schema, const json_t *json, void *object,
                struct bb_problem *problem);

static int list_to(const struct bb_field *field, const json_t *value, void *object,
                   struct bb_problem *problem)
{
    if (!json_is_array(value)) {
        return wrong_type(field, "a list", problem);
    }
    size_t count = json_array_size(value);
    if (count > field->size) {
        return bb_fail(problem, BB_ERR_OVERSIZE, field->name, "%zu elements, at most %d", count,
                       field->size);
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *element = json_array_get(value, i);
        if (!json_is_object(element)) {
            return wrong_type(field, "a list of objects", problem);
        }
        char *target = (char *)object + field->offset + i * field->schema->size;
        int error = fill(field->schema, element, target, problem);
        if (error != BB_OK) {
            return bb_field_nested(field, (int)i, error, problem);
        }
    }
    uint16_t stored = (uint16_t)count;
    memcpy((char *)object + field->count_offset, &stored, sizeof stored);
    return BB_OK;
}

static int value_to(const struct bb_field *field, const json_t *value, void *object,
                    struct bb_problem *problem)
{
    void *member = (char *)object + field->offset;
    switch (field->kind) {
    case BB_REAL:
        if (!json_is_number(value)) {
            return wrong_type(field, "a number", problem);
        }
        *(struct bb_real *)member = bb_real(json_number_value(value));
        return BB_OK;
    case BB_INTEGER:
        if (!json_is_integer(value)) {
            return wrong_type(field, "an integer", problem);
        }
        *(struct bb_integer *)member = bb_integer(json_integer_value(value));
        return BB_OK;
    case BB_FLAG:
        if (!json_is_boolean(value)) {
            return wrong_type(field, "true or false", problem);
        }
        *(struct bb_flag *)member = bb_flag(json_boolean_value(value));
        return BB_OK;
    case BB_TEXT:
        return text_to(field, value, member, problem);
    case BB_OBJECT:
        if (!json_is_object(value)) {
            return wrong_type(field, "an object", problem);
        }
        return bb_field_nested(field, -1, fill(field->schema, value, member, problem), problem);
    case BB_LIST:
        return list_to(field, value, object, problem);
    }
    return BB_ERR_TYPE;
}

static int fill(const struct bb_schema *schema, const json_t *json, void *object,
                struct bb_problem *problem)
{
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct bb_field *field = &schema->fields[i];
        const json_t *value = json_object_get(json, field->name);
        if (!value) {
            continue;
        }
        int error = value_to(field, value, object, problem);
        if (error != BB_OK) {
            return error;
        }
    }
    return BB_OK;
}

int bb_json_to(const struct bb_schema *schema, const json_t *object, void *ret_object,
               struct bb_problem *problem)
{
    if (!json_is_object(object)) {
        return bb_fail(problem, BB_ERR_TYPE, schema->name, "expected an object");
    }
    void *filled = calloc(1, schema->size);
    if (!filled) {
        return bb_fail(problem, BB_ERR_NO_MEMORY, schema->name, "out of memory");
    }
    int error = fill(schema, object, filled, problem);
    error = error == BB_OK ? bb_schema_check(schema, filled, problem) : error;
    if (error == BB_OK) {
        memcpy(ret_object, filled, schema->size);
    }
    free(filled);
    return error;
}
