#include "bridge/web/web.h"

#include <libwebsockets.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "bridge/web/answer.h"
#include "bridge/web/guard.h"
#include "bridge/web/history.h"
#include "bridge/web/listen.h"
#include "ground/text.h"
#include "plumbing/clock.h"
#include "plumbing/json.h"
#include "plumbing/ring.h"

enum {
    VISITS = 64,         /* slots; above WEB_CONNECTIONS_MAX while evicted ones are closing   */
    SOCKETS_MAX = 64,    /* with the listening one, so that new ones wait until a slot is free */
    SOCKETS_WS_MAX = 16, /* open pages: they may not crowd out plain requests               */
    REQUESTS = 32,       /* waiting to be taken by the core                                 */
    HEADERS_MAX = 8192,  /* bytes of one request's headers                                  */
    WS_MESSAGE_MAX = 16384,
    WS_FRAMES_PER_S = 100,
    CHUNK = 4096, /* bytes of a reply per write                                      */
    SNAPSHOT_MAX = 8 << 20,
    TIMEOUT_S = 5,
};

/* A text with the room before it that lws_write needs for its framing. */
struct text {
    size_t len;
    unsigned char data[]; /* LWS_PRE bytes, then the text */
};

/* One connection. */
struct visit {
    struct lws *wsi; /* NULL: free slot */
    uint64_t arrived;
    bool evicted, busy, is_ws; /* busy: a reply is on its way */
    char room[ID_MAX];         /* of a POST whose body is awaited */
    size_t body_len;
    char body[WEB_REQUEST_MAX];
    const char *reply; /* rest of a reply's body; points into `owned` or a page_file */
    size_t reply_len;
    char *owned;
    uint64_t shown; /* version of the snapshot sent last */
    size_t message_len;
    int64_t second;
    unsigned frames; /* in that second */
};

struct web {
    struct lws_context *context;
    struct guard guard;
    struct ring *requests;
    pthread_t thread;
    atomic_bool stop;

    pthread_mutex_t lock; /* for `incoming`, held for the exchange of a pointer only */
    struct text *incoming;

    /* of the web thread */
    struct text *current;
    uint64_t version;
    hb_mono shown_at;
    struct history *history;
    uint64_t arrivals;
    struct visit visits[VISITS];
};

/* --- replies ---------------------------------------------------------------------------------- */

static bool add_header(struct lws *wsi, const char *name, const char *value, unsigned char **at,
                       unsigned char *end)
{
    return lws_add_http_header_by_name(wsi, (const unsigned char *)name,
                                       (const unsigned char *)value, (int)strlen(value), at,
                                       end) == 0;
}

static bool write_headers(struct lws *wsi, unsigned status, const char *type, size_t len)
{
    unsigned char buffer[LWS_PRE + 1536];
    unsigned char *const start = buffer + LWS_PRE;
    unsigned char *const end = buffer + sizeof buffer;
    unsigned char *at = start;
    if (lws_add_http_common_headers(wsi, status, type, (lws_filepos_t)len, &at, end) != 0) {
        return false;
    }
    for (size_t i = 0; i < answer_header_count; i++) {
        if (!add_header(wsi, answer_headers[i].name, answer_headers[i].value, &at, end)) {
            return false;
        }
    }
    if (status == HTTP_STATUS_UNAUTHORIZED &&
        !add_header(wsi, "www-authenticate:", "Basic realm=\"heatbridge\", charset=\"UTF-8\"", &at,
                    end)) {
        return false;
    }
    return lws_finalize_write_http_header(wsi, start, &at, end) == 0;
}

static int finish_reply(struct visit *visit)
{
    free(visit->owned);
    visit->owned = NULL;
    visit->reply = NULL;
    visit->busy = false;
    return lws_http_transaction_completed(visit->wsi) != 0 ? -1 : 0;
}

static bool write_piece(struct lws *wsi, const char *data, size_t len, bool last)
{
    unsigned char buffer[LWS_PRE + CHUNK];
    memcpy(buffer + LWS_PRE, data, len);
    return lws_write(wsi, buffer + LWS_PRE, len, last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) >=
           (int)len;
}

/* Sends the next piece of the reply; whoever takes none for TIMEOUT_S is cut off. Returns what the
 * callback must return. */
static int continue_reply(struct visit *visit)
{
    const size_t len = visit->reply_len < CHUNK ? visit->reply_len : CHUNK;
    const bool last = len == visit->reply_len;
    if (!write_piece(visit->wsi, visit->reply, len, last)) {
        return -1;
    }
    visit->reply += len;
    visit->reply_len -= len;
    if (!last) {
        lws_set_timeout(visit->wsi, PENDING_TIMEOUT_HTTP_CONTENT, TIMEOUT_S);
        lws_callback_on_writable(visit->wsi);
        return 0;
    }
    return finish_reply(visit);
}

/* Begins the reply and takes over what the answer owns. */
static int reply(struct visit *visit, const struct answer *answer)
{
    free(visit->owned);
    visit->owned = answer->owned;
    visit->reply = answer->data;
    visit->reply_len = answer->len;
    visit->busy = true;
    visit->room[0] = '\0';
    if (!write_headers(visit->wsi, answer->status, answer->type, answer->len)) {
        return -1;
    }
    if (lws_hdr_total_length(visit->wsi, WSI_TOKEN_HEAD_URI) > 0) {
        return finish_reply(visit);
    }
    lws_callback_on_writable(visit->wsi);
    return 0;
}

/* --- requests --------------------------------------------------------------------------------- */

/* Copies a header: "" if it is absent, "?", which no rule accepts, if it is too long. */
static const char *header_of(struct lws *wsi, enum lws_token_indexes token, char *text, size_t size)
{
    if (lws_hdr_copy(wsi, text, (int)size, token) < 0) {
        (void)text_copy(text, size, "?");
    }
    return text;
}

static bool has_mark(struct lws *wsi)
{
    static const char name[] = "x-heatbridge:";
    char value[4];
    return lws_hdr_custom_copy(wsi, value, sizeof value, name, (int)sizeof name - 1) == 1 &&
           value[0] == '1';
}

static unsigned refuses(const struct web *web, struct lws *wsi, enum guard_rule rule,
                        bool needs_password, const char **why)
{
    char host[NAME_MAX_B * 4];
    char origin[NAME_MAX_B * 4];
    char authorization[TEXT_MAX * 2];
    const struct guard_ask ask = {
        .host = header_of(wsi, WSI_TOKEN_HOST, host, sizeof host),
        .origin = header_of(wsi, WSI_TOKEN_ORIGIN, origin, sizeof origin),
        .authorization =
            header_of(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, authorization, sizeof authorization),
        .has_mark = has_mark(wsi),
    };
    return guard_refuses(&web->guard, &ask, rule, needs_password, why);
}

static struct answer answer_to_get(const struct web *web, const char *path)
{
    const struct answer_shown shown = {
        .snapshot = web->current != NULL ? (const char *)web->current->data + LWS_PRE : NULL,
        .snapshot_len = web->current != NULL ? web->current->len : 0,
        .shown_at = web->shown_at,
        .now = clock_mono(),
        .history = web->history,
    };
    return answer_get(&shown, path);
}

static struct answer answer_to(const struct web *web, struct visit *visit, const char *path)
{
    struct lws *wsi = visit->wsi;
    char length[16];
    const bool is_get = lws_hdr_total_length(wsi, WSI_TOKEN_GET_URI) > 0 ||
                        lws_hdr_total_length(wsi, WSI_TOKEN_HEAD_URI) > 0;
    const char *why = NULL;
    const unsigned status =
        refuses(web, wsi, is_get ? GUARD_READ : GUARD_CHANGE, strcmp(path, "/health") != 0, &why);
    if (status != 0) {
        return answer_error(status, why);
    }
    if (is_get) {
        return answer_to_get(web, path);
    }
    if (lws_hdr_total_length(wsi, WSI_TOKEN_POST_URI) > 0) {
        header_of(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, length, sizeof length);
        return answer_post(path, length, visit->room);
    }
    return answer_error(HTTP_STATUS_METHOD_NOT_ALLOWED, "expected GET or POST, got another method");
}

static int begin_request(const struct web *web, struct visit *visit, const char *path)
{
    visit->body_len = 0;
    visit->room[0] = '\0';
    const struct answer answer = answer_to(web, visit, path);
    return answer.status != 0 ? reply(visit, &answer) : 0;
}

static int add_body(struct visit *visit, const char *data, size_t len)
{
    if (visit->room[0] == '\0') {
        return 0; /* refused already */
    }
    if (len > sizeof visit->body - visit->body_len) {
        return -1; /* more than its Content-Length said */
    }
    memcpy(visit->body + visit->body_len, data, len);
    visit->body_len += len;
    return 0;
}

static struct answer hand_over(struct web *web, const struct visit *visit)
{
    struct web_request request;
    const struct answer answer = answer_body(visit->room, visit->body, visit->body_len, &request);
    return answer.status != 202 || ring_push(web->requests, &request)
               ? answer
               : answer_error(503, "heatbridge is busy with earlier requests");
}

static int end_body(struct web *web, struct visit *visit)
{
    if (visit->room[0] == '\0') {
        return 0;
    }
    const struct answer answer = hand_over(web, visit);
    return reply(visit, &answer);
}

/* --- WebSocket -------------------------------------------------------------------------------- */

static size_t open_pages(const struct web *web)
{
    size_t count = 0;
    for (size_t i = 0; i < VISITS; i++) {
        count += web->visits[i].wsi != NULL && web->visits[i].is_ws;
    }
    return count;
}

/* Return codes of LWS_CALLBACK_HTTP_CONFIRM_UPGRADE: 0 go on, > 0 replied already, < 0 hang up.
 * Anything but a WebSocket is hung up on here because libwebsockets 4.1.6 goes on with a finished
 * transaction after refusing an unknown protocol itself. */
static int confirm_upgrade(const struct web *web, struct visit *visit)
{
    char protocol[16];
    char path[16];
    const char *why = NULL;
    header_of(visit->wsi, WSI_TOKEN_UPGRADE, protocol, sizeof protocol);
    header_of(visit->wsi, WSI_TOKEN_GET_URI, path, sizeof path);
    if (strcasecmp(protocol, "websocket") != 0) {
        return -1;
    }
    unsigned status = refuses(web, visit->wsi, GUARD_SOCKET, true, &why);
    if (status == 0 && strcmp(path, "/ws") != 0) {
        status = HTTP_STATUS_NOT_FOUND;
        why = "expected the WebSocket path /ws, got another";
    } else if (status == 0 && open_pages(web) >= SOCKETS_WS_MAX) {
        status = HTTP_STATUS_SERVICE_UNAVAILABLE;
        why = "too many pages are open";
    }
    if (status == 0) {
        return 0;
    }
    const struct answer answer = answer_error(status, why);
    const bool sent = write_headers(visit->wsi, status, answer.type, answer.len) &&
                      write_piece(visit->wsi, answer.data, answer.len, true);
    free(answer.owned);
    return sent ? 1 : -1;
}

static int send_snapshot(const struct web *web, struct visit *visit)
{
    struct text *text = web->current;
    if (text == NULL || visit->shown == web->version) {
        return 0;
    }
    visit->shown = web->version;
    const int sent = lws_write(visit->wsi, text->data + LWS_PRE, text->len, LWS_WRITE_TEXT);
    return sent < (int)text->len ? -1 : 0;
}

/* The page never says anything on its WebSocket, so everything that comes is only counted. */
static int count_frame(struct visit *visit, size_t len)
{
    const int64_t second = clock_mono().ms / 1000;
    if (second != visit->second) {
        visit->second = second;
        visit->frames = 0;
    }
    visit->frames++;
    visit->message_len += len;
    if (visit->frames > WS_FRAMES_PER_S ||
        visit->message_len + lws_remaining_packet_payload(visit->wsi) > WS_MESSAGE_MAX) {
        return -1;
    }
    if (lws_is_final_fragment(visit->wsi)) {
        visit->message_len = 0;
    }
    return 0;
}

/* --- connections ------------------------------------------------------------------------------ */

/* Makes the oldest connection without a reply on its way give way, so that silent ones cannot shut
 * others out. */
static void evict_oldest(struct web *web)
{
    struct visit *oldest = NULL;
    size_t live = 0;
    for (size_t i = 0; i < VISITS; i++) {
        struct visit *visit = &web->visits[i];
        if (visit->wsi == NULL || visit->evicted) {
            continue;
        }
        live++;
        if (!visit->is_ws && !visit->busy && (oldest == NULL || visit->arrived < oldest->arrived)) {
            oldest = visit;
        }
    }
    if (live > WEB_CONNECTIONS_MAX && oldest != NULL) {
        oldest->evicted = true;
        (void)shutdown(lws_get_socket_fd(oldest->wsi), SHUT_RDWR); /* time-outs get replaced */
    }
}

static int arrive(struct web *web, struct lws *wsi)
{
    for (size_t i = 0; i < VISITS; i++) {
        struct visit *visit = &web->visits[i];
        if (visit->wsi == NULL) {
            *visit = (struct visit){.wsi = wsi, .arrived = ++web->arrivals};
            lws_set_opaque_user_data(wsi, visit);
            evict_oldest(web);
            return 0;
        }
    }
    return -1;
}

static void leave(struct visit *visit)
{
    free(visit->owned);
    visit->owned = NULL;
    visit->wsi = NULL;
}

static void take_incoming(struct web *web)
{
    (void)pthread_mutex_lock(&web->lock);
    struct text *incoming = web->incoming;
    web->incoming = NULL;
    (void)pthread_mutex_unlock(&web->lock);
    if (incoming == NULL) {
        return;
    }
    web->shown_at = clock_mono();
    struct json *json =
        json_parse((const char *)incoming->data + LWS_PRE, incoming->len, SNAPSHOT_MAX, NULL);
    history_take(web->history, json);
    json_free(json);
    free(web->current);
    web->current = incoming;
    web->version++;
    for (size_t i = 0; i < VISITS; i++) {
        if (web->visits[i].wsi != NULL && web->visits[i].is_ws) {
            lws_callback_on_writable(web->visits[i].wsi);
        }
    }
}

static int on_visit(struct web *web, struct visit *visit, enum lws_callback_reasons reason,
                    void *in, size_t len)
{
    switch ((int)reason) {
    case LWS_CALLBACK_WSI_DESTROY:
        leave(visit);
        return 0;
    case LWS_CALLBACK_RAW_ADOPT: /* CONNECT would turn the connection into a raw one */
        return -1;
    case LWS_CALLBACK_HTTP:
        return visit->evicted ? -1 : begin_request(web, visit, in);
    case LWS_CALLBACK_HTTP_BODY:
        return add_body(visit, in, len);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return end_body(web, visit);
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return visit->reply != NULL ? continue_reply(visit) : 0;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return visit->evicted ? -1 : confirm_upgrade(web, visit);
    case LWS_CALLBACK_ESTABLISHED:
        visit->is_ws = true;
        lws_callback_on_writable(visit->wsi);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return send_snapshot(web, visit);
    case LWS_CALLBACK_RECEIVE:
        return count_frame(visit, len);
    default:
        return 0;
    }
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len)
{
    (void)user;
    struct lws_context *context = wsi != NULL ? lws_get_context(wsi) : NULL;
    struct web *web = context != NULL ? lws_context_user(context) : NULL;
    if (web == NULL) {
        return 0;
    }
    if (reason == LWS_CALLBACK_EVENT_WAIT_CANCELLED) {
        take_incoming(web);
        return 0;
    }
    if (reason == LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED) {
        return arrive(web, wsi);
    }
    struct visit *visit = lws_get_opaque_user_data(wsi);
    return visit != NULL ? on_visit(web, visit, reason, in, len) : 0;
}

/* --- life ------------------------------------------------------------------------------------- */

static void *serve(void *ctx)
{
    struct web *web = ctx;
    while (!atomic_load(&web->stop)) {
        (void)lws_service(web->context, 0);
    }
    return NULL;
}

static const struct lws_protocols protocols[] = {
    {.name = "heatbridge", .callback = on_event, .rx_buffer_size = 2048},
    {.name = NULL},
};

/* An open page that vanished without a word is noticed after two pings. */
static const lws_retry_bo_t liveness = {
    .secs_since_valid_ping = 20,
    .secs_since_valid_hangup = 40,
};

static struct lws_context *create_context(struct web *web, uint16_t port, bool ip6)
{
    struct lws_context_creation_info info = {
        .port = port,
        .iface = web->guard.everywhere ? NULL : web->guard.listen,
        .protocols = protocols,
        .gid = -1,
        .uid = -1,
        .user = web,
        .options =
            LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND | (ip6 ? 0 : LWS_SERVER_OPTION_DISABLE_IPV6),
        .alpn = "http/1.1",
        .server_string = "heatbridge",
        .fd_limit_per_thread = SOCKETS_MAX,
        .max_http_header_data = HEADERS_MAX,
        .max_http_header_pool = VISITS,
        .timeout_secs = TIMEOUT_S,
        .timeout_secs_ah_idle = TIMEOUT_S,
        .keepalive_timeout = TIMEOUT_S,
        .retry_and_idle_policy = &liveness,
    };
    lws_set_log_level(0, NULL);
    return lws_create_context(&info);
}

static void release(struct web *web)
{
    if (web->context != NULL) {
        lws_context_destroy(web->context);
    }
    ring_destroy(web->requests);
    history_destroy(web->history);
    free(web->incoming);
    free(web->current);
    (void)pthread_mutex_destroy(&web->lock);
    free(web);
}

/* Signals are for the thread that called; the new one inherits the mask. */
static bool start_thread(struct web *web)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    const bool good = pthread_create(&web->thread, NULL, serve, web) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return good;
}

struct web *web_start(const struct web_options *options, const struct hb_log *log,
                      void (*wake)(void *ctx), void *wake_ctx, struct hb_err *err)
{
    bool ip6;
    struct guard guard = {.everywhere = false};
    if (!listen_check(options, &guard, &ip6, err)) {
        return NULL;
    }
    struct web *web = calloc(1, sizeof *web);
    if (web == NULL) {
        (void)hb_fail(err, HB_ERR_SYSTEM, "cannot start the page: out of memory");
        return NULL;
    }
    (void)pthread_mutex_init(&web->lock, NULL);
    atomic_init(&web->stop, false);
    web->guard = guard;
    web->history = history_create();
    web->requests = ring_create(REQUESTS, sizeof(struct web_request), RING_REFUSE, wake, wake_ctx);
    if (web->history != NULL && web->requests != NULL) {
        web->context = create_context(web, options->port, ip6);
    }
    if (web->context == NULL || !start_thread(web)) {
        (void)hb_fail(err, HB_ERR_SYSTEM, "cannot start the page on %s port %u", options->listen,
                      (unsigned)options->port);
        release(web);
        return NULL;
    }
    hb_log(log, LOG_LEVEL_INFO, "web", "the page is at http://%s%s%s:%u/", ip6 ? "[" : "",
           options->listen, ip6 ? "]" : "", (unsigned)options->port);
    return web;
}

void web_stop(struct web *web)
{
    if (web == NULL) {
        return;
    }
    atomic_store(&web->stop, true);
    lws_cancel_service(web->context);
    (void)pthread_join(web->thread, NULL);
    release(web);
}

void web_show(struct web *web, const char *json, size_t len)
{
    struct text *text = malloc(sizeof *text + LWS_PRE + len);
    if (text == NULL || len > SNAPSHOT_MAX) {
        free(text); /* the page keeps showing the one before */
        return;
    }
    text->len = len;
    memcpy(text->data + LWS_PRE, json, len);
    (void)pthread_mutex_lock(&web->lock);
    struct text *skipped = web->incoming;
    web->incoming = text;
    (void)pthread_mutex_unlock(&web->lock);
    free(skipped);
    lws_cancel_service(web->context);
}

bool web_receive(struct web *web, struct web_request *request)
{
    return ring_pop(web->requests, request);
}
