#include "miner/kernel/kernel.h"

#include <string.h>

#include "miner/difficulty.h"
#include "miner/hex.h"
#include "miner/job.h"
#include "miner/kernel/kernels.h"
#include "miner/kernel/sha256.h"

/* clang-format off */
static const struct sha256d_kernel *const table[] = {
#if defined(__x86_64__)
    &kernel_avx512, &kernel_shani_avx, &kernel_shani, &kernel_avx2, &kernel_sse2,
#elif defined(__aarch64__)
    &kernel_armv8, &kernel_neon,
#endif
    &kernel_portable,
};
/* clang-format on */

static void prepare_chain(struct sha256d_chain *chain, const uint8_t header[80],
                          uint32_t version_bits)
{
    uint8_t first[64];
    memcpy(first, header, sizeof first);
    job_roll_version(first, version_bits);
    memcpy(chain->midstate, sha256_iv, sizeof chain->midstate);
    sha256_compress(chain->midstate, first);
    memcpy(chain->round3, chain->midstate, sizeof chain->round3);
    for (size_t i = 0; i < 3; i++) {
        sha256_round(chain->round3, sha256_load_be(header + 64 + 4 * i) + sha256_k[i]);
    }
    sha256_round(chain->round3, sha256_k[3]);
    chain->early[0] = chain->round3[7] + sha256_k[4] + 0x80000000U;
    chain->early[1] = chain->round3[6] + sha256_k[5];
    chain->early[2] = chain->round3[5] + sha256_k[6];
}

void sha256d_prepare(struct sha256d_work *work, const uint8_t header[80],
                     const uint32_t *version_bits, size_t version_count, uint32_t top_limit)
{
    const uint32_t w0 = sha256_load_be(header + 64);
    const uint32_t w1 = sha256_load_be(header + 68);
    const uint32_t w2 = sha256_load_be(header + 72);
    work->w16 = sha256_sigma0(w1) + w0;
    work->w17 = sha256_sigma1(640) + sha256_sigma0(w2) + w1;
    work->w18 = sha256_sigma1(work->w16) + w2;
    work->w19 = sha256_sigma1(work->w17) + sha256_sigma0(0x80000000U);
    work->top_limit = top_limit;
    work->version_count = (uint32_t)version_count;
    for (size_t i = 0; i < version_count; i++) {
        prepare_chain(&work->chain[i], header, version_bits[i]);
    }
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

/* Some bits that pools let us roll, in no order. */
static const uint32_t test_versions[] = {0, 0x00002000, 0x1fffe000, 0x08006000, 0x10000000};
enum { TEST_VERSIONS = sizeof test_versions / sizeof test_versions[0] };

/* The 32 most significant bits of the header's hash, by plain SHA-256. */
static uint32_t top_of(const uint8_t header[80], const struct sha256d_hit *place)
{
    uint8_t rolled[80];
    memcpy(rolled, header, sizeof rolled);
    job_roll_version(rolled, test_versions[place->version]);
    job_set_nonce(rolled, place->nonce);
    uint8_t hash[32];
    sha256d_digest(rolled, sizeof rolled, hash);
    return difficulty_top(hash);
}

static bool contains(const struct sha256d_hit *hits, size_t count, const struct sha256d_hit *hit)
{
    for (size_t i = 0; i < count; i++) {
        if (hits[i].nonce == hit->nonce && hits[i].version == hit->version) {
            return true;
        }
    }
    return false;
}

/* One nonce in sixteen is a hit here, so every lane and the order of bytes are put to the test. */
static bool agrees_with_plain(const struct sha256d_kernel *kernel, const uint8_t header[80])
{
    enum { COUNT = 128, FIRST = 0x7fffff00, CAPACITY = COUNT * TEST_VERSIONS };
    struct sha256d_work work;
    sha256d_prepare(&work, header, test_versions, TEST_VERSIONS, 0x0fffffff);
    struct sha256d_hit hits[CAPACITY];
    const size_t found = kernel->scan(&work, FIRST, COUNT, hits, CAPACITY);
    size_t expected = 0;
    for (uint32_t i = 0; i < CAPACITY; i++) {
        const struct sha256d_hit place = {FIRST + i / TEST_VERSIONS, i % TEST_VERSIONS};
        if (top_of(header, &place) <= work.top_limit) {
            expected++;
            if (!contains(hits, found, &place)) {
                return false;
            }
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
    sha256d_prepare(&work, header, test_versions, 1, 0);
    struct sha256d_hit hit = {0, 0};
    const size_t found = kernel->scan(&work, GENESIS_NONCE - 1000, 2048, &hit, 1);
    if (found != 1 || hit.nonce != GENESIS_NONCE || hit.version != 0) {
        return hb_fail(err, HB_ERR_STATE, "kernel %s: expected nonce %u of the genesis block",
                       kernel->name, GENESIS_NONCE);
    }
    if (!agrees_with_plain(kernel, header)) {
        return hb_fail(err, HB_ERR_STATE, "kernel %s: expected the hits of plain sha-256",
                       kernel->name);
    }
    return true;
}
