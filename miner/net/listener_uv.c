#include "miner/net/listener_uv.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "ground/text.h"

enum { READ_SIZE = 16 * 1024, QUEUE_MAX = 256 * 1024, KEEP_ALIVE_S = 60, BACKLOG = 32 };

struct listener {
    uv_tcp_t server;
    struct listener_handler handler;
    uint16_t port;
    bool ended;
    int handles; /* not yet given back by libuv, the server's included */
    struct peer *peers[LISTENER_PEERS];
    char read_buffer[READ_SIZE];
};

struct peer {
    uv_tcp_t tcp;
    struct listener *listener;
    void *user;
    bool ended, stuck;
    char address[PEER_ADDRESS_MAX];
};

struct write {
    uv_write_t request;
    char data[];
};

/* --- the end ------------------------------------------------------------------------------------
 */

static void let_go(struct listener *listener)
{
    listener->handles--;
    if (listener->handles == 0) {
        free(listener);
    }
}

static void on_peer_closed(uv_handle_t *handle)
{
    struct peer *peer = handle->data;
    struct listener *listener = peer->listener;
    free(peer);
    let_go(listener);
}

void peer_close(struct peer *peer)
{
    if (peer->ended) {
        return;
    }
    peer->ended = true;
    for (size_t i = 0; i < LISTENER_PEERS; i++) {
        if (peer->listener->peers[i] == peer) {
            peer->listener->peers[i] = NULL;
        }
    }
    uv_close((uv_handle_t *)&peer->tcp, on_peer_closed);
}

static void lose(struct peer *peer, const char *why)
{
    if (!peer->ended) {
        peer_close(peer);
        peer->listener->handler.closed(peer->user, peer->stuck ? "it takes no more data" : why);
    }
}

static void on_server_closed(uv_handle_t *handle)
{
    let_go(handle->data);
}

void listener_destroy(struct listener *listener)
{
    if (listener == NULL || listener->ended) {
        return;
    }
    listener->ended = true;
    for (size_t i = 0; i < LISTENER_PEERS; i++) {
        if (listener->peers[i] != NULL) {
            peer_close(listener->peers[i]);
        }
    }
    uv_close((uv_handle_t *)&listener->server, on_server_closed);
}

/* --- a connection -------------------------------------------------------------------------------
 */

const char *peer_address(const struct peer *peer)
{
    return peer->address;
}

bool peer_is_closed(const struct peer *peer)
{
    return peer->ended;
}

static void on_written(uv_write_t *request, int status)
{
    struct peer *peer = request->handle->data;
    free((struct write *)request);
    if (status < 0 && !peer->ended) {
        lose(peer, uv_strerror(status));
    }
}

/* A peer that takes nothing is lost from within the loop, not from within its owner's call: the
 * next read ends at once. */
static void give_up(struct peer *peer)
{
    uv_os_fd_t fd = -1;
    peer->stuck = true;
    if (uv_fileno((const uv_handle_t *)&peer->tcp, &fd) == 0) {
        (void)shutdown(fd, SHUT_RDWR);
    }
}

void peer_send(struct peer *peer, const char *data, size_t len)
{
    uv_stream_t *stream = (uv_stream_t *)&peer->tcp;
    if (peer->ended || len == 0) {
        return;
    }
    struct write *write = NULL;
    if (uv_stream_get_write_queue_size(stream) + len <= QUEUE_MAX) {
        write = malloc(sizeof *write + len);
    }
    if (write == NULL) {
        give_up(peer);
        return;
    }
    memcpy(write->data, data, len);
    const uv_buf_t buffer = uv_buf_init(write->data, (unsigned)len);
    if (uv_write(&write->request, stream, &buffer, 1, on_written) < 0) {
        free(write);
        give_up(peer);
    }
}

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)suggested;
    struct peer *peer = handle->data;
    *buffer = uv_buf_init(peer->listener->read_buffer, READ_SIZE);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buffer)
{
    struct peer *peer = stream->data;
    if (peer->ended || len == 0) {
        return;
    }
    if (len < 0) {
        lose(peer, len == UV_EOF ? "it closed the connection" : uv_strerror((int)len));
    } else {
        peer->listener->handler.received(peer->user, buffer->base, (size_t)len);
    }
}

/* --- accepting ----------------------------------------------------------------------------------
 */

static void name_peer(struct peer *peer)
{
    struct sockaddr_storage address = {0};
    int len = sizeof address;
    (void)text_copy(peer->address, sizeof peer->address, "?");
    if (uv_tcp_getpeername(&peer->tcp, (struct sockaddr *)&address, &len) == 0) {
        (void)uv_ip_name((const struct sockaddr *)&address, peer->address, sizeof peer->address);
    }
}

static struct peer **free_place(struct listener *listener)
{
    for (size_t i = 0; i < LISTENER_PEERS; i++) {
        if (listener->peers[i] == NULL) {
            return &listener->peers[i];
        }
    }
    return NULL;
}

static void welcome(struct listener *listener, struct peer *peer)
{
    struct peer **place = free_place(listener);
    name_peer(peer);
    if (place == NULL) {
        listener->handler.full(listener->handler.ctx, peer->address);
        peer_close(peer);
        return;
    }
    (void)uv_tcp_nodelay(&peer->tcp, 1);
    (void)uv_tcp_keepalive(&peer->tcp, 1, KEEP_ALIVE_S);
    peer->user = listener->handler.opened(listener->handler.ctx, peer);
    if (peer->user == NULL) {
        peer_close(peer);
        return;
    }
    *place = peer;
    if (uv_read_start((uv_stream_t *)&peer->tcp, on_allocate, on_read) < 0) {
        lose(peer, "it cannot be read from");
    }
}

static void on_connection(uv_stream_t *server, int status)
{
    struct listener *listener = server->data;
    struct peer *peer = status < 0 ? NULL : calloc(1, sizeof *peer);
    if (peer == NULL) {
        return;
    }
    peer->listener = listener;
    (void)uv_tcp_init(server->loop, &peer->tcp);
    peer->tcp.data = peer;
    listener->handles++;
    if (uv_accept(server, (uv_stream_t *)&peer->tcp) < 0) {
        peer_close(peer);
        return;
    }
    welcome(listener, peer);
}

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static int bind_to(struct listener *listener, const char *address, uint16_t port)
{
    union address where;
    const char *numeric = strcmp(address, "localhost") == 0 ? "127.0.0.1" : address;
    int status = uv_ip4_addr(numeric, port, &where.v4);
    if (status < 0) {
        status = uv_ip6_addr(numeric, port, &where.v6);
    }
    return status < 0 ? status : uv_tcp_bind(&listener->server, &where.any, 0);
}

static int start(struct listener *listener, const char *address, uint16_t port)
{
    int status = bind_to(listener, address, port);
    if (status == 0) {
        status = uv_listen((uv_stream_t *)&listener->server, BACKLOG, on_connection);
    }
    union address where;
    int len = sizeof where;
    memset(&where, 0, sizeof where);
    if (status == 0) {
        status = uv_tcp_getsockname(&listener->server, &where.any, &len);
    }
    listener->port =
        ntohs(where.any.sa_family == AF_INET6 ? where.v6.sin6_port : where.v4.sin_port);
    return status;
}

struct listener *listener_create(struct uv_loop_s *loop, const char *address, uint16_t port,
                                 const struct listener_handler *handler, struct hb_err *err)
{
    struct listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL) {
        hb_fail(err, HB_ERR_SYSTEM, "out of memory");
        return NULL;
    }
    listener->handler = *handler;
    listener->handles = 1;
    (void)uv_tcp_init(loop, &listener->server);
    listener->server.data = listener;
    const int status = start(listener, address, port);
    if (status < 0) {
        (void)hb_fail(err, HB_ERR_SYSTEM, "cannot listen on %s, port %u: %s", address, port,
                      uv_strerror(status));
        listener_destroy(listener);
        return NULL;
    }
    return listener;
}

uint16_t listener_port(const struct listener *listener)
{
    return listener->port;
}
