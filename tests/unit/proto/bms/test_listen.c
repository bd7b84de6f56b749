#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "can_dialogue.h"
#include "proto/bms/drivers.h"

/* The engine of spontaneous senders, seen through the Victron CAN protocol. */
#define LIMITS "351#400260097C15B001 "
#define CHARGE "355#3E0064008D180000 "
#define MEASURED "356#C2141F007D000300 "
#define ALARMS "35A#AAAAAA02AAAAAA02 "
#define CYCLE LIMITS CHARGE MEASURED ALARMS
/* Another battery, or the next cycle: 50.00 V, 30 %. */
#define LIMITS_2 "351#40022C012C01B001 "
#define CHARGE_2 "355#1E006400B80B0000 "
#define MEASURED_2 "356#88131F007D000300 "
#define CYCLE_2 LIMITS_2 CHARGE_2 MEASURED_2 ALARMS

static struct dialogue dialogue;

static void begin(void)
{
    can_begin(&dialogue, &bb_driver_jbd_can, 0, "keep_alive=no");
}

static double voltage(void)
{
    int64_t time_ms;
    return dialogue_battery(&dialogue, &time_ms).voltage.value;
}

static const struct bb_counters *counters(void)
{
    return dialogue.driver->ops->counters(dialogue.state.bytes);
}

static void test_a_state_is_as_old_as_its_first_frame(void **state)
{
    (void)state;
    int64_t time_ms = 0;
    begin();
    int64_t begun_ms = dialogue.now_ms;
    can_hears(&dialogue, LIMITS "+5 " CHARGE "+5 " MEASURED "+5 " ALARMS "+400");
    assert_int_equal(can_states(&dialogue), 1);
    (void)dialogue_battery(&dialogue, &time_ms);
    assert_int_equal(time_ms, begun_ms);
}

static void test_half_a_cycle_is_not_mixed_with_the_next(void **state)
{
    (void)state;
    begin();
    can_hears(&dialogue, CYCLE "+1000 ");
    assert_int_equal(can_states(&dialogue), 1);
    can_hears(&dialogue, LIMITS_2 MEASURED_2 ALARMS "+1000 "); /* 0x355 is lost */
    assert_int_equal(can_states(&dialogue), 0);
    can_hears(&dialogue, CHARGE "+1000 "); /* all the others are */
    assert_int_equal(can_states(&dialogue), 0);
    assert_float_equal(voltage(), 53.14, 0.001);
    can_hears(&dialogue, CYCLE "+1000 ");
    assert_int_equal(can_states(&dialogue), 1);
}

static void test_joining_in_the_middle_of_a_cycle(void **state)
{
    (void)state;
    begin();
    can_hears(&dialogue, MEASURED_2 ALARMS "+900 " LIMITS CHARGE "+5 " MEASURED ALARMS "+400");
    assert_int_equal(can_states(&dialogue), 1);
    assert_float_equal(voltage(), 53.14, 0.001);
}

static void test_joining_a_sender_that_never_pauses(void **state)
{
    (void)state;
    begin();
    can_hears(&dialogue, MEASURED_2 "+20 " ALARMS "+20 " LIMITS "+20 " CHARGE "+20 ");
    for (int i = 0; i < 5; i++) {
        can_hears(&dialogue, MEASURED "+20 " ALARMS "+20 " LIMITS "+20 " CHARGE "+20 ");
    }
    assert_int_equal(can_states(&dialogue), 1);
    assert_float_equal(voltage(), 53.14, 0.001);
}

static void test_a_sender_that_pauses_between_frames(void **state)
{
    (void)state;
    begin();
    for (int i = 0; i < 6; i++) {
        can_hears(&dialogue, LIMITS "+250 " CHARGE "+250 " MEASURED "+250 " ALARMS "+250 ");
    }
    assert_true(can_states(&dialogue) > 0);
    can_hears(&dialogue, LIMITS_2 "+250 " CHARGE_2 "+500 " ALARMS "+250 " LIMITS "+250 " CHARGE
                                  "+250 " MEASURED "+250 " ALARMS "+250 ");
    assert_float_equal(voltage(), 53.14, 0.001);
}

static void test_frames_sent_twice(void **state)
{
    (void)state;
    begin();
    can_hears(&dialogue, LIMITS LIMITS CHARGE CHARGE MEASURED MEASURED ALARMS ALARMS
              "+1000 " LIMITS LIMITS CHARGE CHARGE MEASURED MEASURED ALARMS ALARMS "+400");
    assert_true(can_states(&dialogue) > 0);
    assert_int_equal(counters()->conflicts, 0);
}

static void test_a_missing_identifier_ends_in_failure_and_recovers(void **state)
{
    (void)state;
    begin();
    can_hears(&dialogue, CYCLE "+1000 ");
    assert_int_equal(can_states(&dialogue), 1);
    for (int i = 0; i < 6; i++) {
        can_hears(&dialogue, LIMITS CHARGE MEASURED "+1000 "); /* no alarms any more */
    }
    assert_int_equal(can_events(&dialogue, BB_EVENT_FAILED), 1);
    for (int i = 0; i < 28; i++) {
        can_hears(&dialogue, LIMITS CHARGE MEASURED "+1000 ");
    }
    assert_true(can_states(&dialogue) > 0); /* the sender was set up anew */
}

static void test_silence(void **state)
{
    (void)state;
    begin();
    can_hears(&dialogue, "+5000 ");
    assert_int_equal(can_events(&dialogue, BB_EVENT_FAILED), 1);
    assert_int_equal(can_states(&dialogue), 0);
}

static void test_wrong_lengths_and_strangers(void **state)
{
    (void)state;
    begin();
    can_hears(&dialogue, "351#4002 355#3E 356#C214 35A#AA 123#00 18904001#0102030405060708 "
                         "00000351#400260097C15B001 +1000");
    assert_int_equal(can_states(&dialogue), 0);
    assert_int_equal(counters()->checksum_errors, 4);
    assert_int_equal(counters()->foreign_frames, 3);
    can_hears(&dialogue, "351#400260097C15B0010000000000000000 +400");
    assert_int_equal(counters()->checksum_errors, 5);
}

static void test_two_batteries_are_found_by_their_times(void **state)
{
    (void)state;
    begin();
    for (int i = 0; i < 12; i++) {
        can_hears(&dialogue, CYCLE "+200 " CYCLE_2 "+800 ");
    }
    assert_int_equal(counters()->conflicts, 1);
    (void)can_states(&dialogue);
    can_hears(&dialogue, CYCLE "+200 " CYCLE_2 "+800 ");
    assert_int_equal(can_states(&dialogue), 0);
}

static void test_two_batteries_are_found_by_their_charge(void **state)
{
    (void)state;
    begin();
    can_hears(&dialogue, CYCLE "+1000 ");
    assert_int_equal(can_states(&dialogue), 1);
    for (int i = 0; i < 4; i++) {
        can_hears(&dialogue, CYCLE_2 "+1000 ");
        assert_int_equal(can_states(&dialogue), 0); /* awaits a second reading */
        assert_float_equal(voltage(), 53.14, 0.001);
        can_hears(&dialogue, CYCLE "+1000 ");
        (void)can_states(&dialogue);
    }
    assert_true(counters()->conflicts > 0);
    for (int i = 0; i < 31; i++) { /* the other one is taken away */
        can_hears(&dialogue, CYCLE "+1000 ");
    }
    assert_true(can_states(&dialogue) > 0);
}

static void test_a_corrected_charge_is_believed_the_second_time(void **state)
{
    (void)state;
    begin();
    can_hears(&dialogue, CYCLE "+1000 " CYCLE_2 "+1000 ");
    assert_float_equal(voltage(), 53.14, 0.001);
    can_hears(&dialogue, CYCLE_2 "+1000 ");
    assert_float_equal(voltage(), 50, 0.001);
    assert_int_equal(counters()->conflicts, 0);
}

static void test_identities_that_change_forth_and_back(void **state)
{
    (void)state;
    begin();
    for (int i = 0; i < 5; i++) {
        can_hears(&dialogue, "35E#4A42440000000000 " CYCLE "+500 ");
        can_hears(&dialogue, "35E#50594C4F4E000000 " CYCLE "+500 ");
    }
    assert_int_equal(counters()->conflicts, 1);
}

static void test_a_flood_of_foreign_frames_costs_nothing(void **state)
{
    (void)state;
    begin();
    can_hears(&dialogue, LIMITS CHARGE);
    for (int i = 0; i < 4000; i++) {
        can_hears(&dialogue, "7FF#FFFFFFFFFFFFFFFF ");
    }
    can_hears(&dialogue, MEASURED ALARMS "+400");
    assert_int_equal(can_states(&dialogue), 1);
}

static void test_the_link_going_down_forgets(void **state)
{
    (void)state;
    begin();
    can_hears(&dialogue, LIMITS CHARGE);
    dialogue.driver->ops->link(dialogue.state.bytes, false, dialogue.now_ms);
    can_hears(&dialogue, CYCLE "+400");
    assert_int_equal(dialogue.driver->ops->wake_ms(dialogue.state.bytes), BB_NEVER_MS);
    dialogue.driver->ops->link(dialogue.state.bytes, true, dialogue.now_ms);
    can_hears(&dialogue, MEASURED ALARMS "+400");
    assert_int_equal(can_states(&dialogue), 0);
}

static void test_settings_are_checked(void **state)
{
    (void)state;
    struct bb_problem problem;
    struct bb_driver_setting setting = {"keep_alve", "yes"};
    struct bb_driver_config config = {
        .medium = BB_MEDIUM_CAN, .settings = &setting, .setting_count = 1};
    const struct bb_driver *driver = &bb_driver_jbd_can;
    assert_int_equal(driver->ops->open(driver, dialogue.state.bytes, &config, &problem),
                     BB_ERR_UNKNOWN);
    struct bb_driver_setting often = {"keep_alive", "often"};
    config.settings = &often;
    assert_int_equal(driver->ops->open(driver, dialogue.state.bytes, &config, &problem),
                     BB_ERR_RANGE);
    config = (struct bb_driver_config){.medium = BB_MEDIUM_SERIAL};
    assert_int_equal(driver->ops->open(driver, dialogue.state.bytes, &config, &problem),
                     BB_ERR_UNSUPPORTED);
    driver = &bb_driver_jk_can;
    config = (struct bb_driver_config){.medium = BB_MEDIUM_CAN, .address = 16};
    assert_int_equal(driver->ops->open(driver, dialogue.state.bytes, &config, &problem),
                     BB_ERR_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_state_is_as_old_as_its_first_frame),
        cmocka_unit_test(test_half_a_cycle_is_not_mixed_with_the_next),
        cmocka_unit_test(test_joining_in_the_middle_of_a_cycle),
        cmocka_unit_test(test_joining_a_sender_that_never_pauses),
        cmocka_unit_test(test_a_sender_that_pauses_between_frames),
        cmocka_unit_test(test_frames_sent_twice),
        cmocka_unit_test(test_a_missing_identifier_ends_in_failure_and_recovers),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_wrong_lengths_and_strangers),
        cmocka_unit_test(test_two_batteries_are_found_by_their_times),
        cmocka_unit_test(test_two_batteries_are_found_by_their_charge),
        cmocka_unit_test(test_a_corrected_charge_is_believed_the_second_time),
        cmocka_unit_test(test_identities_that_change_forth_and_back),
        cmocka_unit_test(test_a_flood_of_foreign_frames_costs_nothing),
        cmocka_unit_test(test_the_link_going_down_forgets),
        cmocka_unit_test(test_settings_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
