#include "services/aggregator/charge_config.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "services/aggregator/text.h"

#define MS_PER_S 1000
#define MS_PER_MIN 60000
#define MS_PER_HOUR 3600000.0

static double real(const struct bb_config *config, const char *option)
{
    return bb_config_real(config, "charge", "", option);
}

static int64_t whole(const struct bb_config *config, const char *option)
{
    return bb_config_integer(config, "charge", "", option);
}

static bool on(const struct bb_config *config, const char *option)
{
    return bb_config_switch(config, "charge", "", option);
}

/* The section's check has refused lists that make no curve. */
static void read_curve(const struct bb_config *config, const char *points, const char *fractions,
                       struct bb_curve *ret_curve)
{
    double x[BB_CURVE_POINTS_MAX];
    double y[BB_CURVE_POINTS_MAX];
    size_t x_count = bb_config_reals(config, "charge", "", points, x, BB_CURVE_POINTS_MAX);
    size_t y_count = bb_config_reals(config, "charge", "", fractions, y, BB_CURVE_POINTS_MAX);
    int error = bb_curve_make(x, x_count, y, y_count, ret_curve, NULL);
    assert(error == BB_OK);
    (void)error;
}

static void read_charging(const struct bb_config *config, struct bb_current_config *current)
{
    *current = (struct bb_current_config){
        .max_a = real(config, "max_battery_charge_current"),
        .use_cell = on(config, "cccm_cv_enable"),
        .use_temperature = on(config, "cccm_t_enable"),
        .use_mosfet = on(config, "cccm_t_mosfet_enable"),
        .use_soc = on(config, "cccm_soc_enable"),
        .threshold = real(config, "charge_current_recovery_threshold_percent"),
        .hold_ms = whole(config, "ccl_recovery_hold_sec") * MS_PER_S,
        .rate_a_per_s = real(config, "ccl_recovery_rate_a_per_sec"),
    };
    read_curve(config, "cell_voltages_while_charging", "max_charge_current_cv_fraction",
               &current->cell);
    read_curve(config, "temperatures_while_charging", "max_charge_current_t_fraction",
               &current->temperature);
    read_curve(config, "mosfet_temperatures_while_charging", "max_charge_current_t_mosfet_fraction",
               &current->mosfet);
    read_curve(config, "soc_while_charging", "max_charge_current_soc_fraction", &current->soc);
}

static void read_discharging(const struct bb_config *config, struct bb_current_config *current)
{
    *current = (struct bb_current_config){
        .max_a = real(config, "max_battery_discharge_current"),
        .use_cell = on(config, "dccm_cv_enable"),
        .use_temperature = on(config, "dccm_t_enable"),
        .use_mosfet = on(config, "dccm_t_mosfet_enable"),
        .use_soc = on(config, "dccm_soc_enable"),
        .threshold = real(config, "discharge_current_recovery_threshold_percent"),
        .hold_ms = whole(config, "dcl_recovery_hold_sec") * MS_PER_S,
        .rate_a_per_s = real(config, "dcl_recovery_rate_a_per_sec"),
    };
    read_curve(config, "cell_voltages_while_discharging", "max_discharge_current_cv_fraction",
               &current->cell);
    read_curve(config, "temperatures_while_discharging", "max_discharge_current_t_fraction",
               &current->temperature);
    read_curve(config, "mosfet_temperatures_while_discharging",
               "max_discharge_current_t_mosfet_fraction", &current->mosfet);
    read_curve(config, "soc_while_discharging", "max_discharge_current_soc_fraction",
               &current->soc);
}

static void read_sensors(const struct bb_config *config, struct bb_charge_config *charge)
{
    static const char *const names[BB_SENSORS] = {"temperature_1_name", "temperature_2_name",
                                                  "temperature_3_name", "temperature_4_name"};
    static const char *const adjusts[BB_SENSORS] = {"temperature_1_adjust", "temperature_2_adjust",
                                                    "temperature_3_adjust", "temperature_4_adjust"};
    int64_t used[BB_SENSORS];
    size_t count =
        bb_config_integers(config, "charge", "", "temperature_source_battery", used, BB_SENSORS);
    for (size_t i = 0; i < count && i < BB_SENSORS; i++) {
        charge->sensor_used[used[i] - 1] = true;
    }
    for (size_t i = 0; i < BB_SENSORS; i++) {
        double adjust[2] = {0.0, 1.0};
        (void)bb_config_reals(config, "charge", "", adjusts[i], adjust, 2);
        charge->sensor_offset[i] = adjust[0];
        charge->sensor_slope[i] = adjust[1];
        bb_text_append(charge->sensor_name[i], sizeof charge->sensor_name[i],
                       bb_config_text(config, "charge", "", names[i]));
    }
    double adjust[2] = {0.0, 1.0};
    (void)bb_config_reals(config, "charge", "", "temperature_mos_adjust", adjust, 2);
    charge->mosfet_offset = adjust[0];
    charge->mosfet_slope = adjust[1];
}

static void read_voltage_control(const struct bb_config *config, struct bb_charge_config *charge)
{
    charge->cvl_enabled = on(config, "cvcm_enable");
    charge->absorption_ms = whole(config, "switch_to_float_wait_for_sec") * MS_PER_S;
    charge->absorption_most_ms =
        (int64_t)(real(config, "switch_to_float_after_hours") * MS_PER_HOUR);
    charge->float_diff_v = real(config, "switch_to_float_cell_voltage_diff");
    charge->float_deviation_v = real(config, "switch_to_float_cell_voltage_deviation");
    charge->bulk_soc = (double)whole(config, "switch_to_bulk_soc_threshold");
    charge->bulk_diff_v = real(config, "switch_to_bulk_cell_voltage_diff");
    charge->controller = (enum bb_cvl_controller)whole(config, "cvl_controller_mode");
    charge->integrating_factor = real(config, "cvl_icontroller_factor");
    charge->cvl_hold_ms = whole(config, "cvl_recovery_hold_sec") * MS_PER_S;
    charge->cvl_rate_v_per_s = real(config, "cvl_recovery_rate_v_per_sec");
    charge->voltage_drop_v = real(config, "voltage_drop");
}

static void read_disconnect(const struct bb_config *config, struct bb_charge_config *charge)
{
    charge->block_on_alarm = on(config, "block_on_alarm");
    charge->block_on_disconnect = on(config, "block_on_disconnect");
    charge->block_timeout_ms = whole(config, "block_on_disconnect_timeout_minutes") * MS_PER_MIN;
    charge->window_min_v = real(config, "block_on_disconnect_voltage_min");
    charge->window_max_v = real(config, "block_on_disconnect_voltage_max");
    charge->cable_alarm = on(config, "bms_cable_alarm");
}

static void override(const struct bb_config *config, const char *id, const char *option,
                     double *value)
{
    if (bb_config_is_set(config, "battery", id, option)) {
        *value = bb_config_real(config, "battery", id, option);
    }
}

void bb_charge_config_read(const struct bb_config *config, const char *battery_id,
                           struct bb_charge_config *ret_config)
{
    struct bb_charge_config charge = {
        .min_cell_v = real(config, "min_cell_voltage"),
        .max_cell_v = real(config, "max_cell_voltage"),
        .float_cell_v = real(config, "float_cell_voltage"),
        .step_mode = whole(config, "charge_mode") == 2,
        .capacity_ah = real(config, "battery_capacity"),
    };
    read_voltage_control(config, &charge);
    read_charging(config, &charge.current[BB_CHARGING]);
    read_discharging(config, &charge.current[BB_DISCHARGING]);
    read_sensors(config, &charge);
    read_disconnect(config, &charge);
    override(config, battery_id, "max_battery_charge_current", &charge.current[BB_CHARGING].max_a);
    override(config, battery_id, "max_battery_discharge_current",
             &charge.current[BB_DISCHARGING].max_a);
    override(config, battery_id, "battery_capacity", &charge.capacity_ah);
    charge.sensorless = bb_config_switch(config, "battery", battery_id, "sensorless");
    bb_text_append(charge.name, sizeof charge.name,
                   bb_config_text(config, "battery", battery_id, "name"));
    *ret_config = charge;
}

static size_t read_ids(const struct bb_config *config, const char *bank, const char *option,
                       char (*ids)[BB_ID_MAX])
{
    size_t count = 0;
    while (count < BB_MEMBERS_MAX &&
           bb_config_word(config, "bank", bank, option, count, ids[count], BB_ID_MAX)) {
        count++;
    }
    return count;
}

static double cap(const struct bb_config *config, const char *bank, const char *option)
{
    return bb_config_is_set(config, "bank", bank, option)
               ? bb_config_real(config, "bank", bank, option)
               : INFINITY;
}

static void read_bank(const struct bb_config *config, const char *section, const char *id,
                      struct bb_bank_config *bank)
{
    struct bb_charge_config charge;
    bb_charge_config_read(config, "", &charge);
    *bank = (struct bb_bank_config){.voltage_drop_v = charge.voltage_drop_v,
                                    .cvl_hold_ms = charge.cvl_hold_ms,
                                    .cvl_rate_v_per_s = charge.cvl_rate_v_per_s};
    for (unsigned i = 0; i < BB_DIRECTIONS; i++) {
        bank->hold_ms[i] = charge.current[i].hold_ms;
        bank->rate_a_per_s[i] = charge.current[i].rate_a_per_s;
        bank->threshold[i] = charge.current[i].threshold;
    }
    bb_text_append(bank->id, sizeof bank->id, id);
    const char *name = bb_config_text(config, "bank", section, "name");
    bb_text_append(bank->name, sizeof bank->name, name[0] != '\0' ? name : id);
    bank->member_count = read_ids(config, section, "members", bank->members);
    bank->listed = bank->member_count > 0;
    bank->ignored_count = read_ids(config, section, "ignore_members", bank->ignored);
    bank->max_a[BB_CHARGING] = cap(config, section, "max_charge_current");
    bank->max_a[BB_DISCHARGING] = cap(config, section, "max_discharge_current");
    bank->missing_reduces =
        strcmp(bb_config_text(config, "bank", section, "missing_member"), "reduce") == 0;
}

size_t bb_bank_config_read(const struct bb_config *config, struct bb_bank_config *ret_banks)
{
    size_t count = bb_config_count(config, "bank");
    if (count == 0) {
        read_bank(config, "", BB_DEFAULT_BANK, &ret_banks[0]);
        return 1;
    }
    size_t known = 0;
    while (known < count && known < BB_BANKS_MAX) {
        const char *name = bb_config_name(config, "bank", known);
        read_bank(config, name, name, &ret_banks[known]);
        known++;
    }
    return known;
}
