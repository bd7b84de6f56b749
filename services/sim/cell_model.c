#include "services/sim/cell_model.h"

#include <math.h>
#include <stddef.h>

struct ocv_point {
    double soc, volt;
};

/* Rest voltage of an LFP cell. Below 0 and above 1 the cell is abused and moves fast. */
static const struct ocv_point ocv_points[] = {
    {-0.040, 1.000}, {-0.020, 1.800}, {-0.010, 2.200}, {0.000, 2.500}, {0.010, 2.700},
    {0.020, 2.850},  {0.050, 3.050},  {0.080, 3.150},  {0.100, 3.200}, {0.150, 3.225},
    {0.200, 3.250},  {0.300, 3.275},  {0.400, 3.290},  {0.500, 3.300}, {0.600, 3.305},
    {0.650, 3.310},  {0.700, 3.325},  {0.800, 3.335},  {0.900, 3.340}, {0.950, 3.345},
    {0.980, 3.355},  {0.990, 3.370},  {0.995, 3.400},  {1.000, 3.450}, {1.010, 3.600},
    {1.020, 3.800},  {1.040, 4.200},
};
#define OCV_COUNT (sizeof(ocv_points) / sizeof(ocv_points[0]))

/* Slope beyond the ends of the table, in V per unit of charge: keeps the curve rising. */
static const double ocv_outer_slope = 1.0;

double bb_sim_cell_ocv(double soc)
{
    const struct ocv_point *first = &ocv_points[0];
    const struct ocv_point *last = &ocv_points[OCV_COUNT - 1];
    if (soc <= first->soc) {
        return first->volt + (soc - first->soc) * ocv_outer_slope;
    }
    if (soc >= last->soc) {
        return last->volt + (soc - last->soc) * ocv_outer_slope;
    }
    size_t upper = 1;
    while (ocv_points[upper].soc < soc) {
        upper++;
    }
    const struct ocv_point *below = &ocv_points[upper - 1];
    const struct ocv_point *above = &ocv_points[upper];
    double part = (soc - below->soc) / (above->soc - below->soc);
    return below->volt + part * (above->volt - below->volt);
}

void bb_sim_cell_init(struct bb_sim_cell *cell, double capacity_ah, double soc,
                      double resistance_factor)
{
    double series_ohm = resistance_factor * BB_SIM_OHM_AH / capacity_ah;
    *cell = (struct bb_sim_cell){
        .capacity_ah = capacity_ah,
        .series_ohm = series_ohm,
        .polarization_ohm = BB_SIM_POLARIZATION_RATIO * series_ohm,
        .charge_ah = soc * capacity_ah,
    };
}

double bb_sim_cell_soc(const struct bb_sim_cell *cell)
{
    return cell->charge_ah / cell->capacity_ah;
}

double bb_sim_cell_emf(const struct bb_sim_cell *cell)
{
    return bb_sim_cell_ocv(bb_sim_cell_soc(cell)) + cell->polarization_v;
}

double bb_sim_cell_voltage(const struct bb_sim_cell *cell, double current_a)
{
    return bb_sim_cell_emf(cell) + current_a * cell->series_ohm;
}

double bb_sim_cell_step(struct bb_sim_cell *cell, double current_a, double seconds)
{
    double settled_v = current_a * cell->polarization_ohm;
    double before_v = cell->polarization_v;
    double decay = exp(-seconds / BB_SIM_POLARIZATION_S);
    cell->polarization_v = settled_v + (before_v - settled_v) * decay;
    cell->charge_ah += current_a * seconds / 3600.0;
    double middle_v = (before_v + cell->polarization_v) / 2;
    return (current_a * current_a * cell->series_ohm +
            middle_v * middle_v / cell->polarization_ohm) *
           seconds;
}
