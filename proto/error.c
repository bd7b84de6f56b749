#include "proto/error.h"

#include <stdarg.h>
#include <stdio.h>

const char *bb_error_text(int error)
{
    switch ((enum bb_error)error) {
    case BB_OK:
        return "ok";
    case BB_ERR_TRUNCATED:
        return "truncated";
    case BB_ERR_OVERSIZE:
        return "too large";
    case BB_ERR_TYPE:
        return "wrong type";
    case BB_ERR_RANGE:
        return "out of range";
    case BB_ERR_MISSING:
        return "missing";
    case BB_ERR_DUPLICATE:
        return "duplicate";
    case BB_ERR_MALFORMED:
        return "malformed";
    case BB_ERR_VERSION:
        return "unknown version";
    case BB_ERR_UNKNOWN:
        return "unknown name";
    case BB_ERR_CONFIG:
        return "refused by configuration";
    case BB_ERR_NO_MEMORY:
        return "out of memory";
    case BB_ERR_IO:
        return "input/output error";
    case BB_ERR_BUSY:
        return "busy";
    case BB_ERR_UNSUPPORTED:
        return "not supported";
    }
    return "unknown error";
}

void bb_problem_fill(struct bb_problem *problem, const char *where, const char *what, ...)
{
    if (problem) {
        va_list args;
        va_start(args, what);
        (void)vsnprintf(problem->what, sizeof problem->what, what, args);
        va_end(args);
        (void)snprintf(problem->where, sizeof problem->where, "%s", where);
    }
}
