/* What is told of an Avalon: its abilities, and its state. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "devices/avalon_inside.h"
#include "ground/text.h"

/* Before it was reached, and if the configuration does not say how much it may draw. */
#define GUESS_W 800.0

/* --- abilities -------------------------------------------------------------------------------- */

static int32_t min_write_ms(const struct avalon *a)
{
    return (int32_t)((const struct avalon_options *)a->env.options)->min_write;
}

static void guess_caps(const struct avalon *a, struct heater_caps *caps)
{
    const double guess_w = fmax(GUESS_W, a->env.configured_min_w);
    const double power_w = a->env.configured_max_w > 0 ? a->env.configured_max_w : guess_w;
    *caps = (struct heater_caps){.min_w = power_w,
                                 .max_w = power_w,
                                 .standby_w = 15,
                                 .settle_ms = 120000,
                                 .min_write_ms = min_write_ms(a),
                                 .has_fan = true};
}

void avalon_fill_caps(const struct avalon *a, struct heater_caps *caps)
{
    const struct avalon_model *m = a->model;
    if (m == NULL) {
        guess_caps(a, caps);
        return;
    }
    *caps = (struct heater_caps){.standby_w = m->standby_w,
                                 .tier_count = (uint8_t)m->level_count,
                                 .settle_ms = m->settle_ms,
                                 .min_on_ms = m->min_on_ms,
                                 .min_off_ms = m->min_off_ms,
                                 .min_write_ms = min_write_ms(a),
                                 .restarts_on_change = m->off == AVALON_SWITCH_REBOOT,
                                 .has_fan = true};
    for (size_t i = 0; i < m->level_count; i++) {
        caps->tier_w[i] = a->level_w[i];
    }
    caps->min_w = caps->tier_w[0];
    caps->max_w = caps->tier_w[m->level_count - 1];
}

void avalon_take_model(struct avalon *a, const struct avalon_model *model)
{
    a->model = model;
    for (size_t i = 0; i < model->level_count; i++) {
        a->level_w[i] = model->level[i].power_w;
    }
}

/* The watts that the device itself gives for the level that it is in, and for those that it tells
 * of. */
static double told_w(const struct avalon *a, int i)
{
    const struct avalon_level *level = &a->model->level[i];
    const int now = avalon_level_find(a->model, a->stats.mode, a->stats.level);
    if (i == now && isfinite(a->stats.limit_w)) {
        return a->stats.limit_w;
    }
    if (a->model->knob == AVALON_KNOB_MODE_AND_LEVEL) {
        return NAN; /* a mode has several levels there */
    }
    const int row = a->model->knob == AVALON_KNOB_LEVEL ? level->level : level->mode;
    return row >= 0 && row < AVALON_LEVELS ? a->stats.mode_limit_w[row] : NAN;
}

/* Whether they can be levels: ascending, and near what the model is known for. */
static bool sane(const struct avalon *a, const double *level_w)
{
    for (size_t i = 0; i < a->model->level_count; i++) {
        const double known_w = a->model->level[i].power_w;
        if (level_w[i] < 0.5 * known_w || level_w[i] > 1.5 * known_w ||
            (i > 0 && level_w[i] <= level_w[i - 1])) {
            return false;
        }
    }
    return true;
}

void avalon_learn_levels(struct avalon *a)
{
    bool corrected = false;
    double level_w[AVALON_LEVELS];
    memcpy(level_w, a->level_w, sizeof level_w);
    for (size_t i = 0; i < a->model->level_count; i++) {
        const double w = told_w(a, (int)i);
        level_w[i] = isfinite(w) ? w : level_w[i];
        corrected = corrected || level_w[i] != a->level_w[i];
    }
    corrected = corrected && sane(a, level_w);
    if (corrected) {
        memcpy(a->level_w, level_w, sizeof level_w);
    }
    if (corrected || a->model_is_news) {
        a->model_is_news = false;
        struct heater_caps caps;
        avalon_fill_caps(a, &caps);
        a->env.abilities(a->env.report_ctx, &caps);
    }
}

/* --- state ------------------------------------------------------------------------------------ */

void avalon_forget_counts(struct avalon *a)
{
    a->accepted.last = a->rejected.last = a->stale.last = NAN;
}

/* Shares from before we looked are not counted, nor is what could not be read. */
static void count(struct avalon_counted *c, double value)
{
    if (isnan(value)) {
        return;
    }
    if (!isnan(c->last)) {
        c->sum += (uint64_t)(value >= c->last ? value - c->last : value);
    }
    c->last = value;
}

/* A level whose watts were corrected since it was ordered is still what was ordered. */
static double applied_w(const struct avalon *a)
{
    if (avalon_is_off(&a->stats)) {
        return 0;
    }
    const int level = avalon_level_find(a->model, a->stats.mode, a->stats.level);
    if (level < 0) {
        return NAN;
    }
    const bool ordered = a->ordered && a->order.power_w > 0 && level == a->order_level;
    return ordered ? a->order.power_w : a->level_w[level];
}

static bool decides_itself(const struct avalon *a)
{
    return a->model->own_thermostat_mode != AVALON_NONE &&
           a->stats.mode == a->model->own_thermostat_mode && !avalon_is_off(&a->stats);
}

static void find_problem(const struct avalon *a, struct heater_state *state)
{
    bool hot = false;
    const char *supply = avalon_supply_fault(&a->stats, &hot);
    char *text = state->problem_text;
    const size_t size = sizeof state->problem_text;
    if (hot) {
        state->health = HEATER_OVERHEATED;
    } else if (a->pools.link == POOL_LOST && !avalon_is_off(&a->stats)) {
        state->health = HEATER_POOL_LOST;
    }
    if (a->stats.work == AVALON_IN_FAULT) {
        (void)snprintf(text, size,
                       "it stopped with a fault (ECHU %.0f, ECMM %.0f): look at its display or app",
                       a->stats.faults_board, a->stats.faults_control);
    } else if (supply != NULL) {
        (void)snprintf(text, size, "%s", supply);
    } else if (a->waits[0] != '\0') {
        (void)text_copy(text, size, a->waits);
    } else if (decides_itself(a)) {
        (void)snprintf(
            text, size,
            "it is in Heating mode, in which its own thermostat decides: heatbridge puts "
            "it into Mining mode with its next order; leave it there");
    }
    state->problem = text[0] != '\0';
}

static void fill_readings(const struct avalon *a, hb_mono now, struct heater_state *state)
{
    const struct avalon_stats *s = &a->stats;
    const bool off = avalon_is_off(s);
    const struct avalon_power power = avalon_power(a->model, s);
    const bool told = !off && !power.computed;
    state->power_w = reading_make(off ? a->model->standby_w : power.w, now,
                                  told ? PROVENANCE_REPORTED : PROVENANCE_MODELLED);
    state->hashrate_hs = reading_make(s->hashrate_ghs * 1e9, now, PROVENANCE_REPORTED);
    /* Without current its chips cannot be read, and it says 0. */
    state->chip_c =
        off || s->chip_c <= 0 ? reading_none() : reading_make(s->chip_c, now, PROVENANCE_REPORTED);
    state->board_c = reading_make(s->board_c, now, PROVENANCE_REPORTED);
    state->inlet_c = reading_make(s->inlet_c, now, PROVENANCE_REPORTED);
    state->fan_ratio = reading_make(s->fan_percent / 100, now, PROVENANCE_REPORTED);
    state->uptime_s = reading_make(s->uptime_s, now, PROVENANCE_REPORTED);
}

void avalon_report(struct avalon *a, hb_mono now)
{
    struct heater_state state = reply_unknown_state(now);
    state.link = HEATER_LINK_OK;
    fill_readings(a, now, &state);
    state.applied_w = applied_w(a);
    count(&a->accepted, a->pools.accepted);
    count(&a->rejected, a->pools.rejected);
    count(&a->stale, a->pools.stale);
    state.shares_accepted = a->accepted.sum;
    state.shares_rejected = a->rejected.sum;
    state.shares_stale = a->stale.sum;
    state.best_difficulty = a->pools.best_share;
    (void)text_copy(state.model, sizeof state.model, a->model->name);
    (void)text_copy(state.firmware, sizeof state.firmware, a->version.firmware);
    (void)text_copy(state.identity, sizeof state.identity, a->version.identity);
    (void)text_copy(state.pool, sizeof state.pool, a->pools.pool);
    (void)text_copy(state.pool_user, sizeof state.pool_user, a->pools.user);
    state.pool_link = a->pools.link;
    memcpy(state.faults, a->faults.count, sizeof state.faults);
    find_problem(a, &state);
    a->env.report(a->env.report_ctx, &state);
}
