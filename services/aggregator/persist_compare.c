/* Whether what is remembered differs so much from what is on disk that it must be saved. */
#include <math.h>
#include <string.h>

#include "services/aggregator/persist.h"

/* A limit that fell by this much must not be lifted by a restart, though the reason for it may
 * end at the same moment. While it is held below its target, a restart would lift it at once:
 * then much less counts. */
#define FALL 0.2
#define HELD_FALL 0.02
#define FALL_A 0.5
#define FALL_V 0.05

static bool has_fallen(const struct bb_real *before, const struct bb_real *now, double share,
                       double amount)
{
    if (!now->present) {
        return false;
    }
    if (!before->present || (before->value > 0.0 && now->value <= 0.0)) {
        return true;
    }
    return before->value - now->value >= fmax(share * before->value, amount);
}

static bool differs(const struct bb_real *before, const struct bb_real *now)
{
    return before->present != now->present || (now->present && before->value != now->value);
}

static bool battery_is_important(const struct bb_decision_record *before,
                                 const struct bb_decision_record *now)
{
    bool important = strcmp(before->id, now->id) != 0 || before->cell_count != now->cell_count ||
                     before->floating != now->floating || (now->limited && !before->limited) ||
                     (now->limited && has_fallen(&before->control_v, &now->control_v, 0, FALL_V));
    for (unsigned i = 0; i < BB_DIRECTIONS; i++) {
        important = important || differs(&before->fet[i], &now->fet[i]) ||
                    has_fallen(&before->limit_a[i], &now->limit_a[i],
                               now->held[i] ? HELD_FALL : FALL, FALL_A);
    }
    return important;
}

static bool bank_is_important(const struct bb_bank_record *before, const struct bb_bank_record *now)
{
    bool important = strcmp(before->id, now->id) != 0 ||
                     before->member_count != now->member_count ||
                     memcmp(before->members, now->members, sizeof now->members) != 0 ||
                     before->floating != now->floating || (now->limited && !before->limited) ||
                     (now->limited && has_fallen(&before->control_v, &now->control_v, 0, FALL_V));
    for (unsigned i = 0; i < BB_DIRECTIONS; i++) {
        important = important || has_fallen(&before->limit_a[i], &now->limit_a[i],
                                            now->held[i] ? HELD_FALL : FALL, FALL_A);
    }
    return important;
}

static bool battery_differs(const struct bb_decision_record *before,
                            const struct bb_decision_record *now)
{
    bool changed =
        before->absorbing != now->absorbing || before->absorbed_ms != now->absorbed_ms ||
        before->full_ms != now->full_ms || before->limited != now->limited ||
        before->gave_up != now->gave_up || before->full_at_low_soc != now->full_at_low_soc ||
        differs(&before->control_v, &now->control_v) || differs(&before->mosfet, &now->mosfet) ||
        differs(&before->soc, &now->soc) || differs(&before->capacity, &now->capacity) ||
        differs(&before->most_v, &now->most_v);
    for (unsigned i = 0; i < BB_SENSORS; i++) {
        changed = changed || differs(&before->temperature[i], &now->temperature[i]);
    }
    for (unsigned i = 0; i < BB_DIRECTIONS; i++) {
        changed = changed || differs(&before->limit_a[i], &now->limit_a[i]) ||
                  differs(&before->bms_limit[i], &now->bms_limit[i]);
    }
    return changed;
}

static bool bank_differs(const struct bb_bank_record *before, const struct bb_bank_record *now)
{
    return before->limited != now->limited || differs(&before->control_v, &now->control_v) ||
           differs(&before->limit_a[BB_CHARGING], &now->limit_a[BB_CHARGING]) ||
           differs(&before->limit_a[BB_DISCHARGING], &now->limit_a[BB_DISCHARGING]);
}

enum bb_saved_change bb_saved_compare(const struct bb_saved *before, const struct bb_saved *now)
{
    if (before->battery_count != now->battery_count || before->bank_count != now->bank_count ||
        before->crash_count != now->crash_count || before->clean != now->clean) {
        return BB_SAVED_IMPORTANT;
    }
    bool changed = false;
    for (size_t i = 0; i < now->battery_count; i++) {
        if (battery_is_important(&before->batteries[i], &now->batteries[i])) {
            return BB_SAVED_IMPORTANT;
        }
        changed = changed || battery_differs(&before->batteries[i], &now->batteries[i]);
    }
    for (size_t i = 0; i < now->bank_count; i++) {
        if (bank_is_important(&before->banks[i], &now->banks[i])) {
            return BB_SAVED_IMPORTANT;
        }
        changed = changed || bank_differs(&before->banks[i], &now->banks[i]);
    }
    return changed ? BB_SAVED_CHANGED : BB_SAVED_SAME;
}
