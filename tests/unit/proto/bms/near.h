/* Comparison of doubles; cmocka's own works on floats. Include behind cmocka.h. */
#ifndef BUSBAR_TESTS_NEAR_H
#define BUSBAR_TESTS_NEAR_H

#include <math.h>

static inline void near_or_fail(const char *what, double got, double expected)
{
    if (!(fabs(got - expected) < 1e-9)) {
        fail_msg("%s is %.12g, expected %.12g", what, got, expected);
    }
}

#define assert_near(got_, expected_) near_or_fail(#got_, (got_), (expected_))

#endif
