/* Random histories of a house: what must hold after every single event, whatever happens. */
#include <stdlib.h>
#include <string.h>

#include "bridge/control/comfort.h"
#include "tests/core/random.h"
#include "tests/core/world.h"
#include "tests/support/test.h"

/* Counts allocations: the linker sends malloc and friends here (--wrap). */
static uint64_t allocations;
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

void *__wrap_malloc(size_t size)
{
    allocations++;
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    allocations++;
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    allocations++;
    return __real_realloc(old, size);
}

/* What the test itself knows of each heater and room. */
struct shadow_heater {
    double power_w, energy_wh, hashes;
    uint64_t seq, accepted;
    hb_mono issued, expires, switched;
    bool commanded;
};

struct shadow_room {
    hb_mono sampled; /* newest sample that could possibly be believed */
};

struct shadow {
    struct shadow_heater heater[WORLD_HEATERS];
    struct shadow_room room[WORLD_ROOMS];
};

static struct world world;
static struct shadow shadow;
static double most_of_circuits_w;

static double max_of(uint16_t heater)
{
    const double config_w = world.heaters[heater].max_w;
    return config_w > 0 ? fmin(world.caps[heater].max_w, config_w) : world.caps[heater].max_w;
}

static double room_limit_w(uint16_t room)
{
    struct room_settings settings;
    core_room_settings(world.core, room, &settings);
    const double config_w = world.rooms[room].power_limit_w;
    return fmin(settings.power_limit_w, config_w > 0 ? config_w : INFINITY);
}

/* A decision that has to keep a heater's dwell times, unlike a person's, a limit's or a fault's. */
static bool is_thermostats(enum reason why)
{
    return why == REASON_SATISFIED || why == REASON_HEATING || why == REASON_HOLDING ||
           why == REASON_SCHEDULE || why == REASON_OVERRIDE || why == REASON_DEMAND;
}

static void check_command(uint16_t index, const struct heater_command *command)
{
    struct shadow_heater *heater = &shadow.heater[index];
    const struct heater_caps *caps = &world.caps[index];
    assert_false(caps->observe_only);
    assert_true(isfinite(command->power_w));
    assert_true(command->power_w == 0 || command->power_w >= caps->min_w);
    assert_true(command->power_w <= max_of(index)); /* I1 */
    assert_true(command->seq > heater->seq);
    assert_int_equal(command->issued.ms, world.now.ms);
    assert_true(command->expires.ms > command->issued.ms);
    assert_true((unsigned)command->why < REASON_COUNT);
    if (caps->tier_count > 0 && command->power_w > 0) {
        bool is_tier = false;
        for (uint8_t i = 0; i < caps->tier_count; i++) {
            is_tier |= caps->tier_w[i] == command->power_w;
        }
        assert_true(is_tier);
    }
    const bool on = command->power_w > 0;
    if (heater->commanded && on && heater->power_w == 0 && mono_is_set(heater->switched)) {
        assert_true(mono_age_ms(world.now, heater->switched) >= caps->min_off_ms);
    }
    if (heater->power_w > 0 && !on && is_thermostats(command->why) &&
        isinf(room_limit_w(world.heaters[index].room))) {
        assert_true(mono_age_ms(world.now, heater->switched) >= caps->min_on_ms);
    }
    if (on != (heater->power_w > 0)) {
        heater->switched = world.now;
    }
    heater->commanded = true;
    heater->seq = command->seq;
    heater->power_w = command->power_w;
    heater->issued = command->issued;
    heater->expires = command->expires;
}

static void check_room(uint16_t index)
{
    struct room_view view;
    const struct config_room *room = &world.rooms[index];
    core_room_view(world.core, index, &view);
    assert_true((unsigned)view.reason < REASON_COUNT); /* I6 */
    assert_true((unsigned)view.action <= ACTION_HEATING);
    assert_true(view.target_c >= 5 && view.target_c <= 30);
    assert_true(view.requested_w >= 0 && isfinite(view.requested_w));
    assert_true(isnan(view.room_c) || (view.room_c >= -20 && view.room_c <= 45));
    double total_w = 0;
    for (size_t i = 0; i < room->heater_count; i++) {
        total_w += shadow.heater[room->heaters[i]].power_w;
    }
    const bool fresh =
        mono_is_set(shadow.room[index].sampled) &&
        mono_age_ms(world.now, shadow.room[index].sampled) <= room->temperature.stale_after_ms;
    if (!fresh) {
        assert_true(total_w == 0); /* I2 */
        assert_false(view.available);
    }
    assert_true(total_w <= room_limit_w(index) * (1 + 1e-12)); /* I1 */
}

static void check_heater(uint16_t index)
{
    struct heater_totals totals;
    struct shadow_heater *heater = &shadow.heater[index];
    core_heater_totals(world.core, index, &totals);
    assert_true(totals.energy_wh >= heater->energy_wh && isfinite(totals.energy_wh));
    assert_true(totals.hashes >= heater->hashes && isfinite(totals.hashes));
    assert_true(totals.shares_accepted >= heater->accepted);
    heater->energy_wh = totals.energy_wh;
    heater->hashes = totals.hashes;
    heater->accepted = totals.shares_accepted;
}

/* Its heaters are never told more than it bears, whatever they do themselves. */
static void check_circuit(uint16_t index)
{
    double total_w = 0;
    for (uint16_t i = 0; i < world.config.heater_count; i++) {
        total_w += world.heaters[i].circuit == index ? shadow.heater[i].power_w : 0;
    }
    assert_true(total_w <= world.circuits[index].limit_w + 1e-6);
    most_of_circuits_w = fmax(most_of_circuits_w, total_w);
}

/* After a tick: everything that stands has a lease that has not run out (I3). */
static void check_after_tick(void)
{
    for (uint16_t i = 0; i < world.config.room_count; i++) {
        check_room(i);
    }
    for (uint16_t i = 0; i < world.config.heater_count; i++) {
        check_heater(i);
        if (!world.caps[i].observe_only) {
            assert_true(shadow.heater[i].commanded);
            assert_true(world.now.ms < shadow.heater[i].expires.ms);
        }
    }
}

static void step(struct event *event)
{
    if (event->kind == EVENT_HEATER_ABILITIES) {
        event->u.caps.observe_only = world.caps[event->index].observe_only;
        world.caps[event->index] = event->u.caps;
    }
    const uint64_t before = allocations;
    world.effects.count = 0;
    core_step(world.core, event, &world.effects);
    assert_int_equal(allocations, before);
    assert_int_equal(world.effects.lost, 0);
    assert_true(world.effects.count <= core_effects_max(world.core));
    bool answered = event->kind != EVENT_ROOM_REQUEST;
    for (size_t i = 0; i < world.effects.count; i++) {
        const struct effect *effect = &world.list[i];
        if (effect->kind == EFFECT_HEATER_COMMAND) {
            check_command(effect->index, &effect->command);
        }
        answered |= effect->kind == EFFECT_PUBLISH_ROOM && effect->index == event->index;
    }
    assert_true(answered);
    for (uint16_t i = 0; i < world.config.circuit_count; i++) {
        check_circuit(i);
    }
}

static void remember(const struct event *event)
{
    if (event->kind == EVENT_ROOM_TEMPERATURE && event->number >= -20 && event->number <= 45) {
        shadow.room[event->index].sampled = event->at;
    }
}

static void run_history(uint64_t seed, int events)
{
    struct random random = random_seeded(seed);
    int32_t offset_s = 3600;
    random_world(&world, seed);
    world_start(&world);
    memset(&shadow, 0, sizeof(shadow));
    for (int i = 0; i < events; i++) {
        struct event event = random_event(&random, 3, 6);
        const bool sleeps = random_below(&random, 5000) == 0;
        const int64_t passed_ms =
            sleeps ? (int64_t)random_below(&random, 36000000) : (int64_t)random_below(&random, 900);
        world.now.ms += passed_ms;
        world.wall.ms += passed_ms;
        if (random_below(&random, 20000) == 0) {
            offset_s = offset_s == 3600 ? 7200 : 3600;
            world.wall.ms += (int64_t)random_below(&random, 7200000) - 3600000;
        }
        if (sleeps || i % 2 == 1) {
            event = (struct event){.kind = EVENT_TICK};
        }
        random_move(&event, world.now, world.wall, offset_s);
        remember(&event);
        step(&event);
        if (event.kind == EVENT_TICK) {
            check_after_tick();
        }
    }
    world_end(&world);
}

static void test_random_histories(void **state)
{
    (void)state;
    const char *asked = getenv("HB_PROPERTY_EVENTS");
    const unsigned long events = asked != NULL ? strtoul(asked, NULL, 10) : 2000000;
    enum { EACH = 20000 };
    for (uint64_t seed = 1; seed <= events / EACH; seed++) {
        run_history(seed, EACH);
    }
    assert_true(most_of_circuits_w > 500); /* they did heat */
}

static void test_nothing_after_stop(void **state)
{
    (void)state;
    struct random random = random_seeded(3);
    random_world(&world, 3);
    world_start(&world);
    struct event event = {.kind = EVENT_STOP};
    world_send(&world, &event);
    size_t commanded = 0;
    for (size_t i = 0; i < world.config.heater_count; i++) {
        commanded += !world.caps[i].observe_only;
    }
    assert_int_equal(world_count(&world, EFFECT_HEATER_COMMAND), commanded);
    for (int i = 0; i < 1000; i++) {
        event = random_event(&random, 3, 6);
        world.now.ms += 500;
        random_move(&event, world.now, world.wall, 0);
        world_send(&world, &event);
        assert_int_equal(world.effects.count, 0);
    }
    world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_histories),
        cmocka_unit_test(test_nothing_after_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
