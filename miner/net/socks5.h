/* A client's half of SOCKS5 (RFC 1928, with RFC 1929's user and password): bytes in, bytes out.
 *
 * Names are handed to the proxy, never looked up here, which is what Tor needs. Both "no
 * authentication" and "user and password" are offered; Tor then takes the latter, and keeps
 * connections with different ones on circuits of their own. Pure.
 */
#ifndef HB_MINER_SOCKS5_H
#define HB_MINER_SOCKS5_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/attr.h"
#include "ground/err.h"

enum { SOCKS5_TEXT_MAX = 255 };

enum socks5_state {
    SOCKS5_GREETING,
    SOCKS5_AUTHENTICATING,
    SOCKS5_CONNECTING,
    SOCKS5_DONE, /* what follows comes from the host */
};

struct socks5 {
    enum socks5_state state;
    char host[SOCKS5_TEXT_MAX + 1], user[SOCKS5_TEXT_MAX + 1], password[SOCKS5_TEXT_MAX + 1];
    uint16_t port;
    uint8_t in[4 + 1 + SOCKS5_TEXT_MAX + 2]; /* the longest answer */
    size_t in_len;
    uint8_t out[3 + 2 * SOCKS5_TEXT_MAX]; /* to be sent, after each call */
    size_t out_len;
};

/* Begins: `out` holds the greeting. False with `err` if a text is empty or longer than 255 bytes.
 */
HB_MUST_USE bool socks5_init(struct socks5 *socks, const char *host, uint16_t port,
                             const char *user, const char *password, struct hb_err *err);
/* Takes bytes from the proxy, `*used` of them; the rest belongs to the host. False with `err`,
 * which says what the proxy refused. */
HB_MUST_USE bool socks5_feed(struct socks5 *socks, const uint8_t *data, size_t len, size_t *used,
                             struct hb_err *err);

#endif
