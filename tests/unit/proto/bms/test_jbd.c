/* Dialogues of the JBD driver. Answers: syssi/esphome-jbd-bms (captures), JBD protocol sheet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dialogue.h"
#include "near.h"
#include "proto/bms/drivers.h"

#define ASK_NAME "DD A5 05 00 FF FB 77"
#define ASK_BASIC "DD A5 03 00 FF FD 77"
#define ASK_CELLS "DD A5 04 00 FF FC 77"
#define ENTER "DD 5A 00 02 56 78 FF 30 77"
#define ENTERED "DD 00 00 00 00 00 77"
#define ASK_CHARGE_LIMIT "DD A5 28 00 FF D8 77"
#define ASK_DISCHARGE_LIMIT "DD A5 29 00 FF D7 77"
#define ASK_FUNCTIONS "DD A5 2D 00 FF D3 77"
#define LEAVE "DD 5A 01 02 00 00 FF FD 77"
#define LEFT "DD 01 00 00 00 00 77"

#define NAME                                                                                       \
    "DD 05 00 19 4A 42 44 2D 53 50 30 34 53 30 33 34 2D 4C 34 53 2D 32 30 30 41 2D 42 2D 55 FA "   \
    "08 77"
#define BASIC                                                                                      \
    "DD 03 00 1D 06 18 00 00 01 F2 01 F4 00 00 2C 7C 00 00 00 00 00 00 80 64 03 04 03 0B 8B 0B "   \
    "8A 0B 84 FA 8D 77"
/* The same battery with the charge switch off and bit 12 set. */
#define BASIC_CHARGE_OFF                                                                           \
    "DD 03 00 1D 06 0B 00 00 01 ED 01 F4 00 00 2C 7C 00 00 00 00 10 00 80 63 02 04 03 0B A0 0B "   \
    "9D 0B 98 FA 55 77"
#define CELLS "DD 04 00 08 0F 45 0F 3D 0F 37 0F 3D FE C6 77"

static const struct bb_driver_setting no_limits[] = {{"read_limits", "no"}};

static void begin(struct dialogue *dialogue, bool limits)
{
    struct bb_driver_config config = {.medium = BB_MEDIUM_SERIAL,
                                      .period_ms = 1000,
                                      .settings = no_limits,
                                      .setting_count = limits ? 0 : 1};
    dialogue_begin(dialogue, &bb_driver_jbd, &config);
}

static void reads_everything_once_then_polls(void **state)
{
    (void)state;
    static const struct step steps[] = {
        SENDS(ASK_BASIC),
        PASSES(60),
        HEARS(BASIC),
        SENDS(ASK_CELLS),
        PASSES(60),
        HEARS(CELLS),
        SENDS(ASK_NAME),
        HEARS(NAME),
        RAISES(BB_EVENT_STATE),
        SENDS(ENTER),
        HEARS(ENTERED),
        SENDS(ASK_CHARGE_LIMIT),
        HEARS("DD 28 00 02 2E E0 FE F0 77"),
        SENDS(ASK_DISCHARGE_LIMIT),
        HEARS("DD 29 00 02 C5 68 FE D1 77"),
        SENDS(ASK_FUNCTIONS),
        HEARS("DD 2D 00 02 00 0E FF F0 77"),
        SENDS(LEAVE),
        HEARS(LEFT),
        RAISES(BB_EVENT_STATE),
        QUIET,
        PASSES(880),
        SENDS(ASK_BASIC),
        HEARS(BASIC),
        SENDS(ASK_CELLS),
        HEARS(CELLS),
        RAISES(BB_EVENT_STATE),
        QUIET,
        CALM,
    };
    struct dialogue dialogue;
    begin(&dialogue, true);
    PLAY(&dialogue, steps);
    int64_t time_ms;
    struct bb_battery battery = dialogue_battery(&dialogue, &time_ms);
    assert_int_equal(time_ms, dialogue.now_ms);
    assert_near(battery.voltage.value, 15.6);
    assert_near(battery.temperature_mos.value, 22.4);
    assert_near(battery.temperature_2.value, 21.7);
    assert_false(battery.temperature_3.present);
    assert_near(battery.max_battery_charge_current.value, 120);
    assert_near(battery.max_battery_discharge_current.value, 150);
    assert_true(battery.balance_fet.present && battery.balance_fet.value);
    assert_string_equal(battery.hardware_version, "JBD-SP04S034-L4S-200A-B-U");
    assert_string_equal(battery.production, "2022-03-28");
    assert_int_equal(battery.cells_count, 4);
    assert_near(battery.cells[2].voltage.value, 3.895);
}

static void leaves_factory_mode_after_failed_reads(void **state)
{
    (void)state;
    static const struct step steps[] = {
        SENDS(ASK_BASIC), HEARS(BASIC), SENDS(ASK_CELLS), HEARS(CELLS), SENDS(ASK_NAME),
        HEARS("DD 05 80 00 FF 80 77"), RAISES(BB_EVENT_STATE), SENDS(ENTER), HEARS(ENTERED),
        /* unanswered three times, refused, refused */
        SENDS(ASK_CHARGE_LIMIT), PASSES(300), SENDS(ASK_CHARGE_LIMIT), PASSES(300),
        SENDS(ASK_CHARGE_LIMIT), PASSES(300), SENDS(ASK_DISCHARGE_LIMIT),
        HEARS("DD 29 80 00 FF 80 77"), SENDS(ASK_FUNCTIONS), HEARS("DD 2D 80 00 FF 80 77"),
        SENDS(LEAVE), HEARS(LEFT), CALM};
    struct dialogue dialogue;
    begin(&dialogue, true);
    PLAY(&dialogue, steps);
    int64_t time_ms;
    struct bb_battery battery = dialogue_battery(&dialogue, &time_ms);
    assert_false(battery.max_battery_charge_current.present);
    assert_false(battery.balance_fet.present);
    assert_string_equal(battery.hardware_version, "");
}

static void leaves_factory_mode_when_entering_was_not_acknowledged(void **state)
{
    (void)state;
    static const struct step steps[] = {
        SENDS(ASK_BASIC), HEARS(BASIC), SENDS(ASK_CELLS), HEARS(CELLS), SENDS(ASK_NAME),
        HEARS(NAME),      SENDS(ENTER), PASSES(300),      SENDS(ENTER), PASSES(300),
        SENDS(ENTER),     PASSES(300),  SENDS(LEAVE),     HEARS(LEFT),  QUIET};
    struct dialogue dialogue;
    begin(&dialogue, true);
    PLAY(&dialogue, steps);
}

static void leaves_factory_mode_after_the_wire_broke_inside(void **state)
{
    (void)state;
    static const struct step steps[] = {
        SENDS(ASK_BASIC), HEARS(BASIC), SENDS(ASK_CELLS), HEARS(CELLS), SENDS(ASK_NAME),
        HEARS(NAME), SENDS(ENTER), HEARS(ENTERED), SENDS(ASK_CHARGE_LIMIT), LINK(false), QUIET,
        PASSES(5000), LINK(true), SENDS(ASK_BASIC), HEARS(BASIC), SENDS(ASK_CELLS), HEARS(CELLS),
        SENDS(ASK_NAME), HEARS(NAME), SENDS(LEAVE), HEARS(LEFT),
        /* the new session reads the limits, and leaves again */
        SENDS(ENTER), HEARS(ENTERED), SENDS(ASK_CHARGE_LIMIT), HEARS("DD 28 00 02 2E E0 FE F0 77"),
        SENDS(ASK_DISCHARGE_LIMIT), HEARS("DD 29 00 02 C5 68 FE D1 77"), SENDS(ASK_FUNCTIONS),
        HEARS("DD 2D 00 02 00 0E FF F0 77"), SENDS(LEAVE), HEARS(LEFT), QUIET};
    struct dialogue dialogue;
    begin(&dialogue, true);
    PLAY(&dialogue, steps);
}

static void tries_to_leave_until_it_is_acknowledged(void **state)
{
    (void)state;
    static const struct step steps[] = {SENDS(ASK_BASIC),
                                        HEARS(BASIC),
                                        SENDS(ASK_CELLS),
                                        HEARS(CELLS),
                                        SENDS(ASK_NAME),
                                        HEARS(NAME),
                                        SENDS(ENTER),
                                        HEARS(ENTERED),
                                        SENDS(ASK_CHARGE_LIMIT),
                                        HEARS("DD 28 80 00 FF 80 77"),
                                        SENDS(ASK_DISCHARGE_LIMIT),
                                        HEARS("DD 29 80 00 FF 80 77"),
                                        SENDS(ASK_FUNCTIONS),
                                        HEARS("DD 2D 80 00 FF 80 77"),
                                        SENDS(LEAVE),
                                        PASSES(300),
                                        SENDS(LEAVE),
                                        PASSES(300),
                                        SENDS(LEAVE),
                                        PASSES(5300),
                                        SENDS(ASK_BASIC),
                                        HEARS(BASIC),
                                        SENDS(ASK_CELLS),
                                        HEARS(CELLS),
                                        SENDS(LEAVE),
                                        HEARS(LEFT),
                                        PASSES(6000),
                                        SENDS(ASK_BASIC),
                                        HEARS(BASIC),
                                        SENDS(ASK_CELLS),
                                        HEARS(CELLS),
                                        QUIET};
    struct dialogue dialogue;
    begin(&dialogue, true);
    PLAY(&dialogue, steps);
}

static void never_enters_factory_mode_unless_wanted(void **state)
{
    (void)state;
    static const struct step steps[] = {
        SENDS(ASK_BASIC), HEARS(BASIC), SENDS(ASK_CELLS),       HEARS(CELLS), SENDS(ASK_NAME),
        HEARS(NAME),      QUIET,        RAISES(BB_EVENT_STATE), CALM};
    struct dialogue dialogue;
    begin(&dialogue, false);
    PLAY(&dialogue, steps);
}

static void ignores_echo_and_noise(void **state)
{
    (void)state;
    static const struct step steps[] = {SENDS(ASK_BASIC),
                                        HEARS("00 00 " ASK_BASIC " 0F 3E DD 03"),
                                        PASSES(5),
                                        HEARS("DD " BASIC),
                                        PASSES(300),
                                        SENDS(ASK_CELLS),
                                        HEARS(ASK_CELLS CELLS "DD"),
                                        SENDS(ASK_NAME),
                                        HEARS(ASK_NAME NAME),
                                        RAISES(BB_EVENT_STATE),
                                        CALM};
    struct dialogue dialogue;
    begin(&dialogue, false);
    PLAY(&dialogue, steps);
    assert_int_equal(bb_driver_jbd.ops->counters(dialogue.state.bytes)->foreign_frames, 0);
}

/* The echo looks like an answer of status 3; an adapter that only echoes is a silent battery. */
static void an_echo_alone_is_silence(void **state)
{
    (void)state;
    static const struct step steps[] = {SENDS(ASK_BASIC),
                                        HEARS(ASK_BASIC),
                                        PASSES(300),
                                        SENDS(ASK_BASIC),
                                        HEARS(ASK_BASIC),
                                        PASSES(300),
                                        SENDS(ASK_BASIC),
                                        HEARS(ASK_BASIC),
                                        PASSES(300),
                                        RAISES(BB_EVENT_FAILED),
                                        CALM};
    struct dialogue dialogue;
    begin(&dialogue, false);
    PLAY(&dialogue, steps);
    int64_t time_ms;
    (void)dialogue_battery(&dialogue, &time_ms);
    assert_int_equal(time_ms, -1);
}

static void notices_another_master(void **state)
{
    (void)state;
    static const struct step steps[] = {SENDS(ASK_BASIC), HEARS(BASIC),
                                        HEARS("DD A5 AA 00 FF 56 77"),
                                        RAISES(BB_EVENT_FOREIGN_MASTER), CALM};
    struct dialogue dialogue;
    begin(&dialogue, false);
    PLAY(&dialogue, steps);
}

static void takes_a_late_answer_but_none_it_did_not_ask_for(void **state)
{
    (void)state;
    static const struct step steps[] = {
        SENDS(ASK_BASIC), HEARS(CELLS), HEARS(BASIC), SENDS(ASK_CELLS), PASSES(300), PASSES(50),
        /* between time-out and repetition */
        HEARS(CELLS), SENDS(ASK_NAME), HEARS(NAME), RAISES(BB_EVENT_STATE), CALM};
    struct dialogue dialogue;
    begin(&dialogue, false);
    PLAY(&dialogue, steps);
    assert_int_equal(bb_driver_jbd.ops->counters(dialogue.state.bytes)->foreign_frames, 1);
}

static void switches_one_fet_and_reads_it_back(void **state)
{
    (void)state;
    static const struct step before[] = {SENDS(ASK_BASIC),      HEARS(BASIC),    SENDS(ASK_CELLS),
                                         HEARS(CELLS),          SENDS(ASK_NAME), HEARS(NAME),
                                         RAISES(BB_EVENT_STATE)};
    static const struct step after[] = {SENDS(ASK_BASIC),
                                        HEARS(BASIC),
                                        SENDS("DD 5A E1 02 00 01 FF 1C 77"),
                                        HEARS("DD E1 00 00 00 00 77"),
                                        QUIET,
                                        PASSES(200),
                                        SENDS(ASK_BASIC),
                                        HEARS(BASIC),
                                        CALM,
                                        PASSES(200),
                                        SENDS(ASK_BASIC),
                                        HEARS(BASIC_CHARGE_OFF),
                                        RAISES(BB_EVENT_COMMAND)};
    struct dialogue dialogue;
    begin(&dialogue, false);
    PLAY(&dialogue, before);
    struct bb_control control = {.verb = "charge_fet", .value = 0};
    void *self = dialogue.state.bytes;
    assert_int_equal(bb_driver_jbd.ops->command(self, &control, dialogue.now_ms, NULL), BB_OK);
    assert_int_equal(bb_driver_jbd.ops->command(self, &control, dialogue.now_ms, NULL),
                     BB_ERR_BUSY);
    PLAY(&dialogue, after);
    struct bb_control_result result;
    bb_driver_jbd.ops->result(self, &result);
    assert_true(result.done);
    assert_true(result.value.present && result.value.value == 0);
}

/* Charging stays off while discharging is switched off. */
static void keeps_the_other_switch(void **state)
{
    (void)state;
    static const struct step steps[] = {SENDS(ASK_BASIC),
                                        HEARS(BASIC_CHARGE_OFF),
                                        SENDS("DD 5A E1 02 00 03 FF 1A 77"),
                                        HEARS("DD E1 80 00 FF 80 77"),
                                        PASSES(200),
                                        SENDS(ASK_BASIC),
                                        HEARS(BASIC_CHARGE_OFF),
                                        RAISES(BB_EVENT_COMMAND)};
    struct dialogue dialogue;
    begin(&dialogue, false);
    struct bb_control control = {.verb = "discharge_fet", .value = 0};
    void *self = dialogue.state.bytes;
    assert_int_equal(bb_driver_jbd.ops->command(self, &control, dialogue.now_ms, NULL), BB_OK);
    PLAY(&dialogue, steps);
    struct bb_control_result result;
    bb_driver_jbd.ops->result(self, &result);
    assert_false(result.done);
    assert_string_equal(result.reason, "the BMS refused it");
}

static void writes_nothing_to_a_silent_bms(void **state)
{
    (void)state;
    static const struct step steps[] = {
        SENDS(ASK_BASIC), PASSES(300), SENDS(ASK_BASIC),         PASSES(300),
        SENDS(ASK_BASIC), PASSES(300), RAISES(BB_EVENT_COMMAND), CALM};
    struct dialogue dialogue;
    begin(&dialogue, false);
    struct bb_control control = {.verb = "charge_fet", .value = 1};
    void *self = dialogue.state.bytes;
    assert_int_equal(bb_driver_jbd.ops->command(self, &control, dialogue.now_ms, NULL), BB_OK);
    PLAY(&dialogue, steps);
    struct bb_control_result result;
    bb_driver_jbd.ops->result(self, &result);
    assert_false(result.done);
}

static void refuses_unknown_options_and_commands(void **state)
{
    (void)state;
    static const struct bb_driver_setting unknown[] = {{"read_limit", "no"}};
    static const struct bb_driver_setting wrong[] = {{"read_limits", "perhaps"}};
    struct bb_driver_config config = {
        .medium = BB_MEDIUM_SERIAL, .settings = unknown, .setting_count = 1};
    struct dialogue dialogue;
    struct bb_problem problem = {0};
    void *self = dialogue.state.bytes;
    assert_int_equal(bb_driver_jbd.ops->open(&bb_driver_jbd, self, &config, &problem),
                     BB_ERR_UNKNOWN);
    assert_string_equal(problem.where, "read_limit");
    config.settings = wrong;
    assert_int_equal(bb_driver_jbd.ops->open(&bb_driver_jbd, self, &config, &problem),
                     BB_ERR_RANGE);
    config.setting_count = 0;
    config.medium = BB_MEDIUM_CAN;
    assert_int_equal(bb_driver_jbd.ops->open(&bb_driver_jbd, self, &config, &problem),
                     BB_ERR_UNSUPPORTED);
    begin(&dialogue, true);
    struct bb_control control = {.verb = "soc", .value = 50};
    assert_int_equal(bb_driver_jbd.ops->command(self, &control, dialogue.now_ms, &problem),
                     BB_ERR_UNSUPPORTED);
    struct bb_control switch_on = {.verb = "charge_fet", .value = 2};
    assert_int_equal(bb_driver_jbd.ops->command(self, &switch_on, dialogue.now_ms, &problem),
                     BB_ERR_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_everything_once_then_polls),
        cmocka_unit_test(leaves_factory_mode_after_failed_reads),
        cmocka_unit_test(leaves_factory_mode_when_entering_was_not_acknowledged),
        cmocka_unit_test(leaves_factory_mode_after_the_wire_broke_inside),
        cmocka_unit_test(tries_to_leave_until_it_is_acknowledged),
        cmocka_unit_test(never_enters_factory_mode_unless_wanted),
        cmocka_unit_test(ignores_echo_and_noise),
        cmocka_unit_test(an_echo_alone_is_silence),
        cmocka_unit_test(notices_another_master),
        cmocka_unit_test(takes_a_late_answer_but_none_it_did_not_ask_for),
        cmocka_unit_test(switches_one_fet_and_reads_it_back),
        cmocka_unit_test(keeps_the_other_switch),
        cmocka_unit_test(writes_nothing_to_a_silent_bms),
        cmocka_unit_test(refuses_unknown_options_and_commands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
