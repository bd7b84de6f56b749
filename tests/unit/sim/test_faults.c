#include "services/sim/faults.h"
#include "tests/unit/sim/fixture.h"

#define SIZE 40

static struct bb_sim_faults with(enum bb_sim_fault fault, double value)
{
    struct bb_sim_faults faults = {.random = {.state = 5}};
    faults.value[fault] = value;
    return faults;
}

static void fill(uint8_t *answer)
{
    for (size_t i = 0; i < SIZE; i++) {
        answer[i] = (uint8_t)i;
    }
}

static void test_no_fault_no_change(void **state)
{
    (void)state;
    struct bb_sim_faults faults = with(BB_SIM_FAULT_DELAY, 100);
    uint8_t answer[SIZE + BB_SIM_GARBAGE_MAX];
    uint8_t before[SIZE];
    fill(answer);
    fill(before);
    assert_int_equal(bb_sim_faults_damage(&faults, answer, SIZE), SIZE);
    assert_memory_equal(answer, before, SIZE);
}

static void test_corrupt_changes_one_byte(void **state)
{
    (void)state;
    struct bb_sim_faults faults = with(BB_SIM_FAULT_CORRUPT, 100);
    bool hit[SIZE] = {false};
    for (int round = 0; round < 1000; round++) {
        uint8_t answer[SIZE + BB_SIM_GARBAGE_MAX];
        size_t changed = 0;
        fill(answer);
        assert_int_equal(bb_sim_faults_damage(&faults, answer, SIZE), SIZE);
        for (size_t i = 0; i < SIZE; i++) {
            changed += answer[i] != i;
            hit[i] = hit[i] || answer[i] != i;
        }
        assert_int_equal(changed, 1);
    }
    for (size_t i = 0; i < SIZE; i++) {
        assert_true(hit[i]);
    }
}

static void test_truncate_keeps_the_beginning(void **state)
{
    (void)state;
    struct bb_sim_faults faults = with(BB_SIM_FAULT_TRUNCATE, 100);
    for (int round = 0; round < 200; round++) {
        uint8_t answer[SIZE + BB_SIM_GARBAGE_MAX];
        fill(answer);
        size_t size = bb_sim_faults_damage(&faults, answer, SIZE);
        assert_true(size < SIZE);
        for (size_t i = 0; i < size; i++) {
            assert_int_equal(answer[i], i);
        }
    }
}

static void test_garbage_leaves_the_answer_whole(void **state)
{
    (void)state;
    struct bb_sim_faults faults = with(BB_SIM_FAULT_GARBAGE, 100);
    int in_front = 0;
    uint8_t whole[SIZE];
    fill(whole);
    for (int round = 0; round < 200; round++) {
        uint8_t answer[SIZE + BB_SIM_GARBAGE_MAX];
        fill(answer);
        size_t size = bb_sim_faults_damage(&faults, answer, SIZE);
        assert_in_range(size, SIZE + 1, SIZE + BB_SIM_GARBAGE_MAX);
        if (memcmp(answer, whole, SIZE) != 0) {
            in_front++;
            assert_memory_equal(answer + size - SIZE, whole, SIZE);
        }
    }
    assert_in_range(in_front, 50, 150);
}

static void test_percentages(void **state)
{
    (void)state;
    struct bb_sim_faults faults = with(BB_SIM_FAULT_LOSS, 25);
    int struck = 0;
    for (int i = 0; i < 4000; i++) {
        struck += bb_sim_fault_strikes(&faults, BB_SIM_FAULT_LOSS);
    }
    assert_in_range(struck, 900, 1100);
    faults.value[BB_SIM_FAULT_LOSS] = 0;
    assert_false(bb_sim_fault_strikes(&faults, BB_SIM_FAULT_LOSS));
}

static void test_names(void **state)
{
    (void)state;
    for (int i = 0; i < BB_SIM_FAULTS; i++) {
        assert_int_equal(bb_sim_fault_find(bb_sim_fault_name((enum bb_sim_fault)i)), i);
        assert_true(bb_sim_fault_most((enum bb_sim_fault)i) >= 1);
    }
    assert_int_equal(bb_sim_fault_find("sulk"), BB_ERR_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_fault_no_change),
        cmocka_unit_test(test_corrupt_changes_one_byte),
        cmocka_unit_test(test_truncate_keeps_the_beginning),
        cmocka_unit_test(test_garbage_leaves_the_answer_whole),
        cmocka_unit_test(test_percentages),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
