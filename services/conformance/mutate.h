/* What a bad line may do to a frame must never change what is decoded.
 *
 * Plays a vector again and again, each time with one received frame damaged once, while the
 * battery goes on answering rightly: every byte corrupted, the frame cut in two at every place,
 * garbage before it, all frames of an answer in one piece. Each state must hold nothing but
 * values of the undamaged exchange, and one must come.
 */
#ifndef BUSBAR_SERVICES_CONFORMANCE_MUTATE_H
#define BUSBAR_SERVICES_CONFORMANCE_MUTATE_H

#include "services/conformance/vector.h"

/* Called for every damage that got through: what it was, e.g. "frame 3 byte 17 ^ 0x01". */
typedef void bb_mutate_report(void *arg, const char *damage, const char *effect);

/* Returns the number of damages that got through; ret_tried (may be NULL) how many were done. */
size_t bb_mutate(const struct bb_vector *vector, bb_mutate_report *report, void *arg,
                 size_t *ret_tried);

#endif
