/* What is remembered of a wire's batteries. The JSON parser is a library's: the input is made
 * into values of all kinds in the places where the file has its own. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/reader/identity.h"

#define TEXT_MAX 64

struct input {
    const uint8_t *data;
    size_t size;
};

static uint8_t take(struct input *input)
{
    if (input->size == 0) {
        return 0;
    }
    input->size--;
    return *input->data++;
}

static json_t *take_text(struct input *input)
{
    size_t size = take(input) % TEXT_MAX;
    size = size < input->size ? size : input->size;
    json_t *text = json_stringn((const char *)input->data, size);
    input->data += size;
    input->size -= size;
    return text ? text : json_string("");
}

/* Mostly usual, the expected value; sometimes another kind. */
static json_t *take_value(struct input *input, const char *usual)
{
    switch (take(input) % 8) {
    case 0:
        return json_integer((json_int_t)take(input) - 2);
    case 1:
        return json_null();
    case 2:
        return json_real(take(input));
    case 3:
        return json_array();
    case 4:
    case 5:
        return take_text(input);
    default:
        return usual ? json_string(usual) : json_integer(0x40 + take(input) % 4);
    }
}

static json_t *take_file(struct input *input)
{
    json_t *file = json_object();
    json_t *batteries = json_array();
    (void)json_object_set_new(file, "version", json_integer(take(input) % 8 == 7 ? 2 : 1));
    (void)json_object_set_new(file, "driver", take_value(input, "daly"));
    while (input->size > 0) {
        json_t *battery = json_object();
        (void)json_object_set_new(battery, "address", take_value(input, NULL));
        (void)json_object_set_new(battery, "id", take_value(input, "daly-1"));
        (void)json_object_set_new(battery, "serial", take_value(input, "1"));
        (void)json_array_append_new(batteries, battery);
    }
    (void)json_object_set_new(file, "batteries", batteries);
    return file;
}

static void demand(bool holds)
{
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t addresses[] = {0x40, 0x41, 0x42};
    struct input input = {.data = data, .size = size};
    struct bb_identity_book book;
    bb_identity_begin(&book, "serial", "rack", "daly", addresses, 3);
    json_t *file = take_file(&input);
    if (bb_identity_from_json(&book, file, NULL) == BB_OK) {
        for (size_t i = 0; i < book.count; i++) {
            char serial[BB_SERIAL_MAX];
            memcpy(serial, book.stations[(i + 1) % book.count].serial, sizeof serial);
            (void)bb_identity_judge(&book, i, serial);
        }
        for (size_t i = 0; i < book.count; i++) {
            char topic[BB_TOPIC_MAX];
            const char *id = book.stations[i].id;
            demand(!*id || bb_topic_make(topic, sizeof topic, BB_TOPIC_BATTERY, id) == BB_OK);
            demand(!*id || strcmp(id, book.stations[(i + 1) % book.count].id) != 0);
        }
        json_t *again = bb_identity_to_json(&book);
        demand(again != NULL);
        json_decref(again);
    }
    json_decref(file);
    return 0;
}
