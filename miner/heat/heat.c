#include "miner/heat/heat.h"

#include <math.h>
#include <string.h>

enum {
    STRETCH_MS = 1000,
    /* An external meter averages and lags: it is believed about a duty that has been held for so
     * long, without the ramp at its beginning. */
    STEADY_MS = 10000,
    RAMP_MS = 4000,
    METER_STALE_MS = 120000,
    MOVED_MS = 15000, /* the load has been moved on purpose not longer ago */
};
#define STEADY_RATIO   0.02
#define MOVED_RATIO    0.05 /* of full power, or of full duty */
#define DEADBAND_RATIO 0.0005
#define FULL_RATIO     0.999
#define KERNELS_DIFFER 0.2 /* in what a busy core draws */
#define READINGS_KEPT  10  /* fewer are not worth keeping */

void heat_init(struct heat *heat, double max_c, double critical_c)
{
    memset(heat, 0, sizeof *heat);
    heat->metered_w = NAN;
    heat->last.package_j = heat->last.package_w = heat->last.cpu_c = NAN;
    heat->last.hashrate_hs = NAN;
    guard_init(&heat->guard, max_c, critical_c);
    heat_set_scale(heat, &(struct miner_scale){.idle_w = 0, .full_w = MINER_ASSUMED_FULL_W});
}

void heat_set_scale(struct heat *heat, const struct miner_scale *scale)
{
    heat->meter = scale->meter;
    heat->source = MINER_POWER_MODELLED;
    heat->package = heat->metered = (struct heat_stretch){0};
    calibration_init(&heat->calibration, scale->idle_w, scale->full_w);
}

static bool may_use(const struct heat *heat, enum miner_power_source source)
{
    return heat->meter == MINER_METER_AUTO ||
           (heat->meter == MINER_METER_RAPL && source == MINER_POWER_REPORTED);
}

bool heat_restore(struct heat *heat, const struct miner_calibration *kept)
{
    struct calibration_values values;
    memcpy(values.w, kept->w, sizeof values.w);
    memcpy(values.sd_w, kept->sd_w, sizeof values.sd_w);
    const bool measured =
        kept->source == MINER_POWER_REPORTED || kept->source == MINER_POWER_METERED;
    if (!measured || !may_use(heat, kept->source) || !(kept->reference_hs > 0) ||
        !calibration_restore(&heat->calibration, &values)) {
        return false;
    }
    heat->source = kept->source;
    heat->reference_hs = kept->reference_hs;
    return true;
}

void heat_carry_over(struct miner_calibration *kept, double full_hs)
{
    const double swing_w = kept->w[CALIBRATION_SWING];
    kept->reference_hs *= full_hs / kept->full_hs;
    for (int i = CALIBRATION_SWING; i < CALIBRATION_TERMS; i++) {
        kept->sd_w[i] = fmax(kept->sd_w[i], KERNELS_DIFFER * swing_w);
    }
    kept->full_hs = kept->known_at = 0;
}

bool heat_keep(const struct heat *heat, struct miner_calibration *kept)
{
    if (heat->source == MINER_POWER_MODELLED || !(heat->reference_hs > 0) ||
        heat->calibration.readings < READINGS_KEPT) {
        return false;
    }
    struct calibration_values values;
    calibration_get(&heat->calibration, &values);
    kept->source = heat->source;
    kept->reference_hs = heat->reference_hs;
    memcpy(kept->w, values.w, sizeof kept->w);
    memcpy(kept->sd_w, values.sd_w, sizeof kept->sd_w);
    return true;
}

/* --- learning -----------------------------------------------------------------------------------
 */

static void begin(struct heat_stretch *stretch, const struct heat_sample *sample)
{
    stretch->since = sample->now;
    stretch->hashes = sample->hashes;
    stretch->package_j = sample->package_j;
}

/* Average load since the stretch began; NaN if it cannot be told. */
static double load_over(struct heat *heat, const struct heat_stretch *stretch,
                        const struct heat_sample *sample, double seconds)
{
    const double hashes = sample->hashes - stretch->hashes;
    if (hashes <= 0) {
        return 0;
    }
    if (heat->reference_hs <= 0) {
        heat->reference_hs = sample->full_hs;
    }
    return heat->reference_hs > 0 ? hashes / seconds / heat->reference_hs : NAN;
}

/* The first reading of a better meter: what the lesser one taught is about something else. */
static bool use_source(struct heat *heat, enum miner_power_source source)
{
    if (!may_use(heat, source) || source < heat->source) {
        return false;
    }
    if (source > heat->source) {
        const double idle_w = calibration_power_w(&heat->calibration, 0);
        const double full_w = calibration_power_w(&heat->calibration, 1);
        calibration_init(&heat->calibration, idle_w, full_w);
        heat->source = source;
    }
    return true;
}

static void learn_from_package(struct heat *heat, const struct heat_sample *sample)
{
    struct heat_stretch *stretch = &heat->package;
    if (!isfinite(sample->package_j) || !use_source(heat, MINER_POWER_REPORTED)) {
        stretch->since = (hb_mono){0};
        return;
    }
    const int64_t elapsed_ms = mono_age_ms(sample->now, stretch->since);
    if (mono_is_set(stretch->since) && elapsed_ms < STRETCH_MS) {
        return;
    }
    if (mono_is_set(stretch->since)) {
        const double seconds = (double)elapsed_ms / 1000;
        const double power_w = (sample->package_j - stretch->package_j) / seconds;
        const bool moved = mono_age_ms(sample->now, heat->moved) < MOVED_MS;
        (void)calibration_note(&heat->calibration, load_over(heat, stretch, sample, seconds),
                               power_w, moved, sample->now);
    }
    begin(stretch, sample);
}

void heat_note_meter(struct heat *heat, double power_w, hb_mono now)
{
    if (!(power_w >= 0) || !use_source(heat, MINER_POWER_METERED)) {
        return;
    }
    heat->metered_w = power_w;
    heat->metered_at = now;
    struct heat_stretch *stretch = &heat->metered;
    const int64_t elapsed_ms = mono_age_ms(now, stretch->since);
    if (!mono_is_set(stretch->since) || elapsed_ms < STEADY_MS) {
        return;
    }
    const double seconds = (double)mono_age_ms(heat->last.now, stretch->since) / 1000;
    if (seconds > 0) {
        (void)calibration_note(&heat->calibration, load_over(heat, stretch, &heat->last, seconds),
                               power_w, heat->metered_anew, now);
        heat->metered_anew = false;
    }
    begin(stretch, &heat->last);
}

/* Begins the stretch for the external meter anew when the duty has moved. */
static void watch_steadiness(struct heat *heat, const struct heat_sample *sample)
{
    if (!mono_is_set(heat->steady_since) ||
        fabs(heat->duty_ratio - heat->steady_ratio) > STEADY_RATIO) {
        heat->steady_ratio = heat->duty_ratio;
        heat->steady_since = sample->now;
        heat->metered.since = (hb_mono){0};
        heat->metered_anew = true;
    }
    if (!mono_is_set(heat->metered.since) &&
        mono_age_ms(sample->now, heat->steady_since) >= RAMP_MS) {
        begin(&heat->metered, sample);
    }
}

/* --- deciding -----------------------------------------------------------------------------------
 */

static double duty_for_power(const struct heat *heat, double power_w)
{
    if (!(power_w > 0)) {
        return 0;
    }
    const double scale = heat->reference_hs > 0 && heat->last.full_hs > 0
                             ? heat->reference_hs / heat->last.full_hs
                             : 1;
    const double duty = calibration_load(&heat->calibration, power_w) * scale;
    return duty >= FULL_RATIO ? 1 : fmax(duty, HEAT_LEAST_DUTY);
}

static double wanted_duty(const struct heat *heat)
{
    return heat->by_power ? duty_for_power(heat, heat->wanted) : heat->wanted;
}

static void set_duty(struct heat *heat, double duty_ratio)
{
    const bool to_an_end = (duty_ratio <= 0 || duty_ratio >= 1) && duty_ratio != heat->duty_ratio;
    if (to_an_end || fabs(duty_ratio - heat->duty_ratio) >= DEADBAND_RATIO) {
        heat->duty_ratio = duty_ratio;
    }
}

void heat_want_duty(struct heat *heat, double duty_ratio)
{
    heat->by_power = false;
    heat->wanted = duty_ratio > 0 ? fmin(duty_ratio, 1) : 0; /* NaN becomes 0 */
}

void heat_want_power(struct heat *heat, double power_w)
{
    heat->by_power = true;
    heat->wanted = power_w > 0 ? power_w : 0;
}

/* Notes when the load is moved on purpose, by one wish or by several small ones. */
static void note_move(struct heat *heat)
{
    const double scale = heat->by_power ? calibration_power_w(&heat->calibration, 1) : 1;
    const double place = heat->wanted / scale;
    if (fabs(place - heat->place) > MOVED_RATIO) {
        heat->place = place;
        heat->moves = true;
    }
}

double heat_decide(struct heat *heat)
{
    note_move(heat);
    const double wanted = wanted_duty(heat);
    const double allowed = guard_allows(&heat->guard, wanted);
    heat->duty_ratio = allowed;
    return allowed;
}

double heat_step(struct heat *heat, const struct heat_sample *sample)
{
    heat->moved = heat->moves ? sample->now : heat->moved;
    heat->moves = false;
    learn_from_package(heat, sample);
    heat->last = *sample;
    watch_steadiness(heat, sample);
    const double wanted = wanted_duty(heat);
    set_duty(heat, guard_step(&heat->guard, sample->cpu_c, wanted, sample->now));
    return heat->duty_ratio;
}

/* --- telling ------------------------------------------------------------------------------------
 */

static double load_now(const struct heat *heat)
{
    const struct heat_sample *s = &heat->last;
    if (!s->hashing || heat->duty_ratio <= 0) {
        return 0;
    }
    const double reference_hs = heat->reference_hs > 0 ? heat->reference_hs : s->full_hs;
    return reference_hs > 0 && isfinite(s->hashrate_hs) ? s->hashrate_hs / reference_hs
                                                        : heat->duty_ratio;
}

static void tell_power(const struct heat *heat, struct miner_stats *stats)
{
    const double load = load_now(heat);
    stats->power_w = calibration_power_w(&heat->calibration, load);
    stats->power_error_w = calibration_error_w(&heat->calibration, load);
    stats->power_age_ms = 0;
    stats->power_source = MINER_POWER_MODELLED;
    const int64_t age_ms = mono_age_ms(heat->last.now, heat->metered_at);
    if (heat->source == MINER_POWER_METERED && isfinite(heat->metered_w) &&
        age_ms <= METER_STALE_MS) {
        stats->power_w = heat->metered_w;
        stats->power_age_ms = age_ms > 0 ? age_ms : 0;
        stats->power_source = MINER_POWER_METERED;
    } else if (heat->source == MINER_POWER_REPORTED && isfinite(heat->last.package_w)) {
        stats->power_w = heat->last.package_w;
        stats->power_source = MINER_POWER_REPORTED;
    }
}

void heat_get_stats(const struct heat *heat, struct miner_stats *stats)
{
    const double full_load = heat->reference_hs > 0 && heat->last.full_hs > 0
                                 ? heat->last.full_hs / heat->reference_hs
                                 : 1;
    tell_power(heat, stats);
    stats->idle_w = calibration_power_w(&heat->calibration, 0);
    stats->full_w = calibration_power_w(&heat->calibration, full_load);
    stats->calibrated_by = heat->source;
    stats->duty_ratio = heat->duty_ratio;
    stats->wanted_ratio = wanted_duty(heat);
    stats->package_w = heat->last.package_w;
    stats->cpu_c = heat->last.cpu_c;
    stats->guard = (enum miner_guard)heat->guard.state;
}
