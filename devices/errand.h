/* The order of business with one device: a poll reads it part by part, a command writes what
 * differs from what was read, and what was written is read back at once.
 *
 * One request is under way at a time. A command interrupts a reading, and replaces an older command
 * between two writes; what writing began (a session, a check of what was written) is ended before
 * the rest is left. The device is read before the first write, unless that was done a moment ago.
 * What could not be written is tried again after the next reading, against what the device then
 * says, until the command expires. Another device that answers at the same address gets neither
 * that command nor the end of what was begun.
 */
#ifndef HB_DEVICES_ERRAND_H
#define HB_DEVICES_ERRAND_H

#include "devices/driver.h"
#include "devices/remote.h"

enum errand_step {
    ERRAND_ASKED, /* a request was queued                                               */
    ERRAND_NEXT,  /* go on with the next part, or write what is next                      */
    ERRAND_DONE,  /* all is read, or written                                            */
    ERRAND_LATER, /* not possible now: read first, at the next poll                      */
    ERRAND_LEAVE, /* the command is dropped: why was told, or shows when it is read       */
    ERRAND_LOGIN, /* log in and do the same again; the second time it is shut out         */
};

/* What a driver adds. `self` is that of the errand. */
struct errand_rules {
    /* Asks for a part of the reading; 0 begins a new one. ERRAND_ASKED, ERRAND_NEXT to leave the
     * part out, ERRAND_DONE after the last, ERRAND_LATER or ERRAND_LOGIN. */
    enum errand_step (*read)(void *self, int part);
    /* Takes the answer: ERRAND_NEXT, ERRAND_LATER if it is of no use, and there is no report, or
     * ERRAND_LOGIN. */
    enum errand_step (*take)(void *self, const struct remote_answer *answer);
    /* All parts were taken: the state that is reported now. */
    const struct heater_state *(*conclude)(void *self, hb_mono now);
    /* Asks for the next write toward the order, which is NULL if only what was begun is to be
     * ended. ERRAND_DONE if nothing is left to write. */
    enum errand_step (*write)(void *self, const struct heater_command *order, hb_mono now);
    /* Takes the answer to what was written for `order`, which a newer one may have replaced:
     * ERRAND_NEXT, ERRAND_LATER, ERRAND_LEAVE or ERRAND_LOGIN. NULL as above. */
    enum errand_step (*wrote)(void *self, const struct heater_command *order,
                              const struct remote_answer *answer, hb_mono now);
    /* Whether writing began something that must be ended even without an order; NULL: it never
     * does. And forgets it, because another device has come; NULL: there is nothing to forget. */
    bool (*unfinished)(const void *self);
    void (*abandon)(void *self);
    /* Asks for a login: ERRAND_ASKED or ERRAND_LATER. NULL, as the next two, without ERRAND_LOGIN.
     */
    enum errand_step (*login)(void *self);
    /* Takes the answer of a login: ERRAND_NEXT, ERRAND_LATER, or ERRAND_LOGIN if it was refused. */
    enum errand_step (*logged_in)(void *self, const struct remote_answer *answer);
    /* It refuses what was asked although a login was just made, or the login: tells it.
     * ERRAND_LATER, or ERRAND_LEAVE if the order, NULL as above, was refused and nothing begun is
     * left. */
    enum errand_step (*shut_out)(void *self, const struct heater_command *order);
    int32_t lockout_ms; /* how long it is left alone after that */
    int32_t fresh_ms;   /* how long a reading is good enough to write against */
};

enum errand_phase { ERRAND_IDLE, ERRAND_READING, ERRAND_WRITING };

/* Part of the driver's struct; all but `remote` is private to errand.c. */
struct errand {
    const struct errand_rules *rules;
    void *self;
    const struct heater_env *env;
    struct remote *remote;
    enum errand_phase phase;
    int part;
    bool logging_in;         /* a login is on its way                          */
    bool login_tried;        /* one was, since the last answer that was taken */
    bool wanted;             /* `order` is not carried out yet */
    bool urgent;             /* it came while the device was being read */
    hb_mono read_at;         /* the last whole reading; unset if none may be written against */
    hb_mono shut_at;         /* when it last shut us out; unset: it did not */
    char device[NAME_MAX_B]; /* that was read last; "" if it did not say */
    struct heater_command order;
    struct heater_command writing; /* that for which something was asked last */
};

/* Sets up the errand and its connection. Borrows env, rules and self until errand_fini; in a
 * simulation all requests are refused. False as remote_create fails. */
HB_MUST_USE bool errand_init(struct errand *errand, const struct errand_rules *rules, void *self,
                             const struct heater_env *env, const struct remote_options *options,
                             struct hb_err *err);
/* Legal after a failed init, and on zeros. */
void errand_fini(struct errand *errand);

/* For poll and commit of the driver. */
void errand_poll(struct errand *errand, hb_mono now);
void errand_commit(struct errand *errand, const struct heater_command *command, hb_mono now);

/* For `read`, `write` and `login`: send one request, as remote_http and remote_tcp. ERRAND_ASKED,
 * or ERRAND_LATER if that is not possible. */
enum errand_step errand_http(struct errand *errand, int request, enum http_method method,
                             const char *path, const char *const *headers, const char *body);
enum errand_step errand_tcp(struct errand *errand, int request, const char *text,
                            enum exchange_end end);

/* Where the answers of the connection go; for what was asked in another way, as through a program.
 */
void errand_answer(struct errand *errand, const struct remote_answer *answer, hb_mono now);

#endif
