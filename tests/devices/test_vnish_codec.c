/* VNish: answers in the shape of its OpenAPI pages, and our requests. */
#include "devices/vnish_codec.h"
#include "tests/devices/answers.h"

#define NOW ((hb_mono){5000})

static struct reply_faults faults;

static int fresh(void **state)
{
    (void)state;
    memset(&faults, 0, sizeof faults);
    return 0;
}

static void a_device_is_read(void **state)
{
    struct heater_state s = reply_unknown_state(NOW);
    struct vnish_settings settings = {.throttled = NAN, .preset_w = NAN};
    double unit = NAN;
    (void)state;
    struct json *json = answers_load("vnish/composed_info", &faults);
    vnish_info(json, &s, &unit, &faults);
    json_free(json);
    json = answers_load("vnish/composed_summary", &faults);
    vnish_summary(json, unit, &s, &settings, &faults);
    json_free(json);
    json = answers_load("vnish/composed_perf_summary", &faults);
    vnish_perf_summary(json, &settings, &faults);
    json_free(json);
    assert_string_equal(s.model, "Antminer S19");
    assert_string_equal(s.firmware, "VNish 1.3.4");
    assert_string_equal(s.identity, "02:5e:20:00:00:01");
    assert_near(s.power_w.value, 1400, 0); /* power_consumption; power_usage is an efficiency */
    assert_near(s.hashrate_hs.value, 50400e9, 1e3);
    assert_near(s.chip_c.value, 71, 0);
    assert_near(s.board_c.value, 55, 0);
    assert_near(s.fan_ratio.value, 0.68, 1e-9);
    assert_int_equal(s.shares_accepted, 321);
    assert_string_equal(s.pool, "pool.example:3333");
    assert_int_equal(settings.run, VNISH_ON);
    assert_near(settings.throttled, 50, 0);
    assert_near(settings.preset_w, 2800, 0);
    assert_int_equal(answers_faults(&faults), 0);
}

static void presets_without_a_power_or_for_another_supply_are_left_out(void **state)
{
    struct vnish_presets presets;
    struct vnish_preset usable[VNISH_PRESETS];
    (void)state;
    struct json *json = answers_load("vnish/composed_preset_list", &faults);
    vnish_presets(json, &presets, &faults);
    json_free(json);
    assert_int_equal(presets.count, 5);
    assert_int_equal(vnish_usable(&presets, false, usable), 4); /* one is not tuned */
    assert_int_equal(vnish_usable(&presets, true, usable), 5);
    for (size_t i = 0; i < presets.count; i++) {
        presets.list[i].tuned = false;
    }
    assert_int_equal(vnish_usable(&presets, false, usable), 5); /* none is: then any */
}

static void states_are_told_apart(void **state)
{
    static const struct {
        const char *name;
        enum vnish_run run;
    } cases[] = {{"mining", VNISH_ON},         {"auto-tuning", VNISH_ON}, {"stopped", VNISH_OFF},
                 {"shutting-down", VNISH_OFF}, {"failure", VNISH_FAILED}, {"?", VNISH_UNKNOWN}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct heater_state s = reply_unknown_state(NOW);
        struct vnish_settings settings = {0};
        char text[128];
        (void)snprintf(text, sizeof text, "{\"miner\":{\"miner_status\":{\"miner_state\":\"%s\"}}}",
                       cases[i].name);
        struct json *json = answers_text(text, &faults);
        vnish_summary(json, 1e9, &s, &settings, &faults);
        json_free(json);
        assert_int_equal(settings.run, cases[i].run);
        assert_true(isnan(settings.throttled)); /* a firmware without the key cannot throttle */
        assert_false(mono_is_set(s.power_w.at));
    }
}

static void uptimes_are_read_in_words(void **state)
{
    (void)state;
    assert_near(vnish_uptime_s("3:05"), 11100, 0);
    assert_near(vnish_uptime_s("1 day, 0:01"), 86460, 0);
    assert_near(vnish_uptime_s("10 days, 18:00"), 928800, 0);
    assert_true(isnan(vnish_uptime_s("")));
    assert_true(isnan(vnish_uptime_s("3:05 h")));
    assert_true(isnan(vnish_uptime_s("10 days")));
    assert_true(isnan(vnish_uptime_s("-1:05")));
}

static void requests_hold_one_key_each(void **state)
{
    char body[VNISH_BODY];
    char token[VNISH_TOKEN];
    (void)state;
    assert_true(vnish_body_throttle(body, sizeof body, 45));
    assert_string_equal(body, "{\"percent\":45}");
    assert_true(vnish_body_preset(body, sizeof body, "2800"));
    assert_string_equal(body, "{\"miner\":{\"overclock\":{\"preset\":\"2800\"}}}");
    assert_true(vnish_body_unlock(body, sizeof body, "a\"b"));
    assert_string_equal(body, "{\"pw\":\"a\\\"b\"}");
    assert_false(vnish_body_preset(body, 8, "2800"));
    struct json *json = answers_text("{\"token\":\"abc\"}", &faults);
    assert_true(vnish_token(json, token, &faults));
    json_free(json);
    json = answers_text("{\"unlock_timeout\":3}", &faults);
    assert_false(vnish_token(json, token, &faults));
    json_free(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_device_is_read, fresh),
        cmocka_unit_test_setup(presets_without_a_power_or_for_another_supply_are_left_out, fresh),
        cmocka_unit_test_setup(states_are_told_apart, fresh),
        cmocka_unit_test_setup(uptimes_are_read_in_words, fresh),
        cmocka_unit_test_setup(requests_hold_one_key_each, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
