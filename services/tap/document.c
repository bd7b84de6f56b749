#include "services/tap/document.h"

#include <string.h>

#include "proto/message/message.h"

static const char introduction[] =
    "# Messages of the bus\n"
    "\n"
    "Made by `busbar messages` from `proto/message/fields.def`; change the fields there and run\n"
    "`busbar messages > docs/messages.md`.\n"
    "\n"
    "A message is two frames: its topic and one MessagePack map. The map holds the fields of the\n"
    "head and, under `data`, those of the body. A value that is not known is left out; it is\n"
    "never zero and never nil. A key that is not listed here is ignored. Everything else that\n"
    "does not fit (truncated, another type, out of range, too long, not UTF-8, a key twice)\n"
    "refuses the whole message, on the sending side as well as on the receiving side.\n";

static const struct {
    enum bb_topic_class topic_class;
    const char *topic, *meaning;
} bodies[] = {
    {BB_TOPIC_BATTERY, "battery/<id>", "What a reader got from one battery."},
    {BB_TOPIC_CHARGE, "charge/<id>", "The aggregator's decision for a battery or a bank."},
    {BB_TOPIC_LINK, "link/<process>/<address>", "One battery's place on a wire, with counters."},
    {BB_TOPIC_HEALTH, "health/<process>", "A process about itself, every second."},
    {BB_TOPIC_COMMAND, "command/<id>", "Something a battery is asked to do."},
    {BB_TOPIC_REPLY, "reply/<id>", "What became of a command."},
    {BB_TOPIC_LOG, "log/<process>", "A warning or an error."},
};

static const char *kind_name(const struct bb_field *field)
{
    switch (field->kind) {
    case BB_REAL:
        return "number";
    case BB_INTEGER:
        return "integer";
    case BB_FLAG:
        return "boolean";
    case BB_TEXT:
        return "text";
    case BB_OBJECT:
        return "map";
    case BB_LIST:
        return "list of maps";
    }
    return "";
}

/* "0..1000 V, 3 digits", "at most 39 bytes", "at most 64". */
static void write_values(const struct bb_field *field, FILE *file)
{
    const char *space = *field->unit != '\0' ? " " : "";
    switch (field->kind) {
    case BB_REAL:
        (void)fprintf(file, "%.16g..%.16g%s%s, %d %s", field->min, field->max, space, field->unit,
                      field->decimals, field->decimals == 1 ? "decimal" : "decimals");
        break;
    case BB_INTEGER:
        (void)fprintf(file, "%.16g..%.16g%s%s", field->min, field->max, space, field->unit);
        break;
    case BB_TEXT:
        (void)fprintf(file, "at most %d bytes", field->size - 1);
        break;
    case BB_LIST:
        (void)fprintf(file, "at most %d", field->size);
        break;
    case BB_FLAG:
    case BB_OBJECT:
        break;
    }
}

/* Rows of schema and, behind a field that holds maps, the rows of those. */
static void write_rows(const struct bb_schema *schema, const char *path, FILE *file)
{
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct bb_field *field = &schema->fields[i];
        (void)fprintf(file, "| `%s%s` | %s%s | ", path, field->name, kind_name(field),
                      field->required ? ", required" : "");
        write_values(field, file);
        (void)fprintf(file, " | %s |\n", field->meaning);
        if (field->schema) {
            char inner[128];
            (void)snprintf(inner, sizeof inner, "%s%s%s.", path, field->name,
                           field->kind == BB_LIST ? "[]" : "");
            write_rows(field->schema, inner, file);
        }
    }
}

static void write_table(const struct bb_schema *schema, FILE *file)
{
    (void)fputs("\n| field | type | values | meaning |\n| --- | --- | --- | --- |\n", file);
    write_rows(schema, "", file);
}

void bb_document_write(FILE *file)
{
    (void)fputs(introduction, file);
    (void)fprintf(file,
                  "\n## Head\n\nThe schema version is %d, a body has at most %d bytes, a topic at "
                  "most %d.\n",
                  BB_MESSAGE_VERSION, BB_MESSAGE_MAX, BB_TOPIC_MAX - 1);
    write_table(&bb_head_schema, file);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        const char *kept = bb_topic_is_cached(bodies[i].topic_class)
                               ? "The bus keeps the last one for late joiners."
                               : "Not kept by the bus.";
        (void)fprintf(file, "\n## `%s`\n\n%s %s\n", bodies[i].topic, bodies[i].meaning, kept);
        write_table(bb_message_schema(bodies[i].topic_class), file);
    }
}
