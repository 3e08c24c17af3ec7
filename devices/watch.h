/* The rules of supervising one heater, pure: what was asked and answered goes in, what is to be
 * done comes out. Time is an argument; nothing is called.
 */
#ifndef HB_DEVICES_WATCH_H
#define HB_DEVICES_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "bridge/heater.h"

enum {
    WATCH_TRIES = 3,             /* writes of one command before it counts as failed          */
    WATCH_SLOW_RETRY_MS = 60000, /* a heater that does not obey is told again at this pace      */
    WATCH_POLL_MAX_MS = 60000,   /* a lost heater's polls are spread to about this             */
};

struct watch_rules {
    int32_t poll_ms;
    int32_t deadline_ms; /* a poll that is unanswered for this long means that the heater is lost */
    int32_t settle_ms, min_write_ms; /* as in heater_caps */
    double max_w, step_w, standby_w; /* as in heater_caps */
    bool shares_meter;               /* as in heater_caps */
};

/* Read freely, changed only by the functions below. */
struct watch {
    struct watch_rules rules;
    enum heater_link link;
    hb_mono next_poll, asked_at; /* asked_at: oldest unanswered poll, unset if none */
    unsigned silent_polls;       /* polls since the heater was lost                 */

    bool ordered;    /* `order` is set                                       */
    bool lease_over; /* `order` is our own "off" after a lease ran out       */
    struct heater_command order;
    enum command_outcome outcome;

    double written_w; /* NaN: nothing written yet */
    hb_mono written_at;
    hb_mono tried_at; /* of the last write or change of mind */
    bool write_wanted;
    unsigned tries;
    hb_mono mismatch_since; /* unset while the heater does what it should */
};

/* What a call asks its caller to do, in this order. */
struct watch_todo {
    bool link_lost, link_back;
    bool lease_ended;
    bool outcome; /* tell that command `seq` became `result` */
    uint64_t seq;
    enum command_outcome result;
    bool commit; /* hand `command` to the driver */
    bool again;  /* it is a repetition           */
    struct heater_command command;
    bool poll;
};

void watch_init(struct watch *watch, const struct watch_rules *rules);
/* An order that the caller has tested. */
struct watch_todo watch_command(struct watch *watch, const struct heater_command *command,
                                hb_mono now);
/* A state that the driver delivered. Never asks for a poll or a commit, so that a driver may report
 * from within them. */
struct watch_todo watch_report(struct watch *watch, const struct heater_state *state, hb_mono now);
struct watch_todo watch_tick(struct watch *watch, hb_mono now);
/* When the next tick has something to do. */
hb_mono watch_due(const struct watch *watch);

enum watch_verdict { WATCH_OBEYS, WATCH_DISOBEYS, WATCH_TOO_EARLY };

/* Whether the state agrees with the order. Asked in this order: what the device says it is set to,
 * and a meter, which may overrule it; without either, the power that the device reports. A power
 * that is only modelled proves nothing, and a device without any evidence is believed. Too early:
 * the evidence is older than the order, or than its time to settle. */
enum watch_verdict watch_judge(const struct watch *watch, const struct heater_state *state);

#endif
