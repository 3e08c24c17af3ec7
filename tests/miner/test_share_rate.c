/* What shares tell of a miner's hash rate, and the difficulty that makes them come often enough:
 * against simulated miners whose hash rate is known. */
#include <string.h>

#include "miner/difficulty.h"
#include "miner/proxy/share_rate.h"
#include "miner/proxy/vardiff.h"
#include "tests/support/test.h"

/* --- a miner ------------------------------------------------------------------------------------
 */

struct sim {
    uint64_t random;
    double hashrate_hs, difficulty;
    double now_s, next_s;
    struct share_rate rate;
};

static double uniform(struct sim *sim)
{
    sim->random ^= sim->random << 13;
    sim->random ^= sim->random >> 7;
    sim->random ^= sim->random << 17;
    return ((double)(sim->random >> 11) + 0.5) / 9007199254740992.0;
}

static hb_mono mono(const struct sim *sim)
{
    return (hb_mono){1000 + (int64_t)(sim->now_s * 1000)};
}

static void draw_next(struct sim *sim)
{
    const double per_s = sim->hashrate_hs / (sim->difficulty * DIFFICULTY_HASHES);
    sim->next_s = per_s > 0 ? sim->now_s - log(uniform(sim)) / per_s : INFINITY;
}

static void start(struct sim *sim, uint64_t seed, double hashrate_hs, double interval_s)
{
    memset(sim, 0, sizeof *sim);
    sim->random = seed * 2654435761U + 12345;
    sim->hashrate_hs = hashrate_hs;
    sim->difficulty = difficulty_for_interval(hashrate_hs, interval_s);
    share_rate_start(&sim->rate, sim->difficulty, mono(sim));
    draw_next(sim);
}

static void become(struct sim *sim, double hashrate_hs)
{
    sim->hashrate_hs = hashrate_hs;
    draw_next(sim);
}

static void set_difficulty(struct sim *sim, double difficulty)
{
    sim->difficulty = difficulty;
    share_rate_set_difficulty(&sim->rate, difficulty, mono(sim));
    draw_next(sim);
}

/* One second: its shares, then the tick. */
static void second(struct sim *sim)
{
    const double end_s = sim->now_s + 1;
    while (sim->next_s <= end_s) {
        sim->now_s = sim->next_s;
        share_rate_note(&sim->rate, mono(sim));
        draw_next(sim);
    }
    sim->now_s = end_s;
    share_rate_tick(&sim->rate, mono(sim));
}

static void run(struct sim *sim, int seconds)
{
    for (int i = 0; i < seconds; i++) {
        second(sim);
    }
}

static struct share_estimate estimate(const struct sim *sim)
{
    struct share_estimate result = {0};
    assert_true(share_rate_get(&sim->rate, &result));
    return result;
}

/* --- tests --------------------------------------------------------------------------------------
 */

/* Garwood's limits as printed in tables of chi-squared / 2: of 0, 1, 5 and 50 shares. */
static void limits_are_those_of_the_tables(void **state)
{
    (void)state;
    static const struct {
        size_t count;
        double low, high;
    } rows[] = {{0, 0, 3.6889}, {1, 0.0253, 5.5716}, {5, 1.6235, 11.6683}, {50, 37.1110, 65.9188}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static struct share_rate rate;
        struct share_estimate got;
        share_rate_start(&rate, 1 / DIFFICULTY_HASHES, (hb_mono){1000}); /* a share per hash */
        for (size_t k = 1; k <= rows[i].count; k++) {
            share_rate_note(&rate, (hb_mono){1000 + (int64_t)(100000 * k / rows[i].count)});
        }
        share_rate_tick(&rate, (hb_mono){101000});
        assert_true(share_rate_get(&rate, &got));
        assert_near(got.hashrate_hs * 100, (double)rows[i].count, 1e-9);
        assert_near(got.low_hs * 100, rows[i].low, 2e-4);
        assert_near(got.high_hs * 100, rows[i].high, 2e-4);
    }
}

static void interval_holds_the_truth_in_95_of_100_cases(void **state)
{
    (void)state;
    unsigned held = 0;
    double sum = 0;
    enum { RUNS = 2000 };
    for (unsigned i = 0; i < RUNS; i++) {
        static struct sim sim;
        start(&sim, i + 1, 1.2e12, 5);
        run(&sim, 60 + (int)(i % 400));
        const struct share_estimate got = estimate(&sim);
        held += got.low_hs <= 1.2e12 && got.high_hs >= 1.2e12;
        sum += got.hashrate_hs / 1.2e12 / RUNS;
        assert_true(got.low_hs <= got.hashrate_hs && got.hashrate_hs <= got.high_hs);
    }
    assert_in_range(held, RUNS * 94 / 100, RUNS); /* exact limits err on the safe side */
    assert_near(sum, 1, 0.01);
}

static void changed_difficulty_does_not_bias(void **state)
{
    (void)state;
    double sum = 0;
    for (unsigned i = 0; i < 400; i++) {
        static struct sim sim;
        start(&sim, 77 + i, 5e6, 5);
        const double first = sim.difficulty;
        run(&sim, 50);
        set_difficulty(&sim, first * 4);
        run(&sim, 100);
        set_difficulty(&sim, first / 2);
        run(&sim, 100);
        sum += estimate(&sim).hashrate_hs / 5e6 / 400;
    }
    assert_near(sum, 1, 0.02);
}

static void steady_miner_is_averaged_over_a_quarter_of_an_hour(void **state)
{
    (void)state;
    unsigned shortened = 0;
    for (unsigned i = 0; i < 50; i++) {
        static struct sim sim;
        start(&sim, 1000 + i, 1e14, 5);
        run(&sim, 3600);
        const struct share_estimate got = estimate(&sim);
        shortened += got.span_s < 600;
        assert_true(got.span_s <= 960);
    }
    assert_in_range(shortened, 0, 2);
}

/* Runs until the estimate is zero; so many seconds. */
static int seconds_to_zero(struct sim *sim)
{
    int seconds = 0;
    while (estimate(sim).shares > 0 && seconds < 1000) {
        run(sim, 1);
        seconds++;
    }
    return seconds;
}

static void stop_shows_in_a_minute_or_two(void **state)
{
    (void)state;
    unsigned late = 0;
    for (unsigned i = 0; i < 400; i++) {
        static struct sim sim;
        start(&sim, 5000 + i, 1.2e12, 5);
        run(&sim, 900);
        become(&sim, 0);
        const int seconds = seconds_to_zero(&sim);
        late += seconds > 90;
        assert_true(seconds < 300);
        assert_near(estimate(&sim).hashrate_hs, 0, 0);
        assert_true(estimate(&sim).high_hs < 1.2e12 / 2);
    }
    assert_in_range(late, 0, 20);
}

static void restart_and_lower_speed_show_soon(void **state)
{
    (void)state;
    unsigned restart_missed = 0;
    unsigned slowness_missed = 0;
    for (unsigned i = 0; i < 100; i++) {
        static struct sim sim;
        start(&sim, 9000 + i, 1.2e12, 5);
        run(&sim, 900);
        become(&sim, 0);
        run(&sim, 1800);
        become(&sim, 1.2e12);
        run(&sim, 120);
        restart_missed += estimate(&sim).hashrate_hs < 0.6e12;
        run(&sim, 900);
        become(&sim, 0.4e12);
        run(&sim, 420);
        slowness_missed += estimate(&sim).hashrate_hs > 0.6e12;
    }
    assert_in_range(restart_missed, 0, 5);
    assert_in_range(slowness_missed, 0, 10);
}

static void nothing_is_said_at_first(void **state)
{
    (void)state;
    static struct sim sim;
    struct share_estimate got;
    start(&sim, 3, 1e12, 1);
    run(&sim, 14);
    assert_false(share_rate_get(&sim.rate, &got));
    run(&sim, 2);
    assert_true(share_rate_get(&sim.rate, &got));
}

/* --- vardiff ------------------------------------------------------------------------------------
 */

static const double vardiff_ceiling = 1e15;

/* Runs a miner under vardiff; seconds between shares at the end. */
static double settle(struct vardiff *vardiff, double hashrate_hs, int seconds, unsigned *changes)
{
    static struct sim sim;
    start(&sim, 4711, hashrate_hs, 5);
    set_difficulty(&sim, vardiff->difficulty);
    vardiff->since = mono(&sim);
    *changes = 0;
    for (int i = 0; i < seconds; i++) {
        const double end_s = sim.now_s + 1;
        bool changed = vardiff_adjust(vardiff, vardiff_ceiling, mono(&sim));
        while (changed || sim.next_s <= end_s) {
            if (changed) {
                set_difficulty(&sim, vardiff->difficulty);
                *changes += 1;
                changed = false;
                continue;
            }
            sim.now_s = sim.next_s;
            vardiff_note(vardiff);
            draw_next(&sim);
            changed = vardiff_adjust(vardiff, vardiff_ceiling, mono(&sim));
        }
        sim.now_s = end_s;
    }
    return vardiff->difficulty * DIFFICULTY_HASHES / hashrate_hs;
}

static void difficulty_finds_the_pace(void **state)
{
    (void)state;
    static const double hashrates_hs[] = {5e11, 1.2e12, 3.7e12, 2e13, 1.1e14, 4e14};
    for (size_t i = 0; i < sizeof hashrates_hs / sizeof hashrates_hs[0]; i++) {
        struct vardiff vardiff;
        unsigned changes = 0;
        vardiff_start(&vardiff, 1024, 1, (hb_mono){1000});
        const double interval_s = settle(&vardiff, hashrates_hs[i], 300, &changes);
        assert_true(interval_s > 2 && interval_s < 12);
        const double interval_later_s = settle(&vardiff, hashrates_hs[i], 7200, &changes);
        assert_true(interval_later_s > 2 && interval_later_s < 12);
        assert_in_range(changes, 0, 24); /* it does not wander */
        assert_near(log2(vardiff.difficulty), round(log2(vardiff.difficulty)), 0);
    }
}

static void difficulty_goes_no_further_than_the_pool_allows(void **state)
{
    (void)state;
    struct vardiff vardiff;
    unsigned changes = 0;
    vardiff_start(&vardiff, 1024, 1, (hb_mono){1000});
    for (int i = 0; i < 600; i++) {
        vardiff_note(&vardiff);
        changes += vardiff_adjust(&vardiff, 3000, (hb_mono){1000 + 10 * i});
    }
    assert_int_equal(changes, 1);
    assert_near(vardiff.difficulty, 4096, 0);
    assert_true(vardiff_adjust(&vardiff, 100, (hb_mono){8000}));
    assert_near(vardiff.difficulty, 128, 0);
}

static void difficulty_respects_the_floor(void **state)
{
    (void)state;
    struct vardiff vardiff;
    unsigned changes = 0;
    vardiff_start(&vardiff, 1024, 1, (hb_mono){1000});
    (void)settle(&vardiff, 5e6, 3600, &changes);
    assert_near(vardiff.difficulty, 1, 0);
    vardiff_start(&vardiff, 0.5, 1e-6, (hb_mono){1000});
    const double interval_s = settle(&vardiff, 5e6, 3600, &changes);
    assert_true(interval_s > 2 && interval_s < 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_are_those_of_the_tables),
        cmocka_unit_test(interval_holds_the_truth_in_95_of_100_cases),
        cmocka_unit_test(changed_difficulty_does_not_bias),
        cmocka_unit_test(steady_miner_is_averaged_over_a_quarter_of_an_hour),
        cmocka_unit_test(stop_shows_in_a_minute_or_two),
        cmocka_unit_test(restart_and_lower_speed_show_soon),
        cmocka_unit_test(nothing_is_said_at_first),
        cmocka_unit_test(difficulty_finds_the_pace),
        cmocka_unit_test(difficulty_goes_no_further_than_the_pool_allows),
        cmocka_unit_test(difficulty_respects_the_floor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
