#include "services/dbus/registry.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json_file.h"

#define VERSION 1
/* More than there are device instances. */
#define RECORDS_MAX 256

struct record {
    char id[BB_ID_MAX];
    int instance; /* -1: none yet */
    char name[BB_ITEM_TEXT_MAX];
};

struct bb_registry {
    char *path; /* NULL: nowhere */
    bool changed;
    size_t count;
    struct record records[RECORDS_MAX];
};

struct bb_registry *bb_registry_new(const char *path)
{
    struct bb_registry *registry = calloc(1, sizeof *registry);
    if (!registry || !path) {
        return registry;
    }
    registry->path = strdup(path);
    if (!registry->path) {
        free(registry);
        return NULL;
    }
    return registry;
}

void bb_registry_destroy(struct bb_registry **registry)
{
    if (registry && *registry) {
        free((*registry)->path);
        free(*registry);
        *registry = NULL;
    }
}

/* Position of the record of id, or count. */
static size_t find(const struct bb_registry *registry, const char *id)
{
    size_t i = 0;
    while (i < registry->count && strcmp(registry->records[i].id, id) != 0) {
        i++;
    }
    return i;
}

/* The record of id, a new one if need be; NULL when there is no room. */
static struct record *find_or_add(struct bb_registry *registry, const char *id)
{
    size_t position = find(registry, id);
    if (position == RECORDS_MAX) {
        return NULL;
    }
    struct record *record = &registry->records[position];
    if (position == registry->count) {
        *record = (struct record){.instance = -1};
        (void)snprintf(record->id, sizeof record->id, "%s", id);
        registry->count++;
    }
    return record;
}

static bool is_remembered(const struct bb_registry *registry, int instance)
{
    for (size_t i = 0; i < registry->count; i++) {
        if (registry->records[i].instance == instance) {
            return true;
        }
    }
    return false;
}

/* --- File --- */

static int read_record(struct bb_registry *registry, const char *id, const json_t *value,
                       struct bb_problem *problem)
{
    const json_t *instance = json_object_get(value, "instance");
    const json_t *name = json_object_get(value, "name");
    json_int_t number = json_integer_value(instance);
    if (strlen(id) >= BB_ID_MAX || !json_is_integer(instance) || number < 0 ||
        number > BB_INSTANCE_MAX) {
        return bb_fail(problem, BB_ERR_RANGE, registry->path, "%s: no valid instance", id);
    }
    if (is_remembered(registry, (int)number)) {
        return bb_fail(problem, BB_ERR_DUPLICATE, registry->path, "%s: instance %d twice", id,
                       (int)number);
    }
    if (name && (!json_is_string(name) || json_string_length(name) >= BB_ITEM_TEXT_MAX)) {
        return bb_fail(problem, BB_ERR_TYPE, registry->path, "%s: no valid name", id);
    }
    struct record *record = find_or_add(registry, id);
    if (!record) {
        return bb_fail(problem, BB_ERR_OVERSIZE, registry->path, "too many batteries");
    }
    record->instance = (int)number;
    (void)snprintf(record->name, sizeof record->name, "%s", name ? json_string_value(name) : "");
    return BB_OK;
}

static int read_records(struct bb_registry *registry, json_t *root, struct bb_problem *problem)
{
    json_t *batteries = json_object_get(root, "batteries");
    const json_t *version = json_object_get(root, "version");
    const char *id = NULL;
    json_t *value = NULL;
    if (!json_is_integer(version) || json_integer_value(version) != VERSION) {
        return bb_fail(problem, BB_ERR_VERSION, registry->path, "version is not %d", VERSION);
    }
    if (!json_is_object(batteries)) {
        return bb_fail(problem, BB_ERR_TYPE, registry->path, "batteries is not an object");
    }
    json_object_foreach(batteries, id, value)
    {
        int error = read_record(registry, id, value, problem);
        if (error != BB_OK) {
            return error;
        }
    }
    return BB_OK;
}

/* Keeps a damaged file for whoever wants to know what happened to it. */
static void set_aside(const char *path)
{
    char damaged[PATH_MAX];
    int size = snprintf(damaged, sizeof damaged, "%s.damaged", path);
    if (size > 0 && (size_t)size < sizeof damaged) {
        (void)rename(path, damaged); /* else the next write replaces it */
    }
}

int bb_registry_load(struct bb_registry *registry, struct bb_problem *problem)
{
    json_t *root = NULL;
    if (!registry->path) {
        return BB_OK;
    }
    int error = bb_json_file_read(registry->path, &root, problem);
    if (error == BB_ERR_MISSING) {
        return BB_OK;
    }
    if (error == BB_OK) {
        error = read_records(registry, root, problem);
        json_decref(root);
    }
    if (error != BB_OK) {
        registry->count = 0; /* never half a file */
        set_aside(registry->path);
    }
    return error;
}

static json_t *to_json(const struct bb_registry *registry)
{
    json_t *batteries = json_object();
    for (size_t i = 0; batteries && i < registry->count; i++) {
        const struct record *record = &registry->records[i];
        if (record->instance < 0) {
            continue;
        }
        json_t *value = json_pack("{s:i}", "instance", record->instance);
        int error = 0;
        if (record->name[0]) {
            error = json_object_set_new(value, "name", json_string(record->name));
        }
        if (error != 0 || json_object_set_new(batteries, record->id, value) != 0) {
            json_decref(batteries);
            return NULL;
        }
    }
    return batteries ? json_pack("{s:i,s:o}", "version", VERSION, "batteries", batteries) : NULL;
}

int bb_registry_save(struct bb_registry *registry)
{
    if (!registry->path || !registry->changed) {
        return BB_OK;
    }
    json_t *root = to_json(registry);
    if (!root) {
        return BB_ERR_NO_MEMORY;
    }
    int error = bb_json_file_write(registry->path, root);
    json_decref(root);
    registry->changed = error != BB_OK;
    return error;
}

/* --- Instances --- */

int bb_registry_instance(const struct bb_registry *registry, const char *id)
{
    size_t position = find(registry, id);
    return position < registry->count ? registry->records[position].instance : -1;
}

int bb_registry_set_instance(struct bb_registry *registry, const char *id, int instance)
{
    if (instance < 0 || instance > BB_INSTANCE_MAX) {
        return BB_ERR_RANGE;
    }
    struct record *record = find_or_add(registry, id);
    if (!record) {
        return BB_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < registry->count; i++) {
        struct record *other = &registry->records[i];
        if (other != record && other->instance == instance) {
            other->instance = -1; /* it asks again when it appears */
        }
    }
    registry->changed = registry->changed || record->instance != instance;
    record->instance = instance;
    return BB_OK;
}

int bb_registry_choose(struct bb_registry *registry, const char *id, int first,
                       const struct bb_instances *others)
{
    int instance = bb_registry_instance(registry, id);
    if (instance >= 0 && !others->taken[instance]) {
        return instance;
    }
    for (int i = 0; i <= BB_INSTANCE_MAX; i++) {
        instance = (first + i) % (BB_INSTANCE_MAX + 1);
        if (!others->taken[instance] && !is_remembered(registry, instance)) {
            int error = bb_registry_set_instance(registry, id, instance);
            return error == BB_OK ? instance : error;
        }
    }
    return BB_ERR_RANGE;
}

/* --- Names --- */

const char *bb_registry_name(const struct bb_registry *registry, const char *id)
{
    size_t position = find(registry, id);
    return position < registry->count ? registry->records[position].name : "";
}

int bb_registry_set_name(struct bb_registry *registry, const char *id, const char *name)
{
    if (!registry->path) {
        return BB_ERR_UNSUPPORTED;
    }
    if (strlen(name) >= BB_ITEM_TEXT_MAX) {
        return BB_ERR_OVERSIZE;
    }
    struct record *record = find_or_add(registry, id);
    if (!record) {
        return BB_ERR_NO_MEMORY;
    }
    char before[BB_ITEM_TEXT_MAX];
    memcpy(before, record->name, sizeof before);
    (void)snprintf(record->name, sizeof record->name, "%s", name);
    registry->changed = true;
    int error = bb_registry_save(registry);
    if (error != BB_OK) {
        memcpy(record->name, before, sizeof before);
    }
    return error;
}
