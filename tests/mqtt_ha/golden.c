#include "golden.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"

#define FOLDER "tests/golden/mqtt_ha/"

struct text {
    char bytes[65536];
    size_t len;
};

static void put(struct text *text, const char *piece, size_t len)
{
    assert_true(text->len + len < sizeof text->bytes);
    memcpy(text->bytes + text->len, piece, len);
    text->len += len;
    text->bytes[text->len] = '\0';
}

static void new_line(struct text *text, int depth)
{
    put(text, "\n", 1);
    for (int i = 0; i < depth; i++) {
        put(text, " ", 1);
    }
}

/* One member per line, so that a change shows as the line that changed. */
static void break_lines(const char *json, struct text *text)
{
    static const char version[] = "\"" HB_VERSION "\"";
    bool in_string = false;
    int depth = 0;
    for (const char *c = json; *c != '\0'; c++) {
        if (!in_string && strncmp(c, version, sizeof version - 1) == 0) {
            put(text, "\"@VERSION@\"", 11);
            c += sizeof version - 2;
            continue;
        }
        if (*c == '"' && (c == json || c[-1] != '\\')) {
            in_string = !in_string;
        }
        if (!in_string && (*c == '}' || *c == ']')) {
            new_line(text, --depth);
        }
        put(text, c, 1);
        if (!in_string && (*c == '{' || *c == '[')) {
            new_line(text, ++depth);
        } else if (!in_string && *c == ',') {
            new_line(text, depth);
        }
    }
    put(text, "\n", 1);
}

void assert_golden(const char *name, const char *json)
{
    static struct text text;
    char path[256];
    text.len = 0;
    (void)snprintf(path, sizeof path, FOLDER "%s", name);
    break_lines(json, &text);
    if (getenv("HB_UPDATE_GOLDEN") != NULL) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        (void)fputs(text.bytes, file);
        assert_int_equal(fclose(file), 0);
        return;
    }
    char *expected = test_read_file(path, NULL);
    assert_string_equal(text.bytes, expected);
    free(expected);
}
