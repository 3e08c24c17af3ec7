#include "devices/host.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices/caps.h"
#include "devices/host_inside.h"
#include "ground/text.h"

static bool on_subscribe(void *ctx, const char *topic)
{
    const struct host_options *o = &((const struct host *)ctx)->options;
    return o->subscribe != NULL && o->subscribe(o->ctx, o->index, topic);
}

static bool on_publish(void *ctx, const char *topic, const char *payload, bool retain)
{
    const struct host_options *o = &((const struct host *)ctx)->options;
    return o->publish != NULL && o->publish(o->ctx, topic, payload, retain);
}

static bool on_recall(void *ctx, char text[HEATER_MEMORY_MAX])
{
    const struct host_options *o = &((const struct host *)ctx)->options;
    return o->recall != NULL && o->recall(o->ctx, o->index, text);
}

static void on_remember(void *ctx, const char *text)
{
    const struct host_options *o = &((const struct host *)ctx)->options;
    if (o->remember != NULL) {
        o->remember(o->ctx, o->index, text);
    }
}

/* --- life -------------------------------------------------------------------------------------*/

static bool start_driver(struct host *host, void *instance, const void *options,
                         struct heater_caps *caps, struct hb_err *err)
{
    const struct host_options *o = &host->options;
    struct heater_env env = {.loop = o->loop,
                             .engine = o->engine,
                             .proxy = o->proxy,
                             .log = o->log,
                             .id = o->config->id,
                             .options = options,
                             .configured_max_w = o->config->max_w,
                             .configured_min_w = o->config->min_w,
                             .http = o->http,
                             .report = host_on_report,
                             .trouble = host_on_trouble,
                             .refused = host_on_refused,
                             .abilities = host_on_abilities,
                             .wrote = host_on_wrote,
                             .subscribe = on_subscribe,
                             .publish = on_publish,
                             .recall = on_recall,
                             .remember = on_remember,
                             .report_ctx = host};
    if (o->driver->options_size > 0 && env.options == NULL) {
        return hb_fail(err, HB_ERR_USAGE, "expected options for the driver '%s', got none",
                       o->driver->name);
    }
    return o->driver->init(instance, &env, caps, err);
}

static struct host *fail(struct host *host, struct hb_err *err)
{
    hb_err_prefix(err, "heaters.%s", host->options.config->id);
    host->options.driver->fini(host->instance);
    free(host->instance);
    free(host);
    return NULL;
}

struct host *host_create(const struct host_options *options, struct hb_err *err)
{
    struct host *host = calloc(1, sizeof *host);
    void *instance = calloc(1, options->driver->instance_size + 1);
    if (host == NULL || instance == NULL) {
        free(host);
        free(instance);
        (void)hb_fail(err, HB_ERR_SYSTEM, "out of memory");
        return NULL;
    }
    host->options = *options;
    host->instance = instance;
    host->state.applied_w = NAN;
    host->metered_w = reading_none();
    (void)snprintf(host->part, sizeof host->part, "heater %s", options->config->id);
    host_begin_record(host);
    watch_init(&host->watch, &(struct watch_rules){0});
    if (!start_driver(host, instance, options->config->options, &host->told, err) ||
        !host_narrow(host, err)) {
        return fail(host, err);
    }
    host->running = true;
    return host;
}

void host_stop(struct host *host)
{
    if (host != NULL && host->running) {
        host->running = false;
        host->options.driver->fini(host->instance);
    }
}

void host_destroy(struct host *host)
{
    host_stop(host);
    if (host != NULL) {
        free(host->instance);
        free(host->retired);
        free(host->own_options);
        free(host);
    }
}

/* --- another address ---------------------------------------------------------------------------
 */

/* The driver's address among its options; NULL: it has none that could be another. */
static const struct config_item *address_item(const struct heater_driver *driver)
{
    const struct config_item *item = driver->options;
    while (item != NULL && item->name != NULL && strcmp(item->name, "url") != 0) {
        item++;
    }
    return item != NULL && item->name != NULL ? item : NULL;
}

/* Its address of now; false if it has none, or a longer one than there is. */
static bool address_of(const struct host *host, char address[URL_MAX])
{
    const struct config_item *item = address_item(host->options.driver);
    const void *options =
        host->own_options != NULL ? host->own_options : host->options.config->options;
    return item != NULL && options != NULL &&
           text_copy(address, URL_MAX, (const char *)options + item->offset);
}

/* A driver's state is never of two devices: each address gets a new instance. The one before the
 * last is surely done with its handles. */
static bool move(struct host *host, const char *address, struct hb_err *err)
{
    const struct heater_driver *driver = host->options.driver;
    const struct config_item *item = address_item(driver);
    unsigned char *options = malloc(driver->options_size);
    void *instance = calloc(1, driver->instance_size + 1);
    struct heater_caps caps = {0};
    bool done = item != NULL && options != NULL && instance != NULL;
    if (done) {
        memcpy(options, host->options.config->options, driver->options_size);
        done = text_copy((char *)options + item->offset, item->size, address) &&
               start_driver(host, instance, options, &caps, err);
        if (!done) {
            driver->fini(instance);
        }
    }
    if (!done) {
        free(options);
        free(instance);
        return false;
    }
    driver->fini(host->instance);
    free(host->retired);
    free(host->own_options);
    host->retired = host->instance;
    host->instance = instance;
    host->own_options = options;
    host->moved_at = host->now;
    host->stranger[0] = '\0';
    host->trouble[0] = '\0';
    watch_ask_now(&host->watch, host->now);
    return true;
}

static bool may_move(const struct host *host)
{
    return host->running && address_item(host->options.driver) != NULL &&
           host->options.config->options_size == host->options.driver->options_size &&
           (!mono_is_set(host->moved_at) ||
            mono_age_ms(host->now, host->moved_at) >= HOST_MOVE_APART_MS);
}

bool host_exchange(struct host *a, struct host *b, hb_mono now)
{
    char address_a[URL_MAX];
    char address_b[URL_MAX];
    struct hb_err err = {0};
    a->now = b->now = now;
    if (a->options.driver != b->options.driver || !may_move(a) || !may_move(b) ||
        !address_of(a, address_a) || !address_of(b, address_b)) {
        return false;
    }
    if (!move(a, address_b, &err)) {
        return false;
    }
    if (!move(b, address_a, &err)) {
        /* Both at one address: harmless, for neither is commanded unless it is the right one. */
        hb_log(b->options.log, LOG_LEVEL_ERROR, b->part, "cannot follow its device: %s", err.msg);
        return false;
    }
    hb_log(
        a->options.log, LOG_LEVEL_WARN, a->part,
        "its device and that of heater %s have changed addresses; they are followed, but correct "
        "both in the configuration",
        b->options.config->id);
    return true;
}

/* --- calls of the owner
 * -------------------------------------------------------------------------*/

const struct heater_caps *host_caps(const struct host *host)
{
    return &host->caps;
}

void host_metered(struct host *host, double power_w, hb_mono now)
{
    host->now = now;
    host->metered_w = reading_make(power_w, now, PROVENANCE_METERED);
    if (host->watch.link == HEATER_LINK_LOST) {
        host->state.power_w = host->metered_w; /* it still knows what the silent heater draws */
        host_tell_state(host);
    }
    if (host->options.driver->metered != NULL) {
        host->options.driver->metered(host->instance, power_w, now);
    }
}

void host_message(struct host *host, const char *topic, const char *payload, size_t len,
                  bool retained, hb_mono now)
{
    if (host->running && host->options.driver->message != NULL) {
        host->now = now;
        host->options.driver->message(host->instance, topic, payload, len, retained, now);
    }
}

const char *host_stranger(const struct host *host)
{
    return host->stranger;
}

bool host_is_away(const struct host *host)
{
    return host->watch.link == HEATER_LINK_LOST;
}

void host_get_stats(const struct host *host, struct host_stats *stats)
{
    *stats = host->stats;
}

void host_tick(struct host *host, hb_mono now)
{
    host->now = now;
    if (!host->day_is_given) {
        host_new_day(host, now.ms / 86400000, (double)(now.ms % 86400000) / 86400000);
    }
    host_recover(host);
    struct watch_todo todo = watch_tick(&host->watch, now);
    host_carry_out(host, &todo);
}

hb_mono host_due(const struct host *host)
{
    return watch_due(&host->watch);
}

static void refuse(struct host *host, const struct heater_command *command,
                   const struct hb_err *err)
{
    host->stats.refused++;
    host_note_refusal(host, err->msg);
    host_tell_outcome(host, command->seq, COMMAND_FAILED, err->msg);
}

void host_command(struct host *host, const struct heater_command *command, hb_mono now)
{
    struct hb_err err = {0};
    host->now = now;
    if (now.ms >= command->expires.ms) {
        host->stats.expired++;
        host_tell_outcome(host, command->seq, COMMAND_EXPIRED, "it came too late");
        return;
    }
    const struct heater_driver *driver = host->options.driver;
    if (!caps_allow(&host->caps, command->power_w, &err) ||
        (driver->test != NULL && !driver->test(host->instance, command, &err))) {
        refuse(host, command, &err);
        return;
    }
    if (!host->watch.ordered || command->power_w != host->watch.order.power_w) {
        host->last_refusal[0] = '\0';
    }
    struct watch_todo todo = watch_command(&host->watch, command, now);
    host_carry_out(host, &todo);
}
