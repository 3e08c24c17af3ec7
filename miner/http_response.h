/* An HTTP/1.1 response, read as its bytes come (RFC 9112): status, and a body of known length, in
 * chunks, or up to the end of the connection. Pure.
 *
 * As much as is needed of a server that is asked one thing per connection; everything else in the
 * head is skipped. What does not keep to the form is refused with a reason.
 */
#ifndef HB_MINER_HTTP_RESPONSE_H
#define HB_MINER_HTTP_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/attr.h"
#include "ground/err.h"

enum { HTTP_LINE_MAX = 1024, HTTP_LINES_MAX = 200 };

enum http_part {
    HTTP_STATUS,
    HTTP_HEADERS,
    HTTP_BODY,        /* `left` bytes of it are to come        */
    HTTP_BODY_TO_END, /* it ends with the connection           */
    HTTP_CHUNK_SIZE,
    HTTP_CHUNK,     /* `left` bytes of it are to come        */
    HTTP_CHUNK_END, /* the line's end behind a chunk         */
    HTTP_TRAILERS,
    HTTP_DONE
};

struct http_response {
    enum http_part part;
    int status;
    bool chunked, has_length;
    uint64_t left;
    size_t most; /* bytes that the body may have */
    char line[HTTP_LINE_MAX];
    size_t line_len, lines;
    char *body; /* terminated; NULL while there is nothing of it */
    size_t len, room;
};

void http_response_init(struct http_response *response, size_t most);
/* Frees the body, unless it was taken away by setting `body` to NULL. */
void http_response_fini(struct http_response *response);

/* Takes bytes; response->part tells how far it is. False, with `err`, if they are refused; that is
 * the end. What follows a complete response is ignored. */
HB_MUST_USE bool http_response_feed(struct http_response *response, const char *data, size_t len,
                                    struct hb_err *err);
/* The connection ended. True if the response is complete. */
HB_MUST_USE bool http_response_end(struct http_response *response);

#endif
