#include "proto/bms/lv_can.h"

#include <math.h>

const struct bb_listen_option_spec bb_lv_options[BB_LV_OPTIONS] = {
    [BB_LV_KEEP_ALIVE] = {.name = "keep_alive", .choices = "no|yes", .fallback = 1},
    [BB_LV_INVERT_CURRENT] = {.name = "invert_current", .choices = "no|yes"},
};

const struct bb_row bb_lv_limit_rows[BB_LV_LIMIT_ROWS] = {
    {.at = 0, .raw = BB_U16LE, .per = 10, .field = BB_FIELD(max_battery_voltage_bms)},
    {.at = 2,
     .raw = BB_S16LE,
     .per = 10,
     .flags = BB_ROW_ABSOLUTE,
     .field = BB_FIELD(max_battery_charge_current)},
    {.at = 4,
     .raw = BB_S16LE,
     .per = 10,
     .flags = BB_ROW_ABSOLUTE,
     .field = BB_FIELD(max_battery_discharge_current)},
    {.at = 6,
     .raw = BB_U16LE,
     .per = 10,
     .flags = BB_ROW_ZERO_ABSENT,
     .field = BB_FIELD(min_battery_voltage_bms)},
};

const struct bb_row bb_lv_charge_rows[BB_LV_CHARGE_ROWS] = {
    {.at = 0, .raw = BB_U16LE, .field = BB_FIELD(soc)},
    {.at = 2, .raw = BB_U16LE, .flags = BB_ROW_ZERO_ABSENT, .field = BB_FIELD(soh)},
};

const struct bb_row bb_lv_measured_rows[BB_LV_MEASURED_ROWS] = {
    {.at = 0, .raw = BB_S16LE, .per = 100, .field = BB_FIELD(voltage)},
    {.at = 2, .raw = BB_S16LE, .per = 10, .field = BB_FIELD(current)},
    {.at = 4, .raw = BB_S16LE, .per = 10, .field = BB_FIELD(temperature_1)},
    {.at = 6, .raw = BB_U16LE, .field = BB_FIELD(history.charge_cycles)},
};

const struct bb_row bb_lv_request_rows[BB_LV_REQUEST_ROWS] = {
    {.at = 0, .raw = BB_U8, .mask = 0x80, .field = BB_FIELD(charge_fet)},
    {.at = 0, .raw = BB_U8, .mask = 0x40, .field = BB_FIELD(discharge_fet)},
};

void bb_lv_decode_charge(const struct bb_listen_view *view, const uint8_t *data, size_t size,
                         struct bb_decode *into)
{
    enum { FINE_AT = 4, FINE_PER = 100 };
    (void)view;
    double fine = (double)bb_raw_integer(BB_U16LE, data, size, FINE_AT) / FINE_PER;
    const struct bb_real *coarse = &into->battery->soc;
    if (fine > 0 && coarse->present && fabs(fine - coarse->value) <= 1) {
        (void)bb_store(into, BB_FIELD(soc), fine);
    }
}

void bb_lv_finish(const struct bb_listen_view *view, struct bb_decode *into)
{
    struct bb_battery *battery = into->battery;
    if (battery->current.present && bb_listen_option(view, BB_LV_INVERT_CURRENT) != 0) {
        battery->current.value = -battery->current.value;
    }
    if (battery->charge_fet.present && !battery->charge_fet.value) {
        battery->max_battery_charge_current = bb_real(0);
    }
    if (battery->discharge_fet.present && !battery->discharge_fet.value) {
        battery->max_battery_discharge_current = bb_real(0);
    }
}
