/* What a user notices of the core: requests, windows, faults, leases, views. */
#include <stdio.h>
#include <string.h>

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

/* A room at `room_c` with a heater that answers, in mode heat with target 20. */
static void start_at(double room_c)
{
    world_start(&world);
    world_heater(&world, 0, 0);
    world_temperature(&world, room_c);
    world_tick(&world);
}

static struct room_request target(double target_c)
{
    return (struct room_request){.fields = REQUEST_TARGET, .target_c = target_c};
}

static struct room_request mode(enum room_mode wish)
{
    return (struct room_request){.fields = REQUEST_MODE, .mode = wish};
}

static const struct effect *find(enum effect_kind kind)
{
    for (size_t i = 0; i < world.effects.count; i++) {
        if (world.list[i].kind == kind) {
            return &world.list[i];
        }
    }
    return NULL;
}

static void test_target_changes_the_power_in_the_same_step(void **state)
{
    (void)state;
    start_at(20);
    const double before_w = world.command[0].power_w;
    world_request(&world, target(22));
    assert_int_equal(world_count(&world, EFFECT_HEATER_COMMAND), 1);
    assert_true(world.command[0].power_w > before_w + 300);
    assert_int_equal(world_count(&world, EFFECT_PUBLISH_ROOM), 1);
    assert_int_equal(world_count(&world, EFFECT_SAVE_ROOM), 1);
    world_request(&world, mode(ROOM_OFF));
    assert_near(world.command[0].power_w, 0, 0);
    assert_int_equal(world_room(&world).reason, REASON_OFF);
    assert_int_equal(world_room(&world).action, ACTION_OFF);
    assert_near(world_room(&world).target_c, 22, 0);
}

static void test_every_request_is_answered(void **state)
{
    (void)state;
    start_at(20);
    for (int i = 0; i < 3; i++) {
        world_request(&world, target(22));
        assert_int_equal(world_count(&world, EFFECT_PUBLISH_ROOM), 1);
        world_request(&world, target(99));
        assert_int_equal(world_count(&world, EFFECT_PUBLISH_ROOM), 1);
        assert_int_equal(world_count(&world, EFFECT_SAVE_ROOM), 0);
        assert_non_null(strstr(find(EFFECT_REFUSE)->text, "expected 5 to 30 °C, got 99 °C"));
        assert_near(world_room(&world).target_c, 22, 0);
    }
}

static void test_action_tells_what_the_heater_does(void **state)
{
    (void)state;
    start_at(18);
    assert_int_equal(world_room(&world).action, ACTION_PREHEATING);
    world_heater(&world, 0, world.command[0].power_w);
    assert_int_equal(world_room(&world).action, ACTION_HEATING);
    assert_int_equal(world_room(&world).reason, REASON_HEATING);
    world_pass(&world, 4000);
    world.now.ms += 200000;
    world_heater(&world, 0, world.command[0].power_w);
    world_temperature(&world, 21);
    assert_int_equal(world_room(&world).action, ACTION_IDLE);
    assert_int_equal(world_room(&world).reason, REASON_SATISFIED);
}

static void test_never_seen_temperature_never_heats(void **state)
{
    (void)state;
    world_start(&world);
    world_pass(&world, 899000);
    assert_int_equal(world_room(&world).reason, REASON_STARTING);
    world_pass(&world, 3000);
    assert_int_equal(world_room(&world).reason, REASON_ROOM_NEVER_SEEN);
    assert_false(world_room(&world).available);
    assert_near(world.command[0].power_w, 0, 0);
    world_temperature(&world, 18);
    assert_true(world.command[0].power_w > 0);
}

static void test_stale_temperature_stops_heat_until_a_new_sample(void **state)
{
    (void)state;
    start_at(18);
    world_pass(&world, 900000);
    assert_true(world.command[0].power_w > 0);
    world_pass(&world, 1000);
    assert_near(world.command[0].power_w, 0, 0);
    assert_int_equal(world_room(&world).reason, REASON_ROOM_STALE);
    assert_true(isnan(world_room(&world).room_c));
    world_pass(&world, 60000);
    world_temperature(&world, NAN); /* not a sample */
    assert_near(world.command[0].power_w, 0, 0);
    assert_int_equal(world_room(&world).reason, REASON_ROOM_IMPLAUSIBLE);
    world_temperature(&world, 18);
    assert_true(world.command[0].power_w > 0);
}

static void test_suspend_stops_heat_first_of_all(void **state)
{
    (void)state;
    start_at(18);
    world_pass(&world, 60000);
    assert_true(world.command[0].power_w > 0);
    world.now.ms += 6 * 3600000;
    world_tick(&world);
    assert_near(world.command[0].power_w, 0, 0);
}

static void test_wall_clock_jumps_change_nothing(void **state)
{
    (void)state;
    start_at(19.8);
    world_pass_at(&world, 600000, 19.8);
    const double before_w = world.command[0].power_w;
    world.wall.ms -= 2 * 3600000;
    world_tick(&world);
    world.wall.ms += 365LL * 86400000;
    world_tick(&world);
    assert_near(world.command[0].power_w, before_w, 20);
}

static void test_window_stops_heat_after_its_delay(void **state)
{
    (void)state;
    start_at(18);
    world_window(&world, true);
    assert_true(world.command[0].power_w > 0);
    world_pass(&world, 29000);
    assert_true(world.command[0].power_w > 0);
    world_pass(&world, 2000);
    assert_near(world.command[0].power_w, 0, 0);
    assert_int_equal(world_room(&world).reason, REASON_WINDOW_OPEN);
    assert_int_equal(world_room(&world).action, ACTION_IDLE);
    world_temperature(&world, 17.5);
    world_window(&world, false);
    assert_true(world.command[0].power_w > 0);
}

static void test_open_window_repeated_keeps_its_time(void **state)
{
    (void)state;
    start_at(18);
    for (int i = 0; i < 5; i++) {
        world_window(&world, true);
        world_pass(&world, 8000);
    }
    assert_near(world.command[0].power_w, 0, 0);
}

static void test_frost_protection_over_off_and_window(void **state)
{
    (void)state;
    start_at(4);
    world_request(&world, mode(ROOM_OFF));
    assert_true(world.command[0].power_w > 0);
    assert_int_equal(world_room(&world).reason, REASON_FROST);
    world_heater(&world, 0, world.command[0].power_w);
    assert_int_equal(world_room(&world).action, ACTION_HEATING);
    world_window(&world, true);
    world_pass(&world, 60000);
    assert_true(world.command[0].power_w > 0);
    world.now.ms += 200000;
    world_heater(&world, 0, 1500);
    world_temperature(&world, 6.1);
    assert_near(world.command[0].power_w, 0, 0);
    assert_int_equal(world_room(&world).reason, REASON_OFF);
}

static void test_frost_never_over_safety(void **state)
{
    (void)state;
    start_at(4);
    world_request(&world, mode(ROOM_OFF));
    world_pass(&world, 902000);
    assert_near(world.command[0].power_w, 0, 0);
    assert_int_equal(world_room(&world).reason, REASON_ROOM_STALE);
}

static void test_room_too_hot(void **state)
{
    (void)state;
    world.rooms[0].too_hot_c = 24;
    world.rooms[0].min_target_c = 5;
    start_at(23.9);
    world_request(&world, target(30));
    assert_true(world.command[0].power_w > 0);
    world_temperature(&world, 24);
    assert_near(world.command[0].power_w, 0, 0);
    assert_int_equal(world_room(&world).reason, REASON_ROOM_TOO_HOT);
    world_temperature(&world, 23.1);
    assert_near(world.command[0].power_w, 0, 0);
    world_temperature(&world, 22.9);
    assert_true(world.command[0].power_w > 0);
}

static void test_heater_too_hot_or_silent(void **state)
{
    (void)state;
    start_at(18);
    struct heater_state hot = world_good_state(&world, 1500);
    hot.chip_c.value = 90;
    world_heater_state(&world, 0, &hot);
    assert_near(world.command[0].power_w, 0, 0);
    assert_int_equal(world_room(&world).reason, REASON_HEATER_TOO_HOT);
    world_heater(&world, 0, 0);
    assert_true(world.command[0].power_w > 0);
    struct heater_state lost = world_good_state(&world, NAN);
    lost.link = HEATER_LINK_LOST;
    world_heater_state(&world, 0, &lost);
    assert_near(world.command[0].power_w, 0, 0);
    assert_int_equal(world_room(&world).reason, REASON_HEATER_UNREACHABLE);
    struct heater_view view;
    core_heater_view(world.core, 0, &view);
    assert_false(view.available);
    assert_true(isnan(world_room(&world).power_w));
    assert_int_equal(world_room(&world).power_from, PROVENANCE_UNKNOWN);
}

static void test_leases_are_renewed_in_time(void **state)
{
    (void)state;
    start_at(15);
    const struct heater_command first = world.command[0];
    assert_int_equal(first.expires.ms - first.issued.ms, 90000);
    world_pass_at(&world, 600000, 15);
    assert_near(world.command[0].power_w, first.power_w, 0);
    assert_true(world.command[0].seq > first.seq);
    assert_true(world.command[0].expires.ms - world.now.ms > 45000);
    assert_true(world.commands[0] < 40); /* no flood either */
}

static void test_expired_command_is_given_again(void **state)
{
    (void)state;
    start_at(18);
    const struct heater_command first = world.command[0];
    struct event event = {.kind = EVENT_HEATER_OUTCOME,
                          .u.outcome = {.seq = first.seq, .result = COMMAND_EXPIRED}};
    world_send(&world, &event);
    assert_true(world.command[0].seq > first.seq);
    assert_near(world.command[0].power_w, first.power_w, 0);
}

static void outcome(uint64_t seq, enum command_outcome result)
{
    struct event event = {.kind = EVENT_HEATER_OUTCOME,
                          .u.outcome = {.seq = seq, .result = result}};
    world_send(&world, &event);
}

static void test_failed_command_is_told_and_never_escalates(void **state)
{
    (void)state;
    start_at(18);
    const double told_w = world.command[0].power_w;
    outcome(world.command[0].seq, COMMAND_FAILED);
    assert_int_equal(world_room(&world).reason, REASON_NOT_OBEYING);
    struct heater_view view;
    core_heater_view(world.core, 0, &view);
    assert_int_equal(view.outcome, COMMAND_FAILED);
    assert_int_equal(view.reason, REASON_NOT_OBEYING);
    world_pass(&world, 300000);
    assert_true(world.command[0].power_w <= told_w);
    outcome(world.command[0].seq, COMMAND_CONFIRMED);
    assert_int_equal(world_room(&world).reason, REASON_HEATING);
    outcome(1, COMMAND_FAILED); /* of an order long gone */
    assert_int_equal(world_room(&world).reason, REASON_HEATING);
}

static void test_heater_stuck_on_is_noticed(void **state)
{
    (void)state;
    start_at(20);
    world_request(&world, mode(ROOM_OFF));
    for (int i = 0; i < 70; i++) {
        world.now.ms += 5000;
        world_heater(&world, 0, 800);
    }
    assert_int_equal(world_room(&world).reason, REASON_NOT_OBEYING);
    assert_near(world.command[0].power_w, 0, 0);
    world.now.ms += 5000;
    world_heater(&world, 0, 3);
    assert_int_equal(world_room(&world).reason, REASON_OFF);
}

static void test_energy_is_monotonic_and_gaps_add_nothing(void **state)
{
    (void)state;
    start_at(18);
    world.now.ms += 60000;
    world_heater(&world, 0, 1200); /* 0 to 1200 W over a minute: 10 Wh */
    struct heater_totals totals;
    core_heater_totals(world.core, 0, &totals);
    assert_near(totals.energy_wh, 10, 1e-9);
    world_heater(&world, 0, 1200); /* the same instant again */
    world.now.ms += 3600000;
    world_heater(&world, 0, 1200);
    core_heater_totals(world.core, 0, &totals);
    assert_near(totals.energy_wh, 10, 1e-9);
    world.now.ms += 60000;
    world_heater(&world, 0, 1200);
    core_heater_totals(world.core, 0, &totals);
    assert_near(totals.energy_wh, 30, 1e-9);
    assert_near(totals.hashes, 1.2e12 * 60 * 1.5, 1);
    world_heater(&world, 0, -5000); /* nonsense */
    core_heater_totals(world.core, 0, &totals);
    assert_near(totals.energy_wh, 30, 1e-9);
}

static void test_shares_survive_restarts_of_driver_and_program(void **state)
{
    (void)state;
    world_start(&world);
    const struct heater_totals before = {.energy_wh = 5000, .shares_accepted = 100};
    core_restore_heater(world.core, 0, &before);
    static const uint64_t counter[] = {3, 10, 2, 4};
    for (size_t i = 0; i < 4; i++) {
        world.shares = counter[i];
        world_heater(&world, 0, 100);
    }
    struct heater_totals totals;
    core_heater_totals(world.core, 0, &totals);
    assert_int_equal(totals.shares_accepted, 100 + 3 + 7 + 2 + 2);
    assert_near(totals.energy_wh, 5000, 0);
}

static void report_luck(double best_difficulty, uint64_t blocks_found)
{
    struct heater_state state = world_good_state(&world, 100);
    state.best_difficulty = best_difficulty;
    state.work.blocks_found = blocks_found;
    world.now.ms += 1000;
    world_heater_state(&world, 0, &state);
}

static void test_best_share_and_blocks_are_kept_at_once_and_for_ever(void **state)
{
    (void)state;
    world_start(&world);
    const struct heater_totals before = {.best_difficulty = 500, .blocks_found = 1};
    core_restore_heater(world.core, 0, &before);
    report_luck(300, 0); /* best of this run only */
    assert_int_equal(world_count(&world, EFFECT_SAVE_HEATER), 0);
    report_luck(700, 0);
    assert_int_equal(world_count(&world, EFFECT_SAVE_HEATER), 1);
    assert_int_equal(world_count(&world, EFFECT_BLOCK_FOUND), 0);
    report_luck(700, 2);
    assert_int_equal(world_count(&world, EFFECT_SAVE_HEATER), 1);
    assert_int_equal(world_count(&world, EFFECT_BLOCK_FOUND), 1);
    report_luck(700, 2);
    assert_int_equal(world_count(&world, EFFECT_BLOCK_FOUND), 0);
    assert_int_equal(world_count(&world, EFFECT_SAVE_HEATER), 0);
    report_luck(NAN, 1); /* the driver began anew, and found one again */
    assert_int_equal(world_count(&world, EFFECT_BLOCK_FOUND), 1);
    struct heater_view view;
    core_heater_view(world.core, 0, &view);
    assert_near(view.best_difficulty, 700, 0);
    assert_int_equal(view.blocks_found, 1 + 2 + 1);
}

static void test_telemetry_is_published_at_most_once_a_second(void **state)
{
    (void)state;
    start_at(20);
    size_t published = 0;
    for (int i = 0; i < 100; i++) { /* 10 s of readings ten times a second */
        world.now.ms += 100;
        world_heater(&world, 0, 500 + i);
        published += world_count(&world, EFFECT_PUBLISH_ROOM);
    }
    assert_true(published >= 8 && published <= 12);
    published = 0;
    world_request(&world, mode(ROOM_OFF));
    for (int i = 0; i < 180; i++) { /* nothing changes: only the heartbeat */
        world.now.ms += 1000;
        world_tick(&world);
        published += world_count(&world, EFFECT_PUBLISH_ROOM);
    }
    assert_true(published >= 3 && published <= 6);
}

static void test_power_limits(void **state)
{
    (void)state;
    world.rooms[0].power_limit_w = 1000;
    start_at(15);
    assert_near(world.command[0].power_w, 1000, 0);
    assert_int_equal(world_room(&world).reason, REASON_POWER_LIMIT);
    world_request(&world,
                  (struct room_request){.fields = REQUEST_POWER_LIMIT, .power_limit_w = 700});
    assert_near(world.command[0].power_w, 700, 0);
    assert_near(world_room(&world).power_limit_w, 700, 0);
    world_request(&world,
                  (struct room_request){.fields = REQUEST_POWER_LIMIT, .power_limit_w = 1400});
    assert_near(world.command[0].power_w, 1000, 0);
}

static void test_schedule_and_override_show_their_reason(void **state)
{
    (void)state;
    world.rooms[0].schedule[0] = (struct config_slot){.week_minute = 0, .preset = 0};
    world.rooms[0].schedule[1] = (struct config_slot){.week_minute = 600, .preset = 1};
    world.rooms[0].schedule_count = 2;
    start_at(18);
    world_request(&world, mode(ROOM_AUTO));
    assert_near(world_room(&world).target_c, 21, 0);
    assert_int_equal(world_room(&world).preset, 0);
    assert_int_equal(world_room(&world).reason, REASON_SCHEDULE);
    world_request(&world, target(22));
    assert_int_equal(world_room(&world).reason, REASON_OVERRIDE);
    world.wall.ms += 600 * 60000;
    world_tick(&world);
    assert_int_equal(world_count(&world, EFFECT_SAVE_ROOM), 1);
    assert_near(world_room(&world).target_c, 16, 0);
}

static void test_settings_survive_a_restart(void **state)
{
    (void)state;
    start_at(18);
    world_request(&world, target(23.5));
    world_request(&world, mode(ROOM_OFF));
    struct room_settings settings;
    core_room_settings(world.core, 0, &settings);
    world_end(&world);
    world_start(&world);
    core_restore_room(world.core, 0, &settings);
    world_tick(&world);
    assert_near(world_room(&world).target_c, 23.5, 0);
    assert_int_equal(world_room(&world).mode, ROOM_OFF);
    world_request(&world, (struct room_request){.fields = REQUEST_POWER, .power_on = true});
    assert_int_equal(world_room(&world).mode, ROOM_HEAT);
}

static void test_changed_words_of_a_problem_are_shown_within_a_second(void **state)
{
    (void)state;
    start_at(18);
    struct heater_state ill = world_good_state(&world, 500);
    ill.problem = true;
    (void)snprintf(ill.problem_text, sizeof ill.problem_text, "no mining pool answers");
    world.now.ms += 2000;
    world_heater_state(&world, 0, &ill);
    assert_int_equal(world_count(&world, EFFECT_PUBLISH_HEATER), 1);
    (void)snprintf(ill.problem_text, sizeof ill.problem_text,
                   "no mining pool answers, so it pauses");
    ill.at.ms = ill.power_w.at.ms = world.now.ms += 1000;
    world_heater_state(&world, 0, &ill);
    assert_int_equal(world_count(&world, EFFECT_PUBLISH_HEATER), 1);
    ill.at.ms = ill.power_w.at.ms = world.now.ms += 1000;
    world_heater_state(&world, 0, &ill);
    assert_int_equal(world_count(&world, EFFECT_PUBLISH_HEATER), 0);
}

static void test_no_pool_is_told(void **state)
{
    (void)state;
    start_at(18);
    struct heater_state idle = world_good_state(&world, 0);
    idle.pool_link = POOL_LOST;
    world_heater_state(&world, 0, &idle);
    assert_int_equal(world_room(&world).reason, REASON_NO_POOL);
    assert_int_equal(world_room(&world).action, ACTION_IDLE);
}

static void test_stop_switches_off_and_then_is_silent(void **state)
{
    (void)state;
    world.config.heater_count = 2;
    world.heaters[1].room = INDEX_NONE;
    world.heaters[1].on_exit = ON_EXIT_KEEP;
    start_at(18);
    struct event event = {.kind = EVENT_STOP};
    world_send(&world, &event);
    assert_int_equal(world_count(&world, EFFECT_HEATER_COMMAND), 1);
    assert_near(world.command[0].power_w, 0, 0);
    assert_int_equal(world.command[0].why, REASON_STOPPING);
    assert_int_equal(world_room(&world).reason, REASON_STOPPING);
    world_temperature(&world, 10);
    world_tick(&world);
    assert_int_equal(world.effects.count, 0);
}

static void test_heater_without_room_is_never_on(void **state)
{
    (void)state;
    world.config.heater_count = 2;
    world.heaters[1].room = INDEX_NONE;
    start_at(10);
    world_pass_at(&world, 120000, 10);
    assert_true(world.commands[1] > 0);
    assert_near(world.command[1].power_w, 0, 0);
}

static void test_indices_from_nowhere_are_ignored(void **state)
{
    (void)state;
    start_at(18);
    struct event room = {.kind = EVENT_ROOM_TEMPERATURE, .index = 999, .number = 3};
    world_send(&world, &room);
    struct event heater = {.kind = EVENT_HEATER_OUTCOME, .index = 999};
    world_send(&world, &heater);
    assert_int_equal(world.effects.count, 0);
}

static void test_window_contact_that_falls_silent(void **state)
{
    (void)state;
    world.rooms[0].window.stale_after_ms = 120000;
    start_at(18);
    world_window(&world, true);
    world_pass_at(&world, 90000, 18);
    assert_near(world.command[0].power_w, 0, 0);
    world_pass_at(&world, 60000, 18);
    assert_false(world_room(&world).window_known);
    assert_true(world.command[0].power_w > 0);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_target_changes_the_power_in_the_same_step),
        CASE(test_every_request_is_answered),
        CASE(test_action_tells_what_the_heater_does),
        CASE(test_never_seen_temperature_never_heats),
        CASE(test_stale_temperature_stops_heat_until_a_new_sample),
        CASE(test_suspend_stops_heat_first_of_all),
        CASE(test_wall_clock_jumps_change_nothing),
        CASE(test_window_stops_heat_after_its_delay),
        CASE(test_open_window_repeated_keeps_its_time),
        CASE(test_frost_protection_over_off_and_window),
        CASE(test_frost_never_over_safety),
        CASE(test_room_too_hot),
        CASE(test_heater_too_hot_or_silent),
        CASE(test_leases_are_renewed_in_time),
        CASE(test_expired_command_is_given_again),
        CASE(test_failed_command_is_told_and_never_escalates),
        CASE(test_heater_stuck_on_is_noticed),
        CASE(test_energy_is_monotonic_and_gaps_add_nothing),
        CASE(test_shares_survive_restarts_of_driver_and_program),
        CASE(test_best_share_and_blocks_are_kept_at_once_and_for_ever),
        CASE(test_telemetry_is_published_at_most_once_a_second),
        CASE(test_power_limits),
        CASE(test_schedule_and_override_show_their_reason),
        CASE(test_settings_survive_a_restart),
        CASE(test_changed_words_of_a_problem_are_shown_within_a_second),
        CASE(test_no_pool_is_told),
        CASE(test_stop_switches_off_and_then_is_silent),
        CASE(test_heater_without_room_is_never_on),
        CASE(test_indices_from_nowhere_are_ignored),
        CASE(test_window_contact_that_falls_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
