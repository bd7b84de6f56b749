#include "common/options/options.h"

#include <string.h>

#define POINTS_MAX 16

#define REAL(NAME, FALLBACK, MIN, MAX, UNIT, MEANING)                                              \
    {                                                                                              \
        .name = (NAME), .type = BB_OPTION_REAL, .fallback = (FALLBACK), .min = (MIN),              \
        .max = (MAX), .unit = (UNIT), .meaning = (MEANING)                                         \
    }
#define WHOLE(NAME, FALLBACK, MIN, MAX, UNIT, MEANING)                                             \
    {                                                                                              \
        .name = (NAME), .type = BB_OPTION_INTEGER, .fallback = (FALLBACK), .min = (MIN),           \
        .max = (MAX), .unit = (UNIT), .meaning = (MEANING)                                         \
    }
#define SWITCH(NAME, FALLBACK, MEANING)                                                            \
    {                                                                                              \
        .name = (NAME), .type = BB_OPTION_SWITCH, .fallback = (FALLBACK), .meaning = (MEANING)     \
    }
#define LIST(NAME, FALLBACK, MIN, MAX, UNIT, MEANING)                                              \
    {                                                                                              \
        .name = (NAME), .type = BB_OPTION_REALS, .fallback = (FALLBACK), .min = (MIN),             \
        .max = (MAX), .unit = (UNIT), .meaning = (MEANING)                                         \
    }
#define NAMED(NAME, FALLBACK, MEANING)                                                             \
    {                                                                                              \
        .name = (NAME), .type = BB_OPTION_TEXT, .fallback = (FALLBACK), .meaning = (MEANING)       \
    }

static const struct bb_option options[] = {
    REAL("max_battery_charge_current", "50", 0, 2000, "A",
         "Most a battery is charged with; scale of every charge curve. Per battery, not for the "
         "bank."),
    REAL("max_battery_discharge_current", "60", 0, 2000, "A",
         "Most a battery is discharged with; scale of every discharge curve."),
    REAL("min_cell_voltage", "2.900", 1, 5, "V",
         "Lowest cell voltage the charge voltage limit and the low battery voltage are derived "
         "from. Not a cut-off."),
    REAL("max_cell_voltage", "3.450", 1, 5, "V",
         "Bulk and absorption voltage of a cell; above it the cell voltage controller acts."),
    REAL("float_cell_voltage", "3.375", 1, 5, "V", "Float voltage of a cell."),
    REAL("battery_capacity", "99", 1, 10000, "Ah",
         "Capacity of a battery whose BMS does not report one."),
    SWITCH("block_on_disconnect", "no",
           "Stop charging and discharging as soon as a battery is lost. Otherwise its last limits "
           "stay while its cells were inside the window below."),
    WHOLE("block_on_disconnect_timeout_minutes", "30", 1, 120, "min",
          "How long the last limits of a lost battery may stay."),
    REAL("block_on_disconnect_voltage_min", "3.225", 1, 5, "V",
         "Lower end of the cell voltages that are harmless while nobody looks."),
    REAL("block_on_disconnect_voltage_max", "3.375", 1, 5, "V", "Upper end of these voltages."),
    SWITCH("bms_cable_alarm", "yes", "Raise the BMS cable alarm for a lost battery."),
    SWITCH("block_on_alarm", "yes",
           "Stop charging or discharging while the BMS reports an alarm that forbids it."),
    SWITCH("cvcm_enable", "yes",
           "Control the charge voltage. If not, it is always the maximum: no float, no reduction "
           "for a high cell short of an emergency."),
    WHOLE("switch_to_float_wait_for_sec", "900", 0, 86400, "s", "Absorption time."),
    REAL("switch_to_float_cell_voltage_diff", "0.010", 0, 10, "V",
         "Largest difference between cells that lets absorption begin."),
    REAL("switch_to_float_cell_voltage_deviation", "0.003", 0, 10, "V",
         "A difference larger by this restarts the absorption time."),
    REAL("switch_to_float_after_hours", "8", 1, 168, "h",
         "A battery whose cells never come close goes to float after this long at full voltage "
         "and tries again the next day."),
    WHOLE("switch_to_bulk_soc_threshold", "80", 0, 100, "%", "Float ends below this SoC."),
    REAL("switch_to_bulk_cell_voltage_diff", "0.080", 0, 10, "V",
         "Float ends when cells at rest are this far apart for a minute."),
    WHOLE("cvl_controller_mode", "1", 0, 3, "",
          "What takes voltage back while a cell is above max_cell_voltage: 0 nothing, 1 cell sum "
          "without the excess, 2 integrating, 3 as 1 with 10 mV to spare (calmest)."),
    REAL("cvl_icontroller_factor", "0.2", 0, 10, "V/Vs", "Gain of controller 2."),
    WHOLE("cvl_recovery_hold_sec", "60", 0, 3600, "s",
          "Time without a high cell before the charge voltage rises again."),
    REAL("cvl_recovery_rate_v_per_sec", "0.001", 0, 10, "V/s",
         "How fast it rises then; 0: at once."),
    REAL("voltage_drop", "0", 0, 1, "V",
         "Voltage lost between charger and battery, added to the published charge voltage."),
    WHOLE("charge_mode", "1", 1, 2, "", "Between two points of a curve: 1 linear, 2 in steps."),
    SWITCH("cccm_cv_enable", "yes", "Limit the charge current by the highest cell voltage."),
    LIST("cell_voltages_while_charging", "3.500, 3.450, 3.425, 3.400, 3.375", 0, 5, "V",
         "Points of that curve."),
    LIST("max_charge_current_cv_fraction", "0.000, 0.005, 0.050, 0.250, 1.000", 0, 1, "",
         "Fraction of max_battery_charge_current at each point."),
    SWITCH("dccm_cv_enable", "yes", "Limit the discharge current by the lowest cell voltage."),
    LIST("cell_voltages_while_discharging", "2.800, 2.900, 3.000, 3.100, 3.190", 0, 5, "V",
         "Points of that curve."),
    LIST("max_discharge_current_cv_fraction", "0.000, 0.005, 0.050, 0.250, 1.000", 0, 1, "",
         "Fraction of max_battery_discharge_current at each point."),
    SWITCH("cccm_t_enable", "yes", "Limit the charge current by the cell temperatures."),
    LIST("temperatures_while_charging", "0, 2, 5, 10, 40, 45, 50, 55", -60, 150, "°C",
         "Points of that curve."),
    LIST("max_charge_current_t_fraction", "0.00, 0.25, 0.50, 1.00, 1.00, 0.50, 0.25, 0.00", 0, 1,
         "", "Fraction at each point."),
    SWITCH("dccm_t_enable", "yes", "Limit the discharge current by the cell temperatures."),
    LIST("temperatures_while_discharging", "-10, 0, 5, 10, 40, 45, 50, 55", -60, 150, "°C",
         "Points of that curve."),
    LIST("max_discharge_current_t_fraction", "0.00, 0.25, 0.50, 1.00, 1.00, 0.50, 0.25, 0.00", 0, 1,
         "", "Fraction at each point."),
    SWITCH("cccm_t_mosfet_enable", "yes", "Limit the charge current by the MOSFET temperature."),
    LIST("mosfet_temperatures_while_charging", "70, 80, 90", -60, 200, "°C",
         "Points of that curve."),
    LIST("max_charge_current_t_mosfet_fraction", "1.00, 0.25, 0.00", 0, 1, "",
         "Fraction at each point."),
    SWITCH("dccm_t_mosfet_enable", "yes", "Limit the discharge current by the MOSFET temperature."),
    LIST("mosfet_temperatures_while_discharging", "70, 80, 90", -60, 200, "°C",
         "Points of that curve."),
    LIST("max_discharge_current_t_mosfet_fraction", "1.00, 0.25, 0.00", 0, 1, "",
         "Fraction at each point."),
    SWITCH("cccm_soc_enable", "no", "Limit the charge current by the SoC."),
    LIST("soc_while_charging", "98, 95, 90, 85", 0, 100, "%", "Points of that curve."),
    LIST("max_charge_current_soc_fraction", "0.10, 0.20, 0.50, 1.00", 0, 1, "",
         "Fraction at each point."),
    SWITCH("dccm_soc_enable", "no", "Limit the discharge current by the SoC."),
    LIST("soc_while_discharging", "5, 10, 15, 20", 0, 100, "%", "Points of that curve."),
    LIST("max_discharge_current_soc_fraction", "0.10, 0.20, 0.50, 1.00", 0, 1, "",
         "Fraction at each point."),
    REAL("charge_current_recovery_threshold_percent", "0.015", 0, 1, "",
         "Charging that was stopped starts again only at or above this fraction of the maximum."),
    REAL("discharge_current_recovery_threshold_percent", "0.015", 0, 1, "",
         "The same for discharging."),
    WHOLE("ccl_recovery_hold_sec", "30", 0, 3600, "s",
          "A higher charge current must have been possible for this long before it is allowed."),
    WHOLE("dcl_recovery_hold_sec", "30", 0, 3600, "s", "The same for discharging."),
    REAL("ccl_recovery_rate_a_per_sec", "5", 0, 2000, "A/s",
         "How fast the charge current limit rises then; 0: at once."),
    REAL("dcl_recovery_rate_a_per_sec", "5", 0, 2000, "A/s", "The same for discharging."),
    {.name = "temperature_source_battery",
     .type = BB_OPTION_INTEGERS,
     .fallback = "1, 2, 3, 4",
     .min = 1,
     .max = 4,
     .meaning = "Cell temperature sensors that count."},
    NAMED("temperature_1_name", "Temp 1", "Name of the sensor."),
    NAMED("temperature_2_name", "Temp 2", "Name of the sensor."),
    NAMED("temperature_3_name", "Temp 3", "Name of the sensor."),
    NAMED("temperature_4_name", "Temp 4", "Name of the sensor."),
    LIST("temperature_1_adjust", "0, 1", -100, 100, "",
         "Offset in °C and slope: what counts is the reading times the slope plus the offset."),
    LIST("temperature_2_adjust", "0, 1", -100, 100, "", "Offset and slope."),
    LIST("temperature_3_adjust", "0, 1", -100, 100, "", "Offset and slope."),
    LIST("temperature_4_adjust", "0, 1", -100, 100, "", "Offset and slope."),
    LIST("temperature_mos_adjust", "0, 1", -100, 100, "", "Offset and slope."),
};

static const struct {
    const char *points, *fractions;
} curves[] = {
    {"cell_voltages_while_charging", "max_charge_current_cv_fraction"},
    {"cell_voltages_while_discharging", "max_discharge_current_cv_fraction"},
    {"temperatures_while_charging", "max_charge_current_t_fraction"},
    {"temperatures_while_discharging", "max_discharge_current_t_fraction"},
    {"mosfet_temperatures_while_charging", "max_charge_current_t_mosfet_fraction"},
    {"mosfet_temperatures_while_discharging", "max_discharge_current_t_mosfet_fraction"},
    {"soc_while_charging", "max_charge_current_soc_fraction"},
    {"soc_while_discharging", "max_discharge_current_soc_fraction"},
};

static const char *const adjustments[] = {"temperature_1_adjust", "temperature_2_adjust",
                                          "temperature_3_adjust", "temperature_4_adjust",
                                          "temperature_mos_adjust"};

static double real(const struct bb_config *config, const char *option)
{
    return bb_config_real(config, "charge", "", option);
}

static int check_voltages(const struct bb_config *config, struct bb_problem *problem)
{
    double min = real(config, "min_cell_voltage");
    double max = real(config, "max_cell_voltage");
    double float_v = real(config, "float_cell_voltage");
    double window_min = real(config, "block_on_disconnect_voltage_min");
    double window_max = real(config, "block_on_disconnect_voltage_max");
    if (min >= max) {
        return bb_fail(problem, BB_ERR_RANGE, "min_cell_voltage",
                       "must be below max_cell_voltage (%.3f V)", max);
    }
    if (float_v < min || float_v > max) {
        return bb_fail(problem, BB_ERR_RANGE, "float_cell_voltage",
                       "must be within min_cell_voltage and max_cell_voltage (%.3f to %.3f V)", min,
                       max);
    }
    if (window_min < min || window_max > max || window_min >= window_max) {
        return bb_fail(problem, BB_ERR_RANGE, "block_on_disconnect_voltage_min",
                       "the window must rise and lie within %.3f to %.3f V", min, max);
    }
    return BB_OK;
}

static bool rises_or_falls(const double *points, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (points[i] == points[i - 1] || (points[i] > points[i - 1]) != (points[1] > points[0])) {
            return false;
        }
    }
    return true;
}

static int check_curve(const struct bb_config *config, const char *points_option,
                       const char *fractions_option, struct bb_problem *problem)
{
    double points[POINTS_MAX];
    double fractions[POINTS_MAX];
    size_t count = bb_config_reals(config, "charge", "", points_option, points, POINTS_MAX);
    size_t fraction_count =
        bb_config_reals(config, "charge", "", fractions_option, fractions, POINTS_MAX);
    if (count < 2 || count > POINTS_MAX) {
        return bb_fail(problem, BB_ERR_RANGE, points_option, "needs 2 to %d points", POINTS_MAX);
    }
    if (count != fraction_count) {
        return bb_fail(problem, BB_ERR_RANGE, fractions_option, "%zu values for the %zu of %s",
                       fraction_count, count, points_option);
    }
    if (!rises_or_falls(points, count)) {
        return bb_fail(problem, BB_ERR_RANGE, points_option,
                       "must rise or fall strictly from first to last");
    }
    for (size_t i = 0; i < count; i++) {
        if (fractions[i] >= 1.0) {
            return BB_OK;
        }
    }
    return bb_fail(problem, BB_ERR_RANGE, fractions_option,
                   "never reaches 1: lower the maximum current instead");
}

/* The point of a cell curve at which the current is 0, or otherwise when there is none. */
static double zero_point(const struct bb_config *config, const char *points_option,
                         const char *fractions_option, bool highest, double otherwise)
{
    double points[POINTS_MAX];
    double fractions[POINTS_MAX];
    size_t count = bb_config_reals(config, "charge", "", points_option, points, POINTS_MAX);
    (void)bb_config_reals(config, "charge", "", fractions_option, fractions, POINTS_MAX);
    bool found = false;
    double zero = otherwise;
    for (size_t i = 0; i < count; i++) {
        if (fractions[i] <= 0.0 && (!found || (highest ? points[i] > zero : points[i] < zero))) {
            zero = points[i];
            found = true;
        }
    }
    return zero;
}

static int check_reach(const struct bb_config *config, struct bb_problem *problem)
{
    double max = real(config, "max_cell_voltage");
    double min = real(config, "min_cell_voltage");
    double full = zero_point(config, curves[0].points, curves[0].fractions, false, max);
    if (full < max) {
        return bb_fail(problem, BB_ERR_RANGE, curves[0].points,
                       "charging ends at %.3f V, below max_cell_voltage (%.3f V): no battery "
                       "would become full",
                       full, max);
    }
    double empty = zero_point(config, curves[1].points, curves[1].fractions, true, min);
    if (empty > min) {
        return bb_fail(problem, BB_ERR_RANGE, curves[1].points,
                       "discharging ends at %.3f V, above min_cell_voltage (%.3f V)", empty, min);
    }
    if (bb_config_integer(config, "charge", "", "switch_to_bulk_soc_threshold") <= 0 &&
        real(config, "switch_to_bulk_cell_voltage_diff") >= 0.101) {
        return bb_fail(problem, BB_ERR_RANGE, "switch_to_bulk_soc_threshold",
                       "float could never be left: neither SoC nor cell difference asks for bulk");
    }
    return BB_OK;
}

static int check_adjustments(const struct bb_config *config, struct bb_problem *problem)
{
    for (size_t i = 0; i < BB_COUNT_OF(adjustments); i++) {
        double values[2];
        if (bb_config_reals(config, "charge", "", adjustments[i], values, 2) != 2 ||
            values[1] <= 0.0) {
            return bb_fail(problem, BB_ERR_RANGE, adjustments[i],
                           "needs an offset and a slope above 0");
        }
    }
    return BB_OK;
}

static int check(const struct bb_config *config, const char *name, struct bb_problem *problem)
{
    (void)name;
    int error = check_voltages(config, problem);
    for (size_t i = 0; error == BB_OK && i < BB_COUNT_OF(curves); i++) {
        error = check_curve(config, curves[i].points, curves[i].fractions, problem);
    }
    error = error == BB_OK ? check_reach(config, problem) : error;
    return error == BB_OK ? check_adjustments(config, problem) : error;
}

const struct bb_section bb_section_charge = {
    .name = "charge",
    .named = false,
    .program = NULL,
    .always = false,
    .order = 0,
    .reads = NULL,
    .meaning = "Charge control of every battery.",
    .options = options,
    .option_count = BB_COUNT_OF(options),
    .check = check,
};
