/* What a bank watches besides its members' own limits: voltages that do not belong together,
 * batteries switched in, and batteries that take more than their limit. */
#include <math.h>

#include "services/aggregator/bank_view.h"
#include "services/aggregator/contradiction.h"

#define OVERLOAD_FACTOR 1.05
#define OVERLOAD_A 1.0
#define OVERLOAD_MS 3000
#define REJOINED_FRACTION 0.5
#define MISMATCH_V 0.5
#define MISMATCH 0.01
#define MISMATCH_MS 60000
#define EXCLUDE 0.03
#define EXCLUDE_MS 10000

/* Connected batteries must have one voltage. */
void bb_bank_check_voltages(struct bb_bank_view *view)
{
    struct bb_real median = bb_bank_median_voltage(view);
    for (size_t i = 0; i < view->count; i++) {
        struct bb_bank_item *item = &view->items[i];
        struct bb_bank_member *member = item->member;
        bool fresh = item->online && bb_bank_connected(item) && median.present &&
                     item->decision->facts.voltage_valid;
        double off_v = fresh ? fabs(item->decision->facts.voltage - median.value) : 0.0;
        double limit_v = fmax(MISMATCH_V, MISMATCH * median.value);
        bool off = bb_lasts(&member->mismatch_ms, off_v > limit_v, MISMATCH_MS, view->step_ms);
        bool far = bb_lasts(&member->excluded_ms, off_v > EXCLUDE * median.value, EXCLUDE_MS,
                            view->step_ms);
        bb_bank_trouble(item, BB_TROUBLE_MISMATCH, off && !far);
        bb_bank_trouble(item, BB_TROUBLE_EXCLUDED, far);
    }
}

/* A battery whose switch closed while it is away from the bank's voltage draws a current nobody
 * controls; until it has died down nothing is added to it. */
void bb_bank_watch_rejoining(struct bb_bank_view *view)
{
    for (size_t i = 0; i < view->count; i++) {
        struct bb_bank_item *item = &view->items[i];
        struct bb_bank_member *member = item->member;
        bool closed = member->assessed && item->present &&
                      ((item->in[BB_CHARGING] && !member->was_connected[BB_CHARGING]) ||
                       (item->in[BB_DISCHARGING] && !member->was_connected[BB_DISCHARGING]));
        member->rejoining = member->rejoining || closed;
        if (member->rejoining && item->present && item->decision->facts.current_valid) {
            bool charging = bb_bank_raw_current(item, BB_CHARGING) >= 0.0;
            enum bb_direction direction = charging ? BB_CHARGING : BB_DISCHARGING;
            double amps = fabs(bb_bank_raw_current(item, BB_CHARGING));
            double limit_a = fmax(item->decision->target_a[direction], OVERLOAD_A);
            member->rejoining = amps >= REJOINED_FRACTION * limit_a;
        }
        bb_bank_trouble(item, BB_TROUBLE_REJOINED, member->rejoining);
    }
}

/* The limit while some battery takes more than its own. */
double bb_bank_overload_limit(struct bb_bank_view *view, enum bb_direction direction, char *text,
                              size_t capacity)
{
    double bank_a = bb_bank_raw_sum(view, direction);
    double limit_a = INFINITY;
    for (size_t i = 0; i < view->count; i++) {
        struct bb_bank_item *item = &view->items[i];
        double amps = item->online ? bb_bank_raw_current(item, direction) : 0.0;
        bool above =
            item->in[direction] && amps > OVERLOAD_FACTOR * item->limit[direction] + OVERLOAD_A;
        if (bb_lasts(&item->member->overload_ms[direction], above, OVERLOAD_MS, view->step_ms)) {
            double part_a = bank_a > 0.0 ? bank_a * item->limit[direction] / amps : 0.0;
            limit_a = fmin(limit_a, part_a);
            bb_bank_reason(text, capacity, item->name, "Overload");
        }
        bool other = item->member->overload_ms[1 - direction] >= OVERLOAD_MS;
        bool here = item->member->overload_ms[direction] >= OVERLOAD_MS;
        bb_bank_trouble(item, BB_TROUBLE_OVERLOAD, here || other);
    }
    return limit_a;
}
