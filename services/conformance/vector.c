#include "services/conformance/vector.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int digit_of(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    int lower = tolower((unsigned char)c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

int bb_hex_parse(const char *text, size_t text_size, uint8_t *ret_data, size_t capacity)
{
    size_t count = 0;
    size_t i = 0;
    while (i < text_size) {
        if (isspace((unsigned char)text[i])) {
            i++;
            continue;
        }
        int high = digit_of(text[i]);
        int low = i + 1 < text_size ? digit_of(text[i + 1]) : -1;
        if (high < 0 || low < 0) {
            return BB_ERR_MALFORMED;
        }
        if (count == capacity) {
            return BB_ERR_OVERSIZE;
        }
        ret_data[count++] = (uint8_t)(high * 16 + low);
        i += 2;
    }
    return (int)count;
}

int bb_vector_add(struct bb_vector *vector, bool sent, const uint8_t *data, size_t size)
{
    if (vector->frame_count == BB_VECTOR_FRAMES_MAX) {
        return BB_ERR_OVERSIZE;
    }
    struct bb_vector_frame *frames =
        realloc(vector->frames, (vector->frame_count + 1) * sizeof *frames);
    if (!frames) {
        return BB_ERR_NO_MEMORY;
    }
    vector->frames = frames;
    uint8_t *copy = malloc(size > 0 ? size : 1);
    if (!copy) {
        return BB_ERR_NO_MEMORY;
    }
    memcpy(copy, data, size);
    frames[vector->frame_count++] =
        (struct bb_vector_frame){.sent = sent, .data = copy, .size = size};
    return BB_OK;
}

void bb_vector_clear(struct bb_vector *vector)
{
    for (size_t i = 0; i < vector->frame_count; i++) {
        free(vector->frames[i].data);
    }
    free(vector->frames);
    json_decref(vector->root);
    *vector = (struct bb_vector){0};
}

static int parse_frame(struct bb_vector *vector, const json_t *frame, size_t index,
                       struct bb_problem *problem)
{
    char where[32];
    (void)snprintf(where, sizeof where, "frames[%zu]", index);
    const char *direction = json_string_value(json_object_get(frame, "dir"));
    const char *hex = json_string_value(json_object_get(frame, "hex"));
    if (!direction || !hex || (strcmp(direction, "tx") != 0 && strcmp(direction, "rx") != 0)) {
        return bb_fail(problem, BB_ERR_MISSING, where, "needs dir (tx or rx) and hex");
    }
    uint8_t data[BB_VECTOR_FRAME_MAX];
    int size = bb_hex_parse(hex, strlen(hex), data, sizeof data);
    if (size < 0) {
        return bb_fail(problem, size, where, "not a row of hex bytes");
    }
    int error = bb_vector_add(vector, strcmp(direction, "tx") == 0, data, (size_t)size);
    if (error != BB_OK) {
        return bb_fail(problem, error, where, "too many frames");
    }
    struct bb_vector_frame *added = &vector->frames[vector->frame_count - 1];
    const json_t *id = json_object_get(frame, "id");
    if (json_is_string(id)) {
        added->id = (uint32_t)strtoul(json_string_value(id), NULL, 0);
    } else if (json_is_integer(id)) {
        added->id = (uint32_t)json_integer_value(id);
    }
    added->extended = json_is_true(json_object_get(frame, "ext"));
    return BB_OK;
}

static int parse_frames(struct bb_vector *vector, struct bb_problem *problem)
{
    const json_t *frames = json_object_get(vector->root, "frames");
    if (!json_is_array(frames)) {
        return bb_fail(problem, BB_ERR_MISSING, "frames", "not a list");
    }
    size_t index;
    const json_t *frame;
    json_array_foreach(frames, index, frame)
    {
        int error = parse_frame(vector, frame, index, problem);
        if (error != BB_OK) {
            return error;
        }
    }
    vector->any_request = true;
    for (size_t i = 0; i < vector->frame_count; i++) {
        vector->any_request = vector->any_request && !vector->frames[i].sent;
    }
    return BB_OK;
}

static int parse_medium(struct bb_vector *vector, struct bb_problem *problem)
{
    const char *transport = json_string_value(json_object_get(vector->root, "transport"));
    if (transport && strcmp(transport, "serial") == 0) {
        vector->medium = BB_MEDIUM_SERIAL;
    } else if (transport && strcmp(transport, "can") == 0) {
        vector->medium = BB_MEDIUM_CAN;
    } else if (transport && strcmp(transport, "ble") == 0) {
        vector->medium = BB_MEDIUM_BLE;
    } else {
        return bb_fail(problem, BB_ERR_RANGE, "transport", "not serial, can or ble");
    }
    return BB_OK;
}

static int parse_address(struct bb_vector *vector, struct bb_problem *problem)
{
    const struct bb_transport *transport = bb_driver_transport(vector->driver, vector->medium);
    vector->address = transport ? transport->address_default : 0;
    const json_t *address = json_object_get(vector->root, "address");
    unsigned long number;
    if (json_is_string(address)) {
        char *end;
        number = strtoul(json_string_value(address), &end, 0);
        if (*end != '\0' || end == json_string_value(address)) {
            number = UINT16_MAX + 1UL;
        }
    } else if (json_is_integer(address)) {
        number = (unsigned long)json_integer_value(address);
    } else {
        return BB_OK;
    }
    if (number > UINT16_MAX) {
        return bb_fail(problem, BB_ERR_RANGE, "address", "not a number within 0..0xffff");
    }
    vector->address = (uint16_t)number;
    return BB_OK;
}

static int parse_config(struct bb_vector *vector, struct bb_problem *problem)
{
    const char *name;
    json_t *value;
    json_t *config = json_object_get(vector->root, "config");
    json_object_foreach(config, name, value)
    {
        if (vector->setting_count == BB_VECTOR_SETTINGS_MAX) {
            return bb_fail(problem, BB_ERR_OVERSIZE, "config", "too many options");
        }
        struct bb_vector_setting *setting = &vector->settings[vector->setting_count++];
        (void)snprintf(setting->name, sizeof setting->name, "%s", name);
        if (json_is_string(value)) {
            (void)snprintf(setting->value, sizeof setting->value, "%s", json_string_value(value));
        } else if (json_is_boolean(value)) {
            (void)snprintf(setting->value, sizeof setting->value, "%s",
                           json_is_true(value) ? "yes" : "no");
        } else if (json_is_number(value)) {
            (void)snprintf(setting->value, sizeof setting->value, "%.10g",
                           json_number_value(value));
        } else {
            return bb_fail(problem, BB_ERR_TYPE, setting->name, "not a text, number or switch");
        }
    }
    return BB_OK;
}

static int parse_root(struct bb_vector *vector, struct bb_problem *problem)
{
    int error = parse_medium(vector, problem);
    error = error == BB_OK ? parse_address(vector, problem) : error;
    error = error == BB_OK ? parse_frames(vector, problem) : error;
    error = error == BB_OK ? parse_config(vector, problem) : error;
    vector->expect = json_object_get(vector->root, "expect");
    vector->tolerance = json_object_get(vector->root, "tolerance");
    return error;
}

int bb_vector_load(const char *path, const struct bb_driver *driver, struct bb_vector *ret_vector,
                   struct bb_problem *problem)
{
    struct bb_vector vector = {0};
    json_error_t json_error;
    vector.root = json_load_file(path, JSON_REJECT_DUPLICATES, &json_error);
    if (!vector.root) {
        return bb_fail(problem, BB_ERR_MALFORMED, path, "line %d: %s", json_error.line,
                       json_error.text);
    }
    const char *id = json_string_value(json_object_get(vector.root, "driver"));
    vector.driver = driver ? driver : bb_driver_find(id ? id : "");
    if (!vector.driver) {
        int error = bb_fail(problem, BB_ERR_UNKNOWN, "driver", "no driver \"%s\"", id ? id : "");
        bb_vector_clear(&vector);
        return error;
    }
    int error = parse_root(&vector, problem);
    if (error != BB_OK) {
        bb_vector_clear(&vector);
        return error;
    }
    *ret_vector = vector;
    return BB_OK;
}

static int parse_line(struct bb_vector *vector, const char *line, int number,
                      struct bb_problem *problem)
{
    char where[32];
    (void)snprintf(where, sizeof where, "line %d", number);
    line += strspn(line, " \t");
    size_t size = strcspn(line, "#\r\n");
    bool sent = *line == '>';
    if (sent || *line == '<') {
        line++;
        size--;
    }
    uint8_t data[BB_VECTOR_FRAME_MAX];
    int count = bb_hex_parse(line, size, data, sizeof data);
    if (count < 0) {
        return bb_fail(problem, count, where, "not a row of hex bytes");
    }
    vector->any_request = vector->any_request && !sent;
    int error = count > 0 ? bb_vector_add(vector, sent, data, (size_t)count) : BB_OK;
    return error == BB_OK ? BB_OK : bb_fail(problem, error, where, "too many frames");
}

int bb_vector_load_hex(const char *path, const struct bb_driver *driver,
                       struct bb_vector *ret_vector, struct bb_problem *problem)
{
    FILE *file = fopen(path, "r");
    if (!file) {
        return bb_fail(problem, BB_ERR_IO, path, "%s", strerror(errno));
    }
    struct bb_vector vector = {.driver = driver,
                               .any_request = true,
                               .medium = driver->transports[0].medium,
                               .address = driver->transports[0].address_default};
    char line[3 * BB_VECTOR_FRAME_MAX + 16];
    int error = BB_OK;
    for (int number = 1; error == BB_OK && fgets(line, sizeof line, file); number++) {
        error = parse_line(&vector, line, number, problem);
    }
    (void)fclose(file);
    if (error != BB_OK) {
        bb_vector_clear(&vector);
        return error;
    }
    *ret_vector = vector;
    return BB_OK;
}
