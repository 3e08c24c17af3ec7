/* The pure rules behind the supervision: budgets of writes, identities, what a meter teaches, and
 * health by evidence. */
#include <string.h>

#include "devices/budget.h"
#include "devices/calibration.h"
#include "devices/caps.h"
#include "devices/health.h"
#include "devices/identity.h"
#include "ground/text.h"
#include "tests/support/test.h"

#define MINUTE_MS 60000
#define HOUR_MS   3600000

/* --- budget ----------------------------------------------------------------------------------- */

static void a_budget_is_spread_over_the_day(void **state)
{
    (void)state;
    struct budget budget = {.per_day = 8};
    assert_true(budget_allows(&budget, BUDGET_SMALL));
    budget.used = 2; /* a quarter, before the day began */
    assert_false(budget_allows(&budget, BUDGET_SMALL));
    assert_true(budget_allows(&budget, BUDGET_LARGE));
    budget.day_gone = 0.5;
    assert_true(budget_allows(&budget, BUDGET_SMALL));
    budget.used = 5;
    assert_false(budget_allows(&budget, BUDGET_SMALL));
    budget.day_gone = 1;
    assert_true(budget_allows(&budget, BUDGET_SMALL));
    budget.used = 6; /* the last quarter is for what matters */
    assert_false(budget_allows(&budget, BUDGET_SMALL));
    assert_true(budget_allows(&budget, BUDGET_LARGE));
    assert_int_equal(budget_left(&budget), 2);
    budget.used = 8;
    assert_false(budget_allows(&budget, BUDGET_LARGE));
    assert_true(budget_allows(&budget, BUDGET_SAFETY));
    budget.used = 11; /* safety went beyond */
    assert_int_equal(budget_left(&budget), 0);
    budget = (struct budget){.used = 100000};
    assert_true(budget_allows(&budget, BUDGET_SMALL));
    assert_int_equal(budget_left(&budget), -1);
}

static void writes_are_weighed(void **state)
{
    (void)state;
    static const struct {
        struct budget_write write;
        enum budget_weight weight;
    } cases[] = {
        {{.from_w = 500, .to_w = 0, .max_w = 1000}, BUDGET_SAFETY},
        {{.from_w = 0, .to_w = 500, .max_w = 1000, .why = REASON_FROST}, BUDGET_SAFETY},
        {{.from_w = 0, .to_w = 500, .max_w = 1000, .why = REASON_HEATING}, BUDGET_LARGE},
        {{.from_w = NAN, .to_w = 500, .max_w = 1000}, BUDGET_LARGE},
        {{.from_w = 500, .to_w = 550, .max_w = 1000}, BUDGET_SMALL},
        {{.from_w = 500, .to_w = 800, .max_w = 1000}, BUDGET_LARGE},
        {{.from_w = 800, .to_w = 500, .max_w = 1000}, BUDGET_LARGE},
        {{.from_w = 550, .to_w = 500, .max_w = 1000, .why = REASON_POWER_LIMIT}, BUDGET_SAFETY},
        {{.from_w = 500, .to_w = 550, .max_w = 1000, .why = REASON_POWER_LIMIT}, BUDGET_SMALL},
        {{.from_w = 550, .to_w = 500, .max_w = 1000, .why = REASON_CIRCUIT}, BUDGET_SAFETY},
        {{.from_w = 500, .to_w = 550, .max_w = 1000, .why = REASON_CIRCUIT}, BUDGET_SMALL},
        {{.from_w = 550, .to_w = 500, .max_w = 1000, .unordered = true}, BUDGET_SAFETY},
        {{.from_w = 0, .to_w = 500, .max_w = 1000, .hopeless = true}, BUDGET_SMALL},
        {{.from_w = 500, .to_w = 0, .max_w = 1000, .hopeless = true}, BUDGET_SAFETY},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(budget_weigh(&cases[i].write), cases[i].weight);
    }
}

/* --- identity --------------------------------------------------------------------------------- */

static void identities_are_compared_however_they_are_written(void **state)
{
    (void)state;
    assert_true(identity_same("AA:BB:CC:DD:EE:FF", "aabb.ccdd.eeff"));
    assert_true(identity_same("aa-bb-cc-dd-ee-ff", "aa:bb:cc:dd:ee:ff"));
    assert_true(identity_same("SN-1234", "sn1234"));
    assert_false(identity_same("aa:bb:cc:dd:ee:ff", "aa:bb:cc:dd:ee:f"));
    assert_false(identity_same("aa:bb:cc:dd:ee:f0", "aa:bb:cc:dd:ee:ff"));
    assert_false(identity_same("", ""));
    assert_false(identity_same(":", "-"));
    assert_false(identity_same("a", ""));
}

/* --- calibration ------------------------------------------------------------------------------ */

static void a_meter_teaches_one_factor(void **state)
{
    (void)state;
    struct calibration c = {0};
    for (int i = 0; i < CALIBRATION_SURE - 1; i++) {
        calibration_learn(&c, 110 + i % 3, 100);
        assert_near(calibration_factor(&c), 0, 0);
    }
    calibration_learn(&c, 111, 100);
    assert_near(calibration_factor(&c), 1.11, 0.005);
    for (int i = 0; i < 1000; i++) {
        /* One pair in ten belongs to different things. */
        calibration_learn(&c, i % 10 == 0 ? 290 : 111, 100);
    }
    assert_near(calibration_factor(&c), 1.11, 0.11 * 0.11);
    for (int i = 0; i < 3000; i++) {
        calibration_learn(&c, 125, 100); /* another power supply */
    }
    assert_near(calibration_factor(&c), 1.25, 0.01);
}

static void nonsense_teaches_nothing(void **state)
{
    (void)state;
    struct calibration c = {0};
    static const double pairs[][2] = {{NAN, 100},    {100, NAN},    {0, 100},   {100, 0},  {-5, -5},
                                      {INFINITY, 1}, {1, INFINITY}, {400, 100}, {100, 400}};
    for (int i = 0; i < 100; i++) {
        for (size_t k = 0; k < sizeof pairs / sizeof pairs[0]; k++) {
            calibration_learn(&c, pairs[k][0], pairs[k][1]);
        }
    }
    assert_int_equal(c.count, 0);
    c = (struct calibration){.factor = NAN, .count = 500}; /* from a damaged store */
    assert_near(calibration_factor(&c), 0, 0);
    calibration_learn(&c, 100, 100);
    assert_near(c.factor, 1, 0);
}

/* --- abilities -------------------------------------------------------------------------------- */

static void an_overheated_heater_gets_one_step_less(void **state)
{
    (void)state;
    struct heater_caps tiers = {
        .min_w = 400, .max_w = 850, .tier_w = {400, 650, 850}, .tier_count = 3};
    caps_cut(&tiers, caps_step_down_w(&tiers));
    assert_int_equal(tiers.tier_count, 2);
    assert_near(tiers.max_w, 650, 0);
    caps_cut(&tiers, 10); /* never nothing */
    assert_near(tiers.max_w, 400, 0);
    assert_near(caps_step_down_w(&tiers), 400, 0);
    struct heater_caps stepless = {.min_w = 100, .max_w = 900};
    assert_near(caps_step_down_w(&stepless), 800, 0);
    assert_true(caps_check(&tiers, NULL));
}

/* --- health ----------------------------------------------------------------------------------- */

struct patient {
    struct health health;
    struct heater_state state;
    struct health_input in;
    unsigned recoveries;
};

static void admit(struct patient *p)
{
    *p = (struct patient){.state = {.link = HEATER_LINK_OK,
                                    .pool_link = POOL_OK,
                                    .pool = "pool.example:3333",
                                    .pool_user = "somebody",
                                    .applied_w = 1000,
                                    .power_w = reading_none(),
                                    .chip_c = reading_none(),
                                    .board_c = reading_none(),
                                    .hashrate_hs = reading_none()}};
    p->in = (struct health_input){.now = {HOUR_MS},
                                  .state = &p->state,
                                  .ordered_w = 1000,
                                  .settled = true,
                                  .max_w = 1000,
                                  .standby_w = 10,
                                  .too_hot_c = 90,
                                  .expected_pool = "pool.example:3333",
                                  .expected_user = "somebody",
                                  .can_restart = true};
}

/* Looks every 5 s; a share each `share_ms`, 0: none. */
static void watch_for(struct patient *p, int64_t duration_ms, double hashrate_hs, int64_t share_ms)
{
    for (int64_t t = 5000; t <= duration_ms; t += 5000) {
        p->in.now = mono_add_ms(p->in.now, 5000);
        p->state.hashrate_hs = reading_make(hashrate_hs, p->in.now, PROVENANCE_REPORTED);
        p->state.shares_accepted += share_ms > 0 && t % share_ms == 0;
        p->recoveries += health_look(&p->health, &p->in);
    }
}

static void a_flatline_is_found_by_its_missing_shares(void **state)
{
    (void)state;
    struct patient p;
    admit(&p);
    watch_for(&p, HOUR_MS, 1.1e12, MINUTE_MS);
    assert_int_equal(p.health.found, HEATER_HEALTHY);
    watch_for(&p, 11 * MINUTE_MS, 1.1e12, 0);
    assert_int_equal(p.health.found, HEATER_HEALTHY); /* bad luck is no fault */
    watch_for(&p, 4 * MINUTE_MS, 1.1e12, 0);
    assert_int_equal(p.health.found, HEATER_STALLED);
    assert_int_equal(p.recoveries, 1);
    watch_for(&p, 6 * HOUR_MS, 1.1e12, 0);
    assert_int_equal(p.health.found, HEATER_STALLED);
    assert_int_equal(p.recoveries, 1);
    watch_for(&p, MINUTE_MS, 1.1e12, MINUTE_MS);
    assert_int_equal(p.health.found, HEATER_HEALTHY);
    watch_for(&p, 30 * MINUTE_MS, 1.1e12, 0);
    assert_int_equal(p.health.found, HEATER_STALLED);
    assert_int_equal(p.recoveries, 1); /* and the human */
    char text[TEXT_MAX];
    health_describe(&p.health, text, sizeof text);
    assert_non_null(strstr(text, "one attempt to recover was made"));
}

static void few_shares_prove_nothing(void **state)
{
    (void)state;
    struct patient p;
    admit(&p);
    watch_for(&p, 3 * HOUR_MS, 1.1e12, 30 * MINUTE_MS);
    watch_for(&p, 6 * HOUR_MS, 1.1e12, 0); /* twelve times as long, but six shares were seen */
    assert_int_equal(p.health.found, HEATER_HEALTHY);
}

static void at_half_power_shares_may_take_twice_as_long(void **state)
{
    (void)state;
    struct patient p;
    admit(&p);
    watch_for(&p, HOUR_MS, 1e12, MINUTE_MS);
    watch_for(&p, 25 * MINUTE_MS, 0.5e12, 0);
    assert_int_equal(p.health.found, HEATER_HEALTHY);
    watch_for(&p, 10 * MINUTE_MS, 0.5e12, 0);
    assert_int_equal(p.health.found, HEATER_STALLED);
}

static void a_pool_that_is_away_explains_missing_shares(void **state)
{
    (void)state;
    struct patient p;
    admit(&p);
    watch_for(&p, HOUR_MS, 1e12, MINUTE_MS);
    p.state.pool_link = POOL_LOST;
    watch_for(&p, 2 * MINUTE_MS, 1e12, 0);
    assert_int_equal(p.health.found, HEATER_HEALTHY);
    watch_for(&p, 2 * MINUTE_MS, 1e12, 0);
    assert_int_equal(p.health.found, HEATER_POOL_LOST);
    assert_int_equal(p.recoveries, 0);
    watch_for(&p, HOUR_MS, 1e12, 0);
    assert_int_equal(p.health.found, HEATER_POOL_LOST);
    assert_int_equal(p.recoveries, 1);
    p.state.pool_link = POOL_OK;
    watch_for(&p, 5000, 1e12, 0);
    assert_int_equal(p.health.found, HEATER_HEALTHY);
    admit(&p);
    p.in.can_restart = false; /* to switch it off and on would only cool the room */
    p.state.pool_link = POOL_LOST;
    watch_for(&p, HOUR_MS, 1e12, 0);
    assert_int_equal(p.recoveries, 0);
}

static void hashes_without_watts_are_not_believed(void **state)
{
    (void)state;
    struct patient p;
    admit(&p);
    for (int i = 0; i < 10; i++) {
        p.state.power_w = reading_make(12, p.in.now, PROVENANCE_METERED);
        watch_for(&p, MINUTE_MS, 1e12, MINUTE_MS);
    }
    assert_int_equal(p.health.found, HEATER_STALLED);
    admit(&p);
    p.state.power_w = reading_make(12, p.in.now, PROVENANCE_MODELLED);
    watch_for(&p, 10 * MINUTE_MS, 1e12, MINUTE_MS);
    assert_int_equal(p.health.found, HEATER_HEALTHY);
}

static void a_miner_that_stops_hashing_is_stalled(void **state)
{
    (void)state;
    struct patient p;
    admit(&p);
    watch_for(&p, 30 * MINUTE_MS, 0, 0);
    assert_int_equal(p.health.found, HEATER_HEALTHY); /* it never did: no miner */
    watch_for(&p, 30 * MINUTE_MS, 1e12, 0);
    watch_for(&p, 9 * MINUTE_MS, 0, 0);
    assert_int_equal(p.health.found, HEATER_HEALTHY);
    watch_for(&p, 2 * MINUTE_MS, 0, 0);
    assert_int_equal(p.health.found, HEATER_STALLED);
    p.in.ordered_w = 0;
    watch_for(&p, 5000, 0, 0);
    assert_int_equal(p.health.found, HEATER_HEALTHY);
}

static void an_overheated_device_is_recovered_once_it_is_cool(void **state)
{
    (void)state;
    struct patient p;
    admit(&p);
    p.state.health = HEATER_OVERHEATED;
    p.state.chip_c = reading_make(75, p.in.now, PROVENANCE_REPORTED);
    watch_for(&p, 30 * MINUTE_MS, 0, 0);
    assert_int_equal(p.health.found, HEATER_OVERHEATED);
    assert_int_equal(p.recoveries, 0);
    p.state.chip_c = reading_make(45, p.in.now, PROVENANCE_REPORTED);
    watch_for(&p, MINUTE_MS, 0, 0);
    assert_int_equal(p.recoveries, 1);
    watch_for(&p, 20 * HOUR_MS, 0, 0);
    assert_int_equal(p.recoveries, 1);
    watch_for(&p, 5 * HOUR_MS, 0, 0);
    assert_int_equal(p.recoveries, 2); /* the next day */
}

static void our_own_limit_shows_as_heat_without_a_recovery(void **state)
{
    (void)state;
    struct patient p;
    admit(&p);
    p.state.board_c = reading_make(91, p.in.now, PROVENANCE_REPORTED);
    watch_for(&p, HOUR_MS, 1e12, MINUTE_MS);
    assert_int_equal(p.health.found, HEATER_OVERHEATED);
    assert_int_equal(p.recoveries, 0);
}

static void a_changed_pool_is_a_drift(void **state)
{
    (void)state;
    struct patient p;
    admit(&p);
    (void)text_copy(p.state.pool, sizeof p.state.pool, "evil.example:3333");
    watch_for(&p, 30000, 1e12, MINUTE_MS);
    assert_int_equal(p.health.found, HEATER_HEALTHY); /* a moment's fail-over */
    watch_for(&p, 2 * MINUTE_MS, 1e12, MINUTE_MS);
    assert_int_equal(p.health.found, HEATER_CONFIG_DRIFT);
    p.in.expected_pool = "pool.example:3333 EVIL.example:3333";
    watch_for(&p, 5000, 1e12, MINUTE_MS);
    assert_int_equal(p.health.found, HEATER_HEALTHY);
    (void)text_copy(p.state.pool_user, sizeof p.state.pool_user, "thief");
    watch_for(&p, 2 * MINUTE_MS, 1e12, MINUTE_MS);
    assert_int_equal(p.health.found, HEATER_CONFIG_DRIFT);
    p.state.pool_user[0] = '\0'; /* it does not say: that is no proof */
    watch_for(&p, 5000, 1e12, MINUTE_MS);
    assert_int_equal(p.health.found, HEATER_HEALTHY);
    assert_int_equal(p.recoveries, 0); /* pools are never written */
}

static void pools_are_listed(void **state)
{
    (void)state;
    assert_true(health_pool_is_listed("a:1", "A:1"));
    assert_true(health_pool_is_listed(" a:1, b:2 ", "b:2"));
    assert_false(health_pool_is_listed("a:1 b:2", "b:22"));
    assert_false(health_pool_is_listed("a:11", "a:1"));
    assert_false(health_pool_is_listed("", "a:1"));
}

static void an_attempt_of_an_earlier_run_counts(void **state)
{
    (void)state;
    struct patient p;
    admit(&p);
    health_tried(&p.health, HEATER_STALLED, p.in.now);
    watch_for(&p, HOUR_MS, 1e12, MINUTE_MS);
    watch_for(&p, HOUR_MS, 1e12, 0);
    assert_int_equal(p.health.found, HEATER_STALLED);
    assert_int_equal(p.recoveries, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_budget_is_spread_over_the_day),
        cmocka_unit_test(writes_are_weighed),
        cmocka_unit_test(identities_are_compared_however_they_are_written),
        cmocka_unit_test(a_meter_teaches_one_factor),
        cmocka_unit_test(nonsense_teaches_nothing),
        cmocka_unit_test(an_overheated_heater_gets_one_step_less),
        cmocka_unit_test(a_flatline_is_found_by_its_missing_shares),
        cmocka_unit_test(few_shares_prove_nothing),
        cmocka_unit_test(at_half_power_shares_may_take_twice_as_long),
        cmocka_unit_test(a_pool_that_is_away_explains_missing_shares),
        cmocka_unit_test(hashes_without_watts_are_not_believed),
        cmocka_unit_test(a_miner_that_stops_hashing_is_stalled),
        cmocka_unit_test(an_overheated_device_is_recovered_once_it_is_cool),
        cmocka_unit_test(our_own_limit_shows_as_heat_without_a_recovery),
        cmocka_unit_test(a_changed_pool_is_a_drift),
        cmocka_unit_test(pools_are_listed),
        cmocka_unit_test(an_attempt_of_an_earlier_run_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
