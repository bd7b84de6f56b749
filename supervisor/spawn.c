#include "supervisor/spawn.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "proto/deadlines.h"

#define EXIT_NOT_EXECUTED 127 /* the shell's code for it */
#define MOST_ARGUMENTS 10     /* a name, four options with values, the end */

/* Leaves out "." and "..". */
static int is_descriptor(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void close_descriptors(void)
{
    struct dirent **entries;
    int count = scandir("/proc/self/fd", &entries, is_descriptor, alphasort);
    if (count < 0) {
        return; /* without /proc: our own ones close on exec */
    }
    for (int i = 0; i < count; i++) {
        long fd = strtol(entries[i]->d_name, NULL, 10);
        if (fd > STDERR_FILENO) {
            (void)close((int)fd);
        }
        free(entries[i]);
    }
    free(entries);
}

static void reset_signals(void)
{
    sigset_t none;
    (void)sigemptyset(&none);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void read_nothing(void)
{
    int null = open("/dev/null", O_RDONLY);
    if (null > STDIN_FILENO) {
        (void)dup2(null, STDIN_FILENO);
        (void)close(null);
    }
}

static int set_number(const char *name, int64_t value)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%lld", (long long)value);
    return setenv(name, text, 1);
}

static int set_environment(const struct bb_spawn *how)
{
    return setenv("NOTIFY_SOCKET", how->notify_socket, 1) == 0 &&
                   set_number("WATCHDOG_USEC", INT64_C(1000) * BB_WATCHDOG_MS) == 0 &&
                   set_number("WATCHDOG_PID", getpid()) == 0
               ? BB_OK
               : BB_ERR_NO_MEMORY;
}

/* argv has room for MOST_ARGUMENTS; the last one is NULL. */
static void fill_arguments(const char *path, const struct bb_spawn *how,
                           const struct bb_instance *instance, const char **argv)
{
    size_t count = 0;
    argv[count++] = path;
    argv[count++] = "--run-dir";
    argv[count++] = how->run_dir;
    if (how->config) {
        argv[count++] = "--config";
        argv[count++] = how->config;
    }
    if (instance->section[0] != '\0') {
        argv[count++] = "--section";
        argv[count++] = instance->section;
    }
    if (how->state_dir) {
        argv[count++] = "--state-dir";
        argv[count++] = how->state_dir;
    }
    argv[count] = NULL;
}

/* In the new process. This program has one thread, so everything may be called here. */
static void become(const char *path, const struct bb_spawn *how, const struct bb_instance *instance,
                   pid_t parent)
{
    if (setpgid(0, 0) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
        return; /* the last: the supervisor ended before the kernel promised to tell */
    }
    read_nothing();
    close_descriptors();
    reset_signals();
    if (set_environment(how) != BB_OK) {
        return;
    }
    const char *arguments[MOST_ARGUMENTS];
    char *argv[MOST_ARGUMENTS]; /* execv changes none of them, but its type does not say so */
    fill_arguments(path, how, instance, arguments);
    memcpy(argv, arguments, sizeof argv);
    (void)execv(path, argv);
}

pid_t bb_spawn(const struct bb_spawn *how, const struct bb_instance *instance,
               struct bb_problem *problem)
{
    char path[PATH_MAX];
    int size = snprintf(path, sizeof path, "%s/busbar-%s", how->program_dir, instance->program);
    if (size < 0 || (size_t)size >= sizeof path) {
        return bb_fail(problem, BB_ERR_IO, instance->name, "path of the program too long");
    }
    if (access(path, X_OK) != 0) {
        int saved = errno;
        return bb_fail(problem, BB_ERR_IO, instance->name, "cannot run busbar-%s: %s",
                       instance->program, strerror(saved));
    }
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        become(path, how, instance, parent);
        _exit(EXIT_NOT_EXECUTED);
    }
    if (pid < 0) {
        int saved = errno;
        return bb_fail(problem, BB_ERR_IO, instance->name, "no new process: %s", strerror(saved));
    }
    (void)setpgid(pid, pid); /* both sides do it: whoever comes first */
    return pid;
}
