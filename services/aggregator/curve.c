#include "services/aggregator/curve.h"

#include <math.h>
#include <stdbool.h>

static bool is_monotonic(const double *x, size_t count)
{
    bool ascending = x[1] > x[0];
    for (size_t i = 1; i < count; i++) {
        if (ascending ? x[i] <= x[i - 1] : x[i] >= x[i - 1]) {
            return false;
        }
    }
    return true;
}

int bb_curve_make(const double *x, size_t x_count, const double *y, size_t y_count,
                  struct bb_curve *ret_curve, struct bb_problem *problem)
{
    if (x_count != y_count) {
        return bb_fail(problem, BB_ERR_RANGE, "", "%zu points but %zu fractions", x_count, y_count);
    }
    if (x_count < 2 || x_count > BB_CURVE_POINTS_MAX) {
        return bb_fail(problem, BB_ERR_RANGE, "", "a curve needs 2 to %d points",
                       BB_CURVE_POINTS_MAX);
    }
    for (size_t i = 0; i < x_count; i++) {
        if (!isfinite(x[i]) || !(y[i] >= 0.0 && y[i] <= 1.0)) {
            return bb_fail(problem, BB_ERR_RANGE, "",
                           "point %zu is not a number or its fraction "
                           "is not within 0..1",
                           i + 1);
        }
    }
    if (!is_monotonic(x, x_count)) {
        return bb_fail(problem, BB_ERR_RANGE, "", "points must rise or fall from first to last");
    }
    bool ascending = x[1] > x[0];
    for (size_t i = 0; i < x_count; i++) {
        size_t from = ascending ? i : x_count - 1 - i;
        ret_curve->x[i] = x[from];
        ret_curve->y[i] = y[from];
    }
    ret_curve->count = x_count;
    return BB_OK;
}

/* Index of the first point above value, 1..count-1; value lies inside the curve. */
static size_t point_above(const struct bb_curve *curve, double value)
{
    size_t above = 1;
    while (curve->x[above] <= value) {
        above++;
    }
    return above;
}

/* True when value is at or beyond an end; *ret_fraction is then that end's. */
static bool beyond_ends(const struct bb_curve *curve, double value, double *ret_fraction)
{
    if (isnan(value)) {
        *ret_fraction = bb_curve_lowest(curve);
        return true;
    }
    if (value <= curve->x[0]) {
        *ret_fraction = curve->y[0];
        return true;
    }
    if (value >= curve->x[curve->count - 1]) {
        *ret_fraction = curve->y[curve->count - 1];
        return true;
    }
    return false;
}

double bb_curve_linear(const struct bb_curve *curve, double value)
{
    double end = 0.0;
    if (beyond_ends(curve, value, &end)) {
        return end;
    }
    size_t above = point_above(curve, value);
    double x0 = curve->x[above - 1];
    double y0 = curve->y[above - 1];
    double y1 = curve->y[above];
    double fraction = y0 + (value - x0) / (curve->x[above] - x0) * (y1 - y0);
    return fmin(fmax(fraction, fmin(y0, y1)), fmax(y0, y1));
}

double bb_curve_step(const struct bb_curve *curve, double value, enum bb_curve_step step)
{
    double end = 0.0;
    if (beyond_ends(curve, value, &end)) {
        return end;
    }
    size_t above = point_above(curve, value);
    switch (step) {
    case BB_STEP_BELOW:
        return curve->y[above - 1];
    case BB_STEP_ABOVE:
        return curve->y[above];
    case BB_STEP_SMALLER:
        return fmin(curve->y[above - 1], curve->y[above]);
    }
    return bb_curve_lowest(curve);
}

double bb_curve_lowest(const struct bb_curve *curve)
{
    double lowest = curve->y[0];
    for (size_t i = 1; i < curve->count; i++) {
        lowest = fmin(lowest, curve->y[i]);
    }
    return lowest;
}
