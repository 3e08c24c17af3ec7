#include "devices/axeos_device.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ground/text.h"

#define DAY_MS             86400000
#define STEADY_MS          60000 /* after a write, before watts are believed to be the point's */
#define WARM_UP_S          120
#define STALLED_MS         300000
#define STOPPED_COOL_C     50.0 /* chip, while nothing heats it */
#define RUNNING_COOL_C     65.0 /* chip; the firmware stops at 75 °C */
#define REGULATOR_COOL_C   60.0
#define COOLING_MS         120000
#define UNKNOWN_COOLING_MS 300000
#define STOPPED_MHZ        60
#define FIRMWARE_STEP      100 /* MHz and mV, that firmware takes off after overheating */

/* --- what was read
 * -------------------------------------------------------------------------------*/

static void take_shares(struct axeos_shares *shares, const struct axeos_info *info)
{
    if (!info->counted) {
        return;
    }
    if (shares->known) {
        const bool restarted = info->accepted < shares->accepted;
        shares->accepted_total += info->accepted - (restarted ? 0 : shares->accepted);
        shares->rejected_total +=
            info->rejected - (info->rejected < shares->rejected ? 0 : shares->rejected);
    }
    shares->known = true;
    shares->accepted = info->accepted;
    shares->rejected = info->rejected;
}

static bool near(double value, double expected)
{
    return fabs(value - expected) < 1.5;
}

/* Firmware that has recovered by itself leaves nothing but its settings as a trace. */
static bool was_rewritten(const struct axeos_device *d, const struct axeos_info *info)
{
    const struct axeos_info *before = &d->info;
    const bool lowered = near(before->frequency_mhz - info->frequency_mhz, FIRMWARE_STEP) &&
                         near(before->voltage_mv - info->voltage_mv, FIRMWARE_STEP);
    const bool fan = before->auto_fan == 1 && info->auto_fan == 0;
    return lowered && (fan || (!d->order.active && near(info->manual_fan_ratio * 100, 100)));
}

/* A Nerd that we want to run and did not shut down. */
static bool shut_itself_down(const struct axeos_device *d, const struct axeos_info *info)
{
    return d->info.shut_down == 0 && info->shut_down == 1 && d->order.given && d->order.goal.on;
}

static bool is_over(const struct axeos_device *d, const struct axeos_info *info)
{
    if (info->kind == AXEOS_NERD) {
        return info->shut_down == 0;
    }
    const bool reset = d->heat.had_auto_fan
                           ? info->auto_fan == 1
                           : info->frequency_mhz >= d->heat.before_mhz - FIRMWARE_STEP / 2.0;
    return info->overheated != 1 && reset;
}

static void take_heat(struct axeos_device *d, const struct axeos_info *info, hb_mono now)
{
    struct axeos_heat *heat = &d->heat;
    const bool begins = info->overheated == 1 ||
                        (d->known && (was_rewritten(d, info) || shut_itself_down(d, info)));
    if (!heat->hot && begins) {
        const bool seen = d->known && d->info.overheated != 1;
        *heat = (struct axeos_heat){.hot = true,
                                    .since = now,
                                    .before_mhz = seen ? d->info.frequency_mhz : NAN,
                                    .had_auto_fan = seen ? d->info.auto_fan == 1 : true,
                                    .recovered_at = heat->recovered_at};
    } else if (heat->hot && is_over(d, info)) {
        heat->hot = false;
        heat->recovering = false;
    }
}

static bool is_running(const struct axeos_info *info)
{
    return info->paused != 1 && info->shut_down != 1 && info->overheated != 1;
}

static void take_hashrate(struct axeos_device *d, const struct axeos_info *info, hb_mono now)
{
    const bool low = is_running(info) && info->uptime_s > WARM_UP_S &&
                     info->hashrate_hs < 0.1 * info->expected_hs;
    if (!low || mono_age_ms(now, d->wrote_at) < STEADY_MS) {
        d->low_since = (hb_mono){0};
    } else if (!mono_is_set(d->low_since)) {
        d->low_since = now;
    }
}

static void take_watts(struct axeos_device *d, const struct axeos_info *info, hb_mono now)
{
    const int index = axeos_point_of(&d->points, info->frequency_mhz);
    const bool steady = is_running(info) && !d->heat.hot && info->uptime_s > WARM_UP_S &&
                        !d->order.active && mono_age_ms(now, d->wrote_at) >= STEADY_MS &&
                        info->hashrate_hs >= 0.7 * info->expected_hs;
    if (steady && index >= 0) {
        axeos_points_learn(&d->points, (size_t)index, info->power_w);
    }
}

void axeos_take_info(struct axeos_device *device, const struct axeos_info *info, hb_mono now)
{
    take_heat(device, info, now);
    take_shares(&device->shares, info);
    take_hashrate(device, info, now);
    take_watts(device, info, now);
    device->info = *info;
    device->known = true;
}

/* Newer firmware ends its own protection after half a minute or more, and writes its settings at
 * that moment: nobody else should before. */
bool axeos_is_cool(const struct axeos_device *d, hb_mono now)
{
    const struct axeos_info *info = &d->info;
    const bool stopped = info->overheated == 1 || info->shut_down == 1;
    const int64_t age_ms = mono_age_ms(now, d->heat.since);
    if (!stopped) {
        return info->chip_c < RUNNING_COOL_C || (isnan(info->chip_c) && age_ms >= COOLING_MS);
    }
    if (info->regulator_c >= REGULATOR_COOL_C || info->chip_c >= STOPPED_COOL_C) {
        return false;
    }
    /* A chip without power does not tell its temperature on many boards. */
    return age_ms >= (isnan(info->chip_c) ? UNKNOWN_COOLING_MS : COOLING_MS);
}

bool axeos_may_recover(const struct axeos_device *d, hb_mono now)
{
    const struct axeos_heat *heat = &d->heat;
    const bool fresh =
        !mono_is_set(heat->recovered_at) || mono_age_ms(now, heat->recovered_at) >= DAY_MS;
    /* Firmware that goes on by itself is no longer cold when its host would try. */
    const bool goes_on = d->info.kind != AXEOS_NERD && d->info.overheated == 0;
    return heat->hot && fresh && (heat->recovering || goes_on) && axeos_is_cool(d, now);
}

size_t axeos_most_point(const struct axeos_device *d, hb_mono now)
{
    const size_t last = d->points.count - 1;
    const struct axeos_heat *heat = &d->heat;
    if (!mono_is_set(heat->recovered_at) || mono_age_ms(now, heat->recovered_at) >= DAY_MS ||
        isnan(heat->before_mhz)) {
        return last;
    }
    size_t most = last;
    while (most > 0 && d->points.at[most].mhz > heat->before_mhz - 1) {
        most--;
    }
    return most;
}

/* --- what is told
 * -------------------------------------------------------------------------------*/

bool axeos_at_order(const struct axeos_device *d)
{
    const struct axeos_order *order = &d->order;
    const struct axeos_info *info = &d->info;
    if (!order->given || !order->planned || d->heat.hot ||
        !near(info->frequency_mhz, order->goal.mhz)) {
        return false;
    }
    return order->plan.duty < 1 || is_running(info);
}

static double off_w(const struct axeos_device *d)
{
    return d->info.kind == AXEOS_PLAIN ? d->points.at[0].watts : d->points.base_w;
}

void axeos_make_caps(const struct axeos_device *device, hb_mono now, struct heater_caps *caps)
{
    if (device->points.count == 0) {
        return;
    }
    axeos_points_tiers(&device->points, axeos_most_point(device, now), caps);
    caps->standby_w = fmin(round(off_w(device) * 10) / 10, caps->min_w);
    /* A shutdown ends only with a restart of the whole device. */
    caps->min_off_ms = device->info.kind == AXEOS_NERD ? 300000 : 60000;
}

/* What it is set to. A point is called what it was ordered as, whatever is learnt of its watts. */
static double applied_w(const struct axeos_device *d)
{
    const struct axeos_info *info = &d->info;
    const struct axeos_order *order = &d->order;
    const bool off_at_floor = info->kind == AXEOS_PLAIN && order->given && !order->goal.on;
    if (order->goal.on && axeos_at_order(d) && order->exact && !order->active) {
        return order->power_w;
    }
    if (!is_running(info) || (off_at_floor && order->planned && axeos_at_order(d))) {
        return 0;
    }
    if (isnan(info->frequency_mhz) || d->points.count == 0) {
        return NAN;
    }
    const int index = axeos_point_of(&d->points, info->frequency_mhz);
    if (index >= 0) {
        return d->points.at[index].watts;
    }
    return isnan(info->voltage_mv)
               ? NAN
               : axeos_model_w(&d->points, info->frequency_mhz, info->voltage_mv);
}

static void tell_problem(const struct axeos_device *d, bool can_sign, struct heater_state *state)
{
    const struct axeos_info *info = &d->info;
    char *text = state->problem_text;
    const size_t size = sizeof state->problem_text;
    if (info->fault[0] != '\0') {
        (void)snprintf(text, size, "it reports a fault of its hardware: %.180s", info->fault);
    } else if (d->heat.hot && info->kind == AXEOS_NERD) {
        (void)text_copy(text, size,
                        "it shut itself down, by heat or by hand; look at its fan and "
                        "its heat sink, and restart it");
    } else if (d->heat.hot) {
        (void)text_copy(text, size,
                        "it overheated and lowered its own settings; clean it, and see "
                        "that air gets to it");
    } else if (info->otp == 1 && !can_sign) {
        (void)text_copy(text, size,
                        "its settings are protected by one-time passwords; set "
                        "totp_secret to the secret that its display showed");
    } else if (state->health == HEATER_STALLED) {
        (void)text_copy(text, size, "it is on and does not hash; restart it");
    } else if (info->kind == AXEOS_PLAIN && d->order.given && !d->order.goal.on) {
        (void)snprintf(text, size,
                       "its firmware cannot pause, so that off is its lowest setting "
                       "(about %.0f W); update AxeOS to 2.14, or put a plug before it",
                       d->points.count > 0 ? d->points.at[0].watts : 0);
    } else if (d->order.given && d->order.planned && d->order.plan.starved) {
        (void)text_copy(text, size,
                        "its settings were written often enough today to spare its "
                        "flash memory; it stays as it is");
    }
    state->problem = text[0] != '\0';
}

/* Without any pool the firmware stops its chips, which then stand at their lowest frequency. */
static enum pool_link pool_link_of(const struct axeos_device *d)
{
    const struct axeos_info *info = &d->info;
    if (info->pool_connected >= 0) {
        return info->pool_connected ? POOL_OK : POOL_LOST;
    }
    if (mono_is_set(d->low_since)) {
        return info->actual_mhz <= STOPPED_MHZ ? POOL_LOST : POOL_CONNECTING;
    }
    return is_running(info) && info->hashrate_hs > 0 ? POOL_OK : POOL_CONNECTING;
}

static void tell_model(const struct axeos_device *d, struct heater_state *state)
{
    const struct axeos_info *info = &d->info;
    if (info->kind == AXEOS_NERD) {
        (void)text_copy(state->model, sizeof state->model, info->model);
        return;
    }
    const char *family = info->model[0] != '\0' ? info->model : d->model;
    (void)snprintf(state->model, sizeof state->model, "Bitaxe%s%.20s%s%.12s%s%.12s%s",
                   family[0] != '\0' ? " " : "", family, info->board[0] != '\0' ? " " : "",
                   info->board, info->asic[0] != '\0' ? " (" : "", info->asic,
                   info->asic[0] != '\0' ? ")" : "");
}

void axeos_make_state(const struct axeos_device *d, const struct reply_faults *faults,
                      bool can_sign, hb_mono now, struct heater_state *state)
{
    const struct axeos_info *info = &d->info;
    *state = reply_unknown_state(now);
    state->link = HEATER_LINK_OK;
    state->power_w = reading_make(info->power_w, now, PROVENANCE_REPORTED);
    if (!mono_is_set(state->power_w.at) && d->points.count > 0) {
        const double modelled_w =
            is_running(info) ? axeos_model_w(&d->points, info->frequency_mhz, info->voltage_mv)
                             : d->points.base_w;
        state->power_w = reading_make(modelled_w, now, PROVENANCE_MODELLED);
    }
    state->hashrate_hs = reading_make(info->hashrate_hs, now, PROVENANCE_REPORTED);
    state->chip_c = reading_make(info->chip_c, now, PROVENANCE_REPORTED);
    state->fan_ratio = reading_make(info->fan_ratio, now, PROVENANCE_REPORTED);
    state->uptime_s = reading_make(info->uptime_s, now, PROVENANCE_REPORTED);
    state->applied_w = applied_w(d);
    state->shares_accepted = d->shares.accepted_total;
    state->shares_rejected = d->shares.rejected_total;
    state->best_difficulty = isnan(info->best_difficulty) ? 0 : info->best_difficulty;
    state->writes = d->writes;
    tell_model(d, state);
    (void)text_copy(state->firmware, sizeof state->firmware, info->firmware);
    (void)text_copy(state->identity, sizeof state->identity, info->mac);
    (void)text_copy(state->pool, sizeof state->pool, info->pool);
    (void)text_copy(state->pool_user, sizeof state->pool_user, info->pool_user);
    state->pool_link = pool_link_of(d);
    memcpy(state->faults, faults->count, sizeof state->faults);
    if (d->heat.hot) {
        state->health = HEATER_OVERHEATED;
    } else if (state->pool_link == POOL_LOST) {
        state->health = HEATER_POOL_LOST;
    } else if (mono_is_set(d->low_since) && mono_age_ms(now, d->low_since) >= STALLED_MS) {
        state->health = HEATER_STALLED;
    }
    tell_problem(d, can_sign, state);
}
