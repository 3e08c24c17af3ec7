#define _GNU_SOURCE
#include "bridge/bench_neighbour.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "miner/heat/cores.h"
#include "miner/heat/workers.h"
#include "miner/job.h"
#include "miner/kernel/kernel.h"
#include "miner/verify.h"
#include "plumbing/json.h"

enum { ROUNDS = 4, WAKES_MAX = 1 << 18, NEIGHBOURS_MAX = 64 };
enum { NS_PER_S = 1000000000, PERIOD_NS = 1000000 };

enum company { ALONE, BESIDE_ENGINE, BESIDE_MINER, COMPANIES };

static const char *const company_names[COMPANIES] = {"idle", "engine", "ordinary miner"};

/* What a program of ordinary priority experiences in one company. */
struct experience {
    float *late_us; /* of wake-ups that were due every millisecond */
    size_t wakes;
    double work, work_s; /* hashes of OpenSSL, on as many threads as there are processors */
};

/* --- the neighbour ------------------------------------------------------------------------------
 */

static int64_t now_ns(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

/* Sleeps until every full millisecond and notes how late it wakes up. */
static void feel_latency(struct experience *experience, double seconds)
{
    const int64_t end_ns = now_ns() + (int64_t)(seconds * NS_PER_S);
    int64_t due_ns = now_ns();
    while (due_ns < end_ns && experience->wakes < WAKES_MAX) {
        due_ns += PERIOD_NS;
        const struct timespec due = {.tv_sec = due_ns / NS_PER_S, .tv_nsec = due_ns % NS_PER_S};
        (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
        const int64_t woken_ns = now_ns();
        experience->late_us[experience->wakes++] = (float)(woken_ns - due_ns) / 1000;
        due_ns = woken_ns > due_ns + PERIOD_NS ? woken_ns : due_ns;
    }
}

struct crowd {
    atomic_bool stop;
    atomic_uint_fast64_t work;
};

static void *work_hard(void *arg)
{
    enum { STRIDE = 256 };
    struct crowd *crowd = arg;
    uint8_t header[80] = {0};
    uint8_t hash[32];
    bool good = true;
    while (good && !atomic_load_explicit(&crowd->stop, memory_order_relaxed)) {
        for (uint32_t i = 0; good && i < STRIDE; i++) {
            job_set_nonce(header, i);
            good = verify_hash(header, hash);
        }
        (void)atomic_fetch_add_explicit(&crowd->work, STRIDE, memory_order_relaxed);
    }
    return NULL;
}

static void feel_throughput(struct experience *experience, int threads, double seconds)
{
    struct crowd crowd = {0};
    pthread_t thread[NEIGHBOURS_MAX];
    int started = 0;
    const int64_t start_ns = now_ns();
    while (started < threads && started < NEIGHBOURS_MAX &&
           pthread_create(&thread[started], NULL, work_hard, &crowd) == 0) {
        started++;
    }
    const struct timespec length = {.tv_sec = (time_t)seconds,
                                    .tv_nsec = (long)(fmod(seconds, 1) * NS_PER_S)};
    (void)nanosleep(&length, NULL);
    atomic_store(&crowd.stop, true);
    for (int i = 0; i < started; i++) {
        (void)pthread_join(thread[i], NULL);
    }
    experience->work += (double)atomic_load(&crowd.work);
    experience->work_s += (double)(now_ns() - start_ns) / NS_PER_S;
}

/* --- its company --------------------------------------------------------------------------------
 */

static struct workers *start_company(enum company company, int threads, struct hb_err *err)
{
    static struct job job; /* too large for a stack */
    struct workers_options options = {
        .threads = threads,
        .kernel = kernel_choose(err),
        .background = company == BESIDE_ENGINE,
    };
    struct workers *workers = options.kernel == NULL ? NULL : workers_create(&options, err);
    if (workers != NULL) {
        job_make_own(&job, 1, 0);
        workers_set_job(workers, &job);
        workers_set_duty(workers, 1);
    }
    return workers;
}

static bool spend_turn(struct experience *experience, enum company company, int threads,
                       double seconds, struct hb_err *err)
{
    struct workers *workers = NULL;
    if (company != ALONE && (workers = start_company(company, threads, err)) == NULL) {
        return false;
    }
    feel_latency(experience, 0.6 * seconds);
    feel_throughput(experience, threads, 0.4 * seconds);
    workers_destroy(workers);
    return true;
}

/* --- telling ------------------------------------------------------------------------------------
 */

static int ascending(const void *left, const void *right)
{
    const float a = *(const float *)left;
    const float b = *(const float *)right;
    return (a > b) - (a < b);
}

static double quantile(const struct experience *experience, double part)
{
    const size_t wakes = experience->wakes;
    return wakes > 0 ? (double)experience->late_us[(size_t)(part * (double)(wakes - 1))] : NAN;
}

static void print(struct experience *experience, const struct experience *alone,
                  enum company company, int threads)
{
    struct json *line = json_new_object();
    qsort(experience->late_us, experience->wakes, sizeof experience->late_us[0], ascending);
    json_add_string(line, "bench", "neighbour");
    json_add_string(line, "beside", company_names[company]);
    json_add_number(line, "threads", threads, 0);
    json_add_number(line, "wakes", (double)experience->wakes, 0);
    json_add_number(line, "late_p50_us", quantile(experience, 0.5), 1);
    json_add_number(line, "late_p99_us", quantile(experience, 0.99), 1);
    json_add_number(line, "late_worst_us", quantile(experience, 1), 1);
    json_add_number(line, "throughput",
                    experience->work / experience->work_s / (alone->work / alone->work_s), 3);
    char *text = json_print(line);
    (void)puts(text);
    free(text);
    json_free(line);
}

int bench_neighbour(double seconds)
{
    struct experience experiences[COMPANIES] = {0};
    struct hb_err err = {0};
    int cpus[CORES_MAX];
    const int threads = (int)cores_allowed(cpus);
    bool good = true;
    for (int i = 0; i < COMPANIES; i++) {
        experiences[i].late_us = calloc(WAKES_MAX, sizeof experiences[i].late_us[0]);
        good = good && experiences[i].late_us != NULL;
    }
    if (!good) {
        hb_fail(&err, HB_ERR_SYSTEM, "out of memory");
    }
    /* Turns are short, so that a busy moment of the machine hits all alike. */
    for (int turn = 0; good && turn < ROUNDS * COMPANIES; turn++) {
        const enum company company = (enum company)(turn % COMPANIES);
        good = spend_turn(&experiences[company], company, threads, seconds / ROUNDS, &err);
    }
    for (int i = 0; good && i < COMPANIES; i++) {
        print(&experiences[i], &experiences[ALONE], (enum company)i, threads);
    }
    for (int i = 0; i < COMPANIES; i++) {
        free(experiences[i].late_us);
    }
    if (!good) {
        (void)fprintf(stderr, "bench: %s\n", err.msg);
    }
    return good ? 0 : 1;
}
