#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "can_dialogue.h"
#include "proto/bms/drivers.h"

#define NEAR(real, expected) assert_float_equal((real).value, (expected), 0.001)

/* Two strings of four modules (captured). */
static const char discharging[] =
    "188#0101FFFB7EFE0861 188#0102FBFFFFFF 188#0201FBFBDEFE0819 188#020237FDCDFF "
    "188#03013CE9DFFF0953 188#0302FBFDB7FB 350#01000CFE0CFE0CFE 351#01000CFE "
    "352#01000CFF0CFE0CFC 353#01000CFD 354#01000CFC0CFE0CFD 355#01000CFF "
    "76A#01000871082E0973 76B#01000891098E09B7 76C#0100085C09CD 184#0301436572697A61 "
    "184#0302795F55323700 184#030340A50CE40300 0C4#413C4040020DFB0C "
    "0C1#0DF07FA705B60E04 0C0#520A000000080000 0C2#0000000000 180#9C0A260122434F33 "
    "188#0401EF9FFFF70869 188#0402FF56EBFF 188#0501B7BFFEFB097E 188#05023DDFFF7F "
    "188#0601FFFFDFFF099B 188#06027FF7F7DE 356#01000D020CFE0D00 357#01000CFF "
    "358#01000CFF0CFF0CFE 359#01000CFF 35A#01000D030CFF0D03 35B#01000D01 "
    "06A#01DAE1D5D1D6E4DF 06B#01E1 26A#013F3F3F3F3F3F3F 26B#013F "
    "184#0401436572697A61 184#0402795F55323700 184#0403403F0CE40300 "
    "0C4#413C4040020DFC0C 0C1#0DF07FA705B60E04 0C0#520A000000080000 0C2#0000000000 "
    "188#0701FB5FFFFE0843 188#0702B6FFDFFE 188#0801FFEBFEDF09B9 188#0802FFF3FFFA "
    "35C#01000CFE0CFE0D00 35D#01000CFF 35E#01000CFF0CFE0CFD 35F#01000CFE ";
static const char varying[] =
    "188#0101FFFF7EFE070D 188#0102FBFFFFFF 188#0201FBFBDEFE06D0 188#0202B7FDCFFF "
    "188#03013EEDDFFF0735 188#0302FBFDBFFF 350#01000D070D130D06 351#01000D09 "
    "352#01000D1D0D220D22 353#01000D1D 354#01000D1F0D150D15 355#01000D1D "
    "46A#01000B6D0B410C84 46B#01000B0D0AD90B2B 46C#01000A5D0C23 184#0601436572697A61 "
    "184#0602795F55323700 184#060345980CE40300 0C4#3B39403B2D0D230D "
    "0C1#0D7480A705B60E04 0C0#350A000000080000 0C2#0000000000 180#9C0A260122434F33 "
    "305#0000000000000000 18EA0000#00EE00 18EEFF00#6400C02C0082F0C0 "
    "188#0401EF9FFFFF074F 188#0402FF5EEBBF 188#0501F7BFFFFB0709 188#05023FDFFF7F "
    "188#0601FFFFDFFF073C 188#06027FFFF7DE 356#01000D0C0D0C0D0B 357#01000D0C "
    "358#01000D090D0B0D0B 359#01000D0B 35A#01000D0D0D0E0D0F 35B#01000D0B "
    "56A#01FF000000000000 67A#010007250705075E 67B#01000734072E0714 67C#010007200778 "
    "184#0701436572697A61 184#0702795F55323700 184#070340490CE40300 "
    "0C4#3B39403B0F0D060D 0C1#0DF17FA705B60E04 0C0#350A000000080000 0C2#0000000000 "
    "188#0701FB5FFFFE06EA 188#0702B6FFDFFE 188#0801FFE3FEDF0787 188#0802FFF3FFFA "
    "35C#01000D080D090D0A 35D#01000D08 35E#01000D090D090D0A 35F#01000D09 "
    "184#0801436572697A61 184#0802795F55323700 184#080340820CE40300 "
    "0C4#3B39403B100D030D 0C1#0DF97FA705B60E04 0C0#350A000000080000 0C2#0000000000 "
    "305#0000000000000000 18EA0000#00EE00 18EEFF00#6400C02C0082F0C0 "
    "188#0101FFFF7EFE070C 188#0102FBFFFFFF 188#0201FBFBDEFE06D0 188#0202B7FDCFFF "
    "188#03013EEDDFFF0735 188#0302FBFDBFFF 350#01000D080D090D08 351#01000D08 "
    "352#01000D090D070D06 353#01000D05 354#01000D070D090D06 355#01000D09 "
    "76A#0100073106F10775 76B#01000770071B0756 76C#0100070507A0 184#FF01FFFFFFFFFFFF "
    "184#FF02FFFFFFFFFFFF 184#FF03FFFFFFFFFFFF 0C4#3B39F03B0C0D050D "
    "0C1#0DF87FA705B60E04 0C0#350A000000080000 0C2#0000000000 188#0401EF9FFFFF0750 "
    "188#0402FF5EEBBF 188#0501F7BFFFFB0709 188#05023FDFFF7F 188#0601FFFFDFFF073C "
    "188#06027FFFF7DE 356#01000D040D090D08 357#01000D02 358#01000D060D050D0D "
    "359#01000D03 35A#01000D090D090D0A 35B#01000D07 06A#0188898B8D868E8F 06B#0191 "
    "26A#013F3F3F3F3F3F3F 26B#013F ";

static struct dialogue dialogue;

static struct bb_battery state_after(const char *settings, const char *frames)
{
    int64_t time_ms = 0;
    can_begin(&dialogue, &bb_driver_valence_can, 0, settings);
    can_hears(&dialogue, frames);
    can_hears(&dialogue, "+2100");
    assert_int_equal(can_states(&dialogue), 1);
    return dialogue_battery(&dialogue, &time_ms);
}

static void test_captured(void **state)
{
    (void)state;
    struct bb_battery battery = state_after("modules_series=4,modules_parallel=2", discharging);
    NEAR(battery.voltage, 53.219);
    NEAR(battery.current, -16);
    NEAR(battery.soc, 82);
    NEAR(battery.temperature_1, 25);
    NEAR(battery.temperature_2, 20);
    NEAR(battery.temperature_mos, 24);
    NEAR(battery.max_battery_discharge_current, 144.7);
    assert_string_equal(battery.hardware_version, "34");
    assert_int_equal(battery.cell_count.value, 16);
    assert_int_equal(battery.cells_count, 32);
    NEAR(battery.cells[0].voltage, 3.326);
    NEAR(battery.cells[20].voltage, 3.331);
    assert_false(battery.cells[31].balance.value);
    assert_true(battery.cells[31].balance.present);
    assert_int_equal(battery.protection.low_cell_voltage.value, 0);
    battery = state_after(NULL, discharging); /* eight modules speak: two strings */
    assert_int_equal(battery.cells_count, 32);
}

static void test_among_frames_of_others(void **state)
{
    (void)state;
    struct bb_battery battery = state_after("modules_series=4", varying);
    NEAR(battery.current, -8);
    NEAR(battery.soc, 53);
    NEAR(battery.cells[31].voltage, 3.337);
}

static void test_a_missing_module_makes_no_state(void **state)
{
    (void)state;
    can_begin(&dialogue, &bb_driver_valence_can, 0, "modules_series=4,modules_parallel=2");
    can_hears(&dialogue, "0C4#413C4040020DFB0C 0C1#0DF07FA705B60E04 0C0#520A000000080000 "
                         "350#01000CFE0CFE0CFE 351#01000CFE +3000");
    assert_int_equal(can_states(&dialogue), 0);
}

static void test_keeps_the_contactor_closed(void **state)
{
    (void)state;
    can_begin(&dialogue, &bb_driver_valence_can, 0, NULL);
    assert_string_equal(can_sends(&dialogue), "440#00020000");
    can_begin(&dialogue, &bb_driver_valence_can, 0, "mode=charge");
    assert_string_equal(can_sends(&dialogue), "440#00010000");
    can_begin(&dialogue, &bb_driver_valence_can, 0, "mode=none");
    assert_string_equal(can_sends(&dialogue), "");
}

static void test_alarm_codes(void **state)
{
    (void)state;
    struct bb_battery battery =
        state_after("modules_series=1,modules_parallel=1",
                    "0C4#413C4040020DFB0C 0C1#0DF07FA705B60E04 0C0#522A1C0009010000 "
                    "350#01000CFE0CFE0CFE 351#01000CFE 26A#013E");
    assert_int_equal(battery.protection.high_temperature.value, 2); /* the higher of both codes */
    assert_int_equal(battery.protection.low_soc.value, 1);
    assert_int_equal(battery.protection.low_cell_voltage.value, 2);
    assert_int_equal(battery.protection.high_discharge_current.value, 1);
    assert_int_equal(battery.protection.low_temperature.value, 1);
    assert_true(battery.cells[0].balance.value);
    assert_false(battery.cells[1].balance.value);
    NEAR(battery.voltage, 13.304);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_captured),
        cmocka_unit_test(test_among_frames_of_others),
        cmocka_unit_test(test_a_missing_module_makes_no_state),
        cmocka_unit_test(test_keeps_the_contactor_closed),
        cmocka_unit_test(test_alarm_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
