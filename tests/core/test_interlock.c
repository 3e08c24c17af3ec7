/* Interlocks: when they trip, that they stay so, who releases them; alone, and in the core. */
#include <string.h>

#include "bridge/control/interlock.h"
#include "tests/core/world.h"
#include "tests/support/test.h"

enum { FLOW, OUTLET };

static const hb_mono start = {1000};
static struct config_interlock rules[2];
static struct interlocks locks;
static struct world world;

/* A flow of at least 1, told at least once a minute, and an outlet of at most 60 that may be
 * silent. */
static int setup(void **state)
{
    (void)state;
    memset(rules, 0, sizeof rules);
    rules[FLOW] = (struct config_interlock){
        .id = "flow", .min = 1, .max = NAN, .hold_ms = 10000, .source.stale_after_ms = 60000};
    rules[OUTLET] = (struct config_interlock){.id = "outlet", .min = NAN, .max = 60, .hold_ms = 0};
    interlocks_init(&locks, rules, 2);
    return 0;
}

static void hear(size_t which, double value, int64_t at_ms)
{
    interlocks_take(&locks, which, value, false, (hb_mono){at_ms});
}

static bool check(int64_t at_ms)
{
    return interlocks_check(&locks, start, (hb_mono){at_ms});
}

static const char *refusal(int64_t at_ms)
{
    static struct hb_err err;
    err.msg[0] = '\0';
    return interlocks_acknowledge(&locks, start, (hb_mono){at_ms}, &err) ? "" : err.msg;
}

static void a_value_outside_trips_after_its_hold(void **state)
{
    (void)state;
    hear(FLOW, 8, 2000);
    hear(FLOW, 0, 3000);
    hear(FLOW, 0.5, 9000); /* still outside: the hold does not begin anew */
    assert_false(check(12999));
    assert_false(locks.tripped);
    assert_true(check(13000));
    assert_true(locks.tripped);
    assert_string_equal(locks.why, "flow: 0.5, expected at least 1");
    assert_false(check(14000)); /* told once */
}

static void a_short_dip_is_forgiven(void **state)
{
    (void)state;
    hear(FLOW, 0, 3000);
    hear(FLOW, 1, 12000); /* the limit itself is within */
    hear(FLOW, 0, 13000);
    assert_false(check(22999));
    assert_true(check(23000));
}

static void a_limit_above_and_no_hold(void **state)
{
    (void)state;
    hear(FLOW, 8, 2000);
    hear(OUTLET, 60, 2000);
    assert_false(check(2000));
    hear(OUTLET, 60.5, 3000);
    assert_true(check(3000));
    assert_string_equal(locks.why, "outlet: 60.5, expected at most 60");
}

static void silence_trips_where_it_has_a_time(void **state)
{
    (void)state;
    hear(OUTLET, 40, 2000); /* and is never heard again */
    hear(FLOW, 8, 2000);
    assert_false(check(71999));
    assert_true(check(72000)); /* 60 s without a message, held for 10 s */
    assert_string_equal(locks.why, "flow: no message for 60 s");
    locks.tripped = false;
    hear(FLOW, 8, 73000);
    assert_false(check(100000));
}

static void never_heard_is_silent_since_the_start(void **state)
{
    (void)state;
    assert_false(check(start.ms + 69999));
    assert_true(check(start.ms + 70000));
}

static void what_is_no_value_counts_as_no_message(void **state)
{
    (void)state;
    const double bad[] = {NAN, INFINITY, -INFINITY, 1.0001e6, -1e300};
    hear(FLOW, 0, 2000);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        hear(FLOW, bad[i], 3000 + (int64_t)i);
        hear(2, bad[i], 3000); /* of no rule */
    }
    hear(2, 5, 3000);
    assert_near(locks.each[FLOW].value, 0, 0);
    assert_int_equal(locks.each[FLOW].heard.ms, 2000);
    assert_true(check(12000));
}

static void what_the_broker_kept_is_a_value_and_no_sign_of_life(void **state)
{
    (void)state;
    interlocks_take(&locks, FLOW, 8, true, (hb_mono){60000});
    assert_true(check(start.ms + 70000));
    locks.tripped = false;
    interlocks_take(&locks, OUTLET, 61, true, (hb_mono){80000});
    hear(FLOW, 8, 80000);
    assert_true(check(80000));
}

static void only_a_person_releases_it_and_only_without_a_cause(void **state)
{
    (void)state;
    assert_string_equal(refusal(1500), "no interlock has tripped; nothing was done");
    hear(FLOW, 0, 2000);
    assert_true(check(12000));
    assert_string_equal(
        refusal(13000),
        "the heater stays off, for the cause persists: flow: 0, expected at least 1");
    hear(FLOW, 8, 14000);
    assert_false(check(15000));
    assert_true(locks.tripped); /* what caused it is gone, and it stays */
    hear(OUTLET, 70, 16000);
    assert_non_null(strstr(refusal(16000), "outlet: 70, expected at most 60"));
    hear(OUTLET, 50, 17000);
    hear(FLOW, 0.5, 17000); /* outside again, if not for its hold */
    assert_non_null(strstr(refusal(17000), "flow: 0.5"));
    hear(FLOW, 8, 18000);
    assert_non_null(strstr(refusal(78000), "flow: no message for 60 s"));
    hear(FLOW, 8, 79000);
    assert_string_equal(refusal(79000), "");
    assert_false(locks.tripped);
    assert_string_equal(locks.why, "");
}

static void a_latch_of_an_earlier_run_holds(void **state)
{
    (void)state;
    interlocks_restore(&locks, "flow: 0, expected at least 1");
    assert_true(locks.tripped);
    assert_false(check(2000)); /* told by the run that saw it */
    assert_string_equal(refusal(2000),
                        "the heater stays off until something is heard of its interlock flow");
    hear(FLOW, 8, 3000);
    assert_string_equal(refusal(3000), "");
    interlocks_restore(&locks, "");
    assert_false(locks.tripped);
    interlocks_init(&locks, NULL, 0); /* taken out of the configuration */
    interlocks_restore(&locks, "flow: 0, expected at least 1");
    assert_false(locks.tripped);
    assert_string_equal(locks.why, "");
}

/* --- in the core --------------------------------------------------------------------------------
 */

static void start_world(void)
{
    (void)setup(NULL);
    rules[FLOW].source.stale_after_ms = 0;
    world_init(&world);
    world.heaters[0].interlocks = rules;
    world.heaters[0].interlock_count = 2;
    world.caps[0].min_on_ms = 3600000;
    world_start(&world);
    world_request(&world, (struct room_request){.fields = REQUEST_MODE, .mode = ROOM_HEAT});
    world_pass_at(&world, 120000, 15);
    assert_true(world.command[0].power_w > 0);
}

static void tell(size_t which, double value)
{
    struct event event = {
        .kind = EVENT_HEATER_INTERLOCK, .interlock = (uint16_t)which, .number = value};
    world_send(&world, &event);
}

static void acknowledge(void)
{
    struct event event = {.kind = EVENT_HEATER_ACKNOWLEDGE};
    world_send(&world, &event);
}

static struct heater_view view(void)
{
    struct heater_view view;
    core_heater_view(world.core, 0, &view);
    return view;
}

static void the_heater_is_off_whatever_the_room_wants(void **state)
{
    (void)state;
    start_world();
    tell(OUTLET, 61);
    assert_near(world.command[0].power_w, 0, 0); /* in the same step, though it must stay on */
    assert_int_equal(world.command[0].why, REASON_INTERLOCK);
    assert_int_equal(world_count(&world, EFFECT_SAVE_LATCH), 1);
    assert_int_equal(world_count(&world, EFFECT_PUBLISH_HEATER), 1);
    assert_int_equal(world_room(&world).reason, REASON_INTERLOCK);
    assert_true(view().interlocked);
    assert_string_equal(view().interlock_text, "outlet: 61, expected at most 60");
    tell(OUTLET, 20);
    world_request(&world, (struct room_request){.fields = REQUEST_TARGET, .target_c = 28});
    world_pass_at(&world, 3600000, 12);
    world_pass_at(&world, 7200000, 5); /* frost */
    assert_near(world.command[0].power_w, 0, 0);
    assert_int_equal(world_room(&world).reason, REASON_INTERLOCK);

    acknowledge();
    assert_int_equal(world_count(&world, EFFECT_SAVE_LATCH), 1);
    assert_int_equal(world_count(&world, EFFECT_REFUSE_HEATER), 0);
    assert_string_equal(core_heater_latch(world.core, 0), "");
    assert_false(view().interlocked);
    world_pass_at(&world, 60000, 5);
    assert_true(world.command[0].power_w > 0);
    world_end(&world);
}

static void a_refusal_says_why_and_keeps_the_latch(void **state)
{
    (void)state;
    start_world();
    tell(FLOW, 0);
    world_pass_at(&world, 9000, 15);
    assert_true(world.command[0].power_w > 0);
    world_pass_at(&world, 2000, 15);
    assert_near(world.command[0].power_w, 0, 0);
    acknowledge();
    assert_int_equal(world_count(&world, EFFECT_REFUSE_HEATER), 1);
    assert_int_equal(world_count(&world, EFFECT_SAVE_LATCH), 0);
    assert_true(view().interlocked);
    assert_string_equal(core_heater_latch(world.core, 0), "flow: 0, expected at least 1");
    world_end(&world);
}

static void a_restored_latch_keeps_the_heater_off(void **state)
{
    (void)state;
    (void)setup(NULL);
    rules[FLOW].source.stale_after_ms = 0;
    world_init(&world);
    world.heaters[0].interlocks = rules;
    world.heaters[0].interlock_count = 2;
    world_start(&world);
    core_restore_latch(world.core, 0, "flow: 0, expected at least 1");
    world_request(&world, (struct room_request){.fields = REQUEST_MODE, .mode = ROOM_HEAT});
    world_pass_at(&world, 600000, 15);
    assert_int_equal(world.command[0].why, REASON_INTERLOCK);
    assert_near(world.command[0].power_w, 0, 0);
    world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_value_outside_trips_after_its_hold, setup),
        cmocka_unit_test_setup(a_short_dip_is_forgiven, setup),
        cmocka_unit_test_setup(a_limit_above_and_no_hold, setup),
        cmocka_unit_test_setup(silence_trips_where_it_has_a_time, setup),
        cmocka_unit_test_setup(never_heard_is_silent_since_the_start, setup),
        cmocka_unit_test_setup(what_is_no_value_counts_as_no_message, setup),
        cmocka_unit_test_setup(what_the_broker_kept_is_a_value_and_no_sign_of_life, setup),
        cmocka_unit_test_setup(only_a_person_releases_it_and_only_without_a_cause, setup),
        cmocka_unit_test_setup(a_latch_of_an_earlier_run_holds, setup),
        cmocka_unit_test(the_heater_is_off_whatever_the_room_wants),
        cmocka_unit_test(a_refusal_says_why_and_keeps_the_latch),
        cmocka_unit_test(a_restored_latch_keeps_the_heater_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
