/* Charge and discharge current of a bank: no battery above its own limit.
 *
 * The bank current divides by capacity as far as is known beforehand, and as measured while
 * enough current flows. Each battery's share is the larger of both, so the bank's limit is the
 * smallest of limit / share.
 */
#include <math.h>
#include <string.h>

#include "services/aggregator/bank_view.h"
#include "services/aggregator/text.h"

#define BAND 0.05     /* as for a battery (decision.c) */
#define JOIN_MS 60000 /* after members came, no more than twice the limit before */
#define JOIN_FACTOR 2.0
#define SAME_A 0.0005

void bb_bank_reason(char *text, size_t capacity, const char *name, const char *reason)
{
    bb_text_append_item(text, capacity, ", ", name);
    bb_text_append(text, capacity, ": ");
    bb_text_append(text, capacity, reason);
}

static bool stops_bank(const struct bb_bank_item *item, char *text, size_t capacity)
{
    static const struct {
        enum bb_member_trouble trouble;
        const char *reason;
    } stops[] = {{BB_TROUBLE_EXCLUDED, "Voltage mismatch"},
                 {BB_TROUBLE_NOMINAL, "Nominal voltage"},
                 {BB_TROUBLE_REJOINED, "Switched in"}};
    bool stop = false;
    for (size_t i = 0; i < sizeof stops / sizeof stops[0]; i++) {
        if ((item->member->troubles & ((uint32_t)1 << stops[i].trouble)) != 0) {
            bb_bank_reason(text, capacity, item->name, stops[i].reason);
            stop = true;
        }
    }
    return stop;
}

static const char *reason_of(const struct bb_bank_item *item, enum bb_direction direction)
{
    if (!item->decision) {
        return "never seen";
    }
    return direction == BB_CHARGING ? item->decision->charge.ccl_reason
                                    : item->decision->charge.dcl_reason;
}

/* What the batteries allow by their shares; names those that allow no more. */
static double share_limit(const struct bb_bank_view *view, enum bb_direction direction, char *text,
                          size_t capacity)
{
    double limit_a = INFINITY;
    double sum_a = 0.0;
    for (size_t i = 0; i < view->count; i++) {
        const struct bb_bank_item *item = &view->items[i];
        if (!item->in[direction]) {
            continue;
        }
        sum_a += item->limit[direction];
        bool takes = item->share[direction] > 0.0;
        double allowed_a = takes ? item->limit[direction] / item->share[direction] : INFINITY;
        limit_a = fmin(limit_a, item->limit[direction] > 0.0 ? allowed_a : 0.0);
    }
    limit_a = fmin(limit_a, sum_a);
    for (size_t i = 0; i < view->count; i++) {
        const struct bb_bank_item *item = &view->items[i];
        bool binds = item->in[direction] &&
                     item->limit[direction] <= limit_a * item->share[direction] * 1.0001 + 0.001;
        if (binds) {
            bb_bank_reason(text, capacity, item->name, reason_of(item, direction));
        } else if (!item->present && item->in[direction]) {
            bb_bank_reason(text, capacity, item->name, "missing");
        }
    }
    return limit_a;
}

static double present_sum(const struct bb_bank_view *view, enum bb_direction direction)
{
    double sum_a = 0.0;
    for (size_t i = 0; i < view->count; i++) {
        const struct bb_bank_item *item = &view->items[i];
        sum_a += item->in[direction] && item->present ? item->limit[direction] : 0.0;
    }
    return sum_a;
}

static bool nobody(const struct bb_bank_view *view, enum bb_direction direction, bool present)
{
    for (size_t i = 0; i < view->count; i++) {
        const struct bb_bank_item *item = &view->items[i];
        if (item->in[direction] && (item->present || !present)) {
            return false;
        }
    }
    return true;
}

static void lower(double *limit_a, double amps, char *text, size_t capacity, const char *reason)
{
    if (amps < *limit_a) {
        *limit_a = amps;
        text[0] = '\0';
        bb_text_append(text, capacity, reason);
    } else if (amps <= *limit_a + SAME_A) {
        bb_text_append_item(text, capacity, ", ", reason);
    }
}

/* The target of a bank of several batteries, with everything that sets it in text. */
static double find_target(struct bb_bank_view *view, enum bb_direction direction, char *text,
                          size_t capacity)
{
    char stopped[sizeof((struct bb_charge *)0)->ccl_reason] = "";
    char overload[sizeof stopped] = "";
    bool stop = false;
    for (size_t i = 0; i < view->count; i++) {
        bool connected = bb_bank_connected(&view->items[i]);
        stop = (connected && stops_bank(&view->items[i], stopped, sizeof stopped)) || stop;
    }
    double limit_a = share_limit(view, direction, text, capacity);
    lower(&limit_a, bb_bank_overload_limit(view, direction, overload, sizeof overload), text,
          capacity, overload);
    if (view->config->missing_reduces) {
        lower(&limit_a, present_sum(view, direction), text, capacity, "Missing batteries");
    }
    lower(&limit_a, view->config->max_a[direction], text, capacity,
          direction == BB_CHARGING ? "Max Bank Charge Current" : "Max Bank Discharge Current");
    if (nobody(view, direction, false)) {
        lower(&limit_a, 0.0, text, capacity, "BMS");
        limit_a = 0.0;
    }
    if (nobody(view, direction, true) && limit_a > 0.0) {
        lower(&limit_a, 0.0, text, capacity, "No battery is heard");
    }
    if (stop) {
        lower(&limit_a, 0.0, text, capacity, stopped);
    }
    return limit_a;
}

static bool all_online(const struct bb_bank_view *view, enum bb_direction direction)
{
    for (size_t i = 0; i < view->count; i++) {
        if (view->items[i].in[direction] && !view->items[i].online) {
            return false;
        }
    }
    return true;
}

static struct bb_limit_rule rule_of(const struct bb_bank_view *view, enum bb_direction direction)
{
    double most_a = 0.0;
    double connected = 0.0;
    for (size_t i = 0; i < view->count; i++) {
        const struct bb_bank_item *item = &view->items[i];
        if (item->in[direction] && item->decision) {
            most_a += item->decision->max_a[direction];
            connected += 1.0;
        }
    }
    return (struct bb_limit_rule){.threshold_a = most_a * view->config->threshold[direction],
                                  .band_a = most_a * BAND,
                                  .hold_ms = view->config->hold_ms[direction],
                                  .rate_a_per_s =
                                      view->config->rate_a_per_s[direction] * connected};
}

static double several(struct bb_bank_view *view, enum bb_direction direction, char *text,
                      size_t capacity)
{
    struct bb_bank_state *state = view->state;
    struct bb_limit *limit = &state->limit[direction];
    bb_bank_shares(view, direction);
    double target_a = find_target(view, direction, text, capacity);
    if (!state->complete) {
        text[0] = '\0';
        bb_text_append(text, capacity, "Starting");
        return 0.0;
    }
    bool joined = state->changed_ms < JOIN_MS && state->limit_at_change[direction] > 0.0;
    double most_a = joined ? JOIN_FACTOR * state->limit_at_change[direction] : INFINITY;
    target_a = bb_amps_round(fmin(target_a, most_a));
    bool frozen = limit->known && target_a > limit->amps && !all_online(view, direction);
    const struct bb_limit_rule rule = rule_of(view, direction);
    enum bb_limit_step step =
        frozen ? BB_LIMIT_HELD : bb_limit_update(limit, &rule, target_a, view->step_ms);
    state->held[direction] = step != BB_LIMIT_AT_TARGET;
    if (step == BB_LIMIT_HELD) {
        bb_text_append(text, capacity, " *");
    }
    return bb_amps_round(limit->amps);
}

/* A bank of one battery has that battery's limits, capped by the bank's own maximum. */
static double only_member(struct bb_bank_view *view, enum bb_direction direction, char *text,
                          size_t capacity)
{
    struct bb_bank_item *item = &view->items[0];
    double limit_a = item->limit[direction];
    item->share[direction] = item->in[direction] ? 1.0 : 0.0;
    bb_bank_reason(text, capacity, item->name, reason_of(item, direction));
    lower(&limit_a, view->config->max_a[direction], text, capacity,
          direction == BB_CHARGING ? "Max Bank Charge Current" : "Max Bank Discharge Current");
    bb_limit_restore(&view->state->limit[direction], limit_a);
    view->state->held[direction] = false; /* its battery's record holds it */
    return limit_a;
}

static bool allows(const struct bb_bank_view *view, enum bb_direction direction, double limit_a)
{
    for (size_t i = 0; i < view->count; i++) {
        const struct bb_bank_item *item = &view->items[i];
        const struct bb_charge *one = item->decision ? &item->decision->charge : NULL;
        bool allowed = one && (direction == BB_CHARGING ? one->allow_charge.value
                                                        : one->allow_discharge.value);
        if (allowed && limit_a > 0.0) {
            return true;
        }
    }
    return false;
}

static void list_members(const struct bb_bank_view *view, struct bb_charge *charge)
{
    for (size_t i = 0; i < view->count; i++) {
        const struct bb_bank_item *item = &view->items[i];
        struct bb_member *entry = &charge->members[charge->members_count++];
        bb_text_append(entry->id, sizeof entry->id, item->member->id);
        enum bb_link_state link = item->decision ? item->decision->link.state : BB_LINK_NEVER_SEEN;
        bb_text_append(entry->link, sizeof entry->link, bb_link_state_text(link));
        double share = fmax(item->share[BB_CHARGING], item->share[BB_DISCHARGING]);
        entry->share = bb_real(fmin(share, 1.0));
    }
}

void bb_bank_current(struct bb_bank_view *view, struct bb_charge *charge)
{
    char *const texts[BB_DIRECTIONS] = {charge->ccl_reason, charge->dcl_reason};
    double limits[BB_DIRECTIONS];
    bb_bank_check_voltages(view);
    bb_bank_watch_rejoining(view);
    for (unsigned i = 0; i < BB_DIRECTIONS; i++) {
        limits[i] =
            view->count == 1
                ? only_member(view, (enum bb_direction)i, texts[i], sizeof charge->ccl_reason)
                : several(view, (enum bb_direction)i, texts[i], sizeof charge->ccl_reason);
    }
    charge->ccl = bb_real(limits[BB_CHARGING]);
    charge->dcl = bb_real(limits[BB_DISCHARGING]);
    charge->allow_charge = bb_flag(allows(view, BB_CHARGING, limits[BB_CHARGING]));
    charge->allow_discharge = bb_flag(allows(view, BB_DISCHARGING, limits[BB_DISCHARGING]));
    list_members(view, charge);
}
