#include "bridge/control/plausible.h"
#include "tests/support/test.h"

static const int64_t minute_ms = 60000;

static enum plausible_verdict take(struct plausible *filter, double sample_c, int64_t minute)
{
    return plausible_take(filter, sample_c, (hb_mono){1 + minute * minute_ms});
}

static struct plausible fresh_filter(void)
{
    return (struct plausible){.good = reading_none()};
}

static void test_takes_what_a_room_can_be(void **state)
{
    (void)state;
    struct plausible filter = fresh_filter();
    assert_int_equal(take(&filter, 45, 0), PLAUSIBLE_TAKEN);
    assert_int_equal(take(&filter, -20, 10), PLAUSIBLE_TAKEN);
    assert_near(filter.good.value, -20, 0);
}

static void test_refuses_faults_of_sensors(void **state)
{
    (void)state;
    static const double faults[] = {NAN, INFINITY, -INFINITY, 85, -127, 45.01, -20.01, 1e300};
    struct plausible filter = fresh_filter();
    (void)take(&filter, 20, 0);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        assert_int_equal(take(&filter, faults[i], 1), PLAUSIBLE_OUT_OF_RANGE);
    }
    assert_near(filter.good.value, 20, 0);
    assert_int_equal(filter.good.at.ms, 1); /* and it keeps ageing */
    assert_int_equal(filter.discarded_total, 8);
}

static void test_believes_a_jump_that_stays(void **state)
{
    (void)state;
    struct plausible filter = fresh_filter();
    assert_int_equal(plausible_take(&filter, 20, (hb_mono){1000}), PLAUSIBLE_TAKEN);
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(plausible_take(&filter, 24, (hb_mono){1000 + i * 10000}), PLAUSIBLE_JUMP);
        assert_near(filter.good.value, 20, 0);
    }
    assert_int_equal(plausible_take(&filter, 24, (hb_mono){41000}), PLAUSIBLE_TAKEN);
    assert_int_equal(plausible_take(&filter, 20, (hb_mono){51000}), PLAUSIBLE_JUMP);
}

static void test_forgets_old_jumps(void **state)
{
    (void)state;
    struct plausible filter = fresh_filter();
    for (int minute = 0; minute < 60; minute += 20) {
        (void)take(&filter, 20, minute);
        (void)take(&filter, 20, minute + 4);
        assert_int_equal(take(&filter, 25, minute + 5), PLAUSIBLE_JUMP);
        assert_int_equal(take(&filter, 25, minute + 6), PLAUSIBLE_JUMP);
        (void)take(&filter, 20, minute + 6);
    }
}

static void test_takes_slow_and_late_changes(void **state)
{
    (void)state;
    struct plausible filter = fresh_filter();
    (void)take(&filter, 20, 0);
    assert_int_equal(take(&filter, 22, 1), PLAUSIBLE_TAKEN);  /* exactly 2 K */
    assert_int_equal(take(&filter, 16, 4), PLAUSIBLE_TAKEN);  /* 3 min later */
    assert_int_equal(take(&filter, 13.9, 6), PLAUSIBLE_JUMP); /* 2 min later */
}

static void test_notices_fahrenheit(void **state)
{
    (void)state;
    struct plausible filter = fresh_filter();
    (void)take(&filter, 6, 0);
    assert_int_equal(take(&filter, 42.8, 30), PLAUSIBLE_FAHRENHEIT);
    assert_int_equal(take(&filter, 42.8, 59), PLAUSIBLE_FAHRENHEIT);
    assert_near(filter.good.value, 6, 0);
    assert_true(plausible_is_doubting(&filter, (hb_mono){60 * minute_ms}, 900000));
    assert_false(plausible_is_doubting(&filter, (hb_mono){90 * minute_ms}, 900000));
}

static void test_doubts_only_until_a_good_sample(void **state)
{
    (void)state;
    struct plausible filter = fresh_filter();
    assert_false(plausible_is_doubting(&filter, (hb_mono){1}, 900000));
    (void)take(&filter, 85, 1);
    assert_true(plausible_is_doubting(&filter, (hb_mono){2 * minute_ms}, 900000));
    (void)take(&filter, 20, 3);
    assert_false(plausible_is_doubting(&filter, (hb_mono){4 * minute_ms}, 900000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_what_a_room_can_be),
        cmocka_unit_test(test_refuses_faults_of_sensors),
        cmocka_unit_test(test_believes_a_jump_that_stays),
        cmocka_unit_test(test_forgets_old_jumps),
        cmocka_unit_test(test_takes_slow_and_late_changes),
        cmocka_unit_test(test_notices_fahrenheit),
        cmocka_unit_test(test_doubts_only_until_a_good_sample),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
