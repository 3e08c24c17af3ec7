/* The strict door around cJSON: what its own parser forgives is refused here. */
#include <stdlib.h>
#include <string.h>

#include "plumbing/json.h"
#include "tests/support/test.h"

static struct json *parse(const char *text)
{
    return json_parse(text, strlen(text), 4096, NULL);
}

static void mistakes_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",      "{",        "{\"t\":1} junk",   "{\"t\":1}{", "[1,]",
        "{t:1}", "\xEF\xBB", "{\"a\":\"\xFF\"}", "nan",        "'x'",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct hb_err err = {0};
        struct json *json = json_parse(bad[i], strlen(bad[i]), 4096, &err);
        if (json != NULL) {
            fail_msg("'%s' was accepted", bad[i]);
        }
        assert_true(strncmp(err.msg, "expected ", 9) == 0);
    }
    struct hb_err err = {0};
    assert_null(json_parse("[1,2,3]", 7, 6, &err));
    assert_string_equal(err.msg, "expected at most 6 bytes of JSON, got 7");
}

static void depth_is_bounded(void **state)
{
    (void)state;
    char deep[10001];
    memset(deep, '[', 5000);
    memset(deep + 5000, ']', 5000);
    deep[10000] = '\0';
    assert_null(json_parse(deep, 10000, sizeof deep, NULL));
    struct json *flat = parse("[\"[[[[[[[[[[[[[[[[[[[[[[[[\",\"\\\"[[[[[[[[[[[[[[[[[[[[[[[[\"]");
    assert_non_null(flat);
    json_free(flat);
}

static void types_are_exact(void **state)
{
    (void)state;
    struct json *json =
        parse("{\"n\":21.5,\"s\":\"21\",\"b\":true,\"z\":null,\"big\":1e999,\"N\":3,"
              "\"a\":{\"list\":[{\"t\":7}]}}");
    assert_non_null(json);
    double value = 0;
    assert_true(json_number(json_get(json, "n"), &value));
    assert_near(value, 21.5, 0);
    assert_false(json_number(json_get(json, "s"), &value));
    assert_false(json_number(json_get(json, "b"), &value));
    assert_false(json_number(json_get(json, "big"), &value));
    assert_false(json_number(json_get(json, "missing"), &value));
    assert_true(json_is_null(json_get(json, "z")));
    assert_false(json_is_null(json_get(json, "missing")));
    assert_true(json_number(json_path(json, "a.list[0].t"), &value));
    assert_near(value, 7, 0);
    assert_null(json_path(json, "a.list[1].t"));
    assert_null(json_path(json, "a.list[x]"));
    assert_null(json_path(json, "a..b"));
    json_free(json);
}

static void what_is_absent_is_nothing(void **state)
{
    (void)state;
    double value = 0;
    bool flag = false;
    assert_string_equal(json_name(NULL), "");
    assert_null(json_get(NULL, "a"));
    assert_null(json_path(NULL, "a.b[0]"));
    assert_null(json_item(NULL, 0));
    assert_null(json_first(NULL));
    assert_int_equal(json_count(NULL), 0);
    assert_null(json_string(NULL));
    assert_false(json_is_object(NULL));
    assert_false(json_is_array(NULL));
    assert_false(json_is_null(NULL));
    assert_false(json_number(NULL, &value));
    assert_false(json_bool(NULL, &flag));
    json_free(NULL);
    struct json *json = parse("{\"only\":[1]}");
    assert_string_equal(json_name(json_first(json)), "only");
    assert_string_equal(json_name(json_next(json_first(json))), "");
    assert_string_equal(json_name(json_first(json_first(json))), "");
    json_free(json);
}

static void unknown_is_written_as_null(void **state)
{
    (void)state;
    struct json *json = json_new_object();
    json_add_number(json, "a", 21.456, 1);
    json_add_number(json, "b", NAN, 1);
    json_add_number(json, "c", INFINITY, 1);
    json_add_string(json, "d", "K\xC3\xBC\"che");
    json_add_bool(json, "e", false);
    char *text = json_print(json);
    assert_string_equal(text, "{\"a\":21.5,\"b\":null,\"c\":null,\"d\":\"K\xC3\xBC\\\"che\","
                              "\"e\":false}");
    free(text);
    json_free(json);
}

static void what_does_not_fit_is_not_printed_by_half(void **state)
{
    (void)state;
    char text[8] = "before";
    assert_true(json_print_to(parse("{\"a\": 1}"), text, sizeof text));
    assert_string_equal(text, "{\"a\":1}");
    assert_false(json_print_to(parse("{\"a\": 10}"), text, sizeof text));
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistakes_are_refused),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(types_are_exact),
        cmocka_unit_test(what_is_absent_is_nothing),
        cmocka_unit_test(unknown_is_written_as_null),
        cmocka_unit_test(what_does_not_fit_is_not_printed_by_half),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
