#include "services/aggregator/current_limits.h"

#include <math.h>

#include "services/aggregator/limit.h"

/* Limits closer than this are the same. */
#define SAME_A 0.0005
/* Share of the maximum that is left when a sensor that worked before stops. */
#define SENSOR_LOST_FRACTION 0.5
#define EVERY_FRACTION 1.0

static void lower(struct bb_current_target *target, double amps, enum bb_reason reason)
{
    double limit = bb_amps_round(amps);
    if (limit < target->amps - SAME_A) {
        target->amps = limit;
        target->reasons = bb_reason_bit(reason);
    } else if (fabs(limit - target->amps) <= SAME_A &&
               target->reasons != bb_reason_bit(BB_REASON_MAX)) {
        target->reasons |= bb_reason_bit(reason);
    }
}

static double fraction(const struct bb_charge_config *config, const struct bb_curve *curve,
                       double value, enum bb_curve_step step)
{
    return config->step_mode ? bb_curve_step(curve, value, step) : bb_curve_linear(curve, value);
}

static void lower_by_cells(struct bb_current_target *target, const struct bb_charge_config *config,
                           const struct bb_facts *facts, enum bb_direction direction)
{
    const struct bb_current_config *current = &config->current[direction];
    if (!facts->cells_valid) {
        lower(target, 0.0, BB_REASON_NO_DATA);
        return;
    }
    if (current->use_cell) {
        bool charging = direction == BB_CHARGING;
        double share = fraction(config, &current->cell, charging ? facts->max_v : facts->min_v,
                                charging ? BB_STEP_BELOW : BB_STEP_ABOVE);
        lower(target, current->max_a * share, BB_REASON_CELL);
    }
}

/* Every sensor that ever worked counts: with its last good value, and once it is lost with half
 * the current at most. Charging without any valid cell sensor is not possible. */
static void lower_by_temperature(struct bb_current_target *target,
                                 const struct bb_charge_config *config,
                                 const struct bb_facts *facts, enum bb_direction direction)
{
    const struct bb_current_config *current = &config->current[direction];
    double share = EVERY_FRACTION;
    bool lost = false;
    for (unsigned i = 0; i < BB_SENSORS; i++) {
        if (facts->sensor_known[i]) {
            share = fmin(
                share, fraction(config, &current->temperature, facts->sensor[i], BB_STEP_SMALLER));
            lost = lost || !facts->sensor_valid[i];
        }
    }
    if (current->use_temperature) {
        lower(target, current->max_a * share, BB_REASON_TEMPERATURE);
        if (lost) {
            lower(target, current->max_a * SENSOR_LOST_FRACTION, BB_REASON_SENSOR);
        }
    }
    if (direction == BB_CHARGING && facts->sensors_valid == 0 && !config->sensorless) {
        lower(target, 0.0, BB_REASON_NO_DATA);
    }
}

static void lower_by_mosfet(struct bb_current_target *target, const struct bb_charge_config *config,
                            const struct bb_facts *facts, enum bb_direction direction)
{
    const struct bb_current_config *current = &config->current[direction];
    if (!current->use_mosfet || !facts->mosfet_known) {
        return;
    }
    double share = fraction(config, &current->mosfet, facts->mosfet, BB_STEP_BELOW);
    lower(target, current->max_a * share, BB_REASON_MOSFET);
    if (!facts->mosfet_valid) {
        lower(target, current->max_a * SENSOR_LOST_FRACTION, BB_REASON_SENSOR);
    }
}

/* A SoC that is not reported any more goes on counting as it was; one that never was counts as
 * the least favourable. */
static void lower_by_soc(struct bb_current_target *target, const struct bb_charge_config *config,
                         const struct bb_facts *facts, enum bb_direction direction)
{
    const struct bb_current_config *current = &config->current[direction];
    if (!current->use_soc) {
        return;
    }
    double share = facts->soc_known ? fraction(config, &current->soc, facts->soc, BB_STEP_ABOVE)
                                    : bb_curve_lowest(&current->soc);
    lower(target, current->max_a * share, BB_REASON_SOC);
}

static void forbid(struct bb_current_target *target, bb_reasons forbidden)
{
    for (unsigned i = 0; i < BB_REASONS; i++) {
        if ((forbidden & bb_reason_bit((enum bb_reason)i)) != 0) {
            lower(target, 0.0, (enum bb_reason)i);
        }
    }
}

struct bb_current_target bb_current_target(const struct bb_charge_config *config,
                                           const struct bb_facts *facts,
                                           enum bb_direction direction, bb_reasons forbidden)
{
    const struct bb_current_config *current = &config->current[direction];
    struct bb_current_target target = {.amps = bb_amps_round(current->max_a),
                                       .reasons = bb_reason_bit(BB_REASON_MAX)};
    if (facts->bms_limit_known[direction] && facts->bms_limit[direction] < current->max_a) {
        lower(&target, facts->bms_limit[direction], BB_REASON_BMS_SETTINGS);
    }
    lower_by_cells(&target, config, facts, direction);
    lower_by_temperature(&target, config, facts, direction);
    lower_by_mosfet(&target, config, facts, direction);
    lower_by_soc(&target, config, facts, direction);
    enum bb_fet fet = facts->fet[direction];
    if (fet == BB_FET_OPEN || fet == BB_FET_UNKNOWN) {
        lower(&target, 0.0, BB_REASON_BMS);
    }
    forbid(&target, forbidden);
    return target;
}
