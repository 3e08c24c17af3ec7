#include "mqtt/state_codec.h"

#include <math.h>
#include <string.h>

#include "ground/text.h"
#include "plumbing/json.h"

#define HASHES_PER_TH 1e12

/* NULL, so null, for what is not known. */
static const char *source_word(double power_w, enum provenance from)
{
    return isfinite(power_w) && from != PROVENANCE_UNKNOWN ? provenance_name(from) : NULL;
}

/* Text that came from a device or a pool: JSON must be UTF-8 whatever they sent. */
static void add_foreign_text(struct json *state, const char *name, const char *text)
{
    char clean[TEXT_MAX];
    text_copy_printable(clean, sizeof clean, text, strlen(text));
    json_add_string(state, name, clean);
}

static const char *heater_link_word(enum heater_link link)
{
    switch (link) {
    case HEATER_LINK_OK:
        return "ok";
    case HEATER_LINK_LOST:
        return "lost";
    case HEATER_LINK_UNKNOWN:
        break;
    }
    return "unknown";
}

static const char *pool_link_word(enum pool_link link)
{
    switch (link) {
    case POOL_CONNECTING:
        return "connecting";
    case POOL_OK:
        return "ok";
    case POOL_LOST:
        return "lost";
    case POOL_NONE:
        break;
    }
    return "none";
}

static const char *outcome_word(enum command_outcome outcome)
{
    switch (outcome) {
    case COMMAND_CONFIRMED:
        return "confirmed";
    case COMMAND_FAILED:
        return "failed";
    case COMMAND_EXPIRED:
        return "expired";
    case COMMAND_PENDING:
        break;
    }
    return "pending";
}

static const char *revenue_word(enum revenue_source from)
{
    static const char *const words[] = {NULL, "subsidy", "job"};
    return words[from];
}

static const char *check_word(enum work_check check)
{
    static const char *const words[] = {NULL, "agrees", "below", "above"};
    return words[check];
}

static void add_reason(struct json *state, enum reason reason)
{
    json_add_string(state, "reason", reason_word(reason));
    json_add_string(state, "reason_text", reason_sentence(reason));
}

static void add_reading(struct json *state, const char *name, const struct reading *reading,
                        hb_mono now, double scale, int decimals)
{
    const double value = reading_or_nan(reading, now, STATE_READING_MAX_AGE_MS);
    json_add_number(state, name, value * scale, decimals);
}

static char *print_and_free(struct json *state)
{
    char *text = json_print(state);
    json_free(state);
    return text;
}

char *state_encode_room(const struct config_room *room, const struct room_view *view)
{
    struct json *state = json_new_object();
    json_add_string(state, "mode", room_mode_word(view->mode));
    json_add_string(state, "action", room_action_word(view->action));
    json_add_number(state, "target_c", view->target_c, 2);
    json_add_number(state, "target_low_c", view->target_low_c, 2);
    json_add_number(state, "target_high_c", view->target_high_c, 2);
    json_add_number(state, "room_c", view->room_c, 2);
    json_add_number(state, "humidity", view->humidity, 1);
    json_add_number(state, "outdoor_c", view->outdoor_c, 2);
    json_add_string(state, "preset",
                    view->preset < room->preset_count ? room->presets[view->preset].name : "none");
    json_add_number(state, "power_w", view->power_w, 1);
    json_add_string(state, "power_source", source_word(view->power_w, view->power_from));
    json_add_number(state, "requested_w", view->requested_w, 1);
    json_add_number(state, "power_limit_w", view->power_limit_w, 1);
    json_add_number(state, "demand", view->demand, 2);
    json_add_string(state, "demand_unit",
                    room->demand.source.stale_after_ms <= 0 ? NULL
                    : room->demand.unit == DEMAND_PERCENT   ? "%"
                                                            : "W");
    json_add_number(state, "hashrate_ths", view->hashrate_hs / HASHES_PER_TH, 9);
    json_add_number(state, "energy_kwh", view->energy_wh / 1000.0, 3);
    add_reason(state, view->reason);
    json_add_string(state, "window",
                    !view->window_known ? NULL
                    : view->window_open ? "open"
                                        : "closed");
    json_add_bool(state, "available", view->available);
    return print_and_free(state);
}

static void add_readings(struct json *json, const struct heater_state *state, hb_mono now)
{
    const double power_w = reading_or_nan(&state->power_w, now, STATE_READING_MAX_AGE_MS);
    json_add_number(json, "power_w", power_w, 1);
    json_add_string(json, "power_source", source_word(power_w, state->power_w.from));
    add_reading(json, "hashrate_ths", &state->hashrate_hs, now, 1.0 / HASHES_PER_TH, 9);
    add_reading(json, "chip_c", &state->chip_c, now, 1.0, 1);
    add_reading(json, "board_c", &state->board_c, now, 1.0, 1);
    add_reading(json, "inlet_c", &state->inlet_c, now, 1.0, 1);
    add_reading(json, "fan", &state->fan_ratio, now, 100.0, 0);
}

/* A money figure is as good as the worse of what it is made of; the sources stand beside it. */
static void add_money(struct json *json, const struct heater_state *state, hb_mono now)
{
    const struct heater_work *work = &state->work;
    const double per_hour = reading_or_nan(&work->sat_per_hour, now, STATE_READING_MAX_AGE_MS);
    const double power_w = reading_or_nan(&state->power_w, now, STATE_READING_MAX_AGE_MS);
    json_add_number(json, "sat_per_hour", per_hour, 9);
    json_add_number(json, "sat_per_kwh", power_w > 0 ? per_hour * 1000.0 / power_w : NAN, 9);
    json_add_string(json, "revenue_source",
                    isfinite(per_hour) ? revenue_word(work->revenue_from) : NULL);
    add_reading(json, "network_difficulty", &work->network_difficulty, now, 1.0, 4);
}

static void add_proof(struct json *json, const struct heater_work *work, hb_mono now)
{
    const bool known = isfinite(reading_or_nan(&work->proven_hs, now, STATE_READING_MAX_AGE_MS));
    add_reading(json, "hashrate_15m_ths", &work->average_hs, now, 1.0 / HASHES_PER_TH, 9);
    add_reading(json, "hashrate_shares_ths", &work->proven_hs, now, 1.0 / HASHES_PER_TH, 9);
    json_add_number(json, "hashrate_shares_low_ths",
                    known ? work->proven_low_hs / HASHES_PER_TH : NAN, 9);
    json_add_number(json, "hashrate_shares_high_ths",
                    known ? work->proven_high_hs / HASHES_PER_TH : NAN, 9);
    json_add_string(json, "shares_check", known ? check_word(work->check) : NULL);
}

static struct json *pool_account(const struct heater_pool *pool)
{
    static const char *const words[REFUSAL_COUNT] = {"stale", "duplicate", "low_difficulty",
                                                     "unauthorized", "other"};
    struct json *json = json_new_object();
    struct json *refused = json_new_object();
    add_foreign_text(json, "pool", pool->pool);
    json_add_number(json, "accepted", (double)pool->accepted, 0);
    for (size_t i = 0; i < REFUSAL_COUNT; i++) {
        json_add_number(refused, words[i], (double)pool->refused[i], 0);
    }
    json_add(json, "refused", refused);
    json_add_number(json, "answer_p50_ms", pool->answer_p50_ms, 1);
    json_add_number(json, "answer_p95_ms", pool->answer_p95_ms, 1);
    return json;
}

static void add_pools(struct json *json, const struct heater_pools *pools)
{
    struct json *list = json_new_array();
    add_foreign_text(json, "pool_reason", pools->reason);
    json_add_number(json, "pool_changes", (double)pools->changes, 0);
    for (size_t i = 0; i < pools->count; i++) {
        json_add(list, NULL, pool_account(&pools->list[i]));
    }
    json_add(json, "pools", list);
}

static void add_mining(struct json *json, const struct heater_view *view)
{
    const double best = view->best_difficulty;
    const double session_best = view->state.best_difficulty;
    json_add_number(json, "shares_accepted", (double)view->shares_accepted, 0);
    json_add_number(json, "shares_rejected", (double)view->shares_rejected, 0);
    json_add_number(json, "best_difficulty", best > 0.0 ? best : NAN, 4);
    json_add_number(json, "session_best_difficulty", session_best > 0.0 ? session_best : NAN, 4);
    json_add_number(json, "blocks_found", (double)view->blocks_found, 0);
    add_foreign_text(json, "pool", view->state.pool);
    json_add_string(json, "pool_link", pool_link_word(view->state.pool_link));
    add_pools(json, &view->state.pools);
}

/* Seconds of a time in the abilities. */
static void add_seconds(struct json *json, const char *name, int32_t ms)
{
    json_add_number(json, name, (double)ms / 1000.0, 1);
}

/* What the device costs its life: writes, and how seldom it may be bothered. */
static void add_care(struct json *json, const struct heater_view *view)
{
    const struct heater_care *care = &view->state.care;
    const bool limited = care->max_writes_per_day > 0;
    const double spent = care->wearing_today;
    const double per_day = limited ? (double)care->max_writes_per_day : (double)NAN;
    json_add_number(json, "writes_today", care->writes_today, 0);
    json_add_number(json, "flash_writes_today", spent, 0);
    json_add_number(json, "max_writes_per_day", per_day, 0);
    json_add_number(json, "writes_left", limited && spent > per_day ? 0.0 : per_day - spent, 0);
    json_add_number(json, "writes_total", (double)care->writes, 0);
    json_add_number(json, "flash_writes", (double)care->flash_writes, 0);
    add_seconds(json, "min_write_s", view->min_write_ms);
    add_seconds(json, "min_on_s", view->min_on_ms);
    add_seconds(json, "min_off_s", view->min_off_ms);
    json_add_number(json, "calibration", care->calibration > 0.0 ? care->calibration : NAN, 3);
    json_add_number(json, "recoveries_today", care->recoveries, 0);
}

/* Fields of its answers that could not be used, since the start. */
static void add_faults(struct json *json, const struct heater_state *state)
{
    static const char *const words[REPLY_FAULT_COUNT] = {
        [REPLY_MISSING] = "missing",     [REPLY_TYPE] = "type",
        [REPLY_RANGE] = "range",         [REPLY_TEXT] = "text",
        [REPLY_DUPLICATE] = "duplicate", [REPLY_UNREADABLE] = "unreadable"};
    struct json *faults = json_new_object();
    double sum = 0.0;
    for (size_t i = 0; i < REPLY_FAULT_COUNT; i++) {
        json_add_number(faults, words[i], (double)state->faults[i], 0);
        sum += (double)state->faults[i];
    }
    json_add_number(json, "bad_fields", sum, 0);
    json_add(json, "bad_fields_by_reason", faults);
}

static void add_device(struct json *json, const struct heater_state *state, hb_mono now)
{
    const bool read = mono_is_set(state->at);
    add_foreign_text(json, "model", state->model);
    add_foreign_text(json, "firmware", state->firmware);
    add_foreign_text(json, "identity", state->identity);
    add_reading(json, "uptime_s", &state->uptime_s, now, 1.0, 0);
    json_add_number(json, "age_s",
                    read ? (double)mono_age_ms(now, state->at) / 1000.0 : (double)NAN, 1);
}

char *state_encode_heater(const struct heater_view *view, hb_mono now)
{
    const struct heater_state *heater = &view->state;
    struct json *json = json_new_object();
    add_readings(json, heater, now);
    json_add_number(json, "commanded_w", view->commanded_w, 1);
    json_add_string(json, "outcome", isnan(view->commanded_w) ? NULL : outcome_word(view->outcome));
    add_foreign_text(json, "outcome_text", isnan(view->commanded_w) ? "" : view->outcome_text);
    add_device(json, heater, now);
    add_mining(json, view);
    add_money(json, heater, now);
    add_proof(json, &heater->work, now);
    json_add_number(json, "energy_kwh", view->energy_wh / 1000.0, 3);
    json_add_bool(json, "problem", heater->problem);
    add_foreign_text(json, "problem_text", heater->problem ? heater->problem_text : "");
    json_add_bool(json, "interlock", view->interlocked);
    json_add_string(json, "interlock_text", view->interlock_text);
    json_add_string(json, "health", heater_health_word(heater->health));
    json_add_string(json, "link", heater_link_word(heater->link));
    add_reason(json, view->reason);
    json_add_number(json, "relay_cycles",
                    heater->relay.known ? (double)heater->relay.cycles : (double)NAN, 0);
    json_add_number(json, "relay_cycles_24h",
                    heater->relay.known ? (double)heater->relay.cycles_day : (double)NAN, 0);
    add_care(json, view);
    add_faults(json, heater);
    json_add_bool(json, "available", view->available);
    return print_and_free(json);
}

char *state_encode_circuit(const struct circuit_view *view)
{
    struct json *json = json_new_object();
    json_add_number(json, "limit_w", view->limit_w, 1);
    json_add_number(json, "allowed_w", view->allowed_w, 1);
    json_add_number(json, "possible_w", view->possible_w, 1);
    json_add_number(json, "metered_w", view->metered_w, 1);
    json_add_bool(json, "over_limit", view->over_limit);
    return print_and_free(json);
}

char *state_encode_block_found(const struct heater_view *view, hb_mono now)
{
    const struct heater_work *work = &view->state.work;
    struct json *json = json_new_object();
    json_add_string(json, "event_type", STATE_EVENT_BLOCK_FOUND);
    json_add_string(json, "hash", work->block.hash);
    json_add_number(json, "height",
                    work->block.height > 0 ? (double)work->block.height : (double)NAN, 0);
    json_add_number(json, "difficulty", work->block.difficulty, 4);
    add_reading(json, "network_difficulty", &work->network_difficulty, now, 1.0, 4);
    add_foreign_text(json, "pool", view->state.pool);
    json_add_number(json, "blocks_found", (double)view->blocks_found, 0);
    return print_and_free(json);
}
