/* Bitmain's own firmware: what it tells, and its configuration, patched in one place and compared.
 */
#include "devices/antminer_codec.h"
#include "tests/devices/answers.h"

#define NOW ((hb_mono){5000})

static struct reply_faults faults;

static int fresh(void **state)
{
    (void)state;
    memset(&faults, 0, sizeof faults);
    return 0;
}

static struct json *load_conf(void)
{
    size_t len = 0;
    char *text = answers_read("antminer/composed_get_miner_conf", &len);
    struct json *conf = antminer_conf_parse(text, len, &faults);
    free(text);
    assert_non_null(conf);
    return conf;
}

static struct json *conf_of(const char *text)
{
    struct json *conf = antminer_conf_parse(text, strlen(text), &faults);
    assert_non_null(conf);
    return conf;
}

static void a_device_is_read(void **state)
{
    static void (*const take[])(const struct json *, struct heater_state *,
                                struct reply_faults *) = {antminer_system, antminer_stats,
                                                          antminer_summary, antminer_pools};
    static const char *const name[] = {"antminer/composed_get_system_info",
                                       "antminer/composed_stats", "antminer/composed_summary",
                                       "antminer/composed_pools"};
    struct heater_state s = reply_unknown_state(NOW);
    (void)state;
    for (size_t i = 0; i < sizeof take / sizeof take[0]; i++) {
        struct json *json = answers_load(name[i], &faults);
        take[i](json, &s, &faults);
        json_free(json);
    }
    assert_string_equal(s.model, "Antminer S19 Pro");
    assert_string_equal(s.identity, "02:5e:30:00:00:01");
    assert_near(s.hashrate_hs.value, 96480.6e9, 1e3);
    assert_near(s.uptime_s.value, 7260, 5);
    assert_near(s.chip_c.value, 74, 0);
    assert_near(s.board_c.value, 67, 0);
    assert_int_equal(s.shares_accepted, 2310);
    assert_string_equal(s.pool, "pool.example:3333");
    assert_false(s.problem);
    assert_int_equal(answers_faults(&faults), 0);
}

/* A recorded S21 has an impossible MAC; asleep there are no figures. */
static void odd_answers_leave_the_rest_known(void **state)
{
    struct heater_state s = reply_unknown_state(NOW);
    (void)state;
    struct json *json =
        answers_text("{\"minertype\":\"Antminer S21\",\"macaddr\":\"02:00:00:00:3M:01\","
                     "\"serinum\":\"SERIAL1\",\"system_filesystem_version\":\"x\"}",
                     &faults);
    antminer_system(json, &s, &faults);
    json_free(json);
    assert_string_equal(s.identity, "SERIAL1");
    json = answers_text("{\"STATS\":[],\"SUMMARY\":[]}", &faults);
    antminer_stats(json, &s, &faults);
    antminer_summary(json, &s, &faults);
    json_free(json);
    assert_false(mono_is_set(s.hashrate_hs.at));
    json = answers_text("{\"SUMMARY\":[{\"status\":[{\"type\":\"rate\",\"status\":\"s\"},"
                        "{\"type\":\"fans\",\"status\":\"e\",\"msg\":\"fan lost\"}]}]}",
                        &faults);
    antminer_summary(json, &s, &faults);
    json_free(json);
    assert_true(s.problem);
    assert_non_null(strstr(s.problem_text, "fans: fan lost"));
}

static void the_longest_model_name_that_fits_counts(void **state)
{
    (void)state;
    assert_near(antminer_rated_w("Antminer S19"), 3250, 0);
    assert_near(antminer_rated_w("Antminer S19 XP"), 3010, 0);
    assert_near(antminer_rated_w("Antminer S19 (88)"), 3250, 0);
    assert_near(antminer_rated_w("Antminer S19k Pro"), 2760, 0);
    assert_true(isnan(antminer_rated_w("Antminer S1")));
    assert_true(isnan(antminer_rated_w("Antminer S190")));
    assert_true(isnan(antminer_rated_w("")));
}

static void one_key_is_changed_and_all_others_are_sent_as_they_were(void **state)
{
    char path[NAME_MAX_B];
    (void)state;
    struct json *conf = load_conf();
    assert_int_equal(antminer_conf_mode(conf), ANTMINER_NORMAL);
    char *body = antminer_conf_with(conf, ANTMINER_SLEEP, false);
    struct json *sent = conf_of(body);
    assert_int_equal(antminer_conf_mode(sent), ANTMINER_SLEEP);
    assert_string_equal(json_string(json_get(sent, "bitmain-work-mode")), "1");
    double mode = NAN;
    assert_true(json_number(json_get(sent, "miner-mode"), &mode));
    assert_near(mode, 1, 0);
    assert_string_equal(json_string(json_get(sent, "freq-level")), "100");
    assert_string_equal(json_string(json_path(sent, "pools[0].pass")), "not-to-be-told");
    assert_true(antminer_conf_same(conf, sent, path));
    assert_string_equal(path, "");
    json_free(sent);
    free(body);

    body = antminer_conf_with(conf, ANTMINER_LOW, true);
    sent = conf_of(body);
    assert_string_equal(json_string(json_get(sent, "miner-mode")), "3");
    json_free(sent);
    free(body);
    body = antminer_conf_with(conf, ANTMINER_UNKNOWN, false); /* to put it back */
    sent = conf_of(body);
    assert_int_equal(antminer_conf_mode(sent), ANTMINER_NORMAL);
    json_free(sent);
    free(body);
    json_free(conf);
}

static void each_difference_is_found_and_named_without_its_value(void **state)
{
    static const char before_text[] =
        "{\"pools\":[{\"url\":\"a\",\"user\":\"u\",\"pass\":\"p\"}],\"x\":true,\"n\":null,"
        "\"f\":1.5,\"bitmain-work-mode\":\"0\"}";
    static const struct {
        const char *after, *path;
    } cases[] = {
        {"{\"pools\":[{\"url\":\"b\",\"user\":\"u\",\"pass\":\"p\"}],\"x\":true,\"n\":null,"
         "\"f\":1.5,\"bitmain-work-mode\":\"1\"}",
         "pools[0].url"},
        {"{\"pools\":[{\"url\":\"a\",\"user\":\"u\",\"pass\":\"P\"}],\"x\":true,\"n\":null,"
         "\"f\":1.5,\"bitmain-work-mode\":\"1\"}",
         "pools[0].pass"},
        {"{\"pools\":[{\"url\":\"a\",\"user\":\"u\"}],\"x\":true,\"n\":null,\"f\":1.5,"
         "\"bitmain-work-mode\":\"1\"}",
         "pools[0].pass"},
        {"{\"pools\":[],\"x\":true,\"n\":null,\"f\":1.5,\"bitmain-work-mode\":\"1\"}", "pools[0]"},
        {"{\"pools\":[{\"url\":\"a\",\"user\":\"u\",\"pass\":\"p\"}],\"x\":\"true\",\"n\":null,"
         "\"f\":1.5,\"bitmain-work-mode\":\"1\"}",
         "x"},
        {"{\"pools\":[{\"url\":\"a\",\"user\":\"u\",\"pass\":\"p\"}],\"x\":true,\"n\":0,"
         "\"f\":1.5,\"bitmain-work-mode\":\"1\"}",
         "n"},
        {"{\"pools\":[{\"url\":\"a\",\"user\":\"u\",\"pass\":\"p\"}],\"x\":true,\"n\":null,"
         "\"f\":1.5,\"new\":1,\"bitmain-work-mode\":\"1\"}",
         "new"},
        {"{\"pools\":[{\"url\":\"a\",\"user\":\"u\",\"pass\":\"p\"}],\"x\":true,\"n\":null,"
         "\"f\":1.5}",
         "miner-mode"},
    };
    (void)state;
    struct json *before = conf_of(before_text);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[NAME_MAX_B];
        struct json *after = conf_of(cases[i].after);
        assert_false(antminer_conf_same(before, after, path));
        assert_string_equal(path, cases[i].path);
        json_free(after);
    }
    json_free(before);
}

static void what_would_lose_something_is_not_written(void **state)
{
    static const struct {
        const char *conf, *why;
    } cases[] = {
        {"{\"pools\":[]}", "no work mode"},
        {"{\"miner-mode\":9,\"pools\":[]}", "no work mode"},
        {"{\"miner-mode\":0}", "no list of pools"},
        {"{\"miner-mode\":0,\"pools\":[{\"pass\":\"***\"}]}", "hides the passwords"},
    };
    struct hb_err err = {0};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct json *conf = conf_of(cases[i].conf);
        assert_false(antminer_conf_writable(conf, &err));
        assert_non_null(strstr(err.msg, cases[i].why));
        json_free(conf);
    }
    struct json *conf = load_conf();
    assert_true(antminer_conf_writable(conf, &err));
    json_free(conf);
}

static void what_is_no_configuration_is_counted_and_not_shown(void **state)
{
    static const char broken[] = "{\"pools\":[{\"pass\":\"secret";
    (void)state;
    assert_null(antminer_conf_parse(broken, strlen(broken), &faults));
    assert_null(antminer_conf_parse("[1]", 3, &faults));
    assert_int_equal(faults.count[REPLY_UNREADABLE], 2);
    assert_null(strstr(faults.last, "secret"));
}

static void its_word_on_a_write_is_understood(void **state)
{
    char code[NAME_MAX_B];
    (void)state;
    struct json *json =
        answers_text("{\"stats\":\"success\",\"code\":\"M000\",\"msg\":\"OK!\"}", &faults);
    assert_true(antminer_taken(json, code, &faults));
    json_free(json);
    json =
        answers_text("{\"stats\":\"error\",\"code\":\"M001\",\"msg\":\"Invalid pool!\"}", &faults);
    assert_false(antminer_taken(json, code, &faults));
    assert_string_equal(code, "M001");
    json_free(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_device_is_read, fresh),
        cmocka_unit_test_setup(odd_answers_leave_the_rest_known, fresh),
        cmocka_unit_test_setup(the_longest_model_name_that_fits_counts, fresh),
        cmocka_unit_test_setup(one_key_is_changed_and_all_others_are_sent_as_they_were, fresh),
        cmocka_unit_test_setup(each_difference_is_found_and_named_without_its_value, fresh),
        cmocka_unit_test_setup(what_would_lose_something_is_not_written, fresh),
        cmocka_unit_test_setup(what_is_no_configuration_is_counted_and_not_shown, fresh),
        cmocka_unit_test_setup(its_word_on_a_write_is_understood, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
