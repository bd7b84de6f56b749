/* Charge voltage limit of one battery: bulk, absorption, float transition, float, and the
 * controllers that take voltage back while a cell is too high.
 *
 *   Bulk --full and even--> Absorption --time over--> Float Transition --1 mV/s--> Float
 *     ^                        | voltage falls                                       |
 *     +------------------------+--------------- SoC low, or cells apart -------------+
 */
#ifndef BUSBAR_SERVICES_AGGREGATOR_CVL_H
#define BUSBAR_SERVICES_AGGREGATOR_CVL_H

#include "services/aggregator/ceiling.h"
#include "services/aggregator/validity.h"

enum bb_charge_mode {
    BB_MODE_BULK,
    BB_MODE_ABSORPTION,
    BB_MODE_FLOAT_TRANSITION,
    BB_MODE_FLOAT,
    BB_MODE_FIXED /* the controllers are switched off: always the maximum */
};

struct bb_cvl {
    enum bb_charge_mode mode;
    bool floating; /* full; the maximum is not asked for */
    bool absorbing;
    int64_t absorbed_ms;
    int64_t full_ms; /* time at the voltage asked for since the last discharge */
    struct bb_ceiling ceiling;
    double transition_from_v;
    int64_t transition_ms;
    int64_t apart_ms;        /* cells apart at rest in float; -1 not */
    bool full_at_low_soc;    /* the SoC that ended absorption cannot ask for bulk again */
    bool bulk_by_difference; /* back in bulk because cells drifted apart */
    bool gave_up;            /* absorption took too long */
    int64_t gave_up_ms;      /* since then */
};

/* Voltages of a pack with that many cells; two decimals. */
struct bb_cvl_levels {
    double max_v, float_v, min_v;
};

/* What else decides. */
struct bb_cvl_input {
    bool soc_usable;        /* facts->soc may decide about bulk and float */
    bool alarm_overvoltage; /* the BMS protects itself against over-voltage */
    bool hold_at_sum;       /* charge current that cannot be stopped: no more than now */
};

struct bb_cvl_view {
    enum bb_charge_mode mode;
    struct bb_cvl_levels levels;
    double control_v;           /* without the voltage drop */
    double tolerated_v;         /* highest bank voltage the cells tolerate now, in any mode */
    enum bb_ceiling_step limit; /* of the controller */
    bool overvoltage;           /* a cell is so high that charging must stop */
};

void bb_cvl_init(struct bb_cvl *cvl, const struct bb_charge_config *config);

/* cell_count may be 0 (all levels 0). most_v is the BMS's own maximum or 0. */
struct bb_cvl_levels bb_cvl_levels(const struct bb_charge_config *config, unsigned cell_count,
                                   double most_v);

/* One step. facts->cells_valid must hold. */
void bb_cvl_update(struct bb_cvl *cvl, const struct bb_charge_config *config,
                   const struct bb_facts *facts, const struct bb_cvl_input *input, int64_t step_ms,
                   struct bb_cvl_view *ret_view);

/* "Bulk", "Absorption", ...: other programs look for these words. */
const char *bb_charge_mode_text(enum bb_charge_mode mode);
bool bb_charge_mode_is_float(enum bb_charge_mode mode);

#endif
