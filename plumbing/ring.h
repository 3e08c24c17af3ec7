/* A bounded queue of fixed-size messages between two threads, with a wake-up and a drop counter. */
#ifndef HB_PLUMBING_RING_H
#define HB_PLUMBING_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/attr.h"

struct ring;

/* What happens to a message that finds the ring full. */
enum ring_policy {
    RING_REFUSE,      /* push fails; the producer tells whoever asked */
    RING_DROP_OLDEST, /* the oldest message gives way                 */
};

/* Creates a ring of `slots` messages of `size` bytes. `wake` (may be NULL) is called after each
 * push, on the producer's thread, outside the lock: uv_async_send, eventfd, lws_cancel_service and
 * the like. NULL when memory is short. Owned by the caller; free with ring_destroy. */
struct ring *ring_create(size_t slots, size_t size, enum ring_policy policy,
                         void (*wake)(void *ctx), void *wake_ctx);
/* NULL is allowed. Both threads must have stopped using it. */
void ring_destroy(struct ring *ring);

/* Copies one message in. False if it was refused (counted). Any thread. */
bool ring_push(struct ring *ring, const void *message);
/* Copies the oldest message out; false if there is none. Any thread. */
HB_MUST_USE bool ring_pop(struct ring *ring, void *message);
/* How many messages were refused or dropped since the creation. Any thread. */
uint64_t ring_lost(struct ring *ring);

#endif
