/* HTTP and HTTPS calls that never block the loop: libcurl driven by libuv.
 *
 * One client serves the whole house. Redirects and proxies of the environment are not followed and
 * no Origin header is sent: a device is where its URL says. An answer is bounded in size and a call
 * in time, however slowly the other side speaks. Secrets are sent, and never told to anybody else.
 */
#ifndef HB_PLUMBING_HTTP_H
#define HB_PLUMBING_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "ground/attr.h"
#include "ground/err.h"

struct uv_loop_s;
struct http;
struct http_call;

enum http_method { HTTP_GET, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE };
enum http_auth { HTTP_AUTH_NONE, HTTP_AUTH_BASIC, HTTP_AUTH_DIGEST };

/* Everything is copied. */
struct http_request {
    enum http_method method;
    const char *url;            /* http:// or https:// */
    const char *const *headers; /* "Name: value", ended by NULL; NULL: none but the defaults */
    const char *body;           /* NULL: none */
    size_t body_len;
    enum http_auth auth;
    const char *user, *password;
    const char *ca_file; /* NULL: the system's */
    bool tls_unverified; /* for a device on the home network with a certificate of its own */
    /* A SOCKS5 proxy, "host:port", to which the name is left; NULL: none. */
    const char *proxy, *proxy_user, *proxy_password;
    int connect_timeout_ms; /* 0: as timeout_ms */
    int timeout_ms;         /* of the whole call; 0: waits for ever */
    size_t most;            /* bytes of the answer's body */
    bool fresh; /* on a connection of its own, closed afterwards, for servers that bear only one */
};

/* Borrowed until the receiver returns. */
struct http_answer {
    int status;       /* 0: no answer came, and `why` says why */
    const char *body; /* ended by a NUL that does not count; "" without any */
    size_t len;
    const char *why;              /* of a redirect too: where it would have gone */
    bool excess;                  /* it was broken off, as there was no end to it */
    const struct http_call *call; /* for http_header */
};

/* Called once for each call that is not cancelled, never from within http_start. */
typedef void (*http_done)(void *ctx, const struct http_answer *answer);

HB_MUST_USE struct http *http_create(struct uv_loop_s *loop, struct hb_err *err);
/* Cancels all calls; libuv's handles close during the next run of the loop. NULL is allowed. Legal
 * from within a receiver. */
void http_destroy(struct http *http);

/* Owned by the client until it is done or cancelled. NULL, with `err`, if it could not be started;
 * `done` then does not come. */
HB_MUST_USE struct http_call *http_start(struct http *http, const struct http_request *request,
                                         http_done done, void *ctx, struct hb_err *err);
/* Ends the call without a word. Not legal after `done` was called; from within the receiver of
 * another call it is. NULL is allowed. */
void http_cancel(struct http_call *call);

/* The last value of a header of the answer, by its name in any case; NULL if it has none. Borrowed
 * until the receiver returns. */
const char *http_header(const struct http_answer *answer, const char *name);

/* The answer's body for the receiver to keep, and to free; for bodies that are too large to copy.
 * The answer's own pointer is then no longer to be used. NULL if memory is short. */
HB_MUST_USE char *http_take_body(const struct http_answer *answer);

#endif
