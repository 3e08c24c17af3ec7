/* Local time of the week and the slots of a room's schedule. Pure.
 *
 * The clock holds local time while it repeats an hour in autumn, so that no slot fires twice.
 */
#ifndef HB_BRIDGE_CONTROL_SCHEDULE_H
#define HB_BRIDGE_CONTROL_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "bridge/config.h"
#include "ground/time.h"

struct schedule_clock {
    bool known;
    int32_t offset_s;      /* of the last call */
    int64_t local_ms;      /* local time of the last call */
    int64_t held_until_ms; /* local time that the clock had reached before it was put back */
};

/* Advances the clock to `wall` at `offset_s` east of UTC. Returns by how many ms local time was
 * shifted against UTC since the last call (an hour at the ends of summer time, else 0). */
int64_t schedule_clock_set(struct schedule_clock *clock, hb_wall wall, int32_t offset_s);

/* Minute of the week, 0 (Monday 00:00) to 10079, that the schedule goes by. */
int32_t schedule_week_minute(const struct schedule_clock *clock);

/* Preset in force at a minute of the week: that of the last slot at or before it, wrapping around
 * the week. INDEX_NONE without a schedule. */
uint16_t schedule_preset(const struct config_room *room, int32_t week_minute);

/* When the next slot begins, in UTC. The room must have a schedule. */
hb_wall schedule_next_switch(const struct config_room *room, const struct schedule_clock *clock,
                             hb_wall wall);

#endif
