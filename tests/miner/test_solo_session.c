/* The dialogue with one's own node: every answer, in and out of order, and what becomes of a block
 * that was found. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "miner/difficulty.h"
#include "miner/kernel/sha256.h"
#include "miner/solo/solo_session.h"
#include "tests/miner/templates.h"

#define ADDRESS   "bcrt1qdavt4j2sd7dlhqsavtnfxvzppw6k7qy97tmnu9"
#define PARENT_A  "681fac5b473ab877906a65ab4bc21eebc5ec5fe86b634909618dbd624d5d8c7c"
#define PARENT_B  "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"
#define START_MS  1000000
#define FIRST_JOB 77

struct test {
    struct solo_session session;
    struct solo_effects effects;
};

static hb_mono at(int64_t ms)
{
    return (hb_mono){START_MS + ms};
}

static int set_up(void **state)
{
    struct test *test = calloc(1, sizeof *test);
    struct solo_payee payee = {.extranonce1 = {1, 2, 3, 4}};
    assert_non_null(test);
    assert_true(address_parse(ADDRESS, &payee.address, NULL));
    solo_init(&test->session, &payee, ADDRESS, FIRST_JOB);
    *state = test;
    return 0;
}

static int tear_down(void **state)
{
    struct test *test = *state;
    solo_fini(&test->session);
    free(test);
    return 0;
}

/* Exactly these calls are asked for; SOLO_CALLS: none. */
static void expect_calls(const struct test *test, enum solo_call first, enum solo_call second)
{
    for (int call = 0; call < SOLO_CALLS; call++) {
        const bool expected = call == (int)first || call == (int)second;
        if (test->effects.ask[call] != expected) {
            fail_msg("call %d: asked %d", call, test->effects.ask[call]);
        }
    }
}

static void expect_silence(const struct test *test)
{
    expect_calls(test, SOLO_CALLS, SOLO_CALLS);
    assert_false(test->effects.new_job);
    assert_false(test->effects.close);
    assert_int_equal(test->effects.submit_count, 0);
}

static struct json *parse(const char *text)
{
    struct json *json = json_parse(text, strlen(text), 10000, NULL);
    assert_non_null(json);
    return json;
}

static void give_chain(struct test *test, const char *text)
{
    struct json *json = parse(text);
    solo_chain(&test->session, json, &test->effects);
    json_free(json);
}

static void give_template(struct test *test, enum solo_call call, const char *parent,
                          const char *longpoll_id, int64_t ms)
{
    char text[80];
    (void)snprintf(text, sizeof text, "\"%s\"", parent);
    struct json *json = template_changed("previousblockhash", text);
    if (longpoll_id != NULL) {
        (void)snprintf(text, sizeof text, "\"%s\"", longpoll_id);
    }
    json = template_change(json, "longpollid", longpoll_id == NULL ? NULL : text);
    solo_template(&test->session, call, template_read(json), at(ms), &test->effects);
}

static void give_proposal(struct test *test, const char *text)
{
    struct json *json = parse(text);
    solo_proposal(&test->session, json, at(0), &test->effects);
    json_free(json);
}

/* The whole beginning. */
static void begin(struct test *test, const char *longpoll_id)
{
    solo_opened(&test->session, &test->effects);
    expect_calls(test, SOLO_CHAIN, SOLO_CALLS);
    give_chain(test, "{\"chain\": \"regtest\", \"blocks\": 109, \"headers\": 109}");
    expect_calls(test, SOLO_TEMPLATE, SOLO_CALLS);
    give_template(test, SOLO_TEMPLATE, PARENT_A, longpoll_id, 0);
    expect_calls(test, SOLO_PROPOSE, SOLO_CALLS);
    assert_false(test->effects.new_job);
    give_proposal(test, "null");
    assert_true(test->effects.new_job);
}

/* A header of the current job that is a block on its chain. */
static uint64_t find_block(const struct test *test, uint8_t header[80], uint8_t hash[32])
{
    const struct job *job = &test->session.job;
    for (uint32_t nonce = 0;; nonce++) {
        job_make_header(job, job->extranonce2_first, job->notify.ntime, 0, nonce, header);
        sha256d_digest(header, 80, hash);
        if (difficulty_meets(hash, test->session.block->target)) {
            return job->serial;
        }
    }
}

/* Its number among the found ones; 0 if it is not submitted. */
static uint64_t submit_one(struct test *test, int64_t ms)
{
    uint8_t header[80];
    uint8_t hash[32];
    const uint64_t serial = find_block(test, header, hash);
    solo_found(&test->session, serial, header, test->session.job.extranonce2_first, hash, at(ms),
               &test->effects);
    return test->effects.submit_count == 1 ? test->effects.submit[0]->id : 0;
}

static void answer_submit(struct test *test, uint64_t id, const char *text, int64_t ms)
{
    struct json *json = text == NULL ? NULL : parse(text);
    solo_submitted(&test->session, id, json, at(ms), &test->effects);
    json_free(json);
}

/* --- the beginning ------------------------------------------------------------------------------
 */

static void work_begins_when_the_node_would_take_our_block(void **state)
{
    struct test *test = *state;
    begin(test, "first");
    expect_calls(test, SOLO_NEWS, SOLO_CALLS);
    assert_int_equal(test->session.job.serial, FIRST_JOB);
    assert_true(test->session.job.notify.clean);
    char *request = solo_request(&test->session, SOLO_NEWS);
    assert_non_null(strstr(request, "\"longpollid\":\"first\""));
    free(request);
    request = solo_request(&test->session, SOLO_TEMPLATE);
    assert_null(strstr(request, "longpollid"));
    assert_non_null(strstr(request, "\"rules\":[\"segwit\",\"signet\"]"));
    free(request);
    solo_tick(&test->session, at(1000), &test->effects);
    expect_silence(test);
}

static void a_block_that_would_be_refused_is_not_mined(void **state)
{
    struct test *test = *state;
    solo_opened(&test->session, &test->effects);
    give_chain(test, "{\"chain\": \"regtest\"}");
    give_template(test, SOLO_TEMPLATE, PARENT_A, "x", 0);
    char *request = solo_request(&test->session, SOLO_PROPOSE);
    assert_non_null(strstr(request, "\"mode\":\"proposal\""));
    free(request);
    give_proposal(test, "\"bad-cb-amount\"");
    assert_true(test->effects.close);
    assert_non_null(strstr(test->effects.why, "would not take our block: bad-cb-amount"));

    /* But it is no fault of ours if the chain grew meanwhile. */
    solo_opened(&test->session, &test->effects);
    give_chain(test, "{\"chain\": \"regtest\"}");
    give_template(test, SOLO_TEMPLATE, PARENT_A, "x", 0);
    give_proposal(test, "\"inconclusive-not-best-prevblk\"");
    assert_false(test->effects.close);
    expect_calls(test, SOLO_TEMPLATE, SOLO_CALLS);
    give_template(test, SOLO_TEMPLATE, PARENT_B, "y", 0);
    expect_calls(test, SOLO_PROPOSE, SOLO_CALLS);
}

static void expect_chain_refused(struct test *test, const char *chain, const char *why)
{
    solo_opened(&test->session, &test->effects);
    give_chain(test, chain);
    assert_true(test->effects.close);
    expect_calls(test, SOLO_CALLS, SOLO_CALLS);
    if (strstr(test->effects.why, why) == NULL) {
        fail_msg("expected '%s', got '%s'", why, test->effects.why);
    }
}

static void a_chain_that_cannot_pay_us_is_refused(void **state)
{
    struct test *test = *state;
    expect_chain_refused(test, "{\"chain\": \"main\"}",
                         "the node is on chain 'main', where nobody can be paid at '" ADDRESS "'");
    expect_chain_refused(test, "{\"chain\": \"signet\"}", "must be signed by its keepers");
    expect_chain_refused(test, "{\"chain\": \"moon\"}", "chain 'moon' is not known");
    expect_chain_refused(test, "{\"chain\": 5}", "chain '' is not known");
    expect_chain_refused(test, "null", "chain '' is not known");
}

static void a_node_that_catches_up_says_how_far_it_is(void **state)
{
    struct test *test = *state;
    solo_opened(&test->session, &test->effects);
    give_chain(test, "{\"chain\": \"regtest\", \"blocks\": 1200, \"headers\": 850000}");
    solo_failed(&test->session, SOLO_TEMPLATE, "the node is still catching up", &test->effects);
    assert_true(test->effects.close);
    assert_string_equal(test->effects.why, "the node is still catching up (block 1200 of 850000)");
}

/* --- work ---------------------------------------------------------------------------------------
 */

static void news_become_work_at_once(void **state)
{
    struct test *test = *state;
    begin(test, "first");
    give_template(test, SOLO_NEWS, PARENT_B, "second", 5000);
    assert_true(test->effects.new_job);
    assert_true(test->session.job.notify.clean);
    assert_int_equal(test->session.job.serial, FIRST_JOB + 1);
    expect_calls(test, SOLO_NEWS, SOLO_CALLS);
    char *request = solo_request(&test->session, SOLO_NEWS);
    assert_non_null(strstr(request, "\"longpollid\":\"second\""));
    free(request);
}

static void the_clock_of_the_header_keeps_going(void **state)
{
    struct test *test = *state;
    begin(test, "first");
    const uint64_t first = test->session.job.extranonce2_first;
    solo_tick(&test->session, at(29999), &test->effects);
    expect_silence(test);
    solo_tick(&test->session, at(30000), &test->effects);
    expect_calls(test, SOLO_TEMPLATE, SOLO_CALLS);
    solo_tick(&test->session, at(31000), &test->effects);
    expect_silence(test); /* asked already */
    give_template(test, SOLO_TEMPLATE, PARENT_A, "first", 31000);
    assert_true(test->effects.new_job);
    assert_false(test->session.job.notify.clean);
    expect_calls(test, SOLO_CALLS, SOLO_CALLS); /* the wait for news goes on */
    /* Not one header is made twice, though the template is the same. */
    assert_true(test->session.job.extranonce2_first != first);
}

static void a_template_older_than_the_news_is_not_mined(void **state)
{
    struct test *test = *state;
    begin(test, "first");
    solo_tick(&test->session, at(30000), &test->effects);
    expect_calls(test, SOLO_TEMPLATE, SOLO_CALLS);
    give_template(test, SOLO_NEWS, PARENT_B, "second", 30001);
    assert_true(test->effects.new_job);
    give_template(test, SOLO_TEMPLATE, PARENT_A, "first", 30002);
    expect_silence(test);
    assert_string_equal(test->session.block->longpoll_id, "second");
    /* Asked again in time, and then it counts. */
    solo_tick(&test->session, at(60002), &test->effects);
    expect_calls(test, SOLO_TEMPLATE, SOLO_CALLS);
    give_template(test, SOLO_TEMPLATE, PARENT_B, "second", 60003);
    assert_true(test->effects.new_job);
}

static void a_node_that_tells_no_news_is_asked_often(void **state)
{
    struct test *test = *state;
    begin(test, NULL);
    expect_calls(test, SOLO_CALLS, SOLO_CALLS);
    solo_tick(&test->session, at(4999), &test->effects);
    expect_silence(test);
    solo_tick(&test->session, at(5000), &test->effects);
    expect_calls(test, SOLO_TEMPLATE, SOLO_CALLS);
}

static void any_failed_call_ends_the_session(void **state)
{
    struct test *test = *state;
    for (int call = 0; call < SOLO_CALLS; call++) {
        begin(test, "first");
        solo_failed(&test->session, (enum solo_call)call, "connection refused", &test->effects);
        assert_true(test->effects.close);
        assert_string_equal(test->effects.why, "connection refused");
        solo_closed(&test->session);
        assert_false(solo_is_open(&test->session));
        /* What is still on its way finds nobody. */
        solo_failed(&test->session, (enum solo_call)call, "late", &test->effects);
        expect_silence(test);
        give_template(test, SOLO_TEMPLATE, PARENT_A, "late", 1);
        expect_silence(test);
    }
}

static void hits_come_at_the_pace_that_is_wanted(void **state)
{
    struct test *test = *state;
    const struct job *job = &test->session.job;
    uint8_t expected[32];
    /* Regtest asks for next to nothing, so the least of ours counts. */
    solo_want_difficulty(&test->session, 0.01);
    begin(test, "first");
    assert_near(job->difficulty, SOLO_DIFFICULTY_MIN, 0);
    difficulty_to_target(SOLO_DIFFICULTY_MIN, expected);
    assert_memory_equal(job->target, expected, 32);

    /* On a chain with work to do: what is wanted, but never harder than a block. */
    struct json *json = template_changed("bits", "\"1b0404cb\"");
    json = template_change(json, "target", NULL);
    solo_template(&test->session, SOLO_NEWS, template_read(json), at(1), &test->effects);
    assert_near(job->difficulty, 0.01, 0);
    solo_want_difficulty(&test->session, 1e9);
    json = template_changed("bits", "\"1b0404cb\"");
    json = template_change(json, "target", NULL);
    solo_template(&test->session, SOLO_NEWS, template_read(json), at(2), &test->effects);
    assert_near(job->difficulty, 16307.420938523983, 1e-9); /* block 100,800's */
    assert_memory_equal(job->target, test->session.block->target, 32);
}

/* --- found blocks -------------------------------------------------------------------------------
 */

static void a_found_block_is_submitted_once(void **state)
{
    struct test *test = *state;
    begin(test, "first");
    const uint64_t id = submit_one(test, 100);
    assert_true(id != 0);
    const struct solo_block *found = test->effects.submit[0];
    assert_int_equal(found->height, 110);
    char *request = node_ask_submit(found->hex, found->work_id);
    assert_non_null(strstr(request, "\"method\":\"submitblock\",\"params\":[\""));
    free(request);
    /* Another block on the same parent would only compete with ours. */
    assert_int_equal(0, submit_one(test, 101));
    answer_submit(test, id, "null", 110);
    assert_int_equal(test->effects.blocks, 1);
    assert_non_null(strstr(test->effects.say, "block 110 found and taken by the node"));
    assert_false(test->effects.say_loud);
    expect_calls(test, SOLO_CALLS, SOLO_CALLS); /* the news will come by themselves */
    assert_int_equal(0, submit_one(test, 120));
    answer_submit(test, id, "null", 130); /* nobody asked */
    assert_int_equal(test->effects.blocks, 0);
    /* On the next parent everything is open again. */
    give_template(test, SOLO_NEWS, PARENT_B, "second", 140);
    assert_true(submit_one(test, 150) != 0);
}

static void a_block_of_the_work_before_still_counts(void **state)
{
    struct test *test = *state;
    uint8_t header[80];
    uint8_t hash[32];
    begin(test, "first");
    const uint64_t extranonce2 = test->session.job.extranonce2_first;
    const uint64_t serial = find_block(test, header, hash);
    give_template(test, SOLO_NEWS, PARENT_A, "second", 10);
    solo_found(&test->session, serial, header, extranonce2, hash, at(20), &test->effects);
    assert_int_equal(test->effects.submit_count, 1);
    /* Two works back is too long ago. */
    give_template(test, SOLO_NEWS, PARENT_A, "third", 30);
    assert_null(solo_find_work(&test->session, serial));
    solo_found(&test->session, serial, header, extranonce2, hash, at(40), &test->effects);
    assert_int_equal(test->effects.submit_count, 0);
}

static void a_hit_that_is_no_block_stays_here(void **state)
{
    struct test *test = *state;
    uint8_t header[80];
    uint8_t hash[32];
    begin(test, "first");
    const uint64_t serial = find_block(test, header, hash);
    memset(hash, 0xff, sizeof hash);
    solo_found(&test->session, serial, header, 0, hash, at(1), &test->effects);
    expect_silence(test);
    assert_int_equal(test->effects.blocks, 0);
}

static void expect_verdict(struct test *test, const char *verdict, enum share_reject kind,
                           bool open_again)
{
    begin(test, "first");
    const uint64_t id = submit_one(test, 1);
    assert_true(id != 0);
    answer_submit(test, id, verdict, 2);
    assert_int_equal(test->effects.blocks, 0);
    assert_int_equal(test->effects.rejected[kind], 1);
    assert_true(test->effects.say_loud);
    assert_non_null(strstr(test->effects.say, "the node does not take block 110"));
    assert_int_equal(submit_one(test, 3) != 0, open_again);
}

static void refusals_are_told_by_reason(void **state)
{
    static const struct row {
        const char *verdict;
        enum share_reject kind;
        bool open_again; /* another block on that parent may fare better */
    } rows[] = {
        {"\"inconclusive\"", REJECT_STALE, false},
        {"\"stale-prevblk\"", REJECT_STALE, false},
        {"\"duplicate\"", REJECT_DUPLICATE, false},
        {"\"high-hash\"", REJECT_LOW_DIFFICULTY, true},
        {"\"time-too-old\"", REJECT_OTHER, true},
        {"\"bad-txnmrklroot\"", REJECT_OTHER, true},
        {"{\"reject-reason\": \"bad-cb-height\"}", REJECT_OTHER, true},
        {"7", REJECT_OTHER, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        expect_verdict(*state, rows[i].verdict, rows[i].kind, rows[i].open_again);
        (void)tear_down(state);
        (void)set_up(state);
    }
}

static void a_block_outlives_the_connection(void **state)
{
    struct test *test = *state;
    begin(test, "first");
    const uint64_t id = submit_one(test, 0);
    answer_submit(test, id, NULL, 100); /* the call came to nothing */
    solo_failed(&test->session, SOLO_NEWS, "connection reset", &test->effects);
    solo_closed(&test->session);
    solo_tick(&test->session, at(1000), &test->effects);
    expect_silence(test);
    solo_tick(&test->session, at(1100), &test->effects);
    assert_int_equal(test->effects.submit_count, 1);
    assert_int_equal(test->effects.submit[0]->id, id);
    solo_tick(&test->session, at(3000), &test->effects);
    assert_int_equal(test->effects.submit_count, 0); /* that call is under way */
    /* The node had taken it, only its answer was lost. */
    answer_submit(test, id, "\"duplicate\"", 3100);
    assert_int_equal(test->effects.blocks, 1);
    assert_false(test->effects.say_loud);
}

static void a_block_is_given_up_when_the_chain_is_far_ahead(void **state)
{
    struct test *test = *state;
    begin(test, "first");
    const uint64_t id = submit_one(test, 0);
    solo_closed(&test->session); /* cancels the call */
    int64_t ms = 0;
    unsigned tries = 0;
    for (; ms < 10 * 60 * 1000; ms += 1000) {
        solo_tick(&test->session, at(ms), &test->effects);
        tries += (unsigned)test->effects.submit_count;
        answer_submit(test, id, NULL, ms);
    }
    assert_in_range(tries, 500, 601);
    solo_tick(&test->session, at(ms), &test->effects);
    assert_int_equal(test->effects.submit_count, 0);
    assert_int_equal(test->effects.rejected[REJECT_STALE], 1);
    assert_true(test->effects.say_loud);
    solo_tick(&test->session, at(ms + 5000), &test->effects);
    assert_int_equal(test->effects.rejected[REJECT_STALE], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(work_begins_when_the_node_would_take_our_block, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_block_that_would_be_refused_is_not_mined, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_chain_that_cannot_pay_us_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_node_that_catches_up_says_how_far_it_is, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(news_become_work_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_clock_of_the_header_keeps_going, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_template_older_than_the_news_is_not_mined, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_node_that_tells_no_news_is_asked_often, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(any_failed_call_ends_the_session, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hits_come_at_the_pace_that_is_wanted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_found_block_is_submitted_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_block_of_the_work_before_still_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_hit_that_is_no_block_stays_here, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refusals_are_told_by_reason, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_block_outlives_the_connection, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_block_is_given_up_when_the_chain_is_far_ahead, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
