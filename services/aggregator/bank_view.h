/* One evaluation of a bank, shared by the files it is made of (bank.c, bank_values.c,
 * bank_voltage.c, bank_current.c). */
#ifndef BUSBAR_SERVICES_AGGREGATOR_BANK_VIEW_H
#define BUSBAR_SERVICES_AGGREGATOR_BANK_VIEW_H

#include "services/aggregator/bank.h"

struct bb_bank_item {
    struct bb_bank_member *member;
    const struct bb_decision *decision; /* NULL: a listed battery nobody has ever heard */
    const char *name;
    bool present;                /* heard: online or stale */
    bool online;                 /* fresh */
    bool in[BB_DIRECTIONS];      /* takes part in that direction, as far as is known */
    double limit[BB_DIRECTIONS]; /* what the bank has to respect */
    double share[BB_DIRECTIONS]; /* largest share of the bank current expected; 0 if not in */
};

struct bb_bank_view {
    const struct bb_bank_config *config;
    struct bb_bank_state *state;
    int64_t step_ms;
    size_t count;
    struct bb_bank_item items[BB_MEMBERS_MAX];
};

void bb_bank_values(struct bb_bank_view *view, struct bb_charge *charge);
void bb_bank_voltage(struct bb_bank_view *view, struct bb_charge *charge);
void bb_bank_current(struct bb_bank_view *view, struct bb_charge *charge);

/* Sets or clears a trouble of a member. */
void bb_bank_trouble(struct bb_bank_item *item, enum bb_member_trouble trouble, bool set);

/* Median pack voltage of the connected batteries that are heard; absent without any. */
struct bb_real bb_bank_median_voltage(const struct bb_bank_view *view);

/* True when the battery is connected in some direction, as far as is known. */
static inline bool bb_bank_connected(const struct bb_bank_item *item)
{
    return item->in[BB_CHARGING] || item->in[BB_DISCHARGING];
}

#endif
