#include <string.h>

#include "miner/net/socks5.h"
#include "miner/stratum/pool_url.h"
#include "tests/support/test.h"

static struct socks5 socks;
static struct hb_err err;
static size_t used;

static void begin(const char *host)
{
    assert_true(socks5_init(&socks, host, 3333, "me", "secret", &err));
    assert_int_equal(socks.out_len, 4);
    assert_memory_equal(socks.out, "\x05\x02\x00\x02", 4);
}

static bool feed(const char *bytes, size_t len)
{
    memset(&err, 0, sizeof err);
    return socks5_feed(&socks, (const uint8_t *)bytes, len, &used, &err);
}

#define FEED(bytes) feed(bytes, sizeof(bytes) - 1)
#define SENDS(bytes)                                                                               \
    (socks.out_len == sizeof(bytes) - 1 && memcmp(socks.out, bytes, sizeof(bytes) - 1) == 0)
#define CONNECTED "\x05\x00\x00\x01\x7f\x00\x00\x01\x0d\x05"

static void names_go_to_the_proxy_and_addresses_as_they_are(void **state)
{
    (void)state;
    begin("pool.example");
    assert_true(FEED("\x05\x00"));
    assert_true(SENDS("\x05\x01\x00\x03\x0cpool.example\x0d\x05"));
    begin("10.1.2.3");
    assert_true(FEED("\x05\x00"));
    assert_true(SENDS("\x05\x01\x00\x01\x0a\x01\x02\x03\x0d\x05"));
    begin("2001:db8::1");
    assert_true(FEED("\x05\x00"));
    assert_true(SENDS("\x05\x01\x00\x04\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
                      "\x01\x0d\x05"));
}

static void user_and_password_are_given_when_asked_for(void **state)
{
    (void)state;
    begin("pool.example");
    assert_true(FEED("\x05\x02"));
    assert_true(SENDS("\x01\x02me\x06secret"));
    assert_true(FEED("\x01\x00"));
    assert_int_equal(socks.state, SOCKS5_CONNECTING);
    assert_true(socks.out_len > 0);
    begin("pool.example");
    assert_true(FEED("\x05\x02"));
    assert_false(FEED("\x01\x01"));
    assert_string_equal(err.msg, "it refuses the user or the password");
}

static void answers_are_taken_in_any_pieces_and_no_byte_too_many(void **state)
{
    (void)state;
    static const char *const addresses[] = {"\x01\x7f\x00\x00\x01",
                                            "\x03\x03"
                                            "abc",
                                            "\x04"
                                            "0123456789abcdef"};
    static const size_t lens[] = {5, 5, 17};
    for (size_t i = 0; i < 3; i++) {
        char answer[64] = "\x05\x00\x05\x00"; /* greeting, then the answer without its address */
        size_t len = 5;
        answer[4] = 0;
        memcpy(answer + len, addresses[i], lens[i]);
        len += lens[i] + 2; /* the port is 0 */
        memcpy(answer + len, "{\"id\"", 5);
        for (size_t piece = 1; piece <= len + 5; piece++) {
            size_t at = 0;
            begin("pool.example");
            while (socks.state != SOCKS5_DONE) {
                const size_t left = len + 5 - at;
                assert_true(feed(answer + at, piece < left ? piece : left));
                at += used;
            }
            assert_int_equal(at, len);
        }
    }
}

static void refusals_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        size_t len;
        const char *says;
    } cases[] = {
        {"\x05\x01\x00\x01", 4, "it failed"},
        {"\x05\x02\x00\x01", 4, "its rules forbid the connection"},
        {"\x05\x03\x00\x01", 4, "the network is unreachable"},
        {"\x05\x04\x00\x01", 4, "the host is unreachable, or its name unknown"},
        {"\x05\x05\x00\x01", 4, "connection refused"},
        {"\x05\x06\x00\x01", 4, "the connection timed out"},
        {"\x05\x07\x00\x01", 4, "it cannot connect to hosts"},
        {"\x05\x08\x00\x01", 4, "it does not know this kind of address"},
        {"\x05\xf0\x00\x01", 4, "the onion service is not to be found"},
        {"\x05\xf6\x00\x01", 4, "the onion address is invalid"},
        {"\x05\x63\x00\x01", 4, "it refuses, with a code unknown"},
        {"\x04\x00\x00\x01\x01", 5, "it does not speak SOCKS5"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin("pool.example");
        assert_true(FEED("\x05\x00"));
        assert_false(feed(cases[i].answer, cases[i].len) && feed("\x01\x01\x01\x01\x01\x01", 6));
        assert_string_equal(err.msg, cases[i].says);
    }
    begin("pool.example");
    assert_false(FEED("\x05\xff"));
    assert_non_null(strstr(err.msg, "it takes neither"));
    begin("pool.example");
    assert_false(FEED("\x05\x01"));
    assert_non_null(strstr(err.msg, "it wants authentication method 1"));
    begin("pool.example");
    assert_false(FEED("HTTP/1.1 400 Bad Request"));
    assert_string_equal(err.msg, "it does not speak SOCKS5");
}

static void texts_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    char text[300];
    memset(text, 'x', 256);
    text[256] = '\0';
    assert_false(socks5_init(&socks, text, 1, "u", "p", &err));
    assert_false(socks5_init(&socks, "h", 1, text, "p", &err));
    assert_false(socks5_init(&socks, "h", 1, "u", "", &err));
    assert_string_equal(err.msg, "proxy password: expected 1 to 255 bytes, got 0");
}

static void proxy_urls_are_read_and_onions_recognised(void **state)
{
    (void)state;
    struct pool_url url;
    assert_true(pool_url_parse_proxy("socks5://127.0.0.1:9050", &url, &err));
    assert_string_equal(url.host, "127.0.0.1");
    assert_int_equal(url.port, 9050);
    assert_true(pool_url_parse_proxy("socks5h://[::1]:9050/", &url, &err));
    assert_false(pool_url_parse_proxy("http://127.0.0.1:8080", &url, &err));
    assert_string_equal(err.msg, "pool proxy: expected socks5://, got 'http://127.0.0.1:8080'");
    assert_false(pool_url_parse_proxy("socks5://me:secret@127.0.0.1:9050", &url, &err));
    assert_null(strstr(err.msg, "secret"));
    assert_true(pool_url_is_onion("abc.ONION"));
    assert_false(pool_url_is_onion(".onion"));
    assert_false(pool_url_is_onion("abc.onion.example"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_go_to_the_proxy_and_addresses_as_they_are),
        cmocka_unit_test(user_and_password_are_given_when_asked_for),
        cmocka_unit_test(answers_are_taken_in_any_pieces_and_no_byte_too_many),
        cmocka_unit_test(refusals_are_named),
        cmocka_unit_test(texts_that_do_not_fit_are_refused),
        cmocka_unit_test(proxy_urls_are_read_and_onions_recognised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
