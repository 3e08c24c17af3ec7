/* LuxOS: the recorded answers of an S19k Pro, what else its fields may hold, and our commands. */
#include "devices/luxos_codec.h"
#include "tests/devices/answers.h"

#define NOW ((hb_mono){5000})

static struct reply_faults faults;

static int fresh(void **state)
{
    (void)state;
    memset(&faults, 0, sizeof faults);
    return 0;
}

static void a_recorded_device_is_read(void **state)
{
    static void (*const take[])(const struct json *, struct heater_state *,
                                struct reply_faults *) = {luxos_power, luxos_summary, luxos_temps,
                                                          luxos_fans};
    static const char *const name[] = {"luxos/power", "luxos/summary", "luxos/temps", "luxos/fans"};
    struct heater_state s = reply_unknown_state(NOW);
    struct luxos_settings settings;
    (void)state;
    struct json *config = answers_load("luxos/config", &faults);
    luxos_config(config, &s, &settings, &faults);
    json_free(config);
    for (size_t i = 0; i < sizeof take / sizeof take[0]; i++) {
        struct json *json = answers_load(name[i], &faults);
        take[i](json, &s, &faults);
        json_free(json);
    }
    assert_string_equal(s.model, "Antminer S19k Pro");
    assert_string_equal(s.identity, "62:f7:5e:b7:10:46");
    assert_string_equal(s.firmware, "LUXminer 2025.4.8.220305-57b389c7");
    assert_string_equal(settings.profile, "290MHz");
    assert_int_equal(settings.asleep, 0);
    assert_int_equal(settings.atm, 1);
    assert_near(s.power_w.value, 1051, 0);
    assert_int_equal(s.power_w.from, PROVENANCE_REPORTED);
    assert_near(s.hashrate_hs.value, 59756.06e9, 1e3);
    assert_near(s.uptime_s.value, 3453, 0);
    assert_near(s.board_c.value, 47, 0);
    assert_false(mono_is_set(s.chip_c.at));
    assert_near(s.fan_ratio.value, 0.2, 1e-9);
    assert_int_equal(s.shares_accepted, 1483);
    assert_int_equal(s.shares_rejected, 1);
    assert_near(s.best_difficulty, 32768, 0);
    assert_int_equal(answers_faults(&faults), 0);
}

static void recorded_profiles_become_levels(void **state)
{
    struct luxos_profiles profiles;
    (void)state;
    struct json *json = answers_load("luxos/profiles", &faults);
    luxos_profiles(json, &profiles, &faults);
    json_free(json);
    assert_int_equal(profiles.count, 3);
    assert_near(luxos_profile_named(&profiles, "215MHz")->power_w, 879, 0);
    assert_null(luxos_profile_named(&profiles, "default"));
    assert_string_equal(luxos_profile_for(&profiles, 900)->name, "215MHz");
    assert_string_equal(luxos_profile_for(&profiles, 1e4)->name, "240MHz");
    assert_near(luxos_default_w(&profiles), 978, 0);
    assert_int_equal(answers_faults(&faults), 0);
}

static void the_default_profile_limits_what_is_offered(void **state)
{
    struct luxos_profiles profiles;
    (void)state;
    struct json *json =
        answers_text("{\"PROFILES\":[{\"Profile Name\":\"default\",\"Step\":\"0\",\"Watts\":2794},"
                     "{\"Profile Name\":\"615MHz\",\"Step\":\"1\",\"Watts\":2954},"
                     "{\"Profile Name\":\"a,b\",\"Step\":\"2\",\"Watts\":3000},"
                     "{\"Profile Name\":\"x\",\"Step\":\"3\",\"Watts\":\"many\"}]}",
                     &faults);
    luxos_profiles(json, &profiles, &faults);
    json_free(json);
    assert_int_equal(profiles.count, 2); /* a comma would part the parameter; no watts, no level */
    assert_near(luxos_default_w(&profiles), 2794, 0);
    assert_int_equal(faults.count[REPLY_TYPE], 1);
}

static void sleep_is_told_from_waking_and_from_what_is_not_known(void **state)
{
    static const struct {
        const char *mode;
        int asleep;
    } cases[] = {{"None", 0},   {"Sleep", 1},     {"SLEEP", 1},
                 {"WakeUp", 0}, {"Dreaming", -1}, {"", -1}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct heater_state s = reply_unknown_state(NOW);
        struct luxos_settings settings;
        char text[96];
        (void)snprintf(text, sizeof text, "{\"CONFIG\":[{\"CurtailMode\":\"%s\"}]}", cases[i].mode);
        struct json *json = answers_text(text, &faults);
        luxos_config(json, &s, &settings, &faults);
        json_free(json);
        assert_int_equal(settings.asleep, cases[i].asleep);
    }
}

static void the_pool_in_use_is_the_active_one(void **state)
{
    struct heater_state s = reply_unknown_state(NOW);
    (void)state;
    struct json *json = answers_text(
        "{\"POOLS\":[{\"Status\":\"Dead\",\"Stratum Active\":false,\"URL\":\"stratum+tcp://a:1\","
        "\"User\":\"u\"},{\"Status\":\"Alive\",\"Stratum Active\":true,"
        "\"URL\":\"stratum+tcp://b.example:3333\",\"User\":\"w\"}]}",
        &faults);
    luxos_pools(json, &s, &faults);
    json_free(json);
    assert_string_equal(s.pool, "b.example:3333");
    assert_string_equal(s.pool_user, "w");
    assert_int_equal(s.pool_link, POOL_OK);
}

static void bad_fields_are_unknown_and_counted(void **state)
{
    struct heater_state s = reply_unknown_state(NOW);
    (void)state;
    struct json *json = answers_text("{\"POWER\":[{\"Watts\":-5}]}", &faults);
    luxos_power(json, &s, &faults);
    json_free(json);
    assert_false(mono_is_set(s.power_w.at));
    assert_int_equal(faults.count[REPLY_RANGE], 1);
    luxos_summary(NULL, &s, &faults);
    luxos_temps(NULL, &s, &faults);
    luxos_fans(NULL, &s, &faults);
    luxos_pools(NULL, &s, &faults);
    assert_false(mono_is_set(s.hashrate_hs.at));
    assert_true(faults.count[REPLY_MISSING] >= 3);
}

static void commands_are_as_luxos_wants_them(void **state)
{
    char text[LUXOS_REQUEST];
    char session[LUXOS_SESSION];
    (void)state;
    assert_true(luxos_request(text, sizeof text, "config", NULL));
    assert_string_equal(text, "{\"command\":\"config\"}");
    assert_true(luxos_request(text, sizeof text, "curtail", "abcd1234,sleep"));
    assert_string_equal(text, "{\"command\":\"curtail\",\"parameter\":\"abcd1234,sleep\"}");
    assert_false(luxos_request(text, 12, "config", NULL));
    assert_string_equal(text, "");

    struct json *json = answers_text("{\"STATUS\":[{\"STATUS\":\"E\",\"Code\":402,"
                                     "\"Msg\":\"Another session is active\"}]}",
                                     &faults);
    const struct luxos_verdict verdict = luxos_verdict(json, &faults);
    assert_false(verdict.ok);
    assert_near(verdict.code, LUXOS_SESSION_TAKEN, 0);
    assert_false(luxos_session(json, session, &faults));
    json_free(json);
    json = answers_text("{\"SESSION\":[{\"SessionID\":\"abcd1234\"}]}", &faults);
    assert_true(luxos_session(json, session, &faults));
    assert_string_equal(session, "abcd1234");
    json_free(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_recorded_device_is_read, fresh),
        cmocka_unit_test_setup(recorded_profiles_become_levels, fresh),
        cmocka_unit_test_setup(the_default_profile_limits_what_is_offered, fresh),
        cmocka_unit_test_setup(sleep_is_told_from_waking_and_from_what_is_not_known, fresh),
        cmocka_unit_test_setup(the_pool_in_use_is_the_active_one, fresh),
        cmocka_unit_test_setup(bad_fields_are_unknown_and_counted, fresh),
        cmocka_unit_test_setup(commands_are_as_luxos_wants_them, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
