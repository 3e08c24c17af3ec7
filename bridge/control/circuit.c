#include "bridge/control/circuit.h"

#include <math.h>
#include <string.h>

#include "bridge/control/allocator.h"

static const double factor_most = 1.25; /* above this a heater does not obey */
static const double factor_tau_s = 3600;
static const double sum_slack_w = 1e-6; /* of adding numbers up */
/* Between two raises, at least; and how long one waits at most to be seen. */
static const int64_t raise_apart_ms = 5000, raise_seen_ms = 30000;
/* A heater that is this late to follow is taken as it is; and how far it may be off. */
static const int64_t stuck_ms = 60000;
static const double stuck_part = 0.05, stuck_w = 20;
/* No heater is lowered for another one's sake so soon after its last change. */
static const int64_t dwell_ms = 5 * 60000;
/* A meter shows what the heaters do by then; and what it said before that still stands if it has
 * said nothing else so much later. */
static const int64_t meter_lag_ms = 10000, meter_stands_ms = 30000;
static const double release_s = 1800; /* until a reserve as large as the limit is given back */
static const double over_hysteresis = 0.01, trifle = 0.01;
/* How much a room's lack counts, and up to which lack; what the first watts are worth more than the
 * last ones; what a change must gain. */
static const double lack_weight = 0.25, lack_most_k = 4, lack_steps_per_k = 4;
static const double first_watts = 0.25, change_cost = 0.02;
/* A stepless heater takes what is left over if it is at least this part of its power. */
static const double left_over = 0.05;

static bool is_power(double power_w)
{
    return power_w >= 0 && power_w < INFINITY;
}

static double power_or_0(double power_w)
{
    return is_power(power_w) ? power_w : 0;
}

/* --- what a heater could draw ------------------------------------------------------------------
 */

/* A heater whose most is not known could draw anything. */
static double most_w(const struct heater_caps *caps)
{
    return is_power(caps->max_w) ? caps->max_w : INFINITY;
}

static double cost_w(const struct circuit_heater *h, const struct circuit_memory *m, double level_w)
{
    return fmax(level_w * m->factor, power_or_0(h->caps->standby_w));
}

/* What it says or a meter says; 0 if nobody does. An absurd figure must not stop the others. */
static double drawn_w(const struct circuit_heater *h)
{
    const double most = 2 * most_w(h->caps) + power_or_0(h->caps->standby_w);
    return mono_is_set(h->power_w.at) && is_power(h->power_w.value) ? fmin(h->power_w.value, most)
                                                                    : 0;
}

/* Whether it has said how it is set since it was ordered. */
static bool has_told(const struct circuit_heater *h)
{
    return is_power(h->applied_w) && h->stated.ms > h->written.ms;
}

static bool has_shown_power(const struct circuit_heater *h, hb_mono now)
{
    return (mono_is_set(h->power_w.at) && h->power_w.at.ms > h->written.ms) ||
           mono_age_ms(now, h->written) >= h->caps->settle_ms;
}

/* Whether it was seen to be where it was told to go. */
static bool is_there(const struct circuit_heater *h)
{
    return h->confirmed || (has_told(h) && h->applied_w >= h->commanded_w * (1 - stuck_part));
}

/* Forgets what it was told before, once it follows its order. */
static void release(struct circuit_memory *m, const struct circuit_heater *h, hb_mono now)
{
    if (!h->confirmed && (!has_told(h) || h->stated.ms < m->rising_until.ms)) {
        return;
    }
    if (has_shown_power(h, now)) {
        m->held_w = fmax(h->commanded_w, has_told(h) ? h->applied_w : 0);
    }
}

static void follow(struct circuit *circuit, size_t i, const struct circuit_heater *h, hb_mono now)
{
    struct circuit_memory *m = &circuit->heater[i];
    if (h->commanded_w > m->commanded_w) {
        circuit->raised = i;
        circuit->raised_at = now;
    }
    if (h->commanded_w != m->commanded_w) {
        m->rose = h->commanded_w > m->commanded_w;
    }
    if (h->commanded_w > 0 && !is_there(h)) {
        /* Whoever passes orders on may have let this one wait until now. */
        m->rising_until = mono_add_ms(now, h->caps->settle_ms);
    }
    m->commanded_w = h->commanded_w;
    m->held_w = h->reached && !h->restarted ? fmax(m->held_w, h->commanded_w) : INFINITY;
    if (h->reached) {
        release(m, h, now);
    }
}

/* Whether the reading is of what it is set to. One that rises draws no more on its way there. */
static bool is_settled(const struct circuit_memory *m, const struct circuit_heater *h, double set_w)
{
    const int64_t since_ms = mono_age_ms(h->power_w.at, h->written);
    const bool rises = m->rose && set_w >= h->commanded_w * (1 - stuck_part);
    return since_ms >= h->caps->settle_ms || (rises && since_ms > 0);
}

/* What it draws per watt that it was told: at once if it is more than was known, slowly if less. */
static void learn(struct circuit_memory *m, const struct circuit_heater *h)
{
    const struct reading *power_w = &h->power_w;
    const double set_w = has_told(h) ? h->applied_w : h->confirmed ? h->commanded_w : 0;
    if (!h->reached || h->caps->shares_meter || power_w->from < PROVENANCE_REPORTED ||
        !(set_w > 0) || power_w->at.ms <= m->learnt.ms || !is_settled(m, h, set_w)) {
        return;
    }
    const double shown = fmin(fmax(power_or_0(power_w->value) / set_w, 1), factor_most);
    const double since_s = (double)mono_age_ms(power_w->at, m->learnt) / 1000;
    m->factor = shown > m->factor
                    ? shown
                    : m->factor + (shown - m->factor) * fmin(since_s / factor_tau_s, 1);
    m->learnt = power_w->at;
}

static double possible_w(const struct circuit_heater *h, const struct circuit_memory *m)
{
    const double drawn = drawn_w(h);
    if (!h->reached && h->off_by_meter) {
        return fmax(drawn, power_or_0(h->caps->standby_w));
    }
    if (h->reached && !h->commandable && mono_is_set(h->power_w.at)) {
        return drawn;
    }
    const double told_w = fmax(h->reached ? m->held_w : INFINITY, power_or_0(h->applied_w));
    return fmax(cost_w(h, m, isinf(told_w) ? most_w(h->caps) : told_w), drawn);
}

/* It was told less long ago, or draws against its order: what it could draw is what it draws. */
static bool is_stuck(const struct circuit_heater *h, const struct circuit_memory *m, hb_mono now)
{
    const double expected_w = cost_w(h, m, h->commanded_w);
    const bool draws_more = drawn_w(h) > expected_w * (1 + stuck_part) + stuck_w;
    return (m->held_w > h->commanded_w || draws_more) &&
           mono_age_ms(now, h->written) >= h->caps->settle_ms + stuck_ms;
}

/* --- what is drawn beside the heaters ----------------------------------------------------------
 */

void circuit_meter(struct circuit *circuit, double metered_w, bool news, hb_mono now)
{
    const double limit_w = circuit->limit_w;
    const int64_t passed_ms = mono_age_ms(now, circuit->fell_at);
    circuit->metered_w = is_power(metered_w) ? metered_w : NAN;
    circuit->unjudged = (circuit->unjudged || news) && circuit->metered_w > limit_w;
    if (circuit->unjudged && passed_ms >= (news ? meter_lag_ms : meter_stands_ms)) {
        circuit->unjudged = false;
        /* The heaters give up the excess of what they could draw. While they do so, that and the
         * excess stay, and so does the answer. */
        const double excess_w = circuit->metered_w - limit_w;
        const double left_w = fmax(fmin(circuit->possible_w, limit_w) - excess_w, 0);
        circuit->reserve_w = fmax(circuit->reserve_w, limit_w - left_w);
    }
}

static void give_back_reserve(struct circuit *circuit, hb_mono now)
{
    const double passed_s =
        mono_is_set(circuit->at) ? (double)mono_age_ms(now, circuit->at) / 1000 : 0;
    const double others_w =
        isnan(circuit->metered_w) ? 0 : fmax(circuit->metered_w - circuit->drawn_w, 0);
    const double less_w = circuit->reserve_w - circuit->limit_w * passed_s / release_s;
    circuit->reserve_w = fmin(circuit->reserve_w, fmax(less_w, others_w));
}

static void judge(struct circuit *circuit)
{
    const double seen_w = isnan(circuit->metered_w) ? circuit->drawn_w : circuit->metered_w;
    circuit->over =
        seen_w > circuit->limit_w * (circuit->over ? 1 - over_hysteresis : 1) + sum_slack_w;
}

static void add_up(struct circuit *circuit, struct circuit_heater *heaters, hb_mono now)
{
    const double before_w = circuit->possible_w;
    circuit->possible_w = circuit->drawn_w = 0;
    for (size_t i = 0; i < circuit->count; i++) {
        follow(circuit, i, &heaters[i], now);
        learn(&circuit->heater[i], &heaters[i]);
        heaters[i].possible_w = possible_w(&heaters[i], &circuit->heater[i]);
        circuit->possible_w += heaters[i].possible_w;
        circuit->drawn_w += drawn_w(&heaters[i]);
    }
    if (circuit->possible_w < before_w - trifle * circuit->limit_w) {
        circuit->fell_at = now;
    }
}

/* --- what would be best ------------------------------------------------------------------------
 */

static double wish_w(const struct circuit_heater *h)
{
    return h->commandable && h->reached ? fmin(power_or_0(h->wish_w), most_w(h->caps)) : 0;
}

static double lack_k(const struct circuit_heater *h)
{
    const double lack_k = fmin(fmax(h->lack_k, 0), lack_most_k); /* 0 for NaN */
    return round(lack_k * lack_steps_per_k) / lack_steps_per_k;
}

static double value_of(const struct circuit_heater *h, double level_w)
{
    const double wish = wish_w(h);
    const double part = wish > 0 ? level_w / wish : 0;
    const double value_w = level_w * (1 + first_watts * (1 - part)) * (1 + lack_weight * lack_k(h));
    return value_w + (level_w == h->commanded_w ? change_cost * wish : 0);
}

/* Off, and its time off is not over. */
static bool rests(const struct circuit_heater *h, hb_mono now)
{
    return h->commanded_w <= 0 && mono_is_set(h->switched) &&
           mono_age_ms(now, h->switched) < h->caps->min_off_ms;
}

/* On, and not to be lowered again so soon. */
static bool dwells(const struct circuit_heater *h, hb_mono now)
{
    return h->commanded_w > 0 && (mono_age_ms(now, h->written) < dwell_ms ||
                                  mono_age_ms(now, h->written) < h->caps->min_write_ms ||
                                  mono_age_ms(now, h->switched) < h->caps->min_on_ms);
}

struct range {
    double low_w, high_w, floor_w; /* levels that may be chosen; what it draws at least */
};

static void add_option(struct circuit_choice *choice, const struct circuit_heater *h,
                       const struct circuit_memory *m, const struct range *range, double level_w)
{
    if (level_w < range->low_w || level_w > range->high_w) {
        return;
    }
    choice->option[choice->count++] = (struct circuit_option){
        .level_w = level_w,
        /* Whole watts: a factor that is learnt on would ask for a new plan each time. */
        .cost_w = ceil(fmax(cost_w(h, m, level_w), range->floor_w) - sum_slack_w),
        .value = value_of(h, level_w)};
}

static void add_levels(struct circuit_choice *choice, const struct circuit_heater *h,
                       const struct circuit_memory *m, const struct range *range)
{
    const struct heater_caps *caps = h->caps;
    const double wish = wish_w(h);
    enum { PARTS = CIRCUIT_OPTIONS - 3 };
    for (size_t i = 0; i < caps->tier_count && i < HEATER_TIERS; i++) {
        if (caps->tier_w[i] < wish && caps->tier_w[i] != h->commanded_w) {
            add_option(choice, h, m, range, caps->tier_w[i]);
        }
    }
    for (int i = 0; caps->tier_count == 0 && wish > caps->min_w && i < PARTS; i++) {
        const double even_w = caps->min_w + (wish - caps->min_w) * i / PARTS;
        add_option(choice, h, m, range, allocator_level(caps, even_w, even_w));
    }
}

/* With `patient`, what dwells is not lowered. */
static void choose_among(struct circuit_choice *choice, const struct circuit_heater *h,
                         const struct circuit_memory *m, bool patient, hb_mono now)
{
    const bool fixed = !h->reached || !h->commandable;
    const bool stuck = is_stuck(h, m, now);
    const double wish = wish_w(h);
    struct range range = {.high_w = rests(h, now) ? 0 : wish,
                          .floor_w = fixed || stuck ? h->possible_w : 0};
    if (stuck) {
        range.high_w = fmin(range.high_w, h->commanded_w);
    }
    if (patient && dwells(h, now)) {
        range.low_w = fmin(h->commanded_w, range.high_w);
    }
    choice->count = 0;
    add_option(choice, h, m, &range, range.high_w);
    if (h->commanded_w < range.high_w) {
        add_option(choice, h, m, &range, h->commanded_w);
    }
    if (range.high_w > 0 && h->commanded_w > 0) {
        add_option(choice, h, m, &range, 0);
    }
    add_levels(choice, h, m, &range);
}

static void choose_all(const struct circuit *circuit, const struct circuit_heater *heaters,
                       bool patient, hb_mono now, struct circuit_choice *choice)
{
    memset(choice, 0, circuit->count * sizeof(*choice));
    for (size_t i = 0; i < circuit->count; i++) {
        choose_among(&choice[i], &heaters[i], &circuit->heater[i], patient, now);
    }
}

static bool all_get_their_wish(const struct circuit *circuit, const struct circuit_choice *choice,
                               double budget_w)
{
    double sum_w = 0;
    for (size_t i = 0; i < circuit->count; i++) {
        sum_w += choice[i].option[0].cost_w;
    }
    return sum_w <= budget_w;
}

/* Watts that a stepless heater takes of `left_w`, on top of the level that was chosen for it. */
static double take_left_over(struct circuit *circuit, const struct circuit_heater *h, size_t i,
                             const struct circuit_choice *choice, size_t chosen, double left_w)
{
    const struct circuit_memory *m = &circuit->heater[i];
    const struct circuit_option *option = &choice->option[chosen];
    const double cost = ceil(cost_w(h, m, option->level_w) - sum_slack_w);
    if (h->caps->tier_count > 0 || option->level_w <= 0 || option->cost_w > cost) {
        return 0;
    }
    const double top_w = fmin(choice->option[0].level_w, option->level_w + left_w / m->factor);
    const double next_w = allocator_level(h->caps, top_w, top_w);
    if (next_w - option->level_w < left_over * h->caps->max_w) {
        return 0;
    }
    circuit->target_w[i] = next_w;
    return cost_w(h, m, next_w) - cost;
}

/* False if not even the cheapest fits. */
static bool aim(struct circuit *circuit, struct circuit_scratch *scratch,
                const struct circuit_heater *heaters, const struct circuit_choice *choice,
                double budget_w)
{
    size_t chosen[CIRCUIT_HEATERS] = {0};
    const bool fits = all_get_their_wish(circuit, choice, budget_w) ||
                      circuit_plan(scratch, choice, circuit->count, budget_w, chosen);
    double left_w = budget_w;
    for (size_t i = 0; i < circuit->count; i++) {
        circuit->target_w[i] = fits ? choice[i].option[chosen[i]].level_w : 0;
        left_w -= choice[i].option[chosen[i]].cost_w;
    }
    for (size_t i = 0; fits && i < circuit->count; i++) {
        left_w -= take_left_over(circuit, &heaters[i], i, &choice[i], chosen[i], left_w);
    }
    return fits;
}

static void plan(struct circuit *circuit, struct circuit_scratch *scratch,
                 const struct circuit_heater *heaters, double budget_w, hb_mono now)
{
    struct circuit_choice choice[CIRCUIT_HEATERS];
    const size_t size = circuit->count * sizeof(choice[0]);
    choose_all(circuit, heaters, true, now, choice);
    if (budget_w == circuit->budget_w && memcmp(choice, circuit->choice, size) == 0) {
        return;
    }
    memcpy(circuit->choice, choice, size);
    circuit->budget_w = budget_w;
    if (!aim(circuit, scratch, heaters, choice, budget_w)) {
        choose_all(circuit, heaters, false, now, choice);
        (void)aim(circuit, scratch, heaters, choice, budget_w);
    }
}

/* --- what may be done now ----------------------------------------------------------------------
 */

/* One at a time: the last one is where it was told to be, or has had the time. */
static bool may_raise(const struct circuit *circuit, const struct circuit_heater *heaters,
                      hb_mono now)
{
    const struct circuit_heater *h = &heaters[circuit->raised];
    const int64_t since_ms = mono_age_ms(now, circuit->raised_at);
    if (!mono_is_set(circuit->raised_at) || since_ms >= raise_seen_ms) {
        return true;
    }
    return since_ms >= raise_apart_ms && has_shown_power(h, now) && is_there(h);
}

static bool raise_fits(const struct circuit *circuit, const struct circuit_heater *heaters,
                       size_t i, double budget_w)
{
    double sum_w =
        fmax(cost_w(&heaters[i], &circuit->heater[i], circuit->target_w[i]), heaters[i].possible_w);
    for (size_t k = 0; k < circuit->count; k++) {
        sum_w += k != i ? heaters[k].possible_w : 0;
    }
    return sum_w <= budget_w + sum_slack_w;
}

static void grant(const struct circuit *circuit, struct circuit_heater *heaters, double budget_w,
                  hb_mono now)
{
    struct circuit_heater *next = NULL;
    double next_w = 0;
    for (size_t i = 0; i < circuit->count; i++) {
        struct circuit_heater *h = &heaters[i];
        h->allowed_w = fmin(circuit->target_w[i], h->commanded_w);
        if (circuit->target_w[i] > h->commanded_w && raise_fits(circuit, heaters, i, budget_w) &&
            (next == NULL || lack_k(h) > lack_k(next))) {
            next = h;
            next_w = circuit->target_w[i];
        }
    }
    if (next != NULL && may_raise(circuit, heaters, now)) {
        next->allowed_w = next_w;
    }
}

void circuit_init(struct circuit *circuit, double limit_w, size_t count)
{
    *circuit = (struct circuit){
        .limit_w = power_or_0(limit_w), .count = count, .metered_w = NAN, .budget_w = NAN};
    for (size_t i = 0; i < count; i++) {
        circuit->heater[i] = (struct circuit_memory){.held_w = INFINITY, .factor = 1};
    }
}

void circuit_decide(struct circuit *circuit, struct circuit_scratch *scratch,
                    struct circuit_heater *heaters, hb_mono now)
{
    for (size_t i = 0; i < circuit->count; i++) {
        heaters[i].commanded_w = power_or_0(heaters[i].commanded_w);
    }
    add_up(circuit, heaters, now);
    give_back_reserve(circuit, now);
    judge(circuit);
    const double budget_w = floor(circuit->limit_w - circuit->reserve_w + sum_slack_w);
    plan(circuit, scratch, heaters, budget_w, now);
    grant(circuit, heaters, budget_w, now);
    circuit->at = now;
}
