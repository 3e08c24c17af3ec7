/* What the supervision of a heater promises, each in virtual time. */
#include <string.h>

#include "tests/devices/rig.h"

#define LEASE_MS 3600000

static void answers_are_polled_and_delivered(void **state)
{
    (void)state;
    struct fake fake = fake_make();
    struct rig rig;
    rig_prepare(&rig, &fake_driver, &fake);
    rig_create(&rig);
    assert_int_equal(fake.polls, 0);
    host_tick(rig.host, rig.now);
    assert_int_equal(fake.polls, 1);
    assert_int_equal(rig.state.link, HEATER_LINK_OK);
    rig_run(&rig, 60000);
    assert_in_range(fake.polls, 59, 62);
    assert_int_equal(rig_stats(&rig).polls, fake.polls);
    assert_int_equal(rig_stats(&rig).reports, rig.states);
    assert_false(rig.state.problem);
    rig_destroy(&rig);
    assert_int_equal(fake.finis, 1);
}

static void a_command_is_confirmed_once_the_set_point_is_read_back(void **state)
{
    (void)state;
    struct fake fake = fake_make();
    struct rig rig;
    rig_prepare(&rig, &fake_driver, &fake);
    rig_create(&rig);
    rig_run(&rig, 3000);
    uint64_t seq = rig_order(&rig, 700, LEASE_MS);
    assert_int_equal(fake.commits, 1);
    assert_near(fake.last.power_w, 700, 0);
    assert_int_equal(rig.outcome_count, 0);
    rig_run(&rig, 2000);
    assert_int_equal(rig_told(&rig, seq, COMMAND_CONFIRMED), 1);
    rig_run(&rig, 600000);
    assert_int_equal(rig.outcome_count, 1);
    assert_int_equal(fake.commits, 1);
    rig_destroy(&rig);
}

static void the_same_power_again_renews_without_writing(void **state)
{
    (void)state;
    struct fake fake = fake_make();
    struct rig rig;
    rig_prepare(&rig, &fake_driver, &fake);
    rig_create(&rig);
    for (int i = 0; i < 20; i++) {
        (void)rig_order(&rig, 500, 60000);
        rig_run(&rig, 30000);
    }
    assert_int_equal(fake.commits, 1);
    assert_near(fake.set_w, 500, 0);
    for (uint64_t seq = 1; seq <= 20; seq++) {
        assert_int_equal(rig_told(&rig, seq, COMMAND_CONFIRMED), 1);
    }
    rig_destroy(&rig);
}

static void without_renewal_the_heater_goes_off_by_itself(void **state)
{
    (void)state;
    struct fake fake = fake_make();
    struct rig rig;
    rig_prepare(&rig, &fake_driver, &fake);
    rig_create(&rig);
    uint64_t seq = rig_order(&rig, 500, 60000);
    rig_run(&rig, 59999);
    assert_near(fake.set_w, 500, 0);
    rig_run(&rig, 1);
    assert_near(fake.set_w, 0, 0);
    assert_int_equal(fake.last.why, REASON_LEASE_EXPIRED);
    assert_int_equal(rig_told(&rig, seq, COMMAND_EXPIRED), 1);
    assert_int_equal(rig_stats(&rig).expired, 1);
    assert_true(rig_warned(&rig, "switched off"));
    rig_run(&rig, 600000);
    assert_int_equal(rig.outcome_count, 2); /* confirmed, expired */
    assert_int_equal(fake.commits, 2);
    rig_destroy(&rig);
}

static void off_needs_no_renewal(void **state)
{
    (void)state;
    struct fake fake = fake_make();
    struct rig rig;
    rig_prepare(&rig, &fake_driver, &fake);
    rig_create(&rig);
    uint64_t seq = rig_order(&rig, 0, 1000);
    rig_run(&rig, 60000);
    assert_int_equal(rig_told(&rig, seq, COMMAND_EXPIRED), 0);
    assert_int_equal(fake.commits, 1);
    rig_destroy(&rig);
}

static void an_expired_command_never_reaches_the_device(void **state)
{
    (void)state;
    struct fake fake = fake_make();
    struct rig rig;
    rig_prepare(&rig, &fake_driver, &fake);
    rig_create(&rig);
    uint64_t seq = rig_order(&rig, 500, 0);
    rig_run(&rig, 10000);
    assert_int_equal(fake.commits, 0);
    assert_int_equal(rig_told(&rig, seq, COMMAND_EXPIRED), 1);
    rig_destroy(&rig);
}

static void refused_commands_fail_with_a_reason(void **state)
{
    (void)state;
    struct fake fake = fake_make();
    struct rig rig;
    rig_prepare(&rig, &fake_driver, &fake);
    rig_create(&rig);
    const double bad[] = {NAN, -1, 50, 1001, INFINITY};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(rig_told(&rig, rig_order(&rig, bad[i], LEASE_MS), COMMAND_FAILED), 1);
    }
    assert_true(rig_warned(&rig, "expected 0 W or 100 W to 1000 W, got 50 W"));
    fake.refuse = true;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(rig_told(&rig, rig_order(&rig, 500, LEASE_MS), COMMAND_FAILED), 1);
    }
    assert_true(rig_warned(&rig, "expected a licence, got none"));
    assert_int_equal(rig.line_count, 6); /* the repeated one once */
    assert_int_equal(fake.commits, 0);
    assert_int_equal(rig_stats(&rig).refused, 10);
    rig_destroy(&rig);
}

static void a_silent_heater_is_lost_and_polled_ever_more_rarely(void **state)
{
    (void)state;
    struct fake fake = fake_make();
    struct rig rig;
    rig_prepare(&rig, &fake_driver, &fake);
    rig_create(&rig);
    rig_run(&rig, 10000);
    fake.silent = true;
    rig_run(&rig, 5000);
    assert_int_equal(rig.state.link, HEATER_LINK_LOST);
    assert_true(rig.state.problem);
    assert_string_equal(rig.state.problem_text, "the heater does not answer");
    assert_true(rig_warned(&rig, "does not answer"));
    rig_run(&rig, 600000);
    unsigned before = fake.polls;
    rig_run(&rig, 3600000);
    assert_in_range(fake.polls - before, 235, 245); /* every 15 s */
    assert_int_equal(rig_stats(&rig).lost, 1);
    fake.silent = false;
    rig_run(&rig, 130000);
    assert_int_equal(rig.state.link, HEATER_LINK_OK);
    assert_false(rig.state.problem);
    before = fake.polls;
    rig_run(&rig, 10000);
    assert_in_range(fake.polls - before, 9, 11);
    rig_destroy(&rig);
}

static void a_heater_that_never_answered_is_lost_after_the_deadline(void **state)
{
    (void)state;
    struct fake fake = fake_make();
    struct rig rig;
    fake.silent = true;
    rig_prepare(&rig, &fake_driver, &fake);
    rig_create(&rig);
    host_tick(rig.host, rig.now);
    rig_run(&rig, 2999);
    assert_int_equal(rig.states, 0);
    rig_run(&rig, 1);
    assert_int_equal(rig.state.link, HEATER_LINK_LOST);
    rig_destroy(&rig);
}

static void a_heater_that_comes_back_is_told_again(void **state)
{
    (void)state;
    struct fake fake = fake_make();
    struct rig rig;
    rig_prepare(&rig, &fake_driver, &fake);
    rig_create(&rig);
    (void)rig_order(&rig, 500, LEASE_MS);
    rig_run(&rig, 10000);
    fake.silent = true;
    rig_run(&rig, 20000);
    fake.silent = false;
    fake.set_w = 0; /* it lost its power and its settings */
    unsigned before = fake.commits;
    while (rig.state.link != HEATER_LINK_OK) {
        rig_run(&rig, 100);
    }
    rig_run(&rig, 1000);
    assert_near(fake.set_w, 500, 0);
    rig_run(&rig, 60000);
    assert_int_equal(fake.commits, before + 1);
    rig_destroy(&rig);
}

static void a_lost_heater_whose_lease_ran_out_is_switched_off_when_it_is_back(void **state)
{
    (void)state;
    struct fake fake = fake_make();
    struct rig rig;
    rig_prepare(&rig, &fake_driver, &fake);
    rig_create(&rig);
    (void)rig_order(&rig, 500, 60000);
    rig_run(&rig, 10000);
    fake.silent = true;
    rig_run(&rig, 120000);
    assert_near(fake.set_w, 500, 0);
    fake.silent = false;
    rig_run(&rig, 61000);
    assert_near(fake.set_w, 0, 0);
    rig_destroy(&rig);
}

static void disobedience_is_retried_then_failed_and_late_obedience_confirmed(void **state)
{
    (void)state;
    struct fake fake = fake_make();
    struct rig rig;
    fake.deaf = true;
    rig_prepare(&rig, &fake_driver, &fake);
    rig_create(&rig);
    uint64_t seq = rig_order(&rig, 800, LEASE_MS);
    rig_run(&rig, 4000);
    assert_int_equal(fake.commits, 1); /* it may still settle */
    rig_run(&rig, 26000);
    assert_int_equal(rig_told(&rig, seq, COMMAND_FAILED), 1);
    assert_int_equal(fake.commits, 3);
    assert_int_equal(rig_stats(&rig).retries, 2);
    assert_true(rig.state.problem);
    assert_string_equal(rig.state.problem_text, "the heater does not do what it was told");
    assert_true(rig_warned(&rig, "expected 800 W, it says 0 W"));
    assert_near(fake.last.power_w, 800, 0); /* never escalated */
    rig_run(&rig, 600000);
    assert_in_range(fake.commits, 11, 14); /* about once a minute */
    assert_int_equal(rig.outcome_count, 1);
    fake.deaf = false;
    rig_run(&rig, 61000);
    assert_int_equal(rig_told(&rig, seq, COMMAND_CONFIRMED), 1);
    assert_false(rig.state.problem);
    rig_destroy(&rig);
}

static void a_renewal_learns_that_its_power_failed(void **state)
{
    (void)state;
    struct fake fake = fake_make();
    struct rig rig;
    fake.deaf = true;
    rig_prepare(&rig, &fake_driver, &fake);
    rig_create(&rig);
    (void)rig_order(&rig, 800, LEASE_MS);
    rig_run(&rig, 30000);
    unsigned before = fake.commits;
    uint64_t again = rig_order(&rig, 800, LEASE_MS);
    assert_int_equal(rig_told(&rig, again, COMMAND_FAILED), 1);
    assert_int_equal(fake.commits, before);
    rig_destroy(&rig);
}

static void a_meter_finds_a_lie(void **state)
{
    (void)state;
    struct fake fake = fake_make();
    struct rig rig;
    fake.power_from = PROVENANCE_METERED;
    fake.power_w = 5; /* whatever it says */
    rig_prepare(&rig, &fake_driver, &fake);
    rig_create(&rig);
    uint64_t seq = rig_order(&rig, 800, LEASE_MS);
    rig_run(&rig, 4000);
    assert_int_equal(rig.outcome_count, 0); /* the meter may still follow */
    rig_run(&rig, 30000);
    assert_int_equal(rig_told(&rig, seq, COMMAND_CONFIRMED), 0);
    assert_int_equal(rig_told(&rig, seq, COMMAND_FAILED), 1);
    fake.power_w = 760;
    rig_run(&rig, 10000);
    assert_int_equal(rig_told(&rig, seq, COMMAND_CONFIRMED), 1);
    uint64_t lower = rig_order(&rig, 300, LEASE_MS);
    rig_run(&rig, 60000);
    assert_int_equal(rig_told(&rig, lower, COMMAND_FAILED), 1);
    rig_destroy(&rig);
}

static void reported_power_is_the_evidence_without_a_set_point(void **state)
{
    (void)state;
    struct fake fake = fake_make();
    struct rig rig;
    fake.no_set_point = true;
    fake.power_from = PROVENANCE_REPORTED;
    fake.power_w = 5;
    rig_prepare(&rig, &fake_driver, &fake);
    rig_create(&rig);
    uint64_t seq = rig_order(&rig, 800, LEASE_MS);
    rig_run(&rig, 3000);
    fake.power_w = 700; /* within what silicon does */
    rig_run(&rig, 1900);
    assert_int_equal(rig.outcome_count, 0);
    rig_run(&rig, 2000);
    assert_int_equal(rig_told(&rig, seq, COMMAND_CONFIRMED), 1);
    uint64_t off = rig_order(&rig, 0, LEASE_MS);
    rig_run(&rig, 60000);
    assert_int_equal(rig_told(&rig, off, COMMAND_FAILED), 1);
    rig_destroy(&rig);
}

static void a_modelled_power_proves_nothing_so_an_answer_is_believed(void **state)
{
    (void)state;
    struct fake fake = fake_make();
    struct rig rig;
    fake.no_set_point = true;
    fake.power_from = PROVENANCE_MODELLED;
    fake.power_w = 5;
    rig_prepare(&rig, &fake_driver, &fake);
    rig_create(&rig);
    uint64_t seq = rig_order(&rig, 800, LEASE_MS);
    rig_run(&rig, 4000);
    assert_int_equal(rig.outcome_count, 0);
    rig_run(&rig, 3000);
    assert_int_equal(rig_told(&rig, seq, COMMAND_CONFIRMED), 1);
    rig_destroy(&rig);
}

static void a_heater_that_says_it_strayed_is_brought_back_at_once(void **state)
{
    (void)state;
    struct fake fake = fake_make();
    struct rig rig;
    rig_prepare(&rig, &fake_driver, &fake);
    rig_create(&rig);
    (void)rig_order(&rig, 0, LEASE_MS);
    rig_run(&rig, 10000);
    fake.set_w = 900;    /* somebody pressed its button */
    rig_run(&rig, 2000); /* a poll and a tick */
    assert_near(fake.set_w, 0, 0);
    assert_int_equal(fake.commits, 2);
    rig_run(&rig, 600000);
    assert_int_equal(fake.commits, 2);
    rig_destroy(&rig);
}

static void a_power_that_strays_for_a_moment_is_left_alone(void **state)
{
    (void)state;
    struct fake fake = fake_make();
    struct rig rig;
    fake.no_set_point = true;
    fake.power_from = PROVENANCE_REPORTED;
    rig_prepare(&rig, &fake_driver, &fake);
    rig_create(&rig);
    (void)rig_order(&rig, 0, LEASE_MS);
    rig_run(&rig, 10000);
    fake.power_w = 900;
    rig_run(&rig, 5000);
    fake.power_w = NAN;
    rig_run(&rig, 10000);
    assert_int_equal(fake.commits, 1);
    fake.power_w = 900;
    rig_run(&rig, 10000);
    assert_int_equal(fake.commits, 2);
    rig_destroy(&rig);
}

static void writes_keep_their_distance_but_off_does_not_wait(void **state)
{
    (void)state;
    struct fake fake = fake_make();
    struct rig rig;
    fake.caps.min_write_ms = 60000;
    fake.wears = true;
    rig_prepare(&rig, &fake_driver, &fake);
    rig_create(&rig);
    (void)rig_order(&rig, 500, LEASE_MS);
    for (double power_w = 510; power_w < 600; power_w += 10) {
        rig_run(&rig, 5000);
        (void)rig_order(&rig, power_w, LEASE_MS);
    }
    assert_int_equal(fake.commits, 1);
    rig_run(&rig, 20000);
    assert_int_equal(fake.commits, 2);
    assert_near(fake.set_w, 590, 0); /* the newest only */
    (void)rig_order(&rig, 0, LEASE_MS);
    assert_int_equal(fake.commits, 3);
    assert_near(fake.set_w, 0, 0);
    rig_destroy(&rig);
}

/* A heater that is off when it is told to be off was not written to: heat is not made to wait. */
static void what_was_so_already_keeps_no_distance(void **state)
{
    (void)state;
    struct fake fake = fake_make();
    struct rig rig;
    fake.caps.min_write_ms = 600000;
    fake.wears = true;
    rig_prepare(&rig, &fake_driver, &fake);
    rig_create(&rig);
    (void)rig_order(&rig, 0, LEASE_MS);
    rig_run(&rig, 5000);
    assert_int_equal(fake.commits, 1);
    uint64_t heat = rig_order(&rig, 500, LEASE_MS);
    rig_run(&rig, 20000);
    assert_near(fake.set_w, 500, 0);
    assert_int_equal(rig_told(&rig, heat, COMMAND_CONFIRMED), 1);
    (void)rig_order(&rig, 600, LEASE_MS);
    rig_run(&rig, 60000);
    assert_near(fake.set_w, 500, 0); /* this one was written */
    rig_destroy(&rig);
}

static void a_change_of_mind_before_the_write_costs_no_write(void **state)
{
    (void)state;
    struct fake fake = fake_make();
    struct rig rig;
    fake.caps.min_write_ms = 60000;
    fake.wears = true;
    rig_prepare(&rig, &fake_driver, &fake);
    rig_create(&rig);
    (void)rig_order(&rig, 500, LEASE_MS);
    rig_run(&rig, 20000);
    (void)rig_order(&rig, 600, LEASE_MS);
    uint64_t back = rig_order(&rig, 500, LEASE_MS);
    rig_run(&rig, 120000);
    assert_int_equal(fake.commits, 1);
    assert_int_equal(rig_told(&rig, back, COMMAND_CONFIRMED), 1);
    rig_destroy(&rig);
}

static void the_configuration_narrows_abilities(void **state)
{
    (void)state;
    struct fake fake = fake_make();
    struct rig rig;
    fake.caps.min_on_ms = 60000;
    rig_prepare(&rig, &fake_driver, &fake);
    rig.config.min_w = 200;
    rig.config.max_w = 600;
    rig.config.min_on_ms = 1000;
    rig.config.min_off_ms = 300000;
    rig_create(&rig);
    const struct heater_caps *caps = host_caps(rig.host);
    assert_near(caps->min_w, 200, 0);
    assert_near(caps->max_w, 600, 0);
    assert_int_equal(caps->min_on_ms, 60000);
    assert_int_equal(caps->min_off_ms, 300000);
    assert_int_equal(rig_told(&rig, rig_order(&rig, 700, LEASE_MS), COMMAND_FAILED), 1);
    assert_int_equal(rig_told(&rig, rig_order(&rig, 150, LEASE_MS), COMMAND_FAILED), 1);
    rig_destroy(&rig);
}

static void tiers_outside_the_limits_disappear(void **state)
{
    (void)state;
    struct fake fake = fake_make();
    struct rig rig;
    fake.caps = (struct heater_caps){
        .min_w = 300, .max_w = 1200, .tier_w = {300, 700, 900, 1200}, .tier_count = 4};
    rig_prepare(&rig, &fake_driver, &fake);
    rig.config.min_w = 400;
    rig.config.max_w = 1000;
    rig_create(&rig);
    const struct heater_caps *caps = host_caps(rig.host);
    assert_int_equal(caps->tier_count, 2);
    assert_near(caps->min_w, 700, 0);
    assert_near(caps->max_w, 900, 0);
    assert_int_equal(rig_told(&rig, rig_order(&rig, 800, LEASE_MS), COMMAND_FAILED), 1);
    rig_destroy(&rig);
}

static void expect_refusal(struct fake *fake, double min_w, double max_w, const char *text)
{
    struct rig rig;
    rig_prepare(&rig, &fake_driver, fake);
    rig.config.min_w = min_w;
    rig.config.max_w = max_w;
    unsigned finis = fake->finis;
    assert_null(host_create(&rig.options, &rig.err));
    assert_non_null(strstr(rig.err.msg, text));
    assert_non_null(strstr(rig.err.msg, "heaters.ofen"));
    assert_int_equal(fake->finis, finis + 1);
}

static void a_heater_that_cannot_be_is_refused_at_the_start(void **state)
{
    (void)state;
    struct fake fake = fake_make();
    expect_refusal(&fake, 0, 50, "max_power");
    expect_refusal(&fake, 2000, 0, "min_power");
    fake.caps.min_w = 0;
    expect_refusal(&fake, 0, 0, "min_w");
    fake = fake_make();
    fake.caps.max_w = NAN;
    expect_refusal(&fake, 0, 0, "max_w");
    fake = fake_make();
    fake.caps.tier_w[0] = 500;
    fake.caps.tier_count = 1;
    expect_refusal(&fake, 0, 0, "tiers");
    fake = fake_make();
    fake.refuse_init = true;
    expect_refusal(&fake, 0, 0, "no such device");
}

static void the_host_says_when_it_is_due(void **state)
{
    (void)state;
    struct fake fake = fake_make();
    struct rig rig;
    rig_prepare(&rig, &fake_driver, &fake);
    rig_create(&rig);
    assert_true(host_due(rig.host).ms <= rig.now.ms);
    host_tick(rig.host, rig.now);
    (void)rig_order(&rig, 500, 700);
    assert_int_equal(host_due(rig.host).ms, rig.now.ms + 700);
    rig_destroy(&rig);
}

static void nothing_is_told_after_stop(void **state)
{
    (void)state;
    struct fake fake = fake_make();
    struct rig rig;
    rig_prepare(&rig, &fake_driver, &fake);
    rig_create(&rig);
    rig_run(&rig, 3000);
    host_stop(rig.host);
    host_stop(rig.host);
    host_stop(NULL);
    assert_int_equal(fake.finis, 1);
    host_destroy(rig.host);
    host_destroy(NULL);
    assert_int_equal(fake.finis, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_polled_and_delivered),
        cmocka_unit_test(a_command_is_confirmed_once_the_set_point_is_read_back),
        cmocka_unit_test(the_same_power_again_renews_without_writing),
        cmocka_unit_test(without_renewal_the_heater_goes_off_by_itself),
        cmocka_unit_test(off_needs_no_renewal),
        cmocka_unit_test(an_expired_command_never_reaches_the_device),
        cmocka_unit_test(refused_commands_fail_with_a_reason),
        cmocka_unit_test(a_silent_heater_is_lost_and_polled_ever_more_rarely),
        cmocka_unit_test(a_heater_that_never_answered_is_lost_after_the_deadline),
        cmocka_unit_test(a_heater_that_comes_back_is_told_again),
        cmocka_unit_test(a_lost_heater_whose_lease_ran_out_is_switched_off_when_it_is_back),
        cmocka_unit_test(disobedience_is_retried_then_failed_and_late_obedience_confirmed),
        cmocka_unit_test(a_renewal_learns_that_its_power_failed),
        cmocka_unit_test(a_meter_finds_a_lie),
        cmocka_unit_test(reported_power_is_the_evidence_without_a_set_point),
        cmocka_unit_test(a_modelled_power_proves_nothing_so_an_answer_is_believed),
        cmocka_unit_test(a_heater_that_says_it_strayed_is_brought_back_at_once),
        cmocka_unit_test(a_power_that_strays_for_a_moment_is_left_alone),
        cmocka_unit_test(writes_keep_their_distance_but_off_does_not_wait),
        cmocka_unit_test(what_was_so_already_keeps_no_distance),
        cmocka_unit_test(a_change_of_mind_before_the_write_costs_no_write),
        cmocka_unit_test(the_configuration_narrows_abilities),
        cmocka_unit_test(tiers_outside_the_limits_disappear),
        cmocka_unit_test(a_heater_that_cannot_be_is_refused_at_the_start),
        cmocka_unit_test(the_host_says_when_it_is_due),
        cmocka_unit_test(nothing_is_told_after_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
