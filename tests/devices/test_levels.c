/* Levels that a device tells become tiers; pools' URLs become places. */
#include "devices/levels.h"
#include "devices/pool_url.h"
#include "tests/support/test.h"

static void powers_are_sorted_and_each_kept_once(void **state)
{
    struct heater_caps caps = {0};
    double w[] = {900, 500, NAN, 900, -1, 0, 700};
    (void)state;
    assert_true(levels_fill(&caps, w, 7, HUGE_VAL));
    assert_int_equal(caps.tier_count, 3);
    assert_near(caps.tier_w[0], 500, 0);
    assert_near(caps.tier_w[1], 700, 0);
    assert_near(caps.tier_w[2], 900, 0);
    assert_near(caps.min_w, 500, 0);
    assert_near(caps.max_w, 900, 0);
}

static void too_many_are_thinned_out_evenly_with_both_ends(void **state)
{
    for (size_t count = 1; count <= 48; count++) {
        struct heater_caps caps = {0};
        double w[48];
        for (size_t i = 0; i < count; i++) {
            w[i] = 100 + 10 * (double)i;
        }
        assert_true(levels_fill(&caps, w, count, HUGE_VAL));
        assert_int_equal(caps.tier_count, count < HEATER_TIERS ? count : HEATER_TIERS);
        assert_near(caps.tier_w[0], 100, 0);
        assert_near(caps.tier_w[caps.tier_count - 1], 100 + 10 * (double)(count - 1), 0);
        for (size_t i = 1; i < caps.tier_count; i++) {
            assert_true(caps.tier_w[i] > caps.tier_w[i - 1]);
            assert_true(caps.tier_w[i] - caps.tier_w[i - 1] <= 10 * ceil((double)count / 11));
        }
    }
    (void)state;
}

static void a_limit_leaves_at_least_the_smallest(void **state)
{
    struct heater_caps caps = {0};
    double w[] = {500, 700, 900};
    (void)state;
    assert_true(levels_fill(&caps, w, 3, 800));
    assert_int_equal(caps.tier_count, 2);
    assert_true(levels_fill(&caps, w, 3, 100));
    assert_int_equal(caps.tier_count, 1);
    assert_near(caps.max_w, 500, 0);
    double none[] = {0, NAN};
    assert_false(levels_fill(&caps, none, 2, 800));
    assert_near(caps.max_w, 500, 0); /* untouched */
}

static void the_nearest_is_found(void **state)
{
    const double w[] = {500, 700, 900};
    (void)state;
    assert_int_equal(levels_nearest(w, 3, 0), 0);
    assert_int_equal(levels_nearest(w, 3, 790), 1);
    assert_int_equal(levels_nearest(w, 3, 1e6), 2);
}

static void pools_are_places(void **state)
{
    static const char *const cases[][2] = {
        {"stratum+tcp://a.example:3333", "a.example:3333"},
        {"stratum2+tcp://u:p@a.example:3333/key", "a.example:3333"},
        {"a.example:3333", "a.example:3333"},
        {"http://a/b@c", "a"},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char place[NAME_MAX_B];
        pool_url_place(cases[i][0], place);
        assert_string_equal(place, cases[i][1]);
    }
}

static void levels_of_the_owner_are_taken_as_they_are(void **state)
{
    static const double usual[] = {200, 300, 400};
    struct config_powers given = {.w = {210, 290, 380}, .count = 3};
    struct heater_caps caps = {.standby_w = 15};
    struct hb_err err = {0};
    (void)state;
    assert_true(levels_take(&caps, &given, usual, 3, &err));
    assert_int_equal(caps.tier_count, 3);
    assert_near(caps.min_w, 210, 0);
    assert_near(caps.tier_w[1], 290, 0);
    assert_near(caps.max_w, 380, 0);
    assert_near(caps.standby_w, 15, 0);
    assert_int_equal(levels_index(&caps, 289.6), 1);
    assert_int_equal(levels_index(&caps, 300), -1);
    assert_int_equal(levels_index(&caps, 0), -1);
    given.count = 0;
    assert_true(levels_take(&caps, &given, usual, 3, &err));
    assert_near(caps.max_w, 400, 0);
    given.count = 2;
    assert_false(levels_take(&caps, &given, usual, 3, &err));
    assert_string_equal(err.msg, "levels: expected 3 powers, got 2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(powers_are_sorted_and_each_kept_once),
        cmocka_unit_test(too_many_are_thinned_out_evenly_with_both_ends),
        cmocka_unit_test(a_limit_leaves_at_least_the_smallest),
        cmocka_unit_test(the_nearest_is_found),
        cmocka_unit_test(pools_are_places),
        cmocka_unit_test(levels_of_the_owner_are_taken_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
