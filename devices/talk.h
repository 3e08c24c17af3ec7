/* One round of talk with a device over HTTP: what must be known before anything may be written, the
 * writes of the newest command, everything read anew, a report.
 *
 * Whether a write is needed is decided by what the device itself said a moment before, never by
 * what we believe that we wrote. A command that comes meanwhile takes the place of the older one
 * after the answer that is on its way, and the device is read again before its first write, so that
 * two commands never mix. A command that could not be carried out because the device was silent
 * waits for the next round, until it expires.
 */
#ifndef HB_DEVICES_TALK_H
#define HB_DEVICES_TALK_H

#include <stdbool.h>
#include <stddef.h>

#include "devices/remote.h"

/* How it goes on after an answer. */
enum talk_turn {
    TALK_ON,    /* with the next step                                              */
    TALK_LOGIN, /* with a login, and then the same step; once for each step        */
    TALK_BACK,  /* the rest of a command is dropped, and all is read again          */
    TALK_OVER,  /* nothing more can be learnt now: the round ends without a report */
};

/* What a family of devices does at each step; `self` is the driver. */
struct talk_ways {
    size_t reads;              /* steps of reading                                   */
    size_t essential;          /* the first so many must be known before a write     */
    size_t writes;             /* kinds of writes, in the order in which they are made */
    void (*begin)(void *self); /* forgets what was read in the last round */
    /* Sends the question of that step with talk_send; false: it is not needed now. */
    bool (*read)(void *self, size_t step);
    enum talk_turn (*heard)(void *self, size_t step, const struct remote_answer *answer);
    /* Whether the device that was read is the one that the command was meant for. */
    bool (*may_write)(void *self);
    bool (*write)(void *self, size_t kind, const struct heater_command *command);
    enum talk_turn (*written)(void *self, size_t kind, const struct heater_command *command,
                              const struct remote_answer *answer);
    /* Sends a login; false: none is needed. NULL for devices without one. */
    bool (*login)(void *self);
    enum talk_turn (*logged_in)(void *self, const struct remote_answer *answer);
    /* The device refuses what it was asked although the login went well. */
    void (*shut_out)(void *self);
    void (*report)(void *self);
};

enum talk_phase { TALK_IDLE, TALK_LOGGING_IN, TALK_READING, TALK_WRITING };

/* Private to talk.c; part of the driver's struct. */
struct talk {
    const struct talk_ways *ways;
    void *self;
    struct remote *remote;
    enum talk_phase phase, after_login;
    size_t step;
    bool logged_in; /* a login was made just before this step */
    bool wrote;     /* something was sent for `command` */
    bool waits;     /* `next` is to be carried out      */
    bool sent;
    struct heater_command command, next;
};

/* Sets up the talk and its connection, of which `talk` becomes the receiver. False as
 * remote_create fails. */
HB_MUST_USE bool talk_init(struct talk *talk, const struct talk_ways *ways, void *self,
                           const struct heater_env *env, const struct remote_options *options,
                           struct hb_err *err);
/* Legal after a failed init, and on zeros. */
void talk_fini(struct talk *talk);

/* For poll and commit of the driver. */
void talk_poll(struct talk *talk);
void talk_command(struct talk *talk, const struct heater_command *command);

/* For `read`, `write` and `login`: sends one request; the headers as in remote_http. */
bool talk_send(struct talk *talk, enum http_method method, const char *path,
               const char *const *headers, const char *body);

#endif
