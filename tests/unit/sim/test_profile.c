#include "services/sim/profile.h"
#include "tests/unit/sim/fixture.h"

static void test_steps_hold_until_the_next(void **state)
{
    (void)state;
    struct bb_sim_profile profile = {0};
    assert_int_equal(bb_sim_profile_add(&profile, "06:00=-600", NULL), BB_OK);
    assert_int_equal(bb_sim_profile_add(&profile, "10:30=1500.5", NULL), BB_OK);
    assert_near(bb_sim_profile_power(&profile, 6 * 3600.0), -600, 0);
    assert_near(bb_sim_profile_power(&profile, 10.5 * 3600 - 1), -600, 0);
    assert_near(bb_sim_profile_power(&profile, 10.5 * 3600), 1500.5, 0);
    assert_near(bb_sim_profile_power(&profile, 3600), 1500.5, 0); /* from yesterday */
    assert_near(bb_sim_profile_power(&profile, 86400 * 3 + 7 * 3600.0), -600, 0);
}

static void test_one_number_is_the_whole_day(void **state)
{
    (void)state;
    struct bb_sim_profile profile = {0};
    assert_near(bb_sim_profile_power(&profile, 0), 0, 0);
    assert_int_equal(bb_sim_profile_add(&profile, "-250", NULL), BB_OK);
    assert_near(bb_sim_profile_power(&profile, 0), -250, 0);
    assert_near(bb_sim_profile_power(&profile, 86399), -250, 0);
}

static void test_what_is_wrong_is_named(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",         "06:00=",  "=5",        "25:00=5",   "06:60=5",    "6:00=5", "06:00=five",
        "06:00=5W", "06-00=5", "06:00=nan", "06:00=1e9", "06:00:00=5", "fast",   "06:00=5=6",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct bb_sim_profile profile = {0};
        struct bb_problem problem = {0};
        assert_true(bb_sim_profile_add(&profile, wrong[i], &problem) < 0);
        assert_int_equal(profile.count, 0);
        assert_string_equal(problem.where, wrong[i]);
        assert_true(problem.what[0] != '\0');
    }
}

static void test_times_ascend(void **state)
{
    (void)state;
    struct bb_sim_profile profile = {0};
    struct bb_problem problem;
    assert_int_equal(bb_sim_profile_add(&profile, "10:00=1", &problem), BB_OK);
    assert_int_equal(bb_sim_profile_add(&profile, "10:00=2", &problem), BB_ERR_RANGE);
    assert_int_equal(bb_sim_profile_add(&profile, "09:00=2", &problem), BB_ERR_RANGE);
}

static void test_points_have_a_maximum(void **state)
{
    (void)state;
    struct bb_sim_profile profile = {0};
    struct bb_problem problem;
    for (int i = 0; i < BB_SIM_PROFILE_MAX; i++) {
        char point[32];
        (void)snprintf(point, sizeof point, "%02d:%02d=1", i / 4, 15 * (i % 4));
        assert_int_equal(bb_sim_profile_add(&profile, point, &problem), BB_OK);
    }
    assert_int_equal(bb_sim_profile_add(&profile, "23:59=1", &problem), BB_ERR_OVERSIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps_hold_until_the_next),
        cmocka_unit_test(test_one_number_is_the_whole_day),
        cmocka_unit_test(test_what_is_wrong_is_named),
        cmocka_unit_test(test_times_ascend),
        cmocka_unit_test(test_points_have_a_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
