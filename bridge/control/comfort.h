/* What a room should be like now: the comfort band from mode, preset, schedule and manual target,
 * and the rules by which a person's request changes the settings. Pure.
 */
#ifndef HB_BRIDGE_CONTROL_COMFORT_H
#define HB_BRIDGE_CONTROL_COMFORT_H

#include <stdbool.h>
#include <stdint.h>

#include "bridge/config.h"
#include "bridge/control/schedule.h"
#include "bridge/core.h"
#include "ground/attr.h"

enum comfort_source { COMFORT_MANUAL, COMFORT_PRESET, COMFORT_SCHEDULE, COMFORT_OVERRIDE };

struct comfort {
    bool wanted; /* the room is to be held in the band; false in mode off */
    double target_c, low_c, high_c;
    uint16_t preset; /* shown; INDEX_NONE: none */
    enum comfort_source from;
};

/* Settings of a room that nobody has touched. */
struct room_settings comfort_defaults(const struct config_room *room);
/* Replaces whatever is not possible in this room by its default. */
void comfort_repair(const struct config_room *room, struct room_settings *settings);

/* Band in force at the time of `clock`. */
struct comfort comfort_now(const struct config_room *room, const struct room_settings *settings,
                           const struct schedule_clock *clock);

/* Ends an override whose time has come; true if it did. */
bool comfort_expire(struct room_settings *settings, hb_wall wall);

/* Carries a request into the settings, all of it or, when any field is not possible, nothing: then
 * false with the reason. Targets are rounded to the room's step. */
HB_MUST_USE bool comfort_request(const struct config_room *room, struct room_settings *settings,
                                 const struct room_request *request,
                                 const struct schedule_clock *clock, hb_wall wall,
                                 struct hb_err *err);

/* Whether the room is to be protected from frost: from below frost_c until 1 K above. NaN in any
 * number means no. */
bool comfort_frost(bool protecting, double frost_c, double room_c);

#endif
