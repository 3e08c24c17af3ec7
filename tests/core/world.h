/* A small world around the core for tests: configuration, events, ideal heaters, simulated rooms.
 */
#ifndef HB_TESTS_CORE_WORLD_H
#define HB_TESTS_CORE_WORLD_H

#include "bridge/core.h"
#include "bridge/house/room.h"

enum { WORLD_ROOMS = 4, WORLD_HEATERS = 8, WORLD_CIRCUITS = 2, WORLD_EFFECTS = 256 };

struct world {
    struct config config;
    struct config_room rooms[WORLD_ROOMS];
    struct config_heater heaters[WORLD_HEATERS];
    struct heater_caps caps[WORLD_HEATERS];
    struct config_circuit circuits[WORLD_CIRCUITS]; /* none unless counted */
    struct core *core;
    struct effect list[WORLD_EFFECTS];
    struct effects effects; /* of the last step */
    hb_mono now;
    hb_wall wall;
    int32_t utc_offset_s;
    struct heater_command command[WORLD_HEATERS]; /* last one of each heater */
    uint64_t commands[WORLD_HEATERS];             /* how many since start */
    uint64_t shares;                              /* reported by the heaters */
};

/* One room "hall" with presets home 21, away 16, eco 19, heated by one stepless heater of 1,500 W;
 * change `config`, `rooms`, `heaters`, `caps` before world_start. */
void world_init(struct world *world);
void world_start(struct world *world); /* creates the core */
void world_end(struct world *world);

/* Sends an event at the present time; its effects are in `effects`. */
void world_send(struct world *world, struct event *event);
void world_tick(struct world *world);
void world_temperature(struct world *world, double room_c);
void world_window(struct world *world, bool open);
void world_outdoor(struct world *world, double outdoor_c);
void world_request(struct world *world, struct room_request request);
/* The heater answers and draws this much (NaN: unknown). */
void world_heater(struct world *world, uint16_t heater, double power_w);
void world_heater_state(struct world *world, uint16_t heater, const struct heater_state *state);
/* Lets `ms` pass in ticks of one second, the heaters answering every 5 s as commanded. */
void world_pass(struct world *world, int64_t ms);
/* The same with a temperature sample every 30 s. */
void world_pass_at(struct world *world, int64_t ms, double room_c);

struct room_view world_room(const struct world *world);
/* Number of effects of a kind in the last step. */
size_t world_count(const struct world *world, enum effect_kind kind);
/* A healthy state at the present time. */
struct heater_state world_good_state(const struct world *world, double power_w);

/* What a simulated run measured. */
struct run {
    double rmse_k, overshoot_k, energy_wh, last_c;
    uint64_t changes, starts;
};
/* Runs a simulated room for `duration_s` with ticks of `tick_s` and a sample every `sample_s`;
 * errors are measured from `measure_from_s` on against `target_c`. */
struct run world_run(struct world *world, struct house_room *room, double outdoor_c,
                     double outdoor_swing_k, double duration_s, double tick_s, double sample_s,
                     double measure_from_s, double target_c);

#endif
