/* JBD over CAN in its Victron dialect, which very many 48 V batteries speak: 11-bit identifiers,
 * sent unasked about once a second.
 *
 * Source: JBD CAN protocol (UP series, display setting "Can-Victron") and captures of other
 * makers. Chained batteries speak through their master: there is no address.
 */
#include <stdio.h>
#include <string.h>

#include "proto/bms/drivers.h"
#include "proto/bms/lv_can.h"

enum item {
    LIMITS,
    CHARGE,
    MEASURED,
    ALARMS,
    PYLONTECH_ALARMS,
    REQUESTS,
    MAKER,
    SIZES,
    MODEL_1,
    MODEL_2,
    EXTREMES,
    CAPACITY,
    SERIAL_1,
    SERIAL_2
};

enum { EXTREMES_AGE_MS = 5000, KEEP_ALIVE_MS = 1000 };

/* 0x35A: pairs of bits, 01b active, 10b not active, 00b not supported, 11b ignore. Bytes 0-3 are
 * alarms, bytes 4-7 warnings. */
#define PAIR(bit_, field_)                                                                         \
    {.at = 0,                                                                                      \
     .raw = BB_U32LE,                                                                              \
     .mask = 3U << (bit_),                                                                         \
     .equals = 1U << (bit_),                                                                       \
     .severity = 2,                                                                                \
     .field = BB_FIELD(protection.field_)},                                                        \
    {                                                                                              \
        .at = 4, .raw = BB_U32LE, .mask = 3U << (bit_), .equals = 1U << (bit_), .severity = 1,     \
        .field = BB_FIELD(protection.field_)                                                       \
    }
static const struct bb_bit alarm_bits[] = {
    PAIR(2, high_cell_voltage),        PAIR(4, low_cell_voltage),
    PAIR(6, high_temperature),         PAIR(8, low_temperature),
    PAIR(10, high_charge_temperature), PAIR(12, low_charge_temperature),
    PAIR(14, high_discharge_current),  PAIR(16, high_charge_current),
    PAIR(18, internal_failure),       /* contactor */
    PAIR(20, high_discharge_current), /* short circuit */
    PAIR(22, internal_failure),        PAIR(24, cell_imbalance),
};

/* 0x359, the Pylontech way to report alarms: bytes 0-1 alarms, 2-3 warnings. */
#define BOTH(byte_, bit_, field_)                                                                  \
    {.at = (byte_),                                                                                \
     .raw = BB_U8,                                                                                 \
     .mask = 1U << (bit_),                                                                         \
     .severity = 2,                                                                                \
     .field = BB_FIELD(protection.field_)},                                                        \
    {                                                                                              \
        .at = (byte_) + 2, .raw = BB_U8, .mask = 1U << (bit_), .severity = 1,                      \
        .field = BB_FIELD(protection.field_)                                                       \
    }
static const struct bb_bit pylontech_bits[] = {
    BOTH(0, 1, high_cell_voltage),      BOTH(0, 2, low_cell_voltage),
    BOTH(0, 3, high_temperature),       BOTH(0, 4, low_temperature),
    BOTH(0, 7, high_discharge_current), BOTH(1, 0, high_charge_current),
    BOTH(1, 3, internal_failure),
};

static void decode_pylontech_alarms(const struct bb_listen_view *view, const uint8_t *data,
                                    size_t size, struct bb_decode *into)
{
    size_t other_size;
    if (!bb_listen_image(view, ALARMS, &other_size)) {
        bb_bits_decode(pylontech_bits, BB_COUNT(pylontech_bits), data, size, into);
    }
}

/* 0x35F: 0 u16 type | 2 u8 firmware major, 3 minor | 4 u16 Ah capacity | 6 u16 product */
static const struct bb_row size_rows[] = {
    {.at = 4, .raw = BB_U16LE, .flags = BB_ROW_ZERO_ABSENT, .field = BB_FIELD(capacity)},
};

/* 0x379: 0 u16 Ah capacity of the bank; wins over 0x35F */
static const struct bb_row capacity_rows[] = {
    {.at = 0, .raw = BB_U16LE, .flags = BB_ROW_ZERO_ABSENT, .field = BB_FIELD(capacity)},
};

/* 0x373: 0 u16 mV lowest, 2 u16 mV highest cell | 4 u16 K lowest, 6 u16 K highest temperature */
static const struct bb_row extreme_rows[] = {
    {.at = 4,
     .raw = BB_U16LE,
     .bias = -273,
     .flags = BB_ROW_ZERO_ABSENT,
     .field = BB_FIELD(temperature_2)},
    {.at = 6,
     .raw = BB_U16LE,
     .bias = -273,
     .flags = BB_ROW_ZERO_ABSENT,
     .field = BB_FIELD(temperature_3)},
};

/* Two frames of eight characters make one text. */
static void join(const struct bb_listen_view *view, size_t first, size_t second, uint16_t field,
                 struct bb_decode *into)
{
    uint8_t text[2 * BB_LISTEN_PAYLOAD_MAX];
    size_t size = 0;
    size_t more = 0;
    const uint8_t *data = bb_listen_image(view, first, &size);
    if (!data) {
        return;
    }
    memcpy(text, data, size);
    data = bb_listen_image(view, second, &more);
    if (data && size == BB_LISTEN_PAYLOAD_MAX) {
        memcpy(text + size, data, more);
        size += more;
    }
    bb_store_text(into, field, text, size, 0);
}

static void finish(const struct bb_listen_view *view, struct bb_decode *into)
{
    static const char dummy[] = "JBD87654321"; /* what the factory puts in */
    bb_lv_finish(view, into);
    join(view, MODEL_1, MODEL_2, BB_FIELD(hardware_version), into);
    join(view, SERIAL_1, SERIAL_2, BB_FIELD(serial_number), into);
    if (strcmp(into->battery->serial_number, dummy) == 0) {
        into->battery->serial_number[0] = '\0';
    }
}

static const struct bb_listen_item items[] = {
    [LIMITS] = {.name = "limits",
                .id = BB_LV_LIMITS_ID,
                .set = 1,
                .essential = true,
                .least = 6,
                .rows = bb_lv_limit_rows,
                .row_count = BB_LV_LIMIT_ROWS},
    [CHARGE] = {.name = "state of charge",
                .id = BB_LV_CHARGE_ID,
                .set = 1,
                .essential = true,
                .least = 2,
                .rows = bb_lv_charge_rows,
                .row_count = BB_LV_CHARGE_ROWS,
                .decode = bb_lv_decode_charge},
    [MEASURED] = {.name = "measurements",
                  .id = BB_LV_MEASURED_ID,
                  .set = 1,
                  .essential = true,
                  .least = 4,
                  .rows = bb_lv_measured_rows,
                  .row_count = BB_LV_MEASURED_ROWS},
    [ALARMS] = {.name = "alarms",
                .id = 0x35A,
                .set = 1,
                .least = 8,
                .bits = alarm_bits,
                .bit_count = BB_COUNT(alarm_bits)},
    [PYLONTECH_ALARMS] = {.name = "alarms, Pylontech",
                          .id = BB_LV_ALARMS_ID,
                          .set = 1,
                          .least = 4,
                          .decode = decode_pylontech_alarms},
    [REQUESTS] = {.name = "requests",
                  .id = BB_LV_REQUESTS_ID,
                  .set = 1,
                  .least = 1,
                  .rows = bb_lv_request_rows,
                  .row_count = BB_LV_REQUEST_ROWS},
    [MAKER] = {.name = "maker", .id = BB_LV_MAKER_ID, .steady = true, .least = 1},
    [SIZES] = {.name = "type and size",
               .id = 0x35F,
               .steady = true,
               .least = 6,
               .rows = size_rows,
               .row_count = BB_COUNT(size_rows)},
    [MODEL_1] = {.name = "model", .id = 0x370, .steady = true, .least = 1},
    [MODEL_2] = {.name = "model, end", .id = 0x371, .steady = true, .least = 1},
    [EXTREMES] = {.name = "extremes",
                  .id = 0x373,
                  .least = 8,
                  .max_age_ms = EXTREMES_AGE_MS,
                  .rows = extreme_rows,
                  .row_count = BB_COUNT(extreme_rows)},
    [CAPACITY] = {.name = "capacity",
                  .id = 0x379,
                  .steady = true,
                  .least = 2,
                  .rows = capacity_rows,
                  .row_count = BB_COUNT(capacity_rows)},
    [SERIAL_1] = {.name = "serial number", .id = 0x380, .steady = true, .least = 1},
    [SERIAL_2] = {.name = "serial number, end", .id = 0x381, .steady = true, .least = 1},
};

static const struct bb_listen_spec spec = {
    .items = items,
    .item_count = BB_COUNT(items),
    .start_ms = BB_LV_START_MS,
    .finish = finish,
    .keep_alive = {.id = BB_LV_KEEP_ALIVE_ID, .size = 8},
    .keep_alive_ms = KEEP_ALIVE_MS,
    .keep_alive_option = BB_LV_KEEP_ALIVE,
    .options = bb_lv_options,
    .option_count = BB_LV_OPTIONS,
};

#define EXACTLY(id_)                                                                               \
    {                                                                                              \
        .id = (id_), .mask = 0x7FF                                                                 \
    }
static const struct bb_can_filter filter[] = {
    EXACTLY(0x351), EXACTLY(0x355), EXACTLY(0x356), EXACTLY(0x35A), EXACTLY(0x359),
    EXACTLY(0x35C), EXACTLY(0x35E), EXACTLY(0x35F), EXACTLY(0x370), EXACTLY(0x371),
    EXACTLY(0x373), EXACTLY(0x379), EXACTLY(0x380), EXACTLY(0x381), {.mask = 0},
};

static const struct bb_transport transports[] = {
    {.medium = BB_MEDIUM_CAN, .bit_rate = 500000, .period_ms = 1000, .can_filter = filter},
};

const struct bb_driver bb_driver_jbd_can = {
    .id = "jbd-can",
    .title = "JBD UP series and others with the Victron CAN protocol",
    .transports = transports,
    .transport_count = BB_COUNT(transports),
    .state_size = BB_LISTEN_STATE_SIZE,
    .ops = &bb_listen_ops,
    .spec = &spec,
};
