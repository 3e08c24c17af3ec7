/* One question and one answer over TCP, with servers that answer in every way but the right one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plumbing/exchange.h"
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
    (void)visit_dribble(visit, " {\"a}\\\"}\":{\"b\":[{}]}} ");
    visit_hold(visit);
}

static void each_end_ends(void **state)
{
    (void)state;
    expect(says_and_closes, EXCHANGE_CLOSE, "STATUS=S|SUMMARY", 16);
    expect(says_nul, EXCHANGE_NUL, "abc", 3);
    expect(says_line, EXCHANGE_LINE, "{\"a\":1}", 7);
    expect(says_json, EXCHANGE_JSON, " {\"a}\\\"}\":{\"b\":[{}]}}", 21);
    expect(says_nul, EXCHANGE_JSON, "abc", 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_end_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
