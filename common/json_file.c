#include "common/json_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MODE 0640

static int write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, data, size);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return BB_ERR_IO;
        }
        data += written;
        size -= (size_t)written;
    }
    return BB_OK;
}

/* Without this the rename itself could be lost in a power cut. */
static int sync_folder_of(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int size = slash ? (int)(slash - path + 1) : 1;
    (void)snprintf(folder, sizeof folder, "%.*s", size, slash ? path : ".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return BB_ERR_IO;
    }
    int result = fsync(fd) == 0 ? BB_OK : BB_ERR_IO;
    (void)close(fd);
    return result;
}

/* Creates the new file beside the old one, complete and on the disk. */
static int write_beside(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (fd < 0) {
        return BB_ERR_IO;
    }
    int result = write_all(fd, text, strlen(text));
    if (result == BB_OK && fsync(fd) != 0) {
        result = BB_ERR_IO;
    }
    if (close(fd) != 0) {
        result = BB_ERR_IO;
    }
    return result;
}

int bb_json_file_write(const char *path, const json_t *value)
{
    char beside[PATH_MAX];
    int size = snprintf(beside, sizeof beside, "%s.new", path);
    if (size < 0 || (size_t)size >= sizeof beside) {
        errno = ENAMETOOLONG;
        return BB_ERR_IO;
    }
    char *text = json_dumps(value, JSON_INDENT(1) | JSON_SORT_KEYS);
    if (!text) {
        return BB_ERR_NO_MEMORY;
    }
    int result = write_beside(beside, text);
    free(text);
    if (result == BB_OK && rename(beside, path) != 0) {
        result = BB_ERR_IO;
    }
    if (result != BB_OK) {
        int reason = errno;
        (void)unlink(beside);
        errno = reason;
        return result;
    }
    return sync_folder_of(path);
}

static int parse_file(FILE *file, const char *path, json_t **ret_value, struct bb_problem *problem)
{
    struct stat status;
    if (fstat(fileno(file), &status) != 0) {
        return bb_fail(problem, BB_ERR_IO, path, "%s", strerror(errno));
    }
    if (status.st_size > BB_JSON_FILE_MAX) {
        return bb_fail(problem, BB_ERR_OVERSIZE, path, "too large");
    }
    json_error_t error;
    json_t *value = json_loadf(file, JSON_REJECT_DUPLICATES, &error);
    if (!value) {
        return bb_fail(problem, BB_ERR_MALFORMED, path, "line %d: %s", error.line, error.text);
    }
    if (!json_is_object(value)) {
        json_decref(value);
        return bb_fail(problem, BB_ERR_MALFORMED, path, "not a JSON object");
    }
    *ret_value = value;
    return BB_OK;
}

int bb_json_file_read(const char *path, json_t **ret_value, struct bb_problem *problem)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        int error = errno == ENOENT ? BB_ERR_MISSING : BB_ERR_IO;
        return bb_fail(problem, error, path, "%s", strerror(errno));
    }
    int result = parse_file(file, path, ret_value, problem);
    (void)fclose(file);
    return result;
}
