/* What the core shows: views of rooms and heaters, and when a changed view is published. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bridge/core_state.h"

static const int64_t publish_apart_ms = 1000, heartbeat_ms = 60000;

static enum room_action action_of(const struct core *core, const struct core_room *room)
{
    bool commanded = false;
    bool given = false; /* heat by a heater that is only observed */
    for (size_t i = 0; i < room->config->heater_count; i++) {
        const struct core_heater *heater = &core->heaters[room->config->heaters[i]];
        const double power_w = heater_reading(core, heater, &heater->state.power_w);
        if (heater->commanded_w <= 0) {
            given |= heater->caps.observe_only && power_w >= heater->caps.max_w / 10;
            continue;
        }
        commanded = true;
        if (power_w >= heater->commanded_w / 10 ||
            (isnan(power_w) && heater->outcome == COMMAND_CONFIRMED)) {
            return ACTION_HEATING;
        }
    }
    if (given && room->settings.mode != ROOM_OFF) {
        return ACTION_HEATING;
    }
    if (commanded && room->reason != REASON_NO_POOL && room->reason != REASON_NOT_OBEYING) {
        return ACTION_PREHEATING; /* told, and expected to follow */
    }
    return room->settings.mode == ROOM_OFF ? ACTION_OFF : ACTION_IDLE;
}

/* Sums over the heaters of a room. Power is unknown while that of any heater is; hash rate counts
 * those that hash. */
static void sum_heaters(const struct core *core, const struct core_room *room,
                        struct room_view *view)
{
    view->power_w = room->config->heater_count > 0 ? 0 : NAN;
    view->power_from = room->config->heater_count > 0 ? PROVENANCE_METERED : PROVENANCE_UNKNOWN;
    view->hashrate_hs = NAN;
    view->energy_wh = 0;
    for (size_t i = 0; i < room->config->heater_count; i++) {
        const struct core_heater *heater = &core->heaters[room->config->heaters[i]];
        const double power_w = heater_reading(core, heater, &heater->state.power_w);
        const double hashrate_hs = heater_reading(core, heater, &heater->state.hashrate_hs);
        const enum provenance from =
            isnan(power_w) ? PROVENANCE_UNKNOWN : heater->state.power_w.from;
        view->power_w += power_w;
        view->power_from = from < view->power_from ? from : view->power_from;
        view->energy_wh += heater->totals.energy_wh;
        if (!isnan(hashrate_hs)) {
            view->hashrate_hs =
                isnan(view->hashrate_hs) ? hashrate_hs : view->hashrate_hs + hashrate_hs;
        }
    }
}

/* What limits the room in the end: "no limit" is what its heaters can give. */
static double power_limit_w(const struct core *core, const struct core_room *room)
{
    double sum_w = 0;
    for (size_t i = 0; i < room->config->heater_count; i++) {
        sum_w += core->heaters[room->config->heaters[i]].caps.max_w;
    }
    return fmin(room_limit_w(room), sum_w);
}

static void view_room(const struct core *core, const struct core_room *room, struct room_view *view)
{
    const int64_t stale_ms = room->config->temperature.stale_after_ms;
    const struct comfort comfort = comfort_now(room->config, &room->settings, &core->clock);
    *view = (struct room_view){
        .mode = room->settings.mode,
        .action = action_of(core, room),
        .reason = room->reason,
        .target_c = comfort.target_c,
        .target_low_c = comfort.low_c,
        .target_high_c = comfort.high_c,
        .preset = comfort.preset,
        .room_c = reading_or_nan(&room->temperature.good, core->now, stale_ms),
        .humidity =
            reading_or_nan(&room->humidity, core->now, room->config->humidity.stale_after_ms),
        .outdoor_c =
            reading_or_nan(&core->outdoor_c, core->now, core->config->outdoor.stale_after_ms),
        .window_known = room_window_known(core, room),
        .window_open = room->window_open,
        .requested_w = room->granted_w,
        .power_limit_w = power_limit_w(core, room),
        .demand = room_demand(core, room),
    };
    view->available = !isnan(view->room_c);
    sum_heaters(core, room, view);
}

void core_room_view(const struct core *core, uint16_t room, struct room_view *view)
{
    view_room(core, &core->rooms[room], view);
}

void core_circuit_view(const struct core *core, uint16_t index, struct circuit_view *view)
{
    const struct circuit *share = &core->circuits[index].share;
    *view = (struct circuit_view){
        .limit_w = share->limit_w,
        .allowed_w = share->limit_w - share->reserve_w,
        .possible_w = share->possible_w,
        .metered_w = share->metered_w,
        .over_limit = share->over,
    };
}

static void drop_if_old(const struct core *core, const struct core_heater *heater,
                        struct reading *reading)
{
    if (isnan(heater_reading(core, heater, reading))) {
        *reading = reading_none();
    }
}

static bool heater_available(const struct core *core, const struct core_heater *heater)
{
    return heater->state.link == HEATER_LINK_OK &&
           mono_age_ms(core->now, heater->state.at) <= heater->stale_after_ms;
}

void core_heater_view(const struct core *core, uint16_t index, struct heater_view *view)
{
    const struct core_heater *heater = &core->heaters[index];
    *view = (struct heater_view){
        .state = heater->state,
        .commanded_w = heater->caps.observe_only ? NAN : heater->commanded_w,
        .outcome = heater->outcome,
        .reason = heater->reason,
        .energy_wh = heater->totals.energy_wh,
        .hashes = heater->totals.hashes,
        .best_difficulty = heater->totals.best_difficulty,
        .shares_accepted = heater->totals.shares_accepted,
        .shares_rejected = heater->totals.shares_rejected,
        .blocks_found = heater->totals.blocks_found,
        .min_on_ms = heater->caps.min_on_ms,
        .min_off_ms = heater->caps.min_off_ms,
        .min_write_ms = heater->caps.min_write_ms,
        .interlocked = heater->interlocks.tripped,
        .available = heater_available(core, heater),
    };
    memcpy(view->interlock_text, heater->interlocks.why, sizeof view->interlock_text);
    const char *why = heater->outcome == COMMAND_PENDING
                          ? heater_wait_sentence(heater->state.care.waits_for)
                          : heater->outcome_why;
    (void)snprintf(view->outcome_text, sizeof view->outcome_text, "%s", why);
    struct heater_work *work = &view->state.work;
    struct reading *const readings[] = {
        &view->state.power_w,  &view->state.hashrate_hs, &view->state.chip_c,
        &view->state.board_c,  &view->state.inlet_c,     &view->state.fan_ratio,
        &view->state.uptime_s, &work->sat_per_hour,      &work->average_hs,
        &work->proven_hs,      &work->network_difficulty};
    for (size_t i = 0; i < sizeof(readings) / sizeof(readings[0]); i++) {
        drop_if_old(core, heater, readings[i]);
    }
}

/* A number in units of `step`; INT64_MIN for unknown. */
static int64_t rounded(double value, double step)
{
    const double units = value / step;
    return units > -9e18 && units < 9e18 ? (int64_t)floor(units + 0.5) : INT64_MIN;
}

/* Step in which a hash rate is shown: three digits. */
static double hashrate_step_hs(double hashrate_hs)
{
    double step = 1;
    while (step * 1000 <= hashrate_hs && step < 1e18) {
        step *= 10;
    }
    return step;
}

/* Three digits of a hash rate in a reading. */
static int64_t rounded_rate(const struct core *core, const struct core_heater *heater,
                            const struct reading *reading)
{
    const double rate_hs = heater_reading(core, heater, reading);
    return rounded(rate_hs, hashrate_step_hs(rate_hs));
}

static struct shown show_room(const struct core *core, const struct core_room *room)
{
    struct room_view view;
    view_room(core, room, &view);
    return (struct shown){
        .decision = {(int64_t)view.mode, (int64_t)view.action, (int64_t)view.reason,
                     rounded(view.target_c, 0.01), rounded(view.target_low_c, 0.01),
                     rounded(view.target_high_c, 0.01), view.preset,
                     view.window_known * 2 + view.window_open, view.available,
                     rounded(view.power_limit_w, 1), rounded(view.demand, 0.1)},
        .measure = {rounded(view.room_c, 0.01), rounded(view.humidity, 0.1),
                    rounded(view.outdoor_c, 0.1), rounded(view.power_w, 1),
                    rounded(view.requested_w, 1), (int64_t)view.power_from,
                    rounded(view.hashrate_hs, hashrate_step_hs(view.hashrate_hs)),
                    rounded(view.energy_wh, 1)},
    };
}

/* A number that changes with the text (FNV-1a). */
static int64_t text_mark(const char *text)
{
    uint64_t mark = 14695981039346656037U;
    for (; *text != '\0'; text++) {
        mark = (mark ^ (unsigned char)*text) * 1099511628211U;
    }
    return (int64_t)(mark >> 1);
}

/* Fields of the device's answers that could not be used. */
static uint64_t faults(const struct heater_state *state)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < REPLY_FAULT_COUNT; i++) {
        sum += state->faults[i];
    }
    return sum;
}

static struct shown show_heater(const struct core *core, const struct core_heater *heater)
{
    const struct heater_state *state = &heater->state;
    const struct heater_work *work = &state->work;
    return (struct shown){
        .decision = {(int64_t)state->link, heater_available(core, heater), (int64_t)heater->outcome,
                     (int64_t)heater->reason, rounded(heater->commanded_w, 1), state->problem,
                     (int64_t)state->pool_link, (int64_t)state->pools.changes,
                     (int64_t)state->health, (int64_t)state->care.waits_for,
                     heater->interlocks.tripped},
        .measure = {rounded(heater_reading(core, heater, &state->power_w), 1),
                    rounded_rate(core, heater, &state->hashrate_hs),
                    rounded(heater_reading(core, heater, &state->chip_c), 0.1),
                    rounded(heater_reading(core, heater, &state->board_c), 0.1),
                    rounded(heater_reading(core, heater, &state->inlet_c), 0.1),
                    rounded(heater_reading(core, heater, &state->fan_ratio), 0.01),
                    (int64_t)heater->totals.shares_accepted,
                    (int64_t)heater->totals.shares_rejected,
                    rounded(heater->totals.best_difficulty, 1),
                    rounded(heater->totals.energy_wh, 1),
                    (int64_t)state->care.writes_today,
                    (int64_t)state->shares_stale,
                    rounded_rate(core, heater, &work->average_hs),
                    rounded_rate(core, heater, &work->proven_hs),
                    rounded_rate(core, heater, &work->network_difficulty),
                    (int64_t)work->revenue_from,
                    (int64_t)work->check,
                    (int64_t)heater->totals.blocks_found,
                    state->problem ? text_mark(state->problem_text) : 0,
                    text_mark(heater->outcome_why),
                    (int64_t)faults(state),
                    rounded(state->care.calibration, 0.01),
                    (int64_t)state->relay.cycles},
    };
}

/* Whether something shown is due: decisions at once, measurements at most once a second, and
 * everything once a minute. */
static bool is_due(struct publisher *publisher, const struct shown *shown, hb_mono now, bool ask)
{
    const int64_t age_ms = mono_age_ms(now, publisher->at);
    const bool decided =
        memcmp(shown->decision, publisher->last.decision, sizeof(shown->decision)) != 0;
    const bool measured =
        memcmp(shown->measure, publisher->last.measure, sizeof(shown->measure)) != 0;
    if (mono_is_set(publisher->at) && !ask && !decided &&
        !(measured && age_ms >= publish_apart_ms) && age_ms < heartbeat_ms) {
        return false;
    }
    publisher->last = *shown;
    publisher->at = now;
    return true;
}

void room_publish(struct core *core, struct core_room *room, struct effects *effects)
{
    const struct shown shown = show_room(core, room);
    if (is_due(&room->publisher, &shown, core->now, room->answer)) {
        (void)effects_add(effects, EFFECT_PUBLISH_ROOM, room->index);
    }
    room->answer = false;
}

void heater_publish(struct core *core, struct core_heater *heater, struct effects *effects)
{
    const struct shown shown = show_heater(core, heater);
    if (is_due(&heater->publisher, &shown, core->now, false)) {
        (void)effects_add(effects, EFFECT_PUBLISH_HEATER, heater->index);
    }
}

void circuit_publish(struct core *core, struct core_circuit *circuit, struct effects *effects)
{
    struct circuit_view view;
    core_circuit_view(core, circuit->index, &view);
    const struct shown shown = {
        .decision = {view.over_limit, isnan(view.metered_w)},
        .measure = {rounded(view.possible_w, 1), rounded(view.metered_w, 1),
                    rounded(view.allowed_w, 1)},
    };
    if (is_due(&circuit->publisher, &shown, core->now, false)) {
        (void)effects_add(effects, EFFECT_PUBLISH_CIRCUIT, circuit->index);
    }
}
