/* The effective configuration as YAML. */
#include <string.h>

#include "bridge/config/load.h"
#include "bridge/config/table.h"
#include "bridge/config/value.h"
#include "devices/driver.h"

enum { INDENT = 2, DAY_MINUTES = 24 * 60 };

struct printer {
    const struct config *config;
    const struct heater_driver *const *drivers;
    FILE *out;
};

static bool is_hidden(const struct printer *printer, const void *field)
{
    for (size_t i = 0; i < printer->config->hidden_count; i++) {
        if (printer->config->hidden[i] == field) {
            return true;
        }
    }
    return false;
}

static void print_items(const struct printer *printer, int indent, const struct config_item *items,
                        const void *base)
{
    for (const struct config_item *item = items; item->name != NULL; item++) {
        const void *field = (const char *)base + item->offset;
        char text[VALUE_TEXT_MAX];
        if (value_write(item, field, text, sizeof text)) {
            (void)fprintf(printer->out, "%*s%s: %s\n", indent, "", item->name,
                          is_hidden(printer, field) ? "\"***\"" : text);
        }
    }
}

/* A group that was left out has no value in its first, required row. */
static bool is_absent(const struct config_shape *group, const void *base)
{
    char text[VALUE_TEXT_MAX];
    return group->optional &&
           !value_write(group->items, (const char *)base + group->items->offset, text, sizeof text);
}

static void print_shape(const struct printer *printer, int indent, const struct config_shape *shape,
                        const void *base)
{
    print_items(printer, indent, shape->items, base);
    for (const struct config_shape *group = shape->groups; group->name != NULL; group++) {
        const void *inner = (const char *)base + group->offset;
        if (!is_absent(group, inner)) {
            (void)fprintf(printer->out, "%*s%s:\n", indent, "", group->name);
            print_shape(printer, indent + INDENT, group, inner);
        }
    }
}

/* --- the engine ---------------------------------------------------------------------------------
 */

static void print_mining(const struct printer *printer)
{
    const struct config_mining *mining = &printer->config->mining;
    if (mining->redirect_host_count > 0) {
        (void)fprintf(printer->out, "  redirect_hosts:\n");
    }
    for (size_t i = 0; i < mining->redirect_host_count; i++) {
        char text[VALUE_TEXT_MAX];
        value_quote(mining->redirect_hosts[i], text, sizeof text);
        (void)fprintf(printer->out, "    - %s\n", text);
    }
    if (mining->pool_count > 0) {
        (void)fprintf(printer->out, "  pools:\n");
    }
    for (size_t i = 0; i < mining->pool_count; i++) {
        (void)fprintf(printer->out, "    -\n");
        print_shape(printer, 3 * INDENT, &config_shape_pool, &mining->pools[i]);
    }
}

/* --- rooms --------------------------------------------------------------------------------------
 */

static void print_presets(const struct printer *printer, const struct config_room *room)
{
    (void)fprintf(printer->out, "    presets: {");
    for (size_t i = 0; i < room->preset_count; i++) {
        char number[32];
        value_write_number(room->presets[i].target_c, number, sizeof number);
        (void)fprintf(printer->out, "%s%s: %s", i == 0 ? "" : ", ", room->presets[i].name, number);
    }
    (void)fprintf(printer->out, "}\n");
}

static const char *day_name(int day)
{
    for (const struct config_days *days = config_days; days->name != NULL; days++) {
        if (days->mask == 1U << day) {
            return days->name;
        }
    }
    return "";
}

static void print_schedule(const struct printer *printer, const struct config_room *room)
{
    if (room->schedule_count > 0) {
        (void)fprintf(printer->out, "    schedule:\n");
    }
    int open_day = -1;
    for (size_t i = 0; i < room->schedule_count; i++) {
        const struct config_slot *slot = &room->schedule[i];
        const int day = slot->week_minute / DAY_MINUTES;
        const int minute = slot->week_minute % DAY_MINUTES;
        if (day != open_day) {
            (void)fprintf(printer->out, "%s      %s: {", open_day < 0 ? "" : "}\n", day_name(day));
        }
        (void)fprintf(printer->out, "%s\"%02d:%02d\": %s", day != open_day ? "" : ", ", minute / 60,
                      minute % 60, room->presets[slot->preset].name);
        open_day = day;
    }
    if (room->schedule_count > 0) {
        (void)fprintf(printer->out, "}\n");
    }
}

static void print_room(const struct printer *printer, const struct config_room *room)
{
    (void)fprintf(printer->out, "  %s:\n", room->id);
    print_shape(printer, 2 * INDENT, &config_shape_room, room);
    print_presets(printer, room);
    print_schedule(printer, room);
    (void)fprintf(printer->out, "    heaters: [");
    for (size_t i = 0; i < room->heater_count; i++) {
        (void)fprintf(printer->out, "%s%s", i == 0 ? "" : ", ",
                      printer->config->heaters[room->heaters[i]].id);
    }
    (void)fprintf(printer->out, "]\n");
}

/* --- heaters ------------------------------------------------------------------------------------
 */

static void print_heater(const struct printer *printer, const struct config_heater *heater)
{
    (void)fprintf(printer->out, "  %s:\n    driver: %s\n", heater->id, heater->driver);
    print_shape(printer, 2 * INDENT, &config_shape_heater, heater);
    if (heater->interlock_count > 0) {
        (void)fprintf(printer->out, "    interlocks:\n");
    }
    for (size_t i = 0; i < heater->interlock_count; i++) {
        (void)fprintf(printer->out, "      %s:\n", heater->interlocks[i].id);
        print_shape(printer, 4 * INDENT, &config_shape_interlock, &heater->interlocks[i]);
    }
    for (size_t i = 0; printer->drivers[i] != NULL && heater->options != NULL; i++) {
        if (strcmp(printer->drivers[i]->name, heater->driver) == 0) {
            print_items(printer, 2 * INDENT, printer->drivers[i]->options, heater->options);
        }
    }
}

void config_print(const struct config *config, const struct heater_driver *const *drivers,
                  FILE *out)
{
    const struct printer printer = {config, drivers, out};
    /* The engine's group stands last in the table, so that its lists can follow it. */
    print_shape(&printer, 0, &config_shape_root, config);
    print_mining(&printer);
    if (config->circuit_count > 0) {
        (void)fprintf(out, "circuits:\n");
    }
    for (size_t i = 0; i < config->circuit_count; i++) {
        (void)fprintf(out, "  %s:\n", config->circuits[i].id);
        print_shape(&printer, 2 * INDENT, &config_shape_circuit, &config->circuits[i]);
    }
    (void)fprintf(out, "rooms:\n");
    for (size_t i = 0; i < config->room_count; i++) {
        print_room(&printer, &config->rooms[i]);
    }
    if (config->heater_count > 0) {
        (void)fprintf(out, "heaters:\n");
    }
    for (size_t i = 0; i < config->heater_count; i++) {
        print_heater(&printer, &config->heaters[i]);
    }
}
