/* Vectors come from people: whatever a file holds, reading and playing it ends. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "services/conformance/player.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int file = memfd_create("vector", 0);
    if (file < 0 || write(file, data, size) != (ssize_t)size) {
        abort();
    }
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    struct bb_vector vector;
    struct bb_battery battery;
    if (bb_vector_load(path, NULL, &vector, NULL) == BB_OK) {
        struct bb_player_options options = {.vector = &vector, .change.frame = BB_PLAYER_NO_FRAME};
        (void)bb_player_run(&options, &battery, NULL);
        bb_vector_clear(&vector);
    }
    if (bb_vector_load_hex(path, bb_driver_find("jbd"), &vector, NULL) == BB_OK) {
        bb_vector_clear(&vector);
    }
    (void)close(file);
    return 0;
}
