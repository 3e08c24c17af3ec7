/* The search with the SHA instructions of ARMv8: four rounds of one hash at a time, for four nonces
 * in turn so that none has to wait for its own last result. Of two plain SHA-256 these are left
 * out: rounds 0-3 and the constant words of the first hash come prepared, its schedule is shared by
 * the versions, round 0 of the second is an addition, and its last word is settled in round 60
 * (what is `e` there becomes `h` in round 63), so its words are taken in fours from W1 on. */
#include <arm_neon.h>
#include <string.h>
#include <sys/auxv.h>

#include "miner/kernel/kernels.h"
#include "miner/kernel/sha256.h"

#define ARM_INLINE static inline __attribute__((always_inline))
#define UNROLL     _Pragma("GCC unroll 16")
/* Nonces under way at once; divides KERNEL_STEP. */
#define STREAMS        4
#define EACH_STREAM(i) UNROLL for (size_t i = 0; i < STREAMS; i++)

/* Fours of rounds in each hash; in the first the schedule begins after FIRST_KNOWN of them. */
enum { GROUPS = 15, FIRST_KNOWN = 3 };

struct armv8_state {
    uint32x4_t abcd, efgh;
};

struct armv8_tables {
    uint32_t first_k[4 * GROUPS];  /* K[4]..K[63]; the first twelve with their words */
    uint32_t second_k[4 * GROUPS]; /* K[1]..K[60]                                    */
    struct armv8_state second;     /* after round 0 of the second hash for W0 = 0    */
};

struct armv8_hits {
    struct sha256d_hit *hit;
    size_t count, capacity;
};

ARM_INLINE uint32x4_t words4(uint32_t w0, uint32_t w1, uint32_t w2, uint32_t w3)
{
    const uint32_t words[4] = {w0, w1, w2, w3};
    return vld1q_u32(words);
}

/* The words of the first lane alone. */
ARM_INLINE uint32x4_t first_lane(uint32x4_t words)
{
    return vandq_u32(words, words4(UINT32_MAX, 0, 0, 0));
}

/* Compilers gather what belongs to one stream, and a processor that works in order then waits for
 * each result; gcc 12 also copies many registers. asm volatile holds the order as written. */

/* Four rounds of two streams. */
ARM_INLINE void rounds4(struct armv8_state s[2], uint32x4_t wk0, uint32x4_t wk1)
{
    uint32x4_t abcd0;
    uint32x4_t abcd1;
    __asm__ volatile("mov %0.16b, %2.16b\n\t"
                     "mov %1.16b, %4.16b\n\t"
                     "sha256h %q2, %q3, %6.4s\n\t"
                     "sha256h %q4, %q5, %7.4s\n\t"
                     "sha256h2 %q3, %q0, %6.4s\n\t"
                     "sha256h2 %q5, %q1, %7.4s"
                     : "=&w"(abcd0), "=&w"(abcd1), "+w"(s[0].abcd), "+w"(s[0].efgh),
                       "+w"(s[1].abcd), "+w"(s[1].efgh)
                     : "w"(wk0), "w"(wk1));
}

/* Turns the oldest of sixteen words into the four after them; two steps with others between. */
ARM_INLINE void extend_begin(uint32x4_t *w0, uint32x4_t w4)
{
    __asm__ volatile("sha256su0 %0.4s, %1.4s" : "+w"(*w0) : "w"(w4));
}

ARM_INLINE void extend_end(uint32x4_t *w0, uint32x4_t w8, uint32x4_t w12)
{
    __asm__ volatile("sha256su1 %0.4s, %1.4s, %2.4s" : "+w"(*w0) : "w"(w8), "w"(w12));
}

/* The four words of group `g` of each stream; the last sixteen are kept. */
ARM_INLINE void extend(uint32x4_t w[STREAMS][4], size_t g)
{
    EACH_STREAM(i) extend_begin(&w[i][g % 4], w[i][(g + 1) % 4]);
    EACH_STREAM(i) extend_end(&w[i][g % 4], w[i][(g + 2) % 4], w[i][(g + 3) % 4]);
}

/* W+K of rounds 16 to 63 of the first hash of the nonces `w3` (most significant byte first). */
ARM_INLINE void schedule_first(uint32_t wk[STREAMS][4 * GROUPS], const struct sha256d_work *work,
                               const struct armv8_tables *tables, const uint32_t w3[STREAMS])
{
    uint32x4_t w[STREAMS][4];
    EACH_STREAM(i)
    {
        w[i][0] = words4(0x80000000U, 0, 0, 0);
        w[i][1] = vdupq_n_u32(0);
        w[i][2] = words4(0, 0, 0, 640);
        w[i][3] = words4(work->w16, work->w17, sha256_sigma0(w3[i]) + work->w18, w3[i] + work->w19);
    }
    UNROLL for (size_t g = FIRST_KNOWN; g < GROUPS; g++)
    {
        if (g > FIRST_KNOWN) {
            extend(w, g);
        }
        const uint32x4_t k = vld1q_u32(tables->first_k + 4 * g);
        EACH_STREAM(i) vst1q_u32(wk[i] + 4 * g, vaddq_u32(w[i][g % 4], k));
    }
}

/* Leaves the digests of the first hash in `s`. */
ARM_INLINE void hash_first(struct armv8_state s[STREAMS], const struct sha256d_chain *chain,
                           const struct armv8_tables *tables, uint32_t wk[STREAMS][4 * GROUPS],
                           const uint32_t w3[STREAMS])
{
    EACH_STREAM(i)
    {
        const uint32x4_t nonce = words4(w3[i], 0, 0, 0);
        s[i].abcd = vaddq_u32(vld1q_u32(chain->round3), nonce);
        s[i].efgh = vaddq_u32(vld1q_u32(chain->round3 + 4), nonce);
    }
    UNROLL for (size_t g = 0; g < GROUPS; g++)
    {
        uint32x4_t sum[STREAMS];
        EACH_STREAM(i) sum[i] = vld1q_u32((g < FIRST_KNOWN ? tables->first_k : wk[i]) + 4 * g);
        rounds4(s, sum[0], sum[1]);
        rounds4(s + 2, sum[2], sum[3]);
    }
    EACH_STREAM(i)
    {
        s[i].abcd = vaddq_u32(s[i].abcd, vld1q_u32(chain->midstate));
        s[i].efgh = vaddq_u32(s[i].efgh, vld1q_u32(chain->midstate + 4));
    }
}

/* Takes the digests of the first hash; leaves `e` of round 60 in the first lane of efgh. */
ARM_INLINE void hash_second(struct armv8_state s[STREAMS], const struct armv8_tables *tables)
{
    uint32x4_t w[STREAMS][4], wk[STREAMS];
    EACH_STREAM(i)
    {
        const struct armv8_state digest = s[i];
        const uint32x4_t w0 = first_lane(digest.abcd);
        s[i].abcd = vaddq_u32(tables->second.abcd, w0);
        s[i].efgh = vaddq_u32(tables->second.efgh, w0);
        /* The digest is followed by the bit 1, zeros and the length 256; W16 is the sum of W0 and
         * the small sigma of W1, which su0 has in its first lane. */
        w[i][0] = vextq_u32(digest.abcd, digest.efgh, 1);
        w[i][1] = vextq_u32(digest.efgh, words4(0x80000000U, 0, 0, 0), 1);
        w[i][2] = vdupq_n_u32(0);
        w[i][3] = vextq_u32(words4(0, 0, 0, 256), vsha256su0q_u32(digest.abcd, digest.efgh), 1);
    }
    UNROLL for (size_t g = 0; g < GROUPS; g++)
    {
        if (g > 3) {
            extend(w, g);
        }
        const uint32x4_t k = vld1q_u32(tables->second_k + 4 * g);
        EACH_STREAM(i) wk[i] = vaddq_u32(w[i][g % 4], k);
        rounds4(s, wk[0], wk[1]);
        rounds4(s + 2, wk[2], wk[3]);
    }
}

static void collect(struct armv8_hits *hits, uint32x4_t top, uint32_t limit, uint32_t first,
                    uint32_t version)
{
    uint32_t words[STREAMS];
    vst1q_u32(words, top);
    for (uint32_t i = 0; i < STREAMS && hits->count < hits->capacity; i++) {
        if (words[i] <= limit) {
            hits->hit[hits->count++] = (struct sha256d_hit){first + i, version};
        }
    }
}

/* Hashes the nonces `first` and following in every version. */
static void search(const struct sha256d_work *work, const struct armv8_tables *tables,
                   uint32_t first, struct armv8_hits *hits)
{
    uint32_t wk[STREAMS][4 * GROUPS], w3[STREAMS];
    EACH_STREAM(i)
    {
        w3[i] = __builtin_bswap32(first + (uint32_t)i); /* the header is little-endian */
    }
    schedule_first(wk, work, tables, w3);
    for (uint32_t version = 0; version < work->version_count; version++) {
        struct armv8_state s[STREAMS];
        hash_first(s, &work->chain[version], tables, wk, w3);
        hash_second(s, tables);
        /* So is the hash as a number: its top 32 bits are the last word, reversed. */
        const uint32x4_t e =
            vzip1q_u32(vzip1q_u32(s[0].efgh, s[2].efgh), vzip1q_u32(s[1].efgh, s[3].efgh));
        const uint32x4_t last = vaddq_u32(e, vdupq_n_u32(sha256_iv[7]));
        const uint32x4_t top = vreinterpretq_u32_u8(vrev32q_u8(vreinterpretq_u8_u32(last)));
        if (vminvq_u32(top) <= work->top_limit) {
            collect(hits, top, work->top_limit, first, version);
        }
    }
}

static void fill_tables(struct armv8_tables *tables)
{
    memcpy(tables->first_k, sha256_k + 4, sizeof tables->first_k);
    tables->first_k[0] += 0x80000000U;
    tables->first_k[11] += 640;
    memcpy(tables->second_k, sha256_k + 1, sizeof tables->second_k);
    uint32_t s[8];
    memcpy(s, sha256_iv, sizeof s);
    sha256_round(s, sha256_k[0]);
    tables->second = (struct armv8_state){vld1q_u32(s), vld1q_u32(s + 4)};
}

static size_t armv8_scan(const struct sha256d_work *work, uint32_t first, uint32_t count,
                         struct sha256d_hit *hits, size_t capacity)
{
    struct armv8_tables tables;
    struct armv8_hits found = {hits, 0, capacity};
    fill_tables(&tables);
    for (uint32_t n = 0; n < count; n += STREAMS) {
        search(work, &tables, first + n, &found);
    }
    return found.count;
}

static bool usable(void)
{
    return (getauxval(AT_HWCAP) & HWCAP_SHA2) != 0;
}

const struct sha256d_kernel kernel_armv8 = {"armv8", usable, armv8_scan};
