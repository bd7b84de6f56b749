#include "services/conformance/conformance.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "services/conformance/compare.h"
#include "services/conformance/mutate.h"
#include "services/conformance/player.h"

#define PATH_SIZE 1024

struct place {
    FILE *out;
    const char *path;
};

static void print_difference(void *arg, const char *field, const char *expected, const char *got)
{
    const struct place *place = arg;
    (void)fprintf(place->out, "%s: %s: expected %s, got %s\n", place->path, field, expected, got);
}

static void print_damage(void *arg, const char *damage, const char *effect)
{
    const struct place *place = arg;
    (void)fprintf(place->out, "%s: %s: expected the same state, got %s\n", place->path, damage,
                  effect);
}

/* True when the driver makes of the vector what it expects. */
static bool play(struct bb_conformance *conformance, const char *path,
                 const struct bb_vector *vector)
{
    struct place place = {.out = conformance->out, .path = path};
    struct bb_problem problem = {.what = ""};
    struct bb_battery battery;
    struct bb_player_options options = {.vector = vector, .change.frame = BB_PLAYER_NO_FRAME};
    int states = bb_player_run(&options, &battery, &problem);
    if (states < 0) {
        (void)fprintf(conformance->out, "%s: %s: %s\n", path, problem.where, problem.what);
        return false;
    }
    if (states == 0) {
        print_difference(&place, "state", "one", "nothing");
        return false;
    }
    if (bb_battery_check(&battery, &problem) != BB_OK) {
        print_difference(&place, problem.where, "a valid value", problem.what);
        return false;
    }
    if (bb_compare_expected(vector->expect, vector->tolerance, &battery, print_difference, &place) >
        0) {
        return false;
    }
    size_t tried = 0;
    bool sound = !conformance->mutate || bb_mutate(vector, print_damage, &place, &tried) == 0;
    conformance->damages += tried;
    return sound;
}

static void run_file(struct bb_conformance *conformance, const char *path)
{
    struct bb_vector vector;
    struct bb_problem problem = {.what = ""};
    int error = bb_vector_load(path, NULL, &vector, &problem);
    if (error == BB_ERR_UNKNOWN) {
        conformance->skipped++;
        return;
    }
    if (error != BB_OK) {
        (void)fprintf(conformance->out, "%s: %s: %s\n", path, problem.where, problem.what);
        conformance->failed++;
        return;
    }
    if (play(conformance, path, &vector)) {
        conformance->passed++;
    } else {
        conformance->failed++;
    }
    bb_vector_clear(&vector);
}

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text);
    return size >= strlen(end) && strcmp(text + size - strlen(end), end) == 0;
}

/* Scenarios of charge control have another format; they carry no driver. */
static bool is_wire_folder(const char *path)
{
    return !ends_with(path, "/charge-control");
}

static void run_folder(struct bb_conformance *conformance, const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort);
    if (count < 0) {
        (void)fprintf(conformance->out, "%s: cannot be read\n", path);
        conformance->failed++;
        return;
    }
    for (int i = 0; i < count; i++) {
        char name[PATH_SIZE];
        int size = snprintf(name, sizeof name, "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && size > 0 && (size_t)size < sizeof name) {
            bb_conformance_run(conformance, name);
        }
        free(entries[i]);
    }
    free(entries);
}

void bb_conformance_run(struct bb_conformance *conformance, const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        (void)fprintf(conformance->out, "%s: does not exist\n", path);
        conformance->failed++;
    } else if (S_ISDIR(status.st_mode)) {
        if (is_wire_folder(path)) {
            run_folder(conformance, path);
        } else {
            conformance->skipped++;
        }
    } else if (ends_with(path, ".json")) {
        run_file(conformance, path);
    }
}
