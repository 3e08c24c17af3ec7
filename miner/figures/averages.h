/* Average rates of a growing counter over the last minute and the last quarter of an hour. Pure.
 *
 * Younger counters are averaged over their life. Notes are thinned out to one in five seconds, so
 * that a quarter of an hour fits.
 */
#ifndef HB_MINER_AVERAGES_H
#define HB_MINER_AVERAGES_H

#include <stddef.h>
#include <stdint.h>

#include "ground/time.h"

enum {
    AVERAGES_STEP_MS = 5 * 1000,
    AVERAGES_MINUTE_MS = 60 * 1000,
    AVERAGES_QUARTER_MS = 15 * 60 * 1000,
    AVERAGES_SLOTS = AVERAGES_QUARTER_MS / AVERAGES_STEP_MS + 1,
};

/* All zero at first. */
struct averages {
    hb_mono at[AVERAGES_SLOTS];
    double count[AVERAGES_SLOTS];
    size_t used, next;
    hb_mono last_at; /* of the newest note, kept or not */
    double last_count;
};

/* Notes the counter's value; call it several times a second. */
void averages_note(struct averages *averages, hb_mono now, double count);
/* Growth per second over the last `span_ms`, at most AVERAGES_QUARTER_MS; NaN before two notes. */
double averages_per_s(const struct averages *averages, int64_t span_ms);

#endif
