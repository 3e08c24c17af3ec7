/* HTTP calls over real sockets, with servers that do everything but what they should. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/mqtt/slow_dns.h"
#include "tests/plumbing/http_stage.h"
#include "tests/support/test.h"

static void answers(struct visit *visit)
{
    char request[4000];
    while (visit_request(visit, request, sizeof request)) {
        (void)visit_say(visit, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: one\r\n"
                               "x-a: two\r\n\r\nhello");
    }
}

/* Plays what `ctx` points to, once, and waits for the client to go. */
static void says_text(struct visit *visit)
{
    char request[4000];
    if (visit_request(visit, request, sizeof request)) {
        (void)visit_say(visit, visit->ctx);
        visit_hold(visit);
    }
}

static void says_text_and_closes(struct visit *visit)
{
    char request[4000];
    if (visit_request(visit, request, sizeof request)) {
        (void)visit_say(visit, visit->ctx);
    }
}

static void closes_when_asked(struct visit *visit)
{
    char request[4000];
    (void)visit_request(visit, request, sizeof request);
}

/* --- good answers ------------------------------------------------------------------------------
 */

static void an_answer_comes_whole(void **state)
{
    (void)state;
    struct stage stage;
    struct result result = {.wanted = "X-a"};
    open_stage(&stage, answers, NULL);
    const struct http_request request = get(&stage);
    start(&stage, &request, &result);
    await(&result);
    assert_int_equal(result.status, 200);
    assert_string_equal(result.body, "hello");
    assert_string_equal(result.header, "two");
    assert_string_equal(result.why, "");
    forget(&result);
    result.wanted = "X-B";
    start(&stage, &request, &result);
    await(&result);
    assert_string_equal(result.header, "-");
    forget(&result);
    close_stage(&stage);
}

static char *taken;

static void on_take(void *ctx, const struct http_answer *answer)
{
    taken = http_take_body(answer);
    *(bool *)ctx = true;
}

static void a_body_can_be_kept(void **state)
{
    (void)state;
    static const struct {
        server_play play;
        const char *says, *body;
    } cases[] = {{answers, NULL, "hello"},
                 {says_text, "HTTP/1.1 204 No Content\r\n\r\n", ""},
                 {closes_when_asked, NULL, ""}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct stage stage;
        bool done = false;
        open_stage(&stage, cases[i].play, (void *)(uintptr_t)cases[i].says);
        const struct http_request request = get(&stage);
        assert_non_null(http_start(stage.http, &request, on_take, &done, NULL));
        loop_until(&stage.loop, &done);
        assert_string_equal(taken, cases[i].body);
        free(taken);
        close_stage(&stage);
    }
}

static void each_method_is_sent_as_it_is(void **state)
{
    (void)state;
    static const struct {
        enum http_method method;
        const char *body, *line, *length;
    } cases[] = {
        {HTTP_GET, NULL, "GET /x HTTP/1.1\r\n", NULL},
        {HTTP_POST, "{}", "POST /x HTTP/1.1\r\n", "Content-Length: 2\r\n"},
        {HTTP_POST, NULL, "POST /x HTTP/1.1\r\n", "Content-Length: 0\r\n"},
        {HTTP_PUT, "abc", "PUT /x HTTP/1.1\r\n", "Content-Length: 3\r\n"},
        {HTTP_PUT, NULL, "PUT /x HTTP/1.1\r\n", "Content-Length: 0\r\n"},
        {HTTP_PATCH, "{\"a\":1}", "PATCH /x HTTP/1.1\r\n", "Content-Length: 7\r\n"},
        {HTTP_DELETE, NULL, "DELETE /x HTTP/1.1\r\n", NULL},
        {HTTP_DELETE, "x", "DELETE /x HTTP/1.1\r\n", "Content-Length: 1\r\n"},
    };
    static const char *const headers[] = {"X-Mine: yes", NULL};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct stage stage;
        struct result result = {0};
        open_stage(&stage, answers, NULL);
        struct http_request request = get(&stage);
        request.method = cases[i].method;
        request.body = cases[i].body;
        request.body_len = cases[i].body == NULL ? 0 : strlen(cases[i].body);
        request.headers = headers;
        request.auth = HTTP_AUTH_BASIC;
        request.user = "me";
        request.password = "pw";
        start(&stage, &request, &result);
        await(&result);
        char *heard = server_heard(stage.server);
        assert_true(strncmp(heard, cases[i].line, strlen(cases[i].line)) == 0);
        assert_non_null(strstr(heard, "X-Mine: yes\r\n"));
        assert_non_null(strstr(heard, "Authorization: Basic bWU6cHc=\r\n"));
        assert_null(strstr(heard, "Expect"));
        assert_null(strstr(heard, "Origin"));
        if (cases[i].length != NULL) {
            assert_non_null(strstr(heard, cases[i].length));
        } else {
            assert_null(strstr(heard, "Content-Length"));
        }
        if (cases[i].body != NULL) {
            assert_string_equal(strstr(heard, "\r\n\r\n") + 4, cases[i].body);
        }
        free(heard);
        forget(&result);
        close_stage(&stage);
    }
}

static void connections_are_kept_unless_fresh(void **state)
{
    (void)state;
    struct stage stage;
    struct result result = {0};
    open_stage(&stage, answers, NULL);
    struct http_request request = get(&stage);
    for (int i = 0; i < 10; i++) {
        request.fresh = i >= 5;
        start(&stage, &request, &result);
        await(&result);
        assert_int_equal(result.status, 200);
        forget(&result);
        assert_int_equal(server_visits(stage.server), i < 5 ? 1 : i - 3);
    }
    http_destroy(stage.http);
    loop_end(&stage.loop);
    server_stop(stage.server);
}

static void the_environment_decides_nothing(void **state)
{
    (void)state;
    struct stage stage;
    struct result result = {0};
    char proxy[64];
    (void)snprintf(proxy, sizeof proxy, "http://127.0.0.1:%u", server_refused_port());
    assert_int_equal(setenv("http_proxy", proxy, 1), 0);
    assert_int_equal(setenv("ALL_PROXY", proxy, 1), 0);
    open_stage(&stage, answers, NULL);
    const struct http_request request = get(&stage);
    start(&stage, &request, &result);
    await(&result);
    assert_int_equal(result.status, 200);
    forget(&result);
    close_stage(&stage);
    (void)unsetenv("http_proxy");
    (void)unsetenv("ALL_PROXY");
}

static void a_redirect_is_named_and_not_followed(void **state)
{
    (void)state;
    struct stage stage;
    struct result result = {.wanted = "Location"};
    char text[300];
    char why[300];
    struct server *target = server_start(answers, NULL);
    (void)snprintf(text, sizeof text,
                   "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%u/\x1B[0m\r\n"
                   "Content-Length: 2\r\n\r\nhi",
                   server_port(target));
    (void)snprintf(why, sizeof why,
                   "status 302 sends us to http://127.0.0.1:%u/?[0m, where we do not go",
                   server_port(target));
    open_stage(&stage, says_text, text);
    const struct http_request request = get(&stage);
    start(&stage, &request, &result);
    await(&result);
    assert_int_equal(result.status, 302);
    assert_string_equal(result.why, why);
    assert_string_equal(result.body, "hi");
    assert_int_equal(server_visits(target), 0);
    forget(&result);
    close_stage(&stage);
    server_stop(target);
}

/* --- bad answers -------------------------------------------------------------------------------
 */

static void expect_none(server_play play, const char *text, int timeout_ms, const char *why)
{
    struct stage stage;
    struct result result = {.wanted = "X"};
    open_stage(&stage, play, (void *)(uintptr_t)text);
    struct http_request request = get(&stage);
    request.timeout_ms = timeout_ms;
    start(&stage, &request, &result);
    await(&result);
    if (result.status != 0 || strstr(result.why, why) == NULL) {
        fail_msg("expected '%s', got status %d, '%s'", why, result.status, result.why);
    }
    assert_string_equal(result.body, "");
    assert_string_equal(result.header, "-");
    forget(&result);
    close_stage(&stage);
}

static void dribbles_head(struct visit *visit)
{
    while (visit_dribble(visit, "HTTP/1.1 200 OK\r\nX: ")) {
    }
}

static void dribbles_body(struct visit *visit)
{
    (void)visit_say(visit, "HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n");
    (void)visit_dribble(visit, "1");
    visit_hold(visit);
}

static void slowness_is_bounded(void **state)
{
    (void)state;
    expect_none(visit_hold, NULL, 300, "within 300 ms");
    expect_none(dribbles_head, NULL, 300, "within 300 ms");
    expect_none(dribbles_body, NULL, 300, "within 300 ms");
}

static void floods_body(struct visit *visit)
{
    (void)visit_say(visit, "HTTP/1.1 200 OK\r\n\r\n");
    while (visit_flood(visit, 1024)) {
    }
}

static void floods_chunks(struct visit *visit)
{
    (void)visit_say(visit, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    while (visit_say(visit, "400\r\n") && visit_flood(visit, 1) && visit_say(visit, "\r\n")) {
    }
}

static void floods_headers(struct visit *visit)
{
    (void)visit_say(visit, "HTTP/1.1 200 OK\r\n");
    while (visit_say(visit, "X: ") && visit_flood(visit, 1) && visit_say(visit, "\r\n")) {
    }
}

static void floods_line(struct visit *visit)
{
    (void)visit_say(visit, "HTTP/1.1 200 OK\r\nX: ");
    (void)visit_flood(visit, 100 * 1024);
    (void)visit_say(visit, "\r\nContent-Length: 0\r\n\r\n");
}

static void size_is_bounded(void **state)
{
    (void)state;
    expect_none(floods_body, NULL, 30000, "the answer is too long");
    expect_none(floods_chunks, NULL, 30000, "the answer is too long");
    expect_none(floods_headers, NULL, 30000, "the answer's head is too long");
    expect_none(floods_line, NULL, 30000, "");
    expect_none(says_text, "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nx", 300,
                "");
}

static void the_limit_itself_is_allowed(void **state)
{
    (void)state;
    struct stage stage;
    struct result result = {0};
    open_stage(&stage, answers, NULL);
    struct http_request request = get(&stage);
    request.most = 5;
    start(&stage, &request, &result);
    await(&result);
    assert_string_equal(result.body, "hello");
    forget(&result);
    request.most = 4;
    start(&stage, &request, &result);
    await(&result);
    assert_int_equal(result.status, 0);
    assert_string_equal(result.why, "the answer is too long");
    forget(&result);
    close_stage(&stage);
}

static void resets_when_asked(struct visit *visit)
{
    closes_when_asked(visit);
    visit_reset(visit);
}

static void what_is_broken_off_or_no_http_is_no_answer(void **state)
{
    (void)state;
    expect_none(closes_when_asked, NULL, 30000, "the connection was closed without an answer");
    expect_none(resets_when_asked, NULL, 30000, "connection reset by peer");
    expect_none(says_text_and_closes, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello", 30000,
                "the connection was closed before the answer was whole");
    expect_none(says_text_and_closes,
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", 30000,
                "the connection was closed before the answer was whole");
    expect_none(says_text_and_closes, "HTTP/1.1 200", 30000, "");
    expect_none(says_text_and_closes, "STATUS=S,When=1", 30000, "");
    expect_none(says_text_and_closes, "SSH-2.0-dropbear\r\n", 30000, "");
}

static void more_than_announced_is_left(void **state)
{
    (void)state;
    struct stage stage;
    struct result result = {0};
    open_stage(&stage, says_text, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhello");
    const struct http_request request = get(&stage);
    for (int i = 0; i < 2; i++) { /* the rest is not taken for the second answer */
        start(&stage, &request, &result);
        await(&result);
        assert_int_equal(result.status, 200);
        assert_string_equal(result.body, "he");
        forget(&result);
    }
    close_stage(&stage);
}

static void who_is_not_there_is_named(void **state)
{
    (void)state;
    struct stage stage;
    struct result result = {0};
    open_stage(&stage, answers, NULL);
    struct http_request request = get(&stage);
    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/", server_refused_port());
    request.url = url;
    start(&stage, &request, &result);
    await(&result);
    assert_string_equal(result.why, "connection refused");
    forget(&result);
    request.url = "http://no-such-device.invalid/";
    start(&stage, &request, &result);
    await(&result);
    assert_string_equal(result.why, "Could not resolve host: no-such-device.invalid");
    forget(&result);
    request.url = "file:///etc/passwd";
    start(&stage, &request, &result);
    await(&result);
    assert_int_equal(result.status, 0);
    assert_string_equal(result.body, "");
    forget(&result);
    close_stage(&stage);
}

/* --- cancelling --------------------------------------------------------------------------------
 */

static void says_slowly(struct visit *visit)
{
    char request[4000];
    (void)visit_request(visit, request, sizeof request);
    (void)visit_dribble(visit, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello");
    visit_hold(visit);
}

/* After each number of turns of the loop, from none to more than the head takes. */
static void cancelled_at_every_moment_it_is_silent(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, says_slowly, NULL);
    char url[64];
    (void)snprintf(url, sizeof url, "http://localhost:%u/", server_port(stage.server));
    for (int turns = 0; turns < 40; turns++) {
        struct result result = {0};
        struct http_request request = get(&stage);
        request.url = turns % 2 == 0 ? stage.url : url;
        start(&stage, &request, &result);
        for (int i = 0; i < turns / 2; i++) {
            (void)uv_run(&stage.loop, UV_RUN_ONCE);
        }
        http_cancel(result.call);
        loop_for(&stage.loop, 5);
        assert_false(result.done);
    }
    http_cancel(NULL);
    close_stage(&stage);
}

struct pair {
    struct result first, second;
    bool destroy;
};

static void on_first(void *ctx, const struct http_answer *answer)
{
    struct pair *pair = ctx;
    if (pair->destroy) {
        http_destroy(pair->first.stage->http);
    } else {
        http_cancel(pair->second.call);
    }
    on_done(&pair->first, answer); /* which is still there, its headers too */
}

static void a_receiver_may_end_others(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct stage stage;
        struct server *mute = server_start(visit_hold, NULL);
        open_stage(&stage, answers, NULL);
        struct pair pair = {.destroy = i == 1,
                            .first = {.stage = &stage, .wanted = "X-A"},
                            .second = {.stage = &stage}};
        struct http_request request = get(&stage);
        char url[64];
        (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/", server_port(mute));
        pair.first.call = http_start(stage.http, &request, on_first, &pair, NULL);
        request.url = url;
        start(&stage, &request, &pair.second);
        loop_until(&stage.loop, &pair.first.done);
        assert_string_equal(pair.first.body, "hello");
        assert_string_equal(pair.first.header, "two");
        if (!pair.destroy) {
            http_destroy(stage.http);
        }
        loop_end(&stage.loop);
        assert_false(pair.second.done);
        forget(&pair.first);
        server_stop(stage.server);
        server_stop(mute);
    }
}

struct chain {
    struct stage *stage;
    int left;
    bool done;
};

static void on_link(void *ctx, const struct http_answer *answer)
{
    struct chain *chain = ctx;
    const struct http_request request = get(chain->stage);
    assert_int_equal(answer->status, 200);
    chain->done = --chain->left == 0;
    if (!chain->done) {
        assert_non_null(http_start(chain->stage->http, &request, on_link, chain, NULL));
    }
}

static void a_receiver_may_ask_again(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, answers, NULL);
    struct chain chain = {.stage = &stage, .left = 20};
    const struct http_request request = get(&stage);
    assert_non_null(http_start(stage.http, &request, on_link, &chain, NULL));
    loop_until(&stage.loop, &chain.done);
    assert_int_equal(server_visits(stage.server), 1);
    close_stage(&stage);
}

static void giving_up_on_a_name_waits_for_nobody(void **state)
{
    (void)state;
    struct stage stage;
    struct result results[3] = {{0}};
    open_stage(&stage, answers, NULL);
    struct http_request request = get(&stage);
    request.url = "http://slow.test/";
    slow_dns_set(120000);
    start(&stage, &request, &results[0]);
    request.timeout_ms = 200;
    start(&stage, &request, &results[1]);
    await(&results[1]);
    assert_true(slow_dns_hanging(60000));
    assert_true(strstr(results[1].why, "within 200 ms") != NULL);
    forget(&results[1]);
    http_cancel(results[0].call);
    request = get(&stage);
    start(&stage, &request, &results[2]);
    await(&results[2]);
    assert_int_equal(results[2].status, 200);
    forget(&results[2]);
    close_stage(&stage);
    assert_true(slow_dns_hanging(0)); /* still */
    assert_false(results[0].done);
    slow_dns_release();
    assert_true(slow_dns_idle(60000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_comes_whole),
        cmocka_unit_test(a_body_can_be_kept),
        cmocka_unit_test(each_method_is_sent_as_it_is),
        cmocka_unit_test(connections_are_kept_unless_fresh),
        cmocka_unit_test(the_environment_decides_nothing),
        cmocka_unit_test(a_redirect_is_named_and_not_followed),
        cmocka_unit_test(slowness_is_bounded),
        cmocka_unit_test(size_is_bounded),
        cmocka_unit_test(the_limit_itself_is_allowed),
        cmocka_unit_test(what_is_broken_off_or_no_http_is_no_answer),
        cmocka_unit_test(more_than_announced_is_left),
        cmocka_unit_test(who_is_not_there_is_named),
        cmocka_unit_test(cancelled_at_every_moment_it_is_silent),
        cmocka_unit_test(a_receiver_may_end_others),
        cmocka_unit_test(a_receiver_may_ask_again),
        cmocka_unit_test(giving_up_on_a_name_waits_for_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
