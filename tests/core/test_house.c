/* The simulated room obeys physics, and the demo's half hour ends at its target. */
#include <string.h>

#include "bridge/house/script.h"
#include "tests/core/world.h"
#include "tests/support/test.h"

static struct world world;

static void test_room_settles_where_loss_equals_power(void **state)
{
    (void)state;
    const struct house_room_parameters rooms[] = {house_living_room(), house_demo_room()};
    for (size_t i = 0; i < 2; i++) {
        struct house_room room;
        house_room_init(&room, &rooms[i], 10);
        for (int hour = 0; hour < 2000; hour++) {
            house_room_step(&room, 400, 0, 3600);
        }
        /* Heat given to the mass leaves partly past the air, so the air is a little colder. */
        const double loss = house_room_loss_w_per_k(&rooms[i]);
        assert_near(room.air_c, 400 / loss, 0.06 * 400 / loss);
        assert_near(room.sensor_c, room.air_c, 1e-3);
        assert_near(room.heat_w, 400, 1e-6);
    }
    const struct house_room_parameters living = house_living_room();
    assert_near(house_room_loss_w_per_k(&living), 25.7, 0.2);
}

static void test_open_window_cools_faster(void **state)
{
    (void)state;
    const struct house_room_parameters is = house_living_room();
    struct house_room closed;
    struct house_room open;
    house_room_init(&closed, &is, 20);
    house_room_init(&open, &is, 20);
    open.window_open = true;
    house_room_step(&closed, 0, 0, 600);
    house_room_step(&open, 0, 0, 600);
    assert_true(open.air_c < closed.air_c - 0.5);
}

static void test_story_is_told_completely(void **state)
{
    (void)state;
    size_t all;
    size_t told = 0;
    const struct script_event *events = script_between(0, SCRIPT_LENGTH_S + 1, &all);
    for (size_t i = 1; i < all; i++) {
        assert_true(events[i].at_s >= events[i - 1].at_s);
    }
    for (double t_s = 0; t_s <= SCRIPT_LENGTH_S; t_s += 7.5) {
        size_t count;
        (void)script_between(t_s, t_s + 7.5, &count);
        told += count;
    }
    assert_int_equal(told, all);
    assert_near(script_outdoor_c(0), -2, 0);
    assert_near(script_outdoor_c(570), -2, 0);
    assert_near(script_outdoor_c(1185), -3, 1e-9);
    assert_near(script_outdoor_c(9999), -4, 0);
}

static void act(const struct script_event *event, struct house_room *room)
{
    if (event->act == SCRIPT_PRESET) {
        world_request(&world,
                      (struct room_request){.fields = REQUEST_PRESET,
                                            .preset = strcmp(event->preset, "away") == 0 ? 1 : 0});
    } else if (event->act == SCRIPT_WINDOW) {
        room->window_open = event->window_open;
        world_window(&world, event->window_open);
    }
}

/* Plays the story with `apart_s` of the house's time between two rounds of messages: the sensor's,
 * the heater's, and the room's that hears of the heater's power one round late. The heater delivers
 * `most_w` at most. The worst distance from the target during the last third, by air and by
 * sensor. */
static double play(double apart_s, double most_w)
{
    const struct house_room_parameters is = house_demo_room();
    struct house_room room;
    double worst_k = 0;
    double lowest_c = 99;
    double heard_w = 0;
    house_room_init(&room, &is, script_start_c());
    world_init(&world);
    world.rooms[0].heat_loss_w_per_k = house_room_loss_w_per_k(&is);
    world.rooms[0].window_delay_ms = 10000;
    world_start(&world);
    for (double t_s = 0; t_s < SCRIPT_LENGTH_S; t_s += apart_s) {
        size_t count;
        const struct script_event *events = script_between(t_s, t_s + apart_s, &count);
        for (size_t i = 0; i < count; i++) {
            act(&events[i], &room);
        }
        world.now.ms += (int64_t)(apart_s * 1000);
        world.wall.ms += (int64_t)(apart_s * 1000);
        house_room_step(&room, heard_w, script_outdoor_c(t_s), apart_s);
        heard_w = fmin(world.command[0].power_w, most_w);
        world_heater(&world, 0, heard_w);
        world_outdoor(&world, script_outdoor_c(t_s));
        world_temperature(&world, house_room_sensor_c(&room));
        world_tick(&world);
        if (t_s >= SCRIPT_LENGTH_S * 2.0 / 3) {
            worst_k = fmax(worst_k, fabs(room.air_c - world_room(&world).target_c));
            worst_k = fmax(worst_k, fabs(room.sensor_c - world_room(&world).target_c));
        }
        lowest_c = fmin(lowest_c, room.air_c);
    }
    assert_near(world_room(&world).target_c, 21, 0);
    assert_true(lowest_c > 15);
    world_end(&world);
    return worst_k;
}

static void test_demo_ends_at_its_target(void **state)
{
    (void)state;
    static const double apart_s[] = {1, 7.5, 15, 30, 45, 60};
    for (size_t i = 0; i < sizeof(apart_s) / sizeof(apart_s[0]); i++) {
        const double worst_k = play(apart_s[i], 1500);
        print_message("messages every %4.1f s of the house's time: within %.2f K\n", apart_s[i],
                      worst_k);
        assert_true(worst_k < 0.4);
    }
}

/* On a busy machine the miner gets a part of the processor only. */
static void test_demo_forgives_a_busy_machine(void **state)
{
    (void)state;
    static const double most_w[] = {1000, 700, 550};
    for (size_t i = 0; i < sizeof(most_w) / sizeof(most_w[0]); i++) {
        const double worst_k = play(15, most_w[i]);
        print_message("a heater that gives %4.0f W at most: within %.2f K\n", most_w[i], worst_k);
        assert_true(worst_k < 0.45);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_room_settles_where_loss_equals_power),
        cmocka_unit_test(test_open_window_cools_faster),
        cmocka_unit_test(test_story_is_told_completely),
        cmocka_unit_test(test_demo_ends_at_its_target),
        cmocka_unit_test(test_demo_forgives_a_busy_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
