/* JK BMS over CAN, its own protocol (app setting "JK BMS CAN protocol" 250K V1.0, 250K V2.0 or
 * 500K V2.0), sent unasked.
 *
 * Source: JK CAN protocol V1 and V2. The device address (0-15) is added to every identifier. V1
 * has four 11-bit identifiers and no cells; V2 adds 29-bit ones. Numbers are little-endian.
 * Current counts positive while charging, as users' decoders agree; the maker's V1 text says the
 * opposite, hence the option invert_current.
 */
#include <math.h>

#include "proto/bms/drivers.h"
#include "proto/bms/listen.h"

enum item {
    STATUS,
    EXTREMES,
    ALARMS,
    CAPACITY,
    TEMPERATURES,
    FAULTS,
    INFO,
    SWITCHES,
    CELLS_1,
    CELLS_7 = CELLS_1 + 6
};

enum { OPTION_INVERT_CURRENT };

enum {
    CYCLIC_AGE_MS = 5000,
    ALARM_HOLD_MS = 10000, /* sent only while active: one lost frame must not clear them */
    SLOWEST_MS = 1100,     /* the cells come once a second */
    CELLS_PER_FRAME = 4,
    BALANCING = 4
};

/* 0x2F4, every 20 ms: 0 u16 0.1 V | 2 u16 0.1 A + 4000 | 4 u8 % | 6 u16 h remaining */
static const struct bb_row status_rows[] = {
    {.at = 0, .raw = BB_U16LE, .per = 10, .field = BB_FIELD(voltage)},
    {.at = 2, .raw = BB_U16LE, .bias = -4000, .per = 10, .field = BB_FIELD(current)},
    {.at = 4, .raw = BB_U8, .field = BB_FIELD(soc)},
};

/* 0x5F4: 0 u8 highest, 2 u8 lowest, °C + 50; for units without 0x18F228F4 */
static const struct bb_row extreme_rows[] = {
    {.at = 2, .raw = BB_U8, .bias = -50, .field = BB_FIELD(temperature_1)},
    {.at = 0, .raw = BB_U8, .bias = -50, .field = BB_FIELD(temperature_2)},
};

static void decode_extremes(const struct bb_listen_view *view, const uint8_t *data, size_t size,
                            struct bb_decode *into)
{
    size_t other_size;
    if (!bb_listen_image(view, TEMPERATURES, &other_size)) {
        bb_rows_decode(extreme_rows, BB_COUNT(extreme_rows), data, size, into);
    }
}

/* 0x7F4: pairs of bits from bit 0: 0 none, 1 serious, 2 important, 3 general. */
static const uint16_t alarm_fields[] = {
    BB_FIELD(protection.high_cell_voltage),
    BB_FIELD(protection.low_cell_voltage),
    BB_FIELD(protection.high_voltage),
    BB_FIELD(protection.low_voltage),
    BB_FIELD(protection.cell_imbalance),
    BB_FIELD(protection.high_discharge_current),
    BB_FIELD(protection.high_charge_current),
    BB_FIELD(protection.high_temperature),
    BB_FIELD(protection.low_temperature),
    BB_FIELD(protection.high_temperature), /* temperatures too far apart */
    BB_FIELD(protection.low_soc),
    BB_FIELD(protection.internal_failure), /* insulation */
    BB_FIELD(protection.internal_failure), /* interlock */
    BB_FIELD(protection.internal_failure), /* external communication */
    BB_FIELD(protection.internal_failure), /* internal communication */
};

static void decode_alarms(const struct bb_listen_view *view, const uint8_t *data, size_t size,
                          struct bb_decode *into)
{
    enum { GENERAL = 3 };
    (void)view;
    uint32_t bits = (uint32_t)bb_raw_integer(BB_U32LE, data, size, 0);
    for (size_t i = 0; i < BB_COUNT(alarm_fields); i++) {
        unsigned level = bits >> (2 * i) & 3U;
        if (level > 0) {
            bb_store_severity(into, alarm_fields[i], level == GENERAL ? 1 : 2);
        }
    }
}

/* 0x18F328F4: bits 0-10 as in the alarm word of the PB series; the others are not settled. */
#define FAULT(byte_, bit_, field_)                                                                 \
    {                                                                                              \
        .at = (byte_), .raw = BB_U8, .mask = 1U << (bit_), .severity = 2,                          \
        .field = BB_FIELD(protection.field_)                                                       \
    }
static const struct bb_bit fault_bits[] = {
    FAULT(0, 1, high_internal_temperature),
    FAULT(0, 2, internal_failure),
    FAULT(0, 3, internal_failure),
    FAULT(0, 4, high_cell_voltage),
    FAULT(0, 5, high_voltage),
    FAULT(0, 6, high_charge_current),
    FAULT(0, 7, high_charge_current),
    FAULT(1, 0, high_charge_temperature),
    FAULT(1, 1, low_charge_temperature),
    FAULT(1, 2, internal_failure),
};

/* 0x18F128F4: u16 each: 0.1 Ah remaining, 0.1 Ah full, 0.1 Ah drawn since new, cycles */
static const struct bb_row capacity_rows[] = {
    {.at = 0, .raw = BB_U16LE, .per = 10, .field = BB_FIELD(capacity_remain)},
    {.at = 2, .raw = BB_U16LE, .per = 10, .flags = BB_ROW_ZERO_ABSENT, .field = BB_FIELD(capacity)},
    {.at = 4, .raw = BB_U16LE, .per = 10, .field = BB_FIELD(history.total_ah_drawn)},
    {.at = 6, .raw = BB_U16LE, .field = BB_FIELD(history.charge_cycles)},
};

/* 0x18F228F4: 0 sensor bits | 1-5 °C + 50: cells 1, 2, MOSFET, cells 3, 4; 00 and FF: none */
#define SENSOR(at_, field_)                                                                        \
    {                                                                                              \
        .at = (at_), .raw = BB_U8, .bias = -50, .flags = BB_ROW_ZERO_ABSENT | BB_ROW_ONES_ABSENT,  \
        .field = BB_FIELD(field_)                                                                  \
    }
static const struct bb_row temperature_rows[] = {
    SENSOR(1, temperature_1), SENSOR(2, temperature_2), SENSOR(3, temperature_mos),
    SENSOR(4, temperature_3), SENSOR(5, temperature_4),
};

/* 0x18F428F4: 0 u32 s run time | 4 u16 mA heater | 6 u8 % health */
static const struct bb_row info_rows[] = {
    {.at = 4, .raw = BB_U16LE, .per = 1000, .field = BB_FIELD(heater_current)},
    {.at = 6, .raw = BB_U8, .flags = BB_ROW_ZERO_ABSENT, .field = BB_FIELD(soh)},
};

/* 0x18F528F4: 0 bit 0 charge, 1 discharge, 2 balancing, 3 heating, 4 charger plugged in, 5 ACC */
static const struct bb_row switch_rows[] = {
    {.at = 0, .raw = BB_U8, .mask = 1, .field = BB_FIELD(charge_fet)},
    {.at = 0, .raw = BB_U8, .mask = 2, .field = BB_FIELD(discharge_fet)},
    {.at = 0, .raw = BB_U8, .mask = 8, .field = BB_FIELD(heating)},
};

/* While balancing is on, the highest and the lowest cell are balanced. */
static void show_balancing(struct bb_battery *battery, bool balancing)
{
    size_t highest = 0;
    size_t lowest = 0;
    for (size_t i = 0; i < battery->cells_count; i++) {
        battery->cells[i].balance = bb_flag(false);
        if (battery->cells[i].voltage.value > battery->cells[highest].voltage.value) {
            highest = i;
        }
        if (battery->cells[i].voltage.value < battery->cells[lowest].voltage.value) {
            lowest = i;
        }
    }
    if (balancing && battery->cells_count > 0) {
        battery->cells[highest].balance = bb_flag(true);
        battery->cells[lowest].balance = bb_flag(true);
    }
}

/* The last frame of the first scan may be lost: then the sum lacks some cells. Cells that read 0,
 * broken sense wires, are counted as if they were like the others. */
static bool agrees(const struct bb_battery *battery, double sum, size_t nonzero, size_t count)
{
    static const double most_beside = 0.04; /* of the status's voltage: less than one of 25 cells */
    double voltage = sum / (double)nonzero * (double)count;
    return battery->voltage.present &&
           fabs(voltage - battery->voltage.value) <= battery->voltage.value * most_beside;
}

/* 0x18E028F4 ... 0x18E628F4: four u16 mV each. The last frame may be short or hold zeros; a frame
 * missing in between makes all cells unknown. */
static bool decode_cells(const struct bb_listen_view *view, struct bb_decode *into)
{
    struct bb_cell cells[(CELLS_7 - CELLS_1 + 1) * CELLS_PER_FRAME] = {0};
    size_t count = 0;
    size_t nonzero = 0;
    bool ended = false;
    double sum = 0;
    for (size_t item = CELLS_1; item <= CELLS_7; item++) {
        size_t size = 0;
        const uint8_t *data = bb_listen_image(view, item, &size);
        if (data && ended) {
            return false;
        }
        ended = ended || !data;
        for (size_t i = 0; data && i < CELLS_PER_FRAME && 2 * i + 1 < size; i++) {
            double mv = (double)bb_raw_integer(BB_U16LE, data, size, 2 * i);
            size_t cell = (item - CELLS_1) * CELLS_PER_FRAME + i;
            if (mv > 5000) {
                into->rejected++;
                return false;
            }
            cells[cell].voltage = bb_real(mv / 1000);
            sum += mv / 1000;
            count = mv > 0 ? cell + 1 : count;
            nonzero += mv > 0;
        }
    }
    if (count == 0 || !agrees(into->battery, sum, nonzero, count) ||
        !bb_cells_set_count(into, count)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        into->battery->cells[i] = cells[i];
    }
    return bb_store(into, BB_FIELD(voltage), sum); /* finer than what the status says */
}

static void finish(const struct bb_listen_view *view, struct bb_decode *into)
{
    struct bb_battery *battery = into->battery;
    for (size_t i = 0; i < BB_COUNT(alarm_fields); i++) {
        bb_store_severity(into, alarm_fields[i], 0);
    }
    if (battery->current.present && bb_listen_option(view, OPTION_INVERT_CURRENT) != 0) {
        battery->current.value = -battery->current.value;
    }
    size_t size;
    const uint8_t *switches = bb_listen_image(view, SWITCHES, &size);
    if (decode_cells(view, into) && switches) {
        show_balancing(battery, (switches[0] & BALANCING) != 0);
    }
}

#define CELL_FRAME(number_)                                                                        \
    [CELLS_1 + (number_)] = {.name = "cells",                                                      \
                             .id = 0x18E028F4U + ((uint32_t)(number_) << 16),                      \
                             .extended = true,                                                     \
                             .set = 2,                                                             \
                             .essential = (number_) == 0,                                          \
                             .least = 2,                                                           \
                             .max_age_ms = CYCLIC_AGE_MS}

static const struct bb_listen_item items[] = {
    [STATUS] = {.name = "status",
                .id = 0x2F4,
                .set = 1,
                .essential = true,
                .least = 8,
                .rows = status_rows,
                .row_count = BB_COUNT(status_rows)},
    [EXTREMES] = {.name = "temperature extremes",
                  .id = 0x5F4,
                  .least = 3,
                  .max_age_ms = CYCLIC_AGE_MS,
                  .decode = decode_extremes},
    [ALARMS] = {.name = "alarms",
                .id = 0x7F4,
                .least = 4,
                .max_age_ms = ALARM_HOLD_MS,
                .decode = decode_alarms},
    [CAPACITY] = {.name = "capacity",
                  .id = 0x18F128F4,
                  .extended = true,
                  .least = 8,
                  .max_age_ms = CYCLIC_AGE_MS,
                  .rows = capacity_rows,
                  .row_count = BB_COUNT(capacity_rows)},
    [TEMPERATURES] = {.name = "temperatures",
                      .id = 0x18F228F4,
                      .extended = true,
                      .least = 2,
                      .max_age_ms = CYCLIC_AGE_MS,
                      .rows = temperature_rows,
                      .row_count = BB_COUNT(temperature_rows)},
    [FAULTS] = {.name = "faults",
                .id = 0x18F328F4,
                .extended = true,
                .least = 1,
                .max_age_ms = CYCLIC_AGE_MS,
                .bits = fault_bits,
                .bit_count = BB_COUNT(fault_bits)},
    [INFO] = {.name = "information",
              .id = 0x18F428F4,
              .extended = true,
              .least = 6,
              .max_age_ms = CYCLIC_AGE_MS,
              .rows = info_rows,
              .row_count = BB_COUNT(info_rows)},
    [SWITCHES] = {.name = "switches",
                  .id = 0x18F528F4,
                  .extended = true,
                  .least = 1,
                  .max_age_ms = CYCLIC_AGE_MS,
                  .rows = switch_rows,
                  .row_count = BB_COUNT(switch_rows)},
    CELL_FRAME(0),
    CELL_FRAME(1),
    CELL_FRAME(2),
    CELL_FRAME(3),
    CELL_FRAME(4),
    CELL_FRAME(5),
    CELL_FRAME(6),
};

static const struct bb_listen_option_spec options[] = {
    [OPTION_INVERT_CURRENT] = {.name = "invert_current", .choices = "no|yes"},
};

static const struct bb_listen_spec spec = {
    .items = items,
    .item_count = BB_COUNT(items),
    .adds_address = true,
    .start_ms = SLOWEST_MS,
    .finish = finish,
    .options = options,
    .option_count = BB_COUNT(options),
};

#define SHORT(id_)                                                                                 \
    {                                                                                              \
        .id = (id_), .mask = 0x7FF, .adds_address = true                                           \
    }
#define LONG(id_)                                                                                  \
    {                                                                                              \
        .id = (id_), .mask = 0x1FFFFFFF, .extended = true, .adds_address = true                    \
    }
static const struct bb_can_filter filter[] = {
    SHORT(0x2F4),     SHORT(0x5F4),     SHORT(0x7F4),     LONG(0x18F128F4),
    LONG(0x18F228F4), LONG(0x18F328F4), LONG(0x18F428F4), LONG(0x18F528F4),
    LONG(0x18E028F4), LONG(0x18E128F4), LONG(0x18E228F4), LONG(0x18E328F4),
    LONG(0x18E428F4), LONG(0x18E528F4), LONG(0x18E628F4), {.mask = 0},
};

static const struct bb_transport transports[] = {
    {.medium = BB_MEDIUM_CAN,
     .bit_rate = 250000,
     .address_first = 0,
     .address_last = 15,
     .address_default = 0,
     .period_ms = 1000,
     .can_filter = filter},
};

const struct bb_driver bb_driver_jk_can = {
    .id = "jk-can",
    .title = "JK BMS (CAN protocol V1 and V2)",
    .transports = transports,
    .transport_count = BB_COUNT(transports),
    .state_size = BB_LISTEN_STATE_SIZE,
    .ops = &bb_listen_ops,
    .spec = &spec,
};
