/* Dialogues of the JK PB driver, with records built from the JK PB protocol sheet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dialogue.h"
#include "near.h"
#include "proto/bms/checksum.h"
#include "proto/bms/drivers.h"

#define ASK_SETTINGS "03 10 16 1E 00 01 02 00 00 CB 4F"
#define ASK_ABOUT "03 10 16 1C 00 01 02 00 00 CA AD"
#define ASK_STATUS "03 10 16 20 00 01 02 00 00 CF 91"
#define PASSCODE "tr0ub4dor"

enum { RECORD = 300, SETTINGS = 1, STATUS = 2, ABOUT = 3, NO_ACK = 0 };

struct battery {
    uint8_t records[4][RECORD]; /* by type */
};

static void put(uint8_t *at, size_t size, int64_t value)
{
    for (size_t i = 0; i < size; i++) {
        at[i] = (uint8_t)((uint64_t)value >> (8 * i) & 0xff);
    }
}

static void put_text(uint8_t *at, size_t size, const char *text)
{
    for (size_t i = 0; i < size; i++) {
        at[i] = (uint8_t)*text;
        text += *text != '\0';
    }
}

static void make_battery(struct battery *battery)
{
    memset(battery, 0, sizeof *battery);
    for (int type = SETTINGS; type <= ABOUT; type++) {
        memcpy(battery->records[type], "\x55\xaa\xeb\x90", 4);
        battery->records[type][4] = (uint8_t)type;
    }
    uint8_t *settings = battery->records[SETTINGS];
    put(settings + 50, 4, 60000);
    put(settings + 62, 4, 100000);
    put(settings + 98, 4, 50);
    put(settings + 102, 4, -70);
    put(settings + 114, 4, 4);
    put(settings + 126, 4, 1);
    put(settings + 130, 4, 280000);
    put(settings + 284, 1, -3);
    put(settings + 285, 1, 10);
    uint8_t *about = battery->records[ABOUT];
    put_text(about + 22, 8, "15A");
    put_text(about + 30, 8, "15.41");
    put_text(about + 62, 16, PASSCODE);
    put_text(about + 78, 8, "240914");
    put_text(about + 86, 16, "40119491480");
    put_text(about + 102, 16, "Input Userdata");
    put_text(about + 118, 16, PASSCODE);
    uint8_t *status = battery->records[STATUS];
    for (size_t i = 0; i < 4; i++) {
        put(status + 6 + 2 * i, 2, 3300 + (int64_t)i);
    }
    put(status + 70, 4, 0x0f);
    put(status + 144, 2, 203);
    put(status + 150, 4, 13206);
    put(status + 158, 4, -1500);
    put(status + 162, 2, -55);
    put(status + 164, 2, -2000);
    put(status + 173, 1, 55);
    put(status + 174, 4, 155219);
    put(status + 178, 4, 250000);
    put(status + 198, 1, 1);
    put(status + 214, 1, 0x07);
    put(status + 236, 2, -4300);
    put(status + 256, 2, 194);
}

static void feed(struct dialogue *dialogue, const uint8_t *data, size_t size)
{
    struct bb_packet packet = {.data = data, .size = size};
    dialogue->driver->ops->receive(dialogue->state.bytes, &packet, dialogue->now_ms);
}

static void feed_record(struct dialogue *dialogue, struct battery *battery, int type)
{
    uint8_t *record = battery->records[type];
    record[RECORD - 1] = bb_sum8(record, RECORD - 1);
    feed(dialogue, record, RECORD);
}

/* The record and, but for NO_ACK, the acknowledge from that address. */
static void reply(struct dialogue *dialogue, struct battery *battery, int type, uint8_t address)
{
    static const uint8_t low[] = {0, 0x1e, 0x20, 0x1c};
    feed_record(dialogue, battery, type);
    if (address == NO_ACK) {
        return;
    }
    uint8_t ack[10] = {0x00, address, 0x10, 0x16, low[type], 0x00, 0x01};
    put(ack + 7, 2, bb_crc16_modbus(ack + 1, 6));
    feed(dialogue, ack, sizeof ack);
}

static void begin(struct dialogue *dialogue, struct battery *battery)
{
    struct bb_driver_config config = {.medium = BB_MEDIUM_SERIAL, .address = 3, .period_ms = 1000};
    dialogue_begin(dialogue, &bb_driver_jk_pb, &config);
    make_battery(battery);
}

static void ask(struct dialogue *dialogue, const char *request)
{
    const struct step steps[] = {SENDS(request)};
    PLAY(dialogue, steps);
}

static void pass(struct dialogue *dialogue, int ms)
{
    const struct step steps[] = {PASSES(ms)};
    PLAY(dialogue, steps);
}

static void raises(struct dialogue *dialogue, enum bb_event event)
{
    const struct step steps[] = {RAISES((int)event)};
    PLAY(dialogue, steps);
}

static void first_cycle(struct dialogue *dialogue, struct battery *battery)
{
    ask(dialogue, ASK_SETTINGS);
    reply(dialogue, battery, SETTINGS, 3);
    ask(dialogue, ASK_ABOUT);
    reply(dialogue, battery, ABOUT, 3);
    ask(dialogue, ASK_STATUS);
    reply(dialogue, battery, STATUS, 3);
    raises(dialogue, BB_EVENT_STATE);
}

static struct bb_battery battery_of(const struct dialogue *dialogue)
{
    int64_t time_ms;
    return dialogue_battery(dialogue, &time_ms);
}

static void reads_a_battery(void **state)
{
    (void)state;
    struct dialogue dialogue;
    struct battery battery;
    begin(&dialogue, &battery);
    first_cycle(&dialogue, &battery);
    struct bb_battery got = battery_of(&dialogue);
    assert_near(got.voltage.value, 13.206);
    assert_near(got.current.value, -1.5);
    assert_near(got.capacity.value, 280); /* not the learnt 250 */
    assert_near(got.heater_current.value, 4.3);
    assert_near(got.heater_power.value, 0); /* not heating */
    assert_near(got.temperature_1.value, -5.5);
    assert_false(got.temperature_2.present); /* -2000 */
    assert_false(got.temperature_3.present); /* presence bit 4 is clear */
    assert_string_equal(got.serial_number, "40119491480");
    assert_string_equal(got.hardware_version, "15A / 15.41");
    assert_string_equal(got.production, "2024-09-14");
    assert_string_equal(got.custom_field, "");
    assert_int_equal(got.cells_count, 4);
    assert_true(got.cells[0].balance.present && !got.cells[0].balance.value);
}

static void never_tells_the_passcodes(void **state)
{
    (void)state;
    struct dialogue dialogue;
    struct battery battery;
    begin(&dialogue, &battery);
    first_cycle(&dialogue, &battery);
    struct bb_battery got = battery_of(&dialogue);
    const char *bytes = (const char *)&got;
    for (size_t at = 0; at + strlen(PASSCODE) <= sizeof got; at++) {
        assert_true(memcmp(bytes + at, PASSCODE, strlen(PASSCODE)) != 0);
    }
}

static void discards_the_record_of_another_battery(void **state)
{
    (void)state;
    struct dialogue dialogue;
    struct battery battery;
    begin(&dialogue, &battery);
    first_cycle(&dialogue, &battery);
    pass(&dialogue, 1000);
    put(battery.records[STATUS] + 150, 4, 26000);
    ask(&dialogue, ASK_STATUS);
    reply(&dialogue, &battery, STATUS, 5);
    pass(&dialogue, 499);
    static const struct step none[] = {CALM, QUIET};
    PLAY(&dialogue, none);
    pass(&dialogue, 1);
    put(battery.records[STATUS] + 150, 4, 13300);
    ask(&dialogue, ASK_STATUS);
    reply(&dialogue, &battery, STATUS, 3);
    raises(&dialogue, BB_EVENT_STATE);
    assert_near(battery_of(&dialogue).voltage.value, 13.3);
    assert_int_equal(bb_driver_jk_pb.ops->counters(dialogue.state.bytes)->foreign_frames, 1);
}

static void takes_a_record_whose_acknowledge_was_cut(void **state)
{
    (void)state;
    struct dialogue dialogue;
    struct battery battery;
    begin(&dialogue, &battery);
    first_cycle(&dialogue, &battery);
    pass(&dialogue, 1000);
    ask(&dialogue, ASK_STATUS);
    reply(&dialogue, &battery, STATUS, NO_ACK);
    pass(&dialogue, 49);
    static const struct step none[] = {CALM, QUIET};
    PLAY(&dialogue, none);
    pass(&dialogue, 1);
    raises(&dialogue, BB_EVENT_STATE);
}

/* Before any acknowledge was seen a record may be a bus master's broadcast: three tries. */
static void adopts_without_acknowledge_only_after_three_tries(void **state)
{
    (void)state;
    struct dialogue dialogue;
    struct battery battery;
    begin(&dialogue, &battery);
    ask(&dialogue, ASK_SETTINGS);
    reply(&dialogue, &battery, SETTINGS, NO_ACK);
    pass(&dialogue, 50);
    ask(&dialogue, ASK_SETTINGS);
    reply(&dialogue, &battery, SETTINGS, NO_ACK);
    pass(&dialogue, 50);
    raises(&dialogue, BB_EVENT_FAILED);
    pass(&dialogue, 900);
    ask(&dialogue, ASK_STATUS);
    reply(&dialogue, &battery, STATUS, NO_ACK);
    pass(&dialogue, 50);
    ask(&dialogue, ASK_SETTINGS);
    reply(&dialogue, &battery, SETTINGS, NO_ACK);
    pass(&dialogue, 50);
    ask(&dialogue, ASK_ABOUT);
    reply(&dialogue, &battery, ABOUT, NO_ACK);
    pass(&dialogue, 50);
    raises(&dialogue, BB_EVENT_STATE);
}

static void warns_of_a_bus_master_and_trusts_no_broadcast(void **state)
{
    (void)state;
    struct dialogue dialogue;
    struct battery battery;
    begin(&dialogue, &battery);
    first_cycle(&dialogue, &battery);
    for (int i = 0; i < 3; i++) {
        static const struct step calm[] = {CALM};
        PLAY(&dialogue, calm);
        pass(&dialogue, 200);
        feed_record(&dialogue, &battery, STATUS);
    }
    raises(&dialogue, BB_EVENT_FOREIGN_MASTER);
    pass(&dialogue, 400);
    put(battery.records[STATUS] + 150, 4, 26000);
    for (int i = 0; i < 2; i++) {
        ask(&dialogue, ASK_STATUS);
        feed_record(&dialogue, &battery, STATUS);
        pass(&dialogue, 50);
    }
    raises(&dialogue, BB_EVENT_FAILED);
    assert_near(battery_of(&dialogue).voltage.value, 13.206);
}

static void notices_requests_of_a_bus_master(void **state)
{
    (void)state;
    struct dialogue dialogue;
    struct battery battery;
    begin(&dialogue, &battery);
    first_cycle(&dialogue, &battery);
    static const struct step steps[] = {HEARS("02 10 16 20 00 01 02 00 00 C2 01"),
                                        RAISES(BB_EVENT_FOREIGN_MASTER)};
    PLAY(&dialogue, steps);
}

static void swallows_whole_and_partial_echoes(void **state)
{
    (void)state;
    struct dialogue dialogue;
    struct battery battery;
    begin(&dialogue, &battery);
    ask(&dialogue, ASK_SETTINGS);
    dialogue_feed(&dialogue, ASK_SETTINGS);
    reply(&dialogue, &battery, SETTINGS, 3);
    ask(&dialogue, ASK_ABOUT);
    dialogue_feed(&dialogue, "02 00 00 CA AD");
    reply(&dialogue, &battery, ABOUT, 3);
    ask(&dialogue, ASK_STATUS);
    dialogue_feed(&dialogue, "03 10 16 20 00 01 02");
    reply(&dialogue, &battery, STATUS, 3);
    raises(&dialogue, BB_EVENT_STATE);
    static const struct step calm[] = {CALM};
    PLAY(&dialogue, calm);
}

static void ignores_records_of_the_wrong_type(void **state)
{
    (void)state;
    struct dialogue dialogue;
    struct battery battery;
    begin(&dialogue, &battery);
    first_cycle(&dialogue, &battery);
    pass(&dialogue, 1000);
    ask(&dialogue, ASK_STATUS);
    put(battery.records[SETTINGS] + 114, 4, 8);
    reply(&dialogue, &battery, SETTINGS, 3);
    reply(&dialogue, &battery, STATUS, 3);
    raises(&dialogue, BB_EVENT_STATE);
    assert_int_equal(battery_of(&dialogue).cells_count, 4);
}

/* FT232R adapters cut answers; the repetition stands right behind the cut record. */
static void finds_a_record_behind_a_cut_one(void **state)
{
    (void)state;
    struct dialogue dialogue;
    struct battery battery;
    begin(&dialogue, &battery);
    first_cycle(&dialogue, &battery);
    pass(&dialogue, 1000);
    ask(&dialogue, ASK_STATUS);
    feed(&dialogue, battery.records[STATUS], 287);
    pass(&dialogue, 600);
    ask(&dialogue, ASK_STATUS);
    reply(&dialogue, &battery, STATUS, 3);
    raises(&dialogue, BB_EVENT_STATE);
}

static void lives_without_settings_and_about(void **state)
{
    (void)state;
    struct dialogue dialogue;
    struct battery battery;
    begin(&dialogue, &battery);
    ask(&dialogue, ASK_SETTINGS);
    pass(&dialogue, 1000);
    ask(&dialogue, ASK_SETTINGS);
    pass(&dialogue, 1000);
    raises(&dialogue, BB_EVENT_FAILED);
    ask(&dialogue, ASK_STATUS);
    reply(&dialogue, &battery, STATUS, 3);
    for (int i = 0; i < 2; i++) {
        ask(&dialogue, ASK_SETTINGS);
        pass(&dialogue, 1000);
    }
    for (int i = 0; i < 2; i++) {
        ask(&dialogue, ASK_ABOUT);
        pass(&dialogue, 1000);
    }
    raises(&dialogue, BB_EVENT_STATE);
    struct bb_battery got = battery_of(&dialogue);
    assert_int_equal(got.cells_count, 4); /* bits of the mask */
    assert_near(got.capacity.value, 250);
    assert_false(got.max_battery_charge_current.present);
    assert_false(got.heater_temperature_start.present);
    assert_string_equal(got.serial_number, "");
}

static void heater_settings_depend_on_the_board(void **state)
{
    (void)state;
    static const struct {
        const char *hardware, *software;
        double start;
    } cases[] = {{"14A", "15.50", 5}, {"15A", "15.38", 5},  {"15A", "15.41", -3},
                 {"15A", "16.0", -3}, {"15A", "", 5},       {"16A", "1.0", -3},
                 {"19A", "19.2", -3}, {"15B", "15.01", -3}, {"", "15.41", 5}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dialogue dialogue;
        struct battery battery;
        begin(&dialogue, &battery);
        put_text(battery.records[ABOUT] + 22, 8, cases[i].hardware);
        put_text(battery.records[ABOUT] + 30, 8, cases[i].software);
        first_cycle(&dialogue, &battery);
        struct bb_battery got = battery_of(&dialogue);
        assert_near(got.heater_temperature_start.value, cases[i].start);
        assert_near(got.heater_temperature_stop.value, cases[i].start < 0 ? 10 : -7);
    }
    struct dialogue dialogue;
    struct battery battery;
    begin(&dialogue, &battery);
    put(battery.records[SETTINGS] + 284, 1, 60); /* limits of something else: 60 / 50 */
    put(battery.records[SETTINGS] + 285, 1, 50);
    first_cycle(&dialogue, &battery);
    assert_near(battery_of(&dialogue).heater_temperature_start.value, 5);
}

static void heater_power_while_heating(void **state)
{
    (void)state;
    struct dialogue dialogue;
    struct battery battery;
    begin(&dialogue, &battery);
    put(battery.records[STATUS] + 215, 1, 1);
    first_cycle(&dialogue, &battery);
    assert_near(battery_of(&dialogue).heater_power.value, 4.3 * 13.206);
}

static void the_balancer_works_on_the_highest_and_the_lowest_cell(void **state)
{
    (void)state;
    struct dialogue dialogue;
    struct battery battery;
    begin(&dialogue, &battery);
    put(battery.records[STATUS] + 172, 1, 2);
    first_cycle(&dialogue, &battery);
    struct bb_battery got = battery_of(&dialogue);
    assert_true(got.cells[0].balance.value && got.cells[3].balance.value);
    assert_false(got.cells[1].balance.value || got.cells[2].balance.value);
}

static void every_alarm_bit_reaches_its_field(void **state)
{
    (void)state;
    static const struct {
        uint16_t field;
        int severity;
    } bits[32] = {
        [1] = {offsetof(struct bb_protection, high_internal_temperature), 2},
        [2] = {offsetof(struct bb_protection, internal_failure), 2},
        [3] = {offsetof(struct bb_protection, internal_failure), 2},
        [4] = {offsetof(struct bb_protection, high_cell_voltage), 2},
        [5] = {offsetof(struct bb_protection, high_voltage), 2},
        [6] = {offsetof(struct bb_protection, high_charge_current), 2},
        [7] = {offsetof(struct bb_protection, high_charge_current), 2},
        [8] = {offsetof(struct bb_protection, high_charge_temperature), 2},
        [9] = {offsetof(struct bb_protection, low_charge_temperature), 2},
        [10] = {offsetof(struct bb_protection, internal_failure), 2},
        [11] = {offsetof(struct bb_protection, low_cell_voltage), 2},
        [12] = {offsetof(struct bb_protection, low_voltage), 2},
        [13] = {offsetof(struct bb_protection, high_discharge_current), 2},
        [14] = {offsetof(struct bb_protection, high_discharge_current), 2},
        [15] = {offsetof(struct bb_protection, high_temperature), 2},
        [16] = {offsetof(struct bb_protection, internal_failure), 1},
        [17] = {offsetof(struct bb_protection, internal_failure), 1},
        [20] = {offsetof(struct bb_protection, internal_failure), 1},
        [21] = {offsetof(struct bb_protection, high_temperature), 1},
        [22] = {offsetof(struct bb_protection, internal_failure), 1},
        [25] = {offsetof(struct bb_protection, high_discharge_current), 2},
        [26] = {offsetof(struct bb_protection, high_discharge_current), 2},
        [27] = {offsetof(struct bb_protection, low_temperature), 2},
    };
    struct dialogue dialogue;
    struct battery battery;
    begin(&dialogue, &battery);
    first_cycle(&dialogue, &battery);
    for (unsigned bit = 0; bit < 32; bit++) {
        pass(&dialogue, 1000);
        put(battery.records[STATUS] + 166, 4, (int64_t)1 << bit);
        ask(&dialogue, ASK_STATUS);
        reply(&dialogue, &battery, STATUS, 3);
        raises(&dialogue, BB_EVENT_STATE);
        struct bb_battery got = battery_of(&dialogue);
        for (size_t at = 0; at < sizeof got.protection; at += sizeof(struct bb_integer)) {
            const struct bb_integer *field =
                (const struct bb_integer *)(const void *)((const char *)&got.protection + at);
            bool hit = bits[bit].severity > 0 && at == bits[bit].field;
            assert_int_equal(field->value, hit ? bits[bit].severity : 0);
        }
        assert_false(got.protection.low_soc.present);
    }
}

static void refuses_implausible_settings(void **state)
{
    (void)state;
    struct dialogue dialogue;
    struct battery battery;
    begin(&dialogue, &battery);
    put(battery.records[SETTINGS] + 114, 4, 33);
    ask(&dialogue, ASK_SETTINGS);
    reply(&dialogue, &battery, SETTINGS, 3);
    static const struct step none[] = {QUIET, CALM};
    PLAY(&dialogue, none);
}

static void writes_nothing(void **state)
{
    (void)state;
    struct dialogue dialogue;
    struct battery battery;
    begin(&dialogue, &battery);
    struct bb_control control = {.verb = "charge_fet", .value = 0};
    assert_int_equal(
        bb_driver_jk_pb.ops->command(dialogue.state.bytes, &control, dialogue.now_ms, NULL),
        BB_ERR_UNSUPPORTED);
    struct bb_driver_config config = {.medium = BB_MEDIUM_SERIAL, .address = 0};
    assert_int_equal(
        bb_driver_jk_pb.ops->open(&bb_driver_jk_pb, dialogue.state.bytes, &config, NULL),
        BB_ERR_RANGE); /* address 0 is the bus master */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_battery),
        cmocka_unit_test(never_tells_the_passcodes),
        cmocka_unit_test(discards_the_record_of_another_battery),
        cmocka_unit_test(takes_a_record_whose_acknowledge_was_cut),
        cmocka_unit_test(adopts_without_acknowledge_only_after_three_tries),
        cmocka_unit_test(warns_of_a_bus_master_and_trusts_no_broadcast),
        cmocka_unit_test(notices_requests_of_a_bus_master),
        cmocka_unit_test(swallows_whole_and_partial_echoes),
        cmocka_unit_test(ignores_records_of_the_wrong_type),
        cmocka_unit_test(finds_a_record_behind_a_cut_one),
        cmocka_unit_test(lives_without_settings_and_about),
        cmocka_unit_test(heater_settings_depend_on_the_board),
        cmocka_unit_test(heater_power_while_heating),
        cmocka_unit_test(the_balancer_works_on_the_highest_and_the_lowest_cell),
        cmocka_unit_test(every_alarm_bit_reaches_its_field),
        cmocka_unit_test(refuses_implausible_settings),
        cmocka_unit_test(writes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
