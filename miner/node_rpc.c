#define _DEFAULT_SOURCE /* explicit_bzero */
#include "miner/node_rpc.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "ground/text.h"
#include "miner/http_response.h"
#include "miner/tls.h"
#include "miner/transport_uv.h"

/* The longest request holds a full block as text. */
enum { LOGIN_MAX = 600, HEAD_MAX = 2048, QUEUE_MAX = 16 * 1024 * 1024, TEXTS = 7 };

struct node_rpc {
    uv_loop_t *loop;
    node_rpc_done done;
    void *ctx;
    struct node_rpc_options options;
    char *texts[TEXTS]; /* what those of the options point to */
    char where[300];
    struct call *calls;
};

struct call {
    struct node_rpc *rpc; /* NULL: cancelled or answered */
    struct call *next;
    uint64_t tag;
    struct transport *transport;
    uv_timer_t deadline;
    int timeout_ms;
    char *request;
    size_t request_len;
    struct http_response response;
};

/* --- the end of a call --------------------------------------------------------------------------
 */

static void wipe_text(char *text, size_t len)
{
    if (text != NULL) {
        explicit_bzero(text, len);
        free(text);
    }
}

static void on_deadline_closed(uv_handle_t *handle)
{
    struct call *call = handle->data;
    http_response_fini(&call->response);
    wipe_text(call->request, call->request_len);
    free(call);
}

/* Takes it out of the list and gives everything back, now or when libuv has let go of it. */
static void drop_call(struct call *call)
{
    struct call **place = &call->rpc->calls;
    while (*place != call) {
        place = &(*place)->next;
    }
    *place = call->next;
    call->rpc = NULL;
    if (call->transport != NULL) {
        transport_close(call->transport);
        call->transport = NULL;
    }
    uv_close((uv_handle_t *)&call->deadline, on_deadline_closed);
}

/* No answer came. */
static void fail_call(struct call *call, const char *why)
{
    struct node_rpc *rpc = call->rpc;
    const struct node_answer answer = {.why = why};
    const uint64_t tag = call->tag;
    drop_call(call);
    rpc->done(rpc->ctx, tag, &answer);
}

static void answer_call(struct call *call)
{
    struct node_rpc *rpc = call->rpc;
    struct http_response *response = &call->response;
    const struct node_answer answer = {
        .http_status = response->status,
        .body = response->body != NULL ? response->body : calloc(1, 1),
        .len = response->len,
        .why = "",
    };
    const uint64_t tag = call->tag;
    response->body = NULL;
    drop_call(call);
    rpc->done(rpc->ctx, tag, &answer);
}

/* --- the connection -----------------------------------------------------------------------------
 */

static void on_opened(void *ctx)
{
    struct call *call = ctx;
    transport_send(call->transport, call->request, call->request_len);
}

static void on_received(void *ctx, const char *data, size_t len)
{
    struct call *call = ctx;
    struct hb_err err = {0};
    if (!http_response_feed(&call->response, data, len, &err)) {
        fail_call(call, err.msg);
    } else if (call->response.part == HTTP_DONE) {
        answer_call(call);
    }
}

static void on_closed(void *ctx, const char *why)
{
    struct call *call = ctx;
    const size_t where = strlen(call->rpc->where);
    call->transport = NULL;
    if (http_response_end(&call->response)) {
        answer_call(call);
        return;
    }
    /* The place is named by whoever tells it. */
    const bool named = strncmp(why, call->rpc->where, where) == 0 && why[where] == ':';
    fail_call(call, named ? why + where + 2 : why);
}

static void on_deadline(uv_timer_t *timer)
{
    struct call *call = timer->data;
    char why[80];
    (void)snprintf(why, sizeof why, "no answer within %g s", call->timeout_ms / 1000.0);
    fail_call(call, why);
}

/* --- calling ------------------------------------------------------------------------------------
 */

/* "user:password" of a node that has no fixed ones. */
static bool read_cookie(const char *path, char *login, size_t size, struct hb_err *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const ssize_t len = fd < 0 ? -1 : read(fd, login, size - 1);
    if (fd >= 0) {
        (void)close(fd);
    }
    if (len < 0) {
        return hb_fail(err, HB_ERR_SYSTEM,
                       "cookie file '%.200s' cannot be read: is the node running?", path);
    }
    login[len] = '\0';
    login[strcspn(login, "\r\n")] = '\0';
    return strchr(login, ':') != NULL ||
           hb_fail(err, HB_ERR_INPUT, "cookie file '%.200s': expected user:password", path);
}

static bool find_login(const struct node_rpc_options *options, char *login, size_t size,
                       struct hb_err *err)
{
    if (options->user == NULL) {
        return read_cookie(options->cookie_file, login, size, err);
    }
    const int len = snprintf(login, size, "%s:%s", options->user,
                             options->password == NULL ? "" : options->password);
    return (len > 0 && (size_t)len < size) ||
           hb_fail(err, HB_ERR_USAGE, "rpc_user, rpc_password: expected less text");
}

/* Head and body in one text, with the secret in it. */
static bool write_request(struct call *call, const char *body, struct hb_err *err)
{
    char login[LOGIN_MAX];
    unsigned char encoded[4 * ((LOGIN_MAX + 2) / 3) + 1];
    const size_t body_len = strlen(body);
    const size_t size = HEAD_MAX + body_len;
    if (!find_login(&call->rpc->options, login, sizeof login, err)) {
        return false;
    }
    (void)EVP_EncodeBlock(encoded, (const unsigned char *)login, (int)strlen(login));
    call->request = malloc(size);
    if (call->request != NULL) {
        call->request_len =
            (size_t)snprintf(call->request, size,
                             "POST / HTTP/1.1\r\nHost: %s\r\nAuthorization: Basic %s\r\n"
                             "User-Agent: heatbridge/" HB_VERSION "\r\n"
                             "Content-Type: application/json\r\nContent-Length: %zu\r\n"
                             "Connection: close\r\n\r\n%s",
                             call->rpc->where, (const char *)encoded, body_len, body);
    }
    explicit_bzero(login, sizeof login);
    explicit_bzero(encoded, sizeof encoded);
    return call->request != NULL || hb_fail(err, HB_ERR_SYSTEM, "out of memory");
}

static bool connect_call(struct call *call, struct hb_err *err)
{
    const struct node_rpc_options *options = &call->rpc->options;
    const bool proxied = options->proxy.host[0] != '\0';
    const struct tls_options tls = {.host = options->url.host,
                                    .verify = options->tls_verify,
                                    .ca_file = options->ca_file,
                                    .pin = options->tls_pin};
    const struct transport_options transport = {
        .host = options->url.host,
        .port = options->url.port,
        .tls = options->url.tls ? &tls : NULL,
        .proxy_host = proxied ? options->proxy.host : NULL,
        .proxy_port = options->proxy.port,
        .proxy_user = options->proxy_user,
        .proxy_password = options->proxy_password,
        .connect_timeout_ms = options->connect_timeout_ms,
        .peer = "node",
        .queue_max = QUEUE_MAX,
    };
    const struct transport_handler handler = {on_opened, on_received, on_closed, call};
    call->transport = transport_connect(call->rpc->loop, &transport, &handler, err);
    return call->transport != NULL;
}

bool node_rpc_call(struct node_rpc *rpc, uint64_t tag, char *body, int timeout_ms, size_t most,
                   struct hb_err *err)
{
    struct call *call = body == NULL ? NULL : calloc(1, sizeof *call);
    if (call == NULL) {
        free(body);
        return hb_fail(err, HB_ERR_SYSTEM, "out of memory");
    }
    call->rpc = rpc;
    call->tag = tag;
    call->timeout_ms = timeout_ms;
    call->next = rpc->calls;
    rpc->calls = call;
    http_response_init(&call->response, most);
    (void)uv_timer_init(rpc->loop, &call->deadline);
    call->deadline.data = call;
    const bool started = write_request(call, body, err) && connect_call(call, err);
    free(body);
    if (!started) {
        drop_call(call);
        return false;
    }
    if (timeout_ms > 0) {
        (void)uv_timer_start(&call->deadline, on_deadline, (uint64_t)timeout_ms, 0);
    }
    return true;
}

void node_rpc_cancel(struct node_rpc *rpc)
{
    while (rpc->calls != NULL) {
        drop_call(rpc->calls);
    }
}

/* --- creation and end ---------------------------------------------------------------------------
 */

/* Makes the texts of rpc->options our own. */
static bool copy_texts(struct node_rpc *rpc)
{
    struct node_rpc_options *options = &rpc->options;
    const char **const fields[TEXTS] = {
        &options->user,    &options->password,   &options->cookie_file,   &options->ca_file,
        &options->tls_pin, &options->proxy_user, &options->proxy_password};
    bool good = true;
    for (size_t i = 0; i < TEXTS; i++) {
        if (*fields[i] != NULL) {
            rpc->texts[i] = strdup(*fields[i]);
            *fields[i] = rpc->texts[i];
            good = good && rpc->texts[i] != NULL;
        }
    }
    return good;
}

static void free_rpc(struct node_rpc *rpc)
{
    for (size_t i = 0; i < TEXTS; i++) {
        wipe_text(rpc->texts[i], rpc->texts[i] == NULL ? 0 : strlen(rpc->texts[i]));
    }
    free(rpc);
}

struct node_rpc *node_rpc_create(const struct node_rpc_options *options, struct uv_loop_s *loop,
                                 node_rpc_done done, void *ctx, struct hb_err *err)
{
    struct node_rpc *rpc = calloc(1, sizeof *rpc);
    if (rpc == NULL) {
        hb_fail(err, HB_ERR_SYSTEM, "out of memory");
        return NULL;
    }
    rpc->options = *options;
    if (!copy_texts(rpc)) {
        free_rpc(rpc);
        hb_fail(err, HB_ERR_SYSTEM, "out of memory");
        return NULL;
    }
    rpc->loop = loop;
    rpc->done = done;
    rpc->ctx = ctx;
    pool_url_print(rpc->where, sizeof rpc->where, options->url.host, options->url.port);
    return rpc;
}

void node_rpc_destroy(struct node_rpc *rpc)
{
    if (rpc == NULL) {
        return;
    }
    node_rpc_cancel(rpc);
    free_rpc(rpc);
}
