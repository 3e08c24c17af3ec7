#include "devices/engine_heater.h"

#include <math.h>
#include <stdio.h>

#include "devices/caps.h"
#include "ground/text.h"
#include "miner/engine.h"

#define DEFAULT_POWER_W 65.0 /* a desktop processor at full load */
#define LEAST_DUTY      0.01
#define SETTLE_MS       1500

struct engine {
    struct heater_env env;
    struct heater_caps caps;
    double idle_w, full_w; /* at duty 0 and 1 */
    enum engine_meter meter;
    double applied_w; /* NaN before the first commit */
    uint64_t writes;
};

static const char *const meters[] = {"model", "rapl", NULL};

#define FIELD(name)                                                                                \
    offsetof(struct engine_options, name), sizeof(((struct engine_options *)NULL)->name)

static const struct config_item options[] = {
    {"cpu_power", CONFIG_POWER, FIELD(cpu_power), 1, 100000, "W", NULL, "",
     "power of the computer at full hashing, as a meter shows it; without it max_power, else 65 W"},
    {"idle_power", CONFIG_POWER, FIELD(idle_power), 0, 10000, "W", NULL, "0 W",
     "power of the computer while it does not hash"},
    {"meter", CONFIG_ENUM, FIELD(meter), 0, 0, NULL, meters, "model",
     "where the power comes from: computed from the hash rate (model), or the processor's own "
     "counter where it is readable (rapl)"},
    {0},
};

static bool engine_init(void *self, const struct heater_env *env, struct heater_caps *caps,
                        struct hb_err *err)
{
    struct engine *e = self;
    const struct engine_options *o = env->options;
    double default_w = env->configured_max_w > 0 ? env->configured_max_w : DEFAULT_POWER_W;
    e->env = *env;
    e->applied_w = NAN;
    e->full_w = o->cpu_power > 0 ? o->cpu_power : default_w;
    e->idle_w = o->idle_power;
    e->meter = (enum engine_meter)o->meter;
    if (env->engine == NULL) {
        return hb_fail(err, HB_ERR_USAGE,
                       "driver: expected a section 'mining' for the driver 'engine', got none");
    }
    if (e->idle_w >= e->full_w) {
        return hb_fail(err, HB_ERR_USAGE, "idle_power: expected less than %g W, got %g W",
                       e->full_w, e->idle_w);
    }
    e->caps = (struct heater_caps){.min_w = e->idle_w + LEAST_DUTY * (e->full_w - e->idle_w),
                                   .max_w = e->full_w,
                                   .standby_w = e->idle_w,
                                   .settle_ms = SETTLE_MS};
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

/* Heat is linear in hashes at a given clock, whatever else made the duty fall short. */
static double modelled_w(const struct engine *e, const struct miner_stats *stats)
{
    double ratio = stats->full_hashrate_hs > 0
                       ? fmin(stats->hashrate_hs / stats->full_hashrate_hs, 1)
                       : stats->duty_ratio;
    return stats->hashing ? e->idle_w + ratio * (e->full_w - e->idle_w) : e->idle_w;
}

/* The processor's counter knows neither the power supply nor the rest of the computer, and includes
 * other programs: it is a report of the device, not a meter. */
static struct reading read_power(const struct engine *e, const struct miner_stats *stats,
                                 hb_mono now)
{
    if (e->meter == ENGINE_METER_RAPL && isfinite(stats->package_w) && stats->package_w >= 0) {
        return reading_make(stats->package_w, now, PROVENANCE_REPORTED);
    }
    return reading_make(modelled_w(e, stats), now, PROVENANCE_MODELLED);
}

static enum pool_link pool_link_of(enum miner_link link)
{
    static const enum pool_link map[] = {[MINER_LINK_NONE] = POOL_NONE,
                                         [MINER_LINK_CONNECTING] = POOL_CONNECTING,
                                         [MINER_LINK_OK] = POOL_OK,
                                         [MINER_LINK_LOST] = POOL_LOST};
    return map[link];
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

static void count_shares(const struct miner_stats *stats, struct heater_state *state)
{
    state->shares_accepted = stats->accepted;
    state->shares_stale = stats->rejected[REJECT_STALE];
    for (int i = 0; i < REJECT_COUNT; i++) {
        state->shares_rejected += i == REJECT_STALE ? 0 : stats->rejected[i];
    }
    state->best_difficulty = stats->best_difficulty;
}

static void report(struct engine *e, hb_mono now)
{
    struct miner_stats stats = {0};
    miner_get_stats(e->env.engine, &stats);
    struct heater_state state = {.link = HEATER_LINK_OK,
                                 .at = now,
                                 .power_w = read_power(e, &stats, now),
                                 .hashrate_hs =
                                     reading_make(stats.hashrate_hs, now, PROVENANCE_REPORTED),
                                 .chip_c = reading_make(stats.cpu_c, now, PROVENANCE_REPORTED),
                                 .board_c = reading_none(),
                                 .inlet_c = reading_none(),
                                 .fan_ratio = reading_none(),
                                 .applied_w = e->applied_w,
                                 .pool_link = pool_link_of(stats.link),
                                 .writes = e->writes};
    count_shares(&stats, &state);
    (void)text_copy(state.pool, sizeof state.pool, stats.pool);
    if (stats.link == MINER_LINK_LOST) {
        tell_pool_problem(&stats, &state);
    }
    e->env.report(e->env.report_ctx, &state);
}

static void engine_poll(void *self, hb_mono now)
{
    report(self, now);
}

/* --- orders
 * -------------------------------------------------------------------------------------*/

static bool engine_test(const void *self, const struct heater_command *command, struct hb_err *err)
{
    const struct engine *e = self;
    return caps_allow(&e->caps, command->power_w, err);
}

static double duty_for(const struct engine *e, double power_w)
{
    double duty = (power_w - e->idle_w) / (e->full_w - e->idle_w);
    return power_w > 0 ? fmin(fmax(duty, 0), 1) : 0;
}

static void engine_commit(void *self, const struct heater_command *command, hb_mono now)
{
    struct engine *e = self;
    if (command->power_w != e->applied_w) {
        miner_set_duty(e->env.engine, duty_for(e, command->power_w));
        e->applied_w = command->power_w;
        e->writes++;
    }
    report(e, now);
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
    .test = engine_test,
    .commit = engine_commit,
};
