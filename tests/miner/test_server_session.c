/* The pool's side of Stratum against our own client, whose every share is checked on the job as the
 * pool behind made it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "miner/difficulty.h"
#include "miner/verify.h"
#include "tests/miner/server_stage.h"
#include "tests/support/test.h"

/* --- work ---------------------------------------------------------------------------------------
 */

static void shares_of_the_miner_are_shares_of_the_pool(void **state)
{
    (void)state;
    static const size_t rooms[] = {2, 3, 4, 5, 7, 8, 16};
    for (size_t i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
        stage_connect(rooms[i]);
        stage_make_job(40 + i, 1 + 5 * i, rooms[i]);
        stage_work(true);
        assert_true(stage.server.size1 >= 1 && stage.server.size2 >= 1 &&
                    stage.server.size1 + stage.server.size2 <= 8);
        /* nonce ranges, versions and extranonce2 all differ between these */
        static const uint64_t pieces[] = {0, 1, 300, 5000000, UINT64_C(1) << 25, UINT64_C(1) << 30};
        for (size_t k = 0; k < sizeof pieces / sizeof pieces[0]; k++) {
            uint8_t header[80];
            stage_mine(pieces[k], header);
            assert_true(stage.judged.good);
            assert_true(stage.judged.forward);
            stage_assert_pool_sees(&stage.job, header);
        }
    }
}

/* The whole coinbase, put together by hand from what was sent, is the pool's. */
static void extranonces_lie_within_the_pools_own(void **state)
{
    (void)state;
    stage_connect(8);
    stage_make_job(1, 4, 11);
    stage_work(true);
    uint8_t whole[512];
    size_t used = 0;
    const struct job_notify *sent = &stage.client.job.notify;
    memcpy(whole, sent->coinbase, sent->coinb1_len);
    used += sent->coinb1_len;
    assert_int_equal(stage.client.job.extranonce.size1, 4);
    assert_memory_equal(stage.client.job.extranonce.prefix, "\xa1\xb2\xc3\xd4", 4);
    memcpy(whole + used, stage.client.job.extranonce.prefix, 4);
    used += 4;
    assert_int_equal(stage.client.job.extranonce.size2, 4);
    memset(whole + used, 0x77, 4);
    used += 4;
    memcpy(whole + used, sent->coinbase + sent->coinb1_len, sent->coinb2_len);
    used += sent->coinb2_len;
    assert_int_equal(used, 77 + 4 + 11 + 123);
    assert_memory_equal(whole, stage.job.notify.coinbase, 77);
    assert_memory_equal(whole + 77, "\xe1\xe1\xe1\xe1\0\0\0\xa1\xb2\xc3\xd4\x77\x77\x77\x77", 15);
    assert_memory_equal(whole + 92, stage.job.notify.coinbase + 77, 123);
}

static void another_pool_needs_no_new_subscription(void **state)
{
    (void)state;
    uint8_t header[80];
    stage_connect(4);
    stage_make_job(1, 4, 8);
    stage_work(true);
    stage_mine(3, header);
    stage_assert_pool_sees(&stage.job, header);
    stage_make_job(UINT64_C(2) << 40, 12, 4); /* the next pool: all its own numbers */
    stage_work(true);
    stage_mine(5, header);
    assert_true(stage.judged.good);
    stage_assert_pool_sees(&stage.job, header);
}

static void a_pool_with_less_room_makes_the_miner_subscribe_again(void **state)
{
    (void)state;
    stage_connect(8);
    stage_make_job(1, 4, 4);
    server_session_work(&stage.server, &stage.job, true, stage_now(), &stage.fx);
    assert_true(stage.fx.close);
    assert_int_equal(stage.fx.out_len, 0);
}

static void jobs_before_a_clean_one_are_stale(void **state)
{
    (void)state;
    uint8_t header[80];
    stage_connect(4);
    stage_make_job(1, 4, 4);
    stage_work(true);
    const struct job first = stage.job;
    const uint64_t old_serial = stage.client.job.serial;
    struct job old_job = stage.client.job;
    stage_make_job(2, 4, 4);
    stage_work(false);
    /* the older job is still good: our client knows it by its serial */
    struct job_piece piece;
    job_make_piece(&old_job, 9, &piece);
    struct session_share share = {.serial = old_serial,
                                  .extranonce2 = piece.extranonce2,
                                  .ntime = piece.ntime,
                                  .version_bits = piece.version_bits[0]};
    job_roll_version(piece.header, share.version_bits);
    share.nonce = stage_find_nonce(piece.header, piece.first_nonce, share.hash);
    session_submit(&stage.client, &share, stage_now(), &stage.client_fx);
    stage_deliver();
    assert_true(stage.judged.good);
    stage_assert_pool_sees(&first, piece.header);
    /* by hand, since the client drops stale shares itself */
    stage.job = first;
    const uint32_t late = stage_nonce_for(0);
    stage_make_job(3, 4, 4);
    stage_work(true);
    stage_submit(1, late, "00000000");
    assert_true(stage_says("[21,\"Stale\",null]"));
    assert_true(stage.fx.share.hashed); /* work it was, all the same */
    assert_false(stage.fx.share.forward);
    stage_mine(1, header);
    assert_true(stage.judged.good);
}

static void the_same_share_counts_once(void **state)
{
    (void)state;
    stage_connect(4);
    stage_make_job(1, 4, 4);
    stage_work(true);
    const uint32_t nonce = stage_nonce_for(0);
    char text[300];
    stage_submit(1, nonce, "00000000");
    assert_true(stage_says("{\"id\":5,\"result\":true,\"error\":null}"));
    stage_submit(1, nonce, "00000000");
    assert_true(stage_says("[22,\"Duplicate share\",null]"));
    assert_false(stage.fx.share.hashed);
    (void)snprintf(text, sizeof text,
                   "{\"id\":5,\"method\":\"mining.submit\",\"params\":[\"ofen\",\"1\",\"00000A\","
                   "\"6553F100\",\"%X\",\"0\"]}",
                   (unsigned)nonce);
    stage_line(text);
    assert_true(stage_says("[22,")); /* however it is written */
}

/* --- versions -----------------------------------------------------------------------------------
 */

static void narrower_mask_of_the_pool_is_told_and_kept(void **state)
{
    (void)state;
    stage_connect(4);
    stage_make_job(1, 4, 4);
    stage.job.version_mask = 0x00ffe000;
    server_session_work(&stage.server, &stage.job, true, stage_now(), &stage.fx);
    assert_true(stage_says("\"mining.set_version_mask\",\"params\":[\"00ffe000\"]"));
    stage_submit(1, stage_nonce_for(0x10000000), "10000000");
    assert_true(stage_says("[20,\"Version bits outside of the mask\",null]"));
    assert_true(stage.fx.share.hashed);
    stage_submit(1, stage_nonce_for(0x2000), "00002000");
    assert_true(stage.fx.share.good);
    stage_make_job(2, 4, 4);
    stage.job.version_mask = 0;
    server_session_work(&stage.server, &stage.job, true, stage_now(), &stage.fx);
    assert_true(stage_says("[\"00000000\"]"));
}

/* A version with a one inside the mask: that bit is not offered, and a miner that sends the bits as
 * they are means the same header as one that sends what it changed. */
static void both_ways_to_write_version_bits_are_understood(void **state)
{
    (void)state;
    char text[256];
    stage_connect(4);
    stage_make_job(1, 4, 4);
    stage.job.notify.version = 0x30000000;
    stage.job.difficulty = 3e-8; /* some 130 hashes a share: a wrong header will not do */
    difficulty_to_target(stage.job.difficulty, stage.job.target);
    server_session_work(&stage.server, &stage.job, true, stage_now(), &stage.fx);
    assert_true(stage_says("[\"0fffe000\"]"));
    unsigned good[2] = {0, 0};
    unsigned shares = 0;
    for (uint32_t nonce = 0; shares < 8; nonce++) {
        uint8_t header[80];
        uint8_t hash[32];
        double difficulty = 0;
        job_make_header(&stage.job, UINT64_C(0xd4) << 24 | 5, stage.job.notify.ntime, 0x00006000,
                        nonce, header);
        if (!verify_share(header, stage.job.target, hash, &difficulty)) {
            continue;
        }
        const size_t way = shares++ % 2;
        (void)snprintf(
            text, sizeof text,
            "{\"id\":5,\"method\":\"mining.submit\",\"params\":[\"ofen\",\"1\",\"000005\","
            "\"6553f100\",\"%08x\",\"%s\"]}",
            (unsigned)nonce, way == 0 ? "00006000" : "10006000");
        stage_line(text);
        good[way] += stage.fx.share.good && stage.fx.share.candidate.version_bits == 0x6000;
    }
    assert_int_equal(good[0], 4);
    assert_int_equal(good[1], 4);
}

static void miner_without_version_rolling_works(void **state)
{
    (void)state;
    stage_open(4);
    stage_line("{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"cgminer/4.12\"]}");
    assert_true(stage_says("\"d4\",3],\"error\":null"));
    stage_line("{\"id\":2,\"method\":\"mining.authorize\",\"params\":[\"ofen\",\"x\"]}");
    server_session_admit(&stage.server, NULL, 0, stage_now(), &stage.fx);
    stage_make_job(1, 4, 4);
    server_session_work(&stage.server, &stage.job, true, stage_now(), &stage.fx);
    assert_false(stage_says("set_version_mask"));
    assert_true(stage_says("mining.notify"));
    stage_submit(1, stage_nonce_for(0), "");
    assert_true(stage.fx.share.good);
    stage_submit(1, stage_nonce_for(0x2000), "00002000");
    assert_true(stage_says("[20,"));
}

/* --- difficulty ---------------------------------------------------------------------------------
 */

static double told_difficulty(void)
{
    const char *at = strstr(stage.fx.out, "mining.set_difficulty\",\"params\":[");
    return stage.fx.out_len > 0 && at != NULL ? strtod(strchr(at, '[') + 1, NULL) : 0;
}

static void log_in(const char *agent, const char *between)
{
    char text[200];
    stage_open(4);
    (void)snprintf(text, sizeof text,
                   "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"%s\"]}", agent);
    stage_line(text);
    if (between != NULL) {
        stage_line(between);
    }
    stage_line("{\"id\":2,\"method\":\"mining.authorize\",\"params\":[\"ofen\",\"x\"]}");
    assert_true(stage.fx.login);
}

static void difficulty_starts_at_the_expected_hash_rate(void **state)
{
    (void)state;
    log_in("bitaxe/BM1370", NULL);
    server_session_admit(&stage.server, NULL, 1.2e12, stage_now(), &stage.fx);
    stage_make_job(1, 4, 4);
    stage.job.difficulty = 1e6;
    server_session_work(&stage.server, &stage.job, true, stage_now(), &stage.fx);
    assert_near(told_difficulty(), 1024, 0);
    log_in("cgminer/4.11 avalon", NULL);
    server_session_admit(&stage.server, NULL, 1e14, stage_now(), &stage.fx);
    server_session_work(&stage.server, &stage.job, true, stage_now(), &stage.fx);
    assert_near(told_difficulty(), 131072, 0);
}

static void difficulty_is_never_above_the_pools(void **state)
{
    (void)state;
    log_in("bitaxe/BM1370", NULL);
    server_session_admit(&stage.server, NULL, 1e14, stage_now(), &stage.fx);
    stage_make_job(1, 4, 4);
    stage.job.difficulty = 700;
    server_session_work(&stage.server, &stage.job, true, stage_now(), &stage.fx);
    assert_near(told_difficulty(), 700, 0);
    stage_make_job(2, 4, 4);
    stage.job.difficulty = 20;
    server_session_work(&stage.server, &stage.job, false, stage_now(), &stage.fx);
    assert_near(told_difficulty(), 20, 0);
}

static void suggestions_count(void **state)
{
    (void)state;
    log_in("bitaxe/BM1370", "{\"id\":9,\"method\":\"mining.suggest_difficulty\",\"params\":[256]}");
    server_session_admit(&stage.server, NULL, 0, stage_now(), &stage.fx);
    stage_make_job(1, 4, 4);
    stage.job.difficulty = 1e6;
    server_session_work(&stage.server, &stage.job, true, stage_now(), &stage.fx);
    assert_near(told_difficulty(), 256, 0);
    log_in("x", "{\"id\":9,\"method\":\"mining.suggest_difficulty(0.25)\",\"params\":[]}");
    server_session_admit(&stage.server, NULL, 0, stage_now(), &stage.fx);
    server_session_work(&stage.server, &stage.job, true, stage_now(), &stage.fx);
    assert_near(told_difficulty(), 0.25, 0);
    log_in("x", "{\"id\":9,\"method\":\"mining.configure\",\"params\":[[\"minimum-difficulty\"],"
                "{\"minimum-difficulty.value\":2048}]}");
    server_session_admit(&stage.server, NULL, 1e12, stage_now(), &stage.fx);
    server_session_work(&stage.server, &stage.job, true, stage_now(), &stage.fx);
    assert_near(told_difficulty(), 2048, 0);
}

static void hash_rate_is_counted_from_the_first_job_on(void **state)
{
    (void)state;
    stage_connect(4);
    stage_make_job(1, 4, 4);
    stage.now_ms = 60000; /* no pool gave work so long */
    server_session_tick(&stage.server, stage_now(), &stage.fx);
    stage_work(true);
    for (int i = 1; i <= 20; i++) {
        stage.now_ms = 60000 + i * 1000;
        char bits[9];
        (void)snprintf(bits, sizeof bits, "%08x", (unsigned)i << 13);
        stage_submit(1, stage_nonce_for((uint32_t)i << 13), bits);
        assert_true(stage.fx.share.good);
    }
    struct share_estimate estimate;
    server_session_tick(&stage.server, stage_now(), &stage.fx);
    assert_true(share_rate_get(&stage.server.rate, &estimate));
    assert_near(estimate.span_s, 20, 0);
    assert_true(estimate.shares >= 20);
}

static void silent_miner_gets_an_easier_job_soon(void **state)
{
    (void)state;
    log_in("bitaxe/BM1370", NULL);
    server_session_admit(&stage.server, NULL, 1.2e12, stage_now(), &stage.fx);
    stage_make_job(1, 4, 4);
    stage.job.difficulty = 1e6;
    server_session_work(&stage.server, &stage.job, true, stage_now(), &stage.fx);
    double told = 0;
    for (stage.now_ms = 0; stage.now_ms < 60000 && told == 0; stage.now_ms += 1000) {
        server_session_tick(&stage.server, stage_now(), &stage.fx);
        told = told_difficulty();
    }
    assert_true(told > 0 && told < 1024);
    /* the same job by a new name, and by its time other work: none is done twice */
    assert_true(stage_says("\"params\":[\"2\","));
    char ntime[16];
    (void)snprintf(ntime, sizeof ntime, "\"%08x\"", 1699999999 + (unsigned)stage.now_ms / 1000);
    assert_true(stage_says(ntime));
    assert_true(stage_says(",false]"));
    assert_true(stage.now_ms < 45000);
}

static void largest_job_fits(void **state)
{
    (void)state;
    stage_connect(4);
    stage_make_job(1, JOB_EXTRANONCE1_MAX, JOB_EXTRANONCE2_MAX);
    stage.job.notify.coinb1_len = JOB_COINBASE_MAX - 1000;
    stage.job.notify.coinb2_len = 1000;
    stage.job.notify.branch_count = JOB_BRANCH_MAX;
    server_session_work(&stage.server, &stage.job, true, stage_now(), &stage.fx);
    assert_true(stage_says("mining.notify"));
    assert_true(stage.fx.out[stage.fx.out_len - 1] == '\n');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_of_the_miner_are_shares_of_the_pool),
        cmocka_unit_test(extranonces_lie_within_the_pools_own),
        cmocka_unit_test(another_pool_needs_no_new_subscription),
        cmocka_unit_test(a_pool_with_less_room_makes_the_miner_subscribe_again),
        cmocka_unit_test(jobs_before_a_clean_one_are_stale),
        cmocka_unit_test(the_same_share_counts_once),
        cmocka_unit_test(narrower_mask_of_the_pool_is_told_and_kept),
        cmocka_unit_test(both_ways_to_write_version_bits_are_understood),
        cmocka_unit_test(miner_without_version_rolling_works),
        cmocka_unit_test(difficulty_starts_at_the_expected_hash_rate),
        cmocka_unit_test(difficulty_is_never_above_the_pools),
        cmocka_unit_test(suggestions_count),
        cmocka_unit_test(hash_rate_is_counted_from_the_first_job_on),
        cmocka_unit_test(silent_miner_gets_an_easier_job_soon),
        cmocka_unit_test(largest_job_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
