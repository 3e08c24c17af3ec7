#include "miner/kernel.h"

#include <string.h>

#include "miner/hex.h"
#include "miner/kernels.h"
#include "miner/sha256.h"

static const struct sha256d_kernel *const table[] = {
#if defined(__x86_64__)
    &kernel_avx512,
    &kernel_avx2,
#endif
    &kernel_portable,
};

void sha256d_prepare(struct sha256d_work *work, const uint8_t header[80], uint32_t top_limit)
{
    memcpy(work->midstate, sha256_iv, sizeof work->midstate);
    sha256_compress(work->midstate, header);
    const uint32_t w0 = sha256_load_be(header + 64);
    const uint32_t w1 = sha256_load_be(header + 68);
    const uint32_t w2 = sha256_load_be(header + 72);
    memcpy(work->round3, work->midstate, sizeof work->round3);
    sha256_round(work->round3, w0 + sha256_k[0]);
    sha256_round(work->round3, w1 + sha256_k[1]);
    sha256_round(work->round3, w2 + sha256_k[2]);
    sha256_round(work->round3, sha256_k[3]);
    work->w16 = sha256_sigma0(w1) + w0;
    work->w17 = sha256_sigma1(640) + sha256_sigma0(w2) + w1;
    work->w18 = sha256_sigma1(work->w16) + w2;
    work->w19 = sha256_sigma1(work->w17) + sha256_sigma0(0x80000000U);
    work->top_limit = top_limit;
}

const struct sha256d_kernel *kernel_at(size_t index)
{
    return index < sizeof table / sizeof table[0] ? table[index] : NULL;
}

static const char genesis_hex[] =
    "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c"
    "3e"
    "67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c";

#define GENESIS_NONCE 2083236893U /* bytes 76..79, little-endian */

/* The 32 most significant bits of the header's hash, by plain SHA-256. */
static uint32_t top_of(uint8_t header[80], uint32_t nonce)
{
    for (size_t i = 0; i < 4; i++) {
        header[76 + i] = (uint8_t)(nonce >> (8 * i));
    }
    uint8_t hash[32];
    sha256d_digest(header, 80, hash);
    return (uint32_t)hash[31] << 24 | (uint32_t)hash[30] << 16 | (uint32_t)hash[29] << 8 | hash[28];
}

/* One nonce in sixteen is a hit here, so every lane and the order of bytes are put to the test. */
static bool agrees_with_plain(const struct sha256d_kernel *kernel, uint8_t header[80])
{
    enum { COUNT = 512, FIRST = 0x7fffff00 };
    struct sha256d_work work;
    sha256d_prepare(&work, header, 0x0fffffff);
    uint32_t hits[COUNT];
    const size_t found = kernel->scan(&work, FIRST, COUNT, hits, COUNT);
    size_t expected = 0;
    for (uint32_t nonce = FIRST; nonce < (uint32_t)FIRST + COUNT; nonce++) {
        if (top_of(header, nonce) <= work.top_limit) {
            if (expected >= found || hits[expected] != nonce) {
                return false;
            }
            expected++;
        }
    }
    return expected == found;
}

bool kernel_self_test(const struct sha256d_kernel *kernel, struct hb_err *err)
{
    uint8_t header[80];
    if (!hex_decode(genesis_hex, header, sizeof header)) {
        return hb_fail(err, HB_ERR_STATE, "kernel %s: the test header is damaged", kernel->name);
    }
    struct sha256d_work work;
    sha256d_prepare(&work, header, 0);
    uint32_t hit = 0;
    const size_t found = kernel->scan(&work, GENESIS_NONCE - 1000, 2048, &hit, 1);
    if (found != 1 || hit != GENESIS_NONCE) {
        return hb_fail(err, HB_ERR_STATE, "kernel %s: expected nonce %u of the genesis block",
                       kernel->name, GENESIS_NONCE);
    }
    if (!agrees_with_plain(kernel, header)) {
        return hb_fail(err, HB_ERR_STATE, "kernel %s: expected the hits of plain sha-256",
                       kernel->name);
    }
    return true;
}

const struct sha256d_kernel *kernel_choose(struct hb_err *err)
{
    for (size_t i = 0; kernel_at(i) != NULL; i++) {
        if (kernel_at(i)->usable() && kernel_self_test(kernel_at(i), err)) {
            return kernel_at(i);
        }
    }
    return NULL;
}
