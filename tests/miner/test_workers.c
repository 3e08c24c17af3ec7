/* The hashing threads: they deliver what was granted, and obey at once. */
#define _GNU_SOURCE /* affinity */
#include <dirent.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "miner/difficulty.h"
#include "miner/heat/workers.h"
#include "miner/verify.h"
#include "tests/support/test.h"

static struct job job; /* too large for a stack */

static double now_s(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static struct workers *start_workers(int threads)
{
    struct hb_err err = {0};
    const struct workers_options options = {.threads = threads, .kernel = kernel_choose(&err)};
    struct workers *workers = workers_create(&options, &err);
    if (workers == NULL) {
        fail_msg("%s", err.msg);
    }
    return workers;
}

static uint64_t hashes_of(const struct workers *workers)
{
    struct workers_stats stats;
    workers_get_stats(workers, &stats);
    return stats.hashes;
}

/* Waits until `hashes` more were computed; fails after 20 s. */
static void await_hashes(const struct workers *workers, uint64_t hashes)
{
    const uint64_t goal = hashes_of(workers) + hashes;
    const double deadline_s = now_s() + 20;
    while (hashes_of(workers) < goal) {
        assert_true(now_s() < deadline_s);
        (void)sched_yield();
    }
}

/* One thread at one duty, watched for a while. */
struct watched {
    struct workers *workers;
    double duty_ratio;
    struct workers_stats before, after;
    double full_hs; /* mean while it was watched */
};

static void begin_watching(struct watched *w, double duty_ratio)
{
    w->workers = start_workers(1);
    w->duty_ratio = duty_ratio;
    job_make_own(&job, 1, 0);
    workers_set_job(w->workers, &job);
    workers_set_duty(w->workers, 1);
    await_hashes(w->workers, 3000000); /* the full rate is known now */
    workers_set_duty(w->workers, duty_ratio);
}

/* What was delivered, and what is still owed or had to be given up because the machine is busy, is
 * together what was asked for; the pure tests hold the strict bounds. */
static void threads_deliver_what_was_asked_for(void **state)
{
    (void)state;
    enum { COUNT = 5, SAMPLES = 100 };
    static const double duties[COUNT] = {0.005, 0.02, 0.1, 0.25, 0.4};
    static struct watched watched[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        begin_watching(&watched[i], duties[i]);
    }
    await_hashes(watched[COUNT - 1].workers, 1000000);
    for (size_t i = 0; i < COUNT; i++) {
        workers_get_stats(watched[i].workers, &watched[i].before);
    }
    const double start_s = now_s();
    for (size_t sample = 0; sample < SAMPLES; sample++) { /* for 3 s */
        const struct timespec pause = {.tv_nsec = 30000000};
        (void)nanosleep(&pause, NULL);
        for (size_t i = 0; i < COUNT; i++) {
            workers_get_stats(watched[i].workers, &watched[i].after);
            watched[i].full_hs += watched[i].after.full_hashrate_hs / SAMPLES;
        }
    }
    const double spent_s = now_s() - start_s;
    for (size_t i = 0; i < COUNT; i++) {
        const struct watched *w = &watched[i];
        const double full = w->full_hs * spent_s;
        const double delivered = (double)(w->after.hashes - w->before.hashes);
        const double missing =
            w->after.owed + w->after.forfeited - w->before.owed - w->before.forfeited;
        assert_near((delivered + missing) / full, w->duty_ratio, 0.005 + 0.02 * w->duty_ratio);
        assert_true(delivered / full < w->duty_ratio + 0.02); /* never much too hot */
        workers_destroy(w->workers);
    }
}

/* No hash is computed once the threads have noticed, and they notice within 100 ms of their own
 * time: a thousand hashes is the most that can be under way. */
static void duty_zero_stops_all_threads(void **state)
{
    (void)state;
    struct workers *workers = start_workers(2);
    job_make_own(&job, 1, 0);
    workers_set_job(workers, &job);
    workers_set_duty(workers, 1);
    await_hashes(workers, 200000);
    const uint64_t before = hashes_of(workers);
    struct workers_stats stats;
    workers_get_stats(workers, &stats);
    const double full_hs = stats.full_hashrate_hs > 0 ? stats.full_hashrate_hs : 1e8;
    workers_set_duty(workers, 0);
    workers_get_stats(workers, &stats);
    assert_false(stats.hashing);
    uint64_t last = hashes_of(workers);
    double quiet_since_s = now_s();
    const double deadline_s = quiet_since_s + 10;
    while (now_s() - quiet_since_s < 0.2) {
        const uint64_t hashes = hashes_of(workers);
        if (hashes != last) {
            last = hashes;
            quiet_since_s = now_s();
        }
        assert_true(now_s() < deadline_s);
        (void)sched_yield();
    }
    assert_true((double)(last - before) <= 0.1 * full_hs);
    workers_destroy(workers);
}

static void wake_counter(void *ctx)
{
    (void)atomic_fetch_add((atomic_uint *)ctx, 1);
}

/* Every candidate is a true hit of its job, and none is told twice. */
static void candidates_are_true_and_unique(void **state)
{
    (void)state;
    enum { WANTED = 200 };
    static struct candidate found[WANTED];
    struct hb_err err = {0};
    atomic_uint wakes = 0;
    const struct workers_options options = {
        .threads = 4, .kernel = kernel_choose(&err), .wake = wake_counter, .wake_ctx = &wakes};
    struct workers *workers = workers_create(&options, &err);
    assert_non_null(workers);
    job_make_own(&job, 7, 1000);
    job.own = false;
    difficulty_to_target(1e-5, job.target);
    workers_set_job(workers, &job);
    workers_set_duty(workers, 0.7);
    const double deadline_s = now_s() + 30;
    size_t count = 0;
    while (count < WANTED) {
        if (!workers_pop(workers, &found[count])) {
            assert_true(now_s() < deadline_s);
            (void)sched_yield();
            continue;
        }
        const struct candidate *c = &found[count];
        uint8_t hash[32];
        uint8_t header[80];
        assert_int_equal(c->serial, 7);
        assert_true(verify_hash(c->header, hash));
        assert_true(difficulty_top(hash) <= difficulty_top(job.target));
        job_make_header(&job, c->extranonce2, c->ntime, c->version_bits, c->nonce, header);
        assert_memory_equal(header, c->header, 80);
        for (size_t i = 0; i < count; i++) {
            assert_memory_not_equal(found[i].header, c->header, 80);
        }
        count++;
    }
    assert_true(atomic_load(&wakes) >= WANTED);
    workers_destroy(workers);
}

static void a_new_job_is_taken_at_once(void **state)
{
    (void)state;
    struct workers *workers = start_workers(2);
    struct candidate candidate;
    job_make_own(&job, 1, 0);
    job.own = false;
    difficulty_to_target(1e-6, job.target);
    workers_set_job(workers, &job);
    workers_set_duty(workers, 1);
    await_hashes(workers, 100000);
    const uint64_t before = hashes_of(workers);
    job.serial = 2;
    workers_set_job(workers, &job);
    const double deadline_s = now_s() + 20;
    do {
        assert_true(now_s() < deadline_s);
    } while (!workers_pop(workers, &candidate) || candidate.serial != 2);
    /* the ring may hold old ones, but hashing for the old job went on for milliseconds only */
    assert_true(hashes_of(workers) > before);
    workers_set_job(workers, NULL);
    workers_destroy(workers);
}

/* How many threads of this process may run on `cpu` alone. */
static int threads_bound_to(int cpu)
{
    int bound = 0;
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    for (const struct dirent *task; (task = readdir(tasks)) != NULL;) {
        cpu_set_t set;
        CPU_ZERO(&set);
        const long id = strtol(task->d_name, NULL, 10);
        bound += id > 0 && sched_getaffinity((pid_t)id, sizeof set, &set) == 0 &&
                 CPU_COUNT(&set) == 1 && CPU_ISSET((size_t)cpu, &set);
    }
    (void)closedir(tasks);
    return bound;
}

static void threads_keep_to_the_processors_chosen(void **state)
{
    (void)state;
    cpu_set_t allowed;
    int last = -1;
    assert_int_equal(sched_getaffinity(0, sizeof allowed, &allowed), 0);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        last = CPU_ISSET((size_t)cpu, &allowed) ? cpu : last;
    }
    struct hb_err err = {0};
    const int before = threads_bound_to(last);
    const struct workers_options options = {.threads = 3,
                                            .kernel = kernel_choose(&err),
                                            .background = true,
                                            .cpus = &last,
                                            .cpu_count = 1};
    struct workers *workers = workers_create(&options, &err);
    assert_non_null(workers);
    const double deadline_s = now_s() + 20;
    while (threads_bound_to(last) < before + 3) {
        assert_true(now_s() < deadline_s);
        (void)sched_yield();
    }
    job_make_own(&job, 1, 0);
    workers_set_job(workers, &job);
    workers_set_duty(workers, 0.3);
    await_hashes(workers, 10000);
    workers_destroy(workers);
}

static void too_many_threads_are_refused(void **state)
{
    (void)state;
    struct hb_err err = {0};
    const struct workers_options options = {.threads = 0, .kernel = kernel_choose(&err)};
    assert_null(workers_create(&options, &err));
    assert_non_null(strstr(err.msg, "expected 1 to 1024, got 0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_deliver_what_was_asked_for),
        cmocka_unit_test(duty_zero_stops_all_threads),
        cmocka_unit_test(candidates_are_true_and_unique),
        cmocka_unit_test(a_new_job_is_taken_at_once),
        cmocka_unit_test(threads_keep_to_the_processors_chosen),
        cmocka_unit_test(too_many_threads_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
