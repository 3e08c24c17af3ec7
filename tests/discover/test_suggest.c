/* What is printed about findings. */
#include "bridge/discover/suggest.h"

#include <stdlib.h>

#include "tests/support/test.h"

static struct finding make(uint32_t address, enum identify_family family, const char *model)
{
    struct finding finding = {.address = address, .http_port = 80, .who.found = family};
    (void)snprintf(finding.who.model, sizeof finding.who.model, "%s", model);
    return finding;
}

static char *yaml_of(const struct finding *findings, size_t count)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    suggest_yaml(findings, count, out);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void nothing_found_is_nothing_printed(void **state)
{
    (void)state;
    char *text = yaml_of(NULL, 0);
    assert_string_equal(text, "");
    free(text);
}

static void what_cannot_be_driven_is_a_comment(void **state)
{
    (void)state;
    struct finding findings[2] = {make(0xC0A80102, FAMILY_BRAIINS_OLD, "Antminer S9"),
                                  make(0xC0A80103, FAMILY_NONE, "")};
    findings[1].who.suspect = FAMILY_LUXOS;
    char *text = yaml_of(findings, 2);
    assert_string_equal(
        text, "heaters:\n"
              "  # Braiins OS, Antminer S9\n"
              "  # at http://192.168.1.2: its firmware is too old to be driven: update it on its "
              "web page\n"
              "  # LuxOS\n"
              "  # at tcp://192.168.1.3: it looks like one, but its API does not answer\n");
    free(text);
}

static void a_line_of_json_tells_unknown_as_null(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len;
    struct finding finding = make(0x7F0A0001, FAMILY_BRAIINS_OLD, "");
    finding.http_port = 8080;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    suggest_json(&finding, out);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(
        text, "{\"address\":\"127.10.0.1\",\"url\":\"http://127.10.0.1:8080\",\"family\":\"Braiins "
              "OS\",\"driver\":null,\"answers\":true,\"model\":null,\"firmware\":null,"
              "\"hostname\":null,\"identity\":null,\"advice\":\"its firmware is too old to be "
              "driven: update it on its web page\"}\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_found_is_nothing_printed),
        cmocka_unit_test(what_cannot_be_driven_is_a_comment),
        cmocka_unit_test(a_line_of_json_tells_unknown_as_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
