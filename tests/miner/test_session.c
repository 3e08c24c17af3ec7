#define _GNU_SOURCE /* strsep */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/miner/dialogue.h"
#include "tests/support/test.h"

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
    assert_non_null(strstr(fx.why, "extranonce2_size: expected a whole number from 1 to 16"));
    start();
    open_session();
    line(CONFIGURED);
    line(SUBSCRIBED);
    line("{\"id\":3,\"result\":false,\"error\":[24,\"Unknown worker\",null]}");
    assert_true(fx.close);
    assert_string_equal(fx.why, "the pool refuses worker 'me.w1': Unknown worker");
}

static void nonsense_that_work_depends_on_ends_the_session(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"mining.set_difficulty\",\"params\":[-4]", "difficulty: expected a number"},
        {"mining.set_difficulty\",\"params\":[0]", "difficulty: expected a number"},
        {"mining.set_difficulty\",\"params\":[1e999]", "nonsense"},
        {"mining.set_difficulty\",\"params\":[NaN]", "expected JSON"},
        {"mining.set_difficulty\",\"params\":[1e300]", "difficulty: expected a number"},
        {"mining.set_version_mask\",\"params\":[\"\"]", "version mask: expected up to 8 hex"},
        {"mining.set_version_mask\",\"params\":[]", "version mask: expected up to 8 hex digits"},
        {"mining.set_extranonce\",\"params\":[\"00\",0]", "from 1 to 16, got 0"},
        {"mining.set_extranonce\",\"params\":[\"00\",1000]", "from 1 to 16, got 1000"},
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

/* A job that is well-formed but for one field; NULL stands for a sane one. */
struct odd_job {
    const char *id, *coinb1, *branches, *nbits, *ntime, *says;
};

static void a_job_of_nonsense_ends_the_session_and_names_the_field(void **state)
{
    (void)state;
    static char long_id[200];
    static char coinb1[60000];
    static char branches[40 * 67 + 3];
    memset(long_id, 'x', 129);
    memset(coinb1, '0', 2 * 24577);
    for (size_t i = 0; i < 33; i++) {
        const char *comma = i == 0 ? "[" : ",";
        (void)snprintf(branches + strlen(branches), 70, "%s\"%064d\"", comma, 0);
    }
    (void)snprintf(branches + strlen(branches), 3, "]");
    const struct odd_job jobs[] = {
        {.id = "", .says = "job id: expected text of 1 to 128 characters, got \"\""},
        {.id = long_id, .says = "job id: expected text of 1 to 128 characters"},
        {.coinb1 = coinb1, .says = "coinb1: expected a coinbase of at most 24576 bytes"},
        {.branches = branches, .says = "merkle branches: expected at most 32, got 33"},
        {.branches = "{}", .says = "merkle branches: expected a list, got {}"},
        {.nbits = "00000000", .says = "nbits: expected a target above zero, no easier than"},
        {.nbits = "1d000000", .says = "got \"1d000000\""}, /* no mantissa     */
        {.nbits = "1d80ffff", .says = "got \"1d80ffff\""}, /* negative        */
        {.nbits = "01003456", .says = "got \"01003456\""}, /* rounds to zero  */
        {.nbits = "2100ffff", .says = "got \"2100ffff\""}, /* beyond 256 bits */
        {.nbits = "ff123456", .says = "got \"ff123456\""},
        {.nbits = "20800000", .says = "got \"20800000\""}, /* above every network's limit */
        {.nbits = "2100ffff", .says = "no easier than 207fffff"},
        {.ntime = "6b034fae",
         .says = "ntime: expected a time within two hours of this machine's "
                 "clock, got 6b034fae, 2.4 hours after"},
        {.ntime = "6b030d8c", .says = "got 6b030d8c, 2.3 hours before"},
        {.ntime = "00000000", .says = "hours before"},
        {.ntime = "ffffffff", .says = "hours after"},
    };
    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++) {
        static char text[STRATUM_LINE_MAX];
        const struct odd_job *job = &jobs[i];
        become_ready();
        line(NOTIFY("a", HASH_A, "true"));
        (void)snprintf(text, sizeof text,
                       "{\"id\":null,\"method\":\"mining.notify\",\"params\":[\"%s\",\"" HASH_A
                       "\",\"%s\",\"02\",%s,\"20000000\",\"%s\",\"%s\",true]}",
                       job->id ? job->id : "b", job->coinb1 ? job->coinb1 : "01",
                       job->branches ? job->branches : "[]", job->nbits ? job->nbits : "207fffff",
                       job->ntime ? job->ntime : "6b032d8d");
        line(text);
        if (!fx.close || strstr(fx.why, "the pool sent nonsense: mining.notify: ") == NULL ||
            strstr(fx.why, job->says) == NULL) {
            fail_msg("expected '%s', got '%s'", job->says, fx.why);
        }
        assert_false(fx.new_job);
    }
}

/* A small computer may start in 1970; its pools must not suffer for that. */
static void a_clock_that_cannot_be_true_judges_nobody(void **state)
{
    (void)state;
    become_ready();
    wall = (hb_wall){60 * 1000};
    line(NOTIFY("a", HASH_A, "true"));
    assert_true(fx.new_job);
    wall = (hb_wall){INT64_C(1735689600) * 1000};
    line(NOTIFY("b", HASH_A, "true"));
    assert_true(fx.close);
}

static void a_malformed_mask_of_configure_ends_the_session(void **state)
{
    (void)state;
    static const char *const masks[] = {"\"\"", "\"123456789\"", "7", "null", "\"xyz\""};
    for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++) {
        char text[200];
        start();
        open_session();
        (void)snprintf(text, sizeof text,
                       "{\"id\":1,\"result\":{\"version-rolling\":true,"
                       "\"version-rolling.mask\":%s},\"error\":null}",
                       masks[i]);
        line(text);
        assert_true(fx.close);
        assert_non_null(strstr(fx.why, "the pool sent nonsense: mining.configure: "
                                       "version-rolling.mask: expected up to 8 hex digits"));
    }
    start();
    open_session();
    line("{\"id\":1,\"result\":{\"version-rolling\":\"not here\"},\"error\":null}");
    assert_false(fx.close);
    assert_false(session.version_rolling);
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
    static const char with_nul[] = "{\"a\":\"\0\"}";
    session_line(&session, with_nul, sizeof with_nul - 1, at(now_ms), wall, &fx);
    assert_true(fx.close);
    assert_non_null(
        strstr(fx.why, "the pool sent nonsense: expected JSON, got bytes that are not"));
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
}

static void a_minute_without_a_job_is_silence_until_the_next_job(void **state)
{
    (void)state;
    become_ready();
    line(NOTIFY("a", HASH_A, "true"));
    tick_at(59999);
    assert_false(session.silent);
    tick_at(60000);
    assert_true(session.silent);
    assert_false(fx.close); /* it keeps its chance */
    line(NOTIFY("b", HASH_A, "false"));
    assert_false(session.silent);
}

static void a_slow_pool_is_given_half_as_long_again(void **state)
{
    (void)state;
    become_ready();
    line(NOTIFY("a", HASH_A, "true"));
    now_ms = 90000;
    line(NOTIFY("b", HASH_A, "false"));
    tick_at(90000 + 134999);
    assert_false(session.silent);
    tick_at(90000 + 135000);
    assert_true(session.silent);
    for (int i = 0; i < 20; i++) { /* it has become fast: the slow time is forgotten */
        now_ms += 30000;
        line(NOTIFY("c", HASH_A, "false"));
    }
    const int64_t last_ms = now_ms;
    tick_at(last_ms + 60000);
    assert_true(session.silent);
}

static void a_pool_that_says_nothing_is_asked_and_left(void **state)
{
    (void)state;
    become_ready();
    line(NOTIFY("a", HASH_A, "true"));
    tick_at(30000);
    assert_true(sends("mining.ping"));
    tick_at(119999);
    assert_false(fx.close);
    tick_at(120000);
    assert_true(fx.close);
    assert_string_equal(fx.why, "nothing heard for 120 s");

    become_ready();
    line(NOTIFY("a", HASH_A, "true"));
    for (int i = 1; i < 20; i++) { /* alive, but its jobs have dried up */
        tick_at(i * 30000);
        line("{\"id\":99,\"result\":\"pong\",\"error\":null}");
    }
    assert_false(fx.close);
    tick_at(600000);
    assert_true(fx.close);
    assert_string_equal(fx.why, "no new job for 600 s");
}

static void a_difficulty_for_big_machines_is_told_once(void **state)
{
    (void)state;
    become_ready();
    line("{\"method\":\"mining.set_difficulty\",\"params\":[16384]}");
    unsigned told = 0;
    for (int i = 0; i <= 20; i++) { /* ten minutes of jobs */
        now_ms = i * 30000;
        line(NOTIFY("a", HASH_A, "false"));
        tick_at(now_ms);
        if (fx.say[0] != '\0') {
            assert_true(now_ms >= 300000 && fx.say_loud);
            assert_non_null(strstr(fx.say, "difficulty 1.638e+04 is 16384000 times what was"));
            told++;
        }
    }
    assert_int_equal(told, 1);
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
    for (int i = 1; i < 5; i++) { /* jobs come, but no share is found */
        tick_at(i * 24000);
        assert_int_equal(fx.out_len, 0);
        line(NOTIFY("a", HASH_A, "false"));
    }
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
        cmocka_unit_test(pools_without_configure_are_spoken_to_plainly),
        cmocka_unit_test(a_hang_up_on_extranonce_subscribe_is_remembered),
        cmocka_unit_test(refused_subscription_and_worker_end_the_session),
        cmocka_unit_test(nonsense_that_work_depends_on_ends_the_session),
        cmocka_unit_test(a_job_of_nonsense_ends_the_session_and_names_the_field),
        cmocka_unit_test(a_clock_that_cannot_be_true_judges_nobody),
        cmocka_unit_test(a_malformed_mask_of_configure_ends_the_session),
        cmocka_unit_test(odd_messages_are_borne_and_told_once),
        cmocka_unit_test(a_redirect_to_a_stranger_is_refused),
        cmocka_unit_test(allowed_redirects_are_followed_after_a_bounded_wait),
        cmocka_unit_test(questions_of_the_pool_are_answered),
        cmocka_unit_test(nonsense_ends_the_session_with_one_message),
        cmocka_unit_test(silence_is_not_waited_out_for_ever),
        cmocka_unit_test(a_minute_without_a_job_is_silence_until_the_next_job),
        cmocka_unit_test(a_slow_pool_is_given_half_as_long_again),
        cmocka_unit_test(a_pool_that_says_nothing_is_asked_and_left),
        cmocka_unit_test(a_difficulty_for_big_machines_is_told_once),
        cmocka_unit_test(a_pool_that_answers_no_authorize_but_gives_work_is_fine),
        cmocka_unit_test(a_silent_session_is_kept_alive_and_the_difficulty_suggested_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
