/* A conversation with one device: one request at a time, in order, whatever the receiver does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices/remote.h"
#include "tests/plumbing/loop.h"
#include "tests/plumbing/server.h"
#include "tests/support/test.h"

struct stage {
    uv_loop_t loop;
    struct heater_env env;
    struct server *server;
    struct remote *remote;
    char told[2000]; /* what came: "1:200 hello;" */
    bool quiet;      /* nothing is pending        */
    void (*then)(struct stage *stage, const struct remote_answer *answer);
};

static void on_done(void *ctx, const struct remote_answer *answer)
{
    struct stage *stage = ctx;
    const size_t len = strlen(stage->told);
    assert_int_equal(answer->body[answer->len], '\0');
    (void)snprintf(stage->told + len, sizeof stage->told - len, "%d:%d %s;", answer->request,
                   answer->status, answer->ok ? answer->body : answer->why);
    if (stage->then != NULL) {
        stage->then(stage, answer);
    }
    stage->quiet = stage->remote == NULL || remote_pending(stage->remote) == 0;
}

static void open_stage(struct stage *stage, server_play play, struct remote_options options)
{
    char url[64];
    *stage = (struct stage){0};
    assert_int_equal(uv_loop_init(&stage->loop), 0);
    stage->server = server_start(play, NULL);
    stage->env.loop = &stage->loop;
    stage->env.http = http_create(&stage->loop, NULL);
    assert_non_null(stage->env.http);
    if (options.url == NULL) {
        (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/", server_port(stage->server));
        options.url = url;
    }
    stage->remote = remote_create(&stage->env, &options, on_done, stage, NULL);
    assert_non_null(stage->remote);
}

static void close_stage(struct stage *stage)
{
    remote_destroy(stage->remote);
    http_destroy(stage->env.http);
    loop_end(&stage->loop);
    server_stop(stage->server);
}

/* HTTP by the first letter of what comes, else a line. */
static void answers(struct visit *visit)
{
    char request[4000];
    while (visit_request(visit, request, sizeof request)) {
        char body[64];
        (void)snprintf(body, sizeof body, "%.*s", (int)strcspn(request, "\r"), request);
        if (!visit_answer(visit, body)) {
            return;
        }
    }
}

static void requests_are_answered_in_order(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, answers, (struct remote_options){0});
    static const char *const headers[] = {"X-Token: abc", NULL};
    assert_true(remote_http(stage.remote, 1, HTTP_GET, "/a", NULL, NULL));
    assert_true(remote_http(stage.remote, 2, HTTP_POST, "/b", NULL, "{\"x\":1}"));
    assert_true(remote_http(stage.remote, 3, HTTP_PATCH, "/c?d", headers, NULL));
    assert_int_equal(remote_pending(stage.remote), 3);
    loop_until(&stage.loop, &stage.quiet);
    assert_string_equal(stage.told, "1:200 GET /a HTTP/1.1;2:200 POST /b HTTP/1.1;"
                                    "3:200 PATCH /c?d HTTP/1.1;");
    char *heard = server_heard(stage.server);
    assert_non_null(strstr(heard, "Content-Type: application/json\r\n"));
    assert_non_null(strstr(heard, "\r\n\r\n{\"x\":1}PATCH"));
    assert_non_null(strstr(heard, "X-Token: abc\r\n"));
    assert_null(strstr(heard, "Expect"));
    assert_null(strstr(heard, "Origin"));
    free(heard);
    assert_int_equal(server_visits(stage.server), 1);
    close_stage(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_answered_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
