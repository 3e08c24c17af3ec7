/* docs/heatbridge.example.yaml: the table with a few values chosen, the rest commented out. */
#include <string.h>

#include "bridge/config/load.h"
#include "bridge/config/table.h"
#include "bridge/config/value.h"
#include "devices/driver.h"

/* The values that stand in the example; every other key stands there as a comment. */
static const struct {
    const char *path, *value;
} chosen[] = {
    {"mqtt.url", "mqtt://homeassistant.local:1883"},
    {"mining.pools.url", "stratum+tcp://pool.example:3333"},
    {"mining.pools.user", "worker.living_room"},
    {"rooms.living_room.name", "Living room"},
    {"rooms.living_room.temperature.topic", "zigbee2mqtt/living_room"},
    {"rooms.living_room.temperature.value", "temperature"},
    {"rooms.living_room.temperature.stale_after", "1 h"},
    {"rooms.living_room.presets", "{home: 21, away: 16, eco: 19, sleep: 18, boost: 23}"},
    {"rooms.living_room.schedule",
     "{weekdays: {\"06:00\": home, \"22:30\": sleep}, weekend: {\"08:00\": home, \"23:00\": "
     "sleep}}"},
    {"rooms.living_room.heaters", "[miner]"},
    {"heaters.miner.driver", "engine"},
    {"heaters.miner.name", "Miner"},
};

static const char *chosen_value(const char *path)
{
    for (size_t i = 0; i < sizeof chosen / sizeof chosen[0]; i++) {
        if (strcmp(chosen[i].path, path) == 0) {
            return chosen[i].value;
        }
    }
    return NULL;
}

/* True if anything below the path is chosen. */
static bool has_chosen(const char *path)
{
    for (size_t i = 0; i < sizeof chosen / sizeof chosen[0]; i++) {
        if (strncmp(chosen[i].path, path, strlen(path)) == 0) {
            return true;
        }
    }
    return false;
}

static void write_line(const char *path, const char *key, const char *fallback, const char *help,
                       int indent, FILE *out)
{
    const char *value = chosen_value(path);
    const bool commented = value == NULL;
    if (commented) {
        value = fallback != NULL && fallback[0] != '\0' ? fallback : "...";
    }
    (void)fprintf(out, "%*s# %s\n", indent, "", help);
    (void)fprintf(out, "%*s%s%s: %s\n", indent, "", commented ? "# " : "", key, value);
}

static void write_items(const char *path, const struct config_item *items, int indent, FILE *out)
{
    for (const struct config_item *item = items; item->name != NULL; item++) {
        char inner[200];
        (void)snprintf(inner, sizeof inner, "%s.%s", path, item->name);
        write_line(inner, item->name, item->fallback, item->help, indent, out);
    }
}

static void write_inner_groups(const char *path, const struct config_shape *shape, int indent,
                               FILE *out)
{
    for (const struct config_shape *group = shape->groups; group->name != NULL; group++) {
        char inner[200];
        (void)snprintf(inner, sizeof inner, "%s.%s", path, group->name);
        const bool commented = !has_chosen(inner);
        (void)fprintf(out, "%*s# %s\n%*s%s%s:\n", indent, "", group->help, indent, "",
                      commented ? "# " : "", group->name);
        /* Below a comment everything is one; its lines keep their depth behind the sign. */
        write_items(inner, group->items, indent + 2, out);
    }
}

/* Lines of a mapping whose special keys are single lines here. */
static void write_shape(const char *path, const struct config_shape *shape, int indent, FILE *out)
{
    for (const struct config_special *special = shape->specials; special->name != NULL; special++) {
        char inner[200];
        (void)snprintf(inner, sizeof inner, "%s.%s", path, special->name);
        write_line(inner, special->name, special->fallback, special->help, indent, out);
    }
    write_items(path, shape->items, indent, out);
    write_inner_groups(path, shape, indent, out);
}

static void write_mining(const struct config_shape *group, FILE *out)
{
    (void)fprintf(out, "\n# %s\n%s:\n", group->help, group->name);
    write_items(group->name, group->items, 2, out);
    write_inner_groups(group->name, group, 2, out);
    for (const struct config_special *special = group->specials; special->name != NULL; special++) {
        if (special->kind == SPECIAL_HOSTS) {
            write_line("mining.redirect_hosts", special->name, "[]", special->help, 2, out);
        } else {
            (void)fprintf(out, "  # %s\n  %s:\n    -\n", special->help, special->name);
            write_items("mining.pools", config_shape_pool.items, 6, out);
        }
    }
}

static void write_groups(FILE *out)
{
    for (const struct config_shape *group = config_shape_root.groups; group->name != NULL;
         group++) {
        if (group->specials->name != NULL) {
            write_mining(group, out);
            continue;
        }
        const bool commented = !has_chosen(group->name);
        (void)fprintf(out, "\n# %s\n%s%s:\n", group->help, commented ? "# " : "", group->name);
        write_items(group->name, group->items, 2, out);
    }
}

static void write_circuit(FILE *out)
{
    (void)fputs(
        "\n# Fuses that several heaters share, each by its id.\n# circuits:\n  # ground_floor:\n",
        out);
    write_shape("circuits.ground_floor", &config_shape_circuit, 4, out);
}

static void write_drivers(const struct heater_driver *const *drivers, FILE *out)
{
    (void)fputs("\n  # A heater on the network, as `heatbridge discover 192.168.1.0/24` prints it; "
                "heaters.md\n"
                "  # tells what works with each.\n"
                "  # desk:\n"
                "    # driver: axeos\n"
                "    # url: http://192.168.1.20\n"
                "\n  # The drivers:\n",
                out);
    for (; *drivers != NULL; drivers++) {
        (void)fprintf(out, "  #   %s: %s\n", (*drivers)->name, (*drivers)->summary);
    }
}

void config_write_example(const struct heater_driver *const *drivers, FILE *out)
{
    (void)fputs(
        "# yaml-language-server: $schema=heatbridge.schema.json\n"
        "# An example for heatbridge: one room, heated by the mining engine of this machine.\n"
        "# Written by `heatbridge check --example`. What is commented out shows the default;\n"
        "# configuration.md tells more.\n"
        "\n",
        out);
    write_items("", config_shape_root.items, 0, out);
    write_groups(out);
    write_circuit(out);
    (void)fputs("\n# The rooms, each by its id.\nrooms:\n  living_room:\n", out);
    write_shape("rooms.living_room", &config_shape_room, 4, out);
    (void)fputs("\n# The heaters, each by its id.\nheaters:\n  miner:\n", out);
    write_shape("heaters.miner", &config_shape_heater, 4, out);
    write_drivers(drivers, out);
}
