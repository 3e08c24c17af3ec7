/* What the supervision promises of devices that restart, change places, wear out, fall ill and come
 * late, each in virtual time. */
#include <string.h>

#include "ground/text.h"
#include "tests/devices/rig.h"

#define LEASE_MS 86400000
#define MAC_A    "aa:bb:cc:00:00:01"
#define MAC_B    "aa:bb:cc:00:00:02"

static struct fake made(const char *identity)
{
    struct fake fake = fake_make();
    (void)text_copy(fake.identity, sizeof fake.identity, identity);
    return fake;
}

static void begin(struct rig *rig, struct fake *fake)
{
    rig_prepare(rig, &fake_driver, fake);
    rig_create(rig);
    host_set_day(rig->host, 20000, 0);
}

/* --- polls ---------------------------------------------------------------------------------- */

/* The owner's tick is a second, give or take a millisecond. */
static void a_tick_that_comes_a_little_early_delays_no_poll(void **state)
{
    (void)state;
    struct fake fake = fake_make();
    struct rig rig;
    begin(&rig, &fake);
    host_tick(rig.host, rig.now);
    const int64_t period_ms = fake_driver.poll_ms;
    for (int k = 0; k < 5; k++) {
        const unsigned before = fake.polls;
        const hb_mono early = mono_add_ms(fake.last_poll, period_ms - 1);
        host_tick(rig.host, mono_add_ms(early, -period_ms / 2));
        assert_int_equal(fake.polls, before); /* not as early as that */
        host_tick(rig.host, early);
        assert_int_equal(fake.polls, before + 1);
    }
    rig_destroy(&rig);
}

/* --- restarts --------------------------------------------------------------------------------- */

static void a_restart_that_no_poll_missed_is_seen_by_the_uptime(void **state)
{
    (void)state;
    struct fake fake = fake_make();
    struct rig rig;
    fake.no_set_point = true; /* nothing but the uptime tells */
    fake.booted = (hb_mono){1};
    begin(&rig, &fake);
    (void)rig_order(&rig, 0, LEASE_MS);
    rig_run(&rig, 60000);
    assert_int_equal(fake.commits, 1);
    fake.boot_w = 900;
    fake_pull(&fake);
    fake_plug_in(&fake, rig.now);
    rig_run(&rig, 2000); /* one poll and the tick after it */
    assert_int_equal(fake.commits, 2);
    assert_near(fake.set_w, 0, 0);
    rig_run(&rig, 600000);
    assert_int_equal(fake.commits, 2);
    rig_destroy(&rig);
}

static void a_power_cut_is_undone_within_one_poll_of_the_answer(void **state)
{
    (void)state;
    struct fake fake = made(MAC_A);
    struct rig rig;
    fake.boot_w = 1000;
    begin(&rig, &fake);
    rig_run(&rig, 5000);
    (void)rig_order(&rig, 0, LEASE_MS);
    rig_run(&rig, 60000);
    fake_pull(&fake);
    rig_run(&rig, 30000);
    assert_int_equal(rig.state.link, HEATER_LINK_LOST);
    fake_plug_in(&fake, rig.now);
    hb_mono back = rig.now;
    while (fake.set_w > 0) {
        rig_run(&rig, 500);
        assert_true(mono_age_ms(rig.now, back) <= 17000);
    }
    assert_int_equal(rig.state.link, HEATER_LINK_OK);
    rig_destroy(&rig);
}

static void a_device_that_kept_its_setting_is_not_written_again(void **state)
{
    (void)state;
    struct fake fake = made(MAC_A);
    struct rig rig;
    fake.wears = true;
    fake.booted = (hb_mono){1};
    begin(&rig, &fake);
    rig_run(&rig, 5000);
    (void)rig_order(&rig, 500, LEASE_MS);
    rig_run(&rig, 60000);
    fake_pull(&fake);
    rig_run(&rig, 30000);
    fake_plug_in(&fake, rig.now);
    rig_run(&rig, 60000);
    assert_int_equal(rig.state.link, HEATER_LINK_OK);
    assert_int_equal(fake.commits, 1);
    rig_destroy(&rig);
}

static void a_restart_by_our_own_write_is_left_in_peace(void **state)
{
    (void)state;
    struct fake fake = fake_make();
    struct rig rig;
    fake.caps.restarts_on_change = true;
    fake.caps.settle_ms = 120000;
    fake.no_set_point = true;
    fake.booted = (hb_mono){1};
    begin(&rig, &fake);
    rig_run(&rig, 5000);
    (void)rig_order(&rig, 500, LEASE_MS);
    fake_pull(&fake);
    rig_run(&rig, 20000);
    fake_plug_in(&fake, rig.now);
    rig_run(&rig, 600000);
    assert_int_equal(fake.commits, 1);
    fake_plug_in(&fake, rig.now); /* this one was not us */
    rig_run(&rig, 2000);
    assert_int_equal(fake.commits, 2);
    rig_destroy(&rig);
}

/* --- identity --------------------------------------------------------------------------------- */

static void the_first_identity_is_remembered_and_another_one_is_not_commanded(void **state)
{
    (void)state;
    struct fake fake = made(MAC_A);
    struct rig rig;
    struct heater_record record;
    begin(&rig, &fake);
    fake.power_from = PROVENANCE_REPORTED;
    rig_run(&rig, 5000);
    (void)rig_order(&rig, 500, LEASE_MS);
    rig_run(&rig, 10000);
    assert_true(host_take_record(rig.host, &record));
    assert_string_equal(record.identity, MAC_A);
    assert_string_equal(rig.state.identity, MAC_A);
    struct fake other = made(MAC_B);
    other.power_from = PROVENANCE_REPORTED;
    other.set_w = 900;
    fake = other; /* it answers at the address now */
    rig_run(&rig, 5000);
    unsigned polls = fake.polls;
    for (double power_w = 100; power_w <= 1000; power_w += 100) {
        (void)rig_order(&rig, power_w, LEASE_MS);
        rig_run(&rig, 10000);
    }
    (void)rig_order(&rig, 0, LEASE_MS);
    rig_run(&rig, 10000);
    assert_int_equal(fake.commits, 0);
    assert_true(fake.polls > polls + 100); /* at the usual pace */
    assert_int_equal(rig.state.health, HEATER_WRONG_DEVICE);
    assert_int_equal(rig.state.link, HEATER_LINK_LOST);
    assert_false(mono_is_set(rig.state.power_w.at)); /* its readings are not the heater's */
    assert_true(isnan(rig.state.applied_w));
    assert_string_equal(rig.state.problem_text,
                        "another device (" MAC_B ") answers at its address, expected " MAC_A
                        ": correct the address, or set heaters.ofen.identity to the new one");
    assert_string_equal(host_stranger(rig.host), MAC_B);
    fake = made(MAC_A);
    fake.set_w = 700;
    rig_run(&rig, 3000);
    assert_near(fake.set_w, 0, 0);
    assert_int_equal(rig.state.health, HEATER_HEALTHY);
    assert_false(rig.state.problem);
    rig_destroy(&rig);
}

static void a_device_that_changed_its_address_between_two_polls_gets_nothing(void **state)
{
    (void)state;
    struct fake fake = made(MAC_A);
    struct rig rig;
    struct heater_driver slow = fake_driver;
    slow.poll_ms = 30000;
    rig_prepare(&rig, &slow, &fake);
    rig_create(&rig);
    rig_run(&rig, 65000);
    rig_run(&rig, 15000); /* the last answer is long ago */
    struct fake other = made(MAC_B);
    fake = other;
    (void)rig_order(&rig, 800, LEASE_MS);
    rig_run(&rig, 120000);
    assert_int_equal(fake.commits, 0);
    assert_int_equal(rig.state.health, HEATER_WRONG_DEVICE);
    fake = made(MAC_A);
    rig_run(&rig, 31000);
    assert_near(fake.set_w, 800, 0);
    rig_destroy(&rig);
}

static void a_command_to_a_known_device_asks_it_first_and_does_not_wait_long(void **state)
{
    (void)state;
    struct fake fake = made(MAC_A);
    struct rig rig;
    struct heater_driver slow = fake_driver;
    slow.poll_ms = 30000;
    rig_prepare(&rig, &slow, &fake);
    rig_create(&rig);
    rig_run(&rig, 65000);
    rig_run(&rig, 15000);
    unsigned polls = fake.polls;
    (void)rig_order(&rig, 800, LEASE_MS);
    rig_run(&rig, 2000);
    assert_int_equal(fake.commits, 1);
    assert_int_equal(fake.polls, polls + 1);
    rig_destroy(&rig);
}

static void a_pinned_identity_goes_before_the_remembered_one(void **state)
{
    (void)state;
    struct fake fake = made(MAC_B);
    struct rig rig;
    struct heater_record record = {.driver = "fake", .identity = MAC_A, .pool = "old:1"};
    rig_prepare(&rig, &fake_driver, &fake);
    (void)text_copy(rig.config.identity, sizeof rig.config.identity, "AA-BB-CC-00-00-02");
    rig_create(&rig);
    host_restore(rig.host, &record, rig.now);
    host_set_day(rig.host, 20000, 0);
    (void)rig_order(&rig, 500, LEASE_MS);
    rig_run(&rig, 5000);
    assert_near(fake.set_w, 500, 0);
    (void)host_take_record(rig.host, &record);
    assert_string_equal(record.identity, MAC_B);
    assert_string_equal(record.pool, "");
    rig_destroy(&rig);
}

/* --- writes ----------------------------------------------------------------------------------- */

static void writes_of_a_day_are_limited_spread_and_counted(void **state)
{
    (void)state;
    struct fake fake = fake_make();
    struct rig rig;
    fake.wears = true;
    fake.caps.max_writes_per_day = 50;
    rig_prepare(&rig, &fake_driver, &fake);
    rig.config.max_writes_per_day = 6; /* the owner may lower it */
    rig_create(&rig);
    host_set_day(rig.host, 20000, 0);
    for (int minute = 0; minute < 1440; minute++) {
        host_set_day(rig.host, 20000, minute / 1440.0);
        /* A thermostat that cannot make up its mind. */
        (void)rig_order(&rig, 500 + 20 * (minute % 5), LEASE_MS);
        rig_run(&rig, 60000);
        if (minute == 720) {
            assert_in_range(fake.writes, 2, 4); /* not spent before noon */
        }
        rig.outcome_count = 0;
    }
    assert_in_range(fake.writes, 3, 4); /* a quarter is kept for what matters */
    assert_int_equal(rig.state.care.wearing_today, fake.writes);
    assert_int_equal(rig.state.care.max_writes_per_day, 6);
    assert_int_equal(rig.state.care.waits_for, HEATER_WAIT_WRITES);
    assert_false(rig.state.problem);      /* to wait is no failure */
    (void)rig_order(&rig, 900, LEASE_MS); /* a large change */
    rig_run(&rig, 10000);
    assert_near(fake.set_w, 900, 0);
    (void)rig_order(&rig, 300, LEASE_MS);
    rig_run(&rig, 10000);
    assert_near(fake.set_w, 300, 0);
    unsigned before = fake.writes;
    (void)rig_order(&rig, 1000, LEASE_MS);
    rig_run(&rig, 10000);
    assert_true(fake.writes == before || before < 6);
    (void)rig_order(&rig, 0, LEASE_MS); /* always */
    rig_run(&rig, 10000);
    assert_near(fake.set_w, 0, 0);
    (void)rig_order(&rig, 600, LEASE_MS);
    rig_run(&rig, 60000);
    assert_near(fake.set_w, 0, 0); /* spent */
    assert_true(rig_warned(&rig, "are spent"));
    host_set_day(rig.host, 20001, 0);
    rig_run(&rig, 60000);
    assert_near(fake.set_w, 600, 0);
    assert_int_equal(rig.state.care.wearing_today, 1);
    rig_destroy(&rig);
}

static void counts_survive_a_restart_of_the_program(void **state)
{
    (void)state;
    struct fake fake = made(MAC_A);
    struct rig rig;
    struct heater_record record;
    fake.wears = true;
    fake.caps.max_writes_per_day = 6;
    begin(&rig, &fake);
    rig_run(&rig, 2000);
    for (int i = 0; i < 6; i++) {
        (void)rig_order(&rig, i % 2 == 0 ? 1000 : 200, LEASE_MS);
        rig_run(&rig, 10000);
    }
    assert_int_equal(fake.writes, 6);
    assert_true(host_take_record(rig.host, &record));
    rig_destroy(&rig);
    begin(&rig, &fake); /* takes over a day that is given anew */
    host_restore(rig.host, &record, rig.now);
    host_set_day(rig.host, 20000, 0.5);
    (void)rig_order(&rig, 1000, LEASE_MS);
    rig_run(&rig, 60000);
    assert_near(fake.set_w, 200, 0);
    assert_int_equal(rig.state.care.flash_writes, 6);
    assert_int_equal(rig.state.care.wearing_today, 6);
    rig_destroy(&rig);
}

static void a_device_that_does_not_obey_is_not_worn_out(void **state)
{
    (void)state;
    struct fake fake = fake_make();
    struct rig rig;
    fake.deaf = true;
    fake.caps.max_writes_per_day = 24;
    begin(&rig, &fake);
    rig_run(&rig, 2000);
    uint64_t seq = rig_order(&rig, 800, LEASE_MS);
    rig_run(&rig, 86000000);
    assert_in_range(fake.commits, 20, 200); /* of 1,433 minutes */
    assert_int_equal(rig_told(&rig, seq, COMMAND_FAILED), 1);
    assert_int_equal(rig.state.health, HEATER_NOT_OBEYING);
    rig_destroy(&rig);
}

/* --- outcomes --------------------------------------------------------------------------------- */

static void a_failure_says_why(void **state)
{
    (void)state;
    struct fake fake = fake_make();
    struct rig rig;
    fake.deaf = true;
    begin(&rig, &fake);
    rig_run(&rig, 2000);
    (void)rig_order(&rig, 800, LEASE_MS);
    rig_run(&rig, 60000);
    assert_int_equal(rig.outcome[0].result, COMMAND_FAILED);
    assert_string_equal(rig.outcome[0].why, "expected 800 W, it says 0 W");
    (void)rig_order(&rig, 5, LEASE_MS);
    assert_string_equal(rig.outcome[1].why, "expected 0 W or 100 W to 1000 W, got 5 W");
    fake.deaf = false;
    rig_run(&rig, 130000);
    assert_int_equal(rig.outcome[2].result, COMMAND_CONFIRMED);
    assert_string_equal(rig.outcome[2].why, "");
    rig_destroy(&rig);
}

/* --- known before it answers ------------------------------------------------------------------ */

static void an_unplugged_heater_is_known_from_last_time(void **state)
{
    (void)state;
    struct fake fake = fake_make();
    struct rig rig;
    struct heater_record record = {.driver = "fake",
                                   .identity = MAC_A,
                                   .model = "Gamma",
                                   .caps_known = true,
                                   .caps = {.min_w = 10, .max_w = 20, .settle_ms = 1000}};
    fake.pulled = true;
    begin(&rig, &fake);
    host_restore(rig.host, &record, rig.now);
    assert_near(host_caps(rig.host)->max_w, 20, 0);
    (void)rig_order(&rig, 15, LEASE_MS);
    rig_run(&rig, 60000);
    assert_int_equal(rig.state.link, HEATER_LINK_LOST);
    assert_string_equal(rig.state.identity, MAC_A);
    assert_string_equal(rig.state.model, "Gamma");
    assert_int_equal(fake.commits, 0);
    (void)text_copy(fake.identity, sizeof fake.identity, MAC_A);
    fake_plug_in(&fake, rig.now);
    rig_run(&rig, 20000);
    assert_int_equal(rig.state.link, HEATER_LINK_OK);
    assert_near(fake.set_w, 15, 0);
    rig_destroy(&rig);
}

static void a_record_of_another_driver_or_without_sense_is_not_used(void **state)
{
    (void)state;
    struct fake fake = fake_make();
    struct rig rig;
    struct heater_record record = {.driver = "other",
                                   .identity = MAC_A,
                                   .caps_known = true,
                                   .caps = {.min_w = 10, .max_w = 20}};
    begin(&rig, &fake);
    host_restore(rig.host, &record, rig.now);
    assert_near(host_caps(rig.host)->max_w, 1000, 0);
    assert_string_equal(host_identity(rig.host), "");
    (void)text_copy(record.driver, sizeof record.driver, "fake");
    record.caps.max_w = NAN;
    host_restore(rig.host, &record, rig.now);
    assert_near(host_caps(rig.host)->max_w, 1000, 0);
    assert_string_equal(host_identity(rig.host), MAC_A);
    rig_destroy(&rig);
}

/* --- health ----------------------------------------------------------------------------------- */

static void a_stalled_heater_is_switched_off_and_on_once(void **state)
{
    (void)state;
    struct fake fake = fake_make();
    struct rig rig;
    fake.hash_per_j = 1e9;
    fake.share_every_s = 30;
    begin(&rig, &fake);
    rig_run(&rig, 2000);
    uint64_t seq = rig_order(&rig, 1000, LEASE_MS);
    rig_run(&rig, 1800000);
    assert_int_equal(rig.state.health, HEATER_HEALTHY);
    assert_int_equal(fake.commits, 1);
    fake.flatline = true;
    while (fake.commits == 1 && rig.now.ms < 3600000 + 1802000 + 900000) {
        rig_run(&rig, 1000);
    }
    assert_near(fake.set_w, 0, 0);
    assert_int_equal(rig.state.health, HEATER_STALLED);
    rig_run(&rig, 40000);
    assert_near(fake.set_w, 1000, 0);
    assert_int_equal(rig.state.care.recoveries, 1);
    assert_true(rig.state.problem);
    rig_run(&rig, 7200000);
    assert_int_equal(fake.commits, 3);
    fake.flatline = false;
    rig_run(&rig, 120000);
    assert_int_equal(rig.state.health, HEATER_HEALTHY);
    assert_int_equal(rig_told(&rig, seq, COMMAND_FAILED), 0);
    rig_destroy(&rig);
}

static void an_overheated_heater_comes_back_one_step_lower_until_tomorrow(void **state)
{
    (void)state;
    struct fake fake = fake_make();
    struct rig rig;
    fake.caps = (struct heater_caps){
        .min_w = 400, .max_w = 850, .tier_w = {400, 650, 850}, .tier_count = 3, .settle_ms = 5000};
    rig_prepare(&rig, &fake_restarting_driver, &fake);
    rig_create(&rig);
    host_set_day(rig.host, 20000, 0);
    rig_run(&rig, 6000);
    (void)rig_order(&rig, 850, LEASE_MS);
    rig_run(&rig, 60000);
    fake.health = HEATER_OVERHEATED;
    fake.chip_c = 72;
    rig_run(&rig, 600000);
    assert_int_equal(rig.state.health, HEATER_OVERHEATED);
    assert_int_equal(fake.recoveries, 0);
    fake.chip_c = 48;
    rig_run(&rig, 20000);
    assert_int_equal(fake.recoveries, 1);
    assert_int_equal(rig.told_caps, 1);
    assert_near(rig.caps.max_w, 650, 0);
    assert_int_equal(rig_told(&rig, rig_order(&rig, 850, LEASE_MS), COMMAND_FAILED), 1);
    fake.health = HEATER_OVERHEATED; /* once more that day */
    rig_run(&rig, 3600000);
    assert_int_equal(fake.recoveries, 1);
    assert_true(rig.state.problem);
    host_set_day(rig.host, 20001, 0);
    assert_int_equal(rig.told_caps, 2);
    assert_near(rig.caps.max_w, 850, 0);
    rig_destroy(&rig);
}

static void a_changed_pool_is_told_without_telling_it(void **state)
{
    (void)state;
    struct fake fake = fake_make();
    struct rig rig;
    (void)text_copy(fake.pool, sizeof fake.pool, "pool.example:3333");
    (void)text_copy(fake.pool_user, sizeof fake.pool_user, "bc1qowner.desk");
    begin(&rig, &fake);
    rig_run(&rig, 10000);
    (void)text_copy(fake.pool_user, sizeof fake.pool_user, "bc1qthief.desk");
    rig_run(&rig, 120000);
    assert_int_equal(rig.state.health, HEATER_CONFIG_DRIFT);
    assert_true(rig.state.problem);
    assert_true(rig_warned(&rig, "config_drift"));
    assert_false(rig_warned(&rig, "thief"));
    assert_false(rig_warned(&rig, "owner"));
    (void)text_copy(fake.pool_user, sizeof fake.pool_user, "bc1qowner.desk");
    rig_run(&rig, 10000);
    assert_int_equal(rig.state.health, HEATER_HEALTHY);
    rig_destroy(&rig);
}

/* --- meter ------------------------------------------------------------------------------------ */

static void a_meter_teaches_what_is_used_while_it_is_silent(void **state)
{
    (void)state;
    struct fake fake = fake_make();
    struct rig rig;
    struct heater_record record;
    fake.power_from = PROVENANCE_REPORTED;
    rig_prepare(&rig, &fake_driver, &fake);
    rig.config.power_meter.stale_after_ms = 60000;
    rig_create(&rig);
    host_set_day(rig.host, 20000, 0);
    rig_run(&rig, 2000);
    (void)rig_order(&rig, 800, LEASE_MS);
    for (int i = 0; i < 30; i++) {
        rig_run(&rig, 10000);
        host_metered(rig.host, 880, rig.now); /* its power supply */
    }
    rig_run(&rig, 2000);
    assert_near(rig.state.power_w.value, 880, 0);
    assert_int_equal(rig.state.power_w.from, PROVENANCE_METERED);
    assert_near(rig.state.care.calibration, 1.1, 0.001);
    rig_run(&rig, 70000);
    assert_near(rig.state.power_w.value, 880, 0.5);
    assert_int_equal(rig.state.power_w.from, PROVENANCE_REPORTED); /* it is still its own word */
    (void)host_take_record(rig.host, &record);
    rig_destroy(&rig);
    begin(&rig, &fake);
    host_restore(rig.host, &record, rig.now);
    rig_run(&rig, 2000);
    assert_near(rig.state.power_w.value, 880, 0.5);
    rig_destroy(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tick_that_comes_a_little_early_delays_no_poll),
        cmocka_unit_test(a_restart_that_no_poll_missed_is_seen_by_the_uptime),
        cmocka_unit_test(a_power_cut_is_undone_within_one_poll_of_the_answer),
        cmocka_unit_test(a_device_that_kept_its_setting_is_not_written_again),
        cmocka_unit_test(a_restart_by_our_own_write_is_left_in_peace),
        cmocka_unit_test(the_first_identity_is_remembered_and_another_one_is_not_commanded),
        cmocka_unit_test(a_device_that_changed_its_address_between_two_polls_gets_nothing),
        cmocka_unit_test(a_command_to_a_known_device_asks_it_first_and_does_not_wait_long),
        cmocka_unit_test(a_pinned_identity_goes_before_the_remembered_one),
        cmocka_unit_test(writes_of_a_day_are_limited_spread_and_counted),
        cmocka_unit_test(counts_survive_a_restart_of_the_program),
        cmocka_unit_test(a_device_that_does_not_obey_is_not_worn_out),
        cmocka_unit_test(a_failure_says_why),
        cmocka_unit_test(an_unplugged_heater_is_known_from_last_time),
        cmocka_unit_test(a_record_of_another_driver_or_without_sense_is_not_used),
        cmocka_unit_test(a_stalled_heater_is_switched_off_and_on_once),
        cmocka_unit_test(an_overheated_heater_comes_back_one_step_lower_until_tomorrow),
        cmocka_unit_test(a_changed_pool_is_told_without_telling_it),
        cmocka_unit_test(a_meter_teaches_what_is_used_while_it_is_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
