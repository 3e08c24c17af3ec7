#include "bridge/bench_devices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

#include "bridge/bench_fleet.h"
#include "bridge/command.h"
#include "bridge/config/load.h"
#include "devices/host.h"
#include "devices/registry.h"
#include "plumbing/clock.h"
#include "plumbing/http.h"

enum {
    INTERVAL_MS = 5000,
    LOOK_MS = 20,          /* how often it is looked who is due */
    WARM_MS = INTERVAL_MS, /* connections are made, and not measured */
    FILES_EACH = 4,
    YAML_EACH = 128,
};

struct fleet_host {
    struct host *host;
    hb_mono first; /* when it is polled first: all are spread over the interval */
};

struct bench {
    const struct bench_devices_options *options;
    struct fleet fleet;
    struct config *config;
    struct heater_driver axeos, avalon; /* as they are, but polled every INTERVAL_MS */
    uv_loop_t loop;
    uv_timer_t timer;
    struct http *http;
    struct fleet_host *hosts;
    size_t count;
    hb_mono start, measured, end;
    uint64_t polls_before, reports_before;
    double cpu_before_s;
    int64_t worst_late_ms;
    long bare_kb, full_kb; /* resident memory without the hosts, and with them at work */
    double cpu_s, elapsed_s;
    uint64_t polls, reports;
};

/* --- figures ------------------------------------------------------------------------------------
 */

static double cpu_s(void)
{
    struct rusage used;
    (void)getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static long resident_kb(void)
{
    long all = 0;
    long resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file != NULL) {
        if (fscanf(file, "%ld %ld", &all, &resident) != 2) { /* NOLINT(cert-err34-c): the kernel */
            resident = 0;
        }
        (void)fclose(file);
    }
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static void count_all(const struct bench *bench, uint64_t *polls, uint64_t *reports)
{
    *polls = *reports = 0;
    for (size_t i = 0; i < bench->count; i++) {
        struct host_stats stats;
        host_get_stats(bench->hosts[i].host, &stats);
        *polls += stats.polls;
        *reports += stats.reports;
    }
}

static void print(const struct bench *bench)
{
    const double polls = (double)bench->polls;
    (void)printf("{\"bench\":\"devices\",\"devices\":%zu,\"axeos\":%zu,\"avalon\":%zu,"
                 "\"interval_s\":%.1f,\"seconds\":%.1f,\"polls\":%.0f,\"answered\":%llu,"
                 "\"polls_per_s\":%.1f,\"cpu_s_per_1000_polls\":%.4f,\"cpu_share\":%.4f,"
                 "\"worst_late_ms\":%lld,\"memory_mb\":%.1f,\"memory_kb_per_device\":%.1f}\n",
                 bench->count, bench->fleet.axeos, bench->fleet.avalon, INTERVAL_MS / 1000.0,
                 bench->elapsed_s, polls, (unsigned long long)bench->reports,
                 polls / bench->elapsed_s, bench->cpu_s / polls * 1000,
                 bench->cpu_s / bench->elapsed_s, (long long)bench->worst_late_ms,
                 (double)bench->full_kb / 1024,
                 (double)(bench->full_kb - bench->bare_kb) / (double)bench->count);
    (void)fflush(stdout);
}

/* --- the polling --------------------------------------------------------------------------------
 */

static void on_event(void *ctx, const struct event *event)
{
    (void)ctx;
    (void)event; /* the hosts count them */
}

static void tick(struct bench *bench, struct fleet_host *one, hb_mono now)
{
    struct host_stats before;
    struct host_stats after;
    const hb_mono due = host_due(one->host);
    if (now.ms < due.ms || now.ms < one->first.ms) {
        return;
    }
    host_get_stats(one->host, &before);
    host_tick(one->host, now);
    host_get_stats(one->host, &after);
    const int64_t late_ms = clock_mono().ms - due.ms;
    if (after.polls > before.polls && before.polls > 0 && late_ms > bench->worst_late_ms) {
        bench->worst_late_ms = late_ms;
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct bench *bench = timer->data;
    const hb_mono now = clock_mono();
    for (size_t i = 0; i < bench->count; i++) {
        tick(bench, &bench->hosts[i], now);
    }
    if (!mono_is_set(bench->measured) && now.ms >= bench->start.ms + WARM_MS + INTERVAL_MS) {
        bench->measured = now;
        bench->worst_late_ms = 0;
        bench->cpu_before_s = cpu_s();
        count_all(bench, &bench->polls_before, &bench->reports_before);
        bench->end = mono_add_ms(now, (int64_t)(bench->options->seconds * 1000));
    }
    if (mono_is_set(bench->measured) && now.ms >= bench->end.ms) {
        count_all(bench, &bench->polls, &bench->reports);
        bench->polls -= bench->polls_before;
        bench->reports -= bench->reports_before;
        bench->cpu_s = cpu_s() - bench->cpu_before_s;
        bench->elapsed_s = (double)(now.ms - bench->measured.ms) / 1000;
        bench->full_kb = resident_kb();
        uv_stop(&bench->loop);
    }
}

/* --- the fleet and its hosts --------------------------------------------------------------------
 */

static bool have_files(size_t count)
{
    struct rlimit limit;
    const rlim_t wanted = FILES_EACH * count + 64;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return false;
    }
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    return limit.rlim_cur >= wanted;
}

static bool load_config(struct bench *bench)
{
    struct config_problems *problems = calloc(1, sizeof *problems);
    const size_t size = 256 + YAML_EACH * bench->count;
    char *yaml = malloc(size);
    if (problems != NULL && yaml != NULL) {
        int len = snprintf(yaml, size,
                           "mqtt: {url: mqtt://127.0.0.1}\nrooms: {r: {temperature: {topic: t}, "
                           "heaters: [d0]}}\nheaters:\n");
        for (size_t i = 0; i < bench->count; i++) {
            char address[FLEET_ADDRESS_MAX];
            const bool http = i < bench->fleet.axeos;
            fleet_address(i, address);
            len += snprintf(
                yaml + len, size - (size_t)len, "  d%zu: {driver: %s, url: \"%s://%s:%u\"}\n", i,
                http ? "axeos" : "avalon", http ? "http" : "tcp", address, bench->fleet.port);
        }
        bench->config =
            config_load_text(yaml, (size_t)len, "bench", NULL, heater_drivers, problems);
        if (bench->config == NULL) {
            config_problems_print(problems, stderr);
        }
    }
    free(yaml);
    free(problems);
    return bench->config != NULL;
}

static bool make_hosts(struct bench *bench, struct hb_err *err)
{
    bench->hosts = calloc(bench->count, sizeof *bench->hosts);
    if (bench->hosts == NULL) {
        return hb_fail(err, HB_ERR_SYSTEM, "out of memory");
    }
    for (size_t i = 0; i < bench->count; i++) {
        const struct host_options options = {
            .driver = i < bench->fleet.axeos ? &bench->axeos : &bench->avalon,
            .config = &bench->config->heaters[i],
            .index = (uint16_t)i,
            .loop = &bench->loop,
            .http = bench->http,
            .event = on_event,
        };
        bench->hosts[i].first =
            mono_add_ms(bench->start, (int64_t)(i * INTERVAL_MS / bench->count));
        bench->hosts[i].host = host_create(&options, err);
        if (bench->hosts[i].host == NULL) {
            return false;
        }
    }
    return true;
}

static void on_walk(uv_handle_t *handle, void *ctx)
{
    (void)ctx;
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

static bool poll_all(struct bench *bench, struct hb_err *err)
{
    bench->bare_kb = resident_kb();
    if (uv_loop_init(&bench->loop) != 0) {
        return hb_fail(err, HB_ERR_SYSTEM, "no event loop");
    }
    bench->start = clock_mono();
    bench->http = http_create(&bench->loop, err);
    const bool good = bench->http != NULL && make_hosts(bench, err);
    (void)uv_timer_init(&bench->loop, &bench->timer); /* cannot fail */
    if (good) {
        bench->timer.data = bench;
        (void)uv_timer_start(&bench->timer, on_timer, 0, LOOK_MS);
        (void)uv_run(&bench->loop, UV_RUN_DEFAULT);
    }
    for (size_t i = 0; bench->hosts != NULL && i < bench->count; i++) {
        host_stop(bench->hosts[i].host);
    }
    http_destroy(bench->http);
    uv_close((uv_handle_t *)&bench->timer, NULL);
    (void)uv_run(&bench->loop, UV_RUN_DEFAULT);
    for (size_t i = 0; bench->hosts != NULL && i < bench->count; i++) {
        host_destroy(bench->hosts[i].host);
    }
    free(bench->hosts);
    uv_walk(&bench->loop, on_walk, NULL);
    (void)uv_loop_close(&bench->loop);
    return good;
}

static bool measure(struct bench *bench, struct hb_err *err)
{
    (void)printf(
        "{\"bench\":\"devices\",\"emulated\":{\"first\":\"127.77.0.1\",\"per_net\":250,\"port\":"
        "%u,\"axeos\":%zu,\"avalon\":%zu}}\n",
        bench->fleet.port, bench->fleet.axeos, bench->fleet.avalon);
    (void)fflush(stdout);
    if (!load_config(bench)) {
        return hb_fail(err, HB_ERR_STATE, "no configuration for the devices");
    }
    const bool good = poll_all(bench, err);
    config_free(bench->config);
    if (!good) {
        return false;
    }
    print(bench);
    while (bench->options->hold && getchar() != EOF) {
    }
    if (bench->polls == 0 || (double)bench->reports < 0.99 * (double)bench->polls) {
        return hb_fail(err, HB_ERR_STATE, "%llu of %llu polls were answered",
                       (unsigned long long)bench->reports, (unsigned long long)bench->polls);
    }
    return true;
}

int bench_devices(const struct bench_devices_options *options)
{
    struct bench bench = {.options = options, .count = (size_t)options->count};
    struct hb_err err = {0};
    const struct heater_driver *axeos = heater_driver_find("axeos");
    const struct heater_driver *avalon = heater_driver_find("avalon");
    bool good = axeos != NULL && avalon != NULL;
    if (!good) {
        (void)hb_fail(&err, HB_ERR_STATE, "this program lacks the drivers for it");
    } else if (!have_files(bench.count)) {
        good = hb_fail(&err, HB_ERR_SYSTEM,
                       "expected a limit of at least %d open files: raise it with ulimit -n",
                       (int)(FILES_EACH * bench.count + 64));
    } else {
        bench.axeos = *axeos;
        bench.avalon = *avalon;
        bench.axeos.poll_ms = bench.avalon.poll_ms = INTERVAL_MS;
        good = fleet_start(&bench.fleet, bench.count - bench.count / 4, bench.count / 4, &err) &&
               measure(&bench, &err);
        fleet_stop(&bench.fleet);
    }
    if (!good) {
        (void)fprintf(stderr, "heatbridge bench devices: %s\n", err.msg);
    }
    return good ? EXIT_GOOD : EXIT_FAILED;
}
