/* What bosminer says on TCP port 4028, as a struct; pure.
 *
 * Known from Braiins' own page "BOSminer API" (plus-en, Development/1_api) with its answers of an
 * S9 with BOSminer+ 0.2.0 (20.07), and from what pyasic and hass-miner read of 20.07 to 22.08. No
 * recording was taken over.
 */
#ifndef HB_DEVICES_BOSMINER_CODEC_H
#define HB_DEVICES_BOSMINER_CODEC_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/heater.h"
#include "devices/reply.h"

enum bosminer_tuner {
    BOSMINER_TUNER_UNKNOWN,
    BOSMINER_TUNER_STABLE,
    BOSMINER_TUNER_BUSY, /* measuring profiles, tuning chips, or whatever else is not stable */
    BOSMINER_TUNER_PAUSED,
};

/* What was read in one round. */
struct bosminer {
    struct heater_state state;
    double limit_w;   /* power limit that it works at; NaN: it does not say   */
    double shows_hs;  /* hash rate of the last seconds; NaN: it does not say  */
    bool unavailable; /* the API answers that the miner behind it does not    */
    bool ours;        /* it says that it is bosminer, or boser                */
    enum bosminer_tuner tuner;
    char tuner_words[NAME_MAX_B]; /* its own, of the board that is furthest from stable */
};

/* Nothing is known. */
void bosminer_forget(struct bosminer *seen, hb_mono now);

/* Each reads one answer; false if it is of no use at all. */
bool bosminer_read_tuner(const char *body, size_t len, struct bosminer *seen,
                         struct reply_faults *faults);
bool bosminer_read_summary(const char *body, size_t len, struct bosminer *seen,
                           struct reply_faults *faults);
bool bosminer_read_temps(const char *body, size_t len, struct bosminer *seen,
                         struct reply_faults *faults);
bool bosminer_read_fans(const char *body, size_t len, struct bosminer *seen,
                        struct reply_faults *faults);
bool bosminer_read_pools(const char *body, size_t len, struct bosminer *seen,
                         struct reply_faults *faults);
/* The model, of `devdetails`. */
bool bosminer_read_details(const char *body, size_t len, struct bosminer *seen,
                           struct reply_faults *faults);

/* The answer to `pause` or `resume`: whether it says that it did it. */
bool bosminer_obeys(const char *body, size_t len, struct reply_faults *faults);

#endif
