#include "bridge/discover/probe.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <uv.h>

struct probe {
    uv_tcp_t socket;
    uv_timer_t timer;
    uv_connect_t connect;
    int open_handles;
    bool decided;
    enum probe_result result;
    probe_done done;
    void *ctx;
};

static void on_close(uv_handle_t *handle)
{
    struct probe *probe = handle->data;
    if (--probe->open_handles == 0) {
        const struct probe ended = *probe;
        free(probe);
        ended.done(ended.ctx, ended.result);
    }
}

static void decide(struct probe *probe, enum probe_result result)
{
    if (!probe->decided) {
        probe->decided = true;
        probe->result = result;
        uv_close((uv_handle_t *)&probe->socket, on_close);
        uv_close((uv_handle_t *)&probe->timer, on_close);
    }
}

static enum probe_result meaning(int status)
{
    if (status == 0) {
        return PROBE_OPEN;
    }
    return status == UV_ECONNREFUSED || status == UV_ECONNRESET ? PROBE_CLOSED : PROBE_SILENT;
}

static void on_connect(uv_connect_t *connect, int status)
{
    if (status != UV_ECANCELED) { /* that is our own closing, after the time was up */
        decide(connect->data, meaning(status));
    }
}

static void on_timer(uv_timer_t *timer)
{
    decide(timer->data, PROBE_SILENT);
}

bool probe_start(uv_loop_t *loop, uint32_t address, uint16_t port, int timeout_ms, probe_done done,
                 void *ctx)
{
    struct probe *probe = calloc(1, sizeof *probe);
    if (probe == NULL) {
        return false;
    }
    if (uv_tcp_init(loop, &probe->socket) != 0) {
        free(probe);
        return false;
    }
    (void)uv_timer_init(loop, &probe->timer); /* cannot fail */
    probe->socket.data = probe->timer.data = probe->connect.data = probe;
    probe->open_handles = 2;
    probe->done = done;
    probe->ctx = ctx;
    const struct sockaddr_in there = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
    (void)uv_timer_start(&probe->timer, on_timer, (uint64_t)timeout_ms, 0);
    if (uv_tcp_connect(&probe->connect, &probe->socket, (const struct sockaddr *)&there,
                       on_connect) != 0) {
        decide(probe, PROBE_SILENT); /* its word comes from the loop */
    }
    return true;
}
