#include "devices/epic.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "devices/epic_codec.h"
#include "devices/errand.h"
#include "devices/levels.h"
#include "ground/text.h"
#include "plumbing/clock.h"

#define POLL_MS       10000
#define BUSY_MS       120000 /* how long it may put off a command before that is told */
#define STANDBY_W     20.0
#define ASSUMED_MAX_W 3000.0
#define STEP_W        50.0 /* each change tunes for minutes: small ones are not worth it */

enum { READ_NETWORK = 1, READ_CAPABILITIES, READ_SUMMARY, READS_END };
enum { STOP = READS_END, AUTOSTART, TUNE, ALGORITHM };

struct epic {
    struct heater_env env;
    struct heater_caps caps;
    struct errand errand;
    struct reply_faults faults;
    struct heater_state draft;
    struct epic_settings reading; /* being read */
    struct epic_settings set;     /* as last read, and then as it acknowledged */
    struct epic_abilities abilities;
    char model[NAME_MAX_B];
    char asked_of[NAME_MAX_B]; /* identity of the device whose abilities are known */
    hb_mono busy_since;        /* it puts off the command since then */
};

#define FIELD(name) offsetof(struct epic_options, name), sizeof(((struct epic_options *)NULL)->name)

static const char *const schemes[] = {"http", NULL};

static const struct config_item options[] = {
    {"url", CONFIG_URL, FIELD(url), 0, 0, NULL, schemes, NULL,
     "where its interface is, as in http://192.168.1.20:4028"},
    {"password", CONFIG_SECRET, FIELD(password), 0, 0, NULL, NULL, "letmein",
     "password of its web page"},
    {"settle", CONFIG_DURATION, FIELD(settle), 0, 3600000, NULL, NULL, "5 min",
     "time that it takes to start or to tune to another target, and shortest time between two"},
    {0},
};

static const struct epic_options *options_of(const struct epic *e)
{
    return e->env.options;
}

/* --- what it can do --------------------------------------------------------------------------- */

static void fill_caps(struct epic *e)
{
    const struct epic_abilities *can = &e->abilities;
    const int32_t settle_ms = (int32_t)options_of(e)->settle;
    const double max_w = e->env.configured_max_w > 0 ? e->env.configured_max_w : ASSUMED_MAX_W;
    double w[EPIC_LEVELS];
    struct heater_caps caps = {.min_w = max_w,
                               .max_w = max_w,
                               .standby_w = STANDBY_W,
                               .tier_w = {max_w},
                               .tier_count = 1,
                               .settle_ms = settle_ms,
                               .min_on_ms = settle_ms,
                               .min_off_ms = settle_ms,
                               .min_write_ms = settle_ms,
                               .has_fan = true};
    if (can->knob == EPIC_POWER) {
        caps.tier_count = 0;
        caps.min_w = can->min_w;
        caps.max_w = can->max_w;
        caps.step_w = STEP_W;
    } else if (can->knob == EPIC_LEVEL) {
        for (size_t i = 0; i < can->level_count; i++) {
            w[i] = can->level[i].power_w;
        }
        (void)levels_fill(&caps, w, can->level_count,
                          e->env.configured_max_w > 0 ? e->env.configured_max_w : HUGE_VAL);
    }
    e->caps = caps;
}

/* --- reading ---------------------------------------------------------------------------------- */

static enum errand_step read_part(void *self, int part)
{
    static const char *const paths[] = {[READ_NETWORK] = "/network",
                                        [READ_CAPABILITIES] = "/capabilities",
                                        [READ_SUMMARY] = "/summary"};
    struct epic *e = self;
    const int request = part + 1;
    if (part == 0) {
        e->draft = reply_unknown_state(clock_mono());
    }
    if (request >= READS_END) {
        return ERRAND_DONE;
    }
    /* Once for each device that answers here. */
    if (request == READ_CAPABILITIES && e->model[0] != '\0' &&
        strcmp(e->asked_of, e->draft.identity) == 0) {
        return ERRAND_NEXT;
    }
    return errand_http(&e->errand, request, HTTP_GET, paths[request], NULL, NULL);
}

static void take_capabilities(struct epic *e, const struct json *json)
{
    epic_capabilities(json, e->model, &e->abilities, &e->faults);
    (void)text_copy(e->asked_of, sizeof e->asked_of, e->draft.identity);
    fill_caps(e);
    e->env.abilities(e->env.report_ctx, &e->caps);
}

static enum errand_step take(void *self, const struct remote_answer *answer)
{
    struct epic *e = self;
    struct json *json = NULL;
    if (!answer->ok) {
        return ERRAND_LATER;
    }
    if (answer->status == 200) {
        json = reply_parse(answer->body, answer->len, &e->faults);
    }
    /* It may fail to tell what it is asked: {"result": false, "error": ...} */
    if (json == NULL || json_get(json, "result") != NULL) {
        json_free(json);
        return answer->request != READ_SUMMARY ? ERRAND_NEXT : ERRAND_LATER;
    }
    if (answer->request == READ_NETWORK) {
        epic_network(json, &e->draft, &e->faults);
    } else if (answer->request == READ_CAPABILITIES) {
        take_capabilities(e, json);
    } else {
        epic_summary(json, &e->draft, &e->reading, &e->faults);
    }
    json_free(json);
    return ERRAND_NEXT;
}

static double applied_w(const struct epic *e)
{
    if (e->set.run != EPIC_ON) {
        return e->set.run == EPIC_OFF ? 0 : NAN;
    }
    return e->abilities.knob == EPIC_ON_OFF ? e->caps.max_w
                                            : epic_applied_w(&e->abilities, &e->set);
}

static const struct heater_state *conclude(void *self, hb_mono now)
{
    struct epic *e = self;
    e->set = e->reading;
    (void)text_copy(e->draft.model, sizeof e->draft.model, e->model);
    e->draft.link = HEATER_LINK_OK;
    e->draft.at = now;
    e->draft.applied_w = applied_w(e);
    memcpy(e->draft.faults, e->faults.count, sizeof e->draft.faults);
    return &e->draft;
}

/* --- writing ---------------------------------------------------------------------------------- */

/* 0 if nothing differs from what is wanted. */
static int next_change(const struct epic *e, const struct heater_command *order,
                       char algorithm[EPIC_NAME], double *target)
{
    if (order == NULL) {
        return 0;
    }
    if (order->power_w <= 0) {
        return e->set.run != EPIC_OFF ? STOP : 0;
    }
    *target = epic_target(&e->abilities, &e->set, order->power_w, algorithm);
    if (isfinite(*target)) {
        if (e->set.target != *target || strcmp(e->set.algorithm, algorithm) != 0) {
            return ALGORITHM;
        }
        if (e->set.tuning != 1) {
            return TUNE;
        }
    }
    return e->set.run != EPIC_ON ? AUTOSTART : 0;
}

static enum errand_step write_next(void *self, const struct heater_command *order, hb_mono now)
{
    struct epic *e = self;
    char body[EPIC_BODY];
    char algorithm[EPIC_NAME];
    double target = NAN;
    bool fits = false;
    const char *path = "/miner";
    const char *password = options_of(e)->password;
    const int change = next_change(e, order, algorithm, &target);
    (void)now;
    switch (change) {
    case STOP:
        fits = epic_body_text(body, "Stop", password);
        break;
    case AUTOSTART:
        fits = epic_body_text(body, "Autostart", password);
        break;
    case TUNE:
        path = "/perpetualtune";
        fits = epic_body_bool(body, true, password);
        break;
    case ALGORITHM:
        path = "/perpetualtune/algo";
        fits = epic_body_algorithm(body, algorithm, target, &e->set, password);
        break;
    default:
        e->busy_since = (hb_mono){0};
        return ERRAND_DONE;
    }
    if (!fits || errand_http(&e->errand, change, HTTP_POST, path, NULL, body) != ERRAND_ASKED) {
        return ERRAND_LATER;
    }
    /* All of these are kept over a restart. */
    e->env.wrote(e->env.report_ctx, WRITE_FLASH);
    return ERRAND_ASKED;
}

static enum errand_step refuse(struct epic *e, const struct heater_command *order,
                               const char *error, hb_mono now)
{
    char sentence[TEXT_MAX];
    if (strcmp(error, "LastCmdStillPending") == 0) {
        e->busy_since = mono_is_set(e->busy_since) ? e->busy_since : now;
        if (mono_age_ms(now, e->busy_since) < BUSY_MS) {
            return ERRAND_LATER;
        }
        (void)snprintf(sentence, sizeof sentence,
                       "ePIC is still busy with an earlier command, as it tunes; this one is "
                       "given again");
    } else if (strcmp(error, "BadPassword") == 0) {
        (void)snprintf(sentence, sizeof sentence,
                       "ePIC refuses the password; set heaters.%s.password to that of its web page",
                       e->env.id);
    } else {
        (void)snprintf(sentence, sizeof sentence, "ePIC refuses: %s",
                       error[0] != '\0' ? error : "it does not say why");
    }
    e->busy_since = (hb_mono){0};
    if (order != NULL) {
        e->env.refused(e->env.report_ctx, order->seq, sentence);
    }
    return ERRAND_LEAVE;
}

/* What it acknowledged is believed only until it is read back. */
static void believe(struct epic *e, int change, const struct heater_command *order)
{
    char algorithm[EPIC_NAME];
    e->busy_since = (hb_mono){0};
    if (change == STOP || change == AUTOSTART) {
        e->set.run = change == STOP ? EPIC_OFF : EPIC_ON;
    } else if (change == TUNE) {
        e->set.tuning = 1;
    } else if (order != NULL) {
        e->set.target = epic_target(&e->abilities, &e->set, order->power_w, algorithm);
        (void)text_copy(e->set.algorithm, sizeof e->set.algorithm, algorithm);
    }
}

static enum errand_step take_written(void *self, const struct heater_command *order,
                                     const struct remote_answer *answer, hb_mono now)
{
    struct epic *e = self;
    char error[NAME_MAX_B];
    if (!answer->ok) {
        return ERRAND_LATER;
    }
    struct json *json = reply_parse(answer->body, answer->len, &e->faults);
    const bool taken = epic_taken(json, error, &e->faults);
    json_free(json);
    if (!taken) {
        return refuse(e, order, error, now);
    }
    believe(e, answer->request, order);
    return ERRAND_NEXT;
}

static const struct errand_rules rules = {
    .read = read_part,
    .take = take,
    .conclude = conclude,
    .write = write_next,
    .wrote = take_written,
    .fresh_ms = 2 * POLL_MS,
};

/* --- the contract ----------------------------------------------------------------------------- */

static bool epic_init(void *self, const struct heater_env *env, struct heater_caps *caps,
                      struct hb_err *err)
{
    struct epic *e = self;
    e->env = *env;
    fill_caps(e);
    *caps = e->caps;
    const struct remote_options remote = {.url = options_of(e)->url};
    return errand_init(&e->errand, &rules, e, &e->env, &remote, err);
}

static void epic_fini(void *self)
{
    struct epic *e = self;
    errand_fini(&e->errand);
}

static void epic_poll(void *self, hb_mono now)
{
    struct epic *e = self;
    errand_poll(&e->errand, now);
}

static void epic_commit(void *self, const struct heater_command *command, hb_mono now)
{
    struct epic *e = self;
    errand_commit(&e->errand, command, now);
}

const struct heater_driver epic_heater = {
    .name = "epic",
    .summary = "a miner with ePIC's board or firmware",
    .instance_size = sizeof(struct epic),
    .options_size = sizeof(struct epic_options),
    .options = options,
    .poll_ms = POLL_MS,
    .init = epic_init,
    .fini = epic_fini,
    .poll = epic_poll,
    .commit = epic_commit,
};
