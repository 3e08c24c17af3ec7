/* Preloaded into heatbridge by the tests: looking up any name that is not an address takes eight
 * seconds and fails, as behind a broken router. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <time.h>

enum { HANG_S = 8 };

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **result)
{
    struct in6_addr address;
    if (node != NULL && inet_pton(AF_INET, node, &address) != 1 &&
        inet_pton(AF_INET6, node, &address) != 1) {
        const struct timespec hang = {.tv_sec = HANG_S};
        (void)fprintf(stderr, "slow_dns: looking up %s\n", node);
        (void)nanosleep(&hang, NULL);
        return EAI_AGAIN;
    }
    union {
        void *object;
        int (*function)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    } real = {.object = dlsym(RTLD_NEXT, "getaddrinfo")};
    return real.function(node, service, hints, result);
}
