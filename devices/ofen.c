#include "devices/ofen.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "devices/errand.h"
#include "devices/levels.h"
#include "devices/ofen_codec.h"
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

/* What differs between the two. Without the first `essential` rows there is no report. */
struct ofen_kind {
    const struct ofen_row *rows;
    int reads, essential;
    const char *name; /* for messages */
    struct ofen_call (*call)(enum ofen_write write, int level, const char *miner);
};

struct ofen_heater {
    struct heater_env env;
    const struct ofen_kind *kind;
    struct heater_caps caps;
    struct errand errand;
    struct ofen seen; /* being read */
    struct ofen set;  /* as last read, and then as it acknowledged */
    struct reply_faults faults;
    bool early_refused; /* it took no level while it was off */
    int told_level;     /* whose watts were already compared with ours */
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

/* --- reading ----------------------------------------------------------------------------------*/

static enum errand_step read_part(void *self, int part)
{
    struct ofen_heater *o = self;
    if (part == 0) {
        ofen_forget(&o->seen, clock_mono());
    }
    return part < o->kind->reads
               ? errand_http(&o->errand, part, HTTP_GET, o->kind->rows[part].path, NULL, NULL)
               : ERRAND_DONE;
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

static bool take_row(struct ofen_heater *o, const struct remote_answer *answer)
{
    const struct ofen_row *row = &o->kind->rows[answer->request];
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

static enum errand_step take(void *self, const struct remote_answer *answer)
{
    struct ofen_heater *o = self;
    const bool useful = remote_is_success(answer) && take_row(o, answer);
    if (useful || answer->request >= o->kind->essential) {
        return ERRAND_NEXT;
    }
    if (answer->status >= 400 && answer->status < 500) {
        tell_http_error(o, answer);
    }
    return ERRAND_LATER;
}

/* --- writing ----------------------------------------------------------------------------------*/

static int level_of(const struct ofen_heater *o, double power_w)
{
    const int level = levels_index(&o->caps, power_w);
    return level < 0 ? OFEN_LEVEL_OFF : level;
}

static enum errand_step write_next(void *self, const struct heater_command *order, hb_mono now)
{
    static const char *const headers[] = {"Content-Type: application/json; charset=UTF-8", NULL};
    struct ofen_heater *o = self;
    enum ofen_write write = 0;
    (void)now;
    const int level = order != NULL ? level_of(o, order->power_w) : OFEN_LEVEL_UNKNOWN;
    while (order != NULL && write < OFEN_WRITES &&
           !ofen_needs(&o->set, write, level, o->early_refused)) {
        write++;
    }
    if (order == NULL || write == OFEN_WRITES) {
        o->early_refused = false;
        return ERRAND_DONE;
    }
    const struct ofen_call call = o->kind->call(write, level, options_of(o)->miner);
    o->env.wrote(o->env.report_ctx, write == OFEN_SET_LEVEL ? WRITE_FLASH : WRITE_VOLATILE);
    return errand_http(&o->errand, (int)write, HTTP_POST, call.path, headers, call.body);
}

/* What it acknowledged is believed only until it is read back. */
static void believe(struct ofen_heater *o, enum ofen_write write, int level)
{
    if (write == OFEN_SET_LEVEL) {
        o->set.level = level;
    } else {
        o->set.enabled = write == OFEN_ENABLE;
        o->set.operational = o->set.enabled;
    }
}

static enum errand_step wrote(void *self, const struct heater_command *order,
                              const struct remote_answer *answer, hb_mono now)
{
    struct ofen_heater *o = self;
    const enum ofen_write write = (enum ofen_write)answer->request;
    char sentence[TEXT_MAX];
    (void)now;
    if (!answer->ok) {
        return ERRAND_LATER;
    }
    if (remote_is_success(answer)) {
        believe(o, write, level_of(o, order->power_w));
        return ERRAND_NEXT;
    }
    if (write == OFEN_SET_LEVEL && !o->early_refused && ofen_applied(&o->set) == OFEN_LEVEL_OFF) {
        o->early_refused = true; /* perhaps because it is off */
        return ERRAND_NEXT;
    }
    if (answer->status < 500 && answer->status != 409) {
        (void)snprintf(sentence, sizeof sentence, "%s refuses %.0f W with HTTP %d", o->kind->name,
                       order->power_w, answer->status);
        o->env.refused(o->env.report_ctx, order->seq, sentence);
    }
    return ERRAND_LEAVE; /* what became of it shows when it is read */
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
    const double ours_w = o->caps.tier_w[level];
    const bool fits = fabs(told_w - ours_w) <= MISMATCH * ours_w ||
                      fabs(told_w / 3 - ours_w) <= MISMATCH * ours_w;
    hb_log(o->env.log, fits ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, o->env.id,
           "it gives %.0f W (a third: %.0f W) for level %d, for which %.0f W are configured%s",
           told_w, told_w / 3, level, ours_w, fits ? "" : ": measure it and set `levels`");
}

static const struct heater_state *conclude(void *self, hb_mono now)
{
    struct ofen_heater *o = self;
    struct heater_state *state = &o->seen.state;
    const int level = ofen_applied(&o->seen);
    (void)now;
    o->set = o->seen;
    state->link = HEATER_LINK_OK;
    if (level != OFEN_LEVEL_UNKNOWN) {
        state->applied_w = level == OFEN_LEVEL_OFF ? 0 : o->caps.tier_w[level];
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
    compare_watts(o, level);
    return state;
}

/* --- the drivers ------------------------------------------------------------------------------*/

static const struct errand_rules rules = {
    .read = read_part,
    .take = take,
    .conclude = conclude,
    .write = write_next,
    .wrote = wrote,
    .fresh_ms = 2 * POLL_MS,
};

static bool set_levels(struct ofen_heater *o, struct hb_err *err)
{
    o->caps = (struct heater_caps){
        .standby_w = options_of(o)->standby_power,
        .settle_ms = SETTLE_MS,
        .min_on_ms = MIN_DWELL_MS,
        .min_off_ms = MIN_DWELL_MS,
        .min_write_ms = (int32_t)options_of(o)->min_write,
        .max_writes_per_day = MAX_WRITES,
        .has_fan = true,
    };
    return levels_take(&o->caps, &options_of(o)->levels, default_level_w, OFEN_LEVELS, err);
}

static bool init(struct ofen_heater *o, const struct ofen_kind *kind, const struct heater_env *env,
                 struct heater_caps *caps, struct hb_err *err)
{
    o->env = *env;
    o->kind = kind;
    o->told_level = OFEN_LEVEL_UNKNOWN;
    ofen_forget(&o->seen, (hb_mono){0});
    if (!set_levels(o, err)) {
        return false;
    }
    *caps = o->caps;
    const struct remote_options remote = {.url = options_of(o)->url};
    return errand_init(&o->errand, &rules, o, &o->env, &remote, err);
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
    errand_fini(&o->errand);
}

static void poll(void *self, hb_mono now)
{
    struct ofen_heater *o = self;
    errand_poll(&o->errand, now);
}

static void commit(void *self, const struct heater_command *command, hb_mono now)
{
    struct ofen_heater *o = self;
    errand_commit(&o->errand, command, now);
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
    .commit = commit,
};
