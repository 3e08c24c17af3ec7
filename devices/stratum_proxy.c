#include "devices/stratum_proxy.h"

#include <math.h>
#include <stdio.h>

#include "devices/miner_pools.h"
#include "devices/reply.h"
#include "ground/text.h"
#include "miner/proxy/proxy.h"
#include "plumbing/clock.h"

#define HASHES_PER_TH 1e12
#define SILENT_S      300.0 /* without a share a heater is no longer believed to hash */

struct watched {
    struct heater_env env;
    struct heater_caps caps;
    struct proxy_worker *worker; /* NULL: a simulation */
    double power_w, idle_w, rated_hs;
    hb_mono polled, polled_really; /* on the house's clock, and on the machine's */
};

#define FIELD(name)                                                                                \
    offsetof(struct stratum_proxy_options, name),                                                  \
        sizeof(((struct stratum_proxy_options *)NULL)->name)

static const struct config_item options[] = {
    {"worker", CONFIG_TEXT, FIELD(worker), 0, 0, NULL, NULL, "",
     "worker name that the heater logs in with; left out, its id"},
    {"password", CONFIG_SECRET, FIELD(password), 0, 0, NULL, NULL, "",
     "password that it logs in with; needed unless the proxy listens on loopback"},
    {"pool_user", CONFIG_TEXT, FIELD(pool_user), 0, 0, NULL, NULL, "",
     "worker name for it at the pools; left out, that of each pool"},
    {"power", CONFIG_POWER, FIELD(power), 1, 100000, "W", NULL, NULL,
     "power that it draws at the hash rate below, as a meter shows it"},
    {"hashrate", CONFIG_NUMBER, FIELD(hashrate), 1e-6, 1e6, "TH/s", NULL, NULL,
     "hash rate that it has at that power"},
    {"idle_power", CONFIG_POWER, FIELD(idle_power), 0, 10000, "W", NULL, "0 W",
     "power that it draws while it does not hash"},
    {0},
};

/* --- reading
 * ------------------------------------------------------------------------------------*/

/* Shares are proof of work: nothing that the heater says of itself is believed. */
static void read_hashing(const struct watched *w, const struct proxy_status *status, hb_mono now,
                         struct heater_state *state)
{
    const struct share_estimate *estimate = &status->estimate;
    if (!status->connected || !status->estimated) {
        return;
    }
    const double part = estimate->hashrate_hs / w->rated_hs;
    const double power_w = w->idle_w + part * (w->power_w - w->idle_w);
    state->hashrate_hs = reading_make(estimate->hashrate_hs, now, PROVENANCE_METERED);
    state->power_w = reading_make(power_w, now, PROVENANCE_MODELLED);
    state->work.proven_hs = state->hashrate_hs;
    state->work.proven_low_hs = estimate->low_hs;
    state->work.proven_high_hs = estimate->high_hs;
}

static void read_work(const struct proxy_status *status, hb_mono now, struct heater_state *state)
{
    state->shares_accepted = status->accepted;
    state->shares_stale = status->rejected[REJECT_STALE];
    for (int i = 0; i < REJECT_COUNT; i++) {
        state->shares_rejected += i == REJECT_STALE ? 0 : status->rejected[i];
    }
    state->best_difficulty = status->best_difficulty;
    (void)text_copy(state->model, sizeof state->model, status->agent);
    state->work.network_difficulty =
        reading_make(status->network_difficulty, now, PROVENANCE_REPORTED);
    state->work.sat_per_hour = reading_make(status->sat_per_hour, now, PROVENANCE_MODELLED);
    if (mono_is_set(state->work.sat_per_hour.at)) {
        state->work.revenue_from =
            status->reward_from == REWARD_JOB ? REVENUE_JOB : REVENUE_SUBSIDY;
    }
    state->work.blocks_found = status->blocks;
    (void)text_copy(state->work.block.hash, sizeof state->work.block.hash, status->block_hash);
    state->work.block.difficulty = status->block_difficulty;
    state->work.block.height = status->block_height;
}

static void read_pool(const struct proxy_status *status, struct heater_state *state)
{
    state->pool_link = miner_pools_link(status->link);
    (void)text_copy(state->pool, sizeof state->pool, status->pool);
    if (status->link == MINER_LINK_LOST) {
        state->problem = true;
        (void)snprintf(state->problem_text, sizeof state->problem_text,
                       "no mining pool answers%s%s%s",
                       status->own_work ? ", heating goes on with work of our own" : "",
                       status->message[0] != '\0' ? ": " : "", status->message);
    }
}

/* Connected and given work, but without a share where dozens were due. */
static void tell_idleness(const struct proxy_status *status, struct heater_state *state)
{
    const struct share_estimate *estimate = &status->estimate;
    if (!state->problem && status->connected && status->estimated && estimate->shares == 0 &&
        estimate->span_s >= SILENT_S) {
        state->problem = true;
        (void)text_copy(state->problem_text, sizeof state->problem_text,
                        isnan(status->silence_s)
                            ? "it is connected and has work, but has not sent a share yet"
                            : "it is connected and has work, but sends no shares any more");
    }
}

static void read_pools(const struct watched *w, const struct proxy_status *status,
                       struct heater_pools *pools)
{
    struct miner_pool_stats list[HEATER_POOLS];
    miner_pools_tell(list, proxy_get_pools(w->worker, list, HEATER_POOLS), pools);
    pools->changes = status->pool_changes;
    (void)text_copy(pools->reason, sizeof pools->reason, status->pool_reason);
}

static void report(const struct watched *w, hb_mono now)
{
    struct proxy_status status;
    proxy_get_status(w->worker, &status);
    struct heater_state state = reply_unknown_state(now);
    state.link = status.connected ? HEATER_LINK_OK : HEATER_LINK_LOST;
    read_hashing(w, &status, now, &state);
    read_work(&status, now, &state);
    read_pool(&status, &state);
    read_pools(w, &status, &state.pools);
    tell_idleness(&status, &state);
    w->env.report(w->env.report_ctx, &state);
}

/* It came or went: nobody should have to wait for the next poll to know, which may be a minute off
 * for a heater that was lost. */
static void on_changed(void *ctx)
{
    const struct watched *w = ctx;
    if (mono_is_set(w->polled)) {
        report(w, mono_add_ms(w->polled, mono_age_ms(clock_mono(), w->polled_really)));
    }
}

static void watched_poll(void *self, hb_mono now)
{
    struct watched *w = self;
    w->polled = now;
    w->polled_really = clock_mono();
    if (w->worker != NULL) {
        report(w, now);
    }
}

/* --- life and orders
 * ----------------------------------------------------------------------------*/

static bool add_worker(struct watched *w, const struct stratum_proxy_options *o, struct hb_err *err)
{
    const struct proxy_account account = {
        .user = stratum_proxy_worker(o, w->env.id),
        .password = o->password,
        .pool_user = o->pool_user,
        .hashrate_hs = w->rated_hs,
        .changed = on_changed,
        .ctx = w,
    };
    if (w->env.loop == NULL) {
        return true; /* a simulation: nothing will ever connect */
    }
    if (w->env.proxy == NULL) {
        return hb_fail(err, HB_ERR_STATE, "expected a running proxy, got none");
    }
    w->worker = proxy_add(w->env.proxy, &account, err);
    return w->worker != NULL;
}

static bool watched_init(void *self, const struct heater_env *env, struct heater_caps *caps,
                         struct hb_err *err)
{
    struct watched *w = self;
    const struct stratum_proxy_options *o = env->options;
    w->env = *env;
    w->power_w = o->power;
    w->idle_w = o->idle_power;
    w->rated_hs = o->hashrate * HASHES_PER_TH;
    if (w->idle_w >= w->power_w) {
        return hb_fail(err, HB_ERR_USAGE, "idle_power: expected less than %g W, got %g W",
                       w->power_w, w->idle_w);
    }
    w->caps = (struct heater_caps){.min_w = w->power_w,
                                   .max_w = w->power_w,
                                   .standby_w = w->idle_w,
                                   .observe_only = true,
                                   .sees_work = true};
    *caps = w->caps;
    return add_worker(w, o, err);
}

static void watched_fini(void *self)
{
    struct watched *w = self;
    proxy_remove(w->worker);
    w->worker = NULL;
}

/* Never called, since every command is refused. */
static void watched_commit(void *self, const struct heater_command *command, hb_mono now)
{
    (void)self;
    (void)command;
    (void)now;
}

const struct heater_driver stratum_proxy_heater = {
    .name = STRATUM_PROXY_DRIVER,
    .summary = "a mining heater without any other interface, which points to heatbridge as its "
               "pool; it is watched by its shares and takes no commands",
    .instance_size = sizeof(struct watched),
    .options_size = sizeof(struct stratum_proxy_options),
    .options = options,
    .poll_ms = 2000,
    .init = watched_init,
    .fini = watched_fini,
    .poll = watched_poll,
    .commit = watched_commit,
};
