/* Addresses become the scripts that the standards' own vectors name, and nothing else is one. */
#include "tests/support/test.h"

#include <string.h>

#include "miner/hex.h"
#include "miner/solo/address.h"
#include "miner/solo/bech32.h"
#include "tests/miner/vectors.h"

static void expect_kind(const struct json *list, bool valid, enum bech32_kind kind)
{
    assert_true(json_count(list) >= 7);
    for (const struct json *item = json_first(list); item != NULL; item = json_next(item)) {
        struct bech32 decoded;
        const bool good = bech32_decode(json_string(item), &decoded);
        if ((good && decoded.kind == kind) != valid) {
            fail_msg("%s: kind %d", json_string(item), decoded.kind);
        }
    }
}

static void checksums_are_told_apart(void **state)
{
    (void)state;
    struct json *file = vectors_open("addresses.json");
    expect_kind(json_path(file, "bech32.valid"), true, BECH32_PLAIN);
    expect_kind(json_path(file, "bech32.valid"), false, BECH32_M);
    expect_kind(json_path(file, "bech32m.valid"), true, BECH32_M);
    expect_kind(json_path(file, "bech32m.valid"), false, BECH32_PLAIN);
    expect_kind(json_path(file, "bech32.invalid"), false, BECH32_PLAIN);
    expect_kind(json_path(file, "bech32m.invalid"), false, BECH32_M);
    json_free(file);
    /* Those of the vectors that no JSON holds. */
    static const char *const odd[] = {"\x20"
                                      "1nwldj5",
                                      "\x7f"
                                      "1axkwrx",
                                      "\x80"
                                      "1eym55h",
                                      "\x20"
                                      "1xj0phk",
                                      "\x7f"
                                      "1g6xzxy",
                                      "\x80"
                                      "1vctc34",
                                      "de1lg7wt\xff"};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        struct bech32 decoded;
        assert_false(bech32_decode(odd[i], &decoded));
    }
}

static void addresses_become_scripts(void **state)
{
    (void)state;
    struct json *file = vectors_open("addresses.json");
    const struct json *list = json_path(file, "address.valid");
    assert_true(json_count(list) >= 29);
    for (const struct json *row = json_first(list); row != NULL; row = json_next(row)) {
        struct address address;
        struct hb_err err = {0};
        char script[2 * ADDRESS_SCRIPT_MAX + 1];
        const char *text = json_string(json_get(row, "text"));
        const char *chain = json_string(json_get(row, "chain"));
        if (!address_parse(text, &address, &err)) {
            fail_msg("%s", err.msg);
        }
        hex_encode(script, address.script, address.script_len);
        assert_string_equal(script, json_string(json_get(row, "script")));
        if (chain != NULL) {
            assert_true((address.networks & address_network_of_chain(chain)) != 0);
            const bool main = strcmp(chain, "main") == 0;
            assert_int_equal((address.networks & ADDRESS_MAIN) != 0, main);
        }
    }
    json_free(file);
}

static void other_texts_are_refused(void **state)
{
    (void)state;
    struct json *file = vectors_open("addresses.json");
    const struct json *list = json_path(file, "address.invalid");
    assert_true(json_count(list) >= 50);
    for (const struct json *item = json_first(list); item != NULL; item = json_next(item)) {
        struct address address;
        struct hb_err err = {0};
        if (address_parse(json_string(item), &address, &err)) {
            fail_msg("%s is taken for an address", json_string(item));
        }
        assert_int_equal(err.code, HB_ERR_USAGE);
        assert_int_equal(address.script_len, 0);
        assert_int_equal(address.networks, 0);
    }
    struct address address;
    assert_false(address_parse("", &address, NULL));
    /* One letter changed, anywhere. */
    char text[] = "1FsSia9rv4NeEwvJ2GvXrX7LyxYspbN2mo";
    assert_true(address_parse(text, &address, NULL));
    for (size_t i = 0; text[i] != '\0'; i++) {
        const char was = text[i];
        text[i] = was == 'a' ? 'b' : 'a';
        assert_false(address_parse(text, &address, NULL));
        text[i] = was;
    }
    json_free(file);
}

static void chains_have_their_addresses(void **state)
{
    (void)state;
    struct address address;
    assert_int_equal(address_network_of_chain("main"), ADDRESS_MAIN);
    assert_int_equal(address_network_of_chain("testnet4"), ADDRESS_TEST);
    assert_int_equal(address_network_of_chain("dogecoin"), 0);
    assert_int_equal(address_network_of_chain(""), 0);
    assert_true(address_parse("bc1qvyq0cc6rahyvsazfdje0twl7ez82ndmuac2lhv", &address, NULL));
    assert_int_equal(address.networks, ADDRESS_MAIN);
    assert_true(address_parse("bcrt1qdavt4j2sd7dlhqsavtnfxvzppw6k7qy97tmnu9", &address, NULL));
    assert_int_equal(address.networks, ADDRESS_REGTEST);
    assert_true(address_parse("mzK2FFDEhxqHcmrJw1ysqFkVyhUULo45hZ", &address, NULL));
    assert_int_equal(address.networks, ADDRESS_TEST | ADDRESS_REGTEST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checksums_are_told_apart),
        cmocka_unit_test(addresses_become_scripts),
        cmocka_unit_test(other_texts_are_refused),
        cmocka_unit_test(chains_have_their_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
