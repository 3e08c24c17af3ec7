/* The pool's side of Stratum against those who may not come in, and miners that do everything
 * wrong.
 */
#include <stdio.h>
#include <string.h>

#include "tests/miner/server_stage.h"
#include "tests/support/test.h"

/* --- who may come in ----------------------------------------------------------------------------
 */

static void nothing_goes_without_a_login(void **state)
{
    (void)state;
    stage_open(4);
    stage_line(
        "{\"id\":3,\"method\":\"mining.submit\",\"params\":[\"ofen\",\"1\",\"000001\",\"6553f100\","
        "\"00000001\"]}");
    assert_true(stage_says("[25,"));
    stage_line("{\"id\":4,\"method\":\"mining.authorize\",\"params\":[\"ofen\",\"x\"]}");
    assert_true(stage_says("[25,"));
    assert_false(stage.fx.login);
    stage_make_job(1, 4, 4);
    server_session_work(&stage.server, &stage.job, true, stage_now(), &stage.fx);
    assert_int_equal(stage.fx.out_len, 0);
    stage_line("{\"id\":5,\"method\":\"mining.subscribe\",\"params\":[]}");
    stage_line(
        "{\"id\":6,\"method\":\"mining.submit\",\"params\":[\"ofen\",\"1\",\"000001\",\"6553f100\","
        "\"00000001\"]}");
    assert_true(stage_says("[24,"));
    stage_line("{\"id\":7,\"method\":\"mining.authorize\",\"params\":[\"ofen\",\"x\"]}");
    server_session_admit(&stage.server, "no such worker", 0, stage_now(), &stage.fx);
    assert_true(stage_says("{\"id\":7,\"result\":null,\"error\":[24,\"no such worker\",null]}"));
    assert_true(stage.fx.close);
}

static void only_one_worker_per_connection(void **state)
{
    (void)state;
    stage_connect(4);
    stage_line("{\"id\":7,\"method\":\"mining.authorize\",\"params\":[\"ofen\",\"geheim\"]}");
    assert_true(stage_says("true"));
    stage_make_job(1, 4, 4);
    stage_work(true);
    stage_line("{\"id\":3,\"method\":\"mining.submit\",\"params\":[\"other\",\"1\",\"000001\","
               "\"6553f100\","
               "\"00000001\"]}");
    assert_true(stage_says("[24,\"Worker mismatch\",null]"));
    stage_line("{\"id\":8,\"method\":\"mining.authorize\",\"params\":[\"other\",\"x\"]}");
    assert_true(stage_says("[24,"));
    assert_true(stage.fx.close);
}

static void waiting_ends(void **state)
{
    (void)state;
    stage_open(4);
    stage.now_ms = 19000;
    server_session_tick(&stage.server, stage_now(), &stage.fx);
    assert_false(stage.fx.close);
    stage.now_ms = 20000;
    server_session_tick(&stage.server, stage_now(), &stage.fx);
    assert_true(stage.fx.close);
    stage_connect(4);
    stage.now_ms = 14 * 60000;
    server_session_tick(&stage.server, stage_now(), &stage.fx);
    assert_false(stage.fx.close);
    stage.now_ms = 16 * 60000;
    server_session_tick(&stage.server, stage_now(), &stage.fx);
    assert_true(stage.fx.close);
}

static void floods_end_the_session(void **state)
{
    (void)state;
    stage_open(4);
    unsigned lines = 0;
    do {
        stage_line("{\"id\":1,\"method\":\"mining.ping\",\"params\":[]}");
        lines++;
    } while (!stage.fx.close && lines < 1000);
    assert_in_range(lines, 10, 100);
    stage_connect(4);
    lines = 0;
    do {
        stage_line("{\"id\":1,\"method\":\"mining.ping\",\"params\":[]}");
        lines++;
        stage.now_ms += 10;
    } while (!stage.fx.close && lines < 10000);
    assert_in_range(lines, 100, 1000);
}

/* --- nonsense -----------------------------------------------------------------------------------
 */

static void malformed_calls_are_answered(void **state)
{
    (void)state;
    static const struct {
        const char *line, *answer;
    } rows[] = {
        {"{\"id\":1,\"method\":\"mining.authorize\",\"params\":[]}", "user: expected"},
        {"{\"id\":1,\"method\":\"mining.authorize\",\"params\":[7,8]}", "user: expected"},
        {"{\"id\":1,\"method\":\"mining.authorize\",\"params\":[\"a\",8]}", "password: expected"},
        {"{\"id\":1,\"method\":\"mining.submit\",\"params\":[\"a\"]}", "job id: expected"},
        {"{\"id\":1,\"method\":\"mining.submit\",\"params\":[\"a\",\"1\",\"0\",\"1\",\"1\"]}",
         "extranonce2: expected"},
        {"{\"id\":1,\"method\":\"mining.submit\",\"params\":[\"a\",\"1\",\"\",\"z\",\"1\"]}",
         "ntime: expected"},
        {"{\"id\":1,\"method\":\"mining.submit\",\"params\":[\"a\",\"1\",\"\",\"1\",\"123456789\"]"
         "}",
         "nonce: expected"},
        {"{\"id\":1,\"method\":\"mining.submit\",\"params\":[\"a\",\"1\",\"\",\"1\",\"1\",5]}",
         "version bits: expected"},
        {"{\"id\":1,\"method\":\"mining.suggest_difficulty\",\"params\":[-4]}",
         "difficulty: expected"},
        {"{\"id\":1,\"method\":\"mining.configure\",\"params\":[1]}", "extensions: expected"},
        {"{\"id\":1,\"method\":\"mining.configure\",\"params\":[[\"version-rolling\"],"
         "{\"version-rolling.mask\":\"x\"}]}",
         "version-rolling.mask: expected"},
        {"{\"id\":1,\"method\":\"mining.unheard_of\"}", "Unknown method"},
        {"{\"id\":{\"a\":1},\"method\":\"mining.submit\"}", "{\"id\":null,"},
        {"{\"id\":\"text\",\"method\":\"mining.ping\"}", "{\"id\":\"text\",\"result\":\"pong\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        stage_connect(4);
        stage_line(rows[i].line);
        assert_false(stage.fx.close);
        if (!stage_says(rows[i].answer)) {
            fail_msg("%s: %s", rows[i].line, stage.fx.out);
        }
    }
    stage_connect(4);
    stage_line("{\"id\":1,\"result\":true,\"error\":null}");
    assert_int_equal(stage.fx.out_len, 0);
    stage_line("{\"id\":null,\"method\":\"mining.unheard_of\"}");
    assert_int_equal(stage.fx.out_len, 0);
}

static void what_is_no_stratum_ends_the_session(void **state)
{
    (void)state;
    static const char *const lines[] = {"GET / HTTP/1.1", "[]", "", "42", "{\"id\":1", "\x16\x03"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        stage_open(4);
        stage_line(lines[i]);
        assert_true(stage.fx.close);
        assert_string_equal(stage.fx.why, "it does not speak Stratum");
    }
}

static void wrong_shares_are_refused_with_the_reason(void **state)
{
    (void)state;
    static const struct {
        const char *params, *answer;
        enum share_reject kind;
    } rows[] = {
        {"\"99\",\"000001\",\"6553f100\",\"00000001\"", "[21,\"Job not found\",null]",
         REJECT_STALE},
        {"\"01\",\"000001\",\"6553f100\",\"00000001\"", "[21,", REJECT_STALE},
        {"\"1\",\"00000001\",\"6553f100\",\"00000001\"", "[20,\"Wrong size", REJECT_OTHER},
        {"\"1\",\"000001\",\"6553f0ff\",\"00000001\"", "[20,\"ntime out of range\"", REJECT_OTHER},
        {"\"1\",\"000001\",\"65540d21\",\"00000001\"", "[20,\"ntime out of range\"", REJECT_OTHER},
        {"\"1\",\"000001\",\"6553f100\",\"00000001\"", "[23,\"Above target\"",
         REJECT_LOW_DIFFICULTY},
    };
    stage_connect(4);
    stage_make_job(1, 4, 4);
    stage.job.difficulty = 1000;
    stage_work(true);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[300];
        (void)snprintf(text, sizeof text,
                       "{\"id\":1,\"method\":\"mining.submit\",\"params\":[\"ofen\",%s]}",
                       rows[i].params);
        stage_line(text);
        assert_true(stage.fx.shared);
        assert_false(stage.fx.share.good);
        assert_false(stage.fx.share.hashed);
        assert_int_equal(stage.fx.share.reject, rows[i].kind);
        if (!stage_says(rows[i].answer)) {
            fail_msg("%s: %s", rows[i].params, stage.fx.out);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_goes_without_a_login),
        cmocka_unit_test(only_one_worker_per_connection),
        cmocka_unit_test(waiting_ends),
        cmocka_unit_test(floods_end_the_session),
        cmocka_unit_test(malformed_calls_are_answered),
        cmocka_unit_test(what_is_no_stratum_ends_the_session),
        cmocka_unit_test(wrong_shares_are_refused_with_the_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
