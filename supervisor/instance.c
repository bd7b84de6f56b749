#include "supervisor/instance.h"

#include <string.h>

struct list {
    struct bb_instance *instances;
    size_t count;
    struct bb_problem *problem;
};

const struct bb_instance *bb_instance_find(const struct bb_instance *instances, size_t count,
                                           const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(instances[i].name, name) == 0) {
            return &instances[i];
        }
    }
    return NULL;
}

static int add(struct list *list, const struct bb_config *config, const struct bb_section *section,
               const char *name)
{
    if (list->count == BB_PROCESSES_MAX) {
        return bb_fail(list->problem, BB_ERR_OVERSIZE, "configuration", "more than %d processes",
                       BB_PROCESSES_MAX);
    }
    struct bb_instance instance = {.order = section->order};
    int size = snprintf(instance.name, sizeof instance.name, "%s%s%s", section->program,
                        *name ? "-" : "", name);
    if (size < 0 || (size_t)size >= sizeof instance.name) {
        return bb_fail(list->problem, BB_ERR_OVERSIZE, name, "name of a section too long");
    }
    if (bb_instance_find(list->instances, list->count, instance.name)) {
        return bb_fail(list->problem, BB_ERR_DUPLICATE, name, "two processes would be called %s",
                       instance.name);
    }
    (void)snprintf(instance.program, sizeof instance.program, "%s", section->program);
    (void)snprintf(instance.section, sizeof instance.section, "%s", name);
    instance.fingerprint = bb_config_fingerprint(config, section, name);
    size_t place = list->count++;
    for (; place > 0 && list->instances[place - 1].order > instance.order; place--) {
        list->instances[place] = list->instances[place - 1];
    }
    list->instances[place] = instance;
    return BB_OK;
}

static int add_section(struct list *list, const struct bb_config *config,
                       const struct bb_section *section)
{
    size_t count = bb_config_count(config, section->name);
    if (count == 0 && section->always) {
        return add(list, config, section, "");
    }
    for (size_t i = 0; i < count; i++) {
        int error = add(list, config, section, bb_config_name(config, section->name, i));
        if (error != BB_OK) {
            return error;
        }
    }
    return BB_OK;
}

int bb_instances(const struct bb_config *config, struct bb_instance *ret_instances,
                 struct bb_problem *problem)
{
    struct list list = {.instances = ret_instances, .problem = problem};
    const struct bb_section *section;
    for (size_t i = 0; (section = bb_section_at(i)) != NULL; i++) {
        int error = section->program ? add_section(&list, config, section) : BB_OK;
        if (error != BB_OK) {
            return error;
        }
    }
    return (int)list.count;
}

enum bb_change bb_instance_change(const struct bb_instance *instance,
                                  const struct bb_instance *before, size_t before_count,
                                  const struct bb_instance *after, size_t after_count)
{
    const struct bb_instance *was = bb_instance_find(before, before_count, instance->name);
    const struct bb_instance *will = bb_instance_find(after, after_count, instance->name);
    if (!will) {
        return BB_CHANGE_STOP;
    }
    if (!was) {
        return BB_CHANGE_START;
    }
    return was->fingerprint == will->fingerprint ? BB_CHANGE_KEEP : BB_CHANGE_RESTART;
}
