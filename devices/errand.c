#include "devices/errand.h"

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

/* --- reading ---------------------------------------------------------------------------------- */

static void all_is_read(struct errand *e, hb_mono now)
{
    e->phase = ERRAND_IDLE;
    e->read_at = now;
    e->rules->report(e->self, now);
    if (e->phase == ERRAND_IDLE && (order_of(e, now) != NULL || e->rules->unfinished(e->self))) {
        write_on(e, now);
    }
}

static void read_on(struct errand *e, hb_mono now)
{
    enum errand_step step = ERRAND_NEXT;
    e->phase = ERRAND_READING;
    while (step == ERRAND_NEXT) {
        step = e->rules->read(e->self, e->part);
        e->part++;
    }
    if (step == ERRAND_DONE) {
        all_is_read(e, now);
    } else if (step != ERRAND_ASKED) {
        e->phase = ERRAND_IDLE;
    }
}

static void read_anew(struct errand *e, hb_mono now)
{
    e->part = 0;
    e->urgent = false;
    read_on(e, now);
}

/* --- writing ---------------------------------------------------------------------------------- */

static void write_on(struct errand *e, hb_mono now)
{
    const struct heater_command *order = order_of(e, now);
    enum errand_step step = e->rules->write(e->self, order, now);
    e->phase = ERRAND_WRITING;
    e->writing = order != NULL ? *order : (struct heater_command){0};
    if (step == ERRAND_LEAVE) {
        e->wanted = false;
        e->writing = (struct heater_command){0};
        step = e->rules->write(e->self, NULL, now);
    }
    if (step == ERRAND_ASKED) {
        return;
    }
    if (step == ERRAND_LATER) {
        e->phase = ERRAND_IDLE;
        e->read_at = (hb_mono){0};
        return;
    }
    e->wanted = false;
    read_anew(e, now);
}

static void take_written(struct errand *e, const struct remote_answer *answer, hb_mono now)
{
    const bool ordered = mono_is_set(e->writing.expires);
    enum errand_step step = e->rules->wrote(e->self, ordered ? &e->writing : NULL, answer, now);
    if (step == ERRAND_LATER) {
        e->phase = ERRAND_IDLE;
        e->read_at = (hb_mono){0};
        return;
    }
    if (step == ERRAND_LEAVE && e->order.seq == e->writing.seq) {
        e->wanted = false;
    }
    write_on(e, now);
}

/* --- from outside ------------------------------------------------------------------------------*/

void errand_poll(struct errand *e, hb_mono now)
{
    if (e->phase == ERRAND_IDLE) {
        read_anew(e, now);
    }
}

void errand_commit(struct errand *e, const struct heater_command *command, hb_mono now)
{
    e->order = *command;
    e->wanted = true;
    if (e->phase == ERRAND_READING) {
        e->urgent = true;
    } else if (e->phase == ERRAND_IDLE) {
        if (fresh(e, now)) {
            write_on(e, now);
        } else {
            read_anew(e, now);
        }
    }
}

void errand_answer(struct errand *e, const struct remote_answer *answer, hb_mono now)
{
    if (e->phase == ERRAND_WRITING) {
        take_written(e, answer, now);
    } else if (e->phase == ERRAND_READING) {
        if (!e->rules->take(e->self, answer)) {
            e->phase = ERRAND_IDLE;
        } else if (e->urgent && fresh(e, now)) {
            write_on(e, now);
        } else {
            read_on(e, now);
        }
    }
}
