#include "devices/talk.h"

#include "plumbing/clock.h"

static void receive(void *ctx, const struct remote_answer *answer);

bool talk_init(struct talk *talk, const struct talk_ways *ways, void *self,
               const struct heater_env *env, const struct remote_options *options,
               struct hb_err *err)
{
    *talk = (struct talk){.ways = ways, .self = self};
    talk->remote = remote_create(env, options, receive, talk, err);
    return talk->remote != NULL;
}

void talk_fini(struct talk *talk)
{
    remote_destroy(talk->remote);
    talk->remote = NULL;
    talk->phase = TALK_IDLE;
    talk->waits = false;
}

bool talk_send(struct talk *talk, enum http_method method, const char *path,
               const char *const *headers, const char *body)
{
    talk->sent = remote_http(talk->remote, (int)talk->phase, method, path, headers, body);
    return true; /* it was needed, whether it could be sent or not */
}

/* --- steps ------------------------------------------------------------------------------------*/

static bool in_time(const struct heater_command *command)
{
    return clock_mono().ms < command->expires.ms;
}

static void read_from_start(struct talk *talk)
{
    talk->phase = TALK_READING;
    talk->step = 0;
    talk->ways->begin(talk->self);
}

/* The device is known well enough: is there something to write? */
static void turn_to_command(struct talk *talk)
{
    talk->waits = false;
    if (in_time(&talk->next) && talk->ways->may_write(talk->self)) {
        talk->command = talk->next;
        talk->wrote = false;
        talk->phase = TALK_WRITING;
        talk->step = 0;
    }
}

/* Each returns true if a request is on its way, or the round is over. */
static bool go_on_reading(struct talk *talk)
{
    if (talk->step == talk->ways->essential && talk->waits) {
        turn_to_command(talk);
        return false;
    }
    if (talk->step == talk->ways->reads) {
        talk->phase = TALK_IDLE;
        talk->ways->report(talk->self);
        return true;
    }
    if (talk->ways->read(talk->self, talk->step)) {
        return true;
    }
    talk->step++;
    return false;
}

static bool go_on_writing(struct talk *talk)
{
    if (talk->waits) {
        read_from_start(talk);
        return false;
    }
    if (talk->step < talk->ways->writes) {
        if (talk->ways->write(talk->self, talk->step, &talk->command)) {
            talk->wrote = true;
            return true;
        }
        talk->step++;
        return false;
    }
    if (talk->wrote) {
        read_from_start(talk);
    } else {
        talk->phase = TALK_READING;
        talk->step = talk->ways->essential;
    }
    return false;
}

static bool go_on_logging_in(struct talk *talk)
{
    if (talk->ways->login != NULL && talk->ways->login(talk->self)) {
        talk->logged_in = true;
        return true;
    }
    talk->phase = talk->after_login;
    return false;
}

static void advance(struct talk *talk)
{
    bool rests = false;
    talk->sent = true;
    while (!rests) {
        switch (talk->phase) {
        case TALK_LOGGING_IN:
            rests = go_on_logging_in(talk);
            break;
        case TALK_READING:
            rests = go_on_reading(talk);
            break;
        case TALK_WRITING:
            rests = go_on_writing(talk);
            break;
        case TALK_IDLE:
            rests = true;
            break;
        }
    }
    if (!talk->sent) {
        talk->phase = TALK_IDLE;
    }
}

static void begin(struct talk *talk)
{
    talk->logged_in = false;
    read_from_start(talk);
    talk->after_login = TALK_READING;
    talk->phase = TALK_LOGGING_IN;
    advance(talk);
}

/* --- answers ----------------------------------------------------------------------------------*/

static enum talk_turn hear(struct talk *talk, const struct remote_answer *answer)
{
    switch (talk->phase) {
    case TALK_LOGGING_IN:
        return talk->ways->logged_in(talk->self, answer);
    case TALK_READING:
        return talk->ways->heard(talk->self, talk->step, answer);
    case TALK_WRITING:
        return talk->ways->written(talk->self, talk->step, &talk->command, answer);
    case TALK_IDLE:
        break;
    }
    return TALK_OVER;
}

static void log_in_again(struct talk *talk)
{
    if (talk->logged_in || talk->phase == TALK_LOGGING_IN) {
        talk->phase = TALK_IDLE;
        talk->ways->shut_out(talk->self);
        return;
    }
    talk->after_login = talk->phase;
    talk->phase = TALK_LOGGING_IN;
}

static void next_step(struct talk *talk)
{
    if (talk->phase == TALK_LOGGING_IN) {
        talk->phase = talk->after_login;
        return;
    }
    talk->logged_in = false;
    talk->step++;
    if (talk->phase == TALK_READING && talk->waits && talk->step > talk->ways->essential) {
        read_from_start(talk); /* the command does not wait for the rest */
    }
}

static void receive(void *ctx, const struct remote_answer *answer)
{
    struct talk *talk = ctx;
    if (talk->phase == TALK_IDLE) {
        return;
    }
    if (!answer->ok) {
        if (talk->phase == TALK_WRITING && !talk->waits) {
            talk->next = talk->command; /* whether it was carried out shows when it answers again */
            talk->waits = true;
        }
        talk->phase = TALK_IDLE;
        return;
    }
    switch (hear(talk, answer)) {
    case TALK_ON:
        next_step(talk);
        break;
    case TALK_LOGIN:
        log_in_again(talk);
        break;
    case TALK_BACK:
        read_from_start(talk);
        break;
    case TALK_OVER:
        talk->phase = TALK_IDLE;
        break;
    }
    advance(talk);
}

/* --- calls of the driver ----------------------------------------------------------------------*/

void talk_poll(struct talk *talk)
{
    if (talk->phase == TALK_IDLE) {
        begin(talk);
    }
}

void talk_command(struct talk *talk, const struct heater_command *command)
{
    talk->next = *command;
    talk->waits = true;
    talk_poll(talk);
}
