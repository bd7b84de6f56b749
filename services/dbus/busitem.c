#include "services/dbus/busitem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "services/dbus/introspect.h"

#define ITEM_DICT "{sv}"
#define ITEMS_ENTRY "{sa{sv}}"
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Which objects have a method. */
enum place { ON_ROOT = 1, ON_NODE = 2, ON_LEAF = 4, EVERYWHERE = 7 };

/* One method call on its way through a handler. */
struct call {
    struct bb_items *items;
    DBusMessage *message;
    const char *path;
    const struct bb_item *leaf; /* NULL on "/" and inner nodes */
    size_t index;               /* of leaf */
    size_t first, below;        /* leaves below a node */
    bb_write_fn *write;
    void *arg;
};

struct method {
    const char *interface, *member, *signature;
    unsigned places;
    /* Appends the answer's arguments; false when memory is short. */
    bool (*append)(const struct call *call, DBusMessageIter *out);
};

/* --- Appending values --- */

static bool append_basic_variant(DBusMessageIter *out, int type, const void *value)
{
    const char signature[2] = {(char)type, '\0'};
    DBusMessageIter variant = DBUS_MESSAGE_ITER_INIT_CLOSED;
    bool done = dbus_message_iter_open_container(out, DBUS_TYPE_VARIANT, signature, &variant) &&
                dbus_message_iter_append_basic(&variant, type, value) &&
                dbus_message_iter_close_container(out, &variant);
    if (!done) {
        dbus_message_iter_abandon_container_if_open(out, &variant);
    }
    return done;
}

/* An empty array of INT32: unknown. */
static bool append_invalid(DBusMessageIter *out)
{
    DBusMessageIter variant = DBUS_MESSAGE_ITER_INIT_CLOSED;
    DBusMessageIter array = DBUS_MESSAGE_ITER_INIT_CLOSED;
    bool done = dbus_message_iter_open_container(out, DBUS_TYPE_VARIANT, "ai", &variant) &&
                dbus_message_iter_open_container(&variant, DBUS_TYPE_ARRAY, "i", &array) &&
                dbus_message_iter_close_container(&variant, &array) &&
                dbus_message_iter_close_container(out, &variant);
    if (!done) {
        dbus_message_iter_abandon_container_if_open(&variant, &array);
        dbus_message_iter_abandon_container_if_open(out, &variant);
    }
    return done;
}

static bool append_value(DBusMessageIter *out, const struct bb_item *item)
{
    if (!item->valid) {
        return append_invalid(out);
    }
    dbus_int32_t whole = (dbus_int32_t)(item->spec->type == BB_ITEM_INTEGER ? item->number : 0);
    const char *text = item->text;
    switch (item->spec->type) {
    case BB_ITEM_REAL:
        return append_basic_variant(out, DBUS_TYPE_DOUBLE, &item->number);
    case BB_ITEM_INTEGER:
        return append_basic_variant(out, DBUS_TYPE_INT32, &whole);
    case BB_ITEM_TEXT:
        return append_basic_variant(out, DBUS_TYPE_STRING, &text);
    }
    return false;
}

static bool append_text_variant(DBusMessageIter *out, const struct bb_item *item)
{
    char buffer[BB_ITEM_TEXT_MAX];
    const char *text = bb_item_text(item, buffer);
    return append_basic_variant(out, DBUS_TYPE_STRING, &text);
}

typedef bool append_fn(DBusMessageIter *out, const struct bb_item *item);

/* Appends the dictionary entry key -> what append writes about item. */
static bool append_entry(DBusMessageIter *dict, const char *key, append_fn *append,
                         const struct bb_item *item)
{
    DBusMessageIter entry = DBUS_MESSAGE_ITER_INIT_CLOSED;
    bool done = dbus_message_iter_open_container(dict, DBUS_TYPE_DICT_ENTRY, NULL, &entry) &&
                dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING, &key) &&
                append(&entry, item) && dbus_message_iter_close_container(dict, &entry);
    if (!done) {
        dbus_message_iter_abandon_container_if_open(dict, &entry);
    }
    return done;
}

/* a{sv} with Value and Text. */
static bool append_properties(DBusMessageIter *out, const struct bb_item *item)
{
    DBusMessageIter dict = DBUS_MESSAGE_ITER_INIT_CLOSED;
    bool done = dbus_message_iter_open_container(out, DBUS_TYPE_ARRAY, ITEM_DICT, &dict) &&
                append_entry(&dict, "Value", append_value, item) &&
                append_entry(&dict, "Text", append_text_variant, item) &&
                dbus_message_iter_close_container(out, &dict);
    if (!done) {
        dbus_message_iter_abandon_container_if_open(out, &dict);
    }
    return done;
}

/* --- Methods --- */

static bool append_all_items(const struct bb_items *items, bool changed_only, DBusMessageIter *out)
{
    DBusMessageIter dict = DBUS_MESSAGE_ITER_INIT_CLOSED;
    bool done = dbus_message_iter_open_container(out, DBUS_TYPE_ARRAY, ITEMS_ENTRY, &dict);
    for (size_t i = 0; done && i < bb_items_count(items); i++) {
        const struct bb_item *item = bb_items_sorted(items, i);
        if (!changed_only || item->changed) {
            done = append_entry(&dict, item->path, append_properties, item);
        }
    }
    done = done && dbus_message_iter_close_container(out, &dict);
    if (!done) {
        dbus_message_iter_abandon_container_if_open(out, &dict);
    }
    return done;
}

static bool get_items(const struct call *call, DBusMessageIter *out)
{
    return append_all_items(call->items, false, out);
}

/* Appends a variant with a dictionary of everything below the call's node, keys relative to it. */
static bool append_tree(const struct call *call, DBusMessageIter *out, append_fn *append)
{
    size_t skip = strcmp(call->path, "/") == 0 ? 1 : strlen(call->path) + 1;
    DBusMessageIter variant = DBUS_MESSAGE_ITER_INIT_CLOSED;
    DBusMessageIter dict = DBUS_MESSAGE_ITER_INIT_CLOSED;
    bool done = dbus_message_iter_open_container(out, DBUS_TYPE_VARIANT, "a{sv}", &variant) &&
                dbus_message_iter_open_container(&variant, DBUS_TYPE_ARRAY, ITEM_DICT, &dict);
    for (size_t i = 0; done && i < call->below; i++) {
        const struct bb_item *item = bb_items_sorted(call->items, call->first + i);
        done = append_entry(&dict, item->path + skip, append, item);
    }
    done = done && dbus_message_iter_close_container(&variant, &dict) &&
           dbus_message_iter_close_container(out, &variant);
    if (!done) {
        dbus_message_iter_abandon_container_if_open(&variant, &dict);
        dbus_message_iter_abandon_container_if_open(out, &variant);
    }
    return done;
}

static bool get_value(const struct call *call, DBusMessageIter *out)
{
    return call->leaf ? append_value(out, call->leaf) : append_tree(call, out, append_value);
}

static bool get_text(const struct call *call, DBusMessageIter *out)
{
    if (!call->leaf) {
        return append_tree(call, out, append_text_variant);
    }
    char buffer[BB_ITEM_TEXT_MAX];
    const char *text = bb_item_text(call->leaf, buffer);
    return dbus_message_iter_append_basic(out, DBUS_TYPE_STRING, &text);
}

static bool introspect(const struct call *call, DBusMessageIter *out)
{
    char *xml = bb_introspect(call->items, call->path);
    bool done = xml && dbus_message_iter_append_basic(out, DBUS_TYPE_STRING, &xml);
    free(xml);
    return done;
}

/* Reads a number of any D-Bus type. */
static bool read_number(DBusMessageIter *in, double *ret_number)
{
    DBusBasicValue value;
    int type = dbus_message_iter_get_arg_type(in);
    if (!dbus_type_is_basic(type)) {
        return false;
    }
    dbus_message_iter_get_basic(in, &value);
    switch (type) {
    case DBUS_TYPE_BYTE:
        *ret_number = value.byt;
        return true;
    case DBUS_TYPE_BOOLEAN:
        *ret_number = value.bool_val;
        return true;
    case DBUS_TYPE_INT16:
        *ret_number = value.i16;
        return true;
    case DBUS_TYPE_UINT16:
        *ret_number = value.u16;
        return true;
    case DBUS_TYPE_INT32:
        *ret_number = value.i32;
        return true;
    case DBUS_TYPE_UINT32:
        *ret_number = value.u32;
        return true;
    case DBUS_TYPE_INT64:
        *ret_number = (double)value.i64;
        return true;
    case DBUS_TYPE_UINT64:
        *ret_number = (double)value.u64;
        return true;
    case DBUS_TYPE_DOUBLE:
        *ret_number = value.dbl;
        return true;
    default:
        return false;
    }
}

/* Reads what a client wrote as a value of the leaf's type; false when it cannot be one. */
static bool read_value(DBusMessageIter *in, enum bb_item_type type, struct bb_value *ret_value)
{
    if (type == BB_ITEM_TEXT) {
        if (dbus_message_iter_get_arg_type(in) != DBUS_TYPE_STRING) {
            return false;
        }
        const char *text = NULL;
        dbus_message_iter_get_basic(in, &text);
        *ret_value = bb_value_text(text);
        return true;
    }
    double number = 0;
    if (!read_number(in, &number) || !isfinite(number)) {
        return false;
    }
    if (type == BB_ITEM_INTEGER &&
        (trunc(number) != number || number > INT32_MAX || number < INT32_MIN)) {
        return false;
    }
    *ret_value = bb_value_number(number);
    return true;
}

static bool is_same(const struct bb_item *item, struct bb_value value)
{
    if (!item->valid) {
        return false;
    }
    if (item->spec->type == BB_ITEM_TEXT) {
        return value.text && strcmp(item->text, value.text) == 0;
    }
    return item->number == value.number;
}

static enum bb_write_answer write_leaf(const struct call *call)
{
    DBusMessageIter in;
    DBusMessageIter variant;
    struct bb_value value;
    if (!call->leaf->spec->writable || !call->write) {
        return BB_WRITE_IMPOSSIBLE;
    }
    dbus_message_iter_init(call->message, &in);
    dbus_message_iter_recurse(&in, &variant);
    if (!read_value(&variant, call->leaf->spec->type, &value)) {
        return BB_WRITE_IMPOSSIBLE;
    }
    if (is_same(call->leaf, value)) {
        return BB_WRITE_ACCEPTED;
    }
    enum bb_write_answer answer = call->write(call->arg, call->index, value);
    if (answer == BB_WRITE_ACCEPTED) {
        (void)bb_items_set(call->items, call->index, value);
    }
    return answer;
}

static bool set_value(const struct call *call, DBusMessageIter *out)
{
    dbus_int32_t answer = (dbus_int32_t)write_leaf(call);
    return dbus_message_iter_append_basic(out, DBUS_TYPE_INT32, &answer);
}

static const struct method methods[] = {
    {BB_BUSITEM_INTERFACE, "GetItems", "", ON_ROOT, get_items},
    {BB_BUSITEM_INTERFACE, "GetValue", "", EVERYWHERE, get_value},
    {BB_BUSITEM_INTERFACE, "GetText", "", EVERYWHERE, get_text},
    {BB_BUSITEM_INTERFACE, "SetValue", "v", ON_LEAF, set_value},
    {DBUS_INTERFACE_INTROSPECTABLE, "Introspect", "", EVERYWHERE, introspect},
};

/* --- Dispatch --- */

/* The places of the object at the call's path; 0 when there is none. */
static unsigned locate(struct call *call)
{
    call->leaf = bb_items_find(call->items, call->path, &call->index);
    if (call->leaf) {
        return ON_LEAF;
    }
    call->below = bb_items_below(call->items, call->path, &call->first);
    if (strcmp(call->path, "/") == 0) {
        return ON_ROOT;
    }
    return call->below > 0 ? ON_NODE : 0;
}

static const struct method *find_method(DBusMessage *message, unsigned places)
{
    const char *interface = dbus_message_get_interface(message);
    const char *member = dbus_message_get_member(message);
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        const struct method *method = &methods[i];
        if ((method->places & places) != 0 && strcmp(method->member, member) == 0 &&
            (!interface || strcmp(method->interface, interface) == 0)) {
            return method;
        }
    }
    return NULL;
}

DBusMessage *bb_busitem_answer(struct bb_items *items, DBusMessage *message, bb_write_fn *write,
                               void *arg)
{
    struct call call = {.items = items,
                        .message = message,
                        .path = dbus_message_get_path(message),
                        .write = write,
                        .arg = arg};
    if (dbus_message_get_type(message) != DBUS_MESSAGE_TYPE_METHOD_CALL || !call.path ||
        !dbus_message_get_member(message)) {
        return NULL;
    }
    unsigned places = locate(&call);
    if (places == 0) {
        return dbus_message_new_error_printf(message, DBUS_ERROR_UNKNOWN_OBJECT,
                                             "There is no object at %s", call.path);
    }
    const struct method *method = find_method(message, places);
    if (!method) {
        return dbus_message_new_error_printf(message, DBUS_ERROR_UNKNOWN_METHOD,
                                             "%s has no method %s", call.path,
                                             dbus_message_get_member(message));
    }
    if (!dbus_message_has_signature(message, method->signature)) {
        return dbus_message_new_error_printf(message, DBUS_ERROR_INVALID_ARGS,
                                             "%s takes arguments of type '%s'", method->member,
                                             method->signature);
    }
    DBusMessage *answer = dbus_message_new_method_return(message);
    if (answer) {
        DBusMessageIter out;
        dbus_message_iter_init_append(answer, &out);
        if (!method->append(&call, &out)) {
            dbus_message_unref(answer);
            return NULL;
        }
    }
    return answer;
}

DBusMessage *bb_busitem_changes(const struct bb_items *items)
{
    if (!bb_items_changed(items)) {
        return NULL;
    }
    DBusMessage *signal = dbus_message_new_signal("/", BB_BUSITEM_INTERFACE, "ItemsChanged");
    if (signal) {
        DBusMessageIter out;
        dbus_message_iter_init_append(signal, &out);
        if (!append_all_items(items, true, &out)) {
            dbus_message_unref(signal);
            return NULL;
        }
    }
    return signal;
}
