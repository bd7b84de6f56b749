/* One voltage limit over time: a controller's reduction counts at once, the way back needs a
 * hold and then a ramp. Changes of the target itself (bulk, float) are followed directly unless
 * a reduction is still pending. */
#ifndef BUSBAR_SERVICES_AGGREGATOR_CEILING_H
#define BUSBAR_SERVICES_AGGREGATOR_CEILING_H

#include <stdbool.h>
#include <stdint.h>

struct bb_ceiling {
    bool known;
    double volts;
    bool limited;       /* a reduction is in force or being recovered from */
    int64_t limited_ms; /* since the last reduction */
};

enum bb_ceiling_step { BB_CEILING_FREE, BB_CEILING_LIMITED, BB_CEILING_RECOVERING };

/* target_v is what the mode asks for, allowed_v what the controller tolerates now; both finite.
 * rate 0 means a jump after the hold. */
enum bb_ceiling_step bb_ceiling_update(struct bb_ceiling *ceiling, double target_v,
                                       double allowed_v, int64_t hold_ms, double rate_v_per_s,
                                       int64_t step_ms);

#endif
