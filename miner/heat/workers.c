#define _GNU_SOURCE /* SCHED_IDLE, gettid */
#include "miner/heat/workers.h"

#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "miner/board.h"
#include "miner/difficulty.h"
#include "miner/heat/pacer.h"
#include "plumbing/ring.h"

enum { CANDIDATE_SLOTS = 256, HITS_PER_CHUNK = 16, STACK_B = 256 * 1024 };
_Static_assert(JOB_PIECE_VERSIONS_MAX <= KERNEL_VERSIONS_MAX, "a kernel takes a piece whole");

struct worker {
    struct workers *all;
    pthread_t thread;
    /* The thread's own. */
    int index;
    struct board_view view;
    struct pacer pacer;
    struct job_piece piece;
    struct sha256d_work work;
    uint32_t piece_done;
    /* Written by the thread, read by the owner. */
    atomic_uint_fast64_t hashes, full_hs, forfeited;
    _Atomic double known_at, owed;
};

struct workers {
    struct workers_options options;
    cpu_set_t cpus;
    struct ring *candidates;
    struct board *board;
    int started;
    struct worker worker[];
};

static int64_t read_ns(clockid_t id)
{
    struct timespec ts;
    (void)clock_gettime(id, &ts); /* both clocks used always exist on Linux */
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* --- on the worker's thread ---------------------------------------------------------------------
 */

static void take_background(void)
{
    const struct sched_param param = {0};
    (void)pthread_setschedparam(pthread_self(), SCHED_IDLE, &param);
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), 19);
}

/* All workers may use all of the chosen processors: which of them is free is the kernel's to know.
 * A refusal (the administrator has meanwhile taken them away) leaves the threads where they are. */
static void keep_to_cpus(const struct workers *all)
{
    if (all->options.cpu_count > 0) {
        (void)sched_setaffinity(0, sizeof all->cpus, &all->cpus);
    }
}

static void next_piece(struct worker *worker)
{
    struct board_job *job = worker->view.job;
    const uint64_t index = atomic_fetch_add_explicit(&job->next_piece, 1, memory_order_relaxed);
    const size_t versions = worker->piece.version_count;
    job_make_piece(&job->job, index, &worker->piece);
    if (worker->piece.version_count != versions) {
        rate_other_work(&worker->pacer.rate);
    }
    sha256d_prepare(&worker->work, worker->piece.header, worker->piece.version_bits,
                    worker->piece.version_count, difficulty_top(job->job.target));
    worker->piece_done = 0;
}

/* Takes over what the owner changed. */
static void catch_up(struct worker *worker)
{
    const struct board_view *view = &worker->view;
    const struct board_job *before = view->job;
    board_read(worker->all->board, worker->index, &worker->view);
    if (view->job != before) {
        worker->piece_done = JOB_PIECE_NONCES;
    }
    if (worker->pacer.duty_ratio != view->duty_ratio) {
        pacer_set_duty(&worker->pacer, view->duty_ratio, view->duty_ns);
    }
}

static bool idle(const struct worker *worker)
{
    const struct board_view *view = &worker->view;
    return !view->quit && (view->job == NULL || view->duty_ratio <= 0);
}

/* Sleeps as long as there is nothing to do, however long that is. */
static void wait_for_work(struct worker *worker)
{
    catch_up(worker);
    if (!idle(worker)) {
        return;
    }
    do {
        board_wait(worker->all->board, &worker->view, INT64_MAX);
        catch_up(worker);
    } while (idle(worker));
    pacer_resume(&worker->pacer, worker->view.resumed_ns);
}

static void report(struct worker *worker, const struct sha256d_hit *hits, size_t count)
{
    for (size_t i = 0; i < count && !worker->view.job->job.own; i++) {
        const uint32_t version_bits = worker->piece.version_bits[hits[i].version];
        struct candidate candidate = {
            .serial = worker->view.job->job.serial,
            .extranonce2 = worker->piece.extranonce2,
            .ntime = worker->piece.ntime,
            .nonce = hits[i].nonce,
            .version_bits = version_bits,
        };
        memcpy(candidate.header, worker->piece.header, sizeof candidate.header);
        job_roll_version(candidate.header, version_bits);
        job_set_nonce(candidate.header, hits[i].nonce);
        (void)ring_push(worker->all->candidates, &candidate);
    }
}

/* Nonces of the piece that make about `hashes` when all its versions are searched; at least one
 * step of the kernel. */
static uint32_t nonces_for(const struct worker *worker, uint32_t hashes)
{
    const uint32_t steps = hashes / (worker->piece.version_count * KERNEL_STEP);
    const uint32_t left = worker->piece.nonce_count - worker->piece_done;
    const uint32_t wanted = steps > 0 ? steps * KERNEL_STEP : KERNEL_STEP;
    return wanted < left ? wanted : left;
}

static void publish(struct worker *worker)
{
    const struct pacer *pacer = &worker->pacer;
    atomic_store_explicit(&worker->full_hs, (uint64_t)pacer->rate.full_hs, memory_order_relaxed);
    atomic_store_explicit(&worker->known_at, pacer->rate.known_at, memory_order_relaxed);
    atomic_store_explicit(&worker->forfeited, (uint64_t)pacer->forfeited, memory_order_relaxed);
    atomic_store_explicit(&worker->owed, pacer->balance, memory_order_relaxed);
}

static void hash_some(struct worker *worker, uint32_t wanted)
{
    if (worker->piece_done >= JOB_PIECE_NONCES) {
        next_piece(worker);
    }
    const uint32_t nonces = nonces_for(worker, wanted);
    const uint32_t hashes = nonces * worker->piece.version_count;
    struct sha256d_hit hits[HITS_PER_CHUNK];
    const int64_t before_ns = read_ns(CLOCK_THREAD_CPUTIME_ID);
    const size_t found = worker->all->options.kernel->scan(
        &worker->work, worker->piece.first_nonce + worker->piece_done, nonces, hits,
        HITS_PER_CHUNK);
    pacer_pay(&worker->pacer, hashes, read_ns(CLOCK_THREAD_CPUTIME_ID) - before_ns,
              read_ns(CLOCK_MONOTONIC));
    worker->piece_done += nonces;
    report(worker, hits, found);
    (void)atomic_fetch_add_explicit(&worker->hashes, hashes, memory_order_relaxed);
    publish(worker);
}

static void *worker_main(void *arg)
{
    struct worker *worker = arg;
    struct board *board = worker->all->board;
    if (worker->all->options.background) {
        take_background();
    }
    keep_to_cpus(worker->all);
    wait_for_work(worker);
    while (!worker->view.quit) {
        const int64_t now_ns = read_ns(CLOCK_MONOTONIC);
        const uint32_t count = pacer_take(&worker->pacer, now_ns);
        if (count > 0) {
            hash_some(worker, count);
        } else {
            board_wait(board, &worker->view, pacer_wake(&worker->pacer, now_ns));
        }
        if (!board_is_current(board, &worker->view)) {
            wait_for_work(worker);
        }
    }
    return NULL;
}

/* --- on the owner's thread ----------------------------------------------------------------------
 */

static bool start_thread(struct workers *workers, int index, struct hb_err *err)
{
    struct worker *worker = &workers->worker[index];
    const struct workers_options *options = &workers->options;
    worker->all = workers;
    worker->index = index;
    worker->piece_done = JOB_PIECE_NONCES;
    pacer_init(&worker->pacer, (double)index / options->threads, options->ramp_s);
    rate_init(&worker->pacer.rate, options->full_hs / options->threads, options->known_at);
    publish(worker); /* what is known from before */
    pthread_attr_t attr;
    (void)pthread_attr_init(&attr);
    (void)pthread_attr_setstacksize(&attr, STACK_B);
    const int failed = pthread_create(&worker->thread, &attr, worker_main, worker);
    (void)pthread_attr_destroy(&attr);
    if (failed != 0) {
        return hb_fail(err, HB_ERR_SYSTEM, "mining: cannot start hashing thread %d of %d",
                       index + 1, workers->options.threads);
    }
    workers->started = index + 1;
    return true;
}

/* Signals are the main thread's business: workers inherit a mask that blocks all. */
static bool start_threads(struct workers *workers, struct hb_err *err)
{
    sigset_t all;
    sigset_t old;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    bool good = true;
    for (int i = 0; good && i < workers->options.threads; i++) {
        good = start_thread(workers, i, err);
    }
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    return good;
}

struct workers *workers_create(const struct workers_options *options, struct hb_err *err)
{
    if (options->threads < 1 || options->threads > 1024) {
        hb_fail(err, HB_ERR_USAGE, "mining threads: expected 1 to 1024, got %d", options->threads);
        return NULL;
    }
    struct workers *workers =
        calloc(1, sizeof *workers + (size_t)options->threads * sizeof workers->worker[0]);
    if (workers == NULL) {
        hb_fail(err, HB_ERR_SYSTEM, "mining: out of memory");
        return NULL;
    }
    workers->options = *options;
    for (size_t i = 0; i < options->cpu_count; i++) {
        CPU_SET((size_t)options->cpus[i], &workers->cpus);
    }
    workers->options.cpus = NULL; /* borrowed for this call */
    workers->board = board_create(options->threads);
    workers->candidates = ring_create(CANDIDATE_SLOTS, sizeof(struct candidate), RING_DROP_OLDEST,
                                      options->wake, options->wake_ctx);
    if (workers->board == NULL || workers->candidates == NULL) {
        hb_fail(err, HB_ERR_SYSTEM, "mining: out of memory");
    } else if (start_threads(workers, err)) {
        return workers;
    }
    workers_destroy(workers);
    return NULL;
}

void workers_destroy(struct workers *workers)
{
    if (workers == NULL) {
        return;
    }
    if (workers->board != NULL) {
        board_set_quit(workers->board);
    }
    for (int i = 0; i < workers->started; i++) {
        /* On a busy machine an idle-class thread would take its time to notice. */
        const struct sched_param param = {0};
        (void)pthread_setschedparam(workers->worker[i].thread, SCHED_OTHER, &param);
        (void)pthread_join(workers->worker[i].thread, NULL);
    }
    ring_destroy(workers->candidates);
    board_destroy(workers->board);
    free(workers);
}

/* Without memory for the new job the old one goes on: the heat does not depend on it. */
void workers_set_job(struct workers *workers, const struct job *job)
{
    (void)board_set_job(workers->board, job, read_ns(CLOCK_MONOTONIC));
}

void workers_set_duty(struct workers *workers, double duty_ratio)
{
    board_set_duty(workers->board, duty_ratio, read_ns(CLOCK_MONOTONIC));
}

bool workers_pop(struct workers *workers, struct candidate *candidate)
{
    return ring_pop(workers->candidates, candidate);
}

void workers_get_stats(const struct workers *workers, struct workers_stats *stats)
{
    memset(stats, 0, sizeof *stats);
    bool all_known = true;
    stats->known_at = 1;
    for (int i = 0; i < workers->started; i++) {
        const struct worker *worker = &workers->worker[i];
        const double full_hs = (double)atomic_load_explicit(&worker->full_hs, memory_order_relaxed);
        const double known_at = atomic_load_explicit(&worker->known_at, memory_order_relaxed);
        stats->hashes += atomic_load_explicit(&worker->hashes, memory_order_relaxed);
        stats->forfeited += (double)atomic_load_explicit(&worker->forfeited, memory_order_relaxed);
        stats->owed += atomic_load_explicit(&worker->owed, memory_order_relaxed);
        stats->full_hashrate_hs += full_hs;
        stats->known_at = fmin(stats->known_at, known_at);
        all_known = all_known && full_hs > 0;
    }
    if (!all_known) {
        stats->full_hashrate_hs = 0;
        stats->known_at = 0;
    }
    stats->hashing = board_has_work(workers->board);
}
