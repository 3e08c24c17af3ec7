/* The rules of a plug's relay on a simulated clock, what it remembers, and the table of plugs. */
#include <string.h>

#include "devices/plug_kinds.h"
#include "devices/plug_relay.h"
#include "tests/support/test.h"

static struct relay make_relay(bool soft)
{
    return (struct relay){.rules = {.soft_stop = soft,
                                    .soft_start = soft,
                                    .soft_wait_ms = 180000,
                                    .rest_ms = 300000,
                                    .safe_w = 30,
                                    .running_w = 200,
                                    .cycles_day = 3},
                          .power_w = reading_none()};
}

static void meter(struct relay *relay, double power_w, hb_mono now)
{
    relay->power_w = reading_make(power_w, now, PROVENANCE_METERED);
}

/* One cycle: closed, read, opened, read. */
static void cycle(struct relay *relay, hb_mono now)
{
    (void)relay_order(relay, true, now);
    relay_read(relay, RELAY_CLOSED, now);
    (void)relay_order(relay, false, now);
    relay_read(relay, RELAY_OPEN, now);
}

static void a_heater_is_stopped_before_its_relay_opens(void **state)
{
    (void)state;
    struct relay relay = make_relay(true);
    relay_read(&relay, RELAY_CLOSED, (hb_mono){1000});
    meter(&relay, 400, (hb_mono){1000});
    assert_int_equal(relay_order(&relay, false, (hb_mono){2000}), RELAY_DO_SOFT_STOP);
    meter(&relay, 350, (hb_mono){10000});
    assert_int_equal(relay_step(&relay, (hb_mono){10000}), 0);
    /* told once more, because the host is impatient: the wait does not begin anew */
    assert_int_equal(relay_order(&relay, false, (hb_mono){100000}), RELAY_DO_SOFT_STOP);
    meter(&relay, 30, (hb_mono){120000});
    assert_int_equal(relay_step(&relay, (hb_mono){120000}), RELAY_DO_OPEN);
    assert_int_equal(relay_step(&relay, (hb_mono){121000}), 0);
}

static void what_cools_it_goes_on_for_its_least_time(void **state)
{
    (void)state;
    struct relay relay = make_relay(true);
    relay.rules.soft_least_ms = 120000;
    relay_read(&relay, RELAY_CLOSED, (hb_mono){1000});
    meter(&relay, 5, (hb_mono){90000}); /* it seems idle, and is stopped all the same */
    assert_int_equal(relay_order(&relay, false, (hb_mono){100000}), RELAY_DO_SOFT_STOP);
    meter(&relay, 5, (hb_mono){110000});
    assert_int_equal(relay_step(&relay, (hb_mono){110000}), 0);
    assert_int_equal(relay_order(&relay, false, (hb_mono){150000}), RELAY_DO_SOFT_STOP);
    meter(&relay, 5, (hb_mono){219999});
    assert_int_equal(relay_step(&relay, (hb_mono){219999}), 0);
    assert_int_equal(relay_step(&relay, (hb_mono){220000}), RELAY_DO_OPEN);
}

static void the_least_time_goes_before_the_longest(void **state)
{
    (void)state;
    struct relay relay = make_relay(true);
    relay.rules.soft_least_ms = 240000;
    relay_read(&relay, RELAY_CLOSED, (hb_mono){1000});
    meter(&relay, 400, (hb_mono){1000});
    assert_int_equal(relay_order(&relay, false, (hb_mono){100000}), RELAY_DO_SOFT_STOP);
    assert_int_equal(relay_step(&relay, (hb_mono){339999}), 0);
    assert_int_equal(relay_step(&relay, (hb_mono){340000}), RELAY_DO_OPEN | RELAY_UNDER_LOAD);
}

static void a_reading_from_before_the_stop_does_not_count(void **state)
{
    (void)state;
    struct relay relay = make_relay(true);
    relay_read(&relay, RELAY_CLOSED, (hb_mono){1000});
    meter(&relay, 5, (hb_mono){1000}); /* it had not started yet then */
    assert_int_equal(relay_order(&relay, false, (hb_mono){100000}), RELAY_DO_SOFT_STOP);
    assert_int_equal(relay_step(&relay, (hb_mono){101000}), 0);
    /* nor does what the broker had kept */
    relay.power_w = reading_make(0, (hb_mono){102000}, PROVENANCE_REPORTED);
    assert_int_equal(relay_step(&relay, (hb_mono){102000}), 0);
    assert_int_equal(relay_step(&relay, (hb_mono){280000}), RELAY_DO_OPEN | RELAY_UNDER_LOAD);
}

static void an_idle_heater_is_cut_at_once(void **state)
{
    (void)state;
    struct relay relay = make_relay(true);
    relay_read(&relay, RELAY_CLOSED, (hb_mono){1000});
    meter(&relay, 5, (hb_mono){90000});
    assert_int_equal(relay_order(&relay, false, (hb_mono){100000}), RELAY_DO_OPEN);
    assert_int_equal(relay_order(&relay, false, (hb_mono){101000}), 0);             /* on its way */
    assert_int_equal(relay_order(&relay, false, (hb_mono){103000}), RELAY_DO_OPEN); /* or lost */
    relay_read(&relay, RELAY_OPEN, (hb_mono){104000});
    assert_int_equal(relay_order(&relay, false, (hb_mono){108000}), 0);
}

static void heat_wanted_meanwhile_ends_the_stop(void **state)
{
    (void)state;
    struct relay relay = make_relay(true);
    relay_read(&relay, RELAY_CLOSED, (hb_mono){1000});
    meter(&relay, 400, (hb_mono){1000});
    assert_int_equal(relay_order(&relay, false, (hb_mono){2000}), RELAY_DO_SOFT_STOP);
    assert_int_equal(relay_order(&relay, true, (hb_mono){5000}), RELAY_DO_SOFT_START);
    meter(&relay, 0, (hb_mono){6000});
    assert_int_equal(relay_step(&relay, (hb_mono){400000}), 0);
    assert_int_equal(relay.cycles, 0);
}

static void an_order_on_its_way_is_overtaken_by_its_contrary(void **state)
{
    (void)state;
    struct relay relay = make_relay(false);
    relay_read(&relay, RELAY_OPEN, (hb_mono){1000});
    assert_int_equal(relay_order(&relay, true, (hb_mono){2000}), RELAY_DO_CLOSE);
    relay_read(&relay, RELAY_OPEN, (hb_mono){2500}); /* said before it came there */
    assert_int_equal(relay_order(&relay, false, (hb_mono){3000}), RELAY_DO_OPEN);
    relay_read(&relay, RELAY_CLOSED, (hb_mono){3100});
    relay_read(&relay, RELAY_OPEN, (hb_mono){3200});
    assert_int_equal(relay_order(&relay, false, (hb_mono){4000}), 0);
    relay.rules.rest_ms = 0;
    assert_int_equal(relay_order(&relay, true, (hb_mono){9000}), RELAY_DO_CLOSE);
    relay_read(&relay, RELAY_CLOSED, (hb_mono){9100});
    assert_int_equal(relay_order(&relay, false, (hb_mono){9200}), RELAY_DO_OPEN);
    assert_int_equal(relay_order(&relay, true, (hb_mono){9300}), RELAY_DO_CLOSE);
}

static void an_opened_relay_rests(void **state)
{
    (void)state;
    struct relay relay = make_relay(false);
    relay_read(&relay, RELAY_OPEN, (hb_mono){1000});
    cycle(&relay, (hb_mono){2000});
    assert_int_equal(relay_order(&relay, true, (hb_mono){10000}), 0);
    assert_int_equal(relay_step(&relay, (hb_mono){301000}), 0);
    assert_int_equal(relay_step(&relay, (hb_mono){302000}), RELAY_DO_CLOSE);
    /* but not after a power cut, which was not ours */
    relay_read(&relay, RELAY_CLOSED, (hb_mono){303000});
    relay_read(&relay, RELAY_OPEN, (hb_mono){400000});
    assert_int_equal(relay_order(&relay, true, (hb_mono){401000}), RELAY_DO_CLOSE);
}

static void a_wish_that_ended_during_the_rest_closes_nothing(void **state)
{
    (void)state;
    struct relay relay = make_relay(false);
    relay_read(&relay, RELAY_OPEN, (hb_mono){1000});
    cycle(&relay, (hb_mono){2000});
    assert_int_equal(relay_order(&relay, true, (hb_mono){10000}), 0);
    assert_int_equal(relay_order(&relay, false, (hb_mono){20000}), 0);
    assert_int_equal(relay_step(&relay, (hb_mono){400000}), 0);
}

static void cycles_are_counted_and_limited_within_a_day(void **state)
{
    (void)state;
    struct relay relay = make_relay(false);
    const int64_t hour = 3600000;
    relay_read(&relay, RELAY_OPEN, (hb_mono){1000});
    for (int i = 1; i <= 3; i++) {
        cycle(&relay, (hb_mono){i * hour});
    }
    assert_int_equal(relay.cycles, 3);
    assert_int_equal(relay_cycles_day(&relay, (hb_mono){4 * hour}), 3);
    assert_int_equal(relay_order(&relay, true, (hb_mono){4 * hour}), RELAY_REFUSE);
    assert_int_equal(relay_order(&relay, true, (hb_mono){25 * hour - 2}), RELAY_REFUSE);
    assert_int_equal(relay_step(&relay, (hb_mono){25 * hour - 1}), 0);          /* told once */
    assert_int_equal(relay_step(&relay, (hb_mono){25 * hour}), RELAY_DO_CLOSE); /* still wanted */
    /* opening is never refused */
    relay_read(&relay, RELAY_CLOSED, (hb_mono){25 * hour});
    assert_int_equal(relay_order(&relay, false, (hb_mono){25 * hour}), RELAY_DO_OPEN);
}

static void memory_survives_to_the_minute(void **state)
{
    (void)state;
    struct relay relay = make_relay(false);
    struct relay again = make_relay(false);
    char text[HEATER_MEMORY_MAX];
    relay_read(&relay, RELAY_OPEN, (hb_mono){1000});
    cycle(&relay, (hb_mono){60000});
    cycle(&relay, (hb_mono){600000});
    assert_true(relay.changed);
    relay_print(&relay, (hb_mono){660000}, (hb_wall){1790000000000}, text);
    assert_false(relay.changed);
    assert_string_equal(text, "2 1790000000000 1 10 1");
    /* ten minutes later, on a computer that was switched on a minute ago */
    assert_true(relay_parse(&again, text, (hb_mono){60000}, (hb_wall){1790000600000}));
    assert_int_equal(again.cycles, 2);
    assert_int_equal(relay_cycles_day(&again, (hb_mono){60000}), 2);
    assert_int_equal(again.opened_at.ms, 60000 - 660000);
    assert_int_equal(relay_cycles_day(&again, (hb_mono){60000 + 24 * 3600000 - 1200000}), 1);
    /* a full ring fits, and a clock that was set back is no reason to forget */
    for (int i = 0; i < 3 * RELAY_CYCLES_DAY; i++) {
        cycle(&relay, (hb_mono){700000 + i * 1000});
    }
    relay_print(&relay, (hb_mono){86000000}, (hb_wall){1790000000000}, text);
    assert_true(relay_parse(&again, text, (hb_mono){1000}, (hb_wall){1000}));
    assert_int_equal(relay_cycles_day(&again, (hb_mono){1000}), RELAY_CYCLES_DAY);
}

static void damaged_memory_changes_nothing(void **state)
{
    (void)state;
    static const char *const lines[] = {"",       "x",        "1",           "1 2",      "-1 2 3",
                                        "1 2 -2", "1 2 3 4x", "1 2 3 99999", "1 2 3 -4", "1  2 x"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct relay relay = make_relay(false);
        const struct relay before = relay;
        assert_false(relay_parse(&relay, lines[i], (hb_mono){1000}, (hb_wall){1000}));
        assert_memory_equal(&relay, &before, sizeof relay);
    }
}

/* --- the table of plugs ---------------------------------------------------------------------- */

static void every_kind_has_its_topics(void **state)
{
    (void)state;
    struct plug_topics topics;
    struct hb_err err = {0};
    for (int i = 0; plug_kind_names[i] != NULL; i++) {
        assert_string_equal(plug_kind_names[i], plug_kinds[i].name);
        assert_true(plug_kinds_fill(&topics, &plug_kinds[i], "hall/plug", 0, &err));
        for (size_t t = 0; t < PLUG_TEXTS; t++) {
            assert_null(strstr(topics.text[t], "{topic}"));
            assert_null(strstr(topics.text[t], "{channel}"));
        }
    }
    assert_true(plug_kinds_fill(&topics, &plug_kinds[0], "zigbee2mqtt/x", 2, &err));
    assert_string_equal(topics.kind.close, "{\"state_l2\":\"ON\"}");
    assert_true(plug_kinds_fill(&topics, &plug_kinds[1], "x", 2, &err));
    assert_string_equal(topics.kind.command_topic, "cmnd/x/POWER2");
    assert_string_equal(topics.kind.state[1].path, "POWER2");
    assert_true(plug_kinds_fill(&topics, &plug_kinds[2], "x", 1, &err));
    assert_string_equal(topics.kind.command_topic, "x/command/switch:1");
    assert_false(plug_kinds_fill(&topics, &plug_kinds[4], "x", 1, &err));
    assert_non_null(strstr(err.msg, "channel: expected 0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_heater_is_stopped_before_its_relay_opens),
        cmocka_unit_test(what_cools_it_goes_on_for_its_least_time),
        cmocka_unit_test(the_least_time_goes_before_the_longest),
        cmocka_unit_test(a_reading_from_before_the_stop_does_not_count),
        cmocka_unit_test(an_idle_heater_is_cut_at_once),
        cmocka_unit_test(heat_wanted_meanwhile_ends_the_stop),
        cmocka_unit_test(an_order_on_its_way_is_overtaken_by_its_contrary),
        cmocka_unit_test(an_opened_relay_rests),
        cmocka_unit_test(a_wish_that_ended_during_the_rest_closes_nothing),
        cmocka_unit_test(cycles_are_counted_and_limited_within_a_day),
        cmocka_unit_test(memory_survives_to_the_minute),
        cmocka_unit_test(damaged_memory_changes_nothing),
        cmocka_unit_test(every_kind_has_its_topics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
