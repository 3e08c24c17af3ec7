#include "bridge/control/comfort.h"

#include <math.h>

static const double frost_hysteresis_k = 1;

static double round_to_step(const struct config_room *room, double target_c)
{
    const double step_c = room->step_c > 0 ? room->step_c : 0.1;
    /* From the whole degrees, so that 0.1 steps give the double nearest to the decimal number. */
    const double per_k = round(1 / step_c);
    const double rounded_c = fabs(per_k * step_c - 1) < 1e-9 ? round(target_c * per_k) / per_k
                                                             : round(target_c / step_c) * step_c;
    return fmin(fmax(rounded_c, room->min_target_c), room->max_target_c);
}

struct room_settings comfort_defaults(const struct config_room *room)
{
    return (struct room_settings){
        .mode = ROOM_OFF, /* nothing heats before somebody asked for it */
        .last_on_mode = room->schedule_count > 0 ? ROOM_AUTO : ROOM_HEAT,
        .target_c = round_to_step(room, room->initial_target_c),
        .preset = INDEX_NONE,
        .power_limit_w = POWER_LIMIT_NONE_W,
    };
}

void comfort_repair(const struct config_room *room, struct room_settings *settings)
{
    const struct room_settings fallback = comfort_defaults(room);
    if ((unsigned)settings->mode >= ROOM_MODE_COUNT) {
        settings->mode = fallback.mode;
    }
    if (settings->last_on_mode != ROOM_HEAT && settings->last_on_mode != ROOM_AUTO) {
        settings->last_on_mode = fallback.last_on_mode;
    }
    if (!(settings->target_c >= room->min_target_c && settings->target_c <= room->max_target_c)) {
        settings->target_c = fallback.target_c;
    }
    if (settings->preset >= room->preset_count) {
        settings->preset = INDEX_NONE;
    }
    if (!(settings->power_limit_w >= 0 && settings->power_limit_w <= POWER_LIMIT_NONE_W)) {
        settings->power_limit_w = POWER_LIMIT_NONE_W;
    }
    if (settings->override_until.ms < 0 || room->schedule_count == 0) {
        settings->override_until.ms = 0;
    }
}

static bool follows_schedule(const struct config_room *room, const struct room_settings *settings)
{
    return settings->mode == ROOM_AUTO && room->schedule_count > 0;
}

struct comfort comfort_now(const struct config_room *room, const struct room_settings *settings,
                           const struct schedule_clock *clock)
{
    struct comfort comfort = {.wanted = settings->mode != ROOM_OFF,
                              .preset = settings->preset,
                              .target_c = settings->target_c};
    if (follows_schedule(room, settings)) {
        if (settings->override_until.ms != 0) {
            comfort.from = COMFORT_OVERRIDE;
        } else {
            comfort.from = COMFORT_SCHEDULE;
            comfort.preset = schedule_preset(room, schedule_week_minute(clock));
        }
    } else if (comfort.preset != INDEX_NONE) {
        comfort.from = COMFORT_PRESET;
    }
    if (comfort.preset != INDEX_NONE) {
        comfort.target_c = room->presets[comfort.preset].target_c;
    }
    comfort.low_c = comfort.target_c - room->band_below_c;
    comfort.high_c = comfort.target_c + room->band_above_c;
    return comfort;
}

bool comfort_expire(struct room_settings *settings, hb_wall wall)
{
    if (settings->override_until.ms == 0 || wall.ms < settings->override_until.ms) {
        return false;
    }
    settings->override_until.ms = 0;
    return true;
}

static bool check_target(const struct config_room *room, double target_c, struct hb_err *err)
{
    /* Half a step beyond the ends comes from a conversion to and from °F. */
    const double slack_c = room->step_c / 2;
    if (target_c >= room->min_target_c - slack_c && target_c <= room->max_target_c + slack_c) {
        return true;
    }
    return hb_fail(err, HB_ERR_INPUT, "target: expected %g to %g °C, got %g °C", room->min_target_c,
                   room->max_target_c, target_c);
}

static bool check_request(const struct config_room *room, const struct room_request *request,
                          struct hb_err *err)
{
    if ((request->fields & REQUEST_MODE) != 0 && (unsigned)request->mode >= ROOM_MODE_COUNT) {
        return hb_fail(err, HB_ERR_INPUT, "mode: expected off, heat or auto");
    }
    if ((request->fields & REQUEST_PRESET) != 0 && request->preset != INDEX_NONE &&
        request->preset >= room->preset_count) {
        return hb_fail(err, HB_ERR_INPUT, "preset: expected one of the room's %zu presets or none",
                       room->preset_count);
    }
    if ((request->fields & REQUEST_POWER_LIMIT) != 0 &&
        !(request->power_limit_w >= 0 && request->power_limit_w <= POWER_LIMIT_NONE_W)) {
        return hb_fail(err, HB_ERR_INPUT, "power limit: expected 0 to %g W, got %g W",
                       POWER_LIMIT_NONE_W, request->power_limit_w);
    }
    return (request->fields & REQUEST_TARGET) == 0 || check_target(room, request->target_c, err);
}

static void set_mode(struct room_settings *settings, enum room_mode mode)
{
    if (mode == ROOM_AUTO && settings->mode == ROOM_HEAT) {
        settings->override_until.ms = 0; /* asking for auto is asking for the schedule */
    }
    settings->mode = mode;
    if (mode != ROOM_OFF) {
        settings->last_on_mode = mode;
    }
}

bool comfort_request(const struct config_room *room, struct room_settings *settings,
                     const struct room_request *request, const struct schedule_clock *clock,
                     hb_wall wall, struct hb_err *err)
{
    if (!check_request(room, request, err)) {
        return false;
    }
    if ((request->fields & REQUEST_POWER) != 0) {
        set_mode(settings, request->power_on ? settings->last_on_mode : ROOM_OFF);
    }
    if ((request->fields & REQUEST_MODE) != 0) {
        set_mode(settings, request->mode);
    }
    if ((request->fields & REQUEST_PRESET) != 0) {
        settings->preset = request->preset;
    }
    if ((request->fields & REQUEST_TARGET) != 0) {
        settings->target_c = round_to_step(room, request->target_c);
        settings->preset = INDEX_NONE;
    }
    if ((request->fields & REQUEST_POWER_LIMIT) != 0) {
        settings->power_limit_w = request->power_limit_w;
    }
    if ((request->fields & (REQUEST_PRESET | REQUEST_TARGET)) != 0 &&
        follows_schedule(room, settings)) {
        settings->override_until = schedule_next_switch(room, clock, wall);
    }
    return true;
}

bool comfort_frost(bool protecting, double frost_c, double room_c)
{
    return protecting ? room_c < frost_c + frost_hysteresis_k : room_c < frost_c;
}
