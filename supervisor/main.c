/* busbard, run as "busbar run". */
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "common/bus_paths.h"
#include "supervisor/programs.h"
#include "supervisor/supervisor.h"

int main(int argc, char **argv)
{
    static const struct option long_options[] = {
        {"config", required_argument, NULL, 'c'},
        {"run-dir", required_argument, NULL, 'r'},
        {"state-dir", required_argument, NULL, 's'},
        {NULL, 0, NULL, 0},
    };
    const char *run_dir = getenv(BB_RUN_DIR_ENV);
    struct bb_supervisor_options options = {.run_dir = run_dir ? run_dir : BB_DEFAULT_RUN_DIR,
                                            .state_dir = BB_DEFAULT_STATE_DIR};
    bool understood = true;
    int option;
    while (understood && (option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        switch (option) {
        case 'c':
            options.config = optarg;
            break;
        case 'r':
            options.run_dir = optarg;
            break;
        case 's':
            options.state_dir = optarg;
            break;
        default:
            understood = false;
            break;
        }
    }
    if (!understood || optind != argc) {
        (void)fprintf(stderr, "usage: busbar run [--config FILE] [--run-dir DIR] "
                              "[--state-dir DIR]\n");
        return EX_USAGE;
    }
    char program_dir[PATH_MAX];
    if (bb_programs_folder("", program_dir, sizeof program_dir) != BB_OK) {
        (void)fprintf(stderr, "busbar: cannot find its own programs: /proc is not there\n");
        return BB_EXIT_FAILED;
    }
    options.program_dir = program_dir;
    return (int)bb_supervisor_run(&options);
}
