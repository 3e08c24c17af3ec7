/* The samples behind the chart: fine when young, long when old, never more memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/web/history.h"
#include "tests/support/test.h"

static const int64_t start_ms = 1764918000000;

static void add_at(struct series *series, int64_t time_ms)
{
    const struct series_sample sample = {
        .time_ms = time_ms, .room_c = 20, .target_c = 21, .power_w = 900};
    series_add(series, &sample);
}

static int64_t covered_ms(const struct series *series)
{
    return series->sample[series->count - 1].time_ms - series->sample[0].time_ms;
}

static void test_samples_keep_their_distance(void **state)
{
    (void)state;
    static struct series series;
    series_init(&series, "hallway");
    for (int second = 0; second <= 60; second++) {
        add_at(&series, start_ms + second * 1000);
    }
    assert_int_equal(series.count, 7);
    assert_int_equal(covered_ms(&series), 60 * 1000);
}

static void test_a_week_keeps_the_last_day(void **state)
{
    (void)state;
    static struct series series;
    const int64_t week_s = 7 * 86400;
    series_init(&series, "hallway");
    for (int64_t second = 0; second <= week_s; second += 5) {
        add_at(&series, start_ms + second * 1000);
        assert_true(series.count <= SERIES_SAMPLES);
    }
    assert_int_equal(series.count, SERIES_SAMPLES);
    assert_int_equal(covered_ms(&series), (SERIES_SAMPLES - 1) * SERIES_SPACING_MAX_MS);
    assert_true(start_ms + week_s * 1000 - series.sample[SERIES_SAMPLES - 1].time_ms <
                SERIES_SPACING_MAX_MS);
    for (size_t i = 1; i < series.count; i++) {
        assert_true(series.sample[i].time_ms > series.sample[i - 1].time_ms);
    }
}

static void test_thinning_keeps_what_was_covered(void **state)
{
    (void)state;
    static struct series series;
    series_init(&series, "hallway");
    for (int i = 0; i <= SERIES_SAMPLES; i++) {
        add_at(&series, start_ms + (int64_t)i * SERIES_SPACING_MIN_MS);
    }
    assert_int_equal(series.count, SERIES_SAMPLES / 2 + 1);
    assert_int_equal(series.spacing_ms, 2 * SERIES_SPACING_MIN_MS);
    assert_true(covered_ms(&series) >= (SERIES_SAMPLES - 1) * (int64_t)SERIES_SPACING_MIN_MS);
}

static void test_a_clock_set_back_starts_anew(void **state)
{
    (void)state;
    static struct series series;
    series_init(&series, "hallway");
    add_at(&series, start_ms);
    add_at(&series, start_ms + 60000);
    add_at(&series, start_ms - 7200000);
    assert_int_equal(series.count, 1);
    assert_int_equal(series.sample[0].time_ms, start_ms - 7200000);
}

static void take(struct history *history, const char *snapshot)
{
    struct json *json = json_parse(snapshot, strlen(snapshot), 1 << 20, NULL);
    history_take(history, json);
    json_free(json);
}

static void test_unknown_stays_unknown(void **state)
{
    (void)state;
    struct history *history = history_create();
    take(history, "{\"time_ms\":1000,\"rooms\":[{\"id\":\"a\",\"room_c\":null,\"target_c\":21.25,"
                  "\"power_w\":0},{\"id\":\"b\"}]}");
    size_t len;
    char *text = history_print(history, &len);
    assert_string_equal(text, "{\"rooms\":{\"a\":{\"time_s\":[1],\"room_c\":[null],"
                              "\"target_c\":[21.25],\"power_w\":[0]},\"b\":{\"time_s\":[1],"
                              "\"room_c\":[null],\"target_c\":[null],\"power_w\":[null]}}}");
    assert_int_equal(len, strlen(text));
    free(text);
    history_destroy(history);
}

static void test_what_is_no_snapshot_is_ignored(void **state)
{
    (void)state;
    struct history *history = history_create();
    static const char *const others[] = {"[]",
                                         "{}",
                                         "21",
                                         "{\"time_ms\":\"now\",\"rooms\":[]}",
                                         "{\"time_ms\":1e300,\"rooms\":[{\"id\":\"a\"}]}",
                                         "{\"time_ms\":1,\"rooms\":[{\"id\":7},{},3]}",
                                         "{\"time_ms\":1,\"rooms\":5}"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        take(history, others[i]);
    }
    history_take(history, NULL);
    size_t len;
    char *text = history_print(history, &len);
    assert_string_equal(text, "{\"rooms\":{}}");
    free(text);
    history_destroy(history);
    history_destroy(NULL);
}

static void test_number_of_rooms_is_bounded(void **state)
{
    (void)state;
    struct history *history = history_create();
    struct json *rooms = json_new_array();
    for (int i = 0; i < HISTORY_ROOMS + 10; i++) {
        char id[ID_MAX];
        (void)snprintf(id, sizeof id, "room%d", i);
        struct json *room = json_new_object();
        json_add_string(room, "id", id);
        json_add(rooms, NULL, room);
    }
    struct json *snapshot = json_new_object();
    json_add_number(snapshot, "time_ms", 1000, 0);
    json_add(snapshot, "rooms", rooms);
    history_take(history, snapshot);
    json_free(snapshot);
    size_t len;
    char *text = history_print(history, &len);
    struct json *json = json_parse(text, len, 1 << 20, NULL);
    assert_int_equal(json_count(json_get(json, "rooms")), HISTORY_ROOMS);
    json_free(json);
    free(text);
    history_destroy(history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples_keep_their_distance),
        cmocka_unit_test(test_a_week_keeps_the_last_day),
        cmocka_unit_test(test_thinning_keeps_what_was_covered),
        cmocka_unit_test(test_a_clock_set_back_starts_anew),
        cmocka_unit_test(test_unknown_stays_unknown),
        cmocka_unit_test(test_what_is_no_snapshot_is_ignored),
        cmocka_unit_test(test_number_of_rooms_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
