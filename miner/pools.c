#include "miner/pools.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ground/text.h"
#include "plumbing/clock.h"

enum { POOLS_MAX = 32, SAY_EVERY_MS = 1000, CAUSES = 4 };

struct member {
    struct pool_link link;
    hb_mono next_try, tried_at, good_since, said_at;
    int failures;
    bool unreachable; /* the last connection could not be made      */
    bool relapsing;   /* the last loss was one that was told before */
    char told[CAUSES][200];
    size_t next_told;
};

struct pools {
    const struct hb_log *log;
    struct pools_handler handler;
    struct pools_timing timing;
    struct pool_accounts accounts;
    uint64_t random;
    char message[200];
    size_t count;
    size_t active;             /* == count: none */
    bool relapsing, work_told; /* as the pool lost last; that there is work */
    struct member members[];
};

struct pools_timing pools_default_timing(void)
{
    return (struct pools_timing){.first_wait_ms = 1000,
                                 .most_wait_ms = 60 * 1000,
                                 .idle_wait_ms = 8 * 1000,
                                 .good_ms = 60 * 1000,
                                 .connect_timeout_ms = 10 * 1000,
                                 .patience_ms = 5 * 1000};
}

/* xorshift64: good enough to keep a fleet from knocking in step. */
static uint64_t next_random(struct pools *pools)
{
    uint64_t x = pools->random;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    pools->random = x;
    return x;
}

/* Between half of the doubled wait and all of it. */
static int64_t wait_ms(struct pools *pools, const struct member *member)
{
    const bool wanted = member->unreachable && pools->active == pools->count;
    const int64_t most = wanted ? pools->timing.idle_wait_ms : pools->timing.most_wait_ms;
    int64_t wait = pools->timing.first_wait_ms;
    for (int i = 1; i < member->failures && wait < most; i++) {
        wait *= 2;
    }
    if (wait > most) {
        wait = most;
    }
    return wait / 2 + (int64_t)(next_random(pools) % (uint64_t)(wait / 2 + 1));
}

static size_t index_of(const struct pools *pools, const struct pool_link *link)
{
    size_t i = 0;
    while (i < pools->count && &pools->members[i].link != link) {
        i++;
    }
    return i;
}

static void print_where(const struct pool_link *link, char *where, size_t size)
{
    pool_url_print(where, size, link->target.host, link->target.port);
}

/* True if the cause was told before; otherwise it counts as told from now on. */
static bool was_told(struct member *member, const char *cause)
{
    for (size_t i = 0; i < CAUSES; i++) {
        if (strncmp(member->told[i], cause, sizeof member->told[i] - 1) == 0) {
            return true;
        }
    }
    (void)text_copy(member->told[member->next_told], sizeof member->told[0], cause);
    member->next_told = (member->next_told + 1) % CAUSES;
    return false;
}

static void forgive(struct member *member)
{
    member->failures = 0;
    member->unreachable = member->relapsing = false;
    memset(member->told, 0, sizeof member->told);
}

static void tell_work(struct pools *pools)
{
    char where[128];
    print_where(&pools->members[pools->active].link, where, sizeof where);
    hb_log(pools->log, LOG_LEVEL_INFO, "miner", "working for pool %s", where);
    pools->work_told = true;
}

static void activate(struct pools *pools, size_t index)
{
    struct member *member = &pools->members[index];
    for (size_t i = index + 1; i < pools->count; i++) {
        pool_link_close(&pools->members[i].link);
    }
    pools->active = index;
    pools->message[0] = '\0';
    member->good_since = clock_mono();
    if (member->unreachable) {
        forgive(member);
    }
    pools->work_told = false;
    if (!member->relapsing && !pools->relapsing) {
        tell_work(pools);
    }
}

/* A pool that has been good for long enough gets a clean slate. */
static void settle(struct pools *pools, hb_mono now)
{
    if (pools->active == pools->count) {
        return;
    }
    struct member *member = &pools->members[pools->active];
    if (mono_age_ms(now, member->good_since) < pools->timing.good_ms) {
        return;
    }
    forgive(member);
    pools->relapsing = false;
    if (!pools->work_told) {
        tell_work(pools);
    }
}

static void on_job(void *ctx, struct pool_link *link, const struct job *job)
{
    struct pools *pools = ctx;
    const size_t index = index_of(pools, link);
    if (index > pools->active) {
        pool_link_close(link); /* a better pool was faster */
        return;
    }
    if (index != pools->active) {
        activate(pools, index);
    }
    pools->handler.job(pools->handler.ctx, job);
}

static void log_loss(struct pools *pools, struct member *member, const char *why)
{
    member->relapsing = was_told(member, why);
    hb_log(pools->log, member->relapsing ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN, "miner", "pool %s",
           why);
}

/* With no work left, pools that were not to be reached earlier are worth a try soon. */
static void become_idle(struct pools *pools, hb_mono now)
{
    const hb_mono soon = mono_add_ms(now, pools->timing.idle_wait_ms);
    for (size_t i = 0; i < pools->count; i++) {
        struct member *member = &pools->members[i];
        if (member->unreachable) {
            member->next_try = mono_earlier(member->next_try, soon);
        }
    }
    pools->handler.job(pools->handler.ctx, NULL);
}

static void on_lost(void *ctx, struct pool_link *link, const char *why, int64_t retry_ms)
{
    struct pools *pools = ctx;
    const size_t index = index_of(pools, link);
    struct member *member = &pools->members[index];
    const hb_mono now = clock_mono();
    const bool was_active = index == pools->active;
    log_loss(pools, member, why);
    if (was_active) {
        pools->relapsing = member->relapsing;
        pools->active = pools->count;
    }
    if (pools->active == pools->count) {
        (void)text_copy(pools->message, sizeof pools->message, why);
    }
    member->unreachable = !link->reached;
    member->failures++;
    const int64_t pause_ms = wait_ms(pools, member);
    member->next_try = mono_add_ms(now, retry_ms > pause_ms ? retry_ms : pause_ms);
    if (was_active) {
        become_idle(pools, now);
    }
}

static void on_said(void *ctx, struct pool_link *link, bool loud, const char *text)
{
    struct pools *pools = ctx;
    char where[128];
    print_where(link, where, sizeof where);
    if (loud) {
        (void)text_copy(pools->message, sizeof pools->message, text);
    }
    /* A talkative pool must not fill the log. */
    struct member *member = &pools->members[index_of(pools, link)];
    const hb_mono now = clock_mono();
    enum log_level level = loud ? LOG_LEVEL_WARN : LOG_LEVEL_INFO;
    if ((mono_is_set(member->said_at) && mono_age_ms(now, member->said_at) < SAY_EVERY_MS) ||
        (loud && was_told(member, text))) {
        level = LOG_LEVEL_DEBUG;
    } else {
        member->said_at = now;
    }
    hb_log(pools->log, level, "miner", "%s: %s", where, text);
}

static bool init_members(struct pools *pools, const struct miner_options *options,
                         struct uv_loop_s *loop, struct hb_err *err)
{
    const struct pool_link_handler handler = {on_job, on_lost, on_said, pools};
    for (size_t i = 0; i < options->pool_count; i++) {
        const struct pool_link_options link = {
            .pool = &options->pools[i],
            .redirect_hosts = options->redirect_hosts,
            .redirect_host_count = options->redirect_host_count,
            .first_serial = (uint64_t)(i + 1) << 40,
            .connect_timeout_ms = pools->timing.connect_timeout_ms,
        };
        pools->count = i + 1;
        if (!pool_link_init(&pools->members[i].link, &link, loop, &handler, &pools->accounts,
                            err)) {
            hb_err_prefix(err, "pools[%zu]", i);
            return false;
        }
    }
    pools->active = pools->count;
    return true;
}

struct pools *pools_create(const struct miner_options *options, const struct pools_timing *timing,
                           struct uv_loop_s *loop, const struct hb_log *log,
                           const struct pools_handler *handler, struct hb_err *err)
{
    if (options->pool_count > POOLS_MAX) {
        hb_fail(err, HB_ERR_USAGE, "pools: expected at most %d, got %zu", POOLS_MAX,
                options->pool_count);
        return NULL;
    }
    struct pools *pools = calloc(1, sizeof *pools + options->pool_count * sizeof pools->members[0]);
    if (pools == NULL) {
        hb_fail(err, HB_ERR_SYSTEM, "out of memory");
        return NULL;
    }
    pools->log = log;
    pools->handler = *handler;
    pools->timing = *timing;
    pools->random = (uint64_t)clock_wall().ms * 2 + 1; /* xorshift must not start at 0 */
    if (!init_members(pools, options, loop, err)) {
        pools_destroy(pools);
        return NULL;
    }
    return pools;
}

void pools_destroy(struct pools *pools)
{
    if (pools == NULL) {
        return;
    }
    for (size_t i = 0; i < pools->count; i++) {
        pool_link_fini(&pools->members[i].link);
    }
    free(pools);
}

/* The link that is being tried, `count` if none is. */
static size_t find_trying(const struct pools *pools)
{
    size_t i = 0;
    while (i < pools->count &&
           (i == pools->active || !pool_link_is_open(&pools->members[i].link))) {
        i++;
    }
    return i;
}

/* Once, unless it is the last hope anyway. */
static void tell_slow(struct pools *pools, size_t index)
{
    struct member *member = &pools->members[index];
    char where[128];
    char text[200];
    print_where(&member->link, where, sizeof where);
    (void)snprintf(text, sizeof text, "%s: no work within %g s, so the next pool is tried too",
                   where, pools->timing.patience_ms / 1000.0);
    if (index + 1 < pools->active && !was_told(member, text)) {
        hb_log(pools->log, LOG_LEVEL_WARN, "miner", "pool %s", text);
    }
}

/* Tries the best pool whose turn has come, if it is better than the one in use: failover and return
 * are the same thing. The next one waits until patience with those before it has run out. */
static void try_better(struct pools *pools, hb_mono now)
{
    for (size_t i = 0; i < pools->active; i++) {
        struct member *member = &pools->members[i];
        if (pool_link_is_open(&member->link)) {
            if (mono_age_ms(now, member->tried_at) < pools->timing.patience_ms) {
                return;
            }
            tell_slow(pools, i);
        } else if (mono_age_ms(now, member->next_try) >= 0) {
            member->tried_at = now;
            pool_link_open(&member->link);
            return;
        }
    }
}

void pools_tick(struct pools *pools, hb_mono now)
{
    for (size_t i = 0; i < pools->count; i++) {
        pool_link_tick(&pools->members[i].link, now);
    }
    settle(pools, now);
    try_better(pools, now);
}

void pools_want_difficulty(struct pools *pools, double difficulty)
{
    for (size_t i = 0; i < pools->count; i++) {
        session_want_difficulty(&pools->members[i].link.session, difficulty);
    }
}

void pools_submit(struct pools *pools, const struct candidate *candidate, hb_mono now)
{
    if (pools->active < pools->count) {
        pool_link_submit(&pools->members[pools->active].link, candidate, now);
    }
}

void pools_get_status(const struct pools *pools, struct pools_status *status)
{
    memset(status, 0, sizeof *status);
    (void)text_copy(status->message, sizeof status->message, pools->message);
    if (pools->count == 0) {
        return;
    }
    const bool working = pools->active < pools->count;
    const size_t shown = working ? pools->active : find_trying(pools);
    status->link = working ? MINER_LINK_OK : MINER_LINK_LOST;
    if (!working && (shown < pools->count || pools->members[0].failures == 0)) {
        status->link = MINER_LINK_CONNECTING;
    }
    const struct pool_link *link = &pools->members[shown < pools->count ? shown : 0].link;
    print_where(link, status->where, sizeof status->where);
    status->difficulty = working ? link->session.job.difficulty : 0;
}

const struct pool_accounts *pools_accounts(const struct pools *pools)
{
    return &pools->accounts;
}
