#include "devices/mujina.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "devices/mujina_codec.h"
#include "devices/remote.h"
#include "ground/text.h"
#include "plumbing/clock.h"

#define POLL_MS   5000
#define SETTLE_MS 30000
#define DEFAULT_W 18.0 /* one Bitaxe Gamma, the board that it knows best */
/* After a pause: at or above this share of its power it was none. */
#define STILL_ON   0.5
#define STEADY_MS  60000
#define LEARN_RATE 0.2
#define NEWS       0.1 /* of its power: a difference that is told */

enum request { ASK, WRITE };
enum { MOST_TRIES = 2, MOST_UNREADABLE = 3 };

struct mujina {
    struct heater_env env;
    struct remote *remote;
    struct reply_faults faults;
    struct heater_caps caps;
    struct mujina_info info;
    double rated_w; /* learnt, if `learns` */
    bool learns;
    hb_mono wrote_at;
    uint64_t writes;
    unsigned unreadable;
    struct {
        bool active;
        uint64_t seq;
        double power_w;
        unsigned tries;
    } order;
};

#define FIELD(name)                                                                                \
    offsetof(struct mujina_options, name), sizeof(((struct mujina_options *)NULL)->name)

static const char *const schemes[] = {"http", "https", NULL};

static const struct config_item options[] = {
    {"url", CONFIG_URL, FIELD(url), 0, 0, NULL, schemes, NULL,
     "where its API listens, as http://192.168.1.30:7785; set MUJINA_API_LISTEN to 0.0.0.0 there"},
    {"power", CONFIG_POWER, FIELD(power), 1, 100000, "W", NULL, "",
     "power of all its boards while they hash; left out, max_power, else what it reports"},
    {0},
};

static const struct mujina_options *options_of(const struct mujina *m)
{
    return m->env.options;
}

static void receive(void *ctx, const struct remote_answer *answer);

static void set_level(struct mujina *m, double power_w)
{
    m->rated_w = power_w;
    m->caps.min_w = m->caps.max_w = m->caps.tier_w[0] = round(power_w * 10) / 10;
    m->caps.tier_count = 1;
}

static bool mujina_init(void *self, const struct heater_env *env, struct heater_caps *caps,
                        struct hb_err *err)
{
    struct mujina *m = self;
    m->env = *env;
    const struct mujina_options *o = options_of(m);
    const bool given = o->power > 0 || env->configured_max_w > 0;
    m->learns = !given;
    m->caps = (struct heater_caps){.standby_w = 2,
                                   .settle_ms = SETTLE_MS,
                                   .min_on_ms = 120000,
                                   .min_off_ms = 60000,
                                   .min_write_ms = 30000,
                                   .has_fan = true};
    set_level(m, o->power > 0 ? o->power : given ? env->configured_max_w : DEFAULT_W);
    m->caps.standby_w = fmin(m->caps.standby_w, m->caps.min_w / 2);
    *caps = m->caps;
    if (env->loop != NULL) {
        const struct remote_options remote = {.url = o->url};
        m->remote = remote_create(&m->env, &remote, receive, m, err);
    }
    return env->loop == NULL || m->remote != NULL;
}

static void mujina_fini(void *self)
{
    struct mujina *m = self;
    remote_destroy(m->remote);
    m->remote = NULL;
}

/* --- reading
 * ------------------------------------------------------------------------------------*/

/* mujina as of August 2026 takes note of a pause and hashes on. Its word is not believed against
 * its own watts, or without them against its hash rate, which is an average and follows slowly. */
static bool pauses_in_name_only(const struct mujina *m, hb_mono now)
{
    const struct mujina_info *info = &m->info;
    const int64_t age_ms = mono_age_ms(now, m->wrote_at);
    if (info->paused != 1 || age_ms < SETTLE_MS) {
        return false;
    }
    return isfinite(info->power_w) ? info->power_w >= STILL_ON * m->rated_w
                                   : info->hashrate_hs > 0 && age_ms >= 4 * (int64_t)SETTLE_MS;
}

static double applied_w(const struct mujina *m, hb_mono now)
{
    if (m->info.paused < 0) {
        return NAN;
    }
    if (m->info.paused == 0 || pauses_in_name_only(m, now)) {
        return m->caps.max_w;
    }
    return m->info.power_w >= STILL_ON * m->rated_w ? NAN : 0; /* not yet to be told */
}

static void tell_problem(const struct mujina *m, hb_mono now, struct heater_state *state)
{
    if (pauses_in_name_only(m, now)) {
        (void)text_copy(state->problem_text, sizeof state->problem_text,
                        "it says that it is paused and hashes on; update mujina, or put a plug "
                        "before its boards");
    } else if (m->info.boards == 0) {
        (void)text_copy(state->problem_text, sizeof state->problem_text,
                        "it has no board; look at the USB connections");
    }
    state->problem = state->problem_text[0] != '\0';
}

static void report(struct mujina *m, hb_mono now)
{
    const struct mujina_info *info = &m->info;
    struct heater_state state = reply_unknown_state(now);
    state.link = HEATER_LINK_OK;
    state.applied_w = applied_w(m, now);
    state.power_w = reading_make(info->power_w, now, PROVENANCE_REPORTED);
    if (isnan(info->power_w) && isfinite(state.applied_w)) {
        const double modelled_w = state.applied_w > 0 ? m->rated_w : m->caps.standby_w;
        state.power_w = reading_make(modelled_w, now, PROVENANCE_MODELLED);
    }
    state.hashrate_hs = reading_make(info->hashrate_hs, now, PROVENANCE_REPORTED);
    state.chip_c = reading_make(info->chip_c, now, PROVENANCE_REPORTED);
    state.fan_ratio = reading_make(info->fan_ratio, now, PROVENANCE_REPORTED);
    state.uptime_s = reading_make(info->uptime_s, now, PROVENANCE_REPORTED);
    state.writes = m->writes;
    (void)text_copy(state.model, sizeof state.model, info->model);
    (void)text_copy(state.pool, sizeof state.pool, info->pool);
    /* It says nothing of its pool's health; hashes need work. */
    state.pool_link = info->pool[0] == '\0'   ? POOL_NONE
                      : info->hashrate_hs > 0 ? POOL_OK
                                              : POOL_CONNECTING;
    memcpy(state.faults, m->faults.count, sizeof state.faults);
    tell_problem(m, now, &state);
    m->env.report(m->env.report_ctx, &state);
}

static void learn(struct mujina *m, hb_mono now)
{
    const struct mujina_info *info = &m->info;
    const bool steady = info->paused == 0 && info->hashrate_hs > 0 && info->uptime_s > 120 &&
                        mono_age_ms(now, m->wrote_at) >= STEADY_MS;
    if (!m->learns || !steady || !(info->power_w > m->caps.standby_w)) {
        return;
    }
    m->rated_w += LEARN_RATE * (info->power_w - m->rated_w);
    if (fabs(m->rated_w - m->caps.max_w) > NEWS * m->caps.max_w) {
        set_level(m, m->rated_w);
        m->env.abilities(m->env.report_ctx, &m->caps);
    }
}

static void ask(struct mujina *m)
{
    (void)remote_http(m->remote, ASK, HTTP_GET, "/api/v0/miner", NULL, NULL);
}

/* --- writing
 * ------------------------------------------------------------------------------------*/

static void refuse(struct mujina *m, const char *sentence)
{
    if (m->order.active) {
        m->order.active = false;
        m->env.refused(m->env.report_ctx, m->order.seq, sentence);
    }
}

static void carry_out(struct mujina *m, hb_mono now)
{
    const bool pause = m->order.power_w <= 0;
    if (!m->order.active || m->info.paused < 0) {
        return;
    }
    if ((m->info.paused == 1) == pause) {
        m->order.active = false;
    } else if (m->order.tries++ >= MOST_TRIES) {
        refuse(m, pause ? "it accepts a pause and does not pause"
                        : "it accepts to resume and "
                          "stays paused");
    } else if (remote_http(m->remote, WRITE, HTTP_PATCH, "/api/v0/miner", NULL,
                           mujina_pause_body(pause))) {
        m->wrote_at = now;
        m->writes++;
        m->env.wrote(m->env.report_ctx, WRITE_VOLATILE);
    }
}

/* --- answers
 * ------------------------------------------------------------------------------------*/

static void on_state(struct mujina *m, const struct remote_answer *answer, hb_mono now)
{
    char sentence[TEXT_MAX];
    struct mujina_info info;
    if (!answer->ok) {
        return;
    }
    const bool read =
        answer->status == 200 && mujina_read(answer->body, answer->len, &info, &m->faults);
    if (!read && (answer->status != 200 || ++m->unreadable >= MOST_UNREADABLE)) {
        (void)snprintf(sentence, sizeof sentence,
                       "expected the API of mujina at %.120s (status %d); set url to its address "
                       "and port, usually 7785",
                       options_of(m)->url, answer->status);
        m->env.trouble(m->env.report_ctx, sentence);
    }
    if (!read) {
        return;
    }
    m->unreadable = 0;
    m->info = info;
    learn(m, now);
    carry_out(m, now);
    report(m, now);
}

static void on_write(struct mujina *m, const struct remote_answer *answer)
{
    char sentence[TEXT_MAX];
    if (!answer->ok) {
        return;
    }
    if (answer->status != 200) {
        (void)snprintf(sentence, sizeof sentence,
                       "it refused to %s with status %d; look at the log of mujina",
                       m->order.power_w > 0 ? "resume" : "pause", answer->status);
        refuse(m, sentence);
    }
    ask(m);
}

static void receive(void *ctx, const struct remote_answer *answer)
{
    struct mujina *m = ctx;
    if (answer->request == ASK) {
        on_state(m, answer, clock_mono());
    } else {
        on_write(m, answer);
    }
}

/* --- the contract
 * -------------------------------------------------------------------------------*/

static void mujina_poll(void *self, hb_mono now)
{
    struct mujina *m = self;
    (void)now;
    if (m->remote != NULL && remote_pending(m->remote) == 0) {
        ask(m);
    }
}

static bool mujina_test(const void *self, const struct heater_command *command, struct hb_err *err)
{
    const struct mujina *m = self;
    const double power_w = command->power_w;
    if (power_w == 0 || fabs(power_w - m->caps.max_w) <= 0.05) {
        return true;
    }
    return hb_fail(err, HB_ERR_STATE, "expected 0 W or %g W, got %g W", m->caps.max_w, power_w);
}

static void mujina_commit(void *self, const struct heater_command *command, hb_mono now)
{
    struct mujina *m = self;
    m->order.active = true;
    m->order.seq = command->seq;
    m->order.power_w = command->power_w;
    m->order.tries = 0;
    mujina_poll(self, now);
}

const struct heater_driver mujina_heater = {
    .name = "mujina",
    .summary = "USB mining boards on a computer that runs mujina: on and off",
    .instance_size = sizeof(struct mujina),
    .options_size = sizeof(struct mujina_options),
    .options = options,
    .poll_ms = POLL_MS,
    .init = mujina_init,
    .fini = mujina_fini,
    .poll = mujina_poll,
    .test = mujina_test,
    .commit = mujina_commit,
};
