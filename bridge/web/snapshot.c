#include "bridge/web/snapshot.h"

#include <math.h>
#include <string.h>

#include "plumbing/json.h"

/* Older readings of a heater are shown as not known. */
#define READING_FRESH_MS (2 * 60 * 1000)

/* NULL and "" both mean that there is nothing to tell. */
static void add_text_or_null(struct json *parent, const char *name, const char *text)
{
    json_add_string(parent, name, text != NULL && text[0] != '\0' ? text : NULL);
}

static void add_count(struct json *parent, const char *name, uint64_t count)
{
    json_add_number(parent, name, (double)count, 0);
}

static void add_limit(struct json *parent, const char *name, double value, int decimals)
{
    json_add_number(parent, name, value > 0 ? value : NAN, decimals);
}

static struct json *presets_json(const struct config_room *room)
{
    struct json *list = json_new_array();
    for (size_t i = 0; i < room->preset_count; i++) {
        struct json *preset = json_new_object();
        json_add_string(preset, "name", room->presets[i].name);
        json_add_number(preset, "target_c", room->presets[i].target_c, 2);
        json_add(list, NULL, preset);
    }
    return list;
}

/* The most a heater can take: the driver's word narrowed by the configuration; NaN if neither. */
static double heater_max_w(const struct snapshot_input *input, size_t heater)
{
    double max_w = input->config->heaters[heater].max_w;
    if (input->caps != NULL && (max_w <= 0 || input->caps[heater].max_w < max_w)) {
        max_w = input->caps[heater].max_w;
    }
    return max_w > 0 ? max_w : NAN;
}

static void add_room_heaters(struct json *json, const struct snapshot_input *input,
                             const struct config_room *room)
{
    struct json *ids = json_new_array();
    uint64_t accepted = 0;
    uint64_t rejected = 0;
    double max_w = 0;
    for (size_t i = 0; i < room->heater_count; i++) {
        const uint16_t heater = room->heaters[i];
        accepted += input->heaters[heater].shares_accepted;
        rejected += input->heaters[heater].shares_rejected;
        max_w += heater_max_w(input, heater);
        json_add(ids, NULL, json_new_string(input->config->heaters[heater].id));
    }
    add_limit(json, "max_w", max_w, 0);
    add_count(json, "shares_accepted", accepted);
    add_count(json, "shares_rejected", rejected);
    json_add(json, "heaters", ids);
}

static void add_room_temperatures(struct json *json, const struct config_room *room,
                                  const struct room_view *view)
{
    json_add_number(json, "target_c", view->target_c, 2);
    json_add_number(json, "target_low_c", view->target_low_c, 2);
    json_add_number(json, "target_high_c", view->target_high_c, 2);
    json_add_number(json, "min_target_c", room->min_target_c, 2);
    json_add_number(json, "max_target_c", room->max_target_c, 2);
    json_add_number(json, "step_c", room->step_c, 2);
    json_add_number(json, "room_c", view->room_c, 2);
    json_add_number(json, "humidity", view->humidity, 1);
    json_add_number(json, "outdoor_c", view->outdoor_c, 2);
}

static void add_room_power(struct json *json, const struct room_view *view)
{
    json_add_number(json, "power_w", view->power_w, 1);
    json_add_string(json, "power_from", provenance_name(view->power_from));
    json_add_number(json, "requested_w", view->requested_w, 1);
    json_add_number(json, "power_limit_w", view->power_limit_w, 0);
    json_add_number(json, "hashrate_hs", view->hashrate_hs, 0);
    json_add_number(json, "energy_wh", view->energy_wh, 1);
}

static struct json *room_json(const struct snapshot_input *input, size_t index)
{
    const struct config_room *room = &input->config->rooms[index];
    const struct room_view *view = &input->rooms[index];
    const char *window = view->window_open ? "open" : "closed";
    struct json *json = json_new_object();
    json_add_string(json, "id", room->id);
    json_add_string(json, "name", room->name[0] != '\0' ? room->name : room->id);
    json_add_bool(json, "available", view->available);
    json_add_string(json, "mode", room_mode_word(view->mode));
    json_add_string(json, "action", room_action_word(view->action));
    json_add_string(json, "preset",
                    view->preset < room->preset_count ? room->presets[view->preset].name : NULL);
    json_add(json, "presets", presets_json(room));
    json_add_bool(json, "has_schedule", room->schedule_count > 0);
    add_room_temperatures(json, room, view);
    json_add_string(json, "window", view->window_known ? window : NULL);
    add_room_power(json, view);
    add_room_heaters(json, input, room);
    json_add_string(json, "reason", reason_word(view->reason));
    json_add_string(json, "reason_text", reason_sentence(view->reason));
    return json;
}

static const char *outcome_word(enum command_outcome outcome)
{
    static const char *const words[] = {"pending", "confirmed", "failed", "expired"};
    return (unsigned)outcome <= COMMAND_EXPIRED ? words[outcome] : "unknown";
}

static const char *pool_word(enum pool_link link)
{
    static const char *const words[] = {"none", "connecting", "ok", "lost"};
    return (unsigned)link <= POOL_LOST ? words[link] : "unknown";
}

static void add_heater_readings(struct json *json, const struct heater_state *state, hb_mono now)
{
    const struct {
        const char *name;
        const struct reading *reading;
        int decimals;
    } rows[] = {
        {"power_w", &state->power_w, 1}, {"hashrate_hs", &state->hashrate_hs, 0},
        {"chip_c", &state->chip_c, 1},   {"board_c", &state->board_c, 1},
        {"inlet_c", &state->inlet_c, 1}, {"fan_ratio", &state->fan_ratio, 3},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_add_number(json, rows[i].name, reading_or_nan(rows[i].reading, now, READING_FRESH_MS),
                        rows[i].decimals);
    }
    json_add_string(json, "power_from", provenance_name(state->power_w.from));
}

static void add_heater_work(struct json *json, const struct heater_view *view)
{
    add_text_or_null(json, "model", view->state.model);
    add_text_or_null(json, "pool", view->state.pool);
    json_add_string(json, "pool_link", pool_word(view->state.pool_link));
    add_count(json, "shares_accepted", view->shares_accepted);
    add_count(json, "shares_rejected", view->shares_rejected);
    add_count(json, "shares_stale", view->state.shares_stale);
    add_limit(json, "best_difficulty", view->best_difficulty, 6);
    json_add_number(json, "energy_wh", view->energy_wh, 1);
    add_count(json, "writes_today", view->state.care.writes_today);
}

static struct json *heater_json(const struct snapshot_input *input, size_t index)
{
    const struct config_heater *heater = &input->config->heaters[index];
    const struct heater_view *view = &input->heaters[index];
    const char *room =
        heater->room < input->config->room_count ? input->config->rooms[heater->room].id : NULL;
    const char *problem =
        view->state.problem_text[0] != '\0' ? view->state.problem_text : "the heater has a problem";
    struct json *json = json_new_object();
    json_add_string(json, "id", heater->id);
    json_add_string(json, "name", heater->name[0] != '\0' ? heater->name : heater->id);
    json_add_string(json, "room", room);
    json_add_bool(json, "available", view->available);
    add_heater_readings(json, &view->state, input->now);
    json_add_number(json, "commanded_w", view->commanded_w, 1);
    json_add_number(json, "max_w", heater_max_w(input, index), 0);
    json_add_string(json, "command", isnan(view->commanded_w) ? NULL : outcome_word(view->outcome));
    add_heater_work(json, view);
    json_add_string(json, "reason", reason_word(view->reason));
    json_add_string(json, "reason_text", reason_sentence(view->reason));
    json_add_string(json, "problem", view->state.problem ? problem : NULL);
    return json;
}

static void add_mqtt(struct json *json, const char *problem)
{
    if (problem == NULL) {
        json_add_null(json, "mqtt");
        return;
    }
    struct json *mqtt = json_new_object();
    json_add_bool(mqtt, "connected", problem[0] == '\0');
    add_text_or_null(mqtt, "problem", problem);
    json_add(json, "mqtt", mqtt);
}

static void add_notice(struct json *json, const struct snapshot_input *input)
{
    if (input->notice == NULL) {
        json_add_null(json, "notice");
        return;
    }
    struct json *notice = json_new_object();
    add_count(notice, "seq", input->notice_seq);
    json_add_string(notice, "text", input->notice);
    json_add(json, "notice", notice);
}

char *snapshot_print(const struct snapshot_input *input, size_t *len)
{
    struct json *json = json_new_object();
    struct json *rooms = json_new_array();
    struct json *heaters = json_new_array();
    json_add_number(json, "time_ms", (double)input->wall.ms, 0);
    json_add_number(json, "utc_offset_s", input->utc_offset_s, 0);
    json_add_number(json, "time_scale", input->time_scale, 3);
    add_text_or_null(json, "note", input->note);
    json_add_string(json, "version", HB_VERSION);
    add_mqtt(json, input->mqtt_problem);
    add_notice(json, input);
    for (size_t i = 0; i < input->config->room_count; i++) {
        json_add(rooms, NULL, room_json(input, i));
    }
    for (size_t i = 0; i < input->config->heater_count; i++) {
        json_add(heaters, NULL, heater_json(input, i));
    }
    json_add(json, "rooms", rooms);
    json_add(json, "heaters", heaters);
    char *text = json_print(json);
    json_free(json);
    *len = strlen(text);
    return text;
}
