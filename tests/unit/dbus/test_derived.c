#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sample.h"
#include "services/dbus/derived.h"

struct fixture {
    struct sample sample;
    struct bb_view view;
    struct bb_derivation derivation;
};

static void open_fixture(struct fixture *fixture)
{
    sample_open(&fixture->sample, false);
    bb_snapshot_view(&fixture->sample.snapshot, SAMPLE_NOW_MS, SAMPLE_WALL_MS, &fixture->view);
    fixture->derivation =
        (struct bb_derivation){.view = &fixture->view, .identity = &fixture->sample.identity};
}

static double number_of(struct fixture *fixture, bb_derive_fn *derive)
{
    struct bb_value value = derive(&fixture->derivation);
    return value.valid ? value.number : NAN;
}

static void test_device_state_takes_the_first_that_fits(void **state)
{
    (void)state;
    struct fixture fixture;
    open_fixture(&fixture);
    struct bb_protection *alarms = &fixture.sample.snapshot.charge.alarms;
    assert_true(number_of(&fixture, bb_derive_device_state) == 0x100);
    fixture.view.allow_charge = false;
    fixture.view.allow_discharge = false;
    assert_true(number_of(&fixture, bb_derive_device_state) == 0x104);
    alarms->low_voltage = bb_integer(2);
    assert_true(number_of(&fixture, bb_derive_device_state) == 0x105);
    alarms->high_charge_temperature = bb_integer(1);
    assert_true(number_of(&fixture, bb_derive_device_state) == 0x102);
    alarms->high_temperature = bb_integer(2);
    assert_true(number_of(&fixture, bb_derive_device_state) == 0x101);
    alarms->internal_failure = bb_integer(2);
    assert_true(number_of(&fixture, bb_derive_device_state) == 0x103);
    sample_close(&fixture.sample);
}

static void test_state_and_mode(void **state)
{
    (void)state;
    struct fixture fixture;
    open_fixture(&fixture);
    fixture.view.allow_charge = false;
    assert_true(number_of(&fixture, bb_derive_state) == 9);
    assert_true(number_of(&fixture, bb_derive_mode) == 3);
    fixture.view.allow_discharge = false;
    assert_true(number_of(&fixture, bb_derive_state) == 14);
    assert_true(number_of(&fixture, bb_derive_mode) == 4);
    (void)snprintf(fixture.sample.snapshot.charge.link, 12, "never_seen");
    assert_true(number_of(&fixture, bb_derive_state) == 0);
    sample_close(&fixture.sample);
}

static void test_midpoint_of_an_odd_number_of_cells(void **state)
{
    (void)state;
    struct fixture fixture;
    open_fixture(&fixture);
    struct bb_battery *battery = &fixture.sample.snapshot.battery;
    battery->cells_count = 15;
    for (size_t i = 0; i < 15; i++) {
        battery->cells[i].voltage = bb_real(3.30);
    }
    battery->cells[0].voltage = bb_real(3.35);
    battery->cells[7].voltage = bb_real(3.28);
    battery->cells[14].voltage = bb_real(3.25);
    assert_true(fabs(number_of(&fixture, bb_derive_mid_voltage) - 24.79) < 1e-9);
    assert_true(fabs(number_of(&fixture, bb_derive_mid_deviation) - 0.2164502) < 1e-6);
    battery->cells[3].voltage.present = false;
    assert_true(isnan(number_of(&fixture, bb_derive_mid_voltage)));
    battery->cells_count = 3;
    assert_true(isnan(number_of(&fixture, bb_derive_mid_deviation)));
    sample_close(&fixture.sample);
}

static void test_power_needs_both(void **state)
{
    (void)state;
    struct fixture fixture;
    open_fixture(&fixture);
    struct bb_charge *charge = &fixture.sample.snapshot.charge;
    charge->power.present = false;
    assert_true(fabs(number_of(&fixture, bb_derive_power) + 53.125 * 5.204) < 1e-9);
    charge->current.present = false;
    assert_true(isnan(number_of(&fixture, bb_derive_power)));
    sample_close(&fixture.sample);
}

static void test_flags_are_whole_words(void **state)
{
    (void)state;
    struct fixture fixture;
    open_fixture(&fixture);
    char *flags = fixture.sample.snapshot.charge.flags;
    assert_true(number_of(&fixture, bb_derive_balancing) == 0);
    (void)snprintf(flags, 64, "cell_ovp, balancing");
    assert_true(number_of(&fixture, bb_derive_balancing) == 1);
    assert_true(isnan(number_of(&fixture, bb_derive_heating)));
    (void)snprintf(flags, 64, "preheating,soc_reset");
    assert_true(isnan(number_of(&fixture, bb_derive_heating)));
    (void)snprintf(flags, 64, "soc_reset,heating");
    assert_true(number_of(&fixture, bb_derive_heating) == 1);
    flags[0] = '\0';
    fixture.sample.snapshot.battery.cells[5].balance = bb_flag(true);
    assert_true(number_of(&fixture, bb_derive_balancing) == 1);
    sample_close(&fixture.sample);
}

static void test_time_since_full_counts_minutes(void **state)
{
    (void)state;
    struct fixture fixture;
    open_fixture(&fixture);
    struct bb_integer *full = &fixture.sample.snapshot.battery.history.timestamp_last_full_charge;
    assert_true(isnan(number_of(&fixture, bb_derive_since_full)));
    *full = bb_integer(SAMPLE_WALL_MS / 1000 - 3659);
    assert_true(number_of(&fixture, bb_derive_since_full) == 3600);
    *full = bb_integer(SAMPLE_WALL_MS / 1000 + 100); /* the clock is wrong */
    assert_true(number_of(&fixture, bb_derive_since_full) == 0);
    sample_close(&fixture.sample);
}

static void test_names(void **state)
{
    (void)state;
    struct fixture fixture;
    open_fixture(&fixture);
    assert_string_equal(bb_derive_custom_name(&fixture.derivation).text, "");
    (void)snprintf(fixture.sample.snapshot.battery.device.name, 48, "Rack");
    assert_string_equal(bb_derive_custom_name(&fixture.derivation).text, "Rack");
    fixture.sample.identity.custom_name = "Garage";
    assert_string_equal(bb_derive_custom_name(&fixture.derivation).text, "Garage");
    (void)snprintf(fixture.sample.snapshot.battery.device.connection, 96, "BLE C8:47:8C:00:00:01");
    assert_true(number_of(&fixture, bb_derive_insecure) == 1);
    sample_close(&fixture.sample);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_device_state_takes_the_first_that_fits),
        cmocka_unit_test(test_state_and_mode),
        cmocka_unit_test(test_midpoint_of_an_odd_number_of_cells),
        cmocka_unit_test(test_power_needs_both),
        cmocka_unit_test(test_flags_are_whole_words),
        cmocka_unit_test(test_time_since_full_counts_minutes),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
