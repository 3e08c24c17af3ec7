/* Which room temperatures are believed: range, jumps and Fahrenheit-looking steps. Pure.
 *
 * A discarded sample counts as missing: the last good one keeps ageing until it is stale.
 */
#ifndef HB_BRIDGE_CONTROL_PLAUSIBLE_H
#define HB_BRIDGE_CONTROL_PLAUSIBLE_H

#include <stdbool.h>
#include <stdint.h>

#include "ground/reading.h"

enum plausible_verdict {
    PLAUSIBLE_TAKEN,
    PLAUSIBLE_OUT_OF_RANGE, /* not a number, below -20 °C or above 45 °C (85 and -127 are sensor
                               faults) */
    PLAUSIBLE_JUMP,       /* more than 2 K in less than 3 minutes, one of the first three of them */
    PLAUSIBLE_FAHRENHEIT, /* the last good value, written in °F */
};

struct plausible {
    struct reading good;      /* last sample believed; unset: none yet                */
    hb_mono last_discarded;   /* newest sample not believed; unset: none              */
    hb_mono jumps_since;      /* first of the jumps that are counted in `jumps`       */
    uint32_t jumps;           /* jumps discarded in the last 10 minutes               */
    uint64_t discarded_total; /* since start */
};

/* Judges a sample in °C that arrived at `at`; keeps it as `good` when it is believed. */
enum plausible_verdict plausible_take(struct plausible *filter, double sample_c, hb_mono at);

/* True if samples arrive but none of them has been believed since the last good one. */
bool plausible_is_doubting(const struct plausible *filter, hb_mono now, int64_t stale_after_ms);

#endif
