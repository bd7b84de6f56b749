#include "services/dbus/paths.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Which services have a path. */
enum presence {
    ON_BATTERY = 1,
    ON_BANK = 2,
    ON_ALL = ON_BATTERY | ON_BANK,
    ON_CELL = 4,    /* of a battery, once per cell: the path ends before its number */
    ON_MIDPOINT = 8 /* of a battery, where the owner asks for it */
};

/* How long the value of a field counts. */
enum life {
    MEASURED, /* invalid when the battery is lost */
    DECIDED,  /* of the decision, whatever the link: invalid when that is too old */
    LASTING   /* a property of the battery: stays */
};

/* A field of the decision or of the reading. */
struct source {
    bool named;
    enum bb_kind kind;
    size_t offset;
};

/* A value comes from derive, else from the decision's field, else from the reading's: without a
 * decision that counts when the row names both. */
struct row {
    struct bb_item_spec spec;
    unsigned presence;
    enum life life;
    struct source charge, battery;
    bool negative; /* shown as zero or below */
    bb_derive_fn *derive;
    unsigned n; /* for derive */
};

/* The kind of a message member, from its C type. */
#define KIND_OF(type, member)                                                                      \
    _Generic(((const type *)NULL)->member, struct bb_real                                          \
             : BB_REAL, struct bb_integer                                                          \
             : BB_INTEGER, struct bb_flag                                                          \
             : BB_FLAG, default                                                                    \
             : BB_TEXT)
#define FIELD(type, member)                                                                        \
    {                                                                                              \
        .named = true, .kind = KIND_OF(type, member), .offset = offsetof(type, member)             \
    }
#define CHARGE(member) .charge = FIELD(struct bb_charge, member)
#define BATTERY(member) .battery = FIELD(struct bb_battery, member)
#define BOTH(member) CHARGE(member), BATTERY(member)
#define ALARM(member) CHARGE(alarms.member), BATTERY(protection.member), .life = DECIDED
#define HISTORY(member) BATTERY(history.member)
#define DERIVE(function) .derive = bb_derive_##function

/* Reals: rounded to decimals; shown with a unit and shown digits, or as short as possible. */
#define FIXED(where, decimals, shown, unit)                                                        \
    {                                                                                              \
        where, BB_ITEM_REAL, BB_FORMAT_FIXED, decimals, shown, unit, false, false                  \
    }
#define PLAIN(where, decimals)                                                                     \
    {                                                                                              \
        where, BB_ITEM_REAL, BB_FORMAT_SHORTEST, decimals, 0, "", false, false                     \
    }
#define VOLTS(where) FIXED(where, 2, 2, "V")
#define CELL_VOLTS(where) FIXED(where, 3, 3, "V")
#define AMPERES(where, decimals) FIXED(where, decimals, 2, "A")
#define DEGREES(where) PLAIN(where, 1)
#define OTHER(where, type, format, required, writable)                                             \
    {                                                                                              \
        where, type, format, 0, 0, "", required, writable                                          \
    }
#define COUNT(where) OTHER(where, BB_ITEM_INTEGER, BB_FORMAT_SHORTEST, false, false)
#define TEXT(where) OTHER(where, BB_ITEM_TEXT, BB_FORMAT_SHORTEST, false, false)
/* Never invalid. */
#define MUST_COUNT(where) OTHER(where, BB_ITEM_INTEGER, BB_FORMAT_SHORTEST, true, false)
#define MUST_HEX(where) OTHER(where, BB_ITEM_INTEGER, BB_FORMAT_HEX, true, false)
#define MUST_TEXT(where) OTHER(where, BB_ITEM_TEXT, BB_FORMAT_SHORTEST, true, false)
#define WRITABLE_TEXT(where) OTHER(where, BB_ITEM_TEXT, BB_FORMAT_SHORTEST, true, true)

static const struct row rows[] = {
    /* Identity and management */
    {MUST_TEXT("/Mgmt/ProcessName"), ON_ALL, DERIVE(process_name)},
    {MUST_TEXT("/Mgmt/ProcessVersion"), ON_ALL, DERIVE(version)},
    {MUST_TEXT("/Mgmt/Connection"), ON_ALL, DERIVE(connection)},
    {MUST_COUNT("/Mgmt/InsecureConnection"), ON_BATTERY, DERIVE(insecure)},
    {MUST_COUNT("/DeviceInstance"), ON_ALL, DERIVE(instance)},
    {MUST_HEX("/ProductId"), ON_ALL, DERIVE(product_id)},
    {MUST_TEXT("/ProductName"), ON_ALL, DERIVE(product_name)},
    {WRITABLE_TEXT("/CustomName"), ON_ALL, DERIVE(custom_name)},
    {MUST_TEXT("/FirmwareVersion"), ON_ALL, DERIVE(version)},
    {TEXT("/HardwareVersion"), ON_ALL, BATTERY(hardware_version), .life = LASTING},
    {MUST_COUNT("/Connected"), ON_ALL, DERIVE(one)},
    {MUST_TEXT("/Serial"), ON_ALL, DERIVE(serial)},
    {TEXT("/DeviceName"), ON_BATTERY, BATTERY(custom_field), .life = LASTING},
    {TEXT("/Manufacturer"), ON_BATTERY, BATTERY(device.driver), .life = LASTING},
    {TEXT("/Family"), ON_BATTERY, BATTERY(hardware_version), .life = LASTING},

    /* State */
    {MUST_COUNT("/State"), ON_ALL, DERIVE(state)},
    {MUST_COUNT("/Mode"), ON_ALL, DERIVE(mode)},
    {MUST_COUNT("/DeviceState"), ON_ALL, DERIVE(device_state)},
    {MUST_COUNT("/ErrorCode"), ON_ALL, DERIVE(zero)},
    {MUST_TEXT("/ConnectionInformation"), ON_ALL, DERIVE(connection_information)},
    {MUST_COUNT("/Settings/HasTemperature"), ON_ALL, DERIVE(one)},

    /* Charge control */
    {VOLTS("/Info/MaxChargeVoltage"), ON_ALL, DERIVE(cvl)},
    {AMPERES("/Info/MaxChargeCurrent", 3), ON_ALL, DERIVE(ccl)},
    {AMPERES("/Info/MaxDischargeCurrent", 3), ON_ALL, DERIVE(dcl)},
    {FIXED("/Info/MaxChargeCellVoltage", 3, 2, "V"), ON_ALL, DERIVE(max_cell_voltage)},
    {PLAIN("/Info/BatteryLowVoltage", 2), ON_ALL, CHARGE(battery_low_voltage), .life = LASTING},
    {TEXT("/Info/ChargeMode"), ON_ALL, DERIVE(charge_mode)},
    {TEXT("/Info/ChargeModeDebug"), ON_ALL, CHARGE(cvl_reason), .life = DECIDED},
    {TEXT("/Info/ChargeLimitation"), ON_ALL, DERIVE(charge_limitation)},
    {TEXT("/Info/DischargeLimitation"), ON_ALL, DERIVE(discharge_limitation)},
    {PLAIN("/Info/HeatingCurrent", 3), ON_BATTERY, BATTERY(heater_current)},
    {PLAIN("/Info/HeatingPower", 2), ON_BATTERY, BATTERY(heater_power)},
    {DEGREES("/Info/HeatingTemperatureStart"), ON_BATTERY, BATTERY(heater_temperature_start)},
    {DEGREES("/Info/HeatingTemperatureStop"), ON_BATTERY, BATTERY(heater_temperature_stop)},
    {MUST_COUNT("/Io/AllowToCharge"), ON_ALL, DERIVE(allow_charge)},
    {MUST_COUNT("/Io/AllowToDischarge"), ON_ALL, DERIVE(allow_discharge)},
    {COUNT("/Io/AllowToBalance"), ON_ALL, CHARGE(allow_balance), BATTERY(balance_fet)},
    {COUNT("/Io/AllowToHeat"), ON_ALL, CHARGE(allow_heat), BATTERY(heater_fet)},

    /* Measurements */
    {VOLTS("/Dc/0/Voltage"), ON_ALL, BOTH(voltage)},
    {AMPERES("/Dc/0/Current", 2), ON_ALL, BOTH(current)},
    {FIXED("/Dc/0/Power", 2, 0, "W"), ON_ALL, DERIVE(power)},
    {DEGREES("/Dc/0/Temperature"), ON_ALL, CHARGE(temperature)},
    {VOLTS("/Dc/0/MidVoltage"), ON_MIDPOINT, DERIVE(mid_voltage)},
    {FIXED("/Dc/0/MidVoltageDeviation", 1, 1, "%"), ON_MIDPOINT, DERIVE(mid_deviation)},
    {AMPERES("/CurrentAvg", 2), ON_ALL, CHARGE(current_avg)},
    {PLAIN("/Soc", 2), ON_ALL, BOTH(soc)},
    {PLAIN("/SocBms", 2), ON_BATTERY, BATTERY(soc)},
    {PLAIN("/Soh", 2), ON_ALL, BOTH(soh)},
    {FIXED("/Capacity", 2, 2, "Ah"), ON_ALL, BOTH(capacity_remain)},
    {FIXED("/CapacityBms", 2, 2, "Ah"), ON_BATTERY, BATTERY(capacity_remain)},
    {FIXED("/InstalledCapacity", 2, 0, "Ah"), ON_ALL, BOTH(capacity), .life = LASTING},
    {FIXED("/ConsumedAmphours", 2, 0, "Ah"), ON_ALL, CHARGE(consumed), .negative = true},
    {FIXED("/ConsumedAmphoursBms", 2, 0, "Ah"), ON_BATTERY, DERIVE(consumed_bms)},
    {COUNT("/TimeToGo"), ON_ALL, CHARGE(time_to_go)},

    /* Modules and cells */
    {MUST_COUNT("/System/NrOfCellsPerBattery"), ON_ALL, DERIVE(cell_count)},
    {MUST_COUNT("/System/NrOfBatteries"), ON_BANK, DERIVE(member_count)},
    {MUST_COUNT("/System/BatteriesParallel"), ON_BANK, DERIVE(member_count)},
    {MUST_COUNT("/System/BatteriesSeries"), ON_BANK, DERIVE(one)},
    {MUST_COUNT("/System/NrOfModulesOnline"), ON_ALL, DERIVE(modules_online)},
    {MUST_COUNT("/System/NrOfModulesOffline"), ON_ALL, DERIVE(modules_offline)},
    {MUST_COUNT("/System/NrOfModulesBlockingCharge"), ON_ALL, DERIVE(blocking_charge)},
    {MUST_COUNT("/System/NrOfModulesBlockingDischarge"), ON_ALL, DERIVE(blocking_discharge)},
    {CELL_VOLTS("/System/MinCellVoltage"), ON_ALL, CHARGE(min_cell_voltage)},
    {TEXT("/System/MinVoltageCellId"), ON_ALL, CHARGE(min_cell_id)},
    {CELL_VOLTS("/System/MaxCellVoltage"), ON_ALL, CHARGE(max_cell_voltage)},
    {TEXT("/System/MaxVoltageCellId"), ON_ALL, CHARGE(max_cell_id)},
    {DEGREES("/System/MinCellTemperature"), ON_ALL, CHARGE(min_temperature)},
    {TEXT("/System/MinTemperatureCellId"), ON_ALL, CHARGE(min_temperature_id)},
    {DEGREES("/System/MaxCellTemperature"), ON_ALL, CHARGE(max_temperature)},
    {TEXT("/System/MaxTemperatureCellId"), ON_ALL, CHARGE(max_temperature_id)},
    {DEGREES("/System/MOSTemperature"), ON_BATTERY, BATTERY(temperature_mos)},
    {DEGREES("/System/Temperature1"), ON_BATTERY, BATTERY(temperature_1)},
    {DEGREES("/System/Temperature2"), ON_BATTERY, BATTERY(temperature_2)},
    {DEGREES("/System/Temperature3"), ON_BATTERY, BATTERY(temperature_3)},
    {DEGREES("/System/Temperature4"), ON_BATTERY, BATTERY(temperature_4)},
    {TEXT("/System/Temperature1Name"), ON_BATTERY, DERIVE(temperature_name), .n = 1},
    {TEXT("/System/Temperature2Name"), ON_BATTERY, DERIVE(temperature_name), .n = 2},
    {TEXT("/System/Temperature3Name"), ON_BATTERY, DERIVE(temperature_name), .n = 3},
    {TEXT("/System/Temperature4Name"), ON_BATTERY, DERIVE(temperature_name), .n = 4},
    {CELL_VOLTS("/Voltages/Cell"), ON_CELL, DERIVE(cell_voltage)},
    {VOLTS("/Voltages/Sum"), ON_ALL, CHARGE(cell_sum)},
    {CELL_VOLTS("/Voltages/Diff"), ON_ALL, CHARGE(cell_diff)},
    {COUNT("/Balances/Cell"), ON_CELL, DERIVE(cell_balance)},
    {COUNT("/Balancing"), ON_ALL, DERIVE(balancing)},
    {COUNT("/Heating"), ON_ALL, DERIVE(heating)},

    /* Alarms */
    {COUNT("/Alarms/LowVoltage"), ON_ALL, ALARM(low_voltage)},
    {COUNT("/Alarms/HighVoltage"), ON_ALL, ALARM(high_voltage)},
    {COUNT("/Alarms/LowCellVoltage"), ON_ALL, ALARM(low_cell_voltage)},
    {COUNT("/Alarms/HighCellVoltage"), ON_ALL, ALARM(high_cell_voltage)},
    {COUNT("/Alarms/LowSoc"), ON_ALL, ALARM(low_soc)},
    {COUNT("/Alarms/HighChargeCurrent"), ON_ALL, ALARM(high_charge_current)},
    {COUNT("/Alarms/HighDischargeCurrent"), ON_ALL, ALARM(high_discharge_current)},
    {COUNT("/Alarms/CellImbalance"), ON_ALL, ALARM(cell_imbalance)},
    {COUNT("/Alarms/InternalFailure"), ON_ALL, ALARM(internal_failure)},
    {COUNT("/Alarms/HighChargeTemperature"), ON_ALL, ALARM(high_charge_temperature)},
    {COUNT("/Alarms/LowChargeTemperature"), ON_ALL, ALARM(low_charge_temperature)},
    {COUNT("/Alarms/HighTemperature"), ON_ALL, ALARM(high_temperature)},
    {COUNT("/Alarms/LowTemperature"), ON_ALL, ALARM(low_temperature)},
    {COUNT("/Alarms/HighInternalTemperature"), ON_ALL, ALARM(high_internal_temperature)},
    {COUNT("/Alarms/FuseBlown"), ON_ALL, ALARM(fuse_blown)},
    {MUST_COUNT("/Alarms/BmsCable"), ON_ALL, DERIVE(bms_cable)},

    /* History, as far as the BMS keeps one */
    {PLAIN("/History/DeepestDischarge", 2), ON_BATTERY, HISTORY(deepest_discharge),
     .negative = true},
    {PLAIN("/History/LastDischarge", 2), ON_BATTERY, HISTORY(last_discharge), .negative = true},
    {PLAIN("/History/AverageDischarge", 2), ON_BATTERY, HISTORY(average_discharge),
     .negative = true},
    {PLAIN("/History/TotalAhDrawn", 2), ON_BATTERY, HISTORY(total_ah_drawn), .negative = true},
    {COUNT("/History/ChargeCycles"), ON_BATTERY, HISTORY(charge_cycles)},
    {COUNT("/History/FullDischarges"), ON_BATTERY, HISTORY(full_discharges)},
    {PLAIN("/History/MinimumVoltage", 2), ON_BATTERY, HISTORY(minimum_voltage)},
    {PLAIN("/History/MaximumVoltage", 2), ON_BATTERY, HISTORY(maximum_voltage)},
    {PLAIN("/History/MinimumCellVoltage", 3), ON_BATTERY, HISTORY(minimum_cell_voltage)},
    {PLAIN("/History/MaximumCellVoltage", 3), ON_BATTERY, HISTORY(maximum_cell_voltage)},
    {COUNT("/History/TimeSinceLastFullCharge"), ON_BATTERY, DERIVE(since_full)},
    {COUNT("/History/LowVoltageAlarms"), ON_BATTERY, HISTORY(low_voltage_alarms)},
    {COUNT("/History/HighVoltageAlarms"), ON_BATTERY, HISTORY(high_voltage_alarms)},
    {DEGREES("/History/MinimumTemperature"), ON_BATTERY, HISTORY(minimum_temperature)},
    {DEGREES("/History/MaximumTemperature"), ON_BATTERY, HISTORY(maximum_temperature)},
    {PLAIN("/History/DischargedEnergy", 3), ON_BATTERY, HISTORY(discharged_energy)},
    {PLAIN("/History/ChargedEnergy", 3), ON_BATTERY, HISTORY(charged_energy)},
    {MUST_COUNT("/History/CanBeCleared"), ON_BATTERY, DERIVE(zero)},
};

/* A leaf and the row it takes its value from. */
struct leaf {
    const struct row *row;
    size_t index;
    unsigned n;
};

#define LEAVES_MAX (COUNT_OF(rows) + 2 * (size_t)BB_CELLS_MAX)

struct bb_paths {
    struct bb_items *items;
    bool bank;
    unsigned cells; /* that have their leaves */
    size_t count;
    struct leaf leaf[LEAVES_MAX];
};

static int add_leaf(struct bb_paths *paths, const struct row *row, const char *path, unsigned n)
{
    int index = bb_items_add(paths->items, path, &row->spec);
    if (index < 0) {
        return index;
    }
    paths->leaf[paths->count++] = (struct leaf){row, (size_t)index, n};
    return BB_OK;
}

/* Adds the leaves of cells that have none yet. */
static int add_cells(struct bb_paths *paths, int64_t cell_count)
{
    unsigned cells = cell_count > BB_CELLS_MAX ? BB_CELLS_MAX : (unsigned)cell_count;
    for (; !paths->bank && paths->cells < cells; paths->cells++) {
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
            if (rows[i].presence != ON_CELL) {
                continue;
            }
            char path[BB_ITEM_PATH_MAX];
            unsigned n = paths->cells + 1;
            (void)snprintf(path, sizeof path, "%s%u", rows[i].spec.path, n);
            int error = add_leaf(paths, &rows[i], path, n);
            if (error < 0) {
                return error;
            }
        }
    }
    return BB_OK;
}

int bb_paths_new(struct bb_items *items, const struct bb_snapshot *snapshot, bool midpoint,
                 struct bb_paths **ret_paths)
{
    unsigned wanted = snapshot->bank ? ON_BANK : ON_BATTERY;
    if (midpoint && !snapshot->bank) {
        wanted |= ON_MIDPOINT;
    }
    struct bb_paths *paths = calloc(1, sizeof *paths);
    if (!paths) {
        return BB_ERR_NO_MEMORY;
    }
    paths->items = items;
    paths->bank = snapshot->bank;
    int error = BB_OK;
    for (size_t i = 0; i < COUNT_OF(rows) && error == BB_OK; i++) {
        if ((rows[i].presence & wanted) != 0) {
            error = add_leaf(paths, &rows[i], rows[i].spec.path, rows[i].n);
        }
    }
    if (error == BB_OK) {
        error = add_cells(paths, snapshot->cell_count);
    }
    if (error != BB_OK) {
        bb_paths_destroy(&paths);
        return error;
    }
    *ret_paths = paths;
    return BB_OK;
}

void bb_paths_destroy(struct bb_paths **paths)
{
    if (paths) {
        free(*paths);
        *paths = NULL;
    }
}

/* The value of a message member; invalid when it is absent. */
static struct bb_value read_source(const struct source *source, const void *message)
{
    const void *member = (const char *)message + source->offset;
    switch (source->kind) {
    case BB_REAL: {
        const struct bb_real *real = member;
        return real->present ? bb_value_number(real->value) : bb_value_invalid();
    }
    case BB_INTEGER: {
        const struct bb_integer *integer = member;
        return integer->present ? bb_value_number((double)integer->value) : bb_value_invalid();
    }
    case BB_FLAG: {
        const struct bb_flag *flag = member;
        return flag->present ? bb_value_number(flag->value) : bb_value_invalid();
    }
    case BB_TEXT:
        return bb_value_text(*(const char *)member ? member : NULL);
    case BB_OBJECT:
    case BB_LIST:
        break;
    }
    return bb_value_invalid();
}

/* True when the decision's fields of that life may be shown. */
static bool decision_counts(const struct bb_view *view, enum life life)
{
    switch (life) {
    case MEASURED:
        return bb_view_measured(view);
    case DECIDED:
        return view->decided;
    case LASTING:
        return view->of->has_charge;
    }
    return false;
}

static bool reading_counts(const struct bb_view *view, enum life life)
{
    return life == LASTING ? view->of->has_battery : bb_view_reading(view);
}

/* The decision knows better than the reading: what it leaves out on purpose is not filled in
 * from the reading, unless the value never ages. */
static struct bb_value read_field(const struct row *row, const struct bb_view *view)
{
    if (row->charge.named && decision_counts(view, row->life)) {
        struct bb_value value = read_source(&row->charge, &view->of->charge);
        if (value.valid || row->life != LASTING) {
            return value;
        }
    }
    if (row->battery.named && reading_counts(view, row->life)) {
        return read_source(&row->battery, &view->of->battery);
    }
    return bb_value_invalid();
}

int bb_paths_update(struct bb_paths *paths, const struct bb_view *view,
                    const struct bb_identity *identity)
{
    int error = add_cells(paths, view->of->cell_count);
    struct bb_derivation derivation = {.view = view, .identity = identity};
    for (size_t i = 0; i < paths->count; i++) {
        const struct leaf *leaf = &paths->leaf[i];
        struct bb_value value;
        if (leaf->row->derive) {
            derivation.n = leaf->n;
            value = leaf->row->derive(&derivation);
        } else {
            value = read_field(leaf->row, view);
        }
        if (leaf->row->negative && value.valid) {
            value.number = -fabs(value.number);
        }
        (void)bb_items_set(paths->items, leaf->index, value);
    }
    return error;
}
