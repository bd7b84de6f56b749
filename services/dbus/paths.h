/* Which paths a battery service has, and where their values come from.
 *
 * One constant table; adding a path is adding a row. Types, texts and rounding are those of the
 * Victron D-Bus contract of a battery, sections 2 and 3.
 */
#ifndef BUSBAR_SERVICES_DBUS_PATHS_H
#define BUSBAR_SERVICES_DBUS_PATHS_H

#include "services/dbus/derived.h"

struct bb_paths;

/* The paths of a battery or bank as leaves of items, all of them unknown yet. midpoint adds
 * /Dc/0/MidVoltage. items must outlive *ret_paths, which the caller destroys. */
int bb_paths_new(struct bb_items *items, const struct bb_snapshot *snapshot, bool midpoint,
                 struct bb_paths **ret_paths);
void bb_paths_destroy(struct bb_paths **paths);

/* Sets every leaf to what the view says now. Cells that the battery has gained get their leaves;
 * a battery never loses leaves. */
int bb_paths_update(struct bb_paths *paths, const struct bb_view *view,
                    const struct bb_identity *identity);

#endif
