/* Comparison of doubles; cmocka's own works on floats. */
#ifndef BUSBAR_TESTS_NEAR_H
#define BUSBAR_TESTS_NEAR_H

#include <math.h>

#define assert_near(got_, expected_)                                                               \
    do {                                                                                           \
        double got_value = (got_);                                                                 \
        double expected_value = (expected_);                                                       \
        if (!(fabs(got_value - expected_value) < 1e-9)) {                                          \
            fail_msg("%s is %.12g, expected %.12g", #got_, got_value, expected_value);             \
        }                                                                                          \
    } while (0)

#endif
