#include "services/aggregator/cvl.h"

#include <math.h>

#include "services/aggregator/contradiction.h"

#define EPSILON_V 1e-6            /* sums of millivolts are not exact in binary */
#define START_TOLERANCE_V 0.0005  /* per cell, below full voltage, starts absorption */
#define ABSORPTION_END_DROP_V 0.5 /* below full voltage ends absorption, for the pack */
#define AT_VOLTAGE_V 0.1          /* this close to the limit counts as being there */
#define TRANSITION_V_PER_S 0.001
#define CLIPPED_MARGIN_V 0.010 /* keeps the clipped sum just above the pack voltage */
#define OVERVOLTAGE_V 0.15     /* above the cell limit: stop charging whatever the mode */
#define APART_MS 60000
#define APART_CURRENT_C 0.1           /* load pulls cells apart; only rest counts */
#define RETRY_MS (24 * 3600 * 1000LL) /* after absorption that took too long */
#define MILLIVOLT 1000.0

static double round_to(double value, double steps_per_unit)
{
    return round(value * steps_per_unit) / steps_per_unit;
}

void bb_cvl_init(struct bb_cvl *cvl, const struct bb_charge_config *config)
{
    *cvl =
        (struct bb_cvl){.mode = config->cvl_enabled ? BB_MODE_BULK : BB_MODE_FIXED, .apart_ms = -1};
}

struct bb_cvl_levels bb_cvl_levels(const struct bb_charge_config *config, unsigned cell_count,
                                   double most_v)
{
    struct bb_cvl_levels levels = {.max_v = round_to(config->max_cell_v * cell_count, 100.0),
                                   .float_v = round_to(config->float_cell_v * cell_count, 100.0),
                                   .min_v = round_to(config->min_cell_v * cell_count, 100.0)};
    if (most_v >= levels.min_v && most_v < levels.max_v) {
        levels.max_v = round_to(most_v, 100.0);
        levels.float_v = fmin(levels.float_v, levels.max_v);
    }
    return levels;
}

/* The pack's sum with every cell above its limit counted as at the limit. */
static double clipped_sum(const struct bb_charge_config *config, const struct bb_facts *facts)
{
    double sum = 0.0;
    for (unsigned i = 0; i < facts->cell_count; i++) {
        sum += fmin(facts->cell_v[i], config->max_cell_v);
    }
    return sum;
}

static double clipped_limit(const struct bb_charge_config *config, const struct bb_facts *facts,
                            double max_v)
{
    if (facts->max_v <= config->max_cell_v + EPSILON_V) {
        return max_v;
    }
    return fmin(round_to(clipped_sum(config, facts) + CLIPPED_MARGIN_V, MILLIVOLT), max_v);
}

static double controller_limit(const struct bb_cvl *cvl, const struct bb_charge_config *config,
                               const struct bb_facts *facts, const struct bb_cvl_levels *levels,
                               int64_t step_ms)
{
    switch (config->controller) {
    case BB_CONTROLLER_NONE:
        return levels->max_v;
    case BB_CONTROLLER_PENALTY:
        return facts->max_v > config->max_cell_v + EPSILON_V
                   ? round_to(clipped_sum(config, facts), MILLIVOLT)
                   : levels->max_v;
    case BB_CONTROLLER_INTEGRATING: {
        double from_v = cvl->ceiling.limited ? cvl->ceiling.volts : levels->max_v;
        double excess_v = facts->max_v - config->max_cell_v - config->float_diff_v;
        double change_v = excess_v * config->integrating_factor * (double)step_ms / 1000.0;
        return from_v - change_v;
    }
    case BB_CONTROLLER_CLIPPED:
        return clipped_limit(config, facts, levels->max_v);
    }
    return levels->min_v;
}

static bool soc_asks_for_bulk(const struct bb_cvl *cvl, const struct bb_charge_config *config,
                              const struct bb_facts *facts, const struct bb_cvl_input *input,
                              const struct bb_cvl_levels *levels)
{
    if (!input->soc_usable || facts->soc >= config->bulk_soc) {
        return false;
    }
    return !cvl->full_at_low_soc || facts->charge_sum_v < levels->float_v;
}

static bool difference_asks_for_bulk(struct bb_cvl *cvl, const struct bb_charge_config *config,
                                     const struct bb_facts *facts, int64_t step_ms)
{
    double difference_v = facts->max_v - facts->min_v;
    bool at_rest =
        facts->current_valid && fabs(facts->raw_current) < APART_CURRENT_C * facts->capacity_ah;
    bool apart = at_rest && difference_v >= config->bulk_diff_v - EPSILON_V;
    return bb_lasts(&cvl->apart_ms, apart, APART_MS, step_ms);
}

static void start_bulk(struct bb_cvl *cvl, bool by_difference)
{
    cvl->floating = false;
    cvl->full_ms = 0;
    cvl->full_at_low_soc = false;
    cvl->bulk_by_difference = by_difference;
    cvl->gave_up = false;
}

static void leave_float(struct bb_cvl *cvl, const struct bb_charge_config *config,
                        const struct bb_facts *facts, const struct bb_cvl_input *input,
                        const struct bb_cvl_levels *levels, int64_t step_ms)
{
    cvl->gave_up_ms += step_ms;
    bool apart = difference_asks_for_bulk(cvl, config, facts, step_ms);
    if (soc_asks_for_bulk(cvl, config, facts, input, levels) ||
        (cvl->gave_up && cvl->gave_up_ms >= RETRY_MS)) {
        start_bulk(cvl, false);
    } else if (apart && !cvl->gave_up) {
        start_bulk(cvl, true);
    }
}

static void become_full(struct bb_cvl *cvl, const struct bb_charge_config *config,
                        const struct bb_facts *facts, const struct bb_cvl_input *input,
                        bool gave_up)
{
    cvl->floating = true;
    cvl->absorbing = false;
    cvl->apart_ms = -1;
    cvl->full_at_low_soc = !input->soc_usable || facts->soc <= config->bulk_soc;
    cvl->gave_up = gave_up;
    cvl->gave_up_ms = 0;
}

/* Absorption with cells that never come close ends too, some day. */
static void count_time_at_full(struct bb_cvl *cvl, const struct bb_charge_config *config,
                               const struct bb_facts *facts, const struct bb_cvl_input *input,
                               int64_t step_ms)
{
    double asked_v = cvl->ceiling.volts;
    if (!cvl->ceiling.known || facts->charge_sum_v < asked_v - ABSORPTION_END_DROP_V) {
        cvl->full_ms = 0;
    } else if (facts->charge_sum_v >= asked_v - AT_VOLTAGE_V) {
        cvl->full_ms += step_ms;
        if (cvl->full_ms > config->absorption_most_ms) {
            become_full(cvl, config, facts, input, true);
        }
    }
}

static void absorb(struct bb_cvl *cvl, const struct bb_charge_config *config,
                   const struct bb_facts *facts, const struct bb_cvl_input *input,
                   const struct bb_cvl_levels *levels, int64_t step_ms)
{
    double difference_v = facts->max_v - facts->min_v;
    double start_v = levels->max_v - START_TOLERANCE_V * facts->cell_count - EPSILON_V;
    if (!cvl->absorbing) {
        if (facts->charge_sum_v >= start_v && difference_v <= config->float_diff_v + EPSILON_V) {
            cvl->absorbing = true;
            cvl->absorbed_ms = 0;
        }
        return;
    }
    cvl->absorbed_ms += step_ms;
    if (difference_v > config->float_diff_v + config->float_deviation_v + EPSILON_V) {
        cvl->absorbed_ms = 0;
    } else if (cvl->absorbed_ms > config->absorption_ms) {
        become_full(cvl, config, facts, input, false);
    }
    if (facts->charge_sum_v < levels->max_v - ABSORPTION_END_DROP_V) {
        cvl->absorbing = false;
    }
}

static void move_mode(struct bb_cvl *cvl, const struct bb_cvl_levels *levels, int64_t step_ms)
{
    if (!cvl->floating) {
        cvl->mode = cvl->absorbing ? BB_MODE_ABSORPTION : BB_MODE_BULK;
        return;
    }
    if (cvl->mode == BB_MODE_FLOAT_TRANSITION) {
        cvl->transition_ms += step_ms;
    } else if (cvl->mode != BB_MODE_FLOAT) {
        cvl->mode = cvl->ceiling.known ? BB_MODE_FLOAT_TRANSITION : BB_MODE_FLOAT;
        cvl->transition_from_v = cvl->ceiling.volts;
        cvl->transition_ms = 0;
    }
    double fallen_v = TRANSITION_V_PER_S * (double)cvl->transition_ms / 1000.0;
    if (cvl->transition_from_v - fallen_v <= levels->float_v + EPSILON_V) {
        cvl->mode = BB_MODE_FLOAT;
    }
}

static double target_voltage(const struct bb_cvl *cvl, const struct bb_cvl_levels *levels)
{
    switch (cvl->mode) {
    case BB_MODE_BULK:
    case BB_MODE_ABSORPTION:
    case BB_MODE_FIXED:
        return levels->max_v;
    case BB_MODE_FLOAT_TRANSITION:
        return cvl->transition_from_v - TRANSITION_V_PER_S * (double)cvl->transition_ms / 1000.0;
    case BB_MODE_FLOAT:
        break;
    }
    return levels->float_v;
}

static double allowed_voltage(const struct bb_cvl *cvl, const struct bb_charge_config *config,
                              const struct bb_facts *facts, const struct bb_cvl_levels *levels,
                              int64_t step_ms)
{
    if (cvl->mode == BB_MODE_FIXED || config->controller == BB_CONTROLLER_NONE) {
        return levels->max_v;
    }
    if (bb_charge_mode_is_float(cvl->mode)) {
        return clipped_limit(config, facts, levels->max_v);
    }
    return controller_limit(cvl, config, facts, levels, step_ms);
}

static void step_mode(struct bb_cvl *cvl, const struct bb_charge_config *config,
                      const struct bb_facts *facts, const struct bb_cvl_input *input,
                      const struct bb_cvl_levels *levels, int64_t step_ms)
{
    if (!config->cvl_enabled) {
        cvl->mode = BB_MODE_FIXED;
        return;
    }
    if (cvl->floating) {
        leave_float(cvl, config, facts, input, levels, step_ms);
    } else {
        absorb(cvl, config, facts, input, levels, step_ms);
    }
    if (!cvl->floating) {
        count_time_at_full(cvl, config, facts, input, step_ms);
    }
    move_mode(cvl, levels, step_ms);
}

void bb_cvl_update(struct bb_cvl *cvl, const struct bb_charge_config *config,
                   const struct bb_facts *facts, const struct bb_cvl_input *input, int64_t step_ms,
                   struct bb_cvl_view *ret_view)
{
    struct bb_cvl_levels levels = bb_cvl_levels(config, facts->cell_count, facts->most_v);
    step_mode(cvl, config, facts, input, &levels, step_ms);
    bool overvoltage =
        input->alarm_overvoltage || facts->max_v >= config->max_cell_v + OVERVOLTAGE_V - EPSILON_V;
    double allowed_v = allowed_voltage(cvl, config, facts, &levels, step_ms);
    double tolerated_v = clipped_limit(config, facts, levels.max_v);
    if (overvoltage) {
        allowed_v = fmin(allowed_v, levels.float_v);
        tolerated_v = fmin(tolerated_v, levels.float_v);
    }
    allowed_v = fmin(fmax(allowed_v, levels.min_v), levels.max_v);
    enum bb_ceiling_step limit =
        bb_ceiling_update(&cvl->ceiling, target_voltage(cvl, &levels), allowed_v,
                          config->cvl_hold_ms, config->cvl_rate_v_per_s, step_ms);
    double control_v = fmin(cvl->ceiling.volts, levels.max_v);
    if (input->hold_at_sum) { /* no reduction for a high cell: it ends with its cause */
        control_v = fmin(control_v, facts->sum_v);
        tolerated_v = fmin(tolerated_v, facts->sum_v);
    }
    *ret_view = (struct bb_cvl_view){
        .mode = cvl->mode,
        .levels = levels,
        .control_v = fmax(control_v, levels.min_v),
        .tolerated_v = fmax(tolerated_v, levels.min_v),
        .limit = limit,
        .overvoltage = overvoltage,
    };
}

const char *bb_charge_mode_text(enum bb_charge_mode mode)
{
    switch (mode) {
    case BB_MODE_BULK:
        return "Bulk";
    case BB_MODE_ABSORPTION:
        return "Absorption";
    case BB_MODE_FLOAT_TRANSITION:
        return "Float Transition";
    case BB_MODE_FLOAT:
        return "Float";
    case BB_MODE_FIXED:
        return "Keep always max voltage";
    }
    return "Error";
}

bool bb_charge_mode_is_float(enum bb_charge_mode mode)
{
    return mode == BB_MODE_FLOAT || mode == BB_MODE_FLOAT_TRANSITION;
}
