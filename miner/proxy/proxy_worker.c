#include "miner/proxy/proxy_worker.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ground/text.h"
#include "miner/hex.h"
#include "miner/verify.h"
#include "plumbing/clock.h"

enum {
    OWN_WORK_AFTER_MS = 10000,  /* without a pool's work                                     */
    OWN_WORK_EVERY_MS = 60000,  /* a new time for it                                         */
    SENT_AWAY_AFTER_MS = 60000, /* without work, where the policy is to pause               */
    POOLS_KEPT_MS = 120000,     /* after the client left: most come back at once             */
};
/* Serials of our own work; pools' are far below. */
#define OWN_SERIALS (UINT64_C(1) << 62)

/* --- life ---------------------------------------------------------------------------------------
 */

static void log_with_name(void *ctx, enum log_level level, const char *part, const char *text)
{
    const struct proxy_worker *worker = ctx;
    (void)part;
    hb_log(worker->ground->log, level, worker->part, "%s", text);
}

static char *copy(const char *text)
{
    return strdup(text == NULL ? "" : text);
}

struct proxy_worker *proxy_worker_create(struct proxy_ground *ground,
                                         const struct proxy_account *account, struct hb_err *err)
{
    struct proxy_worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL) {
        hb_fail(err, HB_ERR_SYSTEM, "out of memory");
        return NULL;
    }
    worker->ground = ground;
    worker->user = copy(account->user);
    worker->password = copy(account->password);
    worker->pool_user = copy(account->pool_user);
    worker->hashrate_hs = account->hashrate_hs;
    worker->changed = account->changed;
    worker->ctx = account->ctx;
    worker->own_serial = OWN_SERIALS;
    worker->economics = economics_none();
    if (worker->user == NULL || worker->password == NULL || worker->pool_user == NULL) {
        proxy_worker_destroy(worker);
        hb_fail(err, HB_ERR_SYSTEM, "out of memory");
        return NULL;
    }
    char shown[64];
    text_copy_printable(shown, sizeof shown, worker->user, strlen(worker->user));
    (void)snprintf(worker->part, sizeof worker->part, "proxy %s", shown);
    worker->log =
        (struct hb_log){.write = log_with_name,
                        .ctx = worker,
                        .level = ground->log == NULL ? LOG_LEVEL_ERROR : ground->log->level};
    return worker;
}

static void close_pools(struct proxy_worker *worker)
{
    struct share_accounts sum;
    struct pools_status status;
    if (worker->pools == NULL) {
        return;
    }
    const size_t count = worker->ground->mining->pool_count;
    struct miner_pool_stats *list = calloc(count + 1, sizeof *list);
    if (list != NULL) {
        (void)proxy_worker_get_pools(worker, list, count);
        free(worker->past_pools);
        worker->past_pools = list;
    }
    pools_get_status(worker->pools, &status);
    worker->past_changes += status.changes;
    pools_get_accounts(worker->pools, &sum);
    worker->past.accepted += sum.accepted;
    for (size_t i = 0; i < REJECT_COUNT; i++) {
        worker->past.rejected[i] += sum.rejected[i];
    }
    pools_destroy(worker->pools);
    worker->pools = NULL;
    worker->has_job = false;
}

void proxy_worker_destroy(struct proxy_worker *worker)
{
    close_pools(worker);
    free(worker->past_pools);
    free(worker->user);
    free(worker->password);
    free(worker->pool_user);
    free(worker);
}

/* --- work of the pools --------------------------------------------------------------------------
 */

/* What a job must have in common with the one before for the miner to keep what it has begun. */
static bool goes_on(const struct proxy_worker *worker, const struct job *job)
{
    const struct job_extranonce *before = &worker->job.extranonce;
    return worker->has_job && !worker->job.own && !job->notify.clean &&
           job->serial / WORK_SOURCE_SERIALS == worker->job.serial / WORK_SOURCE_SERIALS &&
           job->extranonce.size1 == before->size1 && job->extranonce.size2 == before->size2 &&
           memcmp(job->extranonce.prefix, before->prefix, before->size1) == 0;
}

/* The smallest room counts: a connection that fits there fits everywhere. */
static void learn(struct proxy_ground *ground, const struct job *job)
{
    const size_t room = job->extranonce.size2;
    const size_t known = ground->extranonce2_room;
    if (room >= SERVER_EXTRANONCE_LEAST && (known == 0 || room < known)) {
        ground->extranonce2_room = room;
    }
    ground->version_mask = job->version_mask;
}

static void on_job(void *ctx, const struct job *job)
{
    struct proxy_worker *worker = ctx;
    if (job == NULL) {
        worker->workless_since = clock_mono();
        return;
    }
    const bool clean = !goes_on(worker, job);
    learn(worker->ground, job);
    worker->job = *job;
    worker->has_job = true;
    worker->economics = economics_of_job(job, pools_fee_ratio(worker->pools));
    worker->workless_since = worker->own_since = (hb_mono){0};
    worker->ground->work(worker->ground->ctx, worker, clean);
}

/* The configured pools, under the account's own name if it has one. */
static bool open_pools(struct proxy_worker *worker, struct hb_err *err)
{
    struct proxy_ground *ground = worker->ground;
    struct miner_options options = *ground->mining;
    struct miner_pool *list = calloc(options.pool_count + 1, sizeof *list);
    if (list == NULL) {
        return hb_fail(err, HB_ERR_SYSTEM, "out of memory");
    }
    for (size_t i = 0; i < options.pool_count; i++) {
        list[i] = options.pools[i];
        if (worker->pool_user[0] != '\0') {
            list[i].user = worker->pool_user;
        }
    }
    options.pools = list;
    const struct pools_handler handler = {.job = on_job, .ctx = worker};
    worker->pools =
        pools_create(&options, &ground->timing, ground->loop, &worker->log, &handler, err);
    free(list);
    return worker->pools != NULL;
}

void proxy_worker_join(struct proxy_worker *worker, struct proxy_client *client, hb_mono now)
{
    struct hb_err err = {0};
    worker->client = client;
    if (worker->pools == NULL) {
        worker->workless_since = now;
        worker->own_since = (hb_mono){0};
        if (!open_pools(worker, &err)) {
            hb_log(&worker->log, LOG_LEVEL_ERROR, worker->part, "%s", err.msg);
        }
    }
}

void proxy_worker_leave(struct proxy_worker *worker, hb_mono now)
{
    worker->client = NULL;
    worker->idle_since = now;
}

/* --- work of our own ----------------------------------------------------------------------------
 */

/* A job that no pool gave, for a miner that has never seen one: well-formed down to the coinbase,
 * and so hard that no miner cries "block found". */
static void make_up_job(struct job *job)
{
    static const uint8_t before[] = {
        1,    0,    0,    0,    1, /* version, one input           */
        0,    0,    0,    0,    0,  0, 0,    0,    0,
        0,    0,    0,    0,    0,  0, 0, /* of no transaction            */
        0,    0,    0,    0,    0,  0, 0,    0,    0,
        0,    0,    0,    0,    0,  0, 0,                /*                              */
        0xff, 0xff, 0xff, 0xff, 16, 3, 0x40, 0x0d, 0x0c, /* script: a height, 12 to roll */
    };
    static const uint8_t after[] = {
        0xff, 0xff, 0xff, 0xff, 1,                               /* sequence, one output         */
        0,    0,    0,    0,    0, 0, 0, 0, 1, 0x6a, 0, 0, 0, 0, /* of nothing to nobody         */
    };
    struct job_notify *notify = &job->notify;
    memset(job, 0, sizeof *job);
    memcpy(notify->coinbase, before, sizeof before);
    memcpy(notify->coinbase + sizeof before, after, sizeof after);
    notify->coinb1_len = sizeof before;
    notify->coinb2_len = sizeof after;
    memset(notify->prevhash, 0xb1, sizeof notify->prevhash - 8);
    notify->version = 0x20000000;
    notify->nbits = 0x17020000;
    job->extranonce.size1 = 4;
    job->extranonce.size2 = 8;
    job->version_mask = STRATUM_VERSION_MASK;
}

/* The last job of a pool with a new time, if there was one: the miner bears it for certain. */
static void give_own_work(struct proxy_worker *worker, hb_mono now)
{
    const bool first = !mono_is_set(worker->own_since);
    struct job *job = &worker->job;
    if (!worker->has_job) {
        make_up_job(job);
        worker->has_job = true;
    }
    job->own = true;
    worker->economics = economics_none();
    job->serial = ++worker->own_serial;
    job->notify.ntime = (uint32_t)(clock_wall().ms / 1000);
    memset(job->target, 0, sizeof job->target);
    if (first) {
        worker->own_since = now;
        hb_log(&worker->log, LOG_LEVEL_WARN, worker->part,
               "no pool gives work, so it is kept warm with some of our own");
    }
    worker->own_made = now;
    worker->ground->work(worker->ground->ctx, worker, first);
}

static bool tick_without_work(struct proxy_worker *worker, hb_mono now)
{
    const int64_t waited_ms = mono_age_ms(now, worker->workless_since);
    if (worker->ground->mining->no_pool == MINER_NO_POOL_PAUSE) {
        return waited_ms < SENT_AWAY_AFTER_MS;
    }
    if (waited_ms >= OWN_WORK_AFTER_MS &&
        (!mono_is_set(worker->own_since) ||
         mono_age_ms(now, worker->own_made) >= OWN_WORK_EVERY_MS)) {
        give_own_work(worker, now);
    }
    return true;
}

bool proxy_worker_tick(struct proxy_worker *worker, hb_mono now)
{
    if (worker->pools != NULL) {
        pools_tick(worker->pools, now);
    }
    if (worker->client == NULL) {
        if (mono_age_ms(now, worker->idle_since) >= POOLS_KEPT_MS) {
            close_pools(worker);
        }
        return true;
    }
    return !mono_is_set(worker->workless_since) || tick_without_work(worker, now);
}

/* --- books --------------------------------------------------------------------------------------
 */

/* A share that is more than one: the pool submits the block, we tell of it. */
static void look_for_block(struct proxy_worker *worker, const struct server_share *share)
{
    uint8_t hash[32];
    if (!share->forward || !(share->difficulty >= worker->economics.network_difficulty) ||
        !verify_hash(share->candidate.header, hash)) {
        return;
    }
    for (size_t i = 0; i < sizeof hash; i++) {
        hex_encode(worker->block_hash + 2 * i, &hash[sizeof hash - 1 - i], 1);
    }
    worker->blocks++;
    worker->block_difficulty = share->difficulty;
    worker->block_height = worker->economics.height_known ? worker->economics.height : 0;
    hb_log(&worker->log, LOG_LEVEL_INFO, worker->part, "found a block: %s", worker->block_hash);
}

void proxy_worker_share(struct proxy_worker *worker, const struct server_share *share, hb_mono now)
{
    worker->past.best_difficulty = fmax(worker->past.best_difficulty, share->difficulty);
    if (!share->good) {
        worker->past.rejected[share->reject]++;
    }
    look_for_block(worker, share);
    if (share->forward && worker->pools != NULL) {
        pools_submit(worker->pools, &share->candidate, now);
    }
}

void proxy_worker_want_difficulty(struct proxy_worker *worker, double difficulty)
{
    if (worker->pools != NULL) {
        pools_want_difficulty(worker->pools, difficulty);
    }
}

size_t proxy_worker_get_pools(const struct proxy_worker *worker, struct miner_pool_stats *list,
                              size_t max)
{
    const size_t count = worker->ground->mining->pool_count;
    const struct miner_pool_stats *past = worker->past_pools;
    if (worker->pools == NULL && past == NULL) {
        return 0;
    }
    if (worker->pools != NULL) {
        (void)pools_get_list(worker->pools, list, max);
    }
    for (size_t i = 0; i < count && i < max && past != NULL; i++) {
        if (worker->pools == NULL) {
            list[i] = past[i];
            continue;
        }
        list[i].accepted += past[i].accepted;
        for (size_t kind = 0; kind < REJECT_COUNT; kind++) {
            list[i].rejected[kind] += past[i].rejected[kind];
        }
    }
    return count;
}

void proxy_worker_get_status(const struct proxy_worker *worker, struct proxy_status *status)
{
    struct share_accounts sum = {0};
    (void)text_copy(status->address, sizeof status->address, worker->address);
    (void)text_copy(status->agent, sizeof status->agent, worker->agent);
    if (worker->pools != NULL) {
        struct pools_status pools;
        pools_get_status(worker->pools, &pools);
        pools_get_accounts(worker->pools, &sum);
        status->link = worker->client == NULL ? MINER_LINK_NONE : pools.link;
        (void)text_copy(status->pool, sizeof status->pool, pools.where);
        (void)text_copy(status->message, sizeof status->message, pools.message);
        (void)text_copy(status->pool_reason, sizeof status->pool_reason, pools.reason);
        status->pool_changes = pools.changes;
    }
    status->pool_changes += worker->past_changes;
    status->accepted = worker->past.accepted + sum.accepted;
    for (size_t i = 0; i < REJECT_COUNT; i++) {
        status->rejected[i] = worker->past.rejected[i] + sum.rejected[i];
    }
    status->best_difficulty = worker->past.best_difficulty;
    status->network_difficulty = worker->economics.network_difficulty;
    status->reward_from = worker->economics.source;
    status->blocks = worker->blocks;
    (void)text_copy(status->block_hash, sizeof status->block_hash, worker->block_hash);
    status->block_difficulty = worker->block_difficulty;
    status->block_height = worker->block_height;
    status->own_work = worker->client != NULL && mono_is_set(worker->own_since);
}
