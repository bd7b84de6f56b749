/* Pylontech low-voltage CAN: 11-bit identifiers, sent unasked once a second, as hundreds of rack
 * batteries do. The bank's totals; no cells, no capacity, no address.
 *
 * Source: Pylontech low-voltage CAN protocol and captures. Frames of clones may be shorter or
 * longer than the original's.
 */
#include "proto/bms/drivers.h"
#include "proto/bms/lv_can.h"

enum { KEEP_ALIVE_MS = 1000 };

/* 0x359: bytes 0-1 alarms, 2-3 the same bits as warnings, 4 number of modules, 5-6 "PN" */
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
static const struct bb_bit alarm_bits[] = {
    BOTH(0, 1, high_voltage),           BOTH(0, 2, low_voltage),
    BOTH(0, 3, high_temperature),       BOTH(0, 4, low_temperature),
    BOTH(0, 7, high_discharge_current), BOTH(1, 0, high_charge_current),
    BOTH(1, 3, internal_failure),
};

static const struct bb_row maker_rows[] = {
    {.raw = BB_CHARS, .field = BB_FIELD(hardware_version)},
};

static const struct bb_listen_item items[] = {
    {.name = "limits",
     .id = BB_LV_LIMITS_ID,
     .set = 1,
     .essential = true,
     .least = 6,
     .rows = bb_lv_limit_rows,
     .row_count = BB_LV_LIMIT_ROWS},
    {.name = "state of charge",
     .id = BB_LV_CHARGE_ID,
     .set = 1,
     .essential = true,
     .least = 2,
     .rows = bb_lv_charge_rows,
     .row_count = BB_LV_CHARGE_ROWS,
     .decode = bb_lv_decode_charge},
    {.name = "measurements",
     .id = BB_LV_MEASURED_ID,
     .set = 1,
     .essential = true,
     .least = 4,
     .rows = bb_lv_measured_rows,
     .row_count = BB_LV_MEASURED_ROWS},
    {.name = "alarms",
     .id = BB_LV_ALARMS_ID,
     .set = 1,
     .least = 4,
     .bits = alarm_bits,
     .bit_count = BB_COUNT(alarm_bits)},
    {.name = "requests",
     .id = BB_LV_REQUESTS_ID,
     .set = 1,
     .least = 1,
     .rows = bb_lv_request_rows,
     .row_count = BB_LV_REQUEST_ROWS},
    {.name = "maker",
     .id = BB_LV_MAKER_ID,
     .steady = true,
     .least = 1,
     .rows = maker_rows,
     .row_count = BB_COUNT(maker_rows)},
};

static const struct bb_listen_spec spec = {
    .items = items,
    .item_count = BB_COUNT(items),
    .start_ms = BB_LV_START_MS,
    .finish = bb_lv_finish,
    .keep_alive = {.id = BB_LV_KEEP_ALIVE_ID, .size = 8},
    .keep_alive_ms = KEEP_ALIVE_MS,
    .keep_alive_option = BB_LV_KEEP_ALIVE,
    .options = bb_lv_options,
    .option_count = BB_LV_OPTIONS,
};

static const struct bb_can_filter filter[] = {
    {.id = BB_LV_LIMITS_ID, .mask = 0x7FF},
    {.id = BB_LV_CHARGE_ID, .mask = 0x7FF},
    {.id = BB_LV_MEASURED_ID, .mask = 0x7FF},
    {.id = BB_LV_ALARMS_ID, .mask = 0x7FF},
    {.id = BB_LV_REQUESTS_ID, .mask = 0x7FF},
    {.id = BB_LV_MAKER_ID, .mask = 0x7FF},
    {.mask = 0},
};

static const struct bb_transport transports[] = {
    {.medium = BB_MEDIUM_CAN, .bit_rate = 500000, .period_ms = 1000, .can_filter = filter},
};

const struct bb_driver bb_driver_pylontech_can = {
    .id = "pylontech-can",
    .title = "Pylontech and compatible rack batteries (low-voltage CAN)",
    .transports = transports,
    .transport_count = BB_COUNT(transports),
    .state_size = BB_LISTEN_STATE_SIZE,
    .ops = &bb_listen_ops,
    .spec = &spec,
};
