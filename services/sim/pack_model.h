/* A battery pack with its BMS, as physical quantities: cells in series, temperatures, balancer,
 * charge and discharge MOSFET, protections with delay and hysteresis, coulomb counter.
 *
 * The protocol servers turn this state into bytes; the plant sets its current. Pure: simulated
 * time is handed in. Voltages in V, currents in A (positive while charging), charge in Ah,
 * temperatures in °C.
 */
#ifndef BUSBAR_SIM_PACK_MODEL_H
#define BUSBAR_SIM_PACK_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "services/sim/cell_model.h"

#define BB_SIM_CELLS_MAX 32
#define BB_SIM_SENSORS_MAX 4

enum bb_sim_alarm {
    BB_SIM_CELL_HIGH,
    BB_SIM_CELL_LOW,
    BB_SIM_PACK_HIGH,
    BB_SIM_PACK_LOW,
    BB_SIM_CHARGE_HOT,
    BB_SIM_CHARGE_COLD,
    BB_SIM_DISCHARGE_HOT,
    BB_SIM_DISCHARGE_COLD,
    BB_SIM_CHARGE_CURRENT,
    BB_SIM_DISCHARGE_CURRENT,
    BB_SIM_MOS_HOT,
    BB_SIM_IMBALANCE,
    BB_SIM_SOC_LOW,
    BB_SIM_ALARMS
};

/* Protection levels of the simulated BMS, per cell: what its settings records report. */
#define BB_SIM_CELL_HIGH_V 3.65
#define BB_SIM_CELL_HIGH_RELEASE_V 3.50
#define BB_SIM_CELL_HIGH_WARN_V 3.60
#define BB_SIM_CELL_LOW_V 2.50
#define BB_SIM_CELL_LOW_RELEASE_V 3.00
#define BB_SIM_CELL_LOW_WARN_V 2.80
#define BB_SIM_PACK_LOW_CELL_V 2.60 /* the pack's low level by the cell */
#define BB_SIM_CHARGE_HOT_C 60
#define BB_SIM_CHARGE_HOT_RELEASE_C 55
#define BB_SIM_CHARGE_COLD_C 0
#define BB_SIM_CHARGE_COLD_RELEASE_C 5
#define BB_SIM_DISCHARGE_HOT_C 65
#define BB_SIM_DISCHARGE_HOT_RELEASE_C 60
#define BB_SIM_DISCHARGE_COLD_C (-20)
#define BB_SIM_DISCHARGE_COLD_RELEASE_C (-15)
#define BB_SIM_MOS_HOT_C 100
#define BB_SIM_MOS_HOT_RELEASE_C 80
#define BB_SIM_OVER_CURRENT_FACTOR 1.1 /* of the limit */
#define BB_SIM_OVER_CURRENT_DELAY_S 5
#define BB_SIM_OVER_CURRENT_RELEASE_S 30
#define BB_SIM_BALANCE_START_V 3.40
#define BB_SIM_BALANCE_WINDOW_V 0.010

enum bb_sim_balancer {
    BB_SIM_BALANCER_PASSIVE, /* burns the charge of every cell that is too high */
    BB_SIM_BALANCER_ACTIVE   /* moves charge from the highest cell to the lowest */
};

struct bb_sim_pack_setup {
    unsigned cell_count;      /* 1..BB_SIM_CELLS_MAX */
    unsigned sensor_count;    /* cell temperature sensors, 1..BB_SIM_SENSORS_MAX */
    double capacity_ah;       /* nominal */
    double soc_percent;       /* at the start */
    double deviation_percent; /* spread of capacity and state of charge over the cells */
    double ambient_c;         /* temperature around the pack, and of the pack at the start */
    double charge_limit_a;    /* what the BMS allows */
    double discharge_limit_a; /* likewise, positive */
    double balance_a;         /* balancer's current */
    enum bb_sim_balancer balancer;
    uint64_t seed;
};

struct bb_sim_pack {
    struct bb_sim_pack_setup setup;
    struct bb_sim_cell cells[BB_SIM_CELLS_MAX];
    double sensor_offset_c[BB_SIM_SENSORS_MAX];
    double current_a;
    double temperature_c; /* of the cells */
    double mos_c;
    double counted_ah;     /* the BMS's coulomb counter, 0..capacity */
    double discharged_ah;  /* since new */
    double age_s;          /* simulated time since the start */
    double cell_bias_v;    /* measuring error of cell 1 */
    double over_current_s; /* how long the current has been too high */
    double locked_s;       /* time left until an over-current lock opens */
    bool charge_switch, discharge_switch, balance_switch; /* as commanded */
    bool charge_fet, discharge_fet;                       /* as protections leave them */
    uint32_t balancing;                                   /* bit n: cell n + 1 is balanced */
    uint8_t level[BB_SIM_ALARMS];                         /* 0 ok, 1 warning, 2 alarm */
    uint16_t trips[BB_SIM_ALARMS]; /* how often an alarm began; sticks at 65535 */
};

/* A rested pack, everything switched on. setup must be within its ranges. */
void bb_sim_pack_init(struct bb_sim_pack *pack, const struct bb_sim_pack_setup *setup);

/* Lets pack->current_a flow for seconds, any length. Protections are evaluated at least once per
 * simulated second, and a current they forbid stops within the step. */
void bb_sim_pack_step(struct bb_sim_pack *pack, double seconds);

/* Sets the current as far as the MOSFETs let it flow. */
void bb_sim_pack_set_current(struct bb_sim_pack *pack, double current_a);

/* Evaluates protections and MOSFETs at once, e.g. after a switch was commanded. */
void bb_sim_pack_protect(struct bb_sim_pack *pack, double seconds);

/* Voltage of the pack without current, and its resistance from cell to cable end. */
double bb_sim_pack_emf(const struct bb_sim_pack *pack);
double bb_sim_pack_resistance(const struct bb_sim_pack *pack);

/* As the BMS measures: cell index from 0 (with its bias), pack, sensor index from 0. */
double bb_sim_pack_cell(const struct bb_sim_pack *pack, unsigned index);
double bb_sim_pack_voltage(const struct bb_sim_pack *pack);
double bb_sim_pack_sensor(const struct bb_sim_pack *pack, unsigned index);
double bb_sim_pack_lowest_cell(const struct bb_sim_pack *pack);
double bb_sim_pack_highest_cell(const struct bb_sim_pack *pack);

/* As the BMS counts: 0..100 %, and full cycles since new. */
double bb_sim_pack_soc(const struct bb_sim_pack *pack);
unsigned bb_sim_pack_cycles(const struct bb_sim_pack *pack);

/* Corrects the coulomb counter; the cells keep their charge. soc_percent is clamped to 0..100. */
void bb_sim_pack_count(struct bb_sim_pack *pack, double soc_percent);

/* Replaces the charge of all cells (and the counter): another state to start from. */
void bb_sim_pack_fill(struct bb_sim_pack *pack, double soc_percent);

#endif
