/* com.victronenergy.BusItem: method calls on the items of a service, and ItemsChanged.
 *
 * Works on messages alone, without a connection: whoever owns the connection hands calls in and
 * sends what comes back. "/", inner nodes and leaves answer GetValue and GetText, "/" also
 * GetItems, leaves also SetValue, all of them Introspect. An invalid value is an empty array of
 * INT32. Source: Victron D-Bus contract of a battery, section 2.
 */
#ifndef BUSBAR_SERVICES_DBUS_BUSITEM_H
#define BUSBAR_SERVICES_DBUS_BUSITEM_H

#include <dbus/dbus.h>

#include "services/dbus/items.h"

#define BB_BUSITEM_INTERFACE "com.victronenergy.BusItem"

/* Answers of SetValue. */
enum bb_write_answer {
    BB_WRITE_ACCEPTED = 0,
    BB_WRITE_IMPOSSIBLE = 1, /* not writable, or not convertible to the leaf's type */
    BB_WRITE_REFUSED = 2     /* the service does not want this value */
};

/* Asked before a writable leaf takes another value; index is that of bb_items_add. */
typedef enum bb_write_answer bb_write_fn(void *arg, size_t index, struct bb_value value);

/* The answer to a method call on items, an error included. A leaf that SetValue changed is marked
 * as changed, to be announced by the caller. NULL when message is not a method call, names no
 * path or member, or memory is short. The caller owns the reference. write may be NULL: nothing is
 * writable then. */
DBusMessage *bb_busitem_answer(struct bb_items *items, DBusMessage *message, bb_write_fn *write,
                               void *arg);

/* ItemsChanged with Value and Text of every changed leaf; NULL when none is or memory is short.
 * The caller owns the reference. */
DBusMessage *bb_busitem_changes(const struct bb_items *items);

#endif
