#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/message/message.h"
#include "proto/message/pack.h"

/* A message with every field of its class present, each with a value of its own. */
static void fill(const struct bb_schema *schema, void *object, int *counter)
{
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct bb_field *field = &schema->fields[i];
        void *member = (char *)object + field->offset;
        double value = field->min + (field->max - field->min) * ((*counter)++ % 7) / 7;
        switch (field->kind) {
        case BB_REAL:
            *(struct bb_real *)member = bb_real(value);
            break;
        case BB_INTEGER:
            *(struct bb_integer *)member = bb_integer((int64_t)value);
            break;
        case BB_FLAG:
            *(struct bb_flag *)member = bb_flag(*counter % 2 == 0);
            break;
        case BB_TEXT:
            memset(member, 'a' + *counter % 26, (size_t)field->size - 1);
            break;
        case BB_OBJECT:
            fill(field->schema, member, counter);
            break;
        case BB_LIST:
            for (uint16_t k = 0; k < field->size; k++) {
                fill(field->schema, (char *)member + k * field->schema->size, counter);
            }
            memcpy((char *)object + field->count_offset, &field->size, sizeof field->size);
            break;
        }
    }
}

static struct bb_message full_message(enum bb_topic_class topic_class)
{
    int counter = 1;
    struct bb_message message = {.topic_class = topic_class};
    assert_int_equal(bb_topic_make(message.topic, sizeof message.topic, topic_class, "x-1"), BB_OK);
    fill(&bb_head_schema, &message.head, &counter);
    message.head.version = bb_integer(BB_MESSAGE_VERSION);
    fill(bb_message_schema(topic_class), &message.body, &counter);
    if (topic_class == BB_TOPIC_BATTERY) {
        message.body.battery.cell_count = bb_integer(message.body.battery.cells_count);
    }
    return message;
}

static struct bb_message small_message(void)
{
    struct bb_message message = {
        .topic_class = BB_TOPIC_BATTERY,
        .topic = "battery/rack",
        .head = {.version = bb_integer(1),
                 .source = "serial-rack",
                 .instance = bb_integer(1),
                 .sequence = bb_integer(7),
                 .mono_ms = bb_integer(1000),
                 .wall_ms = bb_integer(1700000000000),
                 .interval_ms = bb_integer(1000)},
    };
    message.body.battery.voltage = bb_real(52.8);
    message.body.battery.current = bb_real(-12.5);
    message.body.battery.charge_fet = bb_flag(true);
    return message;
}

static int decode(const struct bb_message *message, const uint8_t *body, size_t size,
                  struct bb_message *ret_message)
{
    return bb_message_decode(message->topic, strlen(message->topic), body, size, ret_message, NULL);
}

static void test_every_class_survives_the_round_trip(void **state)
{
    (void)state;
    for (int i = 0; i < BB_TOPIC_CLASSES; i++) {
        struct bb_message message = full_message((enum bb_topic_class)i);
        uint8_t body[BB_MESSAGE_MAX];
        struct bb_problem problem = {0};
        int size = bb_message_encode(&message, body, sizeof body, &problem);
        assert_string_equal(problem.what, "");
        assert_true(size > 0);
        struct bb_message decoded;
        assert_int_equal(decode(&message, body, (size_t)size, &decoded), BB_OK);
        assert_string_equal(decoded.topic, message.topic);
        assert_true(bb_schema_equal(&bb_head_schema, &decoded.head, &message.head));
        assert_true(
            bb_schema_equal(bb_message_schema(message.topic_class), &decoded.body, &message.body));
    }
}

static void test_absent_stays_absent(void **state)
{
    (void)state;
    struct bb_message message = small_message();
    uint8_t body[BB_MESSAGE_MAX];
    int size = bb_message_encode(&message, body, sizeof body, NULL);
    struct bb_message decoded;
    assert_int_equal(decode(&message, body, (size_t)size, &decoded), BB_OK);
    assert_false(decoded.body.battery.soc.present);
    assert_true(decoded.body.battery.voltage.present);
    assert_int_equal(decoded.body.battery.cells_count, 0);
}

static void test_every_truncation_is_refused_whole(void **state)
{
    (void)state;
    struct bb_message message = small_message();
    uint8_t body[BB_MESSAGE_MAX];
    int size = bb_message_encode(&message, body, sizeof body, NULL);
    struct bb_message untouched;
    memset(&untouched, 0x5a, sizeof untouched);
    struct bb_message decoded = untouched;
    for (int cut = 0; cut < size; cut++) {
        assert_true(decode(&message, body, (size_t)cut, &decoded) < 0);
        assert_memory_equal(&decoded, &untouched, sizeof decoded);
    }
    body[size] = 0;
    assert_true(decode(&message, body, (size_t)size + 1, &decoded) < 0);
}

static void test_encoding_refuses_what_decoding_would(void **state)
{
    (void)state;
    uint8_t body[BB_MESSAGE_MAX];
    struct bb_problem problem;
    struct bb_message message = small_message();
    message.body.battery.current = bb_real(NAN);
    assert_int_equal(bb_message_encode(&message, body, sizeof body, &problem), BB_ERR_RANGE);
    assert_string_equal(problem.where, "current");
    message = small_message();
    message.head.sequence.present = false;
    assert_int_equal(bb_message_encode(&message, body, sizeof body, &problem), BB_ERR_MISSING);
    message = small_message();
    assert_int_equal(bb_message_encode(&message, body, 20, &problem), BB_ERR_OVERSIZE);
}

/* Hand-made bodies: the head of small_message() and a data map of the test's own. */
static size_t hand_made(uint8_t *body, size_t capacity, const uint8_t *data, size_t data_size)
{
    struct bb_message message = small_message();
    memset(&message.body, 0, sizeof message.body);
    int size = bb_message_encode(&message, body, capacity, NULL);
    assert_true(size > 0 && body[size - 1] == 0x80); /* the empty data map ends it */
    memcpy(body + size - 1, data, data_size);
    return (size_t)size - 1 + data_size;
}

static int decode_data(const char *data, size_t data_size)
{
    uint8_t body[BB_MESSAGE_MAX];
    size_t size = hand_made(body, sizeof body, (const uint8_t *)data, data_size);
    struct bb_message message = small_message();
    struct bb_message decoded;
    return decode(&message, body, size, &decoded);
}

#define DECODE(text) decode_data((text), sizeof(text) - 1)

static void test_refuses_wrong_types_and_keys(void **state)
{
    (void)state;
    assert_int_equal(DECODE("\x81\xa3soc\x32"), BB_OK);
    assert_int_equal(DECODE("\x81\xa3soc\xa2"
                            "50"),
                     BB_ERR_TYPE);
    assert_int_equal(DECODE("\x81\xa3soc\xc3"), BB_ERR_TYPE);
    assert_int_equal(DECODE("\x81\xa3soc\xc0"), BB_ERR_TYPE);
    assert_int_equal(DECODE("\x81\xaa"
                            "charge_fet\x01"),
                     BB_ERR_TYPE);
    assert_int_equal(DECODE("\x81\xaa"
                            "cell_count\xcb\x40\x30\0\0\0\0\0\0"),
                     BB_ERR_TYPE);
    assert_int_equal(DECODE("\x82\xa3soc\x32\xa3soc\x33"), BB_ERR_DUPLICATE);
    assert_int_equal(DECODE("\x81\xa7not_yet\x93\x01\x02\x03"), BB_OK);
    assert_int_equal(DECODE("\x81\x05\x01"), BB_ERR_TYPE);
    assert_int_equal(DECODE("\x81\xa3soc\xcb\x7f\xf8\0\0\0\0\0\0"), BB_ERR_RANGE);
    assert_int_equal(DECODE("\x81\xa5"
                            "cells\x91\x01"),
                     BB_ERR_TYPE);
}

static void test_refuses_hostile_sizes(void **state)
{
    (void)state;
    assert_int_equal(DECODE("\x81\xa5"
                            "cells\xdd\xff\xff\xff\xff"),
                     BB_ERR_TRUNCATED);
    assert_int_equal(DECODE("\x81\xa5"
                            "cells\xdf\x7f\xff\xff\xff"),
                     BB_ERR_TRUNCATED);
    assert_int_equal(DECODE("\x81\xa1x\xdb\xff\xff\xff\xff"), BB_ERR_TRUNCATED);
    assert_int_equal(DECODE("\x81\xa1x\xc7\x01\x01\x01"), BB_ERR_MALFORMED);
    assert_int_equal(DECODE("\x81\xa1x\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x01"),
                     BB_ERR_OVERSIZE);
    static uint8_t large[BB_MESSAGE_MAX + 1];
    struct bb_message message = small_message();
    struct bb_message decoded;
    assert_int_equal(decode(&message, large, sizeof large, &decoded), BB_ERR_OVERSIZE);
}

static void test_refuses_another_version(void **state)
{
    (void)state;
    struct bb_message message = small_message();
    message.head.version = bb_integer(BB_MESSAGE_VERSION + 1);
    uint8_t body[BB_MESSAGE_MAX];
    int size = bb_message_encode(&message, body, sizeof body, NULL);
    struct bb_message decoded;
    assert_int_equal(decode(&message, body, (size_t)size, &decoded), BB_ERR_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_class_survives_the_round_trip),
        cmocka_unit_test(test_absent_stays_absent),
        cmocka_unit_test(test_every_truncation_is_refused_whole),
        cmocka_unit_test(test_encoding_refuses_what_decoding_would),
        cmocka_unit_test(test_refuses_wrong_types_and_keys),
        cmocka_unit_test(test_refuses_hostile_sizes),
        cmocka_unit_test(test_refuses_another_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
