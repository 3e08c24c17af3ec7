/* A circuit: what its heaters could be drawing, and what its meter says of it. */
#include "tests/core/fuse.h"
#include "tests/support/test.h"

/* --- who draws what --------------------------------------------------------------------------- */

static void test_whoever_is_silent_counts_in_full(void **state)
{
    (void)state;
    begin(1700, 3, &mini);
    all_wish(850);
    heaters[0].reached = heaters[0].confirmed = false;
    heaters[0].power_w = reading_none();
    run_s(60);
    assert_near(heaters[0].possible_w, 850, 0);
    assert_near(heaters[0].commanded_w, 0, 0);
    assert_near(heaters[1].commanded_w + heaters[2].commanded_w, 850, 50);
    /* Unless a plug shows that it is off; what that shows counts. */
    heaters[0].off_by_meter = true;
    heaters[0].power_w = reading_make(10, now, PROVENANCE_METERED);
    decide();
    assert_near(heaters[0].possible_w, 10, 0);
    run_s(400);
    assert_near(heaters[1].commanded_w + heaters[2].commanded_w, 1500, 0);
    /* Once it answers, its own word counts. */
    heaters[0].reached = true;
    heaters[0].stated = now;
    heaters[0].applied_w = 650;
    decide();
    assert_near(heaters[0].possible_w, 650, 0);
}

static void test_a_power_cut(void **state)
{
    (void)state;
    begin(2944, 4, &mini);
    all_wish(850);
    run_s(120);
    for (size_t i = 0; i < count; i++) {
        heaters[i].reached = heaters[i].confirmed = false;
        heaters[i].power_w = reading_none();
    }
    pass(1000);
    decide();
    for (size_t i = 0; i < count; i++) {
        assert_near(heaters[i].allowed_w, 0, 0);
        tell(i);
    }
    pass(90000);
    for (size_t i = 0; i < count; i++) { /* mining at super, whatever they were told */
        heaters[i].reached = true;
        heaters[i].applied_w = 850;
        heaters[i].stated = now;
        heaters[i].power_w = reading_make(850, now, PROVENANCE_REPORTED);
    }
    decide();
    assert_true(circuit.over);
    assert_near(circuit.possible_w, 3400, 0);
    for (size_t i = 0; i < count; i++) {
        assert_near(heaters[i].allowed_w, 0, 0);
        pass(1000);
        obey(i);
    }
    decide();
    assert_false(circuit.over);
    run_s(120);
    assert_near(sum_w(), 2800, 0);
}

static void test_an_observed_heater_is_what_it_is(void **state)
{
    (void)state;
    begin(1300, 2, &mini);
    heaters[0].commandable = false;
    heaters[0].confirmed = false;
    heaters[0].applied_w = NAN;
    heaters[0].power_w = reading_make(500, now, PROVENANCE_REPORTED);
    all_wish(850);
    decide();
    assert_near(heaters[0].allowed_w, 0, 0);
    assert_near(heaters[1].allowed_w, 650, 0);
    heaters[0].power_w = reading_none();
    decide();
    assert_near(heaters[0].possible_w, 850, 0);
    assert_near(heaters[1].allowed_w, 400, 0);
    heaters[0].power_w = reading_make(1e30, now, PROVENANCE_REPORTED); /* nobody draws that */
    decide();
    assert_near(heaters[0].possible_w, 1708, 0);
}

static void test_what_it_draws_more_than_told_is_learnt(void **state)
{
    (void)state;
    begin(1720, 2, &mini);
    all_wish(850);
    for (int s = 0; s < 60; s++) {
        second();
        obey(0);
        obey(1);
        for (size_t i = 0; i < count; i++) {
            heaters[i].power_w =
                reading_make(heaters[i].commanded_w * 1.03, now, PROVENANCE_METERED);
        }
    }
    assert_near(circuit.heater[0].factor, 1.03, 1e-9);
    assert_near(sum_w(), 1500, 0); /* 1751 W would be too much */
    for (int s = 0; s < 4 * 3600; s++) {
        second();
        obey(0);
        obey(1);
        if (s == 1800) {
            assert_near(circuit.heater[0].factor, 1 + 0.03 * exp(-0.5), 1e-4);
        }
    }
    assert_true(circuit.heater[0].factor < 1.001);
    assert_near(sum_w(), 1700, 0);
    heaters[0].power_w = reading_make(5000, now, PROVENANCE_METERED);
    pass(20000);
    decide();
    assert_near(circuit.heater[0].factor, 1.25, 1e-9);
}

static void test_it_is_learnt_while_it_rises(void **state)
{
    (void)state;
    begin(1e4, 1, &mini);
    all_wish(650);
    run_s(30);
    all_wish(850);
    second();
    pass(1000);
    heaters[0].stated = now;
    heaters[0].applied_w = 650; /* not yet */
    heaters[0].power_w = reading_make(800, now, PROVENANCE_REPORTED);
    decide();
    assert_near(circuit.heater[0].factor, 1, 0);
    pass(1000);
    heaters[0].stated = now;
    heaters[0].applied_w = 850;
    heaters[0].power_w = reading_make(884, now, PROVENANCE_REPORTED);
    decide();
    assert_near(circuit.heater[0].factor, 1.04, 1e-9);
    all_wish(400); /* but what it draws on its way down says nothing */
    second();
    pass(1000);
    heaters[0].stated = now;
    heaters[0].applied_w = 400;
    heaters[0].power_w = reading_make(480, now, PROVENANCE_REPORTED);
    decide();
    assert_near(circuit.heater[0].factor, 1.04, 1e-9);
}

static void test_what_is_no_evidence_is_not_learnt_from(void **state)
{
    (void)state;
    struct heater_caps shared = mini;
    shared.shares_meter = true;
    begin(1e4, 2, &mini);
    heaters[1].caps = &shared;
    all_wish(850);
    run_s(60);
    pass(60000);
    heaters[0].power_w = reading_make(1000, now, PROVENANCE_MODELLED);
    heaters[1].power_w = reading_make(1000, now, PROVENANCE_METERED);
    decide();
    assert_near(circuit.heater[0].factor, 1, 0);
    assert_near(circuit.heater[1].factor, 1, 0);
    heaters[0].power_w = reading_make(NAN, now, PROVENANCE_METERED);
    heaters[0].applied_w = NAN;
    heaters[0].confirmed = false; /* nor is it known what it was told when it drew that */
    heaters[1].caps = &mini;
    heaters[1].reached = false;
    decide();
    assert_near(circuit.heater[0].factor, 1, 0);
    assert_near(circuit.heater[1].factor, 1, 0);
    heaters[0].power_w = reading_make(1000, now, PROVENANCE_METERED);
    decide();
    assert_near(circuit.heater[0].factor, 1, 0);
}

static void test_one_that_does_not_obey_is_taken_as_it_is(void **state)
{
    (void)state;
    begin(1300, 2, &mini);
    heaters[0].applied_w = 850;
    heaters[0].confirmed = false; /* told to be off, and is not */
    heaters[0].power_w = reading_make(850, now, PROVENANCE_METERED);
    all_wish(850);
    heaters[0].written = mono_add_ms(now, -80000);
    decide();
    assert_near(heaters[0].allowed_w, 0, 0); /* it would like that */
    assert_near(heaters[1].allowed_w, 400, 0);
    heaters[0].applied_w = NAN;
    heaters[0].confirmed = true; /* it says that it obeys, but the meter does not */
    decide();
    assert_near(heaters[0].allowed_w, 0, 0);
    assert_near(heaters[1].allowed_w, 400, 0);
}

static void test_one_that_is_stuck_at_less_takes_no_more(void **state)
{
    (void)state;
    begin(1600, 2, &stepless);
    all_wish(1500);
    heaters[0].commanded_w = 300;
    heaters[0].written = mono_add_ms(now, -80000);
    heaters[0].confirmed = false;
    heaters[0].applied_w = 700;
    decide();
    pass(30000);
    heaters[0].stated = now;
    decide();
    assert_near(heaters[0].allowed_w, 300, 0);
    assert_near(heaters[1].allowed_w, 900, 0);
}

static void test_unknown_abilities_stop_the_others(void **state)
{
    (void)state;
    struct heater_caps odd = mini;
    odd.max_w = NAN;
    odd.standby_w = NAN;
    begin(1e6, 2, &mini);
    heaters[0].caps = &odd;
    heaters[0].reached = false;
    all_wish(850);
    decide();
    assert_true(isinf(heaters[0].possible_w));
    assert_near(heaters[1].allowed_w, 0, 0);
    heaters[1].reached = false;
    heaters[1].caps = &odd;
    decide();
    assert_near(heaters[0].allowed_w + heaters[1].allowed_w, 0, 0);
}

/* --- the circuit's own meter ------------------------------------------------------------------ */

static void meter(double power_w)
{
    circuit_meter(&circuit, power_w, true, now);
}

static void test_others_on_the_circuit_take_of_it(void **state)
{
    (void)state;
    begin(2944, 4, &mini);
    all_wish(850);
    run_s(120);
    meter(2944); /* all that may be */
    decide();
    circuit_meter(&circuit, 3600, false, now); /* which is no message, but what was said before */
    assert_near(circuit.reserve_w, 0, 0);
    meter(2944);
    decide();
    assert_false(circuit.over);
    assert_near(circuit.reserve_w, 0, 0);
    meter(2800 + 800); /* somebody irons */
    decide();
    assert_true(circuit.over);
    assert_near(circuit.reserve_w, 800, 0);
    /* The excess stays until the heaters have followed, and asks for no more. */
    for (int s = 0; s < 3; s++) {
        second();
        meter(3600);
    }
    assert_true(circuit.over);
    assert_near(circuit.reserve_w, 800, 5);
    for (int s = 0; s < 60; s++) {
        second();
        for (size_t i = 0; i < count; i++) {
            obey(i);
        }
        meter(sum_w() + 800);
    }
    assert_true(sum_w() <= 2144 && sum_w() >= 2000);
    assert_false(circuit.over);
    assert_near(circuit.reserve_w, 800, 10);
    /* What is used is not given back; when the ironing ends, it is, slowly. */
    for (int s = 0; s < 1200; s++) {
        second();
        for (size_t i = 0; i < count; i++) {
            obey(i);
        }
        meter(sum_w() + 700);
    }
    assert_near(circuit.reserve_w, 700, 1);
    double before_w = circuit.reserve_w;
    for (int s = 0; s < 60; s++) {
        second();
        meter(sum_w());
    }
    assert_near(before_w - circuit.reserve_w, 2944.0 / 30, 2);
    run_s(1000);
    assert_near(circuit.reserve_w, 0, 0);
    assert_near(sum_w(), 2800, 0);
}

static void test_the_meter_counts_though_more_is_possible(void **state)
{
    (void)state;
    begin(1700, 3, &mini);
    heaters[0].reached = heaters[0].confirmed = false; /* and off, but nobody knows */
    all_wish(400);
    run_s(60);
    assert_near(sum_w(), 800, 0);
    circuit.possible_w = 1900;
    meter(1750);
    assert_near(circuit.reserve_w, 50, 0);
}

/* The heaters are asked for less, and have just become less when this returns. */
static void fall(void)
{
    const double before_w = circuit.possible_w;
    all_wish(400);
    for (int i = 0; i < 200 && circuit.possible_w > before_w - 500; i++) {
        run_s(3);
    }
    assert_true(mono_is_set(circuit.fell_at));
    assert_true(mono_age_ms(now, circuit.fell_at) < 5000);
}

/* A meter that speaks only on change does not say it again. */
static void test_one_word_counts_though_it_comes_early(void **state)
{
    (void)state;
    begin(2944, 4, &mini);
    all_wish(850);
    run_s(120);
    fall();
    meter(3600);
    decide();
    assert_true(circuit.over);
    assert_near(circuit.reserve_w, 0, 0);
    for (int s = 0; s < 25; s++) {
        second();
        circuit_meter(&circuit, 3600, false, now);
    }
    assert_near(circuit.reserve_w, 0, 0);
    for (int s = 0; s < 10; s++) {
        second();
        circuit_meter(&circuit, 3600, false, now);
    }
    decide();
    assert_true(circuit.reserve_w >= 600);
    const double reserve_w = circuit.reserve_w;
    for (int s = 0; s < 60; s++) { /* and it counts once */
        second();
        circuit_meter(&circuit, 3600, false, now);
    }
    assert_true(circuit.reserve_w <= reserve_w);
}

static void test_a_later_word_takes_the_place_of_an_early_one(void **state)
{
    (void)state;
    begin(2944, 4, &mini);
    all_wish(850);
    run_s(120);
    fall();
    meter(3600);
    run_s(5);
    meter(2000);
    for (int s = 0; s < 60; s++) {
        second();
        circuit_meter(&circuit, 2000, false, now);
    }
    assert_near(circuit.reserve_w, 0, 0);
}

static void test_a_silent_meter_is_none(void **state)
{
    (void)state;
    begin(1000, 1, &mini);
    all_wish(850);
    run_s(30);
    meter(1200);
    run_s(10);
    assert_true(circuit.reserve_w > 0);
    assert_near(heaters[0].commanded_w, 650, 0);
    const double odd[] = {NAN, INFINITY, -1};
    for (size_t i = 0; i < 3; i++) {
        meter(odd[i]);
        assert_true(isnan(circuit.metered_w));
    }
    run_s(1800);
    assert_near(circuit.reserve_w, 0, 0);
    assert_near(heaters[0].commanded_w, 850, 0);
    assert_false(circuit.over);
}

static void test_a_meter_beyond_all_turns_everything_off(void **state)
{
    (void)state;
    begin(1000, 1, &mini);
    all_wish(850);
    run_s(30);
    meter(9000);
    run_s(10);
    assert_near(heaters[0].commanded_w, 0, 0);
    assert_near(circuit.reserve_w, 1000, 0);
}

static void test_the_alarm_does_not_flutter(void **state)
{
    (void)state;
    begin(1000, 0, &mini);
    meter(1000.5);
    decide();
    assert_true(circuit.over);
    meter(995);
    decide();
    assert_true(circuit.over);
    meter(985);
    decide();
    assert_false(circuit.over);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whoever_is_silent_counts_in_full),
        cmocka_unit_test(test_a_power_cut),
        cmocka_unit_test(test_an_observed_heater_is_what_it_is),
        cmocka_unit_test(test_what_it_draws_more_than_told_is_learnt),
        cmocka_unit_test(test_it_is_learnt_while_it_rises),
        cmocka_unit_test(test_what_is_no_evidence_is_not_learnt_from),
        cmocka_unit_test(test_one_that_does_not_obey_is_taken_as_it_is),
        cmocka_unit_test(test_one_that_is_stuck_at_less_takes_no_more),
        cmocka_unit_test(test_unknown_abilities_stop_the_others),
        cmocka_unit_test(test_others_on_the_circuit_take_of_it),
        cmocka_unit_test(test_the_meter_counts_though_more_is_possible),
        cmocka_unit_test(test_one_word_counts_though_it_comes_early),
        cmocka_unit_test(test_a_later_word_takes_the_place_of_an_early_one),
        cmocka_unit_test(test_a_silent_meter_is_none),
        cmocka_unit_test(test_a_meter_beyond_all_turns_everything_off),
        cmocka_unit_test(test_the_alarm_does_not_flutter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
