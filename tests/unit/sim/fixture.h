/* What the simulator's tests share: a usual battery, a line with boards, bytes as text. */
#ifndef BUSBAR_TESTS_SIM_FIXTURE_H
#define BUSBAR_TESTS_SIM_FIXTURE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "services/sim/line.h"

/* cmocka compares floats; these are doubles. */
#define assert_near(value, wanted, tolerance)                                                      \
    assert_near_at((value), (wanted), (tolerance), #value, __FILE__, __LINE__)

static inline void assert_near_at(double value, double wanted, double tolerance, const char *what,
                                  const char *file, int line)
{
    if (!(fabs(value - wanted) <= tolerance)) {
        print_error("%s is %.12g, not %.12g\n", what, value, wanted);
        _fail(file, line);
    }
}

static const struct bb_sim_pack_setup usual_setup = {
    .cell_count = 16,
    .sensor_count = 2,
    .capacity_ah = 100,
    .soc_percent = 50,
    .deviation_percent = 0.3,
    .ambient_c = 20,
    .charge_limit_a = 100,
    .discharge_limit_a = 120,
    .balance_a = 0.5,
    .seed = 7,
};

static inline unsigned from_digit(char digit)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = digit != '\0' ? strchr(digits, digit) : NULL;
    assert_non_null(found);
    return (unsigned)(found - digits);
}

/* Bytes of "dda50300 fffd77"; blanks are skipped. */
static inline size_t from_hex(const char *text, uint8_t *ret_data, size_t capacity)
{
    size_t size = 0;
    while (*text != '\0') {
        if (*text == ' ') {
            text++;
            continue;
        }
        assert_true(size < capacity);
        ret_data[size++] = (uint8_t)(from_digit(text[0]) << 4 | from_digit(text[1]));
        text += 2;
    }
    return size;
}

/* Gives a cell that voltage at rest. */
static inline void set_cell(struct bb_sim_pack *pack, unsigned index, double cell_v)
{
    double low = -0.1;
    double high = 1.1;
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        if (bb_sim_cell_ocv(middle) < cell_v) {
            low = middle;
        } else {
            high = middle;
        }
    }
    pack->cells[index].charge_ah = high * pack->cells[index].capacity_ah;
    pack->cells[index].polarization_v = 0;
}

/* Makes current_a flow without moving the cells' voltages away from what set_cell gave them. */
static inline void set_current(struct bb_sim_pack *pack, double current_a)
{
    pack->current_a = current_a;
    for (unsigned i = 0; i < pack->setup.cell_count; i++) {
        pack->cells[i].polarization_v = -current_a * pack->cells[i].series_ohm;
    }
}

static inline void set_sensor(struct bb_sim_pack *pack, unsigned index, double temp_c)
{
    pack->sensor_offset_c[index] = temp_c - pack->temperature_c;
}

/* A line with one board at the protocol's usual address. */
static inline struct bb_sim_board *one_board(struct bb_sim_line *line,
                                             const struct bb_sim_protocol *protocol,
                                             const struct bb_sim_pack_setup *setup)
{
    bb_sim_line_init(line, protocol);
    struct bb_sim_board *board =
        bb_sim_line_add(line, "test", protocol->address_default, setup, 1, NULL);
    assert_non_null(board);
    return board;
}

/* Everything the line answers to a request at now_ms, however late it comes. */
static inline size_t ask_bytes(struct bb_sim_line *line, const uint8_t *request, size_t size,
                               uint8_t *ret_answer, size_t capacity)
{
    size_t answered = 0;
    int64_t now_ms = line->received_ms + 1000;
    bb_sim_line_receive(line, request, size, now_ms);
    while (bb_sim_line_wake_ms(line) != INT64_MAX) {
        assert_true(answered < capacity);
        answered += bb_sim_line_transmit(line, bb_sim_line_wake_ms(line), ret_answer + answered,
                                         capacity - answered);
    }
    return answered;
}

static inline size_t ask(struct bb_sim_line *line, const char *request, uint8_t *ret_answer,
                         size_t capacity)
{
    uint8_t data[BB_SIM_REQUEST_MAX];
    size_t size = from_hex(request, data, sizeof data);
    return ask_bytes(line, data, size, ret_answer, capacity);
}

/* Asks and expects exactly these bytes. */
static inline void assert_answer(struct bb_sim_line *line, const char *request, const char *wanted)
{
    uint8_t answer[BB_SIM_ANSWER_MAX];
    uint8_t expected[BB_SIM_ANSWER_MAX];
    size_t size = ask(line, request, answer, sizeof answer);
    size_t expected_size = from_hex(wanted, expected, sizeof expected);
    if (size != expected_size || memcmp(answer, expected, size) != 0) {
        char shown[2 * BB_SIM_ANSWER_MAX + 1] = "";
        for (size_t i = 0; i < size; i++) {
            (void)snprintf(shown + 2 * i, 3, "%02x", answer[i]);
        }
        fail_msg("%s was answered %s, not %s", request, shown, wanted);
    }
}

#endif
