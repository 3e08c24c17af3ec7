/* The best combination of levels that fits a budget of watts: one level per heater, exact to the
 * watt (dynamic programming over watts). Pure.
 */
#ifndef HB_BRIDGE_CONTROL_CIRCUIT_PLAN_H
#define HB_BRIDGE_CONTROL_CIRCUIT_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/limits.h"
#include "ground/attr.h"

enum {
    /* Off, each tier, the present level, and what is asked for. */
    CIRCUIT_OPTIONS = HEATER_TIERS + 3,
    /* Budgets of more watts are counted in larger steps, and costs rounded up to them. */
    CIRCUIT_CELLS = 8192,
};

/* A level that a heater could be told. */
struct circuit_option {
    double level_w;
    double cost_w; /* what it may draw then; not negative. Infinite: never possible */
    double value;  /* how good that is, finite */
};

struct circuit_choice {
    struct circuit_option option[CIRCUIT_OPTIONS];
    size_t count; /* at least 1 */
};

/* Working memory, so that nothing is allocated. */
struct circuit_scratch {
    double best[CIRCUIT_CELLS + 1];
    uint8_t pick[CIRCUIT_HEATERS][CIRCUIT_CELLS + 1];
};

/* Fills `chosen` with one option per choice (at most CIRCUIT_HEATERS), so that the costs stay
 * within `budget_w` and the values sum up to the most; of equal ones, the earlier options. False if
 * nothing fits. */
HB_MUST_USE bool circuit_plan(struct circuit_scratch *scratch, const struct circuit_choice *choices,
                              size_t count, double budget_w, size_t *chosen);

#endif
