/* Which part of the bank's current each battery is expected to take: by capacity as far as is
 * known beforehand, and as measured while enough current flows; the larger of both counts. */
#include <math.h>

#include "services/aggregator/bank_view.h"

#define SHARE_MS 60000.0 /* time constant of measured shares */
#define SHARE_LEAST 0.25 /* measured against expected */
#define SHARE_MOST 4.0
#define MEASURE_FRACTION 0.1 /* of the configured maxima: below it a share means nothing */
#define MEASURE_A 10.0
#define QUIET_MS 600000 /* without enough current measured shares are forgotten */

double bb_bank_raw_current(const struct bb_bank_item *item, enum bb_direction direction)
{
    if (!item->present || !item->decision->facts.current_valid) {
        return 0.0;
    }
    double amps = item->decision->facts.raw_current;
    return direction == BB_CHARGING ? amps : -amps;
}

double bb_bank_raw_sum(const struct bb_bank_view *view, enum bb_direction direction)
{
    double amps = 0.0;
    for (size_t i = 0; i < view->count; i++) {
        amps += bb_bank_raw_current(&view->items[i], direction);
    }
    return amps;
}

static double capacity_of(const struct bb_bank_item *item)
{
    return item->decision ? item->decision->facts.capacity_ah : 0.0;
}

static void expect_shares(struct bb_bank_view *view, enum bb_direction direction)
{
    double sum_ah = 0.0;
    for (size_t i = 0; i < view->count; i++) {
        sum_ah += view->items[i].in[direction] ? capacity_of(&view->items[i]) : 0.0;
    }
    for (size_t i = 0; i < view->count; i++) {
        struct bb_bank_item *item = &view->items[i];
        item->share[direction] =
            item->in[direction] && sum_ah > 0.0 ? capacity_of(item) / sum_ah : 0.0;
    }
}

static void forget_shares(struct bb_bank_view *view, enum bb_direction direction)
{
    for (size_t i = 0; i < view->count; i++) {
        view->items[i].member->measured[direction].present = false;
    }
    view->state->quiet_ms[direction] = 0;
}

/* True when the batteries that carry the current are others than a moment ago. */
static bool carriers_changed(const struct bb_bank_view *view, enum bb_direction direction)
{
    for (size_t i = 0; i < view->count; i++) {
        const struct bb_bank_item *item = &view->items[i];
        if (!item->member->assessed || item->member->was_present != item->present ||
            item->member->was_connected[direction] != item->in[direction]) {
            return true;
        }
    }
    return false;
}

static bool can_measure(const struct bb_bank_view *view, enum bb_direction direction)
{
    double most_a = 0.0;
    for (size_t i = 0; i < view->count; i++) {
        const struct bb_bank_item *item = &view->items[i];
        if (!item->in[direction]) {
            continue;
        }
        if (!item->online || !item->decision->facts.current_valid) {
            return false;
        }
        most_a += item->decision->max_a[direction];
    }
    return bb_bank_raw_sum(view, direction) >= fmax(MEASURE_FRACTION * most_a, MEASURE_A);
}

static void measure_shares(struct bb_bank_view *view, enum bb_direction direction)
{
    int64_t *quiet_ms = &view->state->quiet_ms[direction];
    if (carriers_changed(view, direction)) {
        forget_shares(view, direction);
    }
    if (!can_measure(view, direction)) {
        *quiet_ms += view->step_ms;
        if (*quiet_ms >= QUIET_MS) {
            forget_shares(view, direction);
        }
        return;
    }
    *quiet_ms = 0;
    double bank_a = bb_bank_raw_sum(view, direction);
    double weight = 1.0 - exp(-(double)view->step_ms / SHARE_MS);
    for (size_t i = 0; i < view->count; i++) {
        struct bb_bank_item *item = &view->items[i];
        if (item->in[direction]) {
            struct bb_real *measured = &item->member->measured[direction];
            double before = measured->present ? measured->value : item->share[direction];
            double now = fmax(bb_bank_raw_current(item, direction), 0.0) / bank_a;
            *measured = bb_real(before + weight * (now - before));
        }
    }
}

/* Raises every expected share to the measured one where that is larger. */
static void respect_measured(struct bb_bank_view *view, enum bb_direction direction)
{
    double clamped[BB_MEMBERS_MAX] = {0.0};
    double sum = 0.0;
    for (size_t i = 0; i < view->count; i++) {
        const struct bb_bank_item *item = &view->items[i];
        const struct bb_real *measured = &item->member->measured[direction];
        if (!item->in[direction]) {
            continue;
        }
        if (!measured->present) {
            return;
        }
        double expected = item->share[direction];
        clamped[i] = fmin(fmax(measured->value, SHARE_LEAST * expected), SHARE_MOST * expected);
        sum += clamped[i];
    }
    for (size_t i = 0; sum > 0.0 && i < view->count; i++) {
        struct bb_bank_item *item = &view->items[i];
        item->share[direction] = fmax(item->share[direction], clamped[i] / sum);
    }
}

void bb_bank_shares(struct bb_bank_view *view, enum bb_direction direction)
{
    expect_shares(view, direction);
    measure_shares(view, direction);
    respect_measured(view, direction);
}
