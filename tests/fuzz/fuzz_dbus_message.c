/* Method calls and answers built from bytes, into the handler of calls and into what reads answers.
 *
 * The input is a recipe: which object, interface and member, then arguments of any type and
 * nesting. What libdbus accepts as a message must be answered with a well-formed one, and only a
 * writable item may change. Recipes are used because hardly any random bytes are a D-Bus message.
 */
#include <stdlib.h>
#include <string.h>

#include "services/dbus/busitem.h"
#include "services/dbus/lookup.h"
#include "services/dbus/paths.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct state {
    struct bb_items *items;
    struct bb_paths *paths;
    struct bb_snapshot snapshot;
};

static struct state *shared(void)
{
    static struct state state = {.snapshot = {.id = "x", .cell_count = 16, .has_decision = true}};
    if (!state.items) {
        state.items = bb_items_new();
        if (!state.items ||
            bb_paths_new(state.items, &state.snapshot, true, &state.paths) != BB_OK) {
            abort();
        }
    }
    return &state;
}

static enum bb_write_answer on_write(void *arg, size_t index, struct bb_value value)
{
    const struct state *state = arg;
    if (!bb_items_get(state->items, index)->spec->writable || !value.valid) {
        abort();
    }
    return value.text[0] == 'x' ? BB_WRITE_REFUSED : BB_WRITE_ACCEPTED;
}

/* The answer must survive the wire. */
static void check_answer(DBusMessage *answer)
{
    char *bytes = NULL;
    int size = 0;
    dbus_message_set_serial(answer, 1);
    if (!dbus_message_marshal(answer, &bytes, &size)) {
        abort();
    }
    DBusMessage *copy = dbus_message_demarshal(bytes, size, NULL);
    if (!copy) {
        abort();
    }
    dbus_message_unref(copy);
    dbus_free(bytes);
}

/* The rest of the input. */
struct recipe {
    const uint8_t *data;
    size_t size;
};

static uint8_t take(struct recipe *recipe)
{
    if (recipe->size == 0) {
        return 0;
    }
    recipe->size--;
    return *recipe->data++;
}

/* Takes a text of the given characters, at most capacity bytes with its NUL. */
static void take_text(struct recipe *recipe, const char *characters, char *text, size_t capacity)
{
    size_t length = take(recipe) % capacity;
    for (size_t i = 0; i < length; i++) {
        text[i] = characters[take(recipe) % strlen(characters)];
    }
    text[length] = '\0';
}

static const char *take_path(struct recipe *recipe, const struct state *state, char *buffer)
{
    static const char *const nodes[] = {"/", "/Dc", "/Dc/0", "/Voltages", "/CustomName"};
    uint8_t kind = take(recipe);
    if (kind < 5) {
        return nodes[kind];
    }
    if (kind < 200) {
        return bb_items_sorted(state->items, kind % bb_items_count(state->items))->path;
    }
    take_text(recipe, "/DcCellVoltages0123_", buffer, 80);
    return dbus_validate_path(buffer, NULL) ? buffer : "/";
}

static void append_basic(struct recipe *recipe, DBusMessageIter *out, int type)
{
    DBusBasicValue value = {0};
    char text[BB_ITEM_TEXT_MAX + 60];
    for (size_t i = 0; i < sizeof value.u64; i++) {
        value.u64 = value.u64 << 8 | take(recipe);
    }
    if (type == DBUS_TYPE_BOOLEAN) {
        value.bool_val = value.u32 & 1;
    }
    if (type == DBUS_TYPE_STRING) {
        take_text(recipe, "xabc battery:0123456789\xc2\xb0\"", text, sizeof text);
        if (!dbus_validate_utf8(text, NULL)) {
            text[0] = '\0';
        }
        value.str = text;
    }
    (void)dbus_message_iter_append_basic(out, type, &value);
}

static void append_any(struct recipe *recipe, DBusMessageIter *out, int depth);

/* {key: value} as the settings service sends it. */
static void append_dict(struct recipe *recipe, DBusMessageIter *out, int depth)
{
    static const char *const keys[] = {"value", "path", "error", ""};
    DBusMessageIter dict;
    DBusMessageIter entry;
    (void)dbus_message_iter_open_container(out, DBUS_TYPE_ARRAY, "{sv}", &dict);
    for (int i = take(recipe) % 4; i > 0; i--) {
        const char *key = keys[take(recipe) % 4];
        (void)dbus_message_iter_open_container(&dict, DBUS_TYPE_DICT_ENTRY, NULL, &entry);
        (void)dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING, &key);
        append_any(recipe, &entry, depth + 10); /* 10: a variant and no more */
        (void)dbus_message_iter_close_container(&dict, &entry);
    }
    (void)dbus_message_iter_close_container(out, &dict);
}

static void append_variant(struct recipe *recipe, DBusMessageIter *out)
{
    static const char types[] = "ybnqiuxtds";
    const char signature[2] = {types[take(recipe) % strlen(types)], '\0'};
    DBusMessageIter variant;
    DBusMessageIter array;
    if (take(recipe) % 5 == 0) { /* unknown, as Victron writes it */
        (void)dbus_message_iter_open_container(out, DBUS_TYPE_VARIANT, "ai", &variant);
        (void)dbus_message_iter_open_container(&variant, DBUS_TYPE_ARRAY, "i", &array);
        (void)dbus_message_iter_close_container(&variant, &array);
    } else {
        (void)dbus_message_iter_open_container(out, DBUS_TYPE_VARIANT, signature, &variant);
        append_basic(recipe, &variant, signature[0]);
    }
    (void)dbus_message_iter_close_container(out, &variant);
}

static void append_any(struct recipe *recipe, DBusMessageIter *out, int depth)
{
    DBusMessageIter list;
    int kind = depth >= 10 ? 0 : take(recipe) % 6;
    switch (kind) {
    case 0:
    case 1:
        append_variant(recipe, out);
        break;
    case 2:
        append_dict(recipe, out, depth + 1);
        break;
    case 3:
        (void)dbus_message_iter_open_container(out, DBUS_TYPE_ARRAY, "a{sv}", &list);
        for (int i = take(recipe) % 3; i > 0; i--) {
            append_dict(recipe, &list, depth + 1);
        }
        (void)dbus_message_iter_close_container(out, &list);
        break;
    default:
        append_basic(recipe, out, "ybnqiuxtds"[take(recipe) % 10]);
        break;
    }
}

static DBusMessage *build(struct recipe *recipe, const struct state *state)
{
    static const char *const interfaces[] = {NULL, BB_BUSITEM_INTERFACE,
                                             DBUS_INTERFACE_INTROSPECTABLE, "a.b"};
    static const char *const members[] = {"GetValue", "GetText",    "SetValue",  "SetValue",
                                          "GetItems", "Introspect", "SetDefault"};
    char path[80];
    DBusMessage *message =
        dbus_message_new_method_call("a.b", take_path(recipe, state, path),
                                     interfaces[take(recipe) % 4], members[take(recipe) % 7]);
    if (!message) {
        abort();
    }
    dbus_message_set_serial(message, 1);
    if (take(recipe) % 4 == 0) {
        DBusMessage *reply = dbus_message_new_method_return(message);
        dbus_message_unref(message);
        message = reply;
        dbus_message_set_serial(message, 2);
    }
    DBusMessageIter out;
    dbus_message_iter_init_append(message, &out);
    for (int i = take(recipe) % 3; i > 0; i--) {
        append_any(recipe, &out, 0);
    }
    return message;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct state *state = shared();
    struct recipe recipe = {data, size};
    DBusMessage *message = build(&recipe, state);
    (void)bb_lookup_parse_settings(message);
    DBusMessage *answer = bb_busitem_answer(state->items, message, on_write, state);
    if (answer) {
        check_answer(answer);
        dbus_message_unref(answer);
    }
    for (size_t i = 0; i < bb_items_count(state->items); i++) {
        const struct bb_item *item = bb_items_get(state->items, i);
        if (item->changed && !item->spec->writable) {
            abort();
        }
    }
    bb_items_settle(state->items);
    dbus_message_unref(message);
    return 0;
}
