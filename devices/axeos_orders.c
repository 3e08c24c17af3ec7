#include "devices/axeos_instance.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ground/text.h"
#include "plumbing/clock.h"

#define RAMP_MS      5000
#define RESTART_MS   20000 /* until a device that restarts is asked for more */
#define SHUT_DOWN_MS 5000
#define OTP_REST_MS  ((int64_t)TOTP_PERIOD_S * 1000) /* a password counts once */
#define SAME         0.05 /* of the largest power: a difference that is none */

enum {
    MOST_STEPS = 8,   /* writes for one order                         */
    MOST_REPEATS = 2, /* of the same one, while the device ignores it */
};

/* Only news that matter: what is learnt of a point wanders a little all the time. */
static bool caps_changed(const struct heater_caps *before, const struct heater_caps *after)
{
    bool changed = before->tier_count != after->tier_count ||
                   before->min_off_ms != after->min_off_ms ||
                   fabs(before->standby_w - after->standby_w) > SAME * after->max_w;
    for (size_t i = 0; i < after->tier_count && !changed; i++) {
        changed = fabs(before->tier_w[i] - after->tier_w[i]) > SAME * after->max_w;
    }
    return changed;
}

static void remember(const struct axeos *a)
{
    char text[HEATER_MEMORY_MAX];
    if (a->env.remember != NULL) {
        axeos_points_keep(&a->device.points, a->device.info.mac, text, sizeof text);
        a->env.remember(a->env.report_ctx, text);
    }
}

void axeos_tell_caps(struct axeos *a, hb_mono now)
{
    struct heater_caps caps = a->device.caps;
    const size_t learnt = axeos_points_learnt(&a->device.points);
    axeos_make_caps(&a->device, now, &caps);
    const bool changed = caps_changed(&a->device.caps, &caps);
    if (learnt > 0 && (changed || learnt != a->remembered)) {
        remember(a);
        a->remembered = learnt;
    }
    if (changed) {
        a->device.caps = caps;
        a->env.abilities(a->env.report_ctx, &caps);
    }
}

void axeos_refuse(struct axeos *a, const char *sentence)
{
    if (a->device.order.active) {
        a->device.order.active = false;
        a->env.refused(a->env.report_ctx, a->device.order.seq, sentence);
    }
}

/* --- writing
 * ------------------------------------------------------------------------------------*/

static void wrote(struct axeos *a, enum write_kind kind, hb_mono now)
{
    a->device.wrote_at = now;
    a->device.writes++;
    if (kind == WRITE_FLASH) {
        axeos_flash_wrote(&a->device.flash, now);
    }
    a->env.wrote(a->env.report_ctx, kind);
}

/* The host's part of a session: a password, once in its half minute. */
void axeos_ask_session(struct axeos *a, hb_mono now)
{
    char password[10], header[32];
    const bool rested = !mono_is_set(a->signed_at) || mono_age_ms(now, a->signed_at) >= OTP_REST_MS;
    if (a->key_len == 0) {
        axeos_refuse(
            a, "the device wants one-time passwords for changes; set totp_secret to the secret "
               "that its display showed, or switch them off on its web page");
        return;
    }
    if (!rested ||
        !totp_password(a->key, a->key_len, clock_wall().ms / 1000, TOTP_DIGITS, password)) {
        return; /* the order stays: the next poll tries again */
    }
    a->signed_at = now;
    (void)snprintf(header, sizeof header, "X-TOTP: %s", password);
    const char *const headers[] = {header, NULL};
    (void)remote_http(a->remote, AXEOS_ASK_SESSION, HTTP_POST, "/api/v2/otp/session", headers, "");
}

static bool patch(struct axeos *a, const char *body)
{
    char header[AXEOS_TOKEN + 32];
    (void)snprintf(header, sizeof header, "X-OTP-Session: %s", a->token);
    const char *const headers[] = {"Content-Type: application/json",
                                   a->token[0] != '\0' ? header : NULL, NULL};
    (void)text_copy(a->writing, sizeof a->writing, body);
    return remote_http(a->remote, AXEOS_WRITE, HTTP_PATCH, "/api/system", headers, body);
}

static bool post(struct axeos *a, const char *what)
{
    char path[48];
    (void)snprintf(path, sizeof path, "/api/system/%s", what);
    (void)text_copy(a->writing, sizeof a->writing, what);
    return remote_http(a->remote, AXEOS_WRITE, HTTP_POST, path, NULL, NULL);
}

static bool may_patch(const struct axeos *a)
{
    return a->device.info.otp != 1 || a->token[0] != '\0';
}

static bool is_setting(const struct axeos_step *step)
{
    return step->act == AXEOS_SET_VOLTAGE || step->act == AXEOS_SET_FREQUENCY;
}

static void write_step(struct axeos *a, const struct axeos_step *step, hb_mono now)
{
    static const char *const posts[] = {[AXEOS_PAUSE] = "pause",
                                        [AXEOS_RESUME] = "resume",
                                        [AXEOS_SHUT_DOWN] = "shutdown",
                                        [AXEOS_RESTART] = "restart"};
    const bool setting = is_setting(step);
    bool sent = false;
    if (setting) {
        char body[48];
        axeos_write_setting(body, sizeof body,
                            step->act == AXEOS_SET_VOLTAGE ? AXEOS_VOLTAGE : AXEOS_FREQUENCY,
                            step->value);
        sent = patch(a, body);
    } else {
        sent = post(a, posts[step->act]);
    }
    if (sent) {
        wrote(a, setting ? WRITE_FLASH : WRITE_VOLATILE, now);
    }
    if (step->act == AXEOS_SHUT_DOWN || step->act == AXEOS_RESTART) {
        a->hold_until = mono_add_ms(now, step->act == AXEOS_RESTART ? RESTART_MS : SHUT_DOWN_MS);
    }
}

/* --- carrying an order out
 * ----------------------------------------------------------------------*/

/* Chosen once for an order, when it is known where the device is. */
static void plan_order(struct axeos *a, hb_mono now)
{
    struct axeos_device *d = &a->device;
    struct axeos_order *order = &d->order;
    const bool on = order->power_w > 0;
    if (on) {
        const size_t wanted = axeos_tier_for(&d->caps, order->power_w);
        const int current = axeos_point_of(&d->points, d->info.frequency_mhz);
        order->plan = axeos_choose(&d->points, d->info.kind, current, wanted, &d->flash, now);
        order->exact = !order->plan.starved &&
                       fabs(d->caps.tier_w[wanted] - order->power_w) <= SAME * d->caps.max_w;
    } else {
        order->plan = (struct axeos_plan){.index = 0, .duty = 1};
        order->exact = true;
    }
    const struct axeos_point *point = &d->points.at[order->plan.index];
    order->goal = (struct axeos_goal){.on = on, .mhz = point->mhz, .mv = point->mv};
    order->planned = true;
    d->duty = (struct axeos_duty){0};
}

static bool is_repeated(struct axeos_order *order, const struct axeos_step *step)
{
    const bool same = order->last.act == step->act && order->last.value == step->value;
    order->repeats = same ? order->repeats + 1 : 0;
    order->last = *step;
    order->steps++;
    return order->repeats >= MOST_REPEATS || order->steps > MOST_STEPS;
}

static void refuse_ignored(struct axeos *a)
{
    char sentence[TEXT_MAX];
    const struct axeos_info *info = &a->device.info;
    (void)snprintf(sentence, sizeof sentence,
                   "it accepts '%s' and does not do it: it says %.0f MHz and %.0f mV; look at the "
                   "settings on its web page",
                   a->writing[0] != '\0' ? a->writing : "a change", info->frequency_mhz,
                   info->voltage_mv);
    axeos_refuse(a, sentence);
}

/* The next write of an order that is not reached yet. */
static void steer(struct axeos *a, hb_mono now)
{
    struct axeos_device *d = &a->device;
    struct axeos_order *order = &d->order;
    if (order->mac[0] == '\0') { /* ordered before it was ever read */
        (void)text_copy(order->mac, sizeof order->mac, d->info.mac);
    }
    if (!order->planned) {
        plan_order(a, now);
    }
    if (order->goal.on && d->heat.hot) {
        return; /* not before it is cool, and the host wants it back */
    }
    const bool ramped = mono_age_ms(now, d->wrote_at) >= RAMP_MS;
    const struct axeos_step step = axeos_next_step(&d->info, &order->goal, ramped);
    if (step.act == AXEOS_REACHED) {
        order->active = false;
    } else if (is_setting(&step) && !may_patch(a)) {
        axeos_ask_session(a, now);
    } else if (step.act != AXEOS_WAIT && is_repeated(order, &step)) {
        refuse_ignored(a);
    } else if (step.act != AXEOS_WAIT) {
        write_step(a, &step, now);
    }
}

/* A power between two points, by pauses. */
static void keep_duty(struct axeos *a, hb_mono now)
{
    struct axeos_device *d = &a->device;
    const bool paused = d->info.paused == 1;
    const struct axeos_order *order = &d->order;
    if (!order->given || !order->planned || !order->goal.on || order->plan.duty >= 1 ||
        d->heat.hot) {
        return;
    }
    const bool pause = axeos_duty_pauses(&d->duty, order->plan.duty, paused, now);
    if (pause != paused) {
        const struct axeos_step step = {.act = pause ? AXEOS_PAUSE : AXEOS_RESUME};
        write_step(a, &step, now);
    }
}

/* Undoes what the firmware did to its settings when it was too hot; once, and one step lower. */
static void restore(struct axeos *a, hb_mono now)
{
    struct axeos_device *d = &a->device;
    char body[64];
    const bool fan = d->heat.had_auto_fan && d->info.auto_fan == 0;
    const bool mark = d->info.overheated == 1;
    d->heat.recovering = false;
    d->heat.recovered_at = now;
    d->heat.hot = false;
    d->order.active = d->order.given;
    d->order.planned = false;
    d->order.steps = 0;
    axeos_tell_caps(a, now);
    axeos_write_overheat_over(body, sizeof body, fan, mark);
    if (d->info.kind != AXEOS_NERD && (fan || mark) && patch(a, body)) {
        wrote(a, WRITE_FLASH, now);
    }
}

/* What follows from a state that was just read. */
void axeos_act(struct axeos *a, hb_mono now)
{
    struct axeos_device *d = &a->device;
    if (now.ms < a->hold_until.ms) {
        return;
    }
    if (axeos_may_recover(d, now)) {
        restore(a, now);
    }
    /* To switch off by a pause nothing needs to be known of its settings. */
    const bool can_steer =
        d->points.count > 0 || (d->order.power_w == 0 && d->info.kind != AXEOS_PLAIN);
    if (remote_pending(a->remote) > 0) {
        return;
    }
    if (d->order.active && can_steer) {
        steer(a, now);
    } else {
        keep_duty(a, now);
    }
}

void axeos_restart(struct axeos *a, hb_mono now)
{
    const struct axeos_step step = {.act = AXEOS_RESTART};
    write_step(a, &step, now);
}
