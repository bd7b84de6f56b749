#include "services/dbus/derived.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define NO_DECISION "No charge decision: limits are zero"

/* --- Identity --- */

struct bb_value bb_derive_process_name(struct bb_derivation *d)
{
    (void)d;
    return bb_value_text("busbar-dbus");
}

struct bb_value bb_derive_version(struct bb_derivation *d)
{
    (void)d;
    return bb_value_text(BUSBAR_VERSION);
}

struct bb_value bb_derive_connection(struct bb_derivation *d)
{
    const struct bb_snapshot *of = d->view->of;
    if (of->bank) {
        (void)snprintf(d->text, sizeof d->text, "Bank of %u batteries", of->charge.members_count);
        return bb_value_text(d->text);
    }
    return bb_value_text(of->battery.device.connection[0] ? of->battery.device.connection
                                                          : "Busbar");
}

/* Anybody in radio range can be a BLE device: systemcalc then does not share the voltage. */
struct bb_value bb_derive_insecure(struct bb_derivation *d)
{
    return bb_value_number(strncmp(d->view->of->battery.device.connection, "BLE", 3) == 0);
}

struct bb_value bb_derive_instance(struct bb_derivation *d)
{
    return bb_value_number(d->identity->instance);
}

struct bb_value bb_derive_product_id(struct bb_derivation *d)
{
    return bb_value_number(d->identity->product_id);
}

struct bb_value bb_derive_product_name(struct bb_derivation *d)
{
    const struct bb_snapshot *of = d->view->of;
    const char *port = of->battery.device.port;
    if (of->bank) {
        bool says_bank = strncmp(of->id, "bank", 4) == 0;
        (void)snprintf(d->text, sizeof d->text, "Busbar %s%s", says_bank ? "" : "bank ", of->id);
    } else {
        (void)snprintf(d->text, sizeof d->text, "Busbar %s%s%s", of->id, port[0] ? " @ " : "",
                       port);
    }
    return bb_value_text(d->text);
}

struct bb_value bb_derive_custom_name(struct bb_derivation *d)
{
    const struct bb_snapshot *of = d->view->of;
    if (d->identity->custom_name && d->identity->custom_name[0]) {
        return bb_value_text(d->identity->custom_name);
    }
    return bb_value_text(of->bank ? of->charge.name : of->battery.device.name);
}

/* The id: it derives from the serial number or MAC address where the BMS has one, and it is what
 * the same battery is called on the bus and over MQTT. */
struct bb_value bb_derive_serial(struct bb_derivation *d)
{
    return bb_value_text(d->view->of->id);
}

/* --- State --- */

static bool is_blocked(const struct bb_view *view)
{
    return !view->allow_charge && !view->allow_discharge;
}

struct bb_value bb_derive_state(struct bb_derivation *d)
{
    enum { INITIALIZING = 0, RUNNING = 9, STANDBY = 14 };
    if (d->view->decided && strcmp(d->view->of->charge.link, "never_seen") == 0) {
        return bb_value_number(INITIALIZING);
    }
    return bb_value_number(is_blocked(d->view) ? STANDBY : RUNNING);
}

struct bb_value bb_derive_mode(struct bb_derivation *d)
{
    enum { ON = 3, OFF = 4 };
    return bb_value_number(is_blocked(d->view) ? OFF : ON);
}

/* The protection state that counts now, or NULL when none does. */
static const struct bb_protection *protection(const struct bb_view *view)
{
    if (view->decided) {
        return &view->of->charge.alarms;
    }
    return view->reading ? &view->of->battery.protection : NULL;
}

static bool has_level(struct bb_integer alarm, int64_t level)
{
    return alarm.present && alarm.value == level;
}

struct bb_value bb_derive_device_state(struct bb_derivation *d)
{
    enum {
        CONNECTED = 0x100,
        OVER_TEMPERATURE,
        TEMPERATURE_WARNING,
        FAULT,
        TRIPPED,
        UNDER_VOLTAGE
    };
    const struct bb_protection *p = protection(d->view);
    if (p && has_level(p->internal_failure, 2)) {
        return bb_value_number(FAULT);
    }
    if (p && (has_level(p->high_temperature, 2) || has_level(p->high_charge_temperature, 2))) {
        return bb_value_number(OVER_TEMPERATURE);
    }
    if (p && (has_level(p->high_temperature, 1) || has_level(p->high_charge_temperature, 1))) {
        return bb_value_number(TEMPERATURE_WARNING);
    }
    if (p && has_level(p->low_voltage, 2)) {
        return bb_value_number(UNDER_VOLTAGE);
    }
    return bb_value_number(is_blocked(d->view) ? TRIPPED : CONNECTED);
}

struct bb_value bb_derive_connection_information(struct bb_derivation *d)
{
    static const char *const texts[][2] = {
        {"online", "Connected"},
        {"stale", "Waiting for the BMS"},
        {"lost", "Connection to the BMS lost"},
    };
    if (!d->view->decided) {
        return bb_value_text(NO_DECISION);
    }
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strcmp(d->view->of->charge.link, texts[i][0]) == 0) {
            return bb_value_text(texts[i][1]);
        }
    }
    return bb_value_text("Initializing...");
}

/* --- Limits and how they came about --- */

struct bb_value bb_derive_cvl(struct bb_derivation *d)
{
    return d->identity->limits ? bb_value_number(d->view->cvl) : bb_value_invalid();
}

struct bb_value bb_derive_ccl(struct bb_derivation *d)
{
    return bb_value_number(d->view->ccl);
}

struct bb_value bb_derive_dcl(struct bb_derivation *d)
{
    return bb_value_number(d->view->dcl);
}

struct bb_value bb_derive_max_cell_voltage(struct bb_derivation *d)
{
    const struct bb_snapshot *of = d->view->of;
    if (!of->charge.max_voltage.present || of->cell_count <= 0) {
        return bb_value_invalid();
    }
    return bb_value_number(of->charge.max_voltage.value / (double)of->cell_count);
}

/* A text of the decision, or why there is none. */
static struct bb_value decision_text(const struct bb_view *view, const char *text)
{
    return bb_value_text(view->decided ? text : NO_DECISION);
}

struct bb_value bb_derive_charge_mode(struct bb_derivation *d)
{
    return decision_text(d->view, d->view->of->charge.mode);
}

struct bb_value bb_derive_charge_limitation(struct bb_derivation *d)
{
    return decision_text(d->view, d->view->of->charge.ccl_reason);
}

struct bb_value bb_derive_discharge_limitation(struct bb_derivation *d)
{
    return decision_text(d->view, d->view->of->charge.dcl_reason);
}

struct bb_value bb_derive_allow_charge(struct bb_derivation *d)
{
    return bb_value_number(d->view->allow_charge);
}

struct bb_value bb_derive_allow_discharge(struct bb_derivation *d)
{
    return bb_value_number(d->view->allow_discharge);
}

struct bb_value bb_derive_bms_cable(struct bb_derivation *d)
{
    return bb_value_number((double)d->view->bms_cable);
}

/* --- Measurements --- */

/* The reading, when it may be shown; else NULL. */
static const struct bb_battery *reading(const struct bb_view *view)
{
    return bb_view_reading(view) ? &view->of->battery : NULL;
}

static struct bb_value product(struct bb_real a, struct bb_real b)
{
    return a.present && b.present ? bb_value_number(a.value * b.value) : bb_value_invalid();
}

struct bb_value bb_derive_power(struct bb_derivation *d)
{
    const struct bb_charge *charge = &d->view->of->charge;
    if (bb_view_measured(d->view)) {
        return charge->power.present ? bb_value_number(charge->power.value)
                                     : product(charge->voltage, charge->current);
    }
    const struct bb_battery *battery = reading(d->view);
    return battery ? product(battery->voltage, battery->current) : bb_value_invalid();
}

struct bb_value bb_derive_consumed_bms(struct bb_derivation *d)
{
    const struct bb_battery *battery = reading(d->view);
    if (!battery || !battery->capacity.present || !battery->capacity_remain.present) {
        return bb_value_invalid();
    }
    return bb_value_number(fmin(battery->capacity_remain.value - battery->capacity.value, 0));
}

/* Sums of the lower and the upper half of the cells, and the middle cell of an odd number. */
struct halves {
    double lower, middle, upper;
};

/* False when a cell is unknown or there are fewer than four. */
static bool split_cells(const struct bb_battery *battery, struct halves *ret_halves)
{
    size_t count = battery ? battery->cells_count : 0;
    struct halves sums = {0};
    if (count < 4) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!battery->cells[i].voltage.present) {
            return false;
        }
        double voltage = battery->cells[i].voltage.value;
        if (i < count / 2) {
            sums.lower += voltage;
        } else if (i >= count - count / 2) {
            sums.upper += voltage;
        } else {
            sums.middle = voltage;
        }
    }
    *ret_halves = sums;
    return true;
}

struct bb_value bb_derive_mid_voltage(struct bb_derivation *d)
{
    struct halves sums;
    if (!split_cells(reading(d->view), &sums)) {
        return bb_value_invalid();
    }
    return bb_value_number(sums.lower + sums.middle / 2);
}

struct bb_value bb_derive_mid_deviation(struct bb_derivation *d)
{
    struct halves sums;
    if (!split_cells(reading(d->view), &sums) || sums.lower + sums.upper <= 0) {
        return bb_value_invalid();
    }
    return bb_value_number(fabs(sums.upper - sums.lower) / (sums.lower + sums.upper) * 100);
}

struct bb_value bb_derive_cell_voltage(struct bb_derivation *d)
{
    const struct bb_battery *battery = reading(d->view);
    if (!battery || d->n > battery->cells_count || !battery->cells[d->n - 1].voltage.present) {
        return bb_value_invalid();
    }
    return bb_value_number(battery->cells[d->n - 1].voltage.value);
}

/* A cell whose BMS does not tell is shown as not balancing. */
struct bb_value bb_derive_cell_balance(struct bb_derivation *d)
{
    const struct bb_battery *battery = reading(d->view);
    if (!battery || d->n > battery->cells_count) {
        return bb_value_invalid();
    }
    const struct bb_flag *balance = &battery->cells[d->n - 1].balance;
    return bb_value_number(balance->present && balance->value);
}

/* True when word stands in a comma separated list. */
static bool has_word(const char *list, const char *word)
{
    size_t size = strlen(word);
    for (const char *at = list; *at;) {
        at += strspn(at, ", ");
        size_t length = strcspn(at, ",");
        if (length == size && strncmp(at, word, size) == 0) {
            return true;
        }
        at += length;
    }
    return false;
}

struct bb_value bb_derive_balancing(struct bb_derivation *d)
{
    const struct bb_battery *battery = reading(d->view);
    if (bb_view_measured(d->view) && has_word(d->view->of->charge.flags, "balancing")) {
        return bb_value_number(1);
    }
    for (size_t i = 0; battery && i < battery->cells_count; i++) {
        if (battery->cells[i].balance.present && battery->cells[i].balance.value) {
            return bb_value_number(1);
        }
    }
    return battery || bb_view_measured(d->view) ? bb_value_number(0) : bb_value_invalid();
}

struct bb_value bb_derive_heating(struct bb_derivation *d)
{
    const struct bb_battery *battery = reading(d->view);
    if (bb_view_measured(d->view) && has_word(d->view->of->charge.flags, "heating")) {
        return bb_value_number(1);
    }
    return battery && battery->heating.present ? bb_value_number(battery->heating.value)
                                               : bb_value_invalid();
}

/* In steps of a minute, so that a battery at rest causes no signals. */
struct bb_value bb_derive_since_full(struct bb_derivation *d)
{
    const struct bb_battery *battery = reading(d->view);
    if (!battery || !battery->history.timestamp_last_full_charge.present) {
        return bb_value_invalid();
    }
    int64_t seconds = d->view->wall_ms / 1000 - battery->history.timestamp_last_full_charge.value;
    return bb_value_number(seconds > 0 ? (double)(seconds - seconds % 60) : 0);
}

/* --- Modules and cells --- */

struct bb_value bb_derive_cell_count(struct bb_derivation *d)
{
    return bb_value_number((double)d->view->of->cell_count);
}

static double members(const struct bb_snapshot *of)
{
    return of->bank && of->charge.members_count > 0 ? of->charge.members_count : 1;
}

struct bb_value bb_derive_member_count(struct bb_derivation *d)
{
    return bb_value_number(members(d->view->of));
}

/* A count the decision brings, else what can be said without it. */
static struct bb_value module_count(const struct bb_view *view, struct bb_integer count, bool all)
{
    if (view->decided && count.present) {
        return bb_value_number((double)count.value);
    }
    return bb_value_number(all ? members(view->of) : 0);
}

/* Without a word of the decision: is the battery there? A bank is not, without a decision. */
static bool is_online(const struct bb_view *view)
{
    return view->decided ? !view->lost : view->reading;
}

struct bb_value bb_derive_modules_online(struct bb_derivation *d)
{
    return module_count(d->view, d->view->of->charge.modules_online, is_online(d->view));
}

struct bb_value bb_derive_modules_offline(struct bb_derivation *d)
{
    return module_count(d->view, d->view->of->charge.modules_offline, !is_online(d->view));
}

struct bb_value bb_derive_blocking_charge(struct bb_derivation *d)
{
    return module_count(d->view, d->view->of->charge.modules_blocking_charge,
                        !d->view->allow_charge);
}

struct bb_value bb_derive_blocking_discharge(struct bb_derivation *d)
{
    return module_count(d->view, d->view->of->charge.modules_blocking_discharge,
                        !d->view->allow_discharge);
}

struct bb_value bb_derive_temperature_name(struct bb_derivation *d)
{
    (void)snprintf(d->text, sizeof d->text, "Temp %u", d->n);
    return bb_value_text(d->text);
}

/* --- Constants --- */

struct bb_value bb_derive_zero(struct bb_derivation *d)
{
    (void)d;
    return bb_value_number(0);
}

struct bb_value bb_derive_one(struct bb_derivation *d)
{
    (void)d;
    return bb_value_number(1);
}
