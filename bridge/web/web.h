/* The page: libwebsockets on a thread of its own. Holds no power: it shows snapshots that the core
 * thread gives it and can only enqueue requests that were checked for origin and form.
 *
 *   GET  /                the page, with /app.js, /chart.js, /style.css and /icon.svg
 *   GET  /health          200 {"status":"ok",...}, the only path that never needs the password
 *   GET  /api/state       the snapshot shown last (bridge/web/snapshot.h), 503 before the first
 *   GET  /api/history     samples of each room for the chart (bridge/web/history.h)
 *   WS   /ws              each snapshot as one text message, the newest at once
 *   POST /api/room/<id>   a JSON object as on heatbridge/<room>/set; 202 when it was handed over
 *
 * Refused with one line of JSON {"error": "..."}: a foreign Host or Origin (403), a missing or
 * wrong password (401), a body that is no JSON object (400), over WEB_REQUEST_MAX (413) or without
 * a length (411), requests faster than they are taken (503).
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

enum {
    WEB_REQUEST_MAX = 1024,   /* bytes of the JSON body of a request                            */
    WEB_CONNECTIONS_MAX = 32, /* beyond, the oldest connection without a request gives way      */
};

struct web;

struct web_options {
    const char *listen;   /* an IP address; anything but loopback needs a password */
    uint16_t port;        /* > 0 */
    const char *password; /* "" : none */
};

/* One request from the page: a room's id and a JSON object as on heatbridge/<room>/set. The id has
 * the form of one but may name no room; the object may hold anything. */
struct web_request {
    char room[ID_MAX];
    size_t len;
    char json[WEB_REQUEST_MAX + 1]; /* terminated */
};

/* Starts the thread and listens. NULL with `err` if the address cannot be bound. `wake` is called
 * on the web thread when a request can be received. The options are copied; `log`
 * is borrowed for the call. */
HB_MUST_USE struct web *web_start(const struct web_options *options, const struct hb_log *log,
                                  void (*wake)(void *ctx), void *wake_ctx, struct hb_err *err);
void web_stop(struct web *web); /* NULL is allowed; joins within a second */

/* Replaces the snapshot that GET /api/state answers and every open page is sent. Copies; never
 * waits for the network. */
void web_show(struct web *web, const char *json, size_t len);
/* Takes the next request; false if there is none. */
HB_MUST_USE bool web_receive(struct web *web, struct web_request *request);

#endif
