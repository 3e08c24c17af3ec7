#include "bridge/bench_pacing.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "miner/heat/cores.h"
#include "miner/heat/workers.h"
#include "miner/job.h"
#include "miner/kernel/kernel.h"
#include "plumbing/json.h"

#define LEARN_S  2.0 /* at full, until the rate is known */
#define SETTLE_S 0.3
#define SAMPLE_S 0.05

static double now_s(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void pause_s(double seconds)
{
    const struct timespec pause = {.tv_sec = (time_t)seconds,
                                   .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
    (void)nanosleep(&pause, NULL);
}

struct figure {
    double delivered, missing; /* of full scale; missing: still owed, or given up */
    double full_hs;
};

static struct figure measure(const struct workers *workers, double seconds)
{
    struct workers_stats before;
    struct workers_stats after = {0};
    double full_sum_hs = 0;
    int samples = 0;
    workers_get_stats(workers, &before);
    const double start_s = now_s();
    double spent_s = 0;
    do {
        pause_s(SAMPLE_S);
        workers_get_stats(workers, &after);
        spent_s = now_s() - start_s;
        full_sum_hs += after.full_hashrate_hs;
        samples++;
    } while (spent_s < seconds);
    const double full_hs = full_sum_hs / samples;
    const double missing = after.owed + after.forfeited - before.owed - before.forfeited;
    return (struct figure){.delivered =
                               (double)(after.hashes - before.hashes) / (full_hs * spent_s),
                           .missing = missing / (full_hs * spent_s),
                           .full_hs = full_hs};
}

static void print(const struct workers_options *options, double duty_ratio,
                  const struct figure *figure)
{
    struct json *line = json_new_object();
    json_add_string(line, "bench", "pacing");
    json_add_string(line, "kernel", options->kernel->name);
    json_add_number(line, "threads", options->threads, 0);
    json_add_number(line, "requested", duty_ratio, 4);
    json_add_number(line, "delivered", figure->delivered, 5);
    json_add_number(line, "error", figure->delivered - duty_ratio, 5);
    json_add_number(line, "missing", figure->missing, 5);
    json_add_number(line, "full_mhs", figure->full_hs * 1e-6, 3);
    char *text = json_print(line);
    (void)puts(text);
    (void)fflush(stdout);
    free(text);
    json_free(line);
}

int bench_pacing(double seconds)
{
    static const double duties[] = {0.005, 0.01, 0.02, 0.05, 0.1,  0.25,
                                    0.5,   0.75, 0.9,  0.95, 0.99, 1};
    static struct job job; /* too large for a stack */
    int cpus[CORES_MAX];
    struct hb_err err = {0};
    struct workers_options options = {.background = true};
    options.threads = (int)cores_allowed(cpus);
    options.kernel = kernel_choose(&err);
    struct workers *workers = options.kernel == NULL ? NULL : workers_create(&options, &err);
    if (workers == NULL) {
        (void)fprintf(stderr, "bench: %s\n", err.msg);
        return 1;
    }
    job_make_own(&job, 1, 0);
    workers_set_job(workers, &job);
    workers_set_duty(workers, 1);
    pause_s(LEARN_S);
    for (size_t i = 0; i < sizeof duties / sizeof duties[0]; i++) {
        workers_set_duty(workers, duties[i]);
        pause_s(SETTLE_S);
        const struct figure figure = measure(workers, seconds);
        print(&options, duties[i], &figure);
    }
    workers_destroy(workers);
    return 0;
}
