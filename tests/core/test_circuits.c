/* Circuits in the core: four rooms on one fuse. */
#include <string.h>

#include "tests/core/world.h"
#include "tests/support/test.h"

enum { ROOMS = 4 };

static struct world world;
static double room_c[ROOMS];
static bool silent[ROOMS];
static double draws_w[ROOMS]; /* instead of what it was told; NaN: it obeys */
static char logged[8][TEXT_MAX];
static size_t logs, published, published_circuit;

static int setup(void **state)
{
    (void)state;
    world_init(&world);
    world.config.room_count = world.config.heater_count = ROOMS;
    world.config.circuit_count = 1;
    world.circuits[0] = (struct config_circuit){
        .id = "f16", .limit_w = 2944, .meter = {.topic = "meter", .stale_after_ms = 60000}};
    for (size_t i = 0; i < ROOMS; i++) {
        world.heaters[i].room = (uint16_t)i;
        world.caps[i] = (struct heater_caps){.min_w = 400,
                                             .max_w = 850,
                                             .standby_w = 8,
                                             .tier_w = {400, 650, 850},
                                             .tier_count = 3,
                                             .settle_ms = 5000,
                                             .min_write_ms = 300000};
        room_c[i] = 17;
        silent[i] = false;
        draws_w[i] = NAN;
    }
    logs = published = published_circuit = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_end(&world);
    return 0;
}

static void note_effects(void)
{
    for (size_t i = 0; i < world.effects.count; i++) {
        const struct effect *effect = &world.list[i];
        if (effect->kind == EFFECT_LOG && strncmp(effect->text, "circuit", 7) == 0 && logs < 8) {
            (void)memcpy(logged[logs++], effect->text, TEXT_MAX);
        }
        published_circuit += effect->kind == EFFECT_PUBLISH_CIRCUIT;
    }
    published++;
}

static double told_w(void)
{
    double sum_w = 0;
    for (size_t i = 0; i < ROOMS; i++) {
        sum_w += world.command[i].power_w;
    }
    return sum_w;
}

static struct circuit_view circuit(void)
{
    struct circuit_view view;
    core_circuit_view(world.core, 0, &view);
    return view;
}

static void send(struct event *event)
{
    world_send(&world, event);
    note_effects();
    assert_true(told_w() <= 2944);
}

static void report(uint16_t i)
{
    const double power_w = isnan(draws_w[i]) ? world.command[i].power_w : draws_w[i];
    struct event event = {.kind = EVENT_HEATER_STATE, .index = i};
    event.u.heater = world_good_state(&world, power_w);
    if (world.caps[i].observe_only) {
        event.u.heater.applied_w = NAN;
    }
    if (silent[i]) {
        event.u.heater.link = HEATER_LINK_LOST;
        event.u.heater.power_w = reading_none();
        event.u.heater.applied_w = NAN;
    }
    send(&event);
}

static void pass_s(int seconds)
{
    for (int s = 0; s < seconds; s++) {
        world.now.ms += 1000;
        world.wall.ms += 1000;
        for (size_t k = 0; k < ROOMS; k++) {
            const uint16_t i = (uint16_t)k;
            struct event sample = {.kind = EVENT_ROOM_TEMPERATURE, .index = i, .number = room_c[i]};
            if (world.now.ms / 1000 % 30 == 2) {
                send(&sample);
            }
            if (world.now.ms / 1000 % 5 == i) {
                report(i);
            }
        }
        struct event tick = {.kind = EVENT_TICK};
        send(&tick);
    }
}

static enum reason heater_reason(uint16_t i)
{
    struct heater_view view;
    core_heater_view(world.core, i, &view);
    return view.reason;
}

static enum reason room_reason(uint16_t i)
{
    struct room_view view;
    core_room_view(world.core, i, &view);
    return view.reason;
}

static size_t told(double power_w)
{
    size_t count = 0;
    for (size_t i = 0; i < ROOMS; i++) {
        count += world.command[i].power_w == power_w;
    }
    return count;
}

static void rooms_share_a_fuse_and_say_so(void **state)
{
    (void)state;
    world_start(&world);
    room_c[2] = 15;
    pass_s(120);
    assert_near(told_w(), 2800, 0);
    assert_int_equal(told(650), 3);
    assert_near(world.command[2].power_w, 850, 0); /* it lacks most */
    assert_int_equal(heater_reason(2), REASON_HEATING);
    assert_int_equal(room_reason(2), REASON_HEATING);
    assert_int_equal(heater_reason(0), REASON_CIRCUIT);
    assert_int_equal(room_reason(0), REASON_CIRCUIT);
    assert_int_equal(world.command[0].why, REASON_CIRCUIT);
    assert_near(circuit().possible_w, 2800, 0);
    assert_near(circuit().limit_w, 2944, 0);
    assert_near(circuit().allowed_w, 2944, 0);
    assert_false(circuit().over_limit);
    assert_true(isnan(circuit().metered_w));
    /* Once somebody is warm, the others get it. */
    room_c[2] = 22;
    pass_s(600);
    assert_near(world.command[2].power_w, 0, 0);
    assert_int_equal(told(850), 3);
    assert_int_equal(room_reason(0), REASON_HEATING);
}

static void a_heater_without_a_circuit_is_not_touched(void **state)
{
    (void)state;
    world.circuits[0].limit_w = 100; /* less than any of them needs */
    world.heaters[3].circuit = INDEX_NONE;
    world_start(&world);
    pass_s(60);
    assert_near(told_w(), 850, 0);
    assert_near(world.command[3].power_w, 850, 0);
    assert_int_equal(room_reason(3), REASON_HEATING);
    assert_int_equal(room_reason(0), REASON_CIRCUIT);
    assert_int_equal(heater_reason(0), REASON_CIRCUIT);
}

static void a_held_room_learns_nothing(void **state)
{
    (void)state;
    world.circuits[0].limit_w = 400;
    world.config.room_count = world.config.heater_count = 1;
    room_c[0] = 18.2; /* which asks for 650 W all the time */
    world_start(&world);
    pass_s(60);
    const double asked_w = world_room(&world).requested_w;
    pass_s(4 * 3600);
    assert_near(world_room(&world).requested_w, asked_w, 0.1);
    assert_int_equal(room_reason(0), REASON_CIRCUIT);
}

static void after_a_power_cut_all_are_off_and_raised_one_by_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROOMS; i++) {
        world.caps[i].min_write_ms = 0;
    }
    world_start(&world);
    pass_s(120);
    for (size_t i = 0; i < ROOMS; i++) {
        silent[i] = true;
    }
    pass_s(30);
    assert_near(told_w(), 0, 0);
    assert_near(circuit().possible_w, 3400, 0);
    for (size_t i = 0; i < ROOMS; i++) {
        silent[i] = false;
        draws_w[i] = 850; /* it boots mining at super */
    }
    pass_s(10);
    assert_near(told_w(), 0, 0);
    assert_true(circuit().over_limit);
    assert_string_equal(logged[logs - 1], "circuit f16: 3400 W, which is more than its 2944 W");
    for (size_t i = 0; i < ROOMS; i++) {
        draws_w[i] = NAN; /* it is told, and obeys */
    }
    double before_w = 0;
    int64_t raised_ms = 0;
    for (int s = 0; s < 120; s++) {
        pass_s(1);
        if (told_w() > before_w) {
            assert_true(told_w() - before_w <= 850);
            assert_true(raised_ms == 0 || world.now.ms - raised_ms >= 5000);
            raised_ms = world.now.ms;
        }
        before_w = told_w();
    }
    assert_near(told_w(), 2800, 0);
    assert_false(circuit().over_limit);
    assert_string_equal(logged[logs - 1], "circuit f16: within its 2944 W again");
}

/* What frost asks for counts by how far it has come, not by what the room would like. */
static void frost_has_its_share(void **state)
{
    (void)state;
    world.circuits[0].limit_w = 860;
    world.config.room_count = world.config.heater_count = 2;
    world_start(&world);
    struct event off = {.kind = EVENT_ROOM_REQUEST,
                        .u.request = {.fields = REQUEST_MODE, .mode = ROOM_OFF}};
    send(&off);
    room_c[0] = 4.9;
    room_c[1] = 25;
    pass_s(60);
    assert_near(world.command[0].power_w, 850, 0);
    assert_int_equal(room_reason(0), REASON_FROST);
    room_c[0] = 5.5; /* 400 W */
    pass_s(600);
    assert_near(world.command[0].power_w, 400, 0);
    room_c[1] = 17;
    pass_s(600);
    assert_near(world.command[0].power_w, 0, 0);
    assert_near(world.command[1].power_w, 850, 0);
    assert_int_equal(room_reason(0), REASON_CIRCUIT);
    room_c[1] = 19.5;
    room_c[0] = 2;
    pass_s(600);
    assert_near(world.command[0].power_w, 850, 0);
    /* One that is held while its room is warmed against frost still says by whom. */
    room_c[1] = 10;
    pass_s(600);
    assert_near(world.command[0].power_w, 400, 0);
    assert_int_equal(room_reason(0), REASON_FROST);
    assert_int_equal(world.command[0].why, REASON_CIRCUIT);
}

static void heaters_of_a_room_on_two_circuits(void **state)
{
    (void)state;
    world.config.room_count = 1;
    world.config.heater_count = 3;
    world.config.circuit_count = 2;
    world.rooms[0].heaters[1] = 1;
    world.rooms[0].heaters[2] = 2;
    world.rooms[0].heater_count = 3;
    world.heaters[1].circuit = 1;
    world.circuits[1] = (struct config_circuit){.id = "f6", .limit_w = 660};
    world.circuits[0].limit_w = 1700;
    room_c[0] = 10;
    for (size_t i = 0; i < 3; i++) {
        world.heaters[i].room = 0;
    }
    world_start(&world);
    struct event wish = {.kind = EVENT_ROOM_REQUEST,
                         .u.request = {.fields = REQUEST_MODE, .mode = ROOM_OFF}};
    send(&wish);
    pass_s(60);
    assert_near(told_w(), 0, 0);
    wish.u.request.mode = ROOM_HEAT;
    send(&wish);
    assert_true(world.command[0].power_w > 0 && world.command[1].power_w > 0); /* at once, each */
    pass_s(60);
    assert_near(world.command[0].power_w, 850, 0);
    assert_near(world.command[1].power_w, 650, 0);
    assert_near(world.command[2].power_w, 850, 0);
    assert_int_equal(room_reason(0), REASON_CIRCUIT);
}

static void abilities_that_change_leave_a_level(void **state)
{
    (void)state;
    world.circuits[0].limit_w = 700;
    world.config.room_count = world.config.heater_count = 1;
    world_start(&world);
    pass_s(60);
    assert_near(world.command[0].power_w, 650, 0);
    struct event event = {.kind = EVENT_HEATER_ABILITIES, .u.caps = world.caps[0]};
    event.u.caps.tier_w[1] = 600;
    send(&event);
    assert_near(world.command[0].power_w, 600, 0);
}

static void an_observed_heater_counts_with_what_it_draws(void **state)
{
    (void)state;
    world.caps[3].observe_only = true;
    draws_w[3] = 300;
    world_start(&world);
    pass_s(300);
    assert_int_equal(world.commands[3], 0);
    assert_near(circuit().possible_w, 850 * 3 + 300, 0);
    draws_w[3] = 600;
    pass_s(60);
    assert_near(told_w(), 850 + 850 + 400, 200);
    assert_true(told_w() <= 2944 - 600);
}

static void one_that_is_silent_counts_unless_a_meter_shows_it_off(void **state)
{
    (void)state;
    world.config.room_count = world.config.heater_count = 1;
    room_c[0] = 30;
    world_start(&world);
    pass_s(20);
    assert_near(circuit().possible_w, 8, 0);
    struct event lost = {.kind = EVENT_HEATER_STATE};
    lost.u.heater = world_good_state(&world, 3);
    lost.u.heater.link = HEATER_LINK_LOST;
    const struct {
        double power_w;
        enum provenance from;
        double possible_w;
    } cases[] = {{3, PROVENANCE_METERED, 8},
                 {12.9, PROVENANCE_METERED, 12.9},
                 {14, PROVENANCE_METERED, 850},
                 {3, PROVENANCE_REPORTED, 850}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct event tick = {.kind = EVENT_TICK};
        lost.u.heater.power_w = reading_make(cases[i].power_w, world.now, cases[i].from);
        send(&lost);
        send(&tick);
        assert_near(circuit().possible_w, cases[i].possible_w, 0);
    }
    /* Nor is an old word any better than none. */
    report(0);
    struct event tick = {.kind = EVENT_TICK};
    send(&tick);
    assert_near(circuit().possible_w, 8, 0);
    world.now.ms += 91000;
    send(&tick);
    assert_near(circuit().possible_w, 850, 0);
}

/* Nothing that a restarted device did before counts any more. */
static void a_restarted_heater_is_doubted(void **state)
{
    (void)state;
    world.config.room_count = world.config.heater_count = 1;
    room_c[0] = 30;
    world_start(&world);
    struct event event = {.kind = EVENT_HEATER_STATE};
    event.u.heater = world_good_state(&world, 8);
    event.u.heater.applied_w = NAN;
    event.u.heater.uptime_s = reading_make(5000, world.now, PROVENANCE_REPORTED);
    send(&event);
    struct event tick = {.kind = EVENT_TICK};
    assert_near(circuit().possible_w, 850, 0); /* it does not say what it is set to */
    struct event outcome = {.kind = EVENT_HEATER_OUTCOME};
    outcome.u.outcome.seq = 1;
    outcome.u.outcome.result = COMMAND_FAILED;
    send(&outcome);
    world.now.ms += 5000;
    send(&tick);
    assert_near(circuit().possible_w, 850, 0);
    outcome.u.outcome.result = COMMAND_CONFIRMED;
    send(&outcome);
    world.now.ms += 5000;
    send(&tick);
    assert_near(circuit().possible_w, 8, 0);
    event.u.heater.uptime_s = reading_make(3, world.now, PROVENANCE_REPORTED);
    event.u.heater.at = world.now;
    event.u.heater.power_w = reading_none();
    send(&event);
    send(&tick);
    assert_near(circuit().possible_w, 850, 0);
}

static void meter(double power_w)
{
    struct event event = {.kind = EVENT_CIRCUIT_POWER, .number = power_w};
    send(&event);
}

static void the_meter_is_heard_and_missed(void **state)
{
    (void)state;
    world_start(&world);
    pass_s(59);
    assert_int_equal(logs, 0);
    pass_s(2);
    assert_int_equal(logs, 1);
    assert_string_equal(logged[0],
                        "circuit f16: its meter is silent, what the heaters say counts alone");
    pass_s(59);
    const size_t before = published_circuit;
    meter(3100);
    assert_int_equal(published_circuit, before + 1); /* at once */
    assert_true(circuit().over_limit);
    assert_near(circuit().metered_w, 3100, 0);
    assert_near(circuit().allowed_w, 2944 - 300, 0);
    assert_string_equal(logged[1], "circuit f16: 3100 W, which is more than its 2944 W");
    pass_s(30);
    assert_true(told_w() <= 2644 && told_w() > 2000);
    assert_near(circuit().allowed_w, 2944 - 300, 0); /* a message counts once */
    meter(told_w() + 200);
    assert_false(circuit().over_limit);
    meter(NAN); /* nobody's measurement */
    meter(-5);
    meter(1e9);
    assert_near(circuit().metered_w, told_w() + 200, 0);
    struct event nowhere = {.kind = EVENT_CIRCUIT_POWER, .index = 1, .number = 9000};
    send(&nowhere);
    assert_false(circuit().over_limit);
    pass_s(61);
    assert_true(isnan(circuit().metered_w));
    assert_int_equal(logs, 4); /* silent again: told again */
    pass_s(1800);
    assert_near(told_w(), 2800, 0);
    assert_int_equal(logs, 4);
}

static void it_is_shown_once_a_minute_at_least(void **state)
{
    (void)state;
    world.circuits[0].meter.topic[0] = '\0';
    world_start(&world);
    for (size_t i = 0; i < ROOMS; i++) {
        room_c[i] = 25;
    }
    pass_s(120);
    const size_t before = published_circuit;
    pass_s(600);
    assert_int_equal(published_circuit, before + 10);
    assert_int_equal(logs, 0); /* without a meter none is missed */
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(rooms_share_a_fuse_and_say_so),
        CASE(a_heater_without_a_circuit_is_not_touched),
        CASE(a_held_room_learns_nothing),
        CASE(after_a_power_cut_all_are_off_and_raised_one_by_one),
        CASE(frost_has_its_share),
        CASE(heaters_of_a_room_on_two_circuits),
        CASE(abilities_that_change_leave_a_level),
        CASE(an_observed_heater_counts_with_what_it_draws),
        CASE(one_that_is_silent_counts_unless_a_meter_shows_it_off),
        CASE(a_restarted_heater_is_doubted),
        CASE(the_meter_is_heard_and_missed),
        CASE(it_is_shown_once_a_minute_at_least),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
