#include "devices/simulated.h"

#include <math.h>
#include <stdio.h>

#include "devices/reply.h"
#include "devices/simulated_model.h"
#include "ground/text.h"

#define DEFAULT_POWER_W 1000.0
#define CHIP_LAG_S      60.0
#define HOT_C           120.0

struct simulated {
    struct heater_env env;
    struct heater_caps caps;
    struct simulated_model model;
    double applied_w; /* as it says */
    uint64_t writes;
    hb_mono started;
};

static const char *const failures[] = {"none", "hang", "ignore", "lie", "hot", NULL};

#define FIELD(name)                                                                                \
    offsetof(struct simulated_options, name), sizeof(((struct simulated_options *)NULL)->name)

static const struct config_item options[] = {
    {"rated_power", CONFIG_POWER, FIELD(rated_power), 1, 100000, "W", NULL, "",
     "largest power; without it max_power, else 1000 W"},
    {"lowest_power", CONFIG_POWER, FIELD(lowest_power), 1, 100000, "W", NULL, "",
     "smallest power while on; without it a tenth of the largest"},
    {"standby_power", CONFIG_POWER, FIELD(standby_power), 0, 1000, "W", NULL, "5 W",
     "power drawn while off"},
    {"tiers", CONFIG_POWERS, FIELD(tiers), 1, 100000, "W", NULL, "",
     "fixed levels, ascending; without them any power is possible"},
    {"settle", CONFIG_DURATION, FIELD(settle), 0, 600000, NULL, NULL, "10 s",
     "time until 95 % of a change of power are done"},
    {"inlet_temperature", CONFIG_NUMBER, FIELD(inlet_temperature), -40, 60, "°C", NULL, "20",
     "temperature of the air that it takes in"},
    {"chip_rise", CONFIG_NUMBER, FIELD(chip_rise), 0, 120, "K", NULL, "45",
     "how far its chip is above the air at full power"},
    {"efficiency", CONFIG_NUMBER, FIELD(efficiency), 0, 1e12, NULL, NULL, "20",
     "energy that it needs to compute, in J/TH; 0 for a heater that does not mine"},
    {"metered", CONFIG_BOOL, FIELD(metered), 0, 0, NULL, NULL, "false",
     "whether a power meter stands in front of it"},
    {"fails", CONFIG_ENUM, FIELD(fails), 0, 0, NULL, failures, "none",
     "a failure to try: hang (no answers), ignore (no obedience), lie (says that it obeys), hot"},
    {"fails_after", CONFIG_DURATION, FIELD(fails_after), 0, 864e5, NULL, NULL, "0 s",
     "when the failure begins"},
    {0},
};

static const struct simulated_options *options_of(const struct simulated *s)
{
    return s->env.options;
}

/* Whether the heater fails in that way by now. */
static bool fails(struct simulated *s, enum simulated_failure failure, hb_mono now)
{
    if (!mono_is_set(s->started)) {
        s->started = now;
    }
    return options_of(s)->fails == (int)failure &&
           mono_age_ms(now, s->started) >= options_of(s)->fails_after;
}

/* --- abilities
 * ----------------------------------------------------------------------------------*/

static double rated_w(const struct heater_env *env)
{
    const struct simulated_options *o = env->options;
    if (o->rated_power > 0) {
        return o->rated_power;
    }
    return env->configured_max_w > 0 ? env->configured_max_w : DEFAULT_POWER_W;
}

static void fill_caps(const struct heater_env *env, struct heater_caps *caps)
{
    const struct simulated_options *o = env->options;
    *caps = (struct heater_caps){
        .max_w = rated_w(env), .standby_w = o->standby_power, .settle_ms = (int32_t)o->settle};
    caps->min_w = o->lowest_power > 0 ? o->lowest_power : 0.1 * caps->max_w;
    if (o->tiers.count > 0) {
        for (size_t i = 0; i < o->tiers.count && i < HEATER_TIERS; i++) {
            caps->tier_w[caps->tier_count++] = o->tiers.w[i];
        }
        caps->min_w = caps->tier_w[0];
        caps->max_w = caps->tier_w[caps->tier_count - 1];
    }
}

static bool simulated_init(void *self, const struct heater_env *env, struct heater_caps *caps,
                           struct hb_err *err)
{
    struct simulated *s = self;
    const struct simulated_options *o = env->options;
    s->env = *env;
    fill_caps(env, &s->caps);
    if (s->caps.min_w > s->caps.max_w) {
        return hb_fail(err, HB_ERR_USAGE, "lowest_power: expected at most %g W, got %g W",
                       s->caps.max_w, s->caps.min_w);
    }
    s->model = (struct simulated_model){.standby_w = o->standby_power,
                                        .max_w = s->caps.max_w,
                                        .lag_s = (double)o->settle / 1000 /
                                                 3, /* three time constants are 95 % */
                                        .chip_lag_s = CHIP_LAG_S,
                                        .inlet_c = o->inlet_temperature,
                                        .chip_rise_k = o->chip_rise,
                                        .hash_per_j = o->efficiency > 0 ? 1e12 / o->efficiency : 0};
    simulated_model_rest(&s->model);
    *caps = s->caps;
    return true;
}

static void simulated_fini(void *self)
{
    (void)self; /* nothing was opened */
}

/* --- traffic
 * ------------------------------------------------------------------------------------*/

static void report(struct simulated *s, hb_mono now)
{
    const struct simulated_options *o = options_of(s);
    enum provenance power_from = o->metered ? PROVENANCE_METERED : PROVENANCE_REPORTED;
    bool hot = fails(s, SIMULATED_HOT, now);
    struct heater_state state = reply_unknown_state(now);
    state.power_w = reading_make(s->model.power_w, now, power_from);
    state.chip_c = reading_make(hot ? HOT_C : s->model.chip_c, now, PROVENANCE_REPORTED);
    state.inlet_c = reading_make(s->model.inlet_c, now, PROVENANCE_REPORTED);
    state.applied_w = s->applied_w;
    state.writes = s->writes;
    if (s->model.hash_per_j > 0) {
        state.hashrate_hs =
            reading_make(simulated_model_hashrate_hs(&s->model), now, PROVENANCE_REPORTED);
    }
    s->env.report(s->env.report_ctx, &state);
}

static void simulated_poll(void *self, hb_mono now)
{
    struct simulated *s = self;
    simulated_model_step(&s->model, now);
    if (!fails(s, SIMULATED_HANG, now)) {
        report(s, now);
    }
}

static void simulated_commit(void *self, const struct heater_command *command, hb_mono now)
{
    struct simulated *s = self;
    simulated_model_step(&s->model, now);
    if (fails(s, SIMULATED_HANG, now) || command->power_w == s->applied_w) {
        return;
    }
    s->writes++;
    s->env.wrote(s->env.report_ctx, WRITE_FLASH); /* so that a limit can be tried */
    if (fails(s, SIMULATED_IGNORE, now)) {
        return;
    }
    s->applied_w = command->power_w;
    if (!fails(s, SIMULATED_LIE, now)) {
        s->model.set_w = command->power_w;
    }
    report(s, now);
}

const struct heater_driver simulated_heater = {
    .name = "simulated",
    .summary = "a heater without hardware, to try things out",
    .instance_size = sizeof(struct simulated),
    .options_size = sizeof(struct simulated_options),
    .options = options,
    .poll_ms = 1000,
    .init = simulated_init,
    .fini = simulated_fini,
    .poll = simulated_poll,
    .commit = simulated_commit,
};
