/* What ePIC's PowerPlay says and is told over HTTP on port 4028, as structs. Pure.
 *
 * Known from recorded answers of an Antminer S19 XP with PowerPlay-BMS v1.5.13 published by
 * asic-rs, and from the firmware's OpenAPI pages of 1.22.5 and 1.30.0.
 */
#ifndef HB_DEVICES_EPIC_CODEC_H
#define HB_DEVICES_EPIC_CODEC_H

#include <stdbool.h>
#include <stddef.h>

#include "devices/reply.h"

enum { EPIC_LEVELS = 16, EPIC_NAME = 24, EPIC_BODY = 256 };

enum epic_run { EPIC_UNKNOWN, EPIC_ON, EPIC_OFF };

/* How a heater can be told a power, best first. */
enum epic_knob {
    EPIC_ON_OFF, /* not at all                                                       */
    EPIC_LEVEL,  /* by the hash rate of one of its tune presets, whose power is known    */
    EPIC_POWER,  /* in watts                                                        */
};

/* A tune preset. */
struct epic_level {
    double power_w;
    double target; /* TH/s */
};

struct epic_abilities {
    enum epic_knob knob;
    double min_w, max_w;       /* of EPIC_POWER */
    char algorithm[EPIC_NAME]; /* by which a level is tuned, unless another of them runs */
    struct epic_level level[EPIC_LEVELS];
    size_t level_count;
};

/* The settings that matter here. */
struct epic_settings {
    enum epic_run run;
    bool busy;                          /* it changes something just now, and may take no command */
    int tuning;                         /* 1, 0, -1 for unknown */
    char algorithm[EPIC_NAME];          /* "" for unknown */
    double target;                      /* of that algorithm: W or TH/s */
    double min_throttle, throttle_step; /* kept as they are; NaN without any */
};

/* Each takes one answer; a field that is not there stays unknown. */
void epic_summary(const struct json *answer, struct heater_state *state,
                  struct epic_settings *settings, struct reply_faults *faults);
void epic_network(const struct json *answer, struct heater_state *state,
                  struct reply_faults *faults);
void epic_capabilities(const struct json *answer, char model[NAME_MAX_B],
                       struct epic_abilities *abilities, struct reply_faults *faults);

/* Whether a command was taken; else the name of its error, as in "BadPassword". */
bool epic_taken(const struct json *answer, char error[NAME_MAX_B], struct reply_faults *faults);

/* What tunes to that power: the algorithm's name in `algorithm`. The target, or NaN if it
 * can only be switched on and off. */
double epic_target(const struct epic_abilities *abilities, const struct epic_settings *settings,
                   double power_w, char algorithm[EPIC_NAME]);
/* What it is set to draw while it runs; NaN if that cannot be told. */
double epic_applied_w(const struct epic_abilities *abilities, const struct epic_settings *settings);

/* Bodies of commands; false if they do not fit. */
bool epic_body_text(char body[EPIC_BODY], const char *param, const char *password);
bool epic_body_bool(char body[EPIC_BODY], bool param, const char *password);
bool epic_body_algorithm(char body[EPIC_BODY], const char *algorithm, double target,
                         const struct epic_settings *settings, const char *password);

#endif
