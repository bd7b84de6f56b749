/* JK framing; requests and acknowledges from the JK PB protocol sheet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/bms/checksum.h"
#include "proto/bms/framing/jk_record.h"

static const uint8_t request_of_3[] = {0x03, 0x10, 0x16, 0x20, 0x00, 0x01,
                                       0x02, 0x00, 0x00, 0xcf, 0x91};
static const uint8_t ack_of_3[] = {0x03, 0x10, 0x16, 0x20, 0x00, 0x01, 0x05, 0xa9};

static void make_record(uint8_t *ret_record)
{
    for (size_t i = 0; i < BB_JK_RECORD_SIZE; i++) {
        ret_record[i] = (uint8_t)(i * 7);
    }
    memcpy(ret_record, (const uint8_t[]){0x55, 0xaa, 0xeb, 0x90, 0x02}, 5);
    ret_record[BB_JK_RECORD_SIZE - 1] = bb_sum8(ret_record, BB_JK_RECORD_SIZE - 1);
}

static void builds_known_requests(void **state)
{
    (void)state;
    struct bb_request request = {0};
    bb_jk_build(3, 0x20, &request);
    assert_int_equal(request.size, sizeof request_of_3);
    assert_memory_equal(request.data, request_of_3, sizeof request_of_3);
    bb_jk_build(1, 0x1e, &request);
    assert_int_equal(request.data[9], 0xd2);
    assert_int_equal(request.data[10], 0x2f);
}

static void tells_requests_acknowledges_and_records_by_size(void **state)
{
    (void)state;
    uint8_t record[BB_JK_RECORD_SIZE];
    make_record(record);
    assert_int_equal(bb_jk_scan(NULL, request_of_3, sizeof request_of_3).size, 11);
    assert_int_equal(bb_jk_scan(NULL, ack_of_3, sizeof ack_of_3).size, 8);
    struct bb_scan scan = bb_jk_scan(NULL, record, sizeof record);
    assert_int_equal(scan.verdict, BB_SCAN_FRAME);
    assert_int_equal(scan.size, BB_JK_RECORD_SIZE);
}

static void waits_for_the_rest(void **state)
{
    (void)state;
    uint8_t record[BB_JK_RECORD_SIZE];
    make_record(record);
    for (size_t size = 1; size < sizeof record; size++) {
        assert_int_equal(bb_jk_scan(NULL, record, size).verdict, BB_SCAN_MORE);
    }
    for (size_t size = 1; size < sizeof ack_of_3; size++) {
        assert_int_equal(bb_jk_scan(NULL, ack_of_3, size).verdict, BB_SCAN_MORE);
    }
    for (size_t size = 1; size < sizeof request_of_3; size++) {
        assert_int_equal(bb_jk_scan(NULL, request_of_3, size).verdict, BB_SCAN_MORE);
    }
}

static void rejects_every_corruption_of_a_record(void **state)
{
    (void)state;
    uint8_t record[BB_JK_RECORD_SIZE];
    make_record(record);
    for (size_t at = 0; at < sizeof record; at++) {
        record[at] ^= 0x04;
        assert_int_not_equal(bb_jk_scan(NULL, record, sizeof record).verdict, BB_SCAN_FRAME);
        record[at] ^= 0x04;
    }
}

static void drops_the_rest_of_a_partial_echo(void **state)
{
    (void)state;
    static const uint8_t rest[] = {0x02, 0x00, 0x00, 0xcf, 0x91, 0x55};
    for (size_t at = 0; at + 1 < sizeof rest; at++) {
        struct bb_scan scan = bb_jk_scan(NULL, rest + at, sizeof rest - at);
        assert_int_equal(scan.verdict, BB_SCAN_GARBAGE);
        assert_int_equal(scan.size, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builds_known_requests),
        cmocka_unit_test(tells_requests_acknowledges_and_records_by_size),
        cmocka_unit_test(waits_for_the_rest),
        cmocka_unit_test(rejects_every_corruption_of_a_record),
        cmocka_unit_test(drops_the_rest_of_a_partial_echo),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
