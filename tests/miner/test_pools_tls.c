#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/miner/fake_pool.h"
#include "tests/miner/pools_rig.h"
#include "tests/support/test.h"

static char ca_path[64];

enum trust { TRUST_SYSTEM, TRUST_FILE, TRUST_PIN, TRUST_OTHER_PIN, TRUST_ANYBODY };

static const char other_pin[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/* A pool with that certificate either gives work, or the message says why it does not. */
static void expect_tls(const char *certified, int lasts_s, enum trust trust, const char *message)
{
    int port = 0;
    char url[64];
    (void)snprintf(ca_path, sizeof ca_path, "/tmp/hb-test-ca-%ld.pem", (long)getpid());
    const struct fake_tls_options options = {
        .name = certified, .ca_path = ca_path, .lasts_s = lasts_s};
    struct fake_tls *tls = fake_tls_start(&options, &port);
    const char *const list[] = {url_of(url, 64, "stratum+ssl://", "localhost", port), NULL};
    every_pool.tls_verify = trust != TRUST_ANYBODY;
    every_pool.ca_file = trust == TRUST_FILE ? ca_path : NULL;
    every_pool.tls_pin = trust == TRUST_PIN         ? fake_tls_pin(tls)
                         : trust == TRUST_OTHER_PIN ? other_pin
                                                    : NULL;
    start_pools(list);
    if (message == NULL) {
        await_pool(0);
    } else {
        await_message(message);
        assert_int_equal(jobs_seen, 0);
    }
    if (trust == TRUST_OTHER_PIN) {
        await_message(fake_tls_pin(tls)); /* so that the owner can compare it */
    }
    pools_destroy(pools);
    pools = NULL;
    (void)uv_run(&loop, UV_RUN_NOWAIT);
    fake_tls_stop(tls);
    (void)unlink(ca_path);
}

static void a_trusted_certificate_is_accepted(void **state)
{
    (void)state;
    expect_tls("localhost", 3600, TRUST_FILE, NULL);
}

static void an_unknown_certificate_is_refused(void **state)
{
    (void)state;
    expect_tls("localhost", 3600, TRUST_SYSTEM,
               "the certificate is not trusted: self-signed certificate");
}

static void a_certificate_of_another_host_is_refused(void **state)
{
    (void)state;
    expect_tls("other.example", 3600, TRUST_FILE,
               "the certificate is not trusted: hostname mismatch");
}

static void an_expired_certificate_is_refused(void **state)
{
    (void)state;
    expect_tls("localhost", -3600, TRUST_FILE,
               "the certificate is not trusted: certificate has expired");
}

static void a_pinned_certificate_is_trusted_whatever_it_says(void **state)
{
    (void)state;
    expect_tls("other.example", -3600, TRUST_PIN, NULL);
}

static void a_certificate_other_than_the_pinned_one_is_refused(void **state)
{
    (void)state;
    expect_tls("localhost", 3600, TRUST_OTHER_PIN,
               "the certificate is not the pinned one: its SHA-256 is ");
}

/* What cannot be meant is told at the start and not at the first connection. */
static void expect_refused(const char *url, const char *says)
{
    every_pool.url = url;
    const struct miner_options options = {.pools = &every_pool, .pool_count = 1};
    const struct pools_timing timing = pools_default_timing();
    struct hb_err err = {0};
    assert_null(pools_create(&options, &timing, &loop, NULL, &pools_handler, &err));
    assert_int_equal(err.code, HB_ERR_USAGE);
    if (strstr(err.msg, says) == NULL) {
        fail_msg("expected '%s', got '%s'", says, err.msg);
    }
    assert_null(strstr(err.msg, "secret"));
}

static void settings_without_sense_are_refused_at_the_start(void **state)
{
    (void)state;
    expect_refused("http://me:secret@pool.example:80",
                   "pools[0]: pool url: expected stratum+tcp://, stratum+ssl://, stratum+tls://, "
                   "solo+http:// or solo+https://, got 'http://'");
    expect_refused("stratum+tcp://me:secret@pool.example:80", "expected no user and password");
    expect_refused("stratum+tcp://abcdef.onion:3333",
                   "pools[0]: pool proxy: expected one, such as socks5://127.0.0.1:9050, because "
                   "only Tor reaches 'abcdef.onion', got nothing");
    every_pool.tls_pin = "12:34";
    expect_refused("stratum+ssl://pool.example:443", "tls_pin: expected the 64 hex digits");
    every_pool.tls_pin = NULL;
    every_pool.user = "a\nb";
    expect_refused("pool.example:3333", "pool user: expected printable text");
    char quotes[513];
    memset(quotes, '"', 512);
    quotes[512] = '\0';
    every_pool.user = every_pool.password = quotes;
    expect_refused("pool.example:3333", "pool user: too long for a request");
}

static void a_proxy_that_is_not_there_is_named(void **state)
{
    (void)state;
    char proxy[64];
    char expected[200];
    every_pool.proxy = url_of(proxy, sizeof proxy, "socks5://", "127.0.0.1", fake_free_port());
    const char *const list[] = {"stratum+tcp://abcdef.onion:3333", NULL};
    start_pools(list);
    (void)snprintf(expected, sizeof expected, "abcdef.onion:3333: proxy %s: connection refused",
                   proxy + strlen("socks5://"));
    await_message(expected);
}

static void a_proxy_that_is_none_is_named(void **state)
{
    (void)state;
    struct fake_pool pool = {.manner = FAKE_GREETS};
    char proxy[64];
    fake_pool_start(&pool, &loop, 0);
    every_pool.proxy = url_of(proxy, sizeof proxy, "socks5://", "127.0.0.1", pool.port);
    const char *const list[] = {"stratum+tcp://pool.example:3333", NULL};
    start_pools(list);
    await_message("it does not speak SOCKS5");
    fake_pool_stop(&pool);
}

static void verification_can_be_switched_off(void **state)
{
    (void)state;
    expect_tls("other.example", -3600, TRUST_ANYBODY, NULL);
}

static void a_plain_pool_is_no_tls_pool(void **state)
{
    (void)state;
    struct fake_pool pool = {.manner = FAKE_GREETS};
    char url[64];
    fake_pool_start(&pool, &loop, 0);
    const char *const list[] = {url_of(url, 64, "stratum+tls://", "127.0.0.1", pool.port), NULL};
    start_pools(list);
    await_message("tls failed: the pool does not speak it at this port");
    assert_int_equal(jobs_seen, 0);
    fake_pool_stop(&pool);
}

static void a_missing_ca_file_is_told(void **state)
{
    (void)state;
    const char *const list[] = {"stratum+ssl://127.0.0.1:1", NULL};
    every_pool.ca_file = "/nonexistent.pem";
    start_pools(list);
    await_message("could not read any");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(a_trusted_certificate_is_accepted),
        POOL_TEST(an_unknown_certificate_is_refused),
        POOL_TEST(a_certificate_of_another_host_is_refused),
        POOL_TEST(an_expired_certificate_is_refused),
        POOL_TEST(a_pinned_certificate_is_trusted_whatever_it_says),
        POOL_TEST(a_certificate_other_than_the_pinned_one_is_refused),
        POOL_TEST(settings_without_sense_are_refused_at_the_start),
        POOL_TEST(a_proxy_that_is_not_there_is_named),
        POOL_TEST(a_proxy_that_is_none_is_named),
        POOL_TEST(verification_can_be_switched_off),
        POOL_TEST(a_plain_pool_is_no_tls_pool),
        POOL_TEST(a_missing_ca_file_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
