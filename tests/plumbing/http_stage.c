#include "tests/plumbing/http_stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"

void open_stage(struct stage *stage, server_play play, void *ctx)
{
    assert_int_equal(uv_loop_init(&stage->loop), 0);
    stage->http = http_create(&stage->loop, NULL);
    assert_non_null(stage->http);
    stage->server = server_start(play, ctx);
    (void)snprintf(stage->url, sizeof stage->url, "http://127.0.0.1:%u/x",
                   server_port(stage->server));
}

void close_stage(struct stage *stage)
{
    http_destroy(stage->http);
    loop_end(&stage->loop);
    server_stop(stage->server);
}

void on_done(void *ctx, const struct http_answer *answer)
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

struct http_request get(const struct stage *stage)
{
    return (struct http_request){.url = stage->url, .timeout_ms = 30000, .most = 10000};
}

void start(struct stage *stage, const struct http_request *request, struct result *result)
{
    result->stage = stage;
    result->done = false;
    result->call = http_start(stage->http, request, on_done, result, NULL);
    assert_non_null(result->call);
    assert_false(result->done);
}

void await(struct result *result)
{
    loop_until(&result->stage->loop, &result->done);
}

void forget(struct result *result)
{
    free(result->body);
    result->body = NULL;
}
