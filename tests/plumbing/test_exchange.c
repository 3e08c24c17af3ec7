/* One question and one answer over TCP, with servers that answer in every way but the right one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plumbing/exchange.h"
#include "tests/mqtt/slow_dns.h"
#include "tests/plumbing/loop.h"
#include "tests/plumbing/server.h"
#include "tests/support/test.h"

/* What came of one exchange. */
struct result {
    struct exchange *exchange;
    char *bytes; /* NULL: no answer */
    size_t len;
    char why[200];
    bool done;
};

static void on_done(void *ctx, const struct exchange_answer *answer)
{
    struct result *result = ctx;
    assert_false(result->done);
    result->done = true;
    result->exchange = NULL;
    result->len = answer->len;
    if (answer->bytes != NULL) {
        assert_int_equal(answer->bytes[answer->len], '\0');
        result->bytes = malloc(answer->len + 1);
        assert_non_null(result->bytes);
        memcpy(result->bytes, answer->bytes, answer->len + 1);
    }
    (void)snprintf(result->why, sizeof result->why, "%s", answer->why);
}

static struct exchange_request request_to(uint16_t port, enum exchange_end end)
{
    return (struct exchange_request){.host = "127.0.0.1",
                                     .port = port,
                                     .bytes = "ask\n",
                                     .len = 4,
                                     .end = end,
                                     .most = 1000,
                                     .connect_timeout_ms = 30000,
                                     .timeout_ms = 30000};
}

/* The answer that `play` gives; the caller frees its bytes. */
static struct result ask(server_play play, const struct exchange_request *request)
{
    struct result result = {0};
    uv_loop_t loop;
    struct server *server = server_start(play, NULL);
    struct exchange_request to = *request;
    if (to.port == 0) {
        to.port = server_port(server);
    }
    assert_int_equal(uv_loop_init(&loop), 0);
    result.exchange = exchange_start(&loop, &to, on_done, &result, NULL);
    assert_non_null(result.exchange);
    assert_false(result.done);
    loop_until(&loop, &result.done);
    loop_end(&loop);
    server_stop(server);
    return result;
}

static void expect(server_play play, enum exchange_end end, const char *answer, size_t len)
{
    const struct exchange_request request = request_to(0, end);
    struct result result = ask(play, &request);
    if (result.bytes == NULL) {
        fail_msg("expected an answer, got: %s", result.why);
    }
    assert_int_equal(result.len, len);
    assert_memory_equal(result.bytes, answer, len);
    free(result.bytes);
}

/* --- where an answer ends ----------------------------------------------------------------------
 */

static void says_and_closes(struct visit *visit)
{
    (void)visit_until(visit, '\n');
    (void)visit_say(visit, "STATUS=S|SUMMARY");
}

static void says_nul(struct visit *visit)
{
    (void)visit_until(visit, '\n');
    (void)visit_send(visit, "abc\0def", 7);
    visit_hold(visit);
}

static void says_line(struct visit *visit)
{
    (void)visit_until(visit, '\n');
    (void)visit_say(visit, "{\"a\":1}\nmore");
    visit_hold(visit);
}

static void says_json(struct visit *visit)
{
    (void)visit_until(visit, '\n');
    (void)visit_dribble(visit, " }{\"a}\\\"}\\\\\":{\"b\":[{}]}} ");
    visit_hold(visit);
}

static void says_length(struct visit *visit)
{
    char asked[8] = "";
    size_t len = 0;
    while (len < sizeof asked) {
        const size_t more = visit_read(visit, asked + len, sizeof asked - len);
        if (more == 0) {
            return;
        }
        len += more;
    }
    if (memcmp(asked, "\4\0\0\0ask\n", 8) == 0) {
        const char answer[] = "\x2C\1\0\0";
        for (size_t i = 0; i < 4; i++) {
            (void)visit_send(visit, answer + i, 1);
        }
        char body[300];
        memset(body, 'b', sizeof body);
        (void)visit_send(visit, body, sizeof body);
        (void)visit_say(visit, "beyond");
    }
    visit_hold(visit);
}

static void each_end_ends(void **state)
{
    (void)state;
    char body[300];
    memset(body, 'b', sizeof body);
    expect(says_and_closes, EXCHANGE_CLOSE, "STATUS=S|SUMMARY", 16);
    expect(says_nul, EXCHANGE_NUL, "abc", 3);
    expect(says_line, EXCHANGE_LINE, "{\"a\":1}", 7);
    expect(says_json, EXCHANGE_JSON, " }{\"a}\\\"}\\\\\":{\"b\":[{}]}}", 24);
    expect(says_nul, EXCHANGE_JSON, "abc", 3);
    expect(says_length, EXCHANGE_LENGTH32, body, sizeof body);
}

static void says_part(struct visit *visit)
{
    (void)visit_until(visit, '\n');
    (void)visit_say(visit, "{\"a\":");
}

static void says_part_of_length(struct visit *visit)
{
    (void)visit_until(visit, '\n');
    (void)visit_send(visit, "\x09\0\0\0{\"a\":", 9);
}

static void an_answer_broken_off_is_one(void **state)
{
    (void)state;
    expect(says_part, EXCHANGE_NUL, "{\"a\":", 5);
    expect(says_part, EXCHANGE_LINE, "{\"a\":", 5);
    expect(says_part, EXCHANGE_JSON, "{\"a\":", 5);
    expect(says_part_of_length, EXCHANGE_LENGTH32, "{\"a\":", 5);
}

/* --- no answer ---------------------------------------------------------------------------------
 */

static void expect_none(server_play play, const struct exchange_request *request, const char *why)
{
    struct result result = ask(play, request);
    assert_null(result.bytes);
    if (strstr(result.why, why) == NULL) {
        fail_msg("expected '%s', got '%s'", why, result.why);
    }
}

static void closes(struct visit *visit)
{
    (void)visit_until(visit, '\n');
}

static void resets(struct visit *visit)
{
    (void)visit_until(visit, '\n');
    visit_reset(visit);
}

static void says_length_only(struct visit *visit)
{
    (void)visit_until(visit, '\n');
    (void)visit_send(visit, "\x09\0\0\0", 4);
}

static void silence_is_told(void **state)
{
    (void)state;
    struct exchange_request request = request_to(0, EXCHANGE_CLOSE);
    expect_none(closes, &request, "the connection was closed without an answer");
    expect_none(resets, &request, "connection reset by peer");
    request.end = EXCHANGE_LENGTH32;
    expect_none(says_length_only, &request, "the connection was closed without an answer");
    request.timeout_ms = 300;
    expect_none(visit_hold, &request, "within 300 ms");
}

static void dribbles(struct visit *visit)
{
    while (visit_dribble(visit, "{\"a\":")) {
    }
}

static void dribbling_does_not_prolong(void **state)
{
    (void)state;
    struct exchange_request request = request_to(0, EXCHANGE_LINE);
    request.timeout_ms = 300;
    request.most = 100000;
    expect_none(dribbles, &request, "within 300 ms");
}

static void floods(struct visit *visit)
{
    while (visit_flood(visit, 1024)) {
    }
}

static void says_too_long_a_line(struct visit *visit)
{
    (void)visit_until(visit, '\n');
    (void)visit_flood(visit, 100 * 1024);
    (void)visit_say(visit, "\n");
}

static void says_huge_length(struct visit *visit)
{
    (void)visit_until(visit, '\n');
    (void)visit_send(visit, "\xFF\xFF\xFF\xFF", 4);
    visit_hold(visit);
}

static void says_1024(struct visit *visit)
{
    (void)visit_until(visit, '\n');
    (void)visit_flood(visit, 1);
    (void)visit_say(visit, "\n");
    visit_hold(visit);
}

static void says_1024_and_closes(struct visit *visit)
{
    (void)visit_until(visit, '\n');
    (void)visit_flood(visit, 1);
}

static void too_much_is_refused(void **state)
{
    (void)state;
    static const enum exchange_end ends[] = {EXCHANGE_CLOSE, EXCHANGE_NUL, EXCHANGE_LINE,
                                             EXCHANGE_JSON};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        const struct exchange_request request = request_to(0, ends[i]);
        expect_none(floods, &request, "the answer is longer than 1000 bytes");
        expect_none(says_too_long_a_line, &request, "the answer is longer than 1000 bytes");
    }
    const struct exchange_request length = request_to(0, EXCHANGE_LENGTH32);
    expect_none(says_huge_length, &length, "the answer is longer than 1000 bytes");
}

static void the_limit_itself_is_allowed(void **state)
{
    (void)state;
    static const struct {
        server_play play;
        enum exchange_end end;
    } cases[] = {{says_1024, EXCHANGE_LINE}, {says_1024_and_closes, EXCHANGE_CLOSE}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct exchange_request request = request_to(0, cases[i].end);
        request.most = 1024;
        struct result result = ask(cases[i].play, &request);
        assert_non_null(result.bytes);
        assert_int_equal(result.len, 1024);
        free(result.bytes);
        request.most = 1023;
        expect_none(cases[i].play, &request, "the answer is longer than 1023 bytes");
    }
}

static void who_is_not_there_is_named(void **state)
{
    (void)state;
    struct exchange_request request = request_to(server_refused_port(), EXCHANGE_CLOSE);
    expect_none(closes, &request, "connection refused");
    request.host = "no-such-device.invalid";
    expect_none(closes, &request, "name 'no-such-device.invalid' cannot be looked up: ");
    request.host = "255.255.255.255";
    struct result result = ask(closes, &request);
    assert_null(result.bytes);
    assert_true(result.why[0] != '\0');
    request.host = "localhost";
    expect_none(closes, &request, "connection refused");
    request.port = 0;
    request.end = EXCHANGE_LINE;
    result = ask(says_line, &request);
    assert_string_equal(result.why, "");
    free(result.bytes);
}

/* --- names that hang ---------------------------------------------------------------------------
 */

static void hanging_names_hold_nobody_up(void **state)
{
    (void)state;
    enum { HANGING = 12 };
    struct exchange *hanging[HANGING];
    struct result never = {0};
    struct result result = {0};
    uv_loop_t loop;
    struct server *server = server_start(says_line, NULL);
    struct exchange_request request = request_to(server_port(server), EXCHANGE_LINE);
    assert_int_equal(uv_loop_init(&loop), 0);
    slow_dns_set(120000);
    request.host = "slow.test";
    for (size_t i = 0; i < HANGING; i++) {
        hanging[i] = exchange_start(&loop, &request, on_done, &never, NULL);
        assert_non_null(hanging[i]);
    }
    assert_true(slow_dns_hanging(60000));
    request.host = "localhost";
    result.exchange = exchange_start(&loop, &request, on_done, &result, NULL);
    loop_until(&loop, &result.done);
    assert_string_equal(result.bytes, "{\"a\":1}");
    free(result.bytes);
    for (size_t i = 0; i < HANGING; i++) {
        exchange_cancel(hanging[i]);
    }
    loop_end(&loop);                  /* does not wait for them: */
    assert_true(slow_dns_hanging(0)); /* they hang still         */
    assert_false(never.done);
    slow_dns_release();
    assert_true(slow_dns_idle(60000));
    server_stop(server);
}

static void a_name_has_its_time_only(void **state)
{
    (void)state;
    struct exchange_request request = request_to(0, EXCHANGE_LINE);
    request.host = "slow.test";
    request.connect_timeout_ms = 200;
    slow_dns_set(120000);
    expect_none(says_line, &request, "no connection within 200 ms");
    slow_dns_release();
    assert_true(slow_dns_idle(60000));
}

/* --- cancelling --------------------------------------------------------------------------------
 */

static void says_slowly(struct visit *visit)
{
    (void)visit_until(visit, '\n');
    (void)visit_dribble(visit, "0123456789");
    visit_hold(visit);
}

/* After each number of turns of the loop, from none to more than the whole exchange takes. */
static void cancelled_at_every_moment_it_is_silent(void **state)
{
    (void)state;
    static const char *const hosts[] = {"127.0.0.1", "localhost", "no-such-device.invalid"};
    struct server *server = server_start(says_slowly, NULL);
    for (int turns = 0; turns < 30; turns++) {
        struct result result = {0};
        uv_loop_t loop;
        struct exchange_request request = request_to(server_port(server), EXCHANGE_LINE);
        request.host = hosts[turns % 3];
        assert_int_equal(uv_loop_init(&loop), 0);
        struct exchange *exchange = exchange_start(&loop, &request, on_done, &result, NULL);
        for (int i = 0; i < turns / 3 && !result.done; i++) {
            (void)uv_run(&loop, UV_RUN_ONCE);
        }
        const bool done = result.done; /* a name that does not exist may be quick */
        if (!done) {
            exchange_cancel(exchange);
        }
        loop_end(&loop);
        assert_int_equal(result.done, done);
        free(result.bytes);
    }
    server_stop(server);
    exchange_cancel(NULL);
}

struct pair {
    struct result first, second;
};

static void on_first(void *ctx, const struct exchange_answer *answer)
{
    struct pair *pair = ctx;
    on_done(&pair->first, answer);
    exchange_cancel(pair->second.exchange);
    pair->second.exchange = NULL;
}

static void one_receiver_may_cancel_another(void **state)
{
    (void)state;
    struct pair pair = {0};
    uv_loop_t loop;
    struct server *quick = server_start(says_line, NULL);
    struct server *slow = server_start(visit_hold, NULL);
    assert_int_equal(uv_loop_init(&loop), 0);
    const struct exchange_request to_slow = request_to(server_port(slow), EXCHANGE_LINE);
    const struct exchange_request to_quick = request_to(server_port(quick), EXCHANGE_LINE);
    pair.second.exchange = exchange_start(&loop, &to_slow, on_done, &pair.second, NULL);
    pair.first.exchange = exchange_start(&loop, &to_quick, on_first, &pair, NULL);
    loop_until(&loop, &pair.first.done);
    loop_end(&loop);
    assert_false(pair.second.done);
    free(pair.first.bytes);
    server_stop(quick);
    server_stop(slow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_end_ends),
        cmocka_unit_test(an_answer_broken_off_is_one),
        cmocka_unit_test(silence_is_told),
        cmocka_unit_test(dribbling_does_not_prolong),
        cmocka_unit_test(too_much_is_refused),
        cmocka_unit_test(the_limit_itself_is_allowed),
        cmocka_unit_test(who_is_not_there_is_named),
        cmocka_unit_test(hanging_names_hold_nobody_up),
        cmocka_unit_test(a_name_has_its_time_only),
        cmocka_unit_test(cancelled_at_every_moment_it_is_silent),
        cmocka_unit_test(one_receiver_may_cancel_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
