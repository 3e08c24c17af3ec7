/* A room of the core: takes what is told about it and runs its control chain. */
#include <math.h>

#include "bridge/core_state.h"

static const double below_target_k = 0.3; /* from here on a room counts as being heated up */

void room_init(struct core_room *room, const struct config_room *config, uint16_t index)
{
    room->config = config;
    room->index = index;
    room->settings = comfort_defaults(config);
    room->temperature.good = reading_none();
    room->humidity = reading_none();
    room->demand = reading_none();
    room->reason = REASON_STARTING;
}

void room_take_temperature(struct core *core, struct core_room *room, double sample_c,
                           struct effects *effects)
{
    static const char *const why[] = {"", "expected -20 to 45 °C",
                                      "expected no jump within minutes", "looks like °F"};
    const bool doubted = room->temperature.last_discarded.ms > room->temperature.good.at.ms;
    const enum plausible_verdict verdict = plausible_take(&room->temperature, sample_c, core->now);
    if (verdict != PLAUSIBLE_TAKEN && !doubted) {
        effects_add_text(effects, EFFECT_LOG, room->index, NOTE_WARN,
                         "room %s: temperature %g °C is not believed, %s", room->config->id,
                         sample_c, why[verdict]);
    }
}

void room_take_window(struct core *core, struct core_room *room, bool open, struct effects *effects)
{
    const bool was_open = room->window_known && room->window_open;
    if (open && !was_open) {
        room->window_since = core->now;
    }
    if (open != was_open) {
        effects_add_text(effects, EFFECT_LOG, room->index, NOTE_INFO, "room %s: window %s",
                         room->config->id, open ? "opened" : "closed");
    }
    room->window_known = true;
    room->window_open = open;
    room->window_at = core->now;
}

void room_take_demand(struct core *core, struct core_room *room, double demand)
{
    const double most = room->config->demand.unit == DEMAND_PERCENT ? 100 : DEMAND_MOST_W;
    if (isnan(demand) || room->config->demand.source.stale_after_ms <= 0) {
        room->demand = reading_none();
    } else if (demand >= 0 && demand <= most) {
        room->demand = reading_make(demand, core->now, PROVENANCE_REPORTED);
    }
}

double room_demand(const struct core *core, const struct core_room *room)
{
    return reading_or_nan(&room->demand, core->now, room->config->demand.source.stale_after_ms);
}

void room_take_request(struct core *core, struct core_room *room,
                       const struct room_request *request, struct effects *effects)
{
    struct hb_err err = {0};
    room->answer = true;
    if (comfort_request(room->config, &room->settings, request, &core->clock, core->wall, &err)) {
        if ((request->fields & REQUEST_DEMAND) != 0) {
            room_take_demand(core, room, request->demand);
        }
        if ((request->fields & ~(uint32_t)REQUEST_DEMAND) != 0) {
            (void)effects_add(effects, EFFECT_SAVE_ROOM, room->index);
        }
    } else {
        effects_add_text(effects, EFFECT_REFUSE, room->index, NOTE_WARN, "%s", err.msg);
    }
}

bool room_window_known(const struct core *core, const struct core_room *room)
{
    const int64_t stale_after_ms = room->config->window.stale_after_ms;
    return room->window_known &&
           (stale_after_ms <= 0 || mono_age_ms(core->now, room->window_at) <= stale_after_ms);
}

static bool window_is_open(const struct core *core, const struct core_room *room)
{
    return room_window_known(core, room) && room->window_open;
}

static bool window_blocks(const struct core *core, const struct core_room *room)
{
    return window_is_open(core, room) &&
           mono_age_ms(core->now, room->window_since) >= room->config->window_delay_ms;
}

double room_limit_w(const struct core_room *room)
{
    const double config_w = room->config->power_limit_w;
    return fmin(room->settings.power_limit_w, config_w > 0 ? config_w : INFINITY);
}

/* What the chain works on in one step. */
struct decision {
    bool safe, wanted, blocked_by_window, any_allowed, any_disobeys;
    bool any_held; /* by its circuit: as of the last decision, and then of this one */
    double room_c;
    double demand_w;                /* by another program; NaN: by the room's own thermostat */
    double given_w, observed_max_w; /* by heaters that are only observed: now, and at most; the
                                       rest is about the others */
    double limit_w, max_w, available_w, asked_w;
    enum reason why_unsafe, why_not_allowed;
    size_t count;
    struct allocator_heater heaters[ROOM_HEATERS];
};

static struct core_heater *heater_of(struct core *core, const struct core_room *room, size_t i)
{
    return &core->heaters[room->config->heaters[i]];
}

static void look_at_room(struct core *core, struct core_room *room, struct decision *decision)
{
    const struct safety_room_input in = {
        .now = core->now,
        .started = core->started,
        .room_c = room->temperature.good,
        .stale_after_ms = room->config->temperature.stale_after_ms,
        .doubting = plausible_is_doubting(&room->temperature, core->now,
                                          room->config->temperature.stale_after_ms),
        .too_hot_c = room->config->too_hot_c,
    };
    decision->safe = safety_room_allows(&room->safety, &in, &decision->why_unsafe);
    decision->room_c = room->temperature.good.value;
    decision->blocked_by_window = window_blocks(core, room);
    decision->limit_w = room_limit_w(room);
    room->comfort = comfort_now(room->config, &room->settings, &core->clock);
    decision->wanted = room->comfort.wanted && !decision->blocked_by_window;
    room->frost =
        decision->safe && comfort_frost(room->frost, room->config->frost_c, decision->room_c);
}

/* Heat that comes whatever is decided leaves less to ask of the other heaters, and less of the
 * room's limit. */
static void look_at_given_heat(struct core *core, const struct core_room *room,
                               struct decision *decision, struct effects *effects)
{
    for (size_t i = 0; i < decision->count; i++) {
        struct core_heater *heater = heater_of(core, room, i);
        if (heater->caps.observe_only) {
            heater_check(core, heater, effects);
            const double power_w = heater_reading(core, heater, &heater->state.power_w);
            /* an absurd figure must not keep the others cold */
            decision->given_w += power_w > 0 ? fmin(power_w, 2 * heater->caps.max_w) : 0;
            decision->observed_max_w += heater->caps.max_w;
            decision->why_not_allowed = REASON_OBSERVED;
        }
    }
    decision->limit_w = fmax(decision->limit_w - decision->given_w, 0);
}

static void look_at_heaters(struct core *core, struct core_room *room, struct decision *decision,
                            struct effects *effects)
{
    decision->count = room->config->heater_count;
    decision->why_not_allowed = REASON_OFF;
    look_at_given_heat(core, room, decision, effects);
    for (size_t i = decision->count; i-- > 0;) {
        struct core_heater *heater = heater_of(core, room, i);
        if (heater->caps.observe_only) {
            decision->heaters[i] = (struct allocator_heater){.caps = &heater->caps};
            continue;
        }
        heater_check(core, heater, effects);
        decision->max_w += heater->caps.max_w;
        decision->any_disobeys |= heater->disobeys;
        decision->any_held |= heater->held;
        if (heater->allowed) {
            decision->any_allowed = true;
            decision->available_w += heater->caps.max_w;
        } else {
            decision->why_not_allowed = heater->reason;
        }
        decision->heaters[i] = (struct allocator_heater){
            .caps = &heater->caps,
            .limit_w = heater->allowed ? fmin(heater->caps.max_w, decision->limit_w) : 0,
            /* What its circuit keeps from it is nothing that it would have to get later. */
            .now_w = heater->held ? heater->wish_w : heater->commanded_w,
            .switched = heater->switched,
            .written = heater->written,
        };
    }
    decision->available_w = fmin(decision->available_w, decision->limit_w);
}

/* A percentage is one of everything that the room's heaters can give. */
static void look_at_demand(const struct core *core, const struct core_room *room,
                           struct decision *decision)
{
    const double demand = room_demand(core, room);
    decision->demand_w = room->config->demand.unit == DEMAND_PERCENT
                             ? demand / 100 * (decision->max_w + decision->observed_max_w)
                             : demand;
}

/* Full power at the frost limit, nothing 1 K above. */
static double frost_w(const struct core_room *room, const struct decision *decision)
{
    const double error_k = room->config->frost_c + 1 - decision->room_c;
    const double max_w = decision->max_w + decision->observed_max_w;
    return fmin(fmax(max_w * error_k, 0), decision->available_w + decision->given_w);
}

/* Heat for the room, that which is given included. */
static double ask(struct core *core, struct core_room *room, const struct decision *decision)
{
    double asked_w = 0;
    if (decision->safe && decision->wanted && decision->any_allowed &&
        !window_is_open(core, room) && !isnan(decision->demand_w)) {
        thermostat_rest(&room->thermostat, core->now); /* it learns nothing from what others do */
        asked_w = fmin(decision->demand_w, decision->available_w + decision->given_w);
    } else if (decision->safe && decision->wanted && decision->any_allowed &&
               !window_is_open(core, room)) {
        const struct thermostat_input in = {
            .at = core->now,
            .target_c = room->comfort.target_c,
            .room_c = decision->room_c,
            .outdoor_c =
                reading_or_nan(&core->outdoor_c, core->now, core->config->outdoor.stale_after_ms),
            .heat_loss_w_per_k = room->config->heat_loss_w_per_k,
            /* not what is given now, for the gain must not change with it */
            .max_w = decision->max_w + decision->observed_max_w,
            .available_w = decision->available_w + decision->given_w,
            .learns = !decision->any_disobeys && !decision->any_held,
        };
        asked_w = thermostat_step(&room->thermostat, &in);
    } else {
        thermostat_rest(&room->thermostat, core->now);
        if (decision->safe && decision->wanted && decision->any_allowed) {
            /* the window's delay runs */
            asked_w = fmin(room->granted_w, decision->available_w + decision->given_w);
        }
    }
    return room->frost ? fmax(asked_w, frost_w(room, decision)) : asked_w;
}

/* How much too cold the room is for what it is heated to. */
static double lack_k(const struct core_room *room, const struct decision *decision)
{
    const double target_c = decision->wanted ? room->comfort.target_c : room->config->frost_c + 1;
    return target_c - decision->room_c;
}

/* Whether a heater before this one is on the same circuit, which is then shared already. */
static bool is_shared(struct core *core, const struct core_room *room, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (circuit_of(core, heater_of(core, room, k)) ==
            circuit_of(core, heater_of(core, room, i))) {
            return true;
        }
    }
    return false;
}

/* A circuit can only lower what the allocator gave. */
static void limit_by_circuits(struct core *core, const struct core_room *room,
                              struct decision *decision)
{
    decision->any_held = false;
    for (size_t i = 0; i < decision->count; i++) {
        struct core_heater *heater = heater_of(core, room, i);
        heater->wish_w = decision->heaters[i].next_w;
        heater->lack_k = lack_k(room, decision);
    }
    for (size_t i = 0; i < decision->count; i++) {
        struct core_heater *heater = heater_of(core, room, i);
        struct core_circuit *circuit = circuit_of(core, heater);
        heater->held = false;
        if (circuit == NULL) {
            continue;
        }
        if (!is_shared(core, room, i)) {
            circuit_share(core, circuit);
        }
        heater->held = heater->allowed_w < heater->wish_w;
        if (heater->held) {
            decision->heaters[i].next_w =
                allocator_level(&heater->caps, heater->allowed_w, heater->allowed_w);
            decision->any_held = true;
        }
    }
}

static enum reason reason_while_heating(const struct core_room *room,
                                        const struct decision *decision)
{
    const double error_k = room->comfort.target_c - decision->room_c;
    const bool demanded = !isnan(decision->demand_w);
    if (room->frost && (!decision->wanted || (demanded && room->granted_w > decision->demand_w))) {
        return REASON_FROST;
    }
    if (decision->any_held) {
        return REASON_CIRCUIT;
    }
    if (decision->limit_w < decision->max_w && decision->asked_w >= decision->limit_w) {
        return REASON_POWER_LIMIT;
    }
    if (demanded) {
        return REASON_DEMAND;
    }
    if (room->comfort.from == COMFORT_OVERRIDE) {
        return REASON_OVERRIDE;
    }
    if (room->comfort.from == COMFORT_SCHEDULE) {
        return REASON_SCHEDULE;
    }
    return error_k > below_target_k ? REASON_HEATING : REASON_HOLDING;
}

static bool any_hold(const struct decision *decision, enum allocator_hold hold)
{
    for (size_t i = 0; i < decision->count; i++) {
        if (decision->heaters[i].hold == hold) {
            return true;
        }
    }
    return false;
}

static enum reason reason_of_power(const struct core_room *room, const struct decision *decision,
                                   double total_w)
{
    if (total_w > 0) {
        return decision->asked_w <= 0 && any_hold(decision, HOLD_MIN_ON)
                   ? REASON_MIN_ON
                   : reason_while_heating(room, decision);
    }
    if (decision->any_held) {
        return REASON_CIRCUIT;
    }
    if (any_hold(decision, HOLD_MIN_OFF)) {
        return REASON_MIN_OFF;
    }
    const double error_k = room->comfort.target_c - decision->room_c;
    if (!isnan(decision->demand_w) && decision->asked_w < decision->limit_w) {
        return REASON_DEMAND;
    }
    if (decision->asked_w <= 0 && error_k <= 0) {
        return REASON_SATISFIED;
    }
    if (decision->limit_w < decision->max_w && decision->asked_w >= decision->limit_w) {
        return REASON_POWER_LIMIT;
    }
    return REASON_HOLDING; /* a heater's smallest power is more than the room needs on average */
}

/* A fault that shows although the room is safe: a heater that was told and does not. */
static bool heater_fault(struct core *core, const struct core_room *room, enum reason *fault)
{
    for (size_t i = 0; i < room->config->heater_count; i++) {
        const struct core_heater *heater = heater_of(core, room, i);
        if (heater->disobeys) {
            *fault = REASON_NOT_OBEYING;
            return true;
        }
        const double power_w = heater_reading(core, heater, &heater->state.power_w);
        if (heater->commanded_w > 0 && heater->state.pool_link == POOL_LOST &&
            !(power_w > heater->commanded_w / 10)) {
            *fault = REASON_NO_POOL;
            return true;
        }
    }
    return false;
}

static enum reason explain(struct core *core, const struct core_room *room,
                           const struct decision *decision)
{
    enum reason reason;
    double total_w = 0;
    for (size_t i = 0; i < decision->count; i++) {
        total_w += decision->heaters[i].next_w;
    }
    if (!decision->safe) {
        return decision->why_unsafe;
    }
    if (heater_fault(core, room, &reason)) {
        return reason;
    }
    if (!decision->wanted && !room->frost) {
        return room->comfort.wanted ? REASON_WINDOW_OPEN : REASON_OFF;
    }
    if (!decision->any_allowed) {
        return decision->why_not_allowed;
    }
    return reason_of_power(room, decision, total_w);
}

static bool is_safety(enum reason reason)
{
    return reason >= REASON_ROOM_STALE && reason <= REASON_NO_POOL;
}

static void set_reason(struct core_room *room, enum reason reason, struct effects *effects)
{
    if (reason != room->reason && (is_safety(reason) || is_safety(room->reason))) {
        effects_add_text(effects, EFFECT_LOG, room->index,
                         is_safety(reason) ? NOTE_WARN : NOTE_INFO, "room %s: %s", room->config->id,
                         reason_sentence(reason));
    }
    room->reason = reason;
}

static void command_heaters(struct core *core, struct core_room *room,
                            const struct decision *decision, struct effects *effects)
{
    double left_w = decision->limit_w;
    for (size_t i = 0; i < decision->count; i++) {
        struct core_heater *heater = heater_of(core, room, i);
        const double asked_w = heater->allowed && decision->safe ? decision->heaters[i].next_w : 0;
        double power_w =
            safety_gate_w(&heater->caps, fmin(left_w, decision->heaters[i].limit_w), asked_w);
        if (power_w < asked_w) {
            power_w = allocator_level(&heater->caps, power_w, power_w);
        }
        left_w -= power_w;
        const enum reason why = heater->held ? REASON_CIRCUIT : room->reason;
        heater_command(core, heater, power_w, heater->allowed ? why : heater->reason, effects);
    }
}

void room_decide(struct core *core, struct core_room *room, struct effects *effects)
{
    struct decision decision = {0};
    if (comfort_expire(&room->settings, core->wall)) {
        (void)effects_add(effects, EFFECT_SAVE_ROOM, room->index);
    }
    look_at_room(core, room, &decision);
    look_at_heaters(core, room, &decision, effects);
    look_at_demand(core, room, &decision);
    room->granted_w = ask(core, room, &decision);
    decision.asked_w = fmax(room->granted_w - decision.given_w, 0);
    allocator_share(&room->allocator, decision.asked_w, decision.limit_w,
                    decision.safe && (decision.wanted || room->frost), decision.heaters,
                    decision.count, core->now);
    limit_by_circuits(core, room, &decision);
    set_reason(room, explain(core, room, &decision), effects);
    command_heaters(core, room, &decision, effects);
}
