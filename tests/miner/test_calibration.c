/* Watts per hash, learnt from readings that are noisy, rare, wrong, or about something else. */
#include <stdio.h>
#include <string.h>

#include "miner/heat/calibration.h"
#include "tests/support/test.h"

static uint64_t random_state;

static double random_01(void)
{
    random_state = random_state * 6364136223846793005U + 1442695040888963407U;
    return (double)(random_state >> 11) / 9007199254740992.0;
}

/* Roughly normal, with standard deviation 1. */
static double noise(void)
{
    double sum = -6;
    for (int i = 0; i < 12; i++) {
        sum += random_01();
    }
    return sum;
}

/* Power of a machine whose single cores run faster than all together. */
static double true_w(double load)
{
    return 14 + 60 * load + 5 * 4 * load * (1 - load);
}

struct teaching {
    struct calibration c;
    int64_t now_ms;
    double load;
    int held_s;
};

static void begin(struct teaching *t, double idle_w, double full_w)
{
    random_state = 7;
    memset(t, 0, sizeof *t);
    t->now_ms = 1000;
    calibration_init(&t->c, idle_w, full_w);
}

/* A reading a second for so long, with a noise of `sd_w`, and `extra_w` from other programs. */
static void teach(struct teaching *t, double load, int seconds, double sd_w, double extra_w)
{
    t->held_s = load == t->load ? t->held_s : 0;
    t->load = load;
    for (int i = 0; i < seconds; i++) {
        t->now_ms += 1000;
        (void)calibration_note(&t->c, load, true_w(load) + extra_w + sd_w * noise(),
                               t->held_s++ < 15, (hb_mono){t->now_ms});
    }
}

static void assert_learnt(const struct calibration *c, double load, double tolerance_w)
{
    assert_near(calibration_power_w(c, load), true_w(load), tolerance_w);
    assert_near(calibration_load(c, calibration_power_w(c, load)), load, 1e-9);
}

static void without_readings_it_is_the_assumption_and_unsure(void **state)
{
    (void)state;
    struct teaching t;
    begin(&t, 10, 110);
    for (int eighth = 0; eighth <= 8; eighth++) {
        const double load = eighth / 8.0;
        assert_near(calibration_power_w(&t.c, load), 10 + 100 * load, 1e-9);
        assert_near(calibration_load(&t.c, 10 + 100 * load), load, 1e-9);
        assert_true(calibration_error_w(&t.c, load) > 40);
    }
    assert_near(calibration_load(&t.c, 5), 0, 0);
    assert_near(calibration_load(&t.c, NAN), 0, 0);
}

static void a_curve_is_learnt_from_a_day_of_heating(void **state)
{
    (void)state;
    struct teaching t;
    begin(&t, 0, 65);
    static const double loads[] = {0, 0.6, 0.3, 1, 0.8, 0.15, 0.45, 0, 0.9, 0.5, 1, 0.25};
    for (size_t i = 0; i < sizeof loads / sizeof loads[0]; i++) {
        teach(&t, loads[i], 60, 0.5, 0);
    }
    for (int percent = 0; percent <= 100; percent += 5) {
        const double load = percent / 100.0;
        assert_learnt(&t.c, load, 1.0);
        const double off_w = fabs(calibration_power_w(&t.c, load) - true_w(load));
        const double sure_w = calibration_error_w(&t.c, load);
        assert_true(off_w <= 3 * sure_w + 0.1); /* it knows how well it knows */
        assert_true(sure_w < 2);
    }
}

/* At a load that never changes only that point is learnt, and nothing drifts away elsewhere. */
static void a_week_at_one_load_does_not_lead_astray(void **state)
{
    (void)state;
    struct teaching t;
    begin(&t, 0, 65);
    teach(&t, 0, 60, 0.5, 0);
    teach(&t, 1, 60, 0.5, 0);
    teach(&t, 0.5, 60, 0.5, 0);
    for (int hour = 0; hour < 7 * 24; hour++) {
        teach(&t, 0.5, 3600, 0.5, 0);
    }
    assert_learnt(&t.c, 0.5, 0.5);
    assert_learnt(&t.c, 0.75, 4);
    assert_learnt(&t.c, 0.25, 4);
    assert_true(calibration_error_w(&t.c, 1) > 5 * calibration_error_w(&t.c, 0.5));
    teach(&t, 0.9, 5, 0.5, 0);
    assert_learnt(&t.c, 0.9, 1);
    assert_learnt(&t.c, 1, 3);
}

static void what_other_programs_draw_is_followed_within_seconds(void **state)
{
    (void)state;
    struct teaching t;
    begin(&t, 0, 65);
    teach(&t, 0, 30, 0.3, 0);
    teach(&t, 0.9, 30, 0.3, 0);
    teach(&t, 0.4, 30, 0.3, 0);
    teach(&t, 0.4, 12, 0.3, 25);
    assert_near(calibration_power_w(&t.c, 0.4), true_w(0.4) + 25, 1.5);
    const double slope_w = calibration_power_w(&t.c, 0.9) - calibration_power_w(&t.c, 0.4);
    assert_near(slope_w, true_w(0.9) - true_w(0.4), 3); /* and not taken for watts per hash */
    teach(&t, 0.4, 15, 0.3, 0);
    assert_learnt(&t.c, 0.4, 1);
}

static void single_stray_readings_move_little(void **state)
{
    (void)state;
    struct teaching t;
    begin(&t, 0, 65);
    teach(&t, 0, 30, 0.3, 0);
    teach(&t, 0.8, 30, 0.3, 0);
    for (int i = 0; i < 50; i++) {
        teach(&t, 0.8, 9, 0.3, 0);
        teach(&t, 0.8, 1, 0, i % 2 == 0 ? 300 : -true_w(0.8));
        assert_near(calibration_power_w(&t.c, 0.8), true_w(0.8), 2.5);
    }
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    struct teaching t;
    begin(&t, 0, 65);
    const struct calibration before = t.c;
    assert_false(calibration_note(&t.c, 0.5, NAN, true, (hb_mono){1}));
    assert_false(calibration_note(&t.c, 0.5, -1, true, (hb_mono){1}));
    assert_false(calibration_note(&t.c, 0.5, 1e9, true, (hb_mono){1}));
    assert_false(calibration_note(&t.c, NAN, 30, true, (hb_mono){1}));
    assert_false(calibration_note(&t.c, 17, 30, true, (hb_mono){1}));
    assert_memory_equal(&t.c, &before, sizeof before);
}

/* Whatever is read: more load is never less power, and the inverse agrees. */
static void power_always_rises_with_load(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct teaching t;
        begin(&t, 5, 70);
        random_state = seed;
        const int readings = 1 + (int)(200 * random_01());
        for (int i = 0; i < readings; i++) {
            t.now_ms += 1 + (int64_t)(1e5 * random_01() * random_01());
            const double power_w = 200 * random_01() * random_01();
            (void)calibration_note(&t.c, 1.1 * random_01(), power_w, random_01() < 0.5,
                                   (hb_mono){t.now_ms});
        }
        double last_w = -1;
        for (int percent = 0; percent <= 100; percent++) {
            const double load = percent / 100.0;
            const double power_w = calibration_power_w(&t.c, load);
            assert_true(power_w > last_w);
            assert_near(calibration_load(&t.c, power_w), load, 1e-6);
            assert_true(calibration_error_w(&t.c, load) >= 0);
            last_w = power_w;
        }
        assert_true(isfinite(calibration_load(&t.c, 1e9)));
    }
}

static void it_survives_a_restart(void **state)
{
    (void)state;
    struct teaching t;
    struct calibration_values kept;
    begin(&t, 0, 65);
    teach(&t, 0, 60, 0.3, 0);
    teach(&t, 1, 60, 0.3, 0);
    teach(&t, 0.5, 60, 0.3, 0);
    calibration_get(&t.c, &kept);
    begin(&t, 0, 65);
    assert_true(calibration_restore(&t.c, &kept));
    assert_learnt(&t.c, 0, 1);
    assert_learnt(&t.c, 0.7, 1);
    assert_learnt(&t.c, 1, 1);
    struct calibration_values bad = kept;
    bad.w[CALIBRATION_SWING] = -3;
    const struct calibration before = t.c;
    assert_false(calibration_restore(&t.c, &bad));
    bad = kept;
    bad.sd_w[CALIBRATION_IDLE] = NAN;
    assert_false(calibration_restore(&t.c, &bad));
    assert_memory_equal(&t.c, &before, sizeof before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_readings_it_is_the_assumption_and_unsure),
        cmocka_unit_test(a_curve_is_learnt_from_a_day_of_heating),
        cmocka_unit_test(a_week_at_one_load_does_not_lead_astray),
        cmocka_unit_test(what_other_programs_draw_is_followed_within_seconds),
        cmocka_unit_test(single_stray_readings_move_little),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(power_always_rises_with_load),
        cmocka_unit_test(it_survives_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
