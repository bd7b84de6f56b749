/* The aggregator from messages to decisions, with restarts from what it had saved. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/aggregator/session.h"

#define LINES_MAX 64
#define PUBLISHED_MAX 16

struct published {
    char id[BB_ID_MAX];
    struct bb_charge charge;
    unsigned count, changes;
};

static struct bb_config *config;
static struct bb_session *session;
static struct bb_saved on_disk;
static struct bb_saved now_saved;
static int64_t now_ms;
static int64_t saved_at_ms;
static unsigned writes;
static char lines[LINES_MAX][256];
static size_t line_count;
static struct published published[PUBLISHED_MAX];
static size_t published_count;

static void on_line(void *arg, enum bb_log_level level, const char *line)
{
    (void)arg;
    (void)level;
    if (line_count < LINES_MAX) {
        (void)snprintf(lines[line_count++], sizeof lines[0], "%s", line);
    }
}

static void on_charge(void *arg, const char *id, const struct bb_charge *charge, bool changed)
{
    (void)arg;
    size_t i = 0;
    while (i < published_count && strcmp(published[i].id, id) != 0) {
        i++;
    }
    if (i == published_count) {
        assert_true(published_count < PUBLISHED_MAX);
        (void)snprintf(published[published_count++].id, BB_ID_MAX, "%s", id);
    }
    published[i].charge = *charge;
    published[i].count++;
    published[i].changes += changed ? 1 : 0;
}

static const struct bb_charge *charge_of(const char *id)
{
    for (size_t i = 0; i < published_count; i++) {
        if (strcmp(published[i].id, id) == 0) {
            return &published[i].charge;
        }
    }
    return NULL;
}

static bool said(const char *part)
{
    for (size_t i = 0; i < line_count; i++) {
        if (strstr(lines[i], part)) {
            return true;
        }
    }
    return false;
}

static size_t times_said(const char *part)
{
    size_t count = 0;
    for (size_t i = 0; i < line_count; i++) {
        count += strstr(lines[i], part) ? 1 : 0;
    }
    return count;
}

static void open_session(const struct bb_saved *saved, bool quarantine)
{
    static const struct bb_session_output output = {.log = on_line, .charge = on_charge};
    session = bb_session_new(config, saved, true, quarantine, output);
    assert_non_null(session);
}

static void begin(const char *text)
{
    config = config_of(text);
    now_ms = START_MS;
    saved_at_ms = START_MS;
    line_count = 0;
    published_count = 0;
    writes = 0;
    memset(published, 0, sizeof published);
    memset(&on_disk, 0, sizeof on_disk);
    memset(&now_saved, 0, sizeof now_saved);
    open_session(NULL, false);
}

static void finish(void)
{
    bb_session_destroy(&session);
    assert_null(session);
    bb_session_destroy(&session);
    bb_config_destroy(&config);
}

static bool send_from(const char *source, const char *id, const struct bb_battery *battery)
{
    struct bb_head head = {.mono_ms = bb_integer(now_ms), .interval_ms = bb_integer(1000)};
    (void)snprintf(head.source, sizeof head.source, "%s", source);
    return bb_session_take(session, id, &head, battery, now_ms);
}

static void evaluate(void)
{
    bb_session_evaluate(session, now_ms);
    bb_session_save(session, &now_saved);
    if (bb_session_save_due(&on_disk, &now_saved, now_ms - saved_at_ms)) {
        on_disk = now_saved;
        saved_at_ms = now_ms;
        writes++;
    }
}

/* Batteries b1..bN say battery once a second. */
static void run(size_t count, const struct bb_battery *battery, int seconds)
{
    for (int i = 0; i < seconds; i++) {
        now_ms += 1000;
        for (size_t k = 1; k <= count; k++) {
            char id[8];
            (void)snprintf(id, sizeof id, "b%zu", k);
            (void)send_from("serial-a", id, battery);
        }
        evaluate();
    }
}

/* kill -9 and a new process a second later, which knows only the file. */
static void kill_and_restart(bool quarantine)
{
    bb_session_destroy(&session);
    published_count = 0;
    memset(published, 0, sizeof published);
    struct bb_saved saved = on_disk;
    open_session(&saved, quarantine);
}

static void test_batteries_and_bank_are_published_every_time(void **state)
{
    (void)state;
    begin("");
    evaluate();
    assert_int_equal(published_count, 0);
    struct bb_battery pack = healthy_pack(3.30);
    run(2, &pack, 100);
    assert_int_equal(published_count, 3);
    assert_int_equal(published[0].count, 100);
    assert_near(charge_of("b1")->ccl.value, 50, 0);
    assert_near(charge_of("bank")->ccl.value, 100, 1e-6);
    assert_true(said("b1: heard"));
    struct bb_session_summary summary = bb_session_summary(session);
    assert_int_equal(summary.batteries, 2);
    assert_int_equal(summary.heard, 2);
    assert_near(summary.ccl, 100, 1e-6);
    assert_true(published[0].changes < 5);
    finish();
}

static void test_lost_batteries_go_on_being_published(void **state)
{
    (void)state;
    begin("");
    struct bb_battery pack = healthy_pack(3.40);
    run(1, &pack, 60);
    unsigned before = published[0].count;
    run(0, &pack, 100);
    assert_int_equal(published[0].count, before + 100);
    assert_string_equal(charge_of("b1")->link, "lost");
    assert_near(charge_of("bank")->dcl.value, 0, 0);
    assert_int_equal(times_said("b1: lost"), 1);
    assert_int_equal(times_said("bank: b1 is missing"), 1);
    run(1, &pack, 10);
    assert_int_equal(times_said("b1: heard"), 2);
    assert_int_equal(times_said("bank: over: b1 is missing"), 1);
    finish();
}

static void test_second_source_is_refused_once(void **state)
{
    (void)state;
    begin("");
    struct bb_battery pack = healthy_pack(3.30);
    run(1, &pack, 1);
    for (int i = 0; i < 5; i++) {
        now_ms += 100;
        assert_false(send_from("serial-b", "b1", &pack));
    }
    assert_int_equal(times_said("only the first is used"), 1);
    assert_false(send_from("serial-a", "bank", &pack));
    assert_false(send_from("serial-a", "bank", &pack));
    assert_int_equal(times_said("has the id of a bank"), 1);
    finish();
}

static void test_bounded_number_of_batteries(void **state)
{
    (void)state;
    begin("");
    struct bb_battery pack = healthy_pack(3.30);
    for (int i = 0; i < BB_BATTERIES_MAX + 5; i++) {
        char id[8];
        (void)snprintf(id, sizeof id, "x%d", i);
        assert_int_equal(send_from("serial-a", id, &pack), i < BB_BATTERIES_MAX);
    }
    assert_int_equal(times_said("one too many"), 1);
    finish();
}

static void test_warnings_are_said_when_they_begin_and_end(void **state)
{
    (void)state;
    begin("");
    struct bb_battery pack = healthy_pack(3.30);
    run(1, &pack, 5);
    pack.temperature_1.present = false;
    pack.temperature_2.present = false;
    run(1, &pack, 60);
    assert_int_equal(times_said("b1: no cell temperature"), 1);
    pack.temperature_1 = bb_real(20);
    pack.temperature_2 = bb_real(20);
    run(1, &pack, 10);
    assert_int_equal(times_said("b1: over: no cell temperature"), 1);
    finish();
}

static void test_restart_knows_its_members(void **state)
{
    (void)state;
    begin("");
    struct bb_battery pack = healthy_pack(3.30);
    run(3, &pack, 100);
    kill_and_restart(false);
    run(2, &pack, 10); /* the third does not answer */
    assert_near(charge_of("bank")->ccl.value, 0, 0);
    assert_string_equal(charge_of("bank")->ccl_reason, "Starting");
    assert_int_equal(charge_of("bank")->members_count, 3);
    assert_string_equal(charge_of("b3")->link, "never_seen");
    assert_near(charge_of("b3")->ccl.value, 0, 0);
    run(2, &pack, 60);
    assert_near(charge_of("bank")->ccl.value, 0, 0);
    assert_true(strstr(charge_of("bank")->ccl_reason, "b3") != NULL);
    assert_int_equal(times_said("bank: b3 is missing"), 1);
    run(3, &pack, 120);
    assert_near(charge_of("bank")->ccl.value, 150, 1e-6);
    finish();
}

static void test_ignored_members_are_forgotten(void **state)
{
    (void)state;
    begin("");
    struct bb_battery pack = healthy_pack(3.30);
    run(3, &pack, 100);
    bb_config_destroy(&config);
    config = config_of("[bank bank]\nignore_members = b3\n");
    kill_and_restart(false);
    run(2, &pack, 10);
    assert_near(charge_of("bank")->ccl.value, 100, 1e-6);
    assert_null(charge_of("b3"));
    finish();
}

static void test_quarantine(void **state)
{
    (void)state;
    begin("");
    struct bb_battery pack = healthy_pack(3.30);
    run(1, &pack, 10);
    kill_and_restart(true);
    run(1, &pack, 59);
    assert_near(charge_of("bank")->dcl.value, 0, 0);
    assert_string_equal(charge_of("b1")->dcl_reason, "Restarts");
    run(1, &pack, 60);
    assert_near(charge_of("b1")->dcl.value, 60, 0);
    finish();
}

/* Killed at any moment: with unchanged readings nothing is allowed that was not allowed before,
 * but for the small change that is not worth a write. */
static void test_kill_at_any_moment_lifts_nothing(void **state)
{
    (void)state;
    uint64_t random_state = 12345;
    begin("");
    struct bb_battery pack = healthy_pack(3.30);
    run(2, &pack, 100);
    for (int round = 0; round < 400; round++) {
        random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
        unsigned draw = (unsigned)(random_state >> 33);
        pack.temperature_1 = bb_real(-3.0 + draw % 23);
        set_cells(&pack, 3.30 + 0.001 * (draw / 23 % 200));
        set_cell(&pack, 1, 3.30 + 0.001 * (draw / 4600 % 250));
        run(2, &pack, 1 + (int)(draw / 7 % 50));
        struct bb_charge one = *charge_of("b1");
        struct bb_charge bank = *charge_of("bank");
        kill_and_restart(false);
        run(2, &pack, 1);
        const struct bb_charge *one_after = charge_of("b1");
        const struct bb_charge *bank_after = charge_of("bank");
        if (one_after->ccl.value > one.ccl.value * 1.021 + 0.51 ||
            one_after->dcl.value > one.dcl.value * 1.021 + 0.51 ||
            one_after->cvl.value > one.cvl.value + 0.061 ||
            bank_after->ccl.value > bank.ccl.value * 1.021 + 0.51 ||
            bank_after->cvl.value > bank.cvl.value + 0.061) {
            fail_msg("round %d: %.2f V %.2f A %.2f A became %.2f V %.2f A %.2f A; bank %.2f A "
                     "became %.2f A",
                     round, one.cvl.value, one.ccl.value, one.dcl.value, one_after->cvl.value,
                     one_after->ccl.value, one_after->dcl.value, bank.ccl.value,
                     bank_after->ccl.value);
        }
    }
    finish();
}

static void test_few_writes_when_nothing_happens(void **state)
{
    (void)state;
    begin("");
    struct bb_battery pack = healthy_pack(3.30);
    run(2, &pack, 200);
    writes = 0;
    run(2, &pack, 3600);
    assert_true(writes >= 10 && writes <= 13); /* just often enough to stay recent */
    writes = 0;
    for (int second = 0; second < 3600; second++) {
        pack.soc = bb_real(60 + second / 100.0);
        run(2, &pack, 1);
    }
    assert_true(writes <= 61);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batteries_and_bank_are_published_every_time),
        cmocka_unit_test(test_lost_batteries_go_on_being_published),
        cmocka_unit_test(test_second_source_is_refused_once),
        cmocka_unit_test(test_bounded_number_of_batteries),
        cmocka_unit_test(test_warnings_are_said_when_they_begin_and_end),
        cmocka_unit_test(test_restart_knows_its_members),
        cmocka_unit_test(test_ignored_members_are_forgotten),
        cmocka_unit_test(test_quarantine),
        cmocka_unit_test(test_kill_at_any_moment_lifts_nothing),
        cmocka_unit_test(test_few_writes_when_nothing_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
