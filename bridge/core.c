#include "bridge/core.h"

#include <math.h>
#include <stdlib.h>

#include "bridge/core_state.h"

struct core *core_create(const struct config *config, const struct heater_caps *caps)
{
    struct core *core = calloc(1, sizeof(*core));
    if (core == NULL) {
        return NULL;
    }
    core->config = config;
    core->outdoor_c = reading_none();
    core->rooms = calloc(config->room_count + 1, sizeof(*core->rooms));
    core->heaters = calloc(config->heater_count + 1, sizeof(*core->heaters));
    if (core->rooms == NULL || core->heaters == NULL) {
        core_destroy(core);
        return NULL;
    }
    for (size_t i = 0; i < config->heater_count; i++) {
        heater_init(&core->heaters[i], &config->heaters[i], (uint16_t)i, &caps[i]);
    }
    if (!circuits_create(core)) {
        core_destroy(core);
        return NULL;
    }
    for (size_t i = 0; i < config->room_count; i++) {
        room_init(&core->rooms[i], &config->rooms[i], (uint16_t)i);
    }
    return core;
}

void core_destroy(struct core *core)
{
    if (core != NULL) {
        free(core->rooms);
        free(core->heaters);
        free(core->circuits);
        free(core->scratch);
        free(core);
    }
}

void core_restore_room(struct core *core, uint16_t room, const struct room_settings *settings)
{
    struct core_room *target = &core->rooms[room];
    target->settings = *settings;
    comfort_repair(target->config, &target->settings);
}

void core_restore_heater(struct core *core, uint16_t heater, const struct heater_totals *totals)
{
    struct heater_totals *mine = &core->heaters[heater].totals;
    *mine = *totals;
    double *const numbers[] = {&mine->energy_wh, &mine->hashes, &mine->best_difficulty};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (!(*numbers[i] >= 0 && isfinite(*numbers[i]))) {
            *numbers[i] = 0;
        }
    }
}

void core_restore_latch(struct core *core, uint16_t heater, const char *why)
{
    interlocks_restore(&core->heaters[heater].interlocks, why);
}

static void set_time(struct core *core, const struct event *event)
{
    core->now = event->at;
    if (!mono_is_set(core->started)) {
        core->started = event->at;
    }
    core->wall = event->wall;
    core->shift_ms = schedule_clock_set(&core->clock, event->wall, event->utc_offset_s);
    if (core->shift_ms != 0) {
        /* Overrides end at a local time, in every room, not only in the one of this event. */
        for (size_t i = 0; i < core->config->room_count; i++) {
            struct room_settings *settings = &core->rooms[i].settings;
            if (settings->override_until.ms != 0) {
                settings->override_until.ms -= core->shift_ms;
            }
        }
    }
}

static void settle_room(struct core *core, uint16_t room, struct effects *effects)
{
    room_decide(core, &core->rooms[room], effects);
    room_publish(core, &core->rooms[room], effects);
    const struct config_room *config = core->rooms[room].config;
    for (size_t i = 0; i < config->heater_count; i++) {
        heater_publish(core, &core->heaters[config->heaters[i]], effects);
    }
}

static void settle_heater(struct core *core, uint16_t heater, struct effects *effects)
{
    struct core_heater *target = &core->heaters[heater];
    if (target->config->room != INDEX_NONE) {
        settle_room(core, target->config->room, effects);
        return;
    }
    heater_check(core, target, effects);
    heater_command(core, target, 0, REASON_OFF, effects);
    heater_publish(core, target, effects);
}

static void settle_all(struct core *core, struct effects *effects)
{
    for (size_t i = 0; i < core->config->room_count; i++) {
        settle_room(core, (uint16_t)i, effects);
    }
    for (size_t i = 0; i < core->config->heater_count; i++) {
        if (core->heaters[i].config->room == INDEX_NONE) {
            settle_heater(core, (uint16_t)i, effects);
        }
    }
    for (size_t i = 0; i < core->config->circuit_count; i++) {
        circuit_settle(core, &core->circuits[i], effects);
    }
}

static void stop(struct core *core, struct effects *effects)
{
    for (size_t i = 0; i < core->config->heater_count; i++) {
        heater_stop(core, &core->heaters[i], effects);
    }
    for (size_t i = 0; i < core->config->room_count; i++) {
        core->rooms[i].reason = REASON_STOPPING;
        core->rooms[i].granted_w = 0;
        room_publish(core, &core->rooms[i], effects);
    }
    core->stopped = true;
}

static void take_room_event(struct core *core, const struct event *event, struct effects *effects)
{
    if (event->index >= core->config->room_count) {
        return;
    }
    struct core_room *room = &core->rooms[event->index];
    if (event->kind == EVENT_ROOM_TEMPERATURE) {
        room_take_temperature(core, room, event->number, effects);
    } else if (event->kind == EVENT_ROOM_WINDOW) {
        room_take_window(core, room, event->flag, effects);
    } else if (event->kind == EVENT_ROOM_DEMAND) {
        room_take_demand(core, room, event->number);
    } else if (event->kind == EVENT_ROOM_REQUEST) {
        room_take_request(core, room, &event->u.request, effects);
    } else if (event->number >= 0 && event->number <= 100) {
        room->humidity = reading_make(event->number, event->at, PROVENANCE_METERED);
    }
    settle_room(core, event->index, effects);
}

static void take_heater_event(struct core *core, const struct event *event, struct effects *effects)
{
    if (event->index >= core->config->heater_count) {
        return;
    }
    struct core_heater *heater = &core->heaters[event->index];
    if (event->kind == EVENT_HEATER_STATE) {
        heater_take_state(core, heater, &event->u.heater, effects);
    } else if (event->kind == EVENT_HEATER_ABILITIES) {
        heater_take_abilities(heater, &event->u.caps);
    } else if (event->kind == EVENT_HEATER_INTERLOCK) {
        interlocks_take(&heater->interlocks, event->interlock, event->number, event->flag,
                        core->now);
    } else if (event->kind == EVENT_HEATER_ACKNOWLEDGE) {
        heater_take_acknowledge(core, heater, effects);
    } else {
        heater_take_outcome(heater, event);
    }
    settle_heater(core, event->index, effects);
}

void core_step(struct core *core, const struct event *event, struct effects *effects)
{
    if (core->stopped) {
        return;
    }
    set_time(core, event);
    switch (event->kind) {
    case EVENT_TICK:
        settle_all(core, effects);
        break;
    case EVENT_ROOM_TEMPERATURE:
    case EVENT_ROOM_HUMIDITY:
    case EVENT_ROOM_WINDOW:
    case EVENT_ROOM_DEMAND:
    case EVENT_ROOM_REQUEST:
        take_room_event(core, event, effects);
        break;
    case EVENT_OUTDOOR:
        if (event->number >= -60 && event->number <= 60) {
            core->outdoor_c = reading_make(event->number, event->at, PROVENANCE_METERED);
        }
        break;
    case EVENT_CIRCUIT_POWER:
        if (event->index < core->config->circuit_count) {
            circuit_take_power(core, &core->circuits[event->index], event->number);
            circuit_settle(core, &core->circuits[event->index], effects);
        }
        break;
    case EVENT_HEATER_STATE:
    case EVENT_HEATER_OUTCOME:
    case EVENT_HEATER_ABILITIES:
    case EVENT_HEATER_INTERLOCK:
    case EVENT_HEATER_ACKNOWLEDGE:
        take_heater_event(core, event, effects);
        break;
    case EVENT_STOP:
        stop(core, effects);
        break;
    }
}

void core_room_settings(const struct core *core, uint16_t room, struct room_settings *settings)
{
    *settings = core->rooms[room].settings;
}

void core_heater_totals(const struct core *core, uint16_t heater, struct heater_totals *totals)
{
    *totals = core->heaters[heater].totals;
}

const char *core_heater_latch(const struct core *core, uint16_t heater)
{
    return core->heaters[heater].interlocks.why;
}

size_t core_effects_max(const struct core *core)
{
    /* A room: refusal, two saves, publication, two log lines. A heater: command, publication, three
     * log lines, two saves, a block, a refusal. A circuit: publication, two log lines. */
    return core->config->room_count * 6 + core->config->heater_count * 9 +
           core->config->circuit_count * 3 + 1;
}
