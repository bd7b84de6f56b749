/* Valence U-BMS with XP/RT modules (12 V, four cells each): 11-bit identifiers, sent unasked.
 *
 * Source: Valence U-BMS CAN protocol and captures. Status frames are little-endian, module frames
 * big-endian. The identifiers 0x350 ... 0x365 mean cells here and limits elsewhere: this driver
 * and those of the Victron and Pylontech protocols exclude each other on one bus.
 *
 * Modules are in series (S) and strings in parallel (P); modules 1..S are the first string. The
 * pack voltage is the sum of its cells: the BMS itself reports whole volts on an unknown scale.
 * A U-BMS goes to standby, and its contactor opens, 20 s after the last mode command.
 */
#include <stdio.h>

#include "proto/bms/drivers.h"
#include "proto/bms/listen.h"

enum {
    MODULES_MAX = 11,
    MODULE_FRAMES = 2, /* cells 1-3, cell 4 */
    CELLS_PER_MODULE = 4
};

enum item {
    EXTREMES,
    CURRENT,
    STATUS,
    CHARGING,
    IDENTITY,
    BALANCE_1,
    BALANCE_2,
    MODULES, /* MODULE_FRAMES each */
    ITEMS = MODULES + MODULE_FRAMES * MODULES_MAX
};

enum { OPTION_SERIES, OPTION_PARALLEL, OPTION_MODE, OPTION_INVERT_CURRENT };

enum { CELLS_AGE_MS = 6000, SLOW_AGE_MS = 30000, KEEP_ALIVE_MS = 1000, START_MS = 2000 };

/* 0x0C4: 0 u8 highest cell, 1 lowest cell, 3 board, °C + 40 | 4 u16 mV highest, 6 lowest cell */
static const struct bb_row extreme_rows[] = {
    {.at = 0, .raw = BB_U8, .bias = -40, .field = BB_FIELD(temperature_1)},
    {.at = 1, .raw = BB_U8, .bias = -40, .field = BB_FIELD(temperature_2)},
    {.at = 3, .raw = BB_U8, .bias = -40, .field = BB_FIELD(temperature_mos)},
};

/* 0x0C0: 0 u8 % | 1 mode: bits 0-1 standby, charge, drive; 3 and 4 equalising; 5-6 low
 * temperature | 2, 3, 4 alarms | 5 modules communicating | 6 balancing | 7 shutdown reason */
enum {
    MODE_AT = 1,
    MODE_CHARGE = 1,
    MODE_DRIVE = 2,
    EQUALISING = 0x18,
    COMMUNICATING_AT = 5,
};
static const struct bb_row status_rows[] = {
    {.at = 0, .raw = BB_U8, .field = BB_FIELD(soc)},
};
static const struct bb_bit status_bits[] = {
    {.at = 2,
     .raw = BB_U8,
     .mask = 0x01,
     .severity = 2,
     .field = BB_FIELD(protection.internal_failure)},
    {.at = 2, .raw = BB_U8, .mask = 0x08, .severity = 1, .field = BB_FIELD(protection.low_soc)},
    {.at = 2,
     .raw = BB_U8,
     .mask = 0x10,
     .severity = 2,
     .field = BB_FIELD(protection.low_cell_voltage)},
    {.at = 2,
     .raw = BB_U8,
     .mask = 0x20,
     .severity = 2,
     .field = BB_FIELD(protection.high_cell_voltage)},
};

/* Two bits: 0 none, 1 warning, 2 and 3 alarm. */
static void store_code(const uint8_t *data, size_t at, unsigned shift, uint16_t field,
                       struct bb_decode *into)
{
    unsigned code = data[at] >> shift & 3U;
    bb_store_severity(into, field, (uint8_t)(code > 2 ? 2 : code));
}

static void decode_status(const struct bb_listen_view *view, const uint8_t *data, size_t size,
                          struct bb_decode *into)
{
    (void)view;
    (void)size;
    store_code(data, 2, 1, BB_FIELD(protection.high_temperature), into);
    store_code(data, 4, 0, BB_FIELD(protection.high_discharge_current), into);
    store_code(data, 4, 3, BB_FIELD(protection.high_temperature), into);
    store_code(data, MODE_AT, 5, BB_FIELD(protection.low_temperature), into);
}

/* The mode of the last status, 0 when there is none. */
static unsigned mode_of(const struct bb_listen_view *view)
{
    size_t size;
    const uint8_t *status = bb_listen_image(view, STATUS, &size);
    return status ? status[MODE_AT] : 0;
}

/* 0x0C1: 1 u16 A + 32768, + charging | 3 s16 0.1 A discharge limit, valid in drive mode |
 * 5 low and 7 high byte of the charge limit, 0.1 A */
static void decode_current(const struct bb_listen_view *view, const uint8_t *data, size_t size,
                           struct bb_decode *into)
{
    double current = (double)bb_raw_integer(BB_U16LE, data, size, 1) - 32768;
    bool invert = bb_listen_option(view, OPTION_INVERT_CURRENT) != 0;
    (void)bb_store(into, BB_FIELD(current), invert ? 0 - current : current);
    double limit = (double)bb_raw_integer(BB_S16LE, data, size, 3) / 10;
    if ((mode_of(view) & 3U) == MODE_DRIVE) {
        (void)bb_store(into, BB_FIELD(max_battery_discharge_current), limit > 0 ? limit : 0);
    }
    double charge = (double)(data[5] | (unsigned)data[7] << 8) / 10;
    (void)bb_store(into, BB_FIELD(max_battery_charge_current), charge);
}

/* 0x0C2, in charge mode: 0 u8 A charge current while equalising */
static void decode_charging(const struct bb_listen_view *view, const uint8_t *data, size_t size,
                            struct bb_decode *into)
{
    (void)size;
    unsigned mode = mode_of(view);
    if ((mode & 3U) == MODE_CHARGE && (mode & EQUALISING) == EQUALISING) {
        (void)bb_store(into, BB_FIELD(max_battery_charge_current), data[0]);
    }
}

/* 0x180: 0 firmware, 1 revision, 2 boot loader, 3 type, 4 hardware */
static void decode_identity(const struct bb_listen_view *view, const uint8_t *data, size_t size,
                            struct bb_decode *into)
{
    (void)view;
    (void)size;
    (void)snprintf(into->battery->hardware_version, sizeof into->battery->hardware_version, "%u",
                   data[4]);
}

static size_t series_of(const struct bb_listen_view *view)
{
    return (size_t)bb_listen_option(view, OPTION_SERIES);
}

/* Modules of all strings; without the option as many strings as speak. */
static size_t modules_of(const struct bb_listen_view *view)
{
    size_t series = series_of(view);
    size_t strings = (size_t)bb_listen_option(view, OPTION_PARALLEL);
    size_t size;
    const uint8_t *status = bb_listen_image(view, STATUS, &size);
    if (strings == 0) {
        strings = status ? status[COMMUNICATING_AT] / series : 1;
    }
    size_t count = series * (strings > 0 ? strings : 1);
    return count <= MODULES_MAX ? count : MODULES_MAX;
}

static bool wanted(const struct bb_listen_view *view, size_t item)
{
    return item < MODULES || (item - MODULES) / MODULE_FRAMES < modules_of(view);
}

/* 0x350 + 2m: 2 u16 mV cells 1, 2, 3 of module m; 0x351 + 2m: 2 u16 mV cell 4 */
static bool decode_module(const struct bb_listen_view *view, size_t module, struct bb_decode *into)
{
    static const struct bb_series cells = {.at = 2, .raw = BB_U16BE, .per = 1000};
    size_t size = 0;
    size_t last_size = 0;
    const uint8_t *data = bb_listen_image(view, MODULES + MODULE_FRAMES * module, &size);
    const uint8_t *last = bb_listen_image(view, MODULES + MODULE_FRAMES * module + 1, &last_size);
    if (!data || !last) {
        return false;
    }
    for (size_t i = 0; i < CELLS_PER_MODULE; i++) {
        bool fourth = i == CELLS_PER_MODULE - 1;
        double mv =
            (double)bb_raw_integer(cells.raw, fourth ? last : data, fourth ? last_size : size,
                                   cells.at + (fourth ? 0 : 2 * i));
        if (mv > 5000) {
            into->rejected++;
            return false;
        }
        into->battery->cells[module * CELLS_PER_MODULE + i].voltage = bb_real(mv / cells.per);
    }
    return true;
}

/* 0x26A, 0x26B: 0 string | 1.. a byte for each of seven modules, bit k clear: cell k+1 is being
 * balanced */
static void decode_balance(const struct bb_listen_view *view, size_t item, size_t first_module,
                           struct bb_decode *into)
{
    size_t size = 0;
    const uint8_t *data = bb_listen_image(view, item, &size);
    for (size_t at = 1; data && at < size; at++) {
        for (size_t i = 0; i < CELLS_PER_MODULE; i++) {
            size_t cell = (first_module + at - 1) * CELLS_PER_MODULE + i;
            if (cell < into->battery->cells_count) {
                into->battery->cells[cell].balance = bb_flag((data[at] >> i & 1U) == 0);
            }
        }
    }
}

static void finish(const struct bb_listen_view *view, struct bb_decode *into)
{
    enum { MODULES_PER_BALANCE = 7 };
    struct bb_battery *battery = into->battery;
    size_t modules = modules_of(view);
    size_t in_string = series_of(view) * CELLS_PER_MODULE;
    for (size_t module = 0; module < modules; module++) {
        if (!decode_module(view, module, into)) {
            return; /* no voltage, and so no state */
        }
    }
    battery->cells_count = (uint16_t)(modules * CELLS_PER_MODULE);
    (void)bb_store(into, BB_FIELD(cell_count), (double)in_string);
    double sum = 0;
    for (size_t i = 0; i < in_string; i++) {
        sum += battery->cells[i].voltage.value;
    }
    (void)bb_store(into, BB_FIELD(voltage), sum);
    decode_balance(view, BALANCE_1, 0, into);
    decode_balance(view, BALANCE_2, MODULES_PER_BALANCE, into);
}

static void build(const struct bb_listen_view *view, struct bb_request *ret_request)
{
    ret_request->data[1] = (uint8_t)bb_listen_option(view, OPTION_MODE);
}

#define MODULE(number_)                                                                            \
    [MODULES + MODULE_FRAMES * (number_)] = {.name = "cells 1 to 3 of a module",                   \
                                             .id = 0x350 + 2 * (number_),                          \
                                             .essential = true,                                    \
                                             .least = 8,                                           \
                                             .max_age_ms = CELLS_AGE_MS},                          \
                               [MODULES + MODULE_FRAMES * (number_) +                              \
                                   1] = {.name = "cell 4 of a module",                             \
                                         .id = 0x351 + 2 * (number_),                              \
                                         .essential = true,                                        \
                                         .least = 4,                                               \
                                         .max_age_ms = CELLS_AGE_MS}

static const struct bb_listen_item items[ITEMS] = {
    [EXTREMES] = {.name = "extremes",
                  .id = 0x0C4,
                  .set = 1,
                  .essential = true,
                  .least = 8,
                  .rows = extreme_rows,
                  .row_count = BB_COUNT(extreme_rows)},
    [CURRENT] = {.name = "current and limits",
                 .id = 0x0C1,
                 .set = 1,
                 .essential = true,
                 .least = 8,
                 .decode = decode_current},
    [STATUS] = {.name = "status",
                .id = 0x0C0,
                .set = 1,
                .essential = true,
                .least = 8,
                .rows = status_rows,
                .row_count = BB_COUNT(status_rows),
                .bits = status_bits,
                .bit_count = BB_COUNT(status_bits),
                .decode = decode_status},
    [CHARGING] = {.name = "charging",
                  .id = 0x0C2,
                  .least = 1,
                  .max_age_ms = CELLS_AGE_MS,
                  .decode = decode_charging},
    [IDENTITY] =
        {.name = "identity", .id = 0x180, .steady = true, .least = 5, .decode = decode_identity},
    [BALANCE_1] = {.name = "balancing, modules 1 to 7",
                   .id = 0x26A,
                   .least = 2,
                   .max_age_ms = SLOW_AGE_MS},
    [BALANCE_2] = {.name = "balancing, modules 8 to 11",
                   .id = 0x26B,
                   .least = 2,
                   .max_age_ms = SLOW_AGE_MS},
    MODULE(0),
    MODULE(1),
    MODULE(2),
    MODULE(3),
    MODULE(4),
    MODULE(5),
    MODULE(6),
    MODULE(7),
    MODULE(8),
    MODULE(9),
    MODULE(10),
};

static const struct bb_listen_option_spec options[] = {
    [OPTION_SERIES] = {.name = "modules_series", .fallback = 4, .min = 1, .max = MODULES_MAX},
    [OPTION_PARALLEL] = {.name = "modules_parallel", .fallback = 0, .min = 0, .max = MODULES_MAX},
    [OPTION_MODE] = {.name = "mode", .choices = "none|charge|drive", .fallback = 2},
    [OPTION_INVERT_CURRENT] = {.name = "invert_current", .choices = "no|yes"},
};

static const struct bb_listen_spec spec = {
    .items = items,
    .item_count = ITEMS,
    .start_ms = START_MS,
    .wanted = wanted,
    .finish = finish,
    .keep_alive = {.id = 0x440, .size = 4},
    .keep_alive_ms = KEEP_ALIVE_MS,
    .keep_alive_option = OPTION_MODE,
    .build = build,
    .options = options,
    .option_count = BB_COUNT(options),
};

#define EXACTLY(id_)                                                                               \
    {                                                                                              \
        .id = (id_), .mask = 0x7FF                                                                 \
    }
static const struct bb_can_filter filter[] = {
    EXACTLY(0x0C0), EXACTLY(0x0C1), EXACTLY(0x0C2), EXACTLY(0x0C4), EXACTLY(0x180), EXACTLY(0x26A),
    EXACTLY(0x26B), EXACTLY(0x350), EXACTLY(0x351), EXACTLY(0x352), EXACTLY(0x353), EXACTLY(0x354),
    EXACTLY(0x355), EXACTLY(0x356), EXACTLY(0x357), EXACTLY(0x358), EXACTLY(0x359), EXACTLY(0x35A),
    EXACTLY(0x35B), EXACTLY(0x35C), EXACTLY(0x35D), EXACTLY(0x35E), EXACTLY(0x35F), EXACTLY(0x360),
    EXACTLY(0x361), EXACTLY(0x362), EXACTLY(0x363), EXACTLY(0x364), EXACTLY(0x365), {.mask = 0},
};

static const struct bb_transport transports[] = {
    {.medium = BB_MEDIUM_CAN, .bit_rate = 250000, .period_ms = 1000, .can_filter = filter},
};

const struct bb_driver bb_driver_valence_can = {
    .id = "valence-can",
    .title = "Valence U-BMS",
    .transports = transports,
    .transport_count = BB_COUNT(transports),
    .state_size = BB_LISTEN_STATE_SIZE,
    .ops = &bb_listen_ops,
    .spec = &spec,
};
