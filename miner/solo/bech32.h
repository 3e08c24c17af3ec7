/* Bech32 and Bech32m (BIP 173, BIP 350): text of five-bit letters with a checksum. Pure. */
#ifndef HB_MINER_BECH32_H
#define HB_MINER_BECH32_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/attr.h"

enum { BECH32_TEXT_MAX = 90, BECH32_PREFIX_MAX = 83 };

enum bech32_kind { BECH32_INVALID, BECH32_PLAIN, BECH32_M };

struct bech32 {
    enum bech32_kind kind;              /* which of the two checksums is right       */
    char prefix[BECH32_PREFIX_MAX + 1]; /* the human-readable part, in lower case    */
    size_t count;
    uint8_t values[BECH32_TEXT_MAX]; /* five bits each, without the checksum      */
};

/* Decodes `text`; false if it is neither, and `kind` is then BECH32_INVALID. */
HB_MUST_USE bool bech32_decode(const char *text, struct bech32 *decoded);

/* Regroups `count` five-bit values as at most `max` bytes; the padding must be zero and shorter
 * than five bits. */
HB_MUST_USE bool bech32_to_bytes(const uint8_t *values, size_t count, uint8_t *bytes, size_t max,
                                 size_t *size);

#endif
