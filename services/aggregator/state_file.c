#include "services/aggregator/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_BYTES 512
#define FILE_MODE 0640

static int make_path(char *ret_path, const char *folder, const char *suffix,
                     struct bb_problem *problem)
{
    int used = snprintf(ret_path, PATH_BYTES, "%s/%s%s", folder, BB_STATE_FILE, suffix);
    if (used < 0 || used >= PATH_BYTES) {
        return bb_fail(problem, BB_ERR_OVERSIZE, folder, "the path is too long");
    }
    return BB_OK;
}

/* Reads at most capacity bytes; returns their number or BB_ERR_IO. */
static ssize_t read_all(int fd, char *buffer, size_t capacity)
{
    size_t used = 0;
    while (used < capacity) {
        ssize_t got = read(fd, buffer + used, capacity - used);
        if (got == 0) {
            break;
        }
        if (got < 0 && errno != EINTR) {
            return BB_ERR_IO;
        }
        used += got > 0 ? (size_t)got : 0;
    }
    return (ssize_t)used;
}

static int read_text(const char *path, char **ret_text, size_t *ret_size,
                     struct bb_problem *problem)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        int error = errno == ENOENT ? BB_ERR_MISSING : BB_ERR_IO;
        return bb_fail(problem, error, path, "%s", strerror(errno));
    }
    char *text = malloc(BB_SAVED_BYTES_MAX + 1);
    ssize_t size = text ? read_all(fd, text, BB_SAVED_BYTES_MAX + 1) : BB_ERR_NO_MEMORY;
    int saved_errno = errno;
    (void)close(fd);
    if (size < 0) {
        free(text);
        return bb_fail(problem, (int)size, path, "%s", strerror(saved_errno));
    }
    *ret_text = text;
    *ret_size = (size_t)size;
    return BB_OK;
}

static void set_aside(const char *folder, const char *path)
{
    char damaged[PATH_BYTES];
    if (make_path(damaged, folder, ".damaged", NULL) == BB_OK) {
        (void)rename(path, damaged); /* the next write replaces it anyway */
    }
}

int bb_state_file_read(const char *folder, struct bb_saved *ret_saved, struct bb_problem *problem)
{
    char path[PATH_BYTES];
    char *text = NULL;
    size_t size = 0;
    int error = make_path(path, folder, "", problem);
    error = error == BB_OK ? read_text(path, &text, &size, problem) : error;
    if (error != BB_OK) {
        return error;
    }
    if (size > BB_SAVED_BYTES_MAX) {
        error = bb_fail(problem, BB_ERR_OVERSIZE, path, "more than %d bytes", BB_SAVED_BYTES_MAX);
    } else {
        struct bb_problem inner = {0};
        error = bb_saved_decode(text, size, ret_saved, &inner);
        if (error != BB_OK) {
            error = bb_fail(problem, error, path, "%s %s", inner.where, inner.what);
        }
    }
    if (error != BB_OK && error != BB_ERR_NO_MEMORY) {
        set_aside(folder, path);
    }
    free(text);
    return error;
}

static bool write_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t done = write(fd, text, size);
        if (done < 0 && errno != EINTR) {
            return false;
        }
        if (done > 0) {
            text += done;
            size -= (size_t)done;
        }
    }
    return true;
}

/* The new name must be on disk too. */
static bool sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    bool done = fsync(fd) == 0;
    (void)close(fd);
    return done;
}

static bool write_file(const char *path, const char *text, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
    if (fd < 0) {
        return false;
    }
    bool done = write_all(fd, text, size) && fsync(fd) == 0;
    int saved_errno = errno;
    done = close(fd) == 0 && done;
    errno = saved_errno;
    return done;
}

int bb_state_file_write(const char *folder, const struct bb_saved *saved,
                        struct bb_problem *problem)
{
    char path[PATH_BYTES];
    char fresh[PATH_BYTES];
    int error = make_path(path, folder, "", problem);
    error = error == BB_OK ? make_path(fresh, folder, ".new", problem) : error;
    if (error != BB_OK) {
        return error;
    }
    size_t size = 0;
    char *text = bb_saved_encode(saved, &size);
    if (!text) {
        return bb_fail(problem, BB_ERR_NO_MEMORY, path, "out of memory");
    }
    if (!write_file(fresh, text, size) || rename(fresh, path) != 0 || !sync_folder(folder)) {
        error = bb_fail(problem, BB_ERR_IO, path, "%s", strerror(errno));
    }
    free(text);
    return error;
}
