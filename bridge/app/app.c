/* Start column, the loop's callbacks, and the stop column. */
#include "bridge/app/app.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/app/private.h"
#include "bridge/notify.h"
#include "devices/registry.h"
#include "devices/stratum_proxy.h"
#include "ground/text.h"
#include "miner/engine.h"
#include "miner/proxy/proxy.h"
#include "mqtt/topics.h"
#include "plumbing/clock.h"

enum {
    EVENT_SLOTS_MIN = 256,
    QUEUE_TOPICS_MIN = 256,
    QUEUE_TOPICS_PER_THING = 32, /* states, availability, errors and single-form discovery        */
    SAVE_TOTALS_MS = 60000,
    STOP_DEADLINE_MS = 3000,
    MAX_PACKET = PAYLOAD_MAX,
};

hb_mono app_house_now(const struct app *app)
{
    return ticker_mono(&app->ticker, clock_mono());
}

void app_post(struct app *app, struct event *event)
{
    const hb_mono real = clock_mono();
    event->at = ticker_mono(&app->ticker, real);
    event->wall = ticker_wall(&app->ticker, real, clock_wall());
    event->utc_offset_s = clock_utc_offset_s(event->wall);
    (void)ring_push(app->events, event);
}

/* A trace that cannot be written is given up, with one message; heating goes on. */
static void record(struct app *app, const struct event *event)
{
    struct hb_err err;
    if (app->trace != NULL && !trace_write(app->trace, event, &err)) {
        hb_log(app->log, LOG_LEVEL_ERROR, "trace", "%s; recording ends", err.msg);
        (void)fclose(app->trace);
        app->trace = NULL;
    }
}

void app_drain(struct app *app)
{
    if (app->draining) {
        return;
    }
    app->draining = true;
    struct event event;
    while (ring_pop(app->events, &event)) {
        app->effects.count = 0;
        record(app, &event);
        core_step(app->core, &event, &app->effects);
        for (size_t i = 0; i < app->effects.count; i++) {
            app_carry_out(app, &app->effects.item[i]);
        }
    }
    app->draining = false;
}

static void on_soon(uv_timer_t *timer);

/* Everything that follows from new input: decisions first, then showing them. */
static void work(struct app *app)
{
    app_drain(app);
    app_announce(app);
    app_show(app);
    const hb_mono wake = announcer_wake(app->announcer);
    const hb_mono now = clock_mono();
    int64_t wait_ms = mono_is_set(wake) ? mono_age_ms(wake, now) : INT64_MAX;
    if (app->snapshot_due && wait_ms > app->ticker.period_ms) {
        wait_ms = app->ticker.period_ms;
    }
    if (wait_ms < INT64_MAX) {
        (void)uv_timer_start(&app->soon, on_soon, wait_ms > 0 ? (uint64_t)wait_ms : 1, 0);
    }
}

static void feed_watchdog(struct app *app, hb_mono now)
{
    if (app->watchdog_ms > 0 && mono_age_ms(now, app->fed_at) >= app->watchdog_ms) {
        notify_send("WATCHDOG=1");
        app->fed_at = now;
    }
}

static void on_tick(uv_timer_t *timer)
{
    struct app *app = timer->data;
    const hb_mono now = clock_mono();
    ticker_tick(&app->ticker, now);
    app_tick_heaters(app);
    struct event event = {.kind = EVENT_TICK};
    app_post(app, &event);
    work(app);
    if (mono_age_ms(now, app->saved_at) >= SAVE_TOTALS_MS) {
        app_save_totals(app);
        app_keep_records(app, true);
        app->saved_at = now;
    }
    feed_watchdog(app, now);
}

static void on_soon(uv_timer_t *timer)
{
    work(timer->data);
}

static void on_wake(uv_async_t *async)
{
    struct app *app = async->data;
    app_receive_mqtt(app);
    app_receive_web(app);
    app_wake_heaters(app);
    work(app);
}

/* Called on other threads. */
static void ring_bell(void *ctx)
{
    app_ring(ctx);
}

void app_ring(struct app *app)
{
    (void)uv_async_send(&app->wake);
}

/* --- start ---------------------------------------------------------------------------------- */

static void start_loop(struct app *app)
{
    (void)uv_timer_init(app->loop, &app->tick);
    (void)uv_timer_init(app->loop, &app->soon);
    (void)uv_async_init(app->loop, &app->wake, on_wake);
    app->tick.data = app;
    app->soon.data = app;
    app->wake.data = app;
    app->open_handles = 3;
}

static bool start_memory(struct app *app, struct hb_err *err)
{
    const size_t rooms = app->config->room_count;
    const size_t heaters = app->config->heater_count;
    const size_t circuits = app->config->circuit_count;
    app->hosts = calloc(heaters + 1, sizeof *app->hosts);
    app->caps = calloc(heaters + 1, sizeof *app->caps);
    app->about = calloc(heaters + 1, sizeof *app->about);
    app->news = calloc(heaters + 1, sizeof *app->news);
    app->bad_sources = calloc(rooms + 1 + heaters + circuits, sizeof *app->bad_sources);
    app->retained_told = calloc(rooms + heaters + 1, sizeof *app->retained_told);
    app->room_views = calloc(rooms + 1, sizeof *app->room_views);
    app->heater_views = calloc(heaters + 1, sizeof *app->heater_views);
    app->events = ring_create(EVENT_SLOTS_MIN + 4 * (rooms + heaters), sizeof(struct event),
                              RING_DROP_OLDEST, NULL, NULL);
    if (app->hosts == NULL || app->caps == NULL || app->about == NULL || app->news == NULL ||
        app->bad_sources == NULL || app->retained_told == NULL || app->room_views == NULL ||
        app->heater_views == NULL || app->events == NULL) {
        return hb_fail(err, HB_ERR_SYSTEM, "out of memory");
    }
    return true;
}

static bool wants_driver(const struct config *config, const char *driver)
{
    for (size_t i = 0; i < config->heater_count; i++) {
        if (strcmp(config->heaters[i].driver, driver) == 0) {
            return true;
        }
    }
    return false;
}

static const char *unless_empty(const char *text)
{
    return text[0] == '\0' ? NULL : text;
}

/* What the engine and the proxy need to know of the pools; texts stay the configuration's. */
static bool start_mining(struct app *app, struct hb_err *err)
{
    const struct config_mining *mining = &app->config->mining;
    app->pools = calloc(mining->pool_count + 1, sizeof *app->pools);
    app->redirect_hosts = calloc(mining->redirect_host_count + 1, sizeof *app->redirect_hosts);
    if (app->pools == NULL || app->redirect_hosts == NULL) {
        return hb_fail(err, HB_ERR_SYSTEM, "out of memory");
    }
    for (size_t i = 0; i < mining->pool_count; i++) {
        const struct config_pool *pool = &mining->pools[i];
        app->pools[i] = (struct miner_pool){
            .url = pool->url,
            .user = pool->user,
            .password = pool->password,
            .ca_file = unless_empty(pool->ca_file),
            .tls_verify = pool->tls_verify,
            .tls_pin = unless_empty(pool->tls_pin),
            .proxy = unless_empty(pool->proxy),
            .proxy_user = unless_empty(pool->proxy_user),
            .proxy_password = unless_empty(pool->proxy_password),
            .silence_ms = pool->silence_ms,
            .cookie_file = unless_empty(pool->cookie_file),
            .rpc_user = unless_empty(pool->rpc_user),
            .rpc_password = unless_empty(pool->rpc_password),
            .fee_ratio = pool->fee_percent / 100,
        };
    }
    for (size_t i = 0; i < mining->redirect_host_count; i++) {
        app->redirect_hosts[i] = mining->redirect_hosts[i];
    }
    app->mining = (struct miner_options){
        .pools = app->pools,
        .pool_count = mining->pool_count,
        .threads = mining->threads,
        .spare_cores = mining->spare_cores,
        .ramp_s = (double)mining->ramp_ms / 1000,
        .max_cpu_c = mining->max_cpu_c,
        .sysfs_root = mining->sysfs_root,
        .kernel = unless_empty(mining->kernel),
        .no_pool = mining->no_pool == NO_POOL_HEAT ? MINER_NO_POOL_HEAT : MINER_NO_POOL_PAUSE,
        .redirect_hosts = app->redirect_hosts,
        .redirect_host_count = mining->redirect_host_count,
    };
    return true;
}

static bool start_engine(struct app *app, struct hb_err *err)
{
    struct miner_options options = app->mining;
    struct miner_calibration kept;
    if (!wants_driver(app->config, "engine")) {
        return true;
    }
    options.calibration = store_load_calibration(app->store, &kept) ? &kept : NULL;
    app->engine = miner_create(&options, app->loop, app->log, err);
    return app->engine != NULL;
}

static bool start_proxy(struct app *app, struct hb_err *err)
{
    const struct config_proxy *proxy = &app->config->mining.proxy;
    const struct proxy_options options = {
        .listen = proxy->listen, .port = proxy->port, .mining = &app->mining};
    if (!wants_driver(app->config, STRATUM_PROXY_DRIVER)) {
        return true;
    }
    app->proxy = proxy_create(&options, app->loop, app->log, err);
    if (app->proxy == NULL) {
        hb_err_prefix(err, "mining.proxy");
        return false;
    }
    hb_log(app->log, LOG_LEVEL_INFO, "proxy", "heaters can be pointed to %s, port %u",
           proxy->listen, proxy_port(app->proxy));
    return true;
}

static void restore(struct app *app)
{
    for (size_t i = 0; i < app->config->room_count; i++) {
        const struct config_room *room = &app->config->rooms[i];
        struct store_room saved = {0};
        (void)text_copy(saved.id, sizeof saved.id, room->id);
        if (!store_load_room(app->store, &saved)) {
            continue;
        }
        saved.settings.preset = INDEX_NONE;
        for (size_t p = 0; p < room->preset_count; p++) {
            if (strcmp(room->presets[p].name, saved.preset) == 0) {
                saved.settings.preset = (uint16_t)p;
            }
        }
        core_restore_room(app->core, (uint16_t)i, &saved.settings);
    }
    for (size_t i = 0; i < app->config->heater_count; i++) {
        struct store_heater saved = {0};
        (void)text_copy(saved.id, sizeof saved.id, app->config->heaters[i].id);
        if (store_load_heater(app->store, &saved)) {
            core_restore_heater(app->core, (uint16_t)i, &saved.totals);
        }
        struct store_memory latch = {0};
        (void)text_copy(latch.id, sizeof latch.id, app->config->heaters[i].id);
        if (store_load_latch(app->store, &latch)) {
            core_restore_latch(app->core, (uint16_t)i, latch.text);
        }
    }
}

static bool start_trace(struct app *app, struct hb_err *err)
{
    const char *path = app->options->trace_path;
    if (path == NULL) {
        return true;
    }
    app->trace = fopen(path, "w");
    if (app->trace == NULL) {
        return hb_fail(err, HB_ERR_SYSTEM, "cannot write the trace '%s'", path);
    }
    return trace_begin(app->trace, err);
}

static bool start_core(struct app *app, struct hb_err *err)
{
    app->core = core_create(app->config, app->caps);
    if (app->core == NULL) {
        return hb_fail(err, HB_ERR_SYSTEM, "out of memory");
    }
    restore(app);
    app->effects.capacity = core_effects_max(app->core);
    app->effects.item = calloc(app->effects.capacity, sizeof *app->effects.item);
    if (app->effects.item == NULL) {
        return hb_fail(err, HB_ERR_SYSTEM, "out of memory");
    }
    return start_trace(app, err);
}

static bool start_mqtt(struct app *app, struct hb_err *err)
{
    const struct config_mqtt *mqtt = &app->config->mqtt;
    char status[TOPIC_MAX];
    char client_id[2 * NAME_MAX_B];
    topics_status(mqtt, status);
    (void)snprintf(client_id, sizeof client_id, "%s%s",
                   mqtt->client_id[0] != '\0' ? "" : "heatbridge-",
                   mqtt->client_id[0] != '\0' ? mqtt->client_id : mqtt->base_topic);
    static const enum mqtt_version_choice versions[] = {
        [MQTT_PROTOCOL_AUTO] = MQTT_TRY_5_THEN_311,
        [MQTT_PROTOCOL_5] = MQTT_ONLY_5,
        [MQTT_PROTOCOL_311] = MQTT_ONLY_311,
    };
    const struct mqtt_client_options options = {
        .backend = mqtt->client == MQTT_BACKEND_PAHO ? &mqtt_link_paho : &mqtt_link_mosquitto,
        .link =
            {
                .url = mqtt->url,
                .username = mqtt->username,
                .password = mqtt->password,
                .client_id = client_id,
                .ca_file = mqtt->ca_file,
                .cert_file = mqtt->cert_file,
                .key_file = mqtt->key_file,
                .tls_verify = mqtt->tls_verify,
                .keepalive_s = mqtt->keepalive_s,
                .max_packet = MAX_PACKET,
                .will_topic = status,
                .will_payload = TOPICS_OFFLINE,
            },
        .version = versions[mqtt->protocol],
        .queue_topics = QUEUE_TOPICS_MIN + QUEUE_TOPICS_PER_THING * (app->config->room_count +
                                                                     app->config->heater_count +
                                                                     app->config->circuit_count),
    };
    app->announcer =
        announcer_create(app->config, app->caps, app->about, (uint64_t)clock_mono().ms);
    app->mqtt = mqtt_client_start(&options, app->log, ring_bell, app, err);
    if (app->mqtt == NULL) {
        return false;
    }
    app_subscribe_all(app);
    return true;
}

static bool start_web(struct app *app, struct hb_err *err)
{
    const struct config_web *web = &app->config->web;
    if (web->port == 0) {
        return true;
    }
    const struct web_options options = {
        .listen = web->listen,
        .port = web->port,
        .password = web->password,
    };
    app->web = web_start(&options, app->log, ring_bell, app, err);
    if (app->web == NULL) {
        return false;
    }
    hb_log(app->log, LOG_LEVEL_INFO, "web", "the page is at http://%s:%d/", web->listen, web->port);
    return true;
}

static void start_ticking(struct app *app)
{
    const char *watchdog_us = getenv("WATCHDOG_USEC");
    double us = 0;
    if (app->options->feed_watchdog && watchdog_us != NULL &&
        text_to_number(watchdog_us, strlen(watchdog_us), &us)) {
        app->watchdog_ms = (int64_t)(us / 2000);
    }
    (void)uv_timer_start(&app->tick, on_tick, 1, (uint64_t)app->ticker.period_ms);
}

struct app *app_start(struct uv_loop_s *loop, const struct config *config,
                      const struct app_options *options, const struct hb_log *log,
                      struct hb_err *err)
{
    struct app *app = calloc(1, sizeof *app);
    if (app == NULL) {
        hb_fail(err, HB_ERR_SYSTEM, "out of memory");
        return NULL;
    }
    app->loop = loop;
    app->config = config;
    app->options = options;
    app->log = log;
    ticker_init(&app->ticker, options->time_scale, clock_mono(), clock_wall());
    start_loop(app);
    const bool started = start_memory(app, err) &&
                         (app->store = store_open(config->state_dir, log, err)) != NULL &&
                         start_mining(app, err) && start_engine(app, err) &&
                         start_proxy(app, err) && app_start_heaters(app, err) &&
                         start_core(app, err) && start_mqtt(app, err) && start_web(app, err);
    if (!started) {
        app_stop(app, false);
        return NULL;
    }
    app_tell_abilities(app);
    start_ticking(app);
    return app;
}

/* --- stop ----------------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
    struct app *app = handle->data;
    app->open_handles--;
}

/* Gives the loop back without any handle of ours. */
static void stop_loop(struct app *app)
{
    uv_close((uv_handle_t *)&app->tick, on_closed);
    uv_close((uv_handle_t *)&app->soon, on_closed);
    uv_close((uv_handle_t *)&app->wake, on_closed);
    while (app->open_handles > 0) {
        (void)uv_run(app->loop, UV_RUN_ONCE);
    }
    for (size_t i = 0; app->hosts != NULL && i < app->config->heater_count; i++) {
        host_destroy(app->hosts[i]); /* the drivers' handles closed in the loop above */
    }
}

static void stop_mqtt(struct app *app, bool reloading)
{
    char topic[TOPIC_MAX];
    topics_status(&app->config->mqtt, topic);
    mqtt_client_stop(app->mqtt, reloading ? NULL : topic, reloading ? NULL : TOPICS_OFFLINE,
                     STOP_DEADLINE_MS);
    announcer_destroy(app->announcer);
}

static void stop_heaters(struct app *app)
{
    for (size_t i = 0; app->hosts != NULL && i < app->config->heater_count; i++) {
        host_stop(app->hosts[i]);
    }
    http_destroy(app->http);
    miner_destroy(app->engine);
    proxy_destroy(app->proxy);
}

void app_stop(struct app *app, bool reloading)
{
    if (app == NULL) {
        return;
    }
    if (app->core != NULL && app->effects.item != NULL && app->mqtt != NULL) {
        struct event event = {.kind = EVENT_STOP};
        app_post(app, &event);
        app_drain(app);
        app_save_totals(app);
        app_keep_records(app, true);
    }
    web_stop(app->web);
    stop_mqtt(app, reloading);
    stop_heaters(app);
    stop_loop(app);
    store_close(app->store);
    if (app->trace != NULL) {
        (void)fclose(app->trace);
    }
    core_destroy(app->core);
    ring_destroy(app->events);
    free(app->effects.item);
    free(app->hosts);
    free(app->news);
    free(app->caps);
    free(app->about);
    free(app->topics);
    free(app->bad_sources);
    free(app->retained_told);
    free(app->room_views);
    free(app->heater_views);
    free(app->pools);
    free(app->redirect_hosts);
    free(app);
}

void app_room_view(const struct app *app, uint16_t room, struct room_view *view)
{
    core_room_view(app->core, room, view);
}

void app_heater_view(const struct app *app, uint16_t heater, struct heater_view *view)
{
    core_heater_view(app->core, heater, view);
}

double app_tick_jitter_ms(const struct app *app)
{
    return app->ticker.worst_late_ms;
}
