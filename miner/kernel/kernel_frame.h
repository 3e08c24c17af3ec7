/* The search of a range of nonces in the lanes of vectors, as a template: a .c file defines
 *
 *   KERNEL_LANES, KERNEL_STREAMS   nonces in a vector, vectors hashed at once
 *   KERNEL_CONSTANT                type of a constant: uint32_t, or lanes where the instruction set
 *                                  cannot add a word of memory to all lanes
 *
 * includes this, and calls kernel_search with its two functions. Saved work compared with two plain
 * SHA-256: rounds 0-3 and the nonce-independent words of the first hash come prepared, its schedule
 * is shared by all versions, words that never change are added to K beforehand, and of the second
 * hash only the last word is computed, which is settled in round 60 (what is `e` there becomes `h`
 * in round 63).
 */
#ifndef HB_MINER_KERNEL_FRAME_H
#define HB_MINER_KERNEL_FRAME_H

#include <string.h>

#include "miner/kernel/kernel.h"
#include "miner/kernel/sha256.h"

#ifndef KERNEL_LANES
#define KERNEL_LANES    4
#define KERNEL_STREAMS  1
#define KERNEL_CONSTANT lanes
#endif
_Static_assert(KERNEL_STEP % (KERNEL_LANES * KERNEL_STREAMS) == 0, "a step is whole vectors");

/* Vector types can only be named by a typedef. */
typedef uint32_t lanes __attribute__((vector_size(KERNEL_LANES * 4)));
typedef KERNEL_CONSTANT kernel_constant;

/* One vector of nonces on its way. */
struct kernel_stream {
    lanes nonce;        /* as the header has it, least significant byte first            */
    lanes top;          /* result: the last word of the second hash                      */
    lanes first_wk[48]; /* W[16..63] + K of the first hash                               */
    lanes second_w[61]; /* W of the second; W of the first while that is made            */
};

struct kernel_frame {
    struct kernel_stream stream[KERNEL_STREAMS];
    kernel_constant first_k[16];        /* K, plus the words of the first hash that never change */
    kernel_constant second_k[64];       /* the same for the second, plus h of rounds 1 to 3      */
    kernel_constant last_k;             /* of round 60, plus h of the initial value              */
    kernel_constant round0_e, round0_a; /* after round 0 of the second hash for W0 = 0     */
    kernel_constant iv[8];
    kernel_constant one_bit, bits_256, bits_640;
    kernel_constant sigma0_one, sigma0_256, sigma0_640, sigma1_256;
    kernel_constant w16, w17, w18, w19, w31; /* of the work */
    kernel_constant zero;
};
_Static_assert(sizeof(struct kernel_stream) == 111 * sizeof(lanes), "as kernel_hash.inc has it");
_Static_assert(offsetof(struct kernel_frame, zero) == sizeof(struct kernel_stream[KERNEL_STREAMS]) +
                                                          (16 + 87) * sizeof(kernel_constant),
               "as kernel_hash.inc has it");
_Static_assert(sizeof(struct sha256d_chain) == 19 * sizeof(uint32_t), "as kernel_hash.inc has it");

/* From `nonce` to `first_wk` of each stream. */
typedef void kernel_schedule(struct kernel_frame *frame);
/* From `nonce` and `first_wk` to `top`, in one version. */
typedef void kernel_hash(struct kernel_frame *frame, const struct sha256d_chain *chain);

static inline lanes spread(uint32_t x)
{
    return x - (lanes){0};
}

static void put(kernel_constant *constant, uint32_t x)
{
    *constant = x - (kernel_constant){0};
}

static void put_k(struct kernel_frame *frame)
{
    for (size_t i = 0; i < 64; i++) {
        put(&frame->second_k[i], sha256_k[i]);
    }
    memcpy(frame->first_k, frame->second_k, sizeof frame->first_k);
    frame->first_k[15] += 640;
    for (size_t i = 1; i < 4; i++) {
        frame->second_k[i] += sha256_iv[7 - i];
    }
    frame->second_k[8] += 0x80000000U;
    frame->second_k[15] += 256;
    frame->last_k = frame->second_k[60] + sha256_iv[7];
}

static void put_start(struct kernel_frame *frame)
{
    uint32_t s[8];
    memcpy(s, sha256_iv, sizeof s);
    sha256_round(s, sha256_k[0]);
    put(&frame->round0_a, s[0]);
    put(&frame->round0_e, s[4]);
    for (size_t i = 0; i < 8; i++) {
        put(&frame->iv[i], sha256_iv[i]);
    }
}

static void put_words(struct kernel_frame *frame, const struct sha256d_work *work)
{
    put(&frame->one_bit, 0x80000000U);
    put(&frame->bits_256, 256);
    put(&frame->bits_640, 640);
    put(&frame->sigma0_one, sha256_sigma0(0x80000000U));
    put(&frame->sigma0_256, sha256_sigma0(256));
    put(&frame->sigma0_640, sha256_sigma0(640));
    put(&frame->sigma1_256, sha256_sigma1(256));
    put(&frame->zero, 0);
    put(&frame->w16, work->w16);
    put(&frame->w17, work->w17);
    put(&frame->w18, work->w18);
    put(&frame->w19, work->w19);
    put(&frame->w31, sha256_sigma0(work->w16) + 640);
}

static inline lanes reverse_bytes(lanes x)
{
    return x >> 24 | (x >> 8 & 0xff00) | (x & 0xff00) << 8 | x << 24;
}

/* Where hits go. */
struct kernel_hits {
    struct sha256d_hit *hit;
    size_t count, capacity;
};

/* Stores the nonces of those lanes whose top bits are small enough. */
static void collect(struct kernel_hits *hits, const lanes *top, uint32_t limit, uint32_t first,
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

static inline bool any_lane(lanes mask)
{
    uint64_t words[KERNEL_LANES / 2];
    memcpy(words, &mask, sizeof words);
    uint64_t any = 0;
    for (size_t i = 0; i < KERNEL_LANES / 2; i++) {
        any |= words[i];
    }
    return any != 0;
}

/* What is searched: see `scan` of struct sha256d_kernel. */
struct kernel_range {
    const struct sha256d_work *work;
    uint32_t first, count;
};

static inline void collect_all(struct kernel_hits *hits, const struct kernel_frame *frame,
                               uint32_t limit, uint32_t first, uint32_t version)
{
    for (uint32_t i = 0; i < KERNEL_STREAMS; i++) {
        /* The hash as a number has its least significant byte first, too. */
        const lanes top = reverse_bytes(frame->stream[i].top);
        if (any_lane((lanes)(top <= limit))) {
            collect(hits, &top, limit, first + i * KERNEL_LANES, version);
        }
    }
}

/* `nonce` is of the first stream. */
static inline void put_nonces(struct kernel_frame *frame, lanes nonce)
{
    for (uint32_t i = 0; i < KERNEL_STREAMS; i++, nonce += KERNEL_LANES) {
        frame->stream[i].nonce = reverse_bytes(nonce);
    }
}

/* The `scan` of struct sha256d_kernel, by the two functions. */
static inline size_t kernel_search(const struct kernel_range *range, kernel_schedule *schedule,
                                   kernel_hash *hash, struct sha256d_hit *hits, size_t capacity)
{
    const struct sha256d_work *work = range->work;
    struct kernel_frame frame;
    put_k(&frame);
    put_start(&frame);
    put_words(&frame, work);
    struct kernel_hits found = {hits, 0, capacity};
    lanes lane;
    for (uint32_t i = 0; i < KERNEL_LANES; i++) {
        lane[i] = i;
    }
    for (uint32_t i = 0; i < range->count; i += KERNEL_LANES * KERNEL_STREAMS) {
        put_nonces(&frame, lane + (range->first + i));
        schedule(&frame);
        for (uint32_t version = 0; version < work->version_count; version++) {
            hash(&frame, &work->chain[version]);
            collect_all(&found, &frame, work->top_limit, range->first + i, version);
        }
    }
    return found.count;
}

#endif
