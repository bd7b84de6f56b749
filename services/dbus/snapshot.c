#include "services/dbus/snapshot.h"

#include <math.h>
#include <string.h>

#include "proto/deadlines.h"

static bool is_complete(const struct bb_charge *charge)
{
    return charge->cvl.present && charge->ccl.present && charge->dcl.present &&
           charge->float_voltage.present;
}

/* True when after is below before; an absent value is below every present one. */
static bool falls(struct bb_real before, struct bb_real after)
{
    return before.present && (!after.present || after.value < before.value);
}

static bool closes(struct bb_flag before, struct bb_flag after)
{
    return before.present && before.value && !(after.present && after.value);
}

static bool rises(struct bb_integer before, struct bb_integer after)
{
    return after.present && after.value > (before.present ? before.value : 0);
}

static bool alarm_rises(const struct bb_protection *before, const struct bb_protection *after)
{
    const struct bb_schema *schema = &bb_protection_schema;
    for (size_t i = 0; i < schema->field_count; i++) {
        struct bb_integer was;
        struct bb_integer is;
        memcpy(&was, (const char *)before + schema->fields[i].offset, sizeof was);
        memcpy(&is, (const char *)after + schema->fields[i].offset, sizeof is);
        if (rises(was, is)) {
            return true;
        }
    }
    return false;
}

static bool is_urgent(const struct bb_charge *before, const struct bb_charge *after)
{
    return falls(before->cvl, after->cvl) || falls(before->ccl, after->ccl) ||
           falls(before->dcl, after->dcl) || closes(before->allow_charge, after->allow_charge) ||
           closes(before->allow_discharge, after->allow_discharge) ||
           rises(before->bms_cable, after->bms_cable) ||
           alarm_rises(&before->alarms, &after->alarms) || strcmp(before->link, after->link) != 0;
}

static bool take_charge(struct bb_snapshot *snapshot, const struct bb_message *message)
{
    const struct bb_charge *charge = &message->body.charge;
    bool urgent = snapshot->has_charge && is_urgent(&snapshot->charge, charge);
    snapshot->charge = *charge;
    snapshot->charge_ms = message->head.mono_ms.value;
    snapshot->has_charge = true;
    snapshot->bank = strcmp(charge->kind, "bank") == 0;
    snapshot->charge_usable = is_complete(charge);
    if (charge->cell_count.present) {
        snapshot->cell_count = charge->cell_count.value;
    }
    if (snapshot->charge_usable) {
        snapshot->safe_cvl = fmin(charge->float_voltage.value, charge->cvl.value);
        snapshot->has_decision = true;
    }
    return urgent;
}

bool bb_snapshot_take(struct bb_snapshot *snapshot, const struct bb_message *message)
{
    if (message->topic_class == BB_TOPIC_CHARGE) {
        return take_charge(snapshot, message);
    }
    snapshot->battery = message->body.battery;
    snapshot->battery_ms = message->head.mono_ms.value;
    snapshot->battery_interval_ms = message->head.interval_ms.value;
    snapshot->has_battery = true;
    return false;
}

bool bb_snapshot_is_complete(const struct bb_snapshot *snapshot)
{
    return snapshot->has_decision && snapshot->cell_count > 0 &&
           (snapshot->bank || snapshot->has_battery);
}

/* Age of a time stamp, or -1 when it lies in the future and is not to be believed. */
static int64_t age_of(int64_t stamp_ms, int64_t now_ms)
{
    int64_t age = now_ms - stamp_ms;
    if (age < -BB_CLOCK_SLACK_MS) {
        return -1;
    }
    return age < 0 ? 0 : age;
}

/* What a decision that may no longer be believed turns into. */
static void view_dead_man(const struct bb_snapshot *snapshot, int64_t age, struct bb_view *view)
{
    bool long_gone = age < 0 || age > BB_CABLE_ALARM_MS || snapshot->charge.bms_cable.value > 1;
    view->cvl = snapshot->safe_cvl;
    view->bms_cable = long_gone ? 2 : 1;
}

static void view_decision(const struct bb_charge *charge, struct bb_view *view)
{
    view->allow_charge = charge->allow_charge.present && charge->allow_charge.value;
    view->allow_discharge = charge->allow_discharge.present && charge->allow_discharge.value;
    view->cvl = charge->cvl.value;
    view->ccl = view->allow_charge ? charge->ccl.value : 0;
    view->dcl = view->allow_discharge ? charge->dcl.value : 0;
    view->bms_cable = charge->bms_cable.present ? charge->bms_cable.value : 0;
}

void bb_snapshot_view(const struct bb_snapshot *snapshot, int64_t now_ms, int64_t wall_ms,
                      struct bb_view *ret_view)
{
    int64_t charge_age = age_of(snapshot->charge_ms, now_ms);
    int64_t battery_age = age_of(snapshot->battery_ms, now_ms);
    struct bb_view view = {.of = snapshot, .wall_ms = wall_ms};
    view.decided = snapshot->has_charge && snapshot->charge_usable && charge_age >= 0 &&
                   charge_age <= BB_DECISION_MAX_AGE_MS;
    view.lost =
        strcmp(snapshot->charge.link, "online") != 0 && strcmp(snapshot->charge.link, "stale") != 0;
    view.reading = snapshot->has_battery && battery_age >= 0 &&
                   battery_age < bb_lost_after_ms(snapshot->battery_interval_ms);
    if (view.decided) {
        view_decision(&snapshot->charge, &view);
    } else {
        view_dead_man(snapshot, charge_age, &view);
    }
    *ret_view = view;
}

bool bb_view_measured(const struct bb_view *view)
{
    return view->decided && !view->lost;
}

bool bb_view_reading(const struct bb_view *view)
{
    return view->reading && !(view->decided && view->lost);
}
