/* What is derived from the declared options: the commented default configuration, and
 * fingerprints of what a program sees. */
#include <string.h>

#include "common/config.h"
#include "common/config_values.h"

static void write_comment(FILE *file, const char *text)
{
    enum { WIDTH = 96 };
    while (*text != '\0') {
        size_t size = strlen(text);
        if (size > WIDTH) {
            size = WIDTH;
            while (size > 0 && text[size] != ' ') {
                size--;
            }
            size = size == 0 ? WIDTH : size;
        }
        (void)fprintf(file, "# %.*s\n", (int)size, text);
        text += size;
        text += *text == ' ' ? 1 : 0;
    }
}

static void write_range(FILE *file, const struct bb_option *option)
{
    switch (option->type) {
    case BB_OPTION_INTEGER:
    case BB_OPTION_REAL:
    case BB_OPTION_REALS:
    case BB_OPTION_INTEGERS:
        (void)fprintf(
            file, "# %s%g to %g%s%s\n",
            option->type == BB_OPTION_REALS || option->type == BB_OPTION_INTEGERS ? "List, each "
                                                                                  : "",
            option->min, option->max, option->unit ? " " : "", option->unit ? option->unit : "");
        break;
    case BB_OPTION_SWITCH:
        (void)fprintf(file, "# yes or no\n");
        break;
    case BB_OPTION_CHOICE:
        (void)fprintf(file, "# One of %s\n", option->choices);
        break;
    case BB_OPTION_WORDS:
        (void)fprintf(file, "# List of words, separated by commas\n");
        break;
    case BB_OPTION_TEXT:
        break;
    }
}

static void write_section(FILE *file, const struct bb_section *section)
{
    (void)fprintf(file, "\n");
    write_comment(file, section->meaning);
    (void)fprintf(file, "#[%s%s]\n", section->name, section->named ? " NAME" : "");
    for (size_t i = 0; i < section->option_count; i++) {
        const struct bb_option *option = &section->options[i];
        (void)fprintf(file, "\n");
        write_comment(file, option->meaning);
        write_range(file, option);
        (void)fprintf(file, "#%s =%s%s\n", option->name, *option->fallback ? " " : "",
                      option->fallback);
    }
}

void bb_config_write_defaults(FILE *file)
{
    (void)fprintf(file,
                  "# Busbar configuration: every section and option with its default.\n"
                  "# Remove the '#' in front of a section and of the options you want to change.\n"
                  "# Check the result with: busbar check-config FILE\n");
    const struct bb_section *section;
    for (size_t i = 0; (section = bb_section_at(i)) != NULL; i++) {
        write_section(file, section);
    }
}

/* FNV-1a, with the terminating NUL so that neighbours do not run together. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
    do {
        hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
    } while (*text++ != '\0');
    return hash;
}

static uint64_t hash_instance(uint64_t hash, const struct bb_config *config,
                              const struct bb_section *section, const char *name)
{
    hash = hash_text(hash_text(hash, section->name), name);
    for (size_t i = 0; i < section->option_count; i++) {
        const char *option = section->options[i].name;
        hash =
            hash_text(hash_text(hash, option), bb_config_text(config, section->name, name, option));
    }
    return hash;
}

uint64_t bb_config_fingerprint(const struct bb_config *config, const struct bb_section *section,
                               const char *name)
{
    uint64_t hash = hash_instance(UINT64_C(14695981039346656037), config, section, name);
    char other_name[64];
    for (size_t i = 0;
         section->reads && bb_value_word(section->reads, i, other_name, sizeof other_name); i++) {
        const struct bb_section *other = bb_section_find(other_name);
        if (!other->named) {
            hash = hash_instance(hash, config, other, "");
        }
        for (size_t k = 0; other->named && k < bb_config_count(config, other_name); k++) {
            hash = hash_instance(hash, config, other, bb_config_name(config, other_name, k));
        }
    }
    return hash;
}
