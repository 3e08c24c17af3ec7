#include "devices/braiins.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "devices/braiins_codec.h"
#include "devices/errand.h"
#include "ground/text.h"
#include "plumbing/clock.h"

enum {
    POLL_MS = 5000,
    MAX_WRITES = 24,        /* a new target is kept in flash, and its tuner needs its time */
    SETTLE_MS = 10 * 60000, /* of the tuner; [users report up to 20 minutes after a big step up] */
    MIN_DWELL_MS = 60000,   /* pausing and resuming take up to that long */
    RANGE_AGE_MS = 3600000, /* how often its range of power is asked for */
    API_PORT = 4028,
    LOCKOUT_MS = 60000, /* between attempts with credentials that were refused */
};
/* Until it was asked. */
#define UNKNOWN_MIN_W 20.0 /* below every model: a BMM draws about 40 W */
#define UNKNOWN_MAX_W 1000.0

struct braiins_heater {
    struct heater_env env;
    struct heater_caps caps;
    struct errand errand;
    struct remote *legacy; /* its port 4028 */
    struct braiins seen;   /* being read */
    struct braiins set;    /* as last read, and then as it acknowledged */
    struct reply_faults faults;
    struct braiins_range range; /* NaN until it was told */
    hb_mono range_at;
    bool put_off; /* what it was told last, which was told once */
    enum braiins_tuner told_tuner;
    char token[BRAIINS_TOKEN_MAX], authorization[BRAIINS_TOKEN_MAX + 32];
    const char *headers[3], *json_headers[3];
};

#define FIELD(name)                                                                                \
    offsetof(struct braiins_options, name), sizeof(((struct braiins_options *)NULL)->name)

static const char *const schemes[] = {"http", NULL};

static const struct config_item options[] = {
    {"url", CONFIG_URL, FIELD(url), 0, 0, NULL, schemes, NULL,
     "address of its web page: `http://192.168.1.20`"},
    {"username", CONFIG_TEXT, FIELD(username), 0, 0, NULL, NULL, "root",
     "user name of its web page"},
    {"password", CONFIG_SECRET, FIELD(password), 0, 0, NULL, NULL, "",
     "password of its web page; left out, none"},
    {"standby_power", CONFIG_POWER, FIELD(standby_power), 0, 1000, "W", NULL, "40 W",
     "power that it draws while paused; hash boards without their own switch draw 300 W and more"},
    {"min_write", CONFIG_DURATION, FIELD(min_write), 0, 864e5, NULL, NULL, "5 min",
     "least time between two changes of its power, each of which it tunes for anew"},
    {"api_port", CONFIG_PORT, FIELD(api_port), 0, 0, NULL, NULL, "4028",
     "port of its read-only interface, which tells versions apart that are too old"},
    {0},
};

static const struct braiins_options *options_of(const struct braiins_heater *b)
{
    return b->env.options;
}

/* --- reading ----------------------------------------------------------------------------------*/

struct read_row {
    const char *path;
    bool (*read)(const char *body, size_t len, struct braiins *seen, struct reply_faults *faults);
};

/* Without the first few there is no report; the range, without a reader, is asked for rarely. */
enum { ESSENTIAL = 4 };
static const struct read_row rows[] = {
    {"/api/v1/miner/details", braiins_read_details},
    {"/api/v1/configuration/miner", braiins_read_configuration},
    {"/api/v1/performance/tuner-state", braiins_read_tuner},
    {"/api/v1/configuration/constraints", NULL},
    {"/api/v1/miner/stats", braiins_read_stats},
    {"/api/v1/cooling/state", braiins_read_cooling},
    {"/api/v1/miner/hw/hashboards", braiins_read_boards},
    {"/api/v1/pools/", braiins_read_pools},
};
enum { READS = sizeof rows / sizeof rows[0] };

static void set_token(struct braiins_heater *b, const char *token)
{
    (void)text_copy(b->token, sizeof b->token, token);
    (void)snprintf(b->authorization, sizeof b->authorization, "Authorization: %s", b->token);
}

/* A token lasts for so long without a request, and no longer than the device runs. */
static bool is_unauthorized(struct braiins_heater *b, const struct remote_answer *answer)
{
    if (answer->status != 401 && answer->status != 403) {
        return false;
    }
    set_token(b, "");
    return true;
}

static bool range_is_fresh(const struct braiins_heater *b)
{
    return mono_is_set(b->range_at) && isfinite(b->range.max_w) &&
           mono_age_ms(b->seen.state.at, b->range_at) < RANGE_AGE_MS;
}

static enum errand_step read_part(void *self, int part)
{
    struct braiins_heater *b = self;
    if (part == 0) {
        braiins_forget(&b->seen, clock_mono());
    }
    if (part == READS) {
        return ERRAND_DONE;
    }
    if (b->token[0] == '\0') {
        return ERRAND_LOGIN;
    }
    if (rows[part].read == NULL && range_is_fresh(b)) {
        return ERRAND_NEXT;
    }
    return errand_http(&b->errand, part, HTTP_GET, rows[part].path, b->headers, NULL);
}

static void learn_range(struct braiins_heater *b, const struct remote_answer *answer)
{
    struct braiins_range range = {NAN, NAN};
    if (!remote_is_success(answer) ||
        !braiins_read_constraints(answer->body, answer->len, &range, &b->faults) ||
        !(range.min_w <= range.max_w)) {
        return; /* asked again in the next round */
    }
    b->range_at = b->seen.state.at;
    if (range.min_w != b->range.min_w || range.max_w != b->range.max_w) {
        b->range = range;
        b->caps.min_w = range.min_w;
        b->caps.max_w = range.max_w;
        b->env.abilities(b->env.report_ctx, &b->caps);
    }
}

/* The REST interface is not there: which Braiins OS is it? */
static void ask_legacy(struct braiins_heater *b)
{
    static const char question[] = "{\"command\":\"version\"}";
    if (remote_pending(b->legacy) == 0) {
        (void)remote_tcp(b->legacy, 0, question, strlen(question), EXCHANGE_NUL);
    }
}

static bool is_missing(const struct remote_answer *answer)
{
    return answer->status == 404 || answer->status == 405;
}

static enum errand_step take(void *self, const struct remote_answer *answer)
{
    struct braiins_heater *b = self;
    const struct read_row *row = &rows[answer->request];
    const bool essential = answer->request < ESSENTIAL;
    if (is_unauthorized(b, answer)) {
        return ERRAND_LOGIN;
    }
    if (answer->ok && row->read == NULL) {
        learn_range(b, answer);
        return ERRAND_NEXT;
    }
    if (answer->request == 0 && is_missing(answer)) {
        ask_legacy(b);
    }
    const bool useful =
        remote_is_success(answer) && row->read(answer->body, answer->len, &b->seen, &b->faults);
    return useful || !essential ? ERRAND_NEXT : ERRAND_LATER;
}

static void hear_legacy(void *ctx, const struct remote_answer *answer)
{
    struct braiins_heater *b = ctx;
    char version[NAME_MAX_B];
    char sentence[TEXT_MAX];
    enum braiins_era era = BRAIINS_NONE;
    if (answer->ok) {
        era = braiins_read_version(answer->body, answer->len, version, sizeof version);
    }
    switch (era) {
    case BRAIINS_BOSER:
        (void)snprintf(sentence, sizeof sentence,
                       "its Braiins OS (%s) is older than 25.07 and has no REST interface: update "
                       "it, or put a metering plug before it; 22.08 and before it (Antminer S9) "
                       "take driver: bosminer",
                       version);
        break;
    case BRAIINS_BOSMINER:
        (void)snprintf(
            sentence, sizeof sentence,
            "its Braiins OS (BOSminer %.60s) is set only by its file bosminer.toml: give "
            "heaters.%s driver: bosminer, or put a metering plug before it",
            version, b->env.id);
        break;
    case BRAIINS_NONE:
        (void)snprintf(sentence, sizeof sentence,
                       "expected Braiins OS 25.07 or later at %s, got something else: see "
                       "heaters.%s.url and driver",
                       options_of(b)->url, b->env.id);
        break;
    }
    b->env.trouble(b->env.report_ctx, sentence);
}

/* --- login ------------------------------------------------------------------------------------*/

static enum errand_step ask_login(void *self)
{
    struct braiins_heater *b = self;
    char body[BRAIINS_BODY_MAX];
    return braiins_login_body(options_of(b)->username, options_of(b)->password, body)
               ? errand_http(&b->errand, 0, HTTP_POST, "/api/v1/auth/login", NULL, body)
               : ERRAND_LATER; /* bounded by the options' sizes, were it not for escapes */
}

static enum errand_step shut_out(void *self, const struct heater_command *order)
{
    struct braiins_heater *b = self;
    char sentence[TEXT_MAX];
    (void)order; /* it may be given the right ones before that expires */
    set_token(b, "");
    (void)snprintf(sentence, sizeof sentence,
                   "expected the user name and password of its web page, got ones that it refuses: "
                   "set heaters.%s.username and heaters.%s.password",
                   b->env.id, b->env.id);
    b->env.trouble(b->env.report_ctx, sentence);
    return ERRAND_LATER;
}

static enum errand_step logged_in(void *self, const struct remote_answer *answer)
{
    struct braiins_heater *b = self;
    char token[BRAIINS_TOKEN_MAX];
    if (is_missing(answer)) {
        ask_legacy(b);
        return ERRAND_LATER;
    }
    if (answer->status >= 400 && answer->status < 500) {
        return ERRAND_LOGIN;
    }
    if (!remote_is_success(answer) || !braiins_read_login(answer->body, answer->len, token)) {
        return ERRAND_LATER;
    }
    set_token(b, token);
    return ERRAND_NEXT;
}

/* --- writing ----------------------------------------------------------------------------------*/

static void refuse(struct braiins_heater *b, const struct heater_command *command,
                   const char *sentence)
{
    b->env.refused(b->env.report_ctx, command->seq, sentence);
}

/* The command may be older than what the device told since. */
static bool is_possible(struct braiins_heater *b, const struct heater_command *order)
{
    char sentence[TEXT_MAX] = "";
    if (order->power_w <= 0) {
        return true;
    }
    if (b->set.tuner_on == 0) {
        (void)text_copy(sentence, sizeof sentence,
                        "its tuner is off, so it has no power target: switch the tuner on on its "
                        "page Performance");
    } else if (order->power_w < b->range.min_w - 0.5 || order->power_w > b->range.max_w + 0.5) {
        (void)snprintf(sentence, sizeof sentence, "it takes %.0f to %.0f W, got %.0f W",
                       b->range.min_w, b->range.max_w, order->power_w);
    }
    if (sentence[0] != '\0') {
        refuse(b, order, sentence);
    }
    return sentence[0] == '\0';
}

static enum errand_step write_next(void *self, const struct heater_command *order, hb_mono now)
{
    struct braiins_heater *b = self;
    char body[BRAIINS_BODY_MAX] = "";
    enum braiins_write write = 0;
    (void)now;
    if (order == NULL) {
        return ERRAND_DONE;
    }
    if (!is_possible(b, order)) {
        return ERRAND_LEAVE;
    }
    while (write < BRAIINS_WRITES && !braiins_needs(&b->set, write, order->power_w)) {
        write++;
    }
    if (write == BRAIINS_WRITES) {
        return ERRAND_DONE;
    }
    if (write == BRAIINS_SET_TARGET) {
        braiins_target_body(order->power_w, body);
    }
    b->env.wrote(b->env.report_ctx, write == BRAIINS_SET_TARGET ? WRITE_FLASH : WRITE_VOLATILE);
    return errand_http(&b->errand, (int)write, HTTP_PUT, braiins_write_path(write),
                       body[0] != '\0' ? b->json_headers : b->headers,
                       body[0] != '\0' ? body : NULL);
}

/* What it acknowledged is believed only until it is read back. */
static void believe(struct braiins_heater *b, enum braiins_write write, double power_w)
{
    if (write == BRAIINS_SET_TARGET) {
        b->set.set_w = round(power_w);
    } else {
        b->set.status = write == BRAIINS_PAUSE ? BRAIINS_PAUSED : BRAIINS_NORMAL;
    }
}

/* Not now, for it is starting or stopping. A target, which wears its flash memory, is left to the
 * host to repeat; it is not resumed at another one meanwhile. */
static enum errand_step put_off(struct braiins_heater *b, enum braiins_write write, int status,
                                const char *why)
{
    if (!b->put_off) {
        hb_log(b->env.log, LOG_LEVEL_INFO, b->env.id, "%s is put off: HTTP %d %s",
               braiins_write_path(write), status, why);
    }
    b->put_off = true;
    return write == BRAIINS_SET_TARGET ? ERRAND_LEAVE : ERRAND_LATER;
}

static enum errand_step wrote(void *self, const struct heater_command *order,
                              const struct remote_answer *answer, hb_mono now)
{
    struct braiins_heater *b = self;
    const enum braiins_write write = (enum braiins_write)answer->request;
    char why[128];
    char sentence[TEXT_MAX];
    (void)now;
    if (!answer->ok) {
        return ERRAND_LATER;
    }
    if (is_unauthorized(b, answer)) {
        return ERRAND_LOGIN;
    }
    if (remote_is_success(answer)) {
        b->put_off = false;
        believe(b, write, order->power_w);
        return ERRAND_NEXT;
    }
    braiins_read_refusal(answer->body, answer->len, why, sizeof why);
    if (answer->status == 409 || answer->status >= 500) {
        return put_off(b, write, answer->status, why);
    }
    (void)snprintf(sentence, sizeof sentence, "it refuses %.0f W with HTTP %d%s%s", order->power_w,
                   answer->status, why[0] != '\0' ? ": " : "", why);
    refuse(b, order, sentence);
    return ERRAND_LEAVE; /* it is not resumed at another power than the one ordered */
}

/* --- reporting --------------------------------------------------------------------------------*/

static void log_tuner(struct braiins_heater *b)
{
    static const char *const words[] = {
        [BRAIINS_TUNER_DISABLED] = "is off",    [BRAIINS_TUNER_STABLE] = "is done",
        [BRAIINS_TUNER_TUNING] = "is tuning",   [BRAIINS_TUNER_ERROR] = "reports an error",
        [BRAIINS_TUNER_CONTINUOUS] = "is done", [BRAIINS_TUNER_PREHEAT] = "heats the boards up",
    };
    const enum braiins_tuner tuner = b->seen.tuner;
    if (tuner != b->told_tuner && tuner > BRAIINS_TUNER_UNSPECIFIED &&
        tuner < BRAIINS_TUNER_UNKNOWN) {
        b->told_tuner = tuner;
        hb_log(b->env.log, LOG_LEVEL_INFO, b->env.id, "its tuner %s, power target %.0f W",
               words[tuner], b->seen.set_w);
    }
}

static const struct heater_state *conclude(void *self, hb_mono now)
{
    struct braiins_heater *b = self;
    struct heater_state *state = &b->seen.state;
    (void)now;
    braiins_conclude(&b->seen);
    b->set = b->seen;
    memcpy(state->faults, b->faults.count, sizeof state->faults);
    log_tuner(b);
    return state;
}

/* --- the driver -------------------------------------------------------------------------------*/

static const struct errand_rules rules = {
    .read = read_part,
    .take = take,
    .conclude = conclude,
    .write = write_next,
    .wrote = wrote,
    .login = ask_login,
    .logged_in = logged_in,
    .shut_out = shut_out,
    .lockout_ms = LOCKOUT_MS,
    .fresh_ms = 2 * POLL_MS,
};

static void fill_caps(struct braiins_heater *b)
{
    const double configured_w = b->env.configured_max_w;
    b->caps = (struct heater_caps){
        .min_w = UNKNOWN_MIN_W,
        .max_w = configured_w > UNKNOWN_MIN_W ? configured_w : UNKNOWN_MAX_W,
        .step_w = 1,
        .standby_w = options_of(b)->standby_power,
        .settle_ms = SETTLE_MS,
        .min_on_ms = MIN_DWELL_MS,
        .min_off_ms = MIN_DWELL_MS,
        .min_write_ms = (int32_t)options_of(b)->min_write,
        .max_writes_per_day = MAX_WRITES,
        .has_fan = true,
    };
}

/* "http://host:8080/" and 4028 as "tcp://host:4028". */
static void legacy_url(const struct braiins_options *o, char *url, size_t size)
{
    char host[URL_MAX];
    const char *begin = strstr(o->url, "://");
    (void)text_copy(host, sizeof host, begin != NULL ? begin + strlen("://") : o->url);
    host[strcspn(host, "/")] = '\0';
    char *colon = strrchr(host, ':');
    if (colon != NULL && strchr(colon, ']') == NULL) {
        *colon = '\0';
    }
    const unsigned port = o->api_port > 0 ? o->api_port : API_PORT;
    (void)snprintf(url, size, "tcp://%.*s:%u", (int)(size - sizeof "tcp://:65535"), host, port);
}

static bool init(void *self, const struct heater_env *env, struct heater_caps *caps,
                 struct hb_err *err)
{
    struct braiins_heater *b = self;
    char url[URL_MAX + 32];
    b->env = *env;
    b->range = (struct braiins_range){NAN, NAN};
    b->headers[0] = b->json_headers[0] = b->authorization;
    b->headers[1] = "Content-Type:"; /* a write without a body has none */
    b->json_headers[1] = "Content-Type: application/json";
    b->told_tuner = BRAIINS_TUNER_UNKNOWN;
    set_token(b, "");
    braiins_forget(&b->seen, (hb_mono){0});
    fill_caps(b);
    *caps = b->caps;
    legacy_url(options_of(b), url, sizeof url);
    const struct remote_options legacy = {.url = url, .default_port = API_PORT};
    const struct remote_options rest = {.url = options_of(b)->url};
    b->legacy = remote_create(&b->env, &legacy, hear_legacy, b, err);
    return b->legacy != NULL && errand_init(&b->errand, &rules, b, &b->env, &rest, err);
}

static void fini(void *self)
{
    struct braiins_heater *b = self;
    errand_fini(&b->errand);
    remote_destroy(b->legacy);
    b->legacy = NULL;
}

static void poll(void *self, hb_mono now)
{
    struct braiins_heater *b = self;
    errand_poll(&b->errand, now);
}

static void commit(void *self, const struct heater_command *command, hb_mono now)
{
    struct braiins_heater *b = self;
    errand_commit(&b->errand, command, now);
}

const struct heater_driver braiins_heater = {
    .name = "braiins",
    .summary = "a miner with Braiins OS 25.07 or later: BMM 100 and 101, Antminer S9 to S21",
    .instance_size = sizeof(struct braiins_heater),
    .options_size = sizeof(struct braiins_options),
    .options = options,
    .poll_ms = POLL_MS,
    .init = init,
    .fini = fini,
    .poll = poll,
    .commit = commit,
};
