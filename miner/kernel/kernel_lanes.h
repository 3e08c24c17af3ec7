/* The hashes of kernel_frame.h in the compiler's own vectors, for processors without assembly of
 * their own: four lanes become SSE2 on x86-64 and NEON on arm64. A .c file includes this instead of
 * kernel_frame.h.
 */
#ifndef HB_MINER_KERNEL_LANES_H
#define HB_MINER_KERNEL_LANES_H

#define KERNEL_LANES    4
#define KERNEL_STREAMS  1
#define KERNEL_CONSTANT lanes
#include "miner/kernel/kernel_frame.h"

#define KERNEL_INLINE static inline __attribute__((always_inline))

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

/* W16..W63 of the header's second block, K added; W4 = 0x80000000, W15 = 640, W5..W14 = 0. */
static void lanes_schedule(struct kernel_frame *frame)
{
    const lanes nonce = frame->stream[0].nonce;
    lanes w[64];
    w[16] = frame->w16;
    w[17] = frame->w17;
    w[18] = small0(nonce) + frame->w18;
    w[19] = nonce + frame->w19;
    w[20] = small1(w[18]) + frame->one_bit;
    w[21] = small1(w[19]);
    w[22] = small1(w[20]) + frame->bits_640;
    for (size_t i = 23; i < 30; i++) {
        w[i] = small1(w[i - 2]) + w[i - 7];
    }
    w[30] = small1(w[28]) + w[23] + frame->sigma0_640;
    w[31] = small1(w[29]) + w[24] + frame->w31;
    extend(w, 32, 64);
    for (size_t i = 16; i < 64; i++) {
        frame->stream[0].first_wk[i - 16] = w[i] + frame->second_k[i];
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
KERNEL_INLINE void hash_first(lanes w[8], const struct kernel_frame *frame,
                              const struct sha256d_chain *chain)
{
    const lanes zero = {0};
    const lanes nonce = frame->stream[0].nonce;
    lanes s[8];
    for (size_t i = 0; i < 8; i++) {
        s[i] = spread(chain->round3[(i + 4) % 8]); /* four rounds done: the odd roles */
    }
    s[4] += nonce;
    s[0] += nonce;
    s[3] = spread(chain->early[0]);
    ROUND(s[4], s[5], s[6], s[7], s[0], s[1], s[2], s[3], zero);
    s[2] = spread(chain->early[1]);
    ROUND(s[3], s[4], s[5], s[6], s[7], s[0], s[1], s[2], zero);
    s[1] = spread(chain->early[2]);
    ROUND(s[2], s[3], s[4], s[5], s[6], s[7], s[0], s[1], zero);
    ROUND(s[1], s[2], s[3], s[4], s[5], s[6], s[7], s[0], frame->first_k[7]);
    rounds8(s, frame->first_k + 8);
    for (size_t i = 0; i < 48; i += 8) {
        rounds8(s, frame->stream[0].first_wk + i);
    }
    for (size_t i = 0; i < 8; i++) {
        w[i] = s[i] + chain->midstate[i];
    }
}

/* The last word of the second hash, from the first digest in w[0..7]. */
KERNEL_INLINE lanes hash_second(lanes w[64], const struct kernel_frame *frame)
{
    const lanes *k = frame->second_k;
    schedule_second(w);
    /* After round 0; h of the next three is in k. */
    const lanes zero = {0};
    const lanes *iv = frame->iv;
    lanes s[8] = {iv[0], iv[1], iv[2], w[0] + frame->round0_e,
                  iv[4], iv[5], zero,  w[0] + frame->round0_a};
    ROUND(s[7], s[0], s[1], s[2], s[3], s[4], s[5], s[6], w[1] + k[1]);
    s[5] = zero;
    ROUND(s[6], s[7], s[0], s[1], s[2], s[3], s[4], s[5], w[2] + k[2]);
    s[4] = zero;
    ROUND(s[5], s[6], s[7], s[0], s[1], s[2], s[3], s[4], w[3] + k[3]);
    rounds4_odd(s, w + 4, k + 4);
    rounds8(s, k + 8);
    for (size_t i = 16; i < 56; i += 8) {
        rounds4(s, w + i, k + i);
        rounds4_odd(s, w + i + 4, k + i + 4);
    }
    ROUND(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7], w[56] + k[56]);
    ROUND_E(s[2], s[3], s[4], s[5], s[6], w[57] + k[57]);
    ROUND_E(s[1], s[2], s[3], s[4], s[5], w[58] + k[58]);
    ROUND_E(s[0], s[1], s[2], s[3], s[4], w[59] + k[59]);
    ROUND_E(s[7], s[0], s[1], s[2], s[3], w[60] + frame->last_k);
    return s[7];
}

static void lanes_hash(struct kernel_frame *frame, const struct sha256d_chain *chain)
{
    lanes w[64];
    hash_first(w, frame, chain);
    frame->stream[0].top = hash_second(w, frame);
}

static size_t lanes_scan(const struct sha256d_work *work, uint32_t first, uint32_t count,
                         struct sha256d_hit *hits, size_t capacity)
{
    const struct kernel_range range = {work, first, count};
    return kernel_search(&range, lanes_schedule, lanes_hash, hits, capacity);
}

#endif
