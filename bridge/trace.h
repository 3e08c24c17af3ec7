/* A recorded event as one line of text, exact to the last bit: what replay and bug reports need.
 *
 * A trace is the line TRACE_HEADER followed by one line per event, in order. Pure codec; files are
 * in bridge/trace_file.h. Fields are separated by single spaces; texts are percent-encoded, an
 * empty one is "-"; numbers are decimal with 17 digits, unknown ones "nan".
 *
 *   <kind> <mono ms> <wall ms> <utc offset s> <index> <fields of the kind ...>
 */
#ifndef HB_BRIDGE_TRACE_H
#define HB_BRIDGE_TRACE_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/event.h"
#include "ground/attr.h"
#include "ground/err.h"

#define TRACE_HEADER "heatbridge-trace 4"

enum { TRACE_LINE_MAX = 8192 }; /* bytes of the longest line, terminator included */

/* Writes an event as a line without line end; returns its length. */
size_t trace_format(const struct event *event, char line[TRACE_LINE_MAX]);

/* Reads one line of `len` bytes back. */
HB_MUST_USE bool trace_parse(const char *line, size_t len, struct event *event, struct hb_err *err);

#endif
