/* Requests on the supervisor's control socket. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "supervisor/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bb_request request;
    struct bb_problem problem = {0};
    int error = bb_request_parse((const char *)data, size, &request, &problem);
    if (error == BB_OK ? bb_verb_name(request.verb) == NULL : problem.what[0] == '\0') {
        __builtin_trap(); /* every refusal is explained */
    }
    if (error == BB_OK && memchr(request.name, '\0', sizeof request.name) == NULL) {
        __builtin_trap();
    }
    return 0;
}
