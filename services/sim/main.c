/* Plays batteries on a simulated serial port, for a [sim NAME] section or by hand. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "services/sim/alone.h"
#include "services/sim/service.h"

/* Runs the service on the configuration written to fd: a file without a name, so that nothing
 * is left behind however the program ends. */
static int run_on(int fd, struct bb_sim_alone *alone)
{
    char path[32];
    char program[] = "busbar-sim";
    char config_word[] = "--config";
    char section_word[] = "--section";
    char run_dir_word[] = "--run-dir";
    char state_dir_word[] = "--state-dir";
    char *argv[10] = {program, config_word, path, section_word, alone->section};
    int argc = 5;
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (alone->run_dir != NULL) {
        argv[argc++] = run_dir_word;
        argv[argc++] = alone->run_dir;
    }
    if (alone->state_dir != NULL) {
        argv[argc++] = state_dir_word;
        argv[argc++] = alone->state_dir;
    }
    return bb_actor_main(&bb_sim_service_alone, argc, argv);
}

static int run_alone(int argc, char **argv)
{
    struct bb_sim_alone alone = {0};
    char *folder = getcwd(NULL, 0);
    int fd = memfd_create("busbar-sim.conf", MFD_CLOEXEC);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    int error = BB_ERR_IO;
    if (file == NULL || folder == NULL) {
        perror("busbar-sim");
    } else {
        error = bb_sim_alone_parse(argc, argv, folder, file, &alone);
    }
    free(folder);
    int code = BB_EXIT_CONFIG;
    if (error == BB_OK && alone.help) {
        bb_sim_alone_help(stdout);
        code = BB_EXIT_STOPPED;
    } else if (error == BB_OK && fflush(file) == 0) {
        code = run_on(fd, &alone);
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return code;
}

int main(int argc, char **argv)
{
    if (bb_sim_alone_is_service(argc, argv)) {
        return bb_actor_main(&bb_sim_service, argc, argv);
    }
    return run_alone(argc, argv);
}
