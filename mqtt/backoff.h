/* When to try the broker again: exponential with jitter, and the rule against client-id fights.
 * Pure.
 *
 * Two programs with one client id throw each other out as fast as they reconnect, and brokers do
 * not say why. Four sessions shorter than 5 s within a minute are taken as that, and answered by a
 * minute of silence.
 */
#ifndef HB_MQTT_BACKOFF_H
#define HB_MQTT_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

#include "ground/attr.h"
#include "ground/time.h"

enum {
    BACKOFF_FIRST_MS = 1000, /* the first retry comes after half of this to all of it */
    BACKOFF_CAP_MS = 60000,  /* doubled on each failure up to this */
    BACKOFF_SHORT_SESSION_MS = 5000,
    BACKOFF_FIGHT_LOSSES = 4,
    BACKOFF_FIGHT_WINDOW_MS = 60000,
};

struct mqtt_backoff {
    uint32_t random;
    unsigned failures; /* since the last session that lasted */
    hb_mono up_since;
    hb_mono short_losses[BACKOFF_FIGHT_LOSSES]; /* the latest, as a ring */
    unsigned short_loss_count;
};

/* `seed` should differ between processes, so that they do not return in step after an outage. */
void mqtt_backoff_init(struct mqtt_backoff *backoff, uint32_t seed);
/* A session began. */
void mqtt_backoff_connected(struct mqtt_backoff *backoff, hb_mono now);
/* An attempt failed. Returns the milliseconds to wait before the next one. */
HB_MUST_USE int64_t mqtt_backoff_failed(struct mqtt_backoff *backoff);
/* A session ended. Returns the milliseconds to wait; `*fight` tells whether somebody else seems to
 * use the same client id. */
HB_MUST_USE int64_t mqtt_backoff_lost(struct mqtt_backoff *backoff, hb_mono now, bool *fight);

#endif
