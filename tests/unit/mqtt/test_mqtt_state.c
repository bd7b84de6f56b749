#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/json.h"
#include "proto/deadlines.h"
#include "services/mqtt/state.h"

#define NOW 1000000
#define INTERVAL 1000

static struct bb_mqtt_subject subject;
static struct bb_message message;

static int fresh_subject(void **state)
{
    (void)state;
    memset(&subject, 0, sizeof subject);
    (void)snprintf(subject.id, sizeof subject.id, "rack.1");
    return 0;
}

static void set(char *text, size_t capacity, const char *value)
{
    (void)snprintf(text, capacity, "%s", value);
}
#define SET(member, value) set((member), sizeof(member), (value))

static struct bb_message *start(enum bb_topic_class topic_class, int64_t fact_ms)
{
    memset(&message, 0, sizeof message);
    message.topic_class = topic_class;
    message.head.mono_ms = bb_integer(fact_ms);
    message.head.interval_ms = bb_integer(INTERVAL);
    return &message;
}

static struct bb_battery *reading(int64_t fact_ms)
{
    struct bb_battery *battery = &start(BB_TOPIC_BATTERY, fact_ms)->body.battery;
    SET(battery->device.driver, "jbd");
    SET(battery->device.connection, "Serial /dev/ttyUSB0");
    SET(battery->serial_number, "SN1");
    battery->cell_count = bb_integer(2);
    battery->capacity = bb_real(100);
    battery->voltage = bb_real(6.663);
    battery->current = bb_real(-1.5);
    battery->soc = bb_real(50.123);
    battery->charge_fet = bb_flag(true);
    battery->cells_count = 2;
    battery->cells[0].voltage = bb_real(3.331);
    battery->cells[1].voltage = bb_real(3.332);
    battery->protection.low_soc = bb_integer(0);
    return battery;
}

static struct bb_charge *decision(int64_t fact_ms)
{
    struct bb_charge *charge = &start(BB_TOPIC_CHARGE, fact_ms)->body.charge;
    SET(charge->kind, "battery");
    SET(charge->name, "Rack");
    SET(charge->link, "online");
    SET(charge->mode, "Bulk");
    SET(charge->cvl_reason, "full voltage");
    charge->cvl = bb_real(6.9);
    charge->ccl = bb_real(10.5);
    charge->dcl = bb_real(20);
    charge->float_voltage = bb_real(6.75);
    charge->allow_charge = bb_flag(true);
    charge->allow_discharge = bb_flag(true);
    charge->voltage = bb_real(6.663);
    charge->current = bb_real(-1.5);
    charge->power = bb_real(-9.99);
    charge->soc = bb_real(51);
    charge->time_to_go = bb_integer(3600);
    charge->alarms.low_soc = bb_integer(1);
    return charge;
}

static bool take(int64_t now_ms)
{
    return bb_mqtt_subject_update(&subject, &message, now_ms);
}

static void take_both(int64_t fact_ms)
{
    (void)reading(fact_ms);
    (void)take(fact_ms);
    (void)decision(fact_ms);
    (void)take(fact_ms);
}

static double number(const json_t *json, const char *name)
{
    const json_t *value = json_object_get(json, name);
    if (!json_is_number(value)) {
        fail_msg("%s is missing", name);
    }
    return json_number_value(value);
}

static const char *text(const json_t *json, const char *name)
{
    const char *value = json_string_value(json_object_get(json, name));
    if (!value) {
        fail_msg("%s is missing", name);
    }
    return value;
}

static void test_online_battery(void **state)
{
    (void)state;
    take_both(NOW);
    json_t *json = bb_mqtt_state(&subject, NOW + 100);
    assert_true(number(json, "voltage") == 6.663);
    assert_true(number(json, "soc") == 51);
    assert_true(number(json, "soc_bms") == 50.123);
    assert_true(number(json, "ccl") == 10.5);
    assert_true(number(json, "dcl") == 20);
    assert_true(number(json, "cvl") == 6.9);
    assert_true(number(json, "power") == -9.99);
    assert_true(number(json, "time_to_go") == 3600);
    assert_string_equal(text(json, "cvl_reason"), "full voltage");
    assert_string_equal(text(json, "mode"), "Bulk");
    assert_string_equal(text(json, "link"), "online");
    assert_int_equal(json_array_size(json_object_get(json, "cells")), 2);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(json, "alarms"), "low_soc")), 1);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(json, "protection"), "low_soc")), 0);
    assert_null(json_object_get(json, "device"));
    assert_null(json_object_get(json, "soh")); /* unknown: left out, not null, not zero */
    json_decref(json);
    assert_true(bb_mqtt_subject_is_available(&subject, NOW + 100));
}

/* The document can feed another Busbar, or anything that reads the generic MQTT battery. */
static void test_state_reads_back_as_a_battery(void **state)
{
    (void)state;
    take_both(NOW);
    json_t *json = bb_mqtt_state(&subject, NOW);
    static struct bb_battery battery;
    struct bb_problem problem;
    assert_int_equal(bb_json_to(&bb_battery_schema, json, &battery, &problem), BB_OK);
    assert_true(battery.voltage.value == 6.663);
    assert_true(battery.soc.value == 51);
    assert_int_equal(battery.cells_count, 2);
    assert_true(battery.charge_fet.value);
    assert_string_equal(battery.serial_number, "SN1");
    json_decref(json);
}

static void test_numbers_are_written_as_measured(void **state)
{
    (void)state;
    take_both(NOW);
    char *document = bb_mqtt_text(bb_mqtt_state(&subject, NOW));
    assert_non_null(strstr(document, "\"cells\":[{\"voltage\":3.331},{\"voltage\":3.332}]"));
    assert_non_null(strstr(document, "\"voltage\":6.663,"));
    free(document);
}

static void test_bank_has_no_reading(void **state)
{
    (void)state;
    struct bb_charge *charge = decision(NOW);
    SET(charge->kind, "bank");
    charge->members_count = 2;
    SET(charge->members[0].id, "a");
    SET(charge->members[1].id, "b");
    charge->capacity = bb_real(200);
    charge->cell_count = bb_integer(16);
    (void)take(NOW);
    json_t *json = bb_mqtt_state(&subject, NOW);
    assert_true(number(json, "soc") == 51);
    assert_null(json_object_get(json, "soc_bms"));
    assert_string_equal(text(json, "kind"), "bank");
    json_decref(json);
    json = bb_mqtt_info(&subject);
    assert_string_equal(text(json, "id"), "rack.1");
    assert_true(number(json, "capacity") == 200);
    assert_true(number(json, "cell_count") == 16);
    json_t *members = json_object_get(json, "members");
    assert_int_equal(json_array_size(members), 2);
    assert_string_equal(json_string_value(json_array_get(members, 1)), "b");
    json_decref(json);
}

static void expect_nothing_allowed(const json_t *json)
{
    assert_true(number(json, "ccl") == 0);
    assert_true(number(json, "dcl") == 0);
    assert_string_equal(text(json, "ccl_reason"), "no decision for more than 5 s");
    assert_string_equal(text(json, "dcl_reason"), "no decision for more than 5 s");
    assert_true(json_is_false(json_object_get(json, "allow_charge")));
    assert_true(json_is_false(json_object_get(json, "allow_discharge")));
}

static void test_old_decision_allows_nothing(void **state)
{
    (void)state;
    take_both(NOW);
    int64_t last = NOW + BB_DECISION_MAX_AGE_MS;
    assert_true(bb_mqtt_subject_is_available(&subject, last));
    json_t *json = bb_mqtt_state(&subject, last);
    assert_true(number(json, "ccl") == 10.5);
    json_decref(json);
    assert_int_equal(bb_mqtt_subject_expiry(&subject, NOW), last + 1);

    assert_false(bb_mqtt_subject_is_available(&subject, last + 1));
    json = bb_mqtt_state(&subject, last + 1);
    expect_nothing_allowed(json);
    assert_true(number(json, "cvl") == 6.75); /* float */
    assert_true(number(json, "voltage") == 6.663);
    assert_true(number(json, "soc") == 50.123); /* the reading still counts, the decision not */
    assert_null(json_object_get(json, "mode"));
    assert_null(json_object_get(json, "power"));
    json_decref(json);
}

static void test_without_a_decision_the_voltage_never_rises(void **state)
{
    (void)state;
    struct bb_charge *charge = decision(NOW);
    charge->cvl = bb_real(6.4); /* held down, below float */
    (void)take(NOW);
    json_t *json = bb_mqtt_state(&subject, NOW + 60000);
    assert_true(number(json, "cvl") == 6.4);
    json_decref(json);
}

static void test_no_decision_at_all(void **state)
{
    (void)state;
    (void)reading(NOW);
    assert_false(take(NOW));
    assert_false(bb_mqtt_subject_is_available(&subject, NOW));
    json_t *json = bb_mqtt_state(&subject, NOW);
    expect_nothing_allowed(json);
    assert_null(json_object_get(json, "cvl"));
    assert_true(number(json, "voltage") == 6.663);
    json_decref(json);
}

static void test_decision_without_limits_allows_nothing(void **state)
{
    (void)state;
    struct bb_charge *charge = decision(NOW);
    charge->ccl.present = false;
    charge->dcl.present = false;
    (void)take(NOW);
    json_t *json = bb_mqtt_state(&subject, NOW);
    assert_true(number(json, "ccl") == 0);
    assert_true(number(json, "dcl") == 0);
    json_decref(json);
}

/* Old measurements of a lost battery must not pass for new ones. */
static void test_lost_battery_has_no_measurements(void **state)
{
    (void)state;
    static const char *const words[] = {"lost", "never_seen", "", "anything"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        (void)fresh_subject(NULL);
        take_both(NOW);
        struct bb_charge *charge = decision(NOW);
        SET(charge->link, words[i]);
        charge->ccl = bb_real(0);
        (void)take(NOW);
        assert_false(bb_mqtt_subject_is_available(&subject, NOW));
        json_t *json = bb_mqtt_state(&subject, NOW);
        assert_true(number(json, "ccl") == 0);
        assert_string_equal(text(json, "cvl_reason"), "full voltage");
        static const char *const gone[] = {"voltage", "current", "soc",        "soc_bms",
                                           "power",   "cells",   "charge_fet", "time_to_go"};
        for (size_t k = 0; k < sizeof gone / sizeof gone[0]; k++) {
            assert_null(json_object_get(json, gone[k]));
        }
        json_decref(json);
    }
}

static void test_stale_battery_is_still_available(void **state)
{
    (void)state;
    take_both(NOW);
    SET(decision(NOW)->link, "stale");
    assert_true(take(NOW));
    assert_true(bb_mqtt_subject_is_available(&subject, NOW));
    json_t *json = bb_mqtt_state(&subject, NOW);
    assert_true(number(json, "voltage") == 6.663);
    json_decref(json);
}

static void test_old_reading_is_left_out(void **state)
{
    (void)state;
    take_both(NOW);
    int64_t lost = NOW + bb_lost_after_ms(INTERVAL);
    assert_int_equal(bb_mqtt_subject_expiry(&subject, lost - 1), lost);
    json_t *json = bb_mqtt_state(&subject, lost - 1);
    assert_non_null(json_object_get(json, "cells"));
    json_decref(json);
    json = bb_mqtt_state(&subject, lost);
    assert_null(json_object_get(json, "cells"));
    assert_null(json_object_get(json, "voltage"));
    expect_nothing_allowed(json);
    json_decref(json);
    assert_int_equal(bb_mqtt_subject_expiry(&subject, lost), BB_NEVER_MS);
}

static void test_facts_from_the_future_age_from_now(void **state)
{
    (void)state;
    (void)decision(NOW + 3600000);
    (void)take(NOW);
    assert_true(bb_mqtt_subject_is_available(&subject, NOW));
    assert_false(bb_mqtt_subject_is_available(&subject, NOW + BB_DECISION_MAX_AGE_MS + 1));
}

static void test_what_does_not_wait(void **state)
{
    (void)state;
    (void)reading(NOW);
    assert_false(take(NOW));
    (void)decision(NOW);
    assert_true(take(NOW)); /* the first decision */
    (void)decision(NOW + 1);
    assert_false(take(NOW + 1));
    decision(NOW + 2)->ccl = bb_real(3); /* another limit is news, but no alarm */
    assert_false(take(NOW + 2));
    decision(NOW + 3)->ccl = bb_real(0);
    assert_true(take(NOW + 3));
    decision(NOW + 4)->dcl = bb_real(0);
    assert_true(take(NOW + 4));
    (void)decision(NOW + 5);
    assert_true(take(NOW + 5));
    decision(NOW + 6)->alarms.low_soc = bb_integer(2);
    assert_true(take(NOW + 6));
    decision(NOW + 7)->allow_discharge = bb_flag(false);
    assert_true(take(NOW + 7));
    (void)decision(NOW + 8);
    (void)take(NOW + 8);
    decision(NOW + 9)->bms_cable = bb_integer(1);
    assert_true(take(NOW + 9));
    reading(NOW + 10)->protection.internal_failure = bb_integer(1);
    assert_true(take(NOW + 10));
    reading(NOW + 11)->protection.internal_failure = bb_integer(1);
    assert_false(take(NOW + 11));
}

static void test_info(void **state)
{
    (void)state;
    take_both(NOW);
    char *document = bb_mqtt_text(bb_mqtt_info(&subject));
    assert_string_equal(
        document, "{\"id\":\"rack.1\",\"kind\":\"battery\",\"name\":\"Rack\",\"type\":\"jbd\","
                  "\"connection\":\"Serial /dev/ttyUSB0\",\"serial_number\":\"SN1\","
                  "\"cell_count\":2,\"capacity\":100.0}");
    free(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_online_battery, fresh_subject),
        cmocka_unit_test_setup(test_state_reads_back_as_a_battery, fresh_subject),
        cmocka_unit_test_setup(test_numbers_are_written_as_measured, fresh_subject),
        cmocka_unit_test_setup(test_bank_has_no_reading, fresh_subject),
        cmocka_unit_test_setup(test_old_decision_allows_nothing, fresh_subject),
        cmocka_unit_test_setup(test_without_a_decision_the_voltage_never_rises, fresh_subject),
        cmocka_unit_test_setup(test_no_decision_at_all, fresh_subject),
        cmocka_unit_test_setup(test_decision_without_limits_allows_nothing, fresh_subject),
        cmocka_unit_test_setup(test_lost_battery_has_no_measurements, fresh_subject),
        cmocka_unit_test_setup(test_stale_battery_is_still_available, fresh_subject),
        cmocka_unit_test_setup(test_old_reading_is_left_out, fresh_subject),
        cmocka_unit_test_setup(test_facts_from_the_future_age_from_now, fresh_subject),
        cmocka_unit_test_setup(test_what_does_not_wait, fresh_subject),
        cmocka_unit_test_setup(test_info, fresh_subject),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
