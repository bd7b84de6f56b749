#include "supervisor/table.h"

#include <string.h>

enum { NAME, STATE, PID, UPTIME, RESTARTS, CPU, MEMORY, IN, OUT, LAST_END, STATUS, COLUMNS };

#define CELL_BYTES 132

static const struct {
    const char *title;
    int right; /* numbers line up at their end */
} columns[COLUMNS] = {
    [NAME] = {"NAME", 0},         [STATE] = {"STATE", 0},   [PID] = {"PID", 1},
    [UPTIME] = {"UPTIME", 1},     [RESTARTS] = {"RST", 1},  [CPU] = {"CPU %", 1},
    [MEMORY] = {"MEM kB", 1},     [IN] = {"IN/s", 1},       [OUT] = {"OUT/s", 1},
    [LAST_END] = {"LAST END", 0}, [STATUS] = {"STATUS", 0},
};

struct row {
    char cells[COLUMNS][CELL_BYTES];
};

void bb_table_duration(char *ret_text, size_t capacity, int64_t duration_ms)
{
    enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR };
    if (duration_ms < 2 * MINUTE) {
        (void)snprintf(ret_text, capacity, "%lld s", (long long)(duration_ms / SECOND));
    } else if (duration_ms < 2 * HOUR) {
        (void)snprintf(ret_text, capacity, "%lld min", (long long)(duration_ms / MINUTE));
    } else if (duration_ms < 2 * DAY) {
        (void)snprintf(ret_text, capacity, "%.1f h", (double)duration_ms / HOUR);
    } else {
        (void)snprintf(ret_text, capacity, "%lld d", (long long)(duration_ms / DAY));
    }
}

static void put_text(char *cell, const json_t *process, const char *member)
{
    const char *text = json_string_value(json_object_get(process, member));
    (void)snprintf(cell, CELL_BYTES, "%s", text && *text != '\0' ? text : "-");
}

static void put_number(char *cell, const json_t *process, const char *member, int decimals)
{
    const json_t *value = json_object_get(process, member);
    if (json_is_number(value)) {
        (void)snprintf(cell, CELL_BYTES, "%.*f", decimals, json_number_value(value));
    } else {
        (void)snprintf(cell, CELL_BYTES, "-");
    }
}

static void put_duration(char *cell, const json_t *process, const char *member)
{
    const json_t *value = json_object_get(process, member);
    if (json_is_integer(value)) {
        bb_table_duration(cell, CELL_BYTES, json_integer_value(value));
    } else {
        (void)snprintf(cell, CELL_BYTES, "-");
    }
}

/* What a process that does not run waits for stands where its status would. */
static void put_status(char *cell, const json_t *process)
{
    const json_t *next = json_object_get(process, "next_start_ms");
    if (json_is_integer(next)) {
        (void)snprintf(cell, CELL_BYTES, "next start in %.1f s",
                       (double)json_integer_value(next) / 1000.0);
    } else {
        put_text(cell, process, "status");
    }
}

static void fill_row(struct row *row, const json_t *process)
{
    put_text(row->cells[NAME], process, "name");
    put_text(row->cells[STATE], process, "state");
    put_number(row->cells[PID], process, "pid", 0);
    put_duration(row->cells[UPTIME], process, "uptime_ms");
    put_number(row->cells[RESTARTS], process, "restarts", 0);
    put_number(row->cells[CPU], process, "cpu_percent", 1);
    put_number(row->cells[MEMORY], process,
               json_object_get(process, "pss_kb") ? "pss_kb" : "rss_kb", 0);
    put_number(row->cells[IN], process, "messages_in_per_s", 1);
    put_number(row->cells[OUT], process, "messages_out_per_s", 1);
    put_text(row->cells[LAST_END], process, "reason");
    put_status(row->cells[STATUS], process);
}

/* Characters of a UTF-8 text, which is what takes room on a terminal. */
static int width_of(const char *text)
{
    int width = 0;
    for (; *text != '\0'; text++) {
        width += ((unsigned char)*text & 0xC0U) != 0x80U ? 1 : 0;
    }
    return width;
}

static void print_row(const struct row *row, const int *widths, FILE *file)
{
    for (int i = 0; i < COLUMNS; i++) {
        int pad = widths[i] - width_of(row->cells[i]);
        if (columns[i].right) {
            (void)fprintf(file, "%*s%s", pad, "", row->cells[i]);
        } else if (i + 1 < COLUMNS) {
            (void)fprintf(file, "%s%*s", row->cells[i], pad, "");
        } else {
            (void)fprintf(file, "%s", row->cells[i]);
        }
        (void)fputs(i + 1 < COLUMNS ? "  " : "\n", file);
    }
}

static void widen(const struct row *row, int *widths)
{
    for (int i = 0; i < COLUMNS; i++) {
        int width = width_of(row->cells[i]);
        widths[i] = width > widths[i] ? width : widths[i];
    }
}

static void print_head(const json_t *status, FILE *file)
{
    char uptime[CELL_BYTES];
    const char *config = json_string_value(json_object_get(status, "config"));
    put_duration(uptime, status, "uptime_ms");
    (void)fprintf(file, "busbar %s, process %lld, up %s, configuration %s\n",
                  json_string_value(json_object_get(status, "version")),
                  (long long)json_integer_value(json_object_get(status, "pid")), uptime,
                  config ? config : "built in");
    const char *error = json_string_value(json_object_get(status, "reload_error"));
    if (error) {
        (void)fprintf(file, "the file was refused, the one before is in force: %s\n", error);
    }
}

void bb_table_print(const json_t *status, FILE *file)
{
    const json_t *processes = json_object_get(status, "processes");
    struct row row;
    int widths[COLUMNS] = {0};
    struct row titles;
    for (int i = 0; i < COLUMNS; i++) {
        (void)snprintf(titles.cells[i], CELL_BYTES, "%s", columns[i].title);
    }
    widen(&titles, widths);
    for (size_t i = 0; i < json_array_size(processes); i++) {
        fill_row(&row, json_array_get(processes, i));
        widen(&row, widths);
    }
    print_head(status, file);
    print_row(&titles, widths, file);
    for (size_t i = 0; i < json_array_size(processes); i++) {
        fill_row(&row, json_array_get(processes, i));
        print_row(&row, widths, file);
    }
}
