/* The documents written from the table are current, load, and know every key; the table itself is
 * sound. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/config/load.h"
#include "bridge/config/table.h"
#include "bridge/config/value.h"
#include "devices/registry.h"
#include "plumbing/json.h"

static char *written(void (*write)(const struct heater_driver *const *, FILE *))
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    write(heater_drivers, out);
    (void)fclose(out);
    return text;
}

static void assert_current(const char *path,
                           void (*write)(const struct heater_driver *const *, FILE *),
                           const char *option)
{
    char *file = test_read_file(path, NULL);
    char *fresh = written(write);
    if (strcmp(file, fresh) != 0) {
        fail_msg("%s is out of date; run: heatbridge check %s > %s", path, option, path);
    }
    free(file);
    free(fresh);
}

static void test_documents_are_current(void **state)
{
    (void)state;
    assert_current("docs/configuration.md", config_write_reference, "--reference");
    assert_current("docs/heatbridge.schema.json", config_write_schema, "--schema");
    assert_current("docs/heatbridge.example.yaml", config_write_example, "--example");
}

static void assert_loads(const char *text)
{
    static struct config_problems problems;
    struct config *config =
        config_load_text(text, strlen(text), "c.yaml", NULL, heater_drivers, &problems);
    config_problems_print(&problems, stderr);
    assert_int_equal(problems.count, 0);
    config_free(config);
}

static void test_example_loads(void **state)
{
    (void)state;
    char *text = test_read_file("docs/heatbridge.example.yaml", NULL);
    assert_loads(text);
    free(text);
}

/* The example in the text of the reference. */
static void test_least_example_loads(void **state)
{
    (void)state;
    char *page = test_read_file("docs/configuration.md", NULL);
    char *text = strstr(page, "mqtt: {url:");
    assert_non_null(text);
    *strstr(text, "```") = '\0';
    assert_loads(text);
    free(page);
}

static void check_items(const struct config_item *items)
{
    for (const struct config_item *item = items; item != NULL && item->name != NULL; item++) {
        union {
            char text[1024];
            double number;
            int64_t ms;
            struct config_powers powers;
        } field;
        char expected[EXPECTED_MAX];
        assert_true(item->size <= sizeof field.text);
        assert_true(item->help != NULL && item->help[0] != '\0');
        assert_true((item->type == CONFIG_ENUM || item->type == CONFIG_URL) ==
                    (item->choices != NULL));
        value_expected(item, expected, sizeof expected);
        assert_true(strlen(expected) > 0);
        if (value_set_default(item, &field) != (item->fallback != NULL)) {
            fail_msg("the default of '%s' does not fit its own row", item->name);
        }
        for (const struct config_item *other = items; other != item; other++) {
            assert_string_not_equal(other->name, item->name);
        }
    }
}

static void check_shape(const struct config_shape *shape)
{
    check_items(shape->items);
    for (const struct config_shape *group = shape->groups; group->name != NULL; group++) {
        check_shape(group);
    }
}

static void test_table_is_sound(void **state)
{
    (void)state;
    check_shape(&config_shape_root);
    check_shape(&config_shape_pool);
    check_shape(&config_shape_room);
    check_shape(&config_shape_heater);
    for (size_t i = 0; heater_drivers[i] != NULL; i++) {
        check_items(heater_drivers[i]->options);
        /* A driver's key beside the same key of every heater would be read twice. */
        for (const struct config_item *own = heater_drivers[i]->options;
             own != NULL && own->name != NULL; own++) {
            for (const struct config_item *item = config_shape_heater.items; item->name != NULL;
                 item++) {
                assert_string_not_equal(own->name, item->name);
            }
            assert_string_not_equal(own->name, "driver");
        }
    }
}

static void test_schema_knows_the_keys(void **state)
{
    (void)state;
    char *text = test_read_file("docs/heatbridge.schema.json", NULL);
    struct hb_err err = {0};
    struct json *schema = json_parse(text, strlen(text), 1 << 20, &err);
    assert_non_null(schema);
    static const char *const paths[] = {
        "properties.mqtt.properties.password_file",
        "properties.log.enum[2]",
        "properties.mining.properties.pools.items.properties.url",
        "properties.rooms.additionalProperties.properties.temperature.properties.stale_after",
        "properties.rooms.additionalProperties.properties.schedule.properties.weekdays",
        "properties.heaters.additionalProperties.oneOf[0].properties.max_power"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (json_path(schema, paths[i]) == NULL) {
            fail_msg("the schema does not know %s", paths[i]);
        }
    }
    json_free(schema);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_documents_are_current), cmocka_unit_test(test_example_loads),
        cmocka_unit_test(test_least_example_loads),   cmocka_unit_test(test_table_is_sound),
        cmocka_unit_test(test_schema_knows_the_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
