/* The rules of supervising one heater, pure: what was asked and answered goes in, what is to be
 * done comes out. Time is an argument; nothing is called.
 */
#ifndef HB_DEVICES_WATCH_H
#define HB_DEVICES_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "bridge/heater.h"
#include "devices/budget.h"

enum {
    WATCH_EARLY_MS = 20, /* a poll is due by so much before its time: else a tick of a second that
                            comes a millisecond early would delay it by a whole second */
    WATCH_TRIES = 3,     /* writes of one command before it counts as failed          */
    WATCH_SLOW_RETRY_MS = 60000,  /* a heater that does not obey is told again at this pace, */
    WATCH_SLOW_RETRIES = 20,      /* so often,                                               */
    WATCH_RARE_RETRY_MS = 600000, /* and at this pace from then on                              */
    WATCH_POLL_MAX_MS = 15000, /* a lost heater's polls are spread to this: whoever comes back after
                                  a power cut may heat unasked until then                */
    WATCH_SURE_MS = 3000,      /* an identity that was seen so lately is still that of the device:
                                  changing addresses takes longer                              */
    WATCH_HELD_MS = 30000,     /* a write that the budget held back is asked for again so often  */
};

struct watch_rules {
    int32_t poll_ms;
    int32_t deadline_ms; /* a poll that is unanswered for this long means that the heater is lost */
    int32_t settle_ms, min_write_ms;       /* as in heater_caps */
    double max_w, step_w, standby_w;       /* as in heater_caps */
    bool shares_meter, restarts_on_change; /* as in heater_caps */
    bool identified; /* which device it is is known: nothing is written unless it was just seen */
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

    struct budget budget; /* the caller keeps it current */
    bool held;            /* the budget keeps a write back */
    hb_mono held_until;
    hb_mono sure_at;   /* last report of the right device; unset: not since it answers again */
    hb_mono off_until; /* an attempt to recover keeps it off until then; unset: none does     */

    double written_w;   /* NaN: nothing written yet */
    hb_mono written_at; /* when it was told last */
    hb_mono wore_at;    /* when that changed something in the device; unset: it never did */
    bool written_blind; /* while it did not answer */
    double drawn_w;     /* what it is set to, or else draws, as last seen; NaN: unknown */
    bool unordered;     /* it went there by itself: restarted, or changed by another hand */
    double uptime_s;    /* NaN: unknown */
    hb_mono tried_at;   /* of the last write or change of mind */
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
/* `sure`: the state carries the identity that is expected. */
struct watch_todo watch_report(struct watch *watch, const struct heater_state *state, bool sure,
                               hb_mono now);
/* Another device answers in its place: as if it did not answer, but asked at the usual pace. */
struct watch_todo watch_report_of_another(struct watch *watch);
/* The heater is looked for anew, at another address. */
void watch_ask_now(struct watch *watch, hb_mono now);
/* The driver had to write something to the device: the next write keeps its distance. What was told
 * and was so already costs nothing. */
void watch_wrote(struct watch *watch, hb_mono now);
/* Keeps the heater off until then and restores the order: an attempt to recover. */
void watch_off_and_on(struct watch *watch, hb_mono until);
/* The device refused the command: no use in repeating it soon. */
struct watch_todo watch_refused(struct watch *watch, uint64_t seq, hb_mono now);
/* What a pending order waits for. */
enum heater_wait watch_waits_for(const struct watch *watch, hb_mono now);
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
