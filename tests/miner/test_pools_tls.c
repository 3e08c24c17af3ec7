#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/miner/fake_pool.h"
#include "tests/miner/pools_rig.h"
#include "tests/support/test.h"

static char ca_path[64];

static struct fake_tls *start_tls(const char *name, int *port)
{
    (void)snprintf(ca_path, sizeof ca_path, "/tmp/hb-test-ca-%ld.pem", (long)getpid());
    return fake_tls_start(name, ca_path, port);
}

static void expect_tls(const char *certified, bool verify, bool with_ca, const char *message)
{
    int port = 0;
    char url[64];
    struct fake_tls *tls = start_tls(certified, &port);
    const char *const list[] = {url_of(url, 64, "stratum+ssl://", "localhost", port), NULL};
    every_pool.tls_verify = verify;
    every_pool.ca_file = with_ca ? ca_path : NULL;
    start_pools(list);
    if (message == NULL) {
        await_pool(0);
    } else {
        await_message(message);
        assert_int_equal(jobs_seen, 0);
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
    expect_tls("localhost", true, true, NULL);
}

static void an_unknown_certificate_is_refused(void **state)
{
    (void)state;
    expect_tls("localhost", true, false, "the certificate is not trusted");
}

static void a_certificate_of_another_host_is_refused(void **state)
{
    (void)state;
    expect_tls("other.example", true, true, "the certificate is not trusted: hostname mismatch");
}

static void verification_can_be_switched_off(void **state)
{
    (void)state;
    expect_tls("other.example", false, false, NULL);
}

static void a_plain_pool_is_no_tls_pool(void **state)
{
    (void)state;
    struct fake_pool pool = {.manner = FAKE_GREETS};
    char url[64];
    fake_pool_start(&pool, &loop, 0);
    const char *const list[] = {url_of(url, 64, "stratum+tls://", "127.0.0.1", pool.port), NULL};
    start_pools(list);
    await_message("tls failed");
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
        POOL_TEST(verification_can_be_switched_off),
        POOL_TEST(a_plain_pool_is_no_tls_pool),
        POOL_TEST(a_missing_ca_file_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
