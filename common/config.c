#include "common/config.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/config_values.h"
#include "common/names.h"

#define LINE_MAX_BYTES 4096
#define NAME_MAX_BYTES 33
#define MOST_INSTANCES 256
#define MOST_ENTRIES 4096

struct instance {
    const struct bb_section *section;
    char name[NAME_MAX_BYTES];
    int line;
};

struct entry {
    size_t instance; /* index */
    const struct bb_option *option;
    char *value;
};

struct bb_config {
    struct instance instances[MOST_INSTANCES];
    size_t instance_count;
    struct entry entries[MOST_ENTRIES];
    size_t entry_count;
};

/* State of one load. */
struct loader {
    struct bb_config *config;
    const char *path;
    FILE *file;
    int line;
    bool line_cut;      /* the current line did not fit */
    bool section_valid; /* options of an unknown section are not reported one by one */
    size_t current;     /* instance of the current section */
    char header[2 * NAME_MAX_BYTES];
    bb_config_report_fn *report;
    void *arg;
    int errors;
};

static void complain(struct loader *loader, const char *option, const char *what, ...)
    __attribute__((format(printf, 3, 4)));

static void complain(struct loader *loader, const char *option, const char *what, ...)
{
    struct bb_problem problem;
    int size = loader->line > 0 ? snprintf(problem.where, sizeof problem.where, "%s:%d",
                                           loader->path, loader->line)
                                : snprintf(problem.where, sizeof problem.where, "%s", loader->path);
    size_t used = size < 0 ? 0 : (size_t)size;
    if (loader->header[0] != '\0' && used < sizeof problem.where) {
        (void)snprintf(problem.where + used, sizeof problem.where - used, " [%s]%s%s",
                       loader->header, *option ? " " : "", option);
    }
    va_list args;
    va_start(args, what);
    (void)vsnprintf(problem.what, sizeof problem.what, what, args);
    va_end(args);
    loader->errors++;
    if (loader->report) {
        loader->report(&problem, loader->arg);
    }
}

static const struct bb_option *find_option(const struct bb_section *section, const char *name)
{
    for (size_t i = 0; i < section->option_count; i++) {
        if (strcmp(section->options[i].name, name) == 0) {
            return &section->options[i];
        }
    }
    return NULL;
}

static const char *nearest_option(const struct bb_section *section, const char *name)
{
    const char *best = NULL;
    size_t best_distance = 4;
    for (size_t i = 0; i < section->option_count; i++) {
        size_t distance = bb_name_distance(name, section->options[i].name, 4);
        if (distance < best_distance) {
            best = section->options[i].name;
            best_distance = distance;
        }
    }
    return best;
}

static const char *nearest_section(const char *name)
{
    const char *best = NULL;
    size_t best_distance = 4;
    const struct bb_section *section;
    for (size_t i = 0; (section = bb_section_at(i)) != NULL; i++) {
        size_t distance = bb_name_distance(name, section->name, 4);
        if (distance < best_distance) {
            best = section->name;
            best_distance = distance;
        }
    }
    return best;
}

static bool is_instance_name(const char *name)
{
    size_t size = strlen(name);
    if (size == 0 || size >= NAME_MAX_BYTES) {
        return false;
    }
    for (const char *p = name; *p != '\0'; p++) {
        if (!isalnum((unsigned char)*p) && !strchr("_.-", *p)) {
            return false;
        }
    }
    return true;
}

static bool find_instance(const struct bb_config *config, const char *section, const char *name,
                          size_t *ret_index)
{
    for (size_t i = 0; i < config->instance_count; i++) {
        if (strcmp(config->instances[i].section->name, section) == 0 &&
            strcmp(config->instances[i].name, name) == 0) {
            *ret_index = i;
            return true;
        }
    }
    return false;
}

static void add_instance(struct loader *loader, const struct bb_section *section, const char *name)
{
    struct bb_config *config = loader->config;
    size_t index;
    if (find_instance(config, section->name, name, &index)) {
        complain(loader, "", "this section is already in line %d", config->instances[index].line);
        return;
    }
    if (config->instance_count == MOST_INSTANCES) {
        complain(loader, "", "more than %d sections", MOST_INSTANCES);
        return;
    }
    struct instance *instance = &config->instances[config->instance_count];
    instance->section = section;
    instance->line = loader->line;
    (void)snprintf(instance->name, sizeof instance->name, "%s", name);
    loader->current = config->instance_count++;
    loader->section_valid = true;
}

/* "[serial rack]": text is what stands between the brackets. */
static void begin_section(struct loader *loader, const char *text)
{
    (void)snprintf(loader->header, sizeof loader->header, "%s", text);
    loader->section_valid = false;
    char kind[NAME_MAX_BYTES] = "";
    size_t size = strcspn(text, " \t");
    if (size < sizeof kind) {
        memcpy(kind, text, size);
        kind[size] = '\0';
    }
    const char *name = text + size + strspn(text + size, " \t");
    const struct bb_section *section = bb_section_find(kind);
    if (!section) {
        const char *near = nearest_section(kind);
        complain(loader, "", "unknown section%s%s%s", near ? "; did you mean [" : "",
                 near ? near : "", near ? "]?" : "");
    } else if (!section->named && *name != '\0') {
        complain(loader, "", "there is only one [%s]: it takes no name", section->name);
    } else if (section->named && !is_instance_name(name)) {
        complain(loader, "", "needs a name of up to %d letters, digits, '_', '.' or '-': [%s NAME]",
                 NAME_MAX_BYTES - 1, section->name);
    } else {
        add_instance(loader, section, name);
    }
}

/* inih's line source. It is also where line numbers, empty sections and lines that are too long
 * are seen, which inih does not tell its handler. */
static char *read_line(char *buffer, int size, void *arg)
{
    struct loader *loader = arg;
    if (!fgets(buffer, size, loader->file)) {
        return NULL;
    }
    size_t length = strlen(buffer);
    bool continued = loader->line_cut;
    loader->line_cut = length + 1 == (size_t)size && buffer[length - 1] != '\n';
    if (continued) {
        buffer[0] = '\0'; /* the rest of a line that was already refused */
        return buffer;
    }
    loader->line++;
    if (loader->line_cut) {
        complain(loader, "", "line longer than %d bytes", size - 2);
        buffer[0] = '\0';
        return buffer;
    }
    const char *start = buffer + strspn(buffer, " \t");
    const char *end = strchr(start, ']');
    if (*start == '[' && end) {
        char text[2 * NAME_MAX_BYTES];
        (void)snprintf(text, sizeof text, "%.*s", (int)(end - start - 1), start + 1);
        begin_section(loader, text);
    }
    return buffer;
}

static bool has_entry(const struct bb_config *config, size_t instance,
                      const struct bb_option *option)
{
    for (size_t i = 0; i < config->entry_count; i++) {
        if (config->entries[i].instance == instance && config->entries[i].option == option) {
            return true;
        }
    }
    return false;
}

static void add_entry(struct loader *loader, const struct bb_option *option, const char *value)
{
    struct bb_config *config = loader->config;
    char what[128];
    if (has_entry(config, loader->current, option)) {
        complain(loader, option->name, "is given twice");
    } else if (bb_value_check(option, value, what, sizeof what) != BB_OK) {
        complain(loader, option->name, "%s", what);
    } else if (config->entry_count == MOST_ENTRIES) {
        complain(loader, option->name, "more than %d options", MOST_ENTRIES);
    } else {
        char *copy = strdup(value);
        if (!copy) {
            complain(loader, option->name, "out of memory");
            return;
        }
        config->entries[config->entry_count++] =
            (struct entry){.instance = loader->current, .option = option, .value = copy};
    }
}

static int handle_option(void *arg, const char *section, const char *name, const char *value)
{
    struct loader *loader = arg;
    (void)section;
    if (loader->header[0] == '\0') {
        complain(loader, name, "option '%s' stands before the first [section]", name);
        return 1;
    }
    if (!loader->section_valid) {
        return 1; /* the section itself was reported */
    }
    const struct bb_section *known = loader->config->instances[loader->current].section;
    const struct bb_option *option = find_option(known, name);
    if (!option) {
        const char *near = nearest_option(known, name);
        complain(loader, name, "unknown option%s%s%s", near ? "; did you mean '" : "",
                 near ? near : "", near ? "'?" : "");
        return 1;
    }
    add_entry(loader, option, value);
    return 1;
}

static void check_sections(struct loader *loader)
{
    for (size_t i = 0; i < loader->config->instance_count; i++) {
        const struct instance *instance = &loader->config->instances[i];
        struct bb_problem problem = {0};
        if (!instance->section->check ||
            instance->section->check(loader->config, instance->name, &problem) == BB_OK) {
            continue;
        }
        loader->line = instance->line;
        (void)snprintf(loader->header, sizeof loader->header, "%s%s%s", instance->section->name,
                       instance->name[0] ? " " : "", instance->name);
        complain(loader, problem.where, "%s", problem.what);
    }
}

static int load_file(struct loader *loader)
{
    loader->file = fopen(loader->path, "re");
    if (!loader->file) {
        int saved = errno;
        complain(loader, "", "cannot be read: %s", strerror(saved));
        return BB_ERR_IO;
    }
    ini_use_stack = false;
    ini_max_line = LINE_MAX_BYTES;
    ini_initial_alloc = LINE_MAX_BYTES;
    ini_allow_multiline = false; /* an indented option is an option */
    static char comment_prefixes[] = ";#";
    ini_inline_comment_prefixes = comment_prefixes;
    int bad_line = ini_parse_stream(read_line, loader, handle_option, loader);
    (void)fclose(loader->file);
    if (bad_line > 0) {
        loader->line = bad_line;
        loader->header[0] = '\0';
        complain(loader, "", "neither [section] nor option = value");
    } else if (bad_line < 0) {
        complain(loader, "", "out of memory");
    }
    if (loader->errors == 0) {
        check_sections(loader);
    }
    return loader->errors > 0 ? BB_ERR_CONFIG : BB_OK;
}

int bb_config_load(const char *path, bb_config_report_fn *report, void *arg,
                   struct bb_config **ret_config)
{
    struct bb_config *config = calloc(1, sizeof *config);
    if (!config) {
        return BB_ERR_NO_MEMORY;
    }
    struct loader loader = {.config = config, .path = path, .report = report, .arg = arg};
    int error = path ? load_file(&loader) : BB_OK;
    if (error != BB_OK) {
        bb_config_destroy(&config);
        return error;
    }
    *ret_config = config;
    return BB_OK;
}

void bb_config_destroy(struct bb_config **config)
{
    if (*config) {
        for (size_t i = 0; i < (*config)->entry_count; i++) {
            free((*config)->entries[i].value);
        }
        free(*config);
        *config = NULL;
    }
}

size_t bb_config_count(const struct bb_config *config, const char *section)
{
    size_t count = 0;
    for (size_t i = 0; i < config->instance_count; i++) {
        count += strcmp(config->instances[i].section->name, section) == 0 ? 1 : 0;
    }
    return count;
}

const char *bb_config_name(const struct bb_config *config, const char *section, size_t index)
{
    for (size_t i = 0; i < config->instance_count; i++) {
        if (strcmp(config->instances[i].section->name, section) == 0 && index-- == 0) {
            return config->instances[i].name;
        }
    }
    return NULL;
}

/* What the file says, or NULL. */
static const char *stored(const struct bb_config *config, const char *section, const char *name,
                          const struct bb_option *option)
{
    size_t instance;
    if (!find_instance(config, section, name, &instance)) {
        return NULL;
    }
    for (size_t i = 0; i < config->entry_count; i++) {
        if (config->entries[i].instance == instance && config->entries[i].option == option) {
            return config->entries[i].value;
        }
    }
    return NULL;
}

static const struct bb_option *declared(const char *section, const char *option)
{
    const struct bb_section *known = bb_section_find(section);
    const struct bb_option *found = known ? find_option(known, option) : NULL;
    assert(found != NULL);
    return found;
}

const char *bb_config_text(const struct bb_config *config, const char *section, const char *name,
                           const char *option)
{
    const struct bb_option *found = declared(section, option);
    const char *value = stored(config, section, name, found);
    return value ? value : found->fallback;
}

int64_t bb_config_integer(const struct bb_config *config, const char *section, const char *name,
                          const char *option)
{
    return bb_value_integer(bb_config_text(config, section, name, option));
}

double bb_config_real(const struct bb_config *config, const char *section, const char *name,
                      const char *option)
{
    return bb_value_real(bb_config_text(config, section, name, option));
}

bool bb_config_switch(const struct bb_config *config, const char *section, const char *name,
                      const char *option)
{
    return bb_value_switch(bb_config_text(config, section, name, option));
}

bool bb_config_is_set(const struct bb_config *config, const char *section, const char *name,
                      const char *option)
{
    return *bb_config_text(config, section, name, option) != '\0';
}

size_t bb_config_reals(const struct bb_config *config, const char *section, const char *name,
                       const char *option, double *ret_values, size_t capacity)
{
    return bb_value_reals(bb_config_text(config, section, name, option), ret_values, capacity);
}

size_t bb_config_integers(const struct bb_config *config, const char *section, const char *name,
                          const char *option, int64_t *ret_values, size_t capacity)
{
    return bb_value_integers(bb_config_text(config, section, name, option), ret_values, capacity);
}

bool bb_config_word(const struct bb_config *config, const char *section, const char *name,
                    const char *option, size_t index, char *ret_word, size_t capacity)
{
    return bb_value_word(bb_config_text(config, section, name, option), index, ret_word, capacity);
}
