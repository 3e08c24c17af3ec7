/* Watts asked for are watts drawn, and never more than the processor can bear: the engine's
 * decisions on simulated machines. */
#include <stdio.h>
#include <string.h>

#include "miner/heat/heat.h"
#include "tests/support/test.h"

#define LIMIT_C 85.0

/* --- a machine, with its meters and its cooler ---------------------------------------------------
 */

struct machine {
    double idle_w, swing_w, bulge_w;
    double others_w; /* what other programs draw */
    double meter_noise_w;
    double full_hs;
    bool rapl, sensor;
    double chip_k_per_w, sink_k_per_w; /* hotter than the case, and the case than the room */
};

static const struct machine desktop = {.idle_w = 12,
                                       .swing_w = 55,
                                       .bulge_w = 4,
                                       .meter_noise_w = 0.3,
                                       .full_hs = 90e6,
                                       .rapl = true,
                                       .sensor = true,
                                       .chip_k_per_w = 0.2,
                                       .sink_k_per_w = 0.3};

struct world {
    struct machine m;
    struct heat heat;
    int64_t now_ms;
    double duty;    /* of the workers, on its ramp */
    double power_w; /* drawn */
    double hashes, package_j;
    double chip_k, sink_k; /* above case and room */
    double recent_hs;      /* as averaged over two seconds, roughly */
    uint64_t random;
};

static double noise(struct world *w)
{
    double sum = -6;
    for (int i = 0; i < 12; i++) {
        w->random = w->random * 6364136223846793005U + 1442695040888963407U;
        sum += (double)(w->random >> 11) / 9007199254740992.0;
    }
    return sum;
}

static double true_w(const struct world *w)
{
    const struct machine *m = &w->m;
    return m->idle_w + m->others_w + m->swing_w * w->duty +
           m->bulge_w * 4 * w->duty * (1 - w->duty);
}

static double cpu_c(const struct world *w)
{
    return w->m.sensor ? 22 + w->sink_k + w->chip_k : NAN;
}

static void begin(struct world *w, const struct machine *machine)
{
    memset(w, 0, sizeof *w);
    w->m = *machine;
    w->now_ms = 1000;
    w->random = 1;
    heat_init(&w->heat, LIMIT_C, NAN);
}

static struct heat_sample sample_of(const struct world *w)
{
    return (struct heat_sample){
        .now = {w->now_ms},
        .hashes = w->hashes,
        .hashrate_hs = w->recent_hs,
        .full_hs = w->hashes > 0 ? w->m.full_hs : 0,
        .package_j = w->m.rapl ? w->package_j : NAN,
        .package_w = w->m.rapl ? w->power_w : NAN,
        .cpu_c = cpu_c(w),
        .hashing = w->heat.duty_ratio > 0,
    };
}

/* A tick of 250 ms. The workers' ramp takes two seconds for full scale; off is at once. */
static void tick(struct world *w)
{
    const double tick_s = 0.25;
    const double asked = w->heat.duty_ratio;
    const double most = 0.5 * tick_s;
    w->duty = asked <= 0 ? 0 : w->duty + fmax(fmin(asked - w->duty, most), -most);
    w->power_w = true_w(w);
    w->now_ms += 250;
    w->hashes += w->duty * w->m.full_hs * tick_s;
    w->recent_hs += 0.2 * (w->duty * w->m.full_hs - w->recent_hs);
    w->package_j += (w->power_w + w->m.meter_noise_w * noise(w)) * tick_s;
    w->chip_k += (w->power_w * w->m.chip_k_per_w - w->chip_k) * tick_s / 0.5;
    w->sink_k += (w->power_w * w->m.sink_k_per_w - w->sink_k) * tick_s / 40;
    const struct heat_sample sample = sample_of(w);
    (void)heat_step(&w->heat, &sample);
}

/* Average power over so long. */
static double run(struct world *w, double seconds)
{
    const int ticks = (int)(seconds * 4);
    double sum_w = 0;
    for (int i = 0; i < ticks; i++) {
        tick(w);
        sum_w += w->power_w;
    }
    return sum_w / ticks;
}

static void want(struct world *w, double power_w)
{
    heat_want_power(&w->heat, power_w);
    (void)heat_decide(&w->heat);
}

static struct miner_stats stats_of(const struct world *w)
{
    struct miner_stats stats = {0};
    heat_get_stats(&w->heat, &stats);
    return stats;
}

/* --- power --------------------------------------------------------------------------------------
 */

static void watts_asked_for_are_watts_drawn(void **state)
{
    (void)state;
    struct world w;
    begin(&w, &desktop); /* assumed: 0 W idle, 65 W full */
    want(&w, 30);
    (void)run(&w, 15);
    assert_near(run(&w, 10), 30, 0.02 * 30);
    static const double powers_w[] = {45, 20, 60, 66, 14, 30, 52, 25};
    for (size_t i = 0; i < sizeof powers_w / sizeof powers_w[0]; i++) {
        want(&w, powers_w[i]);
        (void)run(&w, 5);
        assert_near(run(&w, 10), powers_w[i], 0.02 * powers_w[i]);
    }
    const struct miner_stats stats = stats_of(&w);
    assert_int_equal(stats.power_source, MINER_POWER_REPORTED);
    assert_int_equal(stats.calibrated_by, MINER_POWER_REPORTED);
    assert_near(stats.idle_w, 12, 1.5);
    assert_near(stats.full_w, 67, 1.5);
}

static void a_new_power_is_met_at_once_after_a_day_of_learning(void **state)
{
    (void)state;
    struct world w;
    begin(&w, &desktop);
    for (int i = 0; i < 40; i++) {
        want(&w, 15 + 50.0 * ((i * 7) % 11) / 10);
        (void)run(&w, 60);
    }
    want(&w, 20);
    (void)run(&w, 20);
    want(&w, 55);
    (void)run(&w, 2); /* the ramp */
    assert_near(run(&w, 1), 55, 0.02 * 55);
}

static void what_other_programs_draw_is_part_of_the_heat(void **state)
{
    (void)state;
    struct world w;
    begin(&w, &desktop);
    want(&w, 40);
    (void)run(&w, 60);
    w.m.others_w = 15;
    (void)run(&w, 15);
    assert_near(run(&w, 10), 40, 0.02 * 40);
    w.m.others_w = 60; /* more than was asked for: only the least is hashed */
    (void)run(&w, 15);
    assert_near(w.heat.duty_ratio, HEAT_LEAST_DUTY, 1e-9);
    w.m.others_w = 0;
    (void)run(&w, 15);
    assert_near(run(&w, 10), 40, 0.02 * 40);
}

static void too_little_and_too_much_are_met_as_well_as_can_be(void **state)
{
    (void)state;
    struct world w;
    begin(&w, &desktop);
    want(&w, 500);
    assert_near(w.heat.duty_ratio, 1, 0);
    (void)run(&w, 60);
    assert_near(w.heat.duty_ratio, 1, 0);
    want(&w, 3); /* less than it draws anyway */
    (void)run(&w, 20);
    assert_near(w.heat.duty_ratio, HEAT_LEAST_DUTY, 1e-9);
    want(&w, 0);
    assert_near(w.heat.duty_ratio, 0, 0);
    want(&w, NAN);
    assert_near(w.heat.duty_ratio, 0, 0);
}

static void without_a_meter_the_assumption_holds_and_says_so(void **state)
{
    (void)state;
    struct world w;
    struct miner_calibration kept;
    begin(&w, &desktop);
    w.m.rapl = false;
    heat_set_scale(&w.heat, &(struct miner_scale){.idle_w = 10, .full_w = 110});
    want(&w, 60);
    (void)run(&w, 30);
    assert_near(w.heat.duty_ratio, 0.5, 1e-9);
    const struct miner_stats stats = stats_of(&w);
    assert_int_equal(stats.power_source, MINER_POWER_MODELLED);
    assert_near(stats.power_w, 60, 0.5);
    assert_true(stats.power_error_w > 10);
    assert_false(heat_keep(&w.heat, &kept));
}

static void a_meter_that_is_not_wanted_is_not_believed(void **state)
{
    (void)state;
    struct world w;
    begin(&w, &desktop);
    heat_set_scale(&w.heat, &(struct miner_scale){0, 100, MINER_METER_MODEL});
    want(&w, 50);
    (void)run(&w, 30);
    heat_note_meter(&w.heat, 77, (hb_mono){w.now_ms});
    assert_near(w.heat.duty_ratio, 0.5, 1e-9);
    assert_int_equal(stats_of(&w).power_source, MINER_POWER_MODELLED);
    heat_set_scale(&w.heat, &(struct miner_scale){0, 100, MINER_METER_RAPL});
    (void)run(&w, 30);
    heat_note_meter(&w.heat, 77, (hb_mono){w.now_ms});
    assert_int_equal(stats_of(&w).power_source, MINER_POWER_REPORTED);
}

/* --- an external meter --------------------------------------------------------------------------
 */

/* A plug that tells every ten seconds what the whole computer drew on average. */
static void run_with_plug(struct world *w, int readings)
{
    for (int i = 0; i < readings; i++) {
        const double power_w = run(w, 10);
        heat_note_meter(&w->heat, power_w * 1.15 + 20, (hb_mono){w->now_ms});
    }
}

static void a_plug_beats_the_processor_and_is_learnt_from(void **state)
{
    (void)state;
    struct world w;
    begin(&w, &desktop);
    want(&w, 60);
    (void)run(&w, 30);
    assert_int_equal(stats_of(&w).power_source, MINER_POWER_REPORTED);
    run_with_plug(&w, 12);
    struct miner_stats stats = stats_of(&w);
    assert_int_equal(stats.power_source, MINER_POWER_METERED);
    assert_int_equal(stats.calibrated_by, MINER_POWER_METERED);
    assert_near(stats.power_w, 60, 1.5);
    assert_near(run(&w, 10) * 1.15 + 20, 60, 1.2);
    want(&w, 85);
    run_with_plug(&w, 12);
    assert_near(run(&w, 10) * 1.15 + 20, 85, 1.7);
    /* When it falls silent, watts keep their meaning; only the source is another one. */
    (void)run(&w, 130);
    stats = stats_of(&w);
    assert_int_equal(stats.power_source, MINER_POWER_MODELLED);
    assert_near(stats.power_w, 85, 2.5);
    assert_near(run(&w, 10) * 1.15 + 20, 85, 2.5);
}

/* --- a restart ----------------------------------------------------------------------------------
 */

static void what_was_learnt_survives_a_restart(void **state)
{
    (void)state;
    struct world w;
    struct miner_calibration kept = {0};
    begin(&w, &desktop);
    for (int i = 0; i < 20; i++) {
        want(&w, 15 + 50.0 * ((i * 7) % 11) / 10);
        (void)run(&w, 30);
    }
    assert_true(heat_keep(&w.heat, &kept));
    begin(&w, &desktop);
    assert_true(heat_restore(&w.heat, &kept));
    assert_near(stats_of(&w).full_w, 67, 2);
    want(&w, 50);
    (void)run(&w, 2);
    assert_near(run(&w, 2), 50, 0.03 * 50);
    heat_set_scale(&w.heat, &(struct miner_scale){0, 65, MINER_METER_MODEL});
    assert_false(heat_restore(&w.heat, &kept));
    kept.reference_hs = NAN;
    heat_set_scale(&w.heat, &(struct miner_scale){0, 65, MINER_METER_AUTO});
    assert_false(heat_restore(&w.heat, &kept));
}

/* A kernel that makes twice the hashes of about the same watts. */
static void another_kernel_starts_from_what_was_learnt(void **state)
{
    (void)state;
    struct world w;
    struct miner_calibration kept = {.full_hs = 4e6, .known_at = 1};
    begin(&w, &desktop);
    for (int i = 0; i < 20; i++) {
        want(&w, 15 + 50.0 * ((i * 7) % 11) / 10);
        (void)run(&w, 30);
    }
    assert_true(heat_keep(&w.heat, &kept));
    const struct miner_stats before = stats_of(&w);
    const double reference_hs = kept.reference_hs;
    heat_carry_over(&kept, 8e6);
    assert_near(kept.reference_hs, 2 * reference_hs, 1);
    assert_near(kept.full_hs, 0, 0);
    begin(&w, &desktop);
    assert_true(heat_restore(&w.heat, &kept));
    assert_near(stats_of(&w).idle_w, before.idle_w, 0.5);
    assert_near(stats_of(&w).full_w, before.full_w, 2);
    assert_true(calibration_error_w(&w.heat.calibration, 1) > 5);
}

/* --- temperature --------------------------------------------------------------------------------
 */

/* A clogged fan: at full power it would be at 22 + 67 * (0.4 + 1.2) = 129 C. */
static void a_hot_processor_settles_at_its_limit(void **state)
{
    (void)state;
    struct world w;
    double least = 1;
    double most = 0;
    begin(&w, &desktop);
    w.m.chip_k_per_w = 0.4;
    w.m.sink_k_per_w = 1.2;
    heat_want_duty(&w.heat, 1);
    double hottest_c = 0;
    for (int i = 0; i < 4 * 600; i++) {
        tick(&w);
        hottest_c = fmax(hottest_c, cpu_c(&w));
    }
    for (int i = 0; i < 4 * 120; i++) {
        tick(&w);
        assert_near(cpu_c(&w), LIMIT_C, 1);
        least = fmin(least, w.heat.duty_ratio);
        most = fmax(most, w.heat.duty_ratio);
    }
    assert_true(hottest_c < LIMIT_C + 5);
    assert_true(most - least < 0.05); /* it does not swing */
    assert_int_equal(stats_of(&w).guard, MINER_GUARD_WARM);
    assert_near(stats_of(&w).wanted_ratio, 1, 0);
    /* Somebody cleans the fan. */
    w.m.sink_k_per_w = 0.3;
    (void)run(&w, 300);
    assert_near(w.heat.duty_ratio, 1, 0);
    assert_int_equal(stats_of(&w).guard, MINER_GUARD_OPEN);
}

static void a_critical_processor_is_off_until_it_is_cool(void **state)
{
    (void)state;
    struct world w;
    begin(&w, &desktop);
    heat_want_duty(&w.heat, 0.8);
    (void)run(&w, 60);
    assert_near(w.heat.duty_ratio, 0.8, 0);
    w.sink_k += 60; /* the pump stands still */
    tick(&w);
    assert_near(w.heat.duty_ratio, 0, 0);
    assert_int_equal(stats_of(&w).guard, MINER_GUARD_CRITICAL);
    while (w.heat.duty_ratio <= 0) {
        const double before_c = cpu_c(&w);
        tick(&w);
        assert_true(w.heat.duty_ratio <= 0 || before_c < LIMIT_C - 4);
    }
    assert_true(w.heat.duty_ratio < 0.1); /* and it comes back smoothly */
    (void)run(&w, 120);
    assert_near(w.heat.duty_ratio, 0.8, 0);
}

static void a_lost_sensor_limits_the_heat_and_is_told(void **state)
{
    (void)state;
    struct world w;
    begin(&w, &desktop);
    heat_want_duty(&w.heat, 0.9);
    (void)run(&w, 60);
    w.m.sensor = false;
    (void)run(&w, 9);
    assert_near(w.heat.duty_ratio, 0.9, 0); /* a hiccup */
    (void)run(&w, 3);
    assert_near(w.heat.duty_ratio, GUARD_BLIND_RATIO, 0);
    assert_int_equal(stats_of(&w).guard, MINER_GUARD_BLIND);
    heat_want_duty(&w.heat, 0.1);
    assert_near(heat_decide(&w.heat), 0.1, 0);
    heat_want_duty(&w.heat, 0.9);
    assert_near(heat_decide(&w.heat), GUARD_BLIND_RATIO, 0);
    w.m.sensor = true;
    (void)run(&w, 60);
    assert_near(w.heat.duty_ratio, 0.9, 0);
    assert_int_equal(stats_of(&w).guard, MINER_GUARD_OPEN);
}

static void a_machine_without_a_sensor_heats(void **state)
{
    (void)state;
    struct world w;
    begin(&w, &desktop);
    w.m.sensor = false;
    heat_want_duty(&w.heat, 1);
    (void)run(&w, 60);
    assert_near(w.heat.duty_ratio, 1, 0);
    assert_int_equal(stats_of(&w).guard, MINER_GUARD_OPEN);
}

static void the_sensors_own_limit_counts_if_it_is_lower(void **state)
{
    (void)state;
    struct guard guard;
    guard_init(&guard, 85, 90);
    assert_near(guard.limit_c, 80, 0);
    assert_near(guard.critical_c, 90, 0);
    guard_init(&guard, 85, 105);
    assert_near(guard.limit_c, 85, 0);
    guard_init(&guard, 70, NAN);
    assert_near(guard.limit_c, 70, 0);
    assert_near(guard.critical_c, 80, 0);
}

/* Whatever the sensor says: never more than was wanted, never below nothing. */
static void the_guard_only_lowers(void **state)
{
    (void)state;
    struct world w;
    struct guard guard;
    begin(&w, &desktop);
    guard_init(&guard, LIMIT_C, NAN);
    double temperature_c = 60;
    for (int64_t ms = 1; ms < 2000000; ms += 250) {
        temperature_c += 3 * noise(&w) + 0.05 * (70 - temperature_c);
        const double wanted = fmax(fmin(0.5 + 0.3 * noise(&w), 1), 0);
        const double seen_c = noise(&w) > 2 ? NAN : temperature_c;
        const double allowed = guard_step(&guard, seen_c, wanted, (hb_mono){ms});
        assert_true(allowed >= 0 && allowed <= wanted);
        assert_true(temperature_c < LIMIT_C + 10 || isnan(seen_c) || allowed == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(watts_asked_for_are_watts_drawn),
        cmocka_unit_test(a_new_power_is_met_at_once_after_a_day_of_learning),
        cmocka_unit_test(what_other_programs_draw_is_part_of_the_heat),
        cmocka_unit_test(too_little_and_too_much_are_met_as_well_as_can_be),
        cmocka_unit_test(without_a_meter_the_assumption_holds_and_says_so),
        cmocka_unit_test(a_meter_that_is_not_wanted_is_not_believed),
        cmocka_unit_test(a_plug_beats_the_processor_and_is_learnt_from),
        cmocka_unit_test(what_was_learnt_survives_a_restart),
        cmocka_unit_test(another_kernel_starts_from_what_was_learnt),
        cmocka_unit_test(a_hot_processor_settles_at_its_limit),
        cmocka_unit_test(a_critical_processor_is_off_until_it_is_cool),
        cmocka_unit_test(a_lost_sensor_limits_the_heat_and_is_told),
        cmocka_unit_test(a_machine_without_a_sensor_heats),
        cmocka_unit_test(the_sensors_own_limit_counts_if_it_is_lower),
        cmocka_unit_test(the_guard_only_lowers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
