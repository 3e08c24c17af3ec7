/* Fields of devices' answers: what is wrong becomes unknown and is counted, the rest is used. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices/reply.h"
#include "tests/support/test.h"

static struct reply_faults faults;

static int fresh_faults(void **state)
{
    (void)state;
    memset(&faults, 0, sizeof faults);
    return 0;
}

static uint64_t all_faults(void)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < REPLY_FAULT_COUNT; i++) {
        sum += faults.count[i];
    }
    return sum;
}

static struct json *parse_bytes(const char *bytes, size_t len)
{
    /* A copy of the exact size, so that reading beyond it is noticed. */
    char *copy = malloc(len + 1);
    assert_non_null(copy);
    char *exact = copy + 1;
    memcpy(exact, bytes, len);
    struct json *json = reply_parse(exact, len, &faults);
    free(copy);
    return json;
}

/* The answer as it was understood, printed; NULL if it was not. */
static char *understood(const char *bytes, size_t len)
{
    struct json *json = parse_bytes(bytes, len);
    char *text = json == NULL ? NULL : json_print(json);
    json_free(json);
    return text;
}

struct repair_case {
    const char *bytes;
    size_t len; /* 0: up to the NUL */
    const char *expected;
    int fault; /* that is counted once; -1: none */
};

static void repairs(void **state)
{
    (void)state;
    static const struct repair_case cases[] = {
        {"{\"a\":1.5,\"b\":[true,null,-0.25e-3]}", 0, "{\"a\":1.5,\"b\":[true,null,-0.00025]}", -1},
        {"  \xEF\xBB", 0, NULL, REPLY_UNREADABLE},
        {"\xEF\xBB\xBF{\"a\":1}", 0, "{\"a\":1}", -1},
        {"{\"a\":1}\0", 8, "{\"a\":1}", -1},
        {"{\"a\":1}\r\n\0\0", 11, "{\"a\":1}", -1},
        {"{\"a\":nan}", 0, "{\"a\":null}", REPLY_RANGE},
        {"{\"a\":-NaN}", 0, "{\"a\":null}", REPLY_RANGE},
        {"[inf]", 0, "[null]", REPLY_RANGE},
        {"[-Infinity,2]", 0, "[null,2]", REPLY_RANGE},
        {"[1.#QNAN]", 0, "[null]", REPLY_RANGE},
        {"[1e999]", 0, "[null]", REPLY_RANGE},
        {"[0x1F]", 0, "[null]", REPLY_RANGE},
        {"[undefined]", 0, "[null]", REPLY_RANGE},
        {"[007]", 0, "[7]", -1},
        {"[-]", 0, "[null]", REPLY_RANGE},
        {"[1.]", 0, "[null]", REPLY_RANGE},
        {"[1e]", 0, "[null]", REPLY_RANGE},
        {"{\"a\":\"\xFF\",\"b\":2}", 0, "{\"a\":null,\"b\":2}", REPLY_TEXT},
        {"{\"a\xFF\":1,\"b\":2}", 0, "{\"a?\":1,\"b\":2}", REPLY_TEXT},
        {"[\"\xC3\xA4\"]", 0, "[\"\xC3\xA4\"]", -1},
        {"[\"\\u00e4\\ud83d\\ude00\"]", 0, "[\"\xC3\xA4\xF0\x9F\x98\x80\"]", -1},
        {"[\"\\ud83d\"]", 0, "[null]", REPLY_TEXT},
        {"[\"\\u0000\"]", 0, "[null]", REPLY_TEXT},
        {"[\"\\x41\"]", 0, "[null]", REPLY_TEXT},
        {"[\"a\0b\"]", 7, "[null]", REPLY_TEXT},
        {"{\"a\":{\"b\":1}\"c\":2}", 0, "{\"a\":{\"b\":1},\"c\":2}", REPLY_TEXT},
        {"[{\"a\":1}{\"b\":2}]", 0, "[{\"a\":1},{\"b\":2}]", REPLY_TEXT},
        {"[,{\"a\":1,},]", 0, "[{\"a\":1}]", REPLY_TEXT},
        {"[1,,2]", 0, "[1,2]", REPLY_TEXT},
        {"{\"a\":1} trailing", 0, "{\"a\":1}", REPLY_TEXT},
        {"{\"a\":1}{\"a\":1}", 0, "{\"a\":1}", REPLY_TEXT},
        {"{\"a\":1,\"a\":2,\"b\":3}", 0, "{\"b\":3}", REPLY_DUPLICATE},
        {"{\"a\":1,\"b\":3,\"a\":1}", 0, "{\"a\":1,\"b\":3}", REPLY_DUPLICATE},
        {"{\"x\":[{\"a\":1,\"a\":\"1\"}]}", 0, "{\"x\":[{}]}", REPLY_DUPLICATE},
        {"{\"a\":{},\"a\":{}}", 0, "{}", REPLY_DUPLICATE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct repair_case *c = &cases[i];
        (void)fresh_faults(NULL);
        char *text = understood(c->bytes, c->len > 0 ? c->len : strlen(c->bytes));
        if ((text == NULL) != (c->expected == NULL) ||
            (text != NULL && strcmp(text, c->expected) != 0)) {
            fail_msg("'%s': expected %s, got %s", c->bytes, c->expected, text);
        }
        if (all_faults() != (c->fault >= 0) || (c->fault >= 0 && faults.count[c->fault] != 1)) {
            fail_msg("'%s': counted something else: %s", c->bytes, faults.last);
        }
        free(text);
    }
}

static void what_is_no_whole_answer_is_unreadable(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",      " ",       "hello",      "12",        "\"text\"",        "{",      "{\"a\":1",
        "[1,2",  "{\"a\":", "[}",         "{\"a\":]}", "{\"a\":\"b}",     "{1:2}",  "{\"a\" 1}",
        "{a:1}", "<html>",  "{\"a\"::1}", "[\"a\":1]", "STATUS=S,When=1", "{\"a\\", "[\"\\",
        "[:]",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        (void)fresh_faults(NULL);
        char *text = understood(bad[i], strlen(bad[i]));
        if (text != NULL) {
            fail_msg("'%s' was understood as %s", bad[i], text);
        }
        assert_int_equal(faults.count[REPLY_UNREADABLE], 1);
        assert_true(strncmp(faults.last, "expected a whole JSON answer", 28) == 0);
    }
}

static void depth_and_size_are_bounded(void **state)
{
    (void)state;
    static char deep[200000];
    memset(deep, '[', sizeof deep);
    assert_null(parse_bytes(deep, sizeof deep));
    memset(deep + JSON_MAX_DEPTH, ']', JSON_MAX_DEPTH);
    char *text = understood(deep, 2 * JSON_MAX_DEPTH);
    assert_non_null(text);
    free(text);
    memset(deep + JSON_MAX_DEPTH + 1, ']', JSON_MAX_DEPTH + 1);
    deep[JSON_MAX_DEPTH] = '[';
    assert_null(parse_bytes(deep, 2 * (JSON_MAX_DEPTH + 1)));
    char *huge = malloc(2 << 20);
    assert_non_null(huge);
    memset(huge, ' ', 2 << 20);
    memcpy(huge, "[]", 2);
    assert_null(parse_bytes(huge, 2 << 20));
    free(huge);
}

/* One name per member, each twice: the work must not grow with the square. */
static void thousands_of_twins_do_not_matter(void **state)
{
    (void)state;
    enum { PAIRS = 20000 };
    char *bytes = malloc((size_t)PAIRS * 2 * 16 + 2);
    assert_non_null(bytes);
    size_t len = 0;
    bytes[len++] = '{';
    for (int i = 0; i < PAIRS * 2; i++) {
        len += (size_t)snprintf(bytes + len, 17, "%s\"n%d\":%d", i == 0 ? "" : ",", i % PAIRS,
                                i / PAIRS);
    }
    bytes[len++] = '}';
    struct json *json = reply_parse(bytes, len, &faults);
    assert_non_null(json);
    assert_int_equal(json_count(json), 0);
    assert_int_equal(faults.count[REPLY_DUPLICATE], PAIRS);
    json_free(json);
    free(bytes);
}

static const char fields[] =
    "{\"power\":812.5,\"text\":\"3250\",\"unit\":\"65.5 C\",\"huge\":1e300,\"on\":true,\"one\":1,"
    "\"two\":2,\"nothing\":null,\"list\":[10,{\"t\":\"x\"}],\"count\":1234567890123,\"part\":1.5,"
    "\"minus\":-1,\"name\":\"B\\u001b[0mitaxe\",\"worker\":\"bc1q.a\",\"empty\":\"\","
    "\"nan\":\"nan\",\"range\":\"5 of 10\"}";

static void numbers(void **state)
{
    (void)state;
    struct json *json = parse_bytes(fields, sizeof fields - 1);
    assert_non_null(json);
    assert_near(reply_number(json, "power", 0, 10000, &faults), 812.5, 0);
    assert_near(reply_number(json, "list[0]", 0, 10, &faults), 10, 0);
    assert_near(reply_number_or_text(json, "text", 0, 10000, &faults), 3250, 0);
    assert_near(reply_number_or_text(json, "unit", 0, 100, &faults), 65.5, 0);
    assert_near(reply_number_or_text(json, "power", 0, 10000, &faults), 812.5, 0);
    assert_int_equal(all_faults(), 0);

    assert_true(isnan(reply_number(json, "text", 0, 10000, &faults)));
    assert_string_equal(faults.last, "text: expected 0 to 10000, got \"3250\"");
    assert_true(isnan(reply_number(json, "on", 0, 1, &faults)));
    assert_true(isnan(reply_number(json, "list", 0, 1, &faults)));
    assert_string_equal(faults.last, "list: expected 0 to 1, got a list");
    assert_true(isnan(reply_number_or_text(json, "nan", 0, 1, &faults)));
    assert_true(isnan(reply_number_or_text(json, "range", 0, 100, &faults)));
    assert_int_equal(faults.count[REPLY_TYPE], 5);

    assert_true(isnan(reply_number(json, "huge", 0, 10000, &faults)));
    assert_true(isnan(reply_number(json, "minus", 0, 10000, &faults)));
    assert_true(isnan(reply_number_or_text(json, "unit", 0, 60, &faults)));
    assert_string_equal(faults.last, "unit: expected 0 to 60, got 65.5");
    assert_int_equal(faults.count[REPLY_RANGE], 3);

    assert_true(isnan(reply_number(json, "nothing", 0, 1, &faults)));
    assert_true(isnan(reply_number(json, "list[7].t", 0, 1, &faults)));
    assert_true(isnan(reply_number(NULL, "x", 0, 1, &faults)));
    assert_true(isnan(reply_number_or_text(json, "empty", 0, 1, &faults)));
    assert_int_equal(faults.count[REPLY_MISSING], 4);
    assert_true(isnan(reply_number_if_any(json, "nothing", 0, 1, &faults)));
    assert_true(isnan(reply_number_if_any(json, "absent", 0, 1, &faults)));
    assert_int_equal(all_faults(), 12);
    json_free(json);
}

static void flags_counts_and_texts(void **state)
{
    (void)state;
    struct json *json = parse_bytes(fields, sizeof fields - 1);
    uint64_t count = 7;
    char text[16] = "before";
    assert_int_equal(reply_bool(json, "on", &faults), 1);
    assert_int_equal(reply_bool(json, "one", &faults), 1);
    assert_int_equal(reply_bool_if_any(json, "absent", &faults), -1);
    assert_true(reply_count(json, "count", &count, &faults));
    assert_true(count == 1234567890123);
    reply_text(json, "list[1].t", text, sizeof text, &faults);
    assert_string_equal(text, "x");
    reply_text(json, "name", text, sizeof text, &faults);
    assert_string_equal(text, "B?[0mitaxe");
    reply_text(json, "worker", text, 4, &faults);
    assert_string_equal(text, "bc1");
    reply_text_if_any(json, "absent", text, sizeof text, &faults);
    assert_string_equal(text, "");
    assert_int_equal(all_faults(), 0);

    assert_int_equal(reply_bool(json, "two", &faults), -1);
    assert_int_equal(reply_bool(json, "text", &faults), -1);
    assert_string_equal(faults.last, "text: expected true or false, got \"3250\"");
    reply_text(json, "power", text, sizeof text, &faults);
    assert_string_equal(text, "");
    assert_int_equal(faults.count[REPLY_TYPE], 3);
    count = 7;
    assert_false(reply_count(json, "part", &count, &faults));
    assert_false(reply_count(json, "minus", &count, &faults));
    assert_false(reply_count(json, "huge", &count, &faults));
    assert_int_equal(faults.count[REPLY_RANGE], 3);
    assert_int_equal(reply_bool(json, "absent", &faults), -1);
    assert_false(reply_count(json, "absent", &count, &faults));
    reply_text(json, "absent", text, sizeof text, &faults);
    assert_int_equal(faults.count[REPLY_MISSING], 3);
    assert_int_equal(count, 7);
    json_free(json);
}

static void scans(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
    } good[] = {{"65", 65},
                {" 18%", 18},
                {"-3.5", -3.5},
                {"29.5 J/TH", 29.5},
                {"1.5e2 W", 150},
                {"4 eV", 4},
                {"70\xC2\xB0"
                 "C",
                 70}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_near(reply_scan(good[i].text, -100, 1000, "it", &faults), good[i].value, 1e-9);
    }
    assert_int_equal(all_faults(), 0);
    static const char *const bad[] = {"nan", "inf", "-",    "1-2",   "0x10", "1,234",
                                      "a 5", ".",   "1..2", "12:30", "%",    "1 and so many words"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (!isnan(reply_scan(bad[i], -100, 1000, "it", &faults))) {
            fail_msg("'%s' was taken for a number", bad[i]);
        }
        assert_int_equal(faults.count[REPLY_TYPE], i + 1);
    }
    assert_true(isnan(reply_scan("1001", -100, 1000, "it", &faults)));
    assert_int_equal(faults.count[REPLY_RANGE], 1);
    assert_true(isnan(reply_scan(NULL, 0, 1, "it", &faults)));
    assert_int_equal(faults.count[REPLY_MISSING], 1);
}

static void macs(void **state)
{
    (void)state;
    char mac[18];
    static const char *const good[] = {"A0B1C2D3E4F5", "a0-b1-C2-d3-e4-f5", "A0:B1:C2:D3:E4:F5"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(reply_mac(good[i], mac));
        assert_string_equal(mac, "a0:b1:c2:d3:e4:f5");
    }
    static const char *const bad[] = {
        "",
        "000000000000",
        "00:00:00:00:00:00",
        "A0B1C2D3E4F",
        "A0:B1:C2:D3:E4:G5",
        "A0:B1-C2:D3:E4:F5",
        "A0.B1.C2.D3.E4.F5",
        "A0:B1:C2:D3:E4:F5:",
        "A:0B1:C2:D3:E4:F5",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (reply_mac(bad[i], mac)) {
            fail_msg("'%s' was taken for a MAC: %s", bad[i], mac);
        }
        assert_string_equal(mac, "");
    }
}

static void nothing_is_known_at_first(void **state)
{
    (void)state;
    const hb_mono now = {1000};
    const struct heater_state s = reply_unknown_state(now);
    const struct reading *readings[] = {
        &s.power_w,
        &s.hashrate_hs,
        &s.chip_c,
        &s.board_c,
        &s.inlet_c,
        &s.fan_ratio,
        &s.uptime_s,
        &s.work.sat_per_hour,
        &s.work.proven_hs,
        &s.work.average_hs,
        &s.work.network_difficulty,
    };
    for (size_t i = 0; i < sizeof readings / sizeof readings[0]; i++) {
        double value = 0;
        assert_false(reading_get(readings[i], now, 1000000, &value));
        assert_true(isnan(readings[i]->value));
    }
    assert_true(isnan(s.applied_w));
    assert_int_equal(s.at.ms, 1000);
    assert_string_equal(s.model, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(repairs, fresh_faults),
        cmocka_unit_test_setup(what_is_no_whole_answer_is_unreadable, fresh_faults),
        cmocka_unit_test_setup(depth_and_size_are_bounded, fresh_faults),
        cmocka_unit_test_setup(thousands_of_twins_do_not_matter, fresh_faults),
        cmocka_unit_test_setup(numbers, fresh_faults),
        cmocka_unit_test_setup(flags_counts_and_texts, fresh_faults),
        cmocka_unit_test_setup(scans, fresh_faults),
        cmocka_unit_test_setup(macs, fresh_faults),
        cmocka_unit_test_setup(nothing_is_known_at_first, fresh_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
