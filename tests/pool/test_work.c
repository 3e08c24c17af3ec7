/* The pool's arithmetic against shares that other people's software found and accepted. */
#include <stdlib.h>
#include <string.h>

#include "plumbing/json.h"
#include "tests/pool/work.h"
#include "tests/support/test.h"

static const char *text_of(const struct json *share, const char *name)
{
    const char *text = json_string(json_get(share, name));
    assert_non_null(text);
    return text;
}

static void check_recorded(const struct json *recorded)
{
    struct hb_err err;
    struct work_job job;
    struct pool_share share = {0};
    uint8_t hash[32];
    char hash_hex[65];
    double difficulty = 0;
    assert_true(work_job_parse(&job, json_get(recorded, "notify_params"), 1, &err));
    share.extranonce1_len = strlen(text_of(recorded, "extranonce1")) / 2;
    share.extranonce2_len = strlen(text_of(recorded, "extranonce2")) / 2;
    assert_true(
        work_hex(text_of(recorded, "extranonce1"), share.extranonce1, share.extranonce1_len));
    assert_true(
        work_hex(text_of(recorded, "extranonce2"), share.extranonce2, share.extranonce2_len));
    assert_true(work_hex32(text_of(recorded, "ntime"), &share.ntime));
    assert_true(work_hex32(text_of(recorded, "nonce"), &share.nonce));
    assert_true(work_hex32(text_of(recorded, "header_version"), &share.version));
    assert_true(json_number(json_get(recorded, "difficulty"), &difficulty));
    work_hash(&job, &share, hash);
    work_hash_text(hash, hash_hex);
    assert_string_equal(hash_hex, text_of(recorded, "hash"));
    assert_near(work_difficulty(hash) / difficulty, 1, 1e-12);
}

static void recorded_shares_have_their_hash_and_difficulty(void **state)
{
    (void)state;
    size_t len;
    char *text = test_read_file("tests/pool/data/shares.json", &len);
    struct json *shares = json_parse(text, len, len, NULL);
    assert_non_null(shares);
    assert_int_equal(json_count(shares), 7);
    for (const struct json *share = json_first(shares); share != NULL; share = json_next(share)) {
        check_recorded(share);
    }
    json_free(shares);
    free(text);
}

static void jobs_survive_their_own_text_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < pool_block_count; i++) {
        struct work_job made;
        struct work_job parsed;
        work_job_make(&made, &pool_blocks[i], i + 1, 8);
        made.clean = i % 2 == 0;
        struct json *params = work_job_params(&made);
        assert_true(work_job_parse(&parsed, params, i + 1, NULL));
        struct json *again = work_job_params(&parsed);
        char *before = json_print(params);
        char *after = json_print(again);
        assert_string_equal(before, after);
        assert_memory_equal(made.prevhash, parsed.prevhash, sizeof made.prevhash);
        free(before);
        free(after);
        json_free(again);
        json_free(params);
    }
}

static void hex_of_the_wrong_length_or_alphabet_is_refused(void **state)
{
    (void)state;
    uint32_t value = 7;
    assert_false(work_hex32("1234567", &value));
    assert_false(work_hex32("123456789", &value));
    assert_false(work_hex32("1234567g", &value));
    assert_false(work_hex32(NULL, &value));
    assert_true(work_hex32("DEADbeef", &value));
    assert_int_equal(value, 0xdeadbeef);
}

static void nbits_are_difficulties(void **state)
{
    (void)state;
    assert_near(work_nbits_difficulty(0x1d00ffff), 1, 0);
    assert_near(work_nbits_difficulty(0x1b0404cb), 16307.420938523983, 1e-11);
    assert_near(work_nbits_difficulty(0x1e00f9ff), 65535.0 / 63999 / 256, 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_shares_have_their_hash_and_difficulty),
        cmocka_unit_test(jobs_survive_their_own_text_form),
        cmocka_unit_test(nbits_are_difficulties),
        cmocka_unit_test(hex_of_the_wrong_length_or_alphabet_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
