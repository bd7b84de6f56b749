/* JBD framing; frames from the JBD protocol sheet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/bms/framing/dd77.h"

static const uint8_t cells[] = {0xdd, 0x04, 0x00, 0x08, 0x0f, 0x45, 0x0f, 0x3d,
                                0x0f, 0x37, 0x0f, 0x3d, 0xfe, 0xc6, 0x77};

static void builds_known_requests(void **state)
{
    (void)state;
    static const uint8_t read_basic[] = {0xdd, 0xa5, 0x03, 0x00, 0xff, 0xfd, 0x77};
    static const uint8_t enter[] = {0xdd, 0x5a, 0x00, 0x02, 0x56, 0x78, 0xff, 0x30, 0x77};
    struct bb_request request = {0};
    bb_dd77_build(BB_DD77_READ, 0x03, NULL, 0, &request);
    assert_int_equal(request.size, sizeof read_basic);
    assert_memory_equal(request.data, read_basic, sizeof read_basic);
    bb_dd77_build(BB_DD77_WRITE, 0x00, (const uint8_t[]){0x56, 0x78}, 2, &request);
    assert_int_equal(request.size, sizeof enter);
    assert_memory_equal(request.data, enter, sizeof enter);
}

static void finds_a_frame_only_when_it_is_whole(void **state)
{
    (void)state;
    for (size_t size = 1; size < sizeof cells; size++) {
        assert_int_equal(bb_dd77_scan(NULL, cells, size).verdict, BB_SCAN_MORE);
    }
    struct bb_scan scan = bb_dd77_scan(NULL, cells, sizeof cells);
    assert_int_equal(scan.verdict, BB_SCAN_FRAME);
    assert_int_equal(scan.size, sizeof cells);
}

static void drops_garbage_up_to_the_next_start(void **state)
{
    (void)state;
    static const uint8_t noise[] = {0x00, 0x0f, 0x3e, 0xdd, 0x03};
    struct bb_scan scan = bb_dd77_scan(NULL, noise, sizeof noise);
    assert_int_equal(scan.verdict, BB_SCAN_GARBAGE);
    assert_int_equal(scan.size, 3);
    assert_int_equal(bb_dd77_scan(NULL, noise, 3).size, 3);
}

/* The register is the one byte that is not under the checksum. */
static void rejects_every_corruption_but_that_of_the_register(void **state)
{
    (void)state;
    for (size_t at = 0; at < sizeof cells; at++) {
        for (unsigned change = 1; change < 256; change++) {
            uint8_t damaged[sizeof cells];
            memcpy(damaged, cells, sizeof cells);
            damaged[at] = (uint8_t)(damaged[at] ^ change);
            bool frame = bb_dd77_scan(NULL, damaged, sizeof damaged).verdict == BB_SCAN_FRAME;
            assert_int_equal(frame, at == 1);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builds_known_requests),
        cmocka_unit_test(finds_a_frame_only_when_it_is_whole),
        cmocka_unit_test(drops_garbage_up_to_the_next_start),
        cmocka_unit_test(rejects_every_corruption_but_that_of_the_register),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
