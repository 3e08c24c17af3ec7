/* A measured value that cannot be read without asking how old it is, and that knows where it is
 * from. */
#ifndef HB_GROUND_READING_H
#define HB_GROUND_READING_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "ground/attr.h"
#include "ground/time.h"

/* How a number came about; a higher value is better evidence. */
enum provenance {
    PROVENANCE_UNKNOWN = 0,
    PROVENANCE_MODELLED, /* computed from what was asked */
    PROVENANCE_REPORTED, /* the device says so           */
    PROVENANCE_METERED,  /* a meter says so              */
};

struct reading {
    double value; /* finite whenever `at` is set */
    hb_mono at;   /* unset: never known          */
    enum provenance from;
};

/* An unknown reading; unknown is never zero. */
static inline struct reading reading_none(void)
{
    return (struct reading){.value = NAN};
}

static inline struct reading reading_make(double value, hb_mono at, enum provenance from)
{
    return isfinite(value) ? (struct reading){value, at, from} : reading_none();
}

/* True, with the value in `*value`, if the reading is known and at most `max_age_ms` old. */
HB_MUST_USE static inline bool reading_get(const struct reading *r, hb_mono now, int64_t max_age_ms,
                                           double *value)
{
    if (!mono_is_set(r->at) || mono_age_ms(now, r->at) > max_age_ms) {
        return false;
    }
    *value = r->value;
    return true;
}

/* The value if it is fresh, else NaN; for publishing, where NaN becomes null. */
static inline double reading_or_nan(const struct reading *r, hb_mono now, int64_t max_age_ms)
{
    double value = NAN;
    return reading_get(r, now, max_age_ms, &value) ? value : NAN;
}

/* "modelled", "reported", "metered" or "unknown". */
const char *provenance_name(enum provenance from);

#endif
