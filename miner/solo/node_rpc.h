/* Calls to a Bitcoin node over HTTP or HTTPS that never block the loop: libcurl driven by libuv.
 *
 * Several calls may be under way at once; one that waits for news (long polling) does not keep the
 * others back. Redirects and proxies of the environment are not followed: a node is where its URL
 * says, and reached as the options say. Secrets are sent, and never told to anybody else.
 */
#ifndef HB_MINER_NODE_RPC_H
#define HB_MINER_NODE_RPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/attr.h"
#include "ground/err.h"

struct uv_loop_s;
struct node_rpc;

struct node_rpc_options {
    const char *url;             /* http://host:port/ or https:// */
    const char *user, *password; /* NULL: from the cookie file */
    const char *cookie_file; /* "user:password"; read for each call, as a node makes a new one at
                                each start; NULL: none */
    const char *ca_file;     /* NULL: the system's */
    bool tls_verify;
    /* A SOCKS5 proxy, "host:port", to which the node's name is left; NULL: none. */
    const char *proxy, *proxy_user, *proxy_password;
    int connect_timeout_ms;
};

struct node_answer {
    int http_status; /* 0: no answer came, and `why` says why  */
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
/* Ends all calls without a word and closes the connections. */
void node_rpc_cancel(struct node_rpc *rpc);
/* The same for good; libuv's handles close during the next run of the loop. NULL is allowed. Both
 * are legal from within `done`. */
void node_rpc_destroy(struct node_rpc *rpc);

#endif
