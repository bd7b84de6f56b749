#include "support.h"

#include <math.h>
#include <string.h>

#include "services/aggregator/curve.h"

static struct bb_curve curve_of(const double *x, const double *y, size_t count)
{
    struct bb_curve curve;
    struct bb_problem problem = {0};
    if (bb_curve_make(x, count, y, count, &curve, &problem) != BB_OK) {
        fail_msg("%s", problem.what);
    }
    return curve;
}

static const double cell_x[] = {3.500, 3.450, 3.425, 3.400, 3.375};
static const double cell_y[] = {0.000, 0.005, 0.050, 0.250, 1.000};
static const double low_x[] = {2.800, 2.900, 3.000, 3.100, 3.190};
static const double heat_x[] = {0, 2, 5, 10, 40, 45, 50, 55};
static const double heat_y[] = {0.00, 0.25, 0.50, 1.00, 1.00, 0.50, 0.25, 0.00};
static const double cold_x[] = {-10, 0, 5, 10, 40, 45, 50, 55};
static const double mosfet_x[] = {70, 80, 90};
static const double mosfet_y[] = {1.00, 0.25, 0.00};
static const double full_x[] = {98, 95, 90, 85};
static const double soc_y[] = {0.10, 0.20, 0.50, 1.00};
static const double empty_x[] = {5, 10, 15, 20};

/* The numbers an owner can check by hand: default curves, 50 A and 60 A. */
static void test_linear_examples(void **state)
{
    (void)state;
    struct bb_curve cell = curve_of(cell_x, cell_y, 5);
    struct bb_curve low = curve_of(low_x, cell_y, 5);
    struct bb_curve heat = curve_of(heat_x, heat_y, 8);
    struct bb_curve cold = curve_of(cold_x, heat_y, 8);
    struct bb_curve mosfet = curve_of(mosfet_x, mosfet_y, 3);
    struct bb_curve full = curve_of(full_x, soc_y, 4);
    struct bb_curve empty = curve_of(empty_x, soc_y, 4);
    assert_near(50 * bb_curve_linear(&cell, 3.413), 7.3, 1e-9);
    assert_near(50 * bb_curve_linear(&cell, 3.452), 0.24, 1e-9);
    assert_near(60 * bb_curve_linear(&low, 3.145), 37.5, 1e-9);
    assert_near(60 * bb_curve_linear(&low, 3.05), 9.0, 1e-9);
    assert_near(60 * bb_curve_linear(&low, 2.95), 1.65, 1e-9);
    assert_near(50 * bb_curve_linear(&heat, 3), 50.0 / 3, 1e-9);
    assert_near(60 * bb_curve_linear(&cold, 3), 24.0, 1e-9);
    assert_near(50 * bb_curve_linear(&heat, 42.5), 37.5, 1e-9);
    assert_near(60 * bb_curve_linear(&cold, 42.5), 45.0, 1e-9);
    assert_near(50 * bb_curve_linear(&mosfet, 82), 10.0, 1e-9);
    assert_near(50 * bb_curve_linear(&full, 96.5), 7.5, 1e-9);
    assert_near(60 * bb_curve_linear(&empty, 12.5), 21.0, 1e-9);
}

static void test_steps(void **state)
{
    (void)state;
    struct bb_curve cell = curve_of(cell_x, cell_y, 5);
    struct bb_curve low = curve_of(low_x, cell_y, 5);
    struct bb_curve heat = curve_of(heat_x, heat_y, 8);
    struct bb_curve mosfet = curve_of(mosfet_x, mosfet_y, 3);
    struct bb_curve full = curve_of(full_x, soc_y, 4);
    assert_near(bb_curve_step(&cell, 3.41, BB_STEP_BELOW), 0.25, 0);
    assert_near(bb_curve_step(&cell, 3.43, BB_STEP_BELOW), 0.05, 0);
    assert_near(bb_curve_step(&low, 3.05, BB_STEP_ABOVE), 0.25, 0);
    assert_near(bb_curve_step(&low, 2.95, BB_STEP_ABOVE), 0.05, 0);
    assert_near(bb_curve_step(&heat, 3, BB_STEP_SMALLER), 0.25, 0);
    assert_near(bb_curve_step(&heat, 49, BB_STEP_SMALLER), 0.25, 0);
    assert_near(bb_curve_step(&mosfet, 75, BB_STEP_BELOW), 1.0, 0);
    assert_near(bb_curve_step(&mosfet, 85, BB_STEP_BELOW), 0.25, 0);
    assert_near(bb_curve_step(&full, 87, BB_STEP_ABOVE), 0.5, 0);
}

static void test_ends_and_nonsense(void **state)
{
    (void)state;
    struct bb_curve heat = curve_of(heat_x, heat_y, 8);
    assert_near(bb_curve_linear(&heat, -100), 0.0, 0);
    assert_near(bb_curve_linear(&heat, 55), 0.0, 0);
    assert_near(bb_curve_linear(&heat, INFINITY), 0.0, 0);
    assert_near(bb_curve_linear(&heat, NAN), 0.0, 0);
    assert_near(bb_curve_step(&heat, NAN, BB_STEP_ABOVE), 0.0, 0);
    assert_near(bb_curve_step(&heat, 1000, BB_STEP_BELOW), 0.0, 0);
    struct bb_curve full = curve_of(full_x, soc_y, 4);
    assert_near(bb_curve_lowest(&full), 0.1, 0);
    assert_near(bb_curve_linear(&full, NAN), 0.1, 0);
}

static void test_refuses_what_is_no_curve(void **state)
{
    (void)state;
    struct bb_curve curve;
    struct bb_problem problem = {0};
    const double flat[] = {1, 1, 2};
    const double turns[] = {1, 2, 1.5};
    const double broken[] = {1, NAN, 3};
    const double above[] = {0, 0.5, 1.01};
    const double good[] = {0, 0.5, 1};
    const double rising[] = {1, 2, 3};
    assert_int_equal(bb_curve_make(rising, 3, good, 2, &curve, &problem), BB_ERR_RANGE);
    assert_int_equal(bb_curve_make(rising, 1, good, 1, &curve, &problem), BB_ERR_RANGE);
    assert_int_equal(bb_curve_make(flat, 3, good, 3, &curve, &problem), BB_ERR_RANGE);
    assert_int_equal(bb_curve_make(turns, 3, good, 3, &curve, &problem), BB_ERR_RANGE);
    assert_int_equal(bb_curve_make(broken, 3, good, 3, &curve, &problem), BB_ERR_RANGE);
    assert_int_equal(bb_curve_make(rising, 3, above, 3, &curve, &problem), BB_ERR_RANGE);
    assert_int_equal(bb_curve_make(rising, 3, broken, 3, &curve, &problem), BB_ERR_RANGE);
    assert_true(strlen(problem.what) > 0);
    assert_int_equal(bb_curve_make(rising, 3, good, 3, &curve, NULL), BB_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear_examples),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_ends_and_nonsense),
        cmocka_unit_test(test_refuses_what_is_no_curve),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
