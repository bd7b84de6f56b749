/* The protections of the simulated BMS: levels with hysteresis, over-current with delay and
 * timed release, and what they do to the MOSFETs. */
#include <math.h>

#include "services/sim/pack_model.h"

enum blocks { BLOCKS_NOTHING = 0, BLOCKS_CHARGE = 1, BLOCKS_DISCHARGE = 2, BLOCKS_BOTH = 3 };

/* A level is reached at or above its value, or at or below when the row says low. */
struct rule {
    double warn, trip, release;
    enum blocks blocks;
    bool low;
};

/* Pack rows are by the cell. Currents have a rule of their own. */
static const struct rule rules[BB_SIM_ALARMS] = {
    [BB_SIM_CELL_HIGH] = {BB_SIM_CELL_HIGH_WARN_V, BB_SIM_CELL_HIGH_V, BB_SIM_CELL_HIGH_RELEASE_V,
                          BLOCKS_CHARGE, false},
    [BB_SIM_CELL_LOW] = {BB_SIM_CELL_LOW_WARN_V, BB_SIM_CELL_LOW_V, BB_SIM_CELL_LOW_RELEASE_V,
                         BLOCKS_DISCHARGE, true},
    [BB_SIM_PACK_HIGH] = {BB_SIM_CELL_HIGH_WARN_V, BB_SIM_CELL_HIGH_V, BB_SIM_CELL_HIGH_RELEASE_V,
                          BLOCKS_CHARGE, false},
    [BB_SIM_PACK_LOW] = {BB_SIM_CELL_LOW_WARN_V, BB_SIM_PACK_LOW_CELL_V, BB_SIM_CELL_LOW_RELEASE_V,
                         BLOCKS_DISCHARGE, true},
    [BB_SIM_CHARGE_HOT] = {BB_SIM_CHARGE_HOT_RELEASE_C, BB_SIM_CHARGE_HOT_C,
                           BB_SIM_CHARGE_HOT_RELEASE_C, BLOCKS_CHARGE, false},
    [BB_SIM_CHARGE_COLD] = {2, BB_SIM_CHARGE_COLD_C, BB_SIM_CHARGE_COLD_RELEASE_C, BLOCKS_CHARGE,
                            true},
    [BB_SIM_DISCHARGE_HOT] = {BB_SIM_DISCHARGE_HOT_RELEASE_C, BB_SIM_DISCHARGE_HOT_C,
                              BB_SIM_DISCHARGE_HOT_RELEASE_C, BLOCKS_DISCHARGE, false},
    [BB_SIM_DISCHARGE_COLD] = {BB_SIM_DISCHARGE_COLD_RELEASE_C, BB_SIM_DISCHARGE_COLD_C,
                               BB_SIM_DISCHARGE_COLD_RELEASE_C, BLOCKS_DISCHARGE, true},
    [BB_SIM_MOS_HOT] = {90, BB_SIM_MOS_HOT_C, BB_SIM_MOS_HOT_RELEASE_C, BLOCKS_BOTH, false},
    [BB_SIM_IMBALANCE] = {0.2, 0.5, 0.4, BLOCKS_NOTHING, false},
    [BB_SIM_SOC_LOW] = {10, 5, 6, BLOCKS_NOTHING, true},
    [BB_SIM_CHARGE_CURRENT] = {.blocks = BLOCKS_CHARGE},
    [BB_SIM_DISCHARGE_CURRENT] = {.blocks = BLOCKS_DISCHARGE},
};

static double hottest(const struct bb_sim_pack *pack)
{
    double hottest_c = bb_sim_pack_sensor(pack, 0);
    for (unsigned i = 1; i < pack->setup.sensor_count; i++) {
        hottest_c = fmax(hottest_c, bb_sim_pack_sensor(pack, i));
    }
    return hottest_c;
}

static double coldest(const struct bb_sim_pack *pack)
{
    double coldest_c = bb_sim_pack_sensor(pack, 0);
    for (unsigned i = 1; i < pack->setup.sensor_count; i++) {
        coldest_c = fmin(coldest_c, bb_sim_pack_sensor(pack, i));
    }
    return coldest_c;
}

static double measured(const struct bb_sim_pack *pack, enum bb_sim_alarm alarm)
{
    switch (alarm) {
    case BB_SIM_CELL_HIGH:
        return bb_sim_pack_highest_cell(pack);
    case BB_SIM_CELL_LOW:
        return bb_sim_pack_lowest_cell(pack);
    case BB_SIM_PACK_HIGH:
    case BB_SIM_PACK_LOW:
        return bb_sim_pack_voltage(pack) / pack->setup.cell_count;
    case BB_SIM_CHARGE_HOT:
    case BB_SIM_DISCHARGE_HOT:
        return hottest(pack);
    case BB_SIM_CHARGE_COLD:
    case BB_SIM_DISCHARGE_COLD:
        return coldest(pack);
    case BB_SIM_MOS_HOT:
        return pack->mos_c;
    case BB_SIM_IMBALANCE:
        return bb_sim_pack_highest_cell(pack) - bb_sim_pack_lowest_cell(pack);
    case BB_SIM_SOC_LOW:
        return bb_sim_pack_soc(pack);
    case BB_SIM_CHARGE_CURRENT:
    case BB_SIM_DISCHARGE_CURRENT:
    case BB_SIM_ALARMS:
        break;
    }
    return 0;
}

static void set_level(struct bb_sim_pack *pack, enum bb_sim_alarm alarm, uint8_t level)
{
    if (level == 2 && pack->level[alarm] != 2 && pack->trips[alarm] < UINT16_MAX) {
        pack->trips[alarm]++;
    }
    pack->level[alarm] = level;
}

static void apply_rule(struct bb_sim_pack *pack, enum bb_sim_alarm alarm)
{
    const struct rule *rule = &rules[alarm];
    double sign = rule->low ? -1 : 1;
    double value = sign * measured(pack, alarm);
    bool held = pack->level[alarm] == 2 && value > sign * rule->release;
    uint8_t level = value >= sign * rule->warn ? 1 : 0;
    if (held || value >= sign * rule->trip) {
        level = 2;
    }
    set_level(pack, alarm, level);
}

static void start_lock(struct bb_sim_pack *pack, enum bb_sim_alarm alarm)
{
    set_level(pack, alarm, 2);
    pack->over_current_s = 0;
    pack->locked_s = BB_SIM_OVER_CURRENT_RELEASE_S;
}

static void watch_current(struct bb_sim_pack *pack, double seconds)
{
    double limit_a =
        pack->current_a > 0 ? pack->setup.charge_limit_a : pack->setup.discharge_limit_a;
    if (pack->locked_s > 0) {
        pack->locked_s -= seconds;
        return;
    }
    set_level(pack, BB_SIM_CHARGE_CURRENT, 0);
    set_level(pack, BB_SIM_DISCHARGE_CURRENT, 0);
    if (fabs(pack->current_a) <= limit_a * BB_SIM_OVER_CURRENT_FACTOR) {
        pack->over_current_s = 0;
        return;
    }
    enum bb_sim_alarm alarm =
        pack->current_a > 0 ? BB_SIM_CHARGE_CURRENT : BB_SIM_DISCHARGE_CURRENT;
    pack->over_current_s += seconds;
    if (pack->over_current_s >= BB_SIM_OVER_CURRENT_DELAY_S) {
        start_lock(pack, alarm);
        return;
    }
    set_level(pack, alarm, 1);
}

void bb_sim_pack_protect(struct bb_sim_pack *pack, double seconds)
{
    unsigned blocked = 0;
    watch_current(pack, seconds);
    for (int i = 0; i < BB_SIM_ALARMS; i++) {
        enum bb_sim_alarm alarm = (enum bb_sim_alarm)i;
        if (alarm != BB_SIM_CHARGE_CURRENT && alarm != BB_SIM_DISCHARGE_CURRENT) {
            apply_rule(pack, alarm);
        }
        if (pack->level[alarm] == 2) {
            blocked |= rules[alarm].blocks;
        }
    }
    pack->charge_fet = pack->charge_switch && (blocked & BLOCKS_CHARGE) == 0;
    pack->discharge_fet = pack->discharge_switch && (blocked & BLOCKS_DISCHARGE) == 0;
    bb_sim_pack_set_current(pack, pack->current_a);
}
