/* Braiins OS: what recorded answers say, what a command needs, and what old versions say of
 * themselves. */
#include "devices/braiins_codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"

typedef bool (*reader)(const char *body, size_t len, struct braiins *seen,
                       struct reply_faults *faults);

static const struct {
    const char *file;
    reader read;
} answers[] = {
    {"miner_details", braiins_read_details},
    {"configuration_miner", braiins_read_configuration},
    {"performance_tuner_state", braiins_read_tuner},
    {"miner_stats", braiins_read_stats},
    {"cooling_state", braiins_read_cooling},
    {"miner_hw_hashboards", braiins_read_boards},
    {"pools", braiins_read_pools},
};
enum { ANSWERS = sizeof answers / sizeof answers[0] };

static char *recording(const char *release, const char *file, size_t *len)
{
    char path[128];
    (void)snprintf(path, sizeof path, "tests/data/devices/braiins/%s/%s.json", release, file);
    return test_read_file(path, len);
}

static void read_all(const char *release, struct braiins *seen, struct reply_faults *faults)
{
    braiins_forget(seen, (hb_mono){1000});
    for (size_t i = 0; i < ANSWERS; i++) {
        size_t len = 0;
        char *body = recording(release, answers[i].file, &len);
        assert_true(answers[i].read(body, len, seen, faults));
        free(body);
    }
    braiins_conclude(seen);
}

static uint64_t fault_sum(const struct reply_faults *faults)
{
    uint64_t sum = 0;
    for (int i = 0; i < REPLY_FAULT_COUNT; i++) {
        sum += faults->count[i];
    }
    return sum;
}

static void an_s21_pro_of_26_04_is_read_without_a_fault(void **unused)
{
    (void)unused;
    struct braiins seen;
    struct reply_faults faults = {0};
    read_all("26_04", &seen, &faults);
    const struct heater_state *state = &seen.state;
    assert_int_equal(fault_sum(&faults), 0);
    assert_string_equal(state->model, "Antminer S21 Pro");
    assert_string_equal(state->firmware, "2026-04-14-0-912d084c-26.04-plus");
    assert_string_equal(state->identity, "02:8f:77:ec:e7:e0");
    assert_near(state->uptime_s.value, 7206, 0);
    assert_near(state->power_w.value, 3480, 0);
    assert_int_equal(state->power_w.from, PROVENANCE_REPORTED);
    assert_near(state->hashrate_hs.value, 248186.67720002498e9, 1e3);
    assert_near(state->chip_c.value, 65.375, 0);
    assert_near(state->board_c.value, 50.375, 0);
    assert_near(state->inlet_c.value, 35.625, 0);
    assert_near(state->fan_ratio.value, 0.92, 0);
    assert_near(state->applied_w, 3500, 0);
    assert_int_equal(state->shares_accepted, 848);
    assert_near(state->best_difficulty, 499065300, 0);
    assert_string_equal(state->pool, "example.pool.com:3333");
    assert_string_equal(state->pool_user, "asic_rs.test");
    assert_int_equal(state->pool_link, POOL_OK);
    assert_int_equal(seen.status, BRAIINS_NORMAL);
    assert_int_equal(seen.tuner, BRAIINS_TUNER_CONTINUOUS);
    assert_false(state->problem);
}

static void one_of_25_07_is_read_without_a_fault(void **unused)
{
    (void)unused;
    struct braiins seen;
    struct reply_faults faults = {0};
    read_all("composed_25_07", &seen, &faults);
    assert_int_equal(fault_sum(&faults), 0);
    assert_string_equal(seen.state.model, "Antminer S19j Pro");
    assert_near(seen.state.applied_w, 2800, 0);
    assert_near(seen.state.power_w.value, 2870, 0);
    assert_near(seen.state.board_c.value, 55.5, 0); /* the hottest of three */
    assert_near(seen.state.inlet_c.value, 37, 0);   /* the coolest */
    assert_int_equal(seen.state.shares_rejected, 7);
    assert_int_equal(seen.tuner, BRAIINS_TUNER_STABLE);
    assert_false(seen.state.problem);
}

/* This one holds itself 600 W below its target. */
static void scaling_of_its_own_is_told_and_shown(void **unused)
{
    (void)unused;
    struct braiins seen;
    struct reply_faults faults = {0};
    read_all("composed_25_11", &seen, &faults);
    assert_int_equal(fault_sum(&faults), 0);
    assert_near(seen.set_w, 2800, 0);
    assert_near(seen.state.applied_w, 2200, 0);
    assert_true(seen.state.problem);
    assert_non_null(strstr(seen.state.problem_text, "2200 W instead of the 2800 W"));
    assert_false(braiins_needs(&seen, BRAIINS_SET_TARGET, 2800)); /* it is set to it already */
    seen.state.problem = false;
    seen.tuner = BRAIINS_TUNER_TUNING; /* on its way, it is believed */
    braiins_conclude(&seen);
    assert_near(seen.state.applied_w, 2800, 0);
    assert_false(seen.state.problem);
}

static struct braiins in(enum braiins_status status, double set_w)
{
    struct braiins seen;
    braiins_forget(&seen, (hb_mono){1000});
    seen.status = status;
    seen.set_w = seen.holds_w = set_w;
    return seen;
}

/* The writes that it takes, as one letter each. */
static const char *plan(const struct braiins *seen, double power_w)
{
    static char letters[BRAIINS_WRITES + 1];
    size_t count = 0;
    for (int i = 0; i < BRAIINS_WRITES; i++) {
        if (braiins_needs(seen, (enum braiins_write)i, power_w)) {
            letters[count++] = "TSRP"[i];
        }
    }
    letters[count] = '\0';
    return letters;
}

static void only_what_differs_is_written(void **unused)
{
    (void)unused;
    static const struct {
        enum braiins_status status;
        double set_w, power_w;
        const char *plan;
    } cases[] = {
        {BRAIINS_NORMAL, 3000, 3000, ""},       {BRAIINS_NORMAL, 3000, 3000.4, ""},
        {BRAIINS_NORMAL, 3000, 2500, "T"},      {BRAIINS_NORMAL, 3000, 0, "P"},
        {BRAIINS_PAUSED, 3000, 0, ""},          {BRAIINS_PAUSED, 3000, 3000, "R"},
        {BRAIINS_PAUSED, 3000, 2500, "TR"},     {BRAIINS_NOT_STARTED, 3000, 0, ""},
        {BRAIINS_NOT_STARTED, 3000, 3000, "S"}, {BRAIINS_SUSPENDED, 3000, 0, "P"},
        {BRAIINS_RESTRICTED, 3000, 0, "P"},     {BRAIINS_NORMAL, NAN, 2500, "T"},
        {BRAIINS_STATUS_UNKNOWN, NAN, 0, "P"},  {BRAIINS_STATUS_UNKNOWN, 2500, 2500, "R"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct braiins seen = in(cases[i].status, cases[i].set_w);
        assert_string_equal(plan(&seen, cases[i].power_w), cases[i].plan);
    }
}

static void a_paused_or_stopped_miner_is_set_to_nothing(void **unused)
{
    (void)unused;
    struct braiins seen = in(BRAIINS_PAUSED, 3000);
    braiins_conclude(&seen);
    assert_near(seen.state.applied_w, 0, 0);
    seen = in(BRAIINS_NOT_STARTED, 3000);
    braiins_conclude(&seen);
    assert_near(seen.state.applied_w, 0, 0);
    seen = in(BRAIINS_STATUS_UNKNOWN, 3000);
    braiins_conclude(&seen);
    assert_true(isnan(seen.state.applied_w));
}

static void bodies_are_as_documented(void **unused)
{
    (void)unused;
    char body[BRAIINS_BODY_MAX];
    char token[BRAIINS_TOKEN_MAX];
    braiins_target_body(2499.6, body);
    assert_string_equal(body, "{\"watt\":2500}");
    assert_true(braiins_login_body("root", "a\"b\\", body));
    assert_string_equal(body, "{\"username\":\"root\",\"password\":\"a\\\"b\\\\\"}");
    static const char good[] = "{\"token\":\"oTBF0\",\"timeout_s\":3600}";
    assert_true(braiins_read_login(good, strlen(good), token));
    assert_string_equal(token, "oTBF0");
    static const char *const bad[] = {"",
                                      "{}",
                                      "[]",
                                      "{\"token\":7}",
                                      "{\"token\":\"\"}",
                                      "{\"token\":\"a b\"}",
                                      "{\"token\":\"a\\r\\nX: y\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(braiins_read_login(bad[i], strlen(bad[i]), token));
        assert_string_equal(token, "");
    }
}

static void its_range_may_be_told_or_not(void **unused)
{
    (void)unused;
    struct braiins_range range;
    struct reply_faults faults = {0};
    static const char told[] = "{\"tuner_constraints\":{\"default_mode\":1,\"power_target\":"
                               "{\"min\":{\"watt\":771},\"max\":{\"watt\":3860}}}}";
    assert_true(braiins_read_constraints(told, strlen(told), &range, &faults));
    assert_near(range.min_w, 771, 0);
    assert_near(range.max_w, 3860, 0);
    static const char silent[] = "{\"tuner_constraints\":{\"power_target\":null}}";
    assert_true(braiins_read_constraints(silent, strlen(silent), &range, &faults));
    assert_true(isnan(range.min_w) && isnan(range.max_w));
    assert_int_equal(fault_sum(&faults), 0);
}

static void a_refusal_is_told_in_the_words_of_the_device(void **unused)
{
    (void)unused;
    static const struct {
        const char *body, *words;
    } cases[] = {
        {"power target [0W] is not in allowed range", "power target [0W] is not in allowed range"},
        {"{\"message\":\"too much\",\"code\":3}", "too much"},
        {"{\"error\":\"too little\"}", "too little"},
        {"\"no\"", "no"},
        {"{\"code\":3}", ""},
        {"<html>no</html>", ""},
        {"", ""},
        {"line\nbreak", "line?break"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char words[64];
        braiins_read_refusal(cases[i].body, strlen(cases[i].body), words, sizeof words);
        assert_string_equal(words, cases[i].words);
    }
}

static void old_versions_are_told_apart(void **unused)
{
    (void)unused;
    char version[NAME_MAX_B];
    size_t len = 0;
    char *boser = recording(".", "socket_version", &len);
    assert_int_equal(braiins_read_version(boser, len, version, sizeof version), BRAIINS_BOSER);
    assert_string_equal(version, "boser-buildroot 0.1.0-75912fc7");
    free(boser);
    static const char bosminer[] =
        "{\"VERSION\":[{\"API\":\"3.7\",\"BOSminer+\":\"0.2.0-36c56\"}]}";
    assert_int_equal(braiins_read_version(bosminer, strlen(bosminer), version, sizeof version),
                     BRAIINS_BOSMINER);
    assert_string_equal(version, "0.2.0-36c56");
    static const char other[] = "{\"VERSION\":[{\"API\":\"3.7\",\"CGMiner\":\"4.11.1\"}]}";
    assert_int_equal(braiins_read_version(other, strlen(other), version, sizeof version),
                     BRAIINS_NONE);
    assert_int_equal(braiins_read_version("", 0, version, sizeof version), BRAIINS_NONE);
}

/* Every answer cut at every place: nothing is invented, nothing breaks. */
static void a_truncated_answer_is_of_no_use(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ANSWERS; i++) {
        size_t len = 0;
        char *body = recording("26_04", answers[i].file, &len);
        while (len > 0 && body[len - 1] != '}' && body[len - 1] != ']') {
            len--;
        }
        for (size_t cut = 0; cut < len; cut += 1 + cut / 16) {
            struct braiins seen;
            struct reply_faults faults = {0};
            char *part = malloc(cut + 1); /* of its own, so that a sanitizer sees its end */
            memcpy(part, body, cut);
            part[cut] = '\0';
            braiins_forget(&seen, (hb_mono){1000});
            assert_false(answers[i].read(part, cut, &seen, &faults));
            assert_int_equal(faults.count[REPLY_UNREADABLE], 1);
            free(part);
        }
        free(body);
    }
}

static void impossible_fields_are_unknown_and_counted(void **unused)
{
    (void)unused;
    struct braiins seen;
    struct reply_faults faults = {0};
    static const char body[] =
        "{\"miner_stats\":{\"real_hashrate\":{\"last_5s\":{\"gigahash_per_second\":NaN}}},"
        "\"pool_stats\":{\"accepted_shares\":\"many\",\"rejected_shares\":3,\"stale_shares\":0},"
        "\"power_stats\":{\"approximated_consumption\":{\"watt\":-5}}}";
    braiins_forget(&seen, (hb_mono){1000});
    assert_true(braiins_read_stats(body, strlen(body), &seen, &faults));
    assert_false(mono_is_set(seen.state.power_w.at));
    assert_false(mono_is_set(seen.state.hashrate_hs.at));
    assert_int_equal(seen.state.shares_accepted, 0);
    assert_int_equal(seen.state.shares_rejected, 3);
    assert_true(faults.count[REPLY_RANGE] >= 1);
    assert_true(faults.count[REPLY_TYPE] >= 1);
}

static void dead_pools_are_lost_pools(void **unused)
{
    (void)unused;
    struct braiins seen;
    struct reply_faults faults = {0};
    static const char body[] =
        "[{\"name\":\"a\",\"pools\":[{\"active\":false,\"alive\":false,\"url\":"
        "\"stratum+tcp://one.example:3333/x\",\"user\":\"me\"},{\"active\":false,\"alive\":false,"
        "\"url\":\"stratum+tcp://two.example:3333\",\"user\":\"me\"}]}]";
    braiins_forget(&seen, (hb_mono){1000});
    assert_true(braiins_read_pools(body, strlen(body), &seen, &faults));
    braiins_conclude(&seen);
    assert_int_equal(seen.state.pool_link, POOL_LOST);
    assert_int_equal(seen.state.health, HEATER_POOL_LOST);
    assert_string_equal(seen.state.pool, "one.example:3333");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_s21_pro_of_26_04_is_read_without_a_fault),
        cmocka_unit_test(one_of_25_07_is_read_without_a_fault),
        cmocka_unit_test(scaling_of_its_own_is_told_and_shown),
        cmocka_unit_test(only_what_differs_is_written),
        cmocka_unit_test(a_paused_or_stopped_miner_is_set_to_nothing),
        cmocka_unit_test(bodies_are_as_documented),
        cmocka_unit_test(its_range_may_be_told_or_not),
        cmocka_unit_test(a_refusal_is_told_in_the_words_of_the_device),
        cmocka_unit_test(old_versions_are_told_apart),
        cmocka_unit_test(a_truncated_answer_is_of_no_use),
        cmocka_unit_test(impossible_fields_are_unknown_and_counted),
        cmocka_unit_test(dead_pools_are_lost_pools),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
