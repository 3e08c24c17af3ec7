/* From a share's way through a session to what the engine makes of it. */
#include <string.h>

#include "miner/difficulty.h"
#include "miner/figures/figures.h"
#include "miner/hex.h"
#include "miner/job.h"
#include "tests/miner/dialogue.h"
#include "tests/miner/vectors.h"
#include "tests/support/test.h"

static struct figures figures;
static struct miner_figures shown;
static struct job job; /* too large for a stack */

static int set_up(void **state)
{
    (void)state;
    figures_init(&figures);
    return 0;
}

static void show(void)
{
    figures_get(&figures, &shown);
}

/* --- the session tells the fate of shares -------------------------------------------------------
 */

/* The first recorded share: a testnet block's job, of difficulty 117 million; the share has 669. */
static struct candidate recorded_candidate(uint32_t nbits)
{
    struct json *rows = vectors_open("shares.json");
    struct candidate candidate = {.ntime = NTIME, .nonce = 7};
    vectors_bytes(json_item(rows, 0), "header", candidate.header, sizeof candidate.header);
    json_free(rows);
    for (size_t i = 0; nbits != 0 && i < 4; i++) {
        candidate.header[72 + i] = (uint8_t)(nbits >> (8 * i));
    }
    return candidate;
}

static void offer(uint32_t nbits)
{
    become_ready();
    line("{\"method\":\"mining.set_difficulty\",\"params\":[1e-9]}");
    line(NOTIFY("a", HASH_A, "true"));
    struct candidate candidate = recorded_candidate(nbits);
    candidate.serial = session.job.serial;
    session_offer(&session, &candidate, at(now_ms), &fx);
}

static void a_share_is_told_when_sent_and_when_answered(void **state)
{
    (void)state;
    offer(0);
    assert_true(sends("mining.submit"));
    assert_int_equal(fx.share_count, 1);
    assert_int_equal(fx.shares[0].fate, SHARE_SENT);
    assert_near(fx.shares[0].asked, 1e-9, 0);
    assert_near(fx.shares[0].reached, 669.8682919563083, 1e-9);
    assert_near(difficulty_of(fx.shares[0].hash), fx.shares[0].reached, 1e-9);
    assert_true(fx.shares[0].latency_ms < 0);
    assert_false(fx.shares[0].block);
    now_ms += 45;
    line("{\"id\":6,\"result\":true,\"error\":null}");
    assert_int_equal(fx.share_count, 1);
    assert_int_equal(fx.shares[0].fate, SHARE_ACCEPTED);
    assert_near(fx.shares[0].latency_ms, 45, 0);
    assert_near(fx.shares[0].reached, 669.8682919563083, 1e-9);
    line("{\"id\":6,\"result\":true,\"error\":null}"); /* once is enough */
    assert_int_equal(fx.share_count, 0);
}

static void a_refused_share_is_told_as_such(void **state)
{
    (void)state;
    offer(0);
    line("{\"id\":6,\"result\":null,\"error\":[21,\"Stale\",null]}");
    assert_int_equal(fx.share_count, 1);
    assert_int_equal(fx.shares[0].fate, SHARE_REFUSED);
}

static void a_stale_or_repeated_share_is_not_told(void **state)
{
    (void)state;
    offer(0);
    const struct session_share again = {
        .serial = session.job.serial, .ntime = NTIME, .hash = {1, 2, 3}};
    session_submit(&session, &again, at(now_ms), &fx);
    assert_int_equal(fx.share_count, 1);
    session_submit(&session, &again, at(now_ms), &fx);
    assert_int_equal(fx.share_count, 0);
    line(NOTIFY("b", HASH_B, "true"));
    session_submit(&session, &again, at(now_ms), &fx);
    assert_int_equal(fx.share_count, 0);
}

/* Each other target in the header makes another hash: some are shares, and some of these blocks. */
static void a_share_that_meets_the_networks_target_is_a_block(void **state)
{
    (void)state;
    unsigned shares = 0;
    unsigned blocks = 0;
    for (uint32_t mantissa = 0x0f0000; mantissa < 0x0f0080; mantissa++) {
        offer(0x20000000 | mantissa);
        if (fx.share_count == 0) {
            continue;
        }
        const uint8_t *hash = fx.shares[0].hash;
        const uint32_t top = (uint32_t)hash[31] << 16 | (uint32_t)hash[30] << 8 | hash[29];
        assert_int_equal(fx.shares[0].block, top < mantissa);
        shares++;
        blocks += fx.shares[0].block ? 1 : 0;
    }
    assert_in_range(blocks, 1, shares - 1);
}

/* --- what is made of it -------------------------------------------------------------------------
 */

static void load_job(void)
{
    struct json *rows = vectors_open("shares.json");
    vectors_job(json_first(rows), &job);
    job.difficulty = 2;
    json_free(rows);
}

static void nothing_is_known_at_first(void **state)
{
    (void)state;
    show();
    assert_true(isnan(shown.average_1m_hs) && isnan(shown.average_15m_hs));
    assert_true(isnan(shown.shares.hashrate_hs));
    assert_int_equal(shown.economics.source, REWARD_UNKNOWN);
    assert_int_equal(shown.blocks_found, 0);
}

static void hashes_count_for_pools_only_while_they_work_for_one(void **state)
{
    (void)state;
    figures_counted(&figures, at(0), 0);
    figures_counted(&figures, at(5000), 1e9); /* work of our own */
    load_job();
    figures_job(&figures, &job, 0.01);
    figures_counted(&figures, at(10000), 3e9);
    figures_counted(&figures, at(15000), 4e9);
    show();
    assert_near(shown.shares.work_s, 10, 0);
    assert_near(shown.shares.counted_hs, 3e9 / 10, 1);
    assert_near(shown.average_1m_hs, 4e9 / 15, 1);
    assert_int_equal(shown.economics.source, REWARD_JOB);
    assert_int_equal(shown.economics.height, 2442185);
    assert_near(shown.economics.fee_ratio, 0.01, 0);
    figures_job(&figures, NULL, 0);
    figures_counted(&figures, at(20000), 9e9);
    show();
    assert_near(shown.shares.work_s, 10, 0);
    assert_int_equal(shown.economics.source, REWARD_UNKNOWN);
    job.own = true;
    figures_job(&figures, &job, 0);
    figures_counted(&figures, at(25000), 10e9);
    show();
    assert_near(shown.shares.work_s, 10, 0);
}

static void a_machine_that_slept_did_not_work(void **state)
{
    (void)state;
    load_job();
    figures_job(&figures, &job, 0);
    figures_counted(&figures, at(0), 0);
    figures_counted(&figures, at(1000), 1e9);
    figures_counted(&figures, at(1000 + 8 * 3600 * 1000), 1.5e9);
    figures_counted(&figures, at(2000 + 8 * 3600 * 1000), 2.5e9);
    show();
    assert_near(shown.shares.work_s, 1, 0);
    assert_near(shown.shares.counted_hs, 1.5e9, 1);
}

static void only_good_shares_prove_work(void **state)
{
    (void)state;
    load_job();
    figures_counted(&figures, at(0), 0);
    figures_job(&figures, &job, 0);
    figures_counted(&figures, at(5000), 1e10);
    static const enum share_fate fates[] = {SHARE_SENT, SHARE_REFUSED, SHARE_ACCEPTED,
                                            SHARE_PROVEN};
    static const unsigned proofs[] = {0, 0, 1, 2};
    for (size_t i = 0; i < 4; i++) {
        const struct share_event share = {.fate = fates[i], .asked = 2, .reached = 5};
        figures_share(&figures, at(5000), &share);
        show();
        assert_int_equal(shown.shares.shares, proofs[i]);
    }
    assert_near(shown.shares.hashrate_hs, 4 * DIFFICULTY_HASHES / 5, 1);
}

static void a_block_is_counted_once_and_described(void **state)
{
    (void)state;
    load_job();
    figures_job(&figures, &job, 0);
    struct share_event share = {.fate = SHARE_SENT, .reached = 2e8, .block = true};
    share.hash[0] = 0xcd;
    share.hash[30] = 0x0a;
    figures_share(&figures, at(0), &share);
    share.fate = SHARE_ACCEPTED;
    figures_share(&figures, at(50), &share);
    show();
    assert_int_equal(shown.blocks_found, 1);
    assert_int_equal(shown.block.height, 2442185);
    assert_near(shown.block.difficulty, 2e8, 0);
    assert_string_equal(shown.block.hash, "000a0000000000000000000000000000"
                                          "000000000000000000000000000000cd");
    figures_job(&figures, NULL, 0);
    share.fate = SHARE_SENT;
    figures_share(&figures, at(100), &share);
    show();
    assert_int_equal(shown.blocks_found, 2);
    assert_int_equal(shown.block.height, 0); /* not known any more, rather than a wrong one */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_share_is_told_when_sent_and_when_answered),
        cmocka_unit_test(a_refused_share_is_told_as_such),
        cmocka_unit_test(a_stale_or_repeated_share_is_not_told),
        cmocka_unit_test(a_share_that_meets_the_networks_target_is_a_block),
        cmocka_unit_test_setup(nothing_is_known_at_first, set_up),
        cmocka_unit_test_setup(hashes_count_for_pools_only_while_they_work_for_one, set_up),
        cmocka_unit_test_setup(a_machine_that_slept_did_not_work, set_up),
        cmocka_unit_test_setup(only_good_shares_prove_work, set_up),
        cmocka_unit_test_setup(a_block_is_counted_once_and_described, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
