#include "devices/apollo.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "devices/apollo_codec.h"
#include "devices/caps.h"
#include "devices/talk.h"
#include "ground/text.h"
#include "plumbing/clock.h"

enum {
    POLL_MS = 10000,
    MAX_WRITES = 24,       /* of its mode, which is kept in flash */
    SETTLE_MS = 3 * 60000, /* its start script alone waits 35 s */
    MIN_DWELL_MS = 3 * 60000,
    LOCKOUT_MS = 60000, /* between attempts with a password that was refused */
};
#define PATH "/api/graphql"
#define PORT ":5000"

struct apollo_heater {
    struct heater_env env;
    struct heater_caps caps;
    struct talk talk;
    struct apollo seen;
    struct reply_faults faults;
    enum apollo_heading heading;
    bool stale;                /* the mode was set, and its miner not started since */
    bool knows_no_node;        /* its firmware has no setting for the node's software */
    hb_mono locked_out_at;     /* when it last refused the password; unset: it did not */
    char identity[NAME_MAX_B]; /* of the device that was last reported */
    char token[APOLLO_TOKEN_MAX], authorization[APOLLO_TOKEN_MAX + 32];
    const char *headers[3];
};

/* 258 W of the boards in balanced is in the maker's own test data for an Apollo II; the others are
 * guessed from it. */
static const double default_level_w[APOLLO_MODES] = {190, 270, 380};

#define FIELD(name)                                                                                \
    offsetof(struct apollo_options, name), sizeof(((struct apollo_options *)NULL)->name)

static const char *const schemes[] = {"http", NULL};

static const struct config_item options[] = {
    {"url", CONFIG_URL, FIELD(url), 0, 0, NULL, schemes, NULL,
     "its address: `http://192.168.1.20`; the port is 5000 unless given"},
    {"password", CONFIG_SECRET, FIELD(password), 0, 0, NULL, NULL, NULL,
     "password of its web page"},
    {"levels", CONFIG_POWERS, FIELD(levels), 1, 10000, "W", NULL, "",
     "its powers in eco, balanced and turbo, as a meter shows them; left out, a guess for an "
     "Apollo II: 190, 270 and 380 W"},
    {"standby_power", CONFIG_POWER, FIELD(standby_power), 0, 1000, "W", NULL, "15 W",
     "power that its computer draws while its miner is stopped"},
    {"min_write", CONFIG_DURATION, FIELD(min_write), 0, 864e5, NULL, NULL, "15 min",
     "least time between two changes of its power, each of which costs a restart and wears its "
     "flash memory"},
    {0},
};

static const struct apollo_options *options_of(const struct apollo_heater *a)
{
    return a->env.options;
}

/* --- reading ----------------------------------------------------------------------------------*/

enum { READ_NODE, READ_STATE, READS };

static void begin_round(void *self)
{
    struct apollo_heater *a = self;
    apollo_forget(&a->seen, clock_mono());
}

static bool ask_read(void *self, size_t step)
{
    struct apollo_heater *a = self;
    if (step == READ_NODE && a->knows_no_node) {
        return false;
    }
    return talk_send(&a->talk, HTTP_POST, PATH, a->headers,
                     step == READ_NODE ? apollo_query_node : apollo_query_state);
}

static void set_token(struct apollo_heater *a, const char *token)
{
    (void)text_copy(a->token, sizeof a->token, token);
    (void)snprintf(a->authorization, sizeof a->authorization, "Authorization: Bearer %s", a->token);
}

static void tell_useless(struct apollo_heater *a, const char *why)
{
    char sentence[TEXT_MAX];
    (void)snprintf(
        sentence, sizeof sentence,
        "expected the interface of a FutureBit Apollo at %.80s, got something else%s%.60s: "
        "update it, or see heaters.%s.url and driver",
        options_of(a)->url, why[0] != '\0' ? ": " : "", why, a->env.id);
    a->env.trouble(a->env.report_ctx, sentence);
}

static enum talk_turn heard(void *self, size_t step, const struct remote_answer *answer)
{
    struct apollo_heater *a = self;
    char why[128];
    const enum apollo_answer verdict =
        apollo_judge(answer->body, answer->len, why, sizeof why, &a->faults);
    if (answer->status == 401 || verdict == APOLLO_UNAUTHENTICATED) {
        set_token(a, "");
        return TALK_LOGIN;
    }
    if (step == READ_NODE) {
        a->knows_no_node = verdict == APOLLO_REFUSED; /* the query itself, for want of the field */
        if (verdict == APOLLO_GOOD) {
            apollo_read_node(answer->body, answer->len, &a->seen, &a->faults);
        }
        return TALK_ON;
    }
    if (!apollo_read_state(answer->body, answer->len, &a->seen, &a->faults)) {
        if (answer->status >= 400 && answer->status < 500) {
            tell_useless(a, why);
        }
        return TALK_OVER;
    }
    return TALK_ON;
}

/* --- login ------------------------------------------------------------------------------------*/

static bool is_locked_out(const struct apollo_heater *a)
{
    return mono_is_set(a->locked_out_at) &&
           mono_age_ms(clock_mono(), a->locked_out_at) < LOCKOUT_MS;
}

static bool ask_login(void *self)
{
    struct apollo_heater *a = self;
    char body[APOLLO_BODY_MAX];
    if (a->token[0] != '\0' || !apollo_login_body(options_of(a)->password, body)) {
        return false;
    }
    return talk_send(&a->talk, HTTP_POST, PATH, NULL, body);
}

static void shut_out(void *self)
{
    struct apollo_heater *a = self;
    char sentence[TEXT_MAX];
    set_token(a, "");
    a->locked_out_at = clock_mono();
    (void)snprintf(sentence, sizeof sentence,
                   "expected the password of its web page, got one that it refuses: set "
                   "heaters.%s.password",
                   a->env.id);
    a->env.trouble(a->env.report_ctx, sentence);
}

static enum talk_turn logged_in(void *self, const struct remote_answer *answer)
{
    struct apollo_heater *a = self;
    char why[128];
    char token[APOLLO_TOKEN_MAX];
    const enum apollo_answer verdict =
        apollo_judge(answer->body, answer->len, why, sizeof why, &a->faults);
    if (verdict == APOLLO_REFUSED && strstr(why, "Setup") != NULL) {
        a->env.trouble(a->env.report_ctx,
                       "its setup is not finished: open its web page and finish it");
        return TALK_OVER;
    }
    if (verdict == APOLLO_REFUSED || verdict == APOLLO_UNAUTHENTICATED) {
        return TALK_LOGIN; /* which is refused a second time: shut_out */
    }
    if (verdict != APOLLO_GOOD || !apollo_read_login(answer->body, answer->len, token)) {
        if (answer->status >= 400 && answer->status < 500) {
            tell_useless(a, why);
        }
        return TALK_OVER;
    }
    a->locked_out_at = (hb_mono){0};
    set_token(a, token);
    return TALK_ON;
}

/* --- writing ----------------------------------------------------------------------------------*/

/* Another device may have taken its address since the last report. */
static bool may_write(void *self)
{
    struct apollo_heater *a = self;
    return a->identity[0] == '\0' || strcmp(a->identity, a->seen.state.identity) == 0;
}

/* The mode of a power that test let pass. */
static enum apollo_mode mode_of(const struct apollo_heater *a, double power_w)
{
    int mode = 0;
    while (mode < APOLLO_MODES && !(fabs(a->caps.tier_w[mode] - power_w) < 0.5)) {
        mode++;
    }
    return power_w > 0 ? (enum apollo_mode)mode : APOLLO_MODES;
}

static bool ask_write(void *self, size_t kind, const struct heater_command *command)
{
    struct apollo_heater *a = self;
    const enum apollo_write write = (enum apollo_write)kind;
    const enum apollo_mode mode = mode_of(a, command->power_w);
    char body[APOLLO_BODY_MAX];
    if (!apollo_needs(&a->seen, write, mode, a->heading, a->stale)) {
        return false;
    }
    apollo_write_body(&a->seen, write, mode, body);
    a->env.wrote(a->env.report_ctx, write == APOLLO_SET_MODE ? WRITE_FLASH : WRITE_VOLATILE);
    return talk_send(&a->talk, HTTP_POST, PATH, a->headers, body);
}

static void note_done(struct apollo_heater *a, enum apollo_write write)
{
    if (write == APOLLO_SET_MODE) {
        a->stale = true;
    } else {
        a->heading = write == APOLLO_STOP ? APOLLO_TO_OFF : APOLLO_TO_ON;
        a->stale = a->stale && write == APOLLO_STOP;
    }
}

static enum talk_turn written(void *self, size_t kind, const struct heater_command *command,
                              const struct remote_answer *answer)
{
    struct apollo_heater *a = self;
    char why[128];
    char sentence[TEXT_MAX];
    const enum apollo_answer verdict =
        apollo_judge(answer->body, answer->len, why, sizeof why, &a->faults);
    switch (verdict) {
    case APOLLO_GOOD:
        note_done(a, (enum apollo_write)kind);
        return TALK_ON;
    case APOLLO_UNAUTHENTICATED:
        set_token(a, "");
        return TALK_LOGIN;
    case APOLLO_REFUSED:
        (void)snprintf(sentence, sizeof sentence, "it refuses %.0f W: %s", command->power_w, why);
        a->env.refused(a->env.report_ctx, command->seq, sentence);
        return TALK_BACK;
    case APOLLO_UNUSABLE:
        break;
    }
    return TALK_BACK; /* what became of it shows when it is read */
}

/* --- reporting --------------------------------------------------------------------------------*/

static void report(void *self)
{
    struct apollo_heater *a = self;
    struct heater_state *state = &a->seen.state;
    const enum apollo_mode mode = apollo_applied(&a->seen, a->heading);
    state->link = HEATER_LINK_OK;
    if (mode == APOLLO_MODES) {
        state->applied_w = 0;
        state->power_w = reading_make(options_of(a)->standby_power, state->at, PROVENANCE_MODELLED);
    } else if (mode < APOLLO_MODES) {
        state->applied_w = a->caps.tier_w[mode];
    }
    if (a->seen.online != APOLLO_PENDING) {
        a->heading = APOLLO_NOWHERE; /* it has arrived */
    }
    if (state->pool_link == POOL_LOST) {
        state->health = HEATER_POOL_LOST;
    }
    memcpy(state->faults, a->faults.count, sizeof state->faults);
    (void)text_copy(a->identity, sizeof a->identity, state->identity);
    a->env.report(a->env.report_ctx, state);
}

/* --- the driver -------------------------------------------------------------------------------*/

static const struct talk_ways ways = {
    .reads = READS,
    .essential = READS,
    .writes = APOLLO_WRITES,
    .begin = begin_round,
    .read = ask_read,
    .heard = heard,
    .may_write = may_write,
    .write = ask_write,
    .written = written,
    .login = ask_login,
    .logged_in = logged_in,
    .shut_out = shut_out,
    .report = report,
};

static bool fill_caps(struct apollo_heater *a, struct hb_err *err)
{
    const struct config_powers *levels = &options_of(a)->levels;
    if (levels->count != 0 && levels->count != APOLLO_MODES) {
        return hb_fail(err, HB_ERR_USAGE, "levels: expected %d powers, got %zu", APOLLO_MODES,
                       levels->count);
    }
    a->caps = (struct heater_caps){
        .tier_count = APOLLO_MODES,
        .standby_w = options_of(a)->standby_power,
        .settle_ms = SETTLE_MS,
        .min_on_ms = MIN_DWELL_MS,
        .min_off_ms = MIN_DWELL_MS,
        .min_write_ms = (int32_t)options_of(a)->min_write,
        .max_writes_per_day = MAX_WRITES,
        .restarts_on_change = true,
        .has_fan = true,
    };
    for (int i = 0; i < APOLLO_MODES; i++) {
        a->caps.tier_w[i] = levels->count > 0 ? levels->w[i] : default_level_w[i];
    }
    a->caps.min_w = a->caps.tier_w[0];
    a->caps.max_w = a->caps.tier_w[APOLLO_MODES - 1];
    return true;
}

/* With the port of its interface, unless the user gave one. */
static void add_port(const char *url, char *out, size_t size)
{
    const char *begin = strstr(url, "://");
    const char *host = begin != NULL ? begin + strlen("://") : url;
    const size_t len = strcspn(host, "/");
    const char *bracket = memchr(host, ']', len);
    const char *from = bracket != NULL ? bracket : host;
    const bool has_port = memchr(from, ':', len - (size_t)(from - host)) != NULL;
    (void)snprintf(out, size, "%.*s%s", (int)((size_t)(host - url) + len), url,
                   has_port ? "" : PORT);
}

static bool init(void *self, const struct heater_env *env, struct heater_caps *caps,
                 struct hb_err *err)
{
    struct apollo_heater *a = self;
    char url[URL_MAX + sizeof PORT];
    a->env = *env;
    a->headers[0] = a->authorization;
    a->headers[1] = "Content-Type: application/json";
    set_token(a, "");
    apollo_forget(&a->seen, (hb_mono){0});
    if (!fill_caps(a, err)) {
        return false;
    }
    *caps = a->caps;
    add_port(options_of(a)->url, url, sizeof url);
    const struct remote_options remote = {.url = url};
    return talk_init(&a->talk, &ways, a, &a->env, &remote, err);
}

static void fini(void *self)
{
    struct apollo_heater *a = self;
    talk_fini(&a->talk);
}

static void poll(void *self, hb_mono now)
{
    struct apollo_heater *a = self;
    (void)now;
    if (!is_locked_out(a)) {
        talk_poll(&a->talk);
    }
}

static bool test(const void *self, const struct heater_command *command, struct hb_err *err)
{
    const struct apollo_heater *a = self;
    return caps_allow(&a->caps, command->power_w, err);
}

static void commit(void *self, const struct heater_command *command, hb_mono now)
{
    struct apollo_heater *a = self;
    (void)now;
    if (!is_locked_out(a)) {
        talk_command(&a->talk, command);
    }
}

const struct heater_driver apollo_heater = {
    .name = "apollo",
    .summary = "a FutureBit Apollo: eco, balanced and turbo, on and off",
    .instance_size = sizeof(struct apollo_heater),
    .options_size = sizeof(struct apollo_options),
    .options = options,
    .poll_ms = POLL_MS,
    .init = init,
    .fini = fini,
    .poll = poll,
    .test = test,
    .commit = commit,
};
