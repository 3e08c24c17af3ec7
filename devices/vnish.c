#include "devices/vnish.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "devices/caps.h"
#include "devices/errand.h"
#include "devices/levels.h"
#include "devices/vnish_codec.h"
#include "ground/text.h"
#include "plumbing/clock.h"

#define POLL_MS            10000
#define STANDBY_W          20.0
#define ASSUMED_W          3000.0
#define THROTTLE_SETTLE_MS 60000
#define THROTTLE_WRITE_MS  120000 /* it is kept in a configuration file */
#define LOCKED_MS          300000 /* after a password was refused, against its own lock */

enum { READ_INFO = 1, READ_SUMMARY, READ_PERF, READ_PRESETS, READS_END };
enum { PAUSE = READS_END, RESUME, START, THROTTLE, PRESET, RESTART, UNLOCK };

struct vnish {
    struct heater_env env;
    struct heater_caps caps;
    struct errand errand;
    struct reply_faults faults;
    struct heater_state draft;
    double hash_unit;              /* in H/s */
    struct vnish_settings reading; /* being read */
    struct vnish_settings set;     /* as last read, and then as it acknowledged */
    struct vnish_presets presets;
    char token[VNISH_TOKEN]; /* "" if it is locked */
    hb_mono locked_at;       /* when it refused the password; unset if it did not */
    bool resumed;            /* and it still stands: then it is to be started */
    bool restart_due;        /* the preset that it acknowledged asks for it */
    bool wake_first;         /* it takes no setting while it stands   */
};

#define FIELD(name)                                                                                \
    offsetof(struct vnish_options, name), sizeof(((struct vnish_options *)NULL)->name)

static const char *const schemes[] = {"http", "https", NULL};

static const struct config_item options[] = {
    {"url", CONFIG_URL, FIELD(url), 0, 0, NULL, schemes, NULL,
     "where it is, as in http://192.168.1.20"},
    {"password", CONFIG_SECRET, FIELD(password), 0, 0, NULL, NULL, "admin",
     "password of its web page"},
    {"api_key", CONFIG_SECRET, FIELD(api_key), 0, 0, NULL, NULL, "",
     "a key made on its web page, to be used in place of the password"},
    {"untuned", CONFIG_BOOL, FIELD(untuned), 0, 0, NULL, NULL, "false",
     "whether presets may be used that it has yet to tune, which takes an hour or more"},
    {"settle", CONFIG_DURATION, FIELD(settle), 0, 3600000, NULL, NULL, "5 min",
     "time that it takes to start or to reach another preset, and shortest time on and off"},
    {0},
};

static const struct vnish_options *options_of(const struct vnish *v)
{
    return v->env.options;
}

static bool can_throttle(const struct vnish_settings *settings)
{
    return isfinite(settings->throttled);
}

/* What 100 % are. */
static double full_w(const struct vnish *v, const struct vnish_settings *settings)
{
    if (isfinite(settings->preset_w)) {
        return settings->preset_w;
    }
    return v->env.configured_max_w > 0 ? v->env.configured_max_w : ASSUMED_W;
}

/* --- asking ----------------------------------------------------------------------------------- */

static enum errand_step ask(struct vnish *v, int request, enum http_method method, const char *path,
                            const char *body)
{
    char credentials[VNISH_TOKEN + 32] = "";
    if (options_of(v)->api_key[0] != '\0') {
        (void)snprintf(credentials, sizeof credentials, "x-api-key: %s", options_of(v)->api_key);
    } else if (v->token[0] != '\0') {
        (void)snprintf(credentials, sizeof credentials, "Authorization: Bearer %s", v->token);
    }
    const char *headers[3] = {"Content-Type: application/json"};
    if (credentials[0] != '\0') {
        headers[1] = credentials;
    }
    return errand_http(&v->errand, request, method, path, headers, body);
}

static enum errand_step ask_unlock(void *self)
{
    struct vnish *v = self;
    char body[2 * NAME_MAX_B + 16];
    return vnish_body_unlock(body, sizeof body, options_of(v)->password)
               ? ask(v, UNLOCK, HTTP_POST, "/api/v1/unlock", body)
               : ERRAND_LATER;
}

static bool has_credentials(const struct vnish *v)
{
    return options_of(v)->api_key[0] != '\0' || v->token[0] != '\0';
}

/* --- reading ---------------------------------------------------------------------------------- */

/* A device that throttles needs no other preset than the one its owner chose. */
static bool needs_presets(const struct vnish *v)
{
    if (can_throttle(&v->reading)) {
        return false;
    }
    for (size_t i = 0; i < v->presets.count; i++) {
        if (strcmp(v->presets.list[i].name, v->reading.preset) == 0) {
            return false;
        }
    }
    return v->presets.count == 0 || v->reading.preset[0] != '\0';
}

static bool may_unlock(const struct vnish *v, hb_mono now)
{
    return !mono_is_set(v->locked_at) || mono_age_ms(now, v->locked_at) >= LOCKED_MS;
}

static enum errand_step read_part(void *self, int part)
{
    struct vnish *v = self;
    switch (part + 1) {
    case READ_INFO:
        v->draft = reply_unknown_state(clock_mono());
        v->reading = (struct vnish_settings){.throttled = NAN, .preset_w = NAN};
        return ask(v, READ_INFO, HTTP_GET, "/api/v1/info", NULL);
    case READ_SUMMARY:
        return ask(v, READ_SUMMARY, HTTP_GET, "/api/v1/summary", NULL);
    case READ_PERF:
        return ask(v, READ_PERF, HTTP_GET, "/api/v1/perf-summary", NULL);
    case READ_PRESETS:
        if (!needs_presets(v) || (!has_credentials(v) && !may_unlock(v, clock_mono()))) {
            return ERRAND_DONE;
        }
        return has_credentials(v) ? ask(v, READ_PRESETS, HTTP_GET, "/api/v1/autotune/presets", NULL)
                                  : ERRAND_LOGIN;
    default:
        return ERRAND_DONE;
    }
}

/* Without a token what is open to all is read still, and a command is refused. */
static enum errand_step unlocked(void *self, const struct remote_answer *answer)
{
    struct vnish *v = self;
    struct json *json = NULL;
    v->token[0] = '\0';
    if (answer->status == 200) {
        json = reply_parse(answer->body, answer->len, &v->faults);
    }
    const bool open = json != NULL && vnish_token(json, v->token, &v->faults);
    v->locked_at = open ? (hb_mono){0} : clock_mono();
    json_free(json);
    return ERRAND_NEXT;
}

static enum errand_step take(void *self, const struct remote_answer *answer)
{
    struct vnish *v = self;
    if (!answer->ok) {
        return ERRAND_LATER;
    }
    if (answer->status == 401 || answer->status == 403) {
        v->token[0] = '\0';
    }
    struct json *json = NULL;
    if (answer->status == 200) {
        json = reply_parse(answer->body, answer->len, &v->faults);
    }
    if (answer->request == READ_INFO) {
        vnish_info(json, &v->draft, &v->hash_unit, &v->faults);
    } else if (answer->request == READ_SUMMARY) {
        vnish_summary(json, v->hash_unit, &v->draft, &v->reading, &v->faults);
    } else if (answer->request == READ_PERF) {
        vnish_perf_summary(json, &v->reading, &v->faults);
    } else if (json != NULL) {
        vnish_presets(json, &v->presets, &v->faults);
    }
    const bool useful = json != NULL || answer->request != READ_SUMMARY;
    json_free(json);
    return useful ? ERRAND_NEXT : ERRAND_LATER;
}

/* --- what it says ------------------------------------------------------------------------------*/

static double applied_w(const struct vnish *v)
{
    if (v->set.run != VNISH_ON) {
        return v->set.run == VNISH_UNKNOWN ? NAN : 0;
    }
    return can_throttle(&v->set) ? full_w(v, &v->set) * v->set.throttled / 100 : v->set.preset_w;
}

static void fill_caps(const struct vnish *v, struct heater_caps *caps)
{
    const int32_t settle_ms = (int32_t)options_of(v)->settle;
    const double max_w = full_w(v, &v->set);
    *caps = (struct heater_caps){.min_w = max_w * VNISH_LEAST_PERCENT / 100,
                                 .max_w = max_w,
                                 .step_w = max_w / 100,
                                 .standby_w = STANDBY_W,
                                 .settle_ms = settle_ms,
                                 .min_on_ms = settle_ms,
                                 .min_off_ms = settle_ms,
                                 .min_write_ms = settle_ms,
                                 .has_fan = true};
    if (can_throttle(&v->set)) {
        caps->settle_ms = settle_ms < THROTTLE_SETTLE_MS ? settle_ms : THROTTLE_SETTLE_MS;
        caps->min_write_ms = settle_ms < THROTTLE_WRITE_MS ? settle_ms : THROTTLE_WRITE_MS;
        return;
    }
    struct vnish_preset usable[VNISH_PRESETS];
    double w[VNISH_PRESETS];
    const size_t count = vnish_usable(&v->presets, options_of(v)->untuned, usable);
    for (size_t i = 0; i < count; i++) {
        w[i] = usable[i].power_w;
    }
    caps->restarts_on_change = true;
    (void)levels_fill(caps, w, count,
                      v->env.configured_max_w > 0 ? v->env.configured_max_w : HUGE_VAL);
}

static void learn_abilities(struct vnish *v)
{
    struct heater_caps caps;
    fill_caps(v, &caps);
    if (!caps_same(&caps, &v->caps)) {
        v->caps = caps;
        v->env.abilities(v->env.report_ctx, &v->caps);
    }
}

static void note_problem(struct vnish *v)
{
    struct heater_state *s = &v->draft;
    if (v->set.run == VNISH_FAILED) {
        s->problem = true;
        (void)snprintf(s->problem_text, sizeof s->problem_text, "VNish stopped by a failure: %s",
                       v->set.failure[0] != '\0' ? v->set.failure : "it does not say which");
    } else if (mono_is_set(v->locked_at)) {
        s->problem = true;
        (void)snprintf(s->problem_text, sizeof s->problem_text,
                       "VNish refuses the password; set heaters.%s.password to that of its web "
                       "page, or api_key to a key made there",
                       v->env.id);
    }
}

static const struct heater_state *conclude(void *self, hb_mono now)
{
    struct vnish *v = self;
    v->set = v->reading;
    v->resumed = v->resumed && v->set.run != VNISH_ON;
    learn_abilities(v);
    note_problem(v);
    v->draft.link = HEATER_LINK_OK;
    v->draft.at = now;
    v->draft.applied_w = applied_w(v);
    memcpy(v->draft.faults, v->faults.count, sizeof v->draft.faults);
    return &v->draft;
}

/* --- writing ---------------------------------------------------------------------------------- */

static int percent_for(const struct vnish *v, double power_w)
{
    const double percent = round(100 * power_w / full_w(v, &v->set));
    return (int)fmin(fmax(percent, VNISH_LEAST_PERCENT), VNISH_MOST_PERCENT);
}

/* NULL if the one in use is the right one, or there is none. */
static const struct vnish_preset *other_preset(const struct vnish *v, double power_w)
{
    struct vnish_preset usable[VNISH_PRESETS];
    double w[VNISH_PRESETS];
    const size_t count = vnish_usable(&v->presets, options_of(v)->untuned, usable);
    if (count == 0) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        w[i] = usable[i].power_w;
    }
    const char *name = usable[levels_nearest(w, count, power_w)].name;
    for (size_t i = 0; i < v->presets.count; i++) {
        if (strcmp(v->presets.list[i].name, name) == 0) {
            return strcmp(name, v->set.preset) != 0 ? &v->presets.list[i] : NULL;
        }
    }
    return NULL;
}

/* 0 if nothing differs from what is wanted. */
static int next_change(const struct vnish *v, const struct heater_command *order)
{
    const bool stands = v->set.run == VNISH_OFF || v->set.run == VNISH_FAILED;
    if (v->restart_due) {
        return RESTART;
    }
    if (order == NULL) {
        return 0;
    }
    if (order->power_w <= 0) {
        return stands ? 0 : PAUSE;
    }
    if (!(stands && v->wake_first)) {
        if (can_throttle(&v->set) && percent_for(v, order->power_w) != (int)v->set.throttled) {
            return THROTTLE;
        }
        if (!can_throttle(&v->set) && other_preset(v, order->power_w) != NULL) {
            return PRESET;
        }
    }
    if (!stands) {
        return 0;
    }
    return v->resumed || v->set.run == VNISH_FAILED ? START : RESUME;
}

static enum errand_step ask_change(struct vnish *v, int change, const struct heater_command *order)
{
    static const char *const paths[] = {
        [PAUSE] = "/api/v1/mining/pause", [RESUME] = "/api/v1/mining/resume",
        [START] = "/api/v1/mining/start", [THROTTLE] = "/api/v1/mining/throttle",
        [PRESET] = "/api/v1/settings",    [RESTART] = "/api/v1/mining/restart"};
    char body[VNISH_BODY] = "";
    bool fits = true;
    if (change == THROTTLE) {
        fits = vnish_body_throttle(body, sizeof body, percent_for(v, order->power_w));
    } else if (change == PRESET) {
        fits = vnish_body_preset(body, sizeof body, other_preset(v, order->power_w)->name);
    }
    if (!fits || ask(v, change, HTTP_POST, paths[change], body) != ERRAND_ASKED) {
        return ERRAND_LATER;
    }
    v->env.wrote(v->env.report_ctx,
                 change == THROTTLE || change == PRESET ? WRITE_FLASH : WRITE_VOLATILE);
    return ERRAND_ASKED;
}

static enum errand_step write_next(void *self, const struct heater_command *order, hb_mono now)
{
    struct vnish *v = self;
    const int change = next_change(v, order);
    (void)now;
    if (change == 0) {
        v->wake_first = false;
        return ERRAND_DONE;
    }
    return has_credentials(v) ? ask_change(v, change, order) : ERRAND_LOGIN;
}

static enum errand_step refuse(struct vnish *v, const struct heater_command *order,
                               const char *sentence)
{
    v->restart_due = false;
    if (order != NULL) {
        v->env.refused(v->env.report_ctx, order->seq, sentence);
    }
    return ERRAND_LEAVE;
}

static enum errand_step shut_out(void *self, const struct heater_command *order)
{
    struct vnish *v = self;
    char sentence[TEXT_MAX];
    const bool key = options_of(v)->api_key[0] != '\0';
    (void)snprintf(sentence, sizeof sentence, "VNish refuses the %s; set heaters.%s.%s to %s",
                   key ? "API key" : "password", v->env.id, key ? "api_key" : "password",
                   key ? "one made on its web page" : "that of its web page");
    return refuse(v, order, sentence);
}

/* What it acknowledged is believed only until it is read back. */
static void believe(struct vnish *v, int change, const struct heater_command *order,
                    const struct json *json)
{
    const struct vnish_preset *preset = NULL;
    switch (change) {
    case PAUSE:
        v->set.run = VNISH_OFF;
        break;
    case RESUME:
    case START:
        v->set.run = VNISH_ON;
        v->resumed = change == RESUME;
        break;
    case THROTTLE:
        v->set.throttled = order != NULL ? percent_for(v, order->power_w) : v->set.throttled;
        break;
    case PRESET:
        preset = order != NULL ? other_preset(v, order->power_w) : NULL;
        if (preset != NULL) {
            (void)text_copy(v->set.preset, sizeof v->set.preset, preset->name);
            v->set.preset_w = preset->power_w;
        }
        v->restart_due =
            v->set.run == VNISH_ON && reply_bool(json, "restart_required", &v->faults) == 1;
        break;
    default:
        v->restart_due = false;
        break;
    }
}

static enum errand_step take_refusal(struct vnish *v, const struct heater_command *order,
                                     const struct remote_answer *answer, const struct json *json)
{
    char reason[NAME_MAX_B];
    char sentence[TEXT_MAX];
    const bool setting = answer->request == THROTTLE || answer->request == PRESET;
    if (answer->status == 401 && options_of(v)->api_key[0] == '\0') {
        v->token[0] = '\0'; /* tokens end: once more with a new one */
        return ERRAND_LOGIN;
    }
    if (answer->status == 401 || answer->status == 403) {
        return shut_out(v, order);
    }
    if (setting && v->set.run == VNISH_OFF && !v->wake_first) {
        v->wake_first = true;
        return ERRAND_NEXT;
    }
    reply_text_if_any(json, "err", reason, sizeof reason, &v->faults);
    (void)snprintf(sentence, sizeof sentence, "VNish refuses (status %d): %s", answer->status,
                   reason[0] != '\0' ? reason : "it does not say why");
    return refuse(v, order, sentence);
}

static enum errand_step take_written(void *self, const struct heater_command *order,
                                     const struct remote_answer *answer, hb_mono now)
{
    struct vnish *v = self;
    enum errand_step step = ERRAND_NEXT;
    (void)now;
    if (!answer->ok) {
        return ERRAND_LATER;
    }
    struct json *json = answer->len > 0 ? reply_parse(answer->body, answer->len, &v->faults) : NULL;
    if (remote_is_success(answer)) {
        believe(v, answer->request, order, json);
    } else {
        step = take_refusal(v, order, answer, json);
    }
    json_free(json);
    return step;
}

static bool unfinished(const void *self)
{
    const struct vnish *v = self;
    return v->restart_due;
}

static void abandon(void *self)
{
    struct vnish *v = self;
    v->restart_due = false;
}

static const struct errand_rules rules = {
    .read = read_part,
    .take = take,
    .conclude = conclude,
    .write = write_next,
    .wrote = take_written,
    .unfinished = unfinished,
    .abandon = abandon,
    .login = ask_unlock,
    .logged_in = unlocked,
    .shut_out = shut_out,
    .fresh_ms = 2 * POLL_MS,
};

/* --- the contract ----------------------------------------------------------------------------- */

static bool vnish_init(void *self, const struct heater_env *env, struct heater_caps *caps,
                       struct hb_err *err)
{
    struct vnish *v = self;
    v->env = *env;
    v->hash_unit = 1e9;
    /* Before it was asked: that it throttles, with no wish for a restart. */
    v->set = (struct vnish_settings){.throttled = 100, .preset_w = NAN};
    fill_caps(v, &v->caps);
    *caps = v->caps;
    const struct remote_options remote = {.url = options_of(v)->url, .tls_unverified = true};
    return errand_init(&v->errand, &rules, v, &v->env, &remote, err);
}

static void vnish_fini(void *self)
{
    struct vnish *v = self;
    errand_fini(&v->errand);
}

static void vnish_poll(void *self, hb_mono now)
{
    struct vnish *v = self;
    errand_poll(&v->errand, now);
}

static void vnish_commit(void *self, const struct heater_command *command, hb_mono now)
{
    struct vnish *v = self;
    errand_commit(&v->errand, command, now);
}

const struct heater_driver vnish_heater = {
    .name = "vnish",
    .summary = "a miner with VNish",
    .instance_size = sizeof(struct vnish),
    .options_size = sizeof(struct vnish_options),
    .options = options,
    .poll_ms = POLL_MS,
    .init = vnish_init,
    .fini = vnish_fini,
    .poll = vnish_poll,
    .commit = vnish_commit,
};
