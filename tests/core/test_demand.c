/* A power that another program asks for: it takes the place of the thermostat, of nothing else. */
#include "tests/core/world.h"
#include "tests/support/test.h"

static struct world world;

static int setup(void **state)
{
    (void)state;
    world_init(&world);
    world.rooms[0].demand.source.stale_after_ms = 600000;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_end(&world);
    return 0;
}

static void start_at(double room_c)
{
    world_start(&world);
    world_heater(&world, 0, 0);
    world_temperature(&world, room_c);
    world_tick(&world);
}

static void demand(double number)
{
    struct event event = {.kind = EVENT_ROOM_DEMAND, .number = number};
    world_send(&world, &event);
}

static struct room_request mode(enum room_mode wish)
{
    return (struct room_request){.fields = REQUEST_MODE, .mode = wish};
}

static void test_watts_are_what_the_heater_gets(void **state)
{
    (void)state;
    start_at(24); /* far above its target */
    assert_near(world.command[0].power_w, 0, 0);
    demand(900);
    assert_near(world.command[0].power_w, 900, 0);
    assert_int_equal(world_room(&world).reason, REASON_DEMAND);
    assert_near(world_room(&world).demand, 900, 0);
    world_pass_at(&world, 60000, 15); /* and far below */
    assert_near(world.command[0].power_w, 900, 0);
    demand(0);
    assert_near(world.command[0].power_w, 0, 0);
    assert_int_equal(world_room(&world).reason, REASON_DEMAND);
}

static void test_percent_is_of_all_that_the_room_has(void **state)
{
    (void)state;
    world.rooms[0].demand.unit = DEMAND_PERCENT;
    start_at(20);
    demand(40);
    assert_near(world.command[0].power_w, 600, 1e-9);
    demand(100);
    assert_near(world.command[0].power_w, 1500, 1e-9);
    demand(140); /* nonsense changes nothing */
    assert_near(world_room(&world).demand, 100, 0);
}

static void test_stale_demand_gives_the_room_back_to_its_thermostat(void **state)
{
    (void)state;
    start_at(15);
    demand(100);
    world_pass_at(&world, 599000, 15);
    assert_near(world.command[0].power_w, 100, 0);
    world_pass_at(&world, 61000, 15);
    assert_true(isnan(world_room(&world).demand));
    assert_true(world.command[0].power_w > 1000);
    assert_int_equal(world_room(&world).reason, REASON_HEATING);
}

static void test_stale_demand_without_a_temperature_is_off(void **state)
{
    (void)state;
    start_at(20);
    demand(900);
    world_pass(&world, world.rooms[0].temperature.stale_after_ms + 2000);
    assert_near(world.command[0].power_w, 0, 0);
    assert_int_equal(world_room(&world).reason, REASON_ROOM_STALE);
    demand(900); /* a fresh one neither: the gate stands */
    assert_near(world.command[0].power_w, 0, 0);
}

static void test_people_windows_limits_and_safety_go_before(void **state)
{
    (void)state;
    start_at(20);
    demand(900);
    world_request(&world, mode(ROOM_OFF));
    assert_near(world.command[0].power_w, 0, 0);
    assert_int_equal(world_room(&world).reason, REASON_OFF);
    world_request(&world, mode(ROOM_HEAT));
    assert_near(world.command[0].power_w, 900, 0);
    world_request(&world,
                  (struct room_request){.fields = REQUEST_POWER_LIMIT, .power_limit_w = 400});
    assert_near(world.command[0].power_w, 400, 0);
    assert_int_equal(world_room(&world).reason, REASON_POWER_LIMIT);
    world_window(&world, true);
    world_pass_at(&world, world.rooms[0].window_delay_ms + 2000, 20);
    assert_near(world.command[0].power_w, 0, 0);
    assert_int_equal(world_room(&world).reason, REASON_WINDOW_OPEN);
    world_window(&world, false);
    assert_near(world.command[0].power_w, 400, 0);
    struct heater_state hot = world_good_state(&world, 400);
    hot.chip_c.value = 120;
    world_heater_state(&world, 0, &hot);
    assert_near(world.command[0].power_w, 0, 0);
    assert_int_equal(world_room(&world).reason, REASON_HEATER_TOO_HOT);
}

static void test_frost_is_kept_out_whatever_is_asked(void **state)
{
    (void)state;
    world.rooms[0].frost_c = 7;
    start_at(8);
    demand(0);
    world_pass_at(&world, 120000, 6.2);
    assert_true(world.command[0].power_w > 700);
    assert_int_equal(world_room(&world).reason, REASON_FROST);
}

static void test_request_sets_renews_and_ends_it(void **state)
{
    (void)state;
    struct room_request wish = {.fields = REQUEST_DEMAND, .demand = 700};
    start_at(24);
    world_request(&world, wish);
    assert_near(world.command[0].power_w, 700, 0);
    assert_int_equal(world_count(&world, EFFECT_PUBLISH_ROOM), 1);
    assert_int_equal(world_count(&world, EFFECT_SAVE_ROOM), 0); /* a lease is not for ever */
    world_pass_at(&world, 500000, 24);
    world_request(&world, wish);
    world_pass_at(&world, 500000, 24);
    assert_near(world.command[0].power_w, 700, 0);
    wish.demand = NAN;
    world_request(&world, wish);
    assert_near(world.command[0].power_w, 0, 0);
    assert_int_equal(world_room(&world).reason, REASON_SATISFIED);
}

static void test_room_without_the_key_takes_none(void **state)
{
    (void)state;
    world.rooms[0].demand.source.stale_after_ms = 0;
    start_at(24);
    demand(900);
    assert_near(world.command[0].power_w, 0, 0);
    assert_true(isnan(world_room(&world).demand));
}

/* Hours in which others decide leave nothing to unwind. */
static void test_thermostat_learns_nothing_from_it(void **state)
{
    (void)state;
    start_at(19);
    const double before_w = world.command[0].power_w;
    assert_true(before_w > 100 && before_w < 1400);
    for (int i = 0; i < 12; i++) {
        demand(0);
        world_pass_at(&world, 300000, 19);
    }
    const struct room_request none = {.fields = REQUEST_DEMAND, .demand = NAN};
    world_request(&world, none);
    assert_near(world.command[0].power_w, before_w, 30);
}

/* 200 W of a heater that knows 0 and 800 W come as pulses, and on the whole as 200 W. */
static void test_small_demand_comes_in_pulses(void **state)
{
    (void)state;
    world.caps[0] = (struct heater_caps){.min_w = 800,
                                         .max_w = 800,
                                         .tier_w = {800},
                                         .tier_count = 1,
                                         .min_on_ms = 300000,
                                         .min_off_ms = 300000};
    start_at(20);
    double energy_wh = 0;
    for (int i = 0; i < 12 * 360; i++) {
        demand(200);
        world_pass_at(&world, 10000, 20);
        energy_wh += world.command[0].power_w * 10 / 3600;
    }
    assert_near(energy_wh, 12 * 200, 12 * 200 * 0.06);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_watts_are_what_the_heater_gets),
        CASE(test_percent_is_of_all_that_the_room_has),
        CASE(test_stale_demand_gives_the_room_back_to_its_thermostat),
        CASE(test_stale_demand_without_a_temperature_is_off),
        CASE(test_people_windows_limits_and_safety_go_before),
        CASE(test_frost_is_kept_out_whatever_is_asked),
        CASE(test_request_sets_renews_and_ends_it),
        CASE(test_room_without_the_key_takes_none),
        CASE(test_thermostat_learns_nothing_from_it),
        CASE(test_small_demand_comes_in_pulses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
