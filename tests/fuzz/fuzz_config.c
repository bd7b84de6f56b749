/* Any configuration file: accepted or refused with at least one complaint, never a crash. */
#define _GNU_SOURCE /* memfd_create */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count_complaint(const struct bb_problem *problem, void *arg)
{
    (void)problem;
    ++*(int *)arg;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = memfd_create("busbar.conf", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) {
        abort();
    }
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int complaints = 0;
    struct bb_config *config = NULL;
    int result = bb_config_load(path, count_complaint, &complaints, &config);
    if ((result == BB_OK) != (complaints == 0)) {
        abort();
    }
    bb_config_destroy(&config);
    (void)close(fd);
    return 0;
}
