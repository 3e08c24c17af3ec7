#include "tests/core/world.h"

#include <string.h>

#include "tests/support/test.h"

void world_init(struct world *world)
{
    static const struct config_preset presets[] = {{"home", 21}, {"away", 16}, {"eco", 19}};
    memset(world, 0, sizeof(*world));
    world->config.rooms = world->rooms;
    world->config.heaters = world->heaters;
    world->config.circuits = world->circuits;
    world->config.room_count = world->config.heater_count = 1;
    world->config.outdoor.stale_after_ms = 3600000;
    for (size_t i = 0; i < WORLD_ROOMS; i++) {
        struct config_room *room = &world->rooms[i];
        *room = (struct config_room){.id = "hall",
                                     .preset_count = 3,
                                     .min_target_c = 5,
                                     .max_target_c = 30,
                                     .step_c = 0.5,
                                     .initial_target_c = 20,
                                     .band_below_c = 0.5,
                                     .band_above_c = 0.5,
                                     .frost_c = 5,
                                     .too_hot_c = 30,
                                     .window_delay_ms = 30000,
                                     .heaters = {(uint16_t)i},
                                     .heater_count = 1};
        room->temperature.stale_after_ms = 900000;
        room->humidity.stale_after_ms = 900000;
        room->window.stale_after_ms = 90000000;
        memcpy(room->presets, presets, sizeof(presets));
    }
    for (size_t i = 0; i < WORLD_HEATERS; i++) {
        world->heaters[i] = (struct config_heater){.id = "miner",
                                                   .min_on_ms = -1,
                                                   .min_off_ms = -1,
                                                   .too_hot_c = 85,
                                                   .lease_ms = 90000,
                                                   .on_exit = ON_EXIT_OFF};
        world->caps[i] = (struct heater_caps){.min_w = 15, .max_w = 1500, .settle_ms = 5000};
    }
    world->now.ms = 1000;
    world->wall.ms = 1768780800000; /* Monday, 19 January 2026, 00:00 UTC */
}

void world_start(struct world *world)
{
    world->core = core_create(&world->config, world->caps);
    assert_non_null(world->core);
    for (size_t i = 0; i < world->config.room_count; i++) { /* as somebody left them: switched on */
        struct room_settings settings;
        core_room_settings(world->core, (uint16_t)i, &settings);
        settings.mode = ROOM_HEAT;
        settings.last_on_mode = ROOM_HEAT;
        core_restore_room(world->core, (uint16_t)i, &settings);
    }
    world->effects = (struct effects){.item = world->list, .capacity = WORLD_EFFECTS};
    assert_true(core_effects_max(world->core) <= WORLD_EFFECTS);
}

void world_end(struct world *world)
{
    core_destroy(world->core);
    world->core = NULL;
}

void world_send(struct world *world, struct event *event)
{
    event->at = world->now;
    event->wall = world->wall;
    event->utc_offset_s = world->utc_offset_s;
    world->effects.count = 0;
    core_step(world->core, event, &world->effects);
    assert_int_equal(world->effects.lost, 0);
    for (size_t i = 0; i < world->effects.count; i++) {
        const struct effect *effect = &world->list[i];
        if (effect->kind == EFFECT_HEATER_COMMAND) {
            world->command[effect->index] = effect->command;
            world->commands[effect->index]++;
        }
    }
}

void world_tick(struct world *world)
{
    struct event event = {.kind = EVENT_TICK};
    world_send(world, &event);
}

void world_temperature(struct world *world, double room_c)
{
    struct event event = {.kind = EVENT_ROOM_TEMPERATURE, .number = room_c};
    world_send(world, &event);
}

void world_window(struct world *world, bool open)
{
    struct event event = {.kind = EVENT_ROOM_WINDOW, .flag = open};
    world_send(world, &event);
}

void world_outdoor(struct world *world, double outdoor_c)
{
    struct event event = {.kind = EVENT_OUTDOOR, .number = outdoor_c};
    world_send(world, &event);
}

void world_request(struct world *world, struct room_request request)
{
    struct event event = {.kind = EVENT_ROOM_REQUEST, .u.request = request};
    world_send(world, &event);
}

struct heater_state world_good_state(const struct world *world, double power_w)
{
    return (struct heater_state){
        .link = HEATER_LINK_OK,
        .at = world->now,
        .power_w = reading_make(power_w, world->now, PROVENANCE_REPORTED),
        .hashrate_hs = reading_make(power_w * 1e9, world->now, PROVENANCE_REPORTED),
        .chip_c = reading_make(55, world->now, PROVENANCE_REPORTED),
        .board_c = reading_none(),
        .inlet_c = reading_none(),
        .fan_ratio = reading_none(),
        .applied_w = power_w,
        .shares_accepted = world->shares,
        .pool_link = POOL_OK,
    };
}

void world_heater_state(struct world *world, uint16_t heater, const struct heater_state *state)
{
    struct event event = {.kind = EVENT_HEATER_STATE, .index = heater, .u.heater = *state};
    world_send(world, &event);
}

void world_heater(struct world *world, uint16_t heater, double power_w)
{
    const struct heater_state state = world_good_state(world, power_w);
    world_heater_state(world, heater, &state);
}

void world_pass(struct world *world, int64_t ms)
{
    for (int64_t passed_ms = 0; passed_ms < ms; passed_ms += 1000) {
        world->now.ms += 1000;
        world->wall.ms += 1000;
        if (world->now.ms % 5000 == 0) {
            for (uint16_t i = 0; i < world->config.heater_count; i++) {
                world_heater(world, i, world->command[i].power_w);
            }
        }
        world_tick(world);
    }
}

void world_pass_at(struct world *world, int64_t ms, double room_c)
{
    for (int64_t passed_ms = 0; passed_ms < ms; passed_ms += 30000) {
        world_temperature(world, room_c);
        world_pass(world, ms - passed_ms < 30000 ? ms - passed_ms : 30000);
    }
}

struct room_view world_room(const struct world *world)
{
    struct room_view view;
    core_room_view(world->core, 0, &view);
    return view;
}

size_t world_count(const struct world *world, enum effect_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < world->effects.count; i++) {
        count += world->list[i].kind == kind;
    }
    return count;
}

struct run world_run(struct world *world, struct house_room *room, double outdoor_c,
                     double outdoor_swing_k, double duration_s, double tick_s, double sample_s,
                     double measure_from_s, double target_c)
{
    struct run run = {0};
    double square_k2 = 0;
    double measured_s = 0;
    double next_sample_s = 0;
    double was_w = world->command[0].power_w;
    for (double t_s = 0; t_s < duration_s; t_s += tick_s) {
        const double outside_c =
            outdoor_c - outdoor_swing_k * cos(6.283185307179586 * (t_s / 86400 - 0.125));
        world->now.ms += (int64_t)(tick_s * 1000);
        world->wall.ms += (int64_t)(tick_s * 1000);
        double power_w = 0;
        for (uint16_t i = 0; i < world->config.heater_count; i++) {
            power_w += world->command[i].power_w;
            world_heater(world, i, world->command[i].power_w);
        }
        if (t_s >= next_sample_s) {
            next_sample_s += sample_s;
            world_outdoor(world, outside_c);
            world_temperature(world, house_room_sensor_c(room));
        }
        world_tick(world);
        house_room_step(room, power_w, outside_c, tick_s);
        run.energy_wh += power_w * tick_s / 3600;
        run.changes += world->command[0].power_w != was_w;
        run.starts += world->command[0].power_w > 0 && was_w <= 0;
        was_w = world->command[0].power_w;
        if (t_s >= measure_from_s) {
            const double error_k = room->air_c - target_c;
            square_k2 += error_k * error_k * tick_s;
            measured_s += tick_s;
            run.overshoot_k = fmax(run.overshoot_k, error_k);
        }
    }
    run.rmse_k = sqrt(square_k2 / measured_s);
    run.last_c = room->air_c;
    return run;
}
