#include "services/dbus/introspect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dbus/dbus.h>

static const char head[] = DBUS_INTROSPECT_1_0_XML_DOCTYPE_DECL_NODE
    "<node>\n"
    " <interface name=\"org.freedesktop.DBus.Introspectable\">\n"
    "  <method name=\"Introspect\"><arg direction=\"out\" type=\"s\"/></method>\n"
    " </interface>\n"
    " <interface name=\"com.victronenergy.BusItem\">\n"
    "  <method name=\"GetValue\"><arg direction=\"out\" type=\"v\"/></method>\n";

static const char root_part[] =
    "  <method name=\"GetText\"><arg direction=\"out\" type=\"v\"/></method>\n"
    "  <method name=\"GetItems\"><arg direction=\"out\" type=\"a{sa{sv}}\"/></method>\n"
    "  <signal name=\"ItemsChanged\"><arg type=\"a{sa{sv}}\"/></signal>\n";

static const char node_part[] =
    "  <method name=\"GetText\"><arg direction=\"out\" type=\"v\"/></method>\n";

static const char leaf_part[] =
    "  <method name=\"GetText\"><arg direction=\"out\" type=\"s\"/></method>\n"
    "  <method name=\"SetValue\"><arg direction=\"in\" type=\"v\"/>"
    "<arg direction=\"out\" type=\"i\"/></method>\n";

/* Writes each first element below path once; the leaves are in order, so that equal elements
 * follow each other. */
static void write_children(FILE *xml, const struct bb_items *items, const char *path, size_t first,
                           size_t count)
{
    size_t skip = strcmp(path, "/") == 0 ? 1 : strlen(path) + 1;
    const char *last = "";
    size_t last_length = 0;
    for (size_t i = first; i < first + count; i++) {
        const char *element = bb_items_sorted(items, i)->path + skip;
        size_t length = strcspn(element, "/");
        if (length == last_length && strncmp(element, last, length) == 0) {
            continue;
        }
        (void)fprintf(xml, " <node name=\"%.*s\"/>\n", (int)length, element);
        last = element;
        last_length = length;
    }
}

char *bb_introspect(const struct bb_items *items, const char *path)
{
    size_t first = 0;
    size_t below = bb_items_below(items, path, &first);
    bool is_root = strcmp(path, "/") == 0;
    if (!is_root && below == 0 && !bb_items_find(items, path, NULL)) {
        return NULL;
    }
    char *text = NULL;
    size_t size = 0;
    FILE *xml = open_memstream(&text, &size);
    if (!xml) {
        return NULL;
    }
    (void)fputs(head, xml);
    if (is_root) {
        (void)fputs(root_part, xml);
    } else {
        (void)fputs(below > 0 ? node_part : leaf_part, xml);
    }
    (void)fputs(" </interface>\n", xml);
    write_children(xml, items, path, first, below);
    (void)fputs("</node>\n", xml);
    bool failed = ferror(xml) != 0;
    if (fclose(xml) != 0 || failed) {
        free(text);
        return NULL;
    }
    return text;
}
