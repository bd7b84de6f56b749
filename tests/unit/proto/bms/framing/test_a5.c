/* Daly framing; frames from Louisvdw/dbus-serialbattery issue 165. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/bms/framing/a5.h"

static const uint8_t answer[] = {0xa5, 0x01, 0x90, 0x08, 0x02, 0x1c, 0x00,
                                 0x00, 0x76, 0x56, 0x02, 0x86, 0xb0};

static void builds_known_requests(void **state)
{
    (void)state;
    static const uint8_t ask[] = {0xa5, 0x40, 0x90, 0x08, 0xaa, 0xaa, 0xaa,
                                  0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xcd};
    static const uint8_t on[] = {0xa5, 0x40, 0xda, 0x08, 0x01, 0xaa, 0xaa,
                                 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0x6e};
    struct bb_request request = {0};
    bb_a5_build(0x40, 0x90, NULL, 0, &request);
    assert_int_equal(request.size, sizeof ask);
    assert_memory_equal(request.data, ask, sizeof ask);
    bb_a5_build(0x40, 0xda, (const uint8_t[]){1}, 1, &request);
    assert_memory_equal(request.data, on, sizeof on);
}

static void rejects_every_corruption(void **state)
{
    (void)state;
    assert_int_equal(bb_a5_scan(NULL, answer, sizeof answer).verdict, BB_SCAN_FRAME);
    for (size_t at = 0; at < sizeof answer; at++) {
        for (unsigned change = 1; change < 256; change++) {
            uint8_t damaged[sizeof answer];
            memcpy(damaged, answer, sizeof answer);
            damaged[at] = (uint8_t)(damaged[at] ^ change);
            assert_int_not_equal(bb_a5_scan(NULL, damaged, sizeof damaged).verdict, BB_SCAN_FRAME);
        }
    }
}

/* Start bytes inside data must not cost the frame behind them. */
static void leaves_false_starts_after_one_byte(void **state)
{
    (void)state;
    static const uint8_t nobody[] = {0xa5, 0x11};
    static const uint8_t wrong_length[] = {0xa5, 0x01, 0x90, 0x09};
    static const uint8_t noise[] = {0x00, 0x00, 0xa5};
    struct bb_scan scan = bb_a5_scan(NULL, nobody, sizeof nobody);
    assert_int_equal(scan.verdict, BB_SCAN_GARBAGE);
    assert_int_equal(scan.size, 1);
    assert_int_equal(bb_a5_scan(NULL, wrong_length, sizeof wrong_length).size, 1);
    assert_int_equal(bb_a5_scan(NULL, noise, sizeof noise).size, 2);
    assert_int_equal(bb_a5_scan(NULL, answer, 12).verdict, BB_SCAN_MORE);
}

static void tells_requests_from_answers(void **state)
{
    (void)state;
    for (unsigned party = 1; party <= BB_A5_BOARDS; party++) {
        assert_false(bb_a5_is_selector((uint8_t)party));
        assert_true(bb_a5_is_selector((uint8_t)(party + 0x3f)));
    }
    assert_true(bb_a5_is_selector(0x80));
    assert_true(bb_a5_is_selector(0x20));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builds_known_requests),
        cmocka_unit_test(rejects_every_corruption),
        cmocka_unit_test(leaves_false_starts_after_one_byte),
        cmocka_unit_test(tells_requests_from_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
