/* One account of the proxy in virtual time: what its miner gets when no pool gives work, and what
 * is booked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "miner/difficulty.h"
#include "miner/figures/coinbase.h"
#include "miner/proxy/proxy_worker.h"
#include "miner/verify.h"
#include "plumbing/clock.h"
#include "tests/support/test.h"

static uv_loop_t loop;
static struct miner_options mining;
static struct proxy_ground ground;
static struct proxy_worker *worker;
static unsigned given, clean_ones;
static struct job last;

/* It is only asked whether there is one. */
static struct proxy_client *const somebody = (struct proxy_client *)&loop;

static void on_work(void *ctx, struct proxy_worker *self, bool clean)
{
    (void)ctx;
    given++;
    clean_ones += clean;
    last = self->job;
}

static int set_up(void **state)
{
    (void)state;
    given = clean_ones = 0;
    mining = (struct miner_options){.no_pool = MINER_NO_POOL_HEAT};
    ground = (struct proxy_ground){.loop = &loop,
                                   .mining = &mining,
                                   .timing = pools_default_timing(),
                                   .version_mask = STRATUM_VERSION_MASK,
                                   .work = on_work};
    assert_int_equal(uv_loop_init(&loop), 0);
    worker = proxy_worker_create(&ground, &(struct proxy_account){.user = "ofen"}, NULL);
    assert_non_null(worker);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    proxy_worker_destroy(worker);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop);
}

static hb_mono at(int64_t ms)
{
    return (hb_mono){5000000 + ms};
}

static void own_work_comes_after_ten_seconds_and_is_renewed(void **state)
{
    (void)state;
    proxy_worker_join(worker, somebody, at(0));
    assert_true(proxy_worker_tick(worker, at(9900)));
    assert_int_equal(given, 0);
    assert_true(proxy_worker_tick(worker, at(10000)));
    assert_int_equal(given, 1);
    assert_int_equal(clean_ones, 1);
    const uint64_t serial = last.serial;
    assert_true(proxy_worker_tick(worker, at(69000)));
    assert_int_equal(given, 1);
    assert_true(proxy_worker_tick(worker, at(70000)));
    assert_int_equal(given, 2);
    assert_int_equal(clean_ones, 1); /* what the miner has begun goes on */
    assert_true(last.serial > serial);
    struct proxy_status status = {0};
    proxy_worker_get_status(worker, &status);
    assert_true(status.own_work);
    assert_true(isnan(status.network_difficulty)); /* it earns nothing */
    assert_true(proxy_worker_tick(worker, at(3600000)));
}

static void own_work_is_well_formed(void **state)
{
    (void)state;
    proxy_worker_join(worker, somebody, at(0));
    assert_true(proxy_worker_tick(worker, at(10000)));
    const int64_t wall_s = clock_wall().ms / 1000;
    assert_true(last.own);
    assert_in_range(last.notify.ntime, wall_s - 5, wall_s + 5);
    assert_int_equal(last.version_mask, STRATUM_VERSION_MASK);
    assert_true(last.extranonce.size2 >= 4);
    uint8_t target[32];
    difficulty_nbits_to_target(last.notify.nbits, target);
    assert_true(difficulty_of(target) > 1e12); /* nobody cries "block found" */
    /* a whole transaction, told by the reader of coinbases: script of the length that it says, one
     * output of nothing */
    const struct job_notify *notify = &last.notify;
    const struct coinbase_parts parts = {
        .head = notify->coinbase,
        .tail = notify->coinbase + notify->coinb1_len,
        .head_len = notify->coinb1_len,
        .gap_len = last.extranonce.size1 + last.extranonce.size2,
        .tail_len = notify->coinb2_len,
    };
    struct coinbase coinbase;
    struct hb_err err = {0};
    if (!coinbase_read(&parts, &coinbase, &err)) {
        fail_msg("%s", err.msg);
    }
    assert_true(coinbase.height_known);
    assert_int_equal(coinbase.reward_sat, 0);
}

static void pause_sends_the_miner_away_after_a_minute(void **state)
{
    (void)state;
    mining.no_pool = MINER_NO_POOL_PAUSE;
    proxy_worker_join(worker, somebody, at(0));
    assert_true(proxy_worker_tick(worker, at(59900)));
    assert_false(proxy_worker_tick(worker, at(60000)));
    assert_int_equal(given, 0);
}

static void connections_to_pools_end_when_nobody_needs_them(void **state)
{
    (void)state;
    assert_null(worker->pools);
    proxy_worker_join(worker, somebody, at(0));
    assert_non_null(worker->pools);
    proxy_worker_leave(worker, at(1000));
    assert_true(proxy_worker_tick(worker, at(120000)));
    assert_non_null(worker->pools); /* most come back at once */
    assert_true(proxy_worker_tick(worker, at(121000)));
    assert_null(worker->pools);
}

static void pools_are_listed_also_after_their_connections_ended(void **state)
{
    (void)state;
    static const struct miner_pool pool = {
        .url = "stratum+tcp://127.0.0.1:9", .user = "me", .password = "x"};
    struct miner_pool_stats list[2];
    mining.pools = &pool;
    mining.pool_count = 1;
    assert_int_equal(proxy_worker_get_pools(worker, list, 2), 0);
    proxy_worker_join(worker, somebody, at(0));
    assert_int_equal(proxy_worker_get_pools(worker, list, 2), 1);
    proxy_worker_leave(worker, at(1000));
    assert_true(proxy_worker_tick(worker, at(130000)));
    assert_null(worker->pools);
    assert_int_equal(proxy_worker_get_pools(worker, list, 2), 1);
    assert_string_equal(list[0].pool, "127.0.0.1:9");
}

static void refusals_are_booked_by_their_kind(void **state)
{
    (void)state;
    struct proxy_status status = {0};
    proxy_worker_join(worker, somebody, at(0));
    proxy_worker_share(worker, &(struct server_share){.reject = REJECT_STALE, .difficulty = 7},
                       at(1));
    proxy_worker_share(worker, &(struct server_share){.reject = REJECT_LOW_DIFFICULTY}, at(2));
    proxy_worker_share(worker, &(struct server_share){.good = true, .difficulty = 3}, at(3));
    proxy_worker_get_status(worker, &status);
    assert_int_equal(status.rejected[REJECT_STALE], 1);
    assert_int_equal(status.rejected[REJECT_LOW_DIFFICULTY], 1);
    assert_int_equal(status.accepted, 0); /* that is the pool's word */
    assert_near(status.best_difficulty, 7, 0);
    proxy_worker_leave(worker, at(4));
    assert_true(proxy_worker_tick(worker, at(200000)));
    proxy_worker_get_status(worker, &status);
    assert_int_equal(status.rejected[REJECT_STALE], 1); /* kept when connections end */
}

static void found_block_is_told(void **state)
{
    (void)state;
    struct proxy_status status = {0};
    struct server_share share = {.good = true, .forward = true, .hashed = true};
    uint8_t hash[32];
    char text[3];
    proxy_worker_join(worker, somebody, at(0));
    worker->economics =
        (struct economics){.network_difficulty = 100, .height_known = true, .height = 900000};
    assert_true(verify_hash(share.candidate.header, hash));
    share.difficulty = 99;
    proxy_worker_share(worker, &share, at(1));
    proxy_worker_get_status(worker, &status);
    assert_int_equal(status.blocks, 0);
    share.difficulty = 101;
    proxy_worker_share(worker, &share, at(2));
    proxy_worker_get_status(worker, &status);
    assert_int_equal(status.blocks, 1);
    assert_int_equal(status.block_height, 900000);
    assert_near(status.block_difficulty, 101, 0);
    assert_int_equal(strlen(status.block_hash), 64);
    (void)snprintf(text, sizeof text, "%02x", hash[31]); /* most significant first */
    assert_memory_equal(status.block_hash, text, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(own_work_comes_after_ten_seconds_and_is_renewed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(own_work_is_well_formed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pause_sends_the_miner_away_after_a_minute, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(connections_to_pools_end_when_nobody_needs_them, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(pools_are_listed_also_after_their_connections_ended, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(refusals_are_booked_by_their_kind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(found_block_is_told, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
