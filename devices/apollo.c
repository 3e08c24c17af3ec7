#include "devices/apollo.h"

#include <stdio.h>
#include <string.h>

#include "devices/apollo_codec.h"
#include "devices/errand.h"
#include "devices/levels.h"
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
    struct errand errand;
    struct apollo seen; /* being read */
    struct apollo set;  /* as last read, and then as it acknowledged */
    struct reply_faults faults;
    enum apollo_heading heading;
    bool stale;         /* the mode was set, and its miner not started since */
    bool knows_no_node; /* its firmware has no setting for the node's software */
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

static enum errand_step read_part(void *self, int part)
{
    struct apollo_heater *a = self;
    if (part == 0) {
        apollo_forget(&a->seen, clock_mono());
    }
    if (part == READS) {
        return ERRAND_DONE;
    }
    if (a->token[0] == '\0') {
        return ERRAND_LOGIN;
    }
    if (part == READ_NODE && a->knows_no_node) {
        return ERRAND_NEXT;
    }
    return errand_http(&a->errand, part, HTTP_POST, PATH, a->headers,
                       part == READ_NODE ? apollo_query_node : apollo_query_state);
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

static enum errand_step take(void *self, const struct remote_answer *answer)
{
    struct apollo_heater *a = self;
    char why[128];
    if (!answer->ok) {
        return ERRAND_LATER;
    }
    const enum apollo_answer verdict =
        apollo_judge(answer->body, answer->len, why, sizeof why, &a->faults);
    if (answer->status == 401 || verdict == APOLLO_UNAUTHENTICATED) {
        set_token(a, "");
        return ERRAND_LOGIN;
    }
    if (answer->request == READ_NODE) {
        a->knows_no_node = verdict == APOLLO_REFUSED; /* the query itself, for want of the field */
        if (verdict == APOLLO_GOOD) {
            apollo_read_node(answer->body, answer->len, &a->seen, &a->faults);
        }
        return ERRAND_NEXT;
    }
    if (!apollo_read_state(answer->body, answer->len, &a->seen, &a->faults)) {
        if (answer->status >= 400 && answer->status < 500) {
            tell_useless(a, why);
        }
        return ERRAND_LATER;
    }
    return ERRAND_NEXT;
}

/* --- login ------------------------------------------------------------------------------------*/

static enum errand_step ask_login(void *self)
{
    struct apollo_heater *a = self;
    char body[APOLLO_BODY_MAX];
    return apollo_login_body(options_of(a)->password, body)
               ? errand_http(&a->errand, 0, HTTP_POST, PATH, NULL, body)
               : ERRAND_LATER;
}

static enum errand_step shut_out(void *self, const struct heater_command *order)
{
    struct apollo_heater *a = self;
    char sentence[TEXT_MAX];
    (void)order; /* it may be given the right one before that expires */
    set_token(a, "");
    (void)snprintf(sentence, sizeof sentence,
                   "expected the password of its web page, got one that it refuses: set "
                   "heaters.%s.password",
                   a->env.id);
    a->env.trouble(a->env.report_ctx, sentence);
    return ERRAND_LATER;
}

static enum errand_step logged_in(void *self, const struct remote_answer *answer)
{
    struct apollo_heater *a = self;
    char why[128];
    char token[APOLLO_TOKEN_MAX];
    const enum apollo_answer verdict =
        apollo_judge(answer->body, answer->len, why, sizeof why, &a->faults);
    if (verdict == APOLLO_REFUSED && strstr(why, "Setup") != NULL) {
        a->env.trouble(a->env.report_ctx,
                       "its setup is not finished: open its web page and finish it");
        return ERRAND_LATER;
    }
    if (verdict == APOLLO_REFUSED || verdict == APOLLO_UNAUTHENTICATED) {
        return ERRAND_LOGIN;
    }
    if (verdict != APOLLO_GOOD || !apollo_read_login(answer->body, answer->len, token)) {
        if (answer->status >= 400 && answer->status < 500) {
            tell_useless(a, why);
        }
        return ERRAND_LATER;
    }
    set_token(a, token);
    return ERRAND_NEXT;
}

/* --- writing ----------------------------------------------------------------------------------*/

static enum apollo_mode mode_of(const struct apollo_heater *a, double power_w)
{
    const int level = levels_index(&a->caps, power_w);
    return level < 0 ? APOLLO_MODES : (enum apollo_mode)level;
}

static enum errand_step write_next(void *self, const struct heater_command *order, hb_mono now)
{
    struct apollo_heater *a = self;
    char body[APOLLO_BODY_MAX];
    enum apollo_write write = 0;
    (void)now;
    if (order == NULL) {
        return ERRAND_DONE;
    }
    const enum apollo_mode mode = mode_of(a, order->power_w);
    while (write < APOLLO_WRITES && !apollo_needs(&a->set, write, mode, a->heading, a->stale)) {
        write++;
    }
    if (write == APOLLO_WRITES) {
        return ERRAND_DONE;
    }
    apollo_write_body(&a->set, write, mode, body);
    a->env.wrote(a->env.report_ctx, write == APOLLO_SET_MODE ? WRITE_FLASH : WRITE_VOLATILE);
    return errand_http(&a->errand, (int)write, HTTP_POST, PATH, a->headers, body);
}

/* What it acknowledged is believed only until it is read back. */
static void believe(struct apollo_heater *a, enum apollo_write write, enum apollo_mode mode)
{
    if (write == APOLLO_SET_MODE) {
        a->set.mode = mode;
        a->stale = true;
    } else {
        a->set.online = APOLLO_PENDING;
        a->heading = write == APOLLO_STOP ? APOLLO_TO_OFF : APOLLO_TO_ON;
        a->stale = a->stale && write == APOLLO_STOP;
    }
}

static enum errand_step wrote(void *self, const struct heater_command *order,
                              const struct remote_answer *answer, hb_mono now)
{
    struct apollo_heater *a = self;
    char why[128];
    char sentence[TEXT_MAX];
    (void)now;
    if (!answer->ok) {
        return ERRAND_LATER;
    }
    switch (apollo_judge(answer->body, answer->len, why, sizeof why, &a->faults)) {
    case APOLLO_GOOD:
        believe(a, (enum apollo_write)answer->request, mode_of(a, order->power_w));
        return ERRAND_NEXT;
    case APOLLO_UNAUTHENTICATED:
        set_token(a, "");
        return ERRAND_LOGIN;
    case APOLLO_REFUSED:
        (void)snprintf(sentence, sizeof sentence, "it refuses %.0f W: %s", order->power_w, why);
        a->env.refused(a->env.report_ctx, order->seq, sentence);
        break;
    case APOLLO_UNUSABLE:
        break; /* what became of it shows when it is read */
    }
    return ERRAND_LEAVE;
}

/* --- reporting --------------------------------------------------------------------------------*/

static const struct heater_state *conclude(void *self, hb_mono now)
{
    struct apollo_heater *a = self;
    struct heater_state *state = &a->seen.state;
    const enum apollo_mode mode = apollo_applied(&a->seen, a->heading);
    (void)now;
    a->set = a->seen;
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

static bool fill_caps(struct apollo_heater *a, struct hb_err *err)
{
    a->caps = (struct heater_caps){
        .standby_w = options_of(a)->standby_power,
        .settle_ms = SETTLE_MS,
        .min_on_ms = MIN_DWELL_MS,
        .min_off_ms = MIN_DWELL_MS,
        .min_write_ms = (int32_t)options_of(a)->min_write,
        .max_writes_per_day = MAX_WRITES,
        .restarts_on_change = true,
        .has_fan = true,
    };
    return levels_take(&a->caps, &options_of(a)->levels, default_level_w, APOLLO_MODES, err);
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
    return errand_init(&a->errand, &rules, a, &a->env, &remote, err);
}

static void fini(void *self)
{
    struct apollo_heater *a = self;
    errand_fini(&a->errand);
}

static void poll(void *self, hb_mono now)
{
    struct apollo_heater *a = self;
    errand_poll(&a->errand, now);
}

static void commit(void *self, const struct heater_command *command, hb_mono now)
{
    struct apollo_heater *a = self;
    errand_commit(&a->errand, command, now);
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
    .commit = commit,
};
