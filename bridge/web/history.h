/* The recent past of each room for the chart, gathered from the snapshots; bounded.
 *
 * A series holds SERIES_SAMPLES samples. When it is full, every second one is dropped and the
 * spacing doubles, until it covers a day; from then on the oldest goes. So a young series is fine
 * and an old one long, in the same memory. Pure apart from the memory of the series.
 */
#ifndef HB_BRIDGE_WEB_HISTORY_H
#define HB_BRIDGE_WEB_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "bridge/limits.h"
#include "ground/attr.h"
#include "plumbing/json.h"

enum {
    SERIES_SAMPLES = 720,
    SERIES_SPACING_MIN_MS = 10 * 1000,  /* 720 of them: two hours */
    SERIES_SPACING_MAX_MS = 120 * 1000, /* 720 of them: a day     */
    HISTORY_ROOMS = 64,                 /* further rooms have no history before the page is open */
};

/* NaN is "not known". */
struct series_sample {
    int64_t time_ms; /* Unix, of the house */
    float room_c, target_c, power_w;
};

struct series {
    char room[ID_MAX];
    int64_t spacing_ms;
    size_t count;
    struct series_sample sample[SERIES_SAMPLES]; /* ascending in time */
};

void series_init(struct series *series, const char *room);
/* Appends a sample unless it comes sooner than the spacing after the last one. A sample that lies
 * before the last one (the clock was set back) starts the series anew. */
void series_add(struct series *series, const struct series_sample *sample);

struct history;

HB_MUST_USE struct history *history_create(void); /* NULL when memory is short */
void history_destroy(struct history *history);    /* NULL is allowed */

/* Adds a sample of each room in a snapshot (bridge/web/snapshot.h); anything else is ignored. */
void history_take(struct history *history, const struct json *snapshot);

/* {"rooms": {"<id>": {"time_s": [...], "room_c": [...], "target_c": [...], "power_w": [...]}}} in
 * one line, its length in `*len`. Owned by the caller, free with free(). */
HB_MUST_USE char *history_print(const struct history *history, size_t *len);

#endif
