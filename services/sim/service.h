/* The simulator as a service: one bench on one port, obeying the bus. */
#ifndef BUSBAR_SIM_SERVICE_H
#define BUSBAR_SIM_SERVICE_H

#include "common/actor.h"

/* For a [sim NAME] section, below the supervisor. */
extern const struct bb_service bb_sim_service;

/* The same for "busbar sim": says on standard output which port to open. */
extern const struct bb_service bb_sim_service_alone;

#endif
