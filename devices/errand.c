#include "devices/errand.h"

#include <string.h>

#include "devices/identity.h"
#include "ground/text.h"
#include "plumbing/clock.h"

static void read_on(struct errand *e, hb_mono now);
static void write_on(struct errand *e, hb_mono now);

static bool fresh(const struct errand *e, hb_mono now)
{
    return mono_is_set(e->read_at) && mono_age_ms(now, e->read_at) <= e->rules->fresh_ms;
}

/* A command that nobody renews is not carried out late. */
static const struct heater_command *order_of(struct errand *e, hb_mono now)
{
    if (e->wanted && now.ms >= e->order.expires.ms) {
        e->wanted = false;
    }
    return e->wanted ? &e->order : NULL;
}

/* That for which the request under way was made. */
static const struct heater_command *order_written(const struct errand *e)
{
    const bool any = e->phase == ERRAND_WRITING && mono_is_set(e->writing.expires);
    return any ? &e->writing : NULL;
}

static bool is_unfinished(const struct errand *e)
{
    return e->rules->unfinished != NULL && e->rules->unfinished(e->self);
}

/* --- steps ------------------------------------------------------------------------------------ */

/* What cannot go on now is begun anew at the next poll. Who knows what answers then? */
static void put_off(struct errand *e)
{
    e->phase = ERRAND_IDLE;
    e->read_at = (hb_mono){0};
}

static enum errand_step log_in(struct errand *e, hb_mono now)
{
    if (e->login_tried) {
        e->shut_at = now;
        return e->rules->shut_out(e->self, order_written(e));
    }
    e->login_tried = true;
    const enum errand_step step = e->rules->login(e->self);
    e->logging_in = step == ERRAND_ASKED;
    return step;
}

/* What follows from an answer, or from a question that could not be asked. */
static void go_on(struct errand *e, enum errand_step step, hb_mono now)
{
    if (step == ERRAND_LOGIN) {
        step = log_in(e, now);
    }
    if (step == ERRAND_ASKED) {
        return;
    }
    if (step == ERRAND_LATER || (step == ERRAND_LEAVE && e->phase == ERRAND_READING)) {
        put_off(e);
    } else if (e->phase == ERRAND_WRITING) {
        if (step == ERRAND_LEAVE && e->order.seq == e->writing.seq) {
            e->wanted = false;
        }
        write_on(e, now);
    } else if (e->urgent && fresh(e, now)) {
        write_on(e, now);
    } else {
        read_on(e, now);
    }
}

/* --- reading ---------------------------------------------------------------------------------- */

/* An order was meant for the device that was read before, and so was what was begun. */
static void note_device(struct errand *e, const char *identity)
{
    if (identity[0] == '\0') {
        return;
    }
    if (e->device[0] != '\0' && !identity_same(e->device, identity)) {
        e->wanted = false;
        if (e->rules->abandon != NULL) {
            e->rules->abandon(e->self);
        }
    }
    (void)text_copy(e->device, sizeof e->device, identity);
}

static void all_is_read(struct errand *e, hb_mono now)
{
    const struct heater_state *state = e->rules->conclude(e->self, now);
    e->phase = ERRAND_IDLE;
    e->read_at = now;
    note_device(e, state->identity);
    e->env->report(e->env->report_ctx, state);
    if (e->phase == ERRAND_IDLE && (order_of(e, now) != NULL || is_unfinished(e))) {
        write_on(e, now);
    }
}

static void read_on(struct errand *e, hb_mono now)
{
    enum errand_step step = e->rules->read(e->self, e->part);
    while (step == ERRAND_NEXT) {
        e->part++;
        step = e->rules->read(e->self, e->part);
    }
    if (step == ERRAND_DONE) {
        all_is_read(e, now);
    } else {
        go_on(e, step, now);
    }
}

static void read_anew(struct errand *e, hb_mono now)
{
    e->phase = ERRAND_READING;
    e->part = 0;
    e->urgent = false;
    e->login_tried = false;
    read_on(e, now);
}

/* --- writing ---------------------------------------------------------------------------------- */

static void write_on(struct errand *e, hb_mono now)
{
    const struct heater_command *order = order_of(e, now);
    e->phase = ERRAND_WRITING;
    e->writing = order != NULL ? *order : (struct heater_command){0};
    enum errand_step step = e->rules->write(e->self, order, now);
    if (step == ERRAND_LEAVE) {
        e->wanted = false;
        e->writing = (struct heater_command){0};
        step = e->rules->write(e->self, NULL, now);
    }
    if (step == ERRAND_DONE) {
        e->wanted = false;
        read_anew(e, now);
    } else {
        go_on(e, step, now);
    }
}

/* --- from outside ------------------------------------------------------------------------------*/

static void receive(void *ctx, const struct remote_answer *answer)
{
    errand_answer(ctx, answer, clock_mono());
}

bool errand_init(struct errand *e, const struct errand_rules *rules, void *self,
                 const struct heater_env *env, const struct remote_options *options,
                 struct hb_err *err)
{
    *e = (struct errand){.rules = rules, .self = self, .env = env};
    e->remote = remote_create(env, options, receive, e, err);
    return e->remote != NULL;
}

void errand_fini(struct errand *e)
{
    remote_destroy(e->remote);
    e->remote = NULL;
    e->phase = ERRAND_IDLE;
}

static bool is_shut_out(const struct errand *e, hb_mono now)
{
    return mono_is_set(e->shut_at) && mono_age_ms(now, e->shut_at) < e->rules->lockout_ms;
}

void errand_poll(struct errand *e, hb_mono now)
{
    if (e->phase == ERRAND_IDLE && !is_shut_out(e, now)) {
        read_anew(e, now);
    }
}

void errand_commit(struct errand *e, const struct heater_command *command, hb_mono now)
{
    e->order = *command;
    e->wanted = true;
    if (e->phase == ERRAND_READING) {
        e->urgent = true;
    } else if (e->phase == ERRAND_IDLE && fresh(e, now)) {
        write_on(e, now);
    } else {
        errand_poll(e, now);
    }
}

enum errand_step errand_http(struct errand *e, int request, enum http_method method,
                             const char *path, const char *const *headers, const char *body)
{
    return remote_http(e->remote, request, method, path, headers, body) ? ERRAND_ASKED
                                                                        : ERRAND_LATER;
}

enum errand_step errand_tcp(struct errand *e, int request, const char *text, enum exchange_end end)
{
    return remote_tcp(e->remote, request, text, strlen(text), end) ? ERRAND_ASKED : ERRAND_LATER;
}

static enum errand_step take_login(struct errand *e, const struct remote_answer *answer)
{
    e->logging_in = false;
    return answer->ok ? e->rules->logged_in(e->self, answer) : ERRAND_LATER;
}

static enum errand_step take_part(struct errand *e, const struct remote_answer *answer)
{
    const enum errand_step step = e->rules->take(e->self, answer);
    if (step == ERRAND_NEXT) {
        e->part++;
    }
    return step;
}

void errand_answer(struct errand *e, const struct remote_answer *answer, hb_mono now)
{
    enum errand_step step = ERRAND_NEXT;
    const bool was_login = e->logging_in;
    if (was_login) {
        step = take_login(e, answer);
    } else if (e->phase == ERRAND_WRITING) {
        step = e->rules->wrote(e->self, order_written(e), answer, now);
    } else {
        step = take_part(e, answer);
    }
    if (!was_login && step != ERRAND_LOGIN) {
        e->login_tried = false;
    }
    go_on(e, step, now);
}
