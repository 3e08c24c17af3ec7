/* SHA-256 (FIPS 180-4) in plain C: for coinbases, merkle trees and midstates. Pure. */
#ifndef HB_MINER_SHA256_H
#define HB_MINER_SHA256_H

#include <stddef.h>
#include <stdint.h>

extern const uint32_t sha256_iv[8]; /* FIPS 180-4 section 5.3.3 */
extern const uint32_t sha256_k[64]; /* FIPS 180-4 section 4.2.2 */

/* Four bytes, most significant first: the byte order of SHA-256. */
static inline uint32_t sha256_load_be(const uint8_t bytes[4])
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static inline uint32_t sha256_rotr(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

/* The two functions of the message schedule. */
static inline uint32_t sha256_sigma0(uint32_t x)
{
    return sha256_rotr(x, 7) ^ sha256_rotr(x, 18) ^ x >> 3;
}

static inline uint32_t sha256_sigma1(uint32_t x)
{
    return sha256_rotr(x, 17) ^ sha256_rotr(x, 19) ^ x >> 10;
}

/* One round on the working variables a..h in `s`; `wk` is W[t] + K[t]. */
void sha256_round(uint32_t s[8], uint32_t wk);
/* Folds one block of 64 bytes into the chaining value. */
void sha256_compress(uint32_t state[8], const uint8_t block[64]);
/* Hash of `len` bytes. */
void sha256_digest(const uint8_t *data, size_t len, uint8_t digest[32]);
/* Hash of the hash, as Bitcoin uses it everywhere. */
void sha256d_digest(const uint8_t *data, size_t len, uint8_t digest[32]);

#endif
