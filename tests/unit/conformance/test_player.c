#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/conformance/player.h"

#define ASK_BASIC "dda50300fffd77"
#define ASK_CELLS "dda50400fffc77"
#define BASIC "dd03001d0618000001f201f400002c7c00000000000080640304030b8b0b8a0b84fa8d77"
#define BASIC_BAD "dd03001d0618000001f201f400002c7c00000000000080640304030b8b0b8a0b84fa8e77"
#define CELLS "dd0400080f450f3d0f370f3dfec677"
#define CELLS_OTHER "dd0400080f460f3d0f370f3dfec577"

static void add(struct bb_vector *vector, bool sent, const char *hex)
{
    uint8_t data[64];
    int size = bb_hex_parse(hex, strlen(hex), data, sizeof data);
    assert_true(size > 0);
    assert_int_equal(bb_vector_add(vector, sent, data, (size_t)size), BB_OK);
}

static struct bb_vector make(const char *const *frames)
{
    struct bb_vector vector = {.driver = bb_driver_find("jbd"), .any_request = true};
    for (size_t i = 0; frames[i]; i++) {
        bool sent = frames[i][0] == '>';
        vector.any_request = vector.any_request && !sent;
        add(&vector, sent, frames[i] + 1);
    }
    return vector;
}

static int play(const struct bb_vector *vector, struct bb_battery *ret_battery)
{
    struct bb_player_options options = {.vector = vector, .change.frame = BB_PLAYER_NO_FRAME};
    return bb_player_run(&options, ret_battery, NULL);
}

static void answers_by_the_bytes_of_the_request(void **state)
{
    (void)state;
    /* not in the order the driver asks */
    static const char *const frames[] = {">" ASK_CELLS, "<" CELLS, ">" ASK_BASIC, "<" BASIC, NULL};
    struct bb_vector vector = make(frames);
    struct bb_battery battery;
    assert_int_equal(play(&vector, &battery), 1);
    assert_true(battery.voltage.value > 15.59 && battery.voltage.value < 15.61);
    assert_int_equal(battery.cells_count, 4);
    assert_string_equal(battery.hardware_version, ""); /* its request stays unanswered */
    bb_vector_clear(&vector);
}

static void repeated_requests_get_successive_answers(void **state)
{
    (void)state;
    static const char *const frames[] = {">" ASK_BASIC, "<" BASIC_BAD,   ">" ASK_BASIC,
                                         "<" BASIC,     ">" ASK_CELLS,   "<" CELLS,
                                         ">" ASK_CELLS, "<" CELLS_OTHER, NULL};
    struct bb_vector vector = make(frames);
    struct bb_battery battery;
    assert_int_equal(play(&vector, &battery), 1);
    assert_true(battery.cells[0].voltage.value > 3.9085 && battery.cells[0].voltage.value < 3.9095);
    bb_vector_clear(&vector);
}

static void a_damaged_answer_alone_makes_no_state(void **state)
{
    (void)state;
    static const char *const frames[] = {">" ASK_BASIC, "<" BASIC_BAD, ">" ASK_CELLS, "<" CELLS,
                                         NULL};
    struct bb_vector vector = make(frames);
    struct bb_battery battery;
    assert_int_equal(play(&vector, &battery), 0);
    bb_vector_clear(&vector);
}

static void without_requests_everything_answers_each(void **state)
{
    (void)state;
    static const char *const frames[] = {"<" CELLS, "<" BASIC, NULL};
    struct bb_vector vector = make(frames);
    struct bb_battery battery;
    assert_true(play(&vector, &battery) > 0);
    assert_int_equal(battery.cells_count, 4);
    bb_vector_clear(&vector);
}

static void changes_one_frame_once(void **state)
{
    (void)state;
    static const char *const frames[] = {">" ASK_BASIC, "<" BASIC, ">" ASK_CELLS, "<" CELLS, NULL};
    static const uint8_t other[] = {0xdd, 0x04, 0x00, 0x08, 0x0f, 0x46, 0x0f, 0x3d,
                                    0x0f, 0x37, 0x0f, 0x3d, 0xfe, 0xc5, 0x77};
    struct bb_vector vector = make(frames);
    struct bb_battery battery;
    struct bb_player_options options = {
        .vector = &vector, .change = {.frame = 3, .data = other, .size = sizeof other}};
    assert_int_equal(bb_player_run(&options, &battery, NULL), 1);
    assert_true(battery.cells[0].voltage.value > 3.9095);
    options.steady = true; /* later answers are the vector's own */
    assert_true(bb_player_run(&options, &battery, NULL) > 1);
    assert_true(battery.cells[0].voltage.value < 3.9095);
    bb_vector_clear(&vector);
}

static void says_what_the_driver_refuses(void **state)
{
    (void)state;
    static const char *const frames[] = {">" ASK_BASIC, "<" BASIC, NULL};
    struct bb_vector vector = make(frames);
    struct bb_battery battery;
    struct bb_problem problem = {.where = ""};
    vector.setting_count = 1;
    (void)strcpy(vector.settings[0].name, "no_such_option");
    struct bb_player_options options = {.vector = &vector, .change.frame = BB_PLAYER_NO_FRAME};
    assert_int_equal(bb_player_run(&options, &battery, &problem), BB_ERR_UNKNOWN);
    assert_string_equal(problem.where, "no_such_option");
    bb_vector_clear(&vector);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_by_the_bytes_of_the_request),
        cmocka_unit_test(repeated_requests_get_successive_answers),
        cmocka_unit_test(a_damaged_answer_alone_makes_no_state),
        cmocka_unit_test(without_requests_everything_answers_each),
        cmocka_unit_test(changes_one_frame_once),
        cmocka_unit_test(says_what_the_driver_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
