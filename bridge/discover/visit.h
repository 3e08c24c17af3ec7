/* A visit to one address: which ports are open, then the questions of devices/identify.h, over one
 * connection at a time. */
#ifndef HB_BRIDGE_DISCOVER_VISIT_H
#define HB_BRIDGE_DISCOVER_VISIT_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/identify.h"

struct uv_loop_s;
struct http;
struct visit;

/* What stands at an address. */
struct finding {
    uint32_t address;
    uint16_t http_port; /* of its web server: 80, or as it announced */
    struct identify who;
};

/* Called once, never from within visit_start; the visit is gone afterwards. */
typedef void (*visit_done)(void *ctx, const struct finding *finding);

/* `http_port` 0: all ports are tried; else only that one, where a device announced its web server.
 * False if memory is short. */
bool visit_start(struct uv_loop_s *loop, struct http *http, uint32_t address, uint16_t http_port,
                 visit_done done, void *ctx);

#endif
