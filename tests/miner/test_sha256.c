#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "miner/hex.h"
#include "miner/kernel/sha256.h"
#include "tests/miner/vectors.h"
#include "tests/support/test.h"

/* Our own, and the one that has the last word on shares. */
static void by_us(const uint8_t *data, size_t len, uint8_t digest[32])
{
    sha256_digest(data, len, digest);
}

static void by_openssl(const uint8_t *data, size_t len, uint8_t digest[32])
{
    assert_int_equal(EVP_Digest(data, len, digest, NULL, EVP_sha256(), NULL), 1);
}

typedef void hash_function(const uint8_t *data, size_t len, uint8_t digest[32]);
static hash_function *const functions[] = {by_us, by_openssl};
enum { FUNCTIONS = sizeof functions / sizeof functions[0] };

/* The shortest has no byte, the longest 4024. */
static void messages_of_nist_have_their_digests(void **state)
{
    (void)state;
    struct json *file = vectors_open("sha256.json");
    size_t count = 0;
    const struct json *row = json_first(json_get(file, "messages"));
    for (; row != NULL; row = json_next(row), count++) {
        static uint8_t message[5000];
        size_t len = 0;
        uint8_t expected[32];
        assert_true(
            hex_decode_upto(json_string(json_get(row, "message")), message, sizeof message, &len));
        vectors_bytes(row, "digest", expected, sizeof expected);
        for (size_t i = 0; i < FUNCTIONS; i++) {
            uint8_t digest[32];
            functions[i](message, len, digest);
            assert_memory_equal(digest, expected, sizeof digest);
        }
    }
    assert_true(count >= 70);
    json_free(file);
}

/* SHAVS section 6.4: a checkpoint is a thousand hashes of the last three digests together. */
static void next_checkpoint(hash_function *hash, uint8_t seed[32])
{
    uint8_t last[4][32];
    for (size_t i = 0; i < 3; i++) {
        memcpy(last[i], seed, 32);
    }
    for (size_t i = 0; i < 1000; i++) {
        hash(last[0], sizeof last[0] * 3, last[3]);
        memmove(last[0], last[1], sizeof last[0] * 3);
    }
    memcpy(seed, last[2], 32);
}

static void the_monte_carlo_test_of_nist_is_passed(void **state)
{
    (void)state;
    struct json *file = vectors_open("sha256.json");
    const struct json *test = json_get(file, "monte_carlo");
    for (size_t i = 0; i < FUNCTIONS; i++) {
        uint8_t digest[32];
        size_t done = 0;
        vectors_bytes(test, "seed", digest, sizeof digest);
        const struct json *row = json_first(json_get(test, "digests"));
        for (; row != NULL; row = json_next(row)) {
            uint8_t expected[32];
            vectors_bytes(row, "digest", expected, sizeof expected);
            for (; done <= (size_t)vectors_number(row, "count"); done++) {
                next_checkpoint(functions[i], digest);
            }
            assert_memory_equal(digest, expected, sizeof digest);
        }
        assert_int_equal(done, 100);
    }
    json_free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_of_nist_have_their_digests),
        cmocka_unit_test(the_monte_carlo_test_of_nist_is_passed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
