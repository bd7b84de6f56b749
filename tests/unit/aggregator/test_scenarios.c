/* Charge control scenarios from files: tests/conformance/charge-control, and those of
 * $BUSBAR_VECTORS/charge-control when that is set. A scenario's states hold, fresh at every
 * tick, until the next one; "expect" is compared after the evaluation of its second. */
#include "support.h"

#include <ctype.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"

#define FILES_MAX 128

/* Scenarios of features that do not exist. */
static const struct {
    const char *name, *missing;
} skipped[] = {
    {"coulomb-counting", "there is no SoC counter of its own (soc_calculation)"},
    {"soc-reset-first-start", "there is no SoC reset voltage (soc_reset_after_days)"},
    {"time-to-go", "time-to-go is not computed"},
};

struct scenario {
    const char *path;
    json_t *root;
    struct bench bench;
    bool heard;
};

static void append_value(char *text, size_t capacity, const json_t *value)
{
    size_t used = strlen(text);
    char *end = text + used;
    size_t room = capacity - used;
    if (json_is_boolean(value)) {
        (void)snprintf(end, room, "%s", json_is_true(value) ? "yes" : "no");
    } else if (json_is_integer(value)) {
        (void)snprintf(end, room, "%lld", (long long)json_integer_value(value));
    } else if (json_is_real(value)) {
        (void)snprintf(end, room, "%.6g", json_real_value(value));
    } else if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value); i++) {
            append_value(text, capacity, json_array_get(value, i));
            if (i + 1 < json_array_size(value)) {
                (void)strncat(text, ", ", capacity - strlen(text) - 1);
            }
        }
    } else {
        fail_msg("a configuration value of a kind the runner does not know");
    }
}

/* The scenario's options as lines of [charge]: their names in lower case. */
static void read_config(struct scenario *scenario)
{
    char text[4096] = "";
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(scenario->root, "config"), name, value)
    {
        for (const char *p = name; *p != '\0'; p++) {
            char lower[2] = {(char)tolower((unsigned char)*p), '\0'};
            (void)strncat(text, lower, sizeof text - strlen(text) - 1);
        }
        (void)strncat(text, " = ", sizeof text - strlen(text) - 1);
        append_value(text, sizeof text, value);
        (void)strncat(text, "\n", sizeof text - strlen(text) - 1);
    }
    struct bb_charge_config config = charge_config(text);
    const struct bb_battery nothing = {0};
    bench_init(&scenario->bench, &config, &nothing);
}

static double tolerance_of(const json_t *step, const char *name)
{
    const json_t *tolerances = json_object_get(step, "tolerance");
    return json_number_value(json_object_get(tolerances, name)) + 1e-9;
}

static struct bb_real number_of(const struct bb_charge *charge, const char *name)
{
    const struct {
        const char *name;
        struct bb_real value;
    } fields[] = {
        {"cvl", charge->cvl},
        {"ccl", charge->ccl},
        {"dcl", charge->dcl},
        {"current", charge->current},
        {"power", charge->power},
        {"soc", charge->soc},
        {"capacity_remain", charge->capacity_remain},
        {"consumed", charge->consumed},
        {"temperature", charge->temperature},
        {"min_temperature", charge->min_temperature},
        {"max_temperature", charge->max_temperature},
        {"alarm_bms_cable", bb_real((double)charge->bms_cable.value)},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (strcmp(fields[i].name, name) == 0) {
            return fields[i].value;
        }
    }
    fail_msg("the runner knows no value '%s'", name);
    return (struct bb_real){0};
}

static const char *text_of(const struct bb_charge *charge, const char *name)
{
    const struct {
        const char *name, *value;
    } fields[] = {
        {"charge_mode", charge->mode},
        {"charge_limitation", charge->ccl_reason},
        {"discharge_limitation", charge->dcl_reason},
        {"min_cell_id", charge->min_cell_id},
        {"max_cell_id", charge->max_cell_id},
        {"min_temperature_id", charge->min_temperature_id},
        {"max_temperature_id", charge->max_temperature_id},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (strcmp(fields[i].name, name) == 0) {
            return fields[i].value;
        }
    }
    fail_msg("the runner knows no text '%s'", name);
    return "";
}

static bool switch_of(const struct bb_decision *decision, const char *name)
{
    if (strcmp(name, "allow_charge") == 0) {
        return decision->charge.allow_charge.value;
    }
    if (strcmp(name, "allow_discharge") == 0) {
        return decision->charge.allow_discharge.value;
    }
    if (strcmp(name, "online") == 0) {
        return decision->charge.modules_online.value == 1;
    }
    if (strcmp(name, "given_up") == 0) {
        return decision->link.gave_up && decision->charge.ccl.value == 0.0 &&
               decision->charge.dcl.value == 0.0 && !decision->charge.allow_charge.value;
    }
    fail_msg("the runner knows no switch '%s'", name);
    return false;
}

/* The set of flags, whatever their order. */
static void expect_flags(const struct scenario *scenario, long long t, const json_t *expected)
{
    char actual[64];
    (void)snprintf(actual, sizeof actual, "%s", scenario->bench.decision.charge.flags);
    size_t count = 0;
    char *rest = NULL;
    for (char *flag = strtok_r(actual, ",", &rest); flag; flag = strtok_r(NULL, ",", &rest)) {
        bool found = false;
        for (size_t i = 0; i < json_array_size(expected); i++) {
            found = found || strcmp(json_string_value(json_array_get(expected, i)), flag) == 0;
        }
        if (!found) {
            fail_msg("%s: at %lld s: flag %s is not expected", scenario->path, t, flag);
        }
        count++;
    }
    if (count != json_array_size(expected)) {
        fail_msg("%s: at %lld s: flags are '%s'", scenario->path, t,
                 scenario->bench.decision.charge.flags);
    }
}

static void expect_text(const struct scenario *scenario, long long t, const char *name,
                        const char *expected)
{
    const char *actual = text_of(&scenario->bench.decision.charge, name);
    if (strcmp(actual, expected) != 0) {
        fail_msg("%s: at %lld s: %s is '%s', expected '%s'", scenario->path, t, name, actual,
                 expected);
    }
}

static void expect_number(const struct scenario *scenario, long long t, const char *name,
                          double expected, double tolerance)
{
    struct bb_real actual = number_of(&scenario->bench.decision.charge, name);
    if (!actual.present || fabs(actual.value - expected) > tolerance) {
        fail_msg("%s: at %lld s: %s is %.4f, expected %.4f", scenario->path, t, name, actual.value,
                 expected);
    }
}

static void expect(const struct scenario *scenario, const json_t *step, const char *name,
                   const json_t *expected)
{
    long long t = (long long)json_integer_value(json_object_get(step, "t"));
    if (json_is_array(expected)) {
        expect_flags(scenario, t, expected);
    } else if (json_is_string(expected)) {
        expect_text(scenario, t, name, json_string_value(expected));
    } else if (json_is_number(expected)) {
        expect_number(scenario, t, name, json_number_value(expected), tolerance_of(step, name));
    } else if (!json_is_boolean(expected)) {
        fail_msg("%s: at %lld s: the runner cannot expect %s to be absent", scenario->path, t,
                 name);
    } else if (switch_of(&scenario->bench.decision, name) != json_is_true(expected)) {
        fail_msg("%s: at %lld s: %s is not as expected", scenario->path, t, name);
    }
}

static void restart(struct bench *bench)
{
    struct bb_decision_record record;
    bb_decision_record(&bench->state, "b1", &record);
    bb_decision_restore(&bench->state, &bench->config, &record, true);
}

static void apply(struct scenario *scenario, const json_t *step)
{
    const json_t *state = json_object_get(step, "state");
    if (state) {
        struct bb_problem problem = {0};
        if (bb_json_to(&bb_battery_schema, state, &scenario->bench.snapshot.battery, &problem) !=
            BB_OK) {
            fail_msg("%s: %s: %s", scenario->path, problem.where, problem.what);
        }
    }
    scenario->heard = !json_is_false(json_object_get(step, "online"));
    const char *event = json_string_value(json_object_get(step, "event"));
    if (event) {
        assert_string_equal(event, "restart");
        restart(&scenario->bench);
    }
}

static void run_steps(struct scenario *scenario)
{
    const json_t *steps = json_object_get(scenario->root, "steps");
    const json_t *tick_s = json_object_get(scenario->root, "tick");
    int64_t tick_ms = tick_s ? (int64_t)(json_number_value(tick_s) * 1000.0) : 1000;
    int64_t start_ms = scenario->bench.now_ms;
    assert_true(json_array_size(steps) > 0);
    for (size_t i = 0; i < json_array_size(steps); i++) {
        const json_t *step = json_array_get(steps, i);
        int64_t at_ms = start_ms + json_integer_value(json_object_get(step, "t")) * 1000;
        while (scenario->bench.now_ms + (i > 0 ? tick_ms : 0) < at_ms) {
            scenario->bench.now_ms += tick_ms;
            bench_evaluate(&scenario->bench, scenario->heard);
        }
        scenario->bench.now_ms = at_ms;
        apply(scenario, step);
        bench_evaluate(&scenario->bench, scenario->heard);
        const char *name;
        json_t *expected;
        json_object_foreach(json_object_get(step, "expect"), name, expected)
        {
            expect(scenario, step, name, expected);
        }
    }
}

static const char *reason_to_skip(const char *name)
{
    for (size_t i = 0; i < sizeof skipped / sizeof skipped[0]; i++) {
        if (strcmp(skipped[i].name, name) == 0) {
            return skipped[i].missing;
        }
    }
    return NULL;
}

static void test_scenario(void **state)
{
    struct scenario scenario = {.path = *state, .heard = true};
    json_error_t error;
    scenario.root = json_load_file(scenario.path, 0, &error);
    if (!scenario.root) {
        fail_msg("%s: line %d: %s", scenario.path, error.line, error.text);
    }
    const char *name = json_string_value(json_object_get(scenario.root, "name"));
    assert_non_null(name);
    const char *missing = reason_to_skip(name);
    if (missing) {
        print_message("%s: skipped: %s\n", name, missing);
        json_decref(scenario.root);
        skip();
    }
    read_config(&scenario);
    run_steps(&scenario);
    json_decref(scenario.root);
}

static size_t find_files(const char *folder, char **paths, size_t count)
{
    DIR *directory = opendir(folder);
    if (!directory) {
        (void)fprintf(stderr, "%s cannot be read\n", folder);
        return count;
    }
    for (struct dirent *entry = readdir(directory); entry && count < FILES_MAX;
         entry = readdir(directory)) {
        const char *dot = strrchr(entry->d_name, '.');
        if (dot && strcmp(dot, ".json") == 0) {
            size_t size = strlen(folder) + strlen(entry->d_name) + 2;
            paths[count] = malloc(size);
            (void)snprintf(paths[count], size, "%s/%s", folder, entry->d_name);
            count++;
        }
    }
    (void)closedir(directory);
    return count;
}

int main(void)
{
    char *paths[FILES_MAX];
    size_t count = find_files(SCENARIOS, paths, 0);
    if (count == 0) {
        return EXIT_FAILURE;
    }
    const char *more = getenv("BUSBAR_VECTORS");
    if (more) {
        char folder[512];
        (void)snprintf(folder, sizeof folder, "%s/charge-control", more);
        count = find_files(folder, paths, count);
    }
    struct CMUnitTest tests[FILES_MAX];
    for (size_t i = 0; i < count; i++) {
        tests[i] = (struct CMUnitTest){
            .name = paths[i], .test_func = test_scenario, .initial_state = paths[i]};
    }
    int failed = _cmocka_run_group_tests("scenarios", tests, count, NULL, NULL);
    for (size_t i = 0; i < count; i++) {
        free(paths[i]);
    }
    return failed;
}
