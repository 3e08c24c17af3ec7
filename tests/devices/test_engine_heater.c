/* The mining engine as a heater: watts in, duty out, and nothing told that is not known. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices/engine_heater.h"
#include "tests/devices/fake_miner.h"
#include "tests/devices/rig.h"

#define LEASE_MS 3600000

struct bench {
    struct rig rig;
    struct miner_engine engine;
    struct engine_options *options;
};

static void start(struct bench *b, double max_w, double cpu_w, double idle_w, int meter)
{
    b->engine = fake_miner_make();
    b->options = rig_default_options(&engine_heater);
    rig_prepare(&b->rig, &engine_heater, b->options);
    b->options->cpu_power = cpu_w;
    b->options->idle_power = idle_w;
    b->options->meter = meter;
    b->rig.config.max_w = max_w;
    b->rig.options.engine = &b->engine;
    rig_create(&b->rig);
}

static void end(struct bench *b)
{
    rig_destroy(&b->rig);
    free(b->options);
}

static void a_command_sets_the_duty_and_is_confirmed_at_once(void **state)
{
    (void)state;
    struct bench b;
    start(&b, 1000, NAN, 0, ENGINE_METER_MODEL);
    assert_near(host_caps(b.rig.host)->max_w, 1000, 0);
    assert_near(host_caps(b.rig.host)->min_w, 10, 1e-9);
    uint64_t seq = rig_order(&b.rig, 400, LEASE_MS);
    assert_near(b.engine.stats.duty_ratio, 0.4, 1e-12);
    assert_int_equal(rig_told(&b.rig, seq, COMMAND_CONFIRMED), 1);
    assert_near(b.rig.state.power_w.value, 400, 1e-6);
    assert_int_equal(b.rig.state.power_w.from, PROVENANCE_MODELLED);
    assert_near(b.rig.state.hashrate_hs.value, 4e6, 1e-3);
    (void)rig_order(&b.rig, 0, LEASE_MS);
    assert_near(b.engine.stats.duty_ratio, 0, 0);
    assert_near(b.rig.state.power_w.value, 0, 0);
    end(&b);
    assert_int_equal(b.engine.sets, 3); /* on, off, and off at the end */
}

static void idle_power_is_not_hashed(void **state)
{
    (void)state;
    struct bench b;
    start(&b, 0, 110, 10, ENGINE_METER_MODEL);
    assert_near(host_caps(b.rig.host)->min_w, 11, 1e-9);
    assert_near(host_caps(b.rig.host)->standby_w, 10, 0);
    (void)rig_order(&b.rig, 60, LEASE_MS);
    assert_near(b.engine.stats.duty_ratio, 0.5, 1e-12);
    assert_near(b.rig.state.power_w.value, 60, 1e-9);
    (void)rig_order(&b.rig, 0, LEASE_MS);
    assert_near(b.rig.state.power_w.value, 10, 0);
    end(&b);
}

static void max_power_below_the_calibration_keeps_the_scale(void **state)
{
    (void)state;
    struct bench b;
    start(&b, 50, 100, 0, ENGINE_METER_MODEL);
    assert_near(host_caps(b.rig.host)->max_w, 50, 0);
    (void)rig_order(&b.rig, 50, LEASE_MS);
    assert_near(b.engine.stats.duty_ratio, 0.5, 1e-12);
    end(&b);
}

static void the_best_figure_for_the_power_is_passed_on_with_its_source(void **state)
{
    (void)state;
    static const struct {
        enum miner_power_source source;
        enum provenance expected;
    } sources[] = {{MINER_POWER_MODELLED, PROVENANCE_MODELLED},
                   {MINER_POWER_REPORTED, PROVENANCE_REPORTED},
                   {MINER_POWER_METERED, PROVENANCE_METERED}};
    struct bench b;
    start(&b, 100, NAN, 0, ENGINE_METER_AUTO);
    (void)rig_order(&b.rig, 50, LEASE_MS);
    for (size_t i = 0; i < 3; i++) {
        b.engine.stats.power_source = sources[i].source;
        b.engine.stats.power_w = 71;
        b.engine.stats.power_age_ms = 300;
        rig_run(&b.rig, 2000);
        assert_near(b.rig.state.power_w.value, 71, 0);
        assert_int_equal(b.rig.state.power_w.from, sources[i].expected);
        assert_int_equal(mono_age_ms(b.rig.state.at, b.rig.state.power_w.at), 300);
    }
    end(&b);
}

static void the_users_meter_is_believed_and_learnt_from(void **state)
{
    (void)state;
    struct bench b;
    start(&b, 100, NAN, 0, ENGINE_METER_AUTO);
    b.rig.config.power_meter.stale_after_ms = 60000;
    (void)rig_order(&b.rig, 50, LEASE_MS);
    host_metered(b.rig.host, 83, b.rig.now);
    assert_near(b.engine.noted_w, 83, 0);
    rig_run(&b.rig, 2000);
    assert_near(b.rig.state.power_w.value, 83, 0);
    assert_int_equal(b.rig.state.power_w.from, PROVENANCE_METERED);
    rig_run(&b.rig, 61000); /* it is silent */
    assert_near(b.rig.state.power_w.value, 50, 0);
    assert_int_equal(b.rig.state.power_w.from, PROVENANCE_MODELLED);
    end(&b);
}

static void the_scale_is_what_is_configured_or_rated_or_assumed(void **state)
{
    (void)state;
    struct bench b;
    start(&b, 0, NAN, 0, ENGINE_METER_AUTO);
    assert_near(b.engine.scale.full_w, 65, 0);
    assert_int_equal(b.engine.scale.meter, MINER_METER_AUTO);
    end(&b);
    start(&b, 0, 110, 10, ENGINE_METER_RAPL);
    assert_near(b.engine.scale.full_w, 110, 0);
    assert_near(b.engine.scale.idle_w, 10, 0);
    assert_int_equal(b.engine.scale.meter, MINER_METER_RAPL);
    end(&b);
    b.engine = fake_miner_make();
    b.engine.rated_w = 125;
    b.options = rig_default_options(&engine_heater);
    b.options->idle_power = 5;
    rig_prepare(&b.rig, &engine_heater, b.options);
    b.rig.options.engine = &b.engine;
    rig_create(&b.rig);
    assert_near(b.engine.scale.full_w, 130, 0);
    assert_int_equal(b.engine.scale.meter, MINER_METER_AUTO);
    end(&b);
}

/* What was learnt in an earlier run says what the heater can do, but refuses no configuration. */
static void what_was_learnt_makes_the_abilities(void **state)
{
    (void)state;
    struct bench b;
    b.engine = fake_miner_make();
    b.engine.stats.calibrated_by = MINER_POWER_REPORTED;
    b.engine.stats.idle_w = 9;
    b.engine.stats.full_w = 48;
    b.options = rig_default_options(&engine_heater);
    rig_prepare(&b.rig, &engine_heater, b.options);
    b.rig.options.engine = &b.engine;
    rig_create(&b.rig);
    assert_near(host_caps(b.rig.host)->max_w, 48, 0);
    assert_near(host_caps(b.rig.host)->standby_w, 9, 0);
    rig_destroy(&b.rig);
    b.rig.config.min_w = 60;
    b.rig.config.max_w = 65;
    rig_create(&b.rig);
    assert_near(host_caps(b.rig.host)->min_w, 60, 0);
    assert_near(host_caps(b.rig.host)->max_w, 60, 0);
    end(&b);
}

/* Other programs draw power as well: that is no disobedience. */
static void what_others_draw_is_not_held_against_it(void **state)
{
    (void)state;
    struct bench b;
    start(&b, 100, NAN, 0, ENGINE_METER_AUTO);
    b.engine.stats.power_source = MINER_POWER_METERED;
    uint64_t seq = rig_order(&b.rig, 0, LEASE_MS);
    b.engine.stats.power_w = 95;
    rig_run(&b.rig, 600000);
    assert_int_equal(rig_told(&b.rig, seq, COMMAND_FAILED), 0);
    assert_false(b.rig.state.problem);
    assert_int_equal(rig_stats(&b.rig).retries, 0);
    end(&b);
}

static void a_hot_processor_is_told(void **state)
{
    (void)state;
    struct bench b;
    start(&b, 100, NAN, 0, ENGINE_METER_MODEL);
    (void)rig_order(&b.rig, 80, LEASE_MS);
    b.engine.stats.guard = MINER_GUARD_WARM;
    b.engine.stats.cpu_c = 85.2;
    b.engine.stats.duty_ratio = 0.42;
    b.engine.stats.link = MINER_LINK_LOST; /* the lesser problem */
    rig_run(&b.rig, 2000);
    assert_true(b.rig.state.problem);
    assert_string_equal(b.rig.state.problem_text,
                        "the processor is at its temperature limit (85 °C), heating is reduced to "
                        "42 %");
    b.engine.stats.guard = MINER_GUARD_CRITICAL;
    rig_run(&b.rig, 2000);
    assert_non_null(strstr(b.rig.state.problem_text, "too hot (85 °C), heating pauses"));
    b.engine.stats.guard = MINER_GUARD_BLIND;
    rig_run(&b.rig, 2000);
    assert_non_null(strstr(b.rig.state.problem_text, "cannot be read any more"));
    b.engine.stats.link = MINER_LINK_OK;
    b.engine.stats.guard = MINER_GUARD_OPEN;
    rig_run(&b.rig, 2000);
    assert_false(b.rig.state.problem);
    end(&b);
}

static void what_the_work_tells_is_passed_on(void **state)
{
    (void)state;
    struct bench b;
    start(&b, 100, NAN, 0, ENGINE_METER_MODEL);
    struct miner_figures *figures = &b.engine.stats.figures;
    (void)rig_order(&b.rig, 100, LEASE_MS);
    const struct heater_work *work = &b.rig.state.work;
    assert_true(host_caps(b.rig.host)->sees_work);
    assert_int_equal(work->revenue_from, REVENUE_UNKNOWN); /* no job yet: unknown, not nothing */
    assert_false(mono_is_set(work->sat_per_hour.at));
    assert_false(mono_is_set(work->network_difficulty.at));
    assert_false(mono_is_set(work->proven_hs.at));
    assert_int_equal(work->blocks_found, 0);
    figures->economics = (struct economics){
        .network_difficulty = 1e14, .reward_sat = 3.125e8, .source = REWARD_JOB, .fee_ratio = 0.02};
    figures->average_15m_hs = 9.5e6;
    figures->shares = (struct share_evidence){.hashrate_hs = 9e6,
                                              .low_hs = 8e6,
                                              .high_hs = 10.1e6,
                                              .counted_hs = 9.5e6,
                                              .check = SHARE_CHECK_AGREES};
    figures->blocks_found = 1;
    figures->block = (struct miner_block){.hash = "00ff", .difficulty = 2e14, .height = 900000};
    rig_run(&b.rig, 2000);
    assert_near(work->sat_per_hour.value, 0.98 * 3.125e8 * 10e6 * 3600 / (1e14 * 4294967296.0),
                1e-9);
    assert_int_equal(work->revenue_from, REVENUE_JOB);
    assert_near(work->network_difficulty.value, 1e14, 0);
    assert_near(work->average_hs.value, 9.5e6, 0);
    assert_near(work->proven_hs.value, 9e6, 0);
    assert_near(work->proven_high_hs, 10.1e6, 0);
    assert_int_equal(work->check, WORK_CHECK_AGREES);
    assert_int_equal(work->blocks_found, 1);
    assert_string_equal(work->block.hash, "00ff");
    assert_int_equal(work->block.height, 900000);
    assert_false(b.rig.state.problem);
    end(&b);
}

static void missing_credit_is_a_problem_in_plain_words(void **state)
{
    (void)state;
    struct bench b;
    start(&b, 100, NAN, 0, ENGINE_METER_MODEL);
    struct share_evidence *shares = &b.engine.stats.figures.shares;
    *shares = (struct share_evidence){.hashrate_hs = 5e6,
                                      .low_hs = 4e6,
                                      .high_hs = 6e6,
                                      .counted_hs = 10e6,
                                      .check = SHARE_CHECK_BELOW};
    rig_run(&b.rig, 2000);
    assert_true(b.rig.state.problem);
    assert_non_null(strstr(b.rig.state.problem_text, "only 40 to 60 % of the hashes"));
    shares->check = SHARE_CHECK_ABOVE;
    rig_run(&b.rig, 2000);
    assert_non_null(strstr(b.rig.state.problem_text, "more shares"));
    b.engine.stats.link = MINER_LINK_LOST; /* the nearer trouble is told */
    rig_run(&b.rig, 2000);
    assert_non_null(strstr(b.rig.state.problem_text, "no mining pool answers"));
    end(&b);
}

static void a_lost_pool_is_told_in_plain_words(void **state)
{
    (void)state;
    struct bench b;
    start(&b, 100, NAN, 0, ENGINE_METER_MODEL);
    (void)rig_order(&b.rig, 50, LEASE_MS);
    assert_int_equal(b.rig.state.pool_link, POOL_OK);
    assert_string_equal(b.rig.state.pool, "pool.example:3333");
    assert_false(b.rig.state.problem);
    b.engine.stats.link = MINER_LINK_LOST;
    memcpy(b.engine.stats.message, "connection refused", sizeof "connection refused");
    rig_run(&b.rig, 2000);
    assert_int_equal(b.rig.state.pool_link, POOL_LOST);
    assert_true(b.rig.state.problem);
    assert_string_equal(b.rig.state.problem_text,
                        "no mining pool answers, heating goes on with work of its own: "
                        "connection refused");
    b.engine.stats.hashing = false;
    rig_run(&b.rig, 2000);
    assert_non_null(strstr(b.rig.state.problem_text, "heating pauses"));
    b.engine.stats.link = MINER_LINK_OK;
    rig_run(&b.rig, 2000);
    assert_false(b.rig.state.problem);
    end(&b);
}

static void shares_and_temperatures_are_passed_on_and_unknown_stays_unknown(void **state)
{
    (void)state;
    struct bench b;
    start(&b, 100, NAN, 0, ENGINE_METER_MODEL);
    rig_run(&b.rig, 1000);
    assert_false(mono_is_set(b.rig.state.chip_c.at));
    assert_false(mono_is_set(b.rig.state.fan_ratio.at));
    b.engine.stats.cpu_c = 61;
    b.engine.stats.accepted = 12;
    b.engine.stats.rejected[REJECT_STALE] = 2;
    b.engine.stats.rejected[REJECT_DUPLICATE] = 3;
    b.engine.stats.rejected[REJECT_OTHER] = 4;
    b.engine.stats.best_difficulty = 8.5;
    rig_run(&b.rig, 1000);
    assert_near(b.rig.state.chip_c.value, 61, 0);
    assert_int_equal(b.rig.state.shares_accepted, 12);
    assert_int_equal(b.rig.state.shares_stale, 2);
    assert_int_equal(b.rig.state.shares_rejected, 7);
    assert_near(b.rig.state.best_difficulty, 8.5, 0);
    end(&b);
}

static void each_pool_has_its_account_and_a_change_its_reason(void **state)
{
    (void)state;
    struct bench b;
    start(&b, 0, 65, 0, ENGINE_METER_MODEL);
    b.engine.pool_count = 6; /* the state has room for the first four */
    for (size_t i = 0; i < 6; i++) {
        b.engine.pools[i] = (struct miner_pool_stats){.accepted = 10 + i,
                                                      .rejected = {[REJECT_DUPLICATE] = i},
                                                      .answer_p50_ms = 20,
                                                      .answer_p95_ms = NAN};
        (void)snprintf(b.engine.pools[i].pool, sizeof b.engine.pools[i].pool, "p%zu.example:1", i);
    }
    (void)snprintf(b.engine.stats.pool_reason, sizeof b.engine.stats.pool_reason, "it is back");
    b.engine.stats.pool_changes = 5;
    rig_run(&b.rig, 2000);
    const struct heater_pools *pools = &b.rig.state.pools;
    assert_string_equal(pools->reason, "it is back");
    assert_int_equal(pools->changes, 5);
    assert_int_equal(pools->count, HEATER_POOLS);
    assert_string_equal(pools->list[3].pool, "p3.example:1");
    assert_int_equal(pools->list[3].accepted, 13);
    assert_int_equal(pools->list[3].refused[REFUSAL_DUPLICATE], 3);
    assert_int_equal(pools->list[3].refused[REFUSAL_STALE], 0);
    assert_near(pools->list[3].answer_p50_ms, 20, 0);
    assert_true(isnan(pools->list[3].answer_p95_ms));
    end(&b);
}

static void without_an_engine_or_with_a_wrong_calibration_it_does_not_start(void **state)
{
    (void)state;
    struct bench b;
    start(&b, 100, NAN, 0, ENGINE_METER_MODEL);
    rig_destroy(&b.rig);
    b.options->idle_power = 100;
    assert_null(host_create(&b.rig.options, &b.rig.err));
    assert_non_null(strstr(b.rig.err.msg, "idle_power"));
    b.rig.options.engine = NULL;
    assert_null(host_create(&b.rig.options, &b.rig.err));
    assert_non_null(strstr(b.rig.err.msg, "mining"));
    free(b.options);
}

static void an_expired_lease_stops_the_hashing(void **state)
{
    (void)state;
    struct bench b;
    start(&b, 100, NAN, 0, ENGINE_METER_MODEL);
    (void)rig_order(&b.rig, 80, 5000);
    rig_run(&b.rig, 5000);
    assert_near(b.engine.stats.duty_ratio, 0, 0);
    end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_sets_the_duty_and_is_confirmed_at_once),
        cmocka_unit_test(idle_power_is_not_hashed),
        cmocka_unit_test(max_power_below_the_calibration_keeps_the_scale),
        cmocka_unit_test(the_best_figure_for_the_power_is_passed_on_with_its_source),
        cmocka_unit_test(the_users_meter_is_believed_and_learnt_from),
        cmocka_unit_test(the_scale_is_what_is_configured_or_rated_or_assumed),
        cmocka_unit_test(what_was_learnt_makes_the_abilities),
        cmocka_unit_test(what_others_draw_is_not_held_against_it),
        cmocka_unit_test(a_hot_processor_is_told),
        cmocka_unit_test(what_the_work_tells_is_passed_on),
        cmocka_unit_test(missing_credit_is_a_problem_in_plain_words),
        cmocka_unit_test(a_lost_pool_is_told_in_plain_words),
        cmocka_unit_test(each_pool_has_its_account_and_a_change_its_reason),
        cmocka_unit_test(shares_and_temperatures_are_passed_on_and_unknown_stays_unknown),
        cmocka_unit_test(without_an_engine_or_with_a_wrong_calibration_it_does_not_start),
        cmocka_unit_test(an_expired_lease_stops_the_hashing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
