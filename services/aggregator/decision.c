#include "services/aggregator/decision.h"

#include <math.h>
#include <string.h>

#include "proto/deadlines.h"

/* A jittering target does not lift a limit by less than this share of its maximum. */
#define BAND 0.05

void bb_decision_init(struct bb_decision_state *state, const struct bb_charge_config *config)
{
    *state = (struct bb_decision_state){0};
    bb_contradictions_init(&state->contradictions);
    bb_cvl_init(&state->cvl, config);
}

static int64_t step_since(struct bb_decision_state *state, int64_t now_ms)
{
    int64_t step_ms = state->stepped && now_ms > state->last_ms ? now_ms - state->last_ms : 0;
    state->stepped = true;
    state->last_ms = now_ms;
    return step_ms < BB_STEP_MAX_MS ? step_ms : BB_STEP_MAX_MS;
}

/* Everything but the curves that forbids a direction. */
static bb_reasons forbidden(const struct bb_charge_config *config,
                            const struct bb_decision_state *state, enum bb_direction direction)
{
    bb_reasons reasons = 0;
    if (config->block_on_alarm && bb_alarms_forbid(&state->protection, direction)) {
        reasons |= bb_reason_bit(BB_REASON_ALARM);
    }
    if (state->contradiction.voltages_exclude || state->contradiction.fet_disbelieved[direction]) {
        reasons |= bb_reason_bit(BB_REASON_CONTRADICTION);
    }
    if (direction == BB_CHARGING &&
        (state->cvl_view.overvoltage || bb_alarms_overvoltage(&state->protection))) {
        reasons |= bb_reason_bit(BB_REASON_OVERVOLTAGE);
    }
    if (state->quarantine_ms > 0) {
        reasons |= bb_reason_bit(BB_REASON_RESTARTS);
    }
    return reasons;
}

static void decide_current(const struct bb_charge_config *config, struct bb_decision_state *state,
                           const struct bb_facts *facts, int64_t step_ms)
{
    for (unsigned i = 0; i < BB_DIRECTIONS; i++) {
        enum bb_direction direction = (enum bb_direction)i;
        const struct bb_current_config *current = &config->current[i];
        const struct bb_limit_rule rule = {.threshold_a = current->max_a * current->threshold,
                                           .band_a = current->max_a * BAND,
                                           .hold_ms = current->hold_ms,
                                           .rate_a_per_s = current->rate_a_per_s};
        state->target[i] =
            bb_current_target(config, facts, direction, forbidden(config, state, direction));
        state->limit_step[i] =
            bb_limit_update(&state->limit[i], &rule, state->target[i].amps, step_ms);
    }
}

/* Without all cells there is no cell to protect by voltage: no more than float. The state of the
 * machine waits until the cells are back. */
static void suspend_voltage(struct bb_decision_state *state, const struct bb_charge_config *config,
                            const struct bb_facts *facts)
{
    struct bb_cvl_levels levels = bb_cvl_levels(config, facts->cell_count, facts->most_v);
    if (facts->count_unsettled) {
        unsigned fewer = state->validity.other_count < facts->cell_count
                             ? state->validity.other_count
                             : facts->cell_count;
        levels = bb_cvl_levels(config, fewer, facts->most_v);
    }
    double control_v = levels.float_v;
    if (state->cvl.ceiling.known) {
        control_v = fmax(fmin(control_v, state->cvl.ceiling.volts), levels.min_v);
    }
    state->cvl_view = (struct bb_cvl_view){.mode = BB_MODE_FLOAT,
                                           .levels = levels,
                                           .control_v = control_v,
                                           .tolerated_v = levels.float_v};
}

/* All readings are fresh: decide anew. */
static void decide(const struct bb_charge_config *config, struct bb_decision_state *state,
                   const struct bb_facts *facts, int64_t step_ms)
{
    const double limit_a[BB_DIRECTIONS] = {state->limit[BB_CHARGING].amps,
                                           state->limit[BB_DISCHARGING].amps};
    bb_contradictions_update(&state->contradictions, config, facts, limit_a, step_ms,
                             &state->contradiction);
    if (facts->cells_valid) {
        const struct bb_cvl_input input = {
            .soc_usable = facts->soc_valid && !state->contradiction.soc_doubtful,
            .alarm_overvoltage = bb_alarms_overvoltage(&state->protection),
            .hold_at_sum = state->contradiction.fet_disbelieved[BB_CHARGING]};
        bb_cvl_update(&state->cvl, config, facts, &input, step_ms, &state->cvl_view);
        state->quarantine_ms = state->quarantine_ms > step_ms ? state->quarantine_ms - step_ms : 0;
    } else {
        suspend_voltage(state, config, facts);
    }
    decide_current(config, state, facts, step_ms);
}

/* Both limits 0 at once; the way back is a recovery from 0. */
static void block(struct bb_decision_state *state, const struct bb_charge_config *config,
                  const struct bb_facts *facts, enum bb_reason reason)
{
    for (unsigned i = 0; i < BB_DIRECTIONS; i++) {
        if (reason != BB_REASON_STARTING) {
            bb_limit_restore(&state->limit[i], 0.0);
        }
        state->target[i] = (struct bb_current_target){.reasons = bb_reason_bit(reason)};
        state->limit_step[i] = BB_LIMIT_AT_TARGET;
    }
    suspend_voltage(state, config, facts);
}

static void take(const struct bb_charge_config *config, struct bb_decision_state *state,
                 const struct bb_snapshot *snapshot)
{
    bool newer =
        snapshot->seen && (!state->validity.taken || snapshot->mono_ms > state->validity.sample_ms);
    if (newer) {
        bb_alarms_take(&state->protection, &snapshot->battery.protection);
        bb_validity_take(&state->validity, config, snapshot);
    }
}

/* What had been waited for before an outage says nothing about now. */
static void forget_waiting(struct bb_decision_state *state, enum bb_link_state link)
{
    if (state->was_lost && link == BB_LINK_ONLINE) {
        for (unsigned i = 0; i < BB_DIRECTIONS; i++) {
            state->limit[i].above = false;
            state->limit[i].rising = false;
        }
    }
    state->was_lost = link == BB_LINK_LOST || (state->was_lost && link != BB_LINK_ONLINE);
}

static bool is_connected(const struct bb_decision_state *state, const struct bb_facts *facts,
                         unsigned direction)
{
    return facts->fet[direction] != BB_FET_OPEN || state->contradiction.fet_disbelieved[direction];
}

static uint32_t warning(bool condition, enum bb_warning warning)
{
    return condition ? (uint32_t)1 << warning : 0;
}

static bool a_sensor_is_lost(const struct bb_facts *facts)
{
    bool lost = facts->mosfet_known && !facts->mosfet_valid;
    for (unsigned i = 0; i < BB_SENSORS; i++) {
        lost = lost || (facts->sensor_known[i] && !facts->sensor_valid[i]);
    }
    return lost;
}

static uint32_t find_warnings(const struct bb_charge_config *config,
                              const struct bb_decision_state *state, const struct bb_facts *facts)
{
    if (!state->started) {
        return 0;
    }
    const struct bb_contradiction_view *view = &state->contradiction;
    bool excess = view->excess_level[BB_CHARGING] > 0 || view->excess_level[BB_DISCHARGING] > 0;
    return warning(!facts->cells_valid && !facts->count_unsettled, BB_WARNING_CELLS) |
           warning(facts->count_unsettled, BB_WARNING_COUNT) |
           warning(view->voltages_differ, BB_WARNING_VOLTAGE) |
           warning(view->fet_disbelieved[BB_CHARGING] || view->fet_disbelieved[BB_DISCHARGING],
                   BB_WARNING_FET) |
           warning(excess, BB_WARNING_EXCESS) |
           warning(facts->sensors_valid == 0 && !config->sensorless, BB_WARNING_TEMPERATURE) |
           warning(a_sensor_is_lost(facts), BB_WARNING_SENSOR) |
           warning(state->cvl_view.overvoltage, BB_WARNING_OVERVOLTAGE) |
           warning(state->cvl.floating && state->cvl.gave_up, BB_WARNING_ABSORPTION);
}

void bb_decision_make(const struct bb_charge_config *config, struct bb_decision_state *state,
                      const struct bb_snapshot *snapshot, int64_t now_ms,
                      struct bb_decision *ret_decision)
{
    int64_t step_ms = step_since(state, now_ms);
    take(config, state, snapshot);
    struct bb_facts facts;
    bb_validity_view(&state->validity, config, &facts);
    struct bb_link_view link =
        bb_link_view_at(config, snapshot->seen, snapshot->mono_ms, snapshot->interval_ms,
                        bb_validity_cells(&state->validity), now_ms);
    bool online = link.state == BB_LINK_ONLINE;
    state->started = state->started || (online && facts.cells_valid);
    forget_waiting(state, link.state);
    if (!state->started) {
        block(state, config, &facts,
              link.state == BB_LINK_LOST ? BB_REASON_LOST : BB_REASON_STARTING);
    } else if (link.blocked) {
        block(state, config, &facts, BB_REASON_LOST);
    } else if (online) {
        decide(config, state, &facts, step_ms);
    }
    struct bb_decision decision = {.link = link,
                                   .facts = facts,
                                   .levels_known = facts.cell_count > 0,
                                   .levels = state->cvl_view.levels,
                                   .mode = state->cvl_view.mode,
                                   .bulk_by_difference = state->cvl.bulk_by_difference,
                                   .control_v = state->cvl_view.control_v,
                                   .tolerated_v = state->cvl_view.tolerated_v,
                                   .warnings = find_warnings(config, state, &facts)};
    bool blocked = !state->started || link.blocked;
    for (unsigned i = 0; i < BB_DIRECTIONS; i++) {
        decision.limit_a[i] = blocked ? 0.0 : bb_amps_round(state->limit[i].amps);
        decision.target_a[i] = state->target[i].amps;
        decision.max_a[i] = config->current[i].max_a;
        decision.connected[i] = is_connected(state, &facts, i);
    }
    *ret_decision = decision;
    bb_decision_fill(config, state, snapshot, ret_decision);
}

const char *bb_warning_text(enum bb_warning warning)
{
    switch (warning) {
    case BB_WARNING_CELLS:
        return "a cell voltage is missing or implausible: no charging, no discharging";
    case BB_WARNING_COUNT:
        return "the number of cells changed: no current until it has been steady for a minute";
    case BB_WARNING_VOLTAGE:
        return "pack voltage and sum of the cells differ";
    case BB_WARNING_FET:
        return "current flows through a switch that the BMS reports open";
    case BB_WARNING_EXCESS:
        return "the current is above the limit: it is not obeyed";
    case BB_WARNING_TEMPERATURE:
        return "no cell temperature: no charging (sensorless = yes in [battery ID] if it has none)";
    case BB_WARNING_SENSOR:
        return "a temperature sensor that worked before does not any more: half the current";
    case BB_WARNING_OVERVOLTAGE:
        return "a cell is far above its limit: no charging";
    case BB_WARNING_ABSORPTION:
        return "the cells did not come close in absorption: float, and another try tomorrow";
    case BB_WARNINGS:
        break;
    }
    return "";
}
