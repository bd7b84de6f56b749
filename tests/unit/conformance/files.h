/* Files and folders of a test, removed with files_end(). */
#ifndef BUSBAR_TESTS_FILES_H
#define BUSBAR_TESTS_FILES_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct files {
    char folder[64];
};

static inline void files_begin(struct files *files)
{
    (void)strcpy(files->folder, "/tmp/busbar-test-XXXXXX");
    assert_non_null(mkdtemp(files->folder));
}

/* Writes text to a file of that name and puts its path into ret_path. */
static inline void files_write(const struct files *files, const char *name, const char *text,
                               char ret_path[256])
{
    (void)snprintf(ret_path, 256, "%s/%s", files->folder, name);
    FILE *file = fopen(ret_path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static inline int files_remove(const char *path, const struct stat *status, int type,
                               struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

static inline void files_end(const struct files *files)
{
    assert_int_equal(nftw(files->folder, files_remove, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* A vector of a JBD battery with expectations as given. */
#define JBD_VECTOR(expect_)                                                                        \
    "{\"driver\": \"jbd\", \"transport\": \"serial\", \"address\": null, \"frames\": ["            \
    "{\"dir\": \"tx\", \"hex\": \"dda50300fffd77\"},"                                              \
    "{\"dir\": \"rx\", \"hex\": "                                                                  \
    "\"dd03001d0618000001f201f400002c7c00000000000080640304030b8b0b8a0b84fa8d77\"},"               \
    "{\"dir\": \"tx\", \"hex\": \"dda50400fffc77\"},"                                              \
    "{\"dir\": \"rx\", \"hex\": \"dd0400080f450f3d0f370f3dfec677\"}],"                             \
    "\"expect\": {" expect_ "}}"

#endif
