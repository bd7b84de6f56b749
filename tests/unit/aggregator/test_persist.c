#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/deadlines.h"
#include "services/aggregator/persist.h"

static struct bb_saved saved;
static struct bb_saved again;

static void fill(void)
{
    memset(&saved, 0, sizeof saved);
    (void)snprintf(saved.boot_id, sizeof saved.boot_id, "6f5c0e2a-boot");
    saved.mono_ms = 123456;
    saved.wall_ms = 1700000000000;
    saved.crash_count = 2;
    saved.crashes[0] = 1000;
    saved.crashes[1] = 2000;
    saved.battery_count = 2;
    struct bb_decision_record *battery = &saved.batteries[0];
    (void)snprintf(battery->id, sizeof battery->id, "jk-1");
    battery->cell_count = 16;
    battery->absorbing = true;
    battery->absorbed_ms = 61000;
    battery->control_v = bb_real(54.45);
    battery->limited = true;
    battery->limit_a[BB_CHARGING] = bb_real(0);
    battery->limit_a[BB_DISCHARGING] = bb_real(13.5);
    battery->fet[BB_CHARGING] = bb_real(1);
    battery->temperature[1] = bb_real(-1.5);
    battery->soc = bb_real(59.123);
    (void)snprintf(saved.batteries[1].id, sizeof saved.batteries[1].id, "jk-2");
    saved.batteries[1].floating = true;
    saved.bank_count = 1;
    struct bb_bank_record *bank = &saved.banks[0];
    (void)snprintf(bank->id, sizeof bank->id, "bank");
    bank->member_count = 2;
    (void)snprintf(bank->members[0], sizeof bank->members[0], "jk-1");
    (void)snprintf(bank->members[1], sizeof bank->members[1], "jk-2");
    bank->limit_a[BB_CHARGING] = bb_real(0);
    bank->control_v = bb_real(54.2);
}

static char *encode(size_t *ret_size)
{
    char *text = bb_saved_encode(&saved, ret_size);
    assert_non_null(text);
    return text;
}

static void test_round_trip(void **state)
{
    (void)state;
    fill();
    size_t size = 0;
    char *text = encode(&size);
    assert_true(strncmp(text, "busbar-aggregator 1 ", 20) == 0);
    struct bb_problem problem = {0};
    if (bb_saved_decode(text, size, &again, &problem) != BB_OK) {
        fail_msg("%s: %s", problem.where, problem.what);
    }
    free(text);
    assert_int_equal(bb_saved_compare(&saved, &again), BB_SAVED_SAME);
    assert_string_equal(again.boot_id, saved.boot_id);
    assert_int_equal(again.mono_ms, 123456);
    assert_int_equal(again.crashes[1], 2000);
    assert_string_equal(again.batteries[0].id, "jk-1");
    assert_near(again.batteries[0].limit_a[BB_DISCHARGING].value, 13.5, 0);
    assert_true(again.batteries[0].limit_a[BB_CHARGING].present);
    assert_false(again.batteries[0].fet[BB_DISCHARGING].present);
    assert_true(again.batteries[1].floating);
    assert_string_equal(again.banks[0].members[1], "jk-2");
}

static void test_full_state_fits(void **state)
{
    (void)state;
    fill();
    saved.battery_count = BB_BATTERIES_MAX;
    for (size_t i = 0; i < BB_BATTERIES_MAX; i++) {
        saved.batteries[i] = saved.batteries[0];
        (void)snprintf(saved.batteries[i].id, BB_ID_MAX, "a-rather-long-battery-identifier-%zu", i);
    }
    saved.bank_count = BB_BANKS_MAX;
    for (size_t k = 0; k < BB_BANKS_MAX; k++) {
        saved.banks[k].member_count = BB_MEMBERS_MAX;
        for (size_t i = 0; i < BB_MEMBERS_MAX; i++) {
            (void)snprintf(saved.banks[k].members[i], BB_ID_MAX, "%s", saved.batteries[i].id);
        }
    }
    size_t size = 0;
    char *text = encode(&size);
    assert_true(size <= BB_SAVED_BYTES_MAX);
    assert_int_equal(bb_saved_decode(text, size, &again, NULL), BB_OK);
    assert_int_equal(again.battery_count, BB_BATTERIES_MAX);
    free(text);
}

/* A flipped byte anywhere, or a cut anywhere, is noticed. */
static void test_any_damage_is_noticed(void **state)
{
    (void)state;
    fill();
    size_t size = 0;
    char *text = encode(&size);
    for (size_t i = 0; i < size; i++) {
        char before = text[i];
        text[i] = (char)(before ^ 0x10);
        memset(&again, 0x55, sizeof again);
        if (bb_saved_decode(text, size, &again, NULL) == BB_OK) {
            fail_msg("byte %zu was changed without notice", i);
        }
        assert_int_equal(again.battery_count, 0x5555555555555555); /* untouched */
        text[i] = before;
    }
    for (size_t cut = 0; cut < size; cut += 7) {
        assert_int_not_equal(bb_saved_decode(text, cut, &again, NULL), BB_OK);
    }
    free(text);
}

/* A text with a right checksum whose content is not what it should be. */
static int decode_body(const char *body, struct bb_problem *problem)
{
    fill();
    char text[2048];
    uint32_t crc = UINT32_MAX;
    for (const char *p = body; *p != '\0'; p++) {
        crc ^= (uint8_t)*p;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1U) != 0 ? 0xEDB88320U : 0U);
        }
    }
    int size =
        snprintf(text, sizeof text, "busbar-aggregator 1 %08x %zu\n%s", ~crc, strlen(body), body);
    return bb_saved_decode(text, (size_t)size, &again, problem);
}

#define HEAD "\"boot_id\":\"\",\"mono_ms\":1,\"wall_ms\":1,\"clean\":false,\"crashes\":[]"

static void test_wrong_content_is_refused(void **state)
{
    (void)state;
    const char *const bodies[] = {
        "[]",
        "{}",
        "{" HEAD "}",
        "{" HEAD ",\"batteries\":[],\"banks\":[],\"banks\":[]}",
        "{" HEAD ",\"batteries\":[1],\"banks\":[]}",
        "{" HEAD ",\"batteries\":[{\"id\":7}],\"banks\":[]}",
        "{" HEAD ",\"batteries\":{},\"banks\":[]}",
        "{" HEAD ",\"batteries\":[],\"banks\":[{\"id\":\"b\",\"members\":[\"\"],"
        "\"floating\":false,\"limited\":false}]}",
        "{" HEAD ",\"batteries\":[],\"banks\":[{\"id\":\"b\",\"members\":[],\"floating\":0,"
        "\"limited\":false}]}",
        "{" HEAD ",\"batteries\":[],\"banks\":[{\"id\":\"b\",\"members\":[],\"floating\":false,"
        "\"limited\":false,\"ccl\":\"NaN\"}]}",
        "{" HEAD ",\"batteries\":[],\"banks\":[{\"id\":\"b\",\"members\":[],\"floating\":false,"
        "\"limited\":false,\"ccl\":1e300}]}",
        "{\"boot_id\":\"\",\"mono_ms\":-1,\"wall_ms\":1,\"clean\":false,\"crashes\":[],"
        "\"batteries\":[],\"banks\":[]}",
        "{\"boot_id\":\"\",\"mono_ms\":1,\"wall_ms\":1,\"clean\":false,\"crashes\":[\"x\"],"
        "\"batteries\":[],\"banks\":[]}",
        "{\"boot_id\":\"\",\"mono_ms\":1,\"wall_ms\":1,\"clean\":false,"
        "\"crashes\":[1,2,3,4,5],\"batteries\":[],\"banks\":[]}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct bb_problem problem = {0};
        if (decode_body(bodies[i], &problem) == BB_OK) {
            fail_msg("accepted: %s", bodies[i]);
        }
        assert_true(problem.what[0] != '\0');
    }
    assert_int_equal(decode_body("{" HEAD ",\"batteries\":[],\"banks\":[]}", NULL), BB_OK);
}

static void test_wrong_head_is_refused(void **state)
{
    (void)state;
    const char *const heads[] = {"",
                                 "\n",
                                 "busbar-aggregator\n",
                                 "busbar-aggregator 2 00000000 0\n",
                                 "busbar-aggregator 1 00000000\n",
                                 "busbar-aggregator 1 00000000 0 more\n",
                                 "something-else 1 00000000 0\n",
                                 "busbar-aggregator 1 00000000 99999999999999999999\n"};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        assert_true(bb_saved_decode(heads[i], strlen(heads[i]), &again, NULL) < 0);
    }
    assert_int_equal(bb_saved_decode(heads[3], strlen(heads[3]), &again, NULL), BB_ERR_VERSION);
}

static void test_age(void **state)
{
    (void)state;
    fill();
    const char *boot = saved.boot_id;
    int64_t mono = saved.mono_ms;
    int64_t wall = saved.wall_ms;
    assert_true(bb_saved_is_recent(&saved, boot, mono + BB_RECORD_MAX_AGE_MS, wall + 1000000000));
    assert_false(bb_saved_is_recent(&saved, boot, mono + BB_RECORD_MAX_AGE_MS + 1, wall));
    assert_true(bb_saved_is_recent(&saved, "other", 0, wall + BB_RECORD_MAX_AGE_MS));
    assert_false(bb_saved_is_recent(&saved, "other", 0, wall + BB_RECORD_MAX_AGE_MS + 1));
    assert_true(bb_saved_is_recent(&saved, "", 0, 5000)); /* clock not set: holds go on */
}

static void test_crashes_are_counted_within_ten_minutes(void **state)
{
    (void)state;
    memset(&saved, 0, sizeof saved);
    assert_false(bb_saved_count_crash(&saved, 1000000));
    assert_false(bb_saved_count_crash(&saved, 1001000));
    assert_false(bb_saved_count_crash(&saved, 1002000));
    assert_true(bb_saved_count_crash(&saved, 1003000));
    assert_true(bb_saved_count_crash(&saved, 1004000));
    assert_int_equal(saved.crash_count, BB_CRASHES_MAX);
    assert_false(bb_saved_count_crash(&saved, 1604000 + 1));
    assert_int_equal(saved.crash_count, 1);
}

static void expect_change(enum bb_saved_change expected)
{
    assert_int_equal(bb_saved_compare(&again, &saved), expected);
}

static void begin_comparing(void)
{
    fill();
    again = saved;
}

static void test_what_is_important(void **state)
{
    (void)state;
    begin_comparing();
    expect_change(BB_SAVED_SAME);
    saved.batteries[0].soc = bb_real(58);
    expect_change(BB_SAVED_CHANGED);
    begin_comparing();
    saved.batteries[0].limit_a[BB_DISCHARGING] = bb_real(11.5); /* 15 % */
    expect_change(BB_SAVED_CHANGED);
    saved.batteries[0].held[BB_DISCHARGING] = true; /* a restart would lift it at once */
    expect_change(BB_SAVED_IMPORTANT);
    begin_comparing();
    saved.batteries[0].limit_a[BB_DISCHARGING] = bb_real(10);
    expect_change(BB_SAVED_IMPORTANT);
    saved.batteries[0].limit_a[BB_DISCHARGING] = bb_real(60);
    expect_change(BB_SAVED_CHANGED);
    begin_comparing();
    saved.batteries[0].fet[BB_CHARGING] = bb_real(0);
    expect_change(BB_SAVED_IMPORTANT);
    begin_comparing();
    saved.batteries[1].floating = false;
    expect_change(BB_SAVED_IMPORTANT);
    begin_comparing();
    saved.batteries[0].control_v = bb_real(54.3);
    expect_change(BB_SAVED_IMPORTANT);
    begin_comparing();
    saved.batteries[1].limited = true;
    expect_change(BB_SAVED_IMPORTANT);
    begin_comparing();
    saved.battery_count = 1;
    expect_change(BB_SAVED_IMPORTANT);
    begin_comparing();
    saved.banks[0].member_count = 1;
    expect_change(BB_SAVED_IMPORTANT);
    begin_comparing();
    saved.banks[0].limit_a[BB_CHARGING] = bb_real(20);
    expect_change(BB_SAVED_CHANGED);
    begin_comparing();
    saved.batteries[0].temperature[3] = bb_real(20);
    expect_change(BB_SAVED_CHANGED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_full_state_fits),
        cmocka_unit_test(test_any_damage_is_noticed),
        cmocka_unit_test(test_wrong_content_is_refused),
        cmocka_unit_test(test_wrong_head_is_refused),
        cmocka_unit_test(test_age),
        cmocka_unit_test(test_crashes_are_counted_within_ten_minutes),
        cmocka_unit_test(test_what_is_important),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
