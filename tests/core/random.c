#include "tests/core/random.h"

#include <math.h>
#include <stdio.h>

struct random random_seeded(uint64_t seed)
{
    return (struct random){seed * 0x9E3779B97F4A7C15u + 1};
}

/* SplitMix64 (public domain constants). */
uint64_t random_next(struct random *random)
{
    uint64_t z = random->state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

uint32_t random_below(struct random *random, uint32_t bound)
{
    return (uint32_t)(random_next(random) % bound);
}

double random_between(struct random *random, double low, double high)
{
    return low + (high - low) * ((double)(random_next(random) >> 11) * 0x1p-53);
}

static double odd_number(struct random *random)
{
    static const double odd[] = {NAN, INFINITY, -INFINITY, 0, -1, 1e300, -127, 85, 1e-300};
    return odd[random_below(random, sizeof(odd) / sizeof(odd[0]))];
}

/* Mostly from `low` to `high`, now and then nonsense. */
static double number(struct random *random, double low, double high)
{
    return random_below(random, 50) == 0 ? odd_number(random) : random_between(random, low, high);
}

static struct reading reading(struct random *random, double low, double high)
{
    if (random_below(random, 8) == 0) {
        return reading_none();
    }
    return (struct reading){.value = number(random, low, high),
                            .at = {-(int64_t)random_below(random, 3000)},
                            .from = (enum provenance)(1 + random_below(random, 3))};
}

static struct heater_state heater_state(struct random *random)
{
    struct heater_state state = {
        .link = (enum heater_link)(random_below(random, 12) == 0 ? random_below(random, 3) : 1),
        .power_w = reading(random, 0, 1600),
        .hashrate_hs = reading(random, 0, 1e14),
        .chip_c = reading(random, 30, 86),
        .board_c = reading(random, 20, 70),
        .inlet_c = reading(random, 10, 40),
        .uptime_s = reading(random, 0, 1e6),
        .health = (enum heater_health)random_below(random, HEATER_HEALTH_COUNT),
        .firmware = "v2.14 beta",
        .identity = "aa:bb:cc:dd:ee:ff",
        .faults = {random_below(random, 5)},
        .care = {.writes_today = random_below(random, 100),
                 .flash_writes = random_below(random, 1000),
                 .max_writes_per_day = (int32_t)random_below(random, 100),
                 .calibration = number(random, 0, 2),
                 .waits_for = (enum heater_wait)(
                     random_below(random, 9) == 0 ? random_below(random, 4) : HEATER_WAIT_NOTHING)},
        .fan_ratio = reading(random, 0, 1),
        .relay = {.known = random_below(random, 2) == 0,
                  .cycles = random_below(random, 1000),
                  .cycles_day = random_below(random, 48)},
        .applied_w = number(random, 0, 1500),
        .shares_accepted = random_below(random, 100),
        .shares_rejected = random_below(random, 10),
        .shares_stale = random_below(random, 10),
        .best_difficulty = number(random, 0, 1e9),
        .pool_link = (enum pool_link)random_below(random, 4),
        .writes = random_below(random, 100),
        .pools = {.reason = "a.example:1 works again",
                  .changes = random_below(random, 100),
                  .count = (uint8_t)random_below(random, HEATER_POOLS + 1),
                  .list = {{.pool = "a.example:1",
                            .accepted = random_below(random, 1000),
                            .refused = {random_below(random, 9), random_below(random, 9)},
                            .answer_p50_ms = number(random, 0, 1000),
                            .answer_p95_ms = number(random, 0, 5000)}}},
        .work = {.sat_per_hour = reading(random, 0, 200),
                 .revenue_from = (enum revenue_source)random_below(random, 3),
                 .network_difficulty = reading(random, 1, 1e14),
                 .average_hs = reading(random, 0, 1e14),
                 .proven_hs = reading(random, 0, 1e14),
                 .proven_low_hs = number(random, 0, 1e14),
                 .proven_high_hs = number(random, 0, 1e14),
                 .check = (enum work_check)random_below(random, 4),
                 .blocks_found = random_below(random, 3),
                 .block = {.height = random_below(random, 1000000)}},
        .problem = random_below(random, 5) == 0,
    };
    if (state.problem) {
        (void)snprintf(state.problem_text, TEXT_MAX, "fault %u %%", random_below(random, 100));
    }
    return state;
}

static struct room_request request(struct random *random)
{
    return (struct room_request){
        .fields = random_below(random, 64),
        .mode = (enum room_mode)random_below(random, 4),
        .target_c = number(random, 4, 31),
        .preset = (uint16_t)(random_below(random, 3) == 0 ? INDEX_NONE : random_below(random, 4)),
        .power_on = random_below(random, 3) > 0,
        .power_limit_w = number(random, 0, 3000),
        .demand = random_below(random, 3) == 0 ? NAN : number(random, 0, 120),
    };
}

static struct heater_caps random_caps(struct random *random, bool tiers)
{
    struct heater_caps caps = {.min_w = random_between(random, 10, 500),
                               .settle_ms = (int32_t)random_below(random, 60000),
                               .min_on_ms = (int32_t)random_below(random, 600000),
                               .min_off_ms = (int32_t)random_below(random, 600000),
                               .min_write_ms = (int32_t)random_below(random, 30000),
                               .restarts_on_change = random_below(random, 3) == 0};
    caps.max_w = caps.min_w + random_between(random, 0, 1500);
    caps.step_w = random_below(random, 2) == 0 ? 0 : random_between(random, 1, 100);
    if (tiers) {
        caps.tier_count = (uint8_t)(1 + random_below(random, 6));
        for (uint8_t i = 0; i < caps.tier_count; i++) {
            caps.tier_w[i] = caps.min_w + (caps.max_w - caps.min_w) * i / 6;
        }
    }
    return caps;
}

struct event random_event(struct random *random, uint16_t rooms, uint16_t heaters)
{
    static const enum event_kind kinds[] = {EVENT_TICK,
                                            EVENT_TICK,
                                            EVENT_ROOM_TEMPERATURE,
                                            EVENT_ROOM_TEMPERATURE,
                                            EVENT_HEATER_STATE,
                                            EVENT_HEATER_STATE,
                                            EVENT_HEATER_STATE,
                                            EVENT_HEATER_OUTCOME,
                                            EVENT_OUTDOOR,
                                            EVENT_ROOM_HUMIDITY,
                                            EVENT_ROOM_WINDOW,
                                            EVENT_ROOM_REQUEST,
                                            EVENT_HEATER_ABILITIES,
                                            EVENT_ROOM_DEMAND,
                                            EVENT_HEATER_INTERLOCK,
                                            EVENT_HEATER_ACKNOWLEDGE,
                                            EVENT_CIRCUIT_POWER};
    struct event event = {.kind = kinds[random_below(random, sizeof(kinds) / sizeof(kinds[0]))]};
    const bool of_heater = event.kind == EVENT_HEATER_STATE || event.kind == EVENT_HEATER_OUTCOME ||
                           event.kind == EVENT_HEATER_ABILITIES ||
                           event.kind == EVENT_HEATER_INTERLOCK ||
                           event.kind == EVENT_HEATER_ACKNOWLEDGE;
    event.index = (uint16_t)random_below(random, of_heater ? heaters : rooms);
    if (event.kind == EVENT_ROOM_TEMPERATURE) {
        event.number =
            random_below(random, 10) == 0 ? number(random, -25, 50) : number(random, 17, 23);
    } else if (event.kind == EVENT_OUTDOOR || event.kind == EVENT_ROOM_HUMIDITY) {
        event.number = number(random, -10, 40);
    } else if (event.kind == EVENT_CIRCUIT_POWER) {
        event.number = number(random, 0, 3000);
    } else if (event.kind == EVENT_ROOM_DEMAND) {
        event.number = number(random, 0, random_below(random, 2) == 0 ? 100 : 2500);
    } else if (event.kind == EVENT_ROOM_WINDOW) {
        event.flag = random_below(random, 4) == 0;
    } else if (event.kind == EVENT_ROOM_REQUEST) {
        event.u.request = request(random);
    } else if (event.kind == EVENT_HEATER_STATE) {
        event.u.heater = heater_state(random);
    } else if (event.kind == EVENT_HEATER_OUTCOME) {
        event.u.outcome.seq = random_below(random, 200);
        event.u.outcome.result = (enum command_outcome)random_below(random, 4);
        if (event.u.outcome.result == COMMAND_FAILED) {
            (void)snprintf(event.u.outcome.why, sizeof event.u.outcome.why, "expected %u W",
                           (unsigned)random_below(random, 3000));
        }
    } else if (event.kind == EVENT_HEATER_INTERLOCK) {
        event.interlock = (uint16_t)random_below(random, 3);
        event.flag = random_below(random, 4) == 0;
        event.number = number(random, 0, random_below(random, 8) == 0 ? 80 : 55);
    } else if (event.kind == EVENT_HEATER_ABILITIES) {
        event.u.caps = random_caps(random, random_below(random, 3) == 0);
    }
    return event;
}

static void move(hb_mono *at, hb_mono now)
{
    at->ms += now.ms;
}

void random_move(struct event *event, hb_mono now, hb_wall wall, int32_t utc_offset_s)
{
    event->at = now;
    event->wall = wall;
    event->utc_offset_s = utc_offset_s;
    if (event->kind == EVENT_HEATER_STATE) {
        struct heater_state *state = &event->u.heater;
        move(&state->at, now);
        move(&state->power_w.at, now);
        move(&state->hashrate_hs.at, now);
        move(&state->chip_c.at, now);
        move(&state->board_c.at, now);
        move(&state->inlet_c.at, now);
        move(&state->fan_ratio.at, now);
        move(&state->uptime_s.at, now);
        move(&state->work.sat_per_hour.at, now);
        move(&state->work.network_difficulty.at, now);
        move(&state->work.average_hs.at, now);
        move(&state->work.proven_hs.at, now);
    }
}

static void random_heater(struct random *random, struct world *world, uint16_t index)
{
    struct heater_caps *caps = &world->caps[index];
    *caps = random_caps(random, index % 3 == 2);
    if (index % 3 == 1) {
        world->heaters[index].max_w = caps->min_w + random_between(random, 0, 1000);
    }
    world->heaters[index].lease_ms = 3000 + random_below(random, 60000);
    world->heaters[index].room = index / 2;
    caps->observe_only = random_below(random, 5) == 0;
    world->heaters[index].circuit = index == 1 ? INDEX_NONE : index / 3;
}

/* Both bear less than their heaters could draw; one has a meter. */
static void random_circuits(struct random *random, struct world *world)
{
    world->config.circuit_count = 2;
    for (size_t i = 0; i < 2; i++) {
        world->circuits[i] =
            (struct config_circuit){.id = "fuse", .limit_w = random_between(random, 300, 3000)};
    }
    world->circuits[1].meter = (struct config_source){.topic = "meter", .stale_after_ms = 20000};
}

/* One heater has two interlocks, of which one minds silence. */
static void random_interlocks(struct config_heater *heater)
{
    static struct config_interlock rules[] = {
        {.id = "flow", .min = 1, .max = NAN, .hold_ms = 10000, .source.stale_after_ms = 600000},
        {.id = "outlet", .min = NAN, .max = 60}};
    heater->interlocks = rules;
    heater->interlock_count = 2;
}

void random_world(struct world *world, uint64_t seed)
{
    struct random random = random_seeded(seed);
    world_init(world);
    world->config.room_count = 3;
    world->config.heater_count = 6;
    for (uint16_t i = 0; i < 6; i++) {
        random_heater(&random, world, i);
    }
    random_interlocks(&world->heaters[3]);
    random_circuits(&random, world);
    for (uint16_t i = 0; i < 3; i++) {
        struct config_room *room = &world->rooms[i];
        room->heaters[0] = (uint16_t)(2 * i);
        room->heaters[1] = (uint16_t)(2 * i + 1);
        room->heater_count = 2;
        room->temperature.stale_after_ms = 60000 + random_below(&random, 600000);
        room->power_limit_w = i == 0 ? 0 : random_between(&random, 0, 2500);
        room->demand.source.stale_after_ms = i == 0 ? 0 : 30000;
        room->demand.unit = i == 1 ? DEMAND_WATT : DEMAND_PERCENT;
        room->heat_loss_w_per_k = i == 1 ? 0 : 30;
        room->frost_c = i == 2 ? NAN : 5;
        room->window_delay_ms = random_below(&random, 60000);
        room->schedule[0] = (struct config_slot){150, 0};
        room->schedule[1] = (struct config_slot){1000, 1};
        room->schedule_count = i == 0 ? 0 : 2;
    }
}
