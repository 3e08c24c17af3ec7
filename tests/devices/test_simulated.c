/* The simulated heater: its physics against closed forms, its failures against the supervision. */
#include <stdlib.h>

#include "devices/simulated.h"
#include "devices/simulated_model.h"
#include "tests/devices/rig.h"

#define LEASE_MS 3600000

static struct simulated_model make_model(void)
{
    struct simulated_model model = {.standby_w = 5,
                                    .max_w = 1000,
                                    .lag_s = 10,
                                    .chip_lag_s = 60,
                                    .inlet_c = 20,
                                    .chip_rise_k = 45,
                                    .hash_per_j = 1e12 / 20};
    simulated_model_rest(&model);
    return model;
}

static void power_approaches_its_set_point_exponentially(void **state)
{
    (void)state;
    struct simulated_model model = make_model();
    simulated_model_step(&model, (hb_mono){1000});
    model.set_w = 1000;
    simulated_model_step(&model, (hb_mono){11000});
    assert_near(model.power_w, 1000 - 995 * exp(-1), 1e-9);
    simulated_model_step(&model, (hb_mono){101000});
    assert_near(model.power_w, 1000, 0.2);
    assert_near(simulated_model_hashrate_hs(&model), (model.power_w - 5) * 5e10, 1);
}

static void many_small_steps_equal_one_large(void **state)
{
    (void)state;
    struct simulated_model fine = make_model();
    struct simulated_model coarse = fine;
    fine.set_w = coarse.set_w = 600;
    simulated_model_step(&coarse, (hb_mono){1});
    for (int64_t ms = 1; ms <= 30001; ms += 100) {
        simulated_model_step(&fine, (hb_mono){ms});
    }
    simulated_model_step(&coarse, (hb_mono){30001});
    assert_near(fine.power_w, coarse.power_w, 1e-6);
}

static void the_chip_ends_at_its_rise_above_the_air_and_time_does_not_go_back(void **state)
{
    (void)state;
    struct simulated_model model = make_model();
    simulated_model_step(&model, (hb_mono){1000});
    model.set_w = 1000;
    for (int64_t s = 2; s < 1000; s++) {
        simulated_model_step(&model, (hb_mono){s * 1000});
    }
    assert_near(model.chip_c, 65, 0.01);
    double power_w = model.power_w;
    model.set_w = 0;
    simulated_model_step(&model, (hb_mono){5000});
    assert_near(model.power_w, power_w, 0);
}

static struct simulated_options *start(struct rig *rig)
{
    struct simulated_options *options = rig_default_options(&simulated_heater);
    rig_prepare(rig, &simulated_heater, options);
    return options;
}

static void it_heats_and_tells_its_power_hashrate_and_chip(void **state)
{
    (void)state;
    struct rig rig;
    struct simulated_options *options = start(&rig);
    rig.config.max_w = 800;
    rig_create(&rig);
    assert_near(host_caps(rig.host)->max_w, 800, 0);
    assert_near(host_caps(rig.host)->min_w, 80, 1e-9);
    uint64_t seq = rig_order(&rig, 800, LEASE_MS);
    rig_run(&rig, 10000);
    assert_int_equal(rig_told(&rig, seq, COMMAND_CONFIRMED), 1);
    assert_near(rig.state.power_w.value, 800, 0.06 * 800); /* 95 % after `settle` */
    assert_int_equal(rig.state.power_w.from, PROVENANCE_REPORTED);
    rig_run(&rig, 600000);
    assert_near(rig.state.power_w.value, 800, 0.1);
    assert_near(rig.state.hashrate_hs.value, 795e12 / 20, 1e10);
    assert_near(rig.state.chip_c.value, 65, 0.1);
    assert_int_equal(rig.state.writes, 1);
    rig_destroy(&rig);
    free(options);
}

static void tiers_become_its_only_levels(void **state)
{
    (void)state;
    struct rig rig;
    struct simulated_options *options = start(&rig);
    options->tiers = (struct config_powers){.w = {300, 700, 1100}, .count = 3};
    options->efficiency = 0;
    rig_create(&rig);
    assert_int_equal(host_caps(rig.host)->tier_count, 3);
    assert_int_equal(rig_told(&rig, rig_order(&rig, 500, LEASE_MS), COMMAND_FAILED), 1);
    (void)rig_order(&rig, 700, LEASE_MS);
    rig_run(&rig, 60000);
    assert_near(rig.state.power_w.value, 700, 1);
    assert_false(mono_is_set(rig.state.hashrate_hs.at));
    assert_true(isnan(rig.state.hashrate_hs.value)); /* it does not mine: unknown, not zero */
    rig_destroy(&rig);
    free(options);
}

/* Runs it into a failure after 20 s and orders another power then. */
static uint64_t fail_as(struct rig *rig, struct simulated_options *options, int failure)
{
    options->fails = failure;
    options->fails_after = 20000;
    rig_create(rig);
    (void)rig_order(rig, 300, LEASE_MS);
    rig_run(rig, 19000);
    assert_int_equal(rig_told(rig, 1, COMMAND_CONFIRMED), 1);
    rig_run(rig, 2000);
    return rig_order(rig, 900, LEASE_MS);
}

static void a_hung_one_is_lost(void **state)
{
    (void)state;
    struct rig rig;
    struct simulated_options *options = start(&rig);
    (void)fail_as(&rig, options, SIMULATED_HANG);
    rig_run(&rig, 10000);
    assert_int_equal(rig.state.link, HEATER_LINK_LOST);
    rig_destroy(&rig);
    free(options);
}

static void one_that_ignores_is_found_out(void **state)
{
    (void)state;
    struct rig rig;
    struct simulated_options *options = start(&rig);
    uint64_t seq = fail_as(&rig, options, SIMULATED_IGNORE);
    rig_run(&rig, 60000);
    assert_int_equal(rig_told(&rig, seq, COMMAND_FAILED), 1);
    assert_int_equal(rig_told(&rig, seq, COMMAND_CONFIRMED), 0);
    rig_destroy(&rig);
    free(options);
}

static void one_that_lies_is_found_out_by_a_meter(void **state)
{
    (void)state;
    struct rig rig;
    struct simulated_options *options = start(&rig);
    options->metered = true;
    uint64_t seq = fail_as(&rig, options, SIMULATED_LIE);
    rig_run(&rig, 60000);
    assert_int_equal(rig_told(&rig, seq, COMMAND_FAILED), 1);
    assert_int_equal(rig_told(&rig, seq, COMMAND_CONFIRMED), 0);
    rig_destroy(&rig);
    free(options);
}

static void a_hot_one_says_so(void **state)
{
    (void)state;
    struct rig rig;
    struct simulated_options *options = start(&rig);
    (void)fail_as(&rig, options, SIMULATED_HOT);
    rig_run(&rig, 2000);
    assert_true(rig.state.chip_c.value > 100);
    rig_destroy(&rig);
    free(options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(power_approaches_its_set_point_exponentially),
        cmocka_unit_test(many_small_steps_equal_one_large),
        cmocka_unit_test(the_chip_ends_at_its_rise_above_the_air_and_time_does_not_go_back),
        cmocka_unit_test(it_heats_and_tells_its_power_hashrate_and_chip),
        cmocka_unit_test(tiers_become_its_only_levels),
        cmocka_unit_test(a_hung_one_is_lost),
        cmocka_unit_test(one_that_ignores_is_found_out),
        cmocka_unit_test(one_that_lies_is_found_out_by_a_meter),
        cmocka_unit_test(a_hot_one_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
