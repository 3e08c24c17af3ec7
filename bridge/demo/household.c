#include "bridge/demo/household.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "bridge/house/room.h"
#include "bridge/house/script.h"
#include "mqtt/client.h"
#include "plumbing/clock.h"
#include "plumbing/json.h"

enum { STEP_MS = 50, SENSOR_EVERY_S = 10, QUEUE_TOPICS = 16, STOP_MS = 500 };

static const char heater_topic[] = "heatbridge/heater/miner/state";
static const char room_topic[] = "heatbridge/living_room/state";

struct household {
    uv_timer_t timer;
    uv_async_t wake;
    struct mqtt_client *mqtt;
    struct mqtt_incoming incoming;
    struct house_room room;
    double time_scale;
    hb_mono started; /* when the room was first connected: the story begins */
    double story_s, sensor_at_s;
    double power_w, target_c;
    double worst_k;
    void (*tell)(void *ctx, const char *line);
    void *tell_ctx;
};

static void publish_number(struct household *home, const char *topic, const char *name,
                           double value)
{
    char text[64];
    const int len = snprintf(text, sizeof text, "{\"%s\": %.2f}", name, value);
    (void)mqtt_client_publish(home->mqtt, topic, text, (size_t)len, 1, false);
}

static void publish_text(struct household *home, const char *topic, const char *text)
{
    (void)mqtt_client_publish(home->mqtt, topic, text, strlen(text), 1, false);
}

static void act(struct household *home, const struct script_event *event)
{
    switch (event->act) {
    case SCRIPT_PRESET:
        publish_text(home, "heatbridge/living_room/mode/set", "heat");
        publish_text(home, "heatbridge/living_room/preset/set", event->preset);
        break;
    case SCRIPT_WINDOW:
        home->room.window_open = event->window_open;
        publish_text(home, "demo/window", event->window_open ? "open" : "closed");
        break;
    case SCRIPT_OUTDOOR:
        break; /* the sensors tell */
    }
    if (event->story != NULL) {
        home->tell(home->tell_ctx, event->story);
    }
}

static void publish_sensors(struct household *home)
{
    publish_number(home, "demo/living_room", "temperature", house_room_sensor_c(&home->room));
    publish_number(home, "demo/outdoor", "temperature", script_outdoor_c(home->story_s));
    home->sensor_at_s = home->story_s + SENSOR_EVERY_S;
}

/* The story is over after its half hour, but life in the room goes on. */
static void judge(struct household *home)
{
    const double off_k = fabs(home->room.air_c - home->target_c);
    if (home->story_s >= SCRIPT_LENGTH_S * 2.0 / 3.0 && isfinite(off_k) &&
        !(off_k <= home->worst_k)) {
        home->worst_k = off_k;
    }
}

static void on_step(uv_timer_t *timer)
{
    struct household *home = timer->data;
    const hb_mono now = clock_mono();
    if (!mono_is_set(home->started)) {
        return;
    }
    const double from_s = home->story_s;
    home->story_s = (double)mono_age_ms(now, home->started) / 1000.0 * home->time_scale;
    house_room_step(&home->room, home->power_w, script_outdoor_c(home->story_s),
                    home->story_s - from_s);
    size_t count = 0;
    const struct script_event *events = script_between(from_s, home->story_s, &count);
    for (size_t i = 0; i < count; i++) {
        act(home, &events[i]);
    }
    if (home->story_s >= home->sensor_at_s) {
        publish_sensors(home);
    }
    judge(home);
}

static void take_state(struct household *home, const char *topic, const char *payload, size_t len)
{
    struct json *state = json_parse(payload, len, PAYLOAD_MAX, NULL);
    double value = 0;
    if (strcmp(topic, heater_topic) == 0 && json_number(json_get(state, "power_w"), &value)) {
        home->power_w = value;
    }
    if (strcmp(topic, room_topic) == 0 && json_number(json_get(state, "target_c"), &value)) {
        home->target_c = value;
    }
    json_free(state);
}

static void on_wake(uv_async_t *async)
{
    struct household *home = async->data;
    while (mqtt_client_receive(home->mqtt, &home->incoming)) {
        if (home->incoming.kind == MQTT_IN_MESSAGE) {
            take_state(home, home->incoming.topic, home->incoming.payload, home->incoming.len);
            if (!mono_is_set(home->started) && strcmp(home->incoming.topic, room_topic) == 0) {
                home->started = clock_mono(); /* heatbridge is there */
            }
        }
    }
}

static void ring_bell(void *ctx)
{
    struct household *home = ctx;
    (void)uv_async_send(&home->wake);
}

static void on_failed_closed(uv_handle_t *handle)
{
    free(handle->data);
}

struct household *household_start(struct uv_loop_s *loop, uint16_t mqtt_port, double time_scale,
                                  const struct hb_log *log,
                                  void (*tell)(void *ctx, const char *line), void *ctx,
                                  struct hb_err *err)
{
    struct household *home = calloc(1, sizeof *home);
    if (home == NULL) {
        hb_fail(err, HB_ERR_SYSTEM, "out of memory");
        return NULL;
    }
    const struct house_room_parameters is = house_demo_room();
    house_room_init(&home->room, &is, script_start_c());
    home->time_scale = time_scale;
    home->target_c = NAN;
    home->worst_k = NAN;
    home->tell = tell;
    home->tell_ctx = ctx;
    (void)uv_async_init(loop, &home->wake, on_wake); /* before the client, which rings it */
    home->wake.data = home;
    char url[64];
    (void)snprintf(url, sizeof url, "mqtt://127.0.0.1:%d", mqtt_port);
    const struct mqtt_client_options options = {
        .backend = &mqtt_link_mosquitto,
        .link = {.url = url, .client_id = "demo-household", .keepalive_s = 30, .max_packet = 8192},
        .queue_topics = QUEUE_TOPICS,
    };
    home->mqtt = mqtt_client_start(&options, log, ring_bell, home, err);
    if (home->mqtt == NULL) {
        uv_close((uv_handle_t *)&home->wake, on_failed_closed);
        return NULL;
    }
    (void)uv_timer_init(loop, &home->timer);
    home->timer.data = home;
    (void)mqtt_client_subscribe(home->mqtt, heater_topic);
    (void)mqtt_client_subscribe(home->mqtt, room_topic);
    (void)uv_timer_start(&home->timer, on_step, STEP_MS, STEP_MS);
    return home;
}

void household_stop(struct household *home)
{
    mqtt_client_stop(home->mqtt, NULL, NULL, STOP_MS);
    home->mqtt = NULL;
    uv_close((uv_handle_t *)&home->timer, NULL);
    uv_close((uv_handle_t *)&home->wake, NULL);
}

void household_free(struct household *home)
{
    free(home);
}

void household_get_report(const struct household *home, struct household_report *report)
{
    *report = (struct household_report){
        .worst_k = home->worst_k,
        .room_c = home->room.air_c,
        .target_c = home->target_c,
        .story_s = home->story_s,
    };
}
