#include "devices/host.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices/caps.h"
#include "devices/watch.h"
#include "ground/text.h"

struct host {
    struct host_options options;
    struct heater_caps caps;
    struct heater_state state; /* as last delivered by the driver */
    struct reading metered_w;  /* of the user's meter */
    struct watch watch;
    struct host_stats stats;
    hb_mono now; /* of the call in progress, for reports that carry no time */
    bool running;
    char part[ID_MAX + 8];       /* who speaks in the log              */
    char last_refusal[TEXT_MAX]; /* the same refusal is logged once    */
    char trouble[TEXT_MAX];      /* why it cannot be read, "" if that is not known */
    max_align_t instance[];
};

/* --- events out
 * ---------------------------------------------------------------------------------*/

static void tell_outcome(struct host *host, uint64_t seq, enum command_outcome result)
{
    struct event event = {
        .kind = EVENT_HEATER_OUTCOME, .at = host->now, .index = host->options.index};
    event.u.outcome.seq = seq;
    event.u.outcome.result = result;
    host->options.event(host->options.ctx, &event);
}

/* A meter is believed before the heater itself. */
static void prefer_meter(const struct host *host, struct heater_state *state)
{
    const int64_t stale_after_ms = host->options.config->power_meter.stale_after_ms;
    double power_w = NAN;
    if (reading_get(&host->metered_w, host->now, stale_after_ms, &power_w)) {
        state->power_w = host->metered_w;
    }
}

/* The driver's state as the owner should see it: with the supervisor's own findings. */
static void tell_state(struct host *host)
{
    struct event event = {.kind = EVENT_HEATER_STATE,
                          .at = host->now,
                          .index = host->options.index,
                          .u.heater = host->state};
    struct heater_state *state = &event.u.heater;
    state->link = host->watch.link;
    if (state->link == HEATER_LINK_LOST) {
        state->problem = true;
        (void)text_copy(state->problem_text, sizeof state->problem_text,
                        host->trouble[0] != '\0' ? host->trouble
                                                 : reason_sentence(REASON_HEATER_UNREACHABLE));
    } else if (host->watch.outcome == COMMAND_FAILED) {
        state->problem = true;
        (void)text_copy(state->problem_text, sizeof state->problem_text,
                        reason_sentence(REASON_NOT_OBEYING));
    }
    host->options.event(host->options.ctx, &event);
}

/* --- what the rules ask for
 * ---------------------------------------------------------------------*/

static void log_findings(const struct host *host, const struct watch_todo *todo)
{
    const struct hb_log *log = host->options.log;
    if (todo->link_lost) {
        hb_log(log, LOG_LEVEL_WARN, host->part, "does not answer within %" PRId32 " ms",
               host->watch.rules.deadline_ms);
    }
    if (todo->link_back) {
        hb_log(log, LOG_LEVEL_INFO, host->part, "answers again");
    }
    if (todo->lease_ended) {
        hb_log(log, LOG_LEVEL_WARN, host->part, "no fresh command, so it is switched off");
    }
    if (todo->outcome && todo->result == COMMAND_FAILED) {
        hb_log(log, LOG_LEVEL_WARN, host->part, "does not obey: expected %.0f W, it says %.0f W",
               host->watch.order.power_w,
               isfinite(host->state.applied_w) ? host->state.applied_w : host->state.power_w.value);
    }
}

static void count(struct host_stats *stats, const struct watch_todo *todo)
{
    stats->polls += todo->poll;
    stats->writes += todo->commit;
    stats->retries += todo->commit && todo->again;
    stats->lost += todo->link_lost;
    stats->expired += todo->lease_ended;
}

/* A commit or poll may deliver a state at once, from within: `todo` is a copy, and the driver comes
 * last. */
static void carry_out(struct host *host, const struct watch_todo *todo)
{
    const struct heater_driver *driver = host->options.driver;
    log_findings(host, todo);
    count(&host->stats, todo);
    if (todo->outcome) {
        tell_outcome(host, todo->seq, todo->result);
    }
    if (todo->link_lost || (todo->outcome && todo->result == COMMAND_FAILED)) {
        tell_state(host);
    }
    if (todo->commit) {
        driver->commit(host->instance, &todo->command, host->now);
    }
    if (todo->poll) {
        driver->poll(host->instance, host->now);
    }
}

static void on_report(void *ctx, const struct heater_state *state)
{
    struct host *host = ctx;
    if (!host->running) {
        return;
    }
    if (state->at.ms > host->now.ms) {
        host->now = state->at;
    }
    host->state = *state;
    prefer_meter(host, &host->state);
    host->stats.reports++;
    host->trouble[0] = '\0';
    struct watch_todo todo = watch_report(&host->watch, &host->state, host->now);
    log_findings(host, &todo);
    count(&host->stats, &todo);
    tell_state(host);
    if (todo.outcome) {
        tell_outcome(host, todo.seq, todo.result);
    }
}

static void on_trouble(void *ctx, const char *sentence)
{
    struct host *host = ctx;
    if (host->running && strncmp(host->trouble, sentence, sizeof host->trouble - 1) != 0) {
        (void)text_copy(host->trouble, sizeof host->trouble, sentence);
        hb_log(host->options.log, LOG_LEVEL_WARN, host->part, "%s", sentence);
        tell_state(host);
    }
}

static void on_refused(void *ctx, uint64_t seq, const char *sentence)
{
    struct host *host = ctx;
    if (!host->running) {
        return;
    }
    if (strncmp(host->last_refusal, sentence, sizeof host->last_refusal - 1) != 0) {
        (void)text_copy(host->last_refusal, sizeof host->last_refusal, sentence);
        hb_log(host->options.log, LOG_LEVEL_WARN, host->part, "command refused: %s", sentence);
    }
    tell_outcome(host, seq, COMMAND_FAILED);
}

static void on_abilities(void *ctx, const struct heater_caps *caps)
{
    struct host *host = ctx;
    struct heater_caps learnt = *caps;
    struct hb_err err = {0};
    if (!caps_check(&learnt, &err) || !caps_narrow(&learnt, host->options.config, &err)) {
        on_trouble(host, err.msg);
        return;
    }
    host->caps = learnt;
}

static void on_wrote(void *ctx, enum write_kind kind)
{
    struct host *host = ctx;
    host->stats.device_writes++;
    host->stats.flash_writes += kind == WRITE_FLASH;
}

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

/* A heater may miss two polls. */
static struct watch_rules make_rules(const struct heater_driver *driver,
                                     const struct heater_caps *caps)
{
    int32_t deadline_ms = driver->poll_ms > 1000 ? 3 * driver->poll_ms : 3000;
    return (struct watch_rules){.poll_ms = driver->poll_ms,
                                .deadline_ms = deadline_ms,
                                .settle_ms = caps->settle_ms,
                                .min_write_ms = caps->min_write_ms,
                                .max_w = caps->max_w,
                                .step_w = caps->step_w,
                                .standby_w = caps->standby_w,
                                .shares_meter = caps->shares_meter};
}

static bool start_driver(struct host *host, struct hb_err *err)
{
    const struct host_options *o = &host->options;
    struct heater_env env = {.loop = o->loop,
                             .engine = o->engine,
                             .proxy = o->proxy,
                             .log = o->log,
                             .id = o->config->id,
                             .options = o->config->options,
                             .configured_max_w = o->config->max_w,
                             .configured_min_w = o->config->min_w,
                             .http = o->http,
                             .report = on_report,
                             .trouble = on_trouble,
                             .refused = on_refused,
                             .abilities = on_abilities,
                             .wrote = on_wrote,
                             .subscribe = on_subscribe,
                             .publish = on_publish,
                             .recall = on_recall,
                             .remember = on_remember,
                             .report_ctx = host};
    if (o->driver->options_size > 0 && env.options == NULL) {
        return hb_fail(err, HB_ERR_USAGE, "expected options for the driver '%s', got none",
                       o->driver->name);
    }
    return o->driver->init(host->instance, &env, &host->caps, err) &&
           caps_check(&host->caps, err) && caps_narrow(&host->caps, o->config, err);
}

struct host *host_create(const struct host_options *options, struct hb_err *err)
{
    struct host *host = calloc(1, sizeof *host + options->driver->instance_size);
    if (host == NULL) {
        (void)hb_fail(err, HB_ERR_SYSTEM, "out of memory");
        return NULL;
    }
    host->options = *options;
    host->state.applied_w = NAN;
    host->metered_w = reading_none();
    (void)snprintf(host->part, sizeof host->part, "heater %s", options->config->id);
    if (!start_driver(host, err)) {
        hb_err_prefix(err, "heaters.%s", options->config->id);
        options->driver->fini(host->instance);
        free(host);
        return NULL;
    }
    struct watch_rules rules = make_rules(options->driver, &host->caps);
    watch_init(&host->watch, &rules);
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
    free(host);
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

void host_get_stats(const struct host *host, struct host_stats *stats)
{
    *stats = host->stats;
}

void host_tick(struct host *host, hb_mono now)
{
    host->now = now;
    struct watch_todo todo = watch_tick(&host->watch, now);
    carry_out(host, &todo);
}

hb_mono host_due(const struct host *host)
{
    return watch_due(&host->watch);
}

static void refuse(struct host *host, const struct heater_command *command,
                   const struct hb_err *err)
{
    host->stats.refused++;
    if (strncmp(host->last_refusal, err->msg, sizeof host->last_refusal - 1) != 0) {
        (void)text_copy(host->last_refusal, sizeof host->last_refusal, err->msg);
        hb_log(host->options.log, LOG_LEVEL_WARN, host->part, "command refused: %s", err->msg);
    }
    tell_outcome(host, command->seq, COMMAND_FAILED);
}

void host_command(struct host *host, const struct heater_command *command, hb_mono now)
{
    struct hb_err err = {0};
    host->now = now;
    if (now.ms >= command->expires.ms) {
        host->stats.expired++;
        tell_outcome(host, command->seq, COMMAND_EXPIRED);
        return;
    }
    if (!caps_allow(&host->caps, command->power_w, &err) ||
        !host->options.driver->test(host->instance, command, &err)) {
        refuse(host, command, &err);
        return;
    }
    host->last_refusal[0] = '\0';
    struct watch_todo todo = watch_command(&host->watch, command, now);
    carry_out(host, &todo);
}
