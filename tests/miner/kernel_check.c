#include "tests/miner/kernel_check.h"

#include <stdlib.h>
#include <string.h>

#include "miner/difficulty.h"
#include "miner/job.h"

static bool wrong(const struct sha256d_kernel *kernel, struct hb_err *err, const char *what,
                  const struct sha256d_hit *hit)
{
    return hb_fail(err, HB_ERR_STATE, "%s: %s: nonce %u version %u", kernel->name, what, hit->nonce,
                   hit->version);
}

/* --- real blocks --------------------------------------------------------------------------------
 */

static uint32_t nonce_of(const uint8_t header[80])
{
    return (uint32_t)header[79] << 24 | (uint32_t)header[78] << 16 | (uint32_t)header[77] << 8 |
           header[76];
}

static bool finds_block(const struct sha256d_kernel *kernel, const struct sha256d_work *work,
                        const struct sha256d_hit *block, uint32_t below)
{
    struct sha256d_hit hits[64];
    const size_t found = kernel->scan(work, block->nonce - below, below + KERNEL_STEP, hits,
                                      sizeof hits / sizeof hits[0]);
    for (size_t i = 0; i < found; i++) {
        if (hits[i].nonce == block->nonce && hits[i].version == block->version) {
            return true;
        }
    }
    return false;
}

bool kernel_check_block(const struct sha256d_kernel *kernel, const uint8_t header[80],
                        const uint8_t hash[32], struct hb_err *err)
{
    enum { VERSIONS = 3, OURS = 1 };
    static const uint32_t bits[VERSIONS] = {0x00002000, 0, 0x1fffe000};
    struct sha256d_work work;
    struct sha256d_hit block = {nonce_of(header), 0};
    sha256d_prepare(&work, header, &bits[OURS], 1, difficulty_top(hash));
    if (!finds_block(kernel, &work, &block, 1U << 16)) {
        return wrong(kernel, err, "did not find a block", &block);
    }
    block.version = OURS;
    sha256d_prepare(&work, header, bits, VERSIONS, difficulty_top(hash));
    return finds_block(kernel, &work, &block, 1U << 10) ||
           wrong(kernel, err, "did not find a block among versions", &block);
}

/* --- a window of which all is known -------------------------------------------------------------
 */

enum { WINDOW = 192, WINDOW_VERSIONS = KERNEL_VERSIONS_MAX };
_Static_assert(WINDOW >= 4 * KERNEL_STEP, "room for every alignment");
#define WINDOW_FIRST (0U - WINDOW / 2)

static struct {
    uint8_t header[80];
    uint32_t version_bits[WINDOW_VERSIONS];
    uint32_t top[WINDOW][WINDOW_VERSIONS];
} truth;

void kernel_check_prepare(kernel_check_hash *trusted)
{
    for (size_t i = 0; i < sizeof truth.header; i++) {
        truth.header[i] = (uint8_t)(37 * i + 11);
    }
    for (uint32_t v = 0; v < WINDOW_VERSIONS; v++) {
        truth.version_bits[v] = v * 0x9e3779b1U;
        uint8_t header[80];
        memcpy(header, truth.header, sizeof header);
        job_roll_version(header, truth.version_bits[v]);
        for (uint32_t i = 0; i < WINDOW; i++) {
            uint8_t hash[32];
            job_set_nonce(header, WINDOW_FIRST + i);
            trusted(header, hash);
            truth.top[i][v] = difficulty_top(hash);
        }
    }
}

/* A search in the window. */
struct search {
    uint32_t offset, count, versions, limit;
};

static struct sha256d_hit stored[WINDOW * WINDOW_VERSIONS + 1];
enum { STORED_MAX = WINDOW * WINDOW_VERSIONS };

static size_t scan_window(const struct sha256d_kernel *kernel, const struct search *search,
                          size_t capacity)
{
    static struct sha256d_work work;
    sha256d_prepare(&work, truth.header, truth.version_bits, search->versions, search->limit);
    return kernel->scan(&work, WINDOW_FIRST + search->offset, search->count, stored, capacity);
}

/* Each stored hit is true, in range and told once. */
static bool all_true(const struct sha256d_kernel *kernel, const struct search *search, size_t found,
                     struct hb_err *err)
{
    static bool seen[WINDOW][WINDOW_VERSIONS];
    memset(seen, 0, sizeof seen);
    for (size_t i = 0; i < found; i++) {
        const uint32_t place = stored[i].nonce - WINDOW_FIRST;
        const uint32_t version = stored[i].version;
        if (place < search->offset || place >= search->offset + search->count ||
            version >= search->versions || truth.top[place][version] > search->limit ||
            seen[place][version]) {
            return wrong(kernel, err, "no hit, or told twice", &stored[i]);
        }
        seen[place][version] = true;
    }
    return true;
}

static bool is_exact(const struct sha256d_kernel *kernel, const struct search *search,
                     struct hb_err *err)
{
    const size_t found = scan_window(kernel, search, STORED_MAX);
    size_t expected = 0;
    for (uint32_t i = search->offset; i < search->offset + search->count; i++) {
        for (uint32_t v = 0; v < search->versions; v++) {
            expected += truth.top[i][v] <= search->limit ? 1 : 0;
        }
    }
    if (found != expected) {
        return hb_fail(err, HB_ERR_STATE, "%s: %zu hits of %zu from %u on, %u nonces, %u versions",
                       kernel->name, found, expected, WINDOW_FIRST + search->offset, search->count,
                       search->versions);
    }
    return all_true(kernel, search, found, err);
}

/* Each nonce in each lane; across the wrap; with every hash a hit and with few. */
static bool every_alignment(const struct sha256d_kernel *kernel, struct hb_err *err)
{
    const uint32_t most = WINDOW - 2 * KERNEL_STEP;
    for (uint32_t offset = 0; offset < 2 * KERNEL_STEP; offset++) {
        if (!is_exact(kernel, &(struct search){offset, most, 1, 0x0fffffff}, err) ||
            !is_exact(kernel, &(struct search){offset, most, 3, 0x00ffffff}, err) ||
            !is_exact(kernel, &(struct search){offset, KERNEL_STEP, 2, UINT32_MAX}, err)) {
            return false;
        }
    }
    return is_exact(kernel, &(struct search){0, 0, 1, UINT32_MAX}, err);
}

static bool every_version_count(const struct sha256d_kernel *kernel, struct hb_err *err)
{
    for (uint32_t versions = 1; versions <= WINDOW_VERSIONS; versions++) {
        if (!is_exact(kernel, &(struct search){5, 3 * KERNEL_STEP, versions, 0x07ffffff}, err)) {
            return false;
        }
    }
    const struct search all = {16, 2 * KERNEL_STEP, WINDOW_VERSIONS, UINT32_MAX};
    return is_exact(kernel, &all, err);
}

/* Limits are compared in full, not by their highest bit. */
static bool every_limit(const struct sha256d_kernel *kernel, struct hb_err *err)
{
    for (uint32_t i = 0; i < 64; i++) {
        const uint32_t top = truth.top[i][i % 4];
        if (!is_exact(kernel, &(struct search){0, 64, 4, top}, err) ||
            !is_exact(kernel, &(struct search){0, 64, 4, top - 1}, err)) {
            return false;
        }
    }
    return true;
}

static bool every_capacity(const struct sha256d_kernel *kernel, struct hb_err *err)
{
    const struct sha256d_hit untouched = {0xdead, 0xbeef};
    const struct search search = {3, KERNEL_STEP, 2, UINT32_MAX};
    for (size_t capacity = 0; capacity <= 2 * KERNEL_STEP; capacity++) {
        stored[capacity] = untouched;
        const size_t found = scan_window(kernel, &search, capacity);
        if (found != capacity || stored[capacity].nonce != untouched.nonce ||
            stored[capacity].version != untouched.version) {
            return hb_fail(err, HB_ERR_STATE, "%s: %zu hits stored where %zu have room",
                           kernel->name, found, capacity);
        }
        if (!all_true(kernel, &search, found, err)) {
            return false;
        }
    }
    return true;
}

bool kernel_check_window(const struct sha256d_kernel *kernel, struct hb_err *err)
{
    return every_alignment(kernel, err) && every_version_count(kernel, err) &&
           every_limit(kernel, err) && every_capacity(kernel, err);
}

/* --- cases at random ----------------------------------------------------------------------------
 */

/* Steele, Lea and Flood 2014: SplitMix64. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15U;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return z ^ z >> 31;
}

static void fill_hits(struct kernel_case *made, kernel_check_hash *trusted)
{
    for (uint32_t i = 0; i < made->count; i++) {
        for (uint32_t v = 0; v < made->versions; v++) {
            uint8_t header[80];
            uint8_t hash[32];
            memcpy(header, made->header, sizeof header);
            job_roll_version(header, made->version_bits[v]);
            job_set_nonce(header, made->first + i);
            trusted(header, hash);
            if (difficulty_top(hash) <= made->limit) {
                made->hits[made->hit_count++] = (struct sha256d_hit){made->first + i, v};
            }
        }
    }
}

void kernel_case_make(struct kernel_case *made, uint64_t seed, uint32_t count, uint32_t versions,
                      kernel_check_hash *trusted)
{
    uint64_t state = seed;
    for (size_t i = 0; i < sizeof made->header; i++) {
        made->header[i] = (uint8_t)next_random(&state);
    }
    for (size_t i = 0; i < KERNEL_VERSIONS_MAX; i++) {
        made->version_bits[i] = (uint32_t)next_random(&state);
    }
    made->first = (uint32_t)next_random(&state);
    made->count = count / KERNEL_STEP * KERNEL_STEP;
    made->versions = versions;
    made->limit = 0x0fffffff;
    made->hit_count = 0;
    made->hits = calloc((size_t)made->count * versions, sizeof made->hits[0]);
    if (made->hits == NULL) {
        abort();
    }
    fill_hits(made, trusted);
}

void kernel_case_free(struct kernel_case *made)
{
    free(made->hits);
    made->hits = NULL;
}

static uint32_t order_first; /* nonces wrap, so their order is that of their distance from here */

static int by_nonce_and_version(const void *left, const void *right)
{
    const struct sha256d_hit *a = left;
    const struct sha256d_hit *b = right;
    const uint32_t place_a = a->nonce - order_first;
    const uint32_t place_b = b->nonce - order_first;
    if (place_a != place_b) {
        return place_a < place_b ? -1 : 1;
    }
    return a->version < b->version ? -1 : a->version > b->version;
}

static bool same_hits(const struct sha256d_kernel *kernel, const struct kernel_case *made,
                      const struct sha256d_hit *hits, size_t found, struct hb_err *err)
{
    for (size_t i = 0; i < found && i < made->hit_count; i++) {
        const int order = by_nonce_and_version(&hits[i], &made->hits[i]);
        if (order != 0) {
            return order < 0 ? wrong(kernel, err, "found what is no hit, or twice", &hits[i])
                             : wrong(kernel, err, "missed a hit", &made->hits[i]);
        }
    }
    return found == made->hit_count ||
           hb_fail(err, HB_ERR_STATE, "%s: %zu hits of %zu", kernel->name, found, made->hit_count);
}

bool kernel_check_case(const struct sha256d_kernel *kernel, const struct kernel_case *made,
                       struct hb_err *err)
{
    static struct sha256d_work work;
    const size_t capacity = (size_t)made->count * made->versions;
    struct sha256d_hit *hits = calloc(capacity, sizeof hits[0]);
    if (hits == NULL) {
        abort();
    }
    sha256d_prepare(&work, made->header, made->version_bits, made->versions, made->limit);
    const size_t found = kernel->scan(&work, made->first, made->count, hits, capacity);
    order_first = made->first;
    qsort(hits, found, sizeof hits[0], by_nonce_and_version);
    const bool same = same_hits(kernel, made, hits, found, err);
    free(hits);
    return same;
}
