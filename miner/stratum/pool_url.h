/* Where a pool is: reading its URL, and judging where it may redirect us. Pure. */
#ifndef HB_MINER_POOL_URL_H
#define HB_MINER_POOL_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/attr.h"
#include "ground/err.h"

struct pool_url {
    char host[256]; /* name or address, without brackets */
    uint16_t port;
    bool tls;
};

/* Reads stratum+tcp://host:port, stratum+ssl://, stratum+tls:// or plain host:port (tcp); IPv6
 * addresses in brackets. A trailing slash is allowed. */
HB_MUST_USE bool pool_url_parse(const char *text, struct pool_url *url, struct hb_err *err);

/* Reads socks5://host:port (or socks5h://, which is the same here: names are looked up there). */
HB_MUST_USE bool pool_url_parse_proxy(const char *text, struct pool_url *url, struct hb_err *err);

/* True for a name that only Tor can reach. */
bool pool_url_is_onion(const char *host);

/* "host:port", with brackets where needed. Cuts at `size`. */
void pool_url_print(char *text, size_t size, const char *host, uint16_t port);

/* May client.reconnect send us to host:port? Only to the pool itself, or to an entry "host" or
 * "host:port" of the list; letter case does not matter. */
HB_MUST_USE bool pool_url_redirect_allowed(const struct pool_url *pool, const char *const *allowed,
                                           size_t allowed_count, const char *host, uint16_t port);

#endif
