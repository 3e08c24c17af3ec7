/* Pools with a vice, over loopback: each is left with one clear message, and the next one works. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/miner/fake_pool.h"
#include "tests/miner/pools_rig.h"
#include "tests/support/test.h"

static bool never(const void *until_ns)
{
    return uv_hrtime() >= *(const uint64_t *)until_ns;
}

static void run_for_ms(uint64_t ms)
{
    const uint64_t until_ns = uv_hrtime() + ms * 1000000;
    run_until(never, &until_ns, "time to pass");
}

/* The pool hangs up after each byte of its dialogue in turn, some 700 times, before it lets us have
 * all of it. */
static void a_dialogue_may_end_at_every_byte(void **state)
{
    (void)state;
    struct fake_pool pool = {.manner = FAKE_CUTS};
    char url[64];
    pools_timing.first_wait_ms = pools_timing.most_wait_ms = pools_timing.idle_wait_ms = 2;
    fake_pool_start(&pool, &loop, 0);
    const char *const list[] = {url_of(url, 64, "", "127.0.0.1", pool.port), NULL};
    start_pools(list);
    await_pool(0);
    assert_in_range(pool.connections, 300, 2000);
    assert_in_range(warned, 1, 2); /* closed, or reset, by the pool */
    assert_int_equal(jobs_seen, 1);
    fake_pool_stop(&pool);
}

static void a_dripping_pool_is_waited_for_beside_the_next_one(void **state)
{
    (void)state;
    struct fake_pool slow = {.manner = FAKE_DRIPS};
    struct fake_pool good = {0};
    char urls[2][64];
    fake_pool_start(&slow, &loop, 0);
    fake_pool_start(&good, &loop, 0);
    const char *const list[] = {url_of(urls[0], 64, "", "127.0.0.1", slow.port),
                                url_of(urls[1], 64, "", "127.0.0.1", good.port), NULL};
    start_pools(list);
    await_pool(1);
    await_pool(0); /* its dialogue takes more than a second */
    assert_int_equal(slow.connections, 1);
    assert_int_equal(warned, 1);
    fake_pool_stop(&slow);
    fake_pool_stop(&good);
}

static void a_storm_of_clean_jobs_is_weathered(void **state)
{
    (void)state;
    struct fake_pool pool = {0};
    char url[64];
    fake_pool_start(&pool, &loop, 0);
    const char *const list[] = {url_of(url, 64, "", "127.0.0.1", pool.port), NULL};
    start_pools(list);
    await_pool(0);
    uint64_t serial = last_serial;
    for (int i = 0; i < 200; i++) { /* a hundred a second */
        fake_pool_send_job(&pool);
        run_for_ms(10);
    }
    assert_in_range(jobs_seen, 190, 201);
    assert_in_range(last_serial, serial + 189, serial + 200); /* each one replaced the one before */
    assert_int_equal(pool.connections, 1);
    assert_int_equal(warned, 0);
    fake_pool_stop(&pool);
}

/* The line ends the session for the given reason; the next pool works; and that is told once,
 * however often the bad pool is tried again. */
static void expect_left(const char *line, const char *reason)
{
    struct fake_pool bad = {.manner = FAKE_SAYS, .line = line};
    struct fake_pool good = {0};
    char urls[2][64];
    (void)set_up(NULL);
    fake_pool_start(&bad, &loop, 0);
    fake_pool_start(&good, &loop, 0);
    const char *const list[] = {url_of(urls[0], 64, "", "127.0.0.1", bad.port),
                                url_of(urls[1], 64, "", "127.0.0.1", good.port), NULL};
    start_pools(list);
    run_until(warned_of, reason, reason);
    assert_non_null(strstr(last_warning, urls[0]));
    run_until(reached_many, &bad.connections, "the bad pool is tried again");
    await_pool(1);
    assert_int_equal(warned, 1);
    fake_pool_stop(&bad);
    fake_pool_stop(&good);
    assert_int_equal(tear_down(NULL), 0);
}

#define HASH "0ed57ee92e48b81b86c0a257c40c7a372c02bbcb8a656edc5c7182520f4d9af8"
#define JOB(id, coinb1, branches, nbits, ntime)                                                    \
    "{\"id\":null,\"method\":\"mining.notify\",\"params\":[\"" id "\",\"" HASH "\",\"" coinb1      \
    "\",\"00\"," branches ",\"20000000\",\"" nbits "\",\"" ntime "\",true]}"

static void jobs_of_nonsense_are_left_for_the_next_pool(void **state)
{
    (void)state;
    expect_left(JOB("", "00", "[]", "1d00ffff", "6b032d8b"),
                "mining.notify: job id: expected text");
    expect_left(JOB("x", "00", "[]", "00000000", "6b032d8b"), "mining.notify: nbits: expected");
    expect_left(JOB("x", "00", "[]", "1d00ffff", "5d10bc0a"), "mining.notify: ntime: expected");
    expect_left(JOB("x", "00", "[\"00\"]", "1d00ffff", "6b032d8b"), "merkle branch: expected 64");
    expect_left("{\"method\":\"mining.set_version_mask\",\"params\":[\"\"]}",
                "mining.set_version_mask: version mask: expected up to 8 hex digits");
    expect_left("{\"method\":\"mining.set_extranonce\",\"params\":[\"00\",0]}",
                "extranonce2_size: expected a whole number from 1 to 16, got 0");
    expect_left("{\"method\":\"mining.set_difficulty\",\"params\":[1e300]}",
                "difficulty: expected a number from 1e-10 to 1e18, got 1e+300");
    expect_left("{\"a\":\"\xff\xfe\"}", "bytes that are not UTF-8 text");
}

/* A job of absurd size, made of `count` times `part`. */
static void expect_too_long(const char *begin, const char *part, size_t count)
{
    const size_t size = strlen(begin) + count * strlen(part) + 1;
    char *line = malloc(size);
    assert_non_null(line);
    size_t used = strlen(begin);
    memcpy(line, begin, used);
    for (size_t i = 0; i < count; i++, used += strlen(part)) {
        memcpy(line + used, part, strlen(part));
    }
    line[used] = '\0';
    expect_left(line, "a line of more than 64 KiB, which begins with "
                      "'{\"id\":null,\"method\":\"mining.notify\",\"params\"");
    free(line);
}

static void jobs_of_absurd_size_are_left_for_the_next_pool(void **state)
{
    (void)state;
    static const char begin[] = "{\"id\":null,\"method\":\"mining.notify\",\"params\":[\"x\",\"";
    expect_too_long(begin, "00", 1000 * 1000);  /* a coinbase of 1 MB */
    expect_too_long(begin, "\",\"" HASH, 2000); /* merkle branches by the thousand */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL_TEST(a_dialogue_may_end_at_every_byte),
        POOL_TEST(a_dripping_pool_is_waited_for_beside_the_next_one),
        POOL_TEST(a_storm_of_clean_jobs_is_weathered),
        cmocka_unit_test(jobs_of_nonsense_are_left_for_the_next_pool),
        cmocka_unit_test(jobs_of_absurd_size_are_left_for_the_next_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
