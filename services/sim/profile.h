/* Power over the day: what sun and consumers leave for a battery (positive) or want from it
 * (negative). Steps: a point holds until the next one, the last of the day until the first. */
#ifndef BUSBAR_SIM_PROFILE_H
#define BUSBAR_SIM_PROFILE_H

#include "proto/error.h"

#define BB_SIM_PROFILE_MAX 48
#define BB_SIM_POWER_MAX_W 1e6

struct bb_sim_profile {
    struct {
        double start_s; /* of the day */
        double power_w;
    } points[BB_SIM_PROFILE_MAX];
    unsigned count; /* 0: no power ever */
};

/* Parses "HH:MM" into seconds of the day. BB_ERR_MALFORMED; *ret_s is untouched then. */
int bb_sim_time_parse(const char *text, double *ret_s);

/* Appends a point "HH:MM=watts", or "watts" for a profile that never changes. Points must
 * ascend. BB_ERR_MALFORMED, BB_ERR_RANGE, BB_ERR_OVERSIZE with problem filled. */
int bb_sim_profile_add(struct bb_sim_profile *profile, const char *text,
                       struct bb_problem *problem);

/* Power in W at a time, in seconds since midnight of any day. */
double bb_sim_profile_power(const struct bb_sim_profile *profile, double time_s);

#endif
