/* The contract of devices/driver.h, asked of every registered driver: a new family is covered by
 * its row in the registry. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "devices/caps.h"
#include "devices/registry.h"
#include "ground/text.h"
#include "tests/devices/fake_miner.h"
#include "tests/devices/rig.h"

static const hb_mono NOW = {5000};

/* A driver's instance by hand, without a host. */
struct hands {
    const struct heater_driver *driver;
    void *instance, *options;
    struct miner_engine engine;
    struct heater_env env;
    struct heater_caps caps;
    struct heater_state state;
    unsigned reports, writes;
    pthread_t owner;
};

static void check_reading(const struct reading *reading)
{
    if (mono_is_set(reading->at)) {
        assert_true(isfinite(reading->value));
        assert_int_not_equal(reading->from, PROVENANCE_UNKNOWN);
    } else {
        assert_true(isnan(reading->value)); /* unknown is never zero */
    }
}

static void take_write(void *ctx, enum write_kind kind)
{
    struct hands *h = ctx;
    (void)kind;
    h->writes++;
}

static void take_report(void *ctx, const struct heater_state *state)
{
    struct hands *h = ctx;
    assert_true(pthread_equal(pthread_self(), h->owner));
    assert_true(mono_is_set(state->at));
    check_reading(&state->power_w);
    check_reading(&state->hashrate_hs);
    check_reading(&state->chip_c);
    check_reading(&state->board_c);
    check_reading(&state->inlet_c);
    check_reading(&state->fan_ratio);
    check_reading(&state->uptime_s);
    assert_true(isnan(state->applied_w) || state->applied_w >= 0);
    assert_true(state->problem == (state->problem_text[0] != '\0'));
    h->state = *state;
    h->reports++;
}

static void pick_up(struct hands *h, const struct heater_driver *driver)
{
    *h = (struct hands){.driver = driver, .owner = pthread_self()};
    h->engine = fake_miner_make();
    h->instance = calloc(1, driver->instance_size);
    h->options = rig_default_options(driver);
    h->env = (struct heater_env){.engine = &h->engine,
                                 .id = "ofen",
                                 .options = h->options,
                                 .report = take_report,
                                 .wrote = take_write,
                                 .report_ctx = h};
}

static void put_down(struct hands *h)
{
    h->driver->fini(h->instance);
    free(h->instance);
    free(h->options);
}

static void init(struct hands *h)
{
    struct hb_err err = {0};
    if (!h->driver->init(h->instance, &h->env, &h->caps, &err)) {
        fail_msg("%s: init: %s", h->driver->name, err.msg);
    }
}

static void for_each_driver(void (*check)(struct hands *h))
{
    for (size_t i = 0; heater_drivers[i] != NULL; i++) {
        struct hands h;
        pick_up(&h, heater_drivers[i]);
        check(&h);
        put_down(&h);
    }
}

/* --- the checks
 * ---------------------------------------------------------------------------------*/

static void check_description(struct hands *h)
{
    const struct heater_driver *d = h->driver;
    assert_true(text_is_id(d->name));
    assert_true(strlen(d->summary) > 10);
    assert_true(d->instance_size > 0);
    assert_in_range(d->poll_ms, 200, 600000);
    assert_ptr_equal(heater_driver_find(d->name), d);
    for (const struct config_item *item = d->options; item != NULL && item->name != NULL; item++) {
        assert_true(text_is_id(item->name));
        assert_non_null(item->help);
        assert_true(item->type != CONFIG_ENUM || item->choices != NULL);
    }
}

static void every_driver_describes_itself(void **state)
{
    (void)state;
    for_each_driver(check_description);
    assert_null(heater_driver_find("nonesuch"));
}

static void check_fini_only(struct hands *h)
{
    assert_int_equal(h->reports, 0); /* put_down calls fini on a zeroed instance */
}

static void check_failed_init(struct hands *h)
{
    struct hb_err err = {0};
    h->env.engine = NULL;
    if (!h->driver->init(h->instance, &h->env, &h->caps, &err)) {
        assert_true(err.msg[0] != '\0');
    }
}

static void fini_is_legal_without_or_after_a_failed_init(void **state)
{
    (void)state;
    for_each_driver(check_fini_only);
    for_each_driver(check_failed_init);
}

static void check_caps(struct hands *h)
{
    struct hb_err err = {0};
    init(h);
    if (!caps_check(&h->caps, &err)) {
        fail_msg("%s: %s", h->driver->name, err.msg);
    }
    assert_int_equal(h->reports, 0); /* init makes no traffic */
}

static void abilities_are_sane_and_init_is_quiet(void **state)
{
    (void)state;
    for_each_driver(check_caps);
}

static bool allowed(const struct hands *h, double power_w)
{
    struct hb_err err = {0};
    struct heater_command command = {
        .seq = 1, .issued = NOW, .expires = {9000}, .power_w = power_w};
    bool good = caps_allow(&h->caps, power_w, &err) &&
                (h->driver->test == NULL || h->driver->test(h->instance, &command, &err));
    assert_true(good || err.msg[0] != '\0');
    return good;
}

static void check_test(struct hands *h)
{
    init(h);
    const bool takes_commands = !h->caps.observe_only;
    assert_int_equal(allowed(h, 0), takes_commands);
    assert_int_equal(allowed(h, h->caps.min_w), takes_commands);
    assert_int_equal(allowed(h, h->caps.max_w), takes_commands);
    assert_false(allowed(h, h->caps.max_w * 1.01));
    assert_false(allowed(h, h->caps.min_w * 0.9));
    assert_false(allowed(h, -1));
    assert_false(allowed(h, NAN));
    assert_false(allowed(h, INFINITY));
    assert_int_equal(h->reports, 0); /* pure */
}

static void powers_beyond_the_abilities_are_refused(void **state)
{
    (void)state;
    for_each_driver(check_test);
}

/* Drivers with I/O need a loop and a device; without a loop only the others must answer at once. */
static void check_traffic(struct hands *h)
{
    struct heater_command command = {.seq = 1, .issued = NOW, .expires = {9000}};
    init(h);
    h->driver->poll(h->instance, NOW);
    command.power_w = h->caps.max_w;
    h->driver->commit(h->instance, &command, NOW);
    uint64_t writes = h->state.writes;
    unsigned told = h->writes;
    h->driver->commit(h->instance, &command, (hb_mono){6000});
    h->driver->poll(h->instance, (hb_mono){6000});
    assert_int_equal(h->state.writes, writes); /* the same again is not written */
    assert_int_equal(h->writes, told);
    command.power_w = 0;
    h->driver->commit(h->instance, &command, (hb_mono){7000});
    h->driver->poll(h->instance, (hb_mono){7000});
    if (h->reports > 0 && !isnan(h->state.applied_w)) {
        assert_near(h->state.applied_w, 0, 0);
        assert_int_equal(h->state.link, HEATER_LINK_OK);
    }
}

static void commands_are_absolute_and_written_once(void **state)
{
    (void)state;
    for_each_driver(check_traffic);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_driver_describes_itself),
        cmocka_unit_test(fini_is_legal_without_or_after_a_failed_init),
        cmocka_unit_test(abilities_are_sane_and_init_is_quiet),
        cmocka_unit_test(powers_beyond_the_abilities_are_refused),
        cmocka_unit_test(commands_are_absolute_and_written_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
