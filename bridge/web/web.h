/* The page: libwebsockets on a thread of its own. Holds no power: it shows snapshots that the core
 * thread gives it and can only enqueue requests that were checked for origin and form.
 */
#ifndef HB_BRIDGE_WEB_H
#define HB_BRIDGE_WEB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/limits.h"
#include "ground/attr.h"
#include "ground/err.h"
#include "plumbing/log.h"

struct web;

struct web_options {
    const char *listen;   /* an address; anything but loopback needs a password */
    uint16_t port;        /* > 0 */
    const char *password; /* "" : none */
};

/* One request from the page: a room's id and a JSON object as on heatbridge/<room>/set. */
struct web_request {
    char room[ID_MAX];
    size_t len;
    char json[1024];
};

/* Starts the thread and listens. NULL with `err` if the address cannot be bound. `wake` is called
 * on the web thread when a request can be received. */
HB_MUST_USE struct web *web_start(const struct web_options *options, const struct hb_log *log,
                                  void (*wake)(void *ctx), void *wake_ctx, struct hb_err *err);
void web_stop(struct web *web); /* NULL is allowed; joins within a second */

/* Replaces the snapshot that GET /api/state answers and every open page is sent. Copies. */
void web_show(struct web *web, const char *json, size_t len);
/* Takes the next request; false if there is none. */
HB_MUST_USE bool web_receive(struct web *web, struct web_request *request);

#endif
