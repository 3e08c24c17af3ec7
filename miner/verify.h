/* The last look at a share before it is sent: OpenSSL, which shares no code with our kernels,
 * hashes the header again. The only way to a submit leads through here. */
#ifndef HB_MINER_VERIFY_H
#define HB_MINER_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "ground/attr.h"

/* Double SHA-256 of `header` by OpenSSL. False if OpenSSL refuses (no memory, no SHA-256). */
HB_MUST_USE bool verify_hash(const uint8_t header[80], uint8_t hash[32]);

/* True if the header's hash meets `target`; the hash, and the difficulty that it reaches, are
 * handed out either way unless OpenSSL refuses. */
HB_MUST_USE bool verify_share(const uint8_t header[80], const uint8_t target[32], uint8_t hash[32],
                              double *difficulty);

#endif
