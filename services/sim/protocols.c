#include <string.h>

#include "services/sim/protocol.h"

static const struct bb_sim_protocol *const protocols[] = {
    &bb_sim_jbd,    &bb_sim_daly,          &bb_sim_jk_pb,    &bb_sim_daly_can,    &bb_sim_jbd_can,
    &bb_sim_jk_can, &bb_sim_pylontech_can, &bb_sim_rv_c_can, &bb_sim_valence_can,
};

const struct bb_sim_protocol *bb_sim_protocol_at(size_t index)
{
    return index < sizeof(protocols) / sizeof(protocols[0]) ? protocols[index] : NULL;
}

const struct bb_sim_protocol *bb_sim_protocol_find(const char *id)
{
    for (size_t i = 0; bb_sim_protocol_at(i) != NULL; i++) {
        if (strcmp(bb_sim_protocol_at(i)->id, id) == 0) {
            return bb_sim_protocol_at(i);
        }
    }
    return NULL;
}
