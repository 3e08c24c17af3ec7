#include "devices/whatsminer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "devices/caps.h"
#include "devices/errand.h"
#include "devices/whatsminer_codec.h"
#include "ground/text.h"
#include "plumbing/clock.h"

enum {
    PORT2 = 4028,
    PORT3 = 4433,
    POLL_MS = 10000,
    MAX_WRITES = 12,       /* of its limit, each of which restarts its mining    */
    TOKEN_MS = 25 * 60000, /* a token of API 2 lasts for 30 min                 */
    LOCKOUT_MS = 60000,    /* between attempts after it refused to be commanded */
    RAMP_MS = 15 * 60000,  /* longer than it heats up after a start */
};
/* Until it was asked. */
#define ASSUMED_W 3000.0

enum request { READ = 1, CREDENTIALS, WRITE };
enum whatsminer_choice { CHOICE_AUTO, CHOICE_2, CHOICE_3 };

struct whatsminer_heater {
    struct heater_env env;
    struct heater_caps caps;
    struct errand errand;
    enum whatsminer_api api;
    struct reply_faults faults;
    int part;                   /* that is being read */
    struct whatsminer seen;     /* being read, and whole in the report */
    struct whatsminer_set set;  /* as last read, and then as it acknowledged */
    char model[NAME_MAX_B];     /* told only while it mines */
    char salt[WHATSMINER_SALT]; /* API 3 */
    double when_s;              /* its clock, at `when_at` */
    hb_mono when_at;
    struct whatsminer_token token; /* API 2 */
    hb_mono token_at;              /* unset: none */
    bool renew;                    /* the salt was not good enough (API 3)    */
    bool renewed;                  /* once for this change already          */
    struct whatsminer_step sent;
    int limit_asked; /* W; acknowledged at `limit_at` and not seen yet; 0: none */
    hb_mono limit_at;
    double most_w, least_w; /* that its limit can be, as far as it was found out */
    char denied[TEXT_MAX];  /* why it takes no commands, until it takes one */
    hb_mono denied_at;
    hb_mono failing_since; /* while it starts; unset: it does not fail */
};

#define FIELD(name)                                                                                \
    offsetof(struct whatsminer_options, name), sizeof(((struct whatsminer_options *)NULL)->name)

static const char *const schemes[] = {"tcp", NULL};
/* In the order of enum whatsminer_choice. */
static const char *const apis[] = {"auto", "v2", "v3", NULL};

static const struct config_item options[] = {
    {"url", CONFIG_URL, FIELD(url), 0, 0, NULL, schemes, NULL,
     "where it is: tcp://192.168.1.20 for API 2 (port 4028), tcp://192.168.1.20:4433 for API 3"},
    {"password", CONFIG_SECRET, FIELD(password), 0, 0, NULL, NULL, "",
     "password of its account admin (API 2) or super (API 3); left out, the one it came with"},
    {"api", CONFIG_ENUM, FIELD(api), 0, 0, NULL, apis, "auto",
     "version of its API; auto: v3 on port 4433, else v2"},
    {"min_percent", CONFIG_INT, FIELD(min_percent), 1, 100, NULL, NULL, "30",
     "smallest part of its power limit, in percent, to which it is throttled"},
    {"standby_power", CONFIG_POWER, FIELD(standby_power), 0, 1000, "W", NULL, "20 W",
     "power that it draws while off, if it does not tell"},
    {"settle", CONFIG_DURATION, FIELD(settle), 0, 3600000, NULL, NULL, "10 min",
     "time that it takes to start and to heat up, and shortest time on and off"},
    {"min_write", CONFIG_DURATION, FIELD(min_write), 0, 864e5, NULL, NULL, "1 min",
     "least time between two changes of its power"},
    {0},
};

static const struct whatsminer_options *options_of(const struct whatsminer_heater *w)
{
    return w->env.options;
}

static const char *password_of(const struct whatsminer_heater *w)
{
    const char *password = options_of(w)->password;
    const char *factory = w->api == WHATSMINER_API2 ? "admin" : "super";
    return password[0] != '\0' ? password : factory;
}

static enum errand_step ask(struct whatsminer_heater *w, enum request request, const char *text)
{
    return errand_tcp(&w->errand, (int)request, text,
                      w->api == WHATSMINER_API2 ? EXCHANGE_JSON : EXCHANGE_LENGTH32);
}

/* --- reading -----------------------------------------------------------------------------------*/

static enum errand_step read_part(void *self, int part)
{
    struct whatsminer_heater *w = self;
    const struct whatsminer_part *row = &whatsminer_parts(w->api)[part];
    if (part == 0) {
        whatsminer_forget(&w->seen, clock_mono());
    }
    w->part = part;
    return row->read != NULL ? ask(w, READ, row->question) : ERRAND_DONE;
}

static enum errand_step take(void *self, const struct remote_answer *answer)
{
    struct whatsminer_heater *w = self;
    const struct whatsminer_part *row = &whatsminer_parts(w->api)[w->part];
    bool useful = !row->essential; /* a miner that does not mine may leave some unanswered */
    if (answer->ok) {
        struct json *json = reply_parse(answer->body, answer->len, &w->faults);
        useful = (json != NULL && row->read(json, &w->seen, &w->faults)) || useful;
        json_free(json);
    }
    return useful ? ERRAND_NEXT : ERRAND_LATER;
}

/* --- what it says ------------------------------------------------------------------------------*/

/* An acknowledged limit that does not come is outside of what its model allows: it is silent about
 * that. */
static void check_limit(struct whatsminer_heater *w, hb_mono now)
{
    const double limit_w = w->seen.set.limit_w;
    if (w->limit_asked == 0 || !isfinite(limit_w)) {
        return;
    }
    if (fabs(limit_w - w->limit_asked) <= 1) {
        w->limit_asked = 0;
    } else if (mono_age_ms(now, w->limit_at) >= options_of(w)->settle) {
        if (w->limit_asked > limit_w) {
            w->most_w = limit_w;
        } else {
            w->least_w = limit_w * options_of(w)->min_percent / 100;
        }
        w->limit_asked = 0;
    }
}

/* Beyond its limit only if the owner says so: it may have been set for the house's wiring. */
static void learn_range(struct whatsminer_heater *w)
{
    const double limit_w = w->seen.set.limit_w;
    struct heater_caps caps = w->caps;
    if (!(limit_w > 0)) {
        return;
    }
    const bool bounded = w->env.configured_max_w > 0;
    caps.max_w = fmin(bounded ? w->env.configured_max_w : limit_w, w->most_w);
    caps.min_w = limit_w * options_of(w)->min_percent / 100;
    if (bounded && w->env.configured_min_w > 0) {
        caps.min_w = fmin(caps.min_w, w->env.configured_min_w);
    }
    caps.min_w = fmin(fmax(caps.min_w, w->least_w), caps.max_w);
    caps.step_w = limit_w / 100;
    if (!caps_same(&caps, &w->caps)) {
        w->caps = caps;
        w->env.abilities(w->env.report_ctx, &w->caps);
    }
}

/* For as long as it is not tried again; the host tells of a command that has failed. */
static void show_denial(struct whatsminer_heater *w, hb_mono now)
{
    struct heater_state *state = &w->seen.state;
    if (w->denied[0] != '\0' && mono_age_ms(now, w->denied_at) >= LOCKOUT_MS) {
        w->denied[0] = '\0';
    }
    if (w->denied[0] != '\0') {
        state->problem = true;
        (void)text_copy(state->problem_text, sizeof state->problem_text, w->denied);
    }
}

static const struct heater_state *conclude(void *self, hb_mono now)
{
    struct whatsminer_heater *w = self;
    struct heater_state *state = &w->seen.state;
    w->set = w->seen.set;
    w->when_s = w->seen.when_s;
    w->when_at = state->at;
    (void)text_copy(w->salt, sizeof w->salt, w->seen.salt);
    check_limit(w, now);
    learn_range(w);
    if (state->model[0] != '\0') {
        (void)text_copy(w->model, sizeof w->model, state->model);
    } else {
        (void)text_copy(state->model, sizeof state->model, w->model);
    }
    whatsminer_conclude(&w->seen, options_of(w)->standby_power);
    show_denial(w, now);
    state->at = now;
    memcpy(state->faults, w->faults.count, sizeof state->faults);
    return state;
}

/* --- writing -----------------------------------------------------------------------------------*/

static enum errand_step refuse(struct whatsminer_heater *w, const struct heater_command *order,
                               const char *sentence)
{
    if (order != NULL) {
        w->env.refused(w->env.report_ctx, order->seq, sentence);
    }
    return ERRAND_LEAVE;
}

/* It takes no commands until a person has done something. */
static enum errand_step deny(struct whatsminer_heater *w, const struct heater_command *order,
                             const char *sentence, hb_mono now)
{
    w->denied_at = now;
    (void)text_copy(w->denied, sizeof w->denied, sentence);
    return refuse(w, order, sentence);
}

static enum errand_step deny_closed(struct whatsminer_heater *w, const struct heater_command *order,
                                    hb_mono now)
{
    return deny(w, order,
                w->api == WHATSMINER_API2
                    ? "its API takes no commands: in WhatsMinerTool, enable Remote Ctrl, Miner API "
                      "Switch, and change the password of its account admin once"
                    : "its API takes no commands: in WhatsMinerTool, enable Remote Ctrl, Miner API "
                      "Switch, and give its account super the permission to write",
                now);
}

static enum errand_step deny_password(struct whatsminer_heater *w,
                                      const struct heater_command *order, hb_mono now)
{
    char sentence[TEXT_MAX];
    (void)snprintf(sentence, sizeof sentence,
                   "expected the password of its account %s, got one that it refuses: set "
                   "heaters.%s.password, or change it in WhatsMinerTool",
                   w->api == WHATSMINER_API2 ? "admin" : "super", w->env.id);
    return deny(w, order, sentence, now);
}

static bool has_credentials(const struct whatsminer_heater *w, hb_mono now)
{
    if (w->api == WHATSMINER_API3) {
        return w->salt[0] != '\0' && !w->renew;
    }
    return mono_is_set(w->token_at) && mono_age_ms(now, w->token_at) < TOKEN_MS;
}

/* By the device's own clock, which is what it compares with. */
static int64_t device_unix_s(const struct whatsminer_heater *w, hb_mono now)
{
    return isfinite(w->when_s) ? (int64_t)w->when_s + mono_age_ms(now, w->when_at) / 1000
                               : clock_wall().ms / 1000;
}

static enum errand_step ask_credentials(struct whatsminer_heater *w)
{
    const char *question = w->api == WHATSMINER_API2
                               ? "{\"cmd\":\"get_token\"}"
                               : "{\"cmd\":\"get.device.info\",\"param\":\"salt\"}";
    return ask(w, CREDENTIALS, question);
}

static enum errand_step send_step(struct whatsminer_heater *w, struct whatsminer_step step,
                                  hb_mono now)
{
    char plain[WHATSMINER_PLAIN];
    char request[WHATSMINER_REQUEST];
    const bool made =
        w->api == WHATSMINER_API2
            ? whatsminer_command2(step, w->token.sign, plain) &&
                  whatsminer_wrap(&w->token, plain, request)
            : whatsminer_command3(step, password_of(w), w->salt, device_unix_s(w, now), request);
    if (!made || ask(w, WRITE, request) != ERRAND_ASKED) {
        return ERRAND_LATER;
    }
    w->sent = step;
    w->env.wrote(w->env.report_ctx, step.write == WHATSMINER_LIMIT ? WRITE_FLASH : WRITE_VOLATILE);
    return ERRAND_ASKED;
}

/* The order may be older than what was found out since. */
static bool is_possible(struct whatsminer_heater *w, const struct heater_command *order)
{
    char sentence[TEXT_MAX];
    if (order->power_w <= w->most_w + 0.5 && order->power_w >= w->least_w - 0.5) {
        return true;
    }
    (void)snprintf(sentence, sizeof sentence,
                   "it took a power limit for %.0f W and did not keep it, so its model does not "
                   "allow that: set heaters.%s.%s to what it can do",
                   order->power_w, w->env.id,
                   order->power_w > w->most_w ? "max_power" : "min_power");
    (void)refuse(w, order, sentence);
    return false;
}

static enum errand_step write_next(void *self, const struct heater_command *order, hb_mono now)
{
    struct whatsminer_heater *w = self;
    if (order == NULL) {
        return ERRAND_DONE;
    }
    const struct whatsminer_step step =
        whatsminer_next(&w->set, order->power_w, options_of(w)->min_percent);
    if (step.write == WHATSMINER_NOTHING) {
        w->renewed = false;
        return ERRAND_DONE;
    }
    if (step.write == WHATSMINER_UNKNOWN) {
        return ERRAND_LATER;
    }
    if (w->seen.writable == 0) {
        return deny_closed(w, order, now);
    }
    if (w->denied[0] != '\0') {
        return refuse(w, order, w->denied);
    }
    if (order->power_w > 0 && !is_possible(w, order)) {
        return ERRAND_LEAVE;
    }
    if (step.write == WHATSMINER_LIMIT && w->limit_asked == step.value) {
        return ERRAND_LATER; /* it restarts with it */
    }
    return has_credentials(w, now) ? send_step(w, step, now) : ask_credentials(w);
}

static enum errand_step take_credentials(struct whatsminer_heater *w,
                                         const struct heater_command *order,
                                         const struct remote_answer *answer, hb_mono now)
{
    char why[NAME_MAX_B];
    bool found = false;
    struct json *json = reply_parse(answer->body, answer->len, &w->faults);
    if (w->api == WHATSMINER_API2) {
        found = whatsminer_read_token(json, password_of(w), &w->token, &w->faults);
        w->token_at = found ? now : (hb_mono){0};
    } else {
        reply_text(json, "msg.salt", w->salt, sizeof w->salt, &w->faults);
        w->when_s = reply_number_if_any(json, "when", 0, 1e11, &w->faults);
        w->when_at = now;
        found = w->salt[0] != '\0';
        w->renew = !found;
    }
    json_free(json);
    if (found) {
        return ERRAND_NEXT;
    }
    const struct whatsminer_token *token = w->api == WHATSMINER_API2 ? &w->token : NULL;
    return whatsminer_judge(answer->body, answer->len, token, why, &w->faults) == WHATSMINER_CLOSED
               ? deny_closed(w, order, now)
               : ERRAND_LATER;
}

/* Done as far as it says; what became of it is read. */
static enum errand_step note_done(struct whatsminer_heater *w, hb_mono now)
{
    whatsminer_acknowledged(&w->set, w->sent);
    w->denied[0] = '\0';
    w->renewed = false;
    w->failing_since = (hb_mono){0};
    if (w->sent.write == WHATSMINER_LIMIT) {
        w->limit_asked = w->sent.value;
        w->limit_at = now;
    }
    return ERRAND_NEXT;
}

static enum errand_step renew_once(struct whatsminer_heater *w, const struct heater_command *order,
                                   hb_mono now)
{
    const bool again = w->renewed;
    w->token_at = (hb_mono){0};
    w->renew = true;
    w->renewed = !again;
    return again ? deny_password(w, order, now) : ERRAND_NEXT;
}

static enum errand_step note_failed(struct whatsminer_heater *w, const struct heater_command *order,
                                    const char *why, hb_mono now)
{
    char sentence[TEXT_MAX];
    if (!mono_is_set(w->failing_since)) {
        w->failing_since = now;
    }
    if (w->set.ramped != 1 && mono_age_ms(now, w->failing_since) < RAMP_MS) {
        return ERRAND_LATER; /* while it starts it takes no percentage */
    }
    w->failing_since = (hb_mono){0};
    (void)snprintf(sentence, sizeof sentence, "it refuses %.0f W: %s",
                   order != NULL ? order->power_w : 0, why[0] != '\0' ? why : "it says not why");
    return refuse(w, order, sentence);
}

static enum errand_step wrote(void *self, const struct heater_command *order,
                              const struct remote_answer *answer, hb_mono now)
{
    struct whatsminer_heater *w = self;
    char why[NAME_MAX_B];
    if (!answer->ok) {
        return ERRAND_LATER; /* whether it was carried out shows when it answers again */
    }
    if (answer->request == CREDENTIALS) {
        return take_credentials(w, order, answer, now);
    }
    const struct whatsminer_token *token = w->api == WHATSMINER_API2 ? &w->token : NULL;
    switch (whatsminer_judge(answer->body, answer->len, token, why, &w->faults)) {
    case WHATSMINER_DONE:
        return note_done(w, now);
    case WHATSMINER_BAD_TOKEN:
        return renew_once(w, order, now);
    case WHATSMINER_CLOSED:
        return deny_closed(w, order, now);
    case WHATSMINER_FAILED:
        return note_failed(w, order, why, now);
    case WHATSMINER_BUSY:
    case WHATSMINER_UNCLEAR:
        break;
    }
    return ERRAND_LATER;
}

/* --- the driver --------------------------------------------------------------------------------*/

static const struct errand_rules rules = {
    .read = read_part,
    .take = take,
    .conclude = conclude,
    .write = write_next,
    .wrote = wrote,
    .fresh_ms = 3 * POLL_MS,
};

static void assume_caps(struct whatsminer_heater *w)
{
    const struct whatsminer_options *o = options_of(w);
    const double max_w = w->env.configured_max_w > 0 ? w->env.configured_max_w
                                                     : fmax(ASSUMED_W, w->env.configured_min_w);
    w->caps = (struct heater_caps){
        .min_w = max_w * o->min_percent / 100,
        .max_w = max_w,
        .step_w = max_w / 100,
        .standby_w = o->standby_power,
        .settle_ms = (int32_t)o->settle,
        .min_on_ms = (int32_t)o->settle,
        .min_off_ms = (int32_t)o->settle,
        .min_write_ms = (int32_t)o->min_write,
        .max_writes_per_day = MAX_WRITES,
        .has_fan = true,
    };
}

static enum whatsminer_api api_of(const struct whatsminer_options *o)
{
    static const char port3[] = ":4433";
    const char *scheme = strstr(o->url, "://");
    const char *place = scheme != NULL ? scheme + 3 : o->url;
    const size_t len = strcspn(place, "/");
    const bool at_port3 =
        len > strlen(port3) && strncmp(place + len - strlen(port3), port3, strlen(port3)) == 0;
    const bool is3 = o->api == CHOICE_3 || (o->api == CHOICE_AUTO && at_port3);
    return is3 ? WHATSMINER_API3 : WHATSMINER_API2;
}

static bool init(void *self, const struct heater_env *env, struct heater_caps *caps,
                 struct hb_err *err)
{
    struct whatsminer_heater *w = self;
    w->env = *env;
    w->api = api_of(options_of(w));
    w->most_w = INFINITY;
    w->when_s = NAN;
    whatsminer_forget(&w->seen, (hb_mono){0});
    w->set = w->seen.set;
    assume_caps(w);
    *caps = w->caps;
    const struct remote_options remote = {
        .url = options_of(w)->url, .default_port = w->api == WHATSMINER_API2 ? PORT2 : PORT3};
    return errand_init(&w->errand, &rules, w, &w->env, &remote, err);
}

static void fini(void *self)
{
    struct whatsminer_heater *w = self;
    errand_fini(&w->errand);
}

static void poll(void *self, hb_mono now)
{
    struct whatsminer_heater *w = self;
    errand_poll(&w->errand, now);
}

static void commit(void *self, const struct heater_command *command, hb_mono now)
{
    struct whatsminer_heater *w = self;
    errand_commit(&w->errand, command, now);
}

const struct heater_driver whatsminer_heater = {
    .name = "whatsminer",
    .summary = "a WhatsMiner with its own firmware, over its API 2 or 3",
    .instance_size = sizeof(struct whatsminer_heater),
    .options_size = sizeof(struct whatsminer_options),
    .options = options,
    .poll_ms = POLL_MS,
    .init = init,
    .fini = fini,
    .poll = poll,
    .commit = commit,
};
