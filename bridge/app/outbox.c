/* What goes out: the core's effects, discovery, the page's snapshot and what is kept. */
#include <stdlib.h>
#include <string.h>

#include "bridge/app/private.h"
#include "bridge/web/snapshot.h"
#include "ground/text.h"
#include "mqtt/state_codec.h"
#include "mqtt/topics.h"
#include "plumbing/clock.h"

enum { SNAPSHOT_MIN_MS = 250 };

void app_publish(struct app *app, const char *topic, const char *payload, bool retain)
{
    (void)mqtt_client_publish(app->mqtt, topic, payload, strlen(payload), 1, retain);
}

bool app_speak(void *ctx, const char *topic, const char *payload, bool retain)
{
    struct app *app = ctx;
    return app->mqtt_connected &&
           mqtt_client_publish(app->mqtt, topic, payload, strlen(payload), 1, retain);
}

bool app_recall(void *ctx, uint16_t heater, char text[HEATER_MEMORY_MAX])
{
    struct app *app = ctx;
    struct store_memory kept = {0};
    (void)text_copy(kept.id, sizeof kept.id, app->config->heaters[heater].id);
    return store_load_memory(app->store, &kept) && text_copy(text, HEATER_MEMORY_MAX, kept.text);
}

void app_remember(void *ctx, uint16_t heater, const char *text)
{
    struct app *app = ctx;
    struct store_memory kept = {0};
    (void)text_copy(kept.id, sizeof kept.id, app->config->heaters[heater].id);
    if (text_copy(kept.text, sizeof kept.text, text)) {
        store_save_memory(app->store, &kept);
    }
}

static void publish_room(struct app *app, uint16_t index)
{
    const struct config_room *room = &app->config->rooms[index];
    struct room_view view;
    char topic[TOPIC_MAX];
    core_room_view(app->core, index, &view);
    topics_room(&app->config->mqtt, room->id, ROOM_TOPIC_STATE, topic);
    char *json = state_encode_room(room, &view);
    app_publish(app, topic, json, true);
    free(json);
    app->snapshot_due = true;
}

static void publish_heater(struct app *app, uint16_t index)
{
    const char *id = app->config->heaters[index].id;
    struct heater_view view;
    char topic[TOPIC_MAX];
    core_heater_view(app->core, index, &view);
    topics_heater(&app->config->mqtt, id, HEATER_TOPIC_AVAILABILITY, topic);
    app_publish(app, topic, view.available ? TOPICS_ONLINE : TOPICS_OFFLINE, true);
    topics_heater(&app->config->mqtt, id, HEATER_TOPIC_STATE, topic);
    char *json = state_encode_heater(&view, app_house_now(app));
    app_publish(app, topic, json, true);
    free(json);
    app->snapshot_due = true;
}

static void publish_circuit(struct app *app, uint16_t index)
{
    struct circuit_view view;
    char topic[TOPIC_MAX];
    core_circuit_view(app->core, index, &view);
    topics_circuit(&app->config->mqtt, app->config->circuits[index].id, topic);
    char *json = state_encode_circuit(&view);
    app_publish(app, topic, json, true);
    free(json);
}

void app_refuse(struct app *app, uint16_t room, const char *text)
{
    char topic[TOPIC_MAX];
    topics_room(&app->config->mqtt, app->config->rooms[room].id, ROOM_TOPIC_ERROR, topic);
    app_publish(app, topic, text, false);
    hb_log(app->log, LOG_LEVEL_WARN, app->config->rooms[room].id, "%s", text);
    (void)text_copy(app->notice, sizeof app->notice, text);
    app->notice_seq++;
    publish_room(app, room); /* so that whoever asked sees what is in force */
}

void app_refuse_heater(struct app *app, uint16_t heater, const char *text)
{
    char topic[TOPIC_MAX];
    topics_heater(&app->config->mqtt, app->config->heaters[heater].id, HEATER_TOPIC_ERROR, topic);
    app_publish(app, topic, text, false);
    hb_log(app->log, LOG_LEVEL_WARN, app->config->heaters[heater].id, "%s", text);
}

static void save_room(struct app *app, uint16_t index)
{
    const struct config_room *room = &app->config->rooms[index];
    struct store_room saved = {0};
    core_room_settings(app->core, index, &saved.settings);
    (void)text_copy(saved.id, sizeof saved.id, room->id);
    if (saved.settings.preset < room->preset_count) {
        (void)text_copy(saved.preset, sizeof saved.preset,
                        room->presets[saved.settings.preset].name);
    }
    store_save_room(app->store, &saved);
}

static void save_heater(struct app *app, uint16_t index)
{
    struct store_heater saved = {0};
    (void)text_copy(saved.id, sizeof saved.id, app->config->heaters[index].id);
    core_heater_totals(app->core, index, &saved.totals);
    store_save_heater(app->store, &saved);
}

static void save_latch(struct app *app, uint16_t index)
{
    struct store_memory saved = {0};
    (void)text_copy(saved.id, sizeof saved.id, app->config->heaters[index].id);
    (void)text_copy(saved.text, sizeof saved.text, core_heater_latch(app->core, index));
    store_save_latch(app->store, &saved);
}

void app_save_totals(struct app *app)
{
    for (size_t i = 0; i < app->config->heater_count; i++) {
        save_heater(app, (uint16_t)i);
    }
    struct miner_calibration calibration;
    if (app->engine != NULL && miner_get_calibration(app->engine, &calibration)) {
        store_save_calibration(app->store, &calibration);
    }
}

/* An event, so not retained: whoever listens later must not take it for a new one. */
static void tell_block(struct app *app, uint16_t index)
{
    const char *id = app->config->heaters[index].id;
    struct heater_view view;
    char topic[TOPIC_MAX];
    core_heater_view(app->core, index, &view);
    topics_heater(&app->config->mqtt, id, HEATER_TOPIC_EVENT, topic);
    char *json = state_encode_block_found(&view, app_house_now(app));
    app_publish(app, topic, json, false);
    free(json);
}

void app_carry_out(struct app *app, const struct effect *effect)
{
    switch (effect->kind) {
    case EFFECT_HEATER_COMMAND:
        host_command(app->hosts[effect->index], &effect->command, app_house_now(app));
        break;
    case EFFECT_PUBLISH_ROOM:
        publish_room(app, effect->index);
        break;
    case EFFECT_PUBLISH_HEATER:
        publish_heater(app, effect->index);
        break;
    case EFFECT_PUBLISH_CIRCUIT:
        publish_circuit(app, effect->index);
        break;
    case EFFECT_REFUSE:
        app_refuse(app, effect->index, effect->text);
        break;
    case EFFECT_SAVE_ROOM:
        save_room(app, effect->index);
        break;
    case EFFECT_SAVE_HEATER:
        save_heater(app, effect->index);
        break;
    case EFFECT_REFUSE_HEATER:
        app_refuse_heater(app, effect->index, effect->text);
        break;
    case EFFECT_SAVE_LATCH:
        save_latch(app, effect->index);
        break;
    case EFFECT_BLOCK_FOUND:
        tell_block(app, effect->index);
        break;
    case EFFECT_LOG:
        hb_log(app->log, (enum log_level)effect->level, "core", "%s", effect->text);
        break;
    }
}

static void publish_all_states(struct app *app)
{
    char topic[TOPIC_MAX];
    topics_status(&app->config->mqtt, topic);
    app_publish(app, topic, TOPICS_ONLINE, true);
    for (size_t i = 0; i < app->config->heater_count; i++) {
        publish_heater(app, (uint16_t)i);
    }
    for (size_t i = 0; i < app->config->room_count; i++) {
        publish_room(app, (uint16_t)i);
    }
    for (size_t i = 0; i < app->config->circuit_count; i++) {
        publish_circuit(app, (uint16_t)i);
    }
}

void app_announce(struct app *app)
{
    const hb_mono now = clock_mono();
    const struct announcement *next;
    while (app->mqtt_connected && (next = announcer_peek(app->announcer, now)) != NULL) {
        if (next->kind == ANNOUNCE_STATES) {
            publish_all_states(app);
        } else if (!mqtt_client_publish(app->mqtt, next->topic, next->payload,
                                        strlen(next->payload), 1, true)) {
            break; /* the queue is full: the next tick tries again */
        }
        announcer_done(app->announcer, now);
    }
}

void app_show(struct app *app)
{
    const hb_mono now = clock_mono();
    if (app->web == NULL || !app->snapshot_due ||
        mono_age_ms(now, app->snapshot_at) < SNAPSHOT_MIN_MS) {
        return;
    }
    const struct config *config = app->config;
    for (size_t i = 0; i < config->room_count; i++) {
        core_room_view(app->core, (uint16_t)i, &app->room_views[i]);
    }
    for (size_t i = 0; i < config->heater_count; i++) {
        core_heater_view(app->core, (uint16_t)i, &app->heater_views[i]);
    }
    const hb_wall wall = ticker_wall(&app->ticker, now, clock_wall());
    const struct snapshot_input input = {
        .now = app_house_now(app),
        .wall = wall,
        .utc_offset_s = clock_utc_offset_s(wall),
        .time_scale = app->ticker.scale,
        .note = app->options->note,
        .mqtt_problem = app->mqtt_connected ? "" : app->mqtt_problem,
        .notice = app->notice_seq > 0 ? app->notice : NULL,
        .notice_seq = app->notice_seq,
        .config = config,
        .rooms = app->room_views,
        .heaters = app->heater_views,
        .caps = app->caps,
    };
    size_t len = 0;
    char *json = snapshot_print(&input, &len);
    web_show(app->web, json, len);
    free(json);
    app->snapshot_due = false;
    app->snapshot_at = now;
}
