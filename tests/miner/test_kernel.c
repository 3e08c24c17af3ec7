#include <string.h>

#include "miner/difficulty.h"
#include "miner/job.h"
#include "miner/kernel/kernel_choice.h"
#include "miner/kernel/sha256.h"
#include "miner/verify.h"
#include "tests/miner/kernel_check.h"
#include "tests/miner/vectors.h"
#include "tests/support/test.h"

#define FOR_EACH_USABLE(kernel)                                                                    \
    for (size_t index_ = 0; kernel_at(index_) != NULL; index_++)                                   \
        for (const struct sha256d_kernel *kernel = kernel_at(index_);                              \
             kernel != NULL && kernel->usable(); kernel = NULL)

static void by_openssl(const uint8_t header[80], uint8_t hash[32])
{
    assert_true(verify_hash(header, hash));
}

static int prepare(void **state)
{
    (void)state;
    kernel_check_prepare(by_openssl);
    return 0;
}

static void must(bool good, const struct hb_err *err)
{
    if (!good) {
        fail_msg("%s", err->msg);
    }
}

static void every_kernel_finds_the_nonces_of_real_blocks(void **state)
{
    (void)state;
    struct json *rows = vectors_open("headers.json");
    struct hb_err err = {0};
    size_t blocks = 0;
    for (const struct json *row = json_first(rows); row != NULL; row = json_next(row)) {
        uint8_t header[80];
        uint8_t hash[32];
        bool block = false;
        assert_true(json_bool(json_get(row, "block"), &block));
        blocks += block ? 1 : 0;
        vectors_bytes(row, "header", header, sizeof header);
        vectors_hash(row, "hash", hash);
        FOR_EACH_USABLE(kernel)
        {
            must(kernel_check_block(kernel, header, hash, &err), &err);
        }
    }
    assert_true(blocks >= 60);
    json_free(rows);
}

/* A block's hash meets the target that its own header states. */
static void expect_meets_own_target(const struct json *row, const uint8_t header[80],
                                    const uint8_t hash[32])
{
    bool block = false;
    assert_true(json_bool(json_get(row, "block"), &block));
    const uint32_t nbits = (uint32_t)header[75] << 24 | (uint32_t)header[74] << 16 |
                           (uint32_t)header[73] << 8 | header[72];
    uint8_t target[32];
    difficulty_nbits_to_target(nbits, target);
    assert_int_equal(difficulty_meets(hash, target), block);
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
        expect_meets_own_target(row, header, hash);
        const double difficulty = vectors_number(row, "difficulty");
        assert_near(difficulty_of(hash), difficulty, difficulty * 1e-12);
    }
    json_free(rows);
}

static void every_kernel_passes_its_self_test(void **state)
{
    (void)state;
    FOR_EACH_USABLE(kernel)
    {
        struct hb_err err = {0};
        must(kernel_self_test(kernel, &err), &err);
    }
}

static void every_lane_alignment_version_and_limit_is_exact(void **state)
{
    (void)state;
    FOR_EACH_USABLE(kernel)
    {
        struct hb_err err = {0};
        must(kernel_check_window(kernel, &err), &err);
    }
}

static void expect_cases(uint64_t seed, size_t cases, uint32_t count, uint32_t versions)
{
    for (size_t i = 0; i < cases; i++) {
        struct kernel_case made;
        kernel_case_make(&made, seed + i, count, versions, by_openssl);
        FOR_EACH_USABLE(kernel)
        {
            struct hb_err err = {0};
            must(kernel_check_case(kernel, &made, &err), &err);
        }
        kernel_case_free(&made);
    }
}

static void a_million_nonces_of_random_headers_agree_with_openssl(void **state)
{
    (void)state;
    expect_cases(100, 16, 1U << 16, 1);
}

static void a_million_hashes_of_rolled_headers_agree_with_openssl(void **state)
{
    (void)state;
    expect_cases(200, 8, 1U << 14, 4);
    expect_cases(300, 8, 1U << 13, 7);
    expect_cases(400, 4, 1U << 8, KERNEL_VERSIONS_MAX);
}

/* --- the race -----------------------------------------------------------------------------------
 */

static void the_race_ranks_every_usable_kernel(void **state)
{
    (void)state;
    struct kernel_race race;
    struct hb_err err = {0};
    size_t usable = 0;
    FOR_EACH_USABLE(kernel)
    {
        usable++;
    }
    must(kernel_race(NULL, &race, &err), &err);
    assert_int_equal(race.count, usable);
    assert_string_equal(race.fault.msg, "");
    for (size_t i = 0; i < race.count; i++) {
        assert_true(race.trial[i].rolled_hs > 1000 && race.trial[i].single_hs > 1000);
        assert_true(i == 0 || race.trial[i].rolled_hs <= race.trial[i - 1].rolled_hs);
    }
    assert_non_null(kernel_choose(&err));
}

static void a_kernel_can_be_asked_for_by_name(void **state)
{
    (void)state;
    struct kernel_race race;
    struct hb_err err = {0};
    for (size_t i = 0; kernel_at(i) != NULL; i++) {
        const struct sha256d_kernel *kernel = kernel_at(i);
        assert_ptr_equal(kernel_named(kernel->name), kernel);
        if (kernel->usable()) {
            must(kernel_race(kernel->name, &race, &err), &err);
            assert_int_equal(race.count, 1);
            assert_ptr_equal(race.trial[0].kernel, kernel);
        } else {
            assert_false(kernel_race(kernel->name, &race, &err));
            assert_non_null(strstr(err.msg, "this processor cannot run"));
        }
    }
    assert_null(kernel_named("abacus"));
    assert_false(kernel_race("abacus", &race, &err));
    assert_string_equal(err.msg, "no kernel is called 'abacus'");
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
        cmocka_unit_test(every_kernel_finds_the_nonces_of_real_blocks),
        cmocka_unit_test(real_headers_have_their_hash_and_difficulty),
        cmocka_unit_test(every_kernel_passes_its_self_test),
        cmocka_unit_test(every_lane_alignment_version_and_limit_is_exact),
        cmocka_unit_test(a_million_nonces_of_random_headers_agree_with_openssl),
        cmocka_unit_test(a_million_hashes_of_rolled_headers_agree_with_openssl),
        cmocka_unit_test(the_race_ranks_every_usable_kernel),
        cmocka_unit_test(a_kernel_can_be_asked_for_by_name),
        cmocka_unit_test(a_wrong_kernel_is_refused),
        cmocka_unit_test(a_share_must_meet_its_target),
    };
    return cmocka_run_group_tests(tests, prepare, NULL);
}
