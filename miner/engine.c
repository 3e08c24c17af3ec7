#include "miner/engine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "ground/text.h"
#include "miner/difficulty.h"
#include "miner/kernel.h"
#include "miner/meter.h"
#include "miner/pools.h"
#include "miner/power.h"
#include "miner/workers.h"
#include "plumbing/clock.h"

enum { TICK_MS = 250 };
#define SHARE_INTERVAL_S 8.0
/* A thermostat moves the duty all the time; the difficulty is suggested for no less than this. */
#define SUGGEST_DUTY_MIN 0.1

struct miner_engine {
    struct hb_log log;
    enum miner_no_pool no_pool;
    int threads;
    double suggest_difficulty;
    const struct sha256d_kernel *kernel;
    double estimated_hs; /* of all threads, before they have measured it */
    double duty_ratio;
    bool pool_work;
    uint64_t own_serial;
    char **redirect_hosts;
    size_t redirect_host_count;
    struct pools *pools;
    struct workers *workers;
    struct power_meter *power;
    struct meter delivered;
    struct job own_job;
    uv_timer_t tick;
    uv_async_t found;
    int handles;
};

/* --- work ---------------------------------------------------------------------------------------
 */

/* A heater stays a heater: without a pool there is work of our own, unless pausing is asked for. */
static void work_alone(struct miner_engine *engine)
{
    engine->pool_work = false;
    if (engine->no_pool == MINER_NO_POOL_PAUSE) {
        workers_set_job(engine->workers, NULL);
        return;
    }
    job_make_own(&engine->own_job, ++engine->own_serial, (uint32_t)(clock_wall().ms / 1000));
    workers_set_job(engine->workers, &engine->own_job);
}

static void on_job(void *ctx, const struct job *job)
{
    struct miner_engine *engine = ctx;
    if (job == NULL) {
        work_alone(engine);
        return;
    }
    engine->pool_work = true;
    workers_set_job(engine->workers, job);
}

/* On a worker's thread. */
static void on_wake(void *ctx)
{
    struct miner_engine *engine = ctx;
    (void)uv_async_send(&engine->found);
}

static void on_found(uv_async_t *async)
{
    struct miner_engine *engine = async->data;
    struct candidate candidate;
    while (workers_pop(engine->workers, &candidate)) {
        pools_submit(engine->pools, &candidate, clock_mono());
    }
}

static void update_suggestion(struct miner_engine *engine, double full_hs)
{
    if (engine->suggest_difficulty > 0) {
        pools_want_difficulty(engine->pools, engine->suggest_difficulty);
        return;
    }
    const double rate_hs = full_hs > 0 ? full_hs : engine->estimated_hs;
    const double duty_ratio = fmax(engine->duty_ratio, SUGGEST_DUTY_MIN);
    pools_want_difficulty(engine->pools,
                          difficulty_for_interval(rate_hs * duty_ratio, SHARE_INTERVAL_S));
}

static void on_tick(uv_timer_t *timer)
{
    struct miner_engine *engine = timer->data;
    const hb_mono now = clock_mono();
    struct workers_stats stats;
    workers_get_stats(engine->workers, &stats);
    meter_note(&engine->delivered, now, (double)stats.hashes);
    power_read(engine->power, now);
    update_suggestion(engine, stats.full_hashrate_hs);
    pools_tick(engine->pools, now);
}

/* --- life ---------------------------------------------------------------------------------------
 */

/* A few milliseconds of hashing on this thread tell what to suggest to the first pool. */
static double estimate_hs(const struct sha256d_kernel *kernel)
{
    enum { VERSIONS = 16, NONCES = 256, ROUNDS_MAX = 64, ENOUGH_NS = 5 * 1000 * 1000 };
    const uint8_t header[80] = {0};
    const uint32_t same[VERSIONS] = {0};
    struct sha256d_work work;
    struct sha256d_hit hit;
    sha256d_prepare(&work, header, same, VERSIONS, 0);
    const uint64_t start_ns = uv_hrtime();
    uint64_t spent_ns = 0;
    uint32_t done = 0;
    for (; done < NONCES * ROUNDS_MAX && spent_ns < ENOUGH_NS; done += NONCES) {
        (void)kernel->scan(&work, done, NONCES, &hit, 1);
        spent_ns = uv_hrtime() - start_ns + 1;
    }
    return (double)done * VERSIONS * 1e9 / (double)spent_ns;
}

static bool copy_hosts(struct miner_engine *engine, const struct miner_options *options,
                       struct hb_err *err)
{
    engine->redirect_hosts =
        calloc(options->redirect_host_count + 1, sizeof engine->redirect_hosts[0]);
    if (engine->redirect_hosts == NULL) {
        return hb_fail(err, HB_ERR_SYSTEM, "mining: out of memory");
    }
    for (size_t i = 0; i < options->redirect_host_count; i++) {
        engine->redirect_hosts[i] = strdup(options->redirect_hosts[i]);
        engine->redirect_host_count = i + 1;
        if (engine->redirect_hosts[i] == NULL) {
            return hb_fail(err, HB_ERR_SYSTEM, "mining: out of memory");
        }
    }
    return true;
}

static bool start_pools(struct miner_engine *engine, const struct miner_options *options,
                        struct uv_loop_s *loop, struct hb_err *err)
{
    struct miner_options own = *options;
    own.redirect_hosts = (const char *const *)engine->redirect_hosts;
    const struct pools_timing timing = pools_default_timing();
    const struct pools_handler handler = {on_job, engine};
    engine->pools = pools_create(&own, &timing, loop, &engine->log, &handler, err);
    return engine->pools != NULL;
}

static bool start_workers(struct miner_engine *engine, struct hb_err *err)
{
    engine->kernel = kernel_choose(err);
    if (engine->kernel == NULL) {
        return false;
    }
    engine->estimated_hs = estimate_hs(engine->kernel) * engine->threads;
    const struct workers_options options = {
        .threads = engine->threads,
        .kernel = engine->kernel,
        .background = true,
        .wake = on_wake,
        .wake_ctx = engine,
    };
    engine->workers = workers_create(&options, err);
    return engine->workers != NULL;
}

static int online_cpus(void)
{
    const long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count >= 1 && count <= 1024 ? (int)count : 1;
}

static bool start(struct miner_engine *engine, const struct miner_options *options,
                  struct uv_loop_s *loop, struct hb_err *err)
{
    engine->power = power_create(options->sysfs_root == NULL ? "/sys" : options->sysfs_root);
    if (engine->power == NULL) {
        return hb_fail(err, HB_ERR_SYSTEM, "mining: out of memory");
    }
    if (!copy_hosts(engine, options, err) || !start_pools(engine, options, loop, err) ||
        !start_workers(engine, err)) {
        return false;
    }
    work_alone(engine);
    update_suggestion(engine, 0);
    (void)uv_timer_start(&engine->tick, on_tick, 0, TICK_MS);
    return true;
}

static void free_engine(struct miner_engine *engine)
{
    for (size_t i = 0; i < engine->redirect_host_count; i++) {
        free(engine->redirect_hosts[i]);
    }
    free(engine->redirect_hosts);
    free(engine);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct miner_engine *engine = handle->data;
    if (--engine->handles == 0) {
        free_engine(engine);
    }
}

struct miner_engine *miner_create(const struct miner_options *options, struct uv_loop_s *loop,
                                  const struct hb_log *log, struct hb_err *err)
{
    struct miner_engine *engine = calloc(1, sizeof *engine);
    if (engine == NULL) {
        hb_fail(err, HB_ERR_SYSTEM, "mining: out of memory");
        return NULL;
    }
    if (log != NULL) {
        engine->log = *log;
    }
    engine->no_pool = options->no_pool;
    engine->threads = options->threads == 0 ? online_cpus() : options->threads;
    engine->suggest_difficulty = options->suggest_difficulty;
    engine->tick.data = engine->found.data = engine;
    if (uv_async_init(loop, &engine->found, on_found) != 0) {
        hb_fail(err, HB_ERR_SYSTEM, "mining: the event loop takes no more handles");
        free(engine);
        return NULL;
    }
    (void)uv_timer_init(loop, &engine->tick);
    engine->handles = 2;
    if (!start(engine, options, loop, err)) {
        miner_destroy(engine);
        return NULL;
    }
    return engine;
}

void miner_destroy(struct miner_engine *engine)
{
    if (engine == NULL) {
        return;
    }
    workers_destroy(engine->workers);
    pools_destroy(engine->pools);
    power_destroy(engine->power);
    uv_close((uv_handle_t *)&engine->tick, on_handle_closed);
    uv_close((uv_handle_t *)&engine->found, on_handle_closed);
}

/* --- control and figures ------------------------------------------------------------------------
 */

void miner_set_duty(struct miner_engine *engine, double duty_ratio)
{
    const double sane = duty_ratio > 0 ? fmin(duty_ratio, 1) : 0; /* NaN becomes 0 */
    if (sane != engine->duty_ratio) {
        engine->duty_ratio = sane;
        workers_set_duty(engine->workers, sane);
    }
}

static void add_accounts(const struct miner_engine *engine, struct miner_stats *stats)
{
    struct share_accounts sum;
    pools_get_accounts(engine->pools, &sum);
    stats->accepted = sum.accepted;
    stats->dropped = sum.dropped;
    stats->blocks = sum.blocks;
    stats->hits = sum.hits;
    stats->best_difficulty = sum.best_difficulty;
    memcpy(stats->rejected, sum.rejected, sizeof stats->rejected);
}

static void add_work(const struct miner_engine *engine, struct miner_stats *stats)
{
    struct workers_stats workers;
    workers_get_stats(engine->workers, &workers);
    const double rate_hs = meter_per_s(&engine->delivered);
    stats->hashing = workers.hashing;
    stats->pool_work = engine->pool_work;
    stats->duty_ratio = engine->duty_ratio;
    stats->hashrate_hs = isfinite(rate_hs) ? rate_hs : 0;
    stats->full_hashrate_hs = workers.full_hashrate_hs;
    stats->hashes = (double)workers.hashes;
    stats->threads = engine->threads;
    stats->kernel = engine->kernel->name;
}

void miner_get_stats(const struct miner_engine *engine, struct miner_stats *stats)
{
    memset(stats, 0, sizeof *stats);
    struct pools_status pools;
    pools_get_status(engine->pools, &pools);
    stats->link = pools.link;
    stats->difficulty = pools.difficulty;
    (void)text_copy(stats->pool, sizeof stats->pool, pools.where);
    (void)text_copy(stats->message, sizeof stats->message, pools.message);
    add_accounts(engine, stats);
    add_work(engine, stats);
    stats->package_w = power_package_w(engine->power);
    stats->cpu_c = power_cpu_c(engine->power);
}
