#define _DEFAULT_SOURCE /* explicit_bzero */
#include "devices/remote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ground/text.h"

enum { TIMEOUT_MS = 5000, HOST_SIZE = 256 };

/* One request; all texts owned. */
struct ask {
    int request;
    bool tcp;
    enum http_method method;
    char *url;
    char **headers; /* ended by NULL; NULL: none */
    char *body;     /* NULL: none; for TCP what is sent */
    size_t len;
    enum exchange_end end;
};

struct remote {
    const struct heater_env *env;
    remote_done done;
    void *ctx;
    char base[URL_MAX + 8]; /* "http://host:port" */
    char host[HOST_SIZE];
    uint16_t port;
    enum http_auth auth;
    char *user, *password;
    bool tls_unverified, fresh;
    int timeout_ms;

    struct ask queue[REMOTE_QUEUE]; /* queue[first] is the one under way, if `busy` */
    size_t first, count;
    bool busy;
    struct http_call *call; /* at most one of these two */
    struct exchange *exchange;
    bool telling; /* the receiver runs */
    bool ended;   /* by the receiver   */
};

/* --- requests -----------------------------------------------------------------------------------
 */

static void free_ask(struct ask *ask)
{
    for (char **header = ask->headers; header != NULL && *header != NULL; header++) {
        free(*header);
    }
    free(ask->headers);
    free(ask->url);
    free(ask->body);
    *ask = (struct ask){0};
}

static struct ask *nth(struct remote *remote, size_t n)
{
    return &remote->queue[(remote->first + n) % REMOTE_QUEUE];
}

static void drop_first(struct remote *remote)
{
    free_ask(nth(remote, 0));
    remote->first = (remote->first + 1) % REMOTE_QUEUE;
    remote->count--;
}

static bool copy_bytes(char **copy, const char *bytes, size_t len)
{
    *copy = malloc(len + 1);
    if (*copy != NULL) {
        memcpy(*copy, bytes, len);
        (*copy)[len] = '\0';
    }
    return *copy != NULL;
}

static bool copy_headers(struct ask *ask, const char *const *headers)
{
    size_t count = 0;
    while (headers[count] != NULL) {
        count++;
    }
    ask->headers = calloc(count + 1, sizeof *ask->headers);
    if (ask->headers == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!copy_bytes(&ask->headers[i], headers[i], strlen(headers[i]))) {
            return false;
        }
    }
    return true;
}

static bool copy_url(struct ask *ask, const struct remote *remote, const char *path)
{
    const size_t base = strlen(remote->base);
    const size_t size = strlen(path) + 1;
    ask->url = malloc(base + size);
    if (ask->url != NULL) {
        memcpy(ask->url, remote->base, base);
        memcpy(ask->url + base, path, size);
    }
    return ask->url != NULL;
}

/* --- the conversation ---------------------------------------------------------------------------
 */

static void free_remote(struct remote *remote)
{
    free(remote->user);
    if (remote->password != NULL) {
        explicit_bzero(remote->password, strlen(remote->password));
    }
    free(remote->password);
    free(remote);
}

static void drop_all(struct remote *remote)
{
    http_cancel(remote->call);
    exchange_cancel(remote->exchange);
    remote->call = NULL;
    remote->exchange = NULL;
    remote->busy = false;
    while (remote->count > 0) {
        drop_first(remote);
    }
}

/* Hands the answer to the first request out; false if the receiver ended the conversation. */
static bool tell(struct remote *remote, struct remote_answer *answer)
{
    answer->request = nth(remote, 0)->request;
    drop_first(remote);
    remote->busy = false;
    remote->call = NULL;
    remote->exchange = NULL;
    remote->telling = true;
    remote->done(remote->ctx, answer);
    remote->telling = false;
    if (remote->ended) {
        free_remote(remote);
        return false;
    }
    return true;
}

static void go_on(struct remote *remote);

/* What speaks, but not as a heater does, is at the wrong address or broken, and will be the next
 * time: its owner is to know, whatever the driver makes of it. */
static void tell_owner(const struct remote *remote, const char *why)
{
    char sentence[TEXT_MAX];
    if (remote->env->trouble != NULL) {
        (void)snprintf(sentence, sizeof sentence,
                       "its answer is of no use (%.140s); set url to the device's own address, or "
                       "restart it",
                       why);
        remote->env->trouble(remote->env->report_ctx, sentence);
    }
}

static void on_http(void *ctx, const struct http_answer *from)
{
    struct remote *remote = ctx;
    if (from->excess || (from->status >= 300 && from->why[0] != '\0')) {
        tell_owner(remote, from->why);
    }
    struct remote_answer answer = {.ok = from->status != 0 && from->why[0] == '\0',
                                   .status = from->status,
                                   .body = from->body,
                                   .len = from->len,
                                   .why = from->why,
                                   .answer = from};
    if (tell(remote, &answer)) {
        go_on(remote);
    }
}

static void on_exchange(void *ctx, const struct exchange_answer *from)
{
    struct remote *remote = ctx;
    if (from->excess) {
        tell_owner(remote, from->why);
    }
    struct remote_answer answer = {.ok = from->bytes != NULL,
                                   .body = from->bytes != NULL ? from->bytes : "",
                                   .len = from->len,
                                   .why = from->why};
    if (tell(remote, &answer)) {
        go_on(remote);
    }
}

static bool start_http(struct remote *remote, const struct ask *ask, struct hb_err *err)
{
    static const char *const json[] = {"Content-Type: application/json", NULL};
    const struct http_request request = {
        .method = ask->method,
        .url = ask->url,
        .headers = ask->headers != NULL ? (const char *const *)ask->headers
                   : ask->body != NULL  ? json
                                        : NULL,
        .body = ask->body,
        .body_len = ask->len,
        .auth = remote->auth,
        .user = remote->user,
        .password = remote->password,
        .tls_unverified = remote->tls_unverified,
        .timeout_ms = remote->timeout_ms,
        .most = REMOTE_ANSWER_MAX,
        .fresh = remote->fresh,
    };
    remote->call = http_start(remote->env->http, &request, on_http, remote, err);
    return remote->call != NULL;
}

static bool start_exchange(struct remote *remote, const struct ask *ask, struct hb_err *err)
{
    const struct exchange_request request = {
        .host = remote->host,
        .port = remote->port,
        .bytes = ask->body,
        .len = ask->len,
        .end = ask->end,
        .most = REMOTE_ANSWER_MAX,
        .connect_timeout_ms = remote->timeout_ms,
        .timeout_ms = remote->timeout_ms,
    };
    remote->exchange = exchange_start(remote->env->loop, &request, on_exchange, remote, err);
    return remote->exchange != NULL;
}

static bool start_first(struct remote *remote, struct hb_err *err)
{
    const struct ask *ask = nth(remote, 0);
    remote->busy = ask->tcp ? start_exchange(remote, ask, err) : start_http(remote, ask, err);
    return remote->busy;
}

static void go_on(struct remote *remote)
{
    struct hb_err err = {0};
    while (!remote->busy && remote->count > 0 && !start_first(remote, &err)) {
        struct remote_answer answer = {.body = "", .why = err.msg};
        if (!tell(remote, &answer)) {
            return;
        }
    }
}

/* Puts the request into the queue, or frees it. */
static bool add(struct remote *remote, struct ask *ask, bool complete)
{
    const bool possible = remote->env->loop != NULL && !remote->ended &&
                          (ask->tcp || remote->env->http != NULL) && remote->count < REMOTE_QUEUE;
    if (!complete || !possible) {
        free_ask(ask);
        return false;
    }
    *nth(remote, remote->count++) = *ask;
    if (!remote->busy && !remote->telling && !start_first(remote, NULL)) {
        drop_first(remote); /* it is the only one */
        return false;
    }
    return true;
}

bool remote_http(struct remote *remote, int request, enum http_method method, const char *path,
                 const char *const *headers, const char *body)
{
    struct ask ask = {.request = request, .method = method};
    bool complete = copy_url(&ask, remote, path);
    if (complete && headers != NULL) {
        complete = copy_headers(&ask, headers);
    }
    if (complete && body != NULL) {
        ask.len = strlen(body);
        complete = copy_bytes(&ask.body, body, ask.len);
    }
    return add(remote, &ask, complete);
}

bool remote_tcp(struct remote *remote, int request, const char *bytes, size_t len,
                enum exchange_end end)
{
    struct ask ask = {.request = request, .tcp = true, .len = len, .end = end};
    return add(remote, &ask, copy_bytes(&ask.body, bytes, len));
}

bool remote_is_success(const struct remote_answer *answer)
{
    return answer->ok && answer->status >= 200 && answer->status < 300;
}

size_t remote_pending(const struct remote *remote)
{
    return remote->count;
}

void remote_drop_unsent(struct remote *remote)
{
    const size_t sent = remote->busy ? 1 : 0;
    while (remote->count > sent) {
        free_ask(nth(remote, --remote->count));
    }
}

/* --- creation and end ---------------------------------------------------------------------------
 */

/* "host", "host:port", "[address]:port" into host and port. */
static bool read_host(struct remote *remote, const char *text, uint16_t default_port)
{
    const bool bracketed = text[0] == '[';
    const char *begin = text + (bracketed ? 1 : 0);
    const size_t len = strcspn(begin, bracketed ? "]" : ":");
    const char *rest = begin + len + (bracketed && begin[len] == ']' ? 1 : 0);
    double port = default_port;
    if (len == 0 || len >= sizeof remote->host || (bracketed && begin[len] != ']')) {
        return false;
    }
    memcpy(remote->host, begin, len);
    remote->host[len] = '\0';
    if (rest[0] != '\0' &&
        (rest[0] != ':' || rest[1 + strspn(rest + 1, "0123456789")] != '\0' ||
         !text_to_number(rest + 1, strlen(rest + 1), &port) || port < 1 || port > 65535)) {
        return false;
    }
    remote->port = (uint16_t)port;
    return true;
}

static bool read_url(struct remote *remote, const char *url, uint16_t default_port,
                     struct hb_err *err)
{
    const char *colon = strstr(url, "://");
    const char *place = colon == NULL ? url : colon + 3;
    const bool web = strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0;
    char host[URL_MAX];
    bool fine = text_copy(host, sizeof host, place);
    const size_t len = strlen(host);
    if (len > 0 && host[len - 1] == '/') {
        host[len - 1] = '\0';
    }
    fine = fine && strpbrk(host, "/?#@ ") == NULL && read_host(remote, host, default_port);
    if (!fine) {
        return hb_fail(err, HB_ERR_USAGE,
                       "expected the URL of a device, such as http://192.168.1.20, got '%.200s'",
                       url);
    }
    const bool bracketed = strchr(remote->host, ':') != NULL;
    if (web) {
        (void)snprintf(remote->base, sizeof remote->base, "%.*s%s", (int)(place - url), url, host);
    } else { /* its port is not the web server's */
        (void)snprintf(remote->base, sizeof remote->base, bracketed ? "http://[%s]" : "http://%s",
                       remote->host);
    }
    return true;
}

static bool copy_secret(char **copy, const char *text)
{
    return text == NULL || copy_bytes(copy, text, strlen(text));
}

struct remote *remote_create(const struct heater_env *env, const struct remote_options *options,
                             remote_done done, void *ctx, struct hb_err *err)
{
    struct remote *remote = calloc(1, sizeof *remote);
    if (remote == NULL || !copy_secret(&remote->user, options->user) ||
        !copy_secret(&remote->password, options->password)) {
        remote_destroy(remote);
        hb_fail(err, HB_ERR_SYSTEM, "out of memory");
        return NULL;
    }
    remote->env = env;
    remote->done = done;
    remote->ctx = ctx;
    remote->auth = options->auth;
    remote->tls_unverified = options->tls_unverified;
    remote->fresh = options->fresh;
    remote->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : TIMEOUT_MS;
    if (!read_url(remote, options->url, options->default_port, err)) {
        remote_destroy(remote);
        return NULL;
    }
    return remote;
}

void remote_destroy(struct remote *remote)
{
    if (remote == NULL) {
        return;
    }
    drop_all(remote);
    if (remote->telling) {
        remote->ended = true; /* freed when the receiver returns */
    } else {
        free_remote(remote);
    }
}
