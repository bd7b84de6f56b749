#include "services/aggregator/limit.h"

#include <math.h>

/* Targets closer than this are the same; a spread below it is calm. */
#define SAME_A 0.0005
#define CALM_A 0.1

double bb_amps_round(double amps)
{
    if (!isfinite(amps) || amps <= 0.0) {
        return 0.0;
    }
    return round(amps * 1000.0) / 1000.0;
}

void bb_limit_restore(struct bb_limit *limit, double amps)
{
    *limit = (struct bb_limit){.known = true, .amps = bb_amps_round(amps)};
}

static void settle(struct bb_limit *limit, double amps)
{
    limit->known = true;
    limit->amps = amps;
    limit->above = false;
    limit->rising = false;
}

static void clear_bucket(struct bb_limit *limit, unsigned bucket)
{
    limit->low[bucket] = INFINITY;
    limit->high[bucket] = -INFINITY;
}

static void put_target(struct bb_limit *limit, double target_a)
{
    limit->low[limit->bucket] = fmin(limit->low[limit->bucket], target_a);
    limit->high[limit->bucket] = fmax(limit->high[limit->bucket], target_a);
}

static void start_waiting(struct bb_limit *limit, double target_a)
{
    limit->above = true;
    limit->above_ms = 0;
    limit->bucket = 0;
    limit->bucket_ms = 0;
    for (unsigned i = 0; i < BB_LIMIT_BUCKETS; i++) {
        clear_bucket(limit, i);
    }
    put_target(limit, target_a);
}

/* Seven full buckets and the running one cover the hold at any moment. */
static void keep_waiting(struct bb_limit *limit, int64_t hold_ms, double target_a, int64_t step_ms)
{
    int64_t width_ms = hold_ms / (BB_LIMIT_BUCKETS - 1) + 1;
    limit->above_ms += step_ms;
    limit->bucket_ms += step_ms;
    for (unsigned i = 0; i < BB_LIMIT_BUCKETS && limit->bucket_ms >= width_ms; i++) {
        limit->bucket_ms -= width_ms;
        limit->bucket = (limit->bucket + 1) % BB_LIMIT_BUCKETS;
        clear_bucket(limit, limit->bucket);
    }
    limit->bucket_ms %= width_ms;
    put_target(limit, target_a);
}

static double lowest_target(const struct bb_limit *limit)
{
    double lowest = limit->low[0];
    for (unsigned i = 1; i < BB_LIMIT_BUCKETS; i++) {
        lowest = fmin(lowest, limit->low[i]);
    }
    return lowest;
}

static double highest_target(const struct bb_limit *limit)
{
    double highest = limit->high[0];
    for (unsigned i = 1; i < BB_LIMIT_BUCKETS; i++) {
        highest = fmax(highest, limit->high[i]);
    }
    return highest;
}

static bool worth_rising(const struct bb_limit *limit, const struct bb_limit_rule *rule,
                         double goal_a)
{
    return limit->amps <= 0.0 || goal_a >= limit->amps + rule->band_a ||
           highest_target(limit) - goal_a < CALM_A;
}

static enum bb_limit_step rise(struct bb_limit *limit, const struct bb_limit_rule *rule,
                               double target_a, int64_t step_ms)
{
    double goal_a = rule->hold_ms > 0 ? lowest_target(limit) : target_a;
    if (!limit->rising && !worth_rising(limit, rule, goal_a)) {
        return BB_LIMIT_HELD;
    }
    if (rule->rate_a_per_s <= 0.0) {
        limit->amps = goal_a;
    } else if (limit->rising) {
        double ramp_a = limit->amps + rule->rate_a_per_s * (double)step_ms / 1000.0;
        limit->amps = fmin(goal_a, ramp_a);
    }
    limit->rising = true;
    if (limit->amps >= target_a - SAME_A) {
        settle(limit, target_a);
        return BB_LIMIT_AT_TARGET;
    }
    if (limit->amps >= goal_a - SAME_A) {
        limit->rising = false;
        return BB_LIMIT_HELD;
    }
    return BB_LIMIT_RISING;
}

enum bb_limit_step bb_limit_update(struct bb_limit *limit, const struct bb_limit_rule *rule,
                                   double target_a, int64_t step_ms)
{
    double target = bb_amps_round(target_a);
    if (!limit->known || target <= limit->amps + SAME_A) {
        settle(limit, limit->known ? fmin(target, limit->amps) : target);
        return BB_LIMIT_AT_TARGET;
    }
    if (limit->amps <= 0.0 && target < rule->threshold_a) {
        settle(limit, 0.0);
        return BB_LIMIT_HELD;
    }
    if (!limit->above) {
        start_waiting(limit, target);
    } else {
        keep_waiting(limit, rule->hold_ms, target, step_ms);
    }
    if (limit->above_ms < rule->hold_ms) {
        limit->rising = false;
        return BB_LIMIT_HELD;
    }
    return rise(limit, rule, target, step_ms);
}
