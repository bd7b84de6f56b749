/* A bank's power side: packs in parallel on one DC bus with a charger and an inverter.
 *
 * Every pack conducts what its voltage and resistance make of the bus voltage, as far as its
 * MOSFETs let it, so that packs share a current unevenly and equalise among each other. The
 * charger offers the profile's power up to the charge current limit, and holds the charge
 * voltage limit without overshoot; the inverter takes the profile's load up to the discharge
 * current limit and stops at the low voltage limit. Without valid limits both stop.
 */
#ifndef BUSBAR_SIM_PLANT_H
#define BUSBAR_SIM_PLANT_H

#include "services/sim/pack_model.h"
#include "services/sim/profile.h"

#define BB_SIM_PACKS_MAX 16 /* of one wire */

struct bb_sim_limits {
    bool valid;   /* false: nobody decides, nothing flows */
    double cvl_v; /* bus voltage the charger holds */
    double ccl_a; /* of all packs together */
    double dcl_a; /* of all packs together, positive */
    double low_v; /* bus voltage the inverter stops at */
};

struct bb_sim_plant {
    struct bb_sim_pack *packs[BB_SIM_PACKS_MAX]; /* owned by the caller */
    unsigned count;
    struct bb_sim_profile profile; /* W per pack */
    double time_s;                 /* simulated, since midnight of the first day */
    double voltage_v;              /* of the bus */
    double current_a;              /* into all packs together */
};

/* Lets seconds of simulated time pass under limits. The packs end in the state of the last
 * moment: their currents are those the limits allow then. */
void bb_sim_plant_step(struct bb_sim_plant *plant, const struct bb_sim_limits *limits,
                       double seconds);

#endif
