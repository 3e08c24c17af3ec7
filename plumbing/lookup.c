#include "plumbing/lookup.h"

#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <uv.h>

enum { STACK_BYTES = 256 * 1024 };

struct lookup {
    uv_async_t wake;
    lookup_done done;
    void *ctx;
    char *host;
    char port[8];
    pthread_mutex_t lock; /* guards what follows */
    int users;            /* the loop's side and the thread */
    bool cancelled;       /* `wake` must not be used any more */
    int status;
    struct addrinfo *found;
};

static void release(struct lookup *lookup)
{
    (void)pthread_mutex_lock(&lookup->lock);
    const bool last = --lookup->users == 0;
    (void)pthread_mutex_unlock(&lookup->lock);
    if (!last) {
        return;
    }
    if (lookup->found != NULL) {
        freeaddrinfo(lookup->found);
    }
    (void)pthread_mutex_destroy(&lookup->lock);
    free(lookup->host);
    free(lookup);
}

static void *look(void *ctx)
{
    struct lookup *lookup = ctx;
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    const int status = getaddrinfo(lookup->host, lookup->port, &hints, &found);
    (void)pthread_mutex_lock(&lookup->lock);
    lookup->status = status;
    lookup->found = status == 0 ? found : NULL;
    if (!lookup->cancelled) {
        (void)uv_async_send(&lookup->wake);
    }
    (void)pthread_mutex_unlock(&lookup->lock);
    release(lookup);
    return NULL;
}

static void on_closed(uv_handle_t *handle)
{
    release(handle->data);
}

static void end(struct lookup *lookup)
{
    (void)pthread_mutex_lock(&lookup->lock);
    lookup->cancelled = true;
    (void)pthread_mutex_unlock(&lookup->lock);
    uv_close((uv_handle_t *)&lookup->wake, on_closed);
}

static void on_wake(uv_async_t *wake)
{
    struct lookup *lookup = wake->data;
    (void)pthread_mutex_lock(&lookup->lock);
    struct addrinfo *found = lookup->found;
    lookup->found = NULL;
    const char *why = lookup->status == 0 ? "" : gai_strerror(lookup->status);
    (void)pthread_mutex_unlock(&lookup->lock);
    end(lookup);
    lookup->done(lookup->ctx, found, why);
}

static bool start_thread(struct lookup *lookup)
{
    pthread_attr_t attributes;
    pthread_t thread;
    if (pthread_attr_init(&attributes) != 0) {
        return false;
    }
    (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    const bool started = pthread_create(&thread, &attributes, look, lookup) == 0;
    (void)pthread_attr_destroy(&attributes);
    return started;
}

struct lookup *lookup_start(struct uv_loop_s *loop, const char *host, uint16_t port,
                            lookup_done done, void *ctx)
{
    struct lookup *lookup = calloc(1, sizeof *lookup);
    char *copy = strdup(host);
    if (lookup == NULL || copy == NULL || uv_async_init(loop, &lookup->wake, on_wake) != 0) {
        free(copy);
        free(lookup);
        return NULL;
    }
    lookup->host = copy;
    (void)snprintf(lookup->port, sizeof lookup->port, "%u", port);
    lookup->wake.data = lookup;
    lookup->done = done;
    lookup->ctx = ctx;
    lookup->users = 2;
    (void)pthread_mutex_init(&lookup->lock, NULL);
    if (!start_thread(lookup)) {
        lookup->users = 1;
        end(lookup);
        return NULL;
    }
    return lookup;
}

void lookup_cancel(struct lookup *lookup)
{
    if (lookup != NULL) {
        end(lookup);
    }
}
