/* The throttle in virtual time: what is asked for is delivered, evenly, however busy the machine.
 */
#include <stdio.h>
#include <string.h>

#include "miner/figures/meter.h"
#include "miner/heat/pacer.h"
#include "tests/support/test.h"

#define S_NS INT64_C(1000000000)

/* --- a machine that never is as one would like it ------------------------------------------------
 */

struct machine {
    double rate_hs;        /* of the processor                                                   */
    double noise;          /* of the rate, of either sign                                        */
    double steal;          /* share of the steps during which others run as well ...             */
    double steal_s;        /* ... and for how long at most                                       */
    double oversleep_s;    /* at most                                                            */
    double overrun_hashes; /* a step computes up to so many more than was allowed                */
    double turbo;          /* faster by so much while little is asked                            */
    uint64_t random;
};

static double random_to(struct machine *machine, double most)
{
    machine->random = machine->random * 6364136223846793005U + 1442695040888963407U;
    return most * (double)(machine->random >> 11) / 9007199254740992.0;
}

/* One worker on that machine, from `start_ns` on. */
struct run {
    struct pacer pacer;
    struct machine machine;
    int64_t now_ns;
    double hashes;
    double busy_s; /* hashing */
};

static void begin(struct run *run, const struct machine *machine, double phase, double ramp_s)
{
    memset(run, 0, sizeof *run);
    run->machine = *machine;
    run->machine.random += (uint64_t)(phase * 1e6);
    run->now_ns = 100 * S_NS;
    pacer_init(&run->pacer, phase, ramp_s);
}

/* Hashes or rests once. `seen`, if given, is told of each stretch of hashing. */
static void step(struct run *run, void (*seen)(void *ctx, int64_t from_ns, int64_t to_ns),
                 void *ctx)
{
    struct machine *m = &run->machine;
    const uint32_t count = pacer_take(&run->pacer, run->now_ns);
    if (count == 0) {
        run->now_ns =
            pacer_wake(&run->pacer, run->now_ns) + (int64_t)(random_to(m, m->oversleep_s) * 1e9);
        return;
    }
    assert_int_equal(count % 64, 0);
    const uint32_t done = count + (uint32_t)random_to(m, m->overrun_hashes);
    const double duty = pacer_duty(&run->pacer, run->now_ns);
    const double rate_hs =
        m->rate_hs * (1 + m->turbo * (1 - duty)) * (1 - m->noise + random_to(m, 2 * m->noise));
    const int64_t cpu_ns = (int64_t)(done * 1e9 / rate_hs);
    const bool stolen = m->steal > 0 && random_to(m, 1) < m->steal;
    if (seen != NULL) {
        seen(ctx, run->now_ns, run->now_ns + cpu_ns);
    }
    run->now_ns += cpu_ns + (stolen ? (int64_t)(random_to(m, m->steal_s) * 1e9) : 0);
    run->hashes += done;
    run->busy_s += (double)cpu_ns * 1e-9;
    pacer_pay(&run->pacer, done, cpu_ns, run->now_ns);
}

/* The step that crosses the end counts for the part that lies before it. */
static double hashes_until(struct run *run, int64_t end_ns)
{
    double before = run->hashes;
    int64_t from_ns = run->now_ns;
    while (run->now_ns < end_ns) {
        before = run->hashes;
        from_ns = run->now_ns;
        step(run, NULL, NULL);
    }
    const double crossing = run->hashes - before;
    return crossing > 0
               ? before + crossing * (double)(end_ns - from_ns) / (double)(run->now_ns - from_ns)
               : before;
}

/* How far the worst of many windows of 10 s is from the request, of full scale. */
static double worst_of_windows(const struct machine *machine, double duty_ratio, double phase)
{
    enum { WINDOWS = 6 };
    struct run run;
    double worst = 0;
    begin(&run, machine, phase, 0);
    pacer_set_duty(&run.pacer, 1, run.now_ns);
    (void)hashes_until(&run, run.now_ns + 3 * S_NS); /* the full rate is known now */
    pacer_set_duty(&run.pacer, duty_ratio, run.now_ns);
    (void)hashes_until(&run, run.now_ns + 2 * S_NS);
    for (int i = 0; i < WINDOWS; i++) {
        const int64_t start_ns = run.now_ns + (int64_t)(random_to(&run.machine, 0.1) * 1e9);
        const double before = hashes_until(&run, start_ns);
        const double full_hs = run.pacer.rate.full_hs;
        const double hashes = hashes_until(&run, start_ns + 10 * S_NS) - before;
        const double full = 10 * (full_hs + run.pacer.rate.full_hs) / 2;
        worst = fmax(worst, fabs(hashes / full - duty_ratio));
    }
    return worst;
}

static const double duties[] = {0.005, 0.0073, 0.01, 0.02,  0.025, 0.03, 0.05, 0.1,
                                0.25,  0.333,  0.5,  0.618, 0.75,  0.8,  0.9};
enum { DUTY_COUNT = sizeof duties / sizeof duties[0] };

/* Figures of the specification: 0.1 % of full scale over any 10 s from 0.5 % to 90 %. */
static void the_asked_fraction_is_delivered(void **state)
{
    (void)state;
    static const struct machine machines[] = {
        {.rate_hs = 1e6},
        {.rate_hs = 34e6},
        {.rate_hs = 34e6, .noise = 0.03, .oversleep_s = 0.0003},
        {.rate_hs = 5e6, .overrun_hashes = 1023, .oversleep_s = 0.002},
        {.rate_hs = 34e6, .turbo = 0.25, .oversleep_s = 0.0001},
    };
    for (size_t m = 0; m < sizeof machines / sizeof machines[0]; m++) {
        for (size_t d = 0; d < DUTY_COUNT; d++) {
            const double phase = d % 2 == 0 ? 0 : 0.71;
            assert_near(worst_of_windows(&machines[m], duties[d], phase), 0, 0.001);
        }
    }
}

static void above_ninety_percent_it_is_within_one(void **state)
{
    (void)state;
    const struct machine machine = {.rate_hs = 34e6, .noise = 0.02, .oversleep_s = 0.0002};
    for (int permille = 900; permille <= 1000; permille += 4) {
        assert_near(worst_of_windows(&machine, permille / 1000.0, 0), 0, 0.01);
    }
}

/* Others take a fifth of the time in pieces of up to 20 ms: what they took is caught up with. */
static void a_busy_machine_delivers_the_same(void **state)
{
    (void)state;
    const struct machine machine = {
        .rate_hs = 20e6, .noise = 0.02, .steal = 0.012, .steal_s = 0.02, .oversleep_s = 0.001};
    for (size_t d = 0; d < DUTY_COUNT && duties[d] < 0.7; d++) {
        assert_near(worst_of_windows(&machine, duties[d], 0.3), 0, 0.003);
    }
}

static double delivered_share(double duty_ratio, double rate_hs, double seconds)
{
    const struct machine machine = {.rate_hs = rate_hs};
    struct run run;
    begin(&run, &machine, 0, 0);
    pacer_set_duty(&run.pacer, duty_ratio, run.now_ns);
    return hashes_until(&run, run.now_ns + (int64_t)(seconds * 1e9)) / (seconds * rate_hs);
}

static void full_duty_never_rests_and_none_never_works(void **state)
{
    (void)state;
    const struct machine machine = {.rate_hs = 5e6};
    struct run run;
    begin(&run, &machine, 0, 0);
    pacer_set_duty(&run.pacer, PACER_FULL_DUTY, run.now_ns);
    (void)hashes_until(&run, run.now_ns + 5 * S_NS);
    assert_near(run.busy_s, 5, 0.003);
    assert_near(run.pacer.forfeited, 0, 1e4);
    assert_near(delivered_share(0, 5e6, 5), 0, 0);
}

static void more_duty_is_never_less_heat(void **state)
{
    (void)state;
    double last = -1;
    for (int permille = 0; permille <= 1000; permille += 5) {
        const double share = delivered_share(permille / 1000.0, 5e6, 20);
        assert_true(share >= last - 1e-4);
        last = share;
    }
}

/* A twentieth of a percent more is so much more heat: sub-percent resolution. */
static void small_changes_make_small_differences(void **state)
{
    (void)state;
    for (int permille = 5; permille < 900; permille += 50) {
        const double duty = permille / 1000.0;
        const double more =
            delivered_share(duty + 0.0005, 30e6, 100) - delivered_share(duty, 30e6, 100);
        assert_near(more, 0.0005, 0.0001);
    }
}

static void a_long_stall_is_not_made_up_for(void **state)
{
    (void)state;
    struct pacer pacer;
    pacer_init(&pacer, 0, 0);
    rate_init(&pacer.rate, 1e6, 1);
    pacer_set_duty(&pacer, 0.5, S_NS);
    assert_true(pacer_take(&pacer, 3601 * S_NS) > 0);
    assert_near(pacer.balance, 0.5 * 1e6, 1);
    assert_near(pacer.balance + pacer.forfeited, 0.5 * 1e6 * 3600, 1);
}

/* --- the ramp -----------------------------------------------------------------------------------
 */

static void a_change_of_duty_is_a_ramp(void **state)
{
    (void)state;
    const struct machine machine = {.rate_hs = 30e6};
    struct run run;
    begin(&run, &machine, 0, 2); /* full scale in 2 s */
    rate_init(&run.pacer.rate, machine.rate_hs, 1);
    run.pacer.rate.now_hs = machine.rate_hs;
    const int64_t start_ns = run.now_ns;
    pacer_set_duty(&run.pacer, 0.8, start_ns);
    double last = 0;
    for (int i = 1; i <= 20; i++) { /* tenths of a second: up to 0.8 in 1.6 s */
        const double hashes = hashes_until(&run, start_ns + i * S_NS / 10);
        const double middle_s = (i - 0.5) / 10;
        assert_near((hashes - last) / (0.1 * machine.rate_hs), fmin(0.5 * middle_s, 0.8), 0.02);
        last = hashes;
    }
    /* Turning round on the way continues from where it is. */
    pacer_set_duty(&run.pacer, 0.2, run.now_ns);
    (void)hashes_until(&run, run.now_ns + S_NS / 5);
    assert_near(pacer_duty(&run.pacer, run.now_ns), 0.7, 0.002);
    pacer_set_duty(&run.pacer, 0.9, run.now_ns);
    assert_near(pacer_duty(&run.pacer, run.now_ns), 0.7, 0.002);
    (void)hashes_until(&run, run.now_ns + S_NS);
    assert_near(pacer_duty(&run.pacer, run.now_ns), 0.9, 0);
}

static void off_is_at_once_and_on_again_begins_at_nothing(void **state)
{
    (void)state;
    const struct machine machine = {.rate_hs = 30e6};
    struct run run;
    begin(&run, &machine, 0, 2);
    pacer_set_duty(&run.pacer, 1, run.now_ns);
    (void)hashes_until(&run, run.now_ns + 3 * S_NS);
    pacer_set_duty(&run.pacer, 0, run.now_ns);
    assert_int_equal(pacer_take(&run.pacer, run.now_ns), 0);
    assert_near(pacer_duty(&run.pacer, run.now_ns), 0, 0);
    pacer_set_duty(&run.pacer, 1, run.now_ns);
    assert_near(pacer_duty(&run.pacer, run.now_ns), 0, 0);
    assert_near(pacer_duty(&run.pacer, run.now_ns + S_NS), 0.5, 1e-9);
    /* After a time without work it ramps up again. */
    (void)hashes_until(&run, run.now_ns + 3 * S_NS);
    pacer_resume(&run.pacer, run.now_ns);
    assert_near(pacer_duty(&run.pacer, run.now_ns + S_NS), 0.5, 1e-9);
}

/* A thermostat that corrects the duty all the time must not make the sum wrong. */
static void frequent_changes_do_not_add_up(void **state)
{
    (void)state;
    const struct machine machine = {.rate_hs = 30e6, .noise = 0.02};
    struct run run;
    double asked = 0;
    begin(&run, &machine, 0, 2);
    pacer_set_duty(&run.pacer, 0.4, run.now_ns);
    (void)hashes_until(&run, run.now_ns + 4 * S_NS);
    const int64_t start_ns = run.now_ns;
    const double before = run.hashes;
    for (int i = 0; i < 400; i++) {
        const double duty = i % 2 == 0 ? 0.41 : 0.39;
        pacer_set_duty(&run.pacer, duty, run.now_ns);
        const int64_t from_ns = run.now_ns;
        (void)hashes_until(&run, start_ns + (i + 1) * S_NS / 4);
        asked += duty * (double)(run.now_ns - from_ns) * 1e-9;
    }
    const double seconds = (double)(run.now_ns - start_ns) * 1e-9;
    const double full = run.pacer.rate.full_hs * seconds;
    assert_near((run.hashes - before) / full, asked / seconds, 0.001);
}

/* --- many workers -------------------------------------------------------------------------------
 */

enum { SLOTS = 20000 }; /* of 50 us: one second */

struct profile {
    int64_t start_ns;
    float busy[SLOTS]; /* processors at work, by slot */
};

static void note_busy(void *ctx, int64_t from_ns, int64_t to_ns)
{
    struct profile *profile = ctx;
    const int64_t slot_ns = S_NS / SLOTS;
    for (int64_t at = from_ns; at < to_ns;) {
        const int64_t slot = (at - profile->start_ns) / slot_ns;
        const int64_t end_ns = profile->start_ns + (slot + 1) * slot_ns;
        const int64_t until = to_ns < end_ns ? to_ns : end_ns;
        if (at >= profile->start_ns && slot < SLOTS) {
            profile->busy[slot] += (float)(until - at) / (float)slot_ns;
        }
        at = until;
    }
}

/* Variance over a second of the number of processors at work; its mean into `*mean`. */
static double variance_of_sum(int threads, double duty_ratio, bool shifted, double *mean)
{
    static struct profile profile;
    const struct machine machine = {.rate_hs = 30e6};
    memset(&profile, 0, sizeof profile);
    profile.start_ns = 103 * S_NS;
    for (int i = 0; i < threads; i++) {
        struct run run;
        begin(&run, &machine, shifted ? (double)i / threads : 0, 0);
        pacer_set_duty(&run.pacer, duty_ratio, run.now_ns);
        while (run.now_ns < profile.start_ns + S_NS) {
            step(&run, note_busy, &profile);
        }
    }
    double sum = 0;
    double squares = 0;
    for (int i = 0; i < SLOTS; i++) {
        sum += profile.busy[i];
        squares += (double)profile.busy[i] * profile.busy[i];
    }
    *mean = sum / SLOTS;
    return squares / SLOTS - *mean * *mean;
}

/* The least variance that switching whole processors can have is that of always running the total
 * duty rounded down or up: f * (1 - f) for its fraction f. Shifted workers come close to it;
 * without the shift it is n^2 * d * (1 - d). Fewer workers at higher duty could not be smoother. */
static void the_sum_of_shifted_workers_is_smooth(void **state)
{
    (void)state;
    const int counts[] = {2, 3, 4, 8, 16};
    for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
        const int n = counts[c];
        for (size_t d = 0; d < DUTY_COUNT; d++) {
            double mean = 0;
            const double total = n * duties[d];
            const double f = total - floor(total);
            const double shifted = variance_of_sum(n, duties[d], true, &mean);
            assert_near(mean, total, 0.003 * n);
            assert_near(shifted, f * (1 - f), 0.02 * n);
            if (duties[d] >= 0.025) { /* shorter pulses do not come in every period */
                const double all_at_once = variance_of_sum(n, duties[d], false, &mean);
                assert_near(all_at_once, n * n * duties[d] * (1 - duties[d]), 0.02 * n * n);
            }
        }
    }
}

/* --- the rate -----------------------------------------------------------------------------------
 */

static void note_for(struct rate *rate, double rate_hs, double seconds, double duty_ratio)
{
    const int readings = (int)(seconds / 0.002);
    for (int i = 0; i < readings; i++) {
        rate_note(rate, (uint32_t)(rate_hs * 0.002), 2000000, duty_ratio);
    }
}

static void full_scale_is_what_the_machine_does_at_full_load(void **state)
{
    (void)state;
    struct rate rate;
    rate_init(&rate, 0, 0);
    note_for(&rate, 34e6, 1, 0.05); /* one core alone runs fast */
    assert_near(rate.full_hs, 34e6, 1e3);
    note_for(&rate, 28e6, 1, 1);
    assert_near(rate.full_hs, 28e6, 1e4);
    note_for(&rate, 34e6, 20, 0.05);
    assert_near(rate.full_hs, 28e6, 1e4);
    assert_near(rate.now_hs, 34e6, 1e3);
    note_for(&rate, 34e6, 7200, 0.5); /* never again so much: one day the old figure is forgotten */
    assert_near(rate.full_hs, 34e6, 1e4);
}

static void a_known_rate_is_kept_until_there_is_evidence_as_good(void **state)
{
    (void)state;
    struct rate rate;
    rate_init(&rate, 28e6, 0.95);
    note_for(&rate, 34e6, 1, 0.3);
    assert_near(rate.full_hs, 28e6, 0);
    note_for(&rate, 28.5e6, 5, 0.99);
    assert_near(rate.full_hs, 28.5e6, 1e5);
}

/* Many versions of a header hash faster than one; a duty stays what it was. */
static void another_kind_of_work_scales_the_rate(void **state)
{
    (void)state;
    struct rate rate;
    rate_init(&rate, 0, 0);
    note_for(&rate, 30e6, 2, 1);
    note_for(&rate, 36e6, 1, 0.1);
    rate_other_work(&rate);
    rate_other_work(&rate);
    note_for(&rate, 28.8e6, 1, 0.1);
    assert_near(rate.full_hs, 24e6, 1e3);
    assert_near(rate.now_hs, 28.8e6, 1e3);
    note_for(&rate, 25e6, 2, 1);
    assert_near(rate.full_hs, 25e6, 0.1e6);
}

static void single_stray_readings_move_little_and_lasting_changes_are_believed(void **state)
{
    (void)state;
    struct rate rate;
    rate_init(&rate, 0, 0);
    note_for(&rate, 30e6, 2, 1);
    for (int i = 0; i < 60; i++) { /* one reading in ten is nonsense */
        note_for(&rate, 30e6, 0.017, 1);
        note_for(&rate, 3e6, 0.002, 1);
    }
    assert_near(rate.full_hs, 30e6, 0.01 * 30e6);
    note_for(&rate, 15e6, 0.3, 1); /* too hot, or the mains is gone */
    assert_near(rate.full_hs, 15e6, 0.001 * 15e6);
}

static void the_meter_looks_back_two_seconds(void **state)
{
    (void)state;
    struct meter meter = {0};
    assert_true(isnan(meter_per_s(&meter)));
    for (int64_t ms = 0; ms <= 12000; ms += 250) { /* 100/s, then 300/s in the last 2 s */
        const double count = ms < 10000 ? 0.1 * (double)ms : 1000 + 0.3 * (double)(ms - 10000);
        meter_note(&meter, (hb_mono){1 + ms}, count);
        if (ms == 10000) {
            assert_near(meter_per_s(&meter), 100, 1e-9);
        }
    }
    assert_near(meter_per_s(&meter), 300, 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_asked_fraction_is_delivered),
        cmocka_unit_test(above_ninety_percent_it_is_within_one),
        cmocka_unit_test(a_busy_machine_delivers_the_same),
        cmocka_unit_test(full_duty_never_rests_and_none_never_works),
        cmocka_unit_test(more_duty_is_never_less_heat),
        cmocka_unit_test(small_changes_make_small_differences),
        cmocka_unit_test(a_long_stall_is_not_made_up_for),
        cmocka_unit_test(a_change_of_duty_is_a_ramp),
        cmocka_unit_test(off_is_at_once_and_on_again_begins_at_nothing),
        cmocka_unit_test(frequent_changes_do_not_add_up),
        cmocka_unit_test(the_sum_of_shifted_workers_is_smooth),
        cmocka_unit_test(full_scale_is_what_the_machine_does_at_full_load),
        cmocka_unit_test(a_known_rate_is_kept_until_there_is_evidence_as_good),
        cmocka_unit_test(another_kind_of_work_scales_the_rate),
        cmocka_unit_test(single_stray_readings_move_little_and_lasting_changes_are_believed),
        cmocka_unit_test(the_meter_looks_back_two_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
