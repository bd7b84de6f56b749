/* Result codes of the whole product, and the place where foreign data went wrong.
 *
 * Functions return BB_OK (0) or a positive result on success and one of the negative codes
 * below on failure. Output parameters are called ret_... and stay untouched on failure.
 * Code in proto/ and common/ libraries never prints: it fills a struct bb_problem and the
 * program that owns the context says it once.
 */
#ifndef BUSBAR_PROTO_ERROR_H
#define BUSBAR_PROTO_ERROR_H

enum bb_error {
    BB_OK = 0,
    BB_ERR_TRUNCATED = -1,   /* data ends before it should */
    BB_ERR_OVERSIZE = -2,    /* more data, elements or text than the receiver accepts */
    BB_ERR_TYPE = -3,        /* a value of another type than declared */
    BB_ERR_RANGE = -4,       /* a value outside its plausible range, or not a finite number */
    BB_ERR_MISSING = -5,     /* a required value is absent */
    BB_ERR_DUPLICATE = -6,   /* the same key, id or name twice */
    BB_ERR_MALFORMED = -7,   /* not the expected encoding at all */
    BB_ERR_VERSION = -8,     /* schema version this program does not understand */
    BB_ERR_UNKNOWN = -9,     /* a name nothing is registered under */
    BB_ERR_CONFIG = -10,     /* the configuration does not allow or describe it */
    BB_ERR_NO_MEMORY = -11,  /* allocation failed or a fixed buffer is full */
    BB_ERR_IO = -12,         /* a system call failed; errno tells why */
    BB_ERR_BUSY = -13,       /* held by somebody else, or one at a time */
    BB_ERR_UNSUPPORTED = -14 /* known, but not offered here */
};

/* Short lower-case text for a code of enum bb_error, never NULL, static storage. */
const char *bb_error_text(int error);

/* Where and why a piece of foreign data was refused. Both texts are NUL-terminated and cut
 * to fit; where is a path such as "cells[3].voltage" or "busbar.conf:12 [serial rack] baud". */
struct bb_problem {
    char where[160];
    char what[160];
};

/* Fills problem when it is not NULL (printf-style what) and gives error, so that a parser can
 * "return bb_fail(...)". A macro, so that a reader of the code, human or tool, sees which value
 * comes back. */
#define bb_fail(problem, error, ...) (bb_problem_fill((problem), __VA_ARGS__), (error))

void bb_problem_fill(struct bb_problem *problem, const char *where, const char *what, ...)
    __attribute__((format(printf, 3, 4)));

#endif
