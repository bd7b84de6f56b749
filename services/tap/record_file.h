/* Record files (record.h) on disk: appending without harm to what is there, reading in order. */
#ifndef BUSBAR_TAP_RECORD_FILE_H
#define BUSBAR_TAP_RECORD_FILE_H

#include <stdbool.h>

#include "services/tap/record.h"

struct bb_record_reader;

/* Opens path and checks its header. An empty file, or one cut within its header, reads as cut
 * with no records. BB_ERR_IO, BB_ERR_MALFORMED, BB_ERR_VERSION, BB_ERR_NO_MEMORY. */
int bb_record_reader_open(const char *path, struct bb_record_reader **ret_reader,
                          struct bb_problem *problem);
void bb_record_reader_close(struct bb_record_reader **reader);

/* Next record: 1 with *ret_record valid until the next call, 0 at the end, BB_ERR_MALFORMED
 * (problem names the byte) or BB_ERR_IO. */
int bb_record_reader_next(struct bb_record_reader *reader, struct bb_record *ret_record,
                          struct bb_problem *problem);

/* After the end: true when a last record was cut and left out. */
bool bb_record_reader_was_cut(const struct bb_record_reader *reader);

/* Byte behind the last whole record read; where an appended one belongs. */
int64_t bb_record_reader_offset(const struct bb_record_reader *reader);

/* Starts over with the first record. */
int bb_record_reader_rewind(struct bb_record_reader *reader, struct bb_problem *problem);

struct bb_recorder;

/* Opens path for appending, creating it (mode 0600) when absent. A cut last record is removed
 * and *ret_cut set; a file damaged elsewhere is refused (BB_ERR_MALFORMED) and left as it is,
 * as is one another recorder writes to (BB_ERR_BUSY). */
int bb_recorder_open(const char *path, struct bb_recorder **ret_recorder, bool *ret_cut,
                     struct bb_problem *problem);
void bb_recorder_close(struct bb_recorder **recorder);

/* Appends one record in one piece. When that fails (disk full), what was written of it is taken
 * back. BB_ERR_IO, or BB_ERR_OVERSIZE for what the format does not hold. */
int bb_recorder_add(struct bb_recorder *recorder, const struct bb_record *record,
                    struct bb_problem *problem);

#endif
