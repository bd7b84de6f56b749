/* Charge voltage of a bank.
 *
 * While any battery is still charging, the bank asks for the lowest voltage of those that are;
 * batteries already floating do not lower it. Whatever a battery's mode, the bank never goes
 * above the voltage its cells tolerate now. When all float, the voltage falls by 1 mV/s.
 */
#include <math.h>
#include <string.h>

#include "services/aggregator/bank_view.h"
#include "services/aggregator/text.h"

#define TRANSITION_V_PER_S 0.001
#define SAME_V 0.0005

struct levels {
    bool known;
    double max_v, float_v, min_v, low_v, tolerated_v; /* low_v: the highest of the lowest */
    const struct bb_bank_item *least_tolerant;
};

/* What decides about the mode, over the batteries that are heard and can be charged. */
struct modes {
    size_t count, charging, absorbing, fixed;
    bool asks_for_bulk; /* one is charging for another reason than drifting cells */
    double charging_v;  /* lowest limit of those charging */
    double floating_v;  /* lowest limit of those in float */
    const struct bb_bank_item *lowest;
};

static bool counts(const struct bb_bank_view *view, const struct bb_bank_item *item)
{
    if (!item->decision || !item->decision->levels_known) {
        return false;
    }
    for (size_t i = 0; i < view->count; i++) {
        const struct bb_bank_item *other = &view->items[i];
        if (other->in[BB_CHARGING] && other->decision && other->decision->levels_known) {
            return item->in[BB_CHARGING];
        }
    }
    return true; /* every charge switch is open: all count, none can be charged */
}

static struct levels find_levels(const struct bb_bank_view *view)
{
    struct levels levels = {
        .max_v = INFINITY, .float_v = INFINITY, .min_v = INFINITY, .tolerated_v = INFINITY};
    for (size_t i = 0; i < view->count; i++) {
        const struct bb_bank_item *item = &view->items[i];
        if (!counts(view, item)) {
            continue;
        }
        const struct bb_decision *decision = item->decision;
        levels.known = true;
        levels.max_v = fmin(levels.max_v, decision->levels.max_v);
        levels.float_v = fmin(levels.float_v, decision->levels.float_v);
        levels.min_v = fmin(levels.min_v, decision->levels.min_v);
        levels.low_v = fmax(levels.low_v, decision->levels.min_v);
        if (decision->tolerated_v < levels.tolerated_v) {
            levels.tolerated_v = decision->tolerated_v;
            levels.least_tolerant = item;
        }
    }
    return levels;
}

/* As long as none has arrived in float, the lowest float voltage is what they fall to. */
static struct modes find_modes(const struct bb_bank_view *view, const struct levels *levels)
{
    struct modes modes = {.charging_v = INFINITY, .floating_v = INFINITY};
    for (size_t i = 0; i < view->count; i++) {
        const struct bb_bank_item *item = &view->items[i];
        if (!item->present || !counts(view, item)) {
            continue;
        }
        const struct bb_decision *decision = item->decision;
        modes.count++;
        if (bb_charge_mode_is_float(decision->mode)) {
            if (decision->mode == BB_MODE_FLOAT) {
                modes.floating_v = fmin(modes.floating_v, decision->control_v);
            }
            continue;
        }
        modes.charging++;
        modes.absorbing += decision->mode == BB_MODE_ABSORPTION ? 1 : 0;
        modes.fixed += decision->mode == BB_MODE_FIXED ? 1 : 0;
        modes.asks_for_bulk = modes.asks_for_bulk || !decision->bulk_by_difference;
        if (decision->control_v < modes.charging_v) {
            modes.charging_v = decision->control_v;
            modes.lowest = item;
        }
    }
    modes.floating_v = isfinite(modes.floating_v) ? modes.floating_v : levels->float_v;
    return modes;
}

static enum bb_charge_mode charging_mode(const struct modes *modes)
{
    if (modes->fixed == modes->charging) {
        return BB_MODE_FIXED;
    }
    return modes->absorbing == modes->charging ? BB_MODE_ABSORPTION : BB_MODE_BULK;
}

/* Moves between charging and float; modes->count > 0. */
static void move_mode(struct bb_bank_state *state, const struct modes *modes, int64_t step_ms)
{
    if (state->floating && (modes->asks_for_bulk || modes->charging == modes->count)) {
        state->floating = false;
    } else if (!state->floating && modes->charging == 0) {
        state->floating = true;
        state->transition_v = state->ceiling.known ? state->ceiling.volts : modes->floating_v;
        state->mode = BB_MODE_FLOAT_TRANSITION;
    } else if (state->floating && state->mode == BB_MODE_FLOAT_TRANSITION) {
        state->transition_v -= TRANSITION_V_PER_S * (double)step_ms / 1000.0;
    } else if (state->floating) {
        state->mode = BB_MODE_FLOAT;
    }
    if (!state->floating) {
        state->mode = charging_mode(modes);
    } else if (state->mode == BB_MODE_FLOAT_TRANSITION &&
               state->transition_v <= modes->floating_v + SAME_V) {
        state->mode = BB_MODE_FLOAT;
    }
}

static double target_voltage(const struct bb_bank_state *state, const struct modes *modes)
{
    if (!state->floating) {
        return modes->charging_v;
    }
    return state->mode == BB_MODE_FLOAT_TRANSITION ? state->transition_v : modes->floating_v;
}

/* While a battery that may be connected is not fresh, the voltage does not rise. */
static bool may_rise(const struct bb_bank_view *view)
{
    for (size_t i = 0; i < view->count; i++) {
        if (view->items[i].in[BB_CHARGING] && !view->items[i].online) {
            return false;
        }
    }
    return true;
}

static void step_ceiling(struct bb_bank_view *view, const struct levels *levels, double target_v)
{
    struct bb_ceiling *ceiling = &view->state->ceiling;
    bool rises = may_rise(view);
    bool was_known = ceiling->known;
    double before_v = ceiling->volts;
    double allowed_v = fmin(levels->tolerated_v, levels->max_v);
    (void)bb_ceiling_update(ceiling, fmin(target_v, levels->max_v), allowed_v,
                            view->config->cvl_hold_ms, view->config->cvl_rate_v_per_s,
                            rises ? view->step_ms : 0);
    if (was_known && !rises) {
        ceiling->volts = fmin(ceiling->volts, before_v);
    }
}

static void give_reason(const struct bb_bank_view *view, const struct levels *levels,
                        const struct modes *modes, struct bb_charge *charge)
{
    const struct bb_bank_state *state = view->state;
    const struct bb_bank_item *item = NULL;
    bool by_tolerance = levels->tolerated_v <= state->ceiling.volts + SAME_V &&
                        levels->tolerated_v < levels->max_v - SAME_V;
    if (by_tolerance) {
        item = levels->least_tolerant;
    } else if (!state->floating && modes->charging_v < levels->max_v - SAME_V) {
        item = modes->lowest;
    }
    size_t capacity = sizeof charge->cvl_reason;
    if (!item) {
        bb_text_append(charge->cvl_reason, capacity, bb_charge_mode_text(state->mode));
        bb_text_append(charge->cvl_reason, capacity, state->ceiling.limited ? " *" : "");
        return;
    }
    const char *reason = item->decision->charge.cvl_reason;
    bool says_mode = strcmp(reason, item->decision->charge.mode) == 0;
    bb_text_append(charge->cvl_reason, capacity, item->name);
    bb_text_append(charge->cvl_reason, capacity, ": ");
    bb_text_append(charge->cvl_reason, capacity, says_mode ? "Cell Voltage" : reason);
}

static void give_flags(const struct bb_bank_view *view, struct bb_charge *charge)
{
    static const char *const known[] = {"cell_ovp_recovery", "balancing", "heating"};
    bool limited = view->state->ceiling.limited;
    for (size_t i = 0; i < view->count; i++) {
        const struct bb_bank_item *item = &view->items[i];
        const char *flags = item->present ? item->decision->charge.flags : "";
        limited = limited || strcmp(flags, "cell_ovp") == 0 || strstr(flags, "cell_ovp,") != NULL;
    }
    if (limited) {
        bb_text_append(charge->flags, sizeof charge->flags, "cell_ovp");
    }
    for (size_t k = 0; k < sizeof known / sizeof known[0]; k++) {
        for (size_t i = 0; i < view->count; i++) {
            const struct bb_bank_item *item = &view->items[i];
            if (item->present && strstr(item->decision->charge.flags, known[k])) {
                bb_text_append_item(charge->flags, sizeof charge->flags, ",", known[k]);
                break;
            }
        }
    }
}

/* A bank of one battery has that battery's voltage. */
static void follow_only_member(struct bb_bank_view *view, struct bb_charge *charge)
{
    const struct bb_decision *decision = view->items[0].decision;
    struct bb_bank_state *state = view->state;
    state->floating = bb_charge_mode_is_float(decision->mode);
    state->mode = decision->mode;
    state->transition_v = decision->control_v;
    state->ceiling = (struct bb_ceiling){.known = true, .volts = decision->control_v};
    charge->cvl = decision->charge.cvl;
    bb_text_append(charge->flags, sizeof charge->flags, decision->charge.flags);
    bb_text_append(charge->cvl_reason, sizeof charge->cvl_reason, view->items[0].name);
    bb_text_append(charge->cvl_reason, sizeof charge->cvl_reason, ": ");
    bb_text_append(charge->cvl_reason, sizeof charge->cvl_reason, decision->charge.cvl_reason);
}

/* Nobody is heard: no more than the lowest float voltage. The modes wait. */
static void suspend(struct bb_bank_view *view, const struct levels *levels,
                    struct bb_charge *charge)
{
    struct bb_ceiling *ceiling = &view->state->ceiling;
    double control_v = levels->float_v;
    if (ceiling->known) {
        control_v = fmax(fmin(control_v, ceiling->volts), levels->min_v);
    }
    charge->cvl = bb_real(control_v);
    view->state->mode = BB_MODE_FLOAT;
    bool lost = view->state->complete;
    bb_text_append(charge->cvl_reason, sizeof charge->cvl_reason,
                   lost ? "No battery is heard" : "Starting");
}

static void decide(struct bb_bank_view *view, const struct levels *levels, struct bb_charge *charge)
{
    struct modes modes = find_modes(view, levels);
    if (modes.count == 0) {
        suspend(view, levels, charge);
        return;
    }
    struct bb_bank_state *state = view->state;
    move_mode(state, &modes, view->step_ms);
    step_ceiling(view, levels, target_voltage(state, &modes));
    double cvl = fmax(state->ceiling.volts, levels->min_v);
    charge->cvl = bb_real(round((cvl + view->config->voltage_drop_v) * 100.0) / 100.0);
    give_reason(view, levels, &modes, charge);
    if (!state->floating) {
        give_flags(view, charge);
    }
}

void bb_bank_voltage(struct bb_bank_view *view, struct bb_charge *charge)
{
    struct levels levels = find_levels(view);
    const struct bb_decision *first = view->items[0].decision;
    if (view->count == 1 && first && first->levels_known) {
        follow_only_member(view, charge);
    } else {
        decide(view, &levels, charge);
    }
    bb_text_append(charge->mode, sizeof charge->mode, bb_charge_mode_text(view->state->mode));
    charge->float_voltage = bb_real(levels.float_v);
    charge->max_voltage = bb_real(levels.max_v);
    charge->ceiling_voltage = bb_real(fmin(levels.tolerated_v, levels.max_v));
    charge->battery_low_voltage = bb_real(levels.low_v);
    if (first && first->facts.cell_count > 0) {
        charge->cell_count = bb_integer(first->facts.cell_count);
    }
}
