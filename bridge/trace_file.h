/* Traces in files: records events as they happen, reads them back one by one. */
#ifndef HB_BRIDGE_TRACE_FILE_H
#define HB_BRIDGE_TRACE_FILE_H

#include <stdbool.h>
#include <stdio.h>

#include "bridge/event.h"
#include "ground/attr.h"
#include "ground/err.h"

/* Starts a trace in a file open for writing, which the caller keeps and closes. */
HB_MUST_USE bool trace_begin(FILE *file, struct hb_err *err);
/* Appends an event. The file is not flushed; a full disk shows here or at its close. */
HB_MUST_USE bool trace_write(FILE *file, const struct event *event, struct hb_err *err);

struct trace_reader {
    FILE *file;  /* borrowed */
    size_t line; /* number of the last line read, from 1 */
};

/* Checks the first line of a file open for reading. */
HB_MUST_USE bool trace_open(struct trace_reader *reader, FILE *file, struct hb_err *err);
/* Reads the next event. False at the end, and on a damaged line, which alone fills `err`: have its
 * code HB_OK before. */
HB_MUST_USE bool trace_read(struct trace_reader *reader, struct event *event, struct hb_err *err);

#endif
