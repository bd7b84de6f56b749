/* Values of paths that are not a field of a message as it stands. */
#ifndef BUSBAR_SERVICES_DBUS_DERIVED_H
#define BUSBAR_SERVICES_DBUS_DERIVED_H

#include "services/dbus/items.h"
#include "services/dbus/snapshot.h"

/* What a service is apart from its battery's state. */
struct bb_identity {
    int instance;            /* /DeviceInstance */
    int product_id;          /* /ProductId */
    bool limits;             /* publish a charge voltage limit, which makes it a BMS */
    const char *custom_name; /* the stored one; NULL or empty: the name of the configuration */
};

struct bb_derivation {
    const struct bb_view *view;
    const struct bb_identity *identity;
    unsigned n;                  /* the row's number: of a cell or sensor */
    char text[BB_ITEM_TEXT_MAX]; /* room for a text that has to be put together */
};

typedef struct bb_value bb_derive_fn(struct bb_derivation *d);

/* Identity */
bb_derive_fn bb_derive_process_name, bb_derive_version, bb_derive_connection, bb_derive_insecure,
    bb_derive_instance, bb_derive_product_id, bb_derive_product_name, bb_derive_custom_name,
    bb_derive_serial;
/* State */
bb_derive_fn bb_derive_state, bb_derive_mode, bb_derive_device_state,
    bb_derive_connection_information;
/* Limits and how they came about */
bb_derive_fn bb_derive_cvl, bb_derive_ccl, bb_derive_dcl, bb_derive_max_cell_voltage,
    bb_derive_charge_mode, bb_derive_charge_limitation, bb_derive_discharge_limitation,
    bb_derive_allow_charge, bb_derive_allow_discharge, bb_derive_bms_cable;
/* Measurements */
bb_derive_fn bb_derive_power, bb_derive_consumed_bms, bb_derive_mid_voltage,
    bb_derive_mid_deviation, bb_derive_cell_voltage, bb_derive_cell_balance, bb_derive_balancing,
    bb_derive_heating, bb_derive_since_full;
/* Modules and cells */
bb_derive_fn bb_derive_cell_count, bb_derive_member_count, bb_derive_modules_online,
    bb_derive_modules_offline, bb_derive_blocking_charge, bb_derive_blocking_discharge,
    bb_derive_temperature_name;
/* Constants */
bb_derive_fn bb_derive_zero, bb_derive_one;

#endif
