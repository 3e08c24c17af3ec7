/* What is the matter with a heater, by evidence, pure: hash rate claimed against shares accepted
 * and watts drawn, the pool that it mines at against the one it should, obedience.
 *
 * Every finding gets one attempt to recover in 24 hours at most; after that it is a person's turn.
 */
#ifndef HB_DEVICES_HEALTH_H
#define HB_DEVICES_HEALTH_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/heater.h"

enum {
    HEALTH_COOL_C = 50,             /* a chip below this has cooled down                */
    HEALTH_COOL_MS = 10 * 60000,    /* one whose temperature is unknown, after so long  */
    HEALTH_AGAIN_MS = 24 * 3600000, /* between two attempts to recover from the same    */
};

/* What a look is made of. */
struct health_input {
    hb_mono now;
    const struct heater_state *state; /* as the device reported it; its link is ok              */
    double ordered_w;                 /* NaN: nothing was ordered yet                            */
    bool settled;                     /* the order was written and has had the time to show       */
    bool disobeys;                    /* it did not do what it was told, in spite of repetitions */
    double max_w, standby_w;          /* of its abilities                                        */
    double too_hot_c;
    const char *expected_pool; /* "host:port", several with spaces; "": any   */
    const char *expected_user; /* "": any                                     */
    bool can_restart;          /* the driver has a way of its own to recover */
};

/* Read freely, changed only by the functions below. */
struct health {
    enum heater_health found;
    hb_mono since;                      /* of `found`; unset while healthy                   */
    hb_mono tried[HEATER_HEALTH_COUNT]; /* last attempt to recover from it; unset: none yet */
    /* Shares against hashes. */
    bool hashed; /* it has told of a hash rate above zero    */
    uint64_t shares;
    struct reading last_hashrate_hs;
    double hashes;    /* claimed since the last share                            */
    double per_share; /* hashes that a share takes, learnt; meaningless while shares_seen is 0 */
    unsigned shares_seen;
    hb_mono share_at; /* of the last share, or since when one is waited for; unset: none is */
    bool disproved;   /* shares were missed, and none has come since */
    /* Since when each of these holds; unset: it does not. */
    hb_mono idle_since, dark_since, pool_lost_since, drift_since;
};

/* Takes a look at a fresh state. True asks for one attempt to recover from `found`, which then
 * counts as tried. */
bool health_look(struct health *health, const struct health_input *in);
/* An attempt of an earlier run of the program; as if it had been made at `now`. */
void health_tried(struct health *health, enum heater_health kind, hb_mono now);

/* One sentence that says what was seen, and that a recovery was tried. */
void health_describe(const struct health *health, char *text, size_t size);

/* True if the pool is one of the list, "host:port" with spaces between; host names ignore case. */
bool health_pool_is_listed(const char *list, const char *pool);

#endif
