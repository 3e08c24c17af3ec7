/* What the files of the Avalon driver share: the conversation (avalon.c), and what is told of the
 * device (avalon_report.c). Included by no one else.
 */
#ifndef HB_DEVICES_AVALON_INSIDE_H
#define HB_DEVICES_AVALON_INSIDE_H

#include "devices/avalon.h"
#include "devices/avalon_codec.h"

struct remote;

/* A count of the device, which starts again with the device. */
struct avalon_counted {
    double last; /* NaN: not read yet */
    uint64_t sum;
};

struct avalon {
    struct heater_env env;
    struct remote *remote;
    const struct avalon_model *model; /* NULL: not known yet */
    bool model_is_news;
    double level_w[AVALON_LEVELS]; /* as the device corrected them */
    struct avalon_version version;
    struct avalon_stats stats;
    struct avalon_pools pools;
    struct reply_faults faults;
    struct avalon_counted accepted, rejected, stale;
    char identity[NAME_MAX_B]; /* of the device that answered last */
    int64_t when_s;            /* its own clock, */
    hb_mono when_at;           /* when it was read */
    bool busy;                 /* a round of questions, or a write, is under way */

    bool ordered;
    struct heater_command order; /* the last */
    int order_level;             /* below 0: off */
    bool wanted;                 /* there may be something left to write for it */
    bool restart_wanted;         /* by the host, to bring it back */
    struct avalon_step sent;
    uint64_t sent_seq;    /* the order that it was for; 0: none */
    bool reboot_due;      /* it took a mode that counts only after a restart */
    char waits[TEXT_MAX]; /* why the order cannot be carried out yet */
    hb_mono try_at;       /* not before */

    /* Accepted, but not to be read yet. */
    hb_mono switch_until, mode_until;
    bool switched_on;
    hb_mono waking_until; /* it was restarted to wake, which must not happen over and over */
    int mode, level;      /* AVALON_NONE: not written */
};

/* Abilities of the model, or before it is known. */
void avalon_fill_caps(const struct avalon *a, struct heater_caps *caps);
void avalon_take_model(struct avalon *a, const struct avalon_model *model);
/* Corrects the watts of the levels by what the device tells; tells the host, if that is news or the
 * model is. */
void avalon_learn_levels(struct avalon *a);
/* Another device answers: its counts are not a continuation. */
void avalon_forget_counts(struct avalon *a);
void avalon_report(struct avalon *a, hb_mono now);

#endif
