#include "services/aggregator/contradiction.h"

#include <math.h>

#define DEVIATION_MOST 0.10
#define DEVIATION_MS 10000
#define FET_CURRENT_A 1.0
#define FET_MS 10000
#define EXCESS_FACTOR 1.1
#define EXCESS_A 2.0
#define EXCESS_WARNING_MS 30000
#define EXCESS_ALARM_MS 300000
#define FULL_SOC 99.95
#define EMPTY_SOC 0.05
#define NOT_EMPTY_CELL_V 3.2

bool bb_lasts(int64_t *lasted_ms, bool condition, int64_t after_ms, int64_t step_ms)
{
    if (!condition) {
        *lasted_ms = -1;
        return false;
    }
    *lasted_ms = *lasted_ms < 0 ? 0 : *lasted_ms + step_ms;
    return *lasted_ms >= after_ms;
}

void bb_contradictions_init(struct bb_contradictions *state)
{
    state->deviation_ms = -1;
    for (unsigned i = 0; i < BB_DIRECTIONS; i++) {
        state->fet_ms[i] = -1;
        state->excess_ms[i] = -1;
    }
}

static double current_in(const struct bb_facts *facts, enum bb_direction direction)
{
    if (!facts->current_valid) {
        return 0.0;
    }
    return direction == BB_CHARGING ? facts->raw_current : -facts->raw_current;
}

static bool soc_is_doubtful(const struct bb_charge_config *config, const struct bb_facts *facts)
{
    if (!facts->soc_valid || !facts->cells_valid) {
        return false;
    }
    bool charging = facts->current_valid && facts->raw_current > 0.0;
    bool not_full = charging && facts->max_v < config->float_cell_v;
    bool not_empty = facts->min_v > NOT_EMPTY_CELL_V;
    return (facts->soc >= FULL_SOC && not_full) || (facts->soc <= EMPTY_SOC && not_empty);
}

void bb_contradictions_update(struct bb_contradictions *state,
                              const struct bb_charge_config *config, const struct bb_facts *facts,
                              const double limit_a[BB_DIRECTIONS], int64_t step_ms,
                              struct bb_contradiction_view *ret_view)
{
    struct bb_contradiction_view view = {.voltages_differ = facts->deviates};
    view.voltages_exclude =
        bb_lasts(&state->deviation_ms, facts->deviation > DEVIATION_MOST, DEVIATION_MS, step_ms);
    for (unsigned i = 0; i < BB_DIRECTIONS; i++) {
        double amps = current_in(facts, (enum bb_direction)i);
        bool against_fet = facts->fet[i] == BB_FET_OPEN && amps > FET_CURRENT_A;
        view.fet_disbelieved[i] = bb_lasts(&state->fet_ms[i], against_fet, FET_MS, step_ms);
        bool excess = amps > limit_a[i] * EXCESS_FACTOR + EXCESS_A;
        if (bb_lasts(&state->excess_ms[i], excess, EXCESS_WARNING_MS, step_ms)) {
            view.excess_level[i] = state->excess_ms[i] >= EXCESS_ALARM_MS ? 2 : 1;
        }
    }
    view.soc_doubtful = soc_is_doubtful(config, facts);
    *ret_view = view;
}
