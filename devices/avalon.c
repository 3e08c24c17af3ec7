#include "devices/avalon.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "devices/avalon_inside.h"
#include "devices/caps.h"
#include "devices/remote.h"
#include "ground/text.h"
#include "plumbing/clock.h"

enum {
    ASK_VERSION, /* who is it? in each round, as another device may have got its address */
    ASK_STATS,
    ASK_POOLS,
    ASK_MODE, /* of firmware that does not tell it with the rest */
    TELL,
};

enum { PORT = 4028, POLL_MS = 10000, TRY_AGAIN_MS = 60000 };
/* A switch is timed 5 s ahead, and a new mode is told only once it has settled: for so long it is
 * not written again because the old one is still read. Shorter than any model's settle_ms, after
 * which the host asks again. */
enum { SWITCH_SHOWS_MS = 12000, MODE_SHOWS_MS = 60000 };
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
    {"min_write", CONFIG_DURATION, FIELD(min_write), 0, 864e5, NULL, NULL, "10 min",
     "least time between two changes of its level, which it keeps in flash and tunes for anew"},
    {0},
};

/* --- writing --------------------------------------------------------------------------------- */

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
    case AVALON_WRITE_CUT:
    case AVALON_WRITE_REBOOT:
        a->switched_on = a->sent.write == AVALON_WRITE_ON || a->sent.write == AVALON_WRITE_REBOOT;
        a->switch_until = mono_add_ms(now, SWITCH_SHOWS_MS);
        a->waking_until = a->switched_on ? mono_add_ms(now, a->model->settle_ms) : (hb_mono){0};
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
    if (next.write == AVALON_WRITE_REBOOT && now.ms < a->waking_until.ms) {
        next.write = AVALON_WRITE_NONE;
    }
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

static void write_step(struct avalon *a, struct avalon_step next, uint64_t seq)
{
    char command[AVALON_COMMAND_MAX];
    avalon_print(a->model, next, a->when_s + mono_age_ms(clock_mono(), a->when_at) / 1000, command);
    a->sent = next;
    a->sent_seq = seq;
    a->reboot_due = a->reboot_due && next.write != AVALON_WRITE_REBOOT;
    if (ask(a, TELL, command)) {
        const bool kept = next.write == AVALON_WRITE_MODE || next.write == AVALON_WRITE_LEVEL;
        a->env.wrote(a->env.report_ctx, kept ? WRITE_FLASH : WRITE_VOLATILE);
    }
}

/* --- answers --------------------------------------------------------------------------------- */

static void start_round(struct avalon *a)
{
    (void)ask(a, ASK_VERSION, "version");
}

static void tell_refusal(const struct avalon *a, const struct avalon_head *head)
{
    static const char *const what[] = {
        [AVALON_WRITE_MODE] = "its mode",          [AVALON_WRITE_LEVEL] = "its level",
        [AVALON_WRITE_ON] = "to be switched on",   [AVALON_WRITE_OFF] = "to be switched off",
        [AVALON_WRITE_CUT] = "to be switched off", [AVALON_WRITE_REBOOT] = "to restart",
    };
    char sentence[TEXT_MAX];
    (void)snprintf(sentence, sizeof sentence, "the miner refused %s: %.180s", what[a->sent.write],
                   head->message[0] != '\0' ? head->message : "its answer could not be read");
    a->env.refused(a->env.report_ctx, a->sent_seq, sentence);
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
        a->wanted = a->sent_seq != a->order.seq;
        tell_refusal(a, &head);
    } else {
        /* What became of it is not known: the host asks again. */
        a->wanted = a->sent_seq != a->order.seq;
        forget_pending(a);
        return;
    }
    start_round(a);
}

/* Another device has got the address: nothing of the last one holds for it. */
static void meet(struct avalon *a)
{
    a->wanted = a->wanted && a->identity[0] == '\0';
    a->reboot_due = a->restart_wanted = false;
    a->waking_until = (hb_mono){0};
    forget_pending(a);
    avalon_forget_counts(a);
    (void)text_copy(a->identity, sizeof a->identity, a->version.identity);
}

/* Which model it is; false, with a word to the owner, if that is none of ours. */
static bool identify(struct avalon *a)
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
    if (model != a->model) {
        avalon_take_model(a, model);
        a->model_is_news = true;
    }
    return true;
}

static bool on_version(struct avalon *a, const char *text)
{
    if (!avalon_read_version(text, &a->version, &a->faults)) {
        char sentence[TEXT_MAX];
        (void)snprintf(sentence, sizeof sentence,
                       "expected cgminer of a Canaan Avalon at this address, got another answer: "
                       "correct heaters.%s.url",
                       a->env.id);
        a->env.trouble(a->env.report_ctx, sentence);
        return false;
    }
    if (strcmp(a->identity, a->version.identity) != 0) {
        meet(a);
    }
    return identify(a);
}

static bool on_stats(struct avalon *a, const char *text)
{
    const double was_s = a->stats.uptime_s;
    const struct avalon_head head = avalon_read_head(text);
    if (!avalon_read_stats(text, &a->stats, &a->faults) || head.when_s < 0) {
        return false;
    }
    a->when_s = head.when_s;
    a->when_at = clock_mono();
    if (a->stats.uptime_s < was_s) {
        forget_pending(a); /* it was restarted */
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
    const bool news = a->model_is_news;
    avalon_learn_levels(a);
    if (a->wanted && news) {
        aim(a);
    }
    struct avalon_step next = plan(a, now);
    uint64_t seq = a->order.seq;
    if (a->restart_wanted) {
        a->restart_wanted = false;
        next.write = AVALON_WRITE_REBOOT;
        seq = 0; /* of no order */
    }
    avalon_report(a, now);
    if (next.write != AVALON_WRITE_NONE && !a->busy) {
        write_step(a, next, seq);
    }
}

/* Without its pools the rest is still worth telling. */
static void on_pools(struct avalon *a, const struct remote_answer *answer)
{
    if (!answer->ok || !avalon_read_pools(answer->body, &a->pools, &a->faults)) {
        a->pools = (struct avalon_pools){.accepted = NAN, .rejected = NAN, .stale = NAN};
    }
    const bool untold = a->model->knob == AVALON_KNOB_BARE_MODE && a->stats.mode == AVALON_NONE;
    if (!untold || !ask(a, ASK_MODE, "ascset|0,workmode,255")) {
        finish_round(a);
    }
}

static void on_mode(struct avalon *a, const struct remote_answer *answer)
{
    const struct avalon_head head = avalon_read_head(answer->body);
    if (!avalon_read_mode(&head, &a->stats.mode)) {
        reply_fault(&a->faults, REPLY_MISSING, "workmode: expected WORKMODE");
    }
    finish_round(a);
}

/* A question of which the next depends on the answer. */
static void on_read(struct avalon *a, const struct remote_answer *answer)
{
    const bool who = answer->request == ASK_VERSION;
    if (!answer->ok) {
        forget_pending(a);
    } else if (who ? !on_version(a, answer->body) : !on_stats(a, answer->body)) {
        forget_pending(a);
        reply_fault(&a->faults, REPLY_UNREADABLE, "expected an answer of a known Avalon");
    } else {
        (void)(who ? ask(a, ASK_STATS, "estats") : ask(a, ASK_POOLS, "pools"));
    }
}

static void on_answer(void *ctx, const struct remote_answer *answer)
{
    struct avalon *a = ctx;
    a->busy = false;
    switch (answer->request) {
    case ASK_POOLS:
        on_pools(a, answer);
        break;
    case ASK_MODE:
        on_mode(a, answer);
        break;
    case TELL:
        on_written(a, answer);
        break;
    default:
        on_read(a, answer);
        break;
    }
}

/* --- the contract ---------------------------------------------------------------------------- */

static bool avalon_init(void *self, const struct heater_env *env, struct heater_caps *caps,
                        struct hb_err *err)
{
    struct avalon *a = self;
    const struct avalon_options *o = env->options;
    a->env = *env;
    forget_pending(a);
    avalon_forget_counts(a);
    a->stats.uptime_s = NAN;
    if (o->model > 0) {
        avalon_take_model(a, &avalon_models[o->model - 1]);
    }
    avalon_fill_caps(a, caps);
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

/* Before the device was asked, its host may remember better what it can do. */
static bool avalon_test(const void *self, const struct heater_command *command, struct hb_err *err)
{
    const struct avalon *a = self;
    const bool unasked = a->env.loop != NULL && a->model == NULL;
    struct heater_caps caps;
    avalon_fill_caps(a, &caps);
    if (unasked && isfinite(command->power_w) && command->power_w >= 0) {
        return true;
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

/* In the next round, when it is known to be the same device. Not if it cannot obey by its nature,
 * or not until it is calibrated, which a restart would begin anew. */
static void avalon_recover(void *self, hb_mono now)
{
    struct avalon *a = self;
    const bool never_off = a->model != NULL && a->model->off == AVALON_SWITCH_NONE;
    const bool excused = (never_off && a->order.power_w <= 0) || a->waits[0] != '\0';
    a->restart_wanted = a->restart_wanted || !excused;
    avalon_poll(a, now);
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
    .recover = avalon_recover,
};
