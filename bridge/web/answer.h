/* What the page answers to which request, without a socket: status, type and body.
 *
 * web.c asks here and carries the answer to libwebsockets.
 */
#ifndef HB_BRIDGE_WEB_ANSWER_H
#define HB_BRIDGE_WEB_ANSWER_H

#include <stddef.h>

#include "bridge/limits.h"
#include "bridge/web/history.h"
#include "bridge/web/web.h"
#include "ground/time.h"

struct answer {
    unsigned status; /* HTTP; 0: no answer yet, the body of the request is awaited */
    const char *type;
    const char *data; /* in `owned` or in constant memory */
    size_t len;
    char *owned; /* whoever takes the answer frees it; may be NULL */
};

/* Headers of every answer: no foreign content, no framing, no caching. */
struct answer_header {
    const char *name; /* lower case, with the colon */
    const char *value;
};
extern const struct answer_header answer_headers[];
extern const size_t answer_header_count;

/* What there is to show. */
struct answer_shown {
    const char *snapshot; /* NULL: none yet */
    size_t snapshot_len;
    hb_mono shown_at, now;
    const struct history *history;
};

/* {"error": text} */
struct answer answer_error(unsigned status, const char *text);

/* GET of a path. */
struct answer answer_get(const struct answer_shown *shown, const char *path);

/* POST to a path with the text of its Content-Length header, "" if there is none: status 0 with the
 * id in `room` if a body can be taken, else a refusal. */
struct answer answer_post(const char *path, const char *content_length, char room[ID_MAX]);

/* The body of such a POST: 202 with `request` filled for the core, or a refusal. */
struct answer answer_body(const char *room, const char *body, size_t len,
                          struct web_request *request);

#endif
