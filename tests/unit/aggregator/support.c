#include "support.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void keep_problem(const struct bb_problem *problem, void *arg)
{
    if (arg) {
        *(struct bb_problem *)arg = *problem;
    }
}

static int load(const char *text, struct bb_problem *problem, struct bb_config **ret_config)
{
    int fd = memfd_create("busbar.conf", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int result = bb_config_load(path, keep_problem, problem, ret_config);
    (void)close(fd);
    return result;
}

struct bb_config *config_of(const char *text)
{
    struct bb_problem problem = {0};
    struct bb_config *config = NULL;
    if (load(text, &problem, &config) != BB_OK) {
        fail_msg("refused: %s: %s", problem.where, problem.what);
    }
    return config;
}

bool config_refuses(const char *text, struct bb_problem *ret_problem)
{
    struct bb_config *config = NULL;
    bool refused = load(text, ret_problem, &config) != BB_OK;
    if (!refused) {
        bb_config_destroy(&config);
    }
    return refused;
}

struct bb_charge_config charge_config(const char *options)
{
    char text[4096];
    (void)snprintf(text, sizeof text, "[charge]\n%s\n", options);
    struct bb_config *config = config_of(text);
    struct bb_charge_config charge;
    bb_charge_config_read(config, "b1", &charge);
    bb_config_destroy(&config);
    return charge;
}

static void sum_up(struct bb_battery *battery)
{
    double sum = 0.0;
    for (unsigned i = 0; i < battery->cells_count; i++) {
        sum += battery->cells[i].voltage.value;
    }
    battery->voltage = bb_real(sum);
}

void set_cells(struct bb_battery *battery, double volts)
{
    for (unsigned i = 0; i < battery->cells_count; i++) {
        battery->cells[i].voltage = bb_real(volts);
    }
    sum_up(battery);
}

void set_cell(struct bb_battery *battery, unsigned cell, double volts)
{
    battery->cells[cell - 1].voltage = bb_real(volts);
    sum_up(battery);
}

struct bb_battery healthy_pack(double cell_v)
{
    struct bb_battery battery = {.cell_count = bb_integer(16),
                                 .cells_count = 16,
                                 .capacity = bb_real(100.0),
                                 .current = bb_real(0.0),
                                 .soc = bb_real(60.0),
                                 .temperature_1 = bb_real(25.0),
                                 .temperature_2 = bb_real(26.0),
                                 .temperature_mos = bb_real(30.0),
                                 .charge_fet = bb_flag(true),
                                 .discharge_fet = bb_flag(true),
                                 .balance_fet = bb_flag(true)};
    set_cells(&battery, cell_v);
    return battery;
}

void bench_init(struct bench *bench, const struct bb_charge_config *config,
                const struct bb_battery *battery)
{
    *bench = (struct bench){.config = *config, .now_ms = START_MS};
    bench->snapshot.interval_ms = 1000;
    bench->snapshot.battery = *battery;
    bb_decision_init(&bench->state, config);
}

void bench_evaluate(struct bench *bench, bool heard)
{
    if (heard) {
        bench->snapshot.seen = true;
        bench->snapshot.mono_ms = bench->now_ms;
    }
    bb_decision_make(&bench->config, &bench->state, &bench->snapshot, bench->now_ms,
                     &bench->decision);
}

static void run(struct bench *bench, int64_t seconds, bool heard)
{
    for (int64_t i = 0; i < seconds; i++) {
        bench->now_ms += 1000;
        bench_evaluate(bench, heard);
    }
}

void bench_run(struct bench *bench, int64_t seconds)
{
    run(bench, seconds, true);
}

void bench_silence(struct bench *bench, int64_t seconds)
{
    run(bench, seconds, false);
}

double ccl_of(const struct bench *bench)
{
    return bench->decision.charge.ccl.value;
}

double dcl_of(const struct bench *bench)
{
    return bench->decision.charge.dcl.value;
}

double cvl_of(const struct bench *bench)
{
    return bench->decision.charge.cvl.value;
}

void stack_init(struct stack *stack, size_t count, const char *charge_options,
                const char *bank_options, const struct bb_battery *battery)
{
    *stack = (struct stack){.count = count, .now_ms = START_MS};
    char text[4096];
    (void)snprintf(text, sizeof text, "[charge]\n%s\n%s%s\n", charge_options,
                   bank_options[0] != '\0' ? "[bank rack]\n" : "", bank_options);
    struct bb_config *config = config_of(text);
    struct bb_bank_config banks[BB_BANKS_MAX];
    assert_int_equal(bb_bank_config_read(config, banks), 1);
    stack->bank_config = banks[0];
    bb_bank_init(&stack->bank, &stack->bank_config);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(stack->ids[i], sizeof stack->ids[i], "b%zu", i + 1);
        struct bb_charge_config charge;
        bb_charge_config_read(config, stack->ids[i], &charge);
        bench_init(&stack->batteries[i], &charge, battery);
    }
    bb_config_destroy(&config);
}

void stack_evaluate(struct stack *stack)
{
    struct bb_bank_input inputs[STACK_MAX];
    for (size_t i = 0; i < stack->count; i++) {
        stack->batteries[i].now_ms = stack->now_ms;
        bench_evaluate(&stack->batteries[i], !stack->silent[i]);
        inputs[i] =
            (struct bb_bank_input){.id = stack->ids[i], .decision = &stack->batteries[i].decision};
    }
    stack->published = bb_bank_evaluate(&stack->bank_config, &stack->bank, inputs, stack->count,
                                        stack->now_ms, &stack->charge);
}

void stack_run(struct stack *stack, int64_t seconds)
{
    for (int64_t i = 0; i < seconds; i++) {
        stack->now_ms += 1000;
        stack_evaluate(stack);
    }
}

void check_near(const char *what, double actual, double expected, double tolerance,
                const char *file, int line)
{
    if (!(actual >= expected - tolerance && actual <= expected + tolerance)) {
        print_error("%s is %.6f, expected %.6f within %g\n", what, actual, expected, tolerance);
        _fail(file, line);
    }
}
