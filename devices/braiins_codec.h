/* What Braiins OS says over its REST interface, and what is said to it; pure.
 *
 * Facts: the OpenAPI descriptions of 25.07 and 26.04 (API 1.0 to 1.3) and answers recorded from
 * 25.07, 25.11 and 26.04. Older versions have no such interface; what they say on port 4028 tells
 * them apart.
 */
#ifndef HB_DEVICES_BRAIINS_CODEC_H
#define HB_DEVICES_BRAIINS_CODEC_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/heater.h"
#include "devices/reply.h"

enum { BRAIINS_TOKEN_MAX = 256, BRAIINS_BODY_MAX = 512 };

enum braiins_status {
    BRAIINS_UNSPECIFIED,
    BRAIINS_NOT_STARTED, /* bosminer does not run */
    BRAIINS_NORMAL,
    BRAIINS_PAUSED,
    BRAIINS_SUSPENDED,
    BRAIINS_RESTRICTED,
    BRAIINS_STATUS_UNKNOWN,
};

enum braiins_tuner {
    BRAIINS_TUNER_UNSPECIFIED,
    BRAIINS_TUNER_DISABLED,
    BRAIINS_TUNER_STABLE,
    BRAIINS_TUNER_TUNING,
    BRAIINS_TUNER_ERROR,
    BRAIINS_TUNER_CONTINUOUS,
    BRAIINS_TUNER_PREHEAT,
    BRAIINS_TUNER_UNKNOWN,
};

/* What was read in one round. */
struct braiins {
    struct heater_state state;
    enum braiins_status status;
    enum braiins_tuner tuner;
    double set_w;   /* the power target that it is configured to; NaN: it does not say */
    double holds_w; /* the one that it works at now, which its own scaling may have lowered */
    int tuner_on;   /* 1, 0, or -1 for unknown */
    int dps;        /* Dynamic Performance Scaling: 1, 0, or -1 for unknown */
};

/* Nothing is known. */
void braiins_forget(struct braiins *seen, hb_mono now);

/* Each reads one answer: 200 and JSON. False if it is of no use at all. */
bool braiins_read_details(const char *body, size_t len, struct braiins *seen,
                          struct reply_faults *faults);
bool braiins_read_configuration(const char *body, size_t len, struct braiins *seen,
                                struct reply_faults *faults);
bool braiins_read_tuner(const char *body, size_t len, struct braiins *seen,
                        struct reply_faults *faults);
bool braiins_read_stats(const char *body, size_t len, struct braiins *seen,
                        struct reply_faults *faults);
bool braiins_read_cooling(const char *body, size_t len, struct braiins *seen,
                          struct reply_faults *faults);
bool braiins_read_boards(const char *body, size_t len, struct braiins *seen,
                         struct reply_faults *faults);
bool braiins_read_pools(const char *body, size_t len, struct braiins *seen,
                        struct reply_faults *faults);

/* The blocks of the same shapes inside the answers of others. */
void braiins_take_stats(const struct json *json, struct heater_state *state,
                        struct reply_faults *faults);
void braiins_take_cooling(const struct json *json, struct heater_state *state,
                          struct reply_faults *faults);

/* The power targets that it accepts; NaN where it does not say. */
struct braiins_range {
    double min_w, max_w;
};
bool braiins_read_constraints(const char *body, size_t len, struct braiins_range *range,
                              struct reply_faults *faults);

/* Draws the conclusions from all that was read: applied power, problem, health. */
void braiins_conclude(struct braiins *seen);

/* --- what is said to it ------------------------------------------------------------------------*/

/* In the order in which they are made: the target before it resumes, so that it does not ramp up to
 * the old one. */
enum braiins_write {
    BRAIINS_SET_TARGET,
    BRAIINS_START,
    BRAIINS_RESUME,
    BRAIINS_PAUSE,
    BRAIINS_WRITES
};

/* Whether that write is needed to hold `power_w`, 0 being off. */
bool braiins_needs(const struct braiins *seen, enum braiins_write write, double power_w);
const char *braiins_write_path(enum braiins_write write);
/* The body of BRAIINS_SET_TARGET. */
void braiins_target_body(double power_w, char body[BRAIINS_BODY_MAX]);
/* False if it does not fit. */
HB_MUST_USE bool braiins_login_body(const char *user, const char *password,
                                    char body[BRAIINS_BODY_MAX]);
HB_MUST_USE bool braiins_read_login(const char *body, size_t len, char token[BRAIINS_TOKEN_MAX]);

/* Why it refused, as far as it says: one phrase, "" if it does not. */
void braiins_read_refusal(const char *body, size_t len, char *text, size_t size);

/* --- versions without this interface -----------------------------------------------------------*/

enum braiins_era {
    BRAIINS_NONE,     /* no Braiins OS                                            */
    BRAIINS_BOSER,    /* settings over gRPC or GraphQL only                       */
    BRAIINS_BOSMINER, /* settings only in its file bosminer.toml                  */
};

/* The answer to `version` on port 4028; `version` becomes what it calls itself. */
enum braiins_era braiins_read_version(const char *body, size_t len, char *version, size_t size);

#endif
