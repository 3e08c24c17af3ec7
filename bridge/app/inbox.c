/* What comes in: MQTT messages and the page's requests, decoded into events for the core. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/app/private.h"
#include "bridge/control/interlock.h"
#include "ground/text.h"
#include "mqtt/command_codec.h"
#include "mqtt/source_codec.h"
#include "mqtt/topics.h"
#include "plumbing/clock.h"

#define METERED_MOST_W 1e6

enum { BAD_INTERLOCK = 24 }; /* its bit among bad_sources, and those of the ones after it */

static void subscribe_source(struct app *app, const struct config_source *source)
{
    if (source->topic[0] != '\0') {
        (void)mqtt_client_subscribe(app->mqtt, source->topic);
    }
}

bool app_listen(void *ctx, uint16_t heater, const char *topic)
{
    struct app *app = ctx;
    if (app->topic_count == app->topic_room) {
        const size_t room = app->topic_room == 0 ? 16 : 2 * app->topic_room;
        struct app_topic *grown = realloc(app->topics, room * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        app->topics = grown;
        app->topic_room = room;
    }
    struct app_topic *mine = &app->topics[app->topic_count];
    mine->heater = heater;
    if (!text_copy(mine->topic, sizeof mine->topic, topic)) {
        return false;
    }
    app->topic_count++;
    /* At the start of the program, before there is a client, app_subscribe_all does it. */
    return app->mqtt == NULL || mqtt_client_subscribe(app->mqtt, topic);
}

void app_subscribe_all(struct app *app)
{
    const struct config *config = app->config;
    for (int filter = 0; filter < FILTER_COUNT; filter++) {
        char topic[TOPIC_MAX];
        topics_filter(config, (enum topics_filter)filter, topic);
        (void)mqtt_client_subscribe(app->mqtt, topic);
    }
    subscribe_source(app, &config->outdoor);
    for (size_t i = 0; i < app->topic_count; i++) {
        (void)mqtt_client_subscribe(app->mqtt, app->topics[i].topic);
    }
    for (size_t i = 0; i < config->heater_count; i++) {
        subscribe_source(app, &config->heaters[i].power_meter);
        for (size_t k = 0; k < config->heaters[i].interlock_count; k++) {
            subscribe_source(app, &config->heaters[i].interlocks[k].source);
        }
    }
    for (size_t i = 0; i < config->circuit_count; i++) {
        subscribe_source(app, &config->circuits[i].meter);
    }
    for (size_t i = 0; i < config->room_count; i++) {
        subscribe_source(app, &config->rooms[i].temperature);
        subscribe_source(app, &config->rooms[i].humidity);
        subscribe_source(app, &config->rooms[i].window);
        subscribe_source(app, &config->rooms[i].demand.source);
    }
}

/* A bad payload is told once, until a good one comes for the same value of the same room. `slot` is
 * the room's index, room_count for outdoors, more than that for the heaters, and after those for
 * the circuits; `number` is the bit of the value, its event kind or counted from BAD_INTERLOCK. */
static void judge(struct app *app, size_t slot, unsigned number, const char *topic,
                  const char *what)
{
    const uint32_t bit = 1U << number;
    if (what != NULL && (app->bad_sources[slot] & bit) == 0) {
        hb_log(app->log, LOG_LEVEL_WARN, "source", "%s: %s", topic, what);
    }
    app->bad_sources[slot] = (app->bad_sources[slot] & ~bit) | (what != NULL ? bit : 0);
}

static void take(struct app *app, enum source_verdict verdict, struct event *event,
                 const struct mqtt_incoming *in, const struct hb_err *err)
{
    if (verdict != SOURCE_NOTHING) {
        judge(app, event->index, (unsigned)event->kind, in->topic,
              verdict == SOURCE_BAD ? err->msg : NULL);
    }
    if (verdict == SOURCE_VALUE) {
        app_post(app, event);
    }
}

static void take_number(struct app *app, size_t slot, const struct config_source *source,
                        const struct mqtt_incoming *in, enum event_kind kind)
{
    struct event event = {.kind = kind, .index = (uint16_t)slot};
    struct hb_err err;
    take(app, source_decode_number(source, in->payload, in->len, &event.number, &err), &event, in,
         &err);
}

static void take_window(struct app *app, size_t room, const struct mqtt_incoming *in)
{
    struct event event = {.kind = EVENT_ROOM_WINDOW, .index = (uint16_t)room};
    struct hb_err err;
    const struct config_source *source = &app->config->rooms[room].window;
    take(app, source_decode_open(source, in->payload, in->len, &event.flag, &err), &event, in,
         &err);
}

/* A demand that the broker had kept is nobody's wish of now: it counts for nothing. */
static void take_demand(struct app *app, size_t room, const struct mqtt_incoming *in)
{
    struct event event = {.kind = EVENT_ROOM_DEMAND, .index = (uint16_t)room};
    const struct config_demand *demand = &app->config->rooms[room].demand;
    const double most = demand->unit == DEMAND_PERCENT ? 100 : DEMAND_MOST_W;
    struct hb_err err;
    if (in->retained) {
        return;
    }
    enum source_verdict verdict =
        source_decode_number(&demand->source, in->payload, in->len, &event.number, &err);
    if (verdict == SOURCE_VALUE && !(event.number >= 0 && event.number <= most)) {
        hb_fail(&err, HB_ERR_INPUT, "expected 0 to %.0f %s, got %g", most,
                demand->unit == DEMAND_PERCENT ? "%" : "W", event.number);
        verdict = SOURCE_BAD;
    }
    take(app, verdict, &event, in, &err);
}

static bool is_for(const struct config_source *source, const struct mqtt_incoming *in)
{
    return strcmp(source->topic, in->topic) == 0;
}

/* Watts that a meter tells; true if they are to be used. */
static bool take_watts(struct app *app, size_t slot, enum event_kind kind,
                       const struct config_source *source, const struct mqtt_incoming *in,
                       double *power_w)
{
    struct hb_err err;
    enum source_verdict verdict = source_decode_number(source, in->payload, in->len, power_w, &err);
    if (verdict == SOURCE_VALUE && !(*power_w >= 0 && *power_w <= METERED_MOST_W)) {
        hb_fail(&err, HB_ERR_STATE, "expected 0 W to %g W, got %g", METERED_MOST_W, *power_w);
        verdict = SOURCE_BAD;
    }
    if (verdict != SOURCE_NOTHING) {
        judge(app, slot, (unsigned)kind, in->topic, verdict == SOURCE_BAD ? err.msg : NULL);
    }
    return verdict == SOURCE_VALUE;
}

/* The meter's word goes to the heater's host, which tells it to the core with the heater's state.
 */
static void take_meter(struct app *app, size_t heater, const struct mqtt_incoming *in)
{
    double power_w = NAN;
    if (take_watts(app, app->config->room_count + 1 + heater, EVENT_HEATER_STATE,
                   &app->config->heaters[heater].power_meter, in, &power_w)) {
        host_metered(app->hosts[heater], power_w, app_house_now(app));
    }
}

static void take_circuit_meter(struct app *app, size_t circuit, const struct mqtt_incoming *in)
{
    const struct config *config = app->config;
    struct event event = {.kind = EVENT_CIRCUIT_POWER, .index = (uint16_t)circuit};
    if (take_watts(app, config->room_count + 1 + config->heater_count + circuit, event.kind,
                   &config->circuits[circuit].meter, in, &event.number)) {
        app_post(app, &event);
    }
}

static void take_interlock(struct app *app, size_t heater, size_t which,
                           const struct mqtt_incoming *in)
{
    const struct config_source *source = &app->config->heaters[heater].interlocks[which].source;
    struct event event = {.kind = EVENT_HEATER_INTERLOCK,
                          .index = (uint16_t)heater,
                          .interlock = (uint16_t)which,
                          .flag = in->retained};
    struct hb_err err;
    enum source_verdict verdict =
        source_decode_number(source, in->payload, in->len, &event.number, &err);
    if (verdict == SOURCE_VALUE && !(fabs(event.number) <= INTERLOCK_VALUE_MOST)) {
        hb_fail(&err, HB_ERR_INPUT, "expected a number from -%g to %g, got %g",
                INTERLOCK_VALUE_MOST, INTERLOCK_VALUE_MOST, event.number);
        verdict = SOURCE_BAD;
    }
    if (verdict != SOURCE_NOTHING) {
        judge(app, app->config->room_count + 1 + heater, BAD_INTERLOCK + (unsigned)which, in->topic,
              verdict == SOURCE_BAD ? err.msg : NULL);
    }
    if (verdict == SOURCE_VALUE) {
        app_post(app, &event);
    }
}

static void take_heater_sources(struct app *app, size_t heater, const struct mqtt_incoming *in)
{
    const struct config_heater *config = &app->config->heaters[heater];
    if (is_for(&config->power_meter, in)) {
        take_meter(app, heater, in);
    }
    for (size_t i = 0; i < config->interlock_count; i++) {
        if (is_for(&config->interlocks[i].source, in)) {
            take_interlock(app, heater, i, in);
        }
    }
}

static void take_for_drivers(struct app *app, const struct mqtt_incoming *in)
{
    for (size_t i = 0; i < app->topic_count; i++) {
        if (strcmp(app->topics[i].topic, in->topic) == 0) {
            host_message(app->hosts[app->topics[i].heater], in->topic, in->payload, in->len,
                         in->retained, app_house_now(app));
        }
    }
}

/* Several rooms may share a topic, and one topic may carry several values. */
static void take_sources(struct app *app, const struct mqtt_incoming *in)
{
    const struct config *config = app->config;
    if (is_for(&config->outdoor, in)) {
        take_number(app, config->room_count, &config->outdoor, in, EVENT_OUTDOOR);
    }
    for (size_t i = 0; i < config->heater_count; i++) {
        take_heater_sources(app, i, in);
    }
    for (size_t i = 0; i < config->circuit_count; i++) {
        if (is_for(&config->circuits[i].meter, in)) {
            take_circuit_meter(app, i, in);
        }
    }
    for (size_t i = 0; i < config->room_count; i++) {
        const struct config_room *room = &config->rooms[i];
        if (is_for(&room->temperature, in)) {
            take_number(app, i, &room->temperature, in, EVENT_ROOM_TEMPERATURE);
        }
        if (is_for(&room->humidity, in)) {
            take_number(app, i, &room->humidity, in, EVENT_ROOM_HUMIDITY);
        }
        if (is_for(&room->window, in)) {
            take_window(app, i, in);
        }
        if (is_for(&room->demand.source, in)) {
            take_demand(app, i, in);
        }
    }
}

static void take_room_command(struct app *app, const struct topic_target *target,
                              const struct mqtt_incoming *in)
{
    if (target->index == INDEX_NONE) {
        hb_log(app->log, LOG_LEVEL_WARN, "mqtt", "%s: no such room", in->topic);
        return;
    }
    struct event event = {.kind = EVENT_ROOM_REQUEST, .index = target->index};
    struct hb_err err;
    switch (command_decode(&app->config->rooms[target->index], target, in->payload, in->len,
                           in->retained, &event.u.request, &err)) {
    case COMMAND_ACCEPTED:
        app_post(app, &event);
        break;
    case COMMAND_REFUSED:
        app_refuse(app, target->index, err.msg);
        break;
    case COMMAND_RETAINED:
        if (!app->retained_told[target->index]) {
            hb_log(app->log, LOG_LEVEL_WARN, "mqtt", "%s: %s", in->topic, err.msg);
            app->retained_told[target->index] = true;
        }
        break;
    }
}

static void take_acknowledge(struct app *app, const struct topic_target *target,
                             const struct mqtt_incoming *in)
{
    struct event event = {.kind = EVENT_HEATER_ACKNOWLEDGE, .index = target->index};
    bool *told = &app->retained_told[app->config->room_count + target->index];
    struct hb_err err;
    switch (command_decode_press(in->payload, in->len, in->retained, &err)) {
    case COMMAND_ACCEPTED:
        app_post(app, &event);
        break;
    case COMMAND_REFUSED:
        app_refuse_heater(app, target->index, err.msg);
        break;
    case COMMAND_RETAINED:
        if (!*told) {
            hb_log(app->log, LOG_LEVEL_WARN, "mqtt", "%s: %s", in->topic, err.msg);
            *told = true;
        }
        break;
    }
}

/* A heater has no orders of its own: two masters would fight over it. But a person may release it
 * after an interlock stopped it. */
static void take_heater_command(struct app *app, const struct topic_target *target,
                                const struct mqtt_incoming *in)
{
    if (target->index == INDEX_NONE) {
        hb_log(app->log, LOG_LEVEL_WARN, "mqtt", "%s: no such heater", in->topic);
    } else if (target->kind == TOPIC_HEATER_ACKNOWLEDGE) {
        take_acknowledge(app, target, in);
    } else {
        app_refuse_heater(app, target->index,
                          "a heater is commanded through its room; nothing was done");
    }
}

static void take_message(struct app *app, const struct mqtt_incoming *in)
{
    take_sources(app, in);
    take_for_drivers(app, in);
    const struct topic_target target = topics_classify(app->config, in->topic);
    switch (target.kind) {
    case TOPIC_ROOM_COMMAND:
        take_room_command(app, &target, in);
        break;
    case TOPIC_HEATER_COMMAND:
    case TOPIC_HEATER_ACKNOWLEDGE:
        take_heater_command(app, &target, in);
        break;
    case TOPIC_HA_STATUS:
        announcer_ha_status(app->announcer, in->payload, in->len, in->retained, clock_mono());
        break;
    case TOPIC_DISCOVERY:
        announcer_retained(app->announcer, in->topic, in->payload, in->len);
        break;
    case TOPIC_OTHER:
        break;
    }
}

static void take_connection(struct app *app, const struct mqtt_incoming *in)
{
    app->mqtt_connected = in->kind == MQTT_IN_CONNECTED;
    app->snapshot_due = true;
    if (app->mqtt_connected) {
        char topic[TOPIC_MAX];
        app->mqtt_problem[0] = '\0';
        topics_status(&app->config->mqtt, topic);
        app_publish(app, topic, TOPICS_ONLINE, true);
        announcer_connected(app->announcer, clock_mono());
    } else {
        (void)text_copy(app->mqtt_problem, sizeof app->mqtt_problem, in->payload);
        announcer_lost(app->announcer);
    }
}

void app_receive_mqtt(struct app *app)
{
    while (mqtt_client_receive(app->mqtt, &app->incoming)) {
        if (app->incoming.kind == MQTT_IN_MESSAGE) {
            take_message(app, &app->incoming);
        } else {
            take_connection(app, &app->incoming);
        }
    }
}

void app_receive_web(struct app *app)
{
    struct web_request request;
    while (app->web != NULL && web_receive(app->web, &request)) {
        for (size_t i = 0; i < app->config->room_count; i++) {
            const struct config_room *room = &app->config->rooms[i];
            if (strcmp(room->id, request.room) != 0) {
                continue;
            }
            struct event event = {.kind = EVENT_ROOM_REQUEST, .index = (uint16_t)i};
            struct hb_err err;
            if (command_decode_json(room, request.json, request.len, &event.u.request, &err)) {
                app_post(app, &event);
            } else {
                app_refuse(app, (uint16_t)i, err.msg);
            }
        }
    }
}
