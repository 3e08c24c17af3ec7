/* The search of several nonces at once in the lanes of a vector, as a template: a .c file defines
 * KERNEL_LANES, includes this, and is compiled for the instruction set that has such vectors.
 *
 * It uses the compiler's vectors only, so four lanes become SSE2 on x86-64 and NEON on arm64. Saved
 * work compared with two plain SHA-256: rounds 0-3 and the nonce-independent words of the first
 * hash come prepared, zero words are left out of the schedule, and of the second hash only the last
 * word is computed, which is settled in round 60 (what is `e` there becomes `h` in round 63).
 */
#ifndef HB_MINER_KERNEL_LANES_H
#define HB_MINER_KERNEL_LANES_H

#include <string.h>

#include "miner/kernel.h"
#include "miner/sha256.h"

#ifndef KERNEL_LANES
#define KERNEL_LANES 4
#endif

/* A vector type can only be named by a typedef. */
typedef uint32_t lanes __attribute__((vector_size(KERNEL_LANES * 4)));

#define KERNEL_INLINE static inline __attribute__((always_inline))

/* Constants of the rounds, spread over the lanes: K alone, and K plus those words of the first and
 * second hash that never change. */
struct lanes_table {
    lanes k[64], first[16], second[16];
};

KERNEL_INLINE lanes spread(uint32_t x)
{
    return x - (lanes){0};
}

/* What some instruction sets do in fewer steps than compilers see by themselves; such a kernel
 * defines these before it includes this. */
#ifndef KERNEL_ROTATE
#define KERNEL_ROTATE(x, n)      ((x) >> (n) | (x) << (32 - (n)))
#define KERNEL_CHOICE(e, f, g)   ((g) ^ ((e) & ((f) ^ (g))))
#define KERNEL_MAJORITY(a, b, c) (((a) & (b)) | ((c) & ((a) | (b))))
#endif

KERNEL_INLINE lanes small0(lanes x)
{
    return KERNEL_ROTATE(x, 7) ^ KERNEL_ROTATE(x, 18) ^ x >> 3;
}

KERNEL_INLINE lanes small1(lanes x)
{
    return KERNEL_ROTATE(x, 17) ^ KERNEL_ROTATE(x, 19) ^ x >> 10;
}

KERNEL_INLINE lanes big0(lanes x)
{
    return KERNEL_ROTATE(x, 2) ^ KERNEL_ROTATE(x, 13) ^ KERNEL_ROTATE(x, 22);
}

KERNEL_INLINE lanes big1(lanes x)
{
    return KERNEL_ROTATE(x, 6) ^ KERNEL_ROTATE(x, 11) ^ KERNEL_ROTATE(x, 25);
}

KERNEL_INLINE lanes reverse_bytes(lanes x)
{
    return x >> 24 | (x >> 8 & 0xff00) | (x & 0xff00) << 8 | x << 24;
}

/* A round renames instead of moving: the new `e` is left in d, the new `a` in h. */
#define ROUND_E(d, e, f, g, h, wk) ((d) += (h) += big1(e) + KERNEL_CHOICE(e, f, g) + (wk))
#define ROUND(a, b, c, d, e, f, g, h, wk)                                                          \
    (ROUND_E(d, e, f, g, h, wk), (h) += big0(a) + KERNEL_MAJORITY(a, b, c))

KERNEL_INLINE void rounds4(lanes s[8], const lanes w[4], const lanes k[4])
{
    ROUND(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7], w[0] + k[0]);
    ROUND(s[7], s[0], s[1], s[2], s[3], s[4], s[5], s[6], w[1] + k[1]);
    ROUND(s[6], s[7], s[0], s[1], s[2], s[3], s[4], s[5], w[2] + k[2]);
    ROUND(s[5], s[6], s[7], s[0], s[1], s[2], s[3], s[4], w[3] + k[3]);
}

/* The same with the roles that a..h have after four rounds. */
KERNEL_INLINE void rounds4_odd(lanes s[8], const lanes w[4], const lanes k[4])
{
    ROUND(s[4], s[5], s[6], s[7], s[0], s[1], s[2], s[3], w[0] + k[0]);
    ROUND(s[3], s[4], s[5], s[6], s[7], s[0], s[1], s[2], w[1] + k[1]);
    ROUND(s[2], s[3], s[4], s[5], s[6], s[7], s[0], s[1], w[2] + k[2]);
    ROUND(s[1], s[2], s[3], s[4], s[5], s[6], s[7], s[0], w[3] + k[3]);
}

/* Eight rounds with words to which K is added already. */
KERNEL_INLINE void rounds8(lanes s[8], const lanes wk[8])
{
    const lanes zero[4] = {{0}};
    rounds4(s, wk, zero);
    rounds4_odd(s, wk + 4, zero);
}

/* Words that follow the plain rule, from `i` up to before `end`. */
KERNEL_INLINE void extend(lanes w[64], size_t i, size_t end)
{
    for (; i < end; i++) {
        w[i] = small1(w[i - 2]) + w[i - 7] + small0(w[i - 15]) + w[i - 16];
    }
}

/* W16..W63 of the header's second block, K added; all versions share them. W4 =
 * 0x80000000, W15 = 640, W5..W14 = 0. */
KERNEL_INLINE void schedule_first(lanes wk[64], const struct sha256d_work *work,
                                  const struct lanes_table *table, lanes w3)
{
    lanes w[64];
    w[16] = spread(work->w16);
    w[17] = spread(work->w17);
    w[18] = small0(w3) + work->w18;
    w[19] = w3 + work->w19;
    w[20] = small1(w[18]) + 0x80000000U;
    w[21] = small1(w[19]);
    w[22] = small1(w[20]) + 640;
    for (size_t i = 23; i < 30; i++) {
        w[i] = small1(w[i - 2]) + w[i - 7];
    }
    w[30] = small1(w[28]) + w[23] + sha256_sigma0(640);
    w[31] = small1(w[29]) + w[24] + small0(w[16]) + 640;
    extend(w, 32, 64);
    for (size_t i = 16; i < 64; i++) {
        wk[i] = w[i] + table->k[i];
    }
}

/* W16..W60 of the second hash: W0..W7 the first digest, W8 = 0x80000000, W15 = 256, the rest 0. */
KERNEL_INLINE void schedule_second(lanes w[64])
{
    w[16] = small0(w[1]) + w[0];
    w[17] = small0(w[2]) + w[1] + sha256_sigma1(256);
    for (size_t i = 18; i < 22; i++) {
        w[i] = small1(w[i - 2]) + small0(w[i - 15]) + w[i - 16];
    }
    w[22] = small1(w[20]) + small0(w[7]) + w[6] + 256;
    w[23] = small1(w[21]) + w[16] + w[7] + sha256_sigma0(0x80000000U);
    w[24] = small1(w[22]) + w[17] + 0x80000000U;
    for (size_t i = 25; i < 30; i++) {
        w[i] = small1(w[i - 2]) + w[i - 7];
    }
    w[30] = small1(w[28]) + w[23] + sha256_sigma0(256);
    w[31] = small1(w[29]) + w[24] + small0(w[16]) + 256;
    extend(w, 32, 61);
}

/* Leaves the digest of the header in w[0..7], the words of the second hash. */
KERNEL_INLINE void hash_first(lanes w[8], const struct sha256d_chain *chain,
                              const struct lanes_table *table, const lanes wk[64], lanes w3)
{
    const lanes zero[4] = {{0}};
    lanes s[8];
    for (size_t i = 0; i < 8; i++) {
        s[i] = spread(chain->round3[(i + 4) % 8]); /* four rounds done: the odd roles */
    }
    s[4] += w3;
    s[0] += w3;
    rounds4_odd(s, table->first + 4, zero);
    rounds8(s, table->first + 8);
    for (size_t i = 16; i < 64; i += 8) {
        rounds8(s, wk + i);
    }
    for (size_t i = 0; i < 8; i++) {
        w[i] = s[i] + chain->midstate[i];
    }
}

/* The last word of the second hash, from the first digest in w[0..7]. */
KERNEL_INLINE lanes hash_second(lanes w[64], const struct lanes_table *table)
{
    const lanes *k = table->k;
    schedule_second(w);
    lanes s[8];
    for (size_t i = 0; i < 8; i++) {
        s[i] = spread(sha256_iv[i]);
    }
    rounds4(s, w, k);
    rounds4_odd(s, w + 4, k + 4);
    rounds8(s, table->second + 8);
    for (size_t i = 16; i < 56; i += 8) {
        rounds4(s, w + i, k + i);
        rounds4_odd(s, w + i + 4, k + i + 4);
    }
    ROUND(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7], w[56] + k[56]);
    ROUND_E(s[2], s[3], s[4], s[5], s[6], w[57] + k[57]);
    ROUND_E(s[1], s[2], s[3], s[4], s[5], w[58] + k[58]);
    ROUND_E(s[0], s[1], s[2], s[3], s[4], w[59] + k[59]);
    ROUND_E(s[7], s[0], s[1], s[2], s[3], w[60] + k[60]);
    return s[7] + sha256_iv[7];
}

KERNEL_INLINE void fill_table(struct lanes_table *table)
{
    for (size_t i = 0; i < 64; i++) {
        table->k[i] = spread(sha256_k[i]);
    }
    memcpy(table->first, table->k, sizeof table->first);
    memcpy(table->second, table->k, sizeof table->second);
    table->first[4] += 0x80000000U;
    table->first[15] += 640;
    table->second[8] += 0x80000000U;
    table->second[15] += 256;
}

/* Where hits go. */
struct lanes_hits {
    struct sha256d_hit *hit;
    size_t count, capacity;
};

/* Stores the nonces of those lanes whose top bits are small enough. */
static void collect(struct lanes_hits *hits, const lanes *top, uint32_t limit, uint32_t first,
                    uint32_t version)
{
    uint32_t values[KERNEL_LANES];
    memcpy(values, top, sizeof values);
    for (uint32_t lane = 0; lane < KERNEL_LANES && hits->count < hits->capacity; lane++) {
        if (values[lane] <= limit) {
            hits->hit[hits->count++] = (struct sha256d_hit){first + lane, version};
        }
    }
}

KERNEL_INLINE bool any_lane(lanes mask)
{
    uint64_t words[KERNEL_LANES / 2];
    memcpy(words, &mask, sizeof words);
    uint64_t any = 0;
    for (size_t i = 0; i < KERNEL_LANES / 2; i++) {
        any |= words[i];
    }
    return any != 0;
}

/* Hashes the nonces `first` and following, one per lane, in every version. */
static void search_lanes(const struct sha256d_work *work, const struct lanes_table *table,
                         lanes nonce, uint32_t first, struct lanes_hits *hits)
{
    const lanes w3 = reverse_bytes(nonce); /* the header is little-endian */
    lanes wk[64];
    schedule_first(wk, work, table, w3);
    for (uint32_t version = 0; version < work->version_count; version++) {
        lanes w[64];
        hash_first(w, &work->chain[version], table, wk, w3);
        /* So is the hash as a number: its top 32 bits are the last word, reversed. */
        const lanes top = reverse_bytes(hash_second(w, table));
        if (any_lane((lanes)(top <= spread(work->top_limit)))) {
            collect(hits, &top, work->top_limit, first, version);
        }
    }
}

/* The `scan` of struct sha256d_kernel. */
static size_t lanes_scan(const struct sha256d_work *work, uint32_t first, uint32_t count,
                         struct sha256d_hit *hits, size_t capacity)
{
    struct lanes_table table;
    fill_table(&table);
    lanes nonce;
    for (uint32_t lane = 0; lane < KERNEL_LANES; lane++) {
        nonce[lane] = first + lane;
    }
    struct lanes_hits found = {hits, 0, capacity};
    for (uint32_t i = 0; i < count; i += KERNEL_LANES, nonce += KERNEL_LANES) {
        search_lanes(work, &table, nonce, first + i, &found);
    }
    return found.count;
}

#endif
