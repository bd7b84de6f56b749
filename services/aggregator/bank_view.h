/* One evaluation of a bank, shared by the files it is made of (bank.c, bank_values.c,
 * bank_voltage.c, bank_current.c, bank_shares.c, bank_guard.c). */
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

/* bank_shares.c: share of every item in that direction. */
void bb_bank_shares(struct bb_bank_view *view, enum bb_direction direction);

/* Current as the BMS reports it, positive in that direction; 0 when unknown. */
double bb_bank_raw_current(const struct bb_bank_item *item, enum bb_direction direction);
double bb_bank_raw_sum(const struct bb_bank_view *view, enum bb_direction direction);

/* bank_guard.c */
void bb_bank_check_voltages(struct bb_bank_view *view);
void bb_bank_watch_rejoining(struct bb_bank_view *view);
/* The bank's limit while some battery takes more than its own, INFINITY otherwise; names these
 * batteries in text. */
double bb_bank_overload_limit(struct bb_bank_view *view, enum bb_direction direction, char *text,
                              size_t capacity);

/* Appends "<name>: <reason>" to a list of reasons. */
void bb_bank_reason(char *text, size_t capacity, const char *name, const char *reason);

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
