#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "miner/engine.h"
#include "tests/miner/fake_pool.h"
#include "tests/support/test.h"

enum { DEADLINE_MS = 20000 };

static uv_loop_t loop;
static struct miner_engine *engine;

static void run_until(bool (*done)(const void *arg), const void *arg, const char *what)
{
    const uint64_t deadline_ns = uv_hrtime() + (uint64_t)DEADLINE_MS * 1000000;
    while (!done(arg)) {
        if (uv_hrtime() > deadline_ns) {
            struct miner_stats stats;
            miner_get_stats(engine, &stats);
            fail_msg("waited in vain for %s; last message: %s", what, stats.message);
        }
        (void)uv_run(&loop, UV_RUN_ONCE);
    }
}

static int set_up(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    return uv_loop_init(&loop);
}

/* What a failed test left open must not keep the loop running. */
static void close_leftover(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (uv_is_closing(handle) == 0) {
        uv_close(handle, NULL);
    }
}

static int tear_down(void **state)
{
    (void)state;
    miner_destroy(engine);
    engine = NULL;
    uv_walk(&loop, close_leftover, NULL);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop);
}

static const char *url_of(char *text, size_t size, int port)
{
    (void)snprintf(text, size, "127.0.0.1:%d", port);
    return text;
}

static struct miner_stats stats_now(void)
{
    struct miner_stats stats;
    miner_get_stats(engine, &stats);
    return stats;
}

static void start_engine(const char *url, enum miner_no_pool no_pool)
{
    const struct miner_pool one = {.url = url, .user = "me", .password = "x", .tls_verify = true};
    const struct miner_options options = {.pools = &one,
                                          .pool_count = url == NULL ? 0 : 1,
                                          .threads = 2,
                                          .no_pool = no_pool,
                                          .sysfs_root = "/nonexistent"};
    struct hb_err err = {0};
    engine = miner_create(&options, &loop, NULL, &err);
    if (engine == NULL) {
        fail_msg("%s", err.msg);
    }
}

static void stop_engine(void)
{
    miner_destroy(engine);
    engine = NULL;
}

static bool has_accepted(const void *count)
{
    return stats_now().accepted >= *(const uint64_t *)count;
}

static bool has_hashed(const void *unused)
{
    (void)unused;
    return stats_now().hashes > 0 && stats_now().hashrate_hs > 0;
}

static bool is_lost(const void *unused)
{
    (void)unused;
    return !stats_now().pool_work;
}

static void shares_are_found_and_accepted(void **state)
{
    (void)state;
    struct fake_pool pool = {0};
    char url[64];
    const uint64_t wanted = 5;
    fake_pool_start(&pool, &loop, 0);
    start_engine(url_of(url, sizeof url, pool.port), MINER_NO_POOL_HEAT);
    miner_set_duty(engine, 0.8);
    run_until(has_accepted, &wanted, "accepted shares");
    const struct miner_stats stats = stats_now();
    assert_true(pool.good_shares >= wanted);
    assert_int_equal(pool.bad_shares, 0);
    assert_int_equal(stats.dropped, 0);
    assert_int_equal(stats.link, MINER_LINK_OK);
    assert_true(stats.hashing && stats.pool_work);
    assert_near(stats.difficulty, 0.0001, 1e-12);
    assert_true(stats.best_difficulty >= 0.0001);
    assert_true(isnan(stats.package_w) && isnan(stats.cpu_c));
    assert_int_equal(stats.threads, 2);
    fake_pool_stop(&pool);
    run_until(is_lost, NULL, "the loss");
    assert_true(stats_now().hashing); /* a heater stays a heater */
    stop_engine();
}

static void without_a_pool_it_pauses_if_told_so(void **state)
{
    (void)state;
    struct fake_pool pool = {0};
    char url[64];
    const uint64_t wanted = 1;
    fake_pool_start(&pool, &loop, 0);
    start_engine(url_of(url, sizeof url, pool.port), MINER_NO_POOL_PAUSE);
    miner_set_duty(engine, 1);
    assert_false(stats_now().hashing);
    run_until(has_accepted, &wanted, "accepted shares");
    fake_pool_stop(&pool);
    run_until(is_lost, NULL, "the loss");
    assert_false(stats_now().hashing);
    stop_engine();
}

static void without_any_pool_it_heats(void **state)
{
    (void)state;
    start_engine(NULL, MINER_NO_POOL_HEAT);
    assert_int_equal(stats_now().link, MINER_LINK_NONE);
    miner_set_duty(engine, 0.5);
    run_until(has_hashed, NULL, "hashes");
    assert_true(stats_now().hashing);
    assert_false(stats_now().pool_work);
    miner_set_duty(engine, 0.0 / 0.0);
    assert_near(stats_now().duty_ratio, 0, 0);
    assert_false(stats_now().hashing);
    stop_engine();
}

static void with_kernel(const char *kernel)
{
    const struct miner_options options = {
        .threads = 1, .kernel = kernel, .sysfs_root = "/nonexistent"};
    struct hb_err err = {0};
    engine = miner_create(&options, &loop, NULL, &err);
    assert_non_null(engine);
}

static void the_kernel_asked_for_is_used(void **state)
{
    (void)state;
    with_kernel("portable-4");
    assert_string_equal(stats_now().kernel, "portable-4");
    stop_engine();
}

static void a_kernel_that_is_not_to_be_had_stops_no_heat(void **state)
{
    (void)state;
    with_kernel("abacus");
    assert_string_not_equal(stats_now().kernel, "abacus");
    miner_set_duty(engine, 1);
    run_until(has_hashed, NULL, "hashes of another kernel");
    stop_engine();
}

static void a_wrong_url_is_a_usage_error(void **state)
{
    (void)state;
    const struct miner_pool one = {.url = "http://pool", .user = "me"};
    const struct miner_options options = {.pools = &one, .pool_count = 1};
    struct hb_err err = {0};
    assert_null(miner_create(&options, &loop, NULL, &err));
    assert_int_equal(err.code, HB_ERR_USAGE);
    assert_non_null(strstr(err.msg, "pools[0]: pool url: expected stratum+tcp://"));
}

/* Kilobytes of this process that are in memory. */
static long resident_kb(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*d %ld", &pages), 1);
    (void)fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void it_needs_less_than_four_megabytes(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* their shadows are many times larger */
#endif
    const long before_kb = resident_kb();
    start_engine(NULL, MINER_NO_POOL_HEAT);
    miner_set_duty(engine, 1);
    run_until(has_hashed, NULL, "hashing");
    const long needed_kb = resident_kb() - before_kb;
    stop_engine();
    assert_in_range(needed_kb, 0, 4095);
}

#define ENGINE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENGINE_TEST(it_needs_less_than_four_megabytes),
        ENGINE_TEST(shares_are_found_and_accepted),
        ENGINE_TEST(without_a_pool_it_pauses_if_told_so),
        ENGINE_TEST(without_any_pool_it_heats),
        ENGINE_TEST(the_kernel_asked_for_is_used),
        ENGINE_TEST(a_kernel_that_is_not_to_be_had_stops_no_heat),
        ENGINE_TEST(a_wrong_url_is_a_usage_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
