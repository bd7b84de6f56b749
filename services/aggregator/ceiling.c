#include "services/aggregator/ceiling.h"

#include <math.h>

/* Rounding of stored against fresh values must not look like a recovery. */
#define SAME_V 0.0005

static enum bb_ceiling_step follow(struct bb_ceiling *ceiling, double target_v, int64_t hold_ms,
                                   int64_t step_ms)
{
    ceiling->known = true;
    ceiling->volts = target_v;
    ceiling->limited_ms += ceiling->limited ? step_ms : 0;
    if (ceiling->limited_ms >= hold_ms) {
        ceiling->limited = false;
    }
    return BB_CEILING_FREE;
}

static enum bb_ceiling_step reduce(struct bb_ceiling *ceiling, double allowed_v)
{
    ceiling->volts = ceiling->known ? fmin(ceiling->volts, allowed_v) : allowed_v;
    ceiling->known = true;
    ceiling->limited = true;
    ceiling->limited_ms = 0;
    return BB_CEILING_LIMITED;
}

enum bb_ceiling_step bb_ceiling_update(struct bb_ceiling *ceiling, double target_v,
                                       double allowed_v, int64_t hold_ms, double rate_v_per_s,
                                       int64_t step_ms)
{
    double most_v = fmin(target_v, allowed_v);
    bool unreduced = allowed_v >= target_v - SAME_V;
    if (unreduced && (!ceiling->limited || ceiling->volts >= target_v - SAME_V)) {
        return follow(ceiling, target_v, hold_ms, step_ms);
    }
    if (!ceiling->known || most_v <= ceiling->volts + SAME_V) {
        return reduce(ceiling, most_v);
    }
    int64_t before_ms = ceiling->limited ? ceiling->limited_ms : 0;
    ceiling->limited = true;
    ceiling->limited_ms = before_ms + step_ms;
    if (ceiling->limited_ms < hold_ms) {
        return BB_CEILING_LIMITED;
    }
    int64_t ramp_ms = before_ms < hold_ms ? ceiling->limited_ms - hold_ms : step_ms;
    double ramp_v = ceiling->volts + rate_v_per_s * (double)ramp_ms / 1000.0;
    ceiling->volts = rate_v_per_s > 0.0 ? fmin(ramp_v, most_v) : most_v;
    if (unreduced && ceiling->volts >= target_v - SAME_V) {
        ceiling->volts = target_v;
        ceiling->limited = false;
    }
    return BB_CEILING_RECOVERING;
}
