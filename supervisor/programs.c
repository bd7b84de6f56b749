#include "supervisor/programs.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proto/error.h"

int bb_programs_folder(const char *relative, char *ret_folder, size_t capacity)
{
    char own[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", own, sizeof own - 1);
    if (size <= 0) {
        return BB_ERR_IO;
    }
    own[size] = '\0';
    char *end = strrchr(own, '/');
    if (!end) {
        return BB_ERR_IO;
    }
    *end = '\0';
    int used = snprintf(ret_folder, capacity, "%s%s", own, relative);
    return used >= 0 && (size_t)used < capacity ? BB_OK : BB_ERR_OVERSIZE;
}
