/* The search with the SHA instructions of x86-64, as a template: a .c file includes this and is
 * compiled with or without AVX, whose three-operand forms save moves where they exist.
 *
 * The instruction does two rounds and the next has to wait for it, so four hashes are under way at
 * once. Two of them are in their first half and the two before them in their second: the rounds of
 * a rolled version's first hash have nothing beside them, those of the second hash their message
 * schedule. Of 64 double rounds 60 are left: rounds 0-3 of the first hash come prepared, round 0 of
 * the second is an addition, and its last word is settled in round 60 (what is `e` there becomes
 * `h` in round 63), so its words are taken in fours from W1 on.
 */
#ifndef HB_MINER_KERNEL_SHANI_H
#define HB_MINER_KERNEL_SHANI_H

#include <cpuid.h>
#include <immintrin.h>
#include <string.h>

#include "miner/kernel/kernel.h"
#include "miner/kernel/sha256.h"

#define SHANI_INLINE static inline __attribute__((always_inline))
#define SHANI_UNROLL _Pragma("GCC unroll 16")
/* Nonces in each half of the pipeline. */
#define STREAMS        2
#define EACH_STREAM(i) SHANI_UNROLL for (size_t i = 0; i < STREAMS; i++)
/* Compilers gather what belongs to one stream, and the unit then waits for it: asm volatile holds
 * the order as written, this keeps the older words of a schedule in memory instead of registers. */
#define HOLD_ORDER() __asm__ volatile("" ::: "memory")

#ifdef __AVX__
#define VEX "v"
#else
#define VEX ""
#endif

/* Fours of rounds in each half; in the first the schedule begins after FIRST_KNOWN of them. */
enum { GROUPS = 15, FIRST_KNOWN = 3 };

/* The working variables in the order of the instruction, `f` and `h` in the lowest lanes. */
struct shani_state {
    __m128i abef, cdgh;
};

/* What a stream keeps in memory. */
struct shani_stream {
    __m128i first[GROUPS];    /* W4..W63 of the first hash    */
    __m128i second[GROUPS];   /* W1..W60 of the second        */
    uint32_t wk[4 * GROUPS];  /* K added to those of the first: for its other versions */
    __m128i digest0, digest1; /* W0..W7 of the second         */
    uint32_t w3;
};

struct shani_tables {
    uint32_t first_k[4 * GROUPS];  /* K[4]..K[63]; the first twelve with their words */
    uint32_t second_k[4 * GROUPS]; /* K[1]..K[60] */
    struct shani_state second;     /* after round 0 of the second hash for W0 = 0 */
};

SHANI_INLINE __m128i load(const uint32_t words[4])
{
    return _mm_loadu_si128((const __m128i *)words);
}

SHANI_INLINE __m128i words4(uint32_t w0, uint32_t w1, uint32_t w2, uint32_t w3)
{
    return _mm_setr_epi32((int)w0, (int)w1, (int)w2, (int)w3);
}

/* W[1..4] of the eight words in `low` and `high`. */
SHANI_INLINE __m128i from_second(__m128i high, __m128i low)
{
    return _mm_alignr_epi8(high, low, 4);
}

SHANI_INLINE struct shani_state arrange(__m128i abcd, __m128i efgh)
{
    const __m128i badc = _mm_shuffle_epi32(abcd, 0xb1);
    const __m128i fehg = _mm_shuffle_epi32(efgh, 0xb1);
    return (struct shani_state){_mm_unpacklo_epi64(fehg, badc), _mm_unpackhi_epi64(fehg, badc)};
}

/* Adds to a and e. */
SHANI_INLINE __m128i add_to_a_e(__m128i abef, __m128i word_in_each_lane)
{
    return _mm_add_epi32(abef, _mm_slli_epi64(word_in_each_lane, 32));
}

SHANI_INLINE void swap(struct shani_state *s)
{
    const __m128i older = s->cdgh;
    s->cdgh = s->abef;
    s->abef = older;
}

/* Two rounds with the two W+K at `wk`; with those in the lower half of `wk`, in its upper half. */
SHANI_INLINE void rounds_of(struct shani_state *s, const uint32_t wk[2])
{
    __asm__ volatile(VEX "movq %2, %%xmm0\n\tsha256rnds2 %%xmm0, %1, %0"
                     : "+x"(s->cdgh)
                     : "x"(s->abef), "m"(wk[0]), "m"(wk[1])
                     : "xmm0");
    swap(s);
}

SHANI_INLINE void rounds_low(struct shani_state *s, __m128i wk)
{
    __asm__ volatile(VEX "movdqa %2, %%xmm0\n\tsha256rnds2 %%xmm0, %1, %0"
                     : "+x"(s->cdgh)
                     : "x"(s->abef), "x"(wk)
                     : "xmm0");
    swap(s);
}

SHANI_INLINE void rounds_high(struct shani_state *s, __m128i wk)
{
    __asm__ volatile(VEX "pshufd $14, %2, %%xmm0\n\tsha256rnds2 %%xmm0, %1, %0"
                     : "+x"(s->cdgh)
                     : "x"(s->abef), "x"(wk)
                     : "xmm0");
    swap(s);
}

SHANI_INLINE __m128i message2(__m128i sum, __m128i last)
{
    __asm__ volatile("sha256msg2 %1, %0" : "+x"(sum) : "x"(last));
    return sum;
}

/* The four words at `w`, from the sixteen before them; `last` are the last four of these. */
SHANI_INLINE __m128i extend(const __m128i *w, __m128i last)
{
    const __m128i older = _mm_sha256msg1_epu32(w[-4], w[-3]);
    return message2(_mm_add_epi32(older, from_second(last, w[-2])), last);
}

/* --- one pass: the first hash of some nonces beside the second of those before them ------------
 */

SHANI_INLINE void begin_first(struct shani_state s[STREAMS], const struct shani_stream *stream,
                              const struct sha256d_chain *chain)
{
    const struct shani_state known = arrange(load(chain->round3), load(chain->round3 + 4));
    EACH_STREAM(i)
    {
        s[i] = known;
        s[i].abef = add_to_a_e(known.abef, _mm_set1_epi32((int)stream[i].w3));
    }
}

/* The digest is followed by the bit 1, zeros and the length 256. */
SHANI_INLINE void begin_second(struct shani_state s[STREAMS], struct shani_stream *stream,
                               const struct shani_tables *tables)
{
    EACH_STREAM(i)
    {
        const __m128i w0 = stream[i].digest0;
        const __m128i w4 = stream[i].digest1;
        s[i] = tables->second;
        s[i].abef = add_to_a_e(s[i].abef, _mm_shuffle_epi32(w0, 0));
        const __m128i w16 = _mm_sha256msg1_epu32(w0, w0); /* in the lowest lane */
        stream[i].second[0] = from_second(w4, w0);
        stream[i].second[1] = from_second(words4(0x80000000U, 0, 0, 0), w4);
        stream[i].second[3] = from_second(w16, words4(0, 0, 0, 256));
    }
}

/* W16..W19 of the first hash. */
SHANI_INLINE void begin_schedule(struct shani_stream *stream, const struct sha256d_work *work)
{
    EACH_STREAM(i)
    {
        const uint32_t w3 = stream[i].w3;
        stream[i].first[FIRST_KNOWN] =
            words4(work->w16, work->w17, sha256_sigma0(w3) + work->w18, w3 + work->w19);
    }
}

/* Words of group `g` of the second hash; W9..W15 are zero but for the length. */
SHANI_INLINE __m128i second_words(__m128i *w, __m128i last, size_t g)
{
    switch (g) {
    case 0:
    case 1:
    case 2:
    case 3:
        return w[g];
    case 4:
        w[g] = message2(_mm_sha256msg1_epu32(w[0], w[1]), last);
        return w[g];
    case 6:
        w[g] = message2(from_second(last, w[4]), last);
        return w[g];
    default:
        w[g] = extend(w + g, last);
        return w[g];
    }
}

SHANI_INLINE __m128i first_words(__m128i *w, __m128i last, size_t g)
{
    if (g > FIRST_KNOWN) {
        w[g] = extend(w + g, last);
    }
    return w[g];
}

/* All rounds. With `own` the schedule of the first hash is worked out and kept in wk, else it is
 * taken from there. The words of a group are begun in the middle of the one before, to be ready. */
SHANI_INLINE void pass(struct shani_state first[STREAMS], struct shani_state second[STREAMS],
                       struct shani_stream *stream, const struct shani_tables *tables, bool own)
{
    __m128i last1[STREAMS], last2[STREAMS], wk1[STREAMS], wk2[STREAMS];
    EACH_STREAM(i) last2[i] = stream[i].second[0];
    SHANI_UNROLL for (size_t g = 0; g < GROUPS; g++)
    {
        const bool fresh = own && g >= FIRST_KNOWN;
        const uint32_t *k = tables->first_k + 4 * g;
        HOLD_ORDER();
        EACH_STREAM(i)
        {
            const uint32_t *kept = g < FIRST_KNOWN ? k : stream[i].wk + 4 * g;
            wk2[i] = _mm_add_epi32(last2[i], load(tables->second_k + 4 * g));
            rounds_low(&second[i], wk2[i]);
            if (fresh) {
                wk1[i] = _mm_add_epi32(last1[i], load(k));
                _mm_storeu_si128((__m128i *)(stream[i].wk + 4 * g), wk1[i]);
                rounds_low(&first[i], wk1[i]);
            } else {
                rounds_of(&first[i], kept);
            }
        }
        EACH_STREAM(i)
        {
            if (g + 1 < GROUPS) {
                last2[i] = second_words(stream[i].second, last2[i], g + 1);
                if (own) {
                    last1[i] = first_words(stream[i].first, last1[i], g + 1);
                }
            }
        }
        EACH_STREAM(i)
        {
            const uint32_t *kept = g < FIRST_KNOWN ? k : stream[i].wk + 4 * g;
            rounds_high(&second[i], wk2[i]);
            if (fresh) {
                rounds_high(&first[i], wk1[i]);
            } else {
                rounds_of(&first[i], kept + 2);
            }
        }
    }
}

SHANI_INLINE void end_first(const struct shani_state s[STREAMS], struct shani_stream *stream,
                            const struct sha256d_chain *chain)
{
    EACH_STREAM(i)
    {
        const __m128i badc = _mm_unpackhi_epi64(s[i].abef, s[i].cdgh);
        const __m128i fehg = _mm_unpacklo_epi64(s[i].abef, s[i].cdgh);
        stream[i].digest0 = _mm_add_epi32(_mm_shuffle_epi32(badc, 0xb1), load(chain->midstate));
        stream[i].digest1 = _mm_add_epi32(_mm_shuffle_epi32(fehg, 0xb1), load(chain->midstate + 4));
    }
}

/* The hashes' most significant words of 32 bits, in the upper two lanes: the hash is little-endian.
 */
SHANI_INLINE __m128i tops(const struct shani_state s[STREAMS])
{
    const __m128i order = _mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
    const __m128i e = _mm_unpacklo_epi32(s[0].abef, s[1].abef);
    return _mm_shuffle_epi8(_mm_add_epi32(e, _mm_set1_epi32((int)sha256_iv[7])), order);
}

/* --- the search --------------------------------------------------------------------------------*/

/* Hashes in their second half: the version, and the nonces from this one on. */
struct shani_place {
    uint32_t nonce, version;
    bool real; /* false before the first and for what lies behind the last */
};

struct shani_hits {
    struct sha256d_hit *hit;
    size_t count, capacity;
};

static void fill_tables(struct shani_tables *tables)
{
    memcpy(tables->first_k, sha256_k + 4, sizeof tables->first_k);
    tables->first_k[0] += 0x80000000U;
    tables->first_k[11] += 640;
    memcpy(tables->second_k, sha256_k + 1, sizeof tables->second_k);
    uint32_t s[8];
    memcpy(s, sha256_iv, sizeof s);
    sha256_round(s, sha256_k[0]);
    tables->second = arrange(load(s), load(s + 4));
}

/* The words that are the same in every hash. */
static void fill_stream(struct shani_stream *stream)
{
    memset(stream, 0, sizeof *stream);
    stream->first[0] = words4(0x80000000U, 0, 0, 0);
    stream->first[2] = words4(0, 0, 0, 640);
}

static void collect(struct shani_hits *hits, __m128i top, uint32_t limit,
                    const struct shani_place *place)
{
    uint32_t words[4];
    memcpy(words, &top, sizeof words);
    for (uint32_t i = 0; place->real && i < STREAMS && hits->count < hits->capacity; i++) {
        if (words[2 + i] <= limit) {
            hits->hit[hits->count++] = (struct sha256d_hit){place->nonce + i, place->version};
        }
    }
}

/* Takes the first hash of `next` beside the second of `place`, and the hits of the latter. */
SHANI_INLINE void advance(struct shani_stream *stream, const struct shani_tables *tables,
                          const struct sha256d_work *work, const struct shani_place *place,
                          uint32_t version, struct shani_hits *hits, bool own)
{
    struct shani_state first[STREAMS], second[STREAMS];
    begin_first(first, stream, &work->chain[version]);
    begin_second(second, stream, tables);
    if (own) {
        begin_schedule(stream, work);
    }
    pass(first, second, stream, tables, own);
    const __m128i top = tops(second);
    const __m128i limit = _mm_set1_epi32((int)work->top_limit);
    if (_mm_movemask_epi8(_mm_cmpeq_epi32(_mm_min_epu32(top, limit), top)) > 0xff) {
        collect(hits, top, work->top_limit, place);
    }
    end_first(first, stream, &work->chain[version]);
}

/* The `scan` of struct sha256d_kernel. */
static size_t shani_scan(const struct sha256d_work *work, uint32_t first, uint32_t count,
                         struct sha256d_hit *hits, size_t capacity)
{
    struct shani_tables tables;
    struct shani_stream stream[STREAMS];
    struct shani_hits found = {hits, 0, capacity};
    struct shani_place place = {0, 0, false};
    fill_tables(&tables);
    EACH_STREAM(i) fill_stream(&stream[i]);
    for (uint32_t n = 0; n < count; n += STREAMS) {
        EACH_STREAM(i) stream[i].w3 = __builtin_bswap32(first + n + (uint32_t)i);
        advance(stream, &tables, work, &place, 0, &found, true);
        for (uint32_t version = 1; version < work->version_count; version++) {
            place = (struct shani_place){first + n, version - 1, true};
            advance(stream, &tables, work, &place, version, &found, false);
        }
        place = (struct shani_place){first + n, work->version_count - 1, true};
    }
    advance(stream, &tables, work, &place, 0, &found, false);
    return found.count;
}

/* Leaf 7 tells of the SHA instructions in bit 29 of ebx. */
static bool has_sha(void)
{
    unsigned int a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & 1U << 29) != 0;
}

#endif
