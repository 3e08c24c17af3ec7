/* A heater of the core: what it was told, what it does, and what it has done in its life. */
#include <math.h>
#include <string.h>

#include "bridge/core_state.h"

static const int64_t state_stale_ms = 60000, lease_default_ms = 120000;
/* A gap between two readings that is longer adds no energy: nobody knows what was. */
static const int64_t integrate_longest_ms = 120000;
/* How long a device may draw something else than it was told (design: stuck on, not following). */
static const int64_t stuck_on_ms = 5 * 60000, not_following_ms = 10 * 60000;
static const double power_highest_w = 1e6, hashrate_highest_hs = 1e18;

static struct heater_caps narrow(const struct heater_caps *caps, const struct config_heater *config)
{
    struct heater_caps mine = *caps;
    if (config->max_w > 0) {
        mine.max_w = fmin(mine.max_w, config->max_w);
    }
    mine.min_w = fmax(mine.min_w, config->min_w);
    mine.min_on_ms =
        config->min_on_ms > mine.min_on_ms ? (int32_t)config->min_on_ms : mine.min_on_ms;
    mine.min_off_ms =
        config->min_off_ms > mine.min_off_ms ? (int32_t)config->min_off_ms : mine.min_off_ms;
    mine.tier_count = 0;
    for (size_t i = 0; i < caps->tier_count && i < HEATER_TIERS; i++) {
        if (caps->tier_w[i] >= mine.min_w && caps->tier_w[i] <= mine.max_w) {
            mine.tier_w[mine.tier_count++] = caps->tier_w[i];
        }
    }
    const bool has_tier = caps->tier_count == 0 || mine.tier_count > 0;
    if (!has_tier || !(mine.min_w > 0 && mine.max_w >= mine.min_w) ||
        !(mine.max_w <= power_highest_w)) {
        mine.min_w = mine.max_w = 0; /* nothing it could be commanded */
    }
    if (mine.tier_count > 0) {
        mine.min_w = mine.tier_w[0];
        mine.max_w = mine.tier_w[mine.tier_count - 1];
    }
    return mine;
}

static int64_t lease_ms(const struct core_heater *heater)
{
    return heater->config->lease_ms > 0 ? heater->config->lease_ms : lease_default_ms;
}

static struct heater_state unknown_state(void)
{
    return (struct heater_state){
        .power_w = reading_none(),
        .hashrate_hs = reading_none(),
        .chip_c = reading_none(),
        .board_c = reading_none(),
        .inlet_c = reading_none(),
        .fan_ratio = reading_none(),
        .uptime_s = reading_none(),
        .work = {.sat_per_hour = reading_none(),
                 .network_difficulty = reading_none(),
                 .average_hs = reading_none(),
                 .proven_hs = reading_none()},
        .applied_w = NAN,
    };
}

void heater_init(struct core_heater *heater, const struct config_heater *config, uint16_t index,
                 const struct heater_caps *caps)
{
    heater->config = config;
    heater->index = index;
    heater->caps = narrow(caps, config);
    heater->stale_after_ms = lease_ms(heater) > state_stale_ms ? lease_ms(heater) : state_stale_ms;
    heater->state = unknown_state();
    interlocks_init(&heater->interlocks, config->interlocks, config->interlock_count);
    heater->last_power_w = heater->last_hashrate_hs = reading_none();
    heater->reason = REASON_STARTING;
    heater->uptime_s = NAN;
}

double heater_reading(const struct core *core, const struct core_heater *heater,
                      const struct reading *reading)
{
    return reading_or_nan(reading, core->now, heater->stale_after_ms);
}

static uint64_t added(uint64_t *seen, uint64_t counter)
{
    /* A counter that went back belongs to a driver that started anew, from zero. */
    const uint64_t more = counter >= *seen ? counter - *seen : counter;
    *seen = counter;
    return more;
}

/* Area under a measured value since the last reading, in value-seconds. */
static double integrate(struct reading *last, const struct reading *next, double highest)
{
    if (!mono_is_set(next->at) || !(next->value >= 0 && next->value <= highest)) {
        return 0;
    }
    const int64_t elapsed_ms = mono_age_ms(next->at, last->at);
    if (mono_is_set(last->at) && elapsed_ms <= 0) {
        return 0; /* the same reading once more */
    }
    const bool gap = !mono_is_set(last->at) || elapsed_ms > integrate_longest_ms;
    const double area = gap ? 0 : (last->value + next->value) / 2 * (double)elapsed_ms / 1000;
    *last = *next;
    return area;
}

/* The best share and blocks are rare and dear: they are kept at once, not with the next minute. */
static void count_luck(struct core_heater *heater, const struct heater_state *state,
                       struct effects *effects)
{
    struct heater_totals *totals = &heater->totals;
    const uint64_t blocks = added(&heater->seen.blocks, state->work.blocks_found);
    const bool better =
        isfinite(state->best_difficulty) && state->best_difficulty > totals->best_difficulty;
    totals->blocks_found += blocks;
    totals->best_difficulty = better ? state->best_difficulty : totals->best_difficulty;
    if (blocks > 0 || better) {
        (void)effects_add(effects, EFFECT_SAVE_HEATER, heater->index);
    }
    if (blocks > 0) {
        (void)effects_add(effects, EFFECT_BLOCK_FOUND, heater->index);
    }
}

static void count(struct core_heater *heater, const struct heater_state *state,
                  struct effects *effects)
{
    struct heater_totals *totals = &heater->totals;
    totals->energy_wh += integrate(&heater->last_power_w, &state->power_w, power_highest_w) / 3600;
    totals->hashes +=
        integrate(&heater->last_hashrate_hs, &state->hashrate_hs, hashrate_highest_hs);
    totals->shares_accepted += added(&heater->seen.accepted, state->shares_accepted);
    totals->shares_rejected += added(&heater->seen.rejected, state->shares_rejected);
    count_luck(heater, state, effects);
}

/* True if the device's own power can be held against its command. */
static bool is_comparable(const struct core_heater *heater)
{
    const struct reading *power_w = &heater->state.power_w;
    return heater->state.link == HEATER_LINK_OK && !heater->caps.shares_meter &&
           !heater->caps.observe_only && power_w->from >= PROVENANCE_REPORTED &&
           mono_age_ms(power_w->at, heater->written) > heater->caps.settle_ms;
}

static bool differs(const struct core_heater *heater)
{
    const double power_w = heater->state.power_w.value;
    if (heater->commanded_w <= 0) {
        return power_w > heater->caps.standby_w + 30;
    }
    return fabs(power_w - heater->commanded_w) > 0.2 * heater->commanded_w + 30;
}

static void compare(struct core *core, struct core_heater *heater, struct effects *effects)
{
    if (heater->state.care.waits_for != HEATER_WAIT_NOTHING) {
        heater->mismatch_since = (hb_mono){0}; /* it was not told yet */
        return;
    }
    if (!is_comparable(heater)) {
        return;
    }
    if (!differs(heater)) {
        heater->mismatch_since = (hb_mono){0};
        heater->disobeys = heater->disobeys && heater->outcome == COMMAND_FAILED;
        return;
    }
    if (!mono_is_set(heater->mismatch_since)) {
        heater->mismatch_since = core->now;
    }
    const int64_t patience_ms = heater->commanded_w > 0 ? not_following_ms : stuck_on_ms;
    if (mono_age_ms(core->now, heater->mismatch_since) >= patience_ms && !heater->disobeys) {
        heater->disobeys = true;
        effects_add_text(effects, EFFECT_LOG, heater->index, NOTE_WARN,
                         "heater %s: told %.0f W, draws %.0f W", heater->config->id,
                         heater->commanded_w, heater->state.power_w.value);
    }
}

/* Nothing was measured in the future: a wrong time must not keep a value fresh. */
static void not_after(hb_mono *at, hb_mono now)
{
    if (at->ms > now.ms) {
        *at = now;
    }
}

static struct heater_state in_the_past(const struct heater_state *state, hb_mono now)
{
    struct heater_state mine = *state;
    hb_mono *const times[] = {&mine.at,
                              &mine.power_w.at,
                              &mine.hashrate_hs.at,
                              &mine.chip_c.at,
                              &mine.board_c.at,
                              &mine.inlet_c.at,
                              &mine.fan_ratio.at,
                              &mine.uptime_s.at,
                              &mine.work.sat_per_hour.at,
                              &mine.work.network_difficulty.at,
                              &mine.work.average_hs.at,
                              &mine.work.proven_hs.at};
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        not_after(times[i], now);
    }
    return mine;
}

/* Whoever does not answer, or was restarted since, may do something else than it was seen to do. */
static void doubt_after_restart(struct core_heater *heater)
{
    const struct heater_state *state = &heater->state;
    const bool told = mono_is_set(state->uptime_s.at);
    if (state->link != HEATER_LINK_OK || (told && state->uptime_s.value < heater->uptime_s - 1)) {
        heater->sure = false;
        heater->restarted = true;
    }
    heater->uptime_s = told ? state->uptime_s.value : heater->uptime_s;
}

void heater_take_state(struct core *core, struct core_heater *heater,
                       const struct heater_state *state, struct effects *effects)
{
    heater->state = in_the_past(state, core->now);
    doubt_after_restart(heater);
    count(heater, &heater->state, effects);
    compare(core, heater, effects);
}

void heater_take_outcome(struct core_heater *heater, const struct event *event)
{
    const uint64_t seq = event->u.outcome.seq;
    const enum command_outcome result = event->u.outcome.result;
    if (seq < heater->order_seq || seq > heater->seq) {
        return; /* of an order that no longer stands */
    }
    heater->outcome = result;
    heater->sure = result == COMMAND_CONFIRMED;
    heater->restarted = heater->restarted && !heater->sure;
    memcpy(heater->outcome_why, event->u.outcome.why, sizeof heater->outcome_why);
    if (result == COMMAND_FAILED || result == COMMAND_CONFIRMED) {
        heater->disobeys = result == COMMAND_FAILED;
    }
}

void heater_take_abilities(struct core_heater *heater, const struct heater_caps *caps)
{
    heater->caps = narrow(caps, heater->config);
}

void heater_take_acknowledge(struct core *core, struct core_heater *heater, struct effects *effects)
{
    struct hb_err err = {0};
    if (!interlocks_acknowledge(&heater->interlocks, core->started, core->now, &err)) {
        effects_add_text(effects, EFFECT_REFUSE_HEATER, heater->index, NOTE_WARN, "%s", err.msg);
        return;
    }
    (void)effects_add(effects, EFFECT_SAVE_LATCH, heater->index);
    effects_add_text(effects, EFFECT_LOG, heater->index, NOTE_INFO,
                     "heater %s: its interlock is acknowledged", heater->config->id);
}

static void check_interlocks(struct core *core, struct core_heater *heater, struct effects *effects)
{
    if (interlocks_check(&heater->interlocks, core->started, core->now)) {
        (void)effects_add(effects, EFFECT_SAVE_LATCH, heater->index);
        effects_add_text(effects, EFFECT_LOG, heater->index, NOTE_WARN,
                         "heater %s: stopped by its interlock %s; it stays off until acknowledged",
                         heater->config->id, heater->interlocks.why);
    }
}

void heater_check(struct core *core, struct core_heater *heater, struct effects *effects)
{
    const bool was_hot = heater->safety.hot;
    check_interlocks(core, heater, effects);
    const struct safety_heater_input in = {
        .now = core->now,
        .started = core->started,
        .state = &heater->state,
        .stale_after_ms = heater->stale_after_ms,
        .too_hot_c = heater->config->too_hot_c,
        .interlocked = heater->interlocks.tripped,
    };
    enum reason why = heater->reason;
    heater->allowed = safety_heater_allows(&heater->safety, &in, &why);
    if (!heater->allowed) {
        heater->reason = why;
    }
    if (heater->safety.hot && !was_hot) {
        effects_add_text(effects, EFFECT_LOG, heater->index, NOTE_WARN, "heater %s: %s",
                         heater->config->id, reason_sentence(REASON_HEATER_TOO_HOT));
    }
}

static void issue(struct core *core, struct core_heater *heater, struct effects *effects)
{
    heater->seq++;
    heater->issued = core->now;
    effects_add(effects, EFFECT_HEATER_COMMAND, heater->index)->command = (struct heater_command){
        .seq = heater->seq,
        .issued = core->now,
        .expires = mono_add_ms(core->now, lease_ms(heater)),
        .power_w = heater->commanded_w,
        .why = heater->reason,
    };
}

void heater_command(struct core *core, struct core_heater *heater, double power_w, enum reason why,
                    struct effects *effects)
{
    if (heater->caps.observe_only) {
        heater->reason = heater->allowed ? REASON_OBSERVED : why;
        return;
    }
    const bool first = !mono_is_set(heater->issued);
    const bool changed = power_w != heater->commanded_w;
    heater->reason = heater->disobeys ? REASON_NOT_OBEYING : why;
    if (!first && !changed && heater->outcome != COMMAND_EXPIRED &&
        mono_age_ms(core->now, heater->issued) < lease_ms(heater) / 3) {
        return;
    }
    if (changed) {
        if ((power_w > 0) != (heater->commanded_w > 0)) {
            heater->switched = core->now;
            heater->mismatch_since = (hb_mono){0};
        }
        heater->written = core->now;
        heater->commanded_w = power_w;
        heater->sure = false;
    }
    if (first || changed || heater->outcome == COMMAND_EXPIRED) {
        heater->order_seq = heater->seq + 1;
        heater->outcome = COMMAND_PENDING;
        heater->outcome_why[0] = '\0';
    }
    issue(core, heater, effects);
}

void heater_stop(struct core *core, struct core_heater *heater, struct effects *effects)
{
    heater->reason = REASON_STOPPING;
    if (heater->config->on_exit == ON_EXIT_OFF && !heater->caps.observe_only) {
        heater->commanded_w = 0;
        heater->order_seq = heater->seq + 1;
        issue(core, heater, effects);
    }
}
