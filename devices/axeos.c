#include "devices/axeos.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "devices/axeos_instance.h"
#include "ground/text.h"
#include "plumbing/clock.h"

/* ESP-Miner issues 70 and 356: its web server stalls when it is asked often or twice at a time. */
#define POLL_MS   10000
#define SETTLE_MS 30000 /* resume, 4 s, and a ramp of 62.5 MHz a second; readings follow */
#define MIN_ON_MS 120000

enum { MOST_UNREADABLE = 3 };

/* --- configuration
 * ------------------------------------------------------------------------------*/

#define FIELD(name)                                                                                \
    offsetof(struct axeos_options, name), sizeof(((struct axeos_options *)NULL)->name)

static const char *const schemes[] = {"http", "https", NULL};

static const struct config_item options[] = {
    {"url", CONFIG_URL, FIELD(url), 0, 0, NULL, schemes, NULL,
     "where the device's web page is, as http://192.168.1.20"},
    {"totp_secret", CONFIG_SECRET, FIELD(totp_secret), 0, 0, NULL, NULL, "",
     "the secret for one-time passwords, in base32, if they are switched on in a NerdQAxe"},
    {"min_write", CONFIG_DURATION, FIELD(min_write), 0, 864e5, NULL, NULL, "5 min",
     "least time between two changes, to spare its flash memory; switching off is never delayed"},
    {0},
};

static const struct axeos_options *options_of(const struct axeos *a)
{
    return a->env.options;
}

static void receive(void *ctx, const struct remote_answer *answer);

static bool axeos_init(void *self, const struct heater_env *env, struct heater_caps *caps,
                       struct hb_err *err)
{
    struct axeos *a = self;
    a->env = *env;
    const struct axeos_options *o = options_of(a);
    a->key_len = totp_key(o->totp_secret, a->key);
    if (o->totp_secret[0] != '\0' && a->key_len == 0) {
        return hb_fail(err, HB_ERR_USAGE,
                       "totp_secret: expected the letters A to Z and digits 2 to 7 (base32)");
    }
    /* A single chip, until the device says what it is. */
    const double max_w = env->configured_max_w > 0 ? env->configured_max_w : 15;
    a->device.caps = (struct heater_caps){.min_w = fmin(8, max_w / 2),
                                          .max_w = max_w,
                                          .standby_w = 3,
                                          .settle_ms = SETTLE_MS,
                                          .min_on_ms = MIN_ON_MS,
                                          .min_off_ms = 60000,
                                          .min_write_ms = (int32_t)o->min_write,
                                          .max_writes_per_day = 24,
                                          .has_fan = true};
    *caps = a->device.caps;
    const struct remote_options remote = {.url = o->url};
    if (env->loop != NULL) {
        a->remote = remote_create(&a->env, &remote, receive, a, err);
    }
    return env->loop == NULL || a->remote != NULL;
}

static void axeos_fini(void *self)
{
    struct axeos *a = self;
    remote_destroy(a->remote);
    a->remote = NULL;
}

/* --- answers
 * ------------------------------------------------------------------------------------*/

static void report(struct axeos *a, hb_mono now)
{
    struct heater_state state;
    axeos_make_state(&a->device, &a->faults, a->key_len > 0, now, &state);
    a->env.report(a->env.report_ctx, &state);
}

/* Of another device that answers at the address nothing is told but who it is. */
static void digest(struct axeos *a, hb_mono now)
{
    const struct axeos_order *order = &a->device.order;
    if (order->mac[0] == '\0' || strcmp(order->mac, a->device.info.mac) == 0) {
        axeos_tell_caps(a, now);
        axeos_act(a, now);
    }
    report(a, now);
}

static void ask_info(struct axeos *a)
{
    (void)remote_http(a->remote, AXEOS_ASK_INFO, HTTP_GET, "/api/system/info", NULL, NULL);
}

static void describe(const struct axeos_info *info, char *text, size_t size)
{
    (void)snprintf(text, size, "%.18s %.60s %.60s %d", info->mac, info->asic, info->firmware,
                   info->overclock);
}

static void tell_http_trouble(struct axeos *a, int status)
{
    char sentence[TEXT_MAX];
    if (status == 401) {
        (void)text_copy(sentence, sizeof sentence,
                        "it answers only to addresses of a private network (status 401); run "
                        "heatbridge on the same network as the device");
    } else {
        (void)snprintf(sentence, sizeof sentence,
                       "expected AxeOS at %.120s, which answered with status %d; set url to the "
                       "address of the device",
                       options_of(a)->url, status);
    }
    a->env.trouble(a->env.report_ctx, sentence);
}

static void on_info(struct axeos *a, const struct remote_answer *answer, hb_mono now)
{
    struct axeos_info info;
    char described[TEXT_MAX];
    if (!answer->ok) {
        return;
    }
    if (answer->status != 200) {
        tell_http_trouble(a, answer->status);
        return;
    }
    if (!axeos_read_info(answer->body, answer->len, &info, &a->faults)) {
        if (++a->unreadable >= MOST_UNREADABLE) {
            a->env.trouble(a->env.report_ctx, "expected what AxeOS says about itself, got "
                                              "something else; set url to the address of the "
                                              "device, or restart it");
        }
        return;
    }
    a->unreadable = 0;
    describe(&info, described, sizeof described);
    axeos_take_info(&a->device, &info, now);
    if (strcmp(described, a->settings_of) == 0) {
        digest(a, now);
    } else {
        (void)remote_http(a->remote, AXEOS_ASK_ASIC, HTTP_GET, "/api/system/asic", NULL, NULL);
    }
}

/* Without settings on offer there is one point: the present one. */
static void only_present_settings(const struct axeos_info *info, struct axeos_asic *asic)
{
    *asic = (struct axeos_asic){.default_mhz = info->frequency_mhz,
                                .default_mv = info->voltage_mv,
                                .eco_mhz = NAN,
                                .eco_mv = NAN,
                                .mhz_count = 1,
                                .mv_count = 1,
                                .mhz = {info->frequency_mhz},
                                .mv = {info->voltage_mv},
                                .asic_count = NAN};
}

static void on_asic(struct axeos *a, const struct remote_answer *answer, hb_mono now)
{
    struct axeos_device *d = &a->device;
    const struct axeos_info *info = &d->info;
    struct axeos_asic asic = {0};
    char kept[HEATER_MEMORY_MAX];
    if (!answer->ok) {
        digest(a, now);
        return;
    }
    const bool offered =
        answer->status == 200 && axeos_read_asic(answer->body, answer->len, &asic, &a->faults);
    (void)text_copy(d->model, sizeof d->model, asic.model);
    if (!offered && !axeos_chip_settings(info->asic, &asic)) {
        if (!(info->frequency_mhz > 0 && info->voltage_mv > 0)) {
            digest(a, now);
            return;
        }
        only_present_settings(info, &asic);
    }
    axeos_points_make(&d->points, &asic, info);
    if (a->env.recall != NULL && a->env.recall(a->env.report_ctx, kept)) {
        axeos_points_recall(&d->points, info->mac, kept);
    }
    a->remembered = axeos_points_learnt(&d->points);
    describe(info, a->settings_of, sizeof a->settings_of);
    d->order.planned = false;
    digest(a, now);
}

static void on_session(struct axeos *a, const struct remote_answer *answer, hb_mono now)
{
    if (answer->ok && answer->status == 200 &&
        axeos_read_session(answer->body, answer->len, a->token, &a->faults)) {
        axeos_act(a, now);
        return;
    }
    /* Further tries would lock it for minutes. */
    a->device.heat.recovering = false;
    axeos_refuse(a,
                 answer->status == 401
                     ? "the device does not accept the one-time password; check totp_secret, and "
                       "that the clocks of both are right"
                     : "the device gave no session for one-time passwords; restart it");
}

static void refuse_write(struct axeos *a, const struct remote_answer *answer)
{
    char sentence[TEXT_MAX], said[81];
    text_copy_printable(said, sizeof said, answer->body,
                        answer->len < sizeof said ? answer->len : sizeof said - 1);
    if (answer->status == 401 && a->device.info.kind == AXEOS_NERD) {
        (void)text_copy(sentence, sizeof sentence,
                        "the device wants one-time passwords for changes; set totp_secret to the "
                        "secret that its display showed");
    } else {
        (void)snprintf(sentence, sizeof sentence,
                       "it refused '%s' with status %d%s%s; look at its web page", a->writing,
                       answer->status, said[0] != '\0' ? ": " : "", said);
    }
    axeos_refuse(a, sentence);
}

static void on_write(struct axeos *a, const struct remote_answer *answer, hb_mono now)
{
    const bool good = answer->status >= 200 && answer->status < 300;
    /* A device that restarts may end the connection before it answers. */
    if (!answer->ok || (good && now.ms < a->hold_until.ms)) {
        return;
    }
    if (answer->status == 401 && a->token[0] != '\0') {
        a->token[0] = '\0'; /* sessions end with a restart */
        axeos_ask_session(a, now);
    } else if (good) {
        ask_info(a);
    } else {
        a->hold_until = now;
        refuse_write(a, answer);
        ask_info(a);
    }
}

static void receive(void *ctx, const struct remote_answer *answer)
{
    struct axeos *a = ctx;
    const hb_mono now = clock_mono();
    switch ((enum axeos_request)answer->request) {
    case AXEOS_ASK_INFO:
        on_info(a, answer, now);
        break;
    case AXEOS_ASK_ASIC:
        on_asic(a, answer, now);
        break;
    case AXEOS_ASK_SESSION:
        on_session(a, answer, now);
        break;
    case AXEOS_WRITE:
        on_write(a, answer, now);
        break;
    }
}

/* --- the contract
 * -------------------------------------------------------------------------------*/

static void axeos_poll(void *self, hb_mono now)
{
    struct axeos *a = self;
    (void)now;
    if (a->remote != NULL && remote_pending(a->remote) == 0) {
        ask_info(a);
    }
}

/* Before the device was asked, its host may remember better what it can do. */
static bool axeos_test(const void *self, const struct heater_command *command, struct hb_err *err)
{
    const struct axeos *a = self;
    const struct heater_caps *caps = &a->device.caps;
    const double power_w = command->power_w;
    const bool unasked = a->env.loop != NULL && a->device.points.count == 0;
    const bool within = power_w >= 0.95 * caps->min_w && power_w <= 1.005 * caps->max_w;
    if (power_w == 0 || within || (unasked && isfinite(power_w) && power_w > 0)) {
        return true;
    }
    return hb_fail(err, HB_ERR_STATE, "expected 0 W or %g W to %g W, got %g W", caps->min_w,
                   caps->max_w, power_w);
}

/* The device is read before anything is written: the settings may have changed meanwhile. */
static void axeos_commit(void *self, const struct heater_command *command, hb_mono now)
{
    struct axeos *a = self;
    struct axeos_device *d = &a->device;
    d->order = (struct axeos_order){
        .given = true, .active = true, .seq = command->seq, .power_w = command->power_w};
    (void)text_copy(d->order.mac, sizeof d->order.mac, d->info.mac);
    axeos_poll(self, now);
}

/* What overheating left behind is undone when it is cool; anything else is worth a restart. */
static void axeos_recover(void *self, hb_mono now)
{
    struct axeos *a = self;
    struct axeos_device *d = &a->device;
    if (a->remote == NULL) {
        return;
    }
    if (d->heat.hot) {
        d->heat.recovering = true; /* as soon as it is cool, and not twice in a day */
        axeos_poll(self, now);
        return;
    }
    remote_drop_unsent(a->remote);
    axeos_restart(a, now);
}

const struct heater_driver axeos_heater = {
    .name = "axeos",
    .summary = "a Bitaxe with AxeOS, or a NerdAxe, NerdQAxe or NerdOctaxe",
    .instance_size = sizeof(struct axeos),
    .options_size = sizeof(struct axeos_options),
    .options = options,
    .poll_ms = POLL_MS,
    .init = axeos_init,
    .fini = axeos_fini,
    .poll = axeos_poll,
    .test = axeos_test,
    .commit = axeos_commit,
    .recover = axeos_recover,
};
