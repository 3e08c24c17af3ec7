#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/config/parts.h"
#include "ground/suggest.h"
#include "ground/text.h"

/* --- heaters of a room --------------------------------------------------------------------------
 */

/* Index of the heater that the item names; INDEX_NONE with an error if there is none. */
static uint16_t find_heater(struct reader *reader, const struct cursor *at)
{
    const char *id = reader_text(reader, at, "the id of a heater");
    if (id == NULL) {
        return INDEX_NONE;
    }
    const struct config *config = reader->config;
    for (size_t i = 0; i < config->heater_count; i++) {
        if (strcmp(config->heaters[i].id, id) == 0) {
            return (uint16_t)i;
        }
    }
    struct suggestion suggestion = {.word = id};
    for (size_t i = 0; i < config->heater_count && !problems_full(reader->problems); i++) {
        suggest_offer(&suggestion, config->heaters[i].id);
    }
    (void)reader_expected(reader, at, "the id of a heater under 'heaters'", suggestion.best);
    return INDEX_NONE;
}

static void add_heater(struct reader *reader, const struct cursor *at, size_t room_index)
{
    struct config_room *room = &reader->config->rooms[room_index];
    const uint16_t index = find_heater(reader, at);
    if (index == INDEX_NONE) {
        return;
    }
    struct config_heater *heater = &reader->config->heaters[index];
    if (heater->room != INDEX_NONE) {
        (void)reader_error(reader, at,
                           "expected each heater in one room, got '%s', which is in "
                           "'%s' already",
                           heater->id, reader->config->rooms[heater->room].id);
        return;
    }
    heater->room = (uint16_t)room_index;
    room->heaters[room->heater_count++] = index;
}

static void read_room_heaters(struct reader *reader, const struct cursor *room_at, size_t index)
{
    const struct cursor at = cursor_member(room_at, "heaters");
    if (at.node == NULL) {
        reader_warn(reader, room_at, "expected 'heaters', got none; this room is never heated");
        return;
    }
    if (!reader_is(reader, &at, NODE_LIST, "a list of heater ids, such as [miner]")) {
        return;
    }
    if (at.node->count > ROOM_HEATERS) {
        (void)reader_error(reader, &at, "expected at most %d heaters, got %zu", (int)ROOM_HEATERS,
                           at.node->count);
        return;
    }
    size_t i = 0;
    for (const struct node *item = at.node->first; item != NULL; item = item->next) {
        const struct cursor item_at = cursor_item(&at, item, i++);
        add_heater(reader, &item_at, index);
    }
}

/* --- a room -------------------------------------------------------------------------------------
 */

static void check_room_id(struct reader *reader, const struct cursor *at, struct config_room *room)
{
    if (!check_id(reader, at)) {
        return;
    }
    for (size_t i = 0; config_reserved_rooms[i] != NULL; i++) {
        if (strcmp(config_reserved_rooms[i], at->node->name) == 0) {
            const struct spot spot = {reader->file, at->node->name_line, at->node->name_column};
            (void)problem_error(reader->problems, spot, &at->place,
                                "expected an id that is no topic of heatbridge, got '%s'",
                                at->node->name);
            return;
        }
    }
    (void)text_copy(room->id, sizeof room->id, at->node->name);
}

/* Adds an error at `group.key` if `number` is not within the limits. */
static void check_within(struct reader *reader, const struct cursor *room_at, const char *group,
                         const char *key, double number, double min, double max)
{
    if (number >= min && number <= max) {
        return;
    }
    const struct cursor outer = cursor_member(room_at, group);
    const struct cursor at = key != NULL ? cursor_member(&outer, key) : outer;
    (void)reader_error(reader, &at, "expected a temperature from %g to %g °C, got %g °C", min, max,
                       number);
}

static void check_temperatures(struct reader *reader, const struct cursor *at,
                               const struct config_room *room)
{
    const struct cursor target = cursor_member(at, "target");
    if (!(room->min_target_c < room->max_target_c)) {
        (void)reader_error(reader, &target, "expected min below max, got %g and %g °C",
                           room->min_target_c, room->max_target_c);
        return;
    }
    check_within(reader, at, "target", "initial", room->initial_target_c, room->min_target_c,
                 room->max_target_c);
    for (size_t i = 0; i < room->preset_count; i++) {
        check_within(reader, at, "presets", room->presets[i].name, room->presets[i].target_c,
                     room->min_target_c, fmin(room->max_target_c, room->too_hot_c));
    }
    if (!isnan(room->frost_c) && !(room->frost_c < room->too_hot_c)) {
        const struct cursor frost = cursor_member(at, "frost");
        (void)reader_expected(reader, &frost, "a temperature below too_hot", NULL);
    }
}

static void read_room(struct reader *reader, const struct cursor *at, size_t index)
{
    struct config_room *room = &reader->config->rooms[index];
    check_room_id(reader, at, room);
    const size_t errors = reader->problems->errors;
    reader_shape(reader, at, &config_shape_room, NULL, true, room);
    if (at->node->kind != NODE_MAP) {
        return;
    }
    if (room->name[0] == '\0') {
        name_from_id(room->id, room->name, sizeof room->name);
    }
    if (room->area[0] == '\0') {
        (void)text_copy(room->area, sizeof room->area, room->name);
    }
    read_presets(reader, at, room);
    read_schedule(reader, at, room);
    if (reader->problems->errors == errors) {
        /* Only numbers that were read well can contradict each other. */
        check_temperatures(reader, at, room);
    }
    read_room_heaters(reader, at, index);
}

static void warn_of_homeless(struct reader *reader, const struct cursor *root)
{
    const struct cursor heaters = cursor_member(root, "heaters");
    for (size_t i = 0; i < reader->config->heater_count; i++) {
        const struct config_heater *heater = &reader->config->heaters[i];
        if (heater->room == INDEX_NONE && heater->id[0] != '\0') {
            const struct cursor at = cursor_member(&heaters, heater->id);
            reader_warn(reader, &at,
                        "expected a room that lists this heater, got none; it is never switched "
                        "on");
        }
    }
}

void read_rooms(struct reader *reader, const struct cursor *root)
{
    const struct cursor at = cursor_member(root, "rooms");
    const size_t count = count_members(reader, &at, "rooms", CONFIG_ROOMS_MAX);
    if (at.node == NULL || (at.node->kind == NODE_MAP && at.node->count == 0)) {
        (void)reader_error(reader, &at, "expected at least one room, got none");
    }
    if (at.node == NULL || count == 0) {
        return;
    }
    reader->config->rooms = calloc(count, sizeof *reader->config->rooms);
    if (reader->config->rooms == NULL) {
        (void)reader_error(reader, &at, "out of memory");
        return;
    }
    for (const struct node *m = at.node->first; m != NULL; m = m->next) {
        const struct cursor room_at = cursor_item(&at, m, 0);
        const size_t index = reader->config->room_count++;
        read_room(reader, &room_at, index);
    }
    if (reader->problems->errors == 0) {
        warn_of_homeless(reader, root);
    }
}
