/* A temporary folder for one test. */
#ifndef BUSBAR_TESTS_SUPERVISOR_SCRATCH_H
#define BUSBAR_TESTS_SUPERVISOR_SCRATCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct scratch {
    char folder[32];
    char path[128];
};

static inline void scratch_make(struct scratch *scratch)
{
    (void)snprintf(scratch->folder, sizeof scratch->folder, "/tmp/busbar-test-XXXXXX");
    assert_non_null(mkdtemp(scratch->folder));
}

/* Path of name in the folder, valid until the next call. */
static inline const char *scratch_path(struct scratch *scratch, const char *name)
{
    int size = snprintf(scratch->path, sizeof scratch->path, "%s/%s", scratch->folder, name);
    assert_true(size > 0 && (size_t)size < sizeof scratch->path);
    return scratch->path;
}

static inline void scratch_write(struct scratch *scratch, const char *name, const char *text)
{
    FILE *file = fopen(scratch_path(scratch, name), "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Leaves out "." and "..". */
static inline int scratch_is_file(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static inline void scratch_remove(struct scratch *scratch)
{
    struct dirent **entries;
    int count = scandir(scratch->folder, &entries, scratch_is_file, alphasort);
    assert_true(count >= 0);
    for (int i = 0; i < count; i++) {
        (void)remove(scratch_path(scratch, entries[i]->d_name));
        free(entries[i]);
    }
    free(entries);
    assert_int_equal(rmdir(scratch->folder), 0);
}

#endif
