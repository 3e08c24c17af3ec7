/* What Canaan's Avalon miners can do, one row per model: levels, their watts, how they are
 * switched, and where they tell what they draw. Pure data; sources: heater-apis A3 and B2.
 */
#ifndef HB_DEVICES_AVALON_MODELS_H
#define HB_DEVICES_AVALON_MODELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { AVALON_LEVELS = 3, AVALON_NONE = -99 /* a mode or level that is not known, or not used */ };

/* How a level is chosen. */
enum avalon_knob {
    AVALON_KNOB_LEVEL,          /* worklevel                                   */
    AVALON_KNOB_MODE,           /* workmode                                    */
    AVALON_KNOB_MODE_AND_LEVEL, /* both, the level only in some modes          */
    AVALON_KNOB_BARE_MODE,      /* workmode, in the older form without "set"  */
};

/* How it is switched off and on. */
enum avalon_switch {
    AVALON_SWITCH_NONE,   /* not over the network                             */
    AVALON_SWITCH_TIMED,  /* softoff and softon, at a time of its own clock   */
    AVALON_SWITCH_REBOOT, /* softoff or hashpower, and a restart to wake it   */
};

struct avalon_level {
    double power_w; /* at the wall, nominal */
    int mode, level;
};

struct avalon_model {
    const char *key;     /* value of the configuration's `model`                              */
    const char *name;    /* for people                                                        */
    const char *product; /* how PROD of its version begins, capitals aside                    */
    const char *model;   /* how MODEL begins; "" for any                                      */
    enum avalon_knob knob;
    enum avalon_switch off;
    uint8_t power_at;        /* which number of PS[] is the power at the wall                */
    bool mode_needs_reboot;  /* a new mode counts only after a restart                       */
    int own_thermostat_mode; /* in which it decides by itself when to heat; or AVALON_NONE   */
    double standby_w;
    int32_t settle_ms, min_on_ms, min_off_ms;
    size_t level_count;
    struct avalon_level level[AVALON_LEVELS]; /* ascending */
};

/* Ended by a row whose key is NULL. */
extern const struct avalon_model avalon_models[];

/* Of what a `version` answer says; NULL if none fits. */
const struct avalon_model *avalon_model_find(const char *product, const char *model);
/* Index of the level with exactly this mode and level; -1 if it is none of them. */
int avalon_level_find(const struct avalon_model *model, int mode, int level);
/* Index of the level whose power, as given in `level_w`, is nearest. */
int avalon_level_near(const struct avalon_model *model, const double *level_w, double power_w);

#endif
