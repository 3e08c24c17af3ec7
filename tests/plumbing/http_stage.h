/* What the tests of the HTTP client share: a loop, a client, a server, and what came of a call. */
#ifndef HB_TESTS_PLUMBING_HTTP_STAGE_H
#define HB_TESTS_PLUMBING_HTTP_STAGE_H

#include "plumbing/http.h"
#include "tests/plumbing/loop.h"
#include "tests/plumbing/server.h"

struct stage {
    uv_loop_t loop;
    struct http *http;
    struct server *server;
    char url[64];
};

struct result {
    struct stage *stage;
    struct http_call *call;
    int status;
    char *body; /* owned */
    size_t len;
    char why[300];
    const char *wanted; /* a header's name; NULL: none */
    char header[300];   /* its value, "-" without it   */
    bool done;
};

void open_stage(struct stage *stage, server_play play, void *ctx);
void close_stage(struct stage *stage);
/* A GET of the stage's server. */
struct http_request get(const struct stage *stage);
void start(struct stage *stage, const struct http_request *request, struct result *result);
/* Runs the loop until the answer is there; forget() frees its body. */
void await(struct result *result);
void forget(struct result *result);
/* As a receiver: keeps what came. */
void on_done(void *ctx, const struct http_answer *answer);

#endif
