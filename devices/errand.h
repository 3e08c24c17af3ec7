/* The order of business with one device: a poll reads it part by part, a command writes what
 * differs from what was read, and what was written is read back at once.
 *
 * One request is under way at a time. A command interrupts a reading, and replaces an older command
 * between two writes; what writing began (a session, a check of what was written) is ended before
 * the rest is left. What could not be written is tried again after the next reading, against
 * what the device then says.
 */
#ifndef HB_DEVICES_ERRAND_H
#define HB_DEVICES_ERRAND_H

#include "devices/driver.h"
#include "devices/remote.h"

enum errand_step {
    ERRAND_ASKED, /* a request was queued                                               */
    ERRAND_NEXT,  /* nothing was asked: go on with the next part, or write what is next   */
    ERRAND_DONE,  /* all is read, or written                                            */
    ERRAND_LATER, /* not possible now: read first, at the next poll                      */
    ERRAND_LEAVE, /* the command will not be carried out, and why was told              */
};

/* What a driver adds. `self` is that of the errand. */
struct errand_rules {
    /* Asks for a part of the reading; 0 begins a new one. ERRAND_ASKED, ERRAND_NEXT to leave the
     * part out, ERRAND_DONE after the last. */
    enum errand_step (*read)(void *self, int part);
    /* Takes the answer. False: it is of no use, and there is no report. */
    bool (*take)(void *self, const struct remote_answer *answer);
    /* All parts were taken. */
    void (*report)(void *self, hb_mono now);
    /* Asks for the next write toward the order, which is NULL if only what was begun is to be
     * ended. ERRAND_DONE if nothing is left to write. */
    enum errand_step (*write)(void *self, const struct heater_command *order, hb_mono now);
    /* Takes the answer to what was written for `order`, which a newer one may have replaced:
     * ERRAND_NEXT, ERRAND_LATER or ERRAND_LEAVE. NULL as above. */
    enum errand_step (*wrote)(void *self, const struct heater_command *order,
                              const struct remote_answer *answer, hb_mono now);
    /* Whether writing began something that must be ended even without an order. */
    bool (*unfinished)(const void *self);
    int32_t fresh_ms; /* how long a reading is good enough to write against */
};

enum errand_phase { ERRAND_IDLE, ERRAND_READING, ERRAND_WRITING };

struct errand {
    const struct errand_rules *rules;
    void *self;
    enum errand_phase phase;
    int part;
    bool wanted;     /* `order` is not carried out yet */
    bool urgent;     /* it came while the device was being read */
    hb_mono read_at; /* the last whole reading; unset if none may be written against */
    struct heater_command order;
    struct heater_command writing; /* that for which something was asked last */
};

/* Both legal with a remote that refuses all requests. */
void errand_poll(struct errand *errand, hb_mono now);
void errand_commit(struct errand *errand, const struct heater_command *command, hb_mono now);
/* What the driver's remote answers goes here. */
void errand_answer(struct errand *errand, const struct remote_answer *answer, hb_mono now);

#endif
