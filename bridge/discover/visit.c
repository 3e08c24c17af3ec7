#include "bridge/discover/visit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "bridge/discover/probe.h"
#include "bridge/discover/range.h"
#include "plumbing/exchange.h"
#include "plumbing/http.h"

enum {
    PROBE_MS = 1000,
    ANSWER_MS = 4000, /* slow firmware on a slow network */
    ANSWER_MAX_B = 256 * 1024,
    SILENT_PORTS = 2, /* so many of the first ports in a row: nobody lives there */
};

struct visit {
    uv_loop_t *loop;
    struct http *http;
    uv_timer_t failed; /* brings a failure that is known at once back to the loop */
    bool announced;
    unsigned port, open, silent;
    char host[ADDRESS_TEXT_MAX];
    struct finding finding;
    visit_done done;
    void *ctx;
};

static void probe_next(struct visit *visit);
static void ask_next(struct visit *visit);

static void on_closed(uv_handle_t *handle)
{
    struct visit *visit = handle->data;
    visit->done(visit->ctx, &visit->finding);
    free(visit);
}

static void end(struct visit *visit)
{
    uv_close((uv_handle_t *)&visit->failed, on_closed);
}

/* --- ports --------------------------------------------------------------------------------------
 */

static void on_probe(void *ctx, enum probe_result result)
{
    struct visit *visit = ctx;
    if (result == PROBE_OPEN) {
        visit->open |= 1u << visit->port;
    }
    visit->silent = result == PROBE_SILENT ? visit->silent + 1 : 0;
    visit->port++;
    probe_next(visit);
}

static void probe_next(struct visit *visit)
{
    const bool nobody = visit->open == 0 && visit->silent >= SILENT_PORTS;
    if (visit->port < (visit->announced ? IDENTIFY_HTTP + 1 : IDENTIFY_PORTS) && !nobody) {
        const uint16_t port = visit->port == IDENTIFY_HTTP ? visit->finding.http_port
                                                           : identify_port_numbers[visit->port];
        if (!probe_start(visit->loop, visit->finding.address, port, PROBE_MS, on_probe, visit)) {
            end(visit);
        }
        return;
    }
    identify_init(&visit->finding.who, visit->open);
    ask_next(visit);
}

/* --- questions ----------------------------------------------------------------------------------
 */

static void take(struct visit *visit, const struct identify_answer *answer)
{
    identify_take(&visit->finding.who, answer);
    ask_next(visit);
}

static void on_http(void *ctx, const struct http_answer *answer)
{
    take(ctx, &(struct identify_answer){.status = answer->status,
                                        .body = answer->status == 0 ? NULL : answer->body,
                                        .len = answer->len,
                                        .realm = http_header(answer, "WWW-Authenticate"),
                                        .location = http_header(answer, "Location")});
}

static void on_exchange(void *ctx, const struct exchange_answer *answer)
{
    take(ctx, &(struct identify_answer){.body = answer->bytes, .len = answer->len});
}

static void on_failed(uv_timer_t *timer)
{
    take(timer->data, &(struct identify_answer){.status = 0});
}

static bool ask_http(struct visit *visit, const struct identify_ask *ask)
{
    static const char *const json[] = {"Content-Type: application/json", NULL};
    char url[64 + ADDRESS_TEXT_MAX];
    const uint16_t port =
        ask->port == identify_port_numbers[IDENTIFY_HTTP] ? visit->finding.http_port : ask->port;
    (void)snprintf(url, sizeof url, "http://%s:%u%s", visit->host, port, ask->path);
    const struct http_request request = {
        .method = ask->body == NULL ? HTTP_GET : HTTP_POST,
        .url = url,
        .headers = ask->body == NULL ? NULL : json,
        .body = ask->body,
        .body_len = ask->body == NULL ? 0 : strlen(ask->body),
        .connect_timeout_ms = ANSWER_MS,
        .timeout_ms = ANSWER_MS,
        .most = ANSWER_MAX_B,
        .fresh = true,
    };
    return http_start(visit->http, &request, on_http, visit, NULL) != NULL;
}

static bool ask_tcp(struct visit *visit, const struct identify_ask *ask)
{
    const struct exchange_request request = {
        .host = visit->host,
        .port = ask->port,
        .bytes = ask->body,
        .len = strlen(ask->body),
        .end = ask->end,
        .most = ANSWER_MAX_B,
        .connect_timeout_ms = ANSWER_MS,
        .timeout_ms = ANSWER_MS,
    };
    return exchange_start(visit->loop, &request, on_exchange, visit, NULL) != NULL;
}

static void ask_next(struct visit *visit)
{
    struct identify_ask ask;
    if (!identify_next(&visit->finding.who, &ask)) {
        end(visit);
    } else if (!(ask.path != NULL ? ask_http(visit, &ask) : ask_tcp(visit, &ask))) {
        (void)uv_timer_start(&visit->failed, on_failed, 0, 0);
    }
}

bool visit_start(uv_loop_t *loop, struct http *http, uint32_t address, uint16_t http_port,
                 visit_done done, void *ctx)
{
    struct visit *visit = calloc(1, sizeof *visit);
    if (visit == NULL) {
        return false;
    }
    visit->loop = loop;
    visit->http = http;
    visit->announced = http_port != 0;
    visit->finding.address = address;
    visit->finding.http_port = http_port != 0 ? http_port : identify_port_numbers[IDENTIFY_HTTP];
    visit->done = done;
    visit->ctx = ctx;
    address_print(address, visit->host);
    (void)uv_timer_init(loop, &visit->failed); /* cannot fail */
    visit->failed.data = visit;
    probe_next(visit);
    return true;
}
