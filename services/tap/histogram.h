/* Times counted in classes: exact below 64 ms, within 3 % above. Fixed memory, so that a tap
 * can run for weeks. */
#ifndef BUSBAR_TAP_HISTOGRAM_H
#define BUSBAR_TAP_HISTOGRAM_H

#include <stdint.h>

#define BB_HISTOGRAM_EXACT 64
#define BB_HISTOGRAM_STEPS 32 /* classes per doubling */
#define BB_HISTOGRAM_CLASSES (BB_HISTOGRAM_EXACT + 26 * BB_HISTOGRAM_STEPS)

struct bb_histogram {
    int64_t count, max;
    uint32_t classes[BB_HISTOGRAM_CLASSES];
};

/* Counts value; a negative one counts as 0, one beyond the last class (49 days) as the last. */
void bb_histogram_add(struct bb_histogram *histogram, int64_t value);

/* The smallest value that permille of the counted ones do not exceed (rounded to its class), or
 * -1 when nothing was counted. */
int64_t bb_histogram_quantile(const struct bb_histogram *histogram, int permille);

#endif
