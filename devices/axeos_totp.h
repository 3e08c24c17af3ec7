/* One-time passwords by the clock (RFC 6238 with SHA-1, 30 s, 6 digits), as NerdQAxe asks for them.
 */
#ifndef HB_DEVICES_AXEOS_TOTP_H
#define HB_DEVICES_AXEOS_TOTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/attr.h"

enum { TOTP_SECRET = 64, TOTP_DIGITS = 6, TOTP_PERIOD_S = 30 };

/* The key of a secret in base32, as under a QR code: case, spaces, hyphens and padding do not
 * count. The length of the key; 0 if it is none, or longer than TOTP_SECRET. */
HB_MUST_USE size_t totp_key(const char *secret, uint8_t key[TOTP_SECRET]);
/* The password of `digits` digits (1 to 9) at a Unix time. False if the library refuses. */
HB_MUST_USE bool totp_password(const uint8_t *key, size_t key_len, int64_t unix_s, int digits,
                               char password[10]);

#endif
