#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bridge/series.h"
#include "tests/support/test.h"

static bool time_of(const char *text, int64_t *ms)
{
    hb_wall wall = {0};
    const bool good = series_parse_time(text, strlen(text), &wall);
    *ms = wall.ms;
    return good;
}

static void test_times(void **state)
{
    (void)state;
    /* From `date -u -d ... +%s`. */
    static const struct {
        const char *text;
        int64_t s;
    } times[] = {{"1970-01-01T00:00:00Z", 0},
                 {"2022-10-01T00:00:00Z", 1664582400},
                 {"2024-02-29T23:59:59Z", 1709251199},
                 {"2000-03-01", 951868800},
                 {"2026-11-22T06:30Z", 1795329000}};
    int64_t ms;
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        assert_true(time_of(times[i].text, &ms));
        assert_int_equal(ms, times[i].s * 1000);
    }
    static const char *const bad[] = {"",
                                      "2022",
                                      "2022-13-01",
                                      "2023-02-29",
                                      "2022-1-1",
                                      "1969-12-31",
                                      "2022-10-01T",
                                      "2022-10-01T24:00Z",
                                      "2022-10-01T00:00:00",
                                      "2022-10-01T00:00:00+01:00",
                                      "2022-10-01T00:00:00Zx"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(time_of(bad[i], &ms));
    }
}

/* Loads a text as a file; the message in `err` when it is refused. */
static bool load(struct series *series, const char *text, struct hb_err *err)
{
    char path[] = "/tmp/hb_series_XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    (void)close(fd);
    *err = (struct hb_err){0};
    const bool good = series_load(series, path, err);
    (void)unlink(path);
    return good;
}

static void test_values_between_and_beyond(void **state)
{
    (void)state;
    struct series series;
    struct hb_err err;
    double value;
    assert_true(load(&series,
                     "timestamp_utc,value,unit\n2022-10-01T00:00:00Z,50,EUR/MWh\r\n"
                     "2022-10-01T01:00:00Z,-10.5,EUR/MWh\n2022-10-01T02:00:00Z,20,EUR/MWh\n",
                     &err));
    assert_string_equal(series.unit, "EUR/MWh");
    const int64_t from_ms = 1664582400000;
    assert_int_equal(series_end(&series).ms, from_ms + 3 * 3600000);
    assert_true(series_step(&series, (hb_wall){from_ms + 3600000}, &value));
    assert_near(value, -10.5, 0);
    assert_true(series_step(&series, (hb_wall){from_ms + 3599999}, &value)); /* back again */
    assert_near(value, 50, 0);
    assert_true(series_line(&series, (hb_wall){from_ms + 1800000}, &value));
    assert_near(value, 19.75, 1e-9);
    assert_true(series_line(&series, (hb_wall){from_ms + 3 * 3600000 - 1}, &value));
    assert_near(value, 20, 0);
    assert_false(series_step(&series, (hb_wall){from_ms - 1}, &value));
    assert_false(series_step(&series, series_end(&series), &value));
    series_free(&series);
}

static void test_mistakes_are_named_with_their_line(void **state)
{
    (void)state;
#define ROW(hour, rest) "2022-10-01T" hour ":00:00Z" rest "\n"
    static const struct {
        const char *text, *says;
    } files[] = {
        {"", "two rows"},
        {"t,v,u\n" ROW("00", ",1,C"), "two rows"},
        {"t,v,u\n" ROW("00", ",1,C") "soon,2,C\n", ":3: expected a time"},
        {"t,v,u\n" ROW("00", ",nan,C"), ":2: expected a number, got 'nan'"},
        {"t,v,u\n" ROW("00", ""), ":2: expected a number"},
        {"t,v,u\n" ROW("00", ",1,C") ROW("00", ",2,C"), ":3: expected a time after"},
        {"t,v,u\n" ROW("00", ",1,C") ROW("01", ",2,F"), ":3: expected the unit 'C'"},
    };
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct series series;
        struct hb_err err;
        assert_false(load(&series, files[i].text, &err));
        assert_non_null(strstr(err.msg, files[i].says));
        series_free(&series);
    }
    struct series series;
    struct hb_err err;
    assert_false(series_load(&series, "/nowhere/prices.csv", &err));
    assert_int_equal(err.code, HB_ERR_USAGE);
    series_free(&series);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_values_between_and_beyond),
        cmocka_unit_test(test_mistakes_are_named_with_their_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
