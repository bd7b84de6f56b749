/* A simulated line as a port that programs can open: a pseudo terminal under a stable path.
 *
 * The simulator keeps the port open itself, so that readers may open and close it as often as
 * they like. A reader that set another bit rate is not understood, as in life. Runs on the
 * actor's loop.
 */
#ifndef BUSBAR_SIM_WIRE_PTY_H
#define BUSBAR_SIM_WIRE_PTY_H

#include "common/actor.h"
#include "services/sim/line.h"

struct bb_wire_pty;

/* Creates the port for line (borrowed, must outlive the wire) and the symbolic link to it. link
 * is an absolute path, or "" for none. baud is the bit rate readers must set. Returns BB_OK,
 * BB_ERR_CONFIG when link cannot be made because of what is there, or BB_ERR_IO; problem says
 * why. The caller destroys *ret_wire. */
int bb_wire_pty_new(struct bb_actor *actor, struct bb_sim_line *line, const char *link,
                    uint32_t baud, struct bb_wire_pty **ret_wire, struct bb_problem *problem);

/* Removes port and link. */
void bb_wire_pty_destroy(struct bb_wire_pty **wire);

/* Makes the port disappear like an unplugged adapter, or come back (usually under another
 * number, with the same link). Nothing happens when it is so already. */
int bb_wire_pty_vanish(struct bb_wire_pty *wire, bool gone, struct bb_problem *problem);

/* Gives the port free again after a reader that locked it has ended. Call now and then. */
void bb_wire_pty_maintain(struct bb_wire_pty *wire);

/* The port's own path, e.g. /dev/pts/4; "" while it is gone. */
const char *bb_wire_pty_port(const struct bb_wire_pty *wire);

#endif
