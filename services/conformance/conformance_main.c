/* busbar conformance: plays recorded exchanges to their drivers, see docs/adding-a-bms.md. */
#include <stdlib.h>
#include <string.h>

#include "services/conformance/conformance.h"

static const char usage[] =
    "usage: busbar conformance [--mutate] PATH...\n"
    "Plays every *.json below PATH to the driver it names, without a wire and on a virtual\n"
    "clock, and compares the decoded state. A line per difference names file, field, expected\n"
    "and got. Files of unknown drivers are skipped.\n"
    "\n"
    "  --mutate   also damages every received frame in many ways: no wrong value may come out\n";

int main(int argc, char **argv)
{
    struct bb_conformance conformance = {.out = stdout};
    int paths = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return fputs(usage, stdout) == EOF ? EXIT_FAILURE : EXIT_SUCCESS;
        }
        if (strcmp(argv[i], "--mutate") == 0) {
            conformance.mutate = true;
        } else if (argv[i][0] == '-') {
            (void)fprintf(stderr, "busbar conformance: unknown option %s\n%s", argv[i], usage);
            return EXIT_FAILURE;
        } else {
            paths++;
        }
    }
    if (paths == 0) {
        (void)fputs(usage, stderr);
        return EXIT_FAILURE;
    }
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-') {
            bb_conformance_run(&conformance, argv[i]);
        }
    }
    if (conformance.mutate) {
        (void)printf("%zu damaged exchanges\n", conformance.damages);
    }
    (void)printf("%zu passed, %zu failed", conformance.passed, conformance.failed);
    if (conformance.skipped > 0) {
        (void)printf(", %zu skipped", conformance.skipped);
    }
    (void)printf("\n");
    return conformance.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
