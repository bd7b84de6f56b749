#include "services/sim/plant.h"

#include <math.h>

/* Halvings of the bus voltage's interval: to the last bit of a double. */
#define BISECTIONS 60

/* A pack as the bus sees it. */
struct branch {
    double emf_v, ohm;
    bool charges, discharges;
};

struct bus {
    struct branch branches[BB_SIM_PACKS_MAX];
    unsigned count;
};

static struct bus bus_of(const struct bb_sim_plant *plant)
{
    struct bus bus = {.count = plant->count};
    for (unsigned i = 0; i < plant->count; i++) {
        const struct bb_sim_pack *pack = plant->packs[i];
        bus.branches[i] = (struct branch){
            .emf_v = bb_sim_pack_emf(pack),
            .ohm = bb_sim_pack_resistance(pack),
            .charges = pack->charge_fet,
            .discharges = pack->discharge_fet,
        };
    }
    return bus;
}

static double branch_current(const struct branch *branch, double bus_v)
{
    double current_a = (bus_v - branch->emf_v) / branch->ohm;
    bool blocked = current_a > 0 ? !branch->charges : !branch->discharges;
    return blocked ? 0 : current_a;
}

/* Rises with bus_v. */
static double total_current(const struct bus *bus, double bus_v)
{
    double sum_a = 0;
    for (unsigned i = 0; i < bus->count; i++) {
        sum_a += branch_current(&bus->branches[i], bus_v);
    }
    return sum_a;
}

static double mean_emf(const struct bus *bus)
{
    double sum_v = 0;
    for (unsigned i = 0; i < bus->count; i++) {
        sum_v += bus->branches[i].emf_v;
    }
    return sum_v / bus->count;
}

/* What the charger gives or the inverter takes while the bus is at about bus_v. */
static double wanted_current(const struct bus *bus, const struct bb_sim_limits *limits,
                             double power_w, double bus_v)
{
    if (!limits->valid || bus_v <= 0) {
        return 0;
    }
    double most_a = fmin(limits->ccl_a, total_current(bus, limits->cvl_v));
    double least_a = fmax(-limits->dcl_a, total_current(bus, limits->low_v));
    return fmax(fmin(power_w / bus_v, fmax(most_a, 0)), fmin(least_a, 0));
}

/* Lowest bus voltage at which the packs take current_a, which some voltage achieves. */
static double bus_voltage(const struct bus *bus, double current_a)
{
    double low_v = bus->branches[0].emf_v;
    double high_v = low_v;
    double sum_ohm = 0;
    for (unsigned i = 0; i < bus->count; i++) {
        low_v = fmin(low_v, bus->branches[i].emf_v);
        high_v = fmax(high_v, bus->branches[i].emf_v);
        sum_ohm += bus->branches[i].ohm;
    }
    low_v -= fmax(-current_a, 0) * sum_ohm;
    high_v += fmax(current_a, 0) * sum_ohm;
    for (int i = 0; i < BISECTIONS; i++) {
        double middle_v = (low_v + high_v) / 2;
        if (total_current(bus, middle_v) >= current_a) {
            high_v = middle_v;
        } else {
            low_v = middle_v;
        }
    }
    return high_v;
}

static void share_current(struct bb_sim_plant *plant, const struct bb_sim_limits *limits)
{
    struct bus bus = bus_of(plant);
    double power_w = bb_sim_profile_power(&plant->profile, plant->time_s) * plant->count;
    double before_v = plant->voltage_v > 0 ? plant->voltage_v : mean_emf(&bus);
    plant->voltage_v = bus_voltage(&bus, wanted_current(&bus, limits, power_w, before_v));
    plant->current_a = 0;
    for (unsigned i = 0; i < plant->count; i++) {
        double current_a = branch_current(&bus.branches[i], plant->voltage_v);
        bb_sim_pack_set_current(plant->packs[i], current_a);
        plant->current_a += current_a;
    }
}

void bb_sim_plant_step(struct bb_sim_plant *plant, const struct bb_sim_limits *limits,
                       double seconds)
{
    if (plant->count == 0) {
        return;
    }
    while (seconds > 0) {
        double part_s = fmin(seconds, BB_SIM_CELL_STEP_S);
        share_current(plant, limits);
        for (unsigned i = 0; i < plant->count; i++) {
            bb_sim_pack_step(plant->packs[i], part_s);
        }
        plant->time_s += part_s;
        seconds -= part_s;
    }
    share_current(plant, limits);
}
