#include "devices/luxos.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "devices/errand.h"
#include "devices/levels.h"
#include "devices/luxos_codec.h"
#include "ground/text.h"
#include "plumbing/clock.h"

#define API_PORT      4028
#define POLL_MS       10000
#define STANDBY_W     15.0 /* control board and a fan at rest, a guess */
#define ASSUMED_MAX_W 3000.0
#define ASSUMED_MIN_W 800.0
#define MOVED_MS      3600000

enum request {
    READ_CONFIG = 1,
    READ_POWER,
    READ_SUMMARY,
    READ_TEMPS,
    READ_FANS,
    READ_POOLS,
    READ_PROFILES,
    LOGON,
    SET_PROFILE,
    SET_CURTAIL,
    LOGOFF
};

struct luxos {
    struct heater_env env;
    struct heater_caps caps;
    struct errand errand;
    struct reply_faults faults;
    struct luxos_profiles profiles;
    struct heater_state draft;      /* being read                                       */
    struct luxos_settings reading;  /* the same                                        */
    struct luxos_settings set;      /* as last read, and then as it acknowledged          */
    char profile_held[LUXOS_NAME];  /* that we set; "" if none                      */
    char profile_found[LUXOS_NAME]; /* to which its automatic moved it, at `moved_at` */
    hb_mono moved_at;
    char session[LUXOS_SESSION]; /* "" if none is open                            */
    hb_mono busy_since;          /* when the session was first found taken         */
    bool wake_first;             /* it takes no profile while asleep               */
    bool session_lost;           /* once in this command already                      */
};

#define FIELD(name)                                                                                \
    offsetof(struct luxos_options, name), sizeof(((struct luxos_options *)NULL)->name)

static const char *const schemes[] = {"tcp", NULL};

static const struct config_item options[] = {
    {"url", CONFIG_URL, FIELD(url), 0, 0, NULL, schemes, NULL,
     "where it is, as in tcp://192.168.1.20; its port is 4028"},
    {"settle", CONFIG_DURATION, FIELD(settle), 0, 3600000, NULL, NULL, "5 min",
     "time that it takes to reach another profile, and shortest time between two changes"},
    {"session_wait", CONFIG_DURATION, FIELD(session_wait), 0, 3600000, NULL, NULL, "1 min",
     "how long to wait while another program holds the session that every change needs"},
    {0},
};

static const struct luxos_options *options_of(const struct luxos *l)
{
    return l->env.options;
}

static void refuse(struct luxos *l, const struct heater_command *order, const char *sentence)
{
    if (order != NULL) {
        l->env.refused(l->env.report_ctx, order->seq, sentence);
    }
}

/* --- reading ---------------------------------------------------------------------------------- */

static enum errand_step ask(struct luxos *l, enum request request, const char *command,
                            const char *parameter)
{
    char text[LUXOS_REQUEST];
    return luxos_request(text, sizeof text, command, parameter)
               ? errand_tcp(&l->errand, (int)request, text, EXCHANGE_JSON)
               : ERRAND_LATER;
}

/* The table is asked for again when the device changes, or runs at a profile that is not in it. */
static bool needs_profiles(const struct luxos *l)
{
    return l->profiles.count == 0 || luxos_profile_named(&l->profiles, l->reading.profile) == NULL;
}

static enum errand_step read_part(void *self, int part)
{
    static const char *const commands[] = {
        [READ_CONFIG] = "config",    [READ_POWER] = "power", [READ_SUMMARY] = "summary",
        [READ_TEMPS] = "temps",      [READ_FANS] = "fans",   [READ_POOLS] = "pools",
        [READ_PROFILES] = "profiles"};
    struct luxos *l = self;
    const int request = part + 1;
    if (part == 0) {
        l->draft = reply_unknown_state(clock_mono());
    }
    if (request > READ_PROFILES || (request == READ_PROFILES && !needs_profiles(l))) {
        return ERRAND_DONE;
    }
    return ask(l, (enum request)request, commands[request], NULL);
}

static void take_profiles(struct luxos *l, const struct json *json)
{
    double w[LUXOS_PROFILES];
    luxos_profiles(json, &l->profiles, &l->faults);
    for (size_t i = 0; i < l->profiles.count; i++) {
        w[i] = l->profiles.list[i].power_w;
    }
    /* More than it was built for only if the owner says so. */
    const double most_w =
        l->env.configured_max_w > 0 ? l->env.configured_max_w : luxos_default_w(&l->profiles);
    struct heater_caps caps = l->caps;
    if (levels_fill(&caps, w, l->profiles.count, most_w)) {
        l->caps = caps;
        l->env.abilities(l->env.report_ctx, &l->caps);
    }
}

static void take_answer(struct luxos *l, int request, const struct json *json)
{
    switch (request) {
    case READ_CONFIG:
        luxos_config(json, &l->draft, &l->reading, &l->faults);
        break;
    case READ_POWER:
        luxos_power(json, &l->draft, &l->faults);
        break;
    case READ_SUMMARY:
        luxos_summary(json, &l->draft, &l->faults);
        break;
    case READ_TEMPS:
        luxos_temps(json, &l->draft, &l->faults);
        break;
    case READ_FANS:
        luxos_fans(json, &l->draft, &l->faults);
        break;
    case READ_POOLS:
        luxos_pools(json, &l->draft, &l->faults);
        break;
    default:
        take_profiles(l, json);
        break;
    }
}

static enum errand_step take(void *self, const struct remote_answer *answer)
{
    struct luxos *l = self;
    if (!answer->ok) {
        return ERRAND_LATER;
    }
    struct json *json = reply_parse(answer->body, answer->len, &l->faults);
    if (json == NULL && answer->request == READ_CONFIG) {
        return ERRAND_LATER; /* without its settings nothing else has a meaning */
    }
    take_answer(l, answer->request, json);
    json_free(json);
    return ERRAND_NEXT;
}

/* --- what it says ------------------------------------------------------------------------------*/

static double applied_w(const struct luxos *l)
{
    const struct luxos_profile *profile = luxos_profile_named(&l->profiles, l->set.profile);
    if (l->set.asleep == 1) {
        return 0;
    }
    return l->set.asleep == 0 && profile != NULL ? profile->power_w : NAN;
}

/* Its own automatic may choose another profile than ours: the owner has to decide which of the two
 * is to govern. Told for an hour, as ours is set again at once. */
static void note_moved_profile(struct luxos *l, hb_mono now)
{
    const bool ours = strcmp(l->set.profile, l->profile_held) == 0;
    if (l->set.atm != 1) {
        l->moved_at = (hb_mono){0};
    } else if (l->profile_held[0] != '\0' && !ours) {
        l->moved_at = now;
        (void)text_copy(l->profile_found, sizeof l->profile_found, l->set.profile);
    }
    if (mono_is_set(l->moved_at) && mono_age_ms(now, l->moved_at) < MOVED_MS) {
        l->draft.problem = true;
        (void)snprintf(l->draft.problem_text, sizeof l->draft.problem_text,
                       "ATM of LuxOS moved the profile from %s to %s; disable ATM on the device, "
                       "or heatbridge and it undo each other's changes",
                       l->profile_held, l->profile_found);
    }
}

static const struct heater_state *conclude(void *self, hb_mono now)
{
    struct luxos *l = self;
    l->set = l->reading;
    note_moved_profile(l, now);
    l->draft.link = HEATER_LINK_OK;
    l->draft.at = now;
    l->draft.applied_w = applied_w(l);
    memcpy(l->draft.faults, l->faults.count, sizeof l->draft.faults);
    return &l->draft;
}

/* --- writing ---------------------------------------------------------------------------------- */

/* The next thing that differs from what is wanted: 0 if nothing does. */
static enum request next_change(const struct luxos *l, const struct heater_command *order,
                                char parameter[LUXOS_REQUEST])
{
    if (order == NULL) {
        return 0;
    }
    if (order->power_w <= 0) {
        (void)snprintf(parameter, LUXOS_REQUEST, "%s,sleep", l->session);
        return l->set.asleep != 1 ? SET_CURTAIL : 0;
    }
    const struct luxos_profile *profile = luxos_profile_for(&l->profiles, order->power_w);
    const bool differs = profile != NULL && strcmp(profile->name, l->set.profile) != 0;
    if (differs && !(l->wake_first && l->set.asleep != 0)) {
        (void)snprintf(parameter, LUXOS_REQUEST, "%s,%s", l->session, profile->name);
        return SET_PROFILE;
    }
    (void)snprintf(parameter, LUXOS_REQUEST, "%s,wakeup", l->session);
    return l->set.asleep != 0 ? SET_CURTAIL : 0;
}

static enum errand_step write_next(void *self, const struct heater_command *order, hb_mono now)
{
    struct luxos *l = self;
    char parameter[LUXOS_REQUEST];
    (void)now;
    const enum request change = next_change(l, order, parameter);
    if (change == 0 && l->session[0] == '\0') {
        l->wake_first = l->session_lost = false;
        l->busy_since = (hb_mono){0};
        return ERRAND_DONE;
    }
    if (change == 0) {
        return ask(l, LOGOFF, "logoff", l->session);
    }
    if (l->session[0] == '\0') {
        return ask(l, LOGON, "logon", NULL);
    }
    const bool profile = change == SET_PROFILE;
    const enum errand_step step = ask(l, change, profile ? "profileset" : "curtail", parameter);
    if (step == ERRAND_ASKED) {
        l->env.wrote(l->env.report_ctx, profile ? WRITE_FLASH : WRITE_VOLATILE);
    }
    return step;
}

/* Another program holds the session: it is waited for, and never ended from here. */
static enum errand_step wait_for_session(struct luxos *l, const struct heater_command *order,
                                         hb_mono now)
{
    char sentence[TEXT_MAX];
    if (!mono_is_set(l->busy_since)) {
        l->busy_since = now;
    }
    if (mono_age_ms(now, l->busy_since) < options_of(l)->session_wait) {
        return ERRAND_LATER;
    }
    (void)snprintf(sentence, sizeof sentence,
                   "another program holds the session of LuxOS for %" PRId64
                   " s; close it there (logoff), as heatbridge ends nobody else's session",
                   mono_age_ms(now, l->busy_since) / 1000);
    l->busy_since = (hb_mono){0};
    refuse(l, order, sentence);
    return ERRAND_LEAVE;
}

static enum errand_step take_logon(struct luxos *l, const struct heater_command *order,
                                   const struct json *json, hb_mono now)
{
    const struct luxos_verdict verdict = luxos_verdict(json, &l->faults);
    char sentence[TEXT_MAX];
    if (luxos_session(json, l->session, &l->faults)) {
        l->busy_since = (hb_mono){0};
        return ERRAND_NEXT;
    }
    if (verdict.code == LUXOS_SESSION_TAKEN || verdict.ok) {
        return wait_for_session(l, order, now);
    }
    (void)snprintf(sentence, sizeof sentence, "LuxOS opens no session: %s", verdict.message);
    refuse(l, order, sentence);
    return ERRAND_LEAVE;
}

/* An acknowledged change is believed only until it is read back. */
static enum errand_step take_change(struct luxos *l, enum request change,
                                    const struct heater_command *order, const struct json *json)
{
    const struct luxos_verdict verdict = luxos_verdict(json, &l->faults);
    const struct luxos_profile *profile =
        order != NULL ? luxos_profile_for(&l->profiles, order->power_w) : NULL;
    char sentence[TEXT_MAX];
    if (verdict.ok && change == SET_CURTAIL) {
        l->set.asleep = order != NULL && order->power_w <= 0;
        return ERRAND_NEXT;
    }
    if (verdict.ok && profile != NULL) {
        (void)text_copy(l->set.profile, sizeof l->set.profile, profile->name);
        (void)text_copy(l->profile_held, sizeof l->profile_held, profile->name);
        return ERRAND_NEXT;
    }
    if (strstr(verdict.message, "ession") != NULL && !l->session_lost) {
        l->session_lost = true; /* it ended before we did: once more with a new one */
        l->session[0] = '\0';
        return ERRAND_NEXT;
    }
    if (change == SET_PROFILE && l->set.asleep != 0 && !l->wake_first) {
        l->wake_first = true;
        return ERRAND_NEXT;
    }
    (void)snprintf(sentence, sizeof sentence, "LuxOS refuses %s: %s",
                   change == SET_PROFILE ? "the profile" : "to sleep or wake",
                   verdict.message[0] != '\0' ? verdict.message : "it does not say why");
    refuse(l, order, sentence);
    return ERRAND_LEAVE;
}

static enum errand_step take_written(void *self, const struct heater_command *order,
                                     const struct remote_answer *answer, hb_mono now)
{
    struct luxos *l = self;
    enum errand_step step = ERRAND_NEXT;
    if (answer->request == LOGOFF || !answer->ok) {
        l->session[0] = '\0'; /* a session that cannot be closed ends by itself */
        return answer->ok ? ERRAND_NEXT : ERRAND_LATER;
    }
    struct json *json = reply_parse(answer->body, answer->len, &l->faults);
    if (answer->request == LOGON) {
        step = take_logon(l, order, json, now);
    } else {
        step = take_change(l, (enum request)answer->request, order, json);
    }
    json_free(json);
    return step;
}

static bool unfinished(const void *self)
{
    const struct luxos *l = self;
    return l->session[0] != '\0';
}

static void abandon(void *self)
{
    struct luxos *l = self;
    l->session[0] = '\0';
}

static const struct errand_rules rules = {
    .read = read_part,
    .take = take,
    .conclude = conclude,
    .write = write_next,
    .wrote = take_written,
    .unfinished = unfinished,
    .abandon = abandon,
    .fresh_ms = 2 * POLL_MS,
};

/* --- the contract ----------------------------------------------------------------------------- */

/* Before its table was read, only that it has a range. */
static void assume_caps(struct luxos *l)
{
    const int32_t settle_ms = (int32_t)options_of(l)->settle;
    const double max_w = l->env.configured_max_w > 0 ? l->env.configured_max_w : ASSUMED_MAX_W;
    l->caps = (struct heater_caps){.min_w = fmin(ASSUMED_MIN_W, max_w),
                                   .max_w = max_w,
                                   .standby_w = STANDBY_W,
                                   .settle_ms = settle_ms,
                                   .min_on_ms = settle_ms,
                                   .min_off_ms = settle_ms,
                                   .min_write_ms = settle_ms,
                                   .has_fan = true};
}

static bool luxos_init(void *self, const struct heater_env *env, struct heater_caps *caps,
                       struct hb_err *err)
{
    struct luxos *l = self;
    l->env = *env;
    assume_caps(l);
    *caps = l->caps;
    const struct remote_options remote = {.url = options_of(l)->url, .default_port = API_PORT};
    return errand_init(&l->errand, &rules, l, &l->env, &remote, err);
}

static void luxos_fini(void *self)
{
    struct luxos *l = self;
    errand_fini(&l->errand);
}

static void luxos_poll(void *self, hb_mono now)
{
    struct luxos *l = self;
    errand_poll(&l->errand, now);
}

static void luxos_commit(void *self, const struct heater_command *command, hb_mono now)
{
    struct luxos *l = self;
    errand_commit(&l->errand, command, now);
}

const struct heater_driver luxos_heater = {
    .name = "luxos",
    .summary = "an Antminer with LuxOS",
    .instance_size = sizeof(struct luxos),
    .options_size = sizeof(struct luxos_options),
    .options = options,
    .poll_ms = POLL_MS,
    .init = luxos_init,
    .fini = luxos_fini,
    .poll = luxos_poll,
    .commit = luxos_commit,
};
