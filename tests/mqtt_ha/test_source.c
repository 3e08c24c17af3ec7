/* Values of other people's sensors, in the forms that are found in homes. */
#include <stdlib.h>
#include <string.h>

#include "ground/text.h"
#include "mqtt/source_codec.h"
#include "tests/support/test.h"

static struct hb_err err;

static struct config_source source_of(const char *path, enum temperature_unit unit)
{
    struct config_source source = {.topic = "t", .unit = unit};
    (void)text_copy(source.value, sizeof source.value, path);
    return source;
}

static void assert_number(const char *path, enum temperature_unit unit, const char *payload,
                          double expected)
{
    const struct config_source source = source_of(path, unit);
    double number = -1000.0;
    err = (struct hb_err){.code = HB_OK};
    if (source_decode_number(&source, payload, strlen(payload), &number, &err) != SOURCE_VALUE) {
        print_error("%s: %s\n", payload, err.msg);
        fail();
    }
    assert_near(number, expected, 1e-9);
}

static void assert_no_number(const char *path, const char *payload, enum source_verdict verdict,
                             const char *message)
{
    const struct config_source source = source_of(path, UNIT_CELSIUS);
    double number = -1000.0;
    err = (struct hb_err){.code = HB_OK};
    assert_int_equal(source_decode_number(&source, payload, strlen(payload), &number, &err),
                     verdict);
    assert_string_equal(err.msg, message);
    assert_near(number, -1000.0, 0.0);
}

static void assert_open(const char *path, const char *payload, bool expected)
{
    const struct config_source source = source_of(path, UNIT_CELSIUS);
    bool open = !expected;
    err = (struct hb_err){.code = HB_OK};
    if (source_decode_open(&source, payload, strlen(payload), &open, &err) != SOURCE_VALUE) {
        print_error("%s: %s\n", payload, err.msg);
        fail();
    }
    assert_int_equal(open, expected);
}

static void assert_not_open(const char *path, const char *payload, enum source_verdict verdict,
                            const char *message)
{
    const struct config_source source = source_of(path, UNIT_CELSIUS);
    bool open = false;
    err = (struct hb_err){.code = HB_OK};
    assert_int_equal(source_decode_open(&source, payload, strlen(payload), &open, &err), verdict);
    assert_string_equal(err.msg, message);
}

static void plain_numbers_are_read(void **state)
{
    (void)state;
    assert_number("", UNIT_CELSIUS, "21.5", 21.5);
    assert_number("", UNIT_CELSIUS, " -3\n", -3.0);
    assert_number("", UNIT_CELSIUS, "+2.15e1", 21.5);
}

static void numbers_in_json_are_found(void **state)
{
    (void)state;
    assert_number("temperature", UNIT_CELSIUS,
                  "{\"battery\":97,\"humidity\":44.1,\"temperature\":20.85,\"voltage\":3000}",
                  20.85);
    assert_number("values.inside.t", UNIT_CELSIUS, "{\"values\":{\"inside\":{\"t\":19}}}", 19.0);
    assert_number("sensors[1].c", UNIT_CELSIUS, "{\"sensors\":[{\"c\":1},{\"c\":2.5}]}", 2.5);
    assert_number("StatusSNS.AM2301.Temperature", UNIT_CELSIUS,
                  "{\"StatusSNS\":{\"AM2301\":{\"Temperature\":22.4}}}", 22.4);
}

static void other_units_become_celsius(void **state)
{
    (void)state;
    assert_number("", UNIT_FAHRENHEIT, "70", 21.11111111111111);
    assert_number("", UNIT_FAHRENHEIT, "-40", -40.0);
    assert_number("t", UNIT_KELVIN, "{\"t\":293.15}", 20.0);
}

static void no_value_is_no_error(void **state)
{
    (void)state;
    static const char *const words[] = {"", "unavailable", "unknown", "None", "null", " "};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        assert_no_number("", words[i], SOURCE_NOTHING, "");
        assert_not_open("", words[i], SOURCE_NOTHING, "");
    }
    assert_no_number("t", "{\"t\":null}", SOURCE_NOTHING, "");
    assert_no_number("t", "{\"t\":\"unavailable\"}", SOURCE_NOTHING, "");
    assert_no_number("t", "unavailable", SOURCE_NOTHING, "");
}

static void bad_numbers_are_refused_in_plain_words(void **state)
{
    (void)state;
    assert_no_number("", "warm", SOURCE_BAD, "expected a number, got 'warm'");
    assert_no_number("", "nan", SOURCE_BAD, "expected a number, got 'nan'");
    assert_no_number("", "1e999", SOURCE_BAD, "expected a number, got '1e999'");
    assert_no_number("", "\"21.5\"", SOURCE_BAD, "expected a number, got '\"21.5\"'");
    assert_no_number("", "{\"temperature\":21}", SOURCE_BAD,
                     "expected a number, got '{\"temperature\":21}' (name its member with value:)");
    assert_no_number("temperature", "{\"temperature\":\"21.5\"}", SOURCE_BAD,
                     "expected a number, got \"21.5\"");
    assert_no_number("temperature", "{\"temperature\":true}", SOURCE_BAD,
                     "expected a number, got true");
    assert_no_number("temperature", "{\"temperature\":1e999}", SOURCE_BAD,
                     "expected a number, got a number out of all range");
    assert_no_number("temperature", "{\"Temperature\":21}", SOURCE_BAD,
                     "expected a JSON object with 'temperature', got one without it");
}

static void huge_and_broken_messages_are_refused(void **state)
{
    (void)state;
    const size_t len = 10u << 20;
    char *payload = malloc(len);
    double number = 0.0;
    const struct config_source plain = source_of("", UNIT_CELSIUS);
    const struct config_source path = source_of("t", UNIT_CELSIUS);
    assert_non_null(payload);
    memset(payload, '1', len);
    assert_int_equal(source_decode_number(&plain, payload, len, &number, &err), SOURCE_BAD);
    assert_int_equal(source_decode_number(&path, payload, len, &number, &err), SOURCE_BAD);
    free(payload);
    assert_int_equal(source_decode_number(&path, "{\"t\":2", 6, &number, &err), SOURCE_BAD);
    assert_int_equal(source_decode_number(&path, "\xff\xff", 2, &number, &err), SOURCE_BAD);
    assert_string_not_equal(err.msg, "");
}

static void contacts_are_read_in_every_dialect(void **state)
{
    (void)state;
    static const char *const open[] = {"on", "ON", "open", "Open", "true", "1"};
    static const char *const closed[] = {"off", "OFF", "closed", "close", "false", "0"};
    for (size_t i = 0; i < sizeof open / sizeof open[0]; i++) {
        assert_open("", open[i], true);
        assert_open("!", open[i], false);
        assert_open("", closed[i], false);
        assert_open("!", closed[i], true);
    }
    assert_open("window", "{\"window\":\"open\"}", true);
    assert_open("window_open", "{\"window_open\":true}", true);
    assert_open("state", "{\"state\":0}", false);
    /* zigbee2mqtt: contact true means closed */
    assert_open("!contact", "{\"battery\":100,\"contact\":true}", false);
    assert_open("!contact", "{\"battery\":100,\"contact\":false}", true);
}

static void bad_contacts_are_refused_in_plain_words(void **state)
{
    (void)state;
    assert_not_open("", "ajar", SOURCE_BAD, "expected open or closed, on or off, got 'ajar'");
    assert_not_open("w", "{\"w\":2}", SOURCE_BAD, "expected open or closed, on or off, got 2");
    assert_not_open("w", "{\"w\":[1]}", SOURCE_BAD, "expected open or closed, on or off, got [1]");
    assert_not_open("!contact", "{\"x\":true}", SOURCE_BAD,
                    "expected a JSON object with 'contact', got one without it");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_numbers_are_read),
        cmocka_unit_test(numbers_in_json_are_found),
        cmocka_unit_test(other_units_become_celsius),
        cmocka_unit_test(no_value_is_no_error),
        cmocka_unit_test(bad_numbers_are_refused_in_plain_words),
        cmocka_unit_test(huge_and_broken_messages_are_refused),
        cmocka_unit_test(contacts_are_read_in_every_dialect),
        cmocka_unit_test(bad_contacts_are_refused_in_plain_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
