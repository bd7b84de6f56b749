#include "services/sim/bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/deadlines.h"

/* Without a bank the charger holds this and the inverter stops at that, per cell. */
static const double own_charge_cell_v = 3.45;
static const double own_low_cell_v = 2.90;

void bb_sim_bench_connect(struct bb_sim_bench *bench)
{
    bench->plant.count = bench->line.board_count;
    for (unsigned i = 0; i < bench->line.board_count; i++) {
        bench->plant.packs[i] = &bench->line.boards[i].pack;
    }
}

/* Capacity of the packs the bank can see. */
static double answering_capacity(const struct bb_sim_bench *bench)
{
    double sum_ah = 0;
    for (unsigned i = 0; i < bench->line.board_count; i++) {
        const struct bb_sim_board *board = &bench->line.boards[i];
        if (!bench->vanished && board->faults.value[BB_SIM_FAULT_SILENCE] == 0) {
            sum_ah += board->pack.setup.capacity_ah;
        }
    }
    return sum_ah;
}

/* Part of the bank's current limits that is ours, 0..1. */
static double share_of(const struct bb_sim_bench *bench, const struct bb_charge *charge)
{
    if (!charge->capacity.present || charge->capacity.value <= 0) {
        return 0;
    }
    return fmin(answering_capacity(bench) / charge->capacity.value, 1);
}

void bb_sim_bench_obey(struct bb_sim_bench *bench, const struct bb_charge *charge, int64_t time_ms)
{
    double share = share_of(bench, charge);
    bench->decided_ms = time_ms;
    bench->bank = (struct bb_sim_limits){
        .valid = charge->cvl.present && charge->ccl.present && charge->dcl.present,
        .cvl_v = charge->cvl.value,
        .ccl_a = charge->ccl.value * share,
        .dcl_a = charge->dcl.value * share,
        .low_v = charge->battery_low_voltage.present ? charge->battery_low_voltage.value : 0,
    };
}

static struct bb_sim_limits own_limits(const struct bb_sim_bench *bench)
{
    struct bb_sim_limits limits = {.valid = bench->plant.count > 0};
    for (unsigned i = 0; i < bench->plant.count; i++) {
        const struct bb_sim_pack_setup *setup = &bench->plant.packs[i]->setup;
        limits.cvl_v = own_charge_cell_v * setup->cell_count;
        limits.low_v = own_low_cell_v * setup->cell_count;
        limits.ccl_a += setup->charge_limit_a;
        limits.dcl_a += setup->discharge_limit_a;
    }
    return limits;
}

struct bb_sim_limits bb_sim_bench_limits(const struct bb_sim_bench *bench, int64_t now_ms)
{
    if (!bench->obeys_bank) {
        return own_limits(bench);
    }
    struct bb_sim_limits limits = bench->bank;
    limits.valid = limits.valid && now_ms - bench->decided_ms <= BB_DECISION_MAX_AGE_MS;
    return limits;
}

void bb_sim_bench_step(struct bb_sim_bench *bench, int64_t now_ms, int64_t real_ms)
{
    struct bb_sim_limits limits = bb_sim_bench_limits(bench, now_ms);
    int64_t step_ms = real_ms < BB_STEP_MAX_MS ? real_ms : BB_STEP_MAX_MS;
    bb_sim_plant_step(&bench->plant, &limits, (double)step_ms / 1000 * bench->speed);
}

/* --- Commands --- */

typedef void board_fn(struct bb_sim_board *board, double value);

static void clear_board(struct bb_sim_board *board, double value)
{
    (void)value;
    memset(board->faults.value, 0, sizeof(board->faults.value));
    board->pack.cell_bias_v = 0;
}

static void bias_board(struct bb_sim_board *board, double value)
{
    board->pack.cell_bias_v = value;
}

static void fill_board(struct bb_sim_board *board, double value)
{
    bb_sim_pack_fill(&board->pack, value);
}

static void warm_board(struct bb_sim_board *board, double value)
{
    board->pack.setup.ambient_c = value;
}

static void clear_wire(struct bb_sim_bench *bench, double value)
{
    (void)value;
    bench->vanished = false;
}

static void vanish_wire(struct bb_sim_bench *bench, double value)
{
    bench->vanished = value != 0;
}

static void power_wire(struct bb_sim_bench *bench, double value)
{
    bench->plant.profile = (struct bb_sim_profile){.count = 1};
    bench->plant.profile.points[0].power_w = value;
}

static void speed_wire(struct bb_sim_bench *bench, double value)
{
    bench->speed = value;
}

struct verb {
    const char *name;
    double least, most;
    board_fn *board;                                        /* for each board, or NULL */
    void (*wire)(struct bb_sim_bench *bench, double value); /* for the whole wire, or NULL */
};

static const struct verb verbs[] = {
    {"clear", 0, 1, clear_board, clear_wire},
    {"vanish", 0, 1, NULL, vanish_wire},
    {"cell_voltage_bias", -1, 1, bias_board, NULL},
    {"soc", 0, 100, fill_board, NULL},
    {"ambient_temperature", -40, 80, warm_board, NULL},
    {"power", -BB_SIM_POWER_MAX_W, BB_SIM_POWER_MAX_W, NULL, power_wire},
    {"speed", 0.1, 1000, NULL, speed_wire},
};

static void set_fault(struct bb_sim_board *board, enum bb_sim_fault fault, double value)
{
    if (fault == BB_SIM_FAULT_FREEZE) {
        bb_sim_board_freeze(board, value != 0);
        return;
    }
    board->faults.value[fault] = value;
}

static bool is_meant(const struct bb_sim_board *board, int address)
{
    return address == BB_SIM_ALL_BOARDS || board->address == address;
}

static int in_range(const char *verb, double value, double least, double most,
                    struct bb_problem *problem)
{
    if (value >= least && value <= most) {
        return BB_OK;
    }
    return bb_fail(problem, BB_ERR_RANGE, verb, "%g is not within %g..%g", value, least, most);
}

static int command_fault(struct bb_sim_bench *bench, int address, enum bb_sim_fault fault,
                         double value, struct bb_problem *problem)
{
    int error = in_range(bb_sim_fault_name(fault), value, 0, bb_sim_fault_most(fault), problem);
    for (unsigned i = 0; error == BB_OK && i < bench->line.board_count; i++) {
        if (is_meant(&bench->line.boards[i], address)) {
            set_fault(&bench->line.boards[i], fault, value);
        }
    }
    return error;
}

static int command_verb(struct bb_sim_bench *bench, int address, const struct verb *verb,
                        double value, struct bb_problem *problem)
{
    if (verb->board == NULL && address != BB_SIM_ALL_BOARDS) {
        return bb_fail(problem, BB_ERR_UNKNOWN, verb->name, "is for the whole wire");
    }
    int error = in_range(verb->name, value, verb->least, verb->most, problem);
    if (error != BB_OK) {
        return error;
    }
    for (unsigned i = 0; verb->board != NULL && i < bench->line.board_count; i++) {
        if (is_meant(&bench->line.boards[i], address)) {
            verb->board(&bench->line.boards[i], value);
        }
    }
    if (verb->wire != NULL && address == BB_SIM_ALL_BOARDS) {
        verb->wire(bench, value);
    }
    return BB_OK;
}

int bb_sim_bench_command(struct bb_sim_bench *bench, int address, const char *verb, double value,
                         struct bb_problem *problem)
{
    if (address != BB_SIM_ALL_BOARDS &&
        (address < 0 || address > UINT16_MAX ||
         bb_sim_line_find(&bench->line, (uint16_t)address) == NULL)) {
        return bb_fail(problem, BB_ERR_UNKNOWN, verb, "no battery at address 0x%02x",
                       (unsigned)address);
    }
    int fault = bb_sim_fault_find(verb);
    if (fault >= 0) {
        return command_fault(bench, address, (enum bb_sim_fault)fault, value, problem);
    }
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(verb, verbs[i].name) == 0) {
            return command_verb(bench, address, &verbs[i], value, problem);
        }
    }
    return bb_fail(problem, BB_ERR_UNKNOWN, verb, "is not a command of the simulator");
}

/* Reads "ADDRESS:" from the start of *text and moves it behind; nothing there: all boards. */
static int take_address(const char **text, int *ret_address)
{
    const char *colon = strchr(*text, ':');
    if (colon == NULL) {
        *ret_address = BB_SIM_ALL_BOARDS;
        return BB_OK;
    }
    char *end = NULL;
    unsigned long number = strtoul(*text, &end, 0);
    if (end != colon || end == *text || number > UINT16_MAX) {
        return BB_ERR_MALFORMED;
    }
    *ret_address = (int)number;
    *text = colon + 1;
    return BB_OK;
}

int bb_sim_bench_command_text(struct bb_sim_bench *bench, const char *text,
                              struct bb_problem *problem)
{
    static const char form[] = "expected [ADDRESS:]VERB[=VALUE]";
    char verb[32];
    const char *rest = text;
    int address = BB_SIM_ALL_BOARDS;
    double value = 1;
    if (take_address(&rest, &address) != BB_OK) {
        return bb_fail(problem, BB_ERR_MALFORMED, text, form);
    }
    size_t size = strcspn(rest, "=");
    if (size == 0 || size >= sizeof(verb)) {
        return bb_fail(problem, BB_ERR_MALFORMED, text, form);
    }
    memcpy(verb, rest, size);
    verb[size] = '\0';
    if (rest[size] == '=') {
        char *end = NULL;
        value = strtod(rest + size + 1, &end);
        if (end == rest + size + 1 || *end != '\0') {
            return bb_fail(problem, BB_ERR_MALFORMED, text, form);
        }
    }
    return bb_sim_bench_command(bench, address, verb, value, problem);
}
