#include "devices/caps.h"

#include <math.h>

static bool tiers_sane(const struct heater_caps *caps)
{
    if (caps->tier_count > HEATER_TIERS) {
        return false;
    }
    for (size_t i = 1; i < caps->tier_count; i++) {
        if (!(caps->tier_w[i] > caps->tier_w[i - 1])) {
            return false;
        }
    }
    return caps->tier_count == 0 ||
           (caps->tier_w[0] == caps->min_w && caps->tier_w[caps->tier_count - 1] == caps->max_w);
}

bool caps_check(const struct heater_caps *caps, struct hb_err *err)
{
    if (!isfinite(caps->max_w) || !(caps->min_w > 0) || caps->min_w > caps->max_w) {
        return hb_fail(err, HB_ERR_STATE, "expected 0 < min_w <= max_w, got %g W and %g W",
                       caps->min_w, caps->max_w);
    }
    if (!isfinite(caps->step_w) || caps->step_w < 0 || !isfinite(caps->standby_w) ||
        caps->standby_w < 0) {
        return hb_fail(err, HB_ERR_STATE, "expected step_w and standby_w >= 0, got %g W and %g W",
                       caps->step_w, caps->standby_w);
    }
    if (caps->settle_ms < 0 || caps->min_on_ms < 0 || caps->min_off_ms < 0 ||
        caps->min_write_ms < 0 || caps->max_writes_per_day < 0) {
        return hb_fail(err, HB_ERR_STATE, "expected times and writes per day >= 0");
    }
    if (!tiers_sane(caps)) {
        return hb_fail(err, HB_ERR_STATE, "expected tiers ascending from min_w to max_w");
    }
    return true;
}

static void narrow_tiers(struct heater_caps *caps, double min_w, double max_w)
{
    uint8_t kept = 0;
    for (size_t i = 0; i < caps->tier_count; i++) {
        double tier_w = caps->tier_w[i];
        if (tier_w >= min_w - CAPS_EPSILON_W && tier_w <= max_w + CAPS_EPSILON_W) {
            caps->tier_w[kept++] = tier_w;
        }
    }
    caps->tier_count = kept;
}

static int32_t longer(int32_t driver_ms, int64_t config_ms)
{
    int64_t limited_ms = config_ms < INT32_MAX ? config_ms : INT32_MAX;
    return limited_ms > driver_ms ? (int32_t)limited_ms : driver_ms;
}

bool caps_narrow(struct heater_caps *caps, const struct config_heater *config, struct hb_err *err)
{
    double min_w = config->min_w > caps->min_w ? config->min_w : caps->min_w;
    double max_w = config->max_w > 0 && config->max_w < caps->max_w ? config->max_w : caps->max_w;
    if (max_w < caps->min_w) {
        return hb_fail(err, HB_ERR_USAGE,
                       "max_power: expected at least %g W, the least that the heater can hold, "
                       "got %g W",
                       caps->min_w, max_w);
    }
    if (min_w > max_w) {
        return hb_fail(err, HB_ERR_USAGE, "min_power: expected at most %g W, got %g W", max_w,
                       min_w);
    }
    if (caps->tier_count > 0) {
        narrow_tiers(caps, min_w, max_w);
        if (caps->tier_count == 0) {
            return hb_fail(err, HB_ERR_USAGE,
                           "expected one of the heater's levels between min_power and max_power, "
                           "got none from %g W to %g W",
                           min_w, max_w);
        }
        min_w = caps->tier_w[0];
        max_w = caps->tier_w[caps->tier_count - 1];
    }
    caps->min_w = min_w;
    caps->max_w = max_w;
    caps->min_on_ms = longer(caps->min_on_ms, config->min_on_ms);
    caps->min_off_ms = longer(caps->min_off_ms, config->min_off_ms);
    if (config->max_writes_per_day > 0 &&
        (caps->max_writes_per_day == 0 || config->max_writes_per_day < caps->max_writes_per_day)) {
        caps->max_writes_per_day = config->max_writes_per_day;
    }
    return true;
}

static bool is_tier(const struct heater_caps *caps, double power_w)
{
    for (size_t i = 0; i < caps->tier_count; i++) {
        if (fabs(caps->tier_w[i] - power_w) <= CAPS_EPSILON_W) {
            return true;
        }
    }
    return caps->tier_count == 0;
}

bool caps_allow(const struct heater_caps *caps, double power_w, struct hb_err *err)
{
    if (caps->observe_only) {
        return hb_fail(err, HB_ERR_STATE,
                       "expected no command, the heater is only observed, got %g W", power_w);
    }
    bool off = power_w == 0;
    bool within =
        power_w >= caps->min_w - CAPS_EPSILON_W && power_w <= caps->max_w + CAPS_EPSILON_W;
    if (!off && !within) {
        return hb_fail(err, HB_ERR_STATE, "expected 0 W or %g W to %g W, got %g W", caps->min_w,
                       caps->max_w, power_w);
    }
    if (!off && !is_tier(caps, power_w)) {
        return hb_fail(err, HB_ERR_STATE, "expected one of the heater's levels, got %g W", power_w);
    }
    return true;
}

bool caps_same(const struct heater_caps *a, const struct heater_caps *b)
{
    if (a->tier_count != b->tier_count) {
        return false;
    }
    for (size_t i = 0; i < a->tier_count; i++) {
        if (a->tier_w[i] != b->tier_w[i]) {
            return false;
        }
    }
    return a->min_w == b->min_w && a->max_w == b->max_w && a->step_w == b->step_w &&
           a->standby_w == b->standby_w && a->settle_ms == b->settle_ms &&
           a->min_on_ms == b->min_on_ms && a->min_off_ms == b->min_off_ms &&
           a->min_write_ms == b->min_write_ms && a->max_writes_per_day == b->max_writes_per_day &&
           a->restarts_on_change == b->restarts_on_change &&
           a->self_reverting == b->self_reverting && a->has_fan == b->has_fan &&
           a->sees_work == b->sees_work && a->shares_meter == b->shares_meter &&
           a->observe_only == b->observe_only;
}

double caps_step_down_w(const struct heater_caps *caps)
{
    if (caps->tier_count > 0) {
        return caps->tier_count > 1 ? caps->tier_w[caps->tier_count - 2] : caps->tier_w[0];
    }
    const double step_w = fmax(caps->step_w, (caps->max_w - caps->min_w) / 8);
    return fmax(caps->min_w, caps->max_w - step_w);
}

void caps_cut(struct heater_caps *caps, double max_w)
{
    max_w = fmax(caps->min_w, fmin(caps->max_w, max_w));
    if (caps->tier_count > 0) {
        narrow_tiers(caps, caps->min_w, max_w);
        max_w = caps->tier_w[caps->tier_count - 1];
    }
    caps->max_w = max_w;
}
