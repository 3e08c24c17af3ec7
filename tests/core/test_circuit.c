/* A circuit and its heaters: what each may be told, one situation at a time. */
#include "tests/core/fuse.h"
#include "tests/support/test.h"

/* --- what fits --------------------------------------------------------------------------------*/

static void test_best_sum_of_a_guest_house(void **state)
{
    (void)state;
    begin(2944, 4, &mini);
    all_wish(850);
    run_s(120);
    assert_near(sum_w(), 2800, 0); /* 1 at 850 W and 3 at 650 W, by enumeration */
    assert_int_equal(at_level(850), 1);
    assert_int_equal(at_level(650), 3);
}

static void test_all_get_what_they_want_if_it_fits(void **state)
{
    (void)state;
    begin(3400, 4, &mini);
    all_wish(850);
    run_s(120);
    assert_near(sum_w(), 3400, 0);
}

static void test_who_lacks_most_gets_most(void **state)
{
    (void)state;
    begin(1260, 2, &mini);
    all_wish(850);
    heaters[0].lack_k = NAN;
    heaters[1].lack_k = 2.5;
    run_s(60);
    assert_near(heaters[0].commanded_w, 400, 0);
    assert_near(heaters[1].commanded_w, 850, 0);
    heaters[0].lack_k = 0.5; /* not worth a change */
    heaters[1].lack_k = 0.2;
    run_s(2000);
    assert_near(heaters[0].commanded_w, 400, 0);
    assert_near(heaters[1].commanded_w, 850, 0);
    heaters[0].lack_k = 3;
    run_s(60);
    assert_near(heaters[0].commanded_w, 850, 0);
    assert_near(heaters[1].commanded_w, 400, 0);
}

static void test_a_little_for_each_before_much_for_one(void **state)
{
    (void)state;
    begin(1650, 4, &mini);
    all_wish(850);
    run_s(120);
    assert_int_equal(at_level(400), 4); /* 1600 W; two rooms alone could have 1500 W */
}

static void test_a_level_is_kept_for_a_while(void **state)
{
    (void)state;
    begin(1300, 2, &mini);
    heaters[0].wish_w = 850;
    run_s(30);
    assert_near(heaters[0].commanded_w, 850, 0);
    heaters[1].wish_w = 850;
    heaters[1].lack_k = 4;
    run_s(200);
    assert_near(heaters[0].commanded_w, 850, 0);
    assert_near(heaters[1].commanded_w, 400, 0); /* what is left */
    run_s(400);
    assert_near(heaters[0].commanded_w, 400, 0);
    assert_near(heaters[1].commanded_w, 850, 0);
}

static void test_a_level_is_kept_as_long_as_the_heater_must(void **state)
{
    (void)state;
    struct heater_caps slow = mini;
    slow.min_write_ms = 600000;
    for (int round = 0; round < 2; round++) {
        begin(1300, 2, &slow);
        heaters[0].wish_w = 850;
        run_s(30);
        heaters[1].wish_w = 850;
        heaters[1].lack_k = 4;
        run_s(540);
        assert_near(heaters[0].commanded_w, 850, 0);
        run_s(100);
        assert_near(heaters[0].commanded_w, 400, 0);
        slow.min_write_ms = 0;
        slow.min_on_ms = 600000;
    }
}

static void test_a_limit_ends_a_dwell(void **state)
{
    (void)state;
    begin(1700, 2, &mini);
    all_wish(850);
    run_s(30);
    assert_near(sum_w(), 1700, 0);
    heaters[0].reached = heaters[0].confirmed = false; /* counts with 850 W */
    circuit.limit_w = 1300;
    pass(1000);
    decide();
    assert_near(heaters[1].allowed_w, 400, 0);
    circuit.limit_w = 800;
    decide();
    assert_near(heaters[1].allowed_w, 0, 0);
}

static void test_time_off_is_kept(void **state)
{
    (void)state;
    begin(1000, 1, &mini);
    heaters[0].switched = mono_add_ms(now, -1000);
    all_wish(850);
    run_s(58);
    assert_near(heaters[0].commanded_w, 0, 0);
    run_s(3);
    assert_near(heaters[0].commanded_w, 850, 0);
}

static void test_stepless_heaters_share_what_is_left(void **state)
{
    (void)state;
    begin(2000, 2, &stepless);
    all_wish(1500);
    run_s(60);
    assert_true(sum_w() > 1900 && sum_w() <= 2000);
    const double first_w = heaters[0].commanded_w;
    heaters[1].wish_w = 1499.5; /* nothing is rewritten for a trifle */
    run_s(60);
    assert_near(heaters[0].commanded_w, first_w, 0);
    begin(960, 1, &stepless);
    all_wish(1500);
    run_s(60);
    assert_near(sum_w(), 916.7, 0.1); /* nor is a trifle worth its own level */
    begin(1600, 2, &stepless);
    heaters[0].wish_w = 100; /* no more than its least */
    heaters[1].wish_w = 1500;
    run_s(60);
    assert_near(sum_w(), 1600, 0);
}

static void test_heaters_with_as_many_levels_as_there_can_be(void **state)
{
    (void)state;
    struct heater_caps many = {.min_w = 100, .max_w = 1200, .tier_count = HEATER_TIERS};
    for (int i = 0; i < HEATER_TIERS; i++) {
        many.tier_w[i] = 100 * (i + 1);
    }
    begin(1500, 2, &many);
    many.tier_count++; /* more than there is room for is not looked at */
    all_wish(1150);
    heaters[0].commanded_w = 750; /* nor is each of these a level */
    heaters[0].lack_k = 4;
    run_s(60);
    assert_near(heaters[0].commanded_w, 1100, 0); /* 1150 and 300 were less in all */
    assert_near(heaters[1].commanded_w, 400, 0);
}

static void test_it_never_gives_more_than_asked(void **state)
{
    (void)state;
    begin(1e9, 1, &mini);
    const double wishes[] = {400, 0, -5, NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++) {
        all_wish(wishes[i]);
        heaters[0].commanded_w = 650;
        decide();
        assert_near(heaters[0].allowed_w, wishes[i] == 400 ? 400 : 0, 0);
    }
}

static void test_a_limit_that_is_none_allows_nothing(void **state)
{
    (void)state;
    const double limits[] = {NAN, -1, INFINITY, 0};
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        begin(limits[i], 1, &mini);
        all_wish(850);
        heaters[0].commanded_w = NAN;
        decide();
        assert_near(heaters[0].allowed_w, 0, 0);
    }
}

/* --- lower first, then raise ------------------------------------------------------------------ */

static void test_raised_only_into_what_is_confirmed_free(void **state)
{
    (void)state;
    begin(900, 2, &mini);
    heaters[0].wish_w = 850;
    run_s(30);
    heaters[0].wish_w = 0;
    heaters[1].wish_w = 850;
    pass(1000);
    decide();
    assert_near(heaters[0].allowed_w, 0, 0); /* at once */
    tell(0);
    for (int s = 0; s < 60; s++) {
        pass(1000);
        decide();
        assert_near(heaters[1].allowed_w, 0, 0);
        assert_near(heaters[0].possible_w, 850, 0);
    }
    heaters[0].applied_w = 0; /* it says that it is off, but still draws */
    heaters[0].stated = now;
    heaters[0].power_w = reading_make(700, now, PROVENANCE_METERED);
    decide();
    assert_near(heaters[0].possible_w, 700, 0);
    assert_near(heaters[1].allowed_w, 0, 0);
    heaters[0].power_w = reading_make(8, now, PROVENANCE_METERED);
    decide();
    assert_near(heaters[1].allowed_w, 850, 0);
}

static void test_without_its_word_it_takes_its_time_to_settle(void **state)
{
    (void)state;
    begin(900, 2, &mini);
    heaters[0].wish_w = 850;
    run_s(30);
    heaters[0].wish_w = 0;
    pass(1000);
    decide();
    tell(0);
    heaters[0].confirmed = true; /* and it tells neither its setting nor its power */
    heaters[0].applied_w = NAN;
    heaters[0].power_w = reading_none();
    pass(9000);
    decide();
    assert_near(heaters[0].possible_w, 850, 0);
    pass(1000);
    decide();
    assert_near(heaters[0].possible_w, 8, 0);
}

static void test_an_order_under_way_counts(void **state)
{
    (void)state;
    begin(900, 2, &mini);
    heaters[0].wish_w = 850;
    pass(1000);
    decide();
    tell(0); /* it has not got that yet */
    heaters[0].wish_w = 0;
    pass(1000);
    decide();
    tell(0);
    pass(1000);
    heaters[0].applied_w = 0; /* of before */
    heaters[0].stated = now;
    heaters[0].power_w = reading_make(8, now, PROVENANCE_REPORTED);
    decide();
    assert_near(heaters[0].possible_w, 850, 0);
    heaters[0].confirmed = true; /* read back after the last order */
    decide();
    assert_near(heaters[0].possible_w, 8, 0);
}

static void test_one_is_raised_at_a_time(void **state)
{
    (void)state;
    begin(3400, 4, &mini);
    all_wish(850);
    heaters[2].lack_k = 1;
    double was_w = 0;
    for (int s = 0; s < 60; s++) {
        second();
        if (s == 0) {
            assert_near(heaters[2].commanded_w, 850, 0);
        }
        const bool raised = sum_w() > was_w;
        assert_true(sum_w() - was_w <= 850);
        assert_true(!raised || s == 0 || s == 30); /* nobody obeys: each has half a minute */
        was_w = sum_w();
    }
    run_s(9);
    assert_near(sum_w(), 3400, 0);
}

static void test_the_next_waits_until_the_last_is_seen_to_draw(void **state)
{
    (void)state;
    begin(3400, 2, &mini);
    all_wish(850);
    second();
    assert_near(sum_w(), 850, 0);
    for (int s = 0; s < 9; s++) {
        heaters[0].confirmed = true; /* it obeys, but does not tell its power */
        heaters[0].power_w = reading_none();
        second();
        assert_near(sum_w(), 850, 0);
    }
    second();
    assert_near(sum_w(), 1700, 0); /* it has had the time */
}

static void test_raises_keep_their_distance(void **state)
{
    (void)state;
    begin(3400, 4, &mini);
    all_wish(850);
    int at[4];
    int raises = 0;
    double was_w = 0;
    for (int s = 0; s < 40; s++) {
        second();
        for (size_t i = 0; i < count; i++) {
            obey(i); /* at once */
        }
        if (sum_w() > was_w) {
            at[raises++] = s;
            was_w = sum_w();
        }
    }
    assert_int_equal(raises, 4);
    for (int i = 1; i < 4; i++) {
        assert_true(at[i] - at[i - 1] >= 5 && at[i] - at[i - 1] <= 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_best_sum_of_a_guest_house),
        cmocka_unit_test(test_all_get_what_they_want_if_it_fits),
        cmocka_unit_test(test_who_lacks_most_gets_most),
        cmocka_unit_test(test_a_little_for_each_before_much_for_one),
        cmocka_unit_test(test_a_level_is_kept_for_a_while),
        cmocka_unit_test(test_a_level_is_kept_as_long_as_the_heater_must),
        cmocka_unit_test(test_a_limit_ends_a_dwell),
        cmocka_unit_test(test_time_off_is_kept),
        cmocka_unit_test(test_stepless_heaters_share_what_is_left),
        cmocka_unit_test(test_heaters_with_as_many_levels_as_there_can_be),
        cmocka_unit_test(test_it_never_gives_more_than_asked),
        cmocka_unit_test(test_a_limit_that_is_none_allows_nothing),
        cmocka_unit_test(test_raised_only_into_what_is_confirmed_free),
        cmocka_unit_test(test_without_its_word_it_takes_its_time_to_settle),
        cmocka_unit_test(test_an_order_under_way_counts),
        cmocka_unit_test(test_one_is_raised_at_a_time),
        cmocka_unit_test(test_the_next_waits_until_the_last_is_seen_to_draw),
        cmocka_unit_test(test_raises_keep_their_distance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
