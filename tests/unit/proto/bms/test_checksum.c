/* Check values: Modbus specification, JBD and Daly protocol sheets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/bms/checksum.h"

static void crc16_of_known_frames(void **state)
{
    (void)state;
    static const uint8_t digits[] = "123456789";
    static const uint8_t jk[] = {0x03, 0x10, 0x16, 0x20, 0x00, 0x01, 0x02, 0x00, 0x00};
    static const uint8_t daly[] = {0xd2, 0x03, 0x00, 0x00, 0x00, 0x3e};
    assert_int_equal(bb_crc16_modbus(digits, 9), 0x4b37);
    assert_int_equal(bb_crc16_modbus(jk, sizeof jk), 0x91cf);
    assert_int_equal(bb_crc16_modbus(daly, sizeof daly), 0xb9d7);
    assert_int_equal(bb_crc16_modbus(daly, 0), 0xffff);
}

static void sums_wrap(void **state)
{
    (void)state;
    static const uint8_t request[] = {0xa5, 0x40, 0x90, 0x08, 0xaa, 0xaa,
                                      0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa};
    uint8_t ones[300];
    for (size_t i = 0; i < sizeof ones; i++) {
        ones[i] = 0xff;
    }
    assert_int_equal(bb_sum8(request, sizeof request), 0xcd);
    assert_int_equal(bb_sum16(ones, sizeof ones), 300 * 0xff % 65536);
    assert_int_equal(bb_sum8(ones, sizeof ones), 300 * 0xff % 256);
    assert_int_equal(bb_sum16(ones, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc16_of_known_frames),
        cmocka_unit_test(sums_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
