/* What a circuit asks of the hosts of its heaters. */
#include "tests/devices/rig.h"

static void order_for_circuit(struct rig *rig, double power_w)
{
    const struct heater_command command = {.seq = ++rig->seq,
                                           .issued = rig->now,
                                           .expires = mono_add_ms(rig->now, 3600000),
                                           .power_w = power_w,
                                           .why = REASON_CIRCUIT};
    host_command(rig->host, &command, rig->now);
}

static void less_for_a_circuit_does_not_wait_for_the_last_write(void **state)
{
    (void)state;
    struct fake fake = fake_make();
    struct rig rig;
    fake.caps.min_write_ms = 600000;
    fake.wears = true;
    rig_prepare(&rig, &fake_driver, &fake);
    rig_create(&rig);
    (void)rig_order(&rig, 800, 3600000);
    rig_run(&rig, 15000);
    order_for_circuit(&rig, 500);
    rig_run(&rig, 15000);
    assert_near(fake.set_w, 500, 0);
    order_for_circuit(&rig, 700); /* more does */
    rig_run(&rig, 500000);
    assert_near(fake.set_w, 500, 0);
    rig_run(&rig, 120000);
    assert_near(fake.set_w, 700, 0);
    (void)rig_order(&rig, 600, 3600000); /* and so does less for another reason */
    rig_run(&rig, 500000);
    assert_near(fake.set_w, 700, 0);
    rig_destroy(&rig);
}

static void a_meter_goes_on_while_its_heater_is_silent(void **state)
{
    (void)state;
    struct fake fake = fake_make();
    struct rig rig;
    rig_prepare(&rig, &fake_driver, &fake);
    rig.config.power_meter.stale_after_ms = 60000;
    rig_create(&rig);
    rig_run(&rig, 5000);
    fake.silent = true;
    rig_run(&rig, 60000);
    assert_int_equal(rig.state.link, HEATER_LINK_LOST);
    const unsigned before = rig.states;
    host_metered(rig.host, 3, rig.now);
    assert_int_equal(rig.states, before + 1);
    assert_int_equal(rig.state.link, HEATER_LINK_LOST);
    assert_near(rig.state.power_w.value, 3, 0);
    assert_int_equal(rig.state.power_w.from, PROVENANCE_METERED);
    assert_int_equal(rig.state.power_w.at.ms, rig.now.ms);
    rig_destroy(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(less_for_a_circuit_does_not_wait_for_the_last_write),
        cmocka_unit_test(a_meter_goes_on_while_its_heater_is_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
