#include "mqtt/backoff.h"
#include "tests/support/test.h"

static const hb_mono start = {1000000};

static void grows_from_half_a_second_to_a_minute(void **state)
{
    (void)state;
    struct mqtt_backoff backoff;
    for (uint32_t seed = 0; seed < 200; seed++) {
        mqtt_backoff_init(&backoff, seed);
        int64_t ceiling_ms = 1000;
        for (int attempt = 0; attempt < 20; attempt++) {
            const int64_t delay_ms = mqtt_backoff_failed(&backoff);
            assert_in_range(delay_ms, ceiling_ms / 2, ceiling_ms);
            ceiling_ms = ceiling_ms * 2 < 60000 ? ceiling_ms * 2 : 60000;
        }
    }
}

static void two_programs_do_not_return_in_step(void **state)
{
    (void)state;
    struct mqtt_backoff one;
    struct mqtt_backoff other;
    mqtt_backoff_init(&one, 1);
    mqtt_backoff_init(&other, 2);
    int same = 0;
    for (int attempt = 0; attempt < 20; attempt++) {
        same += mqtt_backoff_failed(&one) == mqtt_backoff_failed(&other);
    }
    assert_in_range(same, 0, 4);
}

static void a_session_that_lasted_starts_afresh(void **state)
{
    (void)state;
    struct mqtt_backoff backoff;
    bool fight = true;
    mqtt_backoff_init(&backoff, 7);
    for (int attempt = 0; attempt < 10; attempt++) {
        assert_true(mqtt_backoff_failed(&backoff) > 0);
    }
    mqtt_backoff_connected(&backoff, start);
    assert_in_range(mqtt_backoff_lost(&backoff, mono_add_ms(start, 5000), &fight), 500, 1000);
    assert_false(fight);
}

static void a_broker_that_drops_us_at_once_is_not_hammered(void **state)
{
    (void)state;
    struct mqtt_backoff backoff;
    bool fight = true;
    mqtt_backoff_init(&backoff, 7);
    mqtt_backoff_connected(&backoff, start);
    assert_in_range(mqtt_backoff_lost(&backoff, mono_add_ms(start, 100), &fight), 500, 1000);
    assert_false(fight);
    mqtt_backoff_connected(&backoff, start);
    assert_in_range(mqtt_backoff_lost(&backoff, mono_add_ms(start, 200), &fight), 1000, 2000);
    assert_false(fight);
}

/* Plays sessions of `session_ms` that begin every `every_ms`; the index of the one that was taken
 * for a fight, or -1. */
static int fight_at(int64_t session_ms, int64_t every_ms, int64_t *delay_ms)
{
    struct mqtt_backoff backoff;
    mqtt_backoff_init(&backoff, 7);
    for (int i = 0; i < 12; i++) {
        bool fight = false;
        const hb_mono begun = mono_add_ms(start, i * every_ms);
        mqtt_backoff_connected(&backoff, begun);
        *delay_ms = mqtt_backoff_lost(&backoff, mono_add_ms(begun, session_ms), &fight);
        if (fight) {
            return i;
        }
    }
    return -1;
}

static void four_short_sessions_in_a_minute_are_a_fight(void **state)
{
    (void)state;
    int64_t delay_ms = 0;
    assert_int_equal(fight_at(1000, 2000, &delay_ms), 3);
    assert_in_range(delay_ms, 60000, 66000);
    assert_int_equal(fight_at(4999, 20000, &delay_ms), 3);
    assert_int_equal(fight_at(1000, 20001, &delay_ms), -1);
    assert_int_equal(fight_at(5000, 6000, &delay_ms), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_from_half_a_second_to_a_minute),
        cmocka_unit_test(two_programs_do_not_return_in_step),
        cmocka_unit_test(a_session_that_lasted_starts_afresh),
        cmocka_unit_test(a_broker_that_drops_us_at_once_is_not_hammered),
        cmocka_unit_test(four_short_sessions_in_a_minute_are_a_fight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
