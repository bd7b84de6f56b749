#include "supervisor/verbs.h"

#include <string.h>

#include "common/names.h"

#define NEAR 3 /* edits that still count as a slip */
#define MOST_NEAREST 3

const struct bb_command_verb *bb_verbs_find(const struct bb_command_verb *verbs, size_t count,
                                            const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(verbs[i].name, name) == 0) {
            return &verbs[i];
        }
    }
    return NULL;
}

bool bb_verbs_is_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
    static const char others[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    return *name != '\0' && strchr(letters, *name) && strspn(name, others) == strlen(name);
}

/* A verb also counts as near when it begins with what was typed. */
static size_t distance_to(const char *typed, const char *verb)
{
    size_t size = strlen(typed);
    if (size >= 2 && strncmp(typed, verb, size) == 0) {
        return 0;
    }
    return bb_name_distance(typed, verb, NEAR);
}

void bb_verbs_nearest(const struct bb_command_verb *verbs, size_t count, const char *name,
                      char *ret_names, size_t capacity)
{
    size_t used = 0;
    int found = 0;
    ret_names[0] = '\0';
    for (size_t distance = 0; distance <= NEAR; distance++) {
        for (size_t i = 0; i < count && found < MOST_NEAREST && used < capacity; i++) {
            /* Every letter of a short word may be a slip; then anything would be near. */
            if (distance < strlen(name) && distance_to(name, verbs[i].name) == distance) {
                int size = snprintf(ret_names + used, capacity - used, "%s%s",
                                    found > 0 ? ", " : "", verbs[i].name);
                used += size > 0 ? (size_t)size : 0;
                found++;
            }
        }
    }
}

void bb_verbs_help(const struct bb_command_verb *verbs, size_t count, FILE *file)
{
    size_t width = 0;
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(verbs[i].name) + 1 + strlen(verbs[i].arguments);
        width = size > width ? size : width;
    }
    (void)fprintf(file, "usage: busbar VERB ...\n\n");
    for (size_t i = 0; i < count; i++) {
        int left = (int)(width - strlen(verbs[i].name) - 1);
        (void)fprintf(file, "  %s %-*s  %s\n", verbs[i].name, left, verbs[i].arguments,
                      verbs[i].meaning);
    }
}
