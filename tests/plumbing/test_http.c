/* HTTP calls over real sockets, with servers that do everything but what they should. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plumbing/http.h"
#include "tests/plumbing/loop.h"
#include "tests/plumbing/server.h"
#include "tests/support/test.h"

struct stage {
    uv_loop_t loop;
    struct http *http;
    struct server *server;
    char url[64];
};

/* What came of one call. */
struct result {
    struct stage *stage;
    struct http_call *call;
    int status;
    char *body; /* owned */
    size_t len;
    char why[300];
    char header[300]; /* of `wanted`, "-" without it */
    const char *wanted;
    bool done;
};

static void open_stage(struct stage *stage, server_play play, void *ctx)
{
    assert_int_equal(uv_loop_init(&stage->loop), 0);
    stage->http = http_create(&stage->loop, NULL);
    assert_non_null(stage->http);
    stage->server = server_start(play, ctx);
    (void)snprintf(stage->url, sizeof stage->url, "http://127.0.0.1:%u/x",
                   server_port(stage->server));
}

static void close_stage(struct stage *stage)
{
    http_destroy(stage->http);
    loop_end(&stage->loop);
    server_stop(stage->server);
}

static void on_done(void *ctx, const struct http_answer *answer)
{
    struct result *result = ctx;
    assert_false(result->done);
    result->done = true;
    result->call = NULL;
    result->status = answer->status;
    result->len = answer->len;
    assert_int_equal(answer->body[answer->len], '\0');
    result->body = malloc(answer->len + 1);
    assert_non_null(result->body);
    memcpy(result->body, answer->body, answer->len + 1);
    (void)snprintf(result->why, sizeof result->why, "%s", answer->why);
    const char *header = result->wanted == NULL ? NULL : http_header(answer, result->wanted);
    (void)snprintf(result->header, sizeof result->header, "%s", header == NULL ? "-" : header);
}

static struct http_request get(const struct stage *stage)
{
    return (struct http_request){.url = stage->url, .timeout_ms = 30000, .most = 10000};
}

static void start(struct stage *stage, const struct http_request *request, struct result *result)
{
    result->stage = stage;
    result->call = http_start(stage->http, request, on_done, result, NULL);
    assert_non_null(result->call);
    assert_false(result->done);
}

static void finish(struct result *result)
{
    loop_until(&result->stage->loop, &result->done);
    free(result->body);
    result->body = NULL;
}

static void answers(struct visit *visit)
{
    char request[2000];
    while (visit_request(visit, request, sizeof request)) {
        (void)visit_say(visit, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: one\r\n"
                               "x-a: two\r\n\r\nhello");
    }
}

static void an_answer_comes_whole(void **state)
{
    (void)state;
    struct stage stage;
    struct result result = {.wanted = "X-a"};
    open_stage(&stage, answers, NULL);
    const struct http_request request = get(&stage);
    start(&stage, &request, &result);
    loop_until(&stage.loop, &result.done);
    assert_int_equal(result.status, 200);
    assert_string_equal(result.body, "hello");
    assert_string_equal(result.header, "two");
    assert_string_equal(result.why, "");
    finish(&result);
    close_stage(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_comes_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
