#define _DEFAULT_SOURCE /* explicit_bzero */
#include "plumbing/http.h"

#include <curl/curl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "ground/text.h"

enum { KEEP_ALIVE_S = 30, HEAD_MAX = 64 * 1024, CONNECTIONS_MAX = 4096, WHY_MAX = 400 };

struct http_call {
    struct http *http;
    struct http_call *next, **place; /* the pointer to this call in the list */
    CURL *easy;
    struct curl_slist *headers;
    char *sent; /* body of the request */
    char *body;
    size_t len, room, most, head_len;
    const char *refusal; /* why we broke it off, NULL if we did not */
    int connect_timeout_ms, timeout_ms;
    http_done done;
    void *ctx;
    char error[CURL_ERROR_SIZE];
};

/* A socket of curl's that libuv watches. */
struct watch {
    uv_poll_t poll;
    struct http *http;
    int events; /* that curl waits for */
};

struct http {
    uv_loop_t *loop;
    CURLM *multi;
    uv_timer_t timer;
    struct http_call *calls;
    int users; /* handles of libuv and calls on the stack that still need this struct */
    bool ended;
};

/* --- life ---------------------------------------------------------------------------------------
 */

static void release(struct http *http)
{
    if (--http->users == 0) {
        curl_global_cleanup();
        free(http);
    }
}

/* The call's handle belongs to curl's multi handle until this, which must then still exist. */
static void take_back(struct http_call *call)
{
    (void)curl_multi_remove_handle(call->http->multi, call->easy);
    *call->place = call->next;
    if (call->next != NULL) {
        call->next->place = call->place;
    }
}

static void free_call(struct http_call *call)
{
    curl_easy_cleanup(call->easy);
    curl_slist_free_all(call->headers);
    free(call->sent);
    free(call->body);
    free(call);
}

/* --- libcurl over libuv -------------------------------------------------------------------------
 */

static void finish_all(struct http *http);

static void on_timer(uv_timer_t *timer);

/* libuv's clock stands still within a turn of the loop, so that its timer may be early by curl's,
 * which then believes that it still runs. */
static void keep_timer(struct http *http)
{
    long timeout_ms = -1;
    if (!http->ended && uv_is_active((uv_handle_t *)&http->timer) == 0 &&
        curl_multi_timeout(http->multi, &timeout_ms) == CURLM_OK && timeout_ms >= 0) {
        (void)uv_timer_start(&http->timer, on_timer, timeout_ms > 0 ? (uint64_t)timeout_ms : 1, 0);
    }
}

static void drive(struct http *http, curl_socket_t socket, int events)
{
    int running = 0;
    http->users++;
    (void)curl_multi_socket_action(http->multi, socket, events, &running);
    finish_all(http);
    keep_timer(http);
    release(http);
}

/* An error is for curl to find out by reading and writing: it then knows which. libuv stops
 * watching over it, but there may be more to read before it. */
static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct watch *watch = poll->data;
    uv_os_fd_t socket = -1;
    int flags = 0;
    if (uv_fileno((uv_handle_t *)poll, &socket) != 0) {
        return;
    }
    if (status < 0) {
        (void)uv_poll_start(poll, watch->events, on_ready);
        events = UV_READABLE | UV_WRITABLE;
    }
    flags |= (events & UV_READABLE) != 0 ? CURL_CSELECT_IN : 0;
    flags |= (events & UV_WRITABLE) != 0 ? CURL_CSELECT_OUT : 0;
    drive(watch->http, socket, flags);
}

static void on_timer(uv_timer_t *timer)
{
    drive(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static void on_watch_closed(uv_handle_t *handle)
{
    struct watch *watch = handle->data;
    release(watch->http);
    free(watch);
}

static struct watch *start_watch(struct http *http, curl_socket_t socket)
{
    struct watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL || uv_poll_init(http->loop, &watch->poll, socket) != 0) {
        free(watch);
        return NULL;
    }
    watch->http = http;
    watch->poll.data = watch;
    http->users++;
    (void)curl_multi_assign(http->multi, socket, watch);
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
            (void)curl_multi_assign(((struct http *)ctx)->multi, socket, NULL);
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
    watch->events = (what & CURL_POLL_IN) != 0 ? UV_READABLE : 0;
    watch->events |= (what & CURL_POLL_OUT) != 0 ? UV_WRITABLE : 0;
    return uv_poll_start(&watch->poll, watch->events, on_ready) == 0 ? 0 : -1;
}

/* curl says when it wants to be called at the latest. */
static int on_timeout_wanted(CURLM *multi, long timeout_ms, void *ctx)
{
    (void)multi;
    struct http *http = ctx;
    if (http->ended) {
        return 0;
    }
    if (timeout_ms < 0) {
        return uv_timer_stop(&http->timer);
    }
    return uv_timer_start(&http->timer, on_timer, (uint64_t)timeout_ms, 0);
}

static size_t on_data(char *data, size_t size, size_t count, void *ctx)
{
    struct http_call *call = ctx;
    const size_t len = size * count;
    if (len > call->most - call->len) {
        call->refusal = "the answer is too long";
        return 0;
    }
    if (call->len + len + 1 > call->room) {
        const size_t room = 2 * (call->len + len) + 1024;
        char *body = realloc(call->body, room);
        if (body == NULL) {
            call->refusal = "out of memory";
            return 0;
        }
        call->body = body;
        call->room = room;
    }
    memcpy(call->body + call->len, data, len);
    call->len += len;
    call->body[call->len] = '\0';
    return len;
}

/* curl keeps the headers; this only bounds them. */
static size_t on_header(char *data, size_t size, size_t count, void *ctx)
{
    (void)data;
    struct http_call *call = ctx;
    const size_t len = size * count;
    call->head_len += len;
    if (call->head_len > HEAD_MAX) {
        call->refusal = "the answer's head is too long";
        return 0;
    }
    return len;
}

/* --- the end of a call --------------------------------------------------------------------------
 */

/* What the system said to a connection that failed, NULL if that is not known. */
static const char *system_cause(const struct http_call *call)
{
    long number = 0;
    (void)curl_easy_getinfo(call->easy, CURLINFO_OS_ERRNO, &number);
    return number > 0 ? uv_strerror(-(int)number) : NULL;
}

static void say_timeout(const struct http_call *call, char *why, size_t size)
{
    curl_off_t connected_us = 0;
    (void)curl_easy_getinfo(call->easy, CURLINFO_CONNECT_TIME_T, &connected_us);
    if (connected_us == 0 && call->connect_timeout_ms > 0) {
        (void)snprintf(why, size, "no connection within %d ms", call->connect_timeout_ms);
    } else {
        (void)snprintf(why, size, "no whole answer within %d ms", call->timeout_ms);
    }
}

/* A phrase that does not change from one time to the next, as it goes to logs. */
static void say_why(const struct http_call *call, CURLcode code, char *why, size_t size)
{
    const char *cause = call->refusal;
    if (cause == NULL && code == CURLE_OPERATION_TIMEDOUT) {
        say_timeout(call, why, size);
        return;
    }
    if (cause == NULL &&
        (code == CURLE_COULDNT_CONNECT || code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR)) {
        cause = system_cause(call);
    } else if (cause == NULL && code == CURLE_GOT_NOTHING) {
        cause = "the connection was closed without an answer";
    } else if (cause == NULL && code == CURLE_PARTIAL_FILE) {
        cause = "the connection was closed before the answer was whole";
    } else if (cause == NULL && code == CURLE_WEIRD_SERVER_REPLY) {
        cause = "the answer is no HTTP";
    }
    if (cause == NULL) {
        cause = call->error[0] != '\0' ? call->error : curl_easy_strerror(code);
    }
    (void)text_copy(why, size, cause);
}

static void say_redirect(const struct http_answer *answer, char *why, size_t size)
{
    const char *location = http_header(answer, "Location");
    if (answer->status >= 300 && answer->status < 400 && location != NULL) {
        char shown[200];
        text_copy_printable(shown, sizeof shown, location, strlen(location));
        (void)snprintf(why, size, "status %d sends us to %s, where we do not go", answer->status,
                       shown);
    }
}

/* Hands the answer out. The receiver may cancel others, and destroy the client. */
static void finish(struct http_call *call, CURLcode code)
{
    long status = 0;
    char why[WHY_MAX] = "";
    take_back(call);
    if (code == CURLE_OK) {
        (void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    } else {
        say_why(call, code, why, sizeof why);
    }
    const bool answered = status != 0;
    struct http_answer answer = {.status = (int)status,
                                 .body = answered && call->body != NULL ? call->body : "",
                                 .len = answered ? call->len : 0,
                                 .why = why,
                                 .call = call};
    say_redirect(&answer, why, sizeof why);
    call->done(call->ctx, &answer);
    free_call(call);
}

static void finish_all(struct http *http)
{
    int left = 0;
    CURLMsg *message = NULL;
    while (!http->ended && (message = curl_multi_info_read(http->multi, &left)) != NULL) {
        char *call = NULL;
        if (message->msg == CURLMSG_DONE) {
            const CURLcode code = message->data.result;
            (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
            finish((struct http_call *)(void *)call, code);
        }
    }
}

const char *http_header(const struct http_answer *answer, const char *name)
{
    struct curl_header *header = NULL;
    if (answer->status == 0 ||
        curl_easy_header(answer->call->easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK) {
        return NULL;
    }
    (void)curl_easy_header(answer->call->easy, name, header->amount - 1, CURLH_HEADER, -1, &header);
    return header->value;
}

char *http_take_body(const struct http_answer *answer)
{
    if (answer->len == 0) {
        return calloc(1, 1);
    }
    /* The answer is only lent, but the call behind it is ours. */
    char *private = NULL;
    (void)curl_easy_getinfo(answer->call->easy, CURLINFO_PRIVATE, &private);
    struct http_call *call = (struct http_call *)(void *)private;
    char *body = call->body;
    call->body = NULL;
    return body;
}

/* --- calling ------------------------------------------------------------------------------------
 */

static void set_auth(CURL *easy, const struct http_request *request)
{
    if (request->auth == HTTP_AUTH_NONE) {
        return;
    }
    (void)curl_easy_setopt(easy, CURLOPT_HTTPAUTH,
                           request->auth == HTTP_AUTH_BASIC ? CURLAUTH_BASIC : CURLAUTH_DIGEST);
    (void)curl_easy_setopt(easy, CURLOPT_USERNAME, request->user == NULL ? "" : request->user);
    (void)curl_easy_setopt(easy, CURLOPT_PASSWORD,
                           request->password == NULL ? "" : request->password);
}

static void set_tls(CURL *easy, const struct http_request *request)
{
    (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, request->tls_unverified ? 0L : 1L);
    (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, request->tls_unverified ? 0L : 2L);
    if (request->ca_file != NULL) {
        (void)curl_easy_setopt(easy, CURLOPT_CAINFO, request->ca_file);
    }
}

/* Without a proxy of ours, none: libcurl would ask the environment. */
static void set_proxy(CURL *easy, const struct http_request *request)
{
    (void)curl_easy_setopt(easy, CURLOPT_PROXY, request->proxy == NULL ? "" : request->proxy);
    if (request->proxy != NULL) {
        (void)curl_easy_setopt(easy, CURLOPT_PROXYTYPE, (long)CURLPROXY_SOCKS5_HOSTNAME);
        (void)curl_easy_setopt(easy, CURLOPT_PROXYUSERNAME, request->proxy_user);
        (void)curl_easy_setopt(easy, CURLOPT_PROXYPASSWORD, request->proxy_password);
    }
}

static void set_method(struct http_call *call, const struct http_request *request)
{
    static const char *const names[] = {[HTTP_GET] = "GET",
                                        [HTTP_POST] = "POST",
                                        [HTTP_PUT] = "PUT",
                                        [HTTP_PATCH] = "PATCH",
                                        [HTTP_DELETE] = "DELETE"};
    const bool bare = request->method == HTTP_GET || request->method == HTTP_DELETE;
    if (request->body != NULL || !bare) {
        (void)curl_easy_setopt(call->easy, CURLOPT_POSTFIELDS,
                               call->sent == NULL ? "" : call->sent);
        (void)curl_easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                               (curl_off_t)(call->sent == NULL ? 0 : request->body_len));
    }
    (void)curl_easy_setopt(call->easy, CURLOPT_CUSTOMREQUEST, names[request->method]);
}

static void set_limits(struct http_call *call, const struct http_request *request)
{
    CURL *easy = call->easy;
    call->most = request->most;
    call->timeout_ms = request->timeout_ms;
    call->connect_timeout_ms =
        request->connect_timeout_ms > 0 ? request->connect_timeout_ms : request->timeout_ms;
    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)call->connect_timeout_ms);
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)call->timeout_ms);
    (void)curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, request->fresh ? 1L : 0L);
    (void)curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, request->fresh ? 1L : 0L);
    (void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)KEEP_ALIVE_S);
    (void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, (long)KEEP_ALIVE_S);
    /* Without it, giving up on a name waits for the thread that looks it up. */
    (void)curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
}

/* Whether the host is an IPv4 address. */
static bool is_numeric(const char *url)
{
    const char *host = strstr(url, "://");
    host = host == NULL ? url : host + 3;
    return strspn(host, "0123456789.") == strcspn(host, ":/");
}

static void set_options(struct http_call *call, const struct http_request *request)
{
    CURL *easy = call->easy;
    (void)curl_easy_setopt(easy, CURLOPT_URL, request->url);
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    /* libcurl remembers addresses as it does names, and looks through all of them in each call: for
     * a fleet that is most of its time. */
    if (is_numeric(request->url)) {
        (void)curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
    }
    (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers);
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->error);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
    (void)curl_easy_setopt(easy, CURLOPT_PRIVATE, (char *)call);
    set_method(call, request);
    set_limits(call, request);
    set_auth(easy, request);
    set_proxy(easy, request);
    set_tls(easy, request);
}

static bool add_header(struct http_call *call, const char *header)
{
    struct curl_slist *longer = curl_slist_append(call->headers, header);
    call->headers = longer != NULL ? longer : call->headers;
    return longer != NULL;
}

static bool copy_request(struct http_call *call, const struct http_request *request)
{
    /* "Expect: 100-continue" would cost a round trip, and confuses small servers. */
    bool fine = add_header(call, "Expect:");
    for (const char *const *h = request->headers; fine && h != NULL && *h != NULL; h++) {
        fine = add_header(call, *h);
    }
    if (fine && request->body != NULL) {
        call->sent = malloc(request->body_len + 1);
        fine = call->sent != NULL;
    }
    if (fine && request->body != NULL) {
        memcpy(call->sent, request->body, request->body_len);
    }
    return fine;
}

struct http_call *http_start(struct http *http, const struct http_request *request, http_done done,
                             void *ctx, struct hb_err *err)
{
    struct http_call *call = calloc(1, sizeof *call);
    if (call == NULL) {
        hb_fail(err, HB_ERR_SYSTEM, "out of memory");
        return NULL;
    }
    call->http = http;
    call->done = done;
    call->ctx = ctx;
    call->easy = curl_easy_init();
    if (call->easy == NULL || !copy_request(call, request)) {
        free_call(call);
        hb_fail(err, HB_ERR_SYSTEM, "out of memory");
        return NULL;
    }
    set_options(call, request);
    if (curl_multi_add_handle(http->multi, call->easy) != CURLM_OK) {
        free_call(call);
        hb_fail(err, HB_ERR_SYSTEM, "out of memory");
        return NULL;
    }
    call->next = http->calls;
    call->place = &http->calls;
    if (call->next != NULL) {
        call->next->place = &call->next;
    }
    http->calls = call;
    return call;
}

void http_cancel(struct http_call *call)
{
    if (call != NULL) {
        take_back(call);
        free_call(call);
    }
}

/* --- creation and end ---------------------------------------------------------------------------
 */

struct http *http_create(struct uv_loop_s *loop, struct hb_err *err)
{
    struct http *http = calloc(1, sizeof *http);
    if (http == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(http);
        hb_fail(err, HB_ERR_SYSTEM, "out of memory");
        return NULL;
    }
    http->loop = loop;
    http->users = 1;
    http->multi = curl_multi_init();
    if (http->multi == NULL) {
        release(http);
        hb_fail(err, HB_ERR_SYSTEM, "out of memory");
        return NULL;
    }
    (void)curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    (void)curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
    (void)curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_timeout_wanted);
    (void)curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
    (void)curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_MAX);
    (void)uv_timer_init(loop, &http->timer);
    http->timer.data = http;
    return http;
}

static void on_timer_closed(uv_handle_t *handle)
{
    release(handle->data);
}

void http_destroy(struct http *http)
{
    if (http == NULL) {
        return;
    }
    http->ended = true;
    for (struct http_call *call = http->calls, *next; call != NULL; call = next) {
        next = call->next;
        http_cancel(call);
    }
    (void)curl_multi_cleanup(http->multi);
    uv_close((uv_handle_t *)&http->timer, on_timer_closed);
}
