/* A [sim NAME] section of the configuration, made into a bench. */
#ifndef BUSBAR_SIM_SETTINGS_H
#define BUSBAR_SIM_SETTINGS_H

#include "common/config.h"
#include "services/sim/bench.h"

struct bb_sim_settings {
    const char *interface; /* CAN */
    const char *link; /* as configured; "" for the default. Lives as long as the configuration */
    const char *bank; /* id of the bank obeyed; "" for none */
    uint32_t baud;    /* bit rate the port must be opened with */
};

/* Prepares bench (any content) and *ret_settings from section [sim name]. BB_ERR_CONFIG with
 * problem filled when the section asks for what its protocol does not have. */
int bb_sim_settings_load(const struct bb_config *config, const char *name,
                         struct bb_sim_bench *bench, struct bb_sim_settings *ret_settings,
                         struct bb_problem *problem);

#endif
