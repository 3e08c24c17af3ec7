/* TLS as a filter between bytes and bytes: no socket, no waiting. The only user of OpenSSL's SSL.
 */
#ifndef HB_MINER_TLS_H
#define HB_MINER_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "ground/attr.h"
#include "ground/err.h"

struct tls;

/* A client of TLS 1.2 or later for `host` (a name, or an address). With `verify` the peer's
 * certificate must be for that host and lead to `ca_file`, or to the system's authorities if that
 * is NULL. NULL with `err` if the file cannot be read. */
HB_MUST_USE struct tls *tls_create(const char *host, const char *ca_file, bool verify,
                                   struct hb_err *err);
/* NULL is allowed. */
void tls_destroy(struct tls *tls);

/* Moves the handshake on with what was fed; call after creation and after each feeding. False with
 * `err` if the peer is not to be trusted or does not speak TLS. */
HB_MUST_USE bool tls_advance(struct tls *tls, struct hb_err *err);
/* True once the handshake is over. */
bool tls_is_ready(const struct tls *tls);
/* Bytes that came from the peer. */
HB_MUST_USE bool tls_feed(struct tls *tls, const char *data, size_t len);
/* Bytes to be sent to the peer; 0 if none. */
size_t tls_drain(struct tls *tls, char *data, size_t size);
/* Plain bytes from the peer; 0 if none (yet). False with `err` on a broken stream. */
HB_MUST_USE bool tls_read(struct tls *tls, char *data, size_t size, size_t *len,
                          struct hb_err *err);
/* Plain bytes for the peer, after the handshake. */
HB_MUST_USE bool tls_write(struct tls *tls, const char *data, size_t len);

#endif
