#include <string.h>

#include "miner/difficulty.h"
#include "miner/job.h"
#include "miner/kernel.h"
#include "miner/sha256.h"
#include "miner/verify.h"
#include "tests/miner/vectors.h"
#include "tests/support/test.h"

static void sha256_gives_the_digests_of_fips_180(void **state)
{
    (void)state;
    static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    static const uint8_t of_abc[4] = {0xba, 0x78, 0x16, 0xbf};
    static const uint8_t of_empty[4] = {0xe3, 0xb0, 0xc4, 0x42};
    static const uint8_t of_two[4] = {0x24, 0x8d, 0x6a, 0x61};
    uint8_t digest[32];
    sha256_digest((const uint8_t *)"abc", 3, digest);
    assert_memory_equal(digest, of_abc, 4);
    sha256_digest(NULL, 0, digest);
    assert_memory_equal(digest, of_empty, 4);
    sha256_digest((const uint8_t *)two_blocks, sizeof two_blocks - 1, digest);
    assert_memory_equal(digest, of_two, 4);
}

static uint32_t nonce_of(const uint8_t header[80])
{
    return (uint32_t)header[79] << 24 | (uint32_t)header[78] << 16 | (uint32_t)header[77] << 8 |
           header[76];
}

static void expect_found(const struct sha256d_kernel *kernel, const uint8_t header[80],
                         const uint8_t hash[32], const char *from)
{
    enum { BELOW = 1000, COUNT = 2048 };
    struct sha256d_work work;
    struct sha256d_hit hits[COUNT];
    const uint32_t nonce = nonce_of(header);
    const uint32_t as_it_is = 0;
    sha256d_prepare(&work, header, &as_it_is, 1, difficulty_top(hash));
    const size_t found = kernel->scan(&work, nonce - BELOW, COUNT, hits, COUNT);
    bool seen = false;
    for (size_t i = 0; i < found; i++) {
        seen = seen || hits[i].nonce == nonce;
    }
    if (!seen) {
        fail_msg("%s did not find the nonce of %s", kernel->name, from);
    }
}

static void every_kernel_finds_the_nonces_of_real_blocks(void **state)
{
    (void)state;
    struct json *rows = vectors_open("headers.json");
    size_t blocks = 0;
    for (const struct json *row = json_first(rows); row != NULL; row = json_next(row)) {
        uint8_t header[80];
        uint8_t hash[32];
        bool block = false;
        assert_true(json_bool(json_get(row, "block"), &block));
        blocks += block ? 1 : 0;
        vectors_bytes(row, "header", header, sizeof header);
        vectors_hash(row, "hash", hash);
        for (size_t i = 0; kernel_at(i) != NULL; i++) {
            if (kernel_at(i)->usable()) {
                expect_found(kernel_at(i), header, hash, json_string(json_get(row, "from")));
            }
        }
    }
    assert_true(blocks >= 11);
    json_free(rows);
}

static void real_headers_have_their_hash_and_difficulty(void **state)
{
    (void)state;
    struct json *rows = vectors_open("headers.json");
    for (const struct json *row = json_first(rows); row != NULL; row = json_next(row)) {
        uint8_t header[80];
        uint8_t expected[32];
        uint8_t hash[32];
        uint8_t ours[32];
        vectors_bytes(row, "header", header, sizeof header);
        vectors_hash(row, "hash", expected);
        assert_true(verify_hash(header, hash));
        assert_memory_equal(hash, expected, 32);
        sha256d_digest(header, 80, ours);
        assert_memory_equal(ours, expected, 32);
        const double difficulty = vectors_number(row, "difficulty");
        assert_near(difficulty_of(hash), difficulty, difficulty * 1e-12);
    }
    json_free(rows);
}

static void a_kernel_finds_exactly_the_hits_of_plain_hashing(void **state)
{
    (void)state;
    for (size_t i = 0; kernel_at(i) != NULL; i++) {
        struct hb_err err = {0};
        if (kernel_at(i)->usable() && !kernel_self_test(kernel_at(i), &err)) {
            fail_msg("%s", err.msg);
        }
    }
}

/* --- ranges and versions ------------------------------------------------------------------------
 */

/* The plain truth about a window of nonces around the wrap at 2^32. */
enum { WINDOW = 160, WINDOW_VERSIONS = KERNEL_VERSIONS_MAX };
#define WINDOW_FIRST (0U - WINDOW / 2)

static struct {
    uint8_t header[80];
    uint32_t version_bits[WINDOW_VERSIONS];
    uint32_t top[WINDOW][WINDOW_VERSIONS];
} truth;

static int fill_truth(void **state)
{
    (void)state;
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
            if (!verify_hash(header, hash)) {
                return -1;
            }
            truth.top[i][v] = difficulty_top(hash);
        }
    }
    return 0;
}

static struct sha256d_hit stored[WINDOW * WINDOW_VERSIONS + 1];

static size_t scan_window(const struct sha256d_kernel *kernel, uint32_t offset, uint32_t count,
                          uint32_t versions, uint32_t limit, size_t capacity)
{
    static struct sha256d_work work;
    sha256d_prepare(&work, truth.header, truth.version_bits, versions, limit);
    return kernel->scan(&work, WINDOW_FIRST + offset, count, stored, capacity);
}

/* Each stored hit is true, in range and told once. */
static void expect_true_hits(const struct sha256d_kernel *kernel, size_t found, uint32_t offset,
                             uint32_t count, uint32_t versions, uint32_t limit)
{
    static bool seen[WINDOW][WINDOW_VERSIONS];
    memset(seen, 0, sizeof seen);
    for (size_t i = 0; i < found; i++) {
        const uint32_t place = stored[i].nonce - WINDOW_FIRST;
        const uint32_t version = stored[i].version;
        if (place < offset || place >= offset + count || version >= versions ||
            truth.top[place][version] > limit || seen[place][version]) {
            fail_msg("%s: no hit or told twice: nonce %u version %u", kernel->name, stored[i].nonce,
                     version);
        }
        seen[place][version] = true;
    }
}

static void expect_exact(const struct sha256d_kernel *kernel, uint32_t offset, uint32_t count,
                         uint32_t versions, uint32_t limit)
{
    const size_t found =
        scan_window(kernel, offset, count, versions, limit, sizeof stored / sizeof stored[0]);
    expect_true_hits(kernel, found, offset, count, versions, limit);
    size_t expected = 0;
    for (uint32_t i = offset; i < offset + count; i++) {
        for (uint32_t v = 0; v < versions; v++) {
            expected += truth.top[i][v] <= limit ? 1 : 0;
        }
    }
    if (found != expected) {
        fail_msg("%s: %zu hits of %zu from %u on, %u nonces, %u versions", kernel->name, found,
                 expected, WINDOW_FIRST + offset, count, versions);
    }
}

#define FOR_EACH_USABLE(kernel)                                                                    \
    for (size_t index_ = 0; kernel_at(index_) != NULL; index_++)                                   \
        for (const struct sha256d_kernel *kernel = kernel_at(index_);                              \
             kernel != NULL && kernel->usable(); kernel = NULL)

/* All alignments, so each nonce in each lane; across the wrap; with every hash a hit and few. */
static void every_lane_and_alignment_is_exact(void **state)
{
    (void)state;
    FOR_EACH_USABLE(kernel)
    {
        for (uint32_t offset = 0; offset < 2 * KERNEL_STEP; offset++) {
            expect_exact(kernel, offset, WINDOW - 2 * KERNEL_STEP, 1, 0x0fffffff);
            expect_exact(kernel, offset, WINDOW - 2 * KERNEL_STEP, 3, 0x00ffffff);
            expect_exact(kernel, offset, KERNEL_STEP, 2, UINT32_MAX);
        }
        expect_exact(kernel, 0, 0, 1, UINT32_MAX);
    }
}

static void every_version_is_searched(void **state)
{
    (void)state;
    FOR_EACH_USABLE(kernel)
    {
        for (uint32_t versions = 1; versions <= WINDOW_VERSIONS; versions++) {
            expect_exact(kernel, 5, 3 * KERNEL_STEP, versions, 0x07ffffff);
        }
        expect_exact(kernel, 16, 2 * KERNEL_STEP, WINDOW_VERSIONS, UINT32_MAX);
    }
}

/* Limits are compared in full, not by their highest bit. */
static void the_limit_is_exact(void **state)
{
    (void)state;
    FOR_EACH_USABLE(kernel)
    {
        for (uint32_t i = 0; i < 64; i++) {
            const uint32_t top = truth.top[i][i % 4];
            expect_exact(kernel, 0, 64, 4, top);
            expect_exact(kernel, 0, 64, 4, top - 1);
        }
    }
}

static void hits_beyond_the_capacity_are_passed_over(void **state)
{
    (void)state;
    FOR_EACH_USABLE(kernel)
    {
        for (size_t capacity = 0; capacity < 40; capacity++) {
            stored[capacity] = (struct sha256d_hit){0xdead, 0xbeef};
            const size_t found = scan_window(kernel, 3, 32, 2, UINT32_MAX, capacity);
            assert_int_equal(found, capacity);
            assert_int_equal(stored[capacity].nonce, 0xdead);
            assert_int_equal(stored[capacity].version, 0xbeef);
            expect_true_hits(kernel, found, 3, 32, 2, UINT32_MAX);
        }
    }
}

/* --- wrong kernels ------------------------------------------------------------------------------
 */

static size_t scan_nothing(const struct sha256d_work *work, uint32_t first, uint32_t count,
                           struct sha256d_hit *hits, size_t capacity)
{
    (void)work;
    (void)first;
    (void)count;
    (void)hits;
    (void)capacity;
    return 0;
}

/* Right for blocks, blind for the odd nonces. */
static size_t scan_half(const struct sha256d_work *work, uint32_t first, uint32_t count,
                        struct sha256d_hit *hits, size_t capacity)
{
    const size_t found = kernel_choose(NULL)->scan(work, first, count, hits, capacity);
    size_t kept = 0;
    for (size_t i = 0; i < found; i++) {
        if (hits[i].nonce % 2 == 0 || hits[i].nonce == 2083236893U) {
            hits[kept++] = hits[i];
        }
    }
    return kept;
}

/* Takes all versions for the first. */
static size_t scan_first_version(const struct sha256d_work *work, uint32_t first, uint32_t count,
                                 struct sha256d_hit *hits, size_t capacity)
{
    const size_t found = kernel_choose(NULL)->scan(work, first, count, hits, capacity);
    for (size_t i = 0; i < found; i++) {
        hits[i].version = 0;
    }
    return found;
}

static void a_wrong_kernel_is_refused(void **state)
{
    (void)state;
    struct hb_err err = {0};
    const struct sha256d_kernel nothing = {"nothing", NULL, scan_nothing};
    const struct sha256d_kernel half = {"half", NULL, scan_half};
    const struct sha256d_kernel unrolled = {"unrolled", NULL, scan_first_version};
    assert_false(kernel_self_test(&nothing, &err));
    assert_non_null(strstr(err.msg, "genesis"));
    assert_false(kernel_self_test(&half, &err));
    assert_non_null(strstr(err.msg, "plain sha-256"));
    assert_false(kernel_self_test(&unrolled, &err));
    assert_non_null(strstr(err.msg, "plain sha-256"));
}

static void a_share_must_meet_its_target(void **state)
{
    (void)state;
    struct json *rows = vectors_open("headers.json");
    const struct json *row = json_item(rows, 0); /* reaches difficulty 18.04 */
    uint8_t header[80];
    uint8_t target[32];
    uint8_t hash[32];
    double difficulty = 0;
    vectors_bytes(row, "header", header, sizeof header);
    difficulty_to_target(18.0, target);
    assert_true(verify_share(header, target, hash, &difficulty));
    assert_near(difficulty, 18.043465815769544, 1e-9);
    difficulty_to_target(18.1, target);
    assert_false(verify_share(header, target, hash, &difficulty));
    header[10] ^= 1;
    difficulty_to_target(0.001, target);
    assert_false(verify_share(header, target, hash, &difficulty));
    json_free(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_gives_the_digests_of_fips_180),
        cmocka_unit_test(every_kernel_finds_the_nonces_of_real_blocks),
        cmocka_unit_test(real_headers_have_their_hash_and_difficulty),
        cmocka_unit_test(a_kernel_finds_exactly_the_hits_of_plain_hashing),
        cmocka_unit_test(every_lane_and_alignment_is_exact),
        cmocka_unit_test(every_version_is_searched),
        cmocka_unit_test(the_limit_is_exact),
        cmocka_unit_test(hits_beyond_the_capacity_are_passed_over),
        cmocka_unit_test(a_wrong_kernel_is_refused),
        cmocka_unit_test(a_share_must_meet_its_target),
    };
    return cmocka_run_group_tests(tests, fill_truth, NULL);
}
