/* The conversation of a driver with one device: one request at a time, in the order in which they
 * were asked, so that a device that bears one client never sees two.
 *
 * An answer, or its absence, comes to the driver with the number that it gave the request. What was
 * asked for and not yet sent can be dropped when the plan changes. Everything a device says is
 * bounded: ANSWER_MAX bytes within `timeout_ms`.
 */
#ifndef HB_DEVICES_REMOTE_H
#define HB_DEVICES_REMOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "devices/driver.h"
#include "plumbing/exchange.h"
#include "plumbing/http.h"

enum { REMOTE_ANSWER_MAX = 256 * 1024, REMOTE_QUEUE = 16 };

struct remote;

/* Borrowed until the receiver returns. */
struct remote_answer {
    int request;      /* the number that the driver gave it */
    bool ok;          /* something came: for HTTP with any status, which `status` tells,
                         but redirects, which are not followed; `why` tells where to */
    int status;       /* of HTTP; 0 for TCP */
    const char *body; /* ended by a NUL that does not count; "" if nothing came */
    size_t len;
    const char *why;                  /* one phrase, if not ok: "connection refused"; a
                         redirect and an answer without an end are told as trouble besides */
    const struct http_answer *answer; /* for http_header; NULL for TCP */
};

/* Something came, and with an HTTP status of 200 to 299. */
bool remote_is_success(const struct remote_answer *answer);

/* May ask for more from within. */
typedef void (*remote_done)(void *ctx, const struct remote_answer *answer);

struct remote_options {
    const char *url; /* of the device: scheme://host[:port], without a path; copied. For TCP only
                        host and port count */
    uint16_t default_port; /* for TCP, where the URL names none */
    enum http_auth auth;
    const char *user, *password; /* for `auth`; copied; NULL: none */
    bool tls_unverified;
    bool fresh;     /* as in http_request, for all calls */
    int timeout_ms; /* of each request; 0: 5 s */
};

/* Borrows env until remote_destroy. With env->loop NULL (a simulation) it is made, and each request
 * is refused. */
HB_MUST_USE struct remote *remote_create(const struct heater_env *env,
                                         const struct remote_options *options, remote_done done,
                                         void *ctx, struct hb_err *err);
/* Cancels all; legal from within the receiver. NULL is allowed. */
void remote_destroy(struct remote *remote);

/* Each queues one request and returns true, or false if the queue is full or memory is short. Texts
 * are copied. `path` begins with "/". `headers`: as in http_request; NULL: "Content-Type:
 * application/json" with a body, else none. */
bool remote_http(struct remote *remote, int request, enum http_method method, const char *path,
                 const char *const *headers, const char *body);
bool remote_tcp(struct remote *remote, int request, const char *bytes, size_t len,
                enum exchange_end end);
/* Requests asked for and not answered. */
size_t remote_pending(const struct remote *remote);
/* Drops those that were not sent yet, without a word. */
void remote_drop_unsent(struct remote *remote);

#endif
