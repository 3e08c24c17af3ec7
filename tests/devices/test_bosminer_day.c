/* A day of a heater that stabilises for 20 minutes after each change, and whose flash memory takes
 * four a day (P2-legacy): the host with the abilities that driver bosminer declares, in virtual
 * time. */
#include <math.h>
#include <stdlib.h>

#include "devices/bosminer.h"
#include "tests/devices/rig.h"

#define HOUR_MS   3600000
#define MINUTE_MS 60000
#define LEASE_MS  (2 * HOUR_MS)

static struct heater_caps declared_caps(void)
{
    struct heater_caps caps = {0};
    struct hb_err err;
    void *options = rig_default_options(&bosminer_heater);
    const struct heater_env env = {.id = "s9", .options = options};
    void *self = calloc(1, bosminer_heater.instance_size);
    assert_non_null(self);
    assert_true(bosminer_heater.init(self, &env, &caps, &err));
    bosminer_heater.fini(self);
    free(self);
    free(options);
    return caps;
}

static void begin(struct rig *rig, struct fake *fake)
{
    *fake = fake_make();
    fake->caps = declared_caps();
    fake->wears = true;
    fake->set_w = 900;
    rig_prepare(rig, &fake_driver, fake);
    rig_create(rig);
}

/* What a thermostat wants in the course of a day, up and down with the sun and with every draught.
 */
static double wanted_w(int minute)
{
    const double day = 2 * 3.14159265 * minute / 1440;
    return round(900 - 350 * sin(day) + 140 * sin(17 * day));
}

static void a_day_has_four_changes(void **state)
{
    struct fake fake;
    struct rig rig;
    (void)state;
    begin(&rig, &fake);
    assert_int_equal(fake.caps.max_writes_per_day, 4);
    assert_int_equal(fake.caps.settle_ms, 20 * MINUTE_MS);
    for (int day = 0; day < 3; day++) {
        const unsigned before = fake.writes;
        for (int minute = 0; minute < 1440; minute += 5) {
            host_set_day(rig.host, 20000 + day, minute / 1440.0);
            (void)rig_order(&rig, wanted_w(minute), LEASE_MS);
            rig_run(&rig, 5 * MINUTE_MS);
        }
        const unsigned changes = fake.writes - before;
        assert_in_range(changes, 2, 4); /* neither more, nor is it left as it was */
    }
    rig_destroy(&rig);
}

static void a_limit_for_safety_is_not_held_back(void **state)
{
    struct fake fake;
    struct rig rig;
    (void)state;
    begin(&rig, &fake);
    host_set_day(rig.host, 20000, 0.5);
    for (int i = 0; i < 8; i++) {
        (void)rig_order(&rig, i % 2 == 0 ? 1400 : 400, LEASE_MS);
        rig_run(&rig, HOUR_MS);
    }
    assert_int_equal(fake.writes, 4);
    assert_int_equal(rig.state.care.waits_for, HEATER_WAIT_NOTHING);
    assert_float_equal(fake.set_w, 400, 0);
    (void)rig_order(&rig, 1400, LEASE_MS);
    rig_run(&rig, HOUR_MS);
    assert_float_equal(fake.set_w, 400, 0); /* spent */
    (void)rig_order(&rig, 0, LEASE_MS);
    rig_run(&rig, 15000);
    assert_float_equal(fake.set_w, 0, 0);
    rig_destroy(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_day_has_four_changes),
        cmocka_unit_test(a_limit_for_safety_is_not_held_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
