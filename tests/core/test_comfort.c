#include <string.h>

#include "bridge/control/comfort.h"
#include "tests/support/test.h"

enum { HOME, AWAY, SLEEP };
static const int64_t minute_ms = 60000, hour_ms = 3600000, day_ms = 86400000;
static const int64_t monday_ms = 1768780800000; /* 2026-01-19 00:00 UTC */

static struct config_room make_room(void)
{
    struct config_room room = {.min_target_c = 5,
                               .max_target_c = 30,
                               .step_c = 0.5,
                               .initial_target_c = 20,
                               .band_below_c = 0.5,
                               .band_above_c = 1,
                               .presets = {{"home", 21}, {"away", 16}, {"sleep", 18}},
                               .preset_count = 3};
    for (int day = 0; day < 7; day++) {
        room.schedule[room.schedule_count++] = (struct config_slot){day * 1440 + 360, HOME};
        room.schedule[room.schedule_count++] = (struct config_slot){day * 1440 + 1350, SLEEP};
    }
    return room;
}

static struct schedule_clock clock_at(int64_t wall_ms, int32_t offset_s)
{
    struct schedule_clock clock = {0};
    (void)schedule_clock_set(&clock, (hb_wall){wall_ms}, offset_s);
    return clock;
}

/* A room as it was set up, after somebody turned it on. */
static struct room_settings switched_on(const struct config_room *room)
{
    struct room_settings settings = comfort_defaults(room);
    settings.mode = ROOM_HEAT;
    settings.last_on_mode = ROOM_HEAT;
    return settings;
}

static void test_a_new_room_is_off(void **state)
{
    (void)state;
    struct config_room room = make_room();
    assert_int_equal(comfort_defaults(&room).mode, ROOM_OFF);
    room.schedule_count = 0;
    assert_int_equal(comfort_defaults(&room).last_on_mode, ROOM_HEAT);
    room.schedule_count = 1;
    assert_int_equal(comfort_defaults(&room).last_on_mode, ROOM_AUTO);
}

static void test_week_minute(void **state)
{
    (void)state;
    struct schedule_clock clock = clock_at(monday_ms, 0);
    assert_int_equal(schedule_week_minute(&clock), 0);
    clock = clock_at(monday_ms - 1, 0);
    assert_int_equal(schedule_week_minute(&clock), 10079);
    clock = clock_at(monday_ms, 3600);
    assert_int_equal(schedule_week_minute(&clock), 60);
    clock = clock_at(0, 0); /* Thursday */
    assert_int_equal(schedule_week_minute(&clock), 3 * 1440);
    clock = clock_at(-1, 0);
    assert_int_equal(schedule_week_minute(&clock), 3 * 1440 - 1);
}

static void test_schedule_gives_presets(void **state)
{
    (void)state;
    struct config_room room = make_room();
    assert_int_equal(schedule_preset(&room, 0), SLEEP); /* Sunday evening's */
    assert_int_equal(schedule_preset(&room, 359), SLEEP);
    assert_int_equal(schedule_preset(&room, 360), HOME);
    assert_int_equal(schedule_preset(&room, 10079), SLEEP);
    const struct schedule_clock clock = clock_at(monday_ms + 23 * hour_ms + 30500, 0);
    const hb_wall now = {monday_ms + 23 * hour_ms + 30500};
    assert_int_equal(schedule_next_switch(&room, &clock, now).ms, monday_ms + 30 * hour_ms);
    const struct schedule_clock sunday = clock_at(monday_ms - hour_ms, 0);
    assert_int_equal(schedule_next_switch(&room, &sunday, (hb_wall){monday_ms - hour_ms}).ms,
                     monday_ms + 6 * hour_ms);
    room.schedule_count = 0;
    assert_int_equal(schedule_preset(&room, 0), INDEX_NONE);
}

/* Counts how often the preset changes to `preset` while UTC advances minute by minute and local
 * time is put forward or back at `shift_ms`. */
static int times_fired(const struct config_room *room, uint16_t preset, int64_t from_ms,
                       int64_t shift_at_ms, int32_t before_s, int32_t after_s)
{
    struct schedule_clock clock = {0};
    int fired = 0;
    uint16_t last = INDEX_NONE;
    for (int64_t t_ms = from_ms; t_ms < from_ms + day_ms; t_ms += minute_ms / 2) {
        (void)schedule_clock_set(&clock, (hb_wall){t_ms}, t_ms < shift_at_ms ? before_s : after_s);
        const uint16_t now = schedule_preset(room, schedule_week_minute(&clock));
        fired += last != INDEX_NONE && now != last && now == preset;
        last = now;
    }
    return fired;
}

static void test_slot_in_the_repeated_hour_fires_once(void **state)
{
    (void)state;
    struct config_room room = make_room();
    room.schedule_count = 0;
    for (int day = 0; day < 7; day++) {
        room.schedule[room.schedule_count++] = (struct config_slot){day * 1440 + 150, HOME};
        room.schedule[room.schedule_count++] = (struct config_slot){day * 1440 + 720, SLEEP};
    }
    /* Sunday, 25 October 2026: 03:00 CEST becomes 02:00 CET at 01:00 UTC. */
    const int64_t autumn_ms = 1792890000000;
    assert_int_equal(times_fired(&room, HOME, autumn_ms - 6 * hour_ms, autumn_ms, 7200, 3600), 1);
    /* Sunday, 29 March 2026: 02:00 CET becomes 03:00 CEST at 01:00 UTC; 02:30 does not exist. */
    const int64_t spring_ms = 1774746000000;
    assert_int_equal(times_fired(&room, HOME, spring_ms - 6 * hour_ms, spring_ms, 3600, 7200), 1);
}

static void test_clock_jump_is_no_repeated_hour(void **state)
{
    (void)state;
    struct schedule_clock clock = clock_at(monday_ms + 7 * hour_ms, 3600);
    assert_int_equal(schedule_clock_set(&clock, (hb_wall){monday_ms + 5 * hour_ms}, 3600), 0);
    assert_int_equal(schedule_week_minute(&clock), 360);
    /* and a time zone changed by half a day is taken as it is */
    assert_int_equal(schedule_clock_set(&clock, (hb_wall){monday_ms + 5 * hour_ms}, -36000),
                     -39600000);
    assert_int_equal(schedule_week_minute(&clock), 10080 - 300);
}

static void test_band_by_mode(void **state)
{
    (void)state;
    const struct config_room room = make_room();
    struct room_settings settings = switched_on(&room);
    const struct schedule_clock clock = clock_at(monday_ms + 12 * hour_ms, 0);
    struct comfort comfort = comfort_now(&room, &settings, &clock);
    assert_true(comfort.wanted);
    assert_near(comfort.target_c, 20, 0);
    assert_near(comfort.low_c, 19.5, 0);
    assert_near(comfort.high_c, 21, 0);
    assert_int_equal(comfort.from, COMFORT_MANUAL);
    settings.preset = AWAY;
    comfort = comfort_now(&room, &settings, &clock);
    assert_near(comfort.target_c, 16, 0);
    assert_int_equal(comfort.from, COMFORT_PRESET);
    settings.mode = ROOM_AUTO;
    comfort = comfort_now(&room, &settings, &clock);
    assert_near(comfort.target_c, 21, 0);
    assert_int_equal(comfort.preset, HOME);
    assert_int_equal(comfort.from, COMFORT_SCHEDULE);
    settings.mode = ROOM_OFF;
    assert_false(comfort_now(&room, &settings, &clock).wanted);
}

static void test_auto_without_schedule_is_heat(void **state)
{
    (void)state;
    struct config_room room = make_room();
    room.schedule_count = 0;
    struct room_settings settings = switched_on(&room);
    settings.mode = ROOM_AUTO;
    settings.target_c = 22.5;
    const struct schedule_clock clock = clock_at(monday_ms, 0);
    assert_near(comfort_now(&room, &settings, &clock).target_c, 22.5, 0);
    assert_int_equal(comfort_now(&room, &settings, &clock).from, COMFORT_MANUAL);
}

static bool request(const struct config_room *room, struct room_settings *settings,
                    struct room_request wish, int64_t wall_ms, struct hb_err *err)
{
    const struct schedule_clock clock = clock_at(wall_ms, 0);
    return comfort_request(room, settings, &wish, &clock, (hb_wall){wall_ms}, err);
}

static void test_targets_are_rounded_to_the_step(void **state)
{
    (void)state;
    struct config_room room = make_room();
    struct room_settings settings = switched_on(&room);
    static const double wish_c[] = {21.11111111111111, 22.3, 4.8, 30.2, 21.74};
    static const double got_c[] = {21, 22.5, 5, 30, 21.5};
    for (size_t i = 0; i < 5; i++) {
        assert_true(request(&room, &settings,
                            (struct room_request){.fields = REQUEST_TARGET, .target_c = wish_c[i]},
                            monday_ms, NULL));
        assert_near(settings.target_c, got_c[i], 0);
    }
    room.step_c = 0.1;
    assert_true(request(&room, &settings,
                        (struct room_request){.fields = REQUEST_TARGET, .target_c = 21.3000001},
                        monday_ms, NULL));
    assert_true(settings.target_c == 21.3);
}

static void test_a_target_ends_the_preset(void **state)
{
    (void)state;
    const struct config_room room = make_room();
    struct room_settings settings = switched_on(&room);
    assert_true(request(&room, &settings,
                        (struct room_request){.fields = REQUEST_PRESET, .preset = AWAY}, monday_ms,
                        NULL));
    assert_int_equal(settings.preset, AWAY);
    assert_true(request(&room, &settings,
                        (struct room_request){.fields = REQUEST_TARGET, .target_c = 22}, monday_ms,
                        NULL));
    assert_int_equal(settings.preset, INDEX_NONE);
    assert_true(request(&room, &settings,
                        (struct room_request){.fields = REQUEST_PRESET, .preset = AWAY}, monday_ms,
                        NULL));
    assert_true(request(&room, &settings,
                        (struct room_request){.fields = REQUEST_PRESET, .preset = INDEX_NONE},
                        monday_ms, NULL));
    assert_near(settings.target_c, 22, 0); /* the manual target is there again */
}

static void test_modes_never_reset_the_target(void **state)
{
    (void)state;
    const struct config_room room = make_room();
    struct room_settings settings = switched_on(&room);
    settings.target_c = 22.5;
    static const enum room_mode modes[] = {ROOM_OFF, ROOM_HEAT, ROOM_AUTO, ROOM_OFF, ROOM_HEAT};
    for (size_t i = 0; i < 5; i++) {
        assert_true(request(&room, &settings,
                            (struct room_request){.fields = REQUEST_MODE, .mode = modes[i]},
                            monday_ms, NULL));
        assert_near(settings.target_c, 22.5, 0);
    }
}

static void test_power_on_restores_the_mode(void **state)
{
    (void)state;
    const struct config_room room = make_room();
    struct room_settings settings = switched_on(&room);
    const struct room_request off = {.fields = REQUEST_POWER};
    const struct room_request on = {.fields = REQUEST_POWER, .power_on = true};
    settings.mode = settings.last_on_mode = ROOM_AUTO;
    assert_true(request(&room, &settings, off, monday_ms, NULL));
    assert_int_equal(settings.mode, ROOM_OFF);
    assert_true(request(&room, &settings, off, monday_ms, NULL));
    assert_true(request(&room, &settings, on, monday_ms, NULL));
    assert_int_equal(settings.mode, ROOM_AUTO);
}

static void test_override_lasts_until_the_next_switch(void **state)
{
    (void)state;
    const struct config_room room = make_room();
    struct room_settings settings = switched_on(&room);
    const int64_t noon_ms = monday_ms + 12 * hour_ms;
    settings.mode = ROOM_AUTO;
    assert_true(request(&room, &settings,
                        (struct room_request){.fields = REQUEST_TARGET, .target_c = 23}, noon_ms,
                        NULL));
    assert_int_equal(settings.override_until.ms, noon_ms + 10 * hour_ms + 30 * minute_ms);
    struct schedule_clock clock = clock_at(noon_ms, 0);
    assert_near(comfort_now(&room, &settings, &clock).target_c, 23, 0);
    assert_int_equal(comfort_now(&room, &settings, &clock).from, COMFORT_OVERRIDE);
    assert_int_equal(comfort_now(&room, &settings, &clock).preset, INDEX_NONE);
    assert_false(comfort_expire(&settings, (hb_wall){settings.override_until.ms - 1}));
    assert_true(comfort_expire(&settings, settings.override_until));
    clock = clock_at(noon_ms + 11 * hour_ms, 0);
    assert_near(comfort_now(&room, &settings, &clock).target_c, 18, 0);
    assert_false(comfort_expire(&settings, (hb_wall){noon_ms + day_ms}));
}

static void test_mode_then_temperature(void **state)
{
    (void)state;
    const struct config_room room = make_room();
    struct room_settings settings = switched_on(&room);
    assert_true(request(&room, &settings,
                        (struct room_request){.fields = REQUEST_MODE, .mode = ROOM_AUTO}, monday_ms,
                        NULL));
    assert_true(request(&room, &settings,
                        (struct room_request){.fields = REQUEST_TARGET, .target_c = 23}, monday_ms,
                        NULL));
    const struct schedule_clock clock = clock_at(monday_ms, 0);
    assert_near(comfort_now(&room, &settings, &clock).target_c, 23, 0);
    /* asking for auto again from heat goes back to the schedule */
    settings.mode = ROOM_HEAT;
    assert_true(request(&room, &settings,
                        (struct room_request){.fields = REQUEST_MODE, .mode = ROOM_AUTO}, monday_ms,
                        NULL));
    assert_int_equal(comfort_now(&room, &settings, &clock).from, COMFORT_SCHEDULE);
}

static void test_refuses_all_or_nothing(void **state)
{
    (void)state;
    const struct config_room room = make_room();
    const struct room_request bad[] = {
        {.fields = REQUEST_MODE | REQUEST_TARGET, .mode = ROOM_OFF, .target_c = 45},
        {.fields = REQUEST_MODE | REQUEST_TARGET, .mode = ROOM_OFF, .target_c = NAN},
        {.fields = REQUEST_MODE, .mode = (enum room_mode)7},
        {.fields = REQUEST_MODE | REQUEST_PRESET, .mode = ROOM_OFF, .preset = 3},
        {.fields = REQUEST_MODE | REQUEST_POWER_LIMIT, .mode = ROOM_OFF, .power_limit_w = -1},
        {.fields = REQUEST_MODE | REQUEST_POWER_LIMIT, .mode = ROOM_OFF, .power_limit_w = NAN},
    };
    static const char *const says[] = {"5 to 30 °C, got 45 °C", "target",     "mode", "preset",
                                       "power limit",           "power limit"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct room_settings settings = switched_on(&room);
        struct hb_err err = {0};
        assert_false(request(&room, &settings, bad[i], monday_ms, &err));
        assert_non_null(strstr(err.msg, says[i]));
        assert_int_equal(settings.mode, ROOM_HEAT);
    }
}

static void test_repairs_settings_of_another_configuration(void **state)
{
    (void)state;
    const struct config_room room = make_room();
    struct room_settings settings = {.mode = (enum room_mode)9,
                                     .last_on_mode = ROOM_OFF,
                                     .target_c = NAN,
                                     .preset = 7,
                                     .power_limit_w = -3,
                                     .override_until = {-5}};
    comfort_repair(&room, &settings);
    assert_int_equal(settings.mode, ROOM_OFF);
    assert_int_equal(settings.last_on_mode, ROOM_AUTO);
    assert_near(settings.target_c, 20, 0);
    assert_int_equal(settings.preset, INDEX_NONE);
    assert_near(settings.power_limit_w, POWER_LIMIT_NONE_W, 0);
    assert_int_equal(settings.override_until.ms, 0);
}

static void test_frost_has_hysteresis(void **state)
{
    (void)state;
    assert_false(comfort_frost(false, 5, 5));
    assert_true(comfort_frost(false, 5, 4.9));
    assert_true(comfort_frost(true, 5, 5.9));
    assert_false(comfort_frost(true, 5, 6));
    assert_false(comfort_frost(true, NAN, 3));
    assert_false(comfort_frost(true, 5, NAN));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_room_is_off),
        cmocka_unit_test(test_week_minute),
        cmocka_unit_test(test_schedule_gives_presets),
        cmocka_unit_test(test_slot_in_the_repeated_hour_fires_once),
        cmocka_unit_test(test_clock_jump_is_no_repeated_hour),
        cmocka_unit_test(test_band_by_mode),
        cmocka_unit_test(test_auto_without_schedule_is_heat),
        cmocka_unit_test(test_targets_are_rounded_to_the_step),
        cmocka_unit_test(test_a_target_ends_the_preset),
        cmocka_unit_test(test_modes_never_reset_the_target),
        cmocka_unit_test(test_power_on_restores_the_mode),
        cmocka_unit_test(test_override_lasts_until_the_next_switch),
        cmocka_unit_test(test_mode_then_temperature),
        cmocka_unit_test(test_refuses_all_or_nothing),
        cmocka_unit_test(test_repairs_settings_of_another_configuration),
        cmocka_unit_test(test_frost_has_hysteresis),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
