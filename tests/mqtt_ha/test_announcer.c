/* When and in which order Home Assistant is told: connection, birth, reload, left-overs. */
#include <string.h>

#include "ground/text.h"
#include "house.h"
#include "mqtt/announcer.h"
#include "mqtt/birth.h"
#include "tests/support/test.h"

enum { LOG_MAX = 512 };

/* What was published, and when. A broker of one client: it remembers what is retained. */
struct sent {
    hb_mono at;
    enum announce_kind kind;
    char topic[TOPIC_MAX];
    char payload[PAYLOAD_MAX];
};

struct run {
    struct house house;
    struct announcer *announcer;
    hb_mono now;
    size_t count;
    struct sent sent[LOG_MAX];
};

static struct run run;

static int set_up(void **state)
{
    (void)state;
    memset(&run, 0, sizeof run);
    house_build(&run.house);
    run.now = (hb_mono){1000000};
    run.announcer = announcer_create(&run.house.config, run.house.caps, run.house.about, 42);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    announcer_destroy(run.announcer);
    return 0;
}

static void drain(void)
{
    const struct announcement *a = NULL;
    while ((a = announcer_peek(run.announcer, run.now)) != NULL) {
        assert_in_range(run.count, 0, LOG_MAX - 1);
        struct sent *sent = &run.sent[run.count++];
        sent->at = run.now;
        sent->kind = a->kind;
        (void)text_copy(sent->topic, TOPIC_MAX, a->topic != NULL ? a->topic : "");
        (void)text_copy(sent->payload, PAYLOAD_MAX, a->payload != NULL ? a->payload : "");
        announcer_done(run.announcer, run.now);
    }
}

/* Lets virtual time pass, from one wake-up to the next. */
static void pass(int64_t ms)
{
    const hb_mono end = mono_add_ms(run.now, ms);
    drain();
    for (hb_mono wake = announcer_wake(run.announcer); mono_is_set(wake) && wake.ms <= end.ms;
         wake = announcer_wake(run.announcer)) {
        assert_true(wake.ms >= run.now.ms); /* drained: nothing may be overdue */
        run.now = wake;
        drain();
    }
    run.now = end;
}

static void forget_log(void)
{
    run.count = 0;
}

static void birth_message(void)
{
    announcer_ha_status(run.announcer, "online", 6, false, run.now);
}

static size_t count_kind(enum announce_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < run.count; i++) {
        count += run.sent[i].kind == kind;
    }
    return count;
}

enum { DOCUMENTS = HOUSE_ROOMS + HOUSE_HEATERS + HOUSE_CIRCUITS };

static void after_connecting_documents_then_states(void **state)
{
    (void)state;
    const hb_mono start = run.now;
    pass(60000);
    assert_int_equal(run.count, 0);
    announcer_connected(run.announcer, run.now);
    pass(60000);
    assert_int_equal(run.count, DOCUMENTS + 1);
    assert_string_equal(run.sent[0].topic,
                        "homeassistant/device/heatbridge_room_living_room/config");
    /* Rooms first: the heaters hang on them. */
    assert_string_equal(run.sent[HOUSE_ROOMS].topic,
                        "homeassistant/device/heatbridge_heater_miner/config");
    assert_int_equal(run.sent[DOCUMENTS].kind, ANNOUNCE_STATES);
    assert_true(mono_age_ms(run.sent[DOCUMENTS].at, start) <= 60000 + 200);
}

static void what_the_broker_holds_is_not_sent_again(void **state)
{
    (void)state;
    announcer_connected(run.announcer, run.now);
    pass(60000);
    static struct sent held[DOCUMENTS];
    memcpy(held, run.sent, sizeof held);
    forget_log();
    announcer_lost(run.announcer);
    pass(1000);
    announcer_connected(run.announcer, run.now);
    for (size_t i = 0; i < DOCUMENTS; i++) {
        announcer_retained(run.announcer, held[i].topic, held[i].payload, strlen(held[i].payload));
    }
    pass(60000);
    assert_int_equal(run.count, 1);
    assert_int_equal(run.sent[0].kind, ANNOUNCE_STATES);
}

static void a_broker_that_forgot_is_told_again(void **state)
{
    (void)state;
    announcer_connected(run.announcer, run.now);
    pass(60000);
    forget_log();
    announcer_lost(run.announcer);
    announcer_connected(run.announcer, run.now);
    pass(60000);
    assert_int_equal(run.count, DOCUMENTS + 1);
}

static void two_births_are_one_round_after_a_jitter(void **state)
{
    (void)state;
    announcer_connected(run.announcer, run.now);
    pass(60000);
    forget_log();
    const hb_mono birth = run.now;
    birth_message();
    pass(200);
    birth_message();
    pass(60000);
    assert_int_equal(run.count, DOCUMENTS + 1);
    assert_int_equal(count_kind(ANNOUNCE_STATES), 1);
    assert_int_equal(run.sent[DOCUMENTS].kind, ANNOUNCE_STATES);
    assert_in_range(mono_age_ms(run.sent[0].at, birth), BIRTH_JITTER_MIN_MS, BIRTH_JITTER_MAX_MS);
}

static void jitter_differs_between_seeds(void **state)
{
    (void)state;
    int64_t least = INT64_MAX;
    int64_t most = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct birth birth;
        birth_init(&birth, seed);
        birth_connected(&birth, (hb_mono){1});
        assert_int_equal(birth_take(&birth, (hb_mono){100000}), BIRTH_ROUND_CHANGES);
        birth_ha_online(&birth, (hb_mono){100000});
        const int64_t jitter_ms = birth_wake(&birth).ms - 100000;
        assert_in_range(jitter_ms, BIRTH_JITTER_MIN_MS, BIRTH_JITTER_MAX_MS);
        least = jitter_ms < least ? jitter_ms : least;
        most = jitter_ms > most ? jitter_ms : most;
    }
    assert_true(least < 1200 && most > 4800);
}

/* Home Assistant loses parts of a device document that follows too fast on the one before. */
static void rounds_keep_their_distance(void **state)
{
    (void)state;
    announcer_connected(run.announcer, run.now);
    pass(150);
    assert_int_equal(run.count, DOCUMENTS + 1);
    const hb_mono first = run.sent[0].at;
    birth_message();
    (void)text_copy(run.house.rooms[0].name, NAME_MAX_B, "Parlour");
    announcer_reconfigure(run.announcer, &run.house.config, run.house.caps, run.house.about,
                          run.now);
    pass(60000);
    assert_true(run.count > DOCUMENTS + 1);
    assert_true(mono_age_ms(run.sent[DOCUMENTS + 1].at, first) >= BIRTH_SPACING_MS);
}

static void other_status_messages_do_nothing(void **state)
{
    (void)state;
    announcer_connected(run.announcer, run.now);
    pass(60000);
    forget_log();
    announcer_ha_status(run.announcer, "offline", 7, false, run.now);
    announcer_ha_status(run.announcer, "onlin", 5, false, run.now);
    announcer_ha_status(run.announcer, "", 0, false, run.now);
    announcer_ha_status(run.announcer, "online", 6, true, run.now);
    pass(60000);
    assert_int_equal(run.count, 0);
}

static void without_a_connection_nothing_is_due(void **state)
{
    (void)state;
    birth_message();
    announcer_reconfigure(run.announcer, &run.house.config, run.house.caps, run.house.about,
                          run.now);
    assert_false(mono_is_set(announcer_wake(run.announcer)));
    announcer_connected(run.announcer, run.now);
    announcer_lost(run.announcer);
    assert_false(mono_is_set(announcer_wake(run.announcer)));
    pass(60000);
    assert_int_equal(run.count, 0);
}

static void a_reload_sends_only_what_changed(void **state)
{
    (void)state;
    announcer_connected(run.announcer, run.now);
    pass(60000);
    forget_log();
    run.house.rooms[LIVING_ROOM].max_target_c = 28.0;
    announcer_reconfigure(run.announcer, &run.house.config, run.house.caps, run.house.about,
                          run.now);
    pass(60000);
    assert_int_equal(run.count, 2);
    assert_string_equal(run.sent[0].topic,
                        "homeassistant/device/heatbridge_room_living_room/config");
    assert_int_equal(run.sent[1].kind, ANNOUNCE_STATES);
}

static void a_removed_room_goes_after_the_states(void **state)
{
    (void)state;
    announcer_connected(run.announcer, run.now);
    pass(60000);
    forget_log();
    run.house.config.room_count = 1;
    announcer_reconfigure(run.announcer, &run.house.config, run.house.caps, run.house.about,
                          run.now);
    pass(60000);
    assert_int_equal(run.count, 2);
    assert_string_equal(run.sent[0].topic, "homeassistant/device/heatbridge_room_hallway/config");
    assert_string_equal(run.sent[0].payload, "");
    assert_string_equal(run.sent[1].topic, "heatbridge/hallway/state");
    assert_string_equal(run.sent[1].payload, "");
}

/* The order and the pauses that keep names, areas and history of the entities. */
static void a_change_of_form_migrates_in_order(void **state)
{
    (void)state;
    announcer_connected(run.announcer, run.now);
    pass(60000);
    forget_log();
    run.house.config.homeassistant.discovery = DISCOVERY_SINGLE;
    announcer_reconfigure(run.announcer, &run.house.config, run.house.caps, run.house.about,
                          run.now);
    pass(60000);
    size_t i = 0;
    for (; i < DOCUMENTS; i++) {
        assert_string_equal(run.sent[i].payload, "{\"migrate_discovery\":true}");
    }
    assert_true(mono_age_ms(run.sent[i].at, run.sent[i - 1].at) >= BIRTH_SPACING_MS);
    for (; i < 2 * DOCUMENTS; i++) {
        assert_string_equal(run.sent[i].payload, "");
        assert_non_null(strstr(run.sent[i].topic, "/device/"));
    }
    assert_true(mono_age_ms(run.sent[i].at, run.sent[i - 1].at) >= BIRTH_SPACING_MS);
    for (; run.sent[i].kind == ANNOUNCE_MESSAGE; i++) {
        assert_string_not_equal(run.sent[i].payload, "");
        assert_null(strstr(run.sent[i].topic, "/device/"));
    }
    assert_true(i > 3 * DOCUMENTS);
    assert_int_equal(run.count, i + 1); /* and the states */
}

static void late_left_overs_are_found_by_the_second_look(void **state)
{
    (void)state;
    static const char topic[] = "homeassistant/device/heatbridge_room_cellar/config";
    static const char document[] =
        "{\"o\":{\"name\":\"heatbridge\"},\"stat_t\":\"heatbridge/cellar/"
        "state\",\"cmps\":{}}";
    announcer_connected(run.announcer, run.now);
    pass(1000);
    forget_log();
    announcer_retained(run.announcer, topic, document, sizeof document - 1);
    pass(10000);
    assert_int_equal(run.count, 2);
    assert_string_equal(run.sent[0].topic, topic);
    assert_string_equal(run.sent[0].payload, "");
}

static void a_full_queue_loses_nothing(void **state)
{
    (void)state;
    announcer_connected(run.announcer, run.now);
    run.now = mono_add_ms(run.now, 200);
    const struct announcement *first = announcer_peek(run.announcer, run.now);
    assert_non_null(first);
    char topic[TOPIC_MAX];
    (void)text_copy(topic, TOPIC_MAX, first->topic);
    /* Not handed over: the same comes again. */
    assert_string_equal(announcer_peek(run.announcer, run.now)->topic, topic);
    assert_true(announcer_wake(run.announcer).ms <= run.now.ms);
    drain();
    assert_int_equal(run.count, DOCUMENTS + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(after_connecting_documents_then_states, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_the_broker_holds_is_not_sent_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_broker_that_forgot_is_told_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_births_are_one_round_after_a_jitter, set_up, tear_down),
        cmocka_unit_test(jitter_differs_between_seeds),
        cmocka_unit_test_setup_teardown(rounds_keep_their_distance, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_status_messages_do_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_connection_nothing_is_due, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reload_sends_only_what_changed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_removed_room_goes_after_the_states, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_change_of_form_migrates_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(late_left_overs_are_found_by_the_second_look, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_full_queue_loses_nothing, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
