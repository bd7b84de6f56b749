/* Curves: a fraction of the largest current over a cell voltage, a temperature or the SoC. */
#ifndef BUSBAR_SERVICES_AGGREGATOR_CURVE_H
#define BUSBAR_SERVICES_AGGREGATOR_CURVE_H

#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"

#define BB_CURVE_POINTS_MAX 16

struct bb_curve {
    double x[BB_CURVE_POINTS_MAX]; /* strictly ascending */
    double y[BB_CURVE_POINTS_MAX]; /* 0..1 */
    size_t count;                  /* 2..BB_CURVE_POINTS_MAX */
};

/* What step mode takes between two points. */
enum bb_curve_step {
    BB_STEP_BELOW,  /* the point at or below the value */
    BB_STEP_ABOVE,  /* the point above it */
    BB_STEP_SMALLER /* whichever of the two fractions is smaller */
};

/* Takes the points over; descending x are turned round. Refuses fewer than two points, lists of
 * unequal length, numbers that are not finite, x that are not strictly monotonic and fractions
 * outside 0..1 (problem->what says which; where stays empty). */
int bb_curve_make(const double *x, size_t x_count, const double *y, size_t y_count,
                  struct bb_curve *ret_curve, struct bb_problem *problem);

/* The fraction at value, interpolated; the end points hold beyond the ends. A value that is not
 * a number gives the smallest fraction. */
double bb_curve_linear(const struct bb_curve *curve, double value);

/* The fraction at value in step mode. */
double bb_curve_step(const struct bb_curve *curve, double value, enum bb_curve_step step);

/* The smallest fraction of the curve: what holds while its input has never been known. */
double bb_curve_lowest(const struct bb_curve *curve);

#endif
