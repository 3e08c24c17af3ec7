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
    char trouble[TEXT_MAX];
    bool quiet; /* nothing is pending        */
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

static void on_trouble(void *ctx, const char *sentence)
{
    struct stage *stage = ctx;
    (void)snprintf(stage->trouble, sizeof stage->trouble, "%s", sentence);
}

static void open_stage(struct stage *stage, server_play play, struct remote_options options)
{
    char url[64];
    *stage = (struct stage){0};
    assert_int_equal(uv_loop_init(&stage->loop), 0);
    stage->server = server_start(play, NULL);
    stage->env.loop = &stage->loop;
    stage->env.trouble = on_trouble;
    stage->env.report_ctx = stage;
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

static void sends_on(struct visit *visit)
{
    char request[4000];
    (void)visit_request(visit, request, sizeof request);
    (void)visit_say(visit, "HTTP/1.1 302 Found\r\nLocation: http://elsewhere.example/\r\n"
                           "Content-Length: 0\r\n\r\n");
}

static void never_ends(struct visit *visit)
{
    char request[4000];
    (void)visit_request(visit, request, sizeof request);
    (void)visit_say(visit, "HTTP/1.1 200 OK\r\n\r\n{\"a\":\"");
    (void)visit_flood(visit, 100000000);
}

static void never_ends_its_line(struct visit *visit)
{
    (void)visit_until(visit, '\n');
    (void)visit_flood(visit, 100000000);
}

static void hangs_up(struct visit *visit)
{
    char request[4000];
    (void)visit_request(visit, request, sizeof request);
}

/* The first answer to a question, and what the owner was told of it. */
static void check_trouble(server_play play, bool tcp, const char *words)
{
    struct stage stage;
    open_stage(&stage, play, (struct remote_options){0});
    assert_true(tcp ? remote_tcp(stage.remote, 1, "hi\n", 3, EXCHANGE_LINE)
                    : remote_http(stage.remote, 1, HTTP_GET, "/", NULL, NULL));
    loop_until(&stage.loop, &stage.quiet);
    assert_non_null(strstr(stage.told, "1:"));
    if (words == NULL) {
        assert_string_equal(stage.trouble, "");
    } else {
        assert_non_null(strstr(stage.trouble, words));
        assert_non_null(strstr(stage.trouble, "set url"));
    }
    close_stage(&stage);
}

static void what_is_no_heater_is_told_and_silence_is_not(void **state)
{
    (void)state;
    check_trouble(sends_on, false, "status 302 sends us to http://elsewhere.example/");
    check_trouble(never_ends, false, "too long");
    check_trouble(never_ends_its_line, true, "longer than");
    check_trouble(hangs_up, false, NULL);
    check_trouble(answers, false, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_answered_in_order),
        cmocka_unit_test(what_is_no_heater_is_told_and_silence_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
