#include "services/serial/owner.h"

#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* One process id below /proc, 0 for other entries. */
static long process_of(const char *name)
{
    char *end;
    long pid = strtol(name, &end, 10);
    return *end == '\0' && pid > 0 ? pid : 0;
}

/* A line of /proc/locks: "1: FLOCK  ADVISORY  WRITE 1234 00:18:7 0 EOF", the fifth word being
 * the process, the sixth device (hexadecimal major and minor) and inode. Returns the process if
 * it is a lock on that file, else 0. */
static long process_of_lock(char *line, const struct stat *file)
{
    char expected[64];
    (void)snprintf(expected, sizeof expected, "%02x:%02x:%ju", major(file->st_dev),
                   minor(file->st_dev), (uintmax_t)file->st_ino);
    const char *words[6] = {NULL};
    char *rest = NULL;
    char *word = strtok_r(line, " \n", &rest);
    for (size_t i = 0; i < 6 && word; i++) {
        words[i] = word;
        word = strtok_r(NULL, " \n", &rest);
    }
    if (!words[5] || strcmp(words[1], "FLOCK") != 0 || strcmp(words[5], expected) != 0) {
        return 0;
    }
    return process_of(words[4]);
}

static long lock_holder(const struct stat *file)
{
    FILE *locks = fopen("/proc/locks", "re");
    char line[256];
    long found = 0;
    while (locks && found == 0 && fgets(line, sizeof line, locks)) {
        long pid = process_of_lock(line, file);
        found = pid != (long)getpid() ? pid : 0;
    }
    if (locks) {
        (void)fclose(locks);
    }
    return found;
}

/* True when the process has the device open. */
static bool has_open(long pid, dev_t device)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "/proc/%ld/fd", pid);
    DIR *folder = opendir(path);
    bool found = false;
    const struct dirent *entry;
    /* cppcheck-suppress readdirCalled */
    while (folder && !found && (entry = readdir(folder)) != NULL) {
        char link[PATH_MAX];
        struct stat status;
        (void)snprintf(link, sizeof link, "/proc/%ld/fd/%.20s", pid, entry->d_name);
        found = stat(link, &status) == 0 && S_ISCHR(status.st_mode) && status.st_rdev == device;
    }
    if (folder) {
        (void)closedir(folder);
    }
    return found;
}

static long descriptor_holder(dev_t device)
{
    DIR *folder = opendir("/proc");
    long found = 0;
    const struct dirent *entry;
    /* cppcheck-suppress readdirCalled */
    while (folder && found == 0 && (entry = readdir(folder)) != NULL) {
        long pid = process_of(entry->d_name);
        if (pid > 0 && pid != (long)getpid() && has_open(pid, device)) {
            found = pid;
        }
    }
    if (folder) {
        (void)closedir(folder);
    }
    return found;
}

static bool describe(long pid, char *ret_text, size_t capacity)
{
    char path[64];
    char name[32] = "";
    if (pid == 0) {
        return false;
    }
    (void)snprintf(path, sizeof path, "/proc/%ld/comm", pid);
    FILE *file = fopen(path, "re");
    if (file) {
        if (fgets(name, sizeof name, file)) {
            name[strcspn(name, "\n")] = '\0';
        }
        (void)fclose(file);
    }
    (void)snprintf(ret_text, capacity, "process %ld%s%s%s", pid, *name ? " (" : "", name,
                   *name ? ")" : "");
    return true;
}

bool bb_owner_of_lock(const char *path, char *ret_text, size_t capacity)
{
    struct stat status;
    return stat(path, &status) == 0 && describe(lock_holder(&status), ret_text, capacity);
}

bool bb_owner_of_descriptor(const char *path, char *ret_text, size_t capacity)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISCHR(status.st_mode) &&
           describe(descriptor_holder(status.st_rdev), ret_text, capacity);
}
