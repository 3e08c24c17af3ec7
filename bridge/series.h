/* A series of values over time from a CSV file: `timestamp_utc,value,unit`, one row per interval,
 * the time being its start: "2022-10-01T00:00:00Z,50,EUR/MWh".
 */
#ifndef HB_BRIDGE_SERIES_H
#define HB_BRIDGE_SERIES_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/limits.h"
#include "ground/attr.h"
#include "ground/err.h"
#include "ground/time.h"

struct series_point {
    hb_wall start;
    double value;
};

struct series {
    struct series_point *point; /* ascending */
    size_t count, at;           /* `at`: where the last look-up was, for the next one   */
    char unit[ID_MAX];          /* the same in every row; "" if there is none */
};

/* Reads a file; times must ascend and values be finite. Free with series_free either way. */
HB_MUST_USE bool series_load(struct series *series, const char *path, struct hb_err *err);
void series_free(struct series *series);

/* Time after the last interval, whose length is taken from the one before. */
hb_wall series_end(const struct series *series);
/* Value of the interval that holds `wall`; false before the first and after the last. */
HB_MUST_USE bool series_step(struct series *series, hb_wall wall, double *value);
/* The same, on a straight line from start to start. */
HB_MUST_USE bool series_line(struct series *series, hb_wall wall, double *value);

/* Parses "2026-01-31", "2026-01-31T06:00Z" or "2026-01-31T06:00:00Z" as UTC. */
HB_MUST_USE bool series_parse_time(const char *text, size_t len, hb_wall *wall);

#endif
