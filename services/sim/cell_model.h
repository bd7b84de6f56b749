/* One LFP cell: open-circuit voltage, series resistance and one relaxing RC pair.
 *
 *     terminal voltage = ocv(state of charge) + polarization + current * series resistance
 *
 * The shape of the curve is that of published LFP rest voltages: flat from 3.2 to 3.35 V,
 * steep ends. Resistances scale with capacity, so that small and large cells behave alike.
 * Current is positive while charging. Pure: time is handed in as seconds that pass.
 */
#ifndef BUSBAR_SIM_CELL_MODEL_H
#define BUSBAR_SIM_CELL_MODEL_H

/* Series resistance of a cell is this by its capacity: 0.7 mOhm at 100 Ah. */
#define BB_SIM_OHM_AH 0.07
/* The RC pair as part of the series resistance, and its time constant. */
#define BB_SIM_POLARIZATION_RATIO 0.8
#define BB_SIM_POLARIZATION_S 120.0
/* Longest step a cell may be advanced by; more is stepped in pieces. */
#define BB_SIM_CELL_STEP_S 1.0

struct bb_sim_cell {
    double capacity_ah;
    double series_ohm;
    double polarization_ohm;
    double charge_ah;      /* may leave 0..capacity a little: over-charged, over-discharged */
    double polarization_v; /* of the RC pair */
};

/* Rest voltage for a state of charge (0..1, beyond: over-charged or deeply discharged).
 * Strictly rising, finite for every finite input. */
double bb_sim_cell_ocv(double soc);

/* A rested cell of that capacity and state of charge. resistance_factor scales its resistances
 * (1: as new). */
void bb_sim_cell_init(struct bb_sim_cell *cell, double capacity_ah, double soc,
                      double resistance_factor);

double bb_sim_cell_soc(const struct bb_sim_cell *cell);

/* Voltage without load: open circuit plus what the polarization has left. */
double bb_sim_cell_emf(const struct bb_sim_cell *cell);

/* Voltage at the terminals while current_a flows. */
double bb_sim_cell_voltage(const struct bb_sim_cell *cell, double current_a);

/* Lets current_a flow for seconds (at most BB_SIM_CELL_STEP_S). Returns the heat in J. */
double bb_sim_cell_step(struct bb_sim_cell *cell, double current_a, double seconds);

#endif
