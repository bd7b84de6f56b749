/* One current limit over time: down at once, up late and slowly.
 *
 * A target at or below the limit is taken over in the same step. A higher target must have
 * lasted for hold_ms; then the limit follows the lowest target of the last hold_ms, no faster
 * than the ramp. From 0 it only leaves for targets at or above the threshold. While the target
 * jitters, a rise smaller than band_a is not worth a change and waits until the target is calm.
 */
#ifndef BUSBAR_SERVICES_AGGREGATOR_LIMIT_H
#define BUSBAR_SERVICES_AGGREGATOR_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#define BB_LIMIT_BUCKETS 8

struct bb_limit {
    bool known; /* false: the first target is taken as it comes */
    double amps;
    bool above, rising;
    int64_t above_ms; /* how long the target has been above the limit */
    unsigned bucket;  /* lowest and highest targets of the last hold_ms, in eight buckets */
    int64_t bucket_ms;
    double low[BB_LIMIT_BUCKETS], high[BB_LIMIT_BUCKETS];
};

struct bb_limit_rule {
    double threshold_a;
    double band_a;
    int64_t hold_ms;
    double rate_a_per_s; /* 0: no ramp */
};

enum bb_limit_step {
    BB_LIMIT_AT_TARGET,
    BB_LIMIT_HELD,  /* below its target and waiting */
    BB_LIMIT_RISING /* on the ramp */
};

/* Moves limit towards target_a over step_ms (0 in the first call). A target that is not finite
 * or negative counts as 0. */
enum bb_limit_step bb_limit_update(struct bb_limit *limit, const struct bb_limit_rule *rule,
                                   double target_a, int64_t step_ms);

/* A limit that starts from amps: a higher target needs hold and ramp. */
void bb_limit_restore(struct bb_limit *limit, double amps);

/* Three decimals, as limits are published. Not finite or negative: 0. */
double bb_amps_round(double amps);

#endif
