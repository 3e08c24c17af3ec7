#include <immintrin.h>
#include <stddef.h>
#include <string.h>

#include "miner/kernels.h"
#include "miner/sha256.h"

/* Sixteen lanes; two vectors of nonces at once. */
enum { LANES = 16, STREAMS = 2 };
_Static_assert(KERNEL_STEP % (LANES * STREAMS) == 0, "a step is whole pairs of vectors");

/* What kernel_avx512_pair works on; its layout is known there. */
struct pair {
    __m512i wk[STREAMS][48];   /* W[16..63] + K of the first hash, for all versions            */
    __m512i ring[STREAMS][16]; /* words of the second hash                                     */
    __m512i w3[STREAMS];       /* the nonces as the header has them                            */
    __m512i top[STREAMS];      /* result: the last word of the second hash                     */
    uint32_t first_k[16];      /* K, plus the words of the first hash that never change        */
    uint32_t second_k[64];     /* the same for the second, plus h in rounds 1 to 3             */
    uint32_t iv[8];
    uint32_t round0_e, round0_a; /* e and a after round 0 of the second hash, but for W0       */
    uint32_t one_bit, bits_256, sigma0_one, sigma0_256, sigma1_256;
};
_Static_assert(offsetof(struct pair, first_k) == (size_t)132 * 64, "as kernel_avx512_pair has it");
_Static_assert(offsetof(struct sha256d_chain, early) == 64, "as kernel_avx512_pair has it");

void kernel_avx512_pair(struct pair *pair, const struct sha256d_chain *chain);

static inline __m512i spread(uint32_t x)
{
    return _mm512_set1_epi32((int)x);
}

static inline __m512i add(__m512i x, __m512i y)
{
    return _mm512_add_epi32(x, y);
}

static inline __m512i xor3(__m512i x, __m512i y, __m512i z)
{
    return _mm512_ternarylogic_epi32(x, y, z, 0x96);
}

static inline __m512i small0(__m512i x)
{
    return xor3(_mm512_ror_epi32(x, 7), _mm512_ror_epi32(x, 18), _mm512_srli_epi32(x, 3));
}

static inline __m512i small1(__m512i x)
{
    return xor3(_mm512_ror_epi32(x, 17), _mm512_ror_epi32(x, 19), _mm512_srli_epi32(x, 10));
}

static inline __m512i reverse_bytes(__m512i x)
{
    const __m512i odd = spread(0xff00ff00);
    return _mm512_ternarylogic_epi32(odd, _mm512_ror_epi32(x, 8), _mm512_rol_epi32(x, 8), 0xca);
}

/* W16..W63 of the header's second block, K added; W4 = 0x80000000, W15 = 640, W5..W14 = 0. */
static void schedule_first(__m512i wk[48], const struct sha256d_work *work, __m512i w3)
{
    __m512i w[64];
    w[16] = spread(work->w16);
    w[17] = spread(work->w17);
    w[18] = add(small0(w3), spread(work->w18));
    w[19] = add(w3, spread(work->w19));
    w[20] = add(small1(w[18]), spread(0x80000000U));
    w[21] = small1(w[19]);
    w[22] = add(small1(w[20]), spread(640));
    for (size_t i = 23; i < 30; i++) {
        w[i] = add(small1(w[i - 2]), w[i - 7]);
    }
    w[30] = add(add(small1(w[28]), w[23]), spread(sha256_sigma0(640)));
    w[31] = add(add(small1(w[29]), w[24]), spread(sha256_sigma0(work->w16) + 640));
    for (size_t i = 32; i < 64; i++) {
        w[i] = add(add(small1(w[i - 2]), w[i - 7]), add(small0(w[i - 15]), w[i - 16]));
    }
    for (size_t i = 16; i < 64; i++) {
        wk[i - 16] = add(w[i], spread(sha256_k[i]));
    }
}

/* e and a after round 0 of the second hash for W0 = 0. */
static void constant_round(struct pair *pair)
{
    uint32_t s[8];
    memcpy(s, sha256_iv, sizeof s);
    sha256_round(s, sha256_k[0]);
    pair->round0_a = s[0];
    pair->round0_e = s[4];
}

static void fill_constants(struct pair *pair)
{
    memcpy(pair->first_k, sha256_k, sizeof pair->first_k);
    pair->first_k[15] += 640;
    memcpy(pair->second_k, sha256_k, sizeof pair->second_k);
    for (size_t i = 1; i < 4; i++) {
        pair->second_k[i] += sha256_iv[7 - i];
    }
    pair->second_k[8] += 0x80000000U;
    pair->second_k[15] += 256;
    pair->second_k[60] += sha256_iv[7];
    memcpy(pair->iv, sha256_iv, sizeof pair->iv);
    constant_round(pair);
    pair->one_bit = 0x80000000U;
    pair->bits_256 = 256;
    pair->sigma0_one = sha256_sigma0(0x80000000U);
    pair->sigma0_256 = sha256_sigma0(256);
    pair->sigma1_256 = sha256_sigma1(256);
}

static size_t scan(const struct sha256d_work *work, uint32_t first, uint32_t count,
                   struct sha256d_hit *hits, size_t capacity)
{
    const __m512i limit = spread(work->top_limit);
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    struct pair pair;
    fill_constants(&pair);
    size_t found = 0;
    for (uint32_t i = 0; i < count; i += LANES * STREAMS) {
        for (uint32_t stream = 0; stream < STREAMS; stream++) {
            const __m512i nonce = add(spread(first + i + stream * LANES), lane);
            pair.w3[stream] = reverse_bytes(nonce); /* the header is little-endian */
            schedule_first(pair.wk[stream], work, pair.w3[stream]);
        }
        for (uint32_t version = 0; version < work->version_count; version++) {
            kernel_avx512_pair(&pair, &work->chain[version]);
            for (uint32_t stream = 0; stream < STREAMS; stream++) {
                __mmask16 hit = _mm512_cmple_epu32_mask(reverse_bytes(pair.top[stream]), limit);
                for (; hit != 0 && found < capacity; hit &= (__mmask16)(hit - 1)) {
                    const uint32_t at = i + stream * LANES + (uint32_t)__builtin_ctz(hit);
                    hits[found++] = (struct sha256d_hit){first + at, version};
                }
            }
        }
    }
    return found;
}

static bool usable(void)
{
    return __builtin_cpu_supports("avx512f") != 0;
}

const struct sha256d_kernel kernel_avx512 = {"avx512-16", usable, scan};
