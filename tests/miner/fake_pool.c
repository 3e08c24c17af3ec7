#include "tests/miner/fake_pool.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "miner/difficulty.h"
#include "miner/job.h"
#include "miner/verify.h"
#include "tests/miner/fake_talk.h"
#include "tests/support/test.h"

struct client {
    uv_tcp_t tcp; /* first: the handle is the client */
    struct fake_pool *pool;
    struct client *next;
    size_t used, budget, late_len;
    char text[8192], out[4096], late[8192]; /* `late` is still to be sent, byte by byte */
};

static struct client *clients; /* of all pools of the test */

static void on_closed(uv_handle_t *handle)
{
    struct client **at = &clients;
    while (*at != (struct client *)handle) {
        at = &(*at)->next;
    }
    *at = (*at)->next;
    free(handle);
}

static void hang_up(struct client *client)
{
    if (uv_is_closing((uv_handle_t *)&client->tcp) == 0) {
        uv_close((uv_handle_t *)&client->tcp, on_closed);
    }
}

static void on_written(uv_write_t *request, int status)
{
    (void)status;
    free(request);
}

static void on_shut_down(uv_shutdown_t *request, int status)
{
    (void)status;
    hang_up((struct client *)request->handle);
    free(request);
}

static void hang_up_after_sending(struct client *client)
{
    uv_shutdown_t *request = malloc(sizeof *request);
    assert_non_null(request);
    assert_int_equal(uv_shutdown(request, (uv_stream_t *)&client->tcp, on_shut_down), 0);
}

static void send_now(struct client *client, const char *text, size_t len)
{
    uv_write_t *request = malloc(sizeof *request + len);
    assert_non_null(request);
    char *copy = (char *)(request + 1);
    memcpy(copy, text, len);
    const uv_buf_t buffer = uv_buf_init(copy, (unsigned)len);
    if (uv_write(request, (uv_stream_t *)&client->tcp, &buffer, 1, on_written) != 0) {
        free(request);
    }
}

static void say(struct client *client, const char *text, size_t len)
{
    if (client->pool->manner == FAKE_DRIPS) {
        assert_true(client->late_len + len <= sizeof client->late);
        memcpy(client->late + client->late_len, text, len);
        client->late_len += len;
        return;
    }
    if (client->pool->manner != FAKE_CUTS) {
        send_now(client, text, len);
        return;
    }
    const size_t part = len < client->budget ? len : client->budget;
    client->budget -= part;
    send_now(client, text, part);
    if (part < len) {
        hang_up_after_sending(client);
    }
}

static void on_drip(uv_timer_t *timer)
{
    for (struct client *client = clients; client != NULL; client = client->next) {
        if (client->pool == timer->data && client->late_len > 0 &&
            uv_is_closing((uv_handle_t *)&client->tcp) == 0) {
            send_now(client, client->late, 1);
            memmove(client->late, client->late + 1, --client->late_len);
        }
    }
}

static void misbehave(struct client *client)
{
    static char block[256 * 1024];
    char text[200];
    switch (client->pool->manner) {
    case FAKE_GARBAGE:
    case FAKE_GREETS:
        say(client, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
        break;
    case FAKE_ENDLESS:
        memset(block, 'x', sizeof block);
        say(client, block, sizeof block);
        break;
    case FAKE_DEEP:
        memset(block, '[', 5000);
        block[5000] = '\n';
        say(client, block, 5001);
        break;
    case FAKE_NEGATIVE:
        (void)snprintf(text, sizeof text,
                       "{\"id\":null,\"method\":\"mining.set_difficulty\",\"params\":[-1]}\n");
        say(client, text, strlen(text));
        break;
    case FAKE_REDIRECT:
        (void)snprintf(text, sizeof text,
                       "{\"id\":null,\"method\":\"client.reconnect\",\"params\":[\"%s\",%d,0]}\n",
                       client->pool->redirect_host, client->pool->redirect_port);
        say(client, text, strlen(text));
        break;
    case FAKE_SAYS:
        say(client, client->pool->line, strlen(client->pool->line));
        say(client, "\n", 1);
        break;
    case FAKE_GOOD:
    case FAKE_CUTS:
    case FAKE_DRIPS:
    case FAKE_HANGS_UP_ON_CONFIGURE:
    case FAKE_ANSWERS_CONFIGURE_AND_HANGS_UP:
    case FAKE_NO_JOBS:
    case FAKE_SILENT:
        break;
    }
}

static void on_line(struct client *client, const char *line)
{
    struct fake_pool *pool = client->pool;
    if (pool->manner == FAKE_HANGS_UP_ON_CONFIGURE && strstr(line, "configure") != NULL) {
        hang_up(client);
        return;
    }
    if (pool->manner == FAKE_SILENT ||
        (pool->manner == FAKE_NO_JOBS && strstr(line, "authorize") != NULL)) {
        return;
    }
    const bool early =
        pool->manner == FAKE_GARBAGE || pool->manner == FAKE_ENDLESS || pool->manner == FAKE_DEEP;
    if (early) {
        misbehave(client);
        return;
    }
    enum fake_heard heard = FAKE_HEARD_OTHER;
    const size_t len = fake_answer(line, client->out, sizeof client->out, &heard);
    say(client, client->out, len);
    if (pool->manner == FAKE_ANSWERS_CONFIGURE_AND_HANGS_UP && strstr(line, "configure") != NULL) {
        hang_up_after_sending(client);
        return;
    }
    if (heard == FAKE_HEARD_AUTHORIZE) {
        pool->jobs++;
        misbehave(client);
    }
    pool->good_shares += heard == FAKE_HEARD_GOOD_SHARE ? 1 : 0;
    pool->bad_shares += heard == FAKE_HEARD_BAD_SHARE ? 1 : 0;
}

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)suggested;
    struct client *client = (struct client *)handle;
    *buffer = uv_buf_init(client->text + client->used,
                          (unsigned)(sizeof client->text - client->used - 1));
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buffer)
{
    (void)buffer;
    struct client *client = (struct client *)stream;
    if (len < 0) {
        hang_up(client);
        return;
    }
    client->used += (size_t)len;
    client->text[client->used] = '\0';
    char *end = NULL;
    while ((end = strchr(client->text, '\n')) != NULL) {
        *end = '\0';
        on_line(client, client->text);
        client->used -= (size_t)(end + 1 - client->text);
        memmove(client->text, end + 1, client->used + 1);
    }
}

static void on_connection(uv_stream_t *server, int status)
{
    struct fake_pool *pool = server->data;
    struct client *client = calloc(1, sizeof *client);
    assert_int_equal(status, 0);
    assert_non_null(client);
    client->pool = pool;
    client->next = clients;
    clients = client;
    pool->connections++;
    client->budget = pool->connections;
    (void)uv_tcp_init(server->loop, &client->tcp);
    assert_int_equal(uv_accept(server, (uv_stream_t *)&client->tcp), 0);
    (void)uv_read_start((uv_stream_t *)&client->tcp, on_allocate, on_read);
    if (pool->manner == FAKE_GREETS) {
        misbehave(client);
    }
}

void fake_pool_start(struct fake_pool *pool, uv_loop_t *loop, int port)
{
    struct sockaddr_in address;
    int len = sizeof address;
    pool->server = malloc(sizeof *pool->server);
    assert_non_null(pool->server);
    (void)uv_tcp_init(loop, pool->server);
    pool->server->data = pool;
    (void)uv_ip4_addr("127.0.0.1", port, &address);
    assert_int_equal(uv_tcp_bind(pool->server, (const struct sockaddr *)&address, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *)pool->server, 8, on_connection), 0);
    assert_int_equal(uv_tcp_getsockname(pool->server, (struct sockaddr *)&address, &len), 0);
    pool->port = ntohs(address.sin_port);
    if (pool->manner == FAKE_DRIPS) {
        pool->drip = malloc(sizeof *pool->drip);
        assert_non_null(pool->drip);
        (void)uv_timer_init(loop, pool->drip);
        pool->drip->data = pool;
        (void)uv_timer_start(pool->drip, on_drip, 2, 2);
    }
}

void fake_pool_send_job(const struct fake_pool *pool)
{
    for (struct client *client = clients; client != NULL; client = client->next) {
        if (client->pool == pool) {
            say(client, fake_notify(), strlen(fake_notify()));
            say(client, "\n", 1);
        }
    }
}

static void on_handle_closed(uv_handle_t *handle)
{
    free(handle);
}

void fake_pool_stop(struct fake_pool *pool)
{
    for (struct client *client = clients; client != NULL; client = client->next) {
        if (client->pool == pool) {
            hang_up(client);
        }
    }
    if (pool->server != NULL) {
        uv_close((uv_handle_t *)pool->server, on_handle_closed);
        pool->server = NULL;
    }
    if (pool->drip != NULL) {
        uv_close((uv_handle_t *)pool->drip, on_handle_closed);
        pool->drip = NULL;
    }
}

int fake_free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    (void)close(fd);
    return ntohs(address.sin_port);
}
