/* A simulated line on a CAN interface (vcan0, can0): boards answer requests, or send unasked.
 * Runs on the actor's loop. An interface that is not there or down is waited for. */
#ifndef BUSBAR_SIM_WIRE_CAN_H
#define BUSBAR_SIM_WIRE_CAN_H

#include "common/actor.h"
#include "services/sim/line.h"

struct bb_wire_can;

/* line is borrowed and must outlive the wire. The caller destroys *ret_wire. */
int bb_wire_can_new(struct bb_actor *actor, struct bb_sim_line *line, const char *interface,
                    struct bb_wire_can **ret_wire, struct bb_problem *problem);
void bb_wire_can_destroy(struct bb_wire_can **wire);

/* Makes all boards leave the bus, or come back. */
void bb_wire_can_vanish(struct bb_wire_can *wire, bool gone);

#endif
