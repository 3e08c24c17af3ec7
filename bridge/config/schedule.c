#include <string.h>

#include "bridge/config/parts.h"
#include "bridge/config/value.h"
#include "ground/suggest.h"
#include "ground/text.h"

enum { DAYS = 7, DAY_MINUTES = 24 * 60 };

/* --- presets ------------------------------------------------------------------------------------
 */

static void add_preset(struct reader *reader, const struct cursor *at, struct config_room *room)
{
    if (!check_id(reader, at)) {
        return;
    }
    if (strcmp(at->node->name, "none") == 0) {
        const struct spot spot = {reader->file, at->node->name_line, at->node->name_column};
        (void)problem_error(reader->problems, spot, &at->place,
                            "expected a name other than 'none', which means no preset");
        return;
    }
    struct config_preset *preset = &room->presets[room->preset_count++];
    (void)text_copy(preset->name, sizeof preset->name, at->node->name);
    const char *text = reader_text(reader, at, "a temperature, such as 21 °C");
    if (text != NULL && !value_read_temperature(text, &preset->target_c)) {
        static const struct config_item item = {
            .type = CONFIG_NUMBER, .min = -50, .max = 100, .unit = "°C"};
        char hint[64];
        value_hint(&item, text, hint, sizeof hint);
        (void)reader_expected(reader, at, "a temperature, such as 21 °C", hint);
    }
}

void read_presets(struct reader *reader, const struct cursor *room_at, struct config_room *room)
{
    const struct cursor at = cursor_member(room_at, "presets");
    if (at.node == NULL) {
        for (size_t i = 0; config_default_presets[i].name != NULL; i++) {
            struct config_preset *preset = &room->presets[room->preset_count++];
            (void)text_copy(preset->name, sizeof preset->name, config_default_presets[i].name);
            preset->target_c = config_default_presets[i].target_c;
        }
        return;
    }
    if (!reader_is(reader, &at, NODE_MAP, "a mapping of presets, such as {home: 21, away: 16}")) {
        return;
    }
    if (at.node->count > ROOM_PRESETS) {
        (void)reader_error(reader, &at, "expected at most %d presets, got %zu", (int)ROOM_PRESETS,
                           at.node->count);
        return;
    }
    for (const struct node *m = at.node->first; m != NULL; m = m->next) {
        const struct cursor preset_at = cursor_item(&at, m, 0);
        add_preset(reader, &preset_at, room);
    }
}

/* --- schedule -----------------------------------------------------------------------------------
 */

/* Which member of the schedule rules a day, and how specific its key is. */
struct day_rule {
    const struct node *times;
    unsigned char rank;
};

static bool read_time(const char *text, int32_t *minute)
{
    const size_t hours = strspn(text, "0123456789");
    double h = 0;
    double m = 0;
    if (hours < 1 || hours > 2 || text[hours] != ':' || strlen(text) != hours + 3 ||
        strspn(text + hours + 1, "0123456789") != 2 || !text_to_number(text, hours, &h) ||
        !text_to_number(text + hours + 1, 2, &m) || h > 23 || m > 59) {
        return false;
    }
    *minute = (int32_t)h * 60 + (int32_t)m;
    return true;
}

static uint16_t find_preset(struct reader *reader, const struct cursor *at,
                            const struct config_room *room)
{
    const char *name = reader_text(reader, at, "the name of a preset");
    if (name == NULL) {
        return INDEX_NONE;
    }
    struct suggestion suggestion = {.word = name};
    for (size_t i = 0; i < room->preset_count; i++) {
        if (strcmp(room->presets[i].name, name) == 0) {
            return (uint16_t)i;
        }
        suggest_offer(&suggestion, room->presets[i].name);
    }
    (void)reader_expected(reader, at, "a preset of this room", suggestion.best);
    return INDEX_NONE;
}

/* Reads the times of one key once, for the messages. */
static void check_times(struct reader *reader, const struct cursor *at,
                        const struct config_room *room)
{
    if (!reader_is(reader, at, NODE_MAP, "a mapping of times, such as {\"06:00\": home}")) {
        return;
    }
    for (const struct node *m = at->node->first; m != NULL; m = m->next) {
        const struct cursor time_at = cursor_item(at, m, 0);
        int32_t minute = 0;
        if (!read_time(m->name, &minute)) {
            char shown[64];
            text_copy_printable(shown, sizeof shown, m->name, strlen(m->name));
            const struct spot spot = {reader->file, m->name_line, m->name_column};
            (void)problem_error(reader->problems, spot, &time_at.place,
                                "expected a time from 00:00 to 23:59, got '%s'", shown);
        }
        (void)find_preset(reader, &time_at, room);
    }
}

/* The row of the days that the member's key names; NULL with an error if there is none. */
static const struct config_days *find_days(struct reader *reader, const struct cursor *at)
{
    struct suggestion suggestion = {.word = at->node->name};
    for (const struct config_days *days = config_days; days->name != NULL; days++) {
        if (strcmp(days->name, at->node->name) == 0) {
            return days;
        }
        suggest_offer(&suggestion, days->name);
    }
    char shown[64];
    text_copy_printable(shown, sizeof shown, at->node->name, strlen(at->node->name));
    const bool hinted = suggestion.best != NULL;
    const struct spot spot = {reader->file, at->node->name_line, at->node->name_column};
    (void)problem_error(reader->problems, spot, &at->place,
                        "expected daily, weekdays, weekend or a day, got '%s'%s%s%s", shown,
                        hinted ? " (did you mean '" : "", hinted ? suggestion.best : "",
                        hinted ? "'?)" : "");
    return NULL;
}

static void rule_days(struct reader *reader, const struct cursor *at,
                      const struct config_days *days, struct day_rule rules[DAYS])
{
    for (int day = 0; day < DAYS; day++) {
        if ((days->mask >> day & 1) == 0) {
            continue;
        }
        if (rules[day].rank == days->rank) {
            (void)reader_error(reader, at, "expected each day once, got two keys for it");
            return;
        }
        if (rules[day].rank < days->rank) {
            rules[day] = (struct day_rule){at->node, days->rank};
        }
    }
}

static int32_t time_of(const struct node *member)
{
    int32_t minute = 0;
    return read_time(member->name, &minute) ? minute : 0;
}

/* Puts a switching time where it belongs. Two spellings of one time are an error. */
static bool add_slot(struct reader *reader, const struct cursor *at, int day,
                     struct config_room *room)
{
    if (room->schedule_count == SCHEDULE_SLOTS) {
        return reader_error(reader, at, "expected at most %d switching times a week, got more",
                            (int)SCHEDULE_SLOTS);
    }
    const struct config_slot slot = {day * DAY_MINUTES + time_of(at->node),
                                     find_preset(reader, at, room)};
    size_t i = room->schedule_count;
    while (i > 0 && room->schedule[i - 1].week_minute > slot.week_minute) {
        i--;
    }
    if (i > 0 && room->schedule[i - 1].week_minute == slot.week_minute) {
        return reader_error(reader, at, "expected each time once, got it again");
    }
    memmove(&room->schedule[i + 1], &room->schedule[i],
            (room->schedule_count - i) * sizeof room->schedule[0]);
    room->schedule[i] = slot;
    room->schedule_count++;
    return true;
}

static void add_day(struct reader *reader, const struct cursor *at, int day,
                    const struct node *times, struct config_room *room)
{
    const struct cursor times_at = cursor_item(at, times, 0);
    for (const struct node *m = times->first; m != NULL; m = m->next) {
        const struct cursor time_at = cursor_item(&times_at, m, 0);
        if (!add_slot(reader, &time_at, day, room)) {
            return;
        }
    }
}

void read_schedule(struct reader *reader, const struct cursor *room_at, struct config_room *room)
{
    const struct cursor at = cursor_member(room_at, "schedule");
    if (!reader_is(reader, &at, NODE_MAP,
                   "a mapping of days, such as {weekdays: {\"06:00\": home}}")) {
        return;
    }
    struct day_rule rules[DAYS] = {{NULL, 0}};
    const size_t errors = reader->problems->errors;
    for (const struct node *m = at.node->first; m != NULL; m = m->next) {
        const struct cursor days_at = cursor_item(&at, m, 0);
        const struct config_days *days = find_days(reader, &days_at);
        check_times(reader, &days_at, room);
        if (days != NULL) {
            rule_days(reader, &days_at, days, rules);
        }
    }
    for (int day = 0; day < DAYS && reader->problems->errors == errors; day++) {
        if (rules[day].times != NULL) {
            add_day(reader, &at, day, rules[day].times, room);
        }
    }
}
