/* The file of device instances and names, with any content: it is taken whole or not at all, and
 * what was taken is unique and can be saved and read again. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "services/dbus/registry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *folder(void)
{
    static char path[] = "/tmp/fuzz-registry-XXXXXX";
    static bool made;
    if (!made && !mkdtemp(path)) {
        abort();
    }
    made = true;
    return path;
}

static struct bb_registry *load(const char *path, int *ret_error)
{
    struct bb_problem problem;
    struct bb_registry *registry = bb_registry_new(path);
    if (!registry) {
        abort();
    }
    *ret_error = bb_registry_load(registry, &problem);
    return registry;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct bb_instances nobody;
    char path[64];
    (void)snprintf(path, sizeof path, "%s/dbus.json", folder());
    FILE *file = fopen(path, "we");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0) {
        abort();
    }
    int error = BB_OK;
    struct bb_registry *registry = load(path, &error);
    int instance = bb_registry_choose(registry, "fuzz", 10, &nobody);
    if (instance >= 0 && bb_registry_save(registry) == BB_OK) {
        struct bb_registry *again = load(path, &error);
        if (error != BB_OK || bb_registry_instance(again, "fuzz") != instance) {
            abort();
        }
        bb_registry_destroy(&again);
    }
    bb_registry_destroy(&registry);
    return 0;
}
