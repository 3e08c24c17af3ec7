#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/miner/fake_pool.h"
#include "tests/miner/pools_rig.h"
#include "tests/support/test.h"

/* --- failover -----------------------------------------------------------------------------------
 */

static void a_dead_pool_is_passed_over_and_returned_to(void **state)
{
    (void)state;
    struct fake_pool spare = {0};
    struct fake_pool preferred = {0};
    char urls[2][64];
    const int port = fake_free_port();
    fake_pool_start(&spare, &loop, 0);
    const char *const list[] = {url_of(urls[0], 64, "stratum+tcp://", "127.0.0.1", port),
                                url_of(urls[1], 64, "", "127.0.0.1", spare.port), NULL};
    start_pools(list);
    await_message("connection refused");
    await_pool(1);
    fake_pool_start(&preferred, &loop, port);
    await_pool(0);
    struct pools_status status;
    pools_get_status(pools, &status);
    assert_int_equal(status.link, MINER_LINK_OK);
    assert_string_equal(status.where, urls[0] + strlen("stratum+tcp://"));
    fake_pool_stop(&preferred);
    await_pool(1); /* and away again */
    fake_pool_stop(&spare);
}

static bool has_no_job(const void *unused)
{
    (void)unused;
    return last_serial == 0 && jobs_seen > 0;
}

static void a_loss_is_told_and_survived(void **state)
{
    (void)state;
    struct fake_pool pool = {0};
    char url[64];
    fake_pool_start(&pool, &loop, 0);
    const int port = pool.port;
    const char *const list[] = {url_of(url, 64, "", "127.0.0.1", port), NULL};
    start_pools(list);
    await_pool(0);
    fake_pool_stop(&pool);
    run_until(has_no_job, NULL, "the loss");
    await_message("connection refused");
    struct pools_status status;
    pools_get_status(pools, &status);
    assert_true(status.link != MINER_LINK_OK);
    struct fake_pool again = {0};
    fake_pool_start(&again, &loop, port);
    await_pool(0);
    fake_pool_stop(&again);
}

static void expect_replaced(enum fake_manner manner, const char *message)
{
    struct fake_pool evil = {.manner = manner};
    struct fake_pool good = {0};
    char urls[2][64];
    fake_pool_start(&evil, &loop, 0);
    const char *const alone[] = {url_of(urls[0], 64, "", "127.0.0.1", evil.port), NULL};
    start_pools(alone);
    await_message(message);
    pools_destroy(pools);
    pools = NULL;
    fake_pool_start(&good, &loop, 0);
    const char *const list[] = {urls[0], url_of(urls[1], 64, "", "127.0.0.1", good.port), NULL};
    start_pools(list);
    await_pool(1);
    fake_pool_stop(&evil);
    fake_pool_stop(&good);
}

static void garbage_is_left_for_the_next_pool(void **state)
{
    (void)state;
    expect_replaced(FAKE_GARBAGE, "the pool sent nonsense: expected JSON");
}

static void an_endless_line_is_left_for_the_next_pool(void **state)
{
    (void)state;
    expect_replaced(FAKE_ENDLESS, "a line of more than 64 KiB");
}

static void deep_json_is_left_for_the_next_pool(void **state)
{
    (void)state;
    expect_replaced(FAKE_DEEP, "nested at most");
}

static void a_negative_difficulty_is_left_for_the_next_pool(void **state)
{
    (void)state;
    expect_replaced(
        FAKE_NEGATIVE,
        "mining.set_difficulty: difficulty: expected a number from 1e-10 to 1e18, got -1");
}

static void a_relapsing_pool_is_told_of_once_and_retried_ever_later(void **state)
{
    (void)state;
    struct fake_pool pool = {.manner = FAKE_NEGATIVE};
    char url[64];
    fake_pool_start(&pool, &loop, 0);
    const char *const list[] = {url_of(url, 64, "", "127.0.0.1", pool.port), NULL};
    start_pools(list);
    const uint64_t start_ns = uv_hrtime();
    run_until(reached_many, &pool.connections, "five connections");
    /* Waits of at least 10, 20, 40 and 80 ms. */
    assert_true(uv_hrtime() - start_ns >= UINT64_C(150) * 1000000);
    assert_int_equal(warned, 1);
    assert_true(told <= 3);
    fake_pool_stop(&pool);
}

static void expect_passed_over(enum fake_manner manner)
{
    struct fake_pool lame = {.manner = manner};
    struct fake_pool good = {0};
    char urls[2][64];
    fake_pool_start(&lame, &loop, 0);
    fake_pool_start(&good, &loop, 0);
    const char *const list[] = {url_of(urls[0], 64, "", "127.0.0.1", lame.port),
                                url_of(urls[1], 64, "", "127.0.0.1", good.port), NULL};
    start_pools(list);
    run_until(warned_of, "no work within 0.3 s, so the next pool is tried too", "the warning");
    assert_non_null(strstr(last_warning, urls[0]));
    await_pool(1);
    assert_int_equal(lame.connections, 1); /* and it keeps its chance */
    assert_int_equal(warned, 1);
    fake_pool_stop(&lame);
    fake_pool_stop(&good);
}

static void a_silent_pool_is_passed_over(void **state)
{
    (void)state;
    expect_passed_over(FAKE_SILENT);
}

static void a_pool_without_jobs_is_passed_over(void **state)
{
    (void)state;
    expect_passed_over(FAKE_NO_JOBS);
}

static bool reason_is(const void *part)
{
    struct pools_status status;
    pools_get_status(pools, &status);
    return strstr(status.reason, part) != NULL;
}

static void a_pool_that_falls_silent_is_passed_over_and_returned_to(void **state)
{
    (void)state;
    struct fake_pool first = {0};
    struct fake_pool second = {0};
    struct miner_pool_stats figures[2];
    char urls[2][64];
    char reason[100];
    fake_pool_start(&first, &loop, 0);
    fake_pool_start(&second, &loop, 0);
    every_pool.silence_ms = 400;
    const char *const list[] = {url_of(urls[0], 64, "", "127.0.0.1", first.port),
                                url_of(urls[1], 64, "", "127.0.0.1", second.port), NULL};
    start_pools(list);
    await_pool(0);
    assert_true(reason_is("start"));
    await_pool(1);
    (void)snprintf(reason, sizeof reason, "%s: no new job for too long", urls[0]);
    assert_true(reason_is(reason));
    assert_int_equal(pools_get_list(pools, figures, 2), 2);
    assert_int_equal(figures[0].state, MINER_POOL_SILENT);
    assert_int_equal(figures[1].state, MINER_POOL_WORKING);
    fake_pool_send_job(&first);
    await_pool(0);
    (void)snprintf(reason, sizeof reason, "%s works again", urls[0]);
    assert_true(reason_is(reason));
    assert_int_equal(first.connections, 1); /* it was never left */
    struct pools_status status;
    pools_get_status(pools, &status);
    assert_int_equal(status.changes, 3);
    fake_pool_stop(&first);
    fake_pool_stop(&second);
}

static void a_silent_pool_without_another_is_kept(void **state)
{
    (void)state;
    struct fake_pool only = {0};
    char url[64];
    fake_pool_start(&only, &loop, 0);
    every_pool.silence_ms = 100;
    const char *const list[] = {url_of(url, 64, "", "127.0.0.1", only.port), NULL};
    start_pools(list);
    await_pool(0);
    const uint64_t until_ns = uv_hrtime() + UINT64_C(500) * 1000000;
    while (uv_hrtime() < until_ns) {
        (void)uv_run(&loop, UV_RUN_ONCE);
    }
    assert_true(last_serial != 0);
    assert_int_equal(only.connections, 1);
    assert_int_equal(warned, 1);
    assert_true(warned_of("no new job for too long") && says("no new job for too long"));
    fake_pool_stop(&only);
}

static void every_change_has_its_reason(void **state)
{
    (void)state;
    struct fake_pool first = {0};
    struct fake_pool second = {0};
    struct miner_pool_stats figures[2];
    char urls[2][64];
    const int port = fake_free_port();
    fake_pool_start(&second, &loop, 0);
    const char *const list[] = {url_of(urls[0], 64, "", "127.0.0.1", port),
                                url_of(urls[1], 64, "", "127.0.0.1", second.port), NULL};
    start_pools(list);
    await_pool(1);
    assert_true(reason_is(urls[0]) && reason_is("connection refused"));
    fake_pool_start(&first, &loop, port);
    await_pool(0);
    assert_true(reason_is("works again"));
    fake_pool_stop(&second);
    fake_pool_stop(&first);
    run_until(has_no_job, NULL, "the loss");
    assert_true(reason_is(urls[0]) && !reason_is("works again"));
    (void)pools_get_list(pools, figures, 2);
    assert_true(figures[0].losses >= 2); /* refused, then closed */
    assert_true(isnan(figures[0].answer_p50_ms));
}

/* A listener whose queue is full drops every further SYN, as a black hole does. */
static int start_black_hole(int fds[4], int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fds[0], (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fds[0], 0), 0);
    assert_int_equal(getsockname(fds[0], (struct sockaddr *)&address, &len), 0);
    *port = ntohs(address.sin_port);
    for (int i = 1; i < 4; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fds[i], (const struct sockaddr *)&address, sizeof address);
    }
    return 4;
}

static void a_black_hole_does_not_hold_up_the_next_pool(void **state)
{
    (void)state;
    struct fake_pool good = {0};
    char urls[2][64];
    int fds[4];
    int port = 0;
    const int count = start_black_hole(fds, &port);
    fake_pool_start(&good, &loop, 0);
    const char *const list[] = {url_of(urls[0], 64, "", "127.0.0.1", port),
                                url_of(urls[1], 64, "", "127.0.0.1", good.port), NULL};
    const uint64_t start_ns = uv_hrtime();
    start_pools(list);
    await_pool(1);
    const uint64_t took_ms = (uv_hrtime() - start_ns) / 1000000;
    assert_true(took_ms >= 298 && took_ms < 2500); /* far from the 5 s to connect */
    for (int i = 0; i < count; i++) {
        (void)close(fds[i]);
    }
    fake_pool_stop(&good);
}

static void waits_are_short_at_first_and_bounded(void **state)
{
    (void)state;
    const struct pools_timing timing = pools_default_timing();
    assert_true(timing.first_wait_ms < 2000);
    assert_int_equal(timing.most_wait_ms, 60000);
    assert_true(timing.idle_wait_ms <= 10000);
    assert_true(timing.patience_ms <= 5000);
}

/* Long gone, it is nevertheless found soon when it is the only one. */
static void an_only_pool_is_found_soon_after_its_return(void **state)
{
    (void)state;
    struct fake_pool pool = {0};
    char url[64];
    const int port = fake_free_port();
    const struct miner_pool one = {.url = url_of(url, 64, "", "127.0.0.1", port), .user = "me"};
    const struct miner_options options = {.pools = &one, .pool_count = 1};
    const struct pools_timing timing = {.first_wait_ms = 20,
                                        .most_wait_ms = 60000,
                                        .idle_wait_ms = 100,
                                        .good_ms = 1000,
                                        .connect_timeout_ms = 5000,
                                        .patience_ms = 300};
    pools = pools_create(&options, &timing, &loop, NULL, &pools_handler, NULL);
    assert_non_null(pools);
    const uint64_t until_ns = uv_hrtime() + UINT64_C(3000) * 1000000;
    while (uv_hrtime() < until_ns) { /* waits of up to 2 s by now, were they not bounded */
        (void)uv_run(&loop, UV_RUN_ONCE);
    }
    fake_pool_start(&pool, &loop, port);
    const uint64_t start_ns = uv_hrtime();
    await_pool(0);
    assert_true(uv_hrtime() - start_ns < UINT64_C(500) * 1000000);
    fake_pool_stop(&pool);
}

static void a_redirect_to_a_stranger_is_refused_and_work_goes_on(void **state)
{
    (void)state;
    struct fake_pool stranger = {0};
    char url[64];
    fake_pool_start(&stranger, &loop, 0);
    struct fake_pool pool = {
        .manner = FAKE_REDIRECT, .redirect_host = "127.0.0.1", .redirect_port = stranger.port};
    fake_pool_start(&pool, &loop, 0);
    const char *const list[] = {url_of(url, 64, "", "127.0.0.1", pool.port), NULL};
    start_pools(list);
    await_message("was refused");
    assert_true(last_serial != 0);
    assert_int_equal(stranger.connections, 0);
    fake_pool_stop(&pool);
    fake_pool_stop(&stranger);
}

static void an_allowed_redirect_is_followed(void **state)
{
    (void)state;
    struct fake_pool other = {0};
    char url[64];
    char allowed[64];
    fake_pool_start(&other, &loop, 0);
    struct fake_pool pool = {
        .manner = FAKE_REDIRECT, .redirect_host = "127.0.0.1", .redirect_port = other.port};
    fake_pool_start(&pool, &loop, 0);
    const struct miner_pool one = {.url = url_of(url, 64, "", "127.0.0.1", pool.port),
                                   .user = "me"};
    const char *const hosts[] = {url_of(allowed, 64, "", "127.0.0.1", other.port)};
    const struct miner_options options = {
        .pools = &one, .pool_count = 1, .redirect_hosts = hosts, .redirect_host_count = 1};
    const struct pools_timing timing = {.first_wait_ms = 20,
                                        .most_wait_ms = 200,
                                        .idle_wait_ms = 100,
                                        .good_ms = 1000,
                                        .connect_timeout_ms = 5000,
                                        .patience_ms = 300};
    pools = pools_create(&options, &timing, &loop, NULL, &pools_handler, NULL);
    assert_non_null(pools);
    run_until(reached, &other.jobs, "the other pool's job");
    fake_pool_stop(&pool);
    fake_pool_stop(&other);
}

static void a_pool_that_hangs_up_on_configure_is_served_plainly(void **state)
{
    (void)state;
    struct fake_pool pool = {.manner = FAKE_HANGS_UP_ON_CONFIGURE};
    char url[64];
    fake_pool_start(&pool, &loop, 0);
    const char *const list[] = {url_of(url, 64, "", "127.0.0.1", pool.port), NULL};
    start_pools(list);
    await_pool(0);
    assert_int_equal(pool.connections, 2);
    assert_int_equal(warned, 0); /* nothing is wrong with it */
    fake_pool_stop(&pool);
}

static void a_pool_that_answers_configure_and_hangs_up_is_served_plainly(void **state)
{
    (void)state;
    struct fake_pool pool = {.manner = FAKE_ANSWERS_CONFIGURE_AND_HANGS_UP};
    char url[64];
    fake_pool_start(&pool, &loop, 0);
    const char *const list[] = {url_of(url, 64, "", "127.0.0.1", pool.port), NULL};
    start_pools(list);
    await_pool(0);
    assert_int_equal(pool.connections, 2);
    assert_int_equal(warned, 0);
    fake_pool_stop(&pool);
}

static void a_name_that_does_not_exist_is_told(void **state)
{
    (void)state;
    const char *const list[] = {"stratum+tcp://no-such-host.invalid:3333", NULL};
    start_pools(list);
    await_message("no-such-host.invalid:3333: the name cannot be resolved");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(a_dead_pool_is_passed_over_and_returned_to),
        POOL_TEST(a_loss_is_told_and_survived),
        POOL_TEST(garbage_is_left_for_the_next_pool),
        POOL_TEST(an_endless_line_is_left_for_the_next_pool),
        POOL_TEST(deep_json_is_left_for_the_next_pool),
        POOL_TEST(a_negative_difficulty_is_left_for_the_next_pool),
        POOL_TEST(a_relapsing_pool_is_told_of_once_and_retried_ever_later),
        POOL_TEST(a_silent_pool_is_passed_over),
        POOL_TEST(a_pool_without_jobs_is_passed_over),
        POOL_TEST(a_pool_that_falls_silent_is_passed_over_and_returned_to),
        POOL_TEST(a_silent_pool_without_another_is_kept),
        POOL_TEST(every_change_has_its_reason),
        POOL_TEST(a_black_hole_does_not_hold_up_the_next_pool),
        POOL_TEST(waits_are_short_at_first_and_bounded),
        POOL_TEST(an_only_pool_is_found_soon_after_its_return),
        POOL_TEST(a_redirect_to_a_stranger_is_refused_and_work_goes_on),
        POOL_TEST(an_allowed_redirect_is_followed),
        POOL_TEST(a_pool_that_hangs_up_on_configure_is_served_plainly),
        POOL_TEST(a_pool_that_answers_configure_and_hangs_up_is_served_plainly),
        POOL_TEST(a_name_that_does_not_exist_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
