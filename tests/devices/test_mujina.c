/* mujina without a network: what is read, and what is not believed. */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "devices/mujina_codec.h"

static void its_state_is_read(void **state)
{
    (void)state;
    struct reply_faults faults = {0};
    struct mujina_info info;
    size_t len = 0;
    char *text = test_read_file("tests/data/devices/mujina/composed_miner.json", &len);
    assert_true(mujina_read(text, len, &info, &faults));
    free(text);
    assert_int_equal(info.paused, 0);
    assert_int_equal(info.boards, 2);
    assert_near(info.power_w, 31, 1e-9);
    assert_near(info.chip_c, 58.5, 1e-9); /* and not 71 of the regulator */
    assert_near(info.fan_ratio, 0.55, 1e-9);
    assert_near(info.hashrate_hs, 2.14e12, 1);
    assert_near(info.uptime_s, 3600, 0);
    assert_string_equal(info.model, "mujina: Bitaxe Gamma and 1 more");
    assert_string_equal(info.pool, "pool.example:3333");
    for (size_t i = 0; i < REPLY_FAULT_COUNT; i++) {
        assert_int_equal(faults.count[i], 0); /* null is a sensor that is not there */
    }
}

static struct mujina_info read_text(const char *text, struct reply_faults *faults)
{
    struct mujina_info info;
    assert_true(mujina_read(text, strlen(text), &info, faults));
    return info;
}

static void the_watts_of_some_boards_are_not_those_of_all(void **state)
{
    (void)state;
    struct reply_faults faults = {0};
    struct mujina_info info =
        read_text("{\"paused\":true,\"uptime_secs\":1,\"hashrate\":0,\"boards\":["
                  "{\"powers\":[{\"name\":\"core\",\"power_w\":10}]},"
                  "{\"powers\":[{\"name\":\"core\",\"power_w\":null}]}]}",
                  &faults);
    assert_true(isnan(info.power_w));
    assert_int_equal(info.paused, 1);
    info = read_text("{\"paused\":false,\"uptime_secs\":1,\"hashrate\":0,\"boards\":["
                     "{\"powers\":[{\"name\":\"core\",\"power_w\":10},{\"name\":\"input\","
                     "\"power_w\":12}]}]}",
                     &faults);
    assert_near(info.power_w, 12, 0); /* the input holds the rest */
    info = read_text("{\"paused\":false,\"uptime_secs\":1,\"hashrate\":0,\"boards\":[]}", &faults);
    assert_true(isnan(info.power_w));
}

static void bad_fields_are_unknown(void **state)
{
    (void)state;
    struct reply_faults faults = {0};
    const struct mujina_info info = read_text(
        "{\"paused\":\"no\",\"uptime_secs\":-1,\"hashrate\":\"x\",\"boards\":7}", &faults);
    assert_int_equal(info.paused, -1);
    assert_true(isnan(info.uptime_s) && isnan(info.hashrate_hs) && isnan(info.power_w));
    assert_true(faults.count[REPLY_TYPE] >= 3);
    assert_int_equal(faults.count[REPLY_RANGE], 1);
}

static void other_answers_are_refused(void **state)
{
    (void)state;
    static const char *const answers[] = {"", "OK", "[]", "{\"paused\":true}", "{\"boards\":[]}"};
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct reply_faults faults = {0};
        struct mujina_info info;
        assert_false(mujina_read(answers[i], strlen(answers[i]), &info, &faults));
        assert_int_equal(faults.count[REPLY_UNREADABLE], 1);
    }
    assert_string_equal(mujina_pause_body(true), "{\"paused\":true}");
    assert_string_equal(mujina_pause_body(false), "{\"paused\":false}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_state_is_read),
        cmocka_unit_test(the_watts_of_some_boards_are_not_those_of_all),
        cmocka_unit_test(bad_fields_are_unknown),
        cmocka_unit_test(other_answers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
