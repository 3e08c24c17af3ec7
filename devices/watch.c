#include "devices/watch.h"

#include <math.h>

void watch_init(struct watch *watch, const struct watch_rules *rules)
{
    *watch = (struct watch){
        .rules = *rules, .next_poll = {1}, .written_w = NAN, .drawn_w = NAN, .uptime_s = NAN};
}

/* What it should be set to now. */
static double wanted_w(const struct watch *w)
{
    return mono_is_set(w->off_until) ? 0 : w->order.power_w;
}

/* --- judging ---------------------------------------------------------------------------------- */

/* A set-point is exact up to the device's resolution. */
static bool applied_agrees(const struct watch *w, double applied_w)
{
    double tolerance_w = fmax(0.02 * w->rules.max_w, 0.51 * w->rules.step_w);
    return fabs(applied_w - wanted_w(w)) <= tolerance_w;
}

/* Measured power wanders with temperature, fans and silicon: only gross differences count. */
static bool power_agrees(const struct watch *w, double power_w)
{
    double want_w = wanted_w(w);
    double slack_w = fmax(0.25 * want_w, 0.1 * w->rules.max_w);
    if (want_w <= 0) {
        return power_w <= w->rules.standby_w + slack_w;
    }
    return power_w >= 0.5 * want_w - 0.1 * w->rules.max_w && power_w <= want_w + slack_w;
}

enum watch_verdict watch_judge(const struct watch *w, const struct heater_state *state)
{
    bool applied = isfinite(state->applied_w);
    if (applied && !applied_agrees(w, state->applied_w)) {
        return WATCH_DISOBEYS;
    }
    bool measured = !w->rules.shares_meter && mono_is_set(state->power_w.at) &&
                    (state->power_w.from == PROVENANCE_METERED ||
                     (state->power_w.from == PROVENANCE_REPORTED && !applied));
    if (!measured) {
        return WATCH_OBEYS;
    }
    if (mono_age_ms(state->power_w.at, w->written_at) < w->rules.settle_ms) {
        return WATCH_TOO_EARLY;
    }
    return power_agrees(w, state->power_w.value) ? WATCH_OBEYS : WATCH_DISOBEYS;
}

/* --- outcomes ----------------------------------------------------------------------------------*/

/* Our own "off" after a lease belongs to nobody: its command was already told to be expired. */
static void conclude(struct watch *w, enum command_outcome result, struct watch_todo *todo)
{
    bool news = w->outcome != result;
    w->outcome = result;
    /* Nor is what an attempt to recover does the business of whoever ordered heat. */
    if (news && !w->lease_over && !mono_is_set(w->off_until)) {
        todo->outcome = true;
        todo->seq = w->order.seq;
        todo->result = result;
    }
}

static void start_over(struct watch *w)
{
    w->outcome = COMMAND_PENDING;
    w->tries = 0;
    w->mismatch_since = (hb_mono){0};
    w->write_wanted = true;
}

/* --- writing ---------------------------------------------------------------------------------- */

/* What heats on would overload its circuit. */
static bool is_too_much(const struct watch *w)
{
    return w->order.why == REASON_CIRCUIT && (!isfinite(w->drawn_w) || w->drawn_w > wanted_w(w));
}

/* Off is never delayed, nor is less for the circuit's sake: the limit protects the device's flash,
 * not against the cold. */
static hb_mono write_due(const struct watch *w)
{
    if (w->held) {
        return w->held_until;
    }
    if (wanted_w(w) <= 0 || is_too_much(w) || !mono_is_set(w->wore_at)) {
        return (hb_mono){1};
    }
    return mono_add_ms(w->wore_at, w->rules.min_write_ms);
}

/* Whether the device at the address is known to be the heater. If not, it is asked first. */
static bool is_sure(struct watch *w, hb_mono now)
{
    bool sure = !w->rules.identified || (w->link == HEATER_LINK_OK && mono_is_set(w->sure_at) &&
                                         mono_age_ms(now, w->sure_at) <= WATCH_SURE_MS);
    if (!sure && w->link != HEATER_LINK_LOST && !mono_is_set(w->asked_at)) {
        w->next_poll = mono_earlier(w->next_poll, now);
    }
    return sure;
}

static bool may_write(struct watch *w, hb_mono now)
{
    const struct budget_write write = {.from_w = isfinite(w->drawn_w) ? w->drawn_w : w->written_w,
                                       .to_w = wanted_w(w),
                                       .max_w = w->rules.max_w,
                                       .why = w->order.why,
                                       .unordered = w->unordered,
                                       .hopeless = w->tries >= WATCH_TRIES};
    w->held = !budget_allows(&w->budget, budget_weigh(&write));
    w->held_until = mono_add_ms(now, WATCH_HELD_MS);
    return !w->held;
}

static void write_if_due(struct watch *w, hb_mono now, struct watch_todo *todo)
{
    if (!w->write_wanted || now.ms < write_due(w).ms || !is_sure(w, now) || !may_write(w, now)) {
        return;
    }
    w->write_wanted = false;
    w->unordered = false;
    w->written_w = wanted_w(w);
    w->written_at = now;
    w->written_blind = w->link != HEATER_LINK_OK;
    w->tried_at = now;
    w->mismatch_since = (hb_mono){0};
    todo->commit = true;
    todo->again = w->tries > 0;
    todo->command = w->order;
    todo->command.power_w = w->written_w;
    w->tries++;
    /* A slow poller must look again as soon as the new power can show. */
    w->next_poll = mono_earlier(w->next_poll, mono_add_ms(now, w->rules.settle_ms));
}

struct watch_todo watch_command(struct watch *w, const struct heater_command *command, hb_mono now)
{
    struct watch_todo todo = {0};
    bool same = w->ordered && command->power_w == w->order.power_w;
    w->ordered = true;
    w->lease_over = false;
    w->order = *command;
    if (same) {
        todo.outcome = w->outcome != COMMAND_PENDING;
        todo.seq = command->seq;
        todo.result = w->outcome;
        return todo;
    }
    start_over(w);
    w->held = false;
    w->tried_at = now;
    w->write_wanted = wanted_w(w) != w->written_w;
    write_if_due(w, now, &todo);
    return todo;
}

/* --- reports ---------------------------------------------------------------------------------- */

/* Whether it may be restarting, or not yet be where it was told to go, because of our own write:
 * then another one would only do harm. */
static bool restarts_by_our_write(const struct watch *w, hb_mono now)
{
    return w->rules.restarts_on_change && !w->written_blind && mono_is_set(w->written_at) &&
           mono_age_ms(now, w->written_at) < w->rules.settle_ms;
}

/* The device was restarted, or may have been: it is told again at once, unless it says that it is
 * set as it should be. */
static void reassert(struct watch *w, const struct heater_state *state, hb_mono now)
{
    bool as_ordered = isfinite(state->applied_w) && applied_agrees(w, state->applied_w);
    if (!w->ordered || w->write_wanted || as_ordered || restarts_by_our_write(w, now)) {
        return;
    }
    start_over(w);
    w->unordered = true;
}

/* A clock that counts from the start of the device, in a reading that may be a second old. */
static bool was_restarted(struct watch *w, const struct heater_state *state)
{
    double before_s = w->uptime_s;
    w->uptime_s = mono_is_set(state->uptime_s.at) ? state->uptime_s.value : before_s;
    return w->uptime_s < before_s - 1;
}

static void link_answers(struct watch *w, const struct heater_state *state, hb_mono now,
                         struct watch_todo *todo)
{
    todo->link_back = w->link == HEATER_LINK_LOST;
    w->link = HEATER_LINK_OK;
    w->asked_at = (hb_mono){0};
    w->silent_polls = 0;
    if (was_restarted(w, state) || todo->link_back) {
        reassert(w, state, now);
    }
}

static void link_is_lost(struct watch *w, struct watch_todo *todo)
{
    w->sure_at = (hb_mono){0};
    if (w->link != HEATER_LINK_LOST) {
        w->link = HEATER_LINK_LOST;
        todo->link_lost = true;
    }
}

/* A heater that obeyed and then strays is told again: at once if it says itself that it is set to
 * something else; if only its power says so, after longer than it needs to settle. */
static void note_stray(struct watch *w, const struct heater_state *state, hb_mono now)
{
    int64_t patience_ms = w->rules.settle_ms + w->rules.deadline_ms;
    bool says_so = isfinite(state->applied_w) && !applied_agrees(w, state->applied_w);
    if (w->outcome == COMMAND_CONFIRMED && says_so) {
        start_over(w);
        w->unordered = true;
    } else if (!mono_is_set(w->mismatch_since)) {
        w->mismatch_since = now;
    } else if (w->outcome == COMMAND_CONFIRMED &&
               mono_age_ms(now, w->mismatch_since) >= patience_ms) {
        start_over(w);
    }
}

static void check_order(struct watch *w, const struct heater_state *state, hb_mono now,
                        struct watch_todo *todo)
{
    bool settled = mono_age_ms(now, w->written_at) >= w->rules.settle_ms;
    enum watch_verdict verdict = watch_judge(w, state);
    if (verdict == WATCH_DISOBEYS && settled) {
        note_stray(w, state, now);
    } else if (verdict == WATCH_OBEYS && (settled || isfinite(state->applied_w))) {
        w->mismatch_since = (hb_mono){0};
        w->tries = 0;
        conclude(w, COMMAND_CONFIRMED, todo);
    }
}

static void note_power(struct watch *w, const struct heater_state *state)
{
    bool measured = mono_is_set(state->power_w.at) && state->power_w.from >= PROVENANCE_REPORTED;
    w->drawn_w = isfinite(state->applied_w) ? state->applied_w
                 : measured                 ? state->power_w.value
                                            : (double)NAN;
}

struct watch_todo watch_report(struct watch *w, const struct heater_state *state, bool sure,
                               hb_mono now)
{
    struct watch_todo todo = {0};
    if (state->link == HEATER_LINK_LOST) {
        link_is_lost(w, &todo);
        return todo;
    }
    if (state->link != HEATER_LINK_OK) {
        return todo;
    }
    note_power(w, state);
    link_answers(w, state, now, &todo);
    w->sure_at = sure ? now : w->sure_at;
    if (w->ordered && !w->write_wanted && mono_is_set(w->written_at)) {
        check_order(w, state, now, &todo);
    }
    return todo;
}

struct watch_todo watch_report_of_another(struct watch *w)
{
    struct watch_todo todo = {0};
    link_is_lost(w, &todo);
    w->asked_at = (hb_mono){0};
    w->silent_polls = 0;
    w->uptime_s = NAN;
    return todo;
}

void watch_ask_now(struct watch *w, hb_mono now)
{
    w->asked_at = (hb_mono){0};
    w->sure_at = (hb_mono){0};
    w->silent_polls = 0;
    w->next_poll = now;
}

void watch_wrote(struct watch *w, hb_mono now)
{
    w->wore_at = now;
}

void watch_off_and_on(struct watch *w, hb_mono until)
{
    if (w->ordered && w->order.power_w > 0) {
        w->off_until = until;
        start_over(w);
    }
}

struct watch_todo watch_refused(struct watch *w, uint64_t seq, hb_mono now)
{
    struct watch_todo todo = {0};
    if (w->ordered && seq == w->order.seq && !w->write_wanted) {
        w->tries = w->tries > WATCH_TRIES ? w->tries : WATCH_TRIES;
        w->tried_at = now;
        w->mismatch_since = (hb_mono){0};
        conclude(w, COMMAND_FAILED, &todo);
    }
    return todo;
}

enum heater_wait watch_waits_for(const struct watch *w, hb_mono now)
{
    if (!w->ordered || !w->write_wanted) {
        return HEATER_WAIT_NOTHING;
    }
    if (w->held) {
        return HEATER_WAIT_WRITES;
    }
    if (now.ms < write_due(w).ms) {
        return HEATER_WAIT_DWELL;
    }
    return w->rules.identified && !mono_is_set(w->sure_at) ? HEATER_WAIT_IDENTITY
                                                           : HEATER_WAIT_NOTHING;
}

/* --- passing of time -------------------------------------------------------------------------- */

static void end_lease(struct watch *w, hb_mono now, struct watch_todo *todo)
{
    if (!w->ordered || w->order.power_w <= 0 || now.ms < w->order.expires.ms) {
        return;
    }
    todo->lease_ended = true;
    todo->outcome = true;
    todo->seq = w->order.seq;
    todo->result = COMMAND_EXPIRED;
    w->lease_over = true;
    w->order.issued = now;
    w->order.expires = (hb_mono){INT64_MAX};
    w->order.power_w = 0;
    w->order.why = REASON_LEASE_EXPIRED;
    start_over(w);
}

/* When a write that nobody confirmed is repeated: soon after the heater was seen to disobey, or
 * when it had the time to answer and did not; slowly once that did not help. */
static hb_mono retry_due(const struct watch *w)
{
    int64_t wait_ms = (int64_t)w->rules.settle_ms + w->rules.deadline_ms;
    if (w->outcome == COMMAND_FAILED) {
        bool rare = w->tries >= WATCH_TRIES + WATCH_SLOW_RETRIES;
        int64_t pace_ms = rare ? WATCH_RARE_RETRY_MS : WATCH_SLOW_RETRY_MS;
        wait_ms = wait_ms > pace_ms ? wait_ms : pace_ms;
    } else if (mono_is_set(w->mismatch_since)) {
        return w->mismatch_since;
    }
    return mono_add_ms(w->tried_at, wait_ms);
}

static bool unconfirmed(const struct watch *w)
{
    return w->ordered && !w->write_wanted && w->outcome != COMMAND_CONFIRMED;
}

static void retry(struct watch *w, hb_mono now, struct watch_todo *todo)
{
    if (!unconfirmed(w) || now.ms < retry_due(w).ms) {
        return;
    }
    if (w->tries >= WATCH_TRIES) {
        conclude(w, COMMAND_FAILED, todo);
    }
    if (now.ms >= retry_due(w).ms) {
        w->write_wanted = true;
    }
}

static void end_recovery(struct watch *w, hb_mono now)
{
    if (mono_is_set(w->off_until) && (now.ms >= w->off_until.ms || w->order.power_w <= 0)) {
        w->off_until = (hb_mono){0};
        start_over(w);
    }
}

static void check_deadline(struct watch *w, hb_mono now, struct watch_todo *todo)
{
    if (mono_is_set(w->asked_at) && mono_age_ms(now, w->asked_at) >= w->rules.deadline_ms) {
        link_is_lost(w, todo);
    }
}

/* Doubled with each poll of a lost heater. */
static int64_t poll_pause_ms(struct watch *w)
{
    int64_t pause_ms = w->rules.poll_ms;
    if (w->link == HEATER_LINK_LOST) {
        for (unsigned i = 0; i < w->silent_polls && pause_ms < WATCH_POLL_MAX_MS; i++) {
            pause_ms *= 2;
        }
        pause_ms = pause_ms < WATCH_POLL_MAX_MS ? pause_ms : WATCH_POLL_MAX_MS;
        pause_ms = pause_ms > w->rules.poll_ms ? pause_ms : w->rules.poll_ms;
        w->silent_polls++;
    }
    return pause_ms;
}

static void poll_if_due(struct watch *w, hb_mono now, struct watch_todo *todo)
{
    if (now.ms + WATCH_EARLY_MS < w->next_poll.ms) {
        return;
    }
    todo->poll = true;
    w->next_poll = mono_add_ms(now, poll_pause_ms(w));
    if (!mono_is_set(w->asked_at)) {
        w->asked_at = now;
    }
}

struct watch_todo watch_tick(struct watch *w, hb_mono now)
{
    struct watch_todo todo = {0};
    end_lease(w, now, &todo);
    end_recovery(w, now);
    check_deadline(w, now, &todo);
    retry(w, now, &todo);
    if (w->ordered) {
        write_if_due(w, now, &todo);
    }
    poll_if_due(w, now, &todo);
    return todo;
}

hb_mono watch_due(const struct watch *w)
{
    hb_mono due = w->next_poll;
    if (mono_is_set(w->asked_at) && w->link != HEATER_LINK_LOST) {
        due = mono_earlier(due, mono_add_ms(w->asked_at, w->rules.deadline_ms));
    }
    if (w->ordered && w->order.power_w > 0) {
        due = mono_earlier(due, w->order.expires);
    }
    if (mono_is_set(w->off_until)) {
        due = mono_earlier(due, w->off_until);
    }
    bool waits = w->rules.identified && !mono_is_set(w->sure_at); /* for the next answer */
    if (w->ordered && w->write_wanted && !waits) {
        due = mono_earlier(due, write_due(w));
    } else if (unconfirmed(w)) {
        due = mono_earlier(due, retry_due(w));
    }
    return due;
}
