/* The hosts of the heaters: started with what earlier runs knew, ticked, and their news passed on.
 */
#include <string.h>

#include "bridge/app/private.h"
#include "devices/identity.h"
#include "devices/registry.h"
#include "ground/text.h"
#include "plumbing/clock.h"

static const int64_t day_ms = 86400000;

static bool note(char *known, size_t size, const char *told)
{
    if (told[0] == '\0' || strcmp(known, told) == 0) {
        return false;
    }
    (void)text_copy(known, size, told);
    return true;
}

/* True if the device has told something new of itself. */
static bool note_about(struct heater_about *about, const struct heater_state *state)
{
    const bool model = note(about->model, sizeof about->model, state->model);
    const bool firmware = note(about->firmware, sizeof about->firmware, state->firmware);
    return model || firmware;
}

/* A host delivers a state or an outcome. Taken up after the host is done, for it must not be called
 * from within this. */
static void on_host_event(void *ctx, const struct event *event)
{
    struct app *app = ctx;
    struct event mine = *event;
    bool announce = false;
    if (event->kind == EVENT_HEATER_ABILITIES) {
        app->caps[event->index] = event->u.caps;
        announce = true;
    } else if (event->kind == EVENT_HEATER_STATE) {
        announce = note_about(&app->about[event->index], &event->u.heater);
    }
    if (announce && app->announcer != NULL) {
        announcer_reconfigure(app->announcer, app->config, app->caps, app->about, clock_mono());
    }
    app->news[event->index] = true;
    app_post(app, &mine);
    app_ring(app);
}

/* The other heater that a device is; heater_count: none. */
static size_t find_device(const struct app *app, size_t not_this, const char *identity)
{
    size_t i = 0;
    while (i < app->config->heater_count &&
           (i == not_this || app->hosts[i] == NULL ||
            !identity_same(host_identity(app->hosts[i]), identity))) {
        i++;
    }
    return i;
}

static const char *whose(void *ctx, uint16_t index, const char *identity)
{
    const struct app *app = ctx;
    const size_t other = find_device(app, index, identity);
    return other < app->config->heater_count ? app->config->heaters[other].id : NULL;
}

/* A device that answers at another heater's address, and not at its own, is followed there. */
static void follow_devices(struct app *app, hb_mono now)
{
    for (size_t i = 0; i < app->config->heater_count; i++) {
        const char *stranger = host_stranger(app->hosts[i]);
        if (stranger[0] == '\0') {
            continue;
        }
        const size_t other = find_device(app, i, stranger);
        if (other < app->config->heater_count && host_is_away(app->hosts[other])) {
            (void)host_exchange(app->hosts[i], app->hosts[other], now);
        }
    }
}

static void set_day(const struct app *app, struct host *host)
{
    const hb_wall wall = ticker_wall(&app->ticker, clock_mono(), clock_wall());
    const int64_t local_ms = wall.ms + 1000 * (int64_t)clock_utc_offset_s(wall);
    host_set_day(host, local_ms / day_ms, (double)(local_ms % day_ms) / (double)day_ms);
}

static void restore(struct app *app, size_t index)
{
    struct store_record kept = {0};
    (void)text_copy(kept.id, sizeof kept.id, app->config->heaters[index].id);
    if (store_load_record(app->store, &kept)) {
        host_restore(app->hosts[index], &kept.record, app_house_now(app));
    }
    set_day(app, app->hosts[index]);
    app->caps[index] = *host_caps(app->hosts[index]);
}

bool app_start_heaters(struct app *app, struct hb_err *err)
{
    app->http = http_create(app->loop, err);
    if (app->http == NULL) {
        return false;
    }
    for (size_t i = 0; i < app->config->heater_count; i++) {
        const struct config_heater *heater = &app->config->heaters[i];
        const struct host_options options = {
            .driver = heater_driver_find(heater->driver),
            .config = heater,
            .index = (uint16_t)i,
            .loop = app->loop,
            .engine = app->engine,
            .proxy = app->proxy,
            .http = app->http,
            .log = app->log,
            .event = on_host_event,
            .whose = whose,
            .subscribe = app_listen,
            .publish = app_speak,
            .recall = app_recall,
            .remember = app_remember,
            .ctx = app,
        };
        app->hosts[i] = host_create(&options, err);
        if (app->hosts[i] == NULL) {
            hb_err_prefix(err, "heaters.%s", heater->id);
            return false;
        }
        restore(app, i);
    }
    return true;
}

void app_tell_abilities(struct app *app)
{
    for (size_t i = 0; i < app->config->heater_count; i++) {
        struct event event = {
            .kind = EVENT_HEATER_ABILITIES, .index = (uint16_t)i, .u.caps = app->caps[i]};
        app_post(app, &event);
    }
}

void app_keep_records(struct app *app, bool all)
{
    for (size_t i = 0; i < app->config->heater_count; i++) {
        struct store_record kept = {0};
        if (host_take_record(app->hosts[i], &kept.record) || all) {
            (void)text_copy(kept.id, sizeof kept.id, app->config->heaters[i].id);
            store_save_record(app->store, &kept);
        }
    }
}

void app_tick_heaters(struct app *app)
{
    for (size_t i = 0; i < app->config->heater_count; i++) {
        set_day(app, app->hosts[i]);
        host_tick(app->hosts[i], app_house_now(app));
        app->news[i] = false;
    }
    follow_devices(app, app_house_now(app));
    app_keep_records(app, false);
}

void app_wake_heaters(struct app *app)
{
    const hb_mono now = app_house_now(app);
    for (size_t i = 0; i < app->config->heater_count; i++) {
        if (app->news[i] && host_due(app->hosts[i]).ms <= now.ms) {
            host_tick(app->hosts[i], now);
        }
        app->news[i] = false;
    }
}
