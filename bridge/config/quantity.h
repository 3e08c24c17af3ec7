/* A number with a unit, read and written exactly. Pure. */
#ifndef HB_BRIDGE_CONFIG_QUANTITY_H
#define HB_BRIDGE_CONFIG_QUANTITY_H

#include <stdbool.h>
#include <stddef.h>

#include "ground/attr.h"

/* value in the base unit = number * factor + offset; a list ends with a NULL name. The name "" lets
 * a plain number through. */
struct quantity_unit {
    const char *name;
    double factor, offset;
};

extern const struct quantity_unit quantity_temperatures[]; /* base °C; plain, °C, °F  */
extern const struct quantity_unit quantity_powers[];       /* base W; plain, W, kW    */
extern const struct quantity_unit quantity_durations[];    /* base ms; ms, s, min, h, d */

/* Reads "<number> <unit>" (the blank between may be missing) into the base unit. The result is
 * finite. False for any other form, a unit not in the list, or a plain number where none may be. */
HB_MUST_USE bool quantity_read(const char *text, const struct quantity_unit *units, double *value);

/* Splits "<number><rest>"; `*rest` is the unit, blanks taken off. False if no number leads. */
HB_MUST_USE bool quantity_split(const char *text, double *number, size_t *number_len,
                                const char **rest, size_t *rest_len);

/* Writes `value` in the largest unit of the list (from index `from`) that makes it a whole number,
 * else in the first one; "90 s", "1.2 kW". */
void quantity_write(double value, const struct quantity_unit *units, size_t from, char *buf,
                    size_t size);

#endif
