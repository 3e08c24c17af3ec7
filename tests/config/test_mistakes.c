/* Every kind of mistake and the exact words that a person gets for it: mistakes.txt.
 *
 * A case there is a line "### name", the configuration, and the messages, each after "> ". */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/config/load.h"
#include "tests/config/drivers.h"

static struct config_problems problems;

/* Messages of the configuration as they would stand in mistakes.txt. */
static void messages_of(const char *text, size_t len, char *buf, size_t size)
{
    struct config *config = config_load_text(text, len, "c.yaml", NULL, test_drivers, &problems);
    assert_true((config == NULL) == (problems.errors > 0));
    config_free(config);
    size_t used = 0;
    buf[0] = '\0';
    for (size_t i = 0; i < problems.count && used < size; i++) {
        used += (size_t)snprintf(buf + used, size - used, "> %s\n", problems.item[i].text);
    }
    assert_true(used < size);
}

/* End of the lines from `at` on for which "begins with `mark`" is `wanted`. */
static char *skip_lines(char *at, const char *mark, bool wanted)
{
    while (*at != '\0' && (strncmp(at, mark, strlen(mark)) == 0) == wanted) {
        char *end = strchr(at, '\n');
        at = end != NULL ? end + 1 : at + strlen(at);
    }
    return at;
}

static void test_each_mistake_has_its_words(void **state)
{
    (void)state;
    char *all = test_read_file("tests/config/mistakes.txt", NULL);
    size_t cases = 0;
    size_t wrong = 0;
    for (char *at = skip_lines(all, "### ", false); *at != '\0';) {
        char *yaml = skip_lines(at, "### ", true);
        char *expected = skip_lines(yaml, "> ", false);
        char *next = skip_lines(expected, "> ", true);
        char got[8192];
        messages_of(yaml, (size_t)(expected - yaml), got, sizeof got);
        cases++;
        if (strncmp(got, expected, (size_t)(next - expected)) != 0 ||
            strlen(got) != (size_t)(next - expected)) {
            wrong++;
            print_error("%.*sgot\n%sexpected\n%.*s\n", (int)(yaml - at), at, got,
                        (int)(next - expected), expected);
        }
        at = skip_lines(next, "### ", false);
    }
    free(all);
    assert_true(cases > 140);
    assert_int_equal(wrong, 0);
}

static void assert_message(const char *text, size_t len, const char *message)
{
    char got[8192];
    messages_of(text, len, got, sizeof got);
    assert_string_equal(got, message);
}

static void test_bytes_that_are_no_text(void **state)
{
    (void)state;
    static const char latin1[] = "log: info\nstate_dir: \"caf\xe9\"\n";
    assert_message(latin1, sizeof latin1 - 1,
                   "> c.yaml:2:16: expected UTF-8 text without control characters, got the byte "
                   "0xe9\n");
    static const char zero[] = "log: in\0fo\n";
    assert_message(zero, sizeof zero - 1,
                   "> c.yaml:1:8: expected UTF-8 text without control characters, got the byte "
                   "0x00\n");
    static const char utf16[] = "\xff\xfel\0o\0g\0";
    assert_message(utf16, sizeof utf16 - 1,
                   "> c.yaml:1:1: expected UTF-8 text without control characters, got the byte "
                   "0xff\n");
}

static void test_a_file_too_large_is_refused(void **state)
{
    (void)state;
    const size_t len = CONFIG_FILE_MAX + 1;
    char *text = malloc(len);
    memset(text, '\n', len);
    assert_message(text, len, "> c.yaml: expected at most 1048576 bytes, got 1048577\n");
    free(text);
}

/* All of them are found in one go, in the order of the file; beyond 50 they are counted. */
static void test_all_mistakes_at_once(void **state)
{
    (void)state;
    char text[8192] = "mqtt: {url: \"mqtt://h\"}\nrooms:\n";
    size_t used = strlen(text);
    for (int i = 0; i < 60; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used,
                                 "  r%d: {temperature: {topic: t}, heaters: [], frost: 99}\n", i);
    }
    struct config *config = config_load_text(text, used, "c.yaml", NULL, test_drivers, &problems);
    assert_null(config);
    assert_int_equal(problems.errors, 60);
    assert_int_equal(problems.count, CONFIG_PROBLEMS_MAX);
    for (size_t i = 0; i < problems.count; i++) {
        assert_int_equal(problems.item[i].line, (int)i + 3);
    }
    char *printed = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&printed, &len);
    config_problems_print(&problems, out);
    (void)fclose(out);
    assert_non_null(strstr(printed, "\nand 10 more\n"));
    free(printed);
}

/* What would blow a lesser reader up ends in one message, at once. */
static void test_hostile_shapes(void **state)
{
    (void)state;
    static const char bomb[] = "a: &a [x, x, x, x]\nb: &b [*a, *a, *a, *a]\nc: [*b, *b, *b, *b]\n";
    assert_message(bomb, sizeof bomb - 1,
                   "> c.yaml:1:4: expected no anchors and no aliases, got one; write the value "
                   "out\n");
    const size_t len = 1000000;
    char *text = malloc(len);
    memset(text, '[', len);
    assert_message(text, len, "> c.yaml:1:17: expected at most 16 levels of nesting, got more\n");
    for (size_t i = 0; i + 1 < len; i += 2) {
        memcpy(text + i, "- ", 2);
    }
    char got[8192];
    messages_of(text, len, got, sizeof got);
    assert_non_null(strstr(got, "expected at most 16 levels of nesting"));
    /* 100,000 different unknown keys. */
    size_t used = 0;
    for (int i = 0; i < 100000 && used + 16 < len; i++) {
        used += (size_t)snprintf(text + used, len - used, "k%d: \n", i);
    }
    struct config *config = config_load_text(text, used, "c.yaml", NULL, test_drivers, &problems);
    assert_null(config);
    assert_true(problems.errors > 90000);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_mistake_has_its_words),
        cmocka_unit_test(test_bytes_that_are_no_text),
        cmocka_unit_test(test_a_file_too_large_is_refused),
        cmocka_unit_test(test_all_mistakes_at_once),
        cmocka_unit_test(test_hostile_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
