#include "miner/net/line_buffer.h"

#include <string.h>

bool line_buffer_take(struct line_buffer *buffer, const char **data, size_t *len, size_t *line_len,
                      bool *too_long)
{
    *too_long = false;
    if (*len == 0) {
        return false;
    }
    const char *end = memchr(*data, '\n', *len);
    const size_t part = end == NULL ? *len : (size_t)(end - *data);
    if (part > sizeof buffer->text - buffer->used) {
        *too_long = true;
        return false;
    }
    memcpy(buffer->text + buffer->used, *data, part);
    buffer->used += part;
    const size_t step = part + (end == NULL ? 0 : 1);
    *data += step;
    *len -= step;
    if (end == NULL) {
        return false;
    }
    *line_len = buffer->used;
    if (*line_len > 0 && buffer->text[*line_len - 1] == '\r') {
        (*line_len)--;
    }
    buffer->used = 0;
    return true;
}
