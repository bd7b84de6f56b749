/* The published form of a decision: every field of charge/<id> for one battery. */
#include <math.h>
#include <stdio.h>

#include "services/aggregator/decision.h"
#include "services/aggregator/text.h"

static void fill_name(struct bb_charge *charge, const struct bb_charge_config *config,
                      const struct bb_snapshot *snapshot)
{
    bb_text_append(charge->kind, sizeof charge->kind, "battery");
    const char *name = config->name[0] != '\0' ? config->name : snapshot->battery.device.name;
    bb_text_append(charge->name, sizeof charge->name, name);
}

static const char *voltage_reason(const struct bb_decision_state *state,
                                  const struct bb_charge_config *config,
                                  const struct bb_decision *decision)
{
    const struct bb_facts *facts = &decision->facts;
    if (!state->started && decision->link.state != BB_LINK_LOST) {
        return "Starting";
    }
    if (decision->link.blocked) {
        return "Battery lost";
    }
    if (!facts->cells_valid) {
        return "No data";
    }
    if (state->cvl_view.overvoltage) {
        return "Cell Over-Voltage";
    }
    switch (state->cvl_view.limit) {
    case BB_CEILING_LIMITED:
        return facts->max_v > config->max_cell_v ? "Cell Voltage" : "Cell Voltage *";
    case BB_CEILING_RECOVERING:
        return "Cell Voltage *";
    case BB_CEILING_FREE:
        break;
    }
    return bb_charge_mode_text(decision->mode);
}

static void fill_current_reason(char *text, size_t capacity, const struct bb_decision_state *state,
                                const struct bb_decision *decision, enum bb_direction direction)
{
    bb_reasons reasons = state->target[direction].reasons;
    bool kept = decision->link.state == BB_LINK_LOST && !decision->link.blocked;
    if (kept) {
        reasons |= bb_reason_bit(BB_REASON_LOST);
    }
    bool held = kept || state->limit_step[direction] == BB_LIMIT_HELD;
    bb_reason_text(text, capacity, reasons, direction, held);
}

static void fill_limits(struct bb_charge *charge, const struct bb_charge_config *config,
                        const struct bb_decision_state *state, const struct bb_decision *decision)
{
    double cvl = decision->levels_known ? decision->control_v + config->voltage_drop_v : 0.0;
    charge->cvl = bb_real(round(cvl * 100.0) / 100.0);
    charge->ccl = bb_real(decision->limit_a[BB_CHARGING]);
    charge->dcl = bb_real(decision->limit_a[BB_DISCHARGING]);
    bb_text_append(charge->cvl_reason, sizeof charge->cvl_reason,
                   voltage_reason(state, config, decision));
    fill_current_reason(charge->ccl_reason, sizeof charge->ccl_reason, state, decision,
                        BB_CHARGING);
    fill_current_reason(charge->dcl_reason, sizeof charge->dcl_reason, state, decision,
                        BB_DISCHARGING);
    bool allow[BB_DIRECTIONS];
    for (unsigned i = 0; i < BB_DIRECTIONS; i++) {
        enum bb_fet fet = decision->facts.fet[i];
        allow[i] = decision->limit_a[i] > 0.0 && (fet == BB_FET_CLOSED || fet == BB_FET_UNREPORTED);
    }
    charge->allow_charge = bb_flag(allow[BB_CHARGING]);
    charge->allow_discharge = bb_flag(allow[BB_DISCHARGING]);
    charge->modules_blocking_charge = bb_integer(allow[BB_CHARGING] ? 0 : 1);
    charge->modules_blocking_discharge = bb_integer(allow[BB_DISCHARGING] ? 0 : 1);
    if (decision->levels_known) {
        charge->float_voltage = bb_real(decision->levels.float_v);
        charge->max_voltage = bb_real(decision->levels.max_v);
        charge->ceiling_voltage = bb_real(decision->tolerated_v);
        charge->battery_low_voltage = bb_real(decision->levels.min_v);
        charge->cell_count = bb_integer(decision->facts.cell_count);
    }
}

static bool any_cell_balances(const struct bb_battery *battery)
{
    for (unsigned i = 0; i < battery->cells_count; i++) {
        if (battery->cells[i].balance.present && battery->cells[i].balance.value) {
            return true;
        }
    }
    return false;
}

static void fill_mode(struct bb_charge *charge, const struct bb_decision_state *state,
                      const struct bb_snapshot *snapshot, const struct bb_decision *decision)
{
    bb_text_append(charge->mode, sizeof charge->mode, bb_charge_mode_text(decision->mode));
    if (decision->mode != BB_MODE_BULK && decision->mode != BB_MODE_ABSORPTION) {
        return;
    }
    char *flags = charge->flags;
    if (state->cvl_view.limit == BB_CEILING_LIMITED) {
        bb_text_append_item(flags, sizeof charge->flags, ",", "cell_ovp");
    } else if (state->cvl_view.limit == BB_CEILING_RECOVERING) {
        bb_text_append_item(flags, sizeof charge->flags, ",", "cell_ovp_recovery");
    }
    if (any_cell_balances(&snapshot->battery)) {
        bb_text_append_item(flags, sizeof charge->flags, ",", "balancing");
    }
    if (snapshot->battery.heating.present && snapshot->battery.heating.value) {
        bb_text_append_item(flags, sizeof charge->flags, ",", "heating");
    }
}

static void fill_cells(struct bb_charge *charge, const struct bb_facts *facts)
{
    if (!facts->cells_valid) {
        return;
    }
    charge->cell_sum = bb_real(facts->sum_v);
    charge->cell_diff = bb_real(facts->max_v - facts->min_v);
    charge->min_cell_voltage = bb_real(facts->min_v);
    charge->max_cell_voltage = bb_real(facts->max_v);
    (void)snprintf(charge->min_cell_id, sizeof charge->min_cell_id, "C%u", facts->min_cell + 1);
    (void)snprintf(charge->max_cell_id, sizeof charge->max_cell_id, "C%u", facts->max_cell + 1);
}

static void fill_temperatures(struct bb_charge *charge, const struct bb_charge_config *config,
                              const struct bb_facts *facts)
{
    if (facts->sensors_valid == 0) {
        return;
    }
    charge->temperature = bb_real(facts->temperature);
    charge->min_temperature = bb_real(facts->min_temperature);
    charge->max_temperature = bb_real(facts->max_temperature);
    bb_text_append(charge->min_temperature_id, sizeof charge->min_temperature_id,
                   config->sensor_name[facts->min_sensor]);
    bb_text_append(charge->max_temperature_id, sizeof charge->max_temperature_id,
                   config->sensor_name[facts->max_sensor]);
}

static void fill_charge_state(struct bb_charge *charge, const struct bb_battery *battery,
                              const struct bb_facts *facts)
{
    if (facts->soc_valid) {
        charge->soc = bb_real(facts->soc);
    }
    if (battery->soh.present && isfinite(battery->soh.value)) {
        charge->soh = battery->soh;
    }
    if (facts->remain_valid) {
        charge->capacity_remain = bb_real(facts->remain_ah);
    } else if (facts->soc_valid) {
        charge->capacity_remain = bb_real(facts->capacity_ah * facts->soc / 100.0);
    }
    if (charge->capacity_remain.present) {
        charge->consumed = bb_real(-fabs(facts->capacity_ah - charge->capacity_remain.value));
    }
}

/* Readings, as long as the battery is not lost: nothing older is ever published. */
static void fill_readings(struct bb_charge *charge, const struct bb_charge_config *config,
                          const struct bb_battery *battery, const struct bb_facts *facts)
{
    if (facts->voltage_valid) {
        charge->voltage = bb_real(facts->voltage);
    }
    if (facts->current_valid) {
        charge->current = bb_real(facts->current);
        if (facts->voltage_valid) {
            charge->power = bb_real(facts->voltage * facts->current);
        }
    }
    fill_charge_state(charge, battery, facts);
    fill_cells(charge, facts);
    fill_temperatures(charge, config, facts);
    charge->allow_balance = battery->balance_fet;
    charge->allow_heat = battery->heater_fet;
}

void bb_decision_fill(const struct bb_charge_config *config, const struct bb_decision_state *state,
                      const struct bb_snapshot *snapshot, struct bb_decision *ret)
{
    struct bb_charge *charge = &ret->charge;
    bool heard = ret->link.state == BB_LINK_ONLINE || ret->link.state == BB_LINK_STALE;
    fill_name(charge, config, snapshot);
    bb_text_append(charge->link, sizeof charge->link, bb_link_state_text(ret->link.state));
    fill_limits(charge, config, state, ret);
    fill_mode(charge, state, snapshot, ret);
    charge->modules_online = bb_integer(heard ? 1 : 0);
    charge->modules_offline = bb_integer(heard ? 0 : 1);
    charge->bms_cable = bb_integer(ret->link.bms_cable);
    charge->capacity = bb_real(ret->facts.capacity_ah);
    bool cells_missing = state->started && !ret->facts.cells_valid;
    charge->alarms = bb_alarms_decide(&state->protection, &state->contradiction, cells_missing);
    if (heard) {
        fill_readings(charge, config, &snapshot->battery, &ret->facts);
    }
}
