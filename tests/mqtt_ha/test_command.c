/* Commands as Home Assistant, people and mistakes send them. */
#include <stdlib.h>
#include <string.h>

#include "house.h"
#include "mqtt/command_codec.h"
#include "tests/support/test.h"

static struct house house;
static struct room_request request;
static struct hb_err err;

static int set_up(void **state)
{
    (void)state;
    house_build(&house);
    return 0;
}

static enum command_verdict decode_bytes(enum command_key key, const void *payload, size_t len)
{
    const struct topic_target target = {TOPIC_ROOM_COMMAND, LIVING_ROOM, key, ""};
    err = (struct hb_err){.code = HB_OK};
    return command_decode(&house.rooms[LIVING_ROOM], &target, payload, len, false, &request, &err);
}

static void assert_accepted(enum command_key key, const char *payload, uint32_t fields)
{
    if (decode_bytes(key, payload, strlen(payload)) != COMMAND_ACCEPTED) {
        print_error("'%s': %s\n", payload, err.msg);
        fail();
    }
    assert_int_equal(request.fields, fields);
}

static void assert_refused(enum command_key key, const char *payload, const char *message)
{
    assert_int_equal(decode_bytes(key, payload, strlen(payload)), COMMAND_REFUSED);
    assert_string_equal(err.msg, message);
}

static void modes_are_taken(void **state)
{
    (void)state;
    static const char *const words[] = {"off", "heat", "auto"};
    for (int i = 0; i < ROOM_MODE_COUNT; i++) {
        assert_accepted(COMMAND_MODE, words[i], REQUEST_MODE);
        assert_int_equal(request.mode, i);
    }
    assert_accepted(COMMAND_MODE, " HEAT\n", REQUEST_MODE);
    assert_int_equal(request.mode, ROOM_HEAT);
    assert_refused(COMMAND_MODE, "cool", "mode: expected off, heat or auto, got 'cool'");
    assert_refused(COMMAND_MODE, "", "mode: expected off, heat or auto, got an empty message");
    assert_refused(COMMAND_MODE, "comfort", "mode: expected off, heat or auto, got 'comfort'");
}

static void targets_are_taken_as_home_assistant_sends_them(void **state)
{
    (void)state;
    static const struct {
        const char *payload;
        double target_c;
    } good[] = {{"21", 21.0},
                {"22.3", 22.3},
                {"21.11111111111111", 21.11111111111111},
                {"20.0", 20.0},
                {" 19.5 ", 19.5},
                {"2.15e1", 21.5},
                {"21.666666666666668", 21.666666666666668},
                {"-5", -5.0}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_accepted(COMMAND_TARGET, good[i].payload, REQUEST_TARGET);
        assert_near(request.target_c, good[i].target_c, 1e-9);
    }
}

static void bad_targets_are_refused_in_plain_words(void **state)
{
    (void)state;
#define NUMBER "target: expected a number of degrees Celsius, got "
    assert_refused(COMMAND_TARGET, "\"21\"", NUMBER "'\"21\"'");
    assert_refused(COMMAND_TARGET, "nan", NUMBER "'nan'");
    assert_refused(COMMAND_TARGET, "NaN", NUMBER "'NaN'");
    assert_refused(COMMAND_TARGET, "inf", NUMBER "'inf'");
    assert_refused(COMMAND_TARGET, "1e999", NUMBER "'1e999'");
    assert_refused(COMMAND_TARGET, "0x15", NUMBER "'0x15'");
    assert_refused(COMMAND_TARGET, "21,5", NUMBER "'21,5'");
    assert_refused(COMMAND_TARGET, "21 C", NUMBER "'21 C'");
    assert_refused(COMMAND_TARGET, "{\"target\":21}", NUMBER "'{\"target\":21}'");
    assert_refused(COMMAND_TARGET, "", NUMBER "an empty message");
    assert_refused(COMMAND_TARGET, "\xff\xfe", NUMBER "bytes that are not UTF-8 text");
    assert_refused(COMMAND_TARGET, "1e300",
                   "target: expected 5 to 30 degrees Celsius, got '1e300'");
    assert_refused(COMMAND_TARGET, "2\x01", NUMBER "'2?'");
    assert_int_equal(decode_bytes(COMMAND_TARGET, "21\0", 3), COMMAND_REFUSED);
}

static void presets_go_by_name(void **state)
{
    (void)state;
    assert_accepted(COMMAND_PRESET, "boost", REQUEST_PRESET);
    assert_int_equal(request.preset, 2);
    assert_accepted(COMMAND_PRESET, "none", REQUEST_PRESET);
    assert_int_equal(request.preset, INDEX_NONE);
    assert_accepted(COMMAND_PRESET, "None", REQUEST_PRESET);
    assert_int_equal(request.preset, INDEX_NONE);
    assert_refused(COMMAND_PRESET, "bost",
                   "preset: expected one of eco, comfort, boost, away, sleep, none, got 'bost' "
                   "(did you mean 'boost'?)");
    assert_refused(COMMAND_PRESET, "activity",
                   "preset: expected one of eco, comfort, boost, away, sleep, none, got "
                   "'activity'");
}

static void power_goes_on_and_off(void **state)
{
    (void)state;
    assert_accepted(COMMAND_POWER, "ON", REQUEST_POWER);
    assert_true(request.power_on);
    assert_accepted(COMMAND_POWER, "OFF", REQUEST_POWER);
    assert_false(request.power_on);
    assert_refused(COMMAND_POWER, "2", "power: expected ON or OFF, got '2'");
}

static void power_limits_are_watts_or_none(void **state)
{
    (void)state;
    assert_accepted(COMMAND_POWER_LIMIT, "900", REQUEST_POWER_LIMIT);
    assert_near(request.power_limit_w, 900.0, 0.0);
    assert_accepted(COMMAND_POWER_LIMIT, "0", REQUEST_POWER_LIMIT);
    assert_near(request.power_limit_w, 0.0, 0.0);
    assert_accepted(COMMAND_POWER_LIMIT, "none", REQUEST_POWER_LIMIT);
    assert_near(request.power_limit_w, POWER_LIMIT_NONE_W, 0.0);
#define WATTS "power_limit: expected a number of watts from 0 to 1000000, or none, got "
    assert_refused(COMMAND_POWER_LIMIT, "-1", WATTS "'-1'");
    assert_refused(COMMAND_POWER_LIMIT, "1e7", WATTS "'1e7'");
    assert_refused(COMMAND_POWER_LIMIT, "900 W", WATTS "'900 W'");
}

static void demands_are_in_the_unit_of_the_room(void **state)
{
    (void)state;
    assert_accepted(COMMAND_DEMAND, "62.5", REQUEST_DEMAND);
    assert_near(request.demand, 62.5, 0.0);
    assert_accepted(COMMAND_DEMAND, "none", REQUEST_DEMAND);
    assert_true(isnan(request.demand));
    assert_accepted(COMMAND_JSON, "{\"mode\":\"heat\",\"demand\":null}",
                    REQUEST_MODE | REQUEST_DEMAND);
    assert_true(isnan(request.demand));
#define PERCENT "demand: expected a number of percent from 0 to 100, or none, got "
    assert_refused(COMMAND_DEMAND, "101", PERCENT "'101'");
    assert_refused(COMMAND_DEMAND, "-1", PERCENT "'-1'");
    assert_refused(COMMAND_DEMAND, "50 %", PERCENT "'50 %'");
    assert_refused(COMMAND_JSON, "{\"demand\":\"50\"}", PERCENT "the text \"50\"");
    house.rooms[LIVING_ROOM].demand.unit = DEMAND_WATT;
    assert_accepted(COMMAND_DEMAND, "1400", REQUEST_DEMAND);
    assert_near(request.demand, 1400.0, 0.0);
    assert_refused(COMMAND_DEMAND, "2e6",
                   "demand: expected a number of watts from 0 to 1000000, or none, got '2e6'");
    house.rooms[LIVING_ROOM].demand.source.stale_after_ms = -1;
    assert_refused(COMMAND_DEMAND, "1400",
                   "demand: expected `demand:` with its `stale_after` in the room's configuration, "
                   "got none; nothing was done");
    house_build(&house);
}

static void one_object_is_one_request(void **state)
{
    (void)state;
    assert_accepted(COMMAND_JSON, "{\"mode\":\"heat\",\"target\":21.5,\"power_limit\":900}",
                    REQUEST_MODE | REQUEST_TARGET | REQUEST_POWER_LIMIT);
    assert_int_equal(request.mode, ROOM_HEAT);
    assert_near(request.target_c, 21.5, 0.0);
    assert_near(request.power_limit_w, 900.0, 0.0);
    assert_accepted(COMMAND_JSON, "{\"preset\":null,\"power\":true}",
                    REQUEST_PRESET | REQUEST_POWER);
    assert_int_equal(request.preset, INDEX_NONE);
    assert_true(request.power_on);
    assert_accepted(COMMAND_JSON, "{\"preset\":\"eco\",\"power\":\"off\"}",
                    REQUEST_PRESET | REQUEST_POWER);
    assert_int_equal(request.preset, 0);
    assert_false(request.power_on);
}

static void bad_objects_are_refused_whole(void **state)
{
    (void)state;
#define OBJECT "expected a JSON object such as {\"mode\":\"heat\",\"target\":21.5}"
#define KEYS   "expected one of mode, target, preset, power, power_limit, demand, got "
    assert_refused(COMMAND_JSON, "{}", OBJECT);
    assert_refused(COMMAND_JSON, "[21]", OBJECT);
    assert_refused(COMMAND_JSON, "21", OBJECT);
    assert_refused(COMMAND_JSON, "{\"targt\":21}", KEYS "'targt' (did you mean 'target'?)");
    assert_refused(COMMAND_JSON, "{\"xyz\":21}", KEYS "'xyz'");
    assert_refused(COMMAND_JSON, "{\"target\":\"21\"}", NUMBER "the text \"21\"");
    assert_refused(COMMAND_JSON, "{\"target\":true}", NUMBER "true");
    assert_refused(COMMAND_JSON, "{\"target\":null}", NUMBER "null");
    assert_refused(COMMAND_JSON, "{\"target\":1e999}", NUMBER "a number out of all range");
    assert_refused(COMMAND_JSON, "{\"target\":[21]}", NUMBER "[21]");
    assert_refused(COMMAND_JSON, "{\"power\":1}", "power: expected ON or OFF, got 1");
    assert_refused(COMMAND_JSON, "{\"mode\":null}", "mode: expected off, heat or auto, got null");
    assert_refused(COMMAND_JSON, "{\"mode\":\"heat\",\"mode\":\"off\"}",
                   "mode: expected it once, got it twice");
    assert_refused(COMMAND_JSON, "{\"target\":21,\"mode\":\"cool\"}",
                   "mode: expected off, heat or auto, got the text \"cool\"");
    static const char *const broken[] = {"",
                                         "{",
                                         "{\"target\":21",
                                         "{\"target\":21}x",
                                         "{'a':1}",
                                         "{\"target\":NaN}",
                                         "{\"target\":1e999}",
                                         "\xff"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        assert_int_equal(decode_bytes(COMMAND_JSON, broken[i], strlen(broken[i])), COMMAND_REFUSED);
        assert_string_not_equal(err.msg, "");
    }
}

static void huge_messages_are_refused(void **state)
{
    (void)state;
    const size_t len = 10u << 20;
    char *payload = malloc(len);
    assert_non_null(payload);
    memset(payload, ' ', len);
    payload[0] = '1';
    assert_int_equal(decode_bytes(COMMAND_TARGET, payload, len), COMMAND_REFUSED);
    assert_string_equal(err.msg, "expected at most 16384 bytes, got 10485760");
    assert_int_equal(decode_bytes(COMMAND_JSON, payload, len), COMMAND_REFUSED);
    free(payload);
}

static void retained_commands_are_not_obeyed(void **state)
{
    (void)state;
    const struct topic_target target = {TOPIC_ROOM_COMMAND, LIVING_ROOM, COMMAND_MODE, ""};
    assert_int_equal(
        command_decode(&house.rooms[LIVING_ROOM], &target, "off", 3, true, &request, &err),
        COMMAND_RETAINED);
    assert_int_equal(request.fields, 0);
    assert_non_null(strstr(err.msg, "not retained"));
}

static void a_press_is_a_press(void **state)
{
    (void)state;
    static const char *const good[] = {"PRESS", "press", " PRESS\n"};
    static const char *const bad[] = {"", "PRESS PRESS", "PRESSED", "ON", "\xff"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(command_decode_press(good[i], strlen(good[i]), false, &err),
                         COMMAND_ACCEPTED);
        assert_int_equal(command_decode_press(good[i], strlen(good[i]), true, &err),
                         COMMAND_RETAINED);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(command_decode_press(bad[i], strlen(bad[i]), false, &err),
                         COMMAND_REFUSED);
    }
    assert_int_equal(command_decode_press("ON", 2, false, &err), COMMAND_REFUSED);
    assert_string_equal(err.msg, "expected PRESS, got 'ON'");
}

static void unknown_properties_are_named(void **state)
{
    (void)state;
    const struct topic_target target = {TOPIC_ROOM_COMMAND, LIVING_ROOM, COMMAND_UNKNOWN, "moed"};
    assert_int_equal(
        command_decode(&house.rooms[LIVING_ROOM], &target, "off", 3, false, &request, &err),
        COMMAND_REFUSED);
    assert_string_equal(err.msg, KEYS "'moed' (did you mean 'mode'?)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modes_are_taken),
        cmocka_unit_test(targets_are_taken_as_home_assistant_sends_them),
        cmocka_unit_test(bad_targets_are_refused_in_plain_words),
        cmocka_unit_test(presets_go_by_name),
        cmocka_unit_test(power_goes_on_and_off),
        cmocka_unit_test(power_limits_are_watts_or_none),
        cmocka_unit_test(demands_are_in_the_unit_of_the_room),
        cmocka_unit_test(one_object_is_one_request),
        cmocka_unit_test(bad_objects_are_refused_whole),
        cmocka_unit_test(huge_messages_are_refused),
        cmocka_unit_test(retained_commands_are_not_obeyed),
        cmocka_unit_test(a_press_is_a_press),
        cmocka_unit_test(unknown_properties_are_named),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
