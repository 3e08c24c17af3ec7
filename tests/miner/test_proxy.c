/* The proxy between our own engine, which plays the heater, and small pools that check each share;
 * and what strangers can do to it, which is nothing. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "miner/net/listener_uv.h"
#include "miner/proxy/proxy.h"
#include "plumbing/clock.h"
#include "tests/miner/fake_pool.h"
#include "tests/support/test.h"

enum { DEADLINE_MS = 60000, RAW_MAX = 128 };

static uv_loop_t loop;
static uv_timer_t waker;
static struct proxy *proxy;
static struct proxy_worker *worker;
static struct miner_engine *engine;
static struct fake_pool pools[2];
static char urls[2][40];
static struct miner_pool list[2];
static struct miner_options mining;
static unsigned changes;
static char log_text[64 * 1024];
static int raw[RAW_MAX]; /* sockets of strangers; -1: none */

/* --- a stage ------------------------------------------------------------------------------------
 */

static void on_wake(uv_timer_t *timer)
{
    (void)timer;
}

static void write_log(void *ctx, enum log_level level, const char *part, const char *text)
{
    (void)ctx;
    (void)level;
    const size_t used = strlen(log_text);
    (void)snprintf(log_text + used, sizeof log_text - used, "%s: %s\n", part, text);
}

static const struct hb_log log_all = {write_log, NULL, LOG_LEVEL_INFO};

static void on_changed(void *ctx)
{
    (void)ctx;
    changes++;
}

static int set_up(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    memset(pools, 0, sizeof pools);
    memset(&mining, 0, sizeof mining);
    changes = 0;
    log_text[0] = '\0';
    for (size_t i = 0; i < RAW_MAX; i++) {
        raw[i] = -1;
    }
    assert_int_equal(uv_loop_init(&loop), 0);
    (void)uv_timer_init(&loop, &waker);
    return uv_timer_start(&waker, on_wake, 0, 10);
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
    proxy_destroy(proxy);
    engine = NULL;
    proxy = NULL;
    worker = NULL;
    for (size_t i = 0; i < RAW_MAX; i++) {
        if (raw[i] >= 0) {
            (void)close(raw[i]);
        }
    }
    for (size_t i = 0; i < 2; i++) {
        if (pools[i].port != 0) {
            fake_pool_stop(&pools[i]);
        }
    }
    (void)uv_run(&loop, UV_RUN_NOWAIT);
    uv_walk(&loop, close_leftover, NULL);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop);
}

static void use_pool(size_t index, int port)
{
    pools[index].port = 0;
    fake_pool_start(&pools[index], &loop, port);
    (void)snprintf(urls[index], sizeof urls[index], "127.0.0.1:%d", pools[index].port);
    list[index] = (struct miner_pool){.url = urls[index], .user = "me", .password = "x"};
    if (mining.pool_count <= index) {
        mining.pool_count = index + 1;
    }
}

static void start_proxy(void)
{
    struct hb_err err = {0};
    mining.pools = list;
    const struct proxy_options options = {.listen = "127.0.0.1", .mining = &mining};
    const struct proxy_account account = {.user = "ofen",
                                          .password = "geheim",
                                          .pool_user = "me.ofen",
                                          .hashrate_hs = 1e6,
                                          .changed = on_changed};
    proxy = proxy_create(&options, &loop, &log_all, &err);
    if (proxy == NULL) {
        fail_msg("%s", err.msg);
    }
    worker = proxy_add(proxy, &account, &err);
    assert_non_null(worker);
}

/* Our engine, at a small part of its speed, as a heater that points to the proxy. */
static void start_heater(const char *user, const char *password)
{
    char url[40];
    struct hb_err err = {0};
    (void)snprintf(url, sizeof url, "127.0.0.1:%d", proxy_port(proxy));
    const struct miner_pool one = {.url = url, .user = user, .password = password};
    const struct miner_options options = {.pools = &one,
                                          .pool_count = 1,
                                          .threads = 1,
                                          .no_pool = MINER_NO_POOL_PAUSE,
                                          .sysfs_root = "/nonexistent"};
    engine = miner_create(&options, &loop, NULL, &err);
    if (engine == NULL) {
        fail_msg("%s", err.msg);
    }
    miner_set_duty(engine, 0.05);
}

static struct proxy_status status(void)
{
    struct proxy_status got;
    proxy_get_status(worker, &got);
    return got;
}

static void run_until(bool (*done)(const void *arg), const void *arg, const char *what)
{
    const uint64_t deadline_ns = uv_hrtime() + (uint64_t)DEADLINE_MS * 1000000;
    while (!done(arg)) {
        if (uv_hrtime() > deadline_ns) {
            fail_msg("waited in vain for %s; the log:\n%s", what, log_text);
        }
        (void)uv_run(&loop, UV_RUN_ONCE);
    }
}

static bool has_shares(const void *pool)
{
    return ((const struct fake_pool *)pool)->good_shares >= 3;
}

static bool is_connected(const void *arg)
{
    return status().connected == *(const bool *)arg;
}

static bool logged(const void *part)
{
    return strstr(log_text, part) != NULL;
}

static const bool yes = true, no = false;

/* --- a heater -----------------------------------------------------------------------------------
 */

static void shares_reach_the_pool(void **state)
{
    (void)state;
    use_pool(0, 0);
    start_proxy();
    assert_int_equal(status().link, MINER_LINK_NONE);
    assert_int_equal(pools[0].connections, 0); /* nobody needs it yet */
    start_heater("ofen", "geheim");
    run_until(has_shares, &pools[0], "shares at the pool");
    assert_int_equal(pools[0].bad_shares, 0);
    const struct proxy_status got = status();
    assert_true(got.connected);
    assert_string_equal(got.address, "127.0.0.1");
    assert_non_null(strstr(got.agent, "heatbridge"));
    assert_int_equal(got.link, MINER_LINK_OK);
    assert_non_null(strstr(urls[0], got.pool));
    assert_true(got.best_difficulty > 0);
    assert_true(got.silence_s < 30);
    assert_true(changes == 1);
    assert_false(got.own_work);
    for (size_t i = 0; i < REJECT_COUNT; i++) {
        assert_int_equal(got.rejected[i], 0);
    }
}

static bool is_estimated(const void *arg)
{
    (void)arg;
    return status().estimated && status().estimate.shares >= 8;
}

static void hash_rate_is_that_of_the_heater(void **state)
{
    (void)state;
    use_pool(0, 0);
    start_proxy();
    start_heater("ofen", "geheim");
    run_until(has_shares, &pools[0], "shares at the pool");
    struct miner_stats before;
    miner_get_stats(engine, &before);
    const uint64_t from_ns = uv_hrtime();
    run_until(is_estimated, NULL, "an estimate");
    struct miner_stats after;
    miner_get_stats(engine, &after);
    const double true_hs = (after.hashes - before.hashes) / ((double)(uv_hrtime() - from_ns) / 1e9);
    const struct share_estimate estimate = status().estimate;
    /* twice as far as the 95 % interval reaches: chance does not fail this test */
    assert_true(true_hs > estimate.hashrate_hs - 2 * (estimate.hashrate_hs - estimate.low_hs));
    assert_true(true_hs < estimate.hashrate_hs + 2 * (estimate.high_hs - estimate.hashrate_hs));
    assert_true(estimate.span_s >= 15);
}

static void next_pool_takes_over_without_a_word_to_the_heater(void **state)
{
    (void)state;
    use_pool(0, 0);
    use_pool(1, 0);
    start_proxy();
    start_heater("ofen", "geheim");
    run_until(has_shares, &pools[0], "shares at the first pool");
    fake_pool_stop(&pools[0]);
    pools[0].port = 0;
    run_until(has_shares, &pools[1], "shares at the second pool");
    assert_true(status().connected);
    assert_int_equal(changes, 1); /* it never went */
    assert_int_equal(pools[1].bad_shares, 0);
}

static bool has_own_work(const void *arg)
{
    return status().own_work == *(const bool *)arg;
}

static bool has_hashed_on(const void *arg)
{
    (void)arg;
    return status().silence_s < 1;
}

/* Takes a port of loopback without listening there, so that nobody else gets it meanwhile. */
static int hold_port(int *fd)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof where;
    *fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(*fd >= 0);
    assert_int_equal(bind(*fd, (const struct sockaddr *)&where, sizeof where), 0);
    assert_int_equal(getsockname(*fd, (struct sockaddr *)&where, &len), 0);
    return ntohs(where.sin_port);
}

static void heater_is_kept_warm_without_a_pool(void **state)
{
    (void)state;
    list[0] = (struct miner_pool){.url = urls[0], .user = "me", .password = "x"};
    const int port = hold_port(&raw[0]);
    (void)snprintf(urls[0], sizeof urls[0], "127.0.0.1:%d", port);
    mining.pool_count = 1;
    start_proxy();
    start_heater("ofen", "geheim");
    run_until(has_own_work, &yes, "work of our own");
    run_until(has_hashed_on, NULL, "shares of it");
    assert_true(status().connected);
    assert_int_equal(status().accepted, 0); /* nobody pays for it */
    assert_true(logged("kept warm"));
    (void)close(raw[0]);
    raw[0] = -1;
    use_pool(0, port);
    run_until(has_shares, &pools[0], "shares at the pool that came back");
    assert_false(status().own_work);
    assert_int_equal(pools[0].bad_shares, 0);
}

static void heater_with_the_wrong_password_is_refused(void **state)
{
    (void)state;
    use_pool(0, 0);
    start_proxy();
    start_heater("ofen", "geheimer");
    run_until(logged, "wrong password for the worker 'ofen'", "the refusal");
    assert_false(status().connected);
    assert_int_equal(pools[0].connections, 0);
    assert_null(strstr(log_text, "geheim")); /* neither password */
}

/* --- strangers ----------------------------------------------------------------------------------
 */

/* Connects from `address`, at once: the kernel accepts on loopback. */
static int dial_port(size_t index, const char *address, uint16_t port)
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in from = {.sin_family = AF_INET};
    assert_int_equal(inet_pton(AF_INET, address, &from.sin_addr), 1);
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&from, sizeof from), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    raw[index] = fd;
    return fd;
}

static int dial(size_t index, const char *address)
{
    return dial_port(index, address, proxy_port(proxy));
}

static void talk(int fd, const char *text)
{
    (void)send(fd, text, strlen(text), MSG_NOSIGNAL);
}

/* True once the other end has hung up; what it says before is dropped. */
static bool is_hung_up(const void *fd)
{
    char text[4096];
    const ssize_t len = recv(*(const int *)fd, text, sizeof text, 0);
    return len == 0 || (len < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
}

static char heard[8192];

static bool hears(const void *part)
{
    const size_t used = strlen(heard);
    const ssize_t len = recv(raw[0], heard + used, sizeof heard - used - 1, 0);
    if (len > 0) {
        heard[used + (size_t)len] = '\0';
    }
    return strstr(heard, part) != NULL;
}

static void log_in_by_hand(int fd, const char *user, const char *password)
{
    char text[200];
    (void)snprintf(text, sizeof text,
                   "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"x\"]}\n"
                   "{\"id\":2,\"method\":\"mining.authorize\",\"params\":[\"%s\",\"%s\"]}\n",
                   user, password);
    talk(fd, text);
}

static void refusals_are_answered_and_slow_the_guesser_down(void **state)
{
    (void)state;
    use_pool(0, 0);
    start_proxy();
    heard[0] = '\0';
    log_in_by_hand(dial(0, "127.0.0.2"), "ofen", "wrong");
    run_until(hears, "[24,\"Unknown worker or wrong password\",null]", "an answer");
    run_until(is_hung_up, &raw[0], "the end");
    const int again = dial(1, "127.0.0.2");
    log_in_by_hand(again, "ofen", "geheim");
    run_until(is_hung_up, &again, "the next one to be turned away");
    assert_false(status().connected);
    log_in_by_hand(dial(2, "127.0.0.3"), "nobody", "geheim");
    run_until(is_hung_up, &raw[2], "the end");
    log_in_by_hand(dial(3, "127.0.0.4"), "ofen", "geheim"); /* the rightful one is not hindered */
    run_until(is_connected, &yes, "a login");
    assert_int_equal(changes, 1);
}

static void second_connection_takes_the_place_of_the_first(void **state)
{
    (void)state;
    use_pool(0, 0);
    start_proxy();
    log_in_by_hand(dial(0, "127.0.0.2"), "ofen", "geheim");
    run_until(is_connected, &yes, "a login");
    log_in_by_hand(dial(1, "127.0.0.3"), "ofen", "geheim");
    run_until(is_hung_up, &raw[0], "the end of the first");
    run_until(is_connected, &yes, "the second");
    assert_string_equal(status().address, "127.0.0.3");
    (void)close(raw[1]);
    raw[1] = -1;
    run_until(is_connected, &no, "the end of the second");
    assert_int_equal(status().link, MINER_LINK_NONE);
}

static bool has_more_shares(const void *count)
{
    return pools[0].good_shares >= *(const unsigned *)count + 3;
}

/* A hundred connections, garbage, endless lines, floods and silence all at once: the heater's work
 * goes on, and most of them are gone soon. */
static void strangers_do_not_disturb_the_heater(void **state)
{
    (void)state;
    static char block[100000];
    use_pool(0, 0);
    start_proxy();
    start_heater("ofen", "geheim");
    run_until(has_shares, &pools[0], "shares at the pool");
    memset(block, 'x', sizeof block - 1);
    unsigned before = pools[0].good_shares;
    for (size_t i = 0; i < 100; i++) {
        const int fd = dial(i, i % 2 == 0 ? "127.0.0.2" : "127.0.0.3");
        if (i % 5 == 0) {
            talk(fd, block);
        } else if (i % 5 == 1) {
            talk(fd, "GET / HTTP/1.1\r\n\r\n");
        } else if (i % 5 == 2) {
            for (int k = 0; k < 300; k++) {
                talk(fd, "{\"id\":1,\"method\":\"mining.ping\",\"params\":[]}\n");
            }
        } else if (i % 5 == 3) {
            log_in_by_hand(fd, "ofen", "guess");
        }
        (void)uv_run(&loop, UV_RUN_NOWAIT);
    }
    run_until(has_more_shares, &before, "more shares");
    assert_true(status().connected);
    assert_int_equal(changes, 1);
    assert_int_equal(pools[0].bad_shares, 0);
    assert_int_equal(pools[0].connections, 1);
    unsigned left = 0;
    for (size_t i = 0; i < 100; i++) {
        left += !is_hung_up(&raw[i]);
    }
    assert_in_range(left, 0, 8); /* the silent ones, of each address, within their time */
    assert_true(strlen(log_text) < 2000);
    for (size_t i = 0; i < 100; i++) {
        run_until(is_hung_up, &raw[i], "the silent ones to be hung up on");
    }
}

static void heater_that_floods_is_let_go(void **state)
{
    (void)state;
    use_pool(0, 0);
    start_proxy();
    log_in_by_hand(dial(0, "127.0.0.2"), "ofen", "geheim");
    run_until(is_connected, &yes, "a login");
    for (int k = 0; k < 1000; k++) {
        talk(raw[0], "{\"id\":1,\"method\":\"mining.submit\",\"params\":[]}\n");
    }
    run_until(is_connected, &no, "the end");
    assert_true(logged("far too many messages"));
    assert_int_equal(changes, 2);
}

static struct peer *met;
static char lost_because[100];

static void *on_met(void *ctx, struct peer *peer)
{
    met = peer;
    return ctx;
}

static void on_heard(void *user, const char *data, size_t len)
{
    (void)user;
    (void)data;
    (void)len;
}

static void on_lost(void *user, const char *why)
{
    (void)user;
    (void)snprintf(lost_because, sizeof lost_because, "%s", why);
}

static bool was_met(const void *arg)
{
    (void)arg;
    return met != NULL;
}

static bool was_lost(const void *arg)
{
    (void)arg;
    return lost_because[0] != '\0';
}

static void peer_that_reads_nothing_is_lost(void **state)
{
    (void)state;
    static char block[200 * 1024];
    struct hb_err err = {0};
    const struct listener_handler handler = {on_met, on_heard, on_lost, NULL, &loop};
    met = NULL;
    lost_because[0] = '\0';
    struct listener *listener = listener_create(&loop, "127.0.0.1", 0, &handler, &err);
    assert_non_null(listener);
    dial_port(0, "127.0.0.1", listener_port(listener));
    run_until(was_met, NULL, "the connection");
    for (int i = 0; i < 100 && !peer_is_closed(met); i++) {
        peer_send(met, block, sizeof block);
        assert_false(was_lost(NULL)); /* never from within the call */
    }
    run_until(was_lost, NULL, "the end");
    assert_string_equal(lost_because, "it takes no more data");
    listener_destroy(listener);
}

static void accounts_are_checked(void **state)
{
    (void)state;
    struct hb_err err = {0};
    use_pool(0, 0);
    start_proxy();
    assert_null(proxy_add(proxy, &(struct proxy_account){.user = "ofen", .password = "y"}, &err));
    assert_non_null(strstr(err.msg, "a name of its own"));
    struct proxy_worker *other = proxy_add(proxy, &(struct proxy_account){.user = "y"}, &err);
    assert_non_null(other); /* on loopback a name will do */
    proxy_remove(other);
    const struct proxy_options open = {.listen = "0.0.0.0", .mining = &mining};
    struct proxy *second = proxy_create(&open, &loop, NULL, &err);
    assert_non_null(second);
    assert_null(proxy_add(second, &(struct proxy_account){.user = "y"}, &err));
    assert_non_null(strstr(err.msg, "password: expected one"));
    assert_non_null(proxy_add(second, &(struct proxy_account){.user = "y", .password = "z"}, &err));
    proxy_destroy(second);
    const struct proxy_options taken = {
        .listen = "127.0.0.1", .port = proxy_port(proxy), .mining = &mining};
    assert_null(proxy_create(&taken, &loop, NULL, &err));
    assert_non_null(strstr(err.msg, "cannot listen on 127.0.0.1"));
    const struct proxy_options malformed = {.listen = "my.host", .mining = &mining};
    assert_null(proxy_create(&malformed, &loop, NULL, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(shares_reach_the_pool, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hash_rate_is_that_of_the_heater, set_up, tear_down),
        cmocka_unit_test_setup_teardown(next_pool_takes_over_without_a_word_to_the_heater, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(heater_is_kept_warm_without_a_pool, set_up, tear_down),
        cmocka_unit_test_setup_teardown(heater_with_the_wrong_password_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(refusals_are_answered_and_slow_the_guesser_down, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(second_connection_takes_the_place_of_the_first, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(strangers_do_not_disturb_the_heater, set_up, tear_down),
        cmocka_unit_test_setup_teardown(heater_that_floods_is_let_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(peer_that_reads_nothing_is_lost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(accounts_are_checked, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
