#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "services/tap/record.h"

#define CAPACITY 256

static const uint8_t body[] = {0x81, 0xa1, 'a', 0x01};

static struct bb_record example(void)
{
    return (struct bb_record){.mono_ms = 123456789012,
                              .wall_ms = 1795523224081,
                              .topic = "battery/a",
                              .topic_size = 9,
                              .body = body,
                              .body_size = sizeof body};
}

static void test_layout_is_as_documented(void **state)
{
    (void)state;
    uint8_t header[BB_RECORD_HEADER];
    bb_record_put_header(header);
    assert_memory_equal(header, "BUSBAR\r\n\1\0\0\0\0\0\0\0", sizeof header);

    struct bb_record record = example();
    uint8_t data[CAPACITY];
    assert_int_equal(bb_record_put(&record, data, sizeof data), BB_RECORD_FIXED + 9 + 4);
    assert_memory_equal(data + 4, "\4\0\0\0\11\0\0\0", 8);
    /* 123456789012 = 0x1cbe991a14, 1795523224081 = 0x1a20d867a11 */
    assert_memory_equal(data + 12, "\x14\x1a\x99\xbe\x1c\0\0\0", 8);
    assert_memory_equal(data + 28,
                        "battery/a\x81\xa1"
                        "a\1",
                        13);
}

static void test_checksum_is_the_usual_crc32(void **state)
{
    (void)state;
    /* An independent bitwise division: the CRC-32 of the record's own bytes, checked the other
     * way round. Over data and complemented remainder the CRC is the well-known residue. */
    struct bb_record record = example();
    uint8_t data[CAPACITY];
    int size = bb_record_put(&record, data, sizeof data);
    uint8_t turned[CAPACITY];
    memcpy(turned, data + 4, (size_t)size - 4);
    memcpy(turned + size - 4, data, 4);
    uint32_t crc = 0xffffffffU;
    for (int i = 0; i < size; i++) {
        for (int bit = 0; bit < 8; bit++) {
            uint32_t top = (crc ^ ((uint32_t)turned[i] >> bit)) & 1U;
            crc = (crc >> 1) ^ (top * 0xedb88320U);
        }
    }
    assert_int_equal(crc, 0xdebb20e3U);
}

static void test_round_trip(void **state)
{
    (void)state;
    struct bb_record record = example();
    uint8_t data[CAPACITY];
    int size = bb_record_put(&record, data, sizeof data);
    struct bb_record read;
    assert_int_equal(bb_record_get(data, sizeof data, &read, NULL), size);
    assert_int_equal(read.mono_ms, record.mono_ms);
    assert_int_equal(read.wall_ms, record.wall_ms);
    assert_int_equal(read.topic_size, record.topic_size);
    assert_memory_equal(read.topic, record.topic, record.topic_size);
    assert_int_equal(read.body_size, record.body_size);
    assert_memory_equal(read.body, record.body, record.body_size);
}

static void test_empty_topic_and_body(void **state)
{
    (void)state;
    struct bb_record record = {0};
    uint8_t data[BB_RECORD_FIXED];
    assert_int_equal(bb_record_put(&record, data, sizeof data), BB_RECORD_FIXED);
    struct bb_record read;
    assert_int_equal(bb_record_get(data, sizeof data, &read, NULL), BB_RECORD_FIXED);
    assert_int_equal(read.topic_size + read.body_size, 0);
}

static void test_every_cut_is_truncated(void **state)
{
    (void)state;
    struct bb_record record = example();
    uint8_t data[CAPACITY];
    int size = bb_record_put(&record, data, sizeof data);
    struct bb_record read;
    for (int cut = 0; cut < size; cut++) {
        assert_int_equal(bb_record_get(data, (size_t)cut, &read, NULL), BB_ERR_TRUNCATED);
    }
}

/* No changed byte goes unnoticed; a changed size may look like a longer record that is cut. */
static void test_every_changed_bit_is_refused(void **state)
{
    (void)state;
    struct bb_record record = example();
    uint8_t data[CAPACITY];
    int size = bb_record_put(&record, data, sizeof data);
    struct bb_record read;
    for (int bit = 0; bit < size * 8; bit++) {
        data[bit / 8] ^= (uint8_t)(1 << (bit % 8));
        int result = bb_record_get(data, (size_t)size, &read, NULL);
        assert_true(result == BB_ERR_MALFORMED || result == BB_ERR_TRUNCATED);
        data[bit / 8] ^= (uint8_t)(1 << (bit % 8));
    }
}

static void test_impossible_times_are_refused(void **state)
{
    (void)state;
    struct bb_record record = example();
    record.mono_ms = -1;
    uint8_t data[CAPACITY];
    (void)bb_record_put(&record, data, sizeof data);
    struct bb_record read;
    struct bb_problem problem;
    assert_int_equal(bb_record_get(data, sizeof data, &read, &problem), BB_ERR_MALFORMED);
    assert_string_equal(problem.what, "impossible time");
}

static void test_what_the_format_does_not_hold(void **state)
{
    (void)state;
    struct bb_record record = example();
    uint8_t data[CAPACITY];
    assert_int_equal(bb_record_put(&record, data, BB_RECORD_FIXED + 12), BB_ERR_OVERSIZE);
    record.topic_size = BB_RECORD_TOPIC_MAX + 1;
    assert_int_equal(bb_record_put(&record, data, sizeof data), BB_ERR_OVERSIZE);
    record = example();
    record.body_size = BB_RECORD_BODY_MAX + 1;
    assert_int_equal(bb_record_put(&record, data, sizeof data), BB_ERR_OVERSIZE);
}

static void test_header_of_other_files(void **state)
{
    (void)state;
    uint8_t header[BB_RECORD_HEADER];
    bb_record_put_header(header);
    assert_int_equal(bb_record_check_header(header, sizeof header, NULL), BB_OK);
    for (size_t cut = 0; cut < sizeof header; cut++) {
        assert_int_equal(bb_record_check_header(header, cut, NULL), BB_ERR_TRUNCATED);
    }
    header[8] = 2;
    assert_int_equal(bb_record_check_header(header, sizeof header, NULL), BB_ERR_VERSION);
    assert_int_equal(bb_record_check_header((const uint8_t *)"BUSBAR\n", 7, NULL),
                     BB_ERR_MALFORMED);
    assert_int_equal(bb_record_check_header((const uint8_t *)"x", 1, NULL), BB_ERR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout_is_as_documented),
        cmocka_unit_test(test_checksum_is_the_usual_crc32),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_empty_topic_and_body),
        cmocka_unit_test(test_every_cut_is_truncated),
        cmocka_unit_test(test_every_changed_bit_is_refused),
        cmocka_unit_test(test_impossible_times_are_refused),
        cmocka_unit_test(test_what_the_format_does_not_hold),
        cmocka_unit_test(test_header_of_other_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
