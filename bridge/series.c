#include "bridge/series.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ground/text.h"

enum { POINTS_MAX = 1 << 20, ROW_MAX = 256, HOUR_MS = 3600000 };

/* --- times ---------------------------------------------------------------------------------- */

/* Reads `digits` digits and the separator after them, if one is expected. */
static bool take_digits(const char **text, const char *end, int digits, int min, int max,
                        int *number)
{
    *number = 0;
    for (int i = 0; i < digits; i++, (*text)++) {
        if (*text >= end || **text < '0' || **text > '9') {
            return false;
        }
        *number = *number * 10 + (**text - '0');
    }
    return *number >= min && *number <= max;
}

static bool take_char(const char **text, const char *end, char expected)
{
    if (*text >= end || **text != expected) {
        return false;
    }
    (*text)++;
    return true;
}

/* Days since 1970-01-01 in the Gregorian calendar, counting years from March so that the leap day
 * comes last. */
static int64_t days_of(int year, int month, int day)
{
    const int64_t y = month <= 2 ? year - 1 : year;
    const int64_t month_from_march = (month + 9) % 12;
    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * month_from_march + 2) / 5 + day - 1 -
           719468;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

bool series_parse_time(const char *text, size_t len, hb_wall *wall)
{
    const char *end = text + len;
    int year;
    int month;
    int day;
    int hour = 0;
    int minute = 0;
    int second = 0;
    if (!take_digits(&text, end, 4, 1970, 2999, &year) || !take_char(&text, end, '-') ||
        !take_digits(&text, end, 2, 1, 12, &month) || !take_char(&text, end, '-') ||
        !take_digits(&text, end, 2, 1, days_in_month(year, month), &day)) {
        return false;
    }
    if (text < end) {
        if (!take_char(&text, end, 'T') || !take_digits(&text, end, 2, 0, 23, &hour) ||
            !take_char(&text, end, ':') || !take_digits(&text, end, 2, 0, 59, &minute)) {
            return false;
        }
        if (take_char(&text, end, ':') && !take_digits(&text, end, 2, 0, 59, &second)) {
            return false;
        }
        if (!take_char(&text, end, 'Z') || text != end) {
            return false;
        }
    }
    wall->ms =
        ((days_of(year, month, day) * 24 + hour) * 60 + minute) * 60000 + (int64_t)second * 1000;
    return true;
}

/* --- files ---------------------------------------------------------------------------------- */

static bool parse_row(struct series *series, const char *row, struct series_point *point,
                      struct hb_err *err)
{
    const size_t time_len = strcspn(row, ",");
    const char *value = row[time_len] == ',' ? row + time_len + 1 : "";
    const size_t value_len = strcspn(value, ",");
    const char *unit = value[value_len] == ',' ? value + value_len + 1 : "";
    if (!series_parse_time(row, time_len, &point->start)) {
        return hb_fail(err, HB_ERR_INPUT, "expected a time like 2022-10-01T00:00:00Z, got '%.*s'",
                       (int)(time_len < 40 ? time_len : 40), row);
    }
    if (!text_to_number(value, value_len, &point->value)) {
        return hb_fail(err, HB_ERR_INPUT, "expected a number, got '%.*s'",
                       (int)(value_len < 40 ? value_len : 40), value);
    }
    if (series->count == 0) {
        (void)text_copy(series->unit, sizeof(series->unit), unit);
    } else if (strcmp(series->unit, unit) != 0) {
        return hb_fail(err, HB_ERR_INPUT, "expected the unit '%s' of the first row, got '%.40s'",
                       series->unit, unit);
    } else if (point->start.ms <= series->point[series->count - 1].start.ms) {
        return hb_fail(err, HB_ERR_INPUT, "expected a time after that of the row before");
    }
    return true;
}

static bool add(struct series *series, const struct series_point *point, size_t *room,
                struct hb_err *err)
{
    if (series->count == *room) {
        const size_t more = *room == 0 ? 1024 : *room * 2;
        struct series_point *grown =
            more <= POINTS_MAX ? realloc(series->point, more * sizeof(*grown)) : NULL;
        if (grown == NULL) {
            return hb_fail(err, HB_ERR_INPUT, "expected at most %d rows", POINTS_MAX);
        }
        series->point = grown;
        *room = more;
    }
    series->point[series->count++] = *point;
    return true;
}

static bool read_rows(struct series *series, FILE *file, size_t *line, struct hb_err *err)
{
    char row[ROW_MAX];
    size_t room = 0;
    while (fgets(row, sizeof(row), file) != NULL) {
        struct series_point point;
        ++*line;
        row[strcspn(row, "\r\n")] = '\0';
        if (*line == 1 || row[0] == '\0') {
            continue; /* names of the columns */
        }
        if (!parse_row(series, row, &point, err) || !add(series, &point, &room, err)) {
            return false;
        }
    }
    return series->count >= 2 || hb_fail(err, HB_ERR_INPUT, "expected at least two rows of values");
}

bool series_load(struct series *series, const char *path, struct hb_err *err)
{
    *series = (struct series){0};
    size_t line = 0;
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return hb_fail(err, HB_ERR_USAGE, "%s: %s", path, strerror(errno));
    }
    const bool good = read_rows(series, file, &line, err);
    if (!good) {
        hb_err_prefix(err, "%s:%zu", path, line);
    }
    (void)fclose(file);
    return good;
}

void series_free(struct series *series)
{
    free(series->point);
    *series = (struct series){0};
}

/* --- look-up -------------------------------------------------------------------------------- */

hb_wall series_end(const struct series *series)
{
    const struct series_point *last = &series->point[series->count - 1];
    return (hb_wall){2 * last->start.ms - last[-1].start.ms};
}

static bool seek(struct series *series, hb_wall wall)
{
    if (wall.ms < series->point[0].start.ms || wall.ms >= series_end(series).ms) {
        return false;
    }
    if (series->point[series->at].start.ms > wall.ms) {
        series->at = 0;
    }
    while (series->at + 1 < series->count && series->point[series->at + 1].start.ms <= wall.ms) {
        series->at++;
    }
    return true;
}

bool series_step(struct series *series, hb_wall wall, double *value)
{
    if (!seek(series, wall)) {
        return false;
    }
    *value = series->point[series->at].value;
    return true;
}

bool series_line(struct series *series, hb_wall wall, double *value)
{
    if (!series_step(series, wall, value)) {
        return false;
    }
    if (series->at + 1 < series->count) {
        const struct series_point *here = &series->point[series->at];
        const double share =
            (double)(wall.ms - here->start.ms) / (double)(here[1].start.ms - here->start.ms);
        *value += share * (here[1].value - here->value);
    }
    return true;
}
