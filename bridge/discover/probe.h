/* Whether somebody listens on a TCP port: connects and closes again, nothing is sent. */
#ifndef HB_BRIDGE_DISCOVER_PROBE_H
#define HB_BRIDGE_DISCOVER_PROBE_H

#include <stdbool.h>
#include <stdint.h>

enum probe_result {
    PROBE_OPEN,
    PROBE_CLOSED, /* refused: an answer, so that somebody lives there */
    PROBE_SILENT, /* no answer in time, or no way there */
};

struct uv_loop_s;

/* Called once, when the connection is closed; never from within probe_start. */
typedef void (*probe_done)(void *ctx, enum probe_result result);

/* False if memory or sockets are short; `done` then does not come. */
bool probe_start(struct uv_loop_s *loop, uint32_t address, uint16_t port, int timeout_ms,
                 probe_done done, void *ctx);

#endif
