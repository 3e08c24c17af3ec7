#include "bridge/discover/scan.h"

#include <signal.h>
#include <stdlib.h>
#include <uv.h>

#include "bridge/discover/mdns.h"
#include "plumbing/http.h"

enum { VISITS_MAX = 32, ANNOUNCED_MAX = 256 };

struct announced {
    uint32_t address;
    uint16_t port;
};

struct scan {
    const struct scan_options *options;
    uv_loop_t loop;
    uv_signal_t interrupt;
    struct http *http;
    struct mdns *mdns;    /* NULL once it is over */
    size_t range, offset; /* of the next address */
    size_t running, visited, total;
    struct announced announced[ANNOUNCED_MAX]; /* visited in this order */
    size_t announced_count, announced_next;
    bool stop;
};

static bool is_left_out(const struct scan *scan, uint32_t address)
{
    for (size_t i = 0; i < scan->options->left_out_count; i++) {
        if (scan->options->left_out[i] == address) {
            return true;
        }
    }
    return false;
}

/* The next address and what is known of its web server; false if there is none now. */
static bool next(struct scan *scan, uint32_t *address, uint16_t *http_port)
{
    if (scan->stop) {
        return false;
    }
    if (scan->announced_next < scan->announced_count) {
        const struct announced *one = &scan->announced[scan->announced_next++];
        *address = one->address;
        *http_port = one->port;
        return true;
    }
    while (scan->range < scan->options->range_count) {
        const struct range *range = &scan->options->ranges[scan->range];
        if (scan->offset == range_count(range)) {
            scan->range++;
            scan->offset = 0;
            continue;
        }
        *address = range->first + (uint32_t)scan->offset++;
        *http_port = 0;
        if (is_left_out(scan, *address)) {
            scan->visited++;
            continue;
        }
        return true;
    }
    return false;
}

/* Ends the loop by closing what keeps it alive. */
static void finish_if_idle(struct scan *scan)
{
    if (scan->running == 0 && scan->mdns == NULL && scan->http != NULL) {
        uv_close((uv_handle_t *)&scan->interrupt, NULL);
        http_destroy(scan->http);
        scan->http = NULL;
    }
}

static void fill(struct scan *scan);

static void on_visited(void *ctx, const struct finding *finding)
{
    struct scan *scan = ctx;
    scan->running--;
    scan->visited++;
    if (finding->who.found != FAMILY_NONE || finding->who.suspect != FAMILY_NONE) {
        scan->options->found(scan->options->ctx, finding);
    }
    scan->options->progress(scan->options->ctx, scan->visited, scan->total);
    fill(scan);
}

static void fill(struct scan *scan)
{
    uint32_t address;
    uint16_t http_port;
    while (scan->running < VISITS_MAX && next(scan, &address, &http_port)) {
        scan->running++;
        if (!visit_start(&scan->loop, scan->http, address, http_port, on_visited, scan)) {
            scan->running--;
            scan->visited++;
        }
    }
    finish_if_idle(scan);
}

static bool is_in_ranges(const struct scan *scan, uint32_t address)
{
    for (size_t i = 0; i < scan->options->range_count; i++) {
        if (address >= scan->options->ranges[i].first && address <= scan->options->ranges[i].last) {
            return true;
        }
    }
    return false;
}

/* The scan comes by at an address in its ranges anyway, but only at the usual port. */
static void on_announced(void *ctx, uint32_t address, uint16_t port)
{
    struct scan *scan = ctx;
    if (scan->stop || scan->announced_count == ANNOUNCED_MAX || is_left_out(scan, address) ||
        (port == identify_port_numbers[IDENTIFY_HTTP] && is_in_ranges(scan, address))) {
        return;
    }
    for (size_t i = 0; i < scan->announced_count; i++) {
        if (scan->announced[i].address == address && scan->announced[i].port == port) {
            return;
        }
    }
    scan->announced[scan->announced_count++] = (struct announced){address, port};
    scan->total++;
    fill(scan);
}

static void on_mdns_done(void *ctx)
{
    struct scan *scan = ctx;
    scan->mdns = NULL;
    fill(scan);
}

static void on_interrupt(uv_signal_t *signal, int number)
{
    struct scan *scan = signal->data;
    (void)number;
    scan->stop = true;
    (void)uv_signal_stop(signal); /* the second one ends the program */
    if (scan->mdns != NULL) {
        mdns_stop(scan->mdns);
    }
}

bool scan_run(const struct scan_options *options, struct hb_err *err)
{
    struct scan *scan = calloc(1, sizeof *scan);
    if (scan == NULL || uv_loop_init(&scan->loop) != 0) {
        free(scan);
        return hb_fail(err, HB_ERR_SYSTEM, "out of memory");
    }
    scan->options = options;
    for (size_t i = 0; i < options->range_count; i++) {
        scan->total += range_count(&options->ranges[i]);
    }
    bool good = uv_signal_init(&scan->loop, &scan->interrupt) == 0;
    scan->http = good ? http_create(&scan->loop, err) : NULL;
    if (scan->http != NULL) {
        scan->interrupt.data = scan;
        (void)uv_signal_start(&scan->interrupt, on_interrupt, SIGINT);
        scan->mdns = mdns_start(&scan->loop, on_announced, on_mdns_done, scan);
        fill(scan);
    } else if (good) {
        uv_close((uv_handle_t *)&scan->interrupt, NULL);
        good = false;
    } else {
        (void)hb_fail(err, HB_ERR_SYSTEM, "out of memory");
    }
    (void)uv_run(&scan->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&scan->loop);
    free(scan);
    return good;
}
