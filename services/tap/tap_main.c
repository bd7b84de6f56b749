/* busbar tap: see docs/messages.md for what passes on the bus. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "services/tap/tap.h"

int main(int argc, char **argv)
{
    struct bb_tap_options options;
    struct bb_problem problem;
    int result = bb_tap_options_parse(argc, argv, &options, &problem);
    if (result == BB_OPTIONS_HELP) {
        return fputs(bb_tap_usage(), stdout) == EOF ? EXIT_FAILURE : EXIT_SUCCESS;
    }
    if (result != BB_OK) {
        (void)fprintf(stderr, "busbar tap: %s %s; see busbar tap --help\n", problem.where,
                      problem.what);
        return EXIT_FAILURE;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    return bb_tap_run(&options, stdout, isatty(STDOUT_FILENO) == 1, stderr);
}
