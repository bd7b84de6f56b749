/* JK (Jikong) inverter BMS, PB series: 300-byte records asked for over RS485.
 *
 * Source: JK PB protocol. A Modbus write of 0 to register 0x16xx makes the BMS send a record and,
 * behind it, the Modbus acknowledge. Only the acknowledge names the sender. Numbers inside a
 * record are little-endian; offsets below count from its first byte.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/bms/drivers.h"
#include "proto/bms/framing/jk_record.h"
#include "proto/bms/poll.h"
#include "proto/deadlines.h"

/* Settings and about are decoded first: the status needs what they tell. */
enum item { SETTINGS, ABOUT, STATUS };

enum {
    CELLS_MOST = 32,
    /* status */
    CELL_MASK_AT = 70,
    BALANCER_AT = 172,
    LEARNT_CAPACITY_AT = 178,
    PRESENT_AT = 214,
    /* settings */
    CHARGE_COLD_AT = 98,
    CHARGE_COLD_END_AT = 102,
    CELL_COUNT_AT = 114,
    HEATER_START_AT = 284,
    HEATER_STOP_AT = 285,
    /* about */
    HARDWARE_AT = 22,
    SOFTWARE_AT = 30,
    VERSION_SIZE = 8,
    PRODUCTION_AT = 78,
    SERIAL_AT = 86,
    USER_DATA_AT = 102,
    TEXT_SIZE = 16
};

/* -2000 means no sensor; so does a clear bit in the byte of present sensors. */
#define SENSOR(at_, present_bit_, field_)                                                          \
    {                                                                                              \
        .at = (at_), .raw = BB_S16LE, .per = 10, .flags = BB_ROW_ABSENT, .absent = -2000,          \
        .only_at = PRESENT_AT, .only_mask = 1U << (present_bit_), .field = BB_FIELD(field_)        \
    }

/* Bit 3 and offset 254, "temperature 3", repeat the MOSFET sensor. */
static const struct bb_row status_rows[] = {
    SENSOR(144, 0, temperature_mos),
    SENSOR(162, 1, temperature_1),
    SENSOR(164, 2, temperature_2),
    SENSOR(256, 4, temperature_3),
    SENSOR(258, 5, temperature_4),
    {.at = 150, .raw = BB_U32LE, .per = 1000, .field = BB_FIELD(voltage)},
    {.at = 158, .raw = BB_S32LE, .per = 1000, .field = BB_FIELD(current)},
    {.at = 173, .raw = BB_U8, .field = BB_FIELD(soc)},
    {.at = 174, .raw = BB_S32LE, .per = 1000, .field = BB_FIELD(capacity_remain)},
    {.at = 182, .raw = BB_U32LE, .field = BB_FIELD(history.charge_cycles)},
    {.at = 190, .raw = BB_U8, .field = BB_FIELD(soh)},
    {.at = 198, .raw = BB_U8, .field = BB_FIELD(charge_fet)},
    {.at = 199, .raw = BB_U8, .field = BB_FIELD(discharge_fet)},
    {.at = 215, .raw = BB_U8, .field = BB_FIELD(heating)},
    {.at = 236,
     .raw = BB_S16LE,
     .per = 1000,
     .flags = BB_ROW_ABSOLUTE,
     .field = BB_FIELD(heater_current)},
};

static const struct bb_series cell_voltages = {.at = 6, .raw = BB_U16LE, .per = 1000};

#define ALARM(bits_, field_, severity_)                                                            \
    {                                                                                              \
        .at = 166, .raw = BB_U32LE, .mask = (bits_), .field = BB_FIELD(protection.field_),         \
        .severity = (severity_)                                                                    \
    }
#define BIT(n_) ((uint32_t)1 << (n_))
static const struct bb_bit status_bits[] = {
    ALARM(BIT(1), high_internal_temperature, 2),
    ALARM(BIT(2) | BIT(3) | BIT(10), internal_failure, 2), /* cells, current sensor, link inside */
    ALARM(BIT(4), high_cell_voltage, 2),
    ALARM(BIT(5), high_voltage, 2),
    ALARM(BIT(6) | BIT(7), high_charge_current, 2),
    ALARM(BIT(8), high_charge_temperature, 2),
    ALARM(BIT(9), low_charge_temperature, 2),
    ALARM(BIT(11), low_cell_voltage, 2),
    ALARM(BIT(12), low_voltage, 2),
    ALARM(BIT(13) | BIT(14) | BIT(25) | BIT(26), high_discharge_current, 2),
    ALARM(BIT(15), high_temperature, 2),
    ALARM(BIT(16) | BIT(17) | BIT(20) | BIT(22), internal_failure, 1), /* MOSFETs, sensor */
    ALARM(BIT(21), high_temperature, 1),
    ALARM(BIT(27), low_temperature, 2),
};

static const struct bb_row settings_rows[] = {
    {.at = 50, .raw = BB_U32LE, .per = 1000, .field = BB_FIELD(max_battery_charge_current)},
    {.at = 62, .raw = BB_U32LE, .per = 1000, .field = BB_FIELD(max_battery_discharge_current)},
    {.at = CELL_COUNT_AT, .raw = BB_U32LE, .field = BB_FIELD(cell_count)},
    {.at = 126, .raw = BB_U32LE, .field = BB_FIELD(balance_fet)},
    {.at = 130, .raw = BB_U32LE, .per = 1000, .field = BB_FIELD(capacity)},
    {.at = 282, .raw = BB_U16LE, .mask = 1, .field = BB_FIELD(heater_fet)},
};

/* Passcode (62) and settings PIN (118) are never read. */
static const struct bb_row about_rows[] = {
    {.at = SERIAL_AT, .raw = BB_CHARS, .size = TEXT_SIZE, .field = BB_FIELD(serial_number)},
};

static bool check_settings(const struct bb_poll_view *view, const uint8_t *data, size_t size)
{
    (void)view;
    int64_t cells = bb_raw_integer(BB_U32LE, data, size, CELL_COUNT_AT);
    return cells >= 1 && cells <= CELLS_MOST;
}

static size_t present_cells(const uint8_t *data, size_t size)
{
    uint32_t mask = (uint32_t)bb_raw_integer(BB_U32LE, data, size, CELL_MASK_AT);
    size_t count = 0;
    for (; mask != 0; mask &= mask - 1) {
        count++;
    }
    return count;
}

/* The balancer moves charge between the highest and the lowest cell. */
static void decode_balancing(bool active, struct bb_battery *battery)
{
    size_t high = 0;
    size_t low = 0;
    for (size_t i = 0; i < battery->cells_count; i++) {
        struct bb_cell *cells = battery->cells;
        cells[i].balance = bb_flag(false);
        high = cells[i].voltage.value > cells[high].voltage.value ? i : high;
        low = cells[i].voltage.value < cells[low].voltage.value ? i : low;
    }
    if (active && battery->cells_count > 0) {
        battery->cells[high].balance.value = true;
        battery->cells[low].balance.value = true;
    }
}

static void decode_status(const struct bb_poll_view *view, const uint8_t *data, size_t size,
                          struct bb_decode *into)
{
    struct bb_battery *battery = into->battery;
    (void)view;
    if (!battery->cell_count.present) {
        (void)bb_cells_set_count(into, present_cells(data, size));
    }
    (void)bb_cells_decode(&cell_voltages, data, size, into);
    decode_balancing(data[BALANCER_AT] != 0, battery);
    if (!battery->capacity.present) {
        double learnt = (double)bb_raw_integer(BB_U32LE, data, size, LEARNT_CAPACITY_AT) / 1000;
        (void)bb_store(into, BB_FIELD(capacity), learnt);
    }
    if (battery->heater_current.present && battery->voltage.present && battery->heating.present) {
        double watts =
            battery->heating.value ? battery->heater_current.value * battery->voltage.value : 0;
        (void)bb_store(into, BB_FIELD(heater_power), watts);
    }
}

/* Length of the text in a field of size bytes that may lack its NUL. */
static size_t text_size(const uint8_t *text, size_t size)
{
    const uint8_t *end = memchr(text, '\0', size);
    return end ? (size_t)(end - text) : size;
}

/* "15A / 15.41": hardware, software */
static void decode_version(const uint8_t *data, struct bb_decode *into)
{
    static const char separator[] = " / ";
    uint8_t text[2 * VERSION_SIZE + sizeof separator];
    size_t size = text_size(data + HARDWARE_AT, VERSION_SIZE);
    memcpy(text, data + HARDWARE_AT, size);
    memcpy(text + size, separator, sizeof separator - 1);
    size += sizeof separator - 1;
    size_t software = text_size(data + SOFTWARE_AT, VERSION_SIZE);
    memcpy(text + size, data + SOFTWARE_AT, software);
    bb_store_text(into, BB_FIELD(hardware_version), text, size + software, 0);
}

/* "240914": year since 2000, month, day */
static void decode_production(const uint8_t *date, struct bb_decode *into)
{
    enum { DIGITS = 6 };
    if (text_size(date, VERSION_SIZE) != DIGITS) {
        return;
    }
    for (size_t i = 0; i < DIGITS; i++) {
        if (date[i] < '0' || date[i] > '9') {
            return;
        }
    }
    (void)snprintf(into->battery->production, sizeof into->battery->production, "20%.2s-%.2s-%.2s",
                   (const char *)date, (const char *)date + 2, (const char *)date + 4);
}

static void decode_about(const struct bb_poll_view *view, const uint8_t *data, size_t size,
                         struct bb_decode *into)
{
    static const char unset[] = "Input Us"; /* "Input Userdata", as delivered */
    (void)view;
    (void)size;
    decode_version(data, into);
    decode_production(data + PRODUCTION_AT, into);
    if (memcmp(data + USER_DATA_AT, unset, sizeof unset - 1) != 0) {
        bb_store_text(into, BB_FIELD(custom_field), data + USER_DATA_AT, TEXT_SIZE, 0);
    }
}

/* Reads "15.41" or "15A": the number in front and what stands behind it. */
static long leading_number(const uint8_t *field, char *text, char **ret_rest)
{
    memcpy(text, field, VERSION_SIZE);
    text[VERSION_SIZE] = '\0';
    return strtol(text, ret_rest, 10);
}

/* Whether the settings 284, 285 are the heater's: hardware above 15A, or 15A with software 15.41
 * or newer. On other boards they are limits of something else. */
static bool has_heater_settings(const uint8_t *about)
{
    enum { MODEL = 15, FIRST_MAJOR = 15, FIRST_MINOR = 41 };
    char text[VERSION_SIZE + 1];
    char *rest;
    long model = leading_number(about + HARDWARE_AT, text, &rest);
    if (model != MODEL || rest[0] > 'A') {
        return model >= MODEL;
    }
    long major = leading_number(about + SOFTWARE_AT, text, &rest);
    long minor = *rest == '.' ? strtol(rest + 1, NULL, 10) : 0;
    return (major > FIRST_MAJOR || (major == FIRST_MAJOR && minor >= FIRST_MINOR));
}

static void finish(const struct bb_poll_view *view, struct bb_decode *into)
{
    size_t size;
    const uint8_t *settings = bb_poll_image(view, SETTINGS, &size);
    if (!settings) {
        return;
    }
    double start = (double)bb_raw_integer(BB_S32LE, settings, size, CHARGE_COLD_AT) / 10;
    double stop = (double)bb_raw_integer(BB_S32LE, settings, size, CHARGE_COLD_END_AT) / 10;
    size_t about_size;
    const uint8_t *about = bb_poll_image(view, ABOUT, &about_size);
    int64_t own_start = bb_raw_integer(BB_S8, settings, size, HEATER_START_AT);
    int64_t own_stop = bb_raw_integer(BB_S8, settings, size, HEATER_STOP_AT);
    if (about && has_heater_settings(about) && own_start < own_stop) {
        start = (double)own_start;
        stop = (double)own_stop;
    }
    (void)bb_store(into, BB_FIELD(heater_temperature_start), start);
    (void)bb_store(into, BB_FIELD(heater_temperature_stop), stop);
}

#define RECORD .least = BB_JK_RECORD_SIZE, .size = BB_JK_RECORD_SIZE
#define LONG_WAIT                                                                                  \
    {                                                                                              \
        .first_ms = 1000, .gap_ms = 100, .total_ms = 1100                                          \
    }

static const struct bb_poll_item items[] = {
    [SETTINGS] = {.name = "settings",
                  .code = 0x1e,
                  .ask = BB_ASK_SLOW,
                  .every_ms = 300000,
                  .again_ms = 60000,
                  RECORD,
                  .wait = LONG_WAIT,
                  .check = check_settings,
                  .rows = settings_rows,
                  .row_count = BB_COUNT(settings_rows)},
    [ABOUT] = {.name = "about",
               .code = 0x1c,
               .ask = BB_ASK_START,
               .again_ms = 60000,
               RECORD,
               .wait = LONG_WAIT,
               .rows = about_rows,
               .row_count = BB_COUNT(about_rows),
               .decode = decode_about},
    [STATUS] = {.name = "status",
                .code = 0x20,
                .ask = BB_ASK_CYCLE,
                .essential = true,
                RECORD,
                .max_age_ms = BB_STALE_MAX_MS,
                .rows = status_rows,
                .row_count = BB_COUNT(status_rows),
                .bits = status_bits,
                .bit_count = BB_COUNT(status_bits),
                .decode = decode_status},
};

static void build(const struct bb_poll_view *view, const struct bb_poll_item *item,
                  const uint8_t *data, size_t size, struct bb_request *ret_request)
{
    (void)data;
    (void)size;
    bb_jk_build((uint8_t)view->address, (uint8_t)item->code, ret_request);
}

/* Which item a record of that type answers. */
static size_t item_of_type(uint8_t type)
{
    enum { TYPE_SETTINGS = 1, TYPE_STATUS = 2, TYPE_ABOUT = 3 };
    switch (type) {
    case TYPE_SETTINGS:
        return SETTINGS;
    case TYPE_STATUS:
        return STATUS;
    case TYPE_ABOUT:
        return ABOUT;
    default:
        return BB_POLL_NO_ITEM;
    }
}

static enum bb_poll_verdict match(const struct bb_poll_view *view, const struct bb_packet *frame,
                                  struct bb_poll_answer *ret_answer)
{
    if (frame->size == BB_JK_REQUEST_SIZE) {
        return BB_POLL_REQUEST;
    }
    if (frame->size == BB_JK_ACK_SIZE) {
        bool ours = view->asked != BB_POLL_NO_ITEM && frame->data[0] == view->address &&
                    frame->data[BB_JK_REGISTER_LOW] == view->spec->items[view->asked].code;
        return ours ? BB_POLL_CONFIRM : BB_POLL_REJECT;
    }
    ret_answer->item = item_of_type(frame->data[BB_JK_RECORD_TYPE]);
    ret_answer->payload = frame->data;
    ret_answer->size = frame->size;
    return ret_answer->item == BB_POLL_NO_ITEM ? BB_POLL_IGNORE : BB_POLL_PROVISIONAL;
}

static const struct bb_poll_spec spec = {
    .items = items,
    .item_count = BB_COUNT(items),
    .greeting = SETTINGS,
    .probe = STATUS,
    .tries = 2,
    .late = BB_POLL_ASKED_ONLY,
    .confirm_ms = 50,
    .serial = {.first_ms = 500, .gap_ms = 100, .total_ms = 600},
    .scan = bb_jk_scan,
    .match = match,
    .build = build,
    .finish = finish,
};

static const struct bb_transport transports[] = {
    {.medium = BB_MEDIUM_SERIAL,
     .bit_rate = 115200,
     .address_first = 0x01,
     .address_last = 0x0f,
     .address_default = 0x01,
     .silence_ms = 120,
     .period_ms = 1000},
};

const struct bb_driver bb_driver_jk_pb = {
    .id = "jk-pb",
    .title = "JK inverter BMS (PB series)",
    .transports = transports,
    .transport_count = BB_COUNT(transports),
    .state_size = BB_POLL_STATE_SIZE,
    .ops = &bb_poll_ops,
    .spec = &spec,
};
