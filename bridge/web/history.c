#include "bridge/web/history.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ground/text.h"

struct history {
    size_t count;
    struct series *series[HISTORY_ROOMS];
};

void series_init(struct series *series, const char *room)
{
    memset(series, 0, sizeof *series);
    (void)text_copy(series->room, sizeof series->room, room);
    series->spacing_ms = SERIES_SPACING_MIN_MS;
}

static void drop_every_second(struct series *series)
{
    for (size_t i = 0; i < series->count / 2; i++) {
        series->sample[i] = series->sample[2 * i + 1];
    }
    series->count /= 2;
}

static void make_room(struct series *series)
{
    if (series->spacing_ms < SERIES_SPACING_MAX_MS) {
        drop_every_second(series);
        series->spacing_ms *= 2;
        if (series->spacing_ms > SERIES_SPACING_MAX_MS) {
            series->spacing_ms = SERIES_SPACING_MAX_MS;
        }
        return;
    }
    series->count--;
    memmove(series->sample, series->sample + 1, series->count * sizeof series->sample[0]);
}

void series_add(struct series *series, const struct series_sample *sample)
{
    if (series->count > 0) {
        const int64_t age_ms = sample->time_ms - series->sample[series->count - 1].time_ms;
        if (age_ms < 0) {
            series->count = 0;
            series->spacing_ms = SERIES_SPACING_MIN_MS;
        } else if (age_ms < series->spacing_ms) {
            return;
        }
    }
    if (series->count == SERIES_SAMPLES) {
        make_room(series);
    }
    series->sample[series->count++] = *sample;
}

struct history *history_create(void)
{
    return calloc(1, sizeof(struct history));
}

void history_destroy(struct history *history)
{
    if (history != NULL) {
        for (size_t i = 0; i < history->count; i++) {
            free(history->series[i]);
        }
        free(history);
    }
}

/* The series of a room, a new one if need be; NULL when there are too many rooms. */
static struct series *series_of(struct history *history, const char *room)
{
    for (size_t i = 0; i < history->count; i++) {
        if (strcmp(history->series[i]->room, room) == 0) {
            return history->series[i];
        }
    }
    if (history->count == HISTORY_ROOMS) {
        return NULL;
    }
    struct series *series = malloc(sizeof *series);
    if (series != NULL) {
        series_init(series, room);
        history->series[history->count++] = series;
    }
    return series;
}

static float number_or_nan(const struct json *room, const char *name)
{
    double value;
    return json_number(json_get(room, name), &value) ? (float)value : NAN;
}

void history_take(struct history *history, const struct json *snapshot)
{
    double time_ms;
    if (!json_number(json_get(snapshot, "time_ms"), &time_ms) || fabs(time_ms) > 1e15) {
        return;
    }
    const struct json *rooms = json_get(snapshot, "rooms");
    for (const struct json *room = json_first(rooms); room != NULL; room = json_next(room)) {
        const char *id = json_string(json_get(room, "id"));
        struct series *series = id != NULL ? series_of(history, id) : NULL;
        if (series != NULL) {
            const struct series_sample sample = {
                .time_ms = (int64_t)time_ms,
                .room_c = number_or_nan(room, "room_c"),
                .target_c = number_or_nan(room, "target_c"),
                .power_w = number_or_nan(room, "power_w"),
            };
            series_add(series, &sample);
        }
    }
}

static struct json *series_json(const struct series *series)
{
    struct json *time_s = json_new_array();
    struct json *room_c = json_new_array();
    struct json *target_c = json_new_array();
    struct json *power_w = json_new_array();
    for (size_t i = 0; i < series->count; i++) {
        const struct series_sample *sample = &series->sample[i];
        json_add_number(time_s, NULL, (double)sample->time_ms / 1000, 0);
        json_add_number(room_c, NULL, (double)sample->room_c, 2);
        json_add_number(target_c, NULL, (double)sample->target_c, 2);
        json_add_number(power_w, NULL, (double)sample->power_w, 0);
    }
    struct json *json = json_new_object();
    json_add(json, "time_s", time_s);
    json_add(json, "room_c", room_c);
    json_add(json, "target_c", target_c);
    json_add(json, "power_w", power_w);
    return json;
}

char *history_print(const struct history *history, size_t *len)
{
    struct json *rooms = json_new_object();
    for (size_t i = 0; i < history->count; i++) {
        json_add(rooms, history->series[i]->room, series_json(history->series[i]));
    }
    struct json *json = json_new_object();
    json_add(json, "rooms", rooms);
    char *text = json_print(json);
    json_free(json);
    *len = strlen(text);
    return text;
}
