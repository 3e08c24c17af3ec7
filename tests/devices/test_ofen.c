/* 21energy: both forms of an Ofen's summary, a 21port, and that no level beyond 4 is ever sent. */
#include "devices/ofen.h"

#include <stdlib.h>
#include <string.h>

#include "devices/caps.h"
#include "devices/ofen_codec.h"
#include "tests/devices/rig.h"

static struct ofen fresh(void)
{
    struct ofen seen;
    ofen_forget(&seen, (hb_mono){1000});
    return seen;
}

static void values_come_bare_or_quoted(void **unused)
{
    (void)unused;
    static const struct {
        const char *body;
        int level;
    } levels[] = {{"0", 0},
                  {"4", 4},
                  {"\"3\"", 3},
                  {" 2\n", 2},
                  {"5", OFEN_LEVEL_UNKNOWN},
                  {"-1", OFEN_LEVEL_UNKNOWN},
                  {"1.5", OFEN_LEVEL_UNKNOWN},
                  {"", OFEN_LEVEL_UNKNOWN},
                  {"full", OFEN_LEVEL_UNKNOWN}};
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        struct ofen seen = fresh();
        struct reply_faults faults = {0};
        const bool fine = ofen_read_level(levels[i].body, strlen(levels[i].body), &seen, &faults);
        assert_int_equal(seen.level, levels[i].level);
        assert_int_equal(fine, levels[i].level != OFEN_LEVEL_UNKNOWN);
    }
    struct ofen seen = fresh();
    struct reply_faults faults = {0};
    assert_true(ofen_read_watt("\"8700W\"", 7, &seen, &faults));
    assert_near(seen.told_w, 8700, 0);
    assert_false(ofen_read_watt("W", 1, &seen, &faults));
}

/* Composed from the maker's integration: no recording exists. */
static const char forge[] =
    "{\"forge\":{},\"miningDevices\":{\"enabled\":1,\"powerTargetW\":8700,"
    "\"powerConsumptionW\":2850,\"hashRate\":120000.5,\"maxChipTemperature\":71.5,"
    "\"lastSummaries\":[{\"id\":\"a\",\"pool_stats\":{\"accepted_shares\":12,\"rejected_shares\":1,"
    "\"stale_shares\":2,\"best_share\":900},\"miner_stats\":{\"real_hashrate\":{\"last_5s\":"
    "{\"gigahash_per_second\":119000.5}}},\"power_stats\":{\"approximated_consumption\":"
    "{\"watt\":2861}},\"fans\":[{\"rpm\":1200,\"target_speed_ratio\":0.3}],"
    "\"highest_temperature\":{\"location\":1,\"temperature\":{\"degree_c\":70.25}}}]}}";
static const char without_block[] =
    "{\"forge\":{},\"miningDevices\":{\"enabled\":true,\"powerConsumptionW\":2850,"
    "\"hashRate\":120000.5,\"maxChipTemperature\":71.5,\"lastSummaries\":[]}}";
static const char old_form[] =
    "{\"foundBlocks\":0,\"poolStatus\":\"ok\",\"power\":{\"limitW\":8700,"
    "\"approxConsumptionW\":2800},\"realHashrate\":{\"mhs5S\":119000500.0},\"tunerStatus\":{}}";
static const char old_form_off[] =
    "{\"foundBlocks\":0,\"power\":{\"limitW\":8700,\"approxConsumptionW\":18},\"realHashrate\":{}}";

static struct ofen read_summary(const char *body, struct reply_faults *faults)
{
    struct ofen seen = fresh();
    seen.operational = 1;
    seen.level = 4;
    assert_true(ofen_read_summary(body, strlen(body), &seen, faults));
    return seen;
}

static void both_forms_of_the_summary_are_read(void **unused)
{
    (void)unused;
    struct reply_faults faults = {0};
    struct ofen seen = read_summary(forge, &faults);
    assert_near(seen.state.power_w.value, 2861, 0);
    assert_near(seen.state.hashrate_hs.value, 119000.5e9, 1);
    assert_near(seen.state.chip_c.value, 70.25, 0);
    assert_near(seen.state.fan_ratio.value, 0.3, 0);
    assert_int_equal(seen.state.shares_accepted, 12);
    assert_int_equal(ofen_applied(&seen), 4);
    seen = read_summary(without_block, &faults);
    assert_near(seen.state.power_w.value, 2850, 0);
    assert_near(seen.state.hashrate_hs.value, 120000.5e9, 1);
    assert_near(seen.state.chip_c.value, 71.5, 0);
    seen = read_summary(old_form, &faults);
    assert_near(seen.state.power_w.value, 2800, 0);
    assert_near(seen.state.hashrate_hs.value, 119000.5e9, 1);
    assert_int_equal(ofen_applied(&seen), 4);
    seen = read_summary(old_form_off, &faults);
    assert_int_equal(ofen_applied(&seen), OFEN_LEVEL_OFF);
    for (int i = 0; i < REPLY_FAULT_COUNT; i++) {
        assert_int_equal(faults.count[i], 0);
    }
}

static void what_is_not_known_is_not_guessed(void **unused)
{
    (void)unused;
    struct ofen seen = fresh();
    assert_int_equal(ofen_applied(&seen), OFEN_LEVEL_UNKNOWN);
    seen.enabled = 1;
    assert_int_equal(ofen_applied(&seen), OFEN_LEVEL_UNKNOWN);
    seen.level = 2;
    assert_int_equal(ofen_applied(&seen), 2);
    seen.operational = 0;
    assert_int_equal(ofen_applied(&seen), OFEN_LEVEL_OFF);
}

/* The writes that it takes, as one letter each. */
static const char *plan(int enabled, int level_now, int level, bool early_refused)
{
    static char letters[OFEN_WRITES + 1];
    struct ofen seen = fresh();
    seen.operational = 1;
    seen.enabled = enabled;
    seen.level = level_now;
    size_t count = 0;
    for (int i = 0; i < OFEN_WRITES; i++) {
        if (ofen_needs(&seen, (enum ofen_write)i, level, early_refused)) {
            letters[count++] = "LED"[i];
        }
    }
    letters[count] = '\0';
    return letters;
}

static void only_what_differs_is_written(void **unused)
{
    (void)unused;
    assert_string_equal(plan(1, 4, 4, false), "");
    assert_string_equal(plan(1, 2, 4, false), "L");
    assert_string_equal(plan(0, 4, 4, false), "E");
    assert_string_equal(plan(0, 2, 4, false), "LE");
    assert_string_equal(plan(0, 2, 4, true), "E"); /* and then: */
    assert_string_equal(plan(1, 2, 4, true), "L");
    assert_string_equal(plan(1, 4, OFEN_LEVEL_OFF, false), "D");
    assert_string_equal(plan(0, 4, OFEN_LEVEL_OFF, false), "");
    assert_string_equal(plan(-1, 4, OFEN_LEVEL_OFF, false), "D");
    assert_string_equal(plan(1, OFEN_LEVEL_UNKNOWN, 0, false), "L");
}

static void calls_are_as_the_maker_makes_them(void **unused)
{
    (void)unused;
    struct ofen_call call = ofen_call(OFEN_SET_LEVEL, 4, "");
    assert_string_equal(call.path, "/21control/heater/powerTarget/4");
    assert_string_equal(call.body, "");
    call = ofen_call(OFEN_DISABLE, OFEN_LEVEL_OFF, "");
    assert_string_equal(call.path, "/21control/heater/enable");
    assert_string_equal(call.body, "{\"enabled\":false}");
    call = port21_call(OFEN_SET_LEVEL, 0, "");
    assert_string_equal(call.path, "/21port/mining/powerLevel");
    assert_string_equal(call.body, "{\"level\":0}");
    call = port21_call(OFEN_ENABLE, 0, "10.0.0.7");
    assert_string_equal(call.path, "/21port/mining/enable");
    assert_string_equal(call.body, "{\"enabled\":true,\"minerId\":\"10.0.0.7\"}");
}

static const char port_summary[] =
    "{\"deviceCount\":2,\"forgeStatus\":\"running\",\"poolStatus\":\"alive\",\"powerLevel\":3,"
    "\"currentPowerConsumptionW\":4100,\"totalHashrateGhs\":200000,\"firmwareVersion\":"
    "{\"controlVersion\":\"1.4.0\"},\"devices\":[{\"id\":\"a\",\"model\":\"S19\",\"enabled\":false,"
    "\"powerLevel\":1,\"powerConsumptionW\":40,\"hashrateGhs\":0,\"chipTemperature\":31,"
    "\"poolStatus\":\"dead\"},{\"id\":\"b\",\"model\":\"S19\",\"enabled\":true,\"powerLevel\":3,"
    "\"powerConsumptionW\":4060,\"hashrateGhs\":200000,\"chipTemperature\":66,\"poolStatus\":"
    "\"alive\"}]}";

static void a_21port_is_read_as_a_whole_or_by_device(void **unused)
{
    (void)unused;
    struct reply_faults faults = {0};
    struct ofen seen = fresh();
    assert_true(port21_read_summary(port_summary, strlen(port_summary), "", &seen, &faults));
    assert_near(seen.state.power_w.value, 4100, 0);
    assert_near(seen.state.hashrate_hs.value, 2e14, 1);
    assert_near(seen.state.chip_c.value, 66, 0);
    assert_int_equal(ofen_applied(&seen), 3);
    assert_int_equal(seen.state.pool_link, POOL_OK);
    assert_string_equal(seen.state.firmware, "1.4.0");
    seen = fresh();
    assert_true(port21_read_summary(port_summary, strlen(port_summary), "a", &seen, &faults));
    assert_int_equal(ofen_applied(&seen), OFEN_LEVEL_OFF);
    assert_near(seen.state.power_w.value, 40, 0);
    assert_int_equal(seen.state.pool_link, POOL_LOST);
    seen = fresh();
    assert_false(port21_read_summary(port_summary, strlen(port_summary), "c", &seen, &faults));
}

/* --- the drivers, without a device -------------------------------------------------------------*/

static void level_5_does_not_exist(void **unused)
{
    (void)unused;
    struct ofen_options options = {.url = "http://192.0.2.1", .standby_power = 15};
    struct heater_env env = {.id = "ofen", .options = &options};
    struct heater_caps caps = {0};
    struct hb_err err = {0};
    void *self = calloc(1, ofen_heater.instance_size);
    assert_true(ofen_heater.init(self, &env, &caps, &err));
    assert_int_equal(caps.tier_count, 5);
    assert_near(caps.tier_w[4], 2900, 0);
    assert_true(caps_allow(&caps, 2900, &err));
    assert_false(caps_allow(&caps, 3400, &err)); /* where a level 5 would be */
    assert_non_null(strstr(err.msg, "3400"));
    ofen_heater.fini(self);
    free(self);
}

static void five_levels_are_expected(void **unused)
{
    (void)unused;
    struct ofen_options options = {.url = "http://192.0.2.1",
                                   .levels = {.w = {500, 1000, 1500}, .count = 3}};
    struct heater_env env = {.id = "port", .options = &options};
    struct heater_caps caps = {0};
    struct hb_err err = {0};
    void *self = calloc(1, port21_heater.instance_size);
    assert_false(port21_heater.init(self, &env, &caps, &err));
    assert_string_equal(err.msg, "levels: expected 5 powers, got 3");
    port21_heater.fini(self);
    free(self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_bare_or_quoted),
        cmocka_unit_test(both_forms_of_the_summary_are_read),
        cmocka_unit_test(what_is_not_known_is_not_guessed),
        cmocka_unit_test(only_what_differs_is_written),
        cmocka_unit_test(calls_are_as_the_maker_makes_them),
        cmocka_unit_test(a_21port_is_read_as_a_whole_or_by_device),
        cmocka_unit_test(level_5_does_not_exist),
        cmocka_unit_test(five_levels_are_expected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
