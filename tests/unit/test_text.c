/* Strict numbers, identifiers, UTF-8 and printable copies. */
#include <string.h>

#include "ground/err.h"
#include "ground/reading.h"
#include "ground/text.h"
#include "tests/support/test.h"

static void numbers_are_strict(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        double value;
    } rows[] = {
        {"21", true, 21},    {" 21.5\n", true, 21.5},
        {"-3", true, -3},    {"21.11111111111111", true, 21.11111111111111},
        {"1e3", true, 1000}, {"", false, 0},
        {"   ", false, 0},   {"nan", false, 0},
        {"NaN", false, 0},   {"inf", false, 0},
        {"1e999", false, 0}, {"-1e999", false, 0},
        {"0x10", false, 0},  {"21 C", false, 0},
        {"21,5", false, 0},  {"\"21\"", false, 0},
        {"1..2", false, 0},  {"e", false, 0},
        {"--1", false, 0},   {"true", false, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double value = 0;
        const bool ok = text_to_number(rows[i].text, strlen(rows[i].text), &value);
        if (ok != rows[i].ok) {
            fail_msg("'%s' was %s", rows[i].text, ok ? "accepted" : "refused");
        }
        if (ok) {
            assert_near(value, rows[i].value, 0);
        }
    }
    double value = 0;
    assert_false(text_to_number("2\0001", 3, &value));
}

static void ids_are_narrow(void **state)
{
    (void)state;
    assert_true(text_is_id("living_room"));
    assert_true(text_is_id("a"));
    assert_true(text_is_id("a2345678901234567890123456789012"));
    assert_false(text_is_id("a23456789012345678901234567890123"));
    assert_false(text_is_id(""));
    assert_false(text_is_id("2nd"));
    assert_false(text_is_id("Living"));
    assert_false(text_is_id("living room"));
    assert_false(text_is_id("living/room"));
    assert_false(text_is_id("living+"));
}

static void utf8_is_checked_by_rfc3629(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
    } rows[] = {
        {"K\xC3\xBC"
         "che",
         true},
        {"\xE2\x82\xAC", true},
        {"\xF0\x9F\x94\xA5", true},
        {"\xC0\xAF", false},
        {"\xED\xA0\x80", false},
        {"\xF4\x90\x80\x80", false},
        {"\xE2\x82", false},
        {"\x80", false},
        {"\xFF", false},
        {"\xE0\x80\xAF", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(text_is_utf8(rows[i].text, strlen(rows[i].text)), rows[i].ok);
    }
}

static void copies_are_printable_and_bounded(void **state)
{
    (void)state;
    char buf[16];
    text_copy_printable(buf, sizeof buf, "a\nb\x1B[31m\xFFz", 9);
    assert_string_equal(buf, "a?b?[31m?");
    text_copy_printable(buf, 4, "\xE2\x82\xAC\xE2\x82\xAC", 6);
    assert_string_equal(buf, "\xE2\x82\xAC");
    assert_true(text_copy(buf, sizeof buf, "short"));
    assert_false(text_copy(buf, 4, "longer"));
    assert_string_equal(buf, "lon");
}

static void errors_are_prefixed(void **state)
{
    (void)state;
    struct hb_err err;
    assert_false(hb_fail(&err, HB_ERR_INPUT, "expected %d, got %d", 1, 2));
    hb_err_prefix(&err, "line %d", 7);
    assert_string_equal(err.msg, "line 7: expected 1, got 2");
    assert_int_equal(err.code, HB_ERR_INPUT);
}

static void readings_age(void **state)
{
    (void)state;
    const struct reading r = reading_make(20.5, (hb_mono){1000}, PROVENANCE_METERED);
    double value = 0;
    assert_true(reading_get(&r, (hb_mono){2000}, 1000, &value));
    assert_near(value, 20.5, 0);
    assert_false(reading_get(&r, (hb_mono){2001}, 1000, &value));
    const struct reading none = reading_make(NAN, (hb_mono){1000}, PROVENANCE_METERED);
    assert_false(reading_get(&none, (hb_mono){1000}, 1000, &value));
    assert_true(isnan(reading_or_nan(&none, (hb_mono){1000}, 1000)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_strict),
        cmocka_unit_test(ids_are_narrow),
        cmocka_unit_test(utf8_is_checked_by_rfc3629),
        cmocka_unit_test(copies_are_printable_and_bounded),
        cmocka_unit_test(errors_are_prefixed),
        cmocka_unit_test(readings_age),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
