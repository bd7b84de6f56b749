#include "services/aggregator/validity.h"

#include <math.h>

#include "proto/deadlines.h"

/* Plausible for lithium cells and their sensors. */
#define CELL_MIN_V 0.5
#define CELL_MAX_V 5.0
#define SENSOR_OPEN_C (-40.0) /* what an open thermistor decodes to: unknown, not cold */
#define SENSOR_MAX_C 120.0
#define MOSFET_MAX_C 200.0
#define PACK_SPREAD 0.2      /* pack voltage against cell sum */
#define PACK_MAX_V 1000.0    /* without known cells */
#define CURRENT_FACTOR 3.0   /* of the configured maximum */
#define CURRENT_FLOOR_A 10.0 /* so that a configured maximum of 0 still lets a current be seen */
/* Contradiction between pack voltage and cell sum. */
#define DEVIATION 0.02
#define DEVIATION_V 0.5

static double value_of(const struct bb_real *real)
{
    return real->present && isfinite(real->value) ? real->value : NAN;
}

/* Keeps the previous value where value lies outside min..max or is not a number. */
static void take(struct bb_reading *reading, double value, double min, double max, int64_t at_ms)
{
    if (value >= min && value <= max) {
        *reading = (struct bb_reading){.known = true, .value = value, .at_ms = at_ms};
    }
}

static bool is_fresh(const struct bb_validity *validity, const struct bb_reading *reading)
{
    return reading->known && reading->at_ms != BB_LONG_AGO_MS &&
           validity->sample_ms - reading->at_ms < bb_stale_after_ms(validity->interval_ms);
}

static unsigned reported_count(const struct bb_battery *battery)
{
    if (battery->cell_count.present) {
        return (unsigned)battery->cell_count.value;
    }
    return battery->cells_count;
}

/* A different number of cells than established suspends control; once it has been reported
 * without interruption for BB_SETTLE_MS it is believed. */
static void take_count(struct bb_validity *validity, unsigned count, int64_t at_ms)
{
    if (count == 0 || count > BB_CELLS_MAX) {
        return;
    }
    if (validity->cell_count == 0) {
        validity->cell_count = count;
        return;
    }
    bool settled = at_ms - validity->other_since_ms >= BB_SETTLE_MS;
    if (validity->other_count == count) {
        if (settled) {
            validity->cells_known = validity->cells_known && validity->cell_count == count;
            validity->cell_count = count;
            validity->other_count = 0;
        }
    } else if (validity->other_count != 0 || count != validity->cell_count) {
        validity->other_count = count;
        validity->other_since_ms = at_ms;
    }
}

static void take_cells(struct bb_validity *validity, const struct bb_battery *battery,
                       int64_t at_ms)
{
    unsigned count = validity->cell_count;
    if (count == 0 || battery->cells_count != count || reported_count(battery) != count) {
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        double volts = value_of(&battery->cells[i].voltage);
        if (!(volts >= CELL_MIN_V && volts <= CELL_MAX_V)) {
            return;
        }
    }
    for (unsigned i = 0; i < count; i++) {
        validity->cell_v[i] = battery->cells[i].voltage.value;
    }
    validity->cells_known = true;
    validity->cells_at_ms = at_ms;
}

static void take_temperatures(struct bb_validity *validity, const struct bb_charge_config *config,
                              const struct bb_battery *battery, int64_t at_ms)
{
    const struct bb_real *const sensors[BB_SENSORS] = {
        &battery->temperature_1, &battery->temperature_2, &battery->temperature_3,
        &battery->temperature_4};
    for (unsigned i = 0; i < BB_SENSORS; i++) {
        double raw_c = value_of(sensors[i]);
        if (config->sensor_used[i] && raw_c > SENSOR_OPEN_C) {
            double celsius = raw_c * config->sensor_slope[i] + config->sensor_offset[i];
            take(&validity->temperature[i], celsius, SENSOR_OPEN_C, SENSOR_MAX_C, at_ms);
        }
    }
    double mosfet_c = value_of(&battery->temperature_mos);
    if (mosfet_c > SENSOR_OPEN_C) {
        take(&validity->mosfet, mosfet_c * config->mosfet_slope + config->mosfet_offset,
             SENSOR_OPEN_C, MOSFET_MAX_C, at_ms);
    }
}

static void take_flag(struct bb_reading *reading, const struct bb_flag *flag, int64_t at_ms)
{
    if (flag->present) {
        take(reading, flag->value ? 1.0 : 0.0, 0.0, 1.0, at_ms);
    }
}

static double cell_sum(const struct bb_validity *validity)
{
    double sum = 0.0;
    for (unsigned i = 0; i < validity->cell_count; i++) {
        sum += validity->cell_v[i];
    }
    return sum;
}

static void take_voltage(struct bb_validity *validity, const struct bb_battery *battery,
                         int64_t at_ms)
{
    validity->raw_voltage = value_of(&battery->voltage);
    double low = 1.0;
    double high = PACK_MAX_V;
    if (validity->cells_known) {
        double sum = cell_sum(validity);
        low = sum * (1.0 - PACK_SPREAD);
        high = sum * (1.0 + PACK_SPREAD);
    }
    take(&validity->voltage, validity->raw_voltage, low, high, at_ms);
}

void bb_validity_take(struct bb_validity *validity, const struct bb_charge_config *config,
                      const struct bb_snapshot *snapshot)
{
    if (!snapshot->seen || (validity->taken && snapshot->mono_ms <= validity->sample_ms)) {
        return;
    }
    const struct bb_battery *battery = &snapshot->battery;
    int64_t at_ms = snapshot->mono_ms;
    validity->taken = true;
    validity->sample_ms = at_ms;
    validity->interval_ms = snapshot->interval_ms;
    take_count(validity, reported_count(battery), at_ms);
    take_cells(validity, battery, at_ms);
    take_voltage(validity, battery, at_ms);
    take_temperatures(validity, config, battery, at_ms);
    double most_a = fmax(CURRENT_FACTOR * fmax(config->current[BB_CHARGING].max_a,
                                               config->current[BB_DISCHARGING].max_a),
                         CURRENT_FLOOR_A);
    take(&validity->current, value_of(&battery->current), -most_a, most_a, at_ms);
    take(&validity->soc, value_of(&battery->soc), 0.0, 100.0, at_ms);
    take(&validity->capacity, value_of(&battery->capacity), 0.001, 1e6, at_ms);
    take(&validity->remain, value_of(&battery->capacity_remain), 0.0, 1e6, at_ms);
    take(&validity->most_v, value_of(&battery->max_battery_voltage_bms), 0.0, 1000.0, at_ms);
    take(&validity->bms_limit[BB_CHARGING], value_of(&battery->max_battery_charge_current),
         -INFINITY, 1e6, at_ms);
    take(&validity->bms_limit[BB_DISCHARGING], value_of(&battery->max_battery_discharge_current),
         -INFINITY, 1e6, at_ms);
    take_flag(&validity->fet[BB_CHARGING], &battery->charge_fet, at_ms);
    take_flag(&validity->fet[BB_DISCHARGING], &battery->discharge_fet, at_ms);
}

static void view_cells(const struct bb_validity *validity, struct bb_facts *facts)
{
    facts->cell_count = validity->cell_count;
    facts->count_unsettled = validity->other_count != 0;
    facts->cell_v = validity->cell_v;
    bool fresh = validity->cells_known && validity->sample_ms - validity->cells_at_ms <
                                              bb_stale_after_ms(validity->interval_ms);
    facts->cells_valid = fresh && !facts->count_unsettled && validity->cell_count > 0;
    if (!facts->cells_valid) {
        return;
    }
    facts->sum_v = cell_sum(validity);
    for (unsigned i = 0; i < validity->cell_count; i++) {
        if (validity->cell_v[i] > validity->cell_v[facts->max_cell]) {
            facts->max_cell = i;
        }
        if (validity->cell_v[i] < validity->cell_v[facts->min_cell]) {
            facts->min_cell = i;
        }
    }
    facts->max_v = validity->cell_v[facts->max_cell];
    facts->min_v = validity->cell_v[facts->min_cell];
}

static void view_voltage(const struct bb_validity *validity, struct bb_facts *facts)
{
    facts->voltage_valid = is_fresh(validity, &validity->voltage);
    facts->voltage = validity->voltage.value;
    facts->charge_sum_v = facts->sum_v;
    if (!facts->cells_valid || !isfinite(validity->raw_voltage)) {
        return;
    }
    double difference = fabs(validity->raw_voltage - facts->sum_v);
    facts->deviation = difference / facts->sum_v;
    facts->deviates = difference > fmax(DEVIATION * facts->sum_v, DEVIATION_V);
    if (facts->deviates) {
        facts->charge_sum_v = fmax(facts->sum_v, validity->raw_voltage);
    }
}

static void view_sensors(const struct bb_validity *validity, const struct bb_charge_config *config,
                         struct bb_facts *facts)
{
    double sum = 0.0;
    for (unsigned i = 0; i < BB_SENSORS; i++) {
        const struct bb_reading *reading = &validity->temperature[i];
        facts->sensor_known[i] = reading->known && config->sensor_used[i];
        facts->sensor_valid[i] = facts->sensor_known[i] && is_fresh(validity, reading);
        facts->sensor[i] = reading->value;
        if (!facts->sensor_valid[i]) {
            continue;
        }
        bool first = facts->sensors_valid == 0;
        if (first || reading->value < facts->min_temperature) {
            facts->min_temperature = reading->value;
            facts->min_sensor = i;
        }
        if (first || reading->value >= facts->max_temperature) {
            facts->max_temperature = reading->value;
            facts->max_sensor = i;
        }
        sum += reading->value;
        facts->sensors_valid++;
    }
    if (facts->sensors_valid > 0) {
        facts->temperature = sum / facts->sensors_valid;
    }
    facts->mosfet_known = validity->mosfet.known;
    facts->mosfet_valid = is_fresh(validity, &validity->mosfet);
    facts->mosfet = validity->mosfet.value;
}

static enum bb_fet view_fet(const struct bb_validity *validity, const struct bb_reading *fet)
{
    if (!fet->known) {
        return BB_FET_UNREPORTED;
    }
    if (fet->at_ms == BB_LONG_AGO_MS || validity->sample_ms - fet->at_ms >= BB_SWITCH_UNKNOWN_MS) {
        return fet->value > 0.5 ? BB_FET_UNKNOWN : BB_FET_OPEN;
    }
    return fet->value > 0.5 ? BB_FET_CLOSED : BB_FET_OPEN;
}

/* No current flows through an open switch, whatever the sensor's offset says. */
static double clamp_current(const struct bb_facts *facts)
{
    double current = facts->raw_current;
    if (facts->fet[BB_DISCHARGING] == BB_FET_OPEN) {
        current = fmax(current, 0.0);
    }
    if (facts->fet[BB_CHARGING] == BB_FET_OPEN) {
        current = fmin(current, 0.0);
    }
    return current;
}

static void view_charge(const struct bb_validity *validity, const struct bb_charge_config *config,
                        struct bb_facts *facts)
{
    facts->soc_known = validity->soc.known;
    facts->soc_valid = is_fresh(validity, &validity->soc);
    facts->soc = validity->soc.value;
    facts->capacity_reported = validity->capacity.known;
    facts->capacity_ah = validity->capacity.known ? validity->capacity.value : config->capacity_ah;
    facts->remain_valid = is_fresh(validity, &validity->remain);
    facts->remain_ah = validity->remain.value;
    facts->most_v = validity->most_v.known ? validity->most_v.value : 0.0;
}

void bb_validity_view(const struct bb_validity *validity, const struct bb_charge_config *config,
                      struct bb_facts *ret_facts)
{
    *ret_facts = (struct bb_facts){0};
    view_cells(validity, ret_facts);
    view_voltage(validity, ret_facts);
    view_sensors(validity, config, ret_facts);
    view_charge(validity, config, ret_facts);
    for (unsigned i = 0; i < BB_DIRECTIONS; i++) {
        ret_facts->fet[i] = view_fet(validity, &validity->fet[i]);
        ret_facts->bms_limit_known[i] = validity->bms_limit[i].known;
        ret_facts->bms_limit[i] = fmax(validity->bms_limit[i].value, 0.0);
    }
    ret_facts->current_valid = is_fresh(validity, &validity->current);
    ret_facts->raw_current = validity->current.value;
    ret_facts->current = clamp_current(ret_facts);
}

struct bb_cell_range bb_validity_cells(const struct bb_validity *validity)
{
    struct bb_cell_range range = {.known = validity->cells_known && validity->cell_count > 0 &&
                                           validity->other_count == 0};
    if (!range.known) {
        return range;
    }
    range.min_v = INFINITY;
    for (unsigned i = 0; i < validity->cell_count; i++) {
        range.min_v = fmin(range.min_v, validity->cell_v[i]);
        range.max_v = fmax(range.max_v, validity->cell_v[i]);
    }
    return range;
}
