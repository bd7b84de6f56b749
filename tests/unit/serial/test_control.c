/* Commands from the bus. */
#include "common/reader/control.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "proto/deadlines.h"

#define ALL (~0U)

static struct bb_command ask(const char *verb, double value)
{
    struct bb_command command = {.correlation = "c1", .value = bb_real(value)};
    strncpy(command.verb, verb, sizeof command.verb - 1);
    return command;
}

static int admit(struct bb_control_gate *gate, unsigned allowed, struct bb_command command,
                 int64_t now_ms)
{
    struct bb_control control = {0};
    struct bb_problem problem = {0};
    int error = bb_control_admit(gate, allowed, &command, now_ms, &control, &problem);
    if (error == BB_OK) {
        assert_string_equal(control.verb, command.verb);
        assert_true(control.value == command.value.value);
    } else {
        assert_true(strlen(problem.what) > 0);
    }
    return error;
}

static void what_is_allowed_passes(void **state)
{
    (void)state;
    static const char *const verbs[] = {"charge_fet", "discharge_fet", "balance_fet", "soc"};
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        unsigned bit = 1U << (unsigned)bb_control_verb(verbs[i]);
        struct bb_control_gate gate = {0};
        assert_int_equal(admit(&gate, bit, ask(verbs[i], 1), 5000), BB_OK);
        assert_true(gate.pending);
        assert_string_equal(gate.correlation, "c1");
        struct bb_control_gate closed = {0};
        assert_int_equal(admit(&closed, ALL & ~bit, ask(verbs[i], 1), 5000), BB_ERR_CONFIG);
        assert_false(closed.pending);
    }
}

static void nothing_is_allowed_by_default(void **state)
{
    (void)state;
    struct bb_control_gate gate = {0};
    assert_int_equal(admit(&gate, 0, ask("charge_fet", 0), 5000), BB_ERR_CONFIG);
}

static void senseless_values_are_refused(void **state)
{
    (void)state;
    struct bb_control_gate gate = {0};
    assert_int_equal(admit(&gate, ALL, ask("self_destruct", 1), 5000), BB_ERR_UNKNOWN);
    assert_int_equal(admit(&gate, ALL, ask("", 1), 5000), BB_ERR_UNKNOWN);
    assert_int_equal(admit(&gate, ALL, ask("charge_fet", 2), 5000), BB_ERR_RANGE);
    assert_int_equal(admit(&gate, ALL, ask("charge_fet", 0.5), 5000), BB_ERR_RANGE);
    assert_int_equal(admit(&gate, ALL, ask("charge_fet", NAN), 5000), BB_ERR_MISSING);
    assert_int_equal(admit(&gate, ALL, ask("soc", -1), 5000), BB_ERR_RANGE);
    assert_int_equal(admit(&gate, ALL, ask("soc", 100.1), 5000), BB_ERR_RANGE);
    struct bb_command empty = ask("soc", 50);
    empty.value.present = false;
    assert_int_equal(admit(&gate, ALL, empty, 5000), BB_ERR_MISSING);
    assert_false(gate.had_one);
    assert_int_equal(admit(&gate, ALL, ask("soc", 100), 5000), BB_OK);
}

static void one_at_a_time_and_not_too_often(void **state)
{
    (void)state;
    struct bb_control_gate gate = {0};
    assert_int_equal(admit(&gate, ALL, ask("charge_fet", 0), 5000), BB_OK);
    assert_int_equal(admit(&gate, ALL, ask("charge_fet", 1), 9000), BB_ERR_BUSY);
    assert_false(bb_control_is_overdue(&gate, 5000 + BB_CONFIRM_MS - 1));
    assert_true(bb_control_is_overdue(&gate, 5000 + BB_CONFIRM_MS));
    gate.pending = false;
    assert_false(bb_control_is_overdue(&gate, 5000 + BB_CONFIRM_MS));
    assert_int_equal(admit(&gate, ALL, ask("charge_fet", 1), 5000 + BB_CONTROL_PAUSE_MS - 1),
                     BB_ERR_BUSY);
    assert_int_equal(admit(&gate, ALL, ask("charge_fet", 1), 5000 + BB_CONTROL_PAUSE_MS), BB_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_allowed_passes),
        cmocka_unit_test(nothing_is_allowed_by_default),
        cmocka_unit_test(senseless_values_are_refused),
        cmocka_unit_test(one_at_a_time_and_not_too_often),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
