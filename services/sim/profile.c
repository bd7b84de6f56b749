#include "services/sim/profile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double day_s = 86400;

static int two_digits(const char *text)
{
    if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9') {
        return -1;
    }
    return (text[0] - '0') * 10 + (text[1] - '0');
}

int bb_sim_time_parse(const char *text, double *ret_s)
{
    if (strlen(text) != 5 || text[2] != ':') {
        return BB_ERR_MALFORMED;
    }
    int hour = two_digits(text);
    int minute = two_digits(text + 3);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59) {
        return BB_ERR_MALFORMED;
    }
    *ret_s = hour * 3600.0 + minute * 60.0;
    return BB_OK;
}

int bb_sim_profile_add(struct bb_sim_profile *profile, const char *text, struct bb_problem *problem)
{
    double start_s = 0;
    const char *power = text;
    if (strchr(text, '=') != NULL) {
        char time[6] = "";
        power = strchr(text, '=') + 1;
        if ((size_t)(power - text) != sizeof(time)) {
            return bb_fail(problem, BB_ERR_MALFORMED, text, "expected HH:MM=watts");
        }
        memcpy(time, text, sizeof(time) - 1);
        if (bb_sim_time_parse(time, &start_s) != BB_OK) {
            return bb_fail(problem, BB_ERR_MALFORMED, text, "%s is not a time of day", time);
        }
    }
    char *end = NULL;
    double power_w = strtod(power, &end);
    if (end == power || *end != '\0') {
        return bb_fail(problem, BB_ERR_MALFORMED, text, "expected HH:MM=watts");
    }
    if (!isfinite(power_w) || fabs(power_w) > BB_SIM_POWER_MAX_W) {
        return bb_fail(problem, BB_ERR_RANGE, text, "power beyond %.0f W", BB_SIM_POWER_MAX_W);
    }
    if (profile->count > 0 && start_s <= profile->points[profile->count - 1].start_s) {
        return bb_fail(problem, BB_ERR_RANGE, text, "times must ascend");
    }
    if (profile->count == BB_SIM_PROFILE_MAX) {
        return bb_fail(problem, BB_ERR_OVERSIZE, text, "more than %d points", BB_SIM_PROFILE_MAX);
    }
    profile->points[profile->count].start_s = start_s;
    profile->points[profile->count].power_w = power_w;
    profile->count++;
    return BB_OK;
}

double bb_sim_profile_power(const struct bb_sim_profile *profile, double time_s)
{
    if (profile->count == 0) {
        return 0;
    }
    double power_w = profile->points[profile->count - 1].power_w;
    double today_s = fmod(time_s, day_s);
    for (unsigned i = 0; i < profile->count && profile->points[i].start_s <= today_s; i++) {
        power_w = profile->points[i].power_w;
    }
    return power_w;
}
