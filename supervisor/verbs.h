/* The verbs of the busbar command: a table, and what to say about a wrong one. */
#ifndef BUSBAR_SUPERVISOR_VERBS_H
#define BUSBAR_SUPERVISOR_VERBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct bb_command_verb {
    const char *name;
    const char *arguments; /* as in the help, "" for none */
    const char *meaning;
    int (*run)(int argc, char **argv); /* argv[0] is the verb; returns the exit code. NULL: the
                                          program busbar-<name> is executed */
};

/* The verb of that name among count verbs, or NULL. */
const struct bb_command_verb *bb_verbs_find(const struct bb_command_verb *verbs, size_t count,
                                            const char *name);

/* True when name can be a verb (lower case letters, digits and '-', a letter first): only then
 * busbar-<name> is looked for. */
bool bb_verbs_is_name(const char *name);

/* Writes the names nearest to a wrong one, best first, separated by ", ": at most three, "" when
 * nothing is near. */
void bb_verbs_nearest(const struct bb_command_verb *verbs, size_t count, const char *name,
                      char *ret_names, size_t capacity);

/* One line per verb. */
void bb_verbs_help(const struct bb_command_verb *verbs, size_t count, FILE *file);

#endif
