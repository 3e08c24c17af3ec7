#define _DEFAULT_SOURCE /* explicit_bzero */
#include "miner/solo/node_rpc.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plumbing/http.h"

enum { COOKIE_MAX = 512 };

struct node_call {
    struct node_rpc *rpc;
    struct node_call *next;
    struct http_call *call;
    uint64_t tag;
};

struct node_rpc {
    struct http *http;
    node_rpc_done done;
    void *ctx;
    char *url, *user, *password, *cookie_file, *ca_file, *proxy, *proxy_user, *proxy_password;
    bool tls_verify;
    int connect_timeout_ms;
    struct node_call *calls;
};

/* --- the end of a call --------------------------------------------------------------------------
 */

static void unlink_call(struct node_call *call)
{
    struct node_call **place = &call->rpc->calls;
    while (*place != call) {
        place = &(*place)->next;
    }
    *place = call->next;
}

/* The receiver may end everything. */
static void on_done(void *ctx, const struct http_answer *from)
{
    struct node_call *call = ctx;
    struct node_rpc *rpc = call->rpc;
    const uint64_t tag = call->tag;
    struct node_answer answer = {.http_status = from->status, .len = from->len, .why = from->why};
    if (from->status != 0) {
        answer.body = http_take_body(from);
    }
    if (from->status != 0 && answer.body == NULL) {
        answer = (struct node_answer){.why = "out of memory"};
    }
    unlink_call(call);
    free(call);
    rpc->done(rpc->ctx, tag, &answer);
}

void node_rpc_cancel(struct node_rpc *rpc)
{
    struct node_call *call = rpc->calls;
    rpc->calls = NULL;
    while (call != NULL) {
        struct node_call *next = call->next;
        http_cancel(call->call);
        free(call);
        call = next;
    }
}

/* --- calling ------------------------------------------------------------------------------------
 */

/* "user:password" of a node that has no fixed ones. */
static bool read_cookie(const char *path, char *cookie, size_t size, struct hb_err *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const ssize_t len = fd < 0 ? -1 : read(fd, cookie, size - 1);
    if (fd >= 0) {
        (void)close(fd);
    }
    if (len < 0) {
        return hb_fail(err, HB_ERR_SYSTEM,
                       "cookie file '%.200s' cannot be read: is the node running?", path);
    }
    cookie[len] = '\0';
    cookie[strcspn(cookie, "\r\n")] = '\0';
    return strchr(cookie, ':') != NULL ||
           hb_fail(err, HB_ERR_INPUT, "cookie file '%.200s': expected user:password", path);
}

/* Adds the user and the password to the request, from `cookie` if the file has them. */
static bool set_credentials(const struct node_rpc *rpc, struct http_request *request, char *cookie,
                            size_t size, struct hb_err *err)
{
    request->user = rpc->user;
    request->password = rpc->password;
    if (rpc->user == NULL && rpc->cookie_file != NULL) {
        if (!read_cookie(rpc->cookie_file, cookie, size, err)) {
            return false;
        }
        char *colon = strchr(cookie, ':');
        *colon = '\0';
        request->user = cookie;
        request->password = colon + 1;
    }
    request->auth = request->user != NULL ? HTTP_AUTH_BASIC : HTTP_AUTH_NONE;
    return true;
}

static bool start(struct node_rpc *rpc, struct node_call *call, struct http_request *request,
                  struct hb_err *err)
{
    char cookie[COOKIE_MAX];
    if (set_credentials(rpc, request, cookie, sizeof cookie, err)) {
        call->call = http_start(rpc->http, request, on_done, call, err);
    }
    explicit_bzero(cookie, sizeof cookie);
    return call->call != NULL;
}

bool node_rpc_call(struct node_rpc *rpc, uint64_t tag, char *body, int timeout_ms, size_t most,
                   struct hb_err *err)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    struct http_request request = {
        .method = HTTP_POST,
        .url = rpc->url,
        .headers = headers,
        .body = body,
        .body_len = strlen(body),
        .ca_file = rpc->ca_file,
        .tls_unverified = !rpc->tls_verify,
        .proxy = rpc->proxy,
        .proxy_user = rpc->proxy_user,
        .proxy_password = rpc->proxy_password,
        .connect_timeout_ms = rpc->connect_timeout_ms,
        .timeout_ms = timeout_ms,
        .most = most,
    };
    struct node_call *call = calloc(1, sizeof *call);
    if (call == NULL) {
        free(body);
        return hb_fail(err, HB_ERR_SYSTEM, "out of memory");
    }
    call->rpc = rpc;
    call->tag = tag;
    const bool started = start(rpc, call, &request, err);
    free(body);
    if (!started) {
        free(call);
        return false;
    }
    call->next = rpc->calls;
    rpc->calls = call;
    return true;
}

/* --- creation and end ---------------------------------------------------------------------------
 */

static void wipe_text(char *text)
{
    if (text != NULL) {
        explicit_bzero(text, strlen(text));
        free(text);
    }
}

static bool copy_text(char **copy, const char *text)
{
    *copy = text == NULL ? NULL : strdup(text);
    return text == NULL || *copy != NULL;
}

static bool copy_options(struct node_rpc *rpc, const struct node_rpc_options *options)
{
    rpc->tls_verify = options->tls_verify;
    rpc->connect_timeout_ms = options->connect_timeout_ms;
    return copy_text(&rpc->url, options->url) && copy_text(&rpc->user, options->user) &&
           copy_text(&rpc->password, options->password) &&
           copy_text(&rpc->cookie_file, options->cookie_file) &&
           copy_text(&rpc->ca_file, options->ca_file) && copy_text(&rpc->proxy, options->proxy) &&
           copy_text(&rpc->proxy_user, options->proxy_user) &&
           copy_text(&rpc->proxy_password, options->proxy_password);
}

struct node_rpc *node_rpc_create(const struct node_rpc_options *options, struct uv_loop_s *loop,
                                 node_rpc_done done, void *ctx, struct hb_err *err)
{
    struct node_rpc *rpc = calloc(1, sizeof *rpc);
    if (rpc == NULL || !copy_options(rpc, options)) {
        node_rpc_destroy(rpc);
        hb_fail(err, HB_ERR_SYSTEM, "out of memory");
        return NULL;
    }
    rpc->done = done;
    rpc->ctx = ctx;
    rpc->http = http_create(loop, err);
    if (rpc->http == NULL) {
        node_rpc_destroy(rpc);
        return NULL;
    }
    return rpc;
}

void node_rpc_destroy(struct node_rpc *rpc)
{
    if (rpc == NULL) {
        return;
    }
    node_rpc_cancel(rpc);
    http_destroy(rpc->http);
    free(rpc->url);
    free(rpc->user);
    wipe_text(rpc->password);
    free(rpc->cookie_file);
    free(rpc->ca_file);
    free(rpc->proxy);
    free(rpc->proxy_user);
    wipe_text(rpc->proxy_password);
    free(rpc);
}
