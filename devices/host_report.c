/* What a heater's driver delivers, judged; and what the rules ask for, carried out. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "devices/caps.h"
#include "devices/host_inside.h"
#include "devices/identity.h"
#include "devices/reply.h"
#include "ground/text.h"

/* How long an attempt to recover keeps a heater off that has no way of its own. */
static const int32_t off_and_on_ms = 30000;

/* --- events out ------------------------------------------------------------------------------- */

void host_tell_outcome(struct host *host, uint64_t seq, enum command_outcome result,
                       const char *why)
{
    struct event event = {
        .kind = EVENT_HEATER_OUTCOME, .at = host->now, .index = host->options.index};
    event.u.outcome.seq = seq;
    event.u.outcome.result = result;
    (void)text_copy(event.u.outcome.why, sizeof event.u.outcome.why, why);
    host->options.event(host->options.ctx, &event);
}

/* A meter is believed before the heater itself; what it taught is used while it is silent. */
static void prefer_meter(const struct host *host, struct heater_state *state)
{
    const int64_t stale_after_ms = host->options.config->power_meter.stale_after_ms;
    const struct calibration learnt = {host->record.calibration, host->record.calibration_count};
    const double factor = calibration_factor(&learnt);
    double power_w = NAN;
    if (reading_get(&host->metered_w, host->now, stale_after_ms, &power_w)) {
        state->power_w = host->metered_w;
    } else if (factor > 0 && mono_is_set(state->power_w.at) &&
               state->power_w.from != PROVENANCE_METERED) {
        state->power_w.value *= factor;
    }
}

static void show_problem(struct heater_state *state, const char *sentence)
{
    state->problem = true;
    (void)text_copy(state->problem_text, sizeof state->problem_text, sentence);
}

/* What the house should be told of first. */
static void add_findings(const struct host *host, struct heater_state *state)
{
    char sentence[TEXT_MAX];
    state->health = host->stranger[0] != '\0' ? HEATER_WRONG_DEVICE : host->health.found;
    if (host->trouble[0] != '\0') {
        show_problem(state, host->trouble);
    } else if (state->link == HEATER_LINK_LOST) {
        show_problem(state, reason_sentence(REASON_HEATER_UNREACHABLE));
    } else if (host->watch.outcome == COMMAND_FAILED) {
        show_problem(state, host->last_refusal[0] != '\0' ? host->last_refusal
                                                          : reason_sentence(REASON_NOT_OBEYING));
    } else if (state->health != HEATER_HEALTHY && !state->problem) {
        health_describe(&host->health, sentence, sizeof sentence);
        show_problem(state, sentence);
    }
}

/* The driver's state as the owner should see it: with the supervisor's own findings. */
void host_tell_state(struct host *host)
{
    struct event event = {.kind = EVENT_HEATER_STATE,
                          .at = host->now,
                          .index = host->options.index,
                          .u.heater = host->state};
    struct heater_state *state = &event.u.heater;
    state->link = host->watch.link;
    if (host->stats.device_writes > 0) {
        state->writes = host->stats.device_writes;
    }
    host_fill_care(host, state);
    add_findings(host, state);
    host->options.event(host->options.ctx, &event);
}

/* --- what the rules ask for ------------------------------------------------------------------- */

static void describe_disobedience(const struct host *host, char *text, size_t size)
{
    const struct heater_state *state = &host->state;
    const double says_w = isfinite(state->applied_w) ? state->applied_w : state->power_w.value;
    if (host->last_refusal[0] != '\0') {
        (void)text_copy(text, size, host->last_refusal);
    } else if (isfinite(says_w)) {
        (void)snprintf(text, size, "expected %.0f W, it says %.0f W", host->watch.order.power_w,
                       says_w);
    } else {
        (void)snprintf(text, size, "expected %.0f W, it does not say what it does",
                       host->watch.order.power_w);
    }
}

static void log_findings(const struct host *host, const struct watch_todo *todo)
{
    const struct hb_log *log = host->options.log;
    const bool explained = host->stranger[0] != '\0' || host->trouble[0] != '\0';
    if (todo->link_lost && !explained) {
        hb_log(log, LOG_LEVEL_WARN, host->part, "does not answer within %" PRId32 " ms",
               host->watch.rules.deadline_ms);
    }
    if (todo->link_back) {
        hb_log(log, LOG_LEVEL_INFO, host->part, "answers again");
    }
    if (todo->lease_ended) {
        hb_log(log, LOG_LEVEL_WARN, host->part, "no fresh command, so it is switched off");
    }
}

static void tell_result(struct host *host, const struct watch_todo *todo)
{
    char why[TEXT_MAX] = "";
    if (todo->result == COMMAND_FAILED) {
        describe_disobedience(host, why, sizeof why);
        if (host->last_refusal[0] == '\0') {
            hb_log(host->options.log, LOG_LEVEL_WARN, host->part, "does not obey: %s", why);
        }
    } else if (todo->result == COMMAND_EXPIRED) {
        (void)text_copy(why, sizeof why, reason_sentence(REASON_LEASE_EXPIRED));
    } else {
        host->last_refusal[0] = '\0';
    }
    host_tell_outcome(host, todo->seq, todo->result, why);
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
void host_carry_out(struct host *host, const struct watch_todo *todo)
{
    const struct heater_driver *driver = host->options.driver;
    log_findings(host, todo);
    count(&host->stats, todo);
    if (todo->outcome) {
        tell_result(host, todo);
    }
    if (todo->link_lost || (todo->outcome && todo->result == COMMAND_FAILED)) {
        host_tell_state(host);
    }
    if (todo->commit) {
        driver->commit(host->instance, &todo->command, host->now);
    }
    if (todo->poll) {
        driver->poll(host->instance, host->now);
    }
}

/* --- recovery --------------------------------------------------------------------------------- */

static bool is_sure(const struct host *host)
{
    const struct watch *watch = &host->watch;
    return !watch->rules.identified || mono_age_ms(host->now, watch->sure_at) <= WATCH_SURE_MS;
}

void host_recover(struct host *host)
{
    const struct heater_driver *driver = host->options.driver;
    const enum heater_health found = host->health.found;
    if (!host->recover_due || !is_sure(host)) {
        return;
    }
    host->recover_due = false;
    if (found == HEATER_HEALTHY || !budget_allows(&host->watch.budget, BUDGET_LARGE)) {
        return;
    }
    host->record.recovered |= 1U << found;
    host->record_changed = true;
    hb_log(host->options.log, LOG_LEVEL_WARN, host->part, "%s: one attempt to recover it is made",
           heater_health_word(found));
    if (found == HEATER_OVERHEATED) {
        struct hb_err err = {0};
        host->ceiling_w = caps_step_down_w(&host->caps);
        if (host_narrow(host, &err)) {
            host_tell_abilities(host);
        }
    }
    if (driver->recover != NULL) {
        driver->recover(host->instance, host->now);
    } else {
        const int32_t off_ms =
            host->caps.settle_ms > off_and_on_ms ? host->caps.settle_ms : off_and_on_ms;
        watch_off_and_on(&host->watch, mono_add_ms(host->now, off_ms));
    }
}

static void look_at_health(struct host *host)
{
    const struct watch *watch = &host->watch;
    const struct config_heater *config = host->options.config;
    const struct heater_record *record = &host->record;
    const bool pinned = config->expected_pool[0] != '\0';
    const struct health_input in = {
        .now = host->now,
        .state = &host->state,
        .ordered_w = watch->ordered ? watch->order.power_w : (double)NAN,
        .settled = watch->ordered && !watch->write_wanted && mono_is_set(watch->written_at) &&
                   !mono_is_set(watch->off_until) &&
                   mono_age_ms(host->now, watch->written_at) >= host->caps.settle_ms,
        .disobeys = watch->outcome == COMMAND_FAILED,
        .max_w = host->caps.max_w,
        .standby_w = host->caps.standby_w,
        .too_hot_c = config->too_hot_c,
        .expected_pool = pinned ? config->expected_pool : record->pool,
        .expected_user = pinned ? "" : record->pool_user,
        .can_restart = host->options.driver->recover != NULL,
    };
    const enum heater_health before = host->health.found;
    if (health_look(&host->health, &in)) {
        host->recover_due = true; /* not from within the driver */
    }
    if (host->health.found != before) {
        const bool ill = host->health.found != HEATER_HEALTHY;
        char sentence[TEXT_MAX];
        health_describe(&host->health, sentence, sizeof sentence);
        hb_log(host->options.log, ill ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, host->part, "%s%s%s",
               heater_health_word(host->health.found), ill ? ": " : " again", sentence);
    }
}

/* --- from the driver -------------------------------------------------------------------------- */

static struct heater_state unknown_state(hb_mono now)
{
    struct heater_state state = reply_unknown_state(now);
    state.link = HEATER_LINK_UNKNOWN;
    return state;
}

/* What it says is not the heater's: nothing of it is used, and nothing is told to it. */
static void take_stranger(struct host *host, const char *identity)
{
    const struct host_options *o = &host->options;
    const char *whose =
        o->whose != NULL ? o->whose(o->ctx, o->index, identity) : NULL; /* of our own house */
    char clean[NAME_MAX_B];
    char sentence[TEXT_MAX];
    text_copy_printable(clean, sizeof clean, identity, strlen(identity));
    if (whose != NULL) {
        (void)snprintf(sentence, sizeof sentence,
                       "the device of heater %s (%s) answers at its address, expected %s: correct "
                       "both addresses; neither is commanded until then",
                       whose, clean, host_identity(host));
    } else {
        (void)snprintf(sentence, sizeof sentence,
                       "another device (%s) answers at its address, expected %s: correct the "
                       "address, or set heaters.%s.identity to the new one",
                       clean, host_identity(host), o->config->id);
    }
    (void)text_copy(host->stranger, sizeof host->stranger, identity);
    host->state = unknown_state(host->now);
    struct watch_todo todo = watch_report_of_another(&host->watch);
    count(&host->stats, &todo);
    if (strncmp(host->trouble, sentence, sizeof host->trouble - 1) != 0) {
        (void)text_copy(host->trouble, sizeof host->trouble, sentence);
        hb_log(o->log, LOG_LEVEL_WARN, host->part, "%s", sentence);
        host_tell_state(host);
    }
}

void host_on_report(void *ctx, const struct heater_state *state)
{
    struct host *host = ctx;
    if (!host->running) {
        return;
    }
    if (state->at.ms > host->now.ms) {
        host->now = state->at;
    }
    host->stats.reports++;
    const char *expected = host_identity(host);
    const bool same = identity_same(state->identity, expected);
    const bool sure = same || expected[0] == '\0';
    if (state->identity[0] != '\0' && expected[0] != '\0' && !same) {
        take_stranger(host, state->identity);
        return;
    }
    host->state = *state;
    if (state->link == HEATER_LINK_OK) {
        host->trouble[0] = '\0';
        host->stranger[0] = '\0';
        host_learn(host, state);
    }
    prefer_meter(host, &host->state);
    struct watch_todo todo = watch_report(&host->watch, &host->state, sure, host->now);
    if (state->link == HEATER_LINK_OK) {
        look_at_health(host);
    }
    log_findings(host, &todo);
    count(&host->stats, &todo);
    host_tell_state(host);
    if (todo.outcome) {
        tell_result(host, &todo);
    }
}

void host_on_trouble(void *ctx, const char *sentence)
{
    struct host *host = ctx;
    if (host->running && strncmp(host->trouble, sentence, sizeof host->trouble - 1) != 0) {
        (void)text_copy(host->trouble, sizeof host->trouble, sentence);
        hb_log(host->options.log, LOG_LEVEL_WARN, host->part, "%s", sentence);
        host_tell_state(host);
    }
}

void host_note_refusal(struct host *host, const char *sentence)
{
    if (strncmp(host->last_refusal, sentence, sizeof host->last_refusal - 1) != 0) {
        (void)text_copy(host->last_refusal, sizeof host->last_refusal, sentence);
        hb_log(host->options.log, LOG_LEVEL_WARN, host->part, "command refused: %s", sentence);
    }
}

void host_on_refused(void *ctx, uint64_t seq, const char *sentence)
{
    struct host *host = ctx;
    if (!host->running) {
        return;
    }
    host_note_refusal(host, sentence);
    struct watch_todo todo = watch_refused(&host->watch, seq, host->now);
    if (todo.outcome) {
        tell_result(host, &todo);
        host_tell_state(host);
    } else if (seq != host->watch.order.seq) {
        host_tell_outcome(host, seq, COMMAND_FAILED, sentence);
    }
}
