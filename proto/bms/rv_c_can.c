/* RV-C house batteries (Lithionics, Battle Born, Renogy REGO, ...): DC source status messages
 * with 29-bit identifiers, sent unasked.
 *
 * Source: RV-C protocol, DGNs 1FFFD, 1FFFC, 1FFFB, 1FEC9, 1FEC7, 1FEA5. The identifier is priority
 * (3 bits, ignored), DGN (17 bits) and source address (8 bits). Byte 0 of the data is the
 * instance, byte 1 the rank of the device among those that speak about this instance.
 *
 * Values that are not available end in FD..FF and stay absent. No cell voltages.
 */
#include "proto/bms/drivers.h"
#include "proto/bms/listen.h"
#include "proto/deadlines.h"

enum item { STATUS_1, STATUS_2, STATUS_3, STATUS_4, STATUS_6, STATUS_11 };

enum { OPTION_INSTANCE, OPTION_INVERT_CURRENT };

enum {
    DGN_MASK = 0x1FFFF,
    INSTANCE_AT = 0,
    RANK_AT = 1,
    RANK_BATTERY = 120,  /* a device that measures the state of charge */
    RANK_REPEATER = 119, /* a gateway that says again what it heard */
    ANY_SOURCE = 0xFE,   /* address: choose a source by instance and rank, and follow it */
    SLOW_STATUS_MS = 2000,
    MEASURED_AGE_MS = 5000,
    LIMITS_AGE_MS = 30000,
    ALARMS_AGE_MS = 120000
};

/* The source that is followed. */
struct memory {
    bool chosen;
    uint8_t source;
    int64_t heard_ms;
};

static bool is_from_us(const struct bb_listen_view *view, uint8_t source,
                       const struct bb_packet *frame)
{
    struct memory *memory = view->memory;
    if (frame->data[INSTANCE_AT] != bb_listen_option(view, OPTION_INSTANCE) ||
        frame->data[RANK_AT] == RANK_REPEATER) {
        return false;
    }
    if (view->address != ANY_SOURCE) {
        return source == view->address;
    }
    bool silent = !memory->chosen || view->now_ms - memory->heard_ms > BB_LOST_MIN_MS;
    if (silent && frame->data[RANK_AT] == RANK_BATTERY) {
        memory->chosen = true;
        memory->source = source;
    }
    if (!memory->chosen || source != memory->source) {
        return false;
    }
    memory->heard_ms = view->now_ms;
    return true;
}

static size_t match(const struct bb_listen_view *view, const struct bb_packet *frame)
{
    if (!frame->extended || frame->size <= RANK_AT) {
        return BB_LISTEN_NO_ITEM;
    }
    uint32_t dgn = frame->id >> 8 & DGN_MASK;
    for (size_t i = 0; i < view->spec->item_count; i++) {
        if ((view->spec->items[i].id >> 8 & DGN_MASK) == dgn) {
            return is_from_us(view, (uint8_t)frame->id, frame) ? i : BB_LISTEN_NO_ITEM;
        }
    }
    return BB_LISTEN_NO_ITEM;
}

/* Reads a number that is available. */
static bool read_number(enum bb_raw raw, const uint8_t *data, size_t size, size_t at,
                        double *ret_number)
{
    int64_t marks = ((int64_t)1 << (8 * bb_raw_size(raw))) - 3; /* the last three numbers */
    double number;
    if (!bb_raw_read(raw, data, size, at, &number) || number >= (double)marks) {
        return false;
    }
    *ret_number = number;
    return true;
}

static void store(enum bb_raw raw, const uint8_t *data, size_t size, size_t at, double scale,
                  uint16_t field, struct bb_decode *into)
{
    double number;
    if (read_number(raw, data, size, at, &number)) {
        (void)bb_store(into, field, number * scale);
    }
}

/* DC_SOURCE_STATUS_1: 2 u16 0.05 V | 4 u32 mA + 2 000 000 000, + discharging */
static void decode_1(const struct bb_listen_view *view, const uint8_t *data, size_t size,
                     struct bb_decode *into)
{
    double number;
    store(BB_U16LE, data, size, 2, 0.05, BB_FIELD(voltage), into);
    if (read_number(BB_U32LE, data, size, 4, &number)) {
        double discharge = (number - 2e9) / 1000;
        bool invert = bb_listen_option(view, OPTION_INVERT_CURRENT) != 0;
        (void)bb_store(into, BB_FIELD(current), invert ? discharge : 0 - discharge);
    }
}

/* DC_SOURCE_STATUS_2: 2 u16 1/32 °C - 273 | 4 u8 0.5 % | 5 u16 min remaining */
static void decode_2(const struct bb_listen_view *view, const uint8_t *data, size_t size,
                     struct bb_decode *into)
{
    (void)view;
    double number;
    if (read_number(BB_U16LE, data, size, 2, &number)) {
        (void)bb_store(into, BB_FIELD(temperature_1), number / 32 - 273);
    }
    store(BB_U8, data, size, 4, 0.5, BB_FIELD(soc), into);
}

/* DC_SOURCE_STATUS_3: 2 u8 0.5 % health | 3 u16 Ah remaining */
static void decode_3(const struct bb_listen_view *view, const uint8_t *data, size_t size,
                     struct bb_decode *into)
{
    (void)view;
    store(BB_U8, data, size, 2, 0.5, BB_FIELD(soh), into);
    store(BB_U16LE, data, size, 3, 1, BB_FIELD(capacity_remain), into);
}

/* DC_SOURCE_STATUS_4: 2 u8 wanted state, 1: do not charge | 3 u16 0.05 V | 5 u16 0.05 A - 1600 */
static void decode_4(const struct bb_listen_view *view, const uint8_t *data, size_t size,
                     struct bb_decode *into)
{
    enum { STATE_AT = 2, DO_NOT_CHARGE = 1 };
    static const double most_above = 1.5; /* of the voltage now: what no battery asks for */
    (void)view;
    double voltage;
    double current;
    bool stop = data[STATE_AT] == DO_NOT_CHARGE;
    if (read_number(BB_U16LE, data, size, 3, &voltage)) {
        voltage *= 0.05;
        const struct bb_real *now = &into->battery->voltage;
        if (voltage <= 0 || (now->present && voltage > now->value * most_above)) {
            into->rejected++;
            stop = true;
        } else {
            (void)bb_store(into, BB_FIELD(max_battery_voltage_bms), voltage);
        }
    }
    if (read_number(BB_U16LE, data, size, 5, &current)) {
        current = current * 0.05 - 1600;
        (void)bb_store(into, BB_FIELD(max_battery_charge_current), current > 0 ? current : 0);
    }
    if (stop) {
        (void)bb_store(into, BB_FIELD(max_battery_charge_current), 0);
    }
}

/* DC_SOURCE_STATUS_6: pairs of bits, 01b: yes. 10b is an error and 11b not available. */
#define PAIR(byte_, bit_, field_, severity_)                                                       \
    {                                                                                              \
        .at = (byte_), .raw = BB_U8, .mask = 3U << (bit_), .equals = 1U << (bit_),                 \
        .severity = (severity_), .field = BB_FIELD(protection.field_)                              \
    }
static const struct bb_bit status_6_bits[] = {
    PAIR(2, 0, high_voltage, 1),
    PAIR(2, 2, high_voltage, 2),
    PAIR(2, 4, low_voltage, 1),
    PAIR(2, 6, low_voltage, 2),
    PAIR(3, 0, low_soc, 1),
    PAIR(3, 2, low_soc, 2),
    PAIR(3, 4, low_temperature, 1),
    PAIR(3, 6, low_temperature, 2),
    PAIR(4, 0, high_temperature, 1),
    PAIR(4, 2, high_temperature, 2),
    PAIR(4, 4, high_charge_current, 1),
    PAIR(4, 6, high_charge_current, 2),
    PAIR(4, 4, high_discharge_current, 1),
    PAIR(4, 6, high_discharge_current, 2),
};

/* DC_SOURCE_STATUS_11: 2 bits 0-1 discharge contactor, 2-3 charge contactor, 00b off, 01b on |
 * 3 u16 Ah full capacity | 5 u16 W */
static void decode_11(const struct bb_listen_view *view, const uint8_t *data, size_t size,
                      struct bb_decode *into)
{
    (void)view;
    unsigned discharge = data[2] & 3U;
    unsigned charge = data[2] >> 2 & 3U;
    if (discharge <= 1) {
        (void)bb_store(into, BB_FIELD(discharge_fet), discharge);
    }
    if (charge <= 1) {
        (void)bb_store(into, BB_FIELD(charge_fet), charge);
    }
    store(BB_U16LE, data, size, 3, 1, BB_FIELD(capacity), into);
}

/* Identifiers with priority 6 and source 0. */
static const struct bb_listen_item items[] = {
    [STATUS_1] = {.name = "voltage and current",
                  .id = 0x19FFFD00,
                  .extended = true,
                  .set = 1,
                  .essential = true,
                  .least = 8,
                  .decode = decode_1},
    [STATUS_2] = {.name = "state of charge",
                  .id = 0x19FFFC00,
                  .extended = true,
                  .set = 1,
                  .essential = true,
                  .least = 5,
                  .decode = decode_2},
    [STATUS_3] = {.name = "health",
                  .id = 0x19FFFB00,
                  .extended = true,
                  .least = 5,
                  .max_age_ms = MEASURED_AGE_MS,
                  .decode = decode_3},
    [STATUS_4] = {.name = "limits",
                  .id = 0x19FEC900,
                  .extended = true,
                  .least = 7,
                  .max_age_ms = LIMITS_AGE_MS,
                  .decode = decode_4},
    [STATUS_6] = {.name = "alarms",
                  .id = 0x19FEC700,
                  .extended = true,
                  .least = 5,
                  .max_age_ms = ALARMS_AGE_MS,
                  .bits = status_6_bits,
                  .bit_count = BB_COUNT(status_6_bits)},
    [STATUS_11] = {.name = "contactors",
                   .id = 0x19FEA500,
                   .extended = true,
                   .least = 5,
                   .max_age_ms = MEASURED_AGE_MS,
                   .decode = decode_11},
};

static const struct bb_listen_option_spec options[] = {
    [OPTION_INSTANCE] = {.name = "instance", .fallback = 1, .max = 250},
    [OPTION_INVERT_CURRENT] = {.name = "invert_current", .choices = "no|yes"},
};

static const struct bb_listen_spec spec = {
    .items = items,
    .item_count = BB_COUNT(items),
    .start_ms = SLOW_STATUS_MS,
    .match = match,
    .options = options,
    .option_count = BB_COUNT(options),
    .memory_size = sizeof(struct memory),
};

/* Any priority and source. */
#define DGN(dgn_)                                                                                  \
    {                                                                                              \
        .id = (uint32_t)(dgn_) << 8, .mask = 0x03FFFF00, .extended = true                          \
    }
static const struct bb_can_filter filter[] = {
    DGN(0x1FFFD), DGN(0x1FFFC), DGN(0x1FFFB), DGN(0x1FEC9), DGN(0x1FEC7), DGN(0x1FEA5), {.mask = 0},
};

static const struct bb_transport transports[] = {
    {.medium = BB_MEDIUM_CAN,
     .bit_rate = 250000,
     .address_first = 0x00,
     .address_last = ANY_SOURCE,
     .address_default = ANY_SOURCE,
     .period_ms = 1000,
     .can_filter = filter},
};

const struct bb_driver bb_driver_rv_c_can = {
    .id = "rv-c-can",
    .title = "RV-C house battery",
    .transports = transports,
    .transport_count = BB_COUNT(transports),
    .state_size = BB_LISTEN_STATE_SIZE,
    .ops = &bb_listen_ops,
    .spec = &spec,
};
