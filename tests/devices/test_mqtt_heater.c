/* A heater described by its options: what goes together, what it is told, what its words mean. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices/mqtt_heater.h"
#include "devices/mqtt_heater_codec.h"
#include "ground/text.h"
#include "tests/devices/rig.h"

#define LEASE_MS 3600000

static struct mqtt_heater_options *o;

static int set_up(void **state)
{
    (void)state;
    o = rig_default_options(&mqtt_heater);
    o->rated_power = 1000;
    o->lowest_power = o->step = 0;
    (void)text_copy(o->command_topic, TOPIC_MAX, "box/set");
    (void)text_copy(o->state_topic, TOPIC_MAX, "box/state");
    (void)text_copy(o->power_value, NAME_MAX_B, "power");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(o);
    return 0;
}

static void tiers(const char *levels)
{
    o->tiers = (struct config_powers){.w = {300, 600, 900}, .count = 3};
    (void)text_copy(o->levels, MQTT_HEATER_TEXT, levels);
}

/* --- options ---------------------------------------------------------------------------------- */

static void assert_refused(const char *key, const char *text)
{
    const char *wrong = NULL;
    struct hb_err err = {0};
    if (mqtt_heater_check(o, &wrong, &err)) {
        fail_msg("%s was not refused", key);
    }
    assert_string_equal(wrong, key);
    if (strstr(err.msg, text) == NULL) {
        fail_msg("expected '%s' in '%s'", text, err.msg);
    }
}

static void assert_good(void)
{
    const char *wrong = NULL;
    struct hb_err err = {0};
    if (!mqtt_heater_check(o, &wrong, &err)) {
        fail_msg("%s: %s", wrong, err.msg);
    }
}

static void options_must_go_together(void **state)
{
    (void)state;
    assert_good();
    o->rated_power = 0;
    assert_refused("rated_power", "expected the heater's largest power, or tiers, got nothing");
    tiers("");
    assert_good();
    (void)text_copy(o->command, MQTT_HEATER_TEXT, "{level}");
    assert_refused("levels", "a word for each of the 3 tiers, separated by commas, got 0");
    tiers("eco, normal");
    assert_refused("levels", "got 2");
    tiers("eco, normal , turbo");
    assert_refused("off", "expected what switches the heater off");
    (void)text_copy(o->off, MQTT_HEATER_TEXT, "standby");
    assert_good();
    o->power_value[0] = '\0';
    assert_refused("state_topic", "it would never be known to be there");
}

static void options_with_a_switch(void **state)
{
    (void)state;
    (void)text_copy(o->switch_topic, TOPIC_MAX, "box/set");
    assert_refused("switch_topic", "expected a topic of its own");
    (void)text_copy(o->switch_topic, TOPIC_MAX, "box/switch");
    assert_good();
    (void)text_copy(o->ask_topic, TOPIC_MAX, "box/switch");
    assert_refused("ask_topic", "expected a topic of its own");
    o->ask_topic[0] = '\0';
    (void)text_copy(o->applied_value, NAME_MAX_B, "target");
    assert_refused("switched_topic", "expected where the switch's state is told");
    (void)text_copy(o->switched_value, NAME_MAX_B, "on");
    assert_good();
    o->lowest_power = 2000;
    assert_refused("lowest_power", "expected at most rated_power, 1000 W, got 2000 W");
}

static void abilities_follow_from_them(void **state)
{
    (void)state;
    struct heater_caps caps;
    mqtt_heater_caps(o, &caps);
    assert_near(caps.min_w, 100, 0);
    assert_near(caps.max_w, 1000, 0);
    assert_int_equal(caps.tier_count, 0);
    (void)text_copy(o->command, MQTT_HEATER_TEXT, "ON");
    mqtt_heater_caps(o, &caps);
    assert_int_equal(caps.tier_count, 1);
    assert_near(caps.min_w, 1000, 0);
    tiers("");
    mqtt_heater_caps(o, &caps);
    assert_int_equal(caps.tier_count, 3);
    assert_near(caps.min_w, 300, 0);
    assert_near(caps.max_w, 900, 0);
}

/* --- there and back --------------------------------------------------------------------------- */

static void assert_payload(double power_w, const char *command, const char *expected)
{
    char payload[MQTT_HEATER_TEXT];
    (void)text_copy(o->command, MQTT_HEATER_TEXT, command);
    assert_true(mqtt_heater_payload(o, power_w, payload));
    assert_string_equal(payload, expected);
}

static void powers_become_payloads(void **state)
{
    (void)state;
    assert_payload(449.6, "{power}", "450");
    assert_payload(0, "{power}", "0");
    assert_payload(450, "{\"target\":{power},\"mode\":\"manual\"}",
                   "{\"target\":450,\"mode\":\"manual\"}");
    assert_payload(450, "{kilowatt} kW at {percent} %", "0.450 kW at 45 %");
    assert_payload(450, "{unknown} {", "{unknown} {");
    tiers("eco, normal, turbo");
    (void)text_copy(o->off, MQTT_HEATER_TEXT, "standby");
    assert_payload(600, "{level}", "normal");
    assert_payload(900, "{level}", "turbo");
    assert_payload(0, "{level}", "standby");
}

static double applied(enum mqtt_heater_unit unit, const char *payload, struct reply_faults *faults)
{
    struct mqtt_talk_message message = {.topic = "t", .payload = payload, .len = strlen(payload)};
    const struct mqtt_talk_found found = mqtt_talk_read(&message, "", faults);
    o->applied_unit = (int)unit;
    return mqtt_heater_applied_w(o, &found, faults);
}

static void words_become_powers(void **state)
{
    (void)state;
    struct reply_faults faults = {{0}, ""};
    assert_near(applied(MQTT_UNIT_W, "450", &faults), 450, 0);
    assert_near(applied(MQTT_UNIT_KW, " 0.45 ", &faults), 450, 1e-9);
    assert_near(applied(MQTT_UNIT_PERCENT, "45", &faults), 450, 1e-9);
    assert_true(isnan(applied(MQTT_UNIT_W, "unavailable", &faults)));
    assert_int_equal(faults.count[REPLY_RANGE] + faults.count[REPLY_TYPE], 0);
    assert_true(isnan(applied(MQTT_UNIT_PERCENT, "145", &faults)));
    assert_true(isnan(applied(MQTT_UNIT_W, "much", &faults)));
    assert_true(isnan(applied(MQTT_UNIT_W, "nan", &faults)));
    assert_int_equal(faults.count[REPLY_RANGE], 1);
    assert_int_equal(faults.count[REPLY_TYPE], 2);
    tiers("eco, normal, turbo");
    assert_near(applied(MQTT_UNIT_LEVEL, "Turbo", &faults), 900, 0);
    assert_near(applied(MQTT_UNIT_LEVEL, "OFF", &faults), 0, 0);
    assert_true(isnan(applied(MQTT_UNIT_LEVEL, "boost", &faults)));
}

/* --- the driver ------------------------------------------------------------------------------- */

static struct rig rig;
static char said[16][128];
static size_t said_count;
static void (*rig_event)(void *ctx, const struct event *event);

static bool take_subscription(void *ctx, uint16_t index, const char *topic)
{
    (void)ctx;
    (void)index;
    (void)topic;
    return true;
}

static bool take_publication(void *ctx, const char *topic, const char *payload, bool retain)
{
    (void)ctx;
    assert_false(retain);
    assert_true(said_count < 16);
    (void)snprintf(said[said_count++], sizeof said[0], "%s %s", topic, payload);
    return true;
}

static void take_event(void *ctx, const struct event *event)
{
    (void)ctx;
    rig_event(&rig, event);
}

static void start(void)
{
    said_count = 0;
    rig_prepare(&rig, &mqtt_heater, o);
    rig_event = rig.options.event;
    rig.options.event = take_event;
    rig.options.subscribe = take_subscription;
    rig.options.publish = take_publication;
    rig_create(&rig);
}

static void say(const char *payload)
{
    host_message(rig.host, "box/state", payload, strlen(payload), false, rig.now);
}

static void only_what_differs_is_written(void **state)
{
    (void)state;
    (void)text_copy(o->switch_topic, TOPIC_MAX, "box/switch");
    (void)text_copy(o->switched_value, NAME_MAX_B, "on");
    (void)text_copy(o->applied_value, NAME_MAX_B, "target");
    assert_good();
    start();
    rig_run(&rig, 1000);
    say("{\"on\":false,\"target\":600,\"power\":3}");
    assert_near(rig.state.applied_w, 0, 0);
    (void)rig_order(&rig, 600, LEASE_MS);
    assert_int_equal(said_count, 1); /* its set-point is right already */
    assert_string_equal(said[0], "box/switch ON");
    say("{\"on\":true,\"target\":600,\"power\":580}");
    assert_near(rig.state.applied_w, 600, 0);
    assert_int_equal(rig.outcome_count, 1);
    assert_int_equal(rig.outcome[0].result, COMMAND_CONFIRMED);
    (void)rig_order(&rig, 450, LEASE_MS);
    assert_string_equal(said[1], "box/set 450");
    say("{\"on\":true,\"target\":450,\"power\":440}");
    (void)rig_order(&rig, 0, LEASE_MS);
    assert_int_equal(said_count, 3);
    assert_string_equal(said[2], "box/switch OFF");
    say("{\"on\":false,\"target\":450,\"power\":3}");
    assert_near(rig.state.applied_w, 0, 0);
    assert_int_equal(rig_stats(&rig).device_writes, 3);
    rig_destroy(&rig);
}

static void an_order_on_its_way_is_overtaken_by_its_contrary(void **state)
{
    (void)state;
    (void)text_copy(o->applied_value, NAME_MAX_B, "target");
    start();
    rig_run(&rig, 1000);
    say("{\"target\":0,\"power\":3}");
    (void)rig_order(&rig, 500, LEASE_MS);
    say("{\"target\":0,\"power\":3}"); /* said before it came there */
    (void)rig_order(&rig, 0, LEASE_MS);
    assert_int_equal(said_count, 2);
    assert_string_equal(said[0], "box/set 500");
    assert_string_equal(said[1], "box/set 0");
    say("{\"target\":500,\"power\":20}");
    say("{\"target\":0,\"power\":3}");
    assert_int_equal(said_count, 2);
    rig_destroy(&rig);
}

static void a_clamped_value_is_not_shown_as_done(void **state)
{
    (void)state;
    (void)text_copy(o->applied_value, NAME_MAX_B, "target");
    start();
    rig_run(&rig, 1000);
    say("{\"target\":0,\"power\":3}");
    const uint64_t order = rig_order(&rig, 1000, LEASE_MS);
    for (int i = 0; i < 60; i++) {
        rig_run(&rig, 10000);
        say("{\"target\":800,\"power\":800}");
        said_count = 0;
    }
    assert_int_equal(rig_told(&rig, order, COMMAND_CONFIRMED), 0);
    assert_true(rig_told(&rig, order, COMMAND_FAILED) >= 1);
    assert_near(rig.state.applied_w, 800, 0);
    rig_destroy(&rig);
}

static void values_age_and_units_are_minded(void **state)
{
    (void)state;
    o->power_unit = MQTT_UNIT_KW;
    o->hashrate_unit = 1;
    (void)text_copy(o->hashrate_value, NAME_MAX_B, "rate");
    (void)text_copy(o->temperature_value, NAME_MAX_B, "chips[0].t");
    start();
    rig_run(&rig, 1000);
    say("{\"power\":0.58,\"rate\":4200,\"chips\":[{\"t\":61.5}]}");
    assert_near(rig.state.power_w.value, 580, 1e-9);
    assert_int_equal(rig.state.power_w.from, PROVENANCE_REPORTED);
    assert_near(rig.state.hashrate_hs.value, 4.2e12, 1);
    assert_near(rig.state.chip_c.value, 61.5, 0);
    assert_true(isnan(rig.state.applied_w));
    rig_run(&rig, 290000); /* it tells only changes: nothing changed */
    assert_int_equal(rig.state.link, HEATER_LINK_OK);
    assert_near(rig.state.power_w.value, 580, 1e-9);
    rig_run(&rig, 60000); /* but that is believed for so long only */
    assert_int_equal(rig.state.link, HEATER_LINK_LOST);
    rig_destroy(&rig);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(options_must_go_together),
        CASE(options_with_a_switch),
        CASE(abilities_follow_from_them),
        CASE(powers_become_payloads),
        CASE(words_become_powers),
        CASE(only_what_differs_is_written),
        CASE(an_order_on_its_way_is_overtaken_by_its_contrary),
        CASE(a_clamped_value_is_not_shown_as_done),
        CASE(values_age_and_units_are_minded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
