/* WhatsMiner: recorded answers of both APIs, the ciphers against vectors from elsewhere, and what
 * is written for which power. */
#include <math.h>

#include "devices/whatsminer_codec.h"
#include "tests/devices/answers.h"

#define NOW ((hb_mono){5000})

static struct reply_faults faults;
static struct whatsminer seen;

static int fresh(void **state)
{
    (void)state;
    memset(&faults, 0, sizeof faults);
    whatsminer_forget(&seen, NOW);
    return 0;
}

/* --- ciphers -----------------------------------------------------------------------------------*/

/* Computed with `openssl passwd -1`. */
static void md5crypt_is_that_of_openssl(void **state)
{
    static const struct {
        const char *word, *salt, *hash;
    } cases[] = {
        {"admin", "BQ5hoXV9", "RxmaDUO33TS7O26yeMHZ81"},
        {"RxmaDUO33TS7O26yeMHZ814168", "jbzkfQls", "uiynkbl.CRezSQnO0h5JQ0"},
        {"a longer password than sixteen bytes", "abcdefgh", "pvuAZ.3YtMCYukXQdR4lv1"},
        {"", "ab", "rn6aQS/o7141mj179E/zA."},
        {"admin", "BQ5hoXV9$ignored", "RxmaDUO33TS7O26yeMHZ81"},
        {"admin", "BQ5hoXV9ignored", "RxmaDUO33TS7O26yeMHZ81"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char hash[WHATSMINER_HASH];
        assert_true(whatsminer_md5crypt(cases[i].word, cases[i].salt, hash));
        assert_string_equal(hash, cases[i].hash);
    }
}

/* NIST SP 800-38A, F.1.5: ECB-AES256, its four blocks as base64. */
static void the_cipher_is_that_of_the_standard(void **state)
{
    static const uint8_t key[32] = {0x60, 0x3d, 0xeb, 0x10, 0x15, 0xca, 0x71, 0xbe,
                                    0x2b, 0x73, 0xae, 0xf0, 0x85, 0x7d, 0x77, 0x81,
                                    0x1f, 0x35, 0x2c, 0x07, 0x3b, 0x61, 0x08, 0xd7,
                                    0x2d, 0x98, 0x10, 0xa3, 0x09, 0x14, 0xdf, 0xf4};
    static const uint8_t plain[] = {0x6b, 0xc1, 0xbe, 0xe2, 0x2e, 0x40, 0x9f, 0x96, 0xe9,
                                    0x3d, 0x7e, 0x11, 0x73, 0x93, 0x17, 0x2a, 0xae, 0x2d,
                                    0x8a, 0x57, 0x1e, 0x03, 0xac, 0x9c, 0x9e, 0xb7, 0x6f,
                                    0xac, 0x45, 0xaf, 0x8e, 0x51, 0};
    char sealed[WHATSMINER_SEALED];
    char text[WHATSMINER_PLAIN];
    (void)state;
    assert_true(whatsminer_seal(key, (const char *)plain, sealed));
    assert_string_equal(sealed, "8+7RvbXSoDwGS1p+PbGB+FkcyxDUEO0m3FunSjE2KHA=");
    assert_true(whatsminer_unseal(key, sealed, text));
    assert_memory_equal(text, plain, sizeof plain);
}

/* The exchange of API 2 as it was computed with the openssl program for password admin. */
static void a_command_of_api_2_is_sealed_and_its_answer_opened(void **state)
{
    static const uint8_t key[32] = {0x19, 0x9e, 0x0a, 0x20, 0x20, 0x39, 0xbb, 0x7b,
                                    0x55, 0x8d, 0xb7, 0xa5, 0x46, 0x97, 0xdc, 0xa2,
                                    0x9c, 0xb2, 0x78, 0x05, 0x5b, 0x7e, 0x65, 0x9a,
                                    0x12, 0x7f, 0xb8, 0x44, 0xd5, 0xa2, 0xfb, 0xf6};
    struct whatsminer_token token;
    char sealed[WHATSMINER_SEALED];
    char why[NAME_MAX_B];
    (void)state;
    struct json *json = answers_text(
        "{\"STATUS\":\"S\",\"When\":1643181852,\"Code\":134,\"Msg\":{\"time\":\"4168\","
        "\"salt\":\"BQ5hoXV9\",\"newsalt\":\"jbzkfQls\"},\"Description\":\"\"}",
        &faults);
    assert_true(whatsminer_read_token(json, "admin", &token, &faults));
    json_free(json);
    assert_string_equal(token.sign, "uiynkbl.CRezSQnO0h5JQ0");
    assert_memory_equal(token.key, key, sizeof key);
    assert_true(whatsminer_seal(token.key,
                                "{\"cmd\": \"power_off\", \"respbefore\": \"true\", \"token\": "
                                "\"uiynkbl.CRezSQnO0h5JQ0\"}",
                                sealed));
    assert_string_equal(sealed,
                        "YJracrWpLn2XvqWuNiNqyg70K64pfivIJhwE32DXNCeyv4iYIDyJ6mJuwbGpytIy1LaAJexj"
                        "bMNN5lrWU4H7CRM/qeswFUTsAWnV8kPJSXQ=");
    static const char answer[] = "{\"enc\":\"C/UGIQ8LwD66stwLyOOcM1szg2WvXGWQ/jyC5PN1O/"
                                 "x3lluOVpsOSpBcGhtOpg0QfXzqoVOPWCksKSno"
                                 "q5FdlDzf1zswfpjLBG0UghjHFmJyj0Iw94hY+ImJc0aQQ3bU\"}";
    assert_int_equal(whatsminer_judge(answer, strlen(answer), &token, why, &faults),
                     WHATSMINER_DONE);
    assert_string_equal(why, "API command OK");
    assert_int_equal(answers_faults(&faults), 0);
}

static void a_token_of_api_3_is_that_of_the_vector(void **state)
{
    char token[WHATSMINER_TOKEN3];
    char request[WHATSMINER_REQUEST];
    (void)state;
    assert_true(whatsminer_token3("set.miner.power_limit", "super", "uhCiDyVj", 1773869570, token));
    assert_string_equal(token, "TaB0bCds");
    const struct whatsminer_step step = {WHATSMINER_LIMIT, 2800};
    assert_true(whatsminer_command3(step, "super", "uhCiDyVj", 1773869570, request));
    assert_string_equal(request, "{\"cmd\":\"set.miner.power_limit\",\"param\":2800,\"ts\":"
                                 "1773869570,\"account\":\"super\",\"token\":\"TaB0bCds\"}");
}

static void what_is_not_sealed_by_us_is_garbage_and_not_trusted(void **state)
{
    static const uint8_t key[32] = {1};
    static const char *const bad[] = {"",     "AAAA", "AAA",  "!!!!!!!!!!!!!!!!!!!!!!==",
                                      "====", "AA==", "A===", "AAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    char text[WHATSMINER_PLAIN];
    char sealed[WHATSMINER_SEALED];
    char big[WHATSMINER_PLAIN + 1];
    struct whatsminer_token token = {.sign = "x"};
    char why[NAME_MAX_B];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(whatsminer_unseal(key, bad[i], text));
        assert_string_equal(text, "");
    }
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    assert_false(whatsminer_seal(key, big, sealed));
    static const char foreign[] = "{\"enc\":\"C/UGIQ8LwD66stwLyOOcMw==\"}";
    assert_int_equal(whatsminer_judge(foreign, strlen(foreign), &token, why, &faults),
                     WHATSMINER_UNCLEAR);
}

/* --- readings ----------------------------------------------------------------------------------*/

/* Reads a recorded answer with the part of that number. */
static bool read_part(enum whatsminer_api api, int part, const char *name)
{
    char path[128];
    (void)snprintf(path, sizeof path, "whatsminer/%s", name);
    struct json *json = answers_load(path, &faults);
    const bool useful = whatsminer_parts(api)[part].read(json, &seen, &faults);
    json_free(json);
    return useful;
}

static bool read_text(enum whatsminer_api api, int part, const char *text)
{
    struct json *json = answers_text(text, &faults);
    const bool useful = whatsminer_parts(api)[part].read(json, &seen, &faults);
    json_free(json);
    return useful;
}

static void a_recorded_device_of_api_2_is_read(void **state)
{
    const struct heater_state *s = &seen.state;
    (void)state;
    assert_true(read_part(WHATSMINER_API2, 0, "v2_get_miner_info"));
    assert_string_equal(s->identity, "d4:01:02:03:04:05");
    assert_true(read_part(WHATSMINER_API2, 1, "v2_status"));
    assert_int_equal(seen.set.off, 0);
    assert_near(seen.set.limit_w, 3600, 0);
    assert_true(isnan(seen.set.percent)); /* this firmware does not tell it */
    assert_string_equal(s->firmware, "20240624.18.REL");
    assert_true(read_part(WHATSMINER_API2, 2, "v2_summary"));
    assert_true(read_part(WHATSMINER_API2, 5, "v2_pools"));
    whatsminer_conclude(&seen, 20);
    assert_near(seen.set.limit_w, 3300, 0);
    assert_int_equal(seen.set.ramped, 1);
    assert_near(s->power_w.value, 3200, 0);
    assert_int_equal(s->power_w.from, PROVENANCE_REPORTED);
    assert_near(s->hashrate_hs.value, 124.5e12, 1e6);
    assert_near(s->chip_c.value, 81, 0);
    assert_near(s->inlet_c.value, 28.5, 0);
    assert_near(s->uptime_s.value, 25000, 0);
    assert_int_equal(s->shares_accepted, 5412);
    assert_near(s->best_difficulty, 82000000, 0);
    assert_string_equal(s->pool, "btc.example.pool:3333");
    assert_string_equal(s->pool_user, "asic-rs.test");
    assert_int_equal(s->pool_link, POOL_OK);
    assert_true(isnan(s->applied_w));
    assert_false(s->problem);
    assert_int_equal(answers_faults(&faults), 0);
}

static void recorded_errors_of_api_2_are_told_in_words(void **state)
{
    (void)state;
    assert_true(read_part(WHATSMINER_API2, 6, "v2_get_error_code_with_errors"));
    whatsminer_conclude(&seen, 20);
    assert_int_equal(seen.code_count, 2);
    assert_true(seen.state.problem);
    assert_string_equal(seen.state.problem_text,
                        "it reports error 218: it needs 230 V or more for its high power mode (and "
                        "1 more)");
    assert_int_equal(seen.state.health, HEATER_HEALTHY);
}

static void a_recorded_device_of_api_3_is_read(void **state)
{
    const struct heater_state *s = &seen.state;
    (void)state;
    assert_true(read_part(WHATSMINER_API3, 0, "v3_get_device_info"));
    assert_true(read_part(WHATSMINER_API3, 2, "v3_get_miner_status_summary"));
    assert_true(read_part(WHATSMINER_API3, 3, "v3_get_miner_status_pools"));
    whatsminer_conclude(&seen, 20);
    assert_string_equal(s->model, "M60S_VK40");
    assert_string_equal(s->firmware, "20251209.16.Rel2");
    assert_string_equal(s->identity, "ce:02:01:00:8c:36");
    assert_string_equal(seen.salt, "uhCiDyVj");
    assert_near(seen.when_s, 1773869570, 0);
    assert_int_equal(seen.writable, 1);
    assert_int_equal(seen.set.off, 0);
    assert_int_equal(seen.set.ramped, 1);
    assert_near(seen.set.limit_w, 3600, 0);
    assert_near(s->power_w.value, 3156, 0);
    assert_near(s->hashrate_hs.value, 171.259e12, 1e6);
    assert_near(s->chip_c.value, 82, 0);
    assert_near(s->board_c.value, 41.5, 0);
    assert_near(s->inlet_c.value, 28.5, 0);
    assert_near(s->uptime_s.value, 50000, 0);
    assert_string_equal(s->pool, "btc.example.pool:3333");
    assert_string_equal(s->pool_user, "asic-rs.test");
    assert_int_equal(s->pool_link, POOL_OK);
    assert_int_equal(answers_faults(&faults), 0);
}

static void what_it_is_set_to_is_its_limit_times_its_percentage(void **state)
{
    (void)state;
    assert_true(read_text(WHATSMINER_API3, 1,
                          "{\"code\":0,\"msg\":{\"power-limit\":3600,\"power-percent\":0}}"));
    seen.set.off = 0;
    whatsminer_conclude(&seen, 20);
    assert_near(seen.state.applied_w, 3600, 1e-9); /* 0: it was never throttled */
    assert_true(read_text(WHATSMINER_API3, 1,
                          "{\"code\":0,\"msg\":{\"power-limit\":3600,\"power-percent\":\"75\"}}"));
    whatsminer_conclude(&seen, 20);
    assert_near(seen.state.applied_w, 2700, 1e-9);
    assert_true(read_text(WHATSMINER_API2, 1,
                          "{\"Msg\":{\"mineroff\":\"true\",\"power_limit_set\":\"\","
                          "\"power_pct\":\"50\"}}"));
    whatsminer_conclude(&seen, 20);
    assert_near(seen.state.applied_w, 0, 0);
    assert_near(seen.state.power_w.value, 20, 0);
    assert_int_equal(seen.state.power_w.from, PROVENANCE_MODELLED);
    assert_int_equal(answers_faults(&faults), 0);
}

static void whether_it_is_off_is_told_in_many_ways(void **state)
{
    static const struct {
        const char *text;
        int off;
        int faults;
    } cases[] = {
        {"{\"Msg\":{\"mineroff\":\"true\"}}", 1, 0},
        {"{\"Msg\":{\"mineroff\":false}}", 0, 0},
        {"{\"Msg\":{\"btmineroff\":\"true\"}}", 1, 0},
        {"{\"Msg\":{\"btmineroff\":\"0\"}}", 0, 0},
        {"{\"Msg\":{}}", -1, 1},
        {"{\"Msg\":{\"mineroff\":\"perhaps\"}}", -1, 2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)fresh(NULL);
        (void)read_text(WHATSMINER_API2, 1, cases[i].text);
        assert_int_equal(seen.set.off, cases[i].off);
        assert_int_equal(answers_faults(&faults), cases[i].faults);
    }
}

static void a_miner_that_is_off_may_leave_its_mining_out(void **state)
{
    (void)state;
    seen.set.off = 1;
    for (int part = 2; part <= 5; part++) {
        assert_false(
            read_text(WHATSMINER_API2, part, "{\"STATUS\":\"E\",\"Code\":14,\"Msg\":\"no\"}"));
    }
    assert_int_equal(answers_faults(&faults), 0);
    seen.set.off = 0;
    assert_false(read_text(WHATSMINER_API2, 2, "{\"STATUS\":\"E\",\"Code\":14,\"Msg\":\"no\"}"));
    assert_int_equal(faults.count[REPLY_MISSING], 1);
}

static void bad_fields_are_unknown_and_counted(void **state)
{
    (void)state;
    assert_true(read_text(WHATSMINER_API2, 2,
                          "{\"SUMMARY\":[{\"HS RT\":-1,\"MHS av\":1e99,\"Power\":\"much\","
                          "\"Elapsed\":[],\"Power Limit\":3300,\"Accepted\":-4,"
                          "\"Chip Temp Max\":9000,\"Hash Stable\":{}}]}"));
    assert_false(mono_is_set(seen.state.power_w.at));
    assert_false(mono_is_set(seen.state.hashrate_hs.at));
    assert_false(mono_is_set(seen.state.chip_c.at));
    assert_int_equal(seen.set.ramped, -1);
    assert_near(seen.set.limit_w, 3300, 0);
    assert_true(faults.count[REPLY_RANGE] >= 3);
    assert_true(faults.count[REPLY_TYPE] >= 3);
    assert_true(read_text(WHATSMINER_API2, 6,
                          "{\"Msg\":{\"error_code\":[\"352\",{\"x\":\"\"},7,{\"-1\":0}]}}"));
    whatsminer_conclude(&seen, 20);
    assert_int_equal(seen.code_count, 1);
    assert_int_equal(seen.state.health, HEATER_OVERHEATED);
}

static void quotes_inside_a_version_are_dropped(void **state)
{
    (void)state;
    assert_true(read_text(WHATSMINER_API2, 2,
                          "{\"SUMMARY\":[{\"Firmware Version\":\"'20210322.22.REL'\"}]}"));
    assert_string_equal(seen.state.firmware, "20210322.22.REL");
}

static void codes_are_found_by_their_range(void **state)
{
    (void)state;
    assert_string_equal(whatsminer_error(110)->what, "a fan does not turn as it should");
    assert_true(whatsminer_error(352)->hot);
    assert_true(whatsminer_error(600)->hot);
    assert_true(whatsminer_error(541003)->hot);
    assert_false(whatsminer_error(531003)->hot);
    assert_null(whatsminer_error(99));
    assert_null(whatsminer_error(1));
}

/* --- orders ------------------------------------------------------------------------------------*/

static void the_percentage_comes_first_and_the_limit_only_where_it_must(void **state)
{
    static const struct {
        struct whatsminer_set set;
        double power_w;
        struct whatsminer_step step;
    } cases[] = {
        {{1, 1, 3300, 100}, 0, {WHATSMINER_NOTHING, 0}},
        {{0, 1, 3300, 100}, 0, {WHATSMINER_OFF, 0}},
        {{-1, 1, 3300, 100}, 0, {WHATSMINER_OFF, 0}},
        {{1, 1, NAN, NAN}, 2000, {WHATSMINER_ON, 0}},
        {{-1, 1, 3300, 100}, 2000, {WHATSMINER_ON, 0}},
        {{0, 1, NAN, 100}, 2000, {WHATSMINER_UNKNOWN, 0}},
        {{0, 1, 3300, 100}, 3300, {WHATSMINER_NOTHING, 0}},
        {{0, 1, 3300, 100}, 1650, {WHATSMINER_PERCENT, 50}},
        {{0, 1, 3300, 50}, 1650, {WHATSMINER_NOTHING, 0}},
        {{0, 1, 3300, NAN}, 3300, {WHATSMINER_PERCENT, 100}},
        {{0, 1, 3300, 100}, 1682, {WHATSMINER_PERCENT, 50}}, /* never more than ordered */
        {{0, 1, 3300, 100}, 990, {WHATSMINER_PERCENT, 30}},
        {{0, 1, 3300, 100}, 600, {WHATSMINER_LIMIT, 600}},
        {{0, 1, 3300, 50}, 3500, {WHATSMINER_LIMIT, 3500}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct whatsminer_step step = whatsminer_next(&cases[i].set, cases[i].power_w, 30);
        assert_int_equal(step.write, cases[i].step.write);
        assert_int_equal(step.value, cases[i].step.value);
    }
}

/* Whatever it is set to, so many writes lead to what is wanted, and none follows. */
static void what_is_acknowledged_is_not_written_again(void **state)
{
    (void)state;
    for (int power_w = 0; power_w <= 4000; power_w += 37) {
        struct whatsminer_set set = {.off = -1, .ramped = 1, .limit_w = 3300, .percent = NAN};
        int writes = 0;
        struct whatsminer_step step = whatsminer_next(&set, power_w, 30);
        while (step.write != WHATSMINER_NOTHING && writes <= 3) {
            whatsminer_acknowledged(&set, step);
            writes++;
            step = whatsminer_next(&set, power_w, 30);
        }
        assert_in_range(writes, 1, 3);
        if (power_w > 0) {
            assert_true(set.limit_w * set.percent / 100 <= power_w + 0.01);
        }
    }
}

static void commands_are_as_the_device_wants_them(void **state)
{
    static const struct {
        struct whatsminer_step step;
        const char *v2, *v3;
    } cases[] = {
        {{WHATSMINER_OFF, 0},
         "{\"cmd\":\"power_off\",\"respbefore\":\"true\",\"token\":\"t\"}",
         "{\"cmd\":\"set.miner.service\",\"param\":\"stop\",\"ts\":"},
        {{WHATSMINER_ON, 0},
         "{\"cmd\":\"power_on\",\"token\":\"t\"}",
         "{\"cmd\":\"set.miner.service\",\"param\":\"start\",\"ts\":"},
        {{WHATSMINER_LIMIT, 2800},
         "{\"cmd\":\"adjust_power_limit\",\"power_limit\":\"2800\",\"token\":\"t\"}",
         "{\"cmd\":\"set.miner.power_limit\",\"param\":2800,\"ts\":"},
        {{WHATSMINER_PERCENT, 80},
         "{\"cmd\":\"set_power_pct\",\"percent\":\"80\",\"token\":\"t\"}",
         "{\"cmd\":\"set.miner.power_percent\",\"param\":{\"percent\":\"80\",\"mode\":\"fast\"},"
         "\"ts\":"},
    };
    char text[WHATSMINER_PLAIN];
    char request[WHATSMINER_REQUEST];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(whatsminer_command2(cases[i].step, "t", text));
        assert_string_equal(text, cases[i].v2);
        assert_true(whatsminer_command3(cases[i].step, "super", "salt", 1, request));
        assert_memory_equal(request, cases[i].v3, strlen(cases[i].v3));
    }
    const struct whatsminer_step nothing = {WHATSMINER_NOTHING, 0};
    assert_false(whatsminer_command2(nothing, "t", text));
    assert_false(whatsminer_command3(nothing, "super", "salt", 1, request));
}

static void answers_to_commands_are_told_apart(void **state)
{
    static const struct {
        const char *body;
        bool v2;
        enum whatsminer_verdict verdict;
    } cases[] = {
        {"{\"STATUS\":\"S\",\"Code\":131,\"Msg\":\"API command OK\"}", true, WHATSMINER_DONE},
        {"{\"STATUS\":[{\"STATUS\":\"S\",\"Msg\":\"ok\"}]}", true, WHATSMINER_DONE},
        {"{\"STATUS\":\"E\",\"Code\":132,\"Msg\":\"API command ERROR\"}", true, WHATSMINER_FAILED},
        {"{\"STATUS\":\"E\",\"Code\":135,\"Msg\":\"check token err\"}", true, WHATSMINER_BAD_TOKEN},
        {"{\"STATUS\":\"E\",\"Code\":23,\"Msg\":\"json cmd err\"}", true, WHATSMINER_BAD_TOKEN},
        {"{\"STATUS\":\"E\",\"Msg\":\"token err\"}", true, WHATSMINER_BAD_TOKEN},
        {"{\"STATUS\":\"E\",\"Code\":136,\"Msg\":\"token over max times\"}", true, WHATSMINER_BUSY},
        {"{\"STATUS\":\"E\",\"Code\":45,\"Msg\":\"permission denied\"}", true, WHATSMINER_CLOSED},
        {"{\"STATUS\":\"E\",\"Code\":14,\"Msg\":\"can't access write cmd\"}", true,
         WHATSMINER_CLOSED},
        {"{}", true, WHATSMINER_UNCLEAR},
        {"[1]", true, WHATSMINER_UNCLEAR},
        {"{\"code\":0,\"msg\":\"ok\",\"desc\":\"set.miner.service\"}", false, WHATSMINER_DONE},
        {"{\"code\":-1,\"msg\":\"fail\"}", false, WHATSMINER_FAILED},
        {"{\"code\":-2,\"msg\":\"invalid command\"}", false, WHATSMINER_FAILED},
        {"{\"code\":-4,\"msg\":\"token error\"}", false, WHATSMINER_BAD_TOKEN},
        {"{\"code\":-4,\"msg\":\"permission denied\"}", false, WHATSMINER_CLOSED},
        {"{\"msg\":\"ok\"}", false, WHATSMINER_UNCLEAR},
    };
    const struct whatsminer_token token = {.sign = "t"};
    char why[NAME_MAX_B];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(whatsminer_judge(cases[i].body, strlen(cases[i].body),
                                          cases[i].v2 ? &token : NULL, why, &faults),
                         cases[i].verdict);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, fresh)
    const struct CMUnitTest tests[] = {
        TEST(md5crypt_is_that_of_openssl),
        TEST(the_cipher_is_that_of_the_standard),
        TEST(a_command_of_api_2_is_sealed_and_its_answer_opened),
        TEST(a_token_of_api_3_is_that_of_the_vector),
        TEST(what_is_not_sealed_by_us_is_garbage_and_not_trusted),
        TEST(a_recorded_device_of_api_2_is_read),
        TEST(recorded_errors_of_api_2_are_told_in_words),
        TEST(a_recorded_device_of_api_3_is_read),
        TEST(what_it_is_set_to_is_its_limit_times_its_percentage),
        TEST(whether_it_is_off_is_told_in_many_ways),
        TEST(a_miner_that_is_off_may_leave_its_mining_out),
        TEST(bad_fields_are_unknown_and_counted),
        TEST(quotes_inside_a_version_are_dropped),
        TEST(codes_are_found_by_their_range),
        TEST(the_percentage_comes_first_and_the_limit_only_where_it_must),
        TEST(what_is_acknowledged_is_not_written_again),
        TEST(commands_are_as_the_device_wants_them),
        TEST(answers_to_commands_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
