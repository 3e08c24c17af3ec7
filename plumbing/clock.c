#define _GNU_SOURCE /* CLOCK_BOOTTIME, tm_gmtoff */
#include "plumbing/clock.h"

#include <time.h>

static int64_t read_ms(clockid_t id)
{
    struct timespec ts;
    (void)clock_gettime(id, &ts); /* cannot fail for these two clocks on Linux */
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

hb_mono clock_mono(void)
{
    return (hb_mono){read_ms(CLOCK_BOOTTIME)};
}

hb_wall clock_wall(void)
{
    return (hb_wall){read_ms(CLOCK_REALTIME)};
}

int32_t clock_utc_offset_s(hb_wall at)
{
    const time_t seconds = (time_t)(at.ms / 1000);
    struct tm local;
    return localtime_r(&seconds, &local) == NULL ? 0 : (int32_t)local.tm_gmtoff;
}
