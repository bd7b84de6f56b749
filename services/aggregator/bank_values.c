/* Merged readings of a bank: sums, means, extremes with the battery they belong to. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/deadlines.h"
#include "services/aggregator/bank_view.h"
#include "services/aggregator/text.h"

#define MS_PER_HOUR 3600000.0

static int compare_reals(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

struct bb_real bb_bank_median_voltage(const struct bb_bank_view *view)
{
    double volts[BB_MEMBERS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < view->count; i++) {
        const struct bb_bank_item *item = &view->items[i];
        if (item->present && bb_bank_connected(item) && item->decision->facts.voltage_valid) {
            volts[count++] = item->decision->facts.voltage;
        }
    }
    if (count == 0) {
        return (struct bb_real){0};
    }
    qsort(volts, count, sizeof volts[0], compare_reals);
    return bb_real((volts[(count - 1) / 2] + volts[count / 2]) / 2.0);
}

static void add(struct bb_real *sum, struct bb_real value)
{
    if (value.present) {
        *sum = bb_real((sum->present ? sum->value : 0.0) + value.value);
    }
}

static void merge_electric(const struct bb_bank_view *view, struct bb_charge *charge)
{
    charge->voltage = bb_bank_median_voltage(view);
    for (size_t i = 0; i < view->count; i++) {
        if (view->items[i].present) {
            add(&charge->current, view->items[i].decision->charge.current);
            add(&charge->power, view->items[i].decision->charge.power);
        }
    }
}

/* The bank's current per Ah of the batteries heard: what a missing one is assumed to carry. */
static double specific_current(const struct bb_bank_view *view)
{
    double amps = 0.0;
    double capacity_ah = 0.0;
    for (size_t i = 0; i < view->count; i++) {
        const struct bb_bank_item *item = &view->items[i];
        if (item->present && item->decision->charge.current.present) {
            amps += item->decision->charge.current.value;
            capacity_ah += item->decision->facts.capacity_ah;
        }
    }
    return capacity_ah > 0.0 ? amps / capacity_ah : 0.0;
}

/* The SoC a battery counts with: its own, or an estimate while it is missing. */
static struct bb_real soc_of(const struct bb_bank_view *view, const struct bb_bank_item *item,
                             double amps_per_ah)
{
    struct bb_bank_member *member = item->member;
    if (item->present) {
        member->missing_ms = 0;
        if (item->decision->charge.soc.present) {
            member->soc = item->decision->charge.soc;
        }
        return item->decision->charge.soc;
    }
    member->missing_ms += view->step_ms;
    if (member->missing_ms > BB_SOC_ESTIMATE_MS) {
        member->soc.present = false;
    }
    if (member->soc.present) {
        double change = amps_per_ah * (double)view->step_ms / MS_PER_HOUR * 100.0;
        member->soc.value = fmin(fmax(member->soc.value + change, 0.0), 100.0);
    }
    return member->soc;
}

static struct bb_real remain_of(const struct bb_bank_item *item, struct bb_real soc)
{
    if (item->present && item->decision->charge.capacity_remain.present) {
        return item->decision->charge.capacity_remain;
    }
    return soc.present ? bb_real(item->decision->facts.capacity_ah * soc.value / 100.0) : soc;
}

static void merge_charge_state(const struct bb_bank_view *view, struct bb_charge *charge)
{
    double amps_per_ah = specific_current(view);
    double weighted = 0.0;
    double weight = 0.0;
    for (size_t i = 0; i < view->count; i++) {
        const struct bb_bank_item *item = &view->items[i];
        if (!item->decision || (!item->present && !bb_bank_connected(item))) {
            continue;
        }
        double capacity_ah = item->decision->facts.capacity_ah;
        struct bb_real soc = soc_of(view, item, amps_per_ah);
        add(&charge->capacity, bb_real(capacity_ah));
        add(&charge->capacity_remain, remain_of(item, soc));
        if (soc.present) {
            weighted += soc.value * capacity_ah;
            weight += capacity_ah;
        }
        struct bb_real soh = item->decision->charge.soh;
        if (soh.present && (!charge->soh.present || soh.value < charge->soh.value)) {
            charge->soh = soh;
        }
    }
    if (weight > 0.0) {
        charge->soc = bb_real(weighted / weight);
    }
    if (charge->capacity.present && charge->capacity_remain.present) {
        charge->consumed =
            bb_real(fmin(charge->capacity_remain.value - charge->capacity.value, 0.0));
    }
}

/* Takes value over when it is lower (sign 1) or higher (sign -1) than what is there. */
static void take_extreme(struct bb_real *extreme, char *id, size_t capacity, struct bb_real value,
                         double sign, const char *name, const char *part)
{
    if (!value.present || (extreme->present && value.value * sign >= extreme->value * sign)) {
        return;
    }
    *extreme = value;
    id[0] = '\0';
    bb_text_append(id, capacity, name);
    bb_text_append(id, capacity, ": ");
    bb_text_append(id, capacity, part);
}

static void merge_extremes(const struct bb_bank_view *view, struct bb_charge *charge)
{
    for (size_t i = 0; i < view->count; i++) {
        const struct bb_bank_item *item = &view->items[i];
        if (!item->present) {
            continue;
        }
        const struct bb_charge *one = &item->decision->charge;
        take_extreme(&charge->min_cell_voltage, charge->min_cell_id, sizeof charge->min_cell_id,
                     one->min_cell_voltage, 1.0, item->name, one->min_cell_id);
        take_extreme(&charge->max_cell_voltage, charge->max_cell_id, sizeof charge->max_cell_id,
                     one->max_cell_voltage, -1.0, item->name, one->max_cell_id);
        take_extreme(&charge->min_temperature, charge->min_temperature_id,
                     sizeof charge->min_temperature_id, one->min_temperature, 1.0, item->name,
                     one->min_temperature_id);
        take_extreme(&charge->max_temperature, charge->max_temperature_id,
                     sizeof charge->max_temperature_id, one->max_temperature, -1.0, item->name,
                     one->max_temperature_id);
    }
}

static struct bb_real mean_of(const struct bb_bank_view *view, bool temperature)
{
    struct bb_real sum = {0};
    unsigned count = 0;
    for (size_t i = 0; i < view->count; i++) {
        const struct bb_bank_item *item = &view->items[i];
        if (item->present) {
            const struct bb_charge *one = &item->decision->charge;
            struct bb_real value = temperature ? one->temperature : one->cell_sum;
            add(&sum, value);
            count += value.present ? 1 : 0;
        }
    }
    if (count > 0) {
        sum.value /= count;
    }
    return sum;
}

static void count_modules(const struct bb_bank_view *view, struct bb_charge *charge)
{
    int64_t online = 0;
    int64_t blocking_charge = 0;
    int64_t blocking_discharge = 0;
    for (size_t i = 0; i < view->count; i++) {
        const struct bb_bank_item *item = &view->items[i];
        const struct bb_charge *one = item->decision ? &item->decision->charge : NULL;
        online += item->present ? 1 : 0;
        blocking_charge += item->present && one->allow_charge.value ? 0 : 1;
        blocking_discharge += item->present && one->allow_discharge.value ? 0 : 1;
        if (item->present && one->allow_balance.present) {
            charge->allow_balance =
                bb_flag(charge->allow_balance.value || one->allow_balance.value);
        }
        if (item->present && one->allow_heat.present) {
            charge->allow_heat = bb_flag(charge->allow_heat.value || one->allow_heat.value);
        }
    }
    charge->modules_online = bb_integer(online);
    charge->modules_offline = bb_integer((int64_t)view->count - online);
    charge->modules_blocking_charge = bb_integer(blocking_charge);
    charge->modules_blocking_discharge = bb_integer(blocking_discharge);
}

/* A battery that is missing but could not carry current is no more than a warning. */
static void merge_alarms(const struct bb_bank_view *view, struct bb_charge *charge)
{
    int64_t cable = 0;
    for (size_t i = 0; i < view->count; i++) {
        const struct bb_bank_item *item = &view->items[i];
        if (!item->decision) {
            continue;
        }
        if (item->present || bb_bank_connected(item)) {
            bb_alarms_merge(&charge->alarms, &item->decision->charge.alarms);
        }
        int64_t level = item->decision->link.bms_cable;
        level = level > 1 && !bb_bank_connected(item) ? 1 : level;
        cable = level > cable ? level : cable;
    }
    charge->bms_cable = bb_integer(cable);
}

static enum bb_link_state best_link(const struct bb_bank_view *view)
{
    bool lost = false;
    bool stale = false;
    for (size_t i = 0; i < view->count; i++) {
        const struct bb_bank_item *item = &view->items[i];
        if (item->online) {
            return BB_LINK_ONLINE;
        }
        stale = stale || item->present;
        lost = lost || (item->decision && item->decision->link.state == BB_LINK_LOST);
    }
    if (stale) {
        return BB_LINK_STALE;
    }
    return lost ? BB_LINK_LOST : BB_LINK_NEVER_SEEN;
}

void bb_bank_values(struct bb_bank_view *view, struct bb_charge *charge)
{
    bb_text_append(charge->link, sizeof charge->link, bb_link_state_text(best_link(view)));
    merge_electric(view, charge);
    merge_charge_state(view, charge);
    merge_extremes(view, charge);
    charge->temperature = mean_of(view, true);
    charge->cell_sum = mean_of(view, false);
    if (charge->max_cell_voltage.present && charge->min_cell_voltage.present) {
        charge->cell_diff =
            bb_real(charge->max_cell_voltage.value - charge->min_cell_voltage.value);
    }
    count_modules(view, charge);
    merge_alarms(view, charge);
}
