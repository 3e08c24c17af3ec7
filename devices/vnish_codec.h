/* What VNish says and is told under /api/v1, as structs. Pure.
 *
 * Known from the firmware's own OpenAPI pages of 1.2.6, 1.2.7 and 1.3.4; no recording of a device
 * is public.
 */
#ifndef HB_DEVICES_VNISH_CODEC_H
#define HB_DEVICES_VNISH_CODEC_H

#include <stdbool.h>
#include <stddef.h>

#include "devices/reply.h"

enum { VNISH_PRESETS = 32, VNISH_NAME = 32, VNISH_TOKEN = 768, VNISH_BODY = 128 };

/* What /mining/throttle takes, in percent of the preset's power. */
#define VNISH_LEAST_PERCENT 20.0
#define VNISH_MOST_PERCENT  100.0

enum vnish_run {
    VNISH_UNKNOWN,
    VNISH_ON,     /* mining, or on the way there                     */
    VNISH_OFF,    /* stopped, or on the way there                    */
    VNISH_FAILED, /* stopped by a failure, which `failure` describes */
};

/* The settings that matter here. */
struct vnish_settings {
    enum vnish_run run;
    double throttled; /* percent; NaN: this firmware cannot throttle      */
    char preset[VNISH_NAME];
    double preset_w; /* NaN: no preset is active, or its name is no power */
    char failure[NAME_MAX_B];
};

struct vnish_preset {
    char name[VNISH_NAME];
    double power_w;
    bool tuned;
};

struct vnish_presets {
    struct vnish_preset list[VNISH_PRESETS];
    size_t count;
};

/* Each takes one answer; a field that is not there stays unknown. */
void vnish_info(const struct json *answer, struct heater_state *state, double *hash_unit,
                struct reply_faults *faults);
void vnish_summary(const struct json *answer, double hash_unit, struct heater_state *state,
                   struct vnish_settings *settings, struct reply_faults *faults);
void vnish_perf_summary(const struct json *answer, struct vnish_settings *settings,
                        struct reply_faults *faults);
/* Leaves out presets that need a modified power supply, and those whose name is no power. */
void vnish_presets(const struct json *answer, struct vnish_presets *presets,
                   struct reply_faults *faults);
/* False, with `token` "", if there is none. */
bool vnish_token(const struct json *answer, char token[VNISH_TOKEN], struct reply_faults *faults);

/* "10 days, 18:05" or "3:05" in seconds; NaN for anything else. */
double vnish_uptime_s(const char *text);

/* Bodies of requests; false if they do not fit. */
bool vnish_body_unlock(char *body, size_t size, const char *password);
bool vnish_body_throttle(char *body, size_t size, int percent);
bool vnish_body_preset(char *body, size_t size, const char *preset);

/* Tuned presets, if there are any, else all of them. */
size_t vnish_usable(const struct vnish_presets *presets, bool untuned,
                    struct vnish_preset usable[VNISH_PRESETS]);

#endif
