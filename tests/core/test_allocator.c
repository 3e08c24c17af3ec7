#include "bridge/control/allocator.h"
#include "tests/support/test.h"

enum { HEATERS_MAX = 3 };
static const int64_t minute_ms = 60000;

/* A room's heaters that do at once what they are told. */
struct bench {
    struct allocator allocator;
    struct heater_caps caps[HEATERS_MAX];
    struct allocator_heater heaters[HEATERS_MAX];
    size_t count;
    hb_mono now;
    double limit_w, energy_ws;
    int writes, starts;
};

static struct bench make_bench(size_t count, double min_w, double max_w)
{
    struct bench bench = {.count = count, .now = {1000}, .limit_w = INFINITY};
    for (size_t i = 0; i < count; i++) {
        bench.caps[i] = (struct heater_caps){.min_w = min_w, .max_w = max_w};
        bench.heaters[i].limit_w = max_w;
    }
    return bench;
}

static void add_tiers(struct heater_caps *caps, const double *tier_w, uint8_t count)
{
    for (uint8_t i = 0; i < count; i++) {
        caps->tier_w[i] = tier_w[i];
    }
    caps->tier_count = count;
    caps->min_w = tier_w[0];
    caps->max_w = tier_w[count - 1];
}

static void share(struct bench *bench, double asked_w, bool wanted)
{
    for (size_t i = 0; i < bench->count; i++) {
        bench->heaters[i].caps = &bench->caps[i];
    }
    allocator_share(&bench->allocator, asked_w, bench->limit_w, wanted, bench->heaters,
                    bench->count, bench->now);
    for (size_t i = 0; i < bench->count; i++) {
        struct allocator_heater *heater = &bench->heaters[i];
        if (heater->next_w != heater->now_w) {
            bench->writes++;
            if ((heater->next_w > 0) != (heater->now_w > 0)) {
                bench->starts += heater->next_w > 0;
                heater->switched = bench->now;
            }
            heater->written = bench->now;
            heater->now_w = heater->next_w;
        }
    }
}

static double total_w(const struct bench *bench)
{
    double total = 0;
    for (size_t i = 0; i < bench->count; i++) {
        total += bench->heaters[i].now_w;
    }
    return total;
}

static void run(struct bench *bench, double asked_w, int64_t ms)
{
    for (int64_t passed_ms = 0; passed_ms < ms; passed_ms += 1000) {
        share(bench, asked_w, true);
        bench->energy_ws += total_w(bench);
        bench->now.ms += 1000;
    }
}

static void test_levels_a_heater_can_hold(void **state)
{
    (void)state;
    static const double tier_w[] = {400, 800, 1200};
    struct heater_caps caps = {.min_w = 100, .max_w = 1010, .step_w = 50};
    assert_near(allocator_level(&caps, 333, INFINITY), 350, 0);
    assert_near(allocator_level(&caps, 20, INFINITY), 100, 0);
    assert_near(allocator_level(&caps, 5000, INFINITY), 1010, 0);
    assert_near(allocator_level(&caps, 500, 340), 300, 0); /* never rounded above the limit */
    assert_near(allocator_level(&caps, 500, 99), 0, 0);
    caps.step_w = 0;
    assert_near(allocator_level(&caps, 333.25, INFINITY), 333.25, 0);
    add_tiers(&caps, tier_w, 3);
    assert_near(allocator_level(&caps, 650, INFINITY), 800, 0);
    assert_near(allocator_level(&caps, 5000, 900), 800, 0);
    assert_near(allocator_level(&caps, 5000, 300), 0, 0);
}

static void test_quick_heater_follows_at_once(void **state)
{
    (void)state;
    struct bench bench = make_bench(1, 15, 1500);
    share(&bench, 600, true);
    assert_near(total_w(&bench), 600, 0);
    share(&bench, 900, true);
    assert_near(total_w(&bench), 900, 0);
    share(&bench, 0, true);
    assert_near(total_w(&bench), 0, 0);
}

static void test_small_changes_wait_but_arrive(void **state)
{
    (void)state;
    struct bench bench = make_bench(1, 15, 1500);
    share(&bench, 600, true);
    run(&bench, 620, 50000);
    assert_near(total_w(&bench), 600, 0);
    run(&bench, 620, 20000);
    assert_near(total_w(&bench), 620, 0);
    assert_int_equal(bench.writes, 2);
}

static void test_noise_makes_no_chatter(void **state)
{
    (void)state;
    struct bench bench = make_bench(1, 15, 1500);
    for (int i = 0; i < 3600; i++) {
        share(&bench, i % 2 == 0 ? 600 : 606, true);
        bench.now.ms += 1000;
    }
    assert_int_equal(bench.writes, 1);
}

static void test_writes_keep_their_distance(void **state)
{
    (void)state;
    struct bench bench = make_bench(1, 100, 1000);
    bench.caps[0].min_write_ms = 30000;
    share(&bench, 300, true);
    run(&bench, 900, 29000);
    assert_near(total_w(&bench), 300, 0);
    run(&bench, 900, 3000);
    assert_near(total_w(&bench), 900, 0);
    bench.heaters[0].limit_w = 500; /* a limit does not wait */
    share(&bench, 900, true);
    assert_near(total_w(&bench), 500, 0);
}

static void test_pulses_give_the_average(void **state)
{
    (void)state;
    struct bench bench = make_bench(1, 400, 1200);
    bench.caps[0].min_on_ms = 20 * (int32_t)minute_ms;
    bench.caps[0].min_off_ms = 15 * (int32_t)minute_ms;
    run(&bench, 150, 24 * 60 * minute_ms);
    assert_near(bench.energy_ws / 86400, 150, 12);
    assert_true(bench.starts >= 4 && bench.starts <= 30);
}

static void test_dwell_times_are_kept(void **state)
{
    (void)state;
    struct bench bench = make_bench(1, 400, 1200);
    bench.caps[0].min_on_ms = bench.caps[0].min_off_ms = 600000;
    share(&bench, 800, true);
    run(&bench, 0, 599000);
    assert_near(total_w(&bench), 400, 0); /* as little as it can, but on */
    assert_int_equal(bench.heaters[0].hold, HOLD_MIN_ON);
    run(&bench, 0, 3000);
    assert_near(total_w(&bench), 0, 0);
    run(&bench, 800, 590000);
    assert_near(total_w(&bench), 0, 0);
    assert_int_equal(bench.heaters[0].hold, HOLD_MIN_OFF);
    run(&bench, 800, 15000);
    assert_near(total_w(&bench), 800, 0);
    share(&bench, 800, false); /* switched off by a person: at once */
    assert_near(total_w(&bench), 0, 0);
}

static void test_tiers_give_the_average(void **state)
{
    (void)state;
    static const double tier_w[] = {300, 600, 900, 1200};
    struct bench bench = make_bench(1, 300, 1200);
    add_tiers(&bench.caps[0], tier_w, 4);
    run(&bench, 690, 12 * 60 * minute_ms);
    assert_near(bench.energy_ws / 43200, 690, 15);
    assert_true(bench.writes < 120);
}

static void test_second_heater_joins_at_part_load(void **state)
{
    (void)state;
    struct bench bench = make_bench(2, 400, 1000);
    share(&bench, 1300, true);
    assert_near(bench.heaters[0].now_w, 900, 0);
    assert_near(bench.heaters[1].now_w, 400, 0);
    share(&bench, 2000, true);
    assert_near(total_w(&bench), 2000, 0);
    share(&bench, 5000, true);
    assert_near(total_w(&bench), 2000, 0);
}

static void test_heaters_that_are_on_come_first(void **state)
{
    (void)state;
    struct bench bench = make_bench(3, 400, 1000);
    bench.heaters[2].now_w = 500;
    share(&bench, 700, true);
    assert_near(bench.heaters[2].now_w, 700, 0);
    assert_near(bench.heaters[0].now_w, 0, 0);
    bench.heaters[2].limit_w = 0; /* it fails: another takes over */
    share(&bench, 700, true);
    assert_near(bench.heaters[2].now_w, 0, 0);
    assert_near(bench.heaters[0].now_w, 700, 0);
}

static void test_limit_of_the_room_holds_for_the_sum(void **state)
{
    (void)state;
    struct bench bench = make_bench(2, 100, 1000);
    bench.caps[0].min_write_ms = 60000;
    bench.limit_w = 1000;
    share(&bench, 1500, true);
    assert_near(total_w(&bench), 1000, 0);
    bench.limit_w = 600; /* less: at once, even for a device that was just written */
    share(&bench, 1500, true);
    assert_near(total_w(&bench), 600, 0);
    bench.limit_w = 50;
    share(&bench, 1500, true);
    assert_near(total_w(&bench), 0, 0);
}

static void test_switching_device(void **state)
{
    (void)state;
    struct bench bench = make_bench(1, 1500, 1500);
    run(&bench, 500, 6 * 60 * minute_ms);
    assert_near(bench.energy_ws / 21600, 500, 25);
    run(&bench, 1500, 10 * minute_ms);
    assert_near(total_w(&bench), 1500, 0);
    share(&bench, 0, true);
    assert_near(total_w(&bench), 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels_a_heater_can_hold),
        cmocka_unit_test(test_quick_heater_follows_at_once),
        cmocka_unit_test(test_small_changes_wait_but_arrive),
        cmocka_unit_test(test_noise_makes_no_chatter),
        cmocka_unit_test(test_writes_keep_their_distance),
        cmocka_unit_test(test_pulses_give_the_average),
        cmocka_unit_test(test_dwell_times_are_kept),
        cmocka_unit_test(test_tiers_give_the_average),
        cmocka_unit_test(test_second_heater_joins_at_part_load),
        cmocka_unit_test(test_heaters_that_are_on_come_first),
        cmocka_unit_test(test_limit_of_the_room_holds_for_the_sum),
        cmocka_unit_test(test_switching_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
