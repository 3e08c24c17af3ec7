/* How a heater's writes of a day are spread, pure: its flash memory has so many erases, and a house
 * that spends them before noon is cold in the evening.
 *
 * Small corrections get what the day so far has earned and leave a quarter for what matters; large
 * changes may use all of it; safety is never counted against.
 */
#ifndef HB_DEVICES_BUDGET_H
#define HB_DEVICES_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "bridge/reason.h"

struct budget {
    int32_t per_day; /* of writes that wear the device out; 0: no limit */
    uint32_t used;   /* of them today                                   */
    double day_gone; /* 0 to 1                                          */
};

enum budget_weight {
    BUDGET_SMALL,  /* a correction that can wait                                             */
    BUDGET_LARGE,  /* between off and on, or a good part of its power                        */
    BUDGET_SAFETY, /* off, frost, less for the sake of a limit, less than it draws unordered */
};

/* A write that is wanted. */
struct budget_write {
    double from_w, to_w; /* from_w NaN: not known */
    double max_w;
    enum reason why;
    bool unordered; /* the device went to `from_w` by itself                */
    bool hopeless;  /* it was tried before, more than once, and did not help */
};

enum budget_weight budget_weigh(const struct budget_write *write);
bool budget_allows(const struct budget *budget, enum budget_weight weight);
/* Writes of today that are left, 0 or more; -1: no limit. */
int64_t budget_left(const struct budget *budget);

#endif
