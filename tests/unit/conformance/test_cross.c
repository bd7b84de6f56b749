/* Every driver is fed what all others' batteries say: it must not take one for its own. On CAN
 * several makers share a dialect, so that is left out. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/conformance/player.h"

/* Plays the file to the driver as if it answered everything; false: not a wire it works on. */
static bool feed(const char *path, const struct bb_driver *driver)
{
    struct bb_vector vector;
    struct bb_problem problem;
    if (bb_vector_load(path, driver, &vector, &problem) != BB_OK) {
        fail_msg("%s: %s", problem.where, problem.what);
    }
    const struct bb_transport *transport = bb_driver_transport(driver, vector.medium);
    bool plays = transport && vector.medium != BB_MEDIUM_CAN;
    if (plays) {
        vector.any_request = true;
        vector.address = transport->address_default;
        vector.setting_count = 0;
        struct bb_battery battery;
        struct bb_player_options options = {.vector = &vector, .change.frame = BB_PLAYER_NO_FRAME};
        /* Without requests: all that was received answers each of the driver's own. */
        size_t kept = 0;
        for (size_t i = 0; i < vector.frame_count; i++) {
            if (vector.frames[i].sent) {
                free(vector.frames[i].data);
            } else {
                vector.frames[kept++] = vector.frames[i];
            }
        }
        vector.frame_count = kept;
        int states = bb_player_run(&options, &battery, &problem);
        if (states != 0) {
            fail_msg("driver %s takes %s for its own", driver->id, path);
        }
    }
    bb_vector_clear(&vector);
    return plays;
}

static size_t feed_all_but_own(const struct bb_driver *driver)
{
    struct dirent **folders;
    int folder_count = scandir(VECTORS, &folders, NULL, alphasort);
    assert_true(folder_count > 0);
    size_t played = 0;
    for (int i = 0; i < folder_count; i++) {
        char folder[512];
        (void)snprintf(folder, sizeof folder, "%s/%s", VECTORS, folders[i]->d_name);
        bool foreign = folders[i]->d_name[0] != '.' && strcmp(folders[i]->d_name, driver->id) != 0;
        struct dirent **files;
        int file_count = foreign ? scandir(folder, &files, NULL, alphasort) : 0;
        for (int k = 0; k < file_count; k++) {
            char path[1024];
            (void)snprintf(path, sizeof path, "%s/%s", folder, files[k]->d_name);
            played += files[k]->d_name[0] != '.' && feed(path, driver);
            free(files[k]);
        }
        if (foreign) {
            free(files);
        }
        free(folders[i]);
    }
    free(folders);
    return played;
}

static void no_driver_takes_another_makers_battery(void **state)
{
    (void)state;
    const struct bb_driver *driver;
    for (size_t i = 0; (driver = bb_driver_at(i)) != NULL; i++) {
        bool streams = bb_driver_transport(driver, BB_MEDIUM_SERIAL) ||
                       bb_driver_transport(driver, BB_MEDIUM_BLE);
        assert_true(!streams || feed_all_but_own(driver) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_driver_takes_another_makers_battery)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
