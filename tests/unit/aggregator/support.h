/* What the tests of the aggregator share: configurations from text, plausible packs, and one
 * battery or a bank of them on a virtual clock. */
#ifndef BUSBAR_TESTS_UNIT_AGGREGATOR_SUPPORT_H
#define BUSBAR_TESTS_UNIT_AGGREGATOR_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "services/aggregator/bank.h"

/* Loads a configuration file with that text; fails the test when it is refused. The caller
 * destroys it. */
struct bb_config *config_of(const char *text);

/* True when the text is refused; the last complaint is copied out. */
bool config_refuses(const char *text, struct bb_problem *ret_problem);

/* [charge] options on top of the defaults, one "name = value" per line. */
struct bb_charge_config charge_config(const char *options);

/* A healthy 16-cell pack of 100 Ah, every cell at that voltage: 25 and 26 °C, switches closed,
 * 60 % SoC, no current. */
struct bb_battery healthy_pack(double cell_v);

/* Sets one cell (from 1) and the pack voltage to the sum of the cells. */
void set_cell(struct bb_battery *battery, unsigned cell, double volts);
void set_cells(struct bb_battery *battery, double volts);

/* One battery on a virtual clock that starts at START_MS. */
#define START_MS 1000000
struct bench {
    struct bb_charge_config config;
    struct bb_decision_state state;
    struct bb_snapshot snapshot;
    struct bb_decision decision;
    int64_t now_ms;
};

void bench_init(struct bench *bench, const struct bb_charge_config *config,
                const struct bb_battery *battery);
/* One evaluation now, of a fresh reading or of silence. */
void bench_evaluate(struct bench *bench, bool heard);
/* Evaluations once a second for that many seconds, each after the clock moved on. */
void bench_run(struct bench *bench, int64_t seconds);
void bench_silence(struct bench *bench, int64_t seconds);

double ccl_of(const struct bench *bench);
double dcl_of(const struct bench *bench);
double cvl_of(const struct bench *bench);

/* Several batteries and their bank. */
#define STACK_MAX 8
struct stack {
    struct bb_bank_config bank_config;
    struct bb_bank_state bank;
    struct bb_charge charge; /* of the bank */
    bool published;
    size_t count;
    char ids[STACK_MAX][BB_ID_MAX];
    bool silent[STACK_MAX];
    struct bench batteries[STACK_MAX];
    int64_t now_ms;
};

/* count batteries "b1".. of that configuration and state, none evaluated yet. bank_options are
 * lines of [bank rack], or "" for the default bank. */
void stack_init(struct stack *stack, size_t count, const char *charge_options,
                const char *bank_options, const struct bb_battery *battery);
void stack_evaluate(struct stack *stack);
void stack_run(struct stack *stack, int64_t seconds);

/* actual equals expected within tolerance; not a number equals nothing. */
void check_near(const char *what, double actual, double expected, double tolerance,
                const char *file, int line);
#define assert_near(actual, expected, tolerance)                                                   \
    check_near(#actual, (actual), (expected), (tolerance), __FILE__, __LINE__)

#endif
