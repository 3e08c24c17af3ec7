/* One connection to a pool over TCP or TLS, straight or through a SOCKS5 proxy, on a libuv loop;
 * nothing here blocks.
 *
 * A connection is made once and ends once: `closed` is called exactly once, with the cause in plain
 * words, unless transport_close came first. Memory is given back when libuv has let go of it.
 */
#ifndef HB_MINER_TRANSPORT_UV_H
#define HB_MINER_TRANSPORT_UV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/attr.h"
#include "ground/err.h"

struct tls_options;
struct uv_loop_s;
struct transport;

/* All texts are used during the call only. */
struct transport_options {
    const char *host;
    uint16_t port;
    const struct tls_options *tls; /* NULL: plain text */
    const char *proxy_host;        /* NULL: straight. With one, `host` is looked up by the proxy. */
    uint16_t proxy_port;
    const char *proxy_user, *proxy_password;
    int connect_timeout_ms; /* from name look-up to the end of the handshakes */
};

/* All are called on the loop's thread, never from within transport_connect. */
struct transport_handler {
    void (*opened)(void *ctx);
    void (*received)(void *ctx, const char *data, size_t len);
    void (*closed)(void *ctx, const char *why);
    void *ctx;
};

/* Begins to connect. NULL, with `err`, if memory, a handle or the certificates are not to be had.
 */
HB_MUST_USE struct transport *transport_connect(struct uv_loop_s *loop,
                                                const struct transport_options *options,
                                                const struct transport_handler *handler,
                                                struct hb_err *err);
/* Queues bytes. They are lost, and the connection closed, if the peer takes none for too long
 * (256 KiB waiting). */
void transport_send(struct transport *transport, const char *data, size_t len);
/* Hangs up; no call-back comes any more and the pointer is void. */
void transport_close(struct transport *transport);

#endif
