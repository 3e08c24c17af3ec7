#include "miner/net/transport_uv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "ground/text.h"
#include "miner/net/socks5.h"
#include "miner/net/tls.h"
#include "miner/stratum/pool_url.h"

enum { READ_SIZE = 16 * 1024, QUEUE_MAX = 256 * 1024, KEEP_ALIVE_S = 60 };

struct transport {
    uv_loop_t *loop;
    struct transport_handler handler;
    char host[256], dial_host[256]; /* the pool's; where to connect to: the pool or the proxy */
    uint16_t port, dial_port;
    int timeout_ms;
    struct socks5 *socks; /* NULL without a proxy */
    struct tls *tls;
    uv_tcp_t tcp;
    uv_timer_t deadline;
    uv_getaddrinfo_t lookup;
    uv_connect_t connect;
    bool looking_up, ended, open;
    int handles; /* not yet given back by libuv */
    struct addrinfo *addresses, *next_address;
    char read_buffer[READ_SIZE];
};

struct write {
    uv_write_t request;
    char data[];
};

/* --- the end ------------------------------------------------------------------------------------
 */

static void free_when_idle(struct transport *transport)
{
    if (transport->handles > 0 || transport->looking_up) {
        return;
    }
    uv_freeaddrinfo(transport->addresses);
    tls_destroy(transport->tls);
    free(transport->socks);
    free(transport);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct transport *transport = handle->data;
    transport->handles--;
    free_when_idle(transport);
}

void transport_close(struct transport *transport)
{
    if (transport->ended) {
        return;
    }
    transport->ended = true;
    if (transport->looking_up) {
        (void)uv_cancel((uv_req_t *)&transport->lookup); /* if it runs already, it ends by itself */
    }
    uv_close((uv_handle_t *)&transport->deadline, on_handle_closed);
    if (uv_is_closing((uv_handle_t *)&transport->tcp) == 0) {
        uv_close((uv_handle_t *)&transport->tcp, on_handle_closed);
    }
}

/* True until the proxy has connected us. */
static bool at_proxy(const struct transport *transport)
{
    return transport->socks != NULL && transport->socks->state != SOCKS5_DONE;
}

/* Tells the owner why, and hangs up. */
static void end(struct transport *transport, const char *why)
{
    if (transport->ended) {
        return;
    }
    const struct transport_handler handler = transport->handler;
    char where[300];
    char proxy[300] = "";
    char message[900];
    pool_url_print(where, sizeof where, transport->host, transport->port);
    if (at_proxy(transport)) {
        pool_url_print(proxy, sizeof proxy, transport->dial_host, transport->dial_port);
    }
    (void)snprintf(message, sizeof message, "%s: %s%s%s%s", where, proxy[0] != '\0' ? "proxy " : "",
                   proxy, proxy[0] != '\0' ? ": " : "", why);
    transport_close(transport);
    handler.closed(handler.ctx, message);
}

static void end_by_uv(struct transport *transport, int status)
{
    const char *closed =
        at_proxy(transport) ? "it closed the connection" : "the pool closed the connection";
    end(transport, status == UV_EOF ? closed : uv_strerror(status));
}

/* --- sending ------------------------------------------------------------------------------------
 */

static void on_written(uv_write_t *request, int status)
{
    struct transport *transport = request->handle->data;
    free((struct write *)request);
    if (status < 0 && !transport->ended) {
        end_by_uv(transport, status);
    }
}

static void send_raw(struct transport *transport, const char *data, size_t len)
{
    uv_stream_t *stream = (uv_stream_t *)&transport->tcp;
    struct write *write = NULL;
    if (uv_stream_get_write_queue_size(stream) + len <= QUEUE_MAX) {
        write = malloc(sizeof *write + len);
    }
    if (write == NULL) {
        end(transport, "the pool takes no more data");
        return;
    }
    memcpy(write->data, data, len);
    const uv_buf_t buffer = uv_buf_init(write->data, (unsigned)len);
    const int status = uv_write(&write->request, stream, &buffer, 1, on_written);
    if (status < 0) {
        free(write);
        end_by_uv(transport, status);
    }
}

static void flush_tls(struct transport *transport)
{
    char data[4096];
    size_t len = 0;
    while (!transport->ended && (len = tls_drain(transport->tls, data, sizeof data)) > 0) {
        send_raw(transport, data, len);
    }
}

void transport_send(struct transport *transport, const char *data, size_t len)
{
    if (transport->ended || !transport->open || len == 0) {
        return;
    }
    if (transport->tls == NULL) {
        send_raw(transport, data, len);
    } else if (tls_write(transport->tls, data, len)) {
        flush_tls(transport);
    } else {
        end(transport, "tls failed");
    }
}

/* --- receiving ----------------------------------------------------------------------------------
 */

static void become_open(struct transport *transport)
{
    transport->open = true;
    (void)uv_timer_stop(&transport->deadline);
    transport->handler.opened(transport->handler.ctx);
}

/* The handshake's next step; what must be sent goes out even when it fails (the alert). */
static bool advance_tls(struct transport *transport)
{
    struct hb_err err = {0};
    const bool good = tls_advance(transport->tls, &err);
    flush_tls(transport);
    if (!good) {
        end(transport, err.msg);
    } else if (!transport->open && tls_is_ready(transport->tls)) {
        become_open(transport);
    }
    return !transport->ended && transport->open;
}

static void on_ciphertext(struct transport *transport, const char *data, size_t len)
{
    if (!tls_feed(transport->tls, data, len)) {
        end(transport, "tls failed: out of memory");
        return;
    }
    if (!advance_tls(transport)) {
        return;
    }
    char plain[READ_SIZE];
    size_t got = 0;
    do {
        struct hb_err err = {0};
        if (!tls_read(transport->tls, plain, sizeof plain, &got, &err)) {
            end(transport, err.msg);
        } else if (got > 0) {
            transport->handler.received(transport->handler.ctx, plain, got);
        }
    } while (!transport->ended && got > 0);
    if (!transport->ended) {
        flush_tls(transport); /* answers to key updates */
    }
}

/* The way to the pool is free: the handshake of TLS begins, or the pool's own dialogue. */
static void on_through(struct transport *transport)
{
    if (transport->tls != NULL) {
        (void)advance_tls(transport);
    } else {
        become_open(transport);
    }
}

static void on_bytes(struct transport *transport, const char *data, size_t len)
{
    if (transport->tls != NULL) {
        on_ciphertext(transport, data, len);
    } else {
        transport->handler.received(transport->handler.ctx, data, len);
    }
}

static void on_proxy_bytes(struct transport *transport, const char *data, size_t len)
{
    struct socks5 *socks = transport->socks;
    struct hb_err err = {0};
    size_t used = 0;
    if (!socks5_feed(socks, (const uint8_t *)data, len, &used, &err)) {
        end(transport, err.msg);
        return;
    }
    if (socks->out_len > 0) {
        send_raw(transport, (const char *)socks->out, socks->out_len);
    }
    if (socks->state == SOCKS5_DONE) {
        on_through(transport);
        if (!transport->ended && used < len) {
            on_bytes(transport, data + used, len - used);
        }
    }
}

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)suggested;
    struct transport *transport = handle->data;
    *buffer = uv_buf_init(transport->read_buffer, READ_SIZE);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buffer)
{
    struct transport *transport = stream->data;
    if (transport->ended || len == 0) {
        return;
    }
    if (len < 0) {
        end_by_uv(transport, (int)len);
    } else if (at_proxy(transport)) {
        on_proxy_bytes(transport, buffer->base, (size_t)len);
    } else {
        on_bytes(transport, buffer->base, (size_t)len);
    }
}

/* --- connecting ---------------------------------------------------------------------------------
 */

static void try_next_address(struct transport *transport, int last_status);

static void on_connected(uv_connect_t *request, int status)
{
    struct transport *transport = request->handle->data;
    if (transport->ended) {
        return;
    }
    if (status < 0) {
        try_next_address(transport, status);
        return;
    }
    (void)uv_tcp_nodelay(&transport->tcp, 1);
    (void)uv_tcp_keepalive(&transport->tcp, 1, KEEP_ALIVE_S);
    status = uv_read_start((uv_stream_t *)&transport->tcp, on_allocate, on_read);
    if (status < 0) {
        end_by_uv(transport, status);
    } else if (transport->socks != NULL) {
        send_raw(transport, (const char *)transport->socks->out, transport->socks->out_len);
    } else {
        on_through(transport);
    }
}

static void connect_to(struct transport *transport, const struct addrinfo *address)
{
    const int status =
        uv_tcp_connect(&transport->connect, &transport->tcp, address->ai_addr, on_connected);
    if (status < 0) {
        end_by_uv(transport, status);
    }
}

/* A socket that failed to connect cannot be used again. */
static void on_socket_replaced(uv_handle_t *handle)
{
    struct transport *transport = handle->data;
    if (transport->ended || uv_tcp_init(transport->loop, &transport->tcp) != 0) {
        transport->handles--;
        free_when_idle(transport);
        return;
    }
    const struct addrinfo *address = transport->next_address;
    transport->next_address = address->ai_next;
    connect_to(transport, address);
}

static void try_next_address(struct transport *transport, int last_status)
{
    if (transport->next_address == NULL) {
        end_by_uv(transport, last_status);
        return;
    }
    uv_close((uv_handle_t *)&transport->tcp, on_socket_replaced);
}

static void on_looked_up(uv_getaddrinfo_t *request, int status, struct addrinfo *addresses)
{
    struct transport *transport = request->data;
    transport->looking_up = false;
    transport->addresses = addresses;
    if (transport->ended) {
        free_when_idle(transport);
    } else if (status < 0 || addresses == NULL) {
        end(transport, "the name cannot be resolved");
    } else {
        transport->next_address = addresses->ai_next;
        connect_to(transport, addresses);
    }
}

static void on_deadline(uv_timer_t *timer)
{
    struct transport *transport = timer->data;
    char why[80];
    (void)snprintf(why, sizeof why, "no connection within %g s", transport->timeout_ms / 1000.0);
    end(transport, why);
}

static bool begin(struct transport *transport, struct hb_err *err)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    char port[8];
    (void)snprintf(port, sizeof port, "%u", transport->dial_port);
    transport->tcp.data = transport->deadline.data = transport->lookup.data = transport;
    (void)uv_timer_init(transport->loop, &transport->deadline);
    (void)uv_tcp_init(transport->loop, &transport->tcp);
    transport->handles = 2;
    (void)uv_timer_start(&transport->deadline, on_deadline, (uint64_t)transport->timeout_ms, 0);
    const int status = uv_getaddrinfo(transport->loop, &transport->lookup, on_looked_up,
                                      transport->dial_host, port, &hints);
    if (status < 0) {
        transport_close(transport);
        return hb_fail(err, HB_ERR_SYSTEM, "%s: %s", transport->dial_host, uv_strerror(status));
    }
    transport->looking_up = true;
    return true;
}

static bool set_up_proxy(struct transport *transport, const struct transport_options *options,
                         struct hb_err *err)
{
    const bool proxied = options->proxy_host != NULL;
    transport->dial_port = proxied ? options->proxy_port : options->port;
    (void)text_copy(transport->dial_host, sizeof transport->dial_host,
                    proxied ? options->proxy_host : options->host);
    if (!proxied) {
        return true;
    }
    transport->socks = calloc(1, sizeof *transport->socks);
    if (transport->socks == NULL) {
        return hb_fail(err, HB_ERR_SYSTEM, "out of memory");
    }
    return socks5_init(transport->socks, options->host, options->port, options->proxy_user,
                       options->proxy_password, err);
}

static bool set_up(struct transport *transport, const struct transport_options *options,
                   struct hb_err *err)
{
    transport->port = options->port;
    transport->timeout_ms = options->connect_timeout_ms;
    (void)text_copy(transport->host, sizeof transport->host, options->host);
    if (!set_up_proxy(transport, options, err)) {
        return false;
    }
    transport->tls = options->tls == NULL ? NULL : tls_create(options->tls, err);
    return options->tls == NULL || transport->tls != NULL;
}

struct transport *transport_connect(struct uv_loop_s *loop, const struct transport_options *options,
                                    const struct transport_handler *handler, struct hb_err *err)
{
    struct transport *transport = calloc(1, sizeof *transport);
    if (transport == NULL) {
        hb_fail(err, HB_ERR_SYSTEM, "out of memory");
        return NULL;
    }
    transport->loop = loop;
    transport->handler = *handler;
    if (!set_up(transport, options, err)) {
        tls_destroy(transport->tls);
        free(transport->socks);
        free(transport);
        return NULL;
    }
    return begin(transport, err) ? transport : NULL;
}
