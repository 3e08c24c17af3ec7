/* Topics: built and recognised. */
#include <string.h>

#include "house.h"
#include "mqtt/topics.h"
#include "tests/support/test.h"

static struct house house;

static int set_up(void **state)
{
    (void)state;
    house_build(&house);
    return 0;
}

static void assert_is(const char *topic, enum topic_kind kind, uint16_t index, enum command_key key)
{
    const struct topic_target target = topics_classify(&house.config, topic);
    if (target.kind != kind || target.index != index || target.key != key) {
        print_error("%s: kind %d index %u key %d\n", topic, (int)target.kind, target.index,
                    (int)target.key);
        fail();
    }
}

static void commands_find_their_room(void **state)
{
    (void)state;
    assert_is("heatbridge/living_room/set", TOPIC_ROOM_COMMAND, LIVING_ROOM, COMMAND_JSON);
    assert_is("heatbridge/hallway/mode/set", TOPIC_ROOM_COMMAND, HALLWAY, COMMAND_MODE);
    assert_is("heatbridge/hallway/target/set", TOPIC_ROOM_COMMAND, HALLWAY, COMMAND_TARGET);
    assert_is("heatbridge/hallway/preset/set", TOPIC_ROOM_COMMAND, HALLWAY, COMMAND_PRESET);
    assert_is("heatbridge/hallway/power/set", TOPIC_ROOM_COMMAND, HALLWAY, COMMAND_POWER);
    assert_is("heatbridge/hallway/power_limit/set", TOPIC_ROOM_COMMAND, HALLWAY,
              COMMAND_POWER_LIMIT);
    assert_is("heatbridge/heater/ofen/acknowledge/set", TOPIC_HEATER_ACKNOWLEDGE, OFEN,
              COMMAND_UNKNOWN);
    assert_is("heatbridge/heater/ofen/set", TOPIC_HEATER_COMMAND, OFEN, COMMAND_UNKNOWN);
}

static void unknown_names_are_told_apart(void **state)
{
    (void)state;
    assert_is("heatbridge/cellar/mode/set", TOPIC_ROOM_COMMAND, INDEX_NONE, COMMAND_MODE);
    assert_is("heatbridge/hallway/targt/set", TOPIC_ROOM_COMMAND, HALLWAY, COMMAND_UNKNOWN);
    assert_string_equal(topics_classify(&house.config, "heatbridge/hallway/targt/set").property,
                        "targt");
    assert_is("heatbridge/heater/oven/acknowledge/set", TOPIC_HEATER_ACKNOWLEDGE, INDEX_NONE,
              COMMAND_UNKNOWN);
    assert_is("heatbridge/heater/oven/set", TOPIC_HEATER_COMMAND, INDEX_NONE, COMMAND_UNKNOWN);
}

static void other_topics_are_not_ours(void **state)
{
    (void)state;
    static const char *const topics[] = {
        "",
        "/",
        "heatbridge",
        "heatbridge/",
        "heatbridge/set",
        "heatbridge//set",
        "heatbridge/hallway/state",
        "heatbridge/hallway/mode/set/more",
        "heatbridge2/hallway/set",
        "heatbridge/hallway/acknowledge/set/more",
        "heatbridge/hallway/acknowledge/acknowledge/set",
        "heatbridge/heater/ofen/acknowledge/set/more",
        "heatbridge/heater/ofen/acknowledge",
        "heatbridge/prices",
        "zigbee2mqtt/hallway/set",
        "heatbridge/a_room_name_that_is_longer_than_any_id_may_be/set",
    };
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
        assert_is(topics[i], TOPIC_OTHER, INDEX_NONE, COMMAND_UNKNOWN);
    }
}

static void home_assistants_topics_are_recognised(void **state)
{
    (void)state;
    assert_is("homeassistant/status", TOPIC_HA_STATUS, INDEX_NONE, COMMAND_UNKNOWN);
    assert_is("homeassistant/device/x/config", TOPIC_DISCOVERY, INDEX_NONE, COMMAND_UNKNOWN);
    assert_is("homeassistant/sensor/x/y/config", TOPIC_DISCOVERY, INDEX_NONE, COMMAND_UNKNOWN);
}

/* What is built is what is recognised. */
static void built_commands_are_recognised(void **state)
{
    (void)state;
    for (int key = 0; key <= COMMAND_JSON; key++) {
        char topic[TOPIC_MAX];
        topics_command(&house.config.mqtt, "living_room", (enum command_key)key, topic);
        assert_is(topic, TOPIC_ROOM_COMMAND, LIVING_ROOM, (enum command_key)key);
    }
}

static void filters_cover_the_command_topics(void **state)
{
    (void)state;
    static const char *const expected[FILTER_COUNT] = {
        [FILTER_ROOM_JSON] = "heatbridge/+/set",
        [FILTER_PROPERTIES] = "heatbridge/+/+/set",
        [FILTER_ACKNOWLEDGE] = "heatbridge/heater/+/acknowledge/set",
        [FILTER_HA_STATUS] = "homeassistant/status",
        [FILTER_DISCOVERY_DEVICE] = "homeassistant/device/+/config",
        [FILTER_DISCOVERY_SINGLE] = "homeassistant/+/+/+/config",
    };
    for (int i = 0; i < FILTER_COUNT; i++) {
        char filter[TOPIC_MAX];
        topics_filter(&house.config, (enum topics_filter)i, filter);
        assert_string_equal(filter, expected[i]);
    }
}

static void published_topics_are_as_documented(void **state)
{
    (void)state;
    char topic[TOPIC_MAX];
    topics_status(&house.config.mqtt, topic);
    assert_string_equal(topic, "heatbridge/status");
    topics_room(&house.config.mqtt, "hallway", ROOM_TOPIC_STATE, topic);
    assert_string_equal(topic, "heatbridge/hallway/state");
    topics_room(&house.config.mqtt, "hallway", ROOM_TOPIC_ERROR, topic);
    assert_string_equal(topic, "heatbridge/hallway/error");
    topics_heater(&house.config.mqtt, "ofen", HEATER_TOPIC_STATE, topic);
    assert_string_equal(topic, "heatbridge/heater/ofen/state");
    topics_heater(&house.config.mqtt, "ofen", HEATER_TOPIC_AVAILABILITY, topic);
    assert_string_equal(topic, "heatbridge/heater/ofen/availability");
    topics_heater(&house.config.mqtt, "ofen", HEATER_TOPIC_ERROR, topic);
    assert_string_equal(topic, "heatbridge/heater/ofen/error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_find_their_room),
        cmocka_unit_test(unknown_names_are_told_apart),
        cmocka_unit_test(other_topics_are_not_ours),
        cmocka_unit_test(home_assistants_topics_are_recognised),
        cmocka_unit_test(built_commands_are_recognised),
        cmocka_unit_test(filters_cover_the_command_topics),
        cmocka_unit_test(published_topics_are_as_documented),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
