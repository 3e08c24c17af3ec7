#include "devices/antminer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices/antminer_codec.h"
#include "devices/errand.h"
#include "plumbing/clock.h"

#define POLL_MS    15000
#define TIMEOUT_MS 15000 /* its programs restart the miner before they answer */
#define STANDBY_W  15.0
#define ASSUMED_W  3250.0

enum { READ_SYSTEM = 1, READ_CONF, READ_STATS, READ_SUMMARY, READ_POOLS, READS_END };
enum { BEFORE = READS_END, PATCH, VERIFY, PUT_BACK, VERIFY_BACK };

/* What is to be asked next, to change the mode. */
enum stage { AT_REST, AT_PATCH, AT_VERIFY, AT_PUT_BACK, AT_VERIFY_BACK };

struct antminer {
    struct heater_env env;
    struct heater_caps caps;
    struct errand errand;
    struct reply_faults faults;
    struct heater_state draft;
    enum antminer_mode reading;
    enum antminer_mode mode; /* as last read */
    double rated_w;          /* in normal mode */
    enum stage stage;
    struct json *before;         /* the configuration that is being changed; NULL at rest */
    enum antminer_mode target;   /* to which it is being changed */
    bool as_text;                /* this firmware takes the mode only as a text */
    bool tried_other;            /* both forms were tried                           */
    char code[NAME_MAX_B];       /* with which it refused; "" if it did not          */
    char difference[NAME_MAX_B]; /* where the configuration came out otherwise */
    char problem[TEXT_MAX];      /* until the next change that works */
};

#define FIELD(name)                                                                                \
    offsetof(struct antminer_options, name), sizeof(((struct antminer_options *)NULL)->name)

static const char *const schemes[] = {"http", "https", NULL};

static const struct config_item options[] = {
    {"url", CONFIG_URL, FIELD(url), 0, 0, NULL, schemes, NULL,
     "where it is, as in http://192.168.1.20"},
    {"user", CONFIG_TEXT, FIELD(user), 0, 0, NULL, NULL, "root", "user of its web page"},
    {"password", CONFIG_SECRET, FIELD(password), 0, 0, NULL, NULL, "root",
     "password of its web page"},
    {"power", CONFIG_POWER, FIELD(power), 1, 20000, "W", NULL, "",
     "power in normal mode, which it does not tell; without it max_power, else that of its data "
     "sheet"},
    {"low_power", CONFIG_POWER, FIELD(low_power), 1, 20000, "W", NULL, "",
     "power in low power mode, measured with a meter; without it that mode is not used"},
    {"restart_time", CONFIG_DURATION, FIELD(restart_time), 0, 3600000, NULL, NULL, "10 min",
     "time that it takes from one mode to the other, and shortest time on and off"},
    {0},
};

static const struct antminer_options *options_of(const struct antminer *a)
{
    return a->env.options;
}

/* --- what it can do --------------------------------------------------------------------------- */

static double rated_w(const struct antminer *a, const char *model)
{
    const double sheet_w = antminer_rated_w(model);
    if (options_of(a)->power > 0) {
        return options_of(a)->power;
    }
    if (a->env.configured_max_w > 0) {
        return a->env.configured_max_w;
    }
    return isfinite(sheet_w) ? sheet_w : ASSUMED_W;
}

static void fill_caps(struct antminer *a)
{
    const int32_t restart_ms = (int32_t)options_of(a)->restart_time;
    const double low_w = options_of(a)->low_power;
    a->caps = (struct heater_caps){.min_w = a->rated_w,
                                   .max_w = a->rated_w,
                                   .standby_w = STANDBY_W,
                                   .tier_w = {a->rated_w},
                                   .tier_count = 1,
                                   .settle_ms = restart_ms,
                                   .min_on_ms = restart_ms,
                                   .min_off_ms = restart_ms,
                                   .min_write_ms = restart_ms,
                                   .restarts_on_change = true,
                                   .has_fan = true};
    if (low_w > 0 && low_w < a->rated_w) {
        a->caps.min_w = a->caps.tier_w[0] = low_w;
        a->caps.tier_w[1] = a->rated_w;
        a->caps.tier_count = 2;
    }
}

static enum antminer_mode mode_for(const struct antminer *a, double power_w)
{
    if (power_w <= 0) {
        return ANTMINER_SLEEP;
    }
    const bool low =
        a->caps.tier_count > 1 && power_w - a->caps.tier_w[0] < a->caps.tier_w[1] - power_w;
    return low ? ANTMINER_LOW : ANTMINER_NORMAL;
}

static double applied_w(const struct antminer *a)
{
    switch (a->mode) {
    case ANTMINER_SLEEP:
        return 0;
    case ANTMINER_NORMAL:
        return a->rated_w;
    case ANTMINER_LOW:
        return a->caps.tier_count > 1 ? a->caps.tier_w[0] : NAN;
    case ANTMINER_HIGH:
    case ANTMINER_UNKNOWN:
    default:
        return NAN;
    }
}

/* --- reading ---------------------------------------------------------------------------------- */

static enum errand_step get(struct antminer *a, int request, const char *path)
{
    return errand_http(&a->errand, request, HTTP_GET, path, NULL, NULL);
}

static enum errand_step read_part(void *self, int part)
{
    static const char *const paths[] = {[READ_SYSTEM] = "/cgi-bin/get_system_info.cgi",
                                        [READ_CONF] = "/cgi-bin/get_miner_conf.cgi",
                                        [READ_STATS] = "/cgi-bin/stats.cgi",
                                        [READ_SUMMARY] = "/cgi-bin/summary.cgi",
                                        [READ_POOLS] = "/cgi-bin/pools.cgi"};
    struct antminer *a = self;
    const int request = part + 1;
    if (part == 0) {
        a->draft = reply_unknown_state(clock_mono());
    }
    if (request >= READS_END) {
        return ERRAND_DONE;
    }
    return get(a, request, paths[request]);
}

/* Whether the owner has to do something before it can be read; then that was told. */
static bool is_closed(struct antminer *a, const struct remote_answer *answer)
{
    char sentence[TEXT_MAX];
    if (answer->status == 401 || answer->status == 403) {
        (void)snprintf(sentence, sizeof sentence,
                       "the Antminer refuses user and password; set heaters.%s.user and .password "
                       "to those of its web page",
                       a->env.id);
    } else if (answer->status == 404) {
        (void)snprintf(sentence, sizeof sentence,
                       "expected the web page of an Antminer S19 or later; this one is older, or "
                       "has another firmware: put a plug before it, or choose another driver for "
                       "heaters.%s",
                       a->env.id);
    } else {
        return false;
    }
    a->env.trouble(a->env.report_ctx, sentence);
    return true;
}

static enum errand_step take_conf(struct antminer *a, const struct remote_answer *answer)
{
    struct json *conf = antminer_conf_parse(answer->body, answer->len, &a->faults);
    a->reading = antminer_conf_mode(conf);
    const bool is_one = conf != NULL;
    json_free(conf);
    return is_one ? ERRAND_NEXT : ERRAND_LATER;
}

static enum errand_step take(void *self, const struct remote_answer *answer)
{
    struct antminer *a = self;
    if (!answer->ok || is_closed(a, answer) || answer->status != 200) {
        return ERRAND_LATER;
    }
    if (answer->request == READ_CONF) {
        return take_conf(a, answer);
    }
    struct json *json = reply_parse(answer->body, answer->len, &a->faults);
    if (answer->request == READ_SYSTEM) {
        antminer_system(json, &a->draft, &a->faults);
    } else if (answer->request == READ_STATS) {
        antminer_stats(json, &a->draft, &a->faults);
    } else if (answer->request == READ_SUMMARY) {
        antminer_summary(json, &a->draft, &a->faults);
    } else {
        antminer_pools(json, &a->draft, &a->faults);
    }
    json_free(json);
    return ERRAND_NEXT;
}

/* It tells no watts: what its mode draws, by the data sheet or the owner's word. */
static struct reading modelled_power(const struct antminer *a, hb_mono now)
{
    const double w = a->mode == ANTMINER_SLEEP ? STANDBY_W : applied_w(a);
    return reading_make(w, now, PROVENANCE_MODELLED);
}

static const struct heater_state *conclude(void *self, hb_mono now)
{
    struct antminer *a = self;
    const double w = rated_w(a, a->draft.model);
    a->mode = a->reading;
    if (w != a->rated_w) {
        a->rated_w = w;
        fill_caps(a);
        a->env.abilities(a->env.report_ctx, &a->caps);
    }
    if (a->problem[0] != '\0') {
        a->draft.problem = true;
        (void)snprintf(a->draft.problem_text, sizeof a->draft.problem_text, "%s", a->problem);
    }
    a->draft.link = HEATER_LINK_OK;
    a->draft.at = now;
    a->draft.applied_w = applied_w(a);
    a->draft.power_w = modelled_power(a, now);
    memcpy(a->draft.faults, a->faults.count, sizeof a->draft.faults);
    return &a->draft;
}

/* --- writing ---------------------------------------------------------------------------------- */

static enum errand_step post(struct antminer *a, int request, enum antminer_mode mode)
{
    char *body = antminer_conf_with(a->before, mode, a->as_text);
    const enum errand_step step =
        errand_http(&a->errand, request, HTTP_POST, "/cgi-bin/set_miner_conf.cgi", NULL, body);
    free(body);
    if (step == ERRAND_ASKED) {
        a->env.wrote(a->env.report_ctx, WRITE_FLASH);
    }
    return step;
}

static void rest(void *self)
{
    struct antminer *a = self;
    json_free(a->before);
    a->before = NULL;
    a->stage = AT_REST;
    a->code[0] = '\0';
    a->tried_other = false;
}

static enum errand_step write_next(void *self, const struct heater_command *order, hb_mono now)
{
    struct antminer *a = self;
    (void)now;
    if (a->stage == AT_PATCH) {
        /* Nothing is written yet: the newest command counts, if there is one still. */
        a->target = order != NULL ? mode_for(a, order->power_w) : a->mode;
        if (a->target == a->mode) {
            rest(a);
            return ERRAND_DONE;
        }
    }
    switch (a->stage) {
    case AT_PATCH:
        return post(a, PATCH, a->target);
    case AT_VERIFY:
        return get(a, VERIFY, "/cgi-bin/get_miner_conf.cgi");
    case AT_PUT_BACK:
        return post(a, PUT_BACK, ANTMINER_UNKNOWN);
    case AT_VERIFY_BACK:
        return get(a, VERIFY_BACK, "/cgi-bin/get_miner_conf.cgi");
    case AT_REST:
    default:
        if (order == NULL || mode_for(a, order->power_w) == a->mode) {
            return ERRAND_DONE;
        }
        return get(a, BEFORE, "/cgi-bin/get_miner_conf.cgi");
    }
}

static enum errand_step give_up(struct antminer *a, const struct heater_command *order,
                                const char *sentence)
{
    (void)snprintf(a->problem, sizeof a->problem, "%s", sentence);
    rest(a);
    if (order != NULL) {
        a->env.refused(a->env.report_ctx, order->seq, sentence);
    }
    return ERRAND_LEAVE;
}

/* The configuration as it is at this moment is what will be patched, compared with and put back. */
static enum errand_step take_before(struct antminer *a, const struct heater_command *order,
                                    struct json *conf)
{
    struct hb_err err = {0};
    json_free(a->before);
    a->before = conf;
    if (!antminer_conf_writable(conf, &err)) {
        return give_up(a, order, err.msg);
    }
    a->mode = antminer_conf_mode(conf);
    if (order == NULL || mode_for(a, order->power_w) == a->mode) {
        rest(a);
        return ERRAND_NEXT;
    }
    a->target = mode_for(a, order->power_w);
    a->stage = AT_PATCH;
    return ERRAND_NEXT;
}

/* Whatever it says to a write, only reading again tells what it did. */
static enum errand_step take_posted(struct antminer *a, const struct remote_answer *answer)
{
    a->code[0] = '\0';
    if (answer->request == PATCH && !answer->ok) {
        (void)snprintf(a->code, sizeof a->code, "%s", answer->why);
    } else if (answer->request == PATCH) {
        struct json *json = reply_parse(answer->body, answer->len, &a->faults);
        if (json != NULL && antminer_taken(json, a->code, &a->faults)) {
            a->code[0] = '\0';
        }
        json_free(json);
    }
    a->stage = answer->request == PATCH ? AT_VERIFY : AT_VERIFY_BACK;
    return ERRAND_NEXT;
}

static enum errand_step take_verified(struct antminer *a, const struct heater_command *order,
                                      const struct json *conf)
{
    char sentence[TEXT_MAX];
    if (!antminer_conf_same(a->before, conf, a->difference)) {
        a->stage = AT_PUT_BACK;
        return ERRAND_NEXT;
    }
    a->mode = antminer_conf_mode(conf);
    if (a->mode == a->target) {
        a->problem[0] = '\0';
        rest(a);
        return ERRAND_NEXT;
    }
    if (a->code[0] == '\0' && !a->tried_other) {
        a->tried_other = true; /* some firmware takes the mode as a number, some as a text */
        a->as_text = !a->as_text;
        a->stage = AT_PATCH;
        return ERRAND_NEXT;
    }
    (void)snprintf(sentence, sizeof sentence,
                   "the Antminer does not take the work mode (%s); its configuration is as it was",
                   a->code[0] != '\0' ? a->code : "it says that it did");
    return give_up(a, order, sentence);
}

static enum errand_step take_restored(struct antminer *a, const struct heater_command *order,
                                      const struct json *conf)
{
    char path[NAME_MAX_B];
    char sentence[TEXT_MAX];
    if (antminer_conf_same(a->before, conf, path)) {
        (void)snprintf(sentence, sizeof sentence,
                       "writing the work mode changed '%s' of the Antminer's configuration too, so "
                       "all was put back; put a plug before it if that happens again",
                       a->difference);
    } else {
        (void)snprintf(sentence, sizeof sentence,
                       "writing the work mode changed '%s' of the Antminer's configuration, and "
                       "it could not be put back: check its pools on its web page",
                       path);
    }
    a->mode = antminer_conf_mode(conf);
    return give_up(a, order, sentence);
}

static enum errand_step take_written(void *self, const struct heater_command *order,
                                     const struct remote_answer *answer, hb_mono now)
{
    struct antminer *a = self;
    (void)now;
    if (answer->request == PATCH || answer->request == PUT_BACK) {
        return take_posted(a, answer);
    }
    if (!answer->ok || answer->status != 200) {
        return ERRAND_LATER; /* it restarts: read it when it is back */
    }
    struct json *conf = antminer_conf_parse(answer->body, answer->len, &a->faults);
    if (conf == NULL) {
        return ERRAND_LATER;
    }
    if (answer->request == BEFORE) {
        return take_before(a, order, conf);
    }
    const enum errand_step step =
        answer->request == VERIFY ? take_verified(a, order, conf) : take_restored(a, order, conf);
    json_free(conf);
    return step;
}

static bool unfinished(const void *self)
{
    const struct antminer *a = self;
    return a->stage != AT_REST;
}

static const struct errand_rules rules = {
    .read = read_part,
    .take = take,
    .conclude = conclude,
    .write = write_next,
    .wrote = take_written,
    .unfinished = unfinished,
    .abandon = rest,
    .fresh_ms = 2 * POLL_MS,
};

/* --- the contract ----------------------------------------------------------------------------- */

static bool antminer_init(void *self, const struct heater_env *env, struct heater_caps *caps,
                          struct hb_err *err)
{
    struct antminer *a = self;
    a->env = *env;
    a->mode = ANTMINER_UNKNOWN;
    a->rated_w = rated_w(a, "");
    fill_caps(a);
    *caps = a->caps;
    const struct remote_options remote = {.url = options_of(a)->url,
                                          .auth = HTTP_AUTH_DIGEST,
                                          .user = options_of(a)->user,
                                          .password = options_of(a)->password,
                                          .tls_unverified = true,
                                          .timeout_ms = TIMEOUT_MS};
    return errand_init(&a->errand, &rules, a, &a->env, &remote, err);
}

static void antminer_fini(void *self)
{
    struct antminer *a = self;
    errand_fini(&a->errand);
    json_free(a->before);
    a->before = NULL;
}

static void antminer_poll(void *self, hb_mono now)
{
    struct antminer *a = self;
    errand_poll(&a->errand, now);
}

static void antminer_commit(void *self, const struct heater_command *command, hb_mono now)
{
    struct antminer *a = self;
    errand_commit(&a->errand, command, now);
}

const struct heater_driver antminer_heater = {
    .name = "antminer",
    .summary = "an Antminer with Bitmain's own firmware, off and on only",
    .instance_size = sizeof(struct antminer),
    .options_size = sizeof(struct antminer_options),
    .options = options,
    .poll_ms = POLL_MS,
    .init = antminer_init,
    .fini = antminer_fini,
    .poll = antminer_poll,
    .commit = antminer_commit,
};
