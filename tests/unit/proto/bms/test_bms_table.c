#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "near.h"
#include "proto/bms/poll.h"
#include "proto/bms/table.h"

static double read_as(enum bb_raw raw, const char *bytes)
{
    double value = -12345;
    assert_true(bb_raw_read(raw, (const uint8_t *)bytes, bb_raw_size(raw), 0, &value));
    return value;
}

static void reads_every_type(void **state)
{
    (void)state;
    assert_near(read_as(BB_U8, "\xfe"), 254);
    assert_near(read_as(BB_S8, "\xfe"), -2);
    assert_near(read_as(BB_U16BE, "\xff\x01"), 0xff01);
    assert_near(read_as(BB_U16LE, "\xff\x01"), 0x01ff);
    assert_near(read_as(BB_S16BE, "\xff\xfe"), -2);
    assert_near(read_as(BB_S16LE, "\xfe\xff"), -2);
    assert_near(read_as(BB_U32BE, "\xff\x00\x00\x01"), 0xff000001);
    assert_near(read_as(BB_U32LE, "\x01\x00\x00\xff"), 0xff000001);
    assert_near(read_as(BB_S32BE, "\xff\xff\xff\xfd"), -3);
    assert_near(read_as(BB_S32LE, "\xfd\xff\xff\xff"), -3);
    assert_near(read_as(BB_U32_WORDS, "\x86\xa0\x00\x01"), 100000);
    assert_near(read_as(BB_S32_WORDS, "\xff\xfe\xff\xff"), -2);
    assert_near(read_as(BB_F32BE, "\x3f\xc0\x00\x00"), 1.5);
    assert_near(read_as(BB_F32LE, "\x00\x00\xc0\xbf"), -1.5);
}

static void refuses_what_is_not_there_or_no_number(void **state)
{
    (void)state;
    static const uint8_t nan_bytes[] = {0x7f, 0xc0, 0x00, 0x00};
    double value = 7;
    assert_false(bb_raw_read(BB_U16BE, nan_bytes, 4, 3, &value));
    assert_false(bb_raw_read(BB_U8, nan_bytes, 4, 4, &value));
    assert_false(bb_raw_read(BB_U8, nan_bytes, 4, SIZE_MAX, &value));
    assert_false(bb_raw_read(BB_F32BE, nan_bytes, 4, 0, &value));
    assert_near(value, 7);
    assert_int_equal(bb_raw_integer(BB_U32BE, nan_bytes, 4, 1), 0);
}

/* Every field of a battery is found at its place, nested ones included. */
static void finds_fields_by_their_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < bb_battery_schema.field_count; i++) {
        const struct bb_field *field = &bb_battery_schema.fields[i];
        if (field->kind != BB_OBJECT) {
            assert_ptr_equal(bb_table_field(field->offset), field);
            continue;
        }
        for (size_t k = 0; k < field->schema->field_count; k++) {
            const struct bb_field *inner = &field->schema->fields[k];
            uint16_t at = (uint16_t)(field->offset + inner->offset);
            assert_ptr_equal(bb_table_field(at), inner);
        }
    }
    assert_string_equal(bb_table_field(BB_FIELD(protection.low_soc))->name, "low_soc");
    assert_null(bb_table_field(BB_FIELD(voltage) + 1));
    assert_null(bb_table_field(BB_FIELD(cells_count)));
}

static struct bb_battery decode(const struct bb_row *row, const char *bytes, size_t size,
                                uint64_t *ret_rejected)
{
    static struct bb_battery battery;
    memset(&battery, 0, sizeof battery);
    struct bb_decode into = {.battery = &battery};
    bb_rows_decode(row, 1, (const uint8_t *)bytes, size, &into);
    *ret_rejected = into.rejected;
    return battery;
}

static void scales_rows(void **state)
{
    (void)state;
    uint64_t rejected;
    struct bb_row kelvin = {
        .raw = BB_U16BE, .bias = -2731, .per = 10, .field = BB_FIELD(temperature_1)};
    assert_near(decode(&kelvin, "\x0b\x8b", 2, &rejected).temperature_1.value, 22.4);
    struct bb_row tens = {.at = 1, .raw = BB_U8, .per = 0.1, .field = BB_FIELD(capacity)};
    assert_near(decode(&tens, "\x00\x07", 2, &rejected).capacity.value, 70);
    struct bb_row turned = {
        .raw = BB_S16BE, .per = 10, .flags = BB_ROW_NEGATE, .field = BB_FIELD(current)};
    assert_near(decode(&turned, "\xff\xf6", 2, &rejected).current.value, 1);
    struct bb_row size_of = {.raw = BB_S16BE,
                             .per = 10,
                             .flags = BB_ROW_ABSOLUTE,
                             .field = BB_FIELD(max_battery_discharge_current)};
    assert_near(decode(&size_of, "\xff\xf6", 2, &rejected).max_battery_discharge_current.value, 1);
    struct bb_row bits = {.raw = BB_U8, .mask = 0x70, .field = BB_FIELD(history.charge_cycles)};
    assert_int_equal(decode(&bits, "\x5f", 1, &rejected).history.charge_cycles.value, 5);
    struct bb_row clear = {
        .raw = BB_U8, .mask = 2, .flags = BB_ROW_NOT, .field = BB_FIELD(charge_fet)};
    assert_true(decode(&clear, "\x01", 1, &rejected).charge_fet.value);
    assert_false(decode(&clear, "\x02", 1, &rejected).charge_fet.value);
    assert_int_equal(rejected, 0);
}

static void leaves_marks_and_missing_bytes_absent(void **state)
{
    (void)state;
    uint64_t rejected;
    struct bb_row row = {.raw = BB_S16LE,
                         .per = 10,
                         .flags = BB_ROW_ABSENT,
                         .absent = -2000,
                         .field = BB_FIELD(temperature_1)};
    assert_false(decode(&row, "\x30\xf8", 2, &rejected).temperature_1.present);
    assert_false(decode(&row, "\x30", 1, &rejected).temperature_1.present);
    assert_true(decode(&row, "\x31\xf8", 2, &rejected).temperature_1.present == false);
    assert_int_equal(rejected, 1); /* -199.9 is no mark, but no temperature either */
    row.flags = BB_ROW_ONES_ABSENT | BB_ROW_ZERO_ABSENT;
    assert_false(decode(&row, "\xff\xff", 2, &rejected).temperature_1.present);
    assert_false(decode(&row, "\x00\x00", 2, &rejected).temperature_1.present);
    assert_true(decode(&row, "\xfe\xff", 2, &rejected).temperature_1.present);
    assert_int_equal(rejected, 0);
    row.only_at = 2;
    row.only_mask = 4;
    assert_false(decode(&row, "\xfe\xff\x03", 3, &rejected).temperature_1.present);
    assert_true(decode(&row, "\xfe\xff\x04", 3, &rejected).temperature_1.present);
    assert_false(decode(&row, "\xfe\xff", 2, &rejected).temperature_1.present);
}

static void rejects_values_out_of_range(void **state)
{
    (void)state;
    uint64_t rejected;
    struct bb_row soc = {.raw = BB_U8, .field = BB_FIELD(soc)};
    assert_true(decode(&soc, "\x64", 1, &rejected).soc.present);
    assert_false(decode(&soc, "\x65", 1, &rejected).soc.present);
    assert_int_equal(rejected, 1);
    struct bb_row cells = {.raw = BB_U8, .field = BB_FIELD(cell_count)};
    assert_false(decode(&cells, "\x00", 1, &rejected).cell_count.present);
    assert_int_equal(rejected, 1);
}

static void cleans_text(void **state)
{
    (void)state;
    uint64_t rejected;
    struct bb_row name = {.raw = BB_CHARS, .field = BB_FIELD(hardware_version)};
    assert_string_equal(decode(&name, "  JBD \xc3\xa4\x01 X\0Y", 12, &rejected).hardware_version,
                        "JBD X");
    name.flags = BB_ROW_NUL_IS_SPACE;
    assert_string_equal(decode(&name, "A\0\0B\0", 5, &rejected).hardware_version, "A B");
    name.size = 2;
    assert_string_equal(decode(&name, "ABCD", 4, &rejected).hardware_version, "AB");
    name.size = 0;
    char longest[200];
    memset(longest, 'x', sizeof longest);
    struct bb_battery battery = decode(&name, longest, sizeof longest, &rejected);
    assert_int_equal(strlen(battery.hardware_version), sizeof battery.hardware_version - 1);
    name.at = 4;
    assert_string_equal(decode(&name, "ABCD", 4, &rejected).hardware_version, "");
}

static void takes_the_higher_severity(void **state)
{
    (void)state;
    static const struct bb_bit bits[] = {
        {.raw = BB_U8, .mask = 1, .field = BB_FIELD(protection.low_voltage), .severity = 2},
        {.raw = BB_U8, .mask = 2, .field = BB_FIELD(protection.low_voltage), .severity = 1},
        {.raw = BB_U8,
         .mask = 0x0c,
         .equals = 0x04,
         .field = BB_FIELD(protection.high_voltage),
         .severity = 1},
        {.at = 1, .raw = BB_U8, .mask = 1, .field = BB_FIELD(protection.low_soc), .severity = 1},
    };
    static const struct {
        uint8_t byte;
        int low, high;
    } cases[] = {{0x00, 0, 0}, {0x01, 2, 0}, {0x02, 1, 0}, {0x03, 2, 0},
                 {0x04, 0, 1}, {0x08, 0, 0}, {0x0c, 0, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bb_battery battery = {0};
        struct bb_decode into = {.battery = &battery};
        bb_bits_decode(bits, BB_COUNT(bits), &cases[i].byte, 1, &into);
        assert_true(battery.protection.low_voltage.present);
        assert_int_equal(battery.protection.low_voltage.value, cases[i].low);
        assert_int_equal(battery.protection.high_voltage.value, cases[i].high);
        assert_false(battery.protection.low_soc.present); /* its byte is not there */
    }
}

static void reads_as_many_cells_as_there_are(void **state)
{
    (void)state;
    static const uint8_t data[] = {0x0c, 0xe4, 0x00, 0x00, 0xff, 0xff, 0x0c, 0xe5};
    static const struct bb_series series = {.raw = BB_U16BE, .per = 1000};
    static const struct bb_balance balance[] = {
        {.at = 1, .raw = BB_U8, .first_cell = 1, .count = 8}};
    struct bb_battery battery = {.cell_count = bb_integer(4)};
    struct bb_decode into = {.battery = &battery};
    assert_true(bb_cells_decode(&series, data, sizeof data, &into));
    bb_balance_decode(balance, 1, data, sizeof data, &into);
    assert_int_equal(battery.cells_count, 4);
    assert_near(battery.cells[0].voltage.value, 3.3);
    assert_true(battery.cells[1].voltage.present && battery.cells[1].voltage.value == 0);
    assert_false(battery.cells[2].voltage.present); /* 65.535 V */
    assert_int_equal(into.rejected, 1);
    assert_false(battery.cells[0].balance.value); /* 0xe4: cells 3, 6, 7, 8 */
    assert_true(battery.cells[2].balance.present && battery.cells[2].balance.value);
    assert_int_equal(bb_battery_check(&battery, NULL), BB_OK);

    struct bb_battery longer = {.cell_count = bb_integer(5)};
    struct bb_decode into_longer = {.battery = &longer};
    assert_false(bb_cells_decode(&series, data, sizeof data, &into_longer));
    assert_false(longer.cells[0].voltage.present);
    struct bb_battery unknown = {0};
    struct bb_decode into_unknown = {.battery = &unknown};
    assert_false(bb_cells_decode(&series, data, sizeof data, &into_unknown));
    assert_false(bb_cells_set_count(&into_unknown, BB_CELLS_MAX + 1));
    assert_int_equal(unknown.cells_count, 0);
}

static void reads_series_into_a_list_of_fields(void **state)
{
    (void)state;
    static const uint8_t data[] = {60, 0xff, 10};
    static const struct bb_series series = {.raw = BB_U8, .bias = -40, .flags = BB_ROW_ONES_ABSENT};
    static const uint16_t fields[] = {BB_FIELD(temperature_1), BB_FIELD(temperature_2),
                                      BB_FIELD(temperature_3), BB_FIELD(temperature_4)};
    struct bb_battery battery = {0};
    struct bb_decode into = {.battery = &battery};
    bb_series_decode(&series, 4, fields, data, sizeof data, &into);
    assert_near(battery.temperature_1.value, 20);
    assert_false(battery.temperature_2.present);
    assert_near(battery.temperature_3.value, -30);
    assert_false(battery.temperature_4.present);
}

/* What a driver's tables name exists and is of the right kind, and its images fit. */
static void tables_of_all_drivers_are_sound(void **state)
{
    (void)state;
    const struct bb_driver *driver;
    for (size_t d = 0; (driver = bb_driver_at(d)) != NULL; d++) {
        assert_ptr_equal(bb_driver_find(driver->id), driver);
        assert_true(driver->state_size <= BB_DRIVER_STATE_MAX && driver->transport_count > 0);
        if (driver->ops != &bb_poll_ops) {
            continue;
        }
        const struct bb_poll_spec *spec = driver->spec;
        size_t images = 0;
        for (size_t i = 0; i < spec->item_count; i++) {
            const struct bb_poll_item *item = &spec->items[i];
            bool collects = item->part_size > 0 || spec->confirm_ms > 0;
            images += collects ? 2U * item->size : item->size;
            for (size_t r = 0; r < item->row_count; r++) {
                const struct bb_field *field = bb_table_field(item->rows[r].field);
                assert_non_null(field);
                assert_int_equal(field->kind == BB_TEXT, item->rows[r].raw == BB_CHARS);
                assert_true(item->rows[r].at + bb_raw_size(item->rows[r].raw) <= item->size);
            }
            for (size_t b = 0; b < item->bit_count; b++) {
                uint16_t at = item->bits[b].field;
                assert_true(at >= BB_FIELD(protection) &&
                            at < BB_FIELD(protection) + sizeof(struct bb_protection));
                assert_true(bb_table_field(at) && item->bits[b].severity <= 2);
                assert_true(item->bits[b].at + bb_raw_size(item->bits[b].raw) <= item->size);
            }
        }
        assert_true(images <= BB_POLL_IMAGES_MAX && spec->item_count <= BB_POLL_ITEMS_MAX);
        assert_true(spec->probe < spec->item_count && spec->greeting < spec->item_count);
        assert_true(spec->tries > 0 && spec->memory_size <= BB_POLL_MEMORY_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_type),
        cmocka_unit_test(refuses_what_is_not_there_or_no_number),
        cmocka_unit_test(finds_fields_by_their_place),
        cmocka_unit_test(scales_rows),
        cmocka_unit_test(leaves_marks_and_missing_bytes_absent),
        cmocka_unit_test(rejects_values_out_of_range),
        cmocka_unit_test(cleans_text),
        cmocka_unit_test(takes_the_higher_severity),
        cmocka_unit_test(reads_as_many_cells_as_there_are),
        cmocka_unit_test(reads_series_into_a_list_of_fields),
        cmocka_unit_test(tables_of_all_drivers_are_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
