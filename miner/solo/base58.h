/* Base58Check: bytes with a checksum as text without look-alike letters. Pure. */
#ifndef HB_MINER_BASE58_H
#define HB_MINER_BASE58_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/attr.h"

/* Decodes text of exactly `size` bytes (at most 64) and their four bytes of checksum, which are not
 * handed out. False on any other length, letter or checksum. */
HB_MUST_USE bool base58check_decode(const char *text, uint8_t *bytes, size_t size);

#endif
