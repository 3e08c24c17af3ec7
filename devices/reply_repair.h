/* What makes the JSON of real firmware readable to a strict parser: NaN, invalid UTF-8, commas too
 * many or too few, and bytes behind the end. Pure.
 *
 * Values that are none become null; nothing is guessed. Linear in the answer's length.
 */
#ifndef HB_DEVICES_REPLY_REPAIR_H
#define HB_DEVICES_REPLY_REPAIR_H

#include <stdbool.h>
#include <stddef.h>

#include "devices/reply.h"

/* Bytes that the repaired form of an answer of `len` bytes may take. */
#define REPLY_REPAIRED_MAX(len) (3 * (len) + 8)

/* Writes the one object or array that `bytes` begin with, repaired, to `out`, and its length to
 * `*out_len`. False if there is none, or it is truncated, closed by the wrong bracket, or nested
 * deeper than JSON_MAX_DEPTH. Each repair is counted, except for white space and NUL bytes behind
 * the end. */
HB_MUST_USE bool reply_repair(const char *bytes, size_t len, char *out, size_t *out_len,
                              struct reply_faults *faults);

#endif
