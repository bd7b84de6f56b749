/* JBD (Jiabaida), also LLT, Overkill Solar, Xiaoxiang: DD..77 frames over UART, RS485 and BLE.
 *
 * Source: JBD protocol. One request for basic information, one for the cells, every poll. The
 * limits stand in the EEPROM and are read once in "factory mode", which is left again whatever
 * happens. No address on the wire; no serial number in the normal answers.
 */
#include <stdio.h>

#include "proto/bms/drivers.h"
#include "proto/bms/framing/dd77.h"
#include "proto/bms/poll.h"
#include "proto/deadlines.h"

enum item { BASIC, CELLS, NAME, ENTER, CHARGE_LIMIT, DISCHARGE_LIMIT, FUNCTIONS, LEAVE, SWITCHES };

enum { OPTION_READ_LIMITS };

/* Register 0x03, basic information:
 *   0 u16 10 mV | 2 s16 10 mA, + charging | 4 u16 remaining 10 mAh | 6 u16 nominal 10 mAh
 *   8 u16 cycles | 10 u16 production date | 12, 14 u16 balancing cells 1-16, 17-32
 *   16 u16 protection | 18 u8 firmware | 19 u8 soc % | 20 u8 switches | 21 u8 cells
 *   22 u8 N sensors | 23 N x u16 0.1 K, zero at 273.1
 * Longer ("extended") answers carry a tail that is not sensors. */
enum {
    DATE_AT = 10,
    SWITCHES_AT = 20,
    CELL_COUNT_AT = 21,
    SENSOR_COUNT_AT = 22,
    SENSORS_AT = 23,
    CELLS_MOST = 32,
    CHARGE_ON = 1,
    DISCHARGE_ON = 2
};

static const struct bb_row basic_rows[] = {
    {.at = 0, .raw = BB_U16BE, .per = 100, .field = BB_FIELD(voltage)},
    {.at = 2, .raw = BB_S16BE, .per = 100, .field = BB_FIELD(current)},
    {.at = 4, .raw = BB_U16BE, .per = 100, .field = BB_FIELD(capacity_remain)},
    {.at = 6, .raw = BB_U16BE, .per = 100, .field = BB_FIELD(capacity)},
    {.at = 8, .raw = BB_U16BE, .field = BB_FIELD(history.charge_cycles)},
    {.at = 19, .raw = BB_U8, .field = BB_FIELD(soc)},
    {.at = SWITCHES_AT, .raw = BB_U8, .mask = CHARGE_ON, .field = BB_FIELD(charge_fet)},
    {.at = SWITCHES_AT, .raw = BB_U8, .mask = DISCHARGE_ON, .field = BB_FIELD(discharge_fet)},
    {.at = CELL_COUNT_AT, .raw = BB_U8, .field = BB_FIELD(cell_count)},
};

/* Bit 12, switched off by command, and bit 13, charge time-out, are seen in the switches. */
#define PROTECTION(bit_, field_, severity_)                                                        \
    {                                                                                              \
        .at = 16, .raw = BB_U16BE, .mask = 1U << (bit_), .field = BB_FIELD(protection.field_),     \
        .severity = (severity_)                                                                    \
    }
static const struct bb_bit basic_bits[] = {
    PROTECTION(0, high_cell_voltage, 2),
    PROTECTION(1, low_cell_voltage, 2),
    PROTECTION(2, high_voltage, 2),
    PROTECTION(3, low_voltage, 2),
    PROTECTION(4, high_charge_temperature, 1),
    PROTECTION(5, low_charge_temperature, 1),
    PROTECTION(6, high_temperature, 1),
    PROTECTION(7, low_temperature, 1),
    PROTECTION(8, high_charge_current, 1),
    PROTECTION(9, high_discharge_current, 1),
    PROTECTION(10, high_discharge_current, 2),
    PROTECTION(11, internal_failure, 2),
};

static const struct bb_balance basic_balance[] = {
    {.at = 12, .raw = BB_U16BE, .first_cell = 1, .count = 16},
    {.at = 14, .raw = BB_U16BE, .first_cell = 17, .count = 16},
};

static const struct bb_series sensors = {
    .at = SENSORS_AT, .raw = BB_U16BE, .bias = -2731, .per = 10};

/* Register 0x04, cell voltages: one u16 in mV per cell; 0 is a broken sense wire. */
static const struct bb_series cell_voltages = {.raw = BB_U16BE, .per = 1000};

static const struct bb_row name_rows[] = {
    {.raw = BB_CHARS, .field = BB_FIELD(hardware_version)},
};
static const struct bb_row charge_limit_rows[] = {
    {.raw = BB_S16BE,
     .per = 100,
     .flags = BB_ROW_ABSOLUTE,
     .field = BB_FIELD(max_battery_charge_current)},
};
static const struct bb_row discharge_limit_rows[] = {
    {.raw = BB_S16BE,
     .per = 100,
     .flags = BB_ROW_ABSOLUTE,
     .field = BB_FIELD(max_battery_discharge_current)},
};
static const struct bb_row function_rows[] = {
    {.raw = BB_U16BE, .mask = 1U << 2, .field = BB_FIELD(balance_fet)},
};

static bool check_basic(const struct bb_poll_view *view, const uint8_t *data, size_t size)
{
    (void)view;
    (void)size;
    return data[CELL_COUNT_AT] >= 1 && data[CELL_COUNT_AT] <= CELLS_MOST;
}

static bool check_cells(const struct bb_poll_view *view, const uint8_t *data, size_t size)
{
    (void)data;
    size_t basic_size;
    const uint8_t *basic = bb_poll_image(view, BASIC, &basic_size);
    return basic && size >= 2U * basic[CELL_COUNT_AT];
}

/* Day in bits 0-4, month in bits 5-8, years since 2000 above. */
static void decode_date(const uint8_t *data, struct bb_decode *into)
{
    unsigned date = (unsigned)bb_raw_integer(BB_U16BE, data, SENSORS_AT, DATE_AT);
    unsigned day = date & 31U;
    unsigned month = date >> 5 & 15U;
    if (day >= 1 && month >= 1 && month <= 12) {
        (void)snprintf(into->battery->production, sizeof into->battery->production,
                       "%04u-%02u-%02u", 2000 + (date >> 9), month, day);
    }
}

/* One sensor is a cell sensor; of several the first sits at the MOSFETs. */
static void decode_basic(const struct bb_poll_view *view, const uint8_t *data, size_t size,
                         struct bb_decode *into)
{
    static const uint16_t fields[] = {BB_FIELD(temperature_mos), BB_FIELD(temperature_1),
                                      BB_FIELD(temperature_2), BB_FIELD(temperature_3),
                                      BB_FIELD(temperature_4)};
    (void)view;
    decode_date(data, into);
    size_t count = data[SENSOR_COUNT_AT];
    if (count == 1) {
        bb_series_decode(&sensors, 1, fields + 1, data, size, into);
    } else {
        size_t most = BB_COUNT(fields);
        bb_series_decode(&sensors, count < most ? count : most, fields, data, size, into);
    }
}

static const uint8_t enter_data[] = {0x56, 0x78};
static const uint8_t leave_data[] = {0x00, 0x00}; /* without saving */

static const struct bb_poll_item items[] = {
    [BASIC] = {.name = "basic information",
               .code = 0x03,
               .ask = BB_ASK_CYCLE,
               .essential = true,
               .least = SENSORS_AT,
               .size = 255,
               .max_age_ms = BB_STALE_MAX_MS,
               .check = check_basic,
               .rows = basic_rows,
               .row_count = BB_COUNT(basic_rows),
               .bits = basic_bits,
               .bit_count = BB_COUNT(basic_bits),
               .balance = basic_balance,
               .balance_count = BB_COUNT(basic_balance),
               .decode = decode_basic},
    [CELLS] = {.name = "cell voltages",
               .code = 0x04,
               .ask = BB_ASK_CYCLE,
               .essential = true,
               .least = 2,
               .size = 2 * CELLS_MOST,
               .max_age_ms = BB_STALE_MAX_MS,
               .check = check_cells,
               .cells = &cell_voltages},
    [NAME] = {.name = "name",
              .code = 0x05,
              .ask = BB_ASK_START,
              .size = 31,
              .rows = name_rows,
              .row_count = BB_COUNT(name_rows)},
    [ENTER] = {.name = "enter factory mode",
               .code = 0x00,
               .ask = BB_ASK_ENTER,
               .option = OPTION_READ_LIMITS + 1,
               .data = enter_data,
               .data_size = sizeof enter_data},
    [CHARGE_LIMIT] = {.name = "charge current limit",
                      .code = 0x28,
                      .ask = BB_ASK_INSIDE,
                      .least = 2,
                      .size = 2,
                      .rows = charge_limit_rows,
                      .row_count = BB_COUNT(charge_limit_rows)},
    [DISCHARGE_LIMIT] = {.name = "discharge current limit",
                         .code = 0x29,
                         .ask = BB_ASK_INSIDE,
                         .least = 2,
                         .size = 2,
                         .rows = discharge_limit_rows,
                         .row_count = BB_COUNT(discharge_limit_rows)},
    [FUNCTIONS] = {.name = "function bits",
                   .code = 0x2d,
                   .ask = BB_ASK_INSIDE,
                   .least = 2,
                   .size = 2,
                   .rows = function_rows,
                   .row_count = BB_COUNT(function_rows)},
    [LEAVE] = {.name = "leave factory mode",
               .code = 0x01,
               .ask = BB_ASK_LEAVE,
               .again_ms = 5000,
               .data = leave_data,
               .data_size = sizeof leave_data},
    [SWITCHES] = {.name = "switches", .code = 0xe1, .ask = BB_ASK_NEVER},
};

static bool is_write(const struct bb_poll_item *item)
{
    return item->ask == BB_ASK_ENTER || item->ask == BB_ASK_LEAVE || item->ask == BB_ASK_NEVER;
}

static void build(const struct bb_poll_view *view, const struct bb_poll_item *item,
                  const uint8_t *data, size_t size, struct bb_request *ret_request)
{
    (void)view;
    bb_dd77_build(is_write(item) ? BB_DD77_WRITE : BB_DD77_READ, (uint8_t)item->code, data, size,
                  ret_request);
}

/* A request has the form of an answer of "register" A5 or 5A, which does not exist. */
static enum bb_poll_verdict match(const struct bb_poll_view *view, const struct bb_packet *frame,
                                  struct bb_poll_answer *ret_answer)
{
    enum { STATUS_OK = 0x00, STATUS_ERROR = 0x80 };
    uint8_t reg = frame->data[1];
    uint8_t status = frame->data[2];
    if (reg == BB_DD77_READ || reg == BB_DD77_WRITE) {
        return BB_POLL_REQUEST;
    }
    ret_answer->item = bb_poll_item_of(view->spec, reg);
    ret_answer->payload = frame->data + BB_DD77_DATA;
    ret_answer->size = frame->size - BB_DD77_OVERHEAD;
    if (ret_answer->item == BB_POLL_NO_ITEM || (status != STATUS_OK && status != STATUS_ERROR)) {
        return BB_POLL_FOREIGN;
    }
    return status == STATUS_OK ? BB_POLL_ANSWER : BB_POLL_REFUSED;
}

/* Register 0xE1: bit 0 charge off, bit 1 discharge off. The other switch keeps its state. */
static int switches_payload(const struct bb_poll_view *view, const struct bb_control *control,
                            uint8_t *ret_data, struct bb_problem *problem)
{
    size_t size;
    const uint8_t *basic = bb_poll_image(view, BASIC, &size);
    if (!basic) {
        return bb_fail(problem, BB_ERR_MISSING, control->verb, "state of the switches not known");
    }
    unsigned touched = control->verb[0] == 'c' ? CHARGE_ON : DISCHARGE_ON;
    unsigned on = basic[SWITCHES_AT] & (CHARGE_ON | DISCHARGE_ON);
    on = control->value != 0 ? on | touched : on & ~touched;
    ret_data[0] = 0;
    ret_data[1] = (uint8_t)(on ^ (CHARGE_ON | DISCHARGE_ON));
    return 2;
}

static bool switches_confirm(const struct bb_poll_view *view, const struct bb_control *control,
                             struct bb_real *ret_value)
{
    size_t size;
    const uint8_t *basic = bb_poll_image(view, BASIC, &size);
    if (!basic) {
        return false;
    }
    unsigned touched = control->verb[0] == 'c' ? CHARGE_ON : DISCHARGE_ON;
    bool on = (basic[SWITCHES_AT] & touched) != 0;
    *ret_value = bb_real(on);
    return on == (control->value != 0);
}

#define SWITCH(verb_)                                                                              \
    {                                                                                              \
        .verb = (verb_), .max = 1, .before = BASIC, .write = SWITCHES, .after = BASIC,             \
        .payload = switches_payload, .confirm = switches_confirm                                   \
    }
static const struct bb_poll_control controls[] = {SWITCH("charge_fet"), SWITCH("discharge_fet")};

static const struct bb_poll_option_spec options[] = {
    [OPTION_READ_LIMITS] = {.name = "read_limits",
                            .kind = BB_OPTION_CHOICE,
                            .choices = "no|yes",
                            .fallback = 1},
};

/* The register of an answer is not under its checksum, so only what was asked counts. */
static const struct bb_poll_spec spec = {
    .items = items,
    .item_count = BB_COUNT(items),
    .greeting = BASIC,
    .probe = BASIC,
    .tries = 3,
    .late = BB_POLL_OWED,
    .serial = {.first_ms = 300, .gap_ms = 200, .total_ms = 750},
    .ble = {.first_ms = 5000, .gap_ms = 1000, .total_ms = 5000},
    .scan = bb_dd77_scan,
    .match = match,
    .build = build,
    .options = options,
    .option_count = BB_COUNT(options),
    .controls = controls,
    .control_count = BB_COUNT(controls),
};

static const struct bb_ble_profile profiles[] = {
    {.service = NULL,
     .notify = "0000fff1-0000-1000-8000-00805f9b34fb",
     .write = "0000fff2-0000-1000-8000-00805f9b34fb"},
    {.service = "0000ff00-0000-1000-8000-00805f9b34fb",
     .notify = "0000ff01-0000-1000-8000-00805f9b34fb",
     .write = "0000ff02-0000-1000-8000-00805f9b34fb"},
};

static const struct bb_transport transports[] = {
    {.medium = BB_MEDIUM_SERIAL, .bit_rate = 9600, .silence_ms = 10, .period_ms = 1000},
    {.medium = BB_MEDIUM_BLE, .period_ms = 1000, .ble = profiles, .ble_count = BB_COUNT(profiles)},
};

const struct bb_driver bb_driver_jbd = {
    .id = "jbd",
    .title = "JBD / LLT / Overkill Solar",
    .transports = transports,
    .transport_count = BB_COUNT(transports),
    .state_size = BB_POLL_STATE_SIZE,
    .ops = &bb_poll_ops,
    .spec = &spec,
};
