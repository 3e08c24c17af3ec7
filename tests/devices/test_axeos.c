/* An AxeOS device without a network: which setting is chosen, what is written next, what is told.
 */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "devices/axeos_device.h"

#define DATA "tests/data/devices/axeos/"

static struct axeos_info read_info(const char *file)
{
    struct reply_faults faults = {0};
    struct axeos_info info;
    size_t len = 0;
    char *text = test_read_file(file, &len);
    assert_true(axeos_read_info(text, len, &info, &faults));
    free(text);
    return info;
}

static struct axeos_asic read_asic(const char *file)
{
    struct reply_faults faults = {0};
    struct axeos_asic asic;
    size_t len = 0;
    char *text = test_read_file(file, &len);
    assert_true(axeos_read_asic(text, len, &asic, &faults));
    free(text);
    return asic;
}

/* --- operating points ------------------------------------------------------------------------- */

static struct axeos_device gamma_device(void)
{
    struct axeos_device d = {.known = true};
    const struct axeos_asic asic = read_asic(DATA "composed_gamma_602_v2.14_asic.json");
    d.info = read_info(DATA "composed_gamma_602_v2.14_info.json");
    axeos_points_make(&d.points, &asic, &d.info);
    axeos_make_caps(&d, (hb_mono){1}, &d.caps);
    return d;
}

static void points_come_from_the_device_and_stay_at_its_default(void **state)
{
    (void)state;
    struct axeos_device d = gamma_device();
    const struct axeos_points *points = &d.points;
    assert_int_equal(points->count, 3);
    assert_near(points->at[0].mhz, 400, 0);
    assert_near(points->at[0].mv, 1060, 0);
    assert_near(points->at[1].mhz, 490, 0);
    assert_near(points->at[1].mv, 1150, 0);
    assert_near(points->at[2].mhz, 525, 0); /* the default: nothing above it */
    assert_near(points->at[2].mv, 1150, 0);
    assert_near(points->at[2].watts, 18, 0.1);
    assert_near(points->at[0].watts, 5 + 13 * 400 * 1060.0 * 1060 / (525 * 1150.0 * 1150), 0.1);
    const struct axeos_asic asic = read_asic(DATA "composed_gamma_602_v2.14_asic.json");
    d.info.overclock = 1;
    axeos_points_make(&d.points, &asic, &d.info);
    assert_near(points->at[points->count - 1].mhz, 625, 0);
    assert_near(points->at[points->count - 1].mv, 1250, 0);
    d.info.max_power_w = 20;
    axeos_points_make(&d.points, &asic, &d.info);
    assert_true(points->at[points->count - 1].watts <= 20);
}

static void points_follow_the_line_that_the_device_names(void **state)
{
    (void)state;
    struct axeos_points points;
    struct axeos_info info = read_info(DATA "composed_nerdqaxe_v1.0.36_info.json");
    struct axeos_asic asic = read_asic(DATA "composed_nerdqaxe_v1.0.36_asic.json");
    asic.eco_mhz = 500;
    asic.eco_mv = 1120;
    axeos_points_make(&points, &asic, &info);
    assert_near(points.at[0].mhz, 500, 0);
    assert_near(points.at[0].mv, 1120, 0);
    assert_near(points.at[points.count - 1].mhz, 600, 0);
    assert_near(points.at[points.count - 1].mv, 1150, 0);
}

/* One write instead of two where every off and on is a change of settings. */
static void old_firmware_keeps_its_voltage(void **state)
{
    (void)state;
    struct axeos_asic asic;
    struct axeos_points points;
    const struct axeos_info info = read_info(DATA "bitaxe_supra_401_v2.4.5_info.json");
    assert_false(axeos_chip_settings("BM9999", &asic));
    assert_true(axeos_chip_settings(info.asic, &asic));
    axeos_points_make(&points, &asic, &info);
    assert_true(points.count >= 3);
    for (size_t i = 0; i < points.count; i++) {
        assert_near(points.at[i].mv, 1166, 0);
    }
    assert_near(points.at[points.count - 1].mhz, 490, 0);
}

static void watts_are_learnt_from_reports(void **state)
{
    (void)state;
    struct axeos_device d = gamma_device();
    struct axeos_points *points = &d.points;
    axeos_points_learn(points, 2, 20);
    assert_near(points->at[2].watts, 20, 1e-9);
    assert_true(points->at[0].watts > 11.5); /* the model was scaled with it: 15 / 13 */
    assert_false(points->at[0].learnt);
    axeos_points_learn(points, 2, 21);
    assert_near(points->at[2].watts, 20.2, 1e-9);
    axeos_points_learn(points, 2, 5); /* stands still */
    axeos_points_learn(points, 2, NAN);
    axeos_points_learn(points, 2, 500);
    assert_near(points->at[2].watts, 20.2, 1e-9);
}

static void what_was_learnt_outlives_a_restart(void **state)
{
    (void)state;
    struct axeos_device d = gamma_device(), later = gamma_device();
    char text[HEATER_MEMORY_MAX];
    axeos_points_learn(&d.points, 2, 19.5);
    assert_int_equal(axeos_points_learnt(&d.points), 1);
    axeos_points_keep(&d.points, d.info.mac, text, sizeof text);
    assert_string_equal(text, "2c:54:91:88:c9:e3 525:19.5");
    axeos_points_recall(&later.points, "aa:bb:cc:dd:ee:ff", text); /* of another device */
    assert_int_equal(axeos_points_learnt(&later.points), 0);
    axeos_points_recall(&later.points, later.info.mac, text);
    assert_near(later.points.at[2].watts, 19.5, 0);
    static const char *const broken[] = {"2c:54:91:88:c9:e3 400", "2c:54:91:88:c9:e3 400:x 490:",
                                         "2c:54:91:88:c9:e3 400:9999 7:13", "2c:54:91:88:c9:e3 : "};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        axeos_points_recall(&later.points, later.info.mac, broken[i]);
        assert_int_equal(axeos_points_learnt(&later.points), 1);
    }
}

static void tiers_ascend_whatever_was_learnt(void **state)
{
    (void)state;
    struct axeos_device d = gamma_device();
    struct heater_caps caps = {0};
    d.points.at[0].watts = 19;
    axeos_points_tiers(&d.points, 2, &caps);
    assert_int_equal(caps.tier_count, 3);
    assert_true(caps.tier_w[0] < caps.tier_w[1] && caps.tier_w[1] < caps.tier_w[2]);
    assert_near(caps.min_w, caps.tier_w[0], 0);
    assert_near(caps.max_w, caps.tier_w[2], 0);
    assert_int_equal(axeos_tier_for(&caps, 1), 0);
    assert_int_equal(axeos_tier_for(&caps, 100), 2);
}

/* --- steering --------------------------------------------------------------------------------- */

static void expect_step(const struct axeos_info *info, struct axeos_goal *goal, bool ramped,
                        enum axeos_act act, double value)
{
    const struct axeos_step step = axeos_next_step(info, goal, ramped);
    assert_int_equal(step.act, act);
    assert_near(step.value, value, 0);
}

static void voltage_goes_up_first_and_down_last(void **state)
{
    (void)state;
    struct axeos_info info = gamma_device().info;
    struct axeos_goal up = {.on = true, .mhz = 525, .mv = 1150};
    struct axeos_goal down = {.on = true, .mhz = 400, .mv = 1060};
    info.frequency_mhz = 400;
    info.voltage_mv = 1060;
    info.actual_mhz = 400;
    expect_step(&info, &up, true, AXEOS_SET_VOLTAGE, 1150);
    info.voltage_mv = 1150;
    expect_step(&info, &up, true, AXEOS_SET_FREQUENCY, 525);
    info.frequency_mhz = 525;
    expect_step(&info, &up, true, AXEOS_REACHED, 0);
    info.actual_mhz = 525;
    expect_step(&info, &down, true, AXEOS_SET_FREQUENCY, 400);
    info.frequency_mhz = 400; /* and the chips still run faster */
    expect_step(&info, &down, true, AXEOS_WAIT, 0);
    info.actual_mhz = NAN; /* older firmware does not say */
    expect_step(&info, &down, false, AXEOS_WAIT, 0);
    expect_step(&info, &down, true, AXEOS_SET_VOLTAGE, 1060);
    info.voltage_mv = 1060;
    expect_step(&info, &down, true, AXEOS_REACHED, 0);
}

static void what_is_equal_or_unknown_is_not_written(void **state)
{
    (void)state;
    struct axeos_info info = gamma_device().info;
    struct axeos_goal goal = {.on = true, .mhz = 525, .mv = 1150};
    info.voltage_mv = 1100; /* its owner found that less will do */
    expect_step(&info, &goal, true, AXEOS_REACHED, 0);
    info.voltage_mv = NAN;
    info.frequency_mhz = 400;
    expect_step(&info, &goal, true, AXEOS_WAIT, 0);
}

static void off_is_what_the_firmware_can(void **state)
{
    (void)state;
    struct axeos_info info = gamma_device().info;
    struct axeos_goal off = {.mhz = 400, .mv = 1060}, on = {.on = true, .mhz = 525, .mv = 1150};
    expect_step(&info, &off, true, AXEOS_PAUSE, 0);
    info.paused = 1;
    expect_step(&info, &off, true, AXEOS_REACHED, 0);
    expect_step(&info, &on, true, AXEOS_RESUME, 0);
    info.kind = AXEOS_PLAIN;
    info.paused = -1;
    expect_step(&info, &off, true, AXEOS_SET_FREQUENCY, 400);
    info.kind = AXEOS_NERD;
    info.shut_down = 0;
    expect_step(&info, &off, true, AXEOS_SHUT_DOWN, 0);
    info.shut_down = 1;
    expect_step(&info, &off, true, AXEOS_REACHED, 0);
    expect_step(&info, &on, true, AXEOS_RESTART, 0);
}

/* --- flash memory ----------------------------------------------------------------------------- */

static void small_steps_down_are_made_by_pauses(void **state)
{
    (void)state;
    const struct axeos_device d = gamma_device();
    struct axeos_flash flash = {0};
    hb_mono now = {100000000};
    struct axeos_plan plan = axeos_choose(&d.points, AXEOS_PAUSES, 2, 1, &flash, now);
    assert_int_equal(plan.index, 1); /* nothing was written lately */
    axeos_flash_wrote(&flash, now);
    now = mono_add_ms(now, 600000);
    plan = axeos_choose(&d.points, AXEOS_PAUSES, 2, 1, &flash, now);
    assert_int_equal(plan.index, 2);
    assert_near(plan.duty, d.points.at[1].watts / d.points.at[2].watts, 1e-9);
    plan = axeos_choose(&d.points, AXEOS_PAUSES, 2, 0, &flash, now); /* not small */
    assert_int_equal(plan.index, 0);
    plan = axeos_choose(&d.points, AXEOS_NERD, 2, 1, &flash, now); /* cannot pause */
    assert_int_equal(plan.index, 1);
}

static void a_day_has_so_many_writes(void **state)
{
    (void)state;
    const struct axeos_device d = gamma_device();
    struct axeos_flash flash = {0};
    hb_mono now = {100000000};
    for (int i = 0; i < AXEOS_FLASH_A_DAY; i++) {
        assert_true(axeos_flash_allows(&flash, 1, now));
        axeos_flash_wrote(&flash, now);
        now = mono_add_ms(now, 3600000);
    }
    assert_false(axeos_flash_allows(&flash, 1, now));
    struct axeos_plan plan = axeos_choose(&d.points, AXEOS_PAUSES, 2, 0, &flash, now);
    assert_int_equal(plan.index, 2);
    assert_true(plan.duty < 0.8); /* pauses do it instead */
    assert_false(plan.starved);
    plan = axeos_choose(&d.points, AXEOS_PAUSES, 0, 2, &flash, now);
    assert_int_equal(plan.index, 0);
    assert_true(plan.starved);
    now = mono_add_ms(now, 86400000);
    plan = axeos_choose(&d.points, AXEOS_PAUSES, 0, 2, &flash, now);
    assert_int_equal(plan.index, 2);
}

static void pauses_make_the_ratio(void **state)
{
    (void)state;
    struct axeos_duty duty = {0};
    bool paused = false;
    int64_t on_ms = 0, off_ms = 0, changes = 0, off_now = 0, off_most = 0;
    for (hb_mono now = {1000000}; now.ms < 1000000 + 36000000; now.ms += 10000) {
        const bool pause = axeos_duty_pauses(&duty, 0.85, paused, now);
        changes += pause != paused;
        paused = pause;
        off_now = paused ? off_now + 10000 : 0;
        off_most = off_now > off_most ? off_now : off_most;
        *(paused ? &off_ms : &on_ms) += 10000;
    }
    assert_near((double)on_ms / (double)(on_ms + off_ms), 0.85, 0.02);
    assert_in_range(off_most, 30000, 60000);
    assert_in_range(changes, 100, 300);
}

/* --- reports ---------------------------------------------------------------------------------- */

static struct heater_state state_of(const struct axeos_device *d, hb_mono now)
{
    const struct reply_faults faults = {0};
    struct heater_state state;
    axeos_make_state(d, &faults, false, now, &state);
    assert_true(state.problem == (state.problem_text[0] != '\0'));
    return state;
}

static void order(struct axeos_device *d, double power_w)
{
    const size_t index = power_w > 0 ? axeos_tier_for(&d->caps, power_w) : 0;
    d->order = (struct axeos_order){
        .given = true,
        .planned = true,
        .exact = true,
        .power_w = power_w,
        .plan = {.index = index, .duty = 1},
        .goal = {.on = power_w > 0, .mhz = d->points.at[index].mhz, .mv = d->points.at[index].mv}};
}

static void applied_is_what_the_device_says(void **state)
{
    (void)state;
    const hb_mono now = {5000000};
    struct axeos_device d = gamma_device();
    assert_near(state_of(&d, now).applied_w, 18, 0.1); /* without any order */
    order(&d, d.caps.tier_w[2]);
    d.points.at[2].watts = 18.7; /* learnt since */
    assert_near(state_of(&d, now).applied_w, d.caps.tier_w[2], 0);
    d.info.paused = 1;
    assert_near(state_of(&d, now).applied_w, 0, 0);
    d.info.paused = 0;
    d.info.frequency_mhz = 490; /* somebody else did that */
    assert_near(state_of(&d, now).applied_w, d.points.at[1].watts, 0);
    d.info.frequency_mhz = NAN;
    assert_true(isnan(state_of(&d, now).applied_w));
}

static void old_firmware_at_its_floor_asks_for_a_plug(void **state)
{
    (void)state;
    struct axeos_device d = gamma_device();
    d.info.kind = AXEOS_PLAIN;
    d.info.paused = -1;
    order(&d, 0);
    assert_true(state_of(&d, (hb_mono){5000000}).applied_w > 0); /* not there yet */
    d.info.frequency_mhz = 400;
    const struct heater_state told = state_of(&d, (hb_mono){5000000});
    assert_near(told.applied_w, 0, 0);
    assert_non_null(strstr(told.problem_text, "plug"));
    struct heater_caps caps = d.caps;
    axeos_make_caps(&d, (hb_mono){5000000}, &caps);
    assert_near(caps.standby_w, caps.min_w, 0.11); /* off still draws */
}

static void shares_go_on_over_a_restart(void **state)
{
    (void)state;
    struct axeos_device d = gamma_device();
    struct axeos_info info = d.info;
    static const uint64_t counts[] = {120, 125, 3, 4};
    for (size_t i = 0; i < 4; i++) {
        info.accepted = counts[i];
        axeos_take_info(&d, &info, (hb_mono){5000000});
    }
    assert_int_equal(state_of(&d, (hb_mono){5000000}).shares_accepted, 9);
}

static void standing_still_is_seen(void **state)
{
    (void)state;
    struct axeos_device d = gamma_device();
    struct axeos_info info = d.info;
    hb_mono now = {5000000};
    info.hashrate_hs = 1e9;
    axeos_take_info(&d, &info, now);
    assert_int_equal(state_of(&d, now).health, HEATER_HEALTHY);
    now = mono_add_ms(now, 301000);
    axeos_take_info(&d, &info, now);
    assert_int_equal(state_of(&d, now).health, HEATER_STALLED);
    info.hashrate_hs = 0;
    info.actual_mhz = 50; /* the mark of a device without a pool */
    axeos_take_info(&d, &info, now);
    assert_int_equal(state_of(&d, now).health, HEATER_POOL_LOST);
    info.paused = 1;
    axeos_take_info(&d, &info, now);
    assert_int_equal(state_of(&d, now).health, HEATER_HEALTHY);
}

/* --- overheating ------------------------------------------------------------------------------ */

static void newer_firmware_is_put_back_when_cool(void **state)
{
    (void)state;
    struct axeos_device d = gamma_device();
    struct axeos_info info = d.info;
    hb_mono now = {5000000};
    info.overheated = 1;
    info.auto_fan = 0;
    info.manual_fan_ratio = 1;
    info.chip_c = 40;
    axeos_take_info(&d, &info, now);
    assert_int_equal(state_of(&d, now).health, HEATER_OVERHEATED);
    assert_near(state_of(&d, now).applied_w, 0, 0);
    d.heat.recovering = true;
    assert_false(axeos_may_recover(&d, now)); /* its firmware would write after us */
    info.overheated = 0;
    info.frequency_mhz -= 100;
    info.voltage_mv -= 100;
    info.chip_c = 70;
    now = mono_add_ms(now, 30000);
    axeos_take_info(&d, &info, now);
    assert_int_equal(state_of(&d, now).health, HEATER_OVERHEATED);
    assert_false(axeos_may_recover(&d, now));
    info.chip_c = 55;
    axeos_take_info(&d, &info, now);
    assert_true(axeos_may_recover(&d, now));
    d.heat.recovered_at = now;
    assert_false(axeos_may_recover(&d, now));
    assert_int_equal(axeos_most_point(&d, now), 1); /* 490: below the 525 before */
    assert_int_equal(axeos_most_point(&d, mono_add_ms(now, 86400000)), 2);
}

/* Between two polls, so that only the settings tell. */
static void an_overheating_that_nobody_saw_is_known_by_its_traces(void **state)
{
    (void)state;
    struct axeos_device d = gamma_device();
    struct axeos_info info = d.info;
    const hb_mono now = {5000000};
    info.frequency_mhz -= 100;
    info.voltage_mv -= 100;
    info.auto_fan = 0;
    info.manual_fan_ratio = 1;
    axeos_take_info(&d, &info, now);
    assert_true(d.heat.hot);
    assert_near(d.heat.before_mhz, 525, 0);
    info.auto_fan = 1; /* a person saw to it */
    axeos_take_info(&d, &info, now);
    assert_false(d.heat.hot);
}

static void older_firmware_stays_stopped_until_asked(void **state)
{
    (void)state;
    struct axeos_device d = gamma_device();
    struct axeos_info info = d.info;
    hb_mono now = {5000000};
    info.overheated = 1;
    info.auto_fan = 0;
    info.chip_c = 60;
    axeos_take_info(&d, &info, now);
    now = mono_add_ms(now, 130000);
    d.heat.recovering = true;
    assert_false(axeos_may_recover(&d, now));
    info.chip_c = 45;
    axeos_take_info(&d, &info, now);
    assert_true(axeos_may_recover(&d, now));
    d.heat.recovering = false;
    assert_false(axeos_may_recover(&d, now));
    d.heat.recovering = true;
    info.chip_c = NAN; /* unknown takes longer */
    axeos_take_info(&d, &info, now);
    assert_false(axeos_may_recover(&d, now));
    assert_true(axeos_may_recover(&d, mono_add_ms(now, 300000)));
}

static void a_nerd_that_shut_itself_down_is_not_restarted_at_once(void **state)
{
    (void)state;
    struct axeos_device d = gamma_device();
    struct axeos_info info = d.info;
    info.kind = d.info.kind = AXEOS_NERD;
    info.shut_down = d.info.shut_down = 0;
    info.paused = -1;
    order(&d, d.caps.max_w);
    info.shut_down = 1;
    axeos_take_info(&d, &info, (hb_mono){5000000});
    assert_true(d.heat.hot);
    assert_false(axeos_may_recover(&d, (hb_mono){5000000}));
    info.shut_down = 0;
    axeos_take_info(&d, &info, (hb_mono){5000000});
    assert_false(d.heat.hot);
    order(&d, 0);
    info.shut_down = 1; /* as ordered */
    axeos_take_info(&d, &info, (hb_mono){5000000});
    assert_false(d.heat.hot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_come_from_the_device_and_stay_at_its_default),
        cmocka_unit_test(points_follow_the_line_that_the_device_names),
        cmocka_unit_test(old_firmware_keeps_its_voltage),
        cmocka_unit_test(watts_are_learnt_from_reports),
        cmocka_unit_test(what_was_learnt_outlives_a_restart),
        cmocka_unit_test(tiers_ascend_whatever_was_learnt),
        cmocka_unit_test(voltage_goes_up_first_and_down_last),
        cmocka_unit_test(what_is_equal_or_unknown_is_not_written),
        cmocka_unit_test(off_is_what_the_firmware_can),
        cmocka_unit_test(small_steps_down_are_made_by_pauses),
        cmocka_unit_test(a_day_has_so_many_writes),
        cmocka_unit_test(pauses_make_the_ratio),
        cmocka_unit_test(applied_is_what_the_device_says),
        cmocka_unit_test(old_firmware_at_its_floor_asks_for_a_plug),
        cmocka_unit_test(shares_go_on_over_a_restart),
        cmocka_unit_test(standing_still_is_seen),
        cmocka_unit_test(newer_firmware_is_put_back_when_cool),
        cmocka_unit_test(an_overheating_that_nobody_saw_is_known_by_its_traces),
        cmocka_unit_test(older_firmware_stays_stopped_until_asked),
        cmocka_unit_test(a_nerd_that_shut_itself_down_is_not_restarted_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
