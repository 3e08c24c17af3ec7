/* Operating points of an AxeOS device, pure: pairs of frequency and voltage out of what the device
 * itself offers, and what each of them draws.
 *
 * The watts begin as a CMOS model, f * V^2 scaled to the default point, and become what the device
 * reported while it ran there. Nothing above the default point is used unless the device says that
 * it may be overclocked.
 */
#ifndef HB_DEVICES_AXEOS_POINTS_H
#define HB_DEVICES_AXEOS_POINTS_H

#include "devices/axeos_codec.h"

struct axeos_point {
    double mhz, mv;
    double watts;
    bool learnt; /* from the device's own reports, not from the model */
};

struct axeos_points {
    double base_w;                       /* drawn without any hashing             */
    double unit_w;                       /* of the model, per MHz and square volt */
    size_t count;                        /* 0: not known yet                      */
    struct axeos_point at[HEATER_TIERS]; /* ascending */
};

/* What is known of a chip where the device does not offer its settings itself (before April 2025).
 * False for an unknown one. */
HB_MUST_USE bool axeos_chip_settings(const char *chip, struct axeos_asic *asic);

/* At most HEATER_TIERS of them, with differences that are worth a write to flash memory. */
void axeos_points_make(struct axeos_points *points, const struct axeos_asic *asic,
                       const struct axeos_info *info);
/* By the model, for settings that are no point. */
double axeos_model_w(const struct axeos_points *points, double mhz, double mv);
/* The point at which the device is set by its frequency; the voltage is its owner's business. -1 if
 * it is none. */
int axeos_point_of(const struct axeos_points *points, double mhz);
/* The device reports this power while it runs steadily at that point. */
void axeos_points_learn(struct axeos_points *points, size_t index, double power_w);
/* How many points are learnt. */
size_t axeos_points_learnt(const struct axeos_points *points);
/* What was learnt, as a text to keep over a restart: "mac 400:13.4 525:17.9". */
void axeos_points_keep(const struct axeos_points *points, const char *mac, char *text, size_t size);
/* Takes such a text, if it is of that device; frequencies that are no points, and watts that cannot
 * be, are left out. */
void axeos_points_recall(struct axeos_points *points, const char *mac, const char *text);
/* Levels as caps have them: ascending, to 0.1 W; the points up to `most`, with the same indices. */
void axeos_points_tiers(const struct axeos_points *points, size_t most, struct heater_caps *caps);
/* The index of the level nearest to a power. */
size_t axeos_tier_for(const struct heater_caps *caps, double power_w);

#endif
