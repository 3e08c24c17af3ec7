/* TLS as far as the MQTT link needs it itself: checking files early, and saying why a broker is not
 * trusted.
 *
 * The connections that carry messages are made by the MQTT libraries; they report a failed
 * handshake as a number at best. A handshake of our own, with the same demands, tells the cause.
 */
#ifndef HB_MQTT_TLS_H
#define HB_MQTT_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "ground/attr.h"
#include "ground/err.h"
#include "mqtt/link.h"
#include "mqtt/url.h"

struct mqtt_tls;

enum mqtt_tls_result { TLS_DONE, TLS_WANTS_READ, TLS_WANTS_WRITE, TLS_CLOSED, TLS_FAILED };

/* True if the CA file, the certificate and its key can be read and belong together. */
HB_MUST_USE bool mqtt_tls_check_files(const struct mqtt_link_options *options, struct hb_err *err);

/* A TLS 1.2 or newer client on a connected, non-blocking socket, which stays the caller's. Verifies
 * chain and name unless the options say otherwise. NULL with `err`; free with mqtt_tls_close. */
struct mqtt_tls *mqtt_tls_open(int fd, const struct mqtt_url *url,
                               const struct mqtt_link_options *options, struct hb_err *err);
void mqtt_tls_close(struct mqtt_tls *tls);

/* One step of the handshake; call again when the socket is ready. `err` only for TLS_FAILED. */
enum mqtt_tls_result mqtt_tls_handshake(struct mqtt_tls *tls, struct hb_err *err);
/* Moves up to `len` bytes, at least one if TLS_DONE; how many in `*moved`. `err` as above. */
enum mqtt_tls_result mqtt_tls_read(struct mqtt_tls *tls, void *buf, size_t len, size_t *moved,
                                   struct hb_err *err);
enum mqtt_tls_result mqtt_tls_write(struct mqtt_tls *tls, const void *buf, size_t len,
                                    size_t *moved, struct hb_err *err);

/* Of a library's connection (an OpenSSL `SSL *`, NULL for none): whether its handshake is still
 * under way, and whether that waits for room to write. */
bool mqtt_tls_in_handshake(const void *ssl, bool *wants_write);
/* The directory in which this system keeps trusted authorities. */
const char *mqtt_tls_system_directory(void);

#endif
