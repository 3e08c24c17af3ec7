/* A TCP listener and its connections on a libuv loop; nothing here blocks.
 *
 * It bounds how many connections there are and how much each may have waiting; who may stay is the
 * owner's business. Memory is given back when libuv has let go of it.
 */
#ifndef HB_MINER_LISTENER_UV_H
#define HB_MINER_LISTENER_UV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/attr.h"
#include "ground/err.h"

struct uv_loop_s;
struct listener;
struct peer;

enum { LISTENER_PEERS = 32, PEER_ADDRESS_MAX = 48 };

/* All are called on the loop's thread. */
struct listener_handler {
    /* Somebody connected. Returns what is to be the peer's `user`, or NULL to turn it away. */
    void *(*opened)(void *ctx, struct peer *peer);
    void (*received)(void *user, const char *data, size_t len);
    /* The other end hung up, or takes nothing any more; the peer is void. */
    void (*closed)(void *user, const char *why);
    /* There are LISTENER_PEERS already: one from `address` was turned away. */
    void (*full)(void *ctx, const char *address);
    void *ctx;
};

/* Listens at an IP address or "localhost"; port 0: a free one. NULL, with `err`, if that cannot be.
 */
HB_MUST_USE struct listener *listener_create(struct uv_loop_s *loop, const char *address,
                                             uint16_t port, const struct listener_handler *handler,
                                             struct hb_err *err);
uint16_t listener_port(const struct listener *listener);
/* Hangs up on everybody, without a word to the handler; the loop must run once more. NULL is
 * allowed. */
void listener_destroy(struct listener *listener);

/* "192.168.1.20" */
const char *peer_address(const struct peer *peer);
/* True once it was closed from either side: from within a call-back, `peer` itself stays until that
 * returns to the loop. */
bool peer_is_closed(const struct peer *peer);
/* Queues bytes. More than 256 KiB waiting end the connection, from within the loop. */
void peer_send(struct peer *peer, const char *data, size_t len);
/* Sends what is queued if that goes at once, and hangs up without a word to the handler. */
void peer_close(struct peer *peer);

#endif
