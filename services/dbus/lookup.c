#include "services/dbus/lookup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/dbus/busitem.h"
#include "services/dbus/names.h"

#define SETTINGS_SERVICE "com.victronenergy.settings"
#define SETTINGS_INTERFACE "com.victronenergy.Settings"
#define OTHERS_MAX 64 /* batteries that are asked */
#define CLASS "battery:"

/* --- The settings service --- */

/* Appends one entry of AddSettings: {path, default}. */
static bool append_setting(DBusMessageIter *entry, const char *key, const char *value)
{
    DBusMessageIter pair = DBUS_MESSAGE_ITER_INIT_CLOSED;
    DBusMessageIter variant = DBUS_MESSAGE_ITER_INIT_CLOSED;
    bool done = dbus_message_iter_open_container(entry, DBUS_TYPE_DICT_ENTRY, NULL, &pair) &&
                dbus_message_iter_append_basic(&pair, DBUS_TYPE_STRING, &key) &&
                dbus_message_iter_open_container(&pair, DBUS_TYPE_VARIANT, "s", &variant) &&
                dbus_message_iter_append_basic(&variant, DBUS_TYPE_STRING, &value) &&
                dbus_message_iter_close_container(&pair, &variant) &&
                dbus_message_iter_close_container(entry, &pair);
    if (!done) {
        dbus_message_iter_abandon_container_if_open(&pair, &variant);
        dbus_message_iter_abandon_container_if_open(entry, &pair);
    }
    return done;
}

static bool append_settings(DBusMessage *call, const char *path, const char *wish)
{
    DBusMessageIter out;
    DBusMessageIter list = DBUS_MESSAGE_ITER_INIT_CLOSED;
    DBusMessageIter entry = DBUS_MESSAGE_ITER_INIT_CLOSED;
    dbus_message_iter_init_append(call, &out);
    bool done = dbus_message_iter_open_container(&out, DBUS_TYPE_ARRAY, "a{sv}", &list) &&
                dbus_message_iter_open_container(&list, DBUS_TYPE_ARRAY, "{sv}", &entry) &&
                append_setting(&entry, "path", path) && append_setting(&entry, "default", wish) &&
                dbus_message_iter_close_container(&list, &entry) &&
                dbus_message_iter_close_container(&out, &list);
    if (!done) {
        dbus_message_iter_abandon_container_if_open(&list, &entry);
        dbus_message_iter_abandon_container_if_open(&out, &list);
    }
    return done;
}

/* The N of "battery:N"; a negative code for anything else. */
static int parse_class_and_instance(const char *text)
{
    if (strncmp(text, CLASS, strlen(CLASS)) != 0) {
        return BB_ERR_MALFORMED;
    }
    const char *digits = text + strlen(CLASS);
    size_t length = strspn(digits, "0123456789");
    if (length == 0 || length > 3 || digits[length] != '\0') {
        return BB_ERR_MALFORMED;
    }
    long instance = strtol(digits, NULL, 10);
    return instance <= BB_INSTANCE_MAX ? (int)instance : BB_ERR_RANGE;
}

/* Moves in to the value of a dictionary entry with that key; false when there is none. */
static bool find_entry(DBusMessageIter *dict, const char *wanted, int type,
                       DBusMessageIter *ret_value)
{
    DBusMessageIter entries;
    dbus_message_iter_recurse(dict, &entries);
    for (; dbus_message_iter_get_arg_type(&entries) == DBUS_TYPE_DICT_ENTRY;
         (void)dbus_message_iter_next(&entries)) {
        DBusMessageIter pair;
        const char *key = NULL;
        dbus_message_iter_recurse(&entries, &pair);
        dbus_message_iter_get_basic(&pair, &key);
        (void)dbus_message_iter_next(&pair);
        if (strcmp(key, wanted) == 0) {
            dbus_message_iter_recurse(&pair, ret_value);
            return dbus_message_iter_get_arg_type(ret_value) == type;
        }
    }
    return false;
}

int bb_lookup_parse_settings(DBusMessage *reply)
{
    DBusMessageIter in;
    DBusMessageIter list;
    DBusMessageIter value;
    const char *text = NULL;
    if (dbus_message_get_type(reply) != DBUS_MESSAGE_TYPE_METHOD_RETURN) {
        return BB_ERR_MISSING;
    }
    if (!dbus_message_has_signature(reply, "aa{sv}")) {
        return BB_ERR_TYPE;
    }
    dbus_message_iter_init(reply, &in);
    dbus_message_iter_recurse(&in, &list);
    if (dbus_message_iter_get_arg_type(&list) != DBUS_TYPE_ARRAY ||
        !find_entry(&list, "value", DBUS_TYPE_STRING, &value)) {
        return BB_ERR_MISSING;
    }
    dbus_message_iter_get_basic(&value, &text);
    return parse_class_and_instance(text);
}

static void finish(struct bb_lookup *lookup, int instance)
{
    lookup->stage = BB_LOOKUP_DONE;
    lookup->done(lookup->arg, instance);
}

static int list_names(struct bb_lookup *lookup);

/* Asks the batteries themselves, because the settings service does not help. */
static void do_without_settings(struct bb_lookup *lookup)
{
    int error = list_names(lookup);
    if (error != BB_OK) {
        finish(lookup, error);
    }
}

static void on_settings(void *arg, DBusMessage *reply)
{
    struct bb_lookup *lookup = arg;
    if (lookup->stage != BB_LOOKUP_SETTINGS) {
        return;
    }
    int instance = bb_lookup_parse_settings(reply);
    if (instance < 0 ||
        bb_registry_set_instance(lookup->registry, lookup->request.id, instance) < 0) {
        do_without_settings(lookup);
        return;
    }
    finish(lookup, instance);
}

static int ask_settings(struct bb_lookup *lookup)
{
    char path[160];
    char wish[32];
    int instance = bb_registry_instance(lookup->registry, lookup->request.id);
    bb_settings_path(lookup->request.id, path, sizeof path);
    (void)snprintf(wish, sizeof wish, CLASS "%d", instance >= 0 ? instance : lookup->request.first);
    DBusMessage *call =
        dbus_message_new_method_call(SETTINGS_SERVICE, "/", SETTINGS_INTERFACE, "AddSettings");
    if (!call) {
        return BB_ERR_NO_MEMORY;
    }
    dbus_message_set_auto_start(call, FALSE);
    int error = append_settings(call, path, wish)
                    ? bb_connection_call(lookup->connection, call, on_settings, lookup)
                    : BB_ERR_NO_MEMORY;
    dbus_message_unref(call);
    return error;
}

/* --- The batteries on the bus --- */

static void choose(struct bb_lookup *lookup)
{
    finish(lookup, bb_registry_choose(lookup->registry, lookup->request.id, lookup->request.first,
                                      &lookup->others));
}

/* Notes the instance in an answer of GetValue, which may be any integer type. */
static void note_instance(struct bb_lookup *lookup, DBusMessage *reply)
{
    DBusMessageIter in;
    DBusMessageIter variant;
    DBusBasicValue value = {0};
    if (dbus_message_get_type(reply) != DBUS_MESSAGE_TYPE_METHOD_RETURN ||
        !dbus_message_has_signature(reply, "v")) {
        return;
    }
    dbus_message_iter_init(reply, &in);
    dbus_message_iter_recurse(&in, &variant);
    int type = dbus_message_iter_get_arg_type(&variant);
    if (type != DBUS_TYPE_INT32 && type != DBUS_TYPE_UINT32) {
        return;
    }
    dbus_message_iter_get_basic(&variant, &value);
    if (value.u32 <= BB_INSTANCE_MAX) { /* a negative one is a large one */
        lookup->others.taken[value.u32] = true;
    }
}

static void on_instance(void *arg, DBusMessage *reply)
{
    struct bb_lookup *lookup = arg;
    if (lookup->stage != BB_LOOKUP_BATTERIES) {
        return;
    }
    note_instance(lookup, reply);
    lookup->waiting--;
    if (lookup->waiting == 0) {
        choose(lookup);
    }
}

static bool ask_instance(struct bb_lookup *lookup, const char *name)
{
    DBusMessage *call =
        dbus_message_new_method_call(name, "/DeviceInstance", BB_BUSITEM_INTERFACE, "GetValue");
    bool asked = call && bb_connection_call(lookup->connection, call, on_instance, lookup) == BB_OK;
    if (call) {
        dbus_message_unref(call);
    }
    return asked;
}

static void on_names(void *arg, DBusMessage *reply)
{
    struct bb_lookup *lookup = arg;
    char **names = NULL;
    int count = 0;
    if (lookup->stage != BB_LOOKUP_NAMES) {
        return;
    }
    lookup->stage = BB_LOOKUP_BATTERIES;
    if (dbus_message_get_type(reply) != DBUS_MESSAGE_TYPE_METHOD_RETURN ||
        !dbus_message_get_args(reply, NULL, DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &names, &count,
                               DBUS_TYPE_INVALID)) {
        finish(lookup, BB_ERR_MALFORMED);
        return;
    }
    for (int i = 0; i < count && lookup->waiting < OTHERS_MAX; i++) {
        bool is_battery = strncmp(names[i], BB_SERVICE_PREFIX, strlen(BB_SERVICE_PREFIX)) == 0;
        if (is_battery && !lookup->request.is_ours(lookup->arg, names[i]) &&
            ask_instance(lookup, names[i])) {
            lookup->waiting++;
        }
    }
    dbus_free_string_array(names);
    if (lookup->waiting == 0) {
        choose(lookup);
    }
}

static int list_names(struct bb_lookup *lookup)
{
    DBusMessage *call = dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS,
                                                     DBUS_INTERFACE_DBUS, "ListNames");
    if (!call) {
        return BB_ERR_NO_MEMORY;
    }
    lookup->stage = BB_LOOKUP_NAMES;
    int error = bb_connection_call(lookup->connection, call, on_names, lookup);
    dbus_message_unref(call);
    return error;
}

int bb_lookup_start(struct bb_lookup *lookup, struct bb_connection *connection,
                    struct bb_registry *registry, const struct bb_lookup_request *request,
                    bb_lookup_fn *done, void *arg)
{
    *lookup = (struct bb_lookup){.connection = connection,
                                 .registry = registry,
                                 .request = *request,
                                 .done = done,
                                 .arg = arg};
    return request->ask_settings ? ask_settings(lookup) : list_names(lookup);
}

void bb_lookup_hurry(struct bb_lookup *lookup)
{
    if (lookup->stage == BB_LOOKUP_SETTINGS) {
        do_without_settings(lookup);
    } else if (lookup->stage != BB_LOOKUP_DONE) {
        choose(lookup);
    }
}
