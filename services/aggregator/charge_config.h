/* What the owner decided about charging: the options of [charge], [battery ID] and [bank NAME]
 * as numbers, in the units of the options except that times are milliseconds. */
#ifndef BUSBAR_SERVICES_AGGREGATOR_CHARGE_CONFIG_H
#define BUSBAR_SERVICES_AGGREGATOR_CHARGE_CONFIG_H

#include "common/config.h"
#include "proto/message/battery.h"
#include "services/aggregator/curve.h"

#define BB_SENSORS 4 /* temperature_1..4 of a battery */
#define BB_BANKS_MAX 8
#define BB_DEFAULT_BANK "bank" /* id of the bank that exists without any [bank] section */

enum bb_direction { BB_CHARGING, BB_DISCHARGING, BB_DIRECTIONS };

enum bb_cvl_controller {
    BB_CONTROLLER_NONE,
    BB_CONTROLLER_PENALTY,
    BB_CONTROLLER_INTEGRATING,
    BB_CONTROLLER_CLIPPED
};

/* One direction of current: ceiling, curves, recovery. */
struct bb_current_config {
    double max_a;
    bool use_cell, use_temperature, use_mosfet, use_soc;
    struct bb_curve cell, temperature, mosfet, soc;
    double threshold; /* fraction of max_a below which a limit of 0 stays */
    int64_t hold_ms;
    double rate_a_per_s; /* 0: no ramp */
};

struct bb_charge_config {
    char name[48]; /* given by the owner, or empty */
    double min_cell_v, max_cell_v, float_cell_v;
    double voltage_drop_v;
    bool cvl_enabled;
    int64_t absorption_ms, absorption_most_ms;
    double float_diff_v, float_deviation_v;
    double bulk_soc, bulk_diff_v;
    enum bb_cvl_controller controller;
    double integrating_factor;
    int64_t cvl_hold_ms;
    double cvl_rate_v_per_s;
    bool step_mode;
    struct bb_current_config current[BB_DIRECTIONS];
    bool block_on_alarm;
    bool block_on_disconnect;
    int64_t block_timeout_ms;
    double window_min_v, window_max_v;
    bool cable_alarm;
    bool sensor_used[BB_SENSORS];
    char sensor_name[BB_SENSORS][24];
    double sensor_offset[BB_SENSORS], sensor_slope[BB_SENSORS];
    double mosfet_offset, mosfet_slope;
    bool sensorless;    /* no cell temperature is expected */
    double capacity_ah; /* of a battery that reports none */
};

struct bb_bank_config {
    char id[BB_ID_MAX];
    char name[48];
    bool listed; /* members are those listed; otherwise every battery seen */
    size_t member_count;
    char members[BB_MEMBERS_MAX][BB_ID_MAX];
    size_t ignored_count;
    char ignored[BB_MEMBERS_MAX][BB_ID_MAX]; /* never members, even if seen */
    double max_a[BB_DIRECTIONS];             /* INFINITY: the sum of the members' */
    int64_t hold_ms[BB_DIRECTIONS];          /* before a limit may rise */
    double rate_a_per_s[BB_DIRECTIONS];      /* per connected battery */
    double threshold[BB_DIRECTIONS];         /* fraction of the members' maxima */
    int64_t cvl_hold_ms;
    double cvl_rate_v_per_s;
    double voltage_drop_v;
    bool missing_reduces; /* a missing member's limit leaves the sum as soon as it is lost */
};

/* The options that hold for battery id: [charge] with what [battery ID] says otherwise. */
void bb_charge_config_read(const struct bb_config *config, const char *battery_id,
                           struct bb_charge_config *ret_config);

/* Banks of the configuration, at most BB_BANKS_MAX; without a [bank] section one bank with the
 * id BB_DEFAULT_BANK over every battery. Returns their number. */
size_t bb_bank_config_read(const struct bb_config *config, struct bb_bank_config *ret_banks);

#endif
