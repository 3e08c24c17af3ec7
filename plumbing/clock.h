/* The only file that reads a clock; the shell asks it and hands the answer down. */
#ifndef HB_PLUMBING_CLOCK_H
#define HB_PLUMBING_CLOCK_H

#include "ground/time.h"

hb_mono clock_mono(void);
hb_wall clock_wall(void);

/* Seconds to add to UTC for local time at `at`, by the TZ of the process; daylight saving included.
 */
int32_t clock_utc_offset_s(hb_wall at);

#endif
