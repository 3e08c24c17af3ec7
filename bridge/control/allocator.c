#include "bridge/control/allocator.h"

#include <assert.h>
#include <math.h>

#include "bridge/limits.h"

/* A change smaller than the first part of a heater's power waits; one larger than the second is
 * made when the heater has been left alone for the time. */
static const double deadband = 0.03, restart_deadband = 0.10, negligible = 0.005;
static const int64_t quiet_ms = 60000, restart_quiet_ms = 15 * 60000;
/* Averaging time of pulses for a heater that likes long runs, and for one that does not mind. */
static const double pulse_longest_s = 600, pulse_shortest_s = 60;
/* Time over which a debt is made up by a neighbouring fixed level. */
static const double tier_recovery_s = 1800;

static double tier_nearest(const struct heater_caps *caps, double power_w, double limit_w)
{
    double best_w = 0;
    double best_off_w = INFINITY;
    for (size_t i = 0; i < caps->tier_count; i++) {
        const double tier_w = caps->tier_w[i];
        if (tier_w >= caps->min_w && tier_w <= fmin(caps->max_w, limit_w) &&
            fabs(tier_w - power_w) < best_off_w) {
            best_w = tier_w;
            best_off_w = fabs(tier_w - power_w);
        }
    }
    return best_w;
}

double allocator_level(const struct heater_caps *caps, double power_w, double limit_w)
{
    const double top_w = fmin(caps->max_w, limit_w);
    if (!(top_w >= caps->min_w) || !(caps->max_w > 0)) {
        return 0;
    }
    if (caps->tier_count > 0) {
        return tier_nearest(caps, power_w, limit_w);
    }
    const double wanted_w = fmin(fmax(power_w, caps->min_w), top_w);
    if (!(caps->step_w > 0) || wanted_w == caps->max_w) {
        return wanted_w;
    }
    double steps = round((wanted_w - caps->min_w) / caps->step_w);
    if (caps->min_w + steps * caps->step_w > top_w) {
        steps = floor((top_w - caps->min_w) / caps->step_w);
    }
    return caps->min_w + steps * caps->step_w;
}

static double smallest_w(const struct heater_caps *caps)
{
    return caps->tier_count > 0 ? fmax(caps->min_w, caps->tier_w[0]) : caps->min_w;
}

static double top_w(const struct allocator_heater *heater)
{
    const double limit_w = fmin(heater->limit_w, heater->caps->max_w);
    return limit_w >= smallest_w(heater->caps) ? limit_w : 0;
}

/* Indices of the heaters, those that are on first. */
static void order_heaters(const struct allocator_heater *heaters, size_t count, size_t *order)
{
    size_t used = 0;
    for (int on = 1; on >= 0; on--) {
        for (size_t i = 0; i < count; i++) {
            if ((heaters[i].now_w > 0) == (on == 1)) {
                order[used++] = i;
            }
        }
    }
}

/* Fills each heater in order. One whose part is less than it can hold borrows from the one before,
 * so that two heaters at part load replace one at full load and another that pulses. */
static void split(const struct allocator_heater *heaters, size_t count, const size_t *order,
                  double asked_w, double *share_w)
{
    double left_w = asked_w;
    for (size_t k = 0; k < count; k++) {
        const struct allocator_heater *heater = &heaters[order[k]];
        const double smallest = smallest_w(heater->caps);
        double part_w = fmin(left_w, top_w(heater));
        if (k > 0 && part_w > 0 && part_w < smallest) {
            const struct allocator_heater *giver = &heaters[order[k - 1]];
            const double lack_w = smallest - part_w;
            const double spare_w = share_w[order[k - 1]] - smallest_w(giver->caps);
            if (spare_w >= lack_w && (heater->now_w > 0 || part_w > smallest / 2)) {
                share_w[order[k - 1]] -= lack_w;
                left_w += lack_w;
                part_w = smallest;
            }
        }
        share_w[order[k]] = part_w;
        left_w -= part_w;
    }
}

static double pulse_s(const struct heater_caps *caps)
{
    const double dwell_s = ((double)caps->min_on_ms + caps->min_off_ms) / 4000;
    return fmin(fmax(dwell_s, pulse_shortest_s), pulse_longest_s);
}

static void add_debt(struct allocator *allocator, const struct allocator_heater *heaters,
                     size_t count, hb_mono now)
{
    double delivered_w = 0;
    double most_ws = 0;
    for (size_t i = 0; i < count; i++) {
        delivered_w += heaters[i].now_w;
        most_ws = fmax(most_ws, heaters[i].caps->max_w * tier_recovery_s);
    }
    const int64_t elapsed_ms = mono_is_set(allocator->at) ? mono_age_ms(now, allocator->at) : 0;
    if (elapsed_ms > 0 && elapsed_ms < restart_quiet_ms) {
        allocator->debt_ws += (allocator->asked_w - delivered_w) * (double)elapsed_ms / 1000;
    }
    allocator->debt_ws = fmin(fmax(allocator->debt_ws, -most_ws), most_ws);
}

/* On or off for a part below the smallest power. */
static bool pulse_on(const struct allocator *allocator, const struct allocator_heater *heater,
                     double share_w)
{
    const double smallest = smallest_w(heater->caps);
    if (share_w <= 0) {
        return false;
    }
    if (smallest < deadband * heater->caps->max_w) {
        return share_w >= smallest / 2;
    }
    const double turn_ws = smallest * pulse_s(heater->caps);
    return heater->now_w > 0 ? allocator->debt_ws > -turn_ws : allocator->debt_ws > turn_ws;
}

/* Level of a heater that is on, before the rules about small and frequent changes. */
static double level_for(const struct allocator *allocator, const struct allocator_heater *heater,
                        double share_w)
{
    const struct heater_caps *caps = heater->caps;
    if (caps->tier_count == 0) {
        return allocator_level(caps, share_w, heater->limit_w);
    }
    const double aim_w = share_w + allocator->debt_ws / tier_recovery_s;
    const double next_w = allocator_level(caps, aim_w, heater->limit_w);
    const double better_w = fabs(aim_w - heater->now_w) - fabs(aim_w - next_w);
    const bool clearly = better_w > deadband * caps->max_w;
    return heater->now_w > 0 && heater->now_w <= heater->limit_w && !clearly ? heater->now_w
                                                                             : next_w;
}

/* Keeps the present power while the change is too small or too soon. */
static double without_chatter(const struct allocator_heater *heater, double next_w, hb_mono now)
{
    const struct heater_caps *caps = heater->caps;
    const double change_w = fabs(next_w - heater->now_w);
    const int64_t since_ms =
        mono_is_set(heater->written) ? mono_age_ms(now, heater->written) : INT64_MAX;
    if (heater->now_w > heater->limit_w) {
        return next_w;
    }
    if (since_ms < caps->min_write_ms) {
        return heater->now_w;
    }
    if (heater->now_w <= 0 || next_w <= 0) {
        return next_w;
    }
    const double small_w = (caps->restarts_on_change ? restart_deadband : deadband) * caps->max_w;
    const int64_t patience_ms = caps->restarts_on_change ? restart_quiet_ms : quiet_ms;
    if (change_w >= small_w || (since_ms >= patience_ms && change_w >= negligible * caps->max_w)) {
        return next_w;
    }
    return heater->now_w;
}

static bool dwells(const struct allocator_heater *heater, int32_t dwell_ms, hb_mono now)
{
    return mono_is_set(heater->switched) && mono_age_ms(now, heater->switched) < dwell_ms;
}

static void decide(const struct allocator *allocator, struct allocator_heater *heater,
                   double share_w, hb_mono now)
{
    const struct heater_caps *caps = heater->caps;
    const bool is_on = heater->now_w > 0;
    heater->hold = HOLD_NONE;
    heater->next_w = 0;
    if (top_w(heater) <= 0) {
        return;
    }
    bool on = share_w >= smallest_w(caps) || pulse_on(allocator, heater, share_w);
    if (!is_on && on && dwells(heater, caps->min_off_ms, now)) {
        heater->hold = HOLD_MIN_OFF;
        return;
    }
    if (is_on && !on && dwells(heater, caps->min_on_ms, now)) {
        heater->hold = HOLD_MIN_ON;
        on = true;
    }
    const double next_w = on ? level_for(allocator, heater, share_w) : 0;
    heater->next_w = without_chatter(heater, next_w, now);
    if (heater->next_w > 0) {
        /* Of a heater whose abilities have changed the present power may be none of its levels. */
        heater->next_w = allocator_level(caps, heater->next_w, heater->limit_w);
    }
}

/* Rises wait when others have not come down yet; then everything is cut to the limit. */
static void fit(struct allocator_heater *heaters, size_t count, double limit_w)
{
    double total_w = 0;
    for (size_t i = 0; i < count; i++) {
        total_w += heaters[i].next_w;
    }
    for (size_t i = count; i-- > 0 && total_w > limit_w;) {
        struct allocator_heater *heater = &heaters[i];
        const double cut_w =
            allocator_level(heater->caps, heater->next_w - (total_w - limit_w),
                            fmin(heater->limit_w, heater->next_w - (total_w - limit_w)));
        total_w -= heater->next_w - cut_w;
        heater->next_w = cut_w;
    }
}

static bool averages(const struct allocator_heater *heaters, size_t count, const double *share_w)
{
    for (size_t i = 0; i < count; i++) {
        if (heaters[i].caps->tier_count > 0 ||
            (share_w[i] > 0 && share_w[i] < smallest_w(heaters[i].caps))) {
            return true;
        }
    }
    return false;
}

void allocator_share(struct allocator *allocator, double asked_w, double limit_w, bool wanted,
                     struct allocator_heater *heaters, size_t count, hb_mono now)
{
    assert(count <= ROOM_HEATERS);
    double share_w[ROOM_HEATERS] = {0};
    size_t order[ROOM_HEATERS] = {0};
    const double shared_w = wanted ? fmin(asked_w, limit_w) : 0;
    add_debt(allocator, heaters, count, now);
    order_heaters(heaters, count, order);
    split(heaters, count, order, shared_w, share_w);
    if (shared_w <= 0 || !averages(heaters, count, share_w)) {
        allocator->debt_ws = 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (wanted) {
            decide(allocator, &heaters[i], share_w[i], now);
        } else {
            heaters[i].next_w = 0;
            heaters[i].hold = HOLD_NONE;
        }
    }
    fit(heaters, count, limit_w);
    allocator->asked_w = shared_w;
    allocator->at = now;
}
