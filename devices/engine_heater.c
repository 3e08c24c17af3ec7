#include "devices/engine_heater.h"

#include <math.h>
#include <stdio.h>

#include "devices/miner_pools.h"
#include "devices/reply.h"
#include "ground/text.h"
#include "miner/engine.h"

#define LEAST_DUTY 0.01
#define SETTLE_MS  5000 /* ramp, and the two seconds over which power is averaged */

struct engine {
    struct heater_env env;
    struct heater_caps caps;
    double applied_w; /* NaN before the first commit */
    uint64_t writes;
};

static const char *const meters[] = {"auto", "model", "rapl", NULL};

#define FIELD(name)                                                                                \
    offsetof(struct engine_options, name), sizeof(((struct engine_options *)NULL)->name)

static const struct config_item options[] = {
    {"cpu_power", CONFIG_POWER, FIELD(cpu_power), 1, 100000, "W", NULL, "",
     "power of the computer at full hashing, until a meter says otherwise; without it max_power, "
     "else what Linux says the processor is built for, else 65 W"},
    {"idle_power", CONFIG_POWER, FIELD(idle_power), 0, 10000, "W", NULL, "0 W",
     "power of the computer while it does not hash, until a meter says otherwise"},
    {"meter", CONFIG_ENUM, FIELD(meter), 0, 0, NULL, meters, "auto",
     "what watts are learnt from: power_meter, else the processor's own counters where they are "
     "readable (auto), the counters only (rapl), or nothing, so that they are computed from the "
     "hash rate (model)"},
    {0},
};

static double assumed_full_w(const struct heater_env *env, const struct engine_options *o)
{
    const double rated_w = env->engine != NULL ? miner_rated_w(env->engine) : NAN;
    if (o->cpu_power > 0) {
        return o->cpu_power;
    }
    if (env->configured_max_w > 0) {
        return env->configured_max_w;
    }
    return isfinite(rated_w) ? o->idle_power + rated_w : MINER_ASSUMED_FULL_W;
}

/* What was learnt in an earlier run is better than what is assumed; but it must not make a
 * configuration invalid that was valid yesterday. */
static void use_calibration(struct engine *e)
{
    struct miner_stats stats = {0};
    miner_get_stats(e->env.engine, &stats);
    if (stats.calibrated_by != MINER_POWER_MODELLED) {
        const double least_w = fmax(e->env.configured_min_w, e->caps.min_w);
        e->caps.max_w = fmax(stats.full_w, least_w);
        e->caps.standby_w = stats.idle_w;
    }
}

static bool engine_init(void *self, const struct heater_env *env, struct heater_caps *caps,
                        struct hb_err *err)
{
    static const enum miner_meter map[] = {[ENGINE_METER_AUTO] = MINER_METER_AUTO,
                                           [ENGINE_METER_MODEL] = MINER_METER_MODEL,
                                           [ENGINE_METER_RAPL] = MINER_METER_RAPL};
    struct engine *e = self;
    const struct engine_options *o = env->options;
    const double full_w = assumed_full_w(env, o);
    e->env = *env;
    e->applied_w = NAN;
    if (env->engine == NULL) {
        return hb_fail(err, HB_ERR_USAGE,
                       "driver: expected a section 'mining' for the driver 'engine', got none");
    }
    if (o->idle_power >= full_w) {
        return hb_fail(err, HB_ERR_USAGE, "idle_power: expected less than %g W, got %g W", full_w,
                       o->idle_power);
    }
    const struct miner_scale scale = {
        .idle_w = o->idle_power, .full_w = full_w, .meter = map[o->meter]};
    miner_set_scale(env->engine, &scale);
    e->caps = (struct heater_caps){.min_w = o->idle_power + LEAST_DUTY * (full_w - o->idle_power),
                                   .max_w = full_w,
                                   .standby_w = o->idle_power,
                                   .settle_ms = SETTLE_MS,
                                   .shares_meter = true,
                                   .sees_work = true};
    use_calibration(e);
    *caps = e->caps;
    return true;
}

static void engine_fini(void *self)
{
    struct engine *e = self;
    if (e->env.engine != NULL) {
        miner_set_duty(e->env.engine, 0);
    }
}

/* --- reading
 * ------------------------------------------------------------------------------------*/

/* The processor's counters know neither the power supply nor the rest of the computer: they are a
 * report of the device, not a meter. */
static struct reading read_power(const struct miner_stats *stats, hb_mono now)
{
    static const enum provenance map[] = {[MINER_POWER_MODELLED] = PROVENANCE_MODELLED,
                                          [MINER_POWER_REPORTED] = PROVENANCE_REPORTED,
                                          [MINER_POWER_METERED] = PROVENANCE_METERED};
    return reading_make(stats->power_w, mono_add_ms(now, -stats->power_age_ms),
                        map[stats->power_source]);
}

static void tell_pool_problem(const struct miner_stats *stats, struct heater_state *state)
{
    const char *doing = "";
    if (stats->duty_ratio > 0) {
        doing = stats->hashing ? ", heating goes on with work of its own"
                               : ", heating pauses until one does";
    }
    state->problem = true;
    (void)snprintf(state->problem_text, sizeof state->problem_text, "no mining pool answers%s%s%s",
                   doing, stats->message[0] != '\0' ? ": " : "", stats->message);
}

static void tell_guard_problem(const struct miner_stats *stats, struct heater_state *state)
{
    state->problem = true;
    switch (stats->guard) {
    case MINER_GUARD_OPEN:
        state->problem = false;
        break;
    case MINER_GUARD_WARM:
        state->problem = stats->duty_ratio < stats->wanted_ratio;
        (void)snprintf(state->problem_text, sizeof state->problem_text,
                       "the processor is at its temperature limit (%.0f °C), heating is reduced to "
                       "%.0f %%",
                       stats->cpu_c, 100 * stats->duty_ratio);
        break;
    case MINER_GUARD_CRITICAL:
        (void)snprintf(state->problem_text, sizeof state->problem_text,
                       "the processor is too hot (%.0f °C), heating pauses until it is cool",
                       stats->cpu_c);
        break;
    case MINER_GUARD_BLIND:
        (void)snprintf(state->problem_text, sizeof state->problem_text,
                       "the processor's temperature cannot be read any more, heating is limited");
        break;
    }
}

static void count_shares(const struct miner_stats *stats, struct heater_state *state)
{
    state->shares_accepted = stats->accepted;
    state->shares_stale = stats->rejected[REJECT_STALE];
    for (int i = 0; i < REJECT_COUNT; i++) {
        state->shares_rejected += i == REJECT_STALE ? 0 : stats->rejected[i];
    }
    state->best_difficulty = stats->best_difficulty;
}

static void tell_missing_credit(const struct share_evidence *shares, struct heater_state *state)
{
    state->problem = true;
    if (shares->check == SHARE_CHECK_BELOW) {
        (void)snprintf(state->problem_text, sizeof state->problem_text,
                       "the pool accepted shares for only %.0f to %.0f %% of the hashes of the "
                       "last hour",
                       100 * shares->low_hs / shares->counted_hs,
                       100 * shares->high_hs / shares->counted_hs);
    } else {
        (void)snprintf(
            state->problem_text, sizeof state->problem_text,
            "more shares were accepted in the last hour than the counted hashes explain");
    }
}

static void tell_block(const struct miner_block *block, struct heater_block *told)
{
    (void)text_copy(told->hash, sizeof told->hash, block->hash);
    told->difficulty = block->difficulty;
    told->height = block->height;
}

/* Satoshi are expected of the work as it is now; the rest is over longer times. */
static void tell_work(const struct miner_stats *stats, hb_mono now, struct heater_state *state)
{
    static const enum revenue_source sources[] = {[REWARD_UNKNOWN] = REVENUE_UNKNOWN,
                                                  [REWARD_SUBSIDY] = REVENUE_SUBSIDY,
                                                  [REWARD_JOB] = REVENUE_JOB};
    static const enum work_check checks[] = {[SHARE_CHECK_UNKNOWN] = WORK_CHECK_UNKNOWN,
                                             [SHARE_CHECK_AGREES] = WORK_CHECK_AGREES,
                                             [SHARE_CHECK_BELOW] = WORK_CHECK_BELOW,
                                             [SHARE_CHECK_ABOVE] = WORK_CHECK_ABOVE};
    const struct miner_figures *figures = &stats->figures;
    const struct economics *money = &figures->economics;
    const struct share_evidence *shares = &figures->shares;
    struct heater_work *work = &state->work;
    work->sat_per_hour =
        reading_make(economics_sat_per_hour(money, stats->hashrate_hs), now, PROVENANCE_MODELLED);
    work->revenue_from = sources[money->source];
    work->network_difficulty = reading_make(money->network_difficulty, now, PROVENANCE_REPORTED);
    work->average_hs = reading_make(figures->average_15m_hs, now, PROVENANCE_REPORTED);
    work->proven_hs = reading_make(shares->hashrate_hs, now, PROVENANCE_REPORTED);
    work->proven_low_hs = shares->low_hs;
    work->proven_high_hs = shares->high_hs;
    work->check = checks[shares->check];
    work->blocks_found = figures->blocks_found;
    tell_block(&figures->block, &work->block);
    if (!state->problem &&
        (shares->check == SHARE_CHECK_BELOW || shares->check == SHARE_CHECK_ABOVE)) {
        tell_missing_credit(shares, state);
    }
}

static void tell_pools(const struct engine *e, const struct miner_stats *stats,
                       struct heater_pools *pools)
{
    struct miner_pool_stats list[HEATER_POOLS];
    miner_pools_tell(list, miner_get_pools(e->env.engine, list, HEATER_POOLS), pools);
    pools->changes = stats->pool_changes;
    (void)text_copy(pools->reason, sizeof pools->reason, stats->pool_reason);
}

static void report(struct engine *e, hb_mono now)
{
    struct miner_stats stats = {0};
    miner_get_stats(e->env.engine, &stats);
    struct heater_state state = reply_unknown_state(now);
    state.power_w = read_power(&stats, now);
    state.hashrate_hs = reading_make(stats.hashrate_hs, now, PROVENANCE_REPORTED);
    state.chip_c = reading_make(stats.cpu_c, now, PROVENANCE_REPORTED);
    state.applied_w = e->applied_w;
    state.pool_link = miner_pools_link(stats.link);
    state.writes = e->writes;
    (void)text_copy(state.firmware, sizeof state.firmware, "heatbridge " HB_VERSION);
    count_shares(&stats, &state);
    (void)text_copy(state.pool, sizeof state.pool, stats.pool);
    tell_pools(e, &stats, &state.pools);
    tell_guard_problem(&stats, &state);
    if (!state.problem && stats.link == MINER_LINK_LOST) {
        tell_pool_problem(&stats, &state);
    }
    tell_work(&stats, now, &state);
    e->env.report(e->env.report_ctx, &state);
}

static void engine_poll(void *self, hb_mono now)
{
    report(self, now);
}

/* --- orders
 * -------------------------------------------------------------------------------------*/

static void engine_commit(void *self, const struct heater_command *command, hb_mono now)
{
    struct engine *e = self;
    if (command->power_w != e->applied_w) {
        miner_set_power(e->env.engine, command->power_w);
        e->applied_w = command->power_w;
        e->writes++;
        e->env.wrote(e->env.report_ctx, WRITE_VOLATILE);
    }
    report(e, now);
}

static void engine_metered(void *self, double power_w, hb_mono now)
{
    struct engine *e = self;
    (void)now; /* the engine's clock is not a simulated one */
    miner_note_power(e->env.engine, power_w);
}

const struct heater_driver engine_heater = {
    .name = "engine",
    .summary = "the processor of this computer, mining by the built-in engine",
    .instance_size = sizeof(struct engine),
    .options_size = sizeof(struct engine_options),
    .options = options,
    .single = true,
    .poll_ms = 1000,
    .init = engine_init,
    .fini = engine_fini,
    .poll = engine_poll,
    .commit = engine_commit,
    .metered = engine_metered,
};
