/* Published states: golden files, and the promise that every key is always there. */
#include <stdlib.h>
#include <string.h>

#include "golden.h"
#include "ground/text.h"
#include "house.h"
#include "mqtt/state_codec.h"
#include "plumbing/json.h"
#include "tests/support/test.h"

static const hb_mono NOW = {1000000};
static struct house house;

static int set_up(void **state)
{
    (void)state;
    house_build(&house);
    return 0;
}

static struct room_view warm_room(void)
{
    return (struct room_view){.mode = ROOM_AUTO,
                              .action = ACTION_HEATING,
                              .reason = REASON_SCHEDULE,
                              .target_c = 21.5,
                              .target_low_c = 21.0,
                              .target_high_c = 22.0,
                              .room_c = 20.8512,
                              .humidity = 44.13,
                              .outdoor_c = -3.1,
                              .preset = 1,
                              .window_known = true,
                              .available = true,
                              .power_w = 1234.56,
                              .power_from = PROVENANCE_METERED,
                              .requested_w = 1250.0,
                              .power_limit_w = 1500.0,
                              .demand = 62.5,
                              .hashrate_hs = 2.5e13,
                              .energy_wh = 123456.789};
}

static struct room_view unknown_room(void)
{
    return (struct room_view){.reason = REASON_ROOM_NEVER_SEEN,
                              .target_c = NAN,
                              .target_low_c = NAN,
                              .target_high_c = NAN,
                              .room_c = NAN,
                              .humidity = NAN,
                              .outdoor_c = NAN,
                              .preset = INDEX_NONE,
                              .power_w = NAN,
                              .requested_w = NAN,
                              .power_limit_w = NAN,
                              .demand = NAN,
                              .hashrate_hs = NAN,
                              .energy_wh = NAN};
}

static struct heater_view busy_heater(void)
{
    struct heater_view view = {
        .state = {.link = HEATER_LINK_OK,
                  .at = NOW,
                  .power_w = reading_make(64.25, NOW, PROVENANCE_REPORTED),
                  .hashrate_hs = reading_make(12.3456e6, NOW, PROVENANCE_REPORTED),
                  .chip_c = reading_make(61.25, NOW, PROVENANCE_REPORTED),
                  .board_c = reading_make(48.0, NOW, PROVENANCE_REPORTED),
                  .inlet_c = reading_none(),
                  .fan_ratio = reading_make(0.35, NOW, PROVENANCE_REPORTED),
                  .uptime_s = reading_make(86400, NOW, PROVENANCE_REPORTED),
                  .firmware = "v2.14",
                  .identity = "aa:bb:cc:dd:ee:ff",
                  .faults = {[REPLY_TYPE] = 3, [REPLY_RANGE] = 1},
                  .care = {.writes_today = 7,
                           .wearing_today = 2,
                           .writes = 77,
                           .flash_writes = 22,
                           .max_writes_per_day = 6,
                           .calibration = 1.0625,
                           .recoveries = 1},
                  .best_difficulty = 812.5,
                  .pool_link = POOL_OK,
                  .pool = "pool.example:3333",
                  .pools = {.reason = "other.example:3333: no new job for too long",
                            .changes = 2,
                            .count = 2,
                            .list = {{.pool = "other.example:3333",
                                      .accepted = 7,
                                      .refused = {[REFUSAL_STALE] = 1},
                                      .answer_p50_ms = 41.25,
                                      .answer_p95_ms = 96.5},
                                     {.pool = "pool.example:3333",
                                      .answer_p50_ms = NAN,
                                      .answer_p95_ms = NAN}}},
                  .work = {.sat_per_hour = reading_make(0.000122917, NOW, PROVENANCE_MODELLED),
                           .revenue_from = REVENUE_JOB,
                           .network_difficulty =
                               reading_make(108105433845147.16, NOW, PROVENANCE_REPORTED),
                           .average_hs = reading_make(12.1e6, NOW, PROVENANCE_REPORTED),
                           .proven_hs = reading_make(11.9e6, NOW, PROVENANCE_REPORTED),
                           .proven_low_hs = 10.8e6,
                           .proven_high_hs = 13.2e6,
                           .check = WORK_CHECK_AGREES,
                           .blocks_found = 1,
                           .block = {.hash = "0000000000000000000269d52c24ea45"
                                             "1225613aab095d90d771d4e29aa96cdd",
                                     .height = 881423,
                                     .difficulty = 116678294873871.5}}},
        .commanded_w = 65.0,
        .outcome = COMMAND_CONFIRMED,
        .reason = REASON_HEATING,
        .energy_wh = 4321.0,
        .best_difficulty = 5123.25,
        .shares_accepted = 12,
        .shares_rejected = 1,
        .blocks_found = 2,
        .min_on_ms = 300000,
        .min_off_ms = 60000,
        .min_write_ms = 1500,
        .available = true};
    return view;
}

static struct heater_view unknown_heater(void)
{
    struct heater_view view = {.state = {.power_w = reading_none(),
                                         .hashrate_hs = reading_none(),
                                         .chip_c = reading_none(),
                                         .board_c = reading_none(),
                                         .inlet_c = reading_none(),
                                         .fan_ratio = reading_none()},
                               .commanded_w = NAN,
                               .reason = REASON_HEATER_UNREACHABLE};
    return view;
}

static void room_states_are_as_published_before(void **state)
{
    (void)state;
    const struct room_view views[] = {warm_room(), unknown_room()};
    static const char *const files[] = {"state-room.json", "state-room-unknown.json"};
    for (size_t i = 0; i < 2; i++) {
        char *json = state_encode_room(&house.rooms[LIVING_ROOM], &views[i]);
        assert_golden(files[i], json);
        free(json);
    }
}

static void heater_states_are_as_published_before(void **state)
{
    (void)state;
    const struct heater_view views[] = {busy_heater(), unknown_heater()};
    static const char *const files[] = {"state-heater.json", "state-heater-unknown.json"};
    for (size_t i = 0; i < 2; i++) {
        char *json = state_encode_heater(&views[i], NOW);
        assert_golden(files[i], json);
        free(json);
    }
}

static void circuit_states_are_as_published_before(void **state)
{
    (void)state;
    const struct circuit_view views[] = {
        {.limit_w = 2944,
         .allowed_w = 2800,
         .possible_w = 2750,
         .metered_w = 3010.4,
         .over_limit = true},
        {.limit_w = 2944, .allowed_w = 2944, .possible_w = INFINITY, .metered_w = NAN}};
    static const char *const files[] = {"state-circuit.json", "state-circuit-unknown.json"};
    for (size_t i = 0; i < 2; i++) {
        char *json = state_encode_circuit(&views[i]);
        assert_golden(files[i], json);
        free(json);
    }
}

static void a_found_block_is_told_as_published_before(void **state)
{
    (void)state;
    struct heater_view view = busy_heater();
    char *json = state_encode_block_found(&view, NOW);
    assert_golden("event-block-found.json", json);
    free(json);
    view.state.work.block.height = 0;
    view.state.work.network_difficulty = reading_none();
    json = state_encode_block_found(&view, NOW);
    assert_non_null(strstr(json, "\"height\":null,"));
    assert_non_null(strstr(json, "\"network_difficulty\":null,"));
    free(json);
}

static struct json *parse(char *text)
{
    struct json *json = json_parse(text, strlen(text), 1 << 16, NULL);
    assert_non_null(json);
    free(text);
    return json;
}

/* Home Assistant's templates warn on each missing key. */
static void assert_same_keys(struct json *a, struct json *b)
{
    assert_int_equal(json_count(a), json_count(b));
    for (const struct json *m = json_first(a); m != NULL; m = json_next(m)) {
        assert_non_null(json_get(b, json_name(m)));
    }
    json_free(a);
    json_free(b);
}

static void every_key_is_always_there(void **state)
{
    (void)state;
    const struct room_view warm = warm_room();
    const struct room_view cold = unknown_room();
    const struct heater_view busy = busy_heater();
    const struct heater_view lost = unknown_heater();
    assert_same_keys(parse(state_encode_room(&house.rooms[LIVING_ROOM], &warm)),
                     parse(state_encode_room(&house.rooms[LIVING_ROOM], &cold)));
    assert_same_keys(parse(state_encode_heater(&busy, NOW)),
                     parse(state_encode_heater(&lost, NOW)));
}

static void old_readings_are_unknown_not_zero(void **state)
{
    (void)state;
    const struct heater_view view = busy_heater();
    struct json *json =
        parse(state_encode_heater(&view, mono_add_ms(NOW, STATE_READING_MAX_AGE_MS + 1)));
    assert_true(json_is_null(json_get(json, "power_w")));
    assert_true(json_is_null(json_get(json, "power_source")));
    assert_true(json_is_null(json_get(json, "chip_c")));
    static const char *const keys[] = {"sat_per_hour",        "sat_per_kwh",
                                       "revenue_source",      "network_difficulty",
                                       "hashrate_shares_ths", "hashrate_shares_high_ths",
                                       "shares_check"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        assert_true(json_is_null(json_get(json, keys[i])));
    }
    double energy_kwh = 0.0;
    assert_true(json_number(json_get(json, "energy_kwh"), &energy_kwh));
    assert_near(energy_kwh, 4.321, 1e-9);
    json_free(json);
}

static void money_needs_power_and_a_reward(void **state)
{
    (void)state;
    struct heater_view view = busy_heater();
    struct json *json = parse(state_encode_heater(&view, NOW));
    double number = 0.0;
    assert_true(json_number(json_get(json, "sat_per_kwh"), &number));
    assert_near(number, 0.000122917 / 0.06425, 1e-9);
    json_free(json);
    view.state.power_w = reading_none();
    json = parse(state_encode_heater(&view, NOW));
    assert_true(json_is_null(json_get(json, "sat_per_kwh")));
    assert_string_equal(json_string(json_get(json, "revenue_source")), "job");
    json_free(json);
    view.state.work.sat_per_hour = reading_none();
    json = parse(state_encode_heater(&view, NOW));
    assert_true(json_is_null(json_get(json, "sat_per_hour")));
    assert_true(json_is_null(json_get(json, "revenue_source")));
    json_free(json);
}

static void the_window_has_three_states(void **state)
{
    (void)state;
    struct room_view view = warm_room();
    static const char *const words[] = {"closed", "open"};
    for (int open = 0; open <= 1; open++) {
        view.window_open = open != 0;
        struct json *json = parse(state_encode_room(&house.rooms[LIVING_ROOM], &view));
        assert_string_equal(json_string(json_get(json, "window")), words[open]);
        json_free(json);
    }
    view.window_known = false;
    struct json *json = parse(state_encode_room(&house.rooms[LIVING_ROOM], &view));
    assert_true(json_is_null(json_get(json, "window")));
    json_free(json);
}

static void what_a_device_says_cannot_break_the_json(void **state)
{
    (void)state;
    struct heater_view view = busy_heater();
    view.state.problem = true;
    (void)text_copy(view.state.problem_text, TEXT_MAX, "fan \"2\" \\ stuck\n\xff");
    (void)text_copy(view.state.pool, NAME_MAX_B, "p\xc3");
    struct json *json = parse(state_encode_heater(&view, NOW));
    assert_string_equal(json_string(json_get(json, "problem_text")), "fan \"2\" \\ stuck??");
    assert_string_equal(json_string(json_get(json, "pool")), "p?");
    json_free(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(room_states_are_as_published_before),
        cmocka_unit_test(heater_states_are_as_published_before),
        cmocka_unit_test(circuit_states_are_as_published_before),
        cmocka_unit_test(a_found_block_is_told_as_published_before),
        cmocka_unit_test(every_key_is_always_there),
        cmocka_unit_test(old_readings_are_unknown_not_zero),
        cmocka_unit_test(money_needs_power_and_a_reward),
        cmocka_unit_test(the_window_has_three_states),
        cmocka_unit_test(what_a_device_says_cannot_break_the_json),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
