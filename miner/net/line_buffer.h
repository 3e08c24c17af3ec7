/* Cuts a stream of bytes into lines, with a cap. Pure. */
#ifndef HB_MINER_LINE_BUFFER_H
#define HB_MINER_LINE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

#include "ground/attr.h"
#include "miner/stratum/stratum_codec.h"

struct line_buffer {
    size_t used;
    char text[STRATUM_LINE_MAX];
};

/* Takes bytes from `*data` up to and including the next line end, advancing `*data` and `*len`.
 * True when a line is complete: it is in `text`, `*line_len` long, without "\n" or "\r\n", until
 * the next call. False when the bytes are used up. A line that exceeds the cap sets `*too_long`,
 * and the stream is beyond repair. */
HB_MUST_USE bool line_buffer_take(struct line_buffer *buffer, const char **data, size_t *len,
                                  size_t *line_len, bool *too_long);

#endif
