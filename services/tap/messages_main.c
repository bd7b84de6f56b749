/* busbar messages: prints docs/messages.md. */
#include <stdio.h>
#include <stdlib.h>

#include "services/tap/document.h"

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        (void)fputs("usage: busbar messages\n"
                    "Prints every field of every message of the bus as Markdown.\n",
                    stderr);
        return EXIT_FAILURE;
    }
    bb_document_write(stdout);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
