/* docs/heatbridge.schema.json, written from the table. */
#include <stdlib.h>
#include <string.h>

#include "bridge/config/load.h"
#include "bridge/config/table.h"
#include "bridge/config/value.h"
#include "devices/driver.h"
#include "plumbing/json.h"

static const char id_pattern[] = "^[a-z][a-z0-9_]{0,31}$";
static const char number_pattern[] = "^ *[-+]?[0-9.]+([eE][-+]?[0-9]+)? *";

/* --- values -------------------------------------------------------------------------------------
 */

static struct json *new_typed(const char *type)
{
    struct json *schema = json_new_object();
    json_add_string(schema, "type", type);
    return schema;
}

static struct json *new_pattern(const char *start, const char *end)
{
    char pattern[160];
    struct json *schema = new_typed("string");
    (void)snprintf(pattern, sizeof pattern, "%s%s", start, end);
    json_add_string(schema, "pattern", pattern);
    return schema;
}

static struct json *new_number(const struct config_item *item, const char *type)
{
    struct json *schema = new_typed(type);
    if (item->min < item->max) {
        json_add_number(schema, "minimum", item->min, 6);
        json_add_number(schema, "maximum", item->max, 6);
    }
    return schema;
}

/* A plain number, or text with one of the units (a regular expression). */
static struct json *new_quantity(const struct config_item *item, const char *units)
{
    char end[64];
    (void)snprintf(end, sizeof end, "(%s)?$", units);
    struct json *schema = json_new_object();
    struct json *any = json_new_array();
    json_add(any, NULL, new_number(item, "number"));
    json_add(any, NULL, new_pattern(number_pattern, end));
    if (item->type == CONFIG_NUMBER_OR_OFF) {
        struct json *off = json_new_object();
        struct json *words = json_new_array();
        json_add_string(words, NULL, "off");
        json_add_bool(words, NULL, false); /* what YAML 1.1 makes of it */
        json_add(off, "enum", words);
        json_add(any, NULL, off);
    }
    json_add(schema, "anyOf", any);
    return schema;
}

static struct json *new_choices(const char *const *choices)
{
    struct json *schema = json_new_object();
    struct json *words = json_new_array();
    for (; *choices != NULL; choices++) {
        json_add_string(words, NULL, *choices);
        if (strcmp(*choices, "off") == 0) {
            json_add_bool(words, NULL, false); /* what YAML 1.1 makes of it */
        }
        if (strcmp(*choices, "5") == 0) {
            json_add_number(words, NULL, 5, 0);
        }
    }
    json_add(schema, "enum", words);
    return schema;
}

static struct json *new_text(const struct config_item *item)
{
    struct json *schema = new_typed("string");
    json_add_number(schema, "maxLength", (double)item->size - 1, 0);
    return schema;
}

static struct json *new_list(struct json *items)
{
    struct json *schema = new_typed("array");
    json_add(schema, "items", items);
    return schema;
}

static struct json *new_value(const struct config_item *item)
{
    switch (item->type) {
    case CONFIG_TEXT:
    case CONFIG_SECRET:
    case CONFIG_URL:
        return new_text(item);
    case CONFIG_ID:
        return new_pattern(id_pattern, "");
    case CONFIG_TOPIC:
        return new_pattern("^[^+#]+$", "");
    case CONFIG_BOOL:
        return new_typed("boolean");
    case CONFIG_INT:
    case CONFIG_PORT:
        return new_number(item, "integer");
    case CONFIG_NUMBER:
    case CONFIG_NUMBER_OR_OFF:
        return new_quantity(item, item->unit == NULL              ? ""
                                  : strcmp(item->unit, "°C") == 0 ? "°C|°F"
                                                                  : item->unit);
    case CONFIG_POWER:
        return new_quantity(item, "k?W");
    case CONFIG_DURATION:
    case CONFIG_SECONDS:
        return new_pattern(number_pattern, "(ms|s|min|h|d)$");
    case CONFIG_ENUM:
        return new_choices(item->choices);
    case CONFIG_POWERS:
        return new_list(new_quantity(item, "k?W"));
    }
    return json_new_object();
}

/* --- mappings -----------------------------------------------------------------------------------
 */

static struct json *new_shape(const struct config_shape *shape, const struct heater_driver *driver,
                              const struct heater_driver *const *drivers);

static struct json *new_map(struct json *values, const char *key_pattern)
{
    struct json *schema = new_typed("object");
    json_add(schema, "propertyNames", new_pattern(key_pattern, ""));
    json_add(schema, "additionalProperties", values);
    return schema;
}

static struct json *new_days(void)
{
    struct json *schema = new_typed("object");
    struct json *days = json_new_object();
    for (const struct config_days *day = config_days; day->name != NULL; day++) {
        json_add(days, day->name,
                 new_map(new_pattern(id_pattern, ""), "^([01]?[0-9]|2[0-3]):[0-5][0-9]$"));
    }
    json_add(schema, "properties", days);
    json_add_bool(schema, "additionalProperties", false);
    return schema;
}

static struct json *new_heater(const struct heater_driver *const *drivers)
{
    struct json *schema = json_new_object();
    struct json *any = json_new_array();
    for (size_t i = 0; drivers[i] != NULL; i++) {
        json_add(any, NULL, new_shape(&config_shape_heater, drivers[i], drivers));
    }
    json_add(schema, "oneOf", any);
    return schema;
}

static struct json *new_temperature(void)
{
    static const struct config_item item = {
        .type = CONFIG_NUMBER, .min = 0, .max = 45, .unit = "°C"};
    return new_quantity(&item, "°C|°F");
}

static struct json *new_special(const struct config_special *special,
                                const struct heater_driver *driver,
                                const struct heater_driver *const *drivers)
{
    switch (special->kind) {
    case SPECIAL_ROOMS:
        return new_map(new_shape(&config_shape_room, NULL, drivers), id_pattern);
    case SPECIAL_HEATERS:
        return new_map(new_heater(drivers), id_pattern);
    case SPECIAL_CIRCUITS:
        return new_map(new_shape(&config_shape_circuit, NULL, drivers), id_pattern);
    case SPECIAL_POOLS:
        return new_list(new_shape(&config_shape_pool, NULL, drivers));
    case SPECIAL_HOSTS:
        return new_list(new_typed("string"));
    case SPECIAL_PRESETS:
        return new_map(new_temperature(), id_pattern);
    case SPECIAL_SCHEDULE:
        return new_days();
    case SPECIAL_ROOM_HEATERS:
        return new_list(new_pattern(id_pattern, ""));
    case SPECIAL_INTERLOCKS:
        return new_map(new_shape(&config_shape_interlock, NULL, drivers), id_pattern);
    case SPECIAL_DRIVER:
        return new_choices((const char *const[]){driver != NULL ? driver->name : NULL, NULL});
    }
    return json_new_object();
}

static void add_property(struct json *properties, const char *name, struct json *schema,
                         const char *help)
{
    json_add_string(schema, "description", help);
    json_add(properties, name, schema);
}

static void add_items(struct json *properties, struct json *required,
                      const struct config_item *items)
{
    for (const struct config_item *item = items; item->name != NULL; item++) {
        struct json *schema = new_value(item);
        if (item->fallback != NULL && item->fallback[0] != '\0') {
            json_add_string(schema, "default", item->fallback);
        }
        add_property(properties, item->name, schema, item->help);
        if (item->type == CONFIG_SECRET) {
            char key[ID_MAX * 2];
            (void)snprintf(key, sizeof key, "%s_file", item->name);
            add_property(properties, key, new_typed("string"), "A file that holds the secret.");
        }
        if (item->fallback == NULL) {
            json_add_string(required, NULL, item->name);
        }
    }
}

static bool needs_value(const struct config_shape *group)
{
    for (const struct config_item *item = group->items; item->name != NULL; item++) {
        if (item->fallback == NULL && !group->optional) {
            return true;
        }
    }
    return false;
}

static struct json *new_shape(const struct config_shape *shape, const struct heater_driver *driver,
                              const struct heater_driver *const *drivers)
{
    struct json *schema = new_typed("object");
    struct json *properties = json_new_object();
    struct json *required = json_new_array();
    for (const struct config_special *special = shape->specials; special->name != NULL; special++) {
        add_property(properties, special->name, new_special(special, driver, drivers),
                     special->help);
        if (special->fallback == NULL) {
            json_add_string(required, NULL, special->name);
        }
    }
    add_items(properties, required, shape->items);
    if (driver != NULL && driver->options != NULL) {
        add_items(properties, required, driver->options);
    }
    for (const struct config_shape *group = shape->groups; group->name != NULL; group++) {
        add_property(properties, group->name, new_shape(group, NULL, drivers), group->help);
        if (needs_value(group)) {
            json_add_string(required, NULL, group->name);
        }
    }
    json_add(schema, "properties", properties);
    json_add(schema, "required", required);
    json_add_bool(schema, "additionalProperties", false);
    return schema;
}

/* --- layout -------------------------------------------------------------------------------------
 */

/* Pretty-prints, because the file is read and compared by people too. */
static void write_json(const struct json *json, int indent, FILE *out)
{
    const bool array = json_is_array(json);
    if ((!array && !json_is_object(json)) || json_count(json) == 0) {
        char *text = json_print(json);
        (void)fputs(text, out);
        free(text);
        return;
    }
    (void)fputs(array ? "[" : "{", out);
    for (const struct json *m = json_first(json); m != NULL; m = json_next(m)) {
        (void)fprintf(out, "%s\n%*s", m == json_first(json) ? "" : ",", indent + 2, "");
        if (!array) {
            (void)fprintf(out, "\"%s\": ", json_name(m));
        }
        write_json(m, indent + 2, out);
    }
    (void)fprintf(out, "\n%*s%s", indent, "", array ? "]" : "}");
}

void config_write_schema(const struct heater_driver *const *drivers, FILE *out)
{
    struct json *schema = new_shape(&config_shape_root, NULL, drivers);
    json_add_string(schema, "$schema", "http://json-schema.org/draft-07/schema#");
    json_add_string(schema, "title", "heatbridge configuration");
    write_json(schema, 0, out);
    (void)fputs("\n", out);
    json_free(schema);
}
