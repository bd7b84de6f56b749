/* Daly Smart BMS: 13-byte A5 frames over UART, RS485 and old Bluetooth modules.
 *
 * Source: Daly protocol. One request per group of values; cells, temperatures and the battery
 * code come in several frames. All integers are big-endian. A board answers selector 0x40 with
 * number 0x01, 0x41 with 0x02 and so on; an app on Bluetooth asks with 0x80 and gets 0x01.
 */
#include <stdio.h>
#include <stdlib.h>

#include "proto/bms/daly.h"
#include "proto/bms/drivers.h"
#include "proto/bms/framing/a5.h"
#include "proto/bms/poll.h"
#include "proto/deadlines.h"

enum { INVERT_AUTO, INVERT_NO, INVERT_YES };

enum {
    CELLS_MOST = 48,
    CELLS_PER_FRAME = 3,
    SENSORS_MOST = 16,
    SENSORS_PER_FRAME = 7,
    CODE_FRAMES = 5,
    PART_MOST = 7, /* bytes of a many-frame answer behind the frame number */
    CURRENT_ZERO = 30000,
    STATE_FOR_SIGN_MS = 5000, /* the sign is not taken from an older answer */
    LEARNT_VOTES = 3,         /* so many polls more for one sign than for the other decide */
    VOTES_MOST = 20           /* and no more are kept: a sign learnt wrongly is unlearnt */
};

/* 94: 0 cells | 1 sensors | 2 charger | 3 load | 4 inputs | 5 u16 cycles | 7 counter */
static const struct bb_row counts_rows[] = {
    {.at = 0, .raw = BB_U8, .field = BB_FIELD(cell_count)},
    {.at = 5, .raw = BB_U16BE, .field = BB_FIELD(history.charge_cycles)},
};

/* 90: 0 u16 0.1 V | 2 second voltage | 4 u16 current 0.1 A around 30000 | 6 u16 soc 0.1 % */
enum { PACK_CURRENT_AT = 4, PACK_SOC_AT = 6 };
static const struct bb_row pack_rows[] = {
    {.at = 0, .raw = BB_U16BE, .per = 10, .field = BB_FIELD(voltage)},
    {.at = PACK_SOC_AT, .raw = BB_U16BE, .per = 10, .field = BB_FIELD(soc)},
};

/* 93: 0 idle, charging, discharging | 1, 2 switches | 3 heartbeat | 4 u32 remaining mAh */
enum { STATE_CHARGE_AT = 1, STATE_DISCHARGE_AT = 2, CHARGING = 1, DISCHARGING = 2 };
static const struct bb_row state_rows[] = {
    {.at = STATE_CHARGE_AT, .raw = BB_U8, .field = BB_FIELD(charge_fet)},
    {.at = STATE_DISCHARGE_AT, .raw = BB_U8, .field = BB_FIELD(discharge_fet)},
    {.at = 4, .raw = BB_U32BE, .per = 1000, .field = BB_FIELD(capacity_remain)},
};

/* 95: three cells of u16 mV in each frame */
static const struct bb_series cell_voltages = {.raw = BB_U16BE, .per = 1000};

/* 96: seven sensors of u8 in each frame, zero at 40 */
static const struct bb_series sensors = {
    .raw = BB_U8, .bias = -40, .per = 1, .flags = BB_ROW_ONES_ABSENT};

/* 92: 0 highest, 2 lowest; for boards that do not answer 96 */
static const struct bb_row extremes_rows[] = {
    {.at = 2,
     .raw = BB_U8,
     .bias = -40,
     .flags = BB_ROW_ONES_ABSENT,
     .field = BB_FIELD(temperature_1)},
    {.at = 0,
     .raw = BB_U8,
     .bias = -40,
     .flags = BB_ROW_ONES_ABSENT,
     .field = BB_FIELD(temperature_2)},
};

/* 97: cell 1 is bit 0 of byte 0 */
static const struct bb_balance balance[] = {
    {.at = 0, .raw = BB_U32LE, .first_cell = 1, .count = 32},
    {.at = 4, .raw = BB_U16LE, .first_cell = 33, .count = 16},
};

/* 98: bits of faults, two levels where there are two. Not mapped: soc high, differences of
 * temperatures, the fault number. The current bits stand in decode_faults. */
#define FAULT(byte_, mask_, field_, severity_)                                                     \
    {                                                                                              \
        .at = (byte_), .raw = BB_U8, .mask = (mask_), .field = BB_FIELD(protection.field_),        \
        .severity = (severity_)                                                                    \
    }
#define FAULT_PAIR(byte_, bit_, field_)                                                            \
    FAULT(byte_, 1U << (bit_), field_, 1), FAULT(byte_, 2U << (bit_), field_, 2)
static const struct bb_bit fault_bits[] = {
    FAULT_PAIR(0, 0, high_cell_voltage),
    FAULT_PAIR(0, 2, low_cell_voltage),
    FAULT_PAIR(0, 4, high_voltage),
    FAULT_PAIR(0, 6, low_voltage),
    FAULT_PAIR(1, 0, high_charge_temperature),
    FAULT_PAIR(1, 2, low_charge_temperature),
    FAULT_PAIR(1, 4, high_temperature),
    FAULT_PAIR(1, 6, low_temperature),
    FAULT_PAIR(2, 6, low_soc),
    FAULT_PAIR(3, 0, cell_imbalance),
    FAULT(4, 0x03, high_internal_temperature, 2),
    FAULT(4, 0xfc, internal_failure, 2),
    FAULT(5, 0x3f, internal_failure, 2),
    FAULT(5, 0xc0, internal_failure, 1),
    FAULT(6, 0x03, internal_failure, 2),
    FAULT(6, 0x04, high_discharge_current, 2),
    FAULT(6, 0x08, low_voltage, 2),
};

/* 50: 0 u32 capacity mAh, 0 when it was not set | 4 nominal cell mV */
static const struct bb_row capacity_rows[] = {
    {.at = 0,
     .raw = BB_U32BE,
     .per = 1000,
     .flags = BB_ROW_ZERO_ABSENT,
     .field = BB_FIELD(capacity)},
};

/* 57: text the owner stored, seven characters in each of five frames */
static const struct bb_row code_rows[] = {
    {.raw = BB_CHARS, .flags = BB_ROW_NUL_IS_SPACE, .field = BB_FIELD(custom_field)},
};

static bool check_counts(const struct bb_poll_view *view, const uint8_t *data, size_t size)
{
    (void)view;
    (void)size;
    return data[0] >= 1 && data[0] <= CELLS_MOST && data[1] <= SENSORS_MOST;
}

static size_t count_of(const struct bb_poll_view *view, size_t at)
{
    size_t size;
    const uint8_t *counts = bb_poll_image(view, COUNTS, &size);
    return counts ? counts[at] : 0;
}

static size_t cell_frames(const struct bb_poll_view *view)
{
    return (count_of(view, 0) + CELLS_PER_FRAME - 1) / CELLS_PER_FRAME;
}

static size_t sensor_frames(const struct bb_poll_view *view)
{
    return (count_of(view, 1) + SENSORS_PER_FRAME - 1) / SENSORS_PER_FRAME;
}

static size_t code_frames(const struct bb_poll_view *view)
{
    (void)view;
    return CODE_FRAMES;
}

static bool has_sensors(const struct bb_poll_view *view)
{
    return count_of(view, 1) > 0;
}

static bool lacks_temperatures(const struct bb_poll_view *view)
{
    size_t size;
    return !bb_poll_image(view, TEMPERATURES, &size);
}

static void decode_temperatures(const struct bb_poll_view *view, const uint8_t *data, size_t size,
                                struct bb_decode *into)
{
    static const uint16_t fields[] = {BB_FIELD(temperature_1), BB_FIELD(temperature_2),
                                      BB_FIELD(temperature_3), BB_FIELD(temperature_4)};
    size_t count = count_of(view, 1);
    size_t most = BB_COUNT(fields);
    bb_series_decode(&sensors, count < most ? count : most, fields, data, size, into);
}

/* 98 byte 2: bits 0, 1 over-current while charging, bits 2, 3 while discharging. A unit whose
 * owner says that the sign is turned round has these the other way round, too. */
static void decode_faults(const struct bb_poll_view *view, const uint8_t *data, size_t size,
                          struct bb_decode *into)
{
    static const struct bb_bit straight[] = {FAULT_PAIR(2, 0, high_charge_current),
                                             FAULT_PAIR(2, 2, high_discharge_current)};
    static const struct bb_bit turned[] = {FAULT_PAIR(2, 2, high_charge_current),
                                           FAULT_PAIR(2, 0, high_discharge_current)};
    bool turn = bb_poll_option(view, BB_DALY_INVERT_CURRENT) == INVERT_YES;
    bb_bits_decode(turn ? turned : straight, BB_COUNT(straight), data, size, into);
}

/* 53: 0 type | 2 year since 2000, 3 month, 4 day */
static void decode_production(const struct bb_poll_view *view, const uint8_t *data, size_t size,
                              struct bb_decode *into)
{
    enum { YEAR_AT = 2, MONTH_AT = 3, DAY_AT = 4 };
    (void)view;
    (void)size;
    if (data[YEAR_AT] <= 99 && data[MONTH_AT] >= 1 && data[MONTH_AT] <= 12 && data[DAY_AT] >= 1 &&
        data[DAY_AT] <= 31) {
        (void)snprintf(into->battery->production, sizeof into->battery->production,
                       "20%02u-%02u-%02u", data[YEAR_AT], data[MONTH_AT], data[DAY_AT]);
    }
}

/* Charging, discharging or 0, as 93 tells it now. */
static uint8_t state_of(const struct bb_poll_view *view)
{
    size_t size;
    const uint8_t *state = bb_poll_image(view, STATE, &size);
    return state && bb_poll_age_ms(view, STATE) <= STATE_FOR_SIGN_MS ? state[0] : 0;
}

/* The answers to 90 and 93 are of two moments. When the current turns in between they contradict
 * each other, so a single poll proves nothing. */
static void learn_polarity(struct bb_daly_polarity *polarity, uint8_t state, int magnitude)
{
    if ((state != CHARGING && state != DISCHARGING) || abs(magnitude) < 10) {
        return;
    }
    int votes = polarity->votes + ((state == CHARGING) == (magnitude > 0) ? 1 : -1);
    if (abs(votes) <= VOTES_MOST) {
        polarity->votes = votes;
    }
}

/* Red boards count up while discharging, others while charging; 93 tells which it is. */
static int sign_of_current(const struct bb_poll_view *view, int magnitude)
{
    struct bb_daly_polarity *polarity = view->memory;
    uint8_t state = state_of(view);
    learn_polarity(polarity, state, magnitude);
    switch (bb_poll_option(view, BB_DALY_INVERT_CURRENT)) {
    case INVERT_NO:
        return -1;
    case INVERT_YES:
        return 1;
    default:
        break;
    }
    if (abs(polarity->votes) >= LEARNT_VOTES) {
        return polarity->votes > 0 ? 1 : -1;
    }
    if (state == CHARGING || state == DISCHARGING) {
        return (state == CHARGING) == (magnitude > 0) ? 1 : -1;
    }
    return -1;
}

void bb_daly_finish(const struct bb_poll_view *view, struct bb_decode *into)
{
    size_t size;
    const uint8_t *pack = bb_poll_image(view, PACK, &size);
    if (pack) {
        int magnitude = (int)bb_raw_integer(BB_U16BE, pack, size, PACK_CURRENT_AT) - CURRENT_ZERO;
        int tenths = magnitude * sign_of_current(view, magnitude);
        (void)bb_store(into, BB_FIELD(current), tenths / 10.0);
    }
}

#define TABLE_ROWS(table_) .rows = (table_), .row_count = BB_COUNT(table_)
#define FRAME .least = BB_A5_DATA_SIZE, .size = BB_A5_DATA_SIZE
#define WRITE_WAIT                                                                                 \
    {                                                                                              \
        .first_ms = 500, .gap_ms = 100, .total_ms = 500                                            \
    }

const struct bb_poll_item bb_daly_items[BB_DALY_ITEMS] = {
    [COUNTS] = {.name = "counts",
                .code = 0x94,
                .ask = BB_ASK_SLOW,
                .every_ms = 30000,
                .essential = true,
                FRAME,
                .check = check_counts,
                TABLE_ROWS(counts_rows)},
    [PACK] = {.name = "voltage, current, soc",
              .code = 0x90,
              .ask = BB_ASK_CYCLE,
              .essential = true,
              FRAME,
              .max_age_ms = BB_STALE_MAX_MS,
              TABLE_ROWS(pack_rows)},
    [STATE] = {.name = "state",
               .code = 0x93,
               .ask = BB_ASK_CYCLE,
               FRAME,
               .max_age_ms = BB_STALE_MAX_MS,
               TABLE_ROWS(state_rows)},
    [CELLS] = {.name = "cell voltages",
               .code = 0x95,
               .ask = BB_ASK_CYCLE,
               .essential = true,
               .part_size = 2 * CELLS_PER_FRAME,
               .parts = cell_frames,
               .size = 2 * CELLS_MOST,
               .max_age_ms = BB_STALE_MAX_MS,
               .cells = &cell_voltages},
    [FAULTS] = {.name = "faults",
                .code = 0x98,
                .ask = BB_ASK_CYCLE,
                FRAME,
                .max_age_ms = BB_STALE_MAX_MS,
                .bits = fault_bits,
                .bit_count = BB_COUNT(fault_bits),
                .decode = decode_faults},
    [TEMPERATURES] = {.name = "temperatures",
                      .code = 0x96,
                      .ask = BB_ASK_CYCLE,
                      .again_ms = 60000,
                      .part_size = SENSORS_PER_FRAME,
                      .parts = sensor_frames,
                      .size = 3 * SENSORS_PER_FRAME,
                      .max_age_ms = BB_STALE_MAX_MS,
                      .wanted = has_sensors,
                      .decode = decode_temperatures},
    [EXTREMES] = {.name = "highest and lowest temperature",
                  .code = 0x92,
                  .ask = BB_ASK_CYCLE,
                  .again_ms = 60000,
                  FRAME,
                  .max_age_ms = BB_STALE_MAX_MS,
                  .wanted = lacks_temperatures,
                  TABLE_ROWS(extremes_rows)},
    [BALANCE] = {.name = "balancing",
                 .code = 0x97,
                 .ask = BB_ASK_CYCLE,
                 .again_ms = 60000,
                 FRAME,
                 .max_age_ms = BB_STALE_MAX_MS,
                 .balance = balance,
                 .balance_count = BB_COUNT(balance)},
    [CAPACITY] = {.name = "capacity",
                  .code = 0x50,
                  .ask = BB_ASK_START,
                  .again_ms = 60000,
                  FRAME,
                  TABLE_ROWS(capacity_rows)},
    [PRODUCTION] = {.name = "production date",
                    .code = 0x53,
                    .ask = BB_ASK_START,
                    .again_ms = 600000,
                    FRAME,
                    .decode = decode_production},
    [CODE] = {.name = "battery code",
              .code = 0x57,
              .ask = BB_ASK_START,
              .again_ms = 600000,
              .part_size = PART_MOST,
              .parts = code_frames,
              .size = CODE_FRAMES * PART_MOST,
              TABLE_ROWS(code_rows)},
    [CLOCK] = {.name = "clock", .code = 0x61, .ask = BB_ASK_NEVER, FRAME},
    [CHARGE_SWITCH] =
        {.name = "charge switch", .code = 0xda, .ask = BB_ASK_NEVER, FRAME, .wait = WRITE_WAIT},
    [DISCHARGE_SWITCH] =
        {.name = "discharge switch", .code = 0xd9, .ask = BB_ASK_NEVER, FRAME, .wait = WRITE_WAIT},
    [SET_SOC] =
        {.name = "state of charge", .code = 0x21, .ask = BB_ASK_NEVER, FRAME, .wait = WRITE_WAIT},
};

static uint8_t selector_of(const struct bb_poll_view *view)
{
    return view->medium == BB_MEDIUM_BLE ? BB_A5_SELECTOR_APP : (uint8_t)view->address;
}

static uint8_t board_of(const struct bb_poll_view *view)
{
    return view->medium == BB_MEDIUM_BLE ? 1
                                         : (uint8_t)(view->address - BB_A5_SELECTOR_BOARD_1 + 1);
}

static void build(const struct bb_poll_view *view, const struct bb_poll_item *item,
                  const uint8_t *data, size_t size, struct bb_request *ret_request)
{
    bb_a5_build(selector_of(view), (uint8_t)item->code, data, size, ret_request);
}

static enum bb_poll_verdict match(const struct bb_poll_view *view, const struct bb_packet *frame,
                                  struct bb_poll_answer *ret_answer)
{
    uint8_t party = frame->data[BB_A5_PARTY];
    if (bb_a5_is_selector(party)) {
        return BB_POLL_REQUEST;
    }
    ret_answer->item = bb_poll_item_of(view->spec, frame->data[BB_A5_COMMAND]);
    if (party != board_of(view) || ret_answer->item == BB_POLL_NO_ITEM) {
        return BB_POLL_FOREIGN;
    }
    ret_answer->payload = frame->data + BB_A5_DATA;
    ret_answer->size = BB_A5_DATA_SIZE;
    if (view->spec->items[ret_answer->item].part_size > 0) {
        ret_answer->part = (size_t)ret_answer->payload[0] - 1; /* 0 is no number: far too large */
        ret_answer->payload++;
        ret_answer->size--;
    }
    return BB_POLL_ANSWER;
}

int bb_daly_switch_payload(const struct bb_poll_view *view, const struct bb_control *control,
                           uint8_t *ret_data, struct bb_problem *problem)
{
    (void)view;
    (void)problem;
    ret_data[0] = control->value != 0;
    return 1;
}

bool bb_daly_switch_confirm(const struct bb_poll_view *view, const struct bb_control *control,
                            struct bb_real *ret_value)
{
    size_t size;
    const uint8_t *state = bb_poll_image(view, STATE, &size);
    if (!state) {
        return false;
    }
    bool on = state[control->verb[0] == 'c' ? STATE_CHARGE_AT : STATE_DISCHARGE_AT] != 0;
    *ret_value = bb_real(on);
    return on == (control->value != 0);
}

/* Date and time of day (UTC) in six bytes: year since 2000, month, day, hour, minute, second. */
static void clock_from_wall(int64_t wall_ms, uint8_t *ret_clock)
{
    int64_t seconds = wall_ms / 1000;
    int64_t days = seconds / 86400 - 11017; /* since 2000-03-01, so that a leap day ends a year */
    int64_t years = (days * 4 + 3) / 1461;
    int64_t day_of_year = days - years * 365 - years / 4;
    int64_t month = (5 * day_of_year + 2) / 153; /* from March */
    ret_clock[0] = (uint8_t)(years + (month >= 10));
    ret_clock[1] = (uint8_t)(month < 10 ? month + 3 : month - 9);
    ret_clock[2] = (uint8_t)(day_of_year - (153 * month + 2) / 5 + 1);
    ret_clock[3] = (uint8_t)(seconds / 3600 % 24);
    ret_clock[4] = (uint8_t)(seconds / 60 % 60);
    ret_clock[5] = (uint8_t)(seconds % 60);
}

/* 21 sets the clock along with the state of charge: the BMS's own time is written back, or ours
 * when it does not tell (61 has the layout of 21). */
static int soc_payload(const struct bb_poll_view *view, const struct bb_control *control,
                       uint8_t *ret_data, struct bb_problem *problem)
{
    enum { CLOCK_SIZE = 6, FIRST_WALL_S = 951868800, LAST_WALL_S = 4102444800 };
    size_t size;
    const uint8_t *clock = bb_poll_image(view, CLOCK, &size);
    int64_t wall_s = control->wall_ms / 1000;
    bool told = clock && bb_poll_age_ms(view, CLOCK) <= STATE_FOR_SIGN_MS && clock[0] <= 99 &&
                clock[1] >= 1 && clock[1] <= 12 && clock[2] >= 1 && clock[2] <= 31;
    if (told) {
        for (size_t i = 0; i < CLOCK_SIZE; i++) {
            ret_data[i] = clock[i];
        }
    } else if (wall_s >= FIRST_WALL_S && wall_s < LAST_WALL_S) {
        clock_from_wall(control->wall_ms, ret_data);
    } else {
        return bb_fail(problem, BB_ERR_MISSING, control->verb,
                       "it sets the clock, too, and the time is not known");
    }
    unsigned tenths = (unsigned)(control->value * 10 + 0.5);
    ret_data[CLOCK_SIZE] = (uint8_t)(tenths >> 8);
    ret_data[CLOCK_SIZE + 1] = (uint8_t)(tenths & 0xff);
    return CLOCK_SIZE + 2;
}

/* Some firmware sets 1 % instead of 100 %. */
bool bb_daly_soc_confirm(const struct bb_poll_view *view, const struct bb_control *control,
                         struct bb_real *ret_value)
{
    size_t size;
    const uint8_t *pack = bb_poll_image(view, PACK, &size);
    if (!pack) {
        return false;
    }
    double soc = (double)bb_raw_integer(BB_U16BE, pack, size, PACK_SOC_AT) / 10;
    *ret_value = bb_real(soc);
    return soc > control->value - 1 && soc < control->value + 1;
}

#define SWITCH(verb_, write_)                                                                      \
    {                                                                                              \
        .verb = (verb_), .max = 1, .before = BB_POLL_NO_ITEM, .write = (write_), .after = STATE,   \
        .payload = bb_daly_switch_payload, .confirm = bb_daly_switch_confirm                       \
    }
static const struct bb_poll_control controls[] = {
    SWITCH("charge_fet", CHARGE_SWITCH),
    SWITCH("discharge_fet", DISCHARGE_SWITCH),
    {.verb = "soc",
     .max = 100,
     .before = CLOCK,
     .before_optional = true,
     .write = SET_SOC,
     .after = PACK,
     .payload = soc_payload,
     .confirm = bb_daly_soc_confirm},
};

const struct bb_poll_option_spec bb_daly_options[BB_DALY_OPTIONS] = {
    [BB_DALY_INVERT_CURRENT] = {.name = "invert_current",
                                .kind = BB_OPTION_CHOICE,
                                .choices = "auto|no|yes",
                                .fallback = INVERT_AUTO},
};

static const struct bb_poll_spec spec = {
    .items = bb_daly_items,
    .item_count = BB_DALY_ITEMS,
    .greeting = COUNTS,
    .probe = PACK,
    .tries = 3,
    .late = BB_POLL_ANY,
    .serial = {.first_ms = 200, .gap_ms = 50, .total_ms = 500},
    .ble = {.first_ms = 2000, .gap_ms = 500, .total_ms = 4000},
    .scan = bb_a5_scan,
    .match = match,
    .build = build,
    .finish = bb_daly_finish,
    .options = bb_daly_options,
    .option_count = BB_DALY_OPTIONS,
    .controls = controls,
    .control_count = BB_COUNT(controls),
    .memory_size = sizeof(struct bb_daly_polarity),
};

static const struct bb_ble_profile profiles[] = {
    {.service = "0000fff0-0000-1000-8000-00805f9b34fb",
     .notify = "0000fff1-0000-1000-8000-00805f9b34fb",
     .write = "0000fff2-0000-1000-8000-00805f9b34fb"},
    {.service = "0000ff00-0000-1000-8000-00805f9b34fb",
     .notify = "0000ff01-0000-1000-8000-00805f9b34fb",
     .write = "0000ff02-0000-1000-8000-00805f9b34fb"},
};

static const struct bb_transport transports[] = {
    {.medium = BB_MEDIUM_SERIAL,
     .bit_rate = 9600,
     .address_first = BB_A5_SELECTOR_BOARD_1,
     .address_last = BB_A5_SELECTOR_BOARD_1 + BB_A5_BOARDS - 1,
     .address_default = BB_A5_SELECTOR_BOARD_1,
     .silence_ms = 20,
     .period_ms = 1000},
    {.medium = BB_MEDIUM_BLE, .period_ms = 2000, .ble = profiles, .ble_count = BB_COUNT(profiles)},
};

const struct bb_driver bb_driver_daly = {
    .id = "daly",
    .title = "Daly Smart BMS",
    .transports = transports,
    .transport_count = BB_COUNT(transports),
    .state_size = BB_POLL_STATE_SIZE,
    .ops = &bb_poll_ops,
    .spec = &spec,
};
