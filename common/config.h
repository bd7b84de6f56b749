/* The configuration: one INI file, checked against the declared sections and options.
 *
 * Every option of the product is declared once in common/options/ (one file per section) with
 * type, default, range, unit and meaning. The check, the defaults, "busbar options" and the
 * commented config/busbar.conf derive from it. A file is accepted as a whole or not at all.
 */
#ifndef BUSBAR_COMMON_CONFIG_H
#define BUSBAR_COMMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "proto/error.h"

struct bb_config;

enum bb_option_type {
    BB_OPTION_TEXT,
    BB_OPTION_INTEGER,  /* decimal or 0x..; min..max */
    BB_OPTION_REAL,     /* min..max, finite */
    BB_OPTION_SWITCH,   /* yes/no, true/false, on/off, 1/0 */
    BB_OPTION_CHOICE,   /* one of choices, separated by '|' */
    BB_OPTION_REALS,    /* comma separated numbers, each min..max */
    BB_OPTION_INTEGERS, /* comma separated integers, each min..max */
    BB_OPTION_WORDS     /* comma separated words */
};

struct bb_option {
    const char *name;
    enum bb_option_type type;
    const char *fallback; /* as it would be written; "" means not set */
    double min, max;
    const char *unit;
    const char *choices; /* BB_OPTION_CHOICE */
    const char *meaning; /* one or two sentences for the owner */
};

struct bb_section {
    const char *name;    /* "serial" */
    bool named;          /* [serial NAME], any number of them */
    const char *program; /* program run for it (libexec/busbar/busbar-<program>), or NULL */
    bool always;         /* the program runs even without the section in the file */
    int order;           /* start order of programs, low first */
    const char *reads;   /* further sections its program reads, comma separated, or NULL */
    const char *meaning;
    const struct bb_option *options;
    size_t option_count;
    /* What options of one section mean together ("driver needs addresses"); may be NULL. get
     * with bb_config_...(config, section->name, name, ...). */
    int (*check)(const struct bb_config *config, const char *name, struct bb_problem *problem);
};

/* All sections; index from 0, NULL after the last. */
const struct bb_section *bb_section_at(size_t index);
const struct bb_section *bb_section_find(const char *name);

/* Called once per error of a file, with "file:line [section] option" and a sentence that names
 * the nearest valid name where one is near. */
typedef void bb_config_report_fn(const struct bb_problem *problem, void *arg);

/* Reads and checks path. A NULL path gives the built-in defaults. All errors are reported, then
 * BB_ERR_CONFIG (or BB_ERR_IO when the file cannot be read) is returned. The caller destroys
 * *ret_config. */
int bb_config_load(const char *path, bb_config_report_fn *report, void *arg,
                   struct bb_config **ret_config);
void bb_config_destroy(struct bb_config **config);

/* Names of the instances of a section in file order ("" for a section without name). */
size_t bb_config_count(const struct bb_config *config, const char *section);
const char *bb_config_name(const struct bb_config *config, const char *section, size_t index);

/* Value of an option, or its default. Asking for an undeclared option is a programming error
 * (assert). name is "" for a section without name. Texts live as long as config. */
const char *bb_config_text(const struct bb_config *config, const char *section, const char *name,
                           const char *option);
int64_t bb_config_integer(const struct bb_config *config, const char *section, const char *name,
                          const char *option);
double bb_config_real(const struct bb_config *config, const char *section, const char *name,
                      const char *option);
bool bb_config_switch(const struct bb_config *config, const char *section, const char *name,
                      const char *option);
/* True when the file sets the option, or its default is not empty. */
bool bb_config_is_set(const struct bb_config *config, const char *section, const char *name,
                      const char *option);
/* Elements of a list option; returns how many there are and stores at most capacity. */
size_t bb_config_reals(const struct bb_config *config, const char *section, const char *name,
                       const char *option, double *ret_values, size_t capacity);
size_t bb_config_integers(const struct bb_config *config, const char *section, const char *name,
                          const char *option, int64_t *ret_values, size_t capacity);
/* Element index of a word list copied into ret_word; false after the last. */
bool bb_config_word(const struct bb_config *config, const char *section, const char *name,
                    const char *option, size_t index, char *ret_word, size_t capacity);

/* Hash over every option value a program instance can see (its section and those it reads), so
 * that a reload restarts only what changed. */
uint64_t bb_config_fingerprint(const struct bb_config *config, const struct bb_section *section,
                               const char *name);

/* Writes the commented configuration with all defaults (config/busbar.conf). */
void bb_config_write_defaults(FILE *file);

#endif
