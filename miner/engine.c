#include "miner/engine.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "ground/text.h"
#include "miner/difficulty.h"
#include "miner/figures/figures.h"
#include "miner/figures/meter.h"
#include "miner/heat/cores.h"
#include "miner/heat/heat.h"
#include "miner/heat/regulator.h"
#include "miner/heat/workers.h"
#include "miner/kernel/kernel_choice.h"
#include "miner/pools.h"
#include "plumbing/clock.h"

enum { BLOCK_TOLD_MS = 1000, TICK_MS = 250 };
#define RATE_FITS        4.0 /* a rate from before is at most so many times off a short trial */
#define SHARE_INTERVAL_S 8.0
/* A thermostat moves the duty all the time; the difficulty is suggested for no less than this. */
#define SUGGEST_DUTY_MIN 0.1
/* The kernel of the last time is kept unless another is faster by more than the race's noise. */
#define KERNEL_TIE 0.93

struct miner_engine {
    struct hb_log log;
    enum miner_no_pool no_pool;
    int threads;
    double suggest_difficulty;
    const struct sha256d_kernel *kernel;
    double estimated_hs; /* of all threads, before they have measured it */
    double duty_ratio;   /* of the workers */
    bool pool_work;
    uint64_t own_serial;
    char **redirect_hosts;
    size_t redirect_host_count;
    struct pools *pools;
    struct workers *workers;
    struct regulator *regulator;
    struct meter delivered;
    struct figures figures;
    hb_mono block_told[SHARE_FATES]; /* when which fate of a block was logged last */
    void (*accepted)(void *ctx, const struct miner_accepted *share);
    void *accepted_ctx;
    struct job own_job;
    uv_timer_t tick;
    uv_async_t found;
    int handles;
};

/* --- work ---------------------------------------------------------------------------------------
 */

/* Hashes belong to the job that they were computed for, so they are counted before it changes. */
static void change_figures(struct miner_engine *engine, const struct job *job)
{
    struct workers_stats stats;
    workers_get_stats(engine->workers, &stats);
    figures_counted(&engine->figures, clock_mono(), (double)stats.hashes);
    figures_job(&engine->figures, job, pools_fee_ratio(engine->pools));
}

/* A heater stays a heater: without a pool there is work of our own, unless pausing is asked for. */
static void work_alone(struct miner_engine *engine)
{
    engine->pool_work = false;
    change_figures(engine, NULL);
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
    change_figures(engine, job);
    workers_set_job(engine->workers, job);
}

/* On a test network every share may be a block: the log is not for counting them. */
static enum log_level block_level(struct miner_engine *engine, enum share_fate fate)
{
    const hb_mono now = clock_mono();
    hb_mono *told = &engine->block_told[fate];
    const bool again = mono_is_set(*told) && mono_age_ms(now, *told) < BLOCK_TOLD_MS;
    *told = again ? *told : now;
    return again ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN;
}

static void tell_block(struct miner_engine *engine, const char *where,
                       const struct share_event *share)
{
    static const char *const fates[] = {[SHARE_ACCEPTED] = "accepts", [SHARE_REFUSED] = "REFUSES"};
    const struct miner_block *block = &engine->figures.block;
    const enum log_level level = block_level(engine, share->fate);
    if (share->fate != SHARE_SENT) {
        hb_log(&engine->log, level, "miner", "%s %s the block", where, fates[share->fate]);
        return;
    }
    hb_log(&engine->log, level, "miner",
           "BLOCK FOUND: %s, height %" PRIu32 ", difficulty %.6g; sent to %s", block->hash,
           block->height, block->difficulty, where);
}

static void on_share(void *ctx, const char *where, const struct share_event *share)
{
    struct miner_engine *engine = ctx;
    figures_share(&engine->figures, clock_mono(), share);
    if (share->block) {
        tell_block(engine, where, share);
    }
    if (share->fate == SHARE_ACCEPTED && engine->accepted != NULL) {
        const struct miner_accepted accepted = {.pool = where,
                                                .asked = share->asked,
                                                .reached = share->reached,
                                                .latency_ms = share->latency_ms,
                                                .block = share->block};
        engine->accepted(engine->accepted_ctx, &accepted);
    }
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

/* --- heat ---------------------------------------------------------------------------------------
 */

static void apply_duty(struct miner_engine *engine, double duty_ratio)
{
    if (duty_ratio != engine->duty_ratio) {
        engine->duty_ratio = duty_ratio;
        workers_set_duty(engine->workers, duty_ratio);
    }
}

static void on_tick(uv_timer_t *timer)
{
    struct miner_engine *engine = timer->data;
    const hb_mono now = clock_mono();
    struct workers_stats stats;
    workers_get_stats(engine->workers, &stats);
    meter_note(&engine->delivered, now, (double)stats.hashes);
    apply_duty(engine,
               regulator_step(engine->regulator, &stats, meter_per_s(&engine->delivered), now));
    figures_counted(&engine->figures, now, (double)stats.hashes);
    update_suggestion(engine, stats.full_hashrate_hs);
    pools_tick(engine->pools, now);
}

/* --- life ---------------------------------------------------------------------------------------
 */

static const char *sysfs_root(const struct miner_options *options)
{
    return options->sysfs_root == NULL ? "/sys" : options->sysfs_root;
}

static void log_race(const struct hb_log *log, const struct kernel_race *race)
{
    if (race->fault.msg[0] != '\0') {
        hb_log(log, LOG_LEVEL_ERROR, "miner", "%s; not used", race->fault.msg);
    }
    for (size_t i = 0; i < race->count; i++) {
        const struct kernel_trial *trial = &race->trial[i];
        hb_log(log, LOG_LEVEL_DEBUG, "miner",
               "kernel %s: %.1f MH/s a thread with rolled versions, %.1f without",
               trial->kernel->name, trial->rolled_hs * 1e-6, trial->single_hs * 1e-6);
    }
}

/* What was learnt about a kernel is worth more than a lead that may be chance. */
static const struct kernel_trial *winner(const struct kernel_race *race,
                                         const struct miner_calibration *kept)
{
    for (size_t i = 1; kept != NULL && i < race->count; i++) {
        if (strcmp(race->trial[i].kernel->name, kept->kernel) == 0 &&
            race->trial[i].rolled_hs > race->trial[0].rolled_hs * KERNEL_TIE) {
            return &race->trial[i];
        }
    }
    return &race->trial[0];
}

/* A kernel that is asked for but not to be had is no reason to stay cold. */
static bool choose_kernel(struct miner_engine *engine, const struct miner_options *options,
                          struct hb_err *err)
{
    struct kernel_race race;
    struct hb_err refused = {0};
    bool found = options->kernel != NULL && kernel_race(options->kernel, &race, &refused);
    if (!found) {
        if (options->kernel != NULL) {
            hb_log(&engine->log, LOG_LEVEL_WARN, "miner", "%s; choosing another", refused.msg);
        }
        found = kernel_race(NULL, &race, err);
    }
    log_race(&engine->log, &race);
    if (found) {
        const struct kernel_trial *best = winner(&race, options->calibration);
        engine->kernel = best->kernel;
        engine->estimated_hs = best->rolled_hs * engine->threads;
        hb_log(&engine->log, LOG_LEVEL_INFO, "miner", "kernel %s: %.1f MH/s a thread",
               best->kernel->name, best->rolled_hs * 1e-6);
    }
    return found;
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
    const struct pools_handler handler = {on_job, on_share, engine};
    engine->pools = pools_create(&own, &timing, loop, &engine->log, &handler, err);
    return engine->pools != NULL;
}

/* Chooses processors, unless all are to be used anyway; returns how many threads there shall be. */
static int choose_cpus(const struct miner_options *options, struct workers_options *workers,
                       int cpus[CORES_MAX])
{
    struct core cores[CORES_MAX];
    const size_t allowed = cores_allowed(cpus);
    cores_read(sysfs_root(options), cpus, allowed, cores);
    const size_t chosen =
        cores_choose(cores, allowed, (size_t)options->threads, (size_t)options->spare_cores, cpus);
    workers->cpus = cpus;
    workers->cpu_count = chosen < allowed ? chosen : 0;
    return options->threads > 0 ? options->threads : (int)chosen;
}

/* What was learnt before holds for as many threads of a machine as fast; with another kernel, what
 * is drawn is a good first guess. */
static void remember(struct miner_engine *engine, const struct miner_calibration *kept,
                     struct workers_options *workers)
{
    if (kept == NULL || kept->threads != engine->threads ||
        !(kept->full_hs > engine->estimated_hs / RATE_FITS) ||
        !(kept->full_hs < engine->estimated_hs * RATE_FITS)) {
        return;
    }
    struct miner_calibration known = *kept;
    if (strcmp(known.kernel, engine->kernel->name) != 0) {
        heat_carry_over(&known, engine->estimated_hs);
    }
    regulator_remember(engine->regulator, &known);
    workers->full_hs = known.full_hs;
    workers->known_at = known.known_at;
}

static bool start_workers(struct miner_engine *engine, const struct miner_options *options,
                          struct hb_err *err)
{
    int cpus[CORES_MAX];
    struct workers_options workers = {
        .background = true,
        .ramp_s = options->ramp_s,
        .wake = on_wake,
        .wake_ctx = engine,
    };
    engine->threads = workers.threads = choose_cpus(options, &workers, cpus);
    if (!choose_kernel(engine, options, err)) {
        return false;
    }
    workers.kernel = engine->kernel;
    remember(engine, options->calibration, &workers);
    engine->workers = workers_create(&workers, err);
    return engine->workers != NULL;
}

static bool start_regulator(struct miner_engine *engine, const struct miner_options *options,
                            struct hb_err *err)
{
    const double max_c = options->max_cpu_c > 0 ? options->max_cpu_c : MINER_MAX_CPU_C;
    engine->regulator = regulator_create(sysfs_root(options), max_c, &engine->log);
    return engine->regulator != NULL || hb_fail(err, HB_ERR_SYSTEM, "mining: out of memory");
}

static bool start(struct miner_engine *engine, const struct miner_options *options,
                  struct uv_loop_s *loop, struct hb_err *err)
{
    if (!copy_hosts(engine, options, err) || !start_regulator(engine, options, err) ||
        !start_pools(engine, options, loop, err) || !start_workers(engine, options, err)) {
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
    engine->accepted = options->accepted;
    engine->accepted_ctx = options->ctx;
    figures_init(&engine->figures);
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
    regulator_destroy(engine->regulator);
    uv_close((uv_handle_t *)&engine->tick, on_handle_closed);
    uv_close((uv_handle_t *)&engine->found, on_handle_closed);
}

/* --- control and figures ------------------------------------------------------------------------
 */

void miner_set_duty(struct miner_engine *engine, double duty_ratio)
{
    apply_duty(engine, regulator_want_duty(engine->regulator, duty_ratio));
}

void miner_set_power(struct miner_engine *engine, double power_w)
{
    apply_duty(engine, regulator_want_power(engine->regulator, power_w));
}

void miner_set_scale(struct miner_engine *engine, const struct miner_scale *scale)
{
    regulator_set_scale(engine->regulator, scale);
}

double miner_rated_w(const struct miner_engine *engine)
{
    return regulator_rated_w(engine->regulator);
}

void miner_note_power(struct miner_engine *engine, double power_w)
{
    regulator_note_meter(engine->regulator, power_w, clock_mono());
}

bool miner_get_calibration(const struct miner_engine *engine, struct miner_calibration *calibration)
{
    struct workers_stats workers;
    memset(calibration, 0, sizeof *calibration);
    workers_get_stats(engine->workers, &workers);
    calibration->threads = engine->threads;
    calibration->full_hs = workers.full_hashrate_hs;
    calibration->known_at = workers.known_at;
    return text_copy(calibration->kernel, sizeof calibration->kernel, engine->kernel->name) &&
           regulator_keep(engine->regulator, calibration);
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
    (void)text_copy(stats->pool_reason, sizeof stats->pool_reason, pools.reason);
    stats->pool_changes = pools.changes;
    add_accounts(engine, stats);
    add_work(engine, stats);
    regulator_get_stats(engine->regulator, stats);
    figures_get(&engine->figures, &stats->figures);
}

size_t miner_get_pools(const struct miner_engine *engine, struct miner_pool_stats *list, size_t max)
{
    return pools_get_list(engine->pools, list, max);
}
