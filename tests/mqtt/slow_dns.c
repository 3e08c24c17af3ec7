#define _GNU_SOURCE /* RTLD_NEXT */
#include "tests/mqtt/slow_dns.h"

#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int hang_ms;
static int hanging;
static unsigned releases;

static struct timespec in_ms(int delay_ms)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_REALTIME, &at);
    at.tv_sec += delay_ms / 1000;
    at.tv_nsec += (long)(delay_ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

void slow_dns_set(int new_hang_ms)
{
    (void)pthread_mutex_lock(&lock);
    hang_ms = new_hang_ms;
    (void)pthread_mutex_unlock(&lock);
}

void slow_dns_release(void)
{
    (void)pthread_mutex_lock(&lock);
    hang_ms = 0;
    releases++;
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&lock);
}

static bool wait_for(bool wanted, int deadline_ms)
{
    const struct timespec deadline = in_ms(deadline_ms);
    int problem = 0;
    (void)pthread_mutex_lock(&lock);
    while ((hanging > 0) != wanted && problem == 0) {
        problem = pthread_cond_timedwait(&changed, &lock, &deadline);
    }
    const bool reached = (hanging > 0) == wanted;
    (void)pthread_mutex_unlock(&lock);
    return reached;
}

bool slow_dns_hanging(int deadline_ms)
{
    return wait_for(true, deadline_ms);
}

bool slow_dns_idle(int deadline_ms)
{
    return wait_for(false, deadline_ms);
}

/* True if the look-up hung. */
static bool hang(void)
{
    (void)pthread_mutex_lock(&lock);
    const bool hangs = hang_ms > 0;
    if (hangs) {
        const struct timespec deadline = in_ms(hang_ms);
        const unsigned before = releases;
        hanging++;
        (void)pthread_cond_broadcast(&changed);
        while (releases == before &&
               pthread_cond_timedwait(&changed, &lock, &deadline) != ETIMEDOUT) {
        }
        hanging--;
        (void)pthread_cond_broadcast(&changed);
    }
    (void)pthread_mutex_unlock(&lock);
    return hangs;
}

int getaddrinfo(const char *restrict node, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict result)
{
    union {
        void *object;
        int (*function)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    } real = {.object = dlsym(RTLD_NEXT, "getaddrinfo")};
    if (node == NULL || strcmp(node, "slow.test") != 0) {
        return real.function(node, service, hints, result);
    }
    return hang() ? EAI_AGAIN : real.function("127.0.0.1", service, hints, result);
}
