#include "plumbing/exchange.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "plumbing/lookup.h"

enum { LENGTH_BYTES = 4, ROOM_FIRST = 4096, WHY_MAX = 200 };

/* One try to connect; closes by itself, as the exchange may be with the next address by then. */
struct attempt {
    uv_tcp_t tcp;
    uv_connect_t connect;
    struct exchange *exchange;
};

struct exchange {
    uv_loop_t *loop;
    exchange_done done;
    void *ctx;
    uv_timer_t timer;
    uv_write_t write;
    struct lookup *lookup;        /* NULL while none is under way     */
    struct attempt *attempt;      /* NULL while the name is looked up */
    struct addrinfo *found;       /* owned                            */
    const struct addrinfo *tried; /* within `found`                   */
    char *host, *out;             /* out: as it goes over the wire    */
    size_t out_len;
    uint16_t port;

    enum exchange_end end;
    size_t most;
    char *in;
    size_t in_len, in_room;
    size_t scanned; /* bytes of `in` that were looked at for the end */
    int depth;      /* EXCHANGE_JSON: of braces */
    bool in_text, escaped;

    int connect_timeout_ms, timeout_ms;
    uint64_t started;
    int failed; /* what libuv said at the start, told from the loop; 0: nothing */
    int users;  /* handles and requests of libuv that still need this struct */
    bool connected, over;
};

/* --- life ---------------------------------------------------------------------------------------
 */

static void release(struct exchange *x)
{
    if (--x->users == 0) {
        uv_freeaddrinfo(x->found);
        free(x->host);
        free(x->out);
        free(x->in);
        free(x);
    }
}

static void on_attempt_closed(uv_handle_t *handle)
{
    struct attempt *attempt = handle->data;
    release(attempt->exchange);
    free(attempt);
}

static void on_timer_closed(uv_handle_t *handle)
{
    release(handle->data);
}

static void end_attempt(struct exchange *x)
{
    if (x->attempt != NULL) {
        uv_close((uv_handle_t *)&x->attempt->tcp, on_attempt_closed);
        x->attempt = NULL;
    }
}

/* From here on nothing is told. */
static void end(struct exchange *x)
{
    x->over = true;
    end_attempt(x);
    lookup_cancel(x->lookup);
    x->lookup = NULL;
    uv_close((uv_handle_t *)&x->timer, on_timer_closed);
}

static void tell(struct exchange *x, const struct exchange_answer *answer)
{
    x->users++; /* the answer is borrowed from it */
    end(x);
    x->done(x->ctx, answer);
    release(x);
}

static void fail(struct exchange *x, const char *why)
{
    const struct exchange_answer answer = {.why = why};
    tell(x, &answer);
}

static void succeed(struct exchange *x, size_t begin, size_t length)
{
    x->in[begin + length] = '\0';
    const struct exchange_answer answer = {.bytes = x->in + begin, .len = length, .why = ""};
    tell(x, &answer);
}

/* --- where an answer ends -----------------------------------------------------------------------
 */

/* Whether this byte ends a JSON answer; `*counts` says whether it belongs to it. */
static bool ends_json(struct exchange *x, char c, bool *counts)
{
    *counts = c != '\0';
    if (c == '\0') {
        return true;
    }
    if (x->in_text) {
        const bool ends = c == '"' && !x->escaped;
        x->escaped = c == '\\' && !x->escaped;
        x->in_text = !ends;
    } else if (c == '"') {
        x->in_text = x->depth > 0;
    } else if (c == '{') {
        x->depth++;
    } else if (c == '}' && x->depth > 0) {
        return --x->depth == 0;
    }
    return false;
}

/* Looks at what came; true with the answer's length if it is complete. */
static bool find_end(struct exchange *x, size_t *length)
{
    for (; x->scanned < x->in_len; x->scanned++) {
        const char c = x->in[x->scanned];
        bool counts = false;
        if ((x->end == EXCHANGE_NUL && c == '\0') || (x->end == EXCHANGE_LINE && c == '\n') ||
            (x->end == EXCHANGE_JSON && ends_json(x, c, &counts))) {
            *length = x->scanned + (counts ? 1 : 0);
            return true;
        }
    }
    return false;
}

static uint32_t length32(const char *bytes)
{
    uint32_t value = 0;
    for (int i = LENGTH_BYTES - 1; i >= 0; i--) {
        value = value << 8 | (unsigned char)bytes[i];
    }
    return value;
}

static void break_off(struct exchange *x)
{
    char why[WHY_MAX];
    (void)snprintf(why, sizeof why, "the answer is longer than %zu bytes", x->most);
    const struct exchange_answer answer = {.why = why, .excess = true};
    tell(x, &answer);
}

static void look(struct exchange *x)
{
    size_t length = 0;
    if (x->end == EXCHANGE_LENGTH32) {
        if (x->in_len < LENGTH_BYTES) {
            return;
        }
        length = length32(x->in);
        if (length > x->most) {
            break_off(x);
        } else if (x->in_len - LENGTH_BYTES >= length) {
            succeed(x, LENGTH_BYTES, length);
        }
    } else if (find_end(x, &length) && length <= x->most) {
        succeed(x, 0, length);
    } else if (x->in_len > x->most) {
        break_off(x);
    }
}

/* The other side closed. */
static void look_at_rest(struct exchange *x, int status)
{
    const size_t begin = x->end == EXCHANGE_LENGTH32 ? LENGTH_BYTES : 0;
    if (x->in_len > begin) {
        succeed(x, begin, x->in_len - begin);
    } else {
        fail(x, status == UV_EOF ? "the connection was closed without an answer"
                                 : uv_strerror(status));
    }
}

/* --- reading and writing ------------------------------------------------------------------------
 */

/* Room for what may still come, and for one byte more, by which too long an answer shows. */
static void on_room_wanted(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    struct exchange *x = ((struct attempt *)handle->data)->exchange;
    const size_t all = x->most + LENGTH_BYTES + 1;
    if (x->in_len == x->in_room) {
        size_t room = x->in_room == 0 ? ROOM_FIRST : 2 * x->in_room;
        room = room < all ? room : all;
        char *in = realloc(x->in, room + 1); /* and for the NUL of the answer */
        if (in == NULL) {
            *buf = uv_buf_init(NULL, 0);
            return;
        }
        x->in = in;
        x->in_room = room;
    }
    *buf = uv_buf_init(x->in + x->in_len, (unsigned)(x->in_room - x->in_len));
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
    (void)buf;
    struct exchange *x = ((struct attempt *)stream->data)->exchange;
    if (count == UV_ENOBUFS) {
        fail(x, "out of memory");
    } else if (count < 0) {
        look_at_rest(x, (int)count);
    } else if (count > 0) {
        x->in_len += (size_t)count;
        look(x);
    }
}

/* Whether it arrived shows in what is read: some devices answer and close before they read all. */
static void on_written(uv_write_t *write, int status)
{
    (void)status;
    release(write->data);
}

static void on_timeout(uv_timer_t *timer)
{
    struct exchange *x = timer->data;
    char why[WHY_MAX];
    if (x->failed != 0) {
        (void)snprintf(why, sizeof why, "%s", uv_strerror(x->failed));
    } else if (x->connected) {
        (void)snprintf(why, sizeof why, "no whole answer within %d ms", x->timeout_ms);
    } else {
        (void)snprintf(why, sizeof why, "no connection within %d ms", x->connect_timeout_ms);
    }
    fail(x, why);
}

static void talk(struct exchange *x)
{
    uv_stream_t *stream = (uv_stream_t *)&x->attempt->tcp;
    const uint64_t spent = uv_now(x->loop) - x->started;
    const uint64_t whole = (uint64_t)x->timeout_ms;
    (void)uv_timer_start(&x->timer, on_timeout, spent < whole ? whole - spent : 0, 0);
    x->connected = true;
    const uv_buf_t buf = uv_buf_init(x->out, (unsigned)x->out_len);
    int status = uv_read_start(stream, on_room_wanted, on_read);
    if (status == 0) {
        status = uv_write(&x->write, stream, &buf, 1, on_written);
        x->users += status == 0 ? 1 : 0;
    }
    if (status != 0) {
        fail(x, uv_strerror(status));
    }
}

/* --- connecting ---------------------------------------------------------------------------------
 */

static void try_next(struct exchange *x, int status);

static void on_connected(uv_connect_t *connect, int status)
{
    struct attempt *attempt = connect->data;
    struct exchange *x = attempt->exchange;
    if (x->over || x->attempt != attempt) {
        return; /* the handle was closed */
    }
    if (status == 0) {
        talk(x);
        return;
    }
    end_attempt(x);
    try_next(x, status);
}

/* Begins to connect; 0, or libuv's error. */
static int try_address(struct exchange *x, const struct sockaddr *address)
{
    struct attempt *attempt = calloc(1, sizeof *attempt);
    if (attempt == NULL || uv_tcp_init(x->loop, &attempt->tcp) != 0) {
        free(attempt);
        return UV_ENOMEM;
    }
    attempt->exchange = x;
    attempt->tcp.data = attempt;
    attempt->connect.data = attempt;
    x->attempt = attempt;
    x->users++;
    const int status = uv_tcp_connect(&attempt->connect, &attempt->tcp, address, on_connected);
    if (status != 0) {
        end_attempt(x);
    }
    return status;
}

/* The next address of the name; without any left, `status` is why. */
static void try_next(struct exchange *x, int status)
{
    while (x->tried != NULL) {
        const struct addrinfo *address = x->tried;
        x->tried = address->ai_next;
        status = try_address(x, address->ai_addr);
        if (status == 0) {
            return;
        }
    }
    fail(x, uv_strerror(status));
}

static void on_looked_up(void *ctx, struct addrinfo *found, const char *reason)
{
    struct exchange *x = ctx;
    x->lookup = NULL;
    x->found = found;
    x->tried = found;
    if (found == NULL) {
        char why[WHY_MAX];
        (void)snprintf(why, sizeof why, "name '%.80s' cannot be looked up: %s", x->host, reason);
        fail(x, why);
    } else {
        try_next(x, UV_EADDRNOTAVAIL);
    }
}

static int connect_or_look_up(struct exchange *x)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address;
    memset(&address, 0, sizeof address);
    if (uv_ip4_addr(x->host, x->port, &address.v4) == 0 ||
        uv_ip6_addr(x->host, x->port, &address.v6) == 0) {
        return try_address(x, &address.any);
    }
    x->lookup = lookup_start(x->loop, x->host, x->port, on_looked_up, x);
    return x->lookup != NULL ? 0 : UV_ENOMEM;
}

/* --- start and cancel ---------------------------------------------------------------------------
 */

static struct exchange *make(uv_loop_t *loop, const struct exchange_request *request)
{
    struct exchange *x = calloc(1, sizeof *x);
    const size_t before = request->end == EXCHANGE_LENGTH32 ? LENGTH_BYTES : 0;
    if (x == NULL) {
        return NULL;
    }
    x->host = strdup(request->host);
    x->out_len = before + request->len;
    x->out = malloc(x->out_len + 1);
    if (x->host == NULL || x->out == NULL) {
        free(x->host);
        free(x->out);
        free(x);
        return NULL;
    }
    for (size_t i = 0; i < before; i++) {
        x->out[i] = (char)(request->len >> (8 * i) & 0xFF);
    }
    memcpy(x->out + before, request->bytes, request->len);
    x->loop = loop;
    x->port = request->port;
    x->end = request->end;
    x->most = request->most;
    x->timeout_ms = request->timeout_ms;
    x->connect_timeout_ms = request->connect_timeout_ms < request->timeout_ms
                                ? request->connect_timeout_ms
                                : request->timeout_ms;
    return x;
}

struct exchange *exchange_start(uv_loop_t *loop, const struct exchange_request *request,
                                exchange_done done, void *ctx, struct hb_err *err)
{
    struct exchange *x = make(loop, request);
    if (x == NULL) {
        hb_fail(err, HB_ERR_SYSTEM, "out of memory");
        return NULL;
    }
    x->done = done;
    x->ctx = ctx;
    (void)uv_timer_init(loop, &x->timer);
    x->timer.data = x;
    x->write.data = x;
    x->users = 1; /* the timer */
    x->started = uv_now(loop);
    x->failed = connect_or_look_up(x);
    (void)uv_timer_start(&x->timer, on_timeout,
                         x->failed != 0 ? 0 : (uint64_t)x->connect_timeout_ms, 0);
    return x;
}

void exchange_cancel(struct exchange *exchange)
{
    if (exchange != NULL) {
        end(exchange);
    }
}
