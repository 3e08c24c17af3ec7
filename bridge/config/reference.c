/* docs/configuration.md, written from the table. */
#include <string.h>

#include "bridge/config/load.h"
#include "bridge/config/table.h"
#include "bridge/config/value.h"
#include "devices/driver.h"

static const char introduction[] =
    "<!-- Written by `heatbridge check --reference`; a test keeps it current. -->\n"
    "# Configuration\n"
    "\n"
    "One file, YAML or JSON, normally `/etc/heatbridge/heatbridge.yaml`. `heatbridge check FILE`\n"
    "tells every mistake at once, each with its line, and prints what the file comes to.\n"
    "`heatbridge.example.yaml` beside this page is a start; with `heatbridge.schema.json` an "
    "editor\n"
    "completes keys and underlines mistakes:\n"
    "\n"
    "```yaml\n"
    "# yaml-language-server: $schema=heatbridge.schema.json\n"
    "```\n"
    "\n"
    "A running heatbridge reads the file again on SIGHUP; a file with mistakes leaves the old\n"
    "configuration in force.\n"
    "\n"
    "The least that works:\n"
    "\n"
    "```yaml\n"
    "mqtt: {url: \"mqtt://homeassistant.local\"}\n"
    "rooms:\n"
    "  living_room:\n"
    "    temperature: {topic: zigbee2mqtt/living_room, value: temperature}\n"
    "    heaters: [miner]\n"
    "heaters:\n"
    "  miner: {driver: engine}\n"
    "```\n"
    "\n"
    "## Values\n"
    "\n"
    "| kind | written |\n"
    "|---|---|\n"
    "| temperature | `21`, `21 °C` or `70 °F` |\n"
    "| power | `900 W`, `1.2 kW` or `900` |\n"
    "| duration | `500 ms`, `30 s`, `15 min`, `2 h`, `1 d`; the unit is needed |\n"
    "| other number | plain or with its unit, such as `25 W/K`, `0.5 K` |\n"
    "| yes or no | `true`, `false`, also `yes`, `no`, `on`, `off` |\n"
    "| id | a-z, 0-9 and `_`, begins with a letter, at most 32 long |\n"
    "| topic | an MQTT topic without `+` and `#` |\n"
    "\n"
    "Anchors, aliases, tags other than `!secret`, several documents, duplicate and unknown keys "
    "are\n"
    "refused.\n"
    "\n"
    "## Secrets\n"
    "\n"
    "A password, a user name or a URL can be written as `!secret name`; the value is then taken "
    "from\n"
    "`secrets.yaml` beside the configuration (`name: value`) and shown nowhere. Each password can\n"
    "instead be given as the path of a file: `password_file` in place of `password`; the first "
    "line\n"
    "counts, and a relative path starts at the configuration's folder. Giving both is an error.\n"
    "\n"
    "The passwords of the broker and of the page may also come from outside. The first place that\n"
    "has one counts:\n"
    "\n"
    "1. the configuration: `password` (plain or `!secret`) or `password_file`\n"
    "2. systemd's credentials `mqtt_password` and `web_password` (`$CREDENTIALS_DIRECTORY`)\n"
    "3. the environment: `HEATBRIDGE_MQTT_PASSWORD` and `HEATBRIDGE_WEB_PASSWORD`\n"
    "\n"
    "A file with secrets that everybody can read is warned about.\n";

/* --- rows ---------------------------------------------------------------------------------------
 */

/* A cell of a table: bars inside would end it. */
static void write_cell(const char *text, FILE *out)
{
    for (; *text != '\0'; text++) {
        if (*text == '|') {
            (void)fputc('\\', out);
        }
        (void)fputc(*text, out);
    }
}

static void write_row(const char *key, const char *value, const char *fallback, const char *help,
                      FILE *out)
{
    (void)fprintf(out, "| `%s` | ", key);
    write_cell(value, out);
    if (fallback == NULL) {
        (void)fputs(" | required | ", out);
    } else if (fallback[0] == '\0') {
        (void)fputs(" | | ", out);
    } else {
        (void)fputs(" | `", out);
        write_cell(fallback, out);
        (void)fputs("` | ", out);
    }
    write_cell(help, out);
    (void)fputs(" |\n", out);
}

static void write_items(const char *prefix, const struct config_item *items, FILE *out)
{
    for (const struct config_item *item = items; item->name != NULL; item++) {
        char key[80];
        char expected[EXPECTED_MAX];
        (void)snprintf(key, sizeof key, "%s%s", prefix, item->name);
        value_expected(item, expected, sizeof expected);
        write_row(key, expected, item->fallback, item->help, out);
    }
}

static const char *special_value(enum special_kind kind)
{
    switch (kind) {
    case SPECIAL_ROOMS:
        return "mapping of [rooms](#rooms)";
    case SPECIAL_HEATERS:
        return "mapping of [heaters](#heaters)";
    case SPECIAL_CIRCUITS:
        return "mapping of [circuits](#circuits)";
    case SPECIAL_POOLS:
        return "list of [pools](#pools)";
    case SPECIAL_HOSTS:
        return "list of `host` or `host:port`";
    case SPECIAL_PRESETS:
        return "mapping of name to temperature";
    case SPECIAL_SCHEDULE:
        return "mapping such as `{weekdays: {\"06:00\": home, \"22:30\": sleep}}`";
    case SPECIAL_ROOM_HEATERS:
        return "list of ids";
    case SPECIAL_INTERLOCKS:
        return "mapping of [interlocks](#interlocks)";
    case SPECIAL_DRIVER:
        return "name of a [driver](#drivers)";
    }
    return "";
}

static void write_table_head(FILE *out)
{
    (void)fputs("\n| key | value | default | meaning |\n|---|---|---|---|\n", out);
}

/* Rows of a mapping and, with a prefix, of the mappings inside it. */
static void write_rows(const char *prefix, const struct config_shape *shape, FILE *out)
{
    for (const struct config_special *special = shape->specials; special->name != NULL; special++) {
        write_row(special->name, special_value(special->kind), special->fallback, special->help,
                  out);
    }
    write_items(prefix, shape->items, out);
    for (const struct config_shape *group = shape->groups; group->name != NULL; group++) {
        char inner[64];
        (void)snprintf(inner, sizeof inner, "%s%s.", prefix, group->name);
        write_rows(inner, group, out);
    }
}

/* --- sections -----------------------------------------------------------------------------------
 */

static void write_section(const char *title, const char *help, const struct config_shape *shape,
                          FILE *out)
{
    (void)fprintf(out, "\n## %s\n\n%s\n", title, help);
    write_table_head(out);
    write_rows("", shape, out);
}

static void write_root(FILE *out)
{
    const struct config_shape *root = &config_shape_root;
    const struct config_shape no_groups = {.name = NULL};
    struct config_shape flat = *root;
    flat.groups = &no_groups;
    write_section("Top level", root->help, &flat, out);
    for (const struct config_shape *group = root->groups; group->name != NULL; group++) {
        write_section(group->name, group->help, group, out);
    }
}

static void write_driver(const struct heater_driver *driver, FILE *out)
{
    (void)fprintf(out, "\n### %s\n\n%s%s\n", driver->name, driver->summary,
                  driver->single ? " (at most one)" : "");
    if (driver->options != NULL) {
        write_table_head(out);
        write_items("", driver->options, out);
    }
}

void config_write_reference(const struct heater_driver *const *drivers, FILE *out)
{
    (void)fputs(introduction, out);
    write_root(out);
    write_section("pools", "Under `mining`, the preferred pool first.", &config_shape_pool, out);
    write_section("rooms", "Under `rooms`, each with its id as key.", &config_shape_room, out);
    write_section("heaters", "Under `heaters`, each with its id as key.", &config_shape_heater,
                  out);
    write_section("interlocks", "Under `interlocks` of a heater, each with its id as key.",
                  &config_shape_interlock, out);
    write_section("circuits", "Under `circuits`, each with its id as key.", &config_shape_circuit,
                  out);
    (void)fputs("\n## Drivers\n\nA heater takes the keys of its driver beside those above.\n", out);
    for (size_t i = 0; drivers[i] != NULL; i++) {
        write_driver(drivers[i], out);
    }
}
