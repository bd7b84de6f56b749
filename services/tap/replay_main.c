/* busbar replay: see services/tap/record.h for the file. */
#include <stdio.h>
#include <stdlib.h>

#include "services/tap/replay.h"

int main(int argc, char **argv)
{
    struct bb_replay_options options;
    struct bb_problem problem;
    int result = bb_replay_options_parse(argc, argv, &options, &problem);
    if (result == BB_OPTIONS_HELP) {
        return fputs(bb_replay_usage(), stdout) == EOF ? EXIT_FAILURE : EXIT_SUCCESS;
    }
    if (result != BB_OK) {
        (void)fprintf(stderr, "busbar replay: %s %s; see busbar replay --help\n", problem.where,
                      problem.what);
        return EXIT_FAILURE;
    }
    return bb_replay_run(&options, stderr);
}
