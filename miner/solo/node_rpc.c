#define _DEFAULT_SOURCE /* explicit_bzero */
#include "miner/solo/node_rpc.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "ground/text.h"

enum { KEEP_ALIVE_S = 30, COOKIE_MAX = 512 };

struct transfer {
    struct node_rpc *rpc;
    struct transfer *next;
    CURL *easy;
    struct curl_slist *headers;
    uint64_t tag;
    char *request, *body;
    size_t len, room, most;
    bool too_long;
    char error[CURL_ERROR_SIZE];
};

/* A socket of curl's that libuv watches. */
struct watch {
    uv_poll_t poll;
    struct node_rpc *rpc;
};

struct node_rpc {
    uv_loop_t *loop;
    node_rpc_done done;
    void *ctx;
    char *url, *user, *password, *cookie_file, *ca_file, *proxy, *proxy_user, *proxy_password;
    bool tls_verify;
    int connect_timeout_ms;
    CURLM *multi;
    uv_timer_t timer;
    struct transfer *transfers;
    unsigned generation; /* counts cancellations, so that a loop over finished calls notices one */
    int users;           /* handles of libuv and calls on the stack that still need this struct */
    bool ended;
};

/* --- life ---------------------------------------------------------------------------------------
 */

static void wipe_text(char *text)
{
    if (text != NULL) {
        explicit_bzero(text, strlen(text));
        free(text);
    }
}

static void release(struct node_rpc *rpc)
{
    if (--rpc->users > 0) {
        return;
    }
    free(rpc->url);
    free(rpc->user);
    wipe_text(rpc->password);
    free(rpc->cookie_file);
    free(rpc->ca_file);
    free(rpc->proxy);
    free(rpc->proxy_user);
    wipe_text(rpc->proxy_password);
    curl_global_cleanup();
    free(rpc);
}

static void free_transfer(struct transfer *transfer)
{
    (void)curl_multi_remove_handle(transfer->rpc->multi, transfer->easy);
    curl_slist_free_all(transfer->headers);
    curl_easy_cleanup(transfer->easy);
    free(transfer->request);
    free(transfer->body);
    free(transfer);
}

static void unlink_transfer(struct transfer *transfer)
{
    struct transfer **place = &transfer->rpc->transfers;
    while (*place != transfer) {
        place = &(*place)->next;
    }
    *place = transfer->next;
}

/* --- libcurl over libuv -------------------------------------------------------------------------
 */

static void finish_all(struct node_rpc *rpc);

static void drive(struct node_rpc *rpc, curl_socket_t socket, int events)
{
    int running = 0;
    rpc->users++;
    (void)curl_multi_socket_action(rpc->multi, socket, events, &running);
    finish_all(rpc);
    release(rpc);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct watch *watch = poll->data;
    uv_os_fd_t socket = -1;
    int flags = 0;
    if (uv_fileno((uv_handle_t *)poll, &socket) != 0) {
        return;
    }
    flags |= status < 0 ? CURL_CSELECT_ERR : 0;
    flags |= (events & UV_READABLE) != 0 ? CURL_CSELECT_IN : 0;
    flags |= (events & UV_WRITABLE) != 0 ? CURL_CSELECT_OUT : 0;
    drive(watch->rpc, socket, flags);
}

static void on_timer(uv_timer_t *timer)
{
    drive(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static void on_watch_closed(uv_handle_t *handle)
{
    struct watch *watch = handle->data;
    release(watch->rpc);
    free(watch);
}

static struct watch *start_watch(struct node_rpc *rpc, curl_socket_t socket)
{
    struct watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL || uv_poll_init(rpc->loop, &watch->poll, socket) != 0) {
        free(watch);
        return NULL;
    }
    watch->rpc = rpc;
    watch->poll.data = watch;
    rpc->users++;
    (void)curl_multi_assign(rpc->multi, socket, watch);
    return watch;
}

/* curl says which sockets to watch, and for what. */
static int on_socket(CURL *easy, curl_socket_t socket, int what, void *ctx, void *socket_ctx)
{
    (void)easy;
    struct watch *watch = socket_ctx;
    if (what == CURL_POLL_REMOVE) {
        if (watch != NULL) {
            (void)uv_poll_stop(&watch->poll);
            (void)curl_multi_assign(((struct node_rpc *)ctx)->multi, socket, NULL);
            uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
        }
        return 0;
    }
    if (watch == NULL) {
        watch = start_watch(ctx, socket);
    }
    if (watch == NULL) {
        return -1;
    }
    int events = (what & CURL_POLL_IN) != 0 ? UV_READABLE : 0;
    events |= (what & CURL_POLL_OUT) != 0 ? UV_WRITABLE : 0;
    return uv_poll_start(&watch->poll, events, on_ready) == 0 ? 0 : -1;
}

/* curl says when it wants to be called at the latest. */
static int on_timeout_wanted(CURLM *multi, long timeout_ms, void *ctx)
{
    (void)multi;
    struct node_rpc *rpc = ctx;
    if (rpc->ended) {
        return 0;
    }
    if (timeout_ms < 0) {
        return uv_timer_stop(&rpc->timer);
    }
    return uv_timer_start(&rpc->timer, on_timer, (uint64_t)timeout_ms, 0);
}

static size_t on_data(char *data, size_t size, size_t count, void *ctx)
{
    struct transfer *transfer = ctx;
    const size_t len = size * count;
    if (len > transfer->most - transfer->len) {
        transfer->too_long = true;
        return 0;
    }
    if (transfer->len + len + 1 > transfer->room) {
        const size_t room = 2 * (transfer->len + len) + 1024;
        char *body = realloc(transfer->body, room);
        if (body == NULL) {
            return 0;
        }
        transfer->body = body;
        transfer->room = room;
    }
    memcpy(transfer->body + transfer->len, data, len);
    transfer->len += len;
    transfer->body[transfer->len] = '\0';
    return len;
}

/* --- the end of a call --------------------------------------------------------------------------
 */

static const char *cause_of(const struct transfer *transfer, CURLcode code)
{
    if (transfer->too_long) {
        return "the answer is too long";
    }
    return transfer->error[0] != '\0' ? transfer->error : curl_easy_strerror(code);
}

/* Hands the answer out. The receiver may cancel everything. */
static void finish(struct transfer *transfer, CURLcode code)
{
    struct node_rpc *rpc = transfer->rpc;
    long status = 0;
    char why[CURL_ERROR_SIZE] = "";
    if (code == CURLE_OK) {
        (void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    } else {
        (void)text_copy(why, sizeof why, cause_of(transfer, code));
    }
    struct node_answer answer = {.http_status = (int)status, .why = why};
    if (status != 0) {
        answer.body = transfer->body != NULL ? transfer->body : calloc(1, 1);
        answer.len = transfer->len;
        transfer->body = NULL;
    }
    const uint64_t tag = transfer->tag;
    unlink_transfer(transfer);
    free_transfer(transfer);
    rpc->done(rpc->ctx, tag, &answer);
}

static void finish_all(struct node_rpc *rpc)
{
    const unsigned generation = rpc->generation;
    int left = 0;
    CURLMsg *message = NULL;
    while (rpc->generation == generation &&
           (message = curl_multi_info_read(rpc->multi, &left)) != NULL) {
        char *transfer = NULL;
        if (message->msg == CURLMSG_DONE) {
            const CURLcode code = message->data.result;
            (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
            finish((struct transfer *)(void *)transfer, code);
        }
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

static bool set_credentials(struct transfer *transfer, struct hb_err *err)
{
    const struct node_rpc *rpc = transfer->rpc;
    char cookie[COOKIE_MAX];
    const char *user = rpc->user;
    const char *password = rpc->password;
    if (rpc->user == NULL && rpc->cookie_file != NULL) {
        if (!read_cookie(rpc->cookie_file, cookie, sizeof cookie, err)) {
            return false;
        }
        char *colon = strchr(cookie, ':');
        *colon = '\0';
        user = cookie;
        password = colon + 1;
    }
    if (user != NULL) {
        (void)curl_easy_setopt(transfer->easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        (void)curl_easy_setopt(transfer->easy, CURLOPT_USERNAME, user);
        (void)curl_easy_setopt(transfer->easy, CURLOPT_PASSWORD, password == NULL ? "" : password);
    }
    explicit_bzero(cookie, sizeof cookie);
    return true;
}

static void set_tls(const struct transfer *transfer)
{
    const struct node_rpc *rpc = transfer->rpc;
    (void)curl_easy_setopt(transfer->easy, CURLOPT_SSL_VERIFYPEER, rpc->tls_verify ? 1L : 0L);
    (void)curl_easy_setopt(transfer->easy, CURLOPT_SSL_VERIFYHOST, rpc->tls_verify ? 2L : 0L);
    if (rpc->ca_file != NULL) {
        (void)curl_easy_setopt(transfer->easy, CURLOPT_CAINFO, rpc->ca_file);
    }
}

/* Without a proxy of ours, none: libcurl would ask the environment. */
static void set_proxy(const struct transfer *transfer)
{
    const struct node_rpc *rpc = transfer->rpc;
    (void)curl_easy_setopt(transfer->easy, CURLOPT_PROXY, rpc->proxy == NULL ? "" : rpc->proxy);
    if (rpc->proxy != NULL) {
        (void)curl_easy_setopt(transfer->easy, CURLOPT_PROXYTYPE, (long)CURLPROXY_SOCKS5_HOSTNAME);
        (void)curl_easy_setopt(transfer->easy, CURLOPT_PROXYUSERNAME, rpc->proxy_user);
        (void)curl_easy_setopt(transfer->easy, CURLOPT_PROXYPASSWORD, rpc->proxy_password);
    }
}

static void set_options(struct transfer *transfer, int timeout_ms)
{
    CURL *easy = transfer->easy;
    const struct node_rpc *rpc = transfer->rpc;
    /* "Expect: 100-continue" would cost a found block a round trip. */
    transfer->headers = curl_slist_append(NULL, "Content-Type: application/json");
    transfer->headers = curl_slist_append(transfer->headers, "Expect:");
    (void)curl_easy_setopt(easy, CURLOPT_URL, rpc->url);
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
    (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer->request);
    (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                           (curl_off_t)strlen(transfer->request));
    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)rpc->connect_timeout_ms);
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    (void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)KEEP_ALIVE_S);
    (void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, (long)KEEP_ALIVE_S);
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    (void)curl_easy_setopt(easy, CURLOPT_PRIVATE, (char *)transfer);
    set_proxy(transfer);
    set_tls(transfer);
}

bool node_rpc_call(struct node_rpc *rpc, uint64_t tag, char *body, int timeout_ms, size_t most,
                   struct hb_err *err)
{
    struct transfer *transfer = calloc(1, sizeof *transfer);
    if (transfer == NULL) {
        free(body);
        return hb_fail(err, HB_ERR_SYSTEM, "out of memory");
    }
    transfer->rpc = rpc;
    transfer->tag = tag;
    transfer->request = body;
    transfer->most = most;
    transfer->easy = curl_easy_init();
    if (transfer->easy == NULL) {
        free_transfer(transfer);
        return hb_fail(err, HB_ERR_SYSTEM, "out of memory");
    }
    if (!set_credentials(transfer, err)) {
        free_transfer(transfer);
        return false;
    }
    set_options(transfer, timeout_ms);
    if (curl_multi_add_handle(rpc->multi, transfer->easy) != CURLM_OK) {
        free_transfer(transfer);
        return hb_fail(err, HB_ERR_SYSTEM, "out of memory");
    }
    transfer->next = rpc->transfers;
    rpc->transfers = transfer;
    return true;
}

void node_rpc_cancel(struct node_rpc *rpc)
{
    rpc->generation++;
    struct transfer *transfer = rpc->transfers;
    rpc->transfers = NULL;
    while (transfer != NULL) {
        struct transfer *next = transfer->next;
        free_transfer(transfer);
        transfer = next;
    }
}

/* --- creation and end ---------------------------------------------------------------------------
 */

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

static bool start_curl(struct node_rpc *rpc)
{
    rpc->multi = curl_multi_init();
    if (rpc->multi == NULL) {
        return false;
    }
    (void)curl_multi_setopt(rpc->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    (void)curl_multi_setopt(rpc->multi, CURLMOPT_SOCKETDATA, rpc);
    (void)curl_multi_setopt(rpc->multi, CURLMOPT_TIMERFUNCTION, on_timeout_wanted);
    (void)curl_multi_setopt(rpc->multi, CURLMOPT_TIMERDATA, rpc);
    return true;
}

struct node_rpc *node_rpc_create(const struct node_rpc_options *options, struct uv_loop_s *loop,
                                 node_rpc_done done, void *ctx, struct hb_err *err)
{
    struct node_rpc *rpc = calloc(1, sizeof *rpc);
    if (rpc == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(rpc);
        hb_fail(err, HB_ERR_SYSTEM, "out of memory");
        return NULL;
    }
    rpc->loop = loop;
    rpc->done = done;
    rpc->ctx = ctx;
    rpc->users = 1;
    if (!copy_options(rpc, options) || !start_curl(rpc)) {
        release(rpc);
        hb_fail(err, HB_ERR_SYSTEM, "out of memory");
        return NULL;
    }
    (void)uv_timer_init(loop, &rpc->timer);
    rpc->timer.data = rpc;
    return rpc;
}

static void on_timer_closed(uv_handle_t *handle)
{
    release(handle->data);
}

void node_rpc_destroy(struct node_rpc *rpc)
{
    if (rpc == NULL) {
        return;
    }
    rpc->ended = true;
    node_rpc_cancel(rpc);
    (void)curl_multi_cleanup(rpc->multi);
    uv_close((uv_handle_t *)&rpc->timer, on_timer_closed);
}
