#include "services/aggregator/alarms.h"

#include <stddef.h>

#define ALARM 2
#define WARNING 1
#define KIND(name) offsetof(struct bb_protection, name)

static const size_t forbid_charging[] = {
    KIND(high_voltage),
    KIND(high_cell_voltage),
    KIND(high_charge_current),
    KIND(high_charge_temperature),
    KIND(low_charge_temperature),
    KIND(internal_failure),
    KIND(fuse_blown),
};

static const size_t forbid_discharging[] = {
    KIND(low_voltage),      KIND(low_cell_voltage), KIND(high_discharge_current),
    KIND(high_temperature), KIND(low_temperature),  KIND(internal_failure),
    KIND(fuse_blown),
};

static const size_t every_kind[] = {
    KIND(high_voltage),
    KIND(high_cell_voltage),
    KIND(low_voltage),
    KIND(low_cell_voltage),
    KIND(low_soc),
    KIND(high_charge_current),
    KIND(high_discharge_current),
    KIND(cell_imbalance),
    KIND(internal_failure),
    KIND(high_charge_temperature),
    KIND(low_charge_temperature),
    KIND(high_temperature),
    KIND(low_temperature),
    KIND(high_internal_temperature),
    KIND(fuse_blown),
};

static struct bb_integer *level_in(struct bb_protection *protection, size_t kind)
{
    return (struct bb_integer *)(void *)((char *)protection + kind);
}

static const struct bb_integer *level_at(const struct bb_protection *protection, size_t kind)
{
    return (const struct bb_integer *)(const void *)((const char *)protection + kind);
}

static bool any_alarm(const struct bb_protection *protection, const size_t *kinds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct bb_integer *level = level_at(protection, kinds[i]);
        if (level->present && level->value >= ALARM) {
            return true;
        }
    }
    return false;
}

bool bb_alarms_forbid(const struct bb_protection *protection, enum bb_direction direction)
{
    if (direction == BB_CHARGING) {
        return any_alarm(protection, forbid_charging,
                         sizeof forbid_charging / sizeof forbid_charging[0]);
    }
    return any_alarm(protection, forbid_discharging,
                     sizeof forbid_discharging / sizeof forbid_discharging[0]);
}

bool bb_alarms_overvoltage(const struct bb_protection *protection)
{
    static const size_t kinds[] = {KIND(high_voltage), KIND(high_cell_voltage)};
    return any_alarm(protection, kinds, sizeof kinds / sizeof kinds[0]);
}

void bb_alarm_raise(struct bb_integer *level, int64_t least)
{
    if (least > 0 && (!level->present || level->value < least)) {
        *level = bb_integer(least);
    }
}

struct bb_protection bb_alarms_decide(const struct bb_protection *protection,
                                      const struct bb_contradiction_view *contradictions,
                                      bool cells_missing)
{
    struct bb_protection alarms = *protection;
    bool warn = contradictions->voltages_differ || cells_missing;
    bool fail = contradictions->voltages_exclude || contradictions->fet_disbelieved[BB_CHARGING] ||
                contradictions->fet_disbelieved[BB_DISCHARGING];
    bb_alarm_raise(&alarms.internal_failure, warn ? WARNING : 0);
    bb_alarm_raise(&alarms.internal_failure, fail ? ALARM : 0);
    bb_alarm_raise(&alarms.high_charge_current, contradictions->excess_level[BB_CHARGING]);
    bb_alarm_raise(&alarms.high_discharge_current, contradictions->excess_level[BB_DISCHARGING]);
    return alarms;
}

void bb_alarms_merge(struct bb_protection *worst, const struct bb_protection *other)
{
    for (size_t i = 0; i < sizeof every_kind / sizeof every_kind[0]; i++) {
        const struct bb_integer *level = level_at(other, every_kind[i]);
        struct bb_integer *mine = level_in(worst, every_kind[i]);
        if (level->present && (!mine->present || mine->value < level->value)) {
            *mine = *level;
        }
    }
}

void bb_alarms_take(struct bb_protection *kept, const struct bb_protection *reported)
{
    for (size_t i = 0; i < sizeof every_kind / sizeof every_kind[0]; i++) {
        const struct bb_integer *level = level_at(reported, every_kind[i]);
        if (level->present) {
            *level_in(kept, every_kind[i]) = *level;
        }
    }
}
