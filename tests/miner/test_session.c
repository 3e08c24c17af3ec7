#define _GNU_SOURCE /* strsep */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "miner/difficulty.h"
#include "miner/session.h"
#include "miner/verify.h"
#include "tests/miner/vectors.h"
#include "tests/support/test.h"

static struct session session; /* too large for a stack, as are the effects */
static struct session_effects fx;
static int64_t now_ms;

static hb_mono at(int64_t ms)
{
    return (hb_mono){1000000 + ms};
}

static void start(void)
{
    static const char *const allowed[] = {"friend.example"};
    const struct session_options options = {
        .pool = {.host = "pool.example", .port = 3333},
        .user = "me.w1",
        .password = "x",
        .redirect_hosts = allowed,
        .redirect_host_count = 1,
        .first_serial = 100,
    };
    now_ms = 0;
    session_init(&session, &options);
    session_want_difficulty(&session, 0.001);
}

static void open_session(void)
{
    session_opened(&session, at(now_ms), &fx);
}

static void line(const char *text)
{
    session_line(&session, text, strlen(text), at(now_ms), &fx);
}

static void tick_at(int64_t ms)
{
    now_ms = ms;
    session_tick(&session, at(ms), &fx);
}

static bool sends(const char *part)
{
    return fx.out_len > 0 && strstr(fx.out, part) != NULL;
}

#define CONFIGURED                                                                                 \
    "{\"result\":{\"version-rolling\":true,\"version-rolling.mask\":\"1fffe000\"},\"id\":1,"       \
    "\"error\":null}"
#define SUBSCRIBED                                                                                 \
    "{\"result\":[[[\"mining.notify\",\"6b\"]],\"8e2d036b\",8],\"id\":2,\"error\":null}"
#define AUTHORIZED "{\"result\":true,\"error\":null,\"id\":3}"
#define HASH_A     "0ed57ee92e48b81b86c0a257c40c7a372c02bbcb8a656edc5c7182520f4d9af8"
#define HASH_B     "1ed57ee92e48b81b86c0a257c40c7a372c02bbcb8a656edc5c7182520f4d9af8"
#define NOTIFY(id, hash, clean)                                                                    \
    "{\"id\":null,\"method\":\"mining.notify\",\"params\":[\"" id "\",\"" hash                     \
    "\",\"01\",\"02\",[],\"20000000\",\"207fffff\",\"6b032d8b\"," clean "]}"

static void become_ready(void)
{
    start();
    open_session();
    line(CONFIGURED);
    line(SUBSCRIBED);
    line(AUTHORIZED);
    assert_int_equal(session.state, SESSION_READY);
}

static struct session_share share_of(uint64_t serial, uint8_t mark)
{
    return (struct session_share){
        .serial = serial, .extranonce2 = 1, .ntime = 2, .nonce = 3, .hash = {mark}};
}

static void submit(uint64_t serial, uint8_t mark)
{
    const struct session_share share = share_of(serial, mark);
    session_submit(&session, &share, at(now_ms), &fx);
}

/* --- the dialogue -------------------------------------------------------------------------------
 */

static void a_recorded_dialogue_leads_to_work(void **state)
{
    (void)state;
    char *text = test_read_file("tests/data/mining/session-ckpool.txt", NULL);
    static const char *const sent[] = {"mining.configure", "mining.subscribe", "mining.authorize",
                                       "mining.suggest_difficulty"};
    size_t step = 0;
    unsigned jobs = 0;
    start();
    open_session();
    assert_true(sends(sent[step++]));
    char *rest = text;
    char *row = NULL;
    while ((row = strsep(&rest, "\n")) != NULL) {
        if (strncmp(row, "<< ", 3) != 0) {
            continue;
        }
        line(row + 3);
        assert_false(fx.close);
        jobs += fx.new_job ? 1 : 0;
        if (step < 4 && sends(sent[step])) {
            step++;
        }
    }
    free(text);
    assert_int_equal(step, 4);
    assert_int_equal(jobs, 2);
    assert_near(session.job.difficulty, 0.001, 0); /* the last set_difficulty came after the job */
    assert_near(session.difficulty, 0.0005, 1e-12);
    assert_int_equal(session.job.extranonce.size2, 8);
    assert_int_equal(session.job.version_mask, 0x1fffe000);
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
    char *notify = json_print(json_get(row, "notify"));
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

static void pools_without_configure_are_spoken_to_plainly(void **state)
{
    (void)state;
    start();
    open_session();
    line("{\"id\":1,\"result\":null,\"error\":[-3,\"Method not found\",null]}");
    assert_true(sends("mining.subscribe"));
    assert_false(session.version_rolling);

    start();
    open_session();
    tick_at(4999);
    assert_int_equal(fx.out_len, 0);
    tick_at(5000);
    assert_true(sends("mining.subscribe"));
    line(CONFIGURED); /* late, but welcome */
    assert_true(session.version_rolling);

    start();
    open_session();
    assert_true(session_hung_up(&session));
    open_session();
    assert_true(sends("mining.subscribe"));
    assert_false(session_hung_up(&session)); /* so it was not because of configure */
    open_session();
    assert_true(sends("mining.configure"));

    line(CONFIGURED); /* answered, and hung up on all the same */
    assert_true(session_hung_up(&session));
    open_session();
    assert_true(sends("mining.subscribe"));

    start();
    open_session();
    session_closed(&session); /* our own wish teaches nothing */
    open_session();
    assert_true(sends("mining.configure"));
    tick_at(5000);
    tick_at(25000);
    assert_true(fx.close);
    session_closed(&session);
    open_session();
    assert_true(sends("mining.subscribe")); /* configure may have silenced it */
}

static void a_hang_up_on_extranonce_subscribe_is_remembered(void **state)
{
    (void)state;
    become_ready();
    assert_true(sends("mining.extranonce.subscribe"));
    assert_false(session_hung_up(&session));
    open_session();
    line(CONFIGURED);
    line(SUBSCRIBED);
    line(AUTHORIZED);
    assert_false(sends("mining.extranonce.subscribe"));
    assert_true(sends("mining.suggest_difficulty"));
}

static void refused_subscription_and_worker_end_the_session(void **state)
{
    (void)state;
    start();
    open_session();
    line(CONFIGURED);
    line("{\"id\":2,\"result\":[\"01650f001f25ea\",4],\"error\":null}");
    assert_true(fx.close);
    assert_non_null(strstr(fx.why, "the pool sent nonsense: mining.subscribe: result: expected"));
    start();
    open_session();
    line(CONFIGURED);
    line("{\"id\":2,\"result\":null,\"error\":[20,\"full\",null]}");
    assert_true(fx.close);
    assert_string_equal(fx.why, "mining.subscribe was refused: full");
    start();
    open_session();
    line(CONFIGURED);
    line("{\"id\":2,\"result\":[[],\"01020304\",2e9],\"error\":null}");
    assert_true(fx.close);
    assert_non_null(strstr(fx.why, "extranonce2_size: expected a whole number from 0 to 16"));
    start();
    open_session();
    line(CONFIGURED);
    line(SUBSCRIBED);
    line("{\"id\":3,\"result\":false,\"error\":[24,\"Unknown worker\",null]}");
    assert_true(fx.close);
    assert_string_equal(fx.why, "the pool refuses worker 'me.w1': Unknown worker");
}

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

static void nonsense_that_work_depends_on_ends_the_session(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"mining.set_difficulty\",\"params\":[-4]", "difficulty: expected a number"},
        {"mining.set_difficulty\",\"params\":[0]", "difficulty: expected a number"},
        {"mining.set_difficulty\",\"params\":[1e999]", "nonsense"},
        {"mining.notify\",\"params\":[]", "mining.notify: params: expected at least 9"},
        {"mining.notify\",\"params\":[\"j\",\"00\",\"\",\"\",[],\"2\",\"1\",\"5\",true]",
         "mining.notify: previous hash: expected 64 hex digits"},
        {"mining.set_extranonce\",\"params\":[\"xyz\",-4]", "mining.set_extranonce: extranonce1"},
        {"mining.set_version_mask\",\"params\":[\"zzzzzzzz\"]", "mining.set_version_mask: version"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[300];
        become_ready();
        line(NOTIFY("a", HASH_A, "true"));
        (void)snprintf(text, sizeof text, "{\"id\":null,\"method\":\"%s}", cases[i][0]);
        line(text);
        assert_true(fx.close);
        assert_non_null(strstr(fx.why, "the pool sent nonsense: "));
        assert_non_null(strstr(fx.why, cases[i][1]));
    }
}

static void odd_messages_are_borne_and_told_once(void **state)
{
    (void)state;
    become_ready();
    line("{\"method\":\"client.show_message\",\"params\":[7]}");
    assert_false(fx.close);
    assert_true(fx.say_loud);
    assert_non_null(strstr(fx.say, "client.show_message: message: expected text"));
    static const char *const odd[] = {
        "{\"method\":\"client.show_message\",\"params\":null}",
        "{\"method\":\"client.reconnect\",\"params\":[5,\"x\"]}",
        "{\"method\":\"mining.unheard_of\",\"params\":{}}",
        "{\"method\":42,\"params\":{}}",
        "{\"id\":99999,\"result\":{\"a\":[]},\"error\":7}",
        "{}",
    };
    for (size_t i = 0; i < 60; i++) {
        line(odd[i % 6]);
        assert_false(fx.close);
        assert_string_equal(fx.say, "");
    }
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

/* --- redirects and other messages ---------------------------------------------------------------
 */

static void a_redirect_to_a_stranger_is_refused(void **state)
{
    (void)state;
    become_ready();
    line("{\"method\":\"client.reconnect\",\"params\":[\"evil.example\",3333,0]}");
    assert_false(fx.close);
    assert_true(fx.say_loud);
    assert_non_null(strstr(fx.say, "evil.example:3333 was refused"));
    line("{\"method\":\"client.reconnect\",\"params\":[\"pool.example\",3334,0]}");
    assert_false(fx.close);
}

static void allowed_redirects_are_followed_after_a_bounded_wait(void **state)
{
    (void)state;
    become_ready();
    line("{\"method\":\"client.reconnect\",\"params\":[\"friend.example\",\"4444\",1e12]}");
    assert_true(fx.close && fx.redirect);
    assert_string_equal(fx.redirect_to.host, "friend.example");
    assert_int_equal(fx.redirect_to.port, 4444);
    assert_int_equal(fx.redirect_wait_ms, 60000);
    become_ready();
    line("{\"method\":\"client.reconnect\",\"params\":[\"\",0,-5]}");
    assert_false(fx.close); /* port 0 is nonsense */
    line("{\"method\":\"client.reconnect\",\"params\":[]}");
    assert_true(fx.close && fx.redirect);
    assert_string_equal(fx.redirect_to.host, "pool.example");
    assert_int_equal(fx.redirect_wait_ms, 0);
}

static void questions_of_the_pool_are_answered(void **state)
{
    (void)state;
    become_ready();
    line("{\"id\":77,\"method\":\"client.get_version\",\"params\":[]}");
    assert_true(sends("{\"id\":77,\"result\":\"heatbridge/"));
    line("{\"id\":null,\"method\":\"mining.ping\",\"params\":[]}");
    assert_true(sends("{\"id\":null,\"result\":\"pong\""));
    line("{\"method\":\"client.show_message\",\"params\":[\"maintenance\"]}");
    assert_string_equal(fx.say, "the pool says: maintenance");
    line("{\"id\":5,\"method\":\"mining.new_thing\",\"params\":[]}");
    assert_false(fx.close);
    assert_int_equal(fx.out_len, 0);
}

static void nonsense_ends_the_session_with_one_message(void **state)
{
    (void)state;
    become_ready();
    line("<html>");
    assert_true(fx.close);
    assert_non_null(strstr(fx.why, "the pool sent nonsense: expected JSON"));
    become_ready();
    line("[[[[[[[[[[[[[[[[[[[[[[[[[[");
    assert_true(fx.close);
}

/* --- time ---------------------------------------------------------------------------------------
 */

static void silence_is_not_waited_out_for_ever(void **state)
{
    (void)state;
    start();
    open_session();
    line(CONFIGURED);
    tick_at(19999);
    assert_false(fx.close);
    tick_at(20000);
    assert_true(fx.close);
    assert_string_equal(fx.why, "no answer to mining.subscribe within 20 s");

    become_ready();
    tick_at(60000);
    assert_true(fx.close);
    assert_string_equal(fx.why, "no job within 60 s");

    become_ready();
    line(NOTIFY("a", HASH_A, "true"));
    tick_at(599999);
    assert_false(fx.close);
    tick_at(600000);
    assert_true(fx.close);
    assert_string_equal(fx.why, "no new job for 10 minutes");
}

static void a_pool_that_answers_no_authorize_but_gives_work_is_fine(void **state)
{
    (void)state;
    start();
    open_session();
    line(CONFIGURED);
    line(SUBSCRIBED);
    line(NOTIFY("a", HASH_A, "true"));
    tick_at(20000);
    assert_false(fx.close);
    assert_int_equal(session.state, SESSION_READY);
}

static void a_silent_session_is_kept_alive_and_the_difficulty_suggested_anew(void **state)
{
    (void)state;
    become_ready();
    line(NOTIFY("a", HASH_A, "true"));
    tick_at(119999);
    assert_int_equal(fx.out_len, 0);
    tick_at(120000);
    assert_true(sends("mining.ping"));
    session_want_difficulty(&session, 0.0011);
    tick_at(121000);
    assert_int_equal(fx.out_len, 0);
    session_want_difficulty(&session, 0.01);
    tick_at(122000);
    assert_true(sends("mining.suggest_difficulty\",\"params\":[0.01]"));
    tick_at(123000);
    assert_int_equal(fx.out_len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_recorded_dialogue_leads_to_work),
        cmocka_unit_test(recorded_shares_are_submitted_as_recorded),
        cmocka_unit_test(pools_without_configure_are_spoken_to_plainly),
        cmocka_unit_test(a_hang_up_on_extranonce_subscribe_is_remembered),
        cmocka_unit_test(refused_subscription_and_worker_end_the_session),
        cmocka_unit_test(difficulty_counts_from_the_next_job),
        cmocka_unit_test(nonsense_that_work_depends_on_ends_the_session),
        cmocka_unit_test(odd_messages_are_borne_and_told_once),
        cmocka_unit_test(clean_jobs_make_older_shares_stale),
        cmocka_unit_test(extranonce_and_mask_take_effect),
        cmocka_unit_test(a_job_before_the_subscription_is_kept),
        cmocka_unit_test(shares_are_accounted_by_reason),
        cmocka_unit_test(a_share_is_sent_once),
        cmocka_unit_test(a_pool_is_not_flooded),
        cmocka_unit_test(a_redirect_to_a_stranger_is_refused),
        cmocka_unit_test(allowed_redirects_are_followed_after_a_bounded_wait),
        cmocka_unit_test(questions_of_the_pool_are_answered),
        cmocka_unit_test(nonsense_ends_the_session_with_one_message),
        cmocka_unit_test(silence_is_not_waited_out_for_ever),
        cmocka_unit_test(a_pool_that_answers_no_authorize_but_gives_work_is_fine),
        cmocka_unit_test(a_silent_session_is_kept_alive_and_the_difficulty_suggested_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
