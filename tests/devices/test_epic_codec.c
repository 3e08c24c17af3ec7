/* ePIC: answers in the shape of its OpenAPI pages, what its firmware can be told, our commands. */
#include "devices/epic_codec.h"
#include "tests/devices/answers.h"

#define NOW ((hb_mono){5000})

static struct reply_faults faults;

static int fresh(void **state)
{
    (void)state;
    memset(&faults, 0, sizeof faults);
    return 0;
}

static void load_abilities(const char *name, struct epic_abilities *abilities)
{
    char model[NAME_MAX_B];
    struct json *json = answers_load(name, &faults);
    epic_capabilities(json, model, abilities, &faults);
    json_free(json);
    assert_string_equal(model, "AntMiner S19 XP");
}

static void a_device_is_read(void **state)
{
    struct heater_state s = reply_unknown_state(NOW);
    struct epic_settings settings;
    (void)state;
    struct json *json = answers_load("epic/composed_summary", &faults);
    epic_summary(json, &s, &settings, &faults);
    json_free(json);
    json = answers_load("epic/composed_network", &faults);
    epic_network(json, &s, &faults);
    json_free(json);
    assert_string_equal(s.firmware, "PowerPlay-BMS v1.5.13");
    assert_string_equal(s.identity, "02:5e:40:00:00:01");
    assert_near(s.power_w.value, 3300, 0);
    assert_near(s.hashrate_hs.value, 3300 * 42000e6, 1e6);
    assert_near(s.board_c.value, 62, 0);
    assert_near(s.fan_ratio.value, 0.45, 1e-9);
    assert_near(s.uptime_s.value, 8450, 5);
    assert_int_equal(s.shares_accepted, 915);
    assert_string_equal(s.pool, "pool.example:3334");
    assert_int_equal(s.pool_link, POOL_OK);
    assert_false(s.problem);
    assert_int_equal(settings.run, EPIC_ON);
    assert_int_equal(settings.tuning, 1);
    assert_string_equal(settings.algorithm, "VoltageOptimizer");
    assert_near(settings.target, 140, 0);
    assert_int_equal(answers_faults(&faults), 0);
}

static void an_error_is_a_name_or_an_object(void **state)
{
    static const struct {
        const char *answer, *error;
        bool taken;
    } cases[] = {{"{\"result\":true,\"error\":null}", "", true},
                 {"{\"result\":true}", "", true},
                 {"{\"result\":false,\"error\":\"BadPassword\"}", "BadPassword", false},
                 {"{\"result\":false,\"error\":{\"LastCmdStillPending\":\"x\"}}",
                  "LastCmdStillPending", false},
                 {"{\"result\":false,\"error\":{}}", "", false},
                 {"{}", "", false}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char error[NAME_MAX_B];
        struct json *json = answers_text(cases[i].answer, &faults);
        assert_int_equal(epic_taken(json, error, &faults), cases[i].taken);
        assert_string_equal(error, cases[i].error);
        json_free(json);
    }
    struct heater_state s = reply_unknown_state(NOW);
    struct epic_settings settings;
    struct json *json = answers_text(
        "{\"Status\":{\"Operating State\":\"Idling\",\"Last Error\":\"NoHashboardsEnabled\"}}",
        &faults);
    epic_summary(json, &s, &settings, &faults);
    json_free(json);
    assert_int_equal(settings.run, EPIC_OFF);
    assert_non_null(strstr(s.problem_text, "NoHashboardsEnabled"));
    assert_false(mono_is_set(s.power_w.at));
    assert_false(mono_is_set(s.hashrate_hs.at));
}

static void watts_are_a_target_where_there_is_one(void **state)
{
    struct epic_abilities can;
    struct epic_settings set = {.tuning = 1, .algorithm = "Power", .target = 1500};
    char algorithm[EPIC_NAME];
    (void)state;
    load_abilities("epic/composed_capabilities_power", &can);
    assert_int_equal(can.knob, EPIC_POWER);
    assert_near(can.min_w, 900, 0);
    assert_near(can.max_w, 3600, 0);
    assert_near(epic_target(&can, &set, 1499.6, algorithm), 1500, 0);
    assert_string_equal(algorithm, "Power");
    assert_near(epic_applied_w(&can, &set), 1500, 0);
    set.tuning = 0;
    assert_true(isnan(epic_applied_w(&can, &set)));
}

static void else_a_hash_rate_whose_power_is_known(void **state)
{
    struct epic_abilities can;
    struct epic_settings set = {.tuning = 1, .algorithm = "ChipTune", .target = 101};
    char algorithm[EPIC_NAME];
    (void)state;
    load_abilities("epic/composed_capabilities", &can);
    assert_int_equal(can.knob, EPIC_LEVEL);
    assert_int_equal(can.level_count, 4);
    assert_near(epic_target(&can, &set, 2760, algorithm), 122, 0);
    assert_string_equal(algorithm, "ChipTune"); /* the one that the owner chose */
    assert_near(epic_applied_w(&can, &set), 2200, 0);
    set.algorithm[0] = '\0';
    (void)epic_target(&can, &set, 2760, algorithm);
    assert_string_equal(algorithm, "VoltageOptimizer");
    set.target = 100; /* of no preset: its power is not known */
    assert_true(isnan(epic_applied_w(&can, &set)));
}

static void else_it_is_on_or_off(void **state)
{
    struct epic_abilities can;
    struct epic_settings set = {.tuning = 1};
    char model[NAME_MAX_B];
    char algorithm[EPIC_NAME];
    (void)state;
    struct json *json = answers_text("{\"Model\":\"x\"}", &faults);
    epic_capabilities(json, model, &can, &faults);
    json_free(json);
    assert_int_equal(can.knob, EPIC_ON_OFF);
    assert_true(isnan(epic_target(&can, &set, 1000, algorithm)));
}

static void commands_hold_the_password_and_what_the_owner_chose(void **state)
{
    char body[EPIC_BODY];
    struct epic_settings set = {.algorithm = "Power", .min_throttle = 50, .throttle_step = NAN};
    (void)state;
    assert_true(epic_body_text(body, "Stop", "letmein"));
    assert_string_equal(body, "{\"param\":\"Stop\",\"password\":\"letmein\"}");
    assert_true(epic_body_bool(body, true, "letmein"));
    assert_string_equal(body, "{\"param\":true,\"password\":\"letmein\"}");
    assert_true(epic_body_algorithm(body, "Power", 1500, &set, "p"));
    assert_string_equal(body, "{\"param\":{\"algo\":\"Power\",\"target\":1500,\"min_throttle\":50},"
                              "\"password\":\"p\"}");
    assert_true(epic_body_algorithm(body, "ChipTune", 100, &set, "p"));
    assert_string_equal(body,
                        "{\"param\":{\"algo\":\"ChipTune\",\"target\":100},\"password\":\"p\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_device_is_read, fresh),
        cmocka_unit_test_setup(an_error_is_a_name_or_an_object, fresh),
        cmocka_unit_test_setup(watts_are_a_target_where_there_is_one, fresh),
        cmocka_unit_test_setup(else_a_hash_rate_whose_power_is_known, fresh),
        cmocka_unit_test_setup(else_it_is_on_or_off, fresh),
        cmocka_unit_test_setup(commands_hold_the_password_and_what_the_owner_chose, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
