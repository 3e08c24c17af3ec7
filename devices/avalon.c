#include "devices/avalon.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "devices/avalon_codec.h"
#include "devices/caps.h"
#include "devices/remote.h"
#include "ground/text.h"
#include "plumbing/clock.h"

enum {
    ASK_VERSION, /* who is it? in each round, as another device may have got its address */
    ASK_STATS,
    ASK_POOLS,
    TELL,
};

enum { PORT = 4028, POLL_MS = 10000, TRY_AGAIN_MS = 30000 };
/* A switch is timed 5 s ahead, and a new mode is told only once it has settled: for so long it is
 * not written again because the old one is still read. Shorter than any model's settle_ms, after
 * which the host asks again. */
enum { SWITCH_SHOWS_MS = 12000, MODE_SHOWS_MS = 60000 };
/* Before it was reached, and if the configuration does not say how much it may draw. */
#define GUESS_W 800.0

/* A count of the device, which starts again with the device. */
struct counted {
    bool known;
    uint64_t last, sum;
};

struct avalon {
    struct heater_env env;
    struct remote *remote;
    const struct avalon_model *model; /* NULL: not known yet */
    double level_w[AVALON_LEVELS];    /* as the device corrected them */
    struct avalon_version version;
    struct avalon_stats stats;
    struct avalon_pools pools;
    bool pools_read;
    struct reply_faults faults;
    struct counted accepted, rejected, stale;
    char identity[NAME_MAX_B]; /* of the device that answered last */
    int64_t when_s;            /* its own clock */
    bool busy;                 /* a round of questions, or a write, is under way */

    bool ordered;
    struct heater_command order; /* the last */
    int order_level;             /* below 0: off */
    bool wanted;                 /* there may be something left to write for it */
    struct avalon_step sent;
    uint64_t sent_seq;    /* the order that it was for */
    bool reboot_due;      /* it took a mode that counts only after a restart */
    char waits[TEXT_MAX]; /* why the order cannot be carried out yet */
    hb_mono try_at;       /* not before */

    /* Accepted, but not to be read yet. */
    hb_mono switch_until, mode_until;
    bool switched_on;
    int mode, level; /* AVALON_NONE: not written */
};

#define FIELD(name)                                                                                \
    offsetof(struct avalon_options, name), sizeof(((struct avalon_options *)NULL)->name)

static const char *const schemes[] = {"tcp", NULL};
/* In the order of avalon_models. */
static const char *const models[] = {"auto", "nano3s", "nano3", "mini3", "q",   "a10",
                                     "a11",  "a12",    "a13",   "a14",   "a15", NULL};

static const struct config_item options[] = {
    {"url", CONFIG_URL, FIELD(url), 0, 0, NULL, schemes, NULL,
     "where it is, as in tcp://192.168.1.20; its port is 4028 unless given"},
    {"model", CONFIG_ENUM, FIELD(model), 0, 0, NULL, models, "auto",
     "which one it is, if it should be known before it was first reached"},
    {0},
};

/* --- abilities
 * ----------------------------------------------------------------------------------*/

static void fill_caps(const struct avalon *a, struct heater_caps *caps)
{
    const struct avalon_model *m = a->model;
    *caps = (struct heater_caps){.standby_w = m->standby_w,
                                 .tier_count = (uint8_t)m->level_count,
                                 .settle_ms = m->settle_ms,
                                 .min_on_ms = m->min_on_ms,
                                 .min_off_ms = m->min_off_ms,
                                 .min_write_ms = m->min_write_ms,
                                 .restarts_on_change = m->off == AVALON_SWITCH_REBOOT,
                                 .has_fan = true};
    for (size_t i = 0; i < m->level_count; i++) {
        caps->tier_w[i] = a->level_w[i];
    }
    caps->min_w = caps->tier_w[0];
    caps->max_w = caps->tier_w[m->level_count - 1];
}

static void guess_caps(const struct heater_env *env, struct heater_caps *caps)
{
    const double guess_w = fmax(GUESS_W, env->configured_min_w);
    const double power_w = env->configured_max_w > 0 ? env->configured_max_w : guess_w;
    *caps = (struct heater_caps){.min_w = power_w,
                                 .max_w = power_w,
                                 .standby_w = 15,
                                 .settle_ms = 120000,
                                 .min_write_ms = 600000,
                                 .has_fan = true};
}

static void take_model(struct avalon *a, const struct avalon_model *model)
{
    a->model = model;
    for (size_t i = 0; i < model->level_count; i++) {
        a->level_w[i] = model->level[i].power_w;
    }
}

/* The watts that the device itself gives for the level that it is in, and for those that it tells
 * of. */
static double told_w(const struct avalon *a, int i)
{
    const struct avalon_level *level = &a->model->level[i];
    const int now = avalon_level_find(a->model, a->stats.mode, a->stats.level);
    if (i == now && isfinite(a->stats.limit_w)) {
        return a->stats.limit_w;
    }
    if (a->model->knob == AVALON_KNOB_MODE_AND_LEVEL) {
        return NAN; /* a mode has several levels there */
    }
    const int row = a->model->knob == AVALON_KNOB_LEVEL ? level->level : level->mode;
    return row >= 0 && row < AVALON_LEVELS ? a->stats.mode_limit_w[row] : NAN;
}

/* Whether they can be levels: ascending, and near what the model is known for. */
static bool sane(const struct avalon *a, const double *level_w)
{
    for (size_t i = 0; i < a->model->level_count; i++) {
        const double known_w = a->model->level[i].power_w;
        if (level_w[i] < 0.5 * known_w || level_w[i] > 1.5 * known_w ||
            (i > 0 && level_w[i] <= level_w[i - 1])) {
            return false;
        }
    }
    return true;
}

static void learn_levels(struct avalon *a, bool news)
{
    double level_w[AVALON_LEVELS];
    bool differs = false;
    memcpy(level_w, a->level_w, sizeof level_w);
    for (size_t i = 0; i < a->model->level_count; i++) {
        const double w = told_w(a, (int)i);
        if (isfinite(w) && w != level_w[i]) {
            level_w[i] = w;
            differs = true;
        }
    }
    if (differs && sane(a, level_w)) {
        memcpy(a->level_w, level_w, sizeof level_w);
        news = true;
    }
    if (news) {
        struct heater_caps caps;
        fill_caps(a, &caps);
        a->env.abilities(a->env.report_ctx, &caps);
    }
}

/* --- state
 * --------------------------------------------------------------------------------------*/

static void count(struct counted *c, uint64_t value)
{
    if (c->known) {
        c->sum += value >= c->last ? value - c->last : value;
    }
    c->known = true;
    c->last = value;
}

/* A level whose watts were corrected since it was ordered is still what was ordered. */
static double applied_w(const struct avalon *a)
{
    if (avalon_is_off(&a->stats)) {
        return 0;
    }
    const int level = avalon_level_find(a->model, a->stats.mode, a->stats.level);
    if (level < 0) {
        return NAN;
    }
    const bool ordered = a->ordered && a->order.power_w > 0 && level == a->order_level;
    return ordered ? a->order.power_w : a->level_w[level];
}

static bool decides_itself(const struct avalon *a)
{
    return a->model->own_thermostat_mode != AVALON_NONE &&
           a->stats.mode == a->model->own_thermostat_mode && !avalon_is_off(&a->stats);
}

static void find_problem(const struct avalon *a, struct heater_state *state)
{
    bool hot = false;
    const char *supply = avalon_supply_fault(&a->stats, &hot);
    char *text = state->problem_text;
    const size_t size = sizeof state->problem_text;
    if (hot) {
        state->health = HEATER_OVERHEATED;
    } else if (a->pools.link == POOL_LOST && a->stats.work == AVALON_IN_WORK) {
        state->health = HEATER_POOL_LOST;
    }
    if (a->stats.work == AVALON_IN_FAULT) {
        (void)snprintf(text, size,
                       "it stopped with a fault (ECHU %.0f, ECMM %.0f): look at its display or app",
                       a->stats.faults_board, a->stats.faults_control);
    } else if (supply != NULL) {
        (void)snprintf(text, size, "%s", supply);
    } else if (a->waits[0] != '\0') {
        (void)text_copy(text, size, a->waits);
    } else if (decides_itself(a)) {
        (void)snprintf(
            text, size,
            "it is in Heating mode, in which its own thermostat decides: heatbridge puts "
            "it into Mining mode with its next order; leave it there");
    }
    state->problem = text[0] != '\0';
}

static void fill_readings(const struct avalon *a, hb_mono now, struct heater_state *state)
{
    const struct avalon_stats *s = &a->stats;
    const bool off = avalon_is_off(s);
    const double power_w = avalon_power_w(a->model, s);
    state->power_w = off ? reading_make(a->model->standby_w, now, PROVENANCE_MODELLED)
                         : reading_make(power_w, now, PROVENANCE_REPORTED);
    state->hashrate_hs = reading_make(s->hashrate_ghs * 1e9, now, PROVENANCE_REPORTED);
    /* Without current its chips cannot be read, and it says 0. */
    state->chip_c =
        off || s->chip_c <= 0 ? reading_none() : reading_make(s->chip_c, now, PROVENANCE_REPORTED);
    state->board_c = reading_make(s->board_c, now, PROVENANCE_REPORTED);
    state->inlet_c = reading_make(s->inlet_c, now, PROVENANCE_REPORTED);
    state->fan_ratio = reading_make(s->fan_percent / 100, now, PROVENANCE_REPORTED);
    state->uptime_s = reading_make(s->uptime_s, now, PROVENANCE_REPORTED);
}

static void report(struct avalon *a, hb_mono now)
{
    struct heater_state state = reply_unknown_state(now);
    state.link = HEATER_LINK_OK;
    fill_readings(a, now, &state);
    state.applied_w = applied_w(a);
    if (a->pools_read) {
        count(&a->accepted, a->pools.accepted);
        count(&a->rejected, a->pools.rejected);
        count(&a->stale, a->pools.stale);
    }
    state.shares_accepted = a->accepted.sum;
    state.shares_rejected = a->rejected.sum;
    state.shares_stale = a->stale.sum;
    state.best_difficulty = a->pools.best_share;
    (void)text_copy(state.model, sizeof state.model, a->model->name);
    (void)text_copy(state.firmware, sizeof state.firmware, a->version.firmware);
    (void)text_copy(state.identity, sizeof state.identity, a->version.identity);
    (void)text_copy(state.pool, sizeof state.pool, a->pools.pool);
    (void)text_copy(state.pool_user, sizeof state.pool_user, a->pools.user);
    state.pool_link = a->pools.link;
    memcpy(state.faults, a->faults.count, sizeof state.faults);
    find_problem(a, &state);
    a->env.report(a->env.report_ctx, &state);
}

/* --- writing
 * ------------------------------------------------------------------------------------*/

static void forget_pending(struct avalon *a)
{
    a->switch_until = a->mode_until = (hb_mono){0};
    a->mode = a->level = AVALON_NONE;
}

/* What it will be once all that it accepted has shown. */
static struct avalon_stats expected(const struct avalon *a, hb_mono now)
{
    struct avalon_stats s = a->stats;
    if (now.ms < a->mode_until.ms) {
        s.mode = a->mode != AVALON_NONE ? a->mode : s.mode;
        s.level = a->level != AVALON_NONE ? a->level : s.level;
    }
    if (now.ms < a->switch_until.ms) {
        s.work = a->switched_on ? AVALON_IN_INIT : AVALON_IN_IDLE;
        s.soft_off = a->switched_on ? 0 : 1;
    }
    return s;
}

static void note_accepted(struct avalon *a, hb_mono now)
{
    switch (a->sent.write) {
    case AVALON_WRITE_MODE:
        a->reboot_due = a->model->mode_needs_reboot;
        a->mode = a->sent.value;
        a->mode_until = mono_add_ms(now, MODE_SHOWS_MS);
        break;
    case AVALON_WRITE_LEVEL:
        a->level = a->sent.value;
        a->mode_until = mono_add_ms(now, MODE_SHOWS_MS);
        break;
    case AVALON_WRITE_ON:
    case AVALON_WRITE_OFF:
    case AVALON_WRITE_REBOOT:
        a->switched_on = a->sent.write != AVALON_WRITE_OFF;
        a->switch_until = mono_add_ms(now, SWITCH_SHOWS_MS);
        break;
    case AVALON_WRITE_NONE:
        break;
    }
}

static bool ask(struct avalon *a, int request, const char *text)
{
    a->busy = remote_tcp(a->remote, request, text, strlen(text), EXCHANGE_NUL);
    return a->busy;
}

static void wait_for_calibration(struct avalon *a, hb_mono now)
{
    a->try_at = mono_add_ms(now, TRY_AGAIN_MS);
    (void)snprintf(a->waits, sizeof a->waits,
                   "it calibrates its chips and takes no other level until that is done: "
                   "heatbridge tries again");
}

/* The next thing to write for the order; nothing if it is carried out, or has to wait. */
static struct avalon_step plan(struct avalon *a, hb_mono now)
{
    struct avalon_step next = {.write = AVALON_WRITE_NONE};
    if (!a->wanted || now.ms < a->try_at.ms) {
        return next;
    }
    if (now.ms >= a->order.expires.ms) {
        a->wanted = false;
        a->waits[0] = '\0';
        return next;
    }
    const struct avalon_stats s = expected(a, now);
    next = avalon_next(a->model, &s, a->order_level);
    if (next.write == AVALON_WRITE_NONE && a->reboot_due && a->order_level >= 0) {
        next.write = AVALON_WRITE_REBOOT;
    }
    a->waits[0] = '\0';
    const bool tunes = next.write == AVALON_WRITE_MODE || next.write == AVALON_WRITE_LEVEL;
    if (tunes && s.calibrated == 0 && !avalon_is_off(&s)) {
        wait_for_calibration(a, now);
        a->try_at = (hb_mono){0}; /* reading tells when it is done */
        next.write = AVALON_WRITE_NONE;
        return next;
    }
    a->wanted = next.write != AVALON_WRITE_NONE;
    return next;
}

static void write_step(struct avalon *a, struct avalon_step next)
{
    char command[AVALON_COMMAND_MAX];
    avalon_print(a->model, next, a->when_s, command);
    a->sent = next;
    a->sent_seq = a->order.seq;
    a->reboot_due = a->reboot_due && next.write != AVALON_WRITE_REBOOT;
    if (ask(a, TELL, command)) {
        const bool kept = next.write == AVALON_WRITE_MODE || next.write == AVALON_WRITE_LEVEL;
        a->env.wrote(a->env.report_ctx, kept ? WRITE_FLASH : WRITE_VOLATILE);
    }
}

/* --- answers
 * ------------------------------------------------------------------------------------*/

static void start_round(struct avalon *a)
{
    (void)ask(a, ASK_VERSION, "version");
}

static void on_written(struct avalon *a, const struct remote_answer *answer)
{
    const hb_mono now = clock_mono();
    const struct avalon_head head = avalon_read_head(answer->body);
    /* To these some firmware never answers: what it did is read. */
    const bool mute = a->sent.write == AVALON_WRITE_ON || a->sent.write == AVALON_WRITE_REBOOT;
    if (avalon_accepted(&head) || (!answer->ok && mute)) {
        note_accepted(a, now);
    } else if (avalon_calibrates(&head)) {
        wait_for_calibration(a, now);
    } else if (answer->ok) {
        char sentence[TEXT_MAX];
        a->wanted = a->sent_seq != a->order.seq;
        (void)snprintf(sentence, sizeof sentence, "the miner refused its level: %.180s",
                       head.message[0] != '\0' ? head.message : "its answer could not be read");
        a->env.refused(a->env.report_ctx, a->sent_seq, sentence);
    } else {
        /* What became of it is not known: the host asks again. */
        a->wanted = a->sent_seq != a->order.seq;
        forget_pending(a);
        return;
    }
    start_round(a);
}

static bool on_version(struct avalon *a, const char *text)
{
    if (!avalon_read_version(text, &a->version, &a->faults)) {
        return false;
    }
    if (strcmp(a->identity, a->version.identity) != 0) {
        if (a->identity[0] != '\0') {
            a->wanted = false; /* the order was for another device */
        }
        forget_pending(a);
        a->accepted.known = a->rejected.known = a->stale.known = false;
        (void)text_copy(a->identity, sizeof a->identity, a->version.identity);
    }
    return true;
}

static bool on_stats(struct avalon *a, const char *text)
{
    const double was_s = a->stats.uptime_s;
    const struct avalon_head head = avalon_read_head(text);
    if (!avalon_read_stats(text, &a->stats, &a->faults) || head.when_s < 0) {
        return false;
    }
    a->when_s = head.when_s;
    if (a->stats.uptime_s < was_s) {
        forget_pending(a); /* it was restarted */
    }
    return true;
}

/* Which model it is; false, with a word to the owner, if that is none of ours. */
static bool identify(struct avalon *a, bool *news)
{
    const struct avalon_options *o = a->env.options;
    const struct avalon_model *model = avalon_model_find(a->version.product, a->version.model);
    if (model == NULL && o->model > 0) {
        model = &avalon_models[o->model - 1];
    }
    if (model == NULL) {
        char sentence[TEXT_MAX];
        (void)snprintf(sentence, sizeof sentence,
                       "expected a Canaan Avalon Nano 3, Mini 3, Q or A10 to A15 at this address, "
                       "got \"%.40s\" (%.20s): set heaters.%s.model if it is one of them",
                       a->version.product, a->version.model, a->env.id);
        a->env.trouble(a->env.report_ctx, sentence);
        return false;
    }
    *news = model != a->model;
    if (*news) {
        take_model(a, model);
    }
    return true;
}

static void refuse_off(const struct avalon *a)
{
    char sentence[TEXT_MAX];
    (void)snprintf(sentence, sizeof sentence,
                   "the %s cannot be switched off over the network, so it stays at its lowest "
                   "level: put a metering plug before it, and drive it as a heater of the driver "
                   "plug",
                   a->model->name);
    a->env.refused(a->env.report_ctx, a->order.seq, sentence);
}

/* Which level the order means for this model. */
static void aim(struct avalon *a)
{
    a->order_level = -1;
    if (a->order.power_w > 0) {
        a->order_level = avalon_level_near(a->model, a->level_w, a->order.power_w);
    } else if (a->model->off == AVALON_SWITCH_NONE) {
        a->order_level = 0;
        refuse_off(a);
    }
}

static void finish_round(struct avalon *a)
{
    const hb_mono now = clock_mono();
    bool news = false;
    a->busy = false;
    if (!identify(a, &news)) {
        return;
    }
    learn_levels(a, news);
    if (a->wanted && news) {
        aim(a);
    }
    const struct avalon_step next = plan(a, now);
    report(a, now);
    if (next.write != AVALON_WRITE_NONE && !a->busy) {
        write_step(a, next);
    }
}

static void on_answer(void *ctx, const struct remote_answer *answer)
{
    struct avalon *a = ctx;
    a->busy = false;
    if (answer->request == TELL) {
        on_written(a, answer);
        return;
    }
    bool read = answer->ok;
    if (answer->request == ASK_POOLS) {
        /* Without its pools the rest is still worth telling. */
        a->pools_read = read && avalon_read_pools(answer->body, &a->pools, &a->faults);
        finish_round(a);
    } else if (answer->request == ASK_STATS) {
        read = read && on_stats(a, answer->body) && ask(a, ASK_POOLS, "pools");
    } else {
        read = read && on_version(a, answer->body) && ask(a, ASK_STATS, "estats");
    }
    if (!read) {
        forget_pending(a);
        if (answer->ok) {
            reply_fault(&a->faults, REPLY_UNREADABLE, "expected an answer of cgminer");
        }
    }
}

/* --- the contract
 * -------------------------------------------------------------------------------*/

static bool avalon_init(void *self, const struct heater_env *env, struct heater_caps *caps,
                        struct hb_err *err)
{
    struct avalon *a = self;
    const struct avalon_options *o = env->options;
    a->env = *env;
    forget_pending(a);
    a->stats.uptime_s = NAN;
    if (o->model > 0) {
        take_model(a, &avalon_models[o->model - 1]);
        fill_caps(a, caps);
    } else {
        guess_caps(env, caps);
    }
    const struct remote_options remote = {.url = o->url, .default_port = PORT, .timeout_ms = 8000};
    a->remote = remote_create(&a->env, &remote, on_answer, a, err);
    return a->remote != NULL;
}

static void avalon_fini(void *self)
{
    struct avalon *a = self;
    remote_destroy(a->remote);
    a->remote = NULL;
}

static void avalon_poll(void *self, hb_mono now)
{
    struct avalon *a = self;
    (void)now;
    if (!a->busy) {
        start_round(a);
    }
}

static bool avalon_test(const void *self, const struct heater_command *command, struct hb_err *err)
{
    const struct avalon *a = self;
    struct heater_caps caps;
    if (a->model != NULL) {
        fill_caps(a, &caps);
    } else {
        guess_caps(&a->env, &caps);
    }
    return caps_allow(&caps, command->power_w, err);
}

static void avalon_commit(void *self, const struct heater_command *command, hb_mono now)
{
    struct avalon *a = self;
    (void)now;
    a->order = *command;
    a->ordered = a->wanted = true;
    a->waits[0] = '\0';
    a->try_at = (hb_mono){0};
    if (a->model != NULL) {
        aim(a);
    }
    if (!a->busy) {
        start_round(a);
    }
}

const struct heater_driver avalon_heater = {
    .name = "avalon",
    .summary = "a Canaan Avalon Nano 3, Nano 3S, Mini 3, Q, or A10 to A15",
    .instance_size = sizeof(struct avalon),
    .options_size = sizeof(struct avalon_options),
    .options = options,
    .poll_ms = POLL_MS,
    .init = avalon_init,
    .fini = avalon_fini,
    .poll = avalon_poll,
    .test = avalon_test,
    .commit = avalon_commit,
};
