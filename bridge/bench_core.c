#include "bridge/bench_core.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bridge/command.h"
#include "bridge/core.h"

enum { ROOMS_MANY = 1000, CIRCUIT_ROOMS = 4, SAMPLES_MAX = 20000 };

/* A house of equal rooms, each with one heater, and a core for it. */
struct house {
    struct config config;
    struct heater_caps *caps;
    struct core *core;
    struct effects effects;
    hb_mono now;
};

struct figures {
    double p50_us, p99_us, max_us;
};

static void house_fini(struct house *house)
{
    core_destroy(house->core);
    free(house->config.rooms);
    free(house->config.heaters);
    free(house->config.circuits);
    free(house->caps);
    free(house->effects.item);
}

static void fill(struct house *house, size_t rooms)
{
    house->config.room_count = house->config.heater_count = rooms;
    house->config.outdoor.stale_after_ms = 7200000;
    for (size_t i = 0; i < rooms; i++) {
        house->config.rooms[i] = (struct config_room){.min_target_c = 5,
                                                      .max_target_c = 30,
                                                      .step_c = 0.5,
                                                      .initial_target_c = 21,
                                                      .too_hot_c = 35,
                                                      .frost_c = 7,
                                                      .heat_loss_w_per_k = 25,
                                                      .temperature.stale_after_ms = 900000,
                                                      .heaters = {(uint16_t)i},
                                                      .heater_count = 1};
        house->config.heaters[i] = (struct config_heater){.room = (uint16_t)i,
                                                          .min_on_ms = -1,
                                                          .min_off_ms = -1,
                                                          .too_hot_c = 90,
                                                          .lease_ms = 30000};
        house->caps[i] = (struct heater_caps){.min_w = 15, .max_w = 1500};
    }
}

/* Four rooms on each circuit, which bears two thirds of what they could draw. */
static bool put_on_circuits(struct house *house)
{
    const size_t count = house->config.room_count / CIRCUIT_ROOMS;
    house->config.circuits = calloc(count, sizeof(*house->config.circuits));
    if (house->config.circuits == NULL) {
        return false;
    }
    house->config.circuit_count = count;
    for (size_t i = 0; i < count; i++) {
        house->config.circuits[i].limit_w = 4000;
    }
    for (size_t i = 0; i < house->config.heater_count; i++) {
        house->config.heaters[i].circuit = (uint16_t)(i / CIRCUIT_ROOMS);
    }
    return true;
}

static bool house_init(struct house *house, size_t rooms, bool circuits)
{
    *house = (struct house){.now = {1000}};
    house->config.rooms = calloc(rooms, sizeof(*house->config.rooms));
    house->config.heaters = calloc(rooms, sizeof(*house->config.heaters));
    house->caps = calloc(rooms, sizeof(*house->caps));
    if (house->config.rooms == NULL || house->config.heaters == NULL || house->caps == NULL) {
        return false;
    }
    fill(house, rooms);
    if (circuits && !put_on_circuits(house)) {
        return false;
    }
    house->core = core_create(&house->config, house->caps);
    if (house->core == NULL) {
        return false;
    }
    house->effects.capacity = core_effects_max(house->core);
    house->effects.item = calloc(house->effects.capacity, sizeof(*house->effects.item));
    return house->effects.item != NULL;
}

static double step_us(struct house *house, struct event *event)
{
    struct timespec before;
    struct timespec after;
    event->at = house->now;
    event->wall.ms = house->now.ms;
    house->effects.count = 0;
    (void)clock_gettime(CLOCK_MONOTONIC, &before);
    core_step(house->core, event, &house->effects);
    (void)clock_gettime(CLOCK_MONOTONIC, &after);
    return (double)(after.tv_sec - before.tv_sec) * 1e6 +
           (double)(after.tv_nsec - before.tv_nsec) / 1e3;
}

/* What a house sends: every room's temperature and every heater's state. */
static void report_all(struct house *house, uint64_t round)
{
    for (size_t i = 0; i < house->config.room_count; i++) {
        struct event state = {.kind = EVENT_HEATER_STATE, .index = (uint16_t)i};
        struct event sample = {.kind = EVENT_ROOM_TEMPERATURE, .index = (uint16_t)i};
        sample.number = 20.5 + sin((double)(round + i) / 20);
        state.u.heater = (struct heater_state){
            .link = HEATER_LINK_OK,
            .at = house->now,
            .power_w = reading_make(600 + (double)(round % 7), house->now, PROVENANCE_REPORTED),
            .hashrate_hs = reading_make(1e13, house->now, PROVENANCE_REPORTED),
            .chip_c = reading_make(60, house->now, PROVENANCE_REPORTED),
            .board_c = reading_none(),
            .inlet_c = reading_none(),
            .fan_ratio = reading_none(),
            .applied_w = 600,
        };
        (void)step_us(house, &state);
        (void)step_us(house, &sample);
    }
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double elapsed_s(const struct timespec *since)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - since->tv_sec) + (double)(now.tv_nsec - since->tv_nsec) / 1e9;
}

static bool measure(size_t rooms, bool circuits, double seconds, struct figures *figures)
{
    struct house house;
    struct timespec start;
    size_t count = 0;
    double *sample_us = malloc(SAMPLES_MAX * sizeof(*sample_us));
    const bool ready = house_init(&house, rooms, circuits) && sample_us != NULL;
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    for (uint64_t round = 0; ready && count < SAMPLES_MAX; round++) {
        struct event tick = {.kind = EVENT_TICK};
        house.now.ms += 1000;
        if (round % 5 == 0) {
            report_all(&house, round);
        }
        sample_us[count++] = step_us(&house, &tick);
        if (count >= 100 && elapsed_s(&start) > seconds) {
            break;
        }
    }
    if (ready) {
        qsort(sample_us, count, sizeof(*sample_us), compare);
        *figures = (struct figures){.p50_us = sample_us[count / 2],
                                    .p99_us = sample_us[count * 99 / 100],
                                    .max_us = sample_us[count - 1]};
    }
    free(sample_us);
    house_fini(&house);
    return ready;
}

int bench_core(double seconds)
{
    struct figures one;
    struct figures many;
    struct figures fused;
    if (!measure(1, false, seconds / 3, &one) || !measure(ROOMS_MANY, false, seconds / 3, &many) ||
        !measure(ROOMS_MANY, true, seconds / 3, &fused)) {
        return EXIT_FAILED;
    }
    (void)printf("{\"bench\":\"core\",\"unit\":\"us per tick\","
                 "\"rooms_1\":{\"p50\":%.2f,\"p99\":%.2f,\"max\":%.2f},"
                 "\"rooms_1000\":{\"p50\":%.1f,\"p99\":%.1f,\"max\":%.1f},"
                 "\"rooms_1000_circuits_250\":{\"p50\":%.1f,\"p99\":%.1f,\"max\":%.1f}}\n",
                 one.p50_us, one.p99_us, one.max_us, many.p50_us, many.p99_us, many.max_us,
                 fused.p50_us, fused.p99_us, fused.max_us);
    return EXIT_GOOD;
}
