#include "services/sim/pack_model.h"

#include <math.h>
#include <string.h>

#include "services/sim/random.h"

/* Cables, busbars and MOSFETs of one pack. */
static const double wiring_ohm = 0.0005;
/* Heat capacity of LFP cells with their case, and how slowly they follow the room. */
static const double heat_capacity_j_per_k_ah = 20.0;
static const double thermal_s = 2 * 3600.0;
/* The MOSFETs at the rated current, and how fast they get there. */
static const double mos_rise_k = 25.0;
static const double mos_s = 60.0;
/* An active balancer loses this part of what it moves. */
static const double balancer_loss = 0.10;
/* The counter is set to full when the lowest cell is this high and the current this small. */
static const double full_cell_v = 3.40;
static const double full_current_c = 0.05;

void bb_sim_pack_init(struct bb_sim_pack *pack, const struct bb_sim_pack_setup *setup)
{
    struct bb_sim_random random = {.state = setup->seed};
    double spread = setup->deviation_percent / 100;
    memset(pack, 0, sizeof(*pack));
    pack->setup = *setup;
    for (unsigned i = 0; i < setup->cell_count; i++) {
        double capacity_ah = setup->capacity_ah * (1 + bb_sim_random_around(&random, spread));
        double soc = setup->soc_percent / 100 + bb_sim_random_around(&random, spread);
        double aging = 1 + bb_sim_random_around(&random, 0.1);
        bb_sim_cell_init(&pack->cells[i], capacity_ah, soc, aging);
    }
    for (unsigned i = 0; i < setup->sensor_count; i++) {
        pack->sensor_offset_c[i] = bb_sim_random_around(&random, 0.5);
    }
    pack->discharged_ah = setup->capacity_ah * (20 + bb_sim_random_below(&random, 200));
    pack->temperature_c = setup->ambient_c;
    pack->mos_c = setup->ambient_c;
    pack->charge_switch = pack->discharge_switch = pack->balance_switch = true;
    bb_sim_pack_count(pack, setup->soc_percent);
    bb_sim_pack_protect(pack, 0);
}

void bb_sim_pack_count(struct bb_sim_pack *pack, double soc_percent)
{
    pack->counted_ah = fmin(fmax(soc_percent, 0), 100) / 100 * pack->setup.capacity_ah;
}

void bb_sim_pack_fill(struct bb_sim_pack *pack, double soc_percent)
{
    double mean = 0;
    for (unsigned i = 0; i < pack->setup.cell_count; i++) {
        mean += bb_sim_cell_soc(&pack->cells[i]) / pack->setup.cell_count;
    }
    for (unsigned i = 0; i < pack->setup.cell_count; i++) {
        struct bb_sim_cell *cell = &pack->cells[i];
        double soc = bb_sim_cell_soc(cell) - mean + soc_percent / 100;
        cell->charge_ah = soc * cell->capacity_ah;
        cell->polarization_v = 0;
    }
    bb_sim_pack_count(pack, soc_percent);
}

double bb_sim_pack_emf(const struct bb_sim_pack *pack)
{
    double sum_v = 0;
    for (unsigned i = 0; i < pack->setup.cell_count; i++) {
        sum_v += bb_sim_cell_emf(&pack->cells[i]);
    }
    return sum_v;
}

double bb_sim_pack_resistance(const struct bb_sim_pack *pack)
{
    double sum_ohm = wiring_ohm;
    for (unsigned i = 0; i < pack->setup.cell_count; i++) {
        sum_ohm += pack->cells[i].series_ohm;
    }
    return sum_ohm;
}

double bb_sim_pack_cell(const struct bb_sim_pack *pack, unsigned index)
{
    double bias_v = index == 0 ? pack->cell_bias_v : 0;
    return fmax(bb_sim_cell_voltage(&pack->cells[index], pack->current_a) + bias_v, 0);
}

double bb_sim_pack_voltage(const struct bb_sim_pack *pack)
{
    double sum_v = 0;
    for (unsigned i = 0; i < pack->setup.cell_count; i++) {
        sum_v += bb_sim_cell_voltage(&pack->cells[i], pack->current_a);
    }
    return sum_v;
}

double bb_sim_pack_sensor(const struct bb_sim_pack *pack, unsigned index)
{
    return pack->temperature_c + pack->sensor_offset_c[index];
}

double bb_sim_pack_lowest_cell(const struct bb_sim_pack *pack)
{
    double lowest_v = bb_sim_pack_cell(pack, 0);
    for (unsigned i = 1; i < pack->setup.cell_count; i++) {
        lowest_v = fmin(lowest_v, bb_sim_pack_cell(pack, i));
    }
    return lowest_v;
}

double bb_sim_pack_highest_cell(const struct bb_sim_pack *pack)
{
    double highest_v = bb_sim_pack_cell(pack, 0);
    for (unsigned i = 1; i < pack->setup.cell_count; i++) {
        highest_v = fmax(highest_v, bb_sim_pack_cell(pack, i));
    }
    return highest_v;
}

double bb_sim_pack_soc(const struct bb_sim_pack *pack)
{
    return pack->counted_ah / pack->setup.capacity_ah * 100;
}

unsigned bb_sim_pack_cycles(const struct bb_sim_pack *pack)
{
    return (unsigned)fmin(pack->discharged_ah / pack->setup.capacity_ah, 65535);
}

static unsigned index_of_extreme(const struct bb_sim_pack *pack, double sign)
{
    unsigned found = 0;
    for (unsigned i = 1; i < pack->setup.cell_count; i++) {
        if (sign * bb_sim_pack_cell(pack, i) > sign * bb_sim_pack_cell(pack, found)) {
            found = i;
        }
    }
    return found;
}

static void choose_balancing(struct bb_sim_pack *pack)
{
    double lowest_v = bb_sim_pack_lowest_cell(pack);
    double highest_v = bb_sim_pack_highest_cell(pack);
    pack->balancing = 0;
    if (!pack->balance_switch || highest_v < BB_SIM_BALANCE_START_V ||
        highest_v - lowest_v < BB_SIM_BALANCE_WINDOW_V) {
        return;
    }
    if (pack->setup.balancer == BB_SIM_BALANCER_ACTIVE) {
        pack->balancing = 1U << index_of_extreme(pack, 1) | 1U << index_of_extreme(pack, -1);
        return;
    }
    for (unsigned i = 0; i < pack->setup.cell_count; i++) {
        double cell_v = bb_sim_pack_cell(pack, i);
        if (cell_v >= BB_SIM_BALANCE_START_V && cell_v - lowest_v >= BB_SIM_BALANCE_WINDOW_V) {
            pack->balancing |= 1U << i;
        }
    }
}

/* What the balancer adds to the current of a cell. */
static double balance_current(const struct bb_sim_pack *pack, unsigned index, double middle_v)
{
    if ((pack->balancing >> index & 1U) == 0) {
        return 0;
    }
    if (pack->setup.balancer == BB_SIM_BALANCER_PASSIVE ||
        bb_sim_pack_cell(pack, index) > middle_v) {
        return -pack->setup.balance_a;
    }
    return pack->setup.balance_a * (1 - balancer_loss);
}

static double step_cells(struct bb_sim_pack *pack, double seconds)
{
    double heat_j = 0;
    double balance_a[BB_SIM_CELLS_MAX] = {0};
    double middle_v = (bb_sim_pack_lowest_cell(pack) + bb_sim_pack_highest_cell(pack)) / 2;
    for (unsigned i = 0; i < pack->setup.cell_count; i++) {
        balance_a[i] = balance_current(pack, i, middle_v);
    }
    for (unsigned i = 0; i < pack->setup.cell_count; i++) {
        heat_j += bb_sim_cell_step(&pack->cells[i], pack->current_a + balance_a[i], seconds);
    }
    return heat_j;
}

static void step_temperatures(struct bb_sim_pack *pack, double heat_j, double seconds)
{
    const struct bb_sim_pack_setup *setup = &pack->setup;
    double capacity_j_per_k = heat_capacity_j_per_k_ah * setup->capacity_ah * setup->cell_count;
    double rated_a = fmax(setup->charge_limit_a, setup->discharge_limit_a);
    double load = rated_a > 0 ? pack->current_a / rated_a : 0;
    double mos_target_c = pack->temperature_c + mos_rise_k * load * load;
    pack->temperature_c +=
        heat_j / capacity_j_per_k + (setup->ambient_c - pack->temperature_c) * seconds / thermal_s;
    pack->mos_c += (mos_target_c - pack->mos_c) * (1 - exp(-seconds / mos_s));
}

static void step_counter(struct bb_sim_pack *pack, double seconds)
{
    double moved_ah = pack->current_a * seconds / 3600;
    double capacity_ah = pack->setup.capacity_ah;
    pack->counted_ah = fmin(fmax(pack->counted_ah + moved_ah, 0), capacity_ah);
    pack->discharged_ah += fmax(-moved_ah, 0);
    if (pack->current_a > 0 && pack->current_a < full_current_c * capacity_ah &&
        bb_sim_pack_lowest_cell(pack) >= full_cell_v) {
        pack->counted_ah = capacity_ah;
    }
}

void bb_sim_pack_step(struct bb_sim_pack *pack, double seconds)
{
    while (seconds > 0) {
        double part_s = fmin(seconds, BB_SIM_CELL_STEP_S);
        choose_balancing(pack);
        double heat_j = step_cells(pack, part_s);
        step_temperatures(pack, heat_j, part_s);
        step_counter(pack, part_s);
        pack->age_s += part_s;
        bb_sim_pack_protect(pack, part_s);
        seconds -= part_s;
    }
}

void bb_sim_pack_set_current(struct bb_sim_pack *pack, double current_a)
{
    if ((current_a > 0 && !pack->charge_fet) || (current_a < 0 && !pack->discharge_fet)) {
        current_a = 0;
    }
    pack->current_a = current_a;
}
