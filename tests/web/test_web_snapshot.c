/* What a person reads on the page comes from this text: right values, and null for the unknown. */
#include <stdlib.h>
#include <string.h>

#include "bridge/web/snapshot.h"
#include "plumbing/json.h"
#include "tests/support/test.h"

static const hb_mono now = {100 * 1000};

static struct config_room room;
static struct config_heater heater;
static struct config config;
static struct heater_caps caps;
static struct room_view room_view;
static struct heater_view heater_view;
static struct snapshot_input input;

static int set_up(void **state)
{
    (void)state;
    room = (struct config_room){
        .id = "hallway",
        .name = "Hallway \"1\"",
        .presets = {{"home", 21}, {"away", 16}},
        .preset_count = 2,
        .min_target_c = 7,
        .max_target_c = 28,
        .step_c = 0.5,
        .heater_count = 1,
    };
    heater = (struct config_heater){.id = "ofen", .max_w = 1000};
    config =
        (struct config){.rooms = &room, .room_count = 1, .heaters = &heater, .heater_count = 1};
    caps = (struct heater_caps){.min_w = 100, .max_w = 1400};
    room_view = (struct room_view){
        .mode = ROOM_HEAT,
        .action = ACTION_HEATING,
        .reason = REASON_HEATING,
        .target_c = 21,
        .target_low_c = 20.5,
        .target_high_c = 21.5,
        .room_c = 19.456,
        .humidity = NAN,
        .outdoor_c = -3.25,
        .preset = 0,
        .window_known = true,
        .available = true,
        .power_w = 840.26,
        .power_from = PROVENANCE_METERED,
        .requested_w = 900,
        .hashrate_hs = 4.2e13,
        .energy_wh = 1234.56,
    };
    heater_view = (struct heater_view){
        .available = true,
        .commanded_w = 900,
        .outcome = COMMAND_CONFIRMED,
        .shares_accepted = 12,
        .shares_rejected = 1,
        .best_difficulty = 1234.5,
        .state.pool_link = POOL_OK,
        .state.pool = "pool.example:3333",
    };
    heater_view.state.power_w = reading_make(840.26, now, PROVENANCE_METERED);
    heater_view.state.chip_c = reading_make(61.44, (hb_mono){1}, PROVENANCE_REPORTED);
    input = (struct snapshot_input){
        .now = {100 * 1000 + 5000},
        .wall = {1764918000123},
        .utc_offset_s = 3600,
        .time_scale = 1,
        .config = &config,
        .rooms = &room_view,
        .heaters = &heater_view,
        .caps = &caps,
    };
    return 0;
}

/* The page's JSON; the caller frees it. */
static struct json *shown(void)
{
    size_t len;
    char *text = snapshot_print(&input, &len);
    assert_int_equal(len, strlen(text));
    struct json *json = json_parse(text, len, 1 << 16, NULL);
    assert_non_null(json);
    free(text);
    return json;
}

static void assert_number(const struct json *json, const char *path, double expected)
{
    double value;
    if (!json_number(json_path(json, path), &value)) {
        fail_msg("%s is no number", path);
    }
    assert_near(value, expected, 1e-9);
}

static void assert_word(const struct json *json, const char *path, const char *expected)
{
    const char *word = json_string(json_path(json, path));
    if (word == NULL) {
        fail_msg("%s is no string", path);
    }
    assert_string_equal(word, expected);
}

static void assert_null_at(const struct json *json, const char *path)
{
    if (!json_is_null(json_path(json, path))) {
        fail_msg("%s is not null", path);
    }
}

static void test_room(void **state)
{
    (void)state;
    struct json *json = shown();
    assert_number(json, "time_ms", 1764918000123);
    assert_number(json, "utc_offset_s", 3600);
    assert_word(json, "rooms[0].id", "hallway");
    assert_word(json, "rooms[0].name", "Hallway \"1\"");
    assert_word(json, "rooms[0].mode", "heat");
    assert_word(json, "rooms[0].action", "heating");
    assert_word(json, "rooms[0].preset", "home");
    assert_word(json, "rooms[0].presets[1].name", "away");
    assert_number(json, "rooms[0].presets[1].target_c", 16);
    assert_number(json, "rooms[0].room_c", 19.46);
    assert_number(json, "rooms[0].target_c", 21);
    assert_number(json, "rooms[0].outdoor_c", -3.25);
    assert_number(json, "rooms[0].power_w", 840.3);
    assert_word(json, "rooms[0].power_from", "metered");
    assert_number(json, "rooms[0].requested_w", 900);
    assert_number(json, "rooms[0].hashrate_hs", 4.2e13);
    assert_number(json, "rooms[0].shares_accepted", 12);
    assert_number(json, "rooms[0].shares_rejected", 1);
    assert_word(json, "rooms[0].window", "closed");
    assert_word(json, "rooms[0].reason", "heating");
    assert_word(json, "rooms[0].reason_text", "the room is below its target");
    assert_word(json, "rooms[0].heaters[0]", "ofen");
    json_free(json);
}

static void test_unknown_is_null_never_zero(void **state)
{
    (void)state;
    room_view.room_c = room_view.target_c = room_view.power_w = room_view.hashrate_hs = NAN;
    room_view.window_known = false;
    room_view.preset = INDEX_NONE;
    room_view.available = false;
    heater_view.state.power_w = reading_none();
    heater_view.best_difficulty = 0;
    heater_view.state.pool[0] = '\0';
    heater.room = INDEX_NONE;
    struct json *json = shown();
    static const char *const paths[] = {"note",
                                        "mqtt",
                                        "notice",
                                        "rooms[0].room_c",
                                        "rooms[0].target_c",
                                        "rooms[0].power_w",
                                        "rooms[0].hashrate_hs",
                                        "rooms[0].humidity",
                                        "rooms[0].window",
                                        "rooms[0].preset",
                                        "heaters[0].power_w",
                                        "heaters[0].hashrate_hs",
                                        "heaters[0].best_difficulty",
                                        "heaters[0].pool",
                                        "heaters[0].room",
                                        "heaters[0].problem"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        assert_null_at(json, paths[i]);
    }
    assert_number(json, "rooms[0].power_limit_w", 0); /* known, and no heat at all */
    json_free(json);
}

static void test_heater(void **state)
{
    (void)state;
    struct json *json = shown();
    assert_word(json, "heaters[0].name", "ofen");
    assert_word(json, "heaters[0].room", "hallway");
    assert_number(json, "heaters[0].power_w", 840.3);
    assert_word(json, "heaters[0].power_from", "metered");
    assert_number(json, "heaters[0].commanded_w", 900);
    assert_word(json, "heaters[0].command", "confirmed");
    assert_number(json, "heaters[0].chip_c", 61.4);
    assert_word(json, "heaters[0].pool", "pool.example:3333");
    assert_word(json, "heaters[0].pool_link", "ok");
    assert_number(json, "heaters[0].best_difficulty", 1234.5);
    json_free(json);
}

static void test_old_readings_are_not_known(void **state)
{
    (void)state;
    input.now = (hb_mono){now.ms + 121 * 1000};
    struct json *json = shown();
    assert_null_at(json, "heaters[0].power_w");
    assert_null_at(json, "heaters[0].chip_c");
    json_free(json);
}

static void test_most_power_is_the_narrower_of_both(void **state)
{
    (void)state;
    struct json *json = shown();
    assert_number(json, "heaters[0].max_w", 1000);
    assert_number(json, "rooms[0].max_w", 1000);
    json_free(json);
    heater.max_w = 0;
    json = shown();
    assert_number(json, "heaters[0].max_w", 1400);
    json_free(json);
    input.caps = NULL;
    json = shown();
    assert_null_at(json, "heaters[0].max_w");
    assert_null_at(json, "rooms[0].max_w");
    json_free(json);
}

static void test_trouble_is_told(void **state)
{
    (void)state;
    input.note = "demo: 1 minute here is half an hour in the house";
    input.time_scale = 30;
    input.mqtt_problem = "the broker refuses the connection";
    input.notice = "target: expected 7 to 28, got 40";
    input.notice_seq = 3;
    heater_view.state.problem = true;
    (void)memcpy(heater_view.state.problem_text, "fan 2 stands still", 19);
    heater_view.outcome = COMMAND_FAILED;
    room_view.power_limit_w = 800;
    struct json *json = shown();
    assert_word(json, "note", "demo: 1 minute here is half an hour in the house");
    assert_number(json, "time_scale", 30);
    assert_word(json, "mqtt.problem", "the broker refuses the connection");
    assert_number(json, "notice.seq", 3);
    assert_word(json, "notice.text", "target: expected 7 to 28, got 40");
    assert_word(json, "heaters[0].problem", "fan 2 stands still");
    assert_word(json, "heaters[0].command", "failed");
    json_free(json);
    input.mqtt_problem = "";
    json = shown();
    bool connected = false;
    assert_true(json_bool(json_path(json, "mqtt.connected"), &connected) && connected);
    json_free(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_room, set_up),
        cmocka_unit_test_setup(test_unknown_is_null_never_zero, set_up),
        cmocka_unit_test_setup(test_heater, set_up),
        cmocka_unit_test_setup(test_old_readings_are_not_known, set_up),
        cmocka_unit_test_setup(test_most_power_is_the_narrower_of_both, set_up),
        cmocka_unit_test_setup(test_trouble_is_told, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
