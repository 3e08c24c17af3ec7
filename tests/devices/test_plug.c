/* A plug behind its host on a simulated clock: two-phase off, cycles, what is written, and what
 * counts as a sign of life. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices/plug.h"
#include "ground/text.h"
#include "tests/devices/rig.h"

#define LEASE_MS (48 * 3600000LL)

/* --- the driver behind its host --------------------------------------------------------------- */

/* A Zigbee2MQTT plug and its broker. */
static struct house {
    struct rig rig;
    struct plug_options *options;
    bool closed, silent, broker, kept_memory;
    double rated_w;
    int64_t stop_takes_ms, stopped_at; /* 0: it runs */
    char said[64][80];                 /* what was published, without questions */
    hb_mono said_at[64];
    size_t said_count, questions, topics;
    char memory[HEATER_MEMORY_MAX];
} house;

static bool take_subscription(void *ctx, uint16_t index, const char *topic)
{
    (void)index;
    (void)topic;
    ((struct house *)ctx)->topics++;
    return true;
}

static void obey(struct house *h, const char *topic, const char *payload)
{
    if (strcmp(topic, "z/plug/set") == 0) {
        h->closed = strstr(payload, "ON") != NULL;
        h->stopped_at = h->closed ? h->stopped_at : 0;
    } else if (strcmp(payload, "stop") == 0 && h->stop_takes_ms > 0 && h->stopped_at == 0) {
        h->stopped_at = h->rig.now.ms + h->stop_takes_ms;
    } else if (strcmp(payload, "start") == 0) {
        h->stopped_at = 0;
    }
}

static bool take_publication(void *ctx, const char *topic, const char *payload, bool retain)
{
    struct house *h = ctx;
    assert_false(retain); /* an order that the broker kept would be repeated for ever */
    if (!h->broker) {
        return false;
    }
    if (strstr(topic, "/get") != NULL) {
        h->questions++;
        return true;
    }
    assert_true(h->said_count < 64);
    h->said_at[h->said_count] = h->rig.now;
    (void)snprintf(h->said[h->said_count++], sizeof h->said[0], "%s %s", topic, payload);
    if (!h->silent) {
        obey(h, topic, payload);
    }
    return true;
}

static bool recall(void *ctx, uint16_t index, char text[HEATER_MEMORY_MAX])
{
    const struct house *h = ctx;
    (void)index;
    return h->kept_memory && text_copy(text, HEATER_MEMORY_MAX, h->memory);
}

static void remember(void *ctx, uint16_t index, const char *text)
{
    struct house *h = ctx;
    (void)index;
    h->kept_memory = text_copy(h->memory, HEATER_MEMORY_MAX, text);
}

static void (*rig_event)(void *ctx, const struct event *event);

static void take_event(void *ctx, const struct event *event)
{
    rig_event(&((struct house *)ctx)->rig, event);
}

static void open_house(void)
{
    struct house *h = &house;
    rig_prepare(&h->rig, &plug_heater, h->options);
    rig_event = h->rig.options.event;
    h->rig.options.event = take_event;
    h->rig.options.subscribe = take_subscription;
    h->rig.options.publish = take_publication;
    h->rig.options.recall = recall;
    h->rig.options.remember = remember;
    h->rig.options.ctx = h;
    rig_create(&h->rig);
}

static int set_up(void **state)
{
    (void)state;
    house = (struct house){.broker = true, .rated_w = 400};
    house.options = rig_default_options(&plug_heater);
    house.options->power = 400;
    house.options->settle = 10000;
    house.options->rest = 0;
    (void)text_copy(house.options->topic, TOPIC_MAX, "z/plug");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_destroy(&house.rig);
    free(house.options);
    return 0;
}

static void with_soft_stop(void)
{
    (void)text_copy(house.options->soft_stop_topic, TOPIC_MAX, "box/do");
    (void)text_copy(house.options->soft_stop, PLUG_WORD_MAX, "stop");
    house.stop_takes_ms = 40000;
}

static void say(const char *topic, const char *payload, bool retained)
{
    host_message(house.rig.host, topic, payload, strlen(payload), retained, house.rig.now);
}

static double drawn_w(void)
{
    const bool stopped = house.stopped_at > 0 && house.rig.now.ms >= house.stopped_at;
    return house.closed && !stopped ? house.rated_w : 0;
}

/* The plug tells its state every five seconds; orders go to it at once. */
static void pass(int64_t ms)
{
    for (int64_t end = house.rig.now.ms + ms; house.rig.now.ms < end;) {
        rig_run(&house.rig, 1000);
        if (!house.silent && house.broker && house.rig.now.ms / 1000 % 5 == 0) {
            char payload[80];
            (void)snprintf(payload, sizeof payload, "{\"state\":\"%s\",\"power\":%g}",
                           house.closed ? "ON" : "OFF", drawn_w());
            say("z/plug", payload, false);
        }
    }
}

static hb_mono said_at(const char *what)
{
    for (size_t i = house.said_count; i-- > 0;) {
        if (strcmp(house.said[i], what) == 0) {
            return house.said_at[i];
        }
    }
    fail_msg("'%s' was never said", what);
    return (hb_mono){0};
}

#define CLOSE "z/plug/set {\"state\":\"ON\"}"
#define OPEN  "z/plug/set {\"state\":\"OFF\"}"

static void an_order_is_written_once_and_read_back(void **state)
{
    (void)state;
    open_house();
    pass(10000);
    const uint64_t on = rig_order(&house.rig, 400, LEASE_MS);
    pass(60000);
    assert_int_equal(rig_told(&house.rig, on, COMMAND_CONFIRMED), 1);
    assert_near(house.rig.state.power_w.value, 400, 0);
    assert_int_equal(house.rig.state.power_w.from, PROVENANCE_METERED);
    assert_near(house.rig.state.applied_w, 400, 0);
    assert_int_equal(house.rig.state.relay.cycles, 1);
    const uint64_t off = rig_order(&house.rig, 0, LEASE_MS);
    pass(60000);
    assert_int_equal(rig_told(&house.rig, off, COMMAND_CONFIRMED), 1);
    assert_int_equal(house.said_count, 2);
    assert_int_equal(rig_stats(&house.rig).device_writes, 2);
    assert_true(house.questions > 5);
    assert_int_equal(house.topics, 2); /* one for both values, and its availability */
}

static void nothing_is_written_that_is_so_already(void **state)
{
    (void)state;
    house.closed = true;
    open_house();
    const uint64_t on = rig_order(&house.rig, 400, LEASE_MS); /* before its first word */
    pass(60000);
    assert_int_equal(rig_told(&house.rig, on, COMMAND_CONFIRMED), 1);
    assert_int_equal(house.said_count, 0);
    assert_int_equal(house.rig.state.relay.cycles, 0); /* nobody closed it */
}

static void an_order_before_the_first_word_goes_out_with_it(void **state)
{
    (void)state;
    open_house();
    (void)rig_order(&house.rig, 400, LEASE_MS);
    assert_int_equal(house.said_count, 0);
    pass(6000);
    assert_int_equal(house.said_count, 1);
    assert_string_equal(house.said[0], CLOSE);
}

static void off_has_two_phases(void **state)
{
    (void)state;
    with_soft_stop();
    open_house();
    pass(10000);
    (void)rig_order(&house.rig, 400, LEASE_MS);
    pass(60000);
    const uint64_t off = rig_order(&house.rig, 0, LEASE_MS);
    assert_string_equal(house.said[house.said_count - 1], "box/do stop");
    pass(240000);
    assert_int_equal(house.said_count, 3);
    assert_in_range(mono_age_ms(said_at(OPEN), said_at("box/do stop")), 40000, 50000);
    assert_int_equal(rig_told(&house.rig, off, COMMAND_CONFIRMED), 1);
    assert_int_equal(rig_told(&house.rig, off, COMMAND_FAILED), 0);
}

static void a_heater_that_does_not_stop_is_cut(void **state)
{
    (void)state;
    with_soft_stop();
    house.stop_takes_ms = 0; /* never */
    open_house();
    pass(10000);
    (void)rig_order(&house.rig, 400, LEASE_MS);
    pass(60000);
    (void)rig_order(&house.rig, 0, LEASE_MS);
    pass(300000);
    assert_false(house.closed);
    assert_in_range(mono_age_ms(said_at(OPEN), house.said_at[1]), 180000, 190000);
    assert_true(rig_warned(&house.rig, "its relay opens all the same"));
}

static void a_silent_plug_is_lost_and_told_again(void **state)
{
    (void)state;
    open_house();
    pass(10000);
    (void)rig_order(&house.rig, 400, LEASE_MS);
    pass(60000);
    house.silent = true;
    pass(120000);
    assert_int_equal(house.rig.state.link, HEATER_LINK_LOST);
    house.silent = false;
    house.closed = false; /* it lost its power */
    pass(15000);
    assert_int_equal(house.rig.state.link, HEATER_LINK_OK);
    assert_true(house.closed);
    assert_int_equal(house.said_count, 2);
    pass(30000);
    assert_int_equal(house.rig.state.relay.cycles, 2);
}

static void a_plug_that_says_it_is_gone_is_not_believed_before_it_speaks(void **state)
{
    (void)state;
    house.silent = true;
    open_house();
    say("z/plug", "{\"state\":\"ON\",\"power\":400}", true); /* of some age */
    pass(60000);
    assert_true(isnan(house.rig.state.applied_w));
    assert_int_equal(house.rig.state.link, HEATER_LINK_LOST);
    say("z/plug/availability", "{\"state\":\"offline\"}", true);
    say("z/plug", "{\"state\":\"ON\",\"power\":400}", true);
    pass(10000);
    assert_int_equal(house.rig.state.link, HEATER_LINK_LOST);
    say("z/plug/availability", "online", true); /* as older versions write it */
    say("z/plug", "{\"state\":\"ON\",\"power\":400}", true);
    pass(10000);
    assert_int_equal(house.rig.state.link, HEATER_LINK_OK);
    assert_near(house.rig.state.applied_w, 400, 0);
}

static void silence_is_explained(void **state)
{
    (void)state;
    house.silent = true;
    open_house();
    pass(40000);
    assert_true(rig_warned(&house.rig, "nothing was heard on 'z/plug' yet; expected the friendly "
                                       "name of the plug after Zigbee2MQTT's base topic"));
    say("z/plug/availability", "{\"state\":\"offline\"}", true);
    pass(120000);
    assert_true(rig_warned(&house.rig, "it is not connected, says 'z/plug/availability'"));
    assert_int_equal(house.rig.state.link, HEATER_LINK_LOST);
    assert_true(house.rig.state.problem);
    assert_non_null(strstr(house.rig.state.problem_text, "it is not connected"));
}

static void without_a_broker_no_order_waits(void **state)
{
    (void)state;
    open_house();
    pass(10000);
    house.broker = false;
    (void)rig_order(&house.rig, 400, LEASE_MS);
    pass(300000);
    assert_int_equal(house.said_count, 0);
    house.broker = true;
    pass(60000);
    assert_true(house.closed); /* told again, because it did not happen */
}

static void a_welded_relay_does_not_obey(void **state)
{
    (void)state;
    open_house();
    pass(10000);
    (void)rig_order(&house.rig, 400, LEASE_MS);
    pass(60000);
    const uint64_t off = rig_order(&house.rig, 0, LEASE_MS);
    for (int i = 0; i < 60; i++) {
        rig_run(&house.rig, 5000);
        say("z/plug", "{\"state\":\"OFF\",\"power\":398.2}", false);
    }
    assert_true(rig_told(&house.rig, off, COMMAND_FAILED) >= 1);
    assert_true(rig_warned(&house.rig, "does not obey"));
}

static void a_spared_relay_is_spared_after_a_restart(void **state)
{
    (void)state;
    house.options->max_cycles_per_day = 1;
    open_house();
    pass(10000);
    (void)rig_order(&house.rig, 400, LEASE_MS);
    pass(60000);
    (void)rig_order(&house.rig, 0, LEASE_MS);
    pass(60000);
    rig_destroy(&house.rig);
    open_house(); /* the same second, by the clock on the wall */
    pass(10000);
    const uint64_t on = rig_order(&house.rig, 400, LEASE_MS);
    pass(60000);
    assert_false(house.closed);
    assert_true(rig_told(&house.rig, on, COMMAND_FAILED) >= 1);
    assert_true(rig_warned(&house.rig, "closed 1 times within a day"));
    assert_int_equal(house.rig.state.relay.cycles, 1);
}

static void a_spared_relay_is_closed_when_its_day_is_over(void **state)
{
    (void)state;
    house.options->max_cycles_per_day = 1;
    open_house();
    pass(10000);
    (void)rig_order(&house.rig, 400, LEASE_MS);
    pass(60000);
    (void)rig_order(&house.rig, 0, LEASE_MS);
    pass(60000);
    (void)rig_order(&house.rig, 400, LEASE_MS);
    pass(23 * 3600000LL);
    assert_false(house.closed);
    pass(2 * 3600000LL);
    assert_true(house.closed);
    assert_int_equal(house.rig.state.relay.cycles, 2);
}

static void bad_fields_are_unknown_and_counted(void **state)
{
    (void)state;
    open_house();
    house.silent = true;
    say("z/plug", "{\"state\":\"MAYBE\",\"power\":\"12 W\"}", false);
    say("z/plug", "{\"state\":\"ON\",\"power\":-5}", false);
    say("z/plug", "{\"state\":\"ON\",\"po", false);
    say("z/plug", "{\"state\":\"ON\"}", false);
    say("z/plug", "{\"state\":null,\"power\":null}", false);
    say("z/plug", "", false);
    assert_true(isnan(house.rig.state.power_w.value));
    assert_near(house.rig.state.applied_w, 400, 0);
    assert_int_equal(house.rig.state.faults[REPLY_TYPE], 1);
    assert_int_equal(house.rig.state.faults[REPLY_RANGE], 2);
    assert_int_equal(house.rig.state.faults[REPLY_UNREADABLE], 1);
}

#define HOUSE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOUSE(an_order_is_written_once_and_read_back),
        HOUSE(nothing_is_written_that_is_so_already),
        HOUSE(an_order_before_the_first_word_goes_out_with_it),
        HOUSE(off_has_two_phases),
        HOUSE(a_heater_that_does_not_stop_is_cut),
        HOUSE(a_silent_plug_is_lost_and_told_again),
        HOUSE(a_plug_that_says_it_is_gone_is_not_believed_before_it_speaks),
        HOUSE(silence_is_explained),
        HOUSE(without_a_broker_no_order_waits),
        HOUSE(a_welded_relay_does_not_obey),
        HOUSE(a_spared_relay_is_spared_after_a_restart),
        HOUSE(a_spared_relay_is_closed_when_its_day_is_over),
        HOUSE(bad_fields_are_unknown_and_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
