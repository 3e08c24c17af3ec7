/* Calls to a Bitcoin node over HTTP or HTTPS that never block the loop.
 *
 * Each call has a connection of its own, so one that waits for news (long polling) does not keep
 * the others back. Redirects are not followed: a node is where its URL says. Secrets are sent, and
 * never told to anybody else.
 */
#ifndef HB_MINER_NODE_RPC_H
#define HB_MINER_NODE_RPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/attr.h"
#include "ground/err.h"
#include "miner/pool_url.h"

struct uv_loop_s;
struct node_rpc;

struct node_rpc_options {
    struct pool_url url;         /* where the node is; with `tls`, HTTPS */
    const char *user, *password; /* NULL: from the cookie file */
    const char *cookie_file;     /* "user:password"; read for each call, as a node makes a new one
                                    at each start; NULL: none */
    bool tls_verify;
    const char *ca_file, *tls_pin;           /* as in struct tls_options */
    struct pool_url proxy;                   /* SOCKS5; host "": none */
    const char *proxy_user, *proxy_password; /* needed with a proxy */
    int connect_timeout_ms;
};

struct node_answer {
    int http_status; /* 0: no answer came, and `why` says why */
    char *body;      /* the receiver's from now on, to be freed; NULL without an answer */
    size_t len;
    const char *why;
};

/* Called once for each call that is not cancelled, never from within node_rpc_call. */
typedef void (*node_rpc_done)(void *ctx, uint64_t tag, const struct node_answer *answer);

/* All texts are copied. */
HB_MUST_USE struct node_rpc *node_rpc_create(const struct node_rpc_options *options,
                                             struct uv_loop_s *loop, node_rpc_done done, void *ctx,
                                             struct hb_err *err);
/* Posts `body`, a JSON text from malloc that is freed here; `timeout_ms` 0: waits for ever. An
 * answer of more than `most` bytes is refused. False, with `err`, if the call could not be started;
 * `done` then does not come. */
HB_MUST_USE bool node_rpc_call(struct node_rpc *rpc, uint64_t tag, char *body, int timeout_ms,
                               size_t most, struct hb_err *err);
/* Ends all calls without a word. */
void node_rpc_cancel(struct node_rpc *rpc);
/* The same for good; libuv's handles close during the next run of the loop. NULL is allowed. Both
 * are legal from within `done`. */
void node_rpc_destroy(struct node_rpc *rpc);

#endif
