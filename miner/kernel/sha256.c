#include "miner/kernel/sha256.h"

#include <string.h>

const uint32_t sha256_iv[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                               0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

const uint32_t sha256_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/* A round renames instead of moving: working variable i of round t is s[(i - t) mod 8]. */
static inline void renaming_round(uint32_t s[8], unsigned t, uint32_t wk)
{
    const uint32_t a = s[(0 - t) % 8];
    const uint32_t b = s[(1 - t) % 8];
    const uint32_t c = s[(2 - t) % 8];
    const uint32_t e = s[(4 - t) % 8];
    const uint32_t choice = (e & s[(5 - t) % 8]) ^ (~e & s[(6 - t) % 8]);
    const uint32_t majority = (a & b) ^ (a & c) ^ (b & c);
    const uint32_t t1 = s[(7 - t) % 8] + choice + wk +
                        (sha256_rotr(e, 6) ^ sha256_rotr(e, 11) ^ sha256_rotr(e, 25));
    s[(3 - t) % 8] += t1;
    s[(7 - t) % 8] = t1 + majority + (sha256_rotr(a, 2) ^ sha256_rotr(a, 13) ^ sha256_rotr(a, 22));
}

void sha256_round(uint32_t s[8], uint32_t wk)
{
    renaming_round(s, 0, wk);
    const uint32_t a = s[7];
    memmove(s + 1, s, 7 * sizeof s[0]);
    s[0] = a;
}

void sha256_compress(uint32_t state[8], const uint8_t block[64])
{
    uint32_t w[64];
    for (size_t i = 0; i < 16; i++) {
        w[i] = sha256_load_be(block + 4 * i);
    }
    for (size_t i = 16; i < 64; i++) {
        w[i] = sha256_sigma1(w[i - 2]) + w[i - 7] + sha256_sigma0(w[i - 15]) + w[i - 16];
    }
    uint32_t s[8];
    memcpy(s, state, sizeof s);
    for (size_t i = 0; i < 64; i += 8) {
        for (unsigned t = 0; t < 8; t++) { /* unrolled, so that s is in registers */
            renaming_round(s, t, w[i + t] + sha256_k[i + t]);
        }
    }
    for (size_t i = 0; i < 8; i++) {
        state[i] += s[i];
    }
}

static void store_be(uint8_t *bytes, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

void sha256_digest(const uint8_t *data, size_t len, uint8_t digest[32])
{
    uint32_t state[8];
    memcpy(state, sha256_iv, sizeof state);
    size_t left = len;
    for (; left >= 64; left -= 64, data += 64) {
        sha256_compress(state, data);
    }
    /* Padding: the bit 1, zeros, and the length in bits as 64-bit big-endian number. */
    uint8_t last[128] = {0};
    if (left > 0) {
        memcpy(last, data, left);
    }
    last[left] = 0x80;
    const size_t blocks = left < 56 ? 1 : 2;
    store_be(last + blocks * 64 - 8, (uint32_t)((uint64_t)len >> 29));
    store_be(last + blocks * 64 - 4, (uint32_t)((uint64_t)len << 3));
    for (size_t i = 0; i < blocks; i++) {
        sha256_compress(state, last + 64 * i);
    }
    for (size_t i = 0; i < 8; i++) {
        store_be(digest + 4 * i, state[i]);
    }
}

void sha256d_digest(const uint8_t *data, size_t len, uint8_t digest[32])
{
    uint8_t once[32];
    sha256_digest(data, len, once);
    sha256_digest(once, sizeof once, digest);
}
