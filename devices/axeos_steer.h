/* How an AxeOS device is brought to what is wanted of it, pure: the next single write, given what
 * the device says now.
 *
 * The voltage is raised before the frequency and lowered after it. Settings are whole flash writes,
 * so what is equal is not written, and a small step down is made by pausing now and then instead.
 */
#ifndef HB_DEVICES_AXEOS_STEER_H
#define HB_DEVICES_AXEOS_STEER_H

#include "devices/axeos_points.h"

enum axeos_act {
    AXEOS_REACHED, /* nothing to write          */
    AXEOS_WAIT,    /* nothing to write yet      */
    AXEOS_PAUSE,
    AXEOS_RESUME,
    AXEOS_SHUT_DOWN,
    AXEOS_RESTART,
    AXEOS_SET_VOLTAGE,   /* flash */
    AXEOS_SET_FREQUENCY, /* flash */
};

struct axeos_step {
    enum axeos_act act;
    double value; /* of the last two */
};

struct axeos_goal {
    bool on;
    double mhz, mv; /* the point to be at; while off only where the device cannot pause */
    bool lowering;  /* the frequency was lowered on the way, so the voltage may follow */
};

/* `ramped`: the last write is long enough ago for the frequency to have followed. */
struct axeos_step axeos_next_step(const struct axeos_info *info, struct axeos_goal *goal,
                                  bool ramped);

/* --- flash memory
 * --------------------------------------------------------------------------------*/

enum { AXEOS_FLASH_A_DAY = 6 };

/* Times of the last writes to flash. */
struct axeos_flash {
    hb_mono at[AXEOS_FLASH_A_DAY];
    size_t next;
};

void axeos_flash_wrote(struct axeos_flash *flash, hb_mono now);
/* Whether `writes` more fit into the day that ends now. */
bool axeos_flash_allows(const struct axeos_flash *flash, unsigned writes, hb_mono now);
/* Time since the last one; INT64_MAX without any. */
int64_t axeos_flash_rest_ms(const struct axeos_flash *flash, hb_mono now);

/* How a power is made. */
struct axeos_plan {
    size_t index; /* of the point                                      */
    double duty;  /* share of the time that it runs; the rest it pauses */
    bool starved; /* another point would be right, but flash is spared  */
};

/* `current`: the point at which the device is, -1: none; `wanted`: the point of that power. */
struct axeos_plan axeos_choose(const struct axeos_points *points, enum axeos_kind kind, int current,
                               size_t wanted, const struct axeos_flash *flash, hb_mono now);

/* Pauses spread evenly, each long enough to be worth its ramp and short enough not to look like
 * disobedience. */
struct axeos_duty {
    double excess_s; /* that it ran too long so far */
    hb_mono at;
};

/* True if the device should pause now. */
bool axeos_duty_pauses(struct axeos_duty *duty, double ratio, bool paused, hb_mono now);

#endif
