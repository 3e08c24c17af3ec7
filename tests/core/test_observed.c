/* A heater that takes no commands: its heat counts, and nothing else is asked of it. */
#include "tests/core/world.h"
#include "tests/support/test.h"

static struct world world;

static int setup(void **state)
{
    (void)state;
    world_init(&world);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_end(&world);
    return 0;
}

static struct room_request mode(enum room_mode wish)
{
    return (struct room_request){.fields = REQUEST_MODE, .mode = wish};
}

/* Beside the heater that takes commands, if `both`, stands one that takes none. */
static void start_observed(bool both)
{
    world.caps[both ? 1 : 0] = (struct heater_caps){.min_w = 1, .max_w = 800, .observe_only = true};
    world.rooms[0].heaters[1] = 1;
    world.rooms[0].heater_count = both ? 2 : 1;
    world.config.heater_count = both ? 2 : 1;
    world_start(&world);
}

static void observed(uint16_t heater, double power_w)
{
    struct heater_state state = world_good_state(&world, power_w);
    state.applied_w = NAN;
    state.power_w.from = PROVENANCE_MODELLED;
    world_heater_state(&world, heater, &state);
}

static void test_observed_heater_is_never_commanded(void **state)
{
    (void)state;
    start_observed(false);
    observed(0, 700);
    world_temperature(&world, 15);
    for (int i = 0; i < 400; i++) {
        world.now.ms += 5000;
        world.wall.ms += 5000;
        observed(0, 700); /* and though it draws what nobody asked for, nothing is wrong */
        world_temperature(&world, i < 200 ? 15 : 25);
    }
    struct heater_view view;
    core_heater_view(world.core, 0, &view);
    assert_int_equal(world.commands[0], 0);
    assert_true(isnan(view.commanded_w));
    assert_int_equal(view.reason, REASON_OBSERVED);
    assert_near(view.energy_wh, 700 * 399 * 5 / 3600.0, 2);
    assert_int_equal(world_room(&world).reason, REASON_OBSERVED);
    assert_int_equal(world_room(&world).action, ACTION_HEATING);
    assert_near(world_room(&world).power_w, 700, 0);
    world_request(&world, mode(ROOM_OFF));
    assert_int_equal(world_room(&world).action, ACTION_OFF);
    assert_int_equal(world_room(&world).reason, REASON_OFF);
    struct event event = {.kind = EVENT_STOP};
    world_send(&world, &event);
    assert_int_equal(world.commands[0], 0);
}

static void test_observed_heat_is_not_asked_for_again(void **state)
{
    (void)state;
    start_observed(true);
    world_heater(&world, 0, 0);
    observed(1, 0);
    world_temperature(&world, 19);
    world_tick(&world);
    const double alone_w = world.command[0].power_w;
    assert_true(alone_w > 500);
    for (int i = 0; i < 30; i++) { /* longer than small changes wait */
        world.now.ms += 5000;
        world.wall.ms += 5000;
        world_heater(&world, 0, world.command[0].power_w);
        observed(1, 300);
        world_temperature(&world, 19);
    }
    assert_near(world.command[0].power_w, alone_w - 300, 60); /* watt for watt */
    assert_int_equal(world.commands[1], 0);
    world.now.ms += 5000;
    observed(1, 800); /* more than the room needs: nothing on top of it */
    world_temperature(&world, 20.2);
    assert_near(world.command[0].power_w, 0, 0);
    assert_int_equal(world_room(&world).action, ACTION_HEATING);
}

static void test_power_limit_counts_observed_heat(void **state)
{
    (void)state;
    start_observed(true);
    world_heater(&world, 0, 0);
    observed(1, 600);
    world_request(&world,
                  (struct room_request){.fields = REQUEST_POWER_LIMIT, .power_limit_w = 1000});
    world_temperature(&world, 10);
    assert_true(world.command[0].power_w > 300);
    assert_true(world.command[0].power_w <= 400);
    assert_int_equal(world_room(&world).reason, REASON_POWER_LIMIT);
}

static void test_observed_heater_that_is_gone_gives_nothing(void **state)
{
    (void)state;
    start_observed(true);
    world_heater(&world, 0, 0);
    struct heater_state gone = world_good_state(&world, 0);
    gone.link = HEATER_LINK_LOST;
    gone.power_w = reading_none();
    world_heater_state(&world, 1, &gone);
    world_temperature(&world, 18);
    assert_true(world.command[0].power_w > 1000);
    struct heater_view view;
    core_heater_view(world.core, 1, &view);
    assert_int_equal(view.reason, REASON_HEATER_UNREACHABLE);
    assert_true(isnan(world_room(&world).power_w)); /* unknown is not zero */
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_observed_heater_is_never_commanded),
        CASE(test_observed_heat_is_not_asked_for_again),
        CASE(test_power_limit_counts_observed_heat),
        CASE(test_observed_heater_that_is_gone_gives_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
