#include "devices/ofen.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "devices/caps.h"
#include "devices/ofen_codec.h"
#include "devices/talk.h"
#include "ground/text.h"
#include "plumbing/clock.h"

enum {
    POLL_MS = 10000,
    MAX_WRITES = 48,        /* of its level, which it tunes for anew */
    SETTLE_MS = 10 * 60000, /* it has a Braiins tuner inside */
    MIN_DWELL_MS = 3 * 60000,
};
#define MISMATCH 0.15 /* of watts told and configured that is worth a word */

struct ofen_row {
    const char *path;
    ofen_reader read; /* NULL: a 21port's summary */
};

/* What differs between the two. The first `essential` rows are what a write is decided on. */
struct ofen_kind {
    const struct ofen_row *rows;
    size_t reads, essential;
    const char *name; /* for messages */
    struct ofen_call (*call)(enum ofen_write write, int level, const char *miner);
};

struct ofen_heater {
    struct heater_env env;
    const struct ofen_kind *kind;
    struct heater_caps caps;
    struct talk_ways ways;
    struct talk talk;
    struct ofen seen;
    struct reply_faults faults;
    double level_w[OFEN_LEVELS];
    bool early_refused;        /* the first attempt to set the level of this command */
    int told_level;            /* whose watts were already compared with ours */
    char identity[NAME_MAX_B]; /* of the device that was last reported */
};

static const struct ofen_row ofen_rows[] = {
    {"/21control/status/system", ofen_read_system},
    {"/21control/status", ofen_read_status},
    {"/21control/heater/powerTarget", ofen_read_level},
    {"/21control/heater/status/summary", ofen_read_summary},
    {"/21control/heater/powerTarget/watt", ofen_read_watt},
    {"/21control/heater/poolConfig", ofen_read_pools},
};
static const struct ofen_kind ofen_kind = {ofen_rows, 6, 4, "the 21energy Ofen", ofen_call};

static const struct ofen_row port21_rows[] = {
    {"/21port/status/configuration", port21_read_configuration},
    {"/21port/status/summary", NULL},
    {"/21port/mining/poolConfig", port21_read_pools},
};
static const struct ofen_kind port21_kind = {port21_rows, 3, 2, "the 21energy 21port", port21_call};

/* In use at the time of writing, by the maker's customers; no data sheet gives them. */
static const double default_level_w[OFEN_LEVELS] = {900, 1400, 1900, 2400, 2900};

#define FIELD(name) offsetof(struct ofen_options, name), sizeof(((struct ofen_options *)NULL)->name)

static const char *const schemes[] = {"http", NULL};

static const struct config_item ofen_options[] = {
    {"url", CONFIG_URL, FIELD(url), 0, 0, NULL, schemes, NULL,
     "its address: `http://192.168.1.20`"},
    {"levels", CONFIG_POWERS, FIELD(levels), 1, 100000, "W", NULL, "",
     "its five levels, as a meter shows them; left out, 900, 1400, 1900, 2400 and 2900 W"},
    {"standby_power", CONFIG_POWER, FIELD(standby_power), 0, 1000, "W", NULL, "15 W",
     "power that it draws while it is off"},
    {"min_write", CONFIG_DURATION, FIELD(min_write), 0, 864e5, NULL, NULL, "5 min",
     "least time between two changes of its power, each of which it tunes for anew"},
    {0},
};

static const struct config_item port21_options[] = {
    {"url", CONFIG_URL, FIELD(url), 0, 0, NULL, schemes, NULL,
     "its address: `http://192.168.1.20`"},
    {"levels", CONFIG_POWERS, FIELD(levels), 1, 100000, "W", NULL, NULL,
     "the five levels, as a meter shows them"},
    {"standby_power", CONFIG_POWER, FIELD(standby_power), 0, 1000, "W", NULL, "15 W",
     "power that is drawn while it is off"},
    {"min_write", CONFIG_DURATION, FIELD(min_write), 0, 864e5, NULL, NULL, "5 min",
     "least time between two changes of its power, each of which it tunes for anew"},
    {"miner", CONFIG_TEXT, FIELD(miner), 0, 0, NULL, NULL, "",
     "id of one device behind it; left out, all together"},
    {0},
};

static const struct ofen_options *options_of(const struct ofen_heater *o)
{
    return o->env.options;
}

static bool succeeded(const struct remote_answer *answer)
{
    return answer->status >= 200 && answer->status < 300;
}

/* --- reading ----------------------------------------------------------------------------------*/

static void begin_round(void *self)
{
    struct ofen_heater *o = self;
    ofen_forget(&o->seen, clock_mono());
}

static bool ask_read(void *self, size_t step)
{
    struct ofen_heater *o = self;
    return talk_send(&o->talk, HTTP_GET, o->kind->rows[step].path, NULL, NULL);
}

static void trouble(struct ofen_heater *o, const char *sentence)
{
    o->env.trouble(o->env.report_ctx, sentence);
}

static void tell_http_error(struct ofen_heater *o, const struct remote_answer *answer)
{
    char sentence[TEXT_MAX];
    if (answer->status == 404) {
        (void)snprintf(sentence, sizeof sentence,
                       "expected %s at %s, got HTTP 404: its firmware is too old for local control "
                       "and needs an update, or the address is another device's",
                       o->kind->name, options_of(o)->url);
    } else {
        (void)snprintf(sentence, sizeof sentence,
                       "expected the open interface of %s, got HTTP %d: allow local control in its "
                       "app",
                       o->kind->name, answer->status);
    }
    trouble(o, sentence);
}

static bool take(struct ofen_heater *o, size_t step, const struct remote_answer *answer)
{
    const struct ofen_row *row = &o->kind->rows[step];
    if (row->read != NULL) {
        return row->read(answer->body, answer->len, &o->seen, &o->faults);
    }
    char sentence[TEXT_MAX];
    const char *miner = options_of(o)->miner;
    const uint64_t unreadable = o->faults.count[REPLY_UNREADABLE];
    if (port21_read_summary(answer->body, answer->len, miner, &o->seen, &o->faults)) {
        return true;
    }
    if (o->faults.count[REPLY_UNREADABLE] == unreadable) {
        (void)snprintf(sentence, sizeof sentence,
                       "there is no device '%s' behind the 21port: see heaters.%s.miner", miner,
                       o->env.id);
        trouble(o, sentence);
    }
    return false;
}

static enum talk_turn heard(void *self, size_t step, const struct remote_answer *answer)
{
    struct ofen_heater *o = self;
    const bool useful = succeeded(answer) && take(o, step, answer);
    if (step < o->kind->essential && !useful) {
        if (answer->status >= 400 && answer->status < 500) {
            tell_http_error(o, answer);
        }
        return TALK_OVER;
    }
    return TALK_ON;
}

/* --- writing ----------------------------------------------------------------------------------*/

/* Another device may have taken its address since the last report. */
static bool may_write(void *self)
{
    struct ofen_heater *o = self;
    o->early_refused = false;
    return o->identity[0] == '\0' || strcmp(o->identity, o->seen.state.identity) == 0;
}

/* The level of a power that test let pass. */
static int level_of(const struct ofen_heater *o, double power_w)
{
    int level = OFEN_LEVEL_OFF;
    for (int i = 0; i < OFEN_LEVELS && power_w > 0; i++) {
        if (fabs(o->level_w[i] - power_w) < 0.5) {
            level = i;
        }
    }
    return level;
}

static bool ask_write(void *self, size_t kind, const struct heater_command *command)
{
    struct ofen_heater *o = self;
    const enum ofen_write write = (enum ofen_write)kind;
    const int level = level_of(o, command->power_w);
    if (!ofen_needs(&o->seen, write, level, o->early_refused)) {
        return false;
    }
    static const char *const headers[] = {"Content-Type: application/json; charset=UTF-8", NULL};
    const struct ofen_call call = o->kind->call(write, level, options_of(o)->miner);
    const bool level_changes = write == OFEN_SET_LEVEL || write == OFEN_SET_LEVEL_LATE;
    o->env.wrote(o->env.report_ctx, level_changes ? WRITE_FLASH : WRITE_VOLATILE);
    return talk_send(&o->talk, HTTP_POST, call.path, headers, call.body);
}

static enum talk_turn written(void *self, size_t kind, const struct heater_command *command,
                              const struct remote_answer *answer)
{
    struct ofen_heater *o = self;
    char sentence[TEXT_MAX];
    if (succeeded(answer)) {
        return TALK_ON;
    }
    if (kind == OFEN_SET_LEVEL && ofen_applied(&o->seen) == OFEN_LEVEL_OFF) {
        o->early_refused = true; /* perhaps because it is off */
        return TALK_ON;
    }
    if (answer->status >= 500 || answer->status == 409) {
        return TALK_BACK; /* not now: what became of it shows when it is read */
    }
    (void)snprintf(sentence, sizeof sentence, "%s refuses %.0f W with HTTP %d", o->kind->name,
                   command->power_w, answer->status);
    o->env.refused(o->env.report_ctx, command->seq, sentence);
    return TALK_BACK;
}

/* --- reporting --------------------------------------------------------------------------------*/

/* Its watts are an enigma: the maker's own integration divides them by three, and nobody says why.
 * They are only compared with ours, once for each level. */
static void compare_watts(struct ofen_heater *o, int level)
{
    const double told_w = o->seen.told_w;
    if (level < 0 || level == o->told_level || !isfinite(told_w)) {
        return;
    }
    o->told_level = level;
    const double ours_w = o->level_w[level];
    const bool fits = fabs(told_w - ours_w) <= MISMATCH * ours_w ||
                      fabs(told_w / 3 - ours_w) <= MISMATCH * ours_w;
    hb_log(o->env.log, fits ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, o->env.id,
           "it gives %.0f W (a third: %.0f W) for level %d, for which %.0f W are configured%s",
           told_w, told_w / 3, level, ours_w, fits ? "" : ": measure it and set `levels`");
}

static void report(void *self)
{
    struct ofen_heater *o = self;
    struct heater_state *state = &o->seen.state;
    const int level = ofen_applied(&o->seen);
    state->link = HEATER_LINK_OK;
    if (level != OFEN_LEVEL_UNKNOWN) {
        state->applied_w = level == OFEN_LEVEL_OFF ? 0 : o->level_w[level];
    }
    if (state->pool[0] != '\0' && state->pool_link == POOL_NONE) {
        /* Without a pool's work it would not hash. */
        state->pool_link = state->hashrate_hs.value > 0 ? POOL_OK : POOL_CONNECTING;
    }
    if (state->pool_link == POOL_LOST) {
        state->health = HEATER_POOL_LOST;
    }
    if (o->seen.paired == 0) {
        state->problem = true;
        (void)text_copy(state->problem_text, sizeof state->problem_text,
                        "it is not paired yet: pair it in the app of 21energy");
    }
    memcpy(state->faults, o->faults.count, sizeof state->faults);
    (void)text_copy(o->identity, sizeof o->identity, state->identity);
    compare_watts(o, level);
    o->env.report(o->env.report_ctx, state);
}

/* --- the drivers ------------------------------------------------------------------------------*/

static bool set_levels(struct ofen_heater *o, struct hb_err *err)
{
    const struct config_powers *levels = &options_of(o)->levels;
    if (levels->count != 0 && levels->count != OFEN_LEVELS) {
        return hb_fail(err, HB_ERR_USAGE, "levels: expected %d powers, got %zu", OFEN_LEVELS,
                       levels->count);
    }
    o->caps = (struct heater_caps){
        .tier_count = OFEN_LEVELS,
        .standby_w = options_of(o)->standby_power,
        .settle_ms = SETTLE_MS,
        .min_on_ms = MIN_DWELL_MS,
        .min_off_ms = MIN_DWELL_MS,
        .min_write_ms = (int32_t)options_of(o)->min_write,
        .max_writes_per_day = MAX_WRITES,
        .has_fan = true,
    };
    for (int i = 0; i < OFEN_LEVELS; i++) {
        o->level_w[i] = levels->count > 0 ? levels->w[i] : default_level_w[i];
        o->caps.tier_w[i] = o->level_w[i];
    }
    o->caps.min_w = o->level_w[0];
    o->caps.max_w = o->level_w[OFEN_LEVELS - 1];
    return true;
}

static bool init(struct ofen_heater *o, const struct ofen_kind *kind, const struct heater_env *env,
                 struct heater_caps *caps, struct hb_err *err)
{
    o->env = *env;
    o->kind = kind;
    o->ways = (struct talk_ways){.reads = kind->reads,
                                 .essential = kind->essential,
                                 .writes = OFEN_WRITES,
                                 .begin = begin_round,
                                 .read = ask_read,
                                 .heard = heard,
                                 .may_write = may_write,
                                 .write = ask_write,
                                 .written = written,
                                 .report = report};
    o->told_level = OFEN_LEVEL_UNKNOWN;
    ofen_forget(&o->seen, (hb_mono){0});
    if (!set_levels(o, err)) {
        return false;
    }
    *caps = o->caps;
    const struct remote_options remote = {.url = options_of(o)->url};
    return talk_init(&o->talk, &o->ways, o, &o->env, &remote, err);
}

static bool ofen_init(void *self, const struct heater_env *env, struct heater_caps *caps,
                      struct hb_err *err)
{
    return init(self, &ofen_kind, env, caps, err);
}

static bool port21_init(void *self, const struct heater_env *env, struct heater_caps *caps,
                        struct hb_err *err)
{
    return init(self, &port21_kind, env, caps, err);
}

static void fini(void *self)
{
    struct ofen_heater *o = self;
    talk_fini(&o->talk);
}

static void poll(void *self, hb_mono now)
{
    struct ofen_heater *o = self;
    (void)now;
    talk_poll(&o->talk);
}

static bool test(const void *self, const struct heater_command *command, struct hb_err *err)
{
    const struct ofen_heater *o = self;
    return caps_allow(&o->caps, command->power_w, err);
}

static void commit(void *self, const struct heater_command *command, hb_mono now)
{
    struct ofen_heater *o = self;
    (void)now;
    talk_command(&o->talk, command);
}

const struct heater_driver ofen_heater = {
    .name = "ofen",
    .summary = "a 21energy Ofen: five levels, on and off",
    .instance_size = sizeof(struct ofen_heater),
    .options_size = sizeof(struct ofen_options),
    .options = ofen_options,
    .poll_ms = POLL_MS,
    .init = ofen_init,
    .fini = fini,
    .poll = poll,
    .test = test,
    .commit = commit,
};

const struct heater_driver port21_heater = {
    .name = "port21",
    .summary = "a 21energy 21port and the miners behind it: five levels, on and off",
    .instance_size = sizeof(struct ofen_heater),
    .options_size = sizeof(struct ofen_options),
    .options = port21_options,
    .poll_ms = POLL_MS,
    .init = port21_init,
    .fini = fini,
    .poll = poll,
    .test = test,
    .commit = commit,
};
