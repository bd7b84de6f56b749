/* What may be believed of a battery's readings: one plausibility rule for every derived value.
 *
 * A reading that is absent, not finite or out of its plausible range is bad. One bad reading
 * keeps the previous good one alive until that is as old, against the newest state of the
 * battery, as bb_stale_after_ms allows; then the quantity is unknown. Silence of the whole
 * battery is not judged here (link_state.h). The last good values of temperatures and SoC are
 * remembered for ever, so that losing a sensor never lifts the limit it had set.
 */
#ifndef BUSBAR_SERVICES_AGGREGATOR_VALIDITY_H
#define BUSBAR_SERVICES_AGGREGATOR_VALIDITY_H

#include "services/aggregator/link_state.h"

/* Time of a reading that comes from the state file: known, but never fresh. */
#define BB_LONG_AGO_MS INT64_MIN

/* A state of a battery as it came over the bus. */
struct bb_snapshot {
    bool seen;
    int64_t mono_ms, interval_ms; /* time of the fact and when to expect the next */
    struct bb_battery battery;
};

/* A quantity and the time of its last good reading. */
struct bb_reading {
    bool known;
    double value;
    int64_t at_ms;
};

struct bb_validity {
    bool taken; /* a snapshot has been taken in */
    int64_t sample_ms, interval_ms;
    unsigned cell_count;  /* established; 0 unknown */
    unsigned other_count; /* a different count reported since other_since_ms, or 0 */
    int64_t other_since_ms;
    bool cells_known;
    int64_t cells_at_ms;
    double cell_v[BB_CELLS_MAX];
    double raw_voltage; /* finite, however implausible; NAN if absent */
    struct bb_reading voltage, current, soc, capacity, remain, mosfet, most_v;
    struct bb_reading temperature[BB_SENSORS];
    struct bb_reading fet[BB_DIRECTIONS]; /* 1 closed, 0 open */
    struct bb_reading bms_limit[BB_DIRECTIONS];
};

enum bb_fet {
    BB_FET_UNREPORTED, /* never reported: no statement */
    BB_FET_OPEN,
    BB_FET_CLOSED,
    BB_FET_UNKNOWN /* was reported, is not any more */
};

struct bb_facts {
    unsigned cell_count; /* 0: unknown */
    bool count_unsettled;
    bool cells_valid; /* every cell is known; only then the following ones hold */
    const double *cell_v;
    double max_v, min_v, sum_v;
    unsigned max_cell, min_cell; /* from 0 */
    bool voltage_valid, current_valid, soc_valid, mosfet_valid;
    double voltage, soc, mosfet;
    double current;               /* as the switches allow it */
    double raw_current;           /* as reported */
    bool soc_known, mosfet_known; /* ever: soc, mosfet are the last good values */
    bool sensor_known[BB_SENSORS], sensor_valid[BB_SENSORS];
    double sensor[BB_SENSORS];
    unsigned sensors_valid;
    double temperature, min_temperature, max_temperature; /* when sensors_valid > 0 */
    unsigned min_sensor, max_sensor;                      /* from 0 */
    enum bb_fet fet[BB_DIRECTIONS];
    bool capacity_reported;
    double capacity_ah; /* reported or configured, above 0 */
    bool remain_valid;
    double remain_ah;
    bool bms_limit_known[BB_DIRECTIONS]; /* last value the BMS reported, fresh or not */
    double bms_limit[BB_DIRECTIONS];
    double charge_sum_v; /* larger of cell sum and pack voltage */
    double deviation;    /* of pack voltage from cell sum, as a fraction; 0 if unknown */
    bool deviates;       /* by more than 2 % and 0.5 V */
    double most_v;       /* largest pack voltage the BMS asks for; 0: no statement */
};

/* Takes a snapshot in; one that is not newer than the last is ignored. */
void bb_validity_take(struct bb_validity *validity, const struct bb_charge_config *config,
                      const struct bb_snapshot *snapshot);

/* What is believed now. ret_facts->cell_v points into validity. */
void bb_validity_view(const struct bb_validity *validity, const struct bb_charge_config *config,
                      struct bb_facts *ret_facts);

/* The last known cells, however old, for the window rule of link_state.h. */
struct bb_cell_range bb_validity_cells(const struct bb_validity *validity);

#endif
