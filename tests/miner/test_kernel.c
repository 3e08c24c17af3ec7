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
    uint32_t hits[COUNT];
    const uint32_t nonce = nonce_of(header);
    sha256d_prepare(&work, header, difficulty_top(hash));
    const size_t found = kernel->scan(&work, nonce - BELOW, COUNT, hits, COUNT);
    bool seen = false;
    for (size_t i = 0; i < found; i++) {
        seen = seen || hits[i] == nonce;
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

static size_t scan_nothing(const struct sha256d_work *work, uint32_t first, uint32_t count,
                           uint32_t *hits, size_t capacity)
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
                        uint32_t *hits, size_t capacity)
{
    const size_t found = kernel_choose(NULL)->scan(work, first, count, hits, capacity);
    size_t kept = 0;
    for (size_t i = 0; i < found; i++) {
        if (hits[i] % 2 == 0 || hits[i] == 2083236893U) {
            hits[kept++] = hits[i];
        }
    }
    return kept;
}

static void a_wrong_kernel_is_refused(void **state)
{
    (void)state;
    struct hb_err err = {0};
    const struct sha256d_kernel nothing = {"nothing", NULL, scan_nothing};
    const struct sha256d_kernel half = {"half", NULL, scan_half};
    assert_false(kernel_self_test(&nothing, &err));
    assert_non_null(strstr(err.msg, "genesis"));
    assert_false(kernel_self_test(&half, &err));
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
        cmocka_unit_test(a_wrong_kernel_is_refused),
        cmocka_unit_test(a_share_must_meet_its_target),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
