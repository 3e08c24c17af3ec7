#include "tests/devices/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ground/text.h"

/* --- the fake device
 * ----------------------------------------------------------------------------*/

struct fake_instance {
    struct heater_env env;
    struct fake *fake;
};

static void fake_report(struct fake_instance *self, hb_mono now)
{
    const struct fake *fake = self->fake;
    double power_w = isnan(fake->power_w) ? fake->set_w : fake->power_w;
    struct heater_state state = {.link = HEATER_LINK_OK,
                                 .at = now,
                                 .power_w = reading_none(),
                                 .applied_w = fake->no_set_point ? NAN : fake->set_w};
    if (fake->power_from != PROVENANCE_UNKNOWN) {
        state.power_w = reading_make(power_w, now, fake->power_from);
    }
    self->env.report(self->env.report_ctx, &state);
}

static bool fake_init(void *instance, const struct heater_env *env, struct heater_caps *caps,
                      struct hb_err *err)
{
    struct fake_instance *self = instance;
    union {
        const void *in;
        struct fake *out;
    } script = {env->options};
    self->env = *env;
    self->fake = script.out;
    self->fake->inits++;
    *caps = self->fake->caps;
    return !self->fake->refuse_init || hb_fail(err, HB_ERR_USAGE, "no such device");
}

static void fake_fini(void *instance)
{
    struct fake_instance *self = instance;
    self->fake->finis++;
}

static void fake_poll(void *instance, hb_mono now)
{
    struct fake_instance *self = instance;
    self->fake->polls++;
    self->fake->last_poll = now;
    if (!self->fake->silent) {
        fake_report(self, now);
    }
}

static bool fake_test(const void *instance, const struct heater_command *command,
                      struct hb_err *err)
{
    const struct fake_instance *self = instance;
    (void)command;
    return !self->fake->refuse || hb_fail(err, HB_ERR_STATE, "expected a licence, got none");
}

static void fake_commit(void *instance, const struct heater_command *command, hb_mono now)
{
    struct fake_instance *self = instance;
    self->fake->commits++;
    self->fake->last = *command;
    self->fake->last_commit = now;
    if (!self->fake->deaf && !self->fake->silent) {
        self->fake->set_w = command->power_w;
    }
}

const struct heater_driver fake_driver = {
    .name = "fake",
    .summary = "scripted by a test",
    .instance_size = sizeof(struct fake_instance),
    .options_size = sizeof(struct fake),
    .poll_ms = 1000,
    .init = fake_init,
    .fini = fake_fini,
    .poll = fake_poll,
    .test = fake_test,
    .commit = fake_commit,
};

struct fake fake_make(void)
{
    return (struct fake){.caps = {.min_w = 100, .max_w = 1000, .standby_w = 5, .settle_ms = 5000},
                         .power_w = NAN};
}

/* --- the rig
 * ------------------------------------------------------------------------------------*/

static void take_event(void *ctx, const struct event *event)
{
    struct rig *rig = ctx;
    assert_int_equal(event->index, rig->options.index);
    assert_true(mono_is_set(event->at));
    if (event->kind == EVENT_HEATER_STATE) {
        rig->state = event->u.heater;
        rig->states++;
        return;
    }
    assert_int_equal(event->kind, EVENT_HEATER_OUTCOME);
    assert_true(rig->outcome_count < RIG_OUTCOMES);
    rig->outcome[rig->outcome_count].at = event->at;
    rig->outcome[rig->outcome_count].seq = event->u.outcome.seq;
    rig->outcome[rig->outcome_count++].result = event->u.outcome.result;
}

static void take_line(void *ctx, enum log_level level, const char *part, const char *text)
{
    struct rig *rig = ctx;
    (void)part;
    if (level <= LOG_LEVEL_WARN && rig->line_count < RIG_LINES) {
        (void)text_copy(rig->line[rig->line_count++], TEXT_MAX, text);
    }
}

void rig_prepare(struct rig *rig, const struct heater_driver *driver, void *options)
{
    *rig = (struct rig){.now = {3600000}};
    rig->config = (struct config_heater){
        .id = "ofen", .min_on_ms = -1, .min_off_ms = -1, .lease_ms = 60000, .options = options};
    rig->log = (struct hb_log){.write = take_line, .ctx = rig, .level = LOG_LEVEL_INFO};
    rig->options = (struct host_options){.driver = driver,
                                         .config = &rig->config,
                                         .index = 3,
                                         .log = &rig->log,
                                         .event = take_event,
                                         .ctx = rig};
}

void rig_create(struct rig *rig)
{
    rig->host = host_create(&rig->options, &rig->err);
    if (rig->host == NULL) {
        fail_msg("host_create: %s", rig->err.msg);
    }
}

void rig_destroy(struct rig *rig)
{
    host_destroy(rig->host);
    rig->host = NULL;
}

void rig_run(struct rig *rig, int64_t duration_ms)
{
    hb_mono end = mono_add_ms(rig->now, duration_ms);
    while (rig->now.ms < end.ms) {
        hb_mono next = mono_add_ms(rig->now, 1000);
        hb_mono due = host_due(rig->host);
        next = due.ms > rig->now.ms && due.ms < next.ms ? due : next;
        rig->now = next.ms < end.ms ? next : end;
        host_tick(rig->host, rig->now);
    }
}

uint64_t rig_order(struct rig *rig, double power_w, int64_t lease_ms)
{
    struct heater_command command = {.seq = ++rig->seq,
                                     .issued = rig->now,
                                     .expires = mono_add_ms(rig->now, lease_ms),
                                     .power_w = power_w,
                                     .why = REASON_HEATING};
    host_command(rig->host, &command, rig->now);
    return rig->seq;
}

unsigned rig_told(const struct rig *rig, uint64_t seq, enum command_outcome result)
{
    unsigned count = 0;
    for (size_t i = 0; i < rig->outcome_count; i++) {
        count += rig->outcome[i].seq == seq && rig->outcome[i].result == result;
    }
    return count;
}

bool rig_warned(const struct rig *rig, const char *text)
{
    for (size_t i = 0; i < rig->line_count; i++) {
        if (strstr(rig->line[i], text) != NULL) {
            return true;
        }
    }
    return false;
}

struct host_stats rig_stats(const struct rig *rig)
{
    struct host_stats stats;
    host_get_stats(rig->host, &stats);
    return stats;
}

/* --- defaults of a driver's options
 * -------------------------------------------------------------*/

static double scaled(const char *text)
{
    static const struct {
        const char *unit;
        double factor;
    } unit[] = {{" ms", 1},      {" min", 60000}, {" s", 1000},
                {" h", 3600000}, {" kW", 1000},   {" W", 1}};
    char *end;
    double value = strtod(text, &end);
    for (size_t i = 0; i < sizeof unit / sizeof unit[0]; i++) {
        if (strcmp(end, unit[i].unit) == 0) {
            return value * unit[i].factor;
        }
    }
    assert_int_equal(*end, '\0');
    return value;
}

static int index_of(const char *const *choices, const char *text)
{
    for (int i = 0; choices[i] != NULL; i++) {
        if (strcmp(choices[i], text) == 0) {
            return i;
        }
    }
    fail_msg("the default '%s' is none of the choices", text);
    return -1;
}

/* Nobody is at that address (RFC 5737). */
static bool set_text(const struct config_item *item, unsigned char *field)
{
    if (item->type == CONFIG_URL && item->fallback == NULL) {
        (void)snprintf((char *)field, item->size, "%s://192.0.2.1", item->choices[0]);
        return true;
    }
    if (item->type != CONFIG_TEXT && item->type != CONFIG_SECRET && item->type != CONFIG_ID &&
        item->type != CONFIG_TOPIC && item->type != CONFIG_URL) {
        return false;
    }
    (void)snprintf((char *)field, item->size, "%s", item->fallback != NULL ? item->fallback : "x");
    return true;
}

static void set_default(const struct config_item *item, unsigned char *field)
{
    bool given = item->fallback[0] != '\0';
    double number = given && item->type != CONFIG_ENUM && item->type != CONFIG_BOOL
                        ? scaled(item->fallback)
                        : NAN;
    int choice = item->type == CONFIG_ENUM ? index_of(item->choices, item->fallback) : 0;
    bool flag = strcmp(item->fallback, "true") == 0;
    int64_t ms = given && !isnan(number) ? (int64_t)number : -1;
    if (item->type == CONFIG_NUMBER || item->type == CONFIG_POWER) {
        memcpy(field, &number, sizeof number);
    } else if (item->type == CONFIG_DURATION) {
        memcpy(field, &ms, sizeof ms);
    } else if (item->type == CONFIG_ENUM) {
        memcpy(field, &choice, sizeof choice);
    } else if (item->type == CONFIG_BOOL) {
        memcpy(field, &flag, sizeof flag);
    }
    if (given && !isnan(number) && item->max > item->min) {
        bool out_of_range = number < item->min || number > item->max;
        assert_false(out_of_range);
    }
}

void *rig_default_options(const struct heater_driver *driver)
{
    unsigned char *options = calloc(1, driver->options_size + 1);
    for (const struct config_item *item = driver->options; item != NULL && item->name != NULL;
         item++) {
        assert_true(item->offset + item->size <= driver->options_size);
        if (set_text(item, options + item->offset)) {
            continue;
        }
        if (item->fallback != NULL) {
            set_default(item, options + item->offset);
        } else if (item->type == CONFIG_NUMBER || item->type == CONFIG_POWER) {
            memcpy(options + item->offset, &item->max, sizeof item->max);
        }
    }
    return options;
}
