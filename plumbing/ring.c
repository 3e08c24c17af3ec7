#include "plumbing/ring.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct ring {
    pthread_mutex_t lock;
    size_t slots, size, first, used;
    enum ring_policy policy;
    void (*wake)(void *ctx);
    void *wake_ctx;
    uint64_t lost;
    unsigned char data[];
};

struct ring *ring_create(size_t slots, size_t size, enum ring_policy policy,
                         void (*wake)(void *ctx), void *wake_ctx)
{
    struct ring *ring = calloc(1, sizeof *ring + slots * size);
    if (ring == NULL) {
        return NULL;
    }
    (void)pthread_mutex_init(&ring->lock, NULL);
    ring->slots = slots;
    ring->size = size;
    ring->policy = policy;
    ring->wake = wake;
    ring->wake_ctx = wake_ctx;
    return ring;
}

void ring_destroy(struct ring *ring)
{
    if (ring != NULL) {
        (void)pthread_mutex_destroy(&ring->lock);
        free(ring);
    }
}

static unsigned char *slot(struct ring *ring, size_t index)
{
    return ring->data + (index % ring->slots) * ring->size;
}

bool ring_push(struct ring *ring, const void *message)
{
    (void)pthread_mutex_lock(&ring->lock);
    bool room = ring->used < ring->slots;
    if (!room) {
        ring->lost++;
        if (ring->policy == RING_DROP_OLDEST) {
            ring->first = (ring->first + 1) % ring->slots;
            ring->used--;
            room = true;
        }
    }
    if (room) {
        memcpy(slot(ring, ring->first + ring->used), message, ring->size);
        ring->used++;
    }
    (void)pthread_mutex_unlock(&ring->lock);
    if (room && ring->wake != NULL) {
        ring->wake(ring->wake_ctx);
    }
    return room;
}

bool ring_pop(struct ring *ring, void *message)
{
    (void)pthread_mutex_lock(&ring->lock);
    const bool any = ring->used > 0;
    if (any) {
        memcpy(message, slot(ring, ring->first), ring->size);
        ring->first = (ring->first + 1) % ring->slots;
        ring->used--;
    }
    (void)pthread_mutex_unlock(&ring->lock);
    return any;
}

uint64_t ring_lost(struct ring *ring)
{
    (void)pthread_mutex_lock(&ring->lock);
    const uint64_t lost = ring->lost;
    (void)pthread_mutex_unlock(&ring->lock);
    return lost;
}
