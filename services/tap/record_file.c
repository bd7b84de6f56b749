#include "services/tap/record_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_SIZE ((size_t)2 * BB_RECORD_MAX)

struct bb_record_reader {
    FILE *file;
    char *path;
    bool cut;
    int64_t offset; /* of buffer[start] in the file */
    size_t start, used;
    uint8_t buffer[READ_SIZE];
};

struct bb_recorder {
    int fd;
    int64_t size; /* of the file: whole records only */
    uint8_t buffer[BB_RECORD_MAX];
};

static int io_failed(struct bb_problem *problem, const char *path)
{
    return bb_fail(problem, BB_ERR_IO, path, "%s", strerror(errno));
}

/* Makes room and reads on. 1: more bytes, 0: end of file, BB_ERR_IO. */
static int refill(struct bb_record_reader *reader, struct bb_problem *problem)
{
    memmove(reader->buffer, reader->buffer + reader->start, reader->used - reader->start);
    reader->used -= reader->start;
    reader->start = 0;
    size_t got = fread(reader->buffer + reader->used, 1, READ_SIZE - reader->used, reader->file);
    if (got == 0 && ferror(reader->file) != 0) {
        return io_failed(problem, reader->path);
    }
    reader->used += got;
    return got > 0 ? 1 : 0;
}

static void advance(struct bb_record_reader *reader, int bytes)
{
    reader->start += (size_t)bytes;
    reader->offset += bytes;
}

static int located(const struct bb_record_reader *reader, int error, struct bb_problem *problem)
{
    if (problem) {
        char where[sizeof problem->where];
        (void)snprintf(where, sizeof where, "%.120s byte %lld", reader->path,
                       (long long)reader->offset);
        memcpy(problem->where, where, sizeof where);
    }
    return error;
}

static int read_header(struct bb_record_reader *reader, struct bb_problem *problem)
{
    int more = refill(reader, problem);
    if (more < 0) {
        return more;
    }
    int error = bb_record_check_header(reader->buffer, reader->used, problem);
    if (error == BB_ERR_TRUNCATED) {
        reader->cut = true;
        reader->start = reader->used;
        return BB_OK;
    }
    if (error != BB_OK) {
        return located(reader, error, problem);
    }
    advance(reader, BB_RECORD_HEADER);
    return BB_OK;
}

int bb_record_reader_open(const char *path, struct bb_record_reader **ret_reader,
                          struct bb_problem *problem)
{
    struct bb_record_reader *reader = calloc(1, sizeof *reader);
    if (!reader) {
        (void)bb_fail(problem, BB_ERR_NO_MEMORY, path, "out of memory");
        return BB_ERR_NO_MEMORY;
    }
    reader->path = strdup(path);
    reader->file = fopen(path, "rbe");
    int error = reader->path ? BB_OK : BB_ERR_NO_MEMORY;
    if (!reader->file) {
        error = io_failed(problem, path);
    }
    error = error == BB_OK ? read_header(reader, problem) : error;
    if (error != BB_OK) {
        bb_record_reader_close(&reader);
        return error;
    }
    *ret_reader = reader;
    return BB_OK;
}

void bb_record_reader_close(struct bb_record_reader **reader)
{
    if (*reader) {
        if ((*reader)->file) {
            (void)fclose((*reader)->file);
        }
        free((*reader)->path);
        free(*reader);
        *reader = NULL;
    }
}

int bb_record_reader_next(struct bb_record_reader *reader, struct bb_record *ret_record,
                          struct bb_problem *problem)
{
    for (;;) {
        size_t left = reader->used - reader->start;
        int size = bb_record_get(reader->buffer + reader->start, left, ret_record, problem);
        if (size > 0) {
            advance(reader, size);
            return 1;
        }
        if (size != BB_ERR_TRUNCATED) {
            return located(reader, size, problem);
        }
        int more = refill(reader, problem);
        if (more < 0) {
            return more;
        }
        if (more == 0) {
            reader->cut = reader->cut || left > 0;
            return 0;
        }
    }
}

bool bb_record_reader_was_cut(const struct bb_record_reader *reader)
{
    return reader->cut;
}

int64_t bb_record_reader_offset(const struct bb_record_reader *reader)
{
    return reader->offset;
}

int bb_record_reader_rewind(struct bb_record_reader *reader, struct bb_problem *problem)
{
    if (fseek(reader->file, 0, SEEK_SET) != 0) {
        return io_failed(problem, reader->path);
    }
    reader->start = 0;
    reader->used = 0;
    reader->offset = 0;
    reader->cut = false;
    return read_header(reader, problem);
}

/* Finds where the next record of an existing file belongs. */
static int find_end(const char *path, int64_t *ret_end, bool *ret_cut, struct bb_problem *problem)
{
    struct bb_record_reader *reader = NULL;
    int result = bb_record_reader_open(path, &reader, problem);
    if (result != BB_OK) {
        return result;
    }
    struct bb_record record;
    do {
        result = bb_record_reader_next(reader, &record, problem);
    } while (result > 0);
    *ret_end = bb_record_reader_offset(reader);
    *ret_cut = bb_record_reader_was_cut(reader);
    bb_record_reader_close(&reader);
    return result;
}

static int write_whole(int fd, const uint8_t *data, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t written = write(fd, data + done, size - done);
        if (written < 0 && errno != EINTR) {
            return BB_ERR_IO;
        }
        done += written > 0 ? (size_t)written : 0;
    }
    return BB_OK;
}

/* Appends data; a part that could be written is taken back when the rest could not. */
static int append(struct bb_recorder *recorder, const uint8_t *data, size_t size)
{
    if (write_whole(recorder->fd, data, size) != BB_OK) {
        int failure = errno;
        (void)!ftruncate(recorder->fd, recorder->size);
        errno = failure;
        return BB_ERR_IO;
    }
    recorder->size += (int64_t)size;
    return BB_OK;
}

static int prepare(struct bb_recorder *recorder, const char *path, bool *ret_cut,
                   struct bb_problem *problem)
{
    recorder->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    struct stat info;
    if (recorder->fd < 0 || fstat(recorder->fd, &info) != 0) {
        return io_failed(problem, path);
    }
    if (!S_ISREG(info.st_mode)) {
        return bb_fail(problem, BB_ERR_UNSUPPORTED, path, "not a regular file");
    }
    if (flock(recorder->fd, LOCK_EX | LOCK_NB) != 0) {
        return bb_fail(problem, BB_ERR_BUSY, path, "another busbar tap records to it");
    }
    *ret_cut = false;
    if (info.st_size > 0) {
        int error = find_end(path, &recorder->size, ret_cut, problem);
        if (error != BB_OK) {
            return error;
        }
    }
    if (*ret_cut && ftruncate(recorder->fd, recorder->size) != 0) {
        return io_failed(problem, path);
    }
    if (recorder->size > 0) {
        return BB_OK;
    }
    uint8_t header[BB_RECORD_HEADER];
    bb_record_put_header(header);
    return append(recorder, header, sizeof header) == BB_OK ? BB_OK : io_failed(problem, path);
}

int bb_recorder_open(const char *path, struct bb_recorder **ret_recorder, bool *ret_cut,
                     struct bb_problem *problem)
{
    struct bb_recorder *recorder = calloc(1, sizeof *recorder);
    if (!recorder) {
        return bb_fail(problem, BB_ERR_NO_MEMORY, path, "out of memory");
    }
    bool cut = false;
    int error = prepare(recorder, path, &cut, problem);
    if (error != BB_OK) {
        bb_recorder_close(&recorder);
        return error;
    }
    *ret_recorder = recorder;
    *ret_cut = cut;
    return BB_OK;
}

void bb_recorder_close(struct bb_recorder **recorder)
{
    if (*recorder) {
        if ((*recorder)->fd >= 0) {
            (void)close((*recorder)->fd);
        }
        free(*recorder);
        *recorder = NULL;
    }
}

int bb_recorder_add(struct bb_recorder *recorder, const struct bb_record *record,
                    struct bb_problem *problem)
{
    int size = bb_record_put(record, recorder->buffer, sizeof recorder->buffer);
    if (size < 0) {
        return bb_fail(problem, size, "record", "topic or body is too long");
    }
    return append(recorder, recorder->buffer, (size_t)size) == BB_OK ? BB_OK
                                                                     : io_failed(problem, "record");
}
