#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "miner/stratum/latency.h"
#include "miner/verify.h"
#include "tests/miner/dialogue.h"
#include "tests/miner/vectors.h"
#include "tests/support/test.h"

/* --- jobs ---------------------------------------------------------------------------------------
 */

static void difficulty_counts_from_the_next_job(void **state)
{
    (void)state;
    become_ready();
    line("{\"method\":\"mining.set_difficulty\",\"params\":[0.5]}");
    line(NOTIFY("a", HASH_A, "true"));
    const uint64_t first = session.job.serial;
    line("{\"method\":\"mining.set_difficulty\",\"params\":[2]}");
    assert_near(session_find_job(&session, first)->difficulty, 0.5, 0);
    line(NOTIFY("b", HASH_A, "false"));
    assert_near(session_find_job(&session, session.job.serial)->difficulty, 2, 0);
    assert_near(session_find_job(&session, first)->difficulty, 0.5, 0);
}

static void clean_jobs_make_older_shares_stale(void **state)
{
    (void)state;
    become_ready();
    line(NOTIFY("a", HASH_A, "true"));
    const uint64_t first = session.job.serial;
    line(NOTIFY("b", HASH_A, "false"));
    submit(first, 1);
    assert_true(sends("\"a\""));
    line(NOTIFY("c", HASH_A, "true"));
    submit(first, 2);
    assert_int_equal(fx.out_len, 0);
    assert_int_equal(fx.rejected[REJECT_STALE], 1);
    const uint64_t third = session.job.serial;
    line(NOTIFY("d", HASH_B, "false")); /* another block, whatever the flag says */
    submit(third, 3);
    assert_int_equal(fx.rejected[REJECT_STALE], 1);
}

static void extranonce_and_mask_take_effect(void **state)
{
    (void)state;
    become_ready();
    line(NOTIFY("a", HASH_A, "true"));
    line("{\"method\":\"mining.set_extranonce\",\"params\":[\"aabb\",2]}");
    assert_false(fx.new_job);
    assert_int_equal(session.job.extranonce.size2, 8);
    line(NOTIFY("a", HASH_A, "false")); /* the same id again, as one server does */
    assert_int_equal(session.job.extranonce.size2, 2);
    const uint64_t serial = session.job.serial;
    line("{\"method\":\"mining.set_version_mask\",\"params\":[\"00006000\"]}");
    assert_true(fx.new_job);
    assert_int_equal(session.job.version_mask, 0x6000);
    assert_true(session.job.serial != serial);
    submit(serial, 1);
    assert_true(sends("mining.submit"));
}

static void a_mask_leaves_the_job_in_hand_as_it_is(void **state)
{
    (void)state;
    become_ready();
    line("{\"method\":\"mining.set_difficulty\",\"params\":[0.5]}");
    line(NOTIFY("a", HASH_A, "true"));
    const uint64_t first = session.job.serial;
    const uint64_t first_extranonce2 = session.job.extranonce2_first;
    line("{\"method\":\"mining.set_difficulty\",\"params\":[4]}");
    line("{\"method\":\"mining.set_extranonce\",\"params\":[\"aabb\",2]}");
    line("{\"method\":\"mining.set_version_mask\",\"params\":[\"00006000\"]}");
    assert_true(fx.new_job);
    assert_near(session.job.difficulty, 0.5, 0);
    assert_int_equal(session.job.extranonce.size2, 8);
    assert_true(session.job.extranonce2_first != first_extranonce2);
    struct session_share share = share_of(first, 1);
    share.version_bits = 0x2000;
    session_submit(&session, &share, at(now_ms), &fx);
    assert_true(sends("\"00002000\"]}"));
    share.hash[0]++;
    share.version_bits = 0x8000; /* found before the mask shrank */
    session_submit(&session, &share, at(now_ms), &fx);
    assert_int_equal(fx.out_len, 0);
    assert_int_equal(fx.rejected[REJECT_STALE], 1);
}

/* NiceHash sends the same id again after set_extranonce, and means another job by it. */
static void an_id_used_again_makes_the_older_job_stale(void **state)
{
    (void)state;
    become_ready();
    line(NOTIFY("a", HASH_A, "true"));
    const uint64_t first = session.job.serial;
    line("{\"method\":\"mining.set_extranonce\",\"params\":[\"aabb\",2]}");
    line(NOTIFY("a", HASH_A, "false"));
    submit(first, 1);
    assert_int_equal(fx.out_len, 0);
    assert_int_equal(fx.rejected[REJECT_STALE], 1);
    submit(session.job.serial, 2);
    assert_true(sends("\"a\",\"0001\""));
}

static void an_empty_mask_means_no_rolling(void **state)
{
    (void)state;
    start();
    open_session();
    line("{\"id\":1,\"result\":{\"version-rolling\":true,\"version-rolling.mask\":\"00000000\"}}");
    line(SUBSCRIBED);
    line(AUTHORIZED);
    line(NOTIFY("a", HASH_A, "true"));
    assert_int_equal(job_usable_mask(session.job.notify.version, session.job.version_mask), 0);
    submit(session.job.serial, 1);
    assert_true(sends("\"00000003\",\"00000000\"]}")); /* agreed to, so the bits are mandatory */
}

static void time_is_rolled_no_further_than_pools_allow(void **state)
{
    (void)state;
    become_ready();
    line(NOTIFY("a", HASH_A, "true"));
    struct session_share share = share_of(session.job.serial, 1);
    share.ntime = NTIME + 7000;
    session_submit(&session, &share, at(now_ms), &fx);
    assert_int_equal(fx.submitted, 1);
    static const uint32_t outside[] = {NTIME + 7001, NTIME - 1};
    for (size_t i = 0; i < 2; i++) {
        share.hash[0]++;
        share.ntime = outside[i];
        session_submit(&session, &share, at(now_ms), &fx);
        assert_int_equal(fx.submitted, 0);
        assert_int_equal(fx.rejected[REJECT_STALE], 1);
    }
}

static void a_job_before_the_subscription_is_kept(void **state)
{
    (void)state;
    start();
    open_session();
    line(CONFIGURED);
    line(NOTIFY("a", HASH_A, "true"));
    assert_false(fx.new_job);
    line(SUBSCRIBED);
    assert_true(fx.new_job);
    assert_true(sends("mining.authorize"));
}

/* --- shares -------------------------------------------------------------------------------------
 */

static void shares_are_accounted_by_reason(void **state)
{
    (void)state;
    become_ready();
    line(NOTIFY("a", HASH_A, "true"));
    static const char *const answers[] = {
        "\"result\":true,\"error\":null",
        "\"result\":null,\"error\":[21,\"Stale\",null]",
        "\"result\":null,\"error\":[22,\"Duplicate\",null]",
        "\"result\":null,\"error\":[23,\"Low\",null]",
        "\"result\":null,\"error\":[24,\"Unauthorized\",null]",
        "\"result\":null,\"error\":[20,\"Other\",null]",
    };
    unsigned accepted = 0;
    unsigned rejected[REJECT_COUNT] = {0};
    submit(session.job.serial, 100);
    line("{\"id\":999,\"result\":true}");
    assert_int_equal(fx.accepted, 0);
    for (uint8_t i = 0; i < 6; i++) {
        char text[200];
        submit(session.job.serial, (uint8_t)(i + 10));
        (void)snprintf(text, sizeof text, "{\"id\":%d,%s}", (int)session.next_id - 1, answers[i]);
        line(text);
        accepted += fx.accepted;
        for (size_t kind = 0; kind < REJECT_COUNT; kind++) {
            rejected[kind] += fx.rejected[kind];
        }
        line(text); /* a second answer to the same share counts for nothing */
        assert_int_equal(fx.accepted, 0);
    }
    assert_int_equal(accepted, 1);
    for (size_t kind = 0; kind < REJECT_COUNT; kind++) {
        assert_int_equal(rejected[kind], 1);
    }
}

static void answers_are_timed_and_their_difficulty_added_up(void **state)
{
    (void)state;
    become_ready();
    line("{\"method\":\"mining.set_difficulty\",\"params\":[0.25]}");
    line(NOTIFY("a", HASH_A, "true"));
    submit(session.job.serial, 1);
    char text[100];
    (void)snprintf(text, sizeof text, "{\"id\":%d,\"result\":true}", (int)session.next_id - 1);
    assert_true(fx.latency_ms < 0);
    now_ms += 45;
    line("{\"method\":\"mining.set_difficulty\",\"params\":[4]}");
    line(text);
    assert_near(fx.latency_ms, 45, 0);
    assert_near(fx.accepted_difficulty, 0.25, 0);
}

static void quantiles_of_answers_are_right_within_five_percent(void **state)
{
    (void)state;
    struct latency latency = {0};
    assert_true(isnan(latency_quantile_ms(&latency, 0.5)) && isnan(latency_mean_ms(&latency)));
    for (int ms = 1; ms <= 1000; ms++) {
        latency_note(&latency, ms);
    }
    assert_near(latency_quantile_ms(&latency, 0.5), 500, 25);
    assert_near(latency_quantile_ms(&latency, 0.95), 950, 47.5);
    assert_near(latency_quantile_ms(&latency, 1), 1000, 50);
    assert_near(latency_mean_ms(&latency), 500.5, 1e-9);
    latency = (struct latency){0};
    latency_note(&latency, -3);
    latency_note(&latency, 1e12);
    assert_near(latency_quantile_ms(&latency, 0), 0, 0.1);
    assert_near(latency.max_ms, 1e12, 0);
}

static void a_share_before_authorize_is_answered_waits_for_it(void **state)
{
    (void)state;
    start();
    open_session();
    line(CONFIGURED);
    line(SUBSCRIBED);
    line(NOTIFY("a", HASH_A, "true"));
    assert_true(fx.new_job);
    for (uint8_t i = 1; i <= 6; i++) {
        submit(session.job.serial, i);
        assert_int_equal(fx.out_len, 0);
    }
    line(AUTHORIZED);
    assert_int_equal(fx.submitted, SESSION_HELD);
    assert_true(sends("mining.submit"));
    submit(session.job.serial, 1); /* it was sent after all */
    assert_int_equal(fx.rejected[REJECT_DUPLICATE], 1);
}

static void a_pool_that_refuses_everything_is_left(void **state)
{
    (void)state;
    become_ready();
    line(NOTIFY("a", HASH_A, "true"));
    for (uint8_t i = 1; i <= 40; i++) {
        char text[200];
        now_ms += 1000;
        submit(session.job.serial, i);
        (void)snprintf(text, sizeof text, "{\"id\":%d,\"result\":%s}", (int)session.next_id - 1,
                       i == 20 ? "true" : "false,\"error\":[23,\"Above target\",null]");
        assert_false(fx.close);
        line(text);
    }
    assert_true(fx.close); /* twenty in a row, the 21st to the 40th */
    assert_string_equal(fx.why, "the pool refused 20 shares in a row, the last one because: Above "
                                "target");
}

static void a_thousand_shares_are_remembered_across_connections(void **state)
{
    (void)state;
    become_ready();
    line(NOTIFY("a", HASH_A, "true"));
    struct session_share share = share_of(session.job.serial, 0);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 1; i <= 1000; i++) {
            now_ms += 1000;
            memcpy(share.hash, &i, sizeof i);
            session_submit(&session, &share, at(now_ms), &fx);
            assert_int_equal(fx.submitted, round == 0 ? 1 : 0);
            assert_int_equal(fx.rejected[REJECT_DUPLICATE], round);
        }
        session_closed(&session);
        open_session();
        line(CONFIGURED);
        line(SUBSCRIBED);
        line(AUTHORIZED);
        line(NOTIFY("a", HASH_A, "true"));
        share.serial = session.job.serial;
    }
}

static void a_share_is_sent_once(void **state)
{
    (void)state;
    become_ready();
    line(NOTIFY("a", HASH_A, "true"));
    submit(session.job.serial, 9);
    assert_true(sends("mining.submit"));
    submit(session.job.serial, 9);
    assert_int_equal(fx.out_len, 0);
    assert_int_equal(fx.rejected[REJECT_DUPLICATE], 1);
}

static void a_pool_is_not_flooded(void **state)
{
    (void)state;
    become_ready();
    line(NOTIFY("a", HASH_A, "true"));
    unsigned sent = 0;
    for (uint8_t i = 1; i <= 100; i++) {
        submit(session.job.serial, i);
        sent += fx.out_len > 0 ? 1 : 0;
    }
    assert_int_equal(sent, SHARE_BOOK_PER_SECOND);
    now_ms = 1000;
    submit(session.job.serial, 200);
    assert_true(sends("mining.submit"));
}

/* The server's side of each recorded share is played; what we would submit must be what was. */
static void replay_share(const struct json *row)
{
    char text[400];
    char expected[400];
    struct session_share share = {0};
    const char *en1 = json_string(json_get(row, "extranonce1"));
    const char *en2 = json_string(json_get(row, "extranonce2"));
    start();
    open_session();
    line(CONFIGURED);
    (void)snprintf(text, sizeof text, "{\"id\":2,\"result\":[[],\"%s\",%zu]}", en1,
                   strlen(en2) / 2);
    line(text);
    line("{\"method\":\"mining.set_difficulty\",\"params\":[0.001]}");
    line(AUTHORIZED);
    char *notify = json_print(json_get(row, "notify"));
    wall = (hb_wall){(int64_t)vectors_u32(row, "ntime") * 1000};
    line(notify);
    free(notify);
    assert_true(fx.new_job);
    share.serial = session.job.serial;
    share.extranonce2 = vectors_extranonce2(row);
    share.ntime = vectors_u32(row, "ntime");
    share.nonce = vectors_u32(row, "nonce");
    share.version_bits = vectors_u32(row, "version_bits");
    uint8_t header[80];
    double difficulty = 0;
    job_make_header(&session.job, share.extranonce2, share.ntime, share.version_bits, share.nonce,
                    header);
    assert_true(verify_share(header, session.job.target, share.hash, &difficulty));
    session_submit(&session, &share, at(now_ms), &fx);
    (void)snprintf(expected, sizeof expected, "\"%s\",\"%s\",\"%s\",\"%s\",\"%s\"]}",
                   json_string(json_item(json_path(row, "notify.params"), 0)), en2,
                   json_string(json_get(row, "ntime")), json_string(json_get(row, "nonce")),
                   json_string(json_get(row, "version_bits")));
    if (!sends(expected)) {
        fail_msg("expected %s in %s", expected, fx.out);
    }
}

static void recorded_shares_are_submitted_as_recorded(void **state)
{
    (void)state;
    struct json *rows = vectors_open("shares.json");
    for (const struct json *row = json_first(rows); row != NULL; row = json_next(row)) {
        bool real = false;
        assert_true(json_bool(json_get(row, "real_share"), &real));
        if (real) {
            replay_share(row);
        }
    }
    json_free(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(difficulty_counts_from_the_next_job),
        cmocka_unit_test(clean_jobs_make_older_shares_stale),
        cmocka_unit_test(extranonce_and_mask_take_effect),
        cmocka_unit_test(a_mask_leaves_the_job_in_hand_as_it_is),
        cmocka_unit_test(an_id_used_again_makes_the_older_job_stale),
        cmocka_unit_test(an_empty_mask_means_no_rolling),
        cmocka_unit_test(time_is_rolled_no_further_than_pools_allow),
        cmocka_unit_test(a_job_before_the_subscription_is_kept),
        cmocka_unit_test(shares_are_accounted_by_reason),
        cmocka_unit_test(a_share_is_sent_once),
        cmocka_unit_test(answers_are_timed_and_their_difficulty_added_up),
        cmocka_unit_test(quantiles_of_answers_are_right_within_five_percent),
        cmocka_unit_test(a_share_before_authorize_is_answered_waits_for_it),
        cmocka_unit_test(a_pool_that_refuses_everything_is_left),
        cmocka_unit_test(a_thousand_shares_are_remembered_across_connections),
        cmocka_unit_test(a_pool_is_not_flooded),
        cmocka_unit_test(recorded_shares_are_submitted_as_recorded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
