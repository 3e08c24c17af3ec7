/* What is kept of a heater, learnt about it and counted. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "devices/caps.h"
#include "devices/host_inside.h"
#include "devices/identity.h"
#include "ground/text.h"

/* Readings of meter and heater that belong together, and how long after a write they do. */
static const int64_t pair_apart_ms = 10000, pair_after_ms = 60000;

void host_begin_record(struct host *host)
{
    host->record = (struct heater_record){.day = INT64_MIN};
    (void)text_copy(host->record.driver, sizeof host->record.driver, host->options.driver->name);
}

/* --- abilities -------------------------------------------------------------------------------- */

/* A heater may miss two polls. */
static struct watch_rules make_rules(const struct host *host)
{
    const struct heater_caps *caps = &host->caps;
    int32_t poll_ms = host->options.driver->poll_ms;
    return (struct watch_rules){.poll_ms = poll_ms,
                                .deadline_ms = poll_ms > 1000 ? 3 * poll_ms : 3000,
                                .settle_ms = caps->settle_ms,
                                .min_write_ms = caps->min_write_ms,
                                .max_w = caps->max_w,
                                .step_w = caps->step_w,
                                .standby_w = caps->standby_w,
                                .shares_meter = caps->shares_meter,
                                .restarts_on_change = caps->restarts_on_change,
                                .identified = host_identity(host)[0] != '\0'};
}

bool host_narrow(struct host *host, struct hb_err *err)
{
    struct heater_caps caps = host->told;
    if (!caps_check(&caps, err) || !caps_narrow(&caps, host->options.config, err)) {
        return false;
    }
    if (host->ceiling_w > 0) {
        caps_cut(&caps, host->ceiling_w);
    }
    host->caps = caps;
    host->watch.rules = make_rules(host);
    host->watch.budget.per_day = caps.max_writes_per_day;
    return true;
}

void host_tell_abilities(struct host *host)
{
    struct event event = {.kind = EVENT_HEATER_ABILITIES,
                          .at = host->now,
                          .index = host->options.index,
                          .u.caps = host->caps};
    host->options.event(host->options.ctx, &event);
}

void host_on_abilities(void *ctx, const struct heater_caps *caps)
{
    struct host *host = ctx;
    struct heater_caps before = host->told;
    struct heater_caps shown = host->caps;
    struct hb_err err = {0};
    host->told = *caps;
    if (!host_narrow(host, &err)) {
        host->told = before;
        host_on_trouble(host, err.msg);
        return;
    }
    if (!host->record.caps_known || !caps_same(&host->record.caps, caps)) {
        host->record.caps_known = true;
        host->record.caps = *caps;
        host->record_changed = true;
    }
    if (host->running && !caps_same(&shown, &host->caps)) {
        host_tell_abilities(host);
    }
}

/* --- counts of the day ------------------------------------------------------------------------ */

void host_on_wrote(void *ctx, enum write_kind kind)
{
    struct host *host = ctx;
    struct heater_record *record = &host->record;
    const bool wears = kind == WRITE_FLASH;
    watch_wrote(&host->watch, host->now);
    host->stats.device_writes++;
    host->stats.flash_writes += wears;
    record->writes++;
    record->writes_today++;
    record->flash_writes += wears;
    record->wearing_today += wears;
    host->watch.budget.used = record->wearing_today;
    host->record_changed = true;
    if (wears && record->wearing_today == (uint32_t)host->caps.max_writes_per_day) {
        hb_log(host->options.log, LOG_LEVEL_WARN, host->part,
               "its %u writes of today are spent: until midnight it is only switched off, or "
               "told what safety asks for",
               (unsigned)record->wearing_today);
    }
}

/* A day that lies a little back is a clock that was corrected, not another day. */
void host_new_day(struct host *host, int64_t day, double gone)
{
    struct heater_record *record = &host->record;
    host->watch.budget.day_gone = gone;
    if (day == record->day || day + 1 == record->day) {
        return;
    }
    record->day = day;
    record->writes_today = record->wearing_today = 0;
    record->recovered = 0;
    host->watch.budget.used = 0;
    host->record_changed = true;
    struct hb_err err = {0};
    if (host->ceiling_w > 0) {
        host->ceiling_w = 0;
        if (host_narrow(host, &err)) {
            host_tell_abilities(host);
        }
    }
}

void host_set_day(struct host *host, int64_t local_day, double gone)
{
    host->day_is_given = true;
    host_new_day(host, local_day, gone);
}

/* --- identity, pool, meter -------------------------------------------------------------------- */

const char *host_identity(const struct host *host)
{
    const char *pinned = host->options.config->identity;
    return pinned[0] != '\0' ? pinned : host->record.identity;
}

static void keep(struct host *host, char *kept, size_t size, const char *text)
{
    if (text[0] != '\0' && strcmp(kept, text) != 0) {
        (void)text_copy(kept, size, text);
        host->record_changed = true;
    }
}

static void keep_first(struct host *host, char *kept, size_t size, const char *text)
{
    if (kept[0] == '\0') {
        keep(host, kept, size, text);
    }
}

static bool is_steady(const struct host *host)
{
    const struct watch *watch = &host->watch;
    const int64_t wait_ms = host->caps.settle_ms + pair_after_ms;
    return watch->ordered && watch->order.power_w > 0 && watch->outcome == COMMAND_CONFIRMED &&
           mono_age_ms(host->now, watch->written_at) >= wait_ms && !host->caps.shares_meter;
}

static void learn_from_meter(struct host *host, const struct reading *own_w)
{
    struct heater_record *record = &host->record;
    struct calibration learnt = {record->calibration, record->calibration_count};
    if (!mono_is_set(own_w->at) || own_w->from == PROVENANCE_METERED || !is_steady(host) ||
        !mono_is_set(host->metered_w.at) || own_w->value < 0.1 * host->caps.max_w ||
        llabs(mono_age_ms(own_w->at, host->metered_w.at)) > pair_apart_ms) {
        return;
    }
    calibration_learn(&learnt, host->metered_w.value, own_w->value);
    record->calibration = learnt.factor;
    record->calibration_count = learnt.count;
    /* Known for the first time it is kept at once, later with the counts. */
    host->record_changed |= learnt.count == CALIBRATION_SURE;
}

void host_learn(struct host *host, const struct heater_state *state)
{
    struct heater_record *record = &host->record;
    if (state->identity[0] != '\0' && !identity_same(record->identity, state->identity)) {
        /* The first one ever, or the one that the configuration now names: with it, everything that
         * was known of another device goes. */
        const bool other = record->identity[0] != '\0';
        keep(host, record->identity, sizeof record->identity, state->identity);
        if (other) {
            record->pool[0] = record->pool_user[0] = '\0';
            record->calibration_count = 0;
        }
        host->watch.rules.identified = true;
    }
    keep(host, record->model, sizeof record->model, state->model);
    keep(host, record->firmware, sizeof record->firmware, state->firmware);
    if (state->pool_link == POOL_OK) {
        keep_first(host, record->pool, sizeof record->pool, state->pool);
        keep_first(host, record->pool_user, sizeof record->pool_user, state->pool_user);
    }
    learn_from_meter(host, &state->power_w);
}

void host_fill_care(const struct host *host, struct heater_state *state)
{
    const struct heater_record *record = &host->record;
    const struct calibration learnt = {record->calibration, record->calibration_count};
    state->care = (struct heater_care){
        .writes_today = record->writes_today,
        .wearing_today = record->wearing_today,
        .writes = record->writes,
        .flash_writes = record->flash_writes,
        .max_writes_per_day = host->caps.max_writes_per_day,
        .calibration = calibration_factor(&learnt),
        .waits_for = watch_waits_for(&host->watch, host->now),
    };
    for (uint32_t bits = record->recovered; bits != 0; bits &= bits - 1) {
        state->care.recoveries++;
    }
    if (state->identity[0] == '\0') {
        (void)text_copy(state->identity, sizeof state->identity, host_identity(host));
    }
    if (state->model[0] == '\0') {
        (void)text_copy(state->model, sizeof state->model, record->model);
    }
    if (state->firmware[0] == '\0') {
        (void)text_copy(state->firmware, sizeof state->firmware, record->firmware);
    }
}

/* --- over a restart --------------------------------------------------------------------------- */

static void restore_tries(struct host *host, hb_mono now)
{
    for (int kind = 0; kind < HEATER_HEALTH_COUNT; kind++) {
        if ((host->record.recovered >> kind & 1) != 0) {
            health_tried(&host->health, (enum heater_health)kind, now);
        }
    }
}

void host_restore(struct host *host, const struct heater_record *record, hb_mono now)
{
    struct hb_err err = {0};
    host->now = now;
    if (strcmp(record->driver, host->record.driver) != 0) {
        return;
    }
    host->record = *record;
    if (record->identity[0] != '\0' && host->options.config->identity[0] != '\0' &&
        !identity_same(record->identity, host->options.config->identity)) {
        /* The owner names another device now: what was known of the old one goes. */
        host->record.identity[0] = host->record.model[0] = host->record.firmware[0] = '\0';
        host->record.pool[0] = host->record.pool_user[0] = '\0';
        host->record.caps_known = false;
        host->record.calibration_count = 0;
        host->record.flash_writes = host->record.writes = 0;
    }
    host->watch.budget.used = host->record.wearing_today;
    restore_tries(host, now);
    const struct heater_caps before = host->told;
    if (host->record.caps_known) {
        host->told = host->record.caps;
    }
    if (!host_narrow(host, &err)) {
        host->told = before;
        host->record.caps_known = false;
        (void)host_narrow(host, &err);
    }
}

bool host_take_record(struct host *host, struct heater_record *record)
{
    const bool changed = host->record_changed;
    host->record_changed = false;
    *record = host->record;
    return changed;
}
