#include "services/tap/histogram.h"

/* Above BB_HISTOGRAM_EXACT = 2^6 a value 2^e <= v < 2^(e+1) falls into one of 32 equal classes. */
#define FIRST_EXPONENT 6
#define STEP_BITS 5

static int class_of(int64_t value)
{
    if (value < BB_HISTOGRAM_EXACT) {
        return value < 0 ? 0 : (int)value;
    }
    int exponent = FIRST_EXPONENT;
    while (value >> (exponent + 1) != 0) {
        exponent++;
    }
    int64_t step = (value >> (exponent - STEP_BITS)) - BB_HISTOGRAM_STEPS;
    int index = BB_HISTOGRAM_EXACT + (exponent - FIRST_EXPONENT) * BB_HISTOGRAM_STEPS + (int)step;
    return index < BB_HISTOGRAM_CLASSES ? index : BB_HISTOGRAM_CLASSES - 1;
}

/* Smallest value of a class. */
static int64_t value_of(int index)
{
    if (index < BB_HISTOGRAM_EXACT) {
        return index;
    }
    int above = index - BB_HISTOGRAM_EXACT;
    int exponent = FIRST_EXPONENT + above / BB_HISTOGRAM_STEPS;
    int64_t step = BB_HISTOGRAM_STEPS + above % BB_HISTOGRAM_STEPS;
    return step << (exponent - STEP_BITS);
}

void bb_histogram_add(struct bb_histogram *histogram, int64_t value)
{
    histogram->classes[class_of(value)]++;
    histogram->count++;
    histogram->max = value > histogram->max ? value : histogram->max;
}

int64_t bb_histogram_quantile(const struct bb_histogram *histogram, int permille)
{
    int64_t wanted = (histogram->count * permille + 999) / 1000;
    int64_t seen = 0;
    for (int i = 0; i < BB_HISTOGRAM_CLASSES; i++) {
        seen += histogram->classes[i];
        if (seen > 0 && seen >= wanted) {
            return value_of(i);
        }
    }
    return -1;
}
