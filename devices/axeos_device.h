/* What heatbridge knows of one AxeOS device, and the pure parts of its care: what it reports, how
 * its overheating is treated. Private to devices/axeos*.c and their tests. */
#ifndef HB_DEVICES_AXEOS_DEVICE_H
#define HB_DEVICES_AXEOS_DEVICE_H

#include "devices/axeos_steer.h"

/* Counters of the device begin anew when it does; ours do not. */
struct axeos_shares {
    bool known;
    uint64_t accepted, rejected; /* as last read */
    uint64_t accepted_total, rejected_total;
};

/* An overheating. The device stops by itself. Newer firmware goes on after half a minute with
 * 100 MHz and 100 mV less and its fan at full speed, all for good; older firmware stays stopped;
 * the Nerd family shuts down. */
struct axeos_heat {
    bool hot; /* until the settings are restored, or a person did it */
    hb_mono since;
    double before_mhz; /* set before it; NaN: not known */
    bool had_auto_fan;
    bool recovering;      /* the host wants it back */
    hb_mono recovered_at; /* unset: never */
};

/* The order that stands. */
struct axeos_order {
    bool given, active; /* active: not reached yet */
    uint64_t seq;
    double power_w;
    char mac[18]; /* of the device that it is meant for */
    bool planned; /* the next three are set */
    bool exact;   /* the plan makes the power that is ordered, and not only the nearest */
    struct axeos_plan plan;
    struct axeos_goal goal;
    struct axeos_step last; /* written for it */
    unsigned steps, repeats;
};

struct axeos_device {
    bool known; /* `info` was read */
    struct axeos_info info;
    char model[NAME_MAX_B]; /* from its settings */
    struct axeos_points points;
    struct heater_caps caps; /* as last told */
    struct axeos_order order;
    struct axeos_heat heat;
    struct axeos_shares shares;
    struct axeos_duty duty;
    struct axeos_flash flash;
    hb_mono wrote_at;  /* the last write of any kind */
    hb_mono low_since; /* it hashes far less than it should; unset: it does not */
    uint64_t writes;
};

/* Takes what was just read: shares, overheating, stalling, watts of the point. */
void axeos_take_info(struct axeos_device *device, const struct axeos_info *info, hb_mono now);
/* The index of the largest point that is used: one step lower after an overheating, for a day. */
size_t axeos_most_point(const struct axeos_device *device, hb_mono now);
/* Whether it has cooled down enough to be set as before. */
bool axeos_is_cool(const struct axeos_device *device, hb_mono now);
/* Whether what overheating did to its settings should be undone now: at most once in a day. */
bool axeos_may_recover(const struct axeos_device *device, hb_mono now);
/* Whether it is set to its order, or is on the way by pausing now and then. */
bool axeos_at_order(const struct axeos_device *device);
/* Abilities by its points. */
void axeos_make_caps(const struct axeos_device *device, hb_mono now, struct heater_caps *caps);
/* `can_sign`: the secret for one-time passwords is configured. */
void axeos_make_state(const struct axeos_device *device, const struct reply_faults *faults,
                      bool can_sign, hb_mono now, struct heater_state *state);

#endif
