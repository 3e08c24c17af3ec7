#include "miner/pools.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ground/text.h"
#include "plumbing/clock.h"

enum { POOLS_MAX = 32, SAY_EVERY_MS = 1000, CAUSES = 4 };

struct member {
    struct work_source *source;
    hb_mono next_try, tried_at, good_since, said_at;
    int failures;
    uint64_t losses;  /* ever */
    bool unreachable; /* the last connection could not be made      */
    bool relapsing;   /* the last loss was one that was told before */
    char told[CAUSES][200];
    size_t next_told;
    double fee_ratio; /* of the reward, kept by the pool */
};

struct pools {
    const struct hb_log *log;
    struct pools_handler handler;
    struct pools_timing timing;
    uint64_t random;
    char message[200];
    char cause[200];  /* why a better pool, or the last one, is not in use; "" at the start */
    char reason[200]; /* of the latest change */
    uint64_t changes;
    double difficulty; /* of the latest job */
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

static size_t index_of(const struct pools *pools, const struct work_source *source)
{
    size_t i = 0;
    while (i < pools->count && pools->members[i].source != source) {
        i++;
    }
    return i;
}

/* True if the cause was told before; otherwise it counts as told from now on. What was got instead
 * of what was expected may differ each time and is the same cause all the same. */
static bool was_told(struct member *member, const char *cause)
{
    const char *got = strstr(cause, ", got ");
    const size_t whole = sizeof member->told[0] - 1;
    const size_t len = got == NULL || (size_t)(got - cause) > whole ? whole : (size_t)(got - cause);
    for (size_t i = 0; i < CAUSES; i++) {
        if (strncmp(member->told[i], cause, len) == 0) {
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
    hb_log(pools->log, LOG_LEVEL_INFO, "miner", "working for pool %s (%s)",
           pools->members[pools->active].source->where, pools->reason);
    pools->work_told = true;
}

static void close_source(struct member *member)
{
    member->source->kind->close(member->source);
}

static bool is_open(const struct member *member)
{
    return member->source->kind->is_open(member->source);
}

static void note_change(struct pools *pools, const char *reason)
{
    (void)text_copy(pools->reason, sizeof pools->reason, reason);
    pools->changes++;
}

static bool is_silent(const struct pools *pools)
{
    return pools->active < pools->count && pools->members[pools->active].source->silent;
}

/* A better pool is back, or the one in use until now, or none, gave cause to leave. */
static void note_taken(struct pools *pools, size_t index)
{
    char text[400];
    if (index < pools->active && pools->active < pools->count) {
        (void)snprintf(text, sizeof text, "%s works again", pools->members[index].source->where);
        note_change(pools, text);
    } else {
        note_change(pools, pools->cause[0] != '\0' ? pools->cause : "start");
    }
}

static void activate(struct pools *pools, size_t index)
{
    struct member *member = &pools->members[index];
    for (size_t i = index + 1; i < pools->count; i++) {
        close_source(&pools->members[i]);
    }
    note_taken(pools, index);
    pools->active = index;
    pools->cause[0] = pools->message[0] = '\0';
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

static void on_job(void *ctx, struct work_source *source, const struct job *job)
{
    struct pools *pools = ctx;
    const size_t index = index_of(pools, source);
    if (index > pools->active && !is_silent(pools)) {
        close_source(&pools->members[index]); /* a better pool was faster */
        return;
    }
    if (index != pools->active) {
        if (source->silent) {
            return; /* its old job with another mask: nothing new */
        }
        activate(pools, index);
    }
    pools->difficulty = job->difficulty;
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

static void on_lost(void *ctx, struct work_source *source, const char *why, int64_t retry_ms)
{
    struct pools *pools = ctx;
    const size_t index = index_of(pools, source);
    struct member *member = &pools->members[index];
    const hb_mono now = clock_mono();
    const bool was_active = index == pools->active;
    log_loss(pools, member, why);
    member->losses++;
    if (was_active) {
        pools->relapsing = member->relapsing;
        pools->active = pools->count;
        note_change(pools, why);
    }
    if (pools->active == pools->count) {
        (void)text_copy(pools->message, sizeof pools->message, why);
        if (pools->cause[0] == '\0' || was_active) {
            (void)text_copy(pools->cause, sizeof pools->cause, why);
        }
    }
    member->unreachable = !source->reached;
    member->failures++;
    const int64_t pause_ms = wait_ms(pools, member);
    member->next_try = mono_add_ms(now, retry_ms > pause_ms ? retry_ms : pause_ms);
    if (was_active) {
        become_idle(pools, now);
    }
}

static void on_share(void *ctx, struct work_source *source, const struct share_event *share)
{
    const struct pools *pools = ctx;
    if (pools->handler.share != NULL) {
        pools->handler.share(pools->handler.ctx, source->where, share);
    }
}

static void on_said(void *ctx, struct work_source *source, bool loud, const char *text)
{
    struct pools *pools = ctx;
    if (loud) {
        (void)text_copy(pools->message, sizeof pools->message, text);
    }
    /* A talkative pool must not fill the log. */
    struct member *member = &pools->members[index_of(pools, source)];
    const hb_mono now = clock_mono();
    enum log_level level = loud ? LOG_LEVEL_WARN : LOG_LEVEL_INFO;
    if ((mono_is_set(member->said_at) && mono_age_ms(now, member->said_at) < SAY_EVERY_MS) ||
        (loud && was_told(member, text))) {
        level = LOG_LEVEL_DEBUG;
    } else {
        member->said_at = now;
    }
    hb_log(pools->log, level, "miner", "%s: %s", source->where, text);
}

static bool init_members(struct pools *pools, const struct miner_options *options,
                         struct uv_loop_s *loop, struct hb_err *err)
{
    const struct work_handler handler = {on_job, on_lost, on_share, on_said, pools};
    for (size_t i = 0; i < options->pool_count; i++) {
        const struct work_source_options source = {
            .pool = &options->pools[i],
            .redirect_hosts = options->redirect_hosts,
            .redirect_host_count = options->redirect_host_count,
            .first_serial = (uint64_t)(i + 1) * WORK_SOURCE_SERIALS,
            .connect_timeout_ms = pools->timing.connect_timeout_ms,
        };
        pools->members[i].source = work_source_create(&source, loop, &handler, err);
        if (pools->members[i].source == NULL) {
            hb_err_prefix(err, "pools[%zu]", i);
            return false;
        }
        pools->members[i].fee_ratio = options->pools[i].fee_ratio;
        pools->count = i + 1;
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
        struct work_source *source = pools->members[i].source;
        source->kind->destroy(source);
    }
    free(pools);
}

/* The link that is being tried, `count` if none is. */
static size_t find_trying(const struct pools *pools)
{
    size_t i = 0;
    while (i < pools->count && (i == pools->active || !is_open(&pools->members[i]))) {
        i++;
    }
    return i;
}

/* Tells, once, why a pool is passed over; of one that is the last hope, only that it fell silent.
 */
static void pass_over(struct pools *pools, size_t index, const char *why)
{
    struct member *member = &pools->members[index];
    char text[400];
    (void)snprintf(text, sizeof text, "%s: %s", member->source->where, why);
    if (index == pools->active || (pools->active == pools->count && pools->cause[0] == '\0')) {
        (void)text_copy(pools->cause, sizeof pools->cause, text);
    }
    const bool has_next = index + 1 < pools->count && index + 1 != pools->active;
    if ((has_next || index == pools->active) && !was_told(member, text)) {
        hb_log(pools->log, LOG_LEVEL_WARN, "miner", "pool %s%s", text,
               has_next ? ", so the next pool is tried too" : "");
    }
}

/* True if a pool that is connected has used up the patience with it. */
static bool is_passed_over(struct pools *pools, size_t index, hb_mono now)
{
    struct member *member = &pools->members[index];
    if (member->source->silent) {
        if (index == pools->active) {
            pass_over(pools, index, "no new job for too long");
        }
        return true;
    }
    if (index == pools->active || mono_age_ms(now, member->tried_at) < pools->timing.patience_ms) {
        return false;
    }
    char why[80];
    (void)snprintf(why, sizeof why, "no work within %g s", pools->timing.patience_ms / 1000.0);
    pass_over(pools, index, why);
    return true;
}

/* Tries the best pool whose turn has come, if it is better than the one in use: failover and return
 * are the same thing. The next one waits until patience with those before it has run out. */
static void try_better(struct pools *pools, hb_mono now)
{
    for (size_t i = 0; i < pools->count; i++) {
        struct member *member = &pools->members[i];
        if (is_open(member)) {
            if (!is_passed_over(pools, i, now)) {
                return;
            }
        } else if (mono_age_ms(now, member->next_try) >= 0) {
            member->tried_at = now;
            member->source->kind->open(member->source);
            return;
        }
    }
}

void pools_tick(struct pools *pools, hb_mono now)
{
    for (size_t i = 0; i < pools->count; i++) {
        struct work_source *source = pools->members[i].source;
        source->kind->tick(source, now);
    }
    settle(pools, now);
    try_better(pools, now);
}

void pools_want_difficulty(struct pools *pools, double difficulty)
{
    for (size_t i = 0; i < pools->count; i++) {
        struct work_source *source = pools->members[i].source;
        source->kind->want_difficulty(source, difficulty);
    }
}

/* A share belongs to the pool that gave its job, whichever is in use now. */
void pools_submit(struct pools *pools, const struct candidate *candidate, hb_mono now)
{
    const uint64_t owner = candidate->serial / WORK_SOURCE_SERIALS;
    if (owner >= 1 && owner <= pools->count) {
        struct work_source *source = pools->members[owner - 1].source;
        source->kind->submit(source, candidate, now);
    }
}

void pools_get_status(const struct pools *pools, struct pools_status *status)
{
    memset(status, 0, sizeof *status);
    (void)text_copy(status->message, sizeof status->message,
                    is_silent(pools) ? pools->cause : pools->message);
    (void)text_copy(status->reason, sizeof status->reason, pools->reason);
    status->changes = pools->changes;
    if (pools->count == 0) {
        return;
    }
    const bool working = pools->active < pools->count;
    const size_t shown = working ? pools->active : find_trying(pools);
    status->link = working ? MINER_LINK_OK : MINER_LINK_LOST;
    if (!working && (shown < pools->count || pools->members[0].failures == 0)) {
        status->link = MINER_LINK_CONNECTING;
    }
    (void)text_copy(status->where, sizeof status->where,
                    pools->members[shown < pools->count ? shown : 0].source->where);
    status->difficulty = working ? pools->difficulty : 0;
}

double pools_fee_ratio(const struct pools *pools)
{
    return pools->active < pools->count ? pools->members[pools->active].fee_ratio : 0;
}

void pools_get_accounts(const struct pools *pools, struct share_accounts *sum)
{
    memset(sum, 0, sizeof *sum);
    for (size_t i = 0; i < pools->count; i++) {
        const struct share_accounts *part = &pools->members[i].source->accounts;
        sum->submitted += part->submitted;
        sum->accepted += part->accepted;
        sum->accepted_difficulty += part->accepted_difficulty;
        sum->dropped += part->dropped;
        sum->blocks += part->blocks;
        sum->hits += part->hits;
        sum->hit_difficulty += part->hit_difficulty;
        sum->best_difficulty = fmax(sum->best_difficulty, part->best_difficulty);
        for (size_t kind = 0; kind < REJECT_COUNT; kind++) {
            sum->rejected[kind] += part->rejected[kind];
        }
    }
}

static enum miner_pool_state state_of(const struct pools *pools, size_t index)
{
    const struct member *member = &pools->members[index];
    if (!is_open(member)) {
        return MINER_POOL_WAITING;
    }
    if (member->source->silent) {
        return MINER_POOL_SILENT;
    }
    return index == pools->active ? MINER_POOL_WORKING : MINER_POOL_TRYING;
}

size_t pools_get_list(const struct pools *pools, struct miner_pool_stats *list, size_t max)
{
    for (size_t i = 0; i < pools->count && i < max; i++) {
        const struct work_source *source = pools->members[i].source;
        const struct share_accounts *accounts = &source->accounts;
        list[i] = (struct miner_pool_stats){
            .state = state_of(pools, i),
            .losses = pools->members[i].losses,
            .submitted = accounts->submitted,
            .accepted = accounts->accepted,
            .dropped = accounts->dropped,
            .accepted_difficulty = accounts->accepted_difficulty,
            .best_difficulty = accounts->best_difficulty,
            .answers = accounts->latency.count,
            .answer_mean_ms = latency_mean_ms(&accounts->latency),
            .answer_p50_ms = latency_quantile_ms(&accounts->latency, 0.5),
            .answer_p95_ms = latency_quantile_ms(&accounts->latency, 0.95),
            .answer_max_ms = accounts->latency.count == 0 ? NAN : accounts->latency.max_ms,
        };
        (void)text_copy(list[i].pool, sizeof list[i].pool, source->where);
        memcpy(list[i].rejected, accounts->rejected, sizeof list[i].rejected);
    }
    return pools->count;
}
