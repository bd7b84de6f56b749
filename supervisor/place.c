#include "supervisor/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define RUN_DIR_MODE 0700
#define STATE_DIR_MODE 0750
#define LONGEST_NAME "busbar.conf.new" /* of what is put into the run directory */

int bb_place_path(char *ret_path, size_t capacity, const char *folder, const char *name)
{
    int size = snprintf(ret_path, capacity, "%s/%s", folder, name);
    return size > 0 && (size_t)size < capacity ? BB_OK : BB_ERR_OVERSIZE;
}

/* Makes folder unless it is there, and looks whether it can be used. */
static int prepare_folder(const char *folder, mode_t mode, struct bb_problem *problem)
{
    if (mkdir(folder, mode) != 0 && errno != EEXIST) {
        int saved = errno;
        return bb_fail(problem, BB_ERR_IO, folder, "cannot be made: %s", strerror(saved));
    }
    struct stat about;
    if (stat(folder, &about) != 0 || !S_ISDIR(about.st_mode)) {
        return bb_fail(problem, BB_ERR_IO, folder, "is not a folder");
    }
    if (access(folder, W_OK | X_OK) != 0) {
        int saved = errno;
        return bb_fail(problem, BB_ERR_IO, folder, "cannot be written: %s", strerror(saved));
    }
    return BB_OK;
}

int bb_place_prepare(const char *run_dir, struct bb_problem *problem)
{
    char path[sizeof((struct sockaddr_un *)0)->sun_path];
    if (bb_place_path(path, sizeof path, run_dir, LONGEST_NAME) != BB_OK) {
        return bb_fail(problem, BB_ERR_OVERSIZE, run_dir,
                       "path too long for sockets; at most %zu bytes",
                       sizeof path - sizeof LONGEST_NAME - 1);
    }
    int error = prepare_folder(run_dir, RUN_DIR_MODE, problem);
    if (error != BB_OK) {
        return error;
    }
    struct stat about;
    if (stat(run_dir, &about) != 0 || (about.st_mode & S_IWOTH) != 0) {
        return bb_fail(problem, BB_ERR_CONFIG, run_dir,
                       "everybody can write it; the run directory must be Busbar's own");
    }
    if (about.st_uid != geteuid() && about.st_uid != 0) {
        return bb_fail(problem, BB_ERR_CONFIG, run_dir, "belongs to another user");
    }
    return BB_OK;
}

int bb_place_lock(const char *run_dir, struct bb_problem *problem)
{
    char path[sizeof((struct sockaddr_un *)0)->sun_path];
    if (bb_place_path(path, sizeof path, run_dir, "lock") != BB_OK) {
        return bb_fail(problem, BB_ERR_OVERSIZE, run_dir, "path too long");
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        int saved = errno;
        return bb_fail(problem, BB_ERR_IO, path, "cannot be opened: %s", strerror(saved));
    }
    /* A record lock: the kernel drops it with the process, children do not inherit it, and it
     * tells who holds it. */
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_SETLK, &lock) == 0) {
        return fd;
    }
    int saved = errno;
    bool asked = (saved == EACCES || saved == EAGAIN) && fcntl(fd, F_GETLK, &lock) == 0 &&
                 lock.l_type != F_UNLCK;
    (void)close(fd);
    if (asked) {
        return bb_fail(problem, BB_ERR_BUSY, run_dir, "busbar already runs here, process %ld",
                       (long)lock.l_pid);
    }
    return bb_fail(problem, BB_ERR_IO, path, "cannot be locked: %s", strerror(saved));
}

int bb_place_state(const char *state_dir, struct bb_problem *problem)
{
    return prepare_folder(state_dir, STATE_DIR_MODE, problem);
}
