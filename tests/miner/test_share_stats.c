/* Hash rates by shares and by counting, and what may be concluded from both. */
#include <string.h>

#include "miner/difficulty.h"
#include "miner/figures/averages.h"
#include "miner/figures/gamma.h"
#include "miner/figures/share_stats.h"
#include "tests/support/test.h"

#define MINUTE_MS 60000
static const hb_mono start = {1000000};

/* --- the distribution ---------------------------------------------------------------------------
 */

/* Quantiles by scipy 1.17.1: scipy.stats.gamma.ppf(p, shape). */
static void quantiles_agree_with_an_outside_program(void **state)
{
    (void)state;
    static const double p[] = {5e-7, 0.025, 0.5, 0.975, 1 - 5e-7};
    static const struct {
        double shape, quantile[5];
    } rows[] = {
        {0.5, {1.96349540849e-13, 0.000491034558588, 0.22746821156, 2.51194309366, 12.631910363}},
        {1, {5.00000125e-07, 0.0253178079843, 0.69314718056, 3.68887945411, 14.5086577386}},
        {2.5, {0.00488454917455, 0.415605806743, 2.17573009555, 6.41625099702, 18.695512225}},
        {11, {1.48476234378, 5.49116036724, 10.6685224038, 18.390356042, 35.3853780236}},
        {100, {58.4718868685, 81.3639912509, 99.6668649193, 120.528947753, 156.767388743}},
        {101, {59.2293030731, 82.266158793, 100.666862949, 121.626793792, 158.010429247}},
        {450.5, {354.204118767, 409.854893195, 450.166710549, 493.039110116, 562.071054846}},
        {7200, {6792.54598997, 7034.64071109, 7199.66666941, 7367.25357587, 7622.73878701}},
        {72001, {70696.0606513, 71476.0306163, 72000.6666669, 72527.8636876, 73321.2247026}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t j = 0; j < 5; j++) {
            const double x = gamma_quantile(rows[i].shape, p[j]);
            assert_near(x / rows[i].quantile[j], 1, 2e-9);
            assert_near(gamma_probability(rows[i].shape, x) / p[j], 1, 1e-8);
        }
    }
    assert_near(gamma_probability(3, 0), 0, 0);
    assert_near(gamma_probability(3, -1), 0, 0);
}

/* Garwood's table, and weighted sums by the formula of Fay and Feuer in scipy. */
static void intervals_agree_with_tables(void **state)
{
    (void)state;
    static const struct {
        double sum, squares, weight, level, low, high;
    } rows[] = {
        {0, 0, 1, 0.95, 0, 3.68887945},
        {1, 1, 1, 0.95, 0.025317808, 5.57164339},
        {10, 10, 1, 0.95, 4.7953887, 18.390356},
        {100, 100, 1, 0.95, 81.3639913, 121.626794},
        {0, 0, 16384, 0.95, 0, 60438.601},
        {0.0325, 0.00023125, 0.01, 0.95, 0.00986487473, 0.0848990083},
        {1500, 90000, 100, 0.999999, 457.319538, 3647.96001},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct share_interval interval =
            share_stats_interval(rows[i].sum, rows[i].squares, rows[i].weight, rows[i].level);
        assert_near(interval.low, rows[i].low, rows[i].low * 1e-7);
        assert_near(interval.high, rows[i].high, rows[i].high * 1e-7);
    }
}

/* --- a simulated miner --------------------------------------------------------------------------
 */

static uint64_t random_state = 88172645463325252u;

static double random_unit(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return ((double)(random_state >> 11) + 0.5) / 9007199254740992.0;
}

struct miner {
    struct share_stats stats;
    hb_mono now;
    double hashrate_hs, difficulty, to_next; /* hashes until the next share */
    double credited;                         /* part of the shares that the pool accepts */
};

static void hash_a_second(struct miner *miner)
{
    miner->now = mono_add_ms(miner->now, 1000);
    share_stats_worked(&miner->stats, miner->now, miner->hashrate_hs, 1000, miner->difficulty);
    miner->to_next -= miner->hashrate_hs;
    while (miner->to_next < 0) {
        if (random_unit() < miner->credited) {
            share_stats_accepted(&miner->stats, miner->now, miner->difficulty);
        }
        miner->to_next -= log(random_unit()) * miner->difficulty * DIFFICULTY_HASHES;
    }
}

/* An hour of work in which the pool settles the difficulty by and by. */
static void hash_an_hour(struct miner *miner, double first_difficulty, double last_difficulty)
{
    for (int second = 0; second < 3600; second++) {
        const double part = fmin(second / 600.0, 1);
        const double before = miner->difficulty;
        miner->difficulty = first_difficulty * pow(last_difficulty / first_difficulty, part);
        if (miner->difficulty != before) { /* luck has no memory */
            miner->to_next = -log(random_unit()) * miner->difficulty * DIFFICULTY_HASHES;
        }
        hash_a_second(miner);
    }
}

static struct miner new_miner(void)
{
    return (struct miner){.now = start, .hashrate_hs = 68e6, .credited = 1};
}

static void the_interval_covers_the_truth_as_often_as_it_says(void **state)
{
    (void)state;
    enum { HOURS = 400 };
    unsigned covered = 0;
    double sum_hs = 0;
    for (int i = 0; i < HOURS; i++) {
        struct miner miner = new_miner();
        hash_an_hour(&miner, 0.05, 0.5);
        struct share_evidence evidence;
        share_stats_get(&miner.stats, &evidence);
        sum_hs += evidence.hashrate_hs;
        covered += evidence.low_hs <= 68e6 && 68e6 <= evidence.high_hs ? 1 : 0;
        assert_near(evidence.counted_hs, 68e6, 1);
        assert_int_equal(evidence.check, SHARE_CHECK_AGREES);
        assert_true(evidence.high_hs < 68e6 * 1.9 && evidence.low_hs > 68e6 / 1.9);
    }
    /* 95 % and a little more; 93 % would be 1.8 standard deviations below. */
    assert_true(covered >= HOURS * 93 / 100);
    assert_true(covered < HOURS);
    assert_near(sum_hs / HOURS / 68e6, 1, 0.02);
}

static void missing_credit_is_noticed(void **state)
{
    (void)state;
    struct miner miner = new_miner();
    miner.credited = 0.6;
    hash_an_hour(&miner, 0.125, 0.125);
    struct share_evidence evidence;
    share_stats_get(&miner.stats, &evidence);
    assert_int_equal(evidence.check, SHARE_CHECK_BELOW);
    assert_string_equal(share_check_word(evidence.check), "below");
    assert_true(evidence.high_hs < evidence.counted_hs);
    /* The hour after, all is well again, and the story is that of the last hour only. */
    miner.credited = 1;
    hash_an_hour(&miner, 0.125, 0.125);
    share_stats_get(&miner.stats, &evidence);
    assert_int_equal(evidence.check, SHARE_CHECK_AGREES);
    assert_near(evidence.work_s, 3600, 61);
}

static void no_credit_at_all_is_noticed_once_there_should_be_some(void **state)
{
    (void)state;
    struct miner miner = new_miner();
    miner.credited = 0;
    miner.difficulty = 0.5; /* a share per half a minute */
    struct share_evidence evidence;
    for (int second = 0; second < 300; second++) {
        hash_a_second(&miner);
        share_stats_get(&miner.stats, &evidence);
        assert_int_equal(evidence.check, SHARE_CHECK_UNKNOWN);
        assert_near(evidence.hashrate_hs, 0, 0);
        assert_near(evidence.low_hs, 0, 0);
        assert_true(evidence.high_hs > 0);
    }
    for (int second = 0; second < 600; second++) {
        hash_a_second(&miner);
    }
    share_stats_get(&miner.stats, &evidence);
    assert_int_equal(evidence.check, SHARE_CHECK_BELOW);
}

static void more_shares_than_hashes_is_noticed(void **state)
{
    (void)state;
    struct share_stats stats = {0};
    hb_mono now = start;
    for (int i = 0; i < 600; i++) {
        now = mono_add_ms(now, 1000);
        share_stats_worked(&stats, now, DIFFICULTY_HASHES / 2, 1000, 1);
        share_stats_accepted(&stats, now, 1);
    }
    struct share_evidence evidence;
    share_stats_get(&stats, &evidence);
    assert_int_equal(evidence.check, SHARE_CHECK_ABOVE);
    assert_int_equal(evidence.shares, 600);
    assert_near(evidence.hashrate_hs, DIFFICULTY_HASHES, 1);
    assert_near(evidence.counted_hs, DIFFICULTY_HASHES / 2, 1);
}

static void nothing_known_is_not_zero(void **state)
{
    (void)state;
    struct share_stats stats = {0};
    struct share_evidence evidence;
    share_stats_get(&stats, &evidence);
    assert_true(isnan(evidence.hashrate_hs) && isnan(evidence.low_hs) && isnan(evidence.high_hs));
    assert_true(isnan(evidence.counted_hs));
    assert_int_equal(evidence.check, SHARE_CHECK_UNKNOWN);
    assert_null(share_check_word(evidence.check));
}

static void a_long_pause_forgets_everything(void **state)
{
    (void)state;
    struct share_stats stats = {0};
    share_stats_worked(&stats, start, 1e9, 1000, 1);
    share_stats_accepted(&stats, start, 1);
    struct share_evidence evidence;
    share_stats_worked(&stats, mono_add_ms(start, 59 * MINUTE_MS), 1e9, 1000, 1);
    share_stats_get(&stats, &evidence);
    assert_int_equal(evidence.shares, 1);
    assert_near(evidence.work_s, 2, 0);
    share_stats_worked(&stats, mono_add_ms(start, INT64_C(100000) * MINUTE_MS), 1e9, 1000, 1);
    share_stats_get(&stats, &evidence);
    assert_int_equal(evidence.shares, 0);
    assert_near(evidence.work_s, 1, 0);
}

/* --- averages -----------------------------------------------------------------------------------
 */

static void averages_are_over_their_own_time(void **state)
{
    (void)state;
    struct averages averages = {0};
    hb_mono now = start;
    double count = 0;
    assert_true(isnan(averages_per_s(&averages, AVERAGES_MINUTE_MS)));
    averages_note(&averages, now, count);
    assert_true(isnan(averages_per_s(&averages, AVERAGES_MINUTE_MS)));
    /* Twenty minutes at 100 a second, then 30 seconds at 400, in steps that do not divide 5 s. */
    for (int i = 0; i < (20 * MINUTE_MS + 30000) / 240; i++) {
        const bool late = mono_age_ms(now, start) >= INT64_C(20) * MINUTE_MS;
        now = mono_add_ms(now, 240);
        count += 0.24 * (late ? 400 : 100);
        averages_note(&averages, now, count);
        if (!late) {
            assert_near(averages_per_s(&averages, AVERAGES_MINUTE_MS), 100, 1e-6);
            assert_near(averages_per_s(&averages, AVERAGES_QUARTER_MS), 100, 1e-6);
        }
    }
    assert_near(averages_per_s(&averages, AVERAGES_MINUTE_MS), 250, 13);
    assert_near(averages_per_s(&averages, AVERAGES_QUARTER_MS), 110, 0.2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_agree_with_an_outside_program),
        cmocka_unit_test(intervals_agree_with_tables),
        cmocka_unit_test(the_interval_covers_the_truth_as_often_as_it_says),
        cmocka_unit_test(missing_credit_is_noticed),
        cmocka_unit_test(no_credit_at_all_is_noticed_once_there_should_be_some),
        cmocka_unit_test(more_shares_than_hashes_is_noticed),
        cmocka_unit_test(nothing_known_is_not_zero),
        cmocka_unit_test(a_long_pause_forgets_everything),
        cmocka_unit_test(averages_are_over_their_own_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
