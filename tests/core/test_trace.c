/* Events survive a trace to the last bit, and a replayed day gives the same effects. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/trace.h"
#include "bridge/trace_file.h"
#include "tests/core/random.h"
#include "tests/core/world.h"
#include "tests/support/test.h"

static void test_lines_are_exact(void **state)
{
    (void)state;
    struct random random = random_seeded(7);
    for (int i = 0; i < 50000; i++) {
        char line[TRACE_LINE_MAX];
        char again[TRACE_LINE_MAX];
        struct event event = random_event(&random, 3, 4);
        struct event read;
        struct hb_err err = {0};
        event.at.ms = (int64_t)random_next(&random) >> 8;
        event.wall.ms = (int64_t)random_next(&random) >> 8;
        const size_t len = trace_format(&event, line);
        assert_int_equal(len, strlen(line));
        if (!trace_parse(line, len, &read, &err)) {
            fail_msg("%s: %s", line, err.msg);
        }
        assert_int_equal(trace_format(&read, again), len);
        assert_string_equal(line, again);
    }
}

static void test_texts_are_kept(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "-", "fan 2 fault: 0 rpm", "100 % – \xc3\xa4\n\t%41"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char line[TRACE_LINE_MAX];
        struct event event = {.kind = EVENT_HEATER_STATE};
        struct event read;
        event.u.heater.problem = true;
        (void)snprintf(event.u.heater.problem_text, TEXT_MAX, "%s", texts[i]);
        assert_true(trace_parse(line, trace_format(&event, line), &read, NULL));
        assert_string_equal(read.u.heater.problem_text, texts[i]);
    }
    char line[TRACE_LINE_MAX];
    struct event event = {.kind = EVENT_HEATER_STATE};
    memset(event.u.heater.problem_text, 1, TEXT_MAX - 1);
    memset(event.u.heater.pool, 1, NAME_MAX_B - 1);
    assert_true(trace_format(&event, line) > 0); /* the longest there can be */
}

static void test_damaged_lines_are_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "",
        "tick",
        "tock 1 2 3 0",
        "tick 1 2 3",
        "tick 1 2 3 0 9",
        "tick 1 2 3 0 ",
        "tick 1 2 99999999 0",
        "tick 1 2 3 65536",
        "tick x 2 3 0",
        "tick 99999999999999999999 2 3 0",
        "temperature 1 2 3 0 21x",
        "window 1 2 3 0 2",
        "outcome 1 2 3 0 -1 0 -",
        "outcome 1 2 3 0 1 9 -",
        "outcome 1 2 3 0 1 1",
        "abilities 1 2 3 0 1 2 0 0 13",
        "interlock 1 2 3 0 1 0",
        "interlock 1 2 3 0 1 2 5",
        "acknowledge 1 2 3 0 1",
        "tick 1  2 3 0",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct event event;
        struct hb_err err = {0};
        assert_false(trace_parse(lines[i], strlen(lines[i]), &event, &err));
        assert_true(err.msg[0] != '\0');
    }
}

/* Steps a fresh core through a trace file; the formatted effects, which the caller frees. */
static char *replay(FILE *file, size_t *count)
{
    static struct world world;
    size_t used = 0;
    size_t room = 1 << 20;
    char *text = malloc(room);
    struct trace_reader reader;
    struct event event;
    struct hb_err err = {0};
    random_world(&world, 11);
    world_start(&world);
    rewind(file);
    assert_true(trace_open(&reader, file, &err));
    *count = 0;
    while (trace_read(&reader, &event, &err)) {
        world.effects.count = 0;
        core_step(world.core, &event, &world.effects);
        for (size_t i = 0; i < world.effects.count; i++) {
            if (room - used < 1024) {
                room *= 2;
                text = realloc(text, room);
            }
            effect_format(&world.list[i], text + used, 512);
            used += strlen(text + used);
            text[used++] = '\n';
        }
        *count += world.effects.count;
    }
    assert_int_equal(err.code, HB_OK);
    text[used] = '\0';
    world_end(&world);
    return text;
}

static void test_replayed_day_gives_the_same_effects(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    struct random random = random_seeded(2026);
    struct hb_err err = {0};
    hb_mono now = {1000};
    hb_wall wall = {1792850000000}; /* the day on which summer time ends */
    assert_true(trace_begin(file, &err));
    while (now.ms < 86400000) {
        struct event event = random_event(&random, 3, 6);
        const int64_t passed_ms = (int64_t)(random_next(&random) % 2000);
        now.ms += passed_ms;
        wall.ms += passed_ms;
        event.at = now;
        event.wall = wall;
        event.utc_offset_s = wall.ms < 1792890000000 ? 7200 : 3600;
        assert_true(trace_write(file, &event, &err));
    }
    size_t first_count;
    size_t second_count;
    char *first = replay(file, &first_count);
    char *second = replay(file, &second_count);
    assert_true(first_count > 10000);
    assert_int_equal(first_count, second_count);
    assert_string_equal(first, second);
    free(first);
    free(second);
    (void)fclose(file);
}

static void test_damaged_files_are_told(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    struct trace_reader reader;
    struct event event;
    struct hb_err err = {0};
    assert_false(trace_open(&reader, file, &err));
    assert_non_null(strstr(err.msg, "expected 'heatbridge-trace 4'"));
    rewind(file);
    (void)fputs("heatbridge-trace 4\ntick 1 2 3 0\ntick 1 2", file);
    rewind(file);
    err = (struct hb_err){0};
    assert_true(trace_open(&reader, file, &err));
    assert_true(trace_read(&reader, &event, &err));
    assert_false(trace_read(&reader, &event, &err));
    assert_int_equal(err.code, HB_ERR_INPUT);
    assert_non_null(strstr(err.msg, "line 3"));
    (void)fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_are_exact),
        cmocka_unit_test(test_texts_are_kept),
        cmocka_unit_test(test_damaged_lines_are_refused),
        cmocka_unit_test(test_replayed_day_gives_the_same_effects),
        cmocka_unit_test(test_damaged_files_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
