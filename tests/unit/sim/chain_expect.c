#include "tests/unit/sim/chain_expect.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Half a unit of what a protocol sends, and a little for rounding. */
struct resolution {
    const char *driver;
    double voltage, current, soc, charge, temperature;
};

static const struct resolution resolutions[] = {
    {"jbd", 0.0051, 0.0051, 0.51, 0.0051, 0.051},
    {"daly", 0.051, 0.051, 0.051, 0.00051, 0.51},
    {"jk-pb", 0.00051, 0.00051, 0.51, 0.00051, 0.051},
};

static const struct resolution *resolution_of(const char *driver)
{
    for (size_t i = 0; i < sizeof resolutions / sizeof resolutions[0]; i++) {
        if (strcmp(resolutions[i].driver, driver) == 0) {
            return &resolutions[i];
        }
    }
    return NULL;
}

struct question {
    const struct resolution *resolution;
    const struct bb_sim_board *board;
    const struct bb_sim_pack *pack;
    const struct bb_battery *battery;
};

static bool near(struct bb_real value, double wanted, double tolerance)
{
    return !value.present || fabs(value.value - wanted) <= tolerance;
}

static bool is(struct bb_integer value, int64_t wanted)
{
    return !value.present || value.value == wanted;
}

static bool flag_is(struct bb_flag value, bool wanted)
{
    return !value.present || value.value == wanted;
}

static bool text_is(const char *text, const char *wanted)
{
    return text[0] == '\0' || strcmp(text, wanted) == 0;
}

static const char *voltage(const struct question *q)
{
    if (!near(q->battery->voltage, bb_sim_pack_voltage(q->pack), q->resolution->voltage)) {
        return "voltage";
    }
    return near(q->battery->current, q->pack->current_a, q->resolution->current) ? NULL : "current";
}

static const char *soc(const struct question *q)
{
    return near(q->battery->soc, bb_sim_pack_soc(q->pack), q->resolution->soc) ? NULL : "soc";
}

static const char *charge(const struct question *q)
{
    return near(q->battery->capacity_remain, q->pack->counted_ah, q->resolution->charge)
               ? NULL
               : "capacity_remain";
}

/* Cells first to last, counted from 0. */
static const char *cells_from_to(const struct question *q, unsigned first, unsigned last)
{
    for (unsigned i = first; i <= last && i < q->battery->cells_count; i++) {
        if (!near(q->battery->cells[i].voltage, bb_sim_pack_cell(q->pack, i), 0.00051)) {
            return "a cell's voltage";
        }
    }
    return NULL;
}

static const char *cells(const struct question *q)
{
    if (q->battery->cells_count != 0 && q->battery->cells_count != q->pack->setup.cell_count) {
        return "number of cells";
    }
    bool in_frames = strcmp(q->resolution->driver, "daly") == 0;
    return in_frames ? NULL : cells_from_to(q, 0, BB_SIM_CELLS_MAX - 1);
}

/* A Daly sends three cells in a frame, and what was lost comes with the next burst. */
static const char *cells_of_frame(const struct question *q, unsigned frame)
{
    return cells_from_to(q, 3 * frame, 3 * frame + 2);
}

static int64_t cell_mv(const struct bb_sim_pack *pack, unsigned index)
{
    return (int64_t)round(bb_sim_pack_cell(pack, index) * 1000);
}

/* JK: while its balancer works, the first highest and the first lowest cell. */
static uint32_t jk_balancing(const struct bb_sim_pack *pack)
{
    unsigned high = 0;
    unsigned low = 0;
    for (unsigned i = 1; i < pack->setup.cell_count; i++) {
        high = cell_mv(pack, i) > cell_mv(pack, high) ? i : high;
        low = cell_mv(pack, i) < cell_mv(pack, low) ? i : low;
    }
    return pack->balancing != 0 ? 1U << high | 1U << low : 0;
}

static const char *balancing(const struct question *q)
{
    bool is_jk = strcmp(q->resolution->driver, "jk-pb") == 0;
    uint32_t wanted = is_jk ? jk_balancing(q->pack) : q->pack->balancing;
    for (unsigned i = 0; i < q->battery->cells_count; i++) {
        if (!flag_is(q->battery->cells[i].balance, (wanted >> i & 1U) != 0)) {
            return "a cell's balancing";
        }
    }
    return NULL;
}

/* While a Daly's sensors are not answered, its lowest and highest temperature stand for the first
 * and the second. */
static bool are_extremes(const struct question *q)
{
    double lowest_c = bb_sim_pack_sensor(q->pack, 0);
    double highest_c = lowest_c;
    for (unsigned i = 1; i < q->pack->setup.sensor_count; i++) {
        lowest_c = fmin(lowest_c, bb_sim_pack_sensor(q->pack, i));
        highest_c = fmax(highest_c, bb_sim_pack_sensor(q->pack, i));
    }
    const struct bb_battery *battery = q->battery;
    return strcmp(q->resolution->driver, "daly") == 0 && !battery->temperature_3.present &&
           near(battery->temperature_1, lowest_c, q->resolution->temperature) &&
           near(battery->temperature_2, highest_c, q->resolution->temperature);
}

static const char *sensors(const struct question *q)
{
    const struct bb_real values[] = {q->battery->temperature_1, q->battery->temperature_2,
                                     q->battery->temperature_3, q->battery->temperature_4};
    for (unsigned i = 0; i < sizeof values / sizeof values[0]; i++) {
        bool fitted = i < q->pack->setup.sensor_count;
        if (values[i].present && !fitted) {
            return "a sensor that is not there";
        }
        if (fitted &&
            !near(values[i], bb_sim_pack_sensor(q->pack, i), q->resolution->temperature)) {
            return "a temperature";
        }
    }
    return NULL;
}

static const char *temperatures(const struct question *q)
{
    if (!near(q->battery->temperature_mos, q->pack->mos_c, q->resolution->temperature)) {
        return "temperature_mos";
    }
    return are_extremes(q) ? NULL : sensors(q);
}

static const char *switches(const struct question *q)
{
    if (!flag_is(q->battery->charge_fet, q->pack->charge_fet)) {
        return "charge_fet";
    }
    if (!flag_is(q->battery->discharge_fet, q->pack->discharge_fet)) {
        return "discharge_fet";
    }
    return flag_is(q->battery->balance_fet, q->pack->balance_switch) ? NULL : "balance_fet";
}

/* Level a protocol reports for an alarm: JBD and JK know alarms only, JBD's temperature and
 * current alarms count as warnings. */
static int64_t reported(const struct question *q, enum bb_sim_alarm alarm, bool jbd_warns)
{
    int64_t level = q->pack->level[alarm];
    if (strcmp(q->resolution->driver, "daly") == 0) {
        return level;
    }
    if (level != 2) {
        return 0;
    }
    return jbd_warns && strcmp(q->resolution->driver, "jbd") == 0 ? 1 : 2;
}

static const char *alarms(const struct question *q)
{
    const struct bb_protection *p = &q->battery->protection;
    const struct {
        const char *name;
        struct bb_integer value;
        enum bb_sim_alarm alarm;
        bool jbd_warns;
    } rows[] = {
        {"high_cell_voltage", p->high_cell_voltage, BB_SIM_CELL_HIGH, false},
        {"low_cell_voltage", p->low_cell_voltage, BB_SIM_CELL_LOW, false},
        {"high_voltage", p->high_voltage, BB_SIM_PACK_HIGH, false},
        {"low_voltage", p->low_voltage, BB_SIM_PACK_LOW, false},
        {"high_charge_temperature", p->high_charge_temperature, BB_SIM_CHARGE_HOT, true},
        {"low_charge_temperature", p->low_charge_temperature, BB_SIM_CHARGE_COLD, true},
        {"high_temperature", p->high_temperature, BB_SIM_DISCHARGE_HOT, true},
        {"low_temperature", p->low_temperature, BB_SIM_DISCHARGE_COLD, true},
        {"high_charge_current", p->high_charge_current, BB_SIM_CHARGE_CURRENT, true},
        {"high_discharge_current", p->high_discharge_current, BB_SIM_DISCHARGE_CURRENT, true},
        {"low_soc", p->low_soc, BB_SIM_SOC_LOW, false},
        {"cell_imbalance", p->cell_imbalance, BB_SIM_IMBALANCE, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!is(rows[i].value, reported(q, rows[i].alarm, rows[i].jbd_warns))) {
            return rows[i].name;
        }
    }
    return is(p->internal_failure, 0) ? NULL : "internal_failure";
}

static const char *ratings(const struct question *q)
{
    const struct bb_sim_pack_setup *setup = &q->pack->setup;
    if (!near(q->battery->capacity, setup->capacity_ah, 0.0051)) {
        return "capacity";
    }
    if (!is(q->battery->cell_count, setup->cell_count)) {
        return "cell_count";
    }
    if (!near(q->battery->max_battery_charge_current, setup->charge_limit_a, 0.0051)) {
        return "max_battery_charge_current";
    }
    if (!near(q->battery->max_battery_discharge_current, setup->discharge_limit_a, 0.0051)) {
        return "max_battery_discharge_current";
    }
    /* Asked rarely: may be a cycle behind. */
    struct bb_integer cycles = q->battery->history.charge_cycles;
    int64_t now = bb_sim_pack_cycles(q->pack);
    return is(cycles, now) || is(cycles, now - 1) ? NULL : "charge_cycles";
}

static const char *identity(const struct question *q)
{
    const struct bb_sim_identity *made = &q->board->identity;
    char date[40];
    (void)snprintf(date, sizeof date, "%04u-%02u-%02u", made->year, made->month, made->day);
    if (!text_is(q->battery->serial_number, made->serial)) {
        return "serial_number";
    }
    if (!text_is(q->battery->production, date)) {
        return "production";
    }
    return text_is(q->battery->custom_field, made->name) ? NULL : "custom_field";
}

static const char *(*const parts[])(const struct question *q) = {
    voltage, soc, charge, cells, balancing, temperatures, switches, alarms, ratings, identity};

#define PART_COUNT (sizeof parts / sizeof parts[0])
#define CELL_FRAMES ((BB_SIM_CELLS_MAX + 2) / 3)

const size_t EXPECT_PARTS = PART_COUNT + CELL_FRAMES;

const char *expect_part(const char *driver, size_t part, const struct bb_sim_board *board,
                        const struct bb_sim_pack *pack, const struct bb_battery *battery)
{
    const struct question question = {resolution_of(driver), board, pack, battery};
    if (question.resolution == NULL) {
        return "driver";
    }
    return part < PART_COUNT ? parts[part](&question)
                             : cells_of_frame(&question, (unsigned)(part - PART_COUNT));
}

const char *expect_complete(const char *driver, const struct bb_battery *battery, bool texts)
{
    bool jbd = strcmp(driver, "jbd") == 0;
    bool daly = strcmp(driver, "daly") == 0;
    const struct {
        const char *name;
        bool present, wanted;
    } rows[] = {
        {"voltage", battery->voltage.present, true},
        {"current", battery->current.present, true},
        {"soc", battery->soc.present, true},
        {"capacity", battery->capacity.present, true},
        {"capacity_remain", battery->capacity_remain.present, true},
        {"cells", battery->cells_count > 0 && battery->cells[0].voltage.present, true},
        {"balance", battery->cells[0].balance.present, true},
        {"temperature_1", battery->temperature_1.present, true},
        {"temperature_2", battery->temperature_2.present, true},
        {"temperature_mos", battery->temperature_mos.present, !daly},
        {"charge_fet", battery->charge_fet.present, true},
        {"discharge_fet", battery->discharge_fet.present, true},
        {"balance_fet", battery->balance_fet.present, !daly},
        {"max_battery_charge_current", battery->max_battery_charge_current.present, !daly},
        {"max_battery_discharge_current", battery->max_battery_discharge_current.present, !daly},
        {"protection", battery->protection.high_cell_voltage.present, true},
        {"charge_cycles", battery->history.charge_cycles.present, true},
    };
    const struct {
        const char *name, *text;
        bool wanted;
    } text_rows[] = {
        {"production", battery->production, true},
        {"serial_number", battery->serial_number, !jbd && !daly},
        {"hardware_version", battery->hardware_version, !daly},
        {"custom_field", battery->custom_field, !jbd},
    };
    for (size_t i = 0; texts && i < sizeof text_rows / sizeof text_rows[0]; i++) {
        if ((text_rows[i].text[0] != '\0') != text_rows[i].wanted) {
            return text_rows[i].name;
        }
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].present != rows[i].wanted) {
            return rows[i].name;
        }
    }
    return NULL;
}
