/* TLS as a filter between bytes and bytes: no socket, no waiting. The only user of OpenSSL's SSL.
 */
#ifndef HB_MINER_TLS_H
#define HB_MINER_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/attr.h"
#include "ground/err.h"

struct tls;

struct tls_options {
    const char *host;    /* a name, or an address                                            */
    bool verify;         /* the certificate must be for that host and lead to an authority   */
    const char *ca_file; /* certificates of authorities; NULL: the system's                  */
    const char *pin;     /* SHA-256 of the only certificate that is trusted, in hex; then it
                            need not lead anywhere, nor be in date; NULL: any                 */
};

enum { TLS_PIN_SIZE = 32 };

/* Reads a pin: 64 hex digits, with colons between the bytes as OpenSSL prints them, or without. */
HB_MUST_USE bool tls_read_pin(const char *text, uint8_t pin[TLS_PIN_SIZE], struct hb_err *err);

/* A client of TLS 1.2 or later. Texts are used during the call only. NULL with `err` if the file
 * cannot be read or the pin is malformed. */
HB_MUST_USE struct tls *tls_create(const struct tls_options *options, struct hb_err *err);
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
