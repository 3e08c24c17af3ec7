/* Two kinds of time that do not mix: since boot for ages and time-outs, Unix for schedules and
 * books.
 *
 * Both are structs so that adding one to the other, or to a plain number, does not compile.
 * Nothing here reads a clock: pure code gets its time as an argument.
 */
#ifndef HB_GROUND_TIME_H
#define HB_GROUND_TIME_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    int64_t ms;
} hb_mono; /* milliseconds since boot, suspend included (CLOCK_BOOTTIME); 0 means never */

typedef struct {
    int64_t ms;
} hb_wall; /* milliseconds since 1970-01-01 UTC */

/* Milliseconds from `since` to `now`; negative when `since` lies ahead. */
static inline int64_t mono_age_ms(hb_mono now, hb_mono since)
{
    return now.ms - since.ms;
}

static inline hb_mono mono_add_ms(hb_mono t, int64_t delta_ms)
{
    return (hb_mono){t.ms + delta_ms};
}

static inline bool mono_is_set(hb_mono t)
{
    return t.ms != 0;
}

/* The earlier of two times of which either may be unset. */
static inline hb_mono mono_earlier(hb_mono a, hb_mono b)
{
    if (!mono_is_set(a)) {
        return b;
    }
    return (!mono_is_set(b) || a.ms < b.ms) ? a : b;
}

#endif
