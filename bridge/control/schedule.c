#include "bridge/control/schedule.h"

enum { MINUTE_MS = 60000, DAY_MINUTES = 1440, WEEK_MINUTES = 7 * DAY_MINUTES };
enum { EPOCH_WEEKDAY = 3 }; /* 1970-01-01 was a Thursday; Monday is 0 */
static const int64_t hold_longest_ms = 2 * 3600000;

int64_t schedule_clock_set(struct schedule_clock *clock, hb_wall wall, int32_t offset_s)
{
    const int64_t local_ms = wall.ms + (int64_t)offset_s * 1000;
    int64_t shift_ms = 0;
    if (clock->known && offset_s != clock->offset_s) {
        shift_ms = ((int64_t)offset_s - clock->offset_s) * 1000;
        if (shift_ms < 0 && local_ms < clock->local_ms) {
            clock->held_until_ms = clock->local_ms;
        }
    }
    /* A jump of the clock itself is no repeated hour. */
    if (clock->held_until_ms - local_ms > hold_longest_ms || local_ms >= clock->held_until_ms) {
        clock->held_until_ms = 0;
    }
    clock->known = true;
    clock->offset_s = offset_s;
    clock->local_ms = local_ms;
    return shift_ms;
}

static int64_t effective_local_ms(const struct schedule_clock *clock)
{
    const bool held = clock->held_until_ms != 0 && clock->held_until_ms > clock->local_ms;
    return held ? clock->held_until_ms : clock->local_ms;
}

int32_t schedule_week_minute(const struct schedule_clock *clock)
{
    const int64_t local_ms = effective_local_ms(clock);
    int64_t minutes = local_ms / MINUTE_MS - (local_ms % MINUTE_MS < 0 ? 1 : 0);
    minutes = (minutes + (int64_t)EPOCH_WEEKDAY * DAY_MINUTES) % WEEK_MINUTES;
    return (int32_t)(minutes < 0 ? minutes + WEEK_MINUTES : minutes);
}

uint16_t schedule_preset(const struct config_room *room, int32_t week_minute)
{
    if (room->schedule_count == 0) {
        return INDEX_NONE;
    }
    const struct config_slot *in_force = &room->schedule[room->schedule_count - 1];
    for (size_t i = 0; i < room->schedule_count; i++) {
        if (room->schedule[i].week_minute <= week_minute) {
            in_force = &room->schedule[i];
        }
    }
    return in_force->preset;
}

hb_wall schedule_next_switch(const struct config_room *room, const struct schedule_clock *clock,
                             hb_wall wall)
{
    const int32_t minute = schedule_week_minute(clock);
    int32_t next = room->schedule[0].week_minute + WEEK_MINUTES;
    for (size_t i = room->schedule_count; i-- > 0;) {
        if (room->schedule[i].week_minute > minute) {
            next = room->schedule[i].week_minute;
        }
    }
    const int64_t into_minute_ms = effective_local_ms(clock) % MINUTE_MS;
    const int64_t held_ms = effective_local_ms(clock) - clock->local_ms;
    return (hb_wall){wall.ms + held_ms + (int64_t)(next - minute) * MINUTE_MS - into_minute_ms};
}
